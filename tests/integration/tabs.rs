//! One browser, several logins under way in it.

use std::time::Duration;

use http::StatusCode;
use keycard::dev::{Endpoint, Fault};

use crate::support::{Browser, World, eventually, pass, provider, relative, settle, who};

/// The person's login in each of several tabs, begun one after the other.
async fn tabs(world: &World, browser: &mut Browser, count: usize) -> Vec<String> {
    let mut callbacks = Vec::new();
    for at in 0..count {
        let begun = browser
            .get(&format!("/auth/login?provider=google&return_to=/tab/{at}"))
            .await;
        let callback = world.provider.authorize(begun.location(), "alice").unwrap();
        callbacks.push(relative(&callback));
    }
    callbacks
}

#[tokio::test]
async fn con_01_two_tabs_finish_in_either_order() {
    let world = World::new().await;
    for order in [[0, 1], [1, 0]] {
        let mut browser = world.browser();
        let callbacks = tabs(&world, &mut browser, 2).await;
        for tab in order {
            let answer = browser.follow(&callbacks[tab]).await;
            assert_eq!(answer.location(), format!("/tab/{tab}"));
        }
        assert!(who(&mut browser).await.starts_with("alice"));
        assert!(browser.jar.pending().is_empty());
    }
}

#[tokio::test]
async fn con_02_ten_tabs_keep_the_newest_and_the_oldest_get_a_way_on() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callbacks = tabs(&world, &mut browser, 10).await;
    let kept = browser.jar.pending().len();
    assert!((2..10).contains(&kept), "{kept}");
    let cookies = browser.jar.header("/").unwrap();
    assert!(cookies.len() <= 1024, "{} bytes", cookies.len());

    let oldest = world
        .refuses_callback(&mut browser, &callbacks[0], 400, "state_unknown")
        .await;
    assert!(oldest.body.contains("href=\"/auth/login\""), "{oldest:?}");
    for (at, callback) in callbacks.iter().enumerate().skip(10 - kept) {
        let answer = browser.follow(callback).await;
        assert_eq!(answer.location(), format!("/tab/{at}"));
    }
    // Somebody is logged in by now: the tabs that were pushed out go home.
    let answer = browser.follow(&callbacks[1]).await;
    assert_eq!(answer.location(), "/");
    assert_eq!(world.calls()[0], kept);
}

#[tokio::test]
async fn x5_another_site_cannot_push_out_a_login_that_was_just_begun() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = tabs(&world, &mut browser, 1).await.remove(0);
    let path = "/auth/login?provider=google";

    let mut refused = 0;
    for _ in 0..8 {
        let answer = browser.get_from_elsewhere(path).await;
        if answer.status == StatusCode::BAD_REQUEST {
            assert_eq!(answer.code().as_deref(), Some("too_many_logins"));
            assert!(answer.cookies().is_empty());
            refused += 1;
        }
    }

    assert!(refused > 0);
    assert_eq!(browser.follow(&callback).await.location(), "/tab/0");
    let mut browser = world.browser();
    tabs(&world, &mut browser, 9).await;
    world.clock.turn(61);
    let answer = browser.get_from_elsewhere(path).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
}

#[tokio::test]
async fn con_01_tabs_of_two_providers_finish_in_either_order_and_the_last_one_counts() {
    let (google, github) = (provider("google").await, provider("github").await);
    let world = World::around(google, |builder| builder.toml(&github.secrets()));
    for order in [[0, 1], [1, 0]] {
        let mut browser = world.browser();
        let callbacks = [
            browser.way_back(&world.provider, "alice").await,
            browser.way_back(&github, "bob").await,
        ];
        for tab in order {
            let answer = browser.follow(&callbacks[tab]).await;
            assert_eq!(answer.location(), "/", "{answer:?}");
            let expected = ["alice of ", "bob of "][tab];
            let who = who(&mut browser).await;
            assert!(who.starts_with(expected), "{who}");
        }
    }
}

#[tokio::test]
async fn con_02_five_tabs_restored_at_once_all_come_right() {
    let world = World::new().await;
    let mut browser = world.browser();
    let path = "/auth/login?provider=google";
    // The five requests leave before the first answer is there, so none knows of the others.
    let starts = [(); 5].map(|()| {
        let mut tab = browser.clone();
        tokio::spawn(async move { tab.get(path).await })
    });
    let mut callbacks = Vec::new();
    for start in starts {
        let answer = start.await.unwrap();
        for line in answer.cookies() {
            browser.jar.take_in(&line, false);
        }
        let callback = world
            .provider
            .authorize(answer.location(), "alice")
            .unwrap();
        callbacks.push(relative(&callback));
    }
    assert_eq!(browser.jar.pending().len(), 5);

    for callback in &callbacks {
        let answer = browser.follow(callback).await;
        assert_eq!(answer.location(), "/", "{answer:?}");
    }
    assert!(browser.jar.pending().is_empty());
    assert!(who(&mut browser).await.starts_with("alice"));
}

