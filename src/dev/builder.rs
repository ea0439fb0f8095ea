//! How a provider is described, and started.

use std::{
    collections::BTreeMap,
    io,
    sync::{Arc, Mutex, atomic::AtomicI64},
};

use axum::Router;
use serde_json::Value;
use thiserror::Error;

use super::{
    answer::answer,
    client_key::ClientKey,
    grants::Grants,
    inner::{ClaimsIn, Inner, Requests, Userinfo},
    keys::{Keys, SigningAlg, SigningKey, random_text},
    person::Person,
    provider::Provider,
    socket::{Entry, Gate},
};

/// What a provider will be like. Made by [`Provider::builder`].
#[derive(Clone, Debug)]
#[must_use = "a builder does nothing until it is started"]
pub struct Builder {
    name: String,
    people: Vec<Person>,
    alg: SigningAlg,
    port: u16,
    claims_in: ClaimsIn,
    requests: Requests,
    userinfo: Userinfo,
    client_secret: Option<String>,
    client_key: Option<Value>,
    passwords: BTreeMap<String, String>,
}

/// Why a provider did not start.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum StartError {
    /// What its client was to be known by is no key for that.
    #[error("the client's key is not a JWK of a public key of RSA, P-256, P-384 or Ed25519")]
    ClientKey,
    /// The cryptography library made no key.
    #[error("could not make a signing key")]
    Key,
    /// The system gave no socket.
    #[error("could not listen on 127.0.0.1, port {port}")]
    Listen {
        /// The port that was asked for; 0 is any.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// Something else listens there.
    #[error("port {port} of 127.0.0.1 is taken by another program")]
    PortTaken {
        /// The port that was asked for.
        port: u16,
    },
    /// Two people cannot be told apart.
    #[error("two people have the subject `{subject}`")]
    TwoPeople {
        /// Their subject.
        subject: String,
    },
}

impl Provider {
    /// Describes a provider of this name, which its page shows and its client id begins with.
    pub fn builder(name: impl Into<String>) -> Builder {
        Builder {
            name: name.into(),
            people: Vec::new(),
            alg: SigningAlg::default(),
            port: 0,
            claims_in: ClaimsIn::default(),
            requests: Requests::default(),
            userinfo: Userinfo::default(),
            client_secret: None,
            client_key: None,
            passwords: BTreeMap::new(),
        }
    }
}

impl Builder {
    /// Adds somebody to be. Without this there are three people of different kinds: `ada` with
    /// everything, `ben` with an unverified e-mail and no picture, `zoe` with many groups and a
    /// long name.
    pub fn person(mut self, person: Person) -> Self {
        self.people.push(person);
        self
    }

    /// Signs the tokens with this algorithm; RS256 if it is not said.
    pub fn signing_alg(mut self, alg: SigningAlg) -> Self {
        self.alg = alg;
        self
    }

    /// Listens on this port; on any free one if it is 0 or not said.
    pub fn port(mut self, port: u16) -> Self {
        self.port = port;
        self
    }

    /// Gives its client this secret; a new one at each start if it is not said.
    pub fn client_secret(mut self, secret: impl Into<String>) -> Self {
        self.client_secret = Some(secret.into());
        self
    }

    /// Knows its client by this public key, a JWK (RFC 7517), and by no secret: the client shows
    /// itself by `private_key_jwt` alone (OpenID Connect Core §9).
    ///
    /// What [`Provider::secrets`] gives needs the private key besides, as `private_key`.
    pub fn client_key(mut self, public_key: Value) -> Self {
        self.client_key = Some(public_key);
        self
    }

    /// Leaves all claims about the person but `sub` out of the ID token: they are at userinfo.
    pub fn claims_only_at_userinfo(mut self) -> Self {
        self.claims_in = ClaimsIn::Userinfo;
        self
    }

    /// Takes no authorization request but pushed ones (RFC 9126). It always offers to take them.
    pub fn require_pushed_requests(mut self) -> Self {
        self.requests = Requests::Pushed;
        self
    }

    /// Answers at userinfo with a signed JWT (OpenID Connect Core §5.3.2), not with JSON.
    pub fn sign_userinfo(mut self) -> Self {
        self.userinfo = Userinfo::Signed;
        self
    }

    /// Gives the person of this subject a password, so that the token endpoint takes it with
    /// `grant_type=password` (RFC 6749 §4.3). Without this no password is taken.
    pub fn password(mut self, subject: impl Into<String>, password: impl Into<String>) -> Self {
        self.passwords.insert(subject.into(), password.into());
        self
    }

    /// Starts the provider on 127.0.0.1, as a task of the tokio runtime that this runs in.
    ///
    /// # Errors
    ///
    /// If the port is taken or the system gives none, if two people have the same subject, if the
    /// client's key is none, or if no key could be made.
    pub async fn start(self) -> Result<Provider, StartError> {
        let Self {
            name,
            mut people,
            alg,
            port,
            claims_in,
            requests,
            userinfo,
            client_secret,
            client_key,
            passwords,
        } = self;
        let client_key = match client_key.map(|key| ClientKey::read(&key)) {
            Some(None) => return Err(StartError::ClientKey),
            key => key.flatten(),
        };
        if people.is_empty() {
            people = Person::built_in();
        }
        if let Some(subject) = shared_subject(&people) {
            return Err(StartError::TwoPeople { subject });
        }
        let gate = Arc::new(Gate::open(port).map_err(|source| match source.kind() {
            io::ErrorKind::AddrInUse => StartError::PortTaken { port },
            _ => StartError::Listen { port, source },
        })?);
        let issuer = format!("http://{}", gate.address());
        for person in &mut people {
            person.resolve_picture(&issuer);
        }
        // An RSA key takes long enough to hold up everything else on this thread.
        let key = tokio::task::spawn_blocking(move || SigningKey::generate(alg)).await;
        let Ok(Ok(current)) = key else {
            return Err(StartError::Key);
        };
        let inner = Arc::new(Inner {
            client_id: client_id(&name),
            client_secret: client_secret.unwrap_or_else(|| random_text(32)),
            client_key,
            passwords,
            name,
            issuer,
            people,
            alg,
            claims_in,
            requests,
            userinfo,
            gate: Arc::clone(&gate),
            keys: Mutex::new(Keys {
                current,
                stranger: None,
            }),
            grants: Mutex::new(Grants::default()),
            visits: Default::default(),
            fault: Mutex::new(None),
            clock_offset: AtomicI64::new(0),
        });
        let router = Router::new()
            .fallback(answer)
            .with_state(Arc::clone(&inner));
        let server = tokio::spawn(axum::serve(Entry(gate), router).into_future());
        Ok(Provider::new(inner, server.abort_handle()))
    }
}

fn shared_subject(people: &[Person]) -> Option<String> {
    let mut subjects: Vec<&str> = people.iter().map(Person::subject).collect();
    subjects.sort_unstable();
    let pair = subjects.windows(2).find(|pair| pair[0] == pair[1])?;
    Some(pair[0].to_owned())
}

/// RFC 6749 §A.1 allows printable ASCII only.
fn client_id(name: &str) -> String {
    let plain = name
        .chars()
        .map(|c| if c.is_ascii_alphanumeric() { c } else { '-' });
    format!("{}-development", plain.collect::<String>())
}
