//! What stays open: WebSockets and server-sent events know who opened them, and are told when that
//! login is over.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::WebSocketUpgrade;
use axum::extract::ws::{CloseFrame, Message, WebSocket};
use axum::response::sse::{Event, Sse};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get, post};
use futures_util::stream::{self, StreamExt};
use http::StatusCode;
use keycard::{Auth, Ended, Ending, Identity, Session, User};

use crate::support::{
    Browser, Connection, Frame, SITE, SecretsFile, World, fresh_secret, now, pass, provider,
    routes, serve, settle, shared,
};

const DAY: i64 = 24 * 60 * 60;
/// How often whoever waits looks by themselves.
const LOOKS: Duration = Duration::from_secs(5);

/// Sockets that are open to everybody, or to somebody alone.
fn app(auth: &Auth) -> Router {
    let guarded = Router::new()
        .route("/behind", any(say_who))
        .route("/note", post(async || "kept"))
        .layer(auth.require_login());
    routes()
        .route("/socket", any(say_who))
        .route("/identity", any(say_whose))
        .route("/live", any(live))
        .route("/events", get(events))
        .route("/dropped", post(log_out_and_think_again))
        .merge(guarded)
        .layer(auth.layer())
}

/// Says at once who has opened it, and at each message once more, with until when that is so.
async fn say_who(upgrade: WebSocketUpgrade, user: User) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        let name = user.name().unwrap_or("nobody").to_owned();
        let until = user.expires_at().map_or(0, |at| at.unix_timestamp());
        let mut said = socket.send(name.clone().into()).await;
        while said.is_ok() && matches!(socket.recv().await, Some(Ok(Message::Text(_)))) {
            said = socket.send(format!("{name} until {until}").into()).await;
        }
    })
}

async fn say_whose(upgrade: WebSocketUpgrade, identity: Identity) -> Response {
    upgrade.on_upgrade(async move |mut socket| {
        let name = identity.name().unwrap_or_default().to_owned();
        let _ = socket.send(name.into()).await;
    })
}

/// Says who has opened it, and closes when that login is over.
async fn live(upgrade: WebSocketUpgrade, session: Session) -> Response {
    let mut ended = session.ended();
    upgrade.on_upgrade(async move |mut socket| {
        let name = session.user().name().unwrap_or("nobody").to_owned();
        let _ = socket.send(name.into()).await;
        loop {
            tokio::select! {
                why = &mut ended => return close(&mut socket, why).await,
                Some(Ok(Message::Text(text))) = socket.recv() => {
                    let _ = socket.send(Message::Text(text)).await;
                }
                else => return,
            }
        }
    })
}

async fn close(socket: &mut WebSocket, why: Ended) {
    let reason = why.to_string().into();
    let frame = CloseFrame { code: 1008, reason };
    let _ = socket.send(Message::Close(Some(frame))).await;
}

/// The same as server-sent events.
async fn events(who: Identity, session: Session) -> impl IntoResponse {
    let name = who.name().unwrap_or_default().to_owned();
    let first = stream::once(async move { Event::default().data(name) });
    let ended = session.ended();
    let last = stream::once(async move { Event::default().data(ended.await.to_string()) });
    Sse::new(first.chain(last).map(Ok::<_, std::convert::Infallible>))
}

async fn log_out_and_think_again(session: Session) -> &'static str {
    drop(session.logout().await);
    "nothing happened"
}

/// A world in which what stays open is served.
async fn world() -> (World, SocketAddr) {
    let mut world = World::new().await;
    world.app = app(&world.auth);
    let address = serve(world.app.clone()).await;
    (world, address)
}

/// A socket of this browser, once it has said who has opened it.
async fn open(address: SocketAddr, path: &str, browser: &Browser, name: &str) -> Connection {
    let cookies = browser.jar.header("/").unwrap_or_default();
    let (status, mut socket) = Connection::upgrade(address, path, &cookies, Some(SITE)).await;
    assert_eq!(status, 101, "{path}");
    assert_eq!(socket.frame().await, Frame::Text(name.to_owned()), "{path}");
    socket
}

fn closed(why: &str) -> Frame {
    Frame::Close(1008, why.to_owned())
}

/// The future of when the login of this browser is over.
async fn waiting(world: &World, browser: &Browser) -> Ending {
    let kept = Arc::new(Mutex::new(None));
    let keep = kept.clone();
    let wait = async move |session: Session| *keep.lock().unwrap() = Some(session.ended());
    let app = Router::new().route("/wait", get(wait));
    let mut there = Browser::new(&app.layer(world.auth.layer()), SITE);
    there.jar = browser.jar.clone();
    there.get("/wait").await;
    kept.lock().unwrap().take().unwrap()
}

