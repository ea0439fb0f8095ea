//! Requests as proxies and odd clients make them: repeated, stripped, renamed, in other forms of HTTP.

use std::net::SocketAddr;

use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::routing::any;
use axum::{Router, serve};
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use crate::support::{Browser, SITE, World, relative, routes};

#[tokio::test]
async fn pxy_08_a_callback_that_a_proxy_repeats_ends_where_the_first_one_did() {
    let mut world = World::new().await;
    world.app = routes().layer(world.auth.require_login());
    let mut browser = world.browser();
    let guarded = browser.get("/private").await;
    let begun = browser.get(guarded.location()).await;
    let callback = world.provider.authorize(begun.location(), "alice").unwrap();
    // The proxy has sent it already when the connection breaks, and sends it once more.
    let mut repeated = browser.clone();

    let first = browser.follow(&relative(&callback)).await;
    let second = repeated.follow(&relative(&callback)).await;

    assert_eq!(first.location(), "/private");
    assert_eq!(second.location(), "/private");
    assert_eq!(repeated.get("/private").await.body, "alice");
    let late = browser.follow(&relative(&callback)).await;
    assert_eq!(
        late.location(),
        "/",
        "after the cookies of the first: {late:?}"
    );
    let [token, ..] = world.calls();
    assert_eq!(token, 1, "a code is redeemed once");
}

#[tokio::test]
async fn pxy_10_no_client_path_or_address_gets_past_a_guard() {
    let world = World::new().await;
    let app = Router::new()
        .fallback(any(async || "the secret"))
        .layer(world.auth.require_login());
    for agent in [
        "",
        "GoogleHC/1.0",
        "kube-probe/1.30",
        "ELB-HealthChecker/2.0",
        "curl/8",
    ] {
        for path in [
            "/",
            "/ping",
            "/ready",
            "/healthz",
            "/robots.txt",
            "/favicon.ico",
            "/metrics",
            "/.well-known/openid-configuration",
            "/oauth2/auth",
            "/auth",
            "/auth/",
            "/auth/login/",
        ] {
            for address in ["127.0.0.1:1", "[::1]:1", "10.0.0.1:1", "169.254.169.254:80"] {
                let peer: SocketAddr = address.parse().unwrap();
                let request = Request::get(path)
                    .header("user-agent", agent)
                    .header("x-real-ip", "127.0.0.1")
                    .header("x-forwarded-for", "127.0.0.1")
                    .extension(ConnectInfo(peer));
                let request = request.body(Body::empty()).unwrap();
                let answer = Browser::new(&app, SITE).send(request).await;
                assert_eq!(
                    answer.status,
                    StatusCode::UNAUTHORIZED,
                    "{agent} {path} {peer}"
                );
                assert!(!answer.body.contains("the secret"));
            }
        }
    }
}

/// What comes back for these bytes, until the app closes the connection.
async fn raw(address: SocketAddr, bytes: &str) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream.write_all(bytes.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

#[tokio::test]
async fn pxy_12_odd_http_gets_an_answer_and_nothing_that_is_guarded() {
    let world = World::new().await;
    let app = Router::new()
        .fallback(any(async || "the secret"))
        .layer(world.auth.require_login());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move { serve(listener, app).await });
    let host = "Host: localhost:8501\r\n";
    for (head, statuses) in [
        ("GET /page HTTP/1.0\r\n".to_owned(), &["401"][..]),
        (
            "GET /page HTTP/1.0\r\nAccept: text/html\r\n".to_owned(),
            &["303"],
        ),
        ("GET /page HTTP/1.1\r\n".to_owned(), &["401", "400"]),
        (
            format!("GET /page HTTP/1.1\r\n{host}Host: evil.example\r\n"),
            &["401", "400"],
        ),
        (
            "GET /page HTTP/1.1\r\nHost: \r\n".to_owned(),
            &["401", "400"],
        ),
        (
            "GET /page HTTP/1.1\r\nHost: a b/@:x\r\nAccept: text/html\r\n".to_owned(),
            &["303", "400"],
        ),
        (
            format!("GET http://evil.example/page HTTP/1.1\r\n{host}"),
            &["401"],
        ),
        (
            format!("GET http://evil.example HTTP/1.1\r\n{host}Accept: text/html\r\n"),
            &["303"],
        ),
        (
            format!("GET //evil.example HTTP/1.1\r\n{host}Accept: text/html\r\n"),
            &["303"],
        ),
        (
            "GET /auth/login HTTP/1.0\r\nAccept: text/html\r\n".to_owned(),
            &["303"],
        ),
        (
            format!("POST /page HTTP/1.1\r\n{host}Expect: 100-continue\r\nContent-Length: 4\r\n"),
            &["401", "100"],
        ),
        (
            format!(
                "POST /auth/login HTTP/1.1\r\n{host}Expect: 100-continue\r\nContent-Length: 4\r\n"
            ),
            &["100", "303", "400"],
        ),
        (format!("OPTIONS * HTTP/1.1\r\n{host}"), &["401"]),
        (
            format!("CONNECT localhost:8501 HTTP/1.1\r\n{host}"),
            &["401"],
        ),
        (format!("TRACE /page HTTP/1.1\r\n{host}"), &["401"]),
        (
            format!("X-ODD /page HTTP/1.1\r\n{host}Origin: https://evil.example\r\n"),
            &["403"],
        ),
        (
            format!("GET /page HTTP/1.1\r\n{host}Cookie: \r\nCookie: =;;=\r\n"),
            &["401"],
        ),
        (
            format!("GET /page?\u{fffd} HTTP/1.1\r\n{host}"),
            &["401", "400"],
        ),
    ] {
        let body = if head.contains("Content-Length: 4") {
            "x=yz"
        } else {
            ""
        };
        let answer = raw(address, &format!("{head}Connection: close\r\n\r\n{body}")).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert!(statuses.contains(&status), "{head:?}: {answer:?}");
        assert!(!answer.contains("the secret"), "{head:?}: {answer:?}");
        assert!(!answer.contains("evil.example"), "{head:?}: {answer:?}");
    }
    assert!(
        world
            .logs
            .complaints()
            .iter()
            .all(|line| line.code.is_some()),
        "nothing but our own lines"
    );
}

#[tokio::test]
async fn pxy_13_a_login_cookie_that_a_proxy_dropped_or_renamed_is_named() {
    let world = World::with(|builder| {
        builder.set("auth.redirect_uri", "https://localhost:8501/oauth2callback")
    })
    .await;
    let dropped = |_: String| String::new();
    let renamed = |cookies: String| cookies.replace("__Host-", "Host-");
    let in_lower_case = |cookies: String| cookies.to_ascii_lowercase();
    for change in [dropped as fn(_) -> _, renamed, in_lower_case] {
        let mut browser = Browser::new(&world.app, "https://localhost:8501");
        let callback = browser.way_back(&world.provider, "alice").await;
        let cookies = change(browser.jar.header("/oauth2callback").unwrap());
        let mut request = browser.navigation(http::Method::GET, &callback, "cross-site");
        request = request.header("cookie", cookies);

        let page = browser.send(request.body(Body::empty()).unwrap()).await;

        assert_eq!(page.status, StatusCode::BAD_REQUEST);
        assert_eq!(page.code().as_deref(), Some("login_cookie_missing"));
        assert!(page.body.contains("has not come back"), "{page:?}");
        let line = world.logs.complaints().pop().unwrap();
        assert!(line.text.contains("or a proxy drops cookies"), "{line:?}");
    }
}
