//! A disk with real files: a 4 GiB ext4 file system, a good half in use.

use sarsen_benches::{Failure, Measured};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

const IMAGE_BYTES: u64 = 4 << 30;
const FILES_BYTES: u64 = 2300 << 20;
/// Larger files would make the mix depend on a few.
const FILE_BYTES_MAX: u64 = 64 << 20;

/// Makes the image of files below `/usr`, in the order of their names.
pub fn make(image: &Path) -> Measured<()> {
    let tree = image.with_extension("tree");
    fs::create_dir(&tree)?;
    let mut left = FILES_BYTES;
    copy_files(Path::new("/usr"), &tree, &mut left)?;
    File::create(image)?.set_len(IMAGE_BYTES)?;
    let made = Command::new("mke2fs")
        .env("PATH", "/usr/sbin:/sbin:/usr/bin:/bin")
        .args(["-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-d"])
        .args([&tree, image])
        .status()
        .map_err(|error| Failure(format!("mke2fs: {error}; name an image with --image")))?;
    fs::remove_dir_all(&tree)?;
    File::open(image)?.sync_all()?;
    if made.success() { Ok(()) } else { Err(Failure("mke2fs failed; name an image with --image".into())) }
}

/// Copies a directory's files, and those below, until `left` is used up.
fn copy_files(from: &Path, to: &Path, left: &mut u64) -> Measured<()> {
    let mut names: Vec<PathBuf> = fs::read_dir(from)?.filter_map(|entry| Some(entry.ok()?.path())).collect();
    names.sort_unstable();
    for path in names {
        let (metadata, target) = (fs::symlink_metadata(&path)?, to.join(path.file_name().unwrap_or_default()));
        if *left == 0 {
            return Ok(());
        }
        if metadata.is_dir() {
            fs::create_dir(&target)?;
            copy_files(&path, &target, left)?;
        } else if metadata.is_file() && metadata.len() <= FILE_BYTES_MAX && fs::copy(&path, &target).is_ok() {
            *left = left.saturating_sub(metadata.len());
        }
    }
    Ok(())
}
