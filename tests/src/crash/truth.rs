//! What a repository holds, in plain words.

use std::collections::BTreeMap;

/// Which version: its snapshot name, and what its disk is made from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Label(pub u32);

/// What a row of the list is.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Standing {
    /// A version: restores exactly.
    Version,
    /// A draft: can be continued.
    Draft,
}

/// What a medium holds: no repository, or versions and drafts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Truth {
    /// Nothing was ever committed.
    Nothing,
    /// A repository with these in its list.
    Holds(BTreeMap<Label, Standing>),
}

impl Truth {
    /// A repository with nothing in it.
    pub const EMPTY: Truth = Truth::Holds(BTreeMap::new());

    /// The same with this in the list, if there is a repository.
    pub fn with(&self, label: Label, standing: Standing) -> Truth {
        let mut truth = self.clone();
        if let Truth::Holds(list) = &mut truth {
            list.insert(label, standing);
        }
        truth
    }

    /// The same without.
    pub fn without(&self, label: Label) -> Truth {
        let mut truth = self.clone();
        if let Truth::Holds(list) = &mut truth {
            list.remove(&label);
        }
        truth
    }

    /// The labels of one standing.
    pub fn labels(&self, standing: Standing) -> Vec<Label> {
        match self {
            Truth::Nothing => Vec::new(),
            Truth::Holds(list) => list.iter().filter(|(_, is)| **is == standing).map(|(label, _)| *label).collect(),
        }
    }
}
