//! Every stored record against tests/vectors/, which was made by encoders that share nothing with these. In Node, too: tests/wasm/vectors is these
//! modules once more, for WebAssembly.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]

mod block;
mod delta_stream;
mod fields;
mod records;

use fields::{digest_of, hex, id_of, number};
use serde_json::Value;

fn file(name: &str) -> Value {
    let path = format!("{}/../tests/vectors/{name}.json", env!("CARGO_MANIFEST_DIR"));
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}
