//! Damage marks in lent memory: places whose entries cannot be used. A mark is on a place, never on an id; whether a version is hit is derived.
//!
//! While a check is under way there are also places that could not be read. They are no damage, and gone before anything is noted.

use crate::error::{Error, Memory};
use crate::format::damage::Mark;
use crate::host::Slots;
use crate::types::{Digest, Place, SegmentNumber, wide};

/// A mark, and what this run of a verb knows of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Marked {
    mark: Mark,
    standing: Standing,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Standing {
    /// It was noted before.
    Noted,
    /// It still holds.
    Confirmed,
    /// No damage: the entry could not be read.
    Unread,
}

impl Marked {
    /// A free slot.
    pub const FREE: Marked = Marked {
        mark: Mark { place: Place { segment: SegmentNumber(0), offset: 0 }, len_bytes: 0, when: 0, digest: Digest::ZERO },
        standing: Standing::Noted,
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

    /// Whether the entry at a place could not be read, and is not known to be damaged.
    pub fn is_unread(&self, place: Place) -> bool {
        let marked = self.position(place).ok().and_then(|at| self.all().get(at));
        marked.is_some_and(|marked| marked.standing == Standing::Unread)
    }

    /// Whether any entry of a segment is marked.
    pub fn any_in(&self, segment: SegmentNumber) -> bool {
        let from = self.position(Place::new(segment, 0)).unwrap_or_else(|at| at);
        self.all().get(from).is_some_and(|marked| marked.mark.place.segment == segment)
    }

    /// Takes a mark over from the damage list, where it is already.
    pub fn load(&mut self, mark: Mark) -> Result<(), Error> {
        self.insert(mark, Standing::Noted)
    }

    /// A finding at this place; keeps the older mark if there is one.
    pub fn confirm(&mut self, mark: Mark) -> Result<(), Error> {
        match self.position(mark.place) {
            Ok(at) => {
                if let Some(marked) = self.slots.items_mut().get_mut(at) {
                    self.changed |= marked.standing == Standing::Unread;
                    marked.standing = Standing::Confirmed;
                }
                Ok(())
            }
            Err(_) => self.insert(mark, Standing::Confirmed),
        }
    }

    /// The entry at this place could not be read. A mark that it has is kept: nothing says that it does not hold.
    pub fn pass_over(&mut self, place: Place) -> Result<(), Error> {
        if self.contains(place) {
            return if self.is_unread(place) { Ok(()) } else { self.confirm(Mark { place, ..Marked::FREE.mark }) };
        }
        self.insert(Mark { place, ..Marked::FREE.mark }, Standing::Unread)
    }

    /// Nothing says that marks from there on in that segment do not hold.
    pub fn keep_from(&mut self, from: Place) {
        for marked in self.slots.items_mut().get_mut(..self.used).unwrap_or_default() {
            let place = marked.mark.place;
            if marked.standing == Standing::Noted && place.segment == from.segment && place >= from {
                marked.standing = Standing::Confirmed;
            }
        }
    }

    /// Forgets which places could not be read.
    pub fn forget_unread(&mut self) {
        self.keep(&|marked| marked.standing != Standing::Unread);
    }

    fn insert(&mut self, mark: Mark, standing: Standing) -> Result<(), Error> {
        let Err(at) = self.position(mark.place) else { return Ok(()) };
        let wanted = self.used.saturating_add(1);
        if !self.slots.grow(wanted, Marked::FREE) {
            return Err(Error::Memory { memory: Memory::Marks, needed: wide(wanted) });
        }
        let mut carried = Marked { mark, standing };
        let pushed = self.slots.items_mut().get_mut(at..wanted).unwrap_or_default();
        pushed.iter_mut().for_each(|slot| core::mem::swap(slot, &mut carried));
        self.used = wanted;
        self.changed |= standing == Standing::Confirmed;
        Ok(())
    }

    /// Removes the marks that `keep` turns down; it is told whether the mark was confirmed. Places that could not be read stay.
    pub fn retain(&mut self, keep: &dyn Fn(&Mark, bool) -> bool) {
        self.keep(&|Marked { mark, standing }| *standing == Standing::Unread || keep(mark, *standing == Standing::Confirmed));
    }

    /// Forgets what an earlier run has confirmed: it is to be seen anew.
    pub fn doubt(&mut self) {
        for marked in self.slots.items_mut().get_mut(..self.used).unwrap_or_default() {
            marked.standing = Standing::Noted;
        }
    }

    fn keep(&mut self, keep: &dyn Fn(&Marked) -> bool) {
        let mut kept = 0usize;
        for at in 0..self.used {
            let items = self.slots.items_mut();
            let Some(&marked) = items.get(at) else { break };
            if keep(&marked) {
                if let Some(slot) = items.get_mut(kept) {
                    *slot = marked;
                }
                kept = kept.saturating_add(1);
            } else {
                self.changed |= marked.standing != Standing::Unread;
            }
        }
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
