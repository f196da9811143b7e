//! Segments that are cut, swapped, renamed, doubled, missing or another repository's: found, placed, and only who needs them is hit.

use crate::place::{Place, Ran};
use sarsen_host::{Access, DirectoryMedium};
use serde_json::{Value, json};
use std::fs;

/// Two versions of two disks that have nothing in common, each over several segments.
struct Two {
    place: Place,
    first: Vec<u8>,
    second: Vec<u8>,
}

impl Two {
    fn new(test: &str) -> Two {
        let place = Place::new(test);
        let first = place.random_file("first", 1, 1_500_000);
        place.backup("first", &["--name", "first"]).ends(0);
        let second = place.random_file("second", 2, 1_500_000);
        place.backup("second", &["--name", "second"]).ends(0);
        Two { place, first, second }
    }

    /// What a scrub found, and the versions it hits. check finds nothing else, hits the same, and neither changes a byte: a scrub that may not
    /// write notes nothing, and here another writer has the lock.
    #[track_caller]
    fn verdict(&self) -> (Value, Vec<String>) {
        let _writer = DirectoryMedium::open(self.place.repository(), Access::Write).unwrap();
        let run = |verb: &str| self.place.unchanged(|| self.place.run([verb, "--json"])).ends(3).json();
        let (check, scrub) = (run("check"), run("scrub"));
        let all = scrub["findings"].as_array().unwrap();
        assert!(check["findings"].as_array().unwrap().iter().all(|finding| all.contains(finding)), "{check} {scrub}");
        assert_eq!(check["versions"], scrub["versions"]);
        let hit = |version: &Value| version["hit"] == json!(true);
        let versions = scrub["versions"].as_array().unwrap();
        let names = versions.iter().filter(|version| hit(version)).map(|version| version["name"].as_str().unwrap().to_owned());
        (scrub["findings"].clone(), names.collect())
    }

    /// Whole versions come back exactly; hit ones with their lost ranges named and everything else right.
    #[track_caller]
    fn restores(&self, hit: &[String]) {
        for (name, bytes) in [("first", &self.first), ("second", &self.second)] {
            let (ran, restored) = self.place.unchanged(|| self.place.restored(name));
            match hit.iter().any(|other| other == name) {
                false => assert!(ran.ends(0).err.lines().all(|line| !line.starts_with("lost")) && &restored == bytes, "{name}"),
                true => assert_lost(ran.ends(3), bytes, restored),
            }
        }
    }

    /// A backup is refused, since something newer once existed.
    #[track_caller]
    fn refuses_to_write(&self) {
        let words = ["something newer than what is here once existed", "`sarsen check` says which segment"];
        self.place.unchanged(|| self.place.backup("first", &["--name", "first"])).ends(3).says(&words);
    }
}

#[track_caller]
fn assert_lost(ran: Ran, bytes: &[u8], mut restored: Vec<u8>) {
    let lost = ran.err.lines().filter_map(|line| line.strip_prefix("lost: ")?.split_once(" bytes from "));
    let lost: Vec<(usize, usize)> = lost.map(|(len, from)| (from.parse().unwrap(), len.parse().unwrap())).collect();
    assert!(!lost.is_empty(), "{ran:#?}");
    assert_ne!(restored, bytes);
    for (from, len) in lost {
        assert!(restored[from..from + len].iter().all(|&byte| byte == 0));
        restored[from..from + len].copy_from_slice(&bytes[from..from + len]);
    }
    assert!(restored == bytes, "all that was not named is right");
}

fn finding(kind: &str, segment: u32, offset: u64) -> Value {
    json!({"kind": kind, "segment": segment, "offset": offset})
}

#[test]
fn a_truncated_segment_is_found_where_it_ends() {
    let two = Two::new("truncated");
    let cut = fs::OpenOptions::new().write(true).open(two.place.segment(2)).unwrap();
    cut.set_len(200_000).unwrap();
    let (findings, hit) = two.verdict();
    assert_eq!(findings[0]["segment"], json!(2));
    assert!(findings.as_array().unwrap().contains(&finding("truncated", 2, 200_000)), "{findings}");
    assert_eq!(hit, ["first"]);
    two.restores(&hit);
    let told = two.place.run(["check"]).ends(3).out;
    assert!(told.contains("segment 2, offset 200000: the file ends too soon"), "{told}");
    assert!(told.contains("put the file back from a copy"), "{told}");
}

#[test]
fn swapped_segments_are_found_under_both_names() {
    let two = Two::new("swapped");
    let (one, other) = (two.place.segment(2), two.place.segment(3));
    let aside = two.place.path("aside");
    fs::rename(&one, &aside).unwrap();
    fs::rename(&other, &one).unwrap();
    fs::rename(&aside, &other).unwrap();
    let (findings, hit) = two.verdict();
    assert_eq!(findings, json!([finding("renamed", 2, 0), finding("renamed", 3, 0)]));
    assert_eq!(hit, ["first"]);
    two.restores(&hit);
}

#[test]
fn a_renamed_segment_is_missing_there_and_found_here() {
    let two = Two::new("renamed");
    fs::rename(two.place.segment(2), two.place.segment(77)).unwrap();
    let (findings, hit) = two.verdict();
    assert_eq!(findings, json!([finding("missing", 2, 0), finding("renamed", 77, 0)]));
    assert_eq!(hit, ["first"]);
    two.restores(&hit);
}

#[test]
fn a_duplicated_segment_hits_nobody() {
    let two = Two::new("duplicated");
    fs::copy(two.place.segment(2), two.place.segment(77)).unwrap();
    let (findings, hit) = two.verdict();
    assert_eq!(findings, json!([finding("renamed", 77, 0)]));
    assert!(hit.is_empty());
    two.restores(&[]);
}

