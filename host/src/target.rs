//! A file or block device to restore to.

use crate::error::OpenError;
use crate::node::Node;
use embedded_io::ErrorKind;
use rustix::fs::FallocateFlags;
use rustix::fs::OFlags;
use sarsen_core::disk::DiskMut;
use sarsen_core::types::wide;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// What writing says where there is no space left, or the system allows no file so long.
pub const FULL: ErrorKind = ErrorKind::WriteZero;

/// Zeros are written this many bytes at a time.
const CHUNK_BYTES: usize = 256 * 1024;

/// What becomes of zeros.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Zeros {
    /// Holes, where there can be any.
    Sparse,
    /// Bytes, so that all space the disk may ever need is taken up now.
    Written,
}

/// A regular file or a block device that becomes a disk.
#[derive(Debug)]
pub struct FileTarget {
    file: File,
    zeros: Zeros,
    /// From here on nothing was ever written: of a new file it reads as zeros without being touched. No such place in what existed before.
    untouched: AtomicU64,
}

impl FileTarget {
    /// Makes a new file of `size_bytes`. Refused if there is something of that name.
    pub fn create(path: impl AsRef<Path>, size_bytes: u64, zeros: Zeros) -> Result<FileTarget, OpenError> {
        let path = path.as_ref();
        let made = OpenOptions::new().write(true).create_new(true).open(path);
        let file = made.map_err(OpenError::failed("make the file", path))?;
        if let Err(error) = file.set_len(size_bytes) {
            // An empty file would stand in the way of the next attempt. That it cannot be given its size is what there is to tell.
            drop(fs::remove_file(path));
            return Err(OpenError::failed("give the file its size", path)(error));
        }
        Ok(FileTarget { file, zeros, untouched: AtomicU64::new(0) })
    }

    /// Opens a file or block device whose contents are to be replaced. What is neither written nor zeroed keeps its bytes; a file gets the
    /// disk's size, a device must have it. A device that is mounted, or otherwise in use, is refused by the system.
    pub fn overwrite(path: impl AsRef<Path>, size_bytes: u64, zeros: Zeros) -> Result<FileTarget, OpenError> {
        let path = path.as_ref();
        let node = Node::at(path)?;
        let file = open_existing(path, node).map_err(OpenError::failed("open for writing", path))?;
        match node {
            Node::File => file.set_len(size_bytes).map_err(OpenError::failed("give the file its size", path))?,
            Node::BlockDevice => require_size(path, node, &file, size_bytes)?,
        }
        Ok(FileTarget { file, zeros, untouched: AtomicU64::new(u64::MAX) })
    }

    fn make_hole(&self, offset: u64, len_bytes: u64) -> Result<(), rustix::io::Errno> {
        rustix::fs::fallocate(&self.file, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, offset, len_bytes)
    }

    fn write_zeros(&self, offset: u64, len_bytes: u64) -> Result<(), ErrorKind> {
        let chunk = vec![0; CHUNK_BYTES];
        let mut done = 0;
        while done < len_bytes {
            let wanted = usize::try_from(len_bytes - done).map_or(CHUNK_BYTES, |left| left.min(CHUNK_BYTES));
            self.write_at(offset + done, &chunk[..wanted])?;
            done += wide(wanted);
        }
        Ok(())
    }
}

fn open_existing(path: &Path, node: Node) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true);
    if node == Node::BlockDevice {
        // On a device, this flag alone means: fail if it is in use.
        options.custom_flags(OFlags::EXCL.bits().cast_signed());
    }
    options.open(path)
}

fn require_size(path: &Path, node: Node, file: &File, needed_bytes: u64) -> Result<(), OpenError> {
    let size_bytes = node.size(file).map_err(OpenError::failed("ask for the size of the device", path))?;
    if size_bytes < needed_bytes {
        return Err(OpenError::TooSmall { path: path.to_owned(), size_bytes, needed_bytes });
    }
    Ok(())
}

