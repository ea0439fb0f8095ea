//! What kind of request this is, and how a failure is shown and logged for each.

use std::net::SocketAddr;
use std::time::Duration;

use axum::body::Body;
use axum::extract::ConnectInfo;
use http::{Method, Request, StatusCode};
use keycard::dev::{Endpoint, Fault};
use serde_json::json;

use crate::support::{Answer, Browser, SITE, World, pass, who};

const HTML: (&str, &str) = ("accept", "text/html,application/xhtml+xml,*/*;q=0.8");

#[tokio::test]
async fn a_page_that_needs_somebody_sends_people_to_log_in_and_tells_scripts() {
    let world = World::new().await;
    let navigate = ("sec-fetch-mode", "navigate");
    let document = ("sec-fetch-dest", "document");
    for (headers, is_navigation) in [
        (vec![navigate, document, HTML], true),
        (vec![navigate, document], true),
        (
            vec![navigate, document, ("sec-fetch-site", "cross-site")],
            true,
        ),
        (vec![HTML], true),
        (vec![navigate, ("sec-fetch-dest", "iframe"), HTML], false),
        (
            vec![
                ("sec-fetch-mode", "cors"),
                ("sec-fetch-dest", "empty"),
                HTML,
            ],
            false,
        ),
        (vec![("sec-fetch-mode", "same-origin"), HTML], false),
        (
            vec![
                ("sec-fetch-mode", "no-cors"),
                ("sec-fetch-dest", "image"),
                HTML,
            ],
            false,
        ),
        (vec![("accept", "*/*")], false),
        (vec![("accept", "application/json")], false),
        (vec![], false),
    ] {
        let answer = world.browser().request("GET", "/private", &headers).await;

        if is_navigation {
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{headers:?}");
            assert!(answer.location().starts_with("/auth/login?detour="));
        } else {
            assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{headers:?}");
            let problem = problem(&answer);
            assert_eq!(problem["code"], "login_required");
            assert_eq!(problem["login_url"], "/auth/login");
            assert_eq!(
                answer.header("www-authenticate"),
                Some("Cookie realm=\"keycard\"")
            );
        }
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }
    assert!(world.logs.complaints().is_empty(), "that is no failure");
    assert_eq!(world.browser().get("/maybe").await.body, "false");
    let mut browser = world.logged_in("alice").await;
    assert_eq!(browser.get("/private").await.body, "alice");
    assert_eq!(browser.get("/maybe").await.body, "true");
}

/// Reads RFC 9457 problem details.
#[track_caller]
fn problem(answer: &Answer) -> serde_json::Value {
    assert_eq!(
        answer.header("content-type"),
        Some("application/problem+json"),
        "{answer:?}"
    );
    let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(problem["status"], answer.status.as_u16());
    let code = problem["code"].as_str().unwrap();
    assert_eq!(problem["type"], format!("urn:keycard:{code}"));
    for text in ["title", "detail", "request_id"] {
        assert!(problem[text].as_str().is_some_and(|text| !text.is_empty()));
    }
    problem
}

#[tokio::test]
async fn a_failure_is_a_page_for_people_and_json_for_scripts() {
    let world = World::new().await;
    world.provider.misbehave(Fault::OffDuty);
    let script = [("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")];
    for (path, status, code) in [
        (
            "/oauth2callback?code=x&state=y",
            400,
            "login_cookie_missing",
        ),
        ("/oauth2callback?code=%", 400, "callback_malformed"),
        ("/login/nobody", 404, "unknown_provider"),
    ] {
        world.logs.clear();
        let page = world.browser().get(path).await;
        let json = world.browser().request("GET", path, &script).await;

        for answer in [&page, &json] {
            assert_eq!(answer.status, status);
            assert_eq!(answer.code().as_deref(), Some(code));
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
        }
        assert_eq!(
            page.header("content-type"),
            Some("text/html; charset=utf-8")
        );
        assert_eq!(page.header("referrer-policy"), Some("no-referrer"));
        assert_eq!(page.header("x-frame-options"), Some("DENY"));
        let said = problem(&json);

        // What a person can quote finds the line in the log.
        let lines = world.logs.complaints();
        assert_eq!(lines.len(), 2, "{lines:?}");
        let id = said["request_id"].as_str().unwrap();
        assert!(lines[1].text.contains(&format!("request_id={id}")));
        let (_, id) = page
            .body
            .split_once("<dt>Request id</dt> <dd><code>")
            .unwrap_or_else(|| {
                page.body
                    .split_once("<dt>Request id</dt><dd><code>")
                    .unwrap_or_else(|| panic!("{}", page.body))
            });
        let id = id.split_once('<').unwrap().0;
        assert!(lines[0].text.contains(&format!("request_id={id}")));
    }

    let page = world.browser().get("/login/google").await;
    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(page.header("retry-after"), Some("5"));
    assert_eq!(page.code().as_deref(), Some("provider_unreachable"));
    world.provider.behave();
}

