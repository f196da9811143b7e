//! A medium, all that may be true of it, and the examination that says whether one of that is.

use super::disks::{disk_of, piece_of};
use super::truth::{Label, Standing, Truth};
use super::verb::{Kind, Verb};
use crate::random::Random;
use crate::rig::{Item, Rig, StillHost, Verdict};
use crate::sim::{Counters, Loss, SimMedium};
use sarsen_core::error::{Error, Refusal};
use sarsen_core::format::record::RecordKind;
use sarsen_core::medium::Rules;
use sarsen_core::ops::check::Depth;
use sarsen_core::ops::init;
use sarsen_core::store::Store;
use sarsen_core::types::{Place, SegmentNumber, narrow};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What reads differently from one time to the next may mislead so often before it counts as an answer.
const TRIES: usize = 40;

/// A medium and the repository made on it.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// What people call it.
    pub name: &'static str,
    /// The medium.
    pub rules: Rules,
    /// The repository.
    pub options: init::Options,
}

impl Setting {
    /// A host's: a head pin, history, many segments.
    pub const HOST: Setting = Setting {
        name: "with a pin",
        rules: Rules { write_bytes: 16, segment_bytes: 1 << 20, pin: true },
        options: init::Options { segment_bytes: 36 << 10, history: 2, ..init::Options::SMALL },
    };

    /// A chip's: no pin, no history, large program units.
    pub const CHIP: Setting = Setting {
        name: "without a pin",
        rules: Rules { write_bytes: 256, segment_bytes: 40 << 10, pin: false },
        options: init::Options { segment_bytes: 40 << 10, align_log2: 8, ..init::Options::SMALL },
    };
}

/// A byte of an entry that no version needs, and that can be spoilt and mended.
#[derive(Clone, Copy, Debug)]
struct Rot {
    segment: SegmentNumber,
    offset: usize,
    /// Where the entry begins: what a scrub names.
    place: Place,
}

/// A true prefix of a segment, as it once was.
#[derive(Clone, Debug)]
struct Prefix {
    file: Arc<Vec<u8>>,
    len: usize,
}

impl Prefix {
    fn bytes(&self) -> &[u8] {
        self.file.get(..self.len).unwrap_or(&self.file)
    }
}

/// A medium with all that may be true of it.
#[derive(Debug)]
pub struct Patient {
    /// The medium.
    pub medium: SimMedium,
    setting: Setting,
    possible: Vec<Truth>,
    /// Whether what can be seen is durable: not after a verb has failed, until power has been gone or another has succeeded.
    durable: bool,
    /// The longest prefix that was ever true of each segment: numbers are never used again, and what is true stays so.
    prefixes: BTreeMap<SegmentNumber, Prefix>,
    rot: Option<Rot>,
    /// Whether a power cut may have left a segment that no commit lists and that looks like another.
    stranger: bool,
    next: Label,
    seed: u64,
}

/// What one opening found.
struct Seen {
    truth: Truth,
    verdict: Verdict,
    prefixes: Vec<(SegmentNumber, usize)>,
}

impl Patient {
    /// An empty medium.
    pub fn new(setting: Setting, seed: u64) -> Patient {
        Patient {
            medium: SimMedium::with_rules(seed, setting.rules),
            setting,
            possible: vec![Truth::Nothing],
            durable: true,
            prefixes: BTreeMap::new(),
            rot: None,
            stranger: false,
            next: Label(0),
            seed,
        }
    }

    /// A repository with versions, a draft, whole segments of garbage and segments that live in part.
    pub fn seasoned(setting: Setting, seed: u64) -> Result<Patient, String> {
        let mut patient = Patient::new(setting, seed);
        patient.must(Verb::Init)?;
        (0..4).try_for_each(|label| patient.must(Verb::Backup(Label(label))))?;
        patient.leave_draft(Label(4))?;
        patient.next = Label(5);
        patient.must(Verb::Remove(Label(0)))?;
        patient.must(Verb::Remove(Label(2)))?;
        patient.find_rot(Label(0))?;
        patient.examine()?;
        Ok(patient)
    }

