//! check and scrub: what is damaged, and which versions that hits (docs/FORMAT.md section 13).
//!
//! What the medium fails to read is passed over: that is told, and says nothing of the bytes. A version that needs them is neither whole nor hit.
//!
//! check reads structure: headers, footers, tables, and that everything a version needs has an entry. scrub reads every byte as well, notes
//! damage marks where it may write, and takes away marks of what reads well again. One task, so that the two never disagree.

use crate::catalogue::{Entry, Listed, Listing, with_record};
use crate::chain::{self, Chain};
use crate::digest::Hasher;
use crate::error::{Error, Memory, Refusal, Trouble};
use crate::format::damage::Mark;
use crate::format::entry::{Kind, LEN, Line, TreeKind};
use crate::format::header::{self, HeaderFault, Parameters};
use crate::format::record::RecordKind;
use crate::frame::Work;
use crate::index::Flags;
use crate::log::{self, PinState};
use crate::manifest::{self, Met, Reach, Reached};
use crate::segment::{self, Item, Lines, entries_hasher};
use crate::store::{Prefix, Purpose, Sought, Store};
use crate::task::{Event, Fault, Finding, FindingKind, Job, Next, Outcome, Piece, Task};
use crate::tree::Cursor;
use crate::types::{Digest, Id, Link, Place, SegmentNumber, low32};

/// What to look at.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Depth {
    /// Structure.
    Check,
    /// Every byte.
    Scrub,
}

/// What was looked at and found.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Report {
    /// Segments.
    pub segments: u64,
    /// Entries.
    pub entries: u64,
    /// Bytes of true prefixes.
    pub bytes: u64,
    /// Versions.
    pub versions: u64,
    /// Findings.
    pub findings: u64,
    /// Versions hit.
    pub hit: u64,
    /// Ranges that the medium failed to read; they are not among the findings.
    pub unread: u64,
    /// Versions that need such a range, and are not hit as far as is known.
    pub unproved: u64,
    /// Whether damage marks were written.
    pub marks_written: bool,
    /// Whether the repository was written meanwhile, so that findings may be of what has moved: look again.
    pub changed: bool,
    /// Whether something newer once existed, so that nothing may be written.
    pub behind: bool,
    /// Whether tables were rebuilt from what is left, so that nothing may be written.
    pub rebuilt: bool,
}

impl Report {
    /// Whether anything is wrong.
    pub fn damaged(&self) -> bool {
        self.findings > 0 || self.hit > 0 || self.behind || self.rebuilt
    }
}

struct Entries {
    prefix: Prefix,
    lines: Lines,
    /// Bytes up to which entries are looked at: the prefix, or the commit behind it too.
    end: u64,
    hasher: Hasher,
    torn: bool,
    tail_follows: bool,
}

#[allow(clippy::large_enum_variant)] // one lives at a time, and there is no heap
enum Phase {
    Pin,
    Behind,
    Tables,
    Segment {
        after: Option<SegmentNumber>,
    },
    Header {
        prefix: Prefix,
    },
    Footer {
        prefix: Prefix,
    },
    Entries(Entries),
    Strangers {
        after: Option<SegmentNumber>,
    },
    Reload,
    Index,
    Versions,
    Version {
        id: Id,
        link: Link,
        reach: Reach,
        /// Of its record.
        record: Standing,
    },
    /// A scrub's walk through manifests: the next version whose blocks are to be proved.
    Walk,
    /// What a version reaches: of a scrub of this version alone, every entry; and every block that lies on a base.
    Reach {
        reach: Reach,
    },
    ReachEnd,
    Marks,
    Done,
}

/// What is known of a version; the graver counts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Standing {
    Whole,
    Unread,
    Hit,
}

/// So often in a row the medium may fail to read before it is taken for gone.
const FAILURES_MAX: u32 = 64;

/// How marks are noted.
type Note = fn(&mut Store<'_>) -> Result<(), Error>;

/// A check or scrub under way.
pub struct Check<'m> {
    depth: Depth,
    phase: Phase,
    walk: Cursor,
    listing: Option<Listing>,
    pages: &'m mut [u8],
    only: Option<Entry>,
    /// Blocks are decoded, and those that lie on others proved; otherwise the digests of stored bytes have to do.
    decodes: bool,
    /// The walk through manifests is done, or there is none.
    walked: bool,
    /// Some block lies on a base.
    based: bool,
    /// A block was not what its entries should give, so blocks are looked for again: they may be found elsewhere, and must be proved there.
    again: bool,
    /// Entries were checked before; now only blocks are proved.
    proves_only: bool,
    /// The walk through the one version missed something.
    doubtful: bool,
    /// What the walk came to last, until that was seen to.
    met: Option<Met>,
    /// Entries of the block met last that are to be checked, and whether that decodes them.
    unchecked: (Chain, bool),
    proofs: Proofs,
    in_flight: u64,
    /// How often in a row the medium failed to read.
    failures: u32,
    report: Report,
    now: u64,
    /// How marks are noted; not at all where nothing is to be written.
    note: Option<Note>,
    /// See [`Check::growing`].
    grows: bool,
}

