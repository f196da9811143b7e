//! The set of segments: which repository it is, and its newest commit (docs/FORMAT.md section 10). Reads only.

use crate::digest::digest;
use crate::error::{Error, Refusal, Trouble};
use crate::format::commit::{Commit, commit_id};
use crate::format::entry::{EntryHeader, Kind};
use crate::format::header::{HeaderFault, Parameters};
use crate::format::pin::{self, Pin};
use crate::medium::{Medium, Name};
use crate::segment::{self, Footer, Item, Lines, Source};
use crate::types::{Id, Place, RepositoryId, SegmentNumber};

/// What the head pin says.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum PinState {
    /// The medium keeps none, or there is none.
    Absent,
    /// It is there and cannot be read.
    Bad,
    /// It is right.
    Right(Pin),
}

/// A repository as its newest commit says.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    /// The parameters.
    pub parameters: Parameters,
    /// The newest commit.
    pub commit: Commit,
    /// Its id.
    pub id: Id,
    /// The right footer of its segment, if there is one.
    pub footer: Option<Footer>,
    /// Length of its segment's file.
    pub file_bytes: u64,
    /// The head pin.
    pub pin: PinState,
    /// Where something newer once was, if it was.
    pub behind: Option<Place>,
}

impl Head {
    /// Whether the newest commit's segment was sealed behind it. A footer further on was written by a session that was cut off later.
    pub fn sealed(&self) -> bool {
        let end = self.commit.end(&self.parameters);
        self.footer.is_some_and(|footer| u64::from(footer.offset) <= end) || self.pinned_bytes().is_some()
    }

    /// The length the pin says the newest commit's segment was sealed at.
    pub fn pinned_bytes(&self) -> Option<u32> {
        match self.pin {
            PinState::Right(pin) if pin.sequence == self.commit.sequence && pin.segment == self.commit.segment => {
                Some(pin.sealed_bytes).filter(|&bytes| bytes != 0)
            }
            _ => None,
        }
    }

    /// The sealed footer, if it is good: right, filled, and listing what the commit demands, then the commit itself.
    pub fn good_footer(&self) -> Option<Footer> {
        let end = self.commit.end(&self.parameters);
        self.footer
            .filter(|footer| footer.filled && footer.digest_before_cut == self.commit.digest && u64::from(footer.offset) == end)
    }
}

/// Reads the head pin.
pub fn read_pin(medium: &dyn Medium) -> Result<PinState, Error> {
    if !medium.rules().pin {
        return Ok(PinState::Absent);
    }
    let len = match medium.len(Name::Pin) {
        Ok(len) => len,
        Err(Trouble::Gone) => return Ok(PinState::Absent),
        Err(trouble) => return Err(Error::listing(trouble)),
    };
    let mut bytes = [0; pin::LEN];
    match medium.read(Name::Pin, 0, &mut bytes) {
        Ok(()) if len == pin::LEN as u64 => Ok(Pin::parse(&bytes).map_or(PinState::Bad, PinState::Right)),
        Ok(()) | Err(Trouble::Short) => Ok(PinState::Bad),
        Err(Trouble::Gone) => Ok(PinState::Absent),
        Err(trouble) => Err(Error::listing(trouble)),
    }
}

