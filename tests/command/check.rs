//! `keycard check`, against the development provider, right and wrong.

use std::fmt::Write as _;
use std::time::{Duration, SystemTime};

use keycard::dev::{Endpoint, Fault, Person, Provider, SigningAlg};
use serde_json::{Value, json};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc2822;

use crate::folder::Folder;
use crate::key::{fresh_pem, secret_lines};
use crate::run::{Said, fresh_secret, keycard, snapshot};
use crate::tls::{Authority, Proxy, Term, terminate};

/// A provider, and the secrets file of an app that knows it.
struct Scene {
    provider: Provider,
    folder: Folder,
    secrets: String,
}

impl Scene {
    async fn new(name: &str) -> Self {
        let provider = Provider::builder("google")
            .signing_alg(SigningAlg::Es256)
            .person(Person::new("ada"))
            .start()
            .await
            .unwrap();
        let secrets = format!(
            "[auth]\nredirect_uri = \"http://localhost:8501/oauth2callback\"\n\
             cookie_secret = \"{}\"\n\n{}",
            fresh_secret(),
            provider.secrets()
        );
        let scene = Self {
            provider,
            folder: Folder::new(&format!("check-{name}")),
            secrets,
        };
        scene.write(&scene.secrets);
        scene
    }

    fn write(&self, secrets: &str) {
        self.folder.write(".streamlit/secrets.toml", secrets);
    }

    /// Writes the file with one thing replaced.
    fn replace(&self, from: &str, to: &str) {
        assert!(self.secrets.contains(from), "{from}");
        self.write(&self.secrets.replace(from, to));
    }

    /// What the command says, with the changing parts taken out; none of it a secret.
    fn check(&self, arguments: &[&str]) -> Said {
        let arguments = [&["check"], arguments].concat();
        let mut said = keycard(&self.folder.path(""), &arguments).run();
        let secrets = self.secrets.lines().filter_map(|line| {
            let (key, value) = line.split_once(" = ")?;
            key.ends_with("_secret").then(|| value.trim_matches('"'))
        });
        for secret in secrets {
            assert!(!format!("{said:?}").contains(secret), "{said:?}");
        }
        let (_, port) = self.provider.issuer().rsplit_once(':').unwrap();
        said.out = said.out.replace(port, "<port>");
        said
    }

    /// What is found at one point, and how the command ends.
    fn point(&self, point: &str, arguments: &[&str]) -> String {
        let said = self.check(&[arguments, &["--json"]].concat());
        let report: Value = serde_json::from_str(&said.out).unwrap();
        let Some(findings) = report["providers"][0]["findings"].as_array() else {
            panic!("{said:?}");
        };
        let Some(finding) = findings.iter().find(|finding| finding["point"] == point) else {
            panic!("{said:?}");
        };
        let text = |name: &str| finding[name].as_str().unwrap();
        let mut told = format!(
            "{}: {} {point}: {}",
            said.code,
            text("verdict"),
            text("text")
        );
        if !text("cure").is_empty() {
            write!(told, "\n    = {}", text("cure")).unwrap();
        }
        told
    }

