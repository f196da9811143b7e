//! What cannot be read is told, and is neither damage nor proof: a scrub goes on without it, and says of the versions that need it that nobody knows.

#![allow(clippy::unwrap_used)]

use sarsen_core::error::{Error, Trouble};
use sarsen_core::format::entry::{Kind, TreeKind};
use sarsen_core::ops::check::{Depth, Report};
use sarsen_core::ops::init;
use sarsen_core::task::{Event, FindingKind};
use sarsen_core::types::{Place, SegmentNumber};
use sarsen_tests::anatomy::{Part, Role, parts};
use sarsen_tests::rig::{Plan, Rig, StillHost, TINY, Verdict};
use sarsen_tests::{Fault, MemDisk, Operation, Random, SimMedium};
use std::collections::BTreeSet;

const OPTIONS: init::Options = init::Options { block_log2: 13, frame_log2: 12, segment_bytes: 128 << 10, ..TINY };
const FAILED: Trouble = Trouble::Failed(embedded_io::ErrorKind::Other);

/// A repository of three versions of a disk, each of which lies on the one before.
fn house() -> (SimMedium, StillHost) {
    let (medium, host) = (SimMedium::new(1), StillHost::new(1000, 1));
    let (disk, mut random) = (MemDisk::random(2, 320 << 10), Random::new(3));
    let rig = Rig::new(&medium, &host);
    rig.init(&OPTIONS).unwrap();
    for snapshot in ["1", "2", "3"] {
        let base = if snapshot == "1" { "" } else { "vm" };
        rig.backup(&disk, &Plan { name: "vm", snapshot, base, ..Plan::default() }).unwrap();
        for _ in 0..4 {
            disk.write(random.below(600) * 512, &random.bytes(512));
        }
    }
    (medium, host)
}

fn parts_of(medium: &SimMedium, host: &StillHost) -> Vec<Part> {
    Rig::new(medium, host).with(parts).unwrap()
}

fn scrub(medium: &SimMedium, host: &StillHost) -> Result<(Report, Verdict), Error> {
    Rig::new(medium, host).check(Depth::Scrub)
}

/// Whether manifests lead there: a block, or a page of theirs.
fn is_of_a_disk(part: &Part) -> bool {
    matches!(part.role, Role::Entry { kind: Kind::Block { .. } | Kind::Page { tree: TreeKind::Manifest, .. }, .. })
}

fn is_of_a_table(part: &Part) -> bool {
    matches!(part.role, Role::Entry { kind: Kind::Page { tree, .. }, .. } if tree != TreeKind::Manifest)
        || matches!(part.role, Role::Entry { kind: Kind::Commit, .. })
}

/// Whatever a version needs, it is not judged without, and the others are: as damage to the same entry hits the same versions.
#[test]
fn versions_that_need_what_cannot_be_read_are_neither_whole_nor_hit() {
    let (medium, host) = house();
    let (mut of_a_disk, mut unproved) = (0, 0);
    for part in parts_of(&medium, &host).iter().filter(|part| is_of_a_disk(part)) {
        // The header of the entry, or its payload alone.
        for start in [part.range.start, part.range.start + 140] {
            let (failing, damaged) = (medium.fork(1), medium.fork(1));
            failing.make_failing(part.place.segment, start..start + 1);
            damaged.flip(part.place.segment, start, 1);
            let (report, told) = scrub(&failing, &host).unwrap();
            let (_, judged) = scrub(&damaged, &host).unwrap();
            assert_eq!(told.findings, [(Some(part.place), "unreadable")], "{part:?}");
            assert_eq!((&told.unread, &told.whole), (&judged.hit, &judged.whole), "{part:?}");
            assert_eq!(told.hit, [""; 0]);
            assert_eq!((report.damaged(), report.marks_written), (false, false));
            assert_eq!((report.unread, report.unproved), (1, told.unread.len() as u64));
            (of_a_disk, unproved) = (of_a_disk + 1, unproved + told.unread.len());
        }
    }
    assert!(of_a_disk > 100 && unproved > of_a_disk);
}

/// The range that is told is the entry's, to the byte.
#[test]
fn a_range_that_cannot_be_read_is_told_with_its_length() {
    let (medium, host) = house();
    let parts = parts_of(&medium, &host);
    let part = parts.iter().find(|part| is_of_a_disk(part)).unwrap();
    medium.make_failing(part.place.segment, part.range.end - 1..part.range.end);
    let events = Rig::new(&medium, &host).check_events(Depth::Scrub).unwrap();
    let found = events.iter().find_map(|event| match event {
        Event::Finding(finding) => Some(*finding),
        _ => None,
    });
    let found = found.unwrap();
    assert_eq!((found.kind, found.place), (FindingKind::Unreadable, Some(part.place)));
    assert_eq!(found.len_bytes, part.range.len() as u64);
}

