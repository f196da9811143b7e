//! Manifests: the tree from a version's root to its blocks, and what can be reached from it.

use crate::chain::LEN_MAX;
use crate::digest::Hasher;
use crate::error::Error;
use crate::format::commit::Root;
use crate::format::entry::TreeKind;
use crate::format::header::Parameters;
use crate::format::page::{Geometry, LEVELS_MAX};
use crate::index::{Flags, SlotIndex};
use crate::store::{Found, Sought, Store};
use crate::tree::{Descent, Meeting};
use crate::types::{Id, Link, Place, low32, pieces};

/// Reached from a version or draft.
pub const LIVE: Flags = Flags::from_bits(1);
/// A block that a manifest names, and not only another block's chain.
pub const NAMED: Flags = Flags::from_bits(2);
/// A block that another one lies on.
const BASE: Flags = Flags::from_bits(4);
/// A block that several others lie on.
pub const SHARED: Flags = Flags::from_bits(8);
/// A page all of whose rows were followed.
const WALKED: Flags = Flags::from_bits(2);
/// A page below which something cannot be read.
const HOLED: Flags = Flags::from_bits(4);

/// Blocks of a disk.
pub fn blocks(disk_size: u64, block_bytes: u32) -> u64 {
    pieces(disk_size, block_bytes.into())
}

/// Bytes of a block of a disk.
pub fn block_len(disk_size: u64, block_bytes: u32, block: u64) -> u32 {
    let start = block.saturating_mul(block_bytes.into());
    low32(disk_size.saturating_sub(start).min(block_bytes.into()))
}

/// The manifest with this top page.
pub fn tree(parameters: &Parameters, disk_size: u64, top: Id) -> Root {
    Root { rows: blocks(disk_size, parameters.block_bytes()), top: Link { id: top, place: Place::NONE } }
}

/// The shape of a disk's manifest.
pub fn geometry(parameters: &Parameters, disk_size: u64) -> Geometry {
    let rows = blocks(disk_size, parameters.block_bytes());
    Geometry { tree: TreeKind::Manifest, fan_out_log2: parameters.fan_out_log2, rows }
}

/// The root of a version: what one signature covers.
pub fn root_id(parameters: &Parameters, disk_size: u64, top: Id) -> Id {
    let mut hasher = Hasher::named(parameters.algorithm, "sarsen root");
    hasher.number(disk_size).number(parameters.block_bytes().into()).number(parameters.frame_bytes().into());
    hasher.number(parameters.fan_out().into()).number(parameters.algorithm.code().into()).update(&top.0);
    hasher.id()
}

/// What a reach found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reached {
    /// Every page and block below the top has a usable entry.
    pub whole: bool,
    /// A page could not be read, so what lies below it is not known.
    pub page_lost: bool,
    /// A block could not be read that no earlier reach has met.
    pub block_lost: bool,
    /// Of a reach that judges: something is lost, and not merely not read.
    pub damaged: bool,
}

/// Why something below a page is not to be had; the graver one counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Hole {
    None,
    /// Its bytes could not be read.
    Unread,
    Damage,
}

/// Follows a manifest, flagging in the index what it reaches; what an earlier reach has followed is not followed again.
#[derive(Clone, Copy)]
pub struct Reach {
    descent: Descent,
    slots: [Option<SlotIndex>; LEVELS_MAX],
    holed: [Hole; LEVELS_MAX],
    page_lost: bool,
    block_lost: bool,
    worst: Hole,
    disk_size: u64,
    block_bytes: u32,
    reached: Option<Met>,
    counting: bool,
    judging: bool,
}

/// What a step of a reach came to for the first time.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Met {
    /// A page, by its entry.
    Page(Place),
    /// A block, readable with all its chain.
    Block(Id),
}

impl Reach {
    /// From the top of a disk's manifest.
    pub fn of(parameters: &Parameters, disk_size: u64, top: Id) -> Reach {
        let descent = Descent::over(TreeKind::Manifest, parameters.fan_out_log2, tree(parameters, disk_size, top));
        let block_bytes = parameters.block_bytes();
        Reach {
            disk_size,
            block_bytes,
            reached: None,
            counting: false,
            judging: false,
            descent,
            slots: [None; LEVELS_MAX],
            holed: [Hole::None; LEVELS_MAX],
            page_lost: false,
            block_lost: false,
            worst: Hole::None,
        }
    }

    /// Flags blocks that several others lie on as [`SHARED`], too.
    pub fn counting(self) -> Reach {
        Reach { counting: true, ..self }
    }

    /// Tells what is damaged from what was not read. Instead of pages below which a page is lost, those below which there is damage are flagged.
    pub fn judging(self) -> Reach {
        Reach { judging: true, ..self }
    }

    /// What the last step came to for the first time, if it did.
    pub fn take_reached(&mut self) -> Option<Met> {
        self.reached.take()
    }

