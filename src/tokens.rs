//! The tokens of whoever made a request: opened from their cookies → renewed when they end soon → set
//! anew with the answer.
//!
//! Who it is does not hang on them: whatever becomes of the tokens, nobody is logged out.

use std::fmt;
use std::sync::Arc;

use http::HeaderValue;

use crate::config::ExposedTokens;
use crate::cookies::{Cut, KeptTokens, room_in, values};
use crate::error::{Error, Kind, Result};
use crate::provider::{ConfiguredProvider, Refresh, Renewed};
use crate::renewal::Brought;
use crate::secret::Secret;
use crate::session::Session;

/// An access token is renewed once it has fewer seconds left.
const SOON: i64 = 60;

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

/// The tokens of a login. Nothing is opened before one is asked for.
///
/// They are kept in a sealed cookie of their own, beside the identity and worth nothing beside another.
/// What has no room there is told by `tokens_too_large`, and refuses no login.
#[derive(Clone)]
#[must_use = "no token is opened before it is asked for"]
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
    /// `token_expired` where it is not here any more; `tokens_too_large`.
    pub fn id(&self) -> Result<Token> {
        let kept = self.kept("id", |exposed| exposed.id)?;
        given(kept.id, Kind::TokenNotGiven { token: "id" })
    }

    /// The access token (RFC 6749 §1.4), renewed when it has fewer than 60 seconds left and the provider
    /// gave a refresh token. However many requests ask at once, there is one refresh; for 60 seconds
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
    /// the old token is given as long as it lasts, and after that its failure.
    pub async fn access(&self) -> Result<Token> {
        let kept = self.kept("access", |exposed| exposed.access)?;
        let now = self.session.snapshot().now();
        let left = kept.expires_at.map(|at| at.saturating_sub(now));
        let current = given(kept.access.clone(), Kind::TokenExpired)?;
        let Some(left) = left.filter(|left| *left < SOON) else {
            return Ok(current);
        };
        match self.renewed(&kept, now).await {
            Ok(renewed) => match &renewed.tokens.too_large {
                None => given(renewed.tokens.access.clone(), Kind::TokenExpired),
                Some(sizes) => Err(too_large(sizes)),
            },
            // Nothing is left to renew it with.
            Err(error) if matches!(error.kind(), Kind::TokenExpired) && kept.refresh.is_some() => {
                Err(error)
            }
            Err(_) if left > 0 => Ok(current),
            Err(error) => Err(error),
        }
    }

    /// The refresh token (RFC 6749 §1.5), for an app that goes on by itself. Whoever uses it takes it from
    /// keycard, if the provider gives a new one each time.
    ///
    /// # Errors
    ///
    /// As [`id`](Self::id), and `token_not_given` where the provider gave none.
    pub fn refresh(&self) -> Result<Token> {
        let kept = self.kept("refresh", |exposed| exposed.refresh)?;
        given(kept.refresh, Kind::TokenNotGiven { token: "refresh" })
    }

    /// What is kept now, if the app may see this token.
    fn kept(
        &self,
        token: &'static str,
        shows: impl FnOnce(ExposedTokens) -> bool,
    ) -> Result<KeptTokens> {
        let provider = self.session.provider().ok_or(Kind::Anonymous)?;
        let at = |error: Error| error.at(provider.name());
        if !shows(provider.exposed_tokens()) {
            return Err(at(Kind::TokensNotExposed { token }.into()));
        }
        let kept = self.session.newest_tokens();
        let kept = kept.ok_or_else(|| at(Kind::TokenExpired.into()))?;
        match &kept.too_large {
            None if kept.is_empty() => Err(at(Kind::TokenExpired.into())),
            None => Ok(kept),
            Some(sizes) => Err(at(too_large(sizes))),
        }
    }

    /// The same tokens, renewed, and on their way to the browser.
    async fn renewed(&self, kept: &KeptTokens, now: i64) -> Result<Arc<Renewed>> {
        let session = &self.session;
        let provider = session.provider().ok_or(Kind::Anonymous)?;
        if kept.refresh.is_none() {
            return Err(Error::from(Kind::TokenExpired).at(provider.name()));
        }
        if !session.renewal().is_open() {
            let known = provider.known_refresh(kept).await;
            return known.ok_or_else(|| Error::from(Kind::TokenNeedsRequest).at(provider.name()));
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
    let old = (refresh.kept.updates.clone(), refresh.claims.clone());
    let room = room_in(&session.visit().headers, snapshot.names());
    let seal = move |tokens: &mut KeptTokens| -> Result<Cut> {
        let (updates, claims) = old;
        if let Some(wanted) = snapshot.auth().wanted_claims()
            && let Err(misfit) = wanted.check(&tokens.updates.applied_to(&claims))
        {
            tracing::warn!(
                "claims came with refreshed tokens that do not fit {}, and stay as they were: {misfit}",
                wanted.name
            );
            tokens.updates = updates;
        }
        tokens.seal(snapshot.names(), snapshot.keyring(), room)
    };
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

fn given(token: Option<Secret>, missing: Kind) -> Result<Token> {
    token.map(Token).ok_or_else(|| missing.into())
}

fn too_large(sizes: &str) -> Error {
    let sizes = sizes.to_owned();
    Kind::TokensTooLarge { sizes }.into()
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
