//! One run of bytes, lent by C, cut into what the engine needs.

use core::mem::{align_of, size_of};
use sarsen_core::damage::Marked;
use sarsen_core::error::{Error, Memory as Which};
use sarsen_core::format::commit::{FIXED_LEN, HISTORY_LEN};
use sarsen_core::format::entry;
use sarsen_core::format::page::{BASE_LEN, HEAD_LEN, ROW_LEN_MAX, RUN_LEN};
use sarsen_core::format::row;
use sarsen_core::frame::{packed_bytes, raw_bytes, read_scratch_bytes};
use sarsen_core::host::Fixed;
use sarsen_core::index::Slot;
use sarsen_core::ops::init::Options;
use sarsen_core::types::wide;

/// The longest record this face writes or reads: names, no tags, no attachments. The format's own limit would take half of a small chip's memory.
const RECORD_BYTES: usize = 1024;
/// Bytes of the widest row of a table with more than one level: of the segment table. The damage list has wider ones, but no second level
/// with as few marks as are kept here.
const ROW_BYTES: usize = row::LEN;
/// Bytes of a manifest's row.
const ID_BYTES: usize = 32;
/// Places known to be damaged.
const MARKS: usize = 4;
/// Lines of a footer read at once.
const CHUNK_BYTES: usize = 10 * entry::LINE_LEN;

/// How large each piece is; the index gets what is left.
#[derive(Clone, Copy)]
struct Sizes {
    raw: usize,
    packed: usize,
    scratch: usize,
    buffer: usize,
    table: usize,
    manifest: usize,
}

impl Sizes {
    const fn of(options: &Options, levels: u8) -> Sizes {
        let levels = levels as usize;
        let rows = 1usize << options.fan_out_log2;
        let alignment = 1usize << options.align_log2;
        let (block, frame) = (1u32 << options.block_log2, 1u32 << options.frame_log2);
        let page = HEAD_LEN + BASE_LEN + rows * (ROW_LEN_MAX + RUN_LEN);
        let commit = FIXED_LEN + HISTORY_LEN * options.history as usize;
        let mut payload = if page > commit { page } else { commit };
        if payload < RECORD_BYTES {
            payload = RECORD_BYTES;
        }
        Sizes {
            raw: raw_bytes(block),
            packed: packed_bytes(block, frame, 1 << options.align_log2),
            scratch: read_scratch_bytes(block, frame),
            buffer: (entry::LEN + payload).div_ceil(alignment) * alignment,
            table: if levels > 1 { rows * ROW_BYTES * levels } else { rows * ROW_LEN_MAX },
            manifest: rows * ID_BYTES * levels,
        }
    }

    const fn total(&self) -> usize {
        let marks = MARKS * size_of::<Marked>() + align_of::<Marked>();
        self.raw
            + self.packed
            + self.scratch
            + self.buffer
            + CHUNK_BYTES
            + 2 * self.table
            + 2 * self.manifest
            + marks
            + align_of::<Slot>()
    }
}

/// Bytes needed for an index of so many objects (blocks, manifest pages).
pub const fn bytes_needed(options: &Options, levels: u8, objects: usize) -> usize {
    Sizes::of(options, levels).total() + objects * size_of::<Slot>()
}

/// The pieces.
pub struct Lent<'m> {
    pub index: Fixed<'m, Slot>,
    pub marks: Fixed<'m, Marked>,
    pub buffer: &'m mut [u8],
    pub chunk: &'m mut [u8],
    pub pages: &'m mut [u8],
    pub walk: &'m mut [u8],
    pub raw: &'m mut [u8],
    pub packed: &'m mut [u8],
    pub scratch: &'m mut [u8],
    pub manifest: &'m mut [u8],
    pub other_manifest: &'m mut [u8],
}

impl<'m> Lent<'m> {
    /// Cuts `memory` up.
    pub fn cut(memory: &'m mut [u8], options: &Options, levels: u8) -> Result<Lent<'m>, Error> {
        let sizes = Sizes::of(options, levels);
        let mut rest = Rest(memory);
        Ok(Lent {
            marks: Fixed(rest.items(MARKS, Marked::FREE)?),
            buffer: rest.bytes(sizes.buffer)?,
            chunk: rest.bytes(CHUNK_BYTES)?,
            pages: rest.bytes(sizes.table)?,
            walk: rest.bytes(sizes.table)?,
            raw: rest.bytes(sizes.raw)?,
            packed: rest.bytes(sizes.packed)?,
            scratch: rest.bytes(sizes.scratch)?,
            manifest: rest.bytes(sizes.manifest)?,
            other_manifest: rest.bytes(sizes.manifest)?,
            index: Fixed(rest.items((rest.0.len() / size_of::<Slot>()).saturating_sub(1), Slot::default())?),
        })
    }
}

struct Rest<'m>(&'m mut [u8]);

impl<'m> Rest<'m> {
    fn bytes(&mut self, len: usize) -> Result<&'m mut [u8], Error> {
        let all = core::mem::take(&mut self.0);
        let needed = Error::Memory { memory: Which::Buffer, needed: wide(len) };
        let (bytes, rest) = all.split_at_mut_checked(len).ok_or(needed)?;
        self.0 = rest;
        Ok(bytes)
    }

    fn items<T: Copy>(&mut self, count: usize, fill: T) -> Result<&'m mut [T], Error> {
        let skip = self.0.as_ptr().align_offset(align_of::<T>());
        self.bytes(skip)?;
        let bytes = self.bytes(count.saturating_mul(size_of::<T>()))?;
        let first: *mut T = bytes.as_mut_ptr().cast();
        for at in 0..count {
            // SAFETY: `first` is aligned, and `bytes` has room for `count` items.
            unsafe { first.add(at).write(fill) };
        }
        // SAFETY: `bytes` is borrowed for 'm by nobody else, and all `count` items were written just now.
        Ok(unsafe { core::slice::from_raw_parts_mut(first, count) })
    }
}
