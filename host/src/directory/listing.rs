//! The sorted numbers of the segments there are.
//!
//! A directory can only be read whole, so it is read when a walk begins and remembered for the rest of the walk.

use sarsen_core::types::SegmentNumber;
use std::io;
use std::path::Path;

/// What was listed last, and what this process has made and removed since.
#[derive(Debug, Default)]
pub(super) struct Listing {
    numbers: Vec<SegmentNumber>,
}

impl Listing {
    /// Reads the directory anew.
    pub(super) fn refresh(&mut self, segments: &Path) -> io::Result<()> {
        let mut numbers = Vec::new();
        for entry in segments.read_dir()? {
            let name = entry?.file_name();
            numbers.extend(name.to_str().and_then(super::names::segment_number));
        }
        numbers.sort_unstable();
        self.numbers = numbers;
        Ok(())
    }

    pub(super) fn contains(&self, segment: SegmentNumber) -> bool {
        self.numbers.binary_search(&segment).is_ok()
    }

    /// The lowest number after `after` (none: the lowest of all).
    pub(super) fn next(&self, after: Option<SegmentNumber>) -> Option<SegmentNumber> {
        let from = after.map_or(0, |after| self.numbers.partition_point(|&number| number <= after));
        self.numbers.get(from).copied()
    }

    /// The highest number before `before` (none: the highest of all).
    pub(super) fn previous(&self, before: Option<SegmentNumber>) -> Option<SegmentNumber> {
        let end = before.map_or(self.numbers.len(), |before| self.numbers.partition_point(|&number| number < before));
        self.numbers.get(end.checked_sub(1)?).copied()
    }

    pub(super) fn insert(&mut self, segment: SegmentNumber) {
        if let Err(place) = self.numbers.binary_search(&segment) {
            self.numbers.insert(place, segment);
        }
    }

    pub(super) fn remove(&mut self, segment: SegmentNumber) {
        if let Ok(place) = self.numbers.binary_search(&segment) {
            self.numbers.remove(place);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(numbers: &[u32]) -> Listing {
        let mut listing = Listing::default();
        numbers.iter().for_each(|&number| listing.insert(SegmentNumber(number)));
        listing
    }

    #[test]
    fn walks_up_and_down_over_gaps() {
        let listing = of(&[9, 2, 4, 4]);
        let up = |after: Option<u32>| listing.next(after.map(SegmentNumber)).map(|number| number.0);
        let down = |before: Option<u32>| listing.previous(before.map(SegmentNumber)).map(|number| number.0);
        assert_eq!([up(None), up(Some(2)), up(Some(3)), up(Some(9))], [Some(2), Some(4), Some(4), None]);
        assert_eq!([down(None), down(Some(9)), down(Some(5)), down(Some(2))], [Some(9), Some(4), Some(4), None]);
    }

    #[test]
    fn an_empty_listing_leads_nowhere() {
        assert_eq!(of(&[]).next(None), None);
        assert_eq!(of(&[]).previous(None), None);
    }
}
