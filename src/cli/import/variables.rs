//! Names and values, each of which is taken once: what is left was of no use.

use std::collections::BTreeMap;
use std::env;
use std::fs;
use std::path::Path;

use crate::cli::outcome::Failure;

/// Names and values. There is no `Debug`: some are secrets.
#[derive(Default)]
pub(super) struct Variables(BTreeMap<String, String>);

impl Variables {
    /// Those of this process that are text.
    pub(super) fn of_process() -> Self {
        let text = |(name, value): (std::ffi::OsString, std::ffi::OsString)| {
            Some((name.into_string().ok()?, value.into_string().ok()?))
        };
        Self(env::vars_os().filter_map(text).collect())
    }

    /// Those of a file as shells and Docker read it: `NAME=value`, with or without quotes.
    pub(super) fn of_file(path: &Path) -> Result<Self, Failure> {
        let shown = path.display();
        let text = fs::read_to_string(path)
            .map_err(|error| Failure::said(format!("{shown} cannot be read: {}", error.kind())))?;
        let mut variables = BTreeMap::new();
        for (at, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let line = line.strip_prefix("export ").unwrap_or(line);
            let Some((name, value)) = line.split_once('=') else {
                return Err(Failure::said(format!(
                    "{shown}:{} is not NAME=value",
                    at + 1
                )));
            };
            variables.insert(name.trim().to_owned(), unquoted(value.trim()));
        }
        Ok(Self(variables))
    }

    /// The value, unless it is empty.
    pub(super) fn take(&mut self, name: &str) -> Option<String> {
        self.0.remove(name).filter(|value| !value.is_empty())
    }

    /// The first of these that is there; the others are taken as well.
    pub(super) fn take_first(&mut self, names: &[&str]) -> Option<String> {
        let mut taken: Vec<_> = names.iter().filter_map(|name| self.take(name)).collect();
        (!taken.is_empty()).then(|| taken.swap_remove(0))
    }

    /// The names that begin so and have not been taken.
    pub(super) fn left(&self, prefix: &str) -> Vec<String> {
        let names = self.0.keys().filter(|name| name.starts_with(prefix));
        names.cloned().collect()
    }
}

fn unquoted(value: &str) -> String {
    for quote in ['"', '\''] {
        let inner = value
            .strip_prefix(quote)
            .and_then(|rest| rest.split_once(quote));
        if let Some((inner, _)) = inner {
            return inner.to_owned();
        }
    }
    // A remark begins after white space.
    let end = value.find(" #").unwrap_or(value.len());
    value[..end].trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_with_quotes_or_without() {
        for (written, value) in [
            ("plain", "plain"),
            ("with = and # in it#", "with = and"),
            ("a#b", "a#b"),
            ("\"double # quotes\" # remark", "double # quotes"),
            ("'single \"quotes\"'", "single \"quotes\""),
            ("\"never closed", "\"never closed"),
            ("", ""),
        ] {
            assert_eq!(unquoted(written), value, "{written}");
        }
    }
}