/// The segment after `after`.
pub fn next_segment(medium: &dyn Medium, after: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Error> {
    medium.next(after).map_err(Error::listing)
}

#[inline(never)]
fn parameters(medium: &dyn Medium, pinned: Option<RepositoryId>) -> Result<Parameters, Error> {
    let mut after = None;
    let mut any = false;
    while let Some(number) = next_segment(medium, after)? {
        any = true;
        match segment::header(medium, number) {
            Ok(Ok(header)) if pinned.is_none_or(|id| id == header.parameters.repository) => return Ok(header.parameters),
            Ok(Err(HeaderFault::Unsupported { repository })) if pinned.is_none_or(|id| id == repository) => {
                return Err(Refusal::Unsupported.into());
            }
            Err(error) if !error.is_damage() => return Err(error),
            _ => {}
        }
        after = Some(number);
    }
    Err(Error::Refused(if any { Refusal::NoHeader } else { Refusal::NotARepository }))
}

/// What the commits of one segment say.
#[derive(Clone, Copy, Default)]
struct Commits {
    /// The last good one, with its id and the offset of the copy read.
    good: Option<(Commit, Id)>,
    /// The first copy of a commit listed by a footer after it, of which no copy is good.
    lost: Option<Place>,
}

/// Finds the newest commit. `chunk` is a buffer for lines, `buffer` for a commit's payload.
pub fn open(medium: &dyn Medium, chunk: &mut [u8], buffer: &mut [u8]) -> Result<Head, Error> {
    let pin = read_pin(medium)?;
    let pinned = match pin {
        PinState::Right(pin) => Some(pin.repository),
        _ => None,
    };
    let source = Source { medium, parameters: parameters(medium, pinned)? };
    let mut lost = None;
    let mut before = None;
    while let Some(number) = medium.previous(before).map_err(Error::listing)? {
        before = Some(number);
        if !belongs(&source, number)? {
            continue;
        }
        let Some(file_bytes) = source.len(number)? else { continue };
        let footer = source.footer(number, file_bytes, u32::MAX, chunk)?;
        let mut commits = Commits::default();
        commits_of(&source, number, file_bytes, footer, (chunk, buffer), &mut commits)?;
        lost = lost.or(commits.lost);
        if let Some((commit, id)) = &commits.good {
            let footer = match footer {
                Some(_) => source.footer(number, file_bytes, commit.len_bytes, chunk)?,
                None => None,
            };
            let behind = behind_pin(&pin, commit).or(lost);
            return Ok(Head { parameters: source.parameters, commit: *commit, id: *id, footer, file_bytes, pin, behind });
        }
    }
    Err(Refusal::NoCommit.into())
}

fn behind_pin(pin: &PinState, commit: &Commit) -> Option<Place> {
    match pin {
        PinState::Right(pin) if pin.sequence > commit.sequence => Some(Place::new(pin.segment, 0)),
        _ => None,
    }
}

/// Whether a segment may be read: its header does not name another repository or number.
pub fn belongs(source: &Source<'_>, number: SegmentNumber) -> Result<bool, Error> {
    match segment::header(source.medium, number) {
        Ok(Ok(header)) => Ok(header.parameters.repository == source.parameters.repository && header.segment == number),
        Ok(Err(_)) => Ok(true),
        Err(error) if error.is_damage() => Ok(true),
        Err(error) => Err(error),
    }
}

/// The last good commit of a segment, for deriving what is true of it.
#[inline(never)]
pub fn last_commit(
    source: &Source<'_>,
    number: SegmentNumber,
    file_bytes: u64,
    chunk: &mut [u8],
    buffer: &mut [u8],
) -> Result<Option<Commit>, Error> {
    let mut commits = Commits::default();
    commits_of(source, number, file_bytes, None, (chunk, buffer), &mut commits)?;
    Ok(commits.good.map(|(commit, _)| commit))
}

// A commit is large, and the stack may be small: it is written where it is to lie.
#[inline(never)]
fn commits_of(
    source: &Source<'_>,
    number: SegmentNumber,
    file_bytes: u64,
    footer: Option<Footer>,
    (chunk, buffer): (&mut [u8], &mut [u8]),
    commits: &mut Commits,
) -> Result<(), Error> {
    let mut lines = match footer {
        Some(footer) => Lines::of_footer(source, number, footer.offset, footer.lines),
        None => Lines::by_scan(source, number, file_bytes, file_bytes),
    };
    while let Some(item) = lines.next(source, chunk)? {
        let Item::Line(line) = item else { continue };
        if line.kind != Kind::Commit {
            continue;
        }
        let place = Place::new(number, line.offset);
        match read_copy(source, place, file_bytes, buffer, &mut commits.good) {
            Ok(true) => commits.lost = None,
            Err(error) if !error.is_damage() => return Err(error),
            // The bad second copy of a good commit follows its first.
            _ if commits.good.as_ref().is_some_and(|(_, id)| *id == line.id) => {}
            _ if footer.is_some() => commits.lost = commits.lost.or(Some(place)),
            _ => {}
        }
    }
    Ok(())
}

/// Reads a copy of a commit to where the last good one is kept; false, and that one stays, if it is not good.
#[inline(never)]
fn read_copy(
    source: &Source<'_>,
    place: Place,
    limit: u64,
    buffer: &mut [u8],
    good: &mut Option<(Commit, Id)>,
) -> Result<bool, Error> {
    let entry = source.entry(place, limit)?;
    let payload = source.payload(place, &entry, buffer)?;
    let found = parse_copy(source, place, &entry, payload);
    if found.is_some() {
        *good = found;
    }
    Ok(found.is_some())
}

/// A commit from one of its copies, if that copy is good.
pub fn parse_copy(source: &Source<'_>, place: Place, entry: &EntryHeader, payload: &[u8]) -> Option<(Commit, Id)> {
    let parameters = &source.parameters;
    let id = commit_id(parameters.algorithm, &parameters.repository, place.segment, payload);
    let parsed = Commit::parse(payload);
    let commit = parsed.as_ref().ok()?;
    let offset = u64::from(place.offset);
    let right = entry.kind == Kind::Commit
        && digest(parameters.algorithm, payload) == entry.digest
        && id == entry.id
        && commit.segment == place.segment
        && (offset == u64::from(commit.len_bytes) || offset == commit.second_copy(parameters));
    if right { Some((*commit, id)) } else { None }
}
