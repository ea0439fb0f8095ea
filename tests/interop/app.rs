//! An app as plain as can be, for the tests with parts that others wrote: who is logged in, a form
//! for each provider, a form to log out, and what is behind a guard.
//!
//! `SECRETS` names its secrets file; without it the settings are where every app finds them, over the
//! text in `SHARED`. `PORT` is its port on 127.0.0.1. `NEST=/app` serves it under that path, as an app does that a proxy leaves
//! its base path. With `FALLBACK` there is a page at every other path, too, kept by a `guard`, by the
//! `identity` that it asks for, or by `nobody`.
#![allow(clippy::print_stdout, reason = "whoever starts it waits for its line")]

mod guarded;

use std::{collections::BTreeMap, env, error::Error, io, net::SocketAddr};

use axum::extract::Path;
use axum::http::Uri;
use axum::routing::{get, post};
use axum::{Json, Router};
use keycard::{Auth, Identity, Login, Logout, Session, User};
use maud::{DOCTYPE, Markup, html};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let port: u16 = env::var("PORT")?.parse()?;
    let auth = match env::var("SECRETS") {
        Ok(path) => Auth::from_file(path)?,
        Err(_) => {
            let shared = env::var("SHARED").unwrap_or_default();
            Auth::builder().toml(&shared).secrets().build()?
        }
    };
    let nest = env::var("NEST").unwrap_or_default();
    let fallback = env::var("FALLBACK").unwrap_or_default();
    let pages = Router::new()
        .route("/", get(home))
        .route("/me", get(me))
        .route("/log-in/{provider}", post(log_in).get(log_in))
        .route("/log-out", post(log_out))
        .route("/access", get(access))
        .merge(guarded::routes(&auth))
        .merge(guarded::everything_else(&auth, &fallback));
    let app = match nest.as_str() {
        "" => pages,
        // A login ends at `/app/`, and a nest answers `/app` alone.
        path => Router::new()
            .route(&format!("{path}/"), get(home))
            .nest(path, pages),
    };
    let app = app
        .layer(auth.layer())
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await?;
    println!("listening");
    Ok(axum::serve(listener, app).await?)
}

async fn home(user: User) -> Markup {
    html! {
        (DOCTYPE) html lang="en" {
            head { title { "Interop" } }
            body {
                h1 { @if user.is_logged_in() { (user.name().or(user.subject()).unwrap_or("somebody")) } @else { "nobody" } }
            }
        }
    }
}

/// Who is logged in, for scripts: 401 if nobody is.
async fn me(user: Identity) -> Json<Value> {
    Json(json!({
        "provider": user.provider(),
        "issuer": user.issuer(),
        "subject": user.subject(),
        "claims": user.all_claims().collect::<BTreeMap<_, _>>(),
    }))
}

/// The access token, for whoever may ask the provider.
async fn access(session: Session) -> keycard::Result<String> {
    Ok(session.tokens().access().await?.expose().to_owned())
}

async fn log_in(
    session: Session,
    Path(provider): Path<String>,
    uri: Uri,
) -> keycard::Result<Login> {
    match guarded::goal(&uri) {
        Some(path) => session.login(&provider).return_to(path).await,
        None => session.login(&provider).await,
    }
}

async fn log_out(session: Session, uri: Uri) -> Logout {
    match guarded::goal(&uri) {
        Some(path) => session.logout().return_to(path).await,
        None => session.logout().await,
    }
}
