//! Tasks and jobs: how a verb is run.
//!
//! A verb is a [`Task`], a state machine owned by one director together with the store. It hands out [`Job`]s, which are self-contained and heavy, and
//! which anyone can [`perform`] who has a [`Work`] and can read medium and disk: the director itself, or any number of threads. Outcomes are accepted
//! strictly in the order of their jobs, so what is written does not depend on who did the work. The director never touches payload but to append it.
//!
//! `next` and `accept` may fail with "pending" ([`Error::is_pending`]): they are then called again later, `accept` with the same outcome.

use crate::chain::{Chain, Filled, Old, PackedBlock, Packing, Stack, differ, shape, stored};
use crate::disk::{Disk, Wanted};
use crate::error::{Error, Memory, Refusal, Trouble, What};
use crate::format::block::frame_len;
use crate::format::commit::Commit;
use crate::format::entry::{EntryHeader, FILL, Kind, Line};
use crate::format::header::Parameters;
use crate::format::page::{Geometry, StoredPage, page_id};
use crate::format::record::{Record, record_id};
use crate::frame::{Has, Work, check_block, check_block_by, check_stored, check_stored_by, plain_digest};
use crate::log::parse_copy;
use crate::manifest::block_len;
use crate::medium::Medium;
use crate::segment::Source;
use crate::store::Store;
use crate::types::{Digest, Id, Place, narrow, wide};

/// A piece of heavy work, and how it is done. It names that itself, so a program that hands out few kinds of jobs is linked with few.
#[derive(Clone, Copy, Debug)]
pub struct Job {
    /// What is to be done.
    pub piece: Piece,
    how: How,
}

/// How a job is done.
type How = fn(&Piece, &Hands<'_>, &mut Work<'_>) -> Result<Outcome, Error>;

impl Job {
    // Those with a chain are made where they are to lie: a stack may have few kilobytes.

    /// [`Piece::Pack`].
    #[inline(always)]
    pub fn pack(block: u64, expected: Id, chain: Chain) -> Job {
        Job { piece: Piece::Pack { block, expected, chain }, how: pack }
    }

    /// [`Piece::Hole`].
    pub fn hole(first: u64, count: u64) -> Job {
        Job { piece: Piece::Hole { first, count }, how: pass }
    }

    /// [`Piece::Keep`].
    pub fn keep(first: u64, count: u64) -> Job {
        Job { piece: Piece::Keep { first, count }, how: pass }
    }

    /// [`Piece::Lay`].
    pub fn lay() -> Job {
        Job { piece: Piece::Lay, how: pass }
    }

    /// [`Piece::Compare`].
    #[inline(always)]
    pub fn compare(block: u64, frame: u32, raw_bytes: u32, chain: Chain) -> Job {
        Job { piece: Piece::Compare { block, frame, raw_bytes, chain }, how: compare }
    }

    /// [`Piece::Differ`].
    #[inline(always)]
    pub fn differ(block: u64, raw_bytes: u32, old: Before, new: Chain) -> Job {
        Job { piece: Piece::Differ { block, raw_bytes, old, new }, how: difference }
    }

    /// [`Piece::Check`].
    pub fn check(place: Place, limit: u64, line: Option<Line>, decodes: bool) -> Job {
        Job { piece: Piece::Check { place, limit, line, decodes }, how: check }
    }

    /// [`Piece::Fetch`].
    #[inline(always)]
    pub fn fetch(block: u64, id: Id, raw_bytes: u32, chain: Chain) -> Job {
        Job { piece: Piece::Fetch { block, id, raw_bytes, chain }, how: fetch }
    }

    /// [`Piece::Prove`].
    #[inline(always)]
    pub fn prove(id: Id, raw_bytes: u32, chain: Chain, every: bool) -> Job {
        Job { piece: Piece::Prove { id, raw_bytes, chain, every }, how: prove }
    }

    /// [`Piece::Fold`].
    #[inline(always)]
    pub fn fold(id: Id, raw_bytes: u32, chain: Chain, merged: u8) -> Job {
        Job { piece: Piece::Fold { id, raw_bytes, chain, merged }, how: fold }
    }

    /// [`Piece::Copy`].
    pub fn copy(place: Place) -> Job {
        Job { piece: Piece::Copy { place }, how: copy }
    }
}

