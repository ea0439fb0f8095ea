//! The way back from the provider: what is let in, and everything that is not.

use std::future::Future;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::routing::get;
use http::{Method, Request, StatusCode};
use keycard::User;
use keycard::dev::{self, Endpoint, Fault};
use serde_json::json;

use crate::support::{
    Answer, Browser, SITE, World, app, fresh_secret, groups, pass, provider, provider_with,
    relative, settle, who,
};

/// The callback's parameters, to be changed.
#[derive(Clone, Debug)]
struct Callback(Vec<(String, String)>);

impl Callback {
    fn of(url: &str) -> Self {
        let query = url.split_once('?').map_or("", |(_, query)| query);
        let pairs = url::form_urlencoded::parse(query.as_bytes());
        Self(pairs.into_owned().collect())
    }

    #[track_caller]
    fn value(&self, name: &str) -> String {
        let found = self.0.iter().find(|(found, _)| found == name);
        found
            .unwrap_or_else(|| panic!("no {name}: {self:?}"))
            .1
            .clone()
    }

    fn with(mut self, name: &str, value: &str) -> Self {
        self.0.retain(|(found, _)| found != name);
        self.0.push((name.to_owned(), value.to_owned()));
        self
    }

    fn without(mut self, name: &str) -> Self {
        self.0.retain(|(found, _)| found != name);
        self
    }

    fn url(&self) -> String {
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.extend_pairs(&self.0);
        format!("/oauth2callback?{}", query.finish())
    }
}

/// Home, with nothing touched and nobody asked.
#[track_caller]
fn goes_home(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    assert_eq!(answer.location(), "/");
    assert!(answer.cookies().is_empty(), "{answer:?}");
}

#[tokio::test]
async fn cbk_01_a_callback_that_says_nothing_goes_home() {
    let world = World::new().await;
    for mut browser in [world.browser(), world.logged_in("bob").await] {
        browser.begin(&world.provider).await;
        let (before, calls) = (who(&mut browser).await, world.calls());
        for query in [
            "",
            "?",
            "?&",
            "?===",
            "?&&&&",
            "?x=1",
            "?code=&state=",
            "?foo",
        ] {
            let answer = browser
                .get_from_elsewhere(&format!("/oauth2callback{query}"))
                .await;
            goes_home(&answer);
        }
        assert_eq!(who(&mut browser).await, before);
        assert_eq!(world.calls(), calls);
    }
    assert!(world.logs.complaints().is_empty());
}

#[tokio::test]
async fn cbk_01_a_provider_that_says_nothing_about_a_login_answered_wrongly() {
    let world = World::new().await;
    let mut browser = world.logged_in("bob").await;
    let callback = Callback::of(&browser.way_back(&world.provider, "alice").await);
    let calls = world.calls();

    let url = callback.without("code").url();
    world
        .refuses_callback(&mut browser, &url, 502, "answer_without_code")
        .await;

    assert_eq!(world.calls(), calls);
}

#[tokio::test]
async fn cbk_02_a_code_without_its_state_is_refused() {
    let world = World::new().await;
    for (query, code) in [
        ("?code=abc", "callback_malformed"),
        ("?code=abc&state=", "callback_malformed"),
        ("?code=abc&state=unknown", "login_cookie_missing"),
    ] {
        let mut stranger = world.browser();
        let url = format!("/oauth2callback{query}");
        world.refuses_callback(&mut stranger, &url, 400, code).await;
    }
    let mut browser = world.browser();
    browser.begin(&world.provider).await;
    let url = "/oauth2callback?code=abc&state=unknown";
    world
        .refuses_callback(&mut browser, url, 400, "state_unknown")
        .await;

    assert_eq!(browser.jar.pending().len(), 1);
    assert_eq!(world.calls(), [0, 0, 0]);
}

#[tokio::test]
async fn cbk_02_whoever_is_logged_in_goes_home_from_an_unknown_login() {
    let world = World::new().await;
    let mut browser = world.logged_in("bob").await;
    let (before, calls) = (who(&mut browser).await, world.calls());

    for query in [
        "?code=abc",
        "?code=abc&state=unknown",
        "?error=x&state=unknown",
    ] {
        let url = format!("/oauth2callback{query}");
        goes_home(&browser.get_from_elsewhere(&url).await);
    }

    assert_eq!(who(&mut browser).await, before);
    assert_eq!(world.calls(), calls);
}

