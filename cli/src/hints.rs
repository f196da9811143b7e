//! Hints as other programs print them: JSON lists of extents, told apart by their shape.
//!
//! | kind | made by | one extent |
//! |---|---|---|
//! | `rbd-diff` | `rbd diff --format json --from-snap OLD IMAGE@NEW` | `{"offset", "length", "exists"}`: `"true"` is data, `"false"` zeros |
//! | `qemu-map` | `qemu-img map --output=json` | `{"start", "length", "depth", "zero", "data", ..}` |
//! | `nbd-dirty` | `nbdinfo --map=qemu:dirty-bitmap:NAME --json` | `{"offset", "length", "type", "description"}`: 1 `"dirty"` is data, 0 `"clean"` unchanged |
//! | `nbd-allocation` | `nbdinfo --map --json` | the same, described as `"data"`, `"hole"`, `"zero"` or `"hole,zero"` |
//! | `sarsen` | anybody | `{"offset", "length", "state"}`: `"data"`, `"zero"` or `"unchanged"` |
//!
//! An empty list has no shape: it says that nothing changed, whoever printed it.
//!
//! Of an image with a backing file, `qemu-img map` gives as depth how far down the chain the bytes come from. What is at depth 0 was written since the
//! image was laid over its backing file; what is deeper was not, and counts as unchanged. So such a map fits one base only: the version of the disk
//! as it is in the backing file. Without a backing file all is at depth 0, and the map fits any base, because it says of every byte that it is zero or
//! has to be read. Bytes of which nobody says that they are zero are data, holes too: what a hole holds is another matter.
//!
//! A map through QEMU's `x-dirty-bitmap` says `data` of what is clean and nothing at all of what is dirty. That is data by these rules, so all is
//! read: slow, and right. `nbdinfo` says the same without turning it round.
//!
//! Fields that no kind knows are ignored, since newer versions of these programs print more of them. Whatever else is not as here is refused, with
//! the number of the extent, from 1, and with line and column: a list that was misread would make a version of bytes that are not the disk's.

use crate::failure::{Exit, Failure};
use sarsen_core::digest::{Algorithm, Hasher};
use sarsen_core::error::Error;
use sarsen_core::format::record::HintSource;
use sarsen_core::hints::{Extent, State};
use sarsen_core::types::Digest;
use serde::Deserialize;
use serde::de::value::MapAccessDeserializer;
use serde::de::{self, DeserializeSeed, Deserializer, MapAccess, SeqAccess, Unexpected, Visitor};
use serde_json::error::Category;
use std::fmt;
use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

/// The file's name that means standard input.
const STDIN: &str = "-";
/// Few calls of the system, and few of the digest.
const BUFFER_BYTES: usize = 256 << 10;
/// How much is said of each end of words that are too long for a person.
const SAID_CHARS_MAX: usize = 200;

const EXPECTED: &str = "hints are a JSON list, as `rbd diff --format json`, `qemu-img map --output=json` and `nbdinfo --map=CONTEXT --json` \
                        print it, or one of {\"offset\", \"length\", \"state\"}";

/// What a pipe leaves whose first program failed.
const NOTHING: &str = "there is nothing in it, not even an empty list: whoever was to print the hints has failed, and said why. QEMU gives no \
                       bitmap that was in use when its writer died; then back up once without --hints, beginning a new bitmap before";

/// Who made a list of hints, as its shape shows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// An empty list.
    Empty,
    RbdDiff,
    QemuMap,
    NbdDirty,
    NbdAllocation,
    Sarsen,
}

impl Kind {
    /// As the record says it. An empty list says nothing of who made it.
    pub fn source(self) -> HintSource {
        match self {
            Kind::Empty | Kind::Sarsen => HintSource::Caller,
            Kind::RbdDiff => HintSource::RbdDiff,
            Kind::QemuMap => HintSource::QemuMap,
            Kind::NbdDirty => HintSource::NbdDirty,
            Kind::NbdAllocation => HintSource::NbdAllocation,
        }
    }

    /// Whether such a list tells of every byte of the disk.
    pub fn is_map(self) -> bool {
        matches!(self, Kind::QemuMap | Kind::NbdDirty | Kind::NbdAllocation)
    }

    /// A short name, for the record.
    pub fn name(self) -> &'static str {
        match self {
            Kind::Empty => "empty",
            Kind::RbdDiff => "rbd-diff",
            Kind::QemuMap => "qemu-map",
            Kind::NbdDirty => "nbd-dirty",
            Kind::NbdAllocation => "nbd-allocation",
            Kind::Sarsen => "sarsen",
        }
    }
}

/// What was read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// What was recognised.
    pub kind: Kind,
    /// The beginning of the file's digest, for the record.
    pub identity: String,
    /// How many extents.
    pub extents: u64,
    /// The end of the farthest extent, in bytes from the disk's start. QEMU and NBD map all of a disk, so there it is the disk's size.
    pub end: u64,
}

