//! A way to log in of the app's own: whoever can read this terminal may come in.
//! `cargo run --example own_provider`, press the button, and paste what is printed here.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "a terminal")]

use std::{env, error::Error, io, net::SocketAddr, process};

use axum::{Router, routing::get, routing::post};
use keycard::own_provider::{Answer, Beginning, Begun, Callback, Failure, Page, Provider, Vouched};
use keycard::{Auth, Session, User};
use maud::{DOCTYPE, Markup, html};
use rand::{TryRng, rngs::SysRng};

/// Prints a code for each login that begins, and takes it for one that comes back.
struct Terminal {
    address: String,
}

impl Provider for Terminal {
    fn begin<'a>(&'a self, login: &'a Beginning) -> Answer<'a, Begun> {
        Box::pin(async move {
            println!("  The code for this login: {}\n", login.nonce());
            let page = Page::new("Are you at the terminal?")
                .text("The terminal in which this app runs has just printed a code.")
                .field("code", "The code")
                .button("Log in");
            Ok(Begun::page(page))
        })
    }

    fn finish<'a>(&'a self, callback: &'a Callback) -> Answer<'a, Vouched> {
        Box::pin(async move {
            let code = callback.parameter("code").unwrap_or_default();
            if !callback.is_nonce(code.trim()) {
                return Err(Failure::refused("the code was not the one in the terminal"));
            }
            Ok(Vouched::new(&self.address, "operator").claim("name", "The operator"))
        })
    }
}

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
    let address = format!("http://localhost:{port}");
    let mut secret = [0; 32]; // A real app has one in its secrets file, for logins that last.
    SysRng.try_fill_bytes(&mut secret)?;
    let auth = Auth::builder()
        .set("auth.redirect_uri", format!("{address}/oauth2callback"))
        .set(
            "auth.cookie_secret",
            base64_simd::STANDARD.encode_to_string(secret),
        )
        .set("auth.terminal.label", "the terminal's code")
        .provider(
            "terminal",
            Terminal {
                address: address.clone(),
            },
        )
        .build()?;
    let log_in = async |session: Session| session.login("terminal").await;
    let log_out = async |session: Session| session.logout().await;
    let app = Router::new()
        .route("/", get(home))
        .route("/login", post(log_in))
        .route("/logout", post(log_out))
        .layer(auth.layer())
        .into_make_service_with_connect_info::<SocketAddr>();
    let listener = tokio::net::TcpListener::bind(("127.0.0.1", port)).await;
    let listener = listener.map_err(|why| format!("Port {port}: {why}; set PORT to another."))?;
    println!("\n  Open {address}\n");
    Ok(axum::serve(listener, app).await?)
}

async fn home(user: User) -> Markup {
    html! {
        (DOCTYPE) html lang="en" { head { title { "Own provider" } } body {
            @if user.is_logged_in() {
                h1 { "Hello, " (user.name().unwrap_or("you")) }
                form method="post" action="/logout" { button { "Log out" } }
            } @else {
                form method="post" action="/login" { button { "Log in with a code" } }
            }
        } }
    }
}