#[tokio::test]
async fn cbk_03_a_login_that_another_browser_began_is_not_finished_here() {
    let world = World::new().await;
    let mut attacker = world.browser();
    let callback = attacker.way_back(&world.provider, "alice").await;

    let mut stranger = world.browser();
    world
        .refuses_callback(&mut stranger, &callback, 400, "login_cookie_missing")
        .await;
    let mut on_the_way = world.browser();
    on_the_way.begin(&world.provider).await;
    world
        .refuses_callback(&mut on_the_way, &callback, 400, "state_unknown")
        .await;
    assert_eq!(on_the_way.jar.pending().len(), 1);
    assert_eq!(world.calls(), [0, 0, 0]);

    let mut victim = world.logged_in("bob").await;
    let (bob, calls) = (who(&mut victim).await, world.calls());
    goes_home(&victim.get_from_elsewhere(&callback).await);
    assert_eq!(who(&mut victim).await, bob);
    assert_eq!(world.calls(), calls);

    assert_eq!(attacker.follow(&callback).await.location(), "/");
    assert!(who(&mut attacker).await.starts_with("alice"));
}

#[tokio::test]
async fn cbk_04_a_state_that_differs_at_all_is_refused() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = Callback::of(&browser.way_back(&world.provider, "alice").await);
    let state = callback.value("state");
    let flipped = |at: usize| {
        let other = if &state[at..=at] == "A" { "B" } else { "A" };
        format!("{}{other}{}", &state[..at], &state[at + 1..])
    };
    let swapped: String = state
        .chars()
        .map(|c| {
            if c.is_lowercase() {
                c.to_ascii_uppercase()
            } else {
                c.to_ascii_lowercase()
            }
        })
        .collect();

    for wrong in [
        flipped(0),
        flipped(20),
        flipped(42),
        swapped,
        format!("{state}="),
        format!("{state}A"),
        format!(" {state}"),
        format!("{state}\u{0}"),
        state[..42].to_owned(),
        state.replace(&state[..1], &format!("%{:02x}", state.as_bytes()[0])),
    ] {
        let url = callback.clone().with("state", &wrong).url();
        pass(Duration::from_secs(1)).await;
        let code = if wrong.contains('\0') {
            "callback_malformed"
        } else {
            "state_unknown"
        };
        world.refuses_callback(&mut browser, &url, 400, code).await;
    }

    assert_eq!(world.calls(), [0, 0, 0]);
    // The same bytes in another spelling of the URL are the same state.
    let spelled: String = state.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let url = callback.without("state").url();
    let answer = browser
        .get_from_elsewhere(&format!("{url}&state={spelled}"))
        .await;
    assert_eq!(answer.location(), "/");
    assert!(who(&mut browser).await.starts_with("alice"));
}

#[tokio::test]
async fn cbk_05_a_reloaded_or_bookmarked_callback_goes_home() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    browser.follow(&callback).await;
    let (alice, calls) = (who(&mut browser).await, world.calls());

    for _ in 0..3 {
        goes_home(&browser.get_from_elsewhere(&callback).await);
        goes_home(&browser.get(&callback).await);
    }
    // Long after, from a bookmark.
    world.clock.turn(24 * 60 * 60);
    goes_home(&browser.get(&callback).await);

    assert_eq!(who(&mut browser).await, alice);
    assert_eq!(world.calls(), calls);
    assert!(world.logs.complaints().is_empty());
}

#[tokio::test]
async fn cbk_05_after_a_logout_the_callback_says_that_the_login_is_over() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    browser.follow(&callback).await;
    browser.post("/logout", "").await;
    let calls = world.calls();

    let answer = world
        .refuses_callback(&mut browser, &callback, 400, "login_cookie_missing")
        .await;

    assert!(answer.body.contains("href=\"/auth/login\""), "{answer:?}");
    assert_eq!(world.calls(), calls);
}

#[tokio::test]
async fn cbk_05_a_dead_cookie_goes_home_only_for_the_login_that_made_the_identity() {
    let world = World::new().await;
    for spoil in ["expired", "unreadable"] {
        world.clock.turn(0);
        let mut browser = world.browser();
        let callback = browser.way_back(&world.provider, "alice").await;
        let name = browser.jar.pending().remove(0);
        let value = browser.jar.value(&name).unwrap().to_owned();
        browser.follow(&callback).await;
        let calls = world.calls();
        let value = match spoil {
            "expired" => value,
            _ => "AAAA".to_owned(),
        };
        if spoil == "expired" {
            world.clock.turn(601);
        }

        // A second tab kept the cookie while the first one finished the login.
        browser.jar.put(&name, &value);
        let answer = browser.get_from_elsewhere(&callback).await;
        assert_eq!(answer.location(), "/", "{spoil}");
        assert!(who(&mut browser).await.starts_with("alice"));

        // Bob's identity came from another state.
        let mut other = world.logged_in("bob").await;
        other.jar.put(&name, &value);
        let code = format!("login_{spoil}");
        world
            .refuses_callback(&mut other, &callback, 400, &code)
            .await;
        assert!(other.jar.pending().is_empty());
        assert_eq!(world.calls()[0], calls[0] + 1, "bob's own login");
    }
}

