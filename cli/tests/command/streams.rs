//! Streams in and out: from one repository to the next through files and pipes, and what is said where that cannot be.

use crate::place::{Place, Ran};
use sarsen_tests::Random;
use std::fs;
use std::io::Write;
use std::process::Stdio;

/// A place with two versions of a disk, and their bytes. The second is longer.
fn two_versions(test: &str) -> (Place, Vec<u8>, Vec<u8>) {
    let place = Place::new(test);
    let first = place.random_file("disk", 1, 1_000_003);
    place.backup("disk", &["--name", "vm", "--snapshot", "monday"]).ends(0);
    let mut second = first.clone();
    second.extend(Random::new(2).bytes(300_000));
    second[70_000..71_000].fill(0);
    second[500_000] ^= 1;
    fs::write(place.path("disk"), &second).unwrap();
    place.backup("disk", &["--name", "vm", "--snapshot", "tuesday"]).ends(0);
    (place, first, second)
}

/// A place with the first of them alone.
fn with_first(test: &str, first: &[u8]) -> Place {
    let place = Place::new(test);
    fs::write(place.path("disk"), first).unwrap();
    place.backup("disk", &["--name", "vm", "--snapshot", "monday"]).ends(0);
    place
}

/// Exports to a file of the place.
fn exported(place: &Place, file: &str, arguments: &[&str]) -> Vec<u8> {
    let path = place.path(file);
    let mut command = place.command(["export"]);
    Ran::of(command.arg(arguments[0]).arg(&path).args(&arguments[1..]).output().unwrap()).ends(0);
    fs::read(path).unwrap()
}

/// Imports through a pipe.
fn import(place: &Place, stream: &[u8], arguments: &[&str]) -> Ran {
    let mut command = place.command(["import"]);
    let mut running =
        command.args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    // A command that refuses a stream does not read all of it.
    running.stdin.take().unwrap().write_all(stream).ok();
    Ran::of(running.wait_with_output().unwrap())
}

#[test]
fn versions_go_from_repository_to_repository() {
    let (from, first, second) = two_versions("export");
    let to = Place::new("import");
    let whole = exported(&from, "whole", &["vm@monday"]);
    let ran = import(&to, &whole, &[]).ends(0);
    assert!(ran.out.contains("of vm@monday: read"), "{ran:#?}");
    let more = exported(&from, "more", &["vm", "--from", "vm@monday"]);
    assert!(more.len() < 400_000, "{}", more.len());
    let file = from.path("more");
    to.run(["import".as_ref(), file.as_os_str()]).ends(0);
    assert!(to.restored("vm@monday").1 == first && to.restored("vm@tuesday").1 == second);
    to.run(["scrub"]).ends(0);
    let back = exported(&from, "back", &["vm@monday", "--from", "vm@tuesday"]);
    import(&to, &back, &["--name", "old", "--snapshot", "again"]).ends(0);
    assert!(to.restored("old@again").1 == first, "disks shrink, too");
    let ids = |place: &Place| place.run(["ls", "--json"]).ends(0).json()["versions"][0]["id"].clone();
    assert_eq!(ids(&from), ids(&to), "a version of its own is the same version there");
}

#[test]
fn a_cut_stream_says_how_to_go_on() {
    let (from, first, second) = two_versions("cut");
    let to = with_first("continued", &first);
    let stream = exported(&from, "stream", &["vm", "--from", "vm@monday"]);
    let ran = import(&to, &stream[..stream.len() / 2], &[]).ends(1);
    let ran = ran.says(&["standard input: the stream ends at byte", "are kept as a draft: export again with `--start "]);
    let start = ran.err.split("--start ").nth(1).unwrap().split('`').next().unwrap();
    to.run(["restore", "vm@tuesday", "/nonexistent/target"]).ends(1);
    let rest = exported(&from, "rest", &["vm", "--from", "vm@monday", "--start", start]);
    assert!(rest.len() < stream.len());
    // Not by another stream, nor by a part of this one that begins too late.
    let late = exported(&from, "late", &["vm", "--from", "vm@monday", "--start", &second.len().to_string()]);
    to.unchanged(|| import(&to, &late, &[]).ends(4).says(&["goes on where an earlier one was interrupted", "without --start"]));
    import(&to, &rest, &[]).ends(0);
    assert!(to.restored("vm@tuesday").1 == second);
    let list = to.run(["ls", "--json"]).ends(0).json();
    assert_eq!(list["versions"].as_array().unwrap().len(), 2, "the draft is gone");
    import(&to, &stream[..100], &[]).ends(1).says(&["ends at byte 100", "nothing is kept of it"]);
}

