//! Settings that stand in variables: those of a process of its own, since a test changes no other.

use std::env;
use std::process::Command;

use keycard::Auth;

use crate::folder::Folder;
use crate::logs::Logs;
use crate::{CANARY, GOOGLE, SHARED, filled_in, fresh_secret, names};

/// Whether this is the process that a test has started, with the variables that it is about.
const CHILD: &str = "KEYCARD_TEST_CHILD";

/// Runs a test once more, in a directory and with variables of its own. Nor does any other test
/// race it there to the line of the log that it is about: `tracing` takes whoever comes first, without
/// somebody who listens, for a reason to keep silent.
fn run_again(test: &str, folder: &Folder, variables: &[(&str, &str)]) {
    let output = Command::new(env::current_exe().unwrap())
        .args(["--exact", test])
        .current_dir(folder.path(""))
        .env("HOME", folder.path("home"))
        .env_remove("PORT")
        .env(CHILD, "1")
        .envs(variables.iter().copied())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        said.contains("1 passed"),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
}

#[test]
fn cfg_35_an_app_starts_with_variables_alone_and_with_a_port_of_theirs() {
    if env::var_os(CHILD).is_none() {
        let (secret, client) = (fresh_secret(), fresh_secret());
        let folder = Folder::new("variables");
        return run_again(
            "environment::cfg_35_an_app_starts_with_variables_alone_and_with_a_port_of_theirs",
            &folder,
            &[
                ("PORT", "3000"),
                (
                    "KEYCARD_AUTH__REDIRECT_URI",
                    "http://localhost:{port}/oauth2callback",
                ),
                ("KEYCARD_AUTH__COOKIE_SECRET", &secret),
                ("KEYCARD_AUTH__GOOGLE__CLIENT_ID", "an-id"),
                ("KEYCARD_AUTH__GOOGLE__CLIENT_SECRET", &client),
                (
                    "KEYCARD_AUTH__GOOGLE__SERVER_METADATA_URL",
                    "https://accounts.google.com/.well-known/openid-configuration",
                ),
            ],
        );
    }
    let logs = Logs::capture();
    let auth = Auth::from_secrets().unwrap();
    assert_eq!(names(&auth), ["google"]);
    assert!(format!("{auth:?}").contains("http://localhost:3000/oauth2callback"));
    let told = logs.everything();
    assert!(told.contains("3000 by the variable PORT"), "{told}");
    assert!(
        told.contains("the variable KEYCARD_AUTH__COOKIE_SECRET (auth.cookie_secret)"),
        "{told}"
    );
    for name in [
        "COOKIE_SECRET",
        "GOOGLE__CLIENT_SECRET",
        "GOOGLE__CLIENT_ID",
    ] {
        let value = env::var(format!("KEYCARD_AUTH__{name}")).unwrap();
        assert!(!told.contains(&value), "{told}");
    }
}

#[test]
fn cfg_35_a_variable_counts_over_the_projects_file_and_is_nothing_to_a_named_one() {
    if env::var_os(CHILD).is_none() {
        let folder = Folder::new("over");
        let (text, _) = filled_in(&format!(
            "{SHARED}{GOOGLE}label = \"${{LABEL:-nobody's}}\"\n"
        ));
        folder.write(".streamlit/secrets.toml", &text);
        return run_again(
            "environment::cfg_35_a_variable_counts_over_the_projects_file_and_is_nothing_to_a_named_one",
            &folder,
            &[
                ("KEYCARD_AUTH__GOOGLE__LABEL", "the variable's"),
                ("LABEL", "the file's"),
            ],
        );
    }
    let label = |auth: Result<Auth, _>| auth.unwrap().providers()[0].label.clone();
    assert_eq!(label(Auth::from_secrets()), "the variable's");
    assert_eq!(
        label(
            Auth::builder()
                .secrets()
                .set("auth.google.label", "code's")
                .build()
        ),
        "the variable's"
    );
    assert_eq!(
        label(Auth::from_file(".streamlit/secrets.toml")),
        "the file's"
    );
}

#[test]
fn the_start_is_one_line_that_tells_what_was_decided_and_no_secret() {
    if env::var_os(CHILD).is_none() {
        let folder = Folder::new("posture-process");
        return run_again(
            "environment::the_start_is_one_line_that_tells_what_was_decided_and_no_secret",
            &folder,
            &[],
        );
    }
    let logs = Logs::capture();
    let folder = Folder::new("posture");
    let google = GOOGLE.replace("\"an-id\"", &format!("\"{CANARY}\""));
    let ca_file = folder.write("ca.pem", include_str!("ca.pem"));
    let ca_file = ca_file.display();
    let (text, secrets) = filled_in(&format!(
        "{SHARED}cookie_secrets_accepted = [\"{{{{older}}}}\"]\nexpiry_days = 7\n\
         allow_http = [\"id.internal:80\"]\n{google}clock_leeway = 300\n\
         ca_file = \"{ca_file}\"\nproxy = \"http://{CANARY}:{{{{oldest}}}}@proxy.internal:3128\"\n"
    ));
    let path = folder.write("secrets.toml", &text);
    Auth::builder()
        .file(&path)
        .set("auth.strict", true)
        .build()
        .unwrap();

    let told = logs.everything();
    let lines: Vec<_> = told
        .lines()
        .filter(|line| line.contains("keycard::"))
        .collect();
    assert_eq!(lines.len(), 1, "{told}");
    let file = path.display();
    for part in [
        "INFO keycard::posture",
        "origin=http://localhost:8501",
        "port=8501 by redirect_uri",
        "cookies=keycard-oa6i42mu",
        "providers=google",
        "clock_leeway=300s",
        "expiry_days=7.0",
        &format!(
            "network=the CA file {ca_file} for google; the proxy proxy.internal:3128 for google"
        ),
        "strict=true",
        "relaxed=http for the app itself; http for id.internal:80; 1 more accepted secrets; \
         another clock_leeway for google",
        "values=.set(\"auth.strict\", …) (auth.strict); ",
        &format!(
            "{file} (auth.allow_http, auth.cookie_secret, auth.cookie_secrets_accepted, \
                  auth.expiry_days, [auth.google], auth.redirect_uri)"
        ),
        "state, nonce and PKCE (S256)",
    ] {
        assert!(lines[0].contains(part), "{part} in {told}");
    }
    assert!(!told.contains(CANARY), "{told}");
    assert!(
        !secrets.iter().any(|secret| told.contains(secret)),
        "{told}"
    );
}

#[test]
fn what_is_relaxed_for_nobody_is_nothing() {
    if env::var_os(CHILD).is_none() {
        let folder = Folder::new("relaxed-process");
        return run_again(
            "environment::what_is_relaxed_for_nobody_is_nothing",
            &folder,
            &[],
        );
    }
    let logs = Logs::capture();
    let (text, _) = filled_in(&format!("{SHARED}{GOOGLE}"));
    let text = text.replace("http://localhost:8501", "https://app.example.com");
    Auth::builder().toml(&text).build().unwrap();
    for part in ["network=the system's ", "relaxed=nothing"] {
        assert!(
            logs.everything().contains(part),
            "{part} in {}",
            logs.everything()
        );
    }
    assert!(
        logs.everything().contains("and Secure"),
        "{}",
        logs.everything()
    );

    logs.clear();
    Auth::builder()
        .toml(&text.replace("https://app.example.com", "http://localhost:8501"))
        .set("auth.cookie_secret", "weak")
        .build()
        .unwrap();
    assert!(
        logs.everything().contains("a weak cookie_secret"),
        "{}",
        logs.everything()
    );
}
