//! Blocks against tests/vectors/block.json, which was made by encoders that share nothing with these.
use sarsen_core::codec::{CodecId, Codecs};
use sarsen_core::digest::Algorithm;
use sarsen_core::error::What;
use sarsen_core::format::block::{self, FrameBody, FrameRow};
use sarsen_core::format::bytes::Writer;
use sarsen_core::frame::{Shape, StoredBlock, Verify, block_id, check_block, lay_frame};
use sarsen_core::types::{Id, low32, narrow, wide};
use serde_json::Value;

use crate::{digest_of, file, hex, number};

fn row(fields: &Value) -> FrameRow {
    let codec = CodecId::from_code(u8::try_from(number(fields, "codec")).unwrap()).unwrap();
    let stored_bytes = number(fields, "stored_length");
    let body = match (number(fields, "kind"), codec) {
        (0, _) => FrameBody::Zero,
        (_, CodecId::None) => FrameBody::Raw { plain: digest_of(&fields["plain_digest"]), stored_bytes },
        (_, codec) => {
            let (plain, stored) = (digest_of(&fields["plain_digest"]), digest_of(&fields["stored_digest"]));
            FrameBody::Coded { codec, stored_bytes, plain, stored }
        }
    };
    FrameRow { index: u16::try_from(number(fields, "index")).unwrap(), body }
}

/// The cases under `list` in the shapes they ask for; those of digests this build lacks are left out.
fn each(list: &str, mut work: impl FnMut(&str, &Shape, &Value, &[u8])) {
    let file = file("block");
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

#[test]
fn good_blocks_are_read_and_their_tables_written() {
    each("cases", |name, shape, fields, bytes| {
        let rows: Vec<FrameRow> = fields["frames"].as_array().unwrap().iter().map(row).collect();
        let raw_bytes = number(fields, "raw_length");
        let id = Id(digest_of(&fields["block_id"]).0);
        let block = StoredBlock { id, raw_bytes, head_bytes: number(fields, "head_length"), based: false, payload: bytes };
        let table = block.table(shape).unwrap();
        assert_eq!(table.rows().map(|listed| listed.row).collect::<Vec<_>>(), rows, "{name}");

        let mut head = vec![0; block::table_bytes_max(low32(wide(rows.len())))];
        let mut to = Writer::new(&mut head);
        block::emit_count(&mut to, low32(wide(rows.len()))).unwrap();
        rows.iter().for_each(|row| row.emit(&mut to));
        let head_len = to.end().unwrap();
        assert_eq!(head[..head_len], bytes[..narrow(block.head_bytes.into())], "{name}");

        assert_eq!(block_id(shape, raw_bytes, rows.iter().map(FrameRow::plain)), id, "{name}");
        let codec_is_there = |row: &FrameRow| match row.body {
            FrameBody::Coded { codec, .. } => with_all_codecs(|codecs| codecs.has(codec)),
            _ => true,
        };
        let expected = if rows.iter().all(codec_is_there) { Ok(hex(&fields["plain"])) } else { Err(What::UnknownCodec) };
        assert_eq!(check(shape, &block), expected, "{name}");
    });
}

/// Their ids are not told, so each is checked with the one its own table gives: whatever is rejected is rejected for another reason.
#[test]
fn bad_blocks_are_rejected() {
    each("reject", |name, shape, fields, bytes| {
        let raw_bytes = number(fields, "raw_length");
        let block =
            StoredBlock { id: Id::ZERO, raw_bytes, head_bytes: number(fields, "head_length"), based: false, payload: bytes };
        let table = block.table(shape).map(|table| table.rows().map(|listed| listed.row.plain()).collect::<Vec<_>>());
        let id = table.map_or(Id::ZERO, |digests| block_id(shape, raw_bytes, digests.into_iter()));
        let checked = check(shape, &StoredBlock { id, ..block });
        assert!(checked.is_err_and(|what| what != What::Id), "{name}");
    });
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
