//! Work that several wait for. It runs in a task of its own, so nobody who goes away takes it
//! along, and its outcome, good or bad, is everybody's.

use std::future::Future;
use std::sync::Arc;

use tokio::sync::watch;

use crate::error::{Endpoint, Error, Kind};

pub(super) type Outcome<T> = Result<Arc<T>, Error>;

/// Work under way, for one who waits for it.
#[derive(Debug)]
pub(super) struct Flight<T> {
    outcome: watch::Receiver<Option<Outcome<T>>>,
    endpoint: Endpoint,
}

impl<T: Send + Sync + 'static> Flight<T> {
    /// Begins the work. The endpoint is the one that is waited for.
    pub(super) fn begin<F>(endpoint: Endpoint, work: F) -> Self
    where
        F: Future<Output = Outcome<T>> + Send + 'static,
    {
        let (sender, outcome) = watch::channel(None);
        tokio::spawn(async move {
            let _ = sender.send(Some(work.await));
        });
        Self { outcome, endpoint }
    }

    /// The same work for one more, unless its runtime has gone down and it will never land.
    pub(super) fn join(&self) -> Option<Self> {
        let has_landed = self.outcome.borrow().is_some();
        (has_landed || self.outcome.has_changed().is_ok()).then(|| Self {
            outcome: self.outcome.clone(),
            endpoint: self.endpoint,
        })
    }

    pub(super) async fn landed(mut self) -> Outcome<T> {
        let outcome = match self.outcome.wait_for(Option::is_some).await {
            Ok(outcome) => outcome.clone(),
            Err(_) => None,
        };
        outcome.unwrap_or_else(|| {
            Err(Kind::ProviderUnreachable {
                endpoint: self.endpoint,
                why: "the app is shutting down",
            }
            .into())
        })
    }
}
