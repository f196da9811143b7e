//! Streams of differences, imported: what comes out is what was told, or nothing does.
//!
//! The streams here are made from the bytes of two disks by a few lines of their own, so that import is not only the other half of export.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use embedded_io::{ErrorKind, ErrorType, Read, Write};
use sarsen_core::catalogue::with_record;
use sarsen_core::codec::{CodecId, Codecs};
use sarsen_core::error::{Error, Fault, Refusal, What};
use sarsen_core::foreign::{rbd, sheepdog};
use sarsen_core::format::record::RecordKind;
use sarsen_core::format::stream::{self, HEADER_LEN_MAX, Header, RECORD_LEN};
use sarsen_core::ops::diff::{self, Differences, From, Sink};
use sarsen_core::ops::export::{self, End, Own, Rbd, Spans};
use sarsen_core::ops::import::{Format, Imported, Options, Report};
use sarsen_core::ops::init;
use sarsen_core::store::{Store, table_bytes};
use sarsen_core::types::{Id, Link, narrow, wide};
use sarsen_core::version::Version;
use sarsen_host::runner::Bench;
use sarsen_host::{Heap, HostCodecs};
use sarsen_tests::rig::{Item, Plan, Rig, StillHost, TINY};
use sarsen_tests::{MemDisk, Random, SimMedium};

const BLOCK: usize = 1 << TINY.block_log2;
const FRAME: usize = 1 << TINY.frame_log2;
const SECTOR: usize = 512;

/// A line that gives at most `piece` bytes at once, and at its end nothing, or an error.
struct Line<'a> {
    rest: &'a [u8],
    piece: usize,
    end: Option<ErrorKind>,
}

impl Line<'_> {
    fn of(rest: &[u8]) -> Line<'_> {
        Line { rest, piece: 1000, end: None }
    }
}

impl ErrorType for Line<'_> {
    type Error = ErrorKind;
}

impl Read for Line<'_> {
    fn read(&mut self, to: &mut [u8]) -> Result<usize, ErrorKind> {
        let len = to.len().min(self.piece).min(self.rest.len());
        if let (0, Some(kind)) = (self.rest.len(), self.end) {
            return Err(kind);
        }
        let (part, rest) = self.rest.split_at(len);
        to[..len].copy_from_slice(part);
        self.rest = rest;
        Ok(len)
    }
}

/// A repository whose versions are of the disk `vm`, called `v0`, `v1` and so on.
struct Repository {
    medium: SimMedium,
    host: StillHost,
}

impl Repository {
    fn made(options: &init::Options) -> Repository {
        let repository = Repository { medium: SimMedium::new(1), host: StillHost::new(1000, 1) };
        repository.rig().init(options).unwrap();
        repository
    }

    fn with(disks: &[&[u8]]) -> Repository {
        let repository = Repository::made(&TINY);
        for (number, disk) in disks.iter().enumerate() {
            repository.back_up(disk, number);
        }
        repository
    }

    fn back_up(&self, disk: &[u8], number: usize) {
        let snapshot = format!("v{number}");
        let base = if number == 0 { "" } else { "vm" };
        let plan = Plan { name: "vm", snapshot: &snapshot, base, ..Plan::default() };
        self.rig().backup(&MemDisk::new(disk.to_vec()), &plan).unwrap();
    }

    fn rig(&self) -> Rig<'_> {
        Rig::new(&self.medium, &self.host)
    }

    fn item(&self, snapshot: &str) -> Item {
        self.rig().list().unwrap().into_iter().rfind(|item| item.snapshot == snapshot).expect("a version of that name")
    }

    fn link(&self, snapshot: &str) -> Link {
        self.item(snapshot).entry.link
    }

    fn root(&self, snapshot: &str) -> Id {
        let link = self.link(snapshot);
        self.rig().with(|store| with_record(store, &link, |_, record| record.root)).unwrap()
    }

    fn bytes(&self, snapshot: &str) -> Vec<u8> {
        let restored = self.rig().restore(&self.item(snapshot)).unwrap();
        assert!(restored.lost.is_empty());
        restored.bytes
    }

    /// Kind and snapshot of all that is listed.
    fn listed(&self) -> Vec<(RecordKind, String)> {
        self.rig().list().unwrap().into_iter().map(|item| (item.kind.unwrap(), item.snapshot)).collect()
    }

    #[track_caller]
    fn is_clean(&self) {
        let verdict = self.rig().scrub().unwrap();
        assert!(verdict.is_clean(), "{verdict:?}");
    }

    fn import(&self, stream: &[u8], options: &Options<'_>) -> Result<Imported, Error> {
        self.rig().import(&mut Line::of(stream), options)
    }
}

#[track_caller]
fn version(imported: Result<Imported, Error>) -> Report {
    match imported {
        Ok(Imported::Version(report)) => report,
        other => panic!("{other:?}"),
    }
}

/// Sectors from `from` on in which two disks differ, in runs that stay within pieces of `piece` bytes. What a disk has not is zeros.
fn differences(base: &[u8], target: &[u8], from: usize, piece: usize) -> Vec<(usize, usize)> {
    let mut runs: Vec<(usize, usize)> = Vec::new();
    for start in (0..target.len()).step_by(SECTOR).skip(from.div_ceil(SECTOR)) {
        let end = (start + SECTOR).min(target.len());
        if (start..end).all(|at| base.get(at).copied().unwrap_or(0) == target[at]) {
            continue;
        }
        match runs.last_mut() {
            Some(last) if last.1 == start && start % piece != 0 => last.1 = end,
            _ => runs.push((start, end)),
        }
    }
    runs
}

