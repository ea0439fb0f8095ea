//! What of the app is behind a guard, and what takes a path to end up at.

use axum::Router;
use axum::extract::OriginalUri;
use axum::extract::ws::{Message, WebSocketUpgrade};
use axum::http::request::Parts;
use axum::http::{Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{any, get};
use keycard::rule::has_role;
use keycard::{Auth, Decision, Identity, User};
use maud::{DOCTYPE, Markup, html};

pub(crate) fn routes(auth: &Auth) -> Router {
    let hook = async |_: User, request: Parts| match goal(&request.uri) {
        Some(path) => Decision::GoTo(path),
        None => Decision::Allow,
    };
    let going = get(page).layer(auth.require_login().authorize(hook));
    let private = Router::new()
        .route("/private/picture.svg", get(picture))
        .route("/private/socket", any(socket))
        .route(
            "/private/admin",
            get(page).layer(auth.require(has_role("admin"))),
        )
        .route("/private/{*page}", get(page))
        .layer(auth.require_login());
    Router::new()
        .route("/gallery", get(gallery))
        .route("/going", going)
        .merge(private)
}

/// Whatever no route is found for: behind a guard, for whom the extractor lets in, or for everybody.
pub(crate) fn everything_else(auth: &Auth, kept_by: &str) -> Router {
    let whoever = async || "a page for everybody";
    match kept_by {
        "guard" => Router::new().fallback(page).layer(auth.require_login()),
        "identity" => Router::new().fallback(page),
        "nobody" => Router::new().fallback(whoever),
        _ => Router::new(),
    }
}

/// The path that this request is to lead to.
pub(crate) fn goal(uri: &Uri) -> Option<String> {
    let query = uri.query().unwrap_or_default().as_bytes();
    let mut fields = url::form_urlencoded::parse(query);
    let (_, path) = fields.find(|(name, _)| name == "return_to")?;
    Some(path.into_owned())
}

async fn page(user: Identity, OriginalUri(uri): OriginalUri) -> Markup {
    let name = user.name().unwrap_or("somebody");
    html! {
        (DOCTYPE) html lang="en" {
            head { title { "Private" } }
            body {
                h1 { (name) " at " (uri) }
                a href="/private/next?page=2" { "Next" }
                form method="post" action="/log-out" { button { "Log out" } }
            }
        }
    }
}

/// A page for everybody, with a picture that is not.
async fn gallery() -> Markup {
    html! {
        (DOCTYPE) html lang="en" {
            head { title { "Gallery" } }
            body { h1 { "Gallery" } img alt="A picture" src="/private/picture.svg"; }
        }
    }
}

async fn picture() -> impl IntoResponse {
    let svg = r#"<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"/>"#;
    ([(header::CONTENT_TYPE, "image/svg+xml")], svg)
}

/// Says whose it is, and then whatever it hears.
async fn socket(user: Identity, upgrade: WebSocketUpgrade) -> Response {
    let name = user.name().unwrap_or("somebody").to_owned();
    upgrade.on_upgrade(async move |mut socket| {
        let mut said = socket.send(Message::text(name)).await;
        while said.is_ok() {
            let Some(Ok(heard)) = socket.recv().await else {
                return;
            };
            said = socket.send(heard).await;
        }
    })
}
