//! The configuration in force: what a reload replaces, all of it at once.

use std::sync::Arc;

use http::HeaderMap;

use crate::clock::{seconds, unix};
use crate::config::{
    Config, ConfigError, CookieSecrets, DEFAULT, Misconfigured, Mistake, ProviderConfig,
};
use crate::cookies::{IdentityCookie, Keyring, Names};
use crate::error::{Error, Kind};
use crate::own_paths::OwnPaths;
use crate::provider::{Clients, ConfiguredProvider};

/// The configuration in force.
#[derive(Debug)]
pub(crate) struct InForce {
    keyring: Arc<Keyring>,
    cookie_secrets: CookieSecrets,
    providers: Vec<Arc<ConfiguredProvider>>,
    clients: Clients,
    misconfigured: Vec<Misconfigured>,
    /// Seconds that an identity lasts.
    life: i64,
    valid_from: Option<i64>,
    redirect_uri: String,
    allow_http: Vec<String>,
    strict: bool,
    warnings: Vec<Mistake>,
}

impl InForce {
    /// What stays as it was in `former` keeps what is cached of it.
    pub(crate) fn new(config: &Config, former: Option<&Self>) -> Result<Self, Error> {
        let same_secrets = former.filter(|it| it.cookie_secrets == config.cookie_secrets);
        let keyring = match same_secrets {
            Some(former) => former.keyring.clone(),
            None => Arc::new(Keyring::new(&config.cookie_secrets, &config.site)?),
        };
        let redirect_uri = config.site.redirect_uri().to_owned();
        let former_clients = former.map(|it| &it.clients);
        let mut clients = Clients::after(former_clients)?;
        let provider = |config: &ProviderConfig| {
            let http = clients.client(&config.network, former_clients)?;
            let formers = former.map_or(&[][..], |it| &it.providers);
            let own = config.redirect_uri.as_deref();
            let redirect_uri = own.unwrap_or(&redirect_uri);
            Ok(ConfiguredProvider::after(
                formers,
                config,
                redirect_uri,
                http,
            ))
        };
        let providers: Result<_, Error> = config.providers.iter().map(provider).collect();
        Ok(Self {
            keyring,
            cookie_secrets: config.cookie_secrets.clone(),
            providers: providers?,
            clients,
            misconfigured: config.misconfigured.clone(),
            life: seconds(config.life),
            valid_from: config.sessions_valid_from.map(unix),
            redirect_uri,
            allow_http: config.allow_http.clone(),
            strict: config.strict,
            warnings: config.warnings.clone(),
        })
    }

    pub(crate) fn keyring(&self) -> &Keyring {
        &self.keyring
    }

    /// Those that people can log in with.
    pub(crate) fn providers(&self) -> &[Arc<ConfiguredProvider>] {
        &self.providers
    }

    /// Seconds that an identity lasts.
    pub(crate) fn life(&self) -> i64 {
        self.life
    }

