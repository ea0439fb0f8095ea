//! The key set of a provider: which keys count, how long, and how often it is asked for.

use std::time::Duration;

use aws_lc_rs::digest::{self, SHA256};
use http::StatusCode;
use keycard::dev::{Endpoint, Fault, SigningAlg};
use serde_json::{Value, json};

use crate::support::{
    Browser, Ending, Forge, Shelf, TestKey, World, base64url, eventually, honest, pass, provider,
    provider_with, relative, row, settle, who,
};

const HOUR: Duration = Duration::from_secs(3600);

/// A refusal after the token endpoint and before userinfo.
fn ending<'a>(status: u16, code: &'a str, log: &'a str) -> Ending<'a> {
    Ending {
        status,
        code,
        log,
        calls: [1, 0],
    }
}

fn set(keys: &[Value]) -> Value {
    json!({ "keys": keys })
}

#[tokio::test]
async fn jwk_01_a_thousand_forged_key_ids_fetch_the_keys_twice_more() {
    let forge = Forge::new().await;
    let world = &forge.world;
    let mut browser = forge.browser.clone();
    assert_eq!(forge.shelf.calls(), 1, "one login, one fetch");

    for index in 0..1000 {
        let url = browser.begin(&world.provider).await;
        let mut header = forge.key.header();
        header["kid"] = format!("forged-{index}").into();
        let token = forge.key.sign(&header, &world.claims(&url));
        world.provider.misbehave(Fault::IdToken(token));
        let callback = world.provider.authorize(&url, "alice").unwrap();
        let answer = browser.get_from_elsewhere(&relative(&callback)).await;
        assert_eq!(answer.code().as_deref(), Some("id_token_refused"));
    }

    assert_eq!(forge.shelf.calls(), 3);
    // The key set did not suffer: an honest login needs no fetch.
    forge.accepts(honest).await;
    assert_eq!(forge.shelf.calls(), 3);
}

#[tokio::test]
async fn jwk_01_an_unknown_key_id_is_looked_for_again_after_thirty_seconds() {
    let mut forge = Forge::new().await;
    let forged = |kid: &'static str| {
        move |key: &TestKey, mut header: Value, claims: Value| {
            header["kid"] = kid.into();
            key.sign(&header, &claims)
        }
    };
    let mut calls = Vec::new();
    for kid in ["a", "a", "b", "c"] {
        forge.refuses("kid", forged(kid)).await;
        calls.push(forge.shelf.calls());
    }
    assert_eq!(
        calls,
        [2, 2, 3, 3],
        "an id just looked for is not looked for"
    );

    pass(Duration::from_secs(31)).await;
    forge.refuses("kid", forged("d")).await;
    assert_eq!(forge.shelf.calls(), 4);
    forge.refuses("kid", forged("e")).await;
    assert_eq!(forge.shelf.calls(), 4, "one in thirty seconds, not two");
}

#[tokio::test]
async fn jwk_02_a_key_that_was_just_changed_logs_in_after_one_fetch() {
    let world = World::new().await;
    world.logged_in("bob").await;

    for changes in 1..=2 {
        world.provider.rotate_keys();
        world.logged_in("alice").await;
        assert_eq!(world.provider.calls(Endpoint::Keys), 1 + changes);
    }
}

#[tokio::test]
async fn jwk_02_a_fetch_that_failed_does_not_use_up_the_next_one() {
    let mut forge = Forge::new().await;
    let changed = TestKey::new("ES256");
    let mut jwk = changed.jwk();
    jwk["kid"] = "changed".into();
    let header = json!({ "alg": "ES256", "kid": "changed" });
    forge.shelf.put_answer(500, &[], "");

    for _ in 0..3 {
        pass(Duration::from_secs(3)).await;
        forge
            .refuses_as(
                "provider_status",
                "its key set answered with status 500",
                |_, _, claims| changed.sign(&header, &claims),
            )
            .await;
    }
    assert_eq!(forge.shelf.calls(), 4);
    forge.shelf.put(&set(&[jwk]));
    pass(Duration::from_secs(3)).await;

    forge
        .accepts(|_, _, claims| changed.sign(&header, &claims))
        .await;
}

