//! An app below a path of its host, as its router or a proxy has it.

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Method, StatusCode};
use keycard::{Auth, Login, Session};

use crate::support::{Browser, SITE, World, relative, routes};

/// The ways to serve an app below `/app`: the router, and what a proxy takes off.
fn deployments(auth: &Auth) -> Vec<(&'static str, Router, &'static str)> {
    let nested = |inner: Router| Router::new().nest("/app", inner);
    vec![
        (
            "the router has the whole path",
            nested(routes()).layer(auth.layer()),
            "",
        ),
        ("a proxy takes it off", routes().layer(auth.layer()), "/app"),
        (
            "the layer is below the nest",
            nested(routes().merge(auth.routes()).layer(auth.layer())),
            "",
        ),
        (
            "the routes are beside the nest",
            nested(routes().layer(auth.layer())).merge(auth.routes()),
            "",
        ),
        (
            "a proxy takes it off before the routes",
            routes().route_layer(auth.layer()).merge(auth.routes()),
            "/app",
        ),
    ]
}

async fn world() -> World {
    World::with(|builder| builder.set("auth.redirect_uri", format!("{SITE}/app/oauth2callback")))
        .await
}

fn browser(app: &Router, strips: &str) -> Browser {
    let mut browser = Browser::new(app, SITE);
    browser.proxy_strips = strips.to_owned();
    browser
}

#[tokio::test]
async fn s10_the_whole_journey_stays_below_the_base_path() {
    let world = world().await;
    for (how, app, strips) in deployments(&world.auth) {
        let mut browser = browser(&app, strips);

        let private = browser.get("/app/private").await;
        let login = private.location();
        assert!(
            login.starts_with("/app/auth/login?detour="),
            "{how}: {login}"
        );
        let begun = browser.get(private.location()).await;
        assert_eq!(begun.status, StatusCode::SEE_OTHER, "{how}: {begun:?}");
        assert!(begun.cookies()[0].contains("; Path=/app; "), "{begun:?}");
        let callback = world.provider.authorize(begun.location(), "alice").unwrap();
        assert!(callback.starts_with(&format!("{SITE}/app/oauth2callback?")));

        let answer = browser.follow(&relative(&callback)).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{how}: {answer:?}");
        assert_eq!(answer.location(), "/app/private");
        for line in answer.cookies() {
            assert!(line.contains("; Path=/app; "), "{line}");
        }
        assert_eq!(browser.get("/app/private").await.body, "alice");
        assert!(browser.jar.header("/other").is_none(), "a neighbour's");

        let again = browser.get_from_elsewhere(&relative(&callback)).await;
        assert_eq!(again.location(), "/app/", "{how}");
        let page = browser.get("/app/auth/logout").await;
        assert!(page.body.contains("action=\"/app/auth/logout\""));
        assert!(page.body.contains("href=\"/app/\""));
        let out = browser.post("/app/auth/logout", "").await;
        assert_eq!(out.location(), "/app/", "{how}");
        assert_eq!(browser.get("/app/me").await.body, "nobody");
        assert!(browser.jar.names().is_empty());
    }
    assert!(world.logs.complaints().is_empty());
}

#[tokio::test]
async fn s10_a_large_identity_takes_both_its_steps_below_the_base_path() {
    let world = world().await;
    for (how, app, strips) in deployments(&world.auth) {
        let mut browser = browser(&app, strips);
        let begun = browser.get("/app/login/google").await;
        let callback = world.provider.authorize(begun.location(), "carol").unwrap();

        let answer = browser.follow(&relative(&callback)).await;

        assert_eq!(answer.location(), "/app/", "{how}: {answer:?}");
        assert_eq!(browser.get("/app/private").await.body, "carol", "{how}");
    }
}

#[tokio::test]
async fn s10_where_to_return_is_written_as_the_browser_sees_it() {
    let world = world().await;
    for (how, app, strips) in deployments(&world.auth) {
        for (return_to, goal) in [
            ("/app/reports?q=1", "/app/reports?q=1"),
            ("/app/auth/login", "/app/"),
            ("/app/auth/logout", "/app/"),
            ("/app/oauth2callback", "/app/"),
            ("//evil.example/app/", "/app/"),
            ("reports", "/app/"),
        ] {
            let mut browser = browser(&app, strips);
            let begun = browser
                .get(&format!("/app/auth/login?return_to={return_to}"))
                .await;
            let callback = world.provider.authorize(begun.location(), "alice").unwrap();
            let answer = browser.follow(&relative(&callback)).await;
            assert_eq!(answer.location(), goal, "{how}");
        }
    }
}

#[tokio::test]
async fn s10_failures_lead_back_below_the_base_path() {
    let world = world().await;
    for (how, app, strips) in deployments(&world.auth) {
        let mut browser = browser(&app, strips);
        let page = browser
            .get_from_elsewhere("/app/oauth2callback?code=x&state=y")
            .await;
        assert_eq!(
            page.code().as_deref(),
            Some("login_cookie_missing"),
            "{how}"
        );
        assert!(page.body.contains("href=\"/app/auth/login\""), "{page:?}");
        assert!(page.body.contains("href=\"/app/\""), "{page:?}");

        let headers = [("sec-fetch-mode", "cors")];
        let problem = browser.request("GET", "/app/private", &headers).await;
        let problem: serde_json::Value = serde_json::from_str(&problem.body).unwrap();
        assert_eq!(problem["login_url"], "/app/auth/login");
    }
}

