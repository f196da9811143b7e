//! A version read over NBD and by direct calls from C, beside qcow2 with Zstandard through qemu-nbd: fio asks both servers, each with 64 MiB of cache;
//! `benches/src/reads.c` calls, and has none.

use crate::limits::Used;
use crate::place::{Place, Scratch};
use crate::runs::{back_up, forget, make, newest};
use crate::table::{self, Goal};
use sarsen_benches::fill::{load, with_store};
use sarsen_benches::{Failure, Measured};
use sarsen_core::ops::backup::pages_bytes;
use sarsen_core::ops::init::Options;
use sarsen_core::version::Version;
use sarsen_host::runner::Bench;
use sarsen_host::{Access, DirectoryMedium, FileDisk, System};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Names the plugin's file; tests/nbdkit/run.sh builds it, and the program that calls beside it.
const PLUGIN: &str = "SARSEN_PLUGIN";
const READS: &str = "reads";
const TOOLS: [&str; 4] = ["nbdkit", "qemu-nbd", "qemu-img", "fio"];
const SECONDS: u32 = 4;
/// Pages of 4 KiB read where something is stored, to see how much each decodes.
const PAGES: u64 = 2000;
const PAGE_BYTES: usize = 4096;
const PATIENCE: Duration = Duration::from_secs(10);

/// What a client asks for.
#[derive(Clone, Copy)]
struct Load {
    pattern: &'static str,
    kib: u32,
    depth: u32,
    goal: Goal,
}

const LOADS: [Load; 6] = [
    Load { pattern: "read", kib: 64, depth: 1, goal: Goal::AtLeast(1.0) },
    Load { pattern: "read", kib: 64, depth: 8, goal: Goal::AtLeast(1.0) },
    Load { pattern: "read", kib: 1024, depth: 1, goal: Goal::AtLeast(1.0) },
    Load { pattern: "read", kib: 1024, depth: 8, goal: Goal::AtLeast(1.0) },
    Load { pattern: "randread", kib: 4, depth: 1, goal: Goal::AtLeast(0.5) },
    Load { pattern: "randread", kib: 4, depth: 8, goal: Goal::AtLeast(0.5) },
];

/// Who serves, and the files it reads.
struct Server {
    command: Vec<String>,
    files: Vec<PathBuf>,
    socket: PathBuf,
}

/// The program that calls the library, and what it reads.
struct Caller {
    program: PathBuf,
    repository: PathBuf,
    files: Vec<PathBuf>,
}

/// Bytes a second: with nothing in the page cache, and then once more.
struct Rates {
    cold: f64,
    warm: f64,
}

/// A server that runs; ended when it is dropped.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        // It may have ended by itself; and that is all that could be said of it here.
        self.0.kill().and_then(|()| self.0.wait()).ok();
    }
}

/// Prints the table.
pub fn print(place: &Place) -> Measured<()> {
    table::begin(
        "A version over NBD and by direct calls, compared with qcow2 (Zstandard) through qemu-nbd, 64 MiB of cache each, calls without",
    );
    let Some(plugin) = std::env::var_os(PLUGIN).map(PathBuf::from) else {
        table::note("not measured", &format!("{PLUGIN} does not name the plugin that tests/nbdkit/run.sh builds"));
        return Ok(());
    };
    if let Some(missing) = TOOLS.iter().find(|tool| Command::new(tool).arg("--version").output().is_err()) {
        table::note("not measured", &format!("{missing} is not installed"));
        return Ok(());
    }
    let scratch = place.scratch("nbd")?;
    let image = place.image()?;
    let (repository, files) = version(&scratch, &image)?;
    let ours = serve_version(&scratch, &repository, &files, &plugin);
    let calls = Caller { program: plugin.with_file_name(READS), repository, files };
    let theirs = serve_qcow2(&scratch, &image)?;
    for load in LOADS {
        let (served, called, qcow2) = (ours.measure(&load)?, calls.measure(&load)?, theirs.measure(&load)?);
        compare(&load, "plugin", &served, &qcow2);
        compare(&load, "calls", &called, &qcow2);
    }
    amplification(&calls.repository, &image)
}

/// Bytes decoded for each byte returned, of reads of 4 KiB that know nothing of each other: what a cold cache has to do.
fn amplification(repository: &Path, image: &Path) -> Measured<()> {
    let medium = DirectoryMedium::open(repository, Access::Read).map_err(|error| Failure(error.to_string()))?;
    let disk = FileDisk::open(image).map_err(|error| Failure(error.to_string()))?;
    let used = Used::of(&disk, 1 << 12)?;
    with_store(&medium, &System::new(), |store| {
        load(store)?;
        let newest = newest(store)?.ok_or(Failure("no version".into()))?;
        let mut pages = vec![0; pages_bytes(store.parameters(), newest.disk_size)];
        let mut bench = Bench::new(store.parameters())?;
        let (mut most, mut all) = (0, 0);
        for offset in used.some(PAGES, PAGE_BYTES) {
            let mut version = Version::of_tree(store.parameters(), newest.disk_size, newest.top, &mut pages);
            let decoded = version.read_at(offset, &mut [0; PAGE_BYTES], store, &mut bench.work())?.bytes;
            (most, all) = (decoded.max(most), all + decoded);
        }
        let times = |bytes: u64| bytes as f64 / PAGE_BYTES as f64;
        table::row("4 KiB, cold: decoded for each byte returned, mean", times(all) / PAGES as f64, "bytes", Goal::AtMost(64.0));
        table::row("4 KiB, cold: decoded for each byte returned, most", times(most), "bytes", Goal::AtMost(64.0));
        Ok(())
    })
}

