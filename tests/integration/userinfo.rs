//! Claims that are only told at the userinfo endpoint.

use std::time::Duration;

use keycard::dev::{Endpoint, Fault, Person};
use serde_json::{Map, Value, json};

use crate::support::{
    Answer, Browser, Ending, Forge, Shelf, World, pass, provider_with, relative, row, telling_app,
    who,
};

/// An app whose provider tells names and addresses at userinfo alone.
async fn world() -> World {
    let provider = provider_with("google", |builder| builder.claims_only_at_userinfo()).await;
    let mut world = World::around(provider, |builder| builder.set("auth.google.timeout", 1));
    world.app = telling_app(&world.auth);
    world
}

fn ending<'a>(status: u16, code: &'a str, log: &'a str) -> Ending<'a> {
    Ending {
        status,
        code,
        log,
        calls: [1, 1],
    }
}

async fn claims(browser: &mut Browser) -> Map<String, Value> {
    serde_json::from_str(&browser.get("/claims").await.body).unwrap()
}

#[tokio::test]
async fn claims_that_the_id_token_lacks_come_from_userinfo() {
    let world = world().await;

    let mut browser = world.logged_in("alice").await;

    let claims = claims(&mut browser).await;
    assert_eq!(claims["name"], "Alice Adams");
    assert_eq!(claims["email"], "alice@example.com");
    assert_eq!(claims["email_verified"], true);
    assert_eq!(world.provider.calls(Endpoint::Userinfo), 1);
}

#[tokio::test]
async fn uin_01_claims_about_somebody_else_are_refused() {
    let world = world().await;
    let mut browser = world.logged_in("bob").await;
    for (sub, code, log) in [
        (json!("bob"), "userinfo_subject_differs", "another subject"),
        (
            json!("Alice"),
            "userinfo_subject_differs",
            "another subject",
        ),
        (
            json!("alice "),
            "userinfo_subject_differs",
            "another subject",
        ),
        (json!(""), "userinfo_subject_differs", "another subject"),
        (
            json!(["alice"]),
            "userinfo_subject_differs",
            "another subject",
        ),
        (json!(5), "userinfo_subject_differs", "another subject"),
        (json!(null), "userinfo_invalid", "it lacks sub"),
    ] {
        row(&sub.to_string());
        let fault = Fault::Userinfo(json!({ "sub": sub }));
        world
            .refuses_spoilt(&mut browser, |_| fault, &ending(502, code, log))
            .await;
    }
}

#[tokio::test]
async fn uin_02_an_endpoint_that_refuses_or_fails_ends_the_login() {
    let world = world().await;
    let mut browser = world.logged_in("bob").await;
    let endpoint = Endpoint::Userinfo;
    for status in [201, 204, 301, 401, 403, 404, 429, 500, 503] {
        row(&status.to_string());
        let fault = Fault::Answer {
            endpoint,
            status,
            headers: vec![],
            body: if status == 204 {
                vec![]
            } else {
                br#"{"sub":"alice"}"#.to_vec()
            },
        };
        let log = format!("its userinfo endpoint answered with status {status}");
        world
            .refuses_spoilt(
                &mut browser,
                |_| fault,
                &ending(502, "provider_status", &log),
            )
            .await;
    }
    let late = "its userinfo endpoint did not answer in time";
    let broken = "its userinfo endpoint cannot be reached: ";
    for (fault, status, code, log) in [
        (Fault::Hang { endpoint }, 504, "provider_timeout", late),
        (Fault::Cut { endpoint }, 503, "provider_unreachable", broken),
    ] {
        row(&format!("{fault:?}"));
        world
            .refuses_spoilt(&mut browser, |_| fault, &ending(status, code, log))
            .await;
    }
}

