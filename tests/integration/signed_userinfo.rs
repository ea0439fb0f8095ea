//! Answers of userinfo that are JWTs, signed with the provider's keys (OpenID Connect Core §5.3.2).

use keycard::dev::{Endpoint, Fault};
use serde_json::{Value, json};

use crate::support::{Ending, TestKey, World, base64url, now, provider_with, row, who};

const JWT: &str = "application/jwt";

async fn world() -> World {
    let change = |builder: keycard::dev::Builder| builder.claims_only_at_userinfo().sign_userinfo();
    World::around(provider_with("google", change).await, |builder| builder)
}

fn answer(kind: &str, body: impl AsRef<[u8]>) -> Fault {
    Fault::Answer {
        endpoint: Endpoint::Userinfo,
        status: 200,
        headers: vec![("content-type".to_owned(), kind.to_owned())],
        body: body.as_ref().to_vec(),
    }
}

/// What Alice is told of, by this world's provider.
fn claims(world: &World) -> Value {
    json!({
        "sub": "alice",
        "iss": world.provider.issuer(),
        "aud": world.provider.client_id(),
        "name": "Alice Adams",
    })
}

fn changed(mut claims: Value, name: &str, value: Value) -> Value {
    claims[name] = value;
    claims
}

async fn refused(world: &World, fault: Fault, code: &str, log: &str) {
    let mut browser = world.logged_in("bob").await;
    let (status, calls) = (502, [1, 1]);
    let ending = Ending {
        status,
        code,
        log,
        calls,
    };
    world.refuses_spoilt(&mut browser, |_| fault, &ending).await;
}

#[tokio::test]
async fn uin_04_a_signed_answer_is_told_like_any_other() {
    let world = world().await;
    let mut browser = world.logged_in("alice").await;
    assert_eq!(browser.get("/").await.body, "Alice Adams");

    // Whose it is and for whom are said where they are; a list that holds us is for us.
    let claims = claims(&world);
    for told in [
        changed(
            claims.clone(),
            "aud",
            json!(["other", world.provider.client_id()]),
        ),
        changed(claims.clone(), "exp", json!(now() + 60)),
        changed(claims.clone(), "exp", json!(now() - 60)),
        changed(claims.clone(), "nbf", json!(now() + 60)),
    ] {
        row(&told.to_string());
        let jwt = world.provider.sign(world.header(), told);
        world
            .provider
            .misbehave(answer("Application/JWT; charset=utf-8", jwt));
        let mut browser = world.logged_in("alice").await;
        assert!(browser.get("/").await.body.starts_with("Alice"));
    }
    world.provider.rotate_keys();
    world.provider.behave();
    world.logged_in("alice").await;
}

#[tokio::test]
async fn uin_04_a_signed_answer_that_does_not_hold_is_refused() {
    let world = world().await;
    let (claims, header) = (claims(&world), world.header());
    let signed = |told: &Value| world.provider.sign(header.clone(), told.clone());
    for (name, told, code, log) in [
        (
            "iss",
            changed(claims.clone(), "iss", json!("https://evil.example")),
            "userinfo_invalid",
            "its iss is another",
        ),
        (
            "iss null",
            changed(claims.clone(), "iss", json!(null)),
            "userinfo_invalid",
            "its iss is another",
        ),
        (
            "no iss",
            json!({ "sub": "alice", "aud": world.provider.client_id() }),
            "userinfo_invalid",
            "its iss is another",
        ),
        (
            "no aud",
            json!({ "sub": "alice", "iss": world.provider.issuer() }),
            "userinfo_invalid",
            "its aud is somebody else",
        ),
        (
            "events",
            changed(claims.clone(), "events", json!({})),
            "userinfo_invalid",
            "it is a security event",
        ),
        (
            "aud",
            changed(claims.clone(), "aud", json!("other")),
            "userinfo_invalid",
            "its aud is somebody else",
        ),
        (
            "aud list",
            changed(claims.clone(), "aud", json!(["a", 1])),
            "userinfo_invalid",
            "its aud is somebody else",
        ),
        (
            "exp",
            changed(claims.clone(), "exp", json!(now() - 200)),
            "userinfo_invalid",
            "it has expired",
        ),
        (
            "exp text",
            changed(claims.clone(), "exp", json!("later")),
            "userinfo_invalid",
            "it has expired",
        ),
        (
            "nbf",
            changed(claims.clone(), "nbf", json!(now() + 200)),
            "userinfo_invalid",
            "it does not count yet",
        ),
        (
            "sub",
            changed(claims.clone(), "sub", json!("bob")),
            "userinfo_subject_differs",
            "another subject",
        ),
    ] {
        row(name);
        refused(&world, answer(JWT, signed(&told)), code, log).await;
    }

    let honest = signed(&claims);
    let (message, signature) = honest.rsplit_once('.').unwrap();
    let (_, payload) = message.split_once('.').unwrap();
    let none = base64url(json!({ "alg": "none" }).to_string());
    let other = TestKey::new("ES256");
    let theirs = other.sign(&header, &claims);
    let by_rsa = TestKey::new("RS256");
    let by_rsa = by_rsa.sign(&by_rsa.header(), &claims);
    let first = if signature.starts_with('A') { 'B' } else { 'A' };
    let flipped = format!("{message}.{first}{}", &signature[1..]);
    for (name, jwt, log) in [
        ("none", format!("{none}.{payload}."), "its alg is none"),
        (
            "none, signed",
            format!("{none}.{payload}.{signature}"),
            "its alg is none",
        ),
        ("RS256", by_rsa, "its alg is RS256"),
        ("another key", theirs, "its signature is another"),
        ("cut", message.to_owned(), "its"),
        ("flipped", flipped, "its signature is"),
        ("JSON", claims.to_string(), "its"),
        ("nothing", String::new(), "its form is one"),
        (
            "no object",
            world.provider.sign(header.clone(), json!([claims])),
            "its payload is",
        ),
    ] {
        row(name);
        refused(&world, answer(JWT, jwt), "userinfo_invalid", log).await;
    }
}

#[tokio::test]
async fn uin_04_a_signed_answer_counts_for_the_type_that_says_so_alone() {
    let world = world().await;
    let jwt = world.provider.sign(world.header(), claims(&world));
    for kind in ["application/json", "text/plain", "application/jwt+json"] {
        row(kind);
        refused(&world, answer(kind, &jwt), "userinfo_invalid", "").await;
    }
    // A provider that signs with nothing that we verify, as its metadata has it.
    let none = json!({ "userinfo_signing_alg_values_supported": ["none", "HS256"] });
    let world = self::world().await;
    world.provider.misbehave(Fault::Metadata(none));
    let mut browser = world.browser();
    let callback = browser.way_back(&world.provider, "alice").await;
    let page = browser.follow(&callback).await;
    assert_eq!(page.code().as_deref(), Some("userinfo_invalid"));
    assert_eq!(who(&mut browser).await, "nobody");
}
