//! Media: where segments and the head pin live. docs/FORMAT.md section 15 says what a medium must promise.
//!
//! All methods take `&self`: readers and worker threads share a medium with its one writer. A medium that answers [`Trouble::Pending`] must,
//! once it has fetched a range, keep answering it until at least [`READS_A_STEP`] other ranges were asked for, because a step is repeated from its start.
//! What was appended through it is answered at once: a session reads its own segment back.

use crate::error::Trouble;
use crate::types::SegmentNumber;

/// The most ranges that one step reads before it has moved on.
pub const READS_A_STEP: usize = 2048;

/// What can be read or asked for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Name {
    /// A segment.
    Segment(SegmentNumber),
    /// The head pin.
    Pin,
}

/// What a medium is like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Rules {
    /// The smallest unit that can be written, in bytes: a power of two, at most the repository's alignment.
    pub write_bytes: u32,
    /// The greatest length of a segment, in bytes.
    pub segment_bytes: u32,
    /// Whether it keeps a head pin.
    pub pin: bool,
}

/// A medium to read.
pub trait Medium {
    /// What it is like; constant.
    fn rules(&self) -> Rules;
    /// The lowest segment after `after` (none: the lowest of all).
    fn next(&self, after: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble>;
    /// The highest segment before `before` (none: the highest of all).
    fn previous(&self, before: Option<SegmentNumber>) -> Result<Option<SegmentNumber>, Trouble>;
    /// Its length in bytes.
    fn len(&self, name: Name) -> Result<u64, Trouble>;
    /// Fills `to` from `at`, or fails: [`Trouble::Short`] beyond the end.
    fn read(&self, name: Name, at: u64, to: &mut [u8]) -> Result<(), Trouble>;
    /// Whether it fetches several ranges at once: while one is [`Trouble::Pending`], those that are going to be read next are asked for as well. A step
    /// may then ask for more than [`READS_A_STEP`].
    fn fetches_ahead(&self) -> bool {
        false
    }
    /// The same medium as one to write, if it is one.
    fn writer(&self) -> Option<&dyn MediumMut> {
        None
    }
}

/// A medium to write. Nothing else changes anything.
pub trait MediumMut: Medium {
    /// Makes an empty segment; [`Trouble::Exists`] if there is one.
    fn create(&self, segment: SegmentNumber) -> Result<(), Trouble>;
    /// Adds bytes, a multiple of the alignment, at the segment's end. On failure any part may have been added.
    fn append(&self, segment: SegmentNumber, bytes: &[u8]) -> Result<(), Trouble>;
    /// Makes what was appended, and the segment's name, durable.
    fn sync(&self, segment: SegmentNumber) -> Result<(), Trouble>;
    /// Removes a segment.
    fn remove(&self, segment: SegmentNumber) -> Result<(), Trouble>;
    /// Replaces the head pin, all or nothing.
    fn replace_pin(&self, bytes: &[u8]) -> Result<(), Trouble>;
    /// Keeps `bytes` of space away from appends ([`Trouble::Full`] if they are not there); 0 gives them back.
    fn hold(&self, bytes: u64) -> Result<(), Trouble>;
}
