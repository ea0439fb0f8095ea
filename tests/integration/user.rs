//! Who the user is: what an app can ask, and what a provider's claims cannot change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::get;
use http::{Request, StatusCode};
use keycard::{Identity, Session, User};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::support::{Browser, SITE, World, relative, routes};

/// The user that an app is given after somebody with these claims has logged in.
async fn user(claims: Value) -> User {
    user_of(&World::new().await, claims).await
}

async fn user_of(world: &World, claims: Value) -> User {
    let mut browser = world.browser();
    let url = browser.begin(&world.provider).await;
    let Value::Object(claims) = claims else {
        panic!("claims are an object");
    };
    let callback = world.provider.authorize_as(&url, claims).unwrap();
    let answer = browser.follow(&relative(&callback)).await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
    seen_by(world, &browser).await
}

/// The user of a request of this browser.
async fn seen_by(world: &World, browser: &Browser) -> User {
    let kept = Arc::new(Mutex::new(User::default()));
    let keep = kept.clone();
    let app = Router::new()
        .route(
            "/",
            get(async move |user: User| *keep.lock().unwrap() = user),
        )
        .layer(world.auth.layer());
    let mut asking = Browser::new(&app, SITE);
    asking.jar = browser.jar.clone();
    asking.get("/").await;
    let kept = kept.lock().unwrap();
    kept.clone()
}

#[tokio::test]
async fn nobody_has_nothing() {
    let user = User::default();

    assert!(!user.is_logged_in());
    assert_eq!(user.name(), None);
    assert_eq!(user.email(), None);
    assert_eq!(user.email_verified(), None);
    assert_eq!(user.picture(), None);
    assert_eq!(user.subject(), None);
    assert_eq!(user.issuer(), None);
    assert_eq!(user.provider(), None);
    assert_eq!(user.logged_in_at(), None);
    assert_eq!(user.expires_at(), None);
    assert_eq!(user.claim("sub"), None);
    assert_eq!(user.pointer("/sub"), None);
    assert_eq!(user.all_claims().count(), 0);
    let error = user.claims::<Map<String, Value>>().unwrap_err();
    assert_eq!(error.code(), "login_required");
    assert_eq!(error.to_string(), "nobody is logged in");
}

#[tokio::test]
async fn somebody_has_what_the_provider_says_and_since_when() {
    let world = World::new().await;
    let before = time::OffsetDateTime::now_utc().unix_timestamp();
    let user = user_of(
        &world,
        json!({
            "sub": "alice",
            "name": "Alice Adams",
            "email": "alice@example.com",
            "email_verified": true,
            "picture": "https://example.com/alice.png",
        }),
    )
    .await;
    let after = time::OffsetDateTime::now_utc().unix_timestamp();

    assert!(user.is_logged_in());
    assert_eq!(user.name(), Some("Alice Adams"));
    assert_eq!(user.email(), Some("alice@example.com"));
    assert_eq!(user.email_verified(), Some(true));
    assert_eq!(user.picture(), Some("https://example.com/alice.png"));
    assert_eq!(user.subject(), Some("alice"));
    assert_eq!(user.issuer(), Some(world.provider.issuer()));
    assert_eq!(user.provider(), Some("google"));
    let logged_in_at = user.logged_in_at().unwrap().unix_timestamp();
    assert!((before..=after).contains(&logged_in_at));
    let expires_at = user.expires_at().unwrap().unix_timestamp();
    assert_eq!(expires_at - logged_in_at, 30 * 24 * 60 * 60);
    // An app may log out by hand when the ID token has run out.
    for claim in ["exp", "iat", "auth_time"] {
        let time = user.claim(claim).and_then(Value::as_i64).unwrap();
        assert!(time >= before, "{claim}");
    }
    // What was of use to the login alone is gone.
    for claim in ["nonce", "at_hash", "c_hash", "s_hash"] {
        assert_eq!(user.claim(claim), None, "{claim}");
    }
}

#[tokio::test]
async fn claims_of_another_kind_than_expected_are_absent() {
    let table = [
        (
            json!({ "name": "", "preferred_username": "al" }),
            Some("al"),
        ),
        (json!({ "preferred_username": "al" }), Some("al")),
        (json!({ "name": 7, "preferred_username": "al" }), Some("al")),
        (json!({ "name": ["Al"] }), None),
        (json!({ "name": null }), None),
        (json!({}), None),
    ];
    let world = World::new().await;
    for (mut claims, name) in table {
        claims["sub"] = json!("alice");
        claims["email"] = json!("alice@example.com");
        assert_eq!(
            user_of(&world, claims.clone()).await.name(),
            name,
            "{claims}"
        );
    }
}

