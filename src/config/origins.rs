//! Where each value came from, by name.

use std::collections::{BTreeMap, BTreeSet};

use super::tree::{Kind, Table, Value};

/// Each source of a table's values with the keys that it gave; a whole section by its name.
pub(super) fn told(table: &Table) -> String {
    let mut told = BTreeMap::new();
    tell(table, &mut told);
    let told: Vec<_> = told
        .into_iter()
        .map(|(source, keys)| format!("{source} ({})", keys.join(", ")))
        .collect();
    told.join("; ")
}

fn tell<'a>(table: &'a Table, told: &mut BTreeMap<&'a str, Vec<String>>) {
    let sources = sources(table);
    if let (1, Some(source)) = (sources.len(), sources.first()) {
        let whole = format!("[{}]", table.path());
        told.entry(source).or_default().push(whole);
        return;
    }
    for (key, value) in table.values() {
        match &value.kind {
            Kind::Table(table) => tell(table, told),
            _ => {
                for source in of_value(value) {
                    told.entry(source).or_default().push(table.named(key));
                }
            }
        }
    }
}

fn sources(table: &Table) -> BTreeSet<&str> {
    table
        .values()
        .flat_map(|(_, value)| of_value(value))
        .collect()
}

fn of_value(value: &Value) -> BTreeSet<&str> {
    match &value.kind {
        Kind::Array(values) if !values.is_empty() => values.iter().flat_map(of_value).collect(),
        Kind::Table(table) => sources(table),
        _ => [value.source()].into(),
    }
}
