//! A medium that has to fetch what it is asked for: `Pending` first, an answer later.
//!
//! It keeps to the contract of `sarsen_core::medium` and not a bit more: an answer is forgotten as soon as so many others were asked for.

use sarsen_core::medium::{Name, READS_A_STEP};
use sarsen_core::types::SegmentNumber;
use std::collections::{BTreeSet, VecDeque};

/// One thing that can be asked for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Ask {
    Next(Option<SegmentNumber>),
    Previous(Option<SegmentNumber>),
    Len(Name),
    Range(Name, u64, usize),
}

/// The answers at hand, oldest first; none: everything always is. What was appended through the medium is at hand too.
#[derive(Clone, Debug, Default)]
pub(super) struct Patience {
    at_hand: Option<VecDeque<Ask>>,
    written: BTreeSet<SegmentNumber>,
}

impl Patience {
    /// Nothing is at hand yet.
    pub(super) fn needed() -> Patience {
        Patience { at_hand: Some(VecDeque::new()), written: BTreeSet::new() }
    }

    /// As at the start.
    pub(super) fn renewed(&self) -> Patience {
        self.at_hand.as_ref().map_or_else(Patience::default, |_| Patience::needed())
    }

    /// A segment is written through this medium from now on.
    pub(super) fn write(&mut self, segment: SegmentNumber) {
        self.written.insert(segment);
    }

    /// Whether the answer is at hand; if not, it is fetched.
    pub(super) fn is_ready(&mut self, ask: Ask) -> bool {
        let Some(at_hand) = &mut self.at_hand else { return true };
        if let Ask::Len(Name::Segment(segment)) | Ask::Range(Name::Segment(segment), ..) = ask
            && self.written.contains(&segment)
        {
            return true;
        }
        if at_hand.contains(&ask) {
            return true;
        }
        if at_hand.len() == READS_A_STEP {
            at_hand.pop_front();
        }
        at_hand.push_back(ask);
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(at: u64) -> Ask {
        Ask::Range(Name::Pin, at, 1)
    }

    #[test]
    fn an_answer_is_kept_for_exactly_as_many_others_as_promised() {
        let others = READS_A_STEP as u64;
        let mut patience = Patience::needed();
        assert!(!patience.is_ready(range(0)));
        (1..others).for_each(|at| assert!(!patience.is_ready(range(at))));
        assert!(patience.is_ready(range(0)));
        assert!(!patience.is_ready(range(others)));
        assert!(!patience.is_ready(range(0)));
    }

    #[test]
    fn without_need_for_patience_all_is_at_hand() {
        assert!(Patience::default().is_ready(range(0)));
        assert!(Patience::default().renewed().is_ready(range(0)));
    }
}
