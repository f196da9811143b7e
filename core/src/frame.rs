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
use crate::delta;
use crate::digest::{Algorithm, Hasher, digest, is_zero};
use crate::error::{Error, Memory, What};
use crate::format::block::{self, COUNT_BYTES, FrameBody, FrameRow, FrameTable, ROW_BYTES_MAX};
use crate::format::bytes::{Reader, Writer, copy};
use crate::format::entry;
use crate::types::{DIGEST_BYTES, Digest, Id, Place, low32, narrow, wide};

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
    /// Blocks that lie on a base, to be read and written: [`scratch_bytes`]. With less, blocks are stored without a base.
    pub scratch: &'m mut [u8],
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
    let slack = encode_slack_bytes(narrow(frame_bytes as u64));
    let front = front_bytes(block::frame_count(block_bytes, frame_bytes));
    larger(
        packed_bytes_uncoded(block_bytes, frame_bytes, alignment),
        front.saturating_add(raw_bytes(block_bytes)).saturating_add(slack),
    )
}

/// The same for a worker without codecs, that only copies frames.
pub const fn packed_bytes_uncoded(block_bytes: u32, frame_bytes: u32, alignment: u32) -> usize {
    let (frames, raw) = (block::frame_count(block_bytes, frame_bytes), raw_bytes(block_bytes));
    let entry = front_bytes(frames).saturating_add(raw).saturating_add(narrow(alignment as u64));
    larger(entry, compare_bytes(frames, frame_bytes, raw))
}

/// What comparing two blocks keeps there: a digest for each frame, a run for each sector at most, and a frame as it is stored.
const fn compare_bytes(frames: u32, frame_bytes: u32, raw: usize) -> usize {
    let digests = narrow(frames as u64).saturating_mul(DIGEST_BYTES);
    let runs = raw.div_ceil(delta::SECTOR_BYTES).saturating_mul(RUN_BYTES);
    digests.saturating_add(runs).saturating_add(narrow(frame_bytes as u64))
}

const fn larger(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

/// Bytes of a run of sectors that differ, as it waits in [`Work::packed`].
pub const RUN_BYTES: usize = 9;

/// Bytes kept in front of the frames: entry header and largest table.
const fn front_bytes(frames: u32) -> usize {
    entry::LEN.saturating_add(block::table_bytes_max(frames))
}

/// Bytes that are kept of what a chain says of one frame.
pub const KNOWN_BYTES: usize = 34;

/// How large [`Work::scratch`] must be to read blocks of which no changes went through a codec.
pub const fn read_scratch_bytes(block_bytes: u32, frame_bytes: u32) -> usize {
    let frames = block::frame_count(block_bytes, frame_bytes);
    block::table_bytes_max(frames).saturating_add(KNOWN_BYTES.saturating_mul(narrow(frames as u64)))
}

/// How large [`Work::scratch`] must be to read any block, and to write blocks on a base.
pub const fn scratch_bytes(block_bytes: u32, frame_bytes: u32) -> usize {
    let frame = narrow(frame_bytes as u64);
    let frames = frame.saturating_mul(3).saturating_add(encode_slack_bytes(frame));
    read_scratch_bytes(block_bytes, frame_bytes).saturating_add(frames)
}

/// [`Work::scratch`], cut to its uses.
pub struct Scratch<'s> {
    /// What is known of the frames of a chain.
    pub known: Known<'s>,
    /// A frame table.
    pub table: &'s mut [u8],
    /// The body of a delta that went through a codec.
    pub body: &'s mut [u8],
    /// A frame of the base; empty where there is only room to read.
    pub base: &'s mut [u8],
    /// A frame or a body as it is stored; empty where there is only room to read.
    pub stored: &'s mut [u8],
}

impl<'s> Scratch<'s> {
    /// Cuts `scratch` for a block of `raw_bytes`.
    pub fn of(shape: &Shape, raw_bytes: u32, scratch: &'s mut [u8]) -> Result<Scratch<'s>, Error> {
        let frames = block::frame_count(raw_bytes, shape.frame_bytes);
        let (known_len, table_len) = (KNOWN_BYTES.saturating_mul(narrow(frames.into())), block::table_bytes_max(frames));
        let too_small = too_small(known_len.saturating_add(table_len));
        let (known, rest) = scratch.split_at_mut_checked(known_len).ok_or(too_small)?;
        let (table, rest) = rest.split_at_mut_checked(table_len).ok_or(too_small)?;
        let frame = chunk_len(shape);
        let (body, rest) = rest.split_at_mut(frame.min(rest.len()));
        let (base, stored) = rest.split_at_mut(frame.min(rest.len()));
        Ok(Scratch { known: Known(known), table, body, base, stored })
    }

    /// Whether there is room to write on a base.
    pub fn can_write(&self, shape: &Shape) -> bool {
        let frame = chunk_len(shape);
        self.base.len() == frame && self.stored.len() >= frame.saturating_add(encode_slack_bytes(frame))
    }
}

/// What a chain says of each frame: the first of its entries that lists it, the first that does so without needing a base, and the digest.
pub struct Known<'s>(&'s mut [u8]);

/// What a chain says of one frame.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct KnownFrame {
    /// The entry that lists it, counted from the chain's top.
    pub first: u8,
    /// The entry from which on no base is needed; at or below `first`.
    pub whole: u8,
    /// H of the frame.
    pub plain: Digest,
}

impl KnownFrame {
    /// Not found yet.
    pub const NONE: u8 = u8::MAX;
}

impl<'s> Known<'s> {
    /// Room for so many frames as [`KNOWN_BYTES`] go into `bytes`.
    pub fn over(bytes: &'s mut [u8; KNOWN_BYTES]) -> Known<'s> {
        Known(bytes)
    }

    /// What is known of a frame, counted from the first that is looked at.
    pub fn get(&self, frame: usize) -> KnownFrame {
        let start = frame.saturating_mul(KNOWN_BYTES);
        let mut fields = Reader(self.0.get(start..).unwrap_or(&[]));
        let (first, whole) = (fields.u8().unwrap_or(KnownFrame::NONE), fields.u8().unwrap_or(KnownFrame::NONE));
        KnownFrame { first, whole, plain: Digest(fields.array().unwrap_or([0; 32])) }
    }

    /// Notes it.
    pub fn set(&mut self, frame: usize, known: &KnownFrame) {
        let start = frame.saturating_mul(KNOWN_BYTES);
        Writer::new(self.0.get_mut(start..).unwrap_or(&mut [])).u8(known.first).u8(known.whole).bytes(&known.plain.0);
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.0.fill(KnownFrame::NONE);
    }
}

/// Where [`Packer::finish`] left a block in [`Work::packed`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packed {
    /// Where the entry header belongs: 128 bytes, then table and frames without a gap.
    pub start: usize,
    /// Bytes of the frame table.
    pub head_bytes: u32,
    /// Bytes of table and frames.
    pub stored_bytes: u32,
    /// Whether a base is needed to read it.
    pub based: bool,
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
pub struct BlockHasher {
    hasher: Hasher,
    zero: bool,
}

impl BlockHasher {
    /// Of a block of `raw_bytes`.
    pub fn new(shape: &Shape, raw_bytes: u32) -> BlockHasher {
        let mut hasher = Hasher::named(shape.algorithm, "sarsen block");
        hasher.number(raw_bytes.into()).number(shape.frame_bytes.into());
        BlockHasher { hasher, zero: true }
    }

