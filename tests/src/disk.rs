//! Disks and targets in memory, with the faults that real ones have.

use crate::random::Random;
use embedded_io::ErrorKind;
use sarsen_core::disk::{Disk, DiskMut, Extent};
use sarsen_core::types::{narrow, wide};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a read or write that was told to fail says.
pub const BAD_SECTOR: ErrorKind = ErrorKind::Other;
/// What a read beyond the end of a disk that shrank says; as `sarsen-host` does.
pub const SHRANK: ErrorKind = ErrorKind::InvalidData;

/// A disk to back up, that can be changed while it is read.
#[derive(Debug)]
pub struct MemDisk {
    size: u64,
    hole_bytes: Option<usize>,
    inner: Mutex<DiskState>,
}

#[derive(Debug)]
struct DiskState {
    bytes: Vec<u8>,
    bad: Option<u64>,
    later: Vec<Change>,
    reads: u64,
    read_bytes: u64,
}

/// A write that happens behind the reader's back.
#[derive(Clone, Debug)]
struct Change {
    after_reads: u64,
    offset: usize,
    bytes: Vec<u8>,
}

impl MemDisk {
    /// A disk of these bytes that tells of no holes.
    pub fn new(bytes: Vec<u8>) -> MemDisk {
        let size = wide(bytes.len());
        let inner = DiskState { bytes, bad: None, later: Vec::new(), reads: 0, read_bytes: 0 };
        MemDisk { size, hole_bytes: None, inner: Mutex::new(inner) }
    }

    /// The same disk, that tells of runs of zeros as holes, in pieces of `hole_bytes`.
    pub fn with_holes(self, hole_bytes: usize) -> MemDisk {
        assert!(hole_bytes > 0, "a hole has a size");
        MemDisk { hole_bytes: Some(hole_bytes), ..self }
    }

    /// Bytes that do not compress, with nothing in common with those of another seed.
    pub fn random(seed: u64, size: usize) -> MemDisk {
        MemDisk::new(Random::new(seed).bytes(size))
    }

    /// What is on it now.
    pub fn bytes(&self) -> Vec<u8> {
        self.inner().bytes.clone()
    }

    /// Writes to it now.
    pub fn write(&self, offset: usize, bytes: &[u8]) {
        self.inner().write(offset, bytes);
    }

    /// Writes to it when it has been read `reads` times more.
    pub fn write_after(&self, reads: u64, offset: usize, bytes: &[u8]) {
        let mut inner = self.inner();
        let after_reads = inner.reads + reads;
        inner.later.push(Change { after_reads, offset, bytes: bytes.to_vec() });
    }

    /// Every read that touches this byte fails from now on.
    pub fn fail_at(&self, offset: u64) {
        self.inner().bad = Some(offset);
    }

    /// It ends sooner from now on, though its size is told as before.
    pub fn shrink(&self, size: usize) {
        self.inner().bytes.truncate(size);
    }

    /// Reads so far.
    pub fn reads(&self) -> u64 {
        self.inner().reads
    }

    /// Bytes read so far.
    pub fn read_bytes(&self) -> u64 {
        self.inner().read_bytes
    }

    fn inner(&self) -> MutexGuard<'_, DiskState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl DiskState {
    fn write(&mut self, offset: usize, bytes: &[u8]) {
        self.bytes[offset..offset + bytes.len()].copy_from_slice(bytes);
    }

    fn count(&mut self, len: usize) {
        let due: Vec<Change> = self.later.extract_if(.., |change| change.after_reads <= self.reads).collect();
        due.iter().for_each(|change| self.write(change.offset, &change.bytes));
        self.reads += 1;
        self.read_bytes += wide(len);
    }
}

impl Disk for MemDisk {
    fn size(&self) -> u64 {
        self.size
    }

