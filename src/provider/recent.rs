//! What was done just now, or is being done: whoever comes with the same gets what that one brought.

use std::collections::HashMap;
use std::fmt;
use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};

use super::flight::{Flight, Outcome};
use crate::error::Endpoint;

/// A hash that whoever means the same comes with.
pub(super) type Id = [u8; 32];

/// Flights that are under way, and the outcomes of those that landed a little while ago.
pub(super) struct Recent<T> {
    flights: Mutex<HashMap<Id, Flight<T>>>,
    endpoint: Endpoint,
    /// How many are kept; what lands beyond is forgotten at once.
    most: usize,
    /// How long an outcome is kept.
    kept: fn(&Outcome<T>) -> Duration,
}

impl<T: Send + Sync + 'static> Recent<T> {
    pub(super) fn new(endpoint: Endpoint, most: usize, kept: fn(&Outcome<T>) -> Duration) -> Self {
        Self {
            flights: Mutex::default(),
            endpoint,
            most,
            kept,
        }
    }

    /// What the work brings, or brought just now for the same.
    pub(super) async fn once<F>(self: &Arc<Self>, id: Id, work: impl FnOnce() -> F) -> Outcome<T>
    where
        F: Future<Output = Outcome<T>> + Send + 'static,
    {
        let flight = {
            let mut flights = self.lock();
            let flight = flights.get(&id).and_then(Flight::join);
            flight.unwrap_or_else(|| {
                let (work, landed) = (work(), self.clone());
                let flight = Flight::begin(self.endpoint, async move {
                    let outcome = work.await;
                    landed.forget(id, (landed.kept)(&outcome));
                    outcome
                });
                flights.extend(flight.join().map(|flight| (id, flight)));
                flight
            })
        };
        flight.landed().await
    }

    /// What is being done, or was done just now; nothing is begun.
    pub(super) fn known(&self, id: &Id) -> Option<Flight<T>> {
        self.lock().get(id).and_then(Flight::join)
    }

    /// The same, and from here on it is known no more.
    pub(super) fn take(&self, id: &Id) -> Option<Flight<T>> {
        self.lock().remove(id)
    }

    /// Knows nothing more of these, whether they have landed or not.
    pub(super) fn drop_those(&self, is_meant: impl Fn(&Id) -> bool) {
        self.lock().retain(|id, _| !is_meant(id));
    }

    /// Forgets what has landed: a little later, or at once.
    fn forget(self: &Arc<Self>, id: Id, kept: Duration) {
        let mut flights = self.lock();
        if kept.is_zero() || flights.len() > self.most {
            flights.remove(&id);
            return;
        }
        drop(flights);
        let recent = self.clone();
        tokio::spawn(async move {
            tokio::time::sleep(kept).await;
            recent.lock().remove(&id);
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Id, Flight<T>>> {
        // Nothing that holds the lock leaves the map half changed.
        self.flights.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The id of these, each with its length.
pub(super) fn id_of<'a>(parts: impl IntoIterator<Item = &'a [u8]>) -> Id {
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part);
    }
    let mut id = Id::default();
    id.copy_from_slice(context.finish().as_ref());
    id
}

// Whatever was brought, its ids are hashes over secrets.
impl<T> fmt::Debug for Recent<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recent").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;
    use crate::error::Kind;

    const KEPT: Duration = Duration::from_secs(5);
    const MOST: usize = 1000;

    fn recent() -> Arc<Recent<usize>> {
        Arc::new(Recent::new(
            Endpoint::Token,
            MOST,
            |outcome| match outcome {
                Ok(_) => KEPT,
                Err(_) => Duration::ZERO,
            },
        ))
    }

    fn id(number: usize) -> Id {
        let mut id = Id::default();
        id[..8].copy_from_slice(&number.to_be_bytes());
        id
    }

    /// Whether the work had to be begun.
    async fn is_begun(recent: &Arc<Recent<usize>>, number: usize) -> bool {
        let begun = Arc::new(AtomicUsize::new(0));
        let count = begun.clone();
        let work = || async move {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(Arc::new(number))
        };
        assert_eq!(*recent.once(id(number), work).await.unwrap(), number);
        begun.load(Ordering::Relaxed) == 1
    }

    #[tokio::test(start_paused = true)]
    async fn so_many_outcomes_are_kept_so_long_and_no_more() {
        let recent = recent();
        for number in 0..MOST + 10 {
            assert!(is_begun(&recent, number).await, "{number} is new");
        }

        assert_eq!(recent.lock().len(), MOST);
        for (number, is_begun_anew) in [
            (0, false),
            (MOST - 1, false),
            (MOST, true),
            (MOST + 9, true),
        ] {
            assert_eq!(is_begun(&recent, number).await, is_begun_anew, "{number}");
        }

        tokio::time::sleep(KEPT + Duration::from_millis(1)).await;
        assert!(recent.lock().is_empty());
        assert!(is_begun(&recent, 0).await);
    }

    #[tokio::test(start_paused = true)]
    async fn a_failure_is_shared_by_all_who_wait_and_kept_as_long_as_is_said() {
        let recent = recent();
        let fail = || async { Err(Kind::CodeRefused.into()) };
        assert!(recent.once(id(1), fail).await.is_err());
        assert!(recent.known(&id(1)).is_none());
        assert!(is_begun(&recent, 1).await);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_taken_is_known_to_nobody_else() {
        let recent = recent();
        assert!(is_begun(&recent, 1).await);
        assert!(recent.known(&id(1)).is_some());
        let taken = recent.take(&id(1)).unwrap();
        assert_eq!(*taken.landed().await.unwrap(), 1);
        assert!(recent.known(&id(1)).is_none());
        assert!(is_begun(&recent, 1).await);
    }
}
