//! Room for the index: how many entries there are is counted before it grows large, so that it is made at once.
//!
//! A table that grows is copied, and memory of WebAssembly is never given back: old and new together would take twice as much. And a repository that
//! has more than fits is refused before memory was taken for it.

use sarsen_core::error::Error;
use sarsen_core::host::Slots;
use sarsen_core::index::Slot;
use sarsen_core::segment::{Item, Lines};
use sarsen_core::store::Store;
use sarsen_core::tree::Cursor;
use sarsen_core::types::{SegmentNumber, narrow, wide};
use std::cell::Cell;
use std::rc::Rc;

/// What all may take together where nobody says how much: enough for 2^24 entries.
const ALL_BYTES: u64 = 512 << 20;
/// What is not the index's of that: workers and batches have 180 MiB, pages of tables 32, the director itself the rest.
const OTHERS_BYTES: u64 = 227 << 20;
const SLOT_BYTES: u64 = size_of::<Slot>() as u64;
/// A vector has at most so many here, where addresses have 32 bits.
const SLOTS_MAX: u64 = i32::MAX as u64 / SLOT_BYTES;
/// So many slots come without counting: 2 MiB.
const SLOTS_UNCOUNTED: usize = 1 << 17;
/// So many stay free in any case.
const SLOTS_SPARE: u64 = 64;
/// So many lines are counted in a step.
const LINES: u32 = 512;

const _: () = assert!(SLOT_BYTES == 16 && Budget::of_slots((ALL_BYTES - OTHERS_BYTES) / SLOT_BYTES).entries_max() >= 1 << 24);

/// How many entries there may be.
#[derive(Clone, Copy)]
pub struct Budget {
    slots: u64,
}

impl Budget {
    /// What is left for the index of what all may take together; or how much it must be at least.
    pub fn of(all_bytes: Option<u64>) -> Result<Budget, u64> {
        let (all_bytes, least_bytes) = (all_bytes.unwrap_or(ALL_BYTES), bytes_of(wide(SLOTS_UNCOUNTED)));
        if all_bytes < least_bytes {
            return Err(least_bytes);
        }
        Ok(Budget::of_slots(all_bytes.saturating_sub(OTHERS_BYTES) / SLOT_BYTES))
    }

    const fn of_slots(slots: u64) -> Budget {
        Budget { slots: if slots < SLOTS_MAX { slots } else { SLOTS_MAX } }
    }

    /// The most entries that [`slots_for`] says fit.
    pub const fn entries_max(&self) -> u64 {
        let slots = self.slots.saturating_sub(SLOTS_SPARE);
        let last = slots % 10;
        (slots / 10).saturating_mul(9).saturating_add(if last < 8 { last } else { 8 })
    }
}

/// What all together must be allowed to take for so many entries; none where that is more than there can be.
pub fn bytes_for(entries: u64) -> Option<u64> {
    Some(slots_for(entries)).filter(|slots| *slots <= SLOTS_MAX).map(bytes_of)
}

fn bytes_of(slots: u64) -> u64 {
    slots.saturating_mul(SLOT_BYTES).saturating_add(OTHERS_BYTES)
}

/// Nine in ten are used.
fn slots_for(entries: u64) -> u64 {
    entries.saturating_add(entries / 9).saturating_add(SLOTS_SPARE)
}

/// How many slots the index grows to in one step, once somebody has counted.
#[derive(Clone, Default)]
pub struct Plan(Rc<Cell<usize>>);

impl Plan {
    /// Room for so many entries.
    pub fn set(&self, entries: u64) {
        self.0.set(narrow(slots_for(entries)));
    }

    /// They are to be counted again.
    pub fn clear(&self) {
        self.0.set(0);
    }

    /// Whether there is none.
    pub fn is_none(&self) -> bool {
        self.0.get() == 0
    }
}

/// What the index is lent.
pub struct IndexRoom {
    slots: Vec<Slot>,
    plan: Plan,
}

impl IndexRoom {
    /// Empty.
    pub fn new(plan: Plan) -> IndexRoom {
        IndexRoom { slots: Vec::new(), plan }
    }
}

impl Slots<Slot> for IndexRoom {
    fn items(&self) -> &[Slot] {
        &self.slots
    }

    fn items_mut(&mut self) -> &mut [Slot] {
        &mut self.slots
    }

    fn grow(&mut self, wanted: usize, fill: Slot) -> bool {
        let (planned, used) = (self.plan.0.get(), self.slots.len());
        if wanted > SLOTS_UNCOUNTED && planned <= used {
            return false;
        }
        let slots = if wanted > SLOTS_UNCOUNTED { planned.max(wanted) } else { wanted };
        let missing = slots.saturating_sub(used);
        if self.slots.try_reserve_exact(missing).is_err() {
            return false;
        }
        self.slots.resize(self.slots.len().saturating_add(missing), fill);
        true
    }
}

/// A walk through all segments that counts their entries. The store is to be unloaded afterwards, whose memory it has used.
pub struct Count {
    walk: Cursor,
    after: Option<SegmentNumber>,
    lines: Option<Lines>,
    entries: u64,
    complete: bool,
}

impl Count {
    /// From the first segment on.
    pub fn of(store: &Store<'_>) -> Count {
        Count { walk: store.table_walk(), after: None, lines: None, entries: 0, complete: true }
    }

    /// Whether all could be read that tells how many there are.
    pub fn is_complete(&self) -> bool {
        self.complete
    }

    /// One step: a segment with a footer, which knows how many it lists, or some entries of one without. How many there are, at the end.
    pub fn step(&mut self, store: &mut Store<'_>) -> Result<Option<u64>, Error> {
        if let Some(lines) = &mut self.lines {
            for _ in 0..LINES {
                match passed_over(store.next_line(lines), &mut self.complete)? {
                    Some(Item::Line(_)) => self.entries = self.entries.saturating_add(1),
                    Some(Item::Gap(_)) => {}
                    None => {
                        self.lines = None;
                        break;
                    }
                }
            }
            return Ok(None);
        }
        let Some(segment) = store.next_true(self.after, &mut self.walk)? else { return Ok(Some(self.entries)) };
        let prefix = passed_over(store.prefix(segment, &mut self.walk).map(Some), &mut self.complete)?;
        match prefix.map(|prefix| (prefix, prefix.footer)) {
            Some((_, Some(footer))) => self.entries = self.entries.saturating_add(footer.lines.into()),
            Some((prefix, None)) if prefix.file_bytes.is_some() && !prefix.stranger => {
                self.lines = Some(prefix.lines(&store.source()));
            }
            _ => {}
        }
        self.after = Some(segment);
        Ok(None)
    }
}

/// None where reading failed: what a scrub cannot list is not in its index, and whoever must have it will hear of it when that is loaded.
fn passed_over<T>(result: Result<Option<T>, Error>, complete: &mut bool) -> Result<Option<T>, Error> {
    match result {
        Err(error) if error.unread().is_some() => {
            *complete = false;
            Ok(None)
        }
        result => result,
    }
}
