//! `keycard check`: every mistake in the settings, then what each provider says to them.
//!
//! Lowest first: `words` cleans what a provider says; `finding` is one thing that was found;
//! `points`, `registration` and `cookie` find them, `provider` all of one provider; `report` shows
//! them.

mod cookie;
mod finding;
mod points;
mod provider;
mod registration;
mod report;
mod words;

use std::io;
use std::path::PathBuf;

use clap::Args;

use self::cookie::Claims;
use self::provider::Asked;
use self::report::Report;
use super::outcome::{Failure, Outcome};
use super::runtime::runtime;
use super::terminal::Progress;
use crate::config::{Config, ConfigError, Environment, Given, Seen, Source};
use crate::cookies::{Keyring, Names};
use crate::provider::Clients;

/// What `keycard check` takes.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// Secrets files, later ones over earlier ones [default: as an app finds them]
    #[arg(value_name = "FILE")]
    files: Vec<PathBuf>,

    /// Only read the files: ask no provider anything
    #[arg(long)]
    offline: bool,

    /// Print JSON
    #[arg(long)]
    json: bool,

    /// Size the cookie for the claims in this JSON file [default: a typical person's]
    #[arg(long, value_name = "FILE")]
    claims: Option<PathBuf>,

    /// The port in `{port}` of redirect_uri [default: PORT, else 8501]
    #[arg(long)]
    port: Option<u16>,
}

impl Check {
    pub(super) fn run(&self) -> Result<Outcome, Failure> {
        let claims = Claims::read(self.claims.as_deref())?;
        let report = match self.load() {
            Ok(config) => self.ask(&config, &claims)?,
            Err(error) => Report::of_mistakes(error),
        };
        if self.json {
            report.write_json(&mut io::stdout().lock())?;
        } else {
            report.write(&mut io::stdout().lock(), super::terminal::has_colours())?;
        }
        Ok(report.outcome())
    }

    fn load(&self) -> Result<Config, ConfigError> {
        let files = self.files.iter().cloned().map(Source::File);
        let mut sources: Vec<_> = files.collect();
        if sources.is_empty() {
            sources.push(Source::Places);
        }
        let given = Given {
            sources,
            environment: Environment::of_process(),
            port: self.port,
            ..Given::default()
        };
        Config::load(&given, &mut Seen::default())
    }

    fn ask(&self, config: &Config, claims: &Claims) -> Result<Report, Failure> {
        let keyring = Keyring::new(&config.cookie_secrets, &config.site)?;
        let names = Names::new(&config.site);
        let mut providers: Vec<_> = config
            .providers
            .iter()
            .map(|provider| Asked::new(provider, &config.site))
            .collect();
        if !self.offline {
            ask_all(config, &mut providers)?;
        }
        for (provider, asked) in config.providers.iter().zip(&mut providers) {
            asked.size_cookie(provider, claims, &names, &keyring);
        }
        Ok(Report::new(config, providers))
    }
}

/// One after the other: a person can see whose turn it is.
fn ask_all(config: &Config, providers: &mut [Asked]) -> Result<(), Failure> {
    let mut clients = Clients::after(None)?;
    let runtime = runtime()?;
    for (provider, asked) in config.providers.iter().zip(providers) {
        let http = clients.client(&provider.network, None)?;
        let progress = Progress::of(&provider.name);
        runtime.block_on(asked.ask(&http, provider, &progress));
    }
    Ok(())
}