/// Where the medium says that just these bytes are lost they are damaged, so that the next backup stores anew what it still has.
#[test]
fn what_the_medium_says_is_lost_is_damage() {
    let (medium, host) = house();
    let parts = parts_of(&medium, &host);
    let part = parts.iter().find(|part| is_of_a_disk(part)).unwrap();
    for start in [part.range.start, part.range.start + 140] {
        let lost = medium.fork(1);
        lost.make_unreadable(part.place.segment, start..start + 1);
        let (report, told) = scrub(&lost, &host).unwrap();
        assert_eq!(told.findings, [(Some(part.place), "unreadable")]);
        assert!(report.damaged() && report.marks_written && report.unread == 0);
        assert!(!told.hit.is_empty() && told.unread.is_empty());
    }
}

/// Reads of a footer or a record, or of any part of a segment but the newest: nothing is said of what was not seen. What leads to all else, the
/// tables and the newest segment, is an error as ever.
#[test]
fn wherever_reading_fails_nothing_is_called_damaged() {
    let (medium, host) = house();
    let mut went_on = 0;
    let parts = parts_of(&medium, &host);
    for part in &parts {
        let failing = medium.fork(1);
        failing.make_failing(part.place.segment, part.range.clone());
        for depth in [Depth::Check, Depth::Scrub] {
            match Rig::new(&failing, &host).check(depth) {
                Ok((report, told)) => {
                    assert!(!report.damaged() && told.hit.is_empty(), "{part:?}: {told:?}");
                    let clean = part.finding_at(part.range.start).is_none() || depth == Depth::Check;
                    assert!(clean || report.unread > 0, "{part:?} {depth:?}");
                    went_on += 1;
                }
                Err(error) => {
                    assert!(matches!(error, Error::Medium { trouble: FAILED, .. }), "{part:?}: {error:?}");
                    assert!(!is_of_a_disk(part), "{depth:?} {part:?}");
                }
            }
        }
    }
    assert!(went_on > parts.len(), "{went_on} of {}", 2 * parts.len());
}

/// A file that nobody may read: one range, and no version of which something may lie there is judged.
#[test]
fn a_segment_that_cannot_be_read_is_passed_over_as_a_whole() {
    let (medium, host) = house();
    let parts = parts_of(&medium, &host);
    let of =
        |is: fn(&Part) -> bool| parts.iter().filter(|part| is(part)).map(|part| part.place.segment.0).collect::<BTreeSet<u32>>();
    // Without the tables nothing is known at all.
    let segments: Vec<u32> = of(is_of_a_disk).difference(&of(is_of_a_table)).copied().collect();
    assert!(segments.len() > 1);
    for number in segments {
        let failing = medium.fork(1);
        failing.make_failing(SegmentNumber(number), 0..1 << 30);
        for depth in [Depth::Check, Depth::Scrub] {
            let (report, told) = Rig::new(&failing, &host).check(depth).unwrap();
            assert_eq!(told.findings, [(Some(Place::new(SegmentNumber(number), 0)), "unreadable")]);
            assert!(told.hit.is_empty() && report.unproved > 0 && report.unproved == told.unread.len() as u64, "{told:?}");
            assert!(!report.damaged() && !report.marks_written);
        }
    }
}

/// Damage is damage, also where something else cannot be read; and it is noted.
#[test]
fn damage_beside_what_cannot_be_read_is_told_and_noted() {
    let (medium, host) = house();
    let parts = parts_of(&medium, &host);
    let blocks: Vec<&Part> = parts.iter().filter(|part| is_of_a_disk(part)).collect();
    let (failing, damaged) = (blocks[0], blocks[1]);
    medium.make_failing(failing.place.segment, failing.range.clone());
    medium.flip(damaged.place.segment, damaged.range.start + 140, 1);
    let (report, told) = scrub(&medium, &host).unwrap();
    assert_eq!(told.findings, [(Some(failing.place), "unreadable"), (Some(damaged.place), "payload")]);
    assert!(report.damaged() && report.marks_written);
    assert!(!told.hit.is_empty());
    let marks = Rig::new(&medium, &host).with(|store| {
        while !store.load()? {}
        Ok(store.marks().iter().map(|mark| mark.place).collect::<Vec<_>>())
    });
    assert_eq!(marks, Ok(vec![damaged.place]));
}

