//! Where objects lie: id -> place, in lent memory, 16 bytes a slot.
//!
//! A slot keeps a 64-bit fingerprint of the id, seeded at random so that nobody can craft ids that crowd together. The table is *sorted by
//! fingerprint*, with gaps: a fingerprint's home is its share of the table, and an object lies at its home or beside it, to the left or to
//! the right, with no empty slot between. Hence:
//!
//! - a search walks from the home towards the fingerprint and ends at the first gap or at the first fingerprint beyond it;
//! - an insertion pushes neighbours towards the nearest gap, whichever side it is on, so every slot can be used and nothing wraps around;
//! - growing stretches the table in place, from the back to the front, without a second table.
//!
//! Several places may share a fingerprint, because they are of one id or by chance: the index names candidates, and whoever asks compares
//! the full id on the medium. It does not know what a place holds, nor whether it can be read.

use crate::error::{Error, Memory};
use crate::host::Slots;
use crate::types::{Id, Place, SegmentNumber, narrow, wide};

/// What the caller keeps with a place: four bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Flags(u8);

impl Flags {
    /// None of them.
    pub const NONE: Flags = Flags(0);
    /// All of them.
    pub const ALL: Flags = Flags(0xF);

    /// The low four of these bits.
    pub const fn from_bits(bits: u8) -> Flags {
        Flags(bits & 0xF)
    }

    /// As bits; below 16.
    pub const fn bits(self) -> u8 {
        self.0
    }

    /// Whether all of `wanted` are set.
    pub const fn has(self, wanted: Flags) -> bool {
        self.0 & wanted.0 == wanted.0
    }

    /// These and `more`.
    pub const fn with(self, more: Flags) -> Flags {
        Flags(self.0 | more.0)
    }

    /// These but for `less`.
    pub const fn without(self, less: Flags) -> Flags {
        Flags(self.0 & !less.0)
    }
}

/// Which slot; until the next insertion or removal.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct SlotIndex(usize);

/// One object. Offsets of entries are multiples of 16, which leaves four bits for flags.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Slot {
    fingerprint: u64, // 0: the slot is empty
    segment: u32,
    offset_flags: u32,
}

const _: () = assert!(size_of::<Slot>() == 16);

const FLAG_BITS: u32 = 0xF;
impl Slot {
    /// No object.
    pub const FREE: Slot = Slot { fingerprint: 0, segment: 0, offset_flags: 0 };

    fn new(fingerprint: u64, place: Place, flags: Flags) -> Slot {
        debug_assert!(place.offset & FLAG_BITS == 0, "entries are aligned");
        Slot { fingerprint, segment: place.segment.0, offset_flags: place.offset & !FLAG_BITS | u32::from(flags.0) }
    }

    fn is_empty(&self) -> bool {
        self.fingerprint == 0
    }

    fn place(&self) -> Place {
        Place::new(SegmentNumber(self.segment), self.offset_flags & !FLAG_BITS)
    }

    fn flags(&self) -> Flags {
        Flags(self.offset_flags.to_le_bytes()[0] & 0xF)
    }

    fn set_flags(&mut self, flags: Flags) {
        self.offset_flags = self.offset_flags & !FLAG_BITS | u32::from(flags.0);
    }
}

/// What the index takes, for reports.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Usage {
    /// Objects in it.
    pub objects: u64,
    /// Slots there are.
    pub slots: u64,
}

/// The index: see the module.
pub struct Index<'m> {
    slots: &'m mut dyn Slots<Slot>,
    seed: [u64; 4],
    used: usize,
}

