//! Answers by POST (OAuth 2.0 Form Post Response Mode), from the page of another site, with which no
//! cookie comes along but that of the pending login.

use axum::Router;
use axum::body::Body;
use axum::routing::post;
use http::{Method, StatusCode};
use keycard::Auth;
use keycard::dev::{self, Endpoint};
use tower::Layer;
use tower_http::csrf::CsrfLayer;

use crate::support::{
    Browser, Logs, World, fresh_secret, provider, relative, routes, row, shared, who,
};

const SITE: &str = "https://localhost:8501";
const FORM: &str = "application/x-www-form-urlencoded";

/// A world whose provider answers by POST.
async fn world() -> World {
    World::around(provider("google").await, |builder| {
        builder
            .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
            .set("auth.google.response_mode", "form_post")
    })
}

fn browser(world: &World) -> Browser {
    Browser::new(&world.app, SITE)
}

/// The path and the form of an answer.
fn halves(callback: &str) -> (String, String) {
    let callback = relative(callback);
    let (path, form) = callback.split_once('?').unwrap();
    (path.to_owned(), form.to_owned())
}

async fn logged_in(world: &World, subject: &str) -> Browser {
    let mut browser = browser(world);
    let callback = browser.way_back(&world.provider, subject).await;
    let answer = browser.post_back(&callback).await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::SEE_OTHER, "/")
    );
    browser
}

#[tokio::test]
async fn a_form_logs_in_and_is_answered_by_303() {
    let world = world().await;
    let mut browser = browser(&world);
    let begun = browser.get("/auth/login?return_to=/plain").await;
    let (pending, lines) = (browser.jar.pending(), begun.cookies());
    assert_eq!(lines.len(), 1);
    assert!(
        lines[0].starts_with(&format!("{}=", pending[0])),
        "{lines:?}"
    );
    assert!(
        lines[0].contains("; HttpOnly; SameSite=None; Secure; Path=/; Max-Age=600"),
        "{lines:?}"
    );
    assert!(begun.location().contains("&response_mode=form_post&"));
    let callback = world.provider.authorize(begun.location(), "alice").unwrap();
    let (path, form) = halves(&callback);

    let answer = browser.post_from_elsewhere(&path, &form).await;

    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::SEE_OTHER, "/plain")
    );
    assert_eq!(answer.header("cache-control"), Some("no-store"));
    for line in answer.cookies() {
        // No other cookie goes anywhere, and neither does what clears the one that did.
        assert!(
            line.contains("; HttpOnly; SameSite=Lax; Secure; Path=/"),
            "{line}"
        );
    }
    assert!(browser.jar.pending().is_empty());
    assert!(who(&mut browser).await.starts_with("alice of "));
    assert_eq!(world.calls(), [1, 0, 1]);
}

#[tokio::test]
async fn the_page_of_a_development_provider_posts_its_answer() {
    let world = world().await;
    let mut browser = browser(&world);
    let url = browser.begin(&world.provider).await;
    let (endpoint, query) = url.split_once('?').unwrap();
    let client = reqwest::Client::new();
    let press = async |button: &str| {
        let request = client.post(endpoint).header("content-type", FORM);
        let answer = request
            .body(format!("{query}&{button}"))
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), StatusCode::OK);
        let policy = answer.headers()["content-security-policy"]
            .to_str()
            .unwrap();
        assert!(policy.contains("script-src 'sha256-"), "{policy}");
        answer.text().await.unwrap()
    };
    let fields = |page: &str| {
        let fields = page.split("<input type=\"hidden\" name=\"").skip(1);
        let pairs = fields.map(|field| {
            let (name, rest) = field.split_once("\" value=\"").unwrap();
            (name.to_owned(), rest.split_once('"').unwrap().0.to_owned())
        });
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        form.extend_pairs(pairs).finish()
    };

    let page = press("dev_person=alice").await;

    let to = format!("<form id=\"answer\" method=\"post\" action=\"{SITE}/oauth2callback\">");
    assert!(page.contains(&to), "{page}");
    let answer = browser
        .post_from_elsewhere("/oauth2callback", &fields(&page))
        .await;
    assert_eq!(answer.location(), "/");

    let other = browser.begin(&world.provider).await;
    let (_, query) = other.split_once('?').unwrap();
    let request = client.post(endpoint).header("content-type", FORM);
    let page = request
        .body(format!("{query}&dev_cancel="))
        .send()
        .await
        .unwrap();
    let page = page.text().await.unwrap();
    let answer = browser
        .post_from_elsewhere("/oauth2callback", &fields(&page))
        .await;
    assert_eq!(answer.code().as_deref(), Some("login_cancelled"));
    assert!(who(&mut browser).await.starts_with("alice of "));
}

