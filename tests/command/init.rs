//! `keycard init`.

use std::fs;
use std::process::Command;

use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use keycard::Auth;

use crate::folder::Folder;
use crate::run::{Said, fresh_secret, keycard, snapshot};

const GOOGLE: &[&str] = &["init", "--provider", "google", "--client-id", "an-id"];
const FILE: &str = ".streamlit/secrets.toml";

fn init(folder: &Folder, arguments: &[&str], input: &str) -> Said {
    keycard(&folder.path(""), arguments).input(input).run()
}

fn git(folder: &Folder, arguments: &[&str]) -> bool {
    let mut git = Command::new("git");
    let git = git.args(arguments).current_dir(folder.path(""));
    git.output().unwrap().status.success()
}

#[test]
fn the_file_is_its_owners_alone_and_loads_without_a_warning() {
    let folder = Folder::new("init-google");
    let secret = fresh_secret();
    let said = init(&folder, GOOGLE, &format!("{secret}\n"));
    assert_eq!(said.code, 0, "{said:?}");
    assert!(!format!("{said:?}").contains(&secret), "{said:?}");
    snapshot("init", &said.out);

    let path = folder.path(FILE);
    let text = fs::read_to_string(&path).unwrap();
    let cookie_secret = text
        .lines()
        .find_map(|line| line.strip_prefix("cookie_secret = "))
        .unwrap();
    assert_eq!(cookie_secret.len(), 45);
    snapshot(
        "init_file",
        &text
            .replace(cookie_secret, "<fresh>")
            .replace(&secret, "<secret>"),
    );
    Auth::builder()
        .file(&path)
        .set("auth.strict", true)
        .build()
        .unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(
            fs::metadata(&path).unwrap().permissions().mode() & 0o777,
            0o600
        );
    }
}

#[test]
fn what_no_flag_says_is_asked_for() {
    let folder = Folder::new("init-asked");
    let said = init(
        &folder,
        &["init"],
        "sso\nhttps://sso.example.com/\nan-id\nits-client-secret\n",
    );
    assert_eq!(said.code, 0, "{said:?}");
    snapshot("init_asked", &said.err);
    let text = fs::read_to_string(folder.path(FILE)).unwrap();
    assert!(
        text.contains("\"https://sso.example.com/.well-known/openid-configuration\""),
        "{text}"
    );

    let folder = Folder::new("init-unanswered");
    let said = init(&folder, &["init"], "sso\n");
    assert_eq!(said.code, 1);
    assert!(
        said.err
            .contains("nothing was written: no answer to \"Issuer"),
        "{}",
        said.err
    );
    assert!(!folder.path(".streamlit").exists());
}

#[test]
fn apple_is_asked_for_a_key_in_the_place_of_a_secret() {
    let folder = Folder::new("init-apple");
    let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
    let der = key.to_pkcs8v1().unwrap();
    let text = base64_simd::STANDARD.encode_to_string(der.as_ref());
    let pem = format!("-----BEGIN PRIVATE KEY-----\n{text}\n-----END PRIVATE KEY-----\n");
    fs::write(folder.path("key.p8"), pem).unwrap();
    let uri = "https://app.example.com/oauth2callback";
    let flags = [
        "init",
        "--provider",
        "apple",
        "--client-id",
        "an-id",
        "--redirect-uri",
    ];
    let answers = format!("A1B2C3D4E5\nK1\n{}\n", folder.path("key.p8").display());

    let said = init(&folder, &[&flags[..], &[uri]].concat(), &answers);

    assert_eq!(said.code, 0, "{said:?}");
    let text = fs::read_to_string(folder.path(FILE)).unwrap();
    for line in [
        "team_id = \"A1B2C3D4E5\"\n",
        "key_id = \"K1\"\n",
        "private_key = { file = ",
    ] {
        assert!(text.contains(line), "{text}");
    }
    assert!(!text.contains("client_secret"), "{text}");

    let folder = Folder::new("init-apple-http");
    let said = init(&folder, &flags[..5], &answers);
    assert_eq!(said.code, 1, "{said:?}");
    assert!(said.err.contains("needs an https redirect_uri"), "{said:?}");
}

