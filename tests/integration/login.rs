//! A login, from the button to the page that knows the name.

use axum::Router;
use axum::body::Body;
use axum::extract::RawQuery;
use axum::routing::get;
use http::header::HOST;
use http::{Method, StatusCode};
use keycard::dev::Endpoint;
use keycard::{Auth, Login, Session};
use proptest::prelude::*;
use url::Url;

use crate::support::{Answer, Browser, SITE, World, provider, relative, who};

/// Headers of a request that a page's script makes.
const SCRIPT: &[(&str, &str)] = &[
    ("accept", "*/*"),
    ("sec-fetch-mode", "cors"),
    ("sec-fetch-dest", "empty"),
    ("sec-fetch-site", "same-origin"),
];

/// Headers of a person who types the address.
const TYPED: &[(&str, &str)] = &[
    ("accept", "text/html,*/*;q=0.8"),
    ("sec-fetch-mode", "navigate"),
    ("sec-fetch-dest", "document"),
    ("sec-fetch-site", "none"),
];

/// Nothing was begun: no cookie, and nobody asked the provider.
#[track_caller]
fn nothing_began(world: &World, answer: &Answer) {
    assert!(answer.cookies().is_empty(), "{answer:?}");
    assert_eq!(world.provider.calls(Endpoint::Metadata), 0, "{answer:?}");
}

fn parameter(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).unwrap();
    let mut found = url.query_pairs().filter(|(found, _)| found == name);
    let value = found.next().map(|(_, value)| value.into_owned());
    assert!(found.next().is_none(), "{name} stands twice in {url}");
    value
}

fn encoded(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[tokio::test]
async fn somebody_logs_in_and_the_page_knows_their_name() {
    let world = World::new().await;
    let mut browser = world.browser();

    let answer = browser.log_in(&world.provider, "alice").await;

    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    assert_eq!(answer.location(), "/");
    assert_eq!(browser.get("/").await.body, "Alice Adams");
    assert!(
        world.logs.complaints().is_empty(),
        "{:?}",
        world.logs.complaints()
    );
}

#[tokio::test]
async fn lgn_01_an_unknown_provider_is_an_error_that_names_the_known_ones() {
    let world = World::new().await;
    let say = async |session: Session| match session.login("gogle").await {
        Ok(_) => "began".to_owned(),
        Err(error) => format!("{} {} {error}", error.code(), error.status()),
    };
    let app = Router::new()
        .route("/say", get(say))
        .layer(world.auth.layer());

    let told = Browser::new(&app, SITE).get("/say").await;
    let page = world.browser().get("/login/gogle").await;
    let link = world.browser().get("/auth/login?provider=gogle").await;

    assert_eq!(
        told.body,
        "unknown_provider 404 Not Found no provider is named \"gogle\"; configured: google; \
         did you mean google?"
    );
    for answer in [page, link] {
        assert_eq!(answer.status, 404);
        assert_eq!(answer.code().as_deref(), Some("unknown_provider"));
        assert!(answer.body.starts_with("<!DOCTYPE html>"));
        nothing_began(&world, &answer);
    }
}

#[tokio::test]
async fn lgn_02_a_name_that_nobody_has_asks_nobody_and_is_shown_escaped() {
    let world = World::new().await;
    let long = format!("provider={}", "a".repeat(10 * 1024));

    for query in [
        "provider=google%00",
        "provider=../google",
        "provider=GOOGLE",
        "provider=google%20",
        "provider=",
        "provider=%FF%FE",
        "provider=%3Cscript%3Ealert(1)%3C/script%3E",
        "provider=%1b[31m%0d%0a",
        "provider=google&provider=google",
        "provider=google&provider=github",
        long.as_str(),
    ] {
        world.logs.clear();
        let url = format!("/auth/login?{query}");

        let page = world.browser().get(&url).await;
        let problem = world.browser().request("GET", &url, SCRIPT).await;

        for answer in [&page, &problem] {
            assert_eq!(answer.status, 404, "{query}: {answer:?}");
            assert_eq!(answer.code().as_deref(), Some("unknown_provider"));
            assert!(!answer.body.contains("<script"), "{answer:?}");
            assert!(!answer.body.contains("\u{1b}"), "{answer:?}");
            assert!(answer.body.len() < 8 * 1024, "{query} is repeated");
            nothing_began(&world, answer);
        }
        let log = world.logs.everything();
        assert!(!log.contains('\u{1b}') && !log.contains('\r'), "{log:?}");
        assert!(log.len() < 2 * 1024, "{log}");
    }
}

#[tokio::test]
async fn lgn_04_head_begins_nothing() {
    let world = World::new().await;

    for path in ["/auth/login?provider=google", "/login/google"] {
        let answer = world.browser().request("HEAD", path, TYPED).await;

        assert_eq!(answer.status, StatusCode::NO_CONTENT, "{answer:?}");
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        nothing_began(&world, &answer);
    }
}

#[tokio::test]
async fn lgn_05_a_prefetch_begins_nothing() {
    let world = World::new().await;

    for purpose in [
        ("sec-purpose", "prefetch"),
        ("sec-purpose", "prefetch;prerender"),
        ("sec-purpose", "prefetch;anonymous-client-ip"),
        ("purpose", "prefetch"),
        ("x-moz", "prefetch"),
        ("x-purpose", "preview"),
    ] {
        for path in ["/auth/login?provider=google", "/login/google"] {
            let headers = [TYPED, &[purpose]].concat();
            let answer = world.browser().request("GET", path, &headers).await;

            assert_eq!(answer.status, 503, "{purpose:?}");
            assert_eq!(answer.header("cache-control"), Some("no-store"));
            nothing_began(&world, &answer);
        }
    }
    // A router in the page prefetches by script, and says so in a header of its own.
    let headers = [SCRIPT, &[("next-router-prefetch", "1")]].concat();
    let answer = world
        .browser()
        .request("GET", "/login/google", &headers)
        .await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    nothing_began(&world, &answer);
}

#[tokio::test]
async fn lgn_06_a_script_is_told_where_to_log_in_and_begins_nothing() {
    let world = World::new().await;
    let old = &[("accept", "application/json")][..];

    for (method, path, headers, login_url) in [
        (
            "GET",
            "/auth/login?provider=google",
            SCRIPT,
            "/auth/login?provider=google",
        ),
        (
            "GET",
            "/login/google",
            SCRIPT,
            "/auth/login?provider=google",
        ),
        (
            "POST",
            "/login/google",
            SCRIPT,
            "/auth/login?provider=google",
        ),
        ("GET", "/login/google", old, "/auth/login?provider=google"),
        ("GET", "/private", SCRIPT, "/auth/login"),
        ("GET", "/private", old, "/auth/login"),
    ] {
        let answer = world.browser().request(method, path, headers).await;

        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("application/problem+json")
        );
        let problem: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(problem["login_url"], login_url);
        nothing_began(&world, &answer);
    }
}

