//! One provider: what it says about itself, the keys it signs with, and the two requests of a
//! login.
//!
//! Lowest first: `http` and `json` are what everything goes through; `flight` is work that several
//! wait for; `cached` keeps what it brought, `exchanges` does not; `metadata` and `keys` are what is
//! cached; `token`, `id_token` and `userinfo` are the steps of a login. `survey` asks what no login
//! does, for the command.

mod cached;
mod exchanges;
mod flight;
mod http;
pub(crate) mod id_token;
mod json;
pub(crate) mod keys;
mod metadata;
#[cfg(feature = "cli")]
pub(crate) mod survey;
pub(crate) mod token;
mod userinfo;

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::digest::{Context, SHA256};
use serde_json::{Map, Value};
use tokio::time::Instant;

pub(crate) use self::http::Http;
pub(crate) use self::metadata::Metadata;

use self::cached::Cached;
use self::exchanges::Exchanges;
use self::id_token::{Expected, Unverified};
use self::keys::{KeySet, VerifyingKey};
use crate::clock::unix;
use crate::config::ProviderConfig;
use crate::error::{Endpoint, Error};
use crate::login_secrets::LoginSecrets;
use crate::secret::Secret;

/// The claims of an ID token that are about the login alone, and of no use after it.
const SPENT: &[&str] = &["at_hash", "c_hash", "nonce", "s_hash"];

/// How long before the end of a client secret the log says so, in seconds.
const EXPIRY_NOTICE: i64 = 30 * 24 * 60 * 60;

/// A provider, with what is cached of it.
#[derive(Debug)]
pub(crate) struct OpenIdProvider {
    config: ProviderConfig,
    redirect_uri: String,
    fingerprint: [u8; 16],
    http: Http,
    metadata: Arc<Cached<Metadata>>,
    keys: Arc<Cached<KeySet>>,
    lookups: Mutex<Lookups>,
    exchanges: Arc<Exchanges>,
    /// Whether the log has the line about the end of the client secret.
    expiry_told: AtomicBool,
}

/// A login as the provider vouches for it.
#[derive(Debug)]
pub(crate) struct Verified {
    pub(crate) issuer: String,
    pub(crate) subject: String,
    pub(crate) auth_time: Option<i64>,
    pub(crate) session_id: Option<String>,
    pub(crate) claims: Map<String, Value>,
}

/// A code, and what it is redeemed with.
#[derive(Clone, Debug)]
pub(crate) struct Redemption {
    pub(crate) code: Secret,
    pub(crate) secrets: LoginSecrets,
    pub(crate) max_age: Option<u32>,
    /// Seconds since 1970.
    pub(crate) now: i64,
}

impl OpenIdProvider {
    pub(crate) fn new(config: ProviderConfig, redirect_uri: &str, http: Http) -> Self {
        Self {
            fingerprint: fingerprint(&config, redirect_uri),
            config,
            redirect_uri: redirect_uri.to_owned(),
            http,
            metadata: Cached::new(Endpoint::Metadata),
            keys: Cached::new(Endpoint::Keys),
            lookups: Mutex::new(Lookups::new(Instant::now())),
            exchanges: Arc::default(),
            expiry_told: AtomicBool::new(false),
        }
    }

    /// The same provider as before where its section says the same, with all that is cached of it.
    /// Where it is still the same registration, a code that is being redeemed is not tried twice.
    pub(crate) fn after(
        formers: &[Arc<Self>],
        config: &ProviderConfig,
        redirect_uri: &str,
        http: &Http,
    ) -> Arc<Self> {
        let mut provider = Self::new(config.clone(), redirect_uri, http.clone());
        let Some(former) = formers.iter().find(|it| it.name() == config.name) else {
            return Arc::new(provider);
        };
        if former.config == *config {
            return former.clone();
        }
        if provider.fingerprint == former.fingerprint {
            provider.exchanges = former.exchanges.clone();
        }
        Arc::new(provider)
    }

    pub(crate) fn name(&self) -> &str {
        &self.config.name
    }

