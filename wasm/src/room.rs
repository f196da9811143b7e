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
use sarsen_core::types::{SegmentNumber, narrow};
use std::cell::Cell;
use std::rc::Rc;

/// The most entries of which the places fit into memory: 285 MiB of slots.
pub const ENTRIES_MAX: u64 = 1 << 24;
/// So many slots come without counting: 2 MiB.
const SLOTS_UNCOUNTED: usize = 1 << 17;
/// So many lines are counted in a step.
const LINES: u32 = 512;

/// How many slots the index grows to in one step, once somebody has counted.
#[derive(Clone, Default)]
pub struct Plan(Rc<Cell<usize>>);

impl Plan {
    /// Room for so many entries, nine in ten slots; none to have them counted again.
    pub fn set(&self, entries: u64) {
        let spare = if entries == 0 { 0 } else { (entries / 9).saturating_add(64) };
        self.0.set(narrow(entries.saturating_add(spare)));
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
        let planned = self.plan.0.get();
        let slots = if wanted <= SLOTS_UNCOUNTED { wanted } else { planned };
        let missing = slots.saturating_sub(self.slots.len());
        if slots < wanted || self.slots.try_reserve_exact(missing).is_err() {
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
}

impl Count {
    /// From the first segment on.
    pub fn of(store: &Store<'_>) -> Count {
        Count { walk: store.table_walk(), after: None, lines: None, entries: 0 }
    }

    /// One step: a segment with a footer, which knows how many it lists, or some entries of one without. How many there are, at the end.
    pub fn step(&mut self, store: &mut Store<'_>) -> Result<Option<u64>, Error> {
        if let Some(lines) = &mut self.lines {
            for _ in 0..LINES {
                match passed_over(store.next_line(lines))? {
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
        let prefix = passed_over(store.prefix(segment, &mut self.walk).map(Some))?;
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
fn passed_over<T>(result: Result<Option<T>, Error>) -> Result<Option<T>, Error> {
    match result {
        Err(error) if error.unread().is_some() => Ok(None),
        result => result,
    }
}
