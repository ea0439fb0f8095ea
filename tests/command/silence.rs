//! No subcommand shows a secret that it did not make.

use std::fs;
use std::path::Path;

use crate::folder::Folder;
use crate::key::{fresh_pem, secret_lines};
use crate::run::{Said, fresh_secret, keycard};

/// What stands in values of the corpus that no message may show.
const CANARY: &str = "ca11ary";

#[track_caller]
fn assert_silent(said: &Said, secrets: &[String]) {
    let shown = format!("{}{}", said.out, said.err);
    for secret in secrets.iter().map(String::as_str).chain([CANARY]) {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
}

#[test]
fn a_check_shows_no_secret_of_any_file_of_the_corpus() {
    let folder = Folder::new("silence-check");
    // Some name files below it.
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for kind in ["loads", "mistakes"] {
        let files = root.join("tests/secrets").join(kind);
        for file in fs::read_dir(files).unwrap() {
            let bytes = fs::read(file.unwrap().path()).unwrap();
            let Ok(mut text) = String::from_utf8(bytes) else {
                continue;
            };
            let mut secrets = Vec::new();
            for name in ["{{secret}}", "{{client}}", "{{older}}", "{{oldest}}"] {
                let secret = fresh_secret();
                text = text.replace(name, &secret);
                secrets.push(secret);
            }
            let key = fresh_pem();
            text = text.replace("{{key}}", &key);
            secrets.extend(secret_lines(&key));
            let path = folder.write("secrets.toml", text);
            let path = path.to_str().unwrap();
            for more in [&[][..], &["--json"]] {
                let arguments = [&["check", "--offline", path], more].concat();
                let said = keycard(root, &arguments).run();
                assert_eq!(said.code, i32::from(kind == "mistakes"), "{said:?}");
                assert_silent(&said, &secrets);
            }
        }
    }
}

#[test]
fn no_other_subcommand_shows_what_it_was_told() {
    let folder = Folder::new("silence-others");
    let here = folder.path("");
    let secret = fresh_secret();
    let environment = [
        "AUTH_SECRET",
        "AUTH_GOOGLE_SECRET",
        "AUTH_TRUST_HOST",
        "OAUTH2_PROXY_CLIENT_SECRET",
        "OAUTH2_PROXY_COOKIE_SECRET",
        "OAUTH2_PROXY_REDIRECT_URL",
        "PANEL_COOKIE_SECRET",
        "PANEL_OAUTH_ENCRYPTION",
        "PANEL_OAUTH_SECRET",
    ];
    for arguments in [
        &["import", "auth-js", "--output", "auth-js.toml"][..],
        &["import", "oauth2-proxy", "--output", "oauth2-proxy.toml"],
        &["import", "panel", "--output", "panel.toml"],
        &["init", "--provider", "google", "--client-id", "an-id"],
        &["init"],
        &["schema"],
        &["secret"],
        &["check"],
        &["dev", "--port", "0", "--people", "absent.json"],
        &["dev", "--port", "x"],
    ] {
        let call = keycard(&here, arguments).input(&format!("{secret}\n"));
        let call = environment
            .iter()
            .fold(call, |call, name| call.env(name, &secret));
        assert_silent(&call.run(), std::slice::from_ref(&secret));
    }
}
