//! Disks that shrink or fail while they are read: the offset is named, and the repository is as it was.

use crate::place::{Place, Ran, is_root, skipped};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

fn with_version(test: &str) -> Place {
    let place = Place::with(test, &["--codec", "none", "--block", "1M", "--segment", "8M"]);
    place.random_file("old", 9, 100_000);
    place.backup("old", &["--name", "old"]).ends(0);
    place
}

/// Clean, with the versions it had, and able to go on.
#[track_caller]
fn as_before(place: &Place) {
    let check = place.run(["scrub", "--json"]).ends(0).json();
    assert_eq!(check["versions"].as_array().unwrap().len(), 1);
    place.backup("old", &["--name", "old"]).ends(0);
}

#[test]
fn a_disk_that_shrinks_while_it_is_read_is_named_with_the_offset() {
    let place = with_version("shrinks");
    place.random_file("disk", 1, 128 << 20);
    let ran = place.nothing_lost(|| {
        let segments = place.segments().len();
        let mut command = place.command(["backup", "--name", "vm"]);
        let running = command.arg(place.path("disk")).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // The first new segment shows that reading has begun; most of the disk is still to come.
        let began = Instant::now();
        while fs::read_dir(place.repository().join("segments")).unwrap().count() == segments {
            assert!(began.elapsed() < Duration::from_secs(60));
            std::thread::sleep(Duration::from_millis(1));
        }
        fs::OpenOptions::new().write(true).open(place.path("disk")).unwrap().set_len(1 << 20).unwrap();
        Ran::of(running.wait_with_output().unwrap())
    });
    ran.ends(1).says(&["disk: at byte ", "the disk ends there, so it shrank while it was read", "back up a snapshot"]);
    as_before(&place);
}

/// Files below /sys say they have a page and hold a few bytes.
#[test]
fn a_disk_that_ends_before_its_size_is_named_with_the_offset() {
    let candidates = ["/sys/kernel/mm/transparent_hugepage/enabled", "/sys/kernel/uevent_seqnum", "/sys/kernel/notes"];
    let short = |path: &&&str| {
        Path::new(path).metadata().is_ok_and(|metadata| metadata.len() == 4096)
            && fs::read(path).is_ok_and(|bytes| bytes.len() < 4096)
    };
    let Some(path) = candidates.iter().find(short) else { return skipped("no file is shorter than it says") };
    let place = with_version("ends");
    let ran = place.nothing_lost(|| place.run(["backup", "--name", "vm", path]));
    ran.ends(1).says(&[path, "at byte 0: the disk ends there"]);
    as_before(&place);
}

/// A loop device, detached when dropped.
struct Loop(String);

impl Loop {
    fn over(path: &Path) -> Option<Loop> {
        let made = Command::new("losetup").args(["-f", "--show"]).arg(path).output().ok()?;
        made.status.success().then(|| Loop(String::from_utf8(made.stdout).unwrap().trim().to_owned()))
    }
}

impl Drop for Loop {
    fn drop(&mut self) {
        let detached = Command::new("losetup").args(["-d", &self.0]).status();
        assert!(detached.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

/// The file below a loop device is cut: the device keeps its size and fails from there on.
#[test]
fn a_device_that_fails_at_an_offset_is_named_with_it() {
    let place = with_version("fails");
    place.random_file("backing", 1, 8 << 20);
    let Some(device) = is_root().then(|| Loop::over(&place.path("backing"))).flatten() else {
        return skipped("no loop device can be made here; tests/tests/decoder.rs and model.rs do it with disks in memory");
    };
    fs::OpenOptions::new().write(true).open(place.path("backing")).unwrap().set_len(5 << 20).unwrap();
    let ran = place.nothing_lost(|| place.run(["backup", "--name", "vm", &device.0]));
    ran.ends(1).says(&[&device.0, "at byte 5242880: the device failed", "look at the system's log"]);
    as_before(&place);
}

#[test]
fn a_block_device_is_restored_to_with_force_alone() {
    let place = with_version("device");
    let bytes = place.random_file("disk", 3, 2 << 20);
    place.backup("disk", &["--name", "vm"]).ends(0);
    fs::write(place.path("backing"), vec![7; 2 << 20]).unwrap();
    let Some(device) = is_root().then(|| Loop::over(&place.path("backing"))).flatten() else {
        return skipped("no loop device can be made here");
    };
    place.run(["restore", "vm", &device.0]).ends(1).says(&["exists", "--force"]);
    place.run(["restore", "vm", &device.0, "--force"]).ends(0);
    place.backup("disk", &["--name", "other"]).ends(0);
    assert!(fs::read(&device.0).unwrap() == bytes);
    place.random_file("disk", 4, (2 << 20) + 1);
    place.backup("disk", &["--name", "larger"]).ends(0);
    place.run(["restore", "larger", &device.0, "--force"]).ends(1).says(&["2097152 bytes", "name a larger device"]);
}
