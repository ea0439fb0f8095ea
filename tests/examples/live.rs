//! The example of what stays open: a WebSocket and server-sent events, until the logout in another tab.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::{Duration, timeout};

use super::{Browser, Running, be_somebody, empty_directory};

/// A request over a connection of its own, as a browser sends it.
async fn connect(browser: &Browser, path: &str, headers: &str) -> TcpStream {
    let host = &browser.address[url::Position::BeforeHost..url::Position::AfterPort];
    let cookies = browser.cookies.iter();
    let cookies: Vec<_> = cookies
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    let cookies = cookies.join("; ");
    let mut stream = TcpStream::connect(host).await.unwrap();
    let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookies}\r\n{headers}\r\n");
    stream.write_all(head.as_bytes()).await.unwrap();
    stream
}

/// What comes up to these words.
async fn until(stream: &mut TcpStream, words: &str) -> Vec<u8> {
    let mut came = Vec::new();
    let read = async {
        while !came.windows(words.len()).any(|it| it == words.as_bytes()) {
            let mut bytes = [0; 1024];
            let length = stream.read(&mut bytes).await.unwrap();
            assert!(length > 0, "{}", String::from_utf8_lossy(&came));
            came.extend_from_slice(&bytes[..length]);
        }
    };
    timeout(Duration::from_secs(10), read).await.expect(words);
    came
}

fn upgrade(origin: &str) -> String {
    format!(
        "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n\
         Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nOrigin: {origin}\r\n"
    )
}

#[tokio::test]
async fn live_ends_what_is_open_when_somebody_logs_out_in_another_tab() {
    let program = Running::start("live", &empty_directory("live"));
    let mut browser = Browser::new(&program.address);
    let origin = program.address.trim_end_matches('/').to_owned();
    let mut nobodys = connect(&browser, "/clock", &upgrade(&origin)).await;
    until(&mut nobodys, "HTTP/1.1 401").await;

    let (login, _) = browser.get("/").await;
    let (leaving, _) = browser.get(&login.expect("a redirect")).await;
    let callback = be_somebody(&leaving.expect("a redirect"), "ada", "Ada Example").await;
    assert_eq!(browser.get(&callback).await.0.as_deref(), Some("/"));
    let (_, page) = browser.get("/").await;
    assert!(page.contains("For Ada Example"), "{page}");
    let mut foreign = connect(&browser, "/clock", &upgrade("https://evil.example")).await;
    until(&mut foreign, "HTTP/1.1 403").await;

    let mut clock = connect(&browser, "/clock", &upgrade(&origin)).await;
    until(&mut clock, "HTTP/1.1 101").await;
    let mut since = connect(&browser, "/since", "").await;
    until(&mut since, "HTTP/1.1 200").await;
    until(&mut clock, " UTC").await;
    until(&mut since, "Logged in for ").await;
    browser.post("/logout").await;

    let came = until(&mut clock, "logged out").await;
    let frame = b"\x88\x0c\x03\xf0logged out"; // 1008, with the reason.
    assert!(came.ends_with(frame), "{came:?}");
    until(&mut since, "event: ended\ndata: logged out\n").await;
}
