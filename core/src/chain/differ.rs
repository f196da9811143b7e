//! In which sectors a block differs from what was there before: another block, a disk, or nothing.

use super::{Part, Stack, shape};
use crate::delta::{SECTOR_BYTES, diff};
use crate::digest::is_zero;
use crate::disk::Disk;
use crate::error::{Error, Memory};
use crate::format::block::{frame_count, frame_len};
use crate::format::bytes::{Reader, Writer};
use crate::format::header::Parameters;
use crate::frame::{RUN_BYTES, Scratch, Work, plain_digest};
use crate::types::{DIGEST_BYTES, Digest, low32, narrow, wide};
use core::ops::Range;

/// What a block is compared with.
#[derive(Clone, Copy)]
pub enum Old<'a> {
    /// Zeros.
    Zeros,
    /// A block that is stored; it may be longer or shorter.
    Stored(Stack<'a>),
    /// A disk, from this offset on; behind its end are zeros.
    Disk(&'a dyn Disk, u64),
}

/// A run of bytes that differ, within a block.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// Bytes from the block's start.
    pub within: u32,
    /// How many bytes.
    pub len_bytes: u32,
    /// Whether they are all zero now; otherwise they lie in [`Work::raw`].
    pub zero: bool,
}

impl Run {
    /// Runs that [`differ`] has left.
    pub fn read(work: &[u8], runs: Range<u32>) -> impl Iterator<Item = Run> + '_ {
        let bytes = narrow(runs.start.into())..narrow(runs.end.into());
        work.get(bytes).unwrap_or(&[]).chunks_exact(RUN_BYTES).filter_map(|bytes| {
            let mut fields = Reader(bytes);
            Some(Run { within: fields.u32().ok()?, len_bytes: fields.u32().ok()?, zero: fields.u8().ok()? == 1 })
        })
    }
}

