//! Which runs hold what: claims are read, runs taken, moved, given up and marked as removed. Knows nothing of appends.
//!
//! What holds at any moment, so that power may go then:
//! - A claim is written once its run is erased and blank, and in a copy once all is copied: whoever reads a claim may believe it.
//! - The run of the newest claim is not erased, because it alone remembers which runs are retired; nor is the run that was copied last, because
//!   that claim may be the trace of a power cut.
//! - A removal is marked beside the claim. It may be undone; nothing relies on it.

use super::chip::{self, Chip, Copying};
use super::claim::{self, Claim, NO_RUN, RETIRED};
use super::flash::{Bad, Flash, Units};
use super::runs::{Run, Runs, State};
use super::{Refused, Wear};
use crate::error::Trouble;
use crate::types::{SegmentNumber, narrow};
use embedded_io::ErrorKind;

/// Bytes of zeros that mark a removal.
const MARK_LEN: usize = 16;
/// Half of its bits.
const MOST_BITS: u32 = 64;

/// A run in use is moved once it was erased so many times less than the most worn free one: what never changes would keep it from wearing.
const SPREAD: u32 = 8;

/// What the device says when it does not answer.
pub(super) const FAILED: Trouble = Trouble::Failed(ErrorKind::Other);

/// How many runs a flash of these units is divided into; none if it cannot be.
pub fn runs_of(units: &Units, run_bytes: u32) -> Option<u16> {
    chip::runs_of(units, run_bytes).filter(|_| run_bytes > head_bytes(units))
}

/// Bytes of a run before its body.
fn head_bytes(units: &Units) -> u32 {
    units.words(claim::LEN).saturating_add(units.words(MARK_LEN))
}

/// A flash and what is known of its runs.
pub(super) struct Space<'m, F> {
    chip: Chip<F>,
    runs: Runs<'m>,
    /// The newest claim: its run, and the one that this is a copy of.
    newest: Option<(u16, u16)>,
    /// The sequence of the next claim.
    sequence: u64,
    /// Runs from this number on were never erased.
    reached: u16,
    retired: [u16; RETIRED],
    /// A copy whose claim may have been cut off: it is read now and may not be later, and what it copied is bad.
    doubtful: Option<u16>,
    /// A copy whose claim may have been cut off, and what it copied is still there: it must never count.
    discarded: Option<u16>,
    /// Whether what power cuts may have left was dealt with; before that nothing is claimed.
    settled: bool,
    /// The segment that is being written: its runs are not moved.
    pub open: Option<SegmentNumber>,
    /// Runs that are kept free.
    held: usize,
}

