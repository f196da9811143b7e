//! Intake: the head of a record that arrives in slices of any length, and how far its stream was read.
//!
//! A head is at most `N` bytes, which bounds the memory of a parser. What a head says is the parser's to judge.

use super::bytes::gather;
use crate::error::{Fault, What};
use crate::types::wide;

/// A head under way.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Intake<const N: usize> {
    head: [u8; N],
    held: usize,
    read: u64,
    mark: u64,
    record: u64,
}

impl<const N: usize> Intake<N> {
    /// Begins `at` bytes from the start of the stream.
    pub const fn new(at: u64) -> Intake<N> {
        Intake { head: [0; N], held: 0, read: at, mark: at, record: 0 }
    }

    /// Takes from `input` until `len` bytes of the head are held; how many it took, and whether they are.
    pub fn gather(&mut self, input: &[u8], len: usize) -> (usize, bool) {
        let room = self.head.get_mut(..len).unwrap_or(&mut []);
        let taken = gather(room, self.held, input);
        self.held = self.held.saturating_add(taken);
        self.pass(taken);
        (taken, self.held >= len)
    }

    /// The head so far; zeros behind what is held.
    pub fn head(&self) -> &[u8; N] {
        &self.head
    }

    /// `len` bytes went by, to wherever.
    pub fn pass(&mut self, len: usize) {
        self.read = self.read.saturating_add(wide(len));
    }

    /// What comes is judged by itself: a fault lies there, not where the head began.
    pub fn mark(&mut self) {
        self.mark = self.read;
    }

    /// Begins another head of the same record, or a record behind a header that is none.
    pub fn again(&mut self) {
        self.held = 0;
        self.mark();
    }

    /// Begins the next record.
    pub fn next(&mut self) {
        self.again();
        self.record = self.record.saturating_add(1);
    }

    /// How many records are whole.
    pub fn records(&self) -> u64 {
        self.record
    }

    /// A fault in what was begun last.
    pub fn fault(&self, what: What) -> Fault {
        Fault { what, offset: self.mark, record: self.record }
    }

    /// The fault of a stream that ends here.
    pub fn short(&self) -> Fault {
        Fault { what: What::Short, offset: self.read, record: self.record }
    }
}
