//! A repository on NOR flash: on a chip that is as strict as any, that wears, has bad blocks, and loses power in the middle of everything.
#![allow(clippy::unwrap_used, clippy::panic)]

use sarsen_core::error::{Error, Refusal, Trouble};
use sarsen_core::medium::{Medium, MediumMut, Name};
use sarsen_core::nor::{Refused, Wear};
use sarsen_core::ops::init;
use sarsen_core::types::SegmentNumber;
use sarsen_tests::crash::spread;
use sarsen_tests::endurance::Life;
use sarsen_tests::nor::{Ailment, SimFlash, SpiFlash, mounted};
use sarsen_tests::rig::{Plan, Rig, StillHost};
use sarsen_tests::{MemDisk, Random};

const ONE: SegmentNumber = SegmentNumber(1);
const FOUR: SegmentNumber = SegmentNumber(4);

#[test]
fn what_was_appended_is_read_again_after_the_next_mount() {
    let flash = SpiFlash::new(1, 16);
    let bytes = Random::new(2).bytes(10_000);
    mounted(&flash, 1, |medium| {
        medium.create(ONE).unwrap();
        bytes.chunks(2000).for_each(|piece| medium.append(ONE, piece).unwrap());
        medium.sync(ONE).unwrap();
        medium.create(FOUR).unwrap();
    })
    .unwrap();
    mounted(&flash, 1, |medium| {
        let (name, mut to) = (Name::Segment(ONE), vec![0; 10_000]);
        assert_eq!(medium.len(name), Ok(10_000));
        medium.read(name, 0, &mut to).unwrap();
        assert!(to == bytes);
        assert_eq!((medium.read(name, 9_999, &mut to[..1]), to[0]), (Ok(()), bytes[9_999]));
        assert_eq!(medium.read(name, 9_999, &mut to[..2]), Err(Trouble::Short));
        assert_eq!(medium.read(name, u64::MAX, &mut to[..2]), Err(Trouble::Short));
        assert_eq!(medium.len(Name::Segment(FOUR)), Ok(0));
        assert_eq!(medium.append(ONE, &[0; 16]), Err(Trouble::ReadOnly), "what a power cut may have spoilt is not gone on with");
    })
    .unwrap();
}

#[test]
fn any_words_that_flashes_have_will_do() {
    fn try_one<const READ: usize, const WRITE: usize, const ERASE: usize>(blocks: usize) {
        let flash = SimFlash::<READ, WRITE, ERASE>::new(1, 8 * blocks);
        let bytes = Random::new(2).bytes(8192);
        mounted(&flash, blocks, |medium| {
            assert_eq!(medium.rules().write_bytes as usize, WRITE.max(16));
            medium.create(ONE).unwrap();
            bytes.chunks(256).for_each(|piece| medium.append(ONE, piece).unwrap());
        })
        .unwrap();
        mounted(&flash, blocks, |medium| {
            assert_eq!(medium.len(Name::Segment(ONE)), Ok(8192));
            for (at, len) in [(0, 8192), (1, 1), (4001, 200), (8191, 1), (3, 5000)] {
                let mut to = vec![0; len];
                medium.read(Name::Segment(ONE), at as u64, &mut to).unwrap();
                assert!(to == bytes[at..at + len], "{len} bytes at {at}, words of {READ} and {WRITE}");
            }
        })
        .unwrap();
    }
    try_one::<1, 1, 4096>(1);
    try_one::<4, 4, 4096>(2);
    try_one::<1, 8, 2048>(1);
    try_one::<32, 32, 8192>(1);
    try_one::<256, 256, 65536>(1);
    try_one::<16, 256, 512>(8);
}

