//! Headers, lines, pages, records, commits, footers, the pin and ids.

use crate::{digest_of, file, hex, id_of, number};
use sarsen_core::digest::{Algorithm, Hasher, digest};
use sarsen_core::format::bytes::{Writer, crc32};
use sarsen_core::format::commit::{Commit, commit_id, history_row};
use sarsen_core::format::entry::{EntryHeader, Kind, Line, TreeKind};
use sarsen_core::format::footer::{Locator, locator_place, sealed_bytes};
use sarsen_core::format::header::{Parameters, SegmentHeader};
use sarsen_core::format::page::{Geometry, StoredPage, emit_delta, emit_whole, page_id, row_len};
use sarsen_core::format::pin::Pin;
use sarsen_core::format::record::{Record, RecordKind, record_id, version_id};
use sarsen_core::format::{damage::Mark, row::SegmentRow};
use sarsen_core::manifest::root_id;
use sarsen_core::types::{Id, Place, RepositoryId, SegmentNumber, narrow};
use serde_json::Value;

/// Works on each case of a list; those of digests this build lacks are left out.
pub fn each(name: &str, list: &str, least: usize, mut work: impl FnMut(&str, &Value, &[u8])) {
    let file = file(name);
    let cases = file[list].as_array().unwrap();
    assert!(cases.len() >= least, "{name}: {} {list}", cases.len());
    for case in cases {
        let fields = &case["fields"];
        if fields["digest_algorithm"].is_null() || algorithm(fields).is_some() {
            work(case["name"].as_str().unwrap(), fields, &hex(&case["bytes"]));
        }
    }
}

pub fn algorithm(fields: &Value) -> Option<Algorithm> {
    Algorithm::from_code(u8::try_from(number(fields, "digest_algorithm")).unwrap())
}

fn repository(fields: &Value) -> RepositoryId {
    RepositoryId(hex(&fields["repository_id"]).try_into().unwrap())
}

pub fn u64_of(fields: &Value, name: &str) -> u64 {
    fields[name].as_u64().unwrap()
}

fn short(fields: &Value, name: &str) -> u16 {
    u16::try_from(number(fields, name)).unwrap()
}

fn place_of(fields: &Value) -> Place {
    Place::new(SegmentNumber(number(fields, "segment")), number(fields, "offset"))
}

fn tree(fields: &Value) -> TreeKind {
    [TreeKind::Manifest, TreeKind::Segments, TreeKind::Catalogue, TreeKind::Damage]
        .into_iter()
        .find(|tree| u32::from(tree.code()) == number(fields, "tree"))
        .unwrap()
}

#[cfg_attr(test, test)]
pub fn segment_headers() {
    each("segment_header", "cases", 3, |name, fields, bytes| {
        let Ok(header) = SegmentHeader::parse(bytes.try_into().unwrap()) else {
            assert!(algorithm(fields).is_none(), "{name}");
            return;
        };
        let p = header.parameters;
        let codes = [p.algorithm.code(), p.block_log2, p.frame_log2, p.fan_out_log2, p.align_log2, p.codec.code()];
        let names = ["digest_algorithm", "log2_block_bytes", "log2_frame_bytes", "log2_fan_out", "log2_alignment", "codec"];
        assert_eq!(codes.map(u32::from), names.map(|name| number(fields, name)), "{name}");
        assert_eq!(p.segment_bytes, number(fields, "segment_length_max"), "{name}");
        assert_eq!(header.segment.0, number(fields, "segment_number"), "{name}");
        assert_eq!(p.repository, repository(fields), "{name}");
        assert_eq!((p.made, u64::from(p.history)), (u64_of(fields, "made"), u64_of(fields, "history")), "{name}");
        let mut emitted = [0; 128];
        header.emit(&mut emitted);
        assert_eq!(emitted, bytes, "{name}");
    });
    each("segment_header", "reject", 20, |name, _, bytes| {
        assert!(bytes.try_into().map_or(true, |bytes| SegmentHeader::parse(bytes).is_err()), "{name}");
    });
}

