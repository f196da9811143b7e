//! Ceph itself: a cluster of one node on loopback, whose `rbd` gives hints and streams, and takes streams of sarsen's.
//!
//! In the long tier alone, since Ceph takes half a gigabyte of packages. There a run without it fails: nobody shall take it for one that passed.

use crate::place::{Place, Ran};
use sarsen_tests::Random;
use serde_json::{Value, json};
use std::fs::{self, File};
use std::net::{Ipv4Addr, TcpListener};
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;

const TOOLS: [&str; 5] = ["ceph", "ceph-mon", "ceph-osd", "monmaptool", "rbd"];
const CLUSTER: &str = "4f1a7d8e-3c2b-4a59-9b1e-2d6c8f0e5a73";
const OSD: &str = "7d3c9a44-58aa-4a06-8c15-1c1d2ad1b0e1";
const MEBI: usize = 1 << 20;
/// Each day the disk has another size: it grows, and then shrinks to one that no sector divides.
const DAYS: [(&str, usize); 3] = [("monday", 64 * MEBI), ("tuesday", 70 * MEBI), ("wednesday", 41_000_001)];
/// Each day but the first, behind the one before.
const PAIRS: [(&str, &str); 2] = [("monday", "tuesday"), ("tuesday", "wednesday")];
/// A layout that goes through four objects at once, where the usual one fills one after the other.
const STRIPES: [&str; 4] = ["--stripe-unit", "64K", "--stripe-count", "4"];

/// A monitor and one store of objects, which hold all in memory, and a place beside them. What runs ends before its folder goes.
struct Ceph {
    _daemons: [Daemon; 2],
    config: PathBuf,
    place: Place,
}

/// A server, until it is dropped.
struct Daemon {
    child: Child,
    said: PathBuf,
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        if thread::panicking() {
            eprintln!("{}: {}", self.said.display(), fs::read_to_string(&self.said).unwrap_or_default());
        }
    }
}

impl Daemon {
    fn start(name: &str, id: &str, config: &Path) -> Daemon {
        let said = config.with_extension(name);
        let output = File::create(&said).unwrap();
        let mut command = command(name, config);
        command.args(["-i", id, "-f"]).stdin(Stdio::null()).stdout(output.try_clone().unwrap()).stderr(output);
        Daemon { child: command.spawn().unwrap(), said }
    }
}

impl Ceph {
    fn start(test: &str) -> Ceph {
        let is_there = |tool: &&str| Command::new(tool).arg("--version").output().is_ok();
        let missing: Vec<&str> = TOOLS.into_iter().filter(|tool| !is_there(tool)).collect();
        assert!(missing.is_empty(), "{} missing: install Debian's ceph-mon, ceph-osd and ceph-common", missing.join(", "));

        let place = Place::with(test, &["--block", "1M", "--frame", "64K", "--segment", "8M"]);
        let folder = place.path("cluster");
        for inner in ["mon", "osd", "run"] {
            fs::create_dir_all(folder.join(inner)).unwrap();
        }
        // Taken by nobody when it was asked for.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap().local_addr().unwrap().port();
        let config = folder.join("ceph.conf");
        fs::write(&config, configuration(&folder, port)).unwrap();
        let run = |tool: &str, arguments: &[&str]| run(command(tool, &config).args(arguments));

        let map = folder.join("map");
        let map = map.to_str().unwrap();
        run("monmaptool", &["--create", "--fsid", CLUSTER, "--addv", "a", &format!("[v2:127.0.0.1:{port}]"), map]);
        run("ceph-mon", &["-i", "a", "--mkfs", "--monmap", map]);
        let monitor = Daemon::start("ceph-mon", "a", &config);
        // The clients wait for the servers by themselves.
        run("ceph", &["osd", "new", OSD]);
        run("ceph-osd", &["-i", "0", "--mkfs", "--osd-uuid", OSD]);
        run("ceph", &["osd", "crush", "add", "osd.0", "1", "root=default", "host=here"]);
        let store = Daemon::start("ceph-osd", "0", &config);
        run("ceph", &["osd", "pool", "create", "rbd", "8"]);
        // The monitor ends last.
        Ceph { _daemons: [store, monitor], config, place }
    }