#[tokio::test]
async fn lgn_07_a_frame_begins_nothing() {
    let world = World::new().await;

    for dest in ["iframe", "frame", "embed", "object", "fencedframe"] {
        for path in ["/auth/login?provider=google", "/login/google"] {
            let headers = [
                ("accept", "text/html"),
                ("sec-fetch-mode", "navigate"),
                ("sec-fetch-dest", dest),
                ("sec-fetch-site", "same-origin"),
            ];
            let answer = world.browser().request("GET", path, &headers).await;

            assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{dest}");
            assert_eq!(answer.code().as_deref(), Some("login_in_frame"));
            assert_eq!(answer.header("x-frame-options"), Some("DENY"));
            nothing_began(&world, &answer);
        }
    }
}

#[tokio::test]
async fn lgn_08_another_site_may_send_people_to_the_login_but_not_on_from_it() {
    let world = World::new().await;
    let path = "/auth/login?provider=google&return_to=/reports";

    for (site, goal) in [
        ("none", "/reports"),
        ("same-origin", "/reports"),
        ("same-site", "/"),
        ("cross-site", "/"),
    ] {
        let mut browser = world.browser();
        let request = browser.navigation(Method::GET, path, site);
        let begun = browser.send(request.body(Body::empty()).unwrap()).await;
        assert_eq!(begun.status, StatusCode::SEE_OTHER, "{site}: {begun:?}");
        let callback = world.provider.authorize(begun.location(), "alice").unwrap();

        let answer = browser.follow(&relative(&callback)).await;

        assert_eq!(answer.location(), goal, "{site}");
    }
}

