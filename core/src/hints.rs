//! Hints: which bytes of a disk changed since a base, as somebody else knows it, in lent memory.
//!
//! Extents come in any order and may overlap; where they differ, data wins over zeros, and both win over what is said to be unchanged, which is the
//! same as saying nothing. So unchanged extents are not kept. Data and zeros are kept as two lists that ignore each other: nothing is ever split,
//! and settling needs no more memory than the extents that were pushed.
//!
//! Whether a hint is true, and of which base, is not known here.

use crate::disk::{self, Disk, Wanted};
use crate::error::{Error, Memory};
use crate::host::Slots;
use crate::types::wide;
use core::mem;
use embedded_io::ErrorKind;

/// What is known of some bytes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum State {
    /// They may hold anything: to be read.
    Data,
    /// They are all zero now.
    Zero,
    /// They are those of the base.
    Unchanged,
}

/// A run of bytes of a disk, and what is known of them.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// Bytes from the disk's start.
    pub offset: u64,
    /// How many bytes.
    pub len_bytes: u64,
    /// What is known of them.
    pub state: State,
}

impl Extent {
    /// A free slot.
    pub const FREE: Extent = Extent { offset: 0, len_bytes: 0, state: State::Unchanged };

    /// The first byte behind it.
    fn end(&self) -> u64 {
        self.offset.saturating_add(self.len_bytes)
    }

    /// Data before zeros, then by offset.
    fn order(&self) -> (bool, u64) {
        (self.state != State::Data, self.offset)
    }

    /// Whether both say the same of one run without a gap.
    fn joins(&self, other: &Extent) -> bool {
        self.state == other.state && self.offset <= other.end() && other.offset <= self.end()
    }

    /// Takes in what joins it.
    fn take_in(&mut self, other: &Extent) {
        let end = self.end().max(other.end());
        self.offset = self.offset.min(other.offset);
        self.len_bytes = end.saturating_sub(self.offset);
    }

    /// As nobody can use it.
    fn refused(&self) -> Error {
        Error::Hint { offset: self.offset, len_bytes: self.len_bytes }
    }
}

/// Extents as they come in.
pub struct Hints<'m> {
    slots: &'m mut dyn Slots<Extent>,
    used: usize,
    farthest: Extent,
}

impl<'m> Hints<'m> {
    /// None yet, which says that nothing changed.
    pub fn new(slots: &'m mut dyn Slots<Extent>) -> Hints<'m> {
        Hints { slots, used: 0, farthest: Extent::FREE }
    }

    /// Takes an extent, in any order. One without bytes says nothing, wherever it lies; one that ends behind all offsets there are is refused.
    pub fn push(&mut self, extent: Extent) -> Result<(), Error> {
        if extent.len_bytes == 0 {
            return Ok(());
        }
        let end = extent.offset.checked_add(extent.len_bytes).ok_or(extent.refused())?;
        if end > self.farthest.end() {
            self.farthest = extent;
        }
        if extent.state == State::Unchanged {
            return Ok(());
        }
        self.keep(extent)
    }

    /// Most lists are sorted, so that what can be joined follows each other.
    fn keep(&mut self, extent: Extent) -> Result<(), Error> {
        let last = self.used.checked_sub(1).and_then(|at| self.slots.items_mut().get_mut(at));
        if let Some(last) = last.filter(|last| last.joins(&extent)) {
            last.take_in(&extent);
            return Ok(());
        }
        self.make_room()?;
        let slot = self.slots.items_mut().get_mut(self.used).ok_or(full(self.used))?;
        *slot = extent;
        self.used = self.used.saturating_add(1);
        Ok(())
    }

    /// Room for one more. Asks for as many again as there are, and for less where that brought nothing: there may be millions.
    fn make_room(&mut self) -> Result<(), Error> {
        let mut more = self.used.max(1);
        while self.slots.items().len() <= self.used {
            if more == 0 {
                return Err(full(self.used));
            }
            self.slots.grow(self.used.saturating_add(more), Extent::FREE);
            more /= 2;
        }
        Ok(())
    }

    /// Holds what was pushed to the disk's size, and makes it fit to be asked.
    pub fn settle(self, disk_size: u64) -> Result<View<'m>, Error> {
        if self.farthest.end() > disk_size {
            return Err(self.farthest.refused());
        }
        let pushed = self.slots.items_mut().get_mut(..self.used).ok_or(full(self.used))?;
        sort(pushed);
        let kept = merge(pushed);
        let slots: &'m dyn Slots<Extent> = self.slots;
        let all = slots.items().get(..kept).ok_or(full(kept))?;
        let (data, zero) = all.split_at_checked(all.partition_point(|extent| extent.state == State::Data)).ok_or(full(kept))?;
        Ok(View { data, zero })
    }
}

