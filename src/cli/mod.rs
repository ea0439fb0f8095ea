//! The command `keycard`: `cargo install keycard --features cli`.
//!
//! - `keycard secret` prints a cookie secret.
//! - `keycard dev` runs a development provider.
//!
//! It ends with 0 where all is well, with 1 where something is not, and with 2 where it was called
//! in a way that it does not know. It prints no secret but those that it has just made.

mod dev;
mod outcome;
mod secret;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::dev::Dev;
use self::outcome::{Failure, Outcome};

/// Login for axum the way Streamlit does it: sets up and checks the secrets file.
#[derive(Debug, Parser)]
#[command(name = "keycard", version)]
struct Command {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Run a development provider, for an app in any language.
    Dev(Dev),
    /// Print a fresh cookie secret.
    Secret,
}

/// Does what the command line of this process asks for.
#[must_use]
pub fn main() -> ExitCode {
    match Command::parse().what.run() {
        Ok(outcome) => outcome.into(),
        Err(failure) => {
            // Whoever does not hear of it sees the exit code.
            let _ = writeln!(io::stderr(), "keycard: {failure}");
            Outcome::Failed.into()
        }
    }
}

impl What {
    fn run(self) -> Result<Outcome, Failure> {
        match self {
            Self::Dev(dev) => dev.run(),
            Self::Secret => secret::run(),
        }
    }
}
