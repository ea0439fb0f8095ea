//! Prints the hostile paths of the integration tests, as a JSON array.
#![allow(
    clippy::print_stdout,
    dead_code,
    reason = "whoever starts it reads them all, and no class by itself"
)]

#[path = "../integration/hostile_paths.rs"]
mod hostile_paths;

fn main() {
    println!("{}", serde_json::Value::from(hostile_paths::all()));
}
