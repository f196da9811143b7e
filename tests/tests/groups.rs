//! Versions of several disks that were taken at one moment become true at once, or not at all.
#![allow(clippy::unwrap_used)]

use sarsen_core::error::{Error, Refusal};
use sarsen_core::format::record::RecordKind;
use sarsen_core::medium::Rules;
use sarsen_core::ops::finish;
use sarsen_core::types::Id;
use sarsen_host::runner::Bench;
use sarsen_tests::canvas::Canvas;
use sarsen_tests::rig::{Plan, Rig, StillHost, TINY, patiently};
use sarsen_tests::{Loss, MemDisk, SimMedium};

const NAMES: [&str; 3] = ["a", "b", "c"];
const GROUP: [u8; 16] = *b"taken at once...";
const RULES: Rules = Rules { write_bytes: 16, segment_bytes: 1 << 20, pin: true };

fn disk(seed: u64) -> MemDisk {
    MemDisk::random(seed, 20_000 + 7 * seed as usize)
}

/// A repository with an older version of the first disk.
fn repository(rules: Rules) -> (SimMedium, StillHost) {
    let (medium, host) = (SimMedium::with_rules(1, rules), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&TINY).unwrap();
    rig.backup(&disk(9), &Plan { name: "a", ..Plan::default() }).unwrap();
    (medium, host)
}

/// Holds a version of each disk; their ids.
fn hold_all(rig: &Rig<'_>) -> Vec<Id> {
    let base = |name| if name == "a" { "a" } else { "" };
    let hold = |(seed, name)| {
        rig.backup(&disk(seed), &Plan { name, base: base(name), checkpoint_bytes: 5_000, group: GROUP, ..Plan::default() })
    };
    (0..).zip(NAMES).map(|disk| hold(disk).unwrap().version).collect()
}

fn finish(rig: &Rig<'_>, group: &[u8; 16]) -> Result<u64, Error> {
    rig.with(|store| patiently(|| finish::finish(store, group)))
}

/// Kind, name and id of each.
fn list(rig: &Rig<'_>) -> Vec<(RecordKind, String, Id)> {
    rig.list().unwrap().into_iter().map(|item| (item.kind.unwrap(), item.name, item.id)).collect()
}

/// Every version of the group is its disk, and nothing is wrong.
fn assert_whole(rig: &Rig<'_>, ids: &[Id]) {
    let list = rig.list().unwrap();
    for (seed, id) in (0..).zip(ids) {
        let item = list.iter().find(|item| item.id == *id).unwrap();
        assert_eq!(item.kind, Some(RecordKind::Version));
        let restored = rig.restore(item).unwrap();
        assert!(restored.lost.is_empty() && restored.bytes == disk(seed).bytes());
    }
    let verdict = rig.scrub().unwrap();
    assert!(verdict.is_clean() && verdict.hit.is_empty(), "{verdict:?}");
}

#[test]
fn what_is_held_becomes_the_versions_that_were_told_all_at_once() {
    let (medium, host) = repository(RULES);
    let rig = Rig::new(&medium, &host);
    let ids = hold_all(&rig);
    let held = list(&rig);
    assert!(held[1..].iter().zip(NAMES).all(|(row, name)| (row.0, row.1.as_str()) == (RecordKind::Draft, name)));
    rig.gc().unwrap();
    rig.compact().unwrap();
    assert_eq!(finish(&rig, &GROUP), Ok(3));
    let finished: Vec<_> = NAMES.into_iter().zip(&ids).map(|(name, id)| (RecordKind::Version, name.to_owned(), *id)).collect();
    assert_eq!(list(&rig)[1..], finished);
    assert_whole(&rig, &ids);
    assert_eq!(finish(&rig, &GROUP), Err(Refusal::UnknownGroup.into()));
}