/// Compares a block of `raw_bytes`, zeros if there is no `new`, with what was there before. The runs lie in `work.packed`, in order and without any
/// two that touch and are alike; their bytes in `work.raw`. Only frames whose digests differ are decoded. Where `work.scratch` has only room to read,
/// there is none for a frame as it was before: then all of a frame that differs is told, and not only the sectors that do.
pub fn differ(
    parameters: &Parameters,
    old: &Old<'_>,
    new: Option<&Stack<'_>>,
    raw_bytes: u32,
    work: &mut Work<'_>,
) -> Result<Range<u32>, Error> {
    let shape = shape(parameters);
    // What is known of frames is known of both blocks in turn, of which the old one may be the longer.
    let old_bytes = if let Old::Stored(stack) = old { stack.raw_bytes } else { 0 };
    let scratch = Scratch::of(&shape, raw_bytes.max(old_bytes), work.scratch)?;
    let by_sectors = scratch.can_write(&shape);
    let Scratch { mut known, table, body, base, stored } = scratch;
    let frames = frame_count(raw_bytes, shape.frame_bytes);
    let (digests, runs) = work.packed.split_at_mut_checked(narrow(frames.into()).saturating_mul(DIGEST_BYTES)).ok_or(full())?;
    let start = digests.len();
    digests.fill(0);
    if let Old::Stored(stack) = old {
        // What is known of frames is known of one block at a time.
        let shared = frames.min(stack.frames());
        stack.resolve(Part { from: 0, first: 0, end: stack.frames() }, &mut known, table, &mut |_, _| {})?;
        for (frame, digest) in (0..narrow(shared.into())).zip(digests.chunks_exact_mut(DIGEST_BYTES)) {
            Writer::new(digest).bytes(&known.get(frame).plain.0);
        }
    }
    if let Some(stack) = new {
        stack.resolve(Part { from: 0, first: 0, end: frames }, &mut known, table, &mut |_, _| {})?;
    }
    let (runs, spare) = runs.split_at_mut(match by_sectors {
        true => runs.len(),
        false => runs.len().saturating_sub(narrow(shape.frame_bytes.into())),
    });
    let stored = if by_sectors { stored } else { spare };
    let mut runs = Runs { to: runs, len: 0, last: None };
    for (frame, digest) in (0..frames).zip(digests.chunks_exact(DIGEST_BYTES)) {
        let plain = new.map_or(Digest::ZERO, |_| known.get(narrow(frame.into())).plain);
        let was = Digest(digest.first_chunk().copied().unwrap_or_default());
        let within = frame.saturating_mul(shape.frame_bytes);
        let len = frame_len(raw_bytes, shape.frame_bytes, frame);
        let range = narrow(within.into())..narrow(within.saturating_add(len).into());
        let to = work.raw.get_mut(range).ok_or(full())?;
        let old_len = match old {
            Old::Zeros if plain == Digest::ZERO => continue,
            Old::Zeros => 0,
            Old::Stored(stack) => {
                let old_len = frame_len(stack.raw_bytes, shape.frame_bytes, frame);
                if was == plain && (old_len == len || plain == Digest::ZERO) {
                    continue;
                }
                if by_sectors && old_len > 0 && was != Digest::ZERO {
                    stack.read_frame(0, frame, table, stored, body, base, work.codecs)?;
                } else {
                    base.fill(0);
                }
                old_len
            }
            Old::Disk(disk, offset) => {
                let at = offset.saturating_add(within.into());
                let old_len = low32(disk.size().saturating_sub(at).min(len.into()));
                let held = if by_sectors { &mut *base } else { &mut *to };
                let held = held.get_mut(..narrow(old_len.into())).ok_or(full())?;
                crate::disk::read(*disk, at, held)?;
                if old_len == len && plain_digest(shape.algorithm, held) == plain {
                    continue;
                }
                old_len
            }
        };
        match new {
            Some(stack) if plain != Digest::ZERO => {
                stack.read_frame(0, frame, table, stored, body, to, work.codecs)?;
            }
            _ => to.fill(0),
        }
        // What was zeros, because there was nothing, needs no room.
        let told = match by_sectors || old_len == 0 {
            true => {
                let before = base.get(..narrow(old_len.min(len).into())).unwrap_or(&[]);
                diff(before, to, SECTOR_BYTES, |run| runs.push(within, to, run))
            }
            false => runs.push(within, to, 0..to.len()),
        };
        if !told {
            return Err(full());
        }
    }
    let end = start.saturating_add(runs.len);
    Ok(low32(wide(start))..low32(wide(end)))
}

fn full() -> Error {
    Error::Memory { memory: Memory::Buffer, needed: 0 }
}

struct Runs<'t> {
    to: &'t mut [u8],
    len: usize,
    /// The last one, which may still grow.
    last: Option<Run>,
}

impl Runs<'_> {
    /// Takes a run of a frame that lies `at` in its block, sectors of zeros apart from the others; false if there is no more room.
    fn push(&mut self, at: u32, frame: &[u8], run: Range<usize>) -> bool {
        let mut start = run.start;
        frame.get(run).unwrap_or(&[]).chunks(SECTOR_BYTES).all(|sector| {
            let within = at.saturating_add(low32(wide(start)));
            start = start.saturating_add(sector.len());
            self.add(Run { within, len_bytes: low32(wide(sector.len())), zero: is_zero(sector) })
        })
    }

    fn add(&mut self, run: Run) -> bool {
        let joined = self.last.filter(|last| last.zero == run.zero && last.within.saturating_add(last.len_bytes) == run.within);
        let at = match joined {
            Some(_) => self.len.saturating_sub(RUN_BYTES),
            None => self.len,
        };
        let run = joined.map_or(run, |last| Run { len_bytes: last.len_bytes.saturating_add(run.len_bytes), ..last });
        let Some(to) = self.to.get_mut(at..at.saturating_add(RUN_BYTES)) else { return false };
        Writer::new(to).u32(run.within).u32(run.len_bytes).u8(run.zero.into());
        (self.len, self.last) = (at.saturating_add(RUN_BYTES), Some(run));
        true
    }
}
