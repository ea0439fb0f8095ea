//! Keys that are missing, misspelt, or in a table where they count for nothing.

use super::diagnostic::{Mistake, Report};
use super::keys::{self, Effect, Key, Level, MARKS, OF_OWN_PROVIDER};
use super::provider::DEFAULT;
use super::tree::Table;
use crate::own_provider::Added;
use crate::presets;

/// The keys that `[auth]` cannot do without.
const OF_AUTH: &[&str] = &["cookie_secret", "redirect_uri"];
/// The keys that a provider cannot do without.
const OF_PROVIDER: &[&str] = &["client_id", "client_secret", "server_metadata_url"];

/// The names of the providers in `[auth]`, and of those that the app adds.
pub(super) fn providers(auth: &Table, added: &[Added]) -> Vec<String> {
    let is_added = |name: &str| added.iter().any(|added| added.name == name);
    let mut named: Vec<_> = auth
        .keys()
        .filter(|key| *key != "client_kwargs" && !is_added(key) && is_section(auth, key))
        .collect();
    let unnamed = MARKS.iter().any(|mark| auth.contains(mark))
        && auth.subtable(DEFAULT).is_none()
        && !is_added(DEFAULT)
        && !holds_strays(auth, &named);
    named.extend(added.iter().map(|added| added.name.as_str()));
    named.sort_unstable();
    named
        .into_iter()
        .map(str::to_owned)
        .chain(unnamed.then(|| DEFAULT.to_owned()))
        .collect()
}

/// Whether a table in `[auth]` is meant to be a provider: by what it holds, or by its name.
fn is_section(auth: &Table, name: &str) -> bool {
    let table = auth.subtable(name);
    table.is_some_and(|table| is_provider(table) || presets::find(name).is_some())
}

/// Whether a table is meant to be a provider.
pub(super) fn is_provider(table: &Table) -> bool {
    table.keys().any(|key| {
        let near = || keys::nearest(key, Level::Provider);
        MARKS.contains(&key) || near().is_some_and(|near| MARKS.contains(&near.name))
    })
}

/// Whether it is a key that `[auth]` cannot do without.
pub(super) fn is_of_auth(key: &str) -> bool {
    OF_AUTH.contains(&key)
}

/// Whether what `[auth]` has of a provider is what some of its sections lack.
fn holds_strays(auth: &Table, sections: &[&str]) -> bool {
    let lacked = |key: &&str| {
        sections
            .iter()
            .filter_map(|name| auth.subtable(name))
            .any(|section| !section.contains(key))
    };
    let mut held = OF_PROVIDER.iter().filter(|key| auth.contains(key));
    !OF_PROVIDER.iter().all(|key| auth.contains(key)) && held.all(lacked)
}

/// Warns about keys that are unknown, misplaced, or not acted on.
pub(super) fn check(table: &Table, level: Level, sections: &[String], report: &mut Report) {
    for name in table.keys() {
        if level == Level::Shared && sections.iter().any(|section| section == name) {
            continue;
        }
        if let Some(mistake) = look_at(table, name, level, sections) {
            report.warn(mistake.at(table.place_of(name)));
        }
    }
}

/// Refuses keys that say whose people may log in where they count for nobody.
pub(super) fn check_restrictions(auth: &Table, sections: &[String], report: &mut Report) {
    let has_unnamed =
        sections.iter().any(|name| name == DEFAULT) && auth.subtable(DEFAULT).is_none();
    let in_auth = (!has_unnamed).then_some(auth);
    let deeper = subtables(auth).flat_map(subtables);
    let unnamed = auth.subtable("client_kwargs");
    for table in in_auth.into_iter().chain(deeper).chain(unnamed) {
        for key in table.keys().filter(|key| presets::restricts(key)) {
            report.error(
                Mistake::new(format!("`{}` counts for nobody here", table.named(key)))
                    .at(table.place_of(key))
                    .cure("move it into the provider's own section"),
            );
        }
    }
}

fn subtables(table: &Table) -> impl Iterator<Item = &Table> {
    table.keys().filter_map(|key| table.subtable(key))
}

fn look_at(table: &Table, name: &str, level: Level, sections: &[String]) -> Option<Mistake> {
    let shown = table.named(name);
    match keys::find(name, level) {
        Some(key) if key.belongs(level) => match key.effect {
            Effect::ActedOn | Effect::Authlib => None,
            Effect::Idle(why) => {
                Some(Mistake::new(format!("`{shown}` counts for nothing")).cure(why))
            }
        },
        Some(key) => Some(misplaced(table, key)),
        None if level == Level::Shared && table.subtable(name).is_some() => {
            // Where there is none at all, that is a mistake of its own.
            (!sections.is_empty()).then(|| no_provider(table, name))
        }
        None if stands_for_one_that_is_missing(table, name, level) => None,
        None => Some(Mistake::new(format!("unknown key `{shown}`")).cure(
            match keys::of_panel(name).or_else(|| keys::nearest(name, level)) {
                Some(near) if near.belongs(level) => format!("did you mean {}?", near.name),
                Some(near) => {
                    format!(
                        "did you mean {}? it belongs in {}",
                        near.name,
                        home(table, near)
                    )
                }
                None => "keycard does nothing with it".to_owned(),
            },
        )),
    }
}