/// Reads hints from a file, or from standard input where it is called `-`; `take` gets one extent after the other.
///
/// On an error `take` may have got some of them already.
pub fn read(path: &Path, take: &mut dyn FnMut(Extent) -> Result<(), Error>) -> Result<Source, Failure> {
    if path == Path::new(STDIN) {
        return read_from(io::stdin().lock(), "standard input", take);
    }
    let name = path.display().to_string();
    let file = File::open(path).map_err(|error| Failure::new(Exit::Failed, format!("{name}: cannot read the hints: {error}")))?;
    read_from(file, &name, take)
}

fn read_from(from: impl Read, name: &str, take: &mut dyn FnMut(Extent) -> Result<(), Error>) -> Result<Source, Failure> {
    let mut hasher = Hasher::new(Algorithm::Sha256);
    let mut list = List { take, kind: Kind::Empty, begun: 0, done: 0, end: 0, refused: None };
    let read = {
        let hashed = Hashed { from, hasher: &mut hasher };
        let mut json = serde_json::Deserializer::from_reader(BufReader::with_capacity(BUFFER_BYTES, hashed));
        json.deserialize_seq(&mut list).and_then(|()| json.end())
    };
    match read {
        Ok(()) => Ok(list.source(&Digest(hasher.finish()))),
        Err(error) => Err(list.failure(name, &error)),
    }
}

/// Digests what is read, all of it: JSON ends where its file does.
struct Hashed<'h, R> {
    from: R,
    hasher: &'h mut Hasher,
}

impl<R: Read> Read for Hashed<'_, R> {
    fn read(&mut self, to: &mut [u8]) -> io::Result<usize> {
        let len = self.from.read(to)?;
        self.hasher.update(to.get(..len).unwrap_or_default());
        Ok(len)
    }
}

/// The list, as far as it was read.
struct List<'t> {
    take: &'t mut dyn FnMut(Extent) -> Result<(), Error>,
    kind: Kind,
    begun: u64,
    done: u64,
    end: u64,
    refused: Option<Error>,
}

impl List<'_> {
    fn source(&self, digest: &Digest) -> Source {
        // Half of the digest tells any two lists apart, and every backup stores it. The kind is a field of the record.
        let identity = format!("sha256:{:.32}", digest.to_string());
        Source { kind: self.kind, identity, extents: self.done, end: self.end }
    }

    /// Passes an element on; the error is in words.
    fn accept(&mut self, element: &Element) -> Result<(), String> {
        let (kind, extent) = element.read()?;
        if self.kind == Kind::Empty {
            self.kind = kind;
        }
        if self.kind != kind {
            return Err(format!("it is of the kind {}, but those before it are of {}", kind.name(), self.kind.name()));
        }
        (self.take)(extent).map_err(|error| {
            self.refused = Some(error); // it has a code of its own, so its words come later
            String::new()
        })?;
        if extent.len_bytes > 0 {
            self.end = self.end.max(extent.offset.saturating_add(extent.len_bytes));
        }
        self.done = self.begun;
        Ok(())
    }

    /// What went wrong, and where.
    fn failure(&self, name: &str, error: &serde_json::Error) -> Failure {
        let place = match (self.begun, self.done) {
            (0, _) => String::new(),
            (begun, done) if begun == done => format!("behind extent {done}, "),
            (begun, _) => format!("extent {begun}, "),
        };
        let place = format!("{name}: {place}line {}, column {}", error.line(), error.column());
        let words = words_of(error);
        match (error.classify(), &self.refused) {
            (Category::Io, _) => Failure::new(Exit::Failed, format!("{name}: cannot read the hints: {words}")),
            (_, Some(refused)) => Failure::at(place, *refused),
            (Category::Eof, _) if (error.line(), error.column()) == (1, 0) => {
                Failure::new(Exit::Failed, format!("{name}: {NOTHING}"))
            }
            (Category::Eof, _) => {
                Failure::new(Exit::Failed, format!("{place}: the hints end in the middle, so they were cut off; make them again"))
            }
            (Category::Syntax, _) => Failure::new(Exit::Failed, format!("{place}: this is not JSON: {words}; {EXPECTED}")),
            (Category::Data, _) => Failure::new(Exit::Failed, format!("{place}: {words}; {EXPECTED}")),
        }
    }
}

/// The words of an error without its place.
fn words_of(error: &serde_json::Error) -> String {
    let words = error.to_string();
    let place = words.rfind(" at line ").filter(|_| error.line() > 0);
    shortened(place.and_then(|len| words.get(..len)).unwrap_or(&words))
}

/// Words that may quote a long text: their beginning, and their end, which says what was expected.
fn shortened(words: &str) -> String {
    if words.chars().nth(2 * SAID_CHARS_MAX).is_none() {
        return words.into();
    }
    let start: String = words.chars().take(SAID_CHARS_MAX).collect();
    let end: Vec<char> = words.chars().rev().take(SAID_CHARS_MAX).collect();
    format!("{start} ... {}", end.iter().rev().collect::<String>())
}

