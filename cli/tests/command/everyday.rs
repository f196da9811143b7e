//! Every day: what goes in comes out, changes cost what changed, what is removed is gone.

use crate::place::{Place, Ran, SARSEN};
use sarsen_tests::image::{self, Layout};
use std::fs;
use std::os::unix::fs::MetadataExt;
use std::process::Command;

#[test]
fn a_real_image_comes_back_and_its_increment_costs_what_changed() {
    let place = Place::new("everyday");
    let mut image = image::image(1, Layout::SMALL);
    fs::write(place.path("disk"), &image).unwrap();
    let monday = place.backup("disk", &["--name", "vm", "--snapshot", "monday"]).ends(0).version();
    let first = image.clone();
    image[5_000_000] ^= 1;
    fs::write(place.path("disk"), &image).unwrap();
    let tuesday = place.backup("disk", &["--name", "vm", "--snapshot", "tuesday"]).ends(0);
    assert!(tuesday.out.contains("in 1 block"), "{tuesday:#?}");
    for (version, bytes) in
        [("vm@monday", &first), (&monday, &first), (&monday[..12], &first), ("vm", &image), ("latest", &image)]
    {
        let (ran, restored) = place.restored(version);
        assert!(ran.ends(0).err.is_empty());
        assert!(&restored == bytes, "{version}");
    }
    let list = place.run(["ls", "--json"]).ends(0).json();
    assert_eq!(list["versions"][1]["base"], serde_json::json!(monday));
    assert_eq!(list["versions"][1]["new_blocks"], serde_json::json!(1));
    for verb in ["check", "scrub"] {
        assert!(place.run([verb]).ends(0).out.ends_with("no damage; 2 versions, all whole\n"));
    }
    place.run(["scrub", "vm@monday"]).ends(0);
}

#[test]
fn every_codec_and_digest_gives_back_what_it_took() {
    let image = image::synthetic(3, Layout { size: 2 << 20, files: 20, file_bytes_max: 64 << 10 });
    for codec in ["none", "lz4", "zstd", "zlib"] {
        for digest in ["sha256", "blake3"] {
            let options = ["--block", "128K", "--frame", "16K", "--fan-out", "16", "--codec", codec, "--digest", digest];
            let place = Place::with("codecs", &options);
            fs::write(place.path("disk"), &image).unwrap();
            place.backup("disk", &["--name", "vm"]).ends(0);
            place.run(["scrub"]).ends(0);
            assert!(place.restored("vm").1 == image, "{codec} {digest}");
        }
    }
}

#[test]
fn sizes_that_are_not_round_come_back_exactly() {
    let place = Place::new("sizes");
    for size in [0, 1, 511, 512, 513, 65_535, 65_536, 65_537, 1_000_003] {
        let bytes = place.random_file("disk", 7, size);
        place.backup("disk", &["--name", "odd"]).ends(0);
        let (ran, restored) = place.restored("odd");
        ran.ends(0);
        assert!(restored == bytes, "{size}");
    }
    place.run(["scrub"]).ends(0);
}

#[test]
fn sparse_restores_leave_holes_and_others_do_not() {
    let place = Place::new("sparse");
    let disk = fs::File::create(place.path("disk")).unwrap();
    disk.set_len(8 << 20).unwrap();
    place.backup("disk", &["--name", "empty"]).ends(0);
    let restore = |target: &str, options: &[&str]| {
        let target = place.path(target);
        let mut command = place.command(["restore", "empty"]);
        Ran::of(command.arg(&target).args(options).output().unwrap()).ends(0);
        assert!(fs::read(&target).unwrap() == vec![0; 8 << 20]);
        target.metadata().unwrap().blocks() * 512
    };
    assert!(restore("sparse", &["--sparse"]) < 1 << 20);
    assert!(restore("thick", &[]) >= 8 << 20);
}

#[test]
fn nothing_is_overwritten_without_force() {
    let place = Place::new("force");
    let bytes = place.random_file("disk", 1, 200_000);
    place.backup("disk", &["--name", "vm"]).ends(0);
    let target = place.path("precious");
    fs::write(&target, b"precious").unwrap();
    let restore = ["restore".as_ref(), "vm".as_ref(), target.as_os_str()];
    place.run(restore).ends(1).says(&["precious: exists", "--force"]);
    assert_eq!(fs::read(&target).unwrap(), b"precious");
    place.run(restore.into_iter().chain(["--force".as_ref()])).ends(0);
    assert!(fs::read(&target).unwrap() == bytes);
}

