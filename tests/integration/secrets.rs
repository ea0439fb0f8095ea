//! The secrets file: what loads as it is, and every mistake with its place and its cure.

use std::fs;
use std::path::PathBuf;

use http::StatusCode;
use keycard::Auth;
use serde_json::{Value, json};

use crate::support::{
    Browser, Logs, SITE, World, app, fresh_secret, groups, provider, relative, who,
};

const SHARED: &str = "\
[auth]
redirect_uri = \"http://localhost:8501/oauth2callback\"
cookie_secret = \"@\"
";

const GOOGLE: &str = "\
[auth.google]
client_id = \"id\"
client_secret = \"ca11ary-client\"
server_metadata_url = \"https://accounts.google.com/.well-known/openid-configuration\"
";

/// What a builder is given; `@` stands for a good cookie secret.
fn build(text: &str) -> Result<Auth, String> {
    let secret = fresh_secret();
    let text = text.replace('@', &secret);
    let refused = |error: keycard::ConfigError| {
        let said = error.to_string();
        for shown in [format!("{error:?}"), format!("{error:#}")] {
            assert!(!shown.contains(&secret), "{shown}");
            assert!(
                !shown.contains("ca11ary"),
                "no value is ever shown: {shown}"
            );
        }
        assert!(!said.contains(&secret), "{said}");
        assert!(!said.contains("ca11ary"), "no value is ever shown: {said}");
        without_fresh_secret(&said)
    };
    Auth::builder().toml(&text).build().map_err(refused)
}

/// The message with the secret that it offers taken out, after that has been put to the test.
fn without_fresh_secret(said: &str) -> String {
    let before = "cookie_secret = \"";
    let Some((head, rest)) = said.split_once(before) else {
        return said.to_owned();
    };
    let (fresh, tail) = rest.split_once('"').unwrap();
    if fresh == "…" {
        return said.to_owned();
    }
    let text = format!("{SHARED}{GOOGLE}").replace('@', fresh);
    let logs = Logs::capture();
    Auth::builder().toml(&text).build().unwrap();
    assert!(logs.complaints().is_empty(), "{:?}", logs.complaints());
    format!("{head}{before}<fresh>\"{tail}")
}

#[track_caller]
fn refuses(text: &str, expected: &str) {
    let said = build(text).map(|auth| format!("{auth:?}")).unwrap_err();
    assert_eq!(said, expected, "\n{said}\n");
}

/// One mistake, with the head that every message has.
#[track_caller]
fn refuses_one(text: &str, mistake: &str) {
    refuses(
        text,
        &format!("one mistake in the settings of keycard\n\n  {mistake}"),
    );
}

/// A file of these lines after `[auth]`, with a provider behind them.
fn shared(lines: &str) -> String {
    format!("{SHARED}{lines}\n{GOOGLE}")
}

/// A file with these lines at the end of the provider's section.
fn section(lines: &str) -> String {
    format!("{SHARED}{GOOGLE}{lines}\n")
}

fn at(redirect_uri: &str) -> String {
    section("").replace("http://localhost:8501/oauth2callback", redirect_uri)
}

fn metadata_at(url: &str) -> String {
    let google = "https://accounts.google.com/.well-known/openid-configuration";
    section("").replace(google, url)
}

fn file(name: &str, text: &str) -> PathBuf {
    let path = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
    fs::write(&path, text).unwrap();
    path
}

#[tokio::test]
async fn an_untouched_file_of_streamlits_documentation_loads() {
    let text = r#"
# Everything else of the app is nobody's business here.
some_api_key = "xxx"
numbers = [1, 2]

[connections.db]
url = "xxx"

[auth]
redirect_uri = "http://localhost:8501/oauth2callback"
cookie_secret = "xxx"

[auth.google]
client_id = "xxx"
client_secret = "xxx"
server_metadata_url = "https://accounts.google.com/.well-known/openid-configuration"

[auth.microsoft]
client_id = "xxx"
client_secret = "xxx"
server_metadata_url = "https://login.microsoftonline.com/contoso.example/v2.0/.well-known/openid-configuration"
client_kwargs = { "prompt" = "select_account" }
"#;
    let logs = Logs::capture();

    let auth = Auth::builder().toml(text).build().unwrap();

    let names: Vec<_> = auth.providers().into_iter().map(|it| it.name).collect();
    assert_eq!(names, ["google", "microsoft"]);
    let complaints = logs.complaints();
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    let said = &complaints[0].text;
    assert!(
        said.contains("invalid `auth.cookie_secret` in .toml(…):11:17: 3 bytes, of at least 32"),
        "{said}"
    );
    assert!(
        said.contains("on this machine it will do, but logins end when the app does"),
        "{said}"
    );

    // Where others can reach it, whoever knows the documentation would log in as anybody.
    let public = text.replace("http://localhost:8501", "https://app.example.com");
    refuses_one(
        &public,
        "invalid `auth.cookie_secret` in .toml(…):11:17: 3 bytes, of at least 32\n    \
         paste this line: cookie_secret = \"<fresh>\"",
    );
}