#[cfg_attr(test, test)]
pub fn entry_headers_and_lines() {
    each("entry_header", "cases", 10, |name, fields, bytes| {
        let place = place_of(fields);
        let entry = EntryHeader::parse(bytes.try_into().unwrap(), &repository(fields), place).unwrap();
        assert_eq!(
            [entry.stored_bytes, entry.head_bytes, entry.raw_bytes, entry.depth.into()],
            ["stored_length", "head_length", "raw_length", "depth"].map(|name| number(fields, name)),
            "{name}"
        );
        assert_eq!(entry.id, id_of(&fields["object_id"]), "{name}");
        assert_eq!(entry.base, id_of(&fields["base_id"]), "{name}");
        assert_eq!(entry.digest, digest_of(&fields["payload_digest"]), "{name}");
        let line = entry.line(place.offset);
        assert_eq!(line.bytes().as_slice(), hex(&fields["line"]), "{name}");
        assert_eq!(Line::parse(&line.bytes()), Ok(line), "{name}");
        let mut emitted = [0; 128];
        entry.emit(&mut emitted, &repository(fields), place);
        assert_eq!(emitted, bytes, "{name}");
    });
    each("entry_header", "reject", 30, |name, fields, bytes| {
        let parse = |bytes| EntryHeader::parse(bytes, &repository(fields), place_of(fields));
        assert!(bytes.try_into().map_or(true, |bytes| parse(bytes).is_err()), "{name}");
    });
}

fn rows_bytes(tree: TreeKind, level: u8, rows: &Value) -> Vec<u8> {
    let len = row_len(tree, level);
    rows.as_array().unwrap().iter().flat_map(|row| row_bytes(tree, level, row, len)).collect()
}

fn row_bytes(tree: TreeKind, level: u8, row: &Value, len: usize) -> Vec<u8> {
    let mut bytes = vec![0; len];
    match (tree, level) {
        (TreeKind::Segments, 0) if row["length"] != 0 => {
            let (footer, digest) = (row["footer"] == 1, digest_of(&row["entries_digest"]));
            let (len_bytes, live_bytes) = (number(row, "length"), number(row, "live"));
            bytes.copy_from_slice(&SegmentRow { len_bytes, footer, live_bytes, digest }.bytes());
        }
        (TreeKind::Damage, 0) => {
            let (len_bytes, digest) = (number(row, "length"), digest_of(&row["payload_digest"]));
            bytes.copy_from_slice(&Mark { place: place_of(row), len_bytes, when: u64_of(row, "when"), digest }.bytes());
        }
        (TreeKind::Segments, 0) => {}
        _ => {
            let mut to = Writer::new(&mut bytes);
            to.bytes(&hex(&row["id"]));
            if tree != TreeKind::Manifest {
                to.u32(number(row, "segment")).u32(number(row, "offset"));
            }
        }
    }
    bytes
}

#[cfg_attr(test, test)]
pub fn pages() {
    each("page", "cases", 20, |name, fields, bytes| {
        let (tree, level, span) = (tree(fields), u8::try_from(number(fields, "level")).unwrap(), u64_of(fields, "span"));
        let delta = number(fields, "encoding") == 1;
        let rows = rows_bytes(tree, level, &fields["rows"]);
        let raw_bytes = u32::try_from(rows.len()).unwrap();
        let fan_out_log2 = u8::try_from(number(fields, "fan_out").ilog2()).unwrap();
        let page = StoredPage::parse(tree, delta, fan_out_log2, raw_bytes, bytes).unwrap_or_else(|e| panic!("{name}: {e:?}"));
        assert_eq!((page.level, page.span), (level, span), "{name}");
        let mut laid = if delta { rows_bytes(tree, level, &fields["base_rows"]) } else { Vec::new() };
        laid.resize(rows.len(), 0);
        page.lay(&mut laid).unwrap();
        assert_eq!(laid, rows, "{name}");
        let geometry = Geometry { tree, fan_out_log2, rows: span };
        assert_eq!(page_id(algorithm(fields).unwrap(), &geometry, level, span, &rows), id_of(&fields["page_id"]), "{name}");
        let mut to = vec![0; bytes.len()];
        if delta {
            let base = Place::new(SegmentNumber(number(fields, "base_segment")), number(fields, "base_offset"));
            let runs = fields["runs"].as_array().unwrap();
            let runs = runs.iter().map(|run| (short(run, "first_row"), short(run, "count")));
            emit_delta(level, span, base, &rows, row_len(tree, level), runs, &mut to).unwrap();
        } else {
            emit_whole(level, span, &rows, &mut to).unwrap();
        }
        assert_eq!(to, bytes, "{name}");
    });
}