/// A page of a failure whose details only the developer sees, asked for with these headers.
async fn failure(world: &World, origin: &str, headers: &[(&str, &str)]) -> String {
    let mut browser = Browser::new(&world.app, origin);
    let headers = [&[HTML], headers].concat();
    browser.request("GET", "/login/nobody", &headers).await.body
}

#[tokio::test]
async fn details_are_shown_on_the_machine_itself_and_nowhere_else() {
    let world = World::new().await;
    let details = "No provider is named &quot;nobody&quot;; configured: google";
    for (headers, shown) in [
        (vec![], true),
        (vec![("host", "127.0.0.1:8501")], true),
        (vec![("host", "[::1]:8501")], true),
        (vec![("host", "app.example.com")], false),
        (vec![("host", "localhost.evil.example")], false),
        (vec![("host", "127.0.0.1.evil.example")], false),
        (vec![("host", "127.0.0.2")], false),
        (vec![("host", "0.0.0.0:8501")], false),
        (vec![("host", "localhost@evil.example")], false),
        (vec![("forwarded", "for=192.0.2.1")], false),
        (vec![("x-forwarded-for", "127.0.0.1")], false),
        (vec![("x-forwarded-proto", "http")], false),
        (vec![("x-forwarded-prefix", "/")], false),
        (vec![("x-real-ip", "127.0.0.1")], false),
        (vec![("via", "1.1 proxy")], false),
    ] {
        let page = failure(&world, SITE, &headers).await;
        assert_eq!(page.contains(details), shown, "{headers:?}: {page}");
    }

    for (peer, shown) in [
        ("127.0.0.1:50000", true),
        ("[::1]:50000", true),
        ("192.0.2.1:50000", false),
        ("[2001:db8::1]:50000", false),
    ] {
        let peer: SocketAddr = peer.parse().unwrap();
        let request = Request::get("/login/nobody")
            .header(HTML.0, HTML.1)
            .extension(ConnectInfo(peer));
        let page = world
            .browser()
            .send(request.body(Body::empty()).unwrap())
            .await;
        assert_eq!(page.body.contains(details), shown, "{peer}");
    }
}

#[tokio::test]
async fn details_are_sentences_and_names_keep_their_letters() {
    let world = World::new().await;
    let page = world.browser().get("/login/gogle").await;
    assert!(page.body.contains("did you mean google?</p>"), "{page:?}");

    let refused = Fault::Token(json!({ "error": "invalid_client" }));
    let page = world.refuses_fault(refused, 502, "client_refused").await;
    for details in [
        "<p>Provider &quot;google&quot;: client_id, client_secret or private_key was refused",
        "<p>client_id, client_secret or private_key is not the one that the provider has, or has expired there.</p>",
    ] {
        assert!(page.body.contains(details), "{page:?}");
    }
}

#[tokio::test]
async fn details_are_never_shown_where_others_reach_the_app() {
    let provider = crate::support::provider("google").await;
    let public = keycard::Auth::builder()
        .toml(&provider.secrets())
        .set("auth.google.development", false)
        .set(
            "auth.redirect_uri",
            "https://app.example.com/oauth2callback",
        )
        .set("auth.cookie_secret", crate::support::fresh_secret())
        .build()
        .unwrap();
    let app = crate::support::app(&public);
    for host in ["app.example.com", "localhost"] {
        let mut browser = Browser::new(&app, "https://app.example.com");
        let headers = [HTML, ("host", host)];
        let page = browser.request("GET", "/login/nobody", &headers).await;
        assert_eq!(page.code().as_deref(), Some("unknown_provider"));
        assert!(!page.body.contains("nobody"), "{page:?}");
    }
}

#[tokio::test]
async fn a_socket_that_another_sites_page_opens_is_nobodys() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let alice = who(&mut browser).await;
    let upgrade = [("connection", "upgrade"), ("upgrade", "WebSocket")];

    for (origin, is_foreign) in [
        (Some("https://evil.example"), true),
        (Some("null"), true),
        (Some("http://localhost:8502"), true),
        (Some("https://localhost:8501"), true),
        (Some(SITE), false),
        // No browser leaves it out.
        (None, false),
    ] {
        let origin: Vec<_> = origin
            .map(|origin| ("origin", origin))
            .into_iter()
            .collect();
        let headers = [&upgrade[..], &origin].concat();

        let me = browser.request("GET", "/me", &headers).await;
        let maybe = browser.request("GET", "/maybe", &headers).await;
        let private = browser.request("GET", "/private", &headers).await;

        if is_foreign {
            assert_eq!(me.body, "nobody", "{origin:?}");
            assert_eq!(maybe.body, "false");
            assert_eq!(private.status, StatusCode::FORBIDDEN);
            assert_eq!(private.code().as_deref(), Some("foreign_socket"));
        } else {
            assert_eq!(me.body, alice, "{origin:?}");
            assert_eq!(maybe.body, "true");
            assert_eq!(private.body, "alice");
        }
    }
    // A request of another site that opens no socket is judged by SameSite alone.
    let headers = [("origin", "https://evil.example")];
    assert_eq!(browser.request("GET", "/me", &headers).await.body, alice);
}

