//! Settings as values that know where they stand.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::Mistake;
use super::place::{Origin, Place, Spot};

/// A table, its keys in alphabetical order, each with the place of the key.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    /// The way to it, such as `auth.google`; empty for the file itself.
    path: String,
    spot: Option<Spot>,
    entries: BTreeMap<String, (Spot, Value)>,
}

impl Table {
    /// The table at `path`, which is empty for a whole file.
    pub(super) fn from_toml(table: Spanned<DeTable<'_>>, path: &str, origin: &Arc<Origin>) -> Self {
        let mut read = Self::empty(path, origin.spot(table.span()));
        for (key, value) in table.into_inner() {
            let spot = origin.spot(key.span());
            let path = match value.get_ref() {
                DeValue::Array(_) | DeValue::Table(_) => read.named(key.get_ref()),
                // Only what holds tables passes its way on.
                _ => String::new(),
            };
            let value = Value::from_toml(value, &path, origin);
            read.insert(key.into_inner().into_owned(), spot, value);
        }
        read
    }

    pub(super) fn empty(path: &str, spot: Spot) -> Self {
        Self {
            path: path.to_owned(),
            spot: Some(spot),
            entries: BTreeMap::new(),
        }
    }

    /// Lays `over` upon this table, key by key.
    pub(super) fn merge(&mut self, over: Self) {
        // A value given in code has no lines to look at.
        if self.spot.is_none() || over.spot.as_ref().is_some_and(Spot::has_lines) {
            self.spot = over.spot;
        }
        for (key, (spot, value)) in over.entries {
            let below = self.entries.get_mut(&key).map(|(_, below)| &mut below.kind);
            match (below, value.kind) {
                (Some(Kind::Table(below)), Kind::Table(above)) => below.merge(above),
                (_, kind) => {
                    let value = Value { kind, ..value };
                    self.insert(key, spot, value);
                }
            }
        }
    }

    /// The tables of one dotted key, with `value` as their only leaf.
    pub(super) fn with_leaf(
        key: DeTable<'_>,
        path: &str,
        value: &serde_json::Value,
        spot: &Spot,
    ) -> Self {
        let mut table = Self::empty(path, spot.clone());
        for (key, below) in key {
            let key = key.into_inner().into_owned();
            let path = table.named(&key);
            let value = match below.into_inner() {
                DeValue::Table(below) => {
                    Value::table(Self::with_leaf(below, &path, value, spot), spot.clone())
                }
                _ => Value::from_json(value, &path, spot),
            };
            table.insert(key, spot.clone(), value);
        }
        table
    }

