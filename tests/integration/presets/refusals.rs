//! Whom a provider's section does not let in, and what a provider of several tenants may not say.

use serde_json::{Value, json};

use super::providers::{self, ENTRA, TENANT};
use super::stand_in::StandIn;
use super::{Scene, refused_at_start, section};

const OTHER: &str = "11111111-2222-4333-8444-555555555555";

fn of(tenant: &str) -> String {
    format!("{ENTRA}/{tenant}/v2.0")
}

fn several(allowed: &str) -> String {
    section(
        "entra",
        &format!("tenant = \"common\"\nallowed_tenants = [{allowed}]"),
    )
}

/// A login for the people of one tenant, at `common`, spoilt in one way.
async fn entra_refuses(spoil: impl FnOnce(StandIn) -> StandIn, code: &str, log: &str) {
    let stand_in = spoil(providers::entra("common"));
    let mut scene = Scene::with(stand_in, &several(&format!("\"{TENANT}\""))).await;
    scene.refuses("entra", code, log).await;
    let asked = scene.internet.sent();
    assert!(asked.iter().all(|it| it.host != "graph.microsoft.com"));
}

#[tokio::test]
async fn idt_29_whoever_is_of_another_tenant_is_refused() {
    let claims = json!({ "tid": OTHER, "iss": of(OTHER) });
    entra_refuses(|it| it.claims(claims), "account_not_allowed", "tid").await;
    // A personal account is of a tenant too.
    let personal = "9188040d-6c67-4c5b-b112-36a304b66dad";
    let claims = json!({ "tid": personal, "iss": of(personal) });
    entra_refuses(|it| it.claims(claims), "account_not_allowed", "tid").await;
}

#[tokio::test]
async fn idt_29_whoever_is_of_no_hosted_domain_or_another_is_refused() {
    let sections = section("google", "hosted_domain = \"example.com\"");
    for hd in [
        Value::Null,
        json!("example.com.evil.example"),
        json!("EXAMPLE.org"),
        json!(["example.com"]),
        json!(true),
    ] {
        let stand_in = providers::google().claims(json!({ "hd": hd }));
        let mut scene = Scene::with(stand_in, &sections).await;
        scene.refuses("google", "account_not_allowed", "hd").await;
    }
    // Userinfo does not say it, and neither does the e-mail.
    let stand_in = providers::google().but(|it| {
        let claims = it.claims.as_object_mut().unwrap();
        claims.remove("hd");
        claims.remove("name");
        let url = "https://openidconnect.googleapis.com/v1/userinfo";
        it.told.get_mut(url).unwrap().1["hd"] = json!("example.com");
    });
    let mut scene = Scene::with(stand_in, &sections).await;
    scene.refuses("google", "account_not_allowed", "hd").await;
}

#[tokio::test]
async fn a_tenant_that_is_no_guid_is_refused() {
    for tid in [
        json!("common"),
        json!(""),
        json!("{tenantid}"),
        json!(format!("{TENANT}/v2.0/..")),
        json!(1),
        Value::Null,
    ] {
        let issuer = of(tid.as_str().unwrap_or_default());
        let claims = json!({ "tid": tid, "iss": issuer });
        entra_refuses(|it| it.claims(claims), "id_token_refused", "tid").await;
    }
    let without = |it: StandIn| {
        it.but(|it| {
            it.claims.as_object_mut().unwrap().remove("tid");
        })
    };
    entra_refuses(without, "id_token_refused", "tid").await;
}

#[tokio::test]
async fn an_issuer_of_another_tenant_than_the_token_s_is_refused() {
    for issuer in [
        of(OTHER),
        of("{tenantid}"),
        format!("{}/", of(TENANT)),
        of(TENANT).replace("login.microsoftonline.com", "login.example.com"),
    ] {
        let claims = json!({ "iss": issuer });
        entra_refuses(|it| it.claims(claims), "id_token_refused", "iss").await;
    }
}

#[tokio::test]
async fn a_key_of_another_tenant_vouches_for_nobody() {
    let spoil = |it: StandIn| it.but(|it| it.key_says = json!({ "issuer": of(OTHER) }));
    entra_refuses(spoil, "id_token_refused", "the key's issuer").await;
}

#[tokio::test]
async fn a_key_of_the_tenant_or_of_nobody_vouches_for_it() {
    for key_says in [json!({ "issuer": of(TENANT) }), json!({})] {
        let stand_in = providers::entra("common").but(|it| it.key_says = key_says);
        let mut scene = Scene::with(stand_in, &several(&format!("\"{TENANT}\""))).await;
        assert_eq!(scene.logs_in("entra").await["issuer"], of(TENANT));
    }
}