#[tokio::test]
async fn cbk_15_an_answer_by_post_passes_the_same_checks() {
    let world = world().await;
    let mut browser = logged_in(&world, "bob").await;
    let bob = who(&mut browser).await;
    let change = |form: &str, name: &str, value: &str| {
        let pairs = url::form_urlencoded::parse(form.as_bytes());
        let mut serializer = url::form_urlencoded::Serializer::new(String::new());
        serializer.extend_pairs(pairs.filter(|(it, _)| it != name));
        if !value.is_empty() {
            serializer.append_pair(name, value);
        }
        serializer.finish()
    };
    type Spoil = fn(&str) -> String;
    let table: [(&str, Spoil); 4] = [
        ("code and error", |form| format!("{form}&error=x")),
        ("twice", |form| format!("{form}&code=b")),
        ("no UTF-8", |form| format!("{form}&x=%ff")),
        ("33 parameters", |form| form.to_owned() + &"&p=1".repeat(33)),
    ];
    for (name, spoil) in table {
        row(name);
        let callback = browser.way_back(&world.provider, "alice").await;
        let (path, form) = halves(&callback);
        let answer = browser.post_from_elsewhere(&path, &spoil(&form)).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST);
        assert_eq!(answer.code().as_deref(), Some("callback_malformed"));
        assert!(answer.cookies().is_empty(), "the login goes on");
        assert_eq!(who(&mut browser).await, bob);
    }
    for (name, parameter, value, code, status) in [
        (
            "issuer",
            "iss",
            "https://evil.example",
            "answer_from_another_issuer",
            400,
        ),
        ("no issuer", "iss", "", "answer_without_issuer", 400),
        ("wrong code", "code", "x", "code_refused", 400),
        ("no code", "code", "", "answer_without_code", 502),
        ("no state", "state", "", "callback_malformed", 400),
        ("some state", "state", "x", "login_cookie_missing", 400),
    ] {
        row(name);
        let mut browser = browser.clone();
        browser.jar = logged_in(&world, "bob").await.jar;
        let callback = browser.way_back(&world.provider, "alice").await;
        let (path, form) = halves(&callback);
        if name == "some state" {
            let pending = browser.jar.pending();
            browser.jar.remove(&pending[0]);
        }
        let form = change(&form, parameter, value);
        let answer = browser.post_from_elsewhere(&path, &form).await;
        assert_eq!(answer.code().as_deref(), Some(code), "{answer:?}");
        assert_eq!(answer.status, status);
        assert!(who(&mut browser).await.starts_with("bob of "));
    }
    assert_eq!(world.provider.calls(Endpoint::Userinfo), 0);
}

#[tokio::test]
async fn cbk_15_an_answer_counts_by_the_way_that_was_asked_for_alone() {
    let world = world().await;
    let mut browser = browser(&world);
    let callback = browser.way_back(&world.provider, "alice").await;

    let answer = browser.get_from_elsewhere(&callback).await;

    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.code().as_deref(), Some("method_not_allowed"));
    assert_eq!(answer.header("allow"), Some("POST"));
    // What stands in the address beside the body is nobody's answer.
    let callback = browser.way_back(&world.provider, "alice").await;
    let answer = browser.post_from_elsewhere(&callback, "").await;
    assert_eq!(
        (answer.status, answer.location()),
        (StatusCode::SEE_OTHER, "/")
    );
    assert_eq!(who(&mut browser).await, "nobody");
    let (path, form) = halves(&callback);
    let beside = format!("{path}?code=evil&state=evil&error=evil&rest=evil");
    let answer = browser.post_from_elsewhere(&beside, &form).await;
    assert_eq!(answer.location(), "/");
    assert!(who(&mut browser).await.starts_with("alice of "));
    assert_eq!(world.provider.calls(Endpoint::Token), 1);
}