#[tokio::test]
async fn an_email_is_verified_only_where_the_provider_says_so() {
    let table = [
        (json!(true), Some(true)),
        (json!(false), Some(false)),
        (json!("true"), Some(true)),
        (json!("false"), Some(false)),
        (json!("TRUE"), None),
        (json!("1"), None),
        (json!(1), None),
        (json!(null), None),
        (json!(["true"]), None),
    ];
    let world = World::new().await;
    for (said, verified) in table {
        let user = user_of(
            &world,
            json!({ "sub": "alice", "email": "alice@example.com", "email_verified": said }),
        )
        .await;
        assert_eq!(user.email_verified(), verified, "{said}");
    }
}

#[tokio::test]
async fn a_picture_is_a_web_address_or_none() {
    let table = [
        ("https://example.com/a.png", true),
        ("http://example.com/a.png", true),
        ("javascript:alert(1)", false),
        ("data:text/html,<script>alert(1)</script>", false),
        ("//example.com/a.png", false),
        ("ftp://example.com/a.png", false),
        (" https://example.com/a.png", false),
        ("httpsx://example.com/a.png", false),
        ("", false),
    ];
    let world = World::new().await;
    for (picture, shown) in table {
        let user = user_of(
            &world,
            json!({ "sub": "alice", "name": "Al", "picture": picture }),
        )
        .await;
        assert_eq!(user.picture(), shown.then_some(picture), "{picture}");
    }
}

fn nested() -> Value {
    json!({
        "sub": "alice",
        "realm_access": { "roles": ["reader", "writer"], "": "empty" },
        "tenants": {
            "acme.example/eu": { "roles": ["admin"] },
            "T1.2": { "permissions": ["a", "b"] },
            "m~n": "tilde",
            "a/b": { "c~d": 1, "~1": 2 },
        },
        "https://example.com/claims/roles": ["owner"],
        "a~b": "top tilde",
        "~1": "looks escaped",
        "list": [[1, 2], { "x": null }],
        "": "nameless",
    })
}

#[tokio::test]
async fn a_pointer_reaches_every_claim_however_its_keys_are_spelt() {
    let user = user(nested()).await;

    let table = [
        ("/realm_access/roles/0", json!("reader")),
        ("/realm_access/roles", json!(["reader", "writer"])),
        ("/realm_access/", json!("empty")),
        ("/tenants/acme.example~1eu/roles/0", json!("admin")),
        ("/tenants/T1.2/permissions/1", json!("b")),
        ("/tenants/m~0n", json!("tilde")),
        ("/tenants/a~1b/c~0d", json!(1)),
        ("/tenants/a~1b/~01", json!(2)),
        ("/https:~1~1example.com~1claims~1roles/0", json!("owner")),
        ("/a~0b", json!("top tilde")),
        ("/~01", json!("looks escaped")),
        ("/list/0/1", json!(2)),
        ("/list/1/x", json!(null)),
        ("/sub", json!("alice")),
        ("/", json!("nameless")),
    ];
    for (pointer, value) in table {
        assert_eq!(user.pointer(pointer), Some(&value), "{pointer}");
        // The claims as a whole, read by serde_json, agree.
        let all = Value::Object(user.claims::<Map<String, Value>>().unwrap());
        assert_eq!(all.pointer(pointer), Some(&value), "{pointer}");
    }
    for pointer in [
        "",
        "sub",
        "realm_access/roles",
        "/realm_access/roles/2",
        "/realm_access/roles/-1",
        "/realm_access/roles/00",
        "/realm_access/roles/-",
        "/tenants/acme.example/eu",
        "/tenants.T1.2",
        "/sub/",
        "/sub/0",
        "//",
        "/nothing",
    ] {
        assert_eq!(user.pointer(pointer), None, "{pointer}");
    }
}

