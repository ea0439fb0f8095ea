//! Where people end up after a login, a logout and a detour: on this site, whatever a path was, at every
//! place that takes one.

use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::routing::{get, post};
use http::{Method, Request, StatusCode};
use keycard::{Decision, Identity, Login, Logout, Session};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use url::Url;

use crate::hostile_paths::{
    all, products, ret_01, ret_02, ret_03, ret_04, ret_05, ret_06, ret_07, ret_08, ret_09, ret_10,
    ret_11,
};
use crate::support::{Answer, Browser, Jar, SITE, World, relative};

/// An app that asks for whatever a test wants, at every place that takes a path.
struct Entries {
    world: World,
    /// What the app's own code asks for.
    asked: Arc<Mutex<String>>,
    alice: Jar,
}

/// A place that takes a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Entry {
    /// `session.login(…).return_to(path)`.
    Login,
    /// `/auth/login?return_to=`.
    LoginPath,
    /// The field of the chooser's form.
    LoginForm,
    /// The page itself, behind a guard.
    Guard,
    /// The page itself, whose handler needs an `Identity`.
    Identity,
    /// `Decision::GoTo(path)`.
    GoTo,
    /// `session.logout().return_to(path)`.
    Logout,
    /// The field of the logout's form.
    LogoutForm,
    /// `/auth/logout?return_to=`, whose page has that form.
    LogoutPath,
}

impl Entry {
    const ALL: [Self; 9] = [
        Self::Login,
        Self::LoginPath,
        Self::LoginForm,
        Self::Guard,
        Self::Identity,
        Self::GoTo,
        Self::Logout,
        Self::LogoutForm,
        Self::LogoutPath,
    ];

    /// Whether the path is that of a request, which is one of this site by itself.
    fn is_request(self) -> bool {
        matches!(self, Self::Guard | Self::Identity)
    }
}

impl Entries {
    async fn new() -> Self {
        let mut world = World::new().await;
        let alice = world.logged_in("alice").await.jar;
        let asked = Arc::new(Mutex::new(String::new()));
        let ask = || {
            let asked = asked.clone();
            move || asked.lock().unwrap().clone()
        };
        let (to_login, to_logout, to_go) = (ask(), ask(), ask());
        let log_in = async move |session: Session| -> keycard::Result<Login> {
            session.login("google").return_to(to_login()).await
        };
        let log_out = async move |session: Session| -> Logout {
            session.logout().return_to(to_logout()).await
        };
        let hook = move |_, _| {
            let path = to_go();
            async move { Decision::GoTo(path) }
        };
        let page = get(async || "a page");
        let going = page
            .clone()
            .layer(world.auth.require_login().authorize(hook));
        world.app = Router::new()
            .route("/app-login", post(log_in))
            .route("/app-logout", post(log_out))
            .route("/going", going)
            .layer(world.auth.layer());
        Self {
            world,
            asked,
            alice,
        }
    }

    /// Where somebody ends up; `None` where the path cannot be one of a request.
    async fn goal(&self, entry: Entry, path: &str) -> Option<String> {
        path.clone_into(&mut self.asked.lock().unwrap());
        let field: String = url::form_urlencoded::byte_serialize(path.as_bytes()).collect();
        let field = format!("return_to={field}");
        let mut browser = self.world.browser();
        let alice = |browser: &mut Browser| browser.jar = self.alice.clone();
        let answer = match entry {
            Entry::Login => browser.post("/app-login", "").await,
            Entry::LoginPath => {
                let path = format!("/auth/login?provider=google&{field}");
                browser.get(&path).await
            }
            Entry::LoginForm => {
                let form = format!("{field}&provider=google");
                browser.post("/auth/login", &form).await
            }
            Entry::Guard | Entry::Identity => {
                let auth = &self.world.auth;
                let whoever = async |_: Identity| "a page";
                let app = match entry {
                    Entry::Guard => Router::new().layer(auth.require_login()),
                    _ => Router::new().fallback(whoever).layer(auth.layer()),
                };
                let request = Request::get(path).header("accept", "text/html");
                let request = request.body(Body::empty()).ok()?;
                let refused = Browser::new(&app, SITE).send(request).await;
                if !refused.location().starts_with("/auth/login") {
                    // It is one of our own paths, which a guard leaves to us.
                    return None;
                }
                browser.get_from_elsewhere(refused.location()).await
            }
            Entry::GoTo => {
                alice(&mut browser);
                return Some(browser.get("/going").await.location().to_owned());
            }
            Entry::Logout => {
                alice(&mut browser);
                return Some(browser.post("/app-logout", "").await.location().to_owned());
            }
            Entry::LogoutForm => {
                alice(&mut browser);
                let answer = browser.post("/auth/logout", &field).await;
                return Some(answer.location().to_owned());
            }
            Entry::LogoutPath => {
                alice(&mut browser);
                let page = browser.get(&format!("/auth/logout?{field}")).await;
                let form = field_of(&page);
                let answer = browser.post("/auth/logout", &form).await;
                return Some(answer.location().to_owned());
            }
        };
        if answer.status.is_client_error() {
            // The address is longer than a form may be.
            assert!(path.len() > 512, "{entry:?} {path:?}: {answer:?}");
            return None;
        }
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path:?}: {answer:?}");
        let callback = self
            .world
            .provider
            .authorize(answer.location(), "alice")
            .unwrap();
        let back = browser.follow(&relative(&callback)).await;
        Some(back.location().to_owned())
    }

    /// Tries every path at every entry. `goal` is where a path leads that the app or a form asks for.
    async fn try_all(&self, paths: &[String], goal: impl Fn(&str) -> Option<String>) {
        assert!(paths.len() >= 30, "{} paths", paths.len());
        for entry in Entry::ALL {
            let mut tried = 0;
            for path in paths {
                let Some(led) = self.goal(entry, path).await else {
                    continue;
                };
                tried += 1;
                stays(&led, &format!("{entry:?} of {path:?}"));
                if !entry.is_request()
                    && let Some(goal) = goal(path)
                {
                    assert_eq!(led, goal, "{entry:?} of {path:?}");
                }
            }
            assert!(tried > 0 || entry.is_request(), "{entry:?}");
        }
    }
}

