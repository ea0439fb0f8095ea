//! What strangers try that no other file is about.

use std::time::{Duration, Instant};

use http::StatusCode;

use crate::support::{World, who};

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

#[tokio::test]
async fn pxy_06_names_that_a_neighbour_planted_do_not_swell_a_logout() {
    let world = World::new().await;
    let mut browser = world.logged_in("carol").await;
    browser.begin(&world.provider).await;
    let own = browser.jar.names().len();
    let first = browser.jar.names()[0].to_owned();
    for at in 0..100 {
        // They come before and behind ours in every order.
        for before in ["-0", "-p-", "-z"] {
            browser
                .jar
                .put(&format!("{first}{before}{at}{}", "x".repeat(60)), "v");
        }
    }
    browser
        .jar
        .put(&format!("{first}-{}", "y".repeat(3500)), "v");

    let answer = browser.post("/auth/logout", "").await;

    let lines = answer.cookies();
    let size: usize = lines
        .iter()
        .map(|l| "set-cookie: ".len() + l.len() + 2)
        .sum();
    assert!(size <= 3584, "{size} bytes");
    assert!(lines.len() > own, "what is left over is cleared as well");
    let left = browser.jar.names();
    for name in left.iter().filter(|name| name.len() < first.len() + 20) {
        panic!("{name} is left");
    }
    assert_eq!(who(&mut browser).await, "nobody");
}
