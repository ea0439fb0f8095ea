//! What is fetched once, however many wait for it, and kept: a failure for two seconds.
//!
//! Time here is monotonic: a jump of the wall clock neither keeps old keys nor freezes a retry.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use super::flight::{Flight, Outcome};
use crate::error::{Endpoint, Error};

/// A failure is remembered this long, so that a provider that is down is asked once in a while.
const FAILURE: Duration = Duration::from_secs(2);
/// What was fetched serves this long when it cannot be renewed.
const STALE: Duration = Duration::from_secs(24 * 60 * 60);

/// One thing that is fetched, and kept.
#[derive(Debug)]
pub(super) struct Cached<T> {
    endpoint: Endpoint,
    state: Mutex<State<T>>,
}

#[derive(Debug)]
struct State<T> {
    good: Option<Good<T>>,
    failure: Option<(Error, Instant)>,
    flight: Option<Flight<T>>,
}

#[derive(Debug)]
struct Good<T> {
    value: Arc<T>,
    fetched_at: Instant,
    fresh_for: Duration,
}

/// What a fetch brings: the value, and how long it is fresh.
pub(super) type Fetched<T> = Result<(T, Duration), Error>;

impl<T: Send + Sync + 'static> Cached<T> {
    /// Nothing yet. The endpoint is the one that is asked.
    pub(super) fn new(endpoint: Endpoint) -> Arc<Self> {
        Arc::new(Self {
            endpoint,
            state: Mutex::new(State {
                good: None,
                failure: None,
                flight: None,
            }),
        })
    }

    /// What is cached, fetched first if it must be, and renewed in the background when it has aged.
    pub(super) async fn get<F>(self: &Arc<Self>, fetch: impl FnOnce() -> F) -> Outcome<T>
    where
        F: Future<Output = Fetched<T>> + Send + 'static,
    {
        let flight = {
            let mut state = self.lock();
            let now = Instant::now();
            if let Some(good) = &state.good {
                let age = now.saturating_duration_since(good.fetched_at);
                if age < STALE {
                    let value = good.value.clone();
                    if age >= good.fresh_for && state.failure_just_now(now).is_none() {
                        self.flight(&mut state, fetch);
                    }
                    return Ok(value);
                }
            }
            if let Some(failure) = state.failure_just_now(now) {
                return Err(failure);
            }
            self.flight(&mut state, fetch)
        };
        flight.landed().await
    }

    /// What a new fetch brings, or one that is under way, or one that failed just now.
    pub(super) async fn renew<F>(self: &Arc<Self>, fetch: impl FnOnce() -> F) -> Outcome<T>
    where
        F: Future<Output = Fetched<T>> + Send + 'static,
    {
        let flight = {
            let mut state = self.lock();
            if let Some(failure) = state.failure_just_now(Instant::now()) {
                return Err(failure);
            }
            self.flight(&mut state, fetch)
        };
        flight.landed().await
    }

    /// The fetch under way, begun now if there is none.
    fn flight<F>(self: &Arc<Self>, state: &mut State<T>, fetch: impl FnOnce() -> F) -> Flight<T>
    where
        F: Future<Output = Fetched<T>> + Send + 'static,
    {
        state
            .flight
            .as_ref()
            .and_then(Flight::join)
            .unwrap_or_else(|| {
                let (fetch, cached) = (fetch(), self.clone());
                let flight = Flight::begin(self.endpoint, async move { cached.land(fetch.await) });
                state.flight = flight.join();
                flight
            })
    }

    fn land(&self, fetched: Fetched<T>) -> Outcome<T> {
        let mut state = self.lock();
        let now = Instant::now();
        state.flight = None;
        match fetched {
            Ok((value, fresh_for)) => {
                let value = Arc::new(value);
                state.failure = None;
                state.good = Some(Good {
                    value: value.clone(),
                    fetched_at: now,
                    fresh_for,
                });
                Ok(value)
            }
            Err(error) => {
                state.failure = Some((error.clone(), now));
                Err(error)
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // Nothing that holds the lock leaves the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T> State<T> {
    fn failure_just_now(&self, now: Instant) -> Option<Error> {
        let (failure, at) = self.failure.as_ref()?;
        (now.saturating_duration_since(*at) < FAILURE).then(|| failure.clone())
    }
}
