//! What a guard leaves open, in every shape that a router can have: by the route that was found, and by
//! nothing else.

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::routing::{any_service, get};
use http::StatusCode;
use keycard::{Auth, Guard, User};
use tower::Layer;
use tower_http::services::ServeDir;

use crate::support::{Answer, Browser, SITE, World};

/// An app of another shape, with a guard and with pages that it leaves open.
type Shape = fn(&Auth) -> Router;

fn page() -> axum::routing::MethodRouter {
    get(async |request: Request| request.uri().path().to_owned())
}

fn routes() -> Router {
    Router::new()
        .route("/", page())
        .route("/p", page())
        .route("/p/{id}", page())
        .route("/private", page())
        .route("/private/{*rest}", page())
}

fn guard(auth: &Auth) -> Guard {
    auth.require_login().except("/p/{id}")
}

/// Shapes, what is open there, and what exists there and is guarded.
#[allow(clippy::type_complexity, reason = "a table")]
const SHAPES: &[(&str, Shape, &[&str], &[&str])] = &[
    (
        "the guard alone",
        |auth| routes().layer(guard(auth)),
        &["/p/1", "/p/x%2Fy", "/p/1?q"],
        &["/", "/p", "/private", "/private/p/1", "/nowhere"],
    ),
    (
        "the guard within the layer",
        |auth| routes().layer(guard(auth)).layer(auth.layer()),
        &["/p/1"],
        &["/", "/p", "/private", "/nowhere"],
    ),
    (
        "the layer within the guard",
        |auth| routes().layer(auth.layer()).layer(guard(auth)),
        &["/p/1"],
        &["/", "/p", "/private", "/nowhere"],
    ),
    (
        "a fallback before the guard",
        |auth| routes().fallback(page()).layer(guard(auth)),
        &["/p/1"],
        &["/", "/private", "/nowhere", "/p/1/2"],
    ),
    (
        "a fallback behind the guard",
        |auth| routes().layer(guard(auth)).fallback(page()),
        &["/p/1", "/nowhere"],
        &["/", "/private"],
    ),
    (
        "by route_layer",
        |auth| {
            routes()
                .fallback(page())
                .route_layer(guard(auth))
                .layer(auth.layer())
        },
        &["/p/1", "/nowhere"],
        &["/", "/private"],
    ),
    (
        "on a router that is then nested, where its own name opens nothing",
        |auth| {
            Router::new()
                .nest("/in", routes().fallback(page()).layer(guard(auth)))
                .route("/p/{id}", page())
                .layer(auth.layer())
        },
        &["/p/1"],
        &["/in", "/in/p", "/in/p/1", "/in/private", "/in/nowhere"],
    ),
    (
        "on a router that is then nested, by the whole name",
        |auth| {
            let guard = auth.require_login().except("/in/p/{id}");
            Router::new()
                .nest("/in", routes().layer(guard))
                .layer(auth.layer())
        },
        &["/in/p/1"],
        &["/in", "/in/p", "/in/private"],
    ),
    (
        "around a nest",
        |auth| {
            let guard = auth.require_login().except("/in/p/{id}");
            Router::new().nest("/in", routes()).layer(guard)
        },
        &["/in/p/1"],
        &["/in", "/in/p", "/in/private", "/p/1"],
    ),
    (
        "around a nest with a parameter",
        |auth| {
            let guard = auth.require_login().except("/{team}/p/{id}");
            Router::new().nest("/{team}", routes()).layer(guard)
        },
        &["/a/p/1", "/private/p/1"],
        &["/a", "/a/p", "/a/private", "/p/p"],
    ),
    (
        "a router as a service in a guarded one",
        |auth| {
            let guard = auth.require_login().except("/in/p/{id}");
            let app = Router::new().nest_service("/in", routes());
            app.layer(guard)
        },
        // A guard outside sees no route of a router inside a service.
        &[],
        &["/in/p/1", "/in/private", "/in"],
    ),
    (
        "a guarded router as a service in another",
        |auth| {
            let guard = auth.require_login().except("/in/p/{id}");
            let inner = routes().fallback(page()).layer(guard);
            Router::new().nest_service("/in", inner).layer(auth.layer())
        },
        &["/in/p/1"],
        &["/in", "/in/p", "/in/private", "/in/nowhere"],
    ),
    (
        "a guarded router that answers for a route of another",
        |auth| {
            let guard = auth.require_login().except("/p/{id}");
            let inner = Router::new().route("/p/private", page()).layer(guard);
            Router::new().route("/p/{id}", any_service(inner))
        },
        // Two routes were found, and the guard knows neither of the two together.
        &[],
        &["/p/private"],
    ),
    (
        "around the whole router, which has not looked for a route yet",
        |auth| Router::new().fallback_service(guard(auth).layer(routes())),
        &[],
        &["/", "/p/1", "/private", "/nowhere"],
    ),
    (
        "merged with a router that is open",
        |auth| {
            Router::new()
                .route("/open", page())
                .merge(routes().route_layer(guard(auth)))
                .layer(auth.layer())
        },
        &["/p/1", "/open", "/nowhere"],
        &["/", "/private"],
    ),
    (
        "on one route",
        |auth| {
            routes()
                .route("/one", page().layer(guard(auth)))
                .layer(auth.layer())
        },
        &["/", "/p/1", "/private"],
        &["/one"],
    ),
    (
        "two guards, of which the outer leaves open what the inner does not",
        |auth| {
            routes()
                .layer(auth.require_login())
                .layer(auth.require_login().except("/p/{id}"))
        },
        &[],
        &["/", "/p/1", "/private"],
    ),
    (
        "a route that is written in another way",
        |auth| {
            routes().layer(
                auth.require_login()
                    .except("/p/{name}")
                    .except("/p/1")
                    .except("/p/"),
            )
        },
        &[],
        &["/p/1", "/p", "/private"],
    ),
];

