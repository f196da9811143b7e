//! Every stored record against tests/vectors/, which was made by encoders that share nothing with these.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod block;
mod delta_stream;
mod records;

use sarsen_core::types::{Digest, Id};
use serde_json::Value;

fn file(name: &str) -> Value {
    let path = format!("{}/../tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

fn number(fields: &Value, name: &str) -> u32 {
    u32::try_from(fields[name].as_u64().unwrap()).unwrap()
}

fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

fn digest_of(text: &Value) -> Digest {
    Digest(hex(text).try_into().unwrap())
}

fn id_of(text: &Value) -> Id {
    Id(digest_of(text).0)
}
