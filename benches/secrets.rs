//! Reading a secrets file, by the number of its providers: all that `Auth::builder().build()` does.
//! `cargo bench --bench secrets`.
//!
//! The least of many rounds in turns: whatever else the machine does only adds to a round.

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::{Duration, Instant};

use keycard::{Auth, dev};
use keycard_benches::Site;

const ROUNDS: usize = 400;
const PROVIDERS: [usize; 3] = [1, 10, 200];

fn main() {
    let shared = dev::secrets(8501, &[&Site::new(1).provider]);
    let files = PROVIDERS.map(|providers| file(&shared, providers));
    let mut least = PROVIDERS.map(|_| Duration::MAX);
    for _ in 0..ROUNDS {
        for (file, least) in files.iter().zip(&mut least) {
            *least = (*least).min(reading(file));
        }
    }
    for (providers, least) in PROVIDERS.iter().zip(least) {
        let milliseconds = least.as_secs_f64() * 1000.0;
        println!("{providers:>3} providers: {milliseconds:.1} ms");
    }
}

fn file(shared: &str, providers: usize) -> String {
    let mut text = shared.to_owned();
    for at in 1..providers {
        let _ = write!(
            text,
            "\n[auth.provider-{at}]\nclient_id = \"client-{at}\"\nclient_secret = \"\"\n\
             server_metadata_url = \"https://p{at}.example/.well-known/openid-configuration\"\n\
             client_kwargs = {{ scope = \"openid email\", prompt = \"login\" }}\n"
        );
    }
    text
}

fn reading(file: &str) -> Duration {
    let begun = Instant::now();
    black_box(Auth::builder().toml(file).build().expect("a good file"));
    begun.elapsed()
}
