//! demo: everything once, on a small disk made for the purpose, in words for somebody who has never seen it.
//!
//! It uses the other commands as they are, and looks at the files they leave only to turn one byte over.

mod disk;
mod room;

use super::backup::Backup;
use super::inspect::{Inspection, Look, inspect};
use super::restore::{Restore, Restored};
use super::{init, scrub};
use crate::failure::{Exit, Failure};
use crate::figures::{count, grouped, rate, seconds, short_size, size};
use crate::repository::Site;
use crate::{paint, screen};
use clap::Args;
use disk::Flipped;
use room::Room;
use sarsen_core::ops::backup::Report;
use sarsen_core::ops::init::Options;
use std::fmt::Display;
use std::num::NonZeroUsize;
use std::time::{Duration, Instant};

/// Smaller than the default, as the disk is: a block is the least a change can cost.
const OPTIONS: Options = Options { block_log2: 16, frame_log2: 16, segment_bytes: 16 << 20, ..Options::HOST };

/// The arguments of demo.
#[derive(Args, Debug)]
pub struct Demo {
    /// Keep the directory it all happens in, and say where it is
    #[arg(long)]
    keep: bool,
}

impl Demo {
    pub fn run(&self, threads: NonZeroUsize) -> Result<Exit, Failure> {
        let room = Room::new(self.keep)?;
        let story = Story { site: Site { path: room.path().join("repository"), threads }, room: &room };
        story.tell()?;
        if self.keep {
            screen::print(format_args!(
                "\n  Kept in {}; try `sarsen --repo {} ls`.",
                room.path().display(),
                story.site.path.display()
            ))?;
        }
        Ok(Exit::Done)
    }
}

struct Story<'r> {
    site: Site,
    room: &'r Room,
}

/// A line of the story: what it is about, and what happened.
fn line(title: &str, words: impl Display) -> Result<(), Failure> {
    screen::print(format_args!("  {}  {words}", paint::strong(format_args!("{title:12}"))))
}

/// What went as it should, or did not; the latter would be a bug, so it ends the demo.
fn proved(title: &str, words: impl Display, right: bool) -> Result<(), Failure> {
    match right {
        true => line(title, paint::good(words)),
        false => Err(Failure::new(Exit::Failed, format!("{title}: expected this, and it is not so: {words}"))),
    }
}