    /// Adds the digest of the next frame, [`Digest::ZERO`] for one of zeros.
    pub fn add(&mut self, frame: &Digest) {
        self.zero &= *frame == Digest::ZERO;
        self.hasher.update(&frame.0);
    }

    /// The block's id.
    pub fn id(self) -> Id {
        if self.zero { Id::ZERO } else { self.hasher.id() }
    }
}

/// The id of a block of `raw_bytes` whose frames have these digests, [`Digest::ZERO`] for frames of zeros.
pub fn block_id(shape: &Shape, raw_bytes: u32, digests: impl Iterator<Item = Digest>) -> Id {
    let mut hasher = BlockHasher::new(shape, raw_bytes);
    digests.for_each(|frame| hasher.add(&frame));
    hasher.id()
}

/// Reads a block of `raw_bytes` into `work`, frame by frame (`read` is given the frame's number and its offset in the block), and names it.
/// A frame that is as in the base need not be read: then `read` tells the digest it has there.
/// Each frame is hashed right after it was read, while it is in the cache.
pub fn fill<E: From<Error>>(
    shape: &Shape,
    raw_bytes: u32,
    work: &mut Work<'_>,
    mut read: impl FnMut(u32, u32, &mut [u8]) -> Result<Option<Digest>, E>,
) -> Result<Id, E> {
    let mut packer = Packer::of(shape, raw_bytes, work)?;
    let mut hasher = BlockHasher::new(shape, raw_bytes);
    for frame in 0..packer.frames {
        let offset = frame.saturating_mul(shape.frame_bytes);
        let slot = match read(frame, offset, packer.frame_mut(frame))? {
            None => Slot { kept: false, body: survey(shape.algorithm, packer.frame(frame)) },
            Some(plain) => Slot { kept: true, body: FrameBody::Raw { plain, stored_bytes: 0 } },
        };
        hasher.add(&slot.plain());
        packer.set_slot(frame, &slot);
    }
    Ok(hasher.id())
}

/// Packs the block that [`fill`] has just read in full, without a base.
pub fn encode(shape: &Shape, raw_bytes: u32, work: &mut Work<'_>) -> Result<Packed, Error> {
    let mut packer = Packer::of(shape, raw_bytes, work)?;
    for frame in 0..packer.frames {
        packer.put_whole(frame)?;
    }
    packer.finish()
}

/// A frame of the block that is being packed.
struct Slot {
    /// It is as in the base and will not be listed.
    kept: bool,
    body: FrameBody,
}

/// The index under which a kept frame waits in its slot; no frame has it.
const KEPT: u16 = u16::MAX;

impl Slot {
    fn plain(&self) -> Digest {
        FrameRow { index: 0, body: self.body }.plain()
    }
}

/// Packs the block that [`fill`] has just left in [`Work`], frame by frame: each is encoded from `raw` straight to where it stays.
pub struct Packer<'w> {
    shape: Shape,
    frames: u32,
    raw: &'w mut [u8],
    packed: &'w mut [u8],
    codecs: &'w mut dyn Codecs,
    /// Bytes of frames stored so far.
    frames_bytes: u64,
}