/// The field that a page's form brings along.
fn field_of(page: &Answer) -> String {
    let Some((_, after)) = page.body.split_once("name=\"return_to\" value=\"") else {
        return String::new();
    };
    let value = after.split_once('"').unwrap().0;
    let value = value
        .replace("&lt;", "<")
        .replace("&gt;", ">")
        .replace("&quot;", "\"")
        .replace("&amp;", "&");
    let value: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
    format!("return_to={value}")
}

/// Looks where a browser goes that stands on our site and gets `led` as its Location.
#[track_caller]
fn stays(led: &str, shown: &str) {
    let site: Url = SITE.parse().unwrap();
    for page in ["/", "/oauth2callback?code=x&state=y", "/a/b/?c"] {
        let there = site.join(page).unwrap().join(led).unwrap();
        assert_eq!(there.origin(), site.origin(), "{shown} leads to {led:?}");
        let path = there.path();
        assert!(!path.starts_with("//"), "{shown} leads to {led:?}");
        assert!(!path.starts_with("/\\"), "{shown} leads to {led:?}");
        let own = ["/oauth2callback", "/auth/login", "/auth/logout"];
        assert!(!own.contains(&path), "{shown} leads to {led:?}");
    }
    let second = led.as_bytes().get(1);
    assert!(led.starts_with('/'), "{shown} leads to {led:?}");
    assert!(!matches!(second, Some(b'/' | b'\\')), "{shown}: {led:?}");
    assert!(led.bytes().all(|byte| byte.is_ascii_graphic()), "{shown}");
}

fn home(_: &str) -> Option<String> {
    Some("/".to_owned())
}

/// It stays on the site, wherever that is.
fn anywhere(_: &str) -> Option<String> {
    None
}

#[tokio::test]
async fn ret_01_no_scheme_leads_away_at_any_entry() {
    Entries::new().await.try_all(&ret_01(), home).await;
}

#[tokio::test]
async fn ret_02_no_slashes_lead_away_at_any_entry() {
    Entries::new().await.try_all(&ret_02(), home).await;
}

#[tokio::test]
async fn ret_03_no_white_space_leads_away_at_any_entry() {
    Entries::new().await.try_all(&ret_03(), anywhere).await;
}

#[tokio::test]
async fn ret_04_no_dots_lead_away_at_any_entry() {
    Entries::new().await.try_all(&ret_04(), home).await;
}

#[tokio::test]
async fn ret_05_no_line_end_splits_an_answer_at_any_entry() {
    Entries::new().await.try_all(&ret_05(), anywhere).await;
}

#[tokio::test]
async fn ret_06_nothing_is_decoded_twice_at_any_entry() {
    let as_it_is = |path: &str| Some(path.to_owned());
    Entries::new().await.try_all(&ret_06(), as_it_is).await;
}

#[tokio::test]
async fn ret_07_what_looks_like_a_host_is_a_path_or_home_at_any_entry() {
    let goal = |path: &str| match path.starts_with('/') {
        true => None,
        false => Some("/".to_owned()),
    };
    Entries::new().await.try_all(&ret_07(), goal).await;
}

#[tokio::test]
async fn ret_08_an_origin_like_ours_is_not_ours_at_any_entry() {
    Entries::new().await.try_all(&ret_08(), home).await;
}

#[tokio::test]
async fn ret_09_a_host_is_compared_whole_at_any_entry() {
    Entries::new().await.try_all(&ret_09(), home).await;
}

#[tokio::test]
async fn ret_10_what_cannot_be_read_leads_home_and_fails_nothing_at_any_entry() {
    Entries::new().await.try_all(&ret_10(), anywhere).await;
}

#[tokio::test]
async fn ret_11_a_twin_of_a_host_is_another_host_at_any_entry() {
    Entries::new().await.try_all(&ret_11(), home).await;
}

