//! Providers of OAuth 2 alone: who somebody is says an API, to the access token of our own exchange.

use serde_json::{Value, json};

use super::providers;
use super::stand_in::{StandIn, as_form};
use super::{Scene, refused_at_start, section};
use crate::support::Internet;

const USER: &str = "https://api.github.com/user";
const EMAILS: &str = "https://api.github.com/user/emails";

async fn at_github(stand_in: StandIn) -> Scene {
    Scene::with(stand_in, &section("github", "")).await
}

#[test]
fn lgn_14_a_section_that_names_no_user_endpoint_does_not_start() {
    let sections = section(
        "forge",
        "authorization_endpoint = \"https://forge.example/authorize\"\n\
         token_endpoint = \"https://forge.example/token\"",
    );
    let told = refused_at_start(&sections);
    assert!(told.contains("userinfo_endpoint"), "{told}");
}

#[tokio::test]
async fn cbk_27_a_login_without_a_nonce_passes_every_other_check() {
    let mut scene = at_github(providers::github(None)).await;
    let begun = scene.browser.get("/auth/login?provider=github").await;
    let url: url::Url = begun.location().parse().unwrap();
    assert!(url.query_pairs().all(|(name, _)| name != "nonce"), "{url}");
    for parameter in ["state", "code_challenge"] {
        assert!(url.query_pairs().any(|(name, _)| name == parameter));
    }
    let mut other = scene.browser.clone();
    other.jar = crate::support::Jar::default();
    let back = scene.internet.visit(&url).await.location().to_owned();
    let back = crate::support::relative(&back);

    // Another state, another browser, and the same answer again.
    let changed = back.replace("state=", "state=x");
    let page = scene.browser.get_from_elsewhere(&changed).await;
    assert_eq!(page.code().as_deref(), Some("state_unknown"), "{page:?}");
    let page = other.get_from_elsewhere(&back).await;
    assert_eq!(
        page.code().as_deref(),
        Some("login_cookie_missing"),
        "{page:?}"
    );
    let page = scene.browser.get_from_elsewhere(&back).await;
    assert_eq!(page.location(), "/");
    let sent = scene
        .internet
        .sent_to("github.com", "/login/oauth/access_token");
    assert!(sent.parameter("code_verifier").is_some());
    let page = scene.browser.get_from_elsewhere(&back).await;
    assert_eq!(page.location(), "/");
    assert_eq!(scene.who().await["subject"], "583231");
    // Still one request: a code is redeemed once.
    scene
        .internet
        .sent_to("github.com", "/login/oauth/access_token");
}

#[tokio::test]
async fn tok_05_a_form_is_no_token_answer_and_json_is_asked_for() {
    let mut scene = at_github(providers::github(None)).await;
    scene.logs_in("github").await;
    let sent = scene
        .internet
        .sent_to("github.com", "/login/oauth/access_token");
    assert_eq!(sent.header("accept"), Some("application/json"));

    let internet = Internet::new().await;
    providers::github(None).open(&internet);
    let router = axum::Router::new()
        .route(
            "/login/oauth/authorize",
            axum::routing::get(async |query: axum::extract::Query<Vec<(String, String)>>| {
                let has = |name: &str| query.iter().find(|it| it.0 == name).unwrap().1.clone();
                let back = format!("{}?code=c&state={}", has("redirect_uri"), has("state"));
                axum::response::Redirect::to(&back)
            }),
        )
        .route(
            "/login/oauth/access_token",
            axum::routing::post(async || {
                as_form(&json!({ "access_token": "a", "token_type": "bearer" }))
            }),
        );
    internet.host("github.com", router);
    let mut scene = Scene::on(internet, &section("github", ""));
    scene.refuses("github", "token_answer_invalid", "").await;
}

#[tokio::test]
async fn an_error_with_the_status_of_a_success_is_an_error() {
    for (error, code) in [
        ("bad_verification_code", "token_refused"),
        ("incorrect_client_credentials", "token_refused"),
        ("invalid_client", "client_refused"),
        ("invalid_grant", "code_refused"),
    ] {
        let stand_in = providers::github(None).token_says(json!({ "error": error }));
        let mut scene = at_github(stand_in).await;
        scene.refuses("github", code, "").await;
        assert!(
            scene
                .internet
                .sent()
                .iter()
                .all(|it| it.host != "api.github.com")
        );
    }
}

