//! How often a password may be tried: five times a minute, whoever tries.

use std::sync::{Mutex, PoisonError};

/// The tries of the last minute.
#[derive(Debug, Default)]
pub(crate) struct Tries(Mutex<Vec<i64>>);

/// The most tries in [`WITHIN`] seconds.
const MOST: usize = 5;
const WITHIN: i64 = 60;

impl Tries {
    /// Counts one more, or says in how many seconds there may be one. `now` is in seconds since 1970.
    pub(crate) fn count(&self, now: i64) -> Result<(), u64> {
        // Nothing that holds the lock leaves the list half changed.
        let mut tries = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What a clock that was put back has made into the future counts no more.
        tries.retain(|at| (0..WITHIN).contains(&now.saturating_sub(*at)));
        match tries.first() {
            Some(first) if tries.len() >= MOST => {
                let left = WITHIN.saturating_sub(now.saturating_sub(*first));
                Err(left.unsigned_abs())
            }
            _ => {
                tries.push(now);
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_tries_pass_in_any_minute_and_no_more_are_remembered() {
        let tries = Tries::default();
        for now in [0, 10, 20, 30, 40] {
            assert_eq!(tries.count(now), Ok(()), "{now}");
        }
        for (now, wait) in [(40, 20), (50, 10), (59, 1)] {
            assert_eq!(tries.count(now), Err(wait));
        }
        assert_eq!(tries.count(60), Ok(()));
        assert_eq!(tries.count(60), Err(10));
        assert_eq!(tries.count(70), Ok(()));
        assert_eq!(tries.0.lock().unwrap().len(), MOST);
        for now in 0..1000 {
            let _ = tries.count(now);
            assert!(tries.0.lock().unwrap().len() <= MOST);
        }
    }

    #[test]
    fn no_clock_locks_everybody_out() {
        let tries = Tries::default();
        for now in [i64::MAX; MOST] {
            assert_eq!(tries.count(now), Ok(()));
        }
        assert_eq!(tries.count(i64::MAX), Err(60));
        assert_eq!(tries.count(0), Ok(()));
        assert_eq!(tries.count(i64::MIN), Ok(()));
    }
}
