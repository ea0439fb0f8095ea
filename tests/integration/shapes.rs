//! The shapes that the router of an app can have: which of them the layer serves alone, and what
//! the others are told.

use std::time::Duration;

use axum::extract::{FromRef, State};
use axum::routing::get;
use axum::{Router, body::Body};
use http::StatusCode;
use keycard::{Auth, Session, User};
use tower::Layer;

use crate::support::{Answer, Browser, SITE, World, pass, relative, routes};

/// An app of another shape.
type Shape = fn(&Auth) -> Router;

fn others() -> Router {
    Router::new().route("/other", get(async || "other"))
}

/// What an app answers to paths that it does not know.
async fn not_found() -> (StatusCode, &'static str) {
    (StatusCode::NOT_FOUND, "the app's own 404")
}

/// The page of a single-page app, whatever the path.
async fn index() -> &'static str {
    "index.html"
}

/// The shapes that need `.layer(auth.layer())` and nothing else.
const LAYER_ALONE: &[(&str, Shape)] = &[
    ("on the root router", |auth| routes().layer(auth.layer())),
    ("after the fallback", |auth| {
        routes().fallback(not_found).layer(auth.layer())
    }),
    ("after a fallback for every path", |auth| {
        routes().fallback(index).layer(auth.layer())
    }),
    ("after a fallback service", |auth| {
        routes().fallback_service(get(index)).layer(auth.layer())
    }),
    ("outside a nest", |auth| {
        Router::new()
            .nest("/inner", others())
            .merge(routes())
            .layer(auth.layer())
    }),
    ("after a merge", |auth| {
        others().merge(routes()).layer(auth.layer())
    }),
    ("on a router that is merged into another", |auth| {
        others().merge(routes().layer(auth.layer()))
    }),
    ("on a router with a fallback, and then a merge", |auth| {
        routes()
            .fallback(not_found)
            .layer(auth.layer())
            .merge(others())
    }),
    ("before a route that needs nobody", |auth| {
        routes().layer(auth.layer()).route("/late", get(index))
    }),
    ("twice", |auth| {
        routes().layer(auth.layer()).layer(auth.layer())
    }),
    ("around the whole router", |auth| {
        let app = routes().fallback(index);
        Router::new().fallback_service(auth.layer().layer(app))
    }),
];

/// The shapes in which the layer does not see our paths.
const NEEDS_ROUTES: &[(&str, Shape)] = &[
    ("by route_layer", |auth| routes().route_layer(auth.layer())),
    ("before the fallback", |auth| {
        routes().layer(auth.layer()).fallback(not_found)
    }),
    ("before a fallback for every path", |auth| {
        routes().layer(auth.layer()).fallback(index)
    }),
    ("before a merge", |auth| {
        routes().layer(auth.layer()).merge(others())
    }),
    ("inside a nest", |auth| {
        Router::new()
            .nest("/inner", routes().layer(auth.layer()))
            .merge(others())
    }),
    ("merged into a router with a fallback", |auth| {
        others().fallback(index).merge(routes().layer(auth.layer()))
    }),
    ("on one route", |auth| {
        routes().merge(Router::new().route("/one", get(index).layer(auth.layer())))
    }),
];

/// Where the handlers of a shape are.
fn base(name: &str) -> &'static str {
    if name == "inside a nest" {
        "/inner"
    } else {
        ""
    }
}

/// A login in an app of some shape: where the callback leads.
async fn log_in(world: &World, app: &Router, base: &str) -> (Browser, StatusCode, String) {
    let mut browser = Browser::new(app, SITE);
    let begun = browser.get(&format!("{base}/login/google")).await;
    assert_eq!(begun.status, StatusCode::SEE_OTHER, "{begun:?}");
    let callback = world.provider.authorize(begun.location(), "alice").unwrap();
    let answer = browser.follow(&relative(&callback)).await;
    let location = answer.header("location").unwrap_or_default().to_owned();
    (browser, answer.status, location)
}

