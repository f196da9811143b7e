//! A block as it is stored: an entry, the base it lies on, that one's base, and so on, read as one (docs/FORMAT.md section 5).
//!
//! A chain names places only, so it is small enough for a job. Whoever reads along it takes each entry for what it says and believes the result
//! because of the digests: each frame has the one that the first entry listing it tells, and all of them together give the block's id.

mod differ;

pub use differ::{Old, Run, differ};

use crate::codec::{CodecId, Codecs};
use crate::digest::digest;
use crate::error::{Error, Memory, What};
use crate::format::block::{FrameBody, FrameTable, Listed, frame_count, frame_len, table_bytes_max};
use crate::format::bytes::{copy, gather};
use crate::format::entry::{BLOCK_DEPTH_MAX, EntryHeader, Kind, LEN};
use crate::format::header::{Parameters, SEGMENT_BYTES_MAX};
use crate::frame::{
    BlockHasher, Known, KnownFrame, Packed, Packer, Scratch, Shape, StoredBlock, Verify, Work, encode, fill, lay_frame,
    prove_frame,
};
use crate::medium::READS_A_STEP;
use crate::segment::{Source, payload_place};
use crate::types::{Digest, Id, Place, low32, narrow, pieces, wide};
use core::ops::Range;

/// The most entries of a chain.
pub const LEN_MAX: usize = BLOCK_DEPTH_MAX as usize + 1;

/// Where the entries lie that give a block, its own first.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Chain {
    places: [Place; LEN_MAX],
    len: u8,
}

impl Chain {
    /// No entry: no block.
    pub const NONE: Chain = Chain { places: [Place::NONE; LEN_MAX], len: 0 };

    /// Adds the base of the last entry.
    pub fn push(&mut self, place: Place) {
        if let Some(slot) = self.places.get_mut(usize::from(self.len)) {
            *slot = place;
            self.len = self.len.saturating_add(1);
        }
    }

    /// What is left without the first so many places.
    pub fn below(&self, count: u8) -> Chain {
        let mut below = Chain::NONE;
        self.places().iter().skip(count.into()).for_each(|place| below.push(*place));
        below
    }

    /// Takes the place added last.
    pub fn pop(&mut self) -> Option<Place> {
        self.len = self.len.checked_sub(1)?;
        self.places.get(usize::from(self.len)).copied()
    }

    /// All places.
    pub fn places(&self) -> &[Place] {
        self.places.get(..usize::from(self.len)).unwrap_or(&[])
    }

    /// Whether there is no entry.
    pub fn is_none(&self) -> bool {
        self.len == 0
    }

    /// Whether the block needs a base.
    pub fn is_based(&self) -> bool {
        self.len > 1
    }
}

/// What a repository's parameters say of its blocks.
pub fn shape(parameters: &Parameters) -> Shape {
    Shape {
        algorithm: parameters.algorithm,
        block_bytes: parameters.block_bytes(),
        frame_bytes: parameters.frame_bytes(),
        codec: parameters.codec,
    }
}

/// The payload of a block's entry.
pub fn stored<'b>(place: Place, entry: &EntryHeader, payload: &'b [u8]) -> Result<StoredBlock<'b>, Error> {
    let Kind::Block { delta } = entry.kind else { return Err(Error::corrupt(place, What::Id)) };
    let EntryHeader { id, raw_bytes, head_bytes, .. } = *entry;
    Ok(StoredBlock { id, raw_bytes, head_bytes, based: delta, payload })
}

/// One entry of a chain.
struct Level<'t> {
    place: Place,
    entry: EntryHeader,
    table: FrameTable<'t>,
}

/// Which frames of a chain, and from which of its entries on.
#[derive(Clone, Copy)]
struct Part {
    from: usize,
    first: u32,
    end: u32,
}

/// What decoding took.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Decoded {
    /// Frames.
    pub frames: u64,
    /// Bytes that came out of decoding: of whole frames, and of bodies of deltas.
    pub bytes: u64,
}

/// The frame that lies decoded at the start of a work's raw buffer, by its digest, so that the next read may take it from there. Whoever uses that work
/// for anything else begins with none again.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lies(Digest);

impl Default for Lies {
    fn default() -> Lies {
        Lies(Digest::ZERO)
    }
}

/// What a frame of the base takes to be read.
#[derive(Clone, Copy, Default)]
struct Cost {
    /// Where it is stored whole.
    whole_bytes: u32,
    /// Bodies of deltas above that.
    body_bytes: u64,
    /// Ranges of the medium.
    reads: usize,
}