/// Their raw length is not told, so each is tried with the one its level and span ask for.
#[cfg_attr(test, test)]
pub fn bad_pages() {
    each("page", "reject", 25, |name, fields, bytes| {
        let (tree, delta) = (tree(fields), number(fields, "encoding") == 1);
        let fan_out_log2 = u8::try_from(number(fields, "fan_out").ilog2()).unwrap();
        let level = bytes.first().copied().unwrap_or(0);
        let span = bytes.get(8..16).map_or(1, |span| u64::from_le_bytes(span.try_into().unwrap()));
        let geometry = Geometry { tree, fan_out_log2, rows: span };
        let rows = narrow(span.div_ceil(geometry.reach(level)).min(1 << 16)) * row_len(tree, level);
        let parsed = StoredPage::parse(tree, delta, fan_out_log2, u32::try_from(rows).unwrap(), bytes);
        assert!(parsed.is_err(), "{name}");
    });
}

#[cfg_attr(test, test)]
pub fn records() {
    each("record", "cases", 10, |name, fields, bytes| {
        let algorithm = algorithm(fields).unwrap();
        let record = Record::parse(bytes).unwrap();
        let (i, m) = (&fields["immutable"], &fields["mutable"]);
        assert_eq!(record.kind, if i["kind"] == 1 { RecordKind::Version } else { RecordKind::Draft }, "{name}");
        assert_eq!(record.source_changed, i["flags"] == 1, "{name}");
        assert_eq!(record.group.as_slice(), hex(&i["group_id"]), "{name}");
        assert_eq!((record.time, record.disk_size), (u64_of(i, "start"), u64_of(i, "disk_size")), "{name}");
        assert_eq!([record.root, record.top, record.base], ["root", "top", "base"].map(|n| id_of(&i[n])), "{name}");
        let texts = [record.name, record.snapshot, record.source, record.hints].map(|text| text.as_bytes().to_vec());
        let names = ["disk_name", "snapshot_name", "source_identity", "hints_identity"];
        assert_eq!(texts, names.map(|name| hex(&i[name])), "{name}");
        assert_eq!(record.hint_source as u32, number(i, "hints_source"), "{name}");
        assert_eq!(record.protected, m["flags"] == 1, "{name}");
        assert_eq!((record.expiry, record.position), (u64_of(m, "expiry"), u64_of(m, "position")), "{name}");
        assert_eq!(record.draft_top, id_of(&m["draft_top"]), "{name}");
        let s = record.statistics;
        let names = ["bytes_read", "bytes_not_zero", "blocks_new", "bytes_new", "milliseconds"];
        let numbers = [s.read_bytes, s.data_bytes, s.new_blocks, s.new_bytes, s.millis];
        assert_eq!(numbers, names.map(|name| u64_of(m, name)), "{name}");
        assert_eq!(record.tags.iter().count(), m["tags"].as_array().unwrap().len(), "{name}");
        assert_eq!(record.attachments.iter().count(), m["attachments"].as_array().unwrap().len(), "{name}");
        assert_eq!(record_id(algorithm, bytes), id_of(&fields["record_id"]), "{name}");
        assert_eq!(version_id(algorithm, bytes), Ok(id_of(&fields["version_id"])), "{name}");
        let mut to = vec![0; bytes.len()];
        assert_eq!(record.emit(&mut to), Ok(bytes.len()), "{name}");
        assert_eq!(to, bytes, "{name}");
    });
    each("record", "reject", 30, |name, fields, bytes| {
        // How many blocks a disk has is known to whoever knows the block length.
        let too_many = |record: Record<'_>| record.disk_size.div_ceil(number(fields, "block_bytes").into()) > 1 << 34;
        assert!(Record::parse(bytes).map_or(true, too_many), "{name}");
    });
}

