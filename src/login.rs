//! The login: handler → provider's metadata (cached) → pending login sealed → 303 and a cookie.

use std::fmt;
use std::future::{Future, IntoFuture};
use std::pin::Pin;

use axum::response::{IntoResponse, Response};
use http::header::{HeaderValue, LOCATION, SET_COOKIE};
use http::{Method, StatusCode};

use crate::config::is_ours;
use crate::cookies::{
    self, Detour, LastUsed, Mark, PENDING_BUDGET, PENDING_LIFE, Pending, Wants, pairs,
};
use crate::error::{Kind, Result};
use crate::login_secrets::{LoginSecrets, Seed};
use crate::own_paths::OwnPath;
use crate::own_provider::{Begun, Way};
use crate::pages;
use crate::provider::{ConfiguredProvider, Contact, MAX_REMEMBERED};
use crate::random;
use crate::secret::Secret;
use crate::session::Session;
use crate::snapshot::Snapshot;
use crate::visit::Visit;

/// The most pending logins of a request that are opened.
const OPENED: usize = 8;
/// The most cookies that one answer clears.
const CLEARED: usize = 10;
/// The age, in seconds, from which a login that another site began may push an older one out.
const SETTLED: i64 = 60;
/// The age, in seconds, of a login of which the callback is missed.
const MISSED: i64 = 5;

impl Session {
    /// Begins a login with the provider of that name, as its `[auth.<name>]` section has it.
    ///
    /// Nothing happens before it is awaited and the [`Login`] is returned from the handler. Answer
    /// a POST of your own form with it, or a GET that people navigate to.
    pub fn login(&self, provider: &str) -> LoginRequest {
        LoginRequest::new(self.clone(), Some(provider.to_owned()))
    }

    /// Begins a login with the unnamed provider, or with the only one.
    ///
    /// Where there are several and none is unnamed, the person chooses on keycard's own page.
    pub fn login_default(&self) -> LoginRequest {
        LoginRequest::new(self.clone(), None)
    }
}

/// A login about to begin. Awaiting it asks for the provider's metadata, if it is not known yet,
/// pushes the request there where that is required (RFC 9126), and gives the [`Login`] to return.
///
/// # Errors
///
/// Awaiting fails when there is no such provider, when the provider cannot be reached, and when
/// the request is none that may begin a login: [`Error::code`](crate::Error::code) tells which.
#[must_use = "a login begins when it is awaited and returned"]
pub struct LoginRequest {
    session: Session,
    provider: Option<String>,
    return_to: Option<String>,
    wants: Wants,
    parameters: Vec<(String, String)>,
}

impl LoginRequest {
    fn new(session: Session, provider: Option<String>) -> Self {
        Self {
            session,
            provider,
            return_to: None,
            wants: Wants::Anyone,
            parameters: Vec::new(),
        }
    }

    /// Where to go afterwards: a path of this app as the browser sees it, such as `/reports?q=1`,
    /// of at most 512 bytes. Anything else, another site above all, is the start page.
    pub fn return_to(mut self, path: impl Into<String>) -> Self {
        self.return_to = Some(path.into());
        self
    }

    /// A parameter of the authorization request for this login alone, such as `login_hint`; it
    /// replaces the section's. The ones that keep a login safe, such as `state`, are keycard's.
    pub fn param(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        let name = name.into();
        if !is_ours(&name) {
            self.parameters.retain(|(given, _)| *given != name);
            self.parameters.push((name, value.into()));
        }
        self
    }
}

// Parameters such as `login_hint`, and the way back, are about the person.
impl fmt::Debug for LoginRequest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LoginRequest")
            .field("provider", &self.provider)
            .finish_non_exhaustive()
    }
}

impl IntoFuture for LoginRequest {
    type Output = Result<Login>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(begin(self))
    }
}

/// A login that begins when this is returned from the handler: the browser is sent to the
/// provider. Dropped, nothing has happened.
#[must_use = "the login begins when this is returned from the handler"]
pub struct Login(Response);

