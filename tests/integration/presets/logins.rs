//! A login at each provider, from the button to the page, by its section alone.

use serde_json::{Value, json};
use url::Url;

use super::providers::{self, TENANT};
use super::stand_in::StandIn;
use super::{Scene, section};
use crate::support::{Internet, Sent, relative};

/// What is told of Ada in each case but where the case says otherwise.
pub fn ada(subject: &str, issuer: &str, otherwise: Value) -> Value {
    let mut told = json!({
        "subject": subject,
        "issuer": issuer,
        "name": "Ada Lovelace",
        "email": "ada@example.com",
        "email_verified": true,
        "picture": null,
        "roles": null,
        "groups": null,
        "permissions": null,
    });
    let Value::Object(otherwise) = otherwise else {
        panic!("no object");
    };
    told.as_object_mut().unwrap().extend(otherwise);
    told
}

async fn logs_in(row: &str, lines: &str, stand_in: StandIn, expected: Value) {
    logs_in_as(row, row, lines, stand_in, expected).await;
}

async fn logs_in_as(what: &str, row: &str, lines: &str, stand_in: StandIn, expected: Value) {
    let token = stand_in.token.parse::<Url>().unwrap();
    let mut scene = Scene::with(stand_in, &section(row, lines)).await;
    let begun = scene
        .browser
        .get(&format!("/auth/login?provider={row}"))
        .await;
    assert_eq!(
        begun.status,
        303,
        "{what}: {begun:?} {:?}",
        scene.logs.complaints()
    );
    let there: Url = begun.location().parse().unwrap();
    let back = scene.internet.visit(&there).await;
    let back = back.location().to_owned();
    let page = scene.browser.get_from_elsewhere(&relative(&back)).await;
    let complaints = scene.logs.complaints();
    assert_eq!(
        (page.status.as_u16(), page.location()),
        (303, "/"),
        "{what}: {back} {complaints:?}"
    );
    assert!(complaints.is_empty(), "{what}: {complaints:?}");
    assert_eq!(scene.who().await, expected, "{what}");
    assert_eq!(scene.internet.refused(), [""; 0], "{what}");

    let sent = scene
        .internet
        .sent_to(token.host_str().unwrap(), token.path());
    let out = scene.browser.post("/auth/logout", "").await;
    assert_eq!(out.status, 303, "{what}: {out:?}");
    let shown = format!(
        "{}\n\n{}\n\nlogout: {}",
        authorization(&there),
        token_request(&sent),
        logout(out.location())
    );
    compare(what, &shown);
}

/// With the snapshot of this name.
pub fn compare(what: &str, shown: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(what, shown));
}

/// The address with a parameter on each line; what is made for one login has its name instead.
pub fn authorization(url: &Url) -> String {
    let mut bare = url.clone();
    bare.set_query(None);
    format!(
        "GET {bare}\n{}",
        parameters(url.query().unwrap_or_default())
    )
}

/// Where a logout leads, which is home where the provider has no page for it.
fn logout(location: &str) -> String {
    location
        .parse()
        .map_or_else(|_| location.to_owned(), |url| authorization(&url))
}

pub fn token_request(sent: &Sent) -> String {
    let header = |name: &str| format!("{name}: {}", sent.header(name).unwrap_or("none"));
    let headers = ["accept", "authorization", "content-type"].map(header);
    format!(
        "{} https://{}{}\n{}\n{}",
        sent.method,
        sent.host,
        sent.path,
        headers.join("\n"),
        parameters(&sent.body)
    )
}

