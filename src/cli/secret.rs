//! `keycard secret`: a fresh cookie secret.

use std::io::{self, Write as _};

use super::outcome::{Failure, Outcome};
use crate::random;

pub(super) fn run() -> Result<Outcome, Failure> {
    writeln!(io::stdout(), "{}", fresh()?)?;
    Ok(Outcome::Fine)
}

/// A cookie secret that nobody else has.
pub(super) fn fresh() -> Result<String, Failure> {
    random::secret().ok_or_else(|| Failure::said("the operating system gave no randomness"))
}