fn is_zero(bytes: &[u8]) -> bool {
    bytes.iter().all(|&byte| byte == 0)
}

/// A stream of our own, and how many of its bytes tell how much of the disk.
struct Stream {
    bytes: Vec<u8>,
    told: Vec<(usize, usize)>,
}

/// Every codec takes its turn. `header` says all but sizes.
fn own(header: &Header<'_>, base: &[u8], target: &[u8]) -> Stream {
    let header = Header { base_bytes: wide(base.len()), target_bytes: wide(target.len()), ..*header };
    let (mut to, mut codecs) = ([0; HEADER_LEN_MAX], HostCodecs::new());
    let (mut emitter, len) = stream::Emitter::begin(&header, &mut to).unwrap();
    let mut own = Stream { bytes: to[..len].to_vec(), told: vec![(len, 0)] };
    let mut head = [0; RECORD_LEN];
    for (number, (start, end)) in differences(base, target, narrow(header.start), FRAME).into_iter().enumerate() {
        let plain = &target[start..end];
        if is_zero(plain) {
            emitter.zero(wide(start), wide(plain.len()), &mut head).unwrap();
            own.bytes.extend(head);
        } else {
            let codec = [CodecId::Zstd, CodecId::None, CodecId::Lz4, CodecId::Zlib][number % 4];
            let mut room = vec![0; plain.len() + 1000];
            let packed = codecs.encode(codec, plain, &mut room).filter(|&len| len < plain.len());
            let (codec, stored) = packed.map_or((CodecId::None, plain), |len| (codec, &room[..len]));
            let data = stream::Data { offset: wide(start), len_bytes: u32::try_from(plain.len()).unwrap(), codec, stored };
            emitter.data(&data, &mut head).unwrap();
            own.bytes.extend(head.iter().chain(stored));
        }
        own.told.push((own.bytes.len(), end));
    }
    emitter.end(&mut head).unwrap();
    own.bytes.extend(head);
    own
}

/// The header of a stream between versions of these repositories; without `base` of the whole disk.
fn header<'a>(from: &Repository, base: Option<&str>, target: &'a str) -> Header<'a> {
    Header {
        algorithm: TINY.algorithm,
        block_log2: TINY.block_log2,
        frame_log2: TINY.frame_log2,
        fan_out_log2: TINY.fan_out_log2,
        base_bytes: 0,
        target_bytes: 0,
        base_root: base.map_or(Id::ZERO, |base| from.root(base)),
        target_root: from.root(target),
        start: 0,
        time: 77,
        name: "vm",
        snapshot: target,
        source: "a device",
    }
}

/// Of a size, with data, zeros and what compresses.
fn disk(seed: u64, size: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = vec![0; size];
    for frame in bytes.chunks_mut(FRAME) {
        match random.below(4) {
            0 => {}
            1 => random.fill(frame),
            _ => frame.iter_mut().step_by(9).for_each(|byte| *byte = random.draw() as u8 % 7),
        }
    }
    bytes
}

/// The same a while later: sectors changed and zeroed, the size another.
fn later(bytes: &[u8], seed: u64, size: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut bytes = bytes.to_vec();
    bytes.resize(size, 0);
    for _ in 0..6 {
        if size < SECTOR {
            break;
        }
        let start = random.below(size / SECTOR) * SECTOR;
        let end = (start + (1 + random.below(12)) * SECTOR).min(size);
        match random.below(3) {
            0 => bytes[start..end].fill(0),
            1 => random.fill(&mut bytes[start..end]),
            _ => bytes[start..end].fill(random.draw() as u8),
        }
    }
    if size > 0 {
        bytes[size - 1] = random.draw() as u8;
    }
    bytes
}

/// Pairs of sizes: equal, growing, shrinking; on and off every boundary.
fn sizes() -> Vec<(usize, usize)> {
    let sizes =
        [0, 1, 511, SECTOR, FRAME, FRAME + 1, BLOCK - 1, BLOCK, BLOCK + 700, 3 * BLOCK, 3 * BLOCK + FRAME + 100, 20 * BLOCK + 5];
    sizes.iter().flat_map(|&old| sizes.iter().map(move |&new| (old, new))).collect()
}

#[test]
fn a_stream_makes_of_the_base_what_the_target_is() {
    for (number, (old, new)) in sizes().into_iter().enumerate() {
        let base = disk(wide(number), old);
        let target = later(&base, 1000 + wide(number), new);
        let (from, to) = (Repository::with(&[&base, &target]), Repository::with(&[&base]));
        let stream = own(&header(&from, Some("v0"), "v1"), &base, &target);
        let report = version(to.import(&stream.bytes, &Options::default()));
        assert_eq!((report.base, report.disk_size), (to.item("v0").id, wide(new)));
        assert_eq!(to.root("v1"), from.root("v1"));
        assert!(to.bytes("v1") == target, "{old} to {new}");
        assert!(to.bytes("v0") == base, "{old} to {new}");
        to.is_clean();
        let (time, source) =
            to.rig().with(|store| with_record(store, &report.link, |_, r| (r.time, r.source.to_owned()))).unwrap();
        assert_eq!((time, source.as_str()), (77, "a device"));
    }
}

