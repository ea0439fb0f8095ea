//! What caches and proxies in front of the app are told, and what they can carry.

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::header::{CACHE_CONTROL, SET_COOKIE, VARY};
use http::{Request, StatusCode};
use keycard::{Auth, Identity, Session, User};
use serde_json::json;

use crate::support::{Answer, Browser, SITE, World, app, groups, provider, relative};

/// Handlers that do and do not look at the user, and say this and that about caching.
fn routes() -> Router {
    Router::new()
        .route("/plain", get(async || "plain"))
        .route("/plain/cached", get(async || (public(), "plain")))
        .route("/user", get(async |_: User| "user"))
        .route("/session", get(async |_: Session| "session"))
        .route("/maybe", get(async |_: Option<Identity>| "maybe"))
        .route("/identity", get(async |_: Identity| "identity"))
        .route("/user/cached", get(async |_: User| (public(), "user")))
        .route(
            "/user/varied",
            get(async |_: User| ([(VARY, "Accept-Language")], "user")),
        )
        .route(
            "/user/failed",
            get(async |_: User| (StatusCode::INTERNAL_SERVER_ERROR, "failed")),
        )
        .route(
            "/others",
            get(async || ([(SET_COOKIE, "other=1; Path=/")], "others")),
        )
        .route(
            "/login",
            get(async |session: Session| {
                let login = session.login("google").await?;
                Ok::<Response, keycard::Error>((public(), login).into_response())
            }),
        )
        .route(
            "/logout",
            axum::routing::post(async |session: Session| {
                let logout = session.logout().await;
                (public(), logout).into_response()
            }),
        )
}

fn public() -> [(http::HeaderName, &'static str); 1] {
    [(CACHE_CONTROL, "public, max-age=600")]
}

fn browser(auth: &Auth) -> Browser {
    Browser::new(&routes().layer(auth.layer()), SITE)
}

/// `Cache-Control` and `Vary`, each line of them.
fn said(answer: &Answer) -> (Vec<&str>, Vec<&str>) {
    let all = |name| {
        let lines = answer.headers.get_all(name).iter();
        lines.map(|line| line.to_str().unwrap()).collect()
    };
    (all(CACHE_CONTROL), all(VARY))
}

#[tokio::test]
async fn pxy_07_answers_that_may_differ_by_person_are_private() {
    let world = World::new().await;
    let logged_in = world.logged_in("alice").await;
    for jar in [Default::default(), logged_in.jar.clone()] {
        let mut browser = browser(&world.auth);
        browser.jar = jar;
        for path in ["/user", "/session", "/maybe", "/user/failed"] {
            let answer = browser.get(path).await;
            assert_eq!(said(&answer), (vec!["private"], vec!["Cookie"]), "{path}");
        }
        let answer = browser.get("/user/varied").await;
        let vary = vec!["Accept-Language", "Cookie"];
        assert_eq!(said(&answer), (vec!["private"], vary));
    }
}

#[tokio::test]
async fn pxy_07_a_handler_that_speaks_of_caching_is_believed() {
    let world = World::new().await;
    let mut browser = browser(&world.auth);

    let answer = browser.get("/user/cached").await;

    assert_eq!(said(&answer).0, ["public, max-age=600"]);
}

/// Handlers that say this of caching, one that looks at the user and one that does not.
fn saying(control: &'static [&'static str], vary: &'static str) -> Router {
    let answer = move || {
        let mut response = "a page".into_response();
        let headers = response.headers_mut();
        for line in control {
            headers.append(CACHE_CONTROL, line.parse().unwrap());
        }
        if !vary.is_empty() {
            headers.append(VARY, vary.parse().unwrap());
        }
        response
    };
    Router::new()
        .route("/plain", get(async move || answer()))
        .route("/user", get(async move |_: User| answer()))
}