impl PartialEq for Job {
    fn eq(&self, other: &Job) -> bool {
        self.piece == other.piece // which says how
    }
}

impl Eq for Job {}

/// What a job is about.
#[allow(clippy::large_enum_variant)] // there is no heap to put a chain on
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Piece {
    /// Read a block of the disk, name it, and pack it unless it is zero or the one expected.
    Pack {
        /// Which.
        block: u64,
        /// The id it has if it is unchanged; zero if nothing is expected.
        expected: Id,
        /// Where the expected block lies, to pack on it; none if nothing may be built on it.
        chain: Chain,
    },
    /// A run of blocks that the disk says are holes: nothing to do, but in order.
    Hole {
        /// The first.
        first: u64,
        /// How many.
        count: u64,
    },
    /// A run of blocks that hints say are those of the base: nothing to do, but in order.
    Keep {
        /// The first.
        first: u64,
        /// How many.
        count: u64,
    },
    /// What came of a stream is to be laid on a draft: nothing to do before that.
    Lay,
    /// Read a frame of the disk and compare it with the base's.
    Compare {
        /// Of which block.
        block: u64,
        /// Which of its frames.
        frame: u32,
        /// Bytes of the block.
        raw_bytes: u32,
        /// Where the base's block lies; none if it is zero.
        chain: Chain,
    },
    /// Find out in which sectors a block differs from what was there before.
    Differ {
        /// Which block of the disk.
        block: u64,
        /// Its bytes.
        raw_bytes: u32,
        /// What was there before.
        old: Before,
        /// Where the block lies; none if it is zero.
        new: Chain,
    },
    /// Read an entry and check every byte of it.
    Check {
        /// Where it lies.
        place: Place,
        /// It must end by this offset.
        limit: u64,
        /// What the footer says of it.
        line: Option<Line>,
        /// Blocks are decoded too, as far as that goes without a base; otherwise a proof of the block does that.
        decodes: bool,
    },
    /// Read and decode a block.
    Fetch {
        /// Which block of the disk.
        block: u64,
        /// Its id.
        id: Id,
        /// Its bytes.
        raw_bytes: u32,
        /// Where it lies.
        chain: Chain,
    },
    /// Decode a block that lies on a base, and check that this gives the block.
    Prove {
        /// Its id.
        id: Id,
        /// Its bytes.
        raw_bytes: u32,
        /// Where it lies.
        chain: Chain,
        /// All its frames, and not only those that lie on others.
        every: bool,
    },
    /// Decode a block and pack it anew on an entry further down its chain, or on none.
    Fold {
        /// Its id.
        id: Id,
        /// Its bytes.
        raw_bytes: u32,
        /// Where it lies.
        chain: Chain,
        /// How many entries of its chain are to be left out, its own counted.
        merged: u8,
    },
    /// Read an entry, check it, and keep it as it is stored.
    Copy {
        /// Where it lies.
        place: Place,
    },
}

/// What was in a block's place before.
#[allow(clippy::large_enum_variant)] // there is no heap to put a chain on
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Before {
    /// Zeros.
    Zeros,
    /// A block.
    Block {
        /// Its bytes.
        raw_bytes: u32,
        /// Where it lies.
        chain: Chain,
    },
    /// The disk as it is.
    Disk,
}

/// What came of a job.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Outcome {
    /// The block is the expected one.
    Same,
    /// The block is zero.
    Zero,
    /// The block was packed; it lies in the worker's buffer.
    Packed(PackedBlock),
    /// Nothing was to be done.
    Hole,
    /// An entry was checked.
    Checked {
        /// What is wrong, if anything.
        fault: Option<Fault>,
        /// Its payload digest; zero if its header cannot be read.
        digest: Digest,
        /// Its total bytes; 0 if its header cannot be read.
        len_bytes: u32,
    },
    /// A block was decoded; it lies in the worker's `raw`.
    Fetched,
    /// Two blocks were compared: the runs lie in the worker's `packed`, their bytes in its `raw` (see [`crate::chain::Run::read`]).
    Differs {
        /// Where the runs begin.
        start: u32,
        /// Where they end.
        end: u32,
    },
    /// A chain gives its block, or does not.
    Proved {
        /// Whether it does.
        right: bool,
    },
    /// An entry was read; it lies in the worker's `packed`, room for its header in front.
    Copied {
        /// Its header.
        entry: EntryHeader,
    },
}

