//! The provider that was used last stands first on the page where people choose.

use http::header::COOKIE;
use keycard::dev::{self, Person};
use keycard::{Auth, AuthBuilder};
use serde_json::json;

use crate::support::{
    Answer, Browser, SITE, World, app, fresh_secret, groups, provider, provider_with, relative,
};

/// Under `SITE`.
const COOKIE_NAME: &str = "keycard-oa6i42mu-l";

/// An app with three providers.
struct Choice {
    world: World,
    others: [dev::Provider; 2],
}

impl Choice {
    async fn new() -> Self {
        Self::with(|builder| builder).await
    }

    async fn with(change: impl FnOnce(AuthBuilder) -> AuthBuilder) -> Self {
        let others = [provider("github").await, provider("okta").await];
        let google = provider("google").await;
        let world = World::around(google, |builder| {
            let builder = others
                .iter()
                .fold(builder, |builder, other| builder.toml(&other.secrets()));
            change(builder)
        });
        Self { world, others }
    }
}

/// The providers of the chooser in the order of its buttons, and which of them is marked.
async fn chooser(browser: &mut Browser) -> (Vec<String>, Vec<String>) {
    let page = browser.get("/auth/login").await;
    assert!(page.cookies().is_empty(), "{page:?}");
    let (mut names, mut marked) = (Vec::new(), Vec::new());
    for button in page.body.split("<button").skip(1) {
        let (_, name) = button.split_once("value=\"").unwrap();
        let name = name.split('"').next().unwrap().to_owned();
        let words = button.split_once("</button>").unwrap().0;
        if words.contains("<small>last used</small>") {
            marked.push(name.clone());
        }
        names.push(name);
    }
    (names, marked)
}

async fn shows(browser: &mut Browser, names: [&str; 3], marked: &[&str]) {
    let (shown, its_marked) = chooser(browser).await;
    assert_eq!(shown, names);
    assert_eq!(its_marked, marked);
}

fn line(answer: &Answer) -> Option<String> {
    let mut lines = answer.cookies().into_iter();
    lines.find(|line| line.contains("-l="))
}

#[tokio::test]
async fn the_provider_used_last_stands_first_after_a_logout_too() {
    let Choice { world, others } = Choice::new().await;
    let mut browser = world.browser();
    shows(&mut browser, ["github", "google", "okta"], &[]).await;

    let answer = browser.log_in(&others[1], "alice").await;
    let set = line(&answer).unwrap();
    assert!(set.starts_with(&format!("{COOKIE_NAME}=")), "{set}");
    assert!(
        set.ends_with("; HttpOnly; SameSite=Lax; Path=/; Max-Age=31536000"),
        "{set}"
    );
    shows(&mut browser, ["okta", "github", "google"], &["okta"]).await;

    browser.post("/auth/logout", "").await;
    assert_eq!(browser.jar.names(), [COOKIE_NAME]);
    shows(&mut browser, ["okta", "github", "google"], &["okta"]).await;

    // A login that comes to nothing is none.
    let begun = browser.begin(&world.provider).await;
    let callback = world.provider.authorize(&begun, "alice").unwrap();
    let (before, after) = callback.split_once("code=").unwrap();
    let (_, after) = after.split_once('&').unwrap();
    let cancelled = format!("{before}error=access_denied&{after}");
    let answer = browser.get_from_elsewhere(&relative(&cancelled)).await;
    assert_eq!(answer.code().as_deref(), Some("login_cancelled"));
    assert!(line(&answer).is_none(), "{answer:?}");

    browser.log_in(&world.provider, "bob").await;
    shows(&mut browser, ["google", "github", "okta"], &["google"]).await;
}

