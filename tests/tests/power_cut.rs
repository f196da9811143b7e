//! The power goes at every operation of every verb, and again in the verb that follows.
//!
//! Whatever a medium may lose (docs/FORMAT.md section 15): every version that was committed restores exactly, a scrub finds nothing, and what the
//! verb was about is there whole or not at all.
#![allow(clippy::panic)]

use sarsen_tests::crash::{Kind, Patient, Setting, Verb, spread};
use sarsen_tests::{Loss, Random};
use std::collections::BTreeMap;
use std::fmt;

/// How much is done.
#[derive(Clone, Copy)]
struct Tier {
    /// Of the losses left to chance, so many a cut in the first verb; more for init, which is short.
    chances: u64,
    chances_of_init: u64,
    /// Cuts in the second verb, after each of the first.
    second_cuts: usize,
    /// One in so many ends is followed up.
    follow_up_one_in: usize,
}

const NORMAL: Tier = Tier { chances: 2, chances_of_init: 8, second_cuts: 12, follow_up_one_in: 10 };
const LONG: Tier = Tier { chances: 8, chances_of_init: 40, second_cuts: usize::MAX, follow_up_one_in: 4 };

/// A power cut in a verb.
#[derive(Clone, Copy, Debug)]
struct Cut {
    verb: Verb,
    at: u64,
    loss: Loss,
    seed: u64,
}

impl Cut {
    fn happen(&self, patient: &mut Patient) -> Result<(), String> {
        patient.medium.cut_at(self.at);
        let result = patient.attempt(self.verb);
        if result.is_ok() == patient.medium.is_dead() && !patient.medium.is_fickle() {
            return Err(format!("{result:?} is said of a verb that was {}cut off", if result.is_ok() { "" } else { "not " }));
        }
        patient.power_cycle(self.seed, self.loss);
        patient.examine()
    }
}

impl fmt::Display for Cut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} cut at {}, loss {:?}, seed {}", self.verb, self.at, self.loss, self.seed)
    }
}

/// What was done and what went wrong.
#[derive(Default)]
struct Tally {
    first: BTreeMap<Kind, u64>,
    second: BTreeMap<Kind, u64>,
    followed_up: u64,
    failures: Vec<String>,
}

impl Tally {
    fn add(&mut self, other: Tally) {
        other.first.into_iter().for_each(|(kind, count)| *self.first.entry(kind).or_default() += count);
        other.second.into_iter().for_each(|(kind, count)| *self.second.entry(kind).or_default() += count);
        self.followed_up += other.followed_up;
        self.failures.extend(other.failures);
    }

    fn points(&self) -> u64 {
        self.second.values().sum()
    }
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{:<14}{:>10}{:>10}", "cut in", "first", "second")?;
        for kind in Kind::ALL {
            let count = |of: &BTreeMap<Kind, u64>| of.get(&kind).copied().unwrap_or(0);
            writeln!(f, "{:<14}{:>10}{:>10}", kind.name(), count(&self.first), count(&self.second))?;
        }
        writeln!(f, "{:<14}{:>10}{:>10}", "in all", self.first.values().sum::<u64>(), self.points())?;
        write!(f, "followed by backup, rm, gc and compact: {}", self.followed_up)
    }
}

/// All cuts in one verb, from one state.
fn cuts(patient: &Patient, verb: Verb, tier: &Tier) -> Result<Vec<Cut>, String> {
    let chances = if verb.kind() == Kind::Init { tier.chances_of_init } else { tier.chances };
    let losses = [Loss::Nothing, Loss::Everything].into_iter().chain((0..chances).map(|_| Loss::Anything));
    let losses: Vec<(u64, Loss)> = (0..).zip(losses).collect();
    // One more than there are operations: what was reported as done survives the cut that comes after it.
    let ats = 0..=patient.mutations(verb)?;
    Ok(ats.flat_map(|at| losses.iter().map(move |&(number, loss)| Cut { verb, at, loss, seed: at << 8 | number })).collect())
}

