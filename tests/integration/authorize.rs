//! The authorize hook: what it may answer, and that whatever else it does denies.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::extract::{MatchedPath, Request};
use axum::routing::{any, get};
use http::StatusCode;
use http::request::Parts;
use keycard::rule::has_role;
use keycard::{Decision, Guard, User};

use crate::support::{Browser, SITE, World};

fn app(guard: Guard) -> Router {
    let page = any(async |request: Request| request.uri().path().to_owned());
    Router::new().fallback(page).layer(guard)
}

/// By the path alone, as a hook that looks into a database would.
async fn decide(user: User, request: Parts) -> io::Result<Decision> {
    assert!(user.is_logged_in());
    match request.uri.path() {
        "/allowed" | "/welcome" => Ok(Decision::Allow),
        "/denied" => Ok(Decision::Deny),
        "/moved" => Ok(Decision::GoTo("/welcome?from=moved".to_owned())),
        "/away" => Ok(Decision::GoTo("//evil.example".to_owned())),
        "/circle" => Ok(Decision::GoTo("/circle".to_owned())),
        "/round" => Ok(Decision::GoTo("/round#again".to_owned())),
        "/" => Ok(Decision::GoTo("https://evil.example".to_owned())),
        "/panic" => panic!("in the hook"),
        "/late" => {
            tokio::task::yield_now().await;
            panic!("in the hook, later")
        }
        _ => Err(io::Error::other("no database\nof that name")),
    }
}

#[tokio::test]
async fn a_hook_allows_denies_or_sends_elsewhere_and_denies_when_it_fails() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let app = app(world.auth.require_login().authorize(decide));
    let jar = browser.jar.clone();
    browser = Browser::new(&app, SITE);
    browser.jar = jar;
    for (path, location, log) in [
        ("/moved", Some("/welcome?from=moved"), ""),
        ("/away", Some("/"), ""),
        ("/denied", None, "the authorize hook denies it"),
        ("/circle", None, "the authorize hook sends a page to itself"),
        ("/round", None, "the authorize hook sends a page to itself"),
        ("/", None, "the authorize hook sends a page to itself"),
        ("/panic", None, "the authorize hook failed: it panicked"),
        ("/late", None, "the authorize hook failed: it panicked"),
        (
            "/other",
            None,
            "the authorize hook failed: no database\\nof that name",
        ),
    ] {
        world.logs.clear();
        let answer = browser.get(path).await;
        if let Some(location) = location {
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}");
            assert_eq!(answer.location(), location, "{path}");
            continue;
        }
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(answer.code().as_deref(), Some("denied"), "{path}");
        let (for_everybody, _) = answer.body.split_once("id=\"details\"").unwrap();
        assert!(!for_everybody.contains("database"), "{for_everybody}");
        assert!(answer.body.contains("Use another account"), "{path}");
        let lines = world.logs.complaints();
        assert_eq!(lines.len(), 1, "{path}: {lines:?}");
        assert!(lines[0].text.contains(log), "{path}: {lines:?}");
    }
    assert_eq!(browser.get("/allowed").await.body, "/allowed");
    let script = [("sec-fetch-mode", "cors")];
    let answer = browser.request("GET", "/moved", &script).await;
    assert_eq!(
        answer.status,
        StatusCode::FORBIDDEN,
        "a script wants no page"
    );
    assert_eq!(browser.post("/allowed", "a=b").await.body, "/allowed");
}

#[tokio::test]
async fn a_hook_is_asked_about_nobody_whom_the_rule_keeps_out_and_about_no_guest() {
    let world = World::new().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let count = move |_, _| {
        counter.fetch_add(1, Ordering::Relaxed);
        async { Decision::Allow }
    };
    let page = get(async || "a page");
    let guard = world.auth.require_login().except("/guest");
    let staff = world.auth.require(has_role("staff"));
    let app = Router::new()
        .route("/staff", page.clone().layer(staff.authorize(count.clone())))
        .route("/guest", page.clone())
        .route("/page", page)
        .layer(guard.authorize(count));
    let mut browser = Browser::new(&app, SITE);

    assert_eq!(browser.get("/guest").await.body, "a page");
    browser.get("/page").await;
    browser.post("/page", "").await;
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    browser.jar = world.logged_in("alice").await.jar;
    assert_eq!(browser.get("/page").await.body, "a page");
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(browser.get("/staff").await.status, StatusCode::FORBIDDEN);
    assert_eq!(asked.load(Ordering::Relaxed), 2, "by the outer one alone");
}

#[tokio::test]
async fn the_last_hook_is_the_one_that_is_asked() {
    let world = World::new().await;
    let guard = world
        .auth
        .require_login()
        .authorize(async |_, _| Decision::Deny)
        .authorize(async |_, _| Ok::<_, io::Error>(Decision::Allow));
    let mut browser = Browser::new(&app(guard), SITE);
    browser.jar = world.logged_in("alice").await.jar;

    assert_eq!(browser.get("/page").await.body, "/page");
}

#[tokio::test]
async fn a_hook_that_decides_by_the_route_opens_that_route_alone_in_a_nested_router_too() {
    let world = World::new().await;
    let jar = world.logged_in("alice").await.jar;
    let page = || get(async || "a page");
    for (prefix, route) in [("", "/welcome"), ("/club", "/club/welcome")] {
        let hook = move |_: User, request: Parts| async move {
            let found = request.extensions.get::<MatchedPath>();
            match found.is_some_and(|found| found.as_str() == route) {
                true => Decision::Allow,
                false => Decision::GoTo(route.to_owned()),
            }
        };
        let club = Router::new()
            .route("/welcome", page())
            .route("/{*rest}", page())
            .fallback(async || "no page")
            .layer(world.auth.require_login().authorize(hook));
        let app = match prefix {
            "" => club,
            _ => Router::new().nest(prefix, club).layer(world.auth.layer()),
        };
        let mut browser = Browser::new(&app, SITE);
        browser.jar = jar.clone();
        for path in ["/welcome", "/welcome?a=b"] {
            let answer = browser.get(&format!("{prefix}{path}")).await;
            assert_eq!(answer.body, "a page", "{prefix}{path}");
        }
        for path in [
            "/members",
            "/%77elcome",
            "/welcome/",
            "//welcome",
            "/x/../welcome",
        ] {
            let answer = browser.get(&format!("{prefix}{path}")).await;
            assert_eq!(answer.location(), route, "{prefix}{path}: {answer:?}");
        }
    }
}