#[tokio::test]
async fn a_placeholder_on_this_machine_works_until_the_app_ends() {
    let google = provider("google").await;
    let world = || {
        World::around(google.clone(), |builder| {
            builder.set("auth.cookie_secret", "xxx")
        })
    };
    let first = world();
    let browser = first.logged_in("alice").await;

    // Two apps with one weak secret do not read each other's cookies.
    let second = world();
    let mut later = second.browser();
    later.jar = browser.jar.clone();

    assert_eq!(who(&mut later).await, "nobody");
}

#[tokio::test]
async fn the_unnamed_provider_stands_in_auth_or_in_a_section_of_its_own() {
    let google = provider("google").await;
    let lines = google
        .secrets()
        .replace("[auth.google]\n", "")
        .replace("development = true\n", "");
    let texts = [
        format!("[auth]\n{lines}"),
        format!("[auth.default]\n{lines}"),
        format!("[auth]\n{lines}[auth.client_kwargs]\nprompt = \"login\"\n"),
    ];
    for text in texts {
        let auth = Auth::builder()
            .toml(&text)
            .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
            .set("auth.cookie_secret", fresh_secret())
            .build()
            .unwrap();
        let [only] = &auth.providers()[..] else {
            panic!("one provider: {auth:?}");
        };
        assert_eq!(only.name, "default");
        assert_eq!(only.label, "127.0.0.1");
        let mut browser = Browser::new(&app(&auth), SITE);
        let begun = browser.get("/login").await;
        let prompt = if text.contains("client_kwargs") {
            "login"
        } else {
            "select_account"
        };
        assert!(
            begun.location().contains(&format!("prompt={prompt}")),
            "{begun:?}"
        );
        let callback = google.authorize(begun.location(), "alice").unwrap();
        browser.follow(&relative(&callback)).await;
        let me = who(&mut browser).await;
        assert!(me.contains("by default at"), "{me}");
    }
}

#[tokio::test]
async fn the_port_in_redirect_uri_is_that_of_the_app() {
    let google = provider("google").await;
    let build = |port: Option<u16>| {
        let builder = Auth::builder()
            .toml(&google.secrets())
            .set(
                "auth.redirect_uri",
                "http://localhost:{port}/oauth2callback",
            )
            .set("auth.cookie_secret", fresh_secret());
        match port {
            Some(port) => builder.port(port),
            None => builder,
        }
        .build()
        .unwrap()
    };
    // The tests run without PORT, as Streamlit does.
    for (port, expected) in [(Some(3000), 3000), (None, 8501)] {
        let mut browser = Browser::new(&app(&build(port)), &format!("http://localhost:{expected}"));
        let begun = browser.get("/auth/login").await;
        let redirect_uri =
            format!("redirect_uri=http%3A%2F%2Flocalhost%3A{expected}%2Foauth2callback");
        assert!(begun.location().contains(&redirect_uri), "{begun:?}");
    }
}

#[test]
fn a_file_that_lacks_something_says_where_it_belongs() {
    let redirect_uri = "add the app's own address with /oauth2callback behind it: \
                        redirect_uri = \"http://localhost:8501/oauth2callback\"";
    refuses(
        "[auth]",
        &format!(
            "3 mistakes in the settings of keycard\n\n  \
             missing key `auth.redirect_uri` in .toml(…):1:1\n    {redirect_uri}\n\n  \
             missing key `auth.cookie_secret` in .toml(…):1:1\n    \
             paste this line: cookie_secret = \"<fresh>\"\n\n  \
             no provider in [auth] in .toml(…):1:1\n    \
             add a section for one, such as:\n    \
             [auth.google]\n    \
             client_id = \"<from the provider>\"\n    \
             client_secret = \"<from the provider>\"\n    \
             server_metadata_url = \"https://accounts.google.com/.well-known/openid-configuration\""
        ),
    );
    refuses_one(
        &format!("{SHARED}[auth.home]\nclient_secret = \"ca11ary\"\n"),
        "no provider in [auth] in .toml(…):4:7: [auth.home] has neither client_id nor \
         server_metadata_url\n    \
         add client_id, client_secret and server_metadata_url to it",
    );
    refuses(
        &format!("{SHARED}[auth.home]\nclient_id = \"ca11ary\"\n"),
        "2 mistakes in the settings of keycard\n\n  \
         missing key `auth.home.client_secret` in .toml(…):4:1\n    \
         add client_secret = \"…\", as the provider's console shows it; client_secret = \"\" is a \
         public client, which has none\n\n  \
         missing key `auth.home.server_metadata_url` in .toml(…):4:1\n    \
         add server_metadata_url = \"…\", as the provider's console shows it",
    );
    refuses_one(
        &format!("{SHARED}client_id = \"ca11ary\"\nclient_secret = \"ca11ary\"\n"),
        "missing key `auth.server_metadata_url` in .toml(…):1:1\n    \
         add server_metadata_url = \"…\", as the provider's console shows it",
    );
}

