//! Requests that are logged in already, for the tests of apps, and a clock for them to turn.
//!
//! Nothing here can come over a network: the identity is sealed with the app's own keys, as the
//! callback would, and read by the same code. `examples/testing.rs` is a small app with its tests.
//!
//! They have no tokens but the one that [`Somebody::access_token`] gives them.
//!
//! A whole login goes through a development provider, which misbehaves where a test wants
//! to see a login fail.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, SystemTime};

use http::header::{ACCEPT, COOKIE, InvalidHeaderValue, ORIGIN, UPGRADE};
use http::{HeaderMap, HeaderName, HeaderValue, Request};
use serde_json::{Map, Value};

use crate::auth::Auth;
use crate::clock::seconds;
use crate::config::Facts;
use crate::cookies::{
    Cut, Head, IdentityCookie, KeptTokens, Names, Updates, pairs, room_beside, values,
};
use crate::error::{Error, Kind, Result};
use crate::pointer::Pointer;
use crate::random;
use crate::secret::Secret;
use crate::snapshot::Snapshot;

/// Somebody for a test to be. All requests as the same somebody, clones included, are of one login:
/// a logout by one of them is the end of a socket that another one has opened, or opens afterwards.
#[derive(Clone, Debug)]
#[must_use = "somebody does nothing until a request is logged in as them"]
pub struct Somebody {
    provider: Option<String>,
    claims: Map<String, Value>,
    facts: Vec<(Fact, Value)>,
    logged_in_ago: Duration,
    access_token: Option<Secret>,
    login_id: Arc<OnceLock<[u8; 16]>>,
}

/// What stands among the claims where the provider has it.
#[derive(Clone, Copy, Debug)]
enum Fact {
    Email,
    EmailVerified,
    Groups,
    Name,
    Permissions,
    Roles,
}

impl Somebody {
    /// Somebody with this subject, logged in with the app's first provider, just now.
    pub fn new(subject: &str) -> Self {
        let claims = [("iss", "https://issuer.test"), ("sub", subject)];
        let claims = claims.map(|(name, value)| (name.to_owned(), value.into()));
        Self {
            provider: None,
            claims: Map::from_iter(claims),
            facts: Vec::new(),
            logged_in_ago: Duration::ZERO,
            access_token: None,
            login_id: Arc::default(),
        }
    }

    /// Logged in with this provider of the app's.
    pub fn provider(mut self, name: &str) -> Self {
        self.provider = Some(name.to_owned());
        self
    }

    /// With this name, as [`User::name`](crate::User::name) reads it.
    pub fn name(self, name: &str) -> Self {
        self.fact(Fact::Name, name)
    }

    /// With this e-mail, for which the provider vouches.
    pub fn email(self, email: &str) -> Self {
        self.fact(Fact::Email, email)
            .fact(Fact::EmailVerified, true)
    }

    /// With this e-mail, for which the provider does not vouch.
    pub fn unverified_email(self, email: &str) -> Self {
        self.fact(Fact::Email, email)
            .fact(Fact::EmailVerified, false)
    }

    /// With these roles, and no others. They stand where the provider's preset has them, so that
    /// [`User::roles`](crate::User::roles) and rules read them; a provider that tells none has none here
    /// either.
    pub fn roles<T: Into<String>>(self, roles: impl IntoIterator<Item = T>) -> Self {
        self.fact(Fact::Roles, names(roles))
    }

    /// With these groups, and no others; as [`roles`](Self::roles).
    pub fn groups<T: Into<String>>(self, groups: impl IntoIterator<Item = T>) -> Self {
        self.fact(Fact::Groups, names(groups))
    }

    /// With these permissions, and no others; as [`roles`](Self::roles).
    pub fn permissions<T: Into<String>>(self, permissions: impl IntoIterator<Item = T>) -> Self {
        self.fact(Fact::Permissions, names(permissions))
    }

    /// With this claim; `iss` is the issuer, and `auth_time` when they proved who they are: at the
    /// login, if it is not said.
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Logged in this long ago: by thirty days, or `expiry_days`, they are anonymous.
    pub fn logged_in_ago(mut self, ago: Duration) -> Self {
        self.logged_in_ago = ago;
        self
    }

    /// With this access token, which does not end, for handlers that ask an API: the file names it in
    /// `expose_tokens`, as for everybody. What a refresh brings takes a whole login at a development
    /// provider.
    pub fn access_token(mut self, token: &str) -> Self {
        self.access_token = Some(Secret::new(token));
        self
    }

    fn fact(mut self, fact: Fact, value: impl Into<Value>) -> Self {
        self.facts.push((fact, value.into()));
        self
    }

