//! What strangers try that no other file is about.

use std::time::{Duration, Instant};

use http::StatusCode;

use crate::support::World;

#[tokio::test]
async fn res_10_a_provider_name_without_end_is_not_compared_with_every_name() {
    let names: Vec<_> = (0..40)
        .map(|at| format!("{at:02}{}", "a".repeat(62)))
        .collect();
    let world = World::with(|builder| {
        names.iter().fold(builder, |builder, name| {
            let section = |key: &str| format!("auth.{name}.{key}");
            builder
                .set(&section("client_id"), "client")
                .set(&section("client_secret"), "")
                .set(
                    &section("server_metadata_url"),
                    format!("https://{name}.example/.well-known/openid-configuration"),
                )
        })
    })
    .await;
    let mut browser = world.browser();
    let near = format!("0{}", "a".repeat(62));
    let answer = browser.get(&format!("/auth/login?provider={near}")).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
    assert!(answer.body.contains("did you mean 0"), "{answer:?}");

    let began = Instant::now();
    for path in ["/auth/login?provider=", "/login/"] {
        let answer = browser.get(&format!("{path}{}", "a".repeat(60_000))).await;
        assert_eq!(answer.status, StatusCode::NOT_FOUND);
    }
    // Compared in full they take some twenty seconds.
    assert!(began.elapsed() < Duration::from_secs(2));
}
