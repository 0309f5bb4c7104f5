//! `--ordered`: results in the order of the targets, in bounded memory. A result waits for those before it, and a target
//! does not begin while too many wait.

use std::collections::BTreeMap;

use crate::model::Report;

/// Targets that may have begun before the oldest one is decided, where no more attempts than these are in flight.
const MOST_AHEAD: usize = 1024;

/// Where a target stands among all: its batch, in the order in which batches were read, and its place there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The number of its batch.
    pub batch: u64,
    /// Its number in the batch.
    pub target: u64,
    /// The batch has no further one.
    pub last: bool,
}

/// Results that wait for earlier ones.
#[derive(Debug)]
pub struct Order {
    most: usize,
    /// The batch and the number of the oldest target that is not decided.
    next: (u64, u64),
    /// Targets that have begun and whose results have not been given, by batch.
    begun: BTreeMap<u64, usize>,
    /// Their sum.
    all: usize,
    held: BTreeMap<(u64, u64), (bool, Report)>,
}

impl Order {
    /// Nothing begun. `in_flight`: attempts that may be.
    pub fn new(in_flight: usize) -> Self {
        let most = in_flight.max(MOST_AHEAD);
        Order { most, next: (0, 0), begun: BTreeMap::new(), all: 0, held: BTreeMap::new() }
    }

    /// Whether a target of that batch may begin. The batch of the oldest target has room of its own: it may have waited for
    /// a lookup while others went ahead.
    pub fn has_room(&self, batch: u64) -> bool {
        let oldest = self.begun.get(&self.next.0).copied().unwrap_or(0);
        let waiting = if batch == self.next.0 { oldest } else { self.all - oldest };
        waiting < self.most
    }

    /// A target begins.
    pub fn begin(&mut self, place: Place) {
        *self.begun.entry(place.batch).or_default() += 1;
        self.all += 1;
    }

    /// Takes a result and gives those that wait for nothing any more.
    pub fn file(&mut self, place: Place, report: Report) -> Vec<Report> {
        self.held.insert((place.batch, place.target), (place.last, report));
        let mut reports = Vec::new();
        while let Some((last, report)) = self.held.remove(&self.next) {
            self.forget(self.next.0);
            self.next = if last { (self.next.0 + 1, 0) } else { (self.next.0, self.next.1 + 1) };
            reports.push(report);
        }
        reports
    }

    /// The run has ended: gives what waits for results that never come.
    pub fn end(&mut self) -> impl Iterator<Item = Report> + use<> {
        self.begun.clear();
        self.all = 0;
        std::mem::take(&mut self.held).into_values().map(|(_, report)| report)
    }

    fn forget(&mut self, batch: u64) {
        // What a signal leaves behind is reported without having begun.
        let Some(count) = self.begun.get_mut(&batch) else { return };
        *count -= 1;
        self.all -= 1;
        if *count == 0 {
            self.begun.remove(&batch);
        }
    }
}
