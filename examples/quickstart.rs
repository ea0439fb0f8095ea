//! The shortest app with a login, for a secrets file that has an `[auth.google]` section.
//!
//! `cargo run --example quickstart`, then open http://localhost:8501. Without a secrets file it
//! says what to write into one; `login_buttons` runs without.

use axum::Router;
use axum::routing::{get, post};
use keycard::{Auth, Login, Logout, Session, User};
use maud::{Markup, html};

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    tracing_subscriber::fmt().init(); // Warnings, and why a login failed, are written here.
    let auth = Auth::from_secrets()?;
    let app = Router::new()
        .route("/", get(home))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .layer(auth.layer());
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8501").await?;
    Ok(axum::serve(listener, app).await?)
}

async fn home(user: User) -> Markup {
    html! {
        @if user.is_logged_in() {
            h1 { "Hello, " (user.name().unwrap_or("you")) }
            form method="post" action="/logout" { button { "Log out" } }
        } @else {
            form method="post" action="/login" { button { "Log in" } }
        }
    }
}

async fn log_in(session: Session) -> keycard::Result<Login> {
    session.login("google").await
}

async fn log_out(session: Session) -> Logout {
    session.logout().await
}