/// The base that a packed block was laid on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Base {
    /// Its id; zero if there is none.
    pub id: Id,
    /// Bases below the block.
    pub depth: u8,
}

impl Base {
    /// No base.
    pub const NONE: Base = Base { id: Id::ZERO, depth: 0 };
}

/// A block that was packed and lies in [`Work::packed`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PackedBlock {
    /// Its id.
    pub id: Id,
    /// Its bytes on the disk.
    pub raw_bytes: u32,
    /// Where it lies.
    pub packed: Packed,
    /// Digest of the frame table.
    pub digest: Digest,
    /// What it lies on.
    pub base: Base,
}

impl PackedBlock {
    /// What lies in `work` since it was packed.
    pub fn of(id: Id, raw_bytes: u32, packed: Packed, base: Base, shape: &Shape, work: &Work<'_>) -> PackedBlock {
        let head = packed.start.saturating_add(LEN);
        let table = work.packed.get(head..head.saturating_add(narrow(packed.head_bytes.into()))).unwrap_or(&[]);
        PackedBlock { id, raw_bytes, packed, digest: digest(shape.algorithm, table), base }
    }

    /// The header of its entry.
    pub fn header(&self) -> EntryHeader {
        EntryHeader {
            kind: Kind::Block { delta: self.base != Base::NONE },
            depth: self.base.depth,
            stored_bytes: self.packed.stored_bytes,
            head_bytes: self.packed.head_bytes,
            raw_bytes: self.raw_bytes,
            id: self.id,
            base: self.base.id,
            digest: self.digest,
        }
    }
}

/// What came of packing a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// It is zero.
    Zero,
    /// It is the one that was expected.
    Same,
    /// It is another, packed.
    New(PackedBlock),
}

/// A chain opened for reading.
#[derive(Clone, Copy)]
pub struct Stack<'a> {
    source: Source<'a>,
    chain: &'a Chain,
    shape: Shape,
    raw_bytes: u32,
}