#[tokio::test]
async fn jwk_02_a_fetch_that_failed_is_not_tried_again_for_two_seconds() {
    let forge = Forge::new().await;
    forge.shelf.put_answer(500, &[], "");
    let mut browser = forge.browser.clone();

    for _ in 0..20 {
        let url = browser.begin(&forge.world.provider).await;
        let mut header = forge.key.header();
        header["kid"] = "unknown".into();
        let token = forge.key.sign(&header, &forge.world.claims(&url));
        forge.world.provider.misbehave(Fault::IdToken(token));
        let callback = forge.world.provider.authorize(&url, "alice").unwrap();
        let answer = browser.get_from_elsewhere(&relative(&callback)).await;
        assert_eq!(answer.code().as_deref(), Some("provider_status"));
    }

    assert_eq!(forge.shelf.calls(), 2);
}

#[tokio::test]
async fn jwk_03_a_token_without_a_key_id_is_tried_with_eight_fitting_keys() {
    let mut forge = Forge::anonymous("ES256", |builder| builder).await;
    let without = |key: &TestKey, mut header: Value, claims: Value| {
        header.as_object_mut().unwrap().remove("kid");
        key.sign(&header, &claims)
    };
    // One key.
    forge.shelf.put(&set(&[forge.key.jwk()]));
    forge.accepts(without).await;

    let others: Vec<_> = (0..8)
        .map(|index| {
            let mut jwk = TestKey::new("ES256").jwk();
            jwk["kid"] = format!("other-{index}").into();
            jwk
        })
        .collect();
    let unfitting: Vec<_> = ["ES384", "EdDSA", "RS256"]
        .map(|algorithm| TestKey::new(algorithm).jwk())
        .into();
    for (before, accepted) in [(0, true), (7, true), (8, false)] {
        row(&format!("behind {before} fitting keys"));
        let mut keys = unfitting.clone();
        keys.extend_from_slice(&others[..before]);
        keys.push(forge.key.jwk());
        forge.shelf.put(&set(&keys));
        // What is cached goes stale.
        pass(25 * HOUR).await;
        if accepted {
            forge.accepts(without).await;
        } else {
            forge.refuses("signature", without).await;
        }
    }
    // With its id it is found wherever it is.
    forge.accepts(honest).await;
}

#[tokio::test]
async fn jwk_04_of_two_keys_with_one_id_the_fitting_one_counts() {
    let forge = Forge::anonymous("ES256", |builder| builder).await;
    let mut twins: Vec<_> = ["RS256", "ES384", "EdDSA"]
        .map(|algorithm| TestKey::new(algorithm).jwk())
        .into();
    twins.push(forge.key.jwk());
    // Without `alg` nothing but the kind tells them apart.
    for twin in &mut twins {
        twin["kid"] = forge.key.id.as_str().into();
        twin.as_object_mut().unwrap().remove("alg");
    }
    for _ in 0..twins.len() {
        twins.rotate_left(1);
        forge.shelf.put(&set(&twins));
        pass(25 * HOUR).await;
        forge.accepts(honest).await;
    }
}

#[tokio::test]
async fn jwk_05_keys_that_nobody_understands_spoil_no_other() {
    let forge = Forge::anonymous("ES256", |builder| builder).await;
    let x = base64url([1; 32]);
    let strange = [
        json!({ "kty": "AKP", "alg": "ML-DSA-65", "kid": "pq", "pub": base64url([1; 64]) }),
        json!({ "kty": "made-up", "kid": "m" }),
        json!({ "kty": "EC", "crv": "secp256k1", "x": x, "y": x }),
        json!({ "kty": "EC", "crv": "P-1024", "x": x, "y": x }),
        json!({ "kty": "EC", "crv": 256, "x": x, "y": x }),
        json!({ "kty": "OKP", "crv": "X25519", "x": x }),
        json!({ "kty": "OKP", "crv": "Ed448", "x": x }),
        json!({ "kty": "RSA", "alg": "RSA-OAEP-256", "n": x, "e": "AQAB" }),
        json!({ "kty": "RSA", "n": "not base64url!", "e": "AQAB" }),
        json!({ "kty": "RSA", "n": [1, 2], "e": {} }),
        json!({ "kty": "oct", "k": x }),
        json!({ "kty": null }),
        json!({}),
        json!([]),
        json!("a key"),
        json!(null),
        json!(5),
    ];
    for (index, other) in strange.iter().enumerate() {
        row(&other.to_string());
        let keys = if index % 2 == 0 {
            [other.clone(), forge.key.jwk()]
        } else {
            [forge.key.jwk(), other.clone()]
        };
        forge.shelf.put(&set(&keys));
        pass(25 * HOUR).await;
        forge.accepts(honest).await;
    }
    let mut all = strange.to_vec();
    all.push(forge.key.jwk());
    let mut document = set(&all);
    document["more"] = json!({ "of": "it" });
    forge.shelf.put(&document);
    pass(25 * HOUR).await;
    forge.accepts(honest).await;
}

