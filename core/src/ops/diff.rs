//! diff: tells in which sectors a version differs from another, from a disk, or from nothing.
//!
//! Blocks with equal ids are not looked at, and of the others only frames whose digests differ are decoded. What differs is told to a sink, in the
//! order of the disk: a stream that is exported, a target that is brought up to date, or a list.

use crate::chain::{Chain, Run};
use crate::disk::DiskMut;
use crate::error::{Error, Refusal, What};
use crate::frame::Work;
use crate::manifest::{block_len, blocks};
use crate::store::Store;
use crate::task::{Before, Event, Job, Next, Outcome, Piece, Task};
use crate::types::{Id, Place, narrow, pieces};
use crate::version::Version;
use embedded_io::ErrorKind;

/// Who is told what differs, in the order of the disk.
pub trait Sink {
    /// These bytes are at `offset` now.
    fn data(&mut self, offset: u64, bytes: &[u8]) -> Result<(), ErrorKind>;
    /// So many bytes from `offset` on are zero now.
    fn zero(&mut self, offset: u64, len_bytes: u64) -> Result<(), ErrorKind>;
    /// That was all.
    fn end(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

/// A target that is brought up to date.
pub struct Onto<'a>(pub &'a dyn DiskMut);

impl Sink for Onto<'_> {
    fn data(&mut self, offset: u64, bytes: &[u8]) -> Result<(), ErrorKind> {
        self.0.write_at(offset, bytes)
    }
    fn zero(&mut self, offset: u64, len_bytes: u64) -> Result<(), ErrorKind> {
        self.0.zero(offset, len_bytes)
    }
    fn end(&mut self) -> Result<(), ErrorKind> {
        self.0.flush()
    }
}

/// What a version is compared with.
#[allow(clippy::large_enum_variant)] // one there is, and no heap
pub enum From<'a> {
    /// Zeros.
    Nothing,
    /// Another version.
    Version(Version<'a>),
    /// The disk that workers read.
    Disk,
}

/// How to compare.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Options {
    /// From which byte of the disk on; a multiple of the block, or the disk's size.
    pub start: u64,
    /// What cannot be read is told as zeros, and named; otherwise it is an error.
    pub lossy: bool,
}

/// What was told.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Bytes of the disk.
    pub disk_size: u64,
    /// Bytes that differ and are not zero.
    pub data_bytes: u64,
    /// Bytes that differ and are zero.
    pub zero_bytes: u64,
    /// Bytes that could not be read.
    pub lost_bytes: u64,
}

/// So many equal blocks are passed over in a step.
const BLOCKS_A_STEP: u64 = 4096;

enum Phase {
    Load,
    Run,
    Done,
}

/// A comparison under way.
pub struct Differences<'a> {
    from: From<'a>,
    to: Version<'a>,
    sink: &'a mut dyn Sink,
    options: Options,
    phase: Phase,
    blocks: u64,
    block_bytes: u32,
    next_block: u64,
    in_flight: u64,
    /// So many outcomes are of jobs that are going to be done again.
    stale: u64,
    /// Of how many moves of the store is known.
    moves: u32,
    report: Report,
}

