//! Tokens that an app may see: kept, renewed, given back.

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use keycard::dev::{Endpoint, Fault};
use keycard::{Session, User};
use serde_json::{Value, json};

use crate::support::{Browser, World, eventually, routes, who};

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

pub(super) fn app(auth: &keycard::Auth) -> Router {
    routes()
        .route("/access", get(access))
        .route("/id", get(id))
        .route("/refresh", get(refresh))
        .route("/roles", get(roles))
        .route("/leave", axum::routing::post(renew_and_leave))
        .layer(auth.layer())
}

pub(super) async fn world(exposed: &str) -> World {
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
pub(super) fn short() -> Fault {
    Fault::Token(json!({ "expires_in": 30 }))
}

pub(super) async fn ends_soon(exposed: &str) -> World {
    let world = world(exposed).await;
    world.provider.misbehave(short());
    world
}

/// How many are tried: few with every `cargo test`, all of them by `.ci/load`.
pub(super) fn histories(few: usize, all: usize) -> usize {
    match std::env::var("KEYCARD_LOAD") {
        Ok(load) if load == "full" => all,
        _ => few,
    }
}

pub(super) fn tokens_cookie(browser: &Browser) -> Option<String> {
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
async fn a_hint_that_is_too_long_with_all_the_rest_is_left_out_and_the_provider_is_not() {
    let mut world = World::with(|builder| {
        let builder = builder.set("auth.expose_tokens", "id".to_owned());
        builder.set("auth.provider_logout", true)
    })
    .await;
    world.app = app(&world.auth);
    let claims = json!({ "padding": "x".repeat(400), "login_hint": "y".repeat(250) });
    world.provider.misbehave(Fault::IdTokenClaims(claims));
    for (length, is_sent) in [(10, true), (511, false)] {
        let mut browser = world.logged_in("alice").await;
        let form = format!("return_to=%2F{}", "a".repeat(length));
        let answer = browser.post("/auth/logout", &form).await;
        let to = answer.location();
        assert!(
            to.starts_with(&format!("{}/", world.provider.issuer())),
            "{to}"
        );
        assert_eq!(to.contains("id_token_hint="), is_sent, "{to}");
        assert_eq!(who(&mut browser).await, "nobody");
    }
}

#[tokio::test]
async fn what_the_provider_did_not_give_is_told_as_that() {
    let world = world(r#"["access", "refresh"]"#).await;
    let without = json!({ "refresh_token": null });
    world.provider.misbehave(Fault::Token(without));
    let mut browser = world.logged_in("alice").await;
    let answer = browser.get("/refresh").await;
    assert_eq!(answer.code().as_deref(), Some("token_not_given"));
    assert_eq!(browser.get("/access").await.status, StatusCode::OK);
}

#[tokio::test]
async fn nothing_is_left_of_the_longer_tokens_of_an_earlier_login() {
    let world = world(r#""access""#).await;
    let parts = |browser: &Browser| {
        let names = browser.jar.names();
        names.iter().filter(|name| name.contains("-t")).count()
    };
    let long = json!({ "refresh_token": "x".repeat(3000) });
    world.provider.misbehave(Fault::Token(long));
    let mut browser = world.logged_in("alice").await;
    assert_eq!(parts(&browser), 2);

    world.provider.behave();
    browser.log_in(&world.provider, "alice").await;
    assert_eq!(parts(&browser), 1);
    assert_eq!(browser.get("/access").await.status, StatusCode::OK);
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
