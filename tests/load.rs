//! What logins cost in memory, and crowds larger than the other tests' have patience for.
//!
//! `cargo test` runs all of it in small; `.ci/load` in full, optimized, and prints what it measured. The
//! tests take turns, since they measure the process.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stdout,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that cannot go on panics, and nothing outside reaches one"
)]

#[allow(dead_code, unused_imports, reason = "the other tests use the rest")]
#[path = "integration/support/mod.rs"]
mod support;

use std::fs;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use allocation_counter::{AllocationInfo, measure};
use axum::body::{Body, to_bytes};
use axum::routing::get;
use axum::{Router, http::Request};
use http::header::COOKIE;
use http::{HeaderValue, StatusCode};
use keycard::User;
use keycard::dev::{Endpoint, Fault};
use keycard::testing::{LogIn, Somebody};
use serde_json::{Map, json};
use tokio::sync::{Mutex, MutexGuard};
use tokio::task::{JoinHandle, JoinSet};
use tower::ServiceExt;

use support::{World, groups, relative, row, who};

const MEGABYTE: usize = 1 << 20;

/// The tests measure the process, so one runs at a time.
async fn alone() -> MutexGuard<'static, ()> {
    static TURN: Mutex<()> = Mutex::const_new(());
    TURN.lock().await
}

fn in_full() -> bool {
    std::env::var_os("KEYCARD_LOAD").is_some_and(|load| load == "full")
}

/// The memory that the process really has, in bytes (proc(5), statm).
fn memory() -> usize {
    let statm = fs::read_to_string("/proc/self/statm").unwrap();
    let pages = statm.split(' ').nth(1).unwrap().parse::<usize>().unwrap();
    pages * 4096
}

/// Says what came of a measurement; shown with `--nocapture`.
fn tell(what: &str) {
    println!("measured: {what}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn con_06_login_starts_leave_memory_flat() {
    let _turn = alone().await;
    let count = if in_full() { 1_000_000 } else { 5_000 };
    let world = World::new().await;
    let start = async || {
        let answer = world.browser().get("/auth/login?provider=google").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    };
    for _ in 0..2_000 {
        start().await;
    }
    world.logs.clear();
    let (before, began) = (memory(), Instant::now());
    for at in 0..count {
        start().await;
        if at % 1000 == 0 {
            world.logs.clear();
        }
    }
    let grown = memory().saturating_sub(before);
    let each = began.elapsed() / count;
    tell(&format!(
        "{count} login starts, {each:?} each: memory grew by {} KB",
        grown >> 10
    ));
    assert!(grown < 2 * MEGABYTE, "{grown} bytes");
    assert_eq!(world.provider.calls(Endpoint::Metadata), 1);
}

// How long anybody waits is told, and asserted by the clock of tests/integration/outage.rs.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_07_an_outage_costs_little_memory() {
    let _turn = alone().await;
    let endpoint = Endpoint::Metadata;
    let outages = [
        Fault::OffDuty,
        Fault::Hang { endpoint },
        Fault::Answer {
            endpoint,
            status: 500,
            headers: vec![],
            body: vec![],
        },
        Fault::Trickle { endpoint },
        Fault::Endless {
            endpoint,
            bytes: 10 << 20,
        },
    ];
    for fault in [None].into_iter().chain(outages.map(Some)) {
        let name = fault
            .as_ref()
            .map_or("no outage".to_owned(), |fault| format!("{fault:?}"));
        row(&name);
        let world = World::new().await;
        let statuses = if fault.is_some() {
            502..=504
        } else {
            303..=303
        };
        if let Some(fault) = fault {
            world.provider.misbehave(fault);
        }
        let before = memory();
        let began = Instant::now();
        let mut crowd = JoinSet::new();
        for _ in 0..1000 {
            let mut browser = world.browser();
            crowd.spawn(async move { browser.get("/auth/login?provider=google").await.status });
        }
        let bystander = Bystander::of(&world);
        let mut most = 0;
        while let Some(status) = crowd.join_next().await {
            assert!(statuses.contains(&status.unwrap().as_u16()));
            most = most.max(memory().saturating_sub(before));
        }
        let calls = world.provider.calls(endpoint);
        let last = began.elapsed();
        let waited = bystander.waited().await;
        tell(&format!(
            "{name}: 1000 logins answered after {last:.1?} with {calls} calls, {} KB more memory; \
             {} requests by somebody logged in meanwhile, half within {:.1?}, 99 of 100 within {:.1?}",
            most >> 10,
            waited.len(),
            waited[waited.len() / 2],
            waited[waited.len() * 99 / 100],
        ));
        assert!(most <= 32 * MEGABYTE, "{most} bytes");
    }
}

