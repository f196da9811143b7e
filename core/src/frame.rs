//! Blocks packed and unpacked, frame by frame, in lent buffers (docs/FORMAT.md sections 4 and 5).
//!
//! Writing is two steps, because most blocks are known already when their id is known: [`fill`] reads and names a block, [`encode`] packs
//! what [`fill`] left in the same [`Work`]. While a block is written, `packed` holds
//!
//! ```text
//! | ... entry header | frame table | frames as stored | padding ...
//!                    ^ table_bytes_max() before the frames, so rows have room to become final where they are;
//!                      they are then drawn together towards the frames, which never move
//! ```
//!
//! Pure functions: nothing here reads a medium or a disk, and an entry header's own digest is the caller's business.

use crate::codec::{CodecId, Codecs, encode_slack_bytes};
use crate::digest::{Algorithm, Hasher, digest, is_zero};
use crate::error::{Error, Memory, What};
use crate::format::block::{self, COUNT_BYTES, FrameBody, FrameRow, FrameTable, Listed, ROW_BYTES_MAX};
use crate::format::bytes::{Reader, Writer};
use crate::format::entry;
use crate::types::{Digest, Id, Place, low32, narrow, wide};

/// What a repository's parameters say of its blocks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Shape {
    /// The digest algorithm.
    pub algorithm: Algorithm,
    /// Bytes of a block; the last of a disk may be shorter.
    pub block_bytes: u32,
    /// Bytes of a frame; the last of a block may be shorter.
    pub frame_bytes: u32,
    /// The codec that frames are written with; any may be read.
    pub codec: CodecId,
}

/// The buffers of one worker.
pub struct Work<'m> {
    /// One block as it is on the disk: [`raw_bytes`].
    pub raw: &'m mut [u8],
    /// One entry as it is stored: [`packed_bytes`].
    pub packed: &'m mut [u8],
    /// The codecs this worker has.
    pub codecs: &'m mut dyn Codecs,
}

/// How large [`Work::raw`] must be.
pub const fn raw_bytes(block_bytes: u32) -> usize {
    narrow(block_bytes as u64)
}

/// How large [`Work::packed`] must be: the largest block entry with its padding, or an encoder's slack if that is more.
/// From blocks of 64 KiB on, any page or record fits too.
pub const fn packed_bytes(block_bytes: u32, frame_bytes: u32, alignment: u32) -> usize {
    let padding = narrow(alignment as u64);
    let slack = encode_slack_bytes(narrow(frame_bytes as u64));
    let spare = if padding > slack { padding } else { slack };
    front_bytes(block::frame_count(block_bytes, frame_bytes)).saturating_add(raw_bytes(block_bytes)).saturating_add(spare)
}

/// Bytes kept in front of the frames: entry header and largest table.
const fn front_bytes(frames: u32) -> usize {
    entry::LEN.saturating_add(block::table_bytes_max(frames))
}

/// Where [`encode`] left a block in [`Work::packed`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packed {
    /// Where the entry header belongs: 128 bytes, then table and frames without a gap.
    pub start: usize,
    /// Bytes of the frame table.
    pub head_bytes: u32,
    /// Bytes of table and frames.
    pub stored_bytes: u32,
}

/// How much of a frame is checked when it is decoded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verify {
    /// That the plain bytes are right.
    Plain,
    /// That the stored bytes are right too, so that a fault is told from a codec's.
    Every,
}

/// The id of a block under way: zero as long as all its frames are.
struct BlockHasher {
    hasher: Hasher,
    zero: bool,
}

impl BlockHasher {
    fn new(shape: &Shape, raw_bytes: u32) -> BlockHasher {
        let mut hasher = Hasher::named(shape.algorithm, "sarsen block");
        hasher.number(raw_bytes.into()).number(shape.frame_bytes.into());
        BlockHasher { hasher, zero: true }
    }

    fn add(&mut self, frame: &Digest) {
        self.zero &= *frame == Digest::ZERO;
        self.hasher.update(&frame.0);
    }

    fn id(self) -> Id {
        if self.zero { Id::ZERO } else { self.hasher.id() }
    }
}

/// The id of a block of `raw_bytes` whose frames have these digests, [`Digest::ZERO`] for frames of zeros.
pub fn block_id(shape: &Shape, raw_bytes: u32, digests: impl Iterator<Item = Digest>) -> Id {
    let mut hasher = BlockHasher::new(shape, raw_bytes);
    digests.for_each(|frame| hasher.add(&frame));
    hasher.id()
}

