//! The reload: the files that the settings came from are looked at when a login starts, and a save
//! counts when it is right and no longer changes.

use std::env;
use std::path::PathBuf;
use std::sync::{Mutex, TryLockError};
use std::time::{Duration, SystemTime};

use tokio::time::Instant;

use crate::config::{Config, ConfigError, Given, Seen};

/// The files are looked at no more often, whatever requests arrive.
const EVERY: Duration = Duration::from_secs(1);
/// A file that was written longer ago than this is no longer being written.
const QUIET: Duration = Duration::from_secs(1);

/// What the settings are read from, and how it was when they were.
pub(crate) struct Reload {
    given: Given,
    /// Where the process was then: paths may be relative to it.
    directory: Option<PathBuf>,
    state: Mutex<State>,
}

struct State {
    /// The files of the last save that was read, right or wrong.
    seen: Seen,
    /// The files of a save that may be half of one.
    changing: Option<Seen>,
    /// What was read of such a save, and as what.
    read: Option<Seen>,
    looked_at: Option<Instant>,
}

impl Reload {
    pub(crate) fn new(given: Given, seen: Seen) -> Self {
        let state = State {
            seen,
            changing: None,
            read: None,
            looked_at: None,
        };
        Self {
            given,
            directory: env::current_dir().ok(),
            state: Mutex::new(state),
        }
    }

    /// Looks at the files, and hands on what there is to read of a save. `now` never jumps, and
    /// `file_time` is the machine's, as its files have it.
    pub(crate) fn look(
        &self,
        now: Instant,
        file_time: SystemTime,
        take_in: impl FnOnce(Result<Config, ConfigError>),
    ) {
        // Held while files are read: whoever comes meanwhile goes on with what is in force.
        let mut state = match self.state.try_lock() {
            Ok(state) => state,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => return,
        };
        let just_now = |at: Instant| now.saturating_duration_since(at) < EVERY;
        if state.seen.is_empty() || state.looked_at.is_some_and(just_now) {
            return;
        }
        state.looked_at = Some(now);
        // From another directory, other people's files would be read.
        if env::current_dir().ok() != self.directory {
            return;
        }
        // A few files of this machine: to ask for their times takes less than another thread would.
        if let Some(loaded) = state.save(&self.given, file_time) {
            take_in(loaded);
        }
    }
}

impl State {
    /// What a save says, if there is one: written a moment ago, or found the same twice.
    fn save(
        &mut self,
        given: &Given,
        file_time: SystemTime,
    ) -> Option<Result<Config, ConfigError>> {
        let mut current = self.seen.again();
        if current == self.seen {
            self.changing = None;
            return None;
        }
        let is_whole = current.is_settled(&self.seen, file_time, QUIET)
            || self.changing.as_ref() == Some(&current);
        if !is_whole {
            self.changing = Some(current);
            return None;
        }
        let mut read = Seen::default();
        let loaded = Config::load(given, &mut read);
        if read.again() != read {
            // It was written while it was read.
            self.changing = None;
            return None;
        }
        // It may lead to files that are being written, or have changed since they were looked at.
        let is_whole =
            read.is_settled(&current, file_time, QUIET) || self.read.as_ref() == Some(&read);
        if !is_whole {
            self.changing = Some(current);
            self.read = Some(read);
            return None;
        }
        (self.changing, self.read) = (None, None);
        self.seen = if loaded.is_ok() {
            read
        } else {
            // What a wrong save does not lead to may be what cures it.
            current.extend(read);
            current
        };
        Some(loaded)
    }
}