#[test]
fn names_are_walked_in_order_and_made_once() {
    let flash = SpiFlash::new(1, 16);
    mounted(&flash, 1, |medium| {
        [FOUR, ONE].into_iter().for_each(|number| medium.create(number).unwrap());
        assert_eq!([None, Some(ONE), Some(FOUR)].map(|after| medium.next(after).unwrap()), [Some(ONE), Some(FOUR), None]);
        assert_eq!([None, Some(FOUR), Some(ONE)].map(|before| medium.previous(before).unwrap()), [Some(FOUR), Some(ONE), None]);
        assert_eq!(medium.create(ONE), Err(Trouble::Exists));
        medium.remove(ONE).unwrap();
        assert_eq!(medium.remove(ONE), Err(Trouble::Gone));
        assert_eq!(medium.append(ONE, &[0; 16]), Err(Trouble::Gone));
        assert_eq!(medium.len(Name::Pin), Err(Trouble::Gone));
    })
    .unwrap();
    mounted(&flash, 1, |medium| assert_eq!((medium.next(None), medium.previous(None)), (Ok(Some(FOUR)), Ok(Some(FOUR)))))
        .unwrap();
}

#[test]
fn a_full_flash_says_so_and_what_is_held_back_stays_free() {
    let flash = SpiFlash::new(1, 16);
    mounted(&flash, 1, |medium| {
        assert_eq!(medium.hold(1 << 20), Err(Trouble::Full));
        medium.hold(20_000).unwrap();
        medium.create(ONE).unwrap();
        let appended = (0..100).take_while(|_| medium.append(ONE, &[1; 2000]).is_ok()).count();
        assert_eq!(appended * 2000 / 4016, 11 - 1, "five runs are held of sixteen");
        assert_eq!(medium.append(ONE, &[1; 2000]), Err(Trouble::Full));
        medium.hold(0).unwrap();
        (0..8).for_each(|_| medium.append(ONE, &[1; 2000]).unwrap());
        medium.remove(ONE).unwrap();
        medium.hold(40_000).unwrap();
    })
    .unwrap();
}

#[test]
fn a_flash_is_not_taken_for_what_it_is_not() {
    let flash = SpiFlash::new(1, 16);
    mounted(&flash, 2, |medium| medium.create(ONE).unwrap()).unwrap();
    assert_eq!(mounted(&flash, 1, |_| ()), Err(Refused::Divided { run_bytes: 8192 }));
    assert_eq!(mounted(&flash, 4, |_| ()), Err(Refused::Divided { run_bytes: 8192 }));
    assert_eq!(mounted(&flash, 32, |_| ()), Err(Refused::Geometry));
    flash.cut_at(0);
    mounted(&flash, 2, |medium| assert!(medium.create(FOUR).is_err())).unwrap();
    assert_eq!(mounted(&flash, 2, |_| ()), Err(Refused::Failed));
}

#[test]
fn blocks_wear_evenly_though_little_of_what_is_kept_ever_changes() {
    let (region_bytes, factory_bytes) = (48 << 10, 128 << 10);
    let life = Life {
        flash_blocks: 96,
        segment_bytes: 16 << 10,
        region_bytes,
        factory_bytes,
        increments: 600,
        versions: 4,
        reset_every: 20,
        seed: 5,
    };
    let cost = life.live();
    let (greatest, mean) = (cost.greatest(), cost.mean());
    println!(
        "greatest erase count {greatest}, mean {mean:.1}, {:.1} bytes programmed for each byte changed",
        cost.amplification()
    );
    println!("{} resets, {} compactions, {} versions", cost.resets, cost.compactions, cost.versions);
    assert!(cost.resets >= 20 && cost.versions >= 4);
    assert!(f64::from(greatest) <= 1.5 * mean + 10.0, "greatest {greatest}, mean {mean:.1}: {:?}", cost.erases);
}

const BLOCKS: usize = 72;
const OPTIONS: init::Options = init::Options { segment_bytes: 16 << 10, ..init::Options::SMALL };

/// What a chip is told to do.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Step {
    Init,
    Backup(u32),
    Remove(u32),
    Gc,
    Compact,
}

/// What the disk holds when a version is made: a little of its first part differs from one to the next.
fn disk_of(label: u32) -> Vec<u8> {
    let mut bytes = Random::new(7).bytes(80_000);
    for past in 1..=label as usize {
        let at = past * 3571 % 9_000;
        Random::new(past as u64).fill(&mut bytes[at..at + 700]);
    }
    bytes
}

