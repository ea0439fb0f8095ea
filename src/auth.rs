//! The handle: the configuration in force, its providers, keys and clock; and its builder.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use http::HeaderMap;

use crate::clock::{Clock, seconds, unix};
use crate::config::{
    Config, ConfigError, DEFAULT, Environment, Given, Misconfigured, Mistake, Seen, Site, Source,
};
use crate::cookies::{IdentityCookie, Keyring, Names};
use crate::error::{Error, Kind};
use crate::failure_log::FailureLog;
use crate::own_paths::OwnPaths;
use crate::posture;
use crate::provider::{Http, OpenIdProvider};

/// Login for an app: reads the secrets file once, and is then cheap to clone.
///
/// ```no_run
/// use axum::{Router, routing::get};
/// use keycard::{Auth, User};
///
/// # fn main() -> Result<(), keycard::ConfigError> {
/// let auth = Auth::from_secrets()?; // .streamlit/secrets.toml
/// let app: Router = Router::new()
///     .route("/", get(async |user: User| format!("Hello, {}", user.name().unwrap_or("stranger"))))
///     .layer(auth.layer());
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Auth(Arc<InForce>);

/// What is in force.
struct InForce {
    site: Site,
    own_paths: OwnPaths,
    names: Names,
    keyring: Keyring,
    providers: Vec<Arc<OpenIdProvider>>,
    misconfigured: Vec<Misconfigured>,
    /// Seconds that an identity lasts.
    life: i64,
    valid_from: Option<i64>,
    clock: Clock,
    callback_seen: AtomicBool,
    port_told: AtomicBool,
    log: FailureLog,
}

/// A provider as a button needs it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ProviderChoice {
    /// What [`Session::login`](crate::Session::login) takes.
    pub name: String,
    /// What a button says: `label` of the section, else the name.
    pub label: String,
}

impl Auth {
    /// Reads the secrets files where Streamlit has them, as [`AuthBuilder::secrets`] tells.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with them, all at once.
    pub fn from_secrets() -> Result<Self, ConfigError> {
        Self::builder().secrets().build()
    }

    /// Reads one secrets file, or one directory as [`AuthBuilder::file`] tells, and no other.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with the file, all at once.
    pub fn from_file(path: impl Into<PathBuf>) -> Result<Self, ConfigError> {
        Self::builder().file(path).build()
    }

    /// Begins with nothing: files, texts and values are added one by one.
    pub fn builder() -> AuthBuilder {
        AuthBuilder::default()
    }

    /// The providers of the secrets file, in alphabetical order, the unnamed one last. One whose
    /// section has a mistake is not among them: nobody can log in with it.
    #[must_use]
    pub fn providers(&self) -> Vec<ProviderChoice> {
        let choice = |provider: &Arc<OpenIdProvider>| ProviderChoice {
            name: provider.name().to_owned(),
            label: provider.label().to_owned(),
        };
        self.0.providers.iter().map(choice).collect()
    }

    pub(crate) fn provider(&self, name: &str) -> Result<&Arc<OpenIdProvider>, Error> {
        self.check_section(name)?;
        self.0
            .providers
            .iter()
            .find(|provider| provider.name() == name)
            .ok_or_else(|| {
                let names: Vec<_> = self.0.providers.iter().map(|it| it.name()).collect();
                // Names have 64 characters at most, so a longer beginning is near none of them.
                let beginning: String = name.chars().take(67).collect();
                let near = names
                    .iter()
                    .find(|near| strsim::damerau_levenshtein(near, &beginning) <= 2);
                Kind::UnknownProvider {
                    name: name
                        .chars()
                        .take(64)
                        .collect::<String>()
                        .escape_debug()
                        .to_string(),
                    configured: names.join(", "),
                    suggestion: near
                        .map_or_else(String::new, |near| format!("; did you mean {near}?")),
                }
                .into()
            })
    }

    /// The provider that is meant when none is named: the unnamed one, or the only one.
    pub(crate) fn default_provider(&self) -> Result<Option<&Arc<OpenIdProvider>>, Error> {
        self.check_section(DEFAULT)?;
        Ok(match self.0.providers.as_slice() {
            [only] => Some(only),
            all => all.iter().find(|provider| provider.name() == DEFAULT),
        })
    }