#[tokio::test]
async fn cbk_06_a_parameter_twice_is_refused_and_the_login_goes_on() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = Callback::of(&browser.way_back(&world.provider, "alice").await);

    for name in ["code", "state", "iss", "error", "error_description", "x"] {
        let known = callback.0.iter().find(|(found, _)| found == name);
        let same = known.map_or("y".to_owned(), |(_, value)| value.clone());
        for second in [same.as_str(), "other", ""] {
            let mut twice = callback.clone();
            if known.is_none() {
                twice.0.push((name.to_owned(), same.clone()));
            }
            twice.0.push((name.to_owned(), second.to_owned()));
            pass(Duration::from_secs(1)).await;
            world
                .refuses_callback(&mut browser, &twice.url(), 400, "callback_malformed")
                .await;
        }
    }

    assert_eq!(world.calls(), [0, 0, 0]);
    assert_eq!(browser.follow(&callback.url()).await.location(), "/");
    assert!(who(&mut browser).await.starts_with("alice"));
}

#[tokio::test]
async fn cbk_07_code_and_error_together_are_refused() {
    let world = World::new().await;
    let mut browser = world.logged_in("bob").await;
    let callback = Callback::of(&browser.way_back(&world.provider, "alice").await);
    let calls = world.calls();

    let url = callback.with("error", "access_denied").url();
    world
        .refuses_callback(&mut browser, &url, 400, "callback_malformed")
        .await;

    assert_eq!(world.calls(), calls);
}

#[tokio::test]
async fn cbk_08_a_cancelled_login_says_so_and_logs_nobody_out() {
    let world = World::new().await;
    let mut browser = world.logged_in("bob").await;
    let authorization_url = browser.begin(&world.provider).await;
    let callback = world.provider.deny(&authorization_url).unwrap();

    let answer = world
        .refuses_callback(&mut browser, &callback, 403, "login_cancelled")
        .await;

    assert!(answer.body.contains("<h1>Login cancelled</h1>"));
    assert!(answer.body.contains("href=\"/auth/login?provider=google\""));
    assert!(browser.jar.pending().is_empty());
}

#[tokio::test]
async fn cbk_08_nothing_of_an_error_without_a_login_reaches_the_log() {
    let world = World::new().await;
    for state in ["", "&state=unknown"] {
        let url = format!(
            "/oauth2callback?error=canary_error&error_description=canary_description\
             &error_uri=canary_uri&iss=canary_issuer{state}"
        );
        for mut browser in [world.browser(), world.browser()] {
            let code = if state.is_empty() {
                "callback_malformed"
            } else {
                "login_cookie_missing"
            };
            let answer = world.refuses_callback(&mut browser, &url, 400, code).await;

            let said = format!("{}{}", world.logs.everything(), answer.body);
            assert!(!said.contains("canary"), "{said}");
        }
    }
}