#[tokio::test]
async fn uin_04_a_signed_answer_that_nobody_asked_for_is_refused() {
    let key = crate::support::TestKey::new("ES256");
    let signed = key.sign(
        &key.header(),
        &json!({ "sub": "U0R7JM", "iss": "https://slack.com" }),
    );
    let at = "https://slack.com/api/openid.connect.userInfo";
    let stand_in = providers::slack().tells(at, signed.clone().into());
    let mut scene = Scene::with(stand_in, &section("slack", "")).await;
    scene.refuses("slack", "userinfo_invalid", "").await;

    let mut scene = at_github(providers::github(None).tells(USER, signed.into())).await;
    scene.refuses("github", "userinfo_invalid", "").await;
}

#[tokio::test]
async fn uin_06_people_with_one_e_mail_at_two_providers_are_two() {
    let internet = Internet::new().await;
    providers::github(None).open(&internet);
    providers::google().open(&internet);
    let sections = section("github", "") + &section("google", "");
    let mut scene = Scene::on(internet, &sections);
    let one = scene.logs_in("github").await;
    let other = scene.logs_in("google").await;
    assert_eq!(one["email"], other["email"]);
    assert_ne!(one["issuer"], other["issuer"]);
    assert_ne!(one["subject"], other["subject"]);
}

#[tokio::test]
async fn uin_06_somebody_who_takes_another_login_name_stays_the_same() {
    let renamed = json!({ "id": 583_231, "login": "countess", "name": null });
    let mut scene = at_github(providers::github(None).tells(USER, renamed)).await;
    let told = scene.logs_in("github").await;
    assert_eq!(told["subject"], "583231");
    assert_eq!(told["name"], "countess");
}

#[tokio::test]
async fn uin_06_an_e_mail_that_nobody_verified_is_said_to_be_that() {
    let emails = json!([
        { "email": "old@example.com", "primary": false, "verified": true },
        { "email": "ada@example.com", "primary": true, "verified": false },
    ]);
    let mut scene = at_github(providers::github(None).tells(EMAILS, emails)).await;
    let told = scene.logs_in("github").await;
    assert_eq!(
        [&told["email"], &told["email_verified"]],
        [&json!("ada@example.com"), &json!(false)]
    );

    let emails = json!({ "values": [
        { "email": "ada@example.com", "is_primary": true, "is_confirmed": "yes" },
    ] });
    let at = "https://api.bitbucket.org/2.0/user/emails";
    let stand_in = providers::bitbucket().tells(at, emails);
    let mut scene = Scene::with(stand_in, &section("bitbucket", "")).await;
    assert_eq!(scene.logs_in("bitbucket").await["email_verified"], false);
}

#[tokio::test]
async fn uin_11_a_number_keeps_every_digit() {
    for (id, subject) in [
        (json!(9_007_199_254_740_993_u64), "9007199254740993"),
        (json!(u64::MAX), "18446744073709551615"),
        (json!(-7), "-7"),
        (json!(0), "0"),
        (json!("0042"), "0042"),
    ] {
        let stand_in = providers::github(None).tells(USER, json!({ "id": id, "login": "ada" }));
        let mut scene = at_github(stand_in).await;
        assert_eq!(scene.logs_in("github").await["subject"], subject);
    }
}

#[tokio::test]
async fn uin_11_a_subject_that_is_none_is_refused() {
    let long = "9".repeat(256);
    let text = |id: &str| json!(format!("{{\"id\": {id}, \"login\": \"ada\"}}"));
    for answer in [
        json!({ "login": "ada" }),
        json!({ "id": null, "login": "ada" }),
        json!({ "id": "", "login": "ada" }),
        json!({ "id": { "id": 1 }, "login": "ada" }),
        json!({ "id": [1], "login": "ada" }),
        json!({ "id": true, "login": "ada" }),
        json!({ "id": "a\nb", "login": "ada" }),
        json!({ "id": long, "login": "ada" }),
        text("1.5"),
        text("1.0"),
        text("1e3"),
        text("18446744073709551616"),
        json!([{ "id": 1 }]),
        json!("<!doctype html>"),
    ] {
        let mut scene = at_github(providers::github(None).tells(USER, answer)).await;
        scene.refuses("github", "userinfo_invalid", "").await;
    }
}

