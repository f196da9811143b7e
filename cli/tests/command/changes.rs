//! What changed, told by others and told to others: hints, `diff`, and restoring onto what is there.

use crate::place::{Place, Ran};
use std::fs;
use std::io::Write;
use std::process::Stdio;

const SIZE: usize = 3 << 20;
/// Several frames in a block, so that there are frames to be left alone.
const OPTIONS: [&str; 6] = ["--block", "256K", "--frame", "32K", "--segment", "2M"];
const FRAME: usize = 32 << 10;

/// A repository with a disk's first version, whose snapshot name is `old`.
fn place(test: &str) -> (Place, Vec<u8>) {
    let place = Place::with(test, &OPTIONS);
    let mut bytes = place.random_file("disk", 5, SIZE);
    // A block of zeros, and a frame.
    bytes[1 << 20..(1 << 20) + (256 << 10)].fill(0);
    bytes[2 << 20..(2 << 20) + FRAME].fill(0);
    fs::write(place.path("disk"), &bytes).unwrap();
    place.backup("disk", &["--name", "vm", "--snapshot", "old"]).ends(0);
    (place, bytes)
}

/// Backs the disk up with these hints since `old`.
fn hinted(place: &Place, hints: &str, more: &[&str]) -> Ran {
    fs::write(place.path("hints"), hints).unwrap();
    let hints = place.path("hints");
    let mut options = vec!["--name", "vm", "--hints", hints.to_str().unwrap(), "--since", "old"];
    options.extend(more);
    place.backup("disk", &options)
}

fn own(extents: &[(usize, usize, &str)]) -> String {
    let list = extents
        .iter()
        .map(|(offset, length, state)| format!("{{\"offset\": {offset}, \"length\": {length}, \"state\": \"{state}\"}}"));
    format!("[{}]", list.collect::<Vec<_>>().join(", "))
}

#[test]
fn only_what_hints_touch_is_read() {
    let (place, mut bytes) = place("touched");
    let old = bytes.clone();
    bytes[100] ^= 1;
    bytes[5 * FRAME - 2..5 * FRAME + 2].fill(9); // across two frames
    let expected = bytes.clone();
    bytes[SIZE - 5] ^= 1; // nobody tells of this one
    fs::write(place.path("disk"), &bytes).unwrap();
    // Neither sorted nor apart.
    let hints = own(&[(5 * FRAME - 2, 4, "data"), (0, 512, "data"), (100, 1, "data"), (300, 4000, "unchanged")]);
    let ran = hinted(&place, &hints, &["--spot-checks", "0"]).ends(0);
    assert!(ran.out.contains("read 96.0 KiB"), "three frames: {ran:#?}");
    assert!(place.restored("latest").1 == expected);
    assert!(place.restored("vm@old").1 == old);
    assert!(place.run(["scrub"]).ends(0).out.ends_with("no damage; 2 versions, all whole\n"));
}

#[test]
fn hints_from_standard_input_and_in_the_shape_of_rbd() {
    let (place, mut bytes) = place("stdin");
    bytes[3 * FRAME..3 * FRAME + 600].fill(1);
    bytes[2 * FRAME..3 * FRAME].fill(0);
    fs::write(place.path("disk"), &bytes).unwrap();
    let hints = format!(
        "[{{\"offset\":{},\"length\":{},\"exists\":\"false\"}},{{\"offset\":{},\"length\":600,\"exists\":\"true\"}}]",
        2 * FRAME,
        FRAME,
        3 * FRAME
    );
    let mut command = place.command(["backup", "--name", "vm", "--hints", "-", "--since", "vm@old"]);
    let mut child =
        command.arg(place.path("disk")).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(hints.as_bytes()).unwrap();
    Ran::of(child.wait_with_output().unwrap()).ends(0);
    assert!(place.restored("latest").1 == bytes);
}

#[test]
fn zeros_that_cover_a_part_cost_nothing_else_and_data_wins() {
    let (place, mut bytes) = place("partial");
    bytes[FRAME + 1024..FRAME + 2048].fill(0);
    bytes[8 * FRAME + 512..8 * FRAME + 1024].fill(7);
    fs::write(place.path("disk"), &bytes).unwrap();
    let hints = own(&[(FRAME + 1024, 1024, "zero"), (8 * FRAME, FRAME, "zero"), (8 * FRAME + 512, 512, "data")]);
    hinted(&place, &hints, &[]).ends(0);
    assert!(place.restored("latest").1 == bytes);
}

