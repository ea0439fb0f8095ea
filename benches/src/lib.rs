//! What the benches share: apps that answer `/me` with a name, and somebody to be.

mod cpu;
mod site;

pub use cpu::{Sample, thread_time};
pub use site::{Site, ask, claims, me, whose};
