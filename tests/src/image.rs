//! Disks as they are in real life: file systems with files on them.
//!
//! Where `mke2fs` is installed it makes an ext4 image of a directory; elsewhere the same files are laid out by a few lines here, so that tests that
//! need only plausible contents run everywhere. Contents follow from the seed; an ext4 image also has times of the day it was made.

use crate::random::Random;
use crate::scratch::Scratch;
use std::fs;
use std::io;
use std::path::Path;
use std::process::Command;

/// What an image is to be like.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Layout {
    /// Bytes of the disk; a multiple of 4,096, at least 1 MiB.
    pub size: usize,
    /// How many files.
    pub files: usize,
    /// The greatest length of a file.
    pub file_bytes_max: usize,
}

impl Layout {
    /// 8 MiB with 60 files of up to 128 KiB.
    pub const SMALL: Layout = Layout { size: 8 << 20, files: 60, file_bytes_max: 128 << 10 };
}

/// Whether real images can be made here.
pub fn has_mke2fs() -> bool {
    mke2fs().is_some()
}

/// An ext4 file system with files in it if that can be made here, otherwise the like of it.
pub fn image(seed: u64, layout: Layout) -> Vec<u8> {
    ext4(seed, layout).unwrap_or_else(|| synthetic(seed, layout))
}

/// An ext4 file system with files in it; none where there is no `mke2fs`.
pub fn ext4(seed: u64, layout: Layout) -> Option<Vec<u8>> {
    let program = mke2fs()?;
    let scratch = Scratch::new("image");
    Some(make_ext4(&program, scratch.path(), seed, layout).expect("mke2fs makes an image of a test's files"))
}

/// Files one behind the other, with free space between, behind a few pages of tables. No file system anybody could mount.
pub fn synthetic(seed: u64, layout: Layout) -> Vec<u8> {
    const PAGE: usize = 4096;
    let mut random = Random::new(seed);
    let mut image = vec![0; layout.size];
    let mut at = 16 * PAGE;
    for (name, bytes) in files(seed, layout) {
        let end = at + bytes.len();
        if end > image.len() {
            break;
        }
        let row = (at / PAGE) % (15 * PAGE / 32) * 32 + PAGE;
        image[row..row + name.len()].copy_from_slice(name.as_bytes());
        image[at..end].copy_from_slice(&bytes);
        at = end.next_multiple_of(PAGE) + random.below(4) * PAGE;
    }
    image
}

/// Changes runs of 1 to 16 sectors at `runs` random places, as a day of use does.
pub fn age(image: &mut [u8], seed: u64, runs: usize) {
    const SECTOR: usize = 512;
    let mut random = Random::new(seed);
    for _ in 0..runs {
        let start = random.below(image.len() / SECTOR) * SECTOR;
        let len = (1 + random.below(16)) * SECTOR;
        let end = image.len().min(start + len);
        let fresh = contents(&mut random, end - start);
        image[start..end].copy_from_slice(&fresh);
    }
}

/// Names and contents of the files of a seed.
fn files(seed: u64, layout: Layout) -> Vec<(String, Vec<u8>)> {
    let mut random = Random::new(seed);
    (0..layout.files)
        .map(|number| {
            // As on real disks: most files are small, most bytes are in large ones.
            let octave = layout.file_bytes_max >> random.below(8);
            let len = random.below(octave + 1);
            (format!("file-{number:04}"), contents(&mut random, len))
        })
        .collect()
}

/// Text, media, zeros, or something that many files have in common.
fn contents(random: &mut Random, len: usize) -> Vec<u8> {
    match random.below(4) {
        0 => random.bytes(len),
        1 => text(random, len),
        2 => Random::new(7).bytes(len),
        _ => {
            let mut bytes = text(random, len);
            let (start, end) = (random.below(len + 1), random.below(len + 1));
            bytes[start.min(end)..start.max(end)].fill(0);
            bytes
        }
    }
}

