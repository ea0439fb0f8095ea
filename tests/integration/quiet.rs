//! What is told of people and secrets beside pages and errors: in a panic of the app's, in JSON, in
//! the labels of log lines, in addresses.

use std::collections::BTreeSet;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Request, StatusCode};
use keycard::dev::{Endpoint, Fault};
use keycard::{Auth, Session, User};
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use crate::support::{Browser, SITE, World, fresh_secret, relative, telling_app};

/// What the app says when it panics over one of keycard's results.
async fn last_words(app: &Router, path: &str, cookies: &str) -> String {
    let request = Request::get(path).header("cookie", cookies);
    let request = request.body(Body::empty()).unwrap();
    let panicked = tokio::spawn(app.clone().oneshot(request))
        .await
        .unwrap_err();
    let words = panicked.into_panic();
    words.downcast_ref::<String>().cloned().unwrap()
}

#[tokio::test]
async fn leak_05_a_panic_over_a_result_of_keycards_says_no_secret() {
    let world = World::new().await;
    let browser = world.logged_in("alice").await;
    let file = format!(
        "[auth]\ncookie_secret = \"{}\"\nredirect_uri = 5\n{}",
        world.cookie_secret,
        world.provider.secrets()
    );
    let app = Router::new()
        .route(
            "/file",
            get(async move || drop(Auth::builder().toml(&file).build().unwrap())),
        )
        .route(
            "/login",
            get(async |session: Session| drop(session.login("nobody").await.unwrap())),
        )
        .route(
            "/claims",
            get(async |user: User| drop(user.claims::<Vec<u8>>().unwrap())),
        )
        .route(
            "/all",
            get(async |user: User, session: Session| -> StatusCode {
                panic!("{user:?} {session:?}")
            }),
        )
        .layer(world.auth.layer());

    let cookies = browser.jar.header("/").unwrap();
    for path in ["/file", "/login", "/claims", "/all"] {
        let words = last_words(&app, path, &cookies).await;
        let values = cookies
            .split("; ")
            .map(|pair| pair.split_once('=').unwrap().1);
        for secret in values.chain([
            world.cookie_secret.as_str(),
            world.provider.client_secret(),
            "alice",
            "Alice",
        ]) {
            assert!(!words.contains(secret), "{secret} in {words}");
        }
    }
    assert!(
        last_words(&app, "/file", &cookies)
            .await
            .contains("auth.redirect_uri")
    );
}

#[tokio::test]
async fn leak_07_a_user_as_json_is_claims_and_no_token() {
    let world = World::new().await;
    let app = telling_app(&world.auth);
    let mut browser = Browser::new(&app, SITE);
    let url = browser.begin(&world.provider).await;
    let token = fresh_secret();
    let tokens = json!({ "refresh_token": token, "more": token });
    world.provider.misbehave(Fault::Token(tokens));
    let callback = world.provider.authorize(&url, "alice").unwrap();
    let home = browser.follow(&relative(&callback)).await;
    assert_eq!(home.status, StatusCode::SEE_OTHER, "{home:?}");

    let shown = browser.get("/claims").await.body;
    let claims: Map<String, Value> = serde_json::from_str(&shown).unwrap();
    assert_eq!(claims["sub"], "alice");
    for name in claims.keys() {
        let of_the_login = ["token", "hash", "nonce", "secret", "code", "more"];
        assert!(
            !of_the_login.iter().any(|part| name.contains(part)),
            "{name}"
        );
    }
    assert!(!shown.contains(&token) && !shown.contains("eyJ"), "{shown}");
}

/// Logins that end in each of a few ways, and requests of strangers.
async fn a_busy_day(world: &World) {
    for (subject, fault) in [
        ("alice", None),
        (
            "bob",
            Some(Fault::Userinfo(json!({ "sub": "somebody else" }))),
        ),
        (
            "alice",
            Some(Fault::IdTokenClaims(json!({ "aud": "another" }))),
        ),
        (
            "bob",
            Some(Fault::Token(json!({ "error": "invalid_client" }))),
        ),
        ("carol", Some(Fault::SignedByAnotherKey)),
        (
            "carol",
            Some(Fault::Callback(
                json!({ "error": "server_error", "code": null }),
            )),
        ),
        (
            "alice",
            Some(Fault::Cut {
                endpoint: Endpoint::Token,
            }),
        ),
    ] {
        let mut browser = world.browser();
        let url = browser.begin(&world.provider).await;
        if let Some(fault) = fault {
            world.provider.misbehave(fault);
        }
        let callback = world.provider.authorize(&url, subject).unwrap();
        browser.follow(&relative(&callback)).await;
        browser.post("/auth/logout", "").await;
        world.provider.behave();
    }
    for path in [
        "/auth/login?provider=mallory",
        "/login/mallory",
        "/oauth2callback?code=ca11ary&state=ca11ary",
        "/oauth2callback?error=ca11ary",
        "/auth/login?provider=google&return_to=//mallory.example",
    ] {
        world.browser().get(path).await;
        world.browser().get_from_elsewhere(path).await;
    }
}

#[tokio::test]
async fn leak_08_labels_are_few_and_name_no_person() {
    let world = World::new().await;
    a_busy_day(&world).await;

    let labels: BTreeSet<_> = world
        .logs
        .labels()
        .into_iter()
        .filter(|(name, _)| !matches!(*name, "message" | "advice" | "request_id"))
        .collect();
    let of = |wanted: &str| -> Vec<_> {
        let labels = labels.iter().filter(|(name, _)| *name == wanted);
        labels.map(|(_, value)| value.as_str()).collect()
    };
    assert_eq!(of("provider"), ["google"]);
    assert!(of("code").len() > 5, "{labels:?}");
    for (name, value) in &labels {
        assert!(matches!(*name, "code" | "provider"), "{name}={value}");
        let word = |c: char| c.is_ascii_lowercase() || c == '_';
        assert!(value.chars().all(word), "{name}={value}");
    }
}

#[tokio::test]
async fn leak_10_no_address_in_the_log_has_a_query_and_no_page_tells_where_it_was() {
    let world = World::new().await;
    a_busy_day(&world).await;

    let log = world.logs.everything();
    for (at, _) in log.match_indices("://") {
        let address = log[at..].split([' ', '"', '\n', '`', ')']).next().unwrap();
        assert!(!address.contains('?'), "{address}");
    }
    assert!(!log.contains("ca11ary"), "{log}");

    // A form of ours has to say that it is ours.
    for (path, policy) in [
        ("/oauth2callback?code=c&state=s", "no-referrer"),
        ("/auth/login", "no-referrer"),
        ("/auth/logout", "same-origin"),
    ] {
        let page = world.browser().get(path).await;
        assert_eq!(page.header("referrer-policy"), Some(policy), "{path}");
    }
}