#[track_caller]
fn is_open(answer: &Answer, shown: &str) {
    let open = [StatusCode::OK, StatusCode::NOT_FOUND];
    assert!(open.contains(&answer.status), "{shown}: {answer:?}");
    assert!(!answer.body.contains("login_required"), "{shown}");
}

#[tokio::test]
async fn pxy_09_a_guest_path_is_a_route_in_every_shape_of_a_router() {
    let world = World::new().await;
    let alice = world.logged_in("alice").await.jar;
    for (name, shape, open, guarded) in SHAPES {
        let app = shape(&world.auth);
        for path in *open {
            let shown = format!("{name}: {path}");
            is_open(&Browser::new(&app, SITE).get(path).await, &shown);
        }
        for path in *guarded {
            let shown = format!("{name}: {path}");
            let answer = Browser::new(&app, SITE).get(path).await;
            assert_eq!(answer.status, StatusCode::SEE_OTHER, "{shown}: {answer:?}");
            assert!(answer.location().starts_with("/auth/login"), "{shown}");
            let mut browser = Browser::new(&app, SITE);
            browser.jar = alice.clone();
            is_open(&browser.get(path).await, &shown);
        }
    }
    assert!(world.logs.complaints().is_empty());
}

#[tokio::test]
async fn pxy_09_no_text_of_an_address_opens_what_is_guarded() {
    let world = World::new().await;
    let app = routes().fallback(page()).layer(guard(&world.auth));
    for path in [
        "/private?x=/p/1",
        "/private?/p/1",
        "/private/p/1",
        "/private/../p/1",
        "/p/../private",
        "/p/1/../../private",
        "/p/%2e%2e/private",
        "//p/1",
        "/p//1",
        "//private",
        "/private%2f",
        "/PRIVATE",
        "/P/1",
        "/private;x",
        "/p;/1",
        "/private%23/p/1",
        "/private%3f/p/1",
        "/private/%2fp/1",
        "/p/",
        "/p%2f1",
        "/%70/../private",
        "/private\\..\\p\\1",
        "http://localhost:8501/private",
        "http://evil.example/private?/p/1",
        "http://p/1/private",
    ] {
        let Ok(request) = http::Request::get(path)
            .header("accept", "text/html")
            .body(Body::empty())
        else {
            continue;
        };
        let answer = Browser::new(&app, SITE).send(request).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{path}: {answer:?}");
        assert!(answer.location().starts_with("/auth/login"), "{path}");
    }
    for headers in [
        [("x-original-url", "/p/1")],
        [("x-rewrite-url", "/p/1")],
        [("x-forwarded-uri", "/p/1")],
        [("x-forwarded-prefix", "/p")],
        [("x-http-method-override", "OPTIONS")],
    ] {
        let mut browser = Browser::new(&app, SITE);
        let answer = browser.request("GET", "/private", &headers).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{headers:?}");
    }
}

