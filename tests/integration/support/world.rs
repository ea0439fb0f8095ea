//! An app with one development provider, and everything a test wants to turn.

use std::time::{Duration, SystemTime};

use axum::Router;
use axum::routing::{get, post};
use keycard::dev::{self, Endpoint, Fault, Person, SigningAlg};
use keycard::testing::Clock;
use keycard::{Auth, AuthBuilder, Identity, Login, Logout, Session, User};
use serde_json::{Value, json};
use url::Url;

use super::browser::{Answer, Browser};
use super::logs::Logs;

pub const SITE: &str = "http://localhost:8501";

/// An app, its provider, its clock and its log.
#[derive(Debug)]
pub struct World {
    pub provider: dev::Provider,
    pub auth: Auth,
    pub app: Router,
    pub clock: Clock,
    pub logs: Logs,
    pub cookie_secret: String,
}

impl World {
    pub async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    /// With settings besides the usual ones.
    pub async fn with(change: impl FnOnce(AuthBuilder) -> AuthBuilder) -> Self {
        let provider = provider("google").await;
        Self::around(provider, change)
    }

    pub fn around(
        provider: dev::Provider,
        change: impl FnOnce(AuthBuilder) -> AuthBuilder,
    ) -> Self {
        let logs = Logs::capture();
        let clock = Clock::default();
        let cookie_secret = fresh_secret();
        let builder = Auth::builder()
            .toml(&provider.secrets())
            .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
            .set("auth.cookie_secret", cookie_secret.as_str())
            // Most tests are about the app alone.
            .set("auth.provider_logout", false)
            .clock(clock.reader());
        let auth = change(builder).build().unwrap();
        let app = app(&auth);
        logs.clear();
        Self {
            provider,
            auth,
            app,
            clock,
            logs,
            cookie_secret,
        }
    }

    pub fn browser(&self) -> Browser {
        Browser::new(&self.app, SITE)
    }

    /// A browser in which somebody is logged in.
    pub async fn logged_in(&self, subject: &str) -> Browser {
        let mut browser = self.browser();
        let answer = browser.log_in(&self.provider, subject).await;
        assert_eq!(answer.location(), "/", "{answer:?}");
        browser
    }

    /// How often each endpoint of the provider was called: token, userinfo, keys.
    pub fn calls(&self) -> [usize; 3] {
        [Endpoint::Token, Endpoint::Userinfo, Endpoint::Keys].map(|it| self.provider.calls(it))
    }

    /// A login that the provider spoils in one way, from a browser in which somebody else is
    /// logged in; looked at as a whole.
    #[track_caller]
    pub fn refuses(&self, refusal: &Refusal<'_>) {
        refusal.check(self);
    }

    /// Begins a login, lets the provider misbehave, comes back, and looks at the refusal as a
    /// whole: status, code, cookies, calls, log, and that whoever was logged in still is.
    pub async fn refuses_fault(&self, fault: Fault, status: u16, code: &str) -> Answer {
        let mut browser = self.logged_in("bob").await;
        let authorization_url = browser.begin(&self.provider).await;
        self.provider.misbehave(fault);
        let callback = self
            .provider
            .authorize(&authorization_url, "alice")
            .unwrap();
        let before = self.provider.calls(Endpoint::Userinfo);
        let answer = self
            .refuses_callback(&mut browser, &callback, status, code)
            .await;
        assert_eq!(
            self.provider.calls(Endpoint::Userinfo),
            before,
            "userinfo was asked"
        );
        self.provider.behave();
        answer
    }

    /// The same in a browser of the test's own, for a fault that depends on the authorization URL,
    /// and with what the log and the provider have seen of it.
    pub async fn refuses_spoilt(
        &self,
        browser: &mut Browser,
        spoil: impl FnOnce(&str) -> Fault,
        ending: &Ending<'_>,
    ) -> Answer {
        // A second holds ten log lines of one code, and the tables have more rows.
        pass(Duration::from_secs(1)).await;
        let authorization_url = browser.begin(&self.provider).await;
        self.provider.misbehave(spoil(&authorization_url));
        let callback = self
            .provider
            .authorize(&authorization_url, "alice")
            .unwrap();
        let [token, userinfo, _] = self.calls();
        let answer = self
            .refuses_callback(browser, &callback, ending.status, ending.code)
            .await;
        self.provider.behave();
        let [token_after, userinfo_after, _] = self.calls();
        assert_eq!(
            [token_after - token, userinfo_after - userinfo],
            ending.calls,
            "calls of the token and userinfo endpoints"
        );
        let line = self.logs.complaints().remove(0).text;
        assert!(line.contains(ending.log), "{:?} in {line}", ending.log);
        answer
    }