#[test]
fn nothing_becomes_true_before_all_of_it_is_done() {
    let (medium, host) = repository(RULES);
    let rig = Rig::new(&medium, &host);
    let plan = |name| Plan { name, checkpoint_bytes: 5_000, group: GROUP, ..Plan::default() };
    rig.backup(&disk(0), &plan("a")).unwrap();
    let failing = disk(1);
    failing.fail_at(15_000);
    rig.backup(&failing, &plan("b")).unwrap_err();
    let before = medium.contents();
    assert_eq!(finish(&rig, &GROUP), Err(Refusal::Unfinished.into()));
    assert_eq!(finish(&rig, b"another group..."), Err(Refusal::UnknownGroup.into()));
    assert_eq!(finish(&rig, &[0; 16]), Err(Refusal::Parameter.into()));
    medium.set_read_only(true);
    assert_eq!(finish(&rig, &GROUP), Err(Refusal::ReadOnly.into()));
    medium.set_read_only(false);
    assert_eq!(medium.contents(), before);
    // Gone on with, it is as if nothing had been in its way.
    let id = rig.backup(&disk(1), &Plan { continued: true, ..plan("b") }).unwrap().version;
    assert_eq!(finish(&rig, &GROUP), Ok(2));
    assert_eq!(list(&rig)[2], (RecordKind::Version, "b".into(), id));
    assert_eq!(rig.restore(&rig.list().unwrap()[2]).unwrap().bytes, disk(1).bytes());
}

#[test]
fn a_draft_that_was_written_is_held_with_the_others() {
    let (medium, host) = repository(RULES);
    let rig = Rig::new(&medium, &host);
    let mut ids = hold_all(&rig)[..2].to_vec();
    let bytes = disk(2).bytes();
    rig.remove(|item| item.name == "c").unwrap();
    ids.push(
        rig.with(|store| {
            let mut canvas = Canvas::new(store.parameters(), 2);
            let plan = Plan { name: "c", group: GROUP, ..Plan::default() };
            let mut sheet = canvas.begin(&rig, store, &plan, Some(bytes.len() as u64))?;
            let mut bench = Bench::new(store.parameters())?;
            sheet.write_at(0, &bytes, store, &mut bench.work())?;
            sheet.flush(0, store, &mut bench.work())?;
            assert_eq!(finish::finish(store, &GROUP), Err(Refusal::Unfinished.into()));
            let (id, _) = sheet.hold(store, &mut bench.work())?;
            store.close()?;
            Ok(id)
        })
        .unwrap(),
    );
    assert_eq!(finish(&rig, &GROUP), Ok(3));
    assert_whole(&rig, &ids);
}

#[test]
fn power_may_go_at_any_operation_and_all_of_a_group_are_versions_or_none() {
    for pin in [true, false] {
        let (medium, host) = repository(Rules { pin, ..RULES });
        let ids = hold_all(&Rig::new(&medium, &host));
        let before = list(&Rig::new(&medium, &host));
        let whole = medium.fork(1);
        let count = whole.counters().mutations();
        finish(&Rig::new(&whole, &host), &GROUP).unwrap();
        let after = list(&Rig::new(&whole, &host));
        let mut seen = [0; 2];
        for at in 0..=whole.counters().mutations() - count {
            for (seed, loss) in (at..).zip([Loss::Nothing, Loss::Everything, Loss::Anything, Loss::Anything]) {
                let medium = medium.fork(seed);
                medium.cut_at(at);
                let rig = Rig::new(&medium, &host);
                let done = finish(&rig, &GROUP);
                medium.power_cycle(seed, loss);
                let now = list(&rig);
                assert!(now == before || now == after, "cut at {at}, {loss:?}: {now:?}");
                assert!(done.is_err() || now == after, "cut at {at}, {loss:?}: said to be done");
                seen[usize::from(now == after)] += 1;
                let again = finish(&rig, &GROUP);
                assert_eq!(again, if now == after { Err(Refusal::UnknownGroup.into()) } else { Ok(3) });
                assert_whole(&rig, &ids);
            }
        }
        assert!(seen.iter().all(|&count| count > 5), "{seen:?}");
    }
}

#[test]
fn a_medium_that_is_not_ready_is_waited_for() {
    let (medium, host) = repository(RULES);
    medium.set_patience_needed(true);
    let rig = Rig::new(&medium, &host);
    let ids = hold_all(&rig);
    assert_eq!(finish(&rig, &GROUP), Ok(3));
    medium.set_patience_needed(false);
    assert_whole(&rig, &ids);
}