    fn rbd(&self, verb: &str, arguments: &[&str]) -> Command {
        let mut command = command("rbd", &self.config);
        command.arg(verb).args(arguments);
        command
    }

    /// Makes an image of this layout that has a snapshot of every day.
    fn image(&self, image: &str, layout: &[&str]) {
        let mut random = Random::new(7);
        let [monday, tuesday, wednesday] = DAYS;
        let mut disk = vec![0; monday.1];
        let middle = 16 * MEBI + 4096..24 * MEBI + 4096;
        for written in [0..9 * MEBI, middle, 40 * MEBI..40 * MEBI + 100_000, monday.1 - 512..monday.1] {
            let bytes = random.bytes(written.len());
            disk[written].copy_from_slice(&bytes);
        }
        fs::write(self.place.path("disk"), disk).unwrap();
        run(self.rbd("import", layout).args([self.place.path("disk").to_str().unwrap(), image]));
        self.snapshot(image, monday.0);

        let mut stream = Stream::of(tuesday.1);
        stream.data(512..1024, &mut random);
        stream.zeros(4 * MEBI..8 * MEBI); // an object
        stream.zeros(16 * MEBI + 8192..16 * MEBI + 16384);
        stream.zeros(20 * MEBI + 1000..24 * MEBI); // what an object ends with
        stream.data(32 * MEBI..32 * MEBI + 65536, &mut random);
        stream.data(tuesday.1 - 1000..tuesday.1, &mut random);
        self.write(image, stream);
        self.snapshot(image, tuesday.0);

        run(&mut self.rbd("resize", &["--allow-shrink", "--size", &format!("{}B", wednesday.1), image]));
        let mut stream = Stream::of(wednesday.1);
        stream.zeros(MEBI..MEBI + 512);
        stream.data(5 * MEBI..5 * MEBI + 4096, &mut random);
        stream.zeros(16 * MEBI..20 * MEBI); // an object again
        stream.data(wednesday.1 - 1..wednesday.1, &mut random);
        self.write(image, stream);
        self.snapshot(image, wednesday.0);
    }

    fn snapshot(&self, image: &str, day: &str) {
        run(&mut self.rbd("snap", &["create", &format!("{image}@{day}")]));
    }

    /// Of rbd's verbs only this one writes here and there, and zeros.
    fn write(&self, image: &str, mut stream: Stream) {
        stream.0.push(b'e');
        let path = self.place.path("written");
        fs::write(&path, stream.0).unwrap();
        run(&mut self.rbd("import-diff", &[path.to_str().unwrap(), image]));
    }

    /// The bytes of a disk as rbd tells them.
    fn disk(&self, image: &str, day: &str) -> Vec<u8> {
        run(&mut self.rbd("export", &[&format!("{image}@{day}"), "-"]))
    }

    /// Backs a day up as rbd tells it, by hints where there is a diff.
    fn back_up(&self, day: &str, hints: Option<(&str, Command)>) -> Ran {
        fs::write(self.place.path("disk"), self.disk("vm", day)).unwrap();
        let mut backup = self.place.command(["backup", "--name", "vm", "--snapshot", day]);
        backup.arg(self.place.path("disk"));
        match hints {
            None => Ran::of(backup.output().unwrap()),
            Some((since, diff)) => {
                backup.args(["--hints", "-", "--since", since]);
                piped(diff, backup)
            }
        }
    }

    /// A version is what rbd has.
    #[track_caller]
    fn assert_is(&self, version: &str, image: &str, day: &str) {
        let (ran, restored) = self.place.restored(version);
        ran.ends(0);
        assert!(restored == self.disk(image, day), "{version} is not {image}@{day}");
    }
}

