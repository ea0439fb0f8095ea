//! Nothing secret is printed: not by Debug, not by Display, not in the log, not on a page.

use std::error::Error as _;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use http::{Method, Request};
use keycard::dev::{self, Endpoint, Fault};
use keycard::{Auth, Identity, Session, User};
use serde_json::json;
use url::Url;

use crate::support::{
    Browser, Logs, SITE, World, app, fresh_secret, provider, provider_with, relative,
};

/// What nobody may ever read, by what it is.
#[derive(Clone, Debug, Default)]
struct Canaries(Vec<(&'static str, String)>);

impl Canaries {
    fn of(world: &World) -> Self {
        let mut canaries = Self::default();
        canaries.add("cookie secret", &world.cookie_secret);
        canaries.add("client secret", world.provider.client_secret());
        canaries.add("e-mail", "alice@example.com");
        canaries
    }

    fn add(&mut self, what: &'static str, value: &str) {
        assert!(value.len() >= 8, "{what} is too short to be told apart");
        self.0.push((what, value.to_owned()));
    }

    /// The secrets of a login, from its two addresses and from what the provider was asked.
    fn add_login(&mut self, world: &World, authorization_url: &str, callback: &str) {
        let parameter = |url: &str, name: &str| {
            let url: Url = url.parse().unwrap();
            let mut pairs = url.query_pairs();
            pairs
                .find(|(found, _)| found == name)
                .map(|(_, value)| value.into_owned())
        };
        self.add("state", &parameter(authorization_url, "state").unwrap());
        self.add("nonce", &parameter(authorization_url, "nonce").unwrap());
        if let Some(code) = parameter(callback, "code").filter(|code| code.len() > 8) {
            self.add("code", &code);
        }
        if let Some(request) = world.provider.last_request(Endpoint::Token) {
            self.add("verifier", request.parameter("code_verifier").unwrap());
            let credentials = request.authorization().unwrap();
            self.add("credentials", credentials.split_once(' ').unwrap().1);
        }
    }

    fn add_cookies(&mut self, browser: &Browser) {
        for name in browser.jar.names() {
            self.add("cookie", browser.jar.value(name).unwrap());
        }
    }

    #[track_caller]
    fn are_absent_from(&self, text: &str) {
        for (what, canary) in &self.0 {
            assert!(!text.contains(canary.as_str()), "the {what} is in {text}");
        }
    }
}

/// Both ways in which a value prints for developers.
fn printed(value: &impl std::fmt::Debug) -> String {
    format!("{value:?}{value:#?}")
}

#[tokio::test]
async fn leak_01_no_public_type_prints_a_secret() {
    let world = World::new().await;
    let mut canaries = Canaries::of(&world);
    let mut browser = world.logged_in("alice").await;
    canaries.add_cookies(&browser);
    let seen = Arc::new(Mutex::new(String::new()));
    let app = printing_app(&world.auth, &seen);

    let builder = Auth::builder()
        .toml(&format!(
            "[auth]\ncookie_secret = \"{}\"\n{}",
            world.cookie_secret,
            world.provider.secrets()
        ))
        .set("auth.cookie_secret", world.cookie_secret.as_str())
        .file("/nowhere/secrets.toml");
    let mut printing = Browser::new(&app, SITE);
    printing.jar = browser.jar.clone();
    printing.get("/user").await;
    let answer = printing.get("/login?hint=alice@example.com").await;
    let authorization_url = answer.location();
    canaries.add_cookies(&printing);
    canaries.add_login(&world, authorization_url, SITE);
    printing.get("/unknown").await;
    printing.get("/misfit").await;
    printing.post("/logout", "").await;
    browser.get("/me").await;

    let seen = seen.lock().unwrap().clone();
    for of in [
        "User",
        "Identity",
        "Session",
        "LoginRequest",
        "Login",
        "Logout",
        "Error",
    ] {
        assert!(
            seen.contains(&format!("{of}: ")),
            "{of} was printed: {seen}"
        );
    }
    canaries.are_absent_from(&seen);
    canaries.are_absent_from(&printed(&world.auth));
    canaries.are_absent_from(&printed(&world.auth.layer()));
    canaries.are_absent_from(&printed(&world.auth.providers()));
    canaries.are_absent_from(&printed(&tower::Layer::layer(&world.auth.layer(), ())));
    canaries.are_absent_from(&printed(&builder));
    canaries.are_absent_from(&printed(&builder.build().unwrap_err()));
    canaries.are_absent_from(&printed(&world.provider));
    canaries.are_absent_from(&printed(&world.provider.last_request(Endpoint::Token)));
    canaries.are_absent_from(&printed(
        &world.provider.last_request(Endpoint::Authorization),
    ));
    let fault = Fault::IdToken(world.cookie_secret.clone());
    canaries.are_absent_from(&printed(&fault));
    let refused = world.provider.authorize(SITE, "alice").unwrap_err();
    canaries.are_absent_from(&format!("{}{refused}", printed(&refused)));
}

/// An app whose handlers print what they are given before they answer with it.
fn printing_app(auth: &Auth, seen: &Arc<Mutex<String>>) -> Router {
    let print = {
        let seen = seen.clone();
        move |what: &str, value: String| {
            seen.lock().unwrap().push_str(&format!("{what}: {value}\n"));
        }
    };
    let [on_user, on_login, on_unknown, on_misfit, on_logout] =
        std::array::from_fn(|_| print.clone());
    Router::new()
        .route(
            "/user",
            get(
                async move |user: User, identity: Identity, session: Session| {
                    on_user("User", printed(&user));
                    on_user("Identity", printed(&identity));
                    on_user("Session", printed(&session));
                },
            ),
        )
        .route(
            "/login",
            get(async move |session: Session| {
                let request = session
                    .login("google")
                    .param("login_hint", "alice@example.com")
                    .return_to("/?of=alice@example.com");
                on_login("LoginRequest", printed(&request));
                let login = request.await?;
                on_login("Login", printed(&login));
                let response = login.into_response();
                // What a layer that logs headers would print.
                on_login("Login", printed(&response.headers().get("set-cookie")));
                on_login("Login", printed(&response));
                Ok::<Response, keycard::Error>(response)
            }),
        )
        .route(
            "/unknown",
            get(async move |session: Session| {
                let error = session.login("nobody").await.unwrap_err();
                on_unknown("Error", format!("{}{error}", printed(&error)));
            }),
        )
        .route(
            "/misfit",
            get(async move |user: User| {
                let error = user.claims::<Vec<u8>>().unwrap_err();
                on_misfit("Error", format!("{}{error}", printed(&error)));
            }),
        )
        .route(
            "/logout",
            axum::routing::post(async move |session: Session| {
                on_logout("LogoutRequest", printed(&session.logout()));
                let logout = session.logout().await;
                on_logout("Logout", printed(&logout));
                logout
            }),
        )
        .layer(auth.layer())
}

#[tokio::test]
async fn leak_02_no_error_and_none_of_its_causes_says_a_secret() {
    let world = World::new().await;
    let mut canaries = Canaries::of(&world);
    let mut browser = world.browser();
    let url = browser.begin(&world.provider).await;
    let callback = world.provider.authorize(&url, "alice").unwrap();
    canaries.add_login(&world, &url, &callback);

    // The provider answers with everything that it was told.
    let secrets: Vec<String> = canaries.0.iter().map(|(_, value)| value.clone()).collect();
    let echo = secrets.join(" ");
    let faults = [
        Fault::Token(json!({ "error": "invalid_client", "error_description": echo })),
        Fault::Token(json!({ "error": "invalid_grant", "error_uri": echo })),
        Fault::Answer {
            endpoint: Endpoint::Token,
            status: 500,
            headers: vec![("x-echo".to_owned(), echo.clone())],
            body: echo.clone().into_bytes(),
        },
        Fault::Answer {
            endpoint: Endpoint::Token,
            status: 200,
            headers: vec![("content-type".to_owned(), "application/json".to_owned())],
            body: format!("{{\"access_token\": {echo}").into_bytes(),
        },
        Fault::Redirect {
            endpoint: Endpoint::Token,
            status: 307,
            location: format!("http://localhost:1/?{}", secrets.join("&")),
        },
        Fault::Token(json!({ "token_type": echo })),
        Fault::Token(json!({ "access_token": echo })),
        Fault::IdToken(echo.clone()),
        Fault::IdTokenClaims(json!({ "nonce": echo })),
        Fault::IdTokenClaims(json!({ "sub": [echo] })),
    ];
    for fault in faults {
        let mut browser = world.browser();
        let url = browser.begin(&world.provider).await;
        world.provider.misbehave(fault.clone());
        let callback = world.provider.authorize(&url, "alice").unwrap();
        world.logs.clear();
        let answer = browser.follow(&relative(&callback)).await;
        world.provider.behave();

        let line = world.logs.complaints().remove(0).text;
        if matches!(&fault, Fault::IdTokenClaims(claims) if claims["sub"].is_array()) {
            // What an ID token says of itself may be in the log, in the one line, cut short.
            assert!(line.len() < 800, "{line}");
            continue;
        }
        canaries.are_absent_from(&format!("{line}{}", answer.body));
    }

    // An error has no causes of its own beside what it says.
    let error = world.auth.clone();
    let app = Router::new()
        .route(
            "/",
            get(async |session: Session| {
                let error = session.login("nobody").await.unwrap_err();
                format!("{}", error.source().is_none())
            }),
        )
        .layer(error.layer());
    assert_eq!(Browser::new(&app, SITE).get("/").await.body, "true");
    let refused = Auth::builder().toml("[auth]").build().unwrap_err();
    assert!(refused.source().is_none());
}

#[tokio::test]
async fn leak_04_a_whole_login_at_trace_level_says_nothing() {
    let world = World::new().await;
    let mut canaries = Canaries::of(&world);
    let mut browser = world.browser();

    let url = browser.begin(&world.provider).await;
    canaries.add_cookies(&browser);
    let callback = world.provider.authorize(&url, "alice").unwrap();
    // An ID token and tokens that the test knows, for a login that succeeds.
    let id_token = id_token(&world, &url);
    canaries.add("ID token", &id_token);
    let refresh_token = fresh_secret();
    canaries.add("refresh token", &refresh_token);
    world.provider.misbehave(Fault::Token(json!({
        "id_token": id_token,
        "refresh_token": refresh_token,
    })));
    let answer = browser.follow(&relative(&callback)).await;
    assert_eq!(answer.location(), "/", "{answer:?}");
    world.provider.behave();
    canaries.add_cookies(&browser);
    canaries.add_login(&world, &url, &callback);
    let asked = world.provider.last_request(Endpoint::Userinfo).unwrap();
    let access_token = asked.authorization().unwrap().split_once(' ').unwrap().1;
    canaries.add("access token", access_token);
    assert_eq!(browser.get("/").await.body, "Alice Adams");
    browser.post("/logout", "").await;

    let log = world.logs.everything();
    assert!(
        log.contains("TRACE"),
        "the log is at its most talkative: {log}"
    );
    canaries.are_absent_from(&log);
}

/// The ID token that the provider would make, without what userinfo tells as well.
fn id_token(world: &World, authorization_url: &str) -> String {
    let url: Url = authorization_url.parse().unwrap();
    let nonce = url
        .query_pairs()
        .find(|(name, _)| name == "nonce")
        .unwrap()
        .1;
    let now = std::time::SystemTime::UNIX_EPOCH
        .elapsed()
        .unwrap()
        .as_secs();
    world.provider.sign(
        json!({ "alg": "ES256", "kid": world.provider.signing_key_id() }),
        json!({
            "iss": world.provider.issuer(),
            "aud": world.provider.client_id(),
            "sub": "alice",
            "nonce": nonce,
            "iat": now,
            "exp": now + 3600,
        }),
    )
}

#[tokio::test]
async fn leak_04_no_failing_login_says_anything_at_trace_level() {
    let world = World::new().await;
    let faults = [
        Fault::Callback(json!({ "state": "another" })),
        Fault::Callback(json!({ "error": "server_error", "code": null })),
        Fault::Callback(json!({ "iss": "https://evil.example" })),
        Fault::Callback(json!({ "code": ["one", "two"] })),
        Fault::Cut {
            endpoint: Endpoint::Token,
        },
        Fault::IdTokenClaims(json!({ "aud": "another" })),
        Fault::IdTokenClaims(json!({ "exp": 1 })),
        Fault::IdTokenClaims(json!({ "nonce": "another" })),
        Fault::IdTokenHeader(json!({ "alg": "none" })),
        Fault::Keys(json!({ "keys": [] })),
        Fault::NoIdToken,
        Fault::OffDuty,
        Fault::Redirect {
            endpoint: Endpoint::Token,
            status: 302,
            location: "https://evil.example/".to_owned(),
        },
        Fault::SignedByAnotherKey,
        Fault::Token(json!({ "error": "invalid_client" })),
        Fault::Token(json!({ "token_type": "mac" })),
        Fault::UnknownKeyId,
        Fault::Userinfo(json!({ "sub": "somebody else" })),
    ];
    for fault in faults {
        let world = World::around(
            provider_with("google", dev::Builder::claims_only_at_userinfo).await,
            |builder| builder.set("auth.cookie_secret", world.cookie_secret.as_str()),
        );
        let mut canaries = Canaries::of(&world);
        canaries.0[0].1.clone_from(&world.cookie_secret);
        let mut browser = world.browser();
        let url = browser.begin(&world.provider).await;
        canaries.add_cookies(&browser);
        world.provider.misbehave(fault.clone());
        let callback = world.provider.authorize(&url, "alice").unwrap();
        let answer = browser.follow(&relative(&callback)).await;
        assert!(answer.code().is_some(), "{fault:?}: {answer:?}");
        canaries.add_login(&world, &url, &callback);

        canaries.are_absent_from(&world.logs.everything());
    }
}

#[tokio::test]
async fn leak_04_reading_a_file_says_nothing_at_trace_level() {
    let logs = Logs::capture();
    let google = provider("google").await;
    let placeholder = "changeme-changeme-changeme-changeme";

    Auth::builder()
        .toml(&google.secrets())
        .set("auth.redirect_uri", "http://localhost:8501/oauth2callback")
        .set("auth.cookie_secret", placeholder)
        .set("auth.client_secret", google.client_secret())
        .build()
        .unwrap();

    let log = logs.everything();
    assert!(
        log.contains("auth.cookie_secret"),
        "it was warned about: {log}"
    );
    for secret in [placeholder, google.client_secret()] {
        assert!(!log.contains(secret), "{log}");
    }
}

#[tokio::test]
async fn leak_06_a_page_from_afar_has_fixed_words_alone() {
    let canary = "Ca11ar1sEcretW0rds";
    let world = World::new().await;
    let faults = [
        Fault::Callback(json!({ "error": canary, "error_description": canary, "code": null })),
        Fault::Callback(
            json!({ "error": "access_denied", "error_description": canary, "code": null }),
        ),
        Fault::Callback(json!({ "iss": format!("https://{canary}.example") })),
        Fault::Callback(json!({ "state": canary })),
        Fault::Callback(json!({ "code": [canary, canary] })),
        Fault::Token(json!({ "error": canary, "error_description": canary })),
        Fault::Token(json!({ "token_type": canary })),
        Fault::IdTokenClaims(json!({ "iss": canary })),
        Fault::IdTokenClaims(json!({ "aud": canary })),
        Fault::IdTokenHeader(json!({ "alg": canary })),
        Fault::IdToken(canary.to_owned()),
        Fault::OffDuty,
    ];
    for fault in faults {
        let mut browser = world.browser();
        let url = browser.begin(&world.provider).await;
        world.provider.misbehave(fault.clone());
        let callback = relative(&world.provider.authorize(&url, "alice").unwrap());
        let request = browser
            .navigation(Method::GET, &callback, "cross-site")
            .header("x-forwarded-for", "192.0.2.1")
            .body(Body::empty())
            .unwrap();
        let answer = browser.send(request).await;
        world.provider.behave();

        let code = answer
            .code()
            .unwrap_or_else(|| panic!("{fault:?}: {answer:?}"));
        let (_, query) = callback.split_once('?').unwrap();
        let port = world.provider.issuer().rsplit_once(':').unwrap().1;
        for hidden in [
            canary,
            query,
            world.provider.issuer(),
            port,
            "oauth2callback",
            env!("CARGO_PKG_VERSION"),
            "keycard",
            "src/",
            ".rs",
            env!("CARGO_MANIFEST_DIR"),
            "secrets.toml",
        ] {
            assert!(
                !answer.body.contains(hidden),
                "{hidden} on the page of {code}"
            );
        }

        // And the same for a script, whoever it is.
        let request = Request::get(callback.as_str()).header("accept", "application/json");
        let problem = browser.send(request.body(Body::empty()).unwrap()).await;
        for hidden in [canary, query, world.provider.issuer()] {
            assert!(
                !problem.body.contains(hidden),
                "{hidden} in {}",
                problem.body
            );
        }
    }
}

#[tokio::test]
async fn leak_06_a_page_nearby_says_what_the_log_says_and_no_more() {
    let world = World::new().await;
    let mut browser = world.browser();
    let url = browser.begin(&world.provider).await;
    let tag = "<script>alert(1)</script>";
    world.provider.misbehave(Fault::Callback(json!({
        "error": "server_error",
        "error_description": tag,
        "code": null,
    })));
    let callback = world.provider.authorize(&url, "alice").unwrap();

    let answer = browser.follow(&relative(&callback)).await;

    assert!(answer.body.contains("server_error"), "{}", answer.body);
    assert!(answer.body.contains("&lt;script&gt;"), "{}", answer.body);
    assert!(!answer.body.contains(tag), "{}", answer.body);
}

#[tokio::test]
async fn leak_09_whatever_a_stranger_says_is_one_line() {
    let hostile = "a\r\nWARN keycard forged\n\u{1b}[31mred\u{1b}]0;t\u{7}\u{2028}b\u{2029}c\u{85}d\u{202e}e\u{0}";
    let survivable = "a\r\nWARN keycard forged\n\u{1b}[31mred\u{2028}b\u{2029}c\u{202e}d";
    let world = World::new().await;
    let faults = [
        Fault::Callback(json!({ "error": survivable, "code": null })),
        Fault::Callback(
            json!({ "error": "server_error", "error_description": survivable, "code": null }),
        ),
        Fault::Callback(json!({ "iss": survivable })),
        Fault::Token(json!({ "error": hostile })),
        Fault::Token(json!({ "token_type": hostile })),
        Fault::Token(json!({ "id_token": hostile })),
        Fault::IdTokenClaims(json!({ "iss": hostile })),
        Fault::IdTokenClaims(json!({ "aud": [hostile] })),
        Fault::IdTokenClaims(json!({ "azp": hostile })),
        Fault::IdTokenClaims(json!({ "sub": hostile })),
        Fault::IdTokenClaims(json!({ "exp": hostile })),
        Fault::IdTokenHeader(json!({ "alg": hostile })),
        Fault::IdTokenHeader(json!({ "kid": hostile })),
        Fault::IdTokenHeader(json!({ "typ": hostile })),
        Fault::IdTokenHeader(json!({ "crit": [hostile] })),
    ];
    for fault in faults {
        let mut browser = world.browser();
        let url = browser.begin(&world.provider).await;
        world.provider.misbehave(fault.clone());
        let callback = world.provider.authorize(&url, "alice").unwrap();
        world.logs.clear();
        browser.follow(&relative(&callback)).await;
        world.provider.behave();
        is_one_escaped_line(&world.logs, &fault);
    }

    // Metadata and key sets are read by an app that has not read them yet.
    let faults = [
        Fault::Metadata(json!({ "issuer": hostile })),
        Fault::Metadata(json!({ "token_endpoint": hostile })),
        Fault::Metadata(
            json!({ "authorization_endpoint": format!("https://a.example/?state={hostile}") }),
        ),
        Fault::Metadata(json!({ "id_token_signing_alg_values_supported": [hostile] })),
        Fault::Keys(json!({ "keys": [{ "kty": hostile, "kid": hostile }] })),
    ];
    for fault in faults {
        let world = World::around(world.provider.clone(), |builder| builder);
        world.provider.misbehave(fault.clone());
        let mut browser = world.browser();
        world.logs.clear();
        let begun = browser.get("/auth/login").await;
        if begun.status.is_redirection() {
            let callback = world.provider.authorize(begun.location(), "alice").unwrap();
            browser.follow(&relative(&callback)).await;
        }
        world.provider.behave();
        is_one_escaped_line(&world.logs, &fault);
    }

    // And so is what the browser says.
    let mut browser = world.browser();
    let query = url::form_urlencoded::byte_serialize(hostile.as_bytes()).collect::<String>();
    for path in [
        format!("/auth/login?provider={query}"),
        format!("/login/{}", query.replace('+', "%20")),
        format!("/oauth2callback?code=c&state={query}"),
        format!("/oauth2callback?error={query}&error_description={query}&state=s"),
    ] {
        world.logs.clear();
        browser.get(&path).await;
        is_one_escaped_line(&world.logs, &path);
    }
}

#[track_caller]
fn is_one_escaped_line(logs: &Logs, what: &dyn std::fmt::Debug) {
    let lines = logs.complaints();
    assert_eq!(lines.len(), 1, "{what:?}: {lines:?}");
    let text = &lines[0].text;
    let control = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202e}');
    assert!(!text.contains(control), "{what:?}: {text:?}");
    assert!(text.len() < 1500, "{what:?}: {text}");
}

#[tokio::test]
async fn leak_09_a_name_in_the_file_is_one_line_too() {
    let google = provider("goo\u{2028}gle\u{202e}").await;
    let world = World::around(google, |builder| builder);
    world.provider.misbehave(Fault::OffDuty);
    world.logs.clear();

    let answer = world.browser().get("/auth/login").await;

    assert!(answer.code().is_some(), "{answer:?}");
    is_one_escaped_line(&world.logs, &"a name");
    let _ = app(&world.auth);
}
