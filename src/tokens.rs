//! The tokens of whoever made a request: opened from their cookies → renewed when they end soon → set
//! anew with the answer.
//!
//! Who it is does not hang on them: whatever becomes of the tokens, nobody is logged out.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use tokio::time::timeout;

use crate::config::ExposedTokens;
use crate::cookies::{Cut, KeptTokens, room_in, values};
use crate::error::{Error, Kind, Result};
use crate::provider::{ConfiguredProvider, Refresh, Renewed};
use crate::renewal::Brought;
use crate::secret::Secret;
use crate::session::Session;

/// An access token is renewed once it has fewer seconds left.
const SOON: i64 = 60;
/// How often tokens are renewed at once: what is remembered of a refresh may have ended since.
const LINKS: usize = 3;
/// How long somebody waits for new tokens while the old one is still good.
const PATIENCE: Duration = Duration::from_secs(2);

impl Session {
    /// The tokens that the provider gave with this login, as far as `expose_tokens` in the file names
    /// them.
    ///
    /// ```no_run
    /// # use keycard::{Result, Session};
    /// async fn files(session: Session) -> Result<String> {
    ///     let token = session.tokens().access().await?;
    ///     // … ask the provider's API, with `Bearer` and `token.expose()`
    /// #   Ok(token.expose().to_owned())
    /// }
    /// ```
    pub fn tokens(&self) -> Tokens {
        Tokens {
            session: self.clone(),
        }
    }
}

/// The tokens of a login. The provider is asked only by [`access`](Self::access), and only when it must.
///
/// They are kept in a sealed cookie of their own, beside the identity and worth nothing beside another.
/// What has no room there is told by `tokens_too_large`, and refuses no login.
#[derive(Clone)]
#[must_use = "tokens are read from it"]
pub struct Tokens {
    session: Session,
}

impl Tokens {
    /// The ID token (OpenID Connect Core §2), as it came with the login or the last refresh. It may have
    /// expired since.
    ///
    /// # Errors
    ///
    /// `login_required` for nobody; `tokens_not_exposed` where `expose_tokens` does not name it;
    /// `token_not_given` where the provider gave none; `token_expired` where it is not here any more;
    /// `tokens_too_large`.
    pub fn id(&self) -> Result<Token> {
        let kept = self.kept("id", |exposed| exposed.id)?;
        self.given(kept.id, "id")
    }

    /// The access token (RFC 6749 §1.4), renewed when it has fewer than 60 seconds left and the provider
    /// gave a refresh token. However many requests ask at once, there is one refresh; for ten minutes
    /// whoever still comes with the old cookie gets its result.
    ///
    /// Ask before the handler returns: the new tokens are set as a cookie with its answer. Later, in a
    /// WebSocket or a task, a token that has expired is `token_needs_a_request`.
    ///
    /// The refreshed ID token's claims are those of [`User`](crate::User) from the next request on.
    ///
    /// # Errors
    ///
    /// As [`id`](Self::id). `token_expired` is also the end of a refresh token, by the provider's word:
    /// the tokens are dropped, and whoever is logged in stays so. When the provider cannot be reached,
    /// or takes longer than two seconds, the old token is given as long as it lasts, and after that its
    /// failure.
    pub async fn access(&self) -> Result<Token> {
        let mut kept = self.kept("access", |exposed| exposed.access)?;
        for _ in 0..LINKS {
            let is_good_for = |seconds| self.left(&kept).is_none_or(|left| left >= seconds);
            if is_good_for(SOON) {
                break;
            }
            match self.renewed_in_time(&kept).await {
                Some(Ok(renewed)) => kept = self.readable(renewed.tokens.clone())?,
                // Nothing is left to renew it with.
                Some(Err(error))
                    if matches!(error.kind(), Kind::TokenExpired) && kept.refresh.is_some() =>
                {
                    return Err(error);
                }
                Some(Err(error)) if !is_good_for(1) => return Err(error),
                // Whatever goes on, goes on without this request.
                Some(Err(_)) | None => break,
            }
            if self.left(&kept).is_none_or(|left| left > 0) {
                break;
            }
        }
        self.given(kept.access, "access")
    }

    /// The refresh token (RFC 6749 §1.5), for an app that goes on by itself. Whoever uses it takes it from
    /// keycard, if the provider gives a new one each time.
    ///
    /// # Errors
    ///
    /// As [`id`](Self::id).
    pub fn refresh(&self) -> Result<Token> {
        let kept = self.kept("refresh", |exposed| exposed.refresh)?;
        self.given(kept.refresh, "refresh")
    }

    /// What is kept now, if the app may see this token.
    fn kept(
        &self,
        token: &'static str,
        shows: impl FnOnce(ExposedTokens) -> bool,
    ) -> Result<KeptTokens> {
        let provider = self.session.provider().ok_or(Kind::Anonymous)?;
        if !shows(provider.exposed_tokens()) {
            return Err(self.missing(Kind::TokensNotExposed { token }));
        }
        match self.session.newest_tokens() {
            Some(kept) => self.readable(kept),
            None => Err(self.missing(Kind::TokenExpired)),
        }
    }

