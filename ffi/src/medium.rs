//! `struct sarsen_medium`: a medium made of callbacks.

use core::ffi::c_void;
use embedded_io::ErrorKind;
use sarsen_core::error::Trouble;
use sarsen_core::medium::{Medium, MediumMut, Name, Rules};
use sarsen_core::types::SegmentNumber;

/// `SARSEN_NO_SEGMENT`.
pub const NO_SEGMENT: u32 = u32::MAX;

type Find = unsafe extern "C" fn(*mut c_void, u32, *mut u32) -> i32;
type Len = unsafe extern "C" fn(*mut c_void, u32, *mut u64) -> i32;
type Read = unsafe extern "C" fn(*mut c_void, u32, u64, *mut u8, usize) -> i32;
type Append = unsafe extern "C" fn(*mut c_void, u32, *const u8, usize) -> i32;
type Change = unsafe extern "C" fn(*mut c_void, u32) -> i32;
type Hold = unsafe extern "C" fn(*mut c_void, u64) -> i32;

/// A medium as C describes it; see the header for what each callback owes.
#[repr(C)]
pub struct CMedium {
    context: *mut c_void,
    write_bytes: u32,
    segment_bytes: u32,
    next: Option<Find>,
    previous: Option<Find>,
    len: Option<Len>,
    read: Option<Read>,
    create: Option<Change>,
    append: Option<Append>,
    sync: Option<Change>,
    remove: Option<Change>,
    hold: Option<Hold>,
}

/// What a callback answered.
fn answer(code: i32) -> Result<(), Trouble> {
    Err(match code {
        0 => return Ok(()),
        1 => Trouble::Pending,
        2 => Trouble::Gone,
        3 => Trouble::Exists,
        4 => Trouble::Full,
        5 => Trouble::ReadOnly,
        6 => Trouble::Short,
        _ => Trouble::Failed(ErrorKind::Other),
    })
}

/// A callback that is not there cannot do what it is asked.
fn given<F: Copy>(callback: Option<F>) -> Result<F, Trouble> {
    callback.ok_or(Trouble::Failed(ErrorKind::Unsupported))
}

fn writing<F: Copy>(callback: Option<F>) -> Result<F, Trouble> {
    callback.ok_or(Trouble::ReadOnly)
}

/// This face keeps no head pin yet.
fn segment(name: Name) -> Result<u32, Trouble> {
    match name {
        Name::Segment(number) => Ok(number.0),
        Name::Pin => Err(Trouble::Gone),
    }
}

impl CMedium {
    fn find(&self, callback: Option<Find>, beside: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        let mut found = NO_SEGMENT;
        // SAFETY: the caller of the verb promised that the callbacks may be called with this context; `found` outlives the call.
        answer(unsafe { given(callback)?(self.context, beside.map_or(NO_SEGMENT, |number| number.0), &mut found) })?;
        Ok((found != NO_SEGMENT).then_some(SegmentNumber(found)))
    }

    fn change(&self, callback: Option<Change>, number: SegmentNumber) -> Result<(), Trouble> {
        // SAFETY: as in `find`.
        answer(unsafe { writing(callback)?(self.context, number.0) })
    }
}

impl Medium for CMedium {
    fn rules(&self) -> Rules {
        Rules { write_bytes: self.write_bytes, segment_bytes: self.segment_bytes, pin: false }
    }

    fn next(&self, after: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        self.find(self.next, after)
    }

    fn previous(&self, before: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        self.find(self.previous, before)
    }

    fn len(&self, name: Name) -> Result<u64, Trouble> {
        let number = segment(name)?;
        let mut len_bytes = 0;
        // SAFETY: as in `find`.
        answer(unsafe { given(self.len)?(self.context, number, &mut len_bytes) })?;
        Ok(len_bytes)
    }

    fn read(&self, name: Name, at: u64, to: &mut [u8]) -> Result<(), Trouble> {
        let number = segment(name)?;
        // SAFETY: as in `find`; the callback may write `to.len()` bytes at `to`, and they are initialised already.
        answer(unsafe { given(self.read)?(self.context, number, at, to.as_mut_ptr(), to.len()) })
    }

    fn writer(&self) -> Option<&dyn MediumMut> {
        let complete = self.create.is_some() && self.append.is_some() && self.sync.is_some() && self.remove.is_some();
        complete.then_some(self)
    }
}

impl MediumMut for CMedium {
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
