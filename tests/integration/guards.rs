//! Guards: who gets past them, what the others are told, and the way over the login and back.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::Router;
use axum::body::Body;
use axum::routing::{any, get};
use http::{Method, Request, StatusCode};
use keycard::{Auth, Identity};
use url::Url;

use crate::support::{Answer, Browser, SITE, World, provider, relative, routes, who};

const SCRIPT: &[(&str, &str)] = &[
    ("accept", "application/json"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    ("sec-fetch-site", "same-origin"),
];

/// An app that is guarded as a whole, by one line.
fn guarded(auth: &Auth) -> Router {
    app().layer(auth.require_login())
}

fn app() -> Router {
    let reports = get(async |uri: http::Uri| format!("report {uri}")).post(async || "sent");
    routes()
        .route("/reports", reports.clone())
        .route("/reports/{id}", reports)
}

async fn guarded_world() -> World {
    let mut world = World::new().await;
    world.app = guarded(&world.auth);
    world
}

/// Goes where a guard sends people, and comes back from the provider as Alice: where that leads.
async fn over_the_login(world: &World, browser: &mut Browser, answer: &Answer) -> Answer {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    let begun = browser.get_from_elsewhere(answer.location()).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{begun:?}");
    let callback = world.provider.authorize(begun.location(), "alice").unwrap();
    browser.follow(&relative(&callback)).await
}

#[tokio::test]
async fn a_person_comes_back_over_the_login_to_the_page_with_its_query() {
    let mut world = World::new().await;
    let identity = get(async |identity: Identity| identity.subject().to_owned());
    let by_extractor = Router::new()
        .route("/reports", identity)
        .layer(world.auth.layer());
    let page = "/reports?year=2026&q=a%2Fb%26c";
    for app in [guarded(&world.auth), by_extractor] {
        world.app = app;
        for from_elsewhere in [false, true] {
            let mut browser = world.browser();
            let answer = match from_elsewhere {
                // A link in a mail that is read in another site's page.
                true => browser.get_from_elsewhere(page).await,
                false => browser.get(page).await,
            };
            let begun = browser.get_from_elsewhere(answer.location()).await;
            assert!(!answer.location().contains("year"), "{answer:?}");
            assert!(!begun.location().contains("year"), "{begun:?}");
            let url: Url = begun.location().parse().unwrap();
            for (name, value) in url.query_pairs() {
                assert!(!value.contains("reports"), "{name}={value}");
            }
            let callback = world.provider.authorize(begun.location(), "alice").unwrap();
            let back = browser.follow(&relative(&callback)).await;

            assert_eq!(back.location(), page);
            assert_eq!(browser.get(page).await.status, StatusCode::OK);
        }
    }
    assert!(world.logs.complaints().is_empty());
}

#[tokio::test]
async fn lgn_03_with_one_provider_the_guard_leads_straight_to_it() {
    let world = guarded_world().await;
    let mut browser = world.browser();

    let answer = browser.get("/reports").await;
    let begun = browser.get_from_elsewhere(answer.location()).await;

    assert!(
        begun.location().starts_with(world.provider.issuer()),
        "{begun:?}"
    );
}

#[tokio::test]
async fn lgn_03_with_several_providers_the_guard_leads_to_the_chooser_and_on_to_the_page() {
    let other = provider("github").await;
    let secrets = other.secrets();
    let mut world = World::with(|builder| builder.toml(&secrets)).await;
    world.app = guarded(&world.auth);
    let mut browser = world.browser();

    let answer = browser.get_from_elsewhere("/reports?q=1").await;
    let chooser = browser.get_from_elsewhere(answer.location()).await;
    assert_eq!(chooser.status, StatusCode::OK);
    assert!(chooser.cookies().is_empty(), "nobody has chosen yet");
    for label in ["google", "github"] {
        let button = format!("name=\"provider\" value=\"{label}\"");
        assert!(chooser.body.contains(&button), "{chooser:?}");
    }
    let field = "name=\"return_to\" value=\"/reports?q=1\"";
    assert!(chooser.body.contains(field), "{chooser:?}");
    let form = "return_to=%2Freports%3Fq%3D1&provider=github";
    let begun = browser.post("/auth/login", form).await;
    let callback = other.authorize(begun.location(), "alice").unwrap();

    let back = browser.follow(&relative(&callback)).await;

    assert_eq!(back.location(), "/reports?q=1");
}

#[tokio::test]
async fn what_was_sent_before_the_login_is_lost_and_the_page_says_so() {
    let world = guarded_world().await;
    let mut browser = world.browser();

    let page = browser.post("/reports?q=1", "a=b").await;

    assert_eq!(page.status, StatusCode::UNAUTHORIZED);
    assert_eq!(page.code().as_deref(), Some("sent_before_login"));
    assert!(page.body.contains("nothing of it was kept"), "{page:?}");
    assert!(page.body.contains("href=\"/auth/login\""), "{page:?}");
    assert!(world.logs.complaints().is_empty(), "that is no failure");
    let back = browser.log_in(&world.provider, "alice").await;
    assert_eq!(back.location(), "/");
    assert_eq!(browser.post("/reports?q=1", "a=b").await.body, "sent");
}

#[tokio::test]
async fn a_script_is_told_where_the_login_is() {
    let world = guarded_world().await;
    for (method, headers) in [
        ("GET", SCRIPT),
        ("POST", SCRIPT),
        ("DELETE", &[][..]),
        ("HEAD", &[][..]),
        (
            "GET",
            &[("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")],
        ),
    ] {
        let answer = world.browser().request(method, "/reports", headers).await;

        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method}");
        let challenge = answer.header("www-authenticate");
        assert_eq!(challenge, Some("Cookie realm=\"keycard\""));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert!(answer.cookies().is_empty());
        if method == "HEAD" {
            continue;
        }
        let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["code"], "login_required");
        assert_eq!(problem["login_url"], "/auth/login");
    }
    assert!(world.logs.complaints().is_empty(), "that is no failure");
}