/// What is wrong with an entry (docs/FORMAT.md section 13).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// Its header.
    Entry,
    /// Its payload.
    Payload,
    /// The filling behind it.
    Padding,
    /// The medium says that its bytes cannot be read any more.
    Unreadable,
}

/// What a worker works with.
#[derive(Clone, Copy)]
pub struct Hands<'a> {
    /// The medium.
    pub medium: &'a dyn Medium,
    /// The repository's parameters.
    pub parameters: Parameters,
    /// The disk that is backed up, if any.
    pub disk: Option<&'a dyn Disk>,
}

/// What happened, for whoever watches.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Event {
    /// Damage.
    Finding(Finding),
    /// A version that damage hits.
    Hit {
        /// Its version id, or its record's id if that cannot be read.
        id: Id,
        /// Its record.
        link: crate::types::Link,
    },
    /// A version of which something could not be read, and nothing is known to be damaged: nobody knows whether it is whole.
    Unread {
        /// Its version id, or its record's id if that cannot be read.
        id: Id,
        /// Its record.
        link: crate::types::Link,
    },
    /// A version that is whole.
    Whole {
        /// Its version id.
        id: Id,
    },
    /// A range of the disk that cannot be restored; it was made zero.
    Lost {
        /// Bytes from the disk's start.
        offset: u64,
        /// Bytes.
        len_bytes: u64,
    },
    /// The base could not be used, since pages of its manifest are damaged: everything is read and compared by id.
    BaseDamaged,
    /// A checkpoint was committed.
    Checkpoint {
        /// Bytes of the disk done.
        position: u64,
    },
    /// A segment was removed.
    Removed {
        /// Which.
        segment: crate::types::SegmentNumber,
    },
}

/// Kinds of damage, named as in docs/FORMAT.md section 13.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum FindingKind {
    /// The head pin.
    Pin,
    /// Something newer once existed.
    Behind,
    /// A segment is not there.
    Missing,
    /// A segment of another repository.
    Foreign,
    /// A segment under another's name.
    Renamed,
    /// A segment header.
    Header,
    /// A segment is shorter than what is true of it.
    Truncated,
    /// A footer.
    Footer,
    /// An entry header.
    Entry,
    /// A segment holds other entries than were committed.
    Digest,
    /// A payload.
    Payload,
    /// The filling behind a payload.
    Padding,
    /// Bytes that could not be read.
    Unreadable,
}

impl FindingKind {
    /// Its name in documents and JSON.
    pub fn name(self) -> &'static str {
        match self {
            FindingKind::Pin => "pin",
            FindingKind::Behind => "behind",
            FindingKind::Missing => "missing",
            FindingKind::Foreign => "foreign",
            FindingKind::Renamed => "renamed",
            FindingKind::Header => "header",
            FindingKind::Truncated => "truncated",
            FindingKind::Footer => "footer",
            FindingKind::Entry => "entry",
            FindingKind::Digest => "digest",
            FindingKind::Payload => "payload",
            FindingKind::Padding => "padding",
            FindingKind::Unreadable => "unreadable",
        }
    }
}

/// Damage, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Finding {
    /// What kind.
    pub kind: FindingKind,
    /// Where; none for the head pin.
    pub place: Option<Place>,
    /// Of what could not be read: bytes; otherwise 0.
    pub len_bytes: u64,
}

/// What a task wants next.
#[allow(clippy::large_enum_variant)] // there is no heap to put a chain on
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Next<R> {
    /// This job done; more may be asked for meanwhile.
    Job(Job),
    /// Outcomes accepted first.
    Wait,
    /// To be called again: a step was done.
    Step,
    /// To be heard.
    Say(Event),
    /// Nothing more: the report.
    Done(R),
}

