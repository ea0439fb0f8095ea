//! The command `keycard`: `cargo install --path . --features cli` in a checkout.
//!
//! - `keycard check` tells every mistake in the secrets file, and asks each provider whether logins
//!   will work.
//! - `keycard dev` runs a development provider.
//! - `keycard import` makes a secrets file of the environment of oauth2-proxy, Auth.js or Panel.
//! - `keycard init` writes `.streamlit/secrets.toml`.
//! - `keycard schema` prints the JSON Schema of the file, which is `docs/secrets.schema.json`.
//! - `keycard secret` prints a cookie secret.
//!
//! It ends with 0 where all is well, with 1 where something is not, and with 2 where it was called
//! in a way that it does not know. It prints no secret but those that it has just made, and those of
//! the file or section that `import` and `dev` are asked for.
//!
//! # JSON of `keycard check`
//!
//! ```json
//! {
//!   "format": 1,
//!   "ok": false,
//!   "mistakes": [{ "text": "…", "cure": "…", "file": "…", "line": 8, "column": 1 }],
//!   "warnings": [],
//!   "redirect_uri": "https://app.example.com/oauth2callback",
//!   "post_logout_redirect_uri": "https://app.example.com/oauth2callback",
//!   "providers": [{
//!     "name": "google",
//!     "redirect_uri": "https://app.example.com/oauth2callback",
//!     "server_metadata_url": "https://accounts.google.com/.well-known/openid-configuration",
//!     "findings": [{ "point": "clock", "verdict": "ok", "text": "…", "cure": "" }],
//!     "cookie": { "bytes": 1169, "cookies": 1 }
//!   }]
//! }
//! ```
//!
//! `format` changes when a member goes or changes its meaning; others may come. `file`, `line`,
//! `column`, both addresses and `cookie` may be null. Each `point` stands there at most once:
//! `metadata`, `issuer`, `clock`, `pkce`, `iss`, `logout`, `authentication`, `algorithms`, `keys`,
//! `registration`, `cookie`. A `verdict` is `ok`, `note`, `unknown` or `failure`; at `registration`
//! these are registered, cannot tell (`unknown`) and refused. Texts may change with each release.

mod check;
mod dev;
mod draft;
mod import;
mod init;
mod outcome;
mod runtime;
mod schema;
mod secret;
mod terminal;

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use self::check::Check;
use self::dev::Dev;
use self::import::Import;
use self::init::Init;
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
    /// Check the secrets file, and ask each provider whether logins will work.
    Check(Check),
    /// Run a development provider, for an app in any language.
    Dev(Dev),
    /// Write a secrets file from the environment of oauth2-proxy, Auth.js or Panel.
    Import(Import),
    /// Write .streamlit/secrets.toml, asking for what it needs.
    Init(Init),
    /// Print the JSON Schema of the secrets file, for editors.
    Schema,
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
            Self::Check(check) => check.run(),
            Self::Dev(dev) => dev.run(),
            Self::Import(import) => import.run(),
            Self::Init(init) => init.run(),
            Self::Schema => schema::run(),
            Self::Secret => secret::run(),
        }
    }
}
