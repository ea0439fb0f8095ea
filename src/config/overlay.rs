//! Settings as variables: `KEYCARD_AUTH__GOOGLE__CLIENT_ID` is `client_id` of `[auth.google]`.

use super::diagnostic::{Mistake, Report};
use super::environment::Environment;
use super::keys::{self, Level};
use super::place::Origin;
use super::tree::{Table, Value};

const PREFIX: &str = "KEYCARD_AUTH__";
/// Between the parts of a name.
const MARK: &str = "__";

/// Every setting that the environment has, as a table to lay over the others, and the names of the
/// variables. Sections are those of `tree`; where it has none, the variables make them.
pub(super) fn read(
    tree: &Table,
    environment: &Environment,
    report: &mut Report,
) -> Vec<(String, Table)> {
    let sections: Vec<&str> = tree.subtable("auth").map(sections).unwrap_or_default();
    let mut read = Vec::<(String, Table, Vec<String>)>::new();
    for (name, value) in &environment.variables {
        let upper = name.to_ascii_uppercase();
        let Some(rest) = upper.strip_prefix(PREFIX) else {
            continue;
        };
        let shown = name.escape_debug().to_string();
        let path = match path(rest, &sections) {
            Ok(path) => path,
            Err(mistake) => {
                report.error(mistake(&shown));
                continue;
            }
        };
        let Some(text) = value.to_str() else {
            report.error(
                Mistake::new(format!("the variable {shown} is not UTF-8")).cure("set it to text"),
            );
            continue;
        };
        if let Some((other, ..)) = read.iter().find(|(_, _, known)| *known == path) {
            report.error(
                Mistake::new(format!("{other} and {shown} are one key")).cure("unset one of them"),
            );
            continue;
        }
        // That is how some tools leave a variable out.
        if text.is_empty() && is_known(tree, &path) {
            continue;
        }
        let spot = Origin::outside(format!("the variable {shown}"));
        let value = Value::untyped(text.to_owned(), spot.clone());
        read.push((shown, Table::around(&path, value, &spot), path));
    }
    read.into_iter()
        .map(|(name, table, _)| (name, table))
        .collect()
}

/// Whether there is a value at the end of this way already.
fn is_known(tree: &Table, path: &[String]) -> bool {
    let Some((key, tables)) = path.split_last() else {
        return false;
    };
    let table = tables
        .iter()
        .try_fold(tree, |table, name| table.subtable(name));
    table.is_some_and(|table| table.contains(key))
}

/// The names of the tables in `[auth]` that can be a provider's.
fn sections(auth: &Table) -> Vec<&str> {
    auth.keys()
        .filter(|key| keys::find(key, Level::Shared).is_none_or(|key| !key.belongs(Level::Shared)))
        .filter(|key| auth.subtable(key).is_some())
        .collect()
}

/// The way to the key that the rest of a variable's name means.
fn path(rest: &str, sections: &[&str]) -> Result<Vec<String>, impl Fn(&str) -> Mistake> {
    let fits: Vec<_> = sections
        .iter()
        .filter_map(|section| Some((*section, below(rest, section)?)))
        .collect();
    let (section, key) = match (fits.as_slice(), rest.split_once(MARK)) {
        ([(section, key)], _) => (Some((*section).to_owned()), *key),
        ([], None) => (None, rest),
        ([], Some((table, _))) if keys::PARAMETER_TABLES.contains(&lower(table).as_str()) => {
            (None, rest)
        }
        ([], Some((section, key))) if sections.is_empty() => (Some(lower(section)), key),
        _ => return Err(objection(&fits, sections)),
    };
    let keys = match key.split_once(MARK) {
        Some((table, key)) => vec![lower(table), lower(key)],
        None => vec![lower(key)],
    };
    Ok(["auth".to_owned()]
        .into_iter()
        .chain(section)
        .chain(keys)
        .collect())
}

/// What follows the name of a section, written as variables are.
fn below<'a>(rest: &'a str, section: &str) -> Option<&'a str> {
    let key = rest.strip_prefix(&written(section))?.strip_prefix(MARK)?;
    (!key.is_empty()).then_some(key)
}

/// A section's name as a variable has it: what no variable can have is an underscore.
fn written(section: &str) -> String {
    let letter = |c: char| match c.to_ascii_uppercase() {
        c if c.is_ascii_alphanumeric() => c,
        _ => '_',
    };
    section.chars().map(letter).collect()
}

fn objection(fits: &[(&str, &str)], sections: &[&str]) -> impl Fn(&str) -> Mistake + use<> {
    let named = |sections: &mut dyn Iterator<Item = &str>| {
        let named: Vec<_> = sections
            .map(|it| format!("[{}]", super::tree::named("auth", it)))
            .collect();
        named.join(" and ")
    };
    let (what, found, cure) = if fits.is_empty() {
        let all = named(&mut sections.iter().copied());
        (
            "fits no section",
            String::new(),
            format!("the sections are {all}"),
        )
    } else {
        let both = named(&mut fits.iter().map(|(section, _)| *section));
        ("fits two sections", both, "rename one of them".to_owned())
    };
    move |name| {
        Mistake::new(format!("the variable {name} {what}"))
            .found(&*found)
            .cure(&*cure)
    }
}

fn lower(text: &str) -> String {
    text.to_ascii_lowercase()
}