#[tokio::test]
async fn uin_03_an_answer_that_is_no_object_is_not_taken_for_no_claims() {
    let world = world().await;
    let mut browser = world.logged_in("bob").await;
    for (body, log) in [
        (&b"[]"[..], "it is not a JSON object"),
        (b"[{\"sub\":\"alice\"}]", "it is not a JSON object"),
        (b"null", "it is not a JSON object"),
        (b"\"alice\"", "it is not a JSON object"),
        (b"<html>alice</html>", "it is not JSON"),
        (b"", "it is not JSON"),
        (b"{\"sub\":\"alice\"", "it is not JSON"),
        (b"{\"sub\":\"alice\"}x", "something stands behind"),
        (b"{\"sub\":\"alice\",\"name\":\"\xff\"}", "it is not JSON"),
        (
            b"{\"sub\":\"bob\",\"sub\":\"alice\"}",
            "a member stands twice",
        ),
        (
            b"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.",
            "it is not JSON",
        ),
        (b"{}", "it lacks sub"),
    ] {
        row(&String::from_utf8_lossy(body));
        let fault = Fault::Answer {
            endpoint: Endpoint::Userinfo,
            status: 200,
            headers: vec![("content-type".into(), "application/json".into())],
            body: body.to_vec(),
        };
        world
            .refuses_spoilt(
                &mut browser,
                |_| fault,
                &ending(502, "userinfo_invalid", log),
            )
            .await;
    }
}

#[tokio::test]
async fn uin_05_an_answer_without_measure_is_cut() {
    let world = world().await;
    let mut browser = world.logged_in("bob").await;
    let endpoint = Endpoint::Userinfo;
    let answer = |body: String| Fault::Answer {
        endpoint,
        status: 200,
        headers: vec![],
        body: body.into(),
    };
    let deep = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    for (fault, status, code, log) in [
        (
            Fault::Endless {
                endpoint,
                bytes: 10 << 20,
            },
            503,
            "provider_unreachable",
            "its answer is over 256 KB",
        ),
        (
            answer(format!(
                "{{\"sub\":\"alice\",\"x\":\"{}\"}}",
                "x".repeat(1 << 20)
            )),
            503,
            "provider_unreachable",
            "its answer is over 256 KB",
        ),
        (
            answer(format!("{{\"sub\":\"alice\",\"x\":{deep}}}")),
            502,
            "userinfo_invalid",
            "it is nested too deeply",
        ),
        (
            Fault::Trickle { endpoint },
            504,
            "provider_timeout",
            "did not answer in time",
        ),
    ] {
        row(&format!("{fault:?}"));
        world
            .refuses_spoilt(&mut browser, |_| fault, &ending(status, code, log))
            .await;
    }
}

#[tokio::test]
async fn uin_08_what_the_browser_brings_never_becomes_a_claim() {
    let world = world().await;
    let mut browser = world.browser();
    let url = browser.begin(&world.provider).await;
    let callback = relative(&world.provider.authorize(&url, "alice").unwrap());
    let callback = format!(
        "{callback}&sub=bob&name=Mallory&email=mallory%40example.com&email_verified=true\
         &groups=admin&id_token=x.y.z&user=%7B%22name%22%3A%22Mallory%22%7D"
    );
    let request = browser
        .navigation(http::Method::GET, &callback, "cross-site")
        .header("x-forwarded-user", "bob")
        .header("x-auth-request-email", "mallory@example.com")
        .header("authorization", "Bearer x")
        .body(axum::body::Body::empty())
        .unwrap();
    browser.send(request).await;

    let after = claims(&mut browser).await;
    let names: Vec<_> = after.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "aud",
            "auth_time",
            "email",
            "email_verified",
            "exp",
            "iat",
            "iss",
            "name",
            "sub"
        ]
    );
    assert_eq!(after["name"], "Alice Adams");
    // Nor on any later request.
    let with_query = browser.get("/claims?name=Mallory&sub=bob").await;
    assert_eq!(with_query.body, Value::Object(after).to_string());
}

/// Logs in as alice with these claims at userinfo besides the usual ones.
async fn told(world: &World, patch: Value) -> (Browser, Answer) {
    let mut browser = world.browser();
    let url = browser.begin(&world.provider).await;
    world.provider.misbehave(Fault::Userinfo(patch));
    let callback = world.provider.authorize(&url, "alice").unwrap();
    let answer = browser.follow(&relative(&callback)).await;
    world.provider.behave();
    (browser, answer)
}

