//! The provider's metadata document (OpenID Connect Discovery §3, RFC 8414), read leniently where
//! providers are careless and strictly where a login depends on it.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::LOCATION;
use serde_json::{Map, Value};
use tokio::time::Instant;
use url::Url;

use super::cached::Fetched;
use super::endpoints::Endpoints;
use super::http::{Answer, Http};
use super::{json, tenant};
use crate::algorithm::Algorithm;
use crate::config::{OpenId, is_ours, may_be_http};
use crate::error::{Endpoint, Error, Kind};

/// How long the metadata is fresh.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// How long it may take at most, a redirect included: somebody has pressed a button and waits.
const PATIENCE: Duration = Duration::from_secs(5);

/// What a provider says about itself, as far as a login needs it.
#[derive(Debug)]
pub(crate) struct Metadata {
    pub(crate) endpoints: Arc<Endpoints>,
    pub(crate) userinfo_endpoint: Option<Url>,
    pub(crate) jwks_uri: Url,
    /// What ID tokens may be signed with.
    pub(crate) algorithms: Vec<Algorithm>,
    /// What an answer of userinfo may be signed with.
    pub(super) userinfo_algorithms: Vec<Algorithm>,
}

/// Fetches and reads the document.
pub(super) async fn fetch(http: Http, openid: OpenId, timeout: Duration) -> Fetched<Metadata> {
    let answer = get(&http, &openid.metadata_url, timeout).await?;
    let metadata = Metadata::read(&answer.body, &openid)?;
    Ok((metadata, FRESH))
}

/// One redirect on the same https host is followed, no other.
pub(super) async fn get(http: &Http, url: &Url, timeout: Duration) -> Result<Answer, Error> {
    let endpoint = Endpoint::Metadata;
    let (began, patience) = (Instant::now(), PATIENCE.min(timeout));
    let mut answer = http.get(endpoint, url, None, patience).await?;
    if answer.status.is_redirection() {
        let target = answer
            .headers
            .get(LOCATION)
            .and_then(|target| target.to_str().ok());
        let target = target.and_then(|target| url.join(target).ok());
        if let Some(target) = target.filter(|target| {
            target.scheme() == "https" && url.scheme() == "https" && target.origin() == url.origin()
        }) {
            let left = patience.saturating_sub(began.elapsed());
            answer = http.get(endpoint, &target, None, left).await?;
        }
    }
    match answer.status {
        StatusCode::OK => Ok(answer),
        status => Err(Kind::ProviderStatus {
            endpoint,
            status: status.as_u16(),
        }
        .into()),
    }
}

impl Metadata {
    pub(crate) fn read(body: &[u8], openid: &OpenId) -> Result<Self, Error> {
        let members = json::object(body).map_err(invalid)?;
        let given = &openid.endpoints;
        let url = |name, given: &Option<String>| endpoint(&members, name, given.as_deref(), openid);
        let required =
            |name, given| url(name, given)?.ok_or_else(|| invalid(format!("it lacks {name}")));
        let endpoints = Endpoints {
            issuer: issuer(&members, openid)?,
            authorization_endpoint: required("authorization_endpoint", &given.authorization)?,
            token_endpoint: required("token_endpoint", &given.token)?,
            pushed_requests: pushed_requests(&members, openid)?,
            authentication: strings(&members, "token_endpoint_auth_methods_supported")
                .unwrap_or_else(|| vec!["client_secret_basic".to_owned()]),
            assertion_algorithms: strings(
                &members,
                "token_endpoint_auth_signing_alg_values_supported",
            ),
            answers_with_issuer: members.get("authorization_response_iss_parameter_supported")
                == Some(&Value::Bool(true)),
            // No login depends on it: one that is no https address is none.
            end_session: endpoint(&members, "end_session_endpoint", None, openid)
                .ok()
                .flatten(),
            revocation: endpoint(&members, "revocation_endpoint", None, openid)
                .ok()
                .flatten(),
            offers_offline_access: strings(&members, "scopes_supported")
                .is_some_and(|scopes| scopes.iter().any(|scope| scope == "offline_access")),
            prompts: strings(&members, "prompt_values_supported"),
        };
        // Ours would stand beside theirs, and nobody knows which one a provider takes.
        let twice = endpoints
            .authorization_endpoint
            .query_pairs()
            .find(|(name, _)| is_ours(name));
        if let Some((name, _)) = twice {
            return Err(invalid(format!(
                "authorization_endpoint has a {} of its own",
                super::shown(&name)
            )));
        }
        let metadata = Self {
            endpoints: Arc::new(endpoints),
            userinfo_endpoint: url("userinfo_endpoint", &given.userinfo)?,
            jwks_uri: required("jwks_uri", &given.keys)?,
            algorithms: algorithms(&members, openid),
            userinfo_algorithms: userinfo_algorithms(&members, openid),
        };
        if metadata.algorithms.is_empty() {
            return Err(invalid("it signs with no algorithm that keycard verifies"));
        }
        Ok(metadata)
    }
}

