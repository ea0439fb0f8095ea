//! What only a terminal gets: colours, and a line that says what is being waited for.

use std::io::{self, IsTerminal as _, Write as _};

/// Whether what is printed may have colours (<https://no-color.org>).
pub(super) fn has_colours() -> bool {
    let unwanted = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    io::stdout().is_terminal() && !unwanted
}

/// A line on stderr that is gone when the work is done.
pub(super) struct Progress<'a> {
    of: &'a str,
    is_shown: bool,
}

impl<'a> Progress<'a> {
    pub(super) fn of(name: &'a str) -> Self {
        Self {
            of: name,
            is_shown: io::stderr().is_terminal(),
        }
    }

    /// Says what is waited for.
    pub(super) fn say(&self, what: &str) {
        self.write(&format!("asking {}: {what} …", self.of.escape_debug()));
    }

    fn write(&self, line: &str) {
        if self.is_shown {
            // To the beginning of the line, and what is there cleared.
            let _ = write!(io::stderr(), "\r\u{1b}[K{line}");
        }
    }
}

impl Drop for Progress<'_> {
    fn drop(&mut self) {
        self.write("");
    }
}
