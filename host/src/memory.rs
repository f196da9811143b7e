//! Memory from the heap, lent to the core.

use sarsen_core::host::Slots;

/// A vector that grows as far as memory, or a limit, allows, and says so where it does not.
#[derive(Debug)]
pub struct Heap<T> {
    items: Vec<T>,
    items_max: usize,
}

impl<T> Heap<T> {
    /// Empty; grows as long as there is memory.
    pub fn new() -> Heap<T> {
        Heap::limited(usize::MAX)
    }

    /// Empty; grows to at most `items_max` items.
    pub fn limited(items_max: usize) -> Heap<T> {
        Heap { items: Vec::new(), items_max }
    }
}

impl<T> Default for Heap<T> {
    fn default() -> Heap<T> {
        Heap::new()
    }
}

impl<T: Clone> Slots<T> for Heap<T> {
    fn items(&self) -> &[T] {
        &self.items
    }

    fn items_mut(&mut self) -> &mut [T] {
        &mut self.items
    }

    /// Exactly as far as asked: the core knows how much it will need, and memory for a large index is not to be doubled.
    fn grow(&mut self, wanted: usize, fill: T) -> bool {
        if wanted > self.items_max {
            return false;
        }
        let missing = wanted.saturating_sub(self.items.len());
        if self.items.try_reserve_exact(missing).is_err() {
            return false;
        }
        self.items.resize(self.items.len() + missing, fill);
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn growing_keeps_items_and_fills_the_rest() {
        let mut heap = Heap::new();
        assert!(heap.grow(2, 7u16));
        heap.items_mut()[0] = 1;
        assert!(heap.grow(4, 9));
        assert_eq!(heap.items(), [1, 7, 9, 9]);
    }

    #[test]
    fn growing_to_less_changes_nothing() {
        let mut heap = Heap::new();
        assert!(heap.grow(3, 1u8));
        assert!(heap.grow(1, 2));
        assert_eq!(heap.items(), [1, 1, 1]);
    }

    #[test]
    fn a_limit_holds_to_the_item() {
        let mut heap = Heap::limited(3);
        assert!(heap.grow(2, 0u8));
        assert!(!heap.grow(4, 0));
        assert_eq!(heap.items().len(), 2);
        assert!(heap.grow(3, 0));
    }

    #[test]
    fn more_than_there_is_memory_is_refused_not_fatal() {
        let mut heap = Heap::new();
        assert!(!heap.grow(usize::MAX / 2, 0u64));
        assert!(!heap.grow(usize::MAX, 0u64));
        assert!(heap.items().is_empty());
    }
}