    /// A login that must not even begin, from a browser in which somebody is logged in or nobody.
    pub async fn refuses_start(
        &self,
        browser: &mut Browser,
        status: u16,
        code: &str,
        log: &str,
    ) -> Answer {
        pass(Duration::from_secs(3)).await;
        let who_before = who(browser).await;
        self.logs.clear();
        let cookies_before = browser.jar.clone();
        let path = format!("/auth/login?provider={}", self.provider.name());
        let answer = browser.get(&path).await;
        let after = who_is(browser).await;
        self.refuses(&Refusal {
            answer: &answer,
            status,
            code,
            callback: "",
            cookies_before: &cookies_before,
            identity: [&who_before, &after],
        });
        assert!(answer.cookies().is_empty(), "{answer:?}");
        let line = self.logs.complaints().remove(0).text;
        assert!(line.contains(log), "{log:?} in {line}");
        answer
    }

    /// The claims that an ID token for this login of Alice's ought to have, but for `at_hash`.
    pub fn claims(&self, authorization_url: &str) -> Value {
        let url: Url = authorization_url.parse().unwrap();
        let nonce = url.query_pairs().find(|(name, _)| name == "nonce").unwrap();
        json!({
            "iss": self.provider.issuer(),
            "sub": "alice",
            "aud": self.provider.client_id(),
            "iat": now(),
            "exp": now() + 3600,
            "nonce": nonce.1,
            "name": "Alice Adams",
            "email": "alice@example.com",
        })
    }

    /// The header of the provider's own ID tokens.
    pub fn header(&self) -> Value {
        json!({ "alg": "ES256", "kid": self.provider.signing_key_id(), "typ": "JWT" })
    }

    /// The same for a callback that the test made up.
    pub async fn refuses_callback(
        &self,
        browser: &mut Browser,
        callback: &str,
        status: u16,
        code: &str,
    ) -> Answer {
        let who = who(browser).await;
        self.logs.clear();
        let cookies_before = browser.jar.clone();
        let answer = browser
            .get_from_elsewhere(&super::browser::relative(callback))
            .await;
        let after = who_is(browser).await;
        self.refuses(&Refusal {
            answer: &answer,
            status,
            code,
            callback,
            cookies_before: &cookies_before,
            identity: [&who, &after],
        });
        answer
    }
}

/// How a login that the provider spoilt ends.
#[derive(Clone, Copy, Debug)]
pub struct Ending<'a> {
    pub status: u16,
    pub code: &'a str,
    /// What the log line holds.
    pub log: &'a str,
    /// Calls of the token and userinfo endpoints.
    pub calls: [usize; 2],
}

/// A refusal as a whole.
#[derive(Debug)]
pub struct Refusal<'a> {
    pub answer: &'a Answer,
    pub status: u16,
    pub code: &'a str,
    pub callback: &'a str,
    pub cookies_before: &'a super::jar::Jar,
    /// Who was logged in before, and who is after.
    pub identity: [&'a str; 2],
}

impl Refusal<'_> {
    #[track_caller]
    fn check(&self, world: &World) {
        let answer = self.answer;
        assert_eq!(answer.status, self.status, "{answer:?}");
        assert_eq!(answer.code().as_deref(), Some(self.code), "{answer:?}");

        for line in answer.cookies() {
            let (name, rest) = line.split_once('=').unwrap();
            assert!(
                name.contains("-p-"),
                "only a pending login is touched: {line}"
            );
            assert!(
                rest.starts_with("; ") && rest.contains("Max-Age=0"),
                "cleared: {line}"
            );
        }
        let pending = |jar: &super::jar::Jar| {
            jar.names()
                .iter()
                .filter(|name| name.contains("-p-"))
                .count()
        };
        assert!(
            answer.cookies().len() <= pending(self.cookies_before).min(1),
            "{answer:?}"
        );

        let later = answer.header("retry-after").is_some();
        // What the app has to put right does not get better by waiting.
        let ours = ["client_refused", "clock_differs"].contains(&self.code);
        let theirs = (502..=504).contains(&self.status) && !ours;
        assert_eq!(later, theirs, "Retry-After");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        assert!(
            answer
                .header("content-security-policy")
                .unwrap()
                .starts_with("default-src 'none'")
        );

        let complaints = world.logs.complaints();
        assert_eq!(complaints.len(), 1, "one line: {complaints:?}");
        assert_eq!(
            complaints[0].code.as_deref(),
            Some(self.code),
            "{complaints:?}"
        );

        let everything = format!(
            "{}{}{:?}",
            world.logs.everything(),
            answer.body,
            answer.headers
        );
        for canary in self.canaries(world) {
            assert!(
                !everything.contains(&canary),
                "{canary} leaked into {everything}"
            );
        }
        assert_eq!(
            self.identity[0], self.identity[1],
            "whoever was logged in still is"
        );
    }

    /// Values that stand nowhere.
    fn canaries(&self, world: &World) -> Vec<String> {
        let mut canaries = vec![
            world.cookie_secret.clone(),
            world.provider.client_secret().to_owned(),
        ];
        let query = self.callback.split_once('?').map_or("", |(_, query)| query);
        let parameters = url::form_urlencoded::parse(query.as_bytes());
        canaries.extend(
            parameters
                .filter(|(name, value)| (name == "code" || name == "state") && value.len() > 15)
                .map(|(_, value)| value.into_owned()),
        );
        canaries
    }
}