    /// The same once more, to go on with independently.
    pub fn fork(&self, seed: u64) -> Patient {
        Patient {
            medium: self.medium.fork(seed),
            possible: self.possible.clone(),
            prefixes: self.prefixes.clone(),
            seed,
            ..*self
        }
    }

    /// What may be true.
    pub fn possible(&self) -> &[Truth] {
        &self.possible
    }

    /// Does a verb, and notes what may be true after it.
    pub fn attempt(&mut self, verb: Verb) -> Result<(), Error> {
        self.seed += 1;
        let host = StillHost::new(self.seed, self.seed << 16);
        let result = verb.run(&Rig::new(&self.medium, &host), &self.setting);
        let outcomes = self.possible.iter().map(|truth| verb.outcomes(truth));
        let mut possible: Vec<Truth> = match result {
            Ok(()) => outcomes.filter_map(|outcomes| outcomes.last().cloned()).collect(),
            Err(_) => outcomes.flatten().collect(),
        };
        possible.sort();
        possible.dedup();
        self.possible = possible;
        self.durable = result.is_ok();
        self.stranger &= (verb, result) != (Verb::Gc, Ok(()));
        result
    }

    /// Does a verb that nothing hinders. Where bytes read differently from one time to the next, it may have to be asked again.
    pub fn must(&mut self, verb: Verb) -> Result<(), String> {
        let tries = if self.medium.is_fickle() { TRIES } else { 1 };
        let mut result = Ok(());
        for _ in 0..tries {
            result = self.attempt(verb);
            if result.is_ok() || (result == Err(Refusal::UnknownVersion.into()) && self.may_be_gone(verb)) {
                return Ok(());
            }
        }
        result.map_err(|error| format!("{verb:?} fails with nothing in its way: {error:?}"))
    }

    /// Whether a verb removes or continues what may not be there: its commit was not synced, and reads as one time after time, or as none.
    fn may_be_gone(&self, verb: Verb) -> bool {
        let (Verb::Remove(label) | Verb::Continue(label)) = verb else { return false };
        let has =
            |truth: &Truth| [Standing::Version, Standing::Draft].iter().any(|&standing| truth.labels(standing).contains(&label));
        self.medium.is_fickle() && !self.possible.iter().all(has)
    }

    /// Mutating operations that a verb takes here.
    pub fn mutations(&self, verb: Verb) -> Result<u64, String> {
        let mut copy = self.fork(self.seed);
        let tries = if self.medium.is_fickle() { TRIES } else { 1 };
        let mut result = Ok(());
        for _ in 0..tries {
            let before = copy.medium.counters().mutations();
            result = copy.attempt(verb);
            if result.is_ok() {
                return Ok(copy.medium.counters().mutations() - before);
            }
            if result == Err(Refusal::UnknownVersion.into()) && copy.may_be_gone(verb) {
                return Ok(0);
            }
        }
        result.map(|()| 0).map_err(|error| format!("{verb:?} fails with nothing in its way: {error:?}"))
    }

    /// Operations that a verb asks for here.
    pub fn counters(&self, verb: Verb) -> Counters {
        let mut copy = self.fork(self.seed);
        // What becomes of it is for others to judge.
        copy.attempt(verb).ok();
        copy.medium.counters()
    }

    /// Power is gone and comes back.
    pub fn power_cycle(&mut self, seed: u64, loss: Loss) {
        self.medium.power_cycle(seed, loss);
        self.durable = true;
        self.stranger |= loss == Loss::Anything;
    }

    /// Whether it depends on the moment if there is a repository at all: an init was cut off, and its commit reads differently each time.
    pub fn is_in_doubt(&self) -> bool {
        self.possible.len() > 1 && self.possible.contains(&Truth::Nothing)
    }

