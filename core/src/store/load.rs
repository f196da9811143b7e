//! Loading marks and index, step by step, and finding objects in it.

use crate::chain::Chain;
use crate::error::{Error, Trouble};
use crate::format::commit::Root;
use crate::format::damage::Mark;
use crate::format::entry::{EntryHeader, Kind, TreeKind};
use crate::format::header::SEGMENT_BYTES_MAX;
use crate::segment::{Item, Lines};
use crate::store::Store;
use crate::tree::Cursor;
use crate::types::{Id, Place, SegmentNumber};

/// So many lines are taken in one step at least, if there are as many.
const LINES_A_STEP: u32 = 512;
/// So many blocks are looked for ahead.
const AHEAD: usize = 64;

/// How far the index is.
#[derive(Clone, Copy)]
pub(super) enum Loading {
    Segments { key: u64 },
    Marks { key: u64 },
    Lines { after: Option<SegmentNumber>, current: Option<(SegmentNumber, u32, Lines)> },
    Done,
}

pub(super) const NOT_LOADED: Loading = Loading::Segments { key: 0 };

/// What an id is looked up as.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sought {
    /// A block.
    Block,
    /// A manifest's page.
    Page,
}

impl Sought {
    fn is(self, kind: Kind) -> bool {
        match self {
            Sought::Block => matches!(kind, Kind::Block { .. }),
            Sought::Page => matches!(kind, Kind::Page { tree: TreeKind::Manifest, .. }),
        }
    }
}

/// An object that was found.
#[derive(Clone, Copy, Debug)]
pub struct Found {
    /// Its slot in the index.
    pub slot: crate::index::SlotIndex,
    /// Its entry.
    pub place: Place,
    /// That entry's header.
    pub entry: EntryHeader,
}

impl<'m> Store<'m> {
    /// Forgets the index; `marks` too, or keeps them as they are (a scrub that has just made them).
    pub fn unload(&mut self, keep_marks: bool) {
        self.index.clear();
        self.incomplete = false;
        self.load_walk = self.table_walk();
        if keep_marks {
            self.loading = Loading::Lines { after: None, current: None };
        } else {
            self.marks.clear();
            self.loading = NOT_LOADED;
        }
    }

    /// One step of loading marks and index; true when done.
    pub fn load(&mut self) -> Result<bool, Error> {
        // One copy of the cursor, not one for each hand it goes through: a stack may have few kilobytes.
        let mut walk = self.load_walk;
        let next = match self.loading {
            Loading::Segments { key } => self.load_segments(key, &mut walk)?,
            Loading::Marks { key } => self.load_marks(key, &mut walk)?,
            Loading::Lines { after, current } => self.load_lines(after, current, &mut walk)?,
            Loading::Done => return Ok(true),
        };
        (self.loading, self.load_walk) = (next, walk);
        Ok(false)
    }

    /// One step of finding out whether the segment table and the damage list can be read, and of loading marks; true when done.
    pub fn load_tables(&mut self) -> Result<bool, Error> {
        if matches!(self.loading, Loading::Lines { .. } | Loading::Done) {
            return Ok(true);
        }
        self.load()?;
        Ok(false)
    }

    /// Reads the segment table once through, to know whether it can be read.
    #[inline(never)]
    pub(super) fn load_segments(&mut self, key: u64, walk: &mut Cursor) -> Result<Loading, Error> {
        match self.with_walk(|store, memory| walk.next_present(key, store, memory)) {
            Ok(Some(key)) => return Ok(Loading::Segments { key: key.saturating_add(1) }),
            Ok(None) => {}
            Err(error) if error.is_damage() => {
                self.derived = true;
                if let Error::Medium { segment, trouble: Trouble::Gone, .. } = error {
                    self.table_lost_with = segment;
                }
            }
            Err(error) => return Err(error),
        }
        *walk = Cursor::over(TreeKind::Damage, self.head.parameters.fan_out_log2, self.damage);
        Ok(Loading::Marks { key: 0 })
    }

