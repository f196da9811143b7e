//! The plan of what goes wrong, and when.

use super::counters::Operation;
use crate::random::Random;
use sarsen_core::error::Trouble;

/// How an operation goes wrong.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// Nothing is done.
    Refuse(Trouble),
    /// Any part is done, or all.
    Partly(Trouble),
    /// Of a sync: what was not durable reads as zeros from now on, and the next sync claims success.
    LoseNow(Trouble),
    /// Of a sync: the next sync claims success and reads go on as if all were well, but what this one should have made durable is gone after the next
    /// power cut. So does Linux after a failed write-back.
    LoseLater(Trouble),
}

impl Fault {
    pub(super) fn trouble(self) -> Trouble {
        match self {
            Fault::Refuse(trouble) | Fault::Partly(trouble) | Fault::LoseNow(trouble) | Fault::LoseLater(trouble) => trouble,
        }
    }
}

/// What becomes of one operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Verdict {
    /// It is done.
    Go,
    /// It goes wrong.
    Fail(Fault),
    /// The power is cut while it is done: it begins, what remains of it is not decided before the power comes back.
    Dying,
    /// There is no power.
    Dead,
}

impl Verdict {
    /// Whether an operation that is done whole or not at all is done.
    pub(super) fn does(self, random: &mut Random) -> bool {
        match self {
            Verdict::Go | Verdict::Dying => true,
            Verdict::Fail(Fault::Refuse(_)) | Verdict::Dead => false,
            Verdict::Fail(_) => random.one_in(2),
        }
    }
}

#[derive(Clone, Copy, Debug, Default)]
enum Cut {
    #[default]
    Never,
    /// After so many more mutating operations.
    After(u64),
    Done,
}

#[derive(Clone, Copy, Debug)]
struct Planned {
    operation: Operation,
    /// How many more of its kind go well.
    left: u64,
    /// None does after it.
    lasting: bool,
    fault: Fault,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    cut: Cut,
    planned: Vec<Planned>,
}

impl Faults {
    pub(super) fn cut_at(&mut self, operation: u64) {
        self.cut = Cut::After(operation);
    }

    pub(super) fn is_dead(&self) -> bool {
        matches!(self.cut, Cut::Done)
    }

    pub(super) fn once(&mut self, operation: Operation, number: u64, fault: Fault) {
        self.planned.push(Planned { operation, left: number, lasting: false, fault });
    }

    pub(super) fn from(&mut self, operation: Operation, number: u64, fault: Fault) {
        self.planned.push(Planned { operation, left: number, lasting: true, fault });
    }

    pub(super) fn forgive(&mut self) {
        self.planned.clear();
    }

    /// Decides about the next operation, and moves every plan on by it.
    pub(super) fn judge(&mut self, operation: Operation) -> Verdict {
        if self.is_dead() {
            return Verdict::Dead;
        }
        let failing = self.planned.iter().find(|plan| plan.operation == operation && plan.left == 0);
        let verdict = failing.map_or(Verdict::Go, |plan| Verdict::Fail(plan.fault));
        self.planned.retain(|plan| plan.operation != operation || plan.left != 0 || plan.lasting);
        for plan in self.planned.iter_mut().filter(|plan| plan.operation == operation) {
            plan.left = plan.left.saturating_sub(1);
        }
        if operation.is_mutating() && self.power_fails() { Verdict::Dying } else { verdict }
    }

    fn power_fails(&mut self) -> bool {
        self.cut = match self.cut {
            Cut::After(0) => Cut::Done,
            Cut::After(left) => Cut::After(left - 1),
            other => other,
        };
        self.is_dead()
    }
}
