//! What a target comes to, from what its addresses came to. Pure.

use std::rc::Rc;
use std::time::Instant;

use super::{DEADLINE, Policy, Require, SIGNAL, Target};
use crate::outcome::{Attempt, By, Lookup, Outcome, Report};

/// The report on a target whose every address is done.
pub(super) fn report(policy: &Policy, now: Instant, mut target: Target) -> Report {
    // Tries of one address stand together, addresses in the resolver's order; the sort is stable.
    target.attempts.sort_by_key(|&(lane, _)| lane);
    let finals: Vec<&Attempt> = (0..target.lanes.len()).filter_map(|lane| last_word(&target.attempts, lane)).collect();
    let good = holds(policy.require, &finals);
    let outcome = overall(good, &finals, &target.lookup);
    let partial = good && finals.iter().any(|attempt| counts_as_failed(attempt));
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
        lookup: Rc::unwrap_or_clone(target.lookup),
        attempts: target.attempts.into_iter().map(|(_, attempt)| attempt).collect(),
        trace: None,
    }
}

/// The last try of an address decides; but that this machine lacked what a further try needs does not undo what an
/// earlier one found.
fn last_word(attempts: &[(usize, Attempt)], lane: usize) -> Option<&Attempt> {
    let mut tries = attempts.iter().rev().filter(|(of, _)| *of == lane).map(|(_, attempt)| attempt);
    let last = tries.next()?;
    if last.outcome != Outcome::Unavailable {
        return Some(last);
    }
    tries.find(|before| before.outcome != Outcome::Unavailable).or(Some(last))
}

/// What was not wanted does not count (a family without a route, addresses after a success); what the end of the run left
/// out does.
fn counts_as_failed(attempt: &Attempt) -> bool {
    match attempt.outcome {
        Outcome::Connected | Outcome::Cancelled => false,
        Outcome::Skipped => attempt.reason.is_some_and(|reason| [DEADLINE, SIGNAL].contains(&reason)),
        _ => true,
    }
}

/// Whether the requirement holds.
fn holds(require: Require, finals: &[&Attempt]) -> bool {
    let connected = finals.iter().filter(|attempt| attempt.outcome == Outcome::Connected).count();
    let failed = finals.iter().filter(|attempt| counts_as_failed(attempt));
    match require {
        Require::Any => connected > 0,
        Require::All => connected > 0 && failed.count() == 0,
        Require::Count(count) => connected >= count,
        Require::EachFamily => {
            let reached =
                |v6: bool| finals.iter().any(|a| a.address.is_ipv6() == v6 && a.outcome == Outcome::Connected);
            connected > 0 && failed.into_iter().all(|attempt| reached(attempt.address.is_ipv6()))
        }
    }
}

/// "`connected` when its requirement holds, else that of the attempt that got furthest"
fn overall(good: bool, finals: &[&Attempt], lookup: &Lookup) -> Outcome {
    if good {
        return Outcome::Connected;
    }
    if finals.is_empty() {
        return match lookup.by {
            Some(By::Local) if lookup.error.is_some() => Outcome::Unavailable,
            Some(By::Limit) if lookup.cause.is_none() => Outcome::Skipped,
            _ => Outcome::Unresolved,
        };
    }
    let failures = finals.iter().map(|attempt| attempt.outcome).filter(|&outcome| outcome != Outcome::Connected);
    // Every address connected and yet fewer than required: no attempt has a better word for it.
    failures.min_by_key(|outcome| outcome.rank()).unwrap_or(Outcome::Failed)
}
