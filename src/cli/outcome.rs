//! How a command ends.

use std::io;
use std::process::ExitCode;

use crate::error::Error;

/// How a command ended that could do its work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    Failed,
    Fine,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Failed => Self::FAILURE,
            Outcome::Fine => Self::SUCCESS,
        }
    }
}

/// Why a command could not do its work. No secret is ever in it.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    #[error("{0}")]
    Said(String),
    #[error(transparent)]
    Unable(#[from] Error),
    #[error("what it has to say cannot be written: {}", .0.kind())]
    Unwritable(#[from] io::Error),
}

impl Failure {
    pub(super) fn said(what: impl Into<String>) -> Self {
        Self::Said(what.into())
    }
}
