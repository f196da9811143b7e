//! Time that passed, and time that processors worked for this process: on a busy machine only the second says much.

use rustix::time::{ClockId, clock_gettime};
use std::time::{Duration, Instant};

/// Started when it was made.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch {
    wall: Instant,
    cpu: Duration,
}

/// What a stopwatch shows, in seconds.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Seconds {
    /// That passed.
    pub wall: f64,
    /// Worked by all threads of this process.
    pub cpu: f64,
}

impl Stopwatch {
    /// Starts.
    pub fn start() -> Stopwatch {
        Stopwatch { wall: Instant::now(), cpu: cpu_time() }
    }

    /// What it shows now.
    pub fn seconds(&self) -> Seconds {
        Seconds { wall: self.wall.elapsed().as_secs_f64(), cpu: cpu_time().saturating_sub(self.cpu).as_secs_f64() }
    }
}

impl Seconds {
    /// The run that took least time; the other runs were disturbed.
    pub fn best(runs: impl IntoIterator<Item = Seconds>) -> Seconds {
        let longest = Seconds { wall: f64::INFINITY, cpu: f64::INFINITY };
        runs.into_iter().fold(longest, |best, run| if run.wall < best.wall { run } else { best })
    }
}

fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ProcessCPUTime);
    Duration::new(time.tv_sec.try_into().unwrap_or(0), time.tv_nsec.try_into().unwrap_or(0))
}
