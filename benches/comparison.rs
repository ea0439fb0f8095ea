//! What knowing the user costs, in CPU per request: the same `/me` without it, with keycard, with
//! axum-extra's PrivateCookieJar, with tower-sessions' MemoryStore, and with axum-login on it.
//!
//! All of them in one run, taking turns, on one thread, without sockets: what differs is what each
//! adds. `cargo bench --bench comparison [bytes of claims]`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRef;
use axum::http::HeaderValue;
use axum::routing::get;
use axum::{Router, http::header::SET_COOKIE};
use axum_extra::extract::PrivateCookieJar;
use axum_extra::extract::cookie::{Cookie, Key};
use axum_login::{AuthManagerLayerBuilder, AuthSession, AuthUser, AuthnBackend};
use keycard::Guard;
use keycard::rule::{email_domain, in_group};
use keycard_benches::{Sample, Site, ask, claims, me, thread_time, whose};
use serde::Deserialize;
use serde_json::{Map, Value};
use tower::ServiceExt;
use tower_sessions::{MemoryStore, Session, SessionManagerLayer};

const ROUNDS: u32 = 40;
const REQUESTS: u32 = 5_000;

fn main() {
    let bytes = std::env::args().find_map(|it| it.parse().ok());
    let bytes = bytes.unwrap_or(617);
    let (rounds, requests) = if cfg!(debug_assertions) {
        (1, 10)
    } else {
        (ROUNDS, REQUESTS)
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let claims = claims(bytes);
    let apps = runtime.block_on(apps(&claims));

    let mut samples: Vec<_> = apps.iter().map(|_| Sample::default()).collect();
    for _ in 0..rounds {
        for ((_, app, cookie), sample) in apps.iter().zip(&mut samples) {
            let before = thread_time();
            runtime.block_on(async {
                for _ in 0..requests {
                    ask(app, "/me", cookie).await;
                }
            });
            sample.add(thread_time() - before, requests);
        }
    }

    let medians: Vec<f64> = samples.iter_mut().map(Sample::median).collect();
    let added = |at: usize| medians[at] - medians[0];
    let jar = apps
        .iter()
        .position(|(name, ..)| *name == "PrivateCookieJar");
    let jar = added(jar.expect("it is there"));
    println!("{bytes} bytes of claims; {rounds} rounds of {requests} requests each, medians\n");
    println!("| | CPU per request, ns | added, ns | of what PrivateCookieJar adds |");
    println!("|---|--:|--:|--:|");
    for (at, (name, ..)) in apps.iter().enumerate() {
        let (all, added) = (medians[at], added(at));
        println!("| {name} | {all:.0} | {added:.0} | {:.2} |", added / jar);
    }
}

type App = (&'static str, Router, HeaderValue);

async fn apps(claims: &Map<String, Value>) -> Vec<App> {
    let site = Site::new(1);
    let cookie = site.cookie(claims);
    let nobody = HeaderValue::from_static("theme=dark");
    let bare = Router::new().route("/me", get(async || me("Ada Lovelace")));
    let rule = email_domain("example.com").or(in_group("staff"));
    vec![
        ("bare", bare, nobody),
        ("keycard", site.app.clone(), cookie.clone()),
        ("keycard's layer, nobody asks", plain(&site), cookie.clone()),
        (
            "keycard behind require_login",
            guarded(&site, site.auth.require_login()),
            cookie.clone(),
        ),
        (
            "keycard behind a rule",
            guarded(&site, site.auth.require(rule)),
            cookie,
        ),
        private_cookie_jar(claims).await,
        memory_store(claims).await,
        axum_login(claims).await,
    ]
}

/// The same page behind a guard.
fn guarded(site: &Site, guard: Guard) -> Router {
    let pages = Router::new().route("/me", get(whose)).layer(guard);
    pages.layer(site.auth.layer())
}

/// The layer around the bare handler.
fn plain(site: &Site) -> Router {
    let handler = get(async || me("Ada Lovelace"));
    Router::new().route("/me", handler).layer(site.auth.layer())
}

/// The claim that `/me` needs. Nobody parses more than they ask for.
#[derive(Deserialize)]
struct Profile {
    name: String,
}

#[derive(Clone)]
struct Keys(Key);

impl FromRef<Keys> for Key {
    fn from_ref(keys: &Keys) -> Self {
        keys.0.clone()
    }
}

async fn private_cookie_jar(claims: &Map<String, Value>) -> App {
    let text = Value::Object(claims.clone()).to_string();
    let log_in = async move |jar: PrivateCookieJar| jar.add(Cookie::new("user", text));
    let me = async |jar: PrivateCookieJar| {
        let cookie = jar.get("user").expect("it opens");
        let profile: Profile = serde_json::from_str(cookie.value()).expect("claims");
        me(&profile.name)
    };
    let app = Router::new()
        .route("/log-in", get(log_in))
        .route("/me", get(me))
        .with_state(Keys(Key::generate()));
    logged_in("PrivateCookieJar", app).await
}

async fn memory_store(claims: &Map<String, Value>) -> App {
    let claims = Value::Object(claims.clone());
    let log_in =
        async move |session: Session| session.insert("user", claims).await.expect("stored");
    let me = async |session: Session| {
        let profile: Option<Profile> = session.get("user").await.expect("there");
        me(&profile.expect("claims").name)
    };
    let layer = SessionManagerLayer::new(MemoryStore::default()).with_secure(false);
    let app = Router::new()
        .route("/log-in", get(log_in))
        .route("/me", get(me))
        .layer(layer);
    logged_in("tower-sessions, MemoryStore", app).await
}

#[derive(Clone, Debug)]
struct Somebody {
    subject: String,
    claims: Arc<Value>,
}

impl AuthUser for Somebody {
    type Id = String;

    fn id(&self) -> String {
        self.subject.clone()
    }

    fn session_auth_hash(&self) -> &[u8] {
        self.subject.as_bytes()
    }
}

#[derive(Clone)]
struct Backend(Arc<HashMap<String, Somebody>>);

impl AuthnBackend for Backend {
    type User = Somebody;
    type Credentials = String;
    type Error = Infallible;

    async fn authenticate(&self, subject: String) -> Result<Option<Somebody>, Infallible> {
        self.get_user(&subject).await
    }

    async fn get_user(&self, subject: &String) -> Result<Option<Somebody>, Infallible> {
        Ok(self.0.get(subject).cloned())
    }
}

async fn axum_login(claims: &Map<String, Value>) -> App {
    let subject = claims["sub"].as_str().unwrap_or_default().to_owned();
    let claims = Arc::new(Value::Object(claims.clone()));
    let somebody = Somebody {
        subject: subject.clone(),
        claims,
    };
    let backend = Backend(Arc::new(HashMap::from([(subject, somebody.clone())])));
    let log_in = async move |mut session: AuthSession<Backend>| {
        session.login(&somebody).await.expect("logged in");
    };
    let me = async |session: AuthSession<Backend>| {
        me(session.user.expect("somebody").claims["name"]
            .as_str()
            .unwrap_or_default())
    };
    let sessions = SessionManagerLayer::new(MemoryStore::default()).with_secure(false);
    let layer = AuthManagerLayerBuilder::new(backend, sessions).build();
    let app = Router::new()
        .route("/log-in", get(log_in))
        .route("/me", get(me))
        .layer(layer);
    logged_in("axum-login, MemoryStore", app).await
}

/// Logs in once, and keeps the cookie.
async fn logged_in(name: &'static str, app: Router) -> App {
    let request = axum::http::Request::get("/log-in").body(axum::body::Body::empty());
    let answer = app
        .clone()
        .oneshot(request.expect("a request"))
        .await
        .expect("an answer");
    let cookie = answer.headers()[SET_COOKIE].to_str().expect("a cookie");
    let pair = cookie.split(';').next().unwrap_or_default();
    let pair = HeaderValue::try_from(pair).expect("a header");
    ask(&app, "/me", &pair).await;
    (name, app, pair)
}
