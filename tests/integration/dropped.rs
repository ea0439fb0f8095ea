//! Requests that are dropped half way, and runtimes that go down.

use std::future::{Future, poll_fn};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use keycard::dev::{Endpoint, Fault};

use crate::support::{Answer, Browser, World, routes, who};

/// Drives a future until it has waited this often, and drops it there; `None` if it was dropped.
async fn drop_at<T>(pause: usize, future: impl Future<Output = T>) -> Option<T> {
    let mut future = pin!(future);
    let mut pauses = 0;
    poll_fn(|context| match future.as_mut().poll(context) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending if pauses == pause => Poll::Ready(None),
        Poll::Pending => {
            pauses += 1;
            Poll::Pending
        }
    })
    .await
}

#[tokio::test]
async fn con_10_a_login_dropped_at_any_await_leaves_the_next_one_free() {
    for pause in 0.. {
        let world = World::new().await;
        let mut browser = world.browser();
        let start = browser.get("/auth/login?provider=google");
        let dropped = drop_at(pause, start).await.is_none();

        world.logged_in("alice").await;
        assert_eq!(world.provider.calls(Endpoint::Metadata), 1, "at {pause}");
        if !dropped {
            assert!(pause > 0, "nothing waits, so nothing was dropped");
            return;
        }
        assert!(pause < 100, "it never ends");
    }
}

#[tokio::test]
async fn con_10_a_callback_dropped_at_any_await_leaves_the_next_one_free() {
    for pause in 0.. {
        let world = World::new().await;
        let mut browser = world.browser();
        let callback = browser.way_back(&world.provider, "alice").await;
        let mut first = browser.clone();
        let dropped = drop_at(pause, first.follow(&callback)).await.is_none();

        // The exchange went on without whoever left, so its end is there for who comes back.
        let answer = browser.follow(&callback).await;
        if dropped {
            assert_eq!(answer.location(), "/", "at {pause}: {answer:?}");
            assert!(who(&mut browser).await.starts_with("alice"));
        }
        world.logged_in("bob").await;
        if !dropped {
            assert!(pause > 0, "nothing waits, so nothing was dropped");
            return;
        }
        assert!(pause < 100, "it never ends");
    }
}

/// A runtime of its own, as `#[tokio::main(flavor = "current_thread")]` has it.
fn runtime() -> tokio::runtime::Runtime {
    let mut builder = tokio::runtime::Builder::new_current_thread();
    builder.enable_all().build().unwrap()
}

fn log_in_on(world: &World, provider: &keycard::dev::Provider) -> Answer {
    let (mut browser, provider): (Browser, _) = (world.browser(), provider.clone());
    let login = std::thread::spawn(move || {
        runtime().block_on(async move { browser.log_in(&provider, "alice").await })
    });
    login.join().unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_16_runtimes_come_and_go_and_share_what_was_fetched() {
    let world = World::new().await;
    let provider = world.provider.clone();
    for _ in 0..5 {
        let answer = tokio::task::block_in_place(|| log_in_on(&world, &provider));
        assert_eq!(answer.location(), "/", "{answer:?}");
    }
    assert_eq!(provider.calls(Endpoint::Metadata), 1);
    assert_eq!(provider.calls(Endpoint::Keys), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_16_a_runtime_that_goes_down_in_a_fetch_leaves_the_next_one_free() {
    let world = World::new().await;
    let provider = world.provider.clone();
    provider.misbehave(Fault::Hang {
        endpoint: Endpoint::Metadata,
    });
    let mut browser = world.browser();
    let asked = provider.clone();
    let going_down = std::thread::spawn(move || {
        let runtime = runtime();
        runtime.spawn(async move { browser.get("/auth/login?provider=google").await });
        runtime.block_on(async {
            while asked.calls(Endpoint::Metadata) == 0 {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
    });
    tokio::task::block_in_place(|| going_down.join().unwrap());
    provider.behave();

    let answer = tokio::task::block_in_place(|| log_in_on(&world, &provider));

    assert_eq!(answer.location(), "/", "{answer:?}");
}

#[tokio::test]
async fn con_16_a_thousand_layers_share_what_was_fetched() {
    let mut world = World::new().await;
    let layer = world.auth.layer();
    let apps: Vec<_> = (0..1000).map(|_| routes().layer(layer.clone())).collect();
    for app in apps.into_iter().step_by(50) {
        world.app = app;
        world.logged_in("alice").await;
    }
    assert_eq!(world.provider.calls(Endpoint::Metadata), 1);
    assert_eq!(world.provider.calls(Endpoint::Keys), 1);

    // Layers around layers are one.
    world.app = (0..100).fold(routes(), |app, _| app.layer(layer.clone()));
    let mut browser = world.logged_in("bob").await;
    assert!(who(&mut browser).await.starts_with("bob"));
}
