//! Memory that is lent: how much each handle needs, and how it is cut up.

use crate::status::{Stop, sarsen_status, sarsen_status::*};
use crate::{SARSEN_ABI_VERSION, draft, import, job, repository, task, version, work};
use core::ffi::c_void;
use core::mem::{align_of, size_of};
use sarsen_core::codec::CodecId;
use sarsen_core::damage::Marked;
use sarsen_core::digest::Algorithm;
use sarsen_core::error::{Error, Memory};
use sarsen_core::format::commit::{FIXED_LEN, HISTORY_LEN};
use sarsen_core::format::entry;
use sarsen_core::format::header::Parameters;
use sarsen_core::format::page::{BASE_LEN, HEAD_LEN, ROW_LEN_MAX, RUN_LEN};
use sarsen_core::format::{record, row};
use sarsen_core::frame::{packed_bytes, packed_bytes_uncoded, raw_bytes, read_scratch_bytes, scratch_bytes};
use sarsen_core::index::Slot;
use sarsen_core::ops::init;
use sarsen_core::tree::slot_bytes;
use sarsen_core::types::{narrow, wide};

/// What is chosen when a repository is made, and never changes; and how much it, and what is opened on it, may need. Fill it by
/// `sarsen_config_init` and change what you like.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct sarsen_config {
    /// `SARSEN_ABI_VERSION`.
    pub abi_version: u32,
    /// Chosen once: the greatest length of a segment in bytes; a multiple of the alignment, at most 2^30.
    pub segment_bytes: u32,
    /// Chosen once: 1 SHA-256, 2 BLAKE3 (hosted build).
    pub digest: u8,
    /// Chosen once: 0 none; 1 LZ4, 2 Zstandard, 3 zlib (hosted build).
    pub codec: u8,
    /// Chosen once: log2 of the bytes of a block: 12 to 24.
    pub block_log2: u8,
    /// Chosen once: log2 of the bytes of a frame: 12 to that of the block, at most 4096 of them in it.
    pub frame_log2: u8,
    /// Chosen once: log2 of the rows of a page: 4 to 8.
    pub fan_out_log2: u8,
    /// Chosen once: log2 of the alignment in bytes: 4 to 12, at least that of the medium's `write_bytes`.
    pub align_log2: u8,
    /// Chosen once: how many older commits a commit lists: 0 to 64.
    pub history: u16,
    /// Memory: levels of the largest tree: rows^levels blocks of a disk, segments and versions can be dealt with. 1 to 9.
    pub levels: u8,
    /// Memory: 1 to give workers room for blocks that lie on others (four frames more); with 0 such blocks are stored whole, and those that were
    /// stored elsewhere through a codec cannot be read, and differences are told in whole frames instead of sectors.
    pub deltas: u8,
    /// Memory: how many damaged places can be known.
    pub marks: u16,
    /// Memory: slots of the index, 16 bytes each: one for each block and manifest page that is stored.
    pub objects: u32,
    /// Memory: segments that gc and compact can count; 0 if you call neither.
    pub segments: u32,
    /// Memory: hints that a backup can be given.
    pub hints: u32,
    /// Memory: frames of the disk that a draft or an import keeps; 1 at least, with those of two blocks a block is seldom stored twice.
    pub frames: u32,
}

/// What `sarsen_config_init` fills in.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum sarsen_preset {
    /// Microcontrollers: blocks and frames of 4 KiB, SHA-256, no codec, segments of 32 KiB, two levels, an index for 256 objects.
    SARSEN_SMALL = 0,
    /// Hosts: blocks of 4 MiB, frames of 128 KiB, SHA-256, segments of 64 MiB, nine levels, an index for 65,536 objects (256 GiB of blocks).
    /// Zstandard in the hosted build, no codec in the bare one.
    SARSEN_LARGE = 1,
}

