//! compact: moves what lives in sparse segments into new ones and removes the old.
//!
//! Marking first, as in gc. Then, in batches that need no more space than the reserve has: live entries are copied as they are stored, tables are
//! written anew where they lay in a victim, a commit makes that true, and only then the victims go. A segment with a mark on a live entry stays.
//! Segments in which nothing lives go first: they give space and need next to none. Then blocks are folded, then sparse segments copied.

use crate::chain::{self, Chain, PackedBlock};
use crate::digest::digest;
use crate::error::{Error, Refusal};
use crate::format::bytes::{Reader, Writer};
use crate::format::entry::{Kind, LEN, TreeKind};
use crate::format::{link, row};
use crate::frame::Work;
use crate::host::Slots;
use crate::index::SlotIndex;
use crate::manifest::{LIVE, NAMED, SHARED};
use crate::ops::gc::{Live, Lives, Marking, Report, remove_dead};
use crate::segment::{Item, Lines};
use crate::session::plain_header;
use crate::store::{Purpose, Sought, Store};
use crate::task::{Event, Job, Next, Outcome, Piece, Task};
use crate::tree::{Cursor, Descent, Meeting};
use crate::types::{Id, Link, Place, SegmentNumber, low32, narrow, wide};

/// Which segments are victims.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Pass {
    /// Those in which nothing lives.
    Dead,
    /// Sparse and small ones too.
    Sparse,
}

#[allow(clippy::large_enum_variant)] // one lives at a time, and there is no heap
enum Stage {
    Begin,
    Mark,
    /// Folds blocks of segments from here on.
    Fold {
        next: usize,
    },
    FoldLines {
        next: usize,
        lines: Lines,
    },
    /// Chooses the next batch among the segments from here on.
    Choose {
        from: usize,
    },
    /// Copies from the victims from here on, up to the end of the batch.
    Victim {
        next: usize,
    },
    Lines {
        next: usize,
        lines: Lines,
    },
    Tables,
    Remove {
        next: usize,
    },
    Done,
}

/// A compaction under way.
pub struct Compact<'m> {
    marking: Marking<'m>,
    stage: Stage,
    pass: Pass,
    /// The batch: a range of segments by their position among the lives.
    batch: (usize, usize),
    /// Bytes stored by folding.
    folded_bytes: u64,
    in_flight: u64,
}

