//! restore: a version becomes a file or a block device again. Nothing that exists is overwritten without --force.

use super::manifest;
use crate::failure::{Exit, Failure};
use crate::figures::{rate, seconds, size};
use crate::repository::{Site, pages};
use crate::{screen, versions};
use clap::Args;
use sarsen_core::error::Error;
use sarsen_core::ops::diff::{self, Differences, From, Onto};
use sarsen_core::ops::restore::{self, Options, Report};
use sarsen_core::task::Event;
use sarsen_host::{Access, FileDisk, FileTarget, Zeros};
use std::fs;
use std::path::PathBuf;
use std::time::Instant;

/// The arguments of restore.
#[derive(Args, Debug)]
pub struct Restore {
    /// Which version
    pub version: String,
    /// Where to: a new file, or with --force an existing file or a block device
    pub target: PathBuf,
    /// Leave zeros as holes
    #[arg(long)]
    pub sparse: bool,
    /// Overwrite what is there
    #[arg(long)]
    pub force: bool,
    /// Bring an existing target up to date: write only where it differs
    #[arg(long, conflicts_with = "force")]
    pub onto: bool,
    /// Do not read the target, but take it for this version, as it is if nobody wrote to it since
    #[arg(long, value_name = "VERSION", requires = "onto")]
    pub assume: Option<String>,
}

/// What was restored, and what was lost: offset and length.
pub struct Restored {
    pub report: Report,
    pub lost: Vec<(u64, u64)>,
}

impl Restore {
    pub fn run(&self, site: &Site) -> Result<Exit, Failure> {
        let began = Instant::now();
        let restored = if self.onto { self.bring_up_to_date(site)? } else { self.restore(site)? };
        let (report, time) = (restored.report, began.elapsed());
        let (whole, data, time, rate) =
            (size(report.disk_size), size(report.data_bytes), seconds(time), rate(report.disk_size, time));
        let target = self.target.display();
        match self.onto {
            false => screen::print(format_args!("{target}: {whole} restored, {data} of them data, in {time} ({rate})"))?,
            true => screen::print(format_args!("{target}: {data} of {whole} written, the rest was right, in {time} ({rate})"))?,
        }
        if restored.lost.is_empty() {
            return Ok(Exit::Done);
        }
        for (offset, len_bytes) in &restored.lost {
            screen::note(format_args!("lost: {len_bytes} bytes from {offset}"));
        }
        screen::warn(format_args!(
            "{} could not be read and are zeros in {}; `sarsen scrub` says where the damage is",
            size(report.lost_bytes),
            self.target.display()
        ));
        Ok(Exit::Damage)
    }

    /// Restores; a file that could not be finished and was not there before is taken away, lest it be taken for the disk.
    pub fn restore(&self, site: &Site) -> Result<Restored, Failure> {
        let repository = site.open(Access::Read, "restore")?;
        repository.with(|store| {
            let told = versions::find_version(store, &self.version)?.told;
            let mut pages = pages();
            let version = manifest::open(store, &told, &mut pages).map_err(|error| repository.failure(error))?;
            if store.head().behind.is_some() {
                screen::warn("something newer than this repository shows once existed; `sarsen check` says where");
            }
            let exists = self.target.symlink_metadata().is_ok();
            let target = self.open(told.disk_size, exists)?;
            let options = Options { target_is_zero: !exists && self.sparse };
            let mut task = restore::Restore::new(store, version, &target, options);
            let (report, lost) = listening(|heard| repository.run(&mut task, store, None, heard));
            let report = report.map_err(|error| self.give_up(exists, &repository, error))?;
            Ok(Restored { report, lost })
        })
    }

    /// Writes only where the target differs.
    fn bring_up_to_date(&self, site: &Site) -> Result<Restored, Failure> {
        let repository = site.open(Access::Read, "restore")?;
        repository.with(|store| {
            let told = versions::find_version(store, &self.version)?.told;
            let assumed = match &self.assume {
                Some(version) => Some(versions::find_version(store, version)?.told),
                None => None,
            };
            let (mut pages, mut old_pages) = (pages(), pages());
            let failure = |error| repository.failure(error);
            let version = manifest::open(store, &told, &mut pages).map_err(failure)?;
            let zeros = if self.sparse { Zeros::Sparse } else { Zeros::Written };
            let target = FileTarget::overwrite(&self.target, told.disk_size, zeros)?;
            let disk = FileDisk::open(&self.target)?;
            let from = match &assumed {
                Some(told) => From::Version(manifest::open(store, told, &mut old_pages).map_err(failure)?),
                None => From::Disk,
            };
            let mut onto = Onto(&target);
            let options = diff::Options { lossy: true, ..diff::Options::default() };
            let mut task = Differences::new(store, from, version, &mut onto, options).map_err(failure)?;
            let (report, lost) = listening(|heard| repository.run(&mut task, store, Some(&disk), heard));
            let diff::Report { disk_size, data_bytes, lost_bytes, .. } =
                report.map_err(|error| self.give_up(true, &repository, error))?;
            Ok(Restored { report: Report { disk_size, data_bytes, lost_bytes }, lost })
        })
    }

    fn open(&self, disk_size: u64, exists: bool) -> Result<FileTarget, Failure> {
        let zeros = if self.sparse { Zeros::Sparse } else { Zeros::Written };
        let words = || {
            format!(
                "{}: exists; name another target, overwrite it with --force, or bring it up to date with --onto",
                self.target.display()
            )
        };
        match (exists, self.force) {
            (true, false) => Err(Failure::new(Exit::Failed, words())),
            (true, true) => Ok(FileTarget::overwrite(&self.target, disk_size, zeros)?),
            (false, _) => Ok(FileTarget::create(&self.target, disk_size, zeros)?),
        }
    }

    fn give_up(&self, existed: bool, repository: &crate::repository::Repository, error: Error) -> Failure {
        if existed {
            screen::warn(format_args!("{}: only a part of it was overwritten", self.target.display()));
        } else if let Err(error) = fs::remove_file(&self.target) {
            screen::warn(format_args!("{}: incomplete, and cannot be removed: {error}", self.target.display()));
        }
        match error {
            Error::Disk { .. } => Failure::at(self.target.display(), error),
            error => repository.failure(error),
        }
    }
}

/// What comes of a run, and what it tells to be lost.
fn listening<R>(run: impl FnOnce(&mut dyn FnMut(Event)) -> R) -> (R, Vec<(u64, u64)>) {
    let mut lost = Vec::new();
    let result = run(&mut |event| {
        if let Event::Lost { offset, len_bytes } = event {
            lost.push((offset, len_bytes));
        }
    });
    (result, joined(lost))
}

/// Ranges in order, those that touch made one.
fn joined(mut ranges: Vec<(u64, u64)>) -> Vec<(u64, u64)> {
    ranges.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (offset, len_bytes) in ranges {
        match joined.last_mut() {
            Some((start, len)) if *start + *len == offset => *len += len_bytes,
            _ => joined.push((offset, len_bytes)),
        }
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_touch_become_one() {
        assert_eq!(joined(vec![(8, 4), (0, 4), (4, 4), (16, 1)]), [(0, 12), (16, 1)]);
        assert!(joined(vec![]).is_empty());
    }
}
