//! Time: what runs out, what a clock that jumps does, and what no clock can do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use http::StatusCode;
use keycard::User;
use keycard::dev::{Endpoint, Fault};
use serde_json::json;

use crate::support::{Browser, SITE, World, fresh_secret, provider, relative, who};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
const YEAR: i64 = 365 * DAY;

/// Whether the browser is logged in while the app's clock is this many seconds off.
async fn is_alice(world: &World, browser: &mut Browser, seconds: i64) -> bool {
    world.clock.turn(seconds);
    match who(browser).await.as_str() {
        "nobody" => false,
        who => {
            assert!(who.starts_with("alice of"), "{who}");
            true
        }
    }
}

#[tokio::test]
async fn tim_01_a_login_lasts_thirty_days_by_its_own_account() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;

    // The browser goes on sending it: only what is sealed inside counts.
    for seconds in [0, 1, DAY, 29 * DAY, 30 * DAY - 2] {
        assert!(is_alice(&world, &mut browser, seconds).await, "{seconds}");
    }
    for seconds in [30 * DAY, 30 * DAY + 1, 31 * DAY, YEAR] {
        assert!(!is_alice(&world, &mut browser, seconds).await, "{seconds}");
    }
}

#[tokio::test]
async fn tim_10_whoever_is_dismissed_stays_until_their_login_ends_and_the_docs_say_so() {
    let world = World::with(|builder| builder.set("auth.expiry_days", 0.5)).await;
    let mut browser = world.logged_in("alice").await;

    // The provider knows nobody any more, and is not asked.
    world.provider.misbehave(Fault::OffDuty);
    assert!(is_alice(&world, &mut browser, 12 * HOUR - 5).await);
    assert!(!is_alice(&world, &mut browser, 12 * HOUR + 5).await);

    let security = include_str!("../../SECURITY.md").replace("\n  ", " ");
    assert!(security.contains("thirty days (or `expiry_days`)"));
    assert!(security.contains("Somebody who is blocked at the provider stays logged in here."));
}

#[tokio::test]
async fn tim_01_expiry_days_shortens_it() {
    let world = World::with(|builder| builder.set("auth.expiry_days", 0.25)).await;
    let mut browser = world.logged_in("alice").await;

    assert!(is_alice(&world, &mut browser, 6 * HOUR - 2).await);
    assert!(!is_alice(&world, &mut browser, 6 * HOUR).await);
}

#[tokio::test]
async fn tim_01_a_life_is_that_of_its_login_not_of_the_file() {
    let secret = fresh_secret();
    let google = provider("google").await;
    let world = |days: f64| {
        World::around(google.clone(), |builder| {
            builder
                .set("auth.cookie_secret", secret.as_str())
                .set("auth.expiry_days", days)
        })
    };
    let short = world(1.0);
    let browser = short.logged_in("alice").await;

    let long = world(30.0);
    let mut later = long.browser();
    later.jar = browser.jar.clone();

    assert!(is_alice(&long, &mut later, DAY - 2).await);
    assert!(!is_alice(&long, &mut later, DAY).await);
}

#[tokio::test]
async fn tim_02_what_has_run_out_is_nobody_and_no_failure() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    world.clock.turn(30 * DAY + 1);
    world.logs.clear();

    for (path, status) in [("/", 200), ("/me", 200), ("/maybe", 200), ("/private", 303)] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, status, "{path}");
        assert_eq!(answer.cookies(), [""; 0], "nothing is cleared: {path}");
    }
    assert!(world.logs.complaints().is_empty());
    // And the next login is a login like any.
    world.provider.turn_clock(30 * DAY + 1);
    browser.log_in(&world.provider, "bob").await;
    assert!(who(&mut browser).await.starts_with("bob of"));
}

#[tokio::test]
async fn tim_03_a_login_may_come_from_five_minutes_ahead() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;

    for seconds in [-1, -MINUTE, -5 * MINUTE + 2] {
        assert!(is_alice(&world, &mut browser, seconds).await, "{seconds}");
    }
    for seconds in [-5 * MINUTE - 1, -HOUR, -DAY, -40 * YEAR] {
        assert!(!is_alice(&world, &mut browser, seconds).await, "{seconds}");
    }
}

#[tokio::test]
async fn tim_03_a_login_under_way_survives_a_clock_that_jumps_back() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;

    world.clock.turn(-HOUR);
    world.provider.turn_clock(-HOUR);
    // The provider made its code before its clock was turned back.
    let answer = browser.follow(&callback).await;

    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    assert!(is_alice(&world, &mut browser, -HOUR).await);
}