impl Story<'_> {
    fn tell(&self) -> Result<(), Failure> {
        screen::print(paint::strong(
            "\nA disk is backed up, changed and backed up again; a byte of the backup goes bad, is found, and is mended.\n",
        ))?;
        let made = disk::make(self.room)?;
        line("A disk", format_args!("{}, {}", size(made.size_bytes), made.words))?;
        self.init()?;
        self.first_backup()?;
        self.second_backup()?;
        self.scrub_clean()?;
        let flipped = self.flip()?;
        self.scrub_damaged(flipped)?;
        self.restore_damaged(made.size_bytes)?;
        self.mend()?;
        self.sum_up(made.size_bytes)
    }

    fn init(&self) -> Result<(), Failure> {
        let id = init::make(&self.site, &OPTIONS)?.to_string();
        line(
            "A repository",
            format_args!(
                "a directory; blocks of {}, named by SHA-256, stored with Zstandard (id {}...)",
                short_size(1 << OPTIONS.block_log2),
                id.get(..8).unwrap_or(&id)
            ),
        )
    }

    fn first_backup(&self) -> Result<(), Failure> {
        let report = self.back_up("monday")?;
        line("Monday", format_args!("first backup: read {}; what is free was passed over", speed(&report)))?;
        line("", format_args!("stored {} in {}", size(report.statistics.new_bytes), count(report.statistics.new_blocks, "block")))
    }

    fn second_backup(&self) -> Result<(), Failure> {
        let sectors = disk::change(self.room)?;
        line("A change", format_args!("{} of 512 bytes are written, as by a program at work", count(sectors, "sector")))?;
        let report = self.back_up("tuesday")?;
        line("Tuesday", format_args!("second backup: read {} and compared", speed(&report)))?;
        line(
            "",
            format_args!(
                "stored {} in {}; all else Monday has already",
                size(report.statistics.new_bytes),
                count(report.statistics.new_blocks, "block")
            ),
        )
    }

    fn scrub_clean(&self) -> Result<(), Failure> {
        let (inspection, time) = self.scrub()?;
        let bytes = inspection.report.bytes;
        line(
            "Scrub",
            format_args!("every stored byte read and proved: {} in {} ({})", size(bytes), seconds(time), rate(bytes, time)),
        )?;
        proved(
            "",
            format_args!("no damage; {}, all whole", count(inspection.versions.len() as u64, "version")),
            inspection.is_clean(),
        )
    }

    /// Turns one byte over in the block that Tuesday's backup stored first.
    fn flip(&self) -> Result<Flipped, Failure> {
        let flipped = disk::flip_newest_block(&self.site.path)?;
        let Flipped { segment, byte, .. } = flipped;
        line("A bad byte", format_args!("byte {} of segment {segment} is turned over, as a failing drive might", grouped(byte)))?;
        Ok(flipped)
    }

    fn scrub_damaged(&self, Flipped { segment, offset, .. }: Flipped) -> Result<(), Failure> {
        let (inspection, _) = self.scrub()?;
        let found: Vec<_> = inspection.findings.iter().filter_map(|finding| finding.place).collect();
        let located = matches!(found[..], [place] if (place.segment.0, u64::from(place.offset)) == (segment, offset));
        let words = format!("found: the object at offset {} of segment {segment} is not what was written", grouped(offset));
        proved("Scrub", words, located)?;
        let hit: Vec<bool> = inspection.versions.iter().map(|version| version.hit).collect();
        proved("", "Monday is whole; Tuesday is hit", hit == [false, true])
    }

    fn restore_damaged(&self, size_bytes: u64) -> Result<(), Failure> {
        let monday = self.restore("monday")?;
        let same = monday.lost.is_empty() && disk::differing(self.room, "monday", "monday.restored")?.is_none();
        proved("Restore", format_args!("Monday: all {} bytes are as they were", grouped(size_bytes)), same)?;
        let tuesday = self.restore("tuesday")?;
        let Some(&(offset, len_bytes)) = tuesday.lost.first() else {
            return proved("", "Tuesday: what is lost is named", false);
        };
        let differing = disk::differing(self.room, "tuesday", "tuesday.restored")?;
        let named = differing.is_some_and(|(first, last)| first >= offset && last < offset + len_bytes);
        let words = format!(
            "Tuesday: {} bytes from {} on are lost, and named; all others are as they were",
            grouped(len_bytes),
            grouped(offset)
        );
        proved("", words, named && tuesday.lost.len() == 1)
    }

    fn mend(&self) -> Result<(), Failure> {
        let report = self.back_up("wednesday")?;
        line(
            "Wednesday",
            format_args!("third backup: the disk still has what was lost; {} stored anew", size(report.statistics.new_bytes)),
        )?;
        let tuesday = self.restore("tuesday")?;
        let same = tuesday.lost.is_empty() && disk::differing(self.room, "tuesday", "tuesday.restored")?.is_none();
        proved("Restore", "Tuesday: every byte is as it was, the lost ones too", same)
    }

    fn sum_up(&self, size_bytes: u64) -> Result<(), Failure> {
        let bytes = disk::stored_bytes(&self.site.path)?;
        screen::print(format_args!("\n  Three versions of a disk of {} take {}.", size(size_bytes), paint::strong(size(bytes))))
    }

    fn back_up(&self, day: &str) -> Result<Report, Failure> {
        let disk = self.room.path().join("disk");
        let backup = Backup {
            disk,
            name: "demo".into(),
            snapshot: day.into(),
            base: "auto".into(),
            hints: None,
            since: None,
            spot_checks: 0,
            continued: false,
            checkpoint: 0,
        };
        disk::keep_copy(self.room, day)?;
        backup.back_up(&self.site)
    }

    fn restore(&self, day: &str) -> Result<Restored, Failure> {
        let target = self.room.path().join(format!("{day}.restored"));
        let restore =
            Restore { version: format!("demo@{day}"), force: target.exists(), target, sparse: true, onto: false, assume: None };
        restore.restore(&self.site)
    }

    fn scrub(&self) -> Result<(Inspection, Duration), Failure> {
        let began = Instant::now();
        let inspection = inspect(&scrub::open(&self.site)?, Look::Bytes)?;
        Ok((inspection, began.elapsed()))
    }
}

fn speed(report: &Report) -> String {
    let (bytes, time) = (report.statistics.read_bytes, Duration::from_millis(report.statistics.millis));
    format!("{} in {} ({})", size(bytes), seconds(time), rate(bytes, time))
}
