//! import: a stream of differences becomes a version.

use crate::handle;
use crate::host::sarsen_watch;
use crate::memory::{Limits, Room, room_for, room_for_bytes};
use crate::repository::{Held, Repository, sarsen_repository};
use crate::status::{Stop, answer, sarsen_fault, sarsen_status, sarsen_status::*, tell};
use crate::stream::sarsen_source;
use crate::task::sarsen_report;
use crate::text::optional;
use crate::version::Meant;
use crate::work::{Inner as Bench, sarsen_work};
use core::ffi::{c_char, c_void};
use sarsen_core::draft::{Frames, Held as Frame};
use sarsen_core::host::Progress;
use sarsen_core::ops::import::{Imported, Memory, Options, Report, TEXTS_BYTES, import, record_bytes};
use sarsen_core::types::narrow;

/// How to import. All zeros, or NULL, is a right one for a stream of `sarsen_export`, which names its base itself.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_import_options {
    /// The version it is laid on, as in `sarsen_version_describe`. NULL: as the stream says; streams of rbd that tell differences must be told.
    pub base: *const c_char,
    /// What the disk is called. NULL: as the stream says, or as the base is called.
    pub name: *const c_char,
    /// What the snapshot is called. NULL: as the stream says.
    pub snapshot: *const c_char,
    /// Bytes of the stream; 0 if that is not known.
    pub len_bytes: u64,
    /// Who is told how it comes along.
    pub watch: sarsen_watch,
}

/// Read of the stream at once.
const INPUT_BYTES: usize = 512;

/// Bytes an import needs.
pub const fn needed(limits: &Limits) -> usize {
    let texts = room_for_bytes(INPUT_BYTES) + room_for_bytes(TEXTS_BYTES);
    let frames = room_for::<Frame>(limits.frames) + room_for_bytes(limits.frames * narrow(limits.frame_bytes() as u64));
    texts + room_for_bytes(record_bytes(limits.frame_bytes())) + room_for_bytes(limits.manifest()) + frames
}

fn told(report: &Report) -> sarsen_report {
    sarsen_report {
        version: report.version.0,
        disk_bytes: report.disk_size,
        read_bytes: report.statistics.read_bytes,
        data_bytes: report.statistics.data_bytes,
        new_blocks: report.statistics.new_blocks,
        new_bytes: report.statistics.new_bytes,
        ..sarsen_report::NONE
    }
}

fn cut(room: &mut Room, limits: &Limits) -> Result<Memory<'static>, Stop> {
    let frame_bytes = narrow(limits.frame_bytes().into());
    Ok(Memory {
        texts: room.bytes(TEXTS_BYTES)?,
        record: room.bytes(record_bytes(limits.frame_bytes()))?,
        pages: room.bytes(limits.manifest())?,
        frames: Frames {
            held: room.items(limits.frames, Frame::FREE)?,
            bytes: room.bytes(limits.frames.saturating_mul(frame_bytes))?,
        },
        // What is left: more is faster.
        input: {
            let left = room.left() & !7;
            room.bytes(left)?
        },
    })
}

struct Texts<'a> {
    base: Option<&'a str>,
    name: Option<&'a str>,
    snapshot: Option<&'a str>,
    len_bytes: u64,
}

fn lay(
    held: &mut Held<'_>,
    texts: &Texts<'static>,
    source: &mut sarsen_source,
    memory: Memory<'static>,
    bench: &mut Bench,
) -> Result<sarsen_report, Stop> {
    let base = match texts.base {
        Some(base) => Some(Meant::version(base, held.walked())?.entry.link),
        None => None,
    };
    let len_bytes = Some(texts.len_bytes).filter(|&len| len > 0);
    let options = Options { format: None, base, name: texts.name, snapshot: texts.snapshot, len_bytes };
    held.loaded()?;
    match import(held.walked(), source, &options, memory, &mut bench.work())? {
        Imported::Version(report) => Ok(told(&report)),
        Imported::Interrupted { position, .. } => Err(Stop::detailed(SARSEN_STREAM_INTERRUPTED, position)),
    }
}

/// # Safety
/// As `sarsen_import`.
unsafe fn run(
    body: &Repository,
    source: *const sarsen_source,
    options: *const sarsen_import_options,
    (memory, memory_bytes): (*mut c_void, usize),
    work: *mut sarsen_work,
) -> Result<sarsen_report, Stop> {
    // SAFETY: as the caller promised.
    let (source, options, lent) = unsafe { (source.as_ref(), options.as_ref(), handle::body(work)?.lend()?) };
    let mut source = *source.ok_or(Stop::from(SARSEN_BAD_ARGUMENT))?;
    let (texts, watch) = match options {
        // SAFETY: as the caller promised.
        Some(options) => unsafe {
            let (base, name) = (optional(options.base)?, optional(options.name)?);
            let texts = Texts { base, name, snapshot: optional(options.snapshot)?, len_bytes: options.len_bytes };
            (texts, options.watch)
        },
        None => (Texts { base: None, name: None, snapshot: None, len_bytes: 0 }, sarsen_watch::NOBODY),
    };
    let mut held = body.share()?;
    // SAFETY: as the caller promised.
    let mut room = unsafe { Room::of(memory, memory_bytes, needed(&body.limits)) }?;
    body.surroundings.watched_by(watch, Progress::default());
    let done = cut(&mut room, &body.limits).and_then(|memory| lay(&mut held, &texts, &mut source, memory, lent.inner));
    body.surroundings.unwatched();
    room.give_up();
    done
}

/// Reads a stream to its end and makes a version of it, on the calling thread: one of `sarsen_export`, or of Ceph's `rbd export-diff`.
///
/// A stream of ours gives the very disk it tells of, or `SARSEN_STREAM_OUTCOME` and nothing. One that ends too soon leaves what its whole records told
/// as a draft: `SARSEN_STREAM_INTERRUPTED`, and a stream that starts at the fault's `detail`, or before, goes on from there.
/// The repository is in use until the call returns, while the stream is waited for too. `memory`: `SARSEN_NEED_IMPORT` bytes, used only during the call;
/// more makes it faster. NULL: as in `sarsen_backup_begin`. `options` and `report` may be NULL.
///
/// # Safety
/// Pointers are NULL or valid, texts end with a zero byte, the callback may be called with its context, and `memory` is used by nobody else.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_import(
    repository: *mut sarsen_repository,
    source: *const sarsen_source,
    options: *const sarsen_import_options,
    memory: *mut c_void,
    memory_bytes: usize,
    work: *mut sarsen_work,
    report: *mut sarsen_report,
    fault: *mut sarsen_fault,
) -> sarsen_status {
    // SAFETY: as the caller promised.
    unsafe {
        let done = handle::body(repository).and_then(|body| run(body, source, options, (memory, memory_bytes), work));
        answer(done.map(|done| tell(report, done)), fault)
    }
}
