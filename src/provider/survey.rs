//! What a provider is asked by `keycard check`: the same requests as those of a login, one by one
//! and uncached, and one at the authorization endpoint that a browser would make.

use std::ops::Range;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{ACCEPT, AGE, DATE, HeaderMap, HeaderName, LOCATION};
use http::{Request, StatusCode};
use serde_json::{Map, Value};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;
use url::Url;

use super::endpoints::Endpoints;
use super::http::Http;
use super::keys::{self, KeySet};
use super::metadata::{self, Metadata};
use super::oauth2::OAuth2Provider;
use super::{json, token};
use crate::algorithm::Algorithm;
use crate::config::{OAuth2, OpenId, ProviderConfig};
use crate::error::{Endpoint, Error, Kind};

/// The metadata document as it came.
#[derive(Debug)]
pub(crate) struct Document {
    body: Vec<u8>,
    members: Map<String, Value>,
    /// What time it was at the provider when it answered, if it says so.
    pub(crate) clock: Option<SystemTime>,
    /// From when to when it was waited for.
    pub(crate) wait: Range<SystemTime>,
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
    pub(crate) async fn fetch(
        http: &Http,
        openid: &OpenId,
        timeout: Duration,
    ) -> Result<Self, Error> {
        let asked_at = SystemTime::now();
        let answer = metadata::get(http, &openid.metadata_url, timeout).await?;
        let wait = asked_at..SystemTime::now();
        let members = json::object(&answer.body).map_err(|what| {
            Error::from(Kind::MetadataInvalid {
                what: what.to_owned(),
            })
        })?;
        Ok(Self {
            body: answer.body,
            members,
            clock: clock(&answer.headers),
            wait,
        })
    }

    /// What a login makes of it.
    pub(crate) fn read(&self, openid: &OpenId) -> Result<Metadata, Error> {
        Metadata::read(&self.body, openid)
    }

    /// The issuer, if it is the one that the document's address belongs to.
    pub(crate) fn issuer(&self, openid: &OpenId) -> Result<String, Error> {
        metadata::issuer(&self.members, openid)
    }

    /// The algorithms for ID tokens that both sides know, and those that the provider names.
    pub(crate) fn algorithms(&self, openid: &OpenId) -> (Vec<Algorithm>, Vec<String>) {
        let named = self.strings("id_token_signing_alg_values_supported");
        (
            metadata::algorithms(&self.members, openid),
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

/// What a login needs of a provider that has no metadata.
pub(crate) fn endpoints(oauth2: &OAuth2) -> Arc<Endpoints> {
    OAuth2Provider::new(oauth2).endpoints()
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
    endpoints: &Endpoints,
) -> Result<&'static str, Error> {
    let proof = token::authentication(config, endpoints)?;
    Ok(proof.method().name())
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

#[cfg(test)]
mod tests {
    use http::header::HeaderValue;

    use super::*;

    #[test]
    fn the_time_of_an_answer_is_its_date_and_its_age_in_a_cache() {
        let at = |date: &'static str, age: Option<&'static str>| {
            let mut headers = HeaderMap::new();
            headers.insert(DATE, HeaderValue::from_static(date));
            headers.extend(age.map(|age| (AGE, HeaderValue::from_static(age))));
            clock(&headers).map(crate::clock::unix)
        };
        let date = "Sun, 06 Nov 1994 08:49:37 GMT";
        assert_eq!(at(date, None), Some(784_111_777));
        assert_eq!(at(date, Some("3600")), Some(784_115_377));
        assert_eq!(at(date, Some("x")), Some(784_111_777));
        assert_eq!(at(date, Some("18446744073709551615")), None);
        assert_eq!(at("yesterday", None), None);
        assert_eq!(clock(&HeaderMap::new()), None);
    }
}