/// A first cut, and the second cuts that follow it.
fn cut_twice(patient: &Patient, first: &Cut, tier: &Tier) -> Tally {
    let mut tally = Tally::default();
    let mut patient = patient.fork(first.seed);
    *tally.first.entry(first.verb.kind()).or_default() += 1;
    if let Err(what) = first.happen(&mut patient) {
        tally.failures.push(format!("{first}: {what}"));
        return tally;
    }
    if patient.is_in_doubt() {
        return tally;
    }
    let mut random = Random::new(first.seed ^ first.at << 32 ^ (first.verb.kind() as u64) << 48);
    let verb = loop {
        if let Some(verb) = patient.verb(random.pick(&Kind::ALL), &mut random) {
            break verb;
        }
    };
    let mutations = match patient.mutations(verb) {
        Ok(mutations) => mutations,
        Err(what) => {
            tally.failures.push(format!("{first}: {what}"));
            return tally;
        }
    };
    for at in some_of(mutations, tier.second_cuts, &mut random) {
        let loss = random.pick(&[Loss::Nothing, Loss::Everything, Loss::Anything, Loss::Anything]);
        let second = Cut { verb, at, loss, seed: random.draw() };
        let mut patient = patient.fork(second.seed);
        *tally.second.entry(verb.kind()).or_default() += 1;
        let mut end = second.happen(&mut patient);
        if end.is_ok() && !patient.is_in_doubt() && random.one_in(tier.follow_up_one_in) {
            tally.followed_up += 1;
            end = follow_up(&mut patient, &mut random);
        }
        if let Err(what) = end {
            tally.failures.push(format!("{first}; then {second}: {what}"));
        }
    }
    tally
}

/// Numbers from 0 to `end`, at most so many.
fn some_of(end: u64, count: usize, random: &mut Random) -> Vec<u64> {
    let mut all: Vec<u64> = (0..=end).collect();
    while all.len() > count {
        all.swap_remove(random.below(all.len()));
    }
    all
}

/// Life goes on: everything works, and what was removed stays so.
fn follow_up(patient: &mut Patient, random: &mut Random) -> Result<(), String> {
    for kind in [Kind::Init, Kind::Backup, Kind::Backup, Kind::Remove, Kind::Gc, Kind::Compact, Kind::Backup] {
        if let Some(verb) = patient.verb(kind, random) {
            patient.must(verb)?;
            patient.examine()?;
        }
    }
    patient.power_cycle(random.draw(), Loss::Anything);
    patient.examine()
}

/// Every first cut with its second ones, spread over threads.
fn cut_everywhere(tier: &Tier) -> Result<Tally, String> {
    let mut work: Vec<(Patient, Cut)> = Vec::new();
    for setting in [Setting::HOST, Setting::CHIP] {
        let (empty, seasoned) = (Patient::new(setting, 1), Patient::seasoned(setting, 1)?);
        for kind in Kind::ALL {
            let mut patient = if kind == Kind::Init { empty.fork(2) } else { seasoned.fork(2) };
            let verb = patient.verb(kind, &mut Random::new(3));
            let verb = verb.ok_or_else(|| format!("{} has nothing to do {}", kind.name(), setting.name))?;
            work.extend(cuts(&patient, verb, tier)?.into_iter().map(|cut| (patient.fork(4), cut)));
        }
    }
    let mut tally = Tally::default();
    spread(&work, |(patient, cut)| cut_twice(patient, cut, tier), |done| tally.add(done));
    Ok(tally)
}

fn assert_survival(tier: &Tier) -> Tally {
    let tally = cut_everywhere(tier).unwrap_or_else(|what| panic!("{what}"));
    println!("{tally}");
    let failures = &tally.failures;
    failures.iter().take(30).for_each(|failure| println!("{failure}"));
    assert!(failures.is_empty(), "{} of {} points fail; the first are above", failures.len(), tally.points());
    tally
}

#[test]
fn power_may_go_at_any_operation_and_again_in_the_next_verb() {
    let tally = assert_survival(&NORMAL);
    assert!(tally.points() >= 20_000, "only {} points", tally.points());
    for kind in Kind::ALL.into_iter().filter(|&kind| kind != Kind::Continue) {
        let count = |of: &BTreeMap<Kind, u64>| of.get(&kind).copied().unwrap_or(0);
        assert!(count(&tally.first) + count(&tally.second) >= 1_000, "too few points in {}", kind.name());
    }
}

#[test]
#[ignore = "long: every operation of the second verb too"]
fn power_may_go_at_any_two_operations() {
    assert_survival(&LONG);
}