impl<'m> Index<'m> {
    /// An empty index in `slots`, whatever they hold. `seed` is random and need not be kept.
    pub fn new(slots: &'m mut dyn Slots<Slot>, seed: [u64; 4]) -> Index<'m> {
        slots.items_mut().fill(Slot::FREE);
        Index { slots, seed, used: 0 }
    }

    /// Objects in it.
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// What it takes.
    pub fn usage(&self) -> Usage {
        Usage { objects: wide(self.used), slots: wide(self.slots.items().len()) }
    }

    /// Removes all.
    pub fn clear(&mut self) {
        self.slots.items_mut().fill(Slot::FREE);
        self.used = 0;
    }

    /// Adds a place for `id`, beside any there are. Fails only when every slot is in use and no more are lent; nothing has changed then.
    pub fn insert(&mut self, id: &Id, place: Place) -> Result<(), Error> {
        self.make_room()?;
        let slot = Slot::new(fingerprint(&self.seed, id), place, Flags::NONE);
        put(self.slots.items_mut(), slot);
        self.used = self.used.saturating_add(1);
        Ok(())
    }

    /// All places `id` may lie at.
    pub fn candidates(&self, id: &Id) -> impl Iterator<Item = (SlotIndex, Place, Flags)> + '_ {
        let wanted = fingerprint(&self.seed, id);
        let slots = self.slots.items();
        let first = find(slots, wanted);
        let same = slots.get(first..).unwrap_or_default().iter().take_while(move |slot| slot.fingerprint == wanted);
        (first..).zip(same).map(|(at, slot)| (SlotIndex(at), slot.place(), slot.flags()))
    }

    /// All places, in no order that means anything.
    pub fn all(&self) -> impl Iterator<Item = (SlotIndex, Place, Flags)> + '_ {
        let slots = self.slots.items().iter().enumerate();
        slots.filter(|(_, slot)| !slot.is_empty()).map(|(at, slot)| (SlotIndex(at), slot.place(), slot.flags()))
    }

    /// Gives an object another place; its flags stay.
    pub fn replace(&mut self, at: SlotIndex, place: Place) {
        if let Some(slot) = self.slot_mut(at) {
            *slot = Slot::new(slot.fingerprint, place, slot.flags());
        }
    }

    /// An object's flags.
    pub fn flags(&self, at: SlotIndex) -> Flags {
        self.slots.items().get(at.0).map_or(Flags::NONE, Slot::flags)
    }

    /// Sets an object's flags to exactly these.
    pub fn set_flags(&mut self, at: SlotIndex, flags: Flags) {
        if let Some(slot) = self.slot_mut(at) {
            slot.set_flags(flags);
        }
    }

    /// Clears these flags of all objects.
    pub fn clear_flags_all(&mut self, flags: Flags) {
        for slot in self.slots.items_mut() {
            slot.set_flags(slot.flags().without(flags)); // an empty slot has none
        }
    }

    /// Removes every object whose place is `unwanted`, and says how many there were.
    pub fn remove_if(&mut self, mut unwanted: impl FnMut(Place) -> bool) -> usize {
        let slots = self.slots.items_mut();
        let mut kept = 0;
        for at in 0..slots.len() {
            let Some(slot) = slots.get_mut(at) else { break };
            let slot = core::mem::replace(slot, Slot::FREE);
            if !slot.is_empty() && !unwanted(slot.place()) {
                kept = append(slots, kept, slot);
            }
        }
        spread(slots, kept);
        let removed = self.used.saturating_sub(kept);
        self.used = kept;
        removed
    }

    fn slot_mut(&mut self, at: SlotIndex) -> Option<&mut Slot> {
        self.slots.items_mut().get_mut(at.0).filter(|slot| !slot.is_empty())
    }

    /// Grows by an eighth from nine tenths full on: 16 to 20 bytes an object, and nine moves for each in a lifetime.
    fn make_room(&mut self) -> Result<(), Error> {
        let len = self.slots.items().len();
        if self.used < len.saturating_sub(len / 10) {
            return Ok(());
        }
        let wanted = len.saturating_add((len / 8).max(16));
        if self.slots.grow(wanted, Slot::FREE) {
            spread(self.slots.items_mut(), len);
        }
        match self.used < self.slots.items().len() {
            true => Ok(()),
            false => Err(Error::Memory { memory: Memory::Index, needed: wide(wanted) }),
        }
    }
}