#[tokio::test]
async fn jwk_06_cached_keys_serve_for_a_day_while_the_endpoint_is_down() {
    let mut forge = Forge::new().await;
    forge.shelf.put_answer(500, &[], "");

    // The keys were fetched at once; what is asked here is how old they may be.
    for hours in [2, 12, 9] {
        pass(hours * HOUR).await;
        forge.accepts(honest).await;
        settle().await;
    }
    pass(HOUR - Duration::from_secs(60)).await;
    forge.accepts(honest).await;
    settle().await;
    assert!(forge.shelf.calls() > 1, "renewal was tried");
    pass(Duration::from_secs(61)).await;

    forge
        .refuses_as(
            "provider_status",
            "its key set answered with status 500",
            honest,
        )
        .await;

    let mut keys = forge.world.provider.jwks();
    keys["keys"].as_array_mut().unwrap().push(forge.key.jwk());
    forge.shelf.put(&keys);
    pass(Duration::from_secs(3)).await;
    forge.accepts(honest).await;
}

#[tokio::test]
async fn jwk_06_without_keys_nobody_is_logged_in() {
    let world = World::with(|builder| builder.set("auth.google.timeout", 1)).await;
    let stranger = Shelf::with(&world.provider.jwks()).await;
    let endpoint = Endpoint::Keys;
    let answer = |status, body: &str| Fault::Answer {
        endpoint,
        status,
        headers: vec![("content-type".into(), "application/json".into())],
        body: body.into(),
    };
    let good = world.provider.jwks().to_string();
    let table = [
        (answer(500, ""), 502, "provider_status", "status 500"),
        (answer(404, &good), 502, "provider_status", "status 404"),
        (answer(204, ""), 502, "provider_status", "status 204"),
        (
            Fault::Hang { endpoint },
            504,
            "provider_timeout",
            "its key set did not answer in time",
        ),
        (
            Fault::Trickle { endpoint },
            504,
            "provider_timeout",
            "its key set did not answer in time",
        ),
        (
            Fault::Cut { endpoint },
            503,
            "provider_unreachable",
            "its key set cannot be reached",
        ),
        (
            Fault::Redirect {
                endpoint,
                status: 302,
                location: stranger.url("127.0.0.1"),
            },
            502,
            "provider_status",
            "status 302",
        ),
    ];
    for (fault, status, code, log) in table {
        row(&format!("{fault:?}"));
        pass(Duration::from_secs(3)).await;
        let mut browser = world.browser();
        world
            .refuses_spoilt(&mut browser, |_| fault, &ending(status, code, log))
            .await;
    }
    assert_eq!(stranger.calls(), 0);
    pass(Duration::from_secs(3)).await;
    world.logged_in("alice").await;
}

#[tokio::test]
async fn jwk_06_a_key_set_that_nobody_answers_for_is_refused() {
    // No resolver is asked for a label of more than 63 characters.
    let unresolvable = format!("{}.example", "x".repeat(64));
    let unreachable = [
        ("127.0.0.1:1", "the connection was refused"),
        (&format!("{unresolvable}:80"), "its name cannot be resolved"),
    ];
    for (host, why) in unreachable {
        row(host);
        let world = World::with(|builder| {
            builder
                .set("auth.allow_http", vec![host])
                .set("auth.google.jwks_uri", format!("http://{host}/keys"))
        })
        .await;
        let mut browser = world.browser();
        let log = format!("its key set cannot be reached: {why}");
        let ending = ending(503, "provider_unreachable", &log);
        world
            .refuses_spoilt(&mut browser, |_| Fault::Userinfo(json!({})), &ending)
            .await;
    }
}

