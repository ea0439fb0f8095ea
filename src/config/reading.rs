//! Values read as what they are meant to be, and the mistake where they are none.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime};

use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

use super::diagnostic::{Mistake, Report};
use super::tree::{Kind, Table, Value};

impl Table {
    /// The beginning of a mistake in the value under `key`, at its place.
    pub(super) fn mistake(&self, key: &str) -> Mistake {
        let place = self.value(key).map(Value::place);
        Mistake::invalid(&self.named(key)).at(place)
    }

    /// The value under `key`; where it could not be brought from elsewhere, that is reported.
    pub(super) fn brought(&self, key: &str, report: &mut Report) -> Option<&Value> {
        let value = self.value(key)?;
        if let Some(mistake) = value.spoilt() {
            report.error(mistake.clone());
            return None;
        }
        Some(value)
    }

    pub(super) fn table(&self, key: &str, report: &mut Report) -> Option<&Self> {
        let value = self.brought(key, report)?;
        let Kind::Table(table) = &value.kind else {
            let cure = format!("write [{}] as a section of its own", self.named(key));
            report.error(self.wrong(key, value, "a table").cure(cure));
            return None;
        };
        Some(table)
    }

    /// A string, or a number that is one when it is written without quotes.
    pub(super) fn string(&self, key: &str, report: &mut Report) -> Option<&str> {
        let value = self.brought(key, report)?;
        if let Kind::Number(number) = &value.kind
            && let Some(digits) = &number.digits
        {
            return Some(digits);
        }
        self.text(key, report)
    }

    /// A string, and nothing that would have to be turned into one.
    pub(super) fn text(&self, key: &str, report: &mut Report) -> Option<&str> {
        let value = self.brought(key, report)?;
        let (Kind::String(text) | Kind::Untyped(text)) = &value.kind else {
            let cure = format!("put quotes around it: {key} = \"…\"");
            report.error(self.wrong(key, value, "a string").cure(cure));
            return None;
        };
        let is_control = |c: &char| c.is_control() && !matches!(c, '\t' | '\n' | '\r');
        if let Some(control) = text.chars().find(is_control) {
            report.error(
                self.mistake(key)
                    .found(format!(
                        "it has U+{:04X}, a control character",
                        u32::from(control)
                    ))
                    .cure("copy it once more, from where it is shown as text"),
            );
            return None;
        }
        Some(text)
    }

    /// A string, or a list of them.
    pub(super) fn strings(&self, key: &str, report: &mut Report) -> Option<Vec<String>> {
        let value = self.brought(key, report)?;
        let (strings, within) = match &value.kind {
            Kind::Array(values) => {
                if let Some(spoilt) = values.iter().find_map(Value::spoilt) {
                    report.error(spoilt.clone());
                    return None;
                }
                (values.iter().map(as_string).collect(), " in the list")
            }
            _ => (as_string(value).map(|string| vec![string]), ""),
        };
        if let Err(found) = strings {
            report.error(
                self.mistake(key)
                    .found(format!("expected a list of strings, found {found}{within}"))
                    .cure(format!("write {key} = [\"…\", \"…\"]")),
            );
        }
        strings.ok()
    }

    /// A value that goes into a URL: a string, or a number or boolean as it is written.
    pub(super) fn parameter(&self, key: &str, report: &mut Report) -> Option<String> {
        match self.brought(key, report)?.kind {
            Kind::Boolean(boolean) => Some(boolean.to_string()),
            _ => self.string(key, report).map(str::to_owned),
        }
    }

    pub(super) fn boolean(&self, key: &str, report: &mut Report) -> Option<bool> {
        let value = self.brought(key, report)?;
        match &value.kind {
            Kind::Boolean(boolean) => return Some(*boolean),
            Kind::Untyped(text) if text == "true" => return Some(true),
            Kind::Untyped(text) if text == "false" => return Some(false),
            _ => {}
        }
        let cure = format!("write {key} = true or {key} = false");
        report.error(self.wrong(key, value, "true or false").cure(cure));
        None
    }

    pub(super) fn number(&self, key: &str, report: &mut Report) -> Option<f64> {
        let value = self.brought(key, report)?;
        let number = match &value.kind {
            Kind::Number(number) => Some(number.value),
            Kind::Untyped(text) => text.parse().ok(),
            _ => None,
        };
        let number = number.filter(|number| number.is_finite());
        if number.is_none() {
            let cure = format!("write it without quotes, such as {key} = 10");
            report.error(self.wrong(key, value, "a number").cure(cure));
        }
        number
    }

    pub(super) fn seconds(
        &self,
        key: &str,
        range: RangeInclusive<f64>,
        report: &mut Report,
    ) -> Option<Duration> {
        let seconds = self.number(key, report)?;
        if !range.contains(&seconds) {
            report.error(self.mistake(key).found("out of range").cure(format!(
                "write {} to {} seconds",
                range.start(),
                range.end()
            )));
            return None;
        }
        Some(Duration::from_secs_f64(seconds))
    }

    /// A date with or without a time; without an offset it is UTC.
    pub(super) fn instant(&self, key: &str, report: &mut Report) -> Option<SystemTime> {
        let value = self.brought(key, report)?;
        let instant = match &value.kind {
            Kind::Datetime(text) | Kind::String(text) | Kind::Untyped(text) => instant(text),
            _ => None,
        };
        if instant.is_none() {
            let cure = format!("write {key} = 2026-12-31T12:00:00Z, without quotes");
            report.error(self.wrong(key, value, "a date and time").cure(cure));
        }
        instant
    }

    fn wrong(&self, key: &str, value: &Value, expected: &str) -> Mistake {
        self.mistake(key)
            .found(format!("expected {expected}, found {}", value.kind.name()))
    }
}

/// A string or what can be one, else the name of what it is.
fn as_string(value: &Value) -> Result<String, &'static str> {
    match &value.kind {
        Kind::String(text) | Kind::Untyped(text) => Ok(text.clone()),
        Kind::Number(number) => number.digits.clone().ok_or(value.kind.name()),
        other => Err(other.name()),
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