#[test]
fn hints_of_something_else_are_refused_before_anything_is_written() {
    let (place, mut bytes) = place("refused");
    let past = own(&[(SIZE - 512, 1024, "data")]);
    place.unchanged(|| hinted(&place, &past, &[]).ends(4).says(&["1,024 bytes at byte 3145216", "beyond the end of the disk"]));
    place.unchanged(|| hinted(&place, "[{\"offset\":0,\"length\":1}]", &[]).ends(1));
    let unknown = |since: &str| {
        let path = place.path("hints");
        place.backup("disk", &["--name", "vm", "--hints", path.to_str().unwrap(), "--since", since])
    };
    fs::write(place.path("hints"), "[]").unwrap();
    place.unchanged(|| unknown("never").ends(1));
    place.unchanged(|| place.backup("disk", &["--name", "vm", "--hints", "x"]).ends(2));
    // Two versions of that snapshot: nobody knows which one is meant.
    place.backup("disk", &["--name", "vm", "--snapshot", "old"]).ends(0);
    place.unchanged(|| unknown("old").ends(4).says(&["2 versions of vm have the snapshot name `old`"]));
    place.run(["rm", "vm@old"]).ends(0);
    // A map that ends early is of another disk.
    let map = format!("[{{\"start\":0,\"length\":{},\"depth\":0,\"zero\":false,\"data\":true,\"offset\":0}}]", SIZE / 2);
    place.unchanged(|| hinted(&place, &map, &[]).ends(4).says(&["the map ends at byte 1572864, but the disk has 3145728"]));
    // Another disk altogether, under hints that say nothing changed.
    bytes.iter_mut().for_each(|byte| *byte ^= 0x55);
    fs::write(place.path("disk"), &bytes).unwrap();
    let ran = place.unchanged(|| hinted(&place, "[]", &[])).ends(4);
    ran.says(&[
        "disk: the disk differs from the version it is said to be based on at byte 0",
        "make the hints since that very version",
    ]);
}

#[test]
fn what_is_damaged_in_the_base_is_read_whatever_hints_say() {
    let (place, bytes) = place("damaged");
    let segment = place.segment(1);
    let mut contents = fs::read(&segment).unwrap();
    contents[200_000] ^= 1;
    fs::write(&segment, &contents).unwrap();
    place.run(["scrub"]).ends(3);
    let ran = hinted(&place, "[]", &[]).ends(0);
    assert!(ran.out.contains("read 256.0 KiB"), "the damaged block alone: {ran:#?}");
    assert!(place.restored("latest").1 == bytes);
    assert!(place.restored("vm@old").1 == bytes, "what was stored again makes the old version whole");
}

#[test]
fn what_a_disk_grew_by_is_read() {
    let (place, mut bytes) = place("grown");
    bytes.extend([3; 300_000]);
    fs::write(place.path("disk"), &bytes).unwrap();
    hinted(&place, "[]", &[]).ends(0);
    assert!(place.restored("latest").1 == bytes);
    bytes.truncate(SIZE - 70_000);
    fs::write(place.path("disk"), &bytes).unwrap();
    hinted(&place, "[]", &[]).ends(0);
    assert!(place.restored("latest").1 == bytes);
}

#[test]
fn a_difference_is_told_to_the_sector_and_is_a_hint_again() {
    let (place, mut bytes) = place("diff");
    bytes[1000] ^= 1;
    bytes[5 * FRAME - 1..5 * FRAME + 1].fill(9);
    bytes[9 * FRAME..9 * FRAME + 1024].fill(0);
    bytes[(1 << 20) + 512] = 1; // where all was zero
    fs::write(place.path("disk"), &bytes).unwrap();
    place.backup("disk", &["--name", "vm", "--snapshot", "new"]).ends(0);
    let told = place.run(["diff", "vm@old", "vm@new", "--json"]).ends(0);
    let extent =
        |offset: usize, length: usize, exists: &str| serde_json::json!({"offset": offset, "length": length, "exists": exists});
    let expected = [
        extent(512, 512, "true"),
        extent(5 * FRAME - 512, 1024, "true"),
        extent(9 * FRAME, 1024, "false"),
        extent((1 << 20) + 512, 512, "true"),
    ];
    assert_eq!(told.json(), serde_json::Value::from(expected.to_vec()));
    assert_eq!(place.run(["diff", "vm@new", "vm@new", "--json"]).ends(0).out, "[]\n");
    assert!(place.run(["diff", "vm@old", "vm@new"]).ends(0).out.contains("294912           1024  zero"));
    let ran = hinted(&place, &told.out, &["--snapshot", "again"]).ends(0);
    assert!(place.restored("vm@again").1 == bytes, "{ran:#?}");
    assert_eq!(place.run(["diff", "vm@new", "vm@again", "--json"]).ends(0).out, "[]\n");
}

#[test]
fn a_target_is_brought_up_to_date() {
    let (place, mut bytes) = place("onto");
    let old = bytes.clone();
    bytes[70_000] ^= 1;
    bytes.extend([1; 1000]);
    fs::write(place.path("disk"), &bytes).unwrap();
    place.backup("disk", &["--name", "vm", "--snapshot", "new"]).ends(0);
    let target = place.path("target");
    let onto = |version: &str, more: &[&str]| {
        let mut command = place.command(["restore", version, "--onto"]);
        Ran::of(command.arg(&target).args(more).output().unwrap()).ends(0)
    };
    fs::write(&target, &old).unwrap();
    let ran = onto("vm@new", &[]);
    assert!(ran.out.contains("1.5 KiB of 3.0 MiB written"), "a sector and what is behind the old end: {ran:#?}");
    assert!(fs::read(&target).unwrap() == bytes);
    assert!(onto("vm@new", &[]).out.contains(": 0 B of 3.0 MiB written"));
    let ran = onto("vm@old", &["--assume", "vm@new"]);
    assert!(ran.out.contains("512 B of 3.0 MiB written"), "{ran:#?}");
    assert!(fs::read(&target).unwrap() == old);
    fs::write(&target, b"something else altogether").unwrap();
    onto("vm@new", &[]);
    assert!(fs::read(&target).unwrap() == bytes);
    place.run(["restore", "vm@new", "--onto", place.path("nothing").to_str().unwrap()]).ends(1).says(&["nothing"]);
}
