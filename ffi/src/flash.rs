//! `struct sarsen_flash`: a NOR flash made of callbacks, and the medium that the engine makes of one.

use crate::lock::Flag;
use crate::medium::{code, sarsen_medium};
use crate::memory::{Room, room_for};
use crate::status::{SARSEN_NO_SEGMENT, Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*, tell};
use core::ffi::c_void;
use embedded_io::ErrorKind;
use sarsen_core::error::Trouble;
use sarsen_core::medium::{Medium, MediumMut, Name};
use sarsen_core::nor::{Bad, Flash, NorMedium, Refused, Run, Units, runs_of};
use sarsen_core::types::{SegmentNumber, wide};

/// Reads from a flash.
pub type sarsen_read_flash =
    Option<unsafe extern "C" fn(context: *mut c_void, offset: u32, to: *mut u8, len_bytes: usize) -> i32>;
/// Programs a flash.
pub type sarsen_program_flash =
    Option<unsafe extern "C" fn(context: *mut c_void, offset: u32, from: *const u8, len_bytes: usize) -> i32>;
/// Erases a block of a flash.
pub type sarsen_erase_flash = Option<unsafe extern "C" fn(context: *mut c_void, offset: u32) -> i32>;

/// A NOR flash, or the part of one that a repository may have: offsets count from its start. Callbacks answer 0, or anything else for a failure; they
/// are asked for whole units only, and nothing beyond the end. Bad blocks, and power that goes at any moment, are dealt with (docs/FORMAT.md,
/// section 17); what is programmed or erased is read back. An erased byte reads as 0xFF.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_flash {
    /// Handed to every callback. Must stay valid as long as the medium is used.
    pub context: *mut c_void,
    /// Bytes of it.
    pub size_bytes: u32,
    /// What is read at once: a power of two, at most 256; 1 if any byte can be.
    pub read_bytes: u32,
    /// What is programmed at once, and only once until it is erased: a power of two, at most 256.
    pub program_bytes: u32,
    /// What is erased at once.
    pub erase_bytes: u32,
    /// What a segment takes at once: a multiple of `erase_bytes`, the same each time this flash is opened. Each needs 12 bytes of memory; at the end of
    /// each segment half of one is left unused.
    pub run_bytes: u32,
    /// Fills `to`, or fails.
    pub read: sarsen_read_flash,
    /// Programs `from`, a multiple of `program_bytes`: never what was programmed since it was erased, but for one mark of 16 bytes in each run, which
    /// may be programmed once more, with zeros, where power went before any bit of it was.
    pub program: sarsen_program_flash,
    /// Erases the block of `erase_bytes` that begins at `offset`.
    pub erase: sarsen_erase_flash,
}

/// How worn a flash is, counted in erases of its runs. Where a power cut has lost a count, the run is taken to be as worn as any.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_wear {
    /// Erases of all runs together.
    pub total: u64,
    /// How many runs there are.
    pub runs: u32,
    /// How many of them may be taken.
    pub free: u32,
    /// How many of them are bad.
    pub retired: u32,
    /// Erases of the least worn.
    pub least: u32,
    /// Erases of the most worn.
    pub greatest: u32,
    /// 0.
    pub reserved: u32,
}

/// What is asked of a callback, whose answer is 0 if it was done.
fn done(answer: i32) -> Result<(), Bad> {
    if answer == 0 { Ok(()) } else { Err(Bad) }
}

impl Flash for sarsen_flash {
    fn units(&self) -> Units {
        Units { read: self.read_bytes, program: self.program_bytes, erase: self.erase_bytes, flash: self.size_bytes }
    }

    fn read(&mut self, at: u32, to: &mut [u8]) -> Result<(), Bad> {
        // SAFETY: who opened the flash promised that the callbacks may be called with this context; `to` has values and may be written.
        done(unsafe { self.read.ok_or(Bad)?(self.context, at, to.as_mut_ptr(), to.len()) })
    }

    fn program(&mut self, at: u32, from: &[u8]) -> Result<(), Bad> {
        // SAFETY: as in `read`; the callback only reads `from`.
        done(unsafe { self.program.ok_or(Bad)?(self.context, at, from.as_ptr(), from.len()) })
    }

    fn erase(&mut self, from: u32, to: u32) -> Result<(), Bad> {
        let (erase, mut at) = (self.erase.ok_or(Bad)?, from);
        while at < to {
            // SAFETY: as in `read`.
            done(unsafe { erase(self.context, at) })?;
            at = at.checked_add(self.erase_bytes).ok_or(Bad)?;
        }
        Ok(())
    }
}

/// What the context of such a medium points to.
struct Opened {
    taken: Flag,
    medium: NorMedium<'static, sarsen_flash>,
}

