//! Any bytes as input: an answer or an error, in bounded time, and never a panic.
//!
//! One seed chooses everything. A failure prints it; `SARSEN_SEED` repeats it. `SARSEN_LONG=1` goes on for ten minutes.

#![allow(clippy::unwrap_used)]

use sarsen_core::error::{Error, Refusal};
use sarsen_core::format::entry::{LEN, MAGIC};
use sarsen_core::ops::check::Depth;
use sarsen_core::ops::init;
use sarsen_core::types::{Id, SegmentNumber, narrow};
use sarsen_tests::fuse::Fuse;
use sarsen_tests::rig::{Item, Plan, Rig, StillHost, TINY};
use sarsen_tests::{Contents, MemDisk, Random, SimMedium};
use std::collections::BTreeMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// No verb on so small a repository asks its medium for more.
const ASKS_MAX: u64 = 300_000;
const DISK_BYTES: usize = 90_000;

fn host() -> StillHost {
    StillHost::new(1000, 1)
}

fn medium(contents: &Contents) -> SimMedium {
    let rules = sarsen_core::medium::Medium::rules(&SimMedium::new(1));
    SimMedium::holding(1, rules, contents)
}

/// A repository, and what its versions were made of.
struct Sample {
    contents: Contents,
    disks: BTreeMap<Id, Vec<u8>>,
}

/// Three versions, and perhaps marks of damage.
fn sample(seed: u64) -> Sample {
    let (medium, host, mut random) = (SimMedium::new(1), host(), Random::new(seed));
    let rig = Rig::new(&medium, &host);
    rig.init(&init::Options { fan_out_log2: random.pick(&[4, 8]), align_log2: random.pick(&[4, 7]), ..TINY }).unwrap();
    let mut bytes = vec![0; DISK_BYTES];
    bytes.iter_mut().step_by(300).for_each(|byte| *byte = random.draw() as u8);
    let disk = MemDisk::new(bytes);
    let mut disks = BTreeMap::new();
    for number in 0..3 {
        let base = if number == 0 { "" } else { "vm" };
        let report = rig.backup(&disk, &Plan { name: "vm", base, ..Plan::default() }).unwrap();
        disks.insert(report.version, disk.bytes());
        disk.write(20_000 * number, b"something else");
    }
    if random.one_in(2) {
        medium.flip(SegmentNumber(1), 400, 2);
        rig.scrub().unwrap();
    }
    Sample { contents: medium.contents(), disks }
}

/// Spoils a repository in one way.
fn mutate(contents: &mut Contents, random: &mut Random) {
    let numbers: Vec<SegmentNumber> = contents.segments.keys().copied().collect();
    if numbers.is_empty() {
        return;
    }
    let (one, other) = (random.pick(&numbers), random.pick(&numbers));
    let source = contents.segments[&other].to_vec();
    let mut bytes = contents.segments[&one].to_vec();
    if bytes.is_empty() {
        return; // an earlier way cut off all of it
    }
    let at = random.below(bytes.len());
    let len = 1 + random.pick(&[1, 8, 128, 4000]).min(bytes.len() - at - 1);
    match random.below(13) {
        0 => bytes.truncate(at),
        1 => bytes.extend(random.bytes(len)),
        2 => random.fill(&mut bytes[at..at + len]),
        3 => bytes[at..at + len].fill(random.pick(&[0, 0xFF])),
        4 => drop(bytes.splice(at..at + len, source.iter().take(len).copied())),
        5 => drop(bytes.drain(at..at + len)),
        6 => return drop(contents.segments.remove(&one)),
        7 => bytes = source,
        8 => return drop(contents.segments.insert(SegmentNumber(random.draw() as u32), Arc::new(source))),
        9 => return mutate_pin(contents, random),
        10..=11 => forge_entry(one, &mut bytes, random),
        _ => forge_header(&mut bytes, random),
    }
    contents.segments.insert(one, Arc::new(bytes));
}

fn mutate_pin(contents: &mut Contents, random: &mut Random) {
    let mut pin = contents.pin.as_ref().map(|pin| pin.to_vec()).unwrap_or_default();
    match random.below(4) {
        0 => return contents.pin = None,
        1 => pin = random.bytes(96),
        2 => pin.truncate(random.below(97)),
        _ if pin.len() == 96 => {
            let at = random.below(92);
            pin[at] ^= 1 << random.below(8);
            let sum = crc32(&pin[..92]);
            pin[92..].copy_from_slice(&sum.to_le_bytes());
        }
        _ => {}
    }
    contents.pin = Some(Arc::new(pin));
}

/// Changes fields of an entry header and makes its checksum right again, so that what it says is believed until it is compared with the rest.
fn forge_entry(segment: SegmentNumber, bytes: &mut [u8], random: &mut Random) {
    let offsets: Vec<usize> =
        (0..bytes.len().saturating_sub(LEN)).step_by(16).filter(|&at| bytes[at..].starts_with(&MAGIC)).collect();
    if offsets.is_empty() {
        return;
    }
    let at = random.pick(&offsets);
    let repository: [u8; 16] = bytes[24..40].try_into().unwrap();
    let header = &mut bytes[at..at + LEN];
    for _ in 0..1 + random.below(2) {
        let field = random.pick(&[4, 5, 6, 7, 8, 9, 10, 12, 13, 16, 17, 24, 56, 88]);
        header[field] = match random.below(3) {
            0 => random.draw() as u8,
            1 => header[field].wrapping_add(1),
            _ => random.pick(&[0, 1, 2, 3, 0xFF]),
        };
    }
    let bound: Vec<u8> = [&repository[..], &segment.0.to_le_bytes(), &(at as u32).to_le_bytes(), &header[..124]].concat();
    let sum = crc32(&bound);
    bytes[at + 124..at + LEN].copy_from_slice(&sum.to_le_bytes());
}

