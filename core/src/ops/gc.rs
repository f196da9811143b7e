//! gc: counts what is in use and removes segments in which nothing is.
//!
//! Liveness runs from the newest commit through catalogue and manifests; nothing is ever kept or lost by a tombstone. If a page of any manifest cannot
//! be read, what lies below it is not known, and nothing is removed: parity or a good copy may still mend it.
//! Order: leftovers that no commit can name, marking; then in batches the table without some dead segments, commit, and only then their removal; in
//! the end that of segments an earlier removal left behind. A batch changes few pages of the table, so that it fits the reserve.

use crate::catalogue::{Listed, Listing, with_record};
use crate::error::{Error, Memory, Refusal};
use crate::format::entry::{Kind, PAGE_DEPTH_MAX, TreeKind, total_bytes};
use crate::format::header::Parameters;
use crate::format::record::RecordKind;
use crate::format::row;
use crate::host::Slots;
use crate::index::Flags;
use crate::log;
use crate::manifest::{LIVE, Reach};
use crate::segment::{self, Item, Lines};
use crate::store::{Purpose, Store};
use crate::task::{Event, Next, Task};
use crate::tree::{Cursor, Descent, Meeting};
use crate::types::{Id, Place, SegmentNumber, low32, wide};

/// Bytes in use of one segment.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Live {
    pub(crate) segment: SegmentNumber,
    pub(crate) len_bytes: u32,
    pub(crate) live_bytes: u32,
    /// Holds a mark on an entry in use: stays where it is.
    pub(crate) held: bool,
    /// Chosen by compaction.
    pub(crate) victim: bool,
}

impl Live {
    /// A free slot.
    pub const FREE: Live = Live { segment: SegmentNumber(u32::MAX), len_bytes: 0, live_bytes: 0, held: false, victim: false };

    /// Which segment.
    pub fn segment(&self) -> SegmentNumber {
        self.segment
    }

    /// Bytes of it that are true.
    pub fn len_bytes(&self) -> u32 {
        self.len_bytes
    }

    /// Bytes of entries in it that are in use: of blocks, pages and records. Headers, commits and footers are never counted.
    pub fn live_bytes(&self) -> u32 {
        self.live_bytes
    }
}

/// What lives in each segment, ordered by number, in lent memory.
pub struct Lives<'m> {
    slots: &'m mut dyn Slots<Live>,
    used: usize,
}