#[tokio::test]
async fn uin_09_whatever_a_claim_holds_is_kept_as_it_is() {
    let world = world().await;
    let hostile = json!({
        "name": "<script>alert(1)</script>\u{202e}\u{1f468}\u{200d}\u{1f469}\u{0}\r\n",
        "nickname": [null],
        "address": { "a": { "b": [1, 2.5, { "c": false }] } },
        "email": "a@b@c",
        "x\"><img src=x>": "\u{feff}",
        "": -0.0,
        "number": 18_446_744_073_709_551_615_u64,
    });
    let (mut browser, answer) = told(&world, hostile.clone()).await;
    assert_eq!(answer.location(), "/");

    let claims = claims(&mut browser).await;
    for (name, value) in hostile.as_object().unwrap() {
        if name == "nickname" {
            continue;
        }
        assert_eq!(claims.get(name), Some(value), "{name}");
    }
    // The pages of ours that a logged-in browser sees name nobody, and so escape nothing wrong.
    for page in ["/auth/logout", "/auth/login?provider=nowhere"] {
        let answer = browser.get(page).await;
        assert!(!answer.body.contains("<script>alert"), "{answer:?}");
    }
}

#[tokio::test]
async fn uin_09_a_null_claim_is_no_reason_to_panic() {
    let world = world().await;
    let endpoint = Endpoint::Userinfo;
    let mut browser = world.browser();
    let url = browser.begin(&world.provider).await;
    world.provider.misbehave(Fault::Answer {
        endpoint,
        status: 200,
        headers: vec![],
        body: br#"{"sub":"alice","name":null,"email":null,"email_verified":null}"#.to_vec(),
    });
    let callback = world.provider.authorize(&url, "alice").unwrap();
    browser.follow(&relative(&callback)).await;

    let claims = claims(&mut browser).await;
    assert_eq!(claims["name"], Value::Null);
    assert_eq!(browser.get("/").await.body, "nobody");
    assert!(who(&mut browser).await.starts_with("alice of "));
}

#[tokio::test]
async fn uin_09_a_claim_that_fits_no_cookie_is_named_escaped() {
    let world = world().await;
    let name = "<b>huge</b>\u{1b}[31m";
    let noise: String = (0..60_000_u32)
        .map(|index| char::from(b'!' + (index.wrapping_mul(2_654_435_761) >> 25) as u8 % 90))
        .collect();
    let (mut browser, answer) = told(&world, json!({ name: noise })).await;

    assert_eq!(answer.code().as_deref(), Some("identity_too_large"));
    assert!(!answer.body.contains("<b>huge"), "{}", answer.body);
    assert!(!answer.body.contains('\u{1b}'));
    let complaints = world.logs.complaints();
    assert_eq!(complaints.len(), 1, "{complaints:?}");
    assert!(!complaints[0].text.contains('\u{1b}'), "{complaints:?}");
    assert!(complaints[0].text.contains("huge"), "{complaints:?}");
    assert_eq!(who(&mut browser).await, "nobody");
}

#[tokio::test]
async fn uin_10_no_claim_overrides_what_we_say_ourselves() {
    let mut forge = Forge::anonymous("ES256", |builder| builder).await;
    forge.world.app = telling_app(&forge.world.auth);
    let issuer = forge.world.provider.issuer().to_owned();

    let mut browser = forge
        .accepts(|key, header, mut claims| {
            claims["is_logged_in"] = false.into();
            claims["provider"] = "somewhere".into();
            claims["subject"] = "bob".into();
            claims["issuer"] = "https://elsewhere.example".into();
            claims["logged_in_at"] = 0.into();
            claims["expires_at"] = 0.into();
            // A token of ten minutes makes a login of thirty days.
            claims["exp"] = (crate::support::now() + 600).into();
            key.sign(&header, &claims)
        })
        .await;

    forge.world.clock.turn(29 * 24 * 3600);
    let who = who(&mut browser).await;
    assert!(
        who.starts_with(&format!("alice of {issuer} by google at ")),
        "{who}"
    );
    assert!(!who.ends_with(" at 0"), "{who}");
    let claims = claims(&mut browser).await;
    assert_eq!(claims["provider"], "somewhere");
    assert_eq!(claims["is_logged_in"], false);
}

#[tokio::test]
async fn uin_10_userinfo_never_says_who_it_is_or_how_they_logged_in() {
    let world = world().await;
    let never = json!({
        "iss": "https://elsewhere.example",
        "aud": "another-client",
        "azp": "another-client",
        "exp": 1,
        "iat": 1,
        "nbf": 1,
        "nonce": "x",
        "auth_time": 1,
        "acr": "gold",
        "amr": ["mfa"],
        "sid": "session",
        "at_hash": "x",
        "tid": "tenant",
        "oid": "object",
        "hd": "corp.example",
        "nickname": "Al",
    });

    let (mut browser, _) = told(&world, never.clone()).await;

    let claims = claims(&mut browser).await;
    for (name, value) in never.as_object().unwrap() {
        let taken = claims.get(name) == Some(value);
        assert_eq!(taken, name == "nickname", "{name}");
    }
    assert_eq!(claims["iss"], world.provider.issuer());
    let who = who(&mut browser).await;
    assert!(who.starts_with(&format!("alice of {}", world.provider.issuer())));
}

