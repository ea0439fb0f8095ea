//! Providers at hosts of their own, reached as an app in production reaches them: by https, through
//! a proxy.

use axum::Router;
use axum::routing::post;
use http::{Method, StatusCode};
use keycard::Auth;
use serde_json::json;

use crate::support::{
    Browser, Internet, Logs, SITE, SmallProvider, app, base64url, fresh_secret, shared, who,
};

const HOST: &str = "login.example.com";

/// An app that knows this provider in this internet, and a browser.
fn browser_at(internet: &Internet, section: &str) -> Browser {
    let text = shared(&fresh_secret(), &internet.secrets()) + section;
    let auth = Auth::builder().toml(&text).build().unwrap();
    Browser::new(&app(&auth), SITE).on(internet)
}

fn section(host: &str) -> String {
    format!(
        "[auth.example]\nclient_id = \"an id\"\nclient_secret = \"a & secret\"\n\
         server_metadata_url = \"https://{host}/tenant/.well-known/openid-configuration\"\n"
    )
}

#[tokio::test]
async fn a_login_at_a_provider_of_the_internet_ends_as_its_claims_say() {
    let internet = Internet::new().await;
    let provider = SmallProvider::at(&format!("https://{HOST}/tenant"));
    let claims = json!({ "name": "Ada Lovelace", "sub": "ada" });
    provider.claims(claims).open(&internet);
    let mut browser = browser_at(&internet, &section(HOST));

    let page = browser.travel("/auth/login?provider=example").await;

    assert_eq!(
        (page.status, page.body.as_str()),
        (StatusCode::OK, "Ada Lovelace")
    );
    let issuer = format!("ada of https://{HOST}/tenant by example");
    assert!(who(&mut browser).await.starts_with(&issuer));
    let sent = internet.sent();
    let paths: Vec<_> = sent
        .iter()
        .map(|it| (&it.method, it.path.as_str()))
        .collect();
    assert_eq!(
        paths,
        [
            (&Method::GET, "/tenant/.well-known/openid-configuration"),
            (&Method::POST, "/tenant/token"),
            (&Method::GET, "/tenant/keys"),
        ]
    );
    let request = internet.sent_to(HOST, "/tenant/token");
    assert_eq!(request.header("host"), Some(HOST));
    let basic = base64_simd::STANDARD.encode_to_string("an+id:a+%26+secret");
    assert_eq!(
        request.header("authorization"),
        Some(format!("Basic {basic}").as_str())
    );
    assert_eq!(request.parameter("code").as_deref(), Some("code-0"));
    assert_eq!(
        request.parameter("redirect_uri"),
        Some(format!("{SITE}/oauth2callback"))
    );
    assert_eq!(internet.refused(), [""; 0]);
}

#[tokio::test]
async fn several_hosts_of_the_internet_share_a_login() {
    let internet = Internet::new().await;
    let token = "https://token.example.net/";
    let provider = SmallProvider::at(&format!("https://{HOST}/tenant"));
    let provider = provider.metadata(json!({ "token_endpoint": token }));
    provider.open(&internet);
    let teapot = Router::new().route("/", post(async || StatusCode::IM_A_TEAPOT));
    internet.host("token.example.net", teapot);
    let mut browser = browser_at(&internet, &section(HOST));

    let page = browser.travel("/auth/login?provider=example").await;

    assert_eq!(page.code().as_deref(), Some("provider_status"), "{page:?}");
    let request = internet.sent_to("token.example.net", "/");
    let verifier = request.parameter("code_verifier").unwrap();
    assert_eq!(verifier.len(), base64url([0; 32]).len());
}

#[tokio::test]
async fn a_host_that_the_internet_does_not_have_is_a_page_that_says_so() {
    let logs = Logs::capture();
    let internet = Internet::new().await;
    let mut browser = browser_at(&internet, &section("nowhere.example.com"));

    let page = browser.travel("/auth/login?provider=example").await;

    assert_eq!(page.status, StatusCode::SERVICE_UNAVAILABLE, "{page:?}");
    assert_eq!(page.code().as_deref(), Some("provider_unreachable"));
    let complaints = logs.complaints();
    assert!(
        complaints[0]
            .text
            .contains("the proxy refuses the way to it"),
        "{complaints:?}"
    );
    assert_eq!(internet.refused(), ["nowhere.example.com:443"]);
    assert!(internet.sent().is_empty());
}
