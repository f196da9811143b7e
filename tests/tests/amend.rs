//! What a version says of itself beside its contents is changed: all of it or nothing, whatever happens meanwhile, and the version stays what it is.
#![allow(clippy::unwrap_used)]

use sarsen_core::error::{Error, Refusal, Trouble};
use sarsen_core::format::amendment::Amendment::{self, Expire, Protect, Tag, Unprotect, Untag};
use sarsen_core::medium::Rules;
use sarsen_tests::rig::{Item, Plan, Rig, StillHost, TINY};
use sarsen_tests::{Loss, MemDisk, SimMedium};

const REFUSED: fn(Refusal) -> Result<(), Error> = |refusal| Err(Error::Refused(refusal));

/// A repository with versions "a", "b" and "c", and a draft "d".
fn repository(rules: Rules) -> (SimMedium, StillHost) {
    let (medium, host) = (SimMedium::with_rules(1, rules), StillHost::new(1000, 1));
    let rig = Rig::new(&medium, &host);
    rig.init(&TINY).unwrap();
    for (seed, name) in (0..).zip(["a", "b", "c"]) {
        rig.backup(&MemDisk::random(seed, 20_000), &Plan { name, ..Plan::default() }).unwrap();
    }
    let disk = MemDisk::random(9, 60_000);
    disk.fail_at(50_000);
    rig.backup(&disk, &Plan { name: "d", checkpoint_bytes: 8_000, ..Plan::default() }).unwrap_err();
    (medium, host)
}

const RULES: Rules = Rules { write_bytes: 16, segment_bytes: 1 << 20, pin: true };

fn named<'n>(names: &'n [&str]) -> impl Fn(&Item) -> bool + 'n {
    move |item| names.contains(&item.name.as_str())
}

/// Name, tags, protection and expiry of each.
fn told(rig: &Rig<'_>) -> Vec<(String, Vec<String>, bool, u64)> {
    rig.list().unwrap().into_iter().map(|item| (item.name, item.tags, item.protected, item.expiry)).collect()
}

fn ids(rig: &Rig<'_>) -> Vec<sarsen_core::types::Id> {
    rig.list().unwrap().iter().map(|item| item.id).collect()
}

fn assert_whole(rig: &Rig<'_>, versions: usize) {
    let verdict = rig.scrub().unwrap();
    assert!(verdict.is_clean() && verdict.whole.len() == versions, "{verdict:?}");
}

#[test]
fn versions_are_amended_and_keep_their_ids_and_places() {
    let (medium, host) = repository(RULES);
    let rig = Rig::new(&medium, &host);
    let before = ids(&rig);
    rig.amend(named(&["a", "c"]), &[Tag("weekly"), Tag("gold master"), Protect, Expire(5_000)]).unwrap();
    rig.amend(named(&["b", "c"]), &[Tag("ü"), Untag("weekly"), Expire(0)]).unwrap();
    let tags = |tags: &[&str]| tags.iter().map(|&tag| tag.into()).collect::<Vec<String>>();
    let expected = [
        ("a".into(), tags(&["weekly", "gold master"]), true, 5_000),
        ("b".into(), tags(&["ü"]), false, 0),
        ("c".into(), tags(&["gold master", "ü"]), true, 0),
        ("d".into(), tags(&[]), false, 0),
    ];
    assert_eq!(told(&rig), expected);
    assert_eq!(ids(&rig), before);
    // Life goes on with it: a version on one that was amended, garbage collected, segments moved.
    rig.backup(&MemDisk::random(4, 20_000), &Plan { name: "a", base: "a", ..Plan::default() }).unwrap();
    rig.gc().unwrap();
    rig.compact().unwrap();
    assert_eq!(told(&rig)[..4], expected);
    assert_eq!(ids(&rig)[..4], before);
    assert_whole(&rig, 4);
}

#[test]
fn what_changes_nothing_writes_nothing() {
    let (medium, host) = repository(RULES);
    let rig = Rig::new(&medium, &host);
    rig.amend(named(&["a"]), &[Tag("t"), Protect]).unwrap();
    let before = medium.contents();
    rig.amend(named(&["a"]), &[Tag("t"), Protect, Expire(0), Untag("other")]).unwrap();
    rig.amend(named(&["b"]), &[Tag("t"), Untag("t"), Unprotect]).unwrap();
    rig.amend(named(&["b"]), &[]).unwrap();
    rig.amend(named(&[]), &[Tag("t")]).unwrap();
    assert_eq!(medium.contents(), before);
}

#[test]
fn a_protected_version_is_removed_only_once_it_is_given_up() {
    let (medium, host) = repository(RULES);
    let rig = Rig::new(&medium, &host);
    rig.amend(named(&["b"]), &[Protect]).unwrap();
    let before = medium.contents();
    assert_eq!(rig.remove(named(&["a", "b"])), REFUSED(Refusal::Protected));
    assert_eq!(medium.contents(), before);
    rig.amend(named(&["b"]), &[Unprotect]).unwrap();
    rig.remove(named(&["a", "b"])).unwrap();
    assert_eq!(told(&rig).len(), 2);
}