#[tokio::test]
async fn a_websocket_knows_the_user_where_our_own_page_opened_it() {
    let (world, address) = world().await;
    let browser = world.logged_in("alice").await;
    let cookies = browser.jar.header("/").unwrap();

    for path in ["/socket", "/identity", "/behind"] {
        // What is no browser sends no Origin, and has the cookie from its owner.
        for origin in [Some(SITE), None] {
            let (status, mut socket) = Connection::upgrade(address, path, &cookies, origin).await;
            assert_eq!(status, 101, "{path}");
            let said = socket.frame().await;
            assert_eq!(said, Frame::Text("Alice Adams".to_owned()), "{path}");
        }
    }
}

#[tokio::test]
async fn a_websocket_that_another_site_opened_is_nobodys() {
    let (world, address) = world().await;
    let browser = world.logged_in("alice").await;
    let cookies = browser.jar.header("/").unwrap();

    for origin in [
        "https://evil.example",
        "null",
        "https://localhost:8501",
        "http://localhost:8502",
        "http://localhost",
        "http://localhost:8501/",
        "http://localhost:8501.evil.example",
        "http://sub.localhost:8501",
        "HTTP://LOCALHOST:8501",
    ] {
        let upgrade = |path| Connection::upgrade(address, path, &cookies, Some(origin));
        let (status, mut free) = upgrade("/socket").await;
        let said = free.frame().await;
        assert_eq!((status, said), (101, Frame::Text("nobody".to_owned())));
        let (_, mut live) = upgrade("/live").await;
        assert_eq!(live.frame().await, Frame::Text("nobody".to_owned()));
        assert_eq!(live.frame().await, closed("nobody is logged in"));
        for path in ["/identity", "/behind"] {
            assert_eq!(upgrade(path).await.0, 403, "{path} from {origin}");
        }
    }
    let complaint = &world.logs.complaints()[0];
    assert_eq!(complaint.code.as_deref(), Some("foreign_socket"));
    // Over an own Origin, nobody is sent to log in rather than refused.
    for path in ["/identity", "/behind"] {
        let (status, _) = Connection::upgrade(address, path, "a=b", Some(SITE)).await;
        assert_eq!(status, 401, "{path}");
    }
}

#[tokio::test]
async fn cke_31_a_socket_that_does_not_wait_stays_whoever_opened_it_and_knows_until_when() {
    let (world, address) = world().await;
    let mut browser = world.logged_in("alice").await;
    let mut socket = open(address, "/socket", &browser, "Alice Adams").await;

    browser.post("/logout", "").await;
    world.clock.turn(31 * DAY);
    pass(LOOKS).await;

    socket.say("who?").await;
    let Frame::Text(said) = socket.frame().await else {
        panic!("it was closed");
    };
    let until: i64 = said
        .strip_prefix("Alice Adams until ")
        .unwrap()
        .parse()
        .unwrap();
    assert!((until - now() - 30 * DAY).abs() < 60, "{said}");
    // The next one is opened anew.
    open(address, "/socket", &browser, "nobody").await;
}

#[tokio::test]
async fn cke_31_a_socket_is_told_when_its_login_expires_by_the_apps_own_clock() {
    let (world, address) = world().await;
    let browser = world.logged_in("alice").await;
    let mut socket = open(address, "/live", &browser, "Alice Adams").await;

    world.clock.turn(30 * DAY - 60);
    pass(LOOKS).await;
    assert!(socket.is_quiet().await, "a minute is left");
    world.clock.turn(30 * DAY + 1);
    pass(LOOKS).await;

    assert_eq!(socket.frame().await, closed("the login has expired"));
}

#[tokio::test]
async fn cke_31_the_end_comes_within_the_second_where_no_clock_jumps() {
    let world = World::with(|builder| builder.set("auth.expiry_days", 0.5)).await;
    let browser = world.logged_in("alice").await;
    // Four seconds before the end, which is less than a look takes to come.
    world.clock.turn(DAY / 2 - 4);
    let mut ended = waiting(&world, &browser).await;
    let until_then = tokio::time::timeout(Duration::ZERO, &mut ended).await;
    assert!(until_then.is_err(), "{until_then:?}");

    world.clock.turn(DAY / 2);
    pass(Duration::from_secs(4)).await;

    let why = tokio::time::timeout(Duration::ZERO, ended).await;
    assert_eq!(why, Ok(Ended::Expired));
}

#[tokio::test]
async fn cke_31_a_clock_that_is_put_back_to_before_the_login_ends_it_too() {
    let world = World::new().await;
    let browser = world.logged_in("alice").await;
    let ended = waiting(&world, &browser).await;

    world.clock.turn(-DAY);

    assert_eq!(ended.await, Ended::Expired);
}