#[track_caller]
fn is_missing_layer(answer: &Answer) {
    assert_eq!(answer.status, StatusCode::INTERNAL_SERVER_ERROR);
    assert!(answer.body.contains("layer_missing"), "{answer:?}");
    assert!(answer.body.contains(".layer(auth.layer())"), "{answer:?}");
}

#[tokio::test]
async fn these_shapes_need_the_layer_alone() {
    let world = World::new().await;
    for (name, shape) in LAYER_ALONE {
        let app = shape(&world.auth);

        let (mut browser, status, location) = log_in(&world, &app, "").await;

        assert_eq!(status, StatusCode::SEE_OTHER, "{name}");
        assert_eq!(location, "/", "{name}");
        assert_eq!(browser.get("/private").await.body, "alice", "{name}");
        let page = browser.get("/auth/logout").await;
        assert!(page.body.contains("<h1>Log out</h1>"), "{name}: {page:?}");
        assert_eq!(browser.post("/auth/logout", "").await.location(), "/");
        assert_eq!(browser.get("/me").await.body, "nobody", "{name}");
        let private = browser.get("/private").await;
        let login = private.location();
        assert!(login.starts_with("/auth/login?detour="), "{name}: {login}");
    }
    assert!(world.logs.complaints().is_empty());
}

#[tokio::test]
async fn these_shapes_need_the_routes_and_say_so_once() {
    for (name, shape) in NEEDS_ROUTES {
        if *name == "on one route" {
            continue;
        }
        let world = World::new().await;
        let app = shape(&world.auth);

        let (mut browser, status, location) = log_in(&world, &app, base(name)).await;

        assert_ne!(status, StatusCode::SEE_OTHER, "{name} needs no routes");
        assert_eq!(location, "", "{name}");
        let login = format!("{}/login/google", base(name));
        // Back at once, as after a double click: that says nothing yet.
        world.clock.turn(4);
        browser.get(&login).await;
        assert!(world.logs.complaints().is_empty(), "{name}");
        world.clock.turn(6);
        for _ in 0..3 {
            browser.get(&login).await;
            let complaints = world.logs.complaints();
            let [line] = complaints.as_slice() else {
                panic!("{name}: {complaints:?}")
            };
            assert_eq!(line.level, tracing::Level::WARN);
            for part in [
                "path=/oauth2callback",
                "move `.layer(auth.layer())` to the outermost router, behind its last route and \
                 fallback",
                "or add `.merge(auth.routes())` to that router",
            ] {
                assert!(line.text.contains(part), "{part} in {}", line.text);
            }
        }
    }
}

#[tokio::test]
async fn the_routes_serve_every_shape() {
    let world = World::new().await;
    for (name, shape) in LAYER_ALONE.iter().chain(NEEDS_ROUTES) {
        if matches!(*name, "on one route" | "around the whole router") {
            continue;
        }
        let app = shape(&world.auth).merge(world.auth.routes());

        let (mut browser, status, location) = log_in(&world, &app, base(name)).await;

        assert_eq!(status, StatusCode::SEE_OTHER, "{name}");
        assert_eq!(location, "/", "{name}");
        let private = format!("{}/private", base(name));
        assert_eq!(browser.get(&private).await.body, "alice", "{name}");
        assert_eq!(browser.post("/auth/logout", "").await.location(), "/");
        let headers = [("sec-fetch-mode", "cors")];
        let login = browser.request("GET", "/auth/login", &headers).await;
        assert_eq!(login.code().as_deref(), Some("login_by_script"), "{name}");
    }
    assert!(world.logs.complaints().is_empty());
}

#[tokio::test]
async fn a_callback_that_arrived_once_ends_the_warning() {
    let world = World::new().await;
    let mut browser = world.browser();
    browser.get("/oauth2callback").await;

    browser.get("/login/google").await;
    world.clock.turn(60);
    browser.get("/login/google").await;

    assert!(world.logs.complaints().is_empty());
}