/// There is no room behind so many extents.
fn full(used: usize) -> Error {
    Error::Memory { memory: Memory::Hints, needed: wide(used).saturating_add(1) }
}

/// Heapsort (Williams 1964): in place, and n log n whatever the order. The sorts of Rust's own library carry a panic, which firmware must not link.
fn sort(extents: &mut [Extent]) {
    if extents.is_sorted_by_key(Extent::order) {
        return;
    }
    for root in (0..extents.len() / 2).rev() {
        sift(extents, root);
    }
    let mut heap = extents;
    while let Some((last, rest)) = mem::take(&mut heap).split_last_mut() {
        if let Some(first) = rest.first_mut() {
            mem::swap(first, last);
        }
        sift(rest, 0);
        heap = rest;
    }
}

/// Lets the extent at `root` sink below all that come after it in order.
fn sift(heap: &mut [Extent], mut root: usize) {
    loop {
        let left = root.saturating_mul(2).saturating_add(1);
        let right = left.saturating_add(1);
        let child = match (heap.get(left), heap.get(right)) {
            (Some(one), Some(other)) if one.order() < other.order() => right,
            (Some(_), _) => left,
            (None, _) => return,
        };
        match heap.get_disjoint_mut([root, child]) {
            Ok([above, below]) if above.order() < below.order() => mem::swap(above, below),
            _ => return,
        }
        root = child;
    }
}

/// Joins what can be joined of sorted extents; how many are left, at the front.
fn merge(extents: &mut [Extent]) -> usize {
    let mut kept = 0usize;
    for at in 0..extents.len() {
        let Some(&extent) = extents.get(at) else { break };
        let last = kept.checked_sub(1).and_then(|last| extents.get_mut(last));
        if let Some(last) = last.filter(|last| last.joins(&extent)) {
            last.take_in(&extent);
            continue;
        }
        if let Some(slot) = extents.get_mut(kept) {
            *slot = extent;
        }
        kept = kept.saturating_add(1);
    }
    kept
}

/// A disk of which it is known what changed since its base.
#[derive(Clone, Copy, Debug)]
pub struct Hinted<'a, D: ?Sized> {
    /// The disk.
    pub disk: &'a D,
    /// What changed.
    pub view: View<'a>,
}

impl<D: Disk + ?Sized> Disk for Hinted<'_, D> {
    fn size(&self) -> u64 {
        self.disk.size()
    }
    fn read_at(&self, offset: u64, to: &mut [u8]) -> Result<(), ErrorKind> {
        self.disk.read_at(offset, to)
    }
    fn changed(&self) -> bool {
        self.disk.changed()
    }
    fn wanted(&self, offset: u64, len_bytes: u64) -> Wanted {
        self.view.wanted(offset, len_bytes)
    }
    fn next_wanted(&self, from: u64) -> u64 {
        self.view.next_touched(from).unwrap_or(self.size())
    }
    fn next_extent(&self, offset: u64) -> Result<disk::Extent, ErrorKind> {
        self.disk.next_extent(offset)
    }
}

/// Hints that can be asked, by any number of threads.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    // Each sorted, without overlaps, and with a gap between any two.
    data: &'a [Extent],
    zero: &'a [Extent],
}

impl View<'_> {
    /// What to do with a range. One without bytes is kept.
    pub fn wanted(&self, offset: u64, len_bytes: u64) -> Wanted {
        let end = offset.saturating_add(len_bytes);
        let touched = |extent: &&Extent| extent.offset < end;
        if offset == end {
            return Wanted::Keep;
        }
        if ends_behind(self.data, offset).is_some_and(|data| touched(&data)) {
            return Wanted::Read;
        }
        match ends_behind(self.zero, offset).filter(touched) {
            Some(zero) if zero.offset <= offset && end <= zero.end() => Wanted::Zero,
            Some(_) => Wanted::Read,
            None => Wanted::Keep,
        }
    }

    /// The first byte at or behind `from` that is data or zero.
    pub fn next_touched(&self, from: u64) -> Option<u64> {
        let nearest = [self.data, self.zero].into_iter().filter_map(|extents| ends_behind(extents, from));
        nearest.map(|extent| extent.offset.max(from)).min()
    }

    /// How many bytes are data.
    pub fn data_bytes(&self) -> u64 {
        total(self.data)
    }

    /// How many bytes are zero, and not data as well.
    pub fn zero_bytes(&self) -> u64 {
        total(self.zero).saturating_sub(overlap(self.data, self.zero))
    }
}

