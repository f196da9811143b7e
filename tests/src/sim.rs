//! A simulated medium: segments in memory that remember what was synced, and a plan of what is to go wrong.
//!
//! What it may lose at a power cut is what docs/FORMAT.md section 15 allows and no less: see [`Loss`]. It holds its user to the rules of
//! `sarsen_core::medium` by assertions: appends are multiples of the program unit and stay below the greatest length of a segment, and nothing is
//! appended to a segment after a write to it has failed.
//!
//! All state is behind one mutex, so that threads may share it. Every choice comes from the seed of the medium or of the power cut.

mod contents;
mod counters;
mod faults;
mod loss;
mod patience;
mod segment;

pub use contents::Contents;
pub use counters::{Counters, Operation};
pub use faults::Fault;
pub use loss::Loss;

use crate::random::Random;
use embedded_io::ErrorKind;
use faults::{Faults, Verdict};
use patience::{Ask, Patience};
use sarsen_core::error::Trouble;
use sarsen_core::medium::{Medium, MediumMut, Name, Rules};
use sarsen_core::types::{SegmentNumber, narrow, wide};
use segment::Segment;
use std::collections::BTreeMap;
use std::ops::{Bound, Range};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What everything says after a power cut, until [`SimMedium::power_cycle`].
pub const DEAD: Trouble = Trouble::Failed(ErrorKind::NotConnected);

/// Small pieces, so that small tests have many segments.
const RULES: Rules = Rules { write_bytes: 16, segment_bytes: 1 << 20, pin: true };

/// A medium in memory that can lose, fail, fill up and keep waiting.
#[derive(Debug)]
pub struct SimMedium {
    rules: Rules,
    inner: Mutex<Inner>,
}

/// What lies on the medium and what of it is durable; cheap to clone, since bytes are shared until they change.
#[derive(Clone, Debug, Default)]
struct State {
    segments: BTreeMap<SegmentNumber, Segment>,
    /// Removed since the last power cut: the next one may bring them back.
    removed: BTreeMap<SegmentNumber, Segment>,
    pin: Option<Arc<Vec<u8>>>,
    /// The pin before the last replacement, if a power cut may still bring it back.
    pin_before: Option<Option<Arc<Vec<u8>>>>,
    held_bytes: u64,
}

#[derive(Debug)]
struct Inner {
    state: State,
    faults: Faults,
    patience: Patience,
    fetches_ahead: bool,
    counters: Counters,
    random: Random,
    capacity_bytes: Option<u64>,
    read_only: bool,
}

/// A medium's state at one moment, to go back to.
#[derive(Clone, Debug)]
pub struct Snapshot(State);

impl SimMedium {
    /// Empty, with a program unit of 16 bytes and segments of 1 MiB.
    pub fn new(seed: u64) -> SimMedium {
        SimMedium::with_rules(seed, RULES)
    }

    /// Empty, with rules of your own.
    pub fn with_rules(seed: u64, rules: Rules) -> SimMedium {
        let inner = Inner {
            state: State::default(),
            faults: Faults::default(),
            patience: Patience::default(),
            fetches_ahead: false,
            counters: Counters::default(),
            random: Random::new(seed),
            capacity_bytes: None,
            read_only: false,
        };
        SimMedium { rules, inner: Mutex::new(inner) }
    }

    /// A medium that holds `contents`, all of it durable.
    pub fn holding(seed: u64, rules: Rules, contents: &Contents) -> SimMedium {
        let medium = SimMedium::with_rules(seed, rules);
        medium.inner().state = State::durable(contents);
        medium
    }

    /// Reads a directory laid out as docs/FORMAT.md section 1 says.
    pub fn from_directory(seed: u64, path: &Path) -> std::io::Result<SimMedium> {
        Ok(SimMedium::holding(seed, RULES, &Contents::from_directory(path)?))
    }

    /// Writes a directory laid out as docs/FORMAT.md section 1 says, so that other tools can read it.
    pub fn to_directory(&self, path: &Path) -> std::io::Result<()> {
        self.contents().to_directory(path)
    }

    /// What a reader would find now, synced or not.
    pub fn contents(&self) -> Contents {
        self.inner().state.contents()
    }