    /// One step: a page or a block. What was found, at the end.
    pub fn step(&mut self, store: &mut Store<'_>, memory: &mut [u8]) -> Result<Option<Reached>, Error> {
        match self.descent.next(memory)? {
            None => {
                let Reach { worst, page_lost, block_lost, .. } = *self;
                let (whole, damaged) = (worst == Hole::None, worst == Hole::Damage);
                return Ok(Some(Reached { whole, page_lost, block_lost, damaged }));
            }
            Some(Meeting::Page { level, link, .. }) => self.page(level, &link.id, store, memory)?,
            Some(Meeting::Row { key }) => {
                let row = self.descent.row(key, memory)?;
                let id = Id(row.first_chunk().copied().unwrap_or_default());
                // A row is met once; if its block must be waited for, it is looked up again through the page.
                match keep_chain(store, Sought::Block, &id, self.counting) {
                    Ok(Some(found)) => {
                        let known = store.index().flags(found.slot);
                        self.reached = Some(Met::Block(id)).filter(|_| !known.has(NAMED));
                        flag(store, found.slot, NAMED);
                        let expected = block_len(self.disk_size, self.block_bytes, key);
                        if found.entry.raw_bytes != expected {
                            self.hole(0, Hole::Damage);
                        }
                    }
                    Ok(None) => {
                        let hole = self.cause(Sought::Block, &id, store).inspect_err(|_| self.descent.again(key))?;
                        self.block_lost = true;
                        self.hole(0, hole);
                    }
                    Err(error) => {
                        if error.is_pending() {
                            store.look_ahead(self.descent.rows_behind(key, memory)?);
                        }
                        self.descent.again(key);
                        return Err(error);
                    }
                }
            }
            Some(Meeting::Left { level }) => self.left(level, store),
        }
        Ok(None)
    }

    fn page(&mut self, level: u8, id: &Id, store: &mut Store<'_>, memory: &mut [u8]) -> Result<(), Error> {
        let Some(found) = store.readable(Sought::Page, id)? else { return self.lose(level, id, store) };
        let known = store.index().flags(found.slot);
        if known.has(WALKED) {
            if known.has(HOLED) {
                let damaged = known.has(GRAVE) || !self.judging;
                self.hole(level.saturating_add(1), if damaged { Hole::Damage } else { Hole::Unread });
                self.page_lost |= known.has(GRAVE);
            }
            self.descent.skip();
            return Ok(());
        }
        if keep_chain(store, Sought::Page, id, false)?.is_none() {
            return self.lose(level, id, store);
        }
        self.reached = Some(Met::Page(found.place));
        match self.descent.enter(store, memory) {
            Ok(_) => {}
            Err(error) if error.is_damage() => return self.lose(level, id, store),
            Err(error) => return Err(error),
        }
        if let (Some(slot), Some(holed)) = (self.slots.get_mut(usize::from(level)), self.holed.get_mut(usize::from(level))) {
            (*slot, *holed) = (Some(found.slot), Hole::None);
        }
        Ok(())
    }

    fn lose(&mut self, level: u8, id: &Id, store: &Store<'_>) -> Result<(), Error> {
        let hole = self.cause(Sought::Page, id, store)?;
        self.page_lost = true;
        self.hole(level.saturating_add(1), hole);
        self.descent.skip();
        Ok(())
    }

    /// Why an object is not to be had: the first of its chain that is not decides.
    fn cause(&self, sought: Sought, id: &Id, store: &Store<'_>) -> Result<Hole, Error> {
        let mut missing = *id;
        let whole = !self.judging || store.visit_chain(sought, id, &mut |found| missing = found.entry.base)?;
        Ok(if !whole && store.may_be_unread(&missing) { Hole::Unread } else { Hole::Damage })
    }

    /// Something below the page at `level` cannot be read.
    fn hole(&mut self, level: u8, hole: Hole) {
        self.worst = self.worst.max(hole);
        if let Some(holed) = self.holed.get_mut(usize::from(level)) {
            *holed = (*holed).max(hole);
        }
    }

    fn left(&mut self, level: u8, store: &mut Store<'_>) {
        let at = usize::from(level);
        let hole = self.holed.get(at).copied().unwrap_or(Hole::None);
        if let Some(slot) = self.slots.get(at).copied().flatten() {
            flag(store, slot, WALKED);
            if hole != Hole::None {
                flag(store, slot, HOLED);
            }
            if if self.judging { hole == Hole::Damage } else { hole != Hole::None && self.page_lost } {
                flag(store, slot, GRAVE);
            }
        }
        if hole != Hole::None {
            self.hole(level.saturating_add(1), hole);
        }
    }
}

/// A page below which a page cannot be read; of a reach that judges, one below which there is damage.
const GRAVE: Flags = Flags::from_bits(8);

fn flag(store: &mut Store<'_>, slot: SlotIndex, more: Flags) {
    let flags = store.index().flags(slot).with(more);
    store.index_mut().set_flags(slot, flags);
}

/// Flags every entry that may hold an object none of them gives back now: it is in use, and the next try, or parity, may mend it.
fn keep_unreadable(store: &mut Store<'_>, id: &Id) {
    loop {
        let unflagged = store.index().candidates(id).find(|(.., flags)| !flags.has(LIVE)).map(|(slot, ..)| slot);
        let Some(slot) = unflagged else { break };
        flag(store, slot, LIVE);
    }
}

/// Flags an object and the bases it is stored on; its own entry, if all of them were found.
/// With `counting`, bases of entries not met before are flagged as such.
fn keep_chain(store: &mut Store<'_>, sought: Sought, id: &Id, counting: bool) -> Result<Option<Found>, Error> {
    let (mut top, mut slots) = (None, [None; LEN_MAX]);
    let (mut wanted, mut depth) = (*id, u8::MAX);
    for slot in &mut slots {
        let Some(found) = store.lookup(sought, &wanted, depth)? else {
            keep_unreadable(store, &wanted);
            return Ok(None);
        };
        top = top.or(Some(found));
        *slot = Some(found.slot);
        (wanted, depth) = (found.entry.base, found.entry.depth);
        if depth == 0 {
            break;
        }
    }
    // Only now that nothing has to be waited for: what is flagged is not met for the first time when all this is done again.
    let mut child_is_new = false;
    for slot in slots.into_iter().flatten() {
        let known = store.index().flags(slot);
        if counting && child_is_new {
            flag(store, slot, if known.has(BASE) { SHARED } else { BASE });
        }
        child_is_new = !known.has(LIVE);
        flag(store, slot, LIVE);
    }
    Ok(top)
}