impl<'m> Check<'m> {
    /// Prepares a scrub of what one version needs and nothing else. Structure is looked at as in a check.
    pub fn of_version(store: &Store<'_>, entry: Entry, pages: &'m mut [u8]) -> Check<'m> {
        Check { only: Some(entry), ..Check::new(store, Depth::Check, pages) }
    }

    /// The same, which marks damage and takes marks away, where that may be written. Without it, nothing of what writes is linked.
    pub fn noting(self) -> Check<'m> {
        Check { note: Some(write_marks), ..self }
    }

    /// Prepares it. `pages` is memory for a path through the largest manifest.
    pub fn new(store: &Store<'_>, depth: Depth, pages: &'m mut [u8]) -> Check<'m> {
        let now = store.host().now();
        let (walk, report) = (store.table_walk(), Report::default());
        Check {
            depth,
            phase: Phase::Pin,
            walk,
            listing: None,
            pages,
            only: None,
            decodes: true,
            walked: false,
            based: false,
            again: false,
            proves_only: false,
            doubtful: false,
            met: None,
            unchecked: (Chain::NONE, false),
            proofs: Proofs::NONE,
            in_flight: 0,
            failures: 0,
            report,
            now,
            note: None,
            grows: false,
        }
    }

    /// Where the index runs out of memory, the task goes on once there is more; whoever gives up instead calls [`Store::retry`].
    pub fn growing(self) -> Check<'m> {
        Check { grows: true, ..self }
    }

    /// Reads every byte and compares digests of stored bytes, but decodes nothing: what a scrub can do without codecs. Bytes that are as they were
    /// stored were right when they were stored.
    pub fn undecoded(self) -> Check<'m> {
        Check { decodes: false, ..self }
    }

    fn found(&mut self, kind: FindingKind, place: Option<Place>) -> Event {
        self.report.findings = self.report.findings.saturating_add(1);
        Event::Finding(Finding { kind, place, len_bytes: 0 })
    }

    /// So many bytes from there on could not be read. An error where that has become the rule: then it is not for a few bytes that the medium fails.
    #[inline(never)]
    fn unread(&mut self, error: Error, place: Place, len_bytes: u64) -> Result<Event, Error> {
        if self.failures >= FAILURES_MAX {
            return Err(error);
        }
        self.failures = self.failures.saturating_add(1);
        self.report.unread = self.report.unread.saturating_add(1);
        Ok(Event::Finding(Finding { kind: FindingKind::Unreadable, place: Some(place), len_bytes }))
    }

    /// The same of an entry, which is then not used.
    #[inline(never)] // asked for everywhere
    fn unread_entry(
        &mut self,
        error: Error,
        place: Place,
        line: Option<Line>,
        store: &mut Store<'_>,
    ) -> Result<Option<Event>, Error> {
        if store.marks().is_unread(place) {
            return Ok(None);
        }
        let parameters = *store.parameters();
        let len_bytes = match line {
            Some(line) => line.end(&parameters).saturating_sub(place.offset.into()),
            None => match store.source().entry(place, u64::MAX) {
                Ok(entry) => entry.total_bytes(&parameters),
                Err(error) if error.is_pending() => return Err(error),
                Err(_) => LEN as u64,
            },
        };
        store.marks_mut().pass_over(place)?;
        self.unread(error, place, len_bytes).map(Some)
    }

    /// The same of the rest of a segment, whose entries are then not known; `error` is what came of reading it.
    #[inline(never)]
    fn unread_rest(&mut self, error: Error, from: Place, end: Option<u64>, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        if error.unread().is_none_or(|place| place.segment != from.segment) {
            return Err(error);
        }
        let end = match end {
            Some(end) => end,
            None => match store.source().len(from.segment) {
                Err(error) if error.is_pending() => return Err(error),
                len => len.ok().flatten().unwrap_or(0),
            },
        };
        let event = self.unread(error, from, end.saturating_sub(from.offset.into()))?;
        store.pass_over(from);
        self.phase = Phase::Segment { after: Some(from.segment) };
        Ok(Next::Say(event))
    }

    fn say(&mut self, kind: FindingKind, segment: SegmentNumber, offset: u64) -> Next<Report> {
        Next::Say(self.found(kind, Some(Place::new(segment, low32(offset)))))
    }

    fn pin(&mut self, store: &mut Store<'_>) -> Next<Report> {
        store.forbear();
        self.phase = Phase::Behind;
        let head = store.head();
        let wrong = match head.pin {
            PinState::Absent => false,
            PinState::Bad => true,
            PinState::Right(pin) => pin.sequence == head.commit.sequence && pin.commit != head.id,
        };
        match wrong {
            true => Next::Say(self.found(FindingKind::Pin, None)),
            false => Next::Step,
        }
    }

    fn behind(&mut self, store: &Store<'_>) -> Next<Report> {
        self.phase = Phase::Tables;
        match store.head().behind {
            Some(place) => {
                self.report.behind = true;
                self.say(FindingKind::Behind, place.segment, place.offset.into())
            }
            None => Next::Step,
        }
    }

    fn tables(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        if !store.load_tables()? {
            return Ok(Next::Step);
        }
        self.walk = store.table_walk();
        self.phase = Phase::Segment { after: None };
        Ok(match store.table_lost_with() {
            Some(segment) => self.say(FindingKind::Missing, segment, 0),
            None => Next::Step,
        })
    }

    // What a phase has in hand is not there while another one writes marks: a stack may have few kilobytes.
    #[inline(never)]
    fn segment(&mut self, after: Option<SegmentNumber>, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let Some(number) = store.next_true(after, &mut self.walk)? else {
            self.phase = Phase::Strangers { after: None };
            return Ok(Next::Step);
        };
        let prefix = match store.prefix(number, &mut self.walk) {
            Err(error) if error.unread().is_some() => return self.unread_rest(error, Place::new(number, 0), None, store),
            prefix => prefix?,
        };
        if prefix.len_bytes == 0 && !prefix.stranger {
            self.phase = Phase::Segment { after: Some(number) };
            return Ok(Next::Step);
        }
        self.report.segments = self.report.segments.saturating_add(1);
        self.report.bytes = self.report.bytes.saturating_add(prefix.len_bytes.into());
        if prefix.file_bytes.is_none() {
            self.phase = Phase::Segment { after: Some(number) };
            return Ok(self.say(FindingKind::Missing, number, 0));
        }
        self.phase = Phase::Header { prefix };
        Ok(Next::Step)
    }

    #[inline(never)]
    fn header(&mut self, prefix: Prefix, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let source = store.source();
        let header = segment::header(source.medium, prefix.segment);
        let filled = source.is_filling(prefix.segment, 128, source.parameters.first_entry().into());
        let failed = [header.err(), filled.err()].into_iter().flatten().find(|error| !error.is_damage());
        if let Some(error) = failed {
            return self.unread_rest(error, Place::new(prefix.segment, 0), prefix.file_bytes, store);
        }
        let header = header.map_err(drop).and_then(|header| header.map_err(|_: HeaderFault| ()));
        let filled = filled.unwrap_or(false);
        self.failures = 0;
        if prefix.stranger {
            let kind = match header {
                Ok(header) if header.parameters.repository != source.parameters.repository => FindingKind::Foreign,
                _ => FindingKind::Renamed,
            };
            self.phase = Phase::Segment { after: Some(prefix.segment) };
            return Ok(self.say(kind, prefix.segment, 0));
        }
        self.phase = Phase::Footer { prefix };
        match header {
            Ok(header) if header.parameters == source.parameters && filled => Ok(Next::Step),
            _ => Ok(self.say(FindingKind::Header, prefix.segment, 0)),
        }
    }

    /// Whether the file is long enough and its footer, if one is expected, is good.
    #[inline(never)]
    fn footer(&mut self, prefix: Prefix, store: &mut Store<'_>) -> Next<Report> {
        let own = prefix.segment == store.head().commit.segment;
        let pinned = store.head().pinned_bytes().filter(|_| own).unwrap_or(0);
        let file_bytes = prefix.file_bytes.unwrap_or(0);
        let source = store.source();
        let commit_end = store.head().commit.end(&source.parameters);
        let lines = prefix.lines(&source);
        let tail_follows = own && prefix.footer.is_none() && store.head().sealed();
        let end = if own && prefix.footer.is_some() { commit_end } else { prefix.len_bytes.into() };
        let hasher = entries_hasher(&source.parameters, prefix.segment);
        let truncated = file_bytes < u64::from(prefix.len_bytes.max(pinned));
        let entries = Entries { prefix, lines, end, hasher, torn: truncated, tail_follows };
        self.phase = Phase::Entries(entries);
        if truncated {
            return self.say(FindingKind::Truncated, prefix.segment, file_bytes);
        }
        if prefix.footer_expected && prefix.footer.is_none() {
            return self.say(FindingKind::Footer, prefix.segment, prefix.len_bytes.into());
        }
        Next::Step
    }

    #[inline(never)]
    fn entries(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let Phase::Entries(entries) = &mut self.phase else { return Ok(Next::Step) };
        let segment = entries.prefix.segment;
        let item = match store.next_line(&mut entries.lines) {
            Ok(Some(item)) => item,
            Ok(None) => return Ok(self.entries_end(store)),
            Err(error) if error.unread().is_some() => {
                let (from, end) = (Place::new(segment, low32(entries.lines.at)), entries.end);
                return self.unread_rest(error, from, Some(end), store);
            }
            Err(error) => return Err(error),
        };
        match item {
            Item::Gap(offset) => {
                entries.torn = true;
                let place = Place::new(segment, offset);
                store.marks_mut().confirm(Mark { place, len_bytes: 0, when: self.now, digest: Digest::ZERO })?;
                Ok(self.say(FindingKind::Entry, segment, offset.into()))
            }
            Item::Line(line) => {
                entries.hasher.update(&line.bytes());
                self.based |= line.kind == Kind::Block { delta: true };
                let (limit, listed) = (entries.end, entries.prefix.footer.is_some());
                self.report.entries = self.report.entries.saturating_add(1);
                if self.depth == Depth::Check {
                    return Ok(Next::Step);
                }
                self.in_flight = self.in_flight.saturating_add(1);
                let place = Place::new(segment, line.offset);
                Ok(Next::Job(Job::check(place, limit, listed.then_some(line), self.decodes)))
            }
        }
    }

    fn entries_end(&mut self, store: &Store<'_>) -> Next<Report> {
        let Phase::Entries(entries) = &self.phase else { return Next::Step };
        let prefix = entries.prefix;
        let digest = Digest(entries.hasher.clone().finish());
        let wrong = prefix.footer.is_none() && !entries.torn && prefix.digest.is_some_and(|demanded| demanded != digest);
        if entries.tail_follows {
            self.phase = Phase::Entries(tail(prefix, store));
        } else {
            self.phase = Phase::Segment { after: Some(prefix.segment) };
        }
        match wrong {
            true => self.say(FindingKind::Digest, prefix.segment, 0),
            false => Next::Step,
        }
    }

    /// Segments the table does not list, if they call themselves something else.
    #[inline(never)]
    fn strangers(&mut self, after: Option<SegmentNumber>, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let source = store.source();
        let Some(number) = log::next_segment(source.medium, after)? else {
            self.phase = Phase::Reload;
            return Ok(Next::Step);
        };
        let listed = match number.0.checked_sub(1) {
            None => store.next_true(None, &mut self.walk)?,
            Some(before) => store.next_true(Some(SegmentNumber(before)), &mut self.walk)?,
        };
        let header = match segment::header(source.medium, number) {
            // What is listed was seen to.
            Err(error) if error.unread().is_some() && listed != Some(number) => {
                let event = self.unread(error, Place::new(number, 0), header::LEN as u64)?;
                self.phase = Phase::Strangers { after: Some(number) };
                return Ok(Next::Say(event));
            }
            // What is listed was seen to.
            Err(error) if !error.is_damage() && error.unread().is_none() => return Err(error),
            header => header.ok().and_then(Result::ok),
        };
        self.phase = Phase::Strangers { after: Some(number) };
        match header {
            _ if listed == Some(number) => Ok(Next::Step),
            Some(header) if header.parameters.repository != source.parameters.repository => {
                Ok(self.say(FindingKind::Foreign, number, 0))
            }
            Some(header) if header.segment != number => Ok(self.say(FindingKind::Renamed, number, 0)),
            _ => Ok(Next::Step),
        }
    }

    /// The index is made of what was found usable, so that a version is hit exactly by what was found.
    fn reload(&mut self, store: &mut Store<'_>) -> Next<Report> {
        if self.in_flight > 0 {
            return Next::Wait;
        }
        if self.depth == Depth::Scrub {
            store.marks_mut().retain(&|_, confirmed| confirmed);
        }
        store.unload(true);
        self.phase = Phase::Index;
        Next::Step
    }

    #[inline(never)]
    fn index(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        if !store.load()? {
            return Ok(Next::Step);
        }
        self.listing = Some(Listing::of(store));
        match self.only {
            _ if self.walked => self.phase = Phase::Versions,
            Some(entry) => return self.begin_only(entry, store),
            None if self.based && self.decodes && self.depth == Depth::Scrub => self.phase = Phase::Walk,
            None => self.phase = Phase::Versions,
        }
        Ok(Next::Step)
    }

    /// The next version whose blocks are to be proved; behind the last, versions are judged by what was found.
    #[inline(never)]
    fn walk(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let Some(mut listing) = self.listing else { return Ok(Next::Step) };
        match listing.next(store)? {
            Listed::Step => {}
            Listed::Entry(entry) => {
                let parameters = *store.parameters();
                let described = with_record(store, &entry.link, |_, record| (record.kind, record.disk_size, record.top));
                match described {
                    Ok((RecordKind::Version, size, top)) => self.follow(&parameters, size, top),
                    Ok(_) => {}
                    Err(error) => {
                        let told = self.lose_record(error, entry.link.place, store)?;
                        self.listing = Some(listing);
                        return Ok(told);
                    }
                }
            }
            Listed::End if self.in_flight > 0 => return Ok(Next::Wait),
            Listed::End => {
                store.index_mut().clear_flags_all(Flags::ALL);
                self.listing = Some(Listing::of(store));
                if !core::mem::take(&mut self.again) {
                    self.walked = true;
                    self.phase = Phase::Versions;
                }
                return Ok(Next::Step);
            }
        }
        self.listing = Some(listing);
        Ok(Next::Step)
    }

    fn begin_only(&mut self, entry: Entry, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let disk = with_record(store, &entry.link, |_, record| (record.disk_size, record.top));
        let (next, (size, top)) = match disk {
            Ok(disk) => (Next::Step, disk),
            Err(error) => (self.lose_record(error, entry.link.place, store)?, (0, Id::ZERO)),
        };
        self.follow(store.parameters(), size, top);
        Ok(next)
    }

    /// A record that leads to nothing, as it could not be read. Once is enough: what it leads to is not looked at, so the version is not whole even
    /// if its record can be read later.
    #[inline(never)]
    fn lose_record(&mut self, error: Error, place: Place, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        if error.unread().is_some() && !store.marks().contains(place) {
            let event = self.unread_entry(error, place, None, store)?;
            return Ok(event.map_or(Next::Step, Next::Say));
        }
        if matches!(error, Error::Medium { trouble: Trouble::Unreadable, .. }) {
            store.marks_mut().confirm(Mark { place, len_bytes: 0, when: self.now, digest: Digest::ZERO })?;
        }
        match error.is_damage() || error.unread().is_some() {
            true => Ok(Next::Step),
            false => Err(error),
        }
    }

    #[inline(never)] // a reach is large
    fn follow(&mut self, parameters: &Parameters, size: u64, top: Id) {
        self.phase = Phase::Reach { reach: Reach::of(parameters, size, top) };
    }

    /// Of a scrub of one version every entry is read that it reaches; then the index is made anew of what proved usable.
    #[inline(never)]
    fn reach(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        if let Some(place) = self.unchecked.0.pop() {
            return Ok(self.check_entry(place, self.unchecked.1));
        }
        if let Some(place) = self.proofs.next() {
            return self.prove_at(place, store);
        }
        if let Some(met) = self.met {
            // If it must be waited for, it is still there when this is repeated.
            let next = self.meet(met, store)?;
            self.met = None;
            return Ok(next);
        }
        let Phase::Reach { reach } = &mut self.phase else { return Ok(Next::Step) };
        if let Some(reached) = reach.step(store, self.pages)? {
            // What is not found now is not looked at, even if it is found when the version is judged.
            self.doubtful |= self.only.is_some() && !reached.whole;
            self.phase = if self.only.is_some() { Phase::ReachEnd } else { Phase::Walk };
            return Ok(Next::Step);
        }
        self.met = reach.take_reached();
        Ok(Next::Step)
    }

    /// Checks what a version reaches, or only proves the blocks among it that lie on others.
    fn meet(&mut self, met: Met, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let checks = self.only.is_some() && !self.proves_only;
        match met {
            Met::Page(place) if checks => Ok(self.check_entry(place, true)),
            Met::Page(_) => Ok(Next::Step),
            Met::Block(id) if checks => {
                let (top, unchecked, decodes) = unchecked(&id, store)?;
                self.unchecked = (unchecked, decodes);
                if let Some(top) = top.filter(|_| !decodes) {
                    self.proofs.add(top);
                }
                Ok(Next::Step)
            }
            Met::Block(id) => self.prove(&id, store),
        }
    }

    /// All that one version reaches was checked and proved; once more, if that has changed where blocks are found.
    fn reach_end(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        if let Some(place) = self.proofs.last() {
            return self.prove_at(place, store);
        }
        if self.in_flight > 0 {
            return Ok(Next::Wait);
        }
        match self.only.filter(|_| core::mem::take(&mut self.again)) {
            Some(entry) => {
                self.proves_only = true;
                store.index_mut().clear_flags_all(Flags::ALL);
                return self.begin_only(entry, store);
            }
            None => {
                self.walked = true;
                self.phase = Phase::Reload;
            }
        }
        Ok(Next::Step)
    }

    fn check_entry(&mut self, place: Place, decodes: bool) -> Next<Report> {
        self.in_flight = self.in_flight.saturating_add(1);
        self.report.entries = self.report.entries.saturating_add(1);
        Next::Job(Job::check(place, u64::MAX, None, decodes))
    }

    /// Proves the block whose entry lies there, or another of the same id, now that its entries were checked.
    fn prove_at(&mut self, place: Place, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let next = match store.source().entry(place, u64::MAX) {
            Ok(entry) => self.prove(&entry.id, store)?,
            Err(error) if error.is_damage() || error.unread().is_some() => {
                // What block it was is told by the manifest only.
                self.again = true;
                Next::Step
            }
            Err(error) => return Err(error),
        };
        self.proofs.take();
        Ok(next)
    }

    /// Proves a block if it lies on a base.
    fn prove(&mut self, id: &Id, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let chain = store.chain(id)?;
        let Some((found, chain)) = chain.filter(|(_, chain)| chain.is_based()) else { return Ok(Next::Step) };
        self.in_flight = self.in_flight.saturating_add(1);
        Ok(Next::Job(Job::prove(*id, found.entry.raw_bytes, chain, self.only.is_some())))
    }

    /// A block that its entries do not give, though each of them is as it was written: the one on top says what is not so.
    fn unproved(&mut self, chain: &Chain, store: &mut Store<'_>) -> Result<Option<Event>, Error> {
        let Some(&place) = chain.places().first() else { return Ok(None) };
        self.again = true;
        if chain.places().iter().any(|place| store.marks().contains(*place)) {
            return Ok(None);
        }
        let entry = match store.source().entry(place, u64::MAX) {
            Err(error) if error.unread().is_some() => return self.unread_entry(error, place, None, store),
            entry => entry?,
        };
        let len_bytes = low32(entry.total_bytes(store.parameters()));
        store.marks_mut().confirm(Mark { place, len_bytes, when: self.now, digest: entry.digest })?;
        Ok(Some(self.found(FindingKind::Payload, Some(place))))
    }

    #[inline(never)]
    fn versions(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let Some(mut listing) = self.listing else { return Ok(Next::Step) };
        let listed = listing.next(store)?;
        let entry = match listed {
            Listed::Step => {
                self.listing = Some(listing);
                return Ok(Next::Step);
            }
            Listed::End => {
                self.phase = Phase::Marks;
                return Ok(Next::Step);
            }
            Listed::Entry(entry) if self.only.is_some_and(|only| only.link != entry.link) => {
                self.listing = Some(listing);
                return Ok(Next::Step);
            }
            Listed::Entry(entry) => entry,
        };
        let described =
            with_record(store, &entry.link, |id, record| (id, record.kind, record.disk_size, record.root, record.top));
        let link = entry.link;
        let parameters = *store.parameters();
        let next = match described {
            Ok((_, RecordKind::Draft, ..)) => Next::Step,
            Ok((id, RecordKind::Version, disk_size, root, top)) => {
                let mut record = if store.marks().contains(link.place) { Standing::Hit } else { Standing::Whole };
                if store.marks().is_unread(link.place) || (self.doubtful && record == Standing::Whole) {
                    record = Standing::Unread;
                }
                if manifest::root_id(&parameters, disk_size, top) != root {
                    record = Standing::Hit;
                }
                self.follow_version(&parameters, (disk_size, top), (id, link, record));
                Next::Step
            }
            Err(error) if error.is_damage() => Next::Say(self.judge(link.id, link, Standing::Hit)),
            Err(error) if error.unread().is_some() => match store.marks().contains(link.place) {
                false => return self.lose_record(error, link.place, store), // and again
                true if store.marks().is_unread(link.place) => Next::Say(self.judge(link.id, link, Standing::Unread)),
                true => Next::Say(self.judge(link.id, link, Standing::Hit)),
            },
            Err(error) => return Err(error),
        };
        self.listing = Some(listing);
        Ok(next)
    }

    #[inline(never)] // a reach is large
    fn follow_version(&mut self, parameters: &Parameters, (size, top): (u64, Id), (id, link, record): (Id, Link, Standing)) {
        self.phase = Phase::Version { id, link, reach: Reach::of(parameters, size, top).judging(), record };
    }

    fn judge(&mut self, id: Id, link: Link, standing: Standing) -> Event {
        self.report.versions = self.report.versions.saturating_add(1);
        match standing {
            Standing::Whole => Event::Whole { id },
            Standing::Unread => {
                self.report.unproved = self.report.unproved.saturating_add(1);
                Event::Unread { id, link }
            }
            Standing::Hit => {
                self.report.hit = self.report.hit.saturating_add(1);
                Event::Hit { id, link }
            }
        }
    }

    #[inline(never)]
    fn version(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let Phase::Version { id, link, reach, record } = &mut self.phase else { return Ok(Next::Step) };
        let Some(reached) = reach.step(store, self.pages)? else {
            if reach.take_reached().is_some() {
                self.failures = 0;
            }
            return Ok(Next::Step);
        };
        let below = match reached {
            Reached { whole: true, .. } => Standing::Whole,
            Reached { damaged: false, .. } => Standing::Unread,
            _ => Standing::Hit,
        };
        let (id, link, standing) = (*id, *link, below.max(*record));
        self.phase = Phase::Versions;
        Ok(Next::Say(self.judge(id, link, standing)))
    }

    /// What is to be done about an error: an entry that manifests lead to and that cannot be read is passed over, and the step repeated. Behind any
    /// other nothing more is passed over: whoever comes next has to hear of it.
    #[inline(never)]
    fn bear(&mut self, error: Error, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        let follows = matches!(self.phase, Phase::Reach { .. } | Phase::ReachEnd | Phase::Version { .. });
        let event = match error.unread().filter(|place| follows && !store.marks().contains(*place)) {
            Some(place) => self.unread_entry(error, place, None, store),
            None => Err(error),
        };
        match event {
            Ok(event) => Ok(event.map_or(Next::Step, Next::Say)),
            Err(error) => {
                let goes_on = self.grows && matches!(error, Error::Memory { memory: Memory::Index, .. });
                if !error.is_pending() && !goes_on {
                    store.retry();
                }
                Err(error)
            }
        }
    }

    #[inline(never)]
    fn marks(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        self.report.rebuilt = store.is_rebuilt() || store.is_derived();
        if self.report.findings > 0 || self.report.hit > 0 {
            self.report.changed = store.refresh()?;
        }
        let reads_payload = self.depth == Depth::Scrub || self.only.is_some();
        // A segment that cannot be read is not to be built on, either.
        let readable = !store.has_passed_over();
        store.retry();
        let due = reads_payload && readable && !self.report.changed && store.marks().changed() && store.check_writable().is_ok();
        if let Some(note) = self.note.filter(|_| due) {
            note(store)?;
            self.report.marks_written = true;
        }
        self.phase = Phase::Done;
        Ok(Next::Done(self.report))
    }
}