#[test]
fn where_there_is_nothing_there_is_an_example_to_begin_with() {
    let example = "[auth]\n    \
                   redirect_uri = \"http://localhost:8501/oauth2callback\"\n    \
                   cookie_secret = \"<fresh>\"\n\n    \
                   [auth.google]\n    \
                   client_id = \"<from the provider>\"\n    \
                   client_secret = \"<from the provider>\"\n    \
                   server_metadata_url = \
                   \"https://accounts.google.com/.well-known/openid-configuration\"";
    refuses_one(
        "a = \"ca11ary\"",
        &format!("no [auth] section in .toml(…)\n    begin with these lines:\n    {example}"),
    );
    let said = |error: keycard::ConfigError| without_fresh_secret(&error.to_string());
    assert_eq!(
        said(Auth::builder().build().unwrap_err()),
        format!(
            "one mistake in the settings of keycard\n\n  \
             no [auth] section in the settings\n    begin with these lines:\n    {example}"
        )
    );
    assert_eq!(
        said(Auth::from_file("/nowhere/secrets.toml").unwrap_err()),
        format!(
            "one mistake in the settings of keycard\n\n  \
             no secrets file at /nowhere/secrets.toml\n    \
             make it, beginning with these lines:\n    {example}"
        )
    );
    // The tests run where there is no such file.
    let said = said(Auth::from_secrets().unwrap_err());
    assert!(
        said.contains("no secrets file at .streamlit/secrets.toml"),
        "{said}"
    );
}

#[test]
fn a_misspelt_key_is_told_its_name() {
    refuses(
        "[auth]\nredirect_url = \"ca11ary\"\ncookie-secret = \"ca11ary\"\n[auth.google]\n\
         client-id = \"ca11ary\"\nclientsecret = \"ca11ary\"\nserver_metadata_uri = \"ca11ary\"\n",
        "5 mistakes in the settings of keycard\n\n  \
         missing key `auth.redirect_uri` in .toml(…):2:1: `auth.redirect_url` is not a key\n    \
         rename it to redirect_uri\n\n  \
         missing key `auth.cookie_secret` in .toml(…):3:1: `auth.cookie-secret` is not a key\n    \
         rename it to cookie_secret\n\n  \
         missing key `auth.google.client_id` in .toml(…):5:1: `auth.google.client-id` is not a \
         key\n    rename it to client_id\n\n  \
         missing key `auth.google.client_secret` in .toml(…):6:1: `auth.google.clientsecret` is \
         not a key\n    rename it to client_secret\n\n  \
         missing key `auth.google.server_metadata_url` in .toml(…):7:1: \
         `auth.google.server_metadata_uri` is not a key\n    rename it to server_metadata_url",
    );
    refuses_one(
        "[auht]\na = 1\n",
        "no [auth] section in .toml(…):1:2\n    rename [auht] to [auth]",
    );
}

#[test]
fn a_value_of_another_kind_is_told_which() {
    refuses_one(
        "auth = 1",
        "invalid `auth` in .toml(…):1:8: expected a table, found a number\n    \
         write [auth] as a section of its own",
    );
    refuses(
        &format!(
            "{SHARED}[auth.google]\nclient_id = 7.5\nclient_secret = true\n\
             server_metadata_url = [\"ca11ary\"]\nlabel = 1979-05-27\n"
        ),
        "4 mistakes in the settings of keycard\n\n  \
         invalid `auth.google.client_id` in .toml(…):5:13: expected a string, found a number\n    \
         put quotes around it: client_id = \"…\"\n\n  \
         invalid `auth.google.client_secret` in .toml(…):6:17: expected a string, found a \
         boolean\n    put quotes around it: client_secret = \"…\"\n\n  \
         invalid `auth.google.server_metadata_url` in .toml(…):7:23: expected a string, found an \
         array\n    put quotes around it: server_metadata_url = \"…\"\n\n  \
         invalid `auth.google.label` in .toml(…):8:9: expected a string, found a date\n    \
         put quotes around it: label = \"…\"",
    );
    refuses(
        &format!(
            "{SHARED}[auth.google]\nclient_id = \"\"\nclient_secret = \" \"\n\
             server_metadata_url = \" \"\n"
        ),
        "3 mistakes in the settings of keycard\n\n  \
         invalid `auth.google.client_id` in .toml(…):5:13: it is empty\n    \
         copy it from the provider's console\n\n  \
         invalid `auth.google.client_secret` in .toml(…):6:17: it is blank\n    \
         copy it from the provider's console\n\n  \
         invalid `auth.google.server_metadata_url` in .toml(…):7:23: it is empty\n    \
         copy it from the provider's console",
    );
    let table = [
        (
            "claims = 7.5",
            "claims` in .toml(…):4:10: expected a list of strings, found a number\n    \
             write claims = [\"…\", \"…\"]",
        ),
        (
            "allow_http = true",
            "allow_http` in .toml(…):4:14: expected a list of strings, found a boolean\n    \
             write allow_http = [\"…\", \"…\"]",
        ),
        (
            "cookie_secrets_accepted = [\"ca11ary\", 1.5]",
            "cookie_secrets_accepted` in .toml(…):4:27: expected a list of strings, found a \
             number in the list\n    write cookie_secrets_accepted = [\"…\", { secret = \"…\", until = \
             2026-12-31 }]",
        ),
        (
            "expiry_days = \"ca11ary\"",
            "expiry_days` in .toml(…):4:15: expected a number, found a string\n    \
             write it without quotes, such as expiry_days = 10",
        ),
        (
            "sessions_valid_from = \"ca11ary\"",
            "sessions_valid_from` in .toml(…):4:23: expected a date and time, found a string\n    \
             write sessions_valid_from = 2026-12-31T12:00:00Z, without quotes",
        ),
        (
            "strict = \"ca11ary\"",
            "strict` in .toml(…):4:10: expected true or false, found a string\n    \
             write strict = true or strict = false",
        ),
    ];
    for (line, mistake) in table {
        refuses_one(&shared(line), &format!("invalid `auth.{mistake}"));
    }
    refuses_one(
        &section("client_kwargs = 7"),
        "invalid `auth.google.client_kwargs` in .toml(…):8:17: expected a table, found a number\n    \
         write [auth.google.client_kwargs] as a section of its own",
    );
}