    /// The tables of one way, with `value` at its end.
    pub(super) fn around(way: &[String], value: Value, spot: &Spot) -> Self {
        let mut value = value;
        for (at, key) in way.iter().enumerate().rev() {
            let path = way[..at]
                .iter()
                .fold(String::new(), |path, key| named(&path, key));
            let mut table = Self::empty(&path, spot.clone());
            table.insert(key.clone(), spot.clone(), value);
            value = Value::table(table, spot.clone());
        }
        match value.kind {
            Kind::Table(table) => table,
            _ => Self::default(),
        }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    pub(super) fn values(&self) -> impl Iterator<Item = (&str, &Value)> {
        let entries = self.entries.iter();
        entries.map(|(key, (_, value))| (key.as_str(), value))
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn value(&self, key: &str) -> Option<&Value> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// Whether a message may quote the value: what came from elsewhere is nobody's to see.
    pub(super) fn is_quotable(&self, key: &str) -> bool {
        self.value(key)
            .is_some_and(|value| value.spot.is_quotable())
    }

    pub(super) fn values_mut(&mut self) -> impl Iterator<Item = (&str, &mut Value)> {
        let entries = self.entries.iter_mut();
        entries.map(|(key, (_, value))| (key.as_str(), value))
    }

    /// The key and value of a table that has one key.
    pub(super) fn only(&self) -> Option<(&str, &Value)> {
        let (key, (_, value)) = self.entries.first_key_value()?;
        (self.entries.len() == 1).then_some((key, value))
    }

    /// The table under `key` if it is one.
    pub(super) fn subtable(&self, key: &str) -> Option<&Self> {
        match &self.value(key)?.kind {
            Kind::Table(table) => Some(table),
            _ => None,
        }
    }

    pub(super) fn subtable_mut(&mut self, key: &str) -> Option<&mut Self> {
        match &mut self.entries.get_mut(key)?.1.kind {
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
        self.spot.as_ref().map(Spot::place)
    }

    pub(super) fn place_of(&self, key: &str) -> Option<Place> {
        self.entries.get(key).map(|(spot, _)| spot.place())
    }

    pub(super) fn insert(&mut self, key: String, spot: Spot, value: Value) {
        self.entries.insert(key, (spot, value));
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Value {
    spot: Spot,
    pub(super) kind: Kind,
}

// Values are secrets until something says otherwise.
#[derive(Clone)]
pub(super) enum Kind {
    Array(Vec<Value>),
    Boolean(bool),
    Datetime(String),
    Number(Number),
    String(String),
    Table(Table),
    /// What was to be brought from elsewhere and is not there; told when it is read.
    Spoilt(Box<Mistake>),
    /// Text from where nothing says what it is, such as a file of a secret directory.
    Untyped(String),
}

/// A number as it is meant and as it is written.
#[derive(Clone)]
pub(super) struct Number {
    pub(super) value: f64,
    /// The digits of a whole number, where they are the number and nothing else.
    pub(super) digits: Option<String>,
}

impl Number {
    fn whole(value: i64, written: &str) -> Self {
        let digits = value.to_string();
        Self {
            #[expect(clippy::cast_precision_loss, reason = "no setting comes near 2^52")]
            value: value as f64,
            digits: (digits == written).then_some(digits),
        }
    }

    fn fraction(value: f64) -> Self {
        Self {
            value,
            digits: None,
        }
    }
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
            Self::Number(_) => "a number",
            Self::Spoilt(_) => "nothing",
            Self::String(_) | Self::Untyped(_) => "a string",
            Self::Table(_) => "a table",
        }
    }
}

impl Value {
    fn from_toml(value: Spanned<DeValue<'_>>, path: &str, origin: &Arc<Origin>) -> Self {
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
            DeValue::Float(value) => {
                let value = value.as_str().parse().unwrap_or(f64::NAN);
                Kind::Number(Number::fraction(value))
            }
            DeValue::Integer(value) => {
                let whole = i64::from_str_radix(value.as_str(), value.radix());
                Kind::Number(whole.map_or_else(
                    |_| Number::fraction(f64::NAN),
                    |whole| Number::whole(whole, value.as_str()),
                ))
            }
            DeValue::String(value) => Kind::String(value.into_owned()),
            DeValue::Table(table) => {
                let table = Spanned::new(span.clone(), table);
                Kind::Table(Table::from_toml(table, path, origin))
            }
        };
        let spot = origin.spot(span);
        Self { spot, kind }
    }

    pub(super) fn untyped(text: String, spot: Spot) -> Self {
        let kind = Kind::Untyped(text);
        Self { spot, kind }
    }

    pub(super) fn table(table: Table, spot: Spot) -> Self {
        let kind = Kind::Table(table);
        Self { spot, kind }
    }

    pub(super) fn place(&self) -> Place {
        self.spot.place()
    }

    /// The name of what it was read from.
    pub(super) fn source(&self) -> &str {
        self.spot.source()
    }

    /// Whether it leaves the port to be filled in.
    pub(super) fn has_port(&self) -> bool {
        matches!(&self.kind, Kind::String(text) | Kind::Untyped(text) if text.contains("{port}"))
    }

    /// Puts text from `source` here; from nowhere else if that is empty.
    pub(super) fn replace(&mut self, text: String, source: &str) {
        self.kind = if source.is_empty() {
            Kind::String(text)
        } else {
            self.spot = self.spot.from(source);
            Kind::Untyped(text)
        };
    }

    /// Why it could not be brought from elsewhere.
    pub(super) fn spoilt(&self) -> Option<&Mistake> {
        match &self.kind {
            Kind::Spoilt(mistake) => Some(mistake),
            _ => None,
        }
    }

    pub(super) fn spoil(&mut self, mistake: Mistake) {
        self.kind = Kind::Spoilt(Box::new(mistake));
    }

    fn from_json(value: &serde_json::Value, path: &str, spot: &Spot) -> Self {
        let kind = match value {
            serde_json::Value::Null => Kind::String(String::new()),
            serde_json::Value::Bool(value) => Kind::Boolean(*value),
            serde_json::Value::Number(value) => Kind::Number(match value.as_i64() {
                Some(whole) => Number::whole(whole, &value.to_string()),
                None => Number::fraction(value.as_f64().unwrap_or(f64::NAN)),
            }),
            serde_json::Value::String(value) => Kind::String(value.clone()),
            serde_json::Value::Array(values) => Kind::Array(
                values
                    .iter()
                    .map(|value| Self::from_json(value, path, spot))
                    .collect(),
            ),
            serde_json::Value::Object(members) => {
                let mut table = Table::empty(path, spot.clone());
                for (key, value) in members {
                    let value = Self::from_json(value, &table.named(key), spot);
                    table.insert(key.clone(), spot.clone(), value);
                }
                Kind::Table(table)
            }
        };
        Self {
            spot: spot.clone(),
            kind,
        }
    }
}

/// The way to `key` below `path`.
pub(super) fn named(path: &str, key: &str) -> String {
    let bare = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    let is_bare = !key.is_empty() && key.bytes().all(bare);
    match (path, is_bare) {
        ("", true) => key.to_owned(),
        ("", false) => format!("\"{}\"", key.escape_debug()),
        (path, true) => [path, ".", key].concat(),
        (path, false) => format!("{path}.\"{}\"", key.escape_debug()),
    }
}
