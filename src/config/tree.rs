//! Settings as values that know where they stand.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::diagnostic::{Mistake, Report};

/// A source's name and where its lines begin.
#[derive(Debug)]
pub(super) struct Origin {
    name: Arc<str>,
    lines: Vec<usize>,
    text_length: usize,
}

impl Origin {
    pub(super) fn new(name: String, text: &str) -> Self {
        let first = (!text.is_empty()).then_some(0);
        let begins = text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .map(|(at, _)| at + 1);
        Self {
            name: name.into(),
            lines: first.into_iter().chain(begins).collect(),
            text_length: text.len(),
        }
    }

    /// The place of the byte at `offset`; the source as a whole where it has no text.
    pub(super) fn place(&self, offset: usize) -> Place {
        let line = self
            .lines
            .partition_point(|begin| *begin <= offset.min(self.text_length));
        let begin = self.lines.get(line.saturating_sub(1)).copied().unwrap_or(0);
        Place {
            name: self.name.clone(),
            line,
            column: offset.saturating_sub(begin) + 1,
        }
    }

    /// The source as a whole.
    pub(super) fn whole(&self) -> Place {
        Place {
            name: self.name.clone(),
            line: 0,
            column: 0,
        }
    }
}

/// A file, and where in it: line and column (in bytes) count from 1; 0 is the source as a whole.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    name: Arc<str>,
    line: usize,
    column: usize,
}

impl Place {
    pub(super) fn line(&self) -> usize {
        self.line
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if self.line > 0 {
            write!(f, ":{}:{}", self.line, self.column)?;
        }
        Ok(())
    }
}

/// The way to a key, such as `auth.google.client_id`.
#[derive(Clone, Debug)]
pub(crate) struct Path(String);

impl Path {
    pub(super) fn root() -> Self {
        Self(String::new())
    }

    pub(super) fn key(&self, key: &str) -> Self {
        Self(self.named(key))
    }

