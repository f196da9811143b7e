//! Repositories filled by hand, below the verbs: blocks nobody read from a disk, manifests of disks nobody has.

use crate::Measured;
use crate::random;
use sarsen_core::chain::shape;
use sarsen_core::codec::Codecs;
use sarsen_core::draft::{Description, Draft};
use sarsen_core::error::Error;
use sarsen_core::format::commit::Root;
use sarsen_core::format::entry::{EntryHeader, Kind, LEN};
use sarsen_core::format::record::HintSource;
use sarsen_core::frame::{Work, encode, fill, packed_bytes, raw_bytes};
use sarsen_core::host::Host;
use sarsen_core::manifest;
use sarsen_core::medium::{Medium, MediumMut, Name};
use sarsen_core::ops::init::{self, Options};
use sarsen_core::store::{Purpose, Store};
use sarsen_core::types::{Id, Link, narrow};
use sarsen_host::{HostCodecs, StoreRoom};

/// Lines of footers read at once, and the largest entry of any table.
const LENT_BYTES: usize = 256 << 10;

/// Makes a repository.
pub fn init(medium: &dyn Medium, host: &dyn Host, options: &Options) -> Result<(), Error> {
    init::init(medium, host, options, &mut vec![0; LENT_BYTES], &mut vec![0; LENT_BYTES]).map(|_| ())
}

/// Opens a repository and does something with the store.
pub fn with_store<R>(medium: &dyn Medium, host: &dyn Host, run: impl FnOnce(&mut Store<'_>) -> Measured<R>) -> Measured<R> {
    let mut room = StoreRoom::new();
    run(&mut Store::open(medium, host, room.lend())?)
}

/// Loads the index.
pub fn load(store: &mut Store<'_>) -> Result<(), Error> {
    while !store.load()? {}
    Ok(())
}

/// What a draft of these tables says of itself.
pub fn description(disk_size: u64) -> Description<'static> {
    Description {
        name: "disk",
        snapshot: "",
        source: "figures",
        hints: (HintSource::None, ""),
        group: [0; 16],
        disk_size,
        time: 0,
        base: Id::ZERO,
    }
}

/// Writes a version of a disk of `blocks` blocks, of which `changed` have the ids that `id` says and the others those of `start`.
///
/// The blocks themselves are not stored: such a version can be listed and walked, not restored.
pub fn version(
    store: &mut Store<'_>,
    start: Root,
    blocks: u64,
    changed: impl Iterator<Item = u64>,
    id: impl Fn(u64) -> Id,
) -> Result<Link, Error> {
    let description = description(blocks * u64::from(store.parameters().block_bytes()));
    let geometry = manifest::geometry(store.parameters(), description.disk_size);
    let mut pages = vec![0; sarsen_core::tree::memory_bytes(&geometry)];
    store.begin(Purpose::Ordinary)?;
    let mut draft = Draft::begin(store, description, start, None, &mut pages)?;
    for block in changed {
        draft.set_block(block, id(block), store)?;
    }
    Ok(draft.finish(false, store)?.1)
}

/// Commits, and ends the session.
pub fn conclude(store: &mut Store<'_>) -> Result<(), Error> {
    store.commit()?;
    store.close()
}

/// Stores `count` blocks that differ, each half a frame of noise and otherwise zeros, and commits them.
pub fn blocks(store: &mut Store<'_>, count: u64) -> Result<(), Error> {
    let parameters = *store.parameters();
    let (shape, block_bytes) = (shape(&parameters), parameters.block_bytes());
    let mut raw = vec![0; raw_bytes(block_bytes)];
    let mut packed = vec![0; packed_bytes(block_bytes, parameters.frame_bytes(), parameters.alignment())];
    let mut codecs = HostCodecs::new();
    store.begin(Purpose::Ordinary)?;
    for number in 0..count {
        let mut work = Work { raw: &mut raw, packed: &mut packed, scratch: &mut [], codecs: &mut codecs as &mut dyn Codecs };
        let id = fill(&shape, block_bytes, &mut work, |_, _, frame| {
            frame.fill(0);
            random::fill(number, frame.get_mut(..16).unwrap_or_default());
            Ok::<_, Error>(None)
        })?;
        let done = encode(&shape, block_bytes, &mut work)?;
        let head = packed.get(done.start + LEN..).and_then(|rest| rest.get(..narrow(done.head_bytes.into()))).unwrap_or_default();
        let header = EntryHeader {
            kind: Kind::Block { delta: false },
            depth: 0,
            stored_bytes: done.stored_bytes,
            head_bytes: done.head_bytes,
            raw_bytes: block_bytes,
            id,
            base: Id::ZERO,
            digest: sarsen_core::digest::digest(shape.algorithm, head),
        };
        store.put(packed.get_mut(done.start..).unwrap_or_default(), &header)?;
    }
    conclude(store)
}

/// Copies a repository, segment for segment.
pub fn copy(from: &dyn Medium, to: &dyn MediumMut) -> Measured<()> {
    let mut after = None;
    while let Some(segment) = from.next(after)? {
        let mut bytes = vec![0; narrow(from.len(Name::Segment(segment))?)];
        from.read(Name::Segment(segment), 0, &mut bytes)?;
        to.create(segment)?;
        to.append(segment, &bytes)?;
        after = Some(segment);
    }
    let mut pin = vec![0; narrow(from.len(Name::Pin)?)];
    from.read(Name::Pin, 0, &mut pin)?;
    Ok(to.replace_pin(&pin)?)
}
