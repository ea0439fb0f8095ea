//! A process that goes down while somebody comes back from the provider.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use keycard::Auth;
use keycard::dev::{Endpoint, Fault};
use tokio::net::TcpListener;
use tokio::sync::oneshot;

use crate::support::{Browser, Connection, SITE, World, app, eventually, who};

/// What stands in the request of somebody who comes back with these cookies.
fn headers(browser: &Browser) -> String {
    format!("Cookie: {}\r\n", browser.jar.header("/").unwrap())
}

/// The browser, when the app runs again with the same settings.
fn at_the_next_process(world: &World, before: Browser) -> Browser {
    let auth = Auth::builder()
        .toml(&world.provider.secrets())
        .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
        .set("auth.cookie_secret", world.cookie_secret.as_str())
        .build()
        .unwrap();
    let mut browser = Browser::new(&app(&auth), SITE);
    browser.jar = before.jar;
    browser
}

/// Takes the Set-Cookie lines of an answer.
fn take_in(browser: &mut Browser, answer: &str) {
    for line in answer.lines() {
        if let Some(cookie) = line.strip_prefix("set-cookie: ") {
            browser.jar.take_in(cookie, false);
        }
    }
}

#[tokio::test]
async fn con_14_a_graceful_shutdown_waits_for_the_login_that_is_under_way() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    world.provider.misbehave(Fault::Late {
        endpoint: Endpoint::Token,
        delay: Duration::from_millis(200),
    });
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (shut_down, told) = oneshot::channel::<()>();
    let server = axum::serve(listener, world.app.clone());
    let server = server.with_graceful_shutdown(async { told.await.unwrap() });
    let server = tokio::spawn(server.into_future());
    let mut connection = Connection::ask(address, &callback, &headers(&browser)).await;
    eventually(|| world.provider.calls(Endpoint::Token) == 1).await;

    shut_down.send(()).unwrap();

    let answer = connection.rest().await;
    assert!(answer.starts_with("HTTP/1.1 303 "), "{answer}");
    take_in(&mut browser, &answer);
    server.await.unwrap().unwrap();
    // Who logged in with the last answer of one process is logged in at the next.
    let mut browser = at_the_next_process(&world, browser);
    assert!(who(&mut browser).await.starts_with("alice of"));
    assert!(browser.jar.pending().is_empty());
}

/// Serves the app on a runtime of its own, which goes down with whatever it is doing as soon as it is
/// told to.
fn doomed(app: Router) -> (SocketAddr, oneshot::Sender<()>, std::thread::JoinHandle<()>) {
    let (go_down, told) = oneshot::channel();
    let (tell, heard) = std::sync::mpsc::channel();
    let process = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        runtime.block_on(async {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            tokio::select! {
                ended = axum::serve(listener, app).into_future() => ended.unwrap(),
                ended = told => ended.unwrap(),
            }
        });
        runtime.shutdown_background();
    });
    (heard.recv().unwrap(), go_down, process)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn con_14_a_login_that_the_end_of_the_process_cuts_off_can_be_repeated() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    world.provider.misbehave(Fault::Hang {
        endpoint: Endpoint::Token,
    });
    let (address, go_down, process) = doomed(world.app.clone());
    let mut connection = Connection::ask(address, &callback, &headers(&browser)).await;
    eventually(|| world.provider.calls(Endpoint::Token) == 1).await;

    go_down.send(()).unwrap();
    process.join().unwrap();

    assert_eq!(connection.rest().await, "", "nothing of an answer came");

    // The person reloads: the code was not redeemed, and the next process takes it.
    world.provider.behave();
    let mut browser = at_the_next_process(&world, browser);
    assert_eq!(browser.follow(&callback).await.location(), "/");
    assert!(who(&mut browser).await.starts_with("alice of"));
}
