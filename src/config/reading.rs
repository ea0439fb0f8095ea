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
        let place = self.value(key).map(|value| value.place.clone());
        Mistake::invalid(&self.named(key)).at(place)
    }

    pub(super) fn table(&self, key: &str, report: &mut Report) -> Option<&Self> {
        let value = self.value(key)?;
        let Kind::Table(table) = &value.kind else {
            let cure = format!("write [{}] as a section of its own", self.named(key));
            report.error(self.wrong(key, value, "a table").cure(cure));
            return None;
        };
        Some(table)
    }

    pub(super) fn string(&self, key: &str, report: &mut Report) -> Option<&str> {
        let value = self.value(key)?;
        let Kind::String(string) = &value.kind else {
            let cure = format!("put quotes around it: {key} = \"…\"");
            report.error(self.wrong(key, value, "a string").cure(cure));
            return None;
        };
        Some(string)
    }

    /// A string, or a list of them.
    pub(super) fn strings(&self, key: &str, report: &mut Report) -> Option<Vec<String>> {
        let value = self.value(key)?;
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
                self.mistake(key)
                    .found(format!("expected a list of strings, found {found}{within}"))
                    .cure(format!("write {key} = [\"…\", \"…\"]")),
            );
        }
        strings
    }

    /// A value that goes into a URL: a string, or a number or boolean as it is written.
    pub(super) fn parameter(&self, key: &str, report: &mut Report) -> Option<String> {
        let value = self.value(key)?;
        match &value.kind {
            Kind::String(string) => Some(string.clone()),
            Kind::Integer(number) => Some(number.to_string()),
            Kind::Boolean(boolean) => Some(boolean.to_string()),
            _ => {
                let cure = format!("write {key} = \"…\"");
                report.error(self.wrong(key, value, "a string").cure(cure));
                None
            }
        }
    }

    pub(super) fn boolean(&self, key: &str, report: &mut Report) -> Option<bool> {
        let value = self.value(key)?;
        let Kind::Boolean(boolean) = value.kind else {
            let cure = format!("write {key} = true or {key} = false");
            report.error(self.wrong(key, value, "true or false").cure(cure));
            return None;
        };
        Some(boolean)
    }

    pub(super) fn number(&self, key: &str, report: &mut Report) -> Option<f64> {
        let value = self.value(key)?;
        match value.kind {
            #[expect(clippy::cast_precision_loss, reason = "no setting comes near 2^52")]
            Kind::Integer(number) => Some(number as f64),
            Kind::Float(number) if number.is_finite() => Some(number),
            _ => {
                let cure = format!("write it without quotes, such as {key} = 10");
                report.error(self.wrong(key, value, "a number").cure(cure));
                None
            }
        }
    }

    /// A date with or without a time; without an offset it is UTC.
    pub(super) fn instant(&self, key: &str, report: &mut Report) -> Option<SystemTime> {
        let value = self.value(key)?;
        let written = match &value.kind {
            Kind::Datetime(written) | Kind::String(written) => instant(written),
            _ => None,
        };
        if written.is_none() {
            let cure = format!("write {key} = 2026-12-31T12:00:00Z, without quotes");
            report.error(self.wrong(key, value, "a date and time").cure(cure));
        }
        written
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

    fn wrong(&self, key: &str, value: &Value, expected: &str) -> Mistake {
        self.mistake(key)
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
