//! The cases of a secrets file that is wrong, and of files that only look wrong.

use keycard::Auth;

use crate::folder::Folder;
use crate::logs::Logs;
use crate::{GOOGLE, SHARED, filled_in, load, names, said};

const PUBLIC: &str = "https://app.example.com";

/// The example with one thing replaced.
fn with(from: &str, to: &str) -> String {
    let text = format!("{SHARED}{GOOGLE}");
    assert!(text.contains(from), "{from}");
    text.replacen(from, to, 1)
}

/// What is said of a text that does not load.
#[track_caller]
fn refused(text: &str) -> String {
    load(text).map(|auth| names(&auth)).unwrap_err()
}

/// What is warned about in a text that loads.
#[track_caller]
fn warned(text: &str) -> Vec<String> {
    let logs = Logs::capture();
    load(text).unwrap();
    logs.complaints()
        .into_iter()
        .map(|line| line.text)
        .collect()
}

#[test]
fn cfg_02_without_an_auth_section_the_app_does_not_start() {
    for text in ["", "# nothing\n", "[connections.db]\nurl = \"x\"\n"] {
        let said = refused(text);
        assert!(
            said.contains("no [auth] section in .toml(…)\n    begin with these lines"),
            "{said}"
        );
    }
    let said = refused(&format!("[auht]\n{GOOGLE}").replace("[auth.", "[auht."));
    assert!(said.contains("rename [auht] to [auth]"), "{said}");
    let said = refused(GOOGLE.replace("[auth.google]", "[google]").as_str());
    assert!(said.contains("rename it to [auth.google]"), "{said}");
}

#[test]
fn cfg_03_a_missing_redirect_uri_is_told_with_an_example() {
    let said = refused(&with(
        "redirect_uri = \"http://localhost:8501/oauth2callback\"\n",
        "",
    ));
    assert!(
        said.contains("missing key `auth.redirect_uri` in .toml(…):1:1"),
        "{said}"
    );
    assert!(
        said.contains("redirect_uri = \"http://localhost:8501/oauth2callback\""),
        "{said}"
    );
}

#[test]
fn cfg_04_a_missing_cookie_secret_is_told_with_a_fresh_one_each_time() {
    let text = with("cookie_secret = \"{{secret}}\"\n", "");
    let fresh = || {
        let (text, _) = filled_in(&text);
        let error = Auth::builder().toml(&text).build().unwrap_err().to_string();
        let (_, fresh) = error.split_once("paste this line: ").unwrap();
        fresh.to_owned()
    };
    let line = fresh();
    assert_ne!(line, fresh());
    // It is none of the weak ones, and the file with it loads.
    let text = text.replacen("[auth]\n", &format!("[auth]\nstrict = true\n{line}\n"), 1);
    load(&text).unwrap();
}

#[test]
fn cfg_05_a_placeholder_or_short_secret_is_refused_where_others_can_come() {
    let short = "a".repeat(31);
    for secret in [
        "",
        "xxx",
        "changeme",
        "secret",
        "your-cookie-secret",
        short.as_str(),
        "<replace with 32 random characters or more>",
        "replace-this-with-a-strong-random-string",
    ] {
        let text = with("{{secret}}", secret);
        assert_eq!(
            warned(&text).len(),
            1,
            "{secret}: on this machine it will do"
        );
        let said = refused(&text.replace("http://localhost:8501", PUBLIC));
        assert!(
            said.contains("invalid `auth.cookie_secret` in .toml(…):3:17: "),
            "{said}"
        );
        assert!(secret.len() < 8 || !said.contains(secret), "{said}");
    }
}

#[test]
fn cfg_06_a_long_secret_that_is_a_pattern_is_refused() {
    for secret in ["a".repeat(64), "12345678".repeat(5), "ab".repeat(20)] {
        let text = with("{{secret}}", &secret).replace("http://localhost:8501", PUBLIC);
        let said = refused(&text);
        assert!(said.contains("a pattern, not a random secret"), "{said}");
    }
}

#[test]
fn cfg_07_a_secret_with_white_space_at_its_ends_is_used_as_it_is_and_warned_about() {
    for text in [
        with("\"{{secret}}\"", "\"{{secret}} \""),
        with("\"{{secret}}\"", "\"\"\"{{secret}}\n\"\"\""),
    ] {
        let told = warned(&text);
        assert_eq!(told.len(), 1, "{told:?}");
        assert!(told[0].contains("`auth.cookie_secret`"), "{told:?}");
        assert!(told[0].contains("white space at an end"), "{told:?}");
    }
}

