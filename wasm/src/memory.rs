//! What a store and a worker are lent, from the heap.

use crate::room::{IndexRoom, Plan};
use sarsen_core::damage::Marked;
use sarsen_core::error::{Error, Memory as Which};
use sarsen_core::format::header::{HISTORY_MAX, Parameters};
use sarsen_core::format::page::LEVELS_MAX;
use sarsen_core::frame::{Work, packed_bytes, raw_bytes, scratch_bytes};
use sarsen_core::host::Slots;
use sarsen_core::store::{Memory, buffer_bytes, table_bytes};
use sarsen_core::types::wide;

/// Pages have at most 256 rows, entries lie at multiples of at most 4096: what the format allows, since memory is not scarce here.
const BUFFER_BYTES: usize = buffer_bytes(8, 12, HISTORY_MAX);
/// Bytes of a path through any table or manifest.
pub const TABLE_BYTES: usize = table_bytes(8, LEVELS_MAX);
/// Thousands of lines at once, so that few ranges are asked for; a multiple of a line's 48 bytes.
const CHUNK_BYTES: usize = 192 << 10;

/// Zeros, or an error where there is no memory.
pub fn zeros(len: usize) -> Result<Vec<u8>, Error> {
    let mut bytes = Vec::new();
    bytes.try_reserve_exact(len).map_err(|_| Error::Memory { memory: Which::Buffer, needed: wide(len) })?;
    bytes.resize(len, 0);
    Ok(bytes)
}

/// A vector that grows exactly as far as asked.
pub struct Growing<T>(Vec<T>);

impl<T> Growing<T> {
    /// Nothing yet.
    pub const fn empty() -> Growing<T> {
        Growing(Vec::new())
    }
}

impl<T: Clone> Slots<T> for Growing<T> {
    fn items(&self) -> &[T] {
        &self.0
    }

    fn items_mut(&mut self) -> &mut [T] {
        &mut self.0
    }

    fn grow(&mut self, wanted: usize, fill: T) -> bool {
        let missing = wanted.saturating_sub(self.0.len());
        if self.0.try_reserve_exact(missing).is_err() {
            return false;
        }
        self.0.resize(wanted.max(self.0.len()), fill);
        true
    }
}

/// What a store is lent.
pub struct StoreRoom {
    index: IndexRoom,
    marks: Growing<Marked>,
    buffer: Vec<u8>,
    chunk: Vec<u8>,
    pages: Vec<u8>,
    walk: Vec<u8>,
}

impl StoreRoom {
    /// Room for a repository; the index grows with what is stored, as far as planned.
    pub fn new(plan: Plan) -> Result<StoreRoom, Error> {
        Ok(StoreRoom {
            index: IndexRoom::new(plan),
            marks: Growing::empty(),
            buffer: zeros(BUFFER_BYTES)?,
            chunk: zeros(CHUNK_BYTES)?,
            pages: zeros(TABLE_BYTES)?,
            walk: zeros(TABLE_BYTES)?,
        })
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

/// The buffers of one who performs jobs.
pub struct Bench {
    raw: Vec<u8>,
    packed: Vec<u8>,
    scratch: Vec<u8>,
}

impl Bench {
    /// For repositories with these parameters.
    pub fn new(parameters: &Parameters) -> Result<Bench, Error> {
        let (block, frame) = (parameters.block_bytes(), parameters.frame_bytes());
        // Where blocks are small, a page or a record is the largest entry to be checked.
        let packed = packed_bytes(block, frame, parameters.alignment()).max(BUFFER_BYTES);
        Ok(Bench { raw: zeros(raw_bytes(block))?, packed: zeros(packed)?, scratch: zeros(scratch_bytes(block, frame))? })
    }

    /// A bench that holds what another's job has left, for the director to look at.
    pub fn holding(raw: Vec<u8>, packed: Vec<u8>) -> Bench {
        Bench { raw, packed, scratch: Vec::new() }
    }

    /// As the core takes it.
    pub fn work<'w>(&'w mut self, codecs: &'w mut dyn sarsen_core::codec::Codecs) -> Work<'w> {
        Work { raw: &mut self.raw, packed: &mut self.packed, scratch: &mut self.scratch, codecs }
    }

    /// What a job has left: raw, and packed.
    pub fn left(&self) -> (&[u8], &[u8]) {
        (&self.raw, &self.packed)
    }

    /// The same, to keep.
    pub fn into_left(self) -> (Vec<u8>, Vec<u8>) {
        (self.raw, self.packed)
    }
}
