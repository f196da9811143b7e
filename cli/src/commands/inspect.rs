//! What check and scrub have in common: they find the same kinds of damage, and tell them in the same way.

use super::ls::json;
use crate::failure::{Exit, Failure};
use crate::figures::{count, size};
use crate::repository::{Repository, pages};
use crate::screen::shown;
use crate::versions::{self, Item};
use crate::{paint, screen};
use sarsen_core::format::record::RecordKind;
use sarsen_core::ops::check::{Check, Depth, Report};
use sarsen_core::task::{Event, Finding, FindingKind};
use serde::Serialize;
use std::collections::BTreeSet;

/// Everything that was found.
pub struct Inspection {
    pub findings: Vec<Finding>,
    pub versions: Vec<Judged>,
    pub report: Report,
}

/// A version, and whether damage hits it, or it needs what could not be read.
#[derive(Clone, Debug, Serialize)]
pub struct Judged {
    pub id: String,
    /// Null where its record cannot be read; then the id is the record's.
    name: Option<String>,
    snapshot: Option<String>,
    pub hit: bool,
    pub unread: bool,
}

#[derive(Serialize)]
struct Shown<'a> {
    findings: Vec<ShownFinding>,
    versions: &'a [Judged],
    hit: BTreeSet<&'a str>,
    unread: BTreeSet<&'a str>,
    segments: u64,
    entries: u64,
    bytes: u64,
    behind: bool,
    rebuilt: bool,
    marks_written: bool,
}

/// Segment and offset are null for the head pin, which lies in no segment.
#[derive(Serialize)]
struct ShownFinding {
    kind: &'static str,
    segment: Option<u32>,
    offset: Option<u32>,
    /// Of what could not be read.
    #[serde(skip_serializing_if = "Option::is_none")]
    length: Option<u64>,
}

/// What to look at.
#[derive(Clone, Copy, Debug)]
pub enum Look<'a> {
    /// The structure of everything.
    Structure,
    /// Every byte.
    Bytes,
    /// The structure, and every byte that one version needs.
    BytesOf(&'a str),
}

/// Looks for damage.
pub fn inspect(repository: &Repository, look: Look<'_>) -> Result<Inspection, Failure> {
    repository.with(|store| {
        let only = match look {
            Look::BytesOf(wanted) => Some(versions::find_version(store, wanted)?.entry),
            Look::Structure | Look::Bytes => None,
        };
        let mut pages = pages();
        let mut task = match (look, only) {
            (_, Some(entry)) => Check::of_version(store, entry, &mut pages).noting(),
            (Look::Structure, None) => Check::new(store, Depth::Check, &mut pages).noting(),
            (_, None) => Check::new(store, Depth::Scrub, &mut pages).noting(),
        };
        let (mut findings, mut hit, mut unread) = (Vec::new(), BTreeSet::new(), BTreeSet::new());
        let heard = |event| match event {
            Event::Finding(finding) => findings.push(finding),
            Event::Hit { link, .. } => drop(hit.insert(link.place)),
            Event::Unread { link, .. } => drop(unread.insert(link.place)),
            _ => {}
        };
        let report = repository.run(&mut task, store, None, heard).map_err(|error| repository.failure(error))?;
        findings.sort_unstable_by_key(|finding| (finding.place, finding.kind));
        let items = versions::list_readable(store).map_err(|error| repository.failure(error))?;
        let judged = items.iter().filter(|item| only.is_none_or(|only| only == item.entry) && !is_draft(item));
        let judge = |item: &Item| {
            let place = &item.entry.link.place;
            Judged { hit: hit.contains(place), unread: unread.contains(place), ..Judged::of(item) }
        };
        let versions = judged.map(judge).collect();
        Ok(Inspection { findings, versions, report })
    })
}

fn is_draft(item: &Item) -> bool {
    item.told.as_ref().is_some_and(|told| told.kind == RecordKind::Draft)
}

impl Judged {
    fn of(item: &Item) -> Judged {
        let told = item.told.as_ref();
        Judged {
            id: item.id.to_string(),
            name: told.map(|told| told.name.clone()),
            snapshot: told.map(|told| told.snapshot.clone()),
            hit: false,
            unread: false,
        }
    }

    fn called(&self) -> String {
        match (&self.name, self.snapshot.as_deref()) {
            (Some(name), None | Some("")) => shown(name),
            (Some(name), Some(snapshot)) => format!("{}@{}", shown(name), shown(snapshot)),
            (None, _) => "its record cannot be read".into(),
        }
    }
}

impl Inspection {
    /// Whether nothing is wrong, as far as it could be read, and all could.
    pub fn is_clean(&self) -> bool {
        self.exit() == Exit::Done
    }

    fn exit(&self) -> Exit {
        match self.report {
            report if report.damaged() => Exit::Damage,
            Report { unread: 0, unproved: 0, .. } => Exit::Done,
            _ => Exit::Unread,
        }
    }

    /// Prints it all; the exit code.
    pub fn tell(&self, done: &str, as_json: bool) -> Result<Exit, Failure> {
        match as_json {
            true => screen::print_plain(&format!("{}\n", json(&self.shown())?))?,
            false => self.print(done)?,
        }
        Ok(self.exit())
    }