impl<'m, F: Flash> Space<'m, F> {
    /// Reads all claims.
    pub fn mount(flash: F, run_bytes: u32, runs: &'m mut [Run]) -> Result<Space<'m, F>, Refused> {
        runs_of(&flash.units(), run_bytes).ok_or(Refused::Geometry)?;
        let chip = Chip::new(flash, run_bytes)?;
        let needed = usize::from(chip.runs());
        let runs = Runs(runs.get_mut(..needed).ok_or(Refused::Memory { needed })?);
        let (newest, doubtful, discarded, open, retired) = (None, None, None, None, [NO_RUN; RETIRED]);
        let settled = false;
        let mut space =
            Space { settled, chip, runs, newest, sequence: 1, reached: 0, retired, doubtful, discarded, open, held: 0 };
        space.read_claims()?;
        space.drop_copies()?;
        let is_copy = |&(run, copied): &(u16, u16)| copied != NO_RUN && space.runs.get(run).is_live();
        space.doubtful = space.newest.filter(is_copy).map(|(run, _)| run);
        Ok(space)
    }

    fn read_claims(&mut self) -> Result<(), Refused> {
        let (mut newest, mut answered) = (None::<Claim>, false);
        for run in 0..self.chip.runs() {
            self.runs.set(run, Run::UNKNOWN);
            let read = self.read_claim(run);
            answered |= read.is_ok();
            let Ok(Some(claim)) = read else { continue };
            if claim.run_bytes != self.chip.run_bytes() {
                return Err(Refused::Divided { run_bytes: claim.run_bytes });
            }
            let Claim { position, erases, segment, .. } = claim;
            let (removed, marked) = self.read_mark(run);
            let state = if removed { State::Free } else { State::Live };
            self.runs.set(run, Run { segment: segment.0, erases, position, state, marked });
            if newest.is_none_or(|newest| newest.sequence < claim.sequence) {
                newest = Some(claim);
                self.newest = Some((run, claim.copied));
            }
        }
        if !answered {
            return Err(Refused::Failed);
        }
        let Some(newest) = newest else { return Ok(()) };
        // One is passed over: a claim that was cut off may not be read now, and be read later.
        self.sequence = newest.sequence.saturating_add(2);
        (self.reached, self.retired) = (newest.reached, newest.retired);
        self.know_the_rest();
        Ok(())
    }

    /// Runs without a claim, and retired ones. Of one that was in use before, the count is lost, so it is taken to be as worn as any.
    fn know_the_rest(&mut self) {
        let greatest = self.runs.0.iter().map(|run| run.erases).max().unwrap_or(0);
        let used = self.runs.0.iter_mut().take(self.reached.into());
        for run in used.filter(|run| run.segment == super::runs::NONE) {
            run.erases = greatest;
        }
        for run in self.retired {
            self.runs.set(run, Run { state: State::Retired, ..self.runs.get(run) });
        }
    }

    /// Where runs hold the same part, one is a copy of the other. The newest claim may have been cut off, and be read now and not later: what it
    /// copied is still there. Any other was whole before the next was written.
    fn drop_copies(&mut self) -> Result<(), Refused> {
        if let Some((copy, _)) = self.newest.filter(|&(copy, original)| self.is_same_part(copy, original)) {
            self.free_run(copy);
            self.discarded = Some(copy);
        }
        for one in 0..self.chip.runs() {
            for other in one.saturating_add(1)..self.chip.runs() {
                if self.is_same_part(one, other) {
                    let older = self.older(one, other)?;
                    self.free_run(older);
                }
            }
        }
        Ok(())
    }

    fn is_same_part(&self, one: u16, other: u16) -> bool {
        let (a, b) = (self.runs.get(one), self.runs.get(other));
        a.is_live() && b.is_live() && (a.segment, a.position) == (b.segment, b.position)
    }

    fn free_run(&mut self, run: u16) {
        self.runs.set(run, Run { state: State::Free, ..self.runs.get(run) });
    }

    fn older(&mut self, one: u16, other: u16) -> Result<u16, Refused> {
        let mut sequence = |run| Ok(self.read_claim(run).map_err(|Bad| Refused::Failed)?.map_or(0, |claim| claim.sequence));
        Ok(if sequence(one)? < sequence(other)? { one } else { other })
    }

    fn read_claim(&mut self, run: u16) -> Result<Option<Claim>, Bad> {
        let (offset, mut bytes) = (self.chip.offset(run), [0; claim::LEN]);
        self.chip.read(offset, &mut bytes)?;
        Ok(Claim::parse(&bytes, offset).ok())
    }

    /// Whether a run's claim is marked removed, and whether anything was programmed there.
    fn read_mark(&mut self, run: u16) -> (bool, bool) {
        let (at, mut mark) = (self.mark_offset(run), [0; MARK_LEN]);
        match self.chip.read(at, &mut mark) {
            // Most of the bits: one that flips neither removes a run nor brings it back.
            Ok(()) => {
                let zeros: u32 = mark.iter().map(|byte| byte.count_zeros()).sum();
                (zeros > MOST_BITS, zeros > 0)
            }
            Err(Bad) => (false, true),
        }
    }

    fn mark_offset(&self, run: u16) -> u32 {
        self.chip.offset(run).saturating_add(self.chip.units().words(claim::LEN))
    }

    /// Where a run's body begins.
    fn body_offset(&self, run: u16) -> u32 {
        self.chip.offset(run).saturating_add(head_bytes(self.chip.units()))
    }

    /// Bytes of a segment in each run.
    pub fn body_bytes(&self) -> u32 {
        self.chip.run_bytes().saturating_sub(head_bytes(self.chip.units()))
    }

    /// The unit in which lengths are told.
    pub fn unit(&self) -> u32 {
        self.chip.units().words(MARK_LEN)
    }

    pub fn runs(&self) -> &Runs<'m> {
        &self.runs
    }

    pub fn into_flash(self) -> F {
        self.chip.into_flash()
    }

    /// Reads from a run's body.
    pub fn read(&mut self, run: u16, at: u32, to: &mut [u8]) -> Result<(), Trouble> {
        let at = self.body_offset(run).saturating_add(at);
        self.chip.read(at, to).map_err(|Bad| self.blame())
    }

    /// Why something could not be read: the place, if the rest of the device answers.
    fn blame(&mut self) -> Trouble {
        if self.chip.answers() { Trouble::Unreadable } else { FAILED }
    }

    /// Bytes of a run's body before its blank end.
    pub fn used(&mut self, run: u16) -> Result<u32, Trouble> {
        let (at, len, unit) = (self.body_offset(run), self.body_bytes(), self.unit());
        self.chip.used(at, len, unit).map_err(|Bad| self.blame())
    }

