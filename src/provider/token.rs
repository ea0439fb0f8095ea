//! The token request: an authorization code becomes tokens, once.
//!
//! openidconnect builds the request; what comes back is read here, strictly, because its parser
//! refuses answers that providers do send and quotes those that it cannot read.

use std::fmt;
use std::future::{Ready, ready};

use http::{Request, StatusCode};
use openidconnect::core::{CoreAuthenticationFlow, CoreClient};
use openidconnect::{
    AuthType, AuthUrl, AuthorizationCode, ClientId, ClientSecret, CsrfToken, EndpointNotSet,
    EndpointSet, ErrorResponse, HttpResponse, IssuerUrl, JsonWebKeySet, Nonce, PkceCodeChallenge,
    PkceCodeVerifier, RedirectUrl, RequestTokenError, Scope, TokenUrl,
};
use serde_json::{Map, Value};
use url::Url;

use super::Redemption;
use super::client_assertion::{self, client_assertion};
use super::endpoints::Endpoints;
use super::http::{Answer, Http};
use super::json;
use super::signed_secret::signed_secret;
use crate::config::{
    ClientAuthentication, Prompt, Protocol, ProviderConfig, ResponseMode, SignedSecret,
};
use crate::error::{Endpoint, Error, Kind, error_code};
use crate::login_secrets::LoginSecrets;
use crate::presets::{Refresh, Relaxation};
use crate::private_key::PrivateKey;
use crate::secret::Secret;

/// The `prompt` by which a provider shows the accounts to choose from (OpenID Connect Core §3.1.2.1).
const SELECT_ACCOUNT: &str = "select_account";
/// The one by which they are asked again what the app may do.
const CONSENT: &str = "consent";

/// The scope by which a refresh token is asked for (OpenID Connect Core §11).
const OFFLINE_ACCESS: &str = "offline_access";

/// The longest token that is taken.
const MAX_TOKEN: usize = 64 * 1024;

pub(super) type Client = CoreClient<
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointNotSet,
>;

/// What the token endpoint gave.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(super) access_token: Secret,
    /// Seconds that the access token lasts, where the answer says so.
    pub(super) expires_in: Option<u32>,
    pub(super) refresh_token: Option<Secret>,
    /// None of OAuth 2 alone, where nobody asked for one.
    pub(super) id_token: Option<Secret>,
    /// What was asked for and not granted, as far as the answer says.
    pub(super) refused_scopes: Vec<String>,
}

/// The address that a browser is sent to (OpenID Connect Core §3.1.2.1).
pub(crate) fn authorization_url(
    config: &ProviderConfig,
    redirect_uri: &str,
    endpoints: &Endpoints,
    secrets: &LoginSecrets,
    parameters: &[(String, String)],
) -> Result<String, Error> {
    let client = client(config, redirect_uri, endpoints)?;
    let verifier = PkceCodeVerifier::new(secrets.code_verifier.expose().to_owned());
    let (state, nonce) = (
        secrets.state.expose().to_owned(),
        secrets.nonce.expose().to_owned(),
    );
    let mut request = client
        .authorize_url(
            CoreAuthenticationFlow::AuthorizationCode,
            move || CsrfToken::new(state),
            move || Nonce::new(nonce),
        )
        .add_scopes(config.scopes.iter().cloned().map(Scope::new));
    let wish = Wish::of(config, endpoints);
    if wish.scope && !config.scopes.iter().any(|scope| scope == OFFLINE_ACCESS) {
        request = request.add_scope(Scope::new(OFFLINE_ACCESS.to_owned()));
    }
    if !config.is_relaxed(Relaxation::WithoutPkce) {
        let challenge = PkceCodeChallenge::from_code_verifier_sha256(&verifier);
        request = request.set_pkce_challenge(challenge);
    }
    if config.response_mode == ResponseMode::FormPost {
        request = request.add_extra_param("response_mode", config.response_mode.name());
    }
    let given = |name: &str| parameters.iter().any(|(given, _)| given == name);
    // A parameter stands once (RFC 6749 §3.1), and the endpoint's own query stays as it is.
    let theirs = &endpoints.authorization_endpoint;
    let said = |name: &str| theirs.query_pairs().any(|(theirs, _)| theirs == name);
    let prompt = prompt(config, endpoints, wish.consent);
    let wanted = prompt
        .as_deref()
        .map(|prompt| ("prompt", prompt))
        .into_iter()
        .chain(wish.parameter)
        .chain(config.parameters.iter().map(pair))
        .filter(|(name, _)| !given(name))
        .chain(parameters.iter().map(pair))
        .filter(|(name, value)| !value.is_empty() && !said(name));
    for (name, value) in wanted {
        request = request.add_extra_param(name, value);
    }
    let (url, _, _) = request.url();
    Ok(match config.protocol {
        Protocol::OAuth2(_) | Protocol::Own(_) => without_nonce(url),
        Protocol::OpenId(_) => url.into(),
    })
}

