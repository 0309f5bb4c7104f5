//! What is another answer than in the round before.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

use crate::classify::state::{State, tells, tells_of_name, tried};
use crate::model::{Protocol, Report};

/// Targets that are remembered, at most: as many as are probed without `--yes`.
const MOST_TARGETS: usize = 65_536;

/// What is other than in the round before.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Changed {
    /// It is the first report on the target.
    pub first: bool,
    /// What addresses answered before, where they answer otherwise now.
    pub was: Vec<(SocketAddr, State)>,
    /// What the target came to before, where it has an address and had none, or the other way round.
    pub target_was: Option<State>,
    /// Addresses that the name did not have before.
    pub new: Vec<SocketAddr>,
    /// Addresses that the name no longer has.
    pub gone: Vec<SocketAddr>,
}

impl Changed {
    /// Whether nothing is.
    pub fn is_nothing(&self) -> bool {
        *self == Changed::default()
    }

    /// Whether it is another answer, and not the first one.
    pub fn is_change(&self) -> bool {
        !self.first && !self.is_nothing()
    }
}

/// The last answer of every address.
#[derive(Debug, Default)]
pub struct Changes {
    known: HashMap<(Arc<str>, u16, Protocol), Known>,
}

#[derive(Debug)]
struct Known {
    target: State,
    /// There was no address to try in the last round.
    bare: bool,
    /// The addresses of the last round that had any.
    addresses: Vec<(SocketAddr, Option<State>)>,
}

impl Changes {
    /// Nothing known yet.
    pub fn new() -> Changes {
        Changes::default()
    }

    /// Takes a report, and gives what is other than in the one before on the same target.
    pub fn add(&mut self, report: &Report) -> Changed {
        let key = (Arc::clone(&report.host), report.port, report.protocol);
        let target = State::of_target(report);
        if let Some(known) = self.known.get_mut(&key) {
            return if report.attempts.is_empty() {
                known.bare(target, report)
            } else {
                known.answered(target, report)
            };
        }
        if self.known.len() >= MOST_TARGETS {
            return Changed::default();
        }
        let mut known = Known { target, bare: report.attempts.is_empty(), addresses: Vec::new() };
        known.answers(report);
        self.known.insert(key, known);
        Changed { first: true, ..Changed::default() }
    }
}

impl Known {
    fn bare(&mut self, target: State, report: &Report) -> Changed {
        if !tells_of_name(report) {
            return Changed::default();
        }
        let before = std::mem::replace(&mut self.target, target);
        let was_bare = std::mem::replace(&mut self.bare, true);
        let differs = !was_bare || before != target;
        Changed { target_was: differs.then_some(before), ..Changed::default() }
    }

    fn answered(&mut self, target: State, report: &Report) -> Changed {
        let before = std::mem::replace(&mut self.target, target);
        let was_bare = std::mem::replace(&mut self.bare, false);
        let held: Vec<SocketAddr> = self.addresses.iter().map(|&(address, _)| address).collect();
        let was = self.answers(report);
        let now = self.addresses.iter().map(|&(address, _)| address);
        let new = now.clone().filter(|address| !held.is_empty() && !held.contains(address)).collect();
        let gone = held.iter().copied().filter(|&address| !now.clone().any(|now| now == address)).collect();
        Changed { first: false, was, target_was: was_bare.then_some(before), new, gone }
    }

