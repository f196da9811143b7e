//! A repository of a test, and the command run on it.

use sarsen_tests::{Random, Scratch};
use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The command under test.
pub const SARSEN: &str = env!("CARGO_BIN_EXE_sarsen");

/// Small blocks and segments, so that small disks have many.
pub const SMALL: [&str; 4] = ["--block", "64K", "--segment", "512K"];

/// A directory with a repository in it.
pub struct Place {
    scratch: Scratch,
}

/// What a run came to.
#[derive(Debug)]
pub struct Ran {
    pub code: Option<i32>,
    pub out: String,
    pub err: String,
}

impl Ran {
    pub fn of(output: Output) -> Ran {
        let text = |bytes| String::from_utf8(bytes).expect("the command prints UTF-8");
        Ran { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) }
    }

    /// It ended with this code.
    #[track_caller]
    pub fn ends(self, code: i32) -> Ran {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// It said these words, to whoever reads its messages.
    #[track_caller]
    pub fn says(self, words: &[&str]) -> Ran {
        for words in words {
            assert!(self.err.contains(words), "no {words:?} in {self:#?}");
        }
        self
    }

    /// What it printed as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.out).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// The id of the version that a backup made.
    #[track_caller]
    pub fn version(&self) -> String {
        let line = self.out.lines().next().and_then(|line| line.strip_prefix("version "));
        line.unwrap_or_else(|| panic!("{self:#?}")).to_owned()
    }
}

impl Place {
    /// A repository with small blocks.
    pub fn new(test: &str) -> Place {
        Place::with(test, &SMALL)
    }

    /// A repository made so.
    pub fn with(test: &str, options: &[&str]) -> Place {
        let place = Place::empty(test);
        place.run_with("init", options).ends(0);
        place
    }

    /// A directory without a repository.
    pub fn empty(test: &str) -> Place {
        Place { scratch: Scratch::new(test) }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.scratch.path().join(name)
    }

    pub fn repository(&self) -> PathBuf {
        self.path("repository")
    }

    pub fn segment(&self, number: u32) -> PathBuf {
        self.repository().join(format!("segments/{number:010}.seg"))
    }

    /// The command, on this repository, with these arguments.
    pub fn command(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
        command_on(&self.repository(), arguments)
    }

    /// Runs the command.
    pub fn run(&self, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Ran {
        Ran::of(self.command(arguments).output().expect("the command starts"))
    }

    fn run_with(&self, verb: &str, options: &[&str]) -> Ran {
        self.run([verb].iter().chain(options))
    }

    /// Backs a file of this place up.
    pub fn backup(&self, file: &str, options: &[&str]) -> Ran {
        let mut command = self.command(["backup"]);
        Ran::of(command.arg(self.path(file)).args(options).output().expect("the command starts"))
    }

    /// Restores a version to a new file and gives its bytes.
    pub fn restored(&self, version: &str) -> (Ran, Vec<u8>) {
        let target = self.path("restored");
        if target.exists() {
            fs::remove_file(&target).unwrap();
        }
        let ran = self.run(["restore".as_ref(), version.as_ref(), target.as_os_str()]);
        let bytes = fs::read(&target).unwrap_or_default();
        (ran, bytes)
    }

    /// Writes a file of random bytes.
    pub fn random_file(&self, name: &str, seed: u64, len: usize) -> Vec<u8> {
        let bytes = Random::new(seed).bytes(len);
        fs::write(self.path(name), &bytes).unwrap();
        bytes
    }

    /// Every file of the repository. Not the lock: what it holds has no meaning (docs/FORMAT.md section 1).
    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let mut files = files_below(&self.repository());
        files.remove("lock");
        files
    }

    /// Runs something that must not change a byte of the repository.
    #[track_caller]
    pub fn unchanged<R>(&self, act: impl FnOnce() -> R) -> R {
        let before = self.files();
        let result = act();
        let after = self.files();
        assert!(before == after, "files were {:?} and are {:?}", before.keys(), after.keys());
        result
    }

    /// Runs something that may leave segments that no commit names, but must not change what was there.
    #[track_caller]
    pub fn nothing_lost<R>(&self, act: impl FnOnce() -> R) -> R {
        let before = self.files();
        let result = act();
        let after = self.files();
        for (name, bytes) in &before {
            assert!(after.get(name) == Some(bytes), "{name} changed");
        }
        result
    }

    /// Numbers of all segments.
    pub fn segments(&self) -> Vec<u32> {
        let names =
            self.files().into_keys().filter_map(|name| name.strip_prefix("segments/")?.strip_suffix(".seg")?.parse().ok());
        names.collect()
    }
}

/// The command on a repository.
pub fn command_on(repository: &Path, arguments: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Command {
    let mut command = Command::new(SARSEN);
    command.arg("--repo").arg(repository).args(arguments).env_remove("SARSEN_REPO");
    command
}

fn files_below(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut files = BTreeMap::new();
    let Ok(entries) = folder.read_dir() else { return files };
    for entry in entries.map(Result::unwrap) {
        let (name, path) = (entry.file_name().into_string().unwrap(), entry.path());
        match path.is_dir() {
            true => files.extend(files_below(&path).into_iter().map(|(inner, bytes)| (format!("{name}/{inner}"), bytes))),
            false => drop(files.insert(name, fs::read(&path).unwrap())),
        }
    }
    files
}

/// Why a test tests nothing here; loud, so that nobody takes it for a test that passed.
pub fn skipped(why: &str) {
    eprintln!("SKIPPED: {why}");
}

/// Whether this is root, who may mount and pretend to be somebody else.
pub fn is_root() -> bool {
    Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout.trim_ascii() == b"0")
}