#[tokio::test]
async fn lgn_08_a_post_of_another_site_is_refused() {
    let world = World::new().await;
    let form = "provider=google";

    for (headers, status) in [
        (&[("sec-fetch-site", "cross-site")][..], 403),
        (&[("sec-fetch-site", "same-site")], 403),
        // Only a person's own navigation has no site, and that is never a POST.
        (&[("sec-fetch-site", "none")], 403),
        (&[("origin", "https://evil.example")], 403),
        (&[("origin", "null")], 403),
        (&[("origin", "http://localhost:8502")], 403),
        (&[("origin", "http://sub.localhost:8501")], 403),
        (&[("origin", "https://localhost:8501")], 403),
        (&[("origin", "http://localhost:8501")], 303),
        (
            &[("sec-fetch-site", "same-origin"), ("origin", "null")],
            303,
        ),
        (&[], 303),
    ] {
        for path in ["/auth/login", "/login/google"] {
            let mut request = http::Request::post(path).header("accept", "text/html");
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let answer = world
                .browser()
                .send(request.body(Body::from(form)).unwrap())
                .await;

            assert_eq!(answer.status, status, "{headers:?}: {answer:?}");
            if status == 403 {
                assert_eq!(answer.code().as_deref(), Some("login_cross_site"));
                assert!(answer.cookies().is_empty());
            }
        }
    }
}

#[tokio::test]
async fn lgn_09_a_post_begins_a_login_and_other_methods_are_not_answered() {
    let world = World::new().await;
    for method in ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "BREW"] {
        let path = "/auth/login?provider=google";
        let answer = world.browser().request(method, path, TYPED).await;

        assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(answer.header("allow"), Some("GET, HEAD, POST"));
        assert_eq!(answer.code().as_deref(), Some("method_not_allowed"));
        nothing_began(&world, &answer);
    }

    let mut browser = world.browser();
    let begun = browser
        .post("/auth/login", "provider=google&return_to=%2Freports")
        .await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{begun:?}");
    let callback = world.provider.authorize(begun.location(), "alice").unwrap();
    let answer = browser.follow(&relative(&callback)).await;
    assert_eq!(answer.location(), "/reports");
}

#[tokio::test]
async fn lgn_10_who_is_logged_in_stays_so_until_the_new_login_succeeds() {
    let world = World::new().await;
    let mut browser = world.logged_in("bob").await;
    let bob = who(&mut browser).await;

    let callback = browser.way_back(&world.provider, "alice").await;

    assert_eq!(who(&mut browser).await, bob);
    browser.follow(&callback).await;
    assert!(who(&mut browser).await.starts_with("alice of "));
}

#[tokio::test]
async fn lgn_11_a_return_to_without_end_is_home_and_the_cookie_stays_small() {
    let world = World::new().await;
    let fits = format!("/{}", "r".repeat(511));

    for (return_to, goal) in [
        (format!("/{}", "r".repeat(8 * 1024)), "/"),
        (format!("{fits}r"), "/"),
        (fits.clone(), fits.as_str()),
    ] {
        let mut browser = world.browser();
        let begun = browser
            .get(&format!(
                "/auth/login?provider=google&return_to={return_to}"
            ))
            .await;
        let line = &begun.cookies()[0];
        let pair = line.split_once("; ").unwrap().0;
        assert!(pair.len() <= 1024, "{} bytes", pair.len());
        let callback = world.provider.authorize(begun.location(), "alice").unwrap();

        let answer = browser.follow(&relative(&callback)).await;

        assert_eq!(answer.location(), goal);
    }
}

#[tokio::test]
async fn lgn_12_a_browser_without_cookies_is_told_so_and_goes_nowhere() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    browser.jar = Default::default();

    let answer = world
        .refuses_callback(&mut browser, &callback, 400, "login_cookie_missing")
        .await;

    assert!(answer.header("location").is_none());
    assert!(answer.body.contains("Cookies may be blocked"), "{answer:?}");
    assert_eq!(world.calls(), [0, 0, 0]);
}

/// A login in a browser that keeps every cookie of ours but the identity.
async fn log_in_and_lose_it(world: &World, browser: &mut Browser) -> Answer {
    let callback = browser.way_back(&world.provider, "alice").await;
    let answer = browser.follow(&callback).await;
    for name in browser
        .jar
        .names()
        .into_iter()
        .map(str::to_owned)
        .collect::<Vec<_>>()
    {
        if !name.contains("-p-") && !name.ends_with("-m") {
            browser.jar.remove(&name);
        }
    }
    answer
}

