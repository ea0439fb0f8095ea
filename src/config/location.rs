//! Where a file is: as somebody wrote it, and where that leads from the directory in which the
//! process began, whichever it is in by then.

use std::fmt;
use std::path::{Path, PathBuf};

/// Where a file is. It is shown as it was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Location {
    written: PathBuf,
    path: PathBuf,
}

impl Location {
    /// `from` is where a relative path begins.
    pub(super) fn new(written: impl Into<PathBuf>, from: &Path) -> Self {
        let written = written.into();
        Self {
            path: from.join(&written),
            written,
        }
    }

    /// Where to read.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn written(&self) -> &Path {
        &self.written
    }

    /// A file in this directory.
    pub(super) fn join(&self, name: impl AsRef<Path>) -> Self {
        Self {
            written: self.written.join(&name),
            path: self.path.join(name),
        }
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.written.display().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_relative_path_begins_at_the_start_and_is_shown_as_it_was_written() {
        let from = Path::new("/srv/app");
        for (written, path) in [
            ("secrets/a.toml", "/srv/app/secrets/a.toml"),
            ("/run/secrets/a.toml", "/run/secrets/a.toml"),
        ] {
            let location = Location::new(written, from);
            assert_eq!(location.path(), Path::new(path));
            assert_eq!(location.to_string(), written);
        }
        let inner = Location::new("secrets", from).join("auth");
        assert_eq!(inner.to_string(), "secrets/auth");
        assert_eq!(inner.path(), Path::new("/srv/app/secrets/auth"));
    }
}
