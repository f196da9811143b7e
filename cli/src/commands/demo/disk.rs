//! The disk of a demo: made, changed, compared; and the one byte of the repository that goes bad.

use super::room::{Room, failed};
use crate::failure::Failure;
use crate::figures::count;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

const SIZE_BYTES: u64 = 64 << 20;
const SECTOR: u64 = 512;

/// A disk that was made.
pub struct Made {
    pub size_bytes: u64,
    pub words: String,
}

/// Makes the disk, with an ext4 file system where `mke2fs` is installed.
pub fn make(room: &Room) -> Result<Made, Failure> {
    let (tree, image) = (room.path().join("files"), room.path().join("disk"));
    fs::create_dir(&tree).map_err(failed(&tree))?;
    let files = files();
    for (name, bytes) in &files {
        fs::write(tree.join(name), bytes).map_err(failed(&tree))?;
    }
    let file = File::create(&image).map_err(failed(&image))?;
    file.set_len(SIZE_BYTES).map_err(failed(&image))?;
    let number = count(files.len() as u64, "file");
    let words = match ext4(&tree, &image) {
        true => format!("with an ext4 file system and {number} on it"),
        false => {
            lay_out(&file, &files).map_err(failed(&image))?;
            format!("with {number} laid out on it (with mke2fs installed it would be a file system)")
        }
    };
    Ok(Made { size_bytes: SIZE_BYTES, words })
}

/// What is on the disk: letters, pictures, and a program, which is this one.
fn files() -> Vec<(String, Vec<u8>)> {
    let mut random = Random(20_260_621);
    let letters = (0..120).map(|number| (number, 2_000 + random.below(60_000))).collect::<Vec<_>>();
    let pictures = (0..16).map(|number| (number, 200_000 + random.below(600_000))).collect::<Vec<_>>();
    let mut files: Vec<(String, Vec<u8>)> = Vec::new();
    files.extend(letters.into_iter().map(|(number, len)| (format!("letter-{number:03}.txt"), text(&mut random, len))));
    files.extend(pictures.into_iter().map(|(number, len)| (format!("picture-{number:02}.jpg"), random.bytes(len))));
    // Real code, but of no debugger's size.
    let program = std::env::current_exe().and_then(File::open).map(|file| file.take(8 << 20));
    let mut bytes = Vec::new();
    if program.is_ok_and(|mut program| program.read_to_end(&mut bytes).is_ok()) {
        files.push(("sarsen".into(), bytes));
    }
    files
}

fn text(random: &mut Random, len: usize) -> Vec<u8> {
    const WORDS: [&str; 10] = ["stone", "circle", "the", "of", "lintel", "standing", "sarsen", "plain", "midsummer", "and"];
    let mut bytes = Vec::with_capacity(len + 16);
    while bytes.len() < len {
        bytes.extend_from_slice(WORDS[random.below(WORDS.len())].as_bytes());
        bytes.push(if random.below(12) == 0 { b'\n' } else { b' ' });
    }
    bytes
}

