//! What a power cut leaves of what was not synced.

use super::State;
use super::segment::{Segment, Spot, SpotKind};
use crate::random::Random;
use sarsen_core::types::{SegmentNumber, wide};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

/// How much a power cut takes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Loss {
    /// Nothing: the medium was quick. (What a failed sync lost is lost all the same.)
    Nothing,
    /// Everything that was not synced: new names, bytes, removals, the last pin.
    Everything,
    /// Anything in between, piece by piece: kept, cut off, zeros, erased, garbage, something else that was once written, unreadable, or read differently
    /// each time; in any order across segments.
    Anything,
}

/// What becomes of one segment's bytes that are not durable.
#[derive(Clone, Copy, Debug)]
enum Manner {
    Keep,
    Drop,
    /// Kept up to some unit, nothing behind it.
    CutOff,
    /// Each piece as it comes: of `kept_of` pieces one is lost, or all are if that is 1.
    Pieces {
        size: PieceSize,
        lost_one_in: usize,
        cut_off: bool,
    },
}

#[derive(Clone, Copy, Debug)]
enum PieceSize {
    /// As they were appended.
    Writes,
    /// So many units.
    Units(usize),
}

/// What becomes of one piece that is lost but leaves a place behind.
#[derive(Clone, Copy, Debug)]
enum Fate {
    Zeros,
    Erased,
    Garbage,
    Stale,
    Unreadable,
    Fickle,
}

const FATES: [Fate; 6] = [Fate::Zeros, Fate::Erased, Fate::Garbage, Fate::Stale, Fate::Unreadable, Fate::Fickle];

/// The medium after the power has come back.
pub(super) fn after_cut(before: &State, loss: Loss, random: &mut Random, unit: usize, capacity_bytes: Option<u64>) -> State {
    let mut cut = PowerCut { before, loss, random, unit };
    let mut after = State { held_bytes: before.held_bytes, ..State::default() };
    after.segments = cut.segments();
    after.pin = cut.pin();
    for (number, segment) in cut.returning() {
        let fits = capacity_bytes.is_none_or(|capacity| after.used_bytes() + wide(segment.len()) <= capacity);
        if fits && !after.segments.contains_key(&number) {
            after.segments.insert(number, segment);
        }
    }
    after
}

struct PowerCut<'c> {
    before: &'c State,
    loss: Loss,
    random: &'c mut Random,
    unit: usize,
}

impl PowerCut<'_> {
    fn segments(&mut self) -> BTreeMap<SegmentNumber, Segment> {
        let before = self.before;
        before.segments.iter().filter_map(|(number, segment)| Some((*number, self.segment(segment)?))).collect()
    }

    /// Removed segments that come back.
    fn returning(&mut self) -> Vec<(SegmentNumber, Segment)> {
        let before = self.before;
        let removed = before.removed.iter().filter(|_| self.takes(2)).collect::<Vec<_>>();
        removed.into_iter().filter_map(|(number, segment)| Some((*number, self.segment(segment)?))).collect()
    }

    fn pin(&mut self) -> Option<Arc<Vec<u8>>> {
        match &self.before.pin_before {
            Some(pin) if self.takes(2) => pin.clone(),
            _ => self.before.pin.clone(),
        }
    }

    /// Whether something that is not durable is lost, once in `times` where that is left to chance.
    fn takes(&mut self, times: usize) -> bool {
        match self.loss {
            Loss::Nothing => false,
            Loss::Everything => true,
            Loss::Anything => self.random.one_in(times),
        }
    }

    fn segment(&mut self, segment: &Segment) -> Option<Segment> {
        if !segment.named && self.takes(4) {
            return None;
        }
        let manner = self.manner();
        let (mut bytes, mut spots) = (segment.bytes.to_vec(), segment.spots.clone());
        bytes.truncate(self.len_after(segment, manner));
        for range in self.lost_pieces(segment, manner) {
            self.spoil(&mut bytes, &mut spots, range);
        }
        let mut after = Segment::durable(bytes);
        after.spots = spots;
        Some(after)
    }

    fn manner(&mut self) -> Manner {
        match (self.loss, self.random.below(10)) {
            (Loss::Nothing, _) | (Loss::Anything, 0 | 1) => Manner::Keep,
            (Loss::Everything, _) | (Loss::Anything, 2 | 3) => Manner::Drop,
            (Loss::Anything, 4 | 5) => Manner::CutOff,
            (Loss::Anything, _) => Manner::Pieces {
                size: self.piece_size(),
                lost_one_in: self.random.pick(&[1, 2, 3, 8]),
                cut_off: self.random.one_in(3),
            },
        }
    }

    fn piece_size(&mut self) -> PieceSize {
        match self.random.below(3) {
            0 => PieceSize::Writes,
            1 => PieceSize::Units(1),
            _ => PieceSize::Units(self.random.pick(&[4, 32, 256])),
        }
    }

    fn len_after(&mut self, segment: &Segment, manner: Manner) -> usize {
        let cut_off = match manner {
            Manner::Keep => false,
            Manner::Drop => return segment.synced,
            Manner::CutOff => true,
            Manner::Pieces { cut_off, .. } => cut_off,
        };
        let units = (segment.len() - segment.synced) / self.unit;
        if cut_off { segment.synced + self.random.below(units + 1) * self.unit } else { segment.len() }
    }

    fn lost_pieces(&mut self, segment: &Segment, manner: Manner) -> Vec<Range<usize>> {
        let mut lost = segment.doubtful.clone();
        if let Manner::Pieces { size, lost_one_in, .. } = manner {
            let pieces = pieces(segment, size, self.unit);
            lost.extend(pieces.into_iter().filter(|_| self.random.one_in(lost_one_in)));
        }
        lost
    }

    fn spoil(&mut self, bytes: &mut [u8], spots: &mut Vec<Spot>, range: Range<usize>) {
        let range = range.start..range.end.min(bytes.len());
        if range.is_empty() {
            return;
        }
        let fate = if self.loss == Loss::Anything { self.random.pick(&FATES) } else { Fate::Zeros };
        let piece = &mut bytes[range.clone()];
        match fate {
            Fate::Zeros => piece.fill(0),
            Fate::Erased => piece.fill(0xFF),
            Fate::Garbage => self.random.fill(piece),
            Fate::Stale => self.fill_stale(piece),
            Fate::Unreadable => spots.push(Spot { range, kind: SpotKind::Unreadable }),
            Fate::Fickle => spots.push(Spot { range, kind: SpotKind::Fickle }),
        }
    }

    /// What a device finds where it was going to write: something that was once written elsewhere on it, at the same alignment.
    fn fill_stale(&mut self, piece: &mut [u8]) {
        let every: Vec<&Segment> = self.before.segments.values().chain(self.before.removed.values()).collect();
        let source = &self.random.pick(&every).bytes;
        let start = self.random.below(source.len() / self.unit + 1) * self.unit;
        let stale = source.iter().skip(start).chain(std::iter::repeat(&0));
        piece.iter_mut().zip(stale).for_each(|(to, from)| *to = *from);
    }
}

/// The bytes that are not durable, in pieces.
fn pieces(segment: &Segment, size: PieceSize, unit: usize) -> Vec<Range<usize>> {
    let starts: Vec<usize> = match size {
        PieceSize::Writes => segment.writes.clone(),
        PieceSize::Units(units) => (segment.synced..segment.len()).step_by(units * unit).collect(),
    };
    let ends = starts.iter().skip(1).copied().chain([segment.len()]);
    starts.iter().copied().zip(ends).map(|(start, end)| start..end).collect()
}
