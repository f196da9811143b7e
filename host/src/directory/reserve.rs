//! The reserve: a file that takes up space, so that a full medium still has some for maintenance.
//!
//! Where the file system can allocate without writing, it does; elsewhere bytes are written that it cannot compress away.
//! A copy-on-write file system may count allocated space differently; there the reserve is a good intention.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Bytes written at once where nothing can be allocated without writing.
const CHUNK_BYTES: usize = 64 * 1024;

/// Makes the reserve at `path` exactly `len_bytes` long; 0 removes it. On failure it is as long as it was.
pub(super) fn hold(path: &Path, len_bytes: u64) -> io::Result<()> {
    if len_bytes == 0 {
        return remove(path);
    }
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    let held_bytes = file.metadata()?.len();
    let grown = grow(&file, held_bytes, len_bytes).and_then(|()| file.set_len(len_bytes)).and_then(|()| file.sync_all());
    match grown {
        Ok(()) => Ok(()),
        // The first failure is the one to tell; giving back is best effort and cannot make it worse.
        Err(error) => give_back(path, &file, held_bytes).and(Err(error)),
    }
}

fn remove(path: &Path) -> io::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

fn give_back(path: &Path, file: &File, held_bytes: u64) -> io::Result<()> {
    if held_bytes == 0 { remove(path) } else { file.set_len(held_bytes) }
}

/// Takes up space to `len_bytes`; the first `held_bytes` were taken up earlier.
fn grow(file: &File, held_bytes: u64, len_bytes: u64) -> io::Result<()> {
    match rustix::fs::fallocate(file, rustix::fs::FallocateFlags::empty(), 0, len_bytes) {
        Err(rustix::io::Errno::OPNOTSUPP | rustix::io::Errno::NOSYS) => write_out(file, held_bytes, len_bytes),
        other => other.map_err(io::Error::from),
    }
}

fn write_out(file: &File, held_bytes: u64, len_bytes: u64) -> io::Result<()> {
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut at = held_bytes;
    while at < len_bytes {
        getrandom::fill(&mut chunk).map_err(io::Error::other)?;
        let wanted = usize::try_from(len_bytes - at).map_or(CHUNK_BYTES, |missing| missing.min(CHUNK_BYTES));
        file.write_all_at(&chunk[..wanted], at)?;
        at += wanted as u64;
    }
    Ok(())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;
    use crate::scratch::Scratch;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn space_is_really_taken_up_and_given_back() {
        let scratch = Scratch::new("reserve");
        let path = scratch.path().join("reserve");
        for len_bytes in [1 << 20, 3 << 20, 1 << 19] {
            hold(&path, len_bytes).unwrap();
            let metadata = path.metadata().unwrap();
            assert_eq!(metadata.len(), len_bytes);
            assert!(metadata.blocks() * 512 >= len_bytes);
        }
        hold(&path, 0).unwrap();
        assert!(!path.exists());
        hold(&path, 0).unwrap();
    }

    #[test]
    fn writing_takes_up_space_where_allocating_is_not_known() {
        let scratch = Scratch::new("reserve-written");
        let file = File::create(scratch.path().join("reserve")).unwrap();
        write_out(&file, 0, CHUNK_BYTES as u64 + 1).unwrap();
        write_out(&file, CHUNK_BYTES as u64 + 1, 3 * CHUNK_BYTES as u64).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 3 * CHUNK_BYTES as u64);
        file.sync_all().unwrap();
        assert!(file.metadata().unwrap().blocks() * 512 >= 3 * CHUNK_BYTES as u64);
    }

    /// tmpfs refuses more than it has before it takes any, so nobody else is starved by this test.
    #[test]
    fn more_than_there_is_says_full_and_leaves_what_was() {
        let shm = Path::new("/dev/shm");
        if !shm.is_dir() {
            return;
        }
        let scratch = Scratch::within(shm, "reserve-full");
        let path = scratch.path().join("reserve");
        assert_eq!(hold(&path, 1 << 50).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert!(!path.exists());
        hold(&path, 4096).unwrap();
        assert_eq!(hold(&path, 1 << 50).unwrap_err().kind(), io::ErrorKind::StorageFull);
        assert_eq!(path.metadata().unwrap().len(), 4096);
    }
}