/// What a client or a server of this cluster has to know.
fn configuration(folder: &Path, port: u16) -> String {
    let folder = folder.display();
    format!(
        "[global]
fsid = {CLUSTER}
mon_host = v2:127.0.0.1:{port}/0
public_addr = 127.0.0.1
cluster_addr = 127.0.0.1
mon_data = {folder}/mon
osd_data = {folder}/osd
run_dir = {folder}/run
crash_dir = {folder}/run
log_file = {folder}/$name.log
mon_cluster_log_file = {folder}/cluster.log
# Nobody asks the servers through sockets.
admin_socket =
# There are no keys, and without them what is encrypted by default never begins.
auth_cluster_required = none
auth_service_required = none
auth_client_required = none
ms_mon_cluster_mode = crc
ms_mon_service_mode = crc
ms_mon_client_mode = crc
# One copy on one store in memory.
osd_objectstore = memstore
osd_pool_default_size = 1
osd_pool_default_min_size = 1
osd_pool_default_pg_autoscale_mode = off
osd_crush_chooseleaf_type = 0
mon_allow_pool_size_one = true
# Or the monitor ends where the disk is nearly full.
mon_data_avail_crit = 0
# Or it collects for a second what it decides at once.
paxos_propose_interval = 0.05
paxos_min_wait = 0.01
# Who waits for a server that has ended gives up.
client_mount_timeout = 60
rados_mon_op_timeout = 60
rados_osd_op_timeout = 60
"
    )
}

fn command(tool: &str, config: &Path) -> Command {
    let mut command = Command::new(tool);
    command.env("CEPH_CONF", config).env_remove("CEPH_ARGS");
    command
}