impl<'a> Stack<'a> {
    /// The chain of a block of `raw_bytes`.
    pub fn new(source: Source<'a>, chain: &'a Chain, raw_bytes: u32) -> Stack<'a> {
        Stack { source, chain, shape: shape(&source.parameters), raw_bytes }
    }

    fn frames(&self) -> u32 {
        frame_count(self.raw_bytes, self.shape.frame_bytes)
    }

    fn level<'t>(&self, level: usize, table: &'t mut [u8]) -> Result<Level<'t>, Error> {
        let place = *self.chain.places().get(level).ok_or(Error::corrupt(Place::NONE, What::Absent))?;
        let corrupt = |what| Error::corrupt(place, what);
        let entry = self.source.entry(place, SEGMENT_BYTES_MAX.into())?;
        let Kind::Block { delta } = entry.kind else { return Err(corrupt(What::Id)) };
        let head_len = narrow(entry.head_bytes.into());
        if entry.raw_bytes != self.raw_bytes || head_len > table_bytes_max(self.frames()) {
            return Err(corrupt(What::Length));
        }
        let head = table.get_mut(..head_len).ok_or(Error::Memory { memory: Memory::Buffer, needed: wide(head_len) })?;
        self.source.read(payload_place(place), head)?;
        if digest(self.shape.algorithm, head) != entry.digest {
            return Err(corrupt(What::StoredDigest));
        }
        let table =
            FrameTable::parse(head, self.raw_bytes, self.shape.frame_bytes, entry.stored_bytes, delta).map_err(corrupt)?;
        Ok(Level { place, entry, table })
    }

    /// Finds out what the chain says of each frame of a part. `visit` is told each entry.
    fn resolve(
        &self,
        part: Part,
        known: &mut Known<'_>,
        table: &mut [u8],
        visit: &mut dyn FnMut(usize, &EntryHeader),
    ) -> Result<(), Error> {
        known.clear();
        let len = self.chain.places().len();
        for number in part.from..len.max(part.from.saturating_add(1)) {
            let level = self.level(number, table)?;
            visit(number, &level.entry);
            let number = u8::try_from(number).unwrap_or(KnownFrame::NONE);
            for listed in level.table.rows().filter(|listed| part.has(listed)) {
                let at = part.index(&listed);
                let mut frame = known.get(at);
                if frame.first == KnownFrame::NONE {
                    (frame.first, frame.plain) = (number, listed.row.plain());
                }
                if frame.whole == KnownFrame::NONE && !listed.row.is_delta() {
                    frame.whole = number;
                }
                known.set(at, &frame);
            }
        }
        // The last entry lists every frame, unless it lies on a base that nobody named.
        let resolved = (0..narrow(part.end.saturating_sub(part.first).into())).all(|at| known.get(at).whole != KnownFrame::NONE);
        resolved.then_some(()).ok_or(Error::corrupt(self.top(), What::Absent))
    }

    fn top(&self) -> Place {
        self.chain.places().first().copied().unwrap_or(Place::NONE)
    }

    /// Decodes the frames of a resolved part that `wanted` accepts into `raw`, which holds the part, from the deepest entry up. Reads through `stored`.
    /// Whether what results is right is told by its own digests, or by those of every stored byte that went into it.
    #[allow(clippy::too_many_arguments)] // buffers, each with its own use
    fn lay(
        &self,
        part: Part,
        known: &Known<'_>,
        wanted: &dyn Fn(&KnownFrame) -> bool,
        table: &mut [u8],
        stored: &mut [u8],
        body: &mut [u8],
        raw: &mut [u8],
        codecs: &mut dyn Codecs,
        verify: Verify,
    ) -> Result<(Decoded, Cost), Error> {
        let count = narrow(part.end.saturating_sub(part.first).into());
        let frames = (0..count).map(|at| known.get(at)).filter(|frame| wanted(frame));
        let Some(deepest) = frames.map(|frame| frame.whole).max() else { return Ok(Default::default()) };
        let (mut decoded, mut cost) = (Decoded::default(), Cost::default());
        for number in (part.from..=usize::from(deepest)).rev() {
            let level = self.level(number, table)?;
            let corrupt = |what| Error::corrupt(level.place, what);
            let is_used = |listed: &Listed| {
                let frame = if part.has(listed) { Some(known.get(part.index(listed))) } else { None };
                frame.is_some_and(|frame| wanted(&frame) && number <= usize::from(frame.whole))
            };
            let mut used = level.table.rows().filter(is_used);
            let Some(first) = used.next() else { continue };
            // All of it in one read: what is not used in between is little.
            let span = first.stored.start..used.last().unwrap_or(first).stored.end;
            let needed = Error::Memory { memory: Memory::Buffer, needed: wide(span.len()) };
            let bytes = stored.get_mut(..span.len()).ok_or(needed)?;
            let start = payload_place(level.place).offset.saturating_add(low32(wide(span.start)));
            self.source.read(Place::new(level.place.segment, start), bytes)?;
            cost.reads = cost.reads.saturating_add(1);
            for listed in level.table.rows().filter(is_used) {
                let within = listed.stored.start.saturating_sub(span.start)..listed.stored.end.saturating_sub(span.start);
                let bytes = bytes.get(within).ok_or(corrupt(What::Length))?;
                let to = raw.get_mut(self.range(&part, &listed)).ok_or(corrupt(What::Length))?;
                if let FrameBody::Delta { codec, body_bytes, .. } = listed.row.body {
                    if codec != CodecId::None && body.len() < narrow(body_bytes.into()) {
                        return Err(Error::Memory { memory: Memory::Buffer, needed: body_bytes.into() });
                    }
                    cost.body_bytes = cost.body_bytes.saturating_add(body_bytes.into());
                    decoded.bytes = decoded.bytes.saturating_add(body_bytes.into());
                } else {
                    cost.whole_bytes = listed.row.stored_bytes();
                    decoded.frames = decoded.frames.saturating_add(1);
                    decoded.bytes = decoded.bytes.saturating_add(listed.plain_bytes.into());
                }
                if let (Verify::Every, FrameBody::Raw { plain, .. }) = (verify, &listed.row.body) {
                    prove_frame(&self.shape, plain, bytes).map_err(corrupt)?;
                }
                lay_frame(&self.shape, &listed.row, bytes, to, body, codecs, verify).map_err(corrupt)?;
            }
        }
        // What is built of bytes that are as they were stored is as it was then; to know that takes fewer bytes than the frame has.
        let proved = if verify == Verify::Every { 0 } else { count };
        for at in 0..proved {
            let frame = known.get(at);
            if wanted(&frame) {
                let range = self.range_of(&part, part.first.saturating_add(low32(wide(at))));
                let plain = raw.get(range).ok_or(Error::corrupt(self.top(), What::Length))?;
                prove_frame(&self.shape, &frame.plain, plain).map_err(|what| Error::corrupt(self.top(), what))?;
            }
        }
        Ok((decoded, cost))
    }

    fn range(&self, part: &Part, listed: &Listed) -> Range<usize> {
        self.range_of(part, listed.row.index.into())
    }

    /// Where a frame lies in a buffer that holds the part.
    fn range_of(&self, part: &Part, frame: u32) -> Range<usize> {
        let start = narrow(u64::from(frame.saturating_sub(part.first)).saturating_mul(self.shape.frame_bytes.into()));
        start..start.saturating_add(narrow(frame_len(self.raw_bytes, self.shape.frame_bytes, frame).into()))
    }

    /// Decodes the whole block into `work.raw`; its digests must give `id`.
    pub fn read_whole(&self, id: &Id, work: &mut Work<'_>) -> Result<(), Error> {
        self.check(id, true, work)
    }

    /// Whether the chain gives the block: decodes the frames that lie on others, or `every` frame, and compares digests and id.
    /// What an entry's own bytes tell about it was checked before.
    pub fn check(&self, id: &Id, every: bool, work: &mut Work<'_>) -> Result<(), Error> {
        if self.raw_bytes > self.shape.block_bytes {
            return Err(Error::corrupt(self.top(), What::Length));
        }
        let Scratch { mut known, table, body, .. } = Scratch::of(&self.shape, self.raw_bytes, work.scratch)?;
        let part = Part { from: 0, first: 0, end: self.frames() };
        self.resolve(part, &mut known, table, &mut |_, _| {})?;
        let wanted = |frame: &KnownFrame| every || frame.first != frame.whole;
        self.lay(part, &known, &wanted, table, work.packed, body, work.raw, work.codecs, Verify::Plain)?;
        let mut hasher = BlockHasher::new(&self.shape, self.raw_bytes);
        (0..narrow(part.end.into())).for_each(|at| hasher.add(&known.get(at).plain));
        match hasher.id() == *id {
            true => Ok(()),
            false => Err(Error::corrupt(self.top(), What::Id)),
        }
    }

    /// The digest of a frame; zero for a frame of zeros.
    pub fn plain(&self, frame: u32, scratch: &mut [u8]) -> Result<Digest, Error> {
        let Scratch { mut known, table, .. } = Scratch::of(&self.shape, self.raw_bytes, scratch)?;
        self.resolve(Part { from: 0, first: frame, end: frame.saturating_add(1) }, &mut known, table, &mut |_, _| {})?;
        Ok(known.get(0).plain)
    }

    /// Fills `to` from `within` the block, decoding only the frames it touches; not one that lies decoded from the read before.
    pub fn read(&self, within: u32, to: &mut [u8], work: &mut Work<'_>, lies: &mut Lies) -> Result<Decoded, Error> {
        let frame_bytes = self.shape.frame_bytes.max(1);
        let end = u64::from(within).saturating_add(wide(to.len()));
        let part = Part { from: 0, first: within / frame_bytes, end: low32(pieces(end, frame_bytes.into())).min(self.frames()) };
        let Scratch { mut known, table, body, .. } = Scratch::of(&self.shape, self.raw_bytes, work.scratch)?;
        self.resolve(part, &mut known, table, &mut |_, _| {})?;
        let is_one = part.first.saturating_add(1) == part.end;
        let wanted = Lies(if is_one { known.get(0).plain } else { Digest::ZERO });
        let mut decoded = Decoded::default();
        if wanted == Lies::default() || *lies != wanted {
            *lies = Lies::default();
            (decoded, _) = self.lay(part, &known, &|_| true, table, work.packed, body, work.raw, work.codecs, Verify::Plain)?;
            *lies = wanted;
        }
        let start = u64::from(part.first).saturating_mul(frame_bytes.into());
        copy_overlap(start, work.raw, within.into(), to);
        Ok(decoded)
    }
}