impl<'m> Lives<'m> {
    /// Nothing counted yet.
    pub fn new(slots: &'m mut dyn Slots<Live>) -> Lives<'m> {
        Lives { slots, used: 0 }
    }

    pub(crate) fn all(&self) -> &[Live] {
        self.slots.items().get(..self.used).unwrap_or(&[])
    }

    pub(crate) fn all_mut(&mut self) -> &mut [Live] {
        self.slots.items_mut().get_mut(..self.used).unwrap_or(&mut [])
    }

    fn push(&mut self, live: Live) -> Result<(), Error> {
        let wanted = self.used.saturating_add(1);
        if !self.slots.grow(wanted, Live::FREE) {
            return Err(Error::Memory { memory: Memory::Live, needed: wide(wanted) });
        }
        if let Some(slot) = self.slots.items_mut().get_mut(self.used) {
            *slot = live;
        }
        self.used = wanted;
        Ok(())
    }

    pub(crate) fn of(&mut self, segment: SegmentNumber) -> Option<&mut Live> {
        let at = self.all().binary_search_by_key(&segment, |live| live.segment).ok()?;
        self.all_mut().get_mut(at)
    }

    fn add(&mut self, place: Place, bytes: u64, marked: bool) {
        if let Some(live) = self.of(place.segment) {
            live.live_bytes = live.live_bytes.saturating_add(low32(bytes));
            live.held |= marked;
        }
    }

    /// Takes bytes away that are in use no more.
    pub(crate) fn take(&mut self, place: Place, bytes: u64) {
        if let Some(live) = self.of(place.segment) {
            live.live_bytes = live.live_bytes.saturating_sub(low32(bytes));
        }
    }

    /// Chooses victims from a position on, until they need more than `room` bytes to be copied or their rows lie in more pages of the segment table
    /// than one commit should store; where the next batch begins. The first is taken whatever it needs.
    pub(crate) fn choose(&mut self, from: usize, fan_out_log2: u8, room: u64, wanted: impl Fn(&Live) -> bool) -> usize {
        let (mut bytes, mut pages, mut last) = (0u64, 0usize, None);
        let mut end = from;
        for live in self.all_mut().get_mut(from..).unwrap_or(&mut []) {
            live.victim = wanted(live);
            if live.victim {
                let page = live.segment.0.checked_shr(fan_out_log2.into());
                pages = pages.saturating_add(usize::from(page != last));
                bytes = bytes.saturating_add(live.live_bytes.into());
                if last.is_some() && (bytes > room || pages > PAGES_A_COMMIT) {
                    live.victim = false;
                    break;
                }
                last = page;
            }
            end = end.saturating_add(1);
        }
        end
    }

    pub(crate) fn is_victim(&self, segment: SegmentNumber) -> bool {
        let found = self.all().binary_search_by_key(&segment, |live| live.segment);
        found.ok().and_then(|at| self.all().get(at)).is_some_and(|live| live.victim)
    }
}

/// What a collection did.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Segments there were.
    pub segments: u64,
    /// Segments removed.
    pub removed: u64,
    /// Bytes of true prefixes.
    pub bytes: u64,
    /// Bytes of them in use.
    pub live_bytes: u64,
    /// Blocks that were folded with bases nothing else needed (compact).
    pub folded: u64,
    /// Bytes of the segments removed.
    pub freed_bytes: u64,
    /// A manifest page cannot be read, or a block where blocks lie on others, so nothing was removed.
    pub kept_for_damage: bool,
}

/// Whether anything that was reached lies in a segment.
fn is_in_use(store: &Store<'_>, segment: SegmentNumber) -> bool {
    store.index().all().any(|(_, place, flags)| place.segment == segment && flags.has(LIVE))
}

/// Leaf pages of the segment table that one commit changes at most, to forget victims.
const PAGES_A_COMMIT: usize = 4;

const TABLES: [TreeKind; 3] = [TreeKind::Segments, TreeKind::Catalogue, TreeKind::Damage];

#[allow(clippy::large_enum_variant)] // one lives at a time, and there is no heap
enum Phase {
    Sweep { before: Option<SegmentNumber> },
    Load,
    List,
    Reach(Reach),
    Rows { after: Option<SegmentNumber> },
    Lines { segment: SegmentNumber, end: u32, lines: Lines },
    Tables { table: usize, descent: Descent },
    Records { listing: Listing },
    Done,
}

/// Finds out what is in use: the marking part of gc and compact.
pub struct Marking<'m> {
    phase: Phase,
    walk: Cursor,
    listing: Option<Listing>,
    /// Something that a version or draft needs is not in the index, or cannot be read.
    lost: bool,
    /// A block cannot be read.
    block_lost: bool,
    /// Some block lies on a base, or may.
    based: bool,
    /// Whether something is going to be removed: then nothing goes on where that must not be.
    reclaims: bool,
    pages: &'m mut [u8],
    /// What lives where.
    pub lives: Lives<'m>,
    /// What was found.
    pub report: Report,
}