impl IntoResponse for Login {
    fn into_response(self) -> Response {
        self.0
    }
}

// The address and the cookie hold what nobody else may know.
impl fmt::Debug for Login {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Login").field(&self.0.status()).finish()
    }
}

async fn begin(request: LoginRequest) -> Result<Login> {
    let session = &request.session;
    let (snapshot, visit) = (&session.snapshot().at_login().await, session.visit());
    let provider = match &request.provider {
        Some(name) => Some(snapshot.provider(name)?),
        None => snapshot.default_provider()?,
    };
    let name = provider.map(|provider| provider.name());
    if let Verdict::Idle(status) = judge(snapshot, visit, name)? {
        return Ok(Login(pages::nothing(status)));
    }
    if let Some(port) = visit.at_another_port(snapshot.site()) {
        snapshot.auth().tell_port(port);
    }
    let Some(provider) = provider else {
        return choose(snapshot, &request);
    };
    let login_url = pages::login_url(snapshot, name.map(|name| ("provider", name)));
    if let Some(url) = visit.under_the_right_name(snapshot.site(), &login_url) {
        return Ok(Login(pages::see_other(&url)?));
    }

    #[cfg(feature = "password")]
    if provider.takes_passwords() {
        session
            .check_local()
            .map_err(|error| error.at(provider.name()))?;
        let return_to = request.return_to.as_deref();
        return Ok(Login(pages::password_form(snapshot, provider, return_to)));
    }

    let contact = provider.contact().await?;
    provider.check_mix_up(&contact)?;
    let parameters = parameters(&request, provider, &contact);
    let now = snapshot.now();
    let return_to = request.return_to.and_then(|path| snapshot.return_to(&path));
    let max_age = parameters.iter().find(|(name, _)| name == "max_age");
    let mut pending = Pending {
        seed: Seed(random::bytes()?),
        issued_at: now,
        provider: provider.name().to_owned(),
        fingerprint: provider.fingerprint(),
        issuer: contact.issuer().to_owned(),
        max_age: match max_age {
            Some((_, max_age)) => seconds(max_age),
            None => provider.max_age(),
        },
        bounces: bounces(snapshot, session, request.wants, now),
        return_to: return_to
            .map(|path| path.as_str().to_owned())
            .unwrap_or_default(),
        remembered: Secret::new(""),
    };
    let secrets = pending.secrets()?;
    let (way, cookies) = match contact {
        Contact::Endpoints(endpoints) => {
            let cookies = cookies(snapshot, visit, provider, pending, &secrets)?;
            // The last thing that can fail: the provider may have to be asked.
            let url = provider.authorization_url(&endpoints, &secrets, &parameters, now);
            (Way::Redirect(Secret::new(url.await?)), cookies)
        }
        Contact::Own(own) => {
            // Whatever it sends, such as a code, it sends only where the login has room.
            pending.remembered = Secret::new(" ".repeat(MAX_REMEMBERED));
            cookies(snapshot, visit, provider, pending.clone(), &secrets)?;
            let Begun { way, remembered } = own.begin(&secrets, &parameters, now).await?;
            pending.remembered = remembered;
            let cookies = cookies(snapshot, visit, provider, pending, &secrets)?;
            (way, cookies)
        }
    };
    let mut response = match way {
        Way::Page(page) => {
            let callback = OwnPath::of_callback(provider);
            pages::of_provider(snapshot, &page, &callback, &secrets.state)
        }
        Way::Redirect(url) => pages::see_other(url.expose())?,
    };
    if let Some(location) = response.headers_mut().get_mut(LOCATION) {
        location.set_sensitive(true);
    }
    for cookie in cookies {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    Ok(Login(response))
}

/// The parameters of this login alone: those that the app gave, and what a detour wants.
fn parameters(
    request: &LoginRequest,
    provider: &ConfiguredProvider,
    contact: &Contact<'_>,
) -> Vec<(String, String)> {
    let wanted = match request.wants {
        Wants::Anyone => None,
        Wants::AnotherAccount => match contact {
            Contact::Endpoints(endpoints) => provider.prompt_for_another_account(endpoints),
            Contact::Own(_) => Some("select_account"),
        }
        .map(|prompt| ("prompt".to_owned(), prompt.to_owned())),
        Wants::Fresh(seconds) => {
            let usual = provider.max_age().unwrap_or(seconds);
            Some(("max_age".to_owned(), seconds.min(usual).to_string()))
        }
    };
    request.parameters.iter().cloned().chain(wanted).collect()
}

/// The page on which the person chooses a provider, and from which all goes on as it was asked for.
fn choose(snapshot: &Snapshot, request: &LoginRequest) -> Result<Login> {
    let detour = Detour {
        wants: request.wants,
        ..Detour::default()
    };
    let sealed = (detour != Detour::default())
        .then(|| detour.seal(snapshot.keyring()))
        .transpose()?;
    let return_to = request.return_to.as_deref();
    let fields: Vec<_> = return_to
        .map(|return_to| ("return_to", return_to))
        .into_iter()
        .chain(sealed.as_deref().map(|sealed| ("detour", sealed)))
        .collect();
    let (headers, names) = (&request.session.visit().headers, snapshot.names());
    let last_used = LastUsed::open(headers, names, snapshot.keyring(), snapshot.now());
    Ok(Login(pages::chooser(snapshot, &fields, last_used)))
}

/// What of a `max_age` is checked when the login comes back: the strictest where it cannot be read,
/// since the provider may make anything of it.
fn seconds(max_age: &str) -> Option<u32> {
    let clamped = |seconds: u64| u32::try_from(seconds).unwrap_or(u32::MAX - 1);
    (!max_age.is_empty()).then(|| max_age.parse().map_or(0, clamped))
}

/// What a request that asks for a login gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    Begin,
    /// Nobody decided anything yet, and nothing is minted.
    Idle(StatusCode),
}

