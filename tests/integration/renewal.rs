//! Access tokens that end soon, and what a refresh brings or does not.

use std::sync::Arc;
use std::time::Duration;

use axum::routing::get;
use http::StatusCode;
use http::header::{HeaderValue, SET_COOKIE};
use keycard::Session;
use keycard::dev::{Endpoint, Fault};
use serde_json::json;

use super::tokens::{app, ends_soon, histories, short, tokens_cookie, world};
use crate::support::{Browser, SITE, World, eventually, routes, settle, who};

fn refused(error: &str) -> Fault {
    Fault::Answer {
        endpoint: Endpoint::Token,
        status: 400,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: json!({ "error": error }).to_string().into_bytes(),
    }
}

#[tokio::test]
async fn fifty_requests_with_one_cookie_bring_one_refresh() {
    let world = ends_soon(r#""access""#).await;
    let browser = world.logged_in("alice").await;
    let asked = (0..50).map(|_| {
        let mut browser = browser.clone();
        tokio::spawn(async move { browser.get("/access").await })
    });
    let mut bodies = Vec::new();
    for answer in asked.collect::<Vec<_>>() {
        let answer = answer.await.unwrap();
        assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
        assert!(answer.cookies().iter().any(|line| line.contains("-t=")));
        assert_eq!(answer.header("cache-control"), Some("no-store"));
        bodies.push(answer.body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
    assert_eq!(world.provider.calls(Endpoint::Token), 2);
}

#[tokio::test]
async fn for_ten_minutes_whoever_has_the_old_cookie_gets_what_the_refresh_brought() {
    let world = ends_soon(r#""access""#).await;
    let old = world.logged_in("alice").await;
    let first = old.clone().get("/access").await.body;
    crate::support::pass(Duration::from_secs(599)).await;
    assert_eq!(old.clone().get("/access").await.body, first);
    assert_eq!(world.provider.calls(Endpoint::Token), 2);

    // The provider has given a new refresh token since, and takes the old one no more.
    crate::support::pass(Duration::from_secs(2)).await;
    settle().await;
    let answer = old.clone().get("/access").await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{answer:?}");
    assert_eq!(answer.code().as_deref(), Some("token_expired"));
}

#[tokio::test]
async fn the_new_cookie_has_the_new_tokens_and_can_be_renewed_again() {
    let world = ends_soon(r#"["access", "refresh"]"#).await;
    let mut browser = world.logged_in("alice").await;
    let mut seen = vec![browser.get("/refresh").await.body];
    for _ in 0..3 {
        let access = browser.get("/access").await.body;
        let refresh = browser.get("/refresh").await.body;
        assert!(!seen.contains(&access) && !seen.contains(&refresh));
        seen.extend([access, refresh]);
    }
    assert!(who(&mut browser).await.starts_with("alice of"));
}

#[tokio::test]
async fn a_provider_that_gives_one_refresh_token_for_ever_still_renews() {
    let world = world(r#""access""#).await;
    let mut browser = world.logged_in("alice").await;
    let body = |access: &str| {
        let answer = json!({ "access_token": access, "token_type": "Bearer", "expires_in": 30 });
        Fault::Answer {
            endpoint: Endpoint::Token,
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: answer.to_string().into_bytes(),
        }
    };
    for (seconds, access) in [(3590, "first"), (3591, "second"), (3600, "third")] {
        world.clock.turn(seconds);
        world.provider.misbehave(body(access));
        assert_eq!(browser.get("/access").await.body, access);
    }
}

#[tokio::test]
async fn claims_are_as_the_refresh_tells_and_the_identity_is_the_callbacks_alone() {
    let world = ends_soon(r#""access""#).await;
    let mut browser = world.logged_in("alice").await;
    let identity = |browser: &Browser| {
        let names = browser.jar.names();
        let name = names
            .into_iter()
            .find(|name| !name.contains("-t") && !name.ends_with("-m"));
        browser.jar.value(name.unwrap()).map(str::to_owned)
    };
    let before = identity(&browser);
    assert_eq!(browser.get("/roles").await.body, "None");

    let roles = json!({ "roles": ["admin"] });
    world.provider.misbehave(Fault::IdTokenClaims(roles));
    // The login's own tokens end soon still.
    assert_eq!(browser.get("/access").await.status, StatusCode::OK);
    assert_eq!(browser.get("/roles").await.body, r#"Some(["admin"])"#);
    assert_eq!(identity(&browser), before);
}

#[tokio::test]
async fn an_id_token_of_somebody_else_or_a_broken_one_renews_nothing() {
    for claims in [
        json!({ "sub": "bob" }),
        json!({ "iss": "https://elsewhere.example" }),
        json!({ "aud": "another-client" }),
        json!({ "exp": 1 }),
    ] {
        let world = ends_soon(r#""access""#).await;
        let mut browser = world.logged_in("alice").await;
        let cookie = tokens_cookie(&browser);
        world
            .provider
            .misbehave(Fault::IdTokenClaims(claims.clone()));
        let answer = browser.get("/access").await;
        assert_eq!(
            answer.status,
            StatusCode::OK,
            "the old token lasts: {answer:?}"
        );
        assert_eq!(tokens_cookie(&browser), cookie, "{claims}");
        assert!(who(&mut browser).await.starts_with("alice of"));
        assert!(!world.logs.complaints().is_empty());
    }
}

#[tokio::test]
async fn a_provider_that_is_down_takes_nothing_away_while_the_old_token_lasts() {
    let world = ends_soon(r#""access""#).await;
    let mut browser = world.logged_in("alice").await;
    world.provider.misbehave(Fault::OffDuty);
    let answer = browser.get("/access").await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");

    world.clock.turn(31);
    crate::support::pass(Duration::from_secs(3)).await;
    let answer = browser.get("/access").await;
    assert!(answer.status.is_server_error(), "{answer:?}");
    assert!(who(&mut browser).await.starts_with("alice of"));

    world.provider.behave();
    crate::support::pass(Duration::from_secs(3)).await;
    assert_eq!(browser.get("/access").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_provider_that_hangs_keeps_nobody_from_a_token_that_is_still_good() {
    let world = ends_soon(r#""access""#).await;
    let mut browser = world.logged_in("alice").await;
    world.provider.misbehave(Fault::Hang {
        endpoint: Endpoint::Token,
    });
    let before = world.provider.calls(Endpoint::Token);
    let asked = tokio::spawn(async move { browser.get("/access").await });
    eventually(|| world.provider.calls(Endpoint::Token) > before).await;
    crate::support::pass(Duration::from_millis(2001)).await;
    let answer = tokio::time::timeout(Duration::from_secs(5), asked).await;
    assert_eq!(answer.unwrap().unwrap().status, StatusCode::OK);
}

#[tokio::test]
async fn what_a_slow_refresh_brings_is_there_for_a_later_request() {
    let world = ends_soon(r#""access""#).await;
    let mut browser = world.logged_in("alice").await;
    let (old, calls) = (
        tokens_cookie(&browser),
        world.provider.calls(Endpoint::Token),
    );
    world.provider.misbehave(Fault::Late {
        endpoint: Endpoint::Token,
        delay: Duration::from_secs(3),
    });
    let mut first = browser.clone();
    let asked = tokio::spawn(async move { first.get("/access").await });
    eventually(|| world.provider.calls(Endpoint::Token) > calls).await;
    crate::support::pass(Duration::from_millis(2001)).await;
    let answer = asked.await.unwrap();
    assert_eq!(answer.status, StatusCode::OK);
    assert!(answer.cookies().is_empty(), "{answer:?}");
    crate::support::pass(Duration::from_secs(1)).await;
    settle().await;

    crate::support::pass(Duration::from_secs(300)).await;
    assert_ne!(browser.get("/access").await.body, answer.body);
    assert_ne!(tokens_cookie(&browser), old);
    assert_eq!(world.provider.calls(Endpoint::Token), calls + 1);
}

#[tokio::test]
async fn what_is_remembered_of_a_refresh_is_renewed_where_it_has_ended() {
    let world = ends_soon(r#""access""#).await;
    let old = world.logged_in("alice").await;
    let first = old.clone().get("/access").await.body;
    let calls = world.provider.calls(Endpoint::Token);
    world.clock.turn(31);
    let second = old.clone().get("/access").await;
    assert_eq!(second.status, StatusCode::OK, "{second:?}");
    assert_ne!(second.body, first);
    assert_eq!(world.provider.calls(Endpoint::Token), calls + 1);
}

#[tokio::test]
async fn a_refresh_token_that_counts_no_more_takes_the_tokens_and_nobody_out() {
    for error in ["invalid_grant", "bad_refresh_token"] {
        let world = ends_soon(r#""access""#).await;
        let mut browser = world.logged_in("alice").await;
        world.provider.misbehave(refused(error));
        let answer = browser.get("/access").await;
        assert_eq!(answer.code().as_deref(), Some("token_expired"));
        assert_eq!(tokens_cookie(&browser), None);
        assert!(who(&mut browser).await.starts_with("alice of"));

        // Nobody is asked again for what is gone.
        let calls = world.provider.calls(Endpoint::Token);
        let answer = browser.get("/access").await;
        assert_eq!(answer.code().as_deref(), Some("token_expired"));
        assert_eq!(world.provider.calls(Endpoint::Token), calls);
    }
}

#[tokio::test]
async fn a_logout_in_the_answer_that_renews_leaves_no_tokens() {
    let world = ends_soon(r#""access""#).await;
    let mut browser = world.logged_in("alice").await;
    let answer = browser.post("/leave", "").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    assert_eq!(tokens_cookie(&browser), None);
    assert_eq!(who(&mut browser).await, "nobody");
    // The newest are given back.
    eventually(|| world.provider.calls(Endpoint::Revocation) == 1).await;
}

#[tokio::test]
async fn a_logout_forgets_what_all_refreshes_of_its_login_brought() {
    let world = ends_soon(r#""access""#).await;
    let mut browser = world.logged_in("alice").await;
    let bob = world.logged_in("bob").await;
    let mut copies = vec![(browser.clone(), browser.get("/access").await.body)];
    copies.push((browser.clone(), browser.get("/access").await.body));
    let bobs = bob.clone().get("/access").await.body;
    for (copy, brought) in &copies {
        assert_eq!(copy.clone().get("/access").await.body, *brought);
    }
    browser.post("/auth/logout", "").await;

    for (mut copy, brought) in copies {
        let answer = copy.get("/access").await;
        assert_eq!(answer.code().as_deref(), Some("token_expired"), "{brought}");
    }
    assert_eq!(bob.clone().get("/access").await.body, bobs);
}

#[tokio::test]
async fn whoever_logs_out_while_fifty_requests_refresh_stays_logged_out() {
    let world = ends_soon(r#""access""#).await;
    let all = histories(20, 1000);
    for history in 0..all {
        let mut browser = world.logged_in("alice").await;
        let asked: Vec<_> = (0..50)
            .map(|_| {
                let mut browser = browser.clone();
                tokio::spawn(async move { browser.get("/access").await })
            })
            .collect();
        if history % 2 == 0 {
            tokio::task::yield_now().await;
        }
        let mut late = Vec::new();
        let mut logout = None;
        for (at, answer) in asked.into_iter().enumerate() {
            if at == history * 50 / all {
                logout = Some(browser.post("/auth/logout", "").await);
            }
            late.push(answer.await.unwrap());
        }
        assert!(logout.is_some());
        for answer in late {
            for line in answer.cookies() {
                assert!(line.contains("-t="), "only tokens are set: {line}");
                browser.jar.take_in(&line, false);
            }
            assert_eq!(who(&mut browser).await, "nobody");
        }
    }
}

#[tokio::test]
async fn a_token_asked_for_too_late_is_the_old_one_or_none() {
    let mut world = world(r#""access""#).await;
    let kept: Arc<std::sync::Mutex<Option<Session>>> = Arc::default();
    let keep = kept.clone();
    let late = get(async move |session: Session| {
        *keep.lock().unwrap() = Some(session);
        "kept"
    });
    world.app = axum::Router::new()
        .route("/late", late)
        .merge(app(&world.auth))
        .layer(world.auth.layer());
    world.provider.misbehave(short());
    let mut browser = Browser::new(&world.app, SITE);
    browser.log_in(&world.provider, "alice").await;
    browser.get("/late").await;
    let session = kept.lock().unwrap().take().unwrap();

    assert!(session.tokens().access().await.is_ok(), "it lasts 30 s yet");
    world.clock.turn(31);
    let error = session.tokens().access().await.unwrap_err();
    assert_eq!(error.code(), "token_needs_a_request");
    assert_eq!(world.provider.calls(Endpoint::Token), 1);

    // What another request brings is here from then on.
    let renewed = browser.get("/access").await.body;
    for _ in 0..2 {
        let token = session.tokens().access().await.unwrap();
        assert_eq!(token.expose(), renewed);
        crate::support::pass(Duration::from_secs(601)).await;
    }
    assert_eq!(world.provider.calls(Endpoint::Token), 2);
}

#[tokio::test]
async fn a_role_that_a_refresh_took_away_does_not_come_back_when_the_tokens_go() {
    let world = world(r#""access""#).await;
    let roles = |roles: serde_json::Value| Fault::IdTokenClaims(json!({ "roles": roles }));
    world.provider.misbehave(roles(json!(["admin", "staff"])));
    let mut browser = world.logged_in("alice").await;
    world.provider.misbehave(roles(json!(["staff"])));
    world.clock.turn(3590);
    assert_eq!(browser.get("/access").await.status, StatusCode::OK);
    assert_eq!(browser.get("/roles").await.body, r#"Some(["staff"])"#);

    world.clock.turn(7180);
    world.provider.misbehave(refused("invalid_grant"));
    for _ in 0..2 {
        let answer = browser.get("/access").await;
        assert_eq!(answer.code().as_deref(), Some("token_expired"));
        assert_eq!(browser.get("/roles").await.body, r#"Some(["staff"])"#);
    }
}

#[tokio::test]
async fn claims_that_have_no_room_are_told_no_more() {
    let world = ends_soon(r#""access""#).await;
    let roles = |count: u32| {
        let name = |at: u32| format!("{:032x}", (at + 1).wrapping_mul(2_654_435_761));
        let roles: Vec<_> = (0..count).map(name).collect();
        Fault::IdTokenClaims(json!({ "roles": roles }))
    };
    for count in [400, 450, 500, 600, 1000] {
        world.clock.turn(0);
        world.provider.misbehave(roles(2));
        let mut browser = world.logged_in("alice").await;
        world.clock.turn(3590);
        world.provider.misbehave(roles(count));
        let answer = browser.get("/access").await;
        assert_eq!(answer.code().as_deref(), Some("tokens_too_large"));
        assert_eq!(browser.get("/roles").await.body, "None", "{count}");
        assert!(who(&mut browser).await.starts_with("alice of"));
        assert!(world.logs.everything().contains("do not fit their cookies"));
    }
}

#[derive(serde::Deserialize)]
struct Staff {
    #[expect(dead_code, reason = "it has to be there")]
    badge: String,
}

#[tokio::test]
async fn claims_that_fit_the_apps_type_no_more_are_those_that_count() {
    let mut world = World::with(|builder| {
        let builder = builder.set("auth.expose_tokens", "access");
        builder.claims::<Staff>()
    })
    .await;
    world.app = app(&world.auth);
    let claims = |claims: serde_json::Value| Fault::IdTokenClaims(claims);
    let admin = json!({ "badge": "7", "roles": ["admin"] });
    world.provider.misbehave(claims(admin));
    let mut browser = world.logged_in("alice").await;
    world.clock.turn(3590);
    world.provider.misbehave(claims(json!({ "roles": [] })));
    assert_eq!(browser.get("/access").await.status, StatusCode::OK);
    assert_eq!(browser.get("/roles").await.body, "Some([])");
}

#[tokio::test]
async fn what_a_refresh_told_counts_though_the_file_says_since_that_no_tokens_are_kept() {
    let world = world(r#""access""#).await;
    let roles = |roles: serde_json::Value| Fault::IdTokenClaims(json!({ "roles": roles }));
    world.provider.misbehave(roles(json!(["admin"])));
    let mut browser = world.logged_in("alice").await;
    world.clock.turn(3590);
    world.provider.misbehave(roles(json!(["staff"])));
    assert_eq!(browser.get("/access").await.status, StatusCode::OK);

    let auth = keycard::Auth::builder()
        .toml(&world.provider.secrets())
        .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
        .set("auth.cookie_secret", world.cookie_secret.as_str())
        .build()
        .unwrap();
    let mut later = Browser::new(&app(&auth), SITE);
    later.jar = browser.jar;
    assert_eq!(later.get("/roles").await.body, r#"Some(["staff"])"#);
    let answer = later.get("/access").await;
    assert_eq!(answer.code().as_deref(), Some("tokens_not_exposed"));
}

#[tokio::test]
async fn an_answer_without_room_for_the_new_tokens_leaves_them_to_the_next() {
    let mut world = ends_soon(r#""access""#).await;
    let full = async |session: Session| {
        session.tokens().access().await?;
        let large = HeaderValue::try_from(format!("theirs={}", "x".repeat(3400))).unwrap();
        Ok::<_, keycard::Error>(([(SET_COOKIE, large)], "done"))
    };
    world.app = axum::Router::new()
        .route("/full", get(full))
        .merge(app(&world.auth))
        .layer(world.auth.layer());
    let mut browser = world.logged_in("alice").await;
    let before = tokens_cookie(&browser);
    assert_eq!(browser.get("/full").await.body, "done");
    assert_eq!(tokens_cookie(&browser), before);

    let access = browser.get("/access").await.body;
    assert_ne!(tokens_cookie(&browser), before);
    assert!(access.len() > 20);
    assert_eq!(world.provider.calls(Endpoint::Token), 2);
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_any_more_carries_nothing() {
    let mut world = world(r#""access""#).await;
    let (keep, mut kept) = tokio::sync::mpsc::channel::<Session>(1);
    let hang = get(async move |session: Session| {
        keep.send(session).await.unwrap();
        std::future::pending::<()>().await;
    });
    world.app = routes().route("/hang", hang).layer(world.auth.layer());
    world.provider.misbehave(short());
    let mut browser = Browser::new(&world.app, SITE);
    browser.log_in(&world.provider, "alice").await;
    let asked = tokio::spawn(async move { browser.get("/hang").await });
    let session = kept.recv().await.unwrap();
    asked.abort();
    assert!(asked.await.is_err());

    world.clock.turn(31);
    let error = session.tokens().access().await.unwrap_err();
    assert_eq!(error.code(), "token_needs_a_request");
    assert_eq!(world.provider.calls(Endpoint::Token), 1);
}