impl<'m> Marking<'m> {
    /// Prepares it. `pages` is memory for a path through the largest manifest or table.
    pub fn new(store: &Store<'_>, lives: &'m mut dyn Slots<Live>, pages: &'m mut [u8]) -> Marking<'m> {
        Marking {
            phase: Phase::Sweep { before: None },
            walk: store.table_walk(),
            listing: None,
            lost: false,
            block_lost: false,
            based: false,
            reclaims: true,
            pages,
            lives: Lives::new(lives),
            report: Report::default(),
        }
    }

    /// Prepares it for whoever only wants to know: it removes nothing, and goes on where the repository can only be read.
    pub fn reading(store: &Store<'_>, lives: &'m mut dyn Slots<Live>, pages: &'m mut [u8]) -> Marking<'m> {
        Marking { phase: Phase::Load, reclaims: false, ..Marking::new(store, lives, pages) }
    }

    /// One step; true when all is known. If a session has begun, rows of the segment table are those of before it.
    pub fn step(&mut self, store: &mut Store<'_>) -> Result<Option<Event>, Error> {
        match &mut self.phase {
            Phase::Sweep { before } => {
                let before = *before;
                self.sweep(before, store)
            }
            Phase::Load => self.load(store).map(|()| None),
            Phase::List => self.list(store).map(|()| None),
            Phase::Reach(_) => self.reach(store).map(|()| None),
            Phase::Rows { after } => {
                let after = *after;
                self.rows(after, store).map(|()| None)
            }
            Phase::Lines { .. } => self.lines(store).map(|()| None),
            Phase::Tables { .. } => self.tables(store).map(|()| None),
            Phase::Records { .. } => self.records(store).map(|()| None),
            Phase::Done => Ok(None),
        }
    }

    /// Whether something that a version or draft needs was not found, or cannot be read.
    pub fn is_lost(&self) -> bool {
        self.lost || self.report.kept_for_damage
    }

    /// Whether all is known.
    pub fn is_done(&self) -> bool {
        matches!(self.phase, Phase::Done)
    }

    fn check(&self, store: &Store<'_>) -> Result<(), Error> {
        if self.reclaims { store.check_writable() } else { Ok(()) }
    }

    // Each phase has a stack frame of its own: what one has in hand is not there during another, and the stack may have few kilobytes.

    /// Removes segments younger than the newest commit's: no commit that lasts can name them. The session's own is younger still and stays.
    ///
    /// The youngest goes first: a commit that was cut off may be read now and not later, or the other way round, and must not be left behind by what
    /// it names.
    #[inline(never)]
    fn sweep(&mut self, before: Option<SegmentNumber>, store: &mut Store<'_>) -> Result<Option<Event>, Error> {
        let before = before.or(store.open_segment());
        let previous = store.source().medium.previous(before).map_err(Error::listing)?;
        match previous.filter(|&number| number > store.head().commit.segment) {
            Some(segment) => {
                store.remove_segment(segment)?;
                self.phase = Phase::Sweep { before: Some(segment) };
                Ok(Some(Event::Removed { segment }))
            }
            None => {
                self.phase = Phase::Load;
                Ok(None)
            }
        }
    }

    #[inline(never)]
    fn load(&mut self, store: &mut Store<'_>) -> Result<(), Error> {
        if store.load()? {
            self.check(store)?;
            store.index_mut().clear_flags_all(Flags::ALL);
            self.listing = Some(Listing::of(store));
            self.phase = Phase::List;
        }
        Ok(())
    }

    #[inline(never)]
    fn list(&mut self, store: &mut Store<'_>) -> Result<(), Error> {
        let Some(mut listing) = self.listing else { return Err(Refusal::Parameter.into()) };
        match listing.next(store)? {
            Listed::Step => {}
            Listed::End => {
                self.check(store)?;
                self.walk = store.table_walk();
                self.phase = Phase::Rows { after: None };
            }
            Listed::Entry(entry) => {
                let parameters = *store.parameters();
                let top = with_record(store, &entry.link, |_, record| match record.kind {
                    RecordKind::Version => (record.disk_size, record.top),
                    RecordKind::Draft => (record.disk_size, record.draft_top),
                });
                match top {
                    Ok((size, top)) => self.follow(&parameters, size, top),
                    // Without its record a version's blocks are not known.
                    Err(error) if error.is_damage() => self.report.kept_for_damage = true,
                    Err(error) => return Err(error),
                }
            }
        }
        self.listing = Some(listing);
        Ok(())
    }

    #[inline(never)] // a reach is large
    fn follow(&mut self, parameters: &Parameters, size: u64, top: Id) {
        self.phase = Phase::Reach(Reach::of(parameters, size, top).counting());
    }

    #[inline(never)]
    fn reach(&mut self, store: &mut Store<'_>) -> Result<(), Error> {
        let Phase::Reach(reach) = &mut self.phase else { return Ok(()) };
        if let Some(reached) = reach.step(store, self.pages)? {
            self.report.kept_for_damage |= reached.page_lost;
            self.lost |= !reached.whole;
            self.block_lost |= reached.block_lost;
            self.phase = Phase::List;
        }
        Ok(())
    }

    #[inline(never)]
    fn rows(&mut self, after: Option<SegmentNumber>, store: &mut Store<'_>) -> Result<(), Error> {
        let Some(segment) = store.next_true(after, &mut self.walk)? else {
            // What lies on what is told by entries, and by those that cannot be read too: what seems dead may be a base.
            self.report.kept_for_damage |= self.block_lost && self.based;
            self.phase = tables_phase(0, store);
            return Ok(());
        };
        let prefix = store.prefix(segment, &mut self.walk)?;
        let len_bytes = prefix.len_bytes;
        // What is lost may be mended where it lies. If nothing is, then what cannot be read is dead, or was stored again; unless something in use was
        // found there before: then it is the medium that has not told the same twice.
        let missed = !prefix.is_whole() && (self.lost || is_in_use(store, segment));
        let held = missed || (self.lost && store.marks().any_in(segment));
        // What cannot be read may have lain on something.
        self.based |= !prefix.is_whole();
        self.lives.push(Live { segment, len_bytes, live_bytes: 0, held, victim: false })?;
        self.report.segments = self.report.segments.saturating_add(1);
        self.report.bytes = self.report.bytes.saturating_add(len_bytes.into());
        self.phase = match prefix.file_bytes.is_some() && !prefix.stranger {
            true => Phase::Lines { segment, end: len_bytes, lines: prefix.lines(&store.source()) },
            false => Phase::Rows { after: Some(segment) },
        };
        Ok(())
    }

    #[inline(never)]
    fn lines(&mut self, store: &mut Store<'_>) -> Result<(), Error> {
        let Phase::Lines { segment, end, lines } = &mut self.phase else { return Ok(()) };
        let (segment, end) = (*segment, *end);
        match store.next_line(lines)? {
            Some(Item::Line(line)) if line.kind.indexed() && line.offset < end => {
                self.based |= line.kind == Kind::Block { delta: true };
                let place = Place::new(segment, line.offset);
                let flags = store.index().candidates(&line.id).find(|(_, at, _)| *at == place).map(|(.., flags)| flags);
                match flags {
                    Some(flags) if flags.has(LIVE) => {
                        self.lives.add(place, total_bytes(store.parameters(), line.stored_bytes), false);
                    }
                    Some(_) => {}
                    None => self.hold(place),
                }
            }
            Some(Item::Gap(offset)) => {
                self.based = true;
                self.hold(Place::new(segment, offset));
            }
            Some(Item::Line(_)) => {}
            None => self.phase = Phase::Rows { after: Some(segment) },
        }
        Ok(())
    }

    /// An entry that the index does not know: if anything is lost, it may be that, and its segment stays.
    fn hold(&mut self, place: Place) {
        if self.lost {
            self.lives.add(place, 0, true);
        }
    }

    /// Pages of the tables, and the bases they lie on.
    #[inline(never)]
    fn tables(&mut self, store: &mut Store<'_>) -> Result<(), Error> {
        let Phase::Tables { table, descent } = &mut self.phase else { return Ok(()) };
        match descent.next(self.pages)? {
            Some(Meeting::Page { .. }) => {
                let before = *descent;
                match descent.enter(store, self.pages) {
                    Ok(_) => {}
                    Err(error) if error.is_damage() && !self.reclaims => {
                        descent.skip();
                        self.lost = true;
                        return Ok(());
                    }
                    Err(error) => return Err(error),
                }
                let mut entries = [None; PAGE_DEPTH_MAX as usize + 1];
                for (place, slot) in store.last_chain().zip(&mut entries) {
                    match store.source().entry(place, u64::MAX) {
                        Ok(entry) => *slot = Some((place, entry.total_bytes(store.parameters()))),
                        // The page is met again, so that none of its entries is left out.
                        Err(error) => {
                            *descent = before;
                            return Err(error);
                        }
                    }
                }
                entries.into_iter().flatten().for_each(|(place, bytes)| self.lives.add(place, bytes, false));
            }
            Some(_) => {}
            None => self.phase = tables_phase(table.saturating_add(1), store),
        }
        Ok(())
    }

    #[inline(never)]
    fn records(&mut self, store: &mut Store<'_>) -> Result<(), Error> {
        let Phase::Records { listing } = &mut self.phase else { return Ok(()) };
        let before = *listing;
        match listing.next(store)? {
            Listed::Step => {}
            Listed::End => {
                self.check(store)?;
                self.report.live_bytes = self.lives.all().iter().map(|live| u64::from(live.live_bytes)).sum();
                self.phase = Phase::Done;
            }
            Listed::Entry(entry) => {
                let place = entry.link.place;
                let bytes = match store.source().entry(place, u64::MAX) {
                    Ok(entry) => entry.total_bytes(store.parameters()),
                    Err(error) if error.is_damage() => 1,
                    Err(error) => {
                        *listing = before;
                        return Err(error);
                    }
                };
                self.lives.add(place, bytes, false);
            }
        }
        Ok(())
    }
}

fn tables_phase(table: usize, store: &Store<'_>) -> Phase {
    match TABLES.get(table) {
        Some(&tree) => Phase::Tables { table, descent: Descent::over(tree, store.parameters().fan_out_log2, store.root(tree)) },
        None => Phase::Records { listing: Listing::of(store) },
    }
}

enum Stage {
    Begin,
    Mark,
    /// Chooses the next batch among the segments from here on.
    Settle {
        from: usize,
    },
    /// Removes victims from here on, up to the end of the batch.
    Remove {
        next: usize,
        end: usize,
    },
    Unlisted {
        after: Option<SegmentNumber>,
    },
    Done,
}

/// A collection under way.
pub struct Gc<'m> {
    marking: Marking<'m>,
    stage: Stage,
    /// The session's first segment: what is older and not in the table is left over from an earlier removal.
    first: SegmentNumber,
}

impl<'m> Gc<'m> {
    /// Prepares it. `pages` is memory for a path through the largest manifest or table.
    pub fn new(store: &Store<'_>, lives: &'m mut dyn Slots<Live>, pages: &'m mut [u8]) -> Result<Gc<'m>, Error> {
        store.check_writable()?;
        let marking = Marking::new(store, lives, pages);
        Ok(Gc { marking, stage: Stage::Begin, first: SegmentNumber(0) })
    }

    /// Takes a batch of dead segments out of the table, and commits.
    fn settle(&mut self, from: usize, store: &mut Store<'_>) -> Result<(), Error> {
        let marking = &mut self.marking;
        let keep_all = marking.report.kept_for_damage;
        let dead = |live: &Live| live.live_bytes == 0 && !keep_all && !live.held;
        let end = marking.lives.choose(from, store.parameters().fan_out_log2, u64::MAX, dead);
        let batch = marking.lives.all().get(from..end).unwrap_or(&[]);
        // The first commit is made in any case: what is not listed goes only after one.
        if from == 0 || batch.iter().any(|live| live.victim) {
            drop_rows(store, batch)?;
            store.commit()?;
        }
        self.stage = Stage::Remove { next: from, end };
        Ok(())
    }

    fn remove(&mut self, next: usize, end: usize, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let marking = &mut self.marking;
        if next >= end {
            let more = end < marking.lives.all().len();
            self.stage = if more { Stage::Settle { from: end } } else { Stage::Unlisted { after: None } };
            return Ok(Next::Step);
        }
        self.stage = Stage::Remove { next: next.saturating_add(1), end };
        let live = marking.lives.all().get(next).copied().unwrap_or(Live::FREE);
        if !live.victim {
            return Ok(Next::Step);
        }
        let removed = remove_dead(store, &live, &mut marking.report)?;
        Ok(Next::Say(removed))
    }
}

impl Gc<'_> {
    /// Removes segments that the commit just made does not list: their removal was cut off, or undone by a power cut.
    fn unlisted(&mut self, after: Option<SegmentNumber>, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let next = log::next_segment(store.source().medium, after)?.filter(|&number| number < self.first);
        let Some(segment) = next else {
            store.close()?;
            store.hold_reserve()?;
            store.unload(false);
            self.stage = Stage::Done;
            return Ok(Next::Done(self.marking.report));
        };
        self.stage = Stage::Unlisted { after: Some(segment) };
        if self.marking.lives.of(segment).is_some() || self.is_anothers(segment, store)? {
            return Ok(Next::Step);
        }
        store.remove_segment(segment)?;
        Ok(Next::Say(Event::Removed { segment }))
    }
}

impl Gc<'_> {
    /// Whether a segment that no commit lists may be of use to somebody: it is of another repository; or it calls itself by another number, as one
    /// that was renamed does, and something is lost. With nothing lost it is what a power cut made of a segment.
    fn is_anothers(&self, segment: SegmentNumber, store: &Store<'_>) -> Result<bool, Error> {
        let source = store.source();
        if log::belongs(&source, segment)? {
            return Ok(false);
        }
        let header = match segment::header(source.medium, segment) {
            Err(error) if !error.is_damage() => return Err(error),
            header => header.ok().and_then(Result::ok),
        };
        let is_ours = header.is_some_and(|header| header.parameters.repository == source.parameters.repository);
        Ok(!is_ours || self.marking.is_lost())
    }
}

