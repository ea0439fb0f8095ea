//! What the tests share: an app with a development provider, a browser, a clock to turn, and one
//! way to look at a refusal as a whole.

mod browser;
mod jar;
mod logs;
mod world;

pub use browser::{Answer, Browser, relative};
pub use logs::Logs;
pub use world::{SITE, World, app, fresh_secret, groups, provider, provider_with, routes, who};
