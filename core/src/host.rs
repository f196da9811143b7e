//! What the surroundings lend besides media and disks: time, randomness, patience and memory.

/// How far a verb has come. Units are the verb's own: bytes of the disk for backup and restore, bytes of the medium otherwise.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Progress {
    /// Done so far.
    pub done: u64,
    /// Of how many; 0 if not known.
    pub total: u64,
}

/// Time, randomness, and whether to go on.
pub trait Host {
    /// Milliseconds since 1970-01-01 UTC. May stand still; microcontrollers without a clock return 0.
    fn now(&self) -> u64;
    /// Fills `to` with random bytes that nobody can guess; false if it cannot.
    fn random(&self, to: &mut [u8]) -> bool;
    /// Told now and then; false asks the verb to stop.
    fn go_on(&self, _progress: &Progress) -> bool {
        true
    }
}

/// Lent memory for items of one type. An array says no when it is full, a vector grows.
pub trait Slots<T> {
    /// All items there are now.
    fn items(&self) -> &[T];
    /// All items there are now, to change.
    fn items_mut(&mut self) -> &mut [T];
    /// Makes room for at least `wanted` items, keeping those there are and filling with `fill`; false if it cannot.
    fn grow(&mut self, wanted: usize, fill: T) -> bool;
}

/// A lent array: never grows.
pub struct Fixed<'m, T>(pub &'m mut [T]);

impl<T> Slots<T> for Fixed<'_, T> {
    fn items(&self) -> &[T] {
        self.0
    }
    fn items_mut(&mut self) -> &mut [T] {
        self.0
    }
    fn grow(&mut self, wanted: usize, _fill: T) -> bool {
        wanted <= self.0.len()
    }
}
