//! The second decoder, written from docs/FORMAT.md alone, and the engine say the same of damaged repositories.
//!
//! Every repository is judged by both: what is refused, each finding with kind and place, and which versions are hit.
//! Without python3 the test fails where CI is set, and says so otherwise.
#![allow(clippy::unwrap_used)]

use sarsen_core::codec::CodecId;
use sarsen_core::error::{Error, Refusal};
use sarsen_core::medium::Rules;
use sarsen_core::ops::init::Options;
use sarsen_core::types::SegmentNumber;
use sarsen_tests::rig::{Plan, Rig, StillHost, TINY};
use sarsen_tests::{Contents, MemDisk, Random, Scratch, SimMedium};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

const RULES: Rules = Rules { write_bytes: 16, segment_bytes: 1 << 20, pin: true };

/// What the engine says, in the decoder's words.
fn engine_verdict(contents: &Contents) -> Value {
    let medium = SimMedium::holding(1, RULES, contents);
    medium.set_read_only(true);
    let host = StillHost::new(5000, 5);
    match Rig::new(&medium, &host).scrub() {
        Ok(verdict) => {
            let findings: Vec<Value> = verdict
                .findings
                .iter()
                .map(|(place, kind)| json!([kind, place.map(|place| place.segment.0), place.map(|place| place.offset)]))
                .collect();
            json!({ "findings": findings, "hit": verdict.hit })
        }
        Err(Error::Refused(Refusal::NotARepository)) => json!({ "refused": "not-a-repository" }),
        Err(Error::Refused(Refusal::Unsupported)) => json!({ "refused": "unsupported" }),
        Err(Error::Refused(Refusal::NoHeader)) => json!({ "refused": "no-header" }),
        Err(Error::Refused(Refusal::NoCommit)) => json!({ "refused": "no-commit" }),
        Err(error) => json!({ "error": format!("{error:?}") }),
    }
}

/// The decoder's verdict, with its findings as short as the engine's here.
fn shorten(verdict: &Value) -> Value {
    match verdict.get("findings").and_then(Value::as_array) {
        Some(findings) => {
            let short: Vec<Value> = findings.iter().map(|f| json!([f["kind"], f["segment"], f["offset"]])).collect();
            json!({ "findings": sorted(short), "hit": verdict["hit"] })
        }
        None => verdict.clone(),
    }
}

fn sorted(mut findings: Vec<Value>) -> Vec<Value> {
    findings.sort_by_key(|finding| {
        (finding[1].as_u64().map_or(-1, |n| n as i64), finding[2].as_u64(), finding[0].as_str().map(String::from))
    });
    findings
}

fn shorten_engine(verdict: &Value) -> Value {
    match verdict.get("findings").and_then(Value::as_array) {
        Some(findings) => json!({ "findings": sorted(findings.clone()), "hit": verdict["hit"] }),
        None => verdict.clone(),
    }
}

/// A small repository with a history: increments, a removed version, a draft, garbage collected, several segments; cut off at the end if asked.
fn repository(options: &Options, seed: u64, torn: bool) -> Contents {
    let (medium, host) = (SimMedium::with_rules(seed, RULES), StillHost::new(1_700_000_000_000, seed));
    let rig = Rig::new(&medium, &host);
    rig.init(options).unwrap();
    let text: Vec<u8> = (0..6000u32).flat_map(|n| n.to_string().into_bytes()).collect();
    let disk = MemDisk::new([text.as_slice(), &MemDisk::random(seed, 120_000).bytes()].concat());
    let plan = |name, base| Plan { name, base, ..Plan::default() };
    rig.backup(&disk, &plan("a", "")).unwrap();
    disk.write(40_000, &[7; 3000]);
    rig.backup(&disk, &plan("a", "a")).unwrap();
    disk.write(100_000, &[0; 30_000]);
    rig.backup(&MemDisk::random(seed + 1, 50_000), &plan("b", "")).unwrap();
    rig.remove(|item| item.name == "b").unwrap();
    rig.backup(&disk, &plan("c", "a")).unwrap();
    rig.gc().unwrap();
    disk.fail_at(110_000);
    disk.write(9_000, &MemDisk::random(seed + 2, 60_000).bytes());
    let cut = Plan { checkpoint_bytes: 20_000, ..plan("d", "a") };
    rig.backup(&disk, &cut).unwrap_err();
    if !torn {
        rig.backup(&MemDisk::random(seed + 3, 20_000), &plan("e", "")).unwrap();
    }
    medium.contents()
}

/// One piece of damage, and what it was.
fn damage(contents: &Contents, random: &mut Random) -> (String, Contents) {
    let mut damaged = contents.clone();
    let numbers: Vec<SegmentNumber> = contents.segments.keys().copied().collect();
    let number = random.pick(&numbers);
    let len = contents.segments[&number].len();
    let mut edit = |change: &mut dyn FnMut(&mut Vec<u8>, &mut Random)| {
        let mut bytes = damaged.segments[&number].to_vec();
        change(&mut bytes, random);
        damaged.segments.insert(number, Arc::new(bytes));
    };
    let what = match random_kind(len, &mut edit) {
        Some(what) => what,
        None => structural(&mut damaged, number, random),
    };
    (format!("segment {}: {what}", number.0), damaged)
}

