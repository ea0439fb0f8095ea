//! TLS and proxies. What they trust and where they go is the process's own (`SSL_CERT_FILE`,
//! `HTTPS_PROXY`), so each test runs in a process of its own.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use keycard::dev::{self, Endpoint, Fault};
use serde_json::json;
use tokio::net::TcpListener;

use crate::support::tls::{Authority, Proxy, Term, self_signed, terminate, tls_1_1};
use crate::support::{Browser, Ending, SITE, Shelf, World, provider, relative, row, who};

/// Whether this is the process of its own; if not, runs the test there and sees that it passes.
fn in_own_process(test: &str, environment: &[(&str, &str)]) -> bool {
    const MARK: &str = "KEYCARD_TEST_IN_OWN_PROCESS";
    if std::env::var_os(MARK).is_some() {
        return true;
    }
    let authority = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{test}.pem"));
    let mut command = Command::new(std::env::current_exe().unwrap());
    for name in ["http_proxy", "https_proxy", "all_proxy", "no_proxy"] {
        command
            .env_remove(name)
            .env_remove(name.to_ascii_uppercase());
    }
    let output = command
        .args([&format!("tls::{test}"), "--exact", "--nocapture"])
        .env(MARK, "1")
        .env("SSL_CERT_FILE", authority)
        .env_remove("SSL_CERT_DIR")
        .envs(environment.iter().copied())
        .output()
        .unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && text.contains("1 passed"),
        "{text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    false
}

/// A CA that this process trusts: no client has been made yet, and each reads the file anew.
fn trusted_authority() -> Authority {
    let authority = Authority::new("Trusted for a test");
    let path = std::env::var_os("SSL_CERT_FILE").unwrap();
    std::fs::write(path, authority.pem()).unwrap();
    authority
}

fn address(provider: &dev::Provider) -> SocketAddr {
    provider
        .issuer()
        .strip_prefix("http://")
        .unwrap()
        .parse()
        .unwrap()
}

/// An app that asks for the metadata over TLS.
fn world_over_tls(provider: &dev::Provider, port: u16) -> World {
    let url = format!("https://127.0.0.1:{port}/.well-known/openid-configuration");
    let issuer = provider.issuer().to_owned();
    World::around(provider.clone(), |builder| {
        builder
            .set("auth.google.server_metadata_url", url)
            .set("auth.google.issuer", issuer)
    })
}

#[tokio::test]
async fn tok_09_only_a_server_with_a_good_certificate_is_asked() {
    if !in_own_process("tok_09_only_a_server_with_a_good_certificate_is_asked", &[]) {
        return;
    }
    let trusted = trusted_authority();
    let provider = provider("google").await;
    let to = address(&provider);
    let good = terminate(trusted.server("127.0.0.1", Term::InForce), to).await;
    let bad = [
        (
            "unknown CA",
            terminate(
                Authority::new("Unknown").server("127.0.0.1", Term::InForce),
                to,
            )
            .await,
        ),
        (
            "unknown CA of the same name",
            terminate(
                Authority::new("Trusted for a test").server("127.0.0.1", Term::InForce),
                to,
            )
            .await,
        ),
        ("self-signed", terminate(self_signed("127.0.0.1"), to).await),
        (
            "expired",
            terminate(trusted.server("127.0.0.1", Term::Expired), to).await,
        ),
        (
            "not yet",
            terminate(trusted.server("127.0.0.1", Term::NotYet), to).await,
        ),
        (
            "wrong address",
            terminate(trusted.server("127.0.0.2", Term::InForce), to).await,
        ),
        (
            "wrong name",
            terminate(trusted.server("localhost", Term::InForce), to).await,
        ),
        ("TLS 1.1", tls_1_1().await),
    ];
    {
        let world = world_over_tls(&provider, good);
        world.logged_in("alice").await;
        assert_eq!(provider.calls(Endpoint::Metadata), 1);
    }
    for (name, port) in bad {
        row(name);
        let why = if name == "TLS 1.1" {
            "no TLS could be agreed on"
        } else {
            "its TLS certificate was not accepted"
        };
        {
            let world = world_over_tls(&provider, port);
            let log = format!("its metadata document cannot be reached: {why}");
            world
                .refuses_start(&mut world.browser(), 503, "provider_unreachable", &log)
                .await;
        }
        // The secret and the code stay here as well.
        let world = World::around(provider.clone(), |builder| {
            let url = format!("https://127.0.0.1:{port}/token");
            builder.set("auth.google.token_endpoint", url)
        });
        let ending = Ending {
            status: 503,
            code: "provider_unreachable",
            log: &format!("its token endpoint cannot be reached: {why}"),
            calls: [0, 0],
        };
        let mut browser = world.browser();
        world
            .refuses_spoilt(&mut browser, |_| Fault::Userinfo(json!({})), &ending)
            .await;
    }
    assert_eq!(provider.calls(Endpoint::Token), 1, "but for the good one");
}

