//! What strangers try that no other file is about.

use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::get;
use http::{Method, Request, StatusCode};
use keycard::dev::Fault;
use keycard::{Auth, Session, User};
use proptest::prelude::*;
use serde_json::json;
use tower::ServiceExt;

use crate::support::{
    Browser, SITE, World, fresh_secret, now, pass, provider, relative, routes, who,
};

#[tokio::test]
async fn res_10_a_provider_name_without_end_is_not_compared_with_every_name() {
    let names: Vec<_> = (0..40)
        .map(|at| format!("{at:02}{}", "a".repeat(62)))
        .collect();
    let world = World::with(|builder| {
        names.iter().fold(builder, |builder, name| {
            let section = |key: &str| format!("auth.{name}.{key}");
            builder
                .set(&section("client_id"), "client")
                .set(&section("client_secret"), "")
                .set(
                    &section("server_metadata_url"),
                    format!("https://{name}.example/.well-known/openid-configuration"),
                )
        })
    })
    .await;
    let mut browser = world.browser();
    let near = format!("0{}", "a".repeat(62));
    let answer = browser.get(&format!("/auth/login?provider={near}")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.body.contains("did you mean 0"), "{answer:?}");

    let began = Instant::now();
    for path in ["/auth/login?provider=", "/login/"] {
        let answer = browser.get(&format!("{path}{}", "a".repeat(60_000))).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    // Compared in full they take some twenty seconds.
    assert!(began.elapsed() < Duration::from_secs(2));
}

#[tokio::test]
async fn pxy_06_names_that_a_neighbour_planted_do_not_swell_a_logout() {
    let world = World::new().await;
    let mut browser = world.logged_in("carol").await;
    browser.begin(&world.provider).await;
    let own = browser.jar.names().len();
    let first = browser.jar.names()[0].to_owned();
    for at in 0..100 {
        // They come before and behind ours in every order.
        for before in ["-0", "-p-", "-z"] {
            browser
                .jar
                .put(&format!("{first}{before}{at}{}", "x".repeat(60)), "v");
        }
    }
    browser
        .jar
        .put(&format!("{first}-{}", "y".repeat(3500)), "v");

    let answer = browser.post("/auth/logout", "").await;

    let lines = answer.cookies();
    let size: usize = lines
        .iter()
        .map(|l| "set-cookie: ".len() + l.len() + 2)
        .sum();
    assert!(size <= 3584, "{size} bytes");
    assert!(lines.len() > own, "what is left over is cleared as well");
    let own_left = |name: &&str| name.len() < first.len() + 20;
    assert_eq!(browser.jar.names().into_iter().find(own_left), None);
    assert_eq!(who(&mut browser).await, "nobody");
}

#[tokio::test]
async fn idt_25_a_max_age_that_cannot_be_read_is_checked_all_the_same() {
    let provider = provider("google").await;
    let world = World::around(provider.clone(), |builder| builder);
    let fresh = async |session: Session, Path(max_age): Path<String>| {
        let max_age = max_age.trim_start_matches('-').to_owned();
        session.login("google").param("max_age", max_age).await
    };
    let app = routes()
        .route("/fresh/{max_age}", get(fresh))
        .layer(world.auth.layer());
    for (max_age, is_checked) in [
        ("-", false),
        ("-0", true),
        ("-600", true),
        ("-an%20hour", true),
        ("-1e3", true),
        ("-4294967296", true),
    ] {
        for auth_time in [json!(now()), json!(null)] {
            pass(Duration::from_secs(1)).await;
            let mut browser = Browser::new(&app, SITE);
            let begun = browser.get(&format!("/fresh/{max_age}")).await;
            let without = auth_time.is_null();
            provider.misbehave(Fault::IdTokenClaims(json!({ "auth_time": auth_time })));
            let callback = provider.authorize(begun.location(), "alice").unwrap();
            let answer = browser.follow(&relative(&callback)).await;
            provider.behave();

            let code = (is_checked && without).then_some("id_token_refused");
            assert_eq!(answer.code().as_deref(), code, "{max_age} {answer:?}");
        }
    }
}

/// An app with two logins of its own: `/one` knows the people of one, `/two` those of the other.
#[tokio::test]
async fn cke_14_two_logins_in_one_router_do_not_know_each_others_people() {
    let google = provider("google").await;
    let secret = fresh_secret();
    let auth = |base: &str| {
        Auth::builder()
            .toml(&google.secrets())
            .set("auth.redirect_uri", format!("{SITE}{base}/oauth2callback"))
            .set("auth.cookie_secret", secret.as_str())
            .build()
            .unwrap()
    };
    let (one, two) = (auth(""), auth("/two"));
    let me = async |user: User| user.subject().unwrap_or("nobody").to_owned();
    let inner: Router = Router::new().route("/two/me", get(me)).layer(two.layer());
    let app = Router::new()
        .route("/me", get(me))
        .merge(inner)
        .merge(two.routes())
        .layer(one.layer());

    let mut browser = Browser::new(&app, SITE);
    browser.log_in(&google, "alice").await;
    assert_eq!(browser.get("/me").await.body, "alice");
    assert_eq!(browser.get("/two/me").await.body, "nobody");

    let begun = browser.get("/two/auth/login").await;
    let callback = google.authorize(begun.location(), "bob").unwrap();
    let answer = browser.follow(&relative(&callback)).await;
    assert_eq!(answer.location(), "/two/");
    assert_eq!(browser.get("/me").await.body, "alice");
    assert_eq!(browser.get("/two/me").await.body, "bob");

    // Nor do they know each other's logins under way.
    let begun = browser.get("/auth/login").await;
    let callback = google.authorize(begun.location(), "bob").unwrap();
    let astray = format!("/two{}", relative(&callback));
    browser.follow(&astray).await;
    assert_eq!(browser.get("/me").await.body, "alice");
    assert_eq!(browser.get("/two/me").await.body, "bob");
}

fn header() -> impl Strategy<Value = (usize, Vec<u8>)> {
    (0..9_usize, prop::collection::vec(any::<u8>(), 0..60))
}

fn pieces() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("state=".to_owned()),
        Just("code=".to_owned()),
        Just("error=".to_owned()),
        Just("rest=".to_owned()),
        Just("iss=".to_owned()),
        Just("provider=".to_owned()),
        Just("return_to=".to_owned()),
        Just("&".to_owned()),
        Just("=".to_owned()),
        Just("+".to_owned()),
        "%[0-9a-fA-F]{0,2}",
        "[!-~&&[^#\"<>\\\\^`{|}]]{0,12}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

#[test]
fn res_09_no_request_from_outside_is_a_panic_or_our_own_fault() {
    const NAMES: [&str; 9] = [
        "cookie",
        "host",
        "origin",
        "accept",
        "sec-fetch-site",
        "sec-fetch-mode",
        "sec-fetch-dest",
        "upgrade",
        "sec-purpose",
    ];
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let (world, names) = runtime.block_on(async {
        let world = World::new().await;
        let mut browser = world.logged_in("carol").await;
        browser.begin(&world.provider).await;
        let names: Vec<_> = browser.jar.names().into_iter().map(str::to_owned).collect();
        (world, names)
    });
    let strategy = (
        prop::sample::select(vec![
            "GET", "POST", "HEAD", "OPTIONS", "PUT", "CONNECT", "X",
        ]),
        prop::sample::select(vec![
            "/oauth2callback",
            "/auth/login",
            "/auth/logout",
            "/me",
            "/private",
            "/login/google",
            "/login/%ff",
            "//oauth2callback",
        ]),
        pieces(),
        prop::collection::vec(header(), 0..6),
        prop::collection::vec((prop::sample::select(names), "[A-Za-z0-9_=-]{0,40}"), 0..4),
        prop::collection::vec(any::<u8>(), 0..40),
    );
    let config = ProptestConfig::with_cases(1500);
    proptest!(config, |((method, path, query, headers, cookies, body) in strategy)| {
        let mut request = Request::builder()
            .method(Method::from_bytes(method.as_bytes()).unwrap())
            .uri(format!("{path}?{query}"));
        for (name, value) in headers {
            if let Ok(value) = http::HeaderValue::from_bytes(&value) {
                request = request.header(NAMES[name], value);
            }
        }
        for (name, value) in cookies {
            request = request.header("cookie", format!("{name}={value}"));
        }
        let request = request.body(Body::from(body)).unwrap();
        let answer = runtime.block_on(world.app.clone().oneshot(request)).unwrap();
        prop_assert!(!answer.status().is_server_error(), "{:?}", answer);
    });
}
