//! A login with a password that is typed into the app, on one machine.

use std::net::SocketAddr;

use axum::extract::ConnectInfo;
use axum::{Extension, Router};
use http::StatusCode;
use keycard::dev::{Endpoint, Fault};
use keycard::{Auth, AuthBuilder};
use serde_json::json;

use crate::support::{
    Answer, Browser, Logs, SITE, World, app, fresh_secret, pass, provider, provider_with, shared,
    who,
};

const PASSWORD: &str = "open sesame & more";

async fn world() -> World {
    world_with(|builder| builder).await
}

async fn world_with(change: impl FnOnce(AuthBuilder) -> AuthBuilder) -> World {
    let provider = provider_with("google", |it| it.password("alice", PASSWORD)).await;
    World::around(provider, |builder| {
        change(builder.set("auth.google.grant", "password"))
    })
}

/// A browser whose connection comes from there.
fn from(app: &Router, peer: &str) -> Browser {
    let peer: SocketAddr = peer.parse().unwrap();
    let app = app.clone().layer(Extension(ConnectInfo(peer)));
    Browser::new(&app, SITE)
}

fn local(world: &World) -> Browser {
    from(&world.app, "127.0.0.1:50000")
}

fn form(user_name: &str, password: &str) -> String {
    url::form_urlencoded::Serializer::new(String::new())
        .append_pair("provider", "google")
        .append_pair("return_to", "/reports?q=1")
        .append_pair("user_name", user_name)
        .append_pair("password", password)
        .finish()
}

async fn type_in(browser: &mut Browser, user_name: &str, password: &str) -> Answer {
    let form = form(user_name, password);
    browser.post("/auth/login", &form).await
}

#[tokio::test]
async fn whoever_types_the_right_password_is_logged_in_and_it_is_seen_nowhere() {
    let world = world().await;
    let mut browser = local(&world);
    for path in ["/auth/login", "/login/google", "/login"] {
        let page = browser.get(path).await;
        assert_eq!(page.status, StatusCode::OK, "{path}: {page:?}");
        for part in [
            "method=\"post\" action=\"/auth/login\"",
            "<label>User name",
            "<label>Password",
            "type=\"password\" autocomplete=\"current-password\"",
            "name=\"provider\" value=\"google\"",
        ] {
            assert!(page.body.contains(part), "{part} in {page:?}");
        }
        assert_eq!(page.header("cache-control"), Some("no-store"));
        assert!(page.cookies().is_empty());
    }
    assert_eq!(world.provider.calls(Endpoint::Authorization), 0);

    let answer = type_in(&mut browser, "alice", PASSWORD).await;

    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    assert_eq!(answer.location(), "/reports?q=1");
    assert!(who(&mut browser).await.starts_with("alice of "));
    let request = world.provider.last_request(Endpoint::Token).unwrap();
    for (name, value) in [
        ("grant_type", Some("password")),
        ("username", Some("alice")),
        ("password", Some(PASSWORD)),
        ("scope", Some("openid email profile")),
        ("code", None),
        ("redirect_uri", None),
    ] {
        assert_eq!(request.parameter(name), value, "{name}");
    }
    let told = format!("{}{answer:?}", world.logs.everything());
    assert!(!told.contains("sesame"), "{told}");
    assert!(world.logs.complaints().is_empty());
}

#[tokio::test]
async fn nobody_is_asked_for_a_password_who_is_not_known_to_sit_at_the_machine() {
    let world = world().await;
    let mut far = [
        ("unknown", world.browser()),
        ("far away", from(&world.app, "192.0.2.1:50000")),
        ("far away by IPv6", from(&world.app, "[2001:db8::1]:50000")),
        ("under another name", local(&world)),
    ];
    far[3].1.origin = "http://app.example:8501".parse().unwrap();
    for (how, browser) in &mut far {
        let page = browser.get("/auth/login").await;
        assert_eq!(page.status, StatusCode::FORBIDDEN, "{how}");
        assert_eq!(page.code().as_deref(), Some("password_not_local"), "{how}");
        let answer = type_in(browser, "alice", PASSWORD).await;
        assert_eq!(answer.code().as_deref(), Some("password_not_local"));
        assert!(answer.cookies().is_empty());
    }
    for header in ["forwarded", "via", "x-forwarded-for", "x-real-ip"] {
        pass(std::time::Duration::from_secs(1)).await;
        let mut browser = local(&world);
        let headers = [("accept", "text/html"), (header, "127.0.0.1")];
        let page = browser.request("GET", "/auth/login", &headers).await;
        assert_eq!(
            page.code().as_deref(),
            Some("password_not_local"),
            "{header}"
        );
    }
    assert_eq!(world.provider.calls(Endpoint::Token), 0);
    assert!(!world.logs.everything().contains("sesame"));
}

