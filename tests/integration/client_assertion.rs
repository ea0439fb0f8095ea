//! `private_key_jwt`: the client shows itself with a JWT that its private key has signed.

use std::collections::BTreeSet;

use keycard::dev::{self, Endpoint, Fault};
use keycard::{Auth, AuthBuilder};
use serde_json::{Value, json};

use crate::support::{
    Browser, Ending, SITE, TestKey, World, app, fresh_secret, now, pem, provider_with, row, who,
};

const BASIC: &str = "client_secret_basic";
const POST: &str = "client_secret_post";
const BY_KEY: &str = "private_key_jwt";

/// The key as a JWK, which says its own `kid` and `alg`.
fn jwk(key: &TestKey) -> String {
    key.private_texts().pop().unwrap()
}

/// A provider that knows its client by the public half of this key.
async fn provider_of(key: &TestKey) -> dev::Provider {
    let public = key.jwk();
    provider_with("google", |builder| builder.client_key(public)).await
}

/// A world in which the client has this text for a key, and the provider the key's public half.
async fn world_of(
    key: &TestKey,
    text: &str,
    change: impl FnOnce(AuthBuilder) -> AuthBuilder,
) -> World {
    let with_key = |builder: AuthBuilder| change(builder.set("auth.google.private_key", text));
    World::around(provider_of(key).await, with_key)
}

/// The ways in which the last token request said who the client is.
fn ways(provider: &dev::Provider) -> Vec<&'static str> {
    let request = provider.last_request(Endpoint::Token).unwrap();
    let sent = |name: &str| request.parameter(name).is_some();
    let mut ways = Vec::new();
    if request.authorization().is_some() {
        ways.push(BASIC);
    }
    if sent("client_secret") {
        ways.push(POST);
    }
    if sent("client_assertion") || sent("client_assertion_type") {
        ways.push(BY_KEY);
    }
    ways
}

/// The assertion of the last token request, and its header and claims.
fn assertion(provider: &dev::Provider) -> (String, Value, Value) {
    let request = provider.last_request(Endpoint::Token).unwrap();
    let assertion = request.parameter("client_assertion").unwrap().to_owned();
    let parts: Vec<_> = assertion.split('.').collect();
    assert_eq!(parts.len(), 3);
    let [header, claims] = [parts[0], parts[1]].map(|part| {
        let bytes = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(part).unwrap();
        serde_json::from_slice(&bytes).unwrap()
    });
    (assertion, header, claims)
}

#[tokio::test]
async fn tok_02_the_client_shows_one_thing_the_first_that_it_has_and_the_provider_takes() {
    let key = TestKey::new("ES256");
    let text = jwk(&key);
    for (offered, has_secret, has_key, given, expected) in [
        (json!([POST]), true, false, None, POST),
        (json!([BASIC, POST]), true, false, None, BASIC),
        (json!([BASIC, POST, BY_KEY]), true, true, None, BASIC),
        (json!([BY_KEY, POST]), true, true, None, POST),
        (json!([BY_KEY]), true, true, None, BY_KEY),
        (json!(["tls_client_auth", BY_KEY]), true, true, None, BY_KEY),
        (json!([BASIC, POST]), true, true, Some(BY_KEY), BY_KEY),
        (json!([BY_KEY]), true, true, Some(POST), POST),
        (json!([BY_KEY]), false, true, None, BY_KEY),
        // There is nothing else that it could show.
        (json!([BASIC, POST]), false, true, None, BY_KEY),
        (json!(null), false, true, None, BY_KEY),
        (
            json!(["tls_client_auth"]),
            false,
            true,
            Some(BY_KEY),
            BY_KEY,
        ),
    ] {
        row(&format!("{offered} {has_secret} {has_key} {given:?}"));
        let provider = match expected {
            BY_KEY => provider_of(&key).await,
            _ => provider_with("google", |builder| builder).await,
        };
        let secret = provider.client_secret().to_owned();
        let world = World::around(provider, |mut builder| {
            if has_key {
                builder = builder.set("auth.google.private_key", text.as_str());
            }
            if has_secret {
                builder = builder.set("auth.google.client_secret", secret.as_str());
            }
            if let Some(given) = given {
                builder = builder.set("auth.google.token_endpoint_auth_method", given);
            }
            builder
        });
        let patch = json!({ "token_endpoint_auth_methods_supported": offered });
        world.provider.misbehave(Fault::Metadata(patch));

        world.logged_in("alice").await;

        assert_eq!(ways(&world.provider), [expected]);
    }
}

