//! What an ID token must be for anybody to be logged in by it. Every token here is the right one
//! for the login under way but for one thing.

use std::time::SystemTime;

use aws_lc_rs::digest::{self, SHA256, SHA384, SHA512};
use aws_lc_rs::hmac;
use keycard::dev::{Endpoint, Fault};
use keycard::{Auth, User};
use serde_json::{Value, json};

use crate::support::{
    Ending, Forge, SITE, Shelf, TestKey, World, base64url, fresh_secret, honest, now, provider,
    relative, routes, row, telling_app, who,
};

/// One way to spoil a header and claims that are right.
type Spoil = fn(&mut Value, &mut Value);

/// What the log says of a token of more than 64 KB.
const TOO_LONG: &str = "its id_token is not a token";

async fn refuses_table(forge: &mut Forge, table: &[(&str, &str, Spoil)]) {
    for (name, check, spoil) in table {
        row(name);
        forge
            .refuses(check, |key, mut header, mut claims| {
                spoil(&mut header, &mut claims);
                key.sign(&header, &claims)
            })
            .await;
    }
}

async fn accepts_table(forge: &Forge, table: &[(&str, Spoil)]) {
    for (name, spoil) in table {
        row(name);
        forge
            .accepts(|key, mut header, mut claims| {
                spoil(&mut header, &mut claims);
                key.sign(&header, &claims)
            })
            .await;
    }
}

/// The hash of an access token that goes with an algorithm (OpenID Connect Core §3.1.3.6).
fn at_hash(algorithm: &str, access_token: &str) -> String {
    let hash = match &algorithm[2..] {
        "256" => &SHA256,
        "384" => &SHA384,
        _ => &SHA512,
    };
    let digest = digest::digest(hash, access_token.as_bytes());
    base64url(&digest.as_ref()[..digest.as_ref().len() / 2])
}

fn hs256(key: &[u8], header: &Value, claims: &Value) -> String {
    let message = format!(
        "{}.{}",
        base64url(header.to_string()),
        base64url(claims.to_string())
    );
    let key = hmac::Key::new(hmac::HMAC_SHA256, key);
    let signature = base64url(hmac::sign(&key, message.as_bytes()));
    format!("{message}.{signature}")
}

#[tokio::test]
async fn idt_01_every_advertised_algorithm_logs_in_and_its_at_hash_is_checked() {
    for algorithm in [
        "ES256", "ES384", "ES512", "EdDSA", "PS256", "PS384", "PS512", "RS256", "RS384", "RS512",
    ] {
        row(algorithm);
        let mut forge = Forge::anonymous(algorithm, |builder| builder).await;
        forge.advertise(json!([algorithm])).await;

        let access_token = base64url([7; 32]);
        forge
            .accepts_fault(|key, header, mut claims| {
                claims["at_hash"] = at_hash(algorithm, &access_token).into();
                let id_token = key.sign(&header, &claims);
                Fault::Token(json!({ "id_token": id_token, "access_token": access_token }))
            })
            .await;
        forge
            .refuses("at_hash", |key, header, mut claims| {
                claims["at_hash"] = at_hash(algorithm, &access_token).into();
                key.sign(&header, &claims)
            })
            .await;
    }
}

#[tokio::test]
async fn idt_01_a_provider_that_names_no_algorithm_signs_with_rs256() {
    let mut forge = Forge::anonymous("RS256", |builder| builder).await;
    forge.advertise(Value::Null).await;
    forge.accepts(honest).await;
    let es256 = TestKey::new("ES256");
    forge.shelf.put(&json!({ "keys": [es256.jwk()] }));

    forge
        .refuses("alg", |_, _, claims| es256.sign(&es256.header(), &claims))
        .await;
}

#[tokio::test]
async fn idt_02_a_changed_token_or_the_signature_of_another_is_refused() {
    let mut forge = Forge::new().await;
    forge.accepts(honest).await;
    let signature = |token: &str| token.rsplit_once('.').unwrap().1.to_owned();

    forge
        .refuses("signature", |key, header, claims| {
            let token = key.sign(&header, &claims);
            let mut other = claims;
            other["name"] = "Mallory".into();
            let (message, _) = token.rsplit_once('.').unwrap();
            format!("{message}.{}", signature(&key.sign(&header, &other)))
        })
        .await;
    forge
        .refuses("signature", |key, header, claims| {
            let token = key.sign(&header, &claims);
            let mut segments = token.split('.');
            let (head, signature) = (segments.next().unwrap(), segments.nth(1).unwrap());
            let mut other = claims;
            other["sub"] = "bob".into();
            format!("{head}.{}.{signature}", base64url(other.to_string()))
        })
        .await;
    forge
        .refuses("signature", |key, header, claims| {
            let token = key.sign(&header, &claims);
            let (message, _) = token.rsplit_once('.').unwrap();
            format!("{message}.")
        })
        .await;
    // A header that was changed after it was signed, though it says nothing wrong.
    forge
        .refuses("signature", |key, header, claims| {
            let token = key.sign(&header, &claims);
            let (_, rest) = token.split_once('.').unwrap();
            let mut other = header;
            other.as_object_mut().unwrap().remove("typ");
            format!("{}.{rest}", base64url(other.to_string()))
        })
        .await;
}

#[tokio::test]
async fn idt_02_a_token_signed_with_a_key_that_nobody_publishes_is_refused() {
    let mut forge = Forge::new().await;
    let stranger = TestKey::new("ES256");

    forge
        .refuses("signature", |_, header, claims| {
            stranger.sign(&header, &claims)
        })
        .await;
}

#[tokio::test]
async fn idt_03_alg_none_and_whatever_is_no_algorithm_is_refused() {
    let mut forge = Forge::new().await;
    for alg in [
        json!("none"),
        json!("None"),
        json!("nOnE"),
        json!("NONE"),
        json!(""),
        json!("es256"),
        json!("ES256 "),
        json!("ES256\0"),
        json!(256),
        json!(null),
        json!(["ES256"]),
        json!({ "ES256": true }),
    ] {
        row(&alg.to_string());
        forge
            .refuses("alg", |key, mut header, claims| {
                header["alg"] = alg.clone();
                key.sign(&header, &claims)
            })
            .await;
        forge
            .refuses("alg", |_, mut header, claims| {
                header["alg"] = alg.clone();
                let header = base64url(header.to_string());
                format!("{header}.{}.", base64url(claims.to_string()))
            })
            .await;
    }
    refuses_table(
        &mut forge,
        &[("no alg", "alg", |header, _| {
            header.as_object_mut().unwrap().remove("alg");
        })],
    )
    .await;
}