    pub(crate) fn label(&self) -> &str {
        &self.config.label
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

    pub(crate) async fn metadata(&self) -> Result<Arc<Metadata>, Error> {
        let fetch = || metadata::fetch(self.http.clone(), self.config.clone());
        self.metadata
            .get(fetch)
            .await
            .map_err(|error| error.at(self.name()))
    }

    /// Where the browser is sent to log in.
    pub(crate) fn authorization_url(
        &self,
        metadata: &Metadata,
        secrets: &LoginSecrets,
        parameters: &[(String, String)],
    ) -> Result<String, Error> {
        token::authorization_url(
            &self.config,
            &self.redirect_uri,
            metadata,
            secrets,
            parameters,
        )
        .map_err(|error| error.at(self.name()))
    }

    /// Redeems a code and verifies in full who it is; once, however often it is asked for at once.
    pub(crate) async fn redeem(
        self: &Arc<Self>,
        redemption: Redemption,
    ) -> Result<Arc<Verified>, Error> {
        let exchange = || {
            let (provider, redemption) = (self.clone(), redemption.clone());
            async move { provider.exchange(&redemption).await.map(Arc::new) }
        };
        self.exchanges
            .once(&redemption, exchange)
            .await
            .map_err(|error| error.at(self.name()))
    }

    async fn exchange(&self, redemption: &Redemption) -> Result<Verified, Error> {
        let metadata = self.metadata().await?;
        let tokens = token::redeem(
            &self.http,
            &self.config,
            &self.redirect_uri,
            &metadata,
            redemption,
        )
        .await?;
        let expected = Expected {
            issuer: &metadata.issuer,
            client_id: &self.config.client_id,
            nonce: &redemption.secrets.nonce,
            access_token: &tokens.access_token,
            max_age: redemption.max_age,
            leeway: self.config.leeway,
            now: redemption.now,
        };
        let mut claims = self
            .verify(tokens.id_token.expose(), &metadata, &expected)
            .await?;
        let subject = text(&claims, "sub").unwrap_or_default();
        if let Some(url) = &metadata.userinfo_endpoint
            && userinfo::is_needed(&claims, &self.config.scopes)
        {
            let told = userinfo::fetch(
                &self.http,
                url,
                &tokens.access_token,
                &subject,
                self.config.timeout,
            )
            .await?;
            userinfo::merge(&mut claims, told);
        }
        let (auth_time, session_id) = (
            claims.get("auth_time").and_then(Value::as_i64),
            text(&claims, "sid"),
        );
        self.keep_wanted(&mut claims);
        Ok(Verified {
            issuer: metadata.issuer.clone(),
            subject,
            auth_time,
            session_id,
            claims,
        })
    }

    async fn verify(
        &self,
        token: &str,
        metadata: &Metadata,
        expected: &Expected<'_>,
    ) -> Result<Map<String, Value>, Error> {
        let unverified = Unverified::read(token, &metadata.algorithms)?;
        if unverified.algorithm.is_symmetric() {
            let key = self
                .config
                .client_secret
                .as_ref()
                .map(VerifyingKey::from_client_secret);
            return unverified.verify(key.iter(), expected);
        }
        let keys = self
            .keys_for(unverified.key_id.as_deref(), metadata)
            .await?;
        let (id, algorithm) = (unverified.key_id.clone(), unverified.algorithm);
        unverified.verify(keys.fitting(id.as_deref(), algorithm), expected)
    }

    /// The key set, fetched again if it lacks the key that a token names: providers change keys.
    async fn keys_for(&self, id: Option<&str>, metadata: &Metadata) -> Result<Arc<KeySet>, Error> {
        let fetch = || {
            keys::fetch(
                self.http.clone(),
                metadata.jwks_uri.clone(),
                self.config.timeout,
            )
        };
        let keys = self.keys.get(fetch).await?;
        let Some(id) = id.filter(|id| !keys.knows(id)) else {
            return Ok(keys);
        };
        if !self.lookups().may_look_for(id, Instant::now()) {
            return Ok(keys);
        }
        let renewed = self.keys.renew(fetch).await;
        // Only what was fetched answers whether the key is there: a failure is forgotten sooner.
        let renewed = renewed.inspect_err(|_| self.lookups().give_back())?;
        if !renewed.knows(id) {
            self.lookups().absent = Some(id.to_owned());
        }
        Ok(renewed)
    }

    fn keep_wanted(&self, claims: &mut Map<String, Value>) {
        claims.retain(|name, _| {
            let wanted = |wanted: &Vec<String>| wanted.iter().any(|wanted| wanted == name);
            !SPENT.contains(&name.as_str()) && self.config.claims.as_ref().is_none_or(wanted)
        });
    }

    fn lookups(&self) -> std::sync::MutexGuard<'_, Lookups> {
        // Nothing that holds the lock can panic half way.
        self.lookups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How often keys are fetched again for an unknown key id: a burst of two, then one in 30 seconds,
/// whatever tokens arrive.
#[derive(Debug)]
struct Lookups {
    left: u8,
    since: Instant,
    /// The id that was just looked for in vain.
    absent: Option<String>,
}

impl Lookups {
    const BURST: u8 = 2;
    const EVERY: Duration = Duration::from_secs(30);

    fn new(now: Instant) -> Self {
        Self {
            left: Self::BURST,
            since: now,
            absent: None,
        }
    }

    fn may_look_for(&mut self, id: &str, now: Instant) -> bool {
        if now.saturating_duration_since(self.since) >= Self::EVERY {
            self.left = (self.left + 1).min(Self::BURST);
            self.since = now;
            self.absent = None;
        }
        if self.left == 0 || self.absent.as_deref() == Some(id) {
            return false;
        }
        self.left -= 1;
        true
    }

    fn give_back(&mut self) {
        self.left = (self.left + 1).min(Self::BURST);
    }
}

/// A hash over what makes a registration: whose it is, which client, where it comes back.
fn fingerprint(config: &ProviderConfig, redirect_uri: &str) -> [u8; 16] {
    let issuer = config
        .issuer
        .as_deref()
        .unwrap_or(config.metadata_url.as_str());
    let mut context = Context::new(&SHA256);
    for part in [issuer, &config.client_id, redirect_uri] {
        context.update(&(part.len() as u64).to_be_bytes());
        context.update(part.as_bytes());
    }
    let mut fingerprint = [0; 16];
    fingerprint.copy_from_slice(&context.finish().as_ref()[..16]);
    fingerprint
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