#[tokio::test]
async fn cbk_09_no_failed_callback_logs_anybody_out() {
    let world = World::new().await;
    let answer = |status, body: &str| Fault::Answer {
        endpoint: Endpoint::Token,
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.into(),
    };
    for (fault, status, code) in [
        (Fault::NoIdToken, 502, "token_answer_invalid"),
        (answer(500, ""), 502, "provider_status"),
        (
            answer(400, r#"{"error":"invalid_grant"}"#),
            400,
            "code_refused",
        ),
        (
            answer(401, r#"{"error":"invalid_client"}"#),
            502,
            "client_refused",
        ),
        (Fault::SignedByAnotherKey, 502, "id_token_refused"),
        (
            Fault::Callback(json!({"code": null, "error": "server_error"})),
            502,
            "provider_refused",
        ),
        (
            Fault::Callback(json!({"iss": null})),
            400,
            "answer_without_issuer",
        ),
        (Fault::OffDuty, 503, "provider_unreachable"),
    ] {
        // It looks at who is logged in, before and after.
        world.refuses_fault(fault, status, code).await;
    }
}

/// Two providers, a login begun at the first, and the callback of one at the second.
async fn mixed_up() -> (World, dev::Provider, Browser, Callback, Callback) {
    let other = provider("github").await;
    let google = provider("google").await;
    let world = World::around(google, |builder| builder.toml(&other.secrets()));
    let mut browser = world.browser();
    let ours = Callback::of(&browser.way_back(&world.provider, "alice").await);
    let theirs = Callback::of(&browser.way_back(&other, "alice").await);
    (world, other, browser, ours, theirs)
}

#[tokio::test]
async fn cbk_10_a_code_is_only_shown_to_the_provider_of_its_state() {
    let (world, other, mut browser, ours, theirs) = mixed_up().await;

    let url = ours.with("code", &theirs.value("code")).url();
    world
        .refuses_callback(&mut browser, &url, 400, "code_refused")
        .await;

    assert_eq!(world.provider.calls(Endpoint::Token), 1);
    assert_eq!(other.calls(Endpoint::Token), 0);
}

#[tokio::test]
async fn cbk_11_an_answer_that_names_another_issuer_is_refused_before_the_exchange() {
    let (world, other, mut browser, _, _) = mixed_up().await;
    let issuer = world.provider.issuer().to_owned();
    for wrong in [
        other.issuer().to_owned(),
        format!("{issuer}/"),
        issuer.to_uppercase(),
        format!("{issuer} "),
        issuer.replace("127.0.0.1", "localhost"),
        "null".to_owned(),
    ] {
        let callback = Callback::of(&browser.way_back(&world.provider, "alice").await);
        let url = callback.with("iss", &wrong).url();
        world
            .refuses_callback(&mut browser, &url, 400, "answer_from_another_issuer")
            .await;
        let line = &world.logs.complaints()[0].text;
        assert!(line.contains(&format!("begun at \"{issuer}\"")), "{line}");
    }
    for missing in [None, Some("")] {
        let callback = Callback::of(&browser.way_back(&world.provider, "alice").await);
        let url = match missing {
            None => callback.without("iss").url(),
            Some(empty) => callback.with("iss", empty).url(),
        };
        world
            .refuses_callback(&mut browser, &url, 400, "answer_without_issuer")
            .await;
    }
    assert_eq!(world.provider.calls(Endpoint::Token), 0);
    assert_eq!(other.calls(Endpoint::Token), 0);

    let callback = browser.way_back(&world.provider, "alice").await;
    assert!(callback.contains("iss="));
    assert_eq!(browser.follow(&callback).await.location(), "/");
}

#[tokio::test]
async fn cbk_11_an_issuer_that_is_sent_unasked_is_compared_all_the_same() {
    let world = World::new().await;
    world.provider.misbehave(Fault::Metadata(
        json!({"authorization_response_iss_parameter_supported": null}),
    ));
    let mut browser = world.browser();
    let callback = Callback::of(&browser.way_back(&world.provider, "alice").await);
    let url = callback.with("iss", "https://evil.example").url();
    world
        .refuses_callback(&mut browser, &url, 400, "answer_from_another_issuer")
        .await;

    let callback = Callback::of(&browser.way_back(&world.provider, "alice").await);
    let answer = browser.follow(&callback.without("iss").url()).await;
    assert_eq!(answer.location(), "/", "{answer:?}");
}

#[tokio::test]
async fn cbk_12_a_pending_login_under_the_name_of_another_is_refused() {
    let (world, other, mut browser, ours, theirs) = mixed_up().await;
    let names = browser.jar.pending();
    let [first, second] = names.as_slice() else {
        panic!("{names:?}")
    };
    let values = [first, second].map(|name| browser.jar.value(name).unwrap().to_owned());
    browser.jar.put(first, &values[1]);
    browser.jar.put(second, &values[0]);

    for callback in [ours, theirs] {
        world
            .refuses_callback(&mut browser, &callback.url(), 400, "login_unreadable")
            .await;
    }

    assert_eq!(world.provider.calls(Endpoint::Token), 0);
    assert_eq!(other.calls(Endpoint::Token), 0);
}

#[tokio::test]
async fn cbk_13_what_else_stands_in_the_callback_is_ignored() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;

    let answer = browser
        .follow(&format!(
            "{callback}&return_to=https://evil.example&provider=github&email=eve@example.com\
             &id_token=x.y.z&access_token=x&session_state=1&scope=openid&authuser=0&hd=x&prompt=none"
        ))
        .await;

    assert_eq!(answer.location(), "/");
    let who = who(&mut browser).await;
    assert!(
        who.starts_with("alice of ") && who.contains(" by google "),
        "{who}"
    );
}

#[tokio::test]
async fn cbk_14_tokens_in_the_address_log_nobody_in() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = Callback::of(&browser.way_back(&world.provider, "alice").await);
    for name in ["access_token", "id_token"] {
        let answer = browser.get(&format!("/oauth2callback?{name}=x")).await;
        goes_home(&answer);
        let url = format!("/oauth2callback?{name}=x&state=unknown");
        goes_home(&browser.get(&url).await);
    }

    let url = callback.without("code").with("id_token", "x.y.z").url();
    world
        .refuses_callback(&mut browser, &url, 502, "answer_without_code")
        .await;

    assert_eq!(who(&mut browser).await, "nobody");
    assert_eq!(world.calls(), [0, 0, 0]);
}

#[tokio::test]
async fn cbk_16_a_post_to_the_callback_is_not_answered_and_its_body_not_read() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    let (_, query) = callback.split_once('?').unwrap();

    for (path, body, content_type) in [
        (callback.as_str(), Body::empty(), None),
        (
            "/oauth2callback",
            Body::from(query.to_owned()),
            Some("application/x-www-form-urlencoded"),
        ),
        ("/oauth2callback", Body::from(vec![b'a'; 10 << 20]), None),
        ("/oauth2callback", Body::new(Endless), None),
        ("/oauth2callback", Body::new(Silent), None),
    ] {
        let mut request = browser.navigation(Method::POST, path, "cross-site");
        if let Some(content_type) = content_type {
            request = request.header("content-type", content_type);
        }
        let answer = browser.send(request.body(body).unwrap()).await;

        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(answer.header("allow"), Some("GET, HEAD"));
        assert_eq!(answer.code().as_deref(), Some("method_not_allowed"));
        assert!(answer.cookies().is_empty());
    }

    assert_eq!(world.calls(), [0, 0, 0]);
    assert_eq!(browser.follow(&callback).await.location(), "/");
}