/// OAuth 2 has no nonce: there is no ID token that could have it.
fn without_nonce(mut url: Url) -> String {
    let pairs: Vec<_> = url.query_pairs().into_owned().collect();
    let others = pairs.iter().filter(|(name, _)| name != "nonce");
    url.query_pairs_mut().clear().extend_pairs(others);
    url.into()
}

fn pair((name, value): &(String, String)) -> (&str, &str) {
    (name, value)
}

/// Redeems a code (RFC 6749 §4.1.3). A code is good for one try, so there is no second one.
pub(super) async fn redeem(
    http: &Http,
    config: &ProviderConfig,
    redirect_uri: &str,
    endpoints: &Endpoints,
    redemption: &Redemption,
) -> Result<Tokens, Error> {
    let client = client(config, redirect_uri, endpoints)?;
    let mut request =
        client.exchange_code(AuthorizationCode::new(redemption.code.expose().to_owned()));
    if !config.is_relaxed(Relaxation::WithoutPkce) {
        request = request.set_pkce_verifier(PkceCodeVerifier::new(
            redemption.secrets.code_verifier.expose().to_owned(),
        ));
    }
    let signed = signed(config, endpoints, redemption.now)?;
    for (name, value) in &signed {
        request = request.add_extra_param(*name, value.expose());
    }
    send(http, config, request.request_async(&keep).await).await
}

/// Sends a token request that openidconnect has built, and reads the answer.
pub(super) async fn send<T, E: ErrorResponse>(
    http: &Http,
    config: &ProviderConfig,
    built: Result<T, RequestTokenError<Kept, E>>,
) -> Result<Tokens, Error> {
    let Err(RequestTokenError::Request(Kept(request))) = built else {
        return Err(invalid("the request cannot be built"));
    };
    let answer = http.send(Endpoint::Token, request, config.timeout).await?;
    read(&answer, &config.scopes)
}

/// The client that openidconnect sends by: it keeps the request for ours.
pub(super) fn keep(request: Request<Vec<u8>>) -> Ready<Result<HttpResponse, Kept>> {
    ready(Err(Kept(request)))
}

/// A request that openidconnect built and wanted sent: what it hands to a client, and to nobody
/// else.
pub(super) struct Kept(Request<Vec<u8>>);

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Kept([redacted])")
    }
}

impl fmt::Display for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was kept")
    }
}

impl std::error::Error for Kept {}

pub(super) fn client(
    config: &ProviderConfig,
    redirect_uri: &str,
    endpoints: &Endpoints,
) -> Result<Client, Error> {
    let url = |_| invalid("an address of the provider is not a URL");
    let client = CoreClient::new(
        ClientId::new(config.client_id.clone()),
        IssuerUrl::new(endpoints.issuer.clone()).map_err(url)?,
        JsonWebKeySet::default(),
    );
    let secret = |secret: &Secret| ClientSecret::new(secret.expose().to_owned());
    let client = match authentication(config, endpoints)? {
        Proof::Basic(it) => client
            .set_auth_type(AuthType::BasicAuth)
            .set_client_secret(secret(it)),
        Proof::Post(it) => client
            .set_auth_type(AuthType::RequestBody)
            .set_client_secret(secret(it)),
        Proof::None | Proof::PrivateKeyJwt(_) | Proof::SignedSecret(_) => {
            client.set_auth_type(AuthType::RequestBody)
        }
    };
    let client = match config.protocol {
        Protocol::OAuth2(_) | Protocol::Own(_) => client.disable_openid_scope(),
        Protocol::OpenId(_) => client,
    };
    Ok(client
        .set_auth_uri(AuthUrl::new(endpoints.authorization_endpoint.to_string()).map_err(url)?)
        .set_token_uri(TokenUrl::new(endpoints.token_endpoint.to_string()).map_err(url)?)
        .set_redirect_uri(RedirectUrl::new(redirect_uri.to_owned()).map_err(url)?))
}

/// The parameters of one request in which the client signs who it is, where it does.
pub(super) fn signed(
    config: &ProviderConfig,
    endpoints: &Endpoints,
    now: i64,
) -> Result<Vec<(&'static str, Secret)>, Error> {
    let client_id = &config.client_id;
    Ok(match authentication(config, endpoints)? {
        Proof::Basic(_) | Proof::None | Proof::Post(_) => Vec::new(),
        Proof::PrivateKeyJwt(key) => {
            let known = endpoints.assertion_algorithms.as_deref();
            let assertion = client_assertion(key, client_id, &endpoints.issuer, known, now)?;
            let kind = Secret::new(client_assertion::TYPE);
            vec![
                ("client_assertion_type", kind),
                ("client_assertion", assertion),
            ]
        }
        Proof::SignedSecret(signed) => {
            vec![("client_secret", signed_secret(signed, client_id, now)?)]
        }
    })
}

