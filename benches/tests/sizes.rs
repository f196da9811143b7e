//! Sizes are exact, so they are promises: what a large manifest takes, what its next version adds, what the index needs while it grows.
#![allow(clippy::unwrap_used)]

use sarsen_benches::Failure;
use sarsen_benches::fill::{conclude, init, load, version, with_store};
use sarsen_benches::random;
use sarsen_benches::watch::WatchedSlots;
use sarsen_core::catalogue::{Search, Wanted, with_record};
use sarsen_core::format::commit::Root;
use sarsen_core::index::Index;
use sarsen_core::manifest;
use sarsen_core::medium::{Medium, Name};
use sarsen_core::ops::init::Options;
use sarsen_core::types::{Place, SegmentNumber};
use sarsen_host::{MemoryMedium, System};

/// Builds a version of so many blocks of 4 MiB, each with an id of its own, on nothing; bytes it took.
fn build(medium: &MemoryMedium, blocks: u64) -> u64 {
    let before = medium.used_bytes();
    let built = with_store(medium, &System::new(), |store| {
        load(store)?;
        version(store, Root::EMPTY, blocks, 0..blocks, random::id)?;
        Ok(conclude(store)?)
    });
    built.map_err(|Failure(text)| text).unwrap();
    medium.used_bytes() - before
}

/// Changes one block of the newest version; bytes of the whole session, from its header to its footer.
fn change_one(medium: &MemoryMedium, blocks: u64, number: u64) -> u64 {
    let before = medium.used_bytes();
    let changed = with_store(medium, &System::new(), |store| {
        load(store)?;
        let found = Search::of(store, Wanted::Latest).run(store)?;
        let (size, top) = with_record(store, &found.entry.link, |_, record| (record.disk_size, record.top))?;
        let base = manifest::tree(store.parameters(), size, top);
        version(store, base, blocks, [blocks / 3].into_iter(), |block| random::id(blocks + block + number))?;
        Ok(conclude(store)?)
    });
    changed.map_err(|Failure(text)| text).unwrap();
    medium.used_bytes() - before
}

fn new_repository() -> MemoryMedium {
    let medium = MemoryMedium::new();
    init(&medium, &System::new(), &Options::HOST).unwrap();
    medium
}

/// 512 MiB of it are the ids themselves.
#[test]
fn a_manifest_of_64_tib_takes_560_mb_and_its_next_version_4_kib() {
    let medium = new_repository();
    let blocks = 1 << 24;
    let full = build(&medium, blocks);
    assert!((32 * blocks..560_000_000).contains(&full), "{full}");
    let next = change_one(&medium, blocks, 0);
    assert!(next < 4096, "{next}");
}

/// Chains of deltas are bounded, so now and then a page is stored whole; not often enough to matter.
#[test]
fn versions_with_one_changed_block_take_8_kib_on_average() {
    let medium = new_repository();
    let blocks = 1 << 20;
    build(&medium, blocks);
    let sessions: Vec<u64> = (0..27).map(|number| change_one(&medium, blocks, number)).collect();
    let average = sessions.iter().sum::<u64>() / 27;
    assert!(average < 8192, "{average} of {sessions:?}");
    assert!(sessions.iter().filter(|&&bytes| bytes < 4096).count() >= 21, "{sessions:?}");
}

/// With two seeds, since growth does not depend on what is inserted.
#[test]
fn the_index_takes_at_most_24_bytes_an_object_whenever_it_has_grown() {
    for seed in [[1, 2, 3, 4], [u64::MAX, 1 << 40, 77, 5]] {
        let mut slots = WatchedSlots::default();
        let mut index = Index::new(&mut slots, seed);
        (0..1 << 18).for_each(|number| index.insert(&random::id(number), Place::new(SegmentNumber(0), 16)).unwrap());
        assert_eq!(index.usage().objects, 1 << 18);
        let worst =
            slots.growths.iter().filter(|growth| growth.objects > 256).map(|growth| growth.slot_bytes * 1000 / growth.objects);
        let worst = worst.max().unwrap();
        assert!((16_000..=24_000).contains(&worst), "{worst} thousandths of a byte an object");
    }
}

/// Checks the check: a session that stores more is seen to.
#[test]
fn a_version_with_another_disk_takes_more_than_4_kib() {
    let medium = new_repository();
    build(&medium, 1000);
    assert!(build(&medium, 1001) > 4096);
    assert!(medium.len(Name::Pin).is_ok());
}
