//! Settings as values that know where they stand.

use std::collections::BTreeMap;
use std::fmt;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::place::{Origin, Place};

/// A table, its keys in alphabetical order, each with the place of the key.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// The way to it, such as `auth.google`; empty for the file itself.
    path: String,
    place: Option<Place>,
    entries: BTreeMap<String, (Place, Value)>,
}

impl Table {
    pub(super) fn from_toml(table: Spanned<DeTable<'_>>, path: &str, origin: &Origin) -> Self {
        let place = origin.place(table.span().start);
        let mut read = Self::empty(path, place);
        for (key, value) in table.into_inner() {
            let place = origin.place(key.span().start);
            let value = Value::from_toml(value, &read.named(key.get_ref()), origin);
            read.insert(key.into_inner().into_owned(), place, value);
        }
        read
    }

    fn empty(path: &str, place: Place) -> Self {
        Self {
            path: path.to_owned(),
            place: Some(place),
            entries: BTreeMap::new(),
        }
    }

    /// Lays `over` upon this table, key by key.
    pub(super) fn merge(&mut self, over: Self) {
        self.place = self.place.take().or(over.place);
        for (key, (place, value)) in over.entries {
            let below = self.entries.get_mut(&key).map(|(_, below)| &mut below.kind);
            match (below, value.kind) {
                (Some(Kind::Table(below)), Kind::Table(above)) => below.merge(above),
                (_, kind) => {
                    let value = Value { kind, ..value };
                    self.insert(key, place, value);
                }
            }
        }
    }

    /// Puts `value` in the place of the only leaf of a table made from one dotted key.
    pub(super) fn set_leaf(&mut self, value: &serde_json::Value, place: &Place) {
        let path = self.path.clone();
        for (key, (_, entry)) in &mut self.entries {
            match &mut entry.kind {
                Kind::Table(table) => table.set_leaf(value, place),
                _ => *entry = Value::from_json(value, &named(&path, key), place),
            }
        }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// The table under `key` if it is one.
    pub(super) fn subtable(&self, key: &str) -> Option<&Self> {
        match &self.value(key)?.kind {
            Kind::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// The whole way to `key`, quoted where TOML would quote it.
    pub(super) fn named(&self, key: &str) -> String {
        named(&self.path, key)
    }

    pub(super) fn place(&self) -> Option<Place> {
        self.place.clone()
    }

    pub(super) fn place_of(&self, key: &str) -> Option<Place> {
        self.entries.get(key).map(|(place, _)| place.clone())
    }

    fn insert(&mut self, key: String, place: Place, value: Value) {
        self.entries.insert(key, (place, value));
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Value {
    pub(super) place: Place,
    pub(super) kind: Kind,
}

// Values are secrets until something says otherwise.
#[derive(Clone)]
pub(super) enum Kind {
    Array(Vec<Value>),
    Boolean(bool),
    Datetime(String),
    Float(f64),
    Integer(i64),
    String(String),
    Table(Table),
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl Kind {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Array(_) => "an array",
            Self::Boolean(_) => "a boolean",
            Self::Datetime(_) => "a date",
            Self::Float(_) | Self::Integer(_) => "a number",
            Self::String(_) => "a string",
            Self::Table(_) => "a table",
        }
    }
}

impl Value {
    fn from_toml(value: Spanned<DeValue<'_>>, path: &str, origin: &Origin) -> Self {
        let span = value.span();
        let kind = match value.into_inner() {
            DeValue::Array(values) => Kind::Array(
                values
                    .into_iter()
                    .map(|value| Self::from_toml(value, path, origin))
                    .collect(),
            ),
            DeValue::Boolean(value) => Kind::Boolean(value),
            DeValue::Datetime(value) => Kind::Datetime(value.to_string()),
            DeValue::Float(value) => Kind::Float(value.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Integer(value) => i64::from_str_radix(value.as_str(), value.radix())
                .map_or(Kind::Float(f64::NAN), Kind::Integer),
            DeValue::String(value) => Kind::String(value.into_owned()),
            DeValue::Table(table) => {
                let table = Spanned::new(span.clone(), table);
                Kind::Table(Table::from_toml(table, path, origin))
            }
        };
        let place = origin.place(span.start);
        Self { place, kind }
    }

    fn from_json(value: &serde_json::Value, path: &str, place: &Place) -> Self {
        let kind = match value {
            serde_json::Value::Null => Kind::String(String::new()),
            serde_json::Value::Bool(value) => Kind::Boolean(*value),
            serde_json::Value::Number(value) => match value.as_i64() {
                Some(value) => Kind::Integer(value),
                None => Kind::Float(value.as_f64().unwrap_or(f64::NAN)),
            },
            serde_json::Value::String(value) => Kind::String(value.clone()),
            serde_json::Value::Array(values) => Kind::Array(
                values
                    .iter()
                    .map(|value| Self::from_json(value, path, place))
                    .collect(),
            ),
            serde_json::Value::Object(members) => {
                let mut table = Table::empty(path, place.clone());
                for (key, value) in members {
                    let value = Self::from_json(value, &table.named(key), place);
                    table.insert(key.clone(), place.clone(), value);
                }
                Kind::Table(table)
            }
        };
        Self {
            place: place.clone(),
            kind,
        }
    }
}

fn named(path: &str, key: &str) -> String {
    let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
    let key = if !key.is_empty() && key.chars().all(bare) {
        key.to_owned()
    } else {
        format!("\"{}\"", key.escape_debug())
    };
    if path.is_empty() {
        key
    } else {
        format!("{path}.{key}")
    }
}