/// Blocks that are to be proved once their entries were checked.
///
/// Outcomes are accepted in the order of their jobs. Among many small jobs, as checking an entry is, each proof would be waited for; so some are
/// saved up, and done together.
struct Proofs {
    /// Where the blocks' entries lie.
    places: [Place; 16],
    len: usize,
    /// They are being done.
    due: bool,
}

impl Proofs {
    const NONE: Proofs = Proofs { places: [Place::NONE; 16], len: 0, due: false };

    /// Adds a block; there is room while [`Proofs::next`] answers nothing.
    fn add(&mut self, place: Place) {
        if let Some(slot) = self.places.get_mut(self.len) {
            *slot = place;
            self.len = self.len.saturating_add(1);
        }
        self.due = self.len == self.places.len();
    }

    /// The next one, where so many were saved up.
    fn next(&self) -> Option<Place> {
        if self.due { self.last() } else { None }
    }

    /// One of those there are.
    fn last(&self) -> Option<Place> {
        self.places.get(..self.len).and_then(|places| places.last()).copied()
    }

    /// The last one is being done.
    fn take(&mut self) {
        self.len = self.len.saturating_sub(1);
        self.due &= self.len > 0;
    }
}

/// Where a block's entry lies, the entries of its chain that were not met before, and whether to decode them: of a block that lies on others, the
/// proof does that.
#[inline(never)] // its array is not there while jobs are performed
fn unchecked(id: &Id, store: &mut Store<'_>) -> Result<(Option<Place>, Chain, bool), Error> {
    let found = store.chain(id)?;
    let decodes = !found.as_ref().is_some_and(|(_, chain)| chain.is_based());
    let top = found.map(|(found, _)| found.place);
    let wanted = if decodes { DECODED.with(CHECKED) } else { CHECKED };
    let mut slots = [None; chain::LEN_MAX];
    let mut free = slots.iter_mut();
    let mut chain = Chain::NONE;
    let index = store.index();
    store.visit_chain(Sought::Block, id, &mut |found| {
        if !index.flags(found.slot).has(wanted) {
            chain.push(found.place);
            if let Some(slot) = free.next() {
                *slot = Some(found.slot);
            }
        }
    })?;
    for slot in slots.into_iter().flatten() {
        let flags = store.index().flags(slot).with(wanted);
        store.index_mut().set_flags(slot, flags);
    }
    Ok((top, chain, decodes))
}