#[test]
fn a_value_out_of_range_is_told_the_range() {
    let table = [
        (
            "clock_leeway = 601",
            "clock_leeway` in .toml(…):4:16: out of range\n    write 0 to 600 seconds",
        ),
        (
            "clock_leeway = -1",
            "clock_leeway` in .toml(…):4:16: out of range\n    write 0 to 600 seconds",
        ),
        (
            "timeout = 0",
            "timeout` in .toml(…):4:11: out of range\n    write 1 to 60 seconds",
        ),
    ];
    for (line, mistake) in table {
        refuses_one(&shared(line), &format!("invalid `auth.{mistake}"));
    }
    for days in ["0", "-1", "30.01", "31", "1e9"] {
        refuses_one(
            &shared(&format!("expiry_days = {days}")),
            "invalid `auth.expiry_days` in .toml(…):4:15: a number that is not above 0 and at \
             most 30\n    \
             an identity lasts at most 30 days; write a number of days, such as 7 or 0.5",
        );
    }
    for line in [
        "expiry_days = 30",
        "expiry_days = 0.001",
        "clock_leeway = 0",
        "timeout = 60",
    ] {
        build(&shared(line)).unwrap();
    }
}

#[test]
fn a_cookie_secret_that_is_none_is_refused_with_a_better_one() {
    let table = [
        ("", "0 bytes, of at least 32"),
        ("short", "5 bytes, of at least 32"),
        (&"x".repeat(40), "a pattern, not a random secret"),
        (&"abcdefgh12345".repeat(4), "a pattern, not a random secret"),
        (
            "abcdefghijklmnopqrstuvwxyzABCDEFGHIJ",
            "a pattern, not a random secret",
        ),
        (
            "ChangeMe-1f8k2j3h4g5f6d7s8a9q0w1e2r3",
            "a placeholder, not a secret",
        ),
        (
            "replace this with a strong secret 123",
            "a placeholder, not a secret",
        ),
        (
            "your-cookie-secret-1f8k2j3h4g5f6d7s8",
            "a placeholder, not a secret",
        ),
    ];
    for (secret, weakness) in table {
        refuses_one(
            &at("https://app.example.com/oauth2callback").replace('@', secret),
            &format!(
                "invalid `auth.cookie_secret` in .toml(…):3:17: {weakness}\n    \
                 paste this line: cookie_secret = \"<fresh>\""
            ),
        );
        // On this machine it is only warned about.
        let logs = Logs::capture();
        build(&at("http://localhost:8501/oauth2callback").replace('@', secret)).unwrap();
        assert!(
            logs.complaints()[0].text.contains(weakness),
            "{:?}",
            logs.complaints()
        );
    }
    for key in ["cookie_secrets_accepted", "cookie_secret_previous"] {
        for value in ["\"weak\"", "[\"@\", \"weak\"]"] {
            let column = key.len() + 4;
            refuses_one(
                &shared(&format!("{key} = {value}")),
                &format!(
                    "invalid `auth.{key}` in .toml(…):4:{column}: one of them is weak\n    \
                     whoever guesses an accepted secret logs in as anybody: take it out"
                ),
            );
        }
        build(&shared(&format!("{key} = [\"@\"]"))).unwrap();
    }
}

#[test]
fn a_redirect_uri_is_the_apps_own_callback() {
    let absolute =
        "write the app's own address, such as \"https://app.example.com/oauth2callback\"";
    let table = [
        ("ca11ary", "it is not a URL", absolute),
        ("/oauth2callback", "it is not a URL", absolute),
        (
            "ftp://ca11ary.example/oauth2callback",
            "it is neither http nor https",
            absolute,
        ),
        (
            "https://app.example.com/oauth2callback?a=ca11ary",
            "it has more than scheme, host, port and path",
            "leave out user, query and fragment",
        ),
        (
            "https://ca11ary@app.example.com/oauth2callback",
            "it has more than scheme, host, port and path",
            "leave out user, query and fragment",
        ),
        (
            "https://:ca11ary@app.example.com/oauth2callback",
            "it has more than scheme, host, port and path",
            "leave out user, query and fragment",
        ),
        (
            "https://app.example.com//ca11ary/oauth2callback",
            "it has an empty part in its path",
            "write one slash where there are two",
        ),
        (
            "https://app.example.com/ca11ary;Domain=example.com/oauth2callback",
            "its path has a ; or a part that begins with : or *",
            "take it out, or write it percent-encoded: %3B, %3A, %2A",
        ),
        (
            "https://app.example.com/:ca11ary/oauth2callback",
            "its path has a ; or a part that begins with : or *",
            "take it out, or write it percent-encoded: %3B, %3A, %2A",
        ),
        (
            "https://app.example.com/*ca11ary/oauth2callback",
            "its path has a ; or a part that begins with : or *",
            "take it out, or write it percent-encoded: %3B, %3A, %2A",
        ),
        (
            "https://app.example.com/callback",
            "its path does not end in /oauth2callback",
            "write \"https://app.example.com/oauth2callback\"",
        ),
        (
            "http://ca11ary.example/oauth2callback",
            "http is only for the machine itself",
            "write https, or localhost while developing; an intranet host can be named in \
             allow_http",
        ),
    ];
    for (redirect_uri, found, cure) in table {
        let text = section("")
            .replace('@', &fresh_secret())
            .replace("http://localhost:8501/oauth2callback", redirect_uri);
        let said = Auth::builder().toml(&text).build().unwrap_err().to_string();
        assert_eq!(
            said,
            format!(
                "one mistake in the settings of keycard\n\n  \
                 invalid `auth.redirect_uri` in .toml(…):2:16: {found}\n    {cure}"
            )
        );
    }
}

