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
const EMPTY: Slot = Slot { fingerprint: 0, segment: 0, offset_flags: 0 };

impl Slot {
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
        slots.items_mut().fill(EMPTY);
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
        self.slots.items_mut().fill(EMPTY);
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
            let slot = core::mem::replace(slot, EMPTY);
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
        if self.slots.grow(wanted, EMPTY) {
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
        let moving = core::mem::replace(slot, EMPTY);
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