/// Where requests are pushed, if the provider or the section requires that (RFC 9126 §5, §6).
fn pushed_requests(members: &Map<String, Value>, openid: &OpenId) -> Result<Option<Url>, Error> {
    let required = members.get("require_pushed_authorization_requests") == Some(&Value::Bool(true));
    if !required && !openid.pushes_requests {
        return Ok(None);
    }
    let name = "pushed_authorization_request_endpoint";
    let endpoint = endpoint(members, name, None, openid)?;
    let endpoint = endpoint.ok_or_else(|| {
        let who = if required { "it" } else { "the section" };
        invalid(format!(
            "it lacks {name}, and {who} requires pushed requests"
        ))
    });
    endpoint.map(Some)
}

/// The issuer, which must be the one that the document's own address belongs to (Discovery §4.3):
/// otherwise one provider could speak for another.
pub(super) fn issuer(members: &Map<String, Value>, openid: &OpenId) -> Result<String, Error> {
    let Some(found) = members.get("issuer").and_then(Value::as_str) else {
        return Err(invalid("it lacks issuer"));
    };
    let expected = openid.expected_issuer();
    // Discovery §4.1 takes a trailing slash off before it adds the well-known path.
    let same = match &openid.issuer {
        Some(confirmed) => found == confirmed,
        None => found.strip_suffix('/').unwrap_or(found) == expected,
    };
    let of_tenant = openid.issuer_of_tenant;
    if !same && !of_tenant.is_some_and(|rule| tenant::is_issuer(rule, found)) {
        return Err(Kind::MetadataIssuerDiffers {
            expected,
            found: super::shown(found),
        }
        .into());
    }
    Ok(found.to_owned())
}

fn endpoint(
    members: &Map<String, Value>,
    name: &str,
    given: Option<&str>,
    openid: &OpenId,
) -> Result<Option<Url>, Error> {
    let written = match (given, members.get(name)) {
        (Some(given), _) => given,
        (None, Some(Value::String(written))) => written,
        (None, None | Some(Value::Null)) => return Ok(None),
        (None, Some(_)) => return Err(invalid(format!("{name} is not a string"))),
    };
    let Ok(url) = Url::parse(written) else {
        return Err(invalid(format!("{name} is not an absolute URL")));
    };
    let fits = match url.scheme() {
        "https" => true,
        "http" => may_be_http(&url, &openid.allow_http),
        _ => false,
    };
    let is_plain =
        url.fragment().is_none() && url.username().is_empty() && url.password().is_none();
    if !fits || !is_plain {
        return Err(invalid(format!("{name} is not an https address")));
    }
    Ok(Some(url))
}

/// The algorithms in which a token may come: ours, cut with the provider's (RS256 where it is
/// silent), or the one that the section names.
pub(super) fn algorithms(members: &Map<String, Value>, openid: &OpenId) -> Vec<Algorithm> {
    if let Some(named) = openid.algorithm {
        return vec![named];
    }
    let Some(supported) = strings(members, "id_token_signing_alg_values_supported") else {
        return vec![Algorithm::RS256];
    };
    supported
        .iter()
        .filter_map(|name| name.parse().ok())
        .filter(|algorithm: &Algorithm| !algorithm.is_symmetric())
        .collect()
}

/// The provider's (Discovery §3), those of its ID tokens where it is silent; none that shares a secret.
fn userinfo_algorithms(members: &Map<String, Value>, openid: &OpenId) -> Vec<Algorithm> {
    let named = strings(members, "userinfo_signing_alg_values_supported");
    let all = match named {
        Some(named) => named.iter().filter_map(|name| name.parse().ok()).collect(),
        None => algorithms(members, openid),
    };
    let mut all: Vec<Algorithm> = all;
    all.retain(|algorithm| !algorithm.is_symmetric());
    all
}

pub(super) fn strings(members: &Map<String, Value>, name: &str) -> Option<Vec<String>> {
    let values = members.get(name)?.as_array()?;
    Some(
        values
            .iter()
            .filter_map(Value::as_str)
            .map(str::to_owned)
            .collect(),
    )
}

fn invalid(what: impl Into<String>) -> Error {
    Kind::MetadataInvalid { what: what.into() }.into()
}
