//! A company's own CA, and its proxy.

use std::fs;
use std::net::SocketAddr;

use http::StatusCode;
use keycard::dev::{self, Endpoint};
use keycard::{Auth, AuthBuilder};
use serde_json::json;

use crate::support::tls::{Authority, Proxy, Term, terminate};
use crate::support::{
    Answer, Browser, SITE, SecretsFile, Shelf, World, fresh_secret, provider, relative, row,
    shared, who,
};

const UNKNOWN: &str =
    "its metadata document cannot be reached: its TLS certificate was not accepted";

/// A provider that shows the certificates of a company's own CA.
struct Inside {
    provider: dev::Provider,
    authority: Authority,
    port: u16,
}

impl Inside {
    async fn new() -> Self {
        let provider = provider("google").await;
        let authority = Authority::new("The company's own");
        let certificate = authority.server("127.0.0.1", Term::InForce);
        let port = terminate(certificate, address(&provider)).await;
        Self {
            provider,
            authority,
            port,
        }
    }

    fn url(&self, path: &str) -> String {
        format!("https://127.0.0.1:{}{path}", self.port)
    }

    /// Its metadata and its token endpoint over TLS, in the section of this name.
    fn over_tls(&self, section: &str, builder: AuthBuilder) -> AuthBuilder {
        let key = |name: &str| format!("auth.{section}.{name}");
        builder
            .set(&key("client_id"), self.provider.client_id())
            .set(&key("client_secret"), self.provider.client_secret())
            .set(
                &key("server_metadata_url"),
                self.url("/.well-known/openid-configuration"),
            )
            .set(&key("issuer"), self.provider.issuer())
            .set(&key("token_endpoint"), self.url("/token"))
    }

    fn world(&self, change: impl FnOnce(AuthBuilder) -> AuthBuilder) -> World {
        World::around(self.provider.clone(), |builder| {
            change(self.over_tls("google", builder))
        })
    }

    /// The secrets file of an app that has it over TLS, with `more` in `[auth]`.
    fn text(&self, more: &str) -> String {
        let there = self.provider.server_metadata_url();
        let section = self
            .provider
            .secrets()
            .replace(&there, &self.url("/.well-known/openid-configuration"));
        format!(
            "{}{section}issuer = \"{}\"\ntoken_endpoint = \"{}\"\n",
            shared(&fresh_secret(), more),
            self.provider.issuer(),
            self.url("/token"),
        )
    }
}

fn address(provider: &dev::Provider) -> SocketAddr {
    let address = provider.issuer().strip_prefix("http://").unwrap();
    address.parse().unwrap()
}

/// A file of a test's own, that was saved a while ago.
fn pem(name: &str, text: &str) -> (SecretsFile, String) {
    let file = SecretsFile::new(&format!("{name}-ca"), text);
    let path = file.path().to_str().unwrap().to_owned();
    (file, path)
}

/// What is said of settings that do not load.
#[track_caller]
fn refused(key: &str, value: &str) -> String {
    let provider = "[auth.google]\nclient_id = \"an-id\"\nclient_secret = \"ca11ary\"\n\
                    server_metadata_url = \"https://id.example/.well-known/openid-configuration\"\n";
    let built = Auth::builder()
        .toml(&(shared(&fresh_secret(), "") + provider))
        .set(key, value)
        .build();
    built.unwrap_err().to_string()
}

#[tokio::test]
async fn a_company_s_own_ca_is_trusted_where_the_file_names_it_and_nowhere_else() {
    let inside = Inside::new().await;
    let (_file, path) = pem("named", &inside.authority.pem());
    {
        row("nowhere");
        let world = inside.world(|builder| builder);
        world
            .refuses_start(&mut world.browser(), 503, "provider_unreachable", UNKNOWN)
            .await;
    }
    for key in [
        "auth.ca_file",
        "auth.google.ca_file",
        "auth.google.client_kwargs.verify",
    ] {
        row(key);
        let world = inside.world(|builder| builder.set(key, path.as_str()));
        world.logged_in("alice").await;
    }
    {
        row("another provider's section");
        let world = inside.world(|builder| {
            inside
                .over_tls("okta", builder)
                .set("auth.okta.ca_file", path.as_str())
        });
        world
            .refuses_start(&mut world.browser(), 503, "provider_unreachable", UNKNOWN)
            .await;
        let answer = world.browser().get("/auth/login?provider=okta").await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    }
    row("another CA of the same name");
    let (_other, path) = pem("other", &Authority::new("The company's own").pem());
    let world = inside.world(|builder| builder.set("auth.ca_file", path));
    world
        .refuses_start(&mut world.browser(), 503, "provider_unreachable", UNKNOWN)
        .await;
}

