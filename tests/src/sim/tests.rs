//! The simulator must really lose things, and only what may be lost.

use super::*;
use std::collections::BTreeSet;

const FIRST: SegmentNumber = SegmentNumber(0);
const SECOND: SegmentNumber = SegmentNumber(1);
const IO: Trouble = Trouble::Failed(ErrorKind::Other);

fn read(medium: &SimMedium, at: u64, len: usize) -> Result<Vec<u8>, Trouble> {
    let mut bytes = vec![0; len];
    medium.read(Name::Segment(FIRST), at, &mut bytes).map(|()| bytes)
}

/// Segment 0: 64 bytes of 1 that are synced, then 1,024 bytes of 2 in four appends that are not.
fn half_synced() -> SimMedium {
    let medium = SimMedium::new(0);
    medium.create(FIRST).unwrap();
    medium.append(FIRST, &[1; 64]).unwrap();
    medium.sync(FIRST).unwrap();
    (0..4).for_each(|_| medium.append(FIRST, &[2; 256]).unwrap());
    medium
}

#[test]
fn everything_unsynced_is_lost_and_nothing_that_was_synced() {
    let medium = half_synced();
    medium.create(SECOND).unwrap();
    medium.power_cycle(1, Loss::Everything);
    assert_eq!(medium.len(Name::Segment(FIRST)), Ok(64));
    assert_eq!(medium.len(Name::Segment(SECOND)), Err(Trouble::Gone));
    assert_eq!(read(&medium, 0, 64), Ok(vec![1; 64]));
}

#[test]
fn a_quick_medium_loses_nothing() {
    let medium = half_synced();
    let before = medium.contents();
    medium.power_cycle(1, Loss::Nothing);
    assert_eq!(medium.contents(), before);
    medium.power_cycle(1, Loss::Everything);
    assert_eq!(medium.contents(), before, "what survived one power cut is durable");
}

/// What can be seen of the unsynced tail of `half_synced` after a power cut.
#[derive(PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Seen {
    Whole,
    Gone,
    CutOff,
    Unreadable,
    Fickle,
    LaterPieceWithoutEarlier,
    Zeros,
    Erased,
    Stale,
    Garbage,
}

fn seen(medium: &SimMedium) -> BTreeSet<Seen> {
    let mut seen = BTreeSet::new();
    let len = narrow(medium.len(Name::Segment(FIRST)).unwrap());
    match len {
        64 => drop(seen.insert(Seen::Gone)),
        1088 => (),
        _ => drop(seen.insert(Seen::CutOff)),
    }
    let units: Vec<_> = (64..len).step_by(16).map(|at| (read(medium, wide(at), 16), read(medium, wide(at), 16))).collect();
    let whole: Vec<bool> = units.iter().map(|unit| unit.0 == Ok(vec![2; 16])).collect();
    if len == 1088 && whole.iter().all(|&whole| whole) {
        seen.insert(Seen::Whole);
    }
    if whole.windows(2).any(|pair| pair == [false, true]) {
        seen.insert(Seen::LaterPieceWithoutEarlier);
    }
    for unit in units.into_iter().zip(whole).filter(|(_, whole)| !whole).map(|(unit, _)| unit) {
        seen.insert(match unit {
            (Err(_), _) => Seen::Unreadable,
            (first, second) if first != second => Seen::Fickle,
            (Ok(bytes), _) if bytes == [0; 16] => Seen::Zeros,
            (Ok(bytes), _) if bytes == [0xFF; 16] => Seen::Erased,
            (Ok(bytes), _) if bytes == [1; 16] => Seen::Stale,
            _ => Seen::Garbage,
        });
    }
    seen
}

#[test]
fn over_many_seeds_everything_that_may_happen_happens() {
    let mut all = BTreeSet::new();
    for seed in 0..300 {
        let medium = half_synced();
        medium.power_cycle(seed, Loss::Anything);
        assert_eq!(read(&medium, 0, 64), Ok(vec![1; 64]), "seed {seed} lost what was synced");
        all.append(&mut seen(&medium));
    }
    let wanted = [
        Seen::Whole,
        Seen::Gone,
        Seen::CutOff,
        Seen::Unreadable,
        Seen::Fickle,
        Seen::LaterPieceWithoutEarlier,
        Seen::Zeros,
        Seen::Erased,
        Seen::Stale,
        Seen::Garbage,
    ];
    assert_eq!(all, BTreeSet::from(wanted));
}

