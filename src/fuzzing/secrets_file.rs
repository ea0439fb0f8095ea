//! The secrets file.

use std::sync::OnceLock;

use toml::de::{DeTable, DeValue};

use crate::config::{Config, Given, Misconfigured, Seen, Source};
use crate::random;

/// What stands in secrets, and in nothing that is said of them.
const CANARY: &str = "ca11ary";

/// The keys whose values no message shows. Of others a cure may show a part.
const SECRETS: [&str; 4] = [
    "client_secret",
    "cookie_secret",
    "cookie_secret_previous",
    "cookie_secrets_accepted",
];

/// Loads the input as the text of a secrets file. `{{secret}}` in it is one that counts.
pub fn secrets_file(input: &[u8]) -> bool {
    static SECRET: OnceLock<String> = OnceLock::new();
    let secret = SECRET.get_or_init(|| random::secret().expect("randomness"));
    let Ok(text) = std::str::from_utf8(input) else {
        return false;
    };
    let text = text.replace("{{secret}}", secret);
    let given = Given {
        sources: vec![Source::Text {
            name: "secrets.toml",
            text: text.as_str().into(),
        }],
        ..Given::default()
    };

    let loaded = Config::load(&given, &mut Seen::default());
    let said = match &loaded {
        Ok(config) => said_of(config),
        Err(error) => format!("{error}\n{error:#}\n{error:?}"),
    };

    assert!(!said.contains(secret.as_str()), "{said}");
    if DeTable::parse(&text).map_or(true, |table| is_secret_alone(table.get_ref())) {
        assert!(!said.contains(CANARY), "{said}");
    }
    loaded.is_ok()
}

fn said_of(config: &Config) -> String {
    let misconfigured = config.misconfigured.iter();
    let mistakes = misconfigured.flat_map(|Misconfigured { mistakes, .. }| mistakes);
    let told = config.warnings.iter().chain(mistakes);
    told.map(|mistake| format!("{mistake}: {}\n", mistake.how_to_cure()))
        .collect()
}

/// Whether the canary stands in the values of secrets and nowhere else.
fn is_secret_alone(table: &DeTable<'_>) -> bool {
    table.iter().all(|(key, value)| {
        !key.get_ref().contains(CANARY)
            && (is_secret(key.get_ref(), value.get_ref()) || is_without(value.get_ref()))
    })
}

/// Whether it is a secret, and not the name of the variable or file that holds one.
fn is_secret(key: &str, value: &DeValue<'_>) -> bool {
    SECRETS.contains(&key) && !refers(value)
}

fn refers(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::Array(values) => values.iter().any(|value| refers(value.get_ref())),
        DeValue::String(text) => text.starts_with("${"),
        DeValue::Table(_) => true,
        _ => false,
    }
}

fn is_without(value: &DeValue<'_>) -> bool {
    match value {
        DeValue::Array(values) => values.iter().all(|value| is_without(value.get_ref())),
        DeValue::String(text) => !text.contains(CANARY),
        DeValue::Table(table) => is_secret_alone(table),
        _ => true,
    }
}
