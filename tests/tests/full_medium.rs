//! A medium is filled to the last byte, and can always be emptied: rm, gc and compact may use the reserve, and then a backup fits again.
#![allow(clippy::panic)]

use sarsen_core::error::{Error, Trouble};
use sarsen_core::medium::Rules;
use sarsen_core::ops::init;
use sarsen_tests::crash::{Kind, Label, Patient, Setting, Standing, Verb, spread};
use sarsen_tests::rig::{Plan, Rig, StillHost, TINY};
use sarsen_tests::{Loss, MemDisk, Random, SimMedium};

/// A repository with segments of this length.
fn with_segments(setting: Setting, segment_bytes: u32) -> Setting {
    let rules = Rules { segment_bytes: segment_bytes.max(setting.rules.segment_bytes), ..setting.rules };
    Setting { rules, options: init::Options { segment_bytes, ..setting.options }, ..setting }
}

fn is_full(error: &Error) -> bool {
    matches!(error, Error::Medium { trouble: Trouble::Full, .. })
}

/// Backs up until nothing fits any more.
fn fill(patient: &mut Patient) -> Result<(), String> {
    let mut random = Random::new(0);
    loop {
        let kind = random.pick(&[Kind::Backup, Kind::Backup, Kind::Checkpoints]);
        let verb = patient.verb(kind, &mut random).ok_or("there is no repository")?;
        match patient.attempt(verb) {
            Ok(()) => patient.examine()?,
            Err(error) if is_full(&error) => break,
            Err(error) => return Err(format!("{verb:?} fails on a medium that fills up: {error:?}")),
        }
    }
    patient.examine()?;
    patient.power_cycle(0, Loss::Nothing);
    patient.examine()
}

/// Removes a version. What gc and compact need, removals leave to them: where one finds no space, those come first.
fn remove(patient: &mut Patient, label: Label) -> Result<(), String> {
    match patient.attempt(Verb::Remove(label)) {
        Err(error) if is_full(&error) => {
            patient.power_cycle(0, Loss::Nothing);
            [Verb::Gc, Verb::Compact, Verb::Remove(label)].into_iter().try_for_each(|verb| patient.must(verb))
        }
        Err(error) => Err(format!("removing {label:?} fails: {error:?}")),
        Ok(()) => Ok(()),
    }
}

/// Removes what a filter picks, gives its space back, and looks whether all else is there.
fn empty(patient: &mut Patient, pick: impl Fn(usize, usize) -> bool) -> Result<(), String> {
    let truth = patient.possible().last().ok_or("nothing is true")?.clone();
    let labels: Vec<Label> = [Standing::Version, Standing::Draft].iter().flat_map(|&standing| truth.labels(standing)).collect();
    let picked = labels.iter().enumerate().filter(|(at, _)| pick(*at, labels.len()));
    picked.map(|(_, &label)| label).try_for_each(|label| remove(patient, label))?;
    patient.examine()?;
    for verb in [Verb::Gc, Verb::Compact] {
        patient.must(verb)?;
        patient.examine()?;
    }
    Ok(())
}

fn fill_and_empty(setting: Setting, capacity_bytes: u64) -> Result<(), String> {
    let mut patient = Patient::new(setting, capacity_bytes);
    patient.medium.set_capacity(Some(capacity_bytes));
    patient.must(Verb::Init)?;
    fill(&mut patient)?;
    // What is left over after the append that failed goes, too.
    patient.medium.set_capacity(Some(patient.medium.used_bytes()));
    // Every other version: segments live in part, and compaction needs room to copy.
    empty(&mut patient, |at, _| at % 2 == 0)?;
    // All but the newest.
    empty(&mut patient, |at, all| at + 1 < all)?;
    patient.medium.set_capacity(Some(capacity_bytes));
    let verb = patient.verb(Kind::Backup, &mut Random::new(1)).ok_or("there is no repository")?;
    patient.must(verb)?;
    patient.examine()
}

#[test]
fn a_medium_filled_to_the_byte_can_be_emptied_and_used_again() {
    let mut work = Vec::new();
    for setting in [Setting::HOST, Setting::CHIP] {
        for segment_bytes in [36 << 10, 48 << 10, 96 << 10] {
            // From just enough for a reserve and some versions on, in steps that are in step with nothing.
            let least = u64::from(segment_bytes) * 2 + 200_000;
            work.extend((0..24).map(|step| (with_segments(setting, segment_bytes), least + step * 2_711)));
        }
    }
    let mut wrong = Vec::new();
    let each = |&(setting, capacity): &(Setting, u64)| {
        let segment_bytes = setting.options.segment_bytes;
        fill_and_empty(setting, capacity)
            .map_err(|what| format!("{capacity} bytes, segments of {segment_bytes}, {}: {what}", setting.name))
    };
    spread(&work, each, |result| wrong.extend(result.err()));
    wrong.iter().take(30).for_each(|what| println!("! {what}"));
    assert!(wrong.is_empty(), "{} of {} media cannot be emptied", wrong.len(), work.len());
}

/// Once a backup whose footer found no space said that it was full, although its version was there: whoever asked again had it twice.
#[test]
fn a_version_whose_segment_cannot_be_sealed_is_there_and_said_to_be() {
    let (medium, host, disk) = (SimMedium::new(1), StillHost::new(1000, 1), MemDisk::random(2, 50_000));
    let back_up = |medium: &SimMedium| Rig::new(medium, &host).backup(&disk, &Plan { name: "vm", ..Plan::default() });
    Rig::new(&medium, &host).init(&TINY).expect("an empty medium");
    let roomy = medium.fork(1);
    back_up(&roomy).expect("a medium without end");
    for missing in [16, 32, 64, 200] {
        let medium = medium.fork(2);
        medium.set_capacity(Some(roomy.used_bytes() - missing));
        back_up(&medium).expect("only the footer does not fit");
        medium.power_cycle(3, Loss::Anything);
        let verdict = Rig::new(&medium, &host).scrub().expect("a repository");
        assert!(verdict.is_clean() && verdict.whole.len() == 1, "{verdict:?}");
    }
}
