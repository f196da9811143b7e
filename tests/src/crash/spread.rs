//! Many points on a few threads.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Threads that work at once.
const THREADS: usize = 2;

/// Does `each` with all of `work`, and gives what came of it to `gather`, in any order.
pub fn spread<T: Sync, R: Send>(work: &[T], each: impl Fn(&T) -> R + Sync, gather: impl FnMut(R) + Send) {
    let (next, gather) = (AtomicUsize::new(0), Mutex::new(gather));
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                while let Some(item) = work.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let result = each(item);
                    gather.lock().expect("no other thread panics")(result);
                }
            });
        }
    });
}