#[tokio::test]
async fn our_own_paths_always_pass() {
    let world = World::new().await;
    for app in [
        routes().layer(world.auth.require_login()),
        routes()
            .merge(world.auth.routes())
            .layer(world.auth.require_login()),
        routes()
            .layer(world.auth.require_login())
            .layer(world.auth.layer()),
    ] {
        let mut browser = Browser::new(&app, SITE);
        let back = browser.log_in(&world.provider, "alice").await;
        assert_eq!(back.location(), "/");
        assert_eq!(browser.get("/private").await.body, "/private");
        let page = browser.get("/auth/logout").await;
        assert!(page.body.contains("<h1>Log out</h1>"), "{page:?}");
        assert_eq!(browser.post("/auth/logout", "").await.location(), "/");
        assert_eq!(browser.get("/private").await.status, StatusCode::SEE_OTHER);
    }
}

#[tokio::test]
async fn a_guest_path_as_older_routers_write_it_is_told() {
    let world = World::new().await;
    for (route, is_told) in [
        ("/p/{id}", false),
        ("/p/{*rest}", false),
        ("/a*b", false),
        ("/p/*", true),
        ("/p/*rest", true),
        ("/p/:id", true),
    ] {
        world.logs.clear();
        let _ = world.auth.require_login().except(route);
        let told = world.logs.everything();
        assert_eq!(told.contains("no router of axum 0.8"), is_told, "{route}");
        assert_eq!(told.contains("{*rest}"), is_told, "{told}");
    }
}

#[tokio::test]
async fn a_guest_may_be_somebody_all_the_same() {
    let world = World::new().await;
    let name = get(async |user: User| user.name().unwrap_or("a guest").to_owned());
    let app = Router::new()
        .route("/p/{id}", name)
        .layer(guard(&world.auth));
    let mut browser = Browser::new(&app, SITE);

    assert_eq!(browser.get("/p/1").await.body, "a guest");
    browser.jar = world.logged_in("alice").await.jar;
    assert_eq!(browser.get("/p/1").await.body, "Alice Adams");
}

#[tokio::test]
async fn files_are_guarded_as_a_service_and_in_a_router() {
    let world = World::new().await;
    let folder = tempdir("guarded-files");
    std::fs::write(folder.join("page.html"), "the secret").unwrap();
    let files = || ServeDir::new(&folder);
    let guard = || world.auth.require_login();
    for (app, path) in [
        (
            Router::new().fallback_service(files()).layer(guard()),
            "/page.html",
        ),
        (
            Router::new().nest_service("/files", files()).layer(guard()),
            "/files/page.html",
        ),
        (
            Router::new()
                .nest_service("/files", guard().layer(files()))
                .layer(world.auth.layer()),
            "/files/page.html",
        ),
        (
            Router::new().fallback_service(guard().layer(files())),
            "/page.html",
        ),
    ] {
        let mut browser = Browser::new(&app, SITE);
        let answer = browser.get(path).await;
        assert_eq!(answer.status, StatusCode::SEE_OTHER, "{answer:?}");
        let image = [("sec-fetch-mode", "no-cors"), ("sec-fetch-dest", "image")];
        let answer = browser.request("GET", path, &image).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED);
        assert!(!answer.body.contains("the secret"));

        browser.jar = world.logged_in("alice").await.jar;
        let answer = browser.get(path).await;
        assert_eq!(answer.body, "the secret");
        // A shared cache would hand it to everybody.
        assert_eq!(answer.header("cache-control"), Some("private"));
        assert_eq!(answer.header("vary"), Some("Cookie"));
    }
    let open = Router::new().layer(guard()).nest_service("/files", files());
    let answer = Browser::new(&open, SITE).get("/files/page.html").await;
    assert_eq!(answer.body, "the secret", "added behind the guard's line");
}

fn tempdir(name: &str) -> std::path::PathBuf {
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    std::fs::create_dir_all(&folder).unwrap();
    folder
}