impl<'w> Packer<'w> {
    /// Goes on with the block of `raw_bytes` that lies in `work`.
    pub fn of(shape: &Shape, raw_bytes: u32, work: &'w mut Work<'_>) -> Result<Packer<'w>, Error> {
        let frames = block::frame_count(raw_bytes, shape.frame_bytes);
        let (raw_len, front_len) = (narrow(raw_bytes.into()), front_bytes(frames));
        let raw = work.raw.get_mut(..raw_len).ok_or(too_small(raw_len))?;
        if work.packed.len() < front_len {
            return Err(too_small(front_len));
        }
        Ok(Packer { shape: *shape, frames, raw, packed: work.packed, codecs: work.codecs, frames_bytes: 0 })
    }

    /// How many frames the block has.
    pub fn frames(&self) -> u32 {
        self.frames
    }

    /// The codecs.
    pub fn codecs(&mut self) -> &mut dyn Codecs {
        self.codecs
    }

    fn range(&self, frame: u32) -> core::ops::Range<usize> {
        let start = narrow(u64::from(frame).saturating_mul(self.shape.frame_bytes.into())).min(self.raw.len());
        start..start.saturating_add(chunk_len(&self.shape)).min(self.raw.len())
    }

    /// A frame's bytes.
    pub fn frame(&self, frame: u32) -> &[u8] {
        self.raw.get(self.range(frame)).unwrap_or(&[])
    }

    /// A frame's bytes, to fill.
    pub fn frame_mut(&mut self, frame: u32) -> &mut [u8] {
        let range = self.range(frame);
        self.raw.get_mut(range).unwrap_or(&mut [])
    }

    fn slot_at(frame: u32) -> usize {
        let slots = entry::LEN.saturating_add(COUNT_BYTES);
        slots.saturating_add(narrow(frame.into()).saturating_mul(ROW_BYTES_MAX))
    }

    fn slot(&self, frame: u32) -> Result<Slot, Error> {
        let row = FrameRow::parse(&mut Reader(self.packed.get(Self::slot_at(frame)..).unwrap_or(&[]))).map_err(never_filled)?;
        Ok(Slot { kept: row.index == KEPT, body: row.body })
    }

    fn set_slot(&mut self, frame: u32, slot: &Slot) {
        let index = if slot.kept { KEPT } else { u16::try_from(frame).unwrap_or(KEPT) };
        let to = self.packed.get_mut(Self::slot_at(frame)..).unwrap_or(&mut []);
        FrameRow { index, body: slot.body }.emit(&mut Writer::new(to));
    }

    /// A frame's digest; zero for a frame of zeros.
    pub fn plain(&self, frame: u32) -> Result<Digest, Error> {
        Ok(self.slot(frame)?.plain())
    }

    /// Whether a frame was not read, being as in the base.
    pub fn is_kept(&self, frame: u32) -> Result<bool, Error> {
        Ok(self.slot(frame)?.kept)
    }

    /// Leaves a frame out of the table: it is as in the base.
    pub fn keep(&mut self, frame: u32) -> Result<(), Error> {
        let body = self.slot(frame)?.body;
        self.set_slot(frame, &Slot { kept: true, body });
        Ok(())
    }

    /// Lists a frame that was kept, and whose bytes have been put in place since.
    pub fn list(&mut self, frame: u32) -> Result<(), Error> {
        let plain = self.plain(frame)?;
        let stored_bytes = low32(wide(self.frame(frame).len()));
        let body = if plain == Digest::ZERO { FrameBody::Zero } else { FrameBody::Raw { plain, stored_bytes } };
        self.set_slot(frame, &Slot { kept: false, body });
        Ok(())
    }

    /// Bytes that the frames take which were stored so far.
    pub fn frames_bytes(&self) -> u64 {
        self.frames_bytes
    }

    /// Packs once more from the first frame on: nothing is stored yet, and what is known of frames stays.
    pub fn restart(&mut self) {
        self.frames_bytes = 0;
    }

    /// Where the next frame is stored.
    fn rest(&mut self) -> &mut [u8] {
        let at = front_bytes(self.frames).saturating_add(narrow(self.frames_bytes));
        self.packed.get_mut(at..).unwrap_or(&mut [])
    }

    fn put(&mut self, frame: u32, body: FrameBody) {
        let row = FrameRow { index: 0, body };
        self.frames_bytes = self.frames_bytes.saturating_add(row.stored_bytes().into());
        self.set_slot(frame, &Slot { kept: false, body });
    }

    /// Stores a frame whole.
    pub fn put_whole(&mut self, frame: u32) -> Result<(), Error> {
        match self.whole(frame)? {
            Some(body) => self.put(frame, body),
            None => self.put(frame, FrameBody::Zero),
        }
        Ok(())
    }

    /// Encodes a frame to where it would stay; none for zeros.
    fn whole(&mut self, frame: u32) -> Result<Option<FrameBody>, Error> {
        let FrameBody::Raw { plain, .. } = self.slot(frame)?.body else { return Ok(None) };
        let range = self.range(frame);
        let at = front_bytes(self.frames).saturating_add(narrow(self.frames_bytes));
        let rest = self.packed.get_mut(at..).unwrap_or(&mut []);
        let from = self.raw.get(range).unwrap_or(&[]);
        store(&self.shape, from, plain, rest, self.codecs).map(Some).ok_or(too_small(from.len()))
    }

    /// Stores a frame as changes to `base`, or whole where that takes less. `whole_bytes` is what the base's frame takes where it is stored whole,
    /// which spares encoding this one where its changes take far less; `room` is how long the body of the changes may be.
    pub fn put_changes(
        &mut self,
        frame: u32,
        base: &[u8],
        whole_bytes: u32,
        room: usize,
        body: &mut [u8],
        coded: &mut [u8],
    ) -> Result<(), Error> {
        let FrameBody::Raw { plain, .. } = self.slot(frame)?.body else { return self.put_whole(frame) };
        let room = room.min(self.frame(frame).len().saturating_sub(1)).min(body.len());
        let body_len = delta::encode(base, self.frame(frame), body.get_mut(..room).unwrap_or(&mut []));
        let Some(body) = body_len.and_then(|len| body.get(..len)) else { return self.put_whole(frame) };
        let codec = self.shape.codec;
        let coded_len = if codec == CodecId::None { None } else { self.codecs.encode(codec, body, coded) };
        let coded = coded_len.filter(|&len| len < body.len()).and_then(|len| coded.get(..len));
        let (codec, stored) = coded.map_or((CodecId::None, body), |coded| (codec, coded));
        let (stored_bytes, body_bytes) = (low32(wide(stored.len())), low32(wide(body.len())));
        if stored_bytes > whole_bytes / 2 {
            let whole = self.whole(frame)?;
            let smaller = whole.filter(|&body| FrameRow { index: 0, body }.stored_bytes() <= stored_bytes);
            if let Some(body) = smaller {
                self.put(frame, body);
                return Ok(());
            }
        }
        let digest = digest(self.shape.algorithm, stored);
        let to = self.rest().get_mut(..stored.len()).unwrap_or_default();
        copy(to, stored).map_err(|_| too_small(stored.len()))?;
        self.put(frame, FrameBody::Delta { codec, stored_bytes, body_bytes, plain, stored: digest });
        Ok(())
    }

    /// Draws table and frames together: moves the rows of listed frames up to the frames and puts the count before them. From the last to the
    /// first: a row's place is never below its slot, and what lies above it has moved already.
    pub fn finish(self) -> Result<Packed, Error> {
        let front = front_bytes(self.frames);
        let (mut end, mut listed, mut deltas) = (front, 0u32, 0u32);
        for frame in (0..self.frames).rev() {
            let Slot { kept, body } = self.slot(frame)?;
            if kept {
                continue;
            }
            let row = FrameRow { index: u16::try_from(frame).map_err(|_| never_filled(What::Length))?, body };
            end = end.saturating_sub(row.row_bytes());
            row.emit(&mut Writer::new(self.packed.get_mut(end..).unwrap_or_default()));
            listed = listed.saturating_add(1);
            deltas = deltas.saturating_add(row.is_delta().into());
        }
        let table = end.saturating_sub(COUNT_BYTES);
        block::emit_count(&mut Writer::new(self.packed.get_mut(table..).unwrap_or_default()), listed).map_err(never_filled)?;
        let head_bytes = wide(front.saturating_sub(table));
        Ok(Packed {
            start: table.saturating_sub(entry::LEN),
            head_bytes: low32(head_bytes),
            stored_bytes: low32(head_bytes.saturating_add(self.frames_bytes)),
            based: deltas > 0 || listed < self.frames,
        })
    }
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

/// A frame's digest as ids take it: zero for a frame of zeros.
pub fn plain_digest(algorithm: Algorithm, frame: &[u8]) -> Digest {
    if is_zero(frame) { Digest::ZERO } else { digest(algorithm, frame) }
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
    copy(rest.get_mut(..frame.len())?, frame).ok()?;
    Some(FrameBody::Raw { plain, stored_bytes: low32(wide(frame.len())) })
}

