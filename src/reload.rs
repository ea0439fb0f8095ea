//! The reload: the files that the settings came from are looked at while requests arrive, and a
//! save counts when it is right and no longer changes.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use tokio::sync::{Mutex, OwnedMutexGuard};
use tokio::time::{Instant, timeout};

use crate::config::{Config, ConfigError, Given, Seen};

/// The files are looked at no more often, whatever requests arrive.
const EVERY: Duration = Duration::from_secs(1);
/// A file that was written longer ago than this is no longer being written.
const QUIET: Duration = Duration::from_secs(1);
/// How long a login waits for files that somebody looks at. Those of a machine that has gone away
/// may never come.
const PATIENCE: Duration = Duration::from_secs(5);
/// Where there are no files, nobody ever looks.
const NEVER: u64 = u64::MAX;

/// What the settings are read from, and how it was when they were.
pub(crate) struct Reload {
    given: Given,
    state: Arc<Mutex<State>>,
    began: Instant,
    /// When the files are to be looked at, in milliseconds since `began`; written by who has the
    /// state.
    due: AtomicU64,
}

struct State {
    /// The files of the last save that was read, right or wrong.
    seen: Seen,
    /// The files of a save that may be half of one.
    changing: Option<Seen>,
    /// What was read of such a save, and as what.
    read: Option<Seen>,
}

/// Whoever has it looks at the files, and nobody else does meanwhile.
pub(crate) struct Turn(OwnedMutexGuard<State>);

impl Reload {
    pub(crate) fn new(given: Given, seen: Seen) -> Self {
        let due = if seen.is_empty() { NEVER } else { 0 };
        let state = State {
            seen,
            changing: None,
            read: None,
        };
        Self {
            given,
            state: Arc::new(Mutex::new(state)),
            began: Instant::now(),
            due: AtomicU64::new(due),
        }
    }

    /// The turn to look, unless it is too early or somebody is looking. Every request asks, so what
    /// is found at nearly all of them is found at once. `now` never jumps.
    pub(crate) fn turn(&self, now: Instant) -> Option<Turn> {
        if self.is_early(now) {
            return None;
        }
        let state = self.state.clone().try_lock_owned().ok()?;
        // Somebody may have looked since.
        if self.is_early(now) {
            return None;
        }
        let due = self.since_began(now) + EVERY;
        let due = u64::try_from(due.as_millis()).unwrap_or(NEVER);
        self.due.store(due, Ordering::Relaxed);
        Some(Turn(state))
    }

    /// Waits until nobody is looking: what they put in force is then in force.
    pub(crate) async fn looked(&self) {
        if self.state.try_lock().is_err() {
            let _ = timeout(PATIENCE, self.state.lock()).await;
        }
    }

    /// Looks at the files, and hands on what there is to read of a save. `file_time` is the machine's
    /// time, as its files have it.
    pub(crate) fn look(
        &self,
        mut turn: Turn,
        file_time: SystemTime,
        take_in: impl FnOnce(Result<Config, ConfigError>),
    ) {
        if let Some(loaded) = turn.0.save(&self.given, file_time) {
            take_in(loaded);
        }
    }

    fn is_early(&self, now: Instant) -> bool {
        self.since_began(now).as_millis() < self.due.load(Ordering::Relaxed).into()
    }

    fn since_began(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.began)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Source;

    /// Looks at a file that is not there.
    fn reload() -> Reload {
        let given = Given {
            sources: vec![Source::File("absent.toml".into())],
            ..Given::default()
        };
        let mut seen = Seen::default();
        assert!(Config::load(&given, &mut seen).is_err());
        Reload::new(given, seen)
    }

    #[tokio::test(start_paused = true)]
    async fn one_looks_once_a_second_and_where_there_is_no_file_nobody_does() {
        let reload = reload();
        let began = reload.began;
        for (after, has_turn) in [
            (0, true),
            (1, false),
            (999, false),
            (1000, true),
            (1999, false),
        ] {
            let now = began + Duration::from_millis(after);
            assert_eq!(reload.turn(now).is_some(), has_turn, "{after} ms");
        }

        let reload = Reload::new(Given::default(), Seen::default());
        let in_a_year = reload.began + Duration::from_secs(365 * 24 * 60 * 60);
        assert!(reload.turn(in_a_year).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn while_somebody_looks_for_long_nobody_else_does_and_a_login_waits_five_seconds() {
        let reload = reload();
        let began = Instant::now();
        let turn = reload.turn(began).unwrap();

        assert!(reload.turn(began + EVERY).is_none());
        reload.looked().await;
        assert_eq!(began.elapsed(), PATIENCE);

        drop(turn);
        reload.looked().await;
        assert_eq!(began.elapsed(), PATIENCE);
        assert!(reload.turn(began + EVERY).is_some());
    }
}
