//! Mutexes whose contents are right at every moment, so that a panic elsewhere does not make them unusable.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// The contents, also after a thread panicked while it had them.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
