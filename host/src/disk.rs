//! A file or block device to back up.
//!
//! It should not change meanwhile; whether it did, [`Disk::changed`] tells as far as the file system does. Of a block device only its size is
//! watched: back up a snapshot.

use crate::error::OpenError;
use crate::mutex::locked;
use crate::node::Node;
use embedded_io::ErrorKind;
use rustix::fs::SeekFrom;
use rustix::io::Errno;
use sarsen_core::disk::{Disk, Extent};
use sarsen_core::types::wide;
use std::fmt;
use std::fs::{File, Metadata};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// What reading says where the disk ends before its size: it shrank while it was used.
pub const SHRANK: ErrorKind = ErrorKind::InvalidData;

/// A regular file or a block device to read. Many threads may read at once.
#[derive(Debug)]
pub struct FileDisk {
    file: File,
    path: PathBuf,
    node: Node,
    opened: Identity,
    /// The extent found last: a walk in small steps asks within it again and again.
    extent: Mutex<Extent>,
}

/// What would differ if the disk had changed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Identity {
    File { dev: u64, ino: u64, size: u64, mtime_ns: i128, ctime_ns: i128 },
    BlockDevice { major: u32, minor: u32, size: u64 },
}

impl FileDisk {
    /// Opens a regular file or a block device for reading.
    pub fn open(path: impl AsRef<Path>) -> Result<FileDisk, OpenError> {
        let path = path.as_ref().to_owned();
        let node = Node::at(&path)?;
        let file = File::open(&path).map_err(OpenError::failed("open the disk", &path))?;
        let identity = file.metadata().and_then(|metadata| Identity::of(node, &metadata, &file));
        let opened = identity.map_err(OpenError::failed("ask for the size of the disk", &path))?;
        let extent = Mutex::new(Extent { offset: 0, len_bytes: 0, hole: false });
        Ok(FileDisk { file, path, node, opened, extent })
    }

    /// One line that differs, as far as the system tells, between any two contents: `file dev:ino:size:mtime_ns:ctime_ns` or `block major:minor:size`.
    pub fn identity(&self) -> String {
        self.opened.to_string()
    }

    /// Asks the file system. Nothing lies beyond what is found to be the disk's end, so a file that shrank is not taken for a hole.
    fn seek_extent(&self, offset: u64) -> Result<Extent, ErrorKind> {
        let (end, hole) = match rustix::fs::seek(&self.file, SeekFrom::Data(offset)) {
            Ok(data) if data > offset => (data, true),
            Ok(_) => (rustix::fs::seek(&self.file, SeekFrom::Hole(offset)).map_err(kind)?, false),
            Err(Errno::NXIO) if self.node.size(&self.file).map_err(|error| error.kind())? < self.size() => {
                return Err(SHRANK);
            }
            Err(Errno::NXIO) => (self.size(), true),
            Err(Errno::INVAL | Errno::OPNOTSUPP | Errno::NOSYS) => (self.size(), false),
            Err(error) => return Err(kind(error)),
        };
        Ok(Extent { offset, len_bytes: end.min(self.size()) - offset, hole })
    }
}

fn kind(error: Errno) -> ErrorKind {
    io::Error::from(error).kind().into()
}

impl Disk for FileDisk {
    fn size(&self) -> u64 {
        self.opened.size()
    }

    fn read_at(&self, offset: u64, to: &mut [u8]) -> Result<(), ErrorKind> {
        // A file that grew must not lend bytes to a disk that ends before them.
        if offset.saturating_add(wide(to.len())) > self.size() {
            return Err(ErrorKind::InvalidInput);
        }
        self.file.read_exact_at(to, offset).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => SHRANK,
            kind => kind.into(),
        })
    }

    /// Whether the path no longer leads to what was opened, as it was then. What cannot be found has changed.
    fn changed(&self) -> bool {
        let now = self.path.metadata().and_then(|metadata| Identity::of(self.node, &metadata, &self.file));
        !now.is_ok_and(|now| now == self.opened)
    }

    /// Devices have no holes. Where the file system does not tell of holes, all is data.
    fn next_extent(&self, offset: u64) -> Result<Extent, ErrorKind> {
        let rest = Extent { offset, len_bytes: self.size().saturating_sub(offset), hole: false };
        if self.node == Node::BlockDevice || rest.len_bytes == 0 {
            return Ok(rest);
        }
        if let Some(extent) = rest_of(*locked(&self.extent), offset) {
            return Ok(extent);
        }
        let extent = self.seek_extent(offset)?;
        *locked(&self.extent) = extent;
        Ok(extent)
    }
}