#[tokio::test]
async fn a_ca_file_may_hold_several_certificates_and_remarks() {
    let inside = Inside::new().await;
    let text = format!(
        "\u{feff}{}\r\nThe company's own:\r\n{}",
        Authority::new("An older one").pem(),
        inside.authority.pem().replace('\n', "\r\n")
    );
    let (_file, path) = pem("several", &text);
    let world = inside.world(|builder| builder.set("auth.ca_file", path));
    world.logged_in("alice").await;
}

#[test]
fn a_ca_file_that_is_none_is_told_and_nothing_of_it() {
    let whole = Authority::new("A CA").pem();
    let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
    let key = format!("{whole}{begin}\nY2ExMWFyeQ==\n{end}\n");
    let half = &whole[..whole.len() / 2];
    let no_certificate = "-----BEGIN CERTIFICATE-----\nY2ExMWFyeQ==\n-----END CERTIFICATE-----\n";
    let encrypted = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    let no_base64 = whole.replacen("\nMII", "\n*ca11ary*MII", 1);
    for (name, text, found) in [
        ("empty", "", "holds no certificate as PEM"),
        ("words", "ca11ary", "holds no certificate as PEM"),
        ("key", &key, "holds a private key"),
        ("encrypted-key", &encrypted, "holds a private key"),
        ("half", half, "holds a certificate that is damaged"),
        (
            "no-base64",
            &no_base64,
            "holds a certificate that is damaged",
        ),
        (
            "no-der",
            no_certificate,
            "holds a certificate that is damaged",
        ),
    ] {
        row(name);
        let (_file, path) = pem(name, text);
        for key in ["auth.ca_file", "auth.google.client_kwargs.verify"] {
            let said = refused(key, &path);
            let expected = format!("invalid `{key}` in .set(\"{key}\", …): {path} {found}");
            assert!(said.contains(&expected), "{said}");
            assert!(
                !said.contains("ca11ary") && !said.contains("Y2Ex"),
                "{said}"
            );
        }
    }
    let directory = env!("CARGO_TARGET_TMPDIR");
    let said = refused("auth.ca_file", directory);
    assert!(
        said.contains(&format!("{directory} is not a file")),
        "{said}"
    );
    let (file, path) = pem("bytes", "");
    fs::write(file.path(), [0x30, 0x82, 0xff, 0x00]).unwrap();
    let said = refused("auth.ca_file", &path);
    assert!(said.contains("openssl x509 -inform der"), "{said}");
    fs::write(file.path(), vec![b'a'; (1 << 20) + 1]).unwrap();
    let said = refused("auth.ca_file", &path);
    assert!(said.contains("is over 1 MB"), "{said}");
    // What is no path may be the secret that belongs elsewhere.
    for value in ["ca11ary", "", "Ca11ary/q83vAb9xK+4=", &whole] {
        let said = refused("auth.google.ca_file", value);
        assert!(value.is_empty() || !said.contains(value), "{said}");
    }
}

#[tokio::test]
async fn a_changed_ca_file_counts_without_a_restart_and_a_wrong_one_does_not() {
    let inside = Inside::new().await;
    let (ca_file, path) = pem("renewed", &Authority::new("The one before").pem());
    let settings = SecretsFile::new("renewed", &inside.text(&format!("ca_file = \"{path}\"")));
    let world = World::of_file(&inside.provider, &settings);
    world
        .refuses_start(&mut world.browser(), 503, "provider_unreachable", UNKNOWN)
        .await;

    ca_file.save(&inside.authority.pem());
    world.look().await;
    world.logged_in("alice").await;

    world.logs.clear();
    ca_file.save("-----BEGIN CERTIFICATE-----\n");
    world.look().await;
    let complaints = world.logs.complaints();
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(
        complaints[0]
            .text
            .contains("holds a certificate that is damaged"),
        "{complaints:?}"
    );
    world.logged_in("alice").await;

    ca_file.save(&Authority::new("Another").pem());
    world.look().await;
    world
        .refuses_start(&mut world.browser(), 503, "provider_unreachable", UNKNOWN)
        .await;
}