#[tokio::test]
async fn jwk_07_keys_for_anything_but_verifying_are_not_used() {
    let mut forge = Forge::new().await;
    let other = TestKey::new("ES256");
    let mut header = other.header();
    header["kid"] = "other".into();
    let jwk = |changes: Value| {
        let mut jwk = other.jwk();
        jwk["kid"] = "other".into();
        jwk.as_object_mut().unwrap().remove("use");
        for (name, value) in changes.as_object().unwrap() {
            jwk[name] = value.clone();
        }
        jwk
    };
    let private = base64url([1; 32]);
    for (changes, accepted) in [
        (json!({}), true),
        (json!({ "use": "sig" }), true),
        (json!({ "key_ops": ["verify"] }), true),
        (json!({ "key_ops": ["sign", "verify"] }), true),
        (json!({ "use": "enc" }), false),
        (json!({ "use": "SIG" }), false),
        (json!({ "use": null }), false),
        (json!({ "use": ["sig"] }), false),
        (json!({ "key_ops": ["encrypt"] }), false),
        (json!({ "key_ops": ["sign"] }), false),
        (json!({ "key_ops": [] }), false),
        (json!({ "key_ops": "verify" }), false),
        (json!({ "use": "sig", "key_ops": ["encrypt"] }), false),
        (json!({ "use": "enc", "key_ops": ["verify"] }), false),
        (json!({ "alg": "ECDH-ES" }), false),
        (json!({ "alg": "ES384" }), false),
        (json!({ "alg": 256 }), false),
        (json!({ "d": private }), false),
        (json!({ "kid": "another" }), false),
    ] {
        row(&changes.to_string());
        let mut keys = forge.world.provider.jwks();
        keys["keys"].as_array_mut().unwrap().push(jwk(changes));
        forge.shelf.put(&keys);
        pass(25 * HOUR).await;
        let signed = |_: &TestKey, _: Value, claims: Value| other.sign(&header, &claims);
        if accepted {
            forge.accepts(signed).await;
        } else {
            forge.refuses("kid", signed).await;
        }
    }
}

#[tokio::test]
async fn jwk_07_a_symmetric_key_in_the_set_is_nobodys() {
    let mut forge = Forge::anonymous("ES256", |builder| {
        builder.set("auth.google.id_token_signed_response_alg", "HS256")
    })
    .await;
    let secret = [42; 32];
    let oct = json!({ "kty": "oct", "alg": "HS256", "kid": "oct", "k": base64url(secret) });
    forge.shelf.put(&set(&[oct]));

    forge
        .refuses("signature", |_, _, claims| {
            let header = json!({ "alg": "HS256", "kid": "oct" });
            let message = format!(
                "{}.{}",
                base64url(header.to_string()),
                base64url(claims.to_string())
            );
            let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &secret);
            let signature = aws_lc_rs::hmac::sign(&key, message.as_bytes());
            format!("{message}.{}", base64url(signature))
        })
        .await;
    assert_eq!(forge.shelf.calls(), 0);
}

/// A set with nothing in it but this key, under the id of the key that signs.
async fn only(world: &World, mut key: Value, code: &str, log: &str) {
    row(&key.to_string().chars().take(200).collect::<String>());
    pass(Duration::from_secs(3)).await;
    key["kid"] = world.provider.signing_key_id().into();
    let fault = Fault::Keys(set(&[key]));
    let mut browser = world.browser();
    world
        .refuses_spoilt(&mut browser, |_| fault, &ending(502, code, log))
        .await;
}

const NONE: &str = "none of its keys can verify a signature";

