//! The `[auth]` table: found, read, merged, checked, and from then on a [`Config`] that cannot be
//! wrong.
//!
//! Lowest first, and each uses only what stands before it:
//!
//! - `example` is a file to begin with, `keys` every key that there is.
//! - `quote` blanks a line, `place` says where something stands, `diagnostic` words a mistake and
//!   `config_error` shows them all.
//! - `tree` is a file as values that know their places; `reading` reads them as what they are meant
//!   to be.
//! - `location` is where a file is, `environment` what the process was started with, `process_salt`
//!   what it adds to a weak secret, and `seen` how the files were; `not_toml`, `secret_file`,
//!   `secret_directory`, `overlay` (settings as variables) and `elsewhere` (values that stand apart)
//!   are what is read; `source` is where it was given, `given` all of that, `found` reads it, and
//!   `origins` tells where each value was.
//! - `network` is the way to a provider, `exposed` what of its tokens is shown, and `provider` what is
//!   known of one in the end; `schema` tells
//!   editors of all keys; `belonging` looks after keys that are missing or misplaced; `site`,
//!   `own_callback`, `grant`, `cookie_secret`, `address`, `client_kwargs`, `client_key`, `preset`,
//!   `signed_secret`, `facts`, `protocol`, `section`, `own` and `mix_up` each check one part.

mod address;
mod belonging;
mod client_key;
mod client_kwargs;
mod config_error;
mod cookie_secret;
mod diagnostic;
mod elsewhere;
mod environment;
mod example;
mod exposed;
mod facts;
mod found;
mod given;
mod grant;
mod keys;
mod location;
mod mix_up;
mod network;
mod not_toml;
mod origins;
mod overlay;
mod own;
mod own_callback;
mod place;
mod preset;
mod process_salt;
mod protocol;
mod provider;
mod quote;
mod reading;
#[cfg(feature = "cli")]
mod schema;
mod secret_directory;
mod secret_file;
mod section;
mod seen;
mod signed_secret;
mod site;
mod source;
mod tree;

pub(crate) use client_kwargs::is_ours;
pub use config_error::ConfigError;
#[cfg(test)]
pub(crate) use cookie_secret::Accepted;
pub(crate) use cookie_secret::CookieSecrets;
pub(crate) use diagnostic::Mistake;
pub(crate) use environment::Environment;
pub(crate) use exposed::ExposedTokens;
pub(crate) use given::Given;
pub(crate) use network::{Network, Proxy};
pub(crate) use preset::is_guid;
#[cfg(feature = "password")]
pub(crate) use provider::Grant;
pub(crate) use provider::{
    ClientAuthentication, DEFAULT, Facts, LEEWAY, MixUp, OAuth2, OpenId, Prompt, Protocol,
    ProviderConfig, ResponseMode, SignedSecret,
};
#[cfg(feature = "cli")]
pub(crate) use schema::schema;
pub(crate) use seen::Seen;
#[cfg(test)]
pub(crate) use site::tests::site as site_at;
pub(crate) use site::{CALLBACK, Site, is_loopback, may_be_http};
pub(crate) use source::Source;

use std::time::{Duration, SystemTime};

use self::diagnostic::Report;
use self::example::example;
use self::found::Found;
use self::keys::Level;
use self::network::CaFiles;
use self::section::Shared;
use self::tree::{Table, Value};
use crate::own_provider::Added;

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
    /// At least one.
    pub(crate) providers: Vec<ProviderConfig>,
    /// Providers whose sections have mistakes, which leave the others working.
    pub(crate) misconfigured: Vec<Misconfigured>,
    /// Mistakes that do not keep the app from starting.
    pub(crate) warnings: Vec<Mistake>,
    /// Hosts that may be reached without TLS.
    pub(crate) allow_http: Vec<String>,
    pub(crate) strict: bool,
    /// What says the port in `{port}`.
    pub(crate) port_from: &'static str,
    /// Where each value came from, by name.
    pub(crate) values_from: String,
}

/// A provider that nobody can log in with.
#[derive(Clone, Debug)]
pub(crate) struct Misconfigured {
    pub(crate) name: String,
    pub(crate) mistakes: Vec<Mistake>,
}

impl Config {
    /// Reads every source, later ones over earlier ones, and checks the whole. `seen` becomes the
    /// files that were looked at, whether they are right or not.
    ///
    /// # Errors
    ///
    /// Every mistake that was found, all at once.
    pub(crate) fn load(given: &Given, seen: &mut Seen) -> Result<Self, ConfigError> {
        let mut report = Report::default();
        let mut found = Found::read(given, &mut report);
        *seen = std::mem::take(&mut found.seen);
        if !report.errors.is_empty() {
            return Err(ConfigError::new(report, false));
        }
        match found.tree.table("auth", &mut report) {
            Some(auth) => check(&found.tree, auth, given, seen, report),
            None => {
                if report.errors.is_empty() {
                    report.error(no_auth(&found));
                }
                Err(ConfigError::new(report, false))
            }
        }
    }

    /// What is wrong with it all the same: the mistakes of its sections, and the warnings.
    #[cfg(feature = "cli")]
    pub(crate) fn faults(&self) -> ConfigError {
        let of_sections = self.misconfigured.iter().flat_map(|it| &it.mistakes);
        ConfigError::beside(of_sections.cloned().collect(), self.warnings.clone())
    }
}