/// A provider of which the token endpoint is at a made-up host, which only a proxy knows.
struct Outside {
    provider: dev::Provider,
    port: u16,
    proxy: Proxy,
    /// What its certificate comes from.
    authority: Authority,
    ca_file: (SecretsFile, String),
}

const HOST: &str = "provider.invalid";

impl Outside {
    async fn new(name: &str) -> Self {
        let provider = provider("google").await;
        let authority = Authority::new("The company's own");
        let certificate = authority.server(HOST, Term::InForce);
        Self {
            port: terminate(certificate, address(&provider)).await,
            provider,
            proxy: Proxy::open(0).await,
            ca_file: pem(name, &authority.pem()),
            authority,
        }
    }

    fn token_endpoint(&self) -> String {
        format!("https://{HOST}:{}/token", self.port)
    }

    fn world(&self, change: impl FnOnce(AuthBuilder) -> AuthBuilder) -> World {
        World::around(self.provider.clone(), |builder| {
            let builder = builder
                .set("auth.google.token_endpoint", self.token_endpoint())
                .set("auth.ca_file", self.ca_file.1.as_str());
            change(builder)
        })
    }

    /// How often the proxy was asked for the way.
    fn connections(&self) -> usize {
        let connect = format!("CONNECT {HOST}:{} HTTP/1.1\r\n", self.port);
        self.proxy.text().matches(&connect).count()
    }
}

/// Logs in as far as it goes.
async fn come_back(world: &World, name: &str) -> (Browser, Answer) {
    let mut browser = Browser::new(&world.app, SITE);
    let answer = browser.get(&format!("/auth/login?provider={name}")).await;
    let callback = world.provider.authorize(answer.location(), "alice");
    let answer = browser.follow(&relative(&callback.unwrap())).await;
    (browser, answer)
}

#[tokio::test]
async fn tok_19_a_proxy_of_the_file_sees_host_and_port_and_its_own_credentials_alone() {
    let mut outside = Outside::new("proxy").await;
    for (key, scheme, user, authorization) in [
        ("auth.proxy", "http", "", None),
        (
            "auth.google.proxy",
            "http",
            "agent:p%40ss:c%61n%61ry@",
            Some("agent:p@ss:canary"),
        ),
        (
            "auth.google.client_kwargs.proxy",
            "http",
            "c%61n%61ry@",
            Some("canary:"),
        ),
        ("auth.proxy", "https", "c%61n%61ry:x@", Some("canary:x")),
    ] {
        row(&format!("{key}, {scheme}"));
        outside.proxy = Proxy::open(0).await;
        let mut port = outside.proxy.port;
        if scheme == "https" {
            let certificate = outside.authority.server("127.0.0.1", Term::InForce);
            port = terminate(certificate, ([127, 0, 0, 1], port).into()).await;
        }
        let url = format!("{scheme}://{user}127.0.0.1:{port}");
        let world = outside.world(|builder| builder.set(key, url));
        let (mut browser, answer) = come_back(&world, "google").await;
        assert!(
            who(&mut browser).await.starts_with("alice of "),
            "{answer:?}"
        );

        // The metadata and the keys come over http, which goes past it.
        assert_eq!(outside.connections(), 1);
        let text = outside.proxy.text();
        let expected = authorization.map(|it| base64_simd::STANDARD.encode_to_string(it));
        let (head, _) = text.split_once("\r\n\r\n").unwrap();
        let mut headers = head.lines().filter_map(|line| line.split_once(": "));
        let header = headers.find(|(name, _)| name.eq_ignore_ascii_case("proxy-authorization"));
        let header = header.map(|(_, value)| value.replacen("Basic ", "", 1));
        assert_eq!(header, expected, "{head}");
        let request = outside.provider.last_request(Endpoint::Token).unwrap();
        for readable in [
            request.authorization().unwrap(),
            request.parameter("code").unwrap(),
            request.parameter("code_verifier").unwrap(),
            outside.provider.client_secret(),
            "grant_type",
        ] {
            assert!(!text.contains(readable), "in clear at the proxy");
        }
        assert_eq!(request.header("proxy-authorization"), None);
        let told = format!(
            "{}{:?}{:?}{answer:?}",
            world.logs.everything(),
            world.auth,
            world.auth.providers()
        );
        let header = expected.as_deref().unwrap_or("canary");
        for secret in ["canary", "c%61n%61ry", header] {
            assert!(!told.contains(secret), "{secret} in {told}");
        }
    }
}

