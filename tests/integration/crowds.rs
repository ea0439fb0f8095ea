//! Many people at once.

use http::StatusCode;
use keycard::dev::Endpoint;
use tokio::task::JoinSet;

use crate::support::{Answer, Browser, World, relative};

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