type Edit<'a> = dyn FnMut(&mut dyn FnMut(&mut Vec<u8>, &mut Random)) + 'a;

/// Damage within one segment; none if the dice ask for something else.
fn random_kind(len: usize, edit: &mut Edit<'_>) -> Option<String> {
    let mut what = None;
    edit(&mut |bytes, random| {
        let at = random.below(len.max(1));
        what = match random.below(10) {
            0..=4 => {
                let mask = 1 << random.below(8);
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= mask;
                }
                Some(format!("flip {mask:#x} at {at}"))
            }
            5 => {
                let end = (at + 1 + random.below(300)).min(len);
                bytes[at..end].fill(0);
                Some(format!("zeros {at}..{end}"))
            }
            6 => {
                bytes.truncate(at);
                Some(format!("cut at {at}"))
            }
            7 => {
                bytes.extend(vec![0x5A; 1 + random.below(200)]);
                Some("longer".into())
            }
            _ => None,
        };
    });
    what
}

/// Damage to the set of segments, or to the pin.
fn structural(damaged: &mut Contents, number: SegmentNumber, random: &mut Random) -> String {
    let bytes = damaged.segments[&number].clone();
    let numbers: Vec<SegmentNumber> = damaged.segments.keys().copied().collect();
    let other = random.pick(&numbers);
    match random.below(6) {
        0 => {
            damaged.segments.remove(&number);
            "missing".into()
        }
        1 => {
            damaged.segments.insert(SegmentNumber(number.0 + 20), bytes);
            "duplicated".into()
        }
        2 => {
            damaged.segments.remove(&number);
            damaged.segments.insert(SegmentNumber(number.0 + 20), bytes);
            "renamed".into()
        }
        3 => {
            let theirs = damaged.segments[&other].clone();
            damaged.segments.insert(number, theirs);
            damaged.segments.insert(other, bytes);
            format!("swapped with {}", other.0)
        }
        4 => {
            damaged.pin = None;
            "pin gone".into()
        }
        _ => {
            let mut pin = damaged.pin.as_deref().cloned().unwrap_or_default();
            let at = random.below(pin.len().max(1));
            if let Some(byte) = pin.get_mut(at) {
                *byte ^= 1;
            }
            damaged.pin = Some(Arc::new(pin));
            format!("pin flipped at {at}")
        }
    }
}

fn decoder_verdicts(folder: &Path) -> Option<BTreeMap<String, Value>> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/decoder/sarsen_decoder.py");
    let python = std::env::var("SARSEN_PYTHON").unwrap_or_else(|_| "python3".into());
    let output = match Command::new(python).arg(script).arg("verdicts").arg(folder).output() {
        Ok(output) => output,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "python3 is needed: {error}");
            eprintln!("NOT RUN: python3 is not here ({error}); the second decoder was not asked");
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    Some(
        text.lines()
            .map(|line| line.split_once('\t').unwrap())
            .map(|(n, v)| (n.into(), serde_json::from_str(v).unwrap()))
            .collect(),
    )
}

#[test]
fn the_second_decoder_agrees_on_damaged_repositories() {
    let seed = std::env::var("SARSEN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(2026);
    println!("SARSEN_SEED={seed}");
    let mut random = Random::new(seed);
    let scratch = Scratch::new("decoder");
    let mut expected = BTreeMap::new();
    let codecs = [CodecId::None, CodecId::Zlib];
    for (number, codec) in (0u64..).zip(codecs.into_iter().cycle().take(6)) {
        let options = Options { codec, history: (number % 3) as u16, align_log2: [4, 7, 9][number as usize % 3], ..TINY };
        let sound = repository(&options, 100 + number, number % 2 == 1);
        let mut cases = vec![("sound".to_string(), sound.clone())];
        cases.extend((0..110).map(|_| {
            let (mut what, mut damaged) = damage(&sound, &mut random);
            if random.one_in(4) && !damaged.segments.is_empty() {
                let (more, twice) = damage(&damaged, &mut random);
                write!(what, "; {more}").unwrap();
                damaged = twice;
            }
            (what, damaged)
        }));
        for (case, (what, damaged)) in cases.into_iter().enumerate() {
            let name = format!("{number}-{case:04}");
            damaged.to_directory(&scratch.path().join(&name)).unwrap();
            expected.insert(name, (what, shorten_engine(&engine_verdict(&damaged))));
        }
    }
    let Some(decoder) = decoder_verdicts(scratch.path()) else { return };
    assert_eq!(decoder.len(), expected.len());
    let mut wrong = 0;
    let mut with_findings = 0;
    for (name, (what, engine)) in &expected {
        let decoder = shorten(&decoder[name]);
        with_findings += usize::from(engine["findings"].as_array().is_some_and(|findings| !findings.is_empty()));
        if decoder != *engine {
            wrong += 1;
            eprintln!("{name} ({what}):\n  engine  {engine}\n  decoder {decoder}");
        }
    }
    println!("{} repositories, {with_findings} with findings, {wrong} judged differently", expected.len());
    assert!(expected.len() >= 500 && with_findings >= 400);
    assert_eq!(wrong, 0);
}