#[tokio::test]
async fn lgn_12_a_login_that_keeps_coming_back_stops_at_the_third() {
    let world = World::new().await;
    let mut browser = world.browser();

    for _ in 0..2 {
        let answer = log_in_and_lose_it(&world, &mut browser).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    }
    let exchanged = world.calls()[0];
    let third = log_in_and_lose_it(&world, &mut browser).await;

    assert_eq!(third.status, StatusCode::BAD_REQUEST);
    assert_eq!(third.code().as_deref(), Some("login_loops"));
    assert!(third.header("location").is_none());
    assert!(
        third
            .body
            .contains("You were logged in three times within two minutes"),
        "{third:?}"
    );
    assert_eq!(world.calls()[0], exchanged, "the code was not redeemed");
    assert_eq!(world.logs.complaints().len(), 1);
    // It says why once; the person who has read it may try again.
    let fourth = log_in_and_lose_it(&world, &mut browser).await;
    assert_eq!(fourth.status, StatusCode::SEE_OTHER);
}

#[tokio::test]
async fn lgn_12_logins_far_apart_or_after_a_logout_are_no_loop() {
    let world = World::new().await;
    let mut browser = world.browser();
    for at in 0..4 {
        world.clock.turn(at * 121);
        let answer = log_in_and_lose_it(&world, &mut browser).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    }
    world.clock.turn(0);

    let mut browser = world.browser();
    for _ in 0..4 {
        let answer = browser.log_in(&world.provider, "alice").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        browser.post("/logout", "").await;
        assert_eq!(who(&mut browser).await, "nobody");
    }

    let mut browser = world.browser();
    for _ in 0..4 {
        let answer = browser.log_in(&world.provider, "alice").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    }
}

#[tokio::test]
async fn lgn_13_another_name_of_this_machine_is_led_to_the_right_one_first() {
    let world = World::new().await;
    let path = "/auth/login?provider=google&return_to=/reports";

    for host in ["127.0.0.1:8501", "[::1]:8501"] {
        let headers = [TYPED, &[("host", host)]].concat();
        let answer = world.browser().request("GET", path, &headers).await;

        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{host}");
        assert_eq!(answer.location(), format!("http://localhost:8501{path}"));
        nothing_began(&world, &answer);

        let own_link = world
            .browser()
            .request("GET", "/login/google?x=1", &headers)
            .await;
        assert_eq!(
            own_link.location(),
            "http://localhost:8501/login/google?x=1"
        );
    }

    let mut browser = Browser::new(&world.app, "http://127.0.0.1:8501");
    let request = browser
        .navigation(Method::POST, "/login/google", "same-origin")
        .body(Body::empty())
        .unwrap();
    let answer = browser.send(request).await;
    assert_eq!(
        answer.location(),
        "http://localhost:8501/auth/login?provider=google"
    );
    nothing_began(&world, &answer);
}

#[tokio::test]
async fn lgn_13_a_host_that_is_no_name_of_this_machine_is_left_alone() {
    let world = World::new().await;

    for host in [
        "localhost:8501",
        "localhost:9999",
        "app.internal",
        "127.0.0.1:9999",
        "localhost.evil.example:8501",
        "evil.example",
        "a b",
    ] {
        let headers = [TYPED, &[(HOST.as_str(), host)]].concat();
        let path = "/auth/login?provider=google";
        let answer = world.browser().request("GET", path, &headers).await;

        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{host}");
        assert!(answer.location().starts_with(world.provider.issuer()));
        assert_eq!(
            parameter(answer.location(), "redirect_uri").as_deref(),
            Some("http://localhost:8501/oauth2callback")
        );
    }
}

