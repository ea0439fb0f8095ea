//! Login for axum the way Streamlit does it: one `[auth]` table in a secrets file,
//! `login("google")`, `logout()`, `user.is_logged_in()`.
#![cfg_attr(docsrs, feature(doc_cfg))]

mod algorithm;
mod clock;
mod config;
mod cookies;
mod error;
mod provider;
mod random;
mod return_to;
mod secret;
pub use config::ConfigError;
