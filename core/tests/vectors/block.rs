//! Blocks against tests/vectors/block.json, block_on_base.json and body.json, which were made by encoders that share nothing with these.
use sarsen_core::codec::{CodecId, Codecs};
use sarsen_core::delta;
use sarsen_core::digest::Algorithm;
use sarsen_core::error::What;
use sarsen_core::format::block::{self, FrameBody, FrameRow};
use sarsen_core::format::bytes::Writer;
use sarsen_core::frame::{Shape, StoredBlock, Verify, block_id, check_block, lay_frame, prove_frame};
use sarsen_core::types::{Digest, Id, low32, narrow, wide};
use serde_json::Value;

use crate::{digest_of, file, hex, number};

fn row(fields: &Value) -> FrameRow {
    let codec = CodecId::from_code(u8::try_from(number(fields, "codec")).unwrap()).unwrap();
    let stored_bytes = number(fields, "stored_length");
    let body = match (number(fields, "kind"), codec) {
        (0, _) => FrameBody::Zero,
        (2, codec) => {
            let (plain, stored) = (digest_of(&fields["plain_digest"]), digest_of(&fields["stored_digest"]));
            FrameBody::Delta { codec, stored_bytes, body_bytes: number(fields, "body_length"), plain, stored }
        }
        (_, CodecId::None) => FrameBody::Raw { plain: digest_of(&fields["plain_digest"]), stored_bytes },
        (_, codec) => {
            let (plain, stored) = (digest_of(&fields["plain_digest"]), digest_of(&fields["stored_digest"]));
            FrameBody::Coded { codec, stored_bytes, plain, stored }
        }
    };
    FrameRow { index: u16::try_from(number(fields, "index")).unwrap(), body }
}

/// The cases of a file under `list` in the shapes they ask for; those of digests this build lacks are left out.
fn each(name: &str, list: &str, mut work: impl FnMut(&str, &Shape, &Value, &[u8])) {
    let file = file(name);
    let cases = file[list].as_array().unwrap();
    assert!(cases.len() > 10);
    for case in cases {
        let fields = &case["fields"];
        let algorithm = Algorithm::from_code(u8::try_from(number(fields, "digest_algorithm")).unwrap());
        let Some(algorithm) = algorithm else { continue };
        let (block_bytes, frame_bytes) = (number(fields, "block_bytes"), number(fields, "frame_bytes"));
        let shape = Shape { algorithm, block_bytes, frame_bytes, codec: CodecId::None };
        work(case["name"].as_str().unwrap(), &shape, fields, &hex(&case["bytes"]));
    }
}

fn check(shape: &Shape, block: &StoredBlock<'_>) -> Result<Vec<u8>, What> {
    with_all_codecs(|codecs| {
        check_block(shape, block, &mut vec![0; narrow(shape.frame_bytes.into())], &mut [], codecs)?;
        let mut to = vec![0; narrow(block.raw_bytes.into())];
        for (listed, frame) in block.table(shape)?.rows().zip(to.chunks_mut(narrow(shape.frame_bytes.into()))) {
            lay_frame(shape, &listed.row, &block.payload[listed.stored.clone()], frame, &mut [], codecs, Verify::Every)?;
        }
        Ok(to)
    })
}

#[cfg_attr(test, test)]
pub fn good_blocks_are_read_and_their_tables_written() {
    each("block", "cases", |name, shape, fields, bytes| {
        let rows: Vec<FrameRow> = fields["frames"].as_array().unwrap().iter().map(row).collect();
        let raw_bytes = number(fields, "raw_length");
        let id = Id(digest_of(&fields["block_id"]).0);
        let block = StoredBlock { id, raw_bytes, head_bytes: number(fields, "head_length"), based: false, payload: bytes };
        let table = block.table(shape).unwrap();
        assert_eq!(table.rows().map(|listed| listed.row).collect::<Vec<_>>(), rows, "{name}");

        assert_eq!(emitted(&rows), bytes[..narrow(block.head_bytes.into())], "{name}");
        assert_eq!(block_id(shape, raw_bytes, rows.iter().map(FrameRow::plain)), id, "{name}");
        let expected = if rows.iter().all(has_codec) { Ok(hex(&fields["plain"])) } else { Err(What::UnknownCodec) };
        assert_eq!(check(shape, &block), expected, "{name}");
    });
}

