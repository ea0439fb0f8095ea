//! Claims as a type of the app's own: checked at the login, and read afterwards.

use axum::Router;
use axum::routing::get;
use keycard::Identity;
use keycard::dev::{Endpoint, Fault};
use serde::Deserialize;
use serde_json::json;

use crate::support::{Refusal, World, who};

#[derive(Deserialize)]
struct Claims {
    name: String,
    role: String,
    level: Option<u8>,
}

async fn world() -> World {
    let mut world = World::with(|builder| builder.claims::<Claims>()).await;
    let shown = async |who: Identity| -> keycard::Result<String> {
        let Claims { name, role, level } = who.claims()?;
        Ok(format!("{name}, {role}, {level:?}"))
    };
    world.app = crate::support::routes()
        .merge(Router::new().route("/claims", get(shown)))
        .layer(world.auth.layer());
    world
}

#[tokio::test]
async fn who_has_the_claims_that_the_app_needs_logs_in_and_is_read_as_its_type() {
    let world = world().await;
    let mut browser = world.browser();
    let claims = json!({ "role": "admin", "level": 7 });
    world.provider.misbehave(Fault::IdTokenClaims(claims));

    let answer = browser.log_in(&world.provider, "alice").await;

    assert_eq!(answer.location(), "/");
    let shown = browser.get("/claims").await.body;
    assert_eq!(shown, "Alice Adams, admin, Some(7)");
}

#[tokio::test]
async fn whom_a_claim_is_missing_or_another_type_of_does_not_log_in_and_the_log_names_it() {
    let world = world().await;
    let mut browser = world.browser();
    let claims = json!({ "role": "guest" });
    world.provider.misbehave(Fault::IdTokenClaims(claims));
    browser.log_in(&world.provider, "bob").await;
    for (claims, named) in [
        (json!({}), "the claim \"role\" is missing"),
        (json!({ "role": null }), "the claim \"role\" is"),
        (
            json!({ "role": ["ca11ary"] }),
            "the claim \"role\" is not what is wanted",
        ),
        (
            json!({ "role": "admin", "level": "ca11ary" }),
            "the claim \"level\" is not what is wanted",
        ),
        (
            json!({ "role": "admin", "level": 300 }),
            "the claim \"level\" is not what is wanted",
        ),
    ] {
        crate::support::pass(std::time::Duration::from_secs(1)).await;
        let before = who(&mut browser).await;
        assert!(before.starts_with("bob"), "{before}");
        world.provider.misbehave(Fault::IdTokenClaims(claims));
        let callback = browser.way_back(&world.provider, "alice").await;
        world.logs.clear();
        let cookies_before = browser.jar.clone();

        let answer = browser.follow(&callback).await;

        let after = who(&mut browser).await;
        world.refuses(&Refusal {
            answer: &answer,
            status: 403,
            code: "claims_refused",
            callback: &callback,
            cookies_before: &cookies_before,
            identity: [&before, &after],
        });
        let line = world.logs.complaints().remove(0).text;
        assert!(line.contains(named), "{named} in {line}");
        assert!(line.contains("typed_claims::Claims"), "{line}");
        assert!(!line.contains("ca11ary"), "{line}");
    }
    assert_eq!(world.provider.calls(Endpoint::Token), 6);
}

#[tokio::test]
async fn a_claim_that_the_file_does_not_keep_is_missing() {
    let world = World::with(|builder| {
        builder
            .claims::<Claims>()
            .set("auth.google.claims", json!(["name"]))
    })
    .await;
    let claims = json!({ "role": "admin" });
    world.provider.misbehave(Fault::IdTokenClaims(claims));

    let answer = world.browser().log_in(&world.provider, "alice").await;

    assert_eq!(answer.code().as_deref(), Some("claims_refused"));
}

#[tokio::test]
async fn a_type_that_an_older_login_does_not_fit_is_an_error_that_names_the_claim() {
    let world = World::new().await;
    let shown = async |who: Identity| who.claims::<Claims>().map(|claims| claims.role);
    let app = Router::new()
        .route("/", get(shown))
        .layer(world.auth.layer());
    let mut browser = crate::support::Browser::new(&app, crate::support::SITE);
    browser.log_in(&world.provider, "alice").await;
    world.logs.clear();

    let answer = browser.get("/").await;

    assert_eq!(answer.code().as_deref(), Some("claims_do_not_fit"));
    let line = world.logs.complaints().remove(0).text;
    assert!(line.contains("the claim \"role\" is missing"), "{line}");
}
