//! What is opened with the cookie of a login that is over: the end is told to whoever asks for it
//! too late.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::routing::{get, post};
use axum::{Router, response::IntoResponse};
use http::header::COOKIE;
use http::request::Parts;
use http::{HeaderValue, StatusCode, Uri};
use keycard::testing::{LogIn, SentBy, Somebody};
use keycard::{Auth, Decision, Ended, Ending, Guard, Session, User};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tower::ServiceExt;

use crate::support::{Browser, SITE, World};

/// How many logins that are over a process remembers.
const REMEMBERED: usize = 1024;

/// What the handler of `/wait` asked for.
#[derive(Clone, Default)]
struct Asked(Arc<Mutex<Option<Ending>>>);

impl Asked {
    /// Why the login is over, if that is known at once.
    async fn at_once(&self) -> Option<Ended> {
        let ending = self.0.lock().unwrap().take().expect("it was asked for");
        timeout(Duration::ZERO, ending).await.ok()
    }
}

fn app(guard: Guard, asked: &Asked) -> Router {
    let asked = asked.clone();
    let wait = async move |session: Session| *asked.0.lock().unwrap() = Some(session.ended());
    Router::new().route("/wait", get(wait)).layer(guard).route(
        "/logout",
        post(async |session: Session| session.logout().await),
    )
}

/// The same browser in front of another app.
fn there(browser: &Browser, app: &Router) -> Browser {
    let mut there = Browser::new(app, SITE);
    there.jar = browser.jar.clone();
    there
}

/// Ends the login of a browser in one of two ways, and says in which.
async fn end(world: &World, browser: &mut Browser, round: usize) -> Ended {
    if round == 0 {
        browser.post("/logout", "").await;
        return Ended::LoggedOut;
    }
    browser.log_in(&world.provider, "bob").await;
    Ended::Replaced
}

#[tokio::test]
async fn cke_31_what_is_opened_with_the_cookie_from_before_ends_at_once() {
    let world = World::new().await;
    let asked = Asked::default();
    let app = app(world.auth.require_login(), &asked);
    for round in 0..2 {
        let mut browser = world.logged_in("alice").await;
        let mut late = there(&browser, &app);
        late.get("/wait").await;
        assert_eq!(asked.at_once().await, None);

        let why = end(&world, &mut browser, round).await;

        // However often it comes back.
        for _ in 0..3 {
            late.get("/wait").await;
            assert_eq!(asked.at_once().await, Some(why));
        }
        let mut since = there(&world.logged_in("alice").await, &app);
        since.get("/wait").await;
        assert_eq!(
            asked.at_once().await,
            None,
            "another login of the same person"
        );
    }
}

#[tokio::test]
async fn cke_31_an_end_while_the_authorize_hook_thinks_is_told() {
    let world = World::new().await;
    let (began, may_go_on) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
    let hook = {
        let (began, may_go_on) = (began.clone(), may_go_on.clone());
        move |user: User, _: Parts| {
            let (began, may_go_on) = (began.clone(), may_go_on.clone());
            async move {
                assert!(user.is_logged_in());
                began.add_permits(1);
                may_go_on.acquire().await.unwrap().forget();
                Decision::Allow
            }
        }
    };
    let asked = Asked::default();
    let app = app(world.auth.require_login().authorize(hook), &asked);
    for round in 0..2 {
        let mut browser = world.logged_in("alice").await;
        let mut held = there(&browser, &app);
        let request = tokio::spawn(async move { held.get("/wait").await });
        began.acquire().await.unwrap().forget();

        let why = end(&world, &mut browser, round).await;
        may_go_on.add_permits(1);

        assert_eq!(request.await.unwrap().status, StatusCode::OK);
        assert_eq!(asked.at_once().await, Some(why));
    }
}

/// Padding of a request, of which the test sees whether anybody still holds it.
struct Padding {
    text: Vec<u8>,
    _held: Arc<()>,
}

impl AsRef<[u8]> for Padding {
    fn as_ref(&self) -> &[u8] {
        &self.text
    }
}

#[tokio::test]
async fn who_waits_holds_nothing_of_a_padded_request() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;
    let asked = Asked::default();
    let app = app(world.auth.require_login(), &asked);
    let held = Arc::new(());
    let padding = |text: String| {
        Bytes::from_owner(Padding {
            text: text.into_bytes(),
            _held: held.clone(),
        })
    };
    let value = |text| HeaderValue::from_maybe_shared(padding(text)).unwrap();
    let long = "x".repeat(60_000);
    let cookies = browser.jar.header("/").unwrap();
    let request = Request::get(Uri::from_maybe_shared(padding(format!("/wait?{long}"))).unwrap())
        .header("x-padding", value(long.clone()))
        .header(COOKIE, value(format!("a={long}; {cookies}; b={long}")));

    let answer = app.clone().oneshot(request.body(Body::empty()).unwrap());
    assert_eq!(answer.await.unwrap().status(), StatusCode::OK);

    assert_eq!(Arc::strong_count(&held), 1, "while somebody waits");
    let mut ending = asked.0.lock().unwrap().take().unwrap();
    assert!(timeout(Duration::ZERO, &mut ending).await.is_err());
    browser.post("/logout", "").await;
    assert_eq!(ending.await, Ended::LoggedOut);
}

/// A request of somebody's, answered.
async fn ask(app: &Router, auth: &Auth, request: http::request::Builder, somebody: &Somebody) {
    let request: Request = request.body(Body::empty()).unwrap();
    let request = request.logged_in_as(auth, somebody).unwrap();
    let answer = app.clone().oneshot(request.sent_by_own_page(auth)).await;
    let status = answer.into_response().status();
    assert!(status.is_success() || status.is_redirection(), "{status}");
}

#[tokio::test]
async fn the_logins_that_ended_last_are_remembered_and_no_more() {
    let world = World::new().await;
    let (auth, asked) = (&world.auth, Asked::default());
    let app = app(auth.require_login(), &asked).layer(auth.layer());
    let why = async |somebody: &Somebody| {
        ask(&app, auth, Request::get("/wait"), somebody).await;
        asked.at_once().await
    };
    let log_out = async |somebody: &Somebody| {
        ask(&app, auth, Request::post("/logout"), somebody).await;
    };
    let somebody = || Somebody::new("alice");
    let (first, second) = (somebody(), somebody());

    log_out(&first).await;
    log_out(&second).await;
    for _ in 2..REMEMBERED {
        log_out(&somebody()).await;
    }
    // Who comes back with an old cookie again and again puts nobody else out of mind.
    for _ in 0..REMEMBERED {
        log_out(&second).await;
    }
    assert_eq!(why(&first).await, Some(Ended::LoggedOut));
    assert_eq!(why(&second).await, Some(Ended::LoggedOut));

    log_out(&somebody()).await;
    assert_eq!(why(&first).await, None, "nothing grows without an end");
    assert_eq!(why(&second).await, Some(Ended::LoggedOut));
}