#[test]
fn several_tenants_without_saying_which_do_not_start() {
    for tenant in ["common", "organizations"] {
        let told = refused_at_start(&section("entra", &format!("tenant = \"{tenant}\"")));
        assert!(told.contains("allowed_tenants"), "{told}");
        let url = format!(
            "server_metadata_url = \"{ENTRA}/{tenant}/v2.0/.well-known/openid-configuration\""
        );
        // At its own address the name of the section does not matter.
        for name in ["microsoft", "work"] {
            let told = refused_at_start(&section(name, &url));
            assert!(told.contains("allowed_tenants"), "{name} {told}");
        }
    }
    for allowed in ["[]", "[\"example.com\"]", "[\"*\", \"*\"]"] {
        let lines = format!("tenant = \"common\"\nallowed_tenants = {allowed}");
        let told = refused_at_start(&section("entra", &lines));
        assert!(told.contains("GUID"), "{told}");
    }
}

#[tokio::test]
async fn any_tenant_may_be_let_in_and_the_posture_line_says_so() {
    let stand_in = providers::entra("common").claims(json!({ "tid": OTHER, "iss": of(OTHER) }));
    let mut scene = Scene::with(stand_in, &several("\"*\"")).await;
    let posture = scene.logs.everything();
    assert!(
        posture.contains("people of any tenant with entra"),
        "{posture}"
    );
    assert_eq!(scene.logs_in("entra").await["issuer"], of(OTHER));
}

#[tokio::test]
async fn entra_s_e_mail_is_verified_by_its_own_claim_alone() {
    for (claims, verified) in [
        (json!({ "email_verified": true }), Value::Null),
        (json!({ "xms_edov": true }), json!(true)),
        (
            json!({ "xms_edov": false, "email_verified": true }),
            json!(false),
        ),
        (json!({ "xms_edov": 1 }), Value::Null),
    ] {
        let stand_in = providers::entra("common").claims(claims.clone());
        let mut scene = Scene::with(stand_in, &several(&format!("\"{TENANT}\""))).await;
        let told = scene.logs_in("entra").await;
        assert_eq!(told["email_verified"], verified, "{claims}");
    }
}

#[tokio::test]
async fn groups_beyond_entra_s_limit_are_not_told() {
    for claims in [
        json!({ "_claim_names": { "groups": "src1" }, "_claim_sources": { "src1": {} } }),
        json!({ "hasgroups": true }),
    ] {
        let stand_in = providers::entra("common").claims(claims);
        let mut scene = Scene::with(stand_in, &several(&format!("\"{TENANT}\""))).await;
        assert_eq!(scene.logs_in("entra").await["groups"], Value::Null);
    }
}

#[tokio::test]
async fn userinfo_of_somebody_else_is_refused_at_a_provider_of_a_preset() {
    let at = "https://slack.com/api/openid.connect.userInfo";
    let stand_in = providers::slack().tells(at, json!({ "ok": true, "sub": "U0OTHER" }));
    let mut scene = Scene::with(stand_in, &section("slack", "")).await;
    scene.refuses("slack", "userinfo_subject_differs", "").await;
    // An error has the status of a success there.
    let refusal = json!({ "ok": false, "error": "invalid_auth" });
    let mut scene = Scene::with(providers::slack().tells(at, refusal), &section("slack", "")).await;
    scene.refuses("slack", "userinfo_invalid", "").await;
}

#[tokio::test]
async fn more_audiences_without_an_azp_that_is_us_are_refused() {
    let lines = "host = \"example.zitadel.cloud\"";
    for azp in [json!("another-client"), Value::Null] {
        let stand_in = providers::zitadel().claims(json!({ "azp": azp }));
        let mut scene = Scene::with(stand_in, &section("zitadel", lines)).await;
        scene.refuses("zitadel", "id_token_refused", "azp").await;
    }
}

#[tokio::test]
async fn whoever_declines_at_linkedin_has_cancelled() {
    for error in ["user_cancelled_login", "user_cancelled_authorize"] {
        let mut scene = Scene::with(providers::linkedin(), &section("linkedin", "")).await;
        let begun = scene.browser.get("/auth/login?provider=linkedin").await;
        let url: url::Url = begun.location().parse().unwrap();
        let (_, state) = url.query_pairs().find(|(name, _)| name == "state").unwrap();
        let back = format!("/oauth2callback?error={error}&state={state}");
        let page = scene.browser.get_from_elsewhere(&back).await;
        assert_eq!(page.code().as_deref(), Some("login_cancelled"), "{page:?}");
    }
}