fn forge_header(bytes: &mut [u8], random: &mut Random) {
    if bytes.len() < 128 {
        return;
    }
    let field = random.pick(&[8, 10, 11, 12, 13, 14, 15, 16, 18, 20, 24, 40, 48, 56, 64, 72, 80]);
    bytes[field] = random.draw() as u8;
    let sum = crc32(&bytes[..124]);
    bytes[124..128].copy_from_slice(&sum.to_le_bytes());
}

/// CRC-32 of zlib, bit by bit: written here so as not to trust the one that is tested.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32, _| if crc & 1 == 1 { crc >> 1 ^ 0xEDB8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, &byte| (0..8).fold(crc ^ u32::from(byte), step))
}

/// Every verb; how many of them gave an answer rather than an error. What they say does not matter here, only that they do, soon.
/// Wrong data is never an answer: what a version restores to is what it was made of, but for what is named as lost.
fn try_everything(sample: &Sample, contents: &Contents, random: &mut Random) -> usize {
    let (medium, host) = (medium(contents), host());
    let fuse = Fuse::new(&medium, ASKS_MAX);
    let rig = Rig::new(&fuse, &host);
    let mut answers = 0;
    let mut heard = |good: bool| {
        fuse.renew();
        answers += usize::from(good);
    };
    heard(rig.check(Depth::Check).is_ok());
    let list = rig.list();
    heard(list.is_ok());
    for item in list.iter().flatten().take(4).filter(|item| is_small(item)) {
        let restored = rig.restore(item);
        heard(restored.is_ok());
        if let (Ok(restored), Some(disk)) = (restored, sample.disks.get(&item.id)) {
            let mut disk = disk.clone();
            restored.lost.iter().for_each(|&(offset, len)| disk[narrow(offset)..][..narrow(len)].fill(0));
            assert!(restored.bytes == disk, "{item:?} is not what it was, {:?} lost", restored.lost);
        }
    }
    heard(rig.check(Depth::Scrub).is_ok());
    let disk = MemDisk::random(random.draw(), 30_000);
    heard(rig.backup(&disk, &Plan { name: "new", ..Plan::default() }).is_ok());
    heard(rig.backup(&disk, &Plan { name: "newer", base: "latest", ..Plan::default() }).is_ok());
    let pick = random.below(3);
    heard(rig.remove(|item| item.entry.key.is_some_and(|key| key % 3 == pick as u64)).is_ok());
    heard(rig.gc().is_ok());
    heard(rig.compact().is_ok());
    heard(rig.scrub().is_ok());
    answers
}

/// A record may claim any size; a test has not the memory to believe it.
fn is_small(item: &Item) -> bool {
    item.size <= 4 << 20
}

struct Seed(u64);

impl Drop for Seed {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("repeat with SARSEN_SEED={}", self.0);
        }
    }
}

/// Runs `round` with one seed after the other for some seconds; how often.
fn rounds(seconds: u64, mut round: impl FnMut(&mut Random)) -> u64 {
    let given = std::env::var("SARSEN_SEED").ok().map(|seed| seed.parse().expect("SARSEN_SEED is a number"));
    let first: u64 = given.unwrap_or_else(|| RandomState::new().hash_one("seed"));
    let long = std::env::var_os("SARSEN_LONG").is_some_and(|long| long == "1");
    let until = Instant::now() + Duration::from_secs(if long { seconds * 40 } else { seconds });
    let mut rounds = 0;
    while rounds == 0 || Instant::now() < until {
        let seed = Seed(first.wrapping_add(rounds));
        round(&mut Random::new(seed.0));
        rounds += 1;
    }
    rounds
}

#[test]
fn spoilt_repositories_give_answers_or_errors() {
    let samples: Vec<Sample> = (0..4).map(sample).collect();
    let mut answers = 0;
    let count = rounds(12, |random| {
        let sample = &samples[random.below(samples.len())];
        let mut contents = sample.contents.clone();
        for _ in 0..1 + random.below(3) {
            mutate(&mut contents, random);
        }
        answers += try_everything(sample, &contents, random);
    });
    assert!(answers > 0);
    println!("{count} spoilt repositories, {answers} answers");
}

#[test]
fn garbage_is_no_repository() {
    let count = rounds(3, |random| {
        let mut contents = Contents::default();
        for _ in 0..1 + random.below(4) {
            let len = random.pick(&[0, 1, 127, 128, 5000, 40_000]);
            let mut bytes = random.bytes(len);
            if random.one_in(2) {
                bytes.iter_mut().zip(b"SARSEN\r\n").for_each(|(to, from)| *to = *from);
                forge_header(&mut bytes, random);
            }
            contents.segments.insert(SegmentNumber(random.below(6) as u32), Arc::new(bytes));
        }
        contents.pin = random.one_in(2).then(|| Arc::new(random.bytes(96)));
        let (medium, host) = (medium(&contents), host());
        let fuse = Fuse::new(&medium, ASKS_MAX);
        let refused = Rig::new(&fuse, &host).list().unwrap_err();
        assert!(matches!(refused, Error::Refused(Refusal::NoHeader | Refusal::Unsupported | Refusal::NoCommit)), "{refused:?}");
        assert!(medium.contents() == contents, "what is refused is left as it is");
    });
    println!("{count} media of garbage");
}

#[test]
fn the_checksum_of_these_tests_is_the_one_of_zlib() {
    assert_eq!(crc32(b"123456789"), 0xCBF4_3926);
}