/// Decodes the frame that `row` lists, from its `stored` bytes into all of `to`, which is as long as the frame and, for a delta, holds the
/// base's frame; then `body` is room for what the delta says. Whether the result is right, [`prove_frame`] tells.
pub fn lay_frame(
    shape: &Shape,
    row: &FrameRow,
    stored: &[u8],
    to: &mut [u8],
    body: &mut [u8],
    codecs: &mut dyn Codecs,
    verify: Verify,
) -> Result<(), What> {
    if stored.len() != narrow(row.stored_bytes().into()) {
        return Err(What::Length);
    }
    if row.body != FrameBody::Zero && row.plain() == Digest::ZERO {
        return Err(What::PlainDigest);
    }
    let stored_is_right = |expected: &Digest| match verify == Verify::Every && digest(shape.algorithm, stored) != *expected {
        true => Err(What::StoredDigest),
        false => Ok(()),
    };
    match &row.body {
        FrameBody::Zero => to.fill(0),
        FrameBody::Raw { .. } => copy(to, stored)?,
        FrameBody::Coded { codec, stored: expected, .. } => {
            stored_is_right(expected)?;
            codecs.decode(*codec, stored, to)?;
        }
        FrameBody::Delta { stored: expected, .. } => {
            stored_is_right(expected)?;
            delta::apply(delta_body(row, stored, body, codecs)?, to)?;
        }
    }
    Ok(())
}

/// The body of a delta, decoded into `room` where it went through a codec.
fn delta_body<'b>(row: &FrameRow, stored: &'b [u8], room: &'b mut [u8], codecs: &mut dyn Codecs) -> Result<&'b [u8], What> {
    let FrameBody::Delta { codec, body_bytes, .. } = row.body else { return Err(What::Field) };
    if codec == CodecId::None {
        return Ok(stored);
    }
    let body = room.get_mut(..narrow(body_bytes.into())).ok_or(What::UnknownCodec)?;
    codecs.decode(codec, stored, body)?;
    Ok(body)
}

/// Whether bytes have a digest; or, where somebody else finds that out later, yes.
pub type Has<'h> = dyn FnMut(&[u8], &Digest) -> bool + 'h;

/// Whether a decoded frame has its digest.
pub fn prove_frame(shape: &Shape, plain: &Digest, frame: &[u8]) -> Result<(), What> {
    prove_frame_by(plain, frame, &mut |bytes, expected| digest(shape.algorithm, bytes) == *expected)
}

fn prove_frame_by(plain: &Digest, frame: &[u8], has: &mut Has<'_>) -> Result<(), What> {
    let zero = is_zero(frame);
    match *plain == Digest::ZERO {
        true if zero => Ok(()),
        true => Err(What::PlainDigest),
        false if !has(frame, plain) => Err(What::PlainDigest),
        // Zeros have one form only, or a block would have two ids.
        false if zero => Err(What::Field),
        false => Ok(()),
    }
}

/// A block's entry as read from a medium: what its header says, and its payload.
#[derive(Clone, Copy, Debug)]
pub struct StoredBlock<'a> {
    /// The block's id.
    pub id: Id,
    /// Bytes of the block.
    pub raw_bytes: u32,
    /// Bytes of the frame table.
    pub head_bytes: u32,
    /// Whether it lies on a base.
    pub based: bool,
    /// Table and frames.
    pub payload: &'a [u8],
}

impl<'a> StoredBlock<'a> {
    /// The frame table, checked as a whole.
    pub fn table(&self, shape: &Shape) -> Result<FrameTable<'a>, What> {
        let head = self.payload.get(..narrow(self.head_bytes.into())).ok_or(What::Length)?;
        match self.raw_bytes <= shape.block_bytes {
            true => FrameTable::parse(head, self.raw_bytes, shape.frame_bytes, low32(wide(self.payload.len())), self.based),
            false => Err(What::Length),
        }
    }
}

/// Whether all of an entry's payload is right: table, stored digests, and all that can be known without its base: plain digests of frames
/// that need none, the form of deltas, and the id of a block that has no base. `frame` and `body` hold a frame each.
/// That the table is the one the entry header tells of is the caller's to check.
pub fn check_block(
    shape: &Shape,
    block: &StoredBlock<'_>,
    frame: &mut [u8],
    body: &mut [u8],
    codecs: &mut dyn Codecs,
) -> Result<(), What> {
    // One frame after the other in the same place, which then is in the cache.
    let one = chunk_len(shape).min(frame.len());
    let frame = frame.get_mut(..one).unwrap_or_default();
    check_block_by(shape, block, frame, body, codecs, &mut |bytes, expected| digest(shape.algorithm, bytes) == *expected)
}

/// The same, with digests compared by `has`. If `frames` holds all of the block, what `has` is given stays where it is.
pub fn check_block_by(
    shape: &Shape,
    block: &StoredBlock<'_>,
    frames: &mut [u8],
    body: &mut [u8],
    codecs: &mut dyn Codecs,
    has: &mut Has<'_>,
) -> Result<(), What> {
    let mut hasher = BlockHasher::new(shape, block.raw_bytes);
    let apart = wide(frames.len()) >= block.raw_bytes.into();
    for listed in block.table(shape)?.rows() {
        let stored = block.payload.get(listed.stored.clone()).ok_or(What::Length)?;
        if let FrameBody::Coded { stored: expected, .. } | FrameBody::Delta { stored: expected, .. } = &listed.row.body
            && !has(stored, expected)
        {
            return Err(What::StoredDigest);
        }
        if listed.row.is_delta() {
            delta::check(delta_body(&listed.row, stored, body, codecs)?, narrow(listed.plain_bytes.into()))?;
        } else {
            let start = if apart { u64::from(listed.row.index).saturating_mul(shape.frame_bytes.into()) } else { 0 };
            let frame = frames.get_mut(narrow(start)..).and_then(|rest| rest.get_mut(..narrow(listed.plain_bytes.into())));
            let frame = frame.ok_or(What::Length)?;
            lay_frame(shape, &listed.row, stored, frame, &mut [], codecs, Verify::Plain)?;
            prove_frame_by(&listed.row.plain(), frame, has)?;
        }
        hasher.add(&listed.row.plain());
    }
    match block.based || hasher.id() == block.id {
        true => Ok(()),
        false => Err(What::Id),
    }
}