/// Checks `[auth]` and every section below it.
fn check(
    root: &Table,
    auth: &Table,
    given: &Given,
    seen: &mut Seen,
    mut report: Report,
) -> Result<Config, ConfigError> {
    let sections = belonging::providers(auth, &given.added);
    check_neighbours(root, &mut report);
    belonging::check(auth, Level::Shared, &sections, &mut report);

    belonging::check_restrictions(auth, &sections, &mut report);

    let strays = strays(root, auth);
    let allow_http = auth.strings("allow_http", &mut report).unwrap_or_default();
    let (port, says) = given.port();
    let has_port = auth.value("redirect_uri").is_some_and(Value::has_port);
    let port_from = if has_port { says } else { "redirect_uri" };
    let site = Site::read(auth, &strays, port, &allow_http, &mut report);
    let loopback = site.as_ref().is_some_and(Site::is_loopback);
    let cookie_secrets = CookieSecrets::read(auth, &strays, loopback, &given.salt, &mut report);
    let life = life(auth, &mut report);
    let sessions_valid_from = auth.instant("sessions_valid_from", &mut report);
    let strict = auth.boolean("strict", &mut report) == Some(true);

    let mut files = CaFiles::new(&given.environment, seen);
    let app = (site.clone(), port);
    let shared = Shared::read(auth, allow_http.clone(), app, &mut files, &mut report);
    let added = &given.added;
    let (mut providers, misconfigured) =
        providers(auth, &sections, added, &shared, &mut files, &mut report);
    if sections.is_empty() {
        report.error(no_provider(auth));
    }
    section::check_issuers(auth, &providers, &mut report);
    if let Some(site) = &site {
        mix_up::judge(auth, site, strict, &mut providers, &mut report);
    }

    let is_weak = !misconfigured.is_empty() || !report.warnings.is_empty();
    let works = report.errors.is_empty() && !providers.is_empty() && !(strict && is_weak);
    match (site, cookie_secrets) {
        (Some(site), Some(cookie_secrets)) if works => Ok(Config {
            site,
            cookie_secrets,
            life,
            sessions_valid_from,
            providers,
            misconfigured,
            warnings: report.warnings,
            allow_http,
            strict,
            port_from,
            values_from: origins::told(auth),
        }),
        _ => {
            let mistakes = misconfigured.into_iter().flat_map(|it| it.mistakes);
            report.errors.extend(mistakes);
            Err(ConfigError::new(report, strict))
        }
    }
}

/// The providers of the sections, those that work apart from those that do not.
fn providers(
    auth: &Table,
    sections: &[String],
    added: &[Added],
    shared: &Shared,
    files: &mut CaFiles<'_>,
    report: &mut Report,
) -> (Vec<ProviderConfig>, Vec<Misconfigured>) {
    let (mut providers, mut misconfigured) = (Vec::new(), Vec::new());
    for name in sections {
        let mut own = Report::default();
        let provider = match added.iter().find(|it| it.name == *name) {
            Some(added) => own::read(auth, added, shared, files, &mut own),
            None => section::read(auth, name, shared, files, &mut own),
        };
        match provider {
            Some(provider) if own.errors.is_empty() => providers.push(provider),
            _ => misconfigured.push(Misconfigured {
                name: name.clone(),
                mistakes: own.errors,
            }),
        }
        report.warnings.extend(own.warnings);
    }
    (providers, misconfigured)
}

/// The tables in which a key of `[auth]` ends up when a section begins too early.
fn strays<'a>(root: &'a Table, auth: &'a Table) -> Vec<&'a Table> {
    let below = |table: &'a Table| table.keys().filter_map(|key| table.subtable(key));
    let sections = || below(auth);
    [root]
        .into_iter()
        .chain(sections())
        .chain(sections().flat_map(below))
        .collect()
}

/// Warns about tables beside `[auth]` that are meant to be in it.
fn check_neighbours(root: &Table, report: &mut Report) {
    for name in root.keys().filter(|name| *name != "auth") {
        let Some(table) = root.subtable(name) else {
            continue;
        };
        let is_near = keys::is_near(name, "auth");
        let inner = table.keys().filter_map(|key| table.subtable(key));
        let cure = if is_near && inner.into_iter().any(belonging::is_provider) {
            format!("rename [{name}] to [auth]")
        } else if table.contains("client_id") && table.contains("server_metadata_url") {
            format!("rename [{0}] to [auth.{0}]", root.named(name))
        } else {
            continue;
        };
        report.warn(
            Mistake::new(format!("[{}] counts for nothing", root.named(name)))
                .at(root.place_of(name))
                .cure(cure),
        );
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

/// There is no `[auth]`, but perhaps what should stand below it.
fn no_auth(found: &Found) -> Mistake {
    let root = &found.tree;
    let mistake = Mistake::new("no [auth] section");
    let is_provider = |name: &&str| root.subtable(name).is_some_and(belonging::is_provider);
    if let Some(near) = root.keys().find(|key| keys::is_near(key, "auth")) {
        return mistake
            .at(root.place_of(near))
            .cure(format!("rename [{}] to [auth]", root.named(near)));
    }
    if let Some(key) = root.keys().find(|key| belonging::is_of_auth(key)) {
        return mistake
            .at(root.place_of(key))
            .found(format!("{key} stands above every section"))
            .cure("write [auth] on a line above it");
    }
    if let Some(section) = root.keys().find(is_provider) {
        return mistake
            .at(root.place_of(section))
            .found(format!("[{}] is no section of it", root.named(section)))
            .cure(format!(
                "rename it to [auth.{}], below [auth] with redirect_uri and cookie_secret",
                root.named(section)
            ));
    }
    let names = match found.names.as_slice() {
        [] => "the settings".to_owned(),
        names => names.join(", "),
    };
    Mistake::new(format!("no [auth] section in {names}"))
        .cure(format!("begin with these lines:\n{}", example()))
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
