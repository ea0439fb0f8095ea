//! Requests that are logged in already, in one line, and say where they come from.

use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::body::Body;
use axum::routing::{any, get, post};
use axum::{Router, extract::State};
use http::{HeaderMap, Request};
use keycard::rule::{email_domain, has_role};
use keycard::testing::{Clock, LogIn, SentBy, Somebody};
use keycard::{Auth, Ended, Ending, Identity, Session, User};
use tower::ServiceExt;

use crate::support::{Answer, SITE, World, fresh_secret, groups};

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// What an app answers to this request.
async fn answer(app: &Router, request: Request<Body>) -> Answer {
    Answer::read(app.clone().oneshot(request).await.unwrap()).await
}

fn request(method: &str, path: &str) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    request.body(Body::empty()).unwrap()
}

#[tokio::test]
async fn a_request_is_logged_in_in_one_line() {
    let world = World::new().await;
    let somebody = Somebody::new("dora").claim("name", "Dora Dean");
    let request = Request::get("/").body(Body::empty()).unwrap();

    let request = request.logged_in_as(&world.auth, &somebody).unwrap();

    assert_eq!(world.browser().send(request).await.body, "Dora Dean");
    assert_eq!(world.calls(), [0, 0, 0], "no provider was asked");
}

#[tokio::test]
async fn somebody_with_more_than_a_cookie_holds_comes_in_two() {
    let world = World::new().await;
    let somebody = Somebody::new("dora")
        .provider("google")
        .claim("groups", groups(200));
    let request = Request::get("/me").body(Body::empty()).unwrap();

    let request = request.logged_in_as(&world.auth, &somebody).unwrap();

    let body = world.browser().send(request).await.body;
    assert!(
        body.starts_with("dora of https://issuer.test by google"),
        "{body}"
    );
}

#[tokio::test]
async fn nobody_logs_in_with_a_provider_that_the_app_does_not_have() {
    let world = World::new().await;
    let somebody = Somebody::new("dora").provider("gogle");
    let request = Request::get("/").body(Body::empty()).unwrap();

    let error = request.logged_in_as(&world.auth, &somebody).unwrap_err();

    assert_eq!(error.code(), "unknown_provider");
}

#[tokio::test]
async fn somebody_of_one_app_is_nobody_in_another() {
    let (world, other) = (World::new().await, World::new().await);
    let request = Request::get("/").body(Body::empty()).unwrap();

    let request = request
        .logged_in_as(&other.auth, &Somebody::new("dora"))
        .unwrap();

    assert_eq!(world.browser().send(request).await.body, "nobody");
}

#[tokio::test]
async fn somebody_has_what_the_providers_preset_reads_where_it_stands() {
    let keycloak = "[auth.keycloak]\nclient_id = \"an-app\"\nclient_secret = \"s\"\n\
                    host = \"sso.example.com\"\nrealm = \"staff\"";
    let world = World::with(|builder| builder.toml(keycloak)).await;
    let app = Router::new()
        .route("/facts", get(facts))
        .layer(world.auth.layer());
    let dora = Somebody::new("dora")
        .name("Dora Dean")
        .email("dora@example.com")
        .roles(["admin", "editor"])
        .groups(["staff".to_owned()])
        .permissions(["read"]);
    for (name, claim) in [
        ("google", "/roles/1"),
        ("keycloak", "/realm_access/roles/1"),
    ] {
        let somebody = dora.clone().provider(name);
        let request = request("GET", &format!("/facts?{claim}"));

        let said = answer(&app, request.logged_in_as(&world.auth, &somebody).unwrap()).await;

        assert_eq!(
            said.body,
            "Dora Dean, dora@example.com, Some(true), Some([\"admin\", \"editor\"]), \
             Some([\"staff\"]), Some([\"read\"]), Some(String(\"editor\"))",
            "{name}"
        );
    }

    let unsure = dora.unverified_email("dora@example.org").provider("google");
    let request = request("GET", "/facts?/none");
    let said = answer(&app, request.logged_in_as(&world.auth, &unsure).unwrap()).await;
    assert!(
        said.body.contains("dora@example.org, Some(false)"),
        "{said:?}"
    );
}