fn parameters(text: &str) -> String {
    const FRESH: &[&str] = &[
        "code",
        "code_challenge",
        "code_verifier",
        "id_token_hint",
        "nonce",
        "state",
    ];
    let pairs = url::form_urlencoded::parse(text.as_bytes());
    let is_fresh = |name: &str, value: &str| {
        FRESH.contains(&name) || (name == "client_secret" && value.contains('.'))
    };
    let lines = pairs.map(|(name, value)| match is_fresh(&name, &value) {
        true => format!("  {name} = <{name}>"),
        false => format!("  {name} = {value}"),
    });
    lines.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn auth0_logs_in() {
    let expected = ada(
        "google-oauth2|1234",
        "https://example.eu.auth0.com/",
        json!({ "picture": "https://s.gravatar.com/ada.png" }),
    );
    let lines = "domain = \"example.eu.auth0.com\"\naudience = \"https://api.example.com\"\n\
                 connection = \"google-oauth2\"\norganization = \"org_1\"";
    logs_in("auth0", lines, providers::auth0(), expected).await;
}

#[tokio::test]
async fn authelia_logs_in_with_what_userinfo_tells() {
    let expected = ada(
        "3f9a0b9e-0d3c-4b0b-9d1b-5f6d6a7e8f90",
        "https://auth.example.com",
        json!({ "groups": ["admins", "dev"] }),
    );
    let lines = "host = \"auth.example.com\"";
    logs_in("authelia", lines, providers::authelia(), expected).await;
}

#[tokio::test]
async fn authentik_logs_in() {
    let expected = ada(
        "b1946ac92492d2347c6235b4d2611184",
        "https://id.example.com/application/o/shop/",
        json!({ "email_verified": false, "groups": ["dev"], "roles": ["buyer"] }),
    );
    let lines = "host = \"id.example.com\"\nslug = \"shop\"";
    logs_in("authentik", lines, providers::authentik(), expected).await;
}

#[tokio::test]
async fn bitbucket_logs_in() {
    let expected = ada(
        "{e8a3b2c1-0000-4000-8000-000000000001}",
        "https://bitbucket.org",
        json!({ "picture": "https://bitbucket.org/ada.png" }),
    );
    logs_in("bitbucket", "", providers::bitbucket(), expected).await;
}

#[tokio::test]
async fn cognito_logs_in() {
    let expected = ada(
        "c2b1a0f9-0000-4000-8000-000000000001",
        "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_example",
        json!({
            "name": "ada",
            "groups": ["buyers"],
            "roles": ["arn:aws:iam::1:role/buyer"],
        }),
    );
    let lines = "region = \"eu-west-1\"\nuser_pool_id = \"eu-west-1_example\"";
    logs_in("cognito", lines, providers::cognito(), expected).await;
}

#[tokio::test]
async fn descope_logs_in() {
    let expected = ada(
        "U2ada",
        "https://api.descope.com/P2example",
        json!({
            "picture": "https://descope.com/ada.png",
            "roles": ["Buyer", "Owner"],
            "permissions": ["Buy", "Sell"],
        }),
    );
    let lines = "project_id = \"P2example\"\nflow = \"sign-up-or-in\"\ntenant = \"T2a\"";
    logs_in("descope", lines, providers::descope(), expected).await;
}

#[tokio::test]
async fn discord_logs_in() {
    let picture =
        "https://cdn.discordapp.com/avatars/80351110224678912/8342729096ea3675442027381ff50dfe.png";
    let expected = ada(
        "80351110224678912",
        "https://discord.com",
        json!({ "picture": picture }),
    );
    logs_in("discord", "", providers::discord(), expected).await;
}

fn ada_at_entra() -> Value {
    ada(
        "AAAAAAAAAAAAAAAAAAAAAIkzqFVrSaSaFHy782bbtaQ",
        &format!("https://login.microsoftonline.com/{TENANT}/v2.0"),
        json!({ "email_verified": null, "roles": ["Buyer"] }),
    )
}

#[tokio::test]
async fn entra_logs_in_for_one_tenant() {
    let lines = format!("tenant = \"{TENANT}\"");
    let stand_in = providers::entra(TENANT);
    logs_in("entra", &lines, stand_in, ada_at_entra()).await;
}

#[tokio::test]
async fn entra_logs_in_for_several_tenants_under_each_of_its_names() {
    for name in ["azure", "entra", "microsoft"] {
        let lines = format!("tenant = \"common\"\nallowed_tenants = [\"{TENANT}\"]");
        let what = format!("{name}_common");
        let stand_in = providers::entra("common");
        logs_in_as(&what, name, &lines, stand_in, ada_at_entra()).await;
    }
}

#[tokio::test]
async fn facebook_logs_in() {
    let expected = ada(
        "10223456789012345",
        "https://www.facebook.com",
        json!({
            "email_verified": null,
            "picture": "https://platform-lookaside.fbsbx.com/ada.jpg",
        }),
    );
    logs_in("facebook", "", providers::facebook(), expected).await;
}

#[tokio::test]
async fn github_logs_in() {
    let otherwise = json!({
        "name": "ada",
        "picture": "https://avatars.githubusercontent.com/u/583231",
    });
    let expected = ada("583231", "https://github.com", otherwise.clone());
    logs_in("github", "", providers::github(None), expected).await;

    let host = "github.example.com";
    let lines = format!("host = \"{host}\"");
    let expected = ada("583231", &format!("https://{host}"), otherwise);
    let stand_in = providers::github(Some(host));
    logs_in_as("github_host", "github", &lines, stand_in, expected).await;
}

#[tokio::test]
async fn gitlab_logs_in() {
    for (what, host, lines) in [
        ("gitlab", "gitlab.com", ""),
        (
            "gitlab_host",
            "git.example.com",
            "host = \"git.example.com\"",
        ),
    ] {
        let expected = ada(
            "1234",
            &format!("https://{host}"),
            json!({
                "picture": "https://gitlab.com/ada.png",
                "groups": ["shop", "shop/till"],
            }),
        );
        logs_in_as(what, "gitlab", lines, providers::gitlab(host), expected).await;
    }
}

#[tokio::test]
async fn google_logs_in() {
    let expected = ada(
        "110169484474386276334",
        "https://accounts.google.com",
        json!({ "picture": "https://lh3.googleusercontent.com/ada" }),
    );
    let lines = "hosted_domain = \"example.com\"";
    logs_in("google", lines, providers::google(), expected).await;
}

#[tokio::test]
async fn kanidm_logs_in() {
    let expected = ada(
        "d0a1b2c3-0000-4000-8000-000000000001",
        "https://idm.example.com/oauth2/openid/a-client",
        json!({}),
    );
    let lines = "host = \"idm.example.com\"";
    logs_in("kanidm", lines, providers::kanidm(), expected).await;
}

#[tokio::test]
async fn keycloak_logs_in() {
    let expected = ada(
        "f1e2d3c4-0000-4000-8000-000000000001",
        "https://sso.example.com/realms/staff",
        json!({ "roles": ["staff", "buyer"], "groups": ["/shop"] }),
    );
    let lines = "host = \"sso.example.com\"\nrealm = \"staff\"";
    logs_in("keycloak", lines, providers::keycloak(), expected).await;
}

#[tokio::test]
async fn linkedin_logs_in() {
    let expected = ada(
        "782bbtaQ",
        "https://www.linkedin.com/oauth",
        json!({ "picture": "https://media.licdn.com/ada.jpg" }),
    );
    logs_in("linkedin", "", providers::linkedin(), expected).await;
}

#[tokio::test]
async fn okta_logs_in_with_what_userinfo_tells() {
    for (what, server) in [("okta", None), ("okta_server", Some("default"))] {
        let issuer = match server {
            Some(server) => format!("https://example.okta.com/oauth2/{server}"),
            None => "https://example.okta.com".to_owned(),
        };
        let expected = ada(
            "00uid4BxXw6I6TV4m0g3",
            &issuer,
            json!({ "groups": ["Everyone"] }),
        );
        let server_line = server.map(|server| format!("\nauthorization_server = \"{server}\""));
        let lines = format!(
            "domain = \"example.okta.com\"{}",
            server_line.unwrap_or_default()
        );
        logs_in_as(what, "okta", &lines, providers::okta(server), expected).await;
    }
}

#[tokio::test]
async fn slack_logs_in() {
    let expected = ada(
        "U0R7JM",
        "https://slack.com",
        json!({ "picture": "https://secure.gravatar.com/ada.png" }),
    );
    logs_in("slack", "team = \"T0R7GR\"", providers::slack(), expected).await;
}

#[tokio::test]
async fn twitch_logs_in_with_the_claims_that_were_asked_for() {
    let expected = ada(
        "141981764",
        "https://id.twitch.tv/oauth2",
        json!({ "name": "AdaLovelace", "picture": "https://static-cdn.jtvnw.net/ada.png" }),
    );
    logs_in("twitch", "", providers::twitch(), expected).await;
}

#[tokio::test]
async fn zitadel_logs_in_with_more_audiences_than_us() {
    let expected = ada(
        "77776025198584418",
        "https://example.zitadel.cloud",
        json!({ "roles": ["buyer"] }),
    );
    let lines = "host = \"example.zitadel.cloud\"";
    logs_in("zitadel", lines, providers::zitadel(), expected).await;
}

#[tokio::test]
async fn a_section_of_another_name_takes_a_preset_and_any_key_overrides_it() {
    let internet = Internet::new().await;
    providers::google().open(&internet);
    let lines = "preset = \"google\"\nclient_kwargs = { prompt = \"consent\" }";
    let mut scene = Scene::on(internet, &section("work", lines));
    let begun = scene.browser.get("/auth/login?provider=work").await;
    let url: Url = begun.location().parse().unwrap();
    assert_eq!(url.host_str(), Some("accounts.google.com"));
    assert!(
        url.query_pairs()
            .any(|it| it == ("prompt".into(), "consent".into()))
    );
    assert_eq!(
        scene.logs_in("work").await["subject"],
        "110169484474386276334"
    );
}
