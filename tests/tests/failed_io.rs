//! The medium fails at any call of any verb, without losing power: an error, and the repository opens as of its last commit.
//!
//! Afterwards writing works again, on what is there: also if a sync that failed claims success the second time and has lost the data.
#![allow(clippy::panic)]

use embedded_io::ErrorKind;
use sarsen_core::error::{Error, Refusal, Trouble};
use sarsen_core::format::record::HintSource;
use sarsen_core::ops::backup;
use sarsen_core::store::{Purpose, table_bytes};
use sarsen_tests::crash::{Kind, Label, Patient, Setting, Verb, disk_of, spread};
use sarsen_tests::rig::{Rig, StillHost};
use sarsen_tests::{Fault, Loss, MemDisk, Operation, Random};
use std::collections::BTreeMap;

const IO: Trouble = Trouble::Failed(ErrorKind::Other);

/// Of reading calls, about so many in each verb fail in each manner.
const READS: u64 = 40;

/// One call that goes wrong.
#[derive(Clone, Copy, Debug)]
struct Failure {
    verb: Verb,
    operation: Operation,
    number: u64,
    fault: Fault,
}

impl Failure {
    /// Whether the verb has no choice but to fail. It can do without a reserve, and a segment that is gone need not be removed; a scrub passes over
    /// what it cannot read.
    fn is_fatal(&self) -> bool {
        match self.fault {
            Fault::Refuse(_) if self.verb == Verb::Marks && !self.operation.is_mutating() => false,
            Fault::LoseNow(_) | Fault::LoseLater(_) => true,
            Fault::Refuse(trouble) | Fault::Partly(trouble) => trouble == IO,
        }
    }

    fn happen(&self, patient: &Patient, seed: u64) -> Result<(), String> {
        let mut random = Random::new(seed);
        let mut patient = patient.fork(random.draw());
        patient.medium.fail(self.operation, self.number, self.fault);
        let result = patient.attempt(self.verb);
        patient.medium.forgive();
        if self.is_fatal() && result.is_ok() {
            return Err("the verb succeeds".to_owned());
        }
        if self.verb == Verb::Marks && result.is_ok() {
            // It has marked what it could not read; a scrub that can takes the mark away.
            patient.must(Verb::Marks)?;
        }
        patient.examine()?;
        if random.one_in(2) {
            patient.power_cycle(random.draw(), random.pick(&[Loss::Nothing, Loss::Everything, Loss::Anything]));
            patient.examine()?;
        }
        go_on(&mut patient, &mut random)
    }
}

/// Writing works again, and what it says is durable is.
fn go_on(patient: &mut Patient, random: &mut Random) -> Result<(), String> {
    if patient.is_in_doubt() {
        return Ok(());
    }
    for kind in [Kind::Init, Kind::Backup, Kind::Gc] {
        if let Some(verb) = patient.verb(kind, random) {
            patient.must(verb)?;
            patient.examine()?;
        }
    }
    patient.power_cycle(random.draw(), Loss::Everything);
    patient.examine()
}

fn faults(operation: Operation) -> Vec<Fault> {
    match operation {
        Operation::Create => vec![
            Fault::Refuse(IO),
            Fault::Partly(IO),
            Fault::Refuse(Trouble::Exists),
            Fault::Refuse(Trouble::Full),
            Fault::Refuse(Trouble::ReadOnly),
        ],
        Operation::Append => {
            vec![Fault::Refuse(IO), Fault::Partly(IO), Fault::Partly(Trouble::Full), Fault::Refuse(Trouble::ReadOnly)]
        }
        Operation::Sync => vec![Fault::Refuse(IO), Fault::Partly(IO), Fault::LoseNow(IO), Fault::LoseLater(IO)],
        Operation::Remove => vec![Fault::Refuse(IO), Fault::Partly(IO), Fault::Refuse(Trouble::Gone)],
        Operation::ReplacePin | Operation::Hold => vec![Fault::Refuse(IO), Fault::Partly(IO), Fault::Refuse(Trouble::Full)],
        Operation::Read => [IO, Trouble::Unreadable, Trouble::Short, Trouble::Gone].map(Fault::Refuse).to_vec(),
        Operation::List => [IO, Trouble::Gone].map(Fault::Refuse).to_vec(),
    }
}

const OPERATIONS: [Operation; 8] = [
    Operation::Create,
    Operation::Append,
    Operation::Sync,
    Operation::Remove,
    Operation::ReplacePin,
    Operation::Hold,
    Operation::Read,
    Operation::List,
];