impl DiskMut for FileTarget {
    fn write_at(&self, offset: u64, from: &[u8]) -> Result<(), ErrorKind> {
        let end = offset.checked_add(wide(from.len())).ok_or(ErrorKind::InvalidInput)?;
        self.untouched.fetch_max(end, Ordering::Relaxed);
        self.file.write_all_at(from, offset).map_err(kind)
    }

    fn zero(&self, offset: u64, len_bytes: u64) -> Result<(), ErrorKind> {
        if self.zeros == Zeros::Written {
            return self.write_zeros(offset, len_bytes);
        }
        let is_zero_already = len_bytes == 0 || offset >= self.untouched.load(Ordering::Relaxed);
        if is_zero_already || self.make_hole(offset, len_bytes).is_ok() {
            return Ok(());
        }
        // Whatever kept a hole from being made (no support, alignment), bytes have the same effect, or tell the true error.
        self.write_zeros(offset, len_bytes)
    }

    fn flush(&self) -> Result<(), ErrorKind> {
        self.file.sync_all().map_err(kind)
    }
}

/// `embedded_io` has no word for a full device.
fn kind(error: io::Error) -> ErrorKind {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded | io::ErrorKind::FileTooLarge => FULL,
        kind => kind.into(),
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use sarsen_core::disk::Disk;
    use std::os::unix::fs::MetadataExt;

    const MIB: u64 = 1 << 20;

    fn allocated_bytes(path: &Path) -> u64 {
        path.metadata().unwrap().blocks() * 512
    }

    #[test]
    fn a_new_sparse_file_takes_up_only_what_was_written() {
        let scratch = Scratch::new("sparse");
        let path = scratch.path().join("disk");
        let target = FileTarget::create(&path, 8 * MIB + 3, Zeros::Sparse).unwrap();
        target.zero(0, 4 * MIB).unwrap();
        target.write_at(4 * MIB, &[5; 4096]).unwrap();
        target.zero(4 * MIB + 4096, 4 * MIB + 3 - 4096).unwrap();
        target.flush().unwrap();
        assert!(allocated_bytes(&path) < MIB);
        let bytes = fs::read(&path).unwrap();
        assert_eq!(bytes.len() as u64, 8 * MIB + 3);
        assert!(bytes.iter().enumerate().all(|(at, &byte)| (byte == 5) == ((4 << 20)..(4 << 20) + 4096).contains(&at)));
    }

    #[test]
    fn zeroing_what_was_written_before_gives_zeros() {
        let scratch = Scratch::new("zeroed");
        let path = scratch.path().join("disk");
        for zeros in [Zeros::Sparse, Zeros::Written] {
            fs::write(&path, vec![9; 1 << 20]).unwrap();
            let target = FileTarget::overwrite(&path, MIB / 2, zeros).unwrap();
            target.zero(100, 300_000).unwrap();
            target.write_at(200, b"x").unwrap();
            target.zero(150, 100).unwrap();
            target.flush().unwrap();
            let bytes = fs::read(&path).unwrap();
            assert_eq!(bytes.len() as u64, MIB / 2);
            assert!(bytes.iter().enumerate().all(|(at, &byte)| (byte == 0) == (100..300_100).contains(&at)));
        }
    }

    #[test]
    fn zeroing_what_this_target_wrote_into_a_new_file_gives_zeros() {
        let scratch = Scratch::new("rewritten");
        let path = scratch.path().join("disk");
        let target = FileTarget::create(&path, MIB, Zeros::Sparse).unwrap();
        target.write_at(0, &[1; 10_000]).unwrap();
        target.zero(5000, 5000).unwrap();
        assert!(fs::read(&path).unwrap()[5000..].iter().all(|&byte| byte == 0));
    }

    #[test]
    fn written_zeros_take_up_space() {
        let scratch = Scratch::new("thick");
        let path = scratch.path().join("disk");
        let target = FileTarget::create(&path, 2 * MIB, Zeros::Written).unwrap();
        target.zero(0, 2 * MIB).unwrap();
        target.flush().unwrap();
        assert!(allocated_bytes(&path) >= 2 * MIB);
    }

    #[test]
    fn nothing_is_overwritten_by_creating() {
        let scratch = Scratch::new("created");
        let path = scratch.path().join("disk");
        fs::write(&path, b"precious").unwrap();
        assert!(matches!(FileTarget::create(&path, 1, Zeros::Sparse), Err(OpenError::Failed { .. })));
        assert_eq!(fs::read(&path).unwrap(), b"precious");
        assert!(matches!(FileTarget::overwrite(scratch.path(), 1, Zeros::Sparse), Err(OpenError::NotADisk { .. })));
        assert!(matches!(FileTarget::overwrite(path.join("none"), 1, Zeros::Sparse), Err(OpenError::Failed { .. })));
    }

    #[test]
    fn a_file_that_cannot_have_its_size_is_not_left_behind() {
        let scratch = Scratch::new("oversized");
        let path = scratch.path().join("disk");
        assert!(matches!(FileTarget::create(&path, u64::MAX, Zeros::Sparse), Err(OpenError::Failed { .. })));
        assert!(!path.exists());
    }

    /// A loop device over a file, if the system and the user's rights allow one.
    struct Loop(String);

    impl Loop {
        fn over(path: &Path) -> Option<Loop> {
            let made = std::process::Command::new("losetup").args(["-f", "--show"]).arg(path).output().ok()?;
            made.status.success().then(|| Loop(String::from_utf8(made.stdout).unwrap().trim().to_owned()))
        }
    }

    impl Drop for Loop {
        fn drop(&mut self) {
            let detached = std::process::Command::new("losetup").args(["-d", &self.0]).status();
            assert!(detached.is_ok_and(|status| status.success()) || std::thread::panicking());
        }
    }

    #[test]
    #[ignore = "long: makes a loop device, and passes without having tested anything where that is not allowed"]
    fn a_block_device_is_a_disk_and_a_target() {
        let scratch = Scratch::new("loop");
        let path = scratch.path().join("image");
        fs::write(&path, vec![3; 1 << 20]).unwrap();
        let Some(device) = Loop::over(&path) else { return };

        let refused = FileTarget::overwrite(&device.0, MIB + 1, Zeros::Sparse).unwrap_err();
        assert!(matches!(refused, OpenError::TooSmall { size_bytes: MIB, .. }), "{refused}");
        let target = FileTarget::overwrite(&device.0, MIB, Zeros::Sparse).unwrap();
        assert!(FileTarget::overwrite(&device.0, MIB, Zeros::Sparse).is_err(), "one at a time");
        target.zero(4096, 8192).unwrap();
        target.zero(20_001, 10).unwrap();
        target.write_at(700, b"moved").unwrap();
        target.flush().unwrap();

        let disk = crate::FileDisk::open(&device.0).unwrap();
        let mut bytes = vec![0; 1 << 20];
        disk.read_at(0, &mut bytes).unwrap();
        assert_eq!(&bytes[700..705], b"moved");
        let zeros = bytes.iter().enumerate().filter(|(_, byte)| **byte == 0).map(|(at, _)| at);
        assert!(zeros.eq((4096..12_288).chain(20_001..20_011)));
        assert!(disk.identity().starts_with("block 7:") && !disk.changed(), "{}", disk.identity());
    }

    #[test]
    fn a_full_device_is_an_error() {
        let full = FileTarget {
            file: File::options().write(true).open("/dev/full").unwrap(),
            zeros: Zeros::Sparse,
            untouched: AtomicU64::new(u64::MAX),
        };
        assert_eq!(full.write_at(0, &[1; 512]), Err(FULL));
        assert_eq!(full.zero(0, 512), Err(FULL));
    }
}
