//! Login for axum the way Streamlit does it: one `[auth]` table in a secrets file,
//! `login("google")`, `logout()`, `user.is_logged_in()`.
//!
//! ```toml
//! # .streamlit/secrets.toml
//! [auth]
//! redirect_uri = "http://localhost:8501/oauth2callback"
//! cookie_secret = "<replace with 32 random characters or more>"
//!
//! [auth.google]
//! client_id = "<from the provider>"
//! client_secret = "<from the provider>"
//! server_metadata_url = "https://accounts.google.com/.well-known/openid-configuration"
//! ```
//!
//! ```no_run
//! use axum::{Router, routing::get, routing::post};
//! use keycard::{Auth, Identity, Login, Logout, Session, User};
//!
//! # #[tokio::main]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let auth = Auth::from_secrets()?; // lists every mistake in the file, with its cure
//! let app = Router::new()
//!     .route("/", get(async |user: User| format!("Hello, {}", user.name().unwrap_or("stranger"))))
//!     .route("/account", get(async |who: Identity| who.email().unwrap_or_default().to_owned()))
//!     .route("/login", post(log_in))
//!     .route("/logout", post(log_out))
//!     .layer(auth.layer()); // on the outermost router, after its last route and fallback
//! # let listener = tokio::net::TcpListener::bind("127.0.0.1:8501").await?;
//! axum::serve(listener, app).await?;
//! # Ok(()) }
//!
//! async fn log_in(session: Session) -> keycard::Result<Login> {
//!     session.login("google").await
//! }
//!
//! async fn log_out(session: Session) -> Logout {
//!     session.logout().await
//! }
//! ```
//!
//! [`User`] is whoever made the request, or nobody. [`Identity`] is somebody: whoever is not logged
//! in is sent to log in, and comes back. [`Auth::require_login`] and [`Auth::require`], with a
//! [`rule`], are the same for whole routers, files and sockets. [`Session`] logs in and out, and
//! [tells a socket](Session::ended) when its login is over. The layer
//! answers `/oauth2callback` (and `/oauth2callback/<name>` of a provider that has its own),
//! `/auth/login` (which lets people choose among several providers) and `/auth/logout` by itself.
//! What keycard does not know how to ask is a provider of the app's [own](own_provider); so may its
//! [pages](own_pages) be.
//!
//! # What happens
//!
//! 1. `login` reads the provider's metadata, seals what this login has to remember into a cookie
//!    for ten minutes, and sends the browser to the provider.
//! 2. The provider asks who it is and sends the browser back to `/oauth2callback`.
//! 3. The layer opens that cookie, redeems the code, verifies the ID token, asks for userinfo where
//!    the token says too little, and seals the claims into a cookie for thirty days.
//! 4. Every later request opens that cookie. Nothing is kept on the server: logins survive restarts,
//!    and any replica with the same `cookie_secret` knows them.
//!
//! Whatever fails on the way has an [`Error`] with a stable code, a page or JSON, and one line in the
//! log ([`tracing`](https://docs.rs/tracing)); it never logs out whoever was logged in before.
//!
//! # Not supported
//!
//! A logout that the provider asks for (back-channel, front-channel). A login cannot be revoked one by
//! one before its thirty days are over: `sessions_valid_from`, or a new `cookie_secret`, logs everybody
//! out.
//!
//! # Where the app runs
//!
//! - *https.* `redirect_uri` is https, but on the machine itself or for a host in `allow_http`. TLS may
//!   end at a proxy: what the app is called is read from `redirect_uri`, never from the request.
//! - *Host.* People must open the app by the very host and port of `redirect_uri`, or the cookie of the
//!   login does not come back. A proxy keeps `Origin`, `Sec-Fetch-*` and `Cookie` as they are.
//! - *Base path.* What stands before `/oauth2callback` is the base path, which the proxy may take off.
//! - *Clock.* It may be two minutes off the provider's; `clock_leeway` says otherwise.
//!
//! `docs/deploy.md` has the proxy's settings, containers, replicas, and what to do when a login fails.
//!
//! # Features
//!
//! - `cli`: the command `keycard`, which checks a secrets file and asks its providers.
//! - `dev`: an OpenID provider inside the process, for working offline and for tests.
//! - `password`: a form for user name and password, for one machine while developing
//!   (`docs/from-panel.md`).
//! - `testing`: a request that is logged in as somebody, in one line, and a clock to turn.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod algorithm;
mod auth;
mod authorize;
mod callback;
mod callback_query;
#[cfg(feature = "cli")]
#[cfg_attr(docsrs, doc(cfg(feature = "cli")))]
pub mod cli;
mod clock;
mod config;
mod cookies;
#[cfg(feature = "dev")]
#[cfg_attr(docsrs, doc(cfg(feature = "dev")))]
pub mod dev;
mod ended;
mod error;
mod failure_log;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod fuzzing;
mod guard;
mod in_force;
mod layer;
mod login;
mod login_secrets;
mod logout;
pub mod own_pages;
mod own_paths;
pub mod own_provider;
mod pages;
#[cfg(feature = "password")]
mod password;
mod pointer;
mod posture;
mod presets;
mod private_key;
mod provider;
mod random;
mod reload;
mod renewal;
mod return_to;
pub mod rule;
mod secret;
mod session;
mod snapshot;
#[cfg(feature = "testing")]
#[cfg_attr(docsrs, doc(cfg(feature = "testing")))]
pub mod testing;
mod tokens;
#[cfg(feature = "password")]
mod tries;
mod typed_claims;
mod user;
mod visit;

pub use auth::{Auth, AuthBuilder, ProviderChoice};
pub use authorize::{Decision, IntoDecision};
pub use config::ConfigError;
pub use ended::Ended;
pub use error::{Error, Fault, Result};
pub use guard::{Guard, GuardFuture, GuardService};
pub use layer::{AuthFuture, AuthLayer, AuthService};
pub use login::{Login, LoginRequest};
pub use logout::{Logout, LogoutRequest};
pub use session::{Ending, Identity, Session};
pub use tokens::{Token, Tokens};
pub use user::User;

/// The program in the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