#[test]
fn a_metadata_address_is_a_whole_and_safe_one() {
    let well_known = "write \"https://…/.well-known/openid-configuration\"";
    let table = [
        (
            "https://ca11ary.example/{tenant}/.well-known/openid-configuration",
            "a part of it is not filled in",
            "replace what stands in { } or < > with your own",
        ),
        (
            "https://<account>.ca11ary.example/.well-known/openid-configuration",
            "a part of it is not filled in",
            "replace what stands in { } or < > with your own",
        ),
        ("ca11ary.example", "it is not a URL", well_known),
        (
            "file:///ca11ary/.well-known/openid-configuration",
            "it is neither http nor https",
            well_known,
        ),
        (
            "https://ca11ary:pass%40@a.example/.well-known/openid-configuration",
            "it has a user or a fragment",
            "leave out what stands before @ and after #",
        ),
        (
            "http://ca11ary.example/.well-known/openid-configuration",
            "http is only for the machine itself",
            "write https; an intranet host can be named in allow_http",
        ),
        (
            "https://a.example/tenant/",
            "it is not the address of a metadata document",
            "write \"https://a.example/tenant/.well-known/openid-configuration\"",
        ),
    ];
    for (url, found, cure) in table {
        let text = metadata_at(url).replacen('@', &fresh_secret(), 1);
        let said = Auth::builder().toml(&text).build().unwrap_err().to_string();
        assert_eq!(
            said,
            format!(
                "one mistake in the settings of keycard\n\n  \
                 invalid `auth.google.server_metadata_url` in .toml(…):7:23: {found}\n    {cure}"
            )
        );
    }
    build(&metadata_at(
        "http://127.0.0.1:9000/.well-known/openid-configuration",
    ))
    .unwrap();
    let intranet = metadata_at("http://idp:9000/.well-known/openid-configuration");
    build(&intranet).unwrap_err();
    let named = "[auth]\nallow_http = \"idp:9000\"\n";
    build(&intranet.replacen("[auth]\n", named, 1)).unwrap();
}

#[test]
fn a_development_provider_stays_on_this_machine() {
    let loopback = "http://127.0.0.1:9000/.well-known/openid-configuration";
    let text = format!("{}development = true\n", metadata_at(loopback));
    build(&text).unwrap();

    refuses_one(
        &text.replace("http://localhost:8501", "https://app.example.com"),
        "invalid `auth.google.development` in .toml(…):9:15: a development provider behind an \
         address that others can reach\n    \
         it lets anybody be anybody: take the section out, or use a redirect_uri on localhost",
    );
    refuses_one(
        &section("development = true"),
        "invalid `auth.google.development` in .toml(…):8:15: the provider is not on this \
         machine\n    take the line out: it is for keycard's own development provider",
    );
}

#[test]
fn an_algorithm_is_one_that_is_safe_with_this_secret() {
    for algorithm in ["none", "HS512", "rs256", "ca11ary"] {
        refuses_one(
            &section(&format!("id_token_signed_response_alg = \"{algorithm}\"")),
            "invalid `auth.google.id_token_signed_response_alg` in .toml(…):8:32: it is no \
             algorithm that keycard verifies\n    \
             write the one that the provider signs with, such as RS256 or ES256",
        );
    }
    refuses_one(
        &section("id_token_signed_response_alg = \"HS256\""),
        "invalid `auth.google.id_token_signed_response_alg` in .toml(…):8:32: HS256 needs a \
         client_secret of 32 bytes or more\n    \
         let the provider sign with RS256, or give it a longer client_secret",
    );
    let long = section("id_token_signed_response_alg = \"HS256\"").replace("ca11ary-client", "@");
    build(&long).unwrap();
}

