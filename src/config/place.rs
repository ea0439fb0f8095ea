//! Where in a source something stands.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use super::keys;
use super::quote::{Quote, Words};

/// A source: its name, its text if it has one, and where the lines of it begin.
pub(super) struct Origin {
    name: String,
    text: String,
    lines: Vec<usize>,
    is_toml: bool,
    is_quotable: bool,
    words: OnceLock<Words>,
}

impl Origin {
    /// A text with lines.
    pub(super) fn new(name: String, text: &str, is_toml: bool) -> Arc<Self> {
        let begins = text
            .bytes()
            .enumerate()
            .filter(|(_, byte)| *byte == b'\n')
            .map(|(at, _)| at + 1);
        Arc::new(Self {
            name,
            lines: std::iter::once(0).chain(begins).collect(),
            text: text.to_owned(),
            is_toml,
            is_quotable: true,
            words: OnceLock::new(),
        })
    }

    /// A source without lines, as one value is.
    pub(super) fn whole(name: String) -> Spot {
        let origin = Self::new(name, "", true);
        Spot {
            origin,
            span: None,
            elsewhere: None,
        }
    }

    /// The same for one that no file has, and no message quotes.
    pub(super) fn outside(name: String) -> Spot {
        let origin = Arc::new(Self {
            name,
            text: String::new(),
            lines: vec![0],
            is_toml: true,
            is_quotable: false,
            words: OnceLock::new(),
        });
        Spot {
            origin,
            span: None,
            elsewhere: None,
        }
    }

    pub(super) fn spot(self: &Arc<Self>, span: Range<usize>) -> Spot {
        Spot {
            origin: self.clone(),
            span: Some(span),
            elsewhere: None,
        }
    }

    fn quote(&self, line: &Range<usize>, meant: &Range<usize>) -> Quote {
        let words = self.words.get_or_init(|| Words::of(&self.text));
        // What stands where a key belongs in a text that is not TOML may be half a secret.
        let may_show = |word: &str| self.is_toml || keys::is_familiar(word);
        words.quote(&self.text, line, meant, may_show)
    }
}

// The text holds secrets.
impl fmt::Debug for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A part of a source, or the source as a whole.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    origin: Arc<Origin>,
    span: Option<Range<usize>>,
    /// What the value was brought from.
    elsewhere: Option<Arc<str>>,
}

impl Spot {
    pub(super) fn has_lines(&self) -> bool {
        self.span.is_some()
    }

    pub(super) fn is_quotable(&self) -> bool {
        self.origin.is_quotable && self.elsewhere.is_none()
    }

    pub(super) fn source(&self) -> &str {
        self.elsewhere.as_deref().unwrap_or(&self.origin.name)
    }

    /// The same place, for a value that was brought from elsewhere.
    pub(super) fn from(&self, elsewhere: &str) -> Self {
        Self {
            elsewhere: Some(elsewhere.into()),
            ..self.clone()
        }
    }

    pub(super) fn place(&self) -> Place {
        let name = self.origin.name.clone();
        let elsewhere = self.elsewhere.clone();
        let Some(span) = &self.span else {
            return Place {
                name,
                at: None,
                elsewhere,
            };
        };
        let (text, lines) = (&self.origin.text, &self.origin.lines);
        let start = span.start.min(text.len());
        let number = lines.partition_point(|begin| *begin <= start).max(1);
        let begin = lines[number - 1];
        let end = lines.get(number).copied().unwrap_or(text.len());
        let before = text.get(begin..start).unwrap_or_default();
        Place {
            name,
            elsewhere,
            at: Some(At {
                line: number,
                column: before.chars().count() + 1,
                quote: self.origin.quote(&(begin..end), span),
            }),
        }
    }
}

/// A file, and where in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) name: String,
    /// `None` is the source as a whole.
    pub(super) at: Option<At>,
    /// What the value was brought from.
    elsewhere: Option<Arc<str>>,
}

/// Line and column, in characters, count from 1.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct At {
    pub(super) line: usize,
    pub(super) column: usize,
    pub(super) quote: Quote,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)?;
        if let Some(at) = &self.at {
            write!(f, ":{}:{}", at.line, at.column)?;
        }
        match &self.elsewhere {
            Some(elsewhere) => write!(f, ", from {elsewhere}"),
            None => Ok(()),
        }
    }
}
