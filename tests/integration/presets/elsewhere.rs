//! What a preset lets a provider off counts at that provider's own address, and for no name.

use std::time::Duration;

use serde_json::{Value, json};

use super::providers::{self, ENTRA, TENANT};
use super::stand_in::{Pkce, Secret, StandIn};
use super::{Scene, section};
use crate::support::{Internet, Jar, pass};

/// The presets that there are, by each of their names.
const NAMES: &[&str] = &[
    "apple",
    "auth0",
    "authelia",
    "authentik",
    "azure",
    "bitbucket",
    "cognito",
    "descope",
    "discord",
    "entra",
    "facebook",
    "github",
    "gitlab",
    "google",
    "kanidm",
    "keycloak",
    "linkedin",
    "microsoft",
    "okta",
    "slack",
    "twitch",
    "zitadel",
];

const HOST: &str = "https://elsewhere.example.com";

/// An OpenID provider of somebody else's.
fn openid() -> StandIn {
    StandIn::openid(HOST, &format!("{HOST}/.well-known/openid-configuration"))
        .claims(json!({
            "sub": "mallory",
            "name": "Mallory",
            "email": "ceo@example.com",
            "xms_edov": true,
            "verified": true,
            "tid": TENANT,
        }))
        .userinfo(&format!("{HOST}/userinfo"), json!({ "sub": "mallory" }))
}

/// One of OAuth 2 alone.
fn oauth2() -> StandIn {
    let at = |path: &str| format!("{HOST}{path}");
    StandIn::oauth2(&at("/authorize"), &at("/token")).tells(
        &at("/user"),
        json!({
            "id": "7",
            "uuid": "7",
            "sub": "7",
            "email": "ceo@example.com",
            "verified": true,
            "xms_edov": true,
        }),
    )
}

fn full(name: &str, more: &str) -> String {
    let url = format!("server_metadata_url = \"{HOST}/.well-known/openid-configuration\"");
    section(name, &format!("{url}\n{more}"))
}

/// One file with full sections of an OpenID provider: named after each preset, and naming each.
fn sections() -> (Vec<String>, String) {
    let (mut names, mut text) = (Vec::new(), String::new());
    for name in NAMES {
        text += &full(name, "");
        names.push((*name).to_owned());
        let other = format!("own-{name}");
        text += &full(&other, &format!("preset = \"{name}\""));
        names.push(other);
    }
    (names, text)
}

async fn in_each(provider: StandIn, code: &str, log: &str) {
    let (names, text) = sections();
    let mut scene = Scene::with(provider, &text).await;
    for name in names {
        // A second holds ten log lines of one code.
        pass(Duration::from_secs(1)).await;
        scene.logs.clear();
        scene.browser.jar = Jar::default();
        scene.refuses(&name, code, log).await;
    }
}

#[tokio::test]
async fn a_token_without_nonce_is_refused_elsewhere_whatever_the_section_is_called() {
    let provider = openid().but(|it| it.echoes_nonce = false);
    in_each(provider, "id_token_refused", "nonce").await;
}

#[tokio::test]
async fn an_issuer_of_tenants_is_refused_elsewhere_whatever_the_section_is_called() {
    let template = format!("{ENTRA}/{{tenantid}}/v2.0");
    let provider = openid().says(json!({ "issuer": template }));
    in_each(provider, "metadata_issuer_differs", "").await;
    let template = format!("{HOST}/{{tenantid}}/v2.0");
    let provider = openid().says(json!({ "issuer": template }));
    in_each(provider, "metadata_issuer_differs", "").await;
    let of_tenant = format!("{ENTRA}/{TENANT}/v2.0");
    let provider = openid().claims(json!({ "iss": of_tenant }));
    in_each(provider, "id_token_refused", "iss").await;
}

#[tokio::test]
async fn pkce_is_sent_elsewhere_and_no_other_claim_verifies_an_e_mail() {
    let (names, text) = sections();
    let provider = openid().but(|it| it.pkce = Pkce::Required);
    let mut scene = Scene::with(provider, &text).await;
    for name in names {
        let told = scene.logs_in(&name).await;
        assert_eq!(told["subject"], "mallory", "{name}");
        assert_eq!(told["email_verified"], Value::Null, "{name}");
    }
    let complaints = scene.logs.complaints();
    assert!(complaints.is_empty(), "{complaints:?}");
}

