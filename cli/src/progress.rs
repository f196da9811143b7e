//! One line on standard error that says how far it has come; only on a terminal.

use crate::figures::{rate, size};
use sarsen_core::host::Progress;
use std::io::{IsTerminal, Write, stderr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

const PAUSE: Duration = Duration::from_millis(100);

/// The line. Clones draw the same one.
#[derive(Clone, Debug)]
pub struct Line(Option<Arc<Mutex<Drawn>>>);

#[derive(Debug)]
struct Drawn {
    verb: &'static str,
    began: Instant,
    last: Option<Instant>,
}

impl Line {
    /// Nothing is drawn before the first progress.
    pub fn new(verb: &'static str) -> Line {
        let drawn = || Arc::new(Mutex::new(Drawn { verb, began: Instant::now(), last: None }));
        Line(stderr().is_terminal().then(drawn))
    }

    /// Draws, if the last drawing is some time ago.
    pub fn draw(&self, progress: &Progress) {
        let Some(drawn) = &self.0 else { return };
        let mut drawn = drawn.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if drawn.last.unwrap_or(drawn.began) + PAUSE > now {
            return;
        }
        drawn.last = Some(now);
        write(&format!("\r\x1b[K{}", words(drawn.verb, progress, now - drawn.began)));
    }

    /// Takes the line away, so that something else can be said.
    pub fn clear(&self) {
        let Some(drawn) = &self.0 else { return };
        if drawn.lock().unwrap_or_else(PoisonError::into_inner).last.take().is_some() {
            write("\r\x1b[K");
        }
    }
}

/// Where the terminal has gone, so has whoever watched.
fn write(text: &str) {
    let mut out = stderr();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).ok();
}

fn words(verb: &str, progress: &Progress, time: Duration) -> String {
    let Progress { done, total } = *progress;
    match (done.saturating_mul(100)).checked_div(total) {
        Some(percent) => format!("{verb}: {percent:3} %, {} of {}, {}", size(done), size(total), rate(done, time)),
        None => format!("{verb}: {}, {}", size(done), rate(done, time)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_with_and_without_an_end() {
        let second = Duration::from_secs(1);
        assert_eq!(
            words("backup", &Progress { done: 1 << 20, total: 4 << 20 }, second),
            "backup:  25 %, 1.0 MiB of 4.0 MiB, 1.0 MiB/s"
        );
        assert_eq!(words("scrub", &Progress { done: 1 << 20, total: 0 }, second), "scrub: 1.0 MiB, 1.0 MiB/s");
    }
}
