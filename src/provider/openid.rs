//! OpenID Connect: an ID token says who it is, and userinfo where that says too little.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::{Map, Value};
use tokio::time::Instant;

use super::cached::Cached;
use super::endpoints::Endpoints;
use super::id_token::{self, Expected, NonceRule, Unverified};
use super::keys::{self, KeySet, VerifyingKey};
use super::metadata::{self, Metadata};
#[cfg(feature = "password")]
use super::password::Credentials;
use super::token::Tokens;
use super::userinfo::{self, Told};
use super::{Party, Redemption, Refresh, Verified, shown, text, token};
use crate::clock::seconds;
use crate::config::OpenId;
use crate::error::{Endpoint, Error, Kind};
use crate::presets::{Relaxation, Userinfo};
use crate::secret::Secret;

/// A provider that speaks OpenID Connect, with what is cached of it.
#[derive(Debug)]
pub(super) struct OpenIdProvider {
    openid: OpenId,
    metadata: Arc<Cached<Metadata>>,
    keys: Arc<Cached<KeySet>>,
    lookups: Mutex<Lookups>,
}

/// What a login has asked for, that its ID token must answer.
#[derive(Debug)]
struct Asked<'a> {
    nonce: &'a Secret,
    nonce_rule: NonceRule,
    max_age: Option<u32>,
    /// Seconds since 1970.
    now: i64,
}

impl OpenIdProvider {
    pub(super) fn new(openid: &OpenId) -> Self {
        Self {
            openid: openid.clone(),
            metadata: Cached::new(Endpoint::Metadata),
            keys: Cached::new(Endpoint::Keys),
            lookups: Mutex::new(Lookups::new(Instant::now())),
        }
    }

    pub(super) async fn endpoints(&self, party: Party<'_>) -> Result<Arc<Endpoints>, Error> {
        Ok(self.metadata(party).await?.endpoints.clone())
    }

    async fn metadata(&self, party: Party<'_>) -> Result<Arc<Metadata>, Error> {
        let fetch = || {
            metadata::fetch(
                party.http.clone(),
                self.openid.clone(),
                party.config.timeout,
            )
        };
        self.metadata.get(fetch).await
    }

    pub(super) async fn exchange(
        &self,
        party: Party<'_>,
        redemption: &Redemption,
    ) -> Result<Verified, Error> {
        let metadata = self.metadata(party).await?;
        let tokens = party.redeem(&metadata.endpoints, redemption).await?;
        let asked = Asked {
            nonce: &redemption.secrets.nonce,
            nonce_rule: match party.config.is_relaxed(Relaxation::NonceNotEchoed) {
                true => NonceRule::IfSent,
                false => NonceRule::Required,
            },
            max_age: redemption.max_age,
            now: redemption.now,
        };
        self.verified(party, &metadata, &tokens, &asked).await
    }

    /// New tokens, and who has them where an ID token says so: it is verified in full, and of the same
    /// person (OpenID Connect Core §12.2).
    pub(super) async fn refresh(
        &self,
        party: Party<'_>,
        refresh: &Refresh,
    ) -> Result<(Tokens, Option<Verified>), Error> {
        let metadata = self.metadata(party).await?;
        // Once the refresh token is spent nothing should be missing that its answer is verified with.
        if !metadata.algorithms.iter().all(|it| it.is_symmetric()) {
            self.keys_for(party, None, &metadata).await?;
        }
        let tokens = party.refresh(&metadata.endpoints, refresh).await?;
        if tokens.id_token.is_none() {
            return Ok((tokens, None));
        }
        let asked = Asked {
            nonce: &Secret::new(""),
            nonce_rule: NonceRule::OfTheLogin,
            max_age: None,
            now: refresh.now,
        };
        let vouched = self.vouched(party, &metadata, &tokens, &asked).await?;
        let [issuer, subject] = ["iss", "sub"].map(|name| text(&vouched, name));
        if issuer.as_ref() != Some(&refresh.issuer) || subject.as_ref() != Some(&refresh.subject) {
            return Err(Kind::IdTokenRefused {
                check: "sub",
                expected: "the one who logged in".to_owned(),
                found: "another".to_owned(),
            }
            .into());
        }
        // The tokens are good whatever userinfo says; the old ones may be spent by now.
        let verified = self.told(party, &metadata, &tokens, vouched, &asked).await;
        let verified = verified.inspect_err(|error| {
            let (provider, code) = (party.config.name.escape_debug().to_string(), error.code());
            tracing::warn!(
                provider,
                code,
                "tokens were refreshed, and the claims stay as they were: {error}"
            );
        });
        Ok((tokens, verified.ok()))
    }

    #[cfg(feature = "password")]
    pub(super) async fn log_in_with(
        &self,
        party: Party<'_>,
        credentials: &Credentials,
        now: i64,
    ) -> Result<Verified, Error> {
        let metadata = self.metadata(party).await?;
        let endpoints = &metadata.endpoints;
        let tokens = party.redeem_password(endpoints, credentials, now).await?;
        let asked = Asked {
            nonce: &Secret::new(""),
            nonce_rule: NonceRule::Unsent,
            max_age: None,
            now,
        };
        self.verified(party, &metadata, &tokens, &asked).await
    }

    /// Who it is, by these tokens.
    async fn verified(
        &self,
        party: Party<'_>,
        metadata: &Metadata,
        tokens: &Tokens,
        asked: &Asked<'_>,
    ) -> Result<Verified, Error> {
        let vouched = self.vouched(party, metadata, tokens, asked).await?;
        self.told(party, metadata, tokens, vouched, asked).await
    }

