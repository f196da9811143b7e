//! backup: a disk becomes a version; full, on a base, or continued from a checkpoint.
//!
//! Unchanged blocks cost one reading and hashing. A block that is stored already is not stored again; while damage is known, that is asked of its
//! whole chain, and nothing builds on the base, so that what was damaged is stored anew.

mod start;

pub use start::Start;

use crate::chain::Chain;
use crate::disk::{Disk, Wanted};
use crate::draft::{Description, Draft};
use crate::error::{Error, Refusal};
use crate::format::block::{frame_count, frame_len};
use crate::format::commit::Root;
use crate::format::entry::TreeKind;
use crate::format::page::ROWS_MAX;
use crate::format::record::HintSource;
use crate::frame::Work;
use crate::manifest::{self, Reach, block_len, blocks};
use crate::store::{Purpose, Sought, Store};
use crate::task::{Event, Job, Next, Outcome, Piece, Task};
use crate::tree::Cursor;
use crate::types::{Id, Link, low32};

/// How to back up.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// The disk's name.
    pub name: &'a str,
    /// The snapshot's name; may be empty.
    pub snapshot: &'a str,
    /// What the source is, as its host names it.
    pub source: &'a str,
    /// The group; zeros if none.
    pub group: [u8; 16],
    /// What to build on.
    pub start: Start,
    /// Who told the disk what changed since the base, and in which words the record says so; nobody, if the disk itself knows nothing of it.
    pub hints: (HintSource, &'a str),
    /// How many frames of which hints say nothing are compared with the base before anything is written.
    pub spot_checks: u32,
    /// A checkpoint is committed whenever so many bytes were newly stored; 0 never.
    pub checkpoint_bytes: u64,
    /// What is to come of it.
    pub ending: Ending,
}

/// What comes of a backup.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Ending {
    /// A version.
    #[default]
    Version,
    /// A draft that is done: [`super::finish`] makes versions of all that are of its group, at once.
    Held,
}

/// What a backup did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Report {
    /// The version; of a draft that is held, the one it becomes.
    pub version: Id,
    /// Its record.
    pub link: Link,
    /// What was read and stored.
    pub statistics: crate::format::record::Statistics,
    /// Bytes of the disk.
    pub disk_size: u64,
    /// Whether the source is known to have changed while it was read.
    pub source_changed: bool,
}

/// Memory a backup is lent: two paths through a manifest, each [`pages_bytes`].
pub struct Memory<'m> {
    /// For the base.
    pub base: &'m mut [u8],
    /// For the draft.
    pub draft: &'m mut [u8],
}

/// Bytes of one path through the manifest of a disk.
pub fn pages_bytes(parameters: &crate::format::header::Parameters, disk_size: u64) -> usize {
    crate::tree::memory_bytes(&manifest::geometry(parameters, disk_size))
}

/// So many frames are passed over in search of one to compare.
const PASSED_MAX: u64 = 10_000;

#[allow(clippy::large_enum_variant)] // one lives at a time, and there is no heap
enum Phase {
    Load,
    BaseReach,
    Spots { done: u32, from: u64 },
    Begin,
    Draft,
    Run,
    Finish,
    Done,
}

/// What the disk is laid on, of which there is one at a time: both are large.
#[allow(clippy::large_enum_variant)] // there is no heap
enum Ground<'a> {
    None,
    /// The base, being looked at.
    Base(Reach),
    Draft(Draft<'a>),
}

/// A backup under way.
pub struct Backup<'a> {
    options: Options<'a>,
    disk: &'a dyn Disk,
    phase: Phase,
    start_root: Root,
    base: Option<Cursor>,
    /// New blocks may lie on the base's.
    builds: bool,
    base_pages: &'a mut [u8],
    draft_pages: &'a mut [u8],
    ground: Ground<'a>,
    started: u64,
    next_block: u64,
    blocks: u64,
    block_bytes: u32,
    /// Data known up to here, so that the disk is not asked for every block.
    data_until: u64,
    in_flight: u64,
    /// The blocks before this one are in the draft.
    accepted: u64,
    unsaved_bytes: u64,
}