    /// Keeps runs for so many bytes free.
    pub fn hold(&mut self, bytes: u64) -> Result<(), Trouble> {
        let runs = narrow(bytes.div_ceil(u64::from(self.body_bytes()).max(1)));
        if self.free() < runs {
            return Err(Trouble::Full);
        }
        self.held = runs;
        Ok(())
    }

    /// Whether so many runs can be claimed.
    pub fn has_room(&self, runs: usize) -> bool {
        self.free().saturating_sub(self.held) >= runs
    }

    fn free(&self) -> usize {
        self.free_runs().count()
    }

    /// Runs that may be erased now.
    fn free_runs(&self) -> impl Iterator<Item = (u16, &Run)> {
        let kept = |number| self.newest.is_some_and(|(run, copied)| number == run || number == copied);
        self.runs.all().filter(move |(number, run)| run.state == State::Free && !kept(*number))
    }

    /// Takes a run for a part of a segment, the least worn; and moves what never changes off a run that is less worn still.
    pub fn claim(&mut self, segment: SegmentNumber, position: u16) -> Result<u16, Trouble> {
        self.settle()?;
        self.level()?;
        loop {
            // One whose count is lost goes first, so that it has a claim again.
            let is_known = |(number, run): &(u16, &Run)| run.segment != super::runs::NONE || *number >= self.reached;
            let run = self.free_runs().min_by_key(|run| (is_known(run), run.1.erases));
            let run = run.map(|(number, _)| number).ok_or(Trouble::Full)?;
            if self.erase(run)? && self.write_claim(run, segment, position, NO_RUN)? {
                return Ok(run);
            }
        }
    }

    /// Sees to it that no claim that was cut off can be read later as if it counted: one that is not read now is erased, a copy that does not count is
    /// marked as removed, and one that does is copied.
    fn settle(&mut self) -> Result<(), Trouble> {
        if self.settled {
            return Ok(());
        }
        for run in 0..self.reached {
            let known = self.runs.get(run);
            if known.state == State::Free && known.segment == super::runs::NONE {
                self.erase(run)?;
            }
        }
        if let Some(run) = self.discarded {
            self.mark(run)?;
        }
        if let Some(run) = self.doubtful.filter(|&run| self.runs.get(run).is_live()) {
            self.move_run(run, |free| free.erases)?;
        }
        self.settled = true;
        Ok(())
    }

    /// Erases a run; false if it is bad, and retired.
    fn erase(&mut self, run: u16) -> Result<bool, Trouble> {
        let before = self.runs.get(run);
        self.reached = self.reached.max(run.saturating_add(1));
        self.runs.set(run, Run { erases: before.erases.saturating_add(1), ..Run::UNKNOWN });
        match self.chip.erase(run) {
            Ok(()) => Ok(true),
            Err(Bad) => self.retire(run).map(|()| false),
        }
    }

    /// Writes the claim of an erased run; false if the run is bad, and retired.
    fn write_claim(&mut self, run: u16, segment: SegmentNumber, position: u16, copied: u16) -> Result<bool, Trouble> {
        let (erases, offset) = (self.runs.get(run).erases, self.chip.offset(run));
        let Space { sequence, reached, retired, .. } = *self;
        let claim = Claim { sequence, run_bytes: self.chip.run_bytes(), segment, position, copied, erases, reached, retired };
        // Also of a claim that fails: it may be read as if it had not.
        self.sequence = self.sequence.saturating_add(1);
        if self.chip.program_filled(offset, &claim.bytes(offset)) == Err(Bad) {
            return self.retire(run).map(|()| false);
        }
        self.newest = Some((run, copied));
        self.runs.set(run, Run { segment: segment.0, erases, position, state: State::Live, marked: false });
        Ok(true)
    }

    /// Uses a run no more, unless it is the whole device that fails. The next claim remembers it; of too many the oldest is forgotten, and found
    /// to be bad again.
    fn retire(&mut self, run: u16) -> Result<(), Trouble> {
        if !self.chip.answers() {
            return Err(FAILED);
        }
        self.runs.set(run, Run { state: State::Retired, ..self.runs.get(run) });
        let known = self.retired.iter().position(|&other| other == run).unwrap_or(RETIRED.saturating_sub(1));
        self.retired.get_mut(..=known).unwrap_or(&mut []).rotate_right(1);
        if let Some(first) = self.retired.first_mut() {
            *first = run;
        }
        Ok(())
    }

