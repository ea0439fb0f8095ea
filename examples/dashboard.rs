//! Everything behind a login but one page, an admin page by role, and a landing page for each role:
//! `cargo run --example dashboard`. With no `.streamlit/secrets.toml` it starts a provider.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "a terminal")]

use std::{env, error::Error, fs, io, net::SocketAddr, process, time::Duration};

use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, post};
use axum::{Router, http::Uri};
use keycard::dev::{self, Person};
use keycard::rule::{has_role, max_age};
use keycard::{Auth, Identity, Logout, Session, User};
use maud::{DOCTYPE, Markup, html};
use serde_json::json;

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().with_writer(io::stderr).init(); // Says whom a rule kept out, and why.
    if let Err(error) = run().await {
        eprintln!("{error}");
        process::exit(1);
    }
}

async fn run() -> Result<(), Box<dyn Error>> {
    let port = env::var("PORT").unwrap_or("8501".to_owned()).parse::<u16>();
    let port = port.map_err(|_| "PORT must be a number up to 65535.")?;
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await;
    let listener = listener.map_err(|why| format!("Port {port}: {why}; set PORT to another."))?;
    let mut provider = None; // Dropped, a development provider ends.
    let auth = if fs::exists(".streamlit/secrets.toml")? {
        Auth::from_secrets()?
    } else {
        println!("\n  There is no .streamlit/secrets.toml here, so a development provider stands");
        println!("  in. Be Ada, who is an admin, or Eve, who is an editor.");
        let ada = Person::new("ada").name("Ada");
        let eve = Person::new("eve").name("Eve");
        let company = dev::Provider::builder("company")
            .person(ada.claim("roles", json!(["admin"])))
            .person(eve.claim("roles", json!(["editor"])));
        let secrets = dev::secrets(port, &[provider.insert(company.start().await?)]);
        Auth::builder().toml(&secrets).build()?
    };

    // Who is no admin sees a page that says so, and may log in with another account.
    let fresh = auth.require(max_age(Duration::from_secs(15 * 60)));
    let admin = Router::new()
        .route("/", get(page))
        .route("/keys", get(page).layer(fresh)) // Only for who has just logged in.
        .layer(auth.require(has_role("admin")));
    let log_out = async |session: Session| -> Logout { session.logout().return_to("/about").await };
    let style = include_str!("login_buttons.css");
    let app = Router::new()
        .route("/", get(landing))
        .route("/articles", get(page))
        .route("/articles/{id}", get(page))
        .route("/about", get(page))
        .route("/logout", post(log_out))
        .nest("/admin", admin)
        .layer(auth.require_login().except("/about")) // Everything above, but for one.
        .route("/style.css", get(([("content-type", "text/css")], style)))
        .into_make_service_with_connect_info::<SocketAddr>();
    println!("\n  Open http://localhost:{port}\n");
    Ok(axum::serve(listener, app).await?)
}

/// Where each role begins.
async fn landing(who: Identity) -> Redirect {
    let roles = who.roles().unwrap_or_default();
    Redirect::to(if roles.contains(&"admin") {
        "/admin"
    } else {
        "/articles"
    })
}

async fn page(uri: Uri, user: User) -> impl IntoResponse {
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    let links = [
        "/about",
        "/articles",
        "/articles/1",
        "/admin",
        "/admin/keys",
    ];
    let page: Markup = html! {
        (DOCTYPE) html lang="en" { head {
            meta name="viewport" content="width=device-width, initial-scale=1";
            link rel="stylesheet" href="/style.css"; title { (uri.path()) }
        } body { main {
            h1 { (uri.path()) }
            p { "For " (user.name().unwrap_or("everybody")) }
            @for link in links { p { a href=(link) { (link) } } }
            @if user.is_logged_in() {
                form method="post" action="/logout" { button { "Log out" } }
            } @else { p { a href="/" { "Log in" } } }
        } } }
    };
    ([("content-security-policy", policy)], page)
}
