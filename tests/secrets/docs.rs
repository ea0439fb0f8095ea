//! What docs/secrets.md says of each key is so.

use keycard::Auth;
use serde_json::{Value, json};

use crate::filled_in;

const DOCS: &str = include_str!("../../docs/secrets.md");

/// The rows of the table below a heading: the key, and what a mistake in it says.
fn rows(heading: &str) -> Vec<(&str, &str)> {
    let (_, part) = DOCS.split_once(&format!("\n## {heading}")).unwrap();
    let part = part.split("\n## ").next().unwrap();
    part.lines()
        .filter_map(|line| {
            let cells: Vec<_> = line.trim_matches('|').split(" | ").map(str::trim).collect();
            let [key, _, _, says] = cells[..] else {
                return None;
            };
            Some((key.strip_prefix('`')?.strip_suffix('`')?, says))
        })
        .collect()
}

/// What is said of this value, in an app that others can reach.
fn said_of(key: &str, value: &Value) -> String {
    let (text, _) = filled_in(
        "[auth]\nredirect_uri = \"https://app.example.com/oauth2callback\"\n\
         cookie_secret = \"{{secret}}\"\n[auth.google]\nclient_id = \"an-id\"\n\
         client_secret = \"short\"\n\
         server_metadata_url = \"https://id.example/.well-known/openid-configuration\"\n",
    );
    let built = Auth::builder().toml(&text).set(key, value.clone()).build();
    built.map_or_else(|error| error.to_string(), |_| String::new())
}

#[test]
fn each_mistake_that_the_docs_tell_of_a_key_is_said_of_it() {
    let wrong = [
        json!(true),
        json!(false),
        json!(-1),
        json!(1e9),
        json!(""),
        json!("  "),
        json!("word"),
        json!("openid,email"),
        json!("replace me with a random string, please"),
        json!("HS256"),
        json!("http://app.example.com/"),
        json!("https://app.example.com/"),
        json!("https://app.example.com/oauth2callback/other"),
        json!([1.5]),
        json!({ "a": { "b": 1 } }),
    ];
    let mut told = 0;
    for (heading, table) in [
        ("In `[auth]`\n", "auth"),
        ("In `[auth]` for all providers", "auth.google"),
        ("In a provider's section", "auth.google"),
        ("`client_kwargs`\n", "auth.google.client_kwargs"),
    ] {
        for (key, says) in rows(heading) {
            if says == "—" {
                continue;
            }
            let key = format!("{table}.{key}");
            let said: Vec<_> = wrong.iter().map(|value| said_of(&key, value)).collect();
            assert!(
                said.iter().any(|said| said.contains(says)),
                "{key} never says {says:?}, but {said:#?}"
            );
            told += 1;
        }
    }
    assert!(told > 25, "{told}");
}

#[test]
fn the_docs_have_every_key_of_the_schema() {
    let schema: Value =
        serde_json::from_str(include_str!("../../docs/secrets.schema.json")).unwrap();
    let tables = [
        &schema["properties"]["auth"]["properties"],
        &schema["definitions"]["provider"]["properties"],
        &schema["definitions"]["client_kwargs"]["properties"],
    ];
    let mut told = 0;
    for table in tables {
        // What is only sent on to the provider has no row of its own.
        let sent_on = ["acr_values", "login_hint", "ui_locales"];
        let keys = table.as_object().unwrap().keys();
        for key in keys.filter(|key| !sent_on.contains(&key.as_str())) {
            assert!(DOCS.contains(&format!("`{key}`")), "{key}");
            told += 1;
        }
    }
    assert!(told > 40, "{told}");
}