/// The first extent that has a byte at or behind `offset`.
fn ends_behind(extents: &[Extent], offset: u64) -> Option<&Extent> {
    extents.get(extents.partition_point(|extent| extent.end() <= offset))
}

fn total(extents: &[Extent]) -> u64 {
    extents.iter().fold(0, |bytes, extent| bytes.saturating_add(extent.len_bytes))
}

/// How many bytes are in both lists.
fn overlap(mut data: &[Extent], mut zero: &[Extent]) -> u64 {
    let mut bytes = 0u64;
    while let ([one, ones @ ..], [other, others @ ..]) = (data, zero) {
        let (start, end) = (one.offset.max(other.offset), one.end().min(other.end()));
        bytes = bytes.saturating_add(end.saturating_sub(start));
        if one.end() < other.end() {
            data = ones;
        } else {
            zero = others;
        }
    }
    bytes
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::host::Fixed;
    use crate::types::narrow;
    use State::{Data, Unchanged, Zero};
    use std::vec;
    use std::vec::Vec;

    fn extent(offset: u64, len_bytes: u64, state: State) -> Extent {
        Extent { offset, len_bytes, state }
    }

    /// Pushes them all, and asks what was settled; the array is as long as there are extents.
    fn asked<R>(extents: &[Extent], disk_size: u64, ask: impl FnOnce(View<'_>) -> R) -> Result<R, Error> {
        let mut array = vec![Extent::FREE; extents.len()];
        let mut slots = Fixed(&mut array);
        let mut hints = Hints::new(&mut slots);
        extents.iter().try_for_each(|&extent| hints.push(extent))?;
        hints.settle(disk_size).map(ask)
    }

    /// A vector that grows up to a limit, and counts how often it was asked to.
    struct Growing {
        items: Vec<Extent>,
        items_max: usize,
        asked: usize,
    }

    impl Slots<Extent> for Growing {
        fn items(&self) -> &[Extent] {
            &self.items
        }
        fn items_mut(&mut self) -> &mut [Extent] {
            &mut self.items
        }
        fn grow(&mut self, wanted: usize, fill: Extent) -> bool {
            self.asked += 1;
            if wanted > self.items_max {
                return false;
            }
            self.items.resize(wanted.max(self.items.len()), fill);
            true
        }
    }

    /// SplitMix64, as far as a test needs it.
    struct Random(u64);

    impl Random {
        fn below(&mut self, end: u64) -> u64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            (mixed ^ (mixed >> 31)) % end
        }

        fn extents(&mut self, disk_size: u64) -> Vec<Extent> {
            let count = self.below(12);
            (0..count)
                .map(|_| {
                    let offset = self.below(disk_size + 1);
                    let len_bytes = self.below((disk_size - offset + 1).min(9));
                    extent(offset, len_bytes, [Data, Zero, Unchanged][narrow(self.below(3))])
                })
                .collect()
        }
    }

    /// The same byte for byte: what each byte of the disk is.
    fn painted(extents: &[Extent], disk_size: u64) -> Vec<State> {
        let mut bytes = vec![Unchanged; narrow(disk_size)];
        for state in [Zero, Data] {
            for extent in extents.iter().filter(|extent| extent.state == state) {
                bytes[narrow(extent.offset)..narrow(extent.end())].fill(state);
            }
        }
        bytes
    }

    /// What to do with a range, read off its bytes.
    fn wanted_of(bytes: &[State]) -> Wanted {
        match (bytes.contains(&Data), bytes.contains(&Zero), bytes.contains(&Unchanged)) {
            (true, _, _) | (_, true, true) => Wanted::Read,
            (_, true, _) => Wanted::Zero,
            _ => Wanted::Keep,
        }
    }

    #[test]
    fn a_byte_by_byte_reference_agrees_on_every_range() {
        const DISK: u64 = 40;
        for seed in 0..3000 {
            let extents = Random(seed).extents(DISK);
            let bytes = painted(&extents, DISK);
            let count = |state| bytes.iter().filter(|byte| **byte == state).count() as u64;
            let compare = |view: View<'_>| {
                for offset in 0..=DISK {
                    for end in offset..=DISK {
                        let range = &bytes[narrow(offset)..narrow(end)];
                        assert_eq!(
                            view.wanted(offset, end - offset),
                            wanted_of(range),
                            "seed {seed}: {offset}..{end} of {extents:?}"
                        );
                    }
                    let next = (offset..DISK).find(|&at| bytes[narrow(at)] != Unchanged);
                    assert_eq!(view.next_touched(offset), next, "seed {seed}: from {offset} of {extents:?}");
                }
                assert_eq!(view.data_bytes(), count(Data), "seed {seed}: {extents:?}");
                assert_eq!(view.zero_bytes(), count(Zero), "seed {seed}: {extents:?}");
            };
            asked(&extents, DISK, compare).unwrap();
        }
    }

    #[test]
    fn what_is_settled_is_sorted_and_has_gaps() {
        for seed in 0..3000 {
            let extents = Random(seed).extents(100);
            let look = |view: View<'_>| {
                for (list, state) in [(view.data, Data), (view.zero, Zero)] {
                    assert!(list.iter().all(|extent| extent.state == state && extent.len_bytes > 0), "seed {seed}: {list:?}");
                    assert!(list.windows(2).all(|two| two[0].end() < two[1].offset), "seed {seed}: {list:?}");
                }
            };
            asked(&extents, 100, look).unwrap();
        }
    }

    #[test]
    fn sorting_does_what_another_sort_does() {
        let mut random = Random(7);
        for len in [0, 1, 2, 3, 4, 5, 8, 31, 32, 33, 1000] {
            for spread in [1, 3, 1 << 40] {
                let mut ours: Vec<_> =
                    (0..len).map(|_| extent(random.below(spread), 1, [Data, Zero][narrow(random.below(2))])).collect();
                let mut theirs = ours.clone();
                sort(&mut ours);
                theirs.sort_by_key(Extent::order);
                assert_eq!(ours, theirs, "{len} below {spread}");
            }
        }
    }

    #[test]
    fn data_wins_over_zeros_whatever_comes_first() {
        let (data, zero) = (extent(4, 4, Data), extent(0, 16, Zero));
        for both in [[data, zero], [zero, data]] {
            let wanted = |view: View<'_>| [(0, 4), (0, 5), (7, 1), (8, 8), (8, 9)].map(|(at, len)| view.wanted(at, len));
            assert_eq!(
                asked(&both, 32, wanted),
                Ok([Wanted::Zero, Wanted::Read, Wanted::Read, Wanted::Zero, Wanted::Read]),
                "{both:?}"
            );
        }
    }

    #[test]
    fn unchanged_takes_nothing_back_and_no_room() {
        let mut array = [Extent::FREE; 1];
        let mut slots = Fixed(&mut array);
        let mut hints = Hints::new(&mut slots);
        for given in [extent(0, 64, Unchanged), extent(8, 8, Data), extent(0, 64, Unchanged)] {
            hints.push(given).unwrap();
        }
        let view = hints.settle(64).unwrap();
        assert_eq!((view.wanted(0, 8), view.wanted(8, 8), view.wanted(16, 48)), (Wanted::Keep, Wanted::Read, Wanted::Keep));
    }

    #[test]
    fn what_follows_each_other_takes_one_slot_in_either_direction() {
        for offsets in [[0, 8, 16], [16, 8, 0], [8, 8, 12]] {
            let mut array = [Extent::FREE; 1];
            let mut slots = Fixed(&mut array);
            let mut hints = Hints::new(&mut slots);
            for offset in offsets {
                hints.push(extent(offset, 8, Zero)).unwrap();
            }
            let view = hints.settle(64).unwrap();
            let len_bytes = if offsets[2] == 12 { 12 } else { 24 };
            assert_eq!((view.zero_bytes(), view.next_touched(0)), (len_bytes, offsets.into_iter().min()), "{offsets:?}");
        }
    }

    #[test]
    fn none_say_that_nothing_changed() {
        let look = |view: View<'_>| (view.wanted(0, u64::MAX), view.next_touched(0), view.data_bytes(), view.zero_bytes());
        assert_eq!(asked(&[], 0, look), Ok((Wanted::Keep, None, 0, 0)));
    }

    #[test]
    fn a_range_without_bytes_and_one_behind_the_disk_are_kept() {
        let wanted = |view: View<'_>| [(4, 0), (8, 1), (u64::MAX, 5), (7, u64::MAX)].map(|(at, len)| view.wanted(at, len));
        assert_eq!(asked(&[extent(0, 8, Data)], 8, wanted), Ok([Wanted::Keep, Wanted::Keep, Wanted::Keep, Wanted::Read]));
    }

    #[test]
    fn the_disk_may_be_as_large_as_offsets_reach() {
        let last = [extent(u64::MAX - 1, 1, Data), extent(0, u64::MAX - 1, Zero)];
        let look =
            |view: View<'_>| (view.wanted(u64::MAX - 1, 9), view.wanted(0, u64::MAX - 1), view.data_bytes(), view.zero_bytes());
        assert_eq!(asked(&last, u64::MAX, look), Ok((Wanted::Read, Wanted::Zero, 1, u64::MAX - 1)));
        for (offset, len_bytes) in [(u64::MAX, 1), (1, u64::MAX), (u64::MAX, u64::MAX)] {
            let refused = asked(&[extent(offset, len_bytes, Unchanged)], u64::MAX, |_| ());
            assert_eq!(refused, Err(Error::Hint { offset, len_bytes }));
        }
    }

    #[test]
    fn an_extent_may_end_with_the_disk_and_not_a_byte_behind_it() {
        for state in [Data, Zero, Unchanged] {
            for (offset, len_bytes) in [(0, 64), (63, 1), (0, 1)] {
                assert_eq!(asked(&[extent(offset, len_bytes, state)], 64, |_| ()), Ok(()));
            }
            for (offset, len_bytes) in [(0, 65), (63, 2), (64, 1), (1000, 1)] {
                // It is named as it was given, though it joins the one before.
                let given = [extent(0, 64, state), extent(offset, len_bytes, state), extent(3, 3, Data)];
                assert_eq!(asked(&given, 64, |_| ()), Err(Error::Hint { offset, len_bytes }));
            }
            assert_eq!(asked(&[extent(1000, 0, state), extent(u64::MAX, 0, state)], 64, |_| ()), Ok(()));
        }
    }

    #[test]
    fn a_full_array_says_how_many_it_needs() {
        let mut array = [Extent::FREE; 2];
        let mut slots = Fixed(&mut array);
        let mut hints = Hints::new(&mut slots);
        hints.push(extent(0, 1, Data)).unwrap();
        hints.push(extent(4, 1, Data)).unwrap();
        assert_eq!(hints.push(extent(8, 1, Data)), Err(Error::Memory { memory: Memory::Hints, needed: 3 }));
        // What joins the last one needs no slot, and what was refused left no trace in them.
        hints.push(extent(5, 1, Data)).unwrap();
        let view = hints.settle(64).unwrap();
        assert_eq!((view.data_bytes(), view.wanted(8, 1)), (3, Wanted::Keep));
    }

    #[test]
    fn memory_grows_in_few_steps_to_the_last_slot() {
        const MAX: usize = 1500;
        let mut slots = Growing { items: Vec::new(), items_max: MAX, asked: 0 };
        let mut hints = Hints::new(&mut slots);
        for at in 0..MAX as u64 {
            hints.push(extent(at * 2, 1, Data)).unwrap();
        }
        let refused = hints.push(extent(1 << 20, 1, Data));
        assert_eq!(refused, Err(Error::Memory { memory: Memory::Hints, needed: 1501 }));
        assert_eq!(hints.settle(1 << 21).unwrap().data_bytes(), MAX as u64);
        assert!(slots.asked < 100, "asked {} times", slots.asked);
    }

    #[test]
    fn memory_that_shrinks_is_an_error_and_not_a_disk_without_changes() {
        struct Shrinking([Extent; 1], usize);
        impl Slots<Extent> for Shrinking {
            fn items(&self) -> &[Extent] {
                &self.0[..self.1]
            }
            fn items_mut(&mut self) -> &mut [Extent] {
                let len = mem::take(&mut self.1);
                &mut self.0[..len]
            }
            fn grow(&mut self, _wanted: usize, _fill: Extent) -> bool {
                false
            }
        }
        let mut slots = Shrinking([Extent::FREE], 1);
        let mut hints = Hints::new(&mut slots);
        hints.push(extent(0, 1, Data)).unwrap();
        assert!(matches!(hints.settle(64), Err(Error::Memory { memory: Memory::Hints, .. })));
    }

    #[test]
    fn a_view_can_be_shared() {
        fn shared<T: Copy + Send + Sync>() {}
        shared::<View<'static>>();
    }
}
