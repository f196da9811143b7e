//! What calls answer: numbers, grouped, explicit, never used again for anything else; and where it happened.

use core::ffi::c_char;
use sarsen_core::error::{Error, Fault, Memory, Refusal, Trouble};

/// What a call answers. Numbers are never used again for anything else; names may only be added.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum sarsen_status {
    /// Done.
    SARSEN_OK = 0,
    /// The medium was not ready: call again with the same arguments. Nothing was lost.
    SARSEN_PENDING = 1,
    /// Done, but damage was found, or ranges were lost and are zeros.
    SARSEN_DAMAGED = 2,
    /// A check or scrub: done, but not all could be read. What was is not damaged.
    SARSEN_UNREAD = 3,

    /// The medium has no such segment.
    SARSEN_GONE = 10,
    /// A segment to be made is there: somebody else writes here.
    SARSEN_EXISTS = 11,
    /// The medium is full.
    SARSEN_FULL = 12,
    /// The medium takes no writes.
    SARSEN_MEDIUM_IS_READ_ONLY = 13,
    /// A segment is shorter than what was asked of it.
    SARSEN_SHORT = 14,
    /// The medium failed.
    SARSEN_FAILED = 15,
    /// Bytes of the medium cannot be read.
    SARSEN_UNREADABLE = 16,

    /// The disk failed; the fault's `detail` is the offset.
    SARSEN_DISK_FAILED = 20,
    /// A range reaches beyond the end of the disk; `detail` is its offset.
    SARSEN_BEYOND_END = 21,
    /// A hint reaches beyond the end of the disk; `detail` is its offset.
    SARSEN_HINT_BEYOND_END = 22,
    /// The disk is not as the base where hints say that nothing changed; `detail` is the offset.
    SARSEN_UNLIKE_BASE = 23,
    /// A stream's callback failed, or answered more than it was asked for; `detail` is the offset in the stream.
    SARSEN_LINE_FAILED = 24,

    /// Bytes on the medium are not what they must be; the fault says where.
    SARSEN_CORRUPT = 30,
    /// A stream is not what it must be; `detail` is the offset in the stream.
    SARSEN_STREAM_CORRUPT = 31,
    /// What came out of a stream is not the disk it tells of; nothing was kept.
    SARSEN_STREAM_OUTCOME = 32,
    /// A stream ended too soon. What its whole records told is kept as a draft; `detail` is how many bytes of the disk that are.
    SARSEN_STREAM_INTERRUPTED = 33,

    /// More objects than the index has slots; `detail` is how many are needed.
    SARSEN_INDEX_TOO_SMALL = 40,
    /// More places are damaged than there are marks; `detail` is how many are needed.
    SARSEN_MARKS_TOO_FEW = 41,
    /// More segments than there are counters; `detail` is how many are needed.
    SARSEN_COUNTERS_TOO_FEW = 42,
    /// More levels or wider pages than memory was cut for; `detail` is how many bytes are needed.
    SARSEN_PAGES_TOO_FEW = 43,
    /// A buffer is too small for this repository; `detail` is how many bytes are needed.
    SARSEN_BUFFER_TOO_SMALL = 44,
    /// More hints than there is room for; `detail` is how many are needed.
    SARSEN_HINTS_TOO_MANY = 45,
    /// Less memory than the handle needs, or none in a build without a heap; `detail` is how many bytes are needed.
    SARSEN_MEMORY = 46,
    /// Memory that is not aligned to 8 bytes.
    SARSEN_MISALIGNED = 47,

    /// Refused before anything was done: no segments.
    SARSEN_NOT_A_REPOSITORY = 50,
    /// There is a repository already.
    SARSEN_ALREADY_A_REPOSITORY = 51,
    /// A newer format, or a feature this build does not know.
    SARSEN_UNSUPPORTED = 52,
    /// No segment's header can be read.
    SARSEN_NO_HEADER = 53,
    /// Nothing was ever committed.
    SARSEN_NO_COMMIT = 54,
    /// The repository cannot be written here.
    SARSEN_READ_ONLY = 55,
    /// Something newer than what can be read once existed.
    SARSEN_BEHIND = 56,
    /// Tables had to be rebuilt from what is left: nothing may be written.
    SARSEN_REBUILT = 57,
    /// Somebody else writes, or wrote since this was opened: close and open again.
    SARSEN_FENCED = 58,
    /// A write failed earlier: close and open again.
    SARSEN_POISONED = 59,
    /// A parameter or an option is outside its limits.
    SARSEN_BAD_PARAMETER = 60,
    /// No version is meant by that.
    SARSEN_UNKNOWN_VERSION = 61,
    /// More than one version is meant by that.
    SARSEN_AMBIGUOUS_VERSION = 62,
    /// The version is protected.
    SARSEN_PROTECTED = 63,
    /// The disk has more blocks than the format allows.
    SARSEN_DISK_TOO_LARGE = 64,
    /// A name is longer than 255 bytes.
    SARSEN_TEXT_TOO_LONG = 65,
    /// A table of the repository is full.
    SARSEN_TABLE_FULL = 66,
    /// A stream is of a repository with another digest, block, frame or fan-out.
    SARSEN_STREAM_PARAMETERS = 67,
    /// A stream is laid on another version than the one chosen, or on one that is not here.
    SARSEN_STREAM_BASE = 68,
    /// A stream is of a whole disk, but a base was chosen.
    SARSEN_STREAM_WHOLE = 69,
    /// A stream goes on where an earlier one was interrupted, of which not that much is kept here.
    SARSEN_STREAM_START = 70,
    /// A stream that tells no size cannot be between disks of two sizes.
    SARSEN_STREAM_SIZE = 71,
    /// A stream may have either of two layouts.
    SARSEN_STREAM_LAYOUT = 72,
    /// What changed is told, and not since which version: name the base.
    SARSEN_BASE_NEEDED = 73,
    /// Nobody said what the disk is called.
    SARSEN_NAME_NEEDED = 74,
    /// A draft, where a finished version is wanted.
    SARSEN_IS_A_DRAFT = 75,
    /// The draft to go on from is of another source under the same snapshot name.
    SARSEN_OTHER_SOURCE = 76,
    /// A flash is in use, divided into runs of `detail` bytes.
    SARSEN_OTHER_RUNS = 77,
    /// The version has 255 tags already, or its record would become longer than 16,384 bytes.
    SARSEN_TOO_MANY_TAGS = 78,
    /// A draft of the group is not done.
    SARSEN_UNFINISHED = 79,

    /// The operating system refused to open what was named.
    SARSEN_CANNOT_OPEN = 80,
    /// Another process writes to the repository.
    SARSEN_LOCKED = 81,
    /// The directory of a new repository holds something else.
    SARSEN_NOT_EMPTY = 82,
    /// Neither a regular file nor a block device.
    SARSEN_NOT_A_DISK = 83,
    /// A device is smaller than the disk to be restored.
    SARSEN_TARGET_TOO_SMALL = 84,

    /// A callback asked to stop.
    SARSEN_CANCELLED = 90,
    /// The random source failed.
    SARSEN_NO_RANDOMNESS = 91,
    /// NULL where something is needed, text that is not UTF-8, a value that is not assigned, or a length no memory can have.
    SARSEN_BAD_ARGUMENT = 92,
    /// NULL, a handle that is not open or of another kind, or one that was moved or copied.
    SARSEN_BAD_HANDLE = 93,
    /// The handle is in use: by another thread, by the call whose callback this is, or by what was opened on it.
    SARSEN_BUSY = 94,
    /// The program was compiled with the header of another ABI version.
    SARSEN_OTHER_ABI = 95,
    /// An outcome is not the next in order, or does not lie in this work.
    SARSEN_OUT_OF_ORDER = 96,
    /// The task has ended.
    SARSEN_ENDED = 97,
    /// Something for which there is no number yet.
    SARSEN_UNKNOWN_ERROR = 99,

    /// Refused before anything was done: no draft is of that group.
    SARSEN_UNKNOWN_GROUP = 100,
}

