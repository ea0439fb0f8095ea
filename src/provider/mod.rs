//! One provider: what it says about itself, the keys it signs with, and the two requests of a
//! login.
//!
//! Lowest first: `http` and `json` are what everything goes through; `flight` is work that several
//! wait for; `cached` keeps what it brought, `recent` does so for a little while, `exchanges` are logins of
//! just now; `endpoints` are what every login
//! needs; `tenant` is an issuer for each tenant; `metadata` and `keys` are what is cached;
//! `client_assertion` and `signed_secret` say who asks; `token`, `form`, `pushed`, `password`, `id_token`
//! and `userinfo` are the steps of a login, `refresh` those that follow, and `openid` or `oauth2` takes
//! them; `own` leaves them to code
//! of the app's own. `survey` asks what no login does, for the command.

mod cached;
mod client_assertion;
mod endpoints;
mod exchanges;
mod flight;
mod form;
mod http;
pub(crate) mod id_token;
mod json;
pub(crate) mod keys;
mod metadata;
mod oauth2;
mod openid;
mod own;
#[cfg(feature = "password")]
mod password;
pub(crate) mod pushed;
mod recent;
mod refresh;
mod signed_secret;
#[cfg(feature = "cli")]
pub(crate) mod survey;
mod tenant;
pub(crate) mod token;
mod userinfo;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::{Map, Value};
use url::Url;

pub(crate) use self::endpoints::Endpoints;
pub(crate) use self::http::{Clients, Http};
#[cfg(any(fuzzing, test, feature = "cli"))]
pub(crate) use self::metadata::Metadata;
pub(crate) use self::own::{MAX_REMEMBERED, OwnProvider};
#[cfg(feature = "password")]
pub(crate) use self::password::Credentials;
pub(crate) use self::refresh::Renewed;

use self::flight::Flight;
use self::oauth2::OAuth2Provider;
use self::openid::OpenIdProvider;
use self::pushed::AuthorizationRequest;
use self::recent::Recent;
use self::token::Tokens;
use crate::clock::unix;
#[cfg(feature = "password")]
use crate::config::Grant;
use crate::config::{ExposedTokens, Facts, MixUp, Protocol, ProviderConfig, ResponseMode};
use crate::cookies::{Cut, KeptTokens, Updates};
use crate::error::{Error, Kind};
use crate::login_secrets::LoginSecrets;
use crate::own_provider::Added;
use crate::presets::Logout;
use crate::secret::Secret;

/// Where RP-Initiated Logout 1.0 §3 has the way back.
const STANDARD_WAY_BACK: &str = "post_logout_redirect_uri";

/// The claims of an ID token that are about the login alone, and of no use after it.
const SPENT: &[&str] = &["at_hash", "c_hash", "nonce", "s_hash"];

/// How long before the end of a client secret the log says so, in seconds.
const EXPIRY_NOTICE: i64 = 30 * 24 * 60 * 60;

/// A provider, with what is cached of it.
#[derive(Debug)]
pub(crate) struct ConfiguredProvider {
    config: ProviderConfig,
    redirect_uri: String,
    fingerprint: [u8; 16],
    http: Http,
    speaks: Speaks,
    exchanges: Arc<Recent<Verified>>,
    refreshes: Arc<Recent<Renewed>>,
    /// Whether the log has the line about the end of the client secret.
    expiry_told: AtomicBool,
    /// Whether it has the one about scopes that were not granted.
    scopes_told: AtomicBool,
    /// Whether it has the one about answers that do not name it.
    mix_up_told: AtomicBool,
}

/// What it speaks, with what is kept for that.
#[derive(Debug)]
enum Speaks {
    OAuth2(OAuth2Provider),
    OpenId(OpenIdProvider),
    Own(Added),
}

/// Whom a login is begun with.
#[derive(Clone, Debug)]
pub(crate) enum Contact<'a> {
    Endpoints(Arc<Endpoints>),
    Own(OwnProvider<'a>),
}

impl Contact<'_> {
    /// The issuer that is asked; empty where none is known.
    pub(crate) fn issuer(&self) -> &str {
        match self {
            Self::Endpoints(endpoints) => &endpoints.issuer,
            Self::Own(_) => "",
        }
    }

    /// Whether every answer names its issuer (RFC 9207).
    pub(crate) fn answers_with_issuer(&self) -> bool {
        match self {
            Self::Endpoints(endpoints) => endpoints.answers_with_issuer,
            Self::Own(_) => false,
        }
    }
}

