//! What is known of each run, in lent memory. Knows nothing of the flash.

use crate::types::SegmentNumber;

/// What is known of one run.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// The segment that its claim names, if it has one; meant for something only while the run is live.
    pub(super) segment: u32,
    pub(super) erases: u32,
    pub(super) position: u16,
    pub(super) state: State,
    /// Something was programmed where a removal is marked: that is done once between erases.
    pub(super) marked: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum State {
    /// May be erased and claimed.
    Free,
    /// Holds a part of a segment.
    Live,
    /// Holds a part of a segment and cannot be read as a whole, so it cannot be moved.
    Stuck,
    /// Does not erase or program right.
    Retired,
}

/// No segment.
pub(super) const NONE: u32 = u32::MAX;

impl Run {
    /// Nothing is known of it.
    pub const UNKNOWN: Run = Run { segment: NONE, erases: 0, position: 0, state: State::Free, marked: false };

    pub(super) fn is_live(&self) -> bool {
        matches!(self.state, State::Live | State::Stuck)
    }

    fn holds(&self, segment: SegmentNumber) -> bool {
        self.is_live() && self.segment == segment.0
    }
}

/// All runs, by number.
pub struct Runs<'m>(pub &'m mut [Run]);

impl Runs<'_> {
    pub fn all(&self) -> impl Iterator<Item = (u16, &Run)> {
        (0..).zip(self.0.iter())
    }

    pub fn get(&self, run: u16) -> Run {
        self.0.get(usize::from(run)).copied().unwrap_or(Run { state: State::Retired, ..Run::UNKNOWN })
    }

    pub fn set(&mut self, run: u16, to: Run) {
        if let Some(slot) = self.0.get_mut(usize::from(run)) {
            *slot = to;
        }
    }

    /// The run that holds a part of a segment.
    pub fn find(&self, segment: SegmentNumber, position: u16) -> Option<u16> {
        self.all().find(|(_, run)| run.position == position && run.holds(segment)).map(|(number, _)| number)
    }

    /// The last run of a segment.
    pub fn last(&self, segment: SegmentNumber) -> Option<(u16, Run)> {
        let own = self.all().filter(|(_, run)| run.holds(segment));
        own.max_by_key(|(_, run)| run.position).map(|(number, run)| (number, *run))
    }

    /// Numbers of the segments there are, in no order and more than once.
    pub fn segments(&self) -> impl Iterator<Item = SegmentNumber> + '_ {
        self.0.iter().filter(|run| run.is_live()).map(|run| SegmentNumber(run.segment))
    }

    /// Of the runs whose claim names a segment, and where nothing marks a removal yet, the one that holds the last part.
    pub fn to_mark(&self, segment: SegmentNumber) -> Option<u16> {
        let own = self.all().filter(|(_, run)| run.segment == segment.0 && !run.marked);
        own.max_by_key(|(_, run)| run.position).map(|(number, _)| number)
    }
}
