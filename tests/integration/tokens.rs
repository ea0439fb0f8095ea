//! Tokens that an app may see: kept, renewed, given back.

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use keycard::dev::{Endpoint, Fault};
use keycard::{Session, User};
use serde_json::{Value, json};

use crate::support::{Browser, SITE, World, eventually, routes, settle, who};

async fn access(session: Session) -> keycard::Result<String> {
    Ok(session.tokens().access().await?.expose().to_owned())
}

async fn id(session: Session) -> keycard::Result<String> {
    Ok(session.tokens().id()?.expose().to_owned())
}

async fn refresh(session: Session) -> keycard::Result<String> {
    Ok(session.tokens().refresh()?.expose().to_owned())
}

/// Renews, and logs out in the same answer.
async fn renew_and_leave(session: Session) -> keycard::Logout {
    let _ = session.tokens().access().await;
    session.logout().await
}

/// Renews, and tells the claims as the same request sees them.
async fn roles(user: User) -> String {
    format!("{:?}", user.roles())
}

fn app(auth: &keycard::Auth) -> Router {
    routes()
        .route("/access", get(access))
        .route("/id", get(id))
        .route("/refresh", get(refresh))
        .route("/roles", get(roles))
        .route("/leave", axum::routing::post(renew_and_leave))
        .layer(auth.layer())
}

async fn world(exposed: &str) -> World {
    let exposed: Value = serde_json::from_str(exposed).unwrap();
    let mut world = World::with(|builder| match exposed {
        Value::Array(names) => {
            let names: Vec<_> = names
                .iter()
                .map(|it| it.as_str().unwrap().to_owned())
                .collect();
            builder.set("auth.expose_tokens", names)
        }
        name => builder.set("auth.expose_tokens", name.as_str().unwrap().to_owned()),
    })
    .await;
    world.app = app(&world.auth);
    world
}

/// Tokens that end so soon that whoever asks for one has it renewed.
fn short() -> Fault {
    Fault::Token(json!({ "expires_in": 30 }))
}

async fn ends_soon(exposed: &str) -> World {
    let world = world(exposed).await;
    world.provider.misbehave(short());
    world
}

/// How many are tried: few with every `cargo test`, all of them by `.ci/load`.
fn histories(few: usize, all: usize) -> usize {
    match std::env::var("KEYCARD_LOAD") {
        Ok(load) if load == "full" => all,
        _ => few,
    }
}

fn tokens_cookie(browser: &Browser) -> Option<String> {
    let names = browser.jar.names();
    let name = names.into_iter().find(|name| name.ends_with("-t"))?;
    browser.jar.value(name).map(str::to_owned)
}

