//! Apple, which answers by POST and wants a client secret that the app signs.

use std::sync::Arc;

use keycard::Auth;
use serde_json::{Value, json};
use url::Url;

use super::logins::{ada, authorization, compare, token_request};
use super::providers::{self, TEAM};
use super::stand_in::{CLIENT_ID, CLIENT_SECRET, StandIn};
use super::{Scene, refused_at_start, section};
use crate::support::{Internet, TestKey, fresh_secret, relative, row, shared};

const APP: &str = "https://app.example.com";
const ISSUER: &str = "https://appleid.apple.com";

fn key() -> Arc<TestKey> {
    Arc::new(TestKey::new("ES256"))
}

fn of(team: &str, key_id: &str, key: &TestKey, more: &str) -> String {
    let pem = &key.private_texts()[0];
    format!(
        "[auth.apple]\nclient_id = \"{CLIENT_ID}\"\nteam_id = \"{team}\"\nkey_id = \"{key_id}\"\n\
         private_key = \"\"\"{pem}\"\"\"\n{more}\n"
    )
}

async fn scene(stand_in: StandIn, sections: &str) -> Scene {
    let internet = Internet::new().await;
    stand_in.open(&internet);
    Scene::at(APP, internet, sections)
}

fn told() -> Value {
    ada(
        "001234.0a1b2c3d4e5f.0607",
        ISSUER,
        json!({ "name": null, "email": "x7k2@privaterelay.appleid.com" }),
    )
}

#[tokio::test]
async fn apple_logs_in() {
    let key = key();
    let mut scene = scene(providers::apple(&key), &of(TEAM, &key.id, &key, "")).await;
    let posture = scene.logs.everything();
    for words in [
        "answers by POST, to a cookie that is SameSite=None",
        "client secrets that it signs itself",
        "no PKCE",
    ] {
        assert!(posture.contains(words), "{words} in {posture}");
    }
    let begun = scene.browser.get("/auth/login?provider=apple").await;
    let there: Url = begun.location().parse().unwrap();
    let page = scene.internet.visit(&there).await;
    let (to, form) = page.posts().unwrap();
    assert_eq!(to, format!("{APP}/oauth2callback"));

    let answer = scene
        .browser
        .post_from_elsewhere(&relative(&to), &form)
        .await;

    let complaints = scene.logs.complaints();
    assert_eq!(
        (answer.status.as_u16(), answer.location()),
        (303, "/"),
        "{complaints:?}"
    );
    assert!(complaints.is_empty(), "{complaints:?}");
    assert_eq!(scene.who().await, told());
    assert_eq!(scene.internet.refused(), [""; 0]);
    let sent = scene.internet.sent_to("appleid.apple.com", "/auth/token");
    let shown = format!("{}\n\n{}", authorization(&there), token_request(&sent));
    compare("apple", &shown);
    // It counts for five minutes.
    let secret = sent.parameter("client_secret").unwrap();
    let claims = secret.split('.').nth(1).unwrap();
    let claims = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    let life = claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap();
    assert_eq!(life, 300);
    assert!(!scene.logs.everything().contains(&secret));
}

#[tokio::test]
async fn uin_08_the_name_and_e_mail_beside_the_code_are_nobody_s() {
    let key = key();
    let user = json!({
        "name": { "firstName": "Mallory", "lastName": "Mint" },
        "email": "ceo@example.com",
    });
    let stand_in = providers::apple(&key).but(|it| {
        it.posted_along = vec![
            ("user", user.to_string()),
            ("id_token", "x.y.z".to_owned()),
            ("email", "ceo@example.com".to_owned()),
        ];
    });
    let mut scene = scene(stand_in, &of(TEAM, &key.id, &key, "")).await;
    assert_eq!(scene.logs_in("apple").await, told());
}