use sarsen_status::*;

/// In no segment.
pub const SARSEN_NO_SEGMENT: u32 = u32::MAX;
/// In no block.
pub const SARSEN_NO_BLOCK: u64 = u64::MAX;

/// Where a call failed. Set by every call that is given one, and that does not answer `SARSEN_OK`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_fault {
    /// `SARSEN_NO_SEGMENT` if in none.
    pub segment: u32,
    /// Bytes from the segment's start.
    pub offset: u32,
    /// The block of the disk; `SARSEN_NO_BLOCK` if in none.
    pub block: u64,
    /// How much is needed, or an offset: each status says which. Otherwise 0.
    pub detail: u64,
    /// The id of the version that was read; zeros if none was.
    pub version: [u8; 32],
}

/// Nowhere in particular.
pub const NOWHERE: sarsen_fault =
    sarsen_fault { segment: SARSEN_NO_SEGMENT, offset: 0, block: SARSEN_NO_BLOCK, detail: 0, version: [0; 32] };

/// Why a call ends early.
#[derive(Clone, Copy)]
pub struct Stop {
    pub status: sarsen_status,
    pub fault: sarsen_fault,
}

impl Stop {
    pub fn detailed(status: sarsen_status, detail: u64) -> Stop {
        Stop { status, fault: sarsen_fault { detail, ..NOWHERE } }
    }

