//! The handle: the configuration in force, its providers, keys and clock; and its builder.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

use arc_swap::ArcSwap;
use serde::de::DeserializeOwned;
use tokio::runtime;
use tokio::time::Instant;
use tracing::dispatcher;

use crate::clock::{Clock, unix};
use crate::config::{Config, ConfigError, Environment, Given, Seen, Site, Source};
use crate::cookies::Names;
use crate::ended::{Ended, Waiters};
use crate::failure_log::FailureLog;
use crate::in_force::InForce;
use crate::own_pages::{OwnPages, Pages};
use crate::own_paths::OwnPaths;
use crate::own_provider::{Added, Provider};
use crate::posture;
use crate::provider::ConfiguredProvider;
use crate::reload::{Reload, Turn};
#[cfg(feature = "password")]
use crate::tries::Tries;
use crate::typed_claims::Wanted;

/// Login for an app: reads the secrets file, and is then cheap to clone.
///
/// A secrets file that is saved while the app runs counts without a restart: requests of any kind
/// make the app look, at most once a second, and a save counts when all of it is right, and it is no
/// longer being written. Otherwise what was read before stays in force, and the log says what is
/// wrong. `redirect_uri`, `allow_http` and `strict` are read at the start alone.
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
pub struct Auth(Arc<Handle>);

/// What only a restart changes, and the way to what a reload does.
struct Handle {
    in_force: ArcSwap<InForce>,
    reload: Reload,
    site: Site,
    own_paths: OwnPaths,
    names: Names,
    clock: Clock,
    callback_seen: AtomicBool,
    port_told: AtomicBool,
    log: FailureLog,
    waiters: Waiters,
    wanted_claims: Option<Wanted>,
    pages: OwnPages,
    #[cfg(feature = "password")]
    tries: Tries,
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

    /// The providers of the secrets file as it is in force and those that the app has added, in
    /// alphabetical order, the unnamed one last. One whose section has a mistake is not among them: nobody can log in with it.
    #[must_use]
    pub fn providers(&self) -> Vec<ProviderChoice> {
        let choice = |provider: &Arc<ConfiguredProvider>| ProviderChoice {
            name: provider.name().to_owned(),
            label: provider.label().to_owned(),
        };
        self.in_force().providers().iter().map(choice).collect()
    }

    /// The configuration in force. No lock is taken, and no reload waited for.
    pub(crate) fn in_force(&self) -> Arc<InForce> {
        self.0.in_force.load_full()
    }