#[tokio::test]
async fn pxy_07_no_shared_cache_keeps_a_persons_page_unless_the_handler_says_so() {
    let world = World::new().await;
    let jar = world.logged_in("alice").await.jar;
    let cookie = ["Cookie"];
    for (control, vary, said_then, varies_by) in [
        (
            &["max-age=600"][..],
            "",
            "private, max-age=600",
            &cookie[..],
        ),
        (&["no-cache"], "", "private, no-cache", &cookie),
        (&[""], "", "private", &cookie),
        (
            &["no-cache", "max-age=0, must-revalidate"],
            "",
            "private, no-cache, max-age=0, must-revalidate",
            &cookie,
        ),
        (
            &["private=\"x-a, public, x-b\", x=\"no-store"],
            "",
            "private, private=\"x-a, public, x-b\", x=\"no-store",
            &cookie,
        ),
        (&["Private, max-age=60"], "", "Private, max-age=60", &cookie),
        (&["no-store"], "", "no-store", &cookie),
        (&["public,max-age=600"], "", "public,max-age=600", &cookie),
        (&["S-MaxAge=60"], "", "S-MaxAge=60", &cookie),
        (
            &["max-age=600"],
            "Accept, cookie",
            "private, max-age=600",
            &["Accept, cookie"],
        ),
        (&["max-age=600"], "*", "private, max-age=600", &["*"]),
        (
            &["max-age=600"],
            "X-Cookie",
            "private, max-age=600",
            &["X-Cookie", "Cookie"],
        ),
    ] {
        let routes = saying(control, vary);
        let guarded = routes.clone().layer(world.auth.require_login());
        let unguarded = routes.layer(world.auth.layer());
        for (app, path) in [
            (&guarded, "/plain"),
            (&guarded, "/user"),
            (&unguarded, "/user"),
        ] {
            let mut browser = Browser::new(app, SITE);
            browser.jar = jar.clone();
            let answer = browser.get(path).await;
            assert_eq!(answer.body, "a page", "{path}");
            let expected = (vec![said_then], varies_by.to_vec());
            assert_eq!(said(&answer), expected, "{control:?} at {path}");
        }
        let mut browser = Browser::new(&unguarded, SITE);
        browser.jar = jar.clone();
        let vary: Vec<_> = [vary].into_iter().filter(|it| !it.is_empty()).collect();
        let answer = browser.get("/plain").await;
        assert_eq!(said(&answer), (control.to_vec(), vary), "nobody looked");
    }
}

#[tokio::test]
async fn pxy_07_answers_for_everybody_are_left_alone() {
    let world = World::new().await;
    let mut browser = browser(&world.auth);
    browser.jar = world.logged_in("alice").await.jar;

    assert_eq!(said(&browser.get("/plain").await), (vec![], vec![]));
    assert_eq!(said(&browser.get("/others").await), (vec![], vec![]));
    assert_eq!(said(&browser.get("/nowhere").await), (vec![], vec![]));
    let answer = browser.get("/plain/cached").await;
    assert_eq!(said(&answer), (vec!["public, max-age=600"], vec![]));
}

#[tokio::test]
async fn pxy_07_whatever_sets_or_clears_a_cookie_of_ours_is_never_stored() {
    let world = World::new().await;
    let mut browser = browser(&world.auth);
    let no_store = |answer: &Answer| {
        assert!(!answer.cookies().is_empty(), "it sets a cookie: {answer:?}");
        assert_eq!(said(answer).0, ["no-store"], "whatever the handler said");
    };

    let begun = browser.get("/login").await;
    no_store(&begun);
    no_store(&browser.get("/auth/login").await);
    let callback = world.provider.authorize(begun.location(), "carol").unwrap();
    let first_step = browser.get_from_elsewhere(&relative(&callback)).await;
    no_store(&first_step);
    let (_, rest) = first_step.body.split_once("content=\"0; url=").unwrap();
    let second_step = browser.get(rest.split_once('"').unwrap().0).await;
    no_store(&second_step);
    no_store(&browser.post("/logout", "").await);
    browser.log_in(&world.provider, "alice").await;
    no_store(&browser.post("/auth/logout", "").await);
}

#[tokio::test]
async fn pxy_07_pages_and_refusals_of_ours_are_never_stored() {
    let world = World::new().await;
    let mut browser = browser(&world.auth);

    for path in [
        "/identity",
        "/auth/login?provider=nobody",
        "/auth/logout",
        "/oauth2callback",
        "/oauth2callback?code=c&state=s",
    ] {
        let answer = browser.get(path).await;
        assert_eq!(said(&answer).0, ["no-store"], "{path}: {answer:?}");
    }
    let script = Request::get("/identity").body(Body::empty()).unwrap();
    let answer = browser.send(script).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    assert_eq!(said(&answer).0, ["no-store"]);
}

