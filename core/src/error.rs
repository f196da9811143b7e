//! Errors that say where. `Copy`, without text: faces translate.

use crate::types::{Place, SegmentNumber};
use embedded_io::ErrorKind;

/// Why a medium did not do what it was asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Trouble {
    /// Not yet: ask the same again later. Whatever step was under way is repeated from its start.
    Pending,
    /// No such name.
    Gone,
    /// The name to be created exists.
    Exists,
    /// No space left.
    Full,
    /// The medium takes no writes.
    ReadOnly,
    /// Shorter than the read asked for.
    Short,
    /// These bytes cannot be read: a bad sector, or a page that lost power while it was programmed. The device itself works.
    Unreadable,
    /// The device failed.
    Failed(ErrorKind),
}

/// What is wrong with bytes that were read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[repr(u32)] // a whole word: errors are copied everywhere, and bytes with gaps are copied piece by piece
pub enum What {
    /// Not the magic number expected.
    Magic,
    /// A CRC-32 does not agree.
    Checksum,
    /// A length, count or index outside what contains it.
    Length,
    /// A field holds a value that is not assigned.
    Field,
    /// A digest of stored bytes does not agree.
    StoredDigest,
    /// A digest of plain bytes does not agree.
    PlainDigest,
    /// A codec could not decode, or made another length.
    Codec,
    /// The bytes are not of the object asked for.
    Id,
    /// Text is not UTF-8.
    Text,
    /// Fixed filling is not as fixed.
    Padding,
    /// A codec this build was not lent.
    UnknownCodec,
    /// The entries of a segment are not the committed ones.
    Entries,
    /// No usable entry holds the object.
    Absent,
    /// Something stands before, over or instead of what must come first.
    Order,
    /// The bytes end before what they began.
    Short,
    /// There is more behind the end.
    Trailing,
    /// The bytes are as written, by a newer sarsen or with an algorithm this build lacks.
    Unsupported,
}

/// What is wrong with a stream, and where.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Fault {
    /// What is wrong.
    pub what: What,
    /// Bytes from the stream's start: where the header or record at fault begins; in a payload the byte itself; where the input ends if it is short.
    pub offset: u64,
    /// How many records were whole before it, which is the number of the one at fault.
    pub record: u64,
}

/// Memory that was lent and is too small.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Memory {
    /// Slots of the object index; 16 bytes each.
    Index,
    /// Marks of damage.
    Marks,
    /// Counters of live bytes, one a segment.
    Live,
    /// Pages of a tree, in bytes.
    Pages,
    /// A worker's or the store's buffer, in bytes.
    Buffer,
    /// Extents of hints.
    Hints,
}

/// Why a repository, or a request, is refused before anything is done.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Refusal {
    /// No segments.
    NotARepository,
    /// There are segments already.
    AlreadyARepository,
    /// A newer format version, or a feature a reader must know.
    Unsupported,
    /// No segment header can be read, so the parameters are lost.
    NoHeader,
    /// Nothing was ever committed.
    NoCommit,
    /// The medium cannot be written, or a feature a writer must know is unknown.
    ReadOnly,
    /// Something newer than what can be read once existed.
    Behind,
    /// Tables had to be rebuilt from what is left.
    Rebuilt,
    /// Another writer is, or was, at work.
    Fenced,
    /// A write failed earlier: open again.
    Poisoned,
    /// A parameter is outside its limits.
    Parameter,
    /// No version or draft is meant by that.
    UnknownVersion,
    /// More than one version is meant by that.
    AmbiguousVersion,
    /// The version is protected.
    Protected,
    /// A draft, where a finished version is meant.
    IsADraft,
    /// No draft is of that group.
    UnknownGroup,
    /// A draft of the group is not done.
    Unfinished,
    /// The version has as many tags as it can have, or so long ones: 255, and with the rest of its record 16,384 bytes.
    TooManyTags,
    /// The disk has more blocks than the format allows.
    DiskTooLarge,
    /// A name or text is over its limit.
    TextTooLong,
    /// A catalogue or segment table is full.
    TableFull,
    /// A stream is of a repository with another digest, block, frame or fan-out.
    StreamParameters,
    /// A stream is laid on another version than the one that was chosen, or on one that is not here.
    StreamBase,
    /// A stream is of a whole disk, so it is laid on no version; one was chosen.
    StreamWhole,
    /// A stream goes on where an earlier one was interrupted, of which nothing was kept, or not enough.
    StreamStart,
    /// A stream that tells no size cannot tell what differs between disks of two sizes.
    StreamSize,
    /// A stream may have either of two layouts: the caller must say which.
    StreamLayout,
    /// A stream tells only what changed, and not since which version: the caller must say which.
    BaseNeeded,
    /// Nobody said what the disk is called.
    NameNeeded,
    /// The draft that would be continued is of another source under the same snapshot name.
    OtherSource,
}

