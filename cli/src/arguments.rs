//! What can be asked for, and how the command explains itself.

use crate::commands::{
    backup, check, demo, diff, du, expire, export, import, init, ls, manifest, protect, restore, rm, scrub, tag,
};
use crate::repository::Site;
use clap::error::ErrorKind;
use clap::{CommandFactory, Parser, Subcommand};
use std::num::NonZeroUsize;
use std::path::PathBuf;

/// The heading of options that every command takes.
const EVERYWHERE: &str = "Options of every command";

const EXIT_CODES: &str = "\
A VERSION is an id, the unique beginning of one (four digits at least), NAME, NAME@SNAPSHOT, or `latest`.
Sizes take K, M and G, which are powers of 1024: 128K, 4M.

Exit codes:
  0  done
  1  failed; the repository is as it was after its last commit
  2  the command line was not understood
  3  damage was found
  4  the source, the hints or the stream do not match what is to be built on or continued
  5  done, but the source changed while it was read
  6  check, scrub: not all could be read; what was is not damaged";

/// Backs up disks, proves them whole, and gives them back.
#[derive(Parser, Debug)]
#[command(name = "sarsen", version, after_help = EXIT_CODES, disable_help_subcommand = true)]
pub struct Arguments {
    /// The directory of the repository
    #[arg(long, env = "SARSEN_REPO", value_name = "DIR", global = true, help_heading = EVERYWHERE)]
    repo: Option<PathBuf>,
    /// How many threads work [default: as many as there are cores]
    #[arg(long, value_name = "N", global = true, help_heading = EVERYWHERE)]
    threads: Option<NonZeroUsize>,
    #[command(subcommand)]
    pub command: Command,
}

/// The commands.
#[derive(Subcommand, Debug)]
pub enum Command {
    /// Make a repository
    Init(init::Init),
    /// Make a version of a disk
    Backup(backup::Backup),
    /// List versions and drafts
    Ls(ls::Ls),
    /// Print the id of every block of a version, `-` for zeros
    Manifest(manifest::Manifest),
    /// Look for damage in the structure: fast
    Check(check::Check),
    /// Look for damage in every byte
    Scrub(scrub::Scrub),
    /// Write a version to a file or a block device
    Restore(restore::Restore),
    /// List the bytes in which two versions differ
    Diff(diff::Diff),
    /// Tell what differs between versions as a stream, for another repository, Sheepdog or Ceph
    Export(export::Export),
    /// Make a version of a stream that tells what differs from another
    Import(import::Import),
    /// Give versions tags, or take them away
    Tag(tag::Tag),
    /// Protect versions: rm refuses them
    Protect(protect::Protect),
    /// Give protected versions up again
    Unprotect(protect::Protect),
    /// Say from when on versions are not needed; ls shows it, and nothing is removed by it
    Expire(expire::Expire),
    /// Remove versions and drafts; gc and compact give the space back
    Rm(rm::Rm),
    /// Say how much of each segment is in use; reads only
    Du(du::Du),
    /// Remove segments in which nothing is needed any more
    Gc,
    /// Move what is needed out of segments that hold little of it
    Compact,
    /// See it all happen on a small disk made for the purpose
    Demo(demo::Demo),
}

impl Arguments {
    /// The repository and how to work on it. Ends the process if none was named, as any other mistake on the command line does.
    pub fn site(&self) -> Site {
        let path = self.repo.clone().unwrap_or_else(|| usage(ErrorKind::MissingRequiredArgument, NO_REPO));
        Site { path, threads: self.threads() }
    }

    /// How many threads work.
    pub fn threads(&self) -> NonZeroUsize {
        let cores = || std::thread::available_parallelism().unwrap_or(NonZeroUsize::MIN);
        self.threads.unwrap_or_else(cores)
    }
}

const NO_REPO: &str = "which repository? Name its directory with --repo DIR, or in the environment as SARSEN_REPO";

/// Tells of a mistake on the command line as clap does, and ends the process with its exit code.
pub fn usage(kind: ErrorKind, words: impl std::fmt::Display) -> ! {
    Arguments::command().error(kind, words).exit()
}

/// Bytes, as in `4096`, `128K`, `4M`, `1G`.
pub fn size(text: &str) -> Result<u64, String> {
    let digits = text.trim_end_matches(|letter: char| !letter.is_ascii_digit());
    let shift = match text.get(digits.len()..).unwrap_or_default().to_ascii_uppercase().as_str() {
        "" | "B" => 0,
        "K" | "KIB" => 10,
        "M" | "MIB" => 20,
        "G" | "GIB" => 30,
        _ => return Err("not a size; say for example 4096, 128K or 4M".into()),
    };
    let number: u64 = digits.parse().map_err(|_| "not a size; say for example 4096, 128K or 4M")?;
    number.checked_mul(1 << shift).ok_or_else(|| "larger than anything".into())
}

/// A power of two, as its logarithm.
pub fn power_of_two(text: &str, min_log2: u8, max_log2: u8) -> Result<u8, String> {
    let bytes = size(text)?;
    (min_log2..=max_log2).find(|&log2| bytes == 1 << log2).ok_or_else(|| {
        let (min, max) = (crate::figures::short_size(1 << min_log2), crate::figures::short_size(1 << max_log2));
        format!("must be a power of two from {min} to {max}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn sizes_are_read_as_people_write_them() {
        let read: Vec<_> = ["0", "4096", "128K", "4M", "4MiB", "1g"].into_iter().map(size).collect();
        assert_eq!(read, [0, 4096, 128 << 10, 4 << 20, 4 << 20, 1 << 30].map(Ok));
        for wrong in ["", "K", "4T", "-1", "1.5M", "99999999999999999999", "18446744073709551615K"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn powers_of_two_end_at_their_limits() {
        assert_eq!(power_of_two("4K", 12, 24), Ok(12));
        assert_eq!(power_of_two("16M", 12, 24), Ok(24));
        for wrong in ["2K", "32M", "4095", "4097", "12K", "0"] {
            assert_eq!(power_of_two(wrong, 12, 24), Err("must be a power of two from 4K to 16M".into()), "{wrong}");
        }
    }
}
