//! What the targets of a run came to.

use super::{Outcome, Report};

/// What the targets of a run came to, counted in constant memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Targets reported.
    pub targets: u64,
    /// Those whose requirement holds.
    pub good: u64,
    /// The good ones of which some address failed.
    pub partial: u64,
    /// The deadline came before the end of the targets, and what it left out is not reported.
    pub unreported: bool,
    /// How many there should have been, where a signal ended the run before.
    pub of: Option<u128>,
    /// The user has said which outcomes are expected.
    pub expecting: bool,
    as_required: [u64; Outcome::ALL.len()],
    others: [u64; Outcome::ALL.len()],
}

impl Totals {
    /// Takes one more target into account.
    pub fn add(&mut self, report: &Report) {
        self.expecting |= report.expected.is_some();
        self.count(report.outcome, report.good, report.partial);
    }

    /// The same, by what it came to.
    pub fn count(&mut self, outcome: Outcome, good: bool, partial: bool) {
        self.targets += 1;
        self.good += u64::from(good);
        self.partial += u64::from(good && partial);
        let counts = if good { &mut self.as_required } else { &mut self.others };
        counts[outcome as usize] += 1;
    }

    /// The outcomes of the targets that are good and how often each occurred, in the documented order.
    pub fn as_required(&self) -> impl Iterator<Item = (Outcome, u64)> {
        occurred(self.as_required)
    }

    /// The same of the targets that are not good.
    pub fn others(&self) -> impl Iterator<Item = (Outcome, u64)> {
        occurred(self.others)
    }
}

fn occurred(counts: [u64; Outcome::ALL.len()]) -> impl Iterator<Item = (Outcome, u64)> {
    Outcome::ALL.iter().copied().zip(counts).filter(|&(_, count)| count > 0)
}
