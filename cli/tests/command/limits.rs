//! No space, no permission, no writing: what is there stays as it is, and what to do is said.

use crate::place::{Place, Ran, SARSEN, is_root, skipped};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A file system of a few bytes in memory, gone when dropped.
struct Mount(PathBuf);

impl Mount {
    fn new(at: &Path, size: &str) -> Option<Mount> {
        if !is_root() {
            return None;
        }
        fs::create_dir(at).unwrap();
        let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", &format!("size={size}"), "tmpfs"]).arg(at).status();
        mounted.is_ok_and(|status| status.success()).then(|| Mount(at.to_owned()))
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let gone = Command::new("umount").arg("-l").arg(&self.0).status();
        assert!(gone.is_ok_and(|status| status.success()) || std::thread::panicking());
    }
}

/// Runs the command below a shell that does something first.
fn below(place: &Place, shell: &str, arguments: &[&str]) -> Ran {
    let mut command = Command::new("sh");
    command.args(["-c", &format!("{shell}; exec \"$@\""), "sh", SARSEN, "--repo"]).arg(place.repository()).args(arguments);
    Ran::of(command.output().unwrap())
}

/// The system lets a process write files of at most so many blocks of 512 bytes, and says so instead of ending it.
fn limited(place: &Place, blocks: u32, arguments: &[&str]) -> Ran {
    below(place, &format!("trap '' XFSZ; ulimit -f {blocks}"), arguments)
}

fn with_version(test: &str, len: usize) -> Place {
    let place = Place::new(test);
    place.random_file("disk", 1, len);
    place.backup("disk", &["--name", "vm"]).ends(0);
    place
}

#[test]
fn a_target_that_may_not_be_so_long_is_not_begun() {
    let place = with_version("long-target", 400_000);
    let target = place.path("target");
    let ran = place.unchanged(|| limited(&place, 100, &["restore", "vm", target.to_str().unwrap()]));
    ran.ends(1).says(&["target: cannot give the file its size", "a file that long is not allowed there"]);
    assert!(!target.exists());
}

#[test]
fn a_full_target_is_told_and_taken_away() {
    let place = with_version("full-target", 3 << 20);
    let Some(mount) = Mount::new(&place.path("small"), "1m") else { return skipped("nothing can be mounted here") };
    let target = mount.0.join("target");
    let ran = place.unchanged(|| place.run(["restore".as_ref(), "vm".as_ref(), target.as_os_str()]));
    ran.ends(1).says(&["target: at byte ", "no space is left", "name another target"]);
    assert!(!target.exists(), "half a disk would be taken for a whole one");
}

#[test]
fn a_repository_whose_files_may_not_grow_says_full() {
    let place = with_version("limited", 100_000);
    place.random_file("larger", 2, 900_000);
    let larger = place.path("larger");
    let ran = place.nothing_lost(|| limited(&place, 500, &["backup", "--name", "vm", larger.to_str().unwrap()]));
    ran.ends(1).says(&["no space is left"]);
    place.run(["scrub"]).ends(0);
}

/// Filled up by backups, until one does not fit; then space is made and it does.
#[test]
fn a_full_repository_keeps_what_it_has_and_can_be_emptied() {
    let place = Place::empty("full");
    let Some(_mount) = Mount::new(&place.repository(), "6m") else { return skipped("nothing can be mounted here") };
    place.run(["init", "--block", "64K", "--segment", "512K"]).ends(0);
    let mut kept = Vec::new();
    let full = loop {
        let number = kept.len();
        let bytes = place.random_file("disk", number as u64, 900_000);
        let before = place.files();
        let ran = place.backup("disk", &["--name", &format!("vm{number}")]);
        if ran.code != Some(0) {
            let after = place.files();
            assert!(before.iter().all(|(name, bytes)| after.get(name) == Some(bytes)), "what was there is as it was");
            break ran;
        }
        kept.push(bytes);
    };
    full.ends(1).says(&["no space is left", "then `gc` and `compact`"]);
    assert!(kept.len() >= 3, "{}", kept.len());
    assert_eq!(place.run(["scrub", "--json"]).ends(0).json()["versions"].as_array().unwrap().len(), kept.len());
    for (number, bytes) in kept.iter().enumerate() {
        assert!(&place.restored(&format!("vm{number}")).1 == bytes);
    }
    place.run(["rm", "vm0", "vm1"]).ends(0);
    place.run(["gc"]).ends(0);
    place.run(["compact"]).ends(0);
    place.backup("disk", &["--name", "again"]).ends(0);
    place.run(["scrub"]).ends(0);
    assert!(place.restored("vm2").1 == kept[2]);
}