#[tokio::test]
async fn a_proxy_that_does_not_let_a_login_through_is_named_in_the_log() {
    let outside = Outside::new("refusing").await;
    let shelf = Shelf::open().await;
    let closed = SocketAddr::from(([127, 0, 0, 1], 9));
    for (status, proxy, why) in [
        (
            407,
            shelf.address(),
            "the proxy wants a user and a password",
        ),
        (403, shelf.address(), "the proxy refuses the way to it"),
        (502, shelf.address(), "the proxy refuses the way to it"),
        (0, closed, "the proxy cannot be reached"),
    ] {
        row(why);
        shelf.put_answer(status.max(200), &[], "");
        let url = format!("http://agent:ca11ary@{proxy}");
        let world = outside.world(|builder| builder.set("auth.proxy", url));
        let (_, answer) = come_back(&world, "google").await;
        assert_eq!(answer.status, 503, "{answer:?}");
        assert_eq!(answer.code().as_deref(), Some("provider_unreachable"));
        let told = format!("{}{answer:?}", world.logs.everything());
        let line = &world.logs.complaints()[0].text;
        let why = format!("its token endpoint cannot be reached: {why}");
        assert!(line.contains(&why), "{line}");
        assert!(
            !told.contains("ca11ary") && !told.contains("agent"),
            "{told}"
        );
    }
}

#[tokio::test]
async fn providers_that_take_the_same_way_share_their_connections_and_keep_them_over_a_save() {
    let outside = Outside::new("shared").await;
    let text = |proxy: u16, more: &str| {
        let section = format!(
            "{}token_endpoint = \"{}\"\n",
            outside.provider.secrets(),
            outside.token_endpoint()
        );
        let lines = format!(
            "ca_file = \"{}\"\nproxy = \"http://127.0.0.1:{proxy}\"",
            outside.ca_file.1
        );
        let okta = section.replace("[auth.google]", "[auth.okta]");
        shared("a secret of 32 random bytes: 8f2b1c9d", &lines) + &section + more + "\n" + &okta
    };
    let settings = SecretsFile::new("shared", &text(outside.proxy.port, ""));
    let world = World::of_file(&outside.provider, &settings);
    for name in ["google", "okta", "google"] {
        let (mut browser, _) = come_back(&world, name).await;
        assert!(who(&mut browser).await.starts_with("alice of "));
    }
    assert_eq!(outside.connections(), 1);

    settings.save(&text(outside.proxy.port, "label = \"Ours\""));
    world.look().await;
    assert_eq!(world.auth.providers()[0].label, "Ours");
    let (mut browser, _) = come_back(&world, "google").await;
    assert!(who(&mut browser).await.starts_with("alice of "));
    assert_eq!(
        outside.connections(),
        1,
        "the label is nothing to the client"
    );

    let another = Proxy::open(0).await;
    settings.save(&text(another.port, "label = \"Ours\""));
    world.look().await;
    for name in ["google", "okta"] {
        let (mut browser, _) = come_back(&world, name).await;
        assert!(who(&mut browser).await.starts_with("alice of "));
    }
    assert_eq!(outside.connections(), 1);
    assert_eq!(another.text().matches("CONNECT ").count(), 1);
}

#[test]
fn no_error_shows_the_password_of_a_proxy() {
    for url in [
        "socks5://agent:ca11ary@proxy.example:1080",
        "http://agent:ca11ary@proxy.example/path",
        "http://agent:ca11ary@",
        "http://agent:ca11ary@proxy.example:port",
        "http://agent:ca11ary@proxy.example:3128 ",
        "http://agent:ca11<ry@proxy.example:3128",
        "agent:ca11ary@proxy.example:3128",
    ] {
        for key in ["auth.proxy", "auth.google.client_kwargs.proxy"] {
            let said = refused(key, url);
            assert!(said.contains(&format!("invalid `{key}`")), "{said}");
            assert!(!said.contains("ca11") && !said.contains("agent"), "{said}");
        }
    }
    let builder = Auth::builder().set("auth.proxy", json!("http://agent:ca11ary@proxy.example"));
    assert!(!format!("{builder:?}").contains("ca11ary"));
}
