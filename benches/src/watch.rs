//! Memory that is watched while it grows.

use sarsen_core::host::Slots;
use sarsen_core::index::Slot;
use sarsen_host::Heap;

/// Slots of an index, and what they took whenever there came more.
#[derive(Debug, Default)]
pub struct WatchedSlots {
    heap: Heap<Slot>,
    /// One for each growth.
    pub growths: Vec<Growth>,
}

/// A moment right after a growth: there are never more bytes for so few objects.
#[derive(Clone, Copy, Debug)]
pub struct Growth {
    /// Objects in the index.
    pub objects: u64,
    /// Bytes of all slots.
    pub slot_bytes: u64,
    /// Most resident bytes of the process since the growth before; none where the system does not say.
    pub peak_bytes: Option<u64>,
}

impl Slots<Slot> for WatchedSlots {
    fn items(&self) -> &[Slot] {
        self.heap.items()
    }

    fn items_mut(&mut self) -> &mut [Slot] {
        self.heap.items_mut()
    }

    fn grow(&mut self, wanted: usize, fill: Slot) -> bool {
        let objects = self.items().iter().filter(|&&slot| slot != Slot::default()).count() as u64;
        crate::process::forget_peak();
        let grown = self.heap.grow(wanted, fill);
        let slot_bytes = size_of_val(self.items()) as u64;
        self.growths.push(Growth { objects, slot_bytes, peak_bytes: crate::process::peak_bytes() });
        grown
    }
}