/// A known key that counts for nothing where it stands.
pub(super) fn misplaced(table: &Table, key: &Key) -> Mistake {
    let why = match key.levels {
        [Level::Shared, ..] => format!(": {} counts for every provider", key.name),
        _ => String::new(),
    };
    Mistake::new(format!("`{}` does not belong here", table.named(key.name)))
        .cure(format!("move it to {}{why}", home(table, key)))
}

/// Where a key that stands in `table` belongs.
fn home(table: &Table, key: &Key) -> String {
    let path = table.path();
    let section = path.strip_suffix(".client_kwargs").unwrap_or(path);
    if key.levels.contains(&Level::Shared) {
        "[auth]".to_owned()
    } else if key.levels.contains(&Level::Kwargs) {
        format!("[{section}.client_kwargs]")
    } else {
        format!("[{section}]")
    }
}

/// A table in `[auth]` that nothing marks as a provider.
pub(super) fn no_provider(auth: &Table, name: &str) -> Mistake {
    let shown = auth.named(name);
    if keys::is_near(name, "client_kwargs") {
        return Mistake::new(format!("unknown key `{shown}`")).cure("did you mean client_kwargs?");
    }
    if auth.subtable(name).is_some_and(is_for_own_provider) {
        return Mistake::new(format!("[{shown}] counts for nothing"))
            .found("there is no provider of this name")
            .cure(format!(
                "add it in code, by .provider(\"{}\", …), or add client_id and what else a provider \
                 needs; `keycard check` knows no code",
                name.escape_debug()
            ));
    }
    Mistake::new(format!("[{shown}] is no provider"))
        .found("it has neither client_id nor server_metadata_url")
        .cure("add client_id, client_secret and server_metadata_url to it")
}

/// Whether a table says of a provider only what one of the app's own leaves to the settings.
fn is_for_own_provider(table: &Table) -> bool {
    let mut keys = table.keys().peekable();
    keys.peek().is_some() && keys.all(|key| OF_OWN_PROVIDER.contains(&key))
}

/// A misspelt required key is an error where the key is missed, so it is no warning beside.
fn stands_for_one_that_is_missing(table: &Table, name: &str, level: Level) -> bool {
    let required = match level {
        Level::Kwargs => &[],
        Level::Provider => OF_PROVIDER,
        Level::Shared => OF_AUTH,
    };
    keys::nearest(name, level)
        .is_some_and(|near| required.contains(&near.name) && !table.contains(near.name))
}

/// A mistake about a key that is not there. It names the one that was meant, misspelt in the table
/// itself or right in one of `others`.
pub(super) fn missing(
    table: &Table,
    key: &str,
    level: Level,
    others: &[&Table],
    cure: impl Into<String>,
) -> Mistake {
    let mistake = Mistake::missing(&table.named(key));
    let misspelt = table.keys().find(|name| {
        keys::find(name, level).is_none()
            && keys::nearest(name, level).is_some_and(|near| near.name == key)
    });
    if let Some(misspelt) = misspelt {
        return mistake
            .at(table.place_of(misspelt))
            .found(format!("`{}` is not a key", table.named(misspelt)))
            .cure(format!("rename it to {key}"));
    }
    let Some(other) = others.iter().find(|other| other.contains(key)) else {
        return mistake.at(table.place()).cure(cure);
    };
    let mistake = mistake.at(other.place_of(key));
    if other.path().is_empty() {
        return mistake
            .found("it stands above the first section")
            .cure(format!("write [{}] on a line above it", table.path()));
    }
    mistake
        .found(format!("it stands in [{}]", other.path()))
        .cure(format!(
            "a key belongs to the last [section] above it: move the line, below [{}]",
            table.path()
        ))
}

/// A string that a provider cannot do without.
pub(super) fn required<'a>(
    section: &'a Table,
    key: &str,
    others: &[&Table],
    report: &mut Report,
) -> Option<&'a str> {
    if !section.contains(key) {
        let cure = format!("add {key} = \"…\", as the provider's console shows it");
        report.error(missing(section, key, Level::Provider, others, cure));
        return None;
    }
    let value = section.string(key, report)?;
    if value.trim().is_empty() {
        let cure = "copy it from the provider's console";
        report.error(section.mistake(key).found("it is empty").cure(cure));
        return None;
    }
    Some(value)
}

/// Warns about what was copied along, or not filled in: it counts as it stands.
pub(super) fn check_copied(table: &Table, key: &str, value: &str, report: &mut Report) {
    let (found, cure) = if value.trim() != value {
        (
            "it has white space at an end",
            "take it out, unless it is part of it: it is used as it stands",
        )
    } else if value.starts_with('<') && value.ends_with('>') {
        ("it is not filled in", "write your own, without < and >")
    } else {
        return;
    };
    report.warn(table.mistake(key).found(found).cure(cure));
}