/// A login is begun by a POST of the app's own, or by a person who goes to it, from wherever.
pub(crate) fn judge(snapshot: &Snapshot, visit: &Visit, provider: Option<&str>) -> Result<Verdict> {
    if let Some(status) = visit.idle() {
        return Ok(Verdict::Idle(status));
    }
    if visit.is_framed() {
        return Err(Kind::LoginInFrame.into());
    }
    if visit.method != Method::GET && visit.method != Method::POST {
        let method = visit.method.as_str().chars().take(16).collect();
        return Err(Kind::MethodNotAllowed {
            method,
            allow: "GET, HEAD, POST",
        }
        .into());
    }
    if visit.method == Method::POST && !visit.is_from_app(snapshot.site()) {
        return Err(Kind::LoginCrossSite.into());
    }
    let by_script = match visit.method {
        Method::GET => !visit.is_navigation(),
        // The answer leads to another origin, which a script could not follow.
        _ => visit.headers.contains_key("sec-fetch-mode") && !visit.is_navigation(),
    };
    if by_script {
        let provider = provider.map(|provider| ("provider", provider));
        let login_url = pages::login_url(snapshot, provider);
        return Err(Kind::LoginByScript { login_url }.into());
    }
    Ok(Verdict::Begin)
}

/// How many logins of this browser were finished just now and did not bring it where it wanted: it
/// stayed anonymous, or its login is still too old.
fn bounces(snapshot: &Snapshot, session: &Session, wants: Wants, now: i64) -> u8 {
    if session.user().is_logged_in() && !matches!(wants, Wants::Fresh(_)) {
        return 0;
    }
    Mark::open(
        &session.visit().headers,
        snapshot.names(),
        snapshot.keyring(),
        now,
    )
    .filter(|mark| mark.is_current(now))
    .map_or(0, |mark| mark.count)
}

