//! One source of settings: files and directories, a text, a value given in code.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

/// The file below the user's and the project's directory, as Streamlit has it.
pub(super) const FILE: &str = ".streamlit/secrets.toml";

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
    Text {
        /// What messages call it.
        name: &'static str,
        text: Arc<str>,
    },
}

// What is in a source is secret until something says otherwise.
impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "{}", path.display()),
            Self::Places => f.write_str(FILE),
            Self::Set { key, .. } => write!(f, ".set(\"{key}\", …)"),
            Self::Text { name, .. } => f.write_str(name),
        }
    }
}
