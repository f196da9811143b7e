//! Flags and counts that tell when something is in use, on processors with and without atomic exchanges.
//!
//! Where there are none there is one core, and what interrupts it must not call the library: then a load and a store are enough.

use core::sync::atomic::{AtomicU32, Ordering};

/// Taken by one at a time.
pub struct Flag(AtomicU32);

impl Flag {
    pub const fn free() -> Flag {
        Flag(AtomicU32::new(0))
    }

    /// Whether it was free, and is now the caller's.
    pub fn take(&self) -> bool {
        exchange(&self.0, 1) == 0
    }

    pub fn give_back(&self) {
        self.0.store(0, Ordering::Release);
    }
}

#[cfg(target_has_atomic = "32")]
fn exchange(word: &AtomicU32, value: u32) -> u32 {
    word.swap(value, Ordering::AcqRel)
}

#[cfg(not(target_has_atomic = "32"))]
fn exchange(word: &AtomicU32, value: u32) -> u32 {
    let old = word.load(Ordering::Acquire);
    word.store(value, Ordering::Release);
    old
}

/// How many are at it.
pub struct Count(AtomicU32);

impl Count {
    pub const fn none() -> Count {
        Count(AtomicU32::new(0))
    }

    pub fn any(&self) -> bool {
        self.0.load(Ordering::Acquire) > 0
    }

    /// One more, until what comes back is dropped.
    pub fn enter(&self) -> Counted<'_> {
        add(&self.0, 1);
        Counted(&self.0)
    }
}

pub struct Counted<'c>(&'c AtomicU32);

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        add(self.0, u32::MAX);
    }
}

#[cfg(target_has_atomic = "32")]
fn add(word: &AtomicU32, value: u32) {
    word.fetch_add(value, Ordering::AcqRel);
}

#[cfg(not(target_has_atomic = "32"))]
fn add(word: &AtomicU32, value: u32) {
    word.store(word.load(Ordering::Acquire).wrapping_add(value), Ordering::Release);
}