#[tokio::test]
async fn cbk_25_the_callback_below_another_path_is_not_ours() {
    let world = world().await;
    let app = Router::new()
        .nest("/app", routes())
        .layer(world.auth.layer());
    let mut browser = browser(&app, "");
    let begun = browser.get("/app/login/google").await;
    let callback = world.provider.authorize(begun.location(), "alice").unwrap();
    let (_, query) = callback.split_once('?').unwrap();

    for path in [
        "/other/oauth2callback",
        "/app/app/oauth2callback",
        "/APP/oauth2callback",
        "/app//oauth2callback",
        "/apps/oauth2callback",
    ] {
        let answer = browser.get_from_elsewhere(&format!("{path}?{query}")).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.cookies().is_empty());
    }

    assert_eq!(world.calls(), [0, 0, 0]);
    let answer = browser.follow(&relative(&callback)).await;
    assert_eq!(answer.location(), "/app/");
}

#[tokio::test]
async fn s10_nothing_that_a_proxy_or_a_stranger_says_changes_the_address() {
    let world = world().await;
    let begin =
        async |session: Session| -> keycard::Result<Login> { session.login("google").await };
    let app = Router::new()
        .route("/begin", get(begin))
        .layer(world.auth.layer());
    for (name, value) in [
        ("host", "evil.example"),
        ("forwarded", "host=evil.example;proto=https"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-port", "1"),
        ("x-forwarded-prefix", "/evil"),
        ("x-script-name", "/evil"),
        ("x-original-url", "/evil"),
        ("x-rewrite-url", "/evil"),
        ("referer", "https://evil.example/"),
    ] {
        let mut browser = Browser::new(&app, SITE);
        let request = browser
            .navigation(Method::GET, "/begin", "none")
            .header(name, value);
        let begun = browser.send(request.body(Body::empty()).unwrap()).await;
        let expected = "redirect_uri=http%3A%2F%2Flocalhost%3A8501%2Fapp%2Foauth2callback";
        assert!(begun.location().contains(expected), "{name}: {begun:?}");

        let callback = world.provider.authorize(begun.location(), "alice").unwrap();
        let request = browser
            .navigation(Method::GET, &relative(&callback), "cross-site")
            .header(name, value);
        let answer = browser.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(answer.location(), "/app/", "{name}");
    }
}

#[tokio::test]
async fn s10_the_port_is_the_builders_where_redirect_uri_leaves_it_open() {
    let world = World::with(|builder| {
        builder
            .set(
                "auth.redirect_uri",
                "http://localhost:{port}/oauth2callback",
            )
            .port(9123)
    })
    .await;

    let mut browser = Browser::new(&world.app, "http://localhost:9123");
    let answer = browser.get("/login/google").await;

    let expected = "redirect_uri=http%3A%2F%2Flocalhost%3A9123%2Foauth2callback";
    assert!(answer.location().contains(expected), "{answer:?}");
}

#[tokio::test]
async fn s10_a_base_path_may_look_like_a_pattern_or_be_written_unencoded() {
    for (written, base) in [
        ("/a b", "/a%20b"),
        ("/über", "/%C3%BCber"),
        ("/{app}", "/%7Bapp%7D"),
        ("/a/b/c", "/a/b/c"),
        ("/x/../app", "/app"),
    ] {
        let redirect_uri = format!("{SITE}{written}/oauth2callback");
        let world = World::with(|builder| builder.set("auth.redirect_uri", redirect_uri)).await;
        let layered = routes().layer(world.auth.layer());
        let routed = routes()
            .route_layer(world.auth.layer())
            .merge(world.auth.routes());
        for (app, strips) in [
            (&layered, ""),
            (&routed, ""),
            (&layered, base),
            (&routed, base),
        ] {
            let mut browser = browser(app, strips);
            let begun = browser.get(&format!("{base}/auth/login")).await;
            let callback = world.provider.authorize(begun.location(), "alice").unwrap();

            let answer = browser.follow(&relative(&callback)).await;

            assert_eq!(answer.location(), format!("{base}/"), "{written}");
        }
    }
}

#[test]
fn s10_a_base_path_that_would_lead_away_is_refused() {
    for path in ["//evil.example", "/", "/app/", "//"] {
        let auth = Auth::builder()
            .set("auth.redirect_uri", format!("{SITE}{path}/oauth2callback"))
            .set("auth.cookie_secret", crate::support::fresh_secret())
            .set("auth.google.client_id", "id")
            .set("auth.google.client_secret", "")
            .set(
                "auth.google.server_metadata_url",
                "https://accounts.example/.well-known/openid-configuration",
            )
            .build();

        let Err(error) = auth else {
            panic!("{path} was taken")
        };
        assert!(
            error
                .to_string()
                .contains("it has an empty part in its path"),
            "{error}"
        );
    }
}

#[test]
fn s10_a_base_path_that_routers_or_cookies_read_otherwise_does_not_start() {
    for base_path in ["/:app", "/*app", "/app;x=1"] {
        let redirect_uri = format!("http://localhost:8501{base_path}/oauth2callback");
        let refused = Auth::builder()
            .set("auth.redirect_uri", redirect_uri)
            .set("auth.cookie_secret", crate::support::fresh_secret())
            .set("auth.google.client_id", "id")
            .build()
            .unwrap_err()
            .to_string();
        let found = "its path has a ; or a part that begins with : or *";
        assert!(refused.contains(found), "{base_path}: {refused}");
    }
}