fn take(flash: &SpiFlash, step: Step, time: u64) -> Result<(), Error> {
    let host = StillHost::new(time, time);
    let run = |rig: &Rig<'_>| match step {
        Step::Init => rig.init(&OPTIONS).map(drop),
        Step::Backup(label) => {
            let base = if rig.list()?.is_empty() { "" } else { "chip" };
            let plan = Plan { name: "chip", snapshot: &label.to_string(), base, ..Plan::default() };
            rig.backup(&MemDisk::new(disk_of(label)), &plan).map(drop)
        }
        Step::Remove(label) => rig.remove(|item| item.snapshot == label.to_string()),
        Step::Gc => rig.gc().map(drop),
        Step::Compact => rig.compact().map(drop),
    };
    mounted(flash, 1, |medium| run(&Rig::new(medium, &host))).unwrap()
}

/// The versions there are, all of them whole; none if there is no repository.
fn look(flash: &SpiFlash) -> Result<Option<Vec<u32>>, String> {
    let (host, mut wrong) = (StillHost::new(0, 0), Vec::new());
    let seen = mounted(flash, 1, |medium| {
        let rig = Rig::new(medium, &host);
        let list = rig.list()?;
        let labels: Vec<u32> = list.iter().map(|item| item.snapshot.parse().unwrap_or(u32::MAX)).collect();
        for (item, &label) in list.iter().zip(&labels) {
            let Ok(restored) = rig.restore(item) else {
                wrong.push((label, Vec::new()));
                continue;
            };
            wrong.extend((label == u32::MAX || restored.bytes != disk_of(label)).then_some((label, restored.lost)));
        }
        Ok((labels, rig.scrub()?))
    });
    if !wrong.is_empty() {
        return Err(format!("versions are not what they were, and where they are lost: {wrong:?}; {:?}", seen.unwrap()));
    }
    match seen.unwrap() {
        Ok((labels, verdict)) if verdict.is_clean() && verdict.whole.len() == labels.len() => Ok(Some(labels)),
        Ok((_, verdict)) => Err(format!("a scrub finds {verdict:?}")),
        Err(Error::Refused(Refusal::NotARepository | Refusal::NoCommit | Refusal::NoHeader)) => Ok(None),
        Err(error) => Err(format!("looking at it fails: {error:?}")),
    }
}

/// A round of increments: a new version, the oldest of four gone, and its space given back now and then.
fn round(label: u32) -> Vec<Step> {
    let mut steps = vec![Step::Backup(label)];
    steps.extend((label >= 3).then(|| Step::Remove(label - 3)));
    steps.extend((label % 4 == 1).then_some(Step::Gc));
    steps.extend((label % 4 == 3).then_some(Step::Compact));
    steps
}

fn live(flash: &SpiFlash, labels: std::ops::Range<u32>) {
    for label in labels {
        for step in round(label) {
            take(flash, step, label.into()).unwrap_or_else(|error| panic!("{step:?}: {error:?}"));
        }
    }
}

/// What may be true once a step has begun: before it, and after it.
fn outcomes(before: &Option<Vec<u32>>, step: Step) -> [Option<Vec<u32>>; 2] {
    let mut after = before.clone().unwrap_or_default();
    match step {
        Step::Backup(label) => after.push(label),
        Step::Remove(label) => after.retain(|&other| other != label),
        Step::Init | Step::Gc | Step::Compact => {}
    }
    [before.clone(), Some(after)]
}

/// A step from a state of the flash, cut at an operation.
struct Cut {
    flash: SpiFlash,
    before: Option<Vec<u32>>,
    step: Step,
    at: u64,
    seed: u64,
}

