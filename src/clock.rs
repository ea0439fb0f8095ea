//! What time it is: the app's clock, or the one that a test turns.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

/// The wall clock in force. Caches and deadlines do not use it: theirs never jumps.
#[derive(Clone)]
pub(crate) struct Clock(Arc<dyn Fn() -> SystemTime + Send + Sync>);

impl Clock {
    pub(crate) fn new(now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        Self(Arc::new(now))
    }

    pub(crate) fn now(&self) -> SystemTime {
        (self.0)()
    }
}

impl Default for Clock {
    fn default() -> Self {
        Self::new(SystemTime::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// Whole seconds since 1970, negative before, and at the far ends of `i64` beyond them.
pub(crate) fn unix(time: SystemTime) -> i64 {
    match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        Err(before) => {
            i64::try_from(before.duration().as_secs()).map_or(i64::MIN, |before| -before)
        }
    }
}

/// The time of which [`unix`] returns this many seconds, or 1970 where there is none.
pub(crate) fn time(unix: i64) -> SystemTime {
    let by = Duration::from_secs(unix.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let time = match unix < 0 {
        true => epoch.checked_sub(by),
        false => epoch.checked_add(by),
    };
    time.unwrap_or(epoch)
}

/// Whole seconds of a duration, as a difference of what [`unix`] returns.
pub(crate) fn seconds(duration: Duration) -> i64 {
    i64::try_from(duration.as_secs()).unwrap_or(i64::MAX)
}
