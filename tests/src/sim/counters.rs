//! What a medium was asked for, and how often.

/// A kind of operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// `create`
    Create,
    /// `append`
    Append,
    /// `sync`
    Sync,
    /// `remove`
    Remove,
    /// `replace_pin`
    ReplacePin,
    /// `hold`
    Hold,
    /// `read`
    Read,
    /// `next`, `previous` and `len`
    List,
}

impl Operation {
    /// All kinds that change something.
    pub const MUTATING: [Operation; 6] =
        [Operation::Create, Operation::Append, Operation::Sync, Operation::Remove, Operation::ReplacePin, Operation::Hold];

    /// Whether it changes something; these are what a power cut counts.
    pub fn is_mutating(self) -> bool {
        Operation::MUTATING.contains(&self)
    }
}

/// Operations asked for, whether they succeeded or not.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Counters {
    counts: [u64; 8],
    /// Bytes given to `append`.
    pub appended_bytes: u64,
    /// Bytes asked of `read`.
    pub read_bytes: u64,
}

impl Counters {
    /// Operations of one kind.
    pub fn of(&self, operation: Operation) -> u64 {
        self.counts[operation as usize]
    }

    /// Operations that change something.
    pub fn mutations(&self) -> u64 {
        Operation::MUTATING.iter().map(|&operation| self.of(operation)).sum()
    }

    pub(super) fn count(&mut self, operation: Operation) {
        self.counts[operation as usize] += 1;
    }
}