async fn facts(user: User, uri: http::Uri) -> String {
    format!(
        "{}, {}, {:?}, {:?}, {:?}, {:?}, {:?}",
        user.name().unwrap_or_default(),
        user.email().unwrap_or_default(),
        user.email_verified(),
        user.roles(),
        user.groups(),
        user.permissions(),
        user.pointer(uri.query().unwrap()),
    )
}

#[tokio::test]
async fn somebody_has_the_claims_that_a_login_would_keep() {
    let kept = serde_json::json!(["name", "roles"]);
    let world = World::with(|builder| builder.set("auth.google.claims", kept)).await;
    let app = Router::new()
        .route("/facts", get(facts))
        .route(
            "/me",
            get(async |user: User| user.subject().unwrap_or_default().to_owned()),
        )
        .layer(world.auth.layer());
    let dora = Somebody::new("dora").name("Dora Dean").roles(["admin"]);
    let dora = dora.email("dora@example.com").claim("level", 7);
    for (path, said) in [
        (
            "/facts?/level",
            "Dora Dean, , None, Some([\"admin\"]), None, None, None",
        ),
        ("/me", "dora"),
    ] {
        let request = request("GET", path).logged_in_as(&world.auth, &dora);
        assert_eq!(answer(&app, request.unwrap()).await.body, said);
    }
}

#[derive(serde::Deserialize)]
struct Wanted {
    #[expect(dead_code, reason = "it is only asked for")]
    level: u8,
}

#[tokio::test]
async fn somebody_whom_no_login_would_let_in_is_an_error() {
    let world = World::with(|builder| builder.claims::<Wanted>()).await;
    let dora = Somebody::new("dora");
    let as_them = |somebody: &Somebody| request("GET", "/me").logged_in_as(&world.auth, somebody);

    assert!(as_them(&dora.clone().claim("level", 7)).is_ok());
    for (somebody, named) in [
        (dora.clone(), "the claim \"level\" is missing"),
        (
            dora.claim("level", "ca11ary"),
            "the claim \"level\" is not what is wanted",
        ),
    ] {
        let error = as_them(&somebody).unwrap_err();
        assert_eq!(error.code(), "claims_refused");
        let told = error_chain(&error);
        assert!(
            told.contains(named) && told.contains("testing::Wanted"),
            "{told}"
        );
        assert!(!told.contains("ca11ary"), "{told}");
    }

    // What the file does not keep is missing, as it is at a login.
    let kept = serde_json::json!(["name"]);
    let world =
        World::with(|builder| builder.claims::<Wanted>().set("auth.google.claims", kept)).await;
    let dora = Somebody::new("dora").claim("level", 7);
    let error = request("GET", "/").logged_in_as(&world.auth, &dora);
    assert_eq!(error.unwrap_err().code(), "claims_refused");
}

fn error_chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(|it| format!("{it}; ")).collect()
}

#[tokio::test]
async fn who_is_logged_in_last_is_who_it_is() {
    let world = World::new().await;
    let ada = Somebody::new("ada").claim("groups", groups(200));
    let mut request = request("GET", "/me");
    let theirs = "a=b; c=\"d\"".parse().unwrap();
    request.headers_mut().insert("cookie", theirs);
    let request = request.logged_in_as(&world.auth, &ada).unwrap();

    let request = request.logged_in_as(&world.auth, &Somebody::new("bob"));

    let request = request.unwrap();
    let cookies = request.headers().get_all("cookie").into_iter();
    let cookies: Vec<_> = cookies.map(|it| it.to_str().unwrap()).collect();
    assert_eq!(cookies[..2], ["a=b", "c=\"d\""], "the app's own stay");
    assert_eq!(cookies.len(), 3, "nothing is left of ada");
    let body = answer(&world.app, request).await.body;
    assert!(body.starts_with("bob of"), "{body}");
}