#[test]
fn a_stream_of_a_whole_disk_needs_nothing() {
    for size in [0, 1, FRAME, 5 * BLOCK + 1000] {
        let target = disk(5, size);
        let (from, to) = (Repository::with(&[&target]), Repository::with(&[]));
        let stream = own(&header(&from, None, "v0"), &[], &target);
        let report = version(to.import(&stream.bytes, &Options { name: Some("copy"), ..Options::default() }));
        assert!(report.base.is_zero());
        assert!(to.bytes("v0") == target);
        assert_eq!(to.item("v0").name, "copy");
        to.is_clean();
    }
}

/// What is exported.
#[derive(Default)]
struct Sheet(Vec<u8>);

impl ErrorType for Sheet {
    type Error = ErrorKind;
}

impl Write for Sheet {
    fn write(&mut self, from: &[u8]) -> Result<usize, ErrorKind> {
        let len = from.len().min(333);
        self.0.extend(&from[..len]);
        Ok(len)
    }

    fn flush(&mut self) -> Result<(), ErrorKind> {
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
enum As {
    Own(u64),
    Rbd(rbd::Version),
    Sheepdog(sheepdog::Layout),
}

impl Repository {
    /// Exports what differs between versions.
    fn export(&self, from: Option<&str>, target: &str, kind: As) -> Result<Vec<u8>, Error> {
        let (from, target) = (from.map(|from| self.item(from)), self.item(target));
        let rig = self.rig();
        rig.with(|store| {
            let parameters = *store.parameters();
            let mut record =
                |item: &Item| with_record(store, &item.entry.link, |_, r| (r.root, r.top, r.time, r.source.to_owned()));
            let (root, top, time, source) = record(&target)?;
            let old = from.as_ref().map(&mut record).transpose()?;
            fn end<'i>(root: Id, item: &'i Item, time: u64, source: &'i str) -> End<'i> {
                End { root, disk_size: item.size, time, name: &item.name, snapshot: &item.snapshot, source }
            }
            let of = end(root, &target, time, &source);
            let (mut pages, mut old_pages) = (vec![0; table_bytes(8, 9)], vec![0; table_bytes(8, 9)]);
            let version = Version::of_tree(&parameters, target.size, top, &mut pages);
            let base = match (&from, &old) {
                (Some(from), Some((_, top, ..))) => From::Version(Version::of_tree(&parameters, from.size, *top, &mut old_pages)),
                _ => From::Nothing,
            };
            let mut sheet = Sheet::default();
            let tell = |sink: &mut dyn Sink, start, store: &mut Store<'_>| {
                let options = diff::Options { start, ..diff::Options::default() };
                rig.run(&mut Differences::new(store, base, version, sink, options)?, store, None).map(|_| ())
            };
            match kind {
                As::Own(start) => {
                    let base =
                        from.as_ref().zip(old.as_ref()).map(|(item, (root, _, time, source))| end(*root, item, *time, source));
                    let header = export::header(&parameters, base.as_ref(), &of, start)?;
                    let mut room = vec![0; export::own_bytes(parameters.frame_bytes(), parameters.codec)];
                    let mut codecs = HostCodecs::new();
                    let mut own = Own::begin(&header, (parameters.codec, &mut codecs), &mut room, &mut sheet)?;
                    tell(&mut own, header.start, store)?;
                }
                As::Rbd(version) => {
                    let name = from.as_ref().map(|from| from.snapshot.as_str());
                    let head = rbd::Head { version, from: name, to: Some(&target.snapshot), disk_bytes: target.size };
                    tell(&mut Rbd::begin(&head, &mut sheet)?, 0, store)?;
                }
                As::Sheepdog(layout) => {
                    let shape =
                        export::shape(u32::try_from(OBJECT).unwrap(), from.as_ref().map_or(0, |from| from.size), target.size)?;
                    let mut room = Heap::new();
                    let mut spans = Spans::new(u32::try_from(OBJECT).unwrap(), &mut room);
                    tell(&mut spans, 0, store)?;
                    let mut pages = vec![0; table_bytes(8, 9)];
                    let mut version = Version::of_tree(&parameters, target.size, top, &mut pages);
                    let mut bench = Bench::new(&parameters)?;
                    let (how, mut chunk) = ((shape, layout), [0; 700]);
                    export::sheepdog(store, &mut version, spans.found(), how, &mut chunk, &mut sheet, &mut bench.work())?;
                }
            }
            Ok(sheet.0)
        })
    }
}

#[test]
fn what_is_exported_is_imported_whatever_the_sizes() {
    for (number, (old, new)) in sizes().into_iter().enumerate() {
        let base = disk(wide(number), old);
        let target = later(&base, 1000 + wide(number), new);
        let from = Repository::with(&[&base, &target]);
        let before = Repository::with(&[&base]);
        let kinds = [As::Own(0), As::Rbd(rbd::Version::V1), As::Rbd(rbd::Version::V2), As::Sheepdog(LAYOUTS[number % 2])];
        for kind in kinds {
            let to = Repository { medium: before.medium.fork(1), host: StillHost::new(1000, 1) };
            let stream = match from.export(Some("v0"), "v1", kind) {
                Err(error) if old != new && matches!(kind, As::Sheepdog(_)) => {
                    assert_eq!(error, Error::Refused(Refusal::StreamSize));
                    continue;
                }
                stream => stream.unwrap_or_else(|error| panic!("{old} to {new}, {kind:?}: {error:?}")),
            };
            let (format, named) = match kind {
                As::Own(_) => (None, None),
                As::Rbd(_) => (None, Some(to.link("v0"))),
                // One without records needs to be told from one that was cut.
                As::Sheepdog(layout) => (of_sheepdog(Some(layout)), Some(to.link("v0"))),
            };
            version(to.import(&stream, &Options { format, base: named, snapshot: Some("v1"), ..Options::default() }));
            assert!(to.bytes("v1") == target, "{old} to {new}, {kind:?}");
            assert_eq!(to.root("v1"), from.root("v1"));
            to.is_clean();
        }
        let to = Repository::with(&[]);
        version(to.import(&from.export(None, "v1", As::Own(0)).unwrap(), &Options::default()));
        assert_eq!(to.root("v1"), from.root("v1"));
        let to = Repository::with(&[]);
        let whole = from.export(None, "v1", As::Rbd(rbd::Version::V1)).unwrap();
        version(to.import(&whole, &Options { name: Some("vm"), ..Options::default() }));
        assert_eq!(to.root("v1"), from.root("v1"));
    }
}

/// What other programs made of the same disks, by the few lines here.
#[test]
fn what_is_exported_is_what_others_would_write() {
    let base = disk(3, 5 * OBJECT + 700);
    let target = later(&base, 4, base.len());
    let from = Repository::with(&[&base, &target]);
    for layout in LAYOUTS {
        let stream = from.export(Some("v0"), "v1", As::Sheepdog(layout)).unwrap();
        assert!(stream == sheepdog_stream(&base, &target, OBJECT, layout), "{layout:?}");
    }
}

#[test]
fn an_export_goes_on_where_an_import_was_cut() {
    let (base, target) = small();
    let (from, to) = (Repository::with(&[&base, &target]), Repository::with(&[&base]));
    let whole = from.export(Some("v0"), "v1", As::Own(0)).unwrap();
    let before = to.medium.snapshot();
    for len in (HEADER_LEN_MIN..whole.len()).step_by(7) {
        to.medium.restore(&before);
        let position = match to.import(&whole[..len], &Options::default()) {
            Ok(Imported::Interrupted { position, .. }) => position,
            other => panic!("cut to {len}: {other:?}"),
        };
        let rest = from.export(Some("v0"), "v1", As::Own(position)).unwrap();
        assert!(rest.len() <= whole.len());
        version(to.import(&rest, &Options::default()));
        assert_eq!(to.root("v1"), from.root("v1"), "cut to {len}");
    }
    assert!(to.bytes("v1") == target);
    assert_eq!(from.export(Some("v0"), "v1", As::Own(wide(target.len()) + 1)), Err(Error::Refused(Refusal::Parameter)));
}

/// Bytes that a header has at least.
const HEADER_LEN_MIN: usize = 127;

/// Disks for tests that take a stream apart byte by byte: few changes, of every kind, and the last frame is short.
fn small() -> (Vec<u8>, Vec<u8>) {
    let base = disk(3, 2 * BLOCK + FRAME + 300);
    let mut target = base.clone();
    target[SECTOR..3 * SECTOR].fill(7);
    target[FRAME..2 * FRAME].fill(0);
    target[BLOCK + 100] ^= 1;
    *target.last_mut().unwrap() ^= 1;
    (base, target)
}

#[test]
fn a_stream_cut_at_any_byte_goes_on_where_it_was_cut() {
    let (base, target) = small();
    let (from, to) = (Repository::with(&[&base, &target]), Repository::with(&[&base]));
    let header = header(&from, Some("v0"), "v1");
    let whole = own(&header, &base, &target);
    let before = to.medium.snapshot();
    for len in 0..whole.bytes.len() {
        to.medium.restore(&before);
        let told = whole.told.iter().rfind(|&&(told, _)| told <= len).map_or(0, |&(_, position)| position);
        let mut line =
            Line { rest: &whole.bytes[..len], piece: 1 + len % 700, end: (len % 3 == 0).then_some(ErrorKind::TimedOut) };
        match to.rig().import(&mut line, &Options::default()) {
            // Nobody can tell whose stream it was.
            Err(why) if len < 8 => assert_eq!(told, 0, "{why:?}"),
            Ok(Imported::Interrupted { why, position }) => {
                assert_eq!(position, wide(told), "cut to {len}");
                let short = Error::Stream(Fault { what: What::Short, offset: wide(len), record: 0 });
                match (why, short) {
                    (Error::Line { offset, kind: ErrorKind::TimedOut }, _) => assert_eq!(offset, wide(len)),
                    (Error::Stream(why), Error::Stream(short)) => assert_eq!((why.what, why.offset), (short.what, short.offset)),
                    other => panic!("{other:?}"),
                }
            }
            other => panic!("cut to {len}: {other:?}"),
        }
        let draft = (told > 0).then(|| (RecordKind::Draft, "v1".to_owned()));
        let expected: Vec<_> = [(RecordKind::Version, "v0".to_owned())].into_iter().chain(draft).collect();
        assert_eq!(to.listed(), expected, "cut to {len}");
        if len % 50 == 0 {
            to.is_clean();
        }
        // A stream may begin before what is kept ends, too: at a block, as export does.
        let starts = [told, told / BLOCK * BLOCK];
        let start = starts[len % 2];
        let rest = own(&Header { start: wide(start), ..header }, &base, &target);
        version(to.import(&rest.bytes, &Options::default()));
        assert_eq!(to.root("v1"), header.target_root);
        let expected = [(RecordKind::Version, "v0".to_owned()), (RecordKind::Version, "v1".to_owned())];
        assert_eq!(to.listed(), expected, "the draft is gone");
        if len % 50 == 0 {
            assert!(to.bytes("v1") == target && to.bytes("v0") == base);
            to.is_clean();
        }
    }
}

#[test]
fn a_stream_with_any_bit_flipped_makes_nothing_true() {
    let (base, target) = small();
    let (from, to) = (Repository::with(&[&base, &target]), Repository::with(&[&base]));
    let whole = own(&header(&from, Some("v0"), "v1"), &base, &target);
    let before = to.medium.snapshot();
    for at in 0..whole.bytes.len() {
        to.medium.restore(&before);
        let mut flipped = whole.bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        match to.import(&flipped, &Options::default()) {
            // A length that became greater than what there is looks like a cut; what was told before it is right.
            Ok(Imported::Interrupted { why: Error::Stream(Fault { what: What::Short, .. }), .. }) | Err(_) => {}
            other => panic!("byte {at}: {other:?}"),
        }
        assert!(to.listed().iter().all(|(kind, name)| *kind == RecordKind::Draft || name == "v0"), "byte {at}");
        if at % 60 == 0 {
            assert!(to.bytes("v0") == base);
            to.is_clean();
        }
    }
}

#[test]
fn only_a_stream_between_the_same_roots_continues_a_draft() {
    let (base, target) = small();
    let other = later(&target, 9, target.len());
    let (from, to) = (Repository::with(&[&base, &target, &other]), Repository::with(&[&base]));
    let first = header(&from, Some("v0"), "v1");
    let whole = own(&first, &base, &target);
    let (len, position) = whole.told[2];
    let start = wide(position);
    let kept = to.import(&whole.bytes[..len], &Options::default());
    assert!(matches!(kept, Ok(Imported::Interrupted { position: kept, .. }) if kept == start), "{kept:?}");
    let refused = Err(Error::Refused(Refusal::StreamStart));
    let second = own(&Header { start, ..header(&from, Some("v0"), "v2") }, &base, &other);
    assert_eq!(to.import(&second.bytes, &Options::default()), refused, "another target");
    let further = own(&Header { start: start + 512, ..first }, &base, &target);
    assert_eq!(to.import(&further.bytes, &Options::default()), refused, "something would be missing between");
    to.rig().backup(&MemDisk::new(target.clone()), &Plan { name: "twin", snapshot: "twin", ..Plan::default() }).unwrap();
    let whole_disk = own(&Header { start, ..header(&from, None, "v1") }, &[], &target);
    assert_eq!(to.import(&whole_disk.bytes, &Options::default()), refused, "another base");
    // A shorter cut of the same takes nothing away; one from the start does without it, and ends it.
    let (less, _) = whole.told[1];
    let kept = to.import(&whole.bytes[..less], &Options::default());
    assert!(matches!(kept, Ok(Imported::Interrupted { position: kept, .. }) if kept == start), "{kept:?}");
    version(to.import(&whole.bytes, &Options::default()));
    assert!(to.listed().iter().all(|(kind, _)| *kind == RecordKind::Version));
    assert!(to.bytes("v1") == target);
}

#[test]
fn a_stream_that_gives_another_disk_than_it_says_is_no_version() {
    let (base, target) = small();
    let mut forged = target.clone();
    forged[SECTOR] ^= 1;
    let (from, to) = (Repository::with(&[&base, &target]), Repository::with(&[&base]));
    let honest = header(&from, Some("v0"), "v1");
    let stream = own(&honest, &base, &forged);
    assert_eq!(to.import(&stream.bytes, &Options::default()), Err(Error::Outcome));
    assert_eq!(to.listed(), [(RecordKind::Version, "v0".to_owned())]);
    // Nor is one that was kept so far, and continued by what is right.
    let (len, position) = stream.told[1];
    to.import(&stream.bytes[..len], &Options::default()).unwrap();
    let rest = own(&Header { start: wide(position), ..honest }, &base, &target);
    assert_eq!(to.import(&rest.bytes, &Options::default()), Err(Error::Outcome));
    version(to.import(&own(&honest, &base, &target).bytes, &Options::default()));
    to.rig().gc().unwrap();
    assert!(to.bytes("v1") == target);
    to.is_clean();
}

#[test]
fn wrong_bases_and_parameters_are_refused_before_anything_is_written() {
    let (base, target) = small();
    let from = Repository::with(&[&base, &target]);
    let to = Repository::with(&[&later(&base, 1, base.len()), &base, &target]);
    let unlike = header(&from, Some("v0"), "v1");
    let stream = own(&unlike, &base, &target).bytes;
    let segments = to.medium.contents();
    let refuses = |stream: &[u8], base: Option<&str>, refusal| {
        let options = Options { base: base.map(|base| to.link(base)), ..Options::default() };
        assert_eq!(to.import(stream, &options), Err(Error::Refused(refusal)));
        assert_eq!(to.medium.contents(), segments);
    };
    refuses(&stream, Some("v0"), Refusal::StreamBase);
    refuses(&own(&header(&from, None, "v0"), &[], &base).bytes, Some("v1"), Refusal::StreamWhole);
    let unknown = own(&Header { base_root: Id([7; 32]), ..unlike }, &base, &target).bytes;
    refuses(&unknown, None, Refusal::StreamBase);
    let mut shorter = base.clone();
    shorter.truncate(BLOCK);
    refuses(&own(&unlike, &shorter, &target).bytes, None, Refusal::StreamBase);
    let with = |header: Header<'_>| own(&header, &base, &target).bytes;
    refuses(&with(Header { algorithm: sarsen_core::digest::Algorithm::Blake3, ..unlike }), None, Refusal::StreamParameters);
    refuses(&with(Header { block_log2: unlike.block_log2 + 1, ..unlike }), None, Refusal::StreamParameters);
    refuses(&with(Header { frame_log2: unlike.frame_log2 + 1, ..unlike }), None, Refusal::StreamParameters);
    refuses(&with(Header { fan_out_log2: unlike.fan_out_log2 + 1, ..unlike }), None, Refusal::StreamParameters);
    refuses(&with(Header { start: 512, ..unlike }), None, Refusal::StreamStart);
    // The right one may be named, too.
    version(to.import(&stream, &Options { base: Some(to.link("v1")), ..Options::default() }));
    assert_eq!(to.listed().len(), 4);
    to.medium.set_read_only(true);
    assert_eq!(to.import(&stream, &Options::default()), Err(Error::Refused(Refusal::ReadOnly)));
}

#[test]
fn a_medium_that_lets_wait_gets_the_same() {
    let (base, target) = small();
    let (from, to) = (Repository::with(&[&base, &target]), Repository::with(&[&base]));
    let header = header(&from, Some("v0"), "v1");
    let whole = own(&header, &base, &target);
    to.medium.set_patience_needed(true);
    let (len, position) = whole.told[2];
    to.import(&whole.bytes[..len], &Options::default()).unwrap();
    let rest = own(&Header { start: wide(position), ..header }, &base, &target);
    version(to.import(&rest.bytes, &Options::default()));
    to.medium.set_patience_needed(false);
    assert!(to.bytes("v1") == target);
    to.is_clean();
}

/// Sheepdog's stream, as `dog` makes it: one span for each object that differs.
fn sheepdog_stream(base: &[u8], target: &[u8], object: usize, layout: sheepdog::Layout) -> Vec<u8> {
    let padded = |bytes: &[u8], size: usize| {
        let mut bytes = bytes.to_vec();
        bytes.resize(size, 0);
        bytes
    };
    let size = target.len().next_multiple_of(object);
    let (base, target) = (padded(base, size), padded(target, size));
    let mut records = Vec::new();
    for (index, (old, new)) in base.chunks(object).zip(target.chunks(object)).enumerate() {
        let differs = |at: &usize| old[*at..at + SECTOR] != new[*at..at + SECTOR];
        let mut sectors = (0..object).step_by(SECTOR).filter(differs);
        let Some(first) = sectors.next() else { continue };
        let end = sectors.next_back().unwrap_or(first) + SECTOR;
        let fields = [index, first, end - first, 0].map(|field| u32::try_from(field).unwrap().to_le_bytes());
        records.push([&fields.concat(), &new[first..end]].concat());
    }
    let count = u32::try_from(records.len()).unwrap().to_le_bytes();
    let head = [1, 0, 0, 0, 0x92, 0x11, 0x92, 0x11];
    match layout {
        sheepdog::Layout::Counted => [&head[..], &count, &[0; 4], &records.concat()].concat(),
        sheepdog::Layout::Marked => [&head[..], &records.concat(), &[0xFF; 4], &[0; 12]].concat(),
    }
}

const OBJECT: usize = 4 * BLOCK;
const LAYOUTS: [sheepdog::Layout; 2] = [sheepdog::Layout::Counted, sheepdog::Layout::Marked];

fn of_sheepdog(layout: Option<sheepdog::Layout>) -> Option<Format> {
    Some(Format::Sheepdog { layout, object_bytes: u32::try_from(OBJECT).unwrap() })
}

#[test]
fn sheepdog_streams_of_both_layouts_make_what_they_tell() {
    for (seed, size) in [(1, 5 * OBJECT), (2, 3 * OBJECT + 700), (3, SECTOR), (4, OBJECT + 1)] {
        let base = disk(seed, size);
        let mut target = later(&base, 50 + seed, size);
        // An object that was removed.
        let end = OBJECT.min(size);
        target[..end].fill(0);
        for layout in LAYOUTS {
            let stream = sheepdog_stream(&base, &target, OBJECT, layout);
            for told in [None, Some(layout)] {
                let to = Repository::with(&[&base]);
                let options =
                    Options { format: of_sheepdog(told), base: Some(to.link("v0")), snapshot: Some("v1"), ..Options::default() };
                let report = version(to.import(&stream, &options));
                assert_eq!(report.base, to.item("v0").id);
                assert!(to.bytes("v1") == target, "{size} {layout:?}");
                assert_eq!(to.item("v1").name, "vm", "as the base is called");
                to.is_clean();
            }
        }
    }
}

#[test]
fn foreign_streams_cut_anywhere_change_nothing() {
    let (base, mut target) = small();
    target.truncate(base.len());
    let to = Repository::with(&[&base]);
    let before = to.medium.snapshot();
    let options = Options { base: Some(to.link("v0")), snapshot: Some("v1"), ..Options::default() };
    let streams = LAYOUTS.map(|layout| (of_sheepdog(None), sheepdog_stream(&base, &target, OBJECT, layout)));
    let rbd = [rbd::Version::V1, rbd::Version::V2].map(|version| (None, rbd_stream(Some("v0"), &base, &target, version)));
    for (format, stream) in streams.into_iter().chain(rbd) {
        for len in 0..stream.len() {
            let imported =
                to.import(&stream[..len], &Options { format, len_bytes: (len % 2 == 0).then_some(wide(len)), ..options });
            assert!(imported.is_err(), "cut to {len}: {imported:?}");
            if len % 100 == 0 {
                assert_eq!(to.listed(), [(RecordKind::Version, "v0".to_owned())]);
                to.is_clean();
                to.medium.restore(&before);
            }
        }
        assert_eq!(to.listed(), [(RecordKind::Version, "v0".to_owned())]);
        let longer = [&stream[..], &[0]].concat();
        assert!(matches!(to.import(&longer, &Options { format, ..options }), Err(Error::Stream(_))));
        version(to.import(&stream, &Options { format, ..options }));
        assert!(to.bytes("v1") == target);
        to.medium.restore(&before);
    }
}

#[test]
fn a_layout_that_cannot_be_told_is_asked_for() {
    // A marked stream of object 1 from its start, in which a counted one could see the record of object 512.
    let base = vec![0; 1 << 20];
    let mut target = base.clone();
    target[SECTOR..2 * SECTOR].fill(0);
    target[SECTOR + 1] = 2;
    target[2 * SECTOR - 1] = 1;
    let stream = {
        let mut stream = vec![1, 0, 0, 0, 0x92, 0x11, 0x92, 0x11, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0];
        stream.extend(&target[SECTOR..2 * SECTOR]);
        stream.extend([0xFF; 4].iter().chain(&[0; 12]));
        stream
    };
    let to = Repository::with(&[&base]);
    let sectors = |layout| Some(Format::Sheepdog { layout, object_bytes: 512 });
    let options = Options { format: sectors(None), base: Some(to.link("v0")), snapshot: Some("v1"), ..Options::default() };
    let narrow = Rig { input_bytes: 256, ..to.rig() };
    let import = |options: &Options<'_>| narrow.import(&mut Line::of(&stream), options);
    assert_eq!(import(&options), Err(Error::Refused(Refusal::StreamLayout)));
    assert!(import(&Options { format: sectors(Some(sheepdog::Layout::Counted)), ..options }).is_err());
    let before = to.medium.snapshot();
    for good in [
        Options { format: sectors(Some(sheepdog::Layout::Marked)), ..options },
        Options { len_bytes: Some(wide(stream.len())), ..options },
    ] {
        version(import(&good));
        assert!(to.bytes("v1") == target);
        to.medium.restore(&before);
    }
    version(to.import(&stream, &options));
}

#[test]
fn sheepdog_streams_need_a_base_and_a_shape() {
    let to = Repository::with(&[&disk(1, OBJECT)]);
    let stream = sheepdog_stream(&[], &disk(2, OBJECT), OBJECT, sheepdog::Layout::Marked);
    let import = |format, base: Option<Link>| to.import(&stream, &Options { format, base, ..Options::default() });
    assert_eq!(import(None, None), Err(Error::Refused(Refusal::BaseNeeded)));
    let bad = Some(Format::Sheepdog { layout: None, object_bytes: 100 });
    assert_eq!(import(bad, Some(to.link("v0"))), Err(Error::Refused(Refusal::Parameter)));
    let small = Some(Format::Sheepdog { layout: None, object_bytes: 512 });
    assert!(matches!(import(small, Some(to.link("v0"))), Err(Error::Stream(_))), "its spans are longer than such objects");
}

/// Ceph's stream, as `rbd export-diff` makes it.
fn rbd_stream(from: Option<&str>, base: &[u8], target: &[u8], version: rbd::Version) -> Vec<u8> {
    let v2 = version == rbd::Version::V2;
    let mut stream = if v2 { b"rbd diff v2\n".to_vec() } else { b"rbd diff v1\n".to_vec() };
    let mut record = |tag: u8, fields: &[&[u8]]| {
        let fields = fields.concat();
        stream.push(tag);
        if v2 {
            stream.extend(wide(fields.len()).to_le_bytes());
        }
        stream.extend(fields);
    };
    let text = |name: &str| [&u32::try_from(name.len()).unwrap().to_le_bytes(), name.as_bytes()].concat();
    if let Some(from) = from {
        record(b'f', &[&text(from)]);
    }
    record(b't', &[&text("v1")]);
    record(b's', &[&wide(target.len()).to_le_bytes()]);
    for (start, end) in differences(base, target, 0, OBJECT) {
        let extent = [wide(start).to_le_bytes(), wide(end - start).to_le_bytes()].concat();
        match is_zero(&target[start..end]) {
            true => record(b'z', &[&extent]),
            false => record(b'w', &[&extent, &target[start..end]]),
        }
    }
    stream.push(b'e');
    stream
}

#[test]
fn rbd_streams_of_both_versions_make_what_they_tell_whatever_the_sizes() {
    for (number, (old, new)) in sizes().into_iter().enumerate() {
        let base = disk(wide(number), old);
        let target = later(&base, 1000 + wide(number), new);
        let to = Repository::with(&[&base]);
        let version_of = [rbd::Version::V1, rbd::Version::V2][number % 2];
        let stream = rbd_stream(Some("v0"), &base, &target, version_of);
        version(to.import(&stream, &Options { base: Some(to.link("v0")), ..Options::default() }));
        assert!(to.bytes("v1") == target, "{old} to {new}");
        assert!(to.bytes("v0") == base, "{old} to {new}");
        to.is_clean();
    }
}

#[test]
fn an_rbd_stream_says_whether_it_needs_a_base() {
    let (base, target) = small();
    let to = Repository::with(&[&base]);
    let link = to.link("v0");
    let differences = rbd_stream(Some("v0"), &base, &target, rbd::Version::V1);
    let whole = rbd_stream(None, &[], &target, rbd::Version::V1);
    let other = rbd_stream(Some("another"), &base, &target, rbd::Version::V1);
    let import = |stream: &[u8], base, name| to.import(stream, &Options { base, name, ..Options::default() });
    assert_eq!(import(&differences, None, Some("vm")), Err(Error::Refused(Refusal::BaseNeeded)));
    assert_eq!(import(&whole, Some(link), None), Err(Error::Refused(Refusal::StreamWhole)));
    assert_eq!(import(&other, Some(link), None), Err(Error::Refused(Refusal::StreamBase)));
    assert_eq!(import(&whole, None, None), Err(Error::Refused(Refusal::NameNeeded)));
    assert_eq!(to.listed().len(), 1);
    version(import(&whole, None, Some("new")));
    assert!(to.bytes("v1") == target);
    assert_eq!(to.item("v1").name, "new");
}

#[test]
fn noise_is_answered_and_makes_nothing_true() {
    let (base, target) = small();
    let (from, to) = (Repository::with(&[&base, &target]), Repository::with(&[&base]));
    let own = own(&header(&from, Some("v0"), "v1"), &base, &target).bytes;
    let sheepdog = sheepdog_stream(&base, &target, 4 << 20, sheepdog::Layout::Marked);
    let rbd = rbd_stream(Some("v0"), &base, &target, rbd::Version::V2);
    let before = to.medium.snapshot();
    let link = to.link("v0");
    let mut random = Random::new(8);
    for round in 0..1500 {
        // A good beginning of any length, then noise that looks like fields.
        let good: &[u8] = [&own[..], &sheepdog, &rbd, &[]][round % 4];
        let kept = random.below(good.len().min(400) + 1);
        let len = random.below(600);
        let noise = (0..len).map(|_| if random.one_in(3) { random.draw() as u8 } else { 0 });
        let stream: Vec<u8> = good[..kept].iter().copied().chain(noise).collect();
        let base = (round % 8 < 6).then_some(link);
        match to.import(&stream, &Options { base, ..Options::default() }) {
            Ok(Imported::Version(report)) => panic!("round {round}: {report:?}"),
            Ok(Imported::Interrupted { .. }) | Err(_) => {}
        }
        if round % 100 == 99 {
            assert!(to.listed().iter().all(|(kind, name)| *kind == RecordKind::Draft || name == "v0"));
            to.is_clean();
            to.medium.restore(&before);
        }
    }
}

#[test]
fn a_failing_line_keeps_nothing_of_a_foreign_stream() {
    let (base, target) = small();
    let to = Repository::with(&[&base]);
    let stream = rbd_stream(Some("v0"), &base, &target, rbd::Version::V1);
    let mut line = Line { rest: &stream[..stream.len() - 1], piece: 100, end: Some(ErrorKind::Other) };
    let failed = to.rig().import(&mut line, &Options { base: Some(to.link("v0")), ..Options::default() });
    assert_eq!(failed, Err(Error::Line { offset: wide(stream.len()) - 1, kind: ErrorKind::Other }));
    assert_eq!(to.listed().len(), 1);
}

/// Fed in pieces of any length, with nothing to be had in between, an import does what it does when it reads by itself: to the byte, and if it is cut.
#[test]
fn a_stream_that_is_fed_is_laid_as_one_that_is_read() {
    let (base, target) = (disk(1, 6 * BLOCK + 300), later(&disk(1, 6 * BLOCK + 300), 2, 6 * BLOCK + 300));
    let from = Repository::with(&[&base, &target]);
    let before = Repository::with(&[&base]);
    let again = || Repository { medium: before.medium.fork(1), host: StillHost::new(1000, 1) };
    let mut random = Random::new(3);
    for kind in [As::Own(0), As::Rbd(rbd::Version::V1), As::Rbd(rbd::Version::V2), As::Sheepdog(LAYOUTS[0])] {
        let stream = from.export(Some("v0"), "v1", kind).unwrap();
        for cut in [stream.len(), stream.len() / 2, 5] {
            let (read, fed) = (again(), again());
            let named = if matches!(kind, As::Own(_)) { None } else { Some(read.link("v0")) };
            let format = if matches!(kind, As::Sheepdog(_)) { of_sheepdog(None) } else { None };
            let options = Options { base: named, snapshot: Some("v1"), format, ..Options::default() };
            let stream = &stream[..cut];
            let expected = read.import(stream, &options);
            let told = fed.rig().import_fed(stream, &options, || random.pick(&[0, 1, 7, 300, 5000]));
            assert_eq!(told, expected, "{kind:?} cut at {cut}");
            assert!(fed.medium.contents() == read.medium.contents(), "{kind:?} cut at {cut}");
        }
    }
}