#[tokio::test]
async fn idt_04_an_algorithm_that_the_provider_does_not_advertise_is_refused() {
    let mut forge = Forge::new().await;
    let others: Vec<_> = ["ES384", "EdDSA", "RS256"].map(TestKey::new).into();
    let mut keys = forge.world.provider.jwks();
    let set = keys["keys"].as_array_mut().unwrap();
    set.extend(others.iter().map(TestKey::jwk));
    forge.shelf.put(&keys);

    for other in &others {
        row(&other.id);
        forge
            .refuses("alg", |_, _, claims| other.sign(&other.header(), &claims))
            .await;
    }
}

#[tokio::test]
async fn idt_04_a_key_is_good_for_its_own_algorithm_alone() {
    let mut forge = Forge::anonymous("RS256", |builder| builder).await;
    forge
        .advertise(json!(["RS256", "PS256", "RS512", "ES256", "RS1"]))
        .await;
    forge.accepts(honest).await;
    for (algorithm, check) in [("PS256", "kid"), ("RS512", "kid")] {
        row(algorithm);
        forge
            .refuses(check, |key, mut header, claims| {
                header["alg"] = algorithm.into();
                let (header, payload) =
                    (base64url(header.to_string()), base64url(claims.to_string()));
                let message = format!("{header}.{payload}");
                let signature = key.signature_by(algorithm, message.as_bytes());
                format!("{message}.{}", base64url(signature))
            })
            .await;
    }
    refuses_table(
        &mut forge,
        &[
            ("an algorithm of another kind of key", "kid", |header, _| {
                header["alg"] = "ES256".into();
            }),
            ("SHA-1", "alg", |header, _| header["alg"] = "RS1".into()),
        ],
    )
    .await;
}

#[tokio::test]
async fn idt_05_a_public_key_is_no_hmac_key() {
    for algorithm in ["RS256", "ES256"] {
        // By default, though the metadata offers it; and where the section asks for HS256.
        for check in ["alg", "signature"] {
            let mut forge = Forge::anonymous(algorithm, |builder| match check {
                "alg" => builder,
                _ => builder.set("auth.google.id_token_signed_response_alg", "HS256"),
            })
            .await;
            forge.advertise(json!([algorithm, "HS256"])).await;
            for (name, material) in public_forms(&forge.key) {
                row(&format!("{algorithm} as {name}, {check}"));
                forge
                    .refuses(check, |_, mut header, claims| {
                        header["alg"] = "HS256".into();
                        hs256(&material, &header, &claims)
                    })
                    .await;
            }
        }
    }
}

/// A public key as the bytes that a careless verifier may take for a secret.
fn public_forms(key: &TestKey) -> Vec<(&'static str, Vec<u8>)> {
    let [whole, alone] = key.public_der();
    let pem = |label: &str, der: &[u8], end: &str| {
        let body = base64_simd::STANDARD.encode_to_string(der);
        let lines: Vec<_> = body
            .as_bytes()
            .chunks(64)
            .map(|line| std::str::from_utf8(line).unwrap())
            .collect();
        format!(
            "-----BEGIN {label}-----\n{}\n-----END {label}-----{end}",
            lines.join("\n")
        )
        .into_bytes()
    };
    let jwk = key.jwk();
    let largest = jwk.get("n").or(jwk.get("x")).unwrap().as_str().unwrap();
    vec![
        ("PEM", pem("PUBLIC KEY", &whole, "\n")),
        ("PEM without a last line end", pem("PUBLIC KEY", &whole, "")),
        ("PKCS #1 PEM", pem("RSA PUBLIC KEY", &alone, "\n")),
        ("DER", whole),
        ("PKCS #1 DER", alone),
        ("JWK", jwk.to_string().into_bytes()),
        (
            "modulus or point",
            base64_simd::URL_SAFE_NO_PAD.decode_to_vec(largest).unwrap(),
        ),
        ("modulus or point as text", largest.as_bytes().to_vec()),
    ]
}

#[tokio::test]
async fn idt_06_hs256_counts_only_where_the_section_names_it() {
    let mut by_default = Forge::new().await;
    let secret = by_default.world.provider.client_secret().to_owned();
    by_default
        .refuses("alg", |_, _, claims| {
            hs256(secret.as_bytes(), &json!({ "alg": "HS256" }), &claims)
        })
        .await;

    let mut configured = Forge::anonymous("ES256", |builder| {
        builder.set("auth.google.id_token_signed_response_alg", "HS256")
    })
    .await;
    let secret = configured.world.provider.client_secret().to_owned();
    let header = json!({ "alg": "HS256", "typ": "JWT" });
    configured
        .accepts(|_, _, claims| hs256(secret.as_bytes(), &header, &claims))
        .await;
    assert_eq!(configured.shelf.calls(), 0, "no key set is needed");
    for (name, wrong) in [
        ("an empty key", String::new()),
        ("half the secret", secret[..secret.len() / 2].to_owned()),
        ("another secret", fresh_secret()),
    ] {
        row(name);
        configured
            .refuses("signature", |_, _, claims| {
                hs256(wrong.as_bytes(), &header, &claims)
            })
            .await;
    }
    configured.refuses("alg", honest).await;
}

#[tokio::test]
async fn idt_06_hs256_with_a_short_client_secret_does_not_start() {
    let provider = provider("google").await;
    for secret in ["", "a-client-secret-of-31-bytes-000"] {
        let built = Auth::builder()
            .toml(&provider.secrets())
            .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
            .set("auth.cookie_secret", fresh_secret())
            .set("auth.google.client_secret", secret)
            .set("auth.google.id_token_signed_response_alg", "HS256")
            .build();

        let text = built.unwrap_err().to_string();
        assert!(
            text.contains("HS256 needs a client_secret of 32 bytes or more"),
            "{text}"
        );
    }
}

