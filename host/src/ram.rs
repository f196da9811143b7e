//! A repository in memory, for as long as the process lives: to try things out, to stage what is sent elsewhere, to measure without a disk.

use sarsen_core::error::Trouble;
use sarsen_core::medium::{Medium, MediumMut, Name, Rules};
use sarsen_core::types::{SegmentNumber, narrow, wide};
use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

/// The greatest length of a segment the format allows.
const SEGMENT_BYTES: u32 = 1 << 30;

/// A medium that is memory. Nothing survives it, so nothing is ever left to sync; space is what the process has, so nothing is held back.
#[derive(Debug, Default)]
pub struct MemoryMedium {
    contents: RwLock<Contents>,
}

#[derive(Debug, Default)]
struct Contents {
    segments: BTreeMap<SegmentNumber, Vec<u8>>,
    pin: Option<Vec<u8>>,
}

impl MemoryMedium {
    /// An empty one.
    pub fn new() -> MemoryMedium {
        MemoryMedium::default()
    }

    /// Bytes of all segments and of the pin.
    pub fn used_bytes(&self) -> u64 {
        let contents = self.reading();
        let lens = contents.segments.values().chain(&contents.pin).map(|bytes| wide(bytes.len()));
        lens.sum()
    }

    fn reading(&self) -> RwLockReadGuard<'_, Contents> {
        self.contents.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn writing(&self) -> RwLockWriteGuard<'_, Contents> {
        self.contents.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Contents {
    fn bytes(&self, name: Name) -> Result<&[u8], Trouble> {
        let bytes = match name {
            Name::Segment(segment) => self.segments.get(&segment),
            Name::Pin => self.pin.as_ref(),
        };
        bytes.map(Vec::as_slice).ok_or(Trouble::Gone)
    }

    fn segment(&mut self, segment: SegmentNumber) -> Result<&mut Vec<u8>, Trouble> {
        self.segments.get_mut(&segment).ok_or(Trouble::Gone)
    }
}

impl Medium for MemoryMedium {
    fn rules(&self) -> Rules {
        Rules { write_bytes: 1, segment_bytes: SEGMENT_BYTES, pin: true }
    }

    fn next(&self, after: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        Ok(self.reading().segments.range((from, Bound::Unbounded)).next().map(|(&number, _)| number))
    }

    fn previous(&self, before: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        let to = before.map_or(Bound::Unbounded, Bound::Excluded);
        Ok(self.reading().segments.range((Bound::Unbounded, to)).next_back().map(|(&number, _)| number))
    }

    fn len(&self, name: Name) -> Result<u64, Trouble> {
        Ok(wide(self.reading().bytes(name)?.len()))
    }

    fn read(&self, name: Name, at: u64, to: &mut [u8]) -> Result<(), Trouble> {
        let contents = self.reading();
        let rest = contents.bytes(name)?.get(narrow(at)..).unwrap_or_default();
        to.copy_from_slice(rest.get(..to.len()).ok_or(Trouble::Short)?);
        Ok(())
    }

    fn writer(&self) -> Option<&dyn MediumMut> {
        Some(self)
    }
}

impl MediumMut for MemoryMedium {
    fn create(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        let mut contents = self.writing();
        if contents.segments.contains_key(&segment) {
            return Err(Trouble::Exists);
        }
        contents.segments.insert(segment, Vec::new());
        Ok(())
    }

    fn append(&self, segment: SegmentNumber, bytes: &[u8]) -> Result<(), Trouble> {
        let mut contents = self.writing();
        let to = contents.segment(segment)?;
        to.try_reserve(bytes.len()).map_err(|_| Trouble::Full)?;
        to.extend_from_slice(bytes);
        Ok(())
    }

    /// A segment is synced when it is complete: what it was given to grow into is given back.
    fn sync(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.writing().segment(segment)?.shrink_to_fit();
        Ok(())
    }

    fn remove(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.writing().segments.remove(&segment).map(|_| ()).ok_or(Trouble::Gone)
    }

    fn replace_pin(&self, bytes: &[u8]) -> Result<(), Trouble> {
        self.writing().pin = Some(bytes.to_vec());
        Ok(())
    }

    fn hold(&self, _bytes: u64) -> Result<(), Trouble> {
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const ONE: SegmentNumber = SegmentNumber(1);
    const FOUR: SegmentNumber = SegmentNumber(4);

    #[test]
    fn what_was_appended_is_read_to_its_end_and_not_beyond() {
        let medium = MemoryMedium::new();
        medium.create(ONE).unwrap();
        medium.append(ONE, b"stan").unwrap();
        medium.append(ONE, b"ding").unwrap();
        medium.sync(ONE).unwrap();
        let (name, mut to) = (Name::Segment(ONE), [0; 4]);
        assert_eq!(medium.len(name), Ok(8));
        assert_eq!((medium.read(name, 4, &mut to), &to), (Ok(()), b"ding"));
        assert_eq!(medium.read(name, 5, &mut to), Err(Trouble::Short));
        assert_eq!(medium.read(name, u64::MAX, &mut to), Err(Trouble::Short));
        assert_eq!(medium.used_bytes(), 8);
    }

    #[test]
    fn names_are_walked_in_order_both_ways() {
        let medium = MemoryMedium::new();
        [FOUR, ONE].into_iter().for_each(|number| medium.create(number).unwrap());
        assert_eq!([None, Some(ONE), Some(FOUR)].map(|after| medium.next(after).unwrap()), [Some(ONE), Some(FOUR), None]);
        assert_eq!([None, Some(FOUR), Some(ONE)].map(|before| medium.previous(before).unwrap()), [Some(FOUR), Some(ONE), None]);
    }

    #[test]
    fn a_number_is_made_once_and_what_is_gone_is_gone() {
        let medium = MemoryMedium::new();
        medium.create(ONE).unwrap();
        assert_eq!(medium.create(ONE), Err(Trouble::Exists));
        medium.remove(ONE).unwrap();
        assert_eq!(medium.remove(ONE), Err(Trouble::Gone));
        assert_eq!(medium.append(ONE, &[0]), Err(Trouble::Gone));
        assert_eq!(medium.len(Name::Segment(ONE)), Err(Trouble::Gone));
    }

    #[test]
    fn the_pin_is_replaced_as_a_whole() {
        let medium = MemoryMedium::new();
        assert_eq!(medium.len(Name::Pin), Err(Trouble::Gone));
        medium.replace_pin(&[1; 96]).unwrap();
        medium.replace_pin(&[2; 3]).unwrap();
        let mut to = [0; 3];
        assert_eq!((medium.read(Name::Pin, 0, &mut to), to), (Ok(()), [2; 3]));
        assert_eq!(medium.used_bytes(), 3);
    }
}
