//! Where settings come from: a file, a text, a value given in code.

use std::fmt;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use toml::de::DeTable;

use super::diagnostic::{Mistake, Report};
use super::example::example;
use super::place::{Origin, Place};
use super::tree::Table;

/// A secrets file of more than this is none.
const MAX: u64 = 1024 * 1024;

/// One source of settings. Later ones win over earlier ones, key by key.
#[derive(Clone)]
pub(crate) enum Source {
    File(PathBuf),
    Set {
        key: String,
        value: serde_json::Value,
    },
    Text(Arc<str>),
}

impl Source {
    /// What a message calls it.
    pub(super) fn name(&self) -> String {
        match self {
            Self::File(path) => path.display().to_string(),
            Self::Set { key, .. } => format!(".set(\"{key}\", …)"),
            Self::Text(_) => ".toml(…)".to_owned(),
        }
    }

    /// The values in it; `None` when it could not be read, which the report then says.
    pub(super) fn read(&self, report: &mut Report) -> Option<Table> {
        let text = match self {
            Self::File(path) => match read_file(path) {
                Ok(text) => text,
                Err(mistake) => {
                    report.error(mistake);
                    return None;
                }
            },
            Self::Set { key, value } => return self.set(key, value, report),
            Self::Text(text) => text.to_string(),
        };
        self.parse(&text, report)
    }

    fn parse(&self, text: &str, report: &mut Report) -> Option<Table> {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let origin = Origin::new(self.name(), text);
        match DeTable::parse(text) {
            Ok(table) => Some(Table::from_toml(table, "", &origin)),
            Err(error) => {
                let place = error.span().map(|span| origin.place(span.start));
                report.error(unreadable(text, &origin, place));
                None
            }
        }
    }

    /// `.set("auth.google.client_id", value)`: the key is read as TOML reads keys.
    fn set(&self, key: &str, value: &serde_json::Value, report: &mut Report) -> Option<Table> {
        // An `Option` that is empty becomes null, and an empty client_secret is a public client.
        if value.is_null() {
            report.error(
                Mistake::new(format!("{} gives no value", self.name()))
                    .cure("leave the call out where there is nothing to set"),
            );
            return None;
        }
        let text = format!("{key} = 0");
        let origin = Origin::new(self.name(), "");
        let Ok(parsed) = DeTable::parse(&text) else {
            report.error(
                Mistake::new(format!("`{}` is not a key", key.escape_debug()))
                    .cure("write it as in the file, such as auth.google.client_id"),
            );
            return None;
        };
        let mut table = Table::from_toml(parsed, "", &origin);
        table.set_leaf(value, &origin.whole());
        Some(table)
    }
}

// What is in a source is secret until something says otherwise.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name())
    }
}

fn read_file(path: &PathBuf) -> Result<String, Mistake> {
    let shown = path.display();
    let metadata = fs::metadata(path).map_err(|error| match error.kind() {
        io::ErrorKind::NotFound => Mistake::new(format!("no secrets file at {shown}")).cure(
            format!("make it, beginning with these lines:\n{}", example()),
        ),
        _ => Mistake::new(format!("{shown} cannot be read"))
            .found(error.kind().to_string())
            .cure("let the user that runs the app read it"),
    })?;
    if !metadata.is_file() {
        return Err(Mistake::new(format!("{shown} is not a file")).cure("give the path of a file"));
    }
    if metadata.len() > MAX {
        return Err(
            Mistake::new(format!("{shown} is over 1 MB")).cure("give the path of the secrets file")
        );
    }
    let bytes = fs::read(path).map_err(|error| {
        Mistake::new(format!("{shown} cannot be read"))
            .found(error.kind().to_string())
            .cure("let the user that runs the app read it")
    })?;
    String::from_utf8(bytes).map_err(|_| {
        Mistake::new(format!("{shown} is not UTF-8")).cure("save the file as UTF-8 text")
    })
}

/// A file that is not TOML. The parser's own words quote the file, so they are not passed on.
fn unreadable(text: &str, origin: &Origin, place: Option<Place>) -> Mistake {
    let line = place
        .as_ref()
        .and_then(|place| text.lines().nth(place.line().saturating_sub(1)));
    // The parser stumbles some lines after the parenthesis.
    let parenthesis = text
        .match_indices('(')
        .find(|(at, _)| text[..*at].trim_end_matches([' ', '\t']).ends_with('='));
    let place = match parenthesis {
        Some((at, _)) => Some(origin.place(at)),
        None => place,
    };
    let cure = if parenthesis.is_some() {
        "TOML has no parentheses: write server_metadata_url = \"https://…\" on one line"
    } else if line
        .is_some_and(|line| line.contains(['\u{201c}', '\u{201d}', '\u{2018}', '\u{2019}']))
    {
        "use straight quotes (\") instead of typographic ones"
    } else if line.is_some_and(|line| line.contains('\u{a0}')) {
        "replace the no-break space (U+00A0) with a space"
    } else {
        "each line is [section] or key = \"value\"; a key or a section may stand only once"
    };
    Mistake::new("this is not TOML").at(place).cure(cure)
}
