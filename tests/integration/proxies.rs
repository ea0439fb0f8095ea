//! What proxies add to a request, and what strangers add in their name, decides nothing: the secrets
//! file says where the app is.

use axum::body::Body;
use http::{Method, StatusCode};

use crate::support::{Answer, Browser, World, relative, who};

/// Headers that make an app believe that it stands elsewhere.
const PLACES: [(&str, &str); 10] = [
    ("forwarded", "for=1.2.3.4;host=evil.example;proto=http"),
    ("host", "evil.example"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-port", "81"),
    ("x-forwarded-proto", "http"),
    ("x-forwarded-scheme", "http"),
    ("x-forwarded-server", "evil.example"),
    ("x-host", "evil.example"),
    ("x-original-url", "/elsewhere"),
    ("x-rewrite-url", "/elsewhere"),
];

/// Headers that make an app believe that it was asked for something else.
const PATHS: [(&str, &str); 8] = [
    ("x-forwarded-method", "POST"),
    ("x-forwarded-path", "/"),
    ("x-forwarded-prefix", "/evil"),
    ("x-forwarded-uri", "/"),
    ("x-http-method-override", "POST"),
    ("x-original-method", "POST"),
    ("x-original-uri", "/"),
    ("x-script-name", "/evil"),
];

const HTTPS: &str = "https://localhost";

/// An app that is reached by https, as behind a proxy that ends TLS.
async fn world() -> World {
    World::with(|builder| builder.set("auth.redirect_uri", format!("{HTTPS}/oauth2callback"))).await
}

/// One request with all of these headers.
async fn ask(
    browser: &mut Browser,
    method: Method,
    path: &str,
    headers: &[(&'static str, &'static str)],
) -> Answer {
    let site = if method == Method::POST {
        "same-origin"
    } else {
        "none"
    };
    let mut request = browser.navigation(method, path, site);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    browser.send(request.body(Body::empty()).unwrap()).await
}

/// An answer without what is random in it: names of pending logins, sealed values, and what a URL
/// of the provider carries.
fn shape(answer: &Answer) -> String {
    let cookies: Vec<_> = answer
        .cookies()
        .iter()
        .map(|line| {
            let (pair, attributes) = line.split_once("; ").unwrap();
            let (name, value) = pair.split_once('=').unwrap();
            let name = name.split_once("-p-").map_or(name, |(name, _)| name);
            format!("{name} {} {attributes}", value.is_empty())
        })
        .collect();
    let location = answer.header("location").unwrap_or_default();
    let location = location.split('?').next().unwrap_or_default();
    format!("{} {location} {cookies:?}", answer.status)
}

#[tokio::test]
async fn pxy_01_host_and_forwarded_headers_change_no_address_and_no_cookie() {
    let world = world().await;
    for headers in [&[][..], &PLACES] {
        let mut browser = Browser::new(&world.app, HTTPS);

        let begun = ask(
            &mut browser,
            Method::GET,
            "/auth/login?return_to=/me",
            headers,
        )
        .await;
        let url: url::Url = begun.location().parse().unwrap();
        let (_, redirect_uri) = url
            .query_pairs()
            .find(|(name, _)| name == "redirect_uri")
            .unwrap();
        assert_eq!(redirect_uri, format!("{HTTPS}/oauth2callback"));
        assert!(
            begun.cookies()[0].starts_with("__Host-keycard-"),
            "{begun:?}"
        );

        let callback = world.provider.authorize(url.as_str(), "alice").unwrap();
        let home = ask(&mut browser, Method::GET, &relative(&callback), headers).await;
        assert_eq!(home.location(), "/me");
        assert!(who(&mut browser).await.starts_with("alice of"));

        let private = ask(&mut world.browser(), Method::GET, "/private", headers).await;
        assert!(private.location().starts_with("/auth/login?detour="));
        let out = ask(&mut browser, Method::POST, "/auth/logout", headers).await;
        assert_eq!(out.location(), "/");
    }
}

#[tokio::test]
async fn pxy_02_no_forwarded_path_or_method_changes_a_decision() {
    let world = world().await;
    for (method, path) in [
        (Method::GET, "/private"),
        (Method::GET, "/maybe"),
        (Method::GET, "/plain"),
        (Method::GET, "/auth/login?provider=google"),
        (Method::GET, "/auth/logout"),
        (Method::POST, "/auth/logout"),
        (Method::GET, "/logout"),
        (Method::GET, "/oauth2callback?code=c&state=s"),
    ] {
        let plain = ask(
            &mut Browser::new(&world.app, HTTPS),
            method.clone(),
            path,
            &[],
        )
        .await;
        for header in PATHS {
            let mut browser = Browser::new(&world.app, HTTPS);
            let answer = ask(&mut browser, method.clone(), path, &[header]).await;
            assert_eq!(shape(&answer), shape(&plain), "{header:?} at {path}");
        }
    }

    // A link of another site stays one, whatever method it is said to have been.
    let mut browser = Browser::new(&world.app, HTTPS);
    browser.log_in(&world.provider, "alice").await;
    let request = PATHS.into_iter().fold(
        browser.navigation(Method::GET, "/auth/logout", "cross-site"),
        |request, (name, value)| request.header(name, value),
    );
    let answer = browser.send(request.body(Body::empty()).unwrap()).await;
    assert!(answer.cookies().is_empty(), "{answer:?}");
    assert!(who(&mut browser).await.starts_with("alice of"));
}

#[tokio::test]
async fn pxy_03_a_forwarded_http_leaves_cookies_secure() {
    let world = world().await;
    for proto in [
        ("forwarded", "proto=http"),
        ("front-end-https", "off"),
        ("x-forwarded-proto", "http"),
        ("x-forwarded-ssl", "off"),
        ("x-url-scheme", "http"),
    ] {
        let mut browser = Browser::new(&world.app, HTTPS);
        let begun = ask(&mut browser, Method::GET, "/auth/login", &[proto]).await;
        let callback = world.provider.authorize(begun.location(), "alice").unwrap();
        let home = ask(&mut browser, Method::GET, &relative(&callback), &[proto]).await;
        let out = ask(&mut browser, Method::POST, "/auth/logout", &[proto]).await;
        for line in [begun, home, out].iter().flat_map(Answer::cookies) {
            assert!(
                line.starts_with("__Host-") && line.contains("; Secure"),
                "{line}"
            );
        }
    }
}

#[tokio::test]
async fn pxy_04_nobody_is_somebody_by_a_header() {
    let world = world().await;
    for name in [
        "authorization",
        "cf-access-authenticated-user-email",
        "remote-user",
        "remote_user",
        "x-amzn-oidc-identity",
        "x-auth-request-email",
        "x-auth-request-user",
        "x-auth-user",
        "x-authenticated-user",
        "x-forwarded-access-token",
        "x-forwarded-email",
        "x-forwarded-preferred-username",
        "x-forwarded-user",
        "x-goog-authenticated-user-email",
        "x-ms-client-principal",
        "x-ms-client-principal-id",
        "x-remote-user",
        "x-user",
        "x_forwarded_user",
    ] {
        for value in [
            "alice",
            "alice@example.com",
            "Bearer alice",
            "Basic YWxpY2U6eA==",
        ] {
            let mut browser = Browser::new(&world.app, HTTPS);
            let me = ask(&mut browser, Method::GET, "/me", &[(name, value)]).await;
            assert_eq!(me.body, "nobody", "{name}: {value}");
            let private = browser.request("GET", "/private", &[(name, value)]).await;
            assert_eq!(private.status, StatusCode::UNAUTHORIZED, "{name}: {value}");
        }
    }
}
