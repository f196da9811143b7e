//! What others take for the same increment, if they are installed.

use sarsen_benches::process::children_seconds;
use sarsen_benches::stopwatch::Seconds;
use sarsen_benches::{Failure, Measured};
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::runs::directory_bytes;

/// Another program that keeps increments.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Peer {
    /// Cuts at fixed places as we do, LZ4, no encryption: its fastest.
    Borg,
    /// As it is by default.
    Restic,
}

/// What one increment took.
#[derive(Clone, Copy, Debug)]
pub struct Increment {
    /// How long.
    pub seconds: Seconds,
    /// By how much its repository grew.
    pub grown_bytes: u64,
}

impl Peer {
    /// All.
    pub const ALL: [Peer; 2] = [Peer::Borg, Peer::Restic];

    /// Its program.
    pub fn name(self) -> &'static str {
        match self {
            Peer::Borg => "borg",
            Peer::Restic => "restic",
        }
    }

    /// Which it is; none where it is not installed.
    pub fn version(self) -> Option<String> {
        let argument = if self == Peer::Borg { "--version" } else { "version" };
        let said = Command::new(self.name()).arg(argument).output().ok().filter(|said| said.status.success())?;
        let line = String::from_utf8_lossy(&said.stdout).lines().next()?.to_owned();
        Some(line.split(" compiled").next().unwrap_or_default().to_owned())
    }

    /// Makes its repository and a first version of the image.
    pub fn prepare(self, home: &Path, image: &Path) -> Measured<()> {
        fs::create_dir(home)?;
        match self {
            Peer::Borg => self.run(home, &["init", "-e", "none", "repository"])?,
            Peer::Restic => self.run(home, &["-r", "repository", "init"])?,
        };
        self.back_up(home, image, "one").map(|_| ())
    }

    /// Backs the image up once more.
    pub fn increment(self, home: &Path, image: &Path, name: &str) -> Measured<Increment> {
        let repository = home.join("repository");
        let before = directory_bytes(&repository)?;
        let seconds = self.back_up(home, image, name)?;
        Ok(Increment { seconds, grown_bytes: directory_bytes(&repository)?.saturating_sub(before) })
    }

    fn back_up(self, home: &Path, image: &Path, name: &str) -> Measured<Seconds> {
        let image = image.to_str().ok_or(Failure("the image's name is not UTF-8".into()))?;
        match self {
            Peer::Borg => {
                let archive = format!("repository::{name}");
                self.run(home, &["create", "--chunker-params", "fixed,4194304", "--compression", "lz4", &archive, image])
            }
            Peer::Restic => self.run(home, &["-r", "repository", "backup", "-q", image]),
        }
    }

    fn run(self, home: &Path, arguments: &[&str]) -> Measured<Seconds> {
        let (wall, cpu) = (Instant::now(), children_seconds());
        let ran = Command::new(self.name())
            .args(arguments)
            .current_dir(home)
            // Nothing of it lies anywhere else, and nobody is asked.
            .env("BORG_BASE_DIR", home)
            .env("BORG_UNKNOWN_UNENCRYPTED_REPO_ACCESS_IS_OK", "yes")
            .env("RESTIC_PASSWORD", "figures")
            .env("RESTIC_CACHE_DIR", home.join("cache"))
            .stdout(Stdio::null())
            .output()?;
        match ran.status.success() {
            true => Ok(Seconds { wall: wall.elapsed().as_secs_f64(), cpu: children_seconds() - cpu }),
            false => Err(Failure(format!("{} {arguments:?}: {}", self.name(), String::from_utf8_lossy(&ran.stderr)))),
        }
    }
}