/// What the client shows to be who it is: one thing, never two (RFC 6749 §2.3).
#[derive(Clone, Copy, Debug)]
pub(super) enum Proof<'a> {
    Basic(&'a Secret),
    None,
    Post(&'a Secret),
    PrivateKeyJwt(&'a PrivateKey),
    SignedSecret(&'a SignedSecret),
}

impl Proof<'_> {
    #[cfg(feature = "cli")]
    pub(super) fn method(self) -> ClientAuthentication {
        match self {
            Self::Basic(_) => ClientAuthentication::Basic,
            Self::None => ClientAuthentication::None,
            Self::Post(_) | Self::SignedSecret(_) => ClientAuthentication::Post,
            Self::PrivateKeyJwt(_) => ClientAuthentication::PrivateKeyJwt,
        }
    }
}

/// By the section's method, else by the only one that it has what it takes for, else by the first of
/// basic, post and private_key_jwt that the provider offers.
pub(super) fn authentication<'a>(
    config: &'a ProviderConfig,
    endpoints: &Endpoints,
) -> Result<Proof<'a>, Error> {
    use ClientAuthentication::{Basic, None as Unproved, Post, PrivateKeyJwt};
    if let Some(signed) = &config.signed_secret {
        return Ok(Proof::SignedSecret(signed));
    }
    let (secret, key) = (config.client_secret.as_ref(), config.private_key.as_ref());
    let offers = |method: ClientAuthentication| {
        let mut offered = endpoints.authentication.iter();
        offered.any(|offered| offered == method.name())
    };
    let proof = match (config.authentication, secret, key) {
        (Some(Basic), Some(secret), _) => Proof::Basic(secret),
        (Some(Post), Some(secret), _) => Proof::Post(secret),
        (Some(PrivateKeyJwt), _, Some(key)) => Proof::PrivateKeyJwt(key),
        (Some(Unproved), ..) | (_, None, None) => Proof::None,
        (_, None, Some(key)) => Proof::PrivateKeyJwt(key),
        (_, Some(secret), _) if offers(Basic) => Proof::Basic(secret),
        (_, Some(secret), _) if offers(Post) => Proof::Post(secret),
        (_, Some(_), Some(key)) if offers(PrivateKeyJwt) => Proof::PrivateKeyJwt(key),
        (_, Some(_), key) => {
            let what = match key {
                Some(_) => {
                    "it accepts neither client_secret_basic nor client_secret_post nor \
                     private_key_jwt"
                }
                None if offers(PrivateKeyJwt) => {
                    "it accepts private_key_jwt, and the section has no private_key"
                }
                None => "it accepts neither client_secret_basic nor client_secret_post",
            };
            return Err(Kind::MetadataInvalid {
                what: what.to_owned(),
            }
            .into());
        }
    };
    Ok(proof)
}

/// What lets a person choose whom to log in as, of what the provider takes.
pub(super) fn prompt_for_another_account(
    config: &ProviderConfig,
    endpoints: &Endpoints,
) -> Option<&'static str> {
    let Some(taken) = &endpoints.prompts else {
        return (config.prompt != Prompt::Unsent).then_some(SELECT_ACCOUNT);
    };
    [SELECT_ACCOUNT, "login"]
        .into_iter()
        .find(|prompt| taken.iter().any(|taken| taken == prompt))
}

/// What the section or the row says; where they leave it to us, what lets a person choose an account,
/// and agree to a refresh token, as far as the provider does not rule it out.
fn prompt(config: &ProviderConfig, endpoints: &Endpoints, consent: bool) -> Option<String> {
    let takes = |prompt: &&str| {
        let taken = endpoints.prompts.as_ref();
        taken.is_none_or(|taken| taken.iter().any(|taken| taken == prompt))
    };
    match &config.prompt {
        Prompt::Value(prompt) => Some(prompt.clone()),
        Prompt::Unsent => None,
        Prompt::SelectAccount => {
            let consent = consent.then_some(CONSENT);
            let prompts = [Some(SELECT_ACCOUNT), consent].into_iter().flatten();
            let prompts: Vec<_> = prompts.filter(takes).collect();
            (!prompts.is_empty()).then(|| prompts.join(" "))
        }
    }
}

/// What asks for a refresh token.
#[derive(Clone, Copy, Debug, Default)]
struct Wish {
    scope: bool,
    parameter: Option<(&'static str, &'static str)>,
    consent: bool,
}