#[tokio::test]
async fn a_user_endpoint_that_refuses_the_token_logs_nobody_in() {
    for status in [401, 403, 404, 500] {
        let stand_in = providers::github(None).answers(USER, status, json!({ "id": 1 }));
        let mut scene = at_github(stand_in).await;
        scene
            .refuses("github", "provider_status", &status.to_string())
            .await;
    }
}

#[tokio::test]
async fn e_mails_that_may_not_be_asked_for_are_one_line_and_the_login_goes_on() {
    for status in [403, 404] {
        let stand_in = providers::github(None).answers(EMAILS, status, json!({ "message": "no" }));
        let mut scene = at_github(stand_in).await;
        let page = scene.log_in("github").await;
        assert_eq!(page.code(), None, "{page:?}");
        let told = scene.who().await;
        assert_eq!(
            [&told["subject"], &told["email"]],
            [&json!("583231"), &Value::Null]
        );
        let complaints = scene.logs.complaints();
        assert_eq!(complaints.len(), 1, "{complaints:?}");
        assert!(
            complaints[0]
                .text
                .contains("e-mails of a person were not to be had")
        );
    }
    let stand_in = providers::github(None).answers(EMAILS, 500, json!({}));
    let mut scene = at_github(stand_in).await;
    scene.refuses("github", "provider_status", "500").await;
}

#[tokio::test]
async fn the_access_token_goes_to_the_api_alone_and_in_the_header() {
    let mut scene = at_github(providers::github(None)).await;
    scene.logs_in("github").await;
    for path in ["/user", "/user/emails"] {
        let sent = scene.internet.sent_to("api.github.com", path);
        assert_eq!(sent.header("authorization"), Some("Bearer an-access-token"));
        assert_eq!((sent.query.as_str(), sent.body.as_str()), ("", ""));
    }
    assert_eq!(scene.internet.sent().len(), 3);
}

#[tokio::test]
async fn a_graph_that_answers_with_an_error_logs_nobody_in() {
    let at = "https://graph.facebook.com/v24.0/me?fields=id,name,email,picture";
    let error =
        json!({ "error": { "message": "Invalid token", "type": "OAuthException", "code": 190 } });
    for status in [200, 400] {
        let stand_in = providers::facebook().answers(at, status, error.clone());
        let mut scene = Scene::with(stand_in, &section("facebook", "")).await;
        let code = if status == 200 {
            "userinfo_invalid"
        } else {
            "provider_status"
        };
        scene.refuses("facebook", code, "").await;
    }
    let stand_in = providers::facebook().token_says(error);
    let mut scene = Scene::with(stand_in, &section("facebook", "")).await;
    scene.refuses("facebook", "token_answer_invalid", "").await;
}

#[tokio::test]
async fn somebody_without_a_picture_at_discord_has_none() {
    for avatar in [Value::Null, json!(""), json!("../../evil"), json!(1)] {
        let told = json!({ "id": "80351110224678912", "username": "ada", "avatar": avatar });
        let stand_in = providers::discord().tells("https://discord.com/api/users/@me", told);
        let mut scene = Scene::with(stand_in, &section("discord", "")).await;
        let told = scene.logs_in("discord").await;
        assert_eq!(
            [&told["picture"], &told["name"]],
            [&Value::Null, &json!("ada")]
        );
        assert_eq!(told["email_verified"], Value::Null);
    }
}

#[tokio::test]
async fn where_there_is_a_list_of_e_mails_nothing_else_vouches_for_one() {
    let user = json!({ "id": 1, "login": "ada", "email": "boss@corp.com", "email_verified": true });
    for (status, list) in [(200, json!([])), (403, json!({})), (404, json!({}))] {
        let stand_in = providers::github(None).tells(USER, user.clone());
        let mut scene = at_github(stand_in.answers(EMAILS, status, list)).await;
        scene.log_in("github").await;
        let told = scene.who().await;
        assert_eq!(told["email"], "boss@corp.com");
        assert_eq!(told["email_verified"], Value::Null);
    }
}

#[tokio::test]
async fn an_id_token_that_nobody_has_verified_is_not_kept() {
    let unverified = json!({ "id_token": "e30.e30.AAAA" });
    let section = section("github", "expose_tokens = \"id\"");
    let stand_in = providers::github(None).token_says(unverified);
    let mut scene = Scene::with(stand_in, &section).await;
    assert_eq!(scene.logs_in("github").await["subject"], "583231");
    let answer = scene.browser.get("/id-token").await;
    assert_eq!(answer.code().as_deref(), Some("token_not_given"));
}
