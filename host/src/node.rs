//! What a path leads to: a regular file or a block device can be a disk, nothing else can.

use crate::error::OpenError;
use std::fs::{File, FileType, Metadata};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::FileTypeExt;
use std::path::Path;

/// What can be a disk.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Node {
    File,
    BlockDevice,
}

impl Node {
    /// Looked at before opening: opening a fifo would wait for somebody to write to it.
    pub(crate) fn at(path: &Path) -> Result<Node, OpenError> {
        let metadata = path.metadata().map_err(OpenError::failed("find the disk", path))?;
        Node::of(path, &metadata)
    }

    fn of(path: &Path, metadata: &Metadata) -> Result<Node, OpenError> {
        match metadata.file_type() {
            kind if kind.is_file() => Ok(Node::File),
            kind if kind.is_block_device() => Ok(Node::BlockDevice),
            kind => Err(OpenError::NotADisk { path: path.to_owned(), found: word(kind) }),
        }
    }

    /// How many bytes it has. A device's metadata does not tell, its end does.
    pub(crate) fn size(self, mut file: &File) -> io::Result<u64> {
        match self {
            Node::File => Ok(file.metadata()?.len()),
            Node::BlockDevice => file.seek(SeekFrom::End(0)),
        }
    }
}

fn word(kind: FileType) -> &'static str {
    if kind.is_dir() {
        "directory"
    } else if kind.is_fifo() {
        "fifo"
    } else if kind.is_socket() {
        "socket"
    } else if kind.is_char_device() {
        "character device"
    } else {
        "special file"
    }
}