/// What memory is needed for.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum sarsen_need {
    /// `sarsen_repository_format` and `sarsen_repository_open`.
    SARSEN_NEED_REPOSITORY = 0,
    /// `sarsen_work_open`: what one worker works with.
    SARSEN_NEED_WORK = 1,
    /// `sarsen_work_open`: the same, and room for the task of any blocking verb.
    SARSEN_NEED_WORK_AND_TASK = 2,
    /// `sarsen_version_open`.
    SARSEN_NEED_VERSION = 3,
    /// `sarsen_draft_begin`.
    SARSEN_NEED_DRAFT = 4,
    /// Any `sarsen_..._begin` that makes a task.
    SARSEN_NEED_TASK = 5,
    /// `sarsen_import` and `sarsen_import_begin`.
    SARSEN_NEED_IMPORT = 6,
}

/// The longest record that is written or read at least: in the bare build names and some tags, as the format's own limit would take half of a small
/// chip's memory.
const RECORD_BYTES: usize = if cfg!(feature = "hosted") { record::LEN_MAX } else { 1024 };
/// Bytes of the widest row of a table with more than one level: of the segment table. The damage list has wider ones, but no second level with as
/// few marks as are kept.
const ROW_BYTES: usize = row::LEN;
/// Bytes of a manifest's row.
const ID_BYTES: usize = 32;
/// Lines of a footer read at once: few where memory is.
const LINES: usize = if cfg!(feature = "hosted") { 10 } else { 5 };

/// A config that was checked so far that memory can be cut by it.
#[derive(Clone, Copy)]
pub struct Limits {
    pub options: init::Options,
    pub levels: usize,
    pub deltas: bool,
    pub marks: usize,
    pub objects: usize,
    pub segments: usize,
    pub hints: usize,
    pub frames: usize,
}

impl sarsen_config {
    /// The engine checks the values once more where they are chosen; here only what memory cannot be cut by is refused.
    pub fn limits(&self) -> Result<Limits, Stop> {
        if self.abi_version != SARSEN_ABI_VERSION {
            return Err(Stop::detailed(SARSEN_OTHER_ABI, SARSEN_ABI_VERSION.into()));
        }
        let refused = Stop::from(SARSEN_BAD_PARAMETER);
        let ranges = [
            (self.block_log2, 12, 24),
            (self.frame_log2, 12, self.block_log2),
            (self.fan_out_log2, 4, 8),
            (self.align_log2, 4, 12),
            (self.levels, 1, 9),
        ];
        if ranges.iter().any(|(value, least, most)| value < least || value > most) || self.history > 64 {
            return Err(refused);
        }
        Ok(Limits {
            options: init::Options {
                algorithm: Algorithm::from_code(self.digest).ok_or(refused)?,
                codec: CodecId::from_code(self.codec).ok_or(refused)?,
                block_log2: self.block_log2,
                frame_log2: self.frame_log2,
                fan_out_log2: self.fan_out_log2,
                align_log2: self.align_log2,
                history: self.history,
                segment_bytes: self.segment_bytes,
            },
            levels: self.levels.into(),
            deltas: self.deltas != 0,
            marks: self.marks.into(),
            objects: narrow(self.objects.into()),
            segments: narrow(self.segments.into()),
            hints: narrow(self.hints.into()),
            frames: narrow(self.frames.max(1).into()),
        })
    }
}

impl Limits {
    /// Memory for a repository with these parameters, of any size.
    #[cfg(feature = "hosted")]
    pub fn of(parameters: &Parameters) -> Limits {
        let options = options_of(parameters);
        let frames = 2usize << options.block_log2.saturating_sub(options.frame_log2);
        Limits { options, levels: 9, deltas: true, marks: 0, objects: 0, segments: 0, hints: 0, frames }
    }

    /// Holds them to what a repository turns out to be like: no buffer may be smaller than that needs.
    pub fn hold(self, parameters: &Parameters) -> Result<Limits, Stop> {
        let actual = Limits { options: options_of(parameters), ..self };
        let pairs = [
            (actual.raw(), self.raw()),
            (actual.packed(), self.packed()),
            (actual.scratch(), self.scratch()),
            (actual.buffer(), self.buffer()),
            (actual.manifest(), self.manifest()),
        ];
        match pairs.into_iter().find(|(needed, lent)| needed > lent) {
            Some((needed, _)) => Err(Stop::detailed(SARSEN_BUFFER_TOO_SMALL, wide(needed))),
            None => Ok(actual),
        }
    }

