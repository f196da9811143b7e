//! What the page gives (a medium, randomness, time) and is told. Every pointer is one into the module's memory, good during the call.

use embedded_io::ErrorKind;
use sarsen_core::error::{Error, Trouble};
use sarsen_core::format::record::{Record, RecordKind};
use sarsen_core::host::{Host, Progress};
use sarsen_core::medium::{Medium, Name, Rules};
use sarsen_core::ops::check::Report;
use sarsen_core::task::Event;
use sarsen_core::types::{Id, SegmentNumber};

#[link(wasm_import_module = "medium")]
unsafe extern "C" {
    /// The lowest segment after `after` (2^32 - 1: of all); -1 if there is none, -2 pending, -3 failed.
    safe fn next(after: u32) -> i64;
    /// The highest segment before `before` (2^32 - 1: of all); -1 if there is none, -2 pending, -3 failed.
    safe fn previous(before: u32) -> i64;
    /// A length, into the eight bytes at `to`; answers as in the C header, `enum sarsen_medium_answer`. Kind 0 is a segment, 1 the head pin.
    fn len(kind: u32, segment: u32, to: *mut u64) -> i32;
    /// Fills `to` from `at`, or answers why not.
    fn read(kind: u32, segment: u32, at: u64, to: *mut u8, len: usize) -> i32;
}

#[link(wasm_import_module = "page")]
unsafe extern "C" {
    /// Milliseconds since 1970.
    safe fn now() -> u64;
    /// Fills `to`; 0 if it could.
    fn random(to: *mut u8, len: usize) -> i32;
    /// How far a check has come; 0 goes on.
    safe fn progress(done: u64, total: u64) -> i32;
    /// A version or draft.
    fn version(
        id: *const u8,
        is_draft: i32,
        time: u64,
        size: u64,
        name: *const u8,
        name_len: usize,
        snapshot: *const u8,
        snapshot_len: usize,
    );
    /// Damage. `segment` is -1 for the head pin.
    fn finding(kind: *const u8, kind_len: usize, segment: i64, offset: u32);
    /// A version that damage hits.
    fn hit(id: *const u8);
    /// The end of a check.
    safe fn checked(segments: u64, entries: u64, bytes: u64, versions: u64, findings: u64, hit: u64);
    /// Why a call failed: an error in words for developers, as Rust prints it.
    fn failed(text: *const u8, len: usize);
}

/// The page as a medium. It is only read.
pub struct PageMedium;

/// The page as a host.
pub struct PageHost;

const NO_SEGMENT: u32 = u32::MAX;

fn found(answer: i64) -> Result<Option<SegmentNumber>, Trouble> {
    match answer {
        -1 => Ok(None),
        -2 => Err(Trouble::Pending),
        number => u32::try_from(number).map(|number| Some(SegmentNumber(number))).map_err(|_| Trouble::Failed(ErrorKind::Other)),
    }
}

fn done(answer: i32) -> Result<(), Trouble> {
    Err(match answer {
        0 => return Ok(()),
        1 => Trouble::Pending,
        2 => Trouble::Gone,
        6 => Trouble::Short,
        _ => Trouble::Failed(ErrorKind::Other),
    })
}

fn codes(name: Name) -> (u32, u32) {
    match name {
        Name::Segment(number) => (0, number.0),
        Name::Pin => (1, 0),
    }
}

impl Medium for PageMedium {
    fn rules(&self) -> Rules {
        Rules { write_bytes: 1, segment_bytes: 1 << 30, pin: true }
    }

    fn next(&self, after: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        found(next(after.map_or(NO_SEGMENT, |number| number.0)))
    }

    fn previous(&self, before: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble> {
        found(previous(before.map_or(NO_SEGMENT, |number| number.0)))
    }

    fn len(&self, name: Name) -> Result<u64, Trouble> {
        let (kind, segment) = codes(name);
        let mut bytes = 0;
        // SAFETY: the page writes eight bytes at most, and `bytes` has them.
        done(unsafe { len(kind, segment, &mut bytes) })?;
        Ok(bytes)
    }

    fn read(&self, name: Name, at: u64, to: &mut [u8]) -> Result<(), Trouble> {
        let (kind, segment) = codes(name);
        // SAFETY: the page writes `to.len()` bytes at most.
        done(unsafe { read(kind, segment, at, to.as_mut_ptr(), to.len()) })
    }
}

impl Host for PageHost {
    fn now(&self) -> u64 {
        now()
    }

    fn random(&self, to: &mut [u8]) -> bool {
        // SAFETY: the page writes `to.len()` bytes.
        unsafe { random(to.as_mut_ptr(), to.len()) == 0 }
    }

    fn go_on(&self, far: &Progress) -> bool {
        progress(far.done, far.total) == 0
    }
}

/// Tells of a version or draft.
pub fn tell_version(id: Id, record: &Record<'_>) {
    let (name, snapshot) = (record.name, record.snapshot);
    let is_draft = i32::from(record.kind == RecordKind::Draft);
    let (name_at, snapshot_at) = (name.as_ptr(), snapshot.as_ptr());
    // SAFETY: the page only reads, and only during the call.
    unsafe { version(id.0.as_ptr(), is_draft, record.time, record.disk_size, name_at, name.len(), snapshot_at, snapshot.len()) }
}

/// Tells of a version that damage hits, or of one whose record cannot be read.
pub fn tell_hit(id: Id) {
    // SAFETY: the page only reads, and only during the call.
    unsafe { hit(id.0.as_ptr()) }
}

/// Tells of what a check met.
pub fn tell_event(event: &Event) {
    match event {
        Event::Finding(damage) => {
            let kind = damage.kind.name();
            let (segment, offset) = damage.place.map_or((-1, 0), |place| (place.segment.0.into(), place.offset));
            // SAFETY: the page only reads, and only during the call.
            unsafe { finding(kind.as_ptr(), kind.len(), segment, offset) }
        }
        Event::Hit { id, .. } => tell_hit(*id),
        _ => {}
    }
}

/// Tells the end of a check.
pub fn tell_report(report: &Report) {
    checked(report.segments, report.entries, report.bytes, report.versions, report.findings, report.hit);
}

/// Tells why a call failed.
pub fn tell_failure(error: &Error) {
    let mut text = Text { bytes: [0; 256], len: 0 };
    // What does not fit is cut off.
    if core::fmt::write(&mut text, format_args!("{error:?}")).is_ok() || text.len > 0 {
        // SAFETY: the page only reads, and only during the call.
        unsafe { failed(text.bytes.as_ptr(), text.len) }
    }
}

struct Text {
    bytes: [u8; 256],
    len: usize,
}

impl core::fmt::Write for Text {
    fn write_str(&mut self, text: &str) -> core::fmt::Result {
        let end = self.len.saturating_add(text.len());
        let to = self.bytes.get_mut(self.len..end).ok_or(core::fmt::Error)?;
        to.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}