/// Whether all stored bytes of an entry's payload are right. What they decode to is not looked at.
pub fn check_stored(shape: &Shape, block: &StoredBlock<'_>) -> Result<(), What> {
    check_stored_by(shape, block, &mut |bytes, expected| digest(shape.algorithm, bytes) == *expected)
}

/// The same, with digests compared by `has`.
pub fn check_stored_by(shape: &Shape, block: &StoredBlock<'_>, has: &mut Has<'_>) -> Result<(), What> {
    for listed in block.table(shape)?.rows() {
        let bytes = block.payload.get(listed.stored.clone()).ok_or(What::Length)?;
        let expected = match &listed.row.body {
            FrameBody::Zero => continue,
            FrameBody::Raw { plain, .. } => plain,
            FrameBody::Coded { stored, .. } | FrameBody::Delta { stored, .. } => stored,
        };
        if !has(bytes, expected) {
            return Err(What::StoredDigest);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::codec::Plain;
    use std::vec::Vec;

    const FRAME_BYTES: u32 = 4096;

    /// Stands in for a codec: a length and a byte where all bytes are equal. `None` when there is less room than an encoder may ask for.
    struct Runs;

    impl Codecs for Runs {
        fn has(&self, id: CodecId) -> bool {
            matches!(id, CodecId::None | CodecId::Lz4)
        }
        fn encode(&mut self, id: CodecId, from: &[u8], to: &mut [u8]) -> Option<usize> {
            assert_eq!(id, CodecId::Lz4);
            assert!(to.len() >= from.len() + encode_slack_bytes(from.len()), "the room that was promised");
            to.fill(0xDD); // an encoder may scribble on all it is given
            let first = *from.first()?;
            from.iter().all(|&byte| byte == first).then(|| {
                to[..4].copy_from_slice(&low32(wide(from.len())).to_le_bytes());
                to[4] = first;
                5
            })
        }
        fn decode(&mut self, id: CodecId, from: &[u8], to: &mut [u8]) -> Result<(), What> {
            if id != CodecId::Lz4 {
                return Err(What::UnknownCodec);
            }
            let (len, byte) = from.split_first_chunk::<4>().ok_or(What::Codec)?;
            to.fill(*byte.first().ok_or(What::Codec)?);
            (narrow(u32::from_le_bytes(*len).into()) == to.len()).then_some(()).ok_or(What::Codec)
        }
    }

    fn shape(frames: u32, codec: CodecId) -> Shape {
        Shape { algorithm: Algorithm::Sha256, block_bytes: frames * FRAME_BYTES, frame_bytes: FRAME_BYTES, codec }
    }

    fn noise(len: usize) -> Vec<u8> {
        let mut state = 1u64;
        let mut next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            state.to_le_bytes()[7]
        };
        (0..len).map(|_| next()).collect()
    }

    /// A block of the shape in buffers of exactly the size that is asked for; the id, the entry without its header, and what was packed.
    fn pack(shape: &Shape, raw: &[u8], codecs: &mut dyn Codecs) -> (Id, Vec<u8>, Packed) {
        let mut raw_room = std::vec![0xEE; raw_bytes(shape.block_bytes)];
        let mut packed_room = std::vec![0xEE; packed_bytes(shape.block_bytes, shape.frame_bytes, 512)];
        let mut work = Work { raw: &mut raw_room, packed: &mut packed_room, scratch: &mut [], codecs };
        let len = low32(wide(raw.len()));
        let id = fill(shape, len, &mut work, |_, offset, to| {
            let at = narrow(offset.into());
            to.copy_from_slice(&raw[at..at + to.len()]);
            Ok::<_, Error>(None)
        });
        let packed = encode(shape, len, &mut work).unwrap();
        let end = packed.start + entry::LEN + narrow(packed.stored_bytes.into());
        let aligned = packed.start + (entry::LEN + narrow(packed.stored_bytes.into())).next_multiple_of(512);
        assert!(aligned <= packed_room.len(), "padding fits");
        (id.unwrap(), packed_room[packed.start + entry::LEN..end].to_vec(), packed)
    }

    fn stored<'a>(id: Id, raw: &[u8], packed: &Packed, payload: &'a [u8]) -> StoredBlock<'a> {
        StoredBlock { id, raw_bytes: low32(wide(raw.len())), head_bytes: packed.head_bytes, based: false, payload }
    }

    fn unpack(shape: &Shape, block: &StoredBlock<'_>) -> Result<Vec<u8>, What> {
        let checked = check_block(shape, block, &mut std::vec![0xEE; narrow(shape.frame_bytes.into())], &mut [], &mut Runs);
        let mut to = std::vec![0xEE; narrow(block.raw_bytes.min(1 << 24).into())];
        let decoded = decode_block(shape, block, &mut to, &mut Runs);
        assert!(decoded.is_ok() || checked.is_err(), "what cannot be decoded is found by a check");
        checked.map(|()| to)
    }

    fn decode_frame(
        shape: &Shape,
        row: &FrameRow,
        from: &[u8],
        to: &mut [u8],
        codecs: &mut dyn Codecs,
        verify: Verify,
    ) -> Result<(), What> {
        lay_frame(shape, row, from, to, &mut [], codecs, verify)?;
        prove_frame(shape, &row.plain(), to)
    }

    fn decode_block(shape: &Shape, block: &StoredBlock<'_>, to: &mut [u8], codecs: &mut dyn Codecs) -> Result<(), What> {
        let table = block.table(shape)?;
        for (listed, frame) in table.rows().zip(to.chunks_mut(chunk_len(shape))) {
            let from = block.payload.get(listed.stored.clone()).ok_or(What::Length)?;
            decode_frame(shape, &listed.row, from, frame, codecs, Verify::Plain)?;
        }
        let id = block_id(shape, block.raw_bytes, table.rows().map(|listed| listed.row.plain()));
        if id == block.id { Ok(()) } else { Err(What::Id) }
    }

    fn three_frames() -> Vec<u8> {
        let mut raw = std::vec![b'A'; 4096];
        raw.extend([0; 4096]);
        raw.extend((0..1000u32).map(|i| (i % 251).to_le_bytes()[0]));
        raw
    }

    const THREE_FRAMES_ID: &str = "1cf35cda8b687bbb69a6b0d8e56f8af73786ebc2b0242e7055b37911ce0475c9";

    #[test]
    fn an_id_is_what_a_script_with_hashlib_makes_of_the_frames() {
        let shape = shape(4, CodecId::Lz4);
        let raw = three_frames();
        let (id, payload, packed) = pack(&shape, &raw, &mut Runs);
        assert_eq!(std::format!("{id}"), THREE_FRAMES_ID);
        let table = stored(id, &raw, &packed, &payload).table(&shape).unwrap();
        assert_eq!(block_id(&shape, 9192, table.rows().map(|listed| listed.row.plain())), id);
    }

    #[test]
    fn a_payload_is_table_and_frames_without_a_gap() {
        let raw = three_frames();
        let (_, payload, packed) = pack(&shape(4, CodecId::Lz4), &raw, &mut Runs);
        assert_eq!((packed.head_bytes, packed.stored_bytes), (4 + 72 + 8 + 40, 124 + 5 + 1000));
        assert_eq!(payload[..12], [3, 0, 0, 0, 0, 0, 1, 1, 5, 0, 0, 0]);
        assert_eq!(payload[76..92], [1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0, 0xE8, 3, 0, 0]);
        assert_eq!(payload[124..129], [0, 0x10, 0, 0, b'A']);
        assert_eq!(payload[129..], raw[8192..]);
        let (_, payload, packed) = pack(&shape(4, CodecId::None), &raw, &mut Plain);
        assert_eq!((packed.head_bytes, packed.stored_bytes), (4 + 40 + 8 + 40, 92 + 4096 + 1000));
        assert_eq!(payload[92..], [&raw[..4096], &raw[8192..]].concat());
    }

    #[test]
    fn what_is_told_of_stored_frames_is_what_is_checked_of_them() {
        let (shape, raw) = (shape(4, CodecId::Lz4), three_frames());
        let (id, mut payload, packed) = pack(&shape, &raw, &mut Runs);
        let told = |payload: &[u8]| {
            let mut told = std::vec![];
            let mut later = |bytes: &[u8], wanted: &Digest| {
                told.push((bytes.len(), digest(shape.algorithm, bytes) == *wanted));
                true
            };
            check_stored_by(&shape, &stored(id, &raw, &packed, payload), &mut later).map(|()| told)
        };
        assert_eq!(told(&payload), Ok(std::vec![(5, true), (1000, true)]), "zeros are not stored");
        assert_eq!(check_stored(&shape, &stored(id, &raw, &packed, &payload)), Ok(()));
        payload[200] ^= 1;
        assert_eq!(told(&payload), Ok(std::vec![(5, true), (1000, false)]));
        assert_eq!(check_stored(&shape, &stored(id, &raw, &packed, &payload)), Err(What::StoredDigest));
        assert_eq!(told(&payload[..1128]), Err(What::Length));
        // Decoded, each frame lies apart and stays.
        payload[200] ^= 1;
        let (mut frames, mut body, mut told) = (std::vec![0; 4 * 4096], std::vec![0; 4096], std::vec![]);
        let mut later = |bytes: &[u8], _: &Digest| {
            told.push((bytes.as_ptr(), bytes.to_vec()));
            true
        };
        let block = stored(id, &raw, &packed, &payload);
        check_block_by(&shape, &block, &mut frames, &mut body, &mut Runs, &mut later).unwrap();
        let lens: Vec<usize> = told.iter().map(|(_, bytes)| bytes.len()).collect();
        assert_eq!(lens, [5, 4096, 1000], "as stored, plain; and one that is both");
        assert_eq!((told[1].0, told[2].0), (frames.as_ptr(), frames[8192..].as_ptr()));
        assert_eq!(frames[..raw.len()], raw);
    }

    #[test]
    fn blocks_of_every_make_come_back() {
        let parts: [Vec<u8>; 3] = [std::vec![0; 4096], std::vec![9; 4096], noise(4096)];
        for codec in [CodecId::None, CodecId::Lz4] {
            for pattern in 0..81usize {
                let mut raw: Vec<u8> = [27, 9, 3, 1].iter().flat_map(|place| parts[pattern / place % 3].clone()).collect();
                for len in [16_384, 16_383, 12_289, 12_288, 4097, 4096, 4095, 1] {
                    raw.truncate(len);
                    let shape = shape(4, codec);
                    let (id, payload, packed) = pack(&shape, &raw, &mut Runs);
                    assert_eq!(id.is_zero(), is_zero(&raw));
                    assert_eq!(unpack(&shape, &stored(id, &raw, &packed, &payload)).as_deref(), Ok(raw.as_slice()));
                }
            }
        }
    }

    #[test]
    fn noise_fits_at_every_ratio_of_block_and_frame() {
        for (block_log2, frame_log2) in [(12, 12), (16, 12), (16, 16), (20, 12), (20, 18), (24, 12), (24, 24)] {
            let shape = Shape {
                algorithm: Algorithm::Sha256,
                block_bytes: 1 << block_log2,
                frame_bytes: 1 << frame_log2,
                codec: CodecId::Lz4,
            };
            let raw = noise(1 << block_log2);
            let (id, payload, packed) = pack(&shape, &raw, &mut Runs);
            assert!(packed.stored_bytes <= entry::STORED_BYTES_MAX);
            assert_eq!(packed.start, 36 << (block_log2 - frame_log2), "raw rows leave the room of a digest and a length each");
            assert!(unpack(&shape, &stored(id, &raw, &packed, &payload)).is_ok_and(|back| back == raw));
        }
    }

    #[test]
    fn the_smallest_buffers_leave_a_microcontroller_its_memory() {
        assert_eq!(packed_bytes(4096, 4096, 16), 128 + 4 + 76 + 4096 + 430);
        assert_eq!(packed_bytes(4096, 4096, 512), 128 + 4 + 76 + 4096 + 512);
        assert!(packed_bytes(1 << 16, 1 << 16, 16) >= 128 + 16_384 + 16, "any record");
    }

    #[test]
    fn a_flip_of_any_bit_is_found() {
        let shape = shape(4, CodecId::Lz4);
        let raw = three_frames();
        let (id, payload, packed) = pack(&shape, &raw, &mut Runs);
        for at in 0..payload.len() {
            let all = at < narrow(packed.head_bytes.into()) + 5;
            for bit in (0..8).filter(|bit| all || at % 8 == *bit) {
                let mut flipped = payload.clone();
                flipped[at] ^= 1 << bit;
                let block = stored(id, &raw, &packed, &flipped);
                let mut scratch = [0; 4096];
                assert!(check_block(&shape, &block, &mut scratch, &mut [], &mut Runs).is_err(), "byte {at} bit {bit}");
                let mut to = std::vec![0; raw.len()];
                let decoded = decode_block(&shape, &block, &mut to, &mut Runs);
                assert!(decoded.is_err() || to == raw, "byte {at} bit {bit}: no wrong data");
            }
        }
    }

    #[test]
    fn a_flip_in_a_header_is_found() {
        let shape = shape(4, CodecId::Lz4);
        let raw = three_frames();
        let (id, payload, packed) = pack(&shape, &raw, &mut Runs);
        let right = stored(id, &raw, &packed, &payload);
        let wrong: [(StoredBlock<'_>, What); 8] = [
            (StoredBlock { id: Id([1; 32]), ..right }, What::Id),
            (StoredBlock { id: Id::ZERO, ..right }, What::Id),
            (StoredBlock { raw_bytes: 9191, ..right }, What::Length),
            (StoredBlock { raw_bytes: 0, ..right }, What::Length),
            (StoredBlock { raw_bytes: u32::MAX, ..right }, What::Length),
            (StoredBlock { head_bytes: 123, ..right }, What::Length),
            (StoredBlock { head_bytes: u32::MAX, ..right }, What::Length),
            (StoredBlock { payload: &payload[..payload.len() - 1], ..right }, What::Length),
        ];
        for (block, what) in wrong {
            assert_eq!(unpack(&shape, &block), Err(what));
        }
        let smaller = Shape { block_bytes: 8192, ..shape };
        assert_eq!(unpack(&smaller, &right), Err(What::Length), "more than a block");
        let other = Shape { frame_bytes: 8192, ..shape };
        assert_eq!(unpack(&other, &right), Err(What::Length), "other frames");
    }

    #[test]
    fn a_frame_is_checked_by_itself() {
        let shape = shape(1, CodecId::Lz4);
        let raw = std::vec![7; 4096];
        let (plain, coded) = (digest(shape.algorithm, &raw), [0, 0x10, 0, 0, 7]);
        let body = FrameBody::Coded { codec: CodecId::Lz4, stored_bytes: 5, plain, stored: digest(shape.algorithm, &coded) };
        let row = FrameRow { index: 0, body };
        let decode = |row: &FrameRow, from: &[u8], codecs: &mut dyn Codecs, verify| {
            let mut to = std::vec![0; 4096];
            decode_frame(&shape, row, from, &mut to, codecs, verify).map(|()| to)
        };
        for verify in [Verify::Plain, Verify::Every] {
            assert_eq!(decode(&row, &coded, &mut Runs, verify).as_deref(), Ok(raw.as_slice()));
            assert_eq!(decode(&row, &coded, &mut Plain, verify), Err(What::UnknownCodec));
            assert_eq!(decode(&row, &coded[..4], &mut Runs, verify), Err(What::Length));
        }
        let other = [0, 0x10, 0, 0, 8];
        assert_eq!(decode(&row, &other, &mut Runs, Verify::Plain), Err(What::PlainDigest));
        assert_eq!(decode(&row, &other, &mut Runs, Verify::Every), Err(What::StoredDigest));
        let unlike = FrameBody::Coded { codec: CodecId::Lz4, stored_bytes: 5, plain, stored: Digest([1; 32]) };
        let unlike = FrameRow { index: 0, body: unlike };
        assert!(decode(&unlike, &coded, &mut Runs, Verify::Plain).is_ok(), "plain bytes vouch for themselves");
        assert_eq!(decode(&unlike, &coded, &mut Runs, Verify::Every), Err(What::StoredDigest));
        let zero = FrameRow { index: 0, body: FrameBody::Zero };
        assert_eq!(decode(&zero, &[], &mut Plain, Verify::Every), Ok(std::vec![0; 4096]));
        let raw_row = FrameRow { index: 0, body: FrameBody::Raw { plain, stored_bytes: 4095 } };
        assert_eq!(decode(&raw_row, &raw[..4095], &mut Plain, Verify::Every), Err(What::Length));
    }

    #[test]
    fn zeros_have_one_form_only() {
        let shape = shape(2, CodecId::None);
        let raw = [std::vec![5; 4096], std::vec![0; 4096]].concat();
        let [first, zeros] = [&raw[..4096], &raw[4096..]].map(|frame| digest(shape.algorithm, frame));
        for (second, what) in [(zeros, What::Field), (Digest::ZERO, What::PlainDigest)] {
            let mut payload = std::vec![0; 84];
            let mut to = Writer::new(&mut payload);
            block::emit_count(&mut to, 2).unwrap();
            FrameRow { index: 0, body: FrameBody::Raw { plain: first, stored_bytes: 4096 } }.emit(&mut to);
            FrameRow { index: 1, body: FrameBody::Raw { plain: second, stored_bytes: 4096 } }.emit(&mut to);
            payload.extend(&raw);
            for id in [block_id(&shape, 8192, [first, second].into_iter()), pack(&shape, &raw, &mut Plain).0] {
                let stored = StoredBlock { id, raw_bytes: 8192, head_bytes: 84, based: false, payload: &payload };
                assert_eq!(unpack(&shape, &stored), Err(what));
            }
        }
    }

    #[test]
    fn the_reader_is_asked_frame_by_frame_and_its_error_ends_it() {
        let shape = shape(4, CodecId::None);
        let (mut raw, mut packed) = (std::vec![0; 16_384], std::vec![0; packed_bytes(16_384, 4096, 16)]);
        let mut work = Work { raw: &mut raw, packed: &mut packed, scratch: &mut [], codecs: &mut Plain };
        let mut asked = Vec::new();
        let result = fill(&shape, 9192, &mut work, |_, offset, to| {
            asked.push((offset, to.len()));
            if asked.len() == 3 { Err(Error::Cancelled) } else { Ok(None) }
        });
        assert_eq!(result, Err(Error::Cancelled));
        assert_eq!(asked, [(0, 4096), (4096, 4096), (8192, 1000)]);
    }

    #[test]
    fn buffers_that_are_too_small_are_an_error() {
        let shape = shape(4, CodecId::None);
        let needed = packed_bytes(16_384, 4096, 16);
        let attempt = |raw_len: usize, packed_len: usize| {
            let (mut raw, mut packed) = (std::vec![1; raw_len], std::vec![0; packed_len]);
            let mut work = Work { raw: &mut raw, packed: &mut packed, scratch: &mut [], codecs: &mut Plain };
            fill(&shape, 16_384, &mut work, |_, _, to| {
                to.fill(1);
                Ok::<_, Error>(None)
            })?;
            encode(&shape, 16_384, &mut work)
        };
        assert!(attempt(16_384, needed).is_ok());
        for (raw_len, packed_len) in [(16_383, needed), (0, 0), (16_384, 0), (16_384, 415), (16_384, 416), (16_384, 416 + 16_383)]
        {
            assert!(matches!(attempt(raw_len, packed_len), Err(Error::Memory { memory: Memory::Buffer, .. })));
        }
        let (mut raw, mut packed) = (std::vec![1; 16_384], std::vec![0xEE; needed]);
        let mut work = Work { raw: &mut raw, packed: &mut packed, scratch: &mut [], codecs: &mut Plain };
        assert!(encode(&shape, 16_384, &mut work).is_err(), "nothing was filled");
    }

    #[cfg(feature = "lz4")]
    #[test]
    fn a_real_codec_fits_in_exactly_the_room_that_is_asked_for() {
        let mut table = crate::codec::Lz4Table::large();
        let mut lz4 = crate::codec::Lz4::new(&mut table);
        for raw in [noise(1 << 20), noise(512).repeat(2048)] {
            let shape = Shape { algorithm: Algorithm::Sha256, block_bytes: 1 << 20, frame_bytes: 1 << 18, codec: CodecId::Lz4 };
            let (id, payload, packed) = pack(&shape, &raw, &mut lz4);
            let block = stored(id, &raw, &packed, &payload);
            let mut to = std::vec![0; 1 << 20];
            assert_eq!(decode_block(&shape, &block, &mut to, &mut lz4), Ok(()));
            assert!(to == raw);
            let coded = block.table(&shape).unwrap().rows().all(|listed| matches!(listed.row.body, FrameBody::Coded { .. }));
            assert_eq!(coded, raw[..512] == raw[512..1024]);
        }
    }

    /// A frame packed as changes to `base`, with the room that is asked for; how it was stored.
    fn changed(codec: CodecId, base: &[u8], target: &[u8], whole_bytes: u32, room: usize) -> (FrameBody, Packed) {
        let shape = shape(1, codec);
        let mut raw_room = std::vec![0xEE; 4096];
        let mut packed_room = std::vec![0xEE; packed_bytes(4096, 4096, 16)];
        let mut work = Work { raw: &mut raw_room, packed: &mut packed_room, scratch: &mut [], codecs: &mut Runs };
        fill(&shape, 4096, &mut work, |_, _, to| {
            to.copy_from_slice(target);
            Ok::<_, Error>(None)
        })
        .unwrap();
        let mut packer = Packer::of(&shape, 4096, &mut work).unwrap();
        let (mut body, mut coded) = (std::vec![0xEE; 4096], std::vec![0xEE; 4096 + encode_slack_bytes(4096)]);
        packer.put_changes(0, base, whole_bytes, room, &mut body, &mut coded).unwrap();
        let stored_bytes = FrameRow { index: 0, body: packer.slot(0).unwrap().body }.stored_bytes();
        assert_eq!(packer.frames_bytes(), stored_bytes.into());
        let packed = packer.finish().unwrap();
        let table = packed.start + entry::LEN + COUNT_BYTES;
        let row = FrameRow::parse(&mut Reader(&packed_room[table..])).unwrap();
        let (head, all) = (narrow(packed.head_bytes.into()), narrow(packed.stored_bytes.into()));
        let payload = &packed_room[packed.start + entry::LEN..][..all];
        let (mut frame, mut body) = (base.to_vec(), std::vec![0; 4096]);
        lay_frame(&shape, &row, &payload[head..], &mut frame, &mut body, &mut Runs, Verify::Every).unwrap();
        assert_eq!(prove_frame(&shape, &row.plain(), &frame), Ok(()));
        assert!(frame == target);
        assert_eq!(packed.based, row.is_delta());
        (row.body, packed)
    }

    #[test]
    fn changes_are_stored_as_what_takes_less() {
        let base = noise(4096);
        let with = |sectors: core::ops::Range<usize>, byte: u8| {
            let mut target = base.clone();
            target[sectors.start * 512..sectors.end * 512].iter_mut().for_each(|at| *at ^= byte);
            target
        };
        let is = |(body, _): (FrameBody, Packed)| match body {
            FrameBody::Delta { codec, stored_bytes, body_bytes, .. } => (2, codec, stored_bytes, body_bytes),
            FrameBody::Coded { codec, stored_bytes, .. } => (1, codec, stored_bytes, 0),
            FrameBody::Raw { stored_bytes, .. } => (1, CodecId::None, stored_bytes, 0),
            FrameBody::Zero => (0, CodecId::None, 0, 0),
        };
        for codec in [CodecId::None, CodecId::Lz4] {
            assert_eq!(is(changed(codec, &base, &with(3..4, 1), 4096, 4096)), (2, CodecId::None, 516, 516));
            assert_eq!(is(changed(codec, &base, &with(0..7, 1), 4096, 4096)), (2, CodecId::None, 3588, 3588));
            assert_eq!(is(changed(codec, &base, &with(0..8, 1), 4096, 4096)), (1, CodecId::None, 4096, 0), "all of it");
            // No longer than the room for changes, one after another.
            assert_eq!(is(changed(codec, &base, &with(3..4, 1), 4096, 516)), (2, CodecId::None, 516, 516));
            assert_eq!(is(changed(codec, &base, &with(3..4, 1), 4096, 515)), (1, CodecId::None, 4096, 0));
            assert_eq!(is(changed(codec, &base, &std::vec![0; 4096], 4096, 4096)), (0, CodecId::None, 0, 0));
            // A run of zeros is told in four bytes, where the base is not like that.
            let mut target = base.clone();
            target[1024..2048].fill(0);
            assert_eq!(is(changed(codec, &base, &target, 4096, 4096)), (2, CodecId::None, 4, 4));
        }
        // Five bytes through the codec are less than the changes; where the base takes far more than those, that is not tried.
        let same = std::vec![9; 4096];
        let mut nearly = same.clone();
        nearly[..512].copy_from_slice(&base[..512]);
        assert_eq!(is(changed(CodecId::Lz4, &nearly, &same, 1000, 4096)), (1, CodecId::Lz4, 5, 0));
        assert_eq!(is(changed(CodecId::Lz4, &nearly, &same, 4096, 4096)), (2, CodecId::None, 516, 516));
        assert_eq!(is(changed(CodecId::None, &nearly, &same, 1000, 4096)), (2, CodecId::None, 516, 516));
    }
}
