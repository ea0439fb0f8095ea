//! What a row says, each turned to something wrong in one way: the login at its provider then fails, and
//! the code tells what it was. A key of the section overrides its row, field by field; a section that
//! gives an endpoint by itself, if only the very one of the metadata, has none of its relaxations.
//!
//! Where facts about a person stand makes no login fail: `logins` compares what is told.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::providers::{self, TENANT};
use super::stand_in::{Pkce, Secret, StandIn};
use super::{Scene, section};

/// One field of a row, turned.
struct Wrong {
    row: &'static str,
    field: &'static str,
    /// The section, in which that field is wrong.
    lines: &'static str,
    stand_in: fn() -> StandIn,
    code: &'static str,
    /// What the line of the log holds.
    log: &'static str,
}

const fn wrong(
    [row, field]: [&'static str; 2],
    lines: &'static str,
    stand_in: fn() -> StandIn,
    [code, log]: [&'static str; 2],
) -> Wrong {
    Wrong {
        row,
        field,
        lines,
        stand_in,
        code,
        log,
    }
}

const NOWHERE: [&str; 2] = ["provider_unreachable", "metadata document"];
const NOT_FOUND: [&str; 2] = ["provider_status", "404"];
const PROMPT: [&str; 2] = ["provider_refused", "invalid_request"];
const SCOPE: [&str; 2] = ["provider_refused", "invalid_scope"];
const CLIENT: [&str; 2] = ["client_refused", ""];
const SUBJECT: [&str; 2] = ["userinfo_invalid", "it lacks the subject"];

const BASIC: &str = "client_kwargs = { token_endpoint_auth_method = \"client_secret_basic\" }";
const POST: &str = "client_kwargs = { token_endpoint_auth_method = \"client_secret_post\" }";

/// With only these scopes, which are the row's.
fn strict(stand_in: StandIn, scopes: &'static [&'static str]) -> StandIn {
    stand_in.but(|it| it.scopes = scopes)
}

fn entra() -> StandIn {
    providers::entra("common")
}

fn github() -> StandIn {
    providers::github(None)
}

fn gitlab() -> StandIn {
    providers::gitlab("gitlab.com")
}

fn okta() -> StandIn {
    providers::okta(Some("default"))
}

/// LinkedIn without one of its two quirks, to see the other.
fn linkedin_with_pkce() -> StandIn {
    providers::linkedin().but(|it| it.pkce = Pkce::Taken)
}

fn linkedin_with_nonce() -> StandIn {
    providers::linkedin().but(|it| it.echoes_nonce = true)
}

const TABLE: &[Wrong] = &[
    wrong(
        ["auth0", "domain"],
        "domain = \"example.us.auth0.com\"",
        providers::auth0,
        NOWHERE,
    ),
    wrong(
        ["auth0", "prompt"],
        "domain = \"example.eu.auth0.com\"\nclient_kwargs = { prompt = \"select_account\" }",
        providers::auth0,
        PROMPT,
    ),
    wrong(
        ["auth0", "organization"],
        "domain = \"example.eu.auth0.com\"\norganization = \"org_2\"",
        providers::auth0,
        ["account_not_allowed", "org_id"],
    ),
    wrong(
        ["auth0", "issuer"],
        "domain = \"example.eu.auth0.com\"\nissuer = \"https://example.auth0.com/\"",
        providers::auth0,
        ["metadata_issuer_differs", "https://example.eu.auth0.com/"],
    ),
    wrong(
        ["authelia", "host"],
        "host = \"login.example.com\"",
        providers::authelia,
        NOWHERE,
    ),
    wrong(
        ["authelia", "scopes"],
        "host = \"auth.example.com\"\nclient_kwargs = { scope = \"openid phone\" }",
        providers::authelia,
        SCOPE,
    ),
    wrong(
        ["authelia", "authentication"],
        "host = \"auth.example.com\"\n\
         client_kwargs = { token_endpoint_auth_method = \"client_secret_post\" }",
        providers::authelia,
        CLIENT,
    ),
    wrong(
        ["authentik", "slug"],
        "host = \"id.example.com\"\nslug = \"till\"",
        providers::authentik,
        NOT_FOUND,
    ),
    wrong(
        ["authentik", "host"],
        "host = \"sso.example.com\"\nslug = \"shop\"",
        providers::authentik,
        NOWHERE,
    ),
    wrong(
        ["bitbucket", "authentication"],
        POST,
        providers::bitbucket,
        CLIENT,
    ),
    wrong(
        ["bitbucket", "subject"],
        "subject_key = \"/account\"",
        providers::bitbucket,
        SUBJECT,
    ),
    wrong(
        ["bitbucket", "scopes"],
        "client_kwargs = { scope = \"account email repository\" }",
        || strict(providers::bitbucket(), &["account", "email"]),
        SCOPE,
    ),
    wrong(
        ["bitbucket", "userinfo"],
        "authorization_endpoint = \"https://bitbucket.org/site/oauth2/authorize\"\n\
         token_endpoint = \"https://bitbucket.org/site/oauth2/access_token\"\n\
         userinfo_endpoint = \"https://api.bitbucket.org/2.0/me\"",
        providers::bitbucket,
        NOT_FOUND,
    ),
    wrong(
        ["cognito", "region"],
        "region = \"eu-west-2\"\nuser_pool_id = \"eu-west-1_example\"",
        providers::cognito,
        NOWHERE,
    ),
    wrong(
        ["cognito", "user_pool_id"],
        "region = \"eu-west-1\"\nuser_pool_id = \"eu-west-1_other\"",
        providers::cognito,
        NOT_FOUND,
    ),
    wrong(
        ["descope", "project_id"],
        "project_id = \"P2other\"",
        providers::descope,
        NOT_FOUND,
    ),
    wrong(
        ["descope", "scopes"],
        "project_id = \"P2example\"\nclient_kwargs = { scope = \"openid descope.all\" }",
        providers::descope,
        SCOPE,
    ),
    wrong(
        ["discord", "prompt"],
        "client_kwargs = { prompt = \"select_account\" }",
        providers::discord,
        PROMPT,
    ),
    wrong(
        ["discord", "scopes"],
        "client_kwargs = { scope = \"openid email profile\" }",
        providers::discord,
        SCOPE,
    ),
    wrong(
        ["discord", "subject"],
        "subject_key = \"/uid\"",
        providers::discord,
        SUBJECT,
    ),
    wrong(
        ["discord", "token"],
        "authorization_endpoint = \"https://discord.com/oauth2/authorize\"\n\
         token_endpoint = \"https://discord.com/api/token\"\n\
         userinfo_endpoint = \"https://discord.com/api/users/@me\"\n\
         client_kwargs = { scope = \"identify email\" }",
        providers::discord,
        ["provider_status", "token endpoint"],
    ),
    wrong(
        ["entra", "tenant"],
        "tenant = \"contoso.example\"",
        entra,
        NOT_FOUND,
    ),
    wrong(
        ["entra", "authentication"],
        "tenant = \"common\"\nallowed_tenants = [\"*\"]\n\
         client_kwargs = { token_endpoint_auth_method = \"client_secret_basic\" }",
        entra,
        CLIENT,
    ),
    wrong(
        ["entra", "prompt"],
        "tenant = \"common\"\nallowed_tenants = [\"*\"]\nclient_kwargs = { prompt = \"create\" }",
        entra,
        PROMPT,
    ),
    wrong(
        ["entra", "issuer of tenant"],
        "tenant = \"common\"\nallowed_tenants = [\"*\"]\n\
         jwks_uri = \"https://login.microsoftonline.com/common/discovery/v2.0/keys\"",
        entra,
        ["metadata_issuer_differs", "{tenantid}"],
    ),
    wrong(
        ["entra", "allowed_tenants"],
        "tenant = \"common\"\nallowed_tenants = [\"11111111-2222-4333-8444-555555555555\"]",
        entra,
        ["account_not_allowed", TENANT],
    ),
    wrong(
        ["facebook", "authentication"],
        BASIC,
        providers::facebook,
        CLIENT,
    ),
    wrong(
        ["facebook", "subject"],
        "subject_key = \"/sub\"",
        providers::facebook,
        SUBJECT,
    ),
    wrong(
        ["facebook", "scopes"],
        "client_kwargs = { scope = \"openid\" }",
        || strict(providers::facebook(), &["public_profile", "email"]),
        SCOPE,
    ),
    wrong(
        ["facebook", "userinfo"],
        "authorization_endpoint = \"https://www.facebook.com/v24.0/dialog/oauth\"\n\
         token_endpoint = \"https://graph.facebook.com/v24.0/oauth/access_token\"\n\
         userinfo_endpoint = \"https://graph.facebook.com/v24.0/me\"\n\
         client_kwargs = { token_endpoint_auth_method = \"client_secret_post\" }",
        providers::facebook,
        NOT_FOUND,
    ),
    wrong(
        ["github", "subject"],
        "subject_key = \"/node_id\"",
        github,
        SUBJECT,
    ),
    wrong(
        ["github", "prompt"],
        "client_kwargs = { prompt = \"consent\" }",
        github,
        PROMPT,
    ),
    wrong(
        ["github", "scopes"],
        "client_kwargs = { scope = \"openid\" }",
        || strict(github(), &["read:user", "user:email"]),
        SCOPE,
    ),
    wrong(
        ["github", "authentication"],
        BASIC,
        || github().but(|it| it.secret = Secret::Post),
        CLIENT,
    ),
    wrong(
        ["gitlab", "host"],
        "host = \"git.example.com\"",
        gitlab,
        NOWHERE,
    ),
    wrong(
        ["gitlab", "prompt"],
        "client_kwargs = { prompt = \"select_account\" }",
        gitlab,
        PROMPT,
    ),
    wrong(
        ["gitlab", "scopes"],
        "client_kwargs = { scope = \"openid read_user\" }",
        gitlab,
        SCOPE,
    ),
    wrong(
        ["google", "metadata"],
        "server_metadata_url = \"https://accounts.google.com/o/.well-known/openid-configuration\"",
        providers::google,
        NOT_FOUND,
    ),
    wrong(
        ["google", "hosted_domain"],
        "hosted_domain = \"example.org\"",
        providers::google,
        ["account_not_allowed", "hd"],
    ),
    wrong(
        ["google", "prompt"],
        "client_kwargs = { prompt = \"login\" }",
        providers::google,
        PROMPT,
    ),
    wrong(
        ["google", "scopes"],
        "client_kwargs = { scope = \"openid groups\" }",
        providers::google,
        SCOPE,
    ),
    wrong(
        ["kanidm", "host"],
        "host = \"id.example.com\"",
        providers::kanidm,
        NOWHERE,
    ),
    wrong(
        ["kanidm", "authentication"],
        "host = \"idm.example.com\"\n\
         client_kwargs = { token_endpoint_auth_method = \"client_secret_post\" }",
        providers::kanidm,
        CLIENT,
    ),
    wrong(
        ["kanidm", "scopes"],
        "host = \"idm.example.com\"\nclient_kwargs = { scope = \"openid groups\" }",
        providers::kanidm,
        SCOPE,
    ),
    wrong(
        ["kanidm", "algorithm"],
        "host = \"idm.example.com\"\nid_token_signed_response_alg = \"RS256\"",
        providers::kanidm,
        ["id_token_refused", "alg"],
    ),
    wrong(
        ["keycloak", "realm"],
        "host = \"sso.example.com\"\nrealm = \"Staff\"",
        providers::keycloak,
        NOT_FOUND,
    ),
    wrong(
        ["keycloak", "host"],
        "host = \"id.example.com\"\nrealm = \"staff\"",
        providers::keycloak,
        NOWHERE,
    ),
    wrong(
        ["linkedin", "authentication"],
        BASIC,
        providers::linkedin,
        CLIENT,
    ),
    wrong(
        ["linkedin", "scopes"],
        "client_kwargs = { scope = \"openid r_liteprofile\" }",
        providers::linkedin,
        SCOPE,
    ),
    wrong(
        ["linkedin", "without PKCE"],
        "jwks_uri = \"https://www.linkedin.com/oauth/openid/jwks\"",
        linkedin_with_nonce,
        CLIENT,
    ),
    wrong(
        ["linkedin", "nonce not echoed"],
        "jwks_uri = \"https://www.linkedin.com/oauth/openid/jwks\"",
        linkedin_with_pkce,
        ["id_token_refused", "nonce"],
    ),
    wrong(
        ["okta", "authorization_server"],
        "domain = \"example.okta.com\"\nauthorization_server = \"main\"",
        okta,
        NOT_FOUND,
    ),
    wrong(
        ["okta", "prompt"],
        "domain = \"example.okta.com\"\nauthorization_server = \"default\"\n\
         client_kwargs = { prompt = \"select_account\" }",
        okta,
        PROMPT,
    ),
    wrong(
        ["okta", "domain"],
        "domain = \"example-admin.okta.com\"\nauthorization_server = \"default\"",
        okta,
        NOWHERE,
    ),
    wrong(
        ["slack", "scopes"],
        "client_kwargs = { scope = \"openid users:read\" }",
        providers::slack,
        SCOPE,
    ),
    wrong(
        ["slack", "prompt"],
        "client_kwargs = { prompt = \"select_account\" }",
        || providers::slack().but(|it| it.prompts = &["none"]),
        PROMPT,
    ),
    wrong(
        ["twitch", "authentication"],
        BASIC,
        providers::twitch,
        CLIENT,
    ),
    wrong(
        ["twitch", "prompt"],
        "client_kwargs = { prompt = \"select_account\" }",
        || providers::twitch().but(|it| it.prompts = &["none"]),
        PROMPT,
    ),
    wrong(
        ["twitch", "scopes"],
        "client_kwargs = { scope = \"openid email\" }",
        || strict(providers::twitch(), &["openid", "user:read:email"]),
        SCOPE,
    ),
    wrong(
        ["zitadel", "host"],
        "host = \"other.zitadel.cloud\"",
        providers::zitadel,
        NOWHERE,
    ),
    wrong(
        ["zitadel", "prompt"],
        "host = \"example.zitadel.cloud\"\nclient_kwargs = { prompt = \"consent\" }",
        providers::zitadel,
        PROMPT,
    ),
];

#[tokio::test]
async fn a_field_of_a_row_that_is_wrong_fails_the_login_by_its_code() {
    for Wrong {
        row,
        field,
        lines,
        stand_in,
        code,
        log,
    } in TABLE
    {
        crate::support::row(&format!("{row}: {field}"));
        let mut scene = Scene::with(stand_in(), &section(row, lines)).await;
        scene.refuses(row, code, log).await;
    }
}

#[test]
fn every_provider_of_the_docs_has_a_field_that_is_turned() {
    let turned: BTreeSet<_> = TABLE.iter().map(|it| it.row).collect();
    let docs = include_str!("../../../docs/providers.md");
    let headings = docs.lines().filter_map(|line| line.strip_prefix("## "));
    // Its secret is signed and its answer is a POST: it has a file of its own.
    let missing: Vec<_> = headings
        .filter(|row| *row != "apple" && !turned.contains(row))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// What the row asks for besides is what makes its provider tell it.
#[tokio::test]
async fn twitch_tells_no_e_mail_to_those_who_ask_for_none() {
    let lines = "client_kwargs = { claims = '{\"id_token\":{}}' }";
    let mut scene = Scene::with(providers::twitch(), &section("twitch", lines)).await;
    assert_eq!(scene.logs_in("twitch").await["email"], Value::Null);
}

#[tokio::test]
async fn discord_s_e_mail_is_verified_by_its_own_word_at_its_own_address_alone() {
    let lines = "authorization_endpoint = \"https://discord.com/oauth2/authorize\"\n\
                 token_endpoint = \"https://discord.com/api/oauth2/token\"\n\
                 userinfo_endpoint = \"https://discord.com/api/users/@me?v=9\"\n\
                 client_kwargs = { scope = \"identify email\" }";
    let told = json!({ "id": "80351110224678912", "email": "ada@example.com", "verified": true });
    let stand_in = providers::discord().tells("https://discord.com/api/users/@me?v=9", told);
    let mut scene = Scene::with(stand_in, &section("discord", lines)).await;
    assert_eq!(
        scene.logs_in("discord").await["email_verified"],
        Value::Null
    );
}