    const fn rows(&self) -> usize {
        1 << self.options.fan_out_log2
    }

    const fn block_bytes(&self) -> u32 {
        1 << self.options.block_log2
    }

    pub const fn frame_bytes(&self) -> u32 {
        1 << self.options.frame_log2
    }

    pub const fn raw(&self) -> usize {
        raw_bytes(self.block_bytes())
    }

    pub const fn packed(&self) -> usize {
        let (block, frame, alignment) = (self.block_bytes(), self.frame_bytes(), 1 << self.options.align_log2);
        let block = match cfg!(feature = "hosted") {
            true => packed_bytes(block, frame, alignment),
            // There is no codec that could ask for more room than a frame has.
            false => packed_bytes_uncoded(block, frame, alignment),
        };
        // Where blocks are small, a page or a record is the largest entry to be checked.
        larger(block, self.buffer())
    }

    pub const fn scratch(&self) -> usize {
        match self.deltas {
            true => scratch_bytes(self.block_bytes(), self.frame_bytes()),
            false => read_scratch_bytes(self.block_bytes(), self.frame_bytes()),
        }
    }

    /// One entry of a tree, a record or a commit.
    pub const fn buffer(&self) -> usize {
        let alignment = 1usize << self.options.align_log2;
        let page = HEAD_LEN + BASE_LEN + self.rows() * (ROW_LEN_MAX + RUN_LEN);
        let commit = FIXED_LEN + HISTORY_LEN * self.options.history as usize;
        let payload = larger(larger(page, commit), RECORD_BYTES);
        (entry::LEN + payload).div_ceil(alignment) * alignment
    }

    /// Lines of a footer, or rows of a commit's history.
    pub const fn chunk(&self) -> usize {
        larger(LINES * entry::LINE_LEN, HISTORY_LEN * self.options.history as usize)
    }

    /// A path through a table.
    pub const fn table(&self) -> usize {
        match self.levels > 1 {
            true => self.page(ROW_BYTES) * self.levels,
            false => self.page(ROW_LEN_MAX),
        }
    }

    /// A path through a manifest.
    pub const fn manifest(&self) -> usize {
        self.page(ID_BYTES) * self.levels
    }

    /// A page with rows of so many bytes.
    const fn page(&self, row_bytes: usize) -> usize {
        slot_bytes(self.rows() * row_bytes, self.options.fan_out_log2)
    }

    /// A path through either.
    pub const fn tree(&self) -> usize {
        larger(self.table(), self.manifest())
    }

    pub const fn index(&self) -> usize {
        room_for::<Marked>(self.marks) + room_for::<Slot>(self.objects)
    }

    fn need(&self, need: sarsen_need) -> usize {
        match need {
            sarsen_need::SARSEN_NEED_REPOSITORY => repository::needed(self),
            sarsen_need::SARSEN_NEED_WORK => work::needed(self),
            sarsen_need::SARSEN_NEED_WORK_AND_TASK => work::needed(self).saturating_add(task::needed_by_any(self)),
            sarsen_need::SARSEN_NEED_VERSION => version::needed(self),
            sarsen_need::SARSEN_NEED_DRAFT => draft::needed(self),
            sarsen_need::SARSEN_NEED_TASK => task::needed_by_any(self),
            sarsen_need::SARSEN_NEED_IMPORT => import::needed(self),
        }
    }
}

fn options_of(parameters: &Parameters) -> init::Options {
    init::Options {
        algorithm: parameters.algorithm,
        block_log2: parameters.block_log2,
        frame_log2: parameters.frame_log2,
        fan_out_log2: parameters.fan_out_log2,
        align_log2: parameters.align_log2,
        codec: parameters.codec,
        segment_bytes: parameters.segment_bytes,
        history: parameters.history,
    }
}

pub const fn larger(one: usize, other: usize) -> usize {
    if one > other { one } else { other }
}

/// All pieces begin at multiples of this.
const ALIGN: usize = 8;

const fn rounded(bytes: usize) -> usize {
    bytes.div_ceil(ALIGN).saturating_mul(ALIGN)
}

