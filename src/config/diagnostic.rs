//! Mistakes in words: where, what was found, and the cure. No value of the file is in them, but
//! for the names of its keys.

use std::fmt;

use super::place::Place;

/// Everything that is wrong with the `[auth]` table, all at once.
///
/// `Display` and `Debug` are the same text: each mistake with its file, line and key, and its cure.
/// No value of the file is ever in it.
#[derive(Clone)]
pub struct ConfigError(Vec<Mistake>);

impl ConfigError {
    /// A machine on which nothing can be sealed or fetched.
    pub(crate) fn internal(error: &crate::error::Error) -> Self {
        Self(vec![Mistake::new(error.to_string())])
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() {
            1 => write!(f, "one mistake in the settings of keycard")?,
            count => write!(f, "{count} mistakes in the settings of keycard")?,
        }
        for mistake in &self.0 {
            write!(f, "\n\n  {mistake}")?;
            for line in mistake.cure.lines() {
                let indent = if line.is_empty() { "" } else { "    " };
                write!(f, "\n{indent}{line}")?;
            }
        }
        Ok(())
    }
}

// What `main` prints of an error that it returns is its `Debug`.
impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for ConfigError {}

impl From<Report> for ConfigError {
    fn from(report: Report) -> Self {
        let mut mistakes = report.errors;
        if report.deny_warnings || mistakes.is_empty() {
            mistakes.extend(report.warnings);
        }
        Self(mistakes)
    }
}

/// One mistake: what, where, and how it is cured.
#[derive(Clone, Debug)]
pub(crate) struct Mistake {
    what: String,
    place: Option<Place>,
    found: String,
    cure: String,
}

impl Mistake {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            place: None,
            found: String::new(),
            cure: String::new(),
        }
    }

    pub(super) fn missing(key: &str) -> Self {
        Self::new(format!("missing key `{key}`"))
    }

    pub(super) fn invalid(key: &str) -> Self {
        Self::new(format!("invalid `{key}`"))
    }

    pub(super) fn at(mut self, place: Option<Place>) -> Self {
        self.place = place;
        self
    }

    pub(super) fn found(mut self, found: impl Into<String>) -> Self {
        self.found = found.into();
        self
    }

    pub(super) fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = cure.into();
        self
    }

    /// The cure, one line or several.
    pub(crate) fn how_to_cure(&self) -> &str {
        &self.cure
    }
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(place) = &self.place {
            write!(f, " in {place}")?;
        }
        if !self.found.is_empty() {
            write!(f, ": {}", self.found)?;
        }
        Ok(())
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    errors: Vec<Mistake>,
    warnings: Vec<Mistake>,
    deny_warnings: bool,
}

impl Report {
    pub(super) fn error(&mut self, mistake: Mistake) {
        self.errors.push(mistake);
    }

    pub(super) fn warn(&mut self, mistake: Mistake) {
        self.warnings.push(mistake);
    }

    /// From here on a warning keeps the app from starting (`strict = true`).
    pub(super) fn deny_warnings(&mut self) {
        self.deny_warnings = true;
    }

    pub(super) fn has_errors(&self) -> bool {
        !self.errors.is_empty() || (self.deny_warnings && !self.warnings.is_empty())
    }

    pub(super) fn into_warnings(self) -> Vec<Mistake> {
        self.warnings
    }
}