/// A login as the provider vouches for it.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) auth_time: Option<i64>,
    pub(crate) session_id: Option<String>,
    pub(crate) claims: Map<String, Value>,
    /// None of a provider of the app's own.
    pub(crate) tokens: Option<Tokens>,
}

/// Tokens that are to be renewed, and whose they are.
#[derive(Clone)]
pub(crate) struct Refresh {
    pub(crate) kept: KeptTokens,
    pub(crate) issuer: String,
    pub(crate) subject: String,
    /// What the login told about the person.
    pub(crate) claims: Map<String, Value>,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// Where a browser is sent to end the provider's own session, but for the way back's state.
pub(crate) struct EndSession {
    url: Url,
    way_back: &'static str,
}

impl EndSession {
    /// Whether `state` comes back from there.
    pub(crate) fn echoes_state(&self) -> bool {
        self.way_back == STANDARD_WAY_BACK
    }

    /// The address, with what only this logout knows.
    pub(crate) fn with(mut self, parameters: &[(&str, &str)]) -> String {
        self.url.query_pairs_mut().extend_pairs(parameters);
        self.url.into()
    }
}

/// A code, and what it is redeemed with.
#[derive(Clone, Debug)]
pub(crate) struct Redemption {
    /// Empty for a provider of the app's own, which goes by the next two.
    pub(crate) code: Secret,
    pub(crate) parameters: Vec<(String, Secret)>,
    pub(crate) remembered: Secret,
    pub(crate) secrets: LoginSecrets,
    pub(crate) max_age: Option<u32>,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// Whom a login is with: its section, and where it is to come back to.
#[derive(Clone, Copy, Debug)]
struct Party<'a> {
    http: &'a Http,
    config: &'a ProviderConfig,
    redirect_uri: &'a str,
    scopes_told: &'a AtomicBool,
}

impl Party<'_> {
    /// Redeems a code at its token endpoint.
    async fn redeem(self, endpoints: &Endpoints, redemption: &Redemption) -> Result<Tokens, Error> {
        let (http, config) = (self.http, self.config);
        let tokens = token::redeem(http, config, self.redirect_uri, endpoints, redemption).await?;
        self.tell_scopes(&tokens);
        Ok(tokens)
    }

    /// Has tokens for what somebody typed.
    #[cfg(feature = "password")]
    async fn redeem_password(
        self,
        endpoints: &Endpoints,
        credentials: &Credentials,
        now: i64,
    ) -> Result<Tokens, Error> {
        let (http, config) = (self.http, self.config);
        let tokens =
            password::redeem(http, config, self.redirect_uri, endpoints, credentials, now).await?;
        self.tell_scopes(&tokens);
        Ok(tokens)
    }

    /// Has new tokens for a refresh token.
    async fn refresh(self, endpoints: &Endpoints, refresh: &Refresh) -> Result<Tokens, Error> {
        let Some(token) = &refresh.kept.refresh else {
            return Err(Kind::TokenExpired.into());
        };
        let (http, config, now) = (self.http, self.config, refresh.now);
        refresh::refresh(http, config, self.redirect_uri, endpoints, token, now).await
    }

    fn tell_scopes(self, tokens: &Tokens) {
        let config = self.config;
        if !tokens.refused_scopes.is_empty() && !self.scopes_told.swap(true, Ordering::Relaxed) {
            let provider = config.name.escape_debug().to_string();
            let scopes = tokens.refused_scopes.join(" ");
            tracing::warn!(
                provider,
                scopes,
                "scopes were asked for and not granted: what they stand for is not told; take them \
                 out of `scope`, or allow them in the provider's console"
            );
        }
    }
}

impl ConfiguredProvider {
    pub(crate) fn new(config: ProviderConfig, redirect_uri: &str, http: Http) -> Self {
        Self {
            fingerprint: fingerprint(&config, redirect_uri),
            redirect_uri: redirect_uri.to_owned(),
            http,
            speaks: match &config.protocol {
                Protocol::OAuth2(oauth2) => Speaks::OAuth2(OAuth2Provider::new(oauth2)),
                Protocol::OpenId(openid) => Speaks::OpenId(OpenIdProvider::new(openid)),
                Protocol::Own(added) => Speaks::Own(added.clone()),
            },
            exchanges: Arc::new(exchanges::exchanges()),
            refreshes: Arc::new(refresh::refreshes()),
            expiry_told: AtomicBool::new(false),
            scopes_told: AtomicBool::new(false),
            mix_up_told: AtomicBool::new(false),
            config,
        }
    }

