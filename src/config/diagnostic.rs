//! Mistakes in words: where, what was found, and the cure. No value of the file is in them, but
//! for the names of its keys.

use std::fmt;

use super::place::Place;

/// One mistake: what, where, and how it is cured.
#[derive(Clone, Debug)]
pub(crate) struct Mistake {
    what: String,
    pub(super) place: Option<Place>,
    /// Where else one has to look, and what is there.
    pub(super) beside: Option<(Place, &'static str)>,
    found: String,
    cure: String,
}

impl Mistake {
    pub(super) fn new(what: impl Into<String>) -> Self {
        Self {
            what: what.into(),
            place: None,
            beside: None,
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

    pub(super) fn beside(mut self, place: Option<Place>, what: &'static str) -> Self {
        self.beside = place.map(|place| (place, what));
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

    /// Says of this what another mistake says, and its cure.
    pub(super) fn quoting(self, other: Self) -> Self {
        let found = other.to_string();
        self.found(found).cure(other.cure)
    }

    pub(super) fn what(&self) -> &str {
        &self.what
    }

    pub(super) fn what_was_found(&self) -> &str {
        &self.found
    }

    /// The file, and line and column where it has them.
    #[cfg(feature = "cli")]
    pub(crate) fn whereabouts(&self) -> Option<(&str, Option<(usize, usize)>)> {
        let place = self.place.as_ref()?;
        let at = place.at.as_ref().map(|at| (at.line, at.column));
        Some((&place.name, at))
    }

    /// The cure, one line or several.
    pub(crate) fn how_to_cure(&self) -> &str {
        &self.cure
    }
}

/// One line, as a log has it.
impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.what)?;
        if let Some(place) = &self.place {
            write!(f, " in {place}")?;
        }
        if !self.found.is_empty() {
            write!(f, ": {}", self.found)?;
        }
        if let Some((place, what)) = &self.beside {
            write!(f, " ({what} in {place})")?;
        }
        Ok(())
    }
}

/// What was found so far.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(super) errors: Vec<Mistake>,
    pub(super) warnings: Vec<Mistake>,
}

impl Report {
    pub(super) fn error(&mut self, mistake: Mistake) {
        self.errors.push(mistake);
    }

    pub(super) fn warn(&mut self, mistake: Mistake) {
        self.warnings.push(mistake);
    }
}
