//! The provider is down, in each of the ways in which providers are, and comes back.

use std::time::Duration;

use http::StatusCode;
use keycard::dev::{Endpoint, Fault};
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::support::{Answer, World, eventually, pass, provider, row, settle, telling_app, who};

const CROWD: usize = 1000;
const ENDPOINT: Endpoint = Endpoint::Metadata;

/// Each way of being down, and what a person is told.
fn ways_to_be_down() -> [(Fault, &'static str); 5] {
    let (endpoint, status) = (ENDPOINT, 500);
    let (headers, body) = (vec![], vec![]);
    let broken = Fault::Answer {
        endpoint,
        status,
        headers,
        body,
    };
    let bytes = 10 << 20;
    [
        (Fault::OffDuty, "provider_unreachable"),
        (Fault::Hang { endpoint }, "provider_timeout"),
        (broken, "provider_status"),
        (Fault::Trickle { endpoint }, "provider_timeout"),
        (Fault::Endless { endpoint, bytes }, "provider_unreachable"),
    ]
}

/// A crowd that begins to log in, all at once.
fn crowd(world: &World, size: usize) -> JoinSet<Answer> {
    let mut starts = JoinSet::new();
    for _ in 0..size {
        let mut browser = world.browser();
        starts.spawn(async move { browser.get("/auth/login?provider=google").await });
    }
    starts
}

#[tokio::test]
async fn con_07_a_crowd_at_a_provider_that_is_down_is_answered_within_five_seconds() {
    for (fault, code) in ways_to_be_down() {
        row(&format!("{fault:?}"));
        let world = World::new().await;
        let hangs = code == "provider_timeout";
        // Nobody counts the connections that are refused.
        let is_counted = !matches!(fault, Fault::OffDuty);
        world.provider.misbehave(fault);

        let mut starts = crowd(&world, CROWD);
        if hangs {
            eventually(|| world.provider.calls(ENDPOINT) == 1).await;
            settle().await;
            pass(Duration::from_secs(2)).await;
            assert!(starts.try_join_next().is_none(), "given up too early");
            pass(Duration::from_millis(3100)).await;
            settle().await;
            for _ in 0..CROWD {
                let answer = starts.try_join_next().expect("everybody is answered");
                refuses(&answer.unwrap(), code);
            }
        }
        for answer in starts.join_all().await {
            refuses(&answer, code);
        }
        if is_counted {
            assert_eq!(world.provider.calls(ENDPOINT), 1);
        }
    }
}

#[track_caller]
fn refuses(answer: &Answer, code: &str) {
    assert_eq!(answer.code().as_deref(), Some(code), "{answer:?}");
    assert!((502..=504).contains(&answer.status.as_u16()), "{answer:?}");
    assert!(answer.header("retry-after").is_some(), "{answer:?}");
    assert!(answer.cookies().is_empty(), "{answer:?}");
}

#[tokio::test]
async fn con_07_a_provider_that_is_down_is_asked_once_in_two_seconds() {
    let world = World::new().await;
    let (endpoint, status) = (ENDPOINT, 500);
    let (headers, body) = (vec![], vec![]);
    world.provider.misbehave(Fault::Answer {
        endpoint,
        status,
        headers,
        body,
    });
    let began = Instant::now();
    for _ in 0..20 {
        crowd(&world, 50).join_all().await;
        let windows = began.elapsed().as_millis() / 2000 + 1;
        let calls = world.provider.calls(ENDPOINT);
        assert!(
            calls as u128 <= windows,
            "{calls} calls in {windows} windows"
        );
        pass(Duration::from_millis(450)).await;
    }
    // Asked it is, or nobody would know when it is back.
    assert!(world.provider.calls(ENDPOINT) > 2);
}

#[tokio::test]
async fn con_07_an_outage_is_no_matter_for_who_is_logged_in_or_for_another_provider() {
    for (fault, _) in ways_to_be_down() {
        row(&format!("{fault:?}"));
        let github = provider("github").await;
        let mut world = World::around(provider("google").await, |builder| {
            builder.toml(&github.secrets())
        });
        world.app = telling_app(&world.auth);
        let mut alice = world.logged_in("alice").await;
        let (me, claims) = (who(&mut alice).await, alice.get("/claims").await.body);
        // What is cached of the provider is too old to serve.
        pass(Duration::from_secs(24 * 60 * 60 + 1)).await;
        world.provider.misbehave(fault);

        let mut starts = crowd(&world, 100);
        settle().await;
        assert_eq!(who(&mut alice).await, me);
        assert_eq!(alice.get("/claims").await.body, claims);
        let mut bob = world.browser();
        assert_eq!(bob.log_in(&github, "bob").await.location(), "/");
        assert!(who(&mut bob).await.starts_with("bob of "));
        starts.shutdown().await;
    }
}

#[tokio::test]
async fn con_08_a_provider_that_is_back_is_used_within_five_seconds_and_asked_once() {
    for (fault, _) in ways_to_be_down() {
        row(&format!("{fault:?}"));
        let world = World::new().await;
        world.provider.misbehave(fault);
        let starts = crowd(&world, 100);
        settle().await;
        pass(Duration::from_millis(5100)).await;
        starts.join_all().await;

        world.provider.behave();
        let before = world.provider.calls(ENDPOINT);
        pass(Duration::from_secs(2)).await;
        for answer in crowd(&world, 100).join_all().await {
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        }

        assert_eq!(world.provider.calls(ENDPOINT), before + 1);
        world.logged_in("alice").await;
    }
}
