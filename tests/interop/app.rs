//! An app as plain as can be, for the tests with parts that others wrote: who is logged in, a form
//! for each provider, a form to log out.
//!
//! `SECRETS` names its secrets file, `PORT` its port on 127.0.0.1. `NEST=/app` serves it under that
//! path, as an app does that a proxy leaves its base path.
#![allow(clippy::print_stdout, reason = "whoever starts it waits for its line")]

use std::{collections::BTreeMap, env, error::Error, io, net::SocketAddr};

use axum::extract::Path;
use axum::routing::{get, post};
use axum::{Json, Router};
use keycard::{Auth, Identity, Login, Logout, Session, User};
use maud::{DOCTYPE, Markup, html};
use serde_json::{Value, json};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt().with_writer(io::stderr).init();
    let port: u16 = env::var("PORT")?.parse()?;
    let auth = Auth::from_file(env::var("SECRETS")?)?;
    let nest = env::var("NEST").unwrap_or_default();
    let pages = Router::new()
        .route("/", get(home))
        .route("/me", get(me))
        .route("/log-in/{provider}", post(log_in).get(log_in))
        .route("/log-out", post(log_out));
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

async fn log_in(session: Session, Path(provider): Path<String>) -> keycard::Result<Login> {
    session.login(&provider).await
}

async fn log_out(session: Session) -> Logout {
    session.logout().await
}