/// Runs one that must succeed, and gives what it printed.
#[track_caller]
fn run(command: &mut Command) -> Vec<u8> {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// `from | to`; the first must succeed.
#[track_caller]
fn piped(mut from: Command, mut to: Command) -> Ran {
    let mut first = from.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let last = to.stdin(first.stdout.take().unwrap()).output().unwrap();
    drop(to); // or its end of the pipe stays open
    let first = first.wait_with_output().unwrap();
    let last = Ran::of(last);
    assert!(first.status.success(), "{from:?}: {}; {last:#?}", String::from_utf8_lossy(&first.stderr));
    last
}

/// A stream for `rbd import-diff`, written here by hand: nothing of sarsen's shall have a hand in what sarsen is given.
struct Stream(Vec<u8>);

impl Stream {
    fn of(size: usize) -> Stream {
        Stream([&b"rbd diff v1\ns"[..], &(size as u64).to_le_bytes()].concat())
    }

    fn data(&mut self, range: Range<usize>, random: &mut Random) {
        self.record(b'w', &range);
        self.0.extend(random.bytes(range.len()));
    }

    fn zeros(&mut self, range: Range<usize>) {
        self.record(b'z', &range);
    }

    fn record(&mut self, tag: u8, range: &Range<usize>) {
        self.0.push(tag);
        self.0.extend((range.start as u64).to_le_bytes());
        self.0.extend((range.len() as u64).to_le_bytes());
    }
}

/// What is wrong with a list as `rbd diff` and `sarsen diff` print it: every byte that differs has to lie in it, and what it calls zeros has to be
/// that. What lies behind a disk's end counts as zeros.
fn wrong_with(list: &Value, old: &[u8], new: &[u8]) -> Option<String> {
    let mut old = old.to_vec();
    old.resize(new.len(), 0);
    for extent in list.as_array().unwrap() {
        let [offset, length] = ["offset", "length"].map(|field| usize::try_from(extent[field].as_u64().unwrap()).unwrap());
        let bytes = &new[offset..offset + length];
        if extent["exists"] == "false" && bytes.iter().any(|&byte| byte != 0) {
            return Some(format!("{extent} holds something"));
        }
        old[offset..offset + length].copy_from_slice(bytes);
    }
    (old != new).then(|| format!("something differs that is not in {list}"))
}

#[test]
fn a_list_that_keeps_something_back_is_noticed() {
    let (old, new) = ([1, 1, 1, 1, 1], [1, 2, 0, 0, 1, 0, 3]);
    let extent = |offset: usize, length: usize, exists: &str| json!({"offset": offset, "length": length, "exists": exists});
    let right = [extent(1, 1, "true"), extent(2, 2, "false"), extent(5, 2, "true")];
    assert_eq!(wrong_with(&right.to_vec().into(), &old, &new), None);
    for at in 0..right.len() {
        let mut wrong = right.to_vec();
        wrong[at] = extent(0, 1, "true");
        assert!(wrong_with(&wrong.into(), &old, &new).is_some_and(|why| why.contains("differs")), "without the extent at {at}");
    }
    let wrong = [extent(0, 7, "false")];
    assert!(wrong_with(&wrong.to_vec().into(), &old, &new).is_some_and(|why| why.contains("holds something")));
}

#[test]
#[ignore = "long: a one-node Ceph cluster"]
fn increments_by_rbd_diff_are_the_disk_each_time() {
    let ceph = Ceph::start("ceph-hints");
    ceph.image("vm", &[]);
    ceph.back_up("monday", None).ends(0);
    for (since, day) in PAIRS {
        let diff = || ceph.rbd("diff", &["--format", "json", "--from-snap", since, &format!("vm@{day}")]);
        ceph.back_up(day, Some((since, diff()))).ends(0);
        ceph.assert_is(&format!("vm@{day}"), "vm", day);

        let (old, new) = (ceph.disk("vm", since), ceph.disk("vm", day));
        let by_rbd: Value = serde_json::from_slice(&run(&mut diff())).unwrap();
        let told = |exists: &str| by_rbd.as_array().unwrap().iter().any(|extent| extent["exists"] == exists);
        assert!(told("true") && told("false"), "{by_rbd}");
        assert_eq!(wrong_with(&by_rbd, &old, &new), None);
        let by_sarsen = ceph.place.run(["diff", &format!("vm@{since}"), &format!("vm@{day}"), "--json"]).ends(0).json();
        assert_eq!(wrong_with(&by_sarsen, &old, &new), None);
    }
    let list = ceph.place.run(["ls", "--json"]).ends(0).json();
    for version in &list["versions"].as_array().unwrap()[1..] {
        let [read, size] = ["read_bytes", "size"].map(|field| version[field].as_u64().unwrap());
        assert!(read < size / 4, "what rbd does not list is not read: {version}");
    }
    assert!(ceph.place.run(["scrub"]).ends(0).out.ends_with("no damage; 3 versions, all whole\n"));
}

#[test]
#[ignore = "long: a one-node Ceph cluster"]
fn streams_of_rbd_become_the_disks_they_are_of() {
    let ceph = Ceph::start("ceph-import");
    let path = |name: &str| ceph.place.path(name).to_str().unwrap().to_owned();
    let import = |arguments: &[&str]| ceph.place.command(["import"].iter().chain(arguments));
    for (image, layout) in [("vm", &[][..]), ("striped", &STRIPES)] {
        ceph.image(image, layout);
        let stream = path(&format!("{image}-monday"));
        run(&mut ceph.rbd("export-diff", &[&format!("{image}@monday"), &stream]));
        Ran::of(import(&[&stream, "--name", image]).output().unwrap()).ends(0);
        for (since, day) in PAIRS {
            let stream = ceph.rbd("export-diff", &["--from-snap", since, &format!("{image}@{day}"), "-"]);
            piped(stream, import(&["--base", &format!("{image}@{since}")])).ends(0);
        }
        for (day, _) in DAYS {
            ceph.assert_is(&format!("{image}@{day}"), image, day);
        }
    }

    // Whole objects, whatever of them changed.
    let objects = ceph.rbd("export-diff", &["--whole-object", "--from-snap", "monday", "vm@wednesday", "-"]);
    piped(objects, import(&["--base", "vm@monday", "--name", "objects"])).ends(0);
    ceph.assert_is("objects@wednesday", "vm", "wednesday");

    // Two differences made one, as rbd does that.
    let (tuesday, wednesday) = (path("tuesday"), path("wednesday"));
    run(&mut ceph.rbd("export-diff", &["--from-snap", "monday", "vm@tuesday", &tuesday]));
    run(&mut ceph.rbd("export-diff", &["--from-snap", "tuesday", "vm@wednesday", &wednesday]));
    let merged = |first: &str, second: &str| ceph.rbd("merge-diff", &[first, second, "-"]);
    piped(merged(&tuesday, &wednesday), import(&["--base", "vm@monday", "--name", "merged"])).ends(0);
    ceph.assert_is("merged@wednesday", "vm", "wednesday");
    piped(merged(&path("vm-monday"), &tuesday), import(&["--name", "merged"])).ends(0);
    ceph.assert_is("merged@tuesday", "vm", "tuesday");

    // Of a clone, which has most of its bytes from the image below it.
    run(&mut ceph.rbd("snap", &["protect", "vm@tuesday"]));
    run(&mut ceph.rbd("clone", &["vm@tuesday", "clone"]));
    let mut stream = Stream::of(DAYS[1].1);
    stream.data(17 * MEBI..17 * MEBI + 512, &mut Random::new(8));
    ceph.write("clone", stream);
    ceph.snapshot("clone", "cloned");
    piped(ceph.rbd("export-diff", &["clone@cloned", "-"]), import(&["--name", "clone"])).ends(0);
    ceph.assert_is("clone@cloned", "clone", "cloned");

    // Not of a snapshot: the disk as it is.
    piped(ceph.rbd("export-diff", &["clone", "-"]), import(&["--name", "now"])).ends(0);
    ceph.assert_is("now", "clone", "cloned");

    // Version 2 stands in an image with its snapshots.
    let (_, streams) = parts(&run(&mut ceph.rbd("export", &["--export-format", "2", "vm", "-"])));
    assert_eq!(streams.len(), DAYS.len() + 1, "what changed since the last one, too");
    for ((at, (day, _)), stream) in DAYS.into_iter().enumerate().zip(&streams) {
        fs::write(path("part"), stream).unwrap();
        let base = at.checked_sub(1).map(|at| format!("second@{}", DAYS[at].0));
        let base = base.as_ref().map_or(["--name", "second"], |base| ["--base", base]);
        Ran::of(import(&[&path("part")]).args(base).output().unwrap()).ends(0);
        ceph.assert_is(&format!("second@{day}"), "vm", day);
    }
    ceph.place.run(["scrub"]).ends(0);
}

/// The start of what `rbd export --export-format 2` writes, and the streams in it. Random bytes never look like a stream's start.
fn parts(image: &[u8]) -> (Vec<u8>, Vec<Vec<u8>>) {
    let start = b"rbd image diffs v2\n";
    let streams = image.windows(start.len()).position(|bytes| bytes == start).unwrap() + start.len();
    let banner = b"rbd diff v2\n";
    let mut starts: Vec<usize> =
        image.windows(banner.len()).enumerate().filter(|(_, bytes)| bytes == banner).map(|(at, _)| at).collect();
    starts.push(image.len());
    (image[..streams].to_vec(), starts.windows(2).map(|ends| image[ends[0]..ends[1]].to_vec()).collect())
}

#[test]
#[ignore = "long: a one-node Ceph cluster"]
fn rbd_makes_the_disks_of_the_streams_it_is_given() {
    let ceph = Ceph::start("ceph-export");
    ceph.image("vm", &[]);
    for (day, _) in DAYS {
        ceph.back_up(day, None).ends(0);
    }
    let export = |day: &str, since: Option<&str>, format: &str| {
        let mut command = ceph.place.command(["export", &format!("vm@{day}"), "--format", format]);
        command.args(since.map(|since| format!("--from=vm@{since}")));
        command
    };

    // Onto an image that has monday from rbd itself, and onto a new one.
    let copy = ceph.place.path("copy");
    fs::write(&copy, ceph.disk("vm", "monday")).unwrap();
    run(&mut ceph.rbd("import", &[copy.to_str().unwrap(), "second"]));
    ceph.snapshot("second", "monday");
    run(&mut ceph.rbd("create", &["--size", "1M", "new"]));
    piped(export("monday", None, "rbd"), ceph.rbd("import-diff", &["-", "new"])).ends(0);
    for image in ["second", "new"] {
        for (since, day) in PAIRS {
            piped(export(day, Some(since), "rbd"), ceph.rbd("import-diff", &["-", image])).ends(0);
        }
    }

    // Version 2, behind what rbd writes before it.
    let (mut image, _) = parts(&run(&mut ceph.rbd("export", &["--export-format", "2", "vm", "-"])));
    image.extend((DAYS.len() as u64).to_le_bytes());
    image.extend(run(&mut export("monday", None, "rbd-v2")));
    for (since, day) in PAIRS {
        image.extend(run(&mut export(day, Some(since), "rbd-v2")));
    }
    let path = ceph.place.path("image");
    fs::write(&path, image).unwrap();
    run(&mut ceph.rbd("import", &["--export-format", "2", path.to_str().unwrap(), "whole"]));

    for image in ["second", "new", "whole"] {
        for (day, _) in DAYS {
            assert!(ceph.disk(image, day) == ceph.disk("vm", day), "{image}@{day} is another disk");
        }
    }
}