    pub fn is_pending(&self) -> bool {
        self.status == SARSEN_PENDING
    }
}

impl From<sarsen_status> for Stop {
    fn from(status: sarsen_status) -> Stop {
        Stop { status, fault: NOWHERE }
    }
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Stop {
        of_refusal(refusal).into()
    }
}

impl From<Error> for Stop {
    // Once, and not where every call ends.
    #[inline(never)]
    fn from(error: Error) -> Stop {
        match error {
            Error::Medium { segment, offset, trouble } => {
                let segment = segment.map_or(SARSEN_NO_SEGMENT, |segment| segment.0);
                Stop { status: of_trouble(trouble), fault: sarsen_fault { segment, offset, ..NOWHERE } }
            }
            Error::Disk { offset, kind: embedded_io::ErrorKind::InvalidInput } => Stop::detailed(SARSEN_BEYOND_END, offset),
            Error::Disk { offset, .. } => Stop::detailed(SARSEN_DISK_FAILED, offset),
            Error::Corrupt { place, .. } => {
                let fault = sarsen_fault { segment: place.segment.0, offset: place.offset, ..NOWHERE };
                Stop { status: SARSEN_CORRUPT, fault }
            }
            Error::Memory { memory, needed } => Stop::detailed(of_memory(memory), needed),
            Error::Hint { offset, .. } => Stop::detailed(SARSEN_HINT_BEYOND_END, offset),
            Error::Unlike { offset, .. } => Stop::detailed(SARSEN_UNLIKE_BASE, offset),
            Error::Stream(Fault { offset, .. }) => Stop::detailed(SARSEN_STREAM_CORRUPT, offset),
            Error::Line { offset, .. } => Stop::detailed(SARSEN_LINE_FAILED, offset),
            Error::Outcome => SARSEN_STREAM_OUTCOME.into(),
            Error::Refused(refusal) => refusal.into(),
            Error::Cancelled => SARSEN_CANCELLED.into(),
            Error::Random => SARSEN_NO_RANDOMNESS.into(),
            _ => SARSEN_UNKNOWN_ERROR.into(),
        }
    }
}

fn of_trouble(trouble: Trouble) -> sarsen_status {
    match trouble {
        Trouble::Pending => SARSEN_PENDING,
        Trouble::Gone => SARSEN_GONE,
        Trouble::Exists => SARSEN_EXISTS,
        Trouble::Full => SARSEN_FULL,
        Trouble::ReadOnly => SARSEN_MEDIUM_IS_READ_ONLY,
        Trouble::Short => SARSEN_SHORT,
        Trouble::Unreadable => SARSEN_UNREADABLE,
        Trouble::Failed(_) => SARSEN_FAILED,
        _ => SARSEN_UNKNOWN_ERROR,
    }
}

fn of_memory(memory: Memory) -> sarsen_status {
    match memory {
        Memory::Index => SARSEN_INDEX_TOO_SMALL,
        Memory::Marks => SARSEN_MARKS_TOO_FEW,
        Memory::Live => SARSEN_COUNTERS_TOO_FEW,
        Memory::Pages => SARSEN_PAGES_TOO_FEW,
        Memory::Buffer => SARSEN_BUFFER_TOO_SMALL,
        Memory::Hints => SARSEN_HINTS_TOO_MANY,
        _ => SARSEN_UNKNOWN_ERROR,
    }
}

