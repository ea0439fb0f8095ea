//! docs/features.md leads to what it names: each file is there, with the test, the heading or the words.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]

use std::fs;
use std::path::{Path, PathBuf};

const DOCS: &str = include_str!("../docs/features.md");

/// What a row says, where it leads to, and its number.
struct Row {
    what: &'static str,
    links: Vec<Link>,
    number: &'static str,
}

struct Link {
    text: &'static str,
    path: &'static str,
}

fn rows() -> Vec<Row> {
    let lines = DOCS.lines().filter(|line| line.starts_with("| "));
    let rows = lines.filter(|line| !line.starts_with("| what |"));
    rows.map(|line| {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [what, links, number] = cells[..] else {
            panic!("{line}");
        };
        let links = links.split('[').skip(1).map(|link| {
            let (text, rest) = link.split_once("](").unwrap();
            let path = rest.split_once(')').unwrap().0;
            Link { text, path }
        });
        Row {
            what,
            links: links.collect(),
            number,
        }
    })
    .collect()
}

/// A heading as links to it are written.
fn anchor(heading: &str) -> String {
    let letters = heading.chars().filter_map(|c| match c {
        ' ' | '-' => Some('-'),
        c if c.is_alphanumeric() || c == '_' => Some(c.to_ascii_lowercase()),
        _ => None,
    });
    letters.collect()
}

fn at(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("docs")
        .join(path)
}

/// Whether a file has a test of this name.
fn is_test(text: &str, name: &str) -> bool {
    let lines: Vec<_> = text.lines().collect();
    let function = format!("fn {name}(");
    let Some(line) = lines.iter().position(|line| line.contains(&function)) else {
        return false;
    };
    let attributes = lines[..line]
        .iter()
        .rev()
        .take_while(|line| line.starts_with("#["));
    attributes.into_iter().any(|line| line.contains("test"))
}

impl Link {
    /// What the file has to hold for the link to be true; `None` where there is no such file.
    fn is_true(&self) -> Option<bool> {
        let (path, heading) = self.path.split_once('#').unwrap_or((self.path, ""));
        let text = fs::read_to_string(at(path)).ok()?;
        let name = self.text.trim_matches('`');
        Some(match path {
            path if path.ends_with(".md") => {
                let mut headings = text.lines().filter(|line| line.starts_with('#'));
                let is_it = |line: &str| anchor(line.trim_start_matches(['#', ' '])) == heading;
                heading.is_empty() || headings.any(is_it)
            }
            path if path.ends_with(".test.js") => text
                .lines()
                .any(|line| line.trim_start().starts_with("test(") && line.contains(name)),
            path if path.contains("/examples/") && !path.contains("/tests/") => {
                path.ends_with(&format!("/{name}.rs"))
            }
            _ => is_test(&text, name),
        })
    }
}

#[test]
fn every_link_of_the_features_leads_to_what_it_names() {
    for Row { links, number, .. } in rows() {
        for link in links {
            assert_eq!(
                link.is_true(),
                Some(true),
                "{number}: {} in {}",
                link.text,
                link.path
            );
        }
    }
}

#[test]
fn no_feature_is_left_out_and_what_leads_nowhere_says_that_it_is_not_there() {
    let all = [('S', 20), ('P', 14), ('D', 4), ('X', 19)];
    let expected = all
        .iter()
        .flat_map(|(letter, last)| (1..=*last).map(move |number| format!("{letter}{number}")));
    let rows = rows();
    let numbers: Vec<_> = rows.iter().map(|row| row.number.to_owned()).collect();
    assert_eq!(numbers, expected.collect::<Vec<_>>());
    for Row {
        what,
        links,
        number,
    } in rows
    {
        let is_said = what.contains("not yet") || what.contains("for later");
        assert!(!links.is_empty() || is_said, "{number}: {what}");
    }
}

#[test]
fn a_link_to_what_is_not_there_is_noticed() {
    for (text, path, is_true) in [
        (
            "`cfg_20_one_rule_for_names`",
            "../tests/secrets/mistakes.rs",
            Some(true),
        ),
        (
            "`cfg_20_one_rule_for_name`",
            "../tests/secrets/mistakes.rs",
            Some(false),
        ),
        (
            "`cfg_20_one_rule_for_names`",
            "../tests/secrets/mistake.rs",
            None,
        ),
        (
            "`loads`",
            "../tests/integration/presets/docs.rs",
            Some(false),
        ),
        ("deploy", "deploy.md#under-a-path", Some(true)),
        ("deploy", "deploy.md#under-no-path", Some(false)),
        ("quickstart", "../examples/quickstart.rs", Some(true)),
        ("quick", "../examples/quickstart.rs", Some(false)),
        (
            "ten tabs restored at once",
            "../tests/interop/tabs.test.js",
            Some(true),
        ),
        ("eleven tabs", "../tests/interop/tabs.test.js", Some(false)),
    ] {
        assert_eq!(Link { text, path }.is_true(), is_true, "{text} in {path}");
    }
}