#[tokio::test]
async fn nobody_types_a_password_through_a_proxy_that_says_nothing_of_itself() {
    let world = world().await;
    let mut browser = local(&world);
    for origin in [Some("https://app.example"), Some("null"), None] {
        let mut request = browser.navigation(http::Method::POST, "/auth/login", "same-origin");
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        let sent = request.body(form("alice", PASSWORD).into()).unwrap();
        let answer = browser.send(sent).await;
        let code = answer.code();
        assert_eq!(code.as_deref(), Some("password_not_local"), "{origin:?}");
    }
    let request = browser.navigation(http::Method::GET, "/auth/login", "none");
    let request = request.version(http::Version::HTTP_10);
    let sent = request.body(axum::body::Body::empty()).unwrap();
    let page = browser.send(sent).await;
    assert_eq!(page.code().as_deref(), Some("password_not_local"));
    assert_eq!(world.provider.calls(Endpoint::Token), 0);
}

#[tokio::test]
async fn whoever_typed_a_password_is_logged_out_when_that_is_over() {
    let provider = provider_with("google", |it| it.password("alice", PASSWORD)).await;
    let secret = fresh_secret();
    let of = |grant: Option<&str>| {
        let builder = Auth::builder().toml(&provider.secrets());
        let builder = builder.set("auth.redirect_uri", format!("{SITE}/oauth2callback"));
        let builder = builder.set("auth.cookie_secret", secret.as_str());
        let builder = match grant {
            Some(grant) => builder.set("auth.google.grant", grant),
            None => builder,
        };
        from(&app(&builder.build().unwrap()), "127.0.0.1:50000")
    };
    let mut browser = of(Some("password"));
    type_in(&mut browser, "alice", PASSWORD).await;

    for (grant, is_logged_in) in [(Some("password"), true), (None, false)] {
        let mut again = of(grant);
        again.jar = browser.jar.clone();
        assert_eq!(who(&mut again).await != "nobody", is_logged_in, "{grant:?}");
    }
}

#[tokio::test]
async fn no_other_site_and_no_address_types_a_password() {
    let world = world().await;
    let mut browser = local(&world);
    let request = browser
        .navigation(http::Method::POST, "/auth/login", "cross-site")
        .header("origin", "https://evil.example");
    let sent = request.body(form("alice", PASSWORD).into()).unwrap();
    let answer = browser.send(sent).await;
    assert_eq!(answer.code().as_deref(), Some("login_cross_site"));

    let query = form("alice", PASSWORD);
    let page = browser.get(&format!("/auth/login?{query}")).await;
    assert_eq!(page.status, StatusCode::OK);
    assert!(page.body.contains("name=\"password\""));
    assert!(!page.body.contains("sesame"), "{page:?}");
    assert_eq!(world.provider.calls(Endpoint::Token), 0);
}

#[tokio::test]
async fn a_wrong_password_is_a_page_and_a_line_that_shows_nothing_of_it() {
    let world = world().await;
    let mut browser = local(&world);
    type_in(&mut browser, "alice", PASSWORD).await;
    let before = who(&mut browser).await;
    world.logs.clear();
    for (user_name, password) in [("alice", "wr0ngword"), ("mall0ry", PASSWORD), ("bob", "")] {
        let answer = type_in(&mut browser, user_name, password).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{answer:?}");
        assert_eq!(answer.code().as_deref(), Some("password_refused"));
        let again = "/auth/login?provider=google&amp;return_to=%2Freports%3Fq%3D1";
        assert!(answer.body.contains(again), "{answer:?}");
    }
    assert_eq!(world.provider.calls(Endpoint::Token), 3, "nobody has none");
    assert_eq!(who(&mut browser).await, before);
    assert_eq!(world.logs.complaints().len(), 3);
    let told = world.logs.everything();
    for typed in ["wr0ngword", "mall0ry", "sesame"] {
        assert!(!told.contains(typed), "{told}");
    }
}

#[tokio::test]
async fn five_passwords_are_tried_in_a_minute_and_no_more() {
    let world = world().await;
    for _ in 0..5 {
        let answer = type_in(&mut local(&world), "alice", "guess").await;
        assert_eq!(answer.code().as_deref(), Some("password_refused"));
    }
    let mut browser = local(&world);
    for seconds in [0, 50] {
        world.clock.turn(seconds);
        let answer = type_in(&mut browser, "alice", PASSWORD).await;
        assert_eq!(answer.status, StatusCode::TOO_MANY_REQUESTS, "{answer:?}");
        assert_eq!(answer.code().as_deref(), Some("too_many_tries"));
        let wait: i64 = answer.header("retry-after").unwrap().parse().unwrap();
        assert!((1..=60 - seconds).contains(&wait), "{wait}");
    }
    assert_eq!(world.provider.calls(Endpoint::Token), 5);
    world.clock.turn(61);
    let answer = type_in(&mut browser, "alice", PASSWORD).await;
    assert_eq!(answer.location(), "/reports?q=1");
}