#[tokio::test]
async fn somebody_passes_the_rules_that_they_would_pass() {
    let world = World::new().await;
    let rule = has_role("admin").and(email_domain("example.com"));
    let app = Router::new()
        .route("/", get(async || "in"))
        .layer(world.auth.require(rule));
    let admin = Somebody::new("dora").roles(["admin"]);
    for (somebody, status) in [
        (admin.clone().email("dora@example.com"), 200),
        (admin.clone().unverified_email("dora@example.com"), 403),
        (admin.email("dora@example.org"), 403),
        (Somebody::new("dora").email("dora@example.com"), 403),
    ] {
        let request = request("GET", "/");
        let request = request.logged_in_as(&world.auth, &somebody).unwrap();
        let answer = answer(&app, request).await;
        assert_eq!(answer.status, status, "{somebody:?}");
    }
}

#[tokio::test]
async fn somebody_who_has_logged_in_long_ago_is_anonymous() {
    let world = World::new().await;
    for (ago, who) in [
        (DAY, "dora of"),
        (29 * DAY, "dora of"),
        (30 * DAY, "nobody"),
    ] {
        let somebody = Somebody::new("dora").logged_in_ago(ago);
        let request = request("GET", "/me").logged_in_as(&world.auth, &somebody);
        let body = answer(&world.app, request.unwrap()).await.body;
        assert!(body.starts_with(who), "{body}");
        let login = SystemTime::now() - ago;
        let login = login.duration_since(SystemTime::UNIX_EPOCH).unwrap();
        let told = body.rsplit_once(" at ").map(|(_, at)| at.parse::<u64>());
        assert!(
            told.is_none_or(|at| login.as_secs().abs_diff(at.unwrap()) < 60),
            "{body}"
        );
    }
}

#[tokio::test]
async fn a_clock_that_is_turned_is_the_apps() {
    let clock = Clock::default();
    let world = World::with(|builder| builder.clock(clock.clone().reader())).await;
    let dora = Somebody::new("dora");
    let visit = || {
        request("GET", "/me")
            .logged_in_as(&world.auth, &dora)
            .unwrap()
    };
    let before = visit();
    let headers = before.headers().clone();
    assert!(answer(&world.app, before).await.body.starts_with("dora"));

    clock.turn(31 * 24 * 60 * 60);
    let mut after = request("GET", "/me");
    *after.headers_mut() = headers;
    assert_eq!(answer(&world.app, after).await.body, "nobody");
    assert!(answer(&world.app, visit()).await.body.starts_with("dora"));

    clock.turn(-60);
    let behind = SystemTime::now().duration_since(clock.now()).unwrap();
    assert!((59..=61).contains(&behind.as_secs()), "{behind:?}");
}

#[tokio::test]
async fn what_is_sent_by_an_own_page_is_taken_and_what_another_site_sends_is_not() {
    let world = World::new().await;
    let log_out = async |session: Session| session.logout().await;
    let app = Router::new()
        .route("/", get(async || "in"))
        .route("/note", post(async || "kept"))
        .route("/logout", post(log_out))
        .route("/socket", any(async || "no upgrade"))
        .layer(world.auth.require_login());
    let dora = Somebody::new("dora");
    let mut socket = request("GET", "/socket");
    let websocket = "websocket".parse().unwrap();
    socket.headers_mut().insert("upgrade", websocket);
    let bare = |request: &Request<Body>| {
        let mut bare = Request::new(Body::empty());
        *bare.method_mut() = request.method().clone();
        *bare.uri_mut() = request.uri().clone();
        *bare.headers_mut() = request.headers().clone();
        bare.logged_in_as(&world.auth, &dora).unwrap()
    };
    for (request, own, foreign) in [
        (request("GET", "/"), 200, 200),
        (request("POST", "/note"), 200, 403),
        (request("POST", "/logout"), 303, 403),
        (socket, 200, 403),
    ] {
        let from_us = bare(&request).sent_by_own_page(&world.auth);
        let from_them = bare(&request).sent_by_another_site();
        assert_eq!(answer(&app, from_us).await.status, own, "{request:?}");
        assert_eq!(answer(&app, from_them).await.status, foreign, "{request:?}");
    }

    // Who is nobody goes to log in, as people do and scripts do not.
    let page = request("GET", "/").sent_by_own_page(&world.auth);
    assert_eq!(answer(&app, page).await.status, 303);
    let mut script = request("GET", "/");
    script
        .headers_mut()
        .insert("sec-fetch-mode", "cors".parse().unwrap());
    let script = script.sent_by_own_page(&world.auth);
    assert_eq!(answer(&app, script).await.status, 401, "what is said stays");
}