impl Wish {
    /// As its row has it, where the app wants to see tokens that end.
    fn of(config: &ProviderConfig, endpoints: &Endpoints) -> Self {
        if !config.exposed.keeps_refresh() {
            return Self::default();
        }
        let (scope, parameter, consent) = match config.refresh {
            Refresh::Parameter(name, value) => (false, Some((name, value)), true),
            Refresh::Scope => (true, None, false),
            Refresh::Standard => {
                let offered = endpoints.offers_offline_access;
                (offered, None, offered)
            }
            Refresh::Unasked => (false, None, false),
        };
        Self {
            scope,
            parameter,
            consent,
        }
    }
}

fn read(answer: &Answer, asked: &[String]) -> Result<Tokens, Error> {
    let members = json::object(&answer.body);
    let error = members
        .as_ref()
        .ok()
        .and_then(|members| members.get("error")?.as_str());
    if let Some(error) = error {
        return Err(match error {
            "invalid_client" => Kind::ClientRefused,
            "invalid_grant" => Kind::CodeRefused,
            error => Kind::TokenRefused {
                error: error_code(error),
            },
        }
        .into());
    }
    match answer.status {
        StatusCode::OK => {}
        StatusCode::UNAUTHORIZED => return Err(Kind::ClientRefused.into()),
        status => {
            let endpoint = Endpoint::Token;
            return Err(Kind::ProviderStatus {
                endpoint,
                status: status.as_u16(),
            }
            .into());
        }
    }
    let members = members.map_err(invalid)?;
    // Some have an object there, and the status of a success.
    if members.get("error").is_some_and(|error| !error.is_null()) {
        return Err(invalid("its error is not text"));
    }
    // RFC 6749 §7.1: a token of an unknown type is not used. We sent no proof for DPoP.
    match members.get("token_type") {
        Some(Value::String(kind)) if kind.eq_ignore_ascii_case("bearer") => {}
        Some(_) => return Err(invalid("its token_type is not Bearer")),
        None => return Err(invalid("it lacks token_type")),
    }
    let optional = |name| match members.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(_) => token(&members, name).map(Some),
    };
    Ok(Tokens {
        access_token: token(&members, "access_token")?,
        expires_in: members.get("expires_in").and_then(seconds),
        // A login needs none.
        refresh_token: optional("refresh_token").unwrap_or_default(),
        id_token: optional("id_token")?,
        refused_scopes: granted(&members).map_or_else(Vec::new, |granted| refused(asked, &granted)),
    })
}

/// Some write the number as text. What is no number of seconds says nothing.
fn seconds(written: &Value) -> Option<u32> {
    let seconds = match written {
        Value::String(text) => text.parse().ok()?,
        _ => written.as_f64()?,
    };
    (0.0..=f64::from(u32::MAX))
        .contains(&seconds)
        .then_some(seconds as u32)
}

/// What was granted: divided by spaces (RFC 6749 §3.3), or, as some providers have it, by commas or
/// in a list.
fn granted(members: &Map<String, Value>) -> Option<Vec<String>> {
    let words = |text: &str| {
        let words = text.split([' ', ',']).filter(|word| !word.is_empty());
        words.map(str::to_owned).collect::<Vec<_>>()
    };
    let granted: Vec<_> = match members.get("scope")? {
        Value::String(text) => words(text),
        Value::Array(list) => {
            let texts = list.iter().filter_map(Value::as_str);
            texts.flat_map(words).collect()
        }
        _ => return None,
    };
    (!granted.is_empty()).then_some(granted)
}

/// What is not among the granted scopes, by its whole name or by the end of a longer one: Google's
/// `email` is `https://www.googleapis.com/auth/userinfo.email` there. That a login can be refreshed
/// is told by a token, not by a scope.
fn refused(asked: &[String], granted: &[String]) -> Vec<String> {
    let is_granted = |scope: &&String| {
        let is_it = |given: &String| {
            given == *scope || given.rsplit(['/', '.']).next() == Some(scope.as_str())
        };
        *scope == OFFLINE_ACCESS || granted.iter().any(is_it)
    };
    let refused = asked.iter().filter(|scope| !is_granted(scope));
    refused.cloned().collect()
}

/// A token goes into a header: it is printable ASCII, and not without end.
fn token(members: &Map<String, Value>, name: &str) -> Result<Secret, Error> {
    match members.get(name) {
        Some(Value::String(token))
            if (1..=MAX_TOKEN).contains(&token.len())
                && token.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok(Secret::new(token))
        }
        Some(_) => Err(invalid(format!("its {name} is not a token"))),
        None => Err(lacks(name)),
    }
}

pub(super) fn lacks(name: &str) -> Error {
    invalid(format!("it lacks {name}"))
}

fn invalid(what: impl Into<String>) -> Error {
    Kind::TokenAnswerInvalid { what: what.into() }.into()
}
