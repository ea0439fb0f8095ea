//! Pushed authorization requests (RFC 9126): what a login asks for goes to the provider ahead of the
//! browser, which carries a reference to it.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Method, StatusCode};
use keycard::dev::{Endpoint, Fault};
use serde_json::json;
use tokio::net::TcpListener;
use url::{Url, form_urlencoded};

use crate::support::{SITE, Shelf, TestKey, World, fresh_secret, pass, provider_with, row, who};

const SECTION: &str = "auth.google.require_pushed_authorization_requests";

/// A world whose provider takes pushed requests alone.
async fn requiring() -> World {
    let provider = provider_with("google", |builder| builder.require_pushed_requests()).await;
    World::around(provider, |builder| builder.set("auth.google.timeout", 1))
}

fn pushes(world: &World) -> usize {
    world.provider.calls(Endpoint::PushedRequest)
}

fn names(url: &str) -> Vec<String> {
    let url: Url = url.parse().unwrap();
    url.query_pairs()
        .map(|(name, _)| name.into_owned())
        .collect()
}

#[tokio::test]
async fn aut_13_a_provider_that_requires_pushed_requests_gets_them_and_the_browser_a_reference() {
    let plain = World::new().await;
    let in_the_open = plain.browser().begin(&plain.provider).await;
    let world = requiring().await;
    let mut browser = world.browser();

    let url = browser.begin(&world.provider).await;

    let endpoint = format!("{}/authorize?", world.provider.issuer());
    assert!(url.starts_with(&endpoint), "{url}");
    assert_eq!(names(&url), ["client_id", "request_uri"]);
    let pushed = world
        .provider
        .last_request(Endpoint::PushedRequest)
        .unwrap();
    assert!(pushed.authorization().unwrap().starts_with("Basic "));
    assert_eq!(pushed.header("accept"), Some("application/json"));
    let sent: Vec<_> = pushed
        .parameters()
        .iter()
        .map(|(name, _)| name.clone())
        .collect();
    assert_eq!(sent, names(&in_the_open));
    for (name, value) in pushed.parameters() {
        let is_ours_to_know = ["client_id", "response_type"].contains(&name.as_str());
        assert!(
            is_ours_to_know || !url.contains(value.as_str()),
            "{name} in {url}"
        );
    }

    let callback = world.provider.authorize(&url, "alice").unwrap();
    let home = browser
        .get_from_elsewhere(&crate::support::relative(&callback))
        .await;
    assert_eq!(home.location(), "/");
    assert!(who(&mut browser).await.starts_with("alice"));
    assert_eq!((pushes(&world), world.calls()[0]), (1, 1));

    // A reference is for one login; the next one pushes its own.
    let used = world.provider.authorize(&url, "alice").unwrap_err();
    assert!(
        used.to_string()
            .contains("request_uri is unknown, used or expired")
    );
    world.logged_in("bob").await;
    assert_eq!(pushes(&world), 2);
}

#[tokio::test]
async fn aut_13_requests_are_pushed_where_the_section_says_so_and_nowhere_else() {
    for (says, expected) in [(None, 0), (Some(false), 0), (Some(true), 1)] {
        row(&format!("{says:?}"));
        let world = World::with(|builder| match says {
            Some(says) => builder.set(SECTION, says),
            None => builder,
        })
        .await;

        world.logged_in("alice").await;

        assert_eq!(pushes(&world), expected);
    }
    // What the provider requires, no section takes back.
    let provider = provider_with("google", |builder| builder.require_pushed_requests()).await;
    let world = World::around(provider, |builder| builder.set(SECTION, false));
    world.logged_in("alice").await;
    assert_eq!(pushes(&world), 1);
}

#[tokio::test]
async fn aut_13_without_an_address_to_push_to_no_login_begins() {
    let name = "pushed_authorization_request_endpoint";
    for (metadata, says, log) in [
        (
            json!({ "require_pushed_authorization_requests": true, name: null }),
            false,
            "it lacks pushed_authorization_request_endpoint, and it requires pushed requests",
        ),
        (
            json!({ name: null }),
            true,
            "it lacks pushed_authorization_request_endpoint, and the section requires pushed",
        ),
        (
            json!({ name: "http://id.example/par" }),
            true,
            "pushed_authorization_request_endpoint is not an https address",
        ),
        (
            json!({ name: "/par" }),
            true,
            "pushed_authorization_request_endpoint is not an absolute URL",
        ),
        (
            json!({ name: ["https://id.example/par"] }),
            true,
            "pushed_authorization_request_endpoint is not a string",
        ),
    ] {
        row(&metadata.to_string());
        let world = World::with(|builder| builder.set(SECTION, says)).await;
        world.provider.misbehave(Fault::Metadata(metadata));

        world
            .refuses_start(&mut world.browser(), 502, "metadata_invalid", log)
            .await;
    }
}

