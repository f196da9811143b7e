//! What vectors say, as the engine takes it.

use sarsen_core::types::{Digest, Id};
use serde_json::Value;

pub fn number(fields: &Value, name: &str) -> u32 {
    u32::try_from(fields[name].as_u64().unwrap()).unwrap()
}

pub fn hex(text: &Value) -> Vec<u8> {
    let text = text.as_str().unwrap();
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}

pub fn digest_of(text: &Value) -> Digest {
    Digest(hex(text).try_into().unwrap())
}

pub fn id_of(text: &Value) -> Id {
    Id(digest_of(text).0)
}