#[tokio::test]
async fn lgn_15_what_else_a_link_says_changes_nothing() {
    let world = World::new().await;
    let names = |url: &str| -> Vec<(String, String)> {
        let changing = ["state", "nonce", "code_challenge"];
        let url = Url::parse(url).unwrap();
        url.query_pairs()
            .filter(|(name, _)| !changing.contains(&name.as_ref()))
            .map(|(name, value)| (name.into_owned(), value.into_owned()))
            .collect()
    };
    let plain = world.browser().get("/auth/login?provider=google").await;

    let odd = world
        .browser()
        .get(
            "/auth/login?provider=google&scope=admin&prompt=none&redirect_uri=https://evil.example\
             &client_id=x&login_hint=eve&state=1&nonce=2&code_challenge=3&max_age=0&acr_values=4",
        )
        .await;

    assert_eq!(names(odd.location()), names(plain.location()));
}

#[tokio::test]
async fn s4_a_parameter_given_in_code_is_sent_and_replaces_the_sections() {
    let world = World::with(|builder| {
        builder
            .set("auth.google.client_kwargs.prompt", "consent")
            .set("auth.google.client_kwargs.hd", "example.com")
            .set("auth.google.client_kwargs.access_type", "offline")
    })
    .await;
    let begin = async |session: Session| -> keycard::Result<Login> {
        session
            .login("google")
            .param("login_hint", "ä&b=c #+")
            .param("prompt", "select_account")
            .param("hd", "first.example")
            .param("hd", "second.example")
            .param("access_type", "")
            .await
    };
    let app = Router::new()
        .route("/begin", get(begin))
        .layer(world.auth.layer());

    let answer = Browser::new(&app, SITE).get("/begin").await;

    let url = answer.location();
    for (name, value) in [
        ("login_hint", Some("ä&b=c #+")),
        ("prompt", Some("select_account")),
        ("hd", Some("second.example")),
        ("access_type", None),
    ] {
        assert_eq!(parameter(url, name).as_deref(), value, "{url}");
    }
}

const OURS: &[&str] = &[
    "state",
    "nonce",
    "redirect_uri",
    "client_id",
    "client_secret",
    "client_assertion",
    "client_assertion_type",
    "code_challenge",
    "code_challenge_method",
    "response_type",
    "response_mode",
    "request",
    "request_uri",
    "id_token_hint",
];

/// The authorization URL is that of a login without any of [`OURS`] given.
#[track_caller]
fn ours_won(url: &str, client_id: &str) {
    for name in OURS {
        let value = parameter(url, name);
        assert_ne!(value.as_deref(), Some("theirs"), "{name} in {url}");
    }
    assert_eq!(parameter(url, "client_id").as_deref(), Some(client_id));
    assert_eq!(parameter(url, "response_type").as_deref(), Some("code"));
    assert_eq!(
        parameter(url, "code_challenge_method").as_deref(),
        Some("S256")
    );
    assert_eq!(
        parameter(url, "redirect_uri").as_deref(),
        Some("http://localhost:8501/oauth2callback")
    );
    for (name, length) in [("state", 43), ("nonce", 43), ("code_challenge", 43)] {
        assert_eq!(parameter(url, name).unwrap().len(), length, "{name}");
    }
    assert_eq!(parameter(url, "client_secret"), None);
    assert_eq!(parameter(url, "request"), None);
}

#[tokio::test]
async fn aut_06_what_keeps_a_login_safe_is_nobodys_to_set() {
    let world = World::new().await;
    let begin = async |session: Session| -> keycard::Result<Login> {
        let login = session.login("google").param("scope", "theirs");
        OURS.iter()
            .fold(login, |login, name| login.param(*name, "theirs"))
            .await
    };
    let app = Router::new()
        .route("/begin", get(begin))
        .layer(world.auth.layer());

    let answer = Browser::new(&app, SITE).get("/begin").await;

    ours_won(answer.location(), world.provider.client_id());
    assert_eq!(
        parameter(answer.location(), "scope").as_deref(),
        Some("openid email profile")
    );
}

#[tokio::test]
async fn aut_06_a_section_that_sets_them_gets_one_warning_each_and_ours_win() {
    let provider = provider("google").await;
    let logs = crate::support::Logs::capture();
    let builder = Auth::builder()
        .toml(&provider.secrets())
        .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
        .set("auth.cookie_secret", crate::support::fresh_secret());
    let builder = OURS.iter().fold(builder, |builder, name| {
        builder.set(&format!("auth.google.client_kwargs.{name}"), "theirs")
    });

    let auth = builder.build().unwrap();

    let complaints = logs.complaints();
    assert_eq!(complaints.len(), OURS.len(), "{complaints:?}");
    for name in OURS {
        let key = format!("`auth.google.client_kwargs.{name}` is ours to set");
        let about = complaints.iter().filter(|line| line.text.contains(&key));
        assert_eq!(about.count(), 1, "{name}: {complaints:?}");
    }
    let app = crate::support::app(&auth);
    let answer = Browser::new(&app, SITE).get("/login/google").await;
    ours_won(answer.location(), provider.client_id());
}