/// The command as somebody else, who may execute it. None where nobody can be anybody else.
fn as_nobody(place: &Place, arguments: &[&str]) -> Option<Ran> {
    let command = place.path("sarsen");
    if !command.exists() {
        fs::copy(SARSEN, &command).unwrap();
    }
    let mut nobody = Command::new("setpriv");
    nobody
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .arg(&command)
        .arg("--repo")
        .arg(place.repository())
        .args(arguments);
    let may = |arguments: &[&str]| {
        Command::new("setpriv").args(["--reuid=65534", "--regid=65534", "--clear-groups"]).args(arguments).output()
    };
    let runs = may(&[command.to_str().unwrap(), "--version"]).is_ok_and(|output| output.status.success());
    (is_root() && runs).then(|| Ran::of(nobody.output().unwrap()))
}

#[test]
fn without_permission_to_write_it_can_be_read() {
    let place = with_version("no-write", 300_000);
    let Some(ls) = place.unchanged(|| as_nobody(&place, &["ls"])) else { return skipped("nobody can be somebody else here") };
    ls.ends(0);
    as_nobody(&place, &["check"]).unwrap().ends(0);
    let disk = place.path("disk");
    for command in [&["backup", "--name", "vm", disk.to_str().unwrap()][..], &["rm", "vm"], &["gc"], &["compact"]] {
        let ran = place.unchanged(|| as_nobody(&place, command).unwrap());
        ran.ends(1).says(&["Permission denied", "run as a user who may"]);
    }
    let scrub = place.unchanged(|| as_nobody(&place, &["scrub"]).unwrap());
    scrub.ends(0).says(&["damage is told but cannot be noted", "Permission denied"]);
    let target = place.path("target");
    let ran = as_nobody(&place, &["restore", "vm", target.to_str().unwrap()]).unwrap();
    ran.ends(1).says(&["target: cannot make the file: Permission denied"]);
}

#[test]
fn without_permission_to_read_it_says_so() {
    let place = with_version("no-read", 100_000);
    fs::set_permissions(place.repository(), fs::Permissions::from_mode(0o700)).unwrap();
    let Some(ls) = place.unchanged(|| as_nobody(&place, &["ls"])) else { return skipped("nobody can be somebody else here") };
    ls.ends(1).says(&["repository: cannot open the directory: Permission denied"]);
    fs::set_permissions(place.repository(), fs::Permissions::from_mode(0o755)).unwrap();
    fs::set_permissions(place.segment(1), fs::Permissions::from_mode(0o600)).unwrap();
    let ran = place.unchanged(|| as_nobody(&place, &["check"]).unwrap());
    ran.ends(1).says(&["permission denied", "run as a user who may"]);
    fs::set_permissions(place.path("disk"), fs::Permissions::from_mode(0o600)).unwrap();
    let disk = place.path("disk");
    let ran = place.unchanged(|| as_nobody(&place, &["backup", "--name", "vm", disk.to_str().unwrap()]).unwrap());
    ran.ends(1).says(&["disk: cannot open the disk: Permission denied"]);
}

/// Mounts the repository read-only, for the command alone.
fn read_only(place: &Place, arguments: &[&str]) -> Option<Ran> {
    let script = "mount --bind \"$1\" \"$1\" && mount -o remount,bind,ro \"$1\" || exit 77; repository=$1; shift; exec \"$@\"";
    let mut command = Command::new("unshare");
    command
        .args(["-m", "sh", "-c", script, "sh"])
        .arg(place.repository())
        .args([SARSEN, "--repo"])
        .arg(place.repository())
        .args(arguments);
    let ran = Ran::of(command.output().ok()?);
    (is_root() && ran.code != Some(77)).then_some(ran)
}

#[test]
fn a_read_only_medium_is_read_and_not_written() {
    let place = with_version("read-only", 300_000);
    let Some(ls) = place.unchanged(|| read_only(&place, &["ls"])) else {
        return skipped("nothing can be mounted read-only here");
    };
    ls.ends(0);
    place.unchanged(|| read_only(&place, &["check"]).unwrap()).ends(0);
    let disk = place.path("disk");
    for command in [&["backup", "--name", "vm", disk.to_str().unwrap()][..], &["rm", "vm"], &["gc"], &["compact"]] {
        let ran = place.unchanged(|| read_only(&place, command).unwrap());
        ran.ends(1).says(&["Read-only file system", "mount it for writing, or use a command that only reads"]);
    }
    let scrub = place.unchanged(|| read_only(&place, &["scrub"]).unwrap());
    scrub.ends(0).says(&["damage is told but cannot be noted", "Read-only file system"]);
    let target = place.path("target");
    let ran = place.unchanged(|| read_only(&place, &["restore", "vm", target.to_str().unwrap()]).unwrap());
    ran.ends(0);
    assert!(fs::read(target).unwrap() == fs::read(disk).unwrap());
}