    /// The same provider as before where its section says the same, with all that is cached of it.
    /// Where it is still the same registration, a code that is being redeemed is not tried twice.
    pub(crate) fn after(
        formers: &[Arc<Self>],
        config: &ProviderConfig,
        redirect_uri: &str,
        http: Http,
    ) -> Arc<Self> {
        let mut provider = Self::new(config.clone(), redirect_uri, http);
        let Some(former) = formers.iter().find(|it| it.name() == config.name) else {
            return Arc::new(provider);
        };
        if former.config == *config {
            return former.clone();
        }
        if provider.fingerprint == former.fingerprint {
            provider.exchanges = former.exchanges.clone();
            provider.refreshes = former.refreshes.clone();
        }
        Arc::new(provider)
    }

    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    /// Whether its logins come back to a path of their own.
    pub(crate) fn has_own_callback(&self) -> bool {
        self.config.redirect_uri.is_some()
    }

    /// Whether an answer that names the issuer `found` (RFC 9207) is that of a login which was begun
    /// with `expected`. A provider of OAuth 2 whose issuer nobody knows may name any, but for one of
    /// `others`.
    pub(crate) fn may_answer_as(&self, found: &str, expected: &str, others: &[Arc<Self>]) -> bool {
        match &self.config.protocol {
            Protocol::OAuth2(oauth2) if oauth2.named_issuer.is_none() => {
                let provider = self.name().escape_debug().to_string();
                tracing::info!(
                    provider,
                    "the answer names an issuer, and nothing says which it should be: put it into \
                     the section as `issuer`"
                );
                !is_known(found, others)
            }
            Protocol::Own(_) => !is_known(found, others),
            Protocol::OpenId(openid) => match openid.issuer_of_tenant {
                Some(rule) if expected == rule.template.0 => tenant::is_issuer(rule, found),
                _ => found == expected,
            },
            Protocol::OAuth2(_) => found == expected,
        }
    }

    /// Whether it is a provider of the app's own, which vouches in the name of another one.
    pub(crate) fn speaks_for_another(&self, issuer: &str, others: &[Arc<Self>]) -> bool {
        matches!(self.speaks, Speaks::Own(_)) && is_known(issuer, others)
    }

    /// Whether only code of the app's own knows what its callbacks look like.
    pub(crate) fn is_own(&self) -> bool {
        matches!(self.speaks, Speaks::Own(_))
    }

    /// Whether it is this provider's issuer, or that of one of its tenants.
    fn has_issuer(&self, issuer: &str) -> bool {
        let bare = |issuer: &str| issuer.trim_end_matches('/').to_owned();
        let expected = self.config.expected_issuer();
        expected.is_some_and(|expected| bare(&expected) == bare(issuer)) || self.is_tenant(issuer)
    }

    /// Whether it is the issuer of one of this provider's tenants.
    fn is_tenant(&self, issuer: &str) -> bool {
        match &self.config.protocol {
            Protocol::OAuth2(_) | Protocol::Own(_) => false,
            Protocol::OpenId(openid) => openid
                .issuer_of_tenant
                .is_some_and(|rule| tenant::is_issuer(rule, issuer)),
        }
    }

    /// Whether its answer comes by POST, from its own page.
    pub(crate) fn answers_by_post(&self) -> bool {
        self.config.response_mode == ResponseMode::FormPost
    }

    pub(crate) fn label(&self) -> &str {
        &self.config.label
    }

    /// Where facts about a person stand among their claims.
    pub(crate) fn facts(&self) -> &Facts {
        &self.config.facts
    }

    /// Changes when the section is another provider's, or another registration's.
    pub(crate) fn fingerprint(&self) -> [u8; 16] {
        self.fingerprint
    }

    /// The `max_age` that every login asks for, in seconds.
    pub(crate) fn max_age(&self) -> Option<u32> {
        let (_, max_age) = self
            .config
            .parameters
            .iter()
            .find(|(name, _)| name == "max_age")?;
        max_age.parse().ok()
    }