#[test]
fn a_provider_that_keycard_knows_is_asked_for_what_its_preset_needs() {
    for (provider, answers, written) in [
        ("github", "", "[auth.github]\nclient_id = \"an-id\"\n"),
        (
            "okta",
            "example.okta.com\n",
            "\ndomain = \"example.okta.com\"\n",
        ),
        (
            "keycloak",
            "id.example.com\nstaff\n",
            "\nhost = \"id.example.com\"\nrealm = \"staff\"\n",
        ),
        (
            "entra",
            "contoso.example\n",
            "\ntenant = \"contoso.example\"\n",
        ),
    ] {
        let folder = Folder::new(&format!("init-{provider}"));
        let flags = ["init", "--provider", provider, "--client-id", "an-id"];
        let said = init(&folder, &flags, &format!("{answers}its-client-secret\n"));
        assert_eq!(said.code, 0, "{said:?}");
        let text = fs::read_to_string(folder.path(FILE)).unwrap();
        assert!(text.contains(written), "{text}");
        assert!(!text.contains("server_metadata_url"), "{text}");
    }

    let folder = Folder::new("init-anybody");
    let flags = ["init", "--provider", "entra", "--client-id", "an-id"];
    let said = init(&folder, &flags, "common\nits-client-secret\n");
    assert_eq!(said.code, 1, "{said:?}");
    assert!(
        said.err
            .contains("missing key `auth.entra.allowed_tenants`"),
        "{said:?}"
    );
}

#[test]
fn a_file_that_is_there_stays_as_it_is() {
    let folder = Folder::new("init-twice");
    folder.write(FILE, "mine");
    let said = init(&folder, GOOGLE, "a-client-secret\n");
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(
        said.err.contains("is there already, and stays as it is"),
        "{}",
        said.err
    );
    assert_eq!(fs::read_to_string(folder.path(FILE)).unwrap(), "mine");
}

#[test]
fn what_would_be_warned_about_is_not_written() {
    let folder = Folder::new("init-wrong");
    let http = [
        GOOGLE,
        &["--redirect-uri", "http://app.example.com/oauth2callback"],
    ]
    .concat();
    let unfilled = [
        "init",
        "--provider",
        "google",
        "--public",
        "--client-id",
        "<from the provider>",
    ];
    for arguments in [&http[..], &unfilled] {
        let said = init(&folder, arguments, "a-client-secret\n");
        assert_eq!(said.code, 1, "{said:?}");
        assert!(said.err.contains("nothing was written: "), "{}", said.err);
        assert!(!said.err.contains("a-client-secret"), "{}", said.err);
        assert!(!folder.path(".streamlit").exists());
    }
}

#[test]
fn git_is_told_once_to_leave_the_file_alone() {
    let folder = Folder::new("init-git");
    assert!(git(&folder, &["init", "--quiet"]));
    folder.write(".gitignore", "target");
    let again = || {
        let _ = fs::remove_file(folder.path(FILE));
        init(&folder, GOOGLE, "a-client-secret\n")
            .out
            .contains("added it to .gitignore")
    };
    assert!(again());
    assert!(git(&folder, &["check-ignore", "--quiet", FILE]));
    let ignored = || fs::read_to_string(folder.path(".gitignore")).unwrap();
    assert_eq!(ignored(), "target\n.streamlit/secrets.toml\n");
    assert!(!again());
    // Ignored by another rule.
    folder.write(".gitignore", "/.streamlit/\n");
    assert!(!again());
    assert_eq!(ignored(), "/.streamlit/\n");

    // Not everything there is UTF-8.
    fs::write(folder.path(".gitignore"), b"\xe4\ntarget").unwrap();
    assert!(again());
    let lines = fs::read(folder.path(".gitignore")).unwrap();
    assert_eq!(lines, b"\xe4\ntarget\n.streamlit/secrets.toml\n");
}

#[cfg(unix)]
#[test]
fn nothing_is_written_through_a_link() {
    let folder = Folder::new("init-links");
    folder.write("elsewhere", "");
    for link in [".gitignore", ".streamlit"] {
        std::os::unix::fs::symlink("elsewhere", folder.path(link)).unwrap();
        let said = init(&folder, GOOGLE, "a-client-secret\n");
        assert_eq!(said.code, 1, "{said:?}");
        assert!(
            said.err.contains(&format!("{link} is a link")),
            "{}",
            said.err
        );
        fs::remove_file(folder.path(link)).unwrap();
    }
    assert_eq!(fs::read(folder.path("elsewhere")).unwrap(), b"");
}