#[tokio::test]
async fn metadata_follows_one_redirect_on_its_own_https_host() {
    if !in_own_process("metadata_follows_one_redirect_on_its_own_https_host", &[]) {
        return;
    }
    let trusted = trusted_authority();
    let provider = provider("google").await;
    let metadata = reqwest::get(provider.server_metadata_url()).await.unwrap();
    let metadata = metadata.text().await.unwrap();
    let stranger = Shelf::open().await;
    stranger.put_answer(200, &[], metadata.as_str());
    let shelf = Shelf::open().await;
    let config = trusted.server("127.0.0.1", Term::InForce);
    let port = terminate(config.clone(), shelf.address()).await;
    let other_port = terminate(config, stranger.address()).await;
    let world = |path: &str| {
        let url = format!("https://127.0.0.1:{port}/.well-known/{path}");
        let issuer = provider.issuer().to_owned();
        World::around(provider.clone(), |builder| {
            builder
                .set("auth.google.server_metadata_url", url)
                .set("auth.google.issuer", issuer)
        })
    };
    for (name, location, asked) in [
        ("http", stranger.url("127.0.0.1"), 1),
        (
            "https, another port",
            format!("https://127.0.0.1:{other_port}/"),
            1,
        ),
        (
            "https, another host",
            format!("https://localhost:{port}/"),
            1,
        ),
        (
            "http, the same port",
            format!("http://127.0.0.1:{port}/"),
            1,
        ),
        ("no address", "https://".to_owned(), 1),
        ("redirected twice", "/.well-known/again".to_owned(), 2),
    ] {
        row(name);
        shelf.put_answer(302, &[("location", &location)], "");
        let before = shelf.calls();
        let world = world("openid-configuration");
        let log = "its metadata document answered with status 302";
        world
            .refuses_start(&mut world.browser(), 502, "provider_status", log)
            .await;
        assert_eq!(shelf.calls(), before + asked);
    }
    assert_eq!(stranger.calls(), 0);

    for location in ["/elsewhere", &format!("https://127.0.0.1:{port}/elsewhere")] {
        row(location);
        shelf.put_answer(307, &[("location", location)], "");
        shelf.then(&[], metadata.as_str());
        world("openid-configuration").logged_in("alice").await;
    }
}