#[tokio::test]
async fn idt_07_a_key_that_the_token_brings_along_is_neither_used_nor_fetched() {
    let mut forge = Forge::new().await;
    let attacker = TestKey::new("ES256");
    let stranger = Shelf::with(&json!({ "keys": [attacker.jwk()] })).await;
    let members = [
        ("jwk", attacker.jwk()),
        ("jku", json!(stranger.url("127.0.0.1"))),
        ("x5u", json!(stranger.url("127.0.0.1"))),
        (
            "x5c",
            json!([base64_simd::STANDARD.encode_to_string(&attacker.public_der()[0])]),
        ),
    ];
    for (name, value) in &members {
        for kid in [Some(forge.key.id.clone()), None] {
            row(&format!("{name} with kid {kid:?}"));
            forge
                .refuses("signature", |_, mut header, claims| {
                    header[name] = value.clone();
                    match &kid {
                        Some(kid) => header["kid"] = kid.as_str().into(),
                        None => drop(header.as_object_mut().unwrap().remove("kid")),
                    }
                    attacker.sign(&header, &claims)
                })
                .await;
        }
        // Beside a signature of the provider's own they are only words.
        forge
            .accepts(|key, mut header, claims| {
                header[name] = value.clone();
                key.sign(&header, &claims)
            })
            .await;
    }
    assert_eq!(stranger.calls(), 0);
}

