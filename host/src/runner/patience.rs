//! Waiting for a medium that has to fetch something first.

use sarsen_core::error::Error;
use std::thread;
use std::time::Duration;

/// So many times the processor is only offered to others; what takes longer comes from a network or a device.
const YIELDS: u32 = 16;
const PAUSE: Duration = Duration::from_millis(1);

/// Repeats `step` as long as it is pending and `go_on` says so.
pub(super) fn patiently<R>(go_on: impl Fn() -> bool, mut step: impl FnMut() -> Result<R, Error>) -> Result<R, Error> {
    let mut tries = 0;
    loop {
        match step() {
            Err(error) if error.is_pending() && go_on() => pause(&mut tries),
            result => return result,
        }
    }
}

fn pause(tries: &mut u32) {
    if *tries < YIELDS {
        *tries += 1;
        thread::yield_now();
    } else {
        thread::sleep(PAUSE);
    }
}
