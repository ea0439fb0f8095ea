//! What a command runs on that asks providers, or is one.

use tokio::runtime::{Builder, Runtime};

use super::outcome::Failure;

/// A runtime for this thread.
pub(super) fn runtime() -> Result<Runtime, Failure> {
    let built = Builder::new_current_thread().enable_all().build();
    built.map_err(|error| {
        let kind = error.kind();
        Failure::said(format!(
            "the operating system refuses what it runs on: {kind}"
        ))
    })
}
