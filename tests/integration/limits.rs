//! Nothing that the provider sends is endless, and nothing that a stranger sends tells them more
//! than that it was wrong.

#[cfg(target_os = "linux")]
use std::net::SocketAddr;
use std::time::Duration;

use keycard::dev::{self, Endpoint, Fault};
#[cfg(target_os = "linux")]
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::JoinHandle;

use crate::support::{
    Answer, Browser, Forge, Jar, World, base64url, eventually, pass, provider_with, relative, row,
    settle,
};

const ENDPOINTS: [Endpoint; 4] = [
    Endpoint::Metadata,
    Endpoint::Token,
    Endpoint::Keys,
    Endpoint::Userinfo,
];

/// A provider whose every endpoint is asked in a login.
async fn talkative() -> World {
    let provider = provider_with("google", |builder| builder.claims_only_at_userinfo()).await;
    World::around(provider, |builder| builder)
}

/// Somebody's login up to its end, wherever that is.
async fn log_in(provider: dev::Provider, mut browser: Browser) -> Answer {
    let start = browser.get("/auth/login?provider=google").await;
    let Some(url) = start.header("location") else {
        return start;
    };
    let callback = provider.authorize(url, "alice").unwrap();
    browser.follow(&relative(&callback)).await
}

fn answer(endpoint: Endpoint, headers: Vec<(String, String)>, body: impl Into<Vec<u8>>) -> Fault {
    let (status, body) = (200, body.into());
    Fault::Answer {
        endpoint,
        status,
        headers,
        body,
    }
}

#[tokio::test]
async fn res_01_every_answer_has_its_cap() {
    for endpoint in ENDPOINTS {
        let deep = format!("{}1{}", "[".repeat(40), "]".repeat(40));
        let deep = format!("{{\"deep\":{deep}}}");
        let header = ("x-long".to_owned(), "x".repeat(66 << 10));
        for (fault, log) in [
            (
                Fault::Endless {
                    endpoint,
                    bytes: 257 << 10,
                },
                "its answer is over 256 KB",
            ),
            (
                answer(endpoint, vec![header], "{}"),
                "the headers of its answer are over 64 KB",
            ),
            (answer(endpoint, vec![], deep), "it is nested too deeply"),
        ] {
            row(&format!("{endpoint:?}: {log}"));
            let world = talkative().await;
            world.provider.misbehave(fault);
            let answer = log_in(world.provider.clone(), world.browser()).await;
            assert!((502..=503).contains(&answer.status.as_u16()), "{answer:?}");
            let line = world.logs.complaints().remove(0).text;
            assert!(line.contains(log), "{line}");
        }
    }
}

#[tokio::test]
async fn res_02_a_signature_is_verified_before_any_claim_is_read() {
    let mut forge = Forge::new().await;
    let signature = "the ID token was refused: signature";
    // No JSON at all, and JSON that no map could hold: neither is looked at.
    let deep = format!("{}1{}", "[".repeat(5000), "]".repeat(5000));
    for payload in ["no claims".to_owned(), deep, String::new()] {
        forge
            .refuses_as("id_token_refused", signature, |_, header, _| {
                let signed = [header.to_string(), payload.clone()].map(base64url);
                format!("{}.{}", signed.join("."), base64url([1; 64]))
            })
            .await;
    }
    // The length is looked at before the header is.
    forge
        .refuses_as("token_answer_invalid", "id_token", |_, mut header, _| {
            header["filler"] = "x".repeat(64 << 10).into();
            format!(
                "{}.e30.{}",
                base64url(header.to_string()),
                base64url([1; 64])
            )
        })
        .await;
}

#[tokio::test]
async fn res_03_compression_is_asked_for_nowhere() {
    let world = talkative().await;
    world.logged_in("alice").await;
    for endpoint in ENDPOINTS {
        let request = world.provider.last_request(endpoint).unwrap();
        assert_eq!(request.header("accept-encoding"), None, "{endpoint:?}");
    }
}

#[tokio::test]
async fn res_03_what_is_compressed_unasked_is_not_unpacked() {
    let zeros = miniz_oxide::deflate::compress_to_vec(&vec![b' '; 10 << 20], 9);
    let bomb = [b"\x1f\x8b\x08\0\0\0\0\0\0\x03", &zeros[..], &[0; 8]].concat();
    for endpoint in ENDPOINTS {
        row(&format!("{endpoint:?}"));
        let world = talkative().await;
        let headers = vec![("content-encoding".into(), "gzip".into())];
        world
            .provider
            .misbehave(answer(endpoint, headers, bomb.clone()));
        let answer = log_in(world.provider.clone(), world.browser()).await;
        assert_eq!(answer.status, 502, "{answer:?}");
    }
}

#[tokio::test]
async fn res_04_every_call_has_its_deadline() {
    for endpoint in ENDPOINTS {
        let seconds = if endpoint == Endpoint::Metadata {
            5
        } else {
            10
        };
        for fault in [Fault::Hang { endpoint }, Fault::Trickle { endpoint }] {
            row(&format!("{fault:?}"));
            let world = talkative().await;
            world.provider.misbehave(fault);
            let login = tokio::spawn(log_in(world.provider.clone(), world.browser()));
            eventually(|| world.provider.calls(endpoint) == 1).await;
            is_given_up_after(seconds, login).await;
        }
    }
}