#[tokio::test]
async fn jwk_08_a_malformed_key_is_no_key() {
    let world = World::new().await;
    let good = TestKey::new("ES256").jwk();
    let (x, y) = (good["x"].as_str().unwrap(), good["y"].as_str().unwrap());
    let bytes = |text: &str| base64_simd::URL_SAFE_NO_PAD.decode_to_vec(text).unwrap();
    let with = |name: &str, value: Value| {
        let mut key = good.clone();
        key[name] = value;
        key
    };
    let without = |name: &str| {
        let mut key = good.clone();
        key.as_object_mut().unwrap().remove(name);
        key
    };
    let mut off_curve = bytes(y);
    off_curve[31] ^= 1;
    let prime = [
        &[0xff, 0xff, 0xff, 0xff, 0, 0, 0, 1][..],
        &[0; 12],
        &[0xff; 12],
    ]
    .concat();
    let rsa = TestKey::new("RS256").jwk();
    let rsa_with = |name: &str, value: Value| {
        let mut key = rsa.clone();
        key[name] = value;
        key
    };
    let ed25519 = TestKey::new("EdDSA").jwk();
    let ed25519_with = |x: &[u8]| {
        let mut key = ed25519.clone();
        key["x"] = base64url(x).into();
        key
    };
    let mut malformed = vec![
        without("x"),
        without("y"),
        without("crv"),
        without("kty"),
        with("x", json!("")),
        with("x", json!(5)),
        with("x", json!(null)),
        with("x", json!(format!("{x}="))),
        with("x", json!(base64url(&bytes(x)[1..]))),
        with("x", json!(base64url([&[0], &bytes(x)[..]].concat()))),
        with("x", json!(base64url([0; 32]))),
        with("x", json!(base64url(prime))),
        with("y", json!(base64url(off_curve))),
        with("y", json!(x)),
        json!({ "kty": "EC", "crv": "P-256", "x": base64url([0; 32]), "y": base64url([0; 32]) }),
        with("crv", json!("P-384")),
        with("crv", json!("p-256")),
        with("crv", json!("Ed25519")),
        with("kty", json!("OKP")),
        with("kty", json!("ec")),
        with("kid", json!(5)),
        rsa_with("n", json!("")),
        rsa_with("n", json!(null)),
        rsa_with("n", json!("AAAA")),
        rsa_with("e", json!("")),
        rsa_with("e", json!("AAAA")),
        rsa_with("e", json!(65537)),
        ed25519_with(&[7; 31]),
        ed25519_with(&[7; 33]),
        ed25519_with(&[]),
    ];
    for point in of_small_order() {
        malformed.push(ed25519_with(&point));
    }
    for key in malformed {
        // The helper sets `kid`, so the one row about it goes by another way.
        if key["kid"] == 5 {
            pass(Duration::from_secs(3)).await;
            let fault = Fault::Keys(set(&[key]));
            let mut browser = world.browser();
            let ending = ending(502, "keys_invalid", NONE);
            world.refuses_spoilt(&mut browser, |_| fault, &ending).await;
            continue;
        }
        only(&world, key, "keys_invalid", NONE).await;
    }
    // What is not malformed gets as far as the signature.
    only(
        &world,
        good.clone(),
        "id_token_refused",
        "refused: signature: ",
    )
    .await;
}

/// The points of Ed25519 that are of order 8 or less, in each of their encodings: y modulo
/// 2^255 - 19, or above it, and the sign of x.
fn of_small_order() -> Vec<[u8; 32]> {
    let bytes = |hex: &str| -> [u8; 32] {
        let byte = |at: usize| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap();
        std::array::from_fn(byte)
    };
    let ys = [
        format!("{:064}", 0),
        format!("01{:062}", 0),
        format!("ec{}7f", "ff".repeat(30)),
        format!("ed{}7f", "ff".repeat(30)),
        format!("ee{}7f", "ff".repeat(30)),
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05".to_owned(),
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a".to_owned(),
    ];
    let mut points = Vec::new();
    for y in ys {
        let mut point = bytes(&y);
        points.push(point);
        point[31] |= 0x80;
        points.push(point);
    }
    points
}

#[tokio::test]
async fn jwk_08_a_modulus_with_zeros_in_front_is_the_same_modulus() {
    let mut forge = Forge::anonymous("RS256", |builder| builder).await;
    forge.advertise(json!(["RS256"])).await;
    let mut jwk = forge.key.jwk();
    let n = base64_simd::URL_SAFE_NO_PAD
        .decode_to_vec(jwk["n"].as_str().unwrap())
        .unwrap();
    jwk["n"] = base64url([&[0, 0], &n[..]].concat()).into();
    forge.shelf.put(&set(&[jwk]));

    forge.accepts(honest).await;
}

