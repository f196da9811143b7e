//! QEMU's dirty bitmaps in real qcow2 images: increments of what they say, and what is to be done where they say nothing.

use crate::place::{Place, Ran, skipped};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

const TOOLS: [&str; 4] = ["qemu-img", "qemu-io", "qemu-nbd", "nbdinfo"];
const SIZE: usize = 12 << 20;
/// A server that has not opened its socket by then never will.
const PATIENCE: Duration = Duration::from_secs(60);

/// Whether QEMU's and NBD's programs are here; otherwise says so.
fn has_tools() -> bool {
    let is_there = |tool: &&str| Command::new(tool).arg("--version").output().is_ok_and(|output| output.status.success());
    let missing: Vec<&str> = TOOLS.into_iter().filter(|tool| !is_there(tool)).collect();
    if !missing.is_empty() {
        skipped(&format!("{} missing (Debian's qemu-utils and libnbd-bin)", missing.join(", ")));
    }
    missing.is_empty()
}

/// An image with a guest that writes to it, and its backups.
struct Guest {
    place: Place,
}

/// An export of the image, until it is dropped.
struct Export {
    server: Child,
    uri: String,
}

impl Drop for Export {
    fn drop(&mut self) {
        // It may have ended by itself, which is for others to judge.
        self.server.kill().ok();
        self.server.wait().ok();
    }
}

impl Guest {
    /// With something on its disk, and a version of that, whose snapshot name is `monday`.
    fn new(test: &str) -> Guest {
        let guest = Guest { place: Place::with(test, &["--block", "256K", "--frame", "64K", "--segment", "2M"]) };
        run(Command::new("qemu-img").args(["create", "-q", "-f", "qcow2"]).arg(guest.image()).arg(SIZE.to_string()));
        guest.write(&["write -P 1 0 3M", "write -P 2 5M 1000k", "write -P 3 11M 1M"]);
        guest.bitmap("--add", "since-monday");
        guest.back_up("monday", &[]).ends(0);
        guest
    }

    fn image(&self) -> PathBuf {
        self.place.path("disk.qcow2")
    }

    /// What the guest writes, in the words of qemu-io.
    fn write(&self, commands: &[&str]) {
        let mut io = Command::new("qemu-io");
        io.args(commands.iter().flat_map(|command| ["-c", command]));
        run(io.arg(self.image()));
    }

    fn bitmap(&self, verb: &str, name: &str) {
        run(Command::new("qemu-img").args(["bitmap", verb]).arg(self.image()).arg(name));
    }

    /// Serves the image under these options; none if the server ends before anybody can ask it.
    fn export(&self, options: &[&str]) -> Result<Export, String> {
        let socket = self.place.path("socket");
        fs::remove_file(&socket).ok();
        let mut command = Command::new("qemu-nbd");
        command.args(["-t", "-f", "qcow2", "-x", "disk", "-k"]).arg(&socket).args(options).arg(self.image());
        let server = command.stderr(Stdio::piped()).spawn().unwrap();
        let mut export = Export { server, uri: format!("nbd+unix:///disk?socket={}", socket.display()) };
        let began = Instant::now();
        // The socket is there before the image has been looked at.
        while !is_served(&export.uri) {
            if export.server.try_wait().unwrap().is_some() {
                let mut said = String::new();
                std::io::Read::read_to_string(export.server.stderr.as_mut().unwrap(), &mut said).unwrap();
                return Err(said);
            }
            assert!(began.elapsed() < PATIENCE, "qemu-nbd does not answer");
            sleep(Duration::from_millis(20));
        }
        Ok(export)
    }

    /// Asks for a map into the file of hints, as `nbdinfo > hints` does; whether there was one.
    fn ask(&self, uri: &str, map: &str) -> bool {
        let hints = fs::File::create(self.hints()).unwrap();
        Command::new("nbdinfo").args([map, "--json", uri]).stdout(hints).stderr(Stdio::null()).status().unwrap().success()
    }

    fn hints(&self) -> PathBuf {
        self.place.path("hints")
    }

    /// What the disk has now, read by QEMU.
    fn raw(&self) -> Vec<u8> {
        let raw = self.place.path("disk.raw");
        run(Command::new("qemu-img").args(["convert", "-f", "qcow2", "-O", "raw"]).arg(self.image()).arg(&raw));
        fs::read(raw).unwrap()
    }

    fn back_up(&self, snapshot: &str, options: &[&str]) -> Ran {
        self.raw();
        let mut all = vec!["--name", "vm", "--snapshot", snapshot];
        all.extend(options);
        self.place.backup("disk.raw", &all)
    }

    fn back_up_hinted(&self, snapshot: &str, since: &str) -> Ran {
        self.back_up(snapshot, &["--hints", self.hints().to_str().unwrap(), "--since", since])
    }

    /// The next version by what the bitmap of the one before says, with a new bitmap from here on.
    fn next(&self, since: &str, snapshot: &str) -> Ran {
        let bitmap = format!("since-{since}");
        self.bitmap("--disable", &bitmap);
        self.bitmap("--add", &format!("since-{snapshot}"));
        let export = self.export(&["-r", "-B", &bitmap]).unwrap();
        assert!(self.ask(&export.uri, &format!("--map=qemu:dirty-bitmap:{bitmap}")));
        drop(export);
        let ran = self.back_up_hinted(snapshot, since).ends(0);
        self.bitmap("--remove", &bitmap);
        ran
    }

