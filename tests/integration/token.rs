//! The token request: how the client authenticates, and what is believed of the answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use http::StatusCode;
use keycard::Auth;
use keycard::dev::{Endpoint, Fault};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use url::form_urlencoded;

use crate::support::{
    Ending, Forge, SITE, Shelf, World, base64url, eventually, fresh_secret, honest, pass, provider,
    relative, row, settle, who,
};

/// A refusal by what the token endpoint did.
fn ending<'a>(status: u16, code: &'a str, log: &'a str) -> Ending<'a> {
    Ending {
        status,
        code,
        log,
        calls: [1, 0],
    }
}

fn answer(status: u16, body: impl Into<Vec<u8>>) -> Fault {
    Fault::Answer {
        endpoint: Endpoint::Token,
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.into(),
    }
}

/// Runs a table of answers of the token endpoint, each of which must end the login.
async fn refuses_table(table: Vec<(Fault, u16, &str, &str)>) {
    let world = World::with(|builder| builder.set("auth.google.timeout", 1)).await;
    let mut browser = world.logged_in("bob").await;
    for (fault, status, code, log) in table {
        row(&format!("{fault:?} {log}"));
        world
            .refuses_spoilt(&mut browser, |_| fault, &ending(status, code, log))
            .await;
    }
    world.logged_in("alice").await;
}

/// How the last token request said who we are: `basic`, `post` or `none`, never two of them.
fn authentication(world: &World, id: &str, secret: &str) -> &'static str {
    let request = world.provider.last_request(Endpoint::Token).unwrap();
    let posted: Vec<_> = request
        .parameters()
        .iter()
        .filter(|(name, _)| name == "client_secret")
        .collect();
    let Some(header) = request.authorization() else {
        assert_eq!(request.parameter("client_id"), Some(id));
        return match posted.as_slice() {
            [] => "none",
            [(_, posted)] if posted == secret => "post",
            other => panic!("{} secrets", other.len()),
        };
    };
    assert!(posted.is_empty(), "authenticated in two ways");
    assert_eq!(request.parameter("client_id").unwrap_or(id), id);
    let encoded = header.strip_prefix("Basic ").unwrap();
    let decoded = base64_simd::STANDARD.decode_to_vec(encoded).unwrap();
    let decoded = String::from_utf8(decoded).unwrap();
    let (found_id, found_secret) = decoded.split_once(':').unwrap();
    let form_decoded = |text: &str| {
        assert!(
            text.is_ascii() && !text.contains([' ', '&', '=', ':']),
            "{text}"
        );
        let mut pairs = form_urlencoded::parse(text.as_bytes());
        pairs.next().unwrap().0.into_owned()
    };
    assert_eq!(
        [form_decoded(found_id), form_decoded(found_secret)],
        [id, secret]
    );
    "basic"
}

#[tokio::test]
async fn tok_01_id_and_secret_arrive_as_they_are_whatever_they_hold() {
    let noise = fresh_secret();
    for (id, secret) in [
        ("a:b%c+d&e=f/g".to_owned(), format!("{noise}: % + & = / ?#")),
        (
            "kl\u{fc}\u{1f511}".to_owned(),
            format!("{noise}\u{fc}\u{20ac}"),
        ),
        ("%3A%25".to_owned(), format!("{noise}%2B%20")),
        ("a b".to_owned(), format!("+{noise}+")),
    ] {
        for method in ["client_secret_basic", "client_secret_post"] {
            row(&format!("{id} by {method}"));
            let world = World::with(|builder| {
                builder
                    .set("auth.google.client_id", id.as_str())
                    .set("auth.google.client_secret", secret.as_str())
                    .set(
                        "auth.google.client_kwargs.token_endpoint_auth_method",
                        method,
                    )
            })
            .await;
            let mut browser = world.browser();
            let url = browser.begin(&world.provider).await;
            let sent: url::Url = url.parse().unwrap();
            let state = sent
                .query_pairs()
                .find(|(name, _)| name == "state")
                .unwrap();
            assert!(
                sent.query_pairs()
                    .any(|(name, value)| name == "client_id" && value == id)
            );
            let mut claims = world.claims(&url);
            claims["aud"] = id.as_str().into();
            let id_token = world.provider.sign(world.header(), claims);
            let tokens =
                json!({ "access_token": "x", "token_type": "Bearer", "id_token": id_token });
            world.provider.misbehave(answer(200, tokens.to_string()));
            let issuer = world.provider.issuer();
            let callback = format!("/oauth2callback?code=c&state={}&iss={issuer}", state.1);

            browser.follow(&callback).await;

            let expected = method.strip_prefix("client_secret_");
            assert_eq!(Some(authentication(&world, &id, &secret)), expected);
            assert!(who(&mut browser).await.starts_with("alice of "));
            assert!(!world.logs.everything().contains(&noise));
        }
    }
}