/// Their ids are not told, so each is checked with the one its own table gives: whatever is rejected is rejected for another reason.
#[cfg_attr(test, test)]
pub fn bad_blocks_are_rejected() {
    each("block", "reject", |name, shape, fields, bytes| {
        let raw_bytes = number(fields, "raw_length");
        let block =
            StoredBlock { id: Id::ZERO, raw_bytes, head_bytes: number(fields, "head_length"), based: false, payload: bytes };
        let table = block.table(shape).map(|table| table.rows().map(|listed| listed.row.plain()).collect::<Vec<_>>());
        let id = table.map_or(Id::ZERO, |digests| block_id(shape, raw_bytes, digests.into_iter()));
        let checked = check(shape, &StoredBlock { id, ..block });
        assert!(checked.is_err_and(|what| what != What::Id), "{name}");
    });
}

fn emitted(rows: &[FrameRow]) -> Vec<u8> {
    let count = low32(wide(rows.len()));
    let mut head = vec![0; block::table_bytes_max(count)];
    let mut to = Writer::new(&mut head);
    block::emit_count(&mut to, count).unwrap();
    rows.iter().for_each(|row| row.emit(&mut to));
    let len = to.end().unwrap();
    head.truncate(len);
    head
}

fn has_codec(row: &FrameRow) -> bool {
    match row.body {
        FrameBody::Coded { codec, .. } | FrameBody::Delta { codec, .. } => with_all_codecs(|codecs| codecs.has(codec)),
        FrameBody::Zero | FrameBody::Raw { .. } => true,
    }
}

/// What a vector calls a base: a few bytes, repeated.
fn base(fields: &Value, len: &str) -> Vec<u8> {
    hex(&fields["base_repeats"]).into_iter().cycle().take(narrow(number(fields, len).into())).collect()
}

/// Checks the entry's own bytes, then lays it over the base: the block, and the digests of its frames.
fn laid(shape: &Shape, block: &StoredBlock<'_>, base: &[u8]) -> Result<(Vec<u8>, Vec<Digest>), What> {
    let (frame_len, mut body) = (narrow(shape.frame_bytes.into()), vec![0; narrow(shape.frame_bytes.into())]);
    let digest = |frame: &[u8]| match frame.iter().all(|&byte| byte == 0) {
        true => Digest::ZERO,
        false => sarsen_core::digest::digest(shape.algorithm, frame),
    };
    let mut plain = base.to_vec();
    let mut digests: Vec<Digest> = plain.chunks(frame_len).map(digest).collect();
    with_all_codecs(|codecs| {
        check_block(shape, block, &mut vec![0; frame_len], &mut body, codecs)?;
        for listed in block.table(shape)?.rows() {
            let at = usize::from(listed.row.index);
            let frame = plain.chunks_mut(frame_len).nth(at).unwrap();
            lay_frame(shape, &listed.row, &block.payload[listed.stored.clone()], frame, &mut body, codecs, Verify::Every)?;
            prove_frame(shape, &listed.row.plain(), frame)?;
            digests[at] = listed.row.plain();
        }
        Ok((plain, digests))
    })
}

fn on_base<'b>(fields: &Value, id: Id, payload: &'b [u8]) -> StoredBlock<'b> {
    let (raw_bytes, head_bytes) = (number(fields, "raw_length"), number(fields, "head_length"));
    StoredBlock { id, raw_bytes, head_bytes, based: true, payload }
}

