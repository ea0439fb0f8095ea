//! The logout that goes on to the provider, and comes back from there.

use std::time::Duration;

use http::StatusCode;
use keycard::Auth;
use keycard::dev::{self, Endpoint, Fault};
use serde_json::{Value, json};
use url::Url;

use crate::support::{
    Answer, Browser, SITE, World, app, eventually, pass, provider, row, settle, who,
};

const CALLBACK: &str = "http://localhost:8501/oauth2callback";

async fn world() -> World {
    World::with(|builder| builder.set("auth.provider_logout", true)).await
}

async fn saying(metadata: Value) -> World {
    let provider = provider("google").await;
    provider.misbehave(Fault::Metadata(metadata));
    World::around(provider, |builder| {
        builder.set("auth.provider_logout", true)
    })
}

/// The same app in a process that has just begun.
fn begun_anew(world: &World) -> Auth {
    Auth::builder()
        .toml(&world.provider.secrets())
        .set("auth.redirect_uri", CALLBACK)
        .set("auth.cookie_secret", world.cookie_secret.as_str())
        .build()
        .unwrap()
}

async fn log_out(browser: &mut Browser, form: &str) -> Answer {
    let answer = browser.post("/auth/logout", form).await;
    assert_eq!(who(browser).await, "nobody");
    answer
}

/// The parameters of the provider's page, which the browser is sent to.
#[track_caller]
fn sent_to(answer: &Answer, page: &str) -> Vec<(String, String)> {
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    let mut url: Url = answer.location().parse().unwrap();
    let pairs = url.query_pairs().into_owned().collect();
    url.set_query(None);
    assert_eq!(url.as_str(), page);
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    assert_eq!(answer.header("referrer-policy"), Some("no-referrer"));
    pairs
}

fn end_session(provider: &dev::Provider) -> String {
    format!("{}/end_session", provider.issuer())
}

fn usual(provider: &dev::Provider) -> Vec<(String, String)> {
    let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    vec![
        pair("client_id", provider.client_id()),
        pair("post_logout_redirect_uri", CALLBACK),
    ]
}

/// Logs out, to go on to `/plain`; the state that was sent.
async fn leave(world: &World, browser: &mut Browser) -> String {
    let answer = log_out(browser, "return_to=%2Fplain%3Fq%3D1").await;
    let mut sent = sent_to(&answer, &end_session(&world.provider));
    let (name, state) = sent.pop().unwrap();
    assert_eq!((name.as_str(), state.len()), ("state", 43));
    assert_eq!(sent, usual(&world.provider));
    state
}

#[tokio::test]
async fn a_logout_goes_on_to_the_provider_and_comes_back() {
    let world = world().await;
    let mut browser = world.logged_in("alice").await;

    let answer = log_out(&mut browser, "").await;

    let sent = sent_to(&answer, &end_session(&world.provider));
    assert_eq!(sent, usual(&world.provider));
    assert!(browser.jar.names().is_empty());
    let back = browser.get_from_elsewhere("/oauth2callback").await;
    assert_eq!((back.status.as_u16(), back.location()), (303, "/"));

    // Where the app says, by a cookie that counts once.
    let mut browser = world.logged_in("alice").await;
    let state = leave(&world, &mut browser).await;
    assert_eq!(browser.jar.names().len(), 1);
    let callback = format!("/oauth2callback?state={state}");
    for goal in ["/plain?q=1", "/"] {
        let back = browser.get_from_elsewhere(&callback).await;
        assert_eq!((back.status.as_u16(), back.location()), (303, goal));
        assert!(browser.jar.names().is_empty());
    }
    // One that nobody comes back from is over with the next login.
    browser.log_in(&world.provider, "alice").await;
    leave(&world, &mut browser).await;
    browser.log_in(&world.provider, "alice").await;
    assert!(!browser.jar.names().iter().any(|name| name.ends_with("-o")));
    let state = leave(&world, &mut browser).await;
    let callback = format!("/oauth2callback?state={state}");
    let back = browser.get_from_elsewhere(&callback).await;
    assert_eq!(back.location(), "/plain?q=1");
    assert!(world.logs.complaints().is_empty());
}

