//! The command `keycard`, started as people start it.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    unreachable_pub,
    dead_code,
    reason = "a test that cannot go on panics, and nothing outside reaches one"
)]

mod check;
mod dev;
#[path = "../secrets/folder.rs"]
mod folder;
mod import;
mod init;
#[path = "../secrets/key.rs"]
mod key;
mod run;
mod schema;
mod secret;
mod silence;
#[allow(dead_code, reason = "other tests use the rest")]
#[path = "../integration/support/tls.rs"]
mod tls;