#[tokio::test]
async fn tok_19_http_goes_direct_and_https_through_the_proxy_inside_tls() {
    // Held only while a number is looked for; the child listens there.
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        listener.local_addr().unwrap().port()
    };
    let (port_text, url) = (port.to_string(), format!("http://127.0.0.1:{port}"));
    let environment = [
        ("KEYCARD_TEST_PROXY", port_text.as_str()),
        ("http_proxy", &url),
        ("HTTP_PROXY", &url),
        ("https_proxy", &url),
        ("HTTPS_PROXY", &url),
        ("all_proxy", &url),
        ("ALL_PROXY", &url),
    ];
    let test = "tok_19_http_goes_direct_and_https_through_the_proxy_inside_tls";
    if !in_own_process(test, &environment) {
        return;
    }
    let trusted = trusted_authority();
    let port = std::env::var("KEYCARD_TEST_PROXY")
        .unwrap()
        .parse()
        .unwrap();
    let proxy = Proxy::open(port).await;
    let provider = provider("google").await;
    {
        let world = World::around(provider.clone(), |builder| builder);
        world.logged_in("alice").await;
        assert!(proxy.text().is_empty(), "http went to the proxy");
    }

    let host = "provider.invalid";
    let config = trusted.server(host, Term::InForce);
    let port = terminate(config, address(&provider)).await;
    let world = World::around(provider.clone(), |builder| {
        let url = format!("https://{host}:{port}/token");
        builder.set("auth.google.token_endpoint", url)
    });
    let mut browser = Browser::new(&world.app, SITE);
    let url = browser.begin(&provider).await;
    let callback = relative(&provider.authorize(&url, "alice").unwrap());
    browser.follow(&callback).await;
    assert!(who(&mut browser).await.starts_with("alice of "));
    assert_eq!(provider.calls(Endpoint::Token), 2);

    let text = proxy.text();
    let connect = format!("CONNECT {host}:{port} HTTP/1.1\r\n");
    assert!(text.starts_with(&connect), "{text}");
    let request = provider.last_request(Endpoint::Token).unwrap();
    let code = request.parameter("code").unwrap();
    assert!(text.len() > connect.len() + 500, "the request went by");
    for secret in [
        code,
        request.parameter("code_verifier").unwrap(),
        request.authorization().unwrap(),
        provider.client_secret(),
        "grant_type",
    ] {
        assert!(!text.contains(secret), "in clear at the proxy");
    }
}

#[tokio::test]
async fn a_ca_file_and_a_proxy_of_the_file_count_besides_and_over_those_of_the_system() {
    // Nobody listens there.
    let environment = [
        ("https_proxy", "http://127.0.0.1:9"),
        ("HTTPS_PROXY", "http://127.0.0.1:9"),
        ("NO_PROXY", "other.invalid"),
    ];
    let test = "a_ca_file_and_a_proxy_of_the_file_count_besides_and_over_those_of_the_system";
    if !in_own_process(test, &environment) {
        return;
    }
    let (trusted, own) = (trusted_authority(), Authority::new("The company's own"));
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("besides-ca.pem");
    std::fs::write(&path, own.pem()).unwrap();
    let provider = provider("google").await;
    let to = address(&provider);
    let proxy = Proxy::open(0).await;
    let by_proxy = format!("http://127.0.0.1:{}", proxy.port);
    let ways = [
        (&trusted, "127.0.0.1", "", 0),
        (&own, "127.0.0.1", "", 0),
        (&trusted, "other.invalid", &by_proxy, 1),
        (&own, "provider.invalid", &by_proxy, 1),
    ];
    for (authority, host, proxy_url, connections) in ways {
        row(host);
        let port = terminate(authority.server(host, Term::InForce), to).await;
        let world = World::around(provider.clone(), |builder| {
            builder
                .set(
                    "auth.google.token_endpoint",
                    format!("https://{host}:{port}/token"),
                )
                .set("auth.ca_file", path.to_str().unwrap())
                .set("auth.proxy", proxy_url)
        });
        proxy.seen.lock().unwrap().clear();
        world.logged_in("alice").await;
        assert_eq!(proxy.text().matches("CONNECT ").count(), connections);
    }
    // Without a word in the file the environment counts.
    let port = terminate(trusted.server("127.0.0.1", Term::InForce), to).await;
    let world = world_over_tls(&provider, port);
    let log = "its metadata document cannot be reached: the proxy cannot be reached";
    world
        .refuses_start(&mut world.browser(), 503, "provider_unreachable", log)
        .await;
}