    fn read_at(&self, offset: u64, to: &mut [u8]) -> Result<(), ErrorKind> {
        let end = offset.checked_add(wide(to.len())).filter(|&end| end <= self.size).ok_or(ErrorKind::InvalidInput)?;
        let mut inner = self.inner();
        inner.count(to.len());
        if inner.bad.is_some_and(|bad| (offset..end).contains(&bad)) {
            return Err(BAD_SECTOR);
        }
        to.copy_from_slice(inner.bytes.get(narrow(offset)..narrow(end)).ok_or(SHRANK)?);
        Ok(())
    }

    fn next_extent(&self, offset: u64) -> Result<Extent, ErrorKind> {
        let rest = Extent { offset, len_bytes: self.size.saturating_sub(offset), hole: false };
        let Some(hole_bytes) = self.hole_bytes else { return Ok(rest) };
        if rest.len_bytes == 0 {
            return Ok(rest);
        }
        let inner = self.inner();
        let pieces = extents(&inner.bytes, hole_bytes, narrow(offset));
        let (len, hole) = pieces.ok_or(SHRANK)?;
        Ok(Extent { offset, len_bytes: wide(len).min(rest.len_bytes), hole })
    }
}

/// How long the run of zero pieces, or of other pieces, is that `offset` lies in.
fn extents(bytes: &[u8], piece_bytes: usize, offset: usize) -> Option<(usize, bool)> {
    let is_zero = |piece: &[u8]| piece.iter().all(|&byte| byte == 0);
    let mut pieces = bytes.chunks(piece_bytes).skip(offset / piece_bytes);
    let first = pieces.next()?;
    let hole = is_zero(first);
    let rest: usize = pieces.take_while(|piece| is_zero(piece) == hole).map(<[u8]>::len).sum();
    Some((first.len() - offset % piece_bytes + rest, hole))
}

/// A target to restore to.
#[derive(Debug)]
pub struct MemTarget {
    inner: Mutex<TargetState>,
}

#[derive(Debug)]
struct TargetState {
    bytes: Vec<u8>,
    fail_after: Option<u64>,
    written: Written,
}

/// What was done to a target.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Written {
    /// Calls of `write_at` and `zero`.
    pub operations: u64,
    /// Bytes given to `write_at`.
    pub write_bytes: u64,
    /// Bytes zeroed.
    pub zero_bytes: u64,
    /// Calls of `flush`.
    pub flushes: u64,
    /// Whether anything was written or zeroed since the last flush.
    pub unflushed: bool,
}

impl MemTarget {
    /// A target that holds these bytes at first; it does not grow.
    pub fn new(bytes: Vec<u8>) -> MemTarget {
        MemTarget { inner: Mutex::new(TargetState { bytes, fail_after: None, written: Written::default() }) }
    }

    /// A target full of bytes that nothing would restore.
    pub fn filled(size: usize) -> MemTarget {
        MemTarget::new(vec![0xA5; size])
    }

    /// What is on it now.
    pub fn bytes(&self) -> Vec<u8> {
        self.inner().bytes.clone()
    }

    /// What was done to it.
    pub fn written(&self) -> Written {
        self.inner().written
    }

    /// Everything fails after so many more writes and zeroings.
    pub fn fail_after(&self, operations: u64) {
        self.inner().fail_after = Some(operations);
    }

    fn inner(&self) -> MutexGuard<'_, TargetState> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TargetState {
    fn spend(&mut self) -> Result<(), ErrorKind> {
        match &mut self.fail_after {
            Some(0) => Err(BAD_SECTOR),
            Some(left) => {
                *left -= 1;
                Ok(())
            }
            None => Ok(()),
        }
    }

    fn range(&mut self, offset: u64, len_bytes: u64) -> Result<&mut [u8], ErrorKind> {
        self.spend()?;
        self.written.operations += 1;
        self.written.unflushed = true;
        let end = offset.checked_add(len_bytes).ok_or(ErrorKind::InvalidInput)?;
        self.bytes.get_mut(narrow(offset)..narrow(end)).ok_or(ErrorKind::InvalidInput)
    }
}

impl DiskMut for MemTarget {
    fn write_at(&self, offset: u64, from: &[u8]) -> Result<(), ErrorKind> {
        let mut inner = self.inner();
        inner.range(offset, wide(from.len()))?.copy_from_slice(from);
        inner.written.write_bytes += wide(from.len());
        Ok(())
    }