/// Lets time pass for caches, deadlines and the log, and what waits for it happen; the wall clock
/// stays where it is.
pub async fn pass(time: Duration) {
    tokio::time::pause();
    tokio::time::advance(time).await;
    for _ in 0..8 {
        tokio::task::yield_now().await;
    }
    tokio::time::resume();
}

/// Waits for something that goes on in the background.
pub async fn eventually(what: impl Fn() -> bool) {
    let began = std::time::Instant::now();
    while !what() {
        assert!(began.elapsed() < Duration::from_secs(10), "it never came");
        tokio::task::yield_now().await;
    }
}

/// Lets what goes on in the background come to rest.
pub async fn settle() {
    for _ in 0..2000 {
        tokio::task::yield_now().await;
    }
}

/// The machine's time, in seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    i64::try_from(since.unwrap().as_secs()).unwrap()
}

/// Names the row of a table that is tried, for whoever reads why a test failed.
#[allow(clippy::print_stderr, reason = "shown only when a test fails")]
pub fn row(name: &str) {
    eprintln!("row: {name}");
}

/// Who the app says is logged in.
pub async fn who(browser: &mut Browser) -> String {
    who_is(browser).await
}

async fn who_is(browser: &mut Browser) -> String {
    browser.get("/me").await.body
}

/// A provider with people of several kinds, quick to start.
pub async fn provider(name: &str) -> dev::Provider {
    provider_with(name, |builder| builder).await
}

pub async fn provider_with(
    name: &str,
    change: impl FnOnce(dev::Builder) -> dev::Builder,
) -> dev::Provider {
    let builder = dev::Provider::builder(name)
        .signing_alg(SigningAlg::Es256)
        .person(
            Person::new("alice")
                .name("Alice Adams")
                .email("alice@example.com"),
        )
        .person(
            Person::new("bob")
                .name("Bob Brown")
                .email("bob@example.com"),
        )
        .person(
            Person::new("carol")
                .name("Carol Clark")
                .email("carol@example.com")
                .claim("groups", json!(groups(200))),
        );
    change(builder).start().await.unwrap()
}

/// Group ids as Entra sends them.
pub fn groups(count: usize) -> Vec<String> {
    let guid = |at: usize| {
        let hash = at.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let more = hash.rotate_left(17).wrapping_mul(0xd6e8_feb8_6659_fd93);
        format!(
            "{:08x}-{:04x}-{:04x}-{:04x}-{:012x}",
            hash as u32,
            (hash >> 32) as u16,
            (hash >> 48) as u16,
            more as u16,
            more >> 16
        )
    };
    (1..=count).map(guid).collect()
}

/// A cookie secret of this run alone.
pub fn fresh_secret() -> String {
    use rand::TryRng;
    let mut bytes = [0_u8; 32];
    rand::rngs::SysRng.try_fill_bytes(&mut bytes).unwrap();
    base64_simd::URL_SAFE_NO_PAD.encode_to_string(bytes)
}

/// A small app of the usual shape.
pub fn app(auth: &Auth) -> Router {
    routes().layer(auth.layer())
}

/// The same, and `/claims`, which shows all claims of whoever is logged in.
pub fn telling_app(auth: &Auth) -> Router {
    let claims = async |user: User| {
        let claims = user.all_claims();
        let claims = claims.map(|(name, value)| (name.to_owned(), value.clone()));
        Value::Object(claims.collect()).to_string()
    };
    routes().route("/claims", get(claims)).layer(auth.layer())
}

pub fn routes() -> Router {
    Router::new()
        .route(
            "/",
            get(async |user: User| user.name().unwrap_or("nobody").to_owned()),
        )
        .route("/me", get(me))
        .route("/plain", get(async || "plain"))
        .route(
            "/private",
            get(async |identity: Identity| identity.subject().to_owned()),
        )
        .route(
            "/maybe",
            get(async |identity: Option<Identity>| format!("{}", identity.is_some())),
        )
        .route("/login/{provider}", get(begin).post(begin))
        .route("/login", get(begin_default))
        .route("/logout", post(log_out).get(log_out))
}

/// Who is logged in, and since which login.
async fn me(user: User) -> String {
    match user.subject() {
        Some(subject) => format!(
            "{subject} of {} by {} at {}",
            user.issuer().unwrap_or_default(),
            user.provider().unwrap_or_default(),
            user.logged_in_at().map_or(0, |at| at.unix_timestamp()),
        ),
        None => "nobody".to_owned(),
    }
}

async fn begin(
    session: Session,
    axum::extract::Path(provider): axum::extract::Path<String>,
) -> keycard::Result<Login> {
    session.login(&provider).await
}

async fn begin_default(session: Session) -> keycard::Result<Login> {
    session.login_default().await
}

async fn log_out(session: Session) -> Logout {
    session.logout().await
}
