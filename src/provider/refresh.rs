//! The refresh of tokens (RFC 6749 §6), and its end: a refresh token that is given back (RFC 7009).

use std::time::Duration;

use openidconnect::RefreshToken;
use url::Url;
use url::form_urlencoded::Serializer;

use super::endpoints::Endpoints;
use super::form;
use super::http::Http;
use super::recent::{Id, Recent, id_of};
use super::token::{self, Tokens};
use crate::config::ProviderConfig;
use crate::cookies::{Cut, KeptTokens};
use crate::error::{Endpoint, Error, Kind};
use crate::secret::Secret;

/// How long a refresh is remembered: requests with the cookie of before are under way, an answer was lost
/// or had no room for the new one, and a token that is spent must not be shown again.
const KEPT: Duration = Duration::from_secs(600);
/// How long a failure is, after which the token may still be good.
const FAILED: Duration = Duration::from_secs(2);
/// What some say instead of `invalid_grant` (RFC 6749 §5.2).
const REFUSED: &str = "bad_refresh_token";
/// How many are remembered at most.
const MOST: usize = 10_000;

/// Tokens as a refresh renewed them, and as their cookies hold them.
pub(crate) struct Renewed {
    pub(crate) tokens: KeptTokens,
    pub(crate) cut: Cut,
}

/// The refreshes of one provider's tokens that are under way, or were just now.
pub(super) fn refreshes() -> Recent<Renewed> {
    Recent::new(Endpoint::Token, MOST, |outcome| match outcome {
        Ok(_) => KEPT,
        Err(error) if matches!(error.kind(), Kind::TokenExpired) => KEPT,
        Err(_) => FAILED,
    })
}

/// Whoever has the same tokens of the same login waits for the same refresh. Some providers give one
/// refresh token for ever, so it takes the access token to tell those of before from the newest. The
/// first half is the login's own.
pub(super) fn id(fingerprint: &[u8; 16], kept: &KeptTokens) -> Option<Id> {
    let token = kept.refresh.as_ref()?.expose();
    let access = kept.access.as_ref().map_or("", |token| token.expose());
    let tokens = [token, access].map(str::as_bytes);
    let mut id = id_of([&fingerprint[..]].into_iter().chain(tokens));
    id[..kept.login_id.len()].copy_from_slice(&kept.login_id);
    Some(id)
}

/// Whether somebody with the tokens of this login comes with that id.
pub(super) fn is_of(login_id: [u8; 16], id: &Id) -> bool {
    id.starts_with(&login_id)
}

/// Asks for new tokens. `now` is in seconds since 1970.
pub(super) async fn refresh(
    http: &Http,
    config: &ProviderConfig,
    redirect_uri: &str,
    endpoints: &Endpoints,
    token: &Secret,
    now: i64,
) -> Result<Tokens, Error> {
    let client = token::client(config, redirect_uri, endpoints)?;
    let token = RefreshToken::new(token.expose().to_owned());
    let mut request = client.exchange_refresh_token(&token);
    let signed = token::signed(config, endpoints, now)?;
    for (name, value) in &signed {
        request = request.add_extra_param(*name, value.expose());
    }
    let built = request.request_async(&token::keep).await;
    let tokens = token::send(http, config, built).await;
    tokens.map_err(|error| match error.kind() {
        Kind::CodeRefused => Kind::TokenExpired.into(),
        Kind::TokenRefused { error } if error == REFUSED => Kind::TokenExpired.into(),
        _ => error,
    })
}

/// Gives a token back. `now` is in seconds since 1970.
pub(super) async fn revoke(
    http: &Http,
    config: &ProviderConfig,
    endpoints: &Endpoints,
    address: &Url,
    (token, hint): (&Secret, &str),
    now: i64,
) -> Result<(), Error> {
    let request = {
        let mut form = Serializer::new(String::new());
        form.append_pair("token", token.expose())
            .append_pair("token_type_hint", hint)
            .append_pair("client_id", &config.client_id);
        form::post(config, endpoints, address, form, now)?
    };
    let endpoint = Endpoint::Revocation;
    let answer = http.send(endpoint, request, config.timeout).await?;
    let status = answer.status;
    match status.is_success() {
        true => Ok(()),
        false => Err(Kind::ProviderStatus {
            endpoint,
            status: status.as_u16(),
        }
        .into()),
    }
}