#[tokio::test]
async fn the_client_authenticates_in_one_way_the_first_that_is_offered() {
    let basic = "client_secret_basic";
    let post = "client_secret_post";
    for (offered, given, expected) in [
        (json!([basic, post]), None, "basic"),
        (json!([post, basic]), None, "basic"),
        (json!([post]), None, "post"),
        (json!(["private_key_jwt", post]), None, "post"),
        (json!(["tls_client_auth", basic]), None, "basic"),
        (json!(null), None, "basic"),
        (json!([basic, post]), Some(post), "post"),
        (json!([post]), Some(basic), "basic"),
        (json!(["private_key_jwt"]), Some(post), "post"),
    ] {
        row(&format!("{offered} {given:?}"));
        let world = World::with(|builder| match given {
            Some(given) => builder.set(
                "auth.google.client_kwargs.token_endpoint_auth_method",
                given,
            ),
            None => builder,
        })
        .await;
        let patch = json!({ "token_endpoint_auth_methods_supported": offered });
        world.provider.misbehave(Fault::Metadata(patch));

        world.logged_in("alice").await;

        let provider = &world.provider;
        let found = authentication(&world, provider.client_id(), provider.client_secret());
        assert_eq!(found, expected);
    }
}

#[tokio::test]
async fn a_client_without_a_secret_sends_its_id_alone() {
    for (secret, method) in [(Some(""), None), (None, Some("none"))] {
        row(&format!("{secret:?} {method:?}"));
        let world = World::with(|mut builder| {
            if let Some(secret) = secret {
                builder = builder.set("auth.google.client_secret", secret);
            }
            if let Some(method) = method {
                let key = "auth.google.client_kwargs.token_endpoint_auth_method";
                builder = builder.set(key, method);
            }
            builder
        })
        .await;
        let mut browser = world.browser();
        // The development provider has a secret, and misses it.
        let ending = ending(502, "client_refused", "invalid_client");
        world
            .refuses_spoilt(&mut browser, |_| Fault::Userinfo(json!({})), &ending)
            .await;

        let id = world.provider.client_id();
        assert_eq!(authentication(&world, id, "unknown"), "none");
    }
}

#[tokio::test]
async fn a_provider_that_takes_no_secret_we_have_is_refused_before_the_browser_leaves() {
    let world = World::new().await;
    for offered in [json!(["tls_client_auth", "none"]), json!([])] {
        row(&offered.to_string());
        pass(Duration::from_secs(25 * 3600)).await;
        let patch = json!({ "token_endpoint_auth_methods_supported": offered });
        world.provider.misbehave(Fault::Metadata(patch));
        let log = "it accepts neither client_secret_basic nor client_secret_post";
        world
            .refuses_start(&mut world.browser(), 502, "metadata_invalid", log)
            .await;
    }
}

