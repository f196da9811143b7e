//! The core's own tests of vectors, as a module of WebAssembly: each is an export that traps where it would fail. What is not exported does not compile.
#![allow(clippy::unwrap_used, clippy::indexing_slicing)]
#![deny(dead_code)]

#[path = "../../../../core/tests/vectors/block.rs"]
mod block;
#[path = "../../../../core/tests/vectors/delta_stream.rs"]
mod delta_stream;
#[path = "../../../../core/tests/vectors/fields.rs"]
mod fields;
#[path = "../../../../core/tests/vectors/records.rs"]
mod records;

use fields::{digest_of, hex, id_of, number};
use serde_json::Value;

macro_rules! vectors {
    ($name:expr, $($file:literal)*) => {
        match $name {
            $($file => include_str!(concat!("../../../vectors/", $file, ".json")),)*
            name => panic!("no vectors are called {name}"),
        }
    };
}

fn file(name: &str) -> Value {
    let text = vectors!(name, "block" "block_on_base" "body" "commit" "crc" "delta_stream" "entry_header" "footer" "head_pin" "ids" "page" "record" "segment_header");
    serde_json::from_str(text).unwrap()
}

macro_rules! exports {
    ($($module:ident: $($name:ident),*;)*) => {
        $($(
            #[unsafe(no_mangle)]
            extern "C" fn $name() {
                $module::$name();
            }
        )*)*
    };
}

exports! {
    block: good_blocks_are_read_and_their_tables_written, bad_blocks_are_rejected, good_blocks_on_a_base_are_laid_over_it_and_their_tables_written, bad_blocks_on_a_base_are_rejected, bodies_are_laid_or_rejected;
    delta_stream: streams_are_read_and_written, bad_streams_are_rejected, a_flip_of_any_byte_of_a_stream_is_noticed;
    records: segment_headers, entry_headers_and_lines, pages, bad_pages, records, commits, footers, pins, checksums, ids;
}
