//! The end of a login: why it is over, and who waits to be told.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Why the login of a request is over, as [`Session::ended`](crate::Session::ended) tells it.
/// `Display` says it in a few words, short enough for the reason of a WebSocket's close frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// Nobody was logged in to begin with, or a page of another site asked for the WebSocket.
    Anonymous,
    /// Its time is over, as [`User::expires_at`](crate::User::expires_at) says it, or the clock has
    /// been put back to before it began.
    Expired,
    /// Somebody has logged out, in this or another tab of the browser.
    LoggedOut,
    /// Somebody has logged in anew in the same browser: another person, or the same one again.
    Replaced,
    /// The settings were saved and let the login count no more: `sessions_valid_from`, a new
    /// `cookie_secret`, or a provider that is gone or another than it was.
    SettingsChanged,
}

impl fmt::Display for Ended {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Anonymous => "nobody is logged in",
            Self::Expired => "the login has expired",
            Self::LoggedOut => "logged out",
            Self::Replaced => "logged in anew",
            Self::SettingsChanged => "everybody has to log in again",
        })
    }
}

/// Who waits in this process for which login to end. A login has an entry only while somebody waits
/// for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiters(Arc<Mutex<Entries>>);

type Entries = HashMap<LoginId, watch::Sender<Option<Ended>>>;
type LoginId = [u8; 16];

impl Waiters {
    pub(crate) fn add(&self, login_id: LoginId) -> Waiter {
        let mut entries = self.entries();
        let sender = entries.entry(login_id).or_default();
        Waiter {
            login_id,
            receiver: Some(sender.subscribe()),
            waiters: self.clone(),
        }
    }

    /// Tells all who wait for this login that it is over.
    pub(crate) fn tell(&self, login_id: LoginId, why: Ended) {
        let told = self.entries().remove(&login_id);
        if let Some(sender) = told {
            sender.send_replace(Some(why));
        }
    }

    /// Lets all who wait look whether their login still counts.
    pub(crate) fn look_again(&self) {
        for sender in self.entries().values() {
            sender.send_modify(|_| ());
        }
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.entries().len()
    }

    /// The lock is only ever held to find an entry, and to wake who waits.
    fn entries(&self) -> MutexGuard<'_, Entries> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Somebody who waits, until this is dropped.
#[derive(Debug)]
pub(crate) struct Waiter {
    login_id: LoginId,
    /// There until it is dropped.
    receiver: Option<watch::Receiver<Option<Ended>>>,
    waiters: Waiters,
}

impl Waiter {
    /// What was told, if anything was.
    pub(crate) fn told(&mut self) -> Option<Ended> {
        *self.receiver.as_mut()?.borrow_and_update()
    }

    /// Waits until there is something to look at, but no longer than this.
    pub(crate) async fn news(&mut self, patience: Duration) {
        if let Some(receiver) = &mut self.receiver {
            let _ = timeout(patience, receiver.changed()).await;
        }
    }
}

impl Drop for Waiter {
    fn drop(&mut self) {
        let mut entries = self.waiters.entries();
        // Before the count: an entry of the same login that others have made since stays theirs.
        self.receiver = None;
        let entry = entries.get(&self.login_id);
        if entry.is_some_and(|sender| sender.receiver_count() == 0) {
            entries.remove(&self.login_id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_remembered_who_waits_no_more() {
        let waiters = Waiters::default();
        for round in 0..1000_u16 {
            let mut login_id = [0; 16];
            login_id[..2].copy_from_slice(&round.to_be_bytes());
            let (first, second) = (waiters.add(login_id), waiters.add(login_id));
            assert_eq!(waiters.entries().len(), 1);
            drop(first);
            assert_eq!(waiters.entries().len(), 1, "the second one still waits");
            match round % 2 {
                0 => drop(second),
                _ => waiters.tell(login_id, Ended::LoggedOut),
            }
            assert!(waiters.entries().is_empty());
        }
    }

    #[test]
    fn all_who_wait_for_a_login_are_told_and_nobody_else_is() {
        let waiters = Waiters::default();
        let mut mine = [waiters.add([1; 16]), waiters.add([1; 16])];
        let mut other = waiters.add([2; 16]);

        waiters.tell([1; 16], Ended::Replaced);
        waiters.tell([1; 16], Ended::LoggedOut);

        for waiter in &mut mine {
            assert_eq!(waiter.told(), Some(Ended::Replaced), "the first end counts");
        }
        assert_eq!(other.told(), None);
    }

    #[test]
    fn who_was_told_takes_nothing_from_who_waits_since() {
        let waiters = Waiters::default();
        let told = waiters.add([1; 16]);
        waiters.tell([1; 16], Ended::LoggedOut);
        let mut since = waiters.add([1; 16]);

        drop(told);

        assert_eq!(since.told(), None);
        waiters.tell([1; 16], Ended::Expired);
        assert_eq!(since.told(), Some(Ended::Expired));
    }

    #[tokio::test(start_paused = true)]
    async fn news_come_at_once_and_patience_ends() {
        let waiters = Waiters::default();
        let mut waiter = waiters.add([1; 16]);
        let began = tokio::time::Instant::now();
        let patience = Duration::from_secs(5);

        waiter.news(patience).await;
        assert_eq!(began.elapsed(), patience);

        waiters.look_again();
        waiter.news(patience).await;
        assert_eq!(began.elapsed(), patience);
        assert_eq!(waiter.told(), None);
    }
}