#[tokio::test]
async fn tim_04_a_clock_that_jumps_ahead_and_back_loses_nothing() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;

    assert!(!is_alice(&world, &mut browser, 40 * DAY).await);
    browser.get("/private").await;

    // Nothing was deleted meanwhile.
    assert!(is_alice(&world, &mut browser, 0).await);
}

#[tokio::test]
async fn tim_05_no_clock_however_wrong_is_a_panic() {
    let google = provider("google").await;
    let at = |seconds: u64| SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
    let before = |seconds: u64| SystemTime::UNIX_EPOCH - Duration::from_secs(seconds);
    let clocks = [
        at(0),
        at(1),
        before(1),
        before(10 * YEAR.unsigned_abs()),
        before(1 << 62),
        before(1 << 63),
        at(9_214_646_400),
        at(9_223_372_036),
        at(9_223_372_037),
        at(253_402_300_799),
        at(253_402_300_800),
        at(1 << 53),
        at(i64::MAX.unsigned_abs()),
    ];
    for clock in clocks {
        let secret = fresh_secret();
        let world = World::around(google.clone(), |builder| {
            builder
                .set("auth.cookie_secret", secret.as_str())
                .clock(move || clock)
        });
        // Somebody who logged in by a clock that is right.
        let right = World::around(google.clone(), |builder| {
            builder.set("auth.cookie_secret", secret.as_str())
        });
        let mut browser = world.browser();
        browser.jar = right.logged_in("alice").await.jar;
        assert_eq!(who(&mut browser).await, "nobody", "{clock:?}");

        // A login by the wrong clock is refused with a page that speaks of clocks.
        let mut browser = world.browser();
        let answer = browser.log_in(&google, "alice").await;
        assert_eq!(answer.code().as_deref(), Some("clock_differs"), "{clock:?}");
        assert_eq!(who(&mut browser).await, "nobody");
        // What is sealed by the wrong clock opens under the right one as nobody or not at all.
        let mut wrong = world.browser();
        let callback = google
            .authorize(&wrong.begin(&google).await, "alice")
            .unwrap();
        let mut browser = right.browser();
        browser.jar = wrong.jar;
        let answer = browser.follow(&relative(&callback)).await;
        assert!(
            matches!(answer.code().as_deref(), None | Some("login_expired")),
            "{clock:?}: {answer:?}"
        );
    }
}

#[tokio::test]
async fn tim_05_a_login_at_the_end_of_time_is_shown_without_dates() {
    let google = provider("google").await;
    let end = 253_402_300_800 - 10;
    let now = SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs();
    google.turn_clock(end - i64::try_from(now).unwrap());
    let clock = SystemTime::UNIX_EPOCH + Duration::from_secs(end.unsigned_abs());
    let world = World::around(google, |builder| builder.clock(move || clock));
    let kept = Arc::new(std::sync::Mutex::new(User::default()));
    let keep = kept.clone();
    let app = axum::Router::new()
        .route(
            "/",
            axum::routing::get(async move |user: User| *keep.lock().unwrap() = user),
        )
        .layer(world.auth.layer());
    let mut browser = Browser::new(&app, SITE);

    browser.log_in(&world.provider, "alice").await;
    browser.get("/").await;

    let user = kept.lock().unwrap().clone();
    assert_eq!(user.logged_in_at().unwrap().unix_timestamp(), end);
    assert_eq!(
        user.expires_at(),
        None,
        "the year 10000 has no calendar here"
    );
    assert_eq!(user.name(), Some("Alice Adams"));
}

#[tokio::test]
async fn tim_06_two_clocks_may_differ_by_two_minutes() {
    // How far the provider's clock is ahead of the app's, and whether that will do.
    let table = [
        (0, 120, true),
        (110, 120, true),
        (-110, 120, true),
        (3 * MINUTE, 120, false),
        (3 * MINUTE, 200, true),
        (3 * MINUTE, 0, false),
        (HOUR, 120, false),
        (HOUR, 600, false),
        // It runs behind: the ID token, good for an hour, has run out before it came.
        (-3 * MINUTE, 120, true),
        (-HOUR - 3 * MINUTE, 120, false),
        (-HOUR - 3 * MINUTE, 600, true),
        (-2 * HOUR, 600, false),
        (-2 * DAY, 600, false),
    ];
    for (ahead, leeway, will_do) in table {
        let world = World::with(|builder| builder.set("auth.clock_leeway", leeway)).await;
        let mut browser = world.browser();
        world.provider.turn_clock(ahead);

        let answer = browser.log_in(&world.provider, "alice").await;

        if will_do {
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{ahead}: {answer:?}");
            continue;
        }
        assert_eq!(answer.status, StatusCode::BAD_GATEWAY, "{ahead}");
        assert_eq!(answer.code().as_deref(), Some("clock_differs"), "{ahead}");
        assert!(answer.body.contains("Two clocks do not agree"), "{ahead}");
        let advice = "Check this server's clock (NTP); clock_leeway allows up to 600 s.";
        assert!(answer.body.contains(advice), "{answer:?}");
        let line = &world.logs.complaints()[0].text;
        assert!(line.contains("s off this machine's clock"), "{line}");
    }
}