#[tokio::test]
async fn tok_02_a_provider_that_takes_nothing_we_have_is_refused_before_the_browser_leaves() {
    let key = TestKey::new("ES256");
    let text = jwk(&key);
    for (offered, has_key, log) in [
        (
            json!([BY_KEY]),
            false,
            "it accepts private_key_jwt, and the section has no private_key",
        ),
        (
            json!(["tls_client_auth"]),
            true,
            "it accepts neither client_secret_basic nor client_secret_post nor private_key_jwt",
        ),
    ] {
        row(&offered.to_string());
        let world = World::with(|builder| match has_key {
            true => builder.set("auth.google.private_key", text.as_str()),
            false => builder,
        })
        .await;
        let patch = json!({ "token_endpoint_auth_methods_supported": offered });
        world.provider.misbehave(Fault::Metadata(patch));

        world
            .refuses_start(&mut world.browser(), 502, "metadata_invalid", log)
            .await;
    }
}

#[tokio::test]
async fn an_assertion_says_who_asks_whom_and_when_and_nothing_else() {
    let key = TestKey::new("ES256");
    let world = world_of(&key, &key.private_texts()[0], |builder| {
        builder.set("auth.google.key_id", key.id.as_str())
    })
    .await;
    let mut ids = BTreeSet::new();
    for seconds in [0, 86_400, -86_400] {
        row(&seconds.to_string());
        world.clock.turn(seconds);
        world.provider.turn_clock(seconds);

        world.logged_in("alice").await;

        let (whole, header, claims) = assertion(&world.provider);
        let kid = key.id.as_str();
        assert_eq!(header, json!({ "alg": "ES256", "kid": kid, "typ": "JWT" }));
        let (id, provider) = (world.provider.client_id(), &world.provider);
        let issued = claims["iat"].as_i64().unwrap();
        assert!((0..=5).contains(&(now() + seconds - issued)), "{claims}");
        let jti = claims["jti"].as_str().unwrap();
        assert_eq!(
            claims,
            json!({
                "iss": id, "sub": id, "aud": provider.issuer(),
                "iat": issued, "exp": issued + 60, "jti": jti,
            })
        );
        let random = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(jti).unwrap();
        assert_eq!(random.len() * 8, 128);
        assert!(ids.insert(jti.to_owned()), "{jti} once more");

        let request = provider.last_request(Endpoint::Token).unwrap();
        let names: BTreeSet<_> = request.parameters().iter().map(|(it, _)| &**it).collect();
        let expected = [
            "client_assertion",
            "client_assertion_type",
            "client_id",
            "code",
            "code_verifier",
            "grant_type",
            "redirect_uri",
        ];
        assert_eq!(names, expected.into());
        assert_eq!(
            request.parameter("client_assertion_type"),
            Some("urn:ietf:params:oauth:client-assertion-type:jwt-bearer")
        );
        assert!(!world.logs.everything().contains(&whole));
    }
}

#[tokio::test]
async fn every_kind_of_key_logs_in_however_it_is_written() {
    for (kind, algorithm) in [
        ("ES256", "ES256"),
        ("ES384", "ES384"),
        ("EdDSA", "EdDSA"),
        ("RS256", "RS256"),
        // The JWK says so; a PEM says nothing.
        ("PS384", "PS384"),
    ] {
        let key = TestKey::new(kind);
        let provider = provider_of(&key).await;
        let texts = key.private_texts();
        let pem = &texts[0];
        let written = [
            // As people have it in a variable, and between three quotes.
            pem.trim_end().replace('\n', "\\n"),
            pem.replace('\n', "\r\n    "),
            format!("Bag Attributes\n    friendlyName: mine\n{pem}\n"),
        ];
        for text in texts.iter().chain(&written) {
            row(&format!("{kind} {}", &text[..12]));
            let is_jwk = text.starts_with('{');
            let world = World::around(provider.clone(), |builder| {
                let builder = builder.set("auth.google.private_key", text.as_str());
                match is_jwk {
                    true => builder,
                    false => builder
                        .set("auth.google.key_id", key.id.as_str())
                        .set("auth.google.token_endpoint_auth_signing_alg", algorithm),
                }
            });

            world.logged_in("alice").await;

            let (_, header, _) = assertion(&world.provider);
            let kid = key.id.as_str();
            assert_eq!(
                header,
                json!({ "alg": algorithm, "kid": kid, "typ": "JWT" })
            );
        }
    }
}