    fn assert_is(&self, version: &str, bytes: &[u8]) {
        let (ran, restored) = self.place.restored(version);
        ran.ends(0);
        assert!(restored == bytes, "{version} is another disk");
    }
}

fn is_served(uri: &str) -> bool {
    Command::new("nbdinfo").args(["--size", uri]).output().is_ok_and(|output| output.status.success())
}

fn run(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {output:?}");
}

fn is_empty(path: &Path) -> bool {
    path.metadata().is_ok_and(|metadata| metadata.len() == 0)
}

#[test]
fn increments_by_bitmaps_are_the_disk_each_time() {
    if !has_tools() {
        return;
    }
    let guest = Guest::new("bitmaps");
    let monday = guest.raw();
    guest.write(&["write -P 9 1M 4k", "write -z 2M 128k", "write -P 7 9M 100k"]);
    let ran = guest.next("monday", "tuesday");
    // A bit stands for 64 KiB: one written, two zeroed; and two that 100 KiB touch, in a block that was zero, of which all is read.
    assert!(ran.out.contains("read 448.0 KiB"), "{ran:#?}");
    let tuesday = guest.raw();
    assert!(tuesday != monday && tuesday[2 << 20..(2 << 20) + (128 << 10)].iter().all(|&byte| byte == 0));

    guest.write(&["write -P 4 1M 512", "write -z 9M 64k", "write -z -u 5M 1M", "write -P 8 12582400 512"]);
    let ran = guest.next("tuesday", "wednesday");
    // The mebibyte of zeros is a hole in the file now, and no hole is read.
    assert!(ran.out.contains("read 192.0 KiB"), "{ran:#?}");
    guest.assert_is("vm@monday", &monday);
    guest.assert_is("vm@tuesday", &tuesday);
    guest.assert_is("vm@wednesday", &guest.raw());
    let list = guest.place.run(["ls", "--json"]).ends(0).json();
    assert_eq!(list["versions"][2]["base"], list["versions"][1]["id"]);
    assert!(guest.place.run(["scrub"]).ends(0).out.ends_with("no damage; 3 versions, all whole\n"));
}

/// The writer died, so that QEMU does not vouch for the bitmap: no hints can be had, and a backup that reads everything is due.
#[test]
fn where_a_bitmap_was_in_use_nothing_is_backed_up_by_it() {
    if !has_tools() {
        return;
    }
    let guest = Guest::new("in-use");
    let mut writer = guest.export(&[]).unwrap();
    run(Command::new("qemu-io").args(["-f", "raw", "-c", "write -P 5 4M 64k", &writer.uri]));
    writer.server.kill().unwrap();
    drop(writer);

    let refused = guest.export(&["-r", "-B", "since-monday"]).err().unwrap();
    assert!(refused.contains("inconsistent and cannot be used"), "{refused}");
    // Whoever asks nevertheless gets nothing, be there no server or one that does not offer the bitmap.
    let map = "--map=qemu:dirty-bitmap:since-monday";
    let export = guest.export(&["-r"]).unwrap();
    for uri in [export.uri.as_str(), "nbd+unix:///disk?socket=/nonexistent"] {
        assert!(!guest.ask(uri, map) && is_empty(&guest.hints()));
        let ran = guest.place.unchanged(|| guest.back_up_hinted("tuesday", "monday"));
        ran.ends(1).says(&["there is nothing in it", "in use", "without --hints"]);
    }
    drop(export);

    // What is to be done: read everything once, with a new bitmap for the next time.
    guest.bitmap("--remove", "since-monday");
    guest.bitmap("--add", "since-tuesday");
    guest.back_up("tuesday", &[]).ends(0);
    let tuesday = guest.raw();
    guest.assert_is("vm@tuesday", &tuesday);
    guest.write(&["write -P 6 4M 512"]);
    let ran = guest.next("tuesday", "wednesday");
    assert!(ran.out.contains("read 64.0 KiB"), "{ran:#?}");
    guest.assert_is("vm@wednesday", &guest.raw());
}

/// Dirty since another version than the one it is said to be: what the bitmap does not tell of is compared, and found to differ.
#[test]
fn a_bitmap_of_another_day_is_refused() {
    if !has_tools() {
        return;
    }
    let guest = Guest::new("another-day");
    guest.write(&["write -P 9 0 12M"]);
    guest.bitmap("--add", "since-tuesday");
    guest.back_up("tuesday", &[]).ends(0);
    guest.write(&["write -P 4 1M 4k"]);
    let export = guest.export(&["-r", "-B", "since-tuesday"]).unwrap();
    assert!(guest.ask(&export.uri, "--map=qemu:dirty-bitmap:since-tuesday"));
    drop(export);
    guest.place.unchanged(|| guest.back_up_hinted("wednesday", "monday")).ends(4);
    guest.back_up_hinted("wednesday", "tuesday").ends(0);
    guest.assert_is("vm@wednesday", &guest.raw());
}