impl<'a> Differences<'a> {
    /// Prepares it.
    pub fn new(
        store: &Store<'_>,
        from: From<'a>,
        to: Version<'a>,
        sink: &'a mut dyn Sink,
        options: Options,
    ) -> Result<Differences<'a>, Error> {
        let block_bytes = store.parameters().block_bytes();
        let size = to.size();
        if options.start != size && options.start.checked_rem(block_bytes.into()) != Some(0) {
            return Err(Refusal::Parameter.into());
        }
        let next_block = pieces(options.start, block_bytes.into());
        let report = Report { disk_size: size, ..Report::default() };
        let blocks = blocks(size, block_bytes);
        Ok(Differences {
            from,
            to,
            sink,
            options,
            phase: Phase::Load,
            blocks,
            block_bytes,
            next_block,
            in_flight: 0,
            stale: 0,
            moves: store.moves(),
            report,
        })
    }

    fn offset(&self, block: u64) -> u64 {
        block.saturating_mul(self.block_bytes.into()).min(self.to.size())
    }

    fn run(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        for _ in 0..BLOCKS_A_STEP {
            if self.next_block >= self.blocks {
                return self.end();
            }
            let block = self.next_block;
            match self.look(block, store) {
                Ok(None) => self.next_block = block.saturating_add(1),
                Ok(Some(job)) => {
                    self.next_block = block.saturating_add(1);
                    self.in_flight = self.in_flight.saturating_add(1);
                    return Ok(Next::Job(job));
                }
                Err(error) if error.is_damage() => return self.lose(block, error, store),
                Err(error) => return Err(error),
            }
        }
        Ok(Next::Step)
    }

    fn end(&mut self) -> Result<Next<Report>, Error> {
        if self.in_flight > 0 {
            return Ok(Next::Wait);
        }
        self.sink.end().map_err(|kind| Error::Disk { offset: self.to.size(), kind })?;
        self.phase = Phase::Done;
        Ok(Next::Done(self.report))
    }

    /// Comparing a block, if it may differ.
    #[inline(never)] // its chains are not there twice
    fn look(&mut self, block: u64, store: &mut Store<'_>) -> Result<Option<Job>, Error> {
        let raw_bytes = block_len(self.to.size(), self.block_bytes, block);
        let id = self.to.block(block, store)?;
        let old = match &mut self.from {
            From::Nothing if id.is_zero() => return Ok(None),
            From::Nothing => Before::Zeros,
            From::Disk => Before::Disk,
            From::Version(from) => {
                let old_bytes = block_len(from.size(), self.block_bytes, block);
                let old = if old_bytes == 0 { Id::ZERO } else { from.block(block, store)? };
                match old {
                    old if old == id && (old_bytes == raw_bytes || id.is_zero()) => return Ok(None),
                    Id::ZERO => Before::Zeros,
                    old => {
                        let mut before = Before::Block { raw_bytes: old_bytes, chain: Chain::NONE };
                        if let Before::Block { chain, .. } = &mut before {
                            find_chain(&old, store, chain)?;
                        }
                        before
                    }
                }
            }
        };
        let mut new = Chain::NONE;
        if !id.is_zero() {
            find_chain(&id, store, &mut new)?;
        }
        Ok(Some(Job::differ(block, raw_bytes, old, new)))
    }

    /// A block that cannot be read: perhaps it was moved meanwhile; otherwise it is lost.
    fn lose(&mut self, block: u64, error: Error, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        if self.is_moved(block, store)? {
            return Ok(Next::Step);
        }
        if !self.options.lossy {
            return Err(error);
        }
        self.next_block = self.to.behind_failed().unwrap_or(0).max(block.saturating_add(1)).min(self.blocks);
        self.zero(block, self.next_block).map(Next::Say)
    }

    fn is_moved(&mut self, block: u64, store: &mut Store<'_>) -> Result<bool, Error> {
        let moved = store.refresh()? || store.moves() != self.moves;
        self.moves = store.moves();
        if moved || matches!(self.phase, Phase::Load) {
            self.phase = Phase::Load;
            self.next_block = self.next_block.min(block);
            return Ok(true);
        }
        Ok(false)
    }

    fn zero(&mut self, from: u64, to: u64) -> Result<Event, Error> {
        let offset = self.offset(from);
        let len_bytes = self.offset(to).saturating_sub(offset);
        self.sink.zero(offset, len_bytes).map_err(|kind| Error::Disk { offset, kind })?;
        self.report.lost_bytes = self.report.lost_bytes.saturating_add(len_bytes);
        Ok(Event::Lost { offset, len_bytes })
    }

    fn tell(&mut self, block: u64, runs: core::ops::Range<u32>, work: &Work<'_>) -> Result<(), Error> {
        let start = self.offset(block);
        for run in Run::read(work.packed, runs) {
            let offset = start.saturating_add(run.within.into());
            let failed = |kind| Error::Disk { offset, kind };
            let len_bytes = u64::from(run.len_bytes);
            if run.zero {
                self.sink.zero(offset, len_bytes).map_err(failed)?;
                self.report.zero_bytes = self.report.zero_bytes.saturating_add(len_bytes);
            } else {
                let range = narrow(run.within.into())..narrow(u64::from(run.within).saturating_add(len_bytes));
                self.sink.data(offset, work.raw.get(range).unwrap_or(&[])).map_err(failed)?;
                self.report.data_bytes = self.report.data_bytes.saturating_add(len_bytes);
            }
        }
        Ok(())
    }
}

fn find_chain(id: &Id, store: &Store<'_>, chain: &mut Chain) -> Result<(), Error> {
    store.chain_into(id, chain)?.map(|_| ()).ok_or(Error::corrupt(Place::NONE, What::Absent))
}

impl Task for Differences<'_> {
    type Report = Report;

    fn next(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        match self.phase {
            Phase::Load => {
                if store.load()? {
                    self.phase = Phase::Run;
                }
                Ok(Next::Step)
            }
            Phase::Run => self.run(store),
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
        let Piece::Differ { block, .. } = job.piece else { return Err(Refusal::Parameter.into()) };
        self.in_flight = self.in_flight.saturating_sub(1);
        if self.stale > 0 {
            self.stale = self.stale.saturating_sub(1);
            return Ok(None);
        }
        let event = match outcome {
            Ok(Outcome::Differs { start, end }) => {
                self.tell(block, start..end, work)?;
                None
            }
            Ok(_) => return Err(Refusal::Parameter.into()),
            // What lies behind is out already, and is told after this: it is done again as well.
            Err(error) if error.is_damage() && self.is_moved(block, store)? => {
                self.stale = self.in_flight;
                None
            }
            Err(error) if error.is_damage() && self.options.lossy => Some(self.zero(block, block.saturating_add(1))?),
            Err(error) => return Err(error),
        };
        let done = self.offset(self.next_block);
        store.go_on(done, self.to.size())?;
        Ok(event)
    }
}