    /// Refuses the name of a provider whose section has mistakes.
    fn check_section(&self, name: &str) -> Result<(), Error> {
        let mut misconfigured = self.0.misconfigured.iter();
        let Some(provider) = misconfigured.find(|provider| provider.name == name) else {
            return Ok(());
        };
        let mistakes: Vec<_> = provider.mistakes.iter().map(Mistake::to_string).collect();
        let mistakes = mistakes.join("; ");
        Err(Error::from(Kind::ProviderMisconfigured { mistakes }).at(name))
    }

    pub(crate) fn site(&self) -> &Site {
        &self.0.site
    }

    pub(crate) fn own_paths(&self) -> &OwnPaths {
        &self.0.own_paths
    }

    pub(crate) fn names(&self) -> &Names {
        &self.0.names
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.0.keyring
    }

    /// Seconds that an identity lasts.
    pub(crate) fn life(&self) -> i64 {
        self.0.life
    }

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        unix(self.0.clock.now())
    }

    pub(crate) fn log(&self) -> &FailureLog {
        &self.0.log
    }

    /// The identity in a request's cookies, if it counts: in time, of a provider that is still
    /// configured as it was, and not from before everybody was logged out.
    pub(crate) fn identity(&self, headers: &HeaderMap) -> Option<IdentityCookie> {
        let now = self.now();
        let identity = IdentityCookie::open(headers, self.names(), self.keyring(), now)?;
        let known = |provider: &Arc<OpenIdProvider>| {
            provider.fingerprint() == identity.fingerprint()
                && provider.name() == identity.provider()
        };
        let counts = identity.is_current(now)
            && self
                .0
                .valid_from
                .is_none_or(|from| identity.issued_at() >= from)
            && self.0.providers.iter().any(known);
        counts.then_some(identity)
    }

    /// Warns of what the passing of time alone brings about: secrets that end.
    pub(crate) fn tell_ends(&self) {
        let now = self.now();
        self.0.keyring.tell_ends(now);
        for provider in &self.0.providers {
            provider.tell_expiry(now);
        }
    }

    /// Whether both are handles to one configuration.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Warns, once, that people open the app at another port than the one they come back to.
    pub(crate) fn tell_port(&self, asked: u16) {
        if !self.0.port_told.swap(true, Ordering::Relaxed) {
            let redirect_uri = self.0.site.origin().port_or_known_default();
            tracing::warn!(
                asked,
                redirect_uri,
                "a login was asked for at another port than the one of redirect_uri, where the \
                 provider sends people back to: open the app there, or correct redirect_uri \
                 ({{port}} in it is filled in)"
            );
        }
    }

    pub(crate) fn saw_callback(&self) {
        self.0.callback_seen.store(true, Ordering::Relaxed);
    }

    /// Whether to say that callbacks do not arrive: true once, and never after one did.
    pub(crate) fn misses_callbacks(&self) -> bool {
        !self.0.callback_seen.swap(true, Ordering::Relaxed)
    }
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.0.providers.iter().map(|it| it.name()).collect();
        f.debug_struct("Auth")
            .field("redirect_uri", &self.0.site.redirect_uri())
            .field("providers", &names)
            .finish_non_exhaustive()
    }
}

/// Gathers what an [`Auth`] is made of. Later sources win over earlier ones, key by key.
#[derive(Clone, Debug, Default)]
#[must_use = "nothing happens until `build`"]
pub struct AuthBuilder {
    sources: Vec<Source>,
    port: Option<u16>,
    clock: Clock,
}

