//! `struct sarsen_medium`: a medium made of callbacks.

use crate::status::SARSEN_NO_SEGMENT;
use core::ffi::c_void;
use embedded_io::ErrorKind;
use sarsen_core::error::Trouble;
use sarsen_core::medium::{Medium, MediumMut, Name, Rules};
use sarsen_core::types::SegmentNumber;

/// What a medium's callback answers.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum sarsen_medium_answer {
    /// Done.
    SARSEN_MEDIUM_OK = 0,
    /// Not yet: what asked is to be repeated, and asks again. Once a range was fetched it must be answered until 2048 others were asked for.
    SARSEN_MEDIUM_PENDING = 1,
    /// No such segment.
    SARSEN_MEDIUM_GONE = 2,
    /// A segment of that number exists.
    SARSEN_MEDIUM_EXISTS = 3,
    /// No space left.
    SARSEN_MEDIUM_FULL = 4,
    /// It takes no writes.
    SARSEN_MEDIUM_READ_ONLY = 5,
    /// The segment is shorter than the read asked for.
    SARSEN_MEDIUM_SHORT = 6,
    /// The device failed. Any number that is not listed means the same.
    SARSEN_MEDIUM_FAILED = 7,
    /// These bytes cannot be read; the device works.
    SARSEN_MEDIUM_UNREADABLE = 8,
}

/// Finds a segment's neighbour.
pub type sarsen_find_segment = Option<unsafe extern "C" fn(context: *mut c_void, beside: u32, found: *mut u32) -> i32>;
/// Tells a segment's length.
pub type sarsen_len_of_segment = Option<unsafe extern "C" fn(context: *mut c_void, segment: u32, len_bytes: *mut u64) -> i32>;
/// Reads from a segment.
pub type sarsen_read_segment =
    Option<unsafe extern "C" fn(context: *mut c_void, segment: u32, at: u64, to: *mut u8, len_bytes: usize) -> i32>;
/// Adds to a segment.
pub type sarsen_append_segment =
    Option<unsafe extern "C" fn(context: *mut c_void, segment: u32, from: *const u8, len_bytes: usize) -> i32>;
/// Makes, makes durable, or removes a segment.
pub type sarsen_change_segment = Option<unsafe extern "C" fn(context: *mut c_void, segment: u32) -> i32>;
/// Holds space back.
pub type sarsen_hold_space = Option<unsafe extern "C" fn(context: *mut c_void, len_bytes: u64) -> i32>;

/// Where segments live. Callbacks answer with `enum sarsen_medium_answer`; docs/FORMAT.md, section 15, says what a medium must promise.
/// Those that read are called by every thread that works; the others by one thread at a time.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_medium {
    /// Handed to every callback. Must stay valid until the repository is closed.
    pub context: *mut c_void,
    /// The smallest unit that can be written, in bytes: a power of two, at most 4096.
    pub write_bytes: u32,
    /// The greatest length of a segment in bytes.
    pub segment_bytes: u32,
    /// The lowest segment after `beside` (`SARSEN_NO_SEGMENT`: of all), or `SARSEN_NO_SEGMENT`, into `*found`.
    pub next: sarsen_find_segment,
    /// The highest segment before `beside` (`SARSEN_NO_SEGMENT`: of all), or `SARSEN_NO_SEGMENT`, into `*found`.
    pub previous: sarsen_find_segment,
    /// Its length into `*len_bytes`: at most `segment_bytes`.
    pub len: sarsen_len_of_segment,
    /// Fills `to` from offset `at`, or fails.
    pub read: sarsen_read_segment,
    /// Makes an empty segment. A medium without this, `append`, `sync` or `remove` is only read.
    pub create: sarsen_change_segment,
    /// Adds bytes, a multiple of `write_bytes`, at the segment's end. When it fails any part may have been added.
    pub append: sarsen_append_segment,
    /// Makes what was appended, and the segment's name, durable.
    pub sync: sarsen_change_segment,
    /// Removes a segment.
    pub remove: sarsen_change_segment,
    /// May be NULL. Keeps so much space away from `append`; 0 gives it back.
    pub hold: sarsen_hold_space,
}

fn answer(code: i32) -> Result<(), Trouble> {
    Err(match code {
        0 => return Ok(()),
        1 => Trouble::Pending,
        2 => Trouble::Gone,
        3 => Trouble::Exists,
        4 => Trouble::Full,
        5 => Trouble::ReadOnly,
        6 => Trouble::Short,
        8 => Trouble::Unreadable,
        _ => Trouble::Failed(ErrorKind::Other),
    })
}