#[test]
fn streams_that_do_not_fit_are_refused_before_anything_is_written() {
    let (from, first, _) = two_versions("fit");
    let to = with_first("misfit", &first);
    let whole = exported(&from, "whole", &["vm@monday"]);
    let more = exported(&from, "more", &["vm@tuesday", "--from", "vm@monday"]);
    let back = exported(&from, "back", &["vm@monday", "--from", "vm@tuesday"]);
    let refused = |place: &Place, stream: &[u8], arguments: &[&str], code, words: &[&str]| {
        place.unchanged(|| import(place, stream, arguments).ends(code).says(words));
    };
    refused(&to, &back, &[], 4, &["standard input: the stream is not laid on this version, or on one that is not here"]);
    refused(&from, &more, &["--base", "vm@tuesday"], 4, &["not laid on this version"]);
    refused(&to, &whole, &["--base", "vm"], 4, &["of a whole disk", "leave out --base"]);
    let other = Place::with("other", &["--block", "128K", "--frame", "16K", "--fan-out", "16"]);
    refused(&other, &whole, &[], 4, &["another digest, block, frame or fan-out"]);
    refused(&to, b"", &[], 1, &["the stream ends at byte 0"]);
    refused(&to, b"no stream at all", &[], 1, &["does not begin as a stream of sarsen, Sheepdog or rbd does"]);
    refused(&to, &whole, &["--format", "rbd"], 1, &["does not begin as a stream"]);
    refused(&to, &whole, &["--base", "nothing"], 1, &["`nothing`: no such version"]);
    refused(&to, &whole, &["--name", "a@b"], 2, &["--snapshot"]);
    refused(&to, &whole, &["--snapshot", "a@b"], 2, &["no `@`"]);
    refused(&to, &whole, &["--format", "rbd", "--layout", "a"], 2, &["Sheepdog's streams alone"]);
    refused(&to, &whole, &["--object-size", "1000"], 2, &["multiple of 512"]);
    to.unchanged(|| {
        to.run(["import", "/nonexistent/stream"]).ends(1).says(&["/nonexistent/stream: cannot be read: No such file"])
    });
    to.unchanged(|| to.run(["import", "/"]).ends(1).says(&["a directory"]));
    let mut flipped = more.clone();
    flipped[5000] ^= 1;
    to.nothing_lost(|| {
        import(&to, &flipped, &[]).ends(1).says(&["the stream is not right at byte", "not those that were written"])
    });
    let longer = [&more[..], b"more"].concat();
    to.nothing_lost(|| import(&to, &longer, &[]).ends(1).says(&["something follows its end"]));
    to.run(["gc"]).ends(0);
    assert!(to.restored("vm").1 == first);
}

#[test]
fn sheepdog_and_rbd_understand_each_other_here() {
    let (from, first, second) = two_versions("foreign");
    for version in ["rbd", "rbd-v2"] {
        let to = with_first("rbd", &first);
        let stream = exported(&from, version, &["vm", "--from", "vm@monday", "--format", version]);
        assert!(stream.starts_with(if version == "rbd" { b"rbd diff v1\n" } else { b"rbd diff v2\n" }));
        to.unchanged(|| import(&to, &stream, &[]).ends(1).says(&["name that with --base"]));
        import(&to, &stream, &["--base", "vm"]).ends(0);
        assert!(to.restored("vm@tuesday").1 == second);
        let whole = exported(&from, &format!("whole-{version}"), &["vm", "--format", version]);
        to.unchanged(|| import(&to, &whole, &[]).ends(1).says(&["say so with --name"]));
        import(&to, &whole, &["--name", "whole"]).ends(0);
        assert!(to.restored("whole@tuesday").1 == second);
    }
    // Sheepdog's streams tell no size.
    let path = from.path("stream");
    let sheepdog = ["export".as_ref(), "vm".as_ref(), path.as_os_str(), "--format".as_ref(), "sheepdog".as_ref()];
    from.run(sheepdog).ends(2).says(&["--from"]);
    from.run(sheepdog.into_iter().chain(["--from".as_ref(), "vm@monday".as_ref()])).ends(1).says(&["grown or shrunk"]);
    assert!(!path.exists());
    let mut third = second.clone();
    third[9000] ^= 1;
    fs::write(from.path("disk"), &third).unwrap();
    from.backup("disk", &["--name", "vm", "--snapshot", "wednesday"]).ends(0);
    for layout in ["a", "b"] {
        let to = with_first("sheepdog", &second);
        let common = ["--format", "sheepdog", "--object-size", "64K"];
        let mut arguments = vec!["vm", "--from", "vm@tuesday", "--layout", layout];
        arguments.extend(common);
        let stream = exported(&from, &format!("sheepdog-{layout}"), &arguments);
        assert!(stream.len() < 2000, "one sector in one object");
        import(&to, &stream, &["--base", "vm", "--object-size", "64K", "--snapshot", "after"]).ends(0);
        assert!(to.restored("vm@after").1 == third);
    }
}

#[test]
fn exports_overwrite_nothing_and_leave_no_halves() {
    let (from, ..) = two_versions("overwrite");
    fs::write(from.path("precious"), b"precious").unwrap();
    let path = from.path("precious");
    from.run(["export".as_ref(), "vm".as_ref(), path.as_os_str()]).ends(1).says(&["exists; name another file"]);
    assert_eq!(fs::read(&path).unwrap(), b"precious");
    from.run(["export", "vm", "/dev/full"]).ends(1).says(&["/dev/full: cannot be written: No space left"]);
    from.run(["export", "vm", "--start", "99999999"]).ends(4).says(&["--start 99999999: the disk has 1,300,003 bytes"]);
    from.run(["export", "vm", "--format", "rbd", "--start", "512"]).ends(2).says(&["never continued"]);
    from.run(["export", "vm", "--layout", "a"]).ends(2).says(&["Sheepdog's streams alone"]);
    from.run(["export", "nothing"]).ends(1).says(&["`nothing`: no such version"]);
    let (segment, target) = (from.segment(1), from.path("target"));
    let mut bytes = fs::read(&segment).unwrap();
    bytes[1000] ^= 1;
    fs::write(&segment, bytes).unwrap();
    from.run(["export".as_ref(), "vm@monday".as_ref(), target.as_os_str()]).ends(3).says(&["damaged"]);
    assert!(!target.exists(), "half a stream is none");
}