#[tokio::test]
async fn cke_12_a_cookie_that_is_none_of_ours_leaves_the_order_as_it_is() {
    let Choice { world, others } = Choice::new().await;
    let mut browser = world.browser();
    browser.log_in(&others[1], "alice").await;
    let own = browser.jar.value(COOKIE_NAME).unwrap().to_owned();
    let mark = browser.jar.value("keycard-oa6i42mu-m").unwrap().to_owned();
    let changed = format!("{}{}", &own[..own.len() - 8], "AAAAAAAA");
    let elsewhere = Choice::with(|builder| builder.set("auth.cookie_secret", fresh_secret()));
    let elsewhere = elsewhere.await;
    let mut other_browser = elsewhere.world.browser();
    other_browser.log_in(&elsewhere.others[1], "alice").await;
    let foreign = other_browser.jar.value(COOKIE_NAME).unwrap().to_owned();

    for forged in ["", "okta", "b2t0YQ", &mark, &changed, &own[1..], &foreign] {
        browser.jar.put(COOKIE_NAME, forged);
        shows(&mut browser, ["github", "google", "okta"], &[]).await;
    }

    // One beside ours does not hide it.
    browser.jar.remove(COOKIE_NAME);
    let request = browser.navigation(http::Method::GET, "/auth/login", "none");
    let both = format!("{COOKIE_NAME}={mark}; {COOKIE_NAME}={own}");
    let request = request.header(COOKIE, both);
    let page = browser.send(request.body(axum::body::Body::empty()).unwrap());
    assert!(page.await.body.contains("okta <small>last used"), "hidden");
}

#[tokio::test]
async fn a_provider_that_is_gone_is_not_first() {
    let Choice { world, others } = Choice::new().await;
    let mut browser = world.browser();
    browser.log_in(&others[1], "alice").await;
    let auth = Auth::builder()
        .toml(&world.provider.secrets())
        .toml(&others[0].secrets())
        .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
        .set("auth.cookie_secret", world.cookie_secret.as_str())
        .build()
        .unwrap();
    let mut later = Browser::new(&app(&auth), SITE);
    later.jar = browser.jar.clone();

    let (names, marked) = chooser(&mut later).await;

    assert_eq!(names, ["github", "google"]);
    assert!(marked.is_empty(), "{marked:?}");
}

#[tokio::test]
async fn where_nobody_chooses_nothing_is_remembered() {
    let world = World::new().await;
    let mut browser = world.browser();

    let answer = browser.log_in(&world.provider, "alice").await;

    assert!(line(&answer).is_none(), "{answer:?}");
}

#[tokio::test]
async fn cke_18_the_largest_identity_and_the_last_provider_fit_what_proxies_pass_on() {
    let google = provider_with("google", |builder| {
        builder.person(Person::new("dora").name("Dora"))
    })
    .await;
    let github = provider("github").await;
    for origin in [SITE, "https://localhost/a/base/path/of/some/length"] {
        let world = World::around(google.clone(), |builder| {
            let builder = builder.toml(&github.secrets());
            builder.set("auth.redirect_uri", format!("{origin}/oauth2callback"))
        });
        let prefix = origin.strip_prefix("https://localhost").unwrap_or_default();
        let (mut remembered, mut logins, mut heaviest) = (0, 0, 0);
        let mut browser = Browser::new(&app(&world.auth), origin);
        let sizes = (0..248).step_by(4);
        for (at, count) in sizes.clone().rev().chain(sizes).enumerate() {
            // The longer the way back, the less room there is.
            let goal = format!("{prefix}/?{}", "r".repeat(at % 4 * 150));
            let start = format!("{prefix}/auth/login?provider=google&return_to={goal}");
            let begun = browser.get(&start).await;
            let claims = json!({ "sub": "dora", "groups": groups(count) });
            let claims = claims.as_object().unwrap().clone();
            let callback = google.authorize_as(begun.location(), claims).unwrap();
            let answer = browser.get_from_elsewhere(&relative(&callback)).await;
            let lines = answer.cookies();
            let location = answer.header("location").map(str::len);
            let head: usize = lines.iter().map(String::len).chain(location).sum();
            assert!(head <= 3584, "{head} for {count} groups at {origin}");
            if answer.code().is_some() {
                continue;
            }
            logins += 1;
            remembered += usize::from(line(&answer).is_some());
            if let Some(rest) = answer.refresh() {
                browser.get(&rest).await;
            }
            let sent = browser.jar.header(&format!("{prefix}/me")).unwrap();
            heaviest = heaviest.max(sent.len());
            assert!(sent.len() <= 5632, "{} for {count} groups", sent.len());
        }
        assert!(heaviest > 5400, "it was put to the test: {heaviest}");
        assert!(
            remembered * 10 > logins * 9,
            "{remembered} of {logins} at {origin}"
        );
    }
}