impl<'a> Backup<'a> {
    /// Prepares a backup; nothing is read yet.
    pub fn new(store: &Store<'_>, disk: &'a dyn Disk, options: Options<'a>, memory: Memory<'a>) -> Result<Backup<'a>, Error> {
        let parameters = store.parameters();
        store.check_writable()?;
        let too_long = |text: &str| text.len() > crate::format::record::TEXT_MAX;
        if [options.name, options.snapshot, options.source, options.hints.1].into_iter().any(too_long) {
            return Err(Refusal::TextTooLong.into());
        }
        if options.ending == Ending::Held && options.group == [0; 16] {
            return Err(Refusal::Parameter.into());
        }
        let blocks = blocks(disk.size(), parameters.block_bytes());
        if blocks > ROWS_MAX {
            return Err(Refusal::DiskTooLarge.into());
        }
        Ok(Backup {
            start_root: manifest::tree(parameters, options.start.disk_size, options.start.top),
            next_block: options.start.position / u64::from(parameters.block_bytes()),
            options,
            disk,
            phase: Phase::Load,
            base: None,
            builds: false,
            base_pages: memory.base,
            draft_pages: memory.draft,
            ground: Ground::None,
            started: store.host().now(),
            blocks,
            block_bytes: parameters.block_bytes(),
            data_until: 0,
            in_flight: 0,
            accepted: 0,
            unsaved_bytes: 0,
        })
    }

    fn load(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        if store.load()? {
            let damaged = store.is_damaged() && !self.start_root.top.id.is_zero();
            self.phase = Phase::Spots { done: 0, from: 0 };
            if damaged {
                let start = &self.options.start;
                self.ground = Ground::Base(Reach::of(store.parameters(), start.disk_size, start.top));
                self.phase = Phase::BaseReach;
            }
        }
        Ok(Next::Step)
    }

    /// A base with a page that cannot be read is no base: what is below that page is not known.
    #[inline(never)]
    fn reach(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let Ground::Base(reach) = &mut self.ground else { return Err(Refusal::Parameter.into()) };
        let Some(reached) = reach.step(store, self.base_pages)? else { return Ok(Next::Step) };
        store.index_mut().clear_flags_all(crate::index::Flags::ALL);
        self.phase = Phase::Spots { done: 0, from: 0 };
        if !reached.page_lost {
            return Ok(Next::Step);
        }
        self.start_root = Root::EMPTY;
        self.next_block = 0;
        Ok(Next::Say(Event::BaseDamaged))
    }

    #[inline(never)]
    fn begin(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        store.begin(Purpose::Ordinary)?;
        self.read_ahead(store)?;
        self.phase = Phase::Draft;
        Ok(Next::Step)
    }

    /// What the draft is going to read, so that it need not wait.
    #[inline(never)]
    fn read_ahead(&mut self, store: &mut Store<'_>) -> Result<(), Error> {
        let fan_out_log2 = store.parameters().fan_out_log2;
        Cursor::over(TreeKind::Manifest, fan_out_log2, self.start_root).resize(self.blocks, store, self.draft_pages)
    }

    // Cursors are large, so what has one in hand has a stack frame of its own.
    #[inline(never)]
    fn make_draft(&mut self, store: &Store<'_>) {
        self.open_base(store);
        let description = Description {
            name: self.options.name,
            snapshot: self.options.snapshot,
            source: self.options.source,
            hints: self.options.hints,
            group: self.options.group,
            disk_size: self.disk.size(),
            time: self.started,
            base: self.options.start.base,
        };
        let pages = core::mem::take(&mut self.draft_pages);
        self.ground = Ground::Draft(Draft::over(store, description, self.start_root, self.options.start.draft, pages));
    }

    fn begin_draft(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        self.make_draft(store);
        if let Ground::Draft(draft) = &mut self.ground {
            draft.fit(store)?;
        }
        self.phase = Phase::Run;
        Ok(Next::Step)
    }

    #[inline(never)]
    fn run(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let at_end = self.next_block >= self.blocks;
        if at_end && self.in_flight > 0 {
            return Ok(Next::Wait);
        }
        if at_end {
            self.phase = Phase::Finish;
            return Ok(Next::Step);
        }
        let job = self.next_job(store)?;
        self.in_flight = self.in_flight.saturating_add(1);
        Ok(Next::Job(job))
    }

    fn next_job(&mut self, store: &mut Store<'_>) -> Result<Job, Error> {
        let block_bytes = u64::from(store.parameters().block_bytes());
        let first = self.next_block;
        let start = first.saturating_mul(block_bytes);
        let kept = self.kept(first, store)?;
        if kept > 0 {
            self.next_block = first.saturating_add(kept);
            return Ok(Job::keep(first, kept));
        }
        if start >= self.data_until {
            let extent = self.disk.next_extent(start).map_err(|kind| Error::Disk { offset: start, kind })?;
            let end = extent.offset.saturating_add(extent.len_bytes);
            if !extent.hole {
                self.data_until = end;
            } else {
                // Blocks that lie wholly within the hole; the last block of the disk may be short.
                let whole = if end >= self.disk.size() { self.blocks } else { end / block_bytes.max(1) };
                let count = whole.min(self.blocks).saturating_sub(first);
                if count > 0 {
                    self.next_block = first.saturating_add(count);
                    return Ok(Job::hole(first, count));
                }
            }
        }
        let expected = self.expected(first, store)?;
        // While damage is known there is no base, and nothing is built on what is stored.
        let chain = if expected.is_zero() { None } else { store.chain(&expected)? };
        self.next_block = first.saturating_add(1);
        Ok(Job::pack(first, expected, chain.map_or(Chain::NONE, |(_, chain)| chain)))
    }

    #[inline(never)]
    fn open_base(&mut self, store: &Store<'_>) {
        if self.base.is_none() && !self.start_root.top.id.is_zero() {
            self.base = Some(Cursor::over(TreeKind::Manifest, store.parameters().fan_out_log2, self.start_root));
        }
        self.builds = !store.is_damaged();
    }

    /// The next frame of which hints say nothing, to be compared with the base: the first of them, then some drawn at random.
    #[inline(never)]
    fn spots(&mut self, done: u32, from: u64, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let wanted = if self.options.hints.0 == HintSource::None { 0 } else { self.options.spot_checks };
        self.open_base(store);
        if done >= wanted || self.base.is_none() {
            self.phase = if self.in_flight > 0 { Phase::Spots { done, from } } else { Phase::Begin };
            return Ok(if self.in_flight > 0 { Next::Wait } else { Next::Step });
        }
        let parameters = *store.parameters();
        let frames = u64::from(frame_count(parameters.block_bytes(), parameters.frame_bytes())).max(1);
        let (block, frame) = if done < wanted.div_ceil(2) {
            (from / frames, from % frames)
        } else {
            let mut drawn = [0; 8];
            if !store.host().random(&mut drawn) {
                return Err(Error::Random);
            }
            let drawn = u64::from_le_bytes(drawn);
            ((drawn >> 16) % self.blocks.max(1), drawn % frames)
        };
        // A frame that is not one to compare counts too, so that this ends; but from the start on they are passed over, as long as there are any.
        let job = self.spot(block, frame, store)?;
        let passed = job.is_none() && done < wanted.div_ceil(2) && block < self.blocks && from < PASSED_MAX;
        self.phase = Phase::Spots { done: if passed { done } else { done.saturating_add(1) }, from: from.saturating_add(1) };
        if job.is_some() {
            self.in_flight = self.in_flight.saturating_add(1);
        }
        Ok(job.map_or(Next::Step, Next::Job))
    }

    /// Comparing a frame with the base, if that has it and nothing is said of it.
    fn spot(&mut self, block: u64, frame: u64, store: &mut Store<'_>) -> Result<Option<Job>, Error> {
        let parameters = *store.parameters();
        let raw_bytes = block_len(self.disk.size(), parameters.block_bytes(), block);
        let frame = low32(frame);
        let len_bytes = frame_len(raw_bytes, parameters.frame_bytes(), frame);
        let within = u64::from(frame).saturating_mul(parameters.frame_bytes().into());
        let offset = block.saturating_mul(parameters.block_bytes().into()).saturating_add(within);
        let is_kept = len_bytes > 0 && self.disk.wanted(offset, len_bytes.into()) == Wanted::Keep;
        if !is_kept || block >= self.comparable(store) {
            return Ok(None);
        }
        let id = self.base_block(block, store)?;
        let chain = if id.is_zero() { Some(Chain::NONE) } else { store.chain(&id)?.map(|(_, chain)| chain) };
        Ok(chain.map(|chain| Job::compare(block, frame, raw_bytes, chain)))
    }

    /// Blocks from the start that are as long in the base as here.
    fn comparable(&self, store: &Store<'_>) -> u64 {
        let (old, new) = (self.options.start.disk_size, self.disk.size());
        let block_bytes = store.parameters().block_bytes();
        if old == new { blocks(new, block_bytes) } else { old.min(new) / u64::from(block_bytes).max(1) }
    }

    /// How many blocks from `first` on are as in the base, as hints say.
    fn kept(&mut self, first: u64, store: &mut Store<'_>) -> Result<u64, Error> {
        if self.base.is_none() || self.options.hints.0 == HintSource::None {
            return Ok(0);
        }
        let block_bytes = u64::from(store.parameters().block_bytes()).max(1);
        let touched = self.disk.next_wanted(first.saturating_mul(block_bytes));
        let until = if touched >= self.disk.size() { self.blocks } else { touched / block_bytes };
        let count = until.min(self.comparable(store)).saturating_sub(first);
        if self.builds || count == 0 {
            return Ok(count);
        }
        // While damage is known, what is kept must be readable; the rest is read whatever hints say.
        let id = self.base_block(first, store)?;
        Ok(u64::from(id.is_zero() || store.readable(Sought::Block, &id)?.is_some()))
    }

    fn base_block(&mut self, block: u64, store: &mut Store<'_>) -> Result<Id, Error> {
        let Some(base) = &mut self.base else { return Ok(Id::ZERO) };
        let row = base.get(block, store, self.base_pages)?;
        Ok(Id(row.first_chunk().copied().unwrap_or_default()))
    }

    fn expected(&mut self, block: u64, store: &mut Store<'_>) -> Result<Id, Error> {
        match &mut self.base {
            Some(base) if self.builds && block < base.geometry().rows => {
                let row = base.get(block, store, self.base_pages)?;
                Ok(Id(row.first_chunk().copied().unwrap_or_default()))
            }
            _ => Ok(Id::ZERO),
        }
    }

    /// Whether so much was stored since the last commit that a checkpoint is worth it. Asked after each block in order, so that the answer does
    /// not depend on how many jobs are out.
    fn is_checkpoint_due(&self) -> bool {
        let wanted = self.options.checkpoint_bytes;
        wanted > 0 && self.unsaved_bytes >= wanted && self.accepted < self.blocks
    }

    fn position(&self, store: &Store<'_>) -> u64 {
        self.accepted.saturating_mul(store.parameters().block_bytes().into()).min(self.disk.size())
    }

    fn checkpoint(&mut self, store: &mut Store<'_>) -> Result<Event, Error> {
        store.warm()?;
        let position = self.position(store);
        if let Ground::Draft(draft) = &mut self.ground {
            draft.checkpoint(position, store)?;
        }
        store.commit()?;
        self.unsaved_bytes = 0;
        Ok(Event::Checkpoint { position })
    }

    #[inline(never)]
    fn finish(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        store.begin(Purpose::Ordinary)?;
        store.warm()?;
        let source_changed = self.disk.changed();
        let Ground::Draft(draft) = &mut self.ground else { return Err(Refusal::Parameter.into()) };
        draft.statistics.millis = store.host().now().saturating_sub(self.started);
        let statistics = draft.statistics;
        let (version, link) = match self.options.ending {
            Ending::Version => draft.finish(source_changed, store)?,
            Ending::Held => draft.hold(source_changed, store)?,
        };
        store.commit()?;
        store.close()?;
        self.phase = Phase::Done;
        Ok(Next::Done(Report { version, link, statistics, disk_size: self.disk.size(), source_changed }))
    }

    fn progress(&self, store: &Store<'_>) -> Result<(), Error> {
        store.go_on(self.position(store), self.disk.size())
    }

    fn take_hole(&mut self, first: u64, count: u64, store: &mut Store<'_>) -> Result<(), Error> {
        let Ground::Draft(draft) = &mut self.ground else { return Err(Refusal::Parameter.into()) };
        draft.zero_blocks(first, count, store)
    }

    /// Bytes of a block that hints say must be read.
    fn read_bytes(&self, block: u64, raw_bytes: u32, frame_bytes: u32) -> u64 {
        let start = block.saturating_mul(self.block_bytes.into());
        let frames = (0..frame_count(raw_bytes, frame_bytes)).map(|frame| {
            let within = u64::from(frame).saturating_mul(frame_bytes.into());
            (start.saturating_add(within), u64::from(frame_len(raw_bytes, frame_bytes, frame)))
        });
        frames
            .filter(|(offset, len_bytes)| self.disk.wanted(*offset, *len_bytes) == Wanted::Read)
            .map(|(_, len_bytes)| len_bytes)
            .sum()
    }

    fn take_block(
        &mut self,
        block: u64,
        expected: Id,
        based: bool,
        outcome: Outcome,
        store: &mut Store<'_>,
        work: &mut Work<'_>,
    ) -> Result<(), Error> {
        let raw_bytes = block_len(self.disk.size(), store.parameters().block_bytes(), block);
        // Without a base there is nothing to keep, whatever hints say.
        let read_bytes = match based {
            true => self.read_bytes(block, raw_bytes, store.parameters().frame_bytes()),
            false => raw_bytes.into(),
        };
        let Ground::Draft(draft) = &mut self.ground else { return Err(Refusal::Parameter.into()) };
        let id = match outcome {
            Outcome::Zero => Id::ZERO,
            Outcome::Same => expected,
            Outcome::Packed(packed) => {
                let new_bytes = draft.put_block(&packed, store, work)?;
                self.unsaved_bytes = self.unsaved_bytes.saturating_add(new_bytes);
                packed.id
            }
            _ => return Err(Refusal::Parameter.into()),
        };
        draft.set_block(block, id, store)?;
        let statistics = &mut draft.statistics;
        statistics.read_bytes = statistics.read_bytes.saturating_add(read_bytes);
        if !id.is_zero() {
            statistics.data_bytes = statistics.data_bytes.saturating_add(raw_bytes.into());
        }
        Ok(())
    }
}