/// An RSA key of this many bits and this exponent, that nobody has the private half of.
fn rsa(bits: usize, exponent: &[u8]) -> Value {
    let mut modulus = vec![0; bits.div_ceil(8)];
    for (index, chunk) in modulus.chunks_mut(32).enumerate() {
        let noise = digest::digest(&SHA256, &index.to_be_bytes());
        chunk.copy_from_slice(&noise.as_ref()[..chunk.len()]);
    }
    let first = (bits - 1) % 8;
    modulus[0] = modulus[0] & ((1 << first) - 1) | 1 << first;
    *modulus.last_mut().unwrap() |= 1;
    json!({ "kty": "RSA", "n": base64url(modulus), "e": base64url(exponent) })
}

const F4: &[u8] = &[1, 0, 1];

#[tokio::test]
async fn jwk_09_an_rsa_key_is_of_2048_bits_at_least_and_8192_at_most() {
    let world = World::around(
        provider_with("google", |builder| builder.signing_alg(SigningAlg::Rs256)).await,
        |builder| builder,
    );
    for bits in [512, 1024, 2047, 8193, 16_384] {
        row(&format!("{bits} bits"));
        only(&world, rsa(bits, F4), "keys_invalid", NONE).await;
    }
    for bits in [2048, 3072, 4096, 8192] {
        row(&format!("{bits} bits"));
        only(
            &world,
            rsa(bits, F4),
            "id_token_refused",
            "refused: signature: ",
        )
        .await;
        pass(25 * HOUR).await;
    }
}

#[tokio::test]
async fn idt_27_a_weak_rsa_key_or_one_that_costs_seconds_is_refused_at_once() {
    let world = World::around(
        provider_with("google", |builder| builder.signing_alg(SigningAlg::Rs256)).await,
        |builder| builder,
    );
    let began = std::time::Instant::now();
    let weak = [
        rsa(1024, F4),
        rsa(2048, &[1]),
        rsa(2048, &[0]),
        rsa(2048, &[2]),
        rsa(2048, &[1, 0, 0]),
        rsa(2048, &[0, 0, 0, 1]),
        rsa(2048, &[1; 256]),
        rsa(16_384, F4),
        rsa(500_000, F4),
    ];
    for key in weak {
        only(&world, key, "keys_invalid", NONE).await;
    }
    assert!(began.elapsed() < Duration::from_secs(2), "a key was used");
    only(
        &world,
        rsa(2048, &[3]),
        "id_token_refused",
        "refused: signature: ",
    )
    .await;
}

#[tokio::test]
async fn jwk_10_a_key_set_without_measure_is_cut_or_refused() {
    let world = World::new().await;
    let endpoint = Endpoint::Keys;
    let answer = |body: String| Fault::Answer {
        endpoint,
        status: 200,
        headers: vec![],
        body: body.into_bytes(),
    };
    let good = world.provider.jwks()["keys"][0].to_string();
    let nested = format!("{}{}", "[".repeat(50_000), "]".repeat(50_000));
    let list = |filler: &str, count: usize| {
        let fillers = vec![filler; count].join(",");
        format!("{{\"keys\":[{fillers},{good}]}}")
    };
    let table = [
        (answer("{}".into()), 502, "keys_invalid", "it lacks keys"),
        (
            answer("{\"keys\":{}}".into()),
            502,
            "keys_invalid",
            "it lacks keys",
        ),
        (answer("{\"keys\":[]}".into()), 502, "keys_invalid", NONE),
        (
            answer("[]".into()),
            502,
            "keys_invalid",
            "it is not a JSON object",
        ),
        (
            answer("null".into()),
            502,
            "keys_invalid",
            "it is not a JSON object",
        ),
        (
            answer("<html></html>".into()),
            502,
            "keys_invalid",
            "it is not JSON",
        ),
        (answer(String::new()), 502, "keys_invalid", "it is not JSON"),
        (
            answer(format!("{{\"keys\":[],\"keys\":[{good}]}}")),
            502,
            "keys_invalid",
            "a member stands twice",
        ),
        (
            answer(format!("{{\"keys\":[{good}],\"x\":{nested}}}")),
            502,
            "keys_invalid",
            "it is nested too deeply",
        ),
        // The good key stands behind the last that is looked at.
        (answer(list("{}", 10_000)), 502, "keys_invalid", NONE),
        (answer(list("{}", 64)), 502, "keys_invalid", NONE),
        (
            answer(list("{\"kty\":\"something\"}", 20_000)),
            503,
            "provider_unreachable",
            "over 256 KB",
        ),
        (
            Fault::Endless {
                endpoint,
                bytes: 10 << 20,
            },
            503,
            "provider_unreachable",
            "over 256 KB",
        ),
        (
            Fault::Endless {
                endpoint,
                bytes: usize::MAX,
            },
            503,
            "provider_unreachable",
            "over 256 KB",
        ),
    ];
    for (fault, status, code, log) in table {
        row(&format!("{code} {log}"));
        pass(Duration::from_secs(3)).await;
        let mut browser = world.browser();
        world
            .refuses_spoilt(&mut browser, |_| fault, &ending(status, code, log))
            .await;
    }
    pass(Duration::from_secs(3)).await;
    world.provider.misbehave(answer(list("{}", 63)));
    world.logged_in("alice").await;
}