fn compare(load: &Load, who: &str, ours: &Rates, theirs: &Rates) {
    for (how, ours, theirs) in [("cold", ours.cold, theirs.cold), ("warm", ours.warm, theirs.warm)] {
        let name = format!("{} {} KiB, {} at once, {who}, {how}", load.pattern, load.kib, load.depth);
        table::note(&name, &format!("{:.1} MB/s, qemu-nbd {:.1} MB/s", ours / 1e6, theirs / 1e6));
        table::row(&format!("{name}, compared"), ours / theirs, "times", load.goal);
    }
}

/// The repository with the disk's version, and its segments.
fn version(scratch: &Scratch, image: &Path) -> Measured<(PathBuf, Vec<PathBuf>)> {
    let repository = scratch.path().join("repository");
    make(&repository, &Options::HOST)?;
    back_up(&repository, &FileDisk::open(image).map_err(|error| Failure(error.to_string()))?)?;
    let files = std::fs::read_dir(repository.join("segments"))?.map(|entry| Ok(entry?.path())).collect::<Measured<_>>()?;
    Ok((repository, files))
}

fn serve_version(scratch: &Scratch, repository: &Path, files: &[PathBuf], plugin: &Path) -> Server {
    let socket = scratch.path().join("ours.sock");
    let words =
        ["nbdkit", "-f", "-r", "-U", &text(&socket), &text(plugin), &format!("repo={}", text(repository))].map(String::from);
    let command = words.into_iter().chain(["version=disk".into(), "cache=64M".into()]).collect();
    Server { command, files: files.to_vec(), socket }
}

fn serve_qcow2(scratch: &Scratch, image: &Path) -> Measured<Server> {
    let [copy, socket] = ["image.qcow2", "theirs.sock"].map(|name| scratch.path().join(name));
    let convert = ["convert", "-c", "-W", "-m", "2", "-f", "raw", "-O", "qcow2", "-o", "compression_type=zstd"];
    let made = Command::new("qemu-img").args(convert).args([image, &copy]).status()?;
    if !made.success() {
        return Err(Failure(format!("qemu-img: {made}")));
    }
    let options = format!("driver=qcow2,cache-size=64M,file.driver=file,file.filename={}", text(&copy));
    let words = ["qemu-nbd", "-r", "-t", "-e", "8", "-k", &text(&socket), "--image-opts", &options].map(String::from);
    Ok(Server { command: words.into(), files: vec![copy], socket })
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

fn forget_all(files: &[PathBuf]) -> Measured<()> {
    files.iter().try_for_each(|file| forget(file))
}

impl Caller {
    fn measure(&self, load: &Load) -> Measured<Rates> {
        forget_all(&self.files)?;
        let numbers = [load.kib * 1024, load.depth, SECONDS].map(|number| number.to_string());
        let said = Command::new(&self.program).arg(&self.repository).args(["disk", load.pattern]).args(numbers).output()?;
        let lines = String::from_utf8_lossy(&said.stdout);
        let rates: Vec<f64> = lines.split_whitespace().filter_map(|word| word.parse().ok()).collect();
        match rates[..] {
            [cold, warm] => Ok(Rates { cold, warm }),
            _ => Err(Failure(format!("{}: {lines}{}", text(&self.program), String::from_utf8_lossy(&said.stderr)))),
        }
    }
}

impl Server {
    /// Just started, and then once more.
    fn measure(&self, load: &Load) -> Measured<Rates> {
        forget_all(&self.files)?;
        let _running = self.start()?;
        Ok(Rates { cold: self.ask(load)?, warm: self.ask(load)? })
    }

    fn start(&self) -> Measured<Running> {
        let (program, arguments) = self.command.split_first().ok_or(Failure("no command".into()))?;
        if self.socket.exists() {
            std::fs::remove_file(&self.socket)?;
        }
        let child = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).spawn()?;
        let running = Running(child);
        let began = Instant::now();
        while !self.socket.exists() {
            if began.elapsed() > PATIENCE {
                return Err(Failure(format!("{program} does not serve")));
            }
            sleep(Duration::from_millis(20));
        }
        Ok(running)
    }

    fn ask(&self, load: &Load) -> Measured<f64> {
        let Load { pattern, kib, depth, .. } = load;
        let uri = format!("--uri=nbd+unix:///?socket={}", text(&self.socket));
        let words =
            [format!("--rw={pattern}"), format!("--bs={kib}k"), format!("--iodepth={depth}"), format!("--runtime={SECONDS}")];
        let fixed =
            ["--name=figures", "--ioengine=nbd", "--time_based=1", "--size=2g", "--randrepeat=1", "--norandommap", "--minimal"];
        let said = Command::new("fio").args(fixed).args(words).arg(uri).output()?;
        // Terse output, version 3: the seventh field is KiB read a second.
        let lines = String::from_utf8_lossy(&said.stdout);
        let rate = lines.lines().find(|line| line.starts_with("3;")).and_then(|line| line.split(';').nth(6)?.parse::<f64>().ok());
        rate.filter(|rate| *rate > 0.0)
            .map(|rate| rate * 1024.0)
            .ok_or_else(|| Failure(format!("fio: {}{}", lines, String::from_utf8_lossy(&said.stderr))))
    }
}