#[tokio::test]
async fn out_06_a_provider_that_is_down_delays_no_logout() {
    let world = world().await;
    for fault in [
        Fault::OffDuty,
        Fault::Hang {
            endpoint: Endpoint::Metadata,
        },
    ] {
        let hangs = matches!(fault, Fault::Hang { .. });
        let logged_in = world.logged_in("alice").await;
        let calls = world.provider.calls(Endpoint::Metadata);
        world.provider.misbehave(fault);

        // What is known of the provider is enough.
        let mut browser = world.browser();
        browser.jar = logged_in.jar.clone();
        let answer = log_out(&mut browser, "").await;
        sent_to(&answer, &end_session(&world.provider));

        // A process that has to ask first.
        let auth = begun_anew(&world);
        let mut browser = Browser::new(&app(&auth), SITE);
        browser.jar = logged_in.jar.clone();
        let out = tokio::spawn(async move {
            let answer = browser.post("/auth/logout", "return_to=%2Fplain").await;
            (browser, answer)
        });
        if hangs {
            eventually(|| world.provider.calls(Endpoint::Metadata) > calls).await;
            settle().await;
            pass(Duration::from_millis(2100)).await;
        }
        let (mut browser, answer) = out.await.unwrap();

        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert!(answer.body.contains("may still be open"), "{answer:?}");
        assert!(answer.body.contains("href=\"/plain\""), "{answer:?}");
        assert!(browser.jar.names().is_empty());
        assert_eq!(who(&mut browser).await, "nobody");
        world.provider.behave();
    }
}

#[tokio::test]
async fn out_06_without_such_a_page_a_logout_stops_at_the_app() {
    let none = saying(json!({ "end_session_endpoint": null })).await;
    let mut browser = none.logged_in("alice").await;
    let answer = log_out(&mut browser, "return_to=%2Fplain").await;
    assert_eq!(answer.location(), "/plain");
    assert!(browser.jar.names().is_empty());

    for key in ["auth.provider_logout", "auth.google.provider_logout"] {
        row(key);
        let world = World::with(|builder| {
            let builder = builder.set("auth.provider_logout", true);
            builder.set(key, false)
        })
        .await;
        let mut browser = world.logged_in("alice").await;
        assert_eq!(log_out(&mut browser, "").await.location(), "/");
    }

    // A script could not follow to another origin.
    let world = world().await;
    let mut browser = world.logged_in("alice").await;
    let headers = [
        ("origin", SITE),
        ("sec-fetch-site", "same-origin"),
        ("sec-fetch-mode", "cors"),
    ];
    let answer = browser.request("POST", "/auth/logout", &headers).await;
    assert_eq!(answer.location(), "/");
    assert_eq!(who(&mut browser).await, "nobody");

    // Nobody knows the provider any more, or nobody is logged in.
    let logged_in = world.logged_in("alice").await;
    let other = provider("other").await;
    let auth = Auth::builder()
        .toml(&other.secrets())
        .set("auth.redirect_uri", CALLBACK)
        .set("auth.cookie_secret", world.cookie_secret.as_str())
        .build()
        .unwrap();
    let mut browser = Browser::new(&app(&auth), SITE);
    browser.jar = logged_in.jar.clone();
    assert_eq!(log_out(&mut browser, "").await.location(), "/");
    assert!(browser.jar.names().is_empty());
    assert_eq!(log_out(&mut world.browser(), "").await.location(), "/");
}

#[tokio::test]
async fn out_07_the_end_session_endpoint_is_https_and_keeps_its_query() {
    for endpoint in [
        json!("http://id.example/logout"),
        json!("ftp://id.example/logout"),
        json!("javascript:alert(1)"),
        json!("/logout"),
        json!("https://ada@id.example/logout"),
        json!(7),
    ] {
        row(&endpoint.to_string());
        let world = saying(json!({ "end_session_endpoint": endpoint })).await;
        let mut browser = world.logged_in("alice").await;
        assert_eq!(log_out(&mut browser, "").await.location(), "/");
    }

    let page = "https://id.example/logout";
    let world = saying(json!({ "end_session_endpoint": format!("{page}?p=a%26b") })).await;
    let mut browser = world.logged_in("alice").await;
    let sent = sent_to(&log_out(&mut browser, "").await, page);
    assert_eq!(sent[0], ("p".to_owned(), "a&b".to_owned()));
    assert_eq!(sent[1..], usual(&world.provider));

    // Where it is too long, all that is ours is cleared all the same.
    let long = format!("{page}?p={}", "a".repeat(3000));
    let world = saying(json!({ "end_session_endpoint": long })).await;
    let mut browser = world.logged_in("alice").await;
    browser.begin(&world.provider).await;
    let answer = log_out(&mut browser, "").await;
    assert_eq!(answer.location(), "/");
    assert_eq!(browser.jar.names(), Vec::<&str>::new());

    // The file's own counts over the metadata's.
    let world = World::with(|builder| {
        let builder = builder.set("auth.provider_logout", true);
        builder.set("auth.google.end_session_endpoint", page)
    })
    .await;
    let mut browser = world.logged_in("alice").await;
    let sent = sent_to(&log_out(&mut browser, "").await, page);
    assert_eq!(sent, usual(&world.provider));
}