#[cfg_attr(test, test)]
pub fn commits() {
    each("commit", "cases", 4, |name, fields, bytes| {
        let commit = Commit::parse(bytes).unwrap();
        assert_eq!((commit.sequence, commit.time), (u64_of(fields, "sequence"), u64_of(fields, "time")), "{name}");
        assert_eq!(commit.previous, id_of(&fields["previous"]), "{name}");
        let numbers = [commit.segment.0, commit.len_bytes, commit.highest.0];
        assert_eq!(numbers, ["own_segment", "own_length", "segment_max"].map(|name| number(fields, name)), "{name}");
        assert_eq!(commit.digest, digest_of(&fields["own_entries_digest"]), "{name}");
        for (root, tree) in [(commit.segments, "segments"), (commit.catalogue, "catalogue"), (commit.damage, "damage")] {
            let fields = &fields[tree];
            assert_eq!(root.rows, u64_of(fields, "row_count"), "{name}");
            assert_eq!(root.top.id, id_of(&fields["top"]["id"]), "{name}");
            assert_eq!(root.top.place, place_of(&fields["top"]), "{name}");
        }
        let history = fields["history"].as_array().unwrap();
        assert_eq!(usize::from(commit.history), history.len(), "{name}");
        for (index, row) in (0..).zip(history) {
            assert_eq!(history_row(bytes, index), Ok((u64_of(row, "sequence"), id_of(&row["id"]))), "{name}");
        }
        let id = commit_id(algorithm(fields).unwrap(), &repository(fields), commit.segment, bytes);
        assert_eq!(id, id_of(&fields["commit_id"]), "{name}");
        let align_log2 = u8::try_from(number(fields, "alignment").ilog2()).unwrap();
        assert_eq!(commit.second_copy(&parameters(fields, align_log2)), u64_of(fields, "second_copy"), "{name}");
        let mut to = vec![0; bytes.len()];
        let mut writer = Writer::new(&mut to);
        commit.emit(&mut writer);
        writer.bytes(&bytes[248..]);
        assert_eq!(to, bytes, "{name}");
    });
    each("commit", "reject", 15, |name, _, bytes| assert!(Commit::parse(bytes).is_err(), "{name}"));
}

/// Parameters of which only repository, digest and alignment matter.
fn parameters(fields: &Value, align_log2: u8) -> Parameters {
    Parameters {
        repository: repository(fields),
        algorithm: algorithm(fields).unwrap(),
        block_log2: 12,
        frame_log2: 12,
        fan_out_log2: 4,
        align_log2,
        codec: sarsen_core::codec::CodecId::None,
        segment_bytes: 1 << 20,
        write_features: 0,
        ignored_features: 0,
        made: 0,
        history: 0,
    }
}