#[tokio::test]
async fn idt_08_a_header_that_changes_the_meaning_is_refused() {
    let mut forge = Forge::new().await;
    for (name, value) in [
        ("crit", json!(["x"])),
        ("crit", json!([])),
        ("crit", json!(["exp"])),
        ("crit", json!(null)),
        ("b64", json!(false)),
        ("b64", json!(true)),
    ] {
        row(&format!("{name} {value}"));
        forge
            .refuses("header", |key, mut header, claims| {
                header[name] = value;
                key.sign(&header, &claims)
            })
            .await;
    }
    // As RFC 7797 has it, with a payload that is not encoded.
    forge
        .refuses("header", |key, mut header, _| {
            header["crit"] = json!(["b64"]);
            header["b64"] = json!(false);
            key.sign_encoded(&base64url(header.to_string()), r#"{"sub":"alice"}"#)
        })
        .await;
}

#[tokio::test]
async fn idt_09_another_issuer_is_refused_to_the_byte() {
    let mut forge = Forge::new().await;
    let issuer = forge.world.provider.issuer().to_owned();
    for iss in [
        json!("https://accounts.example.com"),
        json!(format!("{issuer}/")),
        json!(format!("{issuer}0")),
        json!(&issuer[..issuer.len() - 1]),
        json!(&issuer[1..]),
        json!(issuer.to_uppercase()),
        json!(issuer.replace("http", "HTTP")),
        json!(issuer.replace("http", "https")),
        json!(issuer.replace("127.0.0.1", "127.0.0.\u{0661}")),
        json!(issuer.replace("127.0.0.1", "localhost")),
        json!(format!(" {issuer}")),
        json!(format!("{issuer}\0")),
        json!([issuer]),
        json!({ "iss": issuer }),
        json!(null),
        json!(""),
        json!(1),
    ] {
        row(&iss.to_string());
        forge
            .refuses("iss", |key, header, mut claims| {
                claims["iss"] = iss;
                key.sign(&header, &claims)
            })
            .await;
    }
    refuses_table(
        &mut forge,
        &[("no iss", "iss", |_, claims| {
            claims.as_object_mut().unwrap().remove("iss");
        })],
    )
    .await;
}

#[tokio::test]
async fn idt_10_a_token_of_another_provider_is_refused_both_ways() {
    let [a, b] = [provider("a").await, provider("b").await];
    let secrets = b.secrets();
    let mut world = World::around(a.clone(), |builder| builder.toml(&secrets));
    // Both key sets are cached.
    for provider in [&a, &b] {
        world.browser().log_in(provider, "alice").await;
    }

    for (at, other) in [(&a, &b), (&b, &a)] {
        world.provider = at.clone();
        let mut browser = world.logged_in("bob").await;
        let header = json!({ "alg": "ES256", "kid": other.signing_key_id() });
        let ending = |log| Ending {
            status: 502,
            code: "id_token_refused",
            log,
            calls: [1, 0],
        };
        // Exactly what the other one would say, with its own key: unknown here.
        let genuine = |url: &str| {
            let mut claims = world.claims(url);
            claims["iss"] = other.issuer().into();
            claims["aud"] = other.client_id().into();
            Fault::IdToken(other.sign(header.clone(), claims))
        };
        world
            .refuses_spoilt(&mut browser, genuine, &ending("refused: kid: "))
            .await;
        // The same signed with the right key: one provider must not speak for another.
        let signed_here = |url: &str| {
            let mut claims = world.claims(url);
            claims["iss"] = other.issuer().into();
            Fault::IdToken(at.sign(world.header(), claims))
        };
        world
            .refuses_spoilt(&mut browser, signed_here, &ending("refused: iss: "))
            .await;
    }
}

#[tokio::test]
async fn idt_11_a_token_for_somebody_else_is_refused() {
    let mut forge = Forge::new().await;
    let us = forge.world.provider.client_id().to_owned();
    let others: Vec<_> = (0..2000).map(|index| format!("other{index}")).collect();
    for aud in [
        json!("another-client"),
        json!([]),
        json!(["another-client"]),
        json!(format!("{us}x")),
        json!(format!("x{us}")),
        json!(&us[..us.len() - 1]),
        json!(us.to_uppercase()),
        json!(format!("{us} another-client")),
        json!(format!("[\"{us}\"]")),
        json!([[us]]),
        json!([us, 5]),
        json!([us, null]),
        json!({ "aud": us }),
        json!(5),
        json!(null),
        json!(""),
        json!(others),
    ] {
        row(&aud.to_string().chars().take(60).collect::<String>());
        forge
            .refuses("aud", |key, header, mut claims| {
                claims["aud"] = aud;
                key.sign(&header, &claims)
            })
            .await;
    }
    refuses_table(
        &mut forge,
        &[("no aud", "aud", |_, claims| {
            claims.as_object_mut().unwrap().remove("aud");
        })],
    )
    .await;
    // More than 64 KB is not even read.
    forge
        .refuses_as(
            "token_answer_invalid",
            TOO_LONG,
            |key, header, mut claims| {
                claims["aud"] = (0..5000).map(|_| json!(us)).collect();
                key.sign(&header, &claims)
            },
        )
        .await;
    let of_100_000 = |key: &TestKey, header: Value, mut claims: Value| {
        claims["aud"] = (0..100_000).map(|_| json!(us)).collect();
        key.sign(&header, &claims)
    };
    forge
        .refuses_as("provider_unreachable", "over 256 KB", of_100_000)
        .await;
}

#[tokio::test]
async fn idt_12_more_audiences_need_an_azp_that_is_us() {
    let mut forge = Forge::new().await;
    let us = forge.world.provider.client_id().to_owned();
    for (aud, azp) in [
        (json!([us, "other"]), None),
        (json!(["other", us]), None),
        (json!([us, "other"]), Some(json!("other"))),
        (json!(us), Some(json!("other"))),
        (json!([us]), Some(json!("other"))),
        (json!([us, "other"]), Some(json!([us]))),
        (json!([us, "other"]), Some(json!(null))),
        (json!(us), Some(json!(null))),
        (json!(us), Some(json!(""))),
        (json!([us, "other"]), Some(json!(format!("{us} ")))),
    ] {
        row(&format!("{aud} {azp:?}"));
        forge
            .refuses("azp", |key, header, mut claims| {
                claims["aud"] = aud;
                if let Some(azp) = azp {
                    claims["azp"] = azp;
                }
                key.sign(&header, &claims)
            })
            .await;
    }
    for (aud, azp) in [
        (json!([us]), None),
        (json!(us), Some(us.clone())),
        (json!([us, "other"]), Some(us.clone())),
        (json!(["other", us, "more"]), Some(us.clone())),
    ] {
        row(&format!("{aud} {azp:?}"));
        forge
            .accepts(|key, header, mut claims| {
                claims["aud"] = aud;
                if let Some(azp) = azp {
                    claims["azp"] = azp.into();
                }
                key.sign(&header, &claims)
            })
            .await;
    }
    // An azp that is us does not make up for an aud that is not.
    forge
        .refuses("aud", |key, header, mut claims| {
            claims["aud"] = json!(["other"]);
            claims["azp"] = us.as_str().into();
            key.sign(&header, &claims)
        })
        .await;
}

#[tokio::test]
async fn idt_13_a_subject_that_is_none_is_refused() {
    let mut forge = Forge::new().await;
    for sub in [
        json!(""),
        json!("x".repeat(256)),
        json!("al\u{ef}ce"),
        json!("\u{430}lice"),
        json!("alice\n"),
        json!("\u{1b}[31malice"),
        json!("alice\0"),
        json!("alice\u{7f}"),
        json!(5),
        json!(["alice"]),
        json!({ "sub": "alice" }),
        json!(true),
        json!(null),
    ] {
        row(&sub.to_string());
        forge
            .refuses("sub", |key, header, mut claims| {
                claims["sub"] = sub;
                key.sign(&header, &claims)
            })
            .await;
    }
    refuses_table(
        &mut forge,
        &[("no sub", "sub", |_, claims| {
            claims.as_object_mut().unwrap().remove("sub");
        })],
    )
    .await;
}

#[tokio::test]
async fn idt_13_a_subject_of_255_characters_is_somebody() {
    let forge = Forge::new().await;
    let longest = format!("alice of {}", "x".repeat(246));

    let mut browser = forge
        .accepts(|key, header, mut claims| {
            claims["sub"] = "alice".into();
            claims["name"] = longest.as_str().into();
            key.sign(&header, &claims)
        })
        .await;
    assert!(who(&mut browser).await.starts_with("alice of "));

    let url = browser.begin(&forge.world.provider).await;
    let mut claims = forge.world.claims(&url);
    claims["sub"] = longest.as_str().into();
    let token = forge.key.sign(&forge.key.header(), &claims);
    forge.world.provider.misbehave(Fault::IdToken(token));
    let callback = forge.world.provider.authorize(&url, "alice").unwrap();
    browser.follow(&relative(&callback)).await;

    let who = who(&mut browser).await;
    assert!(who.starts_with(&format!("{longest} of http")), "{who}");
}

#[tokio::test]
async fn idt_14_segments_and_base64_are_taken_strictly() {
    let mut forge = Forge::new().await;
    /// Makes something else of a good token.
    type Bend = fn(&str) -> String;
    fn segment(token: &str, index: usize, change: fn(&str) -> String) -> String {
        let mut segments: Vec<_> = token.split('.').map(str::to_owned).collect();
        segments[index] = change(&segments[index]);
        segments.join(".")
    }
    /// The last character with its unused bits set: another spelling of the same bytes.
    fn loose(segment: &str) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
        let (rest, last) = segment.split_at(segment.len() - 1);
        assert_ne!(segment.len() % 4, 0, "the last character has unused bits");
        let at = ALPHABET.iter().position(|c| *c == last.as_bytes()[0]);
        format!("{rest}{}", char::from(ALPHABET[at.unwrap() | 1]))
    }
    let table: &[(&str, &str, Bend)] = &[
        ("one segment", "form", |token| token.replace('.', "")),
        ("two segments", "form", |token| {
            token.rsplit_once('.').unwrap().0.to_owned()
        }),
        ("four segments", "form", |token| format!("{token}.AAAA")),
        ("five segments", "form", |token| format!("{token}.AA.AA")),
        ("six segments", "form", |token| format!("{token}.A.A.A")),
        ("a dot before", "form", |token| format!(".{token}")),
        ("a dot behind", "form", |token| format!("{token}.")),
        ("no header", "header", |token| {
            segment(token, 0, |_| String::new())
        }),
        ("no payload", "signature", |token| {
            segment(token, 1, |_| String::new())
        }),
        ("no signature", "signature", |token| {
            segment(token, 2, |_| String::new())
        }),
        ("only dots", "header", |_| "..".to_owned()),
        ("header padded", "header", |token| {
            segment(token, 0, |it| format!("{it}="))
        }),
        ("signature padded", "signature", |token| {
            segment(token, 2, |it| format!("{it}=="))
        }),
        ("header in the standard alphabet", "header", |token| {
            segment(token, 0, |it| format!("{it}++//"))
        }),
        ("signature with + and /", "signature", |token| {
            segment(token, 2, |it| format!("+/{}", &it[2..]))
        }),
        ("signature with loose bits", "signature", |token| {
            segment(token, 2, loose)
        }),
        ("signature and a line end", "signature", |token| {
            segment(token, 2, |it| format!("{it}%0a"))
        }),
    ];
    for (name, check, bend) in table {
        row(name);
        forge
            .refuses(check, |key, header, claims| {
                bend(&key.sign(&header, &claims))
            })
            .await;
    }

    // Signed as they stand, so that nothing but the spelling is wrong.
    type Spell = fn(&str) -> String;
    let spellings: &[(&str, Spell)] = &[
        ("padded", |payload| {
            assert_ne!(payload.len() % 4, 0);
            format!("{payload}{}", &"=="[payload.len() % 4 - 2..])
        }),
        ("loose bits", |payload| loose(payload)),
        ("a line end", |payload| format!("{payload}%")),
    ];
    for (name, spell) in spellings {
        row(name);
        forge
            .refuses("payload", |key, header, claims| {
                let mut text = claims.to_string();
                while text.len() % 3 == 0 {
                    text.push(' ');
                }
                key.sign_encoded(&base64url(header.to_string()), &spell(&base64url(text)))
            })
            .await;
    }
}