#[tokio::test]
async fn cbk_16_a_form_without_end_is_cut() {
    let world = World::new().await;
    tokio::time::pause();
    for body in [
        Body::new(Endless),
        Body::from(vec![b'a'; 10 << 20]),
        Body::new(Silent),
    ] {
        let browser = &mut world.browser();
        let request = browser.navigation(Method::POST, "/auth/login", "same-origin");

        let answer = browser.send(request.body(body).unwrap()).await;

        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{answer:?}");
        assert_eq!(answer.code().as_deref(), Some("form_unreadable"));
        assert!(answer.cookies().is_empty());
    }
}

/// A body that goes on for ever.
struct Endless;

/// A body that never begins.
struct Silent;

type Polled = std::task::Poll<Option<Result<http_body::Frame<axum::body::Bytes>, axum::Error>>>;

impl http_body::Body for Endless {
    type Data = axum::body::Bytes;
    type Error = axum::Error;

    fn poll_frame(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Polled {
        let chunk = axum::body::Bytes::from_static(b"provider=nobody&");
        std::task::Poll::Ready(Some(Ok(http_body::Frame::data(chunk))))
    }
}

impl http_body::Body for Silent {
    type Data = axum::body::Bytes;
    type Error = axum::Error;

    fn poll_frame(self: std::pin::Pin<&mut Self>, _: &mut std::task::Context<'_>) -> Polled {
        std::task::Poll::Pending
    }
}

#[tokio::test]
async fn cbk_17_a_query_that_cannot_be_read_is_refused() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    let long = format!("x={}", "a".repeat(60 * 1024));
    let many = "&a=1".repeat(15_000);
    let different: String = (0..33).map(|at| format!("&p{at}=1")).collect();

    for odd in [
        "x=%",
        "x=%zz",
        "x=%2",
        "%zz=1",
        "x=%00",
        "x=%C0%AF",
        "x=%ED%A0%80",
        "x=%FF",
        "x=%7f",
        "x=%C2%85",
        long.as_str(),
        many.as_str(),
        different.as_str(),
    ] {
        let url = format!("{callback}&{odd}");
        // More than ten lines a second would be cut.
        pass(Duration::from_secs(1)).await;
        world
            .refuses_callback(&mut browser, &url, 400, "callback_malformed")
            .await;
    }

    assert_eq!(world.calls(), [0, 0, 0]);
    assert_eq!(browser.follow(&callback).await.location(), "/");
}

#[tokio::test]
async fn cbk_18_a_new_login_replaces_the_identity_whole() {
    let world = World::new().await;
    // Carol's groups take a second cookie.
    let mut browser = world.logged_in("carol").await;
    assert!(browser.jar.names().iter().any(|name| name.ends_with("-2")));

    let answer = browser.log_in(&world.provider, "alice").await;

    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    assert!(who(&mut browser).await.starts_with("alice"));
    assert!(!browser.jar.names().iter().any(|name| name.ends_with("-2")));
    let again = browser.log_in(&world.provider, "carol").await;
    assert_eq!(again.location(), "/");
    assert!(who(&mut browser).await.starts_with("carol"));
    let told = async |user: User| user.claim("groups").unwrap().to_string();
    let app = Router::new()
        .route("/groups", get(told))
        .layer(world.auth.layer());
    let mut reader = Browser::new(&app, SITE);
    reader.jar = browser.jar.clone();
    let found = reader.get("/groups").await.body;
    assert_eq!(found, json!(groups(200)).to_string());
}

#[tokio::test]
async fn cbk_19_only_a_get_that_somebody_meant_uses_up_a_login() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    let prefetch = |name: &'static str, value: &'static str| ("GET", vec![(name, value)], 503);

    for (method, headers, status) in [
        ("HEAD", vec![], 204),
        ("OPTIONS", vec![], 405),
        ("PUT", vec![], 405),
        prefetch("sec-purpose", "prefetch"),
        prefetch("sec-purpose", "prefetch;prerender"),
        prefetch("purpose", "prefetch"),
        prefetch("x-moz", "prefetch"),
    ] {
        let answer = browser.request(method, &callback, &headers).await;

        assert_eq!(answer.status, status, "{method} {headers:?}");
        assert!(answer.cookies().is_empty());
        assert_eq!(answer.header("cache-control"), Some("no-store"));
    }

    assert_eq!(world.calls(), [0, 0, 0]);
    assert_eq!(browser.follow(&callback).await.location(), "/");
}