#[cfg_attr(test, test)]
pub fn footers() {
    each("footer", "cases", 4, |name, fields, bytes| {
        let parameters = parameters(fields, u8::try_from(number(fields, "alignment").ilog2()).unwrap());
        let segment = SegmentNumber(number(fields, "segment"));
        let (offset, file_bytes) = (number(fields, "offset"), u64_of(fields, "file_length"));
        let lines = fields["lines"].as_array().unwrap();
        let count = u32::try_from(lines.len()).unwrap();
        assert_eq!(sealed_bytes(&parameters, offset.into(), count.into()), file_bytes, "{name}");
        let place = locator_place(segment, file_bytes).unwrap();
        let locator: [u8; 32] = hex(&fields["locator"]).try_into().unwrap();
        let found = Locator::parse(&locator, &parameters.repository, place).unwrap();
        assert_eq!(found, Locator { footer: offset, lines: count }, "{name}");
        let mut emitted = [0; 32];
        found.emit(&mut emitted, &parameters.repository, place);
        assert_eq!(emitted, locator, "{name}");
        assert!(bytes.ends_with(&locator), "{name}");
        let entry = EntryHeader::parse(bytes.first_chunk().unwrap(), &parameters.repository, Place::new(segment, offset));
        assert_eq!(entry.map(|entry| entry.kind), Ok(Kind::Footer), "{name}");
        let payload = hex(&fields["footer_payload"]);
        let mut hasher = sarsen_core::segment::entries_hasher(&parameters, segment);
        hasher.update(&payload);
        assert_eq!(hasher.id(), id_of(&fields["entries_digest"]), "{name}");
        assert_eq!(digest(parameters.algorithm, &payload), entry.unwrap().digest, "{name}");
    });
}

#[cfg_attr(test, test)]
pub fn pins() {
    each("head_pin", "cases", 3, |name, fields, bytes| {
        let pin = Pin::parse(bytes.try_into().unwrap()).unwrap();
        assert_eq!((pin.sequence, pin.segment.0), (u64_of(fields, "sequence"), number(fields, "segment")), "{name}");
        assert_eq!((pin.sealed_bytes, pin.commit), (number(fields, "length"), id_of(&fields["commit_id"])), "{name}");
        assert_eq!(pin.bytes(), bytes, "{name}");
    });
    each("head_pin", "reject", 5, |name, _, bytes| {
        assert!(bytes.try_into().map_or(true, |bytes| Pin::parse(bytes).is_err()), "{name}");
    });
}

#[cfg_attr(test, test)]
pub fn checksums() {
    each("crc", "cases", 5, |name, fields, bytes| assert_eq!(crc32(&[bytes]), number(fields, "crc"), "{name}"));
}

/// The bytes of an id's case are what is hashed.
#[cfg_attr(test, test)]
pub fn ids() {
    each("ids", "cases", 30, |name, fields, bytes| {
        let algorithm = algorithm(fields).unwrap();
        let id = id_of(&fields["id"]);
        if !id.is_zero() {
            assert_eq!(Id(digest(algorithm, bytes).0), id, "{name}");
        }
        match fields["what"].as_str().unwrap() {
            "root" => {
                let p = Parameters {
                    block_log2: u8::try_from(number(fields, "block_bytes").ilog2()).unwrap(),
                    frame_log2: u8::try_from(number(fields, "frame_bytes").ilog2()).unwrap(),
                    fan_out_log2: u8::try_from(number(fields, "fan_out").ilog2()).unwrap(),
                    ..parameters(
                        &serde_json::json!({ "repository_id": "00".repeat(16), "digest_algorithm": algorithm.code() }),
                        4,
                    )
                };
                assert_eq!(root_id(&p, u64_of(fields, "disk_size"), id_of(&fields["top"])), id, "{name}");
            }
            "page" => {
                let (level, span) = (u8::try_from(number(fields, "level")).unwrap(), u64_of(fields, "span"));
                let fan_out_log2 = u8::try_from(number(fields, "fan_out").ilog2()).unwrap();
                let geometry = Geometry { tree: tree(fields), fan_out_log2, rows: span };
                assert_eq!(page_id(algorithm, &geometry, level, span, &hex(&fields["rows"])), id, "{name}");
            }
            "record" => assert_eq!(record_id(algorithm, &hex(&fields["payload"])), id, "{name}"),
            "commit" => {
                let segment = SegmentNumber(number(fields, "segment"));
                assert_eq!(commit_id(algorithm, &repository(fields), segment, &hex(&fields["payload"])), id, "{name}");
            }
            _ => {
                let mut hasher = Hasher::new(algorithm);
                hasher.update(bytes);
                assert!(id.is_zero() || hasher.id() == id, "{name}");
            }
        }
    });
}
