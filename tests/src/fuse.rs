//! A medium that is asked only so often: what reads without end is found, instead of waited for.

use sarsen_core::error::Trouble;
use sarsen_core::medium::{Medium, MediumMut, Name, Rules};
use sarsen_core::types::SegmentNumber;
use std::sync::atomic::{AtomicU64, Ordering};

/// A medium that panics when it has been asked for more than `asks_max` things.
pub struct Fuse<'a> {
    below: &'a (dyn Medium + Sync),
    asks: AtomicU64,
    asks_max: u64,
}

impl<'a> Fuse<'a> {
    /// A fuse before a medium.
    pub fn new(below: &'a (dyn Medium + Sync), asks_max: u64) -> Fuse<'a> {
        Fuse { below, asks: AtomicU64::new(0), asks_max }
    }

    /// How often it was asked since it was made or renewed.
    pub fn asks(&self) -> u64 {
        self.asks.load(Ordering::Relaxed)
    }

    /// Counts from the beginning again.
    pub fn renew(&self) {
        self.asks.store(0, Ordering::Relaxed);
    }

    fn ask(&self) -> &dyn Medium {
        let asks = self.asks.fetch_add(1, Ordering::Relaxed);
        assert!(asks < self.asks_max, "asked the medium for {asks} things: a verb does not end");
        self.below
    }
}

impl Medium for Fuse<'_> {
    fn rules(&self) -> Rules {
        self.below.rules()
    }
    fn next(&self, after: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        self.ask().next(after)
    }
    fn previous(&self, before: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        self.ask().previous(before)
    }
    fn len(&self, name: Name) -> Result<u64, Trouble> {
        self.ask().len(name)
    }
    fn read(&self, name: Name, at: u64, to: &mut [u8]) -> Result<(), Trouble> {
        self.ask().read(name, at, to)
    }
    fn writer(&self) -> Option<&dyn MediumMut> {
        self.below.writer()
    }
}
