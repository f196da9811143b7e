//! The second decoder, written from docs/FORMAT.md alone, and the engine say the same of damaged repositories.
//!
//! Every repository is judged by both: what is refused, each finding with kind and place, and which versions are hit.
//! Without python3 the test fails where CI is set, and says so otherwise.
#![allow(clippy::unwrap_used)]

use sarsen_core::codec::CodecId;
use sarsen_core::digest::{Algorithm, digest};
use sarsen_core::error::{Error, Refusal};
use sarsen_core::format::amendment::Amendment::{Expire, Protect, Tag};
use sarsen_core::format::block::{COUNT_BYTES, FrameBody, FrameTable, Listed};
use sarsen_core::format::entry::{EntryHeader, Kind, LEN};
use sarsen_core::format::header::SegmentHeader;
use sarsen_core::medium::Rules;
use sarsen_core::ops::init::Options;
use sarsen_core::store::Store;
use sarsen_core::types::{Place, SegmentNumber, narrow};
use sarsen_tests::anatomy::{Part, Role, parts};
use sarsen_tests::rig::{Plan, Rig, StillHost, TINY};
use sarsen_tests::{Contents, MemDisk, Random, Scratch, SimMedium};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::ffi::OsStr;
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
    rig.amend(|item| item.name == "c", &[Tag("kept"), Protect, Expire(1_800_000_000_000)]).unwrap();
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

/// What a script of the decoder's folder prints; none where there is no python3.
fn python(script: &str, arguments: &[&OsStr]) -> Option<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("decoder").join(script);
    let python = std::env::var("SARSEN_PYTHON").unwrap_or_else(|_| "python3".into());
    let output = match Command::new(python).arg(script).args(arguments).output() {
        Ok(output) => output,
        Err(error) => {
            assert!(std::env::var_os("CI").is_none(), "python3 is needed: {error}");
            eprintln!("NOT RUN: python3 is not here ({error}); the second decoder was not asked");
            return None;
        }
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8(output.stdout).unwrap())
}

fn decoder_verdicts(folder: &Path) -> Option<BTreeMap<String, Value>> {
    let text = python("sarsen_decoder.py", &["verdicts".as_ref(), folder.as_ref()])?;
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
    let with_findings = agree(&scratch, &expected);
    assert!(expected.len() >= 500 && with_findings >= 400);
}

/// Asks the decoder about every repository in the folder, and compares: what was done to it, and the engine's verdict. How many have findings.
fn agree(scratch: &Scratch, expected: &BTreeMap<String, (String, Value)>) -> usize {
    let has_findings = |engine: &Value| engine["findings"].as_array().is_some_and(|findings| !findings.is_empty());
    let with_findings = expected.values().filter(|(_, engine)| has_findings(engine)).count();
    let Some(decoder) = decoder_verdicts(scratch.path()) else { return with_findings };
    assert_eq!(decoder.len(), expected.len());
    let mut wrong = 0;
    for (name, (what, engine)) in expected {
        let decoder = shorten(&decoder[name]);
        if decoder != *engine {
            wrong += 1;
            eprintln!("{name} ({what}):\n  engine  {engine}\n  decoder {decoder}");
        }
    }
    println!("{} repositories, {with_findings} with findings, {wrong} judged differently", expected.len());
    assert_eq!(wrong, 0);
    with_findings
}

/// The codecs that the decoder's python has packages for.
fn codecs() -> Vec<CodecId> {
    let python = std::env::var("SARSEN_PYTHON").unwrap_or_else(|_| "python3".into());
    let asked = Command::new(python).args(["-c", "import lz4.block, zstandard"]).output();
    if asked.is_ok_and(|output| output.status.success()) {
        return vec![CodecId::None, CodecId::Zlib, CodecId::Lz4, CodecId::Zstd];
    }
    assert!(std::env::var_os("CI").is_none(), "tests/decoder/requirements.txt is needed");
    eprintln!("NOT RUN: lz4 and zstandard are not here; chains with these codecs were not looked at");
    vec![CodecId::None, CodecId::Zlib]
}

const FRAME: usize = 1 << TINY.frame_log2;
const BLOCK: usize = 4 * FRAME;