#[tokio::test]
async fn an_rsa_key_signs_with_what_the_file_says_else_what_the_metadata_names_else_rs256() {
    let key = TestKey::new("RS256");
    let mut bare: Value = serde_json::from_str(&jwk(&key)).unwrap();
    bare.as_object_mut().unwrap().remove("alg");
    for (given, named, expected) in [
        (None, json!(null), "RS256"),
        (None, json!(["ES256"]), "RS256"),
        (None, json!(["PS256", "ES256"]), "PS256"),
        (None, json!(["PS256", "RS256"]), "RS256"),
        (None, json!(["PS512"]), "PS512"),
        (Some("PS256"), json!(["RS256"]), "PS256"),
        (Some("RS512"), json!(null), "RS512"),
    ] {
        row(&format!("{given:?} {named}"));
        let world = world_of(&key, &bare.to_string(), |builder| match given {
            Some(given) => builder.set("auth.google.token_endpoint_auth_signing_alg", given),
            None => builder,
        })
        .await;
        let patch = json!({ "token_endpoint_auth_signing_alg_values_supported": named });
        world.provider.misbehave(Fault::Metadata(patch));

        world.logged_in("alice").await;

        assert_eq!(assertion(&world.provider).1["alg"], expected);
    }
}

#[tokio::test]
async fn a_key_that_the_provider_does_not_know_is_told_to_whoever_runs_the_app() {
    let [key, other] = [TestKey::new("ES256"), TestKey::new("ES256")];
    let text = jwk(&other);
    let world = world_of(&key, &text, |builder| builder).await;
    let ending = Ending {
        status: 502,
        code: "client_refused",
        log: "client_id, client_secret or private_key was refused (invalid_client)",
        calls: [1, 0],
    };

    let answer = world
        .refuses_spoilt(
            &mut world.browser(),
            |_| Fault::Userinfo(json!({})),
            &ending,
        )
        .await;

    let (assertion, ..) = assertion(&world.provider);
    let private = serde_json::from_str::<Value>(&text).unwrap()["d"].clone();
    for secret in [assertion.as_str(), private.as_str().unwrap()] {
        assert!(!world.logs.everything().contains(secret));
        assert!(!answer.body.contains(secret));
    }
    let shown = format!("{:?} {:#?}", world.auth, world.auth);
    assert!(!shown.contains(private.as_str().unwrap()), "{shown}");
}

#[tokio::test]
async fn a_changed_key_logs_nobody_out_and_ends_no_login() {
    let [older, newer] = [TestKey::new("ES256"), TestKey::new("EdDSA")];
    let provider = provider_of(&newer).await;
    let cookie_secret = fresh_secret();
    let app_with = |key: &TestKey| {
        let auth = Auth::builder()
            .toml(&provider.secrets())
            .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
            .set("auth.cookie_secret", cookie_secret.as_str())
            .set("auth.google.private_key", jwk(key))
            .build()
            .unwrap();
        app(&auth)
    };
    let (before, after) = (app_with(&older), app_with(&newer));

    let mut browser = Browser::new(&before, SITE);
    let callback = browser.way_back(&provider, "alice").await;
    let mut there = Browser::new(&after, SITE);
    there.jar = browser.jar.clone();
    assert_eq!(there.follow(&callback).await.location(), "/");

    let mut back = Browser::new(&before, SITE);
    back.jar = there.jar.clone();
    assert!(who(&mut back).await.starts_with("alice"));
}

/// What is said of a section with this key, and that it is no part of the key.
fn said_of(text: &str) -> String {
    let built = Auth::builder()
        .toml(
            "[auth.google]\nclient_id = \"an-id\"\n\
             server_metadata_url = \"https://id.example/.well-known/openid-configuration\"\n",
        )
        .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
        .set("auth.cookie_secret", fresh_secret())
        .set("auth.google.private_key", text)
        .build();
    let Err(error) = built else {
        return String::new();
    };
    let said = format!("{error} {error:#} {error:?}");
    for line in text.lines().filter(|line| line.len() > 15) {
        assert!(!said.contains(line), "{said}");
    }
    error
        .to_string()
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ")
}

