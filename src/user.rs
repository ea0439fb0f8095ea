//! Who made a request: somebody who is logged in, or nobody.

use std::fmt;
use std::sync::Arc;

use serde::de::DeserializeOwned;
use serde_json::Value;
use time::OffsetDateTime;

use crate::cookies::IdentityCookie;
use crate::error::{Error, Kind, Result};

/// The person who made a request. Anonymous until they log in.
///
/// As an extractor it never refuses anybody; use [`Identity`](crate::Identity) for handlers that
/// need somebody. What it says is as of the login: claims do not change until the next one.
#[derive(Clone, Default)]
pub struct User(Option<Arc<IdentityCookie>>);

impl User {
    pub(crate) fn new(identity: Option<IdentityCookie>) -> Self {
        Self(identity.map(Arc::new))
    }

    /// Whether somebody is logged in.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.0.is_some()
    }

    /// What to call them: the claim `name`, else `preferred_username` (OpenID Connect Core §5.1).
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.text("name")
            .or_else(|| self.text("preferred_username"))
    }

    /// The claim `email`. Before anything depends on it, see [`email_verified`](Self::email_verified).
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.text("email")
    }

    /// Whether the provider vouches for the e-mail: `Some(true)`, `Some(false)`, or `None` where
    /// it does not say so as a boolean.
    #[must_use]
    pub fn email_verified(&self) -> Option<bool> {
        self.claim("email_verified")?.as_bool()
    }

    /// The address of a picture, if it is https or http.
    #[must_use]
    pub fn picture(&self) -> Option<&str> {
        self.text("picture")
            .filter(|url| url.starts_with("https://") || url.starts_with("http://"))
    }

    /// The provider's own name for the person (`sub`). With [`issuer`](Self::issuer) it is the one
    /// stable name: e-mail addresses and names change, and may come to belong to somebody else.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        Some(self.0.as_ref()?.subject())
    }

    /// Who vouches for the person (`iss`).
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        Some(self.0.as_ref()?.issuer())
    }

    /// The name of the provider they logged in with: that of its section.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        Some(self.0.as_ref()?.provider())
    }

    /// When they logged in here.
    #[must_use]
    pub fn logged_in_at(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp(self.0.as_ref()?.issued_at()).ok()
    }

    /// When they will have to log in again.
    #[must_use]
    pub fn expires_at(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp(self.0.as_ref()?.expires_at()).ok()
    }

    /// A claim by its name.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.0.as_ref()?.claims().get(name)
    }

    /// A claim by its JSON pointer (RFC 6901), such as `/realm_access/roles/0`.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        let (first, rest) = match pointer.strip_prefix('/')?.split_once('/') {
            Some((first, _)) => (first, &pointer[1 + first.len()..]),
            None => (&pointer[1..], ""),
        };
        let name = first.replace("~1", "/").replace("~0", "~");
        self.claim(&name)?.pointer(rest)
    }

    /// All claims: into a type of your own, or as they are with `serde_json::Map<String, Value>`.
    ///
    /// # Errors
    ///
    /// When nobody is logged in, or when the claims do not fit `T`.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T> {
        let identity = self.0.as_ref().ok_or(Kind::Anonymous)?;
        T::deserialize(identity.claims()).map_err(|_| {
            Error::from(Kind::ClaimsDoNotFit {
                wanted: std::any::type_name::<T>(),
            })
        })
    }

    /// All claims by name, in alphabetical order; none for nobody.
    pub fn all_claims(&self) -> impl Iterator<Item = (&str, &Value)> {
        let claims = self.0.as_ref().map(|identity| identity.claims());
        claims
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value))
    }

    fn text(&self, name: &str) -> Option<&str> {
        let text = self.0.as_ref()?.text_claim(name)?;
        (!text.is_empty()).then_some(text)
    }
}

// Who it is stays out of logs: whether there is somebody is enough to see what went wrong.
impl fmt::Debug for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("User")
            .field("is_logged_in", &self.is_logged_in())
            .field("provider", &self.provider())
            .finish_non_exhaustive()
    }
}
