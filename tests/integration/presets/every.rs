//! What no provider may say, whichever it is: what a row lets its provider off is nothing of this.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::providers::{self, TENANT};
use super::stand_in::StandIn;
use super::{Scene, section};

/// Its name, its section, and where userinfo is.
type OpenId = (&'static str, &'static str, fn() -> StandIn, &'static str);

/// Its name, and where it tells who it is.
type OAuth2 = (&'static str, fn() -> StandIn, &'static str);

/// Every provider with an ID token.
const OPENID: &[OpenId] = &[
    (
        "auth0",
        "domain = \"example.eu.auth0.com\"",
        providers::auth0,
        "https://example.eu.auth0.com/userinfo",
    ),
    (
        "authelia",
        "host = \"auth.example.com\"",
        providers::authelia,
        "https://auth.example.com/api/oidc/userinfo",
    ),
    (
        "authentik",
        "host = \"id.example.com\"\nslug = \"shop\"",
        providers::authentik,
        "https://id.example.com/application/o/userinfo/",
    ),
    (
        "cognito",
        "region = \"eu-west-1\"\nuser_pool_id = \"eu-west-1_example\"",
        providers::cognito,
        "https://shop.auth.eu-west-1.amazoncognito.com/oauth2/userInfo",
    ),
    (
        "descope",
        "project_id = \"P2example\"",
        providers::descope,
        "https://api.descope.com/oauth2/v1/userinfo",
    ),
    (
        "entra",
        "tenant = \"common\"\nallowed_tenants = [\"*\"]",
        || providers::entra("common"),
        "https://graph.microsoft.com/oidc/userinfo",
    ),
    (
        "gitlab",
        "",
        || providers::gitlab("gitlab.com"),
        "https://gitlab.com/oauth/userinfo",
    ),
    (
        "google",
        "",
        providers::google,
        "https://openidconnect.googleapis.com/v1/userinfo",
    ),
    (
        "kanidm",
        "host = \"idm.example.com\"",
        providers::kanidm,
        "https://idm.example.com/oauth2/openid/a-client/userinfo",
    ),
    (
        "keycloak",
        "host = \"sso.example.com\"\nrealm = \"staff\"",
        providers::keycloak,
        "https://sso.example.com/realms/staff/protocol/openid-connect/userinfo",
    ),
    (
        "linkedin",
        "",
        providers::linkedin,
        "https://api.linkedin.com/v2/userinfo",
    ),
    (
        "okta",
        "domain = \"example.okta.com\"",
        || providers::okta(None),
        "https://example.okta.com/oauth2/v1/userinfo",
    ),
    (
        "slack",
        "",
        providers::slack,
        "https://slack.com/api/openid.connect.userInfo",
    ),
    (
        "twitch",
        "client_kwargs = { scope = \"openid profile\" }",
        || providers::twitch().token_says(json!({ "scope": ["openid", "profile"] })),
        "https://id.twitch.tv/oauth2/userinfo",
    ),
    (
        "zitadel",
        "host = \"example.zitadel.cloud\"",
        providers::zitadel,
        "https://example.zitadel.cloud/oidc/v1/userinfo",
    ),
];

/// Every provider of OAuth 2 alone.
const OAUTH2: &[OAuth2] = &[
    (
        "bitbucket",
        providers::bitbucket,
        "https://api.bitbucket.org/2.0/user",
    ),
    (
        "discord",
        providers::discord,
        "https://discord.com/api/users/@me",
    ),
    (
        "facebook",
        providers::facebook,
        "https://graph.facebook.com/v24.0/me?fields=id,name,email,picture",
    ),
    (
        "github",
        || providers::github(None),
        "https://api.github.com/user",
    ),
];

/// Each ID token spoilt by these claims; null takes one out.
async fn each_refuses(spoilt: &Value, log: &str) {
    for (name, lines, stand_in, _) in OPENID {
        crate::support::row(&format!("{name}: {spoilt}"));
        // Some tell only the claims that are asked for, and these nobody asks for.
        let stand_in = stand_in().claims(spoilt.clone()).but(|it| {
            it.only_asked = false;
            it.claims
                .as_object_mut()
                .unwrap()
                .retain(|_, it| !it.is_null());
        });
        let mut scene = Scene::with(stand_in, &section(name, lines)).await;
        scene.refuses(name, "id_token_refused", log).await;
        // What userinfo tells is of no interest then.
        let sent = scene.internet.sent();
        assert!(
            sent.iter()
                .all(|it| it.header("authorization") != Some("Bearer an-access-token"))
        );
    }
}

#[tokio::test]
async fn an_id_token_for_another_audience_is_refused_at_each_of_them() {
    each_refuses(&json!({ "aud": "another-client", "azp": null }), "aud").await;
    each_refuses(&json!({ "azp": "another-client" }), "azp").await;
}

#[tokio::test]
async fn an_id_token_of_another_issuer_is_refused_at_each_of_them() {
    let of_tenant = format!("https://login.example.com/{TENANT}/v2.0");
    each_refuses(&json!({ "iss": of_tenant }), "iss").await;
}

#[tokio::test]
async fn an_id_token_with_another_nonce_is_refused_at_each_of_them() {
    each_refuses(&json!({ "nonce": "another" }), "nonce").await;
}

#[tokio::test]
async fn userinfo_of_somebody_else_is_refused_at_each_of_them() {
    for (name, lines, stand_in, userinfo) in OPENID {
        crate::support::row(name);
        let stand_in = stand_in()
            .userinfo(
                userinfo,
                json!({ "ok": true, "sub": "somebody-else", "name": "Eve" }),
            )
            .but(|it| {
                // Nothing but userinfo can tell the name.
                it.claims.as_object_mut().unwrap().remove("name");
            });
        let mut scene = Scene::with(stand_in, &section(name, lines)).await;
        scene.refuses(name, "userinfo_subject_differs", "").await;
    }
}

#[tokio::test]
async fn a_name_that_is_no_name_logs_nobody_in_at_each_that_has_no_id_token() {
    for (name, stand_in, at) in OAUTH2 {
        crate::support::row(name);
        let nobody = json!({ "id": null, "uuid": null, "name": "Ada", "email": "ada@example.com" });
        let mut scene = Scene::with(stand_in().tells(at, nobody), &section(name, "")).await;
        scene.refuses(name, "userinfo_invalid", "subject").await;
    }
}

#[tokio::test]
async fn an_e_mail_that_nobody_vouches_for_is_never_verified_at_any_of_them() {
    for (name, lines, stand_in, userinfo) in OPENID {
        crate::support::row(name);
        let unverified = json!({ "email": "ceo@example.com", "email_verified": false });
        let stand_in = stand_in().claims(unverified).but(|it| {
            if let Some((_, told)) = it.told.get_mut(*userinfo) {
                told["email"] = json!("ceo@example.com");
                told["email_verified"] = json!(true);
            }
        });
        let mut scene = Scene::with(stand_in, &section(name, lines)).await;
        let told = scene.logs_in(name).await;
        assert_ne!(told["email_verified"], true, "{name}: {told}");
    }
    for (name, stand_in, at) in OAUTH2 {
        crate::support::row(name);
        let stand_in = stand_in().but(|it| {
            for (url, (_, told)) in &mut it.told {
                if url == at {
                    told["email"] = json!("ceo@example.com");
                    told["email_verified"] = json!(true);
                    told["verified"] = json!(false);
                } else {
                    // There is no list of e-mails.
                    *told = json!({ "values": [] });
                }
            }
            let list = format!("{at}/emails");
            if *name == "github" {
                it.told.insert(list, (200, json!([])));
            }
        });
        let mut scene = Scene::with(stand_in, &section(name, "")).await;
        let told = scene.logs_in(name).await;
        let is_theirs = *name == "facebook";
        assert_eq!(told["email_verified"] == true, is_theirs, "{name}: {told}");
    }
}

#[test]
fn every_provider_of_the_docs_is_among_these() {
    let known = OPENID.iter().map(|it| it.0);
    let known: BTreeSet<_> = known.chain(OAUTH2.iter().map(|it| it.0)).collect();
    let docs = include_str!("../../../docs/providers.md");
    let headings = docs.lines().filter_map(|line| line.strip_prefix("## "));
    // Its secret is signed and its answer is a POST: it has a file of its own.
    let missing: Vec<_> = headings
        .filter(|row| *row != "apple" && !known.contains(row))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}
