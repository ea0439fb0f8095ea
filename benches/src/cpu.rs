//! CPU time, which is steadier than the clock on the wall: a busy neighbour does not count.

use std::time::Duration;

use cpu_time::ThreadTime;

/// How long this thread has been on a CPU. `/proc/<pid>/schedstat` would tell it to the tick only,
/// which is 4 ms.
#[must_use]
pub fn thread_time() -> Duration {
    ThreadTime::now().as_duration()
}

/// Repeated measurements of one thing, in nanoseconds.
#[derive(Debug, Default)]
pub struct Sample(Vec<f64>);

impl Sample {
    /// Adds one measurement of `count` times the thing.
    #[allow(clippy::cast_precision_loss, reason = "nanoseconds of seconds fit")]
    pub fn add(&mut self, took: Duration, count: u32) {
        self.0.push(took.as_nanos() as f64 / f64::from(count));
    }

    /// The one in the middle.
    ///
    /// # Panics
    ///
    /// Where nothing was measured.
    #[must_use]
    pub fn median(&mut self) -> f64 {
        self.0.sort_by(f64::total_cmp);
        self.0[self.0.len() / 2]
    }
}