/// Every kind of request that has no identity.
fn of_nobody(path: &str) -> Vec<Request<Body>> {
    let mut requests = Vec::new();
    for method in [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "QUERY",
    ] {
        for headers in [
            &[][..],
            SCRIPT,
            &[("accept", "text/html")],
            &[
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", "document"),
                ("sec-fetch-site", "same-origin"),
            ],
            &[("user-agent", "kube-probe/1.30")],
            &[("x-forwarded-for", "127.0.0.1"), ("x-real-ip", "127.0.0.1")],
            &[("x-forwarded-user", "alice"), ("remote-user", "alice")],
            &[("authorization", "Bearer x"), ("cookie", "keycard=x")],
            &[("sec-purpose", "prefetch")],
            &[
                ("origin", SITE),
                ("access-control-request-method", "POST"),
                ("access-control-request-headers", "authorization"),
            ],
            &[("connection", "upgrade"), ("upgrade", "websocket")],
        ] {
            let mut request = Request::builder().method(method).uri(path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            requests.push(request.body(Body::from("body")).unwrap());
        }
    }
    requests
}

#[tokio::test]
async fn pxy_11_a_handler_behind_a_guard_never_runs_for_nobody() {
    let world = World::new().await;
    let runs = Arc::new(AtomicUsize::new(0));
    let counter = runs.clone();
    let page = any(async move || {
        counter.fetch_add(1, Ordering::Relaxed);
        "the secret"
    });
    let app = Router::new()
        .route("/page", page.clone())
        .fallback(page)
        .layer(world.auth.require_login());
    for path in ["/page", "/elsewhere"] {
        for request in of_nobody(path) {
            let shown = format!("{request:?}");
            let answer = Browser::new(&app, SITE).send(request).await;

            assert!(!answer.body.contains("the secret"), "{shown}: {answer:?}");
            assert!(!answer.status.is_success(), "{shown}: {answer:?}");
            assert!(answer.cookies().is_empty(), "{shown}: {answer:?}");
        }
    }
    assert_eq!(runs.load(Ordering::Relaxed), 0);

    let mut browser = Browser::new(&app, SITE);
    browser.jar = world.logged_in("alice").await.jar;
    assert_eq!(browser.get("/page").await.body, "the secret");
    assert_eq!(browser.get("/elsewhere").await.body, "the secret");
    assert_eq!(runs.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn pxy_14_a_preflight_is_nobodys() {
    let world = guarded_world().await;
    for request in of_nobody("/reports") {
        if request.method() == Method::OPTIONS {
            let answer = world.browser().send(request).await;
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
            assert!(answer.cookies().is_empty());
        }
    }
}

#[tokio::test]
async fn a_guard_refuses_changes_that_another_site_asks_for() {
    let world = guarded_world().await;
    let mut browser = world.logged_in("alice").await;
    let elsewhere = "https://mallory.example";
    for (headers, is_own) in [
        (&[][..], true),
        (&[("origin", SITE)][..], true),
        (&[("sec-fetch-site", "same-origin"), ("origin", SITE)], true),
        (&[("origin", elsewhere)], false),
        (&[("origin", "null")], false),
        (&[("origin", "http://localhost:8502")], false),
        (&[("sec-fetch-site", "same-site"), ("origin", SITE)], false),
        (&[("sec-fetch-site", "cross-site")], false),
        (&[("sec-fetch-site", "none")], false),
    ] {
        for method in ["POST", "PUT", "PATCH", "DELETE"] {
            world.logs.clear();
            crate::support::pass(std::time::Duration::from_secs(1)).await;
            let answer = browser.request(method, "/reports", headers).await;
            if is_own {
                let passed = [StatusCode::OK, StatusCode::METHOD_NOT_ALLOWED];
                assert!(passed.contains(&answer.status), "{method} {headers:?}");
                continue;
            }
            assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
            assert_eq!(answer.code().as_deref(), Some("sent_from_elsewhere"));
            let lines = world.logs.complaints();
            assert!(lines[0].text.contains(method), "{lines:?}");
        }
        let headers = [headers, &[("accept", "text/html")]].concat();
        let read = browser.request("GET", "/reports", &headers).await;
        assert_eq!(read.body, "report /reports", "reading is no change");
    }
    assert!(who(&mut browser).await.starts_with("alice"));

    let taken = world.auth.require_login().insecure_foreign_changes();
    let mut careless = Browser::new(&app().layer(taken), SITE);
    careless.jar = browser.jar.clone();
    let headers = [("origin", elsewhere)];
    assert_eq!(
        careless.request("POST", "/reports", &headers).await.body,
        "sent"
    );
}

#[tokio::test]
async fn a_guarded_socket_opens_for_our_own_pages_and_for_somebody() {
    let world = guarded_world().await;
    let socket = |origin| {
        let upgrade = [("connection", "upgrade"), ("upgrade", "websocket")];
        [&upgrade[..], &[("origin", origin)]].concat()
    };
    let mut browser = world.logged_in("alice").await;

    let own = browser.request("GET", "/reports", &socket(SITE)).await;
    let foreign = socket("https://mallory.example");
    let foreign = browser.request("GET", "/reports", &foreign).await;
    let nobody = world
        .browser()
        .request("GET", "/reports", &socket(SITE))
        .await;

    assert_eq!(own.body, "report /reports", "the handler answers");
    assert_eq!(foreign.status, StatusCode::FORBIDDEN);
    assert_eq!(foreign.code().as_deref(), Some("foreign_socket"));
    assert_eq!(nobody.status, StatusCode::UNAUTHORIZED);
    assert_eq!(nobody.code().as_deref(), Some("login_required"));
}

#[tokio::test]
async fn below_a_base_path_people_come_back_to_the_page_as_their_browser_sees_it() {
    let world = World::with(|builder| {
        builder.set("auth.redirect_uri", format!("{SITE}/app/oauth2callback"))
    })
    .await;
    let inside = || app().fallback(async || "not here");
    let guard = || world.auth.require_login();
    for (how, app, strips) in [
        ("stripped", inside().layer(guard()), "/app"),
        (
            "nested",
            Router::new().nest("/app", inside()).layer(guard()),
            "",
        ),
        (
            "guarded inside a nest",
            Router::new()
                .nest("/app", inside().layer(guard()))
                .layer(world.auth.layer()),
            "",
        ),
    ] {
        for page in ["/app/reports?q=/app", "/app/me?q", "/app/reports/%2F"] {
            let mut browser = Browser::new(&app, SITE);
            strips.clone_into(&mut browser.proxy_strips);
            let answer = browser.get(page).await;
            let back = over_the_login(&world, &mut browser, &answer).await;
            assert_eq!(back.location(), page, "{how}");
        }
    }
}

#[tokio::test]
async fn a_link_of_another_site_leads_to_no_page_but_one_that_a_guard_saw() {
    let world = guarded_world().await;
    let other = guarded_world().await;
    let theirs = other.browser().get("/reports").await.location().to_owned();
    let ours = world.browser().get("/reports").await.location().to_owned();
    let broken = |at: usize| {
        let mut url = ours.clone();
        let replaced = if url.as_bytes()[at] == b'A' { "B" } else { "A" };
        url.replace_range(at..=at, replaced);
        url
    };
    let begins = "/auth/login?detour=".len();
    for (url, goal) in [
        (ours.clone(), "/reports"),
        (format!("{ours}&return_to=/me"), "/reports"),
        (
            format!(
                "/auth/login?return_to=/me&{}",
                &ours["/auth/login?".len()..]
            ),
            "/reports",
        ),
        (theirs, "/"),
        (broken(begins), "/"),
        (broken(begins + 20), "/"),
        (broken(ours.len() - 3), "/"),
        (ours[..ours.len() - 1].to_owned(), "/"),
        ("/auth/login?detour=".to_owned(), "/"),
        ("/auth/login?detour=/reports".to_owned(), "/"),
        ("/auth/login?return_to=/reports".to_owned(), "/"),
    ] {
        let mut browser = world.browser();
        let begun = browser.get_from_elsewhere(&url).await;
        let callback = world.provider.authorize(begun.location(), "alice").unwrap();
        let back = browser.follow(&relative(&callback)).await;
        assert_eq!(back.location(), goal, "{url}");
    }
    // Our own page may say where to go on.
    let mut browser = world.browser();
    let begun = browser.get(&format!("{ours}&return_to=/me")).await;
    let callback = world.provider.authorize(begun.location(), "alice").unwrap();
    assert_eq!(browser.follow(&relative(&callback)).await.location(), "/me");
}

#[tokio::test]
async fn a_guarded_page_that_is_no_place_to_return_to_leads_home() {
    let world = guarded_world().await;
    let long = format!("/{}", "r".repeat(600));
    for page in [long.as_str(), "//evil.example/x", "/a/..//evil.example"] {
        let mut browser = world.browser();
        let answer = browser.get(page).await;
        let back = over_the_login(&world, &mut browser, &answer).await;
        assert_eq!(back.location(), "/", "{page}");
    }
}