    pub(crate) fn provider(&self, name: &str) -> Result<&Arc<ConfiguredProvider>, Error> {
        self.check_section(name)?;
        self.providers
            .iter()
            .find(|provider| provider.name() == name)
            .ok_or_else(|| {
                let names: Vec<_> = self.providers.iter().map(|it| it.name()).collect();
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
    pub(crate) fn default_provider(&self) -> Result<Option<&Arc<ConfiguredProvider>>, Error> {
        self.check_section(DEFAULT)?;
        Ok(match self.providers.as_slice() {
            [only] => Some(only),
            all => all.iter().find(|provider| provider.name() == DEFAULT),
        })
    }

    /// Refuses the name of a provider whose section has mistakes.
    fn check_section(&self, name: &str) -> Result<(), Error> {
        let mut misconfigured = self.misconfigured.iter();
        let Some(provider) = misconfigured.find(|provider| provider.name == name) else {
            return Ok(());
        };
        let mistakes: Vec<_> = provider.mistakes.iter().map(Mistake::to_string).collect();
        let mistakes = mistakes.join("; ");
        Err(Error::from(Kind::ProviderMisconfigured { mistakes }).at(name))
    }

    /// The identity in a request's cookies, if it counts: in time, of a provider that is still
    /// configured as it was, and not from before everybody was logged out.
    pub(crate) fn identity(
        &self,
        headers: &HeaderMap,
        names: &Names,
        now: i64,
    ) -> Option<IdentityCookie> {
        Some(self.identity_and_provider(headers, names, now)?.0)
    }

    /// The same, with the provider that vouched for it.
    pub(crate) fn identity_and_provider(
        &self,
        headers: &HeaderMap,
        names: &Names,
        now: i64,
    ) -> Option<(IdentityCookie, Arc<ConfiguredProvider>)> {
        let identity = IdentityCookie::open(headers, names, &self.keyring, now)?;
        let known = |provider: &&Arc<ConfiguredProvider>| {
            provider.fingerprint() == identity.fingerprint()
                && provider.name() == identity.provider()
        };
        let counts = identity.is_current(now)
            && self
                .valid_from
                .is_none_or(|from| identity.issued_at() >= from);
        let provider = self.providers.iter().find(known).filter(|_| counts)?;
        Some((identity, provider.clone()))
    }

    /// The keys of which a changed value counts from the next start on.
    pub(crate) fn waiting_for_restart(
        &self,
        config: &Config,
        own_paths: &OwnPaths,
    ) -> Vec<&'static str> {
        // A path that nobody answers yet: `Auth::routes` is part of the app's router by now.
        let is_new = |provider: &ProviderConfig| {
            provider.redirect_uri.is_some() && !own_paths.has_callback_of(&provider.name)
        };
        let redirect_uri = config.site.redirect_uri();
        [
            ("allow_http", self.allow_http != config.allow_http),
            (
                "redirect_uri",
                self.redirect_uri != redirect_uri || config.providers.iter().any(is_new),
            ),
            ("strict", self.strict != config.strict),
        ]
        .into_iter()
        .filter_map(|(key, differs)| differs.then_some(key))
        .collect()
    }

    /// The mistakes in sections that work here.
    pub(crate) fn broken_by(&self, config: &Config) -> Option<ConfigError> {
        let works = |name: &str| self.providers.iter().any(|it| it.name() == name);
        let broken = config.misconfigured.iter().filter(|it| works(&it.name));
        let mistakes: Vec<_> = broken.flat_map(|it| it.mistakes.clone()).collect();
        (!mistakes.is_empty()).then(|| ConfigError::of(mistakes))
    }

    /// Writes a line for each warning, and for each mistake in a section, that `former` did not have.
    pub(crate) fn tell(&self, former: Option<&Self>) {
        let told: Vec<_> = former.into_iter().flat_map(Self::all_mistakes).collect();
        let is_new = |mistake: &&Mistake| !told.contains(&mistake.to_string());
        for warning in self.warnings.iter().filter(is_new) {
            tracing::warn!(cure = warning.how_to_cure(), "{warning}");
        }
        for Misconfigured { name, mistakes } in &self.misconfigured {
            for mistake in mistakes.iter().filter(is_new) {
                let (provider, cure) = (name.escape_debug().to_string(), mistake.how_to_cure());
                tracing::error!(provider, cure, "{mistake}");
            }
        }
    }

    fn all_mistakes(&self) -> impl Iterator<Item = String> {
        let of_sections = self.misconfigured.iter().flat_map(|it| &it.mistakes);
        self.warnings
            .iter()
            .chain(of_sections)
            .map(Mistake::to_string)
    }

    /// Warns of what the passing of time alone brings about: secrets that end.
    pub(crate) fn tell_ends(&self, now: i64) {
        for provider in &self.providers {
            provider.tell_expiry(now);
        }
        self.keyring.tell_ends(now);
    }
}
