//! Bad input, refused before anything is done: the words, the exit code, and a repository without a byte changed.

use crate::place::{Place, Ran};
use sarsen_core::digest::Algorithm;
use sarsen_core::format::record::{Attachments, HintSource, Record, RecordKind, Statistics, Tags, version_id};
use sarsen_core::manifest::root_id;
use sarsen_core::types::Id;
use sarsen_host::{Access, DirectoryMedium};
use sarsen_tests::MemDisk;
use sarsen_tests::rig::{Plan, Rig, StillHost};
use std::collections::HashMap;
use std::fs;
use std::path::Path;

/// Every command that opens a repository, with arguments that would do if it were one. `disk` is a file of the place.
fn commands(place: &Place) -> Vec<Vec<String>> {
    let path = |name: &str| place.path(name).to_str().unwrap().to_owned();
    let words = |list: &[&str]| list.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
    let mut commands: Vec<Vec<String>> =
        [&["ls"][..], &["manifest", "latest"], &["check"], &["scrub"], &["rm", "latest"], &["gc"], &["compact"]]
            .into_iter()
            .map(words)
            .collect();
    commands.push(words(&["tag", "latest", "--add", "kept"]));
    commands.push(words(&["protect", "latest"]));
    commands.push(words(&["expire", "latest", "--in", "1d"]));
    commands.push(vec!["backup".into(), path("disk"), "--name".into(), "vm".into()]);
    commands.push(vec!["export".into(), "latest".into(), path("target")]);
    commands.push(vec!["import".into(), path("disk")]);
    commands.push(vec!["restore".into(), "latest".into(), path("target")]);
    commands
}

/// All commands are refused with these words, change nothing, and leave no target behind.
#[track_caller]
fn all_refused(place: &Place, words: &[&str]) {
    for command in commands(place) {
        let ran = place.unchanged(|| place.run(&command));
        assert_eq!(ran.code, Some(1), "{command:?}: {ran:#?}");
        ran.says(words);
        assert!(!place.path("target").exists());
    }
}

#[test]
fn what_is_no_repository_is_told() {
    let place = Place::empty("nothing");
    place.random_file("disk", 1, 1000);
    all_refused(&place, &["repository: cannot open the directory", "check the name, or make a repository there with `init`"]);
    fs::create_dir(place.repository()).unwrap();
    all_refused(&place, &["not a repository", "directory `segments`"]);
    fs::create_dir(place.repository().join("segments")).unwrap();
    all_refused(&place, &["not a repository, as it holds no segments"]);
    fs::write(place.segment(0), b"").unwrap();
    all_refused(&place, &["no segment's header can be read"]);
    fs::write(place.segment(0), vec![7; 10_000]).unwrap();
    all_refused(&place, &["no segment's header can be read"]);
}

#[test]
fn a_file_is_no_repository() {
    let place = Place::empty("file");
    fs::write(place.repository(), b"a file").unwrap();
    place.run(["ls"]).ends(1).says(&["cannot open the directory", "name the directory of a repository"]);
    place.run(["init"]).ends(1);
    assert_eq!(fs::read(place.repository()).unwrap(), b"a file");
}

#[test]
fn a_repository_is_not_made_over_another_or_over_other_files() {
    let place = Place::new("twice");
    place.unchanged(|| place.run(["init"])).ends(1).says(&["a repository is there already"]);
    let place = Place::empty("foreign-files");
    fs::create_dir(place.repository()).unwrap();
    fs::write(place.repository().join("thesis.txt"), b"years of work").unwrap();
    place.unchanged(|| place.run(["init"])).ends(1).says(&["`thesis.txt`", "name a new or an empty directory"]);
}

#[test]
fn settings_that_are_not_allowed_make_nothing() {
    let place = Place::empty("settings");
    let refused = [
        (&["--block", "5000"][..], "must be a power of two from 4K to 16M"),
        (&["--block", "2K"], "must be a power of two from 4K to 16M"),
        (&["--block", "32M"], "must be a power of two from 4K to 16M"),
        (&["--block", "much"], "not a size"),
        (&["--block", "64K", "--frame", "128K"], "a frame of 128K is larger than a block of 64K"),
        (&["--frame", "1K"], "must be a power of two from 4K to 16M"),
        (&["--fan-out", "17"], "must be 16, 32, 64, 128 or 256"),
        (&["--segment", "1M"], "a segment must have from"),
        (&["--segment", "2G"], "a segment must have from"),
        (&["--digest", "md5"], "invalid value 'md5'"),
        (&["--codec", "xz"], "invalid value 'xz'"),
    ];
    for (options, words) in refused {
        place.run(["init"].iter().chain(options)).ends(2).says(&[words]);
        assert!(!place.repository().exists(), "{options:?}");
    }
}