    /// Seconds that its clock may be off ours.
    pub(crate) fn leeway(&self) -> i64 {
        i64::try_from(self.config.leeway.as_secs()).unwrap_or(i64::MAX)
    }

    /// Whether it says when a person proved who they are, once it is asked to (OpenID Connect Core
    /// §3.1.2.1, `max_age`).
    pub(crate) fn tells_auth_time(&self) -> bool {
        matches!(self.speaks, Speaks::OpenId(_))
    }

    /// The `prompt` that lets a person choose another account, where it takes one.
    pub(crate) fn prompt_for_another_account(&self, endpoints: &Endpoints) -> Option<&'static str> {
        token::prompt_for_another_account(&self.config, endpoints)
    }

    /// Warns, once, from thirty days before the client secret ends. `now` is in seconds since 1970.
    pub(crate) fn tell_expiry(&self, now: i64) {
        let Some(expires) = self.config.client_secret_expires.map(unix) else {
            return;
        };
        let left = expires.saturating_sub(now);
        if left > EXPIRY_NOTICE || self.expiry_told.swap(true, Ordering::Relaxed) {
            return;
        }
        let provider = self.name().escape_debug().to_string();
        let cure = "make a new one in the provider's console, and write it and its own end into the \
                    section";
        if left > 0 {
            let days = left / (24 * 60 * 60);
            tracing::warn!(
                provider,
                days,
                cure,
                "the client_secret ends within thirty days"
            );
        } else {
            tracing::warn!(
                provider,
                cure,
                "the client_secret has ended, as client_secret_expires says"
            );
        }
    }

    /// Where to send the browser, and what is known of who answers.
    pub(crate) async fn contact(&self) -> Result<Contact<'_>, Error> {
        Ok(match &self.speaks {
            Speaks::OAuth2(oauth2) => Contact::Endpoints(oauth2.endpoints()),
            Speaks::OpenId(openid) => {
                let endpoints = openid.endpoints(self.party()).await;
                Contact::Endpoints(endpoints.map_err(|error| error.at(self.name()))?)
            }
            Speaks::Own(added) => Contact::Own(self.own(added)),
        })
    }

    /// Where the browser is sent to log in. It may take a request of its own.
    pub(crate) async fn authorization_url(
        &self,
        endpoints: &Endpoints,
        secrets: &LoginSecrets,
        parameters: &[(String, String)],
        now: i64,
    ) -> Result<String, Error> {
        let request = AuthorizationRequest {
            redirect_uri: &self.redirect_uri,
            secrets,
            parameters,
            now,
        };
        pushed::authorization_url(&self.http, &self.config, endpoints, request)
            .await
            .map_err(|error| error.at(self.name()))
    }

    /// Where a logout sends the browser next, if the provider has such a page and the file does not
    /// say that a logout stops at the app.
    ///
    /// The ID token says there whose session it is. The metadata is asked for where it has to tell, and
    /// is not known yet.
    pub(crate) async fn end_session(
        &self,
        id_token: Option<&Secret>,
    ) -> Result<Option<EndSession>, Error> {
        let Some(logout) = &self.config.logout else {
            return Ok(None);
        };
        let page = match (&logout.endpoint, logout.style) {
            (_, Logout::WithHint) if id_token.is_none() => None,
            (Some(given), _) => Some(given.clone()),
            (None, style) => match (self.contact().await?, style) {
                (Contact::Own(_), _) => None,
                (Contact::Endpoints(endpoints), Logout::OwnPage { path, .. }) => {
                    endpoints.authorization_endpoint.join(path).ok()
                }
                (Contact::Endpoints(endpoints), _) => endpoints.end_session.clone(),
            },
        };
        let way_back = match logout.style {
            Logout::OwnPage { way_back, .. } | Logout::WayBackIn(way_back) => way_back,
            Logout::Standard | Logout::WithHint => STANDARD_WAY_BACK,
        };
        Ok(page.map(|mut url| {
            // Its own query is the provider's, and stays.
            url.query_pairs_mut()
                .append_pair("client_id", &self.config.client_id)
                .append_pair(way_back, &self.redirect_uri);
            if let Some(id_token) = id_token.filter(|_| way_back == STANDARD_WAY_BACK) {
                url.query_pairs_mut()
                    .append_pair("id_token_hint", id_token.expose());
            }
            EndSession { url, way_back }
        }))
    }

    /// Whether a login may begin whose answer another provider could pass off as its own. Only the
    /// metadata says whether answers name their issuer, and the start did not wait for it.
    pub(crate) fn check_mix_up(&self, contact: &Contact<'_>) -> Result<(), Error> {
        if contact.answers_with_issuer() {
            return Ok(());
        }
        match (&self.config.protocol, self.config.mix_up) {
            (_, MixUp::RuledOut) => {}
            (_, MixUp::Refused) => return Err(Error::from(Kind::MixUpPossible).at(self.name())),
            // The start has told.
            (Protocol::OAuth2(_) | Protocol::Own(_), MixUp::Possible) => {}
            (Protocol::OpenId(_), MixUp::Possible) => {
                if !self.mix_up_told.swap(true, Ordering::Relaxed) {
                    let provider = self.name().escape_debug().to_string();
                    tracing::warn!(
                        provider,
                        "another provider could pass off as its own what this one answers: its \
                         metadata promises no `iss`, and others come back to the same path; give \
                         its section a redirect_uri of its own, /oauth2callback/<name>"
                    );
                }
            }
        }
        Ok(())
    }

    /// Redeems a code and verifies in full who it is; once, however often it is asked for at once.
    pub(crate) async fn redeem(
        self: &Arc<Self>,
        redemption: Redemption,
    ) -> Result<Arc<Verified>, Error> {
        let exchange = || {
            let (provider, redemption) = (self.clone(), redemption.clone());
            async move {
                let party = provider.party();
                let verified = match &provider.speaks {
                    Speaks::OAuth2(oauth2) => oauth2.exchange(party, &redemption).await,
                    Speaks::OpenId(openid) => openid.exchange(party, &redemption).await,
                    Speaks::Own(added) => provider.own(added).finish(&redemption).await,
                };
                verified.map(|verified| Arc::new(provider.with_wanted(verified)))
            }
        };
        self.exchanges
            .once(exchanges::id(&redemption), exchange)
            .await
            .map_err(|error| error.at(self.name()))
    }

    /// The tokens that the app may see.
    pub(crate) fn exposed_tokens(&self) -> ExposedTokens {
        self.config.exposed
    }

    /// Whether tokens of its logins are kept at all.
    pub(crate) fn keeps_tokens(&self) -> bool {
        self.config.exposed != ExposedTokens::default() || self.keeps_hint()
    }

    /// Whether a logout there wants to see the ID token.
    fn keeps_hint(&self) -> bool {
        let logout = self.config.logout.as_ref();
        logout.is_some_and(|logout| logout.style == Logout::WithHint)
    }

    /// What is kept of the tokens of a login: what the app may see, what renews it, and the ID token
    /// where a logout cannot do without. That the provider gave none of them is kept, too.
    pub(crate) fn to_keep(
        &self,
        tokens: &Tokens,
        login_id: [u8; 16],
        now: i64,
    ) -> Option<KeptTokens> {
        let exposed = self.config.exposed;
        let kept = KeptTokens {
            login_id,
            issued_at: now,
            expires_at: tokens
                .expires_in
                .filter(|_| exposed.access)
                .map(|seconds| now.saturating_add(seconds.into())),
            access: Some(&tokens.access_token)
                .filter(|_| exposed.access)
                .cloned(),
            refresh: tokens
                .refresh_token
                .clone()
                .filter(|_| exposed.keeps_refresh()),
            id: tokens
                .id_token
                .clone()
                .filter(|_| exposed.id || self.keeps_hint())
                // OAuth 2 alone has none that anybody has verified.
                .filter(|_| matches!(self.speaks, Speaks::OpenId(_))),
            updates: Updates::default(),
            too_large: None,
        };
        self.keeps_tokens().then_some(kept)
    }

    /// Renews tokens and has them sealed; once, however many ask, who for a minute after that still come
    /// with the old ones.
    pub(crate) async fn refresh(
        self: &Arc<Self>,
        refresh: Refresh,
        seal: impl FnOnce(&mut KeptTokens) -> Result<Cut, Error> + Send + 'static,
    ) -> Result<Arc<Renewed>, Error> {
        let id = refresh::id(&self.fingerprint, &refresh.kept).ok_or(Kind::TokenExpired)?;
        let work = || {
            let provider = self.clone();
            async move {
                let renewed = provider.renewed(&refresh).await;
                let mut tokens = renewed.inspect_err(|error| provider.tell_unrenewed(error))?;
                let cut = seal(&mut tokens)?;
                Ok(Arc::new(Renewed { tokens, cut }))
            }
        };
        let outcome = self.refreshes.once(id, work).await;
        outcome.map_err(|error| error.at(self.name()))
    }

    fn tell_unrenewed(&self, error: &Error) {
        let (provider, code) = (self.name().escape_debug().to_string(), error.code());
        match error.kind() {
            Kind::TokenExpired => tracing::info!(
                provider,
                code,
                "the provider takes a refresh token no more: the tokens are dropped, and whoever had them \
                 stays logged in"
            ),
            _ => tracing::warn!(provider, code, "tokens could not be refreshed: {error}"),
        }
    }

    /// What renewing these brings or has brought just now, if somebody has begun it.
    pub(crate) async fn known_refresh(&self, kept: &KeptTokens) -> Option<Arc<Renewed>> {
        let id = refresh::id(&self.fingerprint, kept)?;
        self.refreshes.known(&id)?.landed().await.ok()
    }

    async fn renewed(&self, refresh: &Refresh) -> Result<KeptTokens, Error> {
        let party = self.party();
        let (tokens, verified) = match &self.speaks {
            Speaks::OAuth2(oauth2) => (oauth2.refresh(party, refresh).await?, None),
            Speaks::OpenId(openid) => openid.refresh(party, refresh).await?,
            Speaks::Own(_) => return Err(Kind::TokenExpired.into()),
        };
        let old = &refresh.kept;
        let kept = self.to_keep(&tokens, old.login_id, refresh.now);
        let kept = kept.ok_or(Kind::TokenExpired)?;
        let verified = verified.map(|verified| self.with_wanted(verified));
        Ok(KeptTokens {
            // What the answer leaves out is still good (RFC 6749 §6, OpenID Connect Core §12.2).
            refresh: kept.refresh.or_else(|| old.refresh.clone()),
            id: kept.id.or_else(|| old.id.clone()),
            updates: match verified {
                Some(verified) => Updates::between(&refresh.claims, &verified.claims),
                None => old.updates.clone(),
            },
            ..kept
        })
    }

    /// Forgets at once what refreshes have brought to a login that is over. The future gives its tokens
    /// back, where the provider takes them (RFC 7009), those also that a refresh is bringing just now.
    /// `now` is in seconds since 1970.
    pub(crate) fn end_tokens(
        self: &Arc<Self>,
        login_id: [u8; 16],
        kept: Option<KeptTokens>,
        now: i64,
    ) -> impl Future<Output = ()> + Send + 'static {
        let id = |kept: &KeptTokens| refresh::id(&self.fingerprint, kept);
        let id = kept.as_ref().and_then(id);
        let flight = id.and_then(|id| self.refreshes.take(&id));
        let is_of_it = |id: &_| refresh::is_of(login_id, id);
        self.refreshes.drop_those(is_of_it);
        let provider = self.clone();
        async move {
            if let Some(kept) = kept {
                provider.revoke(kept, flight, now).await;
            }
        }
    }

    async fn revoke(&self, kept: KeptTokens, flight: Option<Flight<Renewed>>, now: i64) {
        let renewed = match flight {
            Some(flight) => flight.landed().await.ok(),
            None => None,
        };
        let kept = renewed.as_ref().map_or(&kept, |renewed| &renewed.tokens);
        let refresh = kept.refresh.as_ref().map(|token| (token, "refresh_token"));
        let access = kept.access.as_ref().map(|token| (token, "access_token"));
        let Some(token) = refresh.or(access) else {
            return;
        };
        if let Err(error) = self.give_back(token, now).await {
            let (provider, code) = (self.name().escape_debug().to_string(), error.code());
            tracing::warn!(
                provider,
                code,
                "the tokens of a login that has ended could not be revoked: {error}"
            );
        }
    }

    async fn give_back(&self, token: (&Secret, &str), now: i64) -> Result<(), Error> {
        let Contact::Endpoints(endpoints) = self.contact().await? else {
            return Ok(());
        };
        let Some(address) = &endpoints.revocation else {
            return Ok(());
        };
        refresh::revoke(&self.http, &self.config, &endpoints, address, token, now).await
    }

    /// Whether people type their passwords into this app.
    #[cfg(feature = "password")]
    pub(crate) fn takes_passwords(&self) -> bool {
        self.config.grant == Grant::Password
    }

    /// Verifies in full who it is that has these. `now` is in seconds since 1970.
    #[cfg(feature = "password")]
    pub(crate) async fn log_in_with(
        &self,
        credentials: &Credentials,
        now: i64,
    ) -> Result<Verified, Error> {
        let party = self.party();
        let verified = match &self.speaks {
            Speaks::OAuth2(oauth2) => oauth2.log_in_with(party, credentials, now).await,
            Speaks::OpenId(openid) => openid.log_in_with(party, credentials, now).await,
            // Its section has no grant.
            Speaks::Own(_) => Err(Kind::PasswordRefused.into()),
        };
        verified
            .map(|verified| self.with_wanted(verified))
            .map_err(|error| error.at(self.name()))
    }

    /// The login without the claims that nobody wants kept.
    fn with_wanted(&self, mut verified: Verified) -> Verified {
        verified.claims.retain(|name, _| self.keeps_claim(name));
        verified
    }

    /// Whether its logins keep the claim of this name.
    pub(crate) fn keeps_claim(&self, name: &str) -> bool {
        let is_wanted = |wanted: &Vec<String>| wanted.iter().any(|wanted| wanted == name);
        !SPENT.contains(&name) && self.config.claims.as_ref().is_none_or(is_wanted)
    }

    fn own<'a>(&'a self, added: &'a Added) -> OwnProvider<'a> {
        OwnProvider {
            added,
            config: &self.config,
            redirect_uri: &self.redirect_uri,
        }
    }

    fn party(&self) -> Party<'_> {
        Party {
            http: &self.http,
            config: &self.config,
            redirect_uri: &self.redirect_uri,
            scopes_told: &self.scopes_told,
        }
    }
}