impl Part {
    fn has(&self, listed: &Listed) -> bool {
        (self.first..self.end).contains(&listed.row.index.into())
    }

    fn index(&self, listed: &Listed) -> usize {
        narrow(u32::from(listed.row.index).saturating_sub(self.first).into())
    }
}

/// Copies what two ranges of a block have in common.
fn copy_overlap(from_start: u64, from: &[u8], to_start: u64, to: &mut [u8]) {
    let start = from_start.max(to_start);
    let end = from_start.saturating_add(wide(from.len())).min(to_start.saturating_add(wide(to.len())));
    let range = |base: u64| narrow(start.saturating_sub(base))..narrow(end.saturating_sub(base));
    if let (Some(from), Some(to)) = (from.get(range(from_start)), to.get_mut(range(to_start))) {
        gather(to, 0, from);
    }
}

/// What was done about a frame that was asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filled {
    /// It was put in place.
    Read,
    /// It was not: it is as in the base.
    Kept,
}

/// Asked for a frame: its number, its offset in the block, where to put it, and whether there is a base it may be kept from.
type ReadFrame<'r> = dyn FnMut(u32, u32, &mut [u8], bool) -> Result<Filled, Error> + 'r;

impl Stack<'_> {
    /// Packs a block, on the one that the chain gives, whose id is `expected`, if there is one. `read` is asked for each frame: its number, its
    /// offset in the block, where to put it, and whether there is a base it may be kept from. The chain is read once a frame is kept, or once the
    /// block is known to be another.
    pub fn pack(&self, expected: Id, work: &mut Work<'_>, read: &mut ReadFrame<'_>) -> Result<Packing, Error> {
        let Work { raw, packed, scratch, codecs } = work;
        let mut work = Work { raw, packed, scratch: &mut [], codecs: *codecs };
        if !self.chain.is_none() {
            match self.pack_on(expected, &mut work, scratch, read) {
                // What cannot be read, or not with the codecs that are here, is nothing to build on.
                Err(error) if error.is_damage() => {}
                Err(Error::Corrupt { what: What::UnknownCodec, .. }) => {}
                packed => return packed,
            }
        }
        let id = fill(&self.shape, self.raw_bytes, &mut work, |frame, within, to| read(frame, within, to, false).map(|_| None))?;
        match known_already(id, expected) {
            Some(packing) => Ok(packing),
            None => {
                let packed = encode(&self.shape, self.raw_bytes, &mut work)?;
                Ok(Packing::New(PackedBlock::of(id, self.raw_bytes, packed, Base::NONE, &self.shape, &work)))
            }
        }
    }

    fn pack_on(&self, expected: Id, work: &mut Work<'_>, scratch: &mut [u8], read: &mut ReadFrame<'_>) -> Result<Packing, Error> {
        let mut ground = Ground::of(*self, scratch);
        let id = fill(&self.shape, self.raw_bytes, work, |frame, within, to| {
            match (read(frame, within, to, ground.is_some())?, &mut ground) {
                (Filled::Kept, Some(ground)) => ground.survey().map(|()| Some(ground.plain(frame))),
                _ => Ok(None),
            }
        })?;
        if let Some(packing) = known_already(id, expected) {
            return Ok(packing);
        }
        let (packed, base) = match ground {
            Some(ground) => ground.pack(&id, work)?,
            None => (encode(&self.shape, self.raw_bytes, work)?, Base::NONE),
        };
        Ok(Packing::New(PackedBlock::of(id, self.raw_bytes, packed, base, &self.shape, work)))
    }
}

