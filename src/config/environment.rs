//! What the process was started with, as far as the settings depend on it.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;

use super::location::Location;

/// The variable that lists further files and directories.
pub(super) const FILES: &str = "KEYCARD_SECRETS_FILES";

/// What the process was started with.
#[derive(Clone, Default)]
pub(crate) struct Environment {
    /// The user's directory.
    pub(super) home: Option<PathBuf>,
    /// The project's directory, where relative paths begin; empty where nobody knows.
    pub(super) project: PathBuf,
    /// What `KEYCARD_SECRETS_FILES` lists.
    pub(super) files: Vec<PathBuf>,
    /// `PORT`.
    pub(super) port: Option<u16>,
    /// Every variable whose name is text.
    pub(super) variables: BTreeMap<String, OsString>,
}

impl Environment {
    pub(crate) fn of_process() -> Self {
        let files = env::var_os(FILES).unwrap_or_default();
        let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        Self {
            home: env::home_dir().filter(|home| home.is_absolute()),
            project: env::current_dir().unwrap_or_default(),
            files: env::split_paths(&files)
                .filter(|path| !path.as_os_str().is_empty())
                .collect(),
            port: env::var("PORT").ok().and_then(|port| port.parse().ok()),
            variables: env::vars_os().filter_map(named).collect(),
        }
    }

    /// What is written as a path.
    pub(super) fn locate(&self, written: impl Into<PathBuf>) -> Location {
        Location::new(written, &self.project)
    }
}

// Variables hold secrets.
impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment")
            .field("home", &self.home)
            .field("files", &self.files)
            .field("port", &self.port)
            .finish_non_exhaustive()
    }
}
