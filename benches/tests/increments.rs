//! What an increment adds is exact, so it is a promise: changed pages cost little more than themselves, day after day, and a sector under 4 KiB.
#![allow(clippy::unwrap_used, clippy::cast_possible_truncation)]

use embedded_io::ErrorKind;
use sarsen_benches::Failure;
use sarsen_benches::fill::{description, init, load, with_store};
use sarsen_benches::random;
use sarsen_core::catalogue::{Search, Wanted};
use sarsen_core::disk::Disk;
use sarsen_core::draft::{Draft, DraftDisk, Frames, Held};
use sarsen_core::error::Error;
use sarsen_core::format::commit::Root;
use sarsen_core::format::record::HintSource;
use sarsen_core::hints::{Extent, Hinted, Hints, State};
use sarsen_core::ops::backup::{Backup, Ending, Memory, Options, Start, pages_bytes};
use sarsen_core::ops::init;
use sarsen_core::store::Store;
use sarsen_host::runner::{self, Bench, Shared};
use sarsen_host::{Heap, MemoryMedium, System};

const PAGE: usize = 4096;
const RUN: usize = 256 << 10;
const SECTOR: usize = 512;
const DISK: usize = 24 << 20;

/// A disk in memory, full of bytes that do not compress.
struct Full(Vec<u8>);

impl Full {
    fn new() -> Full {
        let mut bytes = vec![0; DISK];
        random::fill(0, &mut bytes);
        Full(bytes)
    }

    /// Writes a hundredth of it in pieces, and says where.
    fn change(&mut self, day: u64, piece: usize) -> Vec<usize> {
        let mut drawn = vec![0; 8 * (DISK / 100).div_ceil(piece)];
        random::fill(day << 32, &mut drawn);
        let draws = drawn.chunks(8).map(|eight| u64::from_le_bytes(eight.try_into().unwrap()) as usize);
        let mut offsets: Vec<usize> = draws.map(|drawn| drawn % (DISK / piece) * piece).collect();
        offsets.sort_unstable();
        offsets.dedup();
        offsets.iter().for_each(|&offset| random::fill(day << 48 | offset as u64, &mut self.0[offset..offset + piece]));
        offsets
    }
}

impl Disk for Full {
    fn size(&self) -> u64 {
        self.0.len() as u64
    }
    fn read_at(&self, offset: u64, to: &mut [u8]) -> Result<(), ErrorKind> {
        let start = offset as usize;
        to.copy_from_slice(self.0.get(start..start + to.len()).ok_or(ErrorKind::InvalidInput)?);
        Ok(())
    }
}

/// Pieces at these offsets, as somebody says who keeps a bit for so many bytes.
fn hints(offsets: &[usize], piece: usize, bit: usize) -> Vec<Extent> {
    let extent = |start: usize, end: usize| Extent { offset: start as u64, len_bytes: (end - start) as u64, state: State::Data };
    offsets.iter().map(|&offset| extent(offset / bit * bit, (offset + piece).next_multiple_of(bit))).collect()
}

fn new_repository() -> MemoryMedium {
    let medium = MemoryMedium::new();
    init(&medium, &System::new(), &init::Options::HOST).unwrap();
    medium
}

fn newest(store: &mut Store<'_>) -> Result<Start, Error> {
    let Ok(found) = Search::of(store, Wanted::Latest).run(store) else { return Ok(Start::EMPTY) };
    Ok(Start::on(&found.entry.link, store)?.unwrap_or(Start::EMPTY))
}

/// Backs up on the newest version; bytes it took.
fn back_up(medium: &MemoryMedium, disk: &Full, hints: Option<&[Extent]>) -> u64 {
    let Some(extents) = hints else { return back_up_as(medium, disk, HintSource::None) };
    let mut slots = Heap::new();
    let mut hints = Hints::new(&mut slots);
    extents.iter().for_each(|&extent| hints.push(extent).unwrap());
    let view = hints.settle(disk.size()).unwrap();
    back_up_as(medium, &Hinted { disk, view }, HintSource::Caller)
}

fn back_up_as(medium: &MemoryMedium, disk: &(dyn Disk + Sync), hints: HintSource) -> u64 {
    let before = medium.used_bytes();
    let done = with_store(medium, &System::new(), |store| {
        let start = newest(store)?;
        let bytes = pages_bytes(store.parameters(), disk.size());
        let (mut base, mut draft) = (vec![0; bytes], vec![0; bytes]);
        let options = Options {
            name: "disk",
            snapshot: "",
            source: "increments",
            group: [0; 16],
            start,
            hints: (hints, ""),
            spot_checks: 0,
            checkpoint_bytes: 0,
            ending: Ending::Version,
        };
        let mut task = Backup::new(store, disk, options, Memory { base: &mut base, draft: &mut draft })?;
        Ok(runner::run_inline(&mut task, store, Shared { medium, disk: Some(disk) }, &mut |_, _| ())?)
    });
    done.map_err(|Failure(text)| text).unwrap();
    medium.used_bytes() - before
}