/// A block's entry whose stored bytes were checked in this walk.
const CHECKED: Flags = Flags::from_bits(8);
/// A block's entry that was decoded in this walk, which those are not that a proof decodes.
const DECODED: Flags = Flags::from_bits(4);

/// The entries of the newest commit, found by scanning behind the prefix of its segment.
fn tail(prefix: Prefix, store: &Store<'_>) -> Entries {
    let source = store.source();
    let end = store.head().commit.end(&source.parameters);
    let lines = Lines::by_scan(&source, prefix.segment, end, prefix.file_bytes.unwrap_or(0)).from(prefix.len_bytes);
    let hasher = entries_hasher(&source.parameters, prefix.segment);
    Entries { prefix: Prefix { digest: None, ..prefix }, lines, end, hasher, torn: true, tail_follows: false }
}

/// Stores the marks as the damage list and commits that.
fn write_marks(store: &mut Store<'_>) -> Result<(), Error> {
    store.begin(Purpose::Maintenance)?;
    store.warm()?;
    store.warm_table(TreeKind::Damage, 0)?;
    let rows = crate::types::wide(store.marks().len());
    store.edit(TreeKind::Damage, rows, &mut |cursor, store, memory| {
        for number in 0..rows {
            let mark = store.marks().get(crate::types::narrow(number)).copied();
            let Some(mark) = mark else { break };
            cursor.set(number, &mark.bytes(), store, memory)?;
        }
        Ok(())
    })?;
    store.commit()?;
    store.close()?;
    store.hold_reserve()
}