/// A provider's refusal with these parameters, of a login of `browser`.
async fn refused(world: &World, browser: &mut Browser, parameters: &[(&str, &str)]) -> String {
    let callback = Callback::of(&browser.way_back(&world.provider, "alice").await);
    let callback = parameters
        .iter()
        .fold(callback.without("code"), |callback, (name, value)| {
            callback.with(name, value)
        });
    callback.url()
}

const NASTY: &[(&str, &str)] = &[
    ("error", "<script>alert(1)</script>"),
    (
        "error_description",
        "\"><img src=x onerror=alert(1)>\r\nforged line\u{1b}[31m \u{2028}",
    ),
    ("error_uri", "javascript:alert(1)"),
];

#[tokio::test]
async fn cbk_20_what_a_provider_says_is_never_markup_nor_a_line_of_the_log() {
    let world = World::new().await;
    for (host, local) in [("localhost:8501", true), ("app.example.com", false)] {
        let mut browser = world.browser();
        let url = refused(&world, &mut browser, NASTY).await;
        world.logs.clear();
        let request = browser
            .navigation(Method::GET, &url, "cross-site")
            .header("host", host);
        let answer = browser.send(request.body(Body::empty()).unwrap()).await;

        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{answer:?}");
        assert_eq!(answer.code().as_deref(), Some("provider_refused"));
        for markup in ["<script", "<img", "javascript:", "\u{1b}", "\r"] {
            assert!(!answer.body.contains(markup), "{markup:?} in {answer:?}");
        }
        assert_eq!(answer.body.contains("forged line"), local);
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"));
        let complaints = world.logs.complaints();
        assert_eq!(complaints.len(), 1);
        let line = &complaints[0].text;
        for raw in ['\r', '\n', '\u{1b}', '\u{2028}'] {
            assert!(!line.contains(raw), "{line:?}");
        }
        assert!(line.contains("the error `(unreadable)`"), "{line}");
        assert!(line.contains("forged line"), "{line}");
        assert!(!line.contains("<script"), "{line}");
    }
}

#[tokio::test]
async fn cbk_20_an_error_is_logged_as_it_is_if_it_is_one_and_its_description_cut() {
    let world = World::new().await;
    let mut browser = world.browser();
    let longest = "e".repeat(64);
    let too_long = "e".repeat(65);
    for (error, shown) in [
        ("invalid_scope", "invalid_scope"),
        ("AADSTS50105", "AADSTS50105"),
        ("urn.x-y", "urn.x-y"),
        (longest.as_str(), longest.as_str()),
        (too_long.as_str(), "(unreadable)"),
        ("two words", "(unreadable)"),
        ("ünlesbar", "(unreadable)"),
    ] {
        pass(Duration::from_secs(1)).await;
        let url = refused(&world, &mut browser, &[("error", error)]).await;
        world.logs.clear();
        browser.get_from_elsewhere(&url).await;
        let line = world.logs.complaints().remove(0).text;
        assert!(line.contains(&format!("the error `{shown}`")), "{line}");
    }

    // Escaped, and no escape in halves: the last two of these are cut short of 200.
    for (text, cut) in [("d", 200), ("名", 200), ("\u{1b}", 198), ("ü", 198)] {
        pass(Duration::from_secs(1)).await;
        let description = text.repeat(500);
        let parameters = [
            ("error", "server_error"),
            ("error_description", &description),
        ];
        let url = refused(&world, &mut browser, &parameters).await;
        world.logs.clear();
        browser.get_from_elsewhere(&url).await;
        let line = world.logs.complaints().remove(0).text;
        let (_, after) = line.split_once("described it as \"").unwrap();
        let described = after.split_once("\" code=").map_or(after, |(it, _)| it);
        let described = described.trim_end_matches(['"', ' ']);
        assert_eq!(described.len(), cut, "{described}");
        assert!(described.is_ascii());
    }
}

#[tokio::test]
async fn cbk_20_the_status_says_whose_fault_a_refusal_is() {
    let world = World::new().await;
    for (error, status) in [
        ("temporarily_unavailable", 503),
        ("server_error", 502),
        ("invalid_request", 502),
        ("unauthorized_client", 502),
        ("login_required", 403),
        ("consent_required", 403),
    ] {
        let mut browser = world.logged_in("bob").await;
        let url = refused(&world, &mut browser, &[("error", error)]).await;
        world
            .refuses_callback(&mut browser, &url, status, "provider_refused")
            .await;
    }
}

