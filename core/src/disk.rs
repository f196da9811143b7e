//! Disks: what is backed up from and restored to. Lent by the caller.

use crate::error::Error;
use crate::types::{narrow, wide};
use embedded_io::ErrorKind;

/// A piece of a disk that is data throughout, or a hole throughout.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Extent {
    /// Bytes from the disk's start.
    pub offset: u64,
    /// Bytes; more than 0 unless at the end of the disk.
    pub len_bytes: u64,
    /// Reads as zeros and need not be read.
    pub hole: bool,
}

/// What a backup has to do with a range of a disk, where it is known what changed since the base.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// Read it: some of it may hold anything, or only a part of it is zero.
    Read,
    /// Take it for zeros.
    Zero,
    /// Take it from the base: nothing in it changed.
    Keep,
}

/// A disk to read.
pub trait Disk {
    /// Bytes; must not change while it is used.
    fn size(&self) -> u64;
    /// Fills `to` from `offset`, or fails; never partly.
    fn read_at(&self, offset: u64, to: &mut [u8]) -> Result<(), ErrorKind>;
    /// Whether it is known to have changed since it was opened.
    fn changed(&self) -> bool {
        false
    }
    /// What a backup on a base has to do with a range; the default knows nothing of any base.
    fn wanted(&self, _offset: u64, _len_bytes: u64) -> Wanted {
        Wanted::Read
    }
    /// The first byte from `from` on that is not to be kept; the disk's size if there is none.
    fn next_wanted(&self, from: u64) -> u64 {
        from
    }
    /// The extent that begins at `offset`. The default knows of no holes.
    fn next_extent(&self, offset: u64) -> Result<Extent, ErrorKind> {
        Ok(Extent { offset, len_bytes: self.size().saturating_sub(offset), hole: false })
    }
}

/// A disk to write. `&self`, so that a target can be shared; the implementation orders its own writes.
pub trait DiskMut {
    /// Writes all of `from` at `offset`, or fails.
    fn write_at(&self, offset: u64, from: &[u8]) -> Result<(), ErrorKind>;
    /// Makes `len_bytes` from `offset` read as zeros.
    fn zero(&self, offset: u64, len_bytes: u64) -> Result<(), ErrorKind>;
    /// Makes everything written durable.
    fn flush(&self) -> Result<(), ErrorKind>;
}

/// Fills `to` from `offset`; holes are not read.
pub fn read(disk: &dyn Disk, offset: u64, to: &mut [u8]) -> Result<(), Error> {
    let failed = |at| move |kind| Error::Disk { offset: at, kind };
    let (mut at, mut rest) = (offset, to);
    while !rest.is_empty() {
        let extent = disk.next_extent(at).map_err(failed(at))?;
        let left = extent.offset.saturating_add(extent.len_bytes).saturating_sub(at);
        let len = match narrow(left).min(rest.len()) {
            0 => rest.len(),
            len => len,
        };
        let (part, behind) = rest.split_at_mut_checked(len).unwrap_or_default();
        match extent.hole {
            true => part.fill(0),
            false => disk.read_at(at, part).map_err(failed(at))?,
        }
        at = at.saturating_add(wide(len));
        rest = behind;
    }
    Ok(())
}