#[tokio::test]
async fn idt_14_a_token_with_white_space_is_no_token() {
    let forge = Forge::new().await;
    let mut browser = forge.browser.clone();
    type Bend = fn(&str) -> String;
    let table: [Bend; 4] = [
        |token| format!(" {token}"),
        |token| format!("{token}\n"),
        |token| token.replacen('.', ". ", 1),
        |token| token.replacen('.', "\r\n.", 1),
    ];
    for bend in table {
        let ending = Ending {
            status: 502,
            code: "token_answer_invalid",
            log: "its id_token is not a token",
            calls: [1, 0],
        };
        let spoil = |url: &str| {
            let token = forge
                .key
                .sign(&forge.key.header(), &forge.world.claims(url));
            Fault::IdToken(bend(&token))
        };
        forge
            .world
            .refuses_spoilt(&mut browser, spoil, &ending)
            .await;
    }
}

#[tokio::test]
async fn idt_15_encrypted_nested_and_json_tokens_are_refused() {
    let mut forge = Forge::new().await;
    forge
        .refuses("form", |_, _, claims| {
            let header = json!({ "alg": "RSA-OAEP", "enc": "A256GCM" });
            let part = base64url([5; 32]);
            let claims = base64url(claims.to_string());
            format!(
                "{}.{part}.{part}.{claims}.{part}",
                base64url(header.to_string())
            )
        })
        .await;
    forge
        .refuses("payload", |key, mut header, claims| {
            let inner = key.sign(&header, &claims);
            header["cty"] = "JWT".into();
            key.sign_text(&header.to_string(), inner)
        })
        .await;
    for form in ["flattened", "general"] {
        row(form);
        forge
            .refuses("form", |key, header, claims| {
                let token = key.sign(&header, &claims);
                let segments: Vec<_> = token.split('.').collect();
                let [protected, payload, signature] = segments[..] else {
                    panic!("a token has three segments")
                };
                let signature = json!({ "protected": protected, "signature": signature });
                if form == "general" {
                    json!({ "payload": payload, "signatures": [signature] }).to_string()
                } else {
                    let mut flattened = signature;
                    flattened["payload"] = payload.into();
                    flattened.to_string()
                }
            })
            .await;
    }
}

#[tokio::test]
async fn idt_16_the_nonce_must_be_the_one_of_this_very_login() {
    let mut forge = Forge::new().await;
    for (name, check, bend) in [
        (
            "another",
            "nonce",
            (|_| json!("another")) as fn(&str) -> Value,
        ),
        ("none at all", "nonce", |_| json!(null)),
        ("empty", "nonce", |_| json!("")),
        ("in an array", "nonce", |nonce| json!([nonce])),
        ("cut", "nonce", |nonce| json!(&nonce[1..])),
        ("longer", "nonce", |nonce| json!(format!("{nonce}="))),
        ("its case changed", "nonce", |nonce| {
            let changed: String = nonce
                .chars()
                .map(|c| {
                    if c.is_ascii_lowercase() {
                        c.to_ascii_uppercase()
                    } else {
                        c.to_ascii_lowercase()
                    }
                })
                .collect();
            json!(changed)
        }),
    ] {
        row(name);
        forge
            .refuses(check, |key, header, mut claims| {
                claims["nonce"] = bend(claims["nonce"].as_str().unwrap());
                key.sign(&header, &claims)
            })
            .await;
    }
    refuses_table(
        &mut forge,
        &[("missing", "nonce", |_, claims| {
            claims.as_object_mut().unwrap().remove("nonce");
        })],
    )
    .await;
}

#[tokio::test]
async fn idt_16_a_token_of_an_earlier_login_is_refused() {
    let mut forge = Forge::new().await;
    let mut earlier = String::new();
    forge
        .accepts(|key, header, claims| {
            earlier = key.sign(&header, &claims);
            earlier.clone()
        })
        .await;

    forge.refuses("nonce", |_, _, _| earlier).await;
}

#[tokio::test]
async fn idt_17_exp_is_required_and_counts_with_the_leeway() {
    let at = SystemTime::now();
    let mut forge = Forge::anonymous("ES256", |builder| builder.clock(move || at)).await;
    let now = now_at(at);
    for (exp, iat) in [(now - 119, now - 3600), (now, now), (now + 1, now)] {
        row(&format!("{}", exp - now));
        forge.accepts(times(exp, iat)).await;
    }
    for (off, words) in [(-120, "-120 s off"), (-3600, "-3600 s off")] {
        let log = format!("the ID token's `exp` is {words} this machine's clock, of at most 120 s");
        forge
            .refuses_as("clock_differs", &log, times(now + off, now - 7200))
            .await;
    }
    refuses_table(
        &mut forge,
        &[("no exp", "exp", |_, claims| {
            claims.as_object_mut().unwrap().remove("exp");
        })],
    )
    .await;
}

#[tokio::test]
async fn idt_17_the_leeway_is_what_the_file_says() {
    let at = SystemTime::now();
    let now = now_at(at);
    for (leeway, accepted) in [(0, -1), (600, 599)] {
        let mut forge = Forge::anonymous("ES256", |builder| {
            builder
                .clock(move || at)
                .set("auth.google.clock_leeway", leeway)
        })
        .await;
        forge.accepts(times(now - accepted, now - 3600)).await;
        let log = format!("the ID token's `exp` is {} s off this", -leeway);
        forge
            .refuses_as("clock_differs", &log, times(now - leeway, now - 3600))
            .await;
    }
}

