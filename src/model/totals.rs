//! What the targets of a run came to.

use super::{Outcome, Report};

/// What the targets of a run came to, counted in constant memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Targets reported.
    pub targets: u64,
    /// Those whose requirement holds.
    pub good: u64,
    /// The good ones that connected; the others came to what was expected.
    pub connected: u64,
    /// The good ones of which some address failed.
    pub partial: u64,
    /// The deadline came before the end of the targets, and what it left out is not reported.
    pub unreported: bool,
    others: [u64; Outcome::ALL.len()],
}

impl Totals {
    /// Takes one more target into account.
    pub fn add(&mut self, report: &Report) {
        self.count(report.outcome, report.good, report.partial);
    }

    /// The same, by what it came to.
    pub fn count(&mut self, outcome: Outcome, good: bool, partial: bool) {
        self.targets += 1;
        self.good += u64::from(good);
        self.connected += u64::from(good && outcome == Outcome::Connected);
        self.partial += u64::from(good && partial);
        if !good {
            self.others[outcome as usize] += 1;
        }
    }

    /// The outcomes of the targets that are not good and how often each occurred, in the documented order.
    pub fn others(&self) -> impl Iterator<Item = (Outcome, u64)> {
        Outcome::ALL.iter().copied().zip(self.others).filter(|&(_, count)| count > 0)
    }
}
