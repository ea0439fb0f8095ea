//! Requests that are logged in already, for the tests of apps.
//!
//! Nothing here can come over a network: the identity is sealed with the app's own keys, as the
//! callback would, and read by the same code.

use http::header::COOKIE;
use http::{HeaderMap, HeaderValue, Request};
use serde_json::{Map, Value};

use crate::auth::Auth;
use crate::cookies::{Cut, Head, IdentityCookie};
use crate::error::{Error, Kind, Result};
use crate::random;
use crate::snapshot::Snapshot;

/// Somebody for a test to be.
#[derive(Clone, Debug)]
#[must_use = "somebody does nothing until a request is logged in as them"]
pub struct Somebody {
    provider: Option<String>,
    claims: Map<String, Value>,
}

impl Somebody {
    /// Somebody with this subject, logged in with the app's first provider.
    pub fn new(subject: &str) -> Self {
        let claims = [("iss", "https://issuer.test"), ("sub", subject)];
        let claims = claims.map(|(name, value)| (name.to_owned(), value.into()));
        Self {
            provider: None,
            claims: Map::from_iter(claims),
        }
    }

    /// Logged in with this provider of the app's.
    pub fn provider(mut self, name: &str) -> Self {
        self.provider = Some(name.to_owned());
        self
    }

    /// With this claim; `iss` is the issuer, and `auth_time` when they proved who they are: now, if it
    /// is not said.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }
}

/// Logs a request in, in one line.
///
/// ```
/// use keycard::testing::{LogIn, Somebody};
///
/// # fn example(auth: &keycard::Auth) -> keycard::Result<()> {
/// let request = http::Request::get("/reports")
///     .body(())
///     .unwrap()
///     .logged_in_as(auth, &Somebody::new("alice").claim("email", "alice@example.com"))?;
/// # Ok(()) }
/// ```
pub trait LogIn: Sized {
    /// The same request from a browser in which somebody is logged in.
    ///
    /// # Errors
    ///
    /// When the app has no such provider, or the claims do not fit the cookies.
    fn logged_in_as(self, auth: &Auth, somebody: &Somebody) -> Result<Self>;
}

impl<B> LogIn for Request<B> {
    fn logged_in_as(mut self, auth: &Auth, somebody: &Somebody) -> Result<Self> {
        add_identity(self.headers_mut(), auth, somebody)?;
        Ok(self)
    }
}

fn add_identity(headers: &mut HeaderMap, auth: &Auth, somebody: &Somebody) -> Result<()> {
    let snapshot = Snapshot::of(auth.clone());
    let first = auth
        .providers()
        .into_iter()
        .next()
        .map(|choice| choice.name);
    let name = somebody.provider.clone().or(first).unwrap_or_default();
    let provider = snapshot.provider(&name)?;
    let claim = |name: &str| {
        somebody
            .claims
            .get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let now = auth.now();
    let told = somebody.claims.get("auth_time").and_then(Value::as_i64);
    let head = Head {
        login_id: random::bytes()?,
        issued_at: now,
        expires_at: now.saturating_add(snapshot.life()),
        auth_time: told.or(provider.tells_auth_time().then_some(now)),
        provider: name,
        fingerprint: provider.fingerprint(),
        issuer: claim("iss"),
        subject: claim("sub"),
        session_id: None,
        state_hash: random::bytes()?,
    };
    let Cut { first, second } =
        IdentityCookie::seal(&head, &somebody.claims, auth.names(), snapshot.keyring())?;
    for (name, value) in auth
        .names()
        .identity()
        .iter()
        .zip([Some(first), second].into_iter().flatten())
    {
        let pair = HeaderValue::try_from(format!("{name}={value}"))
            .map_err(|_| Error::from(Kind::AnswerUnwritable { what: "a cookie" }))?;
        headers.append(COOKIE, pair);
    }
    Ok(())
}
