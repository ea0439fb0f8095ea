//! Where in a source something stands.

use std::fmt;
use std::sync::Arc;

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