    /// What is kept, if it is tokens and not what is left of them.
    fn readable(&self, kept: KeptTokens) -> Result<KeptTokens> {
        match kept.too_large {
            Some(sizes) => Err(self.missing(Kind::TokensTooLarge { sizes })),
            None if kept.are_over() => Err(self.missing(Kind::TokenExpired)),
            None => Ok(kept),
        }
    }

    fn given(&self, kept: Option<Secret>, token: &'static str) -> Result<Token> {
        let kept = kept.map(Token);
        kept.ok_or_else(|| self.missing(Kind::TokenNotGiven { token }))
    }

    fn missing(&self, kind: Kind) -> Error {
        match self.session.provider() {
            Some(provider) => Error::from(kind).at(provider.name()),
            None => kind.into(),
        }
    }

    /// How many seconds the access token lasts yet, where the provider has said.
    fn left(&self, kept: &KeptTokens) -> Option<i64> {
        let now = self.session.snapshot().now();
        kept.expires_at.map(|at| at.saturating_sub(now))
    }

    /// The same tokens, renewed. `None` where that takes long and the ones of before are good meanwhile:
    /// it goes on, and a later request has what it brings.
    async fn renewed_in_time(&self, kept: &KeptTokens) -> Option<Result<Arc<Renewed>>> {
        let renewed = self.renewed(kept, self.session.snapshot().now());
        let outlasts = |left: i64| u64::try_from(left).is_ok_and(|left| left > PATIENCE.as_secs());
        match self.left(kept).is_none_or(outlasts) {
            true => timeout(PATIENCE, renewed).await.ok(),
            false => Some(renewed.await),
        }
    }

    /// The same tokens, renewed, and on their way to the browser.
    async fn renewed(&self, kept: &KeptTokens, now: i64) -> Result<Arc<Renewed>> {
        let session = &self.session;
        let provider = session.provider().ok_or(Kind::Anonymous)?;
        if kept.refresh.is_none() {
            return Err(self.missing(Kind::TokenExpired));
        }
        if !session.renewal().is_open() {
            let known = provider.known_refresh(kept).await;
            let renewed = known.ok_or_else(|| self.missing(Kind::TokenNeedsRequest))?;
            // No answer carries it, but whoever asks again has it here.
            session.renewal().bring(Brought {
                renewed: Some(renewed.clone()),
                cookies: Vec::new(),
            });
            return Ok(renewed);
        }
        let outcome = refreshed(session, provider, kept, now).await;
        let renewed = match &outcome {
            Ok(renewed) => Some(renewed.clone()),
            Err(error) if matches!(error.kind(), Kind::TokenExpired) => None,
            Err(_) => return outcome,
        };
        let left = match &renewed {
            Some(renewed) => Some(renewed.cut.clone()),
            // Roles that a refresh took away do not come back with the login's.
            None => kept
                .without_tokens(now)
                .map(|left| sealed(session, left))
                .transpose()?,
        };
        let cookies = cookies(session, left.as_ref(), now)?;
        session.renewal().bring(Brought { renewed, cookies });
        outcome
    }
}

fn sealed(session: &Session, mut kept: KeptTokens) -> Result<Cut> {
    let snapshot = session.snapshot();
    let (names, keyring) = (snapshot.names(), snapshot.keyring());
    kept.seal(names, keyring, room_in(&session.visit().headers, names))
}

async fn refreshed(
    session: &Session,
    provider: &Arc<ConfiguredProvider>,
    kept: &KeptTokens,
    now: i64,
) -> Result<Arc<Renewed>> {
    let (snapshot, user) = (session.snapshot().clone(), session.user());
    let refresh = Refresh {
        kept: kept.clone(),
        issuer: user.issuer().unwrap_or_default().to_owned(),
        subject: user.subject().unwrap_or_default().to_owned(),
        claims: user.claims_of_login().cloned().unwrap_or_default(),
        now,
    };
    let room = room_in(&session.visit().headers, snapshot.names());
    let seal =
        move |tokens: &mut KeptTokens| tokens.seal(snapshot.names(), snapshot.keyring(), room);
    provider.refresh(refresh, seal).await
}

/// The lines that set these tokens for as long as the identity beside them lasts, or that clear them.
fn cookies(session: &Session, cut: Option<&Cut>, now: i64) -> Result<Vec<HeaderValue>> {
    let (snapshot, headers) = (session.snapshot(), &session.visit().headers);
    let ends = session.user().expires_at();
    let life = ends.map_or(0, |at| at.unix_timestamp().saturating_sub(now));
    let parts = [
        cut.map(|cut| cut.first.as_str()),
        cut.and_then(|cut| cut.second.as_deref()),
    ];
    let names = snapshot.names();
    let mut lines = Vec::new();
    for (name, part) in names.tokens().iter().zip(parts) {
        match part {
            Some(part) => lines.push(names.set(name, part, life)?),
            None if values(headers, name).next().is_some() => lines.push(names.clear(name)?),
            None => {}
        }
    }
    Ok(lines)
}

impl fmt::Debug for Tokens {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tokens").finish_non_exhaustive()
    }
}

/// A token of the provider's. Whoever has it may act for the person: `Debug` shows nothing of it, and
/// there is no `Display`.
#[derive(Clone)]
pub struct Token(Secret);

impl Token {
    /// The token itself. See that it goes to the provider's API alone, and into no log.
    #[must_use]
    pub fn expose(&self) -> &str {
        self.0.expose()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([redacted])")
    }
}
