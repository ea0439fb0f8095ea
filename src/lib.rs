//! Login for axum the way Streamlit does it: one `[auth]` table in a secrets file,
//! `login("google")`, `logout()`, `user.is_logged_in()`.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod algorithm;
mod auth;
mod callback;
mod clock;
mod config;
mod cookies;
#[cfg(feature = "dev")]
#[cfg_attr(docsrs, doc(cfg(feature = "dev")))]
pub mod dev;
mod error;
mod failure_log;
mod layer;
mod login;
mod logout;
mod pages;
mod provider;
mod random;
mod return_to;
mod secret;
mod session;
#[cfg(feature = "testing")]
pub mod testing;
mod user;
mod visit;

pub use auth::{Auth, Builder, Choice};
pub use config::ConfigError;
pub use error::{Error, Fault, Result};
pub use layer::{AuthFuture, AuthLayer, AuthService};
pub use login::{Login, LoginRequest};
pub use logout::{Logout, LogoutRequest};
pub use session::{Identity, Session};
pub use user::User;