#[tokio::test]
async fn ret_12_the_whole_corpus_leads_nowhere_from_where_no_login_is_between() {
    let entries = Entries::new().await;
    let corpus = all();
    assert!(corpus.len() >= 500, "{}", corpus.len());
    for path in &corpus {
        for entry in [
            Entry::GoTo,
            Entry::Logout,
            Entry::LogoutForm,
            Entry::LogoutPath,
        ] {
            for path in [
                path.clone(),
                format!("/x/..{path}"),
                format!("/auth/../{path}"),
            ] {
                let led = entries.goal(entry, &path).await.unwrap();
                stays(&led, &format!("{entry:?} of {path:?}"));
            }
        }
    }
}

#[tokio::test]
async fn ret_13_what_a_request_says_of_itself_is_never_a_destination() {
    let world = World::new().await;
    let app = crate::support::routes()
        .layer(world.auth.require_login())
        .layer(world.auth.layer());
    let evil = [
        ("referer", "https://evil.example/x"),
        ("x-forwarded-host", "evil.example"),
        ("x-original-url", "//evil.example"),
        ("forwarded", "host=evil.example"),
    ];
    for host in ["localhost:8501", "evil.example"] {
        let mut browser = Browser::new(&app, SITE);
        let ask = |browser: &Browser, method: Method, path: &str, origin: Option<&str>| {
            let mut request = browser
                .navigation(method, path, "same-origin")
                .header("host", host);
            for (name, value) in evil {
                request = request.header(name, value);
            }
            if let Some(origin) = origin {
                request = request.header("origin", origin);
            }
            request.body(Body::empty()).unwrap()
        };
        let request = ask(&browser, Method::GET, "/private", None);
        let guarded = browser.send(request).await;
        assert!(
            guarded.location().starts_with("/auth/login?"),
            "{guarded:?}"
        );
        let request = ask(&browser, Method::GET, guarded.location(), None);
        let begun = browser.send(request).await;
        assert!(
            begun.location().starts_with(world.provider.issuer()),
            "{begun:?}"
        );
        assert!(!begun.location().contains("evil"), "{begun:?}");
        let callback = world.provider.authorize(begun.location(), "alice").unwrap();
        let request = ask(&browser, Method::GET, &relative(&callback), None);
        assert_eq!(browser.send(request).await.location(), "/private");
        let request = ask(&browser, Method::GET, "/oauth2callback", None);
        assert_eq!(browser.send(request).await.location(), "/");
        let request = ask(&browser, Method::POST, "/auth/logout", Some(SITE));
        assert_eq!(browser.send(request).await.location(), "/");
    }
}

#[tokio::test]
async fn ret_14_none_of_our_own_paths_is_a_destination_at_any_entry() {
    let entries = Entries::new().await;
    let paths = ["/oauth2callback", "/auth/login", "/auth/logout"];
    let ends = ["", "?provider=google", "?return_to=/x", "#x"];
    let mut own = products(&paths, &ends);
    own.extend(products(
        &["/x/..", "/x/%2e%2E", "/.", "/%2e", "/x/../."],
        &paths,
    ));
    for entry in Entry::ALL {
        // A guard leaves our own paths to us.
        if entry.is_request() {
            continue;
        }
        for path in &own {
            let led = entries.goal(entry, path).await;
            assert_eq!(led.as_deref(), Some("/"), "{entry:?} of {path}");
        }
    }
}

#[tokio::test]
async fn ret_15_no_text_leads_away_from_any_entry() {
    let entries = Entries::new().await;
    let mut runner = TestRunner::deterministic();
    let favourites = "[/\\\\.:@%?#;a25eEfFcC\t\r\n \u{a0}\u{3000}\u{ff0f}]{0,24}";
    for entry in Entry::ALL {
        for _ in 0..24 {
            for text in [favourites, "/{1,3}.{0,16}", ".{0,16}"] {
                let path = text.new_tree(&mut runner).unwrap().current();
                if let Some(led) = entries.goal(entry, &path).await {
                    stays(&led, &format!("{entry:?} of {path:?}"));
                }
            }
        }
    }
}

#[tokio::test]
async fn a_logout_ends_where_the_app_or_its_own_page_says() {
    let entries = Entries::new().await;
    for entry in [Entry::Logout, Entry::LogoutForm, Entry::LogoutPath] {
        for (path, goal) in [
            ("/bye?q=1&r=%2F#f", "/bye?q=1&r=%2F#f"),
            ("/", "/"),
            ("", "/"),
        ] {
            assert_eq!(
                entries.goal(entry, path).await.as_deref(),
                Some(goal),
                "{entry:?}"
            );
        }
    }
    // Another site decides nothing of it, and what is no form leads home.
    let mut browser = entries.world.browser();
    browser.jar = entries.alice.clone();
    let page = browser
        .get_from_elsewhere("/auth/logout?return_to=/bye")
        .await;
    assert_eq!(field_of(&page), "");
    let long = format!("return_to=/{}", "x".repeat(9000));
    assert_eq!(browser.post("/auth/logout", &long).await.location(), "/");
    assert!(browser.jar.names().is_empty(), "logged out all the same");
}
