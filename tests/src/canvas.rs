//! A draft to write on as on a disk, and the memory it is lent.

use crate::rig::{Plan, Rig};
use sarsen_core::draft::{Description, Draft, DraftDisk, Frames, Held};
use sarsen_core::error::Error;
use sarsen_core::format::header::Parameters;
use sarsen_core::format::record::HintSource;
use sarsen_core::manifest;
use sarsen_core::store::{Store, table_bytes};
use sarsen_core::types::narrow;

/// Memory for one draft: a path through any manifest of a test, and frames.
#[derive(Debug)]
pub struct Canvas {
    pages: Vec<u8>,
    held: Vec<Held>,
    bytes: Vec<u8>,
}

impl Canvas {
    /// With room for so many frames.
    pub fn new(parameters: &Parameters, frames: usize) -> Canvas {
        let frame_bytes = narrow(parameters.frame_bytes().into());
        // What is in it before must not matter.
        Canvas { pages: vec![0; table_bytes(8, 9)], held: vec![Held::FREE; frames], bytes: vec![0xA5; frames * frame_bytes] }
    }

    /// Begins a draft on what the plan says, of a disk of `size` bytes; none: as large as that.
    pub fn begin<'d>(
        &'d mut self,
        rig: &Rig<'_>,
        store: &mut Store<'_>,
        plan: &Plan<'d>,
        size: Option<u64>,
    ) -> Result<DraftDisk<'d, 'd>, Error> {
        while !store.load()? {}
        let start = rig.start(store, plan)?;
        let description = Description {
            name: plan.name,
            snapshot: plan.snapshot,
            source: "test",
            hints: (HintSource::None, ""),
            group: plan.group,
            disk_size: size.unwrap_or(start.disk_size),
            time: 5,
            base: start.base,
        };
        let root = manifest::tree(store.parameters(), start.disk_size, start.top);
        let draft = Draft::begin(store, description, root, start.draft, &mut self.pages)?;
        DraftDisk::new(store, draft, Frames { held: &mut self.held, bytes: &mut self.bytes })
    }
}
