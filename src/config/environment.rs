//! What the process was started with, as far as the settings depend on it.

use std::env;
use std::path::PathBuf;

/// The variable that lists further files and directories.
pub(super) const FILES: &str = "KEYCARD_SECRETS_FILES";

/// What the process was started with.
#[derive(Clone, Debug, Default)]
pub(crate) struct Environment {
    /// The user's directory.
    pub(super) home: Option<PathBuf>,
    /// The project's directory; empty for the current one.
    pub(super) project: PathBuf,
    /// What `KEYCARD_SECRETS_FILES` lists.
    pub(super) files: Vec<PathBuf>,
    /// `PORT`.
    pub(super) port: Option<u16>,
}

impl Environment {
    pub(crate) fn of_process() -> Self {
        let files = env::var_os(FILES).unwrap_or_default();
        Self {
            home: env::home_dir().filter(|home| home.is_absolute()),
            project: PathBuf::new(),
            files: env::split_paths(&files)
                .filter(|path| !path.as_os_str().is_empty())
                .collect(),
            port: env::var("PORT").ok().and_then(|port| port.parse().ok()),
        }
    }
}
