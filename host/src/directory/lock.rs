//! The lock that lets one process write. The system gives it back when the process ends, however it ends.

use super::names;
use crate::error::OpenError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::path::Path;

/// Held as long as this lives.
#[derive(Debug)]
pub(super) struct WriterLock {
    _file: File,
}

impl WriterLock {
    /// Takes the lock of the repository in `root`, or says who has it.
    pub(super) fn take(root: &Path) -> Result<WriterLock, OpenError> {
        let path = root.join(names::LOCK);
        let open = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path);
        let mut file = open.map_err(OpenError::failed("open the lock for writing", &path))?;
        match file.try_lock() {
            Ok(()) => sign(&mut file).map_err(OpenError::failed("write to the lock", &path))?,
            Err(TryLockError::WouldBlock) => {
                return Err(OpenError::Busy { path: root.to_owned(), holder: holder(file) });
            }
            Err(TryLockError::Error(source)) => return Err(OpenError::failed("take the lock", &path)(source)),
        }
        Ok(WriterLock { _file: file })
    }
}

/// Notes who has the lock; for people only, the lock itself is the system's.
fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    writeln!(file, "process {}", std::process::id())
}

/// Who has the lock, as far as the file tells: its first line, if it is short text.
fn holder(file: File) -> String {
    let mut text = String::new();
    match file.take(80).read_to_string(&mut text) {
        Ok(_) => text.lines().next().unwrap_or_default().trim().to_owned(),
        Err(_) => String::new(),
    }
}