impl Task for Backup<'_> {
    type Report = Report;

    fn next(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        match &self.phase {
            Phase::Load => self.load(store),
            Phase::BaseReach => self.reach(store),
            Phase::Spots { done, from } => self.spots(*done, *from, store),
            Phase::Begin => self.begin(store),
            Phase::Draft => self.begin_draft(store),
            Phase::Run => self.run(store),
            Phase::Finish => self.finish(store),
            Phase::Done => Err(Refusal::Parameter.into()),
        }
    }

    fn accept(
        &mut self,
        store: &mut Store<'_>,
        job: &Job,
        outcome: Result<Outcome, Error>,
        work: &mut Work<'_>,
    ) -> Result<Option<Event>, Error> {
        let outcome = outcome?;
        let (first, count) = match job.piece {
            Piece::Pack { block, .. } => (block, 1),
            Piece::Hole { first, count } | Piece::Keep { first, count } => (first, count),
            Piece::Compare { block, frame, .. } if outcome == (Outcome::Proved { right: false }) => {
                let parameters = store.parameters();
                let within = u64::from(frame).saturating_mul(parameters.frame_bytes().into());
                let offset = block.saturating_mul(parameters.block_bytes().into()).saturating_add(within);
                return Err(Error::Unlike { offset, len_bytes: parameters.frame_bytes().into() });
            }
            Piece::Compare { .. } => {
                self.in_flight = self.in_flight.saturating_sub(1);
                return Ok(None);
            }
            _ => return Err(Refusal::Parameter.into()),
        };
        // Called again because a checkpoint has to be waited for, the blocks are in the draft already.
        if first >= self.accepted {
            // Another draft of this store may have ended the session when it was finished.
            store.begin(Purpose::Ordinary)?;
            match job.piece {
                Piece::Pack { block, expected, ref chain } => {
                    self.take_block(block, expected, !chain.is_none(), outcome, store, work)?;
                }
                Piece::Keep { .. } => {}
                _ => self.take_hole(first, count, store)?,
            }
            self.accepted = first.saturating_add(count);
            self.in_flight = self.in_flight.saturating_sub(1);
            self.progress(store)?;
        }
        if self.is_checkpoint_due() {
            return self.checkpoint(store).map(Some);
        }
        Ok(None)
    }
}
