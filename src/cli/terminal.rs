//! What only a terminal gets: colours, and a line that says what is being waited for.

use std::ffi::OsStr;
use std::io::{self, IsTerminal as _, Write as _};

/// Whether what is printed may have colours (<https://no-color.org>).
pub(super) fn has_colours() -> bool {
    let no_color = std::env::var_os("NO_COLOR");
    may_have_colours(io::stdout().is_terminal(), no_color.as_deref())
}

fn may_have_colours(is_terminal: bool, no_color: Option<&OsStr>) -> bool {
    is_terminal && no_color.is_none_or(OsStr::is_empty)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_alone_and_not_where_they_are_unwanted() {
        for (is_terminal, no_color, colours) in [
            (true, None, true),
            (true, Some(""), true),
            (true, Some("1"), false),
            (false, None, false),
            (false, Some("1"), false),
        ] {
            assert_eq!(
                may_have_colours(is_terminal, no_color.map(OsStr::new)),
                colours
            );
        }
    }
}