#[test]
fn the_largest_and_smallest_settings_are_allowed() {
    for options in
        [["--block", "16M", "--frame", "4K", "--fan-out", "256"], ["--block", "4K", "--frame", "4K", "--fan-out", "16"]]
    {
        let place = Place::with("extremes", &options);
        place.random_file("disk", 1, 100_000);
        place.backup("disk", &["--name", "vm"]).ends(0);
        place.run(["scrub"]).ends(0);
    }
}

/// CRC-32 as docs/FORMAT.md names it.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(!0, |crc, &byte| {
        (0..8).fold(crc ^ u32::from(byte), |crc, _| (crc >> 1) ^ (0xEDB8_8320 & (0u32.wrapping_sub(crc & 1))))
    })
}

/// Changes a byte of a segment's header and makes its checksum right again.
fn change_header(path: &Path, at: usize, byte: u8) {
    let mut bytes = fs::read(path).unwrap();
    bytes[at] = byte;
    let crc = crc32(&bytes[..124]);
    bytes[124..128].copy_from_slice(&crc.to_le_bytes());
    fs::write(path, bytes).unwrap();
}

fn with_versions(test: &str) -> Place {
    let place = Place::new(test);
    place.random_file("disk", 1, 700_000);
    place.backup("disk", &["--name", "vm"]).ends(0);
    place
}

fn change_all_headers(place: &Place, at: usize, byte: u8) {
    for number in place.segments() {
        change_header(&place.segment(number), at, byte);
    }
}

#[test]
fn a_newer_format_is_refused() {
    let place = with_versions("newer");
    change_all_headers(&place, 8, 1);
    all_refused(&place, &["made by a newer sarsen", "use a newer sarsen"]);
}

#[test]
fn a_feature_that_a_reader_must_know_is_refused() {
    let place = with_versions("features");
    change_all_headers(&place, 47, 0x80);
    all_refused(&place, &["a feature this one does not know", "use a newer sarsen"]);
}

#[test]
fn with_a_feature_that_a_writer_must_know_it_can_only_be_read() {
    let place = with_versions("write-features");
    change_all_headers(&place, 48, 1);
    for command in [&["ls"][..], &["manifest", "vm"], &["check"], &["scrub"]] {
        place.unchanged(|| place.run(command)).ends(0);
    }
    let disk = place.path("disk");
    let backup = ["backup", "--name", "vm", disk.to_str().unwrap()];
    for command in [&["rm", "vm"][..], &["gc"], &["compact"], &backup] {
        place.unchanged(|| place.run(command)).ends(1).says(&["cannot be written here, or only by a newer sarsen"]);
    }
}

#[test]
fn a_feature_that_may_be_ignored_is_ignored() {
    let place = with_versions("ignored-features");
    change_all_headers(&place, 56, 1);
    place.run(["scrub"]).ends(0);
    place.backup("disk", &["--name", "vm"]).ends(0);
}

#[test]
fn an_unknown_version_is_told_by_every_command_that_takes_one() {
    let place = with_versions("unknown");
    let target = place.path("target");
    let target = target.to_str().unwrap();
    let disk = place.path("disk");
    let based = ["backup", "--name", "x", "--base", "nix", disk.to_str().unwrap()];
    for command in [&["manifest", "nix"][..], &["restore", "nix", target], &["scrub", "nix"], &["rm", "vm", "nix"], &based] {
        place.unchanged(|| place.run(command)).ends(1).says(&["`nix`: no such version", "`sarsen ls` lists them"]);
    }
    for unknown in ["vm@never", "vm2", "0000000000000000", "", "@"] {
        place.unchanged(|| place.run(["manifest", unknown])).ends(1).says(&["no such version"]);
    }
    assert!(!Path::new(target).exists());
}

