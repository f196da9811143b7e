//! Damage marks in lent memory: places whose entries cannot be used. A mark is on a place, never on an id; whether a version is hit is derived.

use crate::error::{Error, Memory};
use crate::format::damage::Mark;
use crate::host::Slots;
use crate::types::{Digest, Place, SegmentNumber, wide};

/// A mark, and whether this run of a verb has seen that it still holds.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Marked {
    mark: Mark,
    confirmed: bool,
}

impl Marked {
    /// A free slot.
    pub const FREE: Marked = Marked {
        mark: Mark { place: Place { segment: SegmentNumber(0), offset: 0 }, len_bytes: 0, when: 0, digest: Digest::ZERO },
        confirmed: false,
    };
}

/// Marks, ordered by place.
pub struct Marks<'m> {
    slots: &'m mut dyn Slots<Marked>,
    used: usize,
    changed: bool,
}

impl<'m> Marks<'m> {
    /// No marks yet.
    pub fn new(slots: &'m mut dyn Slots<Marked>) -> Marks<'m> {
        Marks { slots, used: 0, changed: false }
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.used
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.used == 0
    }

    /// Whether they differ from what was loaded.
    pub fn changed(&self) -> bool {
        self.changed
    }

    fn all(&self) -> &[Marked] {
        self.slots.items().get(..self.used).unwrap_or(&[])
    }

    /// The marks, in order of place.
    pub fn iter(&self) -> impl Iterator<Item = &Mark> {
        self.all().iter().map(|marked| &marked.mark)
    }

    /// Mark `number`, in order of place.
    pub fn get(&self, number: usize) -> Option<&Mark> {
        self.all().get(number).map(|marked| &marked.mark)
    }

    fn position(&self, place: Place) -> Result<usize, usize> {
        self.all().binary_search_by_key(&place, |marked| marked.mark.place)
    }

    /// Whether the entry at a place is marked.
    pub fn contains(&self, place: Place) -> bool {
        self.position(place).is_ok()
    }

    /// Whether any entry of a segment is marked.
    pub fn any_in(&self, segment: SegmentNumber) -> bool {
        let from = self.position(Place::new(segment, 0)).unwrap_or_else(|at| at);
        self.all().get(from).is_some_and(|marked| marked.mark.place.segment == segment)
    }

    /// Takes a mark over from the damage list.
    pub fn load(&mut self, mark: Mark) -> Result<(), Error> {
        let changed = self.changed;
        self.insert(mark, false)?;
        self.changed = changed;
        Ok(())
    }

    /// A finding at this place; keeps the older mark if there is one.
    pub fn confirm(&mut self, mark: Mark) -> Result<(), Error> {
        match self.position(mark.place) {
            Ok(at) => {
                if let Some(marked) = self.slots.items_mut().get_mut(at) {
                    marked.confirmed = true;
                }
                Ok(())
            }
            Err(_) => self.insert(mark, true),
        }
    }

    fn insert(&mut self, mark: Mark, confirmed: bool) -> Result<(), Error> {
        let Err(at) = self.position(mark.place) else { return Ok(()) };
        let wanted = self.used.saturating_add(1);
        if !self.slots.grow(wanted, Marked::FREE) {
            return Err(Error::Memory { memory: Memory::Marks, needed: wide(wanted) });
        }
        let mut carried = Marked { mark, confirmed };
        let pushed = self.slots.items_mut().get_mut(at..wanted).unwrap_or_default();
        pushed.iter_mut().for_each(|slot| core::mem::swap(slot, &mut carried));
        self.used = wanted;
        self.changed = true;
        Ok(())
    }

    /// Removes the marks that `keep` turns down; it is told whether the mark was confirmed.
    pub fn retain(&mut self, keep: &dyn Fn(&Mark, bool) -> bool) {
        let mut kept = 0usize;
        for at in 0..self.used {
            let items = self.slots.items_mut();
            let Some(&marked) = items.get(at) else { break };
            if keep(&marked.mark, marked.confirmed) {
                if let Some(slot) = items.get_mut(kept) {
                    *slot = marked;
                }
                kept = kept.saturating_add(1);
            }
        }
        self.changed |= kept != self.used;
        self.used = kept;
    }

    /// Forgets all marks because the list they came from cannot be read: it is to be written anew.
    pub fn lose(&mut self) {
        self.used = 0;
        self.changed = true;
    }

    /// Forgets all marks.
    pub fn clear(&mut self) {
        self.used = 0;
        self.changed = false;
    }
}
