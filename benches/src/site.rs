//! An app with keycard, its providers on a thread of their own, and requests to it.

use std::sync::mpsc;
use std::thread;

use axum::body::Body;
use axum::http::{HeaderValue, Request, StatusCode, header::COOKIE};
use axum::routing::get;
use axum::{Json, Router};
use keycard::testing::{LogIn, Somebody};
use keycard::{Auth, User, dev};
use serde_json::{Map, Value, json};
use tower::ServiceExt;

/// An app, and its first provider.
#[derive(Debug)]
pub struct Site {
    pub auth: Auth,
    pub app: Router,
    pub provider: dev::Provider,
}

impl Site {
    /// With this many providers, of which only the first is there: nobody asks the others.
    #[must_use]
    pub fn new(providers: usize) -> Self {
        let provider = provider();
        let mut secrets = dev::secrets(8501, &[&provider]);
        for at in 1..providers {
            secrets.push_str(
                &provider
                    .secrets()
                    .replace("[auth.first]", &format!("[auth.p{at}]")),
            );
        }
        let auth = Auth::builder().toml(&secrets).build().expect("a good file");
        let app = Router::new()
            .route("/me", get(whose))
            .route("/plain", get(async || "plain"))
            .layer(auth.layer());
        Self {
            auth,
            app,
            provider,
        }
    }

    /// The Cookie header of somebody with these claims.
    #[must_use]
    pub fn cookie(&self, claims: &Map<String, Value>) -> HeaderValue {
        let subject = claims["sub"].as_str().unwrap_or_default();
        let somebody = Somebody::new(subject).provider("first");
        let somebody = claims.iter().fold(somebody, |somebody, (name, value)| {
            somebody.claim(name, value.clone())
        });
        let request = Request::get("/").body(()).expect("a request");
        let request = request
            .logged_in_as(&self.auth, &somebody)
            .expect("they fit");
        let pairs = request.headers().get_all(COOKIE).iter();
        let pairs: Vec<_> = pairs.filter_map(|pair| pair.to_str().ok()).collect();
        HeaderValue::try_from(pairs.join("; ")).expect("a header")
    }
}

/// Its CPU time is not the app's.
fn provider() -> dev::Provider {
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("a runtime").block_on(async {
            let provider = dev::Provider::builder("first").start().await;
            sender
                .send(provider.expect("a provider"))
                .expect("somebody waits");
            std::future::pending::<()>().await;
        });
    });
    receiver.recv().expect("a provider")
}

/// The page of an app with keycard.
pub async fn whose(user: User) -> Json<Value> {
    me(user.name().unwrap_or_default())
}

/// The answer of every app that is compared.
pub fn me(name: &str) -> Json<Value> {
    Json(json!({ "name": name }))
}

/// Claims that are this many bytes of JSON: those of a login with Google, and as many groups of an
/// Entra tenant as it takes.
///
/// # Panics
///
/// Under 500 bytes.
#[must_use]
pub fn claims(bytes: usize) -> Map<String, Value> {
    let Value::Object(mut claims) = json!({
        "iss": "https://accounts.example.com",
        "azp": "407408718192-client.apps.example.com",
        "aud": "407408718192-client.apps.example.com",
        "sub": "110169484474386276334",
        "hd": "example.com",
        "email": "ada.lovelace@example.com",
        "email_verified": true,
        "name": "Ada Lovelace",
        "picture": "https://pictures.example.com/a/ACg8ocKxYzQ0ZQm7=s96-c",
        "given_name": "Ada",
        "family_name": "Lovelace",
        "iat": 1_700_000_000,
        "exp": 1_700_003_600,
        "note": "",
    }) else {
        unreachable!("an object was written")
    };
    let length = |claims: &Map<String, Value>| Value::Object(claims.clone()).to_string().len();
    let mut groups = Vec::new();
    while length(&claims) + 60 < bytes {
        groups.push(Value::from(guid(groups.len())));
        claims.insert("groups".to_owned(), Value::Array(groups.clone()));
    }
    let missing = bytes
        .checked_sub(length(&claims))
        .expect("at least 500 bytes");
    claims["note"] = "x".repeat(missing).into();
    claims
}

fn guid(at: usize) -> String {
    let mixed = (at as u128 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
    let hex = format!("{mixed:032x}");
    [
        &hex[..8],
        &hex[8..12],
        &hex[12..16],
        &hex[16..20],
        &hex[20..],
    ]
    .join("-")
}

/// Asks an app for a page as a browser with this cookie.
///
/// # Panics
///
/// If the answer is not 200.
pub async fn ask(app: &Router, path: &str, cookie: &HeaderValue) {
    let mut request = Request::get(path).body(Body::empty()).expect("a request");
    request.headers_mut().insert(COOKIE, cookie.clone());
    let answer = app.clone().oneshot(request).await.expect("an answer");
    assert_eq!(answer.status(), StatusCode::OK);
}