#[tokio::test]
async fn tok_03_a_wrong_client_secret_is_told_to_whoever_runs_the_app() {
    let wrong = fresh_secret();
    let world =
        World::with(|builder| builder.set("auth.google.client_secret", wrong.as_str())).await;
    let log =
        "provider \"google\": client_id, client_secret or private_key was refused (invalid_client)";
    let mut browser = world.browser();

    let answer = world
        .refuses_spoilt(
            &mut browser,
            |_| Fault::Userinfo(json!({})),
            &ending(502, "client_refused", log),
        )
        .await;

    assert!(!world.logs.everything().contains(&wrong));
    assert!(!answer.body.contains(&wrong));
    let line = &world.logs.complaints()[0];
    assert!(
        line.text
            .contains("is not the one that the provider has, or has expired there")
    );
}

#[tokio::test]
async fn tok_03_every_form_of_invalid_client_is_understood() {
    refuses_table(vec![
        (
            answer(401, r#"{"error":"invalid_client"}"#),
            502,
            "client_refused",
            "invalid_client",
        ),
        (
            answer(400, r#"{"error":"invalid_client"}"#),
            502,
            "client_refused",
            "invalid_client",
        ),
        (
            answer(401, "<html>"),
            502,
            "client_refused",
            "invalid_client",
        ),
        (answer(401, ""), 502, "client_refused", "invalid_client"),
    ])
    .await;
}

#[tokio::test]
async fn tok_04_a_refused_code_is_the_browsers_affair_and_never_a_success() {
    let good = json!({ "access_token": "x", "token_type": "Bearer", "id_token": "x.y.z" });
    let with_error = |error: &str| {
        let mut body = good.clone();
        body["error"] = error.into();
        body.to_string()
    };
    let hostile = "<script>\r\n\u{1b}[31m\u{2028}";
    refuses_table(vec![
        (
            answer(400, r#"{"error":"invalid_grant"}"#),
            400,
            "code_refused",
            "the authorization code was refused (invalid_grant)",
        ),
        (
            answer(
                400,
                r#"{"error":"invalid_grant","error_description":"who knows"}"#,
            ),
            400,
            "code_refused",
            "invalid_grant",
        ),
        (
            answer(200, with_error("invalid_grant")),
            400,
            "code_refused",
            "invalid_grant",
        ),
        (
            answer(200, with_error("bad_verification_code")),
            502,
            "token_refused",
            "answered with the error `bad_verification_code`",
        ),
        (
            answer(400, r#"{"error":"unauthorized_client"}"#),
            502,
            "token_refused",
            "`unauthorized_client`",
        ),
        (
            answer(400, json!({ "error": hostile }).to_string()),
            502,
            "token_refused",
            "`(unreadable)`",
        ),
        (
            answer(400, json!({ "error": "x".repeat(100_000) }).to_string()),
            502,
            "token_refused",
            "`(unreadable)`",
        ),
        (
            answer(400, "<html><body>Bad Request</body></html>"),
            502,
            "provider_status",
            "its token endpoint answered with status 400",
        ),
        (
            answer(400, r#"{"error":5}"#),
            502,
            "provider_status",
            "status 400",
        ),
        (
            answer(403, good.to_string()),
            502,
            "provider_status",
            "status 403",
        ),
        (
            answer(201, good.to_string()),
            502,
            "provider_status",
            "status 201",
        ),
    ])
    .await;
}

#[tokio::test]
async fn tok_04_a_code_that_the_provider_does_not_know_is_refused_in_earnest() {
    let world = World::new().await;
    let mut browser = world.logged_in("bob").await;
    let url = browser.begin(&world.provider).await;
    let callback = world.provider.authorize(&url, "alice").unwrap();
    let (before, rest) = callback.split_once("code=").unwrap();
    let (_, after) = rest.split_once('&').unwrap();
    let callback = format!("{before}code={}&{after}", base64url([1; 32]));

    world
        .refuses_callback(&mut browser, &callback, 400, "code_refused")
        .await;
}

#[tokio::test]
async fn tok_06_an_answer_that_is_no_json_object_is_refused() {
    let good = r#"{"access_token":"x","token_type":"Bearer","id_token":"x.y.z"}"#;
    let invalid = |body: &[u8], log| (answer(200, body), 502, "token_answer_invalid", log);
    refuses_table(vec![
        invalid(b"", "it is not JSON"),
        invalid(b"null", "it is not a JSON object"),
        invalid(b"[]", "it is not a JSON object"),
        invalid(format!("[{good}]").as_bytes(), "it is not a JSON object"),
        invalid(b"\"x\"", "it is not a JSON object"),
        invalid(b"<html></html>", "it is not JSON"),
        invalid(
            b"access_token=x&token_type=bearer&id_token=x.y.z",
            "it is not JSON",
        ),
        invalid(&good.as_bytes()[..good.len() - 1], "it is not JSON"),
        invalid(format!("{good}x").as_bytes(), "something stands behind"),
        invalid(
            format!("{good}{good}").as_bytes(),
            "something stands behind",
        ),
        invalid(b"{\"access_token\":\"\xff\"}", "it is not JSON"),
        invalid(
            format!("{{\"access_token\":\"y\",{}", &good[1..]).as_bytes(),
            "a member stands twice",
        ),
        invalid(
            format!(
                "{{\"x\":{}{},{}",
                "[".repeat(99_999),
                "]".repeat(99_999),
                &good[1..]
            )
            .as_bytes(),
            "it is nested too deeply",
        ),
        invalid(b"{}", "it lacks token_type"),
    ])
    .await;
}

#[tokio::test]
async fn tok_06_nothing_of_an_answer_is_quoted() {
    let canary = fresh_secret();
    let world = World::new().await;
    let mut browser = world.logged_in("bob").await;
    for body in [
        format!("{{\"access_token\":\"{canary}\","),
        format!("{{\"access_token\":\"{canary}\",\"token_type\":\"{canary}\"}}"),
        format!("{{\"{canary}\":1,\"{canary}\":2}}"),
        canary.clone(),
        format!("{{\"token_type\":\"Bearer\",\"access_token\":\"{canary}\\n\"}}"),
        format!(
            "{{\"token_type\":\"Bearer\",\"access_token\":\"{canary}\",\"id_token\":\"{canary}\"}}"
        ),
    ] {
        row(&body.replace(&canary, "…"));
        let code = if body.contains("id_token") {
            "id_token_refused"
        } else {
            "token_answer_invalid"
        };
        let answer = world
            .refuses_spoilt(&mut browser, |_| answer(200, body), &ending(502, code, ""))
            .await;
        assert!(!answer.body.contains(&canary));
        assert!(!world.logs.everything().contains(&canary));
    }
}

#[tokio::test]
async fn tok_06_json_is_json_under_any_content_type() {
    let world = World::new().await;
    for content_type in [
        Some("application/json;charset=UTF-8"),
        Some("text/html; charset=utf-8"),
        Some("text/plain"),
        Some("application/x-www-form-urlencoded"),
        None,
    ] {
        row(&format!("{content_type:?}"));
        let mut browser = world.browser();
        let url = browser.begin(&world.provider).await;
        let id_token = world.provider.sign(world.header(), world.claims(&url));
        let tokens = json!({ "access_token": "x", "token_type": "Bearer", "id_token": id_token });
        let headers = content_type.map(|it| ("content-type".to_owned(), it.to_owned()));
        world.provider.misbehave(Fault::Answer {
            endpoint: Endpoint::Token,
            status: 200,
            headers: headers.into_iter().collect(),
            body: tokens.to_string().into(),
        });
        let callback = world.provider.authorize(&url, "alice").unwrap();
        browser.follow(&relative(&callback)).await;

        assert!(who(&mut browser).await.starts_with("alice of "));
    }
    let request = world.provider.last_request(Endpoint::Token).unwrap();
    assert_eq!(request.header("accept"), Some("application/json"));
}

#[tokio::test]
async fn tok_07_an_answer_without_measure_is_cut_at_the_limit() {
    let endpoint = Endpoint::Token;
    let began = Instant::now();
    let long = format!("{{\"x\":\"{}\"}}", "x".repeat(10 << 20));
    let zeros = miniz_oxide::deflate::compress_to_vec(&vec![b' '; 10 << 20], 9);
    let bomb = [b"\x1f\x8b\x08\0\0\0\0\0\0\x03", &zeros[..], &[0; 8]].concat();
    let too_large = "its token endpoint cannot be reached: its answer is over 256 KB";
    refuses_table(vec![
        (
            Fault::Endless {
                endpoint,
                bytes: 10 << 20,
            },
            503,
            "provider_unreachable",
            too_large,
        ),
        (
            Fault::Endless {
                endpoint,
                bytes: usize::MAX,
            },
            503,
            "provider_unreachable",
            too_large,
        ),
        (answer(200, long), 503, "provider_unreachable", too_large),
        // Never unpacked: nobody asked for it.
        (
            Fault::Answer {
                endpoint,
                status: 200,
                headers: vec![("content-encoding".into(), "gzip".into())],
                body: bomb,
            },
            502,
            "token_answer_invalid",
            "it is not JSON",
        ),
    ])
    .await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn tok_07_nobody_asks_for_a_compressed_answer() {
    let world = World::new().await;
    world.logged_in("alice").await;
    for endpoint in [Endpoint::Metadata, Endpoint::Keys, Endpoint::Token] {
        let request = world.provider.last_request(endpoint).unwrap();
        assert_eq!(request.header("accept-encoding"), None);
    }
}

#[tokio::test]
async fn tok_08_code_and_secret_follow_no_redirect() {
    let world = World::new().await;
    let mut browser = world.logged_in("bob").await;
    let stranger = Shelf::with(&json!({})).await;
    for status in [301, 302, 303, 307, 308] {
        for location in [stranger.url("127.0.0.1"), "/token?again".to_owned()] {
            row(&format!("{status} {location}"));
            let fault = Fault::Redirect {
                endpoint: Endpoint::Token,
                status,
                location,
            };
            let log = format!("its token endpoint answered with status {status}");
            world
                .refuses_spoilt(
                    &mut browser,
                    |_| fault,
                    &ending(502, "provider_status", &log),
                )
                .await;
        }
    }
    assert_eq!(stranger.calls(), 0);
}

#[tokio::test]
async fn tok_10_a_provider_that_does_not_answer_is_given_up_in_time() {
    let endpoint = Endpoint::Token;
    let late = "its token endpoint did not answer in time";
    let began = Instant::now();
    refuses_table(vec![
        (Fault::Hang { endpoint }, 504, "provider_timeout", late),
        (Fault::Trickle { endpoint }, 504, "provider_timeout", late),
        (
            Fault::Cut { endpoint },
            503,
            "provider_unreachable",
            "its token endpoint cannot be reached: the ",
        ),
    ])
    .await;
    assert!(
        began.elapsed() < Duration::from_secs(5),
        "{:?}",
        began.elapsed()
    );
}

#[tokio::test]
async fn tok_10_an_address_where_nobody_answers_is_said_to_be_one() {
    let unresolvable = format!("{}.example:80", "x".repeat(64));
    let closed = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let closed_port = closed.local_addr().unwrap().to_string();
    drop(closed);
    for (host, why) in [
        (closed_port.as_str(), "the connection was refused"),
        // No resolver is asked for a label of more than 63 characters.
        (&unresolvable, "its name cannot be resolved"),
    ] {
        row(host);
        let world = World::with(|builder| {
            builder
                .set("auth.allow_http", vec![host])
                .set("auth.google.token_endpoint", format!("http://{host}/token"))
        })
        .await;
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
}

#[tokio::test]
async fn tok_11_an_answer_without_an_id_token_logs_nobody_in() {
    refuses_table(vec![
        (
            Fault::NoIdToken,
            502,
            "token_answer_invalid",
            "it lacks id_token",
        ),
        (
            Fault::Token(json!({ "id_token": 5 })),
            502,
            "token_answer_invalid",
            "its id_token is not a token",
        ),
        (
            Fault::Token(json!({ "id_token": "" })),
            502,
            "token_answer_invalid",
            "its id_token is not a token",
        ),
        (
            Fault::Token(json!({ "id_token": ["a.b.c"] })),
            502,
            "token_answer_invalid",
            "its id_token is not a token",
        ),
    ])
    .await;
}

/// Token answers with these changes log Alice in.
async fn accepts(patches: impl IntoIterator<Item = Value>) {
    let world = World::new().await;
    for patch in patches {
        row(&patch.to_string());
        world.provider.misbehave(Fault::Token(patch));
        let mut browser = world.logged_in("alice").await;
        assert!(who(&mut browser).await.starts_with("alice of "));
        assert!(world.logs.complaints().is_empty());
    }
}

#[tokio::test]
async fn tok_12_the_scope_that_was_granted_may_be_any() {
    accepts([
        json!({ "scope": null }),
        json!({ "scope": "" }),
        json!({ "scope": [] }),
        json!({ "scope": "openid profile email admin" }),
        json!({ "scope": "email,profile" }),
        json!({ "scope": ["openid", "email", "profile"] }),
        json!({ "scope": "openid https://id.example/auth/userinfo.email https://id.example/profile" }),
        json!({ "scope": 5 }),
    ])
    .await;
}

#[tokio::test]
async fn tok_12_a_scope_that_was_asked_for_and_not_granted_is_one_line_of_the_log() {
    let world = World::new().await;
    for granted in ["openid email", "openid email", "openid"] {
        world
            .provider
            .misbehave(Fault::Token(json!({ "scope": granted })));
        let mut browser = world.logged_in("alice").await;
        assert!(who(&mut browser).await.starts_with("alice of "));
    }

    let complaints = world.logs.complaints();
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(
        complaints[0].text.contains("scopes=profile "),
        "{complaints:?}"
    );
}

#[tokio::test]
async fn tok_13_a_bearer_token_in_any_case() {
    accepts(["Bearer", "bearer", "BEARER", "bEaReR"].map(|kind| json!({ "token_type": kind })))
        .await;
}

#[tokio::test]
async fn tok_13_a_token_of_another_type_is_not_used() {
    let other = |kind: Value| {
        (
            Fault::Token(json!({ "token_type": kind })),
            502,
            "token_answer_invalid",
            "its token_type is not Bearer",
        )
    };
    refuses_table(vec![
        (
            Fault::Token(json!({ "token_type": null })),
            502,
            "token_answer_invalid",
            "it lacks token_type",
        ),
        other(json!("DPoP")),
        other(json!("mac")),
        other(json!("N_A")),
        other(json!("")),
        other(json!("Bearer ")),
        other(json!("Bearer, DPoP")),
        other(json!("\u{212a}earer")),
        other(json!(5)),
        other(json!(["Bearer"])),
    ])
    .await;
}

#[tokio::test]
async fn tok_14_an_access_token_that_no_header_could_hold_is_refused() {
    let odd = |token: Value| {
        (
            Fault::Token(json!({ "access_token": token })),
            502,
            "token_answer_invalid",
            "its access_token is not a token",
        )
    };
    refuses_table(vec![
        (
            Fault::Token(json!({ "access_token": null })),
            502,
            "token_answer_invalid",
            "it lacks access_token",
        ),
        odd(json!("x\r\nx-injected: 1")),
        odd(json!("x\n")),
        odd(json!("x\0")),
        odd(json!("x y")),
        odd(json!("x\ty")),
        odd(json!("x\u{fc}")),
        odd(json!("x\u{7f}")),
        odd(json!("")),
        odd(json!(5)),
        odd(json!(["x"])),
        odd(json!("x".repeat(64 * 1024 + 1))),
    ])
    .await;
}

#[tokio::test]
async fn tok_15_expires_in_is_nobodys_business() {
    let world = World::new().await;
    for expires_in in [
        "null",
        "\"3600\"",
        "-1",
        "0",
        "1e308",
        "-1e308",
        "18446744073709551615",
        "1.5",
        "true",
        "[]",
        "{}",
        "\"soon\"",
    ] {
        row(expires_in);
        let mut browser = world.browser();
        let url = browser.begin(&world.provider).await;
        let id_token = world.provider.sign(world.header(), world.claims(&url));
        let body = format!(
            "{{\"access_token\":\"x\",\"token_type\":\"Bearer\",\"id_token\":\"{id_token}\",\
             \"expires_in\":{expires_in}}}"
        );
        world.provider.misbehave(answer(200, body));
        let callback = world.provider.authorize(&url, "alice").unwrap();
        let answer = browser.follow(&relative(&callback)).await;

        assert!(who(&mut browser).await.starts_with("alice of "));
        let identity = answer.cookies().join("\n");
        assert!(identity.contains("Max-Age=2592000"), "{identity}");
    }
    world.clock.turn(29 * 24 * 3600);
    accepts([json!({ "expires_in": null })]).await;
}

#[tokio::test]
async fn tok_16_a_code_is_redeemed_once_whatever_the_answer() {
    let world = World::new().await;
    let mut browser = world.logged_in("bob").await;
    for status in [408, 425, 429, 500, 502, 503, 504] {
        row(&status.to_string());
        let fault = Fault::Answer {
            endpoint: Endpoint::Token,
            status,
            headers: vec![("retry-after".into(), "0".into())],
            body: vec![],
        };
        let log = format!("its token endpoint answered with status {status}");
        world
            .refuses_spoilt(
                &mut browser,
                |_| fault,
                &ending(502, "provider_status", &log),
            )
            .await;
    }
    // The provider is back, and so is the next login.
    world.logged_in("alice").await;
}

#[tokio::test]
async fn tok_17_an_answer_after_the_deadline_changes_nothing() {
    let world = World::with(|builder| builder.set("auth.google.timeout", 1)).await;
    let mut browser = world.logged_in("bob").await;
    let fault = Fault::Late {
        endpoint: Endpoint::Token,
        delay: Duration::from_millis(1200),
    };
    let log = "its token endpoint did not answer in time";
    world
        .refuses_spoilt(
            &mut browser,
            |_| fault,
            &ending(504, "provider_timeout", log),
        )
        .await;
    pass(Duration::from_secs(5)).await;
    settle().await;

    assert!(who(&mut browser).await.starts_with("bob of "));
    assert_eq!(
        browser
            .jar
            .names()
            .iter()
            .filter(|name| name.contains("-p-"))
            .count(),
        0
    );
    assert_eq!(world.provider.calls(Endpoint::Token), 2);
}

#[tokio::test]
async fn tok_18_a_connection_that_was_closed_between_requests_is_no_failure() {
    let world = World::new().await;
    world.logged_in("bob").await;
    for round in 1..=3 {
        // Every connection is cut, and the port listens again.
        world.provider.misbehave(Fault::OffDuty);
        world.provider.behave();
        settle().await;
        world.logged_in("alice").await;
        assert_eq!(world.provider.calls(Endpoint::Token), 1 + round);
    }
}

/// An HTTP server that closes the connection after it has read a request to `/token`, and before
/// it says anything; `/document` has the metadata, over a connection that is kept.
async fn hangs_up(metadata: Value) -> (u16, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    let mut metadata = metadata;
    metadata["token_endpoint"] = format!("http://127.0.0.1:{port}/token").into();
    let body = metadata.to_string();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let (body, counted) = (body.clone(), counted.clone());
            tokio::spawn(async move {
                let mut read = Vec::new();
                let mut chunk = [0; 4096];
                while let Ok(length @ 1..) = stream.read(&mut chunk).await {
                    read.extend_from_slice(&chunk[..length]);
                    let text = String::from_utf8_lossy(&read).into_owned();
                    if text.starts_with("POST") && text.contains("code_verifier=") {
                        counted.fetch_add(1, Ordering::Relaxed);
                        return;
                    }
                    if text.starts_with("GET") && text.ends_with("\r\n\r\n") {
                        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}", body.len());
                        let answer = format!("{head}\r\n\r\n{body}");
                        stream.write_all(answer.as_bytes()).await.unwrap();
                        read.clear();
                    }
                }
            });
        }
    });
    (port, count)
}

#[tokio::test]
async fn tok_18_a_request_that_was_sent_is_never_sent_again() {
    let provider = provider("google").await;
    let metadata = reqwest::get(provider.server_metadata_url()).await.unwrap();
    let (port, count) = hangs_up(metadata.json().await.unwrap()).await;
    let issuer = provider.issuer().to_owned();
    let world = World::around(provider, |builder| {
        let url = format!("http://127.0.0.1:{port}/.well-known/openid-configuration");
        builder
            .set("auth.google.server_metadata_url", url)
            .set("auth.google.issuer", issuer)
    });
    let ending = Ending {
        status: 503,
        code: "provider_unreachable",
        log: "its token endpoint cannot be reached: the ",
        calls: [0, 0],
    };
    let mut browser = world.browser();

    // Over a new connection, or over the one that brought the metadata.
    for sent in 1..=3 {
        world
            .refuses_spoilt(&mut browser, |_| Fault::Userinfo(json!({})), &ending)
            .await;
        assert_eq!(count.load(Ordering::Relaxed), sent);
    }
}

#[tokio::test]
async fn tok_09_no_switch_turns_the_verification_of_certificates_off() {
    let provider = provider("google").await;
    let build = |key: &str, value: Value| {
        Auth::builder()
            .toml(&provider.secrets())
            .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
            .set("auth.cookie_secret", fresh_secret())
            .set(key, value)
            .build()
    };
    let text = build("auth.google.client_kwargs.verify", json!(false))
        .unwrap_err()
        .to_string();
    assert!(text.contains("certificates are always verified"), "{text}");
}

#[tokio::test]
async fn the_token_request_holds_what_rfc_6749_asks_and_no_more() {
    let world = World::new().await;
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    let answer = browser.follow(&callback).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);

    let request = world.provider.last_request(Endpoint::Token).unwrap();
    let mut names: Vec<_> = request
        .parameters()
        .iter()
        .map(|(name, _)| name.as_str())
        .collect();
    names.sort_unstable();
    assert_eq!(
        names,
        ["code", "code_verifier", "grant_type", "redirect_uri"]
    );
    assert_eq!(request.parameter("grant_type"), Some("authorization_code"));
    let redirect_uri = format!("{SITE}/oauth2callback");
    assert_eq!(
        request.parameter("redirect_uri"),
        Some(redirect_uri.as_str())
    );
    assert_eq!(request.parameter("code_verifier").unwrap().len(), 43);
    assert_eq!(request.header("cookie"), None);
    assert_eq!(request.header("referer"), None);
}

#[tokio::test]
async fn slow_keys_do_not_hold_up_a_login_that_has_its_keys() {
    let forge = Forge::new().await;
    pass(Duration::from_secs(2 * 3600)).await;
    let before = forge.shelf.calls();
    forge.shelf.put_answer(503, &[], "");
    forge.accepts(honest).await;
    eventually(|| forge.shelf.calls() > before).await;
    forge.accepts(honest).await;
}