#[tokio::test]
async fn out_08_an_answer_to_a_logout_with_a_wrong_state_leads_home() {
    let world = world().await;
    let mut browser = world.logged_in("alice").await;
    let state = leave(&world, &mut browser).await;
    let name = browser.jar.names()[0].to_owned();
    let value = browser.jar.value(&name).unwrap().to_owned();
    let other = leave(&world, &mut world.logged_in("bob").await).await;
    let spoilt = format!("{}{}", &value[..40], &value[41..]);
    let short = state[..42].to_owned();

    for (what, state, value, seconds, goal) in [
        (
            "both as they were",
            &*state,
            value.as_str(),
            599,
            "/plain?q=1",
        ),
        ("no state", "", &value, 0, "/"),
        ("another's state", &other, &value, 0, "/"),
        ("half a state", &short, &value, 0, "/"),
        ("a spoilt cookie", &state, &spoilt, 0, "/"),
        ("an old cookie", &state, &value, 601, "/"),
    ] {
        row(what);
        let mut browser = world.browser();
        browser.jar.put(&name, value);
        world.clock.turn(seconds);
        let back = browser
            .get_from_elsewhere(&format!("/oauth2callback?state={state}"))
            .await;
        assert_eq!((back.status.as_u16(), back.location()), (303, goal));
    }
    world.clock.turn(0);

    // Whoever injects a way back is not listened to.
    let mut browser = world.logged_in("alice").await;
    let form = "post_logout_redirect_uri=https%3A%2F%2Fevil.example&client_id=x&state=y\
                &return_to=https%3A%2F%2Fevil.example";
    let answer = log_out(&mut browser, form).await;
    let sent = sent_to(&answer, &end_session(&world.provider));
    assert_eq!(sent, usual(&world.provider));
}

#[tokio::test]
async fn out_09_a_cookie_copied_before_the_logout_counts_until_it_expires() {
    let world = world().await;
    let mut browser = world.logged_in("alice").await;
    let copied = browser.jar.clone();
    let alice = who(&mut browser).await;
    log_out(&mut browser, "").await;

    browser.jar = copied;

    assert_eq!(who(&mut browser).await, alice);
    world.clock.turn(31 * 24 * 60 * 60);
    assert_eq!(who(&mut browser).await, "nobody");
}

#[tokio::test]
async fn out_12_a_logout_during_a_login_ends_that_login() {
    let world = world().await;
    let mut browser = world.logged_in("alice").await;
    let callback = browser.way_back(&world.provider, "bob").await;
    leave(&world, &mut browser).await;

    let back = browser.get_from_elsewhere(&callback).await;

    assert_eq!(back.status, StatusCode::BAD_REQUEST, "{back:?}");
    assert!(back.body.contains("Log in"), "{back:?}");
    assert_eq!(who(&mut browser).await, "nobody");
}

#[tokio::test]
async fn out_13_no_id_token_is_in_a_long_url_or_in_the_log() {
    let world = world().await;
    let claims = json!({ "login_hint": "O.abc", "sid": "a-session" });
    world.provider.misbehave(Fault::IdTokenClaims(claims));
    let mut browser = world.logged_in("carol").await;
    let answer = log_out(&mut browser, &format!("return_to=%2F{}", "a".repeat(511))).await;

    let sent = sent_to(&answer, &end_session(&world.provider));
    let names: Vec<_> = sent.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "client_id",
        "post_logout_redirect_uri",
        "logout_hint",
        "state",
    ];
    assert_eq!(names, expected);
    assert_eq!(sent[2].1, "O.abc");
    assert!(answer.location().len() < 2048);
    let head: usize = answer.cookies().iter().map(String::len).sum();
    assert!(head + answer.location().len() <= 3584, "{head}");
    let lines = world.logs.everything();
    assert!(
        !lines.contains(&sent[3].1) && !lines.contains("O.abc"),
        "{lines}"
    );
}

#[tokio::test]
async fn out_14_a_logout_wipes_none_of_the_apps_own_storage() {
    let world = world().await;
    let mut browser = world.logged_in("alice").await;
    browser.jar.put("theirs", "kept");

    let answer = log_out(&mut browser, "").await;

    assert_eq!(answer.header("clear-site-data"), None);
    assert_eq!(browser.jar.names(), ["theirs"]);
}

#[tokio::test]
async fn a_logout_comes_back_to_the_callback_of_its_own_provider() {
    let own = format!("{CALLBACK}/google");
    let world = World::with(|builder| {
        let builder = builder.set("auth.provider_logout", true);
        builder.set("auth.google.redirect_uri", own.as_str())
    })
    .await;
    let mut browser = world.logged_in("alice").await;

    let answer = log_out(&mut browser, "return_to=%2Fplain").await;

    let sent = sent_to(&answer, &end_session(&world.provider));
    assert_eq!(sent[1].1, own);
    let callback = format!("/oauth2callback/google?state={}", sent[2].1);
    let back = browser.get_from_elsewhere(&callback).await;
    assert_eq!(back.location(), "/plain");
}