#[tokio::test]
async fn what_an_own_page_says_is_what_a_browser_says() {
    let world = World::new().await;
    let said = |request: Request<Body>| {
        let headers: &HeaderMap = request.headers();
        ["sec-fetch-site", "sec-fetch-mode", "origin"].map(|name| {
            let value = headers.get(name);
            value.map_or(String::new(), |it| it.to_str().unwrap().to_owned())
        })
    };
    let own = |method| said(request(method, "/").sent_by_own_page(&world.auth));
    assert_eq!(own("GET"), ["same-origin", "navigate", ""]);
    assert_eq!(own("POST"), ["same-origin", "navigate", SITE]);
    let foreign = said(request("POST", "/").sent_by_another_site());
    let site = "https://another-site.test";
    assert_eq!(foreign, ["cross-site", "navigate", site]);
    let mut socket = request("GET", "/");
    let websocket = "websocket".parse().unwrap();
    socket.headers_mut().insert("upgrade", websocket);
    let socket = said(socket.sent_by_own_page(&world.auth));
    assert_eq!(socket, ["same-origin", "websocket", SITE]);
}

#[tokio::test(start_paused = true)]
async fn requests_of_one_somebody_are_of_one_login_and_a_turned_clock_is_seen_at_once() {
    let clock = Clock::default();
    let auth = Auth::builder()
        .toml("[auth.google]\nclient_id = \"an-app\"\nclient_secret = \"s\"")
        .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
        .set("auth.cookie_secret", fresh_secret())
        .set("auth.provider_logout", false)
        .clock(clock.reader())
        .build()
        .unwrap();
    let wait = async |State(kept): State<Kept>, _: Identity, session: Session| {
        kept.lock().unwrap().push(session.ended());
    };
    let log_out = async |session: Session| session.logout().await;
    let kept = Kept::default();
    let app = Router::new()
        .route("/wait", get(wait))
        .route("/logout", post(log_out))
        .layer(auth.layer())
        .with_state(kept.clone());
    let (dora, other) = (Somebody::new("dora"), Somebody::new("dora"));
    for somebody in [&dora, &other] {
        let request = request("GET", "/wait").logged_in_as(&auth, somebody);
        assert_eq!(answer(&app, request.unwrap()).await.status, 200);
    }

    let elsewhere = dora.clone().claim("tab", "another");
    let log_out = request("POST", "/logout").sent_by_own_page(&auth);
    let log_out = log_out.logged_in_as(&auth, &elsewhere).unwrap();
    assert_eq!(answer(&app, log_out).await.status, 303);
    clock.turn(31 * 24 * 60 * 60);

    let [first, second] = <[Ending; 2]>::try_from(std::mem::take(&mut *kept.lock().unwrap()))
        .unwrap_or_else(|kept| panic!("{kept:?}"));
    assert_eq!(first.await, Ended::LoggedOut);
    assert_eq!(second.await, Ended::Expired, "another login of hers");
}

type Kept = Arc<Mutex<Vec<Ending>>>;

#[tokio::test]
async fn somebody_has_the_access_token_that_a_test_gives_them() {
    let world = World::with(|builder| builder.set("auth.expose_tokens", "access")).await;
    let access = async |session: Session| {
        let token = session.tokens().access().await?;
        Ok::<_, keycard::Error>(token.expose().to_owned())
    };
    let app = Router::new()
        .route("/access", get(access))
        .layer(world.auth.layer());
    let ada = Somebody::new("ada").access_token("a-token");
    let bob = Somebody::new("bob");
    assert!(!format!("{ada:?}").contains("a-token"));

    let as_ada = request("GET", "/access").logged_in_as(&world.auth, &ada);
    let as_bob = as_ada.unwrap().logged_in_as(&world.auth, &bob);
    let as_ada = request("GET", "/access").logged_in_as(&world.auth, &ada);
    assert_eq!(answer(&app, as_ada.unwrap()).await.body, "a-token");
    let refused = answer(&app, as_bob.unwrap()).await;
    assert_eq!(refused.code().as_deref(), Some("token_expired"));
    assert_eq!(world.calls(), [0, 0, 0], "no provider was asked");
}
