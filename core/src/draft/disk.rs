//! A draft as a disk: bytes are written at any offset and in any order, and read back, before it becomes a version.
//!
//! Frames that were touched lie in lent memory until there are more of them than that holds, or until a flush. Then a block is stored with
//! all of its frames that changed, as changes to the block the draft had there: a few sectors written cost little more than themselves. What was
//! stored lies in the draft's manifest, and is durable with the next flush.
//!
//! Where the disk has grown or shrunk since what the draft began on, what is behind the old end is zero, and what is behind the new one is gone.

use super::Draft;
use crate::chain::{Chain, Filled, Lies, Packing, Stack};
use crate::error::{Error, Memory, What};
use crate::format::bytes::copy;
use crate::frame::Work;
use crate::manifest::{block_len, blocks};
use crate::store::{Purpose, Store};
use crate::types::{Id, Link, Place, low32, narrow, pieces, wide};
use core::ops::Range;

/// A frame in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Held {
    block: u64,
    frame: u32,
    state: State,
    /// When it was used last.
    used: u64,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    Free,
    /// As it is stored.
    Clean,
    /// Written since.
    Dirty,
}

impl Held {
    /// Holds no frame.
    pub const FREE: Held = Held { block: 0, frame: 0, state: State::Free, used: 0 };
}

/// Memory for frames: as many as both have room for, at least one.
pub struct Frames<'m> {
    /// Which they are.
    pub held: &'m mut [Held],
    /// Their bytes, one after another.
    pub bytes: &'m mut [u8],
}

/// A draft that is read and written as a disk.
pub struct DraftDisk<'a, 'm> {
    draft: Draft<'a>,
    frames: Frames<'m>,
    block_bytes: u32,
    frame_bytes: u32,
    uses: u64,
    /// Blocks that may still be as long as the disk's old end had them: the last that was, and the last that is.
    edges: [Option<u64>; 2],
}

/// The part of a frame that an access touches.
struct Touch {
    block: u64,
    frame: u32,
    /// Of the frame.
    within: Range<usize>,
    /// Whether it is all of the frame.
    whole: bool,
}

impl<'a, 'm> DraftDisk<'a, 'm> {
    /// Makes a disk of a draft.
    pub fn new(store: &Store<'_>, draft: Draft<'a>, frames: Frames<'m>) -> Result<DraftDisk<'a, 'm>, Error> {
        let (block_bytes, frame_bytes) = (store.parameters().block_bytes(), store.parameters().frame_bytes());
        let count = frames.held.len().min(frames.bytes.len() / narrow(frame_bytes.into()).max(1));
        if count == 0 {
            return Err(Error::Memory { memory: Memory::Buffer, needed: frame_bytes.into() });
        }
        let Frames { held, bytes } = frames;
        let held = held.get_mut(..count).unwrap_or_default();
        held.fill(Held::FREE);
        let blocks = blocks(draft.description.disk_size, block_bytes);
        let edges = [draft.start_blocks.min(blocks).checked_sub(1), blocks.checked_sub(1)];
        Ok(DraftDisk { draft, frames: Frames { held, bytes }, block_bytes, frame_bytes, uses: 0, edges })
    }

    /// Bytes of the disk.
    pub fn size(&self) -> u64 {
        self.draft.description().disk_size
    }

