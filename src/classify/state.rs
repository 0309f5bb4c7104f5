//! How an address answered: what tells one answer from another, round after round.

use std::net::{IpAddr, SocketAddr};

use crate::classify::requirement::last_word;
use crate::model::{Attempt, By, Cause, Outcome, Report};

/// How an address answered, or what the lookup of a name without an address came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct State {
    /// What it came to.
    pub outcome: Outcome,
    /// Who decided it.
    pub by: Option<By>,
    /// The finest cause that the evidence allows.
    pub cause: Option<Cause>,
    /// The router that said so.
    pub from: Option<IpAddr>,
}

impl State {
    /// That of an attempt.
    pub fn of(attempt: &Attempt) -> State {
        let router = attempt.icmp.as_ref().filter(|_| attempt.by == Some(By::Router));
        let Attempt { outcome, by, cause, .. } = *attempt;
        State { outcome, by, cause, from: router.map(|icmp| icmp.from) }
    }

    /// That of a target as a whole: the only one where there was no address to try.
    pub fn of_target(report: &Report) -> State {
        let lookup = report.attempts.is_empty().then_some(&report.lookup);
        State {
            outcome: report.outcome,
            by: lookup.and_then(|lookup| lookup.by),
            cause: lookup.and_then(|lookup| lookup.cause),
            from: None,
        }
    }

    fn tells(self) -> bool {
        !matches!(self.outcome, Outcome::Interrupted | Outcome::Cancelled | Outcome::Skipped)
    }
}

/// Whether an attempt says something of the address, and not only of this run.
pub fn tells(attempt: &Attempt) -> bool {
    State::of(attempt).tells() && !attempt.cut_short
}

/// Whether a lookup says something of the name, and not only of this run.
pub fn tells_of_name(report: &Report) -> bool {
    State::of_target(report).tells() && !report.lookup.cut_short
}

/// The last word of every address that was tried, in the order of the report.
pub fn tried(report: &Report) -> impl Iterator<Item = (SocketAddr, &Attempt)> {
    let tries = report.attempts.chunk_by(|a, b| a.address == b.address);
    let last = tries.filter_map(|tries| last_word(tries.iter()));
    last.filter(|attempt| attempt.phase.is_some()).map(|attempt| (attempt.address, attempt))
}