    /// The state now. Faults, counters and capacity are not part of it.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot(self.inner().state.clone())
    }

    /// Goes back to an earlier state, with no faults planned and the counters at 0.
    pub fn restore(&self, snapshot: &Snapshot) {
        let mut inner = self.inner();
        inner.state = snapshot.0.clone();
        inner.forget_plans();
        inner.counters = Counters::default();
    }

    /// Another medium with the same contents, rules and capacity, to go on with independently.
    pub fn fork(&self, seed: u64) -> SimMedium {
        let other = SimMedium::with_rules(seed, self.rules);
        let inner = self.inner();
        *other.inner() = Inner {
            state: inner.state.clone(),
            faults: Faults::default(),
            patience: inner.patience.renewed(),
            fetches_ahead: inner.fetches_ahead,
            counters: Counters::default(),
            random: Random::new(seed),
            capacity_bytes: inner.capacity_bytes,
            read_only: inner.read_only,
        };
        drop(inner);
        other
    }

    /// How often it was asked for what since it was made or restored.
    pub fn counters(&self) -> Counters {
        self.inner().counters
    }

    /// Cuts the power at the mutating operation of this number, counted from now (0: the next). That operation may be done in any part; it and all
    /// that follow, reads too, fail with [`DEAD`].
    pub fn cut_at(&self, operation: u64) {
        self.inner().faults.cut_at(operation);
    }

    /// Whether the power was cut.
    pub fn is_dead(&self) -> bool {
        self.inner().faults.is_dead()
    }

    /// Power comes back: what was synced is there, of the rest what `loss` leaves. All planned faults are gone.
    pub fn power_cycle(&self, seed: u64, loss: Loss) {
        let mut inner = self.inner();
        let (unit, capacity) = (narrow(self.rules.write_bytes.into()), inner.capacity_bytes);
        inner.state = loss::after_cut(&inner.state, loss, &mut Random::new(seed), unit, capacity);
        inner.forget_plans();
    }

    /// Lets the operation of this kind and number, counted from now (0: the next), go wrong.
    pub fn fail(&self, operation: Operation, number: u64, fault: Fault) {
        self.inner().faults.once(operation, number, fault);
    }

    /// Lets every operation of this kind go wrong from now on.
    pub fn fail_always(&self, operation: Operation, fault: Fault) {
        self.fail_from(operation, 0, fault);
    }

    /// The same from the operation of this number on.
    pub fn fail_from(&self, operation: Operation, number: u64, fault: Fault) {
        self.inner().faults.from(operation, number, fault);
    }

    /// Takes back all planned faults. Power stays cut.
    pub fn forgive(&self) {
        self.inner().faults.forgive();
    }

    /// The bytes that all segments and what is held may take up together; none: no limit. The pin costs nothing.
    pub fn set_capacity(&self, bytes: Option<u64>) {
        self.inner().capacity_bytes = bytes;
    }

    /// The bytes taken up, with what is held.
    pub fn used_bytes(&self) -> u64 {
        self.inner().state.used_bytes()
    }

    /// The bytes held.
    pub fn held_bytes(&self) -> u64 {
        self.inner().state.held_bytes
    }

    /// Refuses all writing from now on, or no longer.
    pub fn set_read_only(&self, read_only: bool) {
        self.inner().read_only = read_only;
    }

    /// Answers `Pending` at the first ask for anything, and forgets each answer after [`sarsen_core::medium::READS_A_STEP`] others.
    pub fn set_patience_needed(&self, needed: bool) {
        self.inner().patience = if needed { Patience::needed() } else { Patience::default() };
    }

    /// Says that it fetches several ranges at once, so that it is asked for more than it is waited for.
    pub fn set_fetching_ahead(&self, ahead: bool) {
        self.inner().fetches_ahead = ahead;
    }

    /// Changes the durable bytes of a segment behind everybody's back.
    pub fn edit(&self, segment: SegmentNumber, edit: impl FnOnce(&mut Vec<u8>)) {
        let mut inner = self.inner();
        let found = inner.state.segments.get_mut(&segment);
        found.expect("a segment to edit exists").edit(edit);
    }

    /// Flips bits of one byte.
    pub fn flip(&self, segment: SegmentNumber, offset: usize, mask: u8) {
        self.edit(segment, |bytes| bytes[offset] ^= mask);
    }

    /// Lets every read that touches these bytes fail.
    pub fn make_unreadable(&self, segment: SegmentNumber, range: Range<usize>) {
        let mut inner = self.inner();
        let found = inner.state.segments.get_mut(&segment);
        found.expect("a segment to spoil exists").make_unreadable(range);
    }

    /// Lets every read that touches these bytes fail as if the device had, for no reason that lies in them.
    pub fn make_failing(&self, segment: SegmentNumber, range: Range<usize>) {
        let mut inner = self.inner();
        let found = inner.state.segments.get_mut(&segment);
        found.expect("a segment to spoil exists").make_failing(range);
    }

    /// Whether any bytes read differently from one time to the next.
    pub fn is_fickle(&self) -> bool {
        self.inner().state.segments.values().any(Segment::is_fickle)
    }

    /// Takes a segment away, or puts one there, durably and behind everybody's back.
    pub fn place(&self, segment: SegmentNumber, bytes: Option<Vec<u8>>) {
        let mut inner = self.inner();
        match bytes {
            Some(bytes) => inner.state.segments.insert(segment, Segment::durable(bytes)),
            None => inner.state.segments.remove(&segment),
        };
    }

    /// Replaces or removes the pin durably and behind everybody's back.
    pub fn place_pin(&self, bytes: Option<Vec<u8>>) {
        let mut inner = self.inner();
        inner.state.pin = bytes.map(Arc::new);
        inner.state.pin_before = None;
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// One mutating operation: counted, refused, failed or done, and the power cut where the plan says.
    fn mutate(&self, operation: Operation, act: impl FnOnce(&mut Inner, Verdict) -> Result<(), Trouble>) -> Result<(), Trouble> {
        let mut inner = self.inner();
        inner.counters.count(operation);
        let verdict = inner.faults.judge(operation);
        match verdict {
            Verdict::Dead => Err(DEAD),
            _ if inner.read_only => Err(Trouble::ReadOnly),
            Verdict::Dying => act(&mut inner, verdict).and(Err(DEAD)).map_err(|_| DEAD),
            Verdict::Go => act(&mut inner, verdict),
            Verdict::Fail(fault) => act(&mut inner, verdict).and(Err(fault.trouble())),
        }
    }

    /// One asking operation, which may have to be repeated.
    fn ask<R>(
        &self,
        operation: Operation,
        ask: Ask,
        answer: impl FnOnce(&mut Inner) -> Result<R, Trouble>,
    ) -> Result<R, Trouble> {
        let mut inner = self.inner();
        inner.counters.count(operation);
        match inner.faults.judge(operation) {
            Verdict::Dead | Verdict::Dying => return Err(DEAD),
            Verdict::Fail(fault) => return Err(fault.trouble()),
            Verdict::Go if !inner.patience.is_ready(ask) => return Err(Trouble::Pending),
            Verdict::Go => (),
        }
        answer(&mut inner)
    }
}