/// A verb under way.
pub trait Task {
    /// What it tells at the end.
    type Report;
    /// What it wants next.
    fn next(&mut self, store: &mut Store<'_>) -> Result<Next<Self::Report>, Error>;
    /// Takes the outcome of the oldest job not yet accepted. `work` is what the job was performed with. A task that hands out no jobs takes none.
    fn accept(
        &mut self,
        _store: &mut Store<'_>,
        _job: &Job,
        _outcome: Result<Outcome, Error>,
        _work: &mut Work<'_>,
    ) -> Result<Option<Event>, Error> {
        Err(MISMATCH)
    }
}

/// Does a job. Pure but for reading, so it may be done anywhere, and again.
pub fn perform(job: &Job, hands: &Hands<'_>, work: &mut Work<'_>) -> Result<Outcome, Error> {
    (job.how)(&job.piece, hands, work)
}

/// A job with another's piece; there is none.
const MISMATCH: Error = Error::Refused(Refusal::Parameter);

/// Runs a task to its end without threads. `say` hears what happens.
pub fn run_inline<T: Task>(
    task: &mut T,
    store: &mut Store<'_>,
    hands: &Hands<'_>,
    work: &mut Work<'_>,
    say: &mut dyn FnMut(&Store<'_>, Event),
) -> Result<T::Report, Error> {
    loop {
        match task.next(store) {
            Ok(Next::Job(job)) => {
                let outcome = patiently(|| perform(&job, hands, work));
                if let Some(event) = patiently(|| task.accept(store, &job, outcome, work))? {
                    say(store, event);
                }
            }
            Ok(Next::Say(event)) => say(store, event),
            Ok(Next::Done(report)) => return Ok(report),
            Ok(Next::Wait | Next::Step) => {}
            Err(error) if error.is_pending() => {}
            Err(error) => return Err(error),
        }
    }
}

/// Repeats what answers "pending".
pub(crate) fn patiently<R>(mut step: impl FnMut() -> Result<R, Error>) -> Result<R, Error> {
    loop {
        match step() {
            Err(error) if error.is_pending() => {}
            result => return result,
        }
    }
}

fn pack(piece: &Piece, hands: &Hands<'_>, work: &mut Work<'_>) -> Result<Outcome, Error> {
    let Piece::Pack { block, expected, chain } = piece else { return Err(MISMATCH) };
    let stack = Stack::new(hands.source(), chain, hands.raw_bytes(*block)?);
    let packing = stack.pack(*expected, work, &mut |_, within, to, base| {
        let wanted = hands.wanted(*block, within, to.len())?;
        if base && wanted == Wanted::Keep {
            return Ok(Filled::Kept);
        }
        hands.read_frame(*block, within, wanted == Wanted::Zero, to).map(|()| Filled::Read)
    })?;
    Ok(outcome_of(packing))
}

fn pass(_: &Piece, _: &Hands<'_>, _: &mut Work<'_>) -> Result<Outcome, Error> {
    Ok(Outcome::Hole)
}

fn fetch(piece: &Piece, hands: &Hands<'_>, work: &mut Work<'_>) -> Result<Outcome, Error> {
    let Piece::Fetch { id, raw_bytes, chain, .. } = piece else { return Err(MISMATCH) };
    Stack::new(hands.source(), chain, *raw_bytes).read_whole(id, work)?;
    Ok(Outcome::Fetched)
}

fn difference(piece: &Piece, hands: &Hands<'_>, work: &mut Work<'_>) -> Result<Outcome, Error> {
    let Piece::Differ { block, raw_bytes, old, new } = piece else { return Err(MISMATCH) };
    let stack = Stack::new(hands.source(), new, *raw_bytes);
    let old = match old {
        Before::Zeros => Old::Zeros,
        Before::Block { raw_bytes, chain } => Old::Stored(Stack::new(hands.source(), chain, *raw_bytes)),
        Before::Disk => Old::Disk(hands.disk()?, hands.offset(*block, 0)),
    };
    let new = Some(&stack).filter(|_| !new.is_none());
    let runs = differ(&hands.parameters, &old, new, *raw_bytes, work)?;
    Ok(Outcome::Differs { start: runs.start, end: runs.end })
}

fn prove(piece: &Piece, hands: &Hands<'_>, work: &mut Work<'_>) -> Result<Outcome, Error> {
    let Piece::Prove { id, raw_bytes, chain, every } = piece else { return Err(MISMATCH) };
    match Stack::new(hands.source(), chain, *raw_bytes).check(id, *every, work) {
        Err(error) if !error.is_damage() => Err(error),
        proved => Ok(Outcome::Proved { right: proved.is_ok() }),
    }
}

fn fold(piece: &Piece, hands: &Hands<'_>, work: &mut Work<'_>) -> Result<Outcome, Error> {
    let Piece::Fold { id, raw_bytes, chain, merged } = piece else { return Err(MISMATCH) };
    Stack::new(hands.source(), chain, *raw_bytes).read_whole(id, work)?;
    let below = chain.below(*merged);
    // The block lies in `raw` already.
    let packing = Stack::new(hands.source(), &below, *raw_bytes).pack(Id::ZERO, work, &mut |_, _, _, _| Ok(Filled::Read))?;
    Ok(outcome_of(packing))
}

fn outcome_of(packing: Packing) -> Outcome {
    match packing {
        Packing::Zero => Outcome::Zero,
        Packing::Same => Outcome::Same,
        Packing::New(packed) => Outcome::Packed(packed),
    }
}

impl<'a> Hands<'a> {
    fn source(&self) -> Source<'a> {
        Source { medium: self.medium, parameters: self.parameters }
    }

    fn disk(&self) -> Result<&dyn Disk, Error> {
        self.disk.ok_or(Error::Refused(Refusal::Parameter))
    }

    /// Bytes of a block of the disk.
    fn raw_bytes(&self, block: u64) -> Result<u32, Error> {
        Ok(block_len(self.disk()?.size(), self.parameters.block_bytes(), block))
    }

    fn offset(&self, block: u64, within: u32) -> u64 {
        block.saturating_mul(self.parameters.block_bytes().into()).saturating_add(within.into())
    }

    /// What is to be done about a frame, as far as hints know.
    fn wanted(&self, block: u64, within: u32, len: usize) -> Result<Wanted, Error> {
        Ok(self.disk()?.wanted(self.offset(block, within), wide(len)))
    }

    /// Reads a frame of the disk, from `within` a block, or takes it for zeros.
    fn read_frame(&self, block: u64, within: u32, zero: bool, to: &mut [u8]) -> Result<(), Error> {
        if zero {
            to.fill(0);
            return Ok(());
        }
        crate::disk::read(self.disk()?, self.offset(block, within), to)
    }
}

/// Whether a frame of the disk is the base's. A base that cannot be read says nothing.
fn compare(piece: &Piece, hands: &Hands<'_>, work: &mut Work<'_>) -> Result<Outcome, Error> {
    let Piece::Compare { block, frame, raw_bytes: base_bytes, ref chain } = *piece else { return Err(MISMATCH) };
    let parameters = &hands.parameters;
    let raw_bytes = hands.raw_bytes(block)?;
    let within = frame.saturating_mul(parameters.frame_bytes());
    let len = narrow(frame_len(raw_bytes, parameters.frame_bytes(), frame).into());
    let to = work.raw.get_mut(..len).ok_or(Error::Memory { memory: Memory::Buffer, needed: wide(len) })?;
    hands.read_frame(block, within, false, to)?;
    let here = plain_digest(parameters.algorithm, to);
    let there = match chain.is_none() {
        true => Ok(Digest::ZERO),
        false => Stack::new(hands.source(), chain, base_bytes).plain(frame, work.scratch),
    };
    match there {
        Err(error) if !error.is_damage() => Err(error),
        there => Ok(Outcome::Proved { right: there.is_ok_and(|there| there == here) || there.is_err() }),
    }
}

fn check(piece: &Piece, hands: &Hands<'_>, work: &mut Work<'_>) -> Result<Outcome, Error> {
    check_entry(piece, hands, work, None)
}

/// Does the job of [`Piece::Check`] but for hashing the frames of a block, which is left to `later`: it is given bytes and the digest they must have,
/// and answers true. They lie in [`Work::packed`] and, decoded, in [`Work::raw`] until the next job. If one has another digest, the fault is
/// [`Fault::Payload`], whatever else came out but [`Fault::Entry`].
pub fn check_unhashed(job: &Job, hands: &Hands<'_>, work: &mut Work<'_>, later: &mut Has<'_>) -> Result<Outcome, Error> {
    check_entry(&job.piece, hands, work, Some(later))
}

fn check_entry(piece: &Piece, hands: &Hands<'_>, work: &mut Work<'_>, later: Option<&mut Has<'_>>) -> Result<Outcome, Error> {
    let Piece::Check { place, limit, line, decodes } = *piece else { return Err(MISMATCH) };
    let source = &hands.source();
    let entry = match source.entry(place, limit) {
        Ok(entry) if line.is_none_or(|line| line == entry.line(place.offset)) => entry,
        Ok(_) => return Ok(checked(Some(Fault::Entry), None, source)),
        Err(error) if error.is_damage() => return Ok(checked(Some(fault_of(&error, Fault::Entry)), None, source)),
        Err(error) => return Err(error),
    };
    let fault = match payload_is_right(source, place, &entry, decodes, later, work) {
        Ok(()) => match source.padding_is_right(place, &entry) {
            Ok(true) => None,
            Ok(false) => Some(Fault::Padding),
            Err(error) if error.is_damage() => Some(Fault::Padding),
            Err(error) => return Err(error),
        },
        Err(error) if error.is_damage() => Some(fault_of(&error, Fault::Payload)),
        Err(error) => return Err(error),
    };
    Ok(checked(fault, Some(&entry), source))
}

/// What an error says of an entry whose bytes, had they been read, had that fault.
fn fault_of(error: &Error, read: Fault) -> Fault {
    match error {
        Error::Medium { trouble: Trouble::Unreadable, .. } => Fault::Unreadable,
        _ => read,
    }
}

fn checked(fault: Option<Fault>, entry: Option<&EntryHeader>, source: &Source<'_>) -> Outcome {
    let len_bytes = entry.map_or(0, |entry| crate::types::low32(entry.total_bytes(&source.parameters)));
    Outcome::Checked { fault, digest: entry.map_or(Digest::ZERO, |entry| entry.digest), len_bytes }
}

/// Whether an entry's payload is all that docs/FORMAT.md demands of its kind.
fn payload_is_right(
    source: &Source<'_>,
    place: Place,
    entry: &EntryHeader,
    decodes: bool,
    later: Option<&mut Has<'_>>,
    work: &mut Work<'_>,
) -> Result<(), Error> {
    let corrupt = |what| Error::corrupt(place, what);
    let algorithm = source.parameters.algorithm;
    let payload = source.payload(place, entry, work.packed)?;
    match entry.kind {
        Kind::Block { .. } => {
            let (shape, block) = (shape(&source.parameters), stored(place, entry, payload)?);
            match (decodes, later) {
                (true, None) => check_block(&shape, &block, work.raw, work.scratch, work.codecs),
                (true, Some(later)) => check_block_by(&shape, &block, work.raw, work.scratch, work.codecs, later),
                (false, None) => check_stored(&shape, &block),
                (false, Some(later)) => check_stored_by(&shape, &block, later),
            }
            .map_err(corrupt)
        }
        Kind::Page { tree, delta } => {
            let fan_out_log2 = source.parameters.fan_out_log2;
            let page = StoredPage::parse(tree, delta, fan_out_log2, entry.raw_bytes, payload).map_err(corrupt)?;
            let geometry = Geometry { tree, fan_out_log2, rows: page.span };
            let id = |rows| page_id(algorithm, &geometry, page.level, page.span, rows);
            let right = delta || page.whole_rows().is_some_and(|rows| id(rows) == entry.id);
            right.then_some(()).ok_or(corrupt(What::Id))
        }
        Kind::Record => {
            let right = record_id(algorithm, payload) == entry.id;
            Record::parse(payload).map_err(corrupt)?;
            right.then_some(()).ok_or(corrupt(What::Id))
        }
        Kind::Commit => {
            Commit::parse(payload).map_err(corrupt)?;
            parse_copy(source, place, entry, payload).map(|_| ()).ok_or(corrupt(What::Id))
        }
        Kind::Pad => payload.iter().all(|&byte| byte == FILL).then_some(()).ok_or(corrupt(What::Padding)),
        Kind::Footer => Err(corrupt(What::Field)),
    }
}

/// Reads an entry into `work.packed`, its payload where it lies when a header is put in front, and checks it.
fn copy(piece: &Piece, hands: &Hands<'_>, work: &mut Work<'_>) -> Result<Outcome, Error> {
    let Piece::Copy { place } = *piece else { return Err(MISMATCH) };
    let source = &hands.source();
    let entry = source.entry(place, crate::format::header::SEGMENT_BYTES_MAX.into())?;
    payload_is_right(source, place, &entry, true, None, work)?;
    let (_, to) =
        work.packed.split_first_chunk_mut::<{ crate::format::entry::LEN }>().ok_or(Error::corrupt(place, What::Length))?;
    source.payload(place, &entry, to)?;
    Ok(Outcome::Copied { entry })
}