    /// A verb of this kind that has something to do here, if there is one.
    pub fn verb(&mut self, kind: Kind, random: &mut Random) -> Option<Verb> {
        let truth = self.possible.last()?.clone();
        let (versions, drafts) = (truth.labels(Standing::Version), truth.labels(Standing::Draft));
        let any: Vec<Label> = versions.iter().chain(&drafts).copied().collect();
        match (kind, &truth) {
            (Kind::Init, Truth::Nothing) => Some(Verb::Init),
            (Kind::Init, _) | (_, Truth::Nothing) => None,
            (Kind::Backup, _) => Some(Verb::Backup(self.label())),
            (Kind::Checkpoints, _) => Some(Verb::Checkpoints(self.label())),
            (Kind::Continue, _) => (!drafts.is_empty()).then(|| Verb::Continue(random.pick(&drafts))),
            (Kind::Remove, _) => (!any.is_empty()).then(|| Verb::Remove(random.pick(&any))),
            (Kind::Gc, _) => Some(Verb::Gc),
            (Kind::Compact, _) => Some(Verb::Compact),
            (Kind::Marks, _) => self.give_marks_to_write().then_some(Verb::Marks),
        }
    }

    fn label(&mut self) -> Label {
        let label = self.next;
        self.next = Label(label.0 + 1);
        label
    }

    /// Opens, scrubs and restores it, and says what is wrong. What may be true is narrowed to what was seen, if that lasts.
    pub fn examine(&mut self) -> Result<(), String> {
        let reader = self.medium.fork(self.seed);
        reader.set_read_only(true);
        let tries = if self.medium.is_fickle() { TRIES } else { 1 };
        let mut result = Err("not looked at".to_owned());
        for _ in 0..tries {
            result = look(&reader).and_then(|seen| self.judge(&reader, seen));
            if result.is_ok() {
                break;
            }
        }
        let truth = result?;
        if self.durable && !self.medium.is_fickle() {
            self.possible = vec![truth];
        }
        Ok(())
    }

    fn judge(&mut self, reader: &SimMedium, seen: Seen) -> Result<Truth, String> {
        if !self.possible.contains(&seen.truth) {
            return Err(format!("{:?} is there, where one of {:?} should be", seen.truth, self.possible));
        }
        let is_listed = |place: Place| seen.prefixes.iter().any(|(segment, _)| *segment == place.segment);
        let is_expected = |finding: &(Option<Place>, &str)| match *finding {
            (Some(place), "payload") => self.rot.is_some_and(|rot| rot.place == place),
            (Some(place), "renamed") => self.stranger && !is_listed(place),
            _ => false,
        };
        let versions = seen.truth.labels(Standing::Version).len();
        if !seen.verdict.findings.iter().all(is_expected) || !seen.verdict.hit.is_empty() || seen.verdict.whole.len() != versions
        {
            return Err(format!("a scrub finds {:?}", seen.verdict));
        }
        self.compare_prefixes(reader, &seen.prefixes)?;
        Ok(seen.truth)
    }

    /// What was once true of a segment is still true of it, and of no other of its number.
    fn compare_prefixes(&mut self, reader: &SimMedium, now: &[(SegmentNumber, usize)]) -> Result<(), String> {
        let contents = reader.contents();
        for &(segment, len) in now {
            let Some(file) = contents.segments.get(&segment) else { return Err(format!("segment {segment} is not there")) };
            let now = Prefix { file: Arc::clone(file), len };
            if let Some(before) = self.prefixes.get(&segment) {
                let shared = before.len.min(now.len);
                let spoilt = self.rot.filter(|rot| rot.segment == segment).map(|rot| rot.offset);
                let same = (0..shared).all(|at| before.bytes().get(at) == now.bytes().get(at) || Some(at) == spoilt);
                if !same {
                    return Err(format!("the number of segment {segment} is used twice, or a true prefix has changed"));
                }
            }
            if self.prefixes.get(&segment).is_none_or(|before| before.len < len) {
                self.prefixes.insert(segment, now);
            }
        }
        Ok(())
    }

    /// A backup with checkpoints whose disk fails half way.
    fn leave_draft(&mut self, label: Label) -> Result<(), String> {
        let verb = Verb::Checkpoints(label);
        let cut = self.mutations(verb)? * 2 / 3;
        self.medium.cut_at(cut);
        let result = self.attempt(verb);
        self.power_cycle(self.seed, Loss::Everything);
        self.examine()?;
        match result.is_err() && self.possible.iter().all(|truth| truth.labels(Standing::Draft) == [label]) {
            true => Ok(()),
            false => Err(format!("half a backup should leave a draft: {:?}", self.possible)),
        }
    }

