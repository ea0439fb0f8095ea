//! Every key of the `[auth]` table, and what is meant by one that is not.

use super::diagnostic::{Mistake, Report};
use super::tree::Table;

/// Where a key stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Level {
    /// In `[auth.<name>]`, or in `[auth]` for the unnamed provider.
    Provider,
    /// In `[auth]` itself.
    Shared,
}

/// A known key, where it may stand, and whether this release acts on it.
struct Key {
    name: &'static str,
    shared: bool,
    provider: bool,
    acted_on: bool,
}

const fn key(name: &'static str, levels: &[Level], acted_on: bool) -> Key {
    let (mut shared, mut provider, mut at) = (false, false, 0);
    while at < levels.len() {
        match levels[at] {
            Level::Shared => shared = true,
            Level::Provider => provider = true,
        }
        at += 1;
    }
    Key {
        name,
        shared,
        provider,
        acted_on,
    }
}

const SHARED: &[Level] = &[Level::Shared];
const PROVIDER: &[Level] = &[Level::Provider];
const BOTH: &[Level] = &[Level::Shared, Level::Provider];

const KEYS: &[Key] = &[
    key("allow_http", SHARED, true),
    key("authorization_endpoint", PROVIDER, true),
    key("ca_file", BOTH, false),
    key("claims", BOTH, true),
    key("client_id", PROVIDER, true),
    key("client_kwargs", PROVIDER, true),
    key("client_secret", PROVIDER, true),
    key("client_secret_expires", PROVIDER, false),
    key("clock_leeway", BOTH, true),
    key("cookie_secret", SHARED, true),
    key("cookie_secret_previous", SHARED, true),
    key("cookie_secrets_accepted", SHARED, true),
    key("development", PROVIDER, true),
    key("end_session_endpoint", PROVIDER, false),
    key("expiry_days", SHARED, true),
    key("expose_tokens", BOTH, false),
    key("id_token_signed_response_alg", PROVIDER, true),
    key("issuer", PROVIDER, true),
    key("jwks_uri", PROVIDER, true),
    key("label", PROVIDER, true),
    key("preset", PROVIDER, false),
    key("provider_logout", BOTH, false),
    key("proxy", BOTH, false),
    key("redirect_uri", SHARED, true),
    key("server_metadata_url", PROVIDER, true),
    key("sessions_valid_from", SHARED, true),
    key("strict", SHARED, true),
    key("subject_key", PROVIDER, false),
    key("timeout", BOTH, true),
    key("token_endpoint", PROVIDER, true),
    key("user_key", PROVIDER, false),
    key("userinfo_endpoint", PROVIDER, true),
];

/// The keys of which a section has at least one when it is a provider.
pub(super) const MARKS: &[&str] = &[
    "api_base_url",
    "authorization_endpoint",
    "authorize_url",
    "client_id",
    "server_metadata_url",
];

/// Warns about keys that are unknown, misplaced, or not acted on yet.
pub(super) fn check(table: &Table, level: Level, sections: &[String], report: &mut Report) {
    for name in table.keys() {
        if level == Level::Shared && sections.iter().any(|section| section == name) {
            continue;
        }
        let at = |mistake: Mistake| mistake.at(table.place_of(name));
        let known = KEYS.iter().find(|key| key.name == name);
        let here = |key: &Key| match level {
            // The keys of the unnamed provider stand in [auth] itself.
            Level::Shared => key.shared || key.provider,
            Level::Provider => key.provider,
        };
        match known {
            Some(key) if here(key) && key.acted_on => {}
            Some(key) if here(key) => report.warn(
                at(Mistake::new(format!(
                    "`{}` is not acted on",
                    table.named(name)
                )))
                .cure("this release of keycard knows the key but does nothing with it yet"),
            ),
            Some(_) => report.warn(
                at(Mistake::new(format!(
                    "`{}` does not belong here",
                    table.named(name)
                )))
                .cure(format!(
                    "move it to [auth]: {name} counts for every provider"
                )),
            ),
            None if required_but_absent(table, name, level).is_some() => {}
            None => report.warn(at(Mistake::new(format!(
                "unknown key `{}`",
                table.named(name)
            ))
            .cure(match nearest(name) {
                Some(nearest) => format!("did you mean {nearest}?"),
                None => "keycard does nothing with it".to_owned(),
            }))),
        }
    }
}

/// A mistake about a key that is not there, which names the one that was meant.
pub(super) fn missing(table: &Table, key: &str, cure: impl Into<String>) -> Mistake {
    let mistake = Mistake::missing(&table.named(key));
    match meant(table, key) {
        Some(meant) => mistake
            .at(table.place_of(meant))
            .found(format!("`{}` is not a key", table.named(meant)))
            .cure(format!("rename it to {key}")),
        None => mistake.at(table.place()).cure(cure),
    }
}

/// A string that a provider cannot do without.
pub(super) fn required(section: &Table, key: &str, report: &mut Report) -> Option<String> {
    if !section.contains(key) {
        let cure = format!("add {key} = \"…\", as the provider's console shows it");
        report.error(missing(section, key, cure));
        return None;
    }
    let value = section.string(key, report)?;
    if value.trim().is_empty() {
        let cure = "copy it from the provider's console";
        report.error(section.mistake(key).found("it is empty").cure(cure));
        return None;
    }
    Some(value.to_owned())
}

/// The known key that `name` was meant to be.
pub(super) fn nearest(name: &str) -> Option<&'static str> {
    KEYS.iter()
        .map(|key| (distance(name, key.name), key.name))
        .filter(|(distance, known)| *distance <= allowed(known))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, known)| known)
}

/// The key of `table` that was meant to be `wanted`, if there is one.
fn meant<'a>(table: &'a Table, wanted: &str) -> Option<&'a str> {
    table
        .keys()
        .find(|name| KEYS.iter().all(|key| key.name != *name) && nearest(name) == Some(wanted))
}

pub(super) fn is_near(name: &str, wanted: &str) -> bool {
    distance(name, wanted) <= allowed(wanted)
}

/// A misspelt required key is an error where the key is missed, so it is no warning beside.
fn required_but_absent(table: &Table, name: &str, level: Level) -> Option<&'static str> {
    let required: &[&str] = match level {
        Level::Shared => &["redirect_uri", "cookie_secret"],
        Level::Provider => &["client_id", "client_secret", "server_metadata_url"],
    };
    nearest(name).filter(|nearest| required.contains(nearest) && !table.contains(nearest))
}

/// Typing errors apart: `Client-ID` is `client_id`.
fn distance(name: &str, known: &str) -> usize {
    let name = name.to_ascii_lowercase().replace('-', "_");
    strsim::damerau_levenshtein(&name, known)
}

fn allowed(known: &str) -> usize {
    (known.len() / 4).clamp(1, 3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_of_a_secrets_file_has_every_key_that_is_acted_on_and_no_other() {
        let example = include_str!("../../.streamlit-example/secrets.toml");
        let written: Vec<_> = example
            .lines()
            .filter_map(|line| line.trim_start_matches('#').split_once(" = "))
            .map(|(name, _)| name)
            .collect();

        for key in KEYS {
            assert_eq!(written.contains(&key.name), key.acted_on, "{}", key.name);
        }
    }
}
