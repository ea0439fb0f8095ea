//! Everything that is wrong, as a log, a terminal and `main` print it.

use std::ffi::OsStr;
use std::fmt;
use std::io::IsTerminal;

use super::diagnostic::{Mistake, Report};
use super::place::{At, Place};
use crate::error::Error;

/// Everything that is wrong with the `[auth]` table, all at once.
///
/// `Display` is for a log: each mistake with its file, line and key, and its cure. `{:#}` also
/// quotes the lines, as a compiler does. `Debug`, which is what `main` prints of an error that it
/// returns, quotes them on a terminal, in colours unless `NO_COLOR` is set, and is `Display`
/// elsewhere. No value of the file is ever in any of them: on a quoted line the keys alone remain.
#[derive(Clone)]
pub struct ConfigError {
    mistakes: Vec<Mistake>,
    warnings: Vec<Mistake>,
}

impl ConfigError {
    /// What was found, where it keeps the app from starting. If `strict`, a warning does.
    pub(super) fn new(mut report: Report, strict: bool) -> Self {
        // What is an error in a place needs no warning there.
        let errors = &report.errors;
        report.warnings.retain(|warning| {
            let place = warning.place.as_ref();
            place.is_none() || errors.iter().all(|error| error.place.as_ref() != place)
        });
        if strict {
            report.errors.append(&mut report.warnings);
        }
        Self {
            mistakes: report.errors,
            warnings: report.warnings,
        }
    }

    /// These mistakes, and nothing besides.
    pub(crate) fn of(mistakes: Vec<Mistake>) -> Self {
        Self {
            mistakes,
            warnings: Vec::new(),
        }
    }

    /// A machine on which nothing can be sealed or fetched.
    pub(crate) fn internal(error: &Error) -> Self {
        Self::of(vec![Mistake::new(error.to_string())])
    }

    /// What is wrong with settings that load all the same.
    #[cfg(feature = "cli")]
    pub(super) fn beside(mistakes: Vec<Mistake>, warnings: Vec<Mistake>) -> Self {
        Self { mistakes, warnings }
    }

    #[cfg(feature = "cli")]
    pub(crate) fn mistakes(&self) -> &[Mistake] {
        &self.mistakes
    }

    #[cfg(feature = "cli")]
    pub(crate) fn warnings(&self) -> &[Mistake] {
        &self.warnings
    }

    /// As a terminal shows it that has colours.
    #[cfg(feature = "cli")]
    pub(crate) fn in_colours(&self) -> impl fmt::Display {
        InColours(self)
    }

    fn write(&self, look: Look, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.mistakes.len() {
            #[cfg(feature = "cli")]
            0 => write!(f, "warnings about the settings of keycard")?,
            1 => write!(f, "one mistake in the settings of keycard")?,
            count => write!(f, "{count} mistakes in the settings of keycard")?,
        }
        for mistake in &self.mistakes {
            look.write(mistake, "error", f)?;
        }
        for warning in &self.warnings {
            look.write(warning, "warning", f)?;
        }
        Ok(())
    }
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let look = if f.alternate() {
            Look::Quoted { colours: &PLAIN }
        } else {
            Look::Lines
        };
        self.write(look, f)
    }
}

impl fmt::Debug for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let no_color = std::env::var_os("NO_COLOR");
        let look = Look::of_stderr(std::io::stderr().is_terminal(), no_color.as_deref());
        self.write(look, f)
    }
}

impl std::error::Error for ConfigError {}

#[cfg(feature = "cli")]
struct InColours<'a>(&'a ConfigError);

#[cfg(feature = "cli")]
impl fmt::Display for InColours<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(Look::Quoted { colours: &ANSI }, f)
    }
}

/// How mistakes are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// A line and its cure.
    Lines,
    /// With the line of the file.
    Quoted { colours: &'static Colours },
}

/// What turns colours on, and off again.
#[derive(Debug, PartialEq, Eq)]
struct Colours {
    error: &'static str,
    warning: &'static str,
    margin: &'static str,
    off: &'static str,
}

const PLAIN: Colours = Colours {
    error: "",
    warning: "",
    margin: "",
    off: "",
};

const ANSI: Colours = Colours {
    error: "\u{1b}[1;31m",
    warning: "\u{1b}[1;33m",
    margin: "\u{1b}[1;34m",
    off: "\u{1b}[0m",
};

impl Look {
    /// <https://no-color.org>: set and not empty, whatever it is.
    fn of_stderr(is_terminal: bool, no_color: Option<&OsStr>) -> Self {
        match (is_terminal, no_color.is_some_and(|value| !value.is_empty())) {
            (false, _) => Self::Lines,
            (true, true) => Self::Quoted { colours: &PLAIN },
            (true, false) => Self::Quoted { colours: &ANSI },
        }
    }