/// A disk of which each increment changes little, again and again in the same blocks: long chains, some of which are merged; frames and runs of
/// sectors that become zero; and in the end blocks that only others lie on. Also what each version must restore to.
fn chained(codec: CodecId, seed: u64) -> (Contents, Vec<(String, Vec<u8>)>) {
    let options = Options { codec, block_log2: TINY.block_log2 + 1, segment_bytes: 128 << 10, ..TINY };
    let (medium, host) = (SimMedium::with_rules(seed, RULES), StillHost::new(1_700_000_000_000, seed));
    let (rig, mut random) = (Rig::new(&medium, &host), Random::new(seed));
    rig.init(&options).unwrap();
    let text: Vec<u8> = (0..30_000u32).flat_map(|n| n.to_string().into_bytes()).collect();
    let disk = MemDisk::new([&text[..6 * BLOCK + 1000], &MemDisk::random(seed, 2 * BLOCK + 700).bytes()].concat());
    let mut disks = Vec::new();
    for number in 0..36 {
        disk.write(random.below(2 * FRAME), &random.bytes(1 + number));
        disk.write(3 * BLOCK + random.below(BLOCK), &random.bytes(20));
        disk.write(disk.bytes().len() - 1 - number, b"!");
        match number % 9 {
            3 => disk.write(5 * BLOCK + 512 * random.below(4), &[0; 1024]),
            5 => disk.write(2 * FRAME, &[0; FRAME]),
            7 => disk.write(BLOCK, &random.bytes(BLOCK)),
            8 => disk.write(2 * FRAME + 600, b"no longer zero"),
            _ => {}
        }
        let snapshot = number.to_string();
        let base = if number == 0 { "" } else { "a" };
        rig.backup(&disk, &Plan { name: "a", snapshot: &snapshot, base, ..Plan::default() }).unwrap();
        disks.push((snapshot, disk.bytes()));
    }
    let is_kept = |snapshot: &str| matches!(snapshot, "0" | "20" | "33" | "35");
    rig.remove(|item| !is_kept(&item.snapshot)).unwrap();
    rig.gc().unwrap();
    disks.retain(|(snapshot, _)| is_kept(snapshot));
    (medium.contents(), disks)
}

/// Every entry of a block that is true, as [`parts`] says.
fn block_entries(contents: &Contents) -> Vec<(Place, EntryHeader)> {
    let medium = SimMedium::holding(1, RULES, contents);
    medium.set_read_only(true);
    let host = StillHost::new(5000, 5);
    let is_block = |part: &Part| matches!(part.role, Role::Entry { kind: Kind::Block { .. }, .. });
    let blocks = |store: &mut Store<'_>| {
        let places = parts(store)?.into_iter().filter(is_block).map(|part| part.place);
        places.map(|place| Ok((place, store.source().entry(place, u64::MAX)?))).collect()
    };
    Rig::new(&medium, &host).with(blocks).unwrap()
}

fn payload_of<'c>(contents: &'c Contents, place: Place, entry: &EntryHeader) -> &'c [u8] {
    let start = narrow(place.offset.into()) + LEN;
    &contents.segments[&place.segment][start..][..narrow(entry.stored_bytes.into())]
}

/// The rows of an entry's frame table, each with where it lies in the payload.
fn rows_of(payload: &[u8], entry: &EntryHeader) -> Vec<(usize, Listed)> {
    let frame_bytes = 1 << TINY.frame_log2;
    let head = &payload[..narrow(entry.head_bytes.into())];
    let table = FrameTable::parse(head, entry.raw_bytes, frame_bytes, entry.stored_bytes, entry.depth > 0).unwrap();
    let mut at = COUNT_BYTES;
    let mut placed = |listed: Listed| {
        at += listed.row.row_bytes();
        (at - listed.row.row_bytes(), listed)
    };
    table.rows().map(&mut placed).collect()
}

/// Puts a payload, and a header that tells of it, where an entry lies; so that only what the payload says can be wrong.
fn replaced(contents: &Contents, place: Place, entry: &EntryHeader, payload: &[u8]) -> Contents {
    let mut bytes = contents.segments[&place.segment].to_vec();
    let repository = SegmentHeader::parse(bytes.first_chunk().unwrap()).unwrap().parameters;
    let digest = digest(repository.algorithm, &payload[..narrow(entry.head_bytes.into())]);
    let start = narrow(place.offset.into());
    let mut header = [0; LEN];
    EntryHeader { digest, ..*entry }.emit(&mut header, &repository.repository, place);
    bytes[start..start + LEN].copy_from_slice(&header);
    bytes[start + LEN..][..payload.len()].copy_from_slice(payload);
    let mut forged = contents.clone();
    forged.segments.insert(place.segment, Arc::new(bytes));
    forged
}