#[tokio::test]
async fn idt_18_iat_and_nbf_fit_the_clock_with_the_leeway() {
    let at = SystemTime::now();
    let mut forge = Forge::anonymous("ES256", |builder| builder.clock(move || at)).await;
    let now = now_at(at);
    let day = 24 * 3600;
    for iat in [now + 120, now, now - 3600, now - day] {
        row(&format!("iat {}", iat - now));
        forge.accepts(times(now + 3600, iat)).await;
    }
    for (iat, off) in [
        (now + 121, "121"),
        (now + day, "86400"),
        (now - day - 1, "-86401"),
        (now - 30 * day, "-2592000"),
        (0, "-"),
    ] {
        row(&format!("iat {off}"));
        let log = format!("the ID token's `iat` is {off}");
        forge
            .refuses_as("clock_differs", &log, times(now + 3600, iat))
            .await;
    }
    let nbf = |nbf: i64| {
        move |key: &TestKey, header: Value, mut claims: Value| {
            claims["nbf"] = nbf.into();
            key.sign(&header, &claims)
        }
    };
    for accepted in [now + 120, now, 0] {
        forge.accepts(nbf(accepted)).await;
    }
    let log = "the ID token's `nbf` is 121 s off this machine's clock";
    forge.refuses_as("clock_differs", log, nbf(now + 121)).await;
    refuses_table(
        &mut forge,
        &[
            ("no iat", "iat", |_, claims| {
                claims.as_object_mut().unwrap().remove("iat");
            }),
            ("negative iat", "iat", |_, claims| {
                claims["iat"] = (-1).into();
            }),
            ("negative nbf", "nbf", |_, claims| {
                claims["nbf"] = (-1).into();
            }),
        ],
    )
    .await;
}

fn now_at(time: SystemTime) -> i64 {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap();
    i64::try_from(since.as_secs()).unwrap()
}

/// A token with these times.
fn times(exp: i64, iat: i64) -> impl Fn(&TestKey, Value, Value) -> String {
    move |key, header, mut claims| {
        claims["exp"] = exp.into();
        claims["iat"] = iat.into();
        key.sign(&header, &claims)
    }
}

#[tokio::test]
async fn idt_19_a_time_of_another_type_is_never_an_absent_one() {
    let mut forge = Forge::new().await;
    for claim in ["exp", "nbf", "iat", "auth_time"] {
        for value in [
            json!((now() + 60).to_string()),
            json!(true),
            json!(null),
            json!([now() + 60]),
            json!({ "at": now() + 60 }),
            json!("2999-01-01T00:00:00Z"),
        ] {
            row(&format!("{claim} {value}"));
            forge
                .refuses(claim, |key, header, mut claims| {
                    claims[claim] = value;
                    key.sign(&header, &claims)
                })
                .await;
        }
    }
}