/// Puts `slot` at `at` and counts it.
fn append(slots: &mut [Slot], at: usize, slot: Slot) -> usize {
    match slots.get_mut(at) {
        Some(free) => {
            *free = slot;
            at.saturating_add(1)
        }
        None => at,
    }
}

/// A table of sorted fingerprints reads as empty beyond its end.
fn fingerprint_at(slots: &[Slot], at: usize) -> u64 {
    slots.get(at).map_or(0, |slot| slot.fingerprint)
}

/// Where a fingerprint would lie, were it alone: its share of the table.
fn home(fingerprint: u64, len: usize) -> usize {
    narrow(halves(u128::from(fingerprint).saturating_mul(u128::from(wide(len)))).1)
}

/// The first slot with this fingerprint; if there is none, where it belongs.
fn find(slots: &[Slot], wanted: u64) -> usize {
    let mut at = home(wanted, slots.len());
    if fingerprint_at(slots, at) >= wanted {
        while let Some(before) = at.checked_sub(1).filter(|&before| fingerprint_at(slots, before) >= wanted) {
            at = before;
        }
    } else {
        while (1..wanted).contains(&fingerprint_at(slots, at)) {
            at = at.saturating_add(1);
        }
    }
    at
}

/// Inserts `slot` where it belongs. Nothing happens if no slot is empty.
fn put(slots: &mut [Slot], slot: Slot) {
    let at = find(slots, slot.fingerprint);
    let Some(gap) = nearest_gap(slots, at) else { return };
    let mut carried = slot;
    if gap >= at {
        let pushed = slots.get_mut(at..=gap).unwrap_or_default();
        pushed.iter_mut().for_each(|slot| core::mem::swap(slot, &mut carried));
    } else {
        let pushed = slots.get_mut(gap..at).unwrap_or_default();
        pushed.iter_mut().rev().for_each(|slot| core::mem::swap(slot, &mut carried));
    }
}

/// The empty slot nearest to `at`; on its right, `at` itself counts.
fn nearest_gap(slots: &[Slot], at: usize) -> Option<usize> {
    let (left, right) = slots.split_at_checked(at)?;
    for distance in 0..slots.len() {
        if right.get(distance).is_some_and(Slot::is_empty) {
            return at.checked_add(distance);
        }
        let before = left.len().checked_sub(distance.saturating_add(1));
        if before.and_then(|before| left.get(before)).is_some_and(Slot::is_empty) {
            return before;
        }
    }
    None
}

/// Spreads the objects among the first `end` slots over the whole table, each to its home or as near below it as there is room.
///
/// From the back, so that each moves once and onto a slot that is free: never to the left of where it was. One that is beyond its home
/// already stays, and so do all in the run before it, so there is still no gap between it and its home.
fn spread(slots: &mut [Slot], end: usize) {
    let len = slots.len();
    let mut limit = len;
    for from in (0..end).rev() {
        let Some(slot) = slots.get_mut(from) else { continue };
        if slot.is_empty() {
            continue;
        }
        let moving = core::mem::replace(slot, Slot::FREE);
        limit = home(moving.fingerprint, len).max(from).min(limit.saturating_sub(1));
        append(slots, limit, moving);
    }
}

/// Keyed by `seed`: two products of sums (the NH hash, whose collisions cannot be found without the key), then folded to 64 bits so that
/// the high ones, which choose the home, are as good as the low.
fn fingerprint(seed: &[u64; 4], id: &Id) -> u64 {
    let (words, _) = id.0.as_chunks::<8>();
    let mut keyed = words.iter().zip(seed).map(|(word, key)| u64::from_le_bytes(*word).wrapping_add(*key));
    let mut product = || u128::from(keyed.next().unwrap_or(1)).wrapping_mul(u128::from(keyed.next().unwrap_or(1)));
    let (low, high) = halves(product().wrapping_add(product()));
    let [first, .., last] = *seed;
    let (low, high) = halves(u128::from(low ^ last).wrapping_mul(u128::from(high ^ first)));
    (low ^ high).max(1)
}