/// Distributions keep the program where only root looks.
fn ext4(tree: &Path, image: &Path) -> bool {
    ["mke2fs", "/usr/sbin/mke2fs", "/sbin/mke2fs"].iter().any(|program| {
        let mut command = Command::new(program);
        command.args(["-q", "-F", "-t", "ext4", "-d"]).args([tree, image]).stdin(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    })
}

/// One behind the other, with free space between.
fn lay_out(image: &File, files: &[(String, Vec<u8>)]) -> io::Result<()> {
    let mut at = 1 << 20;
    for (_, bytes) in files {
        image.write_all_at(bytes, at)?;
        at += (bytes.len() as u64).next_multiple_of(4096) + 8192;
    }
    Ok(())
}

/// Writes new contents where there were some: to sectors in the middle of each of three parts of the disk. How many.
pub fn change(room: &Room) -> Result<u64, Failure> {
    let path = room.path().join("disk");
    let changed = || -> io::Result<u64> {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let mut random = Random(7);
        let mut changed = 0;
        for part in 1..4 {
            let at = next_data(&file, part * SIZE_BYTES / 16)?;
            file.write_all_at(&random.bytes(SECTOR as usize), at)?;
            changed += 1;
        }
        Ok(changed)
    };
    changed().map_err(failed(&path))
}

/// The next sector that is not zero.
fn next_data(file: &File, from: u64) -> io::Result<u64> {
    let mut sector = [0; SECTOR as usize];
    let mut at = from;
    loop {
        file.read_exact_at(&mut sector, at)?;
        if sector.iter().any(|&byte| byte != 0) {
            return Ok(at);
        }
        at += SECTOR;
    }
}

/// Keeps the disk as it is now, to compare with.
pub fn keep_copy(room: &Room, day: &str) -> Result<(), Failure> {
    let path = room.path().join(day);
    fs::copy(room.path().join("disk"), &path).map(|_| ()).map_err(failed(&path))
}

/// The first and the last byte in which two files differ; if they do.
pub fn differing(room: &Room, one: &str, other: &str) -> Result<Option<(u64, u64)>, Failure> {
    let read = |name: &str| {
        let path = room.path().join(name);
        fs::read(&path).map_err(failed(&path))
    };
    let (one, other) = (read(one)?, read(other)?);
    if one.len() != other.len() {
        return Ok(Some((0, u64::MAX)));
    }
    let differs = |&at: &usize| one[at] != other[at];
    let first = (0..one.len()).find(differs);
    let last = (0..one.len()).rev().find(differs);
    Ok(first.zip(last).map(|(first, last)| (first as u64, last as u64)))
}

fn segments(repository: &Path) -> Result<Vec<PathBuf>, Failure> {
    let folder = repository.join("segments");
    let listed = folder.read_dir().and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>());
    let mut paths = listed.map_err(failed(&folder))?;
    paths.sort_unstable();
    Ok(paths)
}

/// Bytes of all segments.
pub fn stored_bytes(repository: &Path) -> Result<u64, Failure> {
    segments(repository)?.iter().map(|path| Ok(path.metadata().map_err(failed(path))?.len())).sum()
}

/// A byte that was turned over.
pub struct Flipped {
    pub segment: u32,
    /// Where the object begins that it is in.
    pub offset: u64,
    pub byte: u64,
}

/// Turns a byte over in the middle of the first block of the newest segment.
pub fn flip_newest_block(repository: &Path) -> Result<Flipped, Failure> {
    let path = segments(repository)?.pop().unwrap_or_else(|| repository.join("segments"));
    let segment = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok()).unwrap_or_default();
    let flipped = || -> io::Result<Flipped> {
        let file = OpenOptions::new().read(true).write(true).open(&path)?;
        let (offset, stored_bytes) = first_block(&file)?;
        let byte = offset + HEADER_BYTES + stored_bytes / 2;
        let mut held = [0];
        file.read_exact_at(&mut held, byte)?;
        file.write_all_at(&[!held[0]], byte)?;
        Ok(Flipped { segment, offset, byte })
    };
    flipped().map_err(failed(&path))
}

/// Of a segment, and of every entry in it.
const HEADER_BYTES: u64 = 128;

/// Offset and stored length of the first entry that is a block: kind 1 at byte 4, stored length at byte 8 (docs/FORMAT.md sections 2 and 3).
fn first_block(file: &File) -> io::Result<(u64, u64)> {
    let mut offset = HEADER_BYTES;
    loop {
        let mut header = [0; 12];
        file.read_exact_at(&mut header, offset)?;
        let [.., kind, _, _, _, a, b, c, d] = header;
        let stored_bytes = u64::from(u32::from_le_bytes([a, b, c, d]));
        if kind == 1 {
            return Ok((offset, stored_bytes));
        }
        offset = (offset + HEADER_BYTES + stored_bytes).next_multiple_of(16);
    }
}

/// Contents that follow from a number, so that every demo is the same (Vigna, SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut value = self.0;
        value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        value ^ (value >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        let words = (0..len.div_ceil(8)).flat_map(|_| self.next().to_le_bytes());
        words.take(len).collect()
    }
}