/// Thousandths of a byte that are added for each byte that changes.
fn growth(piece: usize, bit: Option<usize>) -> u64 {
    let (medium, mut disk) = (new_repository(), Full::new());
    back_up(&medium, &disk, None);
    let offsets = disk.change(1, piece);
    let hints = bit.map(|bit| hints(&offsets, piece, bit));
    back_up(&medium, &disk, hints.as_deref()) * 1000 / (offsets.len() * piece) as u64
}

#[test]
fn changed_pages_add_a_twentieth_more_than_themselves_whoever_knows_of_them() {
    let blind = growth(PAGE, None);
    assert!((1000..=1050).contains(&blind), "{blind} thousandths");
    assert_eq!([growth(PAGE, Some(PAGE)), growth(PAGE, Some(64 << 10))], [blind; 2]);
    assert!(growth(RUN, None) <= 1030 && growth(RUN, Some(PAGE)) <= 1030);
}

/// Checks the check: pages cost more where a block is stored whole for each.
#[test]
fn a_block_that_is_stored_whole_is_seen_to_add_more() {
    let (medium, mut disk) = (new_repository(), Full::new());
    back_up(&medium, &disk, None);
    let offsets = disk.change(1, RUN);
    let added = back_up(&new_repository(), &disk, None);
    assert!(added > 1050 * (offsets.len() * RUN) as u64 / 1000);
}

#[test]
fn sixty_four_days_in_a_row_add_at_most_twice_and_a_fifth_what_changed() {
    let (medium, mut disk) = (new_repository(), Full::new());
    back_up(&medium, &disk, None);
    let (mut added, mut changed) = (0, 0);
    for day in 1..=64 {
        let offsets = disk.change(day, PAGE);
        let bytes = (offsets.len() * PAGE) as u64;
        let more = back_up(&medium, &disk, Some(&hints(&offsets, PAGE, PAGE)));
        // One merged block of six shows; of hundreds it would not.
        assert!(more <= 9 * bytes, "{more} for {bytes} on day {day}");
        (added, changed) = (added + more, changed + bytes);
    }
    assert!(10 * added <= 22 * changed, "{added} for {changed}");
}

#[test]
fn a_changed_sector_adds_less_than_4_kib() {
    let (medium, mut disk) = (new_repository(), Full::new());
    back_up(&medium, &disk, None);
    let mut added: Vec<u64> = Vec::new();
    for number in 0..64usize {
        let offset = number * 7919 % (DISK / SECTOR / 6) * SECTOR;
        random::fill(1 << 40 | (number as u64) << 8, &mut disk.0[offset..offset + SECTOR]);
        added.push(back_up(&medium, &disk, Some(&hints(&[offset], SECTOR, SECTOR))));
    }
    added.sort_unstable();
    assert!(added[32] < 4096 && added[63] <= 64 << 10, "{added:?}");
}

/// A page written to a draft with little memory, anywhere, with a checkpoint now and then.
#[test]
fn a_page_written_to_a_draft_adds_at_most_thrice_itself() {
    const WRITES: u64 = 400;
    let medium = new_repository();
    let before = medium.used_bytes();
    let written = with_store(&medium, &System::new(), |store| {
        load(store)?;
        let (size, frame) = (4u64 << 30, 1 << init::Options::HOST.frame_log2);
        let mut pages = vec![0; pages_bytes(store.parameters(), size)];
        let draft = Draft::begin(store, description(size), Root::EMPTY, None, &mut pages)?;
        let (mut held, mut bytes) = (vec![Held::FREE; 64], vec![0; 64 * frame]);
        let mut disk = DraftDisk::new(store, draft, Frames { held: &mut held, bytes: &mut bytes })?;
        let (mut bench, mut page) = (Bench::new(store.parameters())?, [0; PAGE]);
        for number in 1..=WRITES {
            let mut drawn = [0; 8];
            random::fill(1 << 42 | number, &mut drawn);
            random::fill(number << 10, &mut page);
            disk.write_at((u64::from_le_bytes(drawn) % (size >> 12)) << 12, &page, store, &mut bench.work())?;
            if number % 100 == 0 {
                disk.flush(0, store, &mut bench.work())?;
            }
        }
        disk.finish(store, &mut bench.work())?;
        Ok(store.close()?)
    });
    written.map_err(|Failure(text)| text).unwrap();
    let added = medium.used_bytes() - before;
    assert!((1..=3).contains(&(added / (WRITES * PAGE as u64))), "{added}");
}