#[tokio::test]
async fn cbk_21_a_code_is_passed_on_as_it_is_up_to_4_kb() {
    let world = World::new().await;
    let longest = "c".repeat(4096);
    for code in [
        "c",
        longest.as_str(),
        "4/0AX4XfWh+a b",
        "ünïcode 名",
        "a&b=c%20d;e",
        "\"<>\\",
    ] {
        let mut browser = world.browser();
        let callback = Callback::of(&browser.way_back(&world.provider, "alice").await);
        browser
            .get_from_elsewhere(&callback.with("code", code).url())
            .await;
        let request = world.provider.last_request(Endpoint::Token).unwrap();
        assert_eq!(request.parameter("code"), Some(code));
    }
    let exchanged = world.calls()[0];

    // 64 KB do not fit in the address of any request.
    for length in [4097, 16 * 1024, 60 * 1024] {
        let mut browser = world.browser();
        let callback = Callback::of(&browser.way_back(&world.provider, "alice").await);
        let url = callback.with("code", &"c".repeat(length)).url();
        world
            .refuses_callback(&mut browser, &url, 400, "callback_malformed")
            .await;
    }
    assert_eq!(world.calls()[0], exchanged);
}

#[tokio::test]
async fn cbk_23_a_login_may_take_ten_minutes_and_no_more() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    world.clock.turn(599);
    assert_eq!(browser.follow(&callback).await.location(), "/");

    world.clock.turn(0);
    let mut browser = world.logged_in("bob").await;
    let begun = browser
        .get("/auth/login?provider=google&return_to=/reports%3Fq=1%262")
        .await;
    let callback = world.provider.authorize(begun.location(), "alice").unwrap();
    world.clock.turn(661);
    let calls = world.calls();
    let answer = world
        .refuses_callback(&mut browser, &callback, 400, "login_expired")
        .await;

    assert!(answer.body.contains("<h1>The login took too long</h1>"));
    assert_eq!(world.calls(), calls);
    assert!(browser.jar.pending().is_empty());
    // The way on leads to where they were going.
    let (_, link) = answer.body.split_once("class=\"button\" href=\"").unwrap();
    let link = link.split_once('"').unwrap().0.replace("&amp;", "&");
    world.clock.turn(0);
    let request = browser.navigation(Method::GET, &link, "same-origin");
    let begun = browser.send(request.body(Body::empty()).unwrap()).await;
    let callback = world.provider.authorize(begun.location(), "alice").unwrap();
    let answer = browser.follow(&relative(&callback)).await;
    assert_eq!(answer.location(), "/reports?q=1&2");
}

#[tokio::test]
async fn cbk_25_the_host_of_the_request_decides_nothing() {
    let world = World::new().await;
    for host in [
        "evil.example",
        "127.0.0.1:8501",
        "app.internal:8080",
        "localhost:1",
    ] {
        let mut browser = world.browser();
        let callback = browser.way_back(&world.provider, "alice").await;
        let request = browser
            .navigation(Method::GET, &callback, "cross-site")
            .header("host", host)
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "https")
            .header("forwarded", "host=evil.example;proto=https");

        let answer = browser.send(request.body(Body::empty()).unwrap()).await;

        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{host}: {answer:?}");
        assert_eq!(answer.location(), "/");
        let request = world.provider.last_request(Endpoint::Token).unwrap();
        assert_eq!(
            request.parameter("redirect_uri"),
            Some("http://localhost:8501/oauth2callback")
        );
    }
    // The browser of another host has no cookie of ours to send.
    let callback = world.browser().way_back(&world.provider, "alice").await;
    let mut elsewhere = Browser::new(&world.app, "http://127.0.0.1:8501");
    world
        .refuses_callback(&mut elsewhere, &callback, 400, "login_cookie_missing")
        .await;
}

#[tokio::test]
async fn cbk_26_a_path_that_is_nearly_ours_is_not_ours() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    let (_, query) = callback.split_once('?').unwrap();

    for path in [
        "/oauth2callback/",
        "//oauth2callback",
        "/OAUTH2CALLBACK",
        "/Oauth2Callback",
        "/oauth2callback;x",
        "/oauth2callback%2f",
        "/oauth2%63allback",
        "/%2e/oauth2callback",
        "/./oauth2callback",
        "/x/../oauth2callback",
        "/app/oauth2callback",
        "/oauth2callback/google",
        "/oauth2callback%00",
    ] {
        let request = Request::get(format!("{path}?{query}")).body(Body::empty());
        let answer = browser.send(request.unwrap()).await;

        assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path}");
        assert!(answer.cookies().is_empty());
    }

    assert_eq!(world.calls(), [0, 0, 0]);
    assert_eq!(browser.follow(&callback).await.location(), "/");
}

#[tokio::test]
async fn cbk_28_the_code_leaves_the_address_bar_and_no_cache_keeps_it() {
    let world = World::new().await;
    for subject in ["alice", "carol"] {
        let mut browser = world.browser();
        let callback = browser.way_back(&world.provider, subject).await;
        let answer = browser.get_from_elsewhere(&callback).await;

        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        let code = Callback::of(&callback).value("code");
        assert!(!format!("{answer:?}").contains(&code));
        if subject == "alice" {
            assert_eq!(answer.status, StatusCode::SEE_OTHER);
            assert!(answer.body.is_empty());
        } else {
            // The page between the two steps of a large identity loads nothing.
            let policy = answer.header("content-security-policy").unwrap();
            assert!(policy.starts_with("default-src 'none'"));
            for loads in ["<script", "<link", "<img", "src=", "//"] {
                assert!(!answer.body.contains(loads), "{loads} in {answer:?}");
            }
        }
    }
}