#[tokio::test]
async fn cke_31_a_socket_is_told_when_another_login_takes_the_place_of_its_own() {
    let (world, address) = world().await;
    let mut browser = world.logged_in("alice").await;
    let other_browser = world.logged_in("alice").await;
    let mut mine = open(address, "/live", &browser, "Alice Adams").await;
    let mut others = open(address, "/live", &other_browser, "Alice Adams").await;

    // A login that fails replaces nobody.
    let url = browser.begin(&world.provider).await;
    let denied = world.provider.deny(&url).unwrap();
    browser
        .get_from_elsewhere(&crate::support::relative(&denied))
        .await;
    assert!(mine.is_quiet().await);
    browser.log_in(&world.provider, "bob").await;

    assert_eq!(mine.frame().await, closed("logged in anew"));
    assert!(others.is_quiet().await, "another browser's");
    let mut bobs = open(address, "/live", &browser, "Bob Brown").await;
    assert!(bobs.is_quiet().await);
}

#[tokio::test]
async fn cke_31_a_socket_is_told_when_a_save_logs_everybody_out_though_nobody_asks_for_anything() {
    let google = provider("google").await;
    let secret = fresh_secret();
    let text = |more: &str| shared(&secret, more) + &google.secrets();
    let file = SecretsFile::new("sockets", &text(""));
    let mut world = World::of_file(&google, &file);
    world.app = app(&world.auth);
    let address = serve(world.app.clone()).await;
    let browser = world.logged_in("alice").await;
    let mut socket = open(address, "/live", &browser, "Alice Adams").await;

    file.save(&text("expiry_days = 7"));
    pass(LOOKS).await;
    assert!(socket.is_quiet().await, "a save that lets the login count");
    // As far as anybody can tell this is still being written, so it counts at the second look.
    file.write(&text("sessions_valid_from = 2030-01-01T00:00:00Z"));
    pass(LOOKS).await;
    settle().await;
    pass(LOOKS).await;

    let reason = "everybody has to log in again";
    assert_eq!(socket.frame().await, closed(reason));
}

#[tokio::test]
async fn out_11_a_logout_in_one_tab_is_told_to_the_sockets_of_the_others() {
    let (world, address) = world().await;
    for path in ["/logout", "/auth/logout"] {
        let mut browser = world.logged_in("alice").await;
        let other_browser = world.logged_in("alice").await;
        let mut sockets = [
            open(address, "/live", &browser, "Alice Adams").await,
            open(address, "/live", &browser, "Alice Adams").await,
        ];
        let mut others = open(address, "/live", &other_browser, "Alice Adams").await;

        let answer = browser.post(path, "").await;

        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        for socket in &mut sockets {
            assert_eq!(socket.frame().await, closed("logged out"), "{path}");
        }
        assert!(others.is_quiet().await, "another browser's");
        // The other tab sends the form that it still shows.
        for (path, status) in [("/note", 401), ("/logout", 303)] {
            let answer = browser.post(path, "text=hello").await;
            assert_eq!(answer.status, status, "{answer:?}");
            assert_ne!(answer.body, "kept");
        }
        assert_eq!(browser.get("/me").await.body, "nobody");
    }
}

#[tokio::test]
async fn out_11_a_logout_that_does_not_happen_is_told_to_nobody() {
    let (world, address) = world().await;
    let mut browser = world.logged_in("alice").await;
    let mut socket = open(address, "/live", &browser, "Alice Adams").await;

    for path in ["/logout", "/auth/logout"] {
        browser.get(path).await;
        browser.request("HEAD", path, &[]).await;
        let foreign = [("origin", "https://evil.example")];
        browser.request("POST", path, &foreign).await;
        let prefetch = [("sec-purpose", "prefetch"), ("origin", SITE)];
        browser.request("POST", path, &prefetch).await;
    }
    let answer = browser.post("/dropped", "").await;
    assert_eq!(answer.body, "nothing happened");

    assert!(socket.is_quiet().await);
    socket.say("still here?").await;
    assert_eq!(
        socket.frame().await,
        Frame::Text("still here?".to_owned()),
        "what else there was did not take it from waiting"
    );
    browser.post("/logout", "").await;
    assert_eq!(socket.frame().await, closed("logged out"));
}

#[tokio::test]
async fn server_sent_events_know_the_user_and_are_told_the_same() {
    let (world, address) = world().await;
    let mut browser = world.logged_in("alice").await;
    let cookies = browser.jar.header("/").unwrap();
    let headers = |cookies: &str| format!("Connection: close\r\nCookie: {cookies}\r\n");
    let (status, mut events) = Connection::get(address, "/events", &headers(&cookies)).await;
    assert_eq!(status, 200);
    events.until("data: Alice Adams\n\n\r\n").await;
    assert!(events.is_quiet().await);

    browser.post("/logout", "").await;

    let rest = events.rest().await;
    assert!(rest.contains("data: logged out\n"), "{rest}");
    let (status, _) = Connection::get(address, "/events", &headers("a=b")).await;
    assert_eq!(status, 401);
}

#[tokio::test]
async fn who_is_nobody_has_no_login_that_lasts() {
    let world = World::new().await;

    let ended = waiting(&world, &world.browser()).await;

    assert_eq!(ended.await, Ended::Anonymous);
}