#[tokio::test]
async fn jwk_11_keys_may_lie_on_another_host_than_the_issuer() {
    let provider = provider("google").await;
    let shelf = Shelf::with(&provider.jwks()).await;
    let world = World::around(provider, |builder| builder);
    let patch = json!({ "jwks_uri": shelf.url("localhost") });
    world.provider.misbehave(Fault::Metadata(patch));

    world.logged_in("alice").await;

    assert_eq!(
        (shelf.calls(), world.provider.calls(Endpoint::Keys)),
        (1, 0)
    );
}

#[tokio::test]
async fn jwk_11_keys_are_not_fetched_by_redirect_nor_over_http_from_elsewhere() {
    let world = World::new().await;
    let stranger = Shelf::with(&world.provider.jwks()).await;
    for status in [301, 302, 303, 307, 308] {
        row(&status.to_string());
        pass(Duration::from_secs(3)).await;
        let fault = Fault::Redirect {
            endpoint: Endpoint::Keys,
            status,
            location: stranger.url("127.0.0.1"),
        };
        let log = format!("its key set answered with status {status}");
        let mut browser = world.browser();
        world
            .refuses_spoilt(
                &mut browser,
                |_| fault,
                &ending(502, "provider_status", &log),
            )
            .await;
    }
    assert_eq!(stranger.calls(), 0);

    let world = World::new().await;
    for uri in [
        "http://keys.example/",
        "http://127.0.0.2/",
        "http://localhost.example/",
    ] {
        row(uri);
        let patch = json!({ "jwks_uri": uri });
        world.provider.misbehave(Fault::Metadata(patch));
        let log = "jwks_uri is not an https address";
        world
            .refuses_start(&mut world.browser(), 502, "metadata_invalid", log)
            .await;
    }
}

#[tokio::test]
async fn jwk_12_the_content_type_of_a_key_set_does_not_matter() {
    let forge = Forge::anonymous("ES256", |builder| builder).await;
    let keys = set(&[forge.key.jwk()]).to_string();
    for content_type in [
        Some("application/jwk-set+json; charset=UTF-8"),
        Some("application/json"),
        Some("text/plain"),
        Some("text/html"),
        Some("application/octet-stream"),
        Some("nonsense"),
        None,
    ] {
        row(&format!("{content_type:?}"));
        let header = content_type.map(|value| ("content-type", value));
        forge
            .shelf
            .put_answer(200, header.as_slice(), keys.as_str());
        pass(25 * HOUR).await;
        forge.accepts(honest).await;
    }
}

