//! A page that lives as long as the login, with a clock over a WebSocket and server-sent events:
//! `cargo run --example live`, log in, log out in a second tab, and see the first one end. With no
//! `.streamlit/secrets.toml` it starts a provider.
#![allow(clippy::print_stderr, clippy::print_stdout, reason = "a terminal")]

use std::{convert::Infallible, env, error::Error, fs, io, net::SocketAddr, process};

use axum::extract::ws::{CloseFrame, Message, WebSocketUpgrade, close_code};
use axum::response::sse::{Event, Sse};
use axum::routing::{any, get, post};
use axum::{Router, response::IntoResponse, response::Response};
use futures_util::stream::{self, StreamExt};
use keycard::{Auth, Identity, Session, dev};
use maud::{DOCTYPE, html};
use time::OffsetDateTime;
use tokio::time::{Duration, interval};

const SECOND: Duration = Duration::from_secs(1);

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
    let mut provider = None; // Dropped, a development provider ends.
    let auth = if fs::exists(".streamlit/secrets.toml")? {
        Auth::from_secrets()?
    } else {
        println!("\n  There is no .streamlit/secrets.toml here: a development provider stands in.");
        let company = dev::Provider::builder("company").start().await?;
        let secrets = dev::secrets(port, &[provider.insert(company)]);
        Auth::builder().toml(&secrets).build()?
    };
    let log_out = async |session: Session| session.logout().await;
    let style = include_str!("login_buttons.css");
    let script = include_str!("live.js");
    let javascript = [("content-type", "text/javascript")];
    let app = Router::new()
        .route("/", get(page))
        .route("/clock", any(clock))
        .route("/since", get(since))
        .route("/logout", post(log_out))
        .layer(auth.require_login()) // A socket that another site asks for is refused, too.
        .route("/style.css", get(([("content-type", "text/css")], style)))
        .route("/live.js", get((javascript, script)))
        .into_make_service_with_connect_info::<SocketAddr>();
    println!("\n  Open http://localhost:{port}\n");
    Ok(axum::serve(listener, app).await?)
}

/// Tells the time until the login is over, and then says why.
async fn clock(upgrade: WebSocketUpgrade, session: Session) -> Response {
    let mut ended = session.ended(); // What happens until the socket stands is told as well.
    upgrade.on_upgrade(async move |mut socket| {
        let mut ticks = interval(SECOND);
        let why = loop {
            tokio::select! {
                why = &mut ended => break why,
                // The page says nothing that matters, until it is gone.
                message = socket.recv() => if !matches!(message, Some(Ok(_))) { return },
                _ = ticks.tick() => {
                    let (hour, minute, second) = OffsetDateTime::now_utc().to_hms();
                    let time = format!("{hour:02}:{minute:02}:{second:02} UTC");
                    if socket.send(time.into()).await.is_err() { return } // The page is gone.
                }
            }
        };
        let (code, reason) = (close_code::POLICY, why.to_string().into());
        let frame = CloseFrame { code, reason };
        let _ = socket.send(Message::Close(Some(frame))).await;
    })
}

/// Tells for how long somebody is logged in, until they are not.
async fn since(who: Identity, session: Session) -> impl IntoResponse {
    let began = who.logged_in_at().unwrap_or(OffsetDateTime::UNIX_EPOCH);
    let open = Some((session.ended(), interval(SECOND)));
    let events = stream::unfold(open, move |open| async move {
        let (mut ended, mut ticks) = open?;
        let event = Event::default();
        Some(tokio::select! {
            why = &mut ended => (event.event("ended").data(why.to_string()), None),
            _ = ticks.tick() => {
                let seconds = (OffsetDateTime::now_utc() - began).whole_seconds();
                (event.data(format!("Logged in for {seconds} s")), Some((ended, ticks)))
            }
        })
    });
    let unheld = [("x-accel-buffering", "no")]; // Else nginx gathers events before it sends them.
    (unheld, Sse::new(events.map(Ok::<_, Infallible>)))
}

async fn page(who: Identity) -> impl IntoResponse {
    let policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; \
                  base-uri 'none'; frame-ancestors 'none'"; // form-action would bar the provider.
    let page = html! {
        (DOCTYPE) html lang="en" { head {
            meta name="viewport" content="width=device-width, initial-scale=1";
            link rel="stylesheet" href="/style.css"; script src="/live.js" defer {} title { "Live" }
        } body { main {
            h1 id="clock" { "…" }
            p id="since" { "For " (who.name().unwrap_or("you")) }
            p id="state" role="status" { "Log out in a second tab, and look here." }
            p id="again" hidden { a href="/" { "Log in again" } }
            form method="post" action="/logout" { button { "Log out" } }
        } } }
    };
    ([("content-security-policy", policy)], page)
}