/// What is left of `extent` from `offset` on, if that lies in it.
fn rest_of(extent: Extent, offset: u64) -> Option<Extent> {
    let skipped = offset.checked_sub(extent.offset)?;
    let len_bytes = extent.len_bytes.checked_sub(skipped).filter(|&left| left > 0)?;
    Some(Extent { offset, len_bytes, ..extent })
}

impl Identity {
    fn of(node: Node, metadata: &Metadata, file: &File) -> io::Result<Identity> {
        let size = node.size(file)?;
        Ok(match node {
            Node::File => Identity::File {
                dev: metadata.dev(),
                ino: metadata.ino(),
                size: metadata.size(),
                mtime_ns: nanoseconds(metadata.mtime(), metadata.mtime_nsec()),
                ctime_ns: nanoseconds(metadata.ctime(), metadata.ctime_nsec()),
            },
            Node::BlockDevice => Identity::BlockDevice {
                major: rustix::fs::major(metadata.rdev()),
                minor: rustix::fs::minor(metadata.rdev()),
                size,
            },
        })
    }

    fn size(&self) -> u64 {
        match *self {
            Identity::File { size, .. } | Identity::BlockDevice { size, .. } => size,
        }
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Identity::File { dev, ino, size, mtime_ns, ctime_ns } => {
                write!(f, "file {dev}:{ino}:{size}:{mtime_ns}:{ctime_ns}")
            }
            Identity::BlockDevice { major, minor, size } => write!(f, "block {major}:{minor}:{size}"),
        }
    }
}