#[tokio::test]
async fn aut_08_where_to_return_is_told_to_nobody() {
    let world = World::new().await;
    let return_to = "/x&scope=admin&prompt=none#&state=1";
    let mut browser = world.browser();

    let begun = browser
        .get(&format!(
            "/auth/login?provider=google&return_to={}",
            encoded(return_to)
        ))
        .await;

    let url = begun.location();
    for part in ["admin", "none", "/x", "%2Fx", "x%26"] {
        assert!(!url.contains(part), "{part} in {url}");
    }
    let callback = world.provider.authorize(url, "alice").unwrap();
    assert!(!callback.contains("admin"), "{callback}");
    let answer = browser.follow(&relative(&callback)).await;
    assert_eq!(answer.location(), return_to);
}

#[tokio::test]
async fn aut_09_a_client_id_of_any_characters_is_encoded_once() {
    for id in [
        "a&b=c",
        "a#b",
        "a b",
        "a+b",
        "ünïcode-名",
        "a%26b",
        "a?b/c:d",
        "\"'<>",
    ] {
        let world = World::with(|builder| builder.set("auth.google.client_id", id)).await;

        let answer = world.browser().get("/login/google").await;

        let url = answer.location();
        assert_eq!(parameter(url, "client_id").as_deref(), Some(id), "{url}");
        assert_eq!(
            parameter(url, "response_type").as_deref(),
            Some("code"),
            "{url}"
        );
    }
}

#[test]
fn aut_10_the_location_is_one_header_whatever_the_section_says() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let provider = runtime.block_on(provider("google"));
    let text = || {
        let odd = "[\r\n\t\u{0}a %&#?=:;\"'\u{2028}]{1,12}";
        prop_oneof![any::<String>(), odd]
    };
    let config = ProptestConfig::with_cases(96);
    proptest!(config, |(id in text(), prompt in text(), scope in text(), extra in text())| {
        prop_assume!(!id.trim().is_empty());
        let scope = format!("openid {scope}");
        let auth = Auth::builder()
            .toml(&provider.secrets())
            .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
            .set("auth.cookie_secret", crate::support::fresh_secret())
            .set("auth.google.client_id", id.as_str())
            .set("auth.google.client_kwargs.prompt", prompt.as_str())
            .set("auth.google.client_kwargs.scope", scope.as_str())
            .set("auth.google.client_kwargs.extra", extra.as_str())
            .build();
        let Ok(auth) = auth else { return Ok(()) };
        let app = crate::support::app(&auth);

        let answer = runtime.block_on(async { Browser::new(&app, SITE).get("/login/google").await });

        prop_assert_eq!(answer.status, StatusCode::SEE_OTHER);
        let all: Vec<_> = answer.headers.get_all("location").iter().collect();
        prop_assert_eq!(all.len(), 1);
        prop_assert!(all[0].as_bytes().iter().all(u8::is_ascii_graphic));
        let url = answer.location();
        prop_assert!(url.starts_with(provider.issuer()), "{}", url);
        prop_assert_eq!(parameter(url, "client_id"), Some(id));
        prop_assert_eq!(parameter(url, "extra").unwrap_or_default(), extra);
        prop_assert_eq!(parameter(url, "prompt").unwrap_or_default(), prompt);
    });
}

