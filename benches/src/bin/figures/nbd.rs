//! A version read over NBD, beside qcow2 with Zstandard through qemu-nbd: fio asks both, and each has 64 MiB of cache.

use crate::place::{Place, Scratch};
use crate::runs::{back_up, forget, make};
use crate::table::{self, Goal};
use sarsen_benches::{Failure, Measured};
use sarsen_core::ops::init::Options;
use sarsen_host::FileDisk;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

/// Names the plugin's file; tests/nbdkit/run.sh builds it.
const PLUGIN: &str = "SARSEN_PLUGIN";
const TOOLS: [&str; 4] = ["nbdkit", "qemu-nbd", "qemu-img", "fio"];
const SECONDS: u32 = 4;
const PATIENCE: Duration = Duration::from_secs(10);

/// What a client asks for.
#[derive(Clone, Copy)]
struct Load {
    pattern: &'static str,
    bytes: &'static str,
    depth: u32,
    goal: Goal,
}

const LOADS: [Load; 6] = [
    Load { pattern: "read", bytes: "64k", depth: 1, goal: Goal::AtLeast(1.0) },
    Load { pattern: "read", bytes: "64k", depth: 8, goal: Goal::AtLeast(1.0) },
    Load { pattern: "read", bytes: "1m", depth: 1, goal: Goal::AtLeast(1.0) },
    Load { pattern: "read", bytes: "1m", depth: 8, goal: Goal::AtLeast(1.0) },
    Load { pattern: "randread", bytes: "4k", depth: 1, goal: Goal::AtLeast(0.5) },
    Load { pattern: "randread", bytes: "4k", depth: 8, goal: Goal::AtLeast(0.5) },
];

/// Who serves, and the files it reads.
struct Server {
    command: Vec<String>,
    files: Vec<PathBuf>,
    socket: PathBuf,
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
    table::begin("A version over NBD, compared with qcow2 (Zstandard) through qemu-nbd, 64 MiB of cache each");
    let Some(plugin) = std::env::var_os(PLUGIN) else {
        table::note("not measured", &format!("{PLUGIN} does not name the plugin that tests/nbdkit/run.sh builds"));
        return Ok(());
    };
    if let Some(missing) = TOOLS.iter().find(|tool| Command::new(tool).arg("--version").output().is_err()) {
        table::note("not measured", &format!("{missing} is not installed"));
        return Ok(());
    }
    let scratch = place.scratch("nbd")?;
    let image = place.image()?;
    let ours = serve_version(&scratch, &image, Path::new(&plugin))?;
    let theirs = serve_qcow2(&scratch, &image)?;
    for load in LOADS {
        let name = format!("{} {}, {} at once", load.pattern, load.bytes, load.depth);
        let (cold, warm) = ours.measure(&load)?;
        let (their_cold, their_warm) = theirs.measure(&load)?;
        let unit = |rate: f64| format!("{:.1} MB/s", rate / 1e6);
        table::note(&format!("{name}, cold"), &format!("{}, qemu-nbd {}", unit(cold), unit(their_cold)));
        table::row(&format!("{name}, cold, compared"), cold / their_cold, "times", load.goal);
        table::note(&format!("{name}, warm"), &format!("{}, qemu-nbd {}", unit(warm), unit(their_warm)));
        table::row(&format!("{name}, warm, compared"), warm / their_warm, "times", load.goal);
    }
    Ok(())
}

fn serve_version(scratch: &Scratch, image: &Path, plugin: &Path) -> Measured<Server> {
    let [repository, socket] = ["repository", "ours.sock"].map(|name| scratch.path().join(name));
    make(&repository, &Options::HOST)?;
    back_up(&repository, &FileDisk::open(image).map_err(|error| Failure(error.to_string()))?)?;
    let files = std::fs::read_dir(repository.join("segments"))?.map(|entry| Ok(entry?.path())).collect::<Measured<_>>()?;
    let words =
        ["nbdkit", "-f", "-r", "-U", &text(&socket), &text(plugin), &format!("repo={}", text(&repository))].map(String::from);
    let command = words.into_iter().chain(["version=disk".into(), "cache=64M".into()]).collect();
    Ok(Server { command, files, socket })
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

impl Server {
    /// Bytes a second: just started with nothing in the page cache, and then once more.
    fn measure(&self, load: &Load) -> Measured<(f64, f64)> {
        for file in &self.files {
            forget(file)?;
        }
        let _running = self.start()?;
        Ok((self.ask(load)?, self.ask(load)?))
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
        let Load { pattern, bytes, depth, .. } = load;
        let uri = format!("--uri=nbd+unix:///?socket={}", text(&self.socket));
        let words =
            [format!("--rw={pattern}"), format!("--bs={bytes}"), format!("--iodepth={depth}"), format!("--runtime={SECONDS}")];
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
