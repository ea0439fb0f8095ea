//! The one line that each failure gets in the log, and no more lines than a reader can bear.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::time::{Instant, sleep_until};

use crate::error::{Error, Fault};

/// This many lines of one code in a second; then one with the count.
const LINES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(1);

#[derive(Clone, Debug, Default)]
pub(crate) struct FailureLog(Arc<Mutex<HashMap<&'static str, Window>>>);

#[derive(Debug)]
struct Window {
    began: Instant,
    count: u32,
}

impl FailureLog {
    /// Writes the line of a failure.
    pub(crate) fn write(&self, error: &Error, request_id: &str) {
        let code = error.code();
        let advice = Some(error.advice()).filter(|advice| !advice.is_empty());
        let provider = error.provider().map(|name| name.escape_debug().to_string());
        let nth = self.count(code, Instant::now());
        if nth > LINES {
            return;
        }
        match error.fault() {
            Fault::Browser | Fault::Refusal => {
                tracing::warn!(code, provider, request_id, advice, "{error}");
            }
            Fault::Provider | Fault::App => {
                tracing::error!(code, provider, request_id, advice, "{error}");
            }
        }
    }

    /// The how-manieth of its code and second a failure is.
    fn count(&self, code: &'static str, now: Instant) -> u32 {
        let mut windows = self.windows();
        let window = windows.entry(code).or_insert(Window::new(now));
        if now.saturating_duration_since(window.began) >= WINDOW {
            tell(code, window.count);
            *window = Window::new(now);
        }
        window.count = window.count.saturating_add(1);
        let (nth, began) = (window.count, window.began);
        drop(windows);
        if nth == LINES + 1 {
            self.tell_at_the_end(code, began);
        }
        nth
    }

    /// Tells the number when the second is over, even if nothing fails any more.
    fn tell_at_the_end(&self, code: &'static str, began: Instant) {
        let Ok(runtime) = Handle::try_current() else {
            return;
        };
        let log = self.clone();
        runtime.spawn(async move {
            sleep_until(began + WINDOW).await;
            let mut windows = log.windows();
            if windows
                .get(code)
                .is_some_and(|window| window.began == began)
                && let Some(window) = windows.remove(code)
            {
                tell(code, window.count);
            }
        });
    }

    /// The lock is only ever held for arithmetic and for one line.
    fn windows(&self) -> MutexGuard<'_, HashMap<&'static str, Window>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Window {
    fn new(began: Instant) -> Self {
        Self { began, count: 0 }
    }
}

/// Tells how many of `count` failures had no line.
fn tell(code: &'static str, count: u32) {
    let left_out = count.saturating_sub(LINES);
    if left_out > 0 {
        tracing::warn!(code, left_out, "more failures of this kind");
    }
}