    /// The draft. What is in memory it does not know of.
    pub fn draft(&self) -> &Draft<'a> {
        &self.draft
    }

    /// Fills `to` from `offset`.
    pub fn read_at(&mut self, offset: u64, to: &mut [u8], store: &mut Store<'_>, work: &mut Work<'_>) -> Result<(), Error> {
        self.check_range(offset, wide(to.len()))?;
        let (mut at, mut to) = (offset, to);
        while !to.is_empty() {
            let touch = self.touch(at, wide(to.len()));
            let len = touch.within.len();
            let slot = self.load(&touch, store, work)?;
            let (part, rest) = core::mem::take(&mut to).split_at_mut_checked(len).unwrap_or_default();
            copy(part, self.bytes(slot).get(touch.within).unwrap_or(&[])).map_err(|_| too_small(len))?;
            (at, to) = (at.saturating_add(wide(len)), rest);
        }
        Ok(())
    }

    /// Writes all of `from` at `offset`.
    pub fn write_at(&mut self, offset: u64, from: &[u8], store: &mut Store<'_>, work: &mut Work<'_>) -> Result<(), Error> {
        self.check_range(offset, wide(from.len()))?;
        let (mut at, mut from) = (offset, from);
        while !from.is_empty() {
            let touch = self.touch(at, wide(from.len()));
            let (part, rest) = from.split_at_checked(touch.within.len()).unwrap_or_default();
            self.put(&touch, Some(part), store, work)?;
            (at, from) = (at.saturating_add(wide(part.len())), rest);
        }
        Ok(())
    }

    /// Makes a range zero. Whole blocks of it cost next to nothing.
    pub fn zero(&mut self, offset: u64, len_bytes: u64, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<(), Error> {
        self.check_range(offset, len_bytes)?;
        let end = offset.saturating_add(len_bytes);
        let block_bytes = u64::from(self.block_bytes).max(1);
        let first = pieces(offset, block_bytes);
        let behind = if end == self.size() { pieces(end, block_bytes) } else { end / block_bytes };
        let whole = first.saturating_mul(block_bytes)..behind.saturating_mul(block_bytes).min(end);
        let mut at = offset;
        while at < end {
            if at == whole.start && first < behind {
                for held in self.frames.held.iter_mut().filter(|held| (first..behind).contains(&held.block)) {
                    *held = Held::FREE;
                }
                store.begin(Purpose::Ordinary)?;
                self.draft.zero_blocks(first, behind.saturating_sub(first), store)?;
                at = whole.end;
                continue;
            }
            let touch = self.touch(at, end.saturating_sub(at));
            self.put(&touch, None, store, work)?;
            at = at.saturating_add(wide(touch.within.len()));
        }
        Ok(())
    }

    /// The draft, to say something else of it.
    pub fn draft_mut(&mut self) -> &mut Draft<'a> {
        &mut self.draft
    }

    /// Makes everything written so far durable: a checkpoint, which a later run may go on from. `position` is how far the disk is done, for a
    /// writer that goes from its start to its end; 0 for any other.
    pub fn flush(&mut self, position: u64, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<(), Error> {
        self.settle(store, work)?;
        store.warm()?;
        self.draft.checkpoint(position, store)?;
        store.commit()
    }

    /// Stores what is in memory, and says which root the version is going to have.
    pub fn root(&mut self, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<Id, Error> {
        self.settle(store, work)?;
        self.draft.root(store)
    }

    /// Makes a version of it; the version's id and its record.
    pub fn finish(&mut self, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<(Id, Link), Error> {
        self.settle(store, work)?;
        store.warm()?;
        let finished = self.draft.finish(false, store)?;
        store.commit()?;
        Ok(finished)
    }

    /// Makes it a draft that is done, durably, which becomes a version with the others of its group. The version's id, and the draft's record.
    pub fn hold(&mut self, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<(Id, Link), Error> {
        self.settle(store, work)?;
        store.warm()?;
        let held = self.draft.hold(false, store)?;
        store.commit()?;
        Ok(held)
    }

    /// Forgets it, its checkpoint too; true if there is something to commit.
    pub fn abandon(self, store: &mut Store<'_>) -> Result<bool, Error> {
        if self.draft.key.is_some() {
            store.begin(Purpose::Ordinary)?;
        }
        self.draft.abandon(store)
    }

    fn check_range(&self, offset: u64, len_bytes: u64) -> Result<(), Error> {
        match offset.checked_add(len_bytes) {
            Some(end) if end <= self.size() => Ok(()),
            _ => Err(Error::Disk { offset, kind: embedded_io::ErrorKind::InvalidInput }),
        }
    }

    /// What an access of `len_bytes` at `offset` touches of the first frame it touches.
    fn touch(&self, offset: u64, len_bytes: u64) -> Touch {
        let (block_bytes, frame_bytes) = (u64::from(self.block_bytes).max(1), u64::from(self.frame_bytes).max(1));
        let (block, in_block) = (offset / block_bytes, offset % block_bytes);
        let (frame, in_frame) = (in_block / frame_bytes, in_block % frame_bytes);
        let start = offset.saturating_sub(in_frame);
        // A frame ends with itself, with its block (frames divide blocks), or with the disk.
        let frame_len = frame_bytes.min(self.size().saturating_sub(start));
        let len = len_bytes.min(frame_len.saturating_sub(in_frame));
        let within = narrow(in_frame)..narrow(in_frame.saturating_add(len));
        Touch { block, frame: low32(frame), whole: len == frame_len, within }
    }

    fn frame_range(&self, slot: usize) -> Range<usize> {
        let frame = narrow(self.frame_bytes.into());
        let start = slot.saturating_mul(frame);
        start..start.saturating_add(frame)
    }

    fn bytes(&self, slot: usize) -> &[u8] {
        self.frames.bytes.get(self.frame_range(slot)).unwrap_or(&[])
    }

    fn put(&mut self, touch: &Touch, from: Option<&[u8]>, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<(), Error> {
        let slot = match touch.whole {
            true => self.slot(touch, store, work)?,
            false => self.load(touch, store, work)?,
        };
        let range = self.frame_range(slot);
        let frame = self.frames.bytes.get_mut(range).unwrap_or(&mut []);
        let to = frame.get_mut(touch.within.clone()).ok_or(too_small(touch.within.len()))?;
        match from {
            Some(from) => copy(to, from).map_err(|_| too_small(from.len()))?,
            None => to.fill(0),
        }
        self.mark(slot, touch, State::Dirty);
        Ok(())
    }

    fn mark(&mut self, slot: usize, touch: &Touch, state: State) {
        self.uses = self.uses.saturating_add(1);
        if let Some(held) = self.frames.held.get_mut(slot) {
            *held = Held { block: touch.block, frame: touch.frame, state, used: self.uses };
        }
    }

    fn find(&self, block: u64, frame: u32) -> Option<usize> {
        let is_it = |held: &Held| held.state != State::Free && held.block == block && held.frame == frame;
        self.frames.held.iter().position(is_it)
    }

    /// A frame, with its bytes as they are now.
    fn load(&mut self, touch: &Touch, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<usize, Error> {
        if let Some(slot) = self.find(touch.block, touch.frame) {
            return Ok(slot);
        }
        let slot = self.slot(touch, store, work)?;
        let id = self.draft.block(touch.block, store)?;
        let range = self.frame_range(slot);
        let raw_bytes = self.block_len(touch.block);
        let within = touch.frame.saturating_mul(self.frame_bytes);
        let frame = self.frames.bytes.get_mut(range).unwrap_or(&mut []);
        let len = narrow(raw_bytes.saturating_sub(within).min(self.frame_bytes).into());
        let frame = frame.get_mut(..len).ok_or(too_small(len))?;
        if id.is_zero() {
            frame.fill(0);
        } else {
            let (found, chain) = store.chain(&id)?.ok_or(Error::corrupt(Place::NONE, What::Absent))?;
            let stored_bytes = found.entry.raw_bytes;
            let (stored, behind) = frame.split_at_mut(len.min(narrow(stored_bytes.saturating_sub(within).into())));
            behind.fill(0);
            Stack::new(store.source(), &chain, stored_bytes).read(within, stored, work, &mut Lies::default())?;
        }
        self.mark(slot, touch, State::Clean);
        Ok(slot)
    }

    fn block_len(&self, block: u64) -> u32 {
        block_len(self.size(), self.block_bytes, block)
    }

    /// Where to put a frame: where it is, where none is, or in the place of the one used longest ago.
    fn slot(&mut self, touch: &Touch, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<usize, Error> {
        if let Some(slot) = self.find(touch.block, touch.frame) {
            return Ok(slot);
        }
        let held = self.frames.held.iter().enumerate();
        let oldest = held.min_by_key(|(_, held)| if held.state == State::Free { 0 } else { held.used });
        let (slot, held) = oldest.map(|(slot, held)| (slot, *held)).ok_or(too_small(1))?;
        if held.state == State::Dirty {
            self.store_block(held.block, store, work)?;
        }
        if let Some(held) = self.frames.held.get_mut(slot) {
            *held = Held::FREE;
        }
        Ok(slot)
    }

    /// Stores every block of which something was written.
    fn settle(&mut self, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<(), Error> {
        store.begin(Purpose::Ordinary)?;
        // In the order of the disk, so that manifest pages are met once.
        while let Some(block) = self.frames.held.iter().filter(|held| held.state == State::Dirty).map(|held| held.block).min() {
            self.store_block(block, store, work)?;
        }
        self.fit_edges(store, work)
    }

    /// Blocks that lie where the disk's end was, or is now, are stored as long as they are now, also where nothing was written to them.
    fn fit_edges(&mut self, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<(), Error> {
        for block in self.edges.into_iter().flatten() {
            let id = self.draft.block(block, store)?;
            let found = if id.is_zero() { None } else { store.chain(&id)? };
            if found.is_some_and(|(found, _)| found.entry.raw_bytes != self.block_len(block)) {
                self.store_block(block, store, work)?;
            }
        }
        self.edges = [None; 2];
        Ok(())
    }

    fn store_block(&mut self, block: u64, store: &mut Store<'_>, work: &mut Work<'_>) -> Result<(), Error> {
        store.begin(Purpose::Ordinary)?;
        let id = self.draft.block(block, store)?;
        let found = if id.is_zero() { None } else { store.chain(&id)? };
        // While damage is known nothing is built on what is stored; and never on a block of another length.
        let is_base = |stored_bytes| !store.is_damaged() && stored_bytes == self.block_len(block);
        let chain = found.filter(|(found, _)| is_base(found.entry.raw_bytes)).map_or(Chain::NONE, |(_, chain)| chain);
        // A block that cannot be read is not there: the same bytes, written again, are to be stored again.
        let expected = found.map_or(Id::ZERO, |_| id);
        let rest = if id.is_zero() { Rest::Zeros } else { Rest::Base };
        let packing = match self.pack(block, expected, &chain, rest, store, work) {
            Err(error) if error.is_damage() => {
                // Frames that are not in memory come from the block as it is, if that can be read.
                let (found, whole) = found.ok_or(error)?;
                Stack::new(store.source(), &whole, found.entry.raw_bytes).read_whole(&id, work)?;
                work.raw.get_mut(narrow(found.entry.raw_bytes.into())..).unwrap_or(&mut []).fill(0);
                self.pack(block, expected, &Chain::NONE, Rest::Read, store, work)?
            }
            packing => packing?,
        };
        match packing {
            Packing::Same => {}
            Packing::Zero => self.draft.set_block(block, Id::ZERO, store)?,
            Packing::New(packed) => {
                self.draft.put_block(&packed, store, work)?;
                self.draft.set_block(block, packed.id, store)?;
            }
        }
        for held in self.frames.held.iter_mut().filter(|held| held.state == State::Dirty && held.block == block) {
            held.state = State::Clean;
        }
        Ok(())
    }

    /// Packs a block of frames in memory and others.
    fn pack(
        &self,
        block: u64,
        expected: Id,
        chain: &Chain,
        rest: Rest,
        store: &Store<'_>,
        work: &mut Work<'_>,
    ) -> Result<Packing, Error> {
        let stack = Stack::new(store.source(), chain, self.block_len(block));
        stack.pack(expected, work, &mut |frame, _, to, base| match (self.find(block, frame), rest) {
            (Some(slot), _) => {
                let held = self.bytes(slot).get(..to.len()).unwrap_or(&[]);
                copy(to, held).map_err(|_| too_small(to.len()))?;
                Ok(Filled::Read)
            }
            (None, Rest::Read) => Ok(Filled::Read),
            (None, Rest::Zeros) => {
                to.fill(0);
                Ok(Filled::Read)
            }
            (None, Rest::Base) if base => Ok(Filled::Kept),
            (None, Rest::Base) => Err(Error::corrupt(Place::NONE, What::Absent)),
        })
    }
}

/// Where the frames of a block come from that are not in memory.
#[derive(Clone, Copy)]
enum Rest {
    /// There is no block.
    Zeros,
    /// They are as in the base.
    Base,
    /// [`Work::raw`] holds them.
    Read,
}

fn too_small(needed: usize) -> Error {
    Error::Memory { memory: Memory::Buffer, needed: wide(needed) }
}
