//! A development OpenID provider inside the process, which refuses anything but loopback.
//!
//! It listens on a socket of its own at 127.0.0.1, asks "Who do you want to be?" instead of for a
//! password, and sends people back to loopback addresses only. Everything else is what a real
//! provider does: discovery, PKCE, signed tokens, userinfo, logout. It works offline, can be told
//! to misbehave in one way at a time ([`Fault`]), and remembers what it was asked ([`Request`]).
//!
//! ```
//! # async fn example() -> Result<(), keycard::dev::StartError> {
//! use keycard::dev;
//!
//! let google = dev::Provider::builder("google")
//!     .person(dev::Person::new("alice").name("Alice Adams").email("alice@example.com"))
//!     .start()
//!     .await?;
//! let secrets = google.secrets(); // the `[auth.google]` table that goes with it
//! # Ok(())
//! # }
//! ```

// Each room uses only those above it.
mod request;

mod fault;
mod keys;
mod person;
mod socket;

mod client_key;
mod grants;

mod inner;

mod reply;
mod style;

mod page;

mod authorization;
mod end_session;
mod id_token;
mod metadata;
mod userinfo;

mod token;

mod pushed;
mod revocation;

mod obstruction;

mod answer;

mod provider;

mod builder;
mod secrets;

pub use authorization::AuthorizeError;
pub use builder::{Builder, StartError};
pub use fault::Fault;
pub use keys::SigningAlg;
pub use person::Person;
pub use provider::Provider;
pub use request::{Endpoint, Request};
pub use secrets::secrets;