    /// Programs a part of a run's body. If the run turns out to be bad, what comes before is copied to another, and that is used from then on.
    pub fn program(&mut self, run: u16, at: u32, bytes: &[u8]) -> Result<(), Trouble> {
        let mut run = run;
        while self.chip.program(self.body_offset(run).saturating_add(at), bytes) == Err(Bad) {
            let (known, retired) = (self.runs.get(run), self.retired);
            self.retire(run)?;
            match self.copy(run, at, |free| free.erases) {
                Ok(Some(copy)) => run = copy,
                // What was programmed before stays where it is.
                failed => {
                    self.retired = retired;
                    self.runs.set(run, Run { state: State::Stuck, ..known });
                    return failed.and(Err(FAILED));
                }
            }
        }
        Ok(())
    }

    /// Moves the least worn run in use onto the most worn free one, if they are far apart.
    fn level(&mut self) -> Result<(), Trouble> {
        let open = self.open.map_or(super::runs::NONE, |segment| segment.0);
        let cold = self.runs.all().filter(|(_, run)| run.state == State::Live && run.segment != open);
        let cold = cold.min_by_key(|(_, run)| run.erases);
        let worn = self.free_runs().map(|(_, run)| run.erases).max();
        let (Some((number, &cold)), Some(worn)) = (cold, worn) else { return Ok(()) };
        match worn.saturating_sub(cold.erases) > SPREAD {
            true => self.move_run(number, |free| u32::MAX.saturating_sub(free.erases)),
            false => Ok(()),
        }
    }

    /// Moves a run to the free run that comes first in an order, unless that would leave none. One that cannot be read stays where it is.
    fn move_run(&mut self, from: u16, order: impl Fn(&Run) -> u32) -> Result<(), Trouble> {
        if self.free() < 2 {
            return Ok(());
        }
        let copy = match self.used(from) {
            Ok(used) => self.copy(from, used, order),
            Err(trouble) => Err(trouble),
        };
        let state = match copy {
            Ok(Some(_)) => State::Free,
            Ok(None) | Err(Trouble::Unreadable) => State::Stuck,
            Err(Trouble::Full) => return Ok(()),
            Err(trouble) => return Err(trouble),
        };
        self.runs.set(from, Run { state, ..self.runs.get(from) });
        Ok(())
    }

    /// Copies the first `len` bytes of a run's body to the free run that comes first in an order; none if they cannot be read.
    fn copy(&mut self, from: u16, len: u32, order: impl Fn(&Run) -> u32) -> Result<Option<u16>, Trouble> {
        let Run { segment, position, .. } = self.runs.get(from);
        loop {
            let to = self.free_runs().min_by_key(|(_, run)| order(run)).map(|(number, _)| number).ok_or(Trouble::Full)?;
            if !self.erase(to)? {
                continue;
            }
            match self.chip.copy(self.body_offset(from), self.body_offset(to), len) {
                Ok(()) if self.write_claim(to, SegmentNumber(segment), position, from)? => return Ok(Some(to)),
                Ok(()) => {}
                Err(Copying::To) => self.retire(to)?,
                Err(Copying::From) if self.chip.answers() => return Ok(None),
                Err(Copying::From) => return Err(FAILED),
            }
        }
    }

    /// Marks all runs whose claim names a segment as removed, the last part first.
    pub fn remove(&mut self, segment: SegmentNumber) -> Result<(), Trouble> {
        while let Some(number) = self.runs.to_mark(segment) {
            self.mark(number)?;
        }
        for run in self.runs.0.iter_mut().filter(|run| run.is_live() && run.segment == segment.0) {
            run.state = State::Free;
        }
        Ok(())
    }

    /// Marks a run's claim as removed, once.
    fn mark(&mut self, number: u16) -> Result<(), Trouble> {
        let run = self.runs.get(number);
        let marked = if run.marked { Ok(()) } else { self.chip.program_filled(self.mark_offset(number), &[0; MARK_LEN]) };
        // A mark that is not there lets a removal be undone, which it may be; but a device that is gone is an error.
        if marked == Err(Bad) && !self.chip.answers() {
            return Err(FAILED);
        }
        self.runs.set(number, Run { marked: true, ..run });
        Ok(())
    }

    /// How worn the runs are.
    pub fn wear(&self) -> Wear {
        let erases = || self.runs.0.iter().map(|run| run.erases);
        let count = |state| self.runs.0.iter().filter(|run| run.state == state).count();
        Wear {
            runs: self.runs.0.len(),
            free: count(State::Free),
            retired: count(State::Retired),
            least: erases().min().unwrap_or(0),
            greatest: erases().max().unwrap_or(0),
            total: erases().map(u64::from).sum(),
        }
    }
}