/// Every failure in one verb; of reads and listings a selection that differs from fault to fault.
fn failures(patient: &Patient, verb: Verb) -> Vec<Failure> {
    let counters = patient.counters(verb);
    let mut failures = Vec::new();
    for operation in OPERATIONS {
        let calls = counters.of(operation);
        let step = if operation.is_mutating() { 1 } else { calls.div_ceil(READS).max(1) };
        for (first, fault) in (0..).zip(faults(operation)) {
            let numbers = (first % step..calls).step_by(usize::try_from(step).unwrap_or(1));
            failures.extend(numbers.map(|number| Failure { verb, operation, number, fault }));
        }
    }
    failures
}

#[test]
fn a_medium_may_fail_at_any_call() {
    let mut work: Vec<(Patient, Failure)> = Vec::new();
    for setting in [Setting::HOST, Setting::CHIP] {
        let empty = Patient::new(setting, 1);
        let seasoned = Patient::seasoned(setting, 1).unwrap_or_else(|what| panic!("{what}"));
        for kind in Kind::ALL {
            let mut patient = if kind == Kind::Init { empty.fork(2) } else { seasoned.fork(2) };
            if let Some(verb) = patient.verb(kind, &mut Random::new(3)) {
                work.extend(failures(&patient, verb).into_iter().map(|failure| (patient.fork(4), failure)));
            }
        }
    }
    let work: Vec<(u64, (Patient, Failure))> = (0..).zip(work).collect();
    let (mut wrong, mut counts) = (Vec::new(), BTreeMap::<&str, u64>::new());
    let each = |(seed, (patient, failure)): &(u64, (Patient, Failure))| (*failure, failure.happen(patient, *seed));
    spread(&work, each, |(failure, result)| {
        *counts.entry(failure.verb.kind().name()).or_default() += 1;
        wrong.extend(result.err().map(|what| format!("{failure:?}: {what}")));
    });
    println!("calls that failed: {counts:?}");
    wrong.iter().take(30).for_each(|what| println!("! {what}"));
    assert!(wrong.is_empty(), "{} of {} points fail", wrong.len(), work.len());
}

/// A sync fails, and the data is lost although the next sync claims success. The session must write nothing more: what it would commit is not there.
#[test]
fn after_a_failed_sync_a_session_writes_nothing_more() {
    for setting in [Setting::HOST, Setting::CHIP] {
        let patient = Patient::seasoned(setting, 1).unwrap_or_else(|what| panic!("{what}"));
        let syncs = patient.counters(Verb::Backup(Label(5))).of(Operation::Sync);
        assert!(syncs >= 3, "entries, commit and seal are synced");
        // The last sync is the seal's, when all is committed.
        for (number, fault) in
            (0..syncs - 1).flat_map(|number| [Fault::LoseNow(IO), Fault::LoseLater(IO)].map(|fault| (number, fault)))
        {
            let medium = patient.medium.fork(number);
            let (host, disk) = (StillHost::new(1, 1), MemDisk::new(disk_of(Label(5))));
            let rig = Rig::new(&medium, &host);
            medium.fail(Operation::Sync, number, fault);
            let after = rig.with(|store| {
                let (mut base, mut draft) = (vec![0; table_bytes(8, 9)], vec![0; table_bytes(8, 9)]);
                let memory = backup::Memory { base: &mut base, draft: &mut draft };
                let options = backup::Options {
                    name: "disk",
                    snapshot: "",
                    source: "",
                    group: [0; 16],
                    start: backup::Start::EMPTY,
                    hints: (HintSource::None, ""),
                    spot_checks: 0,
                    checkpoint_bytes: 0,
                    ending: backup::Ending::Version,
                };
                let mut task = backup::Backup::new(store, &disk, options, memory)?;
                let failed = rig.run(&mut task, store, Some(&disk)).map(drop);
                assert!(matches!(failed, Err(Error::Medium { trouble: IO, .. })), "{failed:?}");
                let before = medium.counters().mutations();
                let begun = store.begin(Purpose::Maintenance);
                assert_eq!(begun, Err(Error::Refused(Refusal::Poisoned)));
                assert_eq!(store.commit(), Err(Error::Refused(Refusal::Poisoned)));
                assert_eq!(medium.counters().mutations(), before, "sync {number} of a backup {}", setting.name);
                Ok(())
            });
            assert_eq!(after, Ok(()));
        }
    }
}
