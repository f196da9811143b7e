//! Errors as JavaScript takes them: a code for programs, and where. Words are JavaScript's.

use crate::room::{Budget, bytes_for};
use sarsen_core::error::{Error, Fault, Memory, Refusal, Trouble, What};
use sarsen_core::types::Place;
use wasm_bindgen::prelude::wasm_bindgen;

/// Why a call failed.
#[wasm_bindgen]
pub struct Failure {
    class: &'static str,
    code: &'static str,
    segment: Option<u32>,
    offset: Option<f64>,
    entries: Option<f64>,
    entries_max: Option<f64>,
    memory_bytes: Option<f64>,
}

#[wasm_bindgen]
impl Failure {
    /// What kind of error: `damaged`, `unread`, `refused`, `memory`, `stream` or `internal`.
    #[wasm_bindgen(getter)]
    pub fn class(&self) -> String {
        self.class.into()
    }

    /// What exactly.
    #[wasm_bindgen(getter)]
    pub fn code(&self) -> String {
        self.code.into()
    }

    /// In which segment, if it is in one.
    #[wasm_bindgen(getter)]
    pub fn segment(&self) -> Option<u32> {
        self.segment
    }

    /// Bytes from the start of the segment, disk or stream.
    #[wasm_bindgen(getter)]
    pub fn offset(&self) -> Option<f64> {
        self.offset
    }

    /// How many entries there are, if that are too many.
    #[wasm_bindgen(getter)]
    pub fn entries(&self) -> Option<f64> {
        self.entries
    }

    /// And how many there may be.
    #[wasm_bindgen(getter, js_name = entriesMax)]
    pub fn entries_max(&self) -> Option<f64> {
        self.entries_max
    }

    /// How much memory would have to be allowed, if any would do.
    #[wasm_bindgen(getter, js_name = memoryBytes)]
    pub fn memory_bytes(&self) -> Option<f64> {
        self.memory_bytes
    }
}

impl Failure {
    /// A call that cannot come now.
    pub const OUT_OF_TURN: Failure = Failure::of("internal", "out-of-turn");
    /// Bytes that another instance sent and that are not as they must be.
    pub const GARBLED: Failure = Failure::of("internal", "garbled");

    const fn of(class: &'static str, code: &'static str) -> Failure {
        Failure { class, code, segment: None, offset: None, entries: None, entries_max: None, memory_bytes: None }
    }

    /// The repository has so many entries, and their places do not fit into what is left for them.
    pub fn too_many(entries: u64, budget: Budget) -> Failure {
        Failure {
            entries: Some(far(entries)),
            entries_max: Some(far(budget.entries_max())),
            memory_bytes: bytes_for(entries).map(far),
            ..Failure::of("memory", "entries")
        }
    }

    /// Less memory is allowed than this, which is needed for whatever repository.
    pub fn too_little(least_bytes: u64) -> Failure {
        Failure { memory_bytes: Some(far(least_bytes)), ..Failure::of("memory", "memory-bytes") }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        let of = Failure::of;
        match error {
            Error::Medium { segment, offset, trouble } => {
                let class = if error.is_damage() { "damaged" } else { "unread" };
                let offset = segment.map(|_| offset.into());
                Failure { segment: segment.map(|number| number.0), offset, ..of(class, trouble_code(trouble)) }
            }
            Error::Corrupt { what: What::UnknownCodec, place } => Failure { ..at(place, of("refused", "codec")) },
            Error::Corrupt { place, what } => at(place, of("damaged", what_code(what))),
            Error::Disk { offset, .. } => Failure { offset: Some(far(offset)), ..of("unread", "disk") },
            Error::Line { offset, .. } => Failure { offset: Some(far(offset)), ..of("unread", "stream") },
            Error::Stream(Fault { what, offset, .. }) => Failure { offset: Some(far(offset)), ..of("stream", what_code(what)) },
            Error::Memory { memory, .. } => of("memory", memory_code(memory)),
            Error::Refused(refusal) => of("refused", refusal_code(refusal)),
            Error::Outcome => of("stream", "outcome"),
            Error::Cancelled => of("refused", "cancelled"),
            _ => of("internal", "unexpected"),
        }
    }
}

fn at(place: Place, failure: Failure) -> Failure {
    match place {
        Place::NONE => failure,
        Place { segment, offset } => Failure { segment: Some(segment.0), offset: Some(offset.into()), ..failure },
    }
}

/// An offset as JavaScript counts: exact up to 2^53, which is more than any disk has.
#[allow(clippy::cast_precision_loss)] // see above
pub fn far(offset: u64) -> f64 {
    offset as f64
}

fn trouble_code(trouble: Trouble) -> &'static str {
    match trouble {
        Trouble::Pending => "pending",
        Trouble::Gone => "gone",
        Trouble::Short => "short",
        Trouble::Unreadable => "unreadable",
        _ => "failed",
    }
}

fn what_code(what: What) -> &'static str {
    match what {
        What::Magic => "magic",
        What::Checksum => "checksum",
        What::Length => "length",
        What::Field => "field",
        What::StoredDigest => "stored-digest",
        What::PlainDigest => "plain-digest",
        What::Codec => "encoding",
        What::Id => "id",
        What::Text => "text",
        What::Padding => "padding",
        What::UnknownCodec => "codec",
        What::Entries => "entries",
        What::Absent => "absent",
        What::Order => "order",
        What::Short => "short",
        What::Trailing => "trailing",
        What::Unsupported => "unsupported",
        _ => "damaged",
    }
}

fn memory_code(memory: Memory) -> &'static str {
    match memory {
        Memory::Index => "index",
        Memory::Marks => "marks",
        Memory::Pages => "pages",
        _ => "buffer",
    }
}

fn refusal_code(refusal: Refusal) -> &'static str {
    match refusal {
        Refusal::NotARepository => "not-a-repository",
        Refusal::Unsupported => "unsupported",
        Refusal::NoHeader => "no-header",
        Refusal::NoCommit => "no-commit",
        Refusal::UnknownVersion => "unknown-version",
        Refusal::AmbiguousVersion => "ambiguous-version",
        Refusal::StreamParameters => "stream-parameters",
        Refusal::StreamBase => "stream-base",
        Refusal::StreamWhole => "stream-whole",
        Refusal::StreamStart => "stream-start",
        Refusal::StreamSize => "stream-size",
        Refusal::StreamLayout => "stream-layout",
        Refusal::BaseNeeded => "base-needed",
        Refusal::NameNeeded => "name-needed",
        _ => "parameter",
    }
}