#[test]
fn cfg_08_a_secret_of_another_type_is_refused_and_not_shown() {
    for (value, kind) in [
        ("12345678901234567", "a number"),
        ("true", "a boolean"),
        ("[\"ca11ary\"]", "an array"),
        ("{ ca11ar = \"ca11ary\" }", "a table"),
        ("1979-05-27", "a date"),
    ] {
        let said = refused(&with("\"{{secret}}\"", value));
        let found = format!("expected a string, found {kind}");
        assert!(said.contains(&found), "{said}");
        assert!(!said.contains(value), "{said}");
    }
}

#[test]
fn cfg_09_no_secret_is_ever_assumed() {
    for text in [
        with("cookie_secret = \"{{secret}}\"\n", ""),
        with("cookie_secret", "secret_of_cookies"),
        with("\"{{secret}}\"", "\"\"").replace("http://localhost:8501", PUBLIC),
    ] {
        assert!(refused(&text).contains("`auth.cookie_secret`"));
    }
    let code = Auth::builder()
        .set("auth.redirect_uri", "http://localhost:8501/oauth2callback")
        .build();
    assert!(said(&code.unwrap_err()).contains("missing key `auth.cookie_secret`"));
}

#[test]
fn cfg_10_parentheses_are_told_at_the_line_of_the_key() {
    let url = "\"https://accounts.google.com/.well-known/openid-configuration\"";
    for value in [
        format!("({url})"),
        format!("( {url} )"),
        format!("(\n    {url}\n)"),
        format!("(\n\n{url},\n)"),
    ] {
        let said = refused(&with(url, &value));
        assert!(
            said.contains("this is not TOML in .toml(…):7:23: a parenthesis"),
            "{said}"
        );
        let cure = "TOML has no parentheses: write server_metadata_url = \"…\" on one line";
        assert!(said.contains(cure), "{said}");
    }
}

#[test]
fn cfg_11_what_stands_there_twice_is_told_with_both_lines() {
    let key = refused(&with(
        "client_id = \"an-id\"\n",
        "client_id = \"an-id\"\nclient_id = \"ca11ary\"\n",
    ));
    assert!(
        key.contains(".toml(…):6:1: it stands there twice (first in .toml(…):5:1)"),
        "{key}"
    );
    let table = refused(&format!("{SHARED}{GOOGLE}[auth]\n"));
    assert!(
        table.contains(".toml(…):8:2: it stands there twice (first in .toml(…):1:2)"),
        "{table}"
    );
    let dotted = refused(&format!("auth.google.client_id = \"an-id\"\n{SHARED}"));
    assert!(
        dotted.contains(".toml(…):2:2: it stands there twice (first in .toml(…):1:1)"),
        "{dotted}"
    );
    // All of them at once.
    let both = refused(&format!("{SHARED}{SHARED}{GOOGLE}{GOOGLE}"));
    assert!(both.starts_with("2 mistakes"), "{both}");
    // A list of tables repeats by its nature.
    let list = format!("[[a]]\nb = 1\n[[a]]\nb = 1\n{SHARED}{GOOGLE}");
    load(&list).unwrap();
    let said = refused(&format!("{list}x = (1)\n"));
    assert!(said.starts_with("one mistake"), "{said}");
}

#[test]
fn cfg_12_sections_stand_in_any_order() {
    load(&format!("{GOOGLE}{SHARED}")).unwrap();
    load(&format!(
        "[auth.google.client_kwargs]\nprompt = \"login\"\n{GOOGLE}{SHARED}"
    ))
    .unwrap();
}

#[test]
fn cfg_13_a_byte_order_mark_is_nothing_and_utf_16_is_told() {
    let folder = Folder::new("encodings");
    let (text, _) = filled_in(&format!("{SHARED}{GOOGLE}"));
    let marked = folder.write("marked.toml", format!("\u{feff}{text}"));
    Auth::from_file(&marked).unwrap();
    for (name, bytes) in [
        (
            "little.toml",
            format!("\u{feff}{text}")
                .encode_utf16()
                .flat_map(u16::to_le_bytes)
                .collect::<Vec<_>>(),
        ),
        (
            "big.toml",
            format!("\u{feff}{text}")
                .encode_utf16()
                .flat_map(u16::to_be_bytes)
                .collect(),
        ),
    ] {
        let path = folder.write(name, bytes);
        let said = said(&Auth::from_file(&path).unwrap_err());
        assert!(
            said.contains(&format!("{} is not UTF-8: it is UTF-16", path.display())),
            "{said}"
        );
    }
    // A place behind the mark is that of the text.
    let broken = folder.write("broken.toml", "\u{feff}a = “x”\n");
    assert!(said(&Auth::from_file(&broken).unwrap_err()).contains("broken.toml:1:5: U+201C"));
}

