//! Time, randomness and patience, as the operating system and the user have them.

use sarsen_core::host::{Host, Progress};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The system's clock and random source, somebody to tell of progress, and a flag that stops the verb.
pub struct System<'h> {
    watch: Box<dyn Fn(&Progress) + Send + Sync + 'h>,
    cancelled: Arc<AtomicBool>,
}

impl<'h> System<'h> {
    /// Tells nobody of progress.
    pub fn new() -> System<'h> {
        System::watched(|_| ())
    }

    /// Tells `watch` of progress.
    pub fn watched(watch: impl Fn(&Progress) + Send + Sync + 'h) -> System<'h> {
        System { watch: Box::new(watch), cancelled: Arc::default() }
    }

    /// Set it, from a signal handler or any thread, and the verb ends as cancelled at its next step.
    pub fn cancel_flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.cancelled)
    }
}

impl Default for System<'_> {
    fn default() -> Self {
        System::new()
    }
}

impl Host for System<'_> {
    /// 0 where the clock stands before 1970.
    fn now(&self) -> u64 {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        since.as_millis().try_into().unwrap_or(u64::MAX)
    }

    fn random(&self, to: &mut [u8]) -> bool {
        getrandom::fill(to).is_ok()
    }

    fn go_on(&self, progress: &Progress) -> bool {
        (self.watch)(progress);
        !self.cancelled.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[test]
    fn the_clock_is_of_this_century() {
        let year_2025_ms = 55 * 365 * 24 * 3600 * 1000;
        assert!(System::new().now() > year_2025_ms);
    }

    #[test]
    fn randomness_differs_each_time() {
        let (mut first, mut second) = ([0; 32], [0; 32]);
        assert!(System::new().random(&mut first));
        assert!(System::new().random(&mut second));
        assert_ne!(first, second);
    }

    #[test]
    fn progress_is_told_and_the_flag_stops() {
        let seen = Mutex::new(Vec::new());
        let system = System::watched(|progress| seen.lock().expect("not poisoned").push(progress.done));
        assert!(system.go_on(&Progress { done: 1, total: 2 }));
        system.cancel_flag().store(true, Ordering::Relaxed);
        assert!(!system.go_on(&Progress { done: 2, total: 2 }));
        drop(system);
        assert_eq!(seen.into_inner().expect("not poisoned"), [1, 2]);
    }
}