#[test]
fn segments_are_lost_in_any_order() {
    let mut seen = BTreeSet::new();
    for seed in 0..100 {
        let medium = SimMedium::new(0);
        for segment in [FIRST, SECOND] {
            medium.create(segment).unwrap();
            medium.append(segment, &[7; 16]).unwrap();
        }
        medium.power_cycle(seed, Loss::Anything);
        seen.insert([FIRST, SECOND].map(|segment| medium.len(Name::Segment(segment)).is_ok()));
    }
    assert_eq!(seen.len(), 4);
}

#[test]
fn one_seed_is_one_outcome() {
    let (one, two) = (half_synced(), half_synced());
    one.power_cycle(9, Loss::Anything);
    two.power_cycle(9, Loss::Anything);
    assert_eq!(one.contents(), two.contents());
}

#[test]
fn after_the_cut_nothing_answers_until_power_is_back() {
    let medium = half_synced();
    medium.cut_at(1);
    medium.append(FIRST, &[3; 16]).unwrap();
    assert!(!medium.is_dead());
    assert_eq!(medium.sync(FIRST), Err(DEAD));
    assert!(medium.is_dead());
    assert_eq!(medium.append(FIRST, &[3; 16]), Err(DEAD));
    assert_eq!(medium.next(None), Err(DEAD));
    assert_eq!(read(&medium, 0, 1), Err(DEAD));
    medium.power_cycle(1, Loss::Everything);
    assert_eq!(medium.len(Name::Segment(FIRST)), Ok(64));
    medium.append(FIRST, &[4; 16]).unwrap();
}

#[test]
fn an_append_that_was_cut_may_be_there_or_not() {
    let lengths: BTreeSet<u64> = (0..100)
        .map(|seed| {
            let medium = half_synced();
            medium.sync(FIRST).unwrap();
            medium.cut_at(0);
            assert_eq!(medium.append(FIRST, &[3; 64]), Err(DEAD));
            medium.power_cycle(seed, Loss::Anything);
            medium.len(Name::Segment(FIRST)).unwrap()
        })
        .collect();
    assert_eq!(lengths, (1088..=1152).step_by(16).collect());
}

#[test]
fn a_removal_may_be_undone_until_a_power_cut_has_shown_it() {
    let returned = |seed, loss| {
        let medium = half_synced();
        medium.remove(FIRST).unwrap();
        assert_eq!(medium.len(Name::Segment(FIRST)), Err(Trouble::Gone));
        medium.power_cycle(seed, loss);
        let returned = medium.len(Name::Segment(FIRST)).is_ok();
        medium.power_cycle(seed, loss);
        assert_eq!(medium.len(Name::Segment(FIRST)).is_ok(), returned);
        returned
    };
    assert!(!returned(0, Loss::Nothing));
    assert!(returned(0, Loss::Everything));
    let seen: BTreeSet<bool> = (0..20).map(|seed| returned(seed, Loss::Anything)).collect();
    assert_eq!(seen.len(), 2);
}

#[test]
fn a_pin_is_the_old_one_or_the_new_one() {
    let after = |loss, cut: bool| {
        let medium = half_synced();
        medium.replace_pin(b"old").unwrap();
        medium.sync(FIRST).unwrap();
        if cut {
            medium.cut_at(0);
        }
        assert_eq!(medium.replace_pin(b"new"), if cut { Err(DEAD) } else { Ok(()) });
        medium.power_cycle(0, loss);
        medium.contents().pin.unwrap().to_vec()
    };
    for cut in [false, true] {
        assert_eq!(after(Loss::Nothing, cut), b"new");
        assert_eq!(after(Loss::Everything, cut), b"old");
    }
}