#[test]
fn another_repositorys_segment_is_known_for_what_it_is() {
    let (two, other) = (Two::new("foreign"), Two::new("foreign-other"));
    fs::copy(other.place.segment(1), two.place.segment(77)).unwrap();
    let (findings, hit) = two.verdict();
    assert_eq!(findings, json!([finding("foreign", 77, 0)]));
    assert!(hit.is_empty());
    two.restores(&[]);
    fs::remove_file(two.place.segment(77)).unwrap();
    fs::copy(other.place.segment(2), two.place.segment(2)).unwrap();
    let (findings, hit) = two.verdict();
    assert_eq!(findings, json!([finding("foreign", 2, 0)]));
    assert_eq!(hit, ["first"]);
    two.restores(&hit);
}

/// The segment in which the first version's backup ended: tables of the newest commit are deltas on pages that lie there.
const END_OF_FIRST: u32 = 4;

#[test]
fn every_missing_segment_is_found_the_newest_by_the_head_pin() {
    let two = Two::new("missing");
    let segments = two.place.segments();
    let newest = *segments.last().unwrap();
    assert!(segments.len() > 6, "{segments:?}");
    for number in segments {
        let (path, aside) = (two.place.segment(number), two.place.path("aside"));
        fs::rename(&path, &aside).unwrap();
        if number == newest {
            assert_eq!(two.verdict().0, json!([finding("behind", number, 0)]));
            two.refuses_to_write();
        } else if number == END_OF_FIRST {
            assert_eq!(two.verdict().0, json!([finding("missing", number, 0)]));
            let told = two.place.run(["check"]).ends(3).out;
            assert!(told.contains("tables are damaged and were rebuilt from what is left"), "{told}");
            assert!(two.place.restored("second").1 == two.second);
        } else {
            let (findings, hit) = two.verdict();
            assert_eq!(findings, json!([finding("missing", number, 0)]));
            two.restores(&hit);
        }
        fs::rename(&aside, &path).unwrap();
    }
    two.place.run(["scrub"]).ends(0);
}

#[test]
fn without_any_segment_it_is_no_repository_any_more() {
    let two = Two::new("all-missing");
    for number in two.place.segments() {
        fs::remove_file(two.place.segment(number)).unwrap();
    }
    two.place.unchanged(|| two.place.run(["check"])).ends(1).says(&["not a repository"]);
}

#[test]
fn a_damaged_or_foreign_head_pin_is_told() {
    let two = Two::new("pin");
    let pin = two.place.repository().join("head");
    let right = fs::read(&pin).unwrap();
    for wrong in [&right[..95], &[], &[7; 96]] {
        fs::write(&pin, wrong).unwrap();
        let (findings, hit) = two.verdict();
        assert_eq!(findings, json!([{"kind": "pin", "segment": null, "offset": null}]));
        assert!(hit.is_empty());
        two.restores(&[]);
    }
    let told = two.place.run(["check"]).ends(3).out;
    assert!(told.contains("head: the head pin is damaged"), "{told}");
}

#[test]
fn a_flipped_byte_is_placed_and_a_new_backup_mends_it() {
    let two = Two::new("flipped");
    let path = two.place.segment(2);
    let mut bytes = fs::read(&path).unwrap();
    bytes[100_000] ^= 1;
    fs::write(&path, bytes).unwrap();
    let scrub = two.place.run(["scrub", "--json"]).ends(3).json();
    assert_eq!(scrub["findings"].as_array().unwrap().len(), 1);
    assert_eq!((&scrub["findings"][0]["kind"], &scrub["findings"][0]["segment"]), (&json!("payload"), &json!(2)));
    assert_eq!(scrub["hit"].as_array().unwrap().len(), 1);
    assert_eq!(scrub["marks_written"], json!(true));
    two.place.run(["scrub", "second"]).ends(0);
    two.place.run(["scrub", "first"]).ends(3);
    two.restores(&["first".into()]);
    two.place.backup("first", &["--name", "first", "--snapshot", "again"]).ends(0);
    let scrub = two.place.run(["scrub", "--json"]).ends(3).json();
    assert_eq!(scrub["hit"], json!([]), "what was damaged is stored anew");
    two.restores(&[]);
}

/// A file that cannot be read says nothing of what it holds: versions that may need it are neither whole nor hit, and nothing is noted.
#[test]
fn a_segment_that_cannot_be_read_is_no_damage() {
    let two = Two::new("unread");
    let number = two.place.segments()[1];
    let (file, away) = (two.place.segment(number), two.place.path("away"));
    fs::rename(&file, &away).unwrap();
    // A loop: opening it fails, and not because it is not there.
    std::os::unix::fs::symlink(&file, &file).unwrap();
    for verb in ["check", "scrub"] {
        let told = two.place.run([verb, "--json"]).ends(6).json();
        assert_eq!(told["findings"], json!([{"kind": "unreadable", "segment": number, "offset": 0, "length": 0}]));
        assert_eq!((&told["hit"], &told["marks_written"]), (&json!([]), &json!(false)));
        let unread: Vec<&Value> =
            told["versions"].as_array().unwrap().iter().filter(|version| version["unread"] == json!(true)).collect();
        assert_eq!(unread.len(), told["unread"].as_array().unwrap().len());
        assert!(unread.iter().any(|version| version["name"] == json!("first")), "{told}");
        let words = ["no damage in what was read; 1 range could not be", "unread    ", "this could not be read"];
        let ran = two.place.run([verb]).ends(6);
        words.iter().for_each(|words| assert!(ran.out.contains(words), "{words}: {}", ran.out));
    }
    fs::remove_file(&file).unwrap();
    fs::rename(&away, &file).unwrap();
    two.place.run(["scrub"]).ends(0);
}