#[tokio::test]
async fn idt_20_absurd_times_are_refused_and_fractions_are_not() {
    let mut forge = Forge::new().await;
    for claim in ["exp", "nbf", "iat"] {
        for number in [
            "1e300",
            "-1e300",
            "1e308",
            "9007199254740993",
            "9223372036854775807",
            "9223372036854775808",
            "18446744073709551616",
            "-9223372036854775808",
            "-0.5",
            "\"NaN\"",
            "\"Infinity\"",
        ] {
            row(&format!("{claim} {number}"));
            forge
                .refuses(claim, |key, header, mut claims| {
                    claims.as_object_mut().unwrap().remove(claim);
                    let claims = claims.to_string();
                    let text = format!("{{\"{claim}\":{number},{}", &claims[1..]);
                    key.sign_text(&header.to_string(), text)
                })
                .await;
        }
        for number in ["1e400", "NaN", "Infinity", "0x7fffffff", "01"] {
            row(&format!("{claim} {number}"));
            forge
                .refuses("payload", |key, header, mut claims| {
                    claims.as_object_mut().unwrap().remove(claim);
                    let claims = claims.to_string();
                    let text = format!("{{\"{claim}\":{number},{}", &claims[1..]);
                    key.sign_text(&header.to_string(), text)
                })
                .await;
        }
    }
    forge
        .refuses_as("clock_differs", "`exp` is -", |key, header, mut claims| {
            claims["exp"] = json!(1.5);
            key.sign(&header, &claims)
        })
        .await;
    accepts_table(
        &forge,
        &[
            ("fractional exp", |_, claims| {
                claims["exp"] = json!(now() as f64 + 600.5);
            }),
            ("fractional iat and nbf", |_, claims| {
                claims["iat"] = json!(now() as f64 - 0.5);
                claims["nbf"] = json!(now() as f64 - 0.25);
            }),
            ("exp in exponent form", |_, claims| {
                claims["exp"] = json!(4e9);
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn idt_21_members_that_stand_twice_are_refused() {
    let mut forge = Forge::new().await;
    let log = |check| format!("{check}: expected a JSON object, found a member stands twice");
    for twice in [
        r#""sub":"bob""#,
        r#""s\u0075b":"bob""#,
        r#""sub":"alice""#,
        r#""nonce":"x""#,
        r#""address":{"a":1,"a":2}"#,
    ] {
        row(twice);
        forge
            .refuses_as(
                "id_token_refused",
                &log("payload"),
                |key, header, claims| {
                    let claims = claims.to_string();
                    let text = format!("{},{twice}}}", &claims[..claims.len() - 1]);
                    key.sign_text(&header.to_string(), text)
                },
            )
            .await;
    }
    for twice in [r#""alg":"none""#, r#""alg":"ES256""#, r#""kid":"other""#] {
        row(twice);
        forge
            .refuses_as("id_token_refused", &log("header"), |key, header, claims| {
                let header = header.to_string();
                let text = format!("{},{twice}}}", &header[..header.len() - 1]);
                key.sign_text(&text, claims.to_string())
            })
            .await;
    }
}

#[tokio::test]
async fn idt_21_too_many_claims_and_too_deep_ones_are_refused() {
    let mut forge = Forge::new().await;
    let nested = |depth: usize| format!("{}0{}", "[".repeat(depth), "]".repeat(depth));
    for depth in [40, 200, 10_000] {
        row(&format!("{depth} deep"));
        forge
            .refuses_as(
                "id_token_refused",
                "payload: expected a JSON object, found it is nested too deeply",
                |key, header, claims| {
                    let claims = claims.to_string();
                    let text = format!("{{\"deep\":{},{}", nested(depth), &claims[1..]);
                    key.sign_text(&header.to_string(), text)
                },
            )
            .await;
    }
    forge
        .refuses("header", |key, header, claims| {
            let header = header.to_string();
            let text = format!("{{\"deep\":{},{}", nested(10_000), &header[1..]);
            key.sign_text(&text, claims.to_string())
        })
        .await;
    forge
        .refuses_as(
            "token_answer_invalid",
            TOO_LONG,
            |key, header, mut claims| {
                for index in 0..10_000 {
                    claims[format!("claim{index}")] = index.into();
                }
                key.sign(&header, &claims)
            },
        )
        .await;
}

#[tokio::test]
async fn idt_21_strange_names_are_only_claims() {
    let forge = Forge::new().await;
    accepts_table(
        &forge,
        &[
            ("__proto__", |_, claims| {
                claims["__proto__"] = json!({ "sub": "bob" });
                claims["constructor"] = json!({ "prototype": { "sub": "bob" } });
            }),
            ("an empty name", |_, claims| claims[""] = "bob".into()),
            ("names that look alike", |_, claims| {
                claims["Sub"] = "bob".into();
                claims["sub "] = "bob".into();
                claims["ѕub"] = "bob".into();
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn idt_22_a_payload_that_is_not_utf_8_json_is_refused() {
    let mut forge = Forge::new().await;
    type Bend = fn(&str) -> Vec<u8>;
    let table: &[(&str, &str, Bend)] = &[
        ("invalid UTF-8", "payload", |text| {
            let mut bytes = text.as_bytes().to_vec();
            let at = text.find("Alice").unwrap();
            bytes[at] = 0xff;
            bytes
        }),
        ("an overlong slash", "payload", |text| {
            let mut bytes = text.as_bytes().to_vec();
            let at = text.find("Alice").unwrap();
            bytes[at..at + 2].copy_from_slice(&[0xc0, 0xaf]);
            bytes
        }),
        ("a lone surrogate", "payload", |text| {
            text.replace("Alice", "\\ud800").into()
        }),
        ("surrogates the wrong way round", "payload", |text| {
            text.replace("Alice", "\\udc00\\ud800").into()
        }),
        ("a raw control character", "payload", |text| {
            text.replace("Alice", "Ali\0ce").into()
        }),
        ("a byte order mark", "payload", |text| {
            format!("\u{feff}{text}").into()
        }),
        ("UTF-16", "payload", |text| {
            text.encode_utf16().flat_map(u16::to_le_bytes).collect()
        }),
        ("something behind", "payload", |text| {
            format!("{text}{{}}").into()
        }),
        ("an array", "payload", |text| format!("[{text}]").into()),
        ("a string", "payload", |_| b"\"alice\"".to_vec()),
        ("null", "payload", |_| b"null".to_vec()),
        ("nothing", "payload", |_| Vec::new()),
        ("NUL in sub", "sub", |text| {
            text.replace("\"alice\"", "\"alice\\u0000\"").into()
        }),
    ];
    for (name, check, bend) in table {
        row(name);
        forge
            .refuses(check, |key, header, claims| {
                key.sign_text(&header.to_string(), bend(&claims.to_string()))
            })
            .await;
    }
    // What JSON may say in a claim about the person is kept as it is.
    accepts_table(
        &forge,
        &[("NUL in name", |_, claims| {
            claims["name"] = "Al\0ice \u{1f600}".into();
        })],
    )
    .await;
}

#[tokio::test]
async fn idt_23_a_wrong_at_hash_is_refused_and_none_is_fine() {
    let mut forge = Forge::new().await;
    let access_token = base64url([9; 24]);
    let right = at_hash("ES256", &access_token);
    let whole = digest::digest(&SHA256, access_token.as_bytes());
    for wrong in [
        json!(at_hash("ES256", "another token")),
        json!(base64url(&whole.as_ref()[16..])),
        json!(base64url(whole)),
        json!(at_hash("ES512", &access_token)),
        json!(&right[..right.len() - 1]),
        json!(format!("{right}==")),
        json!(right.to_uppercase()),
        json!(""),
        json!(null),
        json!([right]),
        json!(5),
    ] {
        row(&wrong.to_string());
        let Forge {
            world,
            key,
            browser,
            ..
        } = &mut forge;
        let ending = Ending {
            status: 502,
            code: "id_token_refused",
            log: "the ID token was refused: at_hash: expected the hash of the access token",
            calls: [1, 0],
        };
        let spoil = |url: &str| {
            let mut claims = world.claims(url);
            claims["at_hash"] = wrong.clone();
            let id_token = key.sign(&key.header(), &claims);
            Fault::Token(json!({ "id_token": id_token, "access_token": access_token }))
        };
        world.refuses_spoilt(browser, spoil, &ending).await;
    }
    forge
        .accepts_fault(|key, header, mut claims| {
            claims["at_hash"] = right.into();
            let id_token = key.sign(&header, &claims);
            Fault::Token(json!({ "id_token": id_token, "access_token": access_token }))
        })
        .await;
    forge.accepts(honest).await;
}

#[tokio::test]
async fn idt_24_a_token_of_another_kind_is_no_id_token() {
    let mut forge = Forge::new().await;
    for typ in [
        json!("at+jwt"),
        json!("application/at+jwt"),
        json!("logout+jwt"),
        json!("secevent+jwt"),
        json!("dpop+jwt"),
        json!("JWS"),
        json!(""),
        json!(null),
        json!(["JWT"]),
    ] {
        row(&typ.to_string());
        forge
            .refuses("typ", |key, mut header, claims| {
                header["typ"] = typ;
                key.sign(&header, &claims)
            })
            .await;
    }
    refuses_table(
        &mut forge,
        &[
            ("a logout token", "events", |_, claims| {
                claims["events"] =
                    json!({ "http://schemas.openid.net/event/backchannel-logout": {} });
            }),
            ("events of no kind", "events", |_, claims| {
                claims["events"] = json!(null);
            }),
        ],
    )
    .await;
    accepts_table(
        &forge,
        &[
            ("jwt", |header, _| header["typ"] = "jwt".into()),
            ("no typ", |header, _| {
                header.as_object_mut().unwrap().remove("typ");
            }),
        ],
    )
    .await;
}

#[tokio::test]
async fn idt_24_the_access_token_in_place_of_the_id_token_is_refused() {
    let mut forge = Forge::new().await;

    forge
        .refuses_as(
            "id_token_refused",
            "typ: expected JWT",
            |key, mut header, mut claims| {
                // As RFC 9068 has it, for an API that happens to have our name.
                header["typ"] = "at+jwt".into();
                let claims = claims.as_object_mut().unwrap();
                claims.remove("nonce");
                claims.insert("client_id".into(), claims["aud"].clone());
                claims.insert("scope".into(), "openid".into());
                key.sign(&header, &json!(claims))
            },
        )
        .await;
    forge
        .refuses("nonce", |key, mut header, mut claims| {
            header.as_object_mut().unwrap().remove("typ");
            claims.as_object_mut().unwrap().remove("nonce");
            key.sign(&header, &claims)
        })
        .await;
}

#[tokio::test]
async fn idt_26_a_signature_of_another_shape_is_refused() {
    let mut forge = Forge::new().await;
    type Bend = fn(&[u8]) -> Vec<u8>;
    let table: &[(&str, Bend)] = &[
        ("r and s zero", |_| vec![0; 64]),
        ("r zero", |good| [&[0; 32], &good[32..]].concat()),
        ("s zero", |good| [&good[..32], &[0; 32]].concat()),
        ("r and s all ones", |_| vec![0xff; 64]),
        ("63 bytes", |good| good[..63].to_vec()),
        ("65 bytes", |good| [good, &[0]].concat()),
        ("65 bytes, zero first", |good| [&[0], good].concat()),
        ("twice", |good| [good, good].concat()),
        ("s before r", |good| [&good[32..], &good[..32]].concat()),
        ("DER", |good| {
            let integer = |bytes: &[u8]| {
                let zeros = bytes.iter().take_while(|byte| **byte == 0).count();
                let mut bytes = bytes[zeros..].to_vec();
                if bytes[0] & 0x80 != 0 {
                    bytes.insert(0, 0);
                }
                [&[2, bytes.len() as u8], &bytes[..]].concat()
            };
            let both = [integer(&good[..32]), integer(&good[32..])].concat();
            [&[0x30, both.len() as u8], &both[..]].concat()
        }),
    ];
    for (name, bend) in table {
        row(name);
        forge
            .refuses("signature", |key, header, claims| {
                let (header, claims) = (header.to_string(), claims.to_string());
                let message = format!("{}.{}", base64url(header), base64url(claims));
                let signature = bend(&key.signature(message.as_bytes()));
                format!("{message}.{}", base64url(signature))
            })
            .await;
    }
}

#[tokio::test]
async fn idt_26_an_ed25519_key_of_small_order_signs_for_nobody() {
    let mut forge = Forge::anonymous("EdDSA", |builder| builder).await;
    forge.advertise(json!(["EdDSA", "ES256"])).await;
    // The neutral element: R = it and S = 0 fit every message.
    let mut neutral = [0; 32];
    neutral[0] = 1;
    let weak = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "weak", "x": base64url(neutral) });
    let mut keys = json!({ "keys": [forge.key.jwk(), weak] });
    keys["keys"].as_array_mut().unwrap().rotate_left(1);
    forge.shelf.put(&keys);
    forge.accepts(honest).await;

    for kid in [Some("weak"), None] {
        let check = if kid.is_some() { "kid" } else { "signature" };
        forge
            .refuses(check, |_, _, claims| {
                let mut header = json!({ "alg": "EdDSA" });
                if let Some(kid) = kid {
                    header["kid"] = kid.into();
                }
                let signature = [neutral, [0; 32]].concat();
                format!(
                    "{}.{}.{}",
                    base64url(header.to_string()),
                    base64url(claims.to_string()),
                    base64url(signature)
                )
            })
            .await;
    }
}

#[tokio::test]
async fn idt_28_email_verified_is_kept_as_it_came_and_never_made_true() {
    let mut forge = Forge::new().await;
    let verified = async |user: User| format!("{:?}", user.email_verified());
    forge.world.app = routes()
        .route("/verified", axum::routing::get(verified))
        .layer(forge.world.auth.layer());
    for (given, said) in [
        (None, "None"),
        (Some(json!(true)), "Some(true)"),
        (Some(json!(false)), "Some(false)"),
        (Some(json!("true")), "Some(true)"),
        (Some(json!("false")), "Some(false)"),
        (Some(json!("True")), "None"),
        (Some(json!("yes")), "None"),
        (Some(json!(1)), "None"),
        (Some(json!(null)), "None"),
        (Some(json!([true])), "None"),
    ] {
        row(&format!("{given:?}"));
        let mut browser = forge
            .accepts(|key, header, mut claims| {
                if let Some(given) = &given {
                    claims["email_verified"] = given.clone();
                }
                key.sign(&header, &claims)
            })
            .await;

        assert_eq!(browser.get("/verified").await.body, said);
    }
    assert_eq!(forge.world.provider.calls(Endpoint::Userinfo), 0);
}

#[tokio::test]
async fn the_claims_of_the_login_alone_are_not_kept() {
    let mut forge = Forge::new().await;
    forge.world.app = telling_app(&forge.world.auth);
    let access_token = base64url([3; 24]);

    let mut browser = forge
        .accepts_fault(|key, header, mut claims| {
            claims["at_hash"] = at_hash("ES256", &access_token).into();
            claims["c_hash"] = "c".into();
            claims["s_hash"] = "s".into();
            claims["auth_time"] = now().into();
            let id_token = key.sign(&header, &claims);
            Fault::Token(json!({ "id_token": id_token, "access_token": access_token }))
        })
        .await;

    let claims: Value = serde_json::from_str(&browser.get("/claims").await.body).unwrap();
    let names: Vec<_> = claims.as_object().unwrap().keys().collect();
    assert_eq!(
        names,
        [
            "aud",
            "auth_time",
            "email",
            "exp",
            "iat",
            "iss",
            "name",
            "sub"
        ]
    );
}

#[tokio::test]
async fn idt_25_a_login_longer_ago_than_max_age_is_refused() {
    let world = World::with(|builder| builder.set("auth.google.client_kwargs.max_age", 60)).await;
    // 60 s and the leeway of 120 s, with a second to spare on either side.
    for (ago, code) in [
        (0, None),
        (178, None),
        (182, Some("id_token_refused")),
        (3600, Some("id_token_refused")),
        // In milliseconds, or by a clock that is ahead, it would never be too old.
        (-110, None),
        (-200, Some("clock_differs")),
    ] {
        let mut browser = world.browser();
        let callback = browser.way_back(&world.provider, "alice").await;
        let claims = json!({ "auth_time": now() - ago });
        world.provider.misbehave(Fault::IdTokenClaims(claims));

        let answer = browser.follow(&callback).await;

        assert_eq!(answer.code().as_deref(), code, "{ago} s ago: {answer:?}");
        world.provider.behave();
    }
}