#[tokio::test]
async fn cbk_29_a_callback_whose_answer_was_lost_is_refused_by_the_provider() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    let before = browser.jar.clone();
    browser.follow(&callback).await;
    browser.jar = before;
    // A few seconds later nothing of the exchange is kept.
    pass(Duration::from_secs(6)).await;

    let answer = world
        .refuses_callback(&mut browser, &callback, 400, "code_refused")
        .await;

    assert!(answer.body.contains("href=\"/auth/login?provider=google\""));
    assert_eq!(
        browser.log_in(&world.provider, "alice").await.location(),
        "/"
    );
}

/// Drops `request` once the provider's endpoint has been asked.
async fn hang_up(request: impl Future<Output = Answer>, world: &World, endpoint: Endpoint) {
    let calls = world.provider.calls(endpoint);
    let asked = async {
        while world.provider.calls(endpoint) == calls {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        answer = request => panic!("it was answered: {answer:?}"),
        () = asked => {}
    }
}

#[tokio::test]
async fn cbk_30_a_browser_that_hangs_up_during_the_exchange_leaves_nothing_behind() {
    let provider = provider_with("google", |builder| builder.claims_only_at_userinfo()).await;
    let world = World::around(provider, |builder| builder);
    let alive = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    world.logged_in("bob").await;
    let before = alive();

    for endpoint in [Endpoint::Token, Endpoint::Userinfo] {
        for _ in 0..10 {
            let mut browser = world.browser();
            let callback = browser.way_back(&world.provider, "alice").await;
            world.provider.misbehave(Fault::Hang { endpoint });
            hang_up(browser.clone().follow(&callback), &world, endpoint).await;
            world.provider.behave();

            // The exchange goes on without it, for as long as an exchange may take. Then the
            // browser tries again: a code that was not redeemed is still good.
            settle().await;
            pass(Duration::from_secs(11)).await;
            settle().await;
            let answer = browser.follow(&callback).await;
            match endpoint {
                Endpoint::Token => assert_eq!(answer.location(), "/", "{answer:?}"),
                _ => assert_eq!(answer.code().as_deref(), Some("code_refused")),
            }
            let answer = browser.log_in(&world.provider, "alice").await;
            assert_eq!(answer.location(), "/", "{endpoint:?}: {answer:?}");
            assert!(who(&mut browser).await.starts_with("alice"));
        }
    }

    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    assert!(alive() <= before + 4, "{} tasks, of {before}", alive());
}

#[tokio::test]
async fn cbk_24_a_login_survives_a_change_of_the_secret_where_the_older_one_is_accepted() {
    let world = World::new().await;
    let [callback, other] = {
        let mut browser = world.browser();
        let callback = browser.way_back(&world.provider, "alice").await;
        let mut other = world.browser();
        let other_callback = other.way_back(&world.provider, "bob").await;
        [(browser, callback), (other, other_callback)]
    };
    let changed = |accepted: Option<String>| {
        World::around(world.provider.clone(), |builder| {
            let builder = builder.set("auth.cookie_secret", fresh_secret());
            match accepted {
                Some(secret) => builder.set("auth.cookie_secrets_accepted", secret),
                None => builder,
            }
        })
    };

    let accepting = changed(Some(world.cookie_secret.clone()));
    let mut after = accepting.browser();
    after.jar = callback.0.jar.clone();
    assert_eq!(after.follow(&callback.1).await.location(), "/");
    assert!(who(&mut after).await.starts_with("alice"));

    let without = changed(None);
    let mut after = without.browser();
    after.jar = other.0.jar.clone();
    let answer = without
        .refuses_callback(&mut after, &other.1, 400, "login_unreadable")
        .await;
    assert!(
        answer.body.contains("href=\"/auth/login"),
        "{}",
        answer.body
    );
    assert_eq!(after.log_in(&without.provider, "bob").await.location(), "/");
}

#[tokio::test]
async fn a_section_that_changed_meanwhile_says_so() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    for change in ["client_id", "issuer"] {
        let auth = keycard::Auth::builder()
            .toml(&world.provider.secrets())
            .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
            .set("auth.cookie_secret", world.cookie_secret.as_str())
            .set(&format!("auth.google.{change}"), "http://changed.example")
            .build()
            .unwrap();
        let mut after = Browser::new(&app(&auth), SITE);
        after.jar = browser.jar.clone();
        world.logs.clear();

        let answer = world
            .refuses_callback(&mut after, &callback, 400, "configuration_changed")
            .await;

        assert!(answer.body.contains("href=\"/auth/login?provider=google\""));
    }
    assert_eq!(world.calls(), [0, 0, 0]);
}