/// A hash over what makes a registration: whose it is, who may log in, which client, where it comes
/// back.
fn fingerprint(config: &ProviderConfig, redirect_uri: &str) -> [u8; 16] {
    let mut parts: Vec<String> = match &config.protocol {
        Protocol::OAuth2(oauth2) => {
            let subject = format!("{:?}", oauth2.subject);
            let endpoints = [
                &oauth2.authorization_endpoint,
                &oauth2.token_endpoint,
                &oauth2.userinfo_endpoint,
            ];
            let endpoints = endpoints.map(Url::to_string);
            [oauth2.issuer(), subject]
                .into_iter()
                .chain(endpoints)
                .collect()
        }
        Protocol::OpenId(openid) => {
            let confirmed = openid.issuer.clone();
            let mut parts = vec![confirmed.unwrap_or_else(|| openid.metadata_url.to_string())];
            // Whom the section no longer lets in is not logged in any more.
            for demand in &openid.demands {
                parts.push(format!("{}={}", demand.claim, demand.values.join(" ")));
            }
            parts
        }
        Protocol::Own(added) => vec!["own provider".to_owned(), added.version.clone()],
    };
    parts.extend([config.client_id.clone(), redirect_uri.to_owned()]);
    // Whoever typed a password is not logged in any more where that is over.
    #[cfg(feature = "password")]
    if config.grant == Grant::Password {
        parts.push("password".to_owned());
    }
    let mut context = Context::new(&SHA256);
    for part in parts {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut fingerprint = [0; 16];
    fingerprint.copy_from_slice(&context.finish().as_ref()[..16]);
    fingerprint
}

/// Whether it is the issuer of one of these.
fn is_known(issuer: &str, providers: &[Arc<ConfiguredProvider>]) -> bool {
    providers.iter().any(|provider| provider.has_issuer(issuer))
}

fn text(claims: &Map<String, Value>, name: &str) -> Option<String> {
    claims.get(name)?.as_str().map(str::to_owned)
}

/// Text of a provider as it may stand in a log: escaped, and cut after 200 characters.
fn shown(text: &str) -> String {
    let mut shown: String = text.chars().take(200).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.escape_debug().to_string()
}