fn known_already(id: Id, expected: Id) -> Option<Packing> {
    match id {
        Id::ZERO => Some(Packing::Zero),
        id if id == expected => Some(Packing::Same),
        _ => None,
    }
}

/// The base that a block is going to be packed on: what its chain says of it.
struct Ground<'s, 'a> {
    stack: Stack<'a>,
    scratch: Scratch<'s>,
    /// Whether the chain was read.
    surveyed: bool,
    /// Stored bytes of each entry.
    stored_bytes: [u32; LEN_MAX],
    /// Ranges of frames that were read.
    reads: usize,
}

/// The most ranges of frames of a base that are read to pack one block: what a step may read, but for header and table of each entry.
const READS_MAX: usize = READS_A_STEP.saturating_sub(2 * LEN_MAX);

impl<'s, 'a> Ground<'s, 'a> {
    /// None where there is no chain, or not enough memory to pack on it.
    fn of(stack: Stack<'a>, scratch: &'s mut [u8]) -> Option<Ground<'s, 'a>> {
        let scratch = Scratch::of(&stack.shape, stack.raw_bytes, scratch).ok()?;
        let packs = !stack.chain.is_none() && scratch.can_write(&stack.shape);
        packs.then_some(Ground { stack, scratch, surveyed: false, stored_bytes: [0; LEN_MAX], reads: 0 })
    }

    /// Reads the tables of the chain, unless that was done.
    fn survey(&mut self) -> Result<(), Error> {
        if self.surveyed {
            return Ok(());
        }
        let Ground { stack, scratch: Scratch { known, table, .. }, stored_bytes, .. } = self;
        stack.resolve(stack.all(0), known, table, &mut |number, entry| {
            if let Some(bytes) = stored_bytes.get_mut(number) {
                *bytes = entry.stored_bytes;
            }
        })?;
        self.surveyed = true;
        Ok(())
    }

    /// The digest of a frame of the base, once that was surveyed.
    fn plain(&self, frame: u32) -> Digest {
        self.scratch.known.get(narrow(frame.into())).plain
    }