#[test]
fn a_sync_that_claims_success_the_second_time_has_lost_the_data() {
    for (fault, before) in [(Fault::LoseLater(IO), 2), (Fault::LoseNow(IO), 0)] {
        let medium = half_synced();
        medium.fail(Operation::Sync, 0, fault);
        assert_eq!(medium.sync(FIRST), Err(IO));
        assert_eq!(medium.sync(FIRST), Ok(()));
        assert_eq!(read(&medium, 64, 1024), Ok(vec![before; 1024]));
        medium.power_cycle(3, Loss::Nothing);
        assert_eq!(read(&medium, 64, 1024), Ok(vec![0; 1024]));
        assert_eq!(read(&medium, 0, 64), Ok(vec![1; 64]));
    }
}

#[test]
fn faults_meet_the_operation_they_were_planned_for() {
    let medium = half_synced();
    medium.fail(Operation::Read, 1, Fault::Refuse(IO));
    medium.fail(Operation::Append, 0, Fault::Refuse(Trouble::Full));
    medium.fail_always(Operation::Remove, Fault::Refuse(Trouble::ReadOnly));
    assert!(read(&medium, 0, 1).is_ok());
    assert_eq!(read(&medium, 0, 1), Err(IO));
    assert!(read(&medium, 0, 1).is_ok());
    assert_eq!(medium.append(FIRST, &[0; 16]), Err(Trouble::Full));
    assert_eq!(medium.len(Name::Segment(FIRST)), Ok(1088));
    (0..3).for_each(|_| assert_eq!(medium.remove(FIRST), Err(Trouble::ReadOnly)));
    medium.forgive();
    assert_eq!(medium.remove(FIRST), Ok(()));
}

#[test]
fn a_failed_append_may_have_added_any_part() {
    let added: BTreeSet<u64> = (0..400)
        .map(|seed| {
            let medium = SimMedium::new(seed);
            medium.create(FIRST).unwrap();
            medium.fail(Operation::Append, 0, Fault::Partly(IO));
            assert_eq!(medium.append(FIRST, &[1; 32]), Err(IO));
            medium.len(Name::Segment(FIRST)).unwrap()
        })
        .collect();
    assert_eq!(added, (0..=32).collect());
}

#[test]
#[should_panic(expected = "after a write to it has failed")]
fn going_on_after_a_failed_append_is_a_fault_of_the_writer() {
    let medium = half_synced();
    medium.fail(Operation::Append, 0, Fault::Refuse(IO));
    assert_eq!(medium.append(FIRST, &[1; 16]), Err(IO));
    medium.append(FIRST, &[1; 16]).unwrap();
}

#[test]
#[should_panic(expected = "no multiple of the program unit")]
fn an_append_out_of_step_is_a_fault_of_the_writer() {
    half_synced().append(FIRST, &[1; 15]).unwrap();
}

#[test]
#[should_panic(expected = "over the limit")]
fn a_segment_over_its_limit_is_a_fault_of_the_writer() {
    half_synced().append(FIRST, &[1; 1 << 20]).unwrap();
}

#[test]
fn capacity_is_exact_and_what_is_held_counts() {
    let medium = SimMedium::new(0);
    medium.set_capacity(Some(100));
    medium.create(FIRST).unwrap();
    assert_eq!(medium.hold(101), Err(Trouble::Full));
    medium.hold(36).unwrap();
    medium.append(FIRST, &[1; 64]).unwrap();
    assert_eq!(medium.used_bytes(), 100);
    assert_eq!(medium.hold(37), Err(Trouble::Full));
    medium.hold(0).unwrap();
    medium.create(SECOND).unwrap();
    assert_eq!(medium.append(SECOND, &[1; 48]), Err(Trouble::Full));
    assert_eq!(medium.len(Name::Segment(SECOND)), Ok(32), "as much as there is room for, in whole units");
    medium.remove(SECOND).unwrap();
    medium.hold(36).unwrap();
}