#[test]
fn names_that_could_not_be_told_apart_are_not_given() {
    let place = with_versions("names");
    for name in ["", "latest", "vm@home"] {
        place.unchanged(|| place.backup("disk", &["--name", name])).ends(2);
    }
    place.unchanged(|| place.backup("disk", &["--name", "vm", "--snapshot", "a@b"])).ends(2);
    place.unchanged(|| place.backup("disk", &["--name", &"n".repeat(256)])).ends(1).says(&["longer than 255 bytes"]);
}

/// Two names whose versions of an empty disk, made at one moment, have ids that begin with the same four digits.
fn names_that_collide(rig: &Rig<'_>, now: u64) -> (String, String, String) {
    let parameters = rig.with(|store| Ok(*store.parameters())).unwrap();
    let mut seen: HashMap<String, String> = HashMap::new();
    for number in 0.. {
        let name = format!("disk-{number}");
        let mut bytes = [0; 2048];
        let record = Record {
            kind: RecordKind::Version,
            source_changed: false,
            group: [0; 16],
            time: now,
            disk_size: 0,
            root: root_id(&parameters, 0, Id::ZERO),
            top: Id::ZERO,
            base: Id::ZERO,
            name: &name,
            snapshot: "",
            source: "test",
            hint_source: HintSource::None,
            hints: "",
            protected: false,
            expiry: 0,
            position: 0,
            draft_top: Id::ZERO,
            statistics: Statistics::default(),
            tags: Tags::NONE,
            attachments: Attachments::NONE,
        };
        let len = record.emit(&mut bytes).unwrap();
        let id = version_id(Algorithm::Sha256, &bytes[..len]).unwrap().to_string();
        if let Some(other) = seen.insert(id[..4].to_owned(), name.clone()) {
            return (other, name, id[..4].to_owned());
        }
    }
    unreachable!("there are 65,536 beginnings")
}

#[test]
fn an_ambiguous_beginning_of_an_id_is_told() {
    const NOW: u64 = 1_700_000_000_000;
    let place = Place::new("ambiguous");
    let prefix = {
        let medium = DirectoryMedium::open(place.repository(), Access::Write).unwrap();
        let host = StillHost::new(NOW, 1);
        let rig = Rig::new(&medium, &host);
        let (one, other, prefix) = names_that_collide(&rig, NOW);
        for name in [&one, &other] {
            let report = rig.backup(&MemDisk::new(Vec::new()), &Plan { name, ..Plan::default() }).unwrap();
            assert!(report.version.to_string().starts_with(&prefix));
        }
        prefix
    };
    for command in [&["manifest", &prefix][..], &["rm", &prefix], &["scrub", &prefix]] {
        let words = ["more than one version's id begins so", "give more of its digits"];
        place.unchanged(|| place.run(command)).ends(1).says(&words);
    }
}

#[test]
fn a_second_writer_is_refused_and_readers_are_not() {
    let place = with_versions("second");
    let _writer = DirectoryMedium::open(place.repository(), Access::Write).unwrap();
    let disk = place.path("disk");
    let backup = ["backup", "--name", "vm", disk.to_str().unwrap()];
    let holder = format!("process {}", std::process::id());
    for command in [&["rm", "vm"][..], &["gc"], &["compact"], &backup, &["init"]] {
        let words = ["another process is writing to this repository", &holder, "wait until it has ended"];
        place.unchanged(|| place.run(command)).ends(1).says(&words);
    }
    for command in [&["ls"][..], &["manifest", "vm"], &["check"]] {
        assert!(place.unchanged(|| place.run(command)).ends(0).err.is_empty());
    }
    place.unchanged(|| place.run(["scrub"])).ends(0).says(&["damage is told but cannot be noted", "another process is writing"]);
}

#[test]
fn what_is_no_disk_is_not_backed_up() {
    let place = with_versions("no-disk");
    let backup = |disk: &str| -> Ran { place.unchanged(|| place.run(["backup", disk, "--name", "vm"])).ends(1) };
    backup("/nonexistent/disk").says(&["/nonexistent/disk: cannot find the disk", "check the name"]);
    backup("/").says(&["is a directory", "name a regular file or a block device"]);
    backup("/dev/null").says(&["is a character device"]);
}