#[tokio::test]
async fn aut_11_the_answer_redirects_and_sets_one_cookie_that_is_narrow() {
    let world = World::new().await;
    let secure =
        World::with(|builder| builder.set("auth.redirect_uri", "https://localhost/oauth2callback"))
            .await;
    let below = World::with(|builder| {
        builder.set("auth.redirect_uri", "https://localhost/app/oauth2callback")
    })
    .await;

    for (world, origin, prefix, attributes) in [
        (
            &world,
            SITE,
            "keycard-",
            "HttpOnly; SameSite=Lax; Path=/; Max-Age=600",
        ),
        (
            &secure,
            "https://localhost",
            "__Host-keycard-",
            "HttpOnly; SameSite=Lax; Secure; Path=/; Max-Age=600",
        ),
        (
            &below,
            "https://localhost",
            "__Secure-keycard-",
            "HttpOnly; SameSite=Lax; Secure; Path=/app; Max-Age=600",
        ),
    ] {
        let answer = Browser::new(&world.app, origin).get("/login/google").await;

        assert_eq!(answer.status, StatusCode::SEE_OTHER);
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
        let lines = answer.cookies();
        let [line] = lines.as_slice() else {
            panic!("{lines:?}")
        };
        let (pair, found) = line.split_once("; ").unwrap();
        assert!(pair.starts_with(prefix), "{line}");
        assert_eq!(found, attributes);
    }
}

#[tokio::test]
async fn aut_12_what_the_browser_keeps_of_a_login_tells_it_nothing() {
    let world = World::new().await;
    let mut browser = world.browser();
    let begun = browser
        .get("/auth/login?provider=google&return_to=/where-to-return")
        .await;
    let url = begun.location();
    let line = &begun.cookies()[0];
    let (name, rest) = line.split_once('=').unwrap();
    let value = rest.split_once("; ").unwrap().0;

    let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(value).unwrap();
    let seen = format!("{name}{value}{}", String::from_utf8_lossy(&bytes));

    let state = parameter(url, "state").unwrap();
    let nonce = parameter(url, "nonce").unwrap();
    let challenge = parameter(url, "code_challenge").unwrap();
    for secret in [
        "google",
        "where-to-return",
        world.provider.issuer(),
        state.as_str(),
        nonce.as_str(),
        challenge.as_str(),
    ] {
        assert!(!seen.contains(secret), "{secret} in {seen}");
    }
    // The same login sealed twice looks like two.
    let again = browser
        .get("/auth/login?provider=google&return_to=/where-to-return")
        .await;
    assert_ne!(again.cookies().last(), Some(line));
}

#[tokio::test]
async fn aut_03_state_nonce_and_challenge_have_nothing_in_common() {
    let world = World::new().await;
    let mut seen = std::collections::HashSet::new();
    for _ in 0..20 {
        let answer = world.browser().get("/login/google").await;
        let url = answer.location();
        for name in ["state", "nonce", "code_challenge"] {
            let value = parameter(url, name).unwrap();
            let bytes = base64_simd::URL_SAFE_NO_PAD
                .decode_to_vec(value.as_bytes())
                .unwrap();
            assert_eq!(bytes.len(), 32, "{name}");
            assert!(seen.insert(value), "{name} was seen before");
        }
    }
}

/// Where a login ends that was begun with this return-to.
async fn goal(world: &World, return_to: &str) -> String {
    let mut browser = world.browser();
    let path = format!("/auth/login?provider=google&return_to={return_to}");
    let begun = browser.get(&path).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{begun:?}");
    let callback = world.provider.authorize(begun.location(), "alice").unwrap();
    let answer = browser.follow(&relative(&callback)).await;
    assert_eq!(answer.headers.get_all("location").iter().count(), 1);
    let led = Url::parse(SITE).unwrap().join(answer.location()).unwrap();
    assert_eq!(led.origin().ascii_serialization(), SITE, "{return_to}");
    answer.location().to_owned()
}

/// Each case both ways: as it stands in the query, and decoded once more in code.
#[tokio::test]
async fn ret_01_to_08_a_login_ends_on_this_site_whatever_it_was_asked() {
    let world = World::new().await;
    for (return_to, expected) in [
        ("https://evil.example", "/"),
        ("http:evil.example", "/"),
        ("javascript:alert(1)", "/"),
        ("//evil.example", "/"),
        ("/%5Cevil.example", "/"),
        ("%5C%5Cevil.example", "/"),
        ("/%09/evil.example", "/"),
        ("%0A//evil.example", "/"),
        ("/%00/evil.example", "/"),
        ("/%20/evil.example", "/"),
        ("/%C2%A0/evil.example", "/%C2%A0/evil.example"),
        ("/a/..//evil.example", "/"),
        ("/%252e%252e//evil.example", "/"),
        ("/x%0D%0ASet-Cookie:a=b", "/"),
        ("/x%250d%250aSet-Cookie:a=b", "/x%0d%0aSet-Cookie:a=b"),
        ("/%252f%252fevil.example", "/%2f%2fevil.example"),
        ("/@evil.example", "/@evil.example"),
        ("@evil.example", "/"),
        ("%3Fx", "/"),
        ("", "/"),
        ("http://localhost:8501/reports", "/"),
        ("http://localhost:8501@evil.example", "/"),
        ("http://localhost:8501.evil.example", "/"),
        ("/reports%3Fq=1%26r=2%23top", "/reports?q=1&r=2#top"),
        ("/%C3%BCber", "/%C3%BCber"),
        ("%FF%FE", "/"),
    ] {
        assert_eq!(goal(&world, return_to).await, expected, "{return_to}");
    }
}