impl<'de> Visitor<'de> for &mut List<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of extents")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<(), A::Error> {
        while elements.next_element_seed(Next(self))?.is_some() {}
        Ok(())
    }
}

/// The next element of the list. It is judged while the reader stands at its end, so that an error gets its place.
struct Next<'l, 't>(&'l mut List<'t>);

impl<'de> DeserializeSeed<'de> for Next<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, from: D) -> Result<(), D::Error> {
        self.0.begun = self.0.begun.saturating_add(1);
        // Not a struct: that might be a list of its fields as well.
        from.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Next<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an extent in braces")
    }

    fn visit_map<A: MapAccess<'de>>(self, fields: A) -> Result<(), A::Error> {
        let element = Element::deserialize(MapAccessDeserializer::new(fields))?;
        self.0.accept(&element).map_err(de::Error::custom)
    }
}

/// All fields of all kinds. Null counts as absent: `nbdinfo` prints it for what it does not know.
#[derive(Deserialize)]
struct Element {
    offset: Option<Number>,
    start: Option<Number>,
    length: Option<Number>,
    exists: Option<Exists>,
    state: Option<String>,
    #[serde(rename = "type")]
    bits: Option<Number>,
    description: Option<String>,
    depth: Option<Number>,
    zero: Option<bool>,
    data: Option<bool>,
}

impl Element {
    /// What it says, by the kind that its fields show; the error is in words.
    fn read(&self) -> Result<(Kind, Extent), String> {
        let shown = [
            self.exists.is_some(),
            self.state.is_some(),
            self.bits.is_some() || self.description.is_some(),
            self.start.is_some() || self.depth.is_some() || self.zero.is_some() || self.data.is_some(),
        ];
        let (kind, offset, state) = match shown {
            [true, false, false, false] => (Kind::RbdDiff, self.offset()?, self.of_rbd()?),
            [false, true, false, false] => (Kind::Sarsen, self.offset()?, self.of_sarsen()?),
            [false, false, true, false] => {
                let (kind, state) = self.of_nbd()?;
                (kind, self.offset()?, state)
            }
            // Its `offset` is the host's: where the bytes lie in the image.
            [false, false, false, true] => (Kind::QemuMap, needed(self.start, "start")?, self.of_qemu()?),
            [false, false, false, false] => {
                return Err("none of `exists`, `state`, `type` and `start` tells of what kind it is".into());
            }
            _ => return Err("it has fields of more than one kind".into()),
        };
        let len_bytes = needed(self.length, "length")?.0;
        Ok((kind, Extent { offset: offset.0, len_bytes, state }))
    }

    fn offset(&self) -> Result<Number, String> {
        needed(self.offset, "offset")
    }

    fn of_rbd(&self) -> Result<State, String> {
        let Exists(exists) = needed(self.exists, "exists")?;
        Ok(if exists { State::Data } else { State::Zero })
    }

    fn of_sarsen(&self) -> Result<State, String> {
        match needed(self.state.as_deref(), "state")? {
            "data" => Ok(State::Data),
            "zero" => Ok(State::Zero),
            "unchanged" => Ok(State::Unchanged),
            other => Err(format!("the state is {other:?}, expected \"data\", \"zero\" or \"unchanged\"")),
        }
    }

    fn of_qemu(&self) -> Result<State, String> {
        let Number(depth) = needed(self.depth, "depth")?;
        let zero = needed(self.zero, "zero")?;
        needed(self.data, "data")?; // it changes nothing, but a map of QEMU has it
        Ok(match (depth, zero) {
            (1.., _) => State::Unchanged,
            (0, true) => State::Zero,
            (0, false) => State::Data,
        })
    }

    /// Number and word say the same, so that they are held to each other.
    fn of_nbd(&self) -> Result<(Kind, State), String> {
        let Number(bits) = needed(self.bits, "type")?;
        let word = self.description.as_deref().ok_or(
            "it lacks `description`, so nobody knows what its type means; `nbdinfo` describes `qemu:dirty-bitmap:NAME` and `base:allocation`",
        )?;
        match (bits, word) {
            (0, "clean") => Ok((Kind::NbdDirty, State::Unchanged)),
            (1, "dirty") => Ok((Kind::NbdDirty, State::Data)),
            (0, "data") | (1, "hole") => Ok((Kind::NbdAllocation, State::Data)),
            (2, "zero") | (3, "hole,zero") => Ok((Kind::NbdAllocation, State::Zero)),
            _ => Err(format!(
                "type {bits}, described as {word:?}, is neither of `qemu:dirty-bitmap:NAME` (0 \"clean\", 1 \"dirty\") nor of `base:allocation` \
                 (0 \"data\", 1 \"hole\", 2 \"zero\", 3 \"hole,zero\")"
            )),
        }
    }
}