#[test]
fn a_provider_has_a_name_that_fits_a_path() {
    let other = GOOGLE.replace("accounts.google.com", "a.example");
    let named = |name: &str| {
        format!(
            "{SHARED}{}",
            other.replace("[auth.google]", &format!("[auth.{name}]"))
        )
    };
    let cure = "give it another name: 1 to 64 characters without / ? # %, and neither login nor \
                logout";
    for (name, shown) in [
        ("login", "auth.login"),
        ("logout", "auth.logout"),
        ("\"a/b\"", "auth.\"a/b\""),
        ("\"a%b\"", "auth.\"a%b\""),
        ("\"\"", "auth.\"\""),
        ("\"a\\u001bb\"", "auth.\"a\\u{1b}b\""),
    ] {
        refuses_one(
            &named(name),
            &format!("`{shown}` cannot be a provider in .toml(…):4:1\n    {cure}"),
        );
    }
    build(&named(&"a".repeat(65))).unwrap_err();
    for name in [
        "my_provider",
        "Google",
        "\"großes Haus\"",
        "\"a.b\"",
        &"a".repeat(64),
    ] {
        let auth = build(&named(name)).unwrap();
        let plain = name.trim_matches('"');
        assert_eq!(auth.providers()[0].name, plain);
    }
    // Compared byte for byte: one beside the other.
    let two = format!(
        "{}{}",
        named("google"),
        other.replace("[auth.google]", "[auth.Google]")
    );
    assert_eq!(build(&two).unwrap().providers().len(), 2);
}

#[test]
fn a_max_age_that_could_not_be_checked_is_refused() {
    for max_age in ["\"ca11ary\"", "\"3600 \"", "-1", "4294967296"] {
        refuses_one(
            &format!("{SHARED}{GOOGLE}client_kwargs = {{ max_age = {max_age} }}\n"),
            "invalid `auth.google.client_kwargs.max_age` in .toml(…):8:29: it is not a number of \
             seconds\n    write whole seconds, such as max_age = 3600",
        );
    }
    for max_age in ["0", "3600", "\"3600\"", "\"\""] {
        let text = format!("{SHARED}{GOOGLE}client_kwargs = {{ max_age = {max_age} }}\n");
        build(&text).unwrap();
    }
}

#[test]
fn two_sections_have_one_issuer_only_with_one_address() {
    let other = |lines: &str| {
        format!(
            "{SHARED}{GOOGLE}[auth.other]\nclient_id = \"other\"\nclient_secret = \"ca11ary\"\n{lines}\n"
        )
    };
    refuses_one(
        &other(
            "server_metadata_url = \"https://a.example/.well-known/openid-configuration\"\n\
             issuer = \"https://accounts.google.com\"",
        ),
        "`auth.google` and `auth.other` have one issuer in .toml(…):8:7\n    \
         give both the same server_metadata_url, or take `issuer` out",
    );
    build(&other(
        "server_metadata_url = \"https://accounts.google.com/.well-known/openid-configuration\"",
    ))
    .unwrap();
}

#[test]
fn client_kwargs_are_told_apart_by_what_becomes_of_them() {
    refuses(
        &section(
            "[auth.google.client_kwargs]\nscope = \"ca11ary\"\nverify = false\ntimeout = 0\n\
             token_endpoint_auth_method = \"ca11ary\"\nprompt = 7.5\naudience = [\"ca11ary\"]",
        ),
        "6 mistakes in the settings of keycard\n\n  \
         invalid `auth.google.client_kwargs.audience` in .toml(…):14:12: expected a string, found \
         an array\n    put quotes around it: audience = \"…\"\n\n  \
         invalid `auth.google.client_kwargs.prompt` in .toml(…):13:10: expected a string, found a \
         number\n    put quotes around it: prompt = \"…\"\n\n  \
         invalid `auth.google.client_kwargs.scope` in .toml(…):9:9: it lacks openid\n    \
         write scope = \"openid profile email\", and more if you need more\n\n  \
         invalid `auth.google.client_kwargs.timeout` in .toml(…):11:11: out of range\n    \
         write 1 to 60 seconds\n\n  \
         invalid `auth.google.client_kwargs.token_endpoint_auth_method` in .toml(…):12:30: keycard \
         does not know this method\n    \
         write client_secret_basic, client_secret_post, private_key_jwt or none\n\n  \
         invalid `auth.google.client_kwargs.verify` in .toml(…):10:10: certificates are always \
         verified\n    take the line out; a company's own CA can be added as ca_file",
    );
}

#[tokio::test]
async fn client_kwargs_reach_the_provider_but_for_those_that_are_ours() {
    let google = provider("google").await;
    let text = format!(
        "{}\n[auth.google.client_kwargs]\nscope = \"openid email\"\nprompt = \"consent\"\n\
         acr_values = \"phr\"\nmax_age = 3600\nnested_ok = true\nstate = \"ca11ary\"\n\
         nonce = \"ca11ary\"\nredirect_uri = \"ca11ary\"\nclient_id = \"ca11ary\"\n\
         client_secret = \"ca11ary\"\nclient_assertion_type = \"ca11ary\"\n\
         response_type = \"token\"\nresponse_mode = \"fragment\"\ncode_challenge = \"ca11ary\"\n\
         code_challenge_method = \"plain\"\nrequest = \"ca11ary\"\nrequest_uri = \"ca11ary\"\n\
         id_token_hint = \"ca11ary\"\n",
        google.secrets()
    );
    let logs = Logs::capture();
    let auth = Auth::builder()
        .toml(&text)
        .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
        .set("auth.cookie_secret", fresh_secret())
        .build()
        .unwrap();

    let warned: Vec<_> = logs
        .complaints()
        .into_iter()
        .map(|line| line.text)
        .collect();
    assert_eq!(warned.len(), 13, "one for each of ours: {warned:#?}");
    for line in &warned {
        assert!(line.contains("is ours to set in .toml(…):"), "{line}");
        assert!(!line.contains("ca11ary"), "{line}");
    }
    let begun = Browser::new(&app(&auth), SITE).get("/auth/login").await;
    let location = begun.location();
    for parameter in [
        "scope=openid+email&",
        "prompt=consent",
        "acr_values=phr",
        "max_age=3600",
        "nested_ok=true",
        "response_type=code&",
        "code_challenge_method=S256",
    ] {
        assert!(
            format!("{location}&").contains(parameter),
            "{parameter}: {location}"
        );
    }
    for absent in [
        "ca11ary",
        "response_mode",
        "request",
        "plain",
        "fragment",
        "id_token_hint",
    ] {
        assert!(!location.contains(absent), "{absent}: {location}");
    }
}

