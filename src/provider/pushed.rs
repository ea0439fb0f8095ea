//! The way to the authorization endpoint, by a request that is pushed there first where the provider or
//! the section asks for it (RFC 9126): the browser then carries no more than a reference to it.

use http::{Request, StatusCode};
use url::Url;
use url::form_urlencoded::{self, Serializer};

use super::endpoints::Endpoints;
use super::form;
use super::http::{Answer, Http};
use super::json;
use super::token;
use crate::config::ProviderConfig;
use crate::error::{Endpoint, Error, Kind, error_code};
use crate::login_secrets::LoginSecrets;
use crate::secret::Secret;

/// The longest `request_uri` that is taken.
const MAX_REFERENCE: usize = 1024;

/// What one login asks for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct AuthorizationRequest<'a> {
    pub(crate) redirect_uri: &'a str,
    pub(crate) secrets: &'a LoginSecrets,
    pub(crate) parameters: &'a [(String, String)],
    /// Seconds since 1970.
    pub(crate) now: i64,
}

/// The address that a browser is sent to.
pub(crate) async fn authorization_url(
    http: &Http,
    config: &ProviderConfig,
    endpoints: &Endpoints,
    request: AuthorizationRequest<'_>,
) -> Result<String, Error> {
    let AuthorizationRequest {
        redirect_uri,
        secrets,
        parameters,
        now,
    } = request;
    let url = token::authorization_url(config, redirect_uri, endpoints, secrets, parameters)?;
    let Some(address) = &endpoints.pushed_requests else {
        return Ok(url);
    };
    let push = push(config, endpoints, address, &url, now)?;
    let confidential = confidential(config, push.body());
    let answer = http
        .send(Endpoint::PushedRequest, push, config.timeout)
        .await?;
    let reference = read(&answer, &confidential)?;
    let mut url = endpoints.authorization_endpoint.clone();
    url.query_pairs_mut()
        .append_pair("client_id", &config.client_id)
        .append_pair("request_uri", &reference);
    Ok(url.into())
}

/// What would have been the query of `url`, and who asks (RFC 9126 §2.1).
fn push(
    config: &ProviderConfig,
    endpoints: &Endpoints,
    address: &Url,
    url: &str,
    now: i64,
) -> Result<Request<Vec<u8>>, Error> {
    let url = Url::parse(url).map_err(|_| invalid("the request cannot be built"))?;
    let mut form = Serializer::new(String::new());
    // The endpoint's own stand first, and stay there.
    let theirs = endpoints.authorization_endpoint.query_pairs().count();
    form.extend_pairs(url.query_pairs().skip(theirs));
    form::post(config, endpoints, address, form, now)
}

/// What is sent and stands in no log: everything but what the app is registered with, and what is so
/// short that it says nothing.
fn confidential(config: &ProviderConfig, form: &[u8]) -> Vec<Secret> {
    let is_known = |name: &str| {
        matches!(
            name,
            "client_assertion_type" | "client_id" | "redirect_uri" | "response_type" | "scope"
        )
    };
    form_urlencoded::parse(form)
        .filter(|(name, value)| !is_known(name) && value.len() >= 16)
        .map(|(_, value)| Secret::new(value))
        .chain(config.client_secret.clone())
        .collect()
}

/// The `request_uri` (RFC 9126 §2.2), or what the provider objects to (§2.3).
fn read(answer: &Answer, confidential: &[Secret]) -> Result<String, Error> {
    let members = json::object(&answer.body);
    let error = members
        .as_ref()
        .ok()
        .and_then(|members| members.get("error")?.as_str());
    match (error, answer.status) {
        (Some("invalid_client"), _) | (None, StatusCode::UNAUTHORIZED) => {
            return Err(Kind::ClientRefused.into());
        }
        (Some(error), _) => {
            let words = members
                .as_ref()
                .ok()
                .and_then(|members| members.get("error_description")?.as_str())
                // It may say again what it was told.
                .filter(|words| !confidential.iter().any(|it| words.contains(it.expose())));
            return Err(Kind::ProviderRefused {
                error: error_code(error),
                description: words.map_or_else(String::new, |words| {
                    format!(", and described it as \"{}\"", super::shown(words))
                }),
            }
            .into());
        }
        // Some say 200 where 201 is meant.
        (None, StatusCode::CREATED | StatusCode::OK) => {}
        (None, status) => {
            return Err(Kind::ProviderStatus {
                endpoint: Endpoint::PushedRequest,
                status: status.as_u16(),
            }
            .into());
        }
    }
    let members = members.map_err(invalid)?;
    let reference = members
        .get("request_uri")
        .ok_or_else(|| invalid("it lacks request_uri"))?;
    let is_right = |text: &&str| {
        (1..=MAX_REFERENCE).contains(&text.len()) && text.bytes().all(|it| it.is_ascii_graphic())
    };
    if members
        .get("expires_in")
        .and_then(|it| it.as_f64())
        .is_some_and(|seconds| seconds < 1.0)
    {
        return Err(invalid("its request_uri has expired already"));
    }
    let reference = reference.as_str().filter(is_right);
    reference
        .map(str::to_owned)
        .ok_or_else(|| invalid("its request_uri is no reference"))
}

fn invalid(what: &str) -> Error {
    let what = what.to_owned();
    Kind::PushAnswerInvalid { what }.into()
}
