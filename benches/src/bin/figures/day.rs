//! What is written to a disk from one backup to the next: pages here and there, or runs; and who knows of it.

use crate::limits::Used;
use sarsen_benches::{Measured, random};
use sarsen_core::hints::{Extent, State};
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::Command;

/// Bytes of a page, as file systems and guests write them.
pub const PAGE_BYTES: u64 = 4096;

/// Writes of a day: where, and as long as they all are.
#[derive(Clone, Debug)]
pub struct Day {
    number: u64,
    len_bytes: u64,
    offsets: BTreeSet<u64>,
}

impl Day {
    /// One in a hundred of the used pages of a disk, in runs of `len_bytes`, spread evenly by chance; another day of another number.
    pub fn of(used: &Used<'_>, number: u64, len_bytes: u64) -> Day {
        let count = used.bytes() / 100 / len_bytes;
        let mut offsets = BTreeSet::new();
        let mut places = used.some_from(number << 32, len_bytes);
        while (offsets.len() as u64) < count {
            offsets.extend(places.next());
        }
        Day { number, len_bytes, offsets }
    }

    /// Bytes that change.
    pub fn bytes(&self) -> u64 {
        self.offsets.len() as u64 * self.len_bytes
    }

    /// Writes them, with bytes that do not compress.
    pub fn write(&self, image: &Path) -> Measured<()> {
        let image = OpenOptions::new().write(true).open(image)?;
        let mut bytes = vec![0; usize::try_from(self.len_bytes)?];
        for &offset in &self.offsets {
            random::fill((self.number << 48) + offset, &mut bytes);
            image.write_all_at(&bytes, offset)?;
        }
        Ok(image.sync_all()?)
    }

    /// What somebody says who keeps a bit for so many bytes each.
    pub fn hints(&self, bit_bytes: u64, disk_size: u64) -> Vec<Extent> {
        let bits = |offset: &u64| offset / bit_bytes..(offset + self.len_bytes).div_ceil(bit_bytes);
        let bits: BTreeSet<u64> = self.offsets.iter().flat_map(bits).collect();
        let extent = |bit: u64| {
            let offset = bit * bit_bytes;
            Extent { offset, len_bytes: bit_bytes.min(disk_size - offset), state: State::Data }
        };
        bits.into_iter().map(extent).collect()
    }
}

/// Copies an image, or a directory, with its holes.
pub fn copy(from: &Path, to: &Path) -> Measured<()> {
    let copied = Command::new("cp").args(["-r", "--sparse=always"]).args([from, to]).status()?;
    match copied.success() && (to.is_dir() || File::open(to)?.sync_all().is_ok()) {
        true => Ok(()),
        false => Err(sarsen_benches::Failure(format!("{} cannot be copied", from.display()))),
    }
}