    /// All claims, as this provider would have sent them.
    fn claims_by(&self, facts: &Facts) -> Map<String, Value> {
        let mut claims = self.claims.clone();
        for (fact, value) in &self.facts {
            if let Some(pointer) = fact.place(facts) {
                pointer.put(&mut claims, value.clone());
            }
        }
        claims
    }
}

impl Fact {
    fn place(self, facts: &Facts) -> Option<&Pointer> {
        match self {
            Self::Email => facts.email.first(),
            Self::EmailVerified => Some(&facts.email_verified),
            Self::Groups => facts.groups.first(),
            Self::Name => facts.name.first(),
            Self::Permissions => facts.permissions.first(),
            Self::Roles => facts.roles.first(),
        }
    }
}

fn names<T: Into<String>>(names: impl IntoIterator<Item = T>) -> Vec<String> {
    names.into_iter().map(Into::into).collect()
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
///     .logged_in_as(auth, &Somebody::new("alice").email("alice@example.com").roles(["editor"]))?;
/// # Ok(()) }
/// ```
pub trait LogIn: Sized {
    /// The same request from a browser in which somebody is logged in, in the place of whoever was
    /// before. They have the claims that a login would keep: those that `claims` of the file names, where
    /// it does.
    ///
    /// # Errors
    ///
    /// When the app has no such provider; when the claims are none of the type that
    /// [`AuthBuilder::claims`](crate::AuthBuilder::claims) wants (`claims_refused`), as a login's would be;
    /// or when they do not fit the cookies.
    fn logged_in_as(self, auth: &Auth, somebody: &Somebody) -> Result<Self>;
}

impl<B> LogIn for Request<B> {
    fn logged_in_as(mut self, auth: &Auth, somebody: &Somebody) -> Result<Self> {
        add_identity(self.headers_mut(), auth, somebody)?;
        Ok(self)
    }
}

fn add_identity(headers: &mut HeaderMap, auth: &Auth, somebody: &Somebody) -> Result<()> {
    let (snapshot, names) = (Snapshot::of(auth.clone()), auth.names());
    let first = auth
        .providers()
        .into_iter()
        .next()
        .map(|choice| choice.name);
    let name = somebody.provider.clone().or(first).unwrap_or_default();
    let provider = snapshot.provider(&name)?;
    let mut claims = somebody.claims_by(provider.facts());
    let claim = |name: &str| {
        let claim = claims.get(name).and_then(Value::as_str);
        claim.unwrap_or_default().to_owned()
    };
    let fresh = random::bytes()?;
    let issued_at = auth.now().saturating_sub(seconds(somebody.logged_in_ago));
    let told = claims.get("auth_time").and_then(Value::as_i64);
    let head = Head {
        login_id: *somebody.login_id.get_or_init(|| fresh),
        issued_at,
        expires_at: issued_at.saturating_add(snapshot.life()),
        auth_time: told.or(provider.tells_auth_time().then_some(issued_at)),
        provider: name.clone(),
        fingerprint: provider.fingerprint(),
        issuer: claim("iss"),
        subject: claim("sub"),
        session_id: None,
        state_hash: random::bytes()?,
    };
    claims.retain(|claim, _| provider.keeps_claim(claim));
    if let Some(wanted) = auth.wanted_claims() {
        wanted.check(&claims).map_err(|misfit| {
            let wanted = wanted.name;
            Error::from(Kind::ClaimsRefused { wanted, misfit }).at(&name)
        })?;
    }
    let Cut { first, second } = IdentityCookie::seal(&head, &claims, names, snapshot.keyring())?;
    remove_former(headers, names)?;
    let identity = [Some(first), second].into_iter().flatten();
    let identity: Vec<_> = names.identity().iter().zip(identity).collect();
    let room = room_beside(names, identity.iter().map(|(_, value)| value.len()));
    let tokens = match &somebody.access_token {
        Some(token) => {
            let mut tokens = KeptTokens {
                login_id: head.login_id,
                issued_at,
                access: Some(token.clone()),
                expires_at: None,
                refresh: None,
                id: None,
                updates: Updates::default(),
                too_large: None,
            };
            let Cut { first, second } = tokens.seal(names, snapshot.keyring(), room)?;
            vec![Some(first), second]
        }
        None => Vec::new(),
    };
    let tokens = names.tokens().iter().zip(tokens.into_iter().flatten());
    for (name, value) in identity.into_iter().chain(tokens) {
        let pair = HeaderValue::try_from(format!("{name}={value}")).map_err(unwritable)?;
        headers.append(COOKIE, pair);
    }
    Ok(())
}

/// Takes out whoever was logged in, with their tokens. The cookies of the app itself stay.
fn remove_former(headers: &mut HeaderMap, names: &Names) -> Result<()> {
    let former = || names.identity().iter().chain(names.tokens());
    if former().all(|name| values(headers, name).next().is_none()) {
        return Ok(());
    }
    let stays = |name: &[u8]| former().all(|former| former.as_bytes() != name);
    let rest: Vec<_> = pairs(headers)
        .filter(|(name, _)| stays(name))
        .map(|(name, value)| [name, value].join(&b'='))
        .collect();
    headers.remove(COOKIE);
    for pair in rest {
        let pair = HeaderValue::try_from(pair).map_err(unwritable)?;
        headers.append(COOKIE, pair);
    }
    Ok(())
}

fn unwritable(_: InvalidHeaderValue) -> Error {
    Kind::AnswerUnwritable { what: "a cookie" }.into()
}

/// Lets a request say where it comes from, in the headers with which a browser says so. Of a request
/// with an `Upgrade` they are those of a WebSocket, else those of a person who follows a link or sends
/// a form. A header that the request has already stays as it is.
///
/// ```
/// use http::Request;
/// use keycard::testing::SentBy;
///
/// # fn example(auth: &keycard::Auth) {
/// let kept = Request::post("/notes").body("text=hello").unwrap().sent_by_own_page(auth);
/// let refused = Request::post("/notes").body("text=hello").unwrap().sent_by_another_site();
/// # }
/// ```
pub trait SentBy: Sized {
    /// The same request as one of the app's own pages sends it: guards and
    /// [`Session::logout`](crate::Session::logout) take such a POST.
    #[must_use]
    fn sent_by_own_page(self, auth: &Auth) -> Self;

    /// The same request as a page of another site sends it. Of a POST a browser leaves the cookies of
    /// a login out; a test that leaves them in sees that they are not what counts.
    #[must_use]
    fn sent_by_another_site(self) -> Self;
}

impl<B> SentBy for Request<B> {
    fn sent_by_own_page(mut self, auth: &Auth) -> Self {
        add_origin(&mut self, "same-origin", auth.site().origin_text());
        self
    }

    fn sent_by_another_site(mut self) -> Self {
        add_origin(&mut self, "cross-site", "https://another-site.test");
        self
    }
}

fn add_origin<B>(request: &mut Request<B>, site: &'static str, origin: &str) {
    let is_upgrade = request.headers().contains_key(UPGRADE);
    let says_origin = is_upgrade || !request.method().is_safe();
    let [mode, dest] = match is_upgrade {
        true => ["websocket", "websocket"],
        false => ["navigate", "document"],
    };
    let mut add = |name: HeaderName, value: HeaderValue| {
        request.headers_mut().entry(name).or_insert(value);
    };
    for (name, value) in [
        ("sec-fetch-site", site),
        ("sec-fetch-mode", mode),
        ("sec-fetch-dest", dest),
    ] {
        add(
            HeaderName::from_static(name),
            HeaderValue::from_static(value),
        );
    }
    if !is_upgrade {
        add(ACCEPT, HeaderValue::from_static("text/html,*/*;q=0.8"));
    }
    if says_origin && let Ok(origin) = HeaderValue::try_from(origin) {
        add(ORIGIN, origin);
    }
}

/// A clock for a test to turn: the machine's own, and as far off as the test says. Clones are the
/// same clock.
///
/// ```no_run
/// use keycard::{Auth, testing::Clock};
///
/// # fn main() -> Result<(), keycard::ConfigError> {
/// let clock = Clock::default();
/// let auth = Auth::builder().secrets().clock(clock.reader()).build()?;
/// clock.turn(31 * 24 * 60 * 60); // who was logged in is anonymous
/// # Ok(()) }
/// ```
///
/// A development provider has a clock of its own, which `dev::Provider::turn_clock` turns. Who
/// waits for [`Session::ended`](crate::Session::ended) looks at a turned clock within five seconds of
/// tokio's time: at once, where the test has tokio's time paused.
#[derive(Clone, Debug, Default)]
pub struct Clock(Arc<AtomicI64>);

impl Clock {
    /// Puts it this many seconds off the machine's clock; negative is behind.
    pub fn turn(&self, seconds: i64) {
        self.0.store(seconds, Ordering::Relaxed);
    }

    /// What time it is.
    #[must_use]
    pub fn now(&self) -> SystemTime {
        let (now, seconds) = (SystemTime::now(), self.0.load(Ordering::Relaxed));
        let by = Duration::from_secs(seconds.unsigned_abs());
        let turned = match seconds < 0 {
            true => now.checked_sub(by),
            false => now.checked_add(by),
        };
        turned.unwrap_or(now)
    }

    /// What [`AuthBuilder::clock`](crate::AuthBuilder::clock) takes.
    #[must_use = "an app has it from its builder"]
    pub fn reader(&self) -> impl Fn() -> SystemTime + Send + Sync + use<> {
        let clock = self.clone();
        move || clock.now()
    }
}
