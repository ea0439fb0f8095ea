//! The token request with a person's own password (RFC 6749 §4.3): no code, no browser, no nonce.

use openidconnect::{ResourceOwnerPassword, ResourceOwnerUsername, Scope};

use super::endpoints::Endpoints;
use super::http::Http;
use super::token::{self, Tokens};
use crate::config::{Protocol, ProviderConfig};
use crate::error::{Error, Kind};
use crate::secret::Secret;

/// What somebody typed.
#[derive(Debug)]
pub(crate) struct Credentials {
    pub(crate) user_name: Secret,
    pub(crate) password: Secret,
}

/// Asks for tokens. `now` is in seconds since 1970.
pub(super) async fn redeem(
    http: &Http,
    config: &ProviderConfig,
    redirect_uri: &str,
    endpoints: &Endpoints,
    credentials: &Credentials,
    now: i64,
) -> Result<Tokens, Error> {
    let client = token::client(config, redirect_uri, endpoints)?;
    let user_name = ResourceOwnerUsername::new(credentials.user_name.expose().to_owned());
    let password = ResourceOwnerPassword::new(credentials.password.expose().to_owned());
    let openid = matches!(config.protocol, Protocol::OpenId(_)).then(|| "openid".to_owned());
    let scopes = openid.into_iter().chain(config.scopes.iter().cloned());
    let mut request = client
        .exchange_password(&user_name, &password)
        .add_scopes(scopes.map(Scope::new));
    let signed = token::signed(config, endpoints, now)?;
    for (name, value) in &signed {
        request = request.add_extra_param(*name, value.expose());
    }
    let built = request.request_async(&token::keep).await;
    let tokens = token::send(http, config, built).await;
    tokens.map_err(|error| match error.kind() {
        Kind::CodeRefused => Kind::PasswordRefused.into(),
        _ => error,
    })
}