/// Everything that can go wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Error {
    /// The medium, at a segment (none: the head pin or the listing).
    Medium {
        /// Which segment.
        segment: Option<SegmentNumber>,
        /// Of reading: where what could not be read begins, or the entry it is of; otherwise 0.
        offset: u32,
        /// What it said.
        trouble: Trouble,
    },
    /// The disk that is read or written.
    Disk {
        /// Bytes from the disk's start.
        offset: u64,
        /// What it said.
        kind: ErrorKind,
    },
    /// Bytes on the medium are not what they must be.
    Corrupt {
        /// The entry, or the segment's start.
        place: Place,
        /// What is wrong.
        what: What,
    },
    /// More memory is needed than was lent.
    Memory {
        /// Which.
        memory: Memory,
        /// How much: slots, marks, counters, extents or bytes.
        needed: u64,
    },
    /// A hint that is not of this disk, as it ends behind the disk's end.
    Hint {
        /// Bytes from the disk's start.
        offset: u64,
        /// How many bytes it claims.
        len_bytes: u64,
    },
    /// The disk is not as the base where hints say that nothing changed.
    Unlike {
        /// Bytes from the disk's start.
        offset: u64,
        /// How many bytes were compared.
        len_bytes: u64,
    },
    /// A stream that is read is not what it must be.
    Stream(Fault),
    /// Where a stream comes from, or goes to.
    Line {
        /// Bytes from the stream's start.
        offset: u64,
        /// What it said.
        kind: ErrorKind,
    },
    /// The disk that came out of a stream is not the one it tells of: its root is another.
    Outcome,
    /// Refused before anything was done.
    Refused(Refusal),
    /// The caller asked to stop.
    Cancelled,
    /// The random source failed.
    Random,
}

impl Error {
    /// Whether the step should be repeated later.
    pub fn is_pending(&self) -> bool {
        matches!(self, Error::Medium { trouble: Trouble::Pending, .. })
    }

    /// Whether bytes on the medium are at fault, rather than the device, the caller or memory:
    /// the object is lost, the rest goes on. A codec that was not lent is no damage: whoever has it can read the object.
    pub fn is_damage(&self) -> bool {
        match self {
            Error::Corrupt { what, .. } => *what != What::UnknownCodec,
            Error::Medium { segment: Some(_), trouble, .. } => {
                matches!(trouble, Trouble::Gone | Trouble::Short | Trouble::Unreadable)
            }
            _ => false,
        }
    }

    /// Where a segment could not be read because the medium failed: that says nothing of the bytes, and other places may be read well.
    #[inline(never)] // asked for everywhere
    pub fn unread(&self) -> Option<Place> {
        match *self {
            Error::Medium { segment: Some(segment), offset, trouble: Trouble::Failed(_) } => Some(Place::new(segment, offset)),
            _ => None,
        }
    }

    pub(crate) fn corrupt(place: Place, what: What) -> Error {
        Error::Corrupt { place, what }
    }

    pub(crate) fn segment(segment: SegmentNumber) -> impl Fn(Trouble) -> Error {
        Error::at(Place::new(segment, 0))
    }

    pub(crate) fn at(Place { segment, offset }: Place) -> impl Fn(Trouble) -> Error {
        move |trouble| Error::Medium { segment: Some(segment), offset, trouble }
    }

    pub(crate) fn listing(trouble: Trouble) -> Error {
        Error::Medium { segment: None, offset: 0, trouble }
    }
}

impl From<Fault> for Error {
    fn from(fault: Fault) -> Error {
        Error::Stream(fault)
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Error {
        Error::Refused(refusal)
    }
}