#[tokio::test]
async fn pxy_07_a_layer_within_a_layer_says_it_once() {
    let world = World::new().await;
    let twice = routes().layer(world.auth.layer()).layer(world.auth.layer());
    let mut browser = Browser::new(&twice, SITE);

    let answer = browser.get("/user").await;

    assert_eq!(said(&answer), (vec!["private"], vec!["Cookie"]));
}

/// What the Set-Cookie lines of an answer take in a proxy's buffer.
fn weight(answer: &Answer) -> usize {
    let lines = answer.cookies();
    lines
        .iter()
        .map(|line| "set-cookie: \r\n".len() + line.len())
        .sum()
}

#[tokio::test]
async fn no_answer_carries_more_cookies_than_a_proxy_passes_on() {
    const MOST: usize = 3584;
    let google = provider("google").await;
    let base = "https://localhost/a/base/path/of/some/length";
    for redirect_uri in [
        "http://localhost:8501/oauth2callback".to_owned(),
        format!("{base}/oauth2callback"),
    ] {
        let world = World::around(google.clone(), |builder| {
            builder.set("auth.redirect_uri", redirect_uri.as_str())
        });
        let origin = redirect_uri.strip_suffix("/oauth2callback").unwrap();
        let prefix = origin.strip_prefix("https://localhost").unwrap_or_default();
        let mut heaviest = 0;
        // Each size in turn replaces the one before it, in one browser, up to what is refused.
        let mut browser = Browser::new(&app(&world.auth), origin);
        for count in (0..240).step_by(8).rev().chain((0..240).step_by(8)) {
            // Starts that came to nothing are about to be pushed out.
            for _ in 0..4 {
                let begun = browser.get(&format!("{prefix}/auth/login")).await;
                heaviest = heaviest.max(weight(&begun));
            }
            let begun = browser.get(&format!("{prefix}/auth/login")).await;
            heaviest = heaviest.max(weight(&begun));
            let claims = json!({ "sub": "dora", "groups": groups(count) });
            let claims = claims.as_object().unwrap().clone();
            let callback = google.authorize_as(begun.location(), claims).unwrap();
            let first_step = browser.get_from_elsewhere(&relative(&callback)).await;
            heaviest = heaviest.max(weight(&first_step));
            if let Some((_, rest)) = first_step.body.split_once("content=\"0; url=") {
                let second_step = browser.get(rest.split_once('"').unwrap().0).await;
                heaviest = heaviest.max(weight(&second_step));
            }
            let me = browser.get(&format!("{prefix}/me")).await;
            assert!(
                !prefix.is_empty() || me.body.starts_with("dora of"),
                "{count}: {me:?}"
            );
        }
        let out = browser.post(&format!("{prefix}/auth/logout"), "").await;
        heaviest = heaviest.max(weight(&out));
        assert!(heaviest > 2900, "it was put to the test: {heaviest}");
        assert!(heaviest <= MOST, "{heaviest} at {redirect_uri}");
    }
}

#[tokio::test]
async fn a_logout_amid_planted_cookies_is_one_that_a_proxy_passes_on() {
    let world = World::new().await;
    let mut browser = world.logged_in("carol").await;
    let name = "keycard-oa6i42mu";
    browser
        .jar
        .put(&format!("{name}-0{}", "x".repeat(3000)), "planted");
    for at in 0..100 {
        browser.jar.put(&format!("{name}-0{at}"), "planted");
        browser.jar.put(&format!("{name}-p-0{at}"), "planted");
    }

    let out = browser.post("/auth/logout", "").await;

    assert_eq!(out.location(), "/");
    assert!(weight(&out) <= 3584, "{}", weight(&out));
    for ours in ["", "-2", "-m"] {
        let cleared = format!("{name}{ours}=; HttpOnly; SameSite=Lax; Path=/; Max-Age=0");
        assert!(out.cookies().contains(&cleared), "{cleared}");
    }
    assert_eq!(browser.get("/").await.body, "nobody");
}