/// Reads a block of `raw_bytes` into `work`, frame by frame (`read` is given the offset in the block), and names it.
/// Each frame is hashed right after it was read, while it is in the cache.
pub fn fill<E: From<Error>>(
    shape: &Shape,
    raw_bytes: u32,
    work: &mut Work<'_>,
    mut read: impl FnMut(u32, &mut [u8]) -> Result<(), E>,
) -> Result<Id, E> {
    let desk = Desk::of(shape, raw_bytes, work)?;
    let mut hasher = BlockHasher::new(shape, raw_bytes);
    let mut offset = 0u32;
    let frames = desk.raw.chunks_mut(chunk_len(shape)).zip(desk.slots.chunks_exact_mut(ROW_BYTES_MAX));
    for (index, (frame, slot)) in (0..).zip(frames) {
        read(offset, frame)?;
        let row = FrameRow { index, body: survey(shape.algorithm, frame) };
        hasher.add(&row.plain());
        row.emit(&mut Writer::new(slot));
        offset = offset.saturating_add(low32(wide(frame.len())));
    }
    Ok(hasher.id())
}

/// Packs the block that [`fill`] has just left in `work`: each frame is encoded from `raw` straight to where it stays.
pub fn encode(shape: &Shape, raw_bytes: u32, work: &mut Work<'_>) -> Result<Packed, Error> {
    let Desk { raw, slots, mut rest, codecs } = Desk::of(shape, raw_bytes, work)?;
    let mut frames_bytes = 0u64;
    for (frame, slot) in raw.chunks(chunk_len(shape)).zip(slots.chunks_exact_mut(ROW_BYTES_MAX)) {
        let mut row = FrameRow::parse(&mut Reader(slot)).map_err(never_filled)?;
        if let FrameBody::Raw { plain, .. } = row.body {
            row.body = store(shape, frame, plain, rest, codecs).ok_or(too_small(frame.len()))?;
            row.emit(&mut Writer::new(slot));
            let stored_bytes = row.stored_bytes();
            rest = rest.split_at_mut_checked(narrow(stored_bytes.into())).ok_or(too_small(frame.len()))?.1;
            frames_bytes = frames_bytes.saturating_add(stored_bytes.into());
        }
    }
    draw_together(block::frame_count(raw_bytes, shape.frame_bytes), frames_bytes, work.packed).map_err(never_filled)
}

/// Moves the rows of `frames` slots up to the frames and puts the count before them. From the last to the first: a row's place is never
/// below its slot, and what lies above it has moved already.
fn draw_together(frames: u32, frames_bytes: u64, packed: &mut [u8]) -> Result<Packed, What> {
    let front = front_bytes(frames);
    let (mut slot, mut end) = (front, front);
    for _ in 0..frames {
        slot = slot.saturating_sub(ROW_BYTES_MAX);
        let row = FrameRow::parse(&mut Reader(packed.get(slot..).unwrap_or_default()))?;
        end = end.saturating_sub(row.row_bytes());
        row.emit(&mut Writer::new(packed.get_mut(end..).unwrap_or_default()));
    }
    let table = end.saturating_sub(COUNT_BYTES);
    block::emit_count(&mut Writer::new(packed.get_mut(table..).unwrap_or_default()), frames)?;
    let head_bytes = wide(front.saturating_sub(table));
    Ok(Packed {
        start: table.saturating_sub(entry::LEN),
        head_bytes: low32(head_bytes),
        stored_bytes: low32(head_bytes.saturating_add(frames_bytes)),
    })
}

fn too_small(needed: usize) -> Error {
    Error::Memory { memory: Memory::Buffer, needed: wide(needed) }
}

/// The slots hold no rows: nothing was filled, or something else was put there since.
fn never_filled(what: What) -> Error {
    Error::corrupt(Place::NONE, what)
}

fn chunk_len(shape: &Shape) -> usize {
    narrow(shape.frame_bytes.into()).max(1)
}

/// A worker's buffers, cut to one block.
struct Desk<'w> {
    raw: &'w mut [u8],
    slots: &'w mut [u8],
    rest: &'w mut [u8],
    codecs: &'w mut dyn Codecs,
}

impl<'w> Desk<'w> {
    fn of<'m>(shape: &Shape, raw_bytes: u32, work: &'w mut Work<'m>) -> Result<Desk<'w>, Error> {
        let frames = block::frame_count(raw_bytes, shape.frame_bytes);
        let (raw_len, front_len) = (narrow(raw_bytes.into()), front_bytes(frames));
        let raw = work.raw.get_mut(..raw_len).ok_or(too_small(raw_len))?;
        let (front, rest) = work.packed.split_at_mut_checked(front_len).ok_or(too_small(front_len))?;
        let slots = front.get_mut(entry::LEN.saturating_add(COUNT_BYTES)..).unwrap_or_default();
        Ok(Desk { raw, slots, rest, codecs: work.codecs })
    }
}

/// A frame before it is encoded.
fn survey(algorithm: Algorithm, frame: &[u8]) -> FrameBody {
    match is_zero(frame) {
        true => FrameBody::Zero,
        false => FrameBody::Raw { plain: digest(algorithm, frame), stored_bytes: low32(wide(frame.len())) },
    }
}