#[tokio::test]
async fn uin_12_the_access_token_goes_to_userinfo_alone_and_in_the_header_alone() {
    let world = world().await;
    let mut browser = world.browser();
    let url = browser.begin(&world.provider).await;
    let token = "a-token-of-this-test.~+/==";
    world
        .provider
        .misbehave(Fault::Token(json!({ "access_token": token })));
    let callback = world.provider.authorize(&url, "alice").unwrap();
    // The hash of the real one is in the ID token, so the login ends before userinfo.
    let ending = Ending {
        status: 502,
        code: "id_token_refused",
        log: "refused: at_hash: ",
        calls: [1, 0],
    };
    world
        .refuses_callback(&mut browser, &callback, ending.status, ending.code)
        .await;
    assert!(!world.logs.everything().contains(token));
    assert_eq!(world.provider.calls(Endpoint::Userinfo), 0);

    world.provider.behave();
    world.logged_in("alice").await;
    let request = world.provider.last_request(Endpoint::Userinfo).unwrap();
    let (scheme, sent) = request.authorization().unwrap().split_once(' ').unwrap();
    assert_eq!(scheme, "Bearer");
    assert_eq!(sent.len(), 43);
    assert!(request.parameters().is_empty(), "{request:?}");
    assert_eq!(request.header("cookie"), None);
    assert_eq!(request.header("referer"), None);
    for endpoint in [Endpoint::Metadata, Endpoint::Keys] {
        let request = world.provider.last_request(endpoint).unwrap();
        assert_eq!(request.authorization(), None);
    }
    assert!(!world.logs.everything().contains(sent));
}