impl<'m> Compact<'m> {
    /// Prepares it. `pages` is memory for a path through the largest manifest or table.
    pub fn new(store: &Store<'_>, lives: &'m mut dyn Slots<Live>, pages: &'m mut [u8]) -> Result<Compact<'m>, Error> {
        store.check_writable()?;
        Ok(Compact {
            marking: Marking::new(store, lives, pages),
            stage: Stage::Begin,
            pass: Pass::Dead,
            batch: (0, 0),
            folded_bytes: 0,
            in_flight: 0,
        })
    }

    // Each stage has a stack frame of its own: what one has in hand is not there during another, and the stack may have few kilobytes.

    /// Looks through the segments for blocks that lie on bases which nothing else needs. What that stores has to fit beside everything else, so
    /// there is an end to it; the next compaction goes on.
    #[inline(never)]
    fn fold(&mut self, next: usize, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let enough = self.folded_bytes > u64::from(store.parameters().segment_bytes) / 4;
        let live = self.marking.lives.all().get(next).copied();
        let Some(live) = live.filter(|_| !enough && !self.marking.is_lost() && !store.is_damaged()) else {
            if self.in_flight > 0 {
                return Ok(Next::Wait);
            }
            (self.pass, self.stage) = (Pass::Sparse, Stage::Choose { from: 0 });
            return Ok(Next::Step);
        };
        let after = next.saturating_add(1);
        let mut walk = store.table_walk();
        let prefix = store.prefix(live.segment, &mut walk)?;
        self.stage = match prefix.is_whole() {
            true => Stage::FoldLines { next: after, lines: prefix.lines(&store.source()) },
            false => Stage::Fold { next: after },
        };
        Ok(Next::Step)
    }

    #[inline(never)]
    fn fold_lines(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let Stage::FoldLines { next, lines } = &mut self.stage else { return Ok(Next::Step) };
        let (next, before) = (*next, *lines);
        let live = self.marking.lives.all().get(next.saturating_sub(1)).copied().unwrap_or(Live::FREE);
        let Some(item) = store.next_line(lines)? else {
            self.stage = Stage::Fold { next };
            return Ok(Next::Step);
        };
        let Item::Line(line) = item else { return Ok(Next::Step) };
        if line.kind != (Kind::Block { delta: true }) || line.offset >= live.len_bytes {
            return Ok(Next::Step);
        }
        let place = Place::new(live.segment, line.offset);
        if slot_of(store, &line.id, place).is_none_or(|slot| !store.index().flags(slot).has(NAMED)) {
            return Ok(Next::Step);
        }
        let planned = plan_fold(&line.id, store).inspect_err(|_| {
            if let Stage::FoldLines { lines, .. } = &mut self.stage {
                *lines = before;
            }
        });
        let Some((merged, chain)) = planned? else { return Ok(Next::Step) };
        self.in_flight = self.in_flight.saturating_add(1);
        Ok(Next::Job(Job::fold(line.id, line.raw_bytes, chain, merged)))
    }

    /// Stores what was folded, if that takes a quarter less than what goes for it.
    #[inline(never)] // few blocks are folded, and most outcomes are accepted without its array
    fn take_fold(
        &mut self,
        chain: &Chain,
        merged: u8,
        packed: &PackedBlock,
        store: &mut Store<'_>,
        work: &mut Work<'_>,
    ) -> Result<(), Error> {
        let header = packed.header();
        let parameters = *store.parameters();
        let new_bytes = header.total_bytes(&parameters);
        let places = chain.places().get(..merged.into()).unwrap_or(chain.places());
        // All is read before anything is stored, which must not be done twice. An entry has less than 2^32 bytes.
        let mut old = [(None, 0); chain::LEN_MAX];
        for (place, old) in places.iter().zip(&mut old) {
            let entry = store.source().entry(*place, u64::MAX)?;
            let slot = if entry.id == packed.id { None } else { slot_of(store, &entry.id, *place) };
            *old = (slot, low32(entry.total_bytes(&parameters)));
        }
        let old_bytes: u64 = old.iter().map(|(_, bytes)| u64::from(*bytes)).sum();
        let top = chain.places().first().and_then(|place| slot_of(store, &packed.id, *place));
        let Some(top) = top.filter(|_| new_bytes.saturating_mul(4) <= old_bytes.saturating_mul(3)) else { return Ok(()) };
        store.settle()?;
        store.room(new_bytes)?;
        let place = store.append(work.packed.get_mut(packed.packed.start..).unwrap_or(&mut []), &header)?;
        for (place, (slot, bytes)) in places.iter().zip(old) {
            self.marking.lives.take(*place, bytes.into());
            if let Some(slot) = slot {
                let flags = store.index().flags(slot).without(LIVE);
                store.index_mut().set_flags(slot, flags);
            }
        }
        store.index_mut().replace(top, place);
        self.folded_bytes = self.folded_bytes.saturating_add(new_bytes);
        self.marking.report.folded = self.marking.report.folded.saturating_add(1);
        Ok(())
    }

    /// Takes victims from `from` on until what lives in them would fill a segment.
    fn choose(&mut self, from: usize, store: &mut Store<'_>) -> Next<Report> {
        let limit = u64::from(store.parameters().segment_bytes) / 2;
        let keep_all = self.marking.report.kept_for_damage;
        let small = self.marking.lives.all().iter().filter(|live| is_small(live, limit)).count();
        let pass = self.pass;
        let suits = |live: &Live| live.live_bytes == 0 || (pass == Pass::Sparse && is_sparse(live, limit, small));
        let victim = |live: &Live| !keep_all && !live.held && suits(live);
        let end = self.marking.lives.choose(from, store.parameters().fan_out_log2, limit, victim);
        self.batch = (from, end);
        self.stage = Stage::Victim { next: from };
        Next::Step
    }

    #[inline(never)]
    fn victim(&mut self, next: usize, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        if next >= self.batch.1 {
            if self.in_flight > 0 {
                return Ok(Next::Wait);
            }
            self.stage = Stage::Tables;
            return Ok(Next::Step);
        }
        let live = self.marking.lives.all().get(next).copied().unwrap_or(Live::FREE);
        let after = next.saturating_add(1);
        if !live.victim || live.live_bytes == 0 {
            self.stage = Stage::Victim { next: after };
            return Ok(Next::Step);
        }
        if self.in_flight > 0 {
            return Ok(Next::Wait);
        }
        let mut walk = store.table_walk();
        let prefix = store.prefix(live.segment, &mut walk)?;
        if !prefix.is_whole() {
            self.spare(live.segment);
            self.stage = Stage::Victim { next: after };
            return Ok(Next::Step);
        }
        let lines = prefix.lines(&store.source());
        self.stage = Stage::Lines { next: after, lines };
        Ok(Next::Step)
    }

    #[inline(never)]
    fn lines(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let Stage::Lines { next, lines } = &mut self.stage else { return Ok(Next::Step) };
        let live = self.marking.lives.all().get(next.saturating_sub(1)).copied().unwrap_or(Live::FREE);
        let Some(item) = store.next_line(lines)? else {
            self.stage = Stage::Victim { next: *next };
            return Ok(Next::Step);
        };
        let Item::Line(line) = item else {
            // What stands there is not known, so it cannot be moved.
            self.spare(live.segment);
            return Ok(Next::Step);
        };
        let place = Place::new(live.segment, line.offset);
        let wanted = line.kind.indexed() && line.offset < live.len_bytes && slot_of(store, &line.id, place).is_some();
        if !wanted {
            return Ok(Next::Step);
        }
        self.in_flight = self.in_flight.saturating_add(1);
        Ok(Next::Job(Job::copy(place)))
    }

    /// Leaves a segment where it is.
    fn spare(&mut self, segment: SegmentNumber) {
        if let Some(live) = self.marking.lives.of(segment) {
            *live = Live { victim: false, held: true, ..*live };
        }
    }

    /// Everything by place that lay in a victim: records, and pages of tables; then the commit.
    #[inline(never)]
    fn tables(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let chosen = self.marking.lives.all().get(self.batch.0..self.batch.1).unwrap_or(&[]);
        if chosen.iter().all(|live| !live.victim) {
            self.stage = Stage::Remove { next: self.batch.1 };
            return Ok(Next::Step);
        }
        TREES.into_iter().try_for_each(|tree| warm(store, &self.marking.lives, tree))?;
        for tree in TREES {
            renew(store, &self.marking.lives, tree)?;
        }
        store.commit()?;
        self.stage = Stage::Remove { next: self.batch.0 };
        Ok(Next::Step)
    }

    #[inline(never)]
    fn remove(&mut self, next: usize, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        if next >= self.batch.1 {
            let more = self.batch.1 < self.marking.lives.all().len();
            if more {
                self.stage = Stage::Choose { from: self.batch.1 };
                return Ok(Next::Step);
            }
            if self.pass == Pass::Dead {
                self.stage = Stage::Fold { next: 0 };
                return Ok(Next::Step);
            }
            store.close()?;
            store.hold_reserve()?;
            store.unload(false);
            self.stage = Stage::Done;
            return Ok(Next::Done(self.marking.report));
        }
        self.stage = Stage::Remove { next: next.saturating_add(1) };
        let live = self.marking.lives.all().get(next).copied().unwrap_or(Live::FREE);
        if !live.victim {
            return Ok(Next::Step);
        }
        if let Some(live) = self.marking.lives.all_mut().get_mut(next) {
            // Gone: nothing of it may be taken for a victim again.
            *live = Live { victim: false, held: true, ..*live };
        }
        Ok(Next::Say(remove_dead(store, &live, &mut self.marking.report)?))
    }
}

/// Which entries of a block's chain nobody else needs, its own counted: bases that no manifest names and no other block lies on. None if there
/// are none, or if little would be won: where all of the chain would go, what lies above its last entry is all there is to win.
fn plan_fold(id: &Id, store: &Store<'_>) -> Result<Option<(u8, Chain)>, Error> {
    let (mut chain, mut merged, mut goes_on) = (Chain::NONE, 0u8, true);
    let (mut above, mut last) = (0u64, 0u64);
    let index = store.index();
    let whole = store.visit_chain(Sought::Block, id, &mut |found| {
        let flags = index.flags(found.slot);
        let own = chain.is_none();
        goes_on &= own || !(flags.has(NAMED) || flags.has(SHARED));
        chain.push(found.place);
        if goes_on {
            merged = merged.saturating_add(1);
            above = above.saturating_add(last);
            last = found.entry.total_bytes(store.parameters());
        }
    })?;
    let is_all = usize::from(merged) == chain.places().len();
    let wins = merged > 1 && (!is_all || above.saturating_mul(3) >= last);
    Ok(Some((merged, chain)).filter(|_| whole && wins))
}

/// Sparse: at least a quarter of it is dead; or small, and not the only small one.
fn is_sparse(live: &Live, limit: u64, small: usize) -> bool {
    let sparse = u64::from(live.live_bytes).saturating_mul(4) <= u64::from(live.len_bytes).saturating_mul(3);
    sparse || (small > 1 && is_small(live, limit))
}

fn is_small(live: &Live, limit: u64) -> bool {
    u64::from(live.len_bytes) < limit / 4
}

/// The index slot of a live object whose entry lies at `place`.
fn slot_of(store: &Store<'_>, id: &crate::types::Id, place: Place) -> Option<SlotIndex> {
    let mut candidates = store.index().candidates(id);
    candidates.find(|(_, at, flags)| *at == place && flags.has(LIVE)).map(|(slot, ..)| slot)
}

fn move_record(store: &mut Store<'_>, link: &Link) -> Result<Link, Error> {
    let entry = store.source().entry(link.place, u64::MAX)?;
    store.room(entry.total_bytes(store.parameters()))?;
    store.with_buffer(|store, buffer| {
        let (_, to) = buffer.split_first_chunk_mut::<LEN>().ok_or(Error::Refused(Refusal::Parameter))?;
        let len = store.record(link, to)?.len();
        let algorithm = store.parameters().algorithm;
        let digest = digest(algorithm, to.get(..len).unwrap_or(&[]));
        let header = plain_header(Kind::Record, link.id, digest, low32(wide(len)));
        Ok(Link { id: link.id, place: store.append(buffer, &header)? })
    })
}

/// What a table has in a victim.
enum Affected {
    /// A page: it lies there, or a base of it does.
    Page { level: u8, position: u64 },
    /// A row of the catalogue: its record lies there.
    Record { key: u64, link: Link },
    /// The victim's own row.
    Victim { key: u64 },
    /// Nothing at this turn.
    Nothing,
}

const TREES: [TreeKind; 3] = [TreeKind::Catalogue, TreeKind::Damage, TreeKind::Segments];

/// Reads all that [`renew`] is going to read, so that a medium that answers "pending" does so before anything is appended.
fn warm(store: &mut Store<'_>, lives: &Lives<'_>, tree: TreeKind) -> Result<(), Error> {
    let mut descent = Descent::over(tree, store.parameters().fan_out_log2, store.root(tree));
    while let Some(affected) = store.with_walk(|store, walk| look(tree, &mut descent, lives, store, walk))? {
        if let Affected::Record { link, .. } = affected {
            store.with_buffer(|store, buffer| store.record(&link, buffer).map(|_| ()))?;
        }
    }
    Ok(())
}

/// Writes anew what a table has in victims. Each page is stored once.
fn renew(store: &mut Store<'_>, lives: &Lives<'_>, tree: TreeKind) -> Result<(), Error> {
    let root = store.root(tree);
    let mut descent = Descent::over(tree, store.parameters().fan_out_log2, root);
    let mut change = |cursor: &mut Cursor, store: &mut Store<'_>, memory: &mut [u8]| {
        while let Some(affected) = store.with_walk(|store, walk| look(tree, &mut descent, lives, store, walk))? {
            match affected {
                Affected::Page { level, position } => cursor.renew(level, position, store, memory)?,
                Affected::Record { key, link } => {
                    let mut row = [0; link::LEN];
                    link::emit(&move_record(store, &link)?, &mut Writer::new(&mut row));
                    cursor.set(key, &row, store, memory)?;
                }
                Affected::Victim { key } => cursor.set(key, &[0; row::LEN], store, memory)?,
                Affected::Nothing => {}
            }
        }
        Ok(())
    };
    match tree {
        TreeKind::Segments => {
            store.forget_rows(|segment| lives.is_victim(segment));
            store.settle_with(&mut change)
        }
        _ => store.edit(tree, root.rows, &mut change).map(|_| ()),
    }
}