    /// Packs the block that was filled last on the base, or on one of the base's own where the chain has become too long.
    fn pack(mut self, id: &Id, work: &mut Work<'_>) -> Result<(Packed, Base), Error> {
        self.survey()?;
        let places = self.stack.chain.places();
        let [draw, ..] = id.0;
        let from = choose(self.stored_bytes.get(..places.len()).unwrap_or(&[]), self.stack.raw_bytes, draw);
        let place = *places.get(from).ok_or(Error::corrupt(self.stack.top(), What::Absent))?;
        let base = self.stack.source.entry(place, SEGMENT_BYTES_MAX.into())?;
        if from > 0 {
            self.stack.resolve(self.stack.all(from), &mut self.scratch.known, self.scratch.table, &mut |_, _| {})?;
        }
        let mut packer = Packer::of(&self.stack.shape, self.stack.raw_bytes, work)?;
        for frame in 0..packer.frames() {
            self.pack_frame(frame, from, &mut packer)?;
        }
        let is_last = from > 0 && from.saturating_add(1) == places.len();
        if is_last && self.is_whole_cheaper(packer.frames_bytes()) {
            packer.restart();
            for frame in 0..packer.frames() {
                self.pack_whole(frame, from, &mut packer)?;
            }
        }
        let packed = packer.finish()?;
        if packed.based && base.id == *id {
            // It has become what it was, and yet is not found by its id: then it is to be stored, and not as nothing but its own base.
            return Err(Error::corrupt(place, What::Id));
        }
        let depth = base.depth.saturating_add(1);
        Ok((packed, if packed.based { Base { id: base.id, depth } } else { Base::NONE }))
    }

    fn pack_frame(&mut self, frame: u32, from: usize, packer: &mut Packer<'_>) -> Result<(), Error> {
        let plain = packer.plain(frame)?;
        let in_base = self.plain(frame);
        if plain == in_base {
            return packer.keep(frame);
        }
        if packer.is_kept(frame)? {
            // As in the chain's top, but not as in the entry that is built on.
            self.fetch(frame, 0, packer)?;
        }
        if plain == Digest::ZERO || !self.may_read() {
            return packer.put_whole(frame);
        }
        let cost = self.read_frame(from, frame, packer.codecs())?;
        let Scratch { body, base, stored, .. } = &mut self.scratch;
        let len = packer.frame(frame).len();
        // Reading a frame decodes no more than twice its length: itself, and changes to it.
        let room = wide(len).saturating_sub(cost.body_bytes);
        packer.put_changes(frame, base.get(..len).unwrap_or(&[]), cost.whole_bytes, narrow(room), body, stored)
    }

    /// Stores a frame whole that was packed on the entry `from` before.
    fn pack_whole(&mut self, frame: u32, from: usize, packer: &mut Packer<'_>) -> Result<(), Error> {
        if packer.is_kept(frame)? {
            // As in that entry, which need not be as in the chain's top.
            self.fetch(frame, from, packer)?;
        }
        packer.list(frame)?;
        packer.put_whole(frame)
    }

    /// Puts a frame in its place that may not have been read from the disk, since it is as in the entry `from`.
    fn fetch(&mut self, frame: u32, from: usize, packer: &mut Packer<'_>) -> Result<(), Error> {
        if !self.may_read() {
            return Err(Error::corrupt(self.stack.top(), What::Length));
        }
        self.read_frame(from, frame, packer.codecs())?;
        let len = packer.frame(frame).len();
        let in_base = self.scratch.base.get(..len).unwrap_or(&[]);
        copy(packer.frame_mut(frame), in_base).map_err(|what| Error::corrupt(self.stack.top(), what))?;
        packer.list(frame)
    }

    /// Whether another frame can be read within what one step may read. If not, frames are stored whole, or all of the block is.
    fn may_read(&self) -> bool {
        self.reads.saturating_add(LEN_MAX) <= READS_MAX
    }

    /// Reads a frame as it is in the entry `from`.
    fn read_frame(&mut self, from: usize, frame: u32, codecs: &mut dyn Codecs) -> Result<Cost, Error> {
        let Scratch { table, body, base, stored, .. } = &mut self.scratch;
        let cost = self.stack.read_frame(from, frame, table, stored, body, base, codecs)?;
        self.reads = self.reads.saturating_add(cost.reads);
        Ok(cost)
    }