#[tokio::test]
async fn a_handler_that_the_layer_does_not_reach_names_the_line_to_add() {
    let world = World::new().await;
    let late = get(async |user: User| user.is_logged_in().to_string());
    let shapes = [
        (routes(), "/me"),
        (routes(), "/private"),
        (routes(), "/maybe"),
        (routes(), "/login/google"),
        (routes().merge(world.auth.routes()), "/me"),
        (
            routes().layer(world.auth.layer()).route("/late", late),
            "/late",
        ),
        (
            routes().merge(Router::new().route("/one", get(index).layer(world.auth.layer()))),
            "/me",
        ),
    ];
    for (app, path) in shapes {
        for html in [true, false] {
            world.logs.clear();
            // More than ten lines a second would be cut.
            pass(Duration::from_secs(1)).await;
            let mut browser = Browser::new(&app, SITE);
            let answer = match html {
                true => browser.get(path).await,
                false => browser.request("GET", path, &[]).await,
            };

            is_missing_layer(&answer);
            let complaints = world.logs.complaints();
            let [line] = complaints.as_slice() else {
                panic!("{path}: {complaints:?}")
            };
            assert_eq!(line.level, tracing::Level::ERROR);
            assert_eq!(line.code.as_deref(), Some("layer_missing"));
            assert!(line.text.contains("`.layer(auth.layer())`"), "{line:?}");
        }
    }
}

#[derive(Clone)]
struct AppState {
    auth: Auth,
    greeting: &'static str,
}

impl FromRef<AppState> for Auth {
    fn from_ref(state: &AppState) -> Self {
        state.auth.clone()
    }
}

#[tokio::test]
async fn an_app_may_have_any_state() {
    let world = World::new().await;
    let greet = async |State(state): State<AppState>, user: User| {
        format!("{} {}", state.greeting, user.name().unwrap_or("stranger"))
    };
    let begin = async |State(auth): State<Auth>, session: Session| {
        let name = auth.providers().remove(0).name;
        session.login(&name).await
    };
    let state = || AppState {
        auth: world.auth.clone(),
        greeting: "Hello,",
    };
    let stateful = || {
        Router::<AppState>::new()
            .route("/greet", get(greet))
            .route("/login/google", get(begin))
    };
    let shapes = [
        stateful().layer(world.auth.layer()).with_state(state()),
        stateful().with_state(state()).layer(world.auth.layer()),
        stateful()
            .route_layer(world.auth.layer())
            .merge(world.auth.routes())
            .with_state(state()),
        stateful()
            .with_state(state())
            .route_layer(world.auth.layer())
            .merge(world.auth.routes()),
    ];
    for app in shapes {
        let (mut browser, status, _) = log_in(&world, &app, "").await;

        assert_eq!(status, StatusCode::SEE_OTHER);
        assert_eq!(browser.get("/greet").await.body, "Hello, Alice Adams");
    }
}

#[tokio::test]
async fn our_paths_are_ours_and_all_others_are_the_apps() {
    let world = World::new().await;
    let app = Router::new()
        .route("/auth/login", get(async || "the app's own"))
        .fallback(index)
        .layer(world.auth.layer());
    let mut browser = Browser::new(&app, SITE);

    assert_eq!(
        browser.get("/auth/login").await.status,
        StatusCode::SEE_OTHER
    );
    for path in [
        "/auth",
        "/auth/",
        "/auth/login/",
        "/auth/logout/x",
        "/AUTH/LOGIN",
        "/login",
    ] {
        assert_eq!(browser.get(path).await.body, "index.html", "{path}");
    }
    let request = http::Request::get("/auth%2flogin").body(Body::empty());
    assert_eq!(browser.send(request.unwrap()).await.body, "index.html");
}