    #[inline(never)]
    pub(super) fn load_marks(&mut self, key: u64, walk: &mut Cursor) -> Result<Loading, Error> {
        let next = self.with_walk(|store, memory| match walk.next_present(key, store, memory)? {
            Some(key) => Ok(Some((key, Mark::parse(walk.get(key, store, memory)?)))),
            None => Ok(None),
        });
        match next {
            Ok(Some((key, mark))) => {
                if let Ok(Some(mark)) = mark {
                    self.marks.load(mark)?;
                }
                return Ok(Loading::Marks { key: key.saturating_add(1) });
            }
            Ok(None) => {}
            Err(error) if error.is_damage() => {
                self.marks.lose();
                self.damage = Root::EMPTY;
            }
            Err(error) => return Err(error),
        }
        *walk = self.table_walk();
        Ok(Loading::Lines { after: None, current: None })
    }

    /// Goes on to the lines of the next segment.
    #[inline(never)]
    fn next_lines(&mut self, after: Option<SegmentNumber>, walk: &mut Cursor) -> Result<Loading, Error> {
        let Some(segment) = self.next_true(after, walk)? else { return Ok(Loading::Done) };
        let prefix = self.prefix(segment, walk);
        let prefix = match &prefix {
            Ok(prefix) => prefix,
            Err(error) if self.passes_over(segment, error) => {
                return Ok(Loading::Lines { after: Some(segment), current: None });
            }
            Err(error) => return Err(*error),
        };
        let current = match prefix.file_bytes {
            Some(_) if !prefix.stranger => Some((segment, prefix.len_bytes, prefix.lines(&self.source()))),
            _ => None,
        };
        self.incomplete |= !prefix.is_whole();
        Ok(Loading::Lines { after: Some(segment), current })
    }

    #[inline(never)]
    pub(super) fn load_lines(
        &mut self,
        after: Option<SegmentNumber>,
        current: Option<(SegmentNumber, u32, Lines)>,
        walk: &mut Cursor,
    ) -> Result<Loading, Error> {
        let Some((segment, end, mut lines)) = current else { return self.next_lines(after, walk) };
        // Some chunks of lines a step: few reads, and nothing is done twice if the next one must be waited for. None is left half read: until the next
        // step, others may read into it.
        let mut done = 0u32;
        while done < LINES_A_STEP || !lines.is_drained() {
            match self.next_line(&mut lines) {
                Ok(Some(Item::Line(line))) if line.kind.indexed() && line.offset < end => {
                    let place = Place::new(segment, line.offset);
                    // What could not be read is told by its id, too.
                    if !self.marks.contains(place) || self.marks.is_unread(place) {
                        self.index.insert(&line.id, place)?;
                    }
                }
                Ok(Some(Item::Line(_))) => {}
                Ok(Some(Item::Gap(_))) => self.incomplete = true,
                Ok(None) => return Ok(Loading::Lines { after: Some(segment), current: None }),
                // What was done is kept. With nothing done there is only to wait, and the caller must hear of it.
                Err(error) if error.is_pending() && done > 0 => break,
                Err(error) if self.passes_over(segment, &error) => {
                    return Ok(Loading::Lines { after: Some(segment), current: None });
                }
                Err(error) => return Err(error),
            }
            done = done.saturating_add(1);
        }
        Ok(Loading::Lines { after, current: Some((segment, end, lines)) })
    }

    /// From now on, until [`Store::retry`], a segment that the medium fails to read is passed over. Then what lies in it is not known, and what is
    /// missing may be there: see [`Store::may_be_unread`].
    pub fn forbear(&mut self) {
        self.forbearing = true;
        self.marks.forget_unread();
        self.marks.doubt();
    }

    /// Forgets what could not be read, so that it is tried again.
    pub fn retry(&mut self) {
        self.forbearing = false;
        self.marks.forget_unread();
        if core::mem::take(&mut self.passed_over) {
            let marks_are_loaded = matches!(self.loading, Loading::Lines { .. } | Loading::Done);
            self.unload(marks_are_loaded);
        }
    }