    /// Whether a block all of whose changes were merged into `merged_bytes` is better stored whole. That takes more, but gives a chain that can
    /// take as much as the block has bytes until it is to be merged again; the merged one takes that much less, and when little is left of that
    /// it would be stored again for each write.
    fn is_whole_cheaper(&self, merged_bytes: u64) -> bool {
        let last = self.stack.chain.places().len().saturating_sub(1);
        let whole_bytes = u64::from(self.stored_bytes.get(last).copied().unwrap_or(0));
        let raw_bytes = u64::from(self.stack.raw_bytes);
        let left = raw_bytes.saturating_sub(merged_bytes);
        merged_bytes.saturating_mul(raw_bytes) >= whole_bytes.saturating_mul(left)
    }
}

impl Stack<'_> {
    fn all(&self, from: usize) -> Part {
        Part { from, first: 0, end: self.frames() }
    }

    /// Decodes one frame as it is in the entry `from` into the start of `to`.
    #[allow(clippy::too_many_arguments)] // buffers, each with its own use
    fn read_frame(
        &self,
        from: usize,
        frame: u32,
        table: &mut [u8],
        stored: &mut [u8],
        body: &mut [u8],
        to: &mut [u8],
        codecs: &mut dyn Codecs,
    ) -> Result<Cost, Error> {
        let mut one = [0; crate::frame::KNOWN_BYTES];
        let mut known = Known::over(&mut one);
        let part = Part { from, first: frame, end: frame.saturating_add(1) };
        self.resolve(part, &mut known, table, &mut |_, _| {})?;
        let (_, cost) = self.lay(part, &known, &|_| true, table, stored, body, to, codecs, Verify::Every)?;
        Ok(cost)
    }
}

/// From how many entries on the chain is merged; drawn anew for each write, so that blocks written together are not merged together.
const MERGE_FROM: u8 = 8;
const MERGE_SPREAD: u8 = 41;