    /// Remembers what the addresses answer now; gives what they answered before, where that was something else.
    fn answers(&mut self, report: &Report) -> Vec<(SocketAddr, State)> {
        let before = std::mem::take(&mut self.addresses);
        let known = |address| before.iter().find(|&&(known, _)| known == address).and_then(|&(_, state)| state);
        let mut was = Vec::new();
        for attempt in &report.attempts {
            if self.addresses.last().is_none_or(|&(last, _)| last != attempt.address) {
                self.addresses.push((attempt.address, known(attempt.address)));
            }
        }
        for (address, attempt) in tried(report) {
            let state = State::of(attempt);
            let Some((_, slot)) = self.addresses.iter_mut().find(|(known, _)| *known == address) else { continue };
            if tells(attempt)
                && let Some(before) = slot.replace(state).filter(|&before| before != state)
            {
                was.push((address, before));
            }
        }
        was
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;
    use crate::classify::samples::report;
    use crate::model::{Attempt, By, Cause, Family, Icmp, Lookup, Outcome, Phase, Reason};

    fn address(last: u8) -> SocketAddr {
        ([10, 0, 0, last], 80).into()
    }

    fn attempt(last: u8, outcome: Outcome) -> Attempt {
        let skipped = Attempt::skipped(address(last), 1, Duration::ZERO, outcome, Reason::Signal);
        Attempt { phase: Some(Phase::Completion), reason: None, ..skipped }
    }

    fn denied_by(router: u8) -> Attempt {
        let from = [10, 1, 0, router].into();
        let icmp = Icmp { from, family: Family::V4, kind: 3, code: 13, info: 0, at: None, count: 1, decisive: true };
        let cause = Some(Cause::Prohibited);
        Attempt { by: Some(By::Router), cause, icmp: Some(icmp), ..attempt(1, Outcome::Denied) }
    }

    #[test]
    fn what_stays_is_no_change() {
        let mut changes = Changes::new();
        assert!(changes.add(&report(vec![attempt(1, Outcome::Connected)])).first);
        for _ in 0..3 {
            assert!(changes.add(&report(vec![attempt(1, Outcome::Connected)])).is_nothing());
        }
    }

    #[test]
    fn another_outcome_cause_or_router_is_a_change() {
        let mut changes = Changes::new();
        let mut was = |attempt: Attempt| changes.add(&report(vec![attempt])).was.first().map(|&(_, state)| state);
        assert_eq!(was(attempt(1, Outcome::Connected)), None);
        assert_eq!(was(denied_by(1)).map(|state| state.outcome), Some(Outcome::Connected));
        assert_eq!(was(denied_by(1)), None);
        let before = was(denied_by(2)).expect("another router says so");
        assert_eq!((before.outcome, before.from), (Outcome::Denied, Some([10, 1, 0, 1].into())));
        let refused = |cause| Attempt { cause: Some(cause), ..attempt(1, Outcome::Refused) };
        assert!(was(refused(Cause::Rst)).is_some());
        assert_eq!(was(refused(Cause::PortUnreachable)).and_then(|state| state.cause), Some(Cause::Rst));
    }

    /// A signal, or a race that another address won, says nothing of the address.
    #[test]
    fn what_was_not_seen_to_its_end_is_no_change() {
        let mut changes = Changes::new();
        changes.add(&report(vec![attempt(1, Outcome::Connected)]));
        for outcome in [Outcome::Interrupted, Outcome::Cancelled, Outcome::Skipped] {
            assert!(changes.add(&report(vec![attempt(1, outcome)])).is_nothing(), "{outcome}");
        }
        let cut = Attempt { cut_short: true, ..attempt(1, Outcome::TimedOut) };
        assert!(changes.add(&report(vec![cut])).is_nothing());
        let lookup = Lookup { cut_short: true, ..Lookup::default() };
        assert!(changes.add(&Report { lookup, ..report(Vec::new()) }).is_nothing());
        assert_eq!(changes.add(&report(vec![attempt(1, Outcome::Refused)])).was.len(), 1);
    }

    #[test]
    fn the_addresses_of_a_name_come_and_go() {
        let mut changes = Changes::new();
        let of = |addresses: &[u8]| report(addresses.iter().map(|&last| attempt(last, Outcome::Connected)).collect());
        changes.add(&of(&[1, 2]));
        assert!(changes.add(&of(&[2, 1])).is_nothing(), "the order is no change");
        let changed = changes.add(&of(&[2, 3]));
        assert_eq!((changed.new, changed.gone), (vec![address(3)], vec![address(1)]));
        let lost = changes.add(&of(&[]));
        assert_eq!(lost.target_was.map(|state| state.outcome), Some(Outcome::Connected));
        assert!(changes.add(&of(&[])).is_nothing());
        let back = changes.add(&of(&[2, 4]));
        assert_eq!(back.target_was.map(|state| state.outcome), Some(Outcome::Unresolved));
        assert_eq!((back.new, back.gone), (vec![address(4)], vec![address(3)]));
    }

    #[test]
    fn memory_is_bounded() {
        let mut changes = Changes::new();
        for number in 0..MOST_TARGETS + 10 {
            changes.add(&Report { host: number.to_string().into(), ..report(Vec::new()) });
        }
        for last in 0..=255 {
            changes.add(&Report { host: "0".into(), ..report(vec![attempt(last, Outcome::Connected)]) });
        }
        assert_eq!(changes.known.len(), MOST_TARGETS);
        assert!(changes.known.values().all(|known| known.addresses.len() <= 1));
    }
}
