//! A medium that fetches several ranges at once is waited for far less often, and nothing else changes.

#![allow(clippy::unwrap_used)]

use sarsen_core::catalogue::with_record;
use sarsen_core::error::Error;
use sarsen_core::frame::Work;
use sarsen_core::ops::check::{Check, Depth};
use sarsen_core::ops::init;
use sarsen_core::ops::restore::{self, Restore};
use sarsen_core::store::{Store, table_bytes};
use sarsen_core::task::{Event, Job, Next, Outcome, Task};
use sarsen_core::types::SegmentNumber;
use sarsen_core::version::Version;
use sarsen_tests::rig::{Item, Plan, Rig, StillHost, TINY, patiently};
use sarsen_tests::{MemDisk, MemTarget, Random, SimMedium};

const OPTIONS: init::Options = init::Options { block_log2: 12, frame_log2: 12, segment_bytes: 512 << 10, ..TINY };
const BLOCKS: usize = 1_000;

/// A task, and how often its director has to wait for the medium.
struct Counted<T> {
    task: T,
    waits: usize,
}

impl<T: Task> Task for Counted<T> {
    type Report = T::Report;

    fn next(&mut self, store: &mut Store<'_>) -> Result<Next<T::Report>, Error> {
        let next = self.task.next(store);
        self.waits += usize::from(next.as_ref().is_err_and(Error::is_pending));
        next
    }

    fn accept(
        &mut self,
        store: &mut Store<'_>,
        job: &Job,
        outcome: Result<Outcome, Error>,
        work: &mut Work<'_>,
    ) -> Result<Option<Event>, Error> {
        self.task.accept(store, job, outcome, work)
    }
}

/// Two versions, of which the second has blocks that lie on those of the first; one block is damaged.
fn house() -> (SimMedium, StillHost) {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&OPTIONS).unwrap();
    let disk = MemDisk::random(2, BLOCKS << 12);
    rig.backup(&disk, &Plan { name: "vm", ..Plan::default() }).unwrap();
    let mut random = Random::new(3);
    (0..BLOCKS).step_by(3).for_each(|block| disk.write((block << 12) + 512 * random.below(8), &random.bytes(20)));
    rig.backup(&disk, &Plan { name: "vm", base: "vm", ..Plan::default() }).unwrap();
    medium.flip(SegmentNumber(2), 100_000, 1);
    (medium, host)
}

/// How often each verb waits, and all that they said.
fn waits(medium: &SimMedium, host: &StillHost, ahead: bool) -> ([usize; 3], String) {
    medium.set_fetching_ahead(ahead);
    let rig = Rig::new(medium, host);
    let item = rig.list().unwrap().pop().unwrap();
    medium.set_patience_needed(true);
    let (check, checked) = inspected(&rig, Depth::Check);
    let (scrub, scrubbed) = inspected(&rig, Depth::Scrub);
    let (restore, restored) = restored(&rig, &item);
    medium.set_patience_needed(false);
    ([check, scrub, restore], format!("{checked}\n{scrubbed}\n{restored}"))
}

fn inspected(rig: &Rig<'_>, depth: Depth) -> (usize, String) {
    rig.with(|store| {
        let mut pages = vec![0; table_bytes(8, 9)];
        let mut counted = Counted { task: Check::new(store, depth, &mut pages), waits: 0 };
        let told = rig.run(&mut counted, store, None)?;
        Ok((counted.waits, format!("{told:?}")))
    })
    .unwrap()
}

fn restored(rig: &Rig<'_>, item: &Item) -> (usize, String) {
    rig.with(|store| {
        let (mut pages, target) = (vec![0; table_bytes(8, 9)], MemTarget::filled(BLOCKS << 12));
        let top = patiently(|| with_record(store, &item.entry.link, |_, record| record.top))?;
        let version = Version::of_tree(&store.parameters().clone(), item.size, top, &mut pages);
        let task = Restore::new(store, version, &target, restore::Options { target_is_zero: false });
        let mut counted = Counted { task, waits: 0 };
        let told = rig.run(&mut counted, store, None)?;
        Ok((counted.waits, format!("{told:?} {:?}", target.bytes())))
    })
    .unwrap()
}

#[test]
fn what_is_asked_for_at_once_is_waited_for_once() {
    let (medium, host) = house();
    let (one_by_one, told) = waits(&medium, &host, false);
    let (ahead, also_told) = waits(&medium, &host, true);
    assert_eq!(told, also_told);
    assert!(told.contains("Payload") && told.contains("Lost"), "one block is damaged");
    for (before, after) in one_by_one.into_iter().zip(ahead) {
        // What is left is for footers and pages.
        assert!(before - after > BLOCKS * 2 / 3, "{one_by_one:?} waits of a check, a scrub and a restore; ahead {ahead:?}");
    }
}
