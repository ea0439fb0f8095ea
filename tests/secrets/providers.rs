//! One broken section beside others, and what a login makes of a section.

use axum::Router;
use axum::body::{Body, to_bytes};
use http::{Request, StatusCode, header};
use keycard::Auth;
use tower::ServiceExt;

use crate::logs::Logs;
use crate::{CANARY, GOOGLE, SHARED, filled_in, load, names};

fn two(broken: &str) -> String {
    let okta = GOOGLE.replace("google", "okta");
    format!("{SHARED}{GOOGLE}{}", okta.replace("\"an-id\"", broken))
}

/// What a person gets who goes to a path of the app, under this host.
async fn visit(auth: &Auth, path: &str, host: &str) -> (StatusCode, String) {
    let app: Router = Router::new().layer(auth.layer());
    let request = Request::get(path)
        .header(header::ACCEPT, "text/html")
        .header(header::HOST, host)
        .body(Body::empty())
        .unwrap();
    let answer = app.oneshot(request).await.unwrap();
    let status = answer.status();
    let page = to_bytes(answer.into_body(), 1 << 20).await.unwrap();
    (status, String::from_utf8(page.to_vec()).unwrap())
}

#[tokio::test]
async fn cfg_33_a_broken_section_leaves_the_others_and_answers_its_own_logins() {
    let logs = Logs::capture();
    let (text, _) = filled_in(&two("\"\""));
    let auth = Auth::builder().toml(&text).build().unwrap();

    assert_eq!(names(&auth), ["google"]);
    let told = logs.complaints();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0]
            .text
            .contains("invalid `auth.okta.client_id` in .toml(…):9:13: it is empty"),
        "{told:?}"
    );

    logs.clear();
    for host in ["localhost:8501", "app.example.com"] {
        let (status, page) = visit(&auth, "/auth/login?provider=okta", host).await;
        assert_eq!(status, StatusCode::BAD_GATEWAY);
        assert!(page.contains("provider_misconfigured"), "{page}");
        assert!(page.contains("This login is not set up right"), "{page}");
        let is_local = host == "localhost:8501";
        assert_eq!(page.contains("it is empty"), is_local, "{page}");
    }
    let told = logs.complaints();
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0].code.as_deref(), Some("provider_misconfigured"));
    assert!(told[0].text.contains("it is empty"), "{told:?}");
}

#[tokio::test]
async fn cfg_33_a_broken_unnamed_provider_is_nobody_elses_login() {
    let unnamed = GOOGLE.replace("[auth.google]\n", "").replace("an-id", "");
    let (text, _) = filled_in(&format!("{SHARED}{unnamed}{GOOGLE}"));
    let auth = Auth::builder().toml(&text).build().unwrap();

    assert_eq!(names(&auth), ["google"]);
    let (status, page) = visit(&auth, "/auth/login", "localhost:8501").await;
    assert_eq!(status, StatusCode::BAD_GATEWAY);
    assert!(page.contains("provider_misconfigured"), "{page}");
}

#[test]
fn cfg_33_where_every_section_is_broken_or_strict_the_app_does_not_start() {
    let all = two("\"\"").replace("\"an-id\"", "7.5");
    let said = load(&all).map(|_| ()).unwrap_err();
    assert!(said.starts_with("2 mistakes"), "{said}");
    assert!(said.contains("invalid `auth.google.client_id`"), "{said}");
    assert!(said.contains("invalid `auth.okta.client_id`"), "{said}");

    let strict = two("\"\"").replace("[auth]\n", "[auth]\nstrict = true\n");
    let said = load(&strict).map(|_| ()).unwrap_err();
    assert!(said.starts_with("one mistake"), "{said}");
    assert!(said.contains("invalid `auth.okta.client_id`"), "{said}");
}

#[tokio::test]
async fn another_port_than_that_of_redirect_uri_is_one_warning() {
    let (text, _) = filled_in(&two("\"another-id\""));
    let auth = Auth::builder().toml(&text).build().unwrap();
    let logs = Logs::capture();
    let about_ports = || {
        let mut lines = logs.complaints();
        lines.retain(|line| line.text.contains("port"));
        lines
    };

    for host in [
        "localhost:8501",
        "127.0.0.1:8501",
        "app.example.com:3000",
        "localhost.evil.example:3000",
    ] {
        visit(&auth, "/auth/login", host).await;
    }
    assert!(about_ports().is_empty(), "{:?}", about_ports());

    for host in ["localhost:3000", "127.0.0.1:3000", "localhost"] {
        let (status, _) = visit(&auth, "/auth/login", host).await;
        assert_eq!(status, StatusCode::OK, "the chooser comes all the same");
    }
    let told = about_ports();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(
        told[0].text.contains("asked=3000 redirect_uri=8501"),
        "{told:?}"
    );
}

#[tokio::test]
async fn another_port_is_nothing_to_an_app_that_others_reach() {
    let (text, _) = filled_in(&two("\"another-id\""));
    let text = text.replace("http://localhost:8501", "https://app.example.com");
    let auth = Auth::builder().toml(&text).build().unwrap();
    let logs = Logs::capture();

    visit(&auth, "/auth/login", "localhost:3000").await;

    assert!(
        !logs
            .complaints()
            .iter()
            .any(|line| line.text.contains("port"))
    );
}

#[test]
fn cfg_36_odd_client_secrets_are_kept_and_blank_ones_are_none() {
    for secret in ["a:b", "a%b+c&d", "é ü", "\\\"", "a=b", "#"] {
        load(&format!("{SHARED}{}", GOOGLE.replace("{{client}}", secret))).unwrap();
    }
    for blank in [" ", "\\t", "\\n"] {
        let said = load(&format!("{SHARED}{}", GOOGLE.replace("{{client}}", blank)));
        assert!(said.unwrap_err().contains("it is blank"));
    }
    let said = load(&format!(
        "{SHARED}{}strict = true\n",
        GOOGLE.replace("{{client}}", CANARY)
    ));
    said.unwrap();
}
