//! One segment: its bytes, how many of them are durable, and which of them no longer read as they should.

use super::faults::Fault;
use crate::random::Random;
use sarsen_core::error::Trouble;
use std::ops::Range;
use std::sync::Arc;

#[derive(Clone, Debug, Default)]
pub(super) struct Segment {
    pub(super) bytes: Arc<Vec<u8>>,
    /// So many bytes are durable.
    pub(super) synced: usize,
    /// Whether the name is.
    pub(super) named: bool,
    /// Where each append that is not durable begins.
    pub(super) writes: Vec<usize>,
    /// Claimed to be durable after a sync had failed, and not.
    pub(super) doubtful: Vec<Range<usize>>,
    pub(super) spots: Vec<Spot>,
    /// Whether a write to it failed: nothing may follow.
    spoilt: bool,
    /// Reads so far: what reads differently each time depends on it.
    reads: u64,
}

/// Bytes that do not read as they should.
#[derive(Clone, Debug)]
pub(super) struct Spot {
    pub(super) range: Range<usize>,
    pub(super) kind: SpotKind,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum SpotKind {
    /// Every read that touches it fails.
    Unreadable,
    /// The same, and the medium does not say that it is for these bytes.
    Failing,
    /// One read gives the bytes that were written, another gives garbage, as it comes.
    Fickle,
}

impl Segment {
    pub(super) fn durable(bytes: Vec<u8>) -> Segment {
        let synced = bytes.len();
        Segment { bytes: Arc::new(bytes), synced, named: true, ..Segment::default() }
    }

    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    pub(super) fn shared(&self) -> Arc<Vec<u8>> {
        Arc::clone(&self.bytes)
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        self.writes.push(self.len());
        Arc::make_mut(&mut self.bytes).extend_from_slice(bytes);
    }

    pub(super) fn spoil(&mut self) {
        self.spoilt = true;
    }

    pub(super) fn is_spoilt(&self) -> bool {
        self.spoilt
    }

    pub(super) fn sync(&mut self) {
        self.synced = self.len();
        self.named = true;
        self.writes.clear();
    }

    pub(super) fn fail_sync(&mut self, fault: Fault) {
        self.spoil();
        let exposed = self.synced..self.len();
        match fault {
            Fault::Refuse(_) | Fault::Partly(_) => (),
            Fault::LoseNow(_) => Arc::make_mut(&mut self.bytes)[exposed].fill(0),
            Fault::LoseLater(_) => self.doubtful.push(exposed),
        }
    }

    /// Changes durable bytes. What is not durable yet stays at the end.
    pub(super) fn edit(&mut self, edit: impl FnOnce(&mut Vec<u8>)) {
        let exposed = self.len() - self.synced;
        edit(Arc::make_mut(&mut self.bytes));
        self.synced = self.len().saturating_sub(exposed);
    }

    pub(super) fn make_unreadable(&mut self, range: Range<usize>) {
        self.spots.push(Spot { range, kind: SpotKind::Unreadable });
    }

    pub(super) fn make_failing(&mut self, range: Range<usize>) {
        self.spots.push(Spot { range, kind: SpotKind::Failing });
    }

    pub(super) fn is_fickle(&self) -> bool {
        self.spots.iter().any(|spot| spot.kind == SpotKind::Fickle)
    }

    pub(super) fn read(&mut self, at: usize, to: &mut [u8]) -> Result<(), Trouble> {
        copy(&self.bytes, at, to)?;
        let wanted = at..at + to.len();
        self.reads += 1;
        for spot in &self.spots {
            let touched = spot.range.start.max(wanted.start)..spot.range.end.min(wanted.end);
            match spot.kind {
                _ if touched.is_empty() => (),
                SpotKind::Unreadable => return Err(Trouble::Unreadable),
                SpotKind::Failing => return Err(Trouble::Failed(embedded_io::ErrorKind::Other)),
                SpotKind::Fickle => mislead(self.reads, &mut to[touched.start - at..touched.end - at]),
            }
        }
        Ok(())
    }
}

fn mislead(read: u64, to: &mut [u8]) {
    let mut random = Random::new(read);
    if random.one_in(2) {
        random.fill(to);
    }
}

/// Fills `to` from `bytes` at `at`, if they reach so far.
pub(super) fn copy(bytes: &[u8], at: usize, to: &mut [u8]) -> Result<(), Trouble> {
    let end = at.checked_add(to.len()).ok_or(Trouble::Short)?;
    to.copy_from_slice(bytes.get(at..end).ok_or(Trouble::Short)?);
    Ok(())
}