#[cfg_attr(test, test)]
pub fn good_blocks_on_a_base_are_laid_over_it_and_their_tables_written() {
    each("block_on_base", "cases", |name, shape, fields, bytes| {
        let rows: Vec<FrameRow> = fields["frames"].as_array().unwrap().iter().map(row).collect();
        let id = Id(digest_of(&fields["block_id"]).0);
        let block = on_base(fields, id, bytes);
        let table = block.table(shape).unwrap();
        assert_eq!(table.rows().map(|listed| listed.row).collect::<Vec<_>>(), rows, "{name}");
        assert_eq!(emitted(&rows), bytes[..narrow(block.head_bytes.into())], "{name}");
        let result = laid(shape, &block, &base(fields, "raw_length"));
        if !rows.iter().all(has_codec) {
            assert_eq!(result, Err(What::UnknownCodec), "{name}");
            return;
        }
        let (plain, digests) = result.unwrap();
        assert_eq!(plain, hex(&fields["plain"]), "{name}");
        assert_eq!(block_id(shape, block.raw_bytes, digests.into_iter()), id, "{name}");
        assert!(StoredBlock { based: false, ..block }.table(shape).is_err() || rows.iter().all(|row| !row.is_delta()), "{name}");
    });
}

#[cfg_attr(test, test)]
pub fn bad_blocks_on_a_base_are_rejected() {
    each("block_on_base", "reject", |name, shape, fields, bytes| {
        let result = laid(shape, &on_base(fields, Id::ZERO, bytes), &base(fields, "raw_length"));
        assert!(result.is_err_and(|what| what != What::Id), "{name}");
    });
}

/// The body that the runs of a vector say: `gap | count | contents`.
fn body_of(runs: &Value) -> Vec<u8> {
    let run = |run: &Value| {
        let zeros = if run["contents"].is_null() { 1 << 15 } else { 0 };
        let contents = if run["contents"].is_null() { Vec::new() } else { hex(&run["contents"]) };
        let (gap, count) = (u16::try_from(number(run, "gap")).unwrap(), u16::try_from(number(run, "count")).unwrap());
        [gap.to_le_bytes().to_vec(), (count | zeros).to_le_bytes().to_vec(), contents].concat()
    };
    runs.as_array().unwrap().iter().flat_map(run).collect()
}

#[cfg_attr(test, test)]
pub fn bodies_are_laid_or_rejected() {
    let file = file("body");
    let (cases, rejects) = (file["cases"].as_array().unwrap(), file["reject"].as_array().unwrap());
    assert!(cases.len() > 15 && rejects.len() > 20);
    for case in cases {
        let (name, body, fields) = (&case["name"], hex(&case["bytes"]), &case["fields"]);
        assert_eq!(body, body_of(&fields["runs"]), "{name}");
        let mut frame = base(fields, "frame_length");
        assert_eq!(delta::check(&body, frame.len()), Ok(()), "{name}");
        assert_eq!(delta::apply(&body, &mut frame), Ok(()), "{name}");
        assert_eq!(frame, hex(&fields["plain"]), "{name}");
    }
    for case in rejects {
        let (name, body) = (&case["name"], hex(&case["bytes"]));
        let mut frame = base(&case["fields"], "frame_length");
        // That there is a body at all, the table tells.
        let expected = if body.is_empty() { Ok(()) } else { Err(What::Length) };
        assert_eq!(delta::check(&body, frame.len()), expected, "{name}");
        assert_eq!(delta::apply(&body, &mut frame), expected, "{name}");
    }
}

/// The codecs of this build, as one set.
fn with_all_codecs<T>(work: impl FnOnce(&mut dyn Codecs) -> T) -> T {
    #[cfg(feature = "lz4")]
    let mut table = sarsen_core::codec::Lz4Table::large();
    #[cfg(feature = "lz4")]
    let set = sarsen_core::codec::Lz4::new(&mut table);
    #[cfg(not(feature = "lz4"))]
    let set = sarsen_core::codec::Plain;
    #[cfg(feature = "zlib")]
    let mut state = sarsen_core::codec::ZlibState::new();
    #[cfg(feature = "zlib")]
    let set = (set, sarsen_core::codec::Zlib::new(&mut state));
    let mut set = set;
    work(&mut set)
}