    fn zero(&self, offset: u64, len_bytes: u64) -> Result<(), ErrorKind> {
        let mut inner = self.inner();
        inner.range(offset, len_bytes)?.fill(0);
        inner.written.zero_bytes += len_bytes;
        Ok(())
    }

    fn flush(&self) -> Result<(), ErrorKind> {
        let mut inner = self.inner();
        if inner.fail_after == Some(0) {
            return Err(BAD_SECTOR);
        }
        inner.written.flushes += 1;
        inner.written.unflushed = false;
        Ok(())
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn extent(offset: u64, len_bytes: u64, hole: bool) -> Result<Extent, ErrorKind> {
        Ok(Extent { offset, len_bytes, hole })
    }

    #[test]
    fn holes_are_whole_pieces_of_zeros() {
        let mut bytes = vec![0; 4096 * 3 + 100];
        bytes[4096] = 1;
        let disk = MemDisk::new(bytes).with_holes(4096);
        assert_eq!(disk.next_extent(0), extent(0, 4096, true));
        assert_eq!(disk.next_extent(4095), extent(4095, 1, true));
        assert_eq!(disk.next_extent(4097), extent(4097, 4095, false));
        assert_eq!(disk.next_extent(8192), extent(8192, 4196, true));
        assert_eq!(disk.next_extent(12_388), extent(12_388, 0, false));
        disk.shrink(4096);
        assert_eq!(disk.next_extent(8192), Err(SHRANK));
    }

    #[test]
    fn a_disk_without_holes_is_one_extent() {
        assert_eq!(MemDisk::new(vec![0; 9000]).next_extent(1000), extent(1000, 8000, false));
    }

    #[test]
    fn reads_fail_where_they_should() {
        let disk = MemDisk::random(1, 1000);
        let mut to = [0; 100];
        disk.read_at(900, &mut to).unwrap();
        assert_eq!(to, disk.bytes()[900..]);
        assert_eq!(disk.read_at(901, &mut to), Err(ErrorKind::InvalidInput));
        disk.fail_at(500);
        assert_eq!(disk.read_at(401, &mut to), Err(BAD_SECTOR));
        assert_eq!(disk.read_at(501, &mut to), Ok(()));
        disk.shrink(950);
        assert_eq!(disk.read_at(900, &mut to), Err(SHRANK));
        assert_eq!(disk.size(), 1000);
    }

    #[test]
    fn a_disk_changes_while_it_is_read() {
        let disk = MemDisk::new(vec![0; 10]);
        disk.write_after(2, 4, b"new");
        let read = || {
            let mut to = [0; 3];
            disk.read_at(4, &mut to).unwrap();
            to
        };
        assert_eq!([read(), read(), read()], [[0; 3], [0; 3], *b"new"]);
        assert_eq!((disk.reads(), disk.read_bytes()), (3, 9));
    }

    #[test]
    fn a_target_keeps_what_is_written_and_says_what_was_done() {
        let target = MemTarget::filled(10);
        target.write_at(2, b"abc").unwrap();
        target.zero(4, 3).unwrap();
        assert_eq!(target.bytes(), b"\xA5\xA5ab\0\0\0\xA5\xA5\xA5");
        assert!(target.written().unflushed);
        target.flush().unwrap();
        let done = Written { operations: 2, write_bytes: 3, zero_bytes: 3, flushes: 1, unflushed: false };
        assert_eq!(target.written(), done);
        assert_eq!(target.write_at(9, b"ab"), Err(ErrorKind::InvalidInput));
    }

    #[test]
    fn a_target_fails_when_it_is_told_to() {
        let target = MemTarget::filled(10);
        target.fail_after(1);
        target.zero(0, 1).unwrap();
        assert_eq!(target.zero(0, 1), Err(BAD_SECTOR));
        assert_eq!(target.write_at(0, b"a"), Err(BAD_SECTOR));
        assert_eq!(target.flush(), Err(BAD_SECTOR));
    }
}