impl Cut {
    /// Cut, and cut again when it is done again, then done: nothing that was there is ever missed.
    fn happen(&self) -> Result<(), String> {
        let (flash, mut random) = (self.flash.fork(self.seed), Random::new(self.seed));
        if self.seed.is_multiple_of(3) {
            flash.spoil(random.below(BLOCKS), random.pick(&Ailment::ALL));
        }
        let possible = outcomes(&self.before, self.step);
        let mut seen = self.before.clone();
        for at in [self.at, random.below(self.at as usize * 2 + 1) as u64] {
            if seen != possible[0] {
                break;
            }
            let is_in_doubt = flash.is_wavering();
            flash.cut_at(at);
            let result = take(&flash, self.step, self.seed);
            if result.is_ok() == flash.is_dead() && !is_in_doubt {
                return Err(format!("{result:?}, power gone: {}", flash.is_dead()));
            }
            flash.power_on();
            seen = look(&flash)?;
            if !possible.contains(&seen) {
                return Err(format!("{seen:?} is there, where one of {possible:?} should be"));
            }
        }
        let mut steps = vec![Step::Gc, Step::Compact];
        if seen == possible[0] && seen != possible[1] {
            steps.insert(0, self.step);
        }
        for step in steps {
            let is_in_doubt = flash.is_wavering();
            match take(&flash, step, self.seed) {
                Ok(()) => {}
                // A commit that was cut off late is there at one mount and not at another: nobody may say it is, nor that it is not.
                Err(Error::Refused(Refusal::UnknownVersion | Refusal::AlreadyARepository | Refusal::NoCommit)) if is_in_doubt => {
                }
                Err(error) => return Err(format!("{step:?} in the end: {error:?}")),
            }
            let mut seen = look(&flash)?;
            if is_in_doubt {
                seen.iter_mut().for_each(Vec::dedup);
            }
            if seen != possible[1] && !(is_in_doubt && possible.contains(&seen)) {
                return Err(format!("after {step:?} {seen:?}, not one of {possible:?}"));
            }
        }
        Ok(())
    }
}

/// All cuts in a step.
fn cuts(flash: &SpiFlash, step: Step, seeds: u64) -> Vec<Cut> {
    let before = look(flash).unwrap();
    let copy = flash.fork(0);
    take(&copy, step, 1).unwrap();
    let operations = copy.operations() - flash.operations();
    let each = |at| {
        let before = before.clone();
        (0..seeds).map(move |seed| Cut { flash: flash.fork(0), before: before.clone(), step, at, seed: at * seeds + seed })
    };
    (0..operations).flat_map(each).collect()
}

#[test]
fn power_may_go_in_any_program_and_erase() {
    let flash = SpiFlash::new(1, BLOCKS);
    let mut work = cuts(&flash, Step::Init, 12);
    take(&flash, Step::Init, 0).unwrap();
    live(&flash, 0..80);
    // Steps in which a run is moved are few, and all are taken; of the others some.
    let (mut moves, mut label) = (0, 80);
    while moves < 6 && label < 400 {
        for step in round(label) {
            let before = flash.fork(0);
            take(&flash, step, label.into()).unwrap();
            let is_move = flash.copies() > before.copies();
            moves += u64::from(is_move);
            if is_move || label < 82 {
                work.extend(cuts(&before, step, 3));
            }
        }
        label += 1;
    }
    let mut wrong = Vec::new();
    let each = |cut: &Cut| cut.happen().map_err(|what| format!("{:?} cut at {}, seed {}: {what}", cut.step, cut.at, cut.seed));
    spread(&work, each, |result| wrong.extend(result.err()));
    println!("{} cuts, {moves} steps in which a run is moved", work.len());
    wrong.iter().take(20).for_each(|what| println!("! {what}"));
    assert!(moves == 6 && work.len() >= 1000 && wrong.is_empty(), "{} of {} fail", wrong.len(), work.len());
}