impl Inner {
    fn forget_plans(&mut self) {
        self.faults = Faults::default();
        self.patience = self.patience.renewed();
    }

    fn free_bytes(&self) -> u64 {
        self.capacity_bytes.map_or(u64::MAX, |capacity| capacity.saturating_sub(self.state.used_bytes()))
    }

    fn segment(&mut self, segment: SegmentNumber) -> Result<&mut Segment, Trouble> {
        self.state.segments.get_mut(&segment).ok_or(Trouble::Gone)
    }

    /// Adds as much as there is room for, in whole units.
    fn append(&mut self, number: SegmentNumber, bytes: &[u8], unit: usize) -> Result<(), Trouble> {
        let room = narrow(self.free_bytes());
        let segment = self.segment(number)?;
        if bytes.len() <= room {
            segment.append(bytes);
            return Ok(());
        }
        segment.append(&bytes[..room - room % unit]);
        segment.spoil();
        Err(Trouble::Full)
    }

    /// Adds any part, after which nothing more may be added.
    fn append_part(&mut self, number: SegmentNumber, bytes: &[u8]) -> Result<(), Trouble> {
        let part = self.random.below(bytes.len() + 1).min(narrow(self.free_bytes()));
        let segment = self.segment(number)?;
        segment.append(&bytes[..part]);
        segment.spoil();
        Ok(())
    }
}

impl State {
    fn durable(contents: &Contents) -> State {
        let segments = contents.segments.iter().map(|(number, bytes)| (*number, Segment::durable(bytes.to_vec()))).collect();
        State { segments, pin: contents.pin.clone(), ..State::default() }
    }

    fn contents(&self) -> Contents {
        let segments = self.segments.iter().map(|(number, segment)| (*number, segment.shared())).collect();
        Contents { segments, pin: self.pin.clone() }
    }

    fn used_bytes(&self) -> u64 {
        self.segments.values().map(|segment| wide(segment.len())).sum::<u64>() + self.held_bytes
    }
}

impl Medium for SimMedium {
    fn rules(&self) -> Rules {
        self.rules
    }

    fn next(&self, after: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        self.ask(Operation::List, Ask::Next(after), |inner| {
            let from = after.map_or(Bound::Unbounded, Bound::Excluded);
            Ok(inner.state.segments.range((from, Bound::Unbounded)).next().map(|(number, _)| *number))
        })
    }