/// The lies that an entry on a base can tell with right sums: of the digest of a frame that results, of its base, and of a sector's contents.
fn lies(contents: &Contents, place: Place, entry: &EntryHeader, others: &[(Place, EntryHeader)]) -> Vec<(String, Contents)> {
    let payload = payload_of(contents, place, entry);
    let mut lies = Vec::new();
    for (at, listed) in rows_of(payload, entry) {
        let FrameBody::Delta { codec, .. } = listed.row.body else { continue };
        let (plain, stored) = (at + 12, at + 44);
        let mut other = payload.to_vec();
        other[plain] ^= 1;
        lies.push((format!("plain digest of frame {}", listed.row.index), replaced(contents, place, entry, &other)));
        if codec == CodecId::None {
            let mut other = payload.to_vec();
            other[listed.stored.end - 1] ^= 1;
            let sum = digest(Algorithm::Sha256, &other[listed.stored.clone()]);
            other[stored..stored + 32].copy_from_slice(&sum.0);
            lies.push((format!("contents of frame {}", listed.row.index), replaced(contents, place, entry, &other)));
        }
    }
    let wrong = |other: &&(Place, EntryHeader)| other.1.id != entry.base && other.1.id != entry.id && other.1.depth < entry.depth;
    for (_, other) in others.iter().filter(wrong).step_by(15) {
        let base = EntryHeader { base: other.id, ..*entry };
        lies.push((format!("a base of {} bytes", other.raw_bytes), replaced(contents, place, &base, payload)));
    }
    lies
}

#[test]
fn the_second_decoder_agrees_on_chains_of_blocks() {
    let seed = std::env::var("SARSEN_SEED").ok().and_then(|seed| seed.parse().ok()).unwrap_or(2027);
    println!("SARSEN_SEED={seed}");
    let mut random = Random::new(seed);
    let (scratch, codecs) = (Scratch::new("blocks"), codecs());
    let mut expected = BTreeMap::new();
    for (number, &codec) in (0u64..).zip(&codecs) {
        let (sound, disks) = chained(codec, seed + number);
        let blocks = block_entries(&sound);
        let on_base: Vec<_> = blocks.iter().copied().filter(|(_, entry)| entry.depth > 0).collect();
        has_all_kinds(&sound, codec, &on_base);
        let mut cases = vec![("sound".to_string(), sound.clone())];
        for _ in 0..25 {
            let &(place, entry) = random.pick(&on_base.iter().collect::<Vec<_>>());
            cases.push(spoilt_entry(&sound, place, &entry, &mut random));
        }
        for &(place, entry) in on_base.iter().rev().step_by(on_base.len() / 6) {
            let told = lies(&sound, place, &entry, &blocks);
            cases
                .extend(told.into_iter().map(|(what, forged)| (format!("{what} of {place:?} of depth {}", entry.depth), forged)));
        }
        for (case, (what, damaged)) in cases.into_iter().enumerate() {
            let name = format!("{number}-{case:04}");
            damaged.to_directory(&scratch.path().join(&name)).unwrap();
            expected.insert(name, (what, shorten_engine(&engine_verdict(&damaged))));
        }
        restores(&scratch.path().join(format!("{number}-0000")), &disks);
    }
    let with_findings = agree(&scratch, &expected);
    assert!(with_findings >= 25 * codecs.len());
    let is_told = |(what, engine): &&(String, Value)| {
        what.starts_with("plain digest") && engine["findings"][0][0] == "payload" && engine["hit"] != json!([])
    };
    assert!(expected.values().filter(is_told).count() >= codecs.len(), "sums that are right make no wrong frame right");
    let sound = expected.values().filter(|(what, _)| what == "sound");
    assert!(sound.clone().all(|(_, engine)| *engine == json!({ "findings": [], "hit": [] })));
    assert_eq!(sound.count(), codecs.len());
}