#[tokio::test]
async fn ret_14_a_login_never_ends_in_a_login_or_a_logout() {
    let world = World::new().await;
    for return_to in [
        "/auth/login",
        "/auth/login%3Fprovider=google",
        "/auth/logout",
        "/oauth2callback",
        "/x/../auth/logout",
    ] {
        assert_eq!(goal(&world, return_to).await, "/", "{return_to}");
    }
}

#[tokio::test]
async fn ret_08_what_the_app_itself_asks_for_is_kept_to_the_same_rule() {
    let world = World::new().await;
    let begin = async |session: Session, RawQuery(query): RawQuery| -> keycard::Result<Login> {
        let return_to = query.unwrap_or_default();
        session.login("google").return_to(return_to).await
    };
    let app = Router::new()
        .route("/begin", get(begin))
        .layer(world.auth.layer());

    for (return_to, site, expected) in [
        ("/reports", "same-origin", "/reports"),
        // The app's own handler decides, wherever the request came from.
        ("/reports", "cross-site", "/reports"),
        ("//evil.example", "same-origin", "/"),
        ("/auth/logout", "same-origin", "/"),
    ] {
        let mut browser = Browser::new(&app, SITE);
        let path = format!("/begin?{return_to}");
        let request = browser.navigation(Method::GET, &path, site);
        let begun = browser.send(request.body(Body::empty()).unwrap()).await;
        let callback = world.provider.authorize(begun.location(), "alice").unwrap();

        let answer = browser.follow(&relative(&callback)).await;

        assert_eq!(answer.location(), expected, "{return_to} from {site}");
    }
}

#[tokio::test]
async fn ret_08_an_old_browser_is_believed_when_it_posts() {
    let world = World::new().await;
    let path = "/auth/login?provider=google&return_to=/reports";
    let html = ("accept", "text/html");

    // Without any sign of where it comes from a GET may be another site's.
    let mut browser = world.browser();
    let begun = browser.request("GET", path, &[html]).await;
    let callback = world.provider.authorize(begun.location(), "alice").unwrap();
    assert_eq!(browser.follow(&relative(&callback)).await.location(), "/");

    let own = [html, ("origin", SITE)];
    let mut browser = world.browser();
    let mut request = http::Request::post("/auth/login");
    for (name, value) in own {
        request = request.header(name, value);
    }
    let form = Body::from("provider=google&return_to=/reports");
    let begun = browser.send(request.body(form).unwrap()).await;
    let callback = world.provider.authorize(begun.location(), "alice").unwrap();
    assert_eq!(
        browser.follow(&relative(&callback)).await.location(),
        "/reports"
    );
}

#[tokio::test]
async fn several_providers_are_chosen_from_on_our_page() {
    let (google, github) = (provider("google").await, provider("github").await);
    let world = World::around(google, |builder| {
        builder
            .toml(&github.secrets())
            .set("auth.github.label", "Git<Hub>")
    });
    let mut browser = world.browser();

    let page = browser.get("/auth/login?return_to=/reports").await;

    assert_eq!(page.status, StatusCode::OK);
    assert!(page.cookies().is_empty());
    assert!(page.body.contains("Log in with Git&lt;Hub&gt;"), "{page:?}");
    assert!(page.body.contains("Log in with google"), "{page:?}");
    let begun = browser
        .post("/auth/login", "return_to=%2Freports&provider=github")
        .await;
    let callback = github.authorize(begun.location(), "alice").unwrap();
    let answer = browser.follow(&relative(&callback)).await;
    assert_eq!(answer.location(), "/reports");
    assert!(who(&mut browser).await.contains(" by github "));
}
