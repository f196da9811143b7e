//! Who does the work, how many, in which order, and how often a medium has to be asked: none of it shows in what is written or reported.

#![allow(clippy::unwrap_used)]

use embedded_io::ErrorKind;
use sarsen_core::disk::{Disk, Extent};
use sarsen_tests::image::{Layout, age, synthetic};
use sarsen_tests::rig::{Crew, Item, Plan, Restored, Rig, StillHost, TINY, Verdict};
use sarsen_tests::{Contents, MemDisk, SimMedium};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// A disk whose reads take different times, so that workers overtake each other.
struct Uneven {
    below: MemDisk,
    reads: AtomicU64,
}

impl Uneven {
    fn new(bytes: &[u8]) -> Uneven {
        Uneven { below: MemDisk::new(bytes.to_vec()).with_holes(4096), reads: AtomicU64::new(0) }
    }
}

impl Disk for Uneven {
    fn size(&self) -> u64 {
        self.below.size()
    }
    fn read_at(&self, offset: u64, to: &mut [u8]) -> Result<(), ErrorKind> {
        let reads = self.reads.fetch_add(1, Ordering::Relaxed);
        std::thread::sleep(Duration::from_micros(reads * 7919 % 600));
        self.below.read_at(offset, to)
    }
    fn next_extent(&self, offset: u64) -> Result<Extent, ErrorKind> {
        self.below.next_extent(offset)
    }
}

/// All that can be told of a repository, from a life of a few verbs.
#[derive(PartialEq, Eq, Debug)]
struct Life {
    contents: Contents,
    verdict: Verdict,
    restored: Restored,
    list: Vec<Item>,
}

/// Two backups, the first removed again; then everything is read. A medium that has to be waited for is only read: no writer has one.
fn live(crew: Crew, pending: bool) -> Life {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host).with_crew(crew);
    rig.init(&TINY).unwrap();
    let mut bytes = synthetic(1, Layout { size: 1 << 20, files: 12, file_bytes_max: 100 << 10 });
    let first = Plan { name: "vm", snapshot: "one", checkpoint_bytes: 200_000, ..Plan::default() };
    rig.backup(&Uneven::new(&bytes), &first).unwrap();
    age(&mut bytes, 2, 9);
    rig.backup(&Uneven::new(&bytes), &Plan { name: "vm", snapshot: "two", base: "vm", ..Plan::default() }).unwrap();
    rig.remove(|item| item.snapshot == "one").unwrap();
    rig.gc().unwrap();
    rig.compact().unwrap();
    medium.set_patience_needed(pending);
    let verdict = rig.scrub().unwrap();
    let list = rig.list().unwrap();
    let restored = rig.restore(&list[0]).unwrap();
    assert!(verdict.is_clean() && restored.bytes == bytes, "the second disk comes back");
    Life { contents: medium.contents(), verdict, restored, list }
}

fn threads(count: usize) -> Crew {
    Crew::Threads(NonZeroUsize::new(count).unwrap())
}

#[test]
fn any_crew_writes_the_same_repository_and_reports_the_same() {
    let inline = live(Crew::Inline, false);
    for crew in [threads(1), threads(2), threads(8), Crew::Shuffled { seed: 3, out: 7 }] {
        assert!(live(crew, false) == inline, "{crew:?}");
    }
}

#[test]
fn a_medium_that_has_to_be_waited_for_reads_the_same() {
    let inline = live(Crew::Inline, false);
    for crew in [Crew::Inline, threads(4), Crew::Shuffled { seed: 4, out: 5 }] {
        assert!(live(crew, true) == inline, "{crew:?}");
    }
}