/// The Set-Cookie lines of a login: its own, and those that make room for it.
fn cookies(
    snapshot: &Snapshot,
    visit: &Visit,
    provider: &ConfiguredProvider,
    mut pending: Pending,
    secrets: &LoginSecrets,
) -> Result<Vec<HeaderValue>> {
    let (names, now) = (snapshot.names(), pending.issued_at);
    let name = names.pending(secrets.state.expose());
    let size = |value: &str| cookies::size(name.as_bytes(), value.as_bytes());
    let mut value = pending.seal(snapshot.keyring(), &name)?;
    if size(&value) > PENDING_BUDGET {
        pending.return_to.clear();
        value = pending.seal(snapshot.keyring(), &name)?;
    }
    let mut lines = Vec::new();
    let under_way = under_way(snapshot, visit, now, &mut lines)?;
    if under_way.iter().any(|login| login.age >= MISSED) && snapshot.auth().misses_callbacks() {
        tracing::warn!(
            path = snapshot.own_paths().seen(&OwnPath::of_callback(provider)),
            "a login was begun before and no callback has arrived: if the browser shows 404 there, \
             move `.layer(auth.layer())` to the outermost router, behind its last route and \
             fallback, or add `.merge(auth.routes())` to that router"
        );
    }
    let mut room = PENDING_BUDGET.saturating_sub(size(&value));
    for login in under_way {
        match room.checked_sub(login.size) {
            Some(left) => room = left,
            None if visit.is_from_app(snapshot.site()) || login.age >= SETTLED => {
                room = 0;
                lines.push(names.clear(login.name)?);
            }
            None => return Err(Kind::TooManyLogins.into()),
        }
    }
    lines.truncate(CLEARED);
    lines.push(match provider.answers_by_post() {
        true => names.set_for_posts(&name, &value, PENDING_LIFE)?,
        false => names.set(&name, &value, PENDING_LIFE)?,
    });
    Ok(lines)
}

/// A login that this browser has begun before.
struct UnderWay<'a> {
    name: &'a str,
    /// Seconds.
    age: i64,
    /// Bytes of the Cookie header.
    size: usize,
}

/// The logins that this browser has under way, the youngest first. Lines that clear what is no
/// login any more are added to `lines`.
fn under_way<'a>(
    snapshot: &Snapshot,
    visit: &'a Visit,
    now: i64,
    lines: &mut Vec<HeaderValue>,
) -> Result<Vec<UnderWay<'a>>> {
    let names = snapshot.names();
    let came: Vec<_> = pairs(&visit.headers)
        .filter(|(name, _)| names.is_pending(name))
        .collect();
    let mut under_way = Vec::new();
    // Browsers send the oldest first (RFC 6265 §5.4): of two of one second, the last is younger.
    for (index, (name, value)) in came.into_iter().rev().enumerate() {
        // Names of pending logins are ASCII, or they would not be ones.
        let name = std::str::from_utf8(name).unwrap_or_default();
        let opened = (index < OPENED).then(|| Pending::open(snapshot.keyring(), name, value, now));
        match opened.flatten().map(|pending| pending.age(now)) {
            Some(age) if age <= PENDING_LIFE => {
                let size = cookies::size(name.as_bytes(), value);
                under_way.push(UnderWay { name, age, size });
            }
            _ => lines.push(names.clear(name)?),
        }
    }
    under_way.sort_by_key(|login| login.age);
    Ok(under_way)
}

