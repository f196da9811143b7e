//! Segments being written: how long each is, and what of it is not yet durable.
//!
//! Invariant: a file with bytes that were appended and not synced stays open until they are, because the system tells a failed write-back only to
//! descriptors that were open when it failed. It tells it once; therefore a tail that failed once stays failed.

use super::names;
use crate::mutex::locked;
use crate::trouble::trouble;
use sarsen_core::error::Trouble;
use sarsen_core::types::{SegmentNumber, wide};
use std::collections::BTreeMap;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Mutex;

/// Whenever so much was appended the system is told to begin writing it, so that a sync finds little left to do and the disk is busy meanwhile.
const WRITE_BEHIND_BYTES: u64 = 4 << 20;

/// What is known of a segment's end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// All of it is durable, and so is its name.
    Durable,
    /// Something was appended, or the name may be new.
    Pending,
    /// A write or a sync failed: what lies behind the last good sync is not known, and never will be.
    Failed,
}

#[derive(Debug)]
struct Tail {
    file: File,
    len_bytes: u64,
    /// The system was told to write everything before.
    begun_bytes: u64,
    /// Whether the directory was synced since the name was made.
    name_durable: bool,
    state: State,
}

/// The tails of one writer.
#[derive(Debug, Default)]
pub(super) struct Tails {
    tails: Mutex<BTreeMap<SegmentNumber, Tail>>,
}

impl Tails {
    /// Makes an empty segment. Those that are durable are closed, so that the number of open files follows the work under way.
    pub(super) fn create(&self, root: &Path, segment: SegmentNumber) -> Result<(), Trouble> {
        let path = names::segment_path(root, segment);
        let file = OpenOptions::new().write(true).create_new(true).open(path).map_err(trouble)?;
        let mut tails = locked(&self.tails);
        tails.retain(|_, tail| tail.state != State::Durable);
        tails.insert(segment, Tail { file, len_bytes: 0, begun_bytes: 0, name_durable: false, state: State::Pending });
        Ok(())
    }

    /// Adds bytes at the segment's end.
    pub(super) fn append(&self, root: &Path, segment: SegmentNumber, bytes: &[u8]) -> Result<(), Trouble> {
        let mut tails = locked(&self.tails);
        let tail = match tails.entry(segment) {
            std::collections::btree_map::Entry::Occupied(held) => held.into_mut(),
            std::collections::btree_map::Entry::Vacant(gap) => {
                gap.insert(Tail::open(&names::segment_path(root, segment)).map_err(trouble)?)
            }
        };
        tail.append(bytes)
    }

    /// Makes what was appended durable, and the name. Of a segment not being written too: an earlier process may have left it to the system's cache.
    pub(super) fn sync(&self, root: &Path, segment: SegmentNumber) -> Result<(), Trouble> {
        match locked(&self.tails).get_mut(&segment) {
            Some(tail) => tail.sync(root),
            None => sync_unheld(root, segment).map_err(trouble),
        }
    }

    /// Closes a segment that is to be removed.
    pub(super) fn forget(&self, segment: SegmentNumber) {
        locked(&self.tails).remove(&segment);
    }
}

impl Tail {
    /// A segment that exists; whether its name is durable is not known.
    fn open(path: &Path) -> io::Result<Tail> {
        let file = OpenOptions::new().write(true).open(path)?;
        let len_bytes = file.metadata()?.len();
        Ok(Tail { file, len_bytes, begun_bytes: len_bytes, name_durable: false, state: State::Pending })
    }

    fn append(&mut self, bytes: &[u8]) -> Result<(), Trouble> {
        self.attempt(|tail| tail.file.write_all_at(bytes, tail.len_bytes))?;
        self.len_bytes += wide(bytes.len());
        self.state = State::Pending;
        let full_bytes = self.len_bytes - self.len_bytes % WRITE_BEHIND_BYTES; // whole pages: one that is being written is not touched again
        if full_bytes > self.begun_bytes {
            begin_writing(&self.file, self.begun_bytes, full_bytes - self.begun_bytes);
            self.begun_bytes = full_bytes;
        }
        Ok(())
    }

    fn sync(&mut self, root: &Path) -> Result<(), Trouble> {
        self.attempt(|tail| {
            tail.file.sync_data()?;
            if tail.name_durable { Ok(()) } else { sync_directory(&root.join(names::SEGMENTS)) }
        })?;
        self.name_durable = true;
        self.state = State::Durable;
        Ok(())
    }

    /// Does what must not be done again once it failed.
    fn attempt(&mut self, act: impl FnOnce(&Tail) -> io::Result<()>) -> Result<(), Trouble> {
        if self.state == State::Failed {
            return Err(Trouble::Failed(embedded_io::ErrorKind::BrokenPipe));
        }
        act(self).map_err(|error| {
            self.state = State::Failed;
            trouble(error)
        })
    }
}

/// Begins to write a range without waiting. Linux does so when told that the range is not needed; what is dirty or being written stays cached.
/// Only a hint: where it is not taken, or fails, the sync does all.
#[cfg(target_os = "linux")]
fn begin_writing(file: &File, from: u64, len_bytes: u64) {
    rustix::fs::fadvise(file, from, std::num::NonZeroU64::new(len_bytes), rustix::fs::Advice::DontNeed).unwrap_or_default();
}

#[cfg(not(target_os = "linux"))]
fn begin_writing(_file: &File, _from: u64, _len_bytes: u64) {}

fn sync_unheld(root: &Path, segment: SegmentNumber) -> io::Result<()> {
    File::open(names::segment_path(root, segment))?.sync_all()?;
    sync_directory(&root.join(names::SEGMENTS))
}

/// Makes the names in a directory durable.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}