#[test]
fn cfg_14_line_ends_spaces_and_quotes_of_other_kinds() {
    let text = format!("{SHARED}{GOOGLE}");
    load(&text.replace('\n', "\r\n")).unwrap();
    let said = refused(&text.replace('\n', "\r"));
    assert!(
        said.contains("U+000D, a line end of another kind"),
        "{said}"
    );
    for (c, name) in [
        ('\u{a0}', "U+00A0, a space"),
        ('\u{3000}', "U+3000, a space"),
        ('\u{200b}', "U+200B, a space"),
        ('\u{201c}', "U+201C, a quote"),
        ('\u{2019}', "U+2019, a quote"),
        ('`', "U+0060, a quote"),
    ] {
        let said = refused(&with("client_id = ", &format!("client_id = {c}")));
        assert!(
            said.contains(&format!("in .toml(…):5:13: {name} of another kind")),
            "{said}"
        );
    }
    // In a string or a remark they are nobody's business.
    load(&with("an-id\"", "an\u{a0}“id”\" # “remark”")).unwrap();
    // Each line with one is told.
    let said = refused(&text.replace('"', "\u{201d}"));
    assert!(said.starts_with("5 mistakes"), "{said}");
}

#[test]
fn cfg_15_control_characters_are_refused_raw_and_escaped() {
    for raw in ['\0', '\u{7}', '\u{1b}', '\u{7f}'] {
        let said = refused(&with("an-id", &format!("an{raw}id")));
        assert!(
            said.contains(&format!("U+{:04X}, a control character", u32::from(raw))),
            "{said}"
        );
        assert!(!said.contains(raw), "{said:?}");
    }
    for (key, place) in [
        ("an-id", "client_id` in .toml(…):5:13"),
        ("{{secret}}", "cookie_secret` in .toml(…):3:17"),
    ] {
        let said = refused(&with(key, "ca11ary\\u0000"));
        assert!(
            said.contains(&format!("{place}: it has U+0000, a control character")),
            "{said}"
        );
    }
}

#[test]
fn cfg_16_a_misspelt_key_that_is_needed_is_an_error_and_any_other_a_warning() {
    for (right, wrong) in [
        ("client_id", "client_ids"),
        ("redirect_uri", "redirect_url"),
        ("cookie_secret", "cookie-secret"),
        ("client_secret", "clientSecret"),
        ("server_metadata_url", "server_metadata_uri"),
    ] {
        let said = refused(&with(right, wrong));
        assert!(said.starts_with("one mistake"), "{said}");
        assert!(
            said.contains(&format!("{wrong}` is not a key\n    rename it to {right}")),
            "{said}"
        );
    }
    let told = warned(&format!("{SHARED}{GOOGLE}lable = \"x\"\n"));
    assert!(
        told.len() == 1 && told[0].contains("did you mean label?"),
        "{told:?}"
    );
    let told = warned(&format!("{SHARED}{GOOGLE}favourite = \"x\"\n"));
    assert!(
        told.len() == 1 && told[0].contains("keycard does nothing with it"),
        "{told:?}"
    );
}

#[test]
fn cfg_17_a_key_in_the_wrong_table_is_told_the_right_one() {
    let swallowed = format!(
        "{}{GOOGLE}cookie_secret = \"{{{{secret}}}}\"\n",
        SHARED.replace("cookie_secret = \"{{secret}}\"\n", "")
    );
    let said = refused(&swallowed);
    let expected = "missing key `auth.cookie_secret` in .toml(…):7:1: it stands in [auth.google]\n    \
                    a key belongs to the last [section] above it: move the line, below [auth]";
    assert!(said.contains(expected), "{said}");

    let stray = format!(
        "{SHARED}client_id = \"an-id\"\n{}",
        GOOGLE.replace("client_id = \"an-id\"\n", "")
    );
    let said = refused(&stray);
    assert!(said.starts_with("one mistake"), "{said}");
    let expected = "missing key `auth.google.client_id` in .toml(…):4:1: it stands in [auth]";
    assert!(said.contains(expected), "{said}");

    let told = warned(&format!("{SHARED}{GOOGLE}expiry_days = 7\n"));
    assert!(
        told.len() == 1 && told[0].contains("move it to [auth]"),
        "{told:?}"
    );
    let told = warned(&format!("{SHARED}{GOOGLE}prompt = \"login\"\n"));
    assert!(
        told.len() == 1 && told[0].contains("move it to [auth.google.client_kwargs]"),
        "{told:?}"
    );
    let told = warned(&format!(
        "{SHARED}{GOOGLE}[auth.google.client_kwargs]\ncookie_secret = \"ca11ary\"\n"
    ));
    assert!(
        told.len() == 1 && told[0].contains("move it to [auth]"),
        "{told:?}"
    );
    let told = warned(&format!(
        "{SHARED}{GOOGLE}\n{}",
        GOOGLE.replace("auth.google", "okta")
    ));
    assert!(
        told.len() == 1 && told[0].contains("rename [okta] to [auth.okta]"),
        "{told:?}"
    );
}