#[tokio::test]
async fn claims_come_one_by_one_all_together_and_as_a_type_of_ones_own() {
    #[derive(Debug, Deserialize, PartialEq)]
    struct Claims {
        sub: String,
        tenants: BTreeMap<String, Value>,
        #[serde(rename = "https://example.com/claims/roles")]
        roles: Vec<String>,
        missing: Option<String>,
    }
    #[derive(Debug, Deserialize)]
    struct Borrowed<'a> {
        sub: &'a str,
    }

    let user = user(nested()).await;

    assert_eq!(user.claim("a~b"), Some(&json!("top tilde")));
    assert_eq!(user.claim("/a~0b"), None, "a name is no pointer");
    let typed: Claims = user.claims().unwrap();
    assert_eq!(typed.sub, "alice");
    assert_eq!(typed.roles, ["owner"]);
    assert_eq!(typed.tenants.len(), 4);
    assert_eq!(typed.missing, None);

    let all: Map<String, Value> = user.claims().unwrap();
    let names: Vec<_> = user.all_claims().map(|(name, _)| name).collect();
    assert!(names.is_sorted(), "{names:?}");
    assert_eq!(names, all.keys().collect::<Vec<_>>());
    for (name, value) in user.all_claims() {
        assert_eq!(all.get(name), Some(value));
        assert_eq!(user.claim(name), Some(value));
    }
    for (name, value) in nested().as_object().unwrap() {
        assert_eq!(all.get(name), Some(value), "{name}");
    }
    let _ = |borrowed: Borrowed<'static>| borrowed.sub;
}

#[tokio::test]
async fn claims_that_do_not_fit_a_type_are_an_error_without_values() {
    #[derive(Debug, Deserialize)]
    #[expect(dead_code, reason = "it is never made")]
    struct Wanted {
        role: u32,
    }

    let user = user(json!({ "sub": "alice", "role": "ca11ary-admin" })).await;

    let error = user.claims::<Wanted>().unwrap_err();
    assert_eq!(error.code(), "claims_do_not_fit");
    assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
    let said = format!("{error}{error:?}");
    assert!(
        said.contains("Wanted") && !said.contains("ca11ary"),
        "{said}"
    );
}

#[tokio::test]
async fn a_claim_never_stands_in_for_what_keycard_knows() {
    let world = World::new().await;
    let user = user_of(
        &world,
        json!({
            "sub": "alice",
            "is_logged_in": false,
            "provider": "evil",
            "issuer": "https://evil.example",
            "subject": "root",
            "login_id": "0",
            "logged_in_at": 0,
            "expires_at": 99_999_999_999_i64,
            "picture": "https://example.com/a.png",
        }),
    )
    .await;

    assert!(user.is_logged_in());
    assert_eq!(user.provider(), Some("google"));
    assert_eq!(user.issuer(), Some(world.provider.issuer()));
    assert_eq!(user.subject(), Some("alice"));
    let life = user.expires_at().unwrap() - user.logged_in_at().unwrap();
    assert_eq!(life, time::Duration::days(30));
    // They are claims, and nothing else.
    assert_eq!(user.claim("is_logged_in"), Some(&json!(false)));
    assert_eq!(user.claim("provider"), Some(&json!("evil")));
}

#[tokio::test]
async fn only_the_claims_that_the_file_names_are_kept() {
    let world = World::with(|builder| {
        builder.set(
            "auth.google.claims",
            json!(["name", "exp", "roles", "nothing"]),
        )
    })
    .await;

    let user = user_of(
        &world,
        json!({ "sub": "alice", "name": "Al", "email": "a@example.com", "roles": [1] }),
    )
    .await;

    let names: Vec<_> = user.all_claims().map(|(name, _)| name).collect();
    assert_eq!(names, ["exp", "name", "roles"]);
    assert_eq!(
        user.subject(),
        Some("alice"),
        "who it is, is no matter of claims"
    );
    assert_eq!(user.issuer(), Some(world.provider.issuer()));
}

#[tokio::test]
async fn claims_of_every_kind_come_back_as_they_were_however_long() {
    let mut claims = json!({
        "sub": "alice",
        "text": "\u{0}\u{1}\u{7f}\u{85}\u{2028}\u{1f600}\"\\/",
        "numbers": [0, -1, i64::MAX, i64::MIN, u64::MAX, 0.1, 1e300, -1.5e-9, 1_700_000_000.123],
        "nested": { "": [[], {}, null, true, false] },
        "guid": "0f8fad5b-d9cb-469f-a165-70867728950e",
        "GUID": "0F8FAD5B-D9CB-469F-A165-70867728950E",
    });
    let world = World::new().await;
    for groups in [0, 60, 180] {
        claims["groups"] = json!(crate::support::groups(groups));
        let user = user_of(&world, claims.clone()).await;
        for (name, value) in claims.as_object().unwrap() {
            assert_eq!(user.claim(name), Some(value), "{name} with {groups}");
        }
        assert_eq!(user.claim("iss"), Some(&json!(world.provider.issuer())));
    }
}

