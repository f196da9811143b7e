//! restore: a version becomes a disk. Ranges that cannot be read are made zero and named; the rest is restored.
//!
//! Before a range is given up, the newest commit is looked at: another process may have compacted the repository meanwhile. Then everything from
//! there on is looked up anew.

use crate::chain::Chain;
use crate::disk::DiskMut;
use crate::error::{Error, Refusal};
use crate::format::page::Geometry;
use crate::frame::Work;
use crate::manifest::{self, block_len};
use crate::store::Store;
use crate::task::{Event, Job, Next, Outcome, Piece, Task};
use crate::types::{Id, narrow, wide};
use crate::version::Version;

/// How to restore.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Options {
    /// The target reads as zeros already: zeros need not be written.
    pub target_is_zero: bool,
}

/// What a restore did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Bytes of the disk.
    pub disk_size: u64,
    /// Bytes written that are not zero.
    pub data_bytes: u64,
    /// Bytes that could not be read and were made zero.
    pub lost_bytes: u64,
}

enum Phase {
    Load,
    Run,
    /// The next block was not found.
    Missing,
    Done,
}

/// A restore under way.
pub struct Restore<'a> {
    version: Version<'a>,
    target: &'a dyn DiskMut,
    options: Options,
    phase: Phase,
    geometry: Geometry,
    next_block: u64,
    in_flight: u64,
    /// Of how many moves of the store is known.
    moves: u32,
    report: Report,
}

impl<'a> Restore<'a> {
    /// Prepares a restore of a version to a target that is large enough.
    pub fn new(store: &Store<'_>, version: Version<'a>, target: &'a dyn DiskMut, options: Options) -> Restore<'a> {
        let geometry = manifest::geometry(store.parameters(), version.size());
        let report = Report { disk_size: version.size(), ..Report::default() };
        Restore {
            version,
            target,
            options,
            phase: Phase::Load,
            geometry,
            next_block: 0,
            in_flight: 0,
            moves: store.moves(),
            report,
        }
    }

    fn offset(&self, block: u64, store: &Store<'_>) -> u64 {
        block.saturating_mul(store.parameters().block_bytes().into()).min(self.version.size())
    }

    /// Makes blocks zero. Order does not matter: no job in flight writes there.
    fn zero(&mut self, from: u64, to: u64, store: &Store<'_>) -> Result<(), Error> {
        let (start, end) = (self.offset(from, store), self.offset(to, store));
        if self.options.target_is_zero || start >= end {
            return Ok(());
        }
        self.target.zero(start, end.saturating_sub(start)).map_err(|kind| Error::Disk { offset: start, kind })
    }

    fn run(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let from = self.next_block;
        if from >= self.geometry.rows {
            if self.in_flight > 0 {
                return Ok(Next::Wait);
            }
            self.target.flush().map_err(|kind| Error::Disk { offset: 0, kind })?;
            self.phase = Phase::Done;
            return Ok(Next::Done(self.report));
        }
        match self.version.next_data(from, store) {
            Ok(block) => {
                let block = block.unwrap_or(self.geometry.rows);
                if block > from {
                    self.zero(from, block, store)?;
                    self.next_block = block;
                    return Ok(Next::Step);
                }
                self.fetch(block, store)
            }
            Err(error) if error.is_damage() && self.is_moved(from, store)? => Ok(Next::Step),
            Err(error) if error.is_damage() => {
                let behind = self.version.behind_failed().ok_or(error)?.max(from.saturating_add(1));
                self.zero(from, behind, store)?;
                self.next_block = behind;
                Ok(Next::Say(self.lost(from, behind, store)))
            }
            Err(error) => Err(error),
        }
    }

    #[inline(never)] // its chain is not there while versions are looked through
    fn fetch(&mut self, block: u64, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let id: Id = self.version.block(block, store)?;
        let mut chain = Chain::NONE;
        let found = store.chain_into(&id, &mut chain);
        if found.as_ref().is_err_and(Error::is_pending) {
            self.version.look_ahead(block, store)?;
        }
        let found = found?;
        if found.is_none() {
            self.phase = Phase::Missing;
            return Ok(Next::Step);
        }
        self.next_block = block.saturating_add(1);
        let expected = self.block_len(block, store);
        if found.is_none_or(|found| found.entry.raw_bytes != expected) {
            self.zero(block, self.next_block, store)?;
            return Ok(Next::Say(self.lost(block, self.next_block, store)));
        }
        self.in_flight = self.in_flight.saturating_add(1);
        Ok(Next::Job(Job::fetch(block, id, expected, chain)))
    }

    /// A block that was not found: perhaps it was moved meanwhile; otherwise it is lost.
    fn miss(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let block = self.next_block;
        if self.is_moved(block, store)? {
            return Ok(Next::Step);
        }
        self.next_block = block.saturating_add(1);
        self.zero(block, self.next_block, store)?;
        self.phase = Phase::Run;
        Ok(Next::Say(self.lost(block, self.next_block, store)))
    }

    fn block_len(&self, block: u64, store: &Store<'_>) -> u32 {
        block_len(self.version.size(), store.parameters().block_bytes(), block)
    }

    /// Whether objects may lie elsewhere by now; then all from `block` on is done again.
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

    fn lost(&mut self, from: u64, to: u64, store: &Store<'_>) -> Event {
        let offset = self.offset(from, store);
        let len_bytes = self.offset(to, store).saturating_sub(offset);
        self.report.lost_bytes = self.report.lost_bytes.saturating_add(len_bytes);
        Event::Lost { offset, len_bytes }
    }

    fn write(&mut self, block: u64, raw: &[u8], store: &Store<'_>) -> Result<(), Error> {
        let mut at = self.offset(block, store);
        for frame in raw.chunks(narrow(store.parameters().frame_bytes().into()).max(1)) {
            let zero = crate::digest::is_zero(frame);
            let len = wide(frame.len());
            let written = match (zero, self.options.target_is_zero) {
                (true, true) => Ok(()),
                (true, false) => self.target.zero(at, len),
                (false, _) => self.target.write_at(at, frame),
            };
            written.map_err(|kind| Error::Disk { offset: at, kind })?;
            if !zero {
                self.report.data_bytes = self.report.data_bytes.saturating_add(len);
            }
            at = at.saturating_add(len);
        }
        Ok(())
    }
}

impl Task for Restore<'_> {
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
            Phase::Missing => self.miss(store),
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
        let Piece::Fetch { block, raw_bytes, .. } = job.piece else { return Err(Refusal::Parameter.into()) };
        let event = match outcome {
            Ok(Outcome::Fetched) => {
                let raw = work.raw.get(..narrow(raw_bytes.into())).unwrap_or(&[]);
                self.write(block, raw, store)?;
                None
            }
            Err(error) if !error.is_damage() => return Err(error),
            Err(_) if self.is_moved(block, store)? => None,
            _ => {
                let behind = block.saturating_add(1);
                self.zero(block, behind, store)?;
                Some(self.lost(block, behind, store))
            }
        };
        self.in_flight = self.in_flight.saturating_sub(1);
        let done = self.offset(self.next_block, store);
        store.go_on(done, self.version.size())?;
        Ok(event)
    }
}