#[tokio::test]
async fn aut_13_what_the_file_and_the_app_ask_for_is_pushed_and_the_endpoints_own_query_stays() {
    let provider = provider_with("google", |builder| builder.require_pushed_requests()).await;
    let own = format!(
        "{}/authorize?p=b2c%20one&audience=theirs",
        provider.issuer()
    );
    let world = World::around(provider, |builder| {
        builder
            .set("auth.google.authorization_endpoint", own.as_str())
            .set("auth.google.client_kwargs.acr_values", "phr & more=+%")
            .set("auth.google.client_kwargs.audience", "ours")
            .set("auth.google.client_kwargs.request_uri", "urn:of:the:file")
            .set("auth.google.client_kwargs.max_age", 60)
    });

    let url = world.browser().begin(&world.provider).await;

    assert!(url.starts_with(&own), "{url}");
    assert_eq!(names(&url), ["p", "audience", "client_id", "request_uri"]);
    let pushed = world
        .provider
        .last_request(Endpoint::PushedRequest)
        .unwrap();
    assert_eq!(pushed.parameter("acr_values"), Some("phr & more=+%"));
    assert_eq!(pushed.parameter("max_age"), Some("60"));
    for absent in ["p", "audience", "request_uri"] {
        assert_eq!(pushed.parameter(absent), None, "{absent}");
    }
}

#[tokio::test]
async fn aut_13_the_client_shows_itself_as_it_does_for_tokens_and_in_one_way() {
    let key = TestKey::new("ES256");
    for method in [
        "client_secret_basic",
        "client_secret_post",
        "private_key_jwt",
    ] {
        row(method);
        let public = key.jwk();
        let by_key = method == "private_key_jwt";
        let provider = provider_with("google", |builder| {
            let builder = builder.require_pushed_requests();
            if by_key {
                builder.client_key(public)
            } else {
                // RFC 6749 §2.3.1 has it encoded before it is base64.
                builder.client_secret(format!("{}: % + & = / ?#\u{fc}", fresh_secret()))
            }
        })
        .await;
        let world = World::around(provider, |builder| {
            let builder = builder.set("auth.google.token_endpoint_auth_method", method);
            match by_key {
                true => builder.set(
                    "auth.google.private_key",
                    key.private_texts().pop().unwrap(),
                ),
                false => builder,
            }
        });

        world.logged_in("alice").await;

        let mut assertions = BTreeSet::new();
        for endpoint in [Endpoint::PushedRequest, Endpoint::Token] {
            let request = world.provider.last_request(endpoint).unwrap();
            assert_eq!(
                request.authorization().is_some(),
                method == "client_secret_basic"
            );
            let secret = request.parameter("client_secret").is_some();
            assert_eq!(secret, method == "client_secret_post");
            let assertion = request.parameter("client_assertion");
            assert_eq!(assertion.is_some(), by_key);
            assertions.extend(assertion.map(str::to_owned));
        }
        assert_eq!(assertions.len(), if by_key { 2 } else { 0 });
    }
}

fn answer(status: u16, body: impl Into<Vec<u8>>) -> Fault {
    Fault::Answer {
        endpoint: Endpoint::PushedRequest,
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.into(),
    }
}

