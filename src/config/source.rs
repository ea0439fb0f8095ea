//! Where settings come from: files and directories, a text, a value given in code.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use toml::de::DeTable;

use super::diagnostic::{Mistake, Report};
use super::environment::{Environment, FILES};
use super::example::example;
use super::not_toml;
use super::place::Origin;
use super::secret_directory;
use super::secret_file;
use super::tree::Table;

/// The file below the user's and the project's directory, as Streamlit has it.
const FILE: &str = ".streamlit/secrets.toml";

/// One source of settings. Later ones win over earlier ones, key by key.
#[derive(Clone)]
pub(crate) enum Source {
    File(PathBuf),
    /// The user's file, the project's file, and those that the environment lists.
    Places,
    Set {
        key: String,
        value: serde_json::Value,
    },
    Text(Arc<str>),
}

/// What the sources hold together, and which they are.
#[derive(Debug, Default)]
pub(super) struct Found {
    pub(super) tree: Table,
    /// The names of those that were read.
    pub(super) names: Vec<String>,
    /// Files that were looked for in vain.
    absent: Vec<PathBuf>,
}

impl Found {
    pub(super) fn read(sources: &[Source], environment: &Environment, report: &mut Report) -> Self {
        let mut found = Self::default();
        for source in sources {
            match source {
                Source::File(path) => found.read_path(path, "", report),
                Source::Places => found.read_places(environment, report),
                Source::Set { key, value } => found.set(key, value, report),
                Source::Text(text) => found.parse(".toml(…)".to_owned(), text, report),
            }
        }
        if found.names.is_empty() && !found.absent.is_empty() && report.errors.is_empty() {
            report.error(found.nothing());
        }
        found
    }

    fn read_places(&mut self, environment: &Environment, report: &mut Report) {
        let project = environment.project.join(FILE);
        let user = environment.home.as_ref().map(|home| home.join(FILE));
        let is_project = |user: &PathBuf| match (fs::canonicalize(user), fs::canonicalize(&project))
        {
            (Ok(user), Ok(project)) => user == project,
            _ => *user == project,
        };
        for path in user
            .into_iter()
            .filter(|user| !is_project(user))
            .chain([project.clone()])
        {
            // A link to nowhere is a mistake and no absence.
            if path.exists() || path.is_symlink() {
                self.read_path(&path, "", report);
            } else {
                self.absent.push(path);
            }
        }
        for path in &environment.files {
            self.read_path(path, FILES, report);
        }
    }

    /// Reads a file or a secret directory that somebody named, in the variable `listed_in` if that
    /// is not empty.
    fn read_path(&mut self, path: &Path, listed_in: &str, report: &mut Report) {
        let name = path.display().to_string();
        if !path.exists() {
            let listed = match listed_in {
                "" => String::new(),
                variable => format!("{variable} lists it"),
            };
            report.error(
                Mistake::new(format!("no secrets file at {name}"))
                    .found(listed)
                    .cure(format!(
                        "make it, beginning with these lines:\n{}",
                        example()
                    )),
            );
        } else if path.is_dir() {
            let table = secret_directory::read(path, "", report);
            self.lay(name, table);
        } else if let Some(text) = secret_file::read(path, report) {
            self.parse(name, &text, report);
        }
    }

    fn parse(&mut self, name: String, text: &str, report: &mut Report) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        match DeTable::parse(text) {
            Ok(table) => {
                let origin = Origin::new(name.clone(), text, true);
                self.lay(name, Table::from_toml(table, "", &origin));
            }
            Err(error) => {
                let origin = Origin::new(name, text, false);
                for mistake in not_toml::mistakes(text, &origin, error.span()) {
                    report.error(mistake);
                }
            }
        }
    }

    /// `.set("auth.google.client_id", value)`: the key is read as TOML reads keys.
    fn set(&mut self, key: &str, value: &serde_json::Value, report: &mut Report) {
        let name = format!(".set(\"{key}\", …)");
        // An `Option` that is empty becomes null, and an empty client_secret is a public client.
        if value.is_null() {
            report.error(
                Mistake::new(format!("{name} gives no value"))
                    .cure("leave the call out where there is nothing to set"),
            );
            return;
        }
        let text = format!("{key} = 0");
        let Ok(parsed) = DeTable::parse(&text) else {
            report.error(
                Mistake::new(format!("`{}` is not a key", key.escape_debug()))
                    .cure("write it as in the file, such as auth.google.client_id"),
            );
            return;
        };
        let spot = Origin::whole(name.clone());
        let table = Table::with_leaf(parsed.into_inner(), "", value, &spot);
        self.lay(name, table);
    }

    fn lay(&mut self, name: String, table: Table) {
        self.names.push(name);
        self.tree.merge(table);
    }

    fn nothing(&self) -> Mistake {
        let places: Vec<_> = self
            .absent
            .iter()
            .rev()
            .map(|path| path.display().to_string())
            .collect();
        Mistake::new(format!("no secrets file at {}", places.join(", nor at "))).cure(format!(
            "make one, beginning with these lines:\n{}",
            example()
        ))
    }
}

// What is in a source is secret until something says otherwise.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Places => f.write_str(FILE),
            Self::Set { key, .. } => write!(f, ".set(\"{key}\", …)"),
            Self::Text(_) => f.write_str(".toml(…)"),
        }
    }
}