/// RSA of 1024 bits, made for this test; nobody's, and far too short to be.
const SHORT: &str = "\
MIICXAIBAAKBgQDRKnsWlO5q27ebaZfYFDOVV8wLfiwSf/iiAbCSYhmoERhFUT5tObOGzDojEVcskSxSIqLdLjqoGf\
k1biQNh8SPgx6P07YYkuaVvfLI2CY0KJ5S1NWJf4bTm3wSGBD/iMsgbHG5R3VpY0dNNMgAc2PQ70RM0mu1MhRu7loV\
1khZkwIDAQABAoGAQqMFCeGyv0p2iUWvwYBWGrsY34R36ADrJjnhlhE42Ulw8Qx8FfIvFr/Tub5ZhnJNq3Erb8m9mD\
aGJZaMV98sKHS0v8xkhVfaazQbJT5uZD6ZSy2un5WuvW/+gFOggi05eQfmFqVqiJDPv5c/sSKeuhkh+Y3DeQ58aQ6Z\
LCuJbiECQQD3xVS9V8NU9ATFzrxHtGdld7T84T7T2RqrjYWwk/CmCcesdnBoJoBRDOqz7fV0+inqHwffxPCLZPC2GA\
c03yvDAkEA2Bzpgyt2/gVcpQfYHchw4KgiMMByyQcawn4r28yvLb+jpgkbyC564FJJ/k3YNFOZHiIC/5xyTlBaMkvb\
S/fN8QJAL2bHMXoq2oPcreNBTg6LgXQHYiHNnUX5vjxTCVckQP+5/ZqjIqnK/raT6FxsCzcY8buCDCNnSaPEEXJDXr\
AbdQJAXgU2Ejr2qczrYWDoRQzPDu4W8d7IEW1l1vfNXPLPw7d8GuAblhuimbUzO8/iH+G+270wUMRfdnK+yuL1pTdK\
AQJBAOXiozWGoseOyDnCqVMyQqB7bf1Nce5iPxgzApp32WYPfvjvixkrs1LYphd1sUhvN/EFfg/K40cE3srloQDMzw\
8=";

#[test]
fn what_is_no_private_key_is_a_mistake_that_says_what_it_is() {
    let key = TestKey::new("ES256");
    let [public, _] = key.public_der();
    let texts = key.private_texts();
    assert_eq!(said_of(&texts[0]), "");
    let members: Value = serde_json::from_str(&texts[2]).unwrap();
    let with = |name: &str, value: Value| {
        let mut changed = members.clone();
        changed[name] = value;
        changed.to_string()
    };
    let other: Value = serde_json::from_str(&jwk(&TestKey::new("ES256"))).unwrap();
    let short = base64_simd::STANDARD.decode_to_vec(SHORT).unwrap();
    let is_public = "it is a public key write the private one; the public one is for the provider";
    let unreadable = "it is neither a PEM nor a JWK of a private key write the text of one";
    for (text, expected) in [
        (pem("PUBLIC KEY", &public), is_public),
        (pem("RSA PUBLIC KEY", &public), is_public),
        (pem("CERTIFICATE", &public), is_public),
        (key.jwk().to_string(), is_public),
        (
            pem("ENCRYPTED PRIVATE KEY", &public),
            "it is encrypted decrypt it, with `openssl pkey -in key.pem",
        ),
        (
            texts[1].replacen(
                "-----\n",
                "-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\n",
                1,
            ),
            "it is encrypted",
        ),
        (
            pem("RSA PRIVATE KEY", &short),
            "an RSA key has 2048 to 8192 bits make a new one",
        ),
        ("<from the provider>".to_owned(), "it is not filled in"),
        (
            "-----BEGIN PRIVATE KEY-----\n...\n-----END PRIVATE KEY-----".to_owned(),
            "it is not filled in",
        ),
        ("/etc/keycard/app.pem".to_owned(), unreadable),
        (String::new(), unreadable),
        (texts[0].replace("-----END", "--END"), unreadable),
        (texts[0].replace("\nM", "\n?M"), unreadable),
        (pem("PRIVATE KEY", &public), unreadable),
        (pem("PRIVATE KEY", &short[..200]), unreadable),
        (pem("OPENSSH PRIVATE KEY", &public), unreadable),
        // Two halves of two keys, another curve, a secret, what is no JWK.
        (with("d", other["d"].clone()), unreadable),
        (with("crv", json!("P-384")), unreadable),
        (with("crv", json!("secp256k1")), unreadable),
        (with("alg", json!("RS256")), unreadable),
        (with("alg", json!("HS256")), unreadable),
        (with("alg", json!("none")), unreadable),
        (with("d", json!(7)), unreadable),
        (with("kty", json!("RSA")), unreadable),
        (
            json!({ "kty": "oct", "k": "c2VjcmV0c2VjcmV0c2VjcmV0" }).to_string(),
            unreadable,
        ),
        (json!({ "keys": [members] }).to_string(), unreadable),
        ("{ not json".to_owned(), unreadable),
    ] {
        row(&text.chars().take(40).collect::<String>());
        let said = said_of(&text);
        assert!(said.contains("invalid `auth.google.private_key`"), "{said}");
        assert!(said.contains(expected), "{said}");
    }
}
