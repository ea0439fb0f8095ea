//! What the tests share: an app with a development provider, a browser, a clock to turn, and one
//! way to look at a refusal as a whole.

mod browser;
mod forge;
mod internet;
mod jar;
mod logs;
mod saves;
mod shelf;
mod signing;
mod small_provider;
mod socket;
pub mod tls;
mod world;

pub use browser::{Answer, Browser, relative};
pub use forge::{Forge, honest};
pub use internet::{Internet, Sent};
pub use jar::Jar;
pub use logs::Logs;
pub use saves::{SecretsFile, shared};
pub use shelf::Shelf;
pub use signing::{TestKey, base64url, pem};
pub use small_provider::SmallProvider;
pub use socket::{Connection, Frame, serve};
pub use world::{
    Ending, Refusal, SITE, World, app, eventually, fresh_secret, groups, now, pass, provider,
    provider_with, routes, row, settle, telling_app, who,
};