    /// Says that the entries of a segment could not be listed from there on. Marks of them still hold, as far as is known.
    pub fn pass_over(&mut self, from: Place) {
        self.passed_over = true;
        self.marks.keep_from(from);
    }

    /// Whether such a segment was met.
    pub fn has_passed_over(&self) -> bool {
        self.passed_over
    }

    fn passes_over(&mut self, segment: SegmentNumber, error: &Error) -> bool {
        let passes = self.forbearing && error.unread().is_some_and(|place| place.segment == segment);
        self.passed_over |= passes;
        self.incomplete |= passes;
        passes
    }

    /// Whether an object that is not to be had may lie where nothing could be read: then nobody knows whether it is lost.
    pub fn may_be_unread(&self, id: &Id) -> bool {
        self.passed_over || self.index.candidates(id).any(|(_, place, _)| self.marks.is_unread(place))
    }

    /// The usable entry of an object, the newest if there are several; none if there is none. Of those with less than this depth: a base that was
    /// stored anew may have another depth than before, and there must be no cycle.
    pub fn lookup(&self, sought: Sought, id: &Id, depth: u8) -> Result<Option<Found>, Error> {
        let source = self.source();
        let mut below: Option<Place> = None;
        loop {
            let candidates = self.index.candidates(id).filter(|(_, place, _)| below.is_none_or(|below| *place < below));
            let candidates = candidates.filter(|(_, place, _)| !self.marks.contains(*place));
            let Some((slot, place, _)) = candidates.max_by_key(|(_, place, _)| *place) else { return Ok(None) };
            match source.entry(place, SEGMENT_BYTES_MAX.into()) {
                Ok(entry) if entry.id == *id && sought.is(entry.kind) && entry.depth < depth => {
                    return Ok(Some(Found { slot, place, entry }));
                }
                Err(error) if !error.is_damage() => return Err(error),
                _ => below = Some(place),
            }
        }
    }

    /// Visits the usable entries that give an object, from its own down to one that needs no base; whether all were found.
    pub fn visit_chain(&self, sought: Sought, id: &Id, visit: &mut dyn FnMut(&Found)) -> Result<bool, Error> {
        let (mut wanted, mut depth) = (*id, u8::MAX);
        loop {
            let Some(found) = self.lookup(sought, &wanted, depth)? else { return Ok(false) };
            visit(&found);
            (wanted, depth) = (found.entry.base, found.entry.depth);
            if depth == 0 {
                return Ok(true);
            }
        }
    }

    /// The usable entry of an object whose whole chain of bases is usable.
    pub fn readable(&self, sought: Sought, id: &Id) -> Result<Option<Found>, Error> {
        let mut top = None;
        let whole = self.visit_chain(sought, id, &mut |found| {
            top.get_or_insert(*found);
        })?;
        Ok(top.filter(|_| whole))
    }

    /// Asks for the entries of blocks that are looked for next, where one before them must be waited for and the medium fetches several at once.
    /// `rows` are of a manifest's leaf.
    pub fn look_ahead(&self, rows: &[u8]) {
        if !self.medium.fetches_ahead() {
            return;
        }
        let (ids, _) = rows.as_chunks();
        for id in ids.iter().map(|id| Id(*id)).filter(|id| !id.is_zero()).take(AHEAD) {
            // What comes of it is told when it is looked for.
            let _told_later = self.readable(Sought::Block, &id);
        }
    }

    /// The same of a block, and where all entries of its chain lie.
    pub fn chain(&self, id: &Id) -> Result<Option<(Found, Chain)>, Error> {
        let mut chain = Chain::NONE;
        Ok(self.chain_into(id, &mut chain)?.map(|top| (top, chain)))
    }

    /// The same, where the chain is to lie: it is large.
    #[inline(never)]
    pub fn chain_into(&self, id: &Id, chain: &mut Chain) -> Result<Option<Found>, Error> {
        *chain = Chain::NONE;
        let mut top = None;
        let whole = self.visit_chain(Sought::Block, id, &mut |found| {
            top.get_or_insert(*found);
            chain.push(found.place);
        })?;
        Ok(if whole { top } else { None })
    }
}