/// What a piece of so many bytes takes.
pub const fn room_for_bytes(bytes: usize) -> usize {
    rounded(bytes)
}

/// What so many items take.
pub const fn room_for<T>(count: usize) -> usize {
    const { assert!(align_of::<T>() <= ALIGN) };
    rounded(size_of::<T>().saturating_mul(count))
}

/// Memory being cut up. What is cut stays with whoever is given it until their handle is closed.
pub struct Room {
    at: *mut u8,
    left: usize,
    /// Of the heap; 0 if it is the caller's.
    heap_bytes: usize,
    start: *mut u8,
}

impl Room {
    /// Takes memory that is lent, or in a build with a heap some of that if none is lent.
    ///
    /// # Safety
    /// `memory` is null, or so many bytes are there, used by nobody else until what is made of them is closed.
    pub unsafe fn of(memory: *mut c_void, bytes: usize, needed: usize) -> Result<Room, Stop> {
        let short = Stop::detailed(SARSEN_MEMORY, wide(needed));
        if memory.is_null() {
            #[cfg(feature = "hosted")]
            if let Some(start) = crate::hosted::take(needed) {
                return Ok(Room { at: start, left: needed, heap_bytes: needed, start });
            }
            return Err(short);
        }
        let start = memory.cast::<u8>();
        if start.align_offset(ALIGN) != 0 {
            return Err(SARSEN_MISALIGNED.into());
        }
        if bytes > isize::MAX.unsigned_abs() {
            return Err(SARSEN_BAD_ARGUMENT.into());
        }
        if bytes < needed {
            return Err(short);
        }
        // SAFETY: as the caller promised. From here on all of it has a value, as references to it must.
        unsafe { start.write_bytes(0, bytes) };
        Ok(Room { at: start, left: bytes, heap_bytes: 0, start })
    }

    /// Where it begins.
    pub fn start(&self) -> *mut u8 {
        self.start
    }

    pub fn heap_bytes(&self) -> usize {
        self.heap_bytes
    }

    /// How much is not cut yet.
    pub fn left(&self) -> usize {
        self.left
    }

    /// Gives memory from the heap back, before anything was made of it.
    pub fn give_up(&mut self) {
        #[cfg(feature = "hosted")]
        if self.heap_bytes > 0 {
            // SAFETY: it came from there, and what was cut of it is forgotten by whoever gives up.
            unsafe { crate::hosted::give_back(self.start, self.heap_bytes) };
        }
        (self.left, self.heap_bytes) = (0, 0);
    }

    fn cut(&mut self, len: usize) -> Result<*mut u8, Error> {
        let taken = rounded(len);
        self.left = self.left.checked_sub(taken).ok_or(Error::Memory { memory: Memory::Buffer, needed: wide(len) })?;
        let at = self.at;
        // SAFETY: so much was left behind `at`.
        self.at = unsafe { at.add(taken) };
        Ok(at)
    }

    /// Room for a value that is going to be written.
    pub fn reserve<T>(&mut self) -> Result<*mut T, Error> {
        const { assert!(align_of::<T>() <= ALIGN) };
        self.cut(size_of::<T>()).map(|at| at.cast())
    }

    /// Room for a value that `make` makes, straight in its place: a verb's state is kilobytes, and the stack is what a small chip has least of.
    #[inline(never)]
    pub fn make<T>(&mut self, make: impl FnOnce() -> Result<T, Error>) -> Result<&'static mut T, Error> {
        let at = self.reserve::<T>()?;
        // SAFETY: cut just now with the right size and alignment; stays as in `bytes`.
        unsafe {
            at.write(make()?);
            Ok(&mut *at)
        }
    }

    pub fn bytes(&mut self, len: usize) -> Result<&'static mut [u8], Error> {
        let at = self.cut(len)?;
        // SAFETY: cut just now, so nobody else's; it has values, and stays until the handle is closed, after which nobody uses it.
        Ok(unsafe { core::slice::from_raw_parts_mut(at, len) })
    }

    pub fn put<T>(&mut self, value: T) -> Result<&'static mut T, Error> {
        let at = self.reserve::<T>()?;
        // SAFETY: cut just now with the right size and alignment; stays as in `bytes`.
        unsafe {
            at.write(value);
            Ok(&mut *at)
        }
    }

    pub fn items<T: Copy>(&mut self, count: usize, fill: T) -> Result<&'static mut [T], Error> {
        const { assert!(align_of::<T>() <= ALIGN) };
        let at = self.cut(size_of::<T>().saturating_mul(count))?.cast::<T>();
        for number in 0..count {
            // SAFETY: there is room for `count` items.
            unsafe { at.add(number).write(fill) };
        }
        // SAFETY: all of them were written; they stay as in `bytes`.
        Ok(unsafe { core::slice::from_raw_parts_mut(at, count) })
    }
}

