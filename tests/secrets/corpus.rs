//! Every file of the corpus does what `index.md` says of it.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use keycard::Auth;

use crate::folder::Folder;
use crate::{filled_in, fresh_secret, names, without_fresh_secret};

/// The rows of a table of the index: the cells after the name of the file.
fn rows(heading: &str) -> Vec<(String, Vec<String>)> {
    let index = include_str!("index.md");
    let (_, part) = index.split_once(&format!("## {heading}\n")).unwrap();
    let part = part.split("\n## ").next().unwrap();
    let lines = part.lines().filter(|line| line.starts_with("| "));
    lines
        .skip(1)
        .map(|line| {
            let mut cells = line
                .trim_matches('|')
                .split(" | ")
                .map(|cell| cell.trim().to_owned());
            (cells.next().unwrap(), cells.collect())
        })
        .collect()
}

fn directory(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/secrets")
        .join(name)
}

/// The file with fresh secrets in it, in a place of its own, and the secrets. One in another
/// encoding is as it is.
fn fresh(folder: &Folder, kind: &str, name: &str) -> (PathBuf, Vec<String>) {
    let file = format!("{name}.toml");
    let bytes = fs::read(directory(kind).join(&file)).unwrap();
    match std::str::from_utf8(&bytes) {
        Ok(text) => {
            let (text, secrets) = filled_in(text);
            (folder.write(&file, text), secrets)
        }
        Err(_) => (folder.write(&file, &bytes), vec![fresh_secret()]),
    }
}

#[test]
fn the_index_names_every_file_and_no_shape_twice() {
    for (heading, kind, least) in [
        ("Files that load", "loads", 70),
        ("Mistakes", "mistakes", 50),
    ] {
        let rows = rows(heading);
        assert!(rows.len() >= least, "{} {heading}", rows.len());
        let listed: BTreeSet<_> = rows
            .iter()
            .map(|(name, _)| format!("{name}.toml"))
            .collect();
        let there: BTreeSet<_> = fs::read_dir(directory(kind))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        assert_eq!(listed, there, "{heading}");
        let shapes: BTreeSet<_> = rows.iter().map(|(_, cells)| &cells[0]).collect();
        assert_eq!(shapes.len(), rows.len(), "{heading}");
    }
}

#[test]
fn every_file_loads_with_its_providers_and_warnings() {
    let folder = Folder::new("loads");
    for (name, cells) in rows("Files that load") {
        let [_, providers, warnings] = &cells[..] else {
            panic!("{name}: {cells:?}");
        };
        let (path, _) = fresh(&folder, "loads", &name);

        let auth = Auth::from_file(&path).unwrap_or_else(|error| panic!("{name}: {error}"));
        assert_eq!(names(&auth).join(", "), *providers, "{name}");

        let strict = Auth::builder().file(&path).set("auth.strict", true).build();
        let told = match strict {
            Ok(_) => 0,
            Err(error) => error.to_string().matches("\n\n  ").count(),
        };
        assert_eq!(told.to_string(), *warnings, "{name}");
    }
}

#[test]
fn every_mistake_is_told_as_its_snapshot_has_it() {
    let folder = Folder::new("mistakes");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| {
        for (name, _) in rows("Mistakes") {
            let (path, secrets) = fresh(&folder, "mistakes", &name);
            let Err(error) = Auth::from_file(&path) else {
                panic!("{name} loads");
            };
            for shown in [error.to_string(), format!("{error:#}")] {
                assert!(
                    !secrets.iter().any(|secret| shown.contains(secret)),
                    "{shown}"
                );
            }
            let shown = format!("{error:#}").replace(path.to_str().unwrap(), "secrets.toml");
            insta::assert_snapshot!(name, without_fresh_secret(&shown));
        }
    });
}