/// A field that its kind has to have.
fn needed<T>(field: Option<T>, name: &str) -> Result<T, String> {
    field.ok_or_else(|| format!("it lacks `{name}`"))
}

/// A whole number, not below 0.
#[derive(Clone, Copy)]
struct Number(u64);

impl<'de> Deserialize<'de> for Number {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Number, D::Error> {
        from.deserialize_u64(NumberVisitor)
    }
}

struct NumberVisitor;

impl Visitor<'_> for NumberVisitor {
    type Value = Number;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a whole number from 0 to {}", u64::MAX)
    }

    fn visit_u64<E: de::Error>(self, number: u64) -> Result<Number, E> {
        Ok(Number(number))
    }
}

/// `exists`, which rbd prints as a string.
#[derive(Clone, Copy)]
struct Exists(bool);

impl<'de> Deserialize<'de> for Exists {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Exists, D::Error> {
        from.deserialize_any(ExistsVisitor)
    }
}

struct ExistsVisitor;

impl Visitor<'_> for ExistsVisitor {
    type Value = Exists;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`exists` to be \"true\" or \"false\"")
    }

    fn visit_bool<E: de::Error>(self, exists: bool) -> Result<Exists, E> {
        Ok(Exists(exists))
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Exists, E> {
        match text {
            "true" => Ok(Exists(true)),
            "false" => Ok(Exists(false)),
            _ => Err(E::invalid_value(Unexpected::Str(text), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use State::{Data, Unchanged, Zero};
    use sarsen_core::hints::Hints;
    use sarsen_host::Heap;

    // Printed by qemu-img 7.2.22 of an overlay: 1 MiB of data and 200 KiB at 4 MiB below; above, data at 512 KiB and 6 MiB, zeros at 4 MiB.
    const QEMU_CHAIN: &str = r#"[{ "start": 0, "length": 524288, "depth": 1, "present": true, "zero": false, "data": true, "offset": 327680},
{ "start": 524288, "length": 65536, "depth": 0, "present": true, "zero": false, "data": true, "offset": 327680},
{ "start": 589824, "length": 458752, "depth": 1, "present": true, "zero": false, "data": true, "offset": 917504},
{ "start": 1048576, "length": 3145728, "depth": 1, "present": false, "zero": true, "data": false},
{ "start": 4194304, "length": 65536, "depth": 0, "present": true, "zero": true, "data": false},
{ "start": 4259840, "length": 196608, "depth": 1, "present": true, "zero": false, "data": true, "offset": 1441792},
{ "start": 4456448, "length": 1835008, "depth": 1, "present": false, "zero": true, "data": false},
{ "start": 6291456, "length": 65536, "depth": 0, "present": true, "zero": false, "data": true, "offset": 393216},
{ "start": 6356992, "length": 2031616, "depth": 1, "present": false, "zero": true, "data": false}]
"#;

    // Printed by qemu-img 7.2.22 of a raw file with three bytes at 1 MiB.
    const QEMU_RAW: &str = r#"[{ "start": 0, "length": 1048576, "depth": 0, "present": true, "zero": true, "data": false, "offset": 0},
{ "start": 1048576, "length": 4096, "depth": 0, "present": true, "zero": false, "data": true, "offset": 1048576},
{ "start": 1052672, "length": 2093056, "depth": 0, "present": true, "zero": true, "data": false, "offset": 1052672}]
"#;

    // Printed by qemu-img 7.2.22 of the disk of NBD_DIRTY, through x-dirty-bitmap: what is dirty is neither present nor data.
    const QEMU_X_DIRTY: &str = r#"[{ "start": 0, "length": 131072, "depth": 0, "present": true, "zero": false, "data": true, "offset": 0},
{ "start": 131072, "length": 65536, "depth": 0, "present": false, "zero": false, "data": false},
{ "start": 196608, "length": 851968, "depth": 0, "present": true, "zero": false, "data": true, "offset": 196608},
{ "start": 1048576, "length": 65536, "depth": 0, "present": false, "zero": false, "data": false},
{ "start": 1114112, "length": 3080192, "depth": 0, "present": true, "zero": false, "data": true, "offset": 1114112},
{ "start": 4194304, "length": 512, "depth": 0, "present": false, "zero": false, "data": false}]
"#;

    // Printed by nbdinfo 1.14.2 of a bitmap that qemu-nbd 7.2.22 served: writes at 128 KiB and 4 MiB, zeros written at 1 MiB.
    const NBD_DIRTY: &str = r#"[
{ "offset": 0, "length": 131072, "type": 0, "description": "clean"},
{ "offset": 131072, "length": 65536, "type": 1, "description": "dirty"},
{ "offset": 196608, "length": 851968, "type": 0, "description": "clean"},
{ "offset": 1048576, "length": 65536, "type": 1, "description": "dirty"},
{ "offset": 1114112, "length": 3080192, "type": 0, "description": "clean"},
{ "offset": 4194304, "length": 512, "type": 1, "description": "dirty"}
]
"#;

    // The same disk, base:allocation.
    const NBD_ALLOCATION: &str = r#"[
{ "offset": 0, "length": 1048576, "type": 0, "description": "data"},
{ "offset": 1048576, "length": 3145728, "type": 3, "description": "hole,zero"},
{ "offset": 4194304, "length": 512, "type": 0, "description": "data"}
]
"#;

    // The same disk, qemu:allocation-depth: neither of the two contexts that say what changed.
    const NBD_DEPTH: &str = r#"[
{ "offset": 0, "length": 1114112, "type": 1, "description": "local"},
{ "offset": 1114112, "length": 3080192, "type": 0, "description": "absent"},
{ "offset": 4194304, "length": 512, "type": 1, "description": "local"}
]
"#;

    // The same disk, with --totals.
    const NBD_TOTALS: &str = r#"[
{ "size": 1049088, "percent": 25.0092, "type": 0, "description": "data" },
{ "size": 3145728, "percent": 74.9908, "type": 3, "description": "hole,zero" }
]
"#;

    // As rbd prints it: one line, neither sorted nor merged.
    const RBD: &str = r#"[{"offset":4194304,"length":4194304,"exists":"true"},{"offset":0,"length":65536,"exists":"false"},{"offset":8388608,"length":512,"exists":"true"}]"#;

    type Read = Result<(Source, Vec<(u64, u64, State)>), Failure>;

    fn read_text(text: impl AsRef<[u8]>) -> Read {
        let mut extents = Vec::new();
        let source = read_from(text.as_ref(), "the file", &mut |extent| {
            extents.push((extent.offset, extent.len_bytes, extent.state));
            Ok(())
        })?;
        Ok((source, extents))
    }

    /// Kind and extents of a list that is good.
    fn good(text: &str) -> (Kind, Vec<(u64, u64, State)>) {
        let (source, extents) = read_text(text).unwrap_or_else(|failure| panic!("{text}: {failure:?}"));
        assert_eq!(source.extents, extents.len() as u64, "{text}");
        (source.kind, extents)
    }

    /// The words for one that is bad.
    #[track_caller]
    fn refused(text: impl AsRef<[u8]>) -> String {
        let failure = read_text(text.as_ref()).expect_err(&String::from_utf8_lossy(text.as_ref()));
        assert_eq!(failure.exit(), Exit::Failed, "{failure:?}");
        failure.words().into()
    }

    #[track_caller]
    fn assert_refused(text: &str, place: &str, words: &str) {
        let said = refused(text);
        assert!(said.starts_with(&format!("the file: {place}: ")), "{text}\n{said}\nnot at {place}");
        assert!(said.contains(words), "{text}\n{said}\nwithout {words}");
    }

    #[test]
    fn what_rbd_prints_is_data_and_zeros_in_its_own_order() {
        let extents = vec![(4 << 20, 4 << 20, Data), (0, 65536, Zero), (8 << 20, 512, Data)];
        assert_eq!(good(RBD), (Kind::RbdDiff, extents.clone()));
        assert_eq!(good(&RBD.replace("\"true\"", "true").replace("\"false\"", "false")), (Kind::RbdDiff, extents.clone()));
        assert_eq!(good(&RBD.replace(',', " ,\n\t").replace(':', " : ")), (Kind::RbdDiff, extents));
    }

    #[test]
    fn of_a_chain_only_the_top_has_changed() {
        let changed: Vec<_> = good(QEMU_CHAIN).1.into_iter().filter(|extent| extent.2 != Unchanged).collect();
        assert_eq!(changed, [(512 << 10, 65536, Data), (4 << 20, 65536, Zero), (6 << 20, 65536, Data)]);
        let (source, extents) = read_text(QEMU_CHAIN).unwrap();
        assert_eq!((source.kind, source.extents, source.end), (Kind::QemuMap, 9, 8 << 20));
        assert_eq!(extents.len(), 9, "what did not change is passed on too, to be held to the disk's size");
    }

    #[test]
    fn a_map_without_a_chain_says_of_every_byte_zero_or_data() {
        let extents = vec![(0, 1 << 20, Zero), (1 << 20, 4096, Data), (1_052_672, 2_093_056, Zero)];
        assert_eq!(good(QEMU_RAW), (Kind::QemuMap, extents.clone()));
        // Older programs do not print these, newer ones print more.
        assert_eq!(good(&QEMU_RAW.replace("\"present\": true, ", "")), (Kind::QemuMap, extents.clone()));
        assert_eq!(
            good(&QEMU_RAW.replace("\"zero\"", "\"compressed\": false, \"new\": [{\"type\": 1}], \"zero\"")),
            (Kind::QemuMap, extents)
        );
        // Data that is known to be zero.
        let both = r#"[{"start": 0, "length": 512, "depth": 0, "present": true, "zero": true, "data": true}]"#;
        assert_eq!(good(both).1, [(0, 512, Zero)]);
    }

    #[test]
    fn a_bitmap_turned_round_loses_nothing() {
        let (kind, extents) = good(QEMU_X_DIRTY);
        assert_eq!(kind, Kind::QemuMap);
        assert!(extents.iter().all(|extent| extent.2 == Data), "{extents:?}");
    }

    #[test]
    fn contexts_of_nbd_are_told_apart_by_their_words() {
        let (source, extents) = read_text(NBD_DIRTY).unwrap();
        assert_eq!((source.kind, source.end), (Kind::NbdDirty, 4_194_816));
        let dirty: Vec<_> = extents.iter().filter(|extent| extent.2 == Data).map(|extent| (extent.0, extent.1)).collect();
        assert_eq!(dirty, [(131_072, 65536), (1 << 20, 65536), (4 << 20, 512)]);
        assert_eq!(extents.iter().filter(|extent| extent.2 == Unchanged).count(), 3);

        let extents = vec![(0, 1 << 20, Data), (1 << 20, 3 << 20, Zero), (4 << 20, 512, Data)];
        assert_eq!(good(NBD_ALLOCATION), (Kind::NbdAllocation, extents));
        let rare = r#"[{"offset": 0, "length": 1, "type": 1, "description": "hole"}, {"offset": 1, "length": 1, "type": 2, "description": "zero"}]"#;
        assert_eq!(good(rare).1, [(0, 1, Data), (1, 1, Zero)], "what a hole holds is not said");
    }

    #[test]
    fn other_contexts_of_nbd_are_refused() {
        assert_refused(
            NBD_DEPTH,
            "extent 1, line 2, column 68",
            "type 1, described as \"local\", is neither of `qemu:dirty-bitmap:NAME`",
        );
        assert_refused(NBD_TOTALS, "extent 1, line 2, column 73", "lacks `offset`");
        for absent in ["", r#", "description": null"#] {
            let said = refused(format!(r#"[{{"offset": 0, "length": 1, "type": 0{absent}}}]"#));
            assert!(said.contains("lacks `description`, so nobody knows what its type means"), "{said}");
        }
        for (bits, word) in [(1, "clean"), (0, "dirty"), (2, "dirty"), (3, "data"), (0, "hole,zero"), (4, "data"), (0, "")] {
            let said = refused(format!(r#"[{{"offset": 0, "length": 1, "type": {bits}, "description": "{word}"}}]"#));
            assert!(said.contains(&format!("type {bits}, described as \"{word}\", is neither")), "{said}");
        }
    }

    #[test]
    fn our_own_shape_has_three_states() {
        let text = r#"[{"offset": 0, "length": 1, "state": "data"}, {"state": "zero", "length": 2, "offset": 18446744073709551613},
            {"offset": 3, "length": 0, "state": "unchanged"}]"#;
        let extents = vec![(0, 1, Data), (u64::MAX - 2, 2, Zero), (3, 0, Unchanged)];
        assert_eq!(good(text), (Kind::Sarsen, extents));
        assert_eq!(read_text(text).unwrap().0.end, u64::MAX, "not where the last one ends");
        let nowhere = r#"[{"offset": 7, "length": 2, "state": "zero"}, {"offset": 99, "length": 0, "state": "data"}]"#;
        assert_eq!(read_text(nowhere).unwrap().0.end, 9, "without bytes it ends nowhere");
        let said = refused(r#"[{"offset": 0, "length": 1, "state": "Data"}]"#);
        assert!(said.contains("the state is \"Data\", expected \"data\", \"zero\" or \"unchanged\""), "{said}");
    }

    #[test]
    fn an_empty_list_says_that_nothing_changed() {
        for text in ["[]", " [ \n ]\n"] {
            let (source, extents) = read_text(text).unwrap();
            assert_eq!((source.kind, source.extents, source.end, extents.len()), (Kind::Empty, 0, 0, 0));
        }
    }

    #[test]
    fn the_identity_is_the_digest_of_every_byte() {
        // printf '[]' | sha256sum
        let empty = "sha256:4f53cda18c2baa0c0354bb5f9a3ecbe5";
        assert_eq!(read_text("[]").unwrap().0.identity, empty);
        let long = read_text(NBD_ALLOCATION).unwrap().0.identity;
        assert!(long.starts_with("sha256:") && long.len() == empty.len(), "{long}");
        assert_ne!(read_text("[]\n").unwrap().0.identity, empty, "what follows the list is part of the file");
    }

    #[test]
    fn a_mix_of_kinds_is_refused_where_it_begins() {
        let mixed = "[{\"offset\":0,\"length\":1,\"exists\":\"true\"},\n{\"offset\":1,\"length\":1,\"state\":\"data\"}]";
        assert_refused(mixed, "extent 2, line 2, column 38", "it is of the kind sarsen, but those before it are of rbd-diff");
        let contexts = NBD_DIRTY.replace("]\n", ",") + NBD_ALLOCATION.trim_start_matches('[');
        assert_refused(
            &contexts,
            "extent 7, line 9, column 67",
            "it is of the kind nbd-allocation, but those before it are of nbd-dirty",
        );
        let said = refused(r#"[{"offset":0,"length":1,"exists":"true","state":"data"}]"#);
        assert!(said.contains("fields of more than one kind"), "{said}");
        let said = refused(r#"[{"offset":0,"start":0,"length":1,"type":1,"description":"dirty"}]"#);
        assert!(said.contains("fields of more than one kind"), "{said}");
    }

    #[test]
    fn each_kind_needs_all_of_its_fields() {
        let kinds = [
            (r#""offset":0,"length":1,"exists":"true""#, "exists"),
            (r#""offset":0,"length":1,"state":"data""#, "state"),
            (r#""offset":0,"length":1,"type":1,"description":"dirty""#, "type"),
            (r#""start":0,"length":1,"depth":0,"zero":false,"data":true"#, "start"),
        ];
        for (fields, sign) in kinds {
            good(&format!("[{{{fields}}}]"));
            let fields: Vec<_> = fields.split(',').collect();
            for left_out in 0..fields.len() {
                let (mut fewer, mut null) = (fields.clone(), fields.clone());
                let name = fewer.remove(left_out).split('"').nth(1).unwrap();
                let absent = format!("\"{name}\":null");
                null[left_out] = &absent;
                for fields in [fewer, null] {
                    let said = refused(format!("[{{{}}}]", fields.join(",")));
                    let words = if name == sign && name != "type" && name != "start" {
                        "tells of what kind it is"
                    } else {
                        &*format!("lacks `{name}`")
                    };
                    assert!(said.contains(words), "{fields:?}: {said}");
                }
            }
        }
        assert_refused("[{}]", "extent 1, line 1, column 3", "tells of what kind it is");
    }

    #[test]
    fn numbers_are_whole_and_have_64_bits() {
        let with = |number: &str| format!(r#"[{{"offset": {number}, "length": 1, "state": "zero"}}]"#);
        assert_eq!(good(&with("18446744073709551615")).1, [(u64::MAX, 1, Zero)]);
        for wrong in ["-1", "-0.0", "1.5", "1.0", "1e3", "18446744073709551616", "1e300", "\"5\"", "true", "[]", "{}"] {
            let said = refused(with(wrong));
            assert!(said.starts_with("the file: extent 1, line 1, column "), "{wrong}: {said}");
            assert!(said.contains("expected a whole number from 0 to 18446744073709551615"), "{wrong}: {said}");
        }
        for wrong in ["01", "0x10", "+1", "1e999", "NaN", "."] {
            let said = refused(with(wrong));
            assert!(
                said.starts_with("the file: extent 1, line 1, column ") && said.contains("this is not JSON"),
                "{wrong}: {said}"
            );
        }
    }

    #[test]
    fn what_exists_is_true_or_false_and_nothing_near_it() {
        for wrong in ["\"True\"", "\"\"", "\"1\"", "1", "0", "\"yes\"", "[true]"] {
            let said = refused(format!(r#"[{{"offset": 0, "length": 1, "exists": {wrong}}}]"#));
            assert!(said.contains("expected `exists` to be \"true\" or \"false\""), "{wrong}: {said}");
        }
        let said = refused(r#"[{"start": 0, "length": 1, "depth": 0, "zero": "false", "data": true}]"#);
        assert!(said.contains("expected a boolean"), "{said}");
    }

    #[test]
    fn a_list_cut_off_anywhere_is_never_taken_for_a_shorter_one() {
        for whole in [RBD, QEMU_CHAIN, NBD_DIRTY] {
            let whole = whole.trim_end();
            for len in 1..whole.len() {
                let said = refused(&whole[..len]);
                assert!(said.contains("the hints end in the middle, so they were cut off"), "{len}: {said}");
            }
        }
        assert_refused(&QEMU_CHAIN[..200], "extent 2, line 2, column 90", "cut off");
        assert_refused("[", "line 1, column 1", "cut off");
        assert!(refused("").contains("there is nothing in it"));
    }

    #[test]
    fn what_follows_the_list_is_refused() {
        for (rest, place) in
            [("]", "column 42"), ("[]", "column 42"), ("\n{}", "column 1"), (" x", "column 43"), ("\0", "column 42")]
        {
            let said = refused(format!("[{{\"offset\":0,\"length\":1,\"exists\":\"true\"}}]{rest}"));
            assert!(
                said.contains("behind extent 1, line ") && said.contains("this is not JSON: trailing characters"),
                "{rest:?}: {said}"
            );
            assert!(said.contains(place), "{rest:?}: {said}");
        }
    }

    #[test]
    fn what_is_no_list_is_refused() {
        for text in ["{}", r#"{"offset":0,"length":1,"exists":"true"}"#, "null", "7", "\"[]\"", "true"] {
            let said = refused(text);
            assert!(said.contains("expected a list of extents; hints are a JSON list, as `rbd diff"), "{text}: {said}");
            assert!(said.starts_with("the file: line 1, column "), "{text}: {said}");
        }
        for text in ["[1]", "[null]", "[[0, 1, \"true\"]]", "[[]]", "[\"data\"]"] {
            let said = refused(text);
            assert!(
                said.starts_with("the file: extent 1, line 1, column ") && said.contains("expected an extent in braces"),
                "{text}: {said}"
            );
        }
        let repeated = r#"[{"offset":0,"offset":8,"length":1,"exists":"true"}]"#;
        assert_refused(repeated, "extent 1, line 1, column 22", "duplicate field `offset`");
        for text in
            ["Offset Length Type\n0 65536 data\n", "rbd diff v1\n", "\u{feff}[]", "[,]", "[{\"offset\" 0}]", "[{'offset': 0}]"]
        {
            assert!(refused(text).contains("this is not JSON"), "{text}");
        }
        assert!(refused(b"[{\"offset\":0,\"length\":1,\"state\":\"\xff\"}]").contains("this is not JSON"));
        assert!(refused("[{\"offset\":0,\"length\":1,\"exists\":\"true\"},]").contains("behind extent 1, line 1"));
    }

    #[test]
    fn text_that_should_not_be_there_is_cut_short_and_harmless() {
        let long = "\\u001b[2J".repeat(10_000);
        for text in [
            format!(r#"[{{"offset": 0, "length": 1, "state": "{long}"}}]"#),
            format!(r#"[{{"offset": 0, "length": 1, "exists": "{long}"}}]"#),
            format!(r#"[{{"offset": "{long}", "length": 1, "exists": true}}]"#),
            format!(r#"[{{"start": 0, "length": 1, "depth": 0, "zero": "{long}", "data": true}}]"#),
            format!(r#"[{{"offset": 0, "length": 1, "type": 0, "description": "{long}"}}]"#),
        ] {
            let said = refused(text);
            assert!(said.len() < 1000 && !said.contains('\u{1b}'), "{said}");
        }
    }

    #[test]
    fn what_the_core_refuses_keeps_its_place_and_gets_its_code() {
        let text = format!(
            "[{{\"offset\":0,\"length\":1,\"state\":\"zero\"}},\n{{\"offset\":{},\"length\":1,\"state\":\"zero\"}}\n]",
            u64::MAX
        );
        let mut heap = Heap::new();
        let mut hints = Hints::new(&mut heap);
        let failure =
            read_from(text.as_bytes(), "the file", &mut |extent| hints.push(extent)).expect_err("an extent that overflows");
        assert_eq!(failure.exit(), Exit::Mismatch);
        let said = failure.words();
        assert!(said.starts_with("the file: extent 2, line 2, column 57: 1 byte at byte 18446744073709551615 reach"), "{said}");
    }

    #[test]
    fn a_million_extents_come_through_as_they_are() {
        const COUNT: u64 = 1_000_000;
        let elements: Vec<_> =
            (0..COUNT).map(|at| format!(r#"{{"offset":{},"length":4096,"exists":"{}"}}"#, at << 13, at % 2 == 0)).collect();
        let text = format!("[{}]", elements.join(","));
        let mut heap = Heap::new();
        let mut hints = Hints::new(&mut heap);
        let source = read_from(text.as_bytes(), "the file", &mut |extent| hints.push(extent)).unwrap();
        assert_eq!((source.kind, source.extents, source.end), (Kind::RbdDiff, COUNT, ((COUNT - 1) << 13) + 4096));
        let view = hints.settle(COUNT << 13).unwrap();
        assert_eq!((view.data_bytes(), view.zero_bytes()), (COUNT / 2 * 4096, COUNT / 2 * 4096));
    }

    #[test]
    fn files_are_read_and_those_that_cannot_be_are_named() {
        let folder = sarsen_tests::Scratch::new("hints");
        let path = folder.path().join("hints.json");
        std::fs::write(&path, RBD).unwrap();
        let mut count = 0;
        let mut take = |_| {
            count += 1;
            Ok(())
        };
        let source = read(&path, &mut take).unwrap();
        assert_eq!((source.kind, count), (Kind::RbdDiff, 3));
        for path in [folder.path().join("absent.json"), folder.path().to_owned()] {
            let failure = read(&path, &mut |_| Ok(())).expect_err("nothing to read there");
            let begin = format!("{}: cannot read the hints: ", path.display());
            assert!(failure.exit() == Exit::Failed && failure.words().starts_with(&begin), "{failure:?}");
        }
    }
}