/// Goes on to the next page or row of a table; none at its end.
fn look(
    tree: TreeKind,
    descent: &mut Descent,
    lives: &Lives<'_>,
    store: &mut Store<'_>,
    walk: &mut [u8],
) -> Result<Option<Affected>, Error> {
    let Some(meeting) = descent.next(walk)? else { return Ok(None) };
    Ok(Some(match (meeting, tree) {
        (Meeting::Page { level, position, .. }, _) => {
            descent.enter(store, walk)?;
            let renew = store.last_chain().any(|place| lives.is_victim(place.segment));
            if renew { Affected::Page { level, position } } else { Affected::Nothing }
        }
        (Meeting::Row { key }, TreeKind::Catalogue) => {
            let link = link::parse(&mut Reader(descent.row(key, walk)?)).unwrap_or(Link::ZERO);
            if lives.is_victim(link.place.segment) { Affected::Record { key, link } } else { Affected::Nothing }
        }
        (Meeting::Row { key }, TreeKind::Segments) if lives.is_victim(SegmentNumber(low32(key))) => Affected::Victim { key },
        _ => Affected::Nothing,
    }))
}

impl Task for Compact<'_> {
    type Report = Report;

    fn next(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        match &self.stage {
            Stage::Begin => {
                store.begin(Purpose::Reclaim)?;
                self.stage = Stage::Mark;
                Ok(Next::Step)
            }
            Stage::Mark if self.marking.is_done() => {
                self.stage = Stage::Choose { from: 0 };
                Ok(Next::Step)
            }
            Stage::Mark => Ok(self.marking.step(store)?.map_or(Next::Step, Next::Say)),
            Stage::Fold { next } => {
                let next = *next;
                self.fold(next, store)
            }
            Stage::FoldLines { .. } => self.fold_lines(store),
            Stage::Choose { from } => {
                let from = *from;
                Ok(self.choose(from, store))
            }
            Stage::Victim { next } => {
                let next = *next;
                self.victim(next, store)
            }
            Stage::Lines { .. } => self.lines(store),
            Stage::Tables => self.tables(store),
            Stage::Remove { next } => {
                let next = *next;
                self.remove(next, store)
            }
            Stage::Done => Err(Refusal::Parameter.into()),
        }
    }

    fn accept(
        &mut self,
        store: &mut Store<'_>,
        job: &Job,
        outcome: Result<Outcome, Error>,
        work: &mut Work<'_>,
    ) -> Result<Option<Event>, Error> {
        if let Piece::Fold { ref chain, merged, .. } = job.piece {
            match outcome {
                Ok(Outcome::Packed(packed)) => self.take_fold(chain, merged, &packed, store, work)?,
                // It stays as it is.
                Err(error) if error.is_damage() => {}
                Err(error) => return Err(error),
                Ok(_) => return Err(Refusal::Parameter.into()),
            }
            self.in_flight = self.in_flight.saturating_sub(1);
            store.go_on(0, 0)?;
            return Ok(None);
        }
        let Piece::Copy { place } = job.piece else { return Err(Refusal::Parameter.into()) };
        match outcome {
            Ok(Outcome::Copied { entry }) => {
                if let Some(slot) = slot_of(store, &entry.id, place) {
                    store.settle()?;
                    store.room(entry.total_bytes(store.parameters()))?;
                    let needed = narrow(entry.total_bytes(store.parameters()));
                    let packed = work.packed.get_mut(..needed).ok_or(Error::Refused(Refusal::Parameter))?;
                    let new = store.append(packed, &entry)?;
                    store.index_mut().replace(slot, new);
                }
            }
            // What cannot be read stays where it is, with all of its segment: parity may mend it.
            Err(error) if error.is_damage() => {
                self.spare(place.segment);
            }
            Err(error) => return Err(error),
            Ok(_) => return Err(Refusal::Parameter.into()),
        }
        self.in_flight = self.in_flight.saturating_sub(1);
        store.go_on(0, 0)?;
        Ok(None)
    }
}
