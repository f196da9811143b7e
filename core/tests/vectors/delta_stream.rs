//! Delta streams against tests/vectors/delta_stream.json.

use crate::records::{algorithm, each, u64_of};
use crate::{hex, id_of, number};
use sarsen_core::codec::CodecId;
use sarsen_core::error::What;
use sarsen_core::format::stream::{Data, Emitter, HEADER_LEN_MAX, Header, Parser, RECORD_LEN, Record};
use sarsen_core::types::{narrow, wide};
use serde_json::{Value, json};

fn text(fields: &Value, name: &str) -> String {
    String::from_utf8(hex(&fields[name])).unwrap()
}

fn log2(fields: &Value, name: &str) -> u8 {
    u8::try_from(number(fields, name)).unwrap()
}

fn record(number: u64, kind: u8, codec: CodecId, offset: u64, length: u64, stored: &[u8]) -> Value {
    let stored: String = stored.iter().map(|byte| format!("{byte:02x}")).collect();
    json!({"number": number, "kind": kind, "codec": codec.code(), "offset": offset, "length": length, "stored": stored})
}

/// The header's length and the records of a whole stream, fed in slices of `slice`.
fn parse(bytes: &[u8], slice: usize) -> Result<Vec<Value>, What> {
    let len = Header::stated_len(bytes)?.filter(|len| *len <= bytes.len()).ok_or(What::Short)?;
    let header = Header::parse(&bytes[..len])?;
    let mut memory = vec![0; narrow(header.frame_bytes().into())];
    let mut parser = Parser::new(&header, &mut memory).unwrap();
    let mut found = Vec::new();
    for slice in bytes[len..].chunks(slice) {
        let mut rest = slice;
        while !rest.is_empty() {
            let (taken, told) = parser.step(rest).map_err(|fault| fault.what)?;
            found.extend(told.map(|told| match told {
                Record::Data { number, offset, len_bytes, codec, stored } => {
                    record(number, 1, codec, offset, len_bytes.into(), stored)
                }
                Record::Zero { number, offset, len_bytes } => record(number, 2, CodecId::None, offset, len_bytes, &[]),
                Record::End { records } => record(records, 3, CodecId::None, header.target_bytes, records, &[]),
            }));
            rest = &rest[taken..];
        }
    }
    parser.end().map(|()| found).map_err(|fault| fault.what)
}

fn emit(header: &Header<'_>, records: &[Value]) -> Vec<u8> {
    let mut to = [0; HEADER_LEN_MAX];
    let (mut emitter, len) = Emitter::begin(header, &mut to).unwrap();
    let mut bytes = to[..len].to_vec();
    for fields in records {
        let mut to = [0; RECORD_LEN];
        let (offset, length, stored) = (u64_of(fields, "offset"), u64_of(fields, "length"), hex(&fields["stored"]));
        match number(fields, "kind") {
            1 => {
                let codec = CodecId::from_code(log2(fields, "codec")).unwrap();
                let data = Data { offset, len_bytes: number(fields, "length"), codec, stored: &stored };
                emitter.data(&data, &mut to).unwrap()
            }
            2 => emitter.zero(offset, length, &mut to).unwrap(),
            _ => emitter.clone().end(&mut to).unwrap(),
        };
        bytes.extend([&to[..], &stored].concat());
    }
    bytes
}

#[cfg_attr(test, test)]
pub fn streams_are_read_and_written() {
    each("delta_stream", "cases", 12, |name, fields, bytes| {
        let (disk, snapshot, source) =
            (text(fields, "disk_name"), text(fields, "snapshot_name"), text(fields, "source_identity"));
        let header = Header {
            algorithm: algorithm(fields).unwrap(),
            block_log2: log2(fields, "log2_block_bytes"),
            frame_log2: log2(fields, "log2_frame_bytes"),
            fan_out_log2: log2(fields, "log2_fan_out"),
            base_bytes: u64_of(fields, "base_size"),
            target_bytes: u64_of(fields, "target_size"),
            base_root: id_of(&fields["base_root"]),
            target_root: id_of(&fields["target_root"]),
            start: u64_of(fields, "start"),
            time: u64_of(fields, "time"),
            name: &disk,
            snapshot: &snapshot,
            source: &source,
        };
        assert_eq!(Header::parse(&bytes[..header.len_bytes()]), Ok(header), "{name}");
        let records = fields["records"].as_array().unwrap();
        for slice in [bytes.len(), 1] {
            assert_eq!(parse(bytes, slice).as_ref(), Ok(records), "{name}");
        }
        assert_eq!(emit(&header, records), bytes, "{name}");
    });
}

#[cfg_attr(test, test)]
pub fn bad_streams_are_rejected() {
    each("delta_stream", "reject", 60, |name, _, bytes| {
        assert!(parse(bytes, bytes.len().max(1)).is_err(), "{name}");
    });
}

#[cfg_attr(test, test)]
pub fn a_flip_of_any_byte_of_a_stream_is_noticed() {
    let mut bytes_flipped = 0;
    each("delta_stream", "cases", 12, |name, _, bytes| {
        // The largest frames are costly to lend thousands of times, and that stream has the same fields as the others.
        if name == "numbers as large as may be" {
            return;
        }
        for at in 0..bytes.len() {
            let mut flipped = bytes.to_vec();
            flipped[at] ^= 1 << (at % 8);
            assert!(parse(&flipped, bytes.len()).is_err(), "{name}: byte {at}");
            assert!(parse(&bytes[..at], bytes.len()).is_err(), "{name}: cut to {at}");
        }
        bytes_flipped += wide(bytes.len());
    });
    assert!(bytes_flipped > 10_000, "{bytes_flipped}");
}