/// Answers `/auth/login`: with the query of a link, or the fields of the chooser's form.
pub(crate) async fn answer(session: Session, form: &[u8]) -> Result<Response> {
    let visit = session.visit();
    let fields = match visit.method {
        Method::POST => form,
        _ => visit.query().as_bytes(),
    };
    let fields: Vec<_> = url::form_urlencoded::parse(fields).collect();
    let all = |wanted: &'static str| {
        fields
            .iter()
            .filter(move |(name, _)| name == wanted)
            .map(|(_, value)| value.as_ref())
    };
    let mut request = match all("provider").collect::<Vec<_>>().as_slice() {
        [] => session.login_default(),
        [provider] => session.login(provider),
        // Nobody is called this, and so nobody is chosen.
        _ => session.login(""),
    };
    let snapshot = session.snapshot();
    let opened = |sealed| Detour::open(snapshot.keyring(), sealed, snapshot.now());
    if let Some(detour) = all("detour").next().and_then(opened) {
        request.return_to = Some(detour.return_to).filter(|path| !path.is_empty());
        request.wants = detour.wants;
    }
    // A page of another site may send people to the login, but not decide where they end up; at most,
    // by the detour of a guarded page, as by a link to that page.
    if visit.is_from_app(snapshot.site())
        && let Some(return_to) = all("return_to").next()
    {
        request.return_to = Some(return_to.to_owned());
    }
    Ok(request.await?.into_response())
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use axum::Router;
    use axum::body::{Body, to_bytes};
    use http::{Request, StatusCode};
    use tower::ServiceExt;

    use super::*;
    use crate::auth::Auth;
    use crate::dev;
    use crate::random::tests::Exhausted;

    async fn login(auth: &Auth) -> Response {
        let app: Router = Router::new().layer(auth.layer());
        let request = Request::get("/auth/login").header("accept", "text/html");
        app.oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap()
    }

    #[tokio::test]
    async fn aut_02_without_randomness_no_login_begins() {
        let provider = dev::Provider::builder("google").start().await.unwrap();
        let secret: [u8; 32] = random::bytes().unwrap();
        let auth = Auth::builder()
            .toml(&provider.secrets())
            .set("auth.redirect_uri", "http://localhost:8501/oauth2callback")
            .set(
                "auth.cookie_secret",
                base64_simd::URL_SAFE_NO_PAD.encode_to_string(secret),
            )
            .build()
            .unwrap();
        assert_eq!(login(&auth).await.status(), StatusCode::SEE_OTHER);

        let exhausted = Exhausted::now();
        let failed = login(&auth).await;
        drop(exhausted);

        assert_eq!(failed.status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert!(!failed.headers().contains_key(SET_COOKIE));
        assert!(!failed.headers().contains_key("location"));
        let page = to_bytes(failed.into_body(), 1 << 16).await.unwrap();
        let page = String::from_utf8(page.to_vec()).unwrap();
        assert!(page.contains("<code>random_unavailable</code>"), "{page}");
        assert_eq!(login(&auth).await.status(), StatusCode::SEE_OTHER);
    }

    fn fresh() -> LoginSecrets {
        let pending = Pending {
            seed: Seed(random::bytes().unwrap()),
            issued_at: 0,
            provider: String::new(),
            fingerprint: [0; 16],
            issuer: String::new(),
            max_age: None,
            bounces: 0,
            return_to: String::new(),
            remembered: Secret::new(""),
        };
        pending.secrets().unwrap()
    }

    fn bytes(value: &crate::secret::Secret) -> [u8; 32] {
        let text = value.expose();
        // RFC 7636 §4.1: a verifier has 43 to 128 characters of these.
        assert_eq!(text.len(), 43);
        let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).unwrap();
        bytes.try_into().unwrap()
    }

    // 10^5 logins show a repeated or a short value as surely as more would, and take seconds.
    #[test]
    fn aut_01_no_value_of_a_hundred_thousand_logins_comes_twice_and_every_byte_is_as_likely() {
        const LOGINS: usize = 100_000;
        let mut seen = HashSet::with_capacity(3 * LOGINS);
        let mut counts = [[0_u32; 256]; 3];
        for _ in 0..LOGINS {
            let secrets = fresh();
            for (at, value) in [&secrets.state, &secrets.nonce, &secrets.code_verifier]
                .into_iter()
                .enumerate()
            {
                let bytes = bytes(value);
                for byte in bytes {
                    counts[at][usize::from(byte)] += 1;
                }
                assert!(seen.insert(bytes), "a value came twice");
            }
        }

        let expected = (LOGINS * 32) as f64 / 256.0;
        for counts in counts {
            let squared: f64 = counts
                .iter()
                .map(|count| (f64::from(*count) - expected).powi(2) / expected)
                .sum();
            // 255 degrees of freedom: mean 255, deviation 22.6; eight deviations either way.
            assert!((75.0..435.0).contains(&squared), "chi-square is {squared}");
        }
    }

    #[test]
    fn aut_03_state_nonce_and_verifier_tell_nothing_about_each_other() {
        const LOGINS: u32 = 20_000;
        // Half of the bits of two unrelated values differ.
        let mut differing = [0_u64; 3];
        for _ in 0..LOGINS {
            let secrets = fresh();
            let [state, nonce, verifier] =
                [&secrets.state, &secrets.nonce, &secrets.code_verifier].map(bytes);
            for (at, (left, right)) in [(state, nonce), (nonce, verifier), (verifier, state)]
                .into_iter()
                .enumerate()
            {
                let bits = left.iter().zip(right).map(|(a, b)| (a ^ b).count_ones());
                differing[at] += u64::from(bits.sum::<u32>());
            }
        }
        let bits = f64::from(LOGINS) * 256.0;
        for differing in differing {
            let share = differing as f64 / bits;
            // The deviation of the share is 0.5 / sqrt(bits), here 0.00022.
            assert!(
                (0.498..0.502).contains(&share),
                "{share} of the bits differ"
            );
        }
    }

    #[test]
    fn aut_03_the_clock_and_the_rest_of_a_login_are_no_part_of_its_secrets() {
        let pending = |issued_at, provider: &str| Pending {
            seed: Seed([7; 32]),
            issued_at,
            provider: provider.to_owned(),
            fingerprint: [0; 16],
            issuer: String::new(),
            max_age: None,
            bounces: 0,
            return_to: String::new(),
            remembered: Secret::new(""),
        };
        let state = |pending: Pending| bytes(&pending.secrets().unwrap().state);

        // All of it comes from the seed.
        assert_eq!(state(pending(0, "a")), state(pending(1_000_000, "b")));
        let other_seed = Pending {
            seed: Seed([8; 32]),
            ..pending(0, "a")
        };
        assert_ne!(state(pending(0, "a")), state(other_seed));
    }

    /// What the made-up provider says, to whoever asks as it wants to be asked.
    mod made_up {
        use aws_lc_rs::rand::SystemRandom;
        use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
        use axum::routing::{get, post};
        use axum::{Json, Router};
        use serde_json::{Value, json};

        use crate::clock::unix;

        pub(super) const TENANT: &str = "7f3c1d0a-58b2-4c0e-9d55-0a6a1d7c2e11";

        pub(super) fn encoded(bytes: &[u8]) -> String {
            base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
        }

        fn id_token(key: &EcdsaKeyPair) -> String {
            let now = unix(std::time::SystemTime::now());
            let claims = json!({
                "iss": format!("https://made-up.example/{TENANT}"),
                "tenant": TENANT,
                "hd": "example.com",
                "sub": "ada",
                "aud": "an-id",
                "iat": now,
                "exp": now + 60,
            });
            let header = json!({ "alg": "ES256", "kid": "k" }).to_string();
            let parts = [header, claims.to_string()].map(|part| encoded(part.as_bytes()));
            let message = parts.join(".");
            let signature = key.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
            format!("{message}.{}", encoded(signature.as_ref()))
        }

        /// Header and claims of the client secret in a form.
        fn secret_of(form: &str) -> Option<(Value, Value)> {
            let mut pairs = url::form_urlencoded::parse(form.as_bytes());
            let (_, secret) = pairs.find(|(name, _)| name == "client_secret")?;
            let mut parts = secret.split('.');
            let mut part = || {
                let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(parts.next()?);
                serde_json::from_slice(&bytes.ok()?).ok()
            };
            Some((part()?, part()?))
        }

        /// What the app signs its secrets with.
        pub(super) fn private_key() -> String {
            let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            let der = key.to_pkcs8v1().unwrap();
            let text = base64_simd::STANDARD.encode_to_string(der.as_ref());
            format!("-----BEGIN PRIVATE KEY-----\\n{text}\\n-----END PRIVATE KEY-----\\n")
        }

        /// Its address, such as `http://127.0.0.1:1234`.
        pub(super) async fn serve() -> String {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
            let address = format!("http://{}", listener.local_addr().unwrap());
            let key = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap();
            let (x, y) = key.public_key().as_ref()[1..].split_at(32);
            let jwk = json!({
                "kty": "EC", "crv": "P-256", "kid": "k", "x": encoded(x), "y": encoded(y),
                "issuer": "https://made-up.example/{tenant}",
            });
            let metadata = json!({
                "issuer": "https://made-up.example/{tenant}",
                "authorization_endpoint": format!("{address}/authorize"),
                "token_endpoint": format!("{address}/token"),
                "userinfo_endpoint": format!("{address}/user"),
                "jwks_uri": format!("{address}/keys"),
                "id_token_signing_alg_values_supported": ["ES256"],
            });
            let user = json!({
                "number": 7, "sub": "ada", "called": "Ada", "face": "f1", "sure": true,
                "email": "ada@example.com",
                "teams": { "shop": { "roles": ["buyer"] } }, "circles": ["c"], "may": ["buy"],
            });
            let emails =
                json!({ "all": [{ "address": "a@b.example", "first": true, "seen": true }] });
            let tells = |what: Value| get(async move || Json(what));
            let token = post(async move |body: String| {
                // No PKCE, and in the body a secret that was signed for here.
                let is_asked_so = secret_of(&body).is_some_and(|(header, claims)| {
                    header["kid"] == "k1"
                        && [&claims["iss"], &claims["sub"], &claims["aud"]]
                            == ["T1", "an-id", "https://made-up.example"]
                }) && !body.contains("code_verifier");
                let mut answer = json!({ "access_token": "a", "token_type": "bearer" });
                answer["id_token"] = id_token(&key).into();
                Json(if is_asked_so {
                    answer
                } else {
                    json!({ "error": "asked_wrongly" })
                })
            });
            let forge = Router::new()
                .route("/token", token.clone())
                .route("/user", tells(user.clone()))
                .route("/user/emails", tells(emails));
            let app = Router::new()
                .route("/all/metadata", tells(metadata))
                .route("/keys", tells(json!({ "keys": [jwk] })))
                .route("/token", token)
                .route("/user", tells(user))
                .nest("/forge", forge);
            tokio::spawn(axum::serve(listener, app).into_future());
            address
        }
    }

    /// Logs in with this section; where the browser was sent to, what is told of the person, and where
    /// a logout leads.
    async fn at_made_up(section: &str) -> (String, serde_json::Value, String) {
        let secret: [u8; 32] = random::bytes().unwrap();
        let text = format!(
            "[auth]\nredirect_uri = \"https://localhost:8501/oauth2callback\"\n\
             cookie_secret = \"{}\"\n[auth.made-up]\nclient_id = \"an-id\"\n\
             team_id = \"T1\"\nkey_id = \"k1\"\nprivate_key = \"{}\"\n{section}",
            made_up::encoded(&secret),
            made_up::private_key()
        );
        let auth = Auth::builder().toml(&text).build().unwrap();
        let who = async |user: crate::User| {
            axum::Json(serde_json::json!([
                user.subject(),
                user.issuer(),
                user.name(),
                user.email(),
                user.email_verified(),
                user.picture(),
                user.roles(),
                user.groups(),
                user.permissions(),
            ]))
        };
        let app = Router::new()
            .route("/who", axum::routing::get(who))
            .layer(auth.layer());
        let mut cookies = Vec::new();
        let mut there = String::new();
        let mut request = Request::get("/auth/login");
        let mut form = String::new();
        for _ in 0..2 {
            let next = request
                .header("accept", "text/html")
                .header("host", "localhost:8501")
                .header("content-type", "application/x-www-form-urlencoded")
                .header("cookie", cookies.join("; "));
            let answer = app
                .clone()
                .oneshot(next.body(Body::from(form.clone())).unwrap());
            let answer = answer.await.unwrap();
            assert_eq!(answer.status(), StatusCode::SEE_OTHER, "{form}");
            request = Request::post("/oauth2callback");
            for line in answer.headers().get_all(SET_COOKIE) {
                let line = line.to_str().unwrap();
                if !line.contains("Max-Age=0") {
                    cookies.push(line.split(';').next().unwrap().to_owned());
                }
            }
            let location = answer.headers()["location"].to_str().unwrap();
            if let Some((_, after)) = location.split_once("state=") {
                let state = after.split('&').next().unwrap();
                form = format!("code=c&state={state}");
                location.clone_into(&mut there);
            }
        }
        let request = Request::get("/who").header("cookie", cookies.join("; "));
        let answer = app.clone().oneshot(request.body(Body::empty()).unwrap());
        let body = to_bytes(answer.await.unwrap().into_body(), 1 << 16).await;
        let told = serde_json::from_slice(&body.unwrap()).unwrap();
        let request = Request::post("/auth/logout")
            .header("origin", "https://localhost:8501")
            .header("host", "localhost:8501")
            .header("cookie", cookies.join("; "));
        let out = app.oneshot(request.body(Body::empty()).unwrap()).await;
        let out = out.unwrap().headers()["location"]
            .to_str()
            .unwrap()
            .to_owned();
        (there, told, out)
    }

    #[tokio::test]
    async fn a_provider_with_every_quirk_takes_one_row_and_logs_in() {
        use serde_json::json;

        let address = made_up::serve().await;
        let (there, told, out) = at_made_up(&format!(
            "host = \"{address}\"\nrealm = \"all\"\ntenant = \"shop\"\n\
             flow = \"left\"\nhosted_domain = \"example.com\"\n\
             allowed_tenants = [\"{}\"]\n",
            made_up::TENANT
        ))
        .await;
        for sent in [
            "hint=left",
            "hd=example.com",
            "flavour=odd",
            "prompt=consent",
            "scope=openid+people",
            "response_mode=form_post",
        ] {
            assert!(there.contains(sent), "{sent} in {there}");
        }
        assert!(!there.contains("code_challenge"), "{there}");
        let back = "client_id=an-id&back=https%3A%2F%2Flocalhost%3A8501%2Foauth2callback";
        assert_eq!(out, format!("{address}/farewell?{back}"));
        let issuer = format!("https://made-up.example/{}", made_up::TENANT);
        let (email, none) = ("ada@example.com", serde_json::Value::Null);
        assert_eq!(
            told,
            json!([
                "ada",
                issuer,
                "Ada",
                email,
                true,
                none,
                ["buyer"],
                ["c"],
                ["buy"]
            ])
        );

        let (there, told, out) =
            at_made_up(&format!("domain = \"{address}\"\ntenant = \"shop\"\n")).await;
        assert!(!there.contains("code_challenge"), "{there}");
        assert_eq!(out, format!("{address}/farewell?{back}"));
        let (issuer, email) = ("https://made-up.example", "a@b.example");
        let picture = "https://made-up.example/f1.png";
        assert_eq!(
            told,
            json!([
                "7",
                issuer,
                "Ada",
                email,
                true,
                picture,
                ["buyer"],
                ["c"],
                ["buy"]
            ])
        );
    }
}