#[tokio::test]
async fn a_quirk_of_apple_s_that_is_wrong_is_named() {
    let (key, other) = (key(), key());
    for (name, sections, code) in [
        (
            "query",
            of(TEAM, &key.id, &key, "response_mode = \"query\""),
            "provider_refused",
        ),
        (
            "team",
            of("Z9Y8X7W6V5", &key.id, &key, ""),
            "client_refused",
        ),
        ("key id", of(TEAM, "another", &key, ""), "client_refused"),
        ("key", of(TEAM, &key.id, &other, ""), "client_refused"),
        ("a fixed secret", section("apple", ""), "client_refused"),
    ] {
        row(name);
        let mut scene = scene(providers::apple(&key), &sections).await;
        scene.refuses("apple", code, "").await;
    }
    // It answers in another way than it was asked to.
    let stand_in = providers::apple(&key).but(|it| {
        it.form_post = false;
    });
    let mut scene = scene(stand_in, &of(TEAM, &key.id, &key, "")).await;
    scene.refuses("apple", "method_not_allowed", "GET").await;
    let stand_in = providers::apple(&key).but(|it| it.echoes_nonce = false);
    let mut scene = self::scene(stand_in, &of(TEAM, &key.id, &key, "")).await;
    scene.refuses("apple", "id_token_refused", "nonce").await;
}

#[tokio::test]
async fn a_streamlit_section_with_a_secret_made_by_hand_works_as_it_is() {
    let lines = format!(
        "server_metadata_url = \"{ISSUER}/.well-known/openid-configuration\"\n\
         client_kwargs = {{ scope = \"openid email\" }}"
    );
    for name in ["apple", "work"] {
        let key = key();
        let stand_in = providers::apple(&key).but(|it| it.signer = None);
        let mut scene = scene(stand_in, &section(name, &lines)).await;
        assert_eq!(scene.logs_in(name).await, told(), "{name}");
        let sent = scene.internet.sent_to("appleid.apple.com", "/auth/token");
        assert_eq!(
            sent.parameter("client_secret").as_deref(),
            Some(CLIENT_SECRET)
        );
    }
}

#[test]
fn what_apple_s_section_lacks_is_told_at_once() {
    let told = refused_at_start("[auth.apple]\nclient_id = \"a\"\n");
    for key in ["team_id", "key_id", "private_key"] {
        assert!(
            told.contains(&format!("missing key `auth.apple.{key}`")),
            "{told}"
        );
    }
    assert!(!told.contains("client_secret`"), "{told}");
    assert!(
        told.contains("`auth.apple` needs an https redirect_uri"),
        "{told}"
    );

    let at = |sections: &str| {
        let text = shared(&fresh_secret(), "strict = false") + sections;
        let text = text.replace("http://localhost:8501", APP);
        let built = Auth::builder().toml(&text).build();
        built
            .err()
            .map(|error| format!("{error:#}"))
            .unwrap_or_default()
    };
    let key = TestKey::new("ES384");
    let told = at(&of(TEAM, "k", &key, ""));
    assert!(told.contains("it does not sign with ES256"), "{told}");
    // Elsewhere nothing is signed for anybody.
    let elsewhere =
        "server_metadata_url = \"https://id.example.com/.well-known/openid-configuration\"";
    let told = at(&format!("[auth.apple]\nclient_id = \"a\"\n{elsewhere}\n"));
    assert!(
        told.contains("missing key `auth.apple.client_secret`"),
        "{told}"
    );
}

#[tokio::test]
async fn elsewhere_no_secret_is_signed_for_apple() {
    const HOST: &str = "https://elsewhere.example.com";
    let key = key();
    let stand_in = StandIn::openid(HOST, &format!("{HOST}/.well-known/openid-configuration"))
        .claims(json!({ "sub": "mallory", "name": "M", "email": "m@example.com" }));
    let url = format!("server_metadata_url = \"{HOST}/.well-known/openid-configuration\"");
    let mut scene = scene(stand_in, &of(TEAM, &key.id, &key, &url)).await;

    scene.refuses("apple", "client_refused", "").await;

    let sent = scene.internet.sent_to("elsewhere.example.com", "/token");
    assert_eq!(sent.parameter("client_secret"), None);
    assert!(sent.parameter("code_verifier").is_some());
    // An assertion for whoever is there, and for nobody else.
    let assertion = sent.parameter("client_assertion").unwrap();
    let claims = assertion.split('.').nth(1).unwrap();
    let claims = base64_simd::URL_SAFE_NO_PAD.decode_to_vec(claims).unwrap();
    let claims: Value = serde_json::from_slice(&claims).unwrap();
    assert_eq!(claims["aud"], HOST);
}