#[tokio::test]
async fn cke_28_tokens_are_kept_only_where_the_file_says_so_and_shown_as_it_says() {
    for (exposed, shown) in [
        (r#""id""#, ["/id"].as_slice()),
        (r#""access""#, &["/access"]),
        (r#""refresh""#, &["/refresh"]),
        (r#"["id", "access"]"#, &["/id", "/access"]),
        (
            r#"["id", "access", "refresh"]"#,
            &["/id", "/access", "/refresh"],
        ),
    ] {
        let world = world(exposed).await;
        let mut browser = world.logged_in("alice").await;
        assert!(tokens_cookie(&browser).is_some(), "{exposed}");
        for path in ["/id", "/access", "/refresh"] {
            let answer = browser.get(path).await;
            if shown.contains(&path) {
                assert_eq!(
                    answer.status,
                    StatusCode::OK,
                    "{exposed} {path}: {answer:?}"
                );
                assert!(answer.body.len() > 20);
            } else {
                assert_eq!(answer.code().as_deref(), Some("tokens_not_exposed"));
            }
        }
    }
}

#[tokio::test]
async fn tok_20_a_refresh_token_that_nobody_wants_is_neither_kept_nor_logged() {
    let world = World::new().await;
    let token = "a-refresh-token-that-came-unasked";
    let patch = json!({ "refresh_token": token });
    world.provider.misbehave(Fault::Token(patch));
    let browser = world.logged_in("alice").await;

    assert_eq!(tokens_cookie(&browser), None);
    assert!(!world.logs.everything().contains(token));
}

#[tokio::test]
async fn the_tokens_are_the_ones_that_the_provider_gave() {
    let world = world(r#"["id", "access", "refresh"]"#).await;
    let mut browser = world.logged_in("alice").await;
    let [id, access, refresh] = ["/id", "/access", "/refresh"];
    let id = browser.get(id).await.body;
    assert_eq!(id.split('.').count(), 3, "{id}");
    let access = browser.get(access).await.body;
    let userinfo = reqwest::Client::new()
        .get(format!("{}/userinfo", world.provider.issuer()))
        .bearer_auth(access)
        .send()
        .await
        .unwrap();
    assert_eq!(userinfo.status(), 200);
    assert!(browser.get(refresh).await.body.len() > 20);
    // Whoever asks for nothing that ends pays for nothing.
    assert_eq!(world.provider.calls(Endpoint::Token), 1);
}

#[tokio::test]
async fn nobody_has_tokens() {
    let world = world(r#""access""#).await;
    let mut browser = world.browser();
    let answer = browser.get("/access").await;
    assert_eq!(answer.code().as_deref(), Some("login_required"));
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
async fn for_a_minute_whoever_has_the_old_cookie_gets_what_the_refresh_brought() {
    let world = ends_soon(r#""access""#).await;
    let old = world.logged_in("alice").await;
    let first = old.clone().get("/access").await.body;
    crate::support::pass(std::time::Duration::from_secs(59)).await;
    assert_eq!(old.clone().get("/access").await.body, first);
    assert_eq!(world.provider.calls(Endpoint::Token), 2);

    // The provider has given a new refresh token since, and takes the old one no more.
    crate::support::pass(std::time::Duration::from_secs(2)).await;
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
    crate::support::pass(std::time::Duration::from_secs(3)).await;
    let answer = browser.get("/access").await;
    assert!(answer.status.is_server_error(), "{answer:?}");
    assert!(who(&mut browser).await.starts_with("alice of"));

    world.provider.behave();
    crate::support::pass(std::time::Duration::from_secs(3)).await;
    assert_eq!(browser.get("/access").await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_refresh_token_that_counts_no_more_takes_the_tokens_and_nobody_out() {
    let world = ends_soon(r#""access""#).await;
    let mut browser = world.logged_in("alice").await;
    let refusal = json!({ "error": "invalid_grant" });
    world.provider.misbehave(Fault::Answer {
        endpoint: Endpoint::Token,
        status: 400,
        headers: vec![("content-type".to_owned(), "application/json".to_owned())],
        body: refusal.to_string().into_bytes(),
    });
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

#[tokio::test]
async fn tokens_of_one_login_are_worth_nothing_beside_another() {
    let world = world(r#""access""#).await;
    let alice = world.logged_in("alice").await;
    let mut bob = world.logged_in("bob").await;
    let own = bob.get("/access").await.body;
    let names = alice.jar.names();
    let name = names.into_iter().find(|name| name.ends_with("-t")).unwrap();
    let planted = alice.jar.value(name).unwrap().to_owned();
    bob.jar.put(name, &planted);
    let answer = bob.get("/access").await;
    assert_eq!(
        answer.code().as_deref(),
        Some("token_expired"),
        "{answer:?}"
    );
    assert_ne!(answer.body, own);
}

#[tokio::test]
async fn two_who_take_turns_in_one_browser_never_see_each_others_tokens() {
    let world = world(r#""access""#).await;
    let mut browser = world.browser();
    let mut seen: [Vec<String>; 2] = Default::default();
    for turn in 0..histories(20, 10_000) {
        let who = turn % 2;
        let old = browser.clone();
        browser.log_in(&world.provider, ["alice", "bob"][who]).await;
        let token = browser.get("/access").await.body;
        assert!(!seen[1 - who].contains(&token), "{turn}");
        seen[who].push(token);
        // A late answer of before brings its cookies into this jar.
        for name in old
            .jar
            .names()
            .into_iter()
            .filter(|name| name.ends_with("-t"))
        {
            let mut mixed = browser.clone();
            mixed.jar.put(name, old.jar.value(name).unwrap());
            let answer = mixed.get("/access").await;
            assert_eq!(answer.code().as_deref(), Some("token_expired"), "{turn}");
        }
    }
}

#[tokio::test]
async fn a_logout_gives_the_tokens_back_and_sends_the_id_token_along() {
    let mut world = World::with(|builder| {
        let exposed = vec!["id".to_owned(), "access".to_owned()];
        let builder = builder.set("auth.expose_tokens", exposed);
        builder.set("auth.provider_logout", true)
    })
    .await;
    world.app = app(&world.auth);
    let mut browser = world.logged_in("alice").await;
    let id_token = browser.get("/id").await.body;

    let answer = browser.post("/auth/logout", "").await;
    let hint = format!("id_token_hint={id_token}");
    assert!(answer.location().contains(&hint), "{}", answer.location());
    assert!(!world.logs.everything().contains(&id_token));
    assert_eq!(tokens_cookie(&browser), None);
    assert_eq!(who(&mut browser).await, "nobody");
    eventually(|| world.provider.calls(Endpoint::Revocation) == 1).await;
    let request = world.provider.last_request(Endpoint::Revocation).unwrap();
    assert_eq!(request.parameter("token_type_hint"), Some("refresh_token"));
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
async fn what_does_not_fit_is_told_and_refuses_no_login() {
    let world = world(r#"["id", "access"]"#).await;
    let long = "x".repeat(9000);
    world
        .provider
        .misbehave(Fault::Token(json!({ "access_token": long })));
    let mut browser = world.browser();
    let answer = browser.log_in(&world.provider, "bob").await;
    // at_hash is of the provider's own access token.
    assert_eq!(answer.code().as_deref(), Some("id_token_refused"));

    let big = json!({ "refresh_token": long });
    world.provider.misbehave(Fault::Token(big));
    let mut browser = world.logged_in("alice").await;
    assert!(who(&mut browser).await.starts_with("alice of"));
    let answer = browser.get("/access").await;
    assert_eq!(answer.code().as_deref(), Some("tokens_too_large"));
    assert!(!answer.body.contains("xxxx"));
    let told = world.logs.everything();
    assert!(told.contains("the refresh token has 9000 bytes"), "{told}");
    assert!(!told.contains("xxxx"));
}

#[tokio::test]
async fn a_large_identity_and_its_tokens_come_in_answers_that_proxies_pass_on() {
    for (subject, length) in [("carol", 200), ("carol", 400), ("alice", 2200)] {
        let world = world(r#"["access", "refresh"]"#).await;
        let token = "x".repeat(length);
        world
            .provider
            .misbehave(Fault::Token(json!({ "refresh_token": token })));
        let mut browser = world.browser();
        let callback = browser.way_back(&world.provider, subject).await;
        let mut answer = browser
            .get_from_elsewhere(&crate::support::relative(&callback))
            .await;
        for _ in 0..3 {
            let set: usize = answer.cookies().iter().map(String::len).sum();
            assert!(set <= 3584, "{set} bytes for {subject}, {length}");
            let Some(next) = answer.refresh() else { break };
            answer = browser.get(&next).await;
        }
        assert!(who(&mut browser).await.starts_with(subject));
        assert_eq!(browser.get("/refresh").await.body, token, "{subject}");
        let header = browser.jar.header("/").unwrap();
        assert!(header.len() <= 6656, "{}", header.len());
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
    world.app = routes().route("/late", late).layer(world.auth.layer());
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
}

#[tokio::test]
async fn refresh_tokens_are_asked_for_where_the_app_wants_to_see_tokens() {
    for (exposed, is_asked) in [
        (r#""access""#, true),
        (r#""refresh""#, true),
        (r#""id""#, false),
    ] {
        let world = world(exposed).await;
        let mut browser = world.browser();
        let url = browser.begin(&world.provider).await;
        let url: url::Url = url.parse().unwrap();
        let value = |wanted: &str| {
            let mut pairs = url.query_pairs();
            pairs
                .find(|(name, _)| name == wanted)
                .map(|(_, value)| value.into_owned())
        };
        let scope = value("scope").unwrap();
        assert_eq!(scope.ends_with(" offline_access"), is_asked, "{scope}");
        let prompt = value("prompt").unwrap();
        let expected = if is_asked {
            "select_account consent"
        } else {
            "select_account"
        };
        assert_eq!(prompt, expected);
    }
}