fn nanoseconds(seconds: i64, rest: i64) -> i128 {
    i128::from(seconds) * 1_000_000_000 + i128::from(rest)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::fs;
    use std::os::unix::net::UnixListener;

    const MIB: u64 = 1 << 20;

    /// 4 MiB: a hole, data from 1 MiB to 1.25 MiB, a hole.
    fn sparse(path: &Path) -> FileDisk {
        let file = File::create(path).unwrap();
        file.set_len(4 * MIB).unwrap();
        file.write_all_at(&vec![7; 256 << 10], MIB).unwrap();
        file.sync_all().unwrap();
        FileDisk::open(path).unwrap()
    }

    fn extents(disk: &FileDisk) -> Vec<(u64, u64, bool)> {
        let (mut offset, mut found) = (0, Vec::new());
        while offset < disk.size() {
            let extent = disk.next_extent(offset).unwrap();
            assert!(extent.offset == offset && extent.len_bytes > 0);
            found.push((offset, extent.len_bytes, extent.hole));
            offset += extent.len_bytes;
        }
        found
    }

    #[test]
    fn holes_are_found_where_the_file_system_tells() {
        let scratch = Scratch::new("holes");
        let disk = sparse(&scratch.path().join("disk"));
        let found = extents(&disk);
        let holes: u64 = found.iter().filter(|(_, _, hole)| *hole).map(|(_, len_bytes, _)| len_bytes).sum();
        if holes == 0 {
            return; // a file system without holes: all data is right too
        }
        assert_eq!(found, [(0, MIB, true), (MIB, 256 << 10, false), (MIB + (256 << 10), 4 * MIB - MIB - (256 << 10), true)]);
    }

    #[test]
    fn a_walk_may_begin_anywhere_and_ends_at_the_size() {
        let scratch = Scratch::new("walk-disk");
        let disk = sparse(&scratch.path().join("disk"));
        let within = disk.next_extent(MIB + 4096).unwrap();
        assert_eq!((within.offset, within.hole), (MIB + 4096, false));
        assert_eq!(disk.next_extent(MIB + 8192).unwrap().len_bytes, within.len_bytes - 4096);
        let tail = disk.next_extent(4 * MIB - 1).unwrap();
        assert_eq!(tail.len_bytes, 1);
        assert_eq!(disk.next_extent(4 * MIB).unwrap().len_bytes, 0);
        assert_eq!(disk.next_extent(0).unwrap().offset, 0);
    }

    #[test]
    fn an_empty_file_is_a_disk_of_no_bytes() {
        let scratch = Scratch::new("empty");
        fs::write(scratch.path().join("disk"), b"").unwrap();
        let disk = FileDisk::open(scratch.path().join("disk")).unwrap();
        assert_eq!(disk.size(), 0);
        assert_eq!(disk.next_extent(0), Ok(Extent { offset: 0, len_bytes: 0, hole: false }));
        assert_eq!(disk.read_at(0, &mut []), Ok(()));
        assert_eq!(disk.read_at(0, &mut [0]), Err(ErrorKind::InvalidInput));
    }

    #[test]
    fn a_disk_that_shrank_is_an_error_not_zeros() {
        let scratch = Scratch::new("shrank");
        let path = scratch.path().join("disk");
        let disk = sparse(&path);
        File::options().write(true).open(&path).unwrap().set_len(2 * MIB).unwrap();
        assert_eq!(disk.size(), 4 * MIB);
        assert_eq!(disk.read_at(2 * MIB - 1, &mut [0, 0]), Err(SHRANK));
        assert_eq!(disk.next_extent(3 * MIB), Err(SHRANK));
        assert!(disk.changed());
    }

    #[test]
    fn a_disk_that_grew_still_ends_where_it_did() {
        let scratch = Scratch::new("grew");
        let path = scratch.path().join("disk");
        let disk = sparse(&path);
        File::options().write(true).open(&path).unwrap().set_len(8 * MIB).unwrap();
        assert_eq!(disk.read_at(4 * MIB - 1, &mut [0, 0]), Err(ErrorKind::InvalidInput));
        assert_eq!(extents(&disk).iter().map(|(_, len_bytes, _)| len_bytes).sum::<u64>(), 4 * MIB);
        assert!(disk.changed());
    }

    #[test]
    fn a_disk_replaced_or_removed_has_changed() {
        let scratch = Scratch::new("replaced");
        let path = scratch.path().join("disk");
        let disk = sparse(&path);
        assert!(!disk.changed());
        fs::rename(&path, scratch.path().join("old")).unwrap();
        assert!(disk.changed());
        fs::write(&path, b"new").unwrap();
        assert!(disk.changed());
    }

    #[test]
    fn the_identity_names_file_size_and_times() {
        let scratch = Scratch::new("identity");
        let path = scratch.path().join("disk");
        let disk = sparse(&path);
        let metadata = path.metadata().unwrap();
        let start = format!("file {}:{}:{}:{}", metadata.dev(), metadata.ino(), 4 * MIB, metadata.mtime());
        assert!(disk.identity().starts_with(&start), "{}", disk.identity());
        assert_eq!(disk.identity(), FileDisk::open(&path).unwrap().identity());
    }

    #[test]
    fn what_cannot_be_a_disk_is_named_and_refused() {
        let scratch = Scratch::new("refused-disk");
        let fifo = scratch.path().join("fifo");
        let made = std::process::Command::new("mkfifo").arg(&fifo).status();
        let socket = scratch.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        let mut cases =
            vec![(scratch.path().to_owned(), "directory"), (socket, "socket"), ("/dev/null".into(), "character device")];
        if made.is_ok_and(|status| status.success()) {
            cases.push((fifo, "fifo"));
        }
        for (path, word) in cases {
            let refused = FileDisk::open(path).unwrap_err();
            assert!(matches!(refused, OpenError::NotADisk { found, .. } if found == word), "{refused}");
        }
        assert!(matches!(FileDisk::open(scratch.path().join("none")), Err(OpenError::Failed { .. })));
    }
}