fn of_refusal(refusal: Refusal) -> sarsen_status {
    match refusal {
        Refusal::NotARepository => SARSEN_NOT_A_REPOSITORY,
        Refusal::AlreadyARepository => SARSEN_ALREADY_A_REPOSITORY,
        Refusal::Unsupported => SARSEN_UNSUPPORTED,
        Refusal::NoHeader => SARSEN_NO_HEADER,
        Refusal::NoCommit => SARSEN_NO_COMMIT,
        Refusal::ReadOnly => SARSEN_READ_ONLY,
        Refusal::Behind => SARSEN_BEHIND,
        Refusal::Rebuilt => SARSEN_REBUILT,
        Refusal::Fenced => SARSEN_FENCED,
        Refusal::Poisoned => SARSEN_POISONED,
        Refusal::Parameter => SARSEN_BAD_PARAMETER,
        Refusal::UnknownVersion => SARSEN_UNKNOWN_VERSION,
        Refusal::AmbiguousVersion => SARSEN_AMBIGUOUS_VERSION,
        Refusal::Protected => SARSEN_PROTECTED,
        Refusal::IsADraft => SARSEN_IS_A_DRAFT,
        Refusal::TooManyTags => SARSEN_TOO_MANY_TAGS,
        Refusal::UnknownGroup => SARSEN_UNKNOWN_GROUP,
        Refusal::Unfinished => SARSEN_UNFINISHED,
        Refusal::DiskTooLarge => SARSEN_DISK_TOO_LARGE,
        Refusal::TextTooLong => SARSEN_TEXT_TOO_LONG,
        Refusal::TableFull => SARSEN_TABLE_FULL,
        Refusal::StreamParameters => SARSEN_STREAM_PARAMETERS,
        Refusal::StreamBase => SARSEN_STREAM_BASE,
        Refusal::StreamWhole => SARSEN_STREAM_WHOLE,
        Refusal::StreamStart => SARSEN_STREAM_START,
        Refusal::StreamSize => SARSEN_STREAM_SIZE,
        Refusal::StreamLayout => SARSEN_STREAM_LAYOUT,
        Refusal::BaseNeeded => SARSEN_BASE_NEEDED,
        Refusal::NameNeeded => SARSEN_NAME_NEEDED,
        Refusal::OtherSource => SARSEN_OTHER_SOURCE,
        _ => SARSEN_UNKNOWN_ERROR,
    }
}

/// The end of every call: its status, and where it failed into `fault`.
///
/// # Safety
/// `fault` is null or may be written.
pub unsafe fn answer(result: Result<(), Stop>, fault: *mut sarsen_fault) -> sarsen_status {
    let Err(stop) = result else { return SARSEN_OK };
    // SAFETY: the caller promised so.
    unsafe { tell(fault, stop.fault) };
    stop.status
}

/// Writes what was asked for, if it was.
///
/// # Safety
/// `to` is null or may be written.
pub unsafe fn tell<T>(to: *mut T, value: T) {
    if !to.is_null() {
        // SAFETY: the caller promised so.
        unsafe { to.write(value) }
    }
}

/// The statuses, and their texts one behind the other, each ended by a zero byte: one constant, so that only a program that asks for texts has them.
macro_rules! texts {
    ($($status:ident, $text:literal;)*) => {
        const TOLD: &[sarsen_status] = &[$($status),*];
        const TEXTS: &str = concat!($($text, "\0"),*);
    };
}

/// A few words on a status, in English, ended by a zero byte, for ever valid. Never NULL, whatever the number.
#[unsafe(no_mangle)]
pub extern "C" fn sarsen_status_text(status: i32) -> *const c_char {
    let text = TOLD.iter().zip(TEXTS.split_inclusive('\0')).find(|(told, _)| **told as i32 == status);
    text.map_or("no such status\0", |(_, text)| text).as_ptr().cast()
}

