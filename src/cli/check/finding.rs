//! One thing that was found, good or bad.

use std::fmt;

use crate::error::Error;

/// What was looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Point {
    Preset,
    Metadata,
    Issuer,
    Clock,
    Pkce,
    AnswerIssuer,
    Logout,
    Authentication,
    Algorithms,
    Keys,
    Registration,
    Cookie,
}

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Logins fail, for all or for some.
    Failure,
    /// Logins work, but it is worth knowing.
    Note,
    Ok,
    /// It cannot be told from here.
    Unknown,
}

/// One thing that was found.
#[derive(Clone, Debug)]
pub(super) struct Finding {
    pub(super) point: Point,
    pub(super) verdict: Verdict,
    pub(super) text: String,
    /// What to do; empty where nothing is to be done.
    pub(super) cure: String,
}

impl Finding {
    pub(super) fn new(point: Point, verdict: Verdict, text: impl Into<String>) -> Self {
        Self {
            point,
            verdict,
            text: text.into(),
            cure: String::new(),
        }
    }

    pub(super) fn ok(point: Point, text: impl Into<String>) -> Self {
        Self::new(point, Verdict::Ok, text)
    }

    pub(super) fn note(point: Point, text: impl Into<String>) -> Self {
        Self::new(point, Verdict::Note, text)
    }

    pub(super) fn failure(point: Point, text: impl Into<String>) -> Self {
        Self::new(point, Verdict::Failure, text)
    }

    /// What a login would fail with, and what its log line would advise. A provider's words in it are
    /// for a terminal, so they lose what steers one.
    pub(super) fn of(point: Point, error: &Error) -> Self {
        let plain = |c: char| if c.is_control() { ' ' } else { c };
        let text: String = error.to_string().chars().map(plain).collect();
        Self::failure(point, text).cure(error.advice())
    }

    pub(super) fn cure(mut self, cure: impl Into<String>) -> Self {
        self.cure = cure.into();
        self
    }
}

impl Point {
    /// In JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Preset => "preset",
            Self::Metadata => "metadata",
            Self::Issuer => "issuer",
            Self::Clock => "clock",
            Self::Pkce => "pkce",
            Self::AnswerIssuer => "iss",
            Self::Logout => "logout",
            Self::Authentication => "authentication",
            Self::Algorithms => "algorithms",
            Self::Keys => "keys",
            Self::Registration => "registration",
            Self::Cookie => "cookie",
        }
    }
}

impl Verdict {
    /// In JSON.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Failure => "failure",
            Self::Note => "note",
            Self::Ok => "ok",
            Self::Unknown => "unknown",
        }
    }
}

/// In at most four characters, for a terminal.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Failure => "FAIL",
            Self::Note => "note",
            Self::Ok => "ok",
            Self::Unknown => "?",
        })
    }
}