#[tokio::test]
async fn oauth2_elsewhere_has_no_relaxation_by_its_name() {
    let lines = format!(
        "authorization_endpoint = \"{HOST}/authorize\"\ntoken_endpoint = \"{HOST}/token\"\n\
         userinfo_endpoint = \"{HOST}/user\""
    );
    let text: String = NAMES.iter().map(|name| section(name, &lines)).collect();
    let provider = oauth2().but(|it| it.pkce = Pkce::Required);
    let mut scene = Scene::with(provider, &text).await;
    for name in NAMES {
        let told = scene.logs_in(name).await;
        assert_eq!(told["email_verified"], Value::Null, "{name}");
        assert_eq!(told["issuer"], format!("{HOST}/authorize"), "{name}");
    }
    let internet = Internet::new().await;
    let emails = format!("{HOST}/user/emails");
    for name in ["discord", "facebook"] {
        oauth2()
            .but(|it| it.pkce = Pkce::Required)
            .tells(&emails, json!([]))
            .open(&internet);
        let text = section("work", &format!("preset = \"{name}\"\n{lines}"));
        let mut scene = Scene::on(internet.clone(), &text);
        let told = scene.logs_in("work").await;
        assert_eq!(told["email_verified"], Value::Null, "{name}");
        assert_eq!(told["issuer"], format!("{HOST}/authorize"), "{name}");
    }
}

#[tokio::test]
async fn a_section_of_another_name_has_the_relaxations_of_where_it_is() {
    let url = "https://www.linkedin.com/oauth/.well-known/openid-configuration";
    let lines = format!(
        "server_metadata_url = \"{url}\"\n\
         client_kwargs = {{ token_endpoint_auth_method = \"client_secret_post\" }}"
    );
    let mut scene = Scene::with(providers::linkedin(), &section("work", &lines)).await;
    let posture = scene.logs.everything();
    assert!(
        posture.contains("ID tokens without nonce, no PKCE with work"),
        "{posture}"
    );
    assert_eq!(scene.logs_in("work").await["subject"], "782bbtaQ");

    let url = format!("{ENTRA}/common/v2.0/.well-known/openid-configuration");
    let lines = format!("server_metadata_url = \"{url}\"\nallowed_tenants = [\"{TENANT}\"]");
    let stand_in = providers::entra("common").claims(json!({ "email_verified": true }));
    let mut scene = Scene::with(stand_in, &section("work", &lines)).await;
    let told = scene.logs_in("work").await;
    assert_eq!(told["issuer"], format!("{ENTRA}/{TENANT}/v2.0"));
    assert_eq!(told["email_verified"], Value::Null);

    let lines = "authorization_endpoint = \"https://discord.com/oauth2/authorize\"\n\
                 token_endpoint = \"https://discord.com/api/oauth2/token\"\n\
                 userinfo_endpoint = \"https://discord.com/api/users/@me\"\n\
                 client_kwargs = { scope = \"identify email\" }";
    let mut scene = Scene::with(providers::discord(), &section("work", lines)).await;
    assert_eq!(scene.logs_in("work").await["email_verified"], true);
}

#[tokio::test]
async fn a_nonce_that_linkedin_does_send_is_compared() {
    let stand_in = providers::linkedin().claims(json!({ "nonce": "another" }));
    let mut scene = Scene::with(stand_in, &section("linkedin", "")).await;
    scene.refuses("linkedin", "id_token_refused", "nonce").await;
}

#[tokio::test]
async fn whoever_confirms_another_issuer_is_not_at_the_provider_s_own() {
    let stand_in = providers::linkedin()
        .says(json!({ "issuer": HOST }))
        .claims(json!({ "iss": HOST }))
        .but(|it| {
            it.pkce = Pkce::Taken;
            it.secret = Secret::Either;
        });
    let mut scene = Scene::with(
        stand_in,
        &section("linkedin", &format!("issuer = \"{HOST}\"")),
    )
    .await;
    scene.refuses("linkedin", "id_token_refused", "nonce").await;
}