/// Fills a config with what suits a kind of machine.
///
/// `abi_version` is `SARSEN_ABI_VERSION`, `preset` one of `enum sarsen_preset`.
/// Answers `SARSEN_OTHER_ABI`, or `SARSEN_BAD_ARGUMENT` for NULL and presets that do not exist; then nothing was filled.
///
/// # Safety
/// `config` is NULL or may be written.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_config_init(config: *mut sarsen_config, abi_version: u32, preset: i32) -> sarsen_status {
    if abi_version != SARSEN_ABI_VERSION {
        return SARSEN_OTHER_ABI;
    }
    let filled = match preset {
        0 => small(),
        1 => large(),
        _ => return SARSEN_BAD_ARGUMENT,
    };
    if config.is_null() {
        return SARSEN_BAD_ARGUMENT;
    }
    // SAFETY: as the caller promised.
    unsafe { config.write(filled) };
    SARSEN_OK
}

fn small() -> sarsen_config {
    sarsen_config {
        levels: 2,
        deltas: 0,
        marks: 4,
        objects: 256,
        segments: 64,
        hints: 0,
        frames: 2,
        ..chosen(&init::Options::SMALL)
    }
}

fn large() -> sarsen_config {
    let codec = if cfg!(feature = "hosted") { CodecId::Zstd } else { CodecId::None };
    sarsen_config {
        levels: 9,
        deltas: 1,
        marks: 1024,
        objects: 65_536,
        segments: 4096,
        hints: 4096,
        frames: 64,
        ..chosen(&init::Options { codec, ..init::Options::HOST })
    }
}

fn chosen(options: &init::Options) -> sarsen_config {
    sarsen_config {
        abi_version: SARSEN_ABI_VERSION,
        segment_bytes: options.segment_bytes,
        digest: options.algorithm.code(),
        codec: options.codec.code(),
        block_log2: options.block_log2,
        frame_log2: options.frame_log2,
        fan_out_log2: options.fan_out_log2,
        align_log2: options.align_log2,
        history: options.history,
        levels: 1,
        deltas: 0,
        marks: 0,
        objects: 0,
        segments: 0,
        hints: 0,
        frames: 1,
    }
}

/// How many bytes a handle needs, aligned to 8: exactly so many suffice, one less is refused with `SARSEN_MEMORY`.
///
/// `need` is one of `enum sarsen_need`. 0 if the config is NULL, of another ABI version or outside its limits, or if there is no such need.
///
/// # Safety
/// `config` is NULL or may be read.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sarsen_memory_needed(config: *const sarsen_config, need: i32) -> usize {
    // SAFETY: as the caller promised.
    let Some(Ok(limits)) = (unsafe { config.as_ref() }).map(sarsen_config::limits) else { return 0 };
    let all = [
        sarsen_need::SARSEN_NEED_REPOSITORY,
        sarsen_need::SARSEN_NEED_WORK,
        sarsen_need::SARSEN_NEED_WORK_AND_TASK,
        sarsen_need::SARSEN_NEED_VERSION,
        sarsen_need::SARSEN_NEED_DRAFT,
        sarsen_need::SARSEN_NEED_TASK,
        sarsen_need::SARSEN_NEED_IMPORT,
    ];
    all.into_iter().find(|known| *known as i32 == need).map_or(0, |need| limits.need(need))
}

const _: () = assert!(job::FITS);