    fn previous(&self, before: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        self.ask(Operation::List, Ask::Previous(before), |inner| {
            let to = before.map_or(Bound::Unbounded, Bound::Excluded);
            Ok(inner.state.segments.range((Bound::Unbounded, to)).next_back().map(|(number, _)| *number))
        })
    }

    fn len(&self, name: Name) -> Result<u64, Trouble> {
        self.ask(Operation::List, Ask::Len(name), |inner| match name {
            Name::Segment(number) => inner.segment(number).map(|segment| wide(segment.len())),
            Name::Pin => inner.state.pin.as_ref().map(|pin| wide(pin.len())).ok_or(Trouble::Gone),
        })
    }

    fn read(&self, name: Name, at: u64, to: &mut [u8]) -> Result<(), Trouble> {
        self.ask(Operation::Read, Ask::Range(name, at, to.len()), |inner| {
            inner.counters.read_bytes += wide(to.len());
            match name {
                Name::Segment(number) => inner.segment(number)?.read(narrow(at), to),
                Name::Pin => segment::copy(inner.state.pin.as_ref().ok_or(Trouble::Gone)?, narrow(at), to),
            }
        })
    }

    fn fetches_ahead(&self) -> bool {
        self.inner().fetches_ahead
    }

    fn writer(&self) -> Option<&dyn MediumMut> {
        (!self.inner().read_only).then_some(self)
    }
}

impl MediumMut for SimMedium {
    fn create(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.mutate(Operation::Create, |inner, verdict| {
            if inner.state.segments.contains_key(&segment) {
                return Err(Trouble::Exists);
            }
            if verdict.does(&mut inner.random) {
                inner.state.segments.insert(segment, Segment::default());
                inner.patience.write(segment);
            }
            Ok(())
        })
    }

    fn append(&self, segment: SegmentNumber, bytes: &[u8]) -> Result<(), Trouble> {
        let unit = narrow(self.rules.write_bytes.into());
        assert!(
            bytes.len().is_multiple_of(unit),
            "an append of {} bytes is no multiple of the program unit, {unit}",
            bytes.len()
        );
        self.mutate(Operation::Append, |inner, verdict| {
            let held = inner.segment(segment)?;
            assert!(!held.is_spoilt(), "an append to segment {segment} after a write to it has failed");
            let len = wide(held.len() + bytes.len());
            assert!(len <= self.rules.segment_bytes.into(), "an append makes segment {segment} {len} bytes long, over the limit");
            inner.counters.appended_bytes += wide(bytes.len());
            match verdict {
                Verdict::Go | Verdict::Dying => inner.append(segment, bytes, unit),
                Verdict::Fail(Fault::Refuse(_)) | Verdict::Dead => inner.append_part(segment, &[]),
                Verdict::Fail(_) => inner.append_part(segment, bytes),
            }
        })
    }

    fn sync(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.mutate(Operation::Sync, |inner, verdict| {
            let segment = inner.segment(segment)?;
            match verdict {
                Verdict::Go => {
                    segment.sync();
                    inner.state.pin_before = None;
                }
                Verdict::Fail(fault) => segment.fail_sync(fault),
                Verdict::Dying | Verdict::Dead => (),
            }
            Ok(())
        })
    }

    fn remove(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.mutate(Operation::Remove, |inner, verdict| {
            if !verdict.does(&mut inner.random) {
                return Ok(());
            }
            let removed = inner.state.segments.remove(&segment).ok_or(Trouble::Gone)?;
            inner.state.removed.insert(segment, removed);
            Ok(())
        })
    }

    fn replace_pin(&self, bytes: &[u8]) -> Result<(), Trouble> {
        assert!(self.rules.pin, "a pin on a medium that keeps none");
        self.mutate(Operation::ReplacePin, |inner, verdict| {
            if !verdict.does(&mut inner.random) {
                return Ok(());
            }
            let before = inner.state.pin.replace(Arc::new(bytes.to_vec()));
            inner.state.pin_before = Some(before);
            Ok(())
        })
    }

    fn hold(&self, bytes: u64) -> Result<(), Trouble> {
        self.mutate(Operation::Hold, |inner, verdict| {
            // A power cut leaves the old reserve or the new one; which, nothing remembers until then.
            let done = verdict.does(&mut inner.random) && (verdict == Verdict::Go || inner.random.one_in(2));
            if !done {
                return Ok(());
            }
            let available = inner.free_bytes().saturating_add(inner.state.held_bytes);
            if bytes > available {
                return Err(Trouble::Full);
            }
            inner.state.held_bytes = bytes;
            Ok(())
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests;