    /// Finds a block that only a removed version had.
    fn find_rot(&mut self, dead: Label) -> Result<(), String> {
        let after = Label(dead.0 + 1);
        let pieces = (0..9).map(|at| (piece_of(dead, at), piece_of(after, at)));
        let pieces = pieces.filter(|(old, new)| old != new && old.iter().any(|&byte| byte != 0));
        for (piece, _) in pieces {
            let found = self.medium.contents().segments.into_iter().find_map(|(segment, bytes)| {
                let offset = bytes.windows(64).position(|window| Some(window) == piece.get(..64))?;
                Some((segment, offset))
            });
            let Some((segment, offset)) = found else { continue };
            let copy = self.medium.fork(self.seed);
            copy.flip(segment, offset, 1);
            copy.set_read_only(true);
            let seen = look(&copy)?;
            if let ([(Some(place), "payload")], []) = (seen.verdict.findings.as_slice(), seen.verdict.hit.as_slice()) {
                self.rot = Some(Rot { segment, offset, place: *place });
                return Ok(());
            }
        }
        Err("no block is dead".to_owned())
    }

    /// Sees to it that a scrub writes the damage list: spoils or mends a byte that no version needs.
    fn give_marks_to_write(&mut self) -> bool {
        let writes = |patient: &Patient| patient.mutations(Verb::Marks).is_ok_and(|mutations| mutations > 0);
        if writes(self) {
            return true;
        }
        let Some(rot) = self.rot.filter(|rot| self.medium.contents().segments.contains_key(&rot.segment)) else {
            return false;
        };
        self.medium.flip(rot.segment, rot.offset, 1);
        writes(self)
    }
}

/// Opens a medium once and looks at everything.
fn look(medium: &SimMedium) -> Result<Seen, String> {
    let host = StillHost::new(0, 0);
    let rig = Rig::new(medium, &host);
    let mut restored = Ok(());
    let seen = rig.with(|store| {
        let list = rig.list_in(store)?;
        let prefixes = prefixes(store)?;
        for item in list.iter().filter(|item| item.kind != Some(RecordKind::Draft)) {
            let bytes = rig.restore_in(store, item)?;
            let expected = label_of(item).map(disk_of);
            if Some(&bytes.bytes) != expected.as_ref() || !bytes.lost.is_empty() {
                restored = Err(format!("version {:?} does not come back: lost {:?}", item.snapshot, bytes.lost));
            }
        }
        let (_, verdict) = rig.check_in(store, Depth::Scrub)?;
        Ok(Seen { truth: truth_of(&list), verdict, prefixes })
    });
    match seen {
        Ok(seen) => restored.map(|()| seen),
        Err(Error::Refused(Refusal::NotARepository | Refusal::NoCommit | Refusal::NoHeader)) => {
            Ok(Seen { truth: Truth::Nothing, verdict: Verdict::default(), prefixes: Vec::new() })
        }
        Err(error) => Err(format!("looking at it fails: {error:?}")),
    }
}

fn prefixes(store: &mut Store<'_>) -> Result<Vec<(SegmentNumber, usize)>, Error> {
    let mut walk = store.table_walk();
    let mut prefixes = Vec::new();
    let mut after = None;
    while let Some(segment) = store.next_true(after, &mut walk)? {
        let prefix = store.prefix(segment, &mut walk)?;
        prefixes.push((segment, narrow(prefix.len_bytes.into())));
        after = Some(segment);
    }
    Ok(prefixes)
}

fn label_of(item: &Item) -> Option<Label> {
    item.snapshot.parse().ok().map(Label)
}

fn truth_of(list: &[Item]) -> Truth {
    let rows = list.iter().map(|item| {
        let standing = if item.kind == Some(RecordKind::Draft) { Standing::Draft } else { Standing::Version };
        (label_of(item).unwrap_or(Label(u32::MAX)), standing)
    });
    Truth::Holds(rows.collect())
}
