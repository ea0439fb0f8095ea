//! The `[auth]` table: found, read, merged, checked, and from then on a [`Config`] that cannot be
//! wrong.
//!
//! Lowest first, and each uses only what stands before it: `example` is a file to begin with; a
//! `place` is where something stands; `diagnostic` words the mistakes; `tree` is a file as values
//! that know their places, `reading` reads them as what they are meant to be, and `keys` is the list
//! of every key. `source` reads files. `site`, `cookie_secret`, `provider`, `client_kwargs`,
//! `metadata_url` and `section` each check one part.

mod client_kwargs;
mod cookie_secret;
mod diagnostic;
mod example;
mod keys;
mod metadata_url;
mod place;
mod provider;
mod reading;
mod section;
mod site;
mod source;
mod tree;

pub(crate) use client_kwargs::is_ours;
pub(crate) use cookie_secret::CookieSecrets;
pub use diagnostic::ConfigError;
pub(crate) use diagnostic::{Mistake, Report};
pub(crate) use provider::{ClientAuthentication, DEFAULT, Prompt, ProviderConfig};
#[cfg(test)]
pub(crate) use site::tests::site as site_at;
pub(crate) use site::{CALLBACK, Site, is_loopback, may_be_http};
pub(crate) use source::Source;

use std::time::{Duration, SystemTime};

use self::example::example;
use self::keys::Level;
use self::tree::Table;

/// How long an identity lasts, unless `expiry_days` shortens it.
const THIRTY_DAYS: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// A checked `[auth]` table.
#[derive(Debug)]
pub(crate) struct Config {
    pub(crate) site: Site,
    pub(crate) cookie_secrets: CookieSecrets,
    /// How long an identity lasts from the login on.
    pub(crate) life: Duration,
    /// Whoever logged in before this is logged out.
    pub(crate) sessions_valid_from: Option<SystemTime>,
    pub(crate) providers: Vec<ProviderConfig>,
    /// Mistakes that do not keep the app from starting.
    pub(crate) warnings: Vec<Mistake>,
}

impl Config {
    /// Reads every source, later ones over earlier ones, and checks the whole.
    ///
    /// # Errors
    ///
    /// Every mistake that was found, all at once.
    pub(crate) fn load(sources: &[Source], port: u16) -> Result<Self, ConfigError> {
        let mut report = Report::default();
        let mut tree = Table::default();
        for source in sources {
            if let Some(table) = source.read(&mut report) {
                tree.merge(table);
            }
        }
        if report.has_errors() {
            return Err(report.into());
        }
        let Some(auth) = tree.table("auth", &mut report) else {
            if report.has_errors() {
                return Err(report.into());
            }
            report.error(no_auth(sources, &tree));
            return Err(report.into());
        };
        check(auth, port, report)
    }
}

/// Checks `[auth]` and every section below it.
fn check(auth: &Table, port: u16, mut report: Report) -> Result<Config, ConfigError> {
    let sections = section::names(auth);
    keys::check(auth, Level::Shared, &sections, &mut report);

    let allow_http = auth.strings("allow_http", &mut report).unwrap_or_default();
    let site = Site::read(auth, port, &allow_http, &mut report);
    let loopback = site.as_ref().is_some_and(Site::is_loopback);
    let cookie_secrets = CookieSecrets::read(auth, loopback, &mut report);
    let life = life(auth, &mut report);
    let sessions_valid_from = auth.instant("sessions_valid_from", &mut report);
    if auth.boolean("strict", &mut report) == Some(true) {
        report.deny_warnings();
    }

    let shared = section::Shared::read(auth, allow_http, loopback, &mut report);
    let mut providers = Vec::new();
    for name in &sections {
        providers.extend(section::read(auth, name, &shared, &mut report));
    }
    if sections.is_empty() {
        report.error(no_provider(auth));
    }
    section::check_issuers(auth, &providers, &mut report);

    match (site, cookie_secrets) {
        (Some(site), Some(cookie_secrets)) if !report.has_errors() => Ok(Config {
            site,
            cookie_secrets,
            life,
            sessions_valid_from,
            providers,
            warnings: report.into_warnings(),
        }),
        _ => Err(report.into()),
    }
}

/// `expiry_days`: above 0, at most 30, fractions allowed.
fn life(auth: &Table, report: &mut Report) -> Duration {
    let Some(days) = auth.number("expiry_days", report) else {
        return THIRTY_DAYS;
    };
    if days > 0.0 && days <= 30.0 {
        return THIRTY_DAYS.mul_f64(days / 30.0);
    }
    report.error(
        auth.mistake("expiry_days")
            .found("a number that is not above 0 and at most 30")
            .cure("an identity lasts at most 30 days; write a number of days, such as 7 or 0.5"),
    );
    THIRTY_DAYS
}

/// There is no `[auth]`, or no file at all.
fn no_auth(sources: &[Source], tree: &Table) -> Mistake {
    let names: Vec<_> = sources.iter().map(Source::name).collect();
    let near = tree.keys().find(|key| keys::is_near(key, "auth"));
    let cure = match near {
        Some(near) => format!("rename [{near}] to [auth]"),
        None => format!("begin with these lines:\n{}", example()),
    };
    let place = if names.is_empty() {
        "the settings".to_owned()
    } else {
        names.join(", ")
    };
    Mistake::new(format!("no [auth] section in {place}")).cure(cure)
}

fn no_provider(auth: &Table) -> Mistake {
    let mistake = Mistake::new("no provider in [auth]");
    let section = auth
        .keys()
        .find(|key| *key != "client_kwargs" && auth.subtable(key).is_some());
    match section {
        Some(section) => mistake
            .at(auth.place_of(section))
            .found(format!(
                "[{}] has neither client_id nor server_metadata_url",
                auth.named(section)
            ))
            .cure("add client_id, client_secret and server_metadata_url to it"),
        None => mistake.at(auth.place()).cure(format!(
            "add a section for one, such as:\n{}",
            example::PROVIDER
        )),
    }
}