#[tokio::test]
async fn aut_13_a_push_that_is_refused_or_answered_wrongly_begins_no_login() {
    let endpoint = Endpoint::PushedRequest;
    let good = r#"{"request_uri":"urn:x","expires_in":60}"#;
    let patch = |patch| Fault::PushedRequest(patch);
    let invalid = "push_answer_invalid";
    let table = vec![
        (
            answer(
                400,
                r#"{"error":"invalid_request","error_description":"no\u2028such\nthing"}"#,
            ),
            502,
            "provider_refused",
            r#"the error `invalid_request`, and described it as "no\u{2028}such\nthing""#,
        ),
        (
            answer(400, r#"{"error":"invalid_redirect_uri"}"#),
            403,
            "provider_refused",
            "`invalid_redirect_uri`",
        ),
        (
            answer(503, r#"{"error":"temporarily_unavailable"}"#),
            503,
            "provider_refused",
            "`temporarily_unavailable`",
        ),
        (
            answer(400, json!({ "error": "<script>\r\nca11ary" }).to_string()),
            403,
            "provider_refused",
            "`(unreadable)`",
        ),
        (
            answer(201, r#"{"error":"invalid_request","request_uri":"urn:x"}"#),
            502,
            "provider_refused",
            "`invalid_request`",
        ),
        (
            answer(401, r#"{"error":"invalid_client"}"#),
            502,
            "client_refused",
            "invalid_client",
        ),
        (
            answer(400, r#"{"error":"invalid_client"}"#),
            502,
            "client_refused",
            "invalid_client",
        ),
        (
            answer(401, "<html>ca11ary"),
            502,
            "client_refused",
            "invalid_client",
        ),
        (
            answer(500, "ca11ary"),
            502,
            "provider_status",
            "its endpoint for pushed requests answered with status 500",
        ),
        (answer(404, ""), 502, "provider_status", "status 404"),
        (answer(429, good), 502, "provider_status", "status 429"),
        (answer(202, good), 502, "provider_status", "status 202"),
        (answer(201, ""), 502, invalid, "it is not JSON"),
        (answer(201, "[]"), 502, invalid, "it is not a JSON object"),
        (
            answer(201, format!("{good}x")),
            502,
            invalid,
            "something stands behind",
        ),
        (
            answer(201, format!("{{\"request_uri\":\"urn:y\",{}", &good[1..])),
            502,
            invalid,
            "a member stands twice",
        ),
        (answer(200, "{}"), 502, invalid, "it lacks request_uri"),
        (
            patch(json!({ "request_uri": null })),
            502,
            invalid,
            "it lacks request_uri",
        ),
        (
            patch(json!({ "request_uri": "" })),
            502,
            invalid,
            "its request_uri is no reference",
        ),
        (
            patch(json!({ "request_uri": 7 })),
            502,
            invalid,
            "its request_uri is no reference",
        ),
        (
            patch(json!({ "request_uri": "urn:x\r\ny" })),
            502,
            invalid,
            "is no reference",
        ),
        (
            patch(json!({ "request_uri": "urn:\u{e4}" })),
            502,
            invalid,
            "is no reference",
        ),
        (
            patch(json!({ "request_uri": "x".repeat(1025) })),
            502,
            invalid,
            "is no reference",
        ),
        (
            patch(json!({ "expires_in": 0 })),
            502,
            invalid,
            "its request_uri has expired already",
        ),
        (
            patch(json!({ "expires_in": -60 })),
            502,
            invalid,
            "has expired already",
        ),
        (
            Fault::Hang { endpoint },
            504,
            "provider_timeout",
            "its endpoint for pushed requests did not answer in time",
        ),
        (
            Fault::Endless {
                endpoint,
                bytes: 10 << 20,
            },
            503,
            "provider_unreachable",
            "its answer is over 256 KB",
        ),
        (
            Fault::Cut { endpoint },
            503,
            "provider_unreachable",
            "for pushed requests cannot be",
        ),
    ];
    let world = requiring().await;
    let mut browser = world.logged_in("bob").await;
    for (fault, status, code, log) in table {
        row(&format!("{fault:?} {log}"));
        world.provider.misbehave(fault);
        let before = pushes(&world);

        let answer = world.refuses_start(&mut browser, status, code, log).await;

        assert_eq!(
            pushes(&world),
            before + 1,
            "it is pushed once, and never again"
        );
        let said = format!("{}{}", answer.body, world.logs.everything());
        assert!(!said.contains("ca11ary"), "{said}");
        world.provider.behave();
    }
    world.logged_in("alice").await;
}

/// An endpoint that refuses each request with the value of one of its parameters; and the address.
async fn echo() -> (String, Arc<Mutex<&'static str>>) {
    let name = Arc::new(Mutex::new(""));
    let wanted = name.clone();
    let answer = async move |body: String| {
        let name = *wanted.lock().unwrap();
        let mut pairs = form_urlencoded::parse(body.as_bytes());
        let (_, value) = pairs.find(|(it, _)| it == name).unwrap();
        let words = format!("not with {name} <{value}>");
        let body = json!({ "error": "invalid_request", "error_description": words });
        (StatusCode::BAD_REQUEST, body.to_string())
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/par", listener.local_addr().unwrap());
    let router = axum::Router::new().fallback(answer);
    tokio::spawn(axum::serve(listener, router).into_future());
    (url, name)
}

#[tokio::test]
async fn aut_13_what_a_refusal_says_again_of_what_was_sent_is_not_told() {
    let (url, name) = echo().await;
    let world = World::with(|builder| {
        let method = "auth.google.token_endpoint_auth_method";
        let hint = "auth.google.client_kwargs.login_hint";
        builder
            .set(SECTION, true)
            .set(method, "client_secret_post")
            .set(hint, "alice.adams@example.com")
    })
    .await;
    let patch = json!({ "pushed_authorization_request_endpoint": url });
    world.provider.misbehave(Fault::Metadata(patch));
    for (echoed, is_told) in [
        ("client_id", true),
        ("redirect_uri", true),
        ("scope", true),
        ("prompt", true),
        ("state", false),
        ("nonce", false),
        ("code_challenge", false),
        ("login_hint", false),
        ("client_secret", false),
    ] {
        row(echoed);
        *name.lock().unwrap() = echoed;

        let log = "the provider answered with the error `invalid_request`";
        let answer = world
            .refuses_start(&mut world.browser(), 502, "provider_refused", log)
            .await;

        let said = format!("{}{}", answer.body, world.logs.everything());
        assert_eq!(
            said.contains(&format!("not with {echoed}")),
            is_told,
            "{said}"
        );
    }
}

#[tokio::test]
async fn aut_13_a_push_follows_no_redirect() {
    let elsewhere = Shelf::open().await;
    let world = requiring().await;
    for status in [301, 302, 303, 307, 308] {
        row(&status.to_string());
        world.provider.misbehave(Fault::Redirect {
            endpoint: Endpoint::PushedRequest,
            status,
            location: elsewhere.url("127.0.0.1"),
        });

        let log = format!("answered with status {status}");
        world
            .refuses_start(&mut world.browser(), 502, "provider_status", &log)
            .await;
    }
    assert_eq!(elsewhere.calls(), 0);
}

#[tokio::test]
async fn aut_13_nothing_is_pushed_for_what_begins_no_login() {
    let world = requiring().await;
    let mut browser = world.browser();
    // The metadata is known.
    world.logged_in("bob").await;
    let before = pushes(&world);
    let path = "/auth/login?provider=google";
    for (method, headers, status) in [
        ("HEAD", vec![("accept", "text/html")], 204),
        (
            "GET",
            vec![("accept", "text/html"), ("sec-purpose", "prefetch")],
            503,
        ),
        (
            "GET",
            vec![("sec-fetch-mode", "navigate"), ("sec-fetch-dest", "iframe")],
            400,
        ),
        (
            "GET",
            vec![("sec-fetch-mode", "cors"), ("sec-fetch-dest", "empty")],
            401,
        ),
        ("POST", vec![("origin", "https://other.example")], 403),
    ] {
        row(&format!("{method} {headers:?}"));
        let answer = browser.request(method, path, &headers).await;
        assert_eq!(answer.status, status, "{answer:?}");
        pass(Duration::from_secs(1)).await;
    }
    assert_eq!(
        browser.get("/login/gogle").await.status,
        StatusCode::NOT_FOUND
    );
    assert_eq!(pushes(&world), before);

    // A browser that is full of logins is refused before anybody is asked.
    let mut refused = 0;
    let mut begun = 0;
    for _ in 0..8 {
        let request = browser.navigation(Method::GET, path, "cross-site");
        let answer = browser
            .send(request.body(axum::body::Body::empty()).unwrap())
            .await;
        match answer.status {
            StatusCode::SEE_OTHER => begun += 1,
            _ => refused += 1,
        }
        pass(Duration::from_secs(1)).await;
    }
    assert!(refused > 0 && begun > 0, "{begun} and {refused}");
    assert_eq!(pushes(&world), before + begun);
}

#[tokio::test]
async fn aut_13_the_reference_goes_into_the_address_as_it_is_and_once() {
    let world = requiring().await;
    for reference in [
        "urn:ietf:params:x:y",
        "https://id.example/r?a=b&c=d#e",
        "a+b%20c&d=e",
    ] {
        row(reference);
        let patch = json!({ "request_uri": reference, "expires_in": null });
        world.provider.misbehave(Fault::PushedRequest(patch));

        let url = world.browser().begin(&world.provider).await;

        let url: Url = url.parse().unwrap();
        let pairs: Vec<_> = url.query_pairs().into_owned().collect();
        let id = world.provider.client_id().to_owned();
        let expected = [
            ("client_id".to_owned(), id),
            ("request_uri".to_owned(), reference.into()),
        ];
        assert_eq!(pairs, expected);
        assert_eq!(url.fragment(), None);
    }
}

#[tokio::test]
async fn aut_13_a_reference_that_has_expired_is_the_providers_to_refuse() {
    let world = requiring().await;
    let mut browser = world.logged_in("bob").await;
    let url = browser.begin(&world.provider).await;
    world.provider.turn_clock(61);

    let refused = world.provider.authorize(&url, "alice").unwrap_err();

    assert!(
        refused
            .to_string()
            .contains("request_uri is unknown, used or expired")
    );
    assert!(who(&mut browser).await.starts_with("bob"));
    // The login that begins anew has a reference of its own.
    let again = browser.begin(&world.provider).await;
    assert_ne!(again, url);
    assert!(
        world
            .provider
            .authorize(&again, "alice")
            .unwrap()
            .starts_with(SITE)
    );
}
