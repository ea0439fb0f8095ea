//! What a refresh has brought in the course of one request, on its way into the head of the answer.

use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use http::HeaderValue;

use crate::provider::Renewed;

/// The tokens of one request, as they are renewed while its answer is being made.
#[derive(Default)]
pub(crate) struct Renewal {
    is_closed: AtomicBool,
    /// Most requests ask for no tokens, and take no lock.
    has_brought: AtomicBool,
    brought: Mutex<Option<Brought>>,
}

/// The end of a refresh.
#[derive(Clone)]
pub(crate) struct Brought {
    /// `None` where the provider takes the tokens no more.
    pub(crate) renewed: Option<Arc<Renewed>>,
    /// What tells the browser.
    pub(crate) cookies: Vec<HeaderValue>,
}

impl Renewal {
    /// Whether an answer can still carry what is brought.
    pub(crate) fn is_open(&self) -> bool {
        !self.is_closed.load(Ordering::Acquire)
    }

    pub(crate) fn bring(&self, brought: Brought) {
        *self.lock() = Some(brought);
        self.has_brought.store(true, Ordering::Release);
    }

    pub(crate) fn brought(&self) -> Option<Brought> {
        match self.has_brought.load(Ordering::Acquire) {
            true => self.lock().clone(),
            false => None,
        }
    }

    /// The cookies for the head of the answer, which is being written, or never will be.
    pub(crate) fn close(&self) -> Vec<HeaderValue> {
        self.is_closed.store(true, Ordering::Release);
        self.brought()
            .map_or_else(Vec::new, |brought| brought.cookies)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Brought>> {
        // Nothing that holds the lock can panic half way.
        self.brought.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for Renewal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Renewal")
    }
}