    /// Looks whether a secrets file was saved, once a second in the whole process. The request that
    /// asks goes on meanwhile, with what is in force.
    pub(crate) fn glance(&self) {
        let Some(turn) = self.0.reload.turn(Instant::now()) else {
            return;
        };
        let auth = self.clone();
        // A line goes where those of the request go.
        let dispatch = dispatcher::get_default(Clone::clone);
        let look = move || dispatcher::with_default(&dispatch, || auth.look(turn));
        // A disk may be slow, and a worker has other requests to serve.
        match runtime::Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(look)),
            Err(_) => look(),
        }
    }

    /// The same for a login, which waits for what is found.
    pub(crate) async fn glance_first(&self) {
        self.glance();
        self.0.reload.looked().await;
        self.in_force().tell_ends(self.now());
    }

    fn look(&self, turn: Turn) {
        let take_in = |loaded| self.take_in(loaded);
        self.0.reload.look(turn, SystemTime::now(), take_in);
    }

    /// Puts a save in force, or says why not.
    fn take_in(&self, loaded: Result<Config, ConfigError>) {
        let former = self.in_force();
        let checked = loaded.and_then(|config| match former.broken_by(&config) {
            Some(error) => Err(error),
            None => Ok(config),
        });
        let config = match checked {
            Ok(config) => config,
            Err(error) => {
                tracing::error!(
                    "the settings were saved and do not count, and those from before stay in force: \
                     {error}"
                );
                return;
            }
        };
        // Nobody has checked half a file: what goes with a new redirect_uri waits together with it.
        let waiting = former.waiting_for_restart(&config, self.own_paths());
        if !waiting.is_empty() {
            let keys = waiting.join(", ");
            tracing::warn!(
                keys,
                "the settings were saved with keys that only a start reads: start the app again; \
                 until then all those from before stay in force"
            );
            return;
        }
        match InForce::new(&config, Some(&former)) {
            Ok(in_force) => {
                in_force.tell(Some(&former));
                self.0.in_force.store(Arc::new(in_force));
                self.0.waiters.look_again();
                let values = config.values_from.as_str();
                tracing::info!(values, "the settings were saved, and count from here on");
            }
            Err(error) => tracing::error!("the settings were saved and do not count: {error}"),
        }
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

    /// Seconds since 1970.
    pub(crate) fn now(&self) -> i64 {
        unix(self.0.clock.now())
    }

    pub(crate) fn log(&self) -> &FailureLog {
        &self.0.log
    }

    /// Who waits in this process for a login to end.
    pub(crate) fn waiters(&self) -> &Waiters {
        &self.0.waiters
    }

    /// Takes note that this login is over: the browser that had it forgets it.
    pub(crate) fn end(&self, login_id: [u8; 16], why: Ended) {
        self.0.waiters.tell(login_id, why);
    }

    /// The type that the claims of every login have to fit.
    pub(crate) fn wanted_claims(&self) -> Option<Wanted> {
        self.0.wanted_claims
    }

    pub(crate) fn pages(&self) -> &OwnPages {
        &self.0.pages
    }

    #[cfg(feature = "password")]
    pub(crate) fn tries(&self) -> &Tries {
        &self.0.tries
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
        let in_force = self.in_force();
        let names: Vec<_> = in_force.providers().iter().map(|it| it.name()).collect();
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
    wanted_claims: Option<Wanted>,
    added: Vec<Added>,
    pages: OwnPages,
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
        self.sources.push(Source::Text {
            name: ".toml(…)",
            text: text.into(),
        });
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

    /// Lets nobody log in whose claims do not fit this type, as [`User::claims`](crate::User::claims)
    /// reads it: a role that the provider does not send is one clear failure at the login
    /// (`claims_refused`), which names it, and none in the middle of the app. What a refresh of tokens
    /// tells later is not compared: claims that fit no more fail where they are read.
    ///
    /// ```no_run
    /// use keycard::{Auth, Identity};
    ///
    /// #[derive(serde::Deserialize)]
    /// struct Claims {
    ///     email: String,
    ///     roles: Vec<String>,
    /// }
    ///
    /// # fn main() -> Result<(), keycard::ConfigError> {
    /// let auth = Auth::builder().secrets().claims::<Claims>().build()?;
    /// # Ok(()) }
    ///
    /// async fn roles(who: Identity) -> keycard::Result<String> {
    ///     Ok(who.claims::<Claims>()?.roles.join(", "))
    /// }
    /// ```
    ///
    /// It is compared with what is kept: where `claims = […]` of the file leaves a claim out, that is
    /// missing. Whoever logged in before the type was changed still is logged in; `sessions_valid_from`
    /// makes them log in again. The last type given is the one that counts.
    pub fn claims<T: DeserializeOwned>(mut self) -> Self {
        self.wanted_claims = Some(Wanted::of::<T>());
        self
    }

    /// Adds a provider of the app's own ([`own_provider`](crate::own_provider)), in the place of one
    /// that was added under the same name before. The name is like that of a section: 1 to 64
    /// characters.
    ///
    /// Its section, `[auth.<name>]`, may be left out, or says `label`, `claims`, `redirect_uri`,
    /// `timeout` and `user_key` alone; with any other key it is a mistake. It stays through every reload.
    pub fn provider(mut self, name: &str, provider: impl Provider + 'static) -> Self {
        self.added.retain(|added| added.name != name);
        self.added.push(Added::new(name, provider));
        self
    }

    /// Shows pages of the app's own in the place of keycard's ([`own_pages`](crate::own_pages)). The
    /// last ones given count.
    pub fn pages(mut self, pages: impl Pages + 'static) -> Self {
        self.pages = OwnPages::new(pages);
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
            added: self.added,
            ..Given::default()
        };
        let mut seen = Seen::default();
        let config = Config::load(&given, &mut seen)?;
        let (site, names) = (config.site.clone(), Names::new(&config.site));
        let in_force = InForce::new(&config, None);
        let in_force = in_force.map_err(|error| ConfigError::internal(&error))?;
        in_force.tell(None);
        in_force.tell_ends(unix(self.clock.now()));
        posture::tell(&config, &names);
        let own_callbacks = config
            .providers
            .iter()
            .filter(|it| it.redirect_uri.is_some());
        let own_paths = OwnPaths::new(&site, own_callbacks.map(|it| it.name.as_str()));
        Ok(Auth(Arc::new(Handle {
            in_force: ArcSwap::from_pointee(in_force),
            reload: Reload::new(given, seen),
            own_paths,
            names,
            site,
            clock: self.clock,
            callback_seen: AtomicBool::new(false),
            port_told: AtomicBool::new(false),
            log: FailureLog::default(),
            waiters: Waiters::default(),
            wanted_claims: self.wanted_claims,
            pages: self.pages,
            #[cfg(feature = "password")]
            tries: Tries::default(),
        })))
    }
}