#[test]
fn whatever_is_refused_is_refused_before_anything_is_written() {
    let (medium, host) = repository(RULES);
    let rig = Rig::new(&medium, &host);
    let long = "t".repeat(255);
    let more = format!("{long}t");
    let many: Vec<String> = (0..255).map(|number| number.to_string()).collect();
    let many: Vec<Amendment<'_>> = many.iter().map(|tag| Tag(tag)).collect();
    rig.amend(named(&["c"]), &many).unwrap();
    let before = medium.contents();
    assert_eq!(rig.amend(named(&["a", "d"]), &[Protect]), REFUSED(Refusal::IsADraft));
    assert_eq!(rig.amend(named(&["a"]), &[Protect, Tag("")]), REFUSED(Refusal::Parameter));
    assert_eq!(rig.amend(named(&["a"]), &[Protect, Tag(&more)]), REFUSED(Refusal::TextTooLong));
    assert_eq!(rig.amend(named(&["a", "c"]), &[Tag("one more")]), REFUSED(Refusal::TooManyTags));
    medium.set_read_only(true);
    assert_eq!(rig.amend(named(&["a"]), &[Protect]), REFUSED(Refusal::ReadOnly));
    medium.set_read_only(false);
    assert_eq!(medium.contents(), before);
    rig.amend(named(&["a"]), &[Tag(&long)]).unwrap();
    rig.amend(named(&["c"]), &[Untag("7"), Tag("one more")]).unwrap();
    assert_whole(&rig, 3);
}

/// Once workers had buffers as long as a block or a page, which a record may be longer than where both are small.
#[test]
fn a_record_as_long_as_it_may_be_is_scrubbed_and_moved() {
    let (medium, host) = repository(RULES);
    let rig = Rig::new(&medium, &host);
    let tags: Vec<String> = (0..62).map(|number| format!("{number:02}{}", "t".repeat(252))).collect();
    for tag in &tags {
        rig.amend(named(&["b"]), &[Tag(tag)]).unwrap();
    }
    let long = "t".repeat(255);
    assert_eq!(rig.amend(named(&["b"]), &[Tag(&long), Tag(&long[1..])]), REFUSED(Refusal::TooManyTags));
    rig.remove(named(&["a"])).unwrap();
    assert_whole(&rig, 2);
    rig.gc().unwrap();
    rig.compact().unwrap();
    assert_eq!(rig.list().unwrap()[0].tags, tags);
    assert_whole(&rig, 2);
}

#[test]
fn power_may_go_at_any_operation_and_all_are_amended_or_none() {
    let amendments = [Tag("kept"), Protect, Expire(77)];
    for pin in [true, false] {
        let (medium, host) = repository(Rules { pin, ..RULES });
        let rig = Rig::new(&medium, &host);
        let before = told(&rig);
        let whole = medium.fork(1);
        let count = whole.counters().mutations();
        Rig::new(&whole, &host).amend(named(&["a", "b", "c"]), &amendments).unwrap();
        let after = told(&Rig::new(&whole, &host));
        assert!(after[..3].iter().all(|(_, tags, protected, expiry)| tags == &["kept"] && *protected && *expiry == 77));
        let mut seen = [0; 2];
        for at in 0..=whole.counters().mutations() - count {
            for (seed, loss) in (at..).zip([Loss::Nothing, Loss::Everything, Loss::Anything, Loss::Anything]) {
                let medium = medium.fork(seed);
                medium.cut_at(at);
                let rig = Rig::new(&medium, &host);
                let done = rig.amend(named(&["a", "b", "c"]), &amendments);
                medium.power_cycle(seed, loss);
                let now = told(&rig);
                assert!(now == before || now == after, "cut at {at}, {loss:?}: {now:?}");
                assert!(done.is_err() || now == after, "cut at {at}, {loss:?}: said to be done");
                seen[usize::from(now == after)] += 1;
                assert_whole(&rig, 3);
                rig.amend(named(&["a", "b", "c"]), &amendments).unwrap();
                assert_eq!(told(&rig), after);
            }
        }
        assert!(seen.iter().all(|&count| count > 5), "{seen:?}");
    }
}

#[test]
fn on_a_full_medium_a_version_can_be_given_up_and_no_tag_be_added() {
    let (medium, host) = repository(RULES);
    let rig = Rig::new(&medium, &host);
    rig.amend(named(&["b"]), &[Protect]).unwrap();
    medium.set_capacity(Some(medium.used_bytes()));
    let full = |result: Result<(), Error>| matches!(result, Err(Error::Medium { trouble: Trouble::Full, .. }));
    assert!(full(rig.amend(named(&["a"]), &[Tag("t")])));
    assert!(full(rig.amend(named(&["a"]), &[Protect])));
    rig.amend(named(&["b"]), &[Unprotect]).unwrap();
    assert!(!rig.list().unwrap()[1].protected);
    rig.remove(named(&["b"])).unwrap();
}

#[test]
fn a_medium_that_is_not_ready_is_waited_for() {
    let (medium, host) = repository(RULES);
    medium.set_patience_needed(true);
    let rig = Rig::new(&medium, &host);
    rig.amend(named(&["a", "c"]), &[Tag("t"), Expire(9)]).unwrap();
    medium.set_patience_needed(false);
    assert!(told(&rig).iter().all(|(name, _, _, expiry)| (*expiry == 9) == (name == "a" || name == "c")));
    assert_whole(&rig, 3);
}