#[tokio::test]
async fn cbk_15_an_ordinary_provider_beside_one_that_posts_takes_no_post() {
    let (google, apple) = (provider("google").await, provider("apple").await);
    let auth = two(&google, &apple);
    let mut browser = Browser::new(&routes().layer(auth.layer()), SITE);
    let callback = browser.way_back(&google, "alice").await;
    let (path, form) = halves(&callback);

    // Its pending login does not come along.
    let answer = browser.post_from_elsewhere(&path, &form).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    let answer = browser.get_from_elsewhere(answer.location()).await;
    assert_eq!(answer.code().as_deref(), Some("login_cookie_missing"));

    // From a sibling host it would.
    let callback = browser.way_back(&google, "alice").await;
    let (path, form) = halves(&callback);
    let answer = browser.post(&path, &form).await;
    assert_eq!(answer.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_eq!(answer.header("allow"), Some("GET, HEAD"));
    assert_eq!(google.calls(Endpoint::Token), 0);

    let callback = browser.way_back(&google, "alice").await;
    assert_eq!(browser.follow(&callback).await.location(), "/");
    let answer = browser.request("PUT", "/oauth2callback", &[]).await;
    assert_eq!(answer.header("allow"), Some("GET, HEAD, POST"));
}

/// The second answers by POST.
fn two(google: &dev::Provider, apple: &dev::Provider) -> Auth {
    Auth::builder()
        .toml(&google.secrets())
        .toml(&apple.secrets())
        .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
        .set("auth.cookie_secret", fresh_secret())
        .set("auth.apple.response_mode", "form_post")
        .build()
        .unwrap()
}

#[tokio::test]
async fn cbk_16_a_body_that_is_no_form_or_has_no_end_is_cut() {
    let world = world().await;
    let mut browser = browser(&world);
    let callback = browser.way_back(&world.provider, "alice").await;
    let (path, form) = halves(&callback);
    let large = format!("{form}&x={}", "a".repeat(16 * 1024));
    for (kind, body, code) in [
        (None, form.clone(), "callback_malformed"),
        (Some("text/plain"), form.clone(), "callback_malformed"),
        (
            Some("multipart/form-data"),
            form.clone(),
            "callback_malformed",
        ),
        (
            Some("application/json"),
            "{}".to_owned(),
            "callback_malformed",
        ),
        (Some(FORM), large, "form_unreadable"),
        (Some(FORM), "a".repeat(10 << 20), "form_unreadable"),
    ] {
        let mut request = browser.navigation(Method::POST, &path, "cross-site");
        if let Some(kind) = kind {
            request = request.header("content-type", kind);
        }
        let request = request.body(Body::from(body)).unwrap();
        let answer = browser.send_from_elsewhere(request).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{kind:?}");
        assert_eq!(answer.code().as_deref(), Some(code), "{kind:?}");
        assert!(answer.cookies().is_empty());
    }
    let kind = "Application/X-WWW-Form-Urlencoded; charset=UTF-8";
    let request = browser.navigation(Method::POST, &path, "cross-site");
    let request = request.header("content-type", kind).body(Body::from(form));
    let answer = browser.send_from_elsewhere(request.unwrap()).await;
    assert_eq!(answer.location(), "/");
}

#[tokio::test]
async fn cbk_05_a_form_that_is_sent_again_goes_home_for_whoever_is_logged_in() {
    let world = world().await;
    let mut browser = browser(&world);
    let callback = browser.way_back(&world.provider, "alice").await;
    let (path, form) = halves(&callback);
    assert_eq!(browser.post_back(&callback).await.location(), "/");
    let alice = who(&mut browser).await;

    let again = browser.post_from_elsewhere(&path, &form).await;

    // The POST itself does not tell who is logged in, and the code is not tried again.
    assert_eq!(again.status, StatusCode::SEE_OTHER);
    assert!(!again.location().contains("code="), "{again:?}");
    assert!(again.cookies().is_empty());
    let home = browser.get_from_elsewhere(again.location()).await;
    assert_eq!((home.status, home.location()), (StatusCode::SEE_OTHER, "/"));
    assert_eq!(who(&mut browser).await, alice);
    assert_eq!(world.provider.calls(Endpoint::Token), 1);
    // Nobody is logged in any more.
    browser.post("/auth/logout", "").await;
    let answer = browser.post_back(&callback).await;
    assert_eq!(answer.code().as_deref(), Some("login_cookie_missing"));
}

#[tokio::test]
async fn cbk_05_a_form_to_a_callback_of_its_own_is_looked_at_again_there() {
    let own = format!("{SITE}/oauth2callback/google");
    let world = World::around(provider("google").await, |builder| {
        builder
            .set("auth.redirect_uri", format!("{SITE}/oauth2callback"))
            .set("auth.google.redirect_uri", own)
            .set("auth.google.response_mode", "form_post")
    });
    let mut browser = browser(&world);
    let callback = browser.way_back(&world.provider, "alice").await;
    let (path, form) = halves(&callback);
    assert_eq!(path, "/oauth2callback/google");
    assert_eq!(browser.post_back(&callback).await.location(), "/");

    let again = browser.post_from_elsewhere(&path, &form).await;

    assert!(
        again
            .location()
            .starts_with("/oauth2callback/google?posted=")
    );
    let home = browser.get_from_elsewhere(again.location()).await;
    assert_eq!(home.location(), "/");
}

#[tokio::test]
async fn cbk_05_a_form_that_comes_too_late_says_so_and_keeps_the_way_back() {
    let world = world().await;
    let mut browser = logged_in(&world, "bob").await;
    let bob = who(&mut browser).await;
    let callback = browser.way_back(&world.provider, "alice").await;
    world.clock.turn(601);

    let answer = browser.post_back(&callback).await;

    assert_eq!(
        answer.code().as_deref(),
        Some("login_expired"),
        "{answer:?}"
    );
    assert!(browser.jar.pending().is_empty());
    world.clock.turn(0);
    assert_eq!(who(&mut browser).await, bob);
}

#[tokio::test]
async fn a_browser_that_keeps_the_cookie_from_the_form_is_told_what_is_missing() {
    let world = world().await;
    let mut browser = browser(&world);
    let callback = browser.way_back(&world.provider, "alice").await;
    let (path, form) = halves(&callback);
    // As old ones do, to which SameSite=None means Strict.
    let request = browser.navigation(Method::POST, &path, "cross-site");
    let request = request
        .header("content-type", FORM)
        .header("cookie", "theme=dark");
    let answer = browser.send(request.body(Body::from(form)).unwrap()).await;

    let answer = browser.get_from_elsewhere(answer.location()).await;

    assert_eq!(answer.code().as_deref(), Some("login_cookie_missing"));
    assert_eq!(world.provider.calls(Endpoint::Token), 0);
}

#[tokio::test]
async fn an_older_browser_that_posts_gets_a_page_and_no_json() {
    let world = world().await;
    let mut browser = browser(&world);
    let request = http::Request::post("/oauth2callback")
        .header("accept", "text/html,*/*;q=0.8")
        .header("content-type", FORM)
        .body(Body::from("code=a"));
    let answer = browser.send_from_elsewhere(request.unwrap()).await;
    assert_eq!(answer.status, StatusCode::BAD_REQUEST);
    assert!(
        answer
            .header("content-type")
            .unwrap()
            .starts_with("text/html")
    );
}

#[tokio::test]
async fn a_large_identity_by_post_takes_its_second_step_and_leaves_none_of_an_older_one() {
    let world = world().await;
    let mut browser = browser(&world);
    let callback = browser.way_back(&world.provider, "carol").await;
    let answer = browser.post_back(&callback).await;
    assert_eq!(answer.location(), "/", "{answer:?}");
    let parts = |browser: &Browser| {
        let names = browser.jar.names();
        names.iter().filter(|name| name.ends_with("-2")).count()
    };
    assert_eq!(parts(&browser), 1, "{:?}", browser.jar.names());
    assert!(who(&mut browser).await.starts_with("carol of "));

    let callback = browser.way_back(&world.provider, "alice").await;
    browser.post_back(&callback).await;

    assert!(who(&mut browser).await.starts_with("alice of "));
    assert_eq!(parts(&browser), 0, "{:?}", browser.jar.names());
}

#[tokio::test]
async fn a_layer_against_forged_requests_inside_ours_does_not_see_the_answer() {
    let world = world().await;
    let inside: Router = Router::new()
        .route(
            "/me",
            axum::routing::get(async |user: keycard::User| {
                user.subject().map(str::to_owned).unwrap_or_default()
            }),
        )
        .route("/change", post(async || "changed"))
        .layer(CsrfLayer::new());
    let app = Router::new().fallback_service(world.auth.layer().layer(inside));
    let mut browser = Browser::new(&app, SITE);
    let callback = browser.way_back(&world.provider, "alice").await;

    assert_eq!(browser.post_back(&callback).await.location(), "/");

    assert_eq!(who(&mut browser).await, "alice");
    let forged = browser.post_from_elsewhere("/change", "").await;
    assert_eq!(forged.status, StatusCode::FORBIDDEN);
    assert_eq!(browser.post("/change", "").await.body, "changed");
}

#[test]
fn a_provider_that_posts_needs_https_for_the_app_even_on_localhost() {
    let section = |mode: &str| {
        format!(
            "[auth.work]\nclient_id = \"a\"\nclient_secret = \"b\"\n\
             server_metadata_url = \"https://id.example.com/.well-known/openid-configuration\"\n\
             response_mode = \"{mode}\"\n"
        )
    };
    let at = |uri: &str, mode: &str| {
        let text = shared(&fresh_secret(), "strict = false") + &section(mode);
        let text = text.replace("http://localhost:8501/oauth2callback", uri);
        let built = Auth::builder().toml(&text).build();
        built.err().map(|error| format!("{error:#}"))
    };
    for uri in [
        "http://localhost:8501/oauth2callback",
        "http://127.0.0.1:8501/oauth2callback",
    ] {
        let told = at(uri, "form_post").unwrap();
        assert!(told.contains("needs an https redirect_uri"), "{told}");
        assert_eq!(at(uri, "query"), None);
    }
    let https = "https://app.example.com/oauth2callback";
    let logs = Logs::capture();
    assert_eq!(at(https, "form_post"), None);
    let posture = logs.everything();
    let words = "answers by POST, to a cookie that is SameSite=None with work";
    assert!(posture.contains(words), "{posture}");
    let told = at(https, "fragment").unwrap();
    assert!(told.contains("neither form_post nor query"), "{told}");
}
