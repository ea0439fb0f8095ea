//! Who made a request: somebody who is logged in, or nobody.

use std::fmt;
use std::sync::{Arc, OnceLock};

use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use time::OffsetDateTime;

use crate::config::Facts;
use crate::cookies::{IdentityCookie, Updates};
use crate::error::{Error, Kind, Result};
use crate::pointer::Pointer;
use crate::provider::ConfiguredProvider;
use crate::typed_claims;

/// The person who made a request. Anonymous until they log in.
///
/// As an extractor it never refuses anybody; use [`Identity`](crate::Identity) for handlers that
/// need somebody. What it says is as of the login, or of the last refresh of the tokens that
/// `expose_tokens` keeps: see [`Tokens::access`](crate::Tokens::access).
#[derive(Clone, Default)]
pub struct User(Option<Arc<Somebody>>);

/// Somebody, and the provider that vouched for them, which knows where facts stand among claims.
struct Somebody {
    identity: IdentityCookie,
    provider: Arc<ConfiguredProvider>,
    /// What has changed since the login.
    updates: Updates,
    updated: OnceLock<Map<String, Value>>,
}

impl Somebody {
    fn claims(&self) -> &Map<String, Value> {
        let claims = self.identity.claims();
        match self.updates.is_empty() {
            true => claims,
            false => self.updated.get_or_init(|| self.updates.applied_to(claims)),
        }
    }

    /// A claim that is text, read without the other claims where nothing has changed.
    fn text_claim(&self, name: &str) -> Option<&str> {
        match self.updates.is_empty() {
            true => self.identity.text_claim(name),
            false => self.claims().get(name)?.as_str(),
        }
    }
}

impl User {
    pub(crate) fn new(
        identity: IdentityCookie,
        provider: Arc<ConfiguredProvider>,
        updates: Updates,
    ) -> Self {
        Self(Some(Arc::new(Somebody {
            identity,
            provider,
            updates,
            updated: OnceLock::new(),
        })))
    }

    /// Whether somebody is logged in.
    #[must_use]
    pub fn is_logged_in(&self) -> bool {
        self.0.is_some()
    }

