//! The module's own memory: pages are taken from the end and never given back. They come zeroed.

use core::arch::wasm32::{memory_grow, memory_size};
use core::marker::PhantomData;
use core::mem::size_of;
use sarsen_core::host::Slots;

const PAGE_BYTES: usize = 65536;

/// New memory, in whole pages; where it begins. None if there is no more.
fn more(bytes: usize) -> Option<usize> {
    let before = memory_grow::<0>(bytes.div_ceil(PAGE_BYTES));
    (before != usize::MAX).then(|| before.saturating_mul(PAGE_BYTES))
}

/// A run of bytes, taken for good, and lent over and over: each store and each task gets it anew.
#[derive(Clone, Copy)]
pub struct Piece {
    start: usize,
    len: usize,
}

impl Piece {
    /// Takes `len` bytes. None if there are not that many.
    pub fn take(len: usize) -> Option<Piece> {
        Some(Piece { start: more(len)?, len })
    }

    /// The bytes.
    ///
    /// # Safety
    /// Whatever they were lent to before must be gone.
    pub unsafe fn lend(&self) -> &'static mut [u8] {
        // SAFETY: `take` got these bytes from new pages, which are zeroed and stay; the caller promised that no other borrow lives.
        unsafe { core::slice::from_raw_parts_mut(self.start as *mut u8, self.len) }
    }
}

/// Items that grow in place, as long as nothing else has taken memory since; otherwise they move.
pub struct Growing<T> {
    start: usize,
    len: usize,
    items: PhantomData<T>,
}

impl<T: Copy> Growing<T> {
    /// No items yet.
    pub const fn new() -> Growing<T> {
        Growing { start: 0, len: 0, items: PhantomData }
    }

    fn used_bytes(&self) -> usize {
        size_of::<T>().saturating_mul(self.len).next_multiple_of(PAGE_BYTES)
    }

    /// Where there is room for `wanted` items: where they are, if what follows is new memory.
    fn room(&self, wanted: usize) -> Option<usize> {
        let bytes = size_of::<T>().checked_mul(wanted)?;
        let end = memory_size::<0>().saturating_mul(PAGE_BYTES);
        if self.len == 0 || self.start.saturating_add(self.used_bytes()) != end {
            return more(bytes);
        }
        more(bytes.saturating_sub(self.used_bytes()))?;
        Some(self.start)
    }
}

impl<T: Copy> Slots<T> for Growing<T> {
    fn items(&self) -> &[T] {
        if self.len == 0 {
            return &[];
        }
        // SAFETY: `grow` has written `len` items from `start` on, which nobody else has.
        unsafe { core::slice::from_raw_parts(self.start as *const T, self.len) }
    }

    fn items_mut(&mut self) -> &mut [T] {
        if self.len == 0 {
            return &mut [];
        }
        // SAFETY: as in `items`.
        unsafe { core::slice::from_raw_parts_mut(self.start as *mut T, self.len) }
    }

    fn grow(&mut self, wanted: usize, fill: T) -> bool {
        if wanted <= self.len {
            return true;
        }
        let Some(start) = self.room(wanted) else { return false };
        let first = start as *mut T;
        // SAFETY: there is room for `wanted` items, aligned to a page; where that is new memory, the old items are copied there.
        unsafe {
            core::ptr::copy(self.items().as_ptr(), first, self.len);
            for at in self.len..wanted {
                first.add(at).write(fill);
            }
        }
        (self.start, self.len) = (start, wanted);
        true
    }
}
