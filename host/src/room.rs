//! All the memory a store is lent, for any repository: parameters are known only when it is open.

use crate::memory::Heap;
use sarsen_core::damage::Marked;
use sarsen_core::index::Slot;
use sarsen_core::store::{Memory, buffer_bytes, table_bytes};

/// Limits of the format: log2 of the greatest fan-out and alignment, the longest history, the most levels of a tree.
const FAN_OUT_LOG2_MAX: u8 = 8;
const ALIGN_LOG2_MAX: u8 = 12;
const HISTORY_MAX: u16 = 64;
const LEVELS_MAX: usize = 9;

/// Lines of footers read at once; a multiple of a line's 48 bytes.
const CHUNK_BYTES: usize = 48 * 4096;

/// A store's memory: about half a MiB, and an index that grows with what is stored.
#[derive(Debug)]
pub struct StoreRoom {
    index: Heap<Slot>,
    marks: Heap<Marked>,
    buffer: Vec<u8>,
    chunk: Vec<u8>,
    pages: Vec<u8>,
    walk: Vec<u8>,
}

impl StoreRoom {
    /// Room for any repository; the index grows as long as there is memory.
    pub fn new() -> StoreRoom {
        let table = table_bytes(FAN_OUT_LOG2_MAX, LEVELS_MAX);
        StoreRoom {
            index: Heap::new(),
            marks: Heap::new(),
            buffer: vec![0; buffer_bytes(FAN_OUT_LOG2_MAX, ALIGN_LOG2_MAX, HISTORY_MAX)],
            chunk: vec![0; CHUNK_BYTES],
            pages: vec![0; table],
            walk: vec![0; table],
        }
    }

    /// Lends it, to one store at a time.
    pub fn lend(&mut self) -> Memory<'_> {
        Memory {
            index: &mut self.index,
            marks: &mut self.marks,
            buffer: &mut self.buffer,
            chunk: &mut self.chunk,
            pages: &mut self.pages,
            walk: &mut self.walk,
        }
    }
}

impl Default for StoreRoom {
    fn default() -> StoreRoom {
        StoreRoom::new()
    }
}