#[tokio::test]
async fn tim_06_a_refusal_for_the_clock_is_a_refusal_as_a_whole() {
    let world = World::new().await;
    for claims in [
        json!({ "exp": 1 }),
        json!({ "iat": 1 }),
        json!({ "nbf": 9_999_999_999_i64 }),
    ] {
        world
            .refuses_fault(Fault::IdTokenClaims(claims), 502, "clock_differs")
            .await;
    }
}

#[tokio::test]
async fn tim_07_what_is_cached_does_not_ask_the_wall() {
    let world = World::new().await;
    world.logged_in("alice").await;
    let fetched =
        || [Endpoint::Metadata, Endpoint::Keys].map(|endpoint| world.provider.calls(endpoint));
    assert_eq!(fetched(), [1, 1]);

    // The wall clock goes to and fro by years: nothing is stale, and nothing is fresh for ever.
    for seconds in [10 * YEAR, -10 * YEAR, 0] {
        world.clock.turn(seconds);
        world.provider.turn_clock(seconds);
        let answer = world.browser().log_in(&world.provider, "alice").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        assert_eq!(fetched(), [1, 1], "{seconds}");
    }

    // An hour of the other clock is an hour, whatever the wall says.
    world.clock.turn(-YEAR);
    world.provider.turn_clock(-YEAR);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(2 * 60 * 60)).await;
    tokio::time::resume();
    world.browser().log_in(&world.provider, "alice").await;
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
    world.browser().log_in(&world.provider, "alice").await;
    assert_eq!(fetched(), [2, 2], "renewed on use");
}

#[tokio::test]
async fn tim_07_a_provider_that_was_down_is_asked_again_whatever_the_wall_says() {
    let world = World::new().await;
    world.provider.misbehave(Fault::OffDuty);
    let mut browser = world.browser();
    let answer = browser.get("/auth/login").await;
    assert_eq!(answer.code().as_deref(), Some("provider_unreachable"));

    world.clock.turn(-10 * YEAR);
    world.provider.turn_clock(-10 * YEAR);
    world.provider.behave();
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(3)).await;
    tokio::time::resume();

    let answer = browser.log_in(&world.provider, "alice").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
}

#[tokio::test]
async fn tim_08_no_day_of_the_calendar_is_another() {
    let now = i64::try_from(SystemTime::UNIX_EPOCH.elapsed().unwrap().as_secs()).unwrap();
    let moments = [
        // 32 bits run out, signed and unsigned.
        i64::from(i32::MAX) - 10,
        i64::from(i32::MAX) + 10,
        i64::from(u32::MAX) + 10,
        // A leap second, a leap day, and the nights on which Europe turns its clocks.
        1_483_228_799,
        1_709_164_800,
        1_774_746_000,
        1_792_890_000,
        // 2100, which is no leap year.
        4_107_542_400,
    ];
    for moment in moments {
        let world = World::new().await;
        let to = moment - now;
        world.clock.turn(to);
        world.provider.turn_clock(to);
        let mut browser = world.browser();

        let answer = browser.log_in(&world.provider, "alice").await;

        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{moment}: {answer:?}");
        for seconds in [0, DAY, 30 * DAY - 5] {
            assert!(
                is_alice(&world, &mut browser, to + seconds).await,
                "{moment}"
            );
        }
        assert!(!is_alice(&world, &mut browser, to + 30 * DAY + 5).await);
    }
}

