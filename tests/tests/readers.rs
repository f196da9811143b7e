//! Readers beside a writer.
#![allow(clippy::unwrap_used)]

use embedded_io::ErrorKind;
use sarsen_core::catalogue::{Wanted, with_record};
use sarsen_core::disk::DiskMut;
use sarsen_core::ops::restore::{Options, Restore};
use sarsen_core::version::Version;
use sarsen_tests::rig::{Plan, Rig, StillHost, TINY};
use sarsen_tests::{MemDisk, MemTarget, SimMedium};
use std::cell::Cell;

/// A target that has the repository collected and compacted by somebody else when the first block arrives.
struct Disturbing<'a> {
    target: MemTarget,
    medium: &'a SimMedium,
    done: Cell<bool>,
}

impl DiskMut for Disturbing<'_> {
    fn write_at(&self, offset: u64, from: &[u8]) -> Result<(), ErrorKind> {
        if !self.done.replace(true) {
            let host = StillHost::new(2000, 2);
            let other = Rig::new(self.medium, &host);
            other.remove(|item| item.name == "old").unwrap();
            assert!(other.gc().unwrap().removed + other.compact().unwrap().removed > 2);
        }
        self.target.write_at(offset, from)
    }
    fn zero(&self, offset: u64, len_bytes: u64) -> Result<(), ErrorKind> {
        self.target.zero(offset, len_bytes)
    }
    fn flush(&self) -> Result<(), ErrorKind> {
        self.target.flush()
    }
}

/// Compaction removes the segments a restore is reading from: the restore finds everything in the new ones and loses nothing.
#[test]
fn a_restore_goes_on_while_another_process_compacts() {
    let (medium, host) = (SimMedium::new(3), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&TINY).unwrap();
    let (keep, mut mixed) = (MemDisk::random(1, 200_000).bytes(), Vec::new());
    for (kept, other) in keep.chunks(8192).zip(MemDisk::random(2, 200_000).bytes().chunks(8192)) {
        mixed.extend_from_slice(kept);
        mixed.extend_from_slice(other);
    }
    // Every segment holds blocks of both, so that removing one version makes all of them sparse.
    rig.backup(&MemDisk::new(mixed), &Plan { name: "old", ..Plan::default() }).unwrap();
    rig.backup(&MemDisk::new(keep.clone()), &Plan { name: "kept", ..Plan::default() }).unwrap();
    let target = Disturbing { target: MemTarget::filled(keep.len()), medium: &medium, done: Cell::new(false) };
    let report = rig
        .with(|store| {
            let found = rig.find(store, Wanted::Name("kept"))?;
            let (size, top) = with_record(store, &found.entry.link, |_, r| (r.disk_size, r.top))?;
            let mut pages = vec![0; 1 << 16];
            let version = Version::of_tree(&store.parameters().clone(), size, top, &mut pages);
            let mut task = Restore::new(store, version, &target, Options { target_is_zero: false });
            rig.run(&mut task, store, None)
        })
        .unwrap();
    assert!(target.done.get());
    assert_eq!(report.0.lost_bytes, 0, "{report:?}");
    assert_eq!(target.target.bytes(), keep);
}
