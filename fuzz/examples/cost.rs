//! What the inputs in `fuzz/corpus` cost: for each fuzzer the one that takes the longest and the one
//! that needs the most memory, both for each KB of input. Fails where that is over 10 ms.
//!
//! ```sh
//! RUSTFLAGS='--cfg fuzzing' cargo run --manifest-path fuzz/Cargo.toml --release --example cost
//! ```

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::Path;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};
use std::{fs, process::ExitCode};

use keycard::fuzzing;

type Answer = fn(&[u8]) -> bool;

const FUZZERS: [(&str, Answer); 7] = [
    ("callback_query", fuzzing::callback_query),
    ("cookie_header", fuzzing::cookie_header),
    ("id_token", fuzzing::id_token),
    ("identity", fuzzing::identity),
    ("key_set", fuzzing::key_set),
    ("metadata", fuzzing::metadata),
    ("return_to", fuzzing::return_to),
];

/// How often an input is answered: the best time counts, for other programs run beside this one.
const TIMES: u32 = 20;
const MOST: Duration = Duration::from_millis(10);

fn main() -> ExitCode {
    let mut code = ExitCode::SUCCESS;
    for (fuzzer, answer) in FUZZERS {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("corpus")
            .join(fuzzer);
        let (mut slowest, mut largest) = ((Duration::ZERO, String::new()), (0, String::new()));
        let mut count = 0;
        for entry in fs::read_dir(&corpus).expect("a corpus") {
            let path = entry.expect("a file").path();
            let name = path
                .file_name()
                .expect("a name")
                .to_string_lossy()
                .into_owned();
            let input = fs::read(&path).expect("an input");
            let kilobytes = u32::try_from(input.len().div_ceil(1024).max(1)).expect("short");
            let (time, memory) = cost(answer, &input);
            slowest = slowest.max((time / kilobytes, name.clone()));
            largest = largest.max((memory / kilobytes as usize, name));
            count += 1;
        }
        println!(
            "{fuzzer:15} {count:4} inputs; {:?} a KB ({}); {} bytes a KB ({})",
            slowest.0, slowest.1, largest.0, largest.1
        );
        if slowest.0 > MOST {
            code = ExitCode::FAILURE;
        }
    }
    code
}

/// The best time, and the most memory that was held at once.
fn cost(answer: Answer, input: &[u8]) -> (Duration, usize) {
    // The first answer makes keys and secrets.
    answer(input);
    let before = HELD.load(Relaxed);
    MOST_HELD.store(before, Relaxed);
    answer(input);
    let memory = MOST_HELD.load(Relaxed) - before;
    let time = (0..TIMES).map(|_| {
        let began = Instant::now();
        answer(input);
        began.elapsed()
    });
    (time.min().unwrap_or_default(), memory)
}

static HELD: AtomicUsize = AtomicUsize::new(0);
static MOST_HELD: AtomicUsize = AtomicUsize::new(0);

struct Counting;

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: everything is passed on to the system's allocator.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let held = HELD.fetch_add(layout.size(), Relaxed) + layout.size();
        MOST_HELD.fetch_max(held, Relaxed);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        HELD.fetch_sub(layout.size(), Relaxed);
        unsafe { System.dealloc(pointer, layout) }
    }
}