/// Takes victims out of the segment table.
fn drop_rows(store: &mut Store<'_>, batch: &[Live]) -> Result<(), Error> {
    store.forget_rows(|segment| batch.iter().any(|live| live.victim && live.segment == segment));
    store.settle_with(&mut |cursor, store, memory| {
        let mut victims = batch.iter().filter(|live| live.victim).map(|live| u64::from(live.segment.0));
        victims.try_for_each(|key| cursor.set(key, &[0; row::LEN], store, memory))
    })
}

pub(crate) fn remove_dead(store: &Store<'_>, live: &Live, report: &mut Report) -> Result<Event, Error> {
    store.remove_segment(live.segment)?;
    report.removed = report.removed.saturating_add(1);
    report.freed_bytes = report.freed_bytes.saturating_add(live.len_bytes.into());
    Ok(Event::Removed { segment: live.segment })
}

impl Task for Gc<'_> {
    type Report = Report;

    fn next(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        store.go_on(0, 0)?;
        match self.stage {
            Stage::Begin => {
                store.begin(Purpose::Reclaim)?;
                self.first = store.open_segment().unwrap_or(SegmentNumber(0));
                self.stage = Stage::Mark;
                Ok(Next::Step)
            }
            Stage::Mark if self.marking.is_done() => {
                self.stage = Stage::Settle { from: 0 };
                Ok(Next::Step)
            }
            Stage::Settle { from } => {
                self.settle(from, store)?;
                Ok(Next::Step)
            }
            Stage::Mark => Ok(self.marking.step(store)?.map_or(Next::Step, Next::Say)),
            Stage::Remove { next, end } => self.remove(next, end, store),
            Stage::Unlisted { after } => self.unlisted(after, store),
            Stage::Done => Err(Refusal::Parameter.into()),
        }
    }
}