#[tokio::test]
async fn tim_09_nothing_but_a_login_makes_a_login_last_longer() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let value = browser.jar.value("keycard-oa6i42mu").unwrap().to_owned();

    for day in 0..30 {
        assert!(is_alice(&world, &mut browser, day * DAY).await, "day {day}");
        for path in ["/", "/private", "/auth/logout", "/oauth2callback", "/plain"] {
            assert_eq!(browser.get(path).await.cookies(), [""; 0], "{path}");
        }
        // A login that is begun and not finished changes nothing either.
        browser.get("/auth/login").await;
        assert_eq!(browser.jar.value("keycard-oa6i42mu"), Some(value.as_str()));
    }
    assert!(!is_alice(&world, &mut browser, 30 * DAY).await);
}

#[tokio::test]
async fn everybody_who_logged_in_before_a_day_can_be_logged_out() {
    let google = provider("google").await;
    let secret = fresh_secret();
    let world = |from: Option<i64>| {
        World::around(google.clone(), |builder| {
            let builder = builder.set("auth.cookie_secret", secret.as_str());
            match from {
                None => builder,
                Some(from) => {
                    let moment = time::OffsetDateTime::from_unix_timestamp(from).unwrap();
                    let written = moment
                        .format(&time::format_description::well_known::Rfc3339)
                        .unwrap();
                    builder.toml(&format!("[auth]\nsessions_valid_from = {written}\n"))
                }
            }
        })
    };
    let browser = world(None).logged_in("alice").await;
    let now = time::OffsetDateTime::now_utc().unix_timestamp();

    for (from, counts) in [
        (now - DAY, true),
        (now - 5, true),
        (now + 5, false),
        (now + DAY, false),
    ] {
        let world = world(Some(from));
        let mut later = world.browser();
        later.jar = browser.jar.clone();
        assert_eq!(
            is_alice(&world, &mut later, 0).await,
            counts,
            "{}",
            from - now
        );
    }
}

#[tokio::test]
async fn the_end_of_a_client_secret_is_one_warning_from_thirty_days_before() {
    let ends = time::OffsetDateTime::now_utc() + time::Duration::days(31);
    let world = World::with(|builder| {
        builder.set("auth.google.client_secret_expires", ends.date().to_string())
    })
    .await;
    for (days, said) in [(0, None), (2, Some("days=28 ")), (3, None), (40, None)] {
        world.clock.turn(days * DAY);
        for _ in 0..2 {
            world.browser().begin(&world.provider).await;
        }
        let told = world.logs.complaints();
        assert_eq!(told.len(), usize::from(said.is_some()), "{days}: {told:?}");
        if let Some(said) = said {
            assert!(told[0].text.contains(said), "{told:?}");
            assert!(
                told[0].text.contains("provider=\"google\"")
                    || told[0].text.contains("provider=google"),
                "{told:?}"
            );
        }
        world.logs.clear();
    }
    // At the start it is said at once; and once it has ended, so.
    let logs = crate::support::Logs::capture();
    keycard::Auth::builder()
        .toml(&world.provider.secrets())
        .set("auth.redirect_uri", "http://localhost:8501/oauth2callback")
        .set("auth.cookie_secret", crate::support::fresh_secret())
        .set("auth.google.client_secret_expires", "2020-01-01")
        .build()
        .unwrap();
    let told = logs.complaints();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].text.contains("has ended"), "{told:?}");
}

#[tokio::test]
async fn a_login_has_ten_minutes_to_the_second() {
    let day = DAY.unsigned_abs();
    for (seconds, in_time) in [
        (0, true),
        (599, true),
        (600, true),
        (601, false),
        (day, false),
    ] {
        // A clock that stands still: the machine's own seconds do not count.
        let began = SystemTime::now();
        let later = Arc::new(AtomicU64::new(0));
        let turned = later.clone();
        let now = move || began + Duration::from_secs(turned.load(Ordering::Relaxed));
        let world = World::with(|builder| builder.clock(now)).await;
        let mut browser = world.browser();
        let callback = browser.way_back(&world.provider, "alice").await;

        // The browser still has the cookie.
        later.store(seconds, Ordering::Relaxed);
        let answer = browser.follow(&callback).await;

        let code = if in_time { None } else { Some("login_expired") };
        assert_eq!(answer.code().as_deref(), code, "{seconds}: {answer:?}");
    }
}

#[tokio::test]
async fn an_ordinary_request_asks_no_provider_whatever_the_time() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let before = world.calls();
    world.provider.misbehave(Fault::OffDuty);

    for seconds in [0, DAY, 29 * DAY, 31 * DAY] {
        is_alice(&world, &mut browser, seconds).await;
    }

    world.provider.behave();
    assert_eq!(world.calls(), before);
}
