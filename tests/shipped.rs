//! What is shipped is nobody's way in.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test that cannot go on panics"
)]

use std::fs;
use std::path::{Path, PathBuf};

use keycard::Auth;

/// Every text file of the repository that somebody might copy a secret from.
fn texts() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.to_owned()];
    let mut texts = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let is_built = matches!(
                name.as_str(),
                ".git" | ".streamlit" | "corpus" | "found" | "node_modules" | "target" | "venv"
            );
            if path.is_dir() && !is_built {
                folders.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                texts.push((path, text));
            }
        }
    }
    texts
}

/// What stands in quotes behind each `cookie_secret`, `cookie_secrets_accepted` and the like.
fn cookie_secrets(text: &str) -> Vec<String> {
    let mut secrets = Vec::new();
    for line in text.lines() {
        let Some((_, after)) = line.split_once("cookie_secret") else {
            continue;
        };
        let Some((_, value)) = after.split_once('=') else {
            continue;
        };
        let value = value.replace("\\\"", "\"");
        let end = match value.trim_start().starts_with('[') {
            true => value.find(']').unwrap_or(value.len()),
            false => value.match_indices('"').nth(1).map_or(0, |(at, _)| at + 1),
        };
        let quoted = value[..end].split('"').skip(1).step_by(2);
        secrets.extend(quoted.map(str::to_owned));
    }
    secrets
}

#[test]
fn leak_15_nothing_that_is_shipped_is_a_cookie_secret_that_counts() {
    let mut tried = 0;
    for (path, text) in texts() {
        for secret in cookie_secrets(&text) {
            let built = Auth::builder()
                .toml("[auth]\nredirect_uri = \"https://app.example.com/oauth2callback\"")
                .set("auth.cookie_secret", secret.as_str())
                .set("auth.client_id", "an-id")
                .set("auth.client_secret", "")
                .set(
                    "auth.server_metadata_url",
                    "https://id.example/.well-known/openid-configuration",
                )
                .build();
            let refused = built.map_or_else(|error| error.to_string(), |_| String::new());
            assert!(
                refused.contains("invalid `auth.cookie_secret`"),
                "{secret:?} of {} counts: {refused}",
                path.display()
            );
            tried += 1;
        }
    }
    assert!(tried > 20, "{tried}");
}
