//! What keycard does for an app, through its public surface.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    reason = "a test that cannot go on says so by panicking"
)]
#![allow(unreachable_pub, reason = "nothing outside can reach a test")]

mod caching;
mod cookies;
mod id_token;
mod keys;
mod leaks;
mod login;
mod support;
mod time;
mod user;