/// A scrub of one version, and what it does not need.
#[test]
fn a_scrub_of_a_version_passes_over_what_cannot_be_read() {
    let (medium, host) = house();
    let items = Rig::new(&medium, &host).list().unwrap();
    let mut unread = 0;
    for part in parts_of(&medium, &host).iter().filter(|part| is_of_a_disk(part)) {
        let failing = medium.fork(1);
        failing.make_failing(part.place.segment, part.range.start..part.range.start + 1);
        let (_, all) = scrub(&failing, &host).unwrap();
        for item in &items {
            let (report, told) = Rig::new(&failing, &host).scrub_version(item).unwrap();
            let needed = all.unread.contains(&item.id.to_string());
            assert_eq!(told.unread.len(), usize::from(needed), "{part:?}");
            assert_eq!(told.whole.len(), usize::from(!needed), "{part:?}");
            assert!(!report.damaged() && report.unread == u64::from(needed), "{part:?}: {told:?}");
            unread += u64::from(needed);
        }
    }
    assert!(unread > 0);
}

/// A medium that has gone away is an error, soon, whenever that happens.
#[test]
fn a_medium_that_fails_from_some_read_on_ends_a_scrub_soon() {
    let (medium, host) = house();
    let whole = medium.fork(1);
    scrub(&whole, &host).unwrap();
    let reads = whole.counters().of(Operation::Read);
    let mut ended = 0;
    for left in (0..reads).step_by(17) {
        let dying = medium.fork(1);
        dying.fail_from(Operation::Read, left, Fault::Refuse(FAILED));
        let before = dying.counters().of(Operation::Read);
        // Near its end there are too few reads left to tell the two apart.
        match scrub(&dying, &host) {
            Ok((report, _)) => {
                assert!(report.unread > 0 && !report.damaged() && left > reads / 2, "after {left} of {reads}: {report:?}")
            }
            Err(error) => assert!(error.unread().is_some() || left < 20, "{error:?}"),
        }
        let more = dying.counters().of(Operation::Read) - before - left;
        assert!(more < 1000, "{more} reads after {left} of {reads}");
        ended += 1;
    }
    assert!(ended > 10);
}

/// What was passed over is tried again by whoever comes next, who hears of it.
#[test]
fn after_a_scrub_nothing_is_taken_for_lost() {
    let (medium, host) = house();
    let parts = parts_of(&medium, &host);
    let block = parts.iter().find(|part| matches!(part.role, Role::Entry { kind: Kind::Block { .. }, .. })).unwrap();
    for range in [block.range.clone(), 0..1 << 30] {
        let failing = medium.fork(1);
        failing.make_failing(block.place.segment, range);
        let rig = Rig::new(&failing, &host);
        rig.with(|store| {
            rig.check_in(store, Depth::Scrub)?;
            assert!(!store.has_passed_over() && store.marks().is_empty());
            let item = rig.list_in(store)?.remove(0);
            let restored = rig.restore_in(store, &item);
            assert!(restored.is_err_and(|error| error.unread().is_some()));
            Ok(())
        })
        .unwrap();
    }
}

type Scrubbing<'a> = &'a dyn Fn(&Rig<'_>) -> Result<(Report, Verdict), Error>;

/// A read that fails once leads nobody past what is damaged: no version that damage hits is ever called whole, and what is sound is not called hit for it.
#[test]
fn one_read_that_fails_once_makes_nothing_whole_and_nothing_hit() {
    let (sound, host) = house();
    let last = Rig::new(&sound, &host).list().unwrap().pop().unwrap();
    let parts = parts_of(&sound, &host);
    let damaged = sound.fork(1);
    let block = parts.iter().rfind(|part| matches!(part.role, Role::Entry { kind: Kind::Block { delta: true }, .. })).unwrap();
    damaged.flip(block.place.segment, block.range.start + 140, 1);
    let hit = scrub(&damaged.fork(1), &host).unwrap().1.hit;
    assert!(hit.contains(&last.id.to_string()), "{hit:?}");
    let ways: [Scrubbing<'_>; 2] = [&|rig| rig.check(Depth::Scrub), &|rig| rig.scrub_version(&last)];
    let mut told = 0;
    for trouble in [FAILED, Trouble::Unreadable] {
        for way in ways {
            let counting = damaged.fork(1);
            way(&Rig::new(&counting, &host)).unwrap();
            for read in 0..counting.counters().of(Operation::Read) {
                let failing = damaged.fork(1);
                failing.fail(Operation::Read, read, Fault::Refuse(trouble));
                if let Ok((_, verdict)) = way(&Rig::new(&failing, &host)) {
                    let wrong = verdict.whole.iter().find(|id| hit.contains(id));
                    assert_eq!(wrong, None, "read {read} fails with {trouble:?}: {verdict:?}");
                    told += 1;
                }
                let failing = sound.fork(1);
                failing.fail(Operation::Read, read, Fault::Refuse(trouble));
                if let Ok((report, verdict)) = way(&Rig::new(&failing, &host)) {
                    assert!(trouble != FAILED || (verdict.hit.is_empty() && !report.damaged()), "read {read}: {verdict:?}");
                }
            }
        }
    }
    assert!(told > 1000, "{told}");
}
