//! A directory as Kubernetes mounts secrets: a directory is a table, a file is a value.

use std::fs::{self, DirEntry};
use std::io;
use std::path::Path;

use super::diagnostic::{Mistake, Report};
use super::location::Location;
use super::place::Origin;
use super::secret_file;
use super::seen::Seen;
use super::tree::{Table, Value};

/// Tables within tables, of which `[auth.<name>.client_kwargs]` has three.
const DEEPEST: usize = 8;
/// Entries of one directory.
const MOST: usize = 4096;

/// What is in the directory, as the table at `path`, which is empty for a whole source.
pub(super) fn read(
    directory: &Location,
    path: &str,
    seen: &mut Seen,
    report: &mut Report,
) -> Table {
    seen.look(directory.path());
    let spot = Origin::whole(directory.to_string());
    let mut table = Table::empty(path, spot);
    if path.split('.').count() > DEEPEST {
        report.error(
            Mistake::new(format!("{directory} lies too deep"))
                .cure("a secret directory holds auth, which holds providers: give its own path"),
        );
        return table;
    }
    match entries(directory.path()) {
        Ok(entries) => {
            for entry in entries {
                insert(directory, &entry, &mut table, seen, report);
            }
        }
        Err(error) => report.error(
            Mistake::new(format!("{directory} cannot be read"))
                .found(error.kind().to_string())
                .cure("let the user that runs the app read it"),
        ),
    }
    table
}

fn insert(
    directory: &Location,
    entry: &DirEntry,
    table: &mut Table,
    seen: &mut Seen,
    report: &mut Report,
) {
    let name = entry.file_name();
    // The kubelet keeps the files themselves in `..data`, and links to them.
    let Some(key) = name.to_str().filter(|name| !name.starts_with('.')) else {
        return;
    };
    let location = directory.join(&name);
    let spot = Origin::whole(location.to_string());
    // What else is mounted there is nobody's business here, whatever it is.
    let is_ours = !table.path().is_empty() || key == "auth";
    let value = if !is_ours {
        Value::untyped(String::new(), spot.clone())
    } else if location.path().is_dir() {
        let inner = read(&location, &table.named(key), seen, report);
        Value::table(inner, spot.clone())
    } else {
        seen.look(location.path());
        // It is the cluster that says who may read a mounted secret.
        match secret_file::read_text(&location) {
            Ok((text, _)) => {
                // Whoever wrote the file with an editor or `echo` has ended its last line.
                let text = text.trim();
                if key == "client_secret" && text.is_empty() {
                    report.warn(no_secret(&location));
                }
                Value::untyped(text.to_owned(), spot.clone())
            }
            Err(mistake) => {
                report.error(*mistake);
                return;
            }
        }
    };
    table.insert(key.to_owned(), spot, value);
}

/// A secret that a cluster has not filled in yet looks like one that is not there.
fn no_secret(location: &Location) -> Mistake {
    Mistake::new(format!("{location} is empty"))
        .found("so the client is a public one, which shows no secret")
        .cure(
            "write the secret into it; where the client is public, take the file away and set \
             client_secret = \"\" in a secrets file",
        )
}

fn entries(directory: &Path) -> io::Result<Vec<DirEntry>> {
    fs::read_dir(directory)?.take(MOST).collect()
}