    /// The whole way to `key`, quoted where TOML would quote it.
    pub(super) fn named(&self, key: &str) -> String {
        let bare = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-';
        let key = if !key.is_empty() && key.chars().all(bare) {
            key.to_owned()
        } else {
            format!("\"{}\"", key.escape_debug())
        };
        if self.0.is_empty() {
            key
        } else {
            format!("{}.{key}", self.0)
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Value {
    place: Place,
    kind: Kind,
}

// Values are secrets until something says otherwise.
#[derive(Clone)]
enum Kind {
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
    fn name(&self) -> &'static str {
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
    fn from_toml(value: Spanned<DeValue<'_>>, origin: &Origin) -> Self {
        let place = origin.place(value.span().start);
        let span = value.span();
        let kind = match value.into_inner() {
            DeValue::Array(values) => Kind::Array(
                values
                    .into_iter()
                    .map(|value| Self::from_toml(value, origin))
                    .collect(),
            ),
            DeValue::Boolean(value) => Kind::Boolean(value),
            DeValue::Datetime(value) => Kind::Datetime(value.to_string()),
            DeValue::Float(value) => Kind::Float(value.as_str().parse().unwrap_or(f64::NAN)),
            DeValue::Integer(value) => i64::from_str_radix(value.as_str(), value.radix())
                .map_or(Kind::Float(f64::NAN), Kind::Integer),
            DeValue::String(value) => Kind::String(value.into_owned()),
            DeValue::Table(table) => {
                Kind::Table(Table::from_toml(Spanned::new(span, table), origin))
            }
        };
        Self { place, kind }
    }

    pub(super) fn from_json(value: &serde_json::Value, place: &Place) -> Self {
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
                    .map(|value| Self::from_json(value, place))
                    .collect(),
            ),
            serde_json::Value::Object(members) => {
                let mut table = Table {
                    place: Some(place.clone()),
                    ..Table::default()
                };
                for (key, value) in members {
                    table.insert(key.clone(), place.clone(), Self::from_json(value, place));
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

/// A table, its keys in alphabetical order, each with the place of the key.
#[derive(Clone, Debug, Default)]
pub(super) struct Table {
    place: Option<Place>,
    entries: BTreeMap<String, (Place, Value)>,
}

impl Table {
    pub(super) fn from_toml(table: Spanned<DeTable<'_>>, origin: &Origin) -> Self {
        let place = Some(origin.place(table.span().start));
        let entries = table
            .into_inner()
            .into_iter()
            .map(|(key, value)| {
                let place = origin.place(key.span().start);
                (
                    key.into_inner().into_owned(),
                    (place, Value::from_toml(value, origin)),
                )
            })
            .collect();
        Self { place, entries }
    }

    /// Lays `over` upon this table, key by key.
    pub(super) fn merge(&mut self, over: Self) {
        self.place = self.place.take().or(over.place);
        for (key, (place, value)) in over.entries {
            match (self.entries.get_mut(&key), value) {
                (
                    Some((
                        _,
                        Value {
                            kind: Kind::Table(below),
                            ..
                        },
                    )),
                    Value {
                        kind: Kind::Table(above),
                        ..
                    },
                ) => below.merge(above),
                (_, value) => self.insert(key, place, value),
            }
        }
    }

    /// Puts `value` in the place of the only leaf of a table made from one dotted key.
    pub(super) fn set_leaf(&mut self, value: &Value) {
        for (_, entry) in self.entries.values_mut() {
            match &mut entry.kind {
                Kind::Table(table) => table.set_leaf(value),
                _ => *entry = value.clone(),
            }
        }
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    pub(super) fn contains(&self, key: &str) -> bool {
        self.entries.contains_key(key)
    }

    pub(super) fn place(&self) -> Option<Place> {
        self.place.clone()
    }

    pub(super) fn place_of(&self, key: &str) -> Option<Place> {
        self.entries.get(key).map(|(place, _)| place.clone())
    }

    /// The table under `key` if it is one.
    pub(super) fn subtable(&self, key: &str) -> Option<&Self> {
        match &self.entries.get(key)?.1.kind {
            Kind::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The beginning of a mistake in the value under `key`, at its place.
    pub(super) fn mistake(&self, key: &str, path: &Path) -> Mistake {
        let place = self.entries.get(key).map(|(_, value)| value.place.clone());
        Mistake::invalid(&path.named(key)).at(place)
    }

    pub(super) fn table(&self, key: &str, path: &Path, report: &mut Report) -> Option<&Self> {
        let (_, value) = self.entries.get(key)?;
        let Kind::Table(table) = &value.kind else {
            let cure = format!("write [{}] as a section of its own", path.named(key));
            report.error(self.wrong(key, value, "a table", path).cure(cure));
            return None;
        };
        Some(table)
    }

    pub(super) fn string(&self, key: &str, path: &Path, report: &mut Report) -> Option<&str> {
        let (_, value) = self.entries.get(key)?;
        let Kind::String(string) = &value.kind else {
            let cure = format!("put quotes around it: {key} = \"…\"");
            report.error(self.wrong(key, value, "a string", path).cure(cure));
            return None;
        };
        Some(string)
    }

    /// A string, or a list of them.
    pub(super) fn strings(
        &self,
        key: &str,
        path: &Path,
        report: &mut Report,
    ) -> Option<Vec<String>> {
        let (_, value) = self.entries.get(key)?;
        let mut found = value.kind.name();
        let strings: Option<Vec<String>> = match &value.kind {
            Kind::String(string) => Some(vec![string.clone()]),
            Kind::Array(values) => values
                .iter()
                .map(|value| match &value.kind {
                    Kind::String(string) => Some(string.clone()),
                    other => {
                        found = other.name();
                        None
                    }
                })
                .collect(),
            _ => None,
        };
        if strings.is_none() {
            let within = match &value.kind {
                Kind::Array(_) => " in the list",
                _ => "",
            };
            report.error(
                self.mistake(key, path)
                    .found(format!("expected a list of strings, found {found}{within}"))
                    .cure(format!("write {key} = [\"…\", \"…\"]")),
            );
        }
        strings
    }

    /// A value that goes into a URL: a string, or a number or boolean as it is written.
    pub(super) fn parameter(&self, key: &str, path: &Path, report: &mut Report) -> Option<String> {
        let (_, value) = self.entries.get(key)?;
        match &value.kind {
            Kind::String(string) => Some(string.clone()),
            Kind::Integer(number) => Some(number.to_string()),
            Kind::Boolean(boolean) => Some(boolean.to_string()),
            _ => {
                let cure = format!("write {key} = \"…\"");
                report.error(self.wrong(key, value, "a string", path).cure(cure));
                None
            }
        }
    }

    pub(super) fn boolean(&self, key: &str, path: &Path, report: &mut Report) -> Option<bool> {
        let (_, value) = self.entries.get(key)?;
        let Kind::Boolean(boolean) = value.kind else {
            let cure = format!("write {key} = true or {key} = false");
            report.error(self.wrong(key, value, "true or false", path).cure(cure));
            return None;
        };
        Some(boolean)
    }

    pub(super) fn number(&self, key: &str, path: &Path, report: &mut Report) -> Option<f64> {
        let (_, value) = self.entries.get(key)?;
        match value.kind {
            #[expect(clippy::cast_precision_loss, reason = "no setting comes near 2^52")]
            Kind::Integer(number) => Some(number as f64),
            Kind::Float(number) if number.is_finite() => Some(number),
            _ => {
                let cure = format!("write it without quotes, such as {key} = 10");
                report.error(self.wrong(key, value, "a number", path).cure(cure));
                None
            }
        }
    }

    /// A date with or without a time; without an offset it is UTC.
    pub(super) fn instant(
        &self,
        key: &str,
        path: &Path,
        report: &mut Report,
    ) -> Option<SystemTime> {
        let (_, value) = self.entries.get(key)?;
        let written = match &value.kind {
            Kind::Datetime(written) | Kind::String(written) => instant(written),
            _ => None,
        };
        if written.is_none() {
            let cure = format!("write {key} = 2026-12-31T12:00:00Z, without quotes");
            report.error(self.wrong(key, value, "a date and time", path).cure(cure));
        }
        written
    }

    fn insert(&mut self, key: String, place: Place, value: Value) {
        self.entries.insert(key, (place, value));
    }

    fn wrong(&self, key: &str, value: &Value, expected: &str, path: &Path) -> Mistake {
        self.mistake(key, path)
            .found(format!("expected {expected}, found {}", value.kind.name()))
    }
}

fn instant(written: &str) -> Option<SystemTime> {
    let mut full = written.replace(' ', "T");
    if full.len() == "2026-12-31".len() {
        full.push_str("T00:00:00Z");
    }
    let instant = OffsetDateTime::parse(&full, &Rfc3339)
        .or_else(|_| OffsetDateTime::parse(&format!("{full}Z"), &Rfc3339))
        .ok()?;
    let seconds = u64::try_from(instant.unix_timestamp()).ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::from_secs(seconds))
}