/// Another thread uses it, or this is a callback's.
const BUSY: Trouble = Trouble::Failed(ErrorKind::Other);

impl Opened {
    fn ask<T>(&self, ask: impl FnOnce(&NorMedium<'static, sarsen_flash>) -> Result<T, Trouble>) -> Result<T, Trouble> {
        if !self.taken.take() {
            return Err(BUSY);
        }
        let answer = ask(&self.medium);
        self.taken.give_back();
        answer
    }
}

/// # Safety
/// `context` is that of a medium which `sarsen_flash_open` has made, and its memory is still lent.
unsafe fn opened<'a>(context: *mut c_void) -> &'a Opened {
    // SAFETY: as the caller promised.
    unsafe { &*context.cast() }
}

/// A number as `enum sarsen_medium_answer` has it.
fn told(answer: Result<(), Trouble>) -> i32 {
    answer.map_or_else(code, |()| 0)
}

fn beside(number: u32) -> Option<SegmentNumber> {
    (number != SARSEN_NO_SEGMENT).then_some(SegmentNumber(number))
}

unsafe extern "C" fn next(context: *mut c_void, after: u32, found: *mut u32) -> i32 {
    // SAFETY: only a `sarsen_medium` calls this, with its own context and a place for what is found.
    let next = unsafe { opened(context) }.ask(|medium| medium.next(beside(after)));
    // SAFETY: as above.
    told(next.map(|next| unsafe { tell(found, next.map_or(SARSEN_NO_SEGMENT, |next| next.0)) }))
}

unsafe extern "C" fn previous(context: *mut c_void, before: u32, found: *mut u32) -> i32 {
    // SAFETY: as in `next`.
    let previous = unsafe { opened(context) }.ask(|medium| medium.previous(beside(before)));
    // SAFETY: as in `next`.
    told(previous.map(|previous| unsafe { tell(found, previous.map_or(SARSEN_NO_SEGMENT, |previous| previous.0)) }))
}

unsafe extern "C" fn len(context: *mut c_void, segment: u32, len_bytes: *mut u64) -> i32 {
    // SAFETY: as in `next`.
    let len = unsafe { opened(context) }.ask(|medium| medium.len(Name::Segment(SegmentNumber(segment))));
    // SAFETY: as in `next`.
    told(len.map(|len| unsafe { tell(len_bytes, len) }))
}

unsafe extern "C" fn read(context: *mut c_void, segment: u32, at: u64, to: *mut u8, len_bytes: usize) -> i32 {
    // SAFETY: as in `next`; it lends so many bytes, which have values.
    let (opened, to) = unsafe { (opened(context), core::slice::from_raw_parts_mut(to, len_bytes)) };
    told(opened.ask(|medium| medium.read(Name::Segment(SegmentNumber(segment)), at, to)))
}

unsafe extern "C" fn create(context: *mut c_void, segment: u32) -> i32 {
    // SAFETY: as in `next`.
    told(unsafe { opened(context) }.ask(|medium| medium.create(SegmentNumber(segment))))
}

unsafe extern "C" fn append(context: *mut c_void, segment: u32, from: *const u8, len_bytes: usize) -> i32 {
    // SAFETY: as in `read`.
    let (opened, from) = unsafe { (opened(context), core::slice::from_raw_parts(from, len_bytes)) };
    told(opened.ask(|medium| medium.append(SegmentNumber(segment), from)))
}

unsafe extern "C" fn sync(context: *mut c_void, segment: u32) -> i32 {
    // SAFETY: as in `next`.
    told(unsafe { opened(context) }.ask(|medium| medium.sync(SegmentNumber(segment))))
}

unsafe extern "C" fn remove(context: *mut c_void, segment: u32) -> i32 {
    // SAFETY: as in `next`.
    told(unsafe { opened(context) }.ask(|medium| medium.remove(SegmentNumber(segment))))
}

unsafe extern "C" fn hold(context: *mut c_void, len_bytes: u64) -> i32 {
    // SAFETY: as in `next`.
    told(unsafe { opened(context) }.ask(|medium| medium.hold(len_bytes)))
}

fn needed(flash: &sarsen_flash) -> Option<(usize, usize)> {
    let runs = usize::from(runs_of(&flash.units(), flash.run_bytes)?);
    Some((runs, room_for::<Opened>(1).saturating_add(room_for::<Run>(runs))))
}

/// How many bytes `sarsen_flash_open` needs, aligned to 8: about 12 for each run. 0 for NULL, and for units that no flash can have.
///
/// # Safety
/// `flash` is NULL or may be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_flash_memory_needed(flash: *const sarsen_flash) -> usize {
    // SAFETY: as the caller promised.
    unsafe { flash.as_ref() }.and_then(needed).map_or(0, |(_, bytes)| bytes)
}

