//! What keycard does for an app, through its public surface.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that cannot go on panics, and nothing outside reaches one"
)]

mod attack;
mod authorize;
mod base_path;
mod caching;
mod callback;
mod client_assertion;
mod cookies;
mod crowds;
mod dropped;
mod form_post;
mod guards;
mod guests;
mod hostile_paths;
mod id_token;
mod internet;
mod keys;
mod last_used;
mod leaks;
mod limits;
mod login;
mod logout;
mod metadata;
mod mix_up;
mod network;
mod odd_requests;
mod outage;
mod own_callback;
mod own_provider;
mod pages;
mod password;
mod presets;
mod provider_logout;
mod proxies;
mod pushed;
mod quiet;
mod reconnects;
mod reload;
mod renewal;
mod requests;
mod restrictions;
mod return_to;
mod rotation;
mod rules;
mod secrets;
mod shapes;
mod shutdown;
mod signed_userinfo;
mod sockets;
mod support;
mod tabs;
mod testing;
mod time;
mod tls;
mod token;
mod tokens;
mod typed_claims;
mod user;
mod userinfo;