#[test]
fn all_mistakes_are_told_at_once() {
    let text = "\
[auth]
redirect_uri = \"ca11ary\"
cookie_secret = 7
expiry_days = 99
[auth.home]
client_id = \"\"
[auth.other]
server_metadata_url = \"ca11ary\"
";
    let said = build(text).map(|_| ()).unwrap_err();

    assert!(
        said.starts_with("9 mistakes in the settings of keycard\n"),
        "{said}"
    );
    for key in [
        "invalid `auth.redirect_uri` in .toml(…):2:16:",
        "invalid `auth.cookie_secret` in .toml(…):3:17:",
        "invalid `auth.expiry_days` in .toml(…):4:15:",
        "invalid `auth.home.client_id` in .toml(…):6:13:",
        "missing key `auth.home.client_secret` in .toml(…):5:1",
        "missing key `auth.home.server_metadata_url` in .toml(…):5:1",
        "missing key `auth.other.client_id` in .toml(…):7:1",
    ] {
        assert!(said.contains(key), "{key} in {said}");
    }
}

#[test]
fn strict_makes_a_mistake_of_a_warning() {
    let lines = "\
cookie_secret = \"ca11ary\"
lable = \"ca11ary\"
favourite = \"ca11ary\"
client_kwargs = { state = \"ca11ary\", headers = \"ca11ary\" }";
    let logs = Logs::capture();
    build(&section(lines)).unwrap();
    assert_eq!(logs.complaints().len(), 5, "{:?}", logs.complaints());

    refuses(
        &format!(
            "[auth]\nstrict = true\n{}",
            &section(lines)["[auth]\n".len()..]
        ),
        "5 mistakes in the settings of keycard\n\n  \
         `auth.google.cookie_secret` does not belong here in .toml(…):9:1\n    \
         move it to [auth]: cookie_secret counts for every provider\n\n  \
         unknown key `auth.google.favourite` in .toml(…):11:1\n    \
         keycard does nothing with it\n\n  \
         unknown key `auth.google.lable` in .toml(…):10:1\n    \
         did you mean label?\n\n  \
         `auth.google.client_kwargs.headers` is not acted on in .toml(…):12:38\n    \
         this release of keycard does nothing with it yet\n\n  \
         `auth.google.client_kwargs.state` is ours to set in .toml(…):12:19\n    \
         take the line out: keycard sets it for each login",
    );
    // A weak secret is a warning on this machine, and strict refuses it there too.
    let weak = section("").replace('@', "weak");
    build(&weak).unwrap();
    let said = build(&weak.replace("[auth]\n", "[auth]\nstrict = true\n")).map(|_| ());
    assert!(said.unwrap_err().contains("4 bytes, of at least 32"));
    build(&section("").replace("[auth]\n", "[auth]\nstrict = true\n")).unwrap();
}

#[test]
fn what_is_not_toml_is_told_where_and_why() {
    let table = [
        (
            "[auth]\na = “ca11ary”\n",
            "2:5: U+201C, a quote of another kind",
            "use straight quotes (\")",
        ),
        (
            "[auth]\na =\u{a0}\"ca11ary\"\n",
            "2:4: U+00A0, a space of another kind",
            "replace it with a plain space",
        ),
        (
            "[auth]\na = 1\nserver_metadata_url = (\n    \"ca11ary\"\n)\n",
            "3:23: a parenthesis",
            "TOML has no parentheses: write server_metadata_url = \"…\" on one line",
        ),
        (
            "[auth]\na = 1\na = \"ca11ary\"\n",
            "3:1: it stands there twice (first in .toml(…):2:1)",
            "keep one of the two",
        ),
        (
            "[auth]\na = ca11ary\n",
            "2:5",
            "put the value in quotes: key = \"value\"",
        ),
        (
            "[auth\n",
            "1:6",
            "write a section as [auth.google] on one line",
        ),
    ];
    for (text, place, cure) in table {
        refuses_one(
            text,
            &format!("this is not TOML in .toml(…):{place}\n    {cure}"),
        );
    }
    build(&format!("\u{feff}{}", section(""))).unwrap();
    build(&section("").replace('\n', "\r\n")).unwrap();
}

#[test]
fn a_file_is_called_by_its_path() {
    let path = file("mistaken.toml", "[auth]\ncookie_secret = \"ca11ary\"\n");
    let shown = path.display();
    let said = Auth::from_file(&path).unwrap_err().to_string();
    assert!(
        said.contains(&format!("missing key `auth.redirect_uri` in {shown}:1:1\n")),
        "{said}"
    );
    assert!(!said.contains("ca11ary"), "{said}");

    let directory = path.parent().unwrap();
    let path = directory.join("binary.toml");
    fs::write(&path, b"[auth]\na = \"\xff\"\n").unwrap();
    assert_eq!(
        Auth::from_file(&path).unwrap_err().to_string(),
        format!(
            "one mistake in the settings of keycard\n\n  \
             {} is not UTF-8\n    save the file as UTF-8 text",
            path.display()
        )
    );
    let path = file("long.toml", &"#".repeat(1024 * 1024 + 1));
    assert_eq!(
        Auth::from_file(&path).unwrap_err().to_string(),
        format!(
            "one mistake in the settings of keycard\n\n  \
             {} is over 1 MB\n    give the path of the secrets file",
            path.display()
        )
    );
}

#[tokio::test]
async fn later_sources_win_key_by_key() {
    let google = provider("google").await;
    let path = file(
        "first.toml",
        "[auth]\nredirect_uri = \"https://app.example.com/oauth2callback\"\nexpiry_days = 1\n\
         [auth.google]\nclient_id = \"another\"\nlabel = \"From the file\"\n\
         [auth.google.client_kwargs]\nprompt = \"login\"\nhd = \"example.com\"\n",
    );
    let auth = Auth::builder()
        .file(&path)
        .toml(&google.secrets())
        .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
        .set("auth.cookie_secret", "overridden")
        .set("auth.cookie_secret", fresh_secret())
        .set("auth.google.client_kwargs.prompt", "consent")
        .build()
        .unwrap();

    assert_eq!(auth.providers()[0].label, "From the file");
    let mut browser = Browser::new(&app(&auth), SITE);
    let begun = browser.get("/auth/login").await;
    for parameter in ["prompt=consent", "hd=example.com", google.client_id()] {
        assert!(
            begun.location().contains(parameter),
            "{parameter}: {begun:?}"
        );
    }
    let callback = google.authorize(begun.location(), "alice").unwrap();
    let answer = browser.follow(&relative(&callback)).await;
    assert!(answer.cookies()[1].ends_with("Max-Age=86400"), "{answer:?}");
}

#[tokio::test]
async fn a_value_set_in_code_may_have_any_name_and_kind() {
    let google = provider("my provider.v2").await;
    let auth = Auth::builder()
        .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
        .set("auth.cookie_secret", fresh_secret())
        .set("auth.\"my provider.v2\".client_id", google.client_id())
        .set(
            "auth.'my provider.v2'.client_secret",
            google.client_secret(),
        )
        .set(
            "auth.\"my provider.v2\"",
            json!({
                "server_metadata_url": google.server_metadata_url(),
                "client_kwargs": { "scope": "openid profile email", "max_age": 60 },
                "claims": ["name", "groups"],
            }),
        )
        .build()
        .unwrap();

    let mut browser = Browser::new(&app(&auth), SITE);
    let begun = browser.get("/auth/login?provider=my+provider.v2").await;
    assert!(begun.location().contains("max_age=60"), "{begun:?}");
    let claims: Value =
        json!({ "sub": "dora", "name": "Dora", "groups": groups(1), "email": "d@example.com" });
    let callback = google
        .authorize_as(begun.location(), claims.as_object().unwrap().clone())
        .unwrap();
    let answer = browser.follow(&relative(&callback)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    assert!(who(&mut browser).await.contains("by my provider.v2 at"));
}

#[test]
fn a_mistake_in_a_value_set_in_code_names_the_call() {
    let said = |key: &str, value: Value| {
        let builder = Auth::builder()
            .toml(&section("").replace('@', &fresh_secret()))
            .set("auth.strict", true)
            .set(key, value);
        builder.build().unwrap_err().to_string()
    };
    assert_eq!(
        said("auth.expiry_days", json!("ca11ary")),
        "one mistake in the settings of keycard\n\n  \
         invalid `auth.expiry_days` in .set(\"auth.expiry_days\", …): expected a number, found a \
         string\n    write it without quotes, such as expiry_days = 10"
    );
    assert_eq!(
        said("auth.\"my provider\".client_id", json!("ca11ary"))
            .lines()
            .nth(2),
        Some(
            "  missing key `auth.\"my provider\".client_secret` in \
             .set(\"auth.\"my provider\".client_id\", …)"
        )
    );
    assert_eq!(
        said("auth my key", json!("ca11ary")),
        "one mistake in the settings of keycard\n\n  \
         `auth my key` is not a key\n    \
         write it as in the file, such as auth.google.client_id"
    );
}

#[test]
fn an_empty_option_is_a_mistake_and_no_public_client() {
    let refused = Auth::builder()
        .set("auth.redirect_uri", "http://localhost:8501/oauth2callback")
        .set("auth.cookie_secret", fresh_secret())
        .set("auth.google.client_id", "id")
        .set("auth.google.client_secret", None::<String>)
        .set(
            "auth.google.server_metadata_url",
            "https://id.example/.well-known/openid-configuration",
        )
        .build()
        .unwrap_err()
        .to_string();

    assert!(
        refused.contains(".set(\"auth.google.client_secret\", …) gives no value"),
        "{refused}"
    );
}