/// The low and the high 64 bits.
#[allow(clippy::cast_possible_truncation)] // the other half is the other result
fn halves(value: u128) -> (u64, u64) {
    (value as u64, (value >> 64) as u64)
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::*;
    use crate::host::Fixed;
    use std::collections::HashMap;
    use std::vec::Vec;

    const SEED: [u64; 4] = [0x243F_6A88_85A3_08D3, 0x1319_8A2E_0370_7344, 0xA409_3822_299F_31D0, 0x082E_FA98_EC4E_6C89];

    /// A vector that grows up to a limit, as a host lends it.
    struct Growing(Vec<Slot>, usize);

    impl Slots<Slot> for Growing {
        fn items(&self) -> &[Slot] {
            &self.0
        }
        fn items_mut(&mut self) -> &mut [Slot] {
            &mut self.0
        }
        fn grow(&mut self, wanted: usize, fill: Slot) -> bool {
            if wanted > self.1 {
                return false;
            }
            self.0.resize(wanted.max(self.0.len()), fill);
            true
        }
    }

    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        }
        fn below(&mut self, end: usize) -> usize {
            home(self.next(), end)
        }
        fn id(&mut self) -> Id {
            let mut id = [0; 32];
            id.chunks_exact_mut(8).for_each(|word| word.copy_from_slice(&self.next().to_le_bytes()));
            Id(id)
        }
    }

    fn place(number: usize) -> Place {
        let number = u32::try_from(number).unwrap();
        Place::new(SegmentNumber(number / 1000), number % 1000 * 16)
    }

    /// What every search relies on: sorted, and no gap between an object and its home.
    fn assert_sound(slots: &[Slot], used: usize) {
        let mut last = 0;
        let mut gaps = 0; // empty slots before the one looked at
        let gaps_before: Vec<usize> = slots.iter().map(|slot| (gaps, gaps += usize::from(slot.is_empty())).0).collect();
        for (at, slot) in slots.iter().enumerate().filter(|(_, slot)| !slot.is_empty()) {
            assert!(last <= slot.fingerprint, "sorted");
            last = slot.fingerprint;
            let home = home(slot.fingerprint, slots.len());
            assert!(!slots[home].is_empty() && gaps_before[home] == gaps_before[at], "slot {at} is cut off from its home {home}");
        }
        assert_eq!(slots.len() - gaps, used);
    }

    fn places(index: &Index<'_>, id: &Id) -> Vec<Place> {
        let mut places: Vec<Place> = index.candidates(id).map(|(_, place, _)| place).collect();
        places.sort();
        places
    }

    fn slots_with(fingerprints: &[u64], len: usize) -> Vec<Slot> {
        let mut slots = std::vec![Slot::FREE; len];
        for (number, &fingerprint) in fingerprints.iter().enumerate() {
            put(&mut slots, Slot::new(fingerprint, place(number), Flags::NONE));
        }
        slots
    }

    #[test]
    fn a_fingerprint_depends_on_every_bit_of_id_and_seed() {
        let id = Id(core::array::from_fn(|i| i.to_le_bytes()[0]));
        let right = fingerprint(&SEED, &id);
        for bit in 0..256 {
            let mut other = id;
            other.0[bit / 8] ^= 1 << (bit % 8);
            let distance = (fingerprint(&SEED, &other) ^ right).count_ones();
            assert!((8..56).contains(&distance), "bit {bit} of the id changes {distance} bits");
            let mut seed = SEED;
            seed[bit / 64] ^= 1 << (bit % 64);
            assert_ne!(fingerprint(&seed, &id), right, "bit {bit} of the seed");
        }
    }

    #[test]
    fn no_id_has_the_fingerprint_of_an_empty_slot() {
        // The second fold's factor is `low ^ seed[3]`; with this id both products are 0, so both low and high are.
        let id = Id([0; 32]);
        assert_eq!(fingerprint(&[0, 0, 0, 0], &id), 1);
    }

    #[test]
    fn ids_that_count_up_spread_as_random_ones_do() {
        let homes = 1000;
        let mut counts = std::vec![0; homes];
        for number in 0..100_000u64 {
            let mut id = [0; 32];
            id[..8].copy_from_slice(&number.to_le_bytes());
            counts[home(fingerprint(&SEED, &Id(id)), homes)] += 1;
        }
        assert!(counts.iter().all(|count| (50..150).contains(count)), "100 each, give or take five deviations");
    }

    #[test]
    fn an_empty_index_has_nothing_and_no_memory_is_an_error() {
        let mut none = Fixed::<Slot>(&mut []);
        let mut index = Index::new(&mut none, SEED);
        assert_eq!(places(&index, &Id([1; 32])), []);
        assert_eq!(index.insert(&Id([1; 32]), place(0)), Err(Error::Memory { memory: Memory::Index, needed: 16 }));
        assert_eq!((index.len(), index.is_empty(), index.remove_if(|_| true)), (0, true, 0));
    }

    #[test]
    fn lent_memory_may_hold_anything() {
        let mut slots = [Slot { fingerprint: 5, segment: 6, offset_flags: 7 }; 10];
        let mut lent = Fixed(&mut slots);
        let index = Index::new(&mut lent, SEED);
        assert_eq!((index.all().count(), index.usage()), (0, Usage { objects: 0, slots: 10 }));
    }

    #[test]
    fn an_array_is_used_to_its_last_slot_and_then_fails_cleanly() {
        for len in [1, 2, 3, 10, 64, 1000] {
            let mut random = Random(len as u64);
            let mut slots = std::vec![Slot::FREE; len];
            let mut lent = Fixed(&mut slots);
            let mut index = Index::new(&mut lent, SEED);
            let ids: Vec<Id> = (0..len).map(|_| random.id()).collect();
            for (number, id) in ids.iter().enumerate() {
                assert_eq!(index.insert(id, place(number)), Ok(()));
            }
            let refused = index.insert(&random.id(), place(0));
            assert!(matches!(refused, Err(Error::Memory { memory: Memory::Index, needed }) if needed > wide(len)));
            assert_sound(index.slots.items(), len);
            for (number, id) in ids.iter().enumerate() {
                assert_eq!(places(&index, id), [place(number)]);
            }
            assert_eq!(places(&index, &random.id()), []);
            assert_eq!(index.remove_if(|at| at == place(0)), 1);
            assert_eq!(index.insert(&ids[0], place(0)), Ok(()));
        }
    }

    #[test]
    fn neighbours_are_pushed_to_the_nearer_gap() {
        const TENTH: u64 = u64::MAX / 10; // of a table of 10: homes 0 to 9
        let at = |home: u64| home * TENTH + TENTH / 2;
        let layout = |fingerprints: &[u64]| slots_with(fingerprints, 10).iter().map(|slot| slot.fingerprint).collect::<Vec<_>>();
        assert_eq!(layout(&[at(0), at(9), at(5)]), [at(0), 0, 0, 0, 0, at(5), 0, 0, 0, at(9)]);
        assert_eq!(layout(&[at(5), at(5) + 1]), [0, 0, 0, 0, 0, at(5), at(5) + 1, 0, 0, 0]);
        assert_eq!(layout(&[at(5), at(5) - 1]), [0, 0, 0, 0, at(5) - 1, at(5), 0, 0, 0, 0], "nothing need be pushed");
        assert_eq!(layout(&[at(5), at(6), at(7), at(5) + 1]), [0, 0, 0, 0, at(5), at(5) + 1, at(6), at(7), 0, 0]);
        assert_eq!(layout(&[at(9), at(9) + 1, at(9) + 2]), [0, 0, 0, 0, 0, 0, 0, at(9), at(9) + 1, at(9) + 2], "no wrapping");
        assert_eq!(layout(&[at(0), at(0) - 1, at(0) - 2]), [at(0) - 2, at(0) - 1, at(0), 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(layout(&[1; 10]), [1; 10]);
        assert_eq!(layout(&[u64::MAX; 10]), [u64::MAX; 10]);
    }

    #[test]
    fn all_objects_of_one_fingerprint_are_candidates() {
        let mut lent = Growing(Vec::new(), usize::MAX);
        let mut index = Index::new(&mut lent, SEED);
        let mut random = Random(3);
        let twin = random.id();
        for number in 0..500 {
            index.insert(&twin, place(number)).unwrap();
            index.insert(&random.id(), place(1000 + number)).unwrap();
        }
        assert_sound(index.slots.items(), 1000);
        assert_eq!(places(&index, &twin), (0..500).map(place).collect::<Vec<_>>());
        assert_eq!(index.remove_if(|at| at.segment == SegmentNumber(0) && at != place(77)), 499);
        assert_eq!(places(&index, &twin), [place(77)]);
    }

    #[test]
    fn flags_stay_with_an_object_through_everything_but_their_own_change() {
        let mut lent = Growing(Vec::new(), usize::MAX);
        let mut index = Index::new(&mut lent, SEED);
        let (live, kept) = (Flags::from_bits(1), Flags::from_bits(8));
        let mut random = Random(4);
        let ids: Vec<Id> = (0..1000).map(|_| random.id()).collect();
        let flags_of = |index: &Index<'_>, id: &Id| index.candidates(id).next().map(|(_, _, flags)| flags);
        for (number, id) in ids.iter().enumerate() {
            index.insert(id, place(number)).unwrap();
            let (at, _, flags) = index.candidates(id).next().unwrap();
            assert_eq!(flags, Flags::NONE);
            index.set_flags(at, if number % 2 == 0 { live.with(kept) } else { live });
        }
        assert_eq!(index.all().filter(|(_, _, flags)| flags.has(kept)).count(), 500);
        index.clear_flags_all(live);
        index.remove_if(|at| at.offset == 0);
        for (number, id) in ids.iter().enumerate().skip(1) {
            assert_eq!(flags_of(&index, id), Some(if number % 2 == 0 { kept } else { Flags::NONE }));
            let (at, _, _) = index.candidates(id).next().unwrap();
            index.replace(at, Place::new(SegmentNumber(7), 0xFFFF_FFF0));
            assert_eq!(index.candidates(id).next().map(|(_, at, _)| at), Some(Place::new(SegmentNumber(7), 0xFFFF_FFF0)));
            assert_eq!(index.flags(at).has(kept), number % 2 == 0);
        }
        assert_eq!(Flags::from_bits(0xFF), Flags::ALL);
        assert_eq!(Flags::ALL.without(live).bits(), 0xE);
    }

    #[test]
    fn an_index_that_cannot_grow_goes_on_with_what_it_has() {
        let mut lent = Growing(Vec::new(), 100);
        let mut index = Index::new(&mut lent, SEED);
        let mut random = Random(5);
        let inserted = (0..1000).take_while(|&number| index.insert(&random.id(), place(number)).is_ok()).count();
        assert_eq!(inserted, index.slots.items().len());
        assert!(inserted > 80);
        index.clear();
        assert_eq!((index.len(), index.all().count()), (0, 0));
        assert_eq!(index.insert(&random.id(), place(0)), Ok(()));
    }

    #[test]
    fn memory_stays_below_24_bytes_an_object() {
        let mut lent = Growing(Vec::new(), usize::MAX);
        let mut index = Index::new(&mut lent, SEED);
        let mut random = Random(6);
        for number in 0..100_000 {
            index.insert(&random.id(), place(number)).unwrap();
            let Usage { objects, slots } = index.usage();
            assert!(objects < 200 || slots * 16 <= objects * 24, "{objects} objects in {slots} slots");
        }
        assert_sound(index.slots.items(), 100_000);
    }

    /// Against a map, with fingerprints that crowd: many equal, many next to each other, at both ends of the table.
    #[test]
    fn it_agrees_with_a_map_whatever_the_fingerprints() {
        for seed in 0..60 {
            let mut random = Random(seed);
            let mut lent = Growing(std::vec![Slot::FREE; random.below(40)], [60, 400, usize::MAX][random.below(3)]);
            let mut index = Index::new(&mut lent, SEED);
            let mut model: HashMap<u64, Vec<Place>> = HashMap::new();
            let crowd = |random: &mut Random| match random.below(6) {
                0 => 1 + random.next() % 3,
                1 => u64::MAX - random.next() % 3,
                2 => (1 << 63) + random.next() % 50,
                3 => (random.next() % 7 + 1) << 60,
                _ => random.next().max(1),
            };
            for step in 0..1500 {
                match random.below(40) {
                    0 => {
                        let (share, removed) = (u32::try_from(random.below(64)).unwrap() * 16, index.len());
                        let unwanted = |at: Place| at.offset % 1024 <= share;
                        assert_eq!(index.remove_if(unwanted), removed - index.len());
                        model.values_mut().for_each(|places| places.retain(|&at| !unwanted(at)));
                    }
                    1..=9 => {
                        let wanted = crowd(&mut random);
                        let slots = index.slots.items();
                        let first = find(slots, wanted);
                        let found = slots[first.min(slots.len())..].iter().take_while(|slot| slot.fingerprint == wanted).count();
                        assert_eq!(found, model.get(&wanted).map_or(0, Vec::len));
                    }
                    _ => {
                        let fingerprint = crowd(&mut random);
                        let full = index.len() == index.slots.items().len();
                        if index.make_room().is_err() {
                            assert!(full, "refused only when full");
                            continue;
                        }
                        put(index.slots.items_mut(), Slot::new(fingerprint, place(step), Flags::NONE));
                        index.used += 1;
                        model.entry(fingerprint).or_default().push(place(step));
                    }
                }
                assert_sound(index.slots.items(), index.len());
            }
            let mut stored: Vec<(u64, Place)> = index.slots.items().iter().map(|slot| (slot.fingerprint, slot.place())).collect();
            stored.retain(|(fingerprint, _)| *fingerprint != 0);
            let mut expected: Vec<(u64, Place)> =
                model.iter().flat_map(|(fingerprint, places)| places.iter().map(|&at| (*fingerprint, at))).collect();
            stored.sort();
            expected.sort();
            assert_eq!(stored, expected, "seed {seed}");
        }
    }

    #[test]
    #[ignore = "long: sixteen million objects"]
    fn sixteen_million_objects_are_found_again() {
        let mut lent = Growing(Vec::new(), usize::MAX);
        let mut index = Index::new(&mut lent, SEED);
        let mut random = Random(8);
        let (objects, started) = (16_000_000, std::time::Instant::now());
        for number in 0..objects {
            index.insert(&random.id(), Place::new(SegmentNumber(number / 1000), number % 1000 * 16)).unwrap();
        }
        std::println!("inserted {objects} in {:?}, {:?}", started.elapsed(), index.usage());
        let (mut random, started) = (Random(8), std::time::Instant::now());
        for number in 0..objects {
            let place = Place::new(SegmentNumber(number / 1000), number % 1000 * 16);
            assert!(index.candidates(&random.id()).any(|(_, at, _)| at == place));
        }
        std::println!("found all in {:?}", started.elapsed());
    }
}