    /// What the ID token says.
    async fn vouched(
        &self,
        party: Party<'_>,
        metadata: &Metadata,
        tokens: &Tokens,
        asked: &Asked<'_>,
    ) -> Result<Map<String, Value>, Error> {
        let Some(id_token) = &tokens.id_token else {
            return Err(token::lacks("id_token"));
        };
        let expected = Expected {
            issuer: &metadata.endpoints.issuer,
            issuer_of_tenant: self.openid.issuer_of_tenant,
            client_id: &party.config.client_id,
            nonce: asked.nonce,
            nonce_rule: asked.nonce_rule,
            access_token: &tokens.access_token,
            max_age: asked.max_age,
            leeway: party.config.leeway,
            now: asked.now,
        };
        let claims = self
            .verify(party, id_token.expose(), metadata, &expected)
            .await?;
        self.check_demands(&claims, &metadata.endpoints.issuer)?;
        Ok(claims)
    }

    /// The same, with what userinfo adds where it is needed.
    async fn told(
        &self,
        party: Party<'_>,
        metadata: &Metadata,
        tokens: &Tokens,
        mut claims: Map<String, Value>,
        asked: &Asked<'_>,
    ) -> Result<Verified, Error> {
        let subject = text(&claims, "sub").unwrap_or_default();
        if let Some(url) = &metadata.userinfo_endpoint
            && (self.openid.userinfo == Userinfo::Always
                || userinfo::is_needed(&claims, &party.config.scopes))
        {
            let timeout = party.config.timeout;
            let answer = userinfo::ask(party.http, url, &tokens.access_token, timeout).await?;
            let told = match Told::read(&answer)? {
                Told::Plain(told) => told,
                Told::Signed(jwt) => {
                    self.signed_userinfo(party, jwt, metadata, &claims, asked.now)
                        .await?
                }
            };
            userinfo::check_subject(&told, &subject)?;
            userinfo::merge(&mut claims, told);
        }
        let (auth_time, session_id) = (id_token::auth_time(&claims), text(&claims, "sid"));
        Ok(Verified {
            // The token's own: it was compared, and each tenant may have one.
            issuer: text(&claims, "iss").unwrap_or_default(),
            subject,
            auth_time,
            session_id,
            claims,
            tokens: Some(tokens.clone()),
        })
    }

    /// Refuses whom the section does not let in. The ID token alone tells, never userinfo.
    ///
    /// Where the metadata is for every tenant the section has said whose people may log in, or its
    /// address would not have been taken; should it be spelled in a way that nobody foresaw, nobody
    /// may.
    fn check_demands(&self, claims: &Map<String, Value>, issuer: &str) -> Result<(), Error> {
        let (rule, demands) = (self.openid.issuer_of_tenant, &self.openid.demands);
        if let Some(rule) = rule.filter(|rule| rule.template.0 == issuer)
            && !demands.iter().any(|demand| demand.claim == rule.claim)
        {
            return Err(Kind::MetadataInvalid {
                what:
                    "it is for every tenant, and the section does not say whose people may log in"
                        .to_owned(),
            }
            .into());
        }
        for demand in &self.openid.demands {
            let found = text(claims, demand.claim);
            if !found.as_ref().is_some_and(|found| demand.is_met_by(found)) {
                return Err(Kind::AccountNotAllowed {
                    claim: demand.claim,
                    found: found.map_or_else(|| "none".to_owned(), |found| shown(&found)),
                }
                .into());
            }
        }
        Ok(())
    }

    async fn verify(
        &self,
        party: Party<'_>,
        token: &str,
        metadata: &Metadata,
        expected: &Expected<'_>,
    ) -> Result<Map<String, Value>, Error> {
        let unverified = Unverified::read(token, &metadata.algorithms)?;
        if unverified.algorithm.is_symmetric() {
            let key = party
                .config
                .client_secret
                .as_ref()
                .map(VerifyingKey::from_client_secret);
            return unverified.verify(key.iter(), expected);
        }
        let keys = self
            .keys_for(party, unverified.key_id.as_deref(), metadata)
            .await?;
        let (id, algorithm) = (unverified.key_id.clone(), unverified.algorithm);
        unverified.verify(keys.fitting(id.as_deref(), algorithm), expected)
    }

    /// What a signed answer of userinfo says, once one of the provider's keys has vouched for it.
    async fn signed_userinfo(
        &self,
        party: Party<'_>,
        jwt: &str,
        metadata: &Metadata,
        vouched: &Map<String, Value>,
        now: i64,
    ) -> Result<Map<String, Value>, Error> {
        let unverified = Unverified::read(jwt, &metadata.userinfo_algorithms);
        let unverified = unverified.map_err(userinfo::unsigned)?;
        let (id, algorithm) = (unverified.key_id.clone(), unverified.algorithm);
        let keys = self.keys_for(party, id.as_deref(), metadata).await?;
        let signed = unverified.signed(keys.fitting(id.as_deref(), algorithm));
        let (told, key) = signed.map_err(userinfo::unsigned)?;
        id_token::check_key(key, &told, self.openid.issuer_of_tenant)
            .map_err(userinfo::unsigned)?;
        let leeway = seconds(party.config.leeway);
        let times = [now.saturating_sub(leeway), now.saturating_add(leeway)];
        userinfo::check_signed(&told, vouched, &party.config.client_id, times)?;
        Ok(told)
    }

    /// The key set, fetched again if it lacks the key that a token names: providers change keys.
    async fn keys_for(
        &self,
        party: Party<'_>,
        id: Option<&str>,
        metadata: &Metadata,
    ) -> Result<Arc<KeySet>, Error> {
        let fetch = || {
            keys::fetch(
                party.http.clone(),
                metadata.jwks_uri.clone(),
                party.config.timeout,
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

    fn lookups(&self) -> MutexGuard<'_, Lookups> {
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
