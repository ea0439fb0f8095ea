//! Where settings are found, in which order they count, and who else may read them.

use std::fs;
use std::path::Path;
use std::process::Command;

use keycard::Auth;

use crate::folder::Folder;
use crate::{CANARY, GOOGLE, SHARED, filled_in, fresh_secret, names, said};

const OKTA: &str = "\
[auth.okta]
client_id = \"an-id\"
client_secret = \"{{client}}\"
server_metadata_url = \"https://okta.example/.well-known/openid-configuration\"
";

fn fill(text: &str) -> String {
    filled_in(text).0
}

/// What is complained about, as `strict` has it.
fn complaints(path: &Path) -> String {
    let strict = Auth::builder().file(path).set("auth.strict", true).build();
    strict.map_or_else(|error| error.to_string(), |_| String::new())
}

#[test]
fn files_are_merged_key_by_key_and_the_later_ones_win() {
    let folder = Folder::new("merged");
    let first = folder.write(
        "user.toml",
        fill(&format!("{SHARED}expiry_days = 99\n{GOOGLE}")),
    );
    let second = folder.write(
        "project.toml",
        fill(&format!(
            "[auth]\nexpiry_days = 7\n{OKTA}[auth.google]\nlabel = \"Ours\"\n"
        )),
    );

    let auth = Auth::builder().file(&first).file(&second).build().unwrap();
    assert_eq!(names(&auth), ["google", "okta"]);
    assert_eq!(auth.providers()[0].label, "Ours");

    // What code says counts most, wherever it stands.
    let refused = Auth::builder()
        .file(&first)
        .file(&second)
        .set("auth.expiry_days", 31)
        .build()
        .unwrap_err();
    assert!(said(&refused).contains("in .set(\"auth.expiry_days\", …): a number"));
    // The other way round the first file wins, and is the one that is named.
    let refused = Auth::builder()
        .file(&second)
        .file(&first)
        .build()
        .unwrap_err();
    let place = format!("invalid `auth.expiry_days` in {}:4:15", first.display());
    assert!(said(&refused).contains(&place), "{refused}");
}

#[test]
fn a_mistake_names_the_file_that_it_stands_in() {
    let folder = Folder::new("named");
    let shared = folder.write("shared.toml", fill(SHARED));
    let broken = GOOGLE.replace("\"an-id\"", "\"\"");
    let google = folder.write("google.toml", fill(&format!("\n\n{broken}")));

    let refused = Auth::builder()
        .file(&shared)
        .file(&google)
        .build()
        .unwrap_err();

    let place = format!(
        "invalid `auth.google.client_id` in {}:4:13",
        google.display()
    );
    assert!(said(&refused).contains(&place), "{refused}");
    assert!(!said(&refused).contains("shared.toml"), "{refused}");
}

/// `auth/…` below `directory`, as volumes of Kubernetes hold secrets.
fn mount(folder: &Folder, directory: &str, values: &[(&str, &str)]) {
    for (name, value) in values {
        folder.write(&format!("{directory}/auth/{name}"), value);
    }
}

#[test]
fn cfg_35_a_secret_directory_holds_tables_and_values() {
    let folder = Folder::new("mounted");
    let secret = fresh_secret();
    mount(
        &folder,
        "secrets",
        &[
            ("redirect_uri", "http://localhost:8501/oauth2callback\n"),
            ("cookie_secret", &format!("{secret}\n")),
            ("expiry_days", "7\n"),
            ("strict", "true"),
            ("google/client_id", "123\n"),
            ("google/client_secret", &fresh_secret()),
            (
                "google/server_metadata_url",
                "https://accounts.google.com/.well-known/openid-configuration",
            ),
            ("google/client_kwargs/scope", "openid groups\n"),
            ("google/client_kwargs/max_age", "3600"),
        ],
    );
    // What the kubelet keeps beside the files, and what others have mounted there.
    folder.write("secrets/auth/google/..2026_01_01/client_id", "old");
    folder.write("secrets/..data", "old");
    folder.write("secrets/tls/key.der", b"\xff\xfe\x00");
    folder.write("secrets/token", b"\xff");

    let auth = Auth::from_file(folder.path("secrets")).unwrap();
    assert_eq!(names(&auth), ["google"]);

    folder.write("secrets/auth/expiry_days", format!("{CANARY}-days"));
    folder.write(
        "secrets/auth/google/client_kwargs/max_age",
        format!("{CANARY}-age"),
    );
    let refused = said(&Auth::from_file(folder.path("secrets")).unwrap_err());
    for (key, file) in [
        ("auth.expiry_days", "auth/expiry_days"),
        (
            "auth.google.client_kwargs.max_age",
            "auth/google/client_kwargs/max_age",
        ),
    ] {
        let place = folder.path("secrets").join(file);
        assert!(
            refused.contains(&format!("invalid `{key}` in {}: ", place.display())),
            "{refused}"
        );
    }
    assert!(!refused.contains(CANARY), "{refused}");
}

#[test]
fn cfg_36_a_client_secret_that_is_mounted_empty_is_one_warning() {
    let folder = Folder::new("unfilled");
    mount(
        &folder,
        "secrets",
        &[
            ("redirect_uri", "http://localhost:8501/oauth2callback"),
            ("cookie_secret", &fresh_secret()),
            ("google/client_id", "123"),
            ("google/client_secret", "\n"),
            (
                "google/server_metadata_url",
                "https://accounts.google.com/.well-known/openid-configuration",
            ),
        ],
    );
    assert!(Auth::from_file(folder.path("secrets")).is_ok());
    let complained = complaints(&folder.path("secrets"));
    let place = folder.path("secrets/auth/google/client_secret");
    let warning = format!(
        "{} is empty: so the client is a public one",
        place.display()
    );
    assert!(complained.contains("one mistake"), "{complained}");
    assert!(complained.contains(&warning), "{complained}");

    folder.write("secrets/auth/google/client_secret", fresh_secret());
    assert_eq!(complaints(&folder.path("secrets")), "");
}