    /// What to call them: the claim that `user_key` of the section names, else `name` or
    /// `preferred_username` (OpenID Connect Core §5.1), or what the provider's preset has for it.
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.first_text(&self.facts()?.name)
    }

    /// Their e-mail: the claim `email`, or what the provider's preset has for it. Before anything
    /// depends on it, see [`email_verified`](Self::email_verified).
    #[must_use]
    pub fn email(&self) -> Option<&str> {
        self.first_text(&self.facts()?.email)
    }

    /// Whether the provider vouches for the e-mail: `Some(true)`, `Some(false)`, or `None` where
    /// it does not say. The words `true` and `false` are read as what they say, and nothing else is.
    #[must_use]
    pub fn email_verified(&self) -> Option<bool> {
        match self.at(&self.facts()?.email_verified)? {
            Value::Bool(verified) => Some(*verified),
            Value::String(text) => text.parse().ok(),
            _ => None,
        }
    }

    /// The address of a picture, if it is https or http.
    #[must_use]
    pub fn picture(&self) -> Option<&str> {
        self.first_text(&self.facts()?.picture)
            .filter(|url| url.starts_with("https://") || url.starts_with("http://"))
    }

    /// Their roles, where the provider tells them: the claim `roles`, or what the provider's preset
    /// has for it. `None` is "not told", which is something else than none.
    ///
    /// | the claim | tells |
    /// |---|---|
    /// | a list of texts | each of them, as it is |
    /// | one text without white space, comma or semicolon | that one |
    /// | an object of objects, as ZITADEL's `{"admin": {"1234": "example.com"}}` | its names |
    /// | anything else, such as `"guest admin"` or `{"admin": false}` | nothing: there is more than one way to read it |
    #[must_use]
    pub fn roles(&self) -> Option<Vec<&str>> {
        self.names(&self.facts()?.roles)
    }

    /// Their groups, where the provider tells them; as [`roles`](Self::roles).
    #[must_use]
    pub fn groups(&self) -> Option<Vec<&str>> {
        self.names(&self.facts()?.groups)
    }

    /// Their permissions, where the provider tells them; as [`roles`](Self::roles).
    #[must_use]
    pub fn permissions(&self) -> Option<Vec<&str>> {
        self.names(&self.facts()?.permissions)
    }

    /// The provider's own name for the person (`sub`). With [`issuer`](Self::issuer) it is the one
    /// stable name: e-mail addresses and names change, and may come to belong to somebody else.
    #[must_use]
    pub fn subject(&self) -> Option<&str> {
        Some(self.identity()?.subject())
    }

    /// Who vouches for the person (`iss`).
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        Some(self.identity()?.issuer())
    }

    /// The name of the provider they logged in with: that of its section.
    #[must_use]
    pub fn provider(&self) -> Option<&str> {
        Some(self.identity()?.provider())
    }

    /// When they logged in here.
    #[must_use]
    pub fn logged_in_at(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp(self.identity()?.issued_at()).ok()
    }

    /// When they will have to log in again.
    #[must_use]
    pub fn expires_at(&self) -> Option<OffsetDateTime> {
        OffsetDateTime::from_unix_timestamp(self.identity()?.expires_at()).ok()
    }

    /// A claim by its name.
    #[must_use]
    pub fn claim(&self, name: &str) -> Option<&Value> {
        self.all()?.get(name)
    }

    /// A claim by its JSON pointer (RFC 6901), such as `/realm_access/roles/0`.
    #[must_use]
    pub fn pointer(&self, pointer: &str) -> Option<&Value> {
        self.at(&Pointer::parse(pointer)?)
    }

    /// All claims: into a type of your own, or as they are with `serde_json::Map<String, Value>`.
    /// [`AuthBuilder::claims`](crate::AuthBuilder::claims) lets nobody log in whose claims do not fit.
    ///
    /// # Errors
    ///
    /// When nobody is logged in, or when the claims do not fit `T`: it names the claim, and no value.
    pub fn claims<T: DeserializeOwned>(&self) -> Result<T> {
        let claims = self.all().ok_or(Kind::Anonymous)?;
        typed_claims::read(claims).map_err(|misfit| {
            Error::from(Kind::ClaimsDoNotFit {
                wanted: std::any::type_name::<T>(),
                misfit,
            })
        })
    }

    /// All claims by name, in alphabetical order; none for nobody.
    pub fn all_claims(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.all()
            .into_iter()
            .flatten()
            .map(|(name, value)| (name.as_str(), value))
    }

    /// Which login this is.
    pub(crate) fn login_id(&self) -> Option<[u8; 16]> {
        Some(self.identity()?.login_id())
    }

    /// Whether their login counts at `now`, as far as time goes.
    pub(crate) fn is_current(&self, now: i64) -> bool {
        self.identity().is_some_and(|it| it.is_current(now))
    }

    /// When they last proved who they are, where the provider has said so.
    pub(crate) fn auth_time(&self) -> Option<i64> {
        self.identity()?.auth_time()
    }

    /// The provider that vouched for them, as it is configured.
    pub(crate) fn configured_provider(&self) -> Option<&Arc<ConfiguredProvider>> {
        Some(&self.0.as_ref()?.provider)
    }

    /// Their claims as the login told them.
    pub(crate) fn claims_of_login(&self) -> Option<&Map<String, Value>> {
        Some(self.identity()?.claims())
    }

    /// Their claims as they are now.
    fn all(&self) -> Option<&Map<String, Value>> {
        Some(self.0.as_ref()?.claims())
    }

    fn identity(&self) -> Option<&IdentityCookie> {
        Some(&self.0.as_ref()?.identity)
    }

    fn facts(&self) -> Option<&Facts> {
        Some(self.0.as_ref()?.provider.facts())
    }

    pub(crate) fn at(&self, pointer: &Pointer) -> Option<&Value> {
        pointer.find(self.all()?)
    }

    /// The first of these claims that is there and says something.
    fn first_text(&self, pointers: &[Pointer]) -> Option<&str> {
        let text = |pointer: &Pointer| {
            let text = match pointer.is_a_claim() {
                // Read without the other claims.
                true => self.0.as_ref()?.text_claim(&pointer.claim)?,
                false => pointer.find(self.all()?)?.as_str()?,
            };
            (!text.is_empty()).then_some(text)
        };
        pointers.iter().find_map(text)
    }

    /// The names in all of these claims that are there, each once.
    fn names(&self, pointers: &[Pointer]) -> Option<Vec<&str>> {
        let claims = self.all()?;
        let told = pointers.iter().filter_map(|pointer| pointer.find(claims));
        let mut told = told.filter(|value| !value.is_null());
        let mut names = names(told.next()?)?;
        for value in told {
            for name in self::names(value)? {
                if !names.contains(&name) {
                    names.push(name);
                }
            }
        }
        Some(names)
    }
}

/// `None` where it is told in a form that nobody knows how to read, or that reads in two ways.
fn names(value: &Value) -> Option<Vec<&str>> {
    match value {
        Value::Array(values) => values.iter().map(Value::as_str).collect(),
        // Of `{"admin": false}` nobody can say whether it grants anything.
        Value::Object(members) => members
            .iter()
            .map(|(name, value)| value.is_object().then_some(name.as_str()))
            .collect(),
        Value::String(name) => is_one_name(name).then(|| vec![name.as_str()]),
        _ => None,
    }
}

/// Whether a text is not several names, written one after the other, or none.
fn is_one_name(text: &str) -> bool {
    let divides = |c: char| c.is_whitespace() || matches!(c, ',' | ';');
    !text.is_empty() && !text.contains(divides)
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
