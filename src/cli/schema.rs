//! `keycard schema`: the secrets file as JSON Schema.

use std::io::{self, Write as _};

use super::outcome::{Failure, Outcome};
use crate::config;

pub(super) fn run() -> Result<Outcome, Failure> {
    writeln!(io::stdout(), "{:#}", config::schema())?;
    Ok(Outcome::Fine)
}
