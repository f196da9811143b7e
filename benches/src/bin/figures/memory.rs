//! The most memory a backup takes, whatever the disk: each in a process of its own.

use crate::place::Place;
use crate::runs::{back_up, make};
use crate::table::{self, Goal, mebibytes};
use sarsen_benches::{Failure, Measured, process};
use sarsen_core::ops::init::Options;
use sarsen_host::FileDisk;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The word on the command line by which such a process is started: log2 of the block, disk, repository.
pub const ALONE: &str = "back-up-alone";

/// The longest file that ext4 keeps, but for a page, is 16 TiB; where the file system keeps longer ones, 64 TiB.
const SPARSE_BYTES: [u64; 2] = [64 << 40, (16 << 40) - (1 << 20)];

/// Prints the table.
pub fn print(place: &Place) -> Measured<()> {
    table::begin("Most resident memory of a backup");
    let scratch = place.scratch("memory")?;
    let (sparse, sparse_bytes) = sparse(scratch.path())?;
    let tebibytes = sparse_bytes as f64 / (1u64 << 40) as f64;
    for (what, disk) in [("4 GiB in real use".to_owned(), place.image()?), (format!("{tebibytes:.0} TiB of holes"), sparse)] {
        for block_log2 in [20u8, 22, 24] {
            let repository = scratch.path().join(format!("{block_log2}-{}", disk.file_name().unwrap_or_default().display()));
            let peak = measure(block_log2, &disk, &repository)?;
            let row = format!("{what}, blocks of {} MiB", 1 << (block_log2 - 20));
            table::row(&row, mebibytes(peak), "MiB", Goal::AtMost(256.0));
        }
    }
    Ok(())
}

fn sparse(directory: &Path) -> Measured<(PathBuf, u64)> {
    let path = directory.join("sparse");
    let file = File::create(&path)?;
    let len = SPARSE_BYTES.into_iter().find(|&bytes| file.set_len(bytes).is_ok());
    Ok((path, len.ok_or(Failure("no file of 16 TiB can be made".into()))?))
}

fn measure(block_log2: u8, disk: &Path, repository: &Path) -> Measured<u64> {
    let output =
        Command::new(std::env::current_exe()?).args([ALONE, &block_log2.to_string()]).args([disk, repository]).output()?;
    let said = String::from_utf8_lossy(&output.stdout);
    said.trim().parse().map_err(|_| Failure(String::from_utf8_lossy(&output.stderr).into_owned()))
}

/// Backs up twice, as a whole and on a base, and says the most memory this process had.
pub fn alone(block_log2: &str, disk: &str, repository: &str) -> Measured<()> {
    let (disk, repository) = (FileDisk::open(disk).map_err(|error| Failure(error.to_string()))?, Path::new(repository));
    make(repository, &Options { block_log2: block_log2.parse()?, ..Options::HOST })?;
    back_up(repository, &disk)?;
    back_up(repository, &disk)?;
    println!("{}", process::peak_bytes().ok_or(Failure("the system does not say".into()))?);
    Ok(())
}