/// Makes a medium of a flash, blank or as it was left by power that went at any moment: reads what each run holds, and writes nothing.
///
/// `*flash` is copied. `memory`: `sarsen_flash_memory_needed` bytes, in the hosted build too; it is the library's as long as `*medium` or a copy of it is
/// used. There is nothing to close. The medium is for one thread at a time, and for one repository.
/// `SARSEN_BAD_PARAMETER` for units that no flash can have; `SARSEN_BAD_ARGUMENT` if a callback is missing; `SARSEN_OTHER_RUNS` if the flash is in use with
/// runs of another length, which is the fault's `detail`; `SARSEN_FAILED` if it cannot be read.
///
/// # Safety
/// Pointers are NULL or valid, callbacks may be called with the context, and `memory` is used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_flash_open(
    medium: *mut sarsen_medium,
    flash: *const sarsen_flash,
    memory: *mut c_void,
    memory_bytes: usize,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let made = match (flash.as_ref(), medium.is_null()) {
            (Some(flash), false) => open(flash, memory, memory_bytes),
            _ => Err(SARSEN_BAD_ARGUMENT.into()),
        };
        answer(made.map(|made| tell(medium, made)), fault)
    }
}

unsafe fn open(flash: &sarsen_flash, memory: *mut c_void, memory_bytes: usize) -> Result<sarsen_medium, Stop> {
    let (runs, bytes) = needed(flash).ok_or(Stop::from(SARSEN_BAD_PARAMETER))?;
    if flash.read.is_none() || flash.program.is_none() || flash.erase.is_none() {
        return Err(SARSEN_BAD_ARGUMENT.into());
    }
    // There is no call that could give it back.
    if memory.is_null() {
        return Err(Stop::detailed(SARSEN_MEMORY, wide(bytes)));
    }
    // SAFETY: as the caller promised.
    let mut room = unsafe { Room::of(memory, memory_bytes, bytes) }?;
    let at = room.reserve::<Opened>()?;
    let medium = NorMedium::mount(*flash, flash.run_bytes, room.items(runs, Run::UNKNOWN)?)?;
    let rules = medium.rules();
    // SAFETY: reserved for this.
    unsafe { at.write(Opened { taken: Flag::free(), medium }) };
    Ok(sarsen_medium {
        context: at.cast(),
        write_bytes: rules.write_bytes,
        segment_bytes: rules.segment_bytes,
        next: Some(next),
        previous: Some(previous),
        len: Some(len),
        read: Some(read),
        create: Some(create),
        append: Some(append),
        sync: Some(sync),
        remove: Some(remove),
        hold: Some(hold),
    })
}

impl From<Refused> for Stop {
    fn from(refused: Refused) -> Stop {
        match refused {
            Refused::Geometry => SARSEN_BAD_PARAMETER.into(),
            Refused::Memory { needed } => Stop::detailed(SARSEN_MEMORY, wide(needed)),
            Refused::Divided { run_bytes } => Stop::detailed(SARSEN_OTHER_RUNS, run_bytes.into()),
            Refused::Failed => SARSEN_FAILED.into(),
            _ => SARSEN_UNKNOWN_ERROR.into(),
        }
    }
}

/// Tells how worn a flash is. `SARSEN_BAD_ARGUMENT` if `*medium` is not one that `sarsen_flash_open` has filled; `SARSEN_BUSY` while a call uses it.
///
/// # Safety
/// Pointers are NULL or valid, and the memory of the medium is still lent.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_flash_wear(medium: *const sarsen_medium, wear: *mut sarsen_wear) -> sarsen_status {
    // SAFETY: as the caller promised.
    let Some(medium) = (unsafe { medium.as_ref() }) else { return SARSEN_BAD_ARGUMENT };
    let is_ours =
        medium.read.is_some_and(|callback| core::ptr::fn_addr_eq(callback, read as unsafe extern "C" fn(_, _, _, _, _) -> _));
    if !is_ours || medium.context.is_null() || wear.is_null() {
        return SARSEN_BAD_ARGUMENT;
    }
    // SAFETY: the context is that of a flash.
    let known = unsafe { opened(medium.context) }.ask(|medium| medium.wear().ok_or(BUSY));
    let Ok(known) = known else { return SARSEN_BUSY };
    let count = |runs: usize| u32::try_from(runs).unwrap_or(u32::MAX);
    let known = sarsen_wear {
        total: known.total,
        runs: count(known.runs),
        free: count(known.free),
        retired: count(known.retired),
        least: known.least,
        greatest: known.greatest,
        reserved: 0,
    };
    // SAFETY: as the caller promised.
    unsafe { tell(wear, known) };
    SARSEN_OK
}
