//! Whether time tells a stranger how near a guess was: two wrong values are tried in random order,
//! one wrong at its beginning and one at its end, and Welch's t says whether their times differ
//! (dudect: Reparaz, Balasch, Verbauwhede, 2017). Under 4.5 nothing is seen.
//! `cargo bench --bench constant_time [samples]`.

use std::time::Instant;

use axum::http::HeaderValue;
use keycard_benches::{Site, ask, claims};

fn main() {
    let given = std::env::args().find_map(|it| it.parse().ok());
    let samples = given.unwrap_or(if cfg!(debug_assertions) {
        50
    } else {
        1_000_000
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.expect("a runtime");
    let site = Site::new(1);
    let good = site.cookie(&claims(617));
    let text = good.to_str().expect("a cookie");
    // The tag is the last 16 bytes: a wrong guess at its first byte, and at its last.
    let guesses = [text.len() - 20, text.len() - 2].map(|at| with_another_letter(text, at));

    let mut times = [Welch::default(), Welch::default()];
    let mut order = 0x9e37_79b9_7f4a_7c15_u64;
    for _ in 0..samples {
        order ^= order << 13;
        order ^= order >> 7;
        order ^= order << 17;
        let which = (order >> 33 & 1) as usize;
        let began = Instant::now();
        runtime.block_on(ask(&site.app, "/me", &guesses[which]));
        times[which].add(began.elapsed().as_nanos());
    }
    let t = times[0].t(&times[1]);
    println!(
        "an identity's tag, wrong at its first or last byte: t = {t:.2} over {samples} samples"
    );
}

fn with_another_letter(text: &str, at: usize) -> HeaderValue {
    let letter = if &text[at..=at] == "A" { "B" } else { "A" };
    HeaderValue::try_from(format!("{}{letter}{}", &text[..at], &text[at + 1..])).expect("a header")
}

/// Mean and variance as they come (Welford), without the slowest: an interrupt tells nothing.
#[derive(Default)]
struct Welch {
    count: f64,
    mean: f64,
    squares: f64,
}

impl Welch {
    /// Nanoseconds from which on something else was going on.
    const INTERRUPTED: u128 = 20_000;

    #[allow(clippy::cast_precision_loss, reason = "a few thousand nanoseconds")]
    fn add(&mut self, took: u128) {
        if took > Self::INTERRUPTED {
            return;
        }
        let took = took as f64;
        self.count += 1.0;
        let off = took - self.mean;
        self.mean += off / self.count;
        self.squares += off * (took - self.mean);
    }

    fn t(&self, other: &Self) -> f64 {
        let spread = |it: &Self| it.squares / (it.count - 1.0) / it.count;
        (self.mean - other.mean) / (spread(self) + spread(other)).sqrt()
    }
}