/// Somebody who is logged in and asks for a page every millisecond while something else goes on.
struct Bystander {
    stop: Arc<AtomicBool>,
    waits: JoinHandle<Vec<Duration>>,
}

impl Bystander {
    fn of(world: &World) -> Self {
        let (app, cookie) = (named(world), cookie_of(world, &usual()));
        let stop = Arc::new(AtomicBool::new(false));
        let is_over = stop.clone();
        let waits = tokio::spawn(async move {
            let mut waits = Vec::new();
            let mut due = tokio::time::interval(Duration::from_millis(1));
            while waits.is_empty() || !is_over.load(Ordering::Relaxed) {
                let asked = due.tick().await;
                let request = Request::get("/name").header(COOKIE, cookie.clone());
                let request = request.body(Body::empty()).unwrap();
                let answer = app.clone().oneshot(request).await.unwrap();
                let name = to_bytes(answer.into_body(), 100).await.unwrap();
                assert_eq!(name, "Ada Lovelace");
                waits.push(asked.elapsed());
            }
            waits
        });
        Self { stop, waits }
    }

    /// How long each page took from when it was due, the quickest first.
    async fn waited(self) -> Vec<Duration> {
        self.stop.store(true, Ordering::Relaxed);
        let mut waits = self.waits.await.unwrap();
        waits.sort();
        waits
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_09_everybody_of_a_crowd_is_who_they_are() {
    let _turn = alone().await;
    let (crowds, crowd) = if in_full() {
        (100, 1000)
    } else {
        (1, 1000_usize)
    };
    // On a small machine the last of a crowd waits longer than anybody should.
    let world = World::with(|builder| builder.set("auth.google.timeout", 60)).await;
    let began = Instant::now();
    for round in 0..crowds {
        let mut logins = JoinSet::new();
        for at in 0..crowd {
            let (mut browser, provider) = (world.browser(), world.provider.clone());
            logins.spawn(async move {
                let url = browser.begin(&provider).await;
                let subject = format!("person-{round}-{at}");
                let claims = [("sub", json!(subject)), ("groups", json!([subject]))];
                let claims: Map<_, _> = claims
                    .map(|(name, it)| (name.to_owned(), it))
                    .into_iter()
                    .collect();
                let callback = provider.authorize_as(&url, claims).unwrap();
                // Nobody comes back in the order in which they left.
                let scattered = at.wrapping_mul(0x9e37_79b1) >> 7 & 0x7f;
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
        world.logs.clear();
    }
    let took = began.elapsed();
    tell(&format!(
        "{} logins, {crowd} at once, {:?} each, provider and all",
        crowds * crowd,
        took / (crowds * crowd) as u32
    ));
    assert_eq!(world.provider.calls(Endpoint::Metadata), 1);
    // Keys are fetched anew when they are five minutes old.
    let fetches = 1 + took.as_secs() as usize / 300;
    assert!(world.provider.calls(Endpoint::Keys) <= fetches);
}

/// What one request to `/name` allocates in all.
fn allocated(app: &Router, cookie: Option<&HeaderValue>) -> AllocationInfo {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .unwrap();
    let ask = || {
        let mut request = Request::get("/name").body(Body::empty()).unwrap();
        if let Some(cookie) = cookie {
            request.headers_mut().insert(COOKIE, cookie.clone());
        }
        let answer = runtime.block_on(app.clone().oneshot(request)).unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
    };
    // What is made once is not this request's.
    ask();
    measure(ask)
}

fn named(world: &World) -> Router {
    let name = async |user: User| user.name().unwrap_or("nobody").to_owned();
    Router::new()
        .route("/name", get(name))
        .layer(world.auth.layer())
}

fn cookie_of(world: &World, somebody: &Somebody) -> HeaderValue {
    let request = Request::get("/").body(()).unwrap();
    let request = request.logged_in_as(&world.auth, somebody).unwrap();
    let pairs = request.headers().get_all(COOKIE).iter();
    let pairs: Vec<_> = pairs.map(|pair| pair.to_str().unwrap()).collect();
    pairs.join("; ").parse().unwrap()
}

/// Somebody with the claims that a login with Google brings.
fn usual() -> Somebody {
    Somebody::new("110169484474386276334")
        .claim("name", "Ada Lovelace")
        .claim("given_name", "Ada")
        .claim("family_name", "Lovelace")
        .claim("email", "ada.lovelace@example.com")
        .claim("email_verified", true)
        .claim("picture", "https://pictures.example.com/a/ACg8ocKx=s96-c")
        .claim("hd", "example.com")
}

#[tokio::test]
async fn res_07_a_logged_in_request_allocates_under_eight_kilobytes_and_calls_nobody() {
    let _turn = alone().await;
    let world = World::new().await;
    let bare = Router::new().route("/name", get(async || "Ada Lovelace".to_owned()));
    let app = named(&world);
    let cookie = cookie_of(&world, &usual());
    let (floor, ours) = std::thread::scope(|scope| {
        let measured = scope.spawn(|| {
            (
                allocated(&bare, Some(&cookie)),
                allocated(&app, Some(&cookie)),
            )
        });
        measured.join().unwrap()
    });

    let bytes = ours.bytes_total - floor.bytes_total;
    let count = ours.count_total - floor.count_total;
    tell(&format!(
        "a logged-in request: {bytes} bytes more in {count} allocations more"
    ));
    assert!(bytes <= 8 * 1024, "{bytes} bytes");
    assert!(
        ours.bytes_current <= floor.bytes_current,
        "something stays behind"
    );
    for endpoint in [
        Endpoint::Metadata,
        Endpoint::Keys,
        Endpoint::Token,
        Endpoint::Userinfo,
    ] {
        assert_eq!(world.provider.calls(endpoint), 0);
    }
}

#[tokio::test]
async fn res_08_a_bad_cookie_allocates_no_more_than_twice_what_a_good_one_does() {
    let _turn = alone().await;
    let (world, stranger) = (World::new().await, World::new().await);
    let app = named(&world);
    for somebody in [usual(), usual().claim("groups", json!(groups(150)))] {
        let good = cookie_of(&world, &somebody);
        let text = good.to_str().unwrap();
        let (start, end) = text.split_at(text.len() - 40);
        let bad = [
            (
                "another app's keys",
                cookie_of(&stranger, &somebody).to_str().unwrap().to_owned(),
            ),
            ("a changed byte", format!("{start}AAAA{}", &end[4..])),
            ("cut short", start.to_owned()),
            ("no base64", format!("{start}****{}", &end[4..])),
            ("twice", format!("{text}; {text}")),
            (
                "a good and a bad one",
                format!("{text}; {start}AAAA{}", &end[4..]),
            ),
        ];
        let good = allocated_apart(&app, &good);
        for (what, cookie) in bad {
            let bad = allocated_apart(&app, &cookie.parse().unwrap());
            tell(&format!(
                "{what}: {} bytes, a good cookie {}",
                bad.bytes_total, good.bytes_total
            ));
            assert!(
                bad.bytes_total <= 2 * good.bytes_total,
                "{what}: {bad:?}, good: {good:?}"
            );
        }
    }
}

fn allocated_apart(app: &Router, cookie: &HeaderValue) -> AllocationInfo {
    std::thread::scope(|scope| scope.spawn(|| allocated(app, Some(cookie))).join().unwrap())
}