#[tokio::test]
async fn the_id_token_passes_every_check_but_for_the_nonce_that_nobody_sent() {
    for (fault, code) in [
        (
            Fault::IdTokenClaims(json!({ "aud": "another" })),
            "id_token_refused",
        ),
        (
            Fault::IdTokenClaims(json!({ "iss": "https://evil.example" })),
            "id_token_refused",
        ),
        (
            Fault::IdTokenClaims(json!({ "nonce": "another-login" })),
            "id_token_refused",
        ),
        (
            Fault::IdTokenClaims(json!({ "nonce": "" })),
            "id_token_refused",
        ),
        (
            Fault::IdTokenClaims(json!({ "at_hash": "AAAA" })),
            "id_token_refused",
        ),
        (Fault::IdTokenClaims(json!({ "exp": 1 })), "clock_differs"),
        (Fault::SignedByAnotherKey, "id_token_refused"),
        (Fault::NoIdToken, "token_answer_invalid"),
        (
            Fault::Token(json!({ "error": "unauthorized_client" })),
            "token_refused",
        ),
    ] {
        let world = world().await;
        let mut browser = local(&world);
        let shown = format!("{fault:?}");
        world.provider.misbehave(fault);
        let answer = type_in(&mut browser, "alice", PASSWORD).await;
        assert_eq!(answer.code().as_deref(), Some(code), "{shown}: {answer:?}");
        assert!(answer.cookies().is_empty(), "{shown}");
        assert_eq!(who(&mut browser).await, "nobody");
    }
}

#[tokio::test]
async fn oauth_2_asks_userinfo_who_it_is() {
    let provider = provider_with("plain", |it| it.password("alice", PASSWORD)).await;
    let endpoint = |path: &str| format!("{}{path}", provider.issuer());
    let auth = Auth::builder()
        .toml(&shared(&fresh_secret(), ""))
        .set("auth.google.grant", "password")
        .set("auth.google.client_id", provider.client_id())
        .set("auth.google.client_secret", provider.client_secret())
        .set("auth.google.authorization_endpoint", endpoint("/authorize"))
        .set("auth.google.token_endpoint", endpoint("/token"))
        .set("auth.google.userinfo_endpoint", endpoint("/userinfo"))
        .set("auth.google.client_kwargs.scope", "openid email")
        .build()
        .unwrap();
    let mut browser = from(&app(&auth), "[::1]:50000");
    let answer = type_in(&mut browser, "alice", PASSWORD).await;
    assert_eq!(answer.location(), "/reports?q=1");
    assert!(who(&mut browser).await.starts_with("alice of "));
}

#[tokio::test]
async fn a_return_to_that_leads_away_leads_home() {
    let world = world().await;
    let mut browser = local(&world);
    for path in ["//evil.example", "/auth/login", "/oauth2callback"] {
        let form = form("alice", PASSWORD).replace("%2Freports%3Fq%3D1", path);
        let answer = browser.post("/auth/login", &form).await;
        assert_eq!(answer.location(), "/", "{path}");
    }
}

#[tokio::test]
async fn a_password_for_a_provider_that_takes_none_goes_nowhere() {
    let world = World::new().await;
    let mut browser = local(&world);
    let answer = type_in(&mut browser, "alice", PASSWORD).await;
    assert!(answer.location().starts_with(world.provider.issuer()));
    assert!(!format!("{answer:?}").contains("sesame"));
    assert_eq!(world.provider.calls(Endpoint::Token), 0);

    // Nor does a development provider take one, unless it was built to.
    let google = provider("google").await;
    let world = World::around(google, |it| it.set("auth.google.grant", "password"));
    let answer = type_in(&mut local(&world), "alice", PASSWORD).await;
    assert_eq!(answer.code().as_deref(), Some("token_refused"));
}

#[tokio::test]
async fn the_line_at_the_start_names_who_takes_passwords() {
    let google = provider("google").await;
    let logs = Logs::capture();
    let text = shared(&fresh_secret(), "") + &google.secrets();
    let auth = Auth::builder().toml(&text);
    auth.set("auth.google.grant", "password").build().unwrap();
    let told = logs.everything();
    assert!(
        told.contains("passwords typed into the app with google"),
        "{told}"
    );
    assert_eq!(logs.complaints().len(), 1, "{told}");
}