#[test]
fn any_block_may_be_bad_in_any_way_and_is_remembered() {
    let seasoned = SpiFlash::new(1, BLOCKS);
    take(&seasoned, Step::Init, 0).unwrap();
    live(&seasoned, 0..20);
    let blocks: Vec<(usize, Ailment)> = (0..BLOCKS).flat_map(|block| Ailment::ALL.map(|ailment| (block, ailment))).collect();
    let each = |&(block, ailment): &(usize, Ailment)| {
        let flash = seasoned.fork(block as u64);
        flash.spoil(block, ailment);
        live(&flash, 20..32);
        assert_eq!(look(&flash), Ok(Some(vec![29, 30, 31])), "{ailment:?} {block}");
        let (Wear { retired, .. }, erases) = (wear(&flash), flash.erases()[block]);
        live(&flash, 32..36);
        assert_eq!(look(&flash), Ok(Some(vec![33, 34, 35])), "{ailment:?} {block}");
        assert!(retired == 0 || flash.erases()[block] == erases, "{ailment:?} {block} is tried again");
        retired
    };
    let mut retired = 0;
    spread(&blocks, each, |one| retired += one);
    println!("{retired} blocks of {} were retired", blocks.len());
    assert!(retired > blocks.len() / 4);
}

/// Backs up until nothing fits any more; how many versions there are.
fn fill(flash: &SpiFlash) -> Result<u32, String> {
    take(flash, Step::Init, 0).map_err(|error| format!("init: {error:?}"))?;
    for label in 0.. {
        match take(flash, Step::Backup(label), label.into()) {
            Ok(()) => {}
            Err(Error::Medium { trouble: Trouble::Full, .. }) => break,
            Err(error) => return Err(format!("backup {label} into what fills up: {error:?}")),
        }
    }
    let seen = look(flash)?.unwrap_or_default();
    Ok(u32::try_from(seen.len()).unwrap_or(u32::MAX))
}

/// Removes versions, gives their space back, and looks whether the others are there. Where a removal finds no space either, gc comes first.
fn empty(flash: &SpiFlash, labels: &[u32]) -> Result<(), String> {
    let mut left = look(flash)?.unwrap_or_default();
    let tell = |step: Step| move |error: Error| format!("{step:?}: {error:?}");
    for &label in labels {
        let step = Step::Remove(label);
        match take(flash, step, 0) {
            Err(Error::Medium { trouble: Trouble::Full, .. }) => {
                take(flash, Step::Gc, 0).map_err(tell(Step::Gc))?;
                take(flash, Step::Compact, 0).map_err(tell(Step::Compact))?;
                take(flash, step, 0).map_err(tell(step))?;
            }
            done => done.map_err(tell(step))?,
        }
        left.retain(|&other| other != label);
    }
    for step in [Step::Gc, Step::Compact] {
        take(flash, step, 0).map_err(tell(step))?;
        if look(flash)? != Some(left.clone()) {
            return Err(format!("after {step:?} {:?} is there, not {left:?}", look(flash)?));
        }
    }
    Ok(())
}

fn fill_and_empty(blocks: usize) -> Result<u32, String> {
    let flash = SpiFlash::new(1, blocks);
    let versions = fill(&flash)?;
    empty(&flash, &(0..versions).filter(|label| label % 2 == 0).collect::<Vec<_>>())?;
    empty(&flash, &(0..versions - 1).filter(|label| label % 2 == 1).collect::<Vec<_>>())?;
    take(&flash, Step::Backup(versions), 0).map_err(|error| format!("a backup in the end: {error:?}"))?;
    look(&flash)?;
    Ok(versions)
}

/// A compaction once stored the table of all segments anew in each commit, and each session has a segment: a flash full of short ones was stuck.
#[test]
fn a_flash_that_was_filled_with_short_segments_can_be_emptied_and_used_again() {
    let sizes: Vec<usize> = (48..112).chain([141, 202, 256]).collect();
    let (mut wrong, mut versions) = (Vec::new(), 0);
    let each = |&blocks: &usize| fill_and_empty(blocks).map_err(|what| format!("{blocks} blocks: {what}"));
    spread(&sizes, each, |result| match result {
        Ok(count) => versions = versions.max(count),
        Err(what) => wrong.push(what),
    });
    wrong.iter().for_each(|what| println!("! {what}"));
    assert!(wrong.is_empty(), "{} of {} flashes cannot be emptied", wrong.len(), sizes.len());
    assert!(versions > 100, "no more than {versions} versions fit");
}

fn wear(flash: &SpiFlash) -> Wear {
    mounted(flash, 1, |medium| medium.lock().wear().unwrap()).unwrap()
}