#[cfg(unix)]
#[test]
fn cfg_35_a_secret_directory_may_be_links_as_the_kubelet_makes_them() {
    let folder = Folder::new("linked");
    mount(
        &folder,
        "secrets/..2026_01_01",
        &[
            ("redirect_uri", "http://localhost:8501/oauth2callback"),
            ("cookie_secret", &fresh_secret()),
            ("okta/client_id", "an-id"),
            ("okta/client_secret", ""),
            (
                "okta/server_metadata_url",
                "https://okta.example/.well-known/openid-configuration",
            ),
        ],
    );
    let link = |target: &str, name: &str| {
        std::os::unix::fs::symlink(target, folder.path("secrets").join(name)).unwrap();
    };
    link("..2026_01_01", "..data");
    link("..data/auth", "auth");
    link("nowhere", "gone");

    let auth = Auth::from_file(folder.path("secrets")).unwrap();

    assert_eq!(names(&auth), ["okta"]);
}

#[test]
fn a_directory_without_auth_says_so() {
    let folder = Folder::new("bare");
    folder.write("secrets/token", "x");
    let refused = said(&Auth::from_file(folder.path("secrets")).unwrap_err());
    let place = folder.path("secrets");
    assert!(
        refused.contains(&format!("no [auth] section in {}", place.display())),
        "{refused}"
    );
}

#[cfg(unix)]
#[test]
fn cfg_31_a_file_that_others_can_read_is_one_warning_with_the_line_that_cures_it() {
    let folder = Folder::new("modes");
    let path = folder.write("secrets.toml", fill(&format!("{SHARED}{GOOGLE}")));
    assert_eq!(complaints(&path), "");

    folder.mode("secrets.toml", 0o644);
    let shown = path.display();
    assert_eq!(
        complaints(&path),
        format!(
            "one mistake in the settings of keycard\n\n  \
             others can read {shown}: its mode is 0644\n    chmod 600 {shown}"
        )
    );
    Auth::from_file(&path).unwrap();

    // A link counts as what it leads to, and both are told.
    let link = folder.path("link.toml");
    std::os::unix::fs::symlink(&path, &link).unwrap();
    let target = fs::canonicalize(&path).unwrap();
    let both = format!("others can read {} ({})", link.display(), target.display());
    assert!(complaints(&link).contains(&both), "{}", complaints(&link));
}

#[cfg(unix)]
#[test]
fn cfg_31_what_is_no_file_is_refused_and_never_waited_for() {
    let folder = Folder::new("kinds");
    let pipe = folder.path("pipe.toml");
    assert!(
        Command::new("mkfifo")
            .arg(&pipe)
            .status()
            .unwrap()
            .success()
    );
    for path in [pipe.as_path(), Path::new("/dev/zero")] {
        let refused = said(&Auth::from_file(path).unwrap_err());
        assert!(
            refused.contains(&format!("{} is not a file", path.display())),
            "{refused}"
        );
    }
    let long = folder.write("long.toml", "#".repeat(1024 * 1024 + 1));
    let refused = said(&Auth::from_file(&long).unwrap_err());
    assert!(refused.contains("is over 1 MB"), "{refused}");
    let exact = folder.write("exact.toml", "#".repeat(1024 * 1024));
    let refused = said(&Auth::from_file(&exact).unwrap_err());
    assert!(refused.contains("no [auth] section"), "{refused}");
}

#[test]
fn cfg_32_a_file_below_a_directory_that_is_served_is_one_warning() {
    let folder = Folder::new("served");
    let text = fill(&format!("{SHARED}{GOOGLE}"));
    for (inner, served) in [
        ("static/secrets.toml", true),
        ("public/app/secrets.toml", true),
        ("statics/secrets.toml", false),
    ] {
        let path = folder.write(inner, &text);
        let told = complaints(&path);
        assert_eq!(
            told.contains("may be served to everybody"),
            served,
            "{told}"
        );
        assert_eq!(told.is_empty(), !served, "{told}");
    }
}

#[test]
fn cfg_32_a_file_that_git_tracks_is_one_warning() {
    let folder = Folder::new("tracked");
    let text = fill(&format!("{SHARED}{GOOGLE}"));
    let path = folder.write("app/.streamlit/secrets.toml", &text);
    let other = folder.write(".streamlit/secrets.toml", &text);
    let git = |arguments: &[&str]| {
        let git = Command::new("git")
            .current_dir(folder.path(""))
            .args(arguments)
            .output();
        let output = git.unwrap();
        assert!(output.status.success(), "{output:?}");
    };
    git(&["init", "--quiet"]);
    assert_eq!(complaints(&path), "");

    git(&["add", "app/.streamlit/secrets.toml"]);

    let told = complaints(&path);
    assert!(
        told.contains("app/.streamlit/secrets.toml is tracked by Git"),
        "{told}"
    );
    assert!(told.contains("git rm --cached"), "{told}");
    assert_eq!(
        complaints(&other),
        "",
        "another file whose name is the end of that one's"
    );
}

#[test]
fn a_file_that_is_named_in_code_has_to_be_there() {
    let folder = Folder::new("absent");
    let there = folder.write("there.toml", fill(&format!("{SHARED}{GOOGLE}")));
    let absent = folder.path("absent.toml");
    let refused = Auth::builder()
        .file(&there)
        .file(&absent)
        .build()
        .unwrap_err();
    let place = format!("no secrets file at {}\n", absent.display());
    assert!(said(&refused).contains(&place), "{refused}");
}