/// Stores `frame` at the start of `rest`, raw where it does not shrink. None if it does not fit.
fn store(shape: &Shape, frame: &[u8], plain: Digest, rest: &mut [u8], codecs: &mut dyn Codecs) -> Option<FrameBody> {
    let codec = shape.codec;
    let coded_len = if codec == CodecId::None { None } else { codecs.encode(codec, frame, rest) };
    if let Some(coded) = coded_len.filter(|&len| len < frame.len()).and_then(|len| rest.get(..len)) {
        let stored = digest(shape.algorithm, coded);
        return Some(FrameBody::Coded { codec, stored_bytes: low32(wide(coded.len())), plain, stored });
    }
    rest.get_mut(..frame.len())?.copy_from_slice(frame);
    Some(FrameBody::Raw { plain, stored_bytes: low32(wide(frame.len())) })
}

/// Decodes the frame that `row` lists, from its `stored` bytes into all of `to`, which is as long as the frame.
pub fn decode_frame(
    shape: &Shape,
    row: &FrameRow,
    stored: &[u8],
    to: &mut [u8],
    codecs: &mut dyn Codecs,
    verify: Verify,
) -> Result<(), What> {
    if stored.len() != narrow(row.stored_bytes().into()) {
        return Err(What::Length);
    }
    match &row.body {
        FrameBody::Zero => {
            to.fill(0);
            return Ok(());
        }
        FrameBody::Raw { .. } if stored.len() != to.len() => return Err(What::Length),
        FrameBody::Raw { .. } => to.copy_from_slice(stored),
        FrameBody::Coded { codec, stored: expected, .. } => {
            if verify == Verify::Every && digest(shape.algorithm, stored) != *expected {
                return Err(What::StoredDigest);
            }
            codecs.decode(*codec, stored, to)?;
        }
    }
    match digest(shape.algorithm, to) == row.plain() {
        true => Ok(()),
        false => Err(What::PlainDigest),
    }
}

/// A block as read from a medium: what its entry header says, and its payload.
#[derive(Clone, Copy, Debug)]
pub struct StoredBlock<'a> {
    /// The block's id.
    pub id: Id,
    /// Bytes of the block.
    pub raw_bytes: u32,
    /// Bytes of the frame table.
    pub head_bytes: u32,
    /// Table and frames.
    pub payload: &'a [u8],
}

impl<'a> StoredBlock<'a> {
    /// The frame table, checked as a whole.
    pub fn table(&self, shape: &Shape) -> Result<FrameTable<'a>, What> {
        let head = self.payload.get(..narrow(self.head_bytes.into())).ok_or(What::Length)?;
        match self.raw_bytes <= shape.block_bytes {
            true => FrameTable::parse(head, self.raw_bytes, shape.frame_bytes, low32(wide(self.payload.len()))),
            false => Err(What::Length),
        }
    }

    /// Decodes one frame into all of `to`; its digest as the block's id takes it.
    fn unpack(
        &self,
        shape: &Shape,
        listed: &Listed,
        to: &mut [u8],
        codecs: &mut dyn Codecs,
        verify: Verify,
    ) -> Result<Digest, What> {
        let stored = self.payload.get(listed.stored.clone()).ok_or(What::Length)?;
        decode_frame(shape, &listed.row, stored, to, codecs, verify)?;
        // A frame of zeros should have been listed as one; if it was stored all the same, its digest in the id is still zero.
        Ok(if is_zero(to) { Digest::ZERO } else { listed.row.plain() })
    }

    fn is_named(&self, hasher: BlockHasher) -> Result<(), What> {
        match hasher.id() == self.id {
            true => Ok(()),
            false => Err(What::Id),
        }
    }
}

/// Whether all of a block's payload is right: table, stored and plain digests, id. `scratch` holds a frame.
/// That the table is the one the entry header tells of is the caller's to check.
pub fn check_block(shape: &Shape, block: &StoredBlock<'_>, scratch: &mut [u8], codecs: &mut dyn Codecs) -> Result<(), What> {
    let mut hasher = BlockHasher::new(shape, block.raw_bytes);
    for listed in block.table(shape)?.rows() {
        let frame = scratch.get_mut(..narrow(listed.plain_bytes.into())).ok_or(What::Length)?;
        hasher.add(&block.unpack(shape, &listed, frame, codecs, Verify::Every)?);
    }
    block.is_named(hasher)
}

/// Decodes a whole block into `to`, which is as long as the block; plain digests and id are checked.
pub fn decode_block(shape: &Shape, block: &StoredBlock<'_>, to: &mut [u8], codecs: &mut dyn Codecs) -> Result<(), What> {
    if to.len() != narrow(block.raw_bytes.into()) {
        return Err(What::Length);
    }
    let mut hasher = BlockHasher::new(shape, block.raw_bytes);
    for (listed, frame) in block.table(shape)?.rows().zip(to.chunks_mut(chunk_len(shape))) {
        hasher.add(&block.unpack(shape, &listed, frame, codecs, Verify::Plain)?);
    }
    block.is_named(hasher)
}