impl AuthBuilder {
    /// Adds the secrets files where they are found: `~/.streamlit/secrets.toml`, then
    /// `.streamlit/secrets.toml` in the current directory, then those that the variable
    /// `KEYCARD_SECRETS_FILES` lists, divided like the entries of `PATH`.
    ///
    /// The first two need not be there. What is listed has to be, and may be a directory, as in
    /// [`file`](Self::file).
    ///
    /// Over all of these, and over what the other methods add before or after, counts what stands in
    /// variables: `KEYCARD_AUTH__GOOGLE__CLIENT_ID` is `client_id` of `[auth.google]`, and
    /// `KEYCARD_AUTH__COOKIE_SECRET` is `cookie_secret`. The section is one that is there, whatever its
    /// case and with underscores for what no variable's name can have; where there is no section at
    /// all, the variables make them, so that an app needs no file.
    ///
    /// So one value counts over another in this order, the last one most: the user's file, the
    /// project's, those that are listed, each with what other methods add at their place, and the
    /// variables. Without this method no variable overrides anything.
    ///
    /// In every source a value may stand elsewhere: `{ env = "NAME" }` and `"${NAME}"` in a variable,
    /// `"${NAME:-this}"` with a default where it is no secret, `{ file = "/run/secrets/name" }` in a
    /// file of its own, without the end of its last line. `"$${NAME}"` is the text `${NAME}`.
    pub fn secrets(mut self) -> Self {
        self.sources.push(Source::Places);
        self
    }

    /// Adds a secrets file, or a directory as Kubernetes mounts secrets: a directory in it is a
    /// table, a file a value, so that `auth/google/client_id` is `client_id` of `[auth.google]`.
    pub fn file(mut self, path: impl Into<PathBuf>) -> Self {
        self.sources.push(Source::File(path.into()));
        self
    }

    /// Adds the text of a secrets file.
    pub fn toml(mut self, text: &str) -> Self {
        self.sources.push(Source::Text(text.into()));
        self
    }

    /// Adds one value, such as `.set("auth.google.client_id", id)`. The key is written as in TOML.
    pub fn set(mut self, key: &str, value: impl Into<serde_json::Value>) -> Self {
        self.sources.push(Source::Set {
            key: key.to_owned(),
            value: value.into(),
        });
        self
    }

    /// The port in `{port}` of `redirect_uri`; else it is the environment's `PORT`, else 8501.
    pub fn port(mut self, port: u16) -> Self {
        self.port = Some(port);
        self
    }

    /// Replaces the wall clock, for tests.
    pub fn clock(mut self, now: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Clock::new(now);
        self
    }

    /// Reads every source and checks the whole. Providers are asked nothing yet, so an app starts
    /// while they are down.
    ///
    /// # Errors
    ///
    /// Everything that is wrong, all at once.
    pub fn build(self) -> Result<Auth, ConfigError> {
        // Without it jsonwebtoken panics where another crate turns on its other backend.
        let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();

        let given = Given {
            sources: self.sources,
            environment: Environment::of_process(),
            port: self.port,
            ..Given::default()
        };
        let config = Config::load(&given, &mut Seen::default())?;
        for warning in &config.warnings {
            tracing::warn!(cure = warning.how_to_cure(), "{warning}");
        }
        for Misconfigured { name, mistakes } in &config.misconfigured {
            for mistake in mistakes {
                let (provider, cure) = (name.escape_debug().to_string(), mistake.how_to_cure());
                tracing::error!(provider, cure, "{mistake}");
            }
        }
        let names = Names::new(&config.site);
        posture::tell(&config, &names);
        let site = config.site;
        let keyring = Keyring::new(&config.cookie_secrets, &site)
            .map_err(|error| ConfigError::internal(&error))?;
        let http = Http::new().map_err(|error| ConfigError::internal(&error))?;
        let provider = |config| OpenIdProvider::new(config, site.redirect_uri(), http.clone());
        let auth = Auth(Arc::new(InForce {
            own_paths: OwnPaths::new(&site),
            names,
            keyring,
            providers: config
                .providers
                .into_iter()
                .map(provider)
                .map(Arc::new)
                .collect(),
            misconfigured: config.misconfigured,
            life: seconds(config.life),
            valid_from: config.sessions_valid_from.map(unix),
            clock: self.clock,
            callback_seen: AtomicBool::new(false),
            port_told: AtomicBool::new(false),
            log: FailureLog::default(),
            site,
        }));
        auth.tell_ends();
        Ok(auth)
    }
}