impl Task for Check<'_> {
    type Report = Report;

    fn next(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        // One place for what comes next: it is large, and a stack may have few kilobytes.
        let mut next = self.step(store);
        if let Err(error) = next
            && !error.is_pending()
        {
            next = self.bear(error, store);
        }
        next
    }

    fn accept(
        &mut self,
        store: &mut Store<'_>,
        job: &Job,
        outcome: Result<Outcome, Error>,
        _work: &mut Work<'_>,
    ) -> Result<Option<Event>, Error> {
        let event = self.take(store, job, outcome);
        if event.as_ref().is_err_and(|error| !error.is_pending()) {
            store.retry();
        }
        event
    }
}

impl Check<'_> {
    fn step(&mut self, store: &mut Store<'_>) -> Result<Next<Report>, Error> {
        match &self.phase {
            Phase::Pin => Ok(self.pin(store)),
            Phase::Behind => Ok(self.behind(store)),
            Phase::Tables => self.tables(store),
            Phase::Segment { after } => self.segment(*after, store),
            Phase::Header { prefix } => self.header(*prefix, store),
            Phase::Footer { prefix } => Ok(self.footer(*prefix, store)),
            Phase::Entries(_) => self.entries(store),
            Phase::Strangers { after } => self.strangers(*after, store),
            Phase::Reload => Ok(self.reload(store)),
            Phase::Index => self.index(store),
            Phase::Versions => self.versions(store),
            Phase::Version { .. } => self.version(store),
            Phase::Walk => self.walk(store),
            Phase::Reach { .. } => self.reach(store),
            Phase::ReachEnd => self.reach_end(store),
            Phase::Marks => self.marks(store),
            Phase::Done => Err(Refusal::Parameter.into()),
        }
    }

    fn take(&mut self, store: &mut Store<'_>, job: &Job, outcome: Result<Outcome, Error>) -> Result<Option<Event>, Error> {
        if outcome.is_ok() {
            self.failures = 0;
        }
        let event = match (&job.piece, outcome) {
            (&Piece::Check { place, line, .. }, Ok(Outcome::Checked { fault, digest, len_bytes })) => {
                self.checked(place, line, fault, (digest, len_bytes), store)?
            }
            (&Piece::Check { place, line, .. }, Err(error)) if error.unread().is_some() => {
                self.unread_entry(error, place, line, store)?
            }
            (Piece::Prove { .. }, Ok(Outcome::Proved { right: true })) => None,
            (Piece::Prove { chain, .. }, Ok(Outcome::Proved { right: false })) => self.unproved(chain, store)?,
            (Piece::Prove { chain, .. }, Err(error)) if error.unread().is_some() => {
                self.again = true;
                let top = chain.places().first().copied().unwrap_or(Place::NONE);
                self.unread_entry(error, top, None, store)?
            }
            (_, Err(error)) => return Err(error),
            _ => return Err(Refusal::Parameter.into()),
        };
        self.in_flight = self.in_flight.saturating_sub(1);
        store.go_on(self.report.bytes, 0)?;
        Ok(event)
    }

    fn checked(
        &mut self,
        place: Place,
        line: Option<Line>,
        fault: Option<Fault>,
        (digest, len_bytes): (Digest, u32),
        store: &mut Store<'_>,
    ) -> Result<Option<Event>, Error> {
        // Bytes behind a payload are no part of the object: damage to them is told, and costs nobody anything.
        let is_usable = matches!(fault, None | Some(Fault::Padding));
        if !is_usable {
            store.marks_mut().confirm(Mark { place, len_bytes, when: self.now, digest })?;
        } else if self.only.is_some() && store.marks().contains(place) {
            store.marks_mut().retain(&|mark, _| mark.place != place);
        }
        let kind = match fault {
            None => return Ok(None),
            Some(Fault::Entry) => FindingKind::Entry,
            Some(Fault::Payload) => FindingKind::Payload,
            Some(Fault::Padding) => FindingKind::Padding,
            Some(Fault::Unreadable) => {
                self.report.findings = self.report.findings.saturating_add(1);
                let listed = line.map_or(LEN as u64, |line| line.end(store.parameters()).saturating_sub(place.offset.into()));
                let len_bytes = if len_bytes > 0 { len_bytes.into() } else { listed };
                return Ok(Some(Event::Finding(Finding { kind: FindingKind::Unreadable, place: Some(place), len_bytes })));
            }
        };
        Ok(Some(self.found(kind, Some(place))))
    }
}