    fn write(self, mistake: &Mistake, level: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Lines => write_lines(mistake, level, f),
            Self::Quoted { colours } => write_quoted(mistake, level, colours, f),
        }
    }
}

fn write_lines(mistake: &Mistake, level: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let level = if level == "error" { "" } else { "warning: " };
    write!(f, "\n\n  {level}{mistake}")?;
    for line in mistake.how_to_cure().lines() {
        let indent = if line.is_empty() { "" } else { "    " };
        write!(f, "\n{indent}{line}")?;
    }
    Ok(())
}

fn write_quoted(
    mistake: &Mistake,
    level: &str,
    colours: &Colours,
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let Colours { margin, off, .. } = colours;
    let loud = match level {
        "error" => colours.error,
        _ => colours.warning,
    };
    write!(f, "\n\n{loud}{level}{off}: {}", mistake.what())?;
    let found = mistake.what_was_found();
    let place = mistake.place.as_ref().map(|place| (place, found));
    let beside = mistake.beside.as_ref().map(|(place, what)| (place, *what));
    let places = || place.into_iter().chain(beside);
    // As wide as the longest number of a line.
    let numbers = places().filter_map(|(place, _)| place.at.as_ref());
    let widths = numbers.map(|at| at.line.to_string().len());
    let width = widths.max().unwrap_or(1);
    for (place, note) in places() {
        write_place(place, note, width, (loud, colours), f)?;
    }
    if place.is_none() && !found.is_empty() {
        write!(f, "\n{:width$} {margin}={off} {found}", "")?;
    }
    for (nth, line) in mistake.how_to_cure().lines().enumerate() {
        match (nth, line) {
            (0, _) => write!(f, "\n{:width$} {margin}={off} {line}", "")?,
            (_, "") => writeln!(f)?,
            _ => write!(f, "\n{:width$}   {line}", "")?,
        }
    }
    Ok(())
}

fn write_place(
    place: &Place,
    note: &str,
    width: usize,
    (loud, colours): (&str, &Colours),
    f: &mut fmt::Formatter<'_>,
) -> fmt::Result {
    let Colours { margin, off, .. } = colours;
    write!(f, "\n{:width$}{margin}-->{off} {place}", "")?;
    let Some(At { line, quote, .. }) = &place.at else {
        return match note {
            "" => Ok(()),
            note => write!(f, "\n{:width$} {margin}={off} {note}", ""),
        };
    };
    let (before, marks) = (quote.marked.start, "^".repeat(quote.marked.len()));
    write!(f, "\n{:width$} {margin}|{off}", "")?;
    write!(f, "\n{margin}{line:width$} |{off} {}", quote.line)?;
    let marked = format!("{:before$}{loud}{marks} {note}", "");
    write!(
        f,
        "\n{:width$} {margin}|{off} {}{off}",
        "",
        marked.trim_end()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colours_are_for_terminals_alone_and_not_where_they_are_unwanted() {
        let (one, empty) = (OsStr::new("1"), OsStr::new(""));
        let (plain, ansi) = (
            Look::Quoted { colours: &PLAIN },
            Look::Quoted { colours: &ANSI },
        );
        for (is_terminal, no_color, look) in [
            (false, None, Look::Lines),
            (false, Some(one), Look::Lines),
            (true, None, ansi),
            (true, Some(empty), ansi),
            (true, Some(one), plain),
        ] {
            assert_eq!(Look::of_stderr(is_terminal, no_color), look);
        }
    }

    #[test]
    fn colours_change_nothing_but_the_colour() {
        struct Shown<'a>(&'a ConfigError, Look);
        impl fmt::Display for Shown<'_> {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.write(self.1, f)
            }
        }
        let mut report = Report::default();
        report.error(Mistake::missing("auth.redirect_uri").cure("one\n\ntwo"));
        report.warn(Mistake::invalid("auth.claims").found("nothing"));
        let error = ConfigError::new(report, false);

        let coloured = Shown(&error, Look::Quoted { colours: &ANSI }).to_string();
        assert!(coloured.contains("\u{1b}[1;31merror\u{1b}[0m: missing"));
        assert!(coloured.contains("\u{1b}[1;33mwarning\u{1b}[0m: invalid"));
        let mut stripped = coloured;
        for code in [ANSI.error, ANSI.warning, ANSI.margin, ANSI.off] {
            stripped = stripped.replace(code, "");
        }
        assert_eq!(stripped, format!("{error:#}"));
    }
}