    fn shown(&self) -> Shown<'_> {
        let Report { segments, entries, bytes, behind, rebuilt, marks_written, .. } = self.report;
        let findings = self.findings.iter().map(|finding| ShownFinding {
            kind: finding.kind.name(),
            segment: finding.place.map(|place| place.segment.0),
            offset: finding.place.map(|place| place.offset),
            length: Some(finding.len_bytes).filter(|_| finding.kind == FindingKind::Unreadable),
        });
        let ids = |of: fn(&Judged) -> bool| {
            self.versions.iter().filter(|version| of(version)).map(|version| version.id.as_str()).collect()
        };
        let (hit, unread) = (ids(|version| version.hit), ids(|version| version.unread));
        Shown {
            findings: findings.collect(),
            versions: &self.versions,
            hit,
            unread,
            segments,
            entries,
            bytes,
            behind,
            rebuilt,
            marks_written,
        }
    }

    fn print(&self, done: &str) -> Result<(), Failure> {
        let Report { segments, entries, bytes, .. } = self.report;
        let looked_at = format!("{}, {}, {}", count(segments, "segment"), count(entries, "object"), size(bytes));
        screen::print(format_args!("{done}: {looked_at}"))?;
        self.findings.iter().try_for_each(print_finding)?;
        if self.report.rebuilt {
            screen::print(paint::bad(
                "tables are damaged and were rebuilt from what is left: versions may be missing below, and nothing can be written",
            ))?;
        }
        self.versions.iter().try_for_each(print_version)?;
        screen::print(self.summary())
    }

    fn summary(&self) -> String {
        let versions = count(self.versions.len() as u64, "version");
        let hit = self.versions.iter().filter(|version| version.hit).count();
        let unread = self.versions.iter().filter(|version| version.unread).count();
        match (self.exit(), hit) {
            (Exit::Done, _) => paint::good(format_args!("no damage; {versions}, all whole")),
            (Exit::Unread, _) => paint::wary(format_args!(
                "no damage in what was read; {} could not be, and of {unread} of {versions} nobody knows whether they are whole. \
                 Look at the medium, and try again",
                count(self.report.unread, "range")
            )),
            (_, 0) if unread > 0 => paint::bad(format_args!(
                "{}; no version is known to be hit, but of {unread} of {versions} nobody knows, as {} could not be read. \
                 Look at the medium, and scrub again before the next backup: damage is noted only where all segments can be listed",
                count(self.report.findings, "finding"),
                count(self.report.unread, "range")
            )),
            (_, 0) => paint::wary(format_args!("{}; no version is hit", count(self.report.findings, "finding"))),
            (_, _) => paint::bad(format_args!(
                "{}; {hit} of {versions} hit. `sarsen restore` names the ranges that are lost; a new backup of the disk stores again what it still has",
                count(self.report.findings, "finding")
            )),
        }
    }
}

fn print_finding(finding: &Finding) -> Result<(), Failure> {
    let place = match finding.place {
        Some(place) if finding.len_bytes > 0 => {
            format!("segment {}, {} bytes from offset {}", place.segment, finding.len_bytes, place.offset)
        }
        Some(place) => format!("segment {}, offset {}", place.segment, place.offset),
        None => "head".into(),
    };
    let (what, next) = words(finding.kind);
    screen::print(format_args!("{} {place}: {what}", paint::bad(format_args!("{:9}", finding.kind.name()))))?;
    screen::print(paint::faint(format_args!("{:9} {next}", "")))
}

fn print_version(version: &Judged) -> Result<(), Failure> {
    let id = version.id.get(..12).unwrap_or(&version.id);
    let verdict = match version {
        Judged { hit: true, .. } => paint::bad("hit      "),
        Judged { unread: true, .. } => paint::wary("unread   "),
        _ => paint::good("whole    "),
    };
    screen::print(format_args!("{verdict} {id}  {}", version.called()))
}

/// What a finding is, and what to do next.
fn words(kind: FindingKind) -> (&'static str, &'static str) {
    const COPY: &str = "put the file back from a copy if there is one";
    const AGAIN: &str = "put the segment back from a copy, or back up the disks again: what is missing is then stored anew";
    match kind {
        FindingKind::Pin => (
            "the head pin is damaged, or names another commit than the newest",
            "nothing is lost; the next backup writes it anew",
        ),
        FindingKind::Behind => (
            "something newer than what is here once existed",
            "bring back this segment, or those after it; until then nothing is written",
        ),
        FindingKind::Missing => ("the segment is not there", COPY),
        FindingKind::Foreign => {
            ("the segment is of another repository", "take the file away, and put this repository's own back from a copy")
        }
        FindingKind::Renamed => {
            ("the segment calls itself by another number", "give the file the name of the number it has, or put a copy back")
        }
        FindingKind::Header => {
            ("the segment's header is damaged", "its objects can still be read; put the segment back from a copy")
        }
        FindingKind::Truncated => ("the file ends too soon", COPY),
        FindingKind::Footer => {
            ("the segment's table of contents is damaged", "its objects are found without it; put the segment back from a copy")
        }
        FindingKind::Entry => ("no object begins where one must", AGAIN),
        FindingKind::Digest => ("the segment holds other objects than were committed", COPY),
        FindingKind::Payload => ("an object's bytes are not those that were written", AGAIN),
        FindingKind::Padding => {
            ("the filling behind an object is not as written", "the object itself is whole; look after the medium")
        }
        FindingKind::Unreadable => (
            "this could not be read",
            "look at the medium, and who may read it, and try again; a bad sector is damage, and the next backup stores anew what it still has",
        ),
        _ => ("damage of a kind this command has no words for", "use a newer sarsen"),
    }
}
