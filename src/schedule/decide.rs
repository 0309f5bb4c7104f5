//! The report on a target, from what its addresses came to.

use std::sync::Arc;
use std::time::Instant;

use super::{Policy, Target};
use crate::classify::requirement::{holds, last_word, overall, partial};
use crate::model::{Attempt, Report};

/// The report on a target whose every address is done.
pub(super) fn report(policy: &Policy, now: Instant, mut target: Target) -> Report {
    // Tries of one address stand together, addresses in the resolver's order; the sort is stable.
    target.attempts.sort_by_key(|&(lane, _)| lane);
    let tries = |lane| target.attempts.iter().filter(move |(of, _)| *of == lane).map(|(_, attempt)| attempt);
    let finals: Vec<&Attempt> = (0..target.lanes.len()).filter_map(|lane| last_word(tries(lane))).collect();
    let good = holds(policy.require, &finals);
    let outcome = overall(good, &finals, &target.lookup);
    let partial = partial(good, &finals);
    let (epoch, wall) = policy.epoch;
    Report {
        target: target.goal.text,
        host: target.goal.host,
        port: target.goal.port,
        protocol: target.protocol,
        mode: policy.mode,
        strategy: policy.strategy,
        started_at: wall + (target.started - epoch),
        elapsed: now - target.started,
        outcome,
        good,
        partial,
        lookup: Arc::unwrap_or_clone(target.lookup),
        attempts: target.attempts.into_iter().map(|(_, attempt)| attempt).collect(),
        trace: None,
    }
}
