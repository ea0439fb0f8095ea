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

/// A text of the repository.
fn read(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join(name)).unwrap()
}

/// The packages of the lock file, each with what it depends on.
fn locked() -> Vec<(String, Vec<String>)> {
    let quoted = |line: &str| Some(line.split('"').nth(1)?.split(' ').next()?.to_owned());
    let package = |text: &str| {
        let name = text.lines().find(|line| line.starts_with("name = "));
        let dependencies = text.lines().filter(|line| line.starts_with(" \""));
        Some((quoted(name?)?, dependencies.filter_map(quoted).collect()))
    };
    let lock = read("Cargo.lock");
    let packages = lock.split("[[package]]").skip(1);
    packages.map(|text| package(text).unwrap()).collect()
}

#[test]
fn leak_16_tls_is_rustls_and_rsa_is_there_for_openidconnect_alone() {
    let packages = locked();
    let users = |wanted: &str| {
        let uses = |(_, dependencies): &&(String, Vec<String>)| {
            dependencies.iter().any(|name| name == wanted)
        };
        let users = packages.iter().filter(uses);
        users.map(|(name, _)| name.as_str()).collect::<Vec<_>>()
    };
    assert!(
        users("rustls").contains(&"reqwest"),
        "the lock file is read"
    );

    for banned in ["native-tls", "openssl", "openssl-sys"] {
        let is_there = packages.iter().any(|(name, _)| name == banned);
        assert!(!is_there, "{banned}, for {:?}", users(banned));
    }
    assert_eq!(users("rsa"), ["openidconnect"]);
}

#[test]
fn leak_16_our_code_is_safe_and_leaves_signatures_to_aws_lc() {
    assert!(read("Cargo.toml").contains("\nunsafe_code = \"forbid\"\n"));
    let sources: Vec<_> = texts()
        .into_iter()
        .filter(|(path, _)| path.starts_with(Path::new(env!("CARGO_MANIFEST_DIR")).join("src")))
        .collect();
    assert!(sources.len() > 50, "{}", sources.len());
    for (path, text) in sources {
        // What of openidconnect calls rsa; no code of ours can, for it is no dependency of keycard's.
        for word in [
            "unsafe ",
            "CoreJsonWebKey",
            "RsaPrivateSigningKey",
            "id_token_verifier",
        ] {
            assert!(!text.contains(word), "{word:?} in {}", path.display());
        }
    }
}

#[test]
fn leak_16_one_advisory_is_ignored_with_a_date_and_a_reason() {
    let deny = read("deny.toml");
    let (_, ignored) = deny.split_once("\nignore = [\n").unwrap();
    let (ignored, _) = ignored.split_once("\n]").unwrap();
    let entries: Vec<_> = ignored.lines().collect();
    let [only] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    let (id, reason) = only.split_once("\", reason = \"").unwrap();
    assert_eq!(id.trim(), "{ id = \"RUSTSEC-2023-0071");
    let (date, reason) = reason.split_once(": ").unwrap();
    let is_date = |text: &str| {
        let parts = text.split('-').map(|part| part.parse().ok());
        matches!(
            parts.collect::<Vec<Option<u16>>>()[..],
            [Some(2026..=2099), Some(1..=12), Some(1..=31)]
        )
    };
    assert!(is_date(date), "{date}");
    assert!(reason.contains("never called"), "{reason}");
}