#[test]
fn cfg_18_everything_that_a_section_lacks_is_told_at_once() {
    let said = refused(&format!("{SHARED}[auth.home]\nclient_id = \"an-id\"\n"));
    assert!(said.starts_with("2 mistakes"), "{said}");
    for key in ["client_secret", "server_metadata_url"] {
        assert!(
            said.contains(&format!("missing key `auth.home.{key}` in .toml(…):4:1")),
            "{said}"
        );
    }
}

#[test]
fn cfg_19_names_that_are_paths_or_keys_of_ours_are_no_providers() {
    for name in ["login", "logout"] {
        let said = refused(&with("[auth.google]", &format!("[auth.{name}]")));
        assert!(
            said.contains(&format!("`auth.{name}` cannot be a provider")),
            "{said}"
        );
    }
    // The unnamed one may have a section, and be called by the name of the callback for all we care.
    for name in ["default", "oauth2callback"] {
        assert_eq!(
            names(&load(&with("[auth.google]", &format!("[auth.{name}]"))).unwrap()),
            [name]
        );
    }
    // A key of ours cannot be a table.
    let said = refused(&format!(
        "{SHARED}{GOOGLE}{}",
        GOOGLE.replace("google]", "expiry_days]")
    ));
    assert!(said.contains("invalid `auth.expiry_days`"), "{said}");
}

#[test]
fn cfg_20_one_rule_for_names() {
    let long = "a".repeat(64);
    for name in [
        "a_b",
        "my provider",
        "emoji 🦀",
        "a.b",
        "Google",
        long.as_str(),
    ] {
        let auth = load(&with("[auth.google]", &format!("[auth.\"{name}\"]"))).unwrap();
        assert_eq!(names(&auth), [name]);
    }
    let longer = "a".repeat(65);
    for name in [
        "",
        "a/b",
        "../x",
        "g%6fogle",
        "a?b",
        "a#b",
        "a\\u0000b",
        "a\\nb",
        longer.as_str(),
    ] {
        let said = refused(&with("[auth.google]", &format!("[auth.\"{name}\"]")));
        assert!(said.contains("cannot be a provider"), "{said}");
    }
    let both = format!(
        "{SHARED}{GOOGLE}{}",
        GOOGLE.replace("[auth.google]", "[auth.Google]")
    );
    assert_eq!(names(&load(&both).unwrap()), ["Google", "google"]);
}

#[test]
fn cfg_21_http_is_for_this_machine_and_for_hosts_that_are_named() {
    let google = "https://accounts.google.com";
    for host in [
        "http://id.example",
        "http://localhost.evil.example",
        "http://127.0.0.1.evil.example",
        "http://127.0.0.2",
        "http://localhost.",
    ] {
        let said = refused(&with(google, host));
        assert!(
            said.contains("http is only for the machine itself"),
            "{said}"
        );
    }
    let said = refused(&with(google, "http://[::1]@evil.example"));
    assert!(said.contains("it has a user or a fragment"), "{said}");
    for host in [
        "http://localhost:9000",
        "http://127.0.0.1",
        "http://[::1]:9000",
    ] {
        load(&with(google, host)).unwrap();
    }
    let named = with(google, "http://id.internal:8080");
    let named = named.replacen(
        "[auth]\n",
        "[auth]\nallow_http = [\"id.internal:8080\"]\n",
        1,
    );
    load(&named).unwrap();
    refused(&named.replace("id.internal:8080/", "id.internal:8081/"));
}