/// The same the other way.
pub fn code(trouble: Trouble) -> i32 {
    use sarsen_medium_answer::*;
    (match trouble {
        Trouble::Pending => SARSEN_MEDIUM_PENDING,
        Trouble::Gone => SARSEN_MEDIUM_GONE,
        Trouble::Exists => SARSEN_MEDIUM_EXISTS,
        Trouble::Full => SARSEN_MEDIUM_FULL,
        Trouble::ReadOnly => SARSEN_MEDIUM_READ_ONLY,
        Trouble::Short => SARSEN_MEDIUM_SHORT,
        Trouble::Unreadable => SARSEN_MEDIUM_UNREADABLE,
        _ => SARSEN_MEDIUM_FAILED,
    }) as i32
}

/// A callback that is not there cannot do what it is asked.
fn given<F: Copy>(callback: Option<F>) -> Result<F, Trouble> {
    callback.ok_or(Trouble::Failed(ErrorKind::Unsupported))
}

fn writing<F: Copy>(callback: Option<F>) -> Result<F, Trouble> {
    callback.ok_or(Trouble::ReadOnly)
}

/// This face keeps no head pin.
fn segment(name: Name) -> Result<u32, Trouble> {
    match name {
        Name::Segment(number) => Ok(number.0),
        Name::Pin => Err(Trouble::Gone),
    }
}

impl sarsen_medium {
    fn find(&self, callback: sarsen_find_segment, beside: Option<SegmentNumber>) -> Result<Option<u32>, Trouble> {
        let mut found = SARSEN_NO_SEGMENT;
        // SAFETY: who opened the repository promised that the callbacks may be called with this context; `found` outlives the call.
        answer(unsafe { given(callback)?(self.context, beside.map_or(SARSEN_NO_SEGMENT, |number| number.0), &mut found) })?;
        Ok((found != SARSEN_NO_SEGMENT).then_some(found))
    }

    fn change(&self, callback: sarsen_change_segment, number: SegmentNumber) -> Result<(), Trouble> {
        // SAFETY: as in `find`.
        answer(unsafe { writing(callback)?(self.context, number.0) })
    }
}

/// A neighbour on the wrong side would be a walk without an end.
fn beside(found: Option<u32>, right: impl Fn(u32) -> bool) -> Result<Option<SegmentNumber>, Trouble> {
    match found.is_none_or(right) {
        true => Ok(found.map(SegmentNumber)),
        false => Err(Trouble::Failed(ErrorKind::InvalidData)),
    }
}

impl Medium for sarsen_medium {
    fn rules(&self) -> Rules {
        Rules { write_bytes: self.write_bytes, segment_bytes: self.segment_bytes, pin: false }
    }

    fn next(&self, after: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        beside(self.find(self.next, after)?, |found| after.is_none_or(|after| found > after.0))
    }

    fn previous(&self, before: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        beside(self.find(self.previous, before)?, |found| before.is_none_or(|before| found < before.0))
    }

    fn len(&self, name: Name) -> Result<u64, Trouble> {
        let number = segment(name)?;
        let mut len_bytes = 0;
        // SAFETY: as in `find`.
        answer(unsafe { given(self.len)?(self.context, number, &mut len_bytes) })?;
        // Longer than the medium itself allows is a lie, and would be searched to its end.
        match len_bytes <= self.segment_bytes.into() {
            true => Ok(len_bytes),
            false => Err(Trouble::Failed(ErrorKind::InvalidData)),
        }
    }

    fn read(&self, name: Name, at: u64, to: &mut [u8]) -> Result<(), Trouble> {
        let number = segment(name)?;
        // SAFETY: as in `find`; the callback may write `to.len()` bytes at `to`, and they have values already.
        answer(unsafe { given(self.read)?(self.context, number, at, to.as_mut_ptr(), to.len()) })
    }

    fn writer(&self) -> Option<&dyn MediumMut> {
        let complete = self.create.is_some() && self.append.is_some() && self.sync.is_some() && self.remove.is_some();
        (cfg!(feature = "write") && complete).then_some(self)
    }
}

impl MediumMut for sarsen_medium {
    fn create(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.change(self.create, segment)
    }

    fn append(&self, segment: SegmentNumber, bytes: &[u8]) -> Result<(), Trouble> {
        // SAFETY: as in `Medium::read`; the callback only reads `bytes`.
        answer(unsafe { writing(self.append)?(self.context, segment.0, bytes.as_ptr(), bytes.len()) })
    }

    fn sync(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.change(self.sync, segment)
    }

    fn remove(&self, segment: SegmentNumber) -> Result<(), Trouble> {
        self.change(self.remove, segment)
    }

    fn replace_pin(&self, _bytes: &[u8]) -> Result<(), Trouble> {
        Err(Trouble::ReadOnly)
    }

    fn hold(&self, bytes: u64) -> Result<(), Trouble> {
        match self.hold {
            // SAFETY: as in `find`.
            Some(hold) => answer(unsafe { hold(self.context, bytes) }),
            None => Ok(()),
        }
    }
}
