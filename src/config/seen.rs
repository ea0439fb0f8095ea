//! The files that settings were read from, or looked for, each as it was then.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

/// Every path that was looked at, with its stamp; `None` where there was nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen(BTreeMap<PathBuf, Option<Stamp>>);

/// What tells one save of a file from the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    length: u64,
    identity: [i64; 3],
}

impl Seen {
    /// Remembers how the file is, before it is read: what is written in between is a new save.
    pub(super) fn look(&mut self, path: &Path) {
        // What is read twice counts as it was at first, so that a change in between is one.
        let stamp = || Stamp::of(path);
        self.0.entry(path.to_owned()).or_insert_with(stamp);
    }

    /// The same paths as they are at this moment.
    pub(crate) fn again(&self) -> Self {
        let paths = self.0.keys();
        Self(paths.map(|path| (path.clone(), Stamp::of(path))).collect())
    }

    /// Whether all that differs from `former` was last written at least `quiet` before `now`, as
    /// the files themselves say. One that has gone does not say.
    pub(crate) fn is_settled(&self, former: &Self, now: SystemTime, quiet: Duration) -> bool {
        let differs =
            |(path, stamp): &(&PathBuf, &Option<Stamp>)| former.0.get(*path) != Some(stamp);
        self.0.iter().filter(differs).all(|(_, stamp)| {
            let modified = stamp.and_then(|stamp| stamp.modified);
            modified.is_some_and(|at| now.duration_since(at).is_ok_and(|since| since >= quiet))
        })
    }

    /// Adds what else was looked at, which counts where both have a path.
    pub(crate) fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Stamp {
    fn of(path: &Path) -> Option<Self> {
        let metadata = fs::metadata(path).ok()?;
        Some(Self {
            modified: metadata.modified().ok(),
            length: metadata.len(),
            identity: identity(&metadata),
        })
    }
}

/// A file that takes another's place is another, even with its time and its length.
#[cfg(unix)]
fn identity(metadata: &Metadata) -> [i64; 3] {
    use std::os::unix::fs::MetadataExt;
    [
        metadata.ino().cast_signed(),
        metadata.ctime(),
        metadata.ctime_nsec(),
    ]
}

#[cfg(not(unix))]
fn identity(_: &Metadata) -> [i64; 3] {
    [0; 3]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cfg_34_a_file_is_settled_a_moment_after_it_was_written_and_never_by_its_absence() {
        let path = std::env::temp_dir().join(format!("keycard-{}-seen", std::process::id()));
        let quiet = Duration::from_secs(1);
        let mut absent = Seen::default();
        absent.look(&path);
        assert_eq!(absent.again(), absent);

        fs::write(&path, "one").unwrap();
        let written = absent.again();
        let at = fs::metadata(&path).unwrap().modified().unwrap();
        assert_ne!(written, absent);
        for (now, settled) in [
            (at, false),
            (at + Duration::from_millis(999), false),
            (at + quiet, true),
            // A clock that was put back says nothing.
            (at - Duration::from_secs(3600), false),
        ] {
            assert_eq!(written.is_settled(&absent, now, quiet), settled);
        }
        assert!(written.is_settled(&written, at, quiet), "nothing differs");

        fs::remove_file(&path).unwrap();
        let gone = written.again();
        assert_eq!(gone, absent);
        assert!(!gone.is_settled(&written, at + Duration::from_secs(3600), quiet));
    }
}
