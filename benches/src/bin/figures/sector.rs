//! One sector a backup: what the smallest increment of a large disk takes up, and where its bytes go.

use crate::place::Place;
use crate::runs::{back_up, back_up_hinted, directory_bytes, make};
use crate::table::{self, Goal};
use sarsen_benches::stopwatch::Seconds;
use sarsen_benches::{Failure, Measured, random};
use sarsen_core::delta::SECTOR_BYTES;
use sarsen_core::format::entry::Kind;
use sarsen_core::hints::{Extent, State};
use sarsen_core::medium::{Medium, Name};
use sarsen_core::ops::init::Options;
use sarsen_core::segment::{Item, Lines, Source, header};
use sarsen_host::{Access, DirectoryMedium, FileDisk};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

const DISK_BYTES: u64 = 64 << 30;
const BLOCK_BYTES: usize = 4 << 20;
/// Somewhere on the disk.
const BLOCK_OFFSET: u64 = 7000 * BLOCK_BYTES as u64;
const WRITES: u64 = 64;

/// Prints the tables.
pub fn print(place: &Place) -> Measured<()> {
    let scratch = place.scratch("sector")?;
    let [image, repository] = ["image", "repository"].map(|name| scratch.path().join(name));
    let file = File::create(&image)?;
    file.set_len(DISK_BYTES)?;
    let mut bytes = vec![0; BLOCK_BYTES];
    random::fill(0, &mut bytes);
    file.write_all_at(&bytes, BLOCK_OFFSET)?;
    file.sync_all()?;
    make(&repository, &Options::HOST)?;
    back_up(&repository, &open(&image)?)?;
    let mut grown: Vec<(u64, Seconds)> = Vec::new();
    for number in 0..WRITES {
        grown.push(write_one(number, &image, &repository)?);
    }
    let in_order: Vec<String> = grown.iter().map(|(bytes, _)| bytes.to_string()).collect();
    println!("\nBytes of each: {}", in_order.join(" "));
    grown.sort_unstable_by_key(|(bytes, _)| *bytes);
    let at = |number: usize| grown.get(number).map_or(f64::NAN, |(bytes, _)| *bytes as f64);
    table::begin(&format!("A sector of a stored block of 64 GiB, hinted, {WRITES} times; each a backup"));
    table::row("growth of the directory, median", at(grown.len() / 2), "bytes", Goal::AtMost(4095.0));
    table::row("the least", at(0), "bytes", Goal::None);
    table::row("the most", at(grown.len() - 1), "bytes", Goal::AtMost(65_536.0));
    let mut cpu: Vec<f64> = grown.iter().map(|(_, seconds)| 1000.0 * seconds.cpu).collect();
    cpu.sort_unstable_by(f64::total_cmp);
    table::row("processors' time, opening included, median", cpu[cpu.len() / 2], "ms", Goal::None);
    table::row("processors' time, the most", cpu[cpu.len() - 1], "ms", Goal::AtMost(20.0));
    tell_bytes(&repository)
}

/// Writes a sector anywhere in the block, and backs up.
fn write_one(number: u64, image: &Path, repository: &Path) -> Measured<(u64, Seconds)> {
    let mut bytes = [0; SECTOR_BYTES];
    random::fill(1 << 40 | number << 8, &mut bytes);
    let mut drawn = [0; 8];
    random::fill(1 << 41 | number, &mut drawn);
    let sector = u64::from_le_bytes(drawn) % (BLOCK_BYTES / SECTOR_BYTES) as u64;
    let offset = BLOCK_OFFSET + sector * SECTOR_BYTES as u64;
    OpenOptions::new().write(true).open(image)?.write_all_at(&bytes, offset)?;
    let before = directory_bytes(repository)?;
    let extent = Extent { offset, len_bytes: SECTOR_BYTES as u64, state: State::Data };
    let (report, seconds) = back_up_hinted(repository, &open(image)?, &[extent])?;
    assert_eq!(report.statistics.new_blocks, 1);
    Ok((directory_bytes(repository)? - before, seconds))
}

fn open(image: &Path) -> Measured<FileDisk> {
    FileDisk::open(image).map_err(|error| Failure(error.to_string()))
}

/// What the last session consists of.
fn tell_bytes(repository: &Path) -> Measured<()> {
    let medium = DirectoryMedium::open(repository, Access::Read).map_err(|error| Failure(error.to_string()))?;
    let segment = medium.previous(None)?.ok_or(Failure("no segment".into()))?;
    let parameters = header(&medium, segment)?.map_err(|fault| Failure(format!("{fault:?}")))?.parameters;
    let source = Source { medium: &medium, parameters };
    let len_bytes = medium.len(Name::Segment(segment))?;
    println!("\n### Where the bytes of the last go\n\n| entry | bytes | of them padding |\n|---|---|---|");
    let first = u64::from(parameters.first_entry());
    println!("| the segment's header | {first} | |");
    let (mut lines, mut chunk, mut end) = (Lines::by_scan(&source, segment, len_bytes, len_bytes), vec![0; 4096], first);
    while let Some(item) = lines.next(&source, &mut chunk)? {
        let Item::Line(line) = item else { continue };
        let bytes = line.end(&parameters) - u64::from(line.offset);
        let used = sarsen_core::format::entry::LEN as u64 + u64::from(line.stored_bytes);
        let name = match line.kind {
            Kind::Block { delta } => format!("a block, delta: {delta}"),
            Kind::Page { tree, delta } => format!("a page of {tree:?}, delta: {delta}"),
            kind => format!("{kind:?}"),
        };
        println!("| {name} | {bytes} | {} |", bytes - used);
        end = line.end(&parameters);
    }
    println!("| behind the last entry | {} | |\n| in all | {len_bytes} | |", len_bytes - end);
    Ok(())
}
