//! What a provider is asked by `keycard check`: the same requests as those of a login, one by one
//! and uncached, and one at the authorization endpoint that a browser would make.

use std::time::{Duration, SystemTime};

use http::header::{ACCEPT, AGE, DATE, HeaderMap, HeaderName, LOCATION};
use http::{Request, StatusCode};
use openidconnect::AuthType;
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use url::Url;

use super::http::Http;
use super::keys::{self, KeySet};
use super::metadata::{self, Metadata};
use super::{json, token};
use crate::algorithm::Algorithm;
use crate::config::ProviderConfig;
use crate::error::{Endpoint, Error, Kind};

/// The metadata document as it came.
#[derive(Debug)]
pub(crate) struct Document {
    body: Vec<u8>,
    members: Map<String, Value>,
    /// What time it is at the provider, if it says so.
    pub(crate) clock: Option<SystemTime>,
}

/// What the authorization endpoint answers.
#[derive(Debug)]
pub(crate) struct Answered {
    pub(crate) status: StatusCode,
    /// Where the browser is sent on to.
    pub(crate) location: Option<Url>,
    pub(crate) body: Vec<u8>,
}

impl Document {
    pub(crate) async fn fetch(http: &Http, config: &ProviderConfig) -> Result<Self, Error> {
        let answer = metadata::get(http, config).await?;
        let members = json::object(&answer.body).map_err(|what| {
            Error::from(Kind::MetadataInvalid {
                what: what.to_owned(),
            })
        })?;
        Ok(Self {
            body: answer.body,
            members,
            clock: clock(&answer.headers),
        })
    }

    /// What a login makes of it.
    pub(crate) fn read(&self, config: &ProviderConfig) -> Result<Metadata, Error> {
        Metadata::read(&self.body, config)
    }

    /// The algorithms for ID tokens that both sides know, and those that the provider names.
    pub(crate) fn algorithms(&self, config: &ProviderConfig) -> (Vec<Algorithm>, Vec<String>) {
        let named = self.strings("id_token_signing_alg_values_supported");
        (
            metadata::algorithms(&self.members, config),
            named.unwrap_or_default(),
        )
    }

    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        self.members.get(name)?.as_str()
    }

    pub(crate) fn is_true(&self, name: &str) -> bool {
        self.members.get(name) == Some(&Value::Bool(true))
    }

    pub(crate) fn strings(&self, name: &str) -> Option<Vec<String>> {
        metadata::strings(&self.members, name)
    }
}

pub(crate) async fn keys(
    http: &Http,
    config: &ProviderConfig,
    metadata: &Metadata,
) -> Result<KeySet, Error> {
    let fetched = keys::fetch(http.clone(), metadata.jwks_uri.clone(), config.timeout).await;
    fetched.map(|(keys, _)| keys)
}

/// How the client authenticates at the token endpoint (OpenID Connect Core §9).
pub(crate) fn authentication(
    config: &ProviderConfig,
    metadata: &Metadata,
) -> Result<&'static str, Error> {
    Ok(match token::authentication(config, metadata)? {
        (_, None) => "none",
        (AuthType::BasicAuth, Some(_)) => "client_secret_basic",
        (_, Some(_)) => "client_secret_post",
    })
}

/// Asks as a browser would, and follows no redirect.
pub(crate) async fn visit(http: &Http, url: &Url, deadline: Duration) -> Result<Answered, Error> {
    let endpoint = Endpoint::Authorization;
    let request = Request::get(url.as_str())
        .header(ACCEPT, "text/html")
        .body(Vec::new())
        .map_err(|_| {
            Error::from(Kind::ProviderUnreachable {
                endpoint,
                why: "its address is not a URL",
            })
        })?;
    let answer = http.send(endpoint, request, deadline).await?;
    let location = text(&answer.headers, &LOCATION).filter(|_| answer.status.is_redirection());
    Ok(Answered {
        status: answer.status,
        location: location.and_then(|location| url.join(location).ok()),
        body: answer.body,
    })
}

/// `Date` is when the answer was made, and `Age` how long a cache has had it since.
fn clock(headers: &HeaderMap) -> Option<SystemTime> {
    let made = OffsetDateTime::parse(text(headers, &DATE)?, &Rfc2822).ok()?;
    let age = text(headers, &AGE).and_then(|age| age.parse().ok());
    SystemTime::from(made).checked_add(Duration::from_secs(age.unwrap_or(0)))
}

fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}