#[tokio::test]
async fn jwk_13_keys_of_one_provider_never_count_for_another() {
    let [a, b] = [provider("a").await, provider("b").await];
    let mut theirs = TestKey::new("ES256");
    theirs.id = a.signing_key_id();
    let mut keys = b.jwks();
    keys["keys"].as_array_mut().unwrap().push(theirs.jwk());
    let shelf = Shelf::with(&keys).await;
    let secrets = b.secrets();
    let mut world = World::around(a.clone(), |builder| {
        builder
            .toml(&secrets)
            .set("auth.b.jwks_uri", shelf.url("127.0.0.1"))
    });
    let mut browser = world.browser();
    browser.log_in(&b, "bob").await;
    assert_eq!(shelf.calls(), 1);
    let sign = |url: &str| Fault::IdToken(theirs.sign(&theirs.header(), &world.claims(url)));

    // The same id stands in both sets, and the token says that it is of A.
    let log = "refused: signature: expected one made with the provider's key";
    world
        .refuses_spoilt(&mut browser, sign, &ending(502, "id_token_refused", log))
        .await;

    // At B the same key is good.
    world.provider = b.clone();
    let url = browser.begin(&b).await;
    b.misbehave(Fault::IdToken(
        theirs.sign(&theirs.header(), &world.claims(&url)),
    ));
    let callback = b.authorize(&url, "alice").unwrap();
    browser.follow(&relative(&callback)).await;
    assert!(who(&mut browser).await.starts_with("alice of "));
    assert_eq!(a.calls(Endpoint::Keys), 1);
}

#[tokio::test]
async fn jwk_14_cache_control_counts_within_five_minutes_and_an_hour() {
    for (cache_control, seconds) in [
        (None, 3600),
        (Some("max-age=0"), 300),
        (Some("max-age=299"), 300),
        (Some("max-age=600"), 600),
        (Some("public, max-age=600, must-revalidate"), 600),
        (Some("public,Max-Age=600"), 600),
        (Some("max-age=3600"), 3600),
        (Some("max-age=315360000"), 3600),
        (Some("max-age=99999999999999999999999"), 3600),
        (Some("max-age=-1"), 3600),
        (Some("max-age"), 3600),
        (Some("max-age=\u{fc}"), 3600),
        (Some("s-maxage=1"), 3600),
        (Some("garbage;;=,"), 3600),
        (Some("no-store"), 300),
        (Some("no-cache, max-age=7200"), 300),
    ] {
        row(&format!("{cache_control:?}"));
        let forge = Forge::anonymous("ES256", |builder| builder).await;
        let header = cache_control.map(|value| ("cache-control", value));
        let keys = set(&[forge.key.jwk()]).to_string();
        forge.shelf.put_answer(200, header.as_slice(), keys);
        forge.accepts(honest).await;
        pass(Duration::from_secs(seconds - 1)).await;

        forge.accepts(honest).await;
        settle().await;
        assert_eq!(forge.shelf.calls(), 1, "fresh");
        pass(Duration::from_secs(1)).await;
        forge.accepts(honest).await;
        eventually(|| forge.shelf.calls() == 2).await;
    }
}

#[tokio::test]
async fn jwk_15_a_removed_key_is_gone_with_the_next_fetch() {
    let mut forge = Forge::new().await;
    let new = TestKey::new("ES256");
    let mut header = new.header();
    header["kid"] = "new".into();
    let mut jwk = new.jwk();
    jwk["kid"] = "new".into();
    forge.accepts(honest).await;
    forge.shelf.put(&set(&[jwk]));
    // Nothing has told us yet.
    forge.accepts(honest).await;

    forge
        .accepts(|_, _, claims| new.sign(&header, &claims))
        .await;

    assert_eq!(forge.shelf.calls(), 2);
    forge.refuses("kid", honest).await;
    pass(2 * HOUR).await;
    forge.refuses("kid", honest).await;
}

#[tokio::test]
async fn keys_are_fetched_once_for_many_logins_at_a_time() {
    let world = World::new().await;
    let logins = (0..20).map(|_| {
        let (mut browser, provider): (Browser, _) = (world.browser(), world.provider.clone());
        tokio::spawn(async move { browser.log_in(&provider, "alice").await })
    });

    for login in logins.collect::<Vec<_>>() {
        assert_eq!(login.await.unwrap().status, StatusCode::SEE_OTHER);
    }

    assert_eq!(world.provider.calls(Endpoint::Keys), 1);
    assert_eq!(world.provider.calls(Endpoint::Metadata), 1);
}
