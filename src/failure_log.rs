//! The one line that each failure gets in the log, and no more lines than a reader can bear.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::error::{Error, Fault};

/// This many lines of one code in a second; then one with the count.
const LINES: u32 = 10;
const WINDOW: Duration = Duration::from_secs(1);

#[derive(Debug, Default)]
pub(crate) struct FailureLog(Mutex<HashMap<&'static str, Window>>);

#[derive(Debug)]
struct Window {
    began: Instant,
    count: u32,
}

impl FailureLog {
    /// Writes the line of a failure.
    pub(crate) fn write(&self, error: &Error, request_id: &str) {
        let (left_out, may_write) = self.count(error.code(), Instant::now());
        if left_out > 0 {
            tracing::warn!(code = error.code(), left_out, "more failures of this kind");
        }
        if !may_write {
            return;
        }
        let code = error.code();
        let provider = error.provider().map(|name| name.escape_debug().to_string());
        let advice = error.advice();
        match error.fault() {
            Fault::Browser | Fault::Refusal => {
                tracing::warn!(code, provider, request_id, advice, "{error}");
            }
            Fault::Provider | Fault::App => {
                tracing::error!(code, provider, request_id, advice, "{error}");
            }
        }
    }

    /// How many lines the second before left out, and whether there is room for one more.
    fn count(&self, code: &'static str, now: Instant) -> (u32, bool) {
        // The lock is only ever held for this arithmetic.
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry(code).or_insert(Window {
            began: now,
            count: 0,
        });
        let mut left_out = 0;
        if now.saturating_duration_since(window.began) >= WINDOW {
            left_out = window.count.saturating_sub(LINES);
            *window = Window {
                began: now,
                count: 0,
            };
        }
        window.count = window.count.saturating_add(1);
        (left_out, window.count <= LINES)
    }
}
