//! The end of a login: why it is over, and who waits to be told.

use std::collections::{HashMap, VecDeque};
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

/// How many logins that are over are remembered.
const MEMORY: usize = 1024;

/// Who waits in this process for which login to end, and which ones have ended lately.
#[derive(Clone, Debug, Default)]
pub(crate) struct Waiters(Arc<Mutex<Logins>>);

type LoginId = [u8; 16];

#[derive(Debug, Default)]
struct Logins {
    /// A login has an entry only while somebody waits for it.
    awaited: HashMap<LoginId, watch::Sender<Option<Ended>>>,
    /// The last ones that are over, oldest first: a request that was sent before is not always seen
    /// before, and its cookie still opens.
    over: VecDeque<(LoginId, Ended)>,
}

impl Logins {
    fn why_over(&self, login_id: LoginId) -> Option<Ended> {
        let over = self.over.iter().find(|(it, _)| *it == login_id);
        over.map(|(_, why)| *why)
    }

    /// Its first end counts, and an old cookie that comes again and again takes no others' place.
    fn remember(&mut self, login_id: LoginId, why: Ended) {
        if self.why_over(login_id).is_some() {
            return;
        }
        if self.over.len() == MEMORY {
            self.over.pop_front();
        }
        self.over.push_back((login_id, why));
    }
}

impl Waiters {
    /// Lets somebody wait, who is told at once of a login that is known to be over.
    pub(crate) fn add(&self, login_id: LoginId) -> Waiter {
        let mut logins = self.logins();
        let receiver = match logins.why_over(login_id) {
            Some(why) => watch::channel(Some(why)).1,
            None => logins.awaited.entry(login_id).or_default().subscribe(),
        };
        Waiter {
            login_id,
            receiver: Some(receiver),
            waiters: self.clone(),
        }
    }

    /// Tells all who wait for this login, or will, that it is over.
    pub(crate) fn tell(&self, login_id: LoginId, why: Ended) {
        let mut logins = self.logins();
        logins.remember(login_id, why);
        if let Some(sender) = logins.awaited.remove(&login_id) {
            sender.send_replace(Some(why));
        }
    }

    /// Lets all who wait look whether their login still counts.
    pub(crate) fn look_again(&self) {
        for sender in self.logins().awaited.values() {
            sender.send_modify(|_| ());
        }
    }

    #[cfg(test)]
    pub(crate) fn count(&self) -> usize {
        self.logins().awaited.len()
    }

    /// The lock is only ever held to find a login, and to wake who waits.
    fn logins(&self) -> MutexGuard<'_, Logins> {
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
        let mut logins = self.waiters.logins();
        // Before the count: an entry of the same login that others have made since stays theirs.
        self.receiver = None;
        let entry = logins.awaited.get(&self.login_id);
        if entry.is_some_and(|sender| sender.receiver_count() == 0) {
            logins.awaited.remove(&self.login_id);
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
            assert_eq!(waiters.count(), 1);
            drop(first);
            assert_eq!(waiters.count(), 1, "the second one still waits");
            match round % 2 {
                0 => drop(second),
                _ => waiters.tell(login_id, Ended::LoggedOut),
            }
            assert_eq!(waiters.count(), 0);
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
        // Until that is forgotten.
        for other in 0..=MEMORY as u128 {
            waiters.tell(other.to_be_bytes(), Ended::LoggedOut);
        }
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
