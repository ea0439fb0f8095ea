//! Asks an API in the name of whoever is logged in, with an access token that is renewed before it ends:
//! `cargo run --example api_tokens`. With no `.streamlit/secrets.toml` it starts a provider, whose
//! userinfo is the API; else `API` is its address, and the file says `expose_tokens = "access"`.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "a terminal")]

use std::{env, error::Error, fs, io, net::SocketAddr, process, time::Duration};

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Router, http::StatusCode};
use keycard::dev::{self, Person};
use keycard::{Auth, Identity, Session};
use maud::{DOCTYPE, html};
use serde_json::Value;

#[tokio::main]
async fn main() {
    tracing_subscriber::fmt().with_writer(io::stderr).init(); // Says why a refresh failed.
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
    let (auth, api) = if fs::exists(".streamlit/secrets.toml")? {
        let api = env::var("API").map_err(|_| "Set API to the address that is to be asked.")?;
        (Auth::from_secrets()?, api)
    } else {
        println!("\n  There is no .streamlit/secrets.toml here: a development provider stands in.");
        let ada = Person::new("ada").name("Ada").email("ada@example.com");
        let company = dev::Provider::builder("company").person(ada).start();
        let company = provider.insert(company.await?);
        let secrets = dev::secrets(port, &[company]);
        let auth = Auth::builder().toml(&secrets);
        let auth = auth.set("auth.expose_tokens", "access").build()?;
        (auth, format!("{}/userinfo", company.issuer()))
    };
    // One for all requests. A redirect could carry the token elsewhere.
    let client = reqwest::Client::builder().timeout(Duration::from_secs(10));
    let client = client.redirect(reqwest::redirect::Policy::none()).build()?;
    let log_out = async |session: Session| session.logout().await;
    let style = include_str!("login_buttons.css");
    let app = Router::new()
        .route("/", get(page))
        .route("/logout", post(log_out))
        .layer(auth.require_login())
        .route("/style.css", get(([("content-type", "text/css")], style)))
        .with_state((client, api))
        .into_make_service_with_connect_info::<SocketAddr>();
    println!("\n  Open http://localhost:{port}\n");
    Ok(axum::serve(listener, app).await?)
}

/// What the API says. A token that cannot be renewed leads to a page with a way to log in again.
async fn page(
    who: Identity,
    session: Session,
    State((client, api)): State<(reqwest::Client, String)>,
) -> Response {
    let token = match session.tokens().access().await {
        Ok(token) => token,
        Err(error) => return error.into_response(),
    };
    let asked = client.get(&api).bearer_auth(token.expose());
    let answer = asked.send().await;
    let told = match answer.and_then(reqwest::Response::error_for_status) {
        Ok(answer) => answer.json().await.unwrap_or(Value::Null),
        Err(error) => {
            tracing::warn!("the API has not answered: {}", error.without_url());
            return (StatusCode::BAD_GATEWAY, "The API has not answered.").into_response();
        }
    };
    let policy = "default-src 'none'; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";
    let page = html! {
        (DOCTYPE) html lang="en" { head {
            meta name="viewport" content="width=device-width, initial-scale=1";
            link rel="stylesheet" href="/style.css"; title { "What the API says" }
        } body { main {
            h1 { (who.name().unwrap_or("Somebody")) }
            p { "The API says: " code { (told) } }
            form method="post" action="/logout" { button { "Log out" } }
        } } }
    };
    ([("content-security-policy", policy)], page).into_response()
}
