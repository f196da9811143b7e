//! Backups that are interrupted: killed at any moment, gone on with later, and never two moments in one version.

use crate::place::Place;
use sarsen_tests::Random;
use std::fs;
use std::os::unix::fs::FileExt;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

const DISK_BYTES: usize = 32 << 20;
const BLOCK_BYTES: u64 = 256 << 10;
const SEED: u64 = 2;
/// Backups that were killed at work; some end before they are killed.
const KILLS: usize = 20;
const ROUNDS_MAX: u64 = 100;

fn place(test: &str) -> Place {
    let place = Place::with(test, &["--codec", "none", "--block", "256K", "--frame", "64K", "--segment", "4M"]);
    place.random_file("disk", SEED, DISK_BYTES);
    place
}

fn start(place: &Place, options: &[&str]) -> Child {
    let mut command = place.command(["backup", "--name", "vm", "--checkpoint", "2M"]);
    command.arg(place.path("disk")).args(options).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// SIGKILL after a time; whether it was still at work.
fn kill_after(mut running: Child, delay: Duration) -> bool {
    std::thread::sleep(delay);
    running.kill().unwrap();
    running.wait().unwrap().code().is_none()
}

/// Kills backups until one leaves a draft.
fn leave_draft(place: &Place, options: &[&str]) {
    let mut delay = Duration::from_millis(3);
    loop {
        assert!(kill_after(start(place, options), delay), "a backup takes longer than {delay:?}");
        if has_draft(place) {
            return;
        }
        delay += Duration::from_millis(3);
    }
}

fn has_draft(place: &Place) -> bool {
    let list = place.run(["ls", "--json"]).ends(0).json();
    list["versions"].as_array().unwrap().iter().any(|version| version["kind"] == "draft")
}

/// Changes a few bytes somewhere in what a draft may have read already.
fn change(place: &Place, random: &mut Random) {
    let disk = fs::OpenOptions::new().write(true).open(place.path("disk")).unwrap();
    let at = random.below(DISK_BYTES / 8) as u64;
    disk.write_all_at(&random.bytes(700), at).unwrap();
}

#[test]
fn killed_at_any_moment_it_stays_whole_and_goes_on_to_one_moment() {
    let place = place("killed");
    let mut random = Random::new(SEED);
    let began = Instant::now();
    assert!(start(&place, &[]).wait().unwrap().success());
    let whole = began.elapsed();
    place.run(["rm", "vm"]).ends(0);
    place.run(["gc"]).ends(0);
    let (mut killed, mut drafts, mut round) = (0, 0, 0);
    while killed < KILLS {
        assert!(round < ROUNDS_MAX, "{killed} of {round} backups were killed at work");
        place.random_file("disk", 100 + round, DISK_BYTES);
        let delay = whole.mul_f64(random.below(1000) as f64 / 1000.0);
        killed += usize::from(kill_after(start(&place, &[]), delay));
        let told = place.run(["check", "--json"]);
        assert_eq!(told.code, Some(0), "round {round}, killed after {delay:?}: {told:#?}");
        drafts += usize::from(has_draft(&place));
        change(&place, &mut random);
        place.backup("disk", &["--name", "vm", "--continue"]).ends(0);
        let (ran, restored) = place.restored("vm");
        ran.ends(0);
        assert!(restored == fs::read(place.path("disk")).unwrap(), "round {round}: a version is one moment");
        assert!(!has_draft(&place), "a draft ends with its version");
        place.run(["scrub"]).ends(0);
        let versions = place.run(["ls", "--json"]).ends(0).json();
        for version in versions["versions"].as_array().unwrap() {
            place.run(["rm", version["id"].as_str().unwrap()]).ends(0);
        }
        place.run(["gc"]).ends(0);
        round += 1;
    }
    println!("{killed} of {round} backups were killed at work, {drafts} left a draft");
    assert!(drafts > 0);
}

#[test]
fn what_a_draft_has_stored_is_not_stored_again() {
    let place = place("stored");
    leave_draft(&place, &[]);
    let ran = place.backup("disk", &["--name", "vm", "--continue"]).ends(0).says(&["all is read again"]);
    let list = place.run(["ls", "--json"]).ends(0).json();
    let version = &list["versions"][0];
    assert_eq!(version["read_bytes"], serde_json::json!(DISK_BYTES), "{ran:#?}");
    assert!(version["new_blocks"].as_u64().unwrap() < DISK_BYTES as u64 / BLOCK_BYTES, "{version}");
    assert!(place.restored("vm").1 == fs::read(place.path("disk")).unwrap());
}

#[test]
fn the_same_snapshot_of_the_same_source_is_not_read_again() {
    let place = place("snapshot");
    leave_draft(&place, &["--snapshot", "s"]);
    let draft = &place.run(["ls", "--json"]).ends(0).json()["versions"][0];
    let position = draft["position"].as_u64().unwrap();
    assert!(position > 0 && place.run(["ls"]).ends(0).out.contains("draft, "));
    place.backup("disk", &["--name", "vm", "--snapshot", "s", "--continue"]).ends(0).says(&["are not read again"]);
    let version = &place.run(["ls", "--json"]).ends(0).json()["versions"][0];
    assert_eq!(version["read_bytes"].as_u64().unwrap(), DISK_BYTES as u64 - position);
    assert!(place.restored("vm@s").1 == fs::read(place.path("disk")).unwrap());
}

#[test]
fn another_source_under_the_same_snapshot_name_does_not_match() {
    let place = place("mismatch");
    leave_draft(&place, &["--snapshot", "s"]);
    change(&place, &mut Random::new(1));
    let ran = place.unchanged(|| place.backup("disk", &["--name", "vm", "--snapshot", "s", "--continue"]));
    ran.ends(4)
        .says(&["the draft of vm@s is of another source under the same snapshot name", "give this one its own --snapshot"]);
    place.backup("disk", &["--name", "vm", "--snapshot", "t", "--continue"]).ends(0).says(&["all is read again"]);
    assert!(place.restored("vm@t").1 == fs::read(place.path("disk")).unwrap());
}

#[test]
fn without_a_draft_to_go_on_from_it_is_an_ordinary_backup() {
    let place = Place::new("no-draft");
    let bytes = place.random_file("disk", 1, 100_000);
    place.backup("disk", &["--name", "vm", "--continue"]).ends(0).says(&["no draft of `vm`", "an ordinary backup"]);
    assert!(place.restored("vm").1 == bytes);
}

#[test]
fn a_draft_is_no_version_and_can_be_removed() {
    let place = place("draft");
    leave_draft(&place, &[]);
    let list = place.run(["ls", "--json"]).ends(0).json();
    let id = list["versions"][0]["id"].as_str().unwrap();
    place.run(["manifest", id]).ends(1).says(&["a draft, not a version", "`sarsen backup --continue --name vm`"]);
    place.run(["manifest", "vm"]).ends(1).says(&["no such version"]);
    place.run(["rm", id]).ends(0);
    assert!(!has_draft(&place));
    place.run(["gc"]).ends(0);
    place.run(["scrub"]).ends(0);
}