#[test]
fn a_removed_segment_does_not_come_back_to_where_its_room_was_taken() {
    let medium = SimMedium::new(0);
    medium.set_capacity(Some(64));
    medium.create(FIRST).unwrap();
    medium.append(FIRST, &[1; 64]).unwrap();
    medium.sync(FIRST).unwrap();
    medium.remove(FIRST).unwrap();
    medium.create(SECOND).unwrap();
    medium.append(SECOND, &[2; 32]).unwrap();
    medium.sync(SECOND).unwrap();
    medium.power_cycle(0, Loss::Everything);
    assert_eq!(medium.next(None), Ok(Some(SECOND)));
    assert!(medium.used_bytes() <= 64);
}

#[test]
fn read_only_refuses_all_writing() {
    let medium = half_synced();
    assert!(medium.writer().is_some());
    medium.set_read_only(true);
    assert!(medium.writer().is_none());
    assert_eq!(medium.append(FIRST, &[1; 16]), Err(Trouble::ReadOnly));
    assert_eq!(medium.remove(FIRST), Err(Trouble::ReadOnly));
    assert!(read(&medium, 0, 64).is_ok());
}

#[test]
fn whatever_is_asked_for_first_is_pending() {
    let medium = half_synced();
    medium.set_patience_needed(true);
    assert_eq!(medium.next(None), Err(Trouble::Pending));
    assert_eq!(medium.next(None), Ok(Some(FIRST)));
    assert_eq!(read(&medium, 0, 64), Err(Trouble::Pending));
    assert_eq!(read(&medium, 0, 63), Err(Trouble::Pending));
    assert_eq!(read(&medium, 0, 64), Ok(vec![1; 64]));
    assert_eq!(medium.append(FIRST, &[1; 16]), Ok(()), "writing never is");
}

#[test]
fn a_snapshot_is_a_moment_to_go_back_to() {
    let medium = half_synced();
    let (snapshot, before) = (medium.snapshot(), medium.contents());
    let fork = medium.fork(5);
    medium.append(FIRST, &[9; 16]).unwrap();
    medium.cut_at(0);
    assert_eq!(medium.sync(FIRST), Err(DEAD));
    medium.power_cycle(0, Loss::Everything);
    assert_ne!(medium.contents(), before);
    medium.restore(&snapshot);
    assert_eq!(medium.contents(), before);
    assert_eq!(medium.counters(), Counters::default());
    assert_eq!(fork.contents(), before);
    medium.power_cycle(0, Loss::Everything);
    assert_eq!(medium.len(Name::Segment(FIRST)), Ok(64), "what was not durable then is not durable now");
}

#[test]
fn operations_are_counted() {
    let medium = half_synced();
    assert!(read(&medium, 0, 10).is_ok());
    let counters = medium.counters();
    assert_eq!((counters.of(Operation::Append), counters.of(Operation::Sync)), (5, 1));
    assert_eq!((counters.mutations(), counters.appended_bytes), (7, 1088));
    assert_eq!((counters.of(Operation::Read), counters.read_bytes), (1, 10));
}

#[test]
fn bytes_can_be_spoilt_behind_everybodys_back() {
    let medium = half_synced();
    medium.flip(FIRST, 3, 0x80);
    assert_eq!(read(&medium, 3, 1), Ok(vec![0x81]));
    medium.edit(FIRST, |bytes| bytes.truncate(10));
    assert_eq!(medium.len(Name::Segment(FIRST)), Ok(10));
    medium.make_unreadable(FIRST, 4..6);
    assert!(read(&medium, 0, 4).is_ok() && read(&medium, 6, 4).is_ok());
    assert_eq!(read(&medium, 3, 2), Err(Trouble::Unreadable));
    medium.place(FIRST, None);
    assert_eq!(read(&medium, 0, 1), Err(Trouble::Gone));
}

#[test]
fn a_directory_holds_the_same_contents() {
    let scratch = crate::Scratch::new("sim-directory");
    let medium = half_synced();
    medium.replace_pin(b"pin").unwrap();
    medium.create(SegmentNumber(4_000_000_000)).unwrap();
    medium.to_directory(scratch.path()).unwrap();
    assert!(scratch.path().join("segments/4000000000.seg").exists());
    let back = SimMedium::from_directory(0, scratch.path()).unwrap();
    assert_eq!(back.contents(), medium.contents());
}
