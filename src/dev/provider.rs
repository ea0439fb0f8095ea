//! The handle of a running provider.

use std::{
    fmt,
    sync::{Arc, atomic::Ordering},
};

use serde_json::{Map, Value};
use tokio::task::AbortHandle;

use super::{
    authorization::{self, AuthorizeError, Decision},
    fault::Fault,
    inner::Inner,
    keys::SigningKey,
    metadata,
    request::{Endpoint, Request},
    socket::lock,
};

/// A running development provider. Cheap to clone; it ends when the last clone is dropped.
#[derive(Clone)]
pub struct Provider {
    running: Arc<Running>,
}

struct Running {
    inner: Arc<Inner>,
    server: AbortHandle,
}

impl Provider {
    pub(super) fn new(inner: Arc<Inner>, server: AbortHandle) -> Self {
        Self {
            running: Arc::new(Running { inner, server }),
        }
    }

    /// The name that it was built with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.inner().name
    }

    /// The issuer: `http://127.0.0.1:` and the port.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.inner().issuer
    }

    /// Where the discovery document is.
    #[must_use]
    pub fn server_metadata_url(&self) -> String {
        self.inner().url(Endpoint::Metadata)
    }

    /// The id of its one client.
    #[must_use]
    pub fn client_id(&self) -> &str {
        &self.inner().client_id
    }

    /// The secret of its one client, made when it started; of no use where the client has a key.
    #[must_use]
    pub fn client_secret(&self) -> &str {
        &self.inner().client_secret
    }

    /// The table for the secrets file: `[auth.<name>]`. Of a client with a key it lacks
    /// `private_key`, which only whoever made the key has.
    #[must_use]
    pub fn secrets(&self) -> String {
        let secret = match self.inner().client_key {
            None => format!("client_secret = {}\n", quoted(self.client_secret())),
            Some(_) => String::new(),
        };
        format!(
            "[auth.{}]\n\
             client_id = \"{}\"\n\
             {secret}\
             server_metadata_url = \"{}\"\n\
             development = true\n",
            toml_key(self.name()),
            self.client_id(),
            self.server_metadata_url(),
        )
    }

    /// How often the endpoint was called since the start.
    #[must_use]
    pub fn calls(&self, endpoint: Endpoint) -> usize {
        lock(&self.inner().visits)[endpoint as usize].count
    }

    /// The last request to the endpoint.
    #[must_use]
    pub fn last_request(&self, endpoint: Endpoint) -> Option<Request> {
        lock(&self.inner().visits)[endpoint as usize].last.clone()
    }

    /// Misbehaves in this way, and no longer in any other, until [`behave`](Self::behave).
    ///
    /// # Panics
    ///
    /// As `behave` does, if the fault in force is [`Fault::OffDuty`].
    pub fn misbehave(&self, fault: Fault) {
        match fault {
            Fault::OffDuty => self.inner().gate.close(),
            _ => self.reopen(),
        }
        if matches!(fault, Fault::SignedByAnotherKey) {
            let stranger = new_key(self.inner());
            lock(&self.inner().keys).stranger = Some(stranger);
        }
        *lock(&self.inner().fault) = Some(fault);
    }

    /// Ends every misbehaviour.
    ///
    /// # Panics
    ///
    /// If the fault was [`Fault::OffDuty`] and the system does not let it listen on its port again.
    pub fn behave(&self) {
        *lock(&self.inner().fault) = None;
        self.reopen();
    }

    /// Sets its clock this much off the machine's, which moves `iat`, `exp`, `auth_time` and the
    /// end of codes and access tokens.
    pub fn turn_clock(&self, seconds: i64) {
        self.inner().clock_offset.store(seconds, Ordering::Relaxed);
    }

    /// Signs with a new key under a new `kid`; the old one is out of the key set at once.
    pub fn rotate_keys(&self) {
        let current = new_key(self.inner());
        lock(&self.inner().keys).current = current;
    }

    /// The `kid` of the key that signs.
    #[must_use]
    pub fn signing_key_id(&self) -> String {
        lock(&self.inner().keys).current.id().to_owned()
    }

    /// The compact JWS over exactly this header and these claims, signed with the current key by
    /// its own algorithm, whatever the header says.
    #[must_use]
    #[expect(
        clippy::needless_pass_by_value,
        reason = "callers write both in place with json!"
    )]
    pub fn sign(&self, header: Value, claims: Value) -> String {
        lock(&self.inner().keys).current.sign(&header, &claims)
    }

    /// The key set as it is published.
    #[must_use]
    pub fn jwks(&self) -> Value {
        metadata::key_set(self.inner())
    }

    /// Does without a browser what the person does at this authorization URL by pressing their
    /// button, and returns the callback URL. Counts as a call of [`Endpoint::Authorization`].
    ///
    /// What the endpoint objects to by redirect is in that URL, as `error`. A request with
    /// `response_mode=form_post` gets the same URL; what is in its query then belongs into the body of
    /// a POST to the rest of it.
    ///
    /// # Errors
    ///
    /// If nobody has this subject, if the URL is not of this provider's authorization endpoint, or
    /// if the endpoint would answer with a page: wrong client, redirect URI not on this machine.
    pub fn authorize(
        &self,
        authorization_url: &str,
        subject: &str,
    ) -> Result<String, AuthorizeError> {
        let Some(claims) = authorization::person(self.inner(), subject) else {
            return Err(AuthorizeError::UnknownPerson {
                subject: subject.to_owned(),
            });
        };
        self.authorize_as(authorization_url, claims)
    }

    /// Does what [`authorize`](Self::authorize) does, for somebody with these claims.
    ///
    /// # Errors
    ///
    /// If the claims have no `sub`, and as `authorize`.
    pub fn authorize_as(
        &self,
        authorization_url: &str,
        claims: Map<String, Value>,
    ) -> Result<String, AuthorizeError> {
        authorization::decide(self.inner(), authorization_url, Decision::Be(claims))
    }

    /// Does what [`authorize`](Self::authorize) does, for somebody who presses Cancel.
    ///
    /// # Errors
    ///
    /// As `authorize`.
    pub fn deny(&self, authorization_url: &str) -> Result<String, AuthorizeError> {
        authorization::decide(self.inner(), authorization_url, Decision::Cancel)
    }

    #[expect(
        clippy::expect_used,
        reason = "documented: a provider that stays away by mistake \
        would make tests fail far from the cause"
    )]
    fn reopen(&self) {
        let reopened = self.inner().gate.reopen();
        reopened.expect("the development provider's port is still free");
    }

    fn inner(&self) -> &Inner {
        &self.running.inner
    }
}

impl fmt::Debug for Provider {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Provider")
            .field("name", &self.inner().name)
            .field("issuer", &self.inner().issuer)
            .finish_non_exhaustive()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.server.abort();
        self.inner.gate.abandon();
    }
}

#[expect(
    clippy::expect_used,
    reason = "it was possible when the provider started"
)]
fn new_key(inner: &Inner) -> SigningKey {
    SigningKey::generate(inner.alg).expect("a signing key can be made")
}

/// The name as a TOML key, quoted where it has to be.
fn toml_key(name: &str) -> String {
    let is_bare = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if !name.is_empty() && name.chars().all(is_bare) {
        return name.to_owned();
    }
    quoted(name)
}

/// A string as TOML has it.
fn quoted(text: &str) -> String {
    let escaped = text.chars().map(|c| match c {
        '"' | '\\' => format!("\\{c}"),
        c if c.is_control() => format!("\\u{:04X}", u32::from(c)),
        c => c.to_string(),
    });
    format!("\"{}\"", escaped.collect::<String>())
}
