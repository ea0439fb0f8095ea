//! The secrets file: where it is found, what it holds, and every mistake with its place and cure.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    dead_code,
    reason = "a test that cannot go on panics, and nothing outside reaches one"
)]

mod corpus;
mod docs;
mod environment;
mod folder;
mod found;
mod key;
#[path = "../integration/support/logs.rs"]
mod logs;
mod mistakes;
mod providers;
mod spelling;

use keycard::{Auth, ConfigError};
use rand::{TryRng, rngs::SysRng};

/// What stands in a value that no message may show.
const CANARY: &str = "ca11ary";

const SHARED: &str = "\
[auth]
redirect_uri = \"http://localhost:8501/oauth2callback\"
cookie_secret = \"{{secret}}\"
";

const GOOGLE: &str = "\
[auth.google]
client_id = \"an-id\"
client_secret = \"{{client}}\"
server_metadata_url = \"https://accounts.google.com/.well-known/openid-configuration\"
";

fn fresh_secret() -> String {
    let mut bytes = [0_u8; 32];
    SysRng.try_fill_bytes(&mut bytes).unwrap();
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// The text with a fresh secret for each `{{…}}`, and the secrets.
fn filled_in(text: &str) -> (String, Vec<String>) {
    let mut text = text.to_owned();
    let mut secrets = Vec::new();
    for name in ["{{secret}}", "{{client}}", "{{older}}", "{{oldest}}"] {
        let secret = fresh_secret();
        text = text.replace(name, &secret);
        secrets.push(secret);
    }
    let key = key::fresh_pem();
    if text.contains("{{key}}") {
        text = text.replace("{{key}}", &key);
        secrets.extend(key::secret_lines(&key));
    }
    (text, secrets)
}

/// What becomes of a text, and that nothing of its secrets is said of it.
fn load(text: &str) -> Result<Auth, String> {
    let (text, secrets) = filled_in(text);
    let built = Auth::builder().toml(&text).build();
    built.map_err(|error| {
        for shown in [
            error.to_string(),
            format!("{error:#}"),
            format!("{error:?}"),
        ] {
            assert!(!shown.contains(CANARY), "{shown}");
            assert!(
                !secrets.iter().any(|secret| shown.contains(secret)),
                "{shown}"
            );
        }
        without_fresh_secret(&error.to_string())
    })
}

/// The message with the secret that it offers taken out.
fn without_fresh_secret(said: &str) -> String {
    let before = "cookie_secret = \"";
    let mut parts = said.split(before);
    let head = parts.next().unwrap_or_default().to_owned();
    parts.fold(head, |shown, part| {
        let (fresh, tail) = part.split_once('"').unwrap();
        if fresh == "…" {
            return format!("{shown}{before}{part}");
        }
        assert!(fresh.len() >= 43, "{said}");
        format!("{shown}{before}<fresh>\"{tail}")
    })
}

fn names(auth: &Auth) -> Vec<String> {
    auth.providers().into_iter().map(|it| it.name).collect()
}

fn said(error: &ConfigError) -> String {
    without_fresh_secret(&error.to_string())
}
