//! Many people at once.

use std::time::Duration;

use http::StatusCode;
use keycard::dev::Endpoint;
use serde_json::{Map, json};
use tokio::task::JoinSet;

use crate::support::{Answer, Browser, World, relative, who};

const CROWD: usize = 1000;

/// On a small machine the last of a crowd waits longer than anybody should.
async fn patient() -> World {
    World::with(|builder| builder.set("auth.google.timeout", 60)).await
}

/// Each of a crowd opens the page that begins a login, all of them at once.
async fn begin(world: &World) -> Vec<(Browser, Answer)> {
    let mut starts = JoinSet::new();
    for _ in 0..CROWD {
        let mut browser = world.browser();
        starts.spawn(async move {
            let answer = browser.get("/auth/login?provider=google").await;
            (browser, answer)
        });
    }
    starts.join_all().await
}

#[tokio::test]
async fn con_04_a_thousand_logins_on_a_cold_cache_fetch_metadata_once_and_keys_once() {
    let world = patient().await;
    let mut callbacks = JoinSet::new();
    for (mut browser, answer) in begin(&world).await {
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        let callback = world
            .provider
            .authorize(answer.location(), "alice")
            .unwrap();
        callbacks.spawn(async move { browser.follow(&relative(&callback)).await });
    }
    assert_eq!(world.provider.calls(Endpoint::Metadata), 1);
    assert_eq!(world.provider.calls(Endpoint::Keys), 0);

    for answer in callbacks.join_all().await {
        assert_eq!(answer.location(), "/", "{answer:?}");
    }
    assert_eq!(world.provider.calls(Endpoint::Metadata), 1);
    assert_eq!(world.provider.calls(Endpoint::Keys), 1);
    assert_eq!(world.provider.calls(Endpoint::Token), CROWD);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn con_09_everybody_of_a_crowd_is_who_they_are() {
    let world = patient().await;
    let mut logins = JoinSet::new();
    for at in 0..CROWD {
        let (mut browser, provider) = (world.browser(), world.provider.clone());
        logins.spawn(async move {
            let url = browser.begin(&provider).await;
            let subject = format!("person-{at}");
            let claims = [("sub", json!(subject)), ("groups", json!([subject]))];
            let claims: Map<_, _> = claims
                .map(|(name, it)| (name.to_owned(), it))
                .into_iter()
                .collect();
            let callback = provider.authorize_as(&url, claims).unwrap();
            // Nobody comes back in the order in which they left.
            let scattered = at.wrapping_mul(0x9e37_79b1) >> 7 & 0xff;
            tokio::time::sleep(Duration::from_millis(scattered as u64)).await;
            browser.follow(&relative(&callback)).await;
            (subject, who(&mut browser).await)
        });
    }
    for (subject, who) in logins.join_all().await {
        assert!(
            who.starts_with(&format!("{subject} of ")),
            "{subject} is {who}"
        );
    }
}
