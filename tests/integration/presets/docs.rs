//! What docs/providers.md has for pasting is good as it stands, and each provider there is tried here.

use std::path::Path;

use keycard::Auth;

use super::providers::TENANT;
use crate::support::{Logs, TestKey, fresh_secret, shared};

const DOCS: &str = include_str!("../../../docs/providers.md");

/// Each section of a provider, with the name of its part of the docs.
fn parts() -> impl Iterator<Item = (&'static str, &'static str)> {
    DOCS.split("\n## ")
        .skip(1)
        .map(|part| part.split_once('\n').unwrap())
}

fn blocks(text: &str) -> impl Iterator<Item = &str> {
    let blocks = text.split("```toml\n").skip(1);
    blocks.map(|block| block.split("```").next().unwrap())
}

/// The path of a file with a key of the kind that signs client secrets.
fn key_file() -> String {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs.p8");
    std::fs::write(&path, &TestKey::new("ES256").private_texts()[0]).unwrap();
    path.display().to_string()
}

/// With something in the place of each `<…>`.
fn filled_in(block: &str) -> String {
    let mut filled = String::new();
    let mut rest = block;
    while let Some((before, after)) = rest.split_once('<') {
        let (what, behind) = after.split_once('>').unwrap();
        filled.push_str(before);
        filled.push_str(&match what {
            what if what.contains("tenant") => TENANT.to_owned(),
            what if what.contains("random") => fresh_secret(),
            what if what.contains(".p8") => key_file(),
            _ => "filled-in".to_owned(),
        });
        rest = behind;
    }
    filled + rest
}

/// With the lines that are only there as comments.
fn with_comments(block: &str) -> String {
    block.replace("\n# ", "\n")
}

#[track_caller]
fn loads(name: &str, block: &str) {
    let logs = Logs::capture();
    let text = match block.contains("[auth]\n") {
        true => block.to_owned(),
        false => shared(&fresh_secret(), "strict = false") + block,
    };
    let built = Auth::builder().toml(&text).build();
    assert!(built.is_ok(), "{name}: {:#}\n{text}", built.err().unwrap());
    let complaints = logs.complaints();
    assert!(complaints.is_empty(), "{name}: {complaints:?}\n{text}");
}

#[test]
fn every_section_of_the_docs_loads_as_it_is_with_its_comments_and_all() {
    let mut count = 0;
    for (name, text) in parts() {
        for block in blocks(text) {
            let block = filled_in(block);
            loads(name, &block);
            loads(name, &with_comments(&block));
            count += 1;
        }
    }
    assert!(count > 19, "{count}");
    for block in blocks(DOCS.split("\n## ").next().unwrap()) {
        loads("the first", &filled_in(block));
    }
}

#[test]
fn every_provider_of_the_docs_logs_in_here() {
    for (name, _) in parts() {
        let snapshot = format!("tests/integration/presets/snapshots/{name}.snap");
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(snapshot);
        assert!(path.is_file(), "{name} is not logged in with");
    }
}