    fn misbehave(&self, metadata: Value) {
        self.provider.misbehave(Fault::Metadata(metadata));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn where_all_is_well_each_point_says_so() {
    let scene = Scene::new("well").await;
    let said = scene.check(&[]);
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    snapshot("check_well", &said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_callback_of_its_own_is_asked_for_and_told() {
    let scene = Scene::new("own_callback").await;
    let line = "redirect_uri = \"http://localhost:8501/oauth2callback/google\"\nclient_secret = ";
    scene.replace("client_secret = ", line);
    snapshot("check_own_callback", &scene.check(&[]).out);
    let request = scene.provider.last_request(Endpoint::Authorization);
    let asked = request
        .unwrap()
        .parameter("redirect_uri")
        .map(str::to_owned);
    assert!(asked.unwrap().ends_with("/oauth2callback/google"));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_client_with_a_key_shows_itself_with_it() {
    let scene = Scene::new("key").await;
    let pem = fresh_pem();
    scene.folder.write("key.pem", &pem);
    let line = "private_key = { file = \"key.pem\" }\nclient_secret = ";
    scene.replace("client_secret = ", line);
    let mut told = String::new();
    for offered in ["client_secret_basic", "private_key_jwt", "tls_client_auth"] {
        scene.misbehave(json!({ "token_endpoint_auth_methods_supported": [offered] }));
        let point = scene.point("authentication", &[]);
        let secrets = secret_lines(&pem);
        assert!(!secrets.iter().any(|it| point.contains(it)), "{point}");
        writeln!(told, "{offered}\n  {point}").unwrap();
    }
    scene.replace(
        &format!("client_secret = \"{}\"", scene.provider.client_secret()),
        "private_key = { file = \"key.pem\" }",
    );
    writeln!(told, "alone\n  {}", scene.point("authentication", &[])).unwrap();
    snapshot("check_key", &told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_provider_is_asked_by_the_ca_and_the_proxy_of_the_settings() {
    let scene = Scene::new("network").await;
    let (host, authority) = ("id.invalid", Authority::new("The company's own"));
    let address = scene.provider.issuer().strip_prefix("http://").unwrap();
    let certificate = authority.server(host, Term::InForce);
    let port = terminate(certificate, address.parse().unwrap()).await;
    let proxy = Proxy::open(0).await;
    scene.folder.write("ca.pem", authority.pem());
    let url = scene.provider.server_metadata_url();
    let over_tls = url.replacen(
        &format!("http://{address}"),
        &format!("https://{host}:{port}"),
        1,
    );
    let by_proxy = format!(
        "{over_tls}\"\nissuer = \"{}\"\nproxy = \"http://127.0.0.1:{}",
        scene.provider.issuer(),
        proxy.port
    );
    // Such a provider is not on this machine.
    let secrets = scene.secrets.replace("development = true\n", "");
    scene.write(&secrets.replace(&url, &by_proxy));
    let said = scene.point("metadata", &[]);
    assert!(
        said.contains("its TLS certificate was not accepted"),
        "{said}"
    );
    let with_ca = format!("{by_proxy}\"\nca_file = \"ca.pem");
    scene.write(&secrets.replace(&url, &with_ca));
    let said = scene.point("metadata", &[]);
    assert!(said.starts_with("0: ok metadata"), "{said}");
    let connect = format!("CONNECT {host}:{port} HTTP/1.1\r\n");
    assert_eq!(proxy.text().matches(&connect).count(), 2);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn everything_is_there_as_json() {
    let scene = Scene::new("json").await;
    scene.replace("client_id = \"google", "client_id = \"stranger");
    let said = scene.check(&["--json"]);
    assert_eq!((said.code, said.err.as_str()), (1, ""));
    snapshot("check_json", &said.out);

    scene.replace("client_secret", "client_secert");
    let said = scene.check(&["--json"]);
    assert_eq!((said.code, said.err.as_str()), (1, ""));
    snapshot("check_json_mistake", &said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn mistakes_are_told_as_the_app_tells_them_and_nobody_is_asked() {
    let scene = Scene::new("mistakes").await;
    scene.replace("server_metadata_url", "sever_metadata_url");
    let said = scene.check(&[]);
    assert_eq!((said.code, said.err.as_str()), (1, ""));
    snapshot("check_mistakes", &said.out);
    let file = scene.folder.path(".streamlit/secrets.toml");
    let error = keycard::Auth::from_file(&file).unwrap_err();
    let theirs = format!("{error:#}\n").replace(&scene.folder.path("").display().to_string(), "");
    assert_eq!(said.out, theirs);
    assert_eq!(scene.provider.calls(Endpoint::Metadata), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_mistake_in_one_provider_leaves_the_others_asked() {
    let scene = Scene::new("one_broken").await;
    scene.write(&format!(
        "{}\n[auth.okta]\nclient_id = \"x\"\n",
        scene.secrets
    ));
    let said = scene.check(&[]);
    assert_eq!(said.code, 1);
    snapshot("check_one_broken", &said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_warning_is_shown_and_fails_nothing_but_under_strict() {
    let scene = Scene::new("warning").await;
    let warned = format!("{}issuerr = \"x\"\n", scene.secrets);
    scene.write(&warned);
    let said = scene.check(&["--offline"]);
    assert_eq!(said.code, 0);
    snapshot("check_warning", &said.out);
    scene.write(&warned.replace("[auth]\n", "[auth]\nstrict = true\n"));
    assert_eq!(scene.check(&["--offline"]).code, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn offline_asks_nobody() {
    let scene = Scene::new("offline").await;
    let said = scene.check(&["--offline", ".streamlit/secrets.toml"]);
    assert_eq!(said.code, 0);
    snapshot("check_offline", &said.out);
    for endpoint in [Endpoint::Metadata, Endpoint::Authorization] {
        assert_eq!(scene.provider.calls(endpoint), 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_provider_that_is_down_is_told() {
    let scene = Scene::new("down").await;
    scene.provider.misbehave(Fault::OffDuty);
    let said = scene.check(&[]);
    assert_eq!(said.code, 1);
    snapshot("check_down", &said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_issuer_that_differs_is_told_with_the_line_that_confirms_it() {
    let scene = Scene::new("issuer").await;
    scene.misbehave(json!({ "issuer": "https://other.example" }));
    let said = scene.check(&[]);
    assert_eq!(said.code, 1);
    snapshot("check_issuer", &said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_clock_that_is_off_is_told_with_by_how_much() {
    let scene = Scene::new("clock").await;
    let document = reqwest::get(scene.provider.server_metadata_url())
        .await
        .unwrap();
    let body = document.bytes().await.unwrap().to_vec();
    let at = |seconds: u64| {
        let time = OffsetDateTime::from(SystemTime::now() + Duration::from_secs(seconds));
        let date = time.format(&Rfc2822).unwrap().replace("+0000", "GMT");
        Fault::Answer {
            endpoint: Endpoint::Metadata,
            status: 200,
            headers: vec![("date".to_owned(), date)],
            body: body.clone(),
        }
    };
    for (seconds, verdict) in [(600, "1: failure"), (60, "0: note"), (0, "0: ok")] {
        scene.provider.misbehave(at(seconds));
        let told = scene.point("clock", &[]);
        assert!(told.starts_with(verdict), "{told}");
        let mut about = seconds.saturating_sub(3)..=seconds + 1;
        assert!(
            seconds == 0
                || about.any(|about| told.contains(&format!("is {about} s behind the provider's"))),
            "{told}"
        );
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn what_a_provider_lacks_is_told_at_its_point() {
    let scene = Scene::new("lacks").await;
    let mut told = String::new();
    for (point, metadata) in [
        (
            "pkce",
            json!({ "code_challenge_methods_supported": ["plain"] }),
        ),
        ("pkce", json!({ "code_challenge_methods_supported": [] })),
        ("pkce", json!({ "code_challenge_methods_supported": null })),
        (
            "iss",
            json!({ "authorization_response_iss_parameter_supported": null }),
        ),
        ("logout", json!({ "end_session_endpoint": null })),
        (
            "authentication",
            json!({ "token_endpoint_auth_methods_supported": ["client_secret_post"] }),
        ),
        (
            "authentication",
            json!({ "token_endpoint_auth_methods_supported": ["private_key_jwt"] }),
        ),
        (
            "algorithms",
            json!({ "id_token_signing_alg_values_supported": ["HS512", "none"] }),
        ),
        (
            "algorithms",
            json!({ "id_token_signing_alg_values_supported": ["RS256", "ES256", "none"] }),
        ),
        (
            "keys",
            json!({ "id_token_signing_alg_values_supported": ["RS256"] }),
        ),
        ("keys", json!({ "jwks_uri": "http://127.0.0.1:1/keys" })),
        (
            "metadata",
            json!({ "token_endpoint": "http://id.example/token" }),
        ),
        ("metadata", json!({ "jwks_uri": null })),
        (
            "metadata",
            json!({
                "require_pushed_authorization_requests": true,
                "pushed_authorization_request_endpoint": null,
            }),
        ),
    ] {
        scene.misbehave(metadata.clone());
        let told_here = scene.point(point, &[]);
        writeln!(told, "{metadata}\n  {told_here}").unwrap();
    }
    snapshot("check_lacks", &told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_registration_is_asked_for_by_a_pushed_request_where_one_is_required() {
    let scene = Scene::new("pushed").await;
    let required = json!({ "require_pushed_authorization_requests": true });
    let answer = |status, body: &str| Fault::Answer {
        endpoint: Endpoint::PushedRequest,
        status,
        headers: Vec::new(),
        body: body.into(),
    };
    scene.misbehave(required);
    let mut told = scene.point("registration", &[]);
    assert_eq!(scene.provider.calls(Endpoint::PushedRequest), 1);
    assert_eq!(scene.provider.calls(Endpoint::Token), 0);

    scene.replace("client_secret = \"", "client_secret = \"wrong");
    write!(told, "\n{}", scene.point("registration", &[])).unwrap();
    scene.replace(
        "development = true",
        "require_pushed_authorization_requests = true",
    );
    for fault in [
        answer(400, r#"{"error":"invalid_redirect_uri"}"#),
        answer(400, r#"{"error":"invalid_request"}"#),
        answer(500, ""),
    ] {
        scene.provider.misbehave(fault);
        write!(told, "\n{}", scene.point("registration", &[])).unwrap();
    }
    snapshot("check_pushed", &told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_client_that_the_provider_does_not_know_is_refused_in_its_words() {
    let scene = Scene::new("client").await;
    scene.replace("client_id = \"google", "client_id = \"stranger");
    let said = scene.check(&[]);
    assert_eq!(said.code, 1);
    snapshot("check_client", &said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn a_redirect_uri_that_is_not_registered_is_refused_in_its_words() {
    let scene = Scene::new("redirect").await;
    let elsewhere = scene
        .secrets
        .replace("http://localhost:8501", "https://app.example.com")
        .replace("development = true\n", "");
    scene.write(&elsewhere);
    let said = scene.check(&[]);
    assert_eq!(said.code, 1);
    snapshot("check_redirect", &said.out);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_request_asks_nobody_anything_and_sends_no_secret() {
    let scene = Scene::new("harmless").await;
    scene.check(&[]);
    let asked = scene
        .provider
        .last_request(Endpoint::Authorization)
        .unwrap();
    assert_eq!(asked.parameter("prompt"), Some("none"));
    assert_eq!(
        asked.parameter("redirect_uri"),
        Some("http://localhost:8501/oauth2callback")
    );
    assert!(!format!("{asked:?}").contains(scene.provider.client_secret()));
    assert_eq!(scene.provider.calls(Endpoint::Authorization), 1);
    assert_eq!(scene.provider.calls(Endpoint::Token), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn without_proof_nothing_is_called_registered() {
    let scene = Scene::new("proof").await;
    let login = "http://127.0.0.1:1/login".to_owned();
    let other = "http://localhost:8502/oauth2callback?error=login_required".to_owned();
    let redirect = |location: String| Fault::Redirect {
        endpoint: Endpoint::Authorization,
        status: 302,
        location,
    };
    let answer = |status, body: &str| Fault::Answer {
        endpoint: Endpoint::Authorization,
        status,
        headers: vec![("content-type".to_owned(), "text/html".to_owned())],
        body: body.into(),
    };
    let mut told = String::new();
    for (what, fault) in [
        ("on to a login page", redirect(login)),
        ("to another address", redirect(other)),
        (
            "a state that is not ours",
            Fault::Callback(json!({ "state": "x" })),
        ),
        ("no state", Fault::Callback(json!({ "state": null }))),
        (
            "two states",
            Fault::Callback(json!({ "state": ["x", "y"] })),
        ),
        (
            "its own trouble",
            Fault::Callback(json!({ "error": "server_error" })),
        ),
        (
            "the client may not",
            Fault::Callback(json!({ "error": "unauthorized_client" })),
        ),
        (
            "a page to log in at",
            answer(200, "<h1>Log in</h1><p>to go on to this client"),
        ),
        (
            "a page of an error",
            answer(400, "<p>redirect_uri_mismatch \u{1b}[2J<b>here</b>"),
        ),
        ("down", answer(503, "")),
        (
            "no answer",
            Fault::Cut {
                endpoint: Endpoint::Authorization,
            },
        ),
    ] {
        scene.provider.misbehave(fault);
        let told_here = scene.point("registration", &[]);
        assert!(!told_here.contains("registered: "), "{told_here}");
        writeln!(told, "{what}\n  {told_here}").unwrap();
    }
    snapshot("check_proof", &told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn an_answer_that_breaks_the_promise_of_its_issuer_is_told() {
    let scene = Scene::new("iss").await;
    let mut told = String::new();
    for iss in [json!(null), json!("https://other.example")] {
        scene
            .provider
            .misbehave(Fault::Callback(json!({ "iss": iss })));
        let told_here = scene.point("iss", &[]);
        writeln!(told, "{iss}\n  {told_here}").unwrap();
    }
    snapshot("check_iss", &told);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 1)]
async fn the_cookie_is_sized_for_the_claims_of_a_file() {
    let scene = Scene::new("cookie").await;
    let groups = |count: usize| -> Value {
        let group = |n: usize| {
            format!(
                "{:x}",
                n.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_pow(3)
            )
        };
        (0..count)
            .map(|n| json!(group(n) + &group(n + count)))
            .collect()
    };
    let mut told = String::new();
    for count in [0, 110, 2000] {
        let claims = json!({ "sub": "ada", "groups": groups(count) });
        scene.folder.write("claims.json", claims.to_string());
        let told_here = scene.point("cookie", &["--offline", "--claims", "claims.json"]);
        writeln!(told, "{count} groups\n  {told_here}").unwrap();
    }
    scene.folder.write("claims.json", "[\"ca11ary\"]");
    let said = scene.check(&["--offline", "--claims", "claims.json"]);
    writeln!(told, "no object\n  {}: {}{}", said.code, said.out, said.err).unwrap();
    snapshot("check_cookie", &told);
}