fn text(random: &mut Random, len: usize) -> Vec<u8> {
    const WORDS: [&str; 12] =
        ["stone ", "circle ", "the ", "of ", "lintel ", "standing ", "sarsen ", "plain ", "midsummer ", "error: ", "\n", "and "];
    let mut bytes = Vec::with_capacity(len + 16);
    while bytes.len() < len {
        bytes.extend_from_slice(random.pick(&WORDS).as_bytes());
    }
    bytes.truncate(len);
    bytes
}

/// The program's name, if it runs; distributions keep it where only root looks.
fn mke2fs() -> Option<String> {
    let names = ["mke2fs", "/usr/sbin/mke2fs", "/sbin/mke2fs"];
    let runs = |name: &&str| Command::new(name).arg("-V").output().is_ok_and(|output| output.status.success());
    names.iter().find(|name| runs(name)).map(|name| (*name).to_owned())
}

fn make_ext4(program: &str, scratch: &Path, seed: u64, layout: Layout) -> io::Result<Vec<u8>> {
    let (tree, image) = (scratch.join("tree"), scratch.join("image"));
    fs::create_dir(&tree)?;
    for (name, bytes) in files(seed, layout) {
        fs::write(tree.join(name), bytes)?;
    }
    fs::File::create(&image)?.set_len(u64::try_from(layout.size).map_err(io::Error::other)?)?;
    let output = Command::new(program)
        .args(["-q", "-F", "-t", "ext4", "-b", "4096", "-m", "0", "-O", "^has_journal"])
        .args(["-U", "5a125e40-0000-4000-8000-000000000000", "-E", "hash_seed=5a125e40-0000-4000-8000-000000000001,nodiscard"])
        .arg("-d")
        .args([&tree, &image])
        .output()?;
    if !output.status.success() {
        return Err(io::Error::other(String::from_utf8_lossy(&output.stderr).into_owned()));
    }
    fs::read(image)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Of an image's pages, those that also are in another.
    fn common_pages(one: &[u8], two: &[u8]) -> usize {
        one.chunks(4096).zip(two.chunks(4096)).filter(|(one, two)| one == two).count()
    }

    #[test]
    fn a_synthetic_image_follows_from_its_seed() {
        assert!(synthetic(1, Layout::SMALL) == synthetic(1, Layout::SMALL));
        assert!(synthetic(1, Layout::SMALL) != synthetic(2, Layout::SMALL));
        assert_eq!(synthetic(1, Layout::SMALL).len(), 8 << 20);
    }

    #[test]
    fn an_image_has_contents_and_free_space() {
        for image in [Some(synthetic(1, Layout::SMALL)), ext4(1, Layout::SMALL)].into_iter().flatten() {
            let zero = image.chunks(4096).filter(|page| page.iter().all(|&byte| byte == 0)).count();
            assert!((200..1900).contains(&zero), "{zero} pages of 2,048 are zero");
        }
    }

    #[test]
    fn an_ext4_image_is_one_and_holds_the_files_of_its_seed() {
        let Some(image) = ext4(3, Layout::SMALL) else { return };
        assert_eq!(image.len(), 8 << 20);
        assert_eq!(image[1024 + 56..1024 + 58], [0x53, 0xEF], "the magic number of ext4");
        let largest = files(3, Layout::SMALL).into_iter().map(|(_, bytes)| bytes).max_by_key(Vec::len).unwrap_or_default();
        let start = &largest[..4096];
        assert!(image.chunks(4096).any(|page| page == start));
        let again = ext4(3, Layout::SMALL).unwrap_or_default();
        assert!(common_pages(&image, &again) > 2000, "only times differ");
    }

    #[test]
    fn ageing_changes_a_little() {
        let before = synthetic(1, Layout::SMALL);
        let mut after = before.clone();
        age(&mut after, 5, 20);
        let common = common_pages(&before, &after);
        assert!((1980..2048).contains(&common), "{common} of 2,048 pages are as before");
    }

    #[test]
    fn a_small_layout_fits_or_is_cut() {
        let tight = Layout { size: 1 << 20, files: 100, file_bytes_max: 1 << 20 };
        assert_eq!(synthetic(1, tight).len(), 1 << 20);
    }
}