#[test]
fn cfg_23_a_metadata_address_is_whole_and_names_nobody() {
    let google = "https://accounts.google.com/.well-known/openid-configuration";
    for (url, said) in [
        (
            "https://u:ca11ary@id.example/.well-known/openid-configuration",
            "it has a user or a fragment",
        ),
        (
            "https://id.example/.well-known/openid-configuration#a",
            "it has a user or a fragment",
        ),
        (
            "https://id.example",
            "write \"https://id.example/.well-known/openid-configuration\"",
        ),
        (
            "https://id.example/realms/a/",
            "write \"https://id.example/realms/a/.well-known/openid-configuration\"",
        ),
        (
            "https://id.example/{tenant}/.well-known/openid-configuration",
            "a part of it is not filled in",
        ),
        (
            "https://<account>.example/.well-known/openid-configuration",
            "a part of it is not filled in",
        ),
        (
            " https://id.example/.well-known/openid-configuration",
            "it has white space",
        ),
    ] {
        let told = refused(&with(google, url));
        assert!(told.contains(said), "{told}");
    }
}

#[test]
fn cfg_27_a_redirect_uri_that_cannot_work_is_refused() {
    let uri = "http://localhost:8501/oauth2callback";
    for (wrong, said) in [
        ("/oauth2callback", "it is not a URL"),
        (
            "localhost:8501/oauth2callback",
            "it is neither http nor https",
        ),
        (
            "https://app.example.com/oauth2callback#a",
            "more than scheme, host, port and path",
        ),
        (
            "https://*.example.com/oauth2callback",
            "nobody opens an app by that host or port",
        ),
        (
            "https://app.example.com./oauth2callback",
            "nobody opens an app by that host or port",
        ),
        (
            "https://app.example.com:0/oauth2callback",
            "nobody opens an app by that host or port",
        ),
        (
            "https://app.example.com/",
            "write \"https://app.example.com/oauth2callback\"",
        ),
        (
            "https://app.example.com/a/oauth2callback/",
            "write \"https://app.example.com/a/oauth2callback\"",
        ),
        (
            "http://app.example.com/oauth2callback",
            "http is only for the machine itself",
        ),
        (
            "https://<host>/oauth2callback",
            "a part of it is not filled in",
        ),
        (
            "https://app.example.com/oauth2callback ",
            "it has white space",
        ),
    ] {
        let told = refused(&with(uri, wrong));
        assert!(
            told.contains("invalid `auth.redirect_uri` in .toml(…):2:16: "),
            "{told}"
        );
        assert!(told.contains(said), "{told}");
    }
    load(&with(uri, "http://localhost:{port}/oauth2callback")).unwrap();
    // Browsers know a host of other letters by another name.
    let told = warned(&with(uri, "https://bücher.example/oauth2callback"));
    let punycode = "write \"https://xn--bcher-kva.example/oauth2callback\"";
    assert!(told.len() == 1 && told[0].contains(punycode), "{told:?}");
}

#[test]
fn cfg_28_what_stands_before_the_callback_is_the_base_path() {
    for uri in [
        "https://app.example.com/app/oauth2callback",
        "https://app.example.com/a/b-c/oauth2callback",
    ] {
        load(&with("http://localhost:8501/oauth2callback", uri)).unwrap();
    }
    let said = refused(&with(
        "http://localhost:8501/",
        "https://app.example.com//a/",
    ));
    assert!(said.contains("an empty part in its path"), "{said}");
}

#[test]
fn cfg_29_scope_has_openid_as_a_string_or_a_list() {
    let kwargs = |value: &str| format!("{SHARED}{GOOGLE}client_kwargs = {{ {value} }}\n");
    for scope in [
        "\"openid\"",
        "\"email openid\"",
        "[\"openid\", \"email\"]",
        "[\"openid email\"]",
    ] {
        load(&kwargs(&format!("scope = {scope}"))).unwrap();
    }
    for scope in ["\"\"", "\"email\"", "[]", "\"openid,email\"", "\"OpenID\""] {
        let said = refused(&kwargs(&format!("scope = {scope}")));
        assert!(
            said.contains("write scope = \"openid profile email\""),
            "{said}"
        );
    }
    load(&kwargs("prompt = \"whatever the provider knows\"")).unwrap();
}

#[test]
fn cfg_30_one_issuer_is_one_address() {
    let again = GOOGLE.replace("google]", "partners]");
    let two = load(&format!("{SHARED}{GOOGLE}{again}")).unwrap();
    assert_eq!(names(&two), ["google", "partners"]);
    let other = again.replace("accounts.google.com", "id.example");
    let said = refused(&format!(
        "{SHARED}{GOOGLE}{other}issuer = \"https://accounts.google.com/\"\n"
    ));
    assert!(
        said.contains("`auth.google` and `auth.partners` have one issuer"),
        "{said}"
    );
}
