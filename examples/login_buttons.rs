//! Log in with one of several providers, see what they say about you, log out:
//! `cargo run --example login_buttons`. With no `.streamlit/secrets.toml` it starts two providers.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "a terminal")]

use std::{env, error::Error, fs, io, net::SocketAddr, process};

use axum::routing::{get, post};
use axum::{Router, extract::Path, extract::State, response::IntoResponse};
use keycard::{Auth, ProviderChoice, Session, User, dev};
use maud::{DOCTYPE, Markup, html};

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().with_writer(io::stderr).init(); // Says why a login failed.
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
    let mut providers = Vec::new(); // Dropped, a development provider ends.
    let auth = if fs::exists(".streamlit/secrets.toml")? {
        Auth::from_secrets()?
    } else {
        println!("\n  There is no .streamlit/secrets.toml here, so two development providers");
        println!("  stand in: google and microsoft. Log in as whomever you like.");
        let google = dev::Provider::builder("google").start().await?;
        let microsoft = dev::Provider::builder("microsoft").start().await?;
        let secrets = dev::secrets(port, &[&google, &microsoft]);
        providers.extend([google, microsoft]);
        Auth::builder().toml(&secrets).build()?
    };
    let log_in = async |session: Session, Path(name): Path<String>| session.login(&name).await;
    let log_out = async |session: Session| session.logout().await;
    let style = include_str!("login_buttons.css");
    let app = Router::new()
        .route("/", get(home))
        .route("/login/{name}", post(log_in))
        .route("/logout", post(log_out))
        .route("/style.css", get(([("content-type", "text/css")], style)))
        .layer(auth.layer())
        .with_state(auth)
        .into_make_service_with_connect_info::<SocketAddr>();
    println!("\n  Open http://localhost:{port}\n");
    Ok(axum::serve(listener, app).await?)
}

async fn home(State(auth): State<Auth>, user: User) -> impl IntoResponse {
    let policy = "default-src 'none'; style-src 'self'; img-src https: http:; \
                  base-uri 'none'; frame-ancestors 'none'"; // form-action would bar the provider.
    let page = html! {
        (DOCTYPE) html lang="en" { head {
            meta name="viewport" content="width=device-width, initial-scale=1";
            link rel="stylesheet" href="/style.css"; title { (user.name().unwrap_or("Welcome")) }
        } body { main {
            @if user.is_logged_in() { (account(&user)) } @else {
                h1 { "Welcome" }
                @for ProviderChoice { name, label, .. } in auth.providers() {
                    form method="post" action={ "/login/" (name) } {
                        button { "Log in with " (label) }
                    }
                }
            }
        } } }
    };
    ([("content-security-policy", policy)], page)
}

fn account(user: &User) -> Markup {
    let name = user.name().or(user.email()).unwrap_or("You");
    let initials = name.split_whitespace().flat_map(|word| word.chars().next());
    html! {
        header {
            @if let Some(url) = user.picture() {
                img src=(url) alt="" referrerpolicy="no-referrer";
            } @else { span aria-hidden="true" { (initials.take(2).collect::<String>()) } }
            h1 { (name) }
            @let doubtful = user.email_verified() != Some(true);
            @if let Some(email) = user.email() { p { (email) " "
                small.doubtful[doubtful] { @if doubtful { "not " } "verified" } } }
            form method="post" action="/logout" { button { "Log out" } }
        }
        p { "Logged in with " b { (user.provider().unwrap_or_default()) }
            @if let Some(until) = user.expires_at() { " until " b { (until.date()) } } }
        table { caption { "All claims" }
            @for (claim, value) in user.all_claims() {
                tr { th scope="row" { (claim) } td {
                    @for item in value.as_array().unwrap_or(&vec![value.clone()]) {
                        code { @if let Some(text) = item.as_str() { (text) } @else { (item) } } " "
                    }
                } }
            }
        }
    }
}