/// How long the token endpoint keeps people waiting.
const HELD: Duration = Duration::from_secs(5);

fn hold_exchanges(world: &World) {
    world.provider.misbehave(Fault::Late {
        endpoint: Endpoint::Token,
        delay: HELD,
    });
}

#[tokio::test]
async fn con_03_a_double_click_is_one_exchange_and_both_come_home() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    hold_exchanges(&world);

    let clicks = [(); 2].map(|()| {
        let (mut tab, callback) = (browser.clone(), callback.clone());
        tokio::spawn(async move { (tab.follow(&callback).await, who(&mut tab).await) })
    });

    eventually(|| world.provider.calls(Endpoint::Token) == 1).await;
    pass(HELD).await;
    for click in clicks {
        let (answer, who) = click.await.unwrap();
        assert_eq!(answer.location(), "/", "{answer:?}");
        assert!(who.starts_with("alice"), "{who}");
    }
    assert_eq!(world.provider.calls(Endpoint::Token), 1);
    assert!(world.logs.complaints().is_empty());
}

#[tokio::test]
async fn con_03_a_click_whose_page_was_left_is_not_lost_for_the_next() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    hold_exchanges(&world);

    let (mut first, path) = (browser.clone(), callback.clone());
    let left = tokio::spawn(async move { first.follow(&path).await });
    eventually(|| world.provider.calls(Endpoint::Token) == 1).await;
    left.abort();
    assert!(left.await.unwrap_err().is_cancelled());
    let again = tokio::spawn(async move { (browser.follow(&callback).await, browser) });
    settle().await;
    pass(HELD).await;
    let (answer, mut browser) = again.await.unwrap();

    assert_eq!(answer.location(), "/", "{answer:?}");
    assert_eq!(world.provider.calls(Endpoint::Token), 1);
    assert!(who(&mut browser).await.starts_with("alice"));
}

#[tokio::test]
async fn con_03_a_click_that_left_before_the_first_was_answered_comes_home_a_little_later_too() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    let mut late = browser.clone();
    assert_eq!(browser.follow(&callback).await.location(), "/");

    pass(Duration::from_secs(4)).await;
    let answer = late.clone().follow(&callback).await;
    assert_eq!(answer.location(), "/", "{answer:?}");
    assert_eq!(world.provider.calls(Endpoint::Token), 1);

    // Nothing is kept for long: by then the provider says what it thinks of a spent code.
    pass(Duration::from_secs(2)).await;
    let answer = late.follow(&callback).await;
    assert_eq!(answer.code().as_deref(), Some("code_refused"), "{answer:?}");
}

#[tokio::test]
async fn con_03_another_code_for_the_same_login_is_an_exchange_of_its_own() {
    let world = World::new().await;
    let mut browser = world.browser();
    let authorization_url = browser.begin(&world.provider).await;
    let callbacks = ["alice", "bob"].map(|subject| {
        let callback = world.provider.authorize(&authorization_url, subject);
        relative(&callback.unwrap())
    });
    hold_exchanges(&world);

    let clicks = callbacks.map(|callback| {
        let mut tab = browser.clone();
        tokio::spawn(async move {
            tab.follow(&callback).await;
            who(&mut tab).await
        })
    });

    eventually(|| world.provider.calls(Endpoint::Token) == 2).await;
    pass(HELD).await;
    for (click, subject) in clicks.into_iter().zip(["alice", "bob"]) {
        let who = click.await.unwrap();
        assert!(who.starts_with(subject), "{who}");
    }
}

#[tokio::test]
async fn con_05_a_hundred_abandoned_logins_stay_within_the_budget() {
    let world = World::new().await;
    let mut browser = world.logged_in("carol").await;
    let identity: usize = browser.jar.header("/").unwrap().len();
    for at in 0..100 {
        let path = format!(
            "/auth/login?provider=google&return_to=/{}",
            "x".repeat(at * 6)
        );
        let answer = browser.get(&path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        let all = browser.jar.header("/").unwrap().len();
        assert!(all <= 6656, "{all} bytes after {at} logins");
        assert!(
            all - identity <= 1024,
            "{} bytes of pending logins",
            all - identity
        );
    }
    assert!(!browser.jar.pending().is_empty());
    assert!(who(&mut browser).await.starts_with("carol"));
}
