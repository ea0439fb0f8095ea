//! What the provider was asked: the endpoints, and a request as it arrived.

use std::fmt;

use axum::http::{HeaderMap, header};
use url::form_urlencoded;

/// An endpoint of the provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Endpoint {
    /// `/.well-known/openid-configuration`.
    Metadata,
    /// `/jwks`.
    Keys,
    /// `/authorize`, the page and its buttons alike.
    Authorization,
    /// `/par`, where authorization requests are pushed (RFC 9126).
    PushedRequest,
    /// `/token`.
    Token,
    /// `/userinfo`.
    Userinfo,
    /// `/revoke`, where tokens are given back (RFC 7009).
    Revocation,
    /// `/end_session`.
    EndSession,
}

impl Endpoint {
    pub(super) const ALL: [Self; 8] = [
        Self::Metadata,
        Self::Keys,
        Self::Authorization,
        Self::PushedRequest,
        Self::Token,
        Self::Userinfo,
        Self::Revocation,
        Self::EndSession,
    ];

    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Metadata => "/.well-known/openid-configuration",
            Self::Keys => "/jwks",
            Self::Authorization => "/authorize",
            Self::PushedRequest => "/par",
            Self::Token => "/token",
            Self::Userinfo => "/userinfo",
            Self::Revocation => "/revoke",
            Self::EndSession => "/end_session",
        }
    }

    pub(super) fn at(path: &str) -> Option<Self> {
        Self::ALL
            .into_iter()
            .find(|endpoint| endpoint.path() == path)
    }
}

/// A request as it arrived. `Debug` shows names only: the values hold secrets.
#[derive(Clone, Default)]
pub struct Request {
    headers: Vec<(String, String)>,
    parameters: Vec<(String, String)>,
}

impl Request {
    pub(super) fn new(headers: &HeaderMap, query: Option<&str>, body: &[u8]) -> Self {
        let is_form = headers
            .get(header::CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
        let encoded = if is_form {
            body
        } else {
            query.unwrap_or_default().as_bytes()
        };
        Self {
            headers: headers
                .iter()
                .map(|(name, value)| {
                    let value = String::from_utf8_lossy(value.as_bytes());
                    (name.to_string(), value.into_owned())
                })
                .collect(),
            parameters: form_urlencoded::parse(encoded).into_owned().collect(),
        }
    }

    pub(super) fn from_query(query: Option<&str>) -> Self {
        Self::new(&HeaderMap::new(), query, b"")
    }

    /// The `Authorization` header.
    #[must_use]
    pub fn authorization(&self) -> Option<&str> {
        self.header("authorization")
    }

    /// The first header of this name, in whatever case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(known, _)| known.eq_ignore_ascii_case(name))?;
        Some(value)
    }

    /// The form's fields in their order, or the query's where there was no form.
    #[must_use]
    pub fn parameters(&self) -> &[(String, String)] {
        &self.parameters
    }

    /// The first parameter of this name.
    #[must_use]
    pub fn parameter(&self, name: &str) -> Option<&str> {
        let (_, value) = self.parameters.iter().find(|(known, _)| known == name)?;
        Some(value)
    }

    /// The parameter, or nothing if it is empty.
    pub(super) fn filled(&self, name: &str) -> Option<&str> {
        // RFC 6749 §3.1: a parameter without a value counts as omitted.
        self.parameter(name).filter(|value| !value.is_empty())
    }

    /// The first parameter that is there more than once.
    pub(super) fn repeated(&self) -> Option<&str> {
        let mut parameters = self.parameters.iter().enumerate();
        let (_, (name, _)) = parameters
            .find(|(index, (name, _))| self.parameters[..*index].iter().any(|(n, _)| n == name))?;
        Some(name)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = |pairs: &[(String, String)]| -> Vec<String> {
            pairs.iter().map(|(name, _)| name.clone()).collect()
        };
        f.debug_struct("Request")
            .field("headers", &names(&self.headers))
            .field("parameters", &names(&self.parameters))
            .finish()
    }
}