#[test]
fn what_is_removed_is_gone_and_its_space_too() {
    let place = Place::new("removed");
    place.random_file("disk", 1, 2_000_000);
    place.backup("disk", &["--name", "old"]).ends(0);
    let bytes = place.random_file("disk", 2, 300_000);
    place.backup("disk", &["--name", "new"]).ends(0);
    let used =
        || place.files().iter().filter(|(name, _)| name.starts_with("segments/")).map(|(_, bytes)| bytes.len()).sum::<usize>();
    let full = used();
    place.run(["rm", "old"]).ends(0);
    place.run(["restore", "old", "/nonexistent"]).ends(1).says(&["`old`: no such version"]);
    place.run(["gc"]).ends(0);
    place.run(["compact"]).ends(0);
    assert!(used() < full - 1_900_000, "{full} became {}", used());
    place.run(["scrub"]).ends(0);
    assert!(place.restored("latest").1 == bytes);
}

#[test]
fn a_source_that_changes_while_it_is_read_is_told() {
    let place = Place::with("changes", &["--codec", "none"]);
    place.random_file("disk", 1, 48 << 20);
    let mut running =
        place.command(["backup", "--name", "vm"]).arg(place.path("disk")).stdout(std::process::Stdio::null()).spawn().unwrap();
    let disk = fs::OpenOptions::new().write(true).open(place.path("disk")).unwrap();
    let status = loop {
        // Changes its time alone, so the contents are what they were and a second moment is told all the same.
        disk.set_modified(std::time::SystemTime::now()).unwrap();
        if let Some(status) = running.try_wait().unwrap() {
            break status;
        }
        std::thread::sleep(std::time::Duration::from_millis(1));
    };
    assert_eq!(status.code(), Some(5));
    assert_eq!(place.run(["ls", "--json"]).ends(0).json()["versions"][0]["source_changed"], serde_json::json!(true));
    assert!(place.run(["ls"]).ends(0).out.contains("source changed"));
}

#[test]
fn a_base_can_be_named_or_left_out() {
    let place = Place::new("bases");
    place.random_file("disk", 1, 300_000);
    let first = place.backup("disk", &["--name", "one"]).ends(0).version();
    place.backup("disk", &["--name", "two", "--base", "one"]).ends(0);
    place.backup("disk", &["--name", "two", "--base", "none"]).ends(0);
    place.backup("disk", &["--name", "three"]).ends(0);
    let list = place.run(["ls", "--json"]).ends(0).json();
    let bases: Vec<_> = (0..4).map(|at| list["versions"][at]["base"].clone()).collect();
    assert_eq!(serde_json::json!(bases), serde_json::json!([null, first, null, null]));
    let blocks: Vec<_> = (1..4).map(|at| list["versions"][at]["new_blocks"].clone()).collect();
    assert_eq!(serde_json::json!(blocks), serde_json::json!([0, 0, 0]), "what is stored is not stored again");
}

/// A promise of the help text.
#[test]
fn exit_codes_are_documented_and_the_repository_may_be_named_by_the_environment() {
    let help = Ran::of(Command::new(SARSEN).arg("--help").output().unwrap()).ends(0).out;
    for code in [
        "0  done",
        "1  failed",
        "2  the command line",
        "3  damage",
        "4  the source, the hints or the stream do not match",
        "5  done, but",
    ] {
        assert!(help.contains(code), "{code}");
    }
    let place = Place::new("environment");
    let ran = Ran::of(Command::new(SARSEN).arg("ls").env("SARSEN_REPO", place.repository()).output().unwrap());
    assert!(ran.ends(0).out.contains("no versions yet"));
    Ran::of(Command::new(SARSEN).arg("ls").env_remove("SARSEN_REPO").output().unwrap()).ends(2).says(&["--repo", "SARSEN_REPO"]);
}

#[test]
fn small_blocks_say_what_memory_they_need_before_they_start() {
    let place = Place::with("memory", &["--block", "4K", "--frame", "4K"]);
    let disk = fs::File::create(place.path("disk")).unwrap();
    disk.set_len(64 << 30).unwrap();
    place.backup("disk", &["--name", "vm"]).ends(0).says(&["the index needs up to 384.0 MiB of memory"]);
    let place = Place::with("memory", &["--block", "1M"]);
    fs::File::create(place.path("disk")).unwrap().set_len(1 << 40).unwrap();
    assert!(place.backup("disk", &["--name", "vm"]).ends(0).err.is_empty());
}
