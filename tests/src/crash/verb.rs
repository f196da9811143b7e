//! The verbs that write: what each makes of a truth, and how it is done.

use super::disks::disk_of;
use super::patient::Setting;
use super::truth::{Label, Standing, Truth};
use crate::disk::MemDisk;
use crate::rig::{Plan, Rig};
use sarsen_core::error::{Error, Refusal};
use sarsen_core::ops::remove;

/// New bytes after which a backup with checkpoints makes one: several a backup.
const CHECKPOINT_BYTES: u64 = 4_000;

/// A verb, and what it is asked to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Verb {
    /// Makes the repository.
    Init,
    /// A backup on the newest version.
    Backup(Label),
    /// A full backup with checkpoints: several commits.
    Checkpoints(Label),
    /// Goes on with the draft of this label.
    Continue(Label),
    /// Removes a version or draft.
    Remove(Label),
    /// Collects garbage.
    Gc,
    /// Compacts.
    Compact,
    /// A scrub that has marks to write, or to take away.
    Marks,
}

/// A verb without what it is asked to do: what is counted.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
#[allow(missing_docs)] // as the verbs
pub enum Kind {
    Init,
    Backup,
    Checkpoints,
    Continue,
    Remove,
    Gc,
    Compact,
    Marks,
}

impl Kind {
    /// All.
    pub const ALL: [Kind; 8] =
        [Kind::Init, Kind::Backup, Kind::Checkpoints, Kind::Continue, Kind::Remove, Kind::Gc, Kind::Compact, Kind::Marks];

    /// As people call it.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Init => "init",
            Kind::Backup => "backup",
            Kind::Checkpoints => "checkpoint",
            Kind::Continue => "continue",
            Kind::Remove => "rm",
            Kind::Gc => "gc",
            Kind::Compact => "compact",
            Kind::Marks => "damage marks",
        }
    }
}

impl Verb {
    /// Which it is.
    pub fn kind(self) -> Kind {
        match self {
            Verb::Init => Kind::Init,
            Verb::Backup(_) => Kind::Backup,
            Verb::Checkpoints(_) => Kind::Checkpoints,
            Verb::Continue(_) => Kind::Continue,
            Verb::Remove(_) => Kind::Remove,
            Verb::Gc => Kind::Gc,
            Verb::Compact => Kind::Compact,
            Verb::Marks => Kind::Marks,
        }
    }

    /// What may be true once it has begun, in order; the last is true once it has succeeded.
    pub fn outcomes(self, before: &Truth) -> Vec<Truth> {
        let mut outcomes = vec![before.clone()];
        match (self, before) {
            (Verb::Init, Truth::Nothing) => outcomes.push(Truth::EMPTY),
            (_, Truth::Nothing) => {}
            (Verb::Backup(label), _) => outcomes.push(before.with(label, Standing::Version)),
            (Verb::Checkpoints(label), _) => {
                outcomes.extend([Standing::Draft, Standing::Version].map(|standing| before.with(label, standing)));
            }
            (Verb::Continue(label), Truth::Holds(list)) if list.contains_key(&label) => {
                outcomes.push(before.with(label, Standing::Version));
            }
            (Verb::Remove(label), _) => outcomes.push(before.without(label)),
            _ => {}
        }
        outcomes
    }

    /// Does it.
    pub fn run(self, rig: &Rig<'_>, setting: &Setting) -> Result<(), Error> {
        match self {
            Verb::Init => rig.init(&setting.options).map(drop),
            Verb::Backup(label) => {
                let base = rig.list()?.iter().any(|item| item.name == "disk");
                back_up(rig, label, &Plan { name: "disk", base: if base { "disk" } else { "" }, ..Plan::default() })
            }
            Verb::Checkpoints(label) => {
                let plan = Plan { name: &draft_name(label), checkpoint_bytes: CHECKPOINT_BYTES, ..Plan::default() };
                back_up(rig, label, &plan)
            }
            Verb::Continue(label) => {
                let plan = Plan { name: &draft_name(label), continued: true, ..Plan::default() };
                back_up(rig, label, &Plan { checkpoint_bytes: CHECKPOINT_BYTES, ..plan })
            }
            Verb::Remove(label) => remove(rig, label),
            Verb::Gc => rig.gc().map(drop),
            Verb::Compact => rig.compact().map(drop),
            Verb::Marks => rig.scrub().map(drop),
        }
    }
}

/// Drafts are found by the disk's name, so each has its own.
fn draft_name(label: Label) -> String {
    format!("disk {}", label.0)
}

fn back_up(rig: &Rig<'_>, label: Label, plan: &Plan<'_>) -> Result<(), Error> {
    let disk = MemDisk::new(disk_of(label));
    rig.backup(&disk, &Plan { snapshot: &label.0.to_string(), ..*plan }).map(drop)
}

fn remove(rig: &Rig<'_>, label: Label) -> Result<(), Error> {
    let list = rig.list()?;
    let meant = list.iter().find(|item| item.snapshot == label.0.to_string());
    let meant = meant.ok_or(Error::Refused(Refusal::UnknownVersion))?;
    rig.with(|store| remove::remove(store, [meant.entry].into_iter()))
}