texts! {
    SARSEN_OK, "done";
    SARSEN_PENDING, "the medium is not ready: call again";
    SARSEN_DAMAGED, "done, but damage was found or ranges were lost";
    SARSEN_UNREAD, "done, but not all could be read; what was is not damaged";
    SARSEN_GONE, "the medium has no such segment";
    SARSEN_EXISTS, "a segment to be made exists: somebody else writes here";
    SARSEN_FULL, "the medium is full";
    SARSEN_MEDIUM_IS_READ_ONLY, "the medium takes no writes";
    SARSEN_SHORT, "a segment is shorter than it must be";
    SARSEN_FAILED, "the medium failed";
    SARSEN_UNREADABLE, "bytes of the medium cannot be read";
    SARSEN_DISK_FAILED, "the disk failed";
    SARSEN_BEYOND_END, "beyond the end of the disk";
    SARSEN_HINT_BEYOND_END, "a hint reaches beyond the end of the disk";
    SARSEN_UNLIKE_BASE, "the disk differs from its base where hints say that nothing changed";
    SARSEN_LINE_FAILED, "the stream could not be read or written";
    SARSEN_CORRUPT, "bytes on the medium are not what they must be";
    SARSEN_STREAM_CORRUPT, "the stream is not what it must be";
    SARSEN_STREAM_OUTCOME, "what came out of the stream is not the disk it tells of";
    SARSEN_STREAM_INTERRUPTED, "the stream ended too soon; what it told is kept as a draft";
    SARSEN_INDEX_TOO_SMALL, "the index has too few slots";
    SARSEN_MARKS_TOO_FEW, "there are too few marks of damage";
    SARSEN_COUNTERS_TOO_FEW, "there are too few counters of segments";
    SARSEN_PAGES_TOO_FEW, "there is too little memory for pages";
    SARSEN_BUFFER_TOO_SMALL, "a buffer is too small for this repository";
    SARSEN_HINTS_TOO_MANY, "there are more hints than there is room for";
    SARSEN_MEMORY, "too little memory was lent";
    SARSEN_MISALIGNED, "memory must be aligned to 8 bytes";
    SARSEN_NOT_A_REPOSITORY, "not a repository";
    SARSEN_ALREADY_A_REPOSITORY, "a repository is there already";
    SARSEN_UNSUPPORTED, "a newer format, or a feature this build does not know";
    SARSEN_NO_HEADER, "no segment's header can be read";
    SARSEN_NO_COMMIT, "nothing was ever committed";
    SARSEN_READ_ONLY, "the repository cannot be written here";
    SARSEN_BEHIND, "something newer than what can be read once existed";
    SARSEN_REBUILT, "tables were rebuilt from what is left, so it can only be read";
    SARSEN_FENCED, "somebody else writes here: open again";
    SARSEN_POISONED, "a write failed earlier: open again";
    SARSEN_BAD_PARAMETER, "a parameter is outside its limits";
    SARSEN_UNKNOWN_VERSION, "no such version";
    SARSEN_AMBIGUOUS_VERSION, "more than one version is meant by that";
    SARSEN_PROTECTED, "the version is protected: take that away first";
    SARSEN_DISK_TOO_LARGE, "the disk has more blocks than the format allows";
    SARSEN_TEXT_TOO_LONG, "a name is longer than 255 bytes";
    SARSEN_TABLE_FULL, "a table of the repository is full";
    SARSEN_STREAM_PARAMETERS, "the stream is of a repository with other parameters";
    SARSEN_STREAM_BASE, "the stream is laid on another version";
    SARSEN_STREAM_WHOLE, "the stream is of a whole disk and has no base";
    SARSEN_STREAM_START, "the stream goes on from more than is kept here";
    SARSEN_STREAM_SIZE, "the stream cannot tell of disks of two sizes";
    SARSEN_STREAM_LAYOUT, "the stream may have either of two layouts";
    SARSEN_BASE_NEEDED, "name the version that the changes are since";
    SARSEN_NAME_NEEDED, "say what the disk is called";
    SARSEN_IS_A_DRAFT, "a draft, not a finished version";
    SARSEN_OTHER_SOURCE, "the draft is of another source under the same snapshot name";
    SARSEN_OTHER_RUNS, "the flash is divided into runs of another length";
    SARSEN_TOO_MANY_TAGS, "the version has as many tags as it can have: take some away";
    SARSEN_UNFINISHED, "a draft of the group is not done: go on with it, or remove it";
    SARSEN_UNKNOWN_GROUP, "no draft is of that group";
    SARSEN_CANNOT_OPEN, "the operating system refused to open it";
    SARSEN_LOCKED, "another process writes to this repository";
    SARSEN_NOT_EMPTY, "the directory holds something that is no part of a repository";
    SARSEN_NOT_A_DISK, "neither a regular file nor a block device";
    SARSEN_TARGET_TOO_SMALL, "the device is smaller than the disk";
    SARSEN_CANCELLED, "stopped as asked";
    SARSEN_NO_RANDOMNESS, "the random source failed";
    SARSEN_BAD_ARGUMENT, "an argument is NULL, not UTF-8, or not assigned";
    SARSEN_BAD_HANDLE, "not an open handle of this kind";
    SARSEN_BUSY, "the handle is in use";
    SARSEN_OTHER_ABI, "compiled with the header of another ABI version";
    SARSEN_OUT_OF_ORDER, "the outcome is not the next in order, or lies in another work";
    SARSEN_ENDED, "the task has ended";
    SARSEN_UNKNOWN_ERROR, "an error without a number";
}