#[tokio::test]
async fn a_tab_that_is_opened_later_is_logged_in_and_a_logout_is_for_all_tabs() {
    let world = World::new().await;
    let mut browser = world.logged_in("alice").await;

    // A tab is the same jar: nothing is bound to a page, and nothing is kept in the process.
    let restarted = World::around(world.provider.clone(), |builder| {
        builder.set("auth.cookie_secret", world.cookie_secret.as_str())
    });
    assert_eq!(
        seen_by(&restarted, &browser).await.name(),
        Some("Alice Adams")
    );
    browser.jar.put("AUTH_SESSION_ID", "of-the-provider");

    browser.post("/logout", "").await;

    assert!(!seen_by(&world, &browser).await.is_logged_in());
    assert_eq!(
        browser.jar.names(),
        ["AUTH_SESSION_ID"],
        "no cookie but ours"
    );
    // Somebody else's browser is not this one.
    assert!(
        seen_by(&world, &world.logged_in("alice").await)
            .await
            .is_logged_in()
    );
}

#[derive(Clone, Debug)]
struct AppState {
    greeting: &'static str,
}

#[tokio::test]
async fn the_extractors_work_with_any_state() {
    async fn greet(State(state): State<AppState>, user: User, session: Session) -> String {
        let name = session.user().name().unwrap_or("nobody").to_owned();
        assert_eq!(user.name().is_some(), user.is_logged_in());
        format!("{}, {name}", state.greeting)
    }
    async fn strict(State(state): State<Arc<AppState>>, identity: Identity) -> String {
        format!(
            "{}, {}",
            state.greeting,
            identity.name().unwrap_or_default()
        )
    }

    let world = World::new().await;
    let state = AppState { greeting: "Hello" };
    let app = Router::new()
        .route("/", get(greet))
        .with_state(state.clone())
        .merge(
            Router::new()
                .route("/strict", get(strict))
                .route(
                    "/maybe",
                    get(async |one: Option<Identity>| one.is_some().to_string()),
                )
                .with_state(Arc::new(state)),
        )
        .layer(world.auth.layer());
    let mut browser = Browser::new(&app, SITE);
    assert_eq!(browser.get("/").await.body, "Hello, nobody");
    assert_eq!(browser.get("/maybe").await.body, "false");

    browser.jar = world.logged_in("alice").await.jar;

    assert_eq!(browser.get("/").await.body, "Hello, Alice Adams");
    assert_eq!(browser.get("/strict").await.body, "Hello, Alice Adams");
    assert_eq!(browser.get("/maybe").await.body, "true");
}

#[tokio::test]
async fn an_app_that_is_nested_in_another_knows_the_user_too() {
    let world = World::new().await;
    let app = Router::new()
        .nest("/inner", routes())
        .layer(world.auth.layer());
    let mut browser = Browser::new(&app, SITE);
    assert_eq!(browser.get("/inner").await.body, "nobody");

    browser.jar = world.logged_in("alice").await.jar;

    assert_eq!(browser.get("/inner").await.body, "Alice Adams");
    assert_eq!(browser.get("/inner/private").await.body, "alice");
}

#[tokio::test]
async fn without_the_layer_an_extractor_says_what_is_missing() {
    let app = Router::new()
        .route("/user", get(async |_: User| ()))
        .route("/session", get(async |_: Session| ()))
        .route("/identity", get(async |_: Identity| ()))
        .route("/maybe", get(async |_: Option<Identity>| ()));
    let mut browser = Browser::new(&app, SITE);

    for path in ["/user", "/session", "/identity", "/maybe"] {
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR, "{path}");
        assert_eq!(
            answer.body,
            "This page asks who you are, but the app was not set up to know. What to do: add \
             `.layer(auth.layer())` after the last route of the outermost router, or move the route above \
             the line that adds the layer or the guard. (layer_missing)\n"
        );
    }
}

#[tokio::test]
async fn somebody_is_asked_for_and_nobody_is_told_where_to_log_in() {
    let world = World::new().await;
    let mut browser = world.browser();

    let answer = browser.get("/private").await;
    assert_eq!(answer.status, StatusCode::SEE_OTHER);
    assert!(answer.location().starts_with("/auth/login"), "{answer:?}");

    let request = Request::get("/private").header("accept", "application/json");
    let answer = browser.send(request.body(Body::empty()).unwrap()).await;
    assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
    let problem: Value = serde_json::from_str(&answer.body).unwrap();
    assert_eq!(problem["code"], "login_required");
    assert!(
        problem["login_url"]
            .as_str()
            .unwrap()
            .starts_with("/auth/login")
    );
    assert!(world.logs.complaints().is_empty(), "it is nobody's mistake");

    let mut browser = world.logged_in("alice").await;
    assert_eq!(browser.get("/private").await.body, "alice");
}