#[tokio::test]
async fn uin_12_the_access_token_follows_no_redirect() {
    let world = world().await;
    let mut browser = world.logged_in("bob").await;
    let stranger = Shelf::with(&json!({ "sub": "alice", "name": "Mallory" })).await;
    for status in [301, 302, 303, 307, 308] {
        for location in [stranger.url("127.0.0.1"), "/userinfo?again".to_owned()] {
            row(&format!("{status} {location}"));
            let fault = Fault::Redirect {
                endpoint: Endpoint::Userinfo,
                status,
                location,
            };
            let log = format!("its userinfo endpoint answered with status {status}");
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
async fn userinfo_is_asked_only_after_the_id_token_has_passed() {
    let world = world().await;
    let mut browser = world.logged_in("bob").await;
    for (fault, check) in [
        (Fault::SignedByAnotherKey, "signature"),
        (Fault::UnknownKeyId, "kid"),
        (Fault::IdTokenClaims(json!({ "nonce": "another" })), "nonce"),
        (
            Fault::IdTokenClaims(json!({ "at_hash": "another" })),
            "at_hash",
        ),
        (Fault::IdTokenClaims(json!({ "aud": "another" })), "aud"),
        (Fault::IdTokenClaims(json!({ "events": {} })), "events"),
    ] {
        row(check);
        let ending = Ending {
            status: 502,
            code: "id_token_refused",
            log: &format!("the ID token was refused: {check}: "),
            calls: [1, 0],
        };
        world.refuses_spoilt(&mut browser, |_| fault, &ending).await;
    }
}

#[tokio::test]
async fn userinfo_is_asked_only_for_what_the_scopes_promise() {
    let name = json!({ "name": "Alice Adams" });
    let email = json!({ "email": "alice@example.com" });
    let both = json!({ "name": "Alice Adams", "email": "alice@example.com" });
    let neither = json!({});
    for (scope, claims, asked) in [
        ("openid", &neither, 0),
        ("openid groups", &neither, 0),
        ("openid profile", &name, 0),
        ("openid profile", &email, 1),
        ("openid email", &email, 0),
        ("openid email", &name, 1),
        ("openid profile email", &both, 0),
        ("openid profile email", &name, 1),
        ("openid profile email", &email, 1),
        ("openid profile email", &neither, 1),
    ] {
        row(&format!("{scope} {claims}"));
        let forge = Forge::anonymous("ES256", |builder| {
            builder.set("auth.google.client_kwargs.scope", scope)
        })
        .await;
        forge
            .accepts(|key, header, mut token| {
                for name in ["name", "email"] {
                    token.as_object_mut().unwrap().remove(name);
                }
                for (name, value) in claims.as_object().unwrap() {
                    token[name] = value.clone();
                }
                key.sign(&header, &token)
            })
            .await;
        assert_eq!(forge.world.provider.calls(Endpoint::Userinfo), asked);
    }
}

#[tokio::test]
async fn a_provider_without_userinfo_logs_in_with_what_it_said() {
    let provider = provider_with("google", |builder| builder.claims_only_at_userinfo()).await;
    let world = World::around(provider, |builder| builder);
    let patch = json!({ "userinfo_endpoint": null });
    world.provider.misbehave(Fault::Metadata(patch));

    let mut browser = world.logged_in("alice").await;

    assert!(who(&mut browser).await.starts_with("alice of "));
    assert_eq!(browser.get("/").await.body, "nobody");
}

#[tokio::test]
async fn the_id_token_wins_and_pairs_come_from_one_source() {
    let shelf = Shelf::open().await;
    let mut forge = Forge::anonymous("ES256", |builder| {
        builder.set("auth.google.userinfo_endpoint", shelf.url("127.0.0.1"))
    })
    .await;
    forge.world.app = telling_app(&forge.world.auth);
    let table = [
        // What the ID token says, what userinfo says, what is kept.
        (
            json!({ "name": "Token" }),
            json!({ "name": "Info", "nickname": "Al" }),
            json!({ "name": "Token", "nickname": "Al" }),
        ),
        (
            json!({ "name": null }),
            json!({ "name": "Info" }),
            json!({ "name": null }),
        ),
        (
            json!({ "email": "a@token", "email_verified": false }),
            json!({ "name": "Info", "email": "b@info", "email_verified": true }),
            json!({ "name": "Info", "email": "a@token", "email_verified": false }),
        ),
        (
            json!({ "email": "a@token" }),
            json!({ "name": "Info", "email": "b@info", "email_verified": true }),
            json!({ "name": "Info", "email": "a@token" }),
        ),
        (
            json!({ "email_verified": true }),
            json!({ "email": "b@info" }),
            json!({ "email": "b@info" }),
        ),
        (
            json!({ "email_verified": true }),
            json!({ "email": "b@info", "email_verified": false }),
            json!({ "email": "b@info", "email_verified": false }),
        ),
        (
            json!({ "email_verified": false }),
            json!({ "email_verified": true }),
            json!({ "email_verified": false }),
        ),
        (
            json!({ "phone_number": "1" }),
            json!({ "phone_number": "2", "phone_number_verified": true }),
            json!({ "phone_number": "1" }),
        ),
        (
            json!({ "phone_number_verified": true }),
            json!({ "phone_number": "2" }),
            json!({ "phone_number": "2" }),
        ),
        (json!({}), json!({}), json!({})),
    ];
    for (token, info, kept) in table {
        row(&format!("{token} {info}"));
        pass(Duration::from_secs(3)).await;
        let mut userinfo = info.clone();
        userinfo["sub"] = "alice".into();
        shelf.put(&userinfo);
        let before = shelf.calls();
        let mut browser = forge
            .accepts(|key, header, mut claims| {
                for name in ["name", "email"] {
                    claims.as_object_mut().unwrap().remove(name);
                }
                for (name, value) in token.as_object().unwrap() {
                    claims[name] = value.clone();
                }
                key.sign(&header, &claims)
            })
            .await;
        assert_eq!(shelf.calls(), before + 1);

        let mut claims = claims(&mut browser).await;
        for name in ["aud", "exp", "iat", "iss", "sub"] {
            assert!(claims.remove(name).is_some(), "{name}");
        }
        assert_eq!(Value::Object(claims), kept);
    }
}

#[tokio::test]
async fn somebody_who_has_a_subject_alone_is_logged_in() {
    let provider = provider_with("google", |builder| builder.person(Person::new("dave"))).await;
    let world = World::around(provider, |builder| builder);

    let mut browser = world.logged_in("dave").await;

    assert!(who(&mut browser).await.starts_with("dave of "));
    assert_eq!(world.provider.calls(Endpoint::Userinfo), 1);
}