/// The entry to build on: the top, or, where the chain has become long, the one below as many entries as it is cheap to merge with what is new.
///
/// Merging the top j entries stores their bytes once more and makes the chain j shorter, so the j is taken that costs least for each. The limit is
/// drawn from the new block's id, which is as good as random and yet the same for everyone. What lies above the whole entry is held to the
/// block's own length, so that reading a block reads at most twice that.
fn choose(stored_bytes: &[u32], raw_bytes: u32, draw: u8) -> usize {
    let depth = stored_bytes.len().saturating_sub(1);
    let above = stored_bytes.get(..depth).unwrap_or(&[]);
    if above.iter().copied().map(u64::from).sum::<u64>() > raw_bytes.into() {
        return depth;
    }
    let limit = usize::from(MERGE_FROM.saturating_add(draw % MERGE_SPREAD)).min(BLOCK_DEPTH_MAX.into());
    if depth < limit {
        return 0;
    }
    // What is new is taken to be as long as what was new last.
    let mut sum = above.first().copied().map_or(0, u64::from);
    let mut best = (u64::MAX, 0);
    for (merged, bytes) in (1..).zip(above) {
        sum = sum.saturating_add(u64::from(*bytes));
        best = best.min((sum / wide(merged), merged));
    }
    best.1
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use std::vec::Vec;

    struct Random(u64);

    impl Random {
        fn below(&mut self, end: u32) -> u32 {
            self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            u32::try_from(self.0 >> 33).unwrap() % end
        }

        fn byte(&mut self) -> u8 {
            u8::try_from(self.below(256)).unwrap()
        }
    }

    fn place(number: u32) -> Place {
        Place::new(crate::types::SegmentNumber(number), 128)
    }

    #[test]
    fn a_chain_takes_as_many_places_as_depths_allow() {
        let mut chain = Chain::NONE;
        assert!(chain.is_none() && !chain.is_based() && chain.pop().is_none());
        for number in 0..40 {
            chain.push(place(number));
            assert_eq!(chain.places().len(), LEN_MAX.min(narrow(u64::from(number) + 1)));
            assert_eq!((chain.is_none(), chain.is_based()), (false, number > 0));
        }
        assert_eq!(chain.places().to_vec(), (0..32).map(place).collect::<Vec<_>>());
        assert_eq!(
            (0..33).map(|_| chain.pop()).collect::<Vec<_>>(),
            (0..33).map(|n| 31u32.checked_sub(n).map(place)).collect::<Vec<_>>()
        );
    }

    #[test]
    fn what_two_ranges_have_in_common_is_copied() {
        for (from_start, from_len) in [(0, 0), (0, 4), (3, 5), (8, 4)] {
            for (to_start, to_len) in [(0, 12), (2, 3), (4, 1), (7, 5), (12, 3), (5, 0)] {
                let from: Vec<u8> = (0..from_len).map(|at| u8::try_from(from_start + at + 1).unwrap()).collect();
                let mut to = std::vec![0; usize::try_from(to_len).unwrap()];
                copy_overlap(from_start, &from, to_start, &mut to);
                let expected = (to_start..to_start + to_len).map(|at| {
                    let held = (from_start..from_start + from_len).contains(&at);
                    if held { u8::try_from(at + 1).unwrap() } else { 0 }
                });
                assert_eq!(to, expected.collect::<Vec<u8>>(), "{from_start} {from_len} {to_start} {to_len}");
            }
        }
    }

    #[test]
    fn what_is_built_on_leaves_room_for_one_more() {
        let mut random = Random(1);
        for len in 1..=LEN_MAX {
            for _ in 0..2000 {
                let most = [1, 100, 10_000, 1 << 22][usize::try_from(random.below(4)).unwrap()];
                let stored: Vec<u32> = (0..len).map(|_| random.below(most)).collect();
                let raw_bytes = 1 << (12 + random.below(11));
                let from = choose(&stored, raw_bytes, random.byte());
                assert!(from < len, "one of the chain");
                assert!(len - from < LEN_MAX, "the new entry lies on {} others", len - from);
                let above: u64 = stored[..len - 1].iter().copied().map(u64::from).sum();
                assert!(above <= raw_bytes.into() || from == len - 1, "all is merged that takes more than the block");
            }
        }
        for draw in 0..=255 {
            assert_eq!(choose(&[u32::MAX; LEN_MAX], u32::MAX, draw), 31);
            assert_eq!(choose(&[u32::MAX], 1, draw), 0);
            assert!(choose(&[0; LEN_MAX], 1, draw) > 0);
        }
    }

    #[test]
    fn the_cheapest_to_merge_is_merged_once_the_chain_is_long() {
        // With the least draw from 8 entries above the whole one on, with the greatest at 31 only.
        let long = |above: &[u32]| [above, &[1 << 20]].concat();
        assert_eq!(choose(&long(&[5000; 7]), 1 << 22, 0), 0);
        assert_eq!(choose(&long(&[5000; 8]), 1 << 22, 0), 8, "of equal ones all");
        assert_eq!(choose(&long(&[5000; 30]), 1 << 22, 40), 0);
        assert_eq!(choose(&long(&[5000; 31]), 1 << 22, 40), 31);
        assert_eq!(choose(&long(&[10, 10, 10, 9000, 10, 10, 10, 10]), 1 << 22, 0), 3, "not what costs much");
        assert_eq!(choose(&long(&[10, 4, 4, 4, 4, 4, 4, 4]), 20, 0), 8, "more than the block has");
    }

    /// So many writes of 4 KiB at random places of a block of 4 MiB, each in an increment of its own: bytes stored, and the longest chain.
    fn life(writes: usize, random: &mut Random) -> (u32, usize) {
        const PIECE: u32 = 4096;
        let (mut total, mut longest) = (0, 0);
        let mut chain: Vec<std::collections::BTreeSet<u32>> = std::vec![(0..1024).collect()];
        for _ in 0..writes {
            let bytes = |written: &std::collections::BTreeSet<u32>| u32::try_from(written.len()).unwrap() * PIECE;
            let from = choose(&chain.iter().map(bytes).collect::<Vec<_>>(), 1 << 22, random.byte());
            let mut new: std::collections::BTreeSet<u32> = chain.drain(..from).flatten().collect();
            new.insert(random.below(1024));
            total += bytes(&new);
            chain.insert(0, new);
            longest = longest.max(chain.len());
        }
        (total / PIECE, longest)
    }

    #[test]
    fn merging_costs_about_as_much_again_as_what_is_written() {
        let mut random = Random(3);
        for (writes, most) in [(16, 160), (64, 220), (256, 300)] {
            let lives: Vec<(u32, usize)> = (0..200).map(|_| life(writes, &mut random)).collect();
            let total: u32 = lives.iter().map(|(total, _)| total).sum();
            let percent = total / 2 / u32::try_from(writes).unwrap();
            assert!((100..=most).contains(&percent), "{percent} % of what was written for {writes} increments");
            assert!(lives.iter().all(|(_, longest)| *longest <= LEN_MAX));
        }
        // Blocks that are written together are not merged together: no increment stores all they have.
        let lens: std::collections::BTreeSet<usize> =
            (0..=255).map(|draw| (1..).find(|&len| len > 1 && choose(&std::vec![1; len], 1 << 22, draw) > 0).unwrap()).collect();
        assert_eq!(lens.len(), 24, "a limit from 8 to 31: {lens:?}");
    }
}