/// Long chains, merged chains, a base that no version names, bodies of zeros and of contents; through the codec and not.
fn has_all_kinds(contents: &Contents, codec: CodecId, on_base: &[(Place, EntryHeader)]) {
    assert!(on_base.iter().any(|(_, entry)| entry.depth > 8), "{codec:?}: no long chain");
    let shares_base = |one: &EntryHeader| on_base.iter().filter(|(_, other)| other.base == one.base).count() > 1;
    assert!(on_base.iter().any(|(_, entry)| shares_base(entry)), "{codec:?}: no merged chain");
    let rows = || on_base.iter().flat_map(|(place, entry)| rows_of(payload_of(contents, *place, entry), entry));
    let deltas = rows().filter_map(|(_, listed)| match listed.row.body {
        FrameBody::Delta { codec, .. } => Some(codec),
        _ => None,
    });
    assert!(
        deltas.clone().count() > 10 && deltas.clone().any(|used| used == codec),
        "{codec:?}: {:?}",
        deltas.collect::<Vec<_>>()
    );
    assert!(rows().any(|(_, listed)| listed.row.body == FrameBody::Zero), "{codec:?}: no zero frame on a base");
    if codec == CodecId::None {
        let bodies = on_base.iter().flat_map(|(place, entry)| {
            let payload = payload_of(contents, *place, entry);
            let is_delta = |(_, listed): &(usize, Listed)| listed.row.is_delta();
            rows_of(payload, entry).into_iter().filter(is_delta).map(|(_, listed)| payload[listed.stored].to_vec())
        });
        assert!(bodies.into_iter().any(|body| body[3] & 0x80 != 0), "no run of zeros");
    }
}

/// Damage to one entry on a base: a flip of its header, table, contents or padding, a hole, or the segment's end within it.
fn spoilt_entry(contents: &Contents, place: Place, entry: &EntryHeader, random: &mut Random) -> (String, Contents) {
    let mut bytes = contents.segments[&place.segment].to_vec();
    let (start, stored) = (narrow(place.offset.into()), narrow(entry.stored_bytes.into()));
    let at = match random.below(4) {
        0 => start + random.below(LEN),
        1 => start + LEN + random.below(narrow(entry.head_bytes.into())),
        _ => start + LEN + random.below(stored),
    };
    let what = match random.below(4) {
        0 => {
            bytes.truncate(at);
            "cut"
        }
        1 => {
            bytes[at..start + LEN + stored].fill(0);
            "zeros"
        }
        _ => {
            bytes[at] ^= 1 << random.below(8);
            "flip"
        }
    };
    let mut damaged = contents.clone();
    damaged.segments.insert(place.segment, Arc::new(bytes));
    (format!("{what} at {at} in {place:?} of depth {}", entry.depth), damaged)
}

/// The decoder restores every version to what was backed up.
fn restores(repository: &Path, disks: &[(String, Vec<u8>)]) {
    let Some(listed) = python("sarsen_decoder.py", &["ls".as_ref(), repository.as_ref()]) else { return };
    let out = repository.with_extension("disk");
    for (snapshot, disk) in disks {
        let mut rows = listed.lines().map(|line| line.split('\t').collect::<Vec<_>>());
        let id = rows.find(|row| row[2] == snapshot).unwrap()[0];
        python("sarsen_decoder.py", &["restore".as_ref(), repository.as_ref(), id.as_ref(), out.as_ref()]).unwrap();
        assert!(std::fs::read(&out).unwrap() == *disk, "{snapshot}");
    }
    std::fs::remove_file(out).unwrap();
}

#[test]
fn the_second_decoder_lists_what_was_amended() {
    let scratch = Scratch::new("amended");
    let folder = scratch.path().join("repository");
    SimMedium::holding(1, RULES, &repository(&TINY, 7, false)).to_directory(&folder).unwrap();
    let Some(listed) = python("sarsen_decoder.py", &["ls".as_ref(), folder.as_ref()]) else { return };
    let amended: Vec<Vec<&str>> = listed.lines().map(|line| line.split('\t').skip(5).collect()).collect();
    let none: &[&str] = &[];
    assert_eq!(amended, [none, none, &["protected", "expires 1800000000000", "#kept"], none, none]);
}

/// Chains that no writer makes, written by the decoder's side: each must be judged alike.
#[test]
fn the_second_decoder_agrees_on_forged_chains() {
    let scratch = Scratch::new("chains");
    if python("build_chains.py", &[scratch.path().as_ref()]).is_none() {
        return;
    }
    let decoder = decoder_verdicts(scratch.path()).unwrap();
    assert!(decoder.len() >= 25);
    for (name, verdict) in &decoder {
        let contents = SimMedium::from_directory(1, &scratch.path().join(name)).unwrap().contents();
        let (engine, decoder) = (shorten_engine(&engine_verdict(&contents)), shorten(verdict));
        assert_eq!(engine, decoder, "{name}");
    }
}