#[tokio::test]
async fn res_06_a_flood_of_failures_is_ten_lines_a_second_and_then_their_number() {
    let world = World::new().await;
    let mut browser = world.browser();
    let unknown = "/oauth2callback?code=canary&state=canary";
    let counts = |world: &World| {
        let lines = world.logs.complaints();
        let summed = lines.iter().filter(|line| line.text.contains("left_out"));
        (
            lines.len(),
            summed.map(|line| line.text.clone()).collect::<Vec<_>>(),
        )
    };

    tokio::time::pause();
    for _ in 0..2_000 {
        browser.get(unknown).await;
    }
    assert_eq!(counts(&world).0, 10);
    // Another failure has lines of its own.
    browser.get("/login/nobody").await;
    assert_eq!(counts(&world).0, 11);

    tokio::time::resume();
    pass(Duration::from_millis(1100)).await;
    let (lines, summed) = counts(&world);
    assert_eq!(lines, 12, "the number is told though nothing more happens");
    assert_eq!(summed.len(), 1, "{summed:?}");
    assert!(summed[0].contains("left_out=1990"), "{summed:?}");
    assert!(
        summed[0].contains("code=login_cookie_missing"),
        "{summed:?}"
    );

    browser.get(unknown).await;
    assert_eq!(counts(&world).0, 13);
    pass(Duration::from_secs(5)).await;
    assert_eq!(counts(&world).0, 13);
    assert!(!world.logs.everything().contains("canary"));
}

#[tokio::test]
async fn a_line_says_the_code_the_provider_the_cause_and_what_to_do() {
    let world = World::new().await;
    let browser = &mut world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    world.provider.misbehave(Fault::Answer {
        endpoint: Endpoint::Token,
        status: 500,
        headers: vec![],
        body: b"canary".to_vec(),
    });
    world.logs.clear();

    let answer = browser.get_from_elsewhere(&callback).await;

    let complaints = world.logs.complaints();
    let [line] = complaints.as_slice() else {
        panic!("{complaints:?}")
    };
    assert_eq!(line.level, tracing::Level::ERROR);
    for part in [
        "code=provider_status ",
        "provider=google ",
        "request_id=",
        "advice=a status of 404 means that the address is wrong",
        "message=provider \"google\": its token endpoint answered with status 500",
    ] {
        assert!(line.text.contains(part), "{part} in {}", line.text);
    }
    assert!(!line.text.contains("canary"));
    assert!(!answer.body.contains("canary"));
    world.provider.behave();

    world.logs.clear();
    browser.get("/oauth2callback?code=x").await;
    assert_eq!(world.logs.complaints()[0].level, tracing::Level::WARN);
}

#[tokio::test]
async fn a_failure_keeps_what_the_app_itself_set_beside_it() {
    let world = World::new().await;
    let fail = async |session: keycard::Session| {
        let error = session.login("nobody").await.unwrap_err();
        ([("set-cookie", "theirs=1")], error)
    };
    let app = axum::Router::new()
        .route("/fail", axum::routing::get(fail))
        .layer(world.auth.layer());

    let answer = Browser::new(&app, SITE).get("/fail").await;

    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert_eq!(answer.cookies(), ["theirs=1"]);
}

#[tokio::test]
async fn a_request_with_odd_headers_is_answered() {
    let world = World::new().await;
    for (name, value) in [
        ("host", &b"\xff\xfe"[..]),
        ("origin", b"\xff"),
        ("accept", b"\xfftext/html"),
        ("sec-fetch-mode", b"\xff"),
        ("sec-fetch-site", b"\xff"),
        ("purpose", b"\xff"),
        ("cookie", b"\xff=\xff; =; ;;=;"),
    ] {
        for (method, path) in [
            (Method::GET, "/me"),
            (Method::GET, "/private"),
            (Method::GET, "/auth/login?provider=google"),
            (Method::POST, "/auth/login"),
            (Method::POST, "/auth/logout"),
            (Method::GET, "/oauth2callback?code=x&state=y"),
        ] {
            let request = Request::builder()
                .method(&method)
                .uri(path)
                .header(name, http::HeaderValue::from_bytes(value).unwrap());
            let answer = world
                .browser()
                .send(request.body(Body::empty()).unwrap())
                .await;
            assert!(!answer.status.is_server_error(), "{name} {path} {answer:?}");
        }
    }
}