/// Waits for a login that nobody answers, by the clock that tests turn. Two seconds before, it must
/// not be over: a small machine needs some of them itself.
async fn is_given_up_after(seconds: u64, login: JoinHandle<Answer>) {
    settle().await;
    pass(Duration::from_secs(seconds - 2)).await;
    settle().await;
    assert!(!login.is_finished(), "given up too early");
    pass(Duration::from_millis(2100)).await;
    settle().await;
    assert!(login.is_finished(), "it waits too long");
    let answer = login.await.unwrap();
    let code = answer.code();
    assert_eq!(code.as_deref(), Some("provider_timeout"), "{answer:?}");
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn res_04_a_connection_that_nobody_takes_is_given_up_after_three_seconds() {
    let (address, _waiting, _listener) = black_hole().await;
    let world = World::with(|builder| {
        let url = format!("http://{address}/.well-known/openid-configuration");
        builder.set("auth.google.server_metadata_url", url)
    })
    .await;
    let login = tokio::spawn(log_in(world.provider.clone(), world.browser()));
    is_given_up_after(3, login).await;
}

/// An address where the system takes no more connections and refuses none: on Linux they wait.
#[cfg(target_os = "linux")]
async fn black_hole() -> (SocketAddr, Vec<TcpStream>, TcpListener) {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    for _ in 0..64 {
        let connect = TcpStream::connect(address);
        match tokio::time::timeout(Duration::from_millis(300), connect).await {
            Ok(connection) => waiting.push(connection.unwrap()),
            Err(_) => return (address, waiting, listener),
        }
    }
    panic!("it takes every connection");
}

/// The page without what differs on every page.
fn page(answer: &Answer) -> String {
    let request = answer.body.split("<dt>Request id</dt>").next().unwrap();
    format!("{} {request}", answer.status)
}

#[tokio::test]
async fn leak_14_a_pending_login_that_does_not_open_tells_nobody_why() {
    let (world, stranger) = (World::new().await, World::new().await);
    let mut browser = world.logged_in("alice").await;
    let callback = browser.way_back(&world.provider, "alice").await;
    let name = browser.jar.pending().remove(0);
    let good = browser.jar.value(&name).unwrap().to_owned();
    let mut other = stranger.browser();
    other.begin(&stranger.provider).await;
    let foreign = other.jar.value(&other.jar.pending()[0]).unwrap().to_owned();
    let identity = browser
        .jar
        .names()
        .into_iter()
        .find(|name| !name.contains("-p-"))
        .unwrap();
    let identity = browser.jar.value(identity).unwrap().to_owned();
    let last = |letter: &str| format!("{}{letter}", &good[..good.len() - 1]);

    let mut answers = Vec::new();
    for (what, value) in [
        ("another app's", foreign),
        ("an identity", identity),
        ("cut short", good[..good.len() - 8].to_owned()),
        (
            "changed at its end",
            last(if good.ends_with('A') { "Q" } else { "A" }),
        ),
        (
            "changed at its beginning",
            format!("{}A{}", &good[..30], &good[31..]),
        ),
        ("of another format", format!("AQI{}", &good[3..])),
        (
            "of a key that nobody has",
            format!("AQEAAAAA{}", &good[8..]),
        ),
        ("noise", base64url([7; 200])),
    ] {
        row(what);
        let mut tried = browser.clone();
        tried.jar = Jar::default();
        tried.jar.put(&name, &value);
        answers.push(page(&tried.get_from_elsewhere(&callback).await));
    }

    assert!(answers[0].contains("login_unreadable"), "{}", answers[0]);
    for answer in &answers {
        assert_eq!(answer, &answers[0]);
    }
}

#[tokio::test]
async fn leak_14_an_identity_that_does_not_open_is_like_none() {
    let (world, stranger) = (World::new().await, World::new().await);
    let browser = world.logged_in("alice").await;
    let name = browser
        .jar
        .names()
        .into_iter()
        .find(|name| !name.ends_with("-m"))
        .unwrap();
    let good = browser.jar.value(name).unwrap().to_owned();
    let elsewhere = stranger.logged_in("alice").await;
    let foreign = elsewhere
        .jar
        .value(elsewhere.jar.names()[0])
        .unwrap()
        .to_owned();
    let whole = |answer: Answer| format!("{} {:?} {}", answer.status, answer.headers, answer.body);

    let mut nobody = world.browser();
    let expected = whole(nobody.get("/me").await);
    for value in [
        foreign,
        good[..good.len() - 8].to_owned(),
        format!("{}A{}", &good[..30], &good[31..]),
        format!("AQI{}", &good[3..]),
        base64url([7; 200]),
    ] {
        let mut tried = world.browser();
        tried.jar.put(name, &value);
        assert_eq!(whole(tried.get("/me").await), expected);
    }
}
