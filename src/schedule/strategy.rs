//! Which of a target's candidate addresses is tried next: one function over records.

use std::time::Instant;

use super::plan::Policy;
use super::probe::{Candidate, Move, Stage};
use super::race;
use crate::model::Strategy;

/// The next move; it is asked for again until there is none.
pub fn next(policy: &Policy, candidates: &[Candidate], now: Instant) -> Move {
    if policy.strategy == Strategy::Race {
        return race::next(candidates, now, policy.attempt_delay);
    }
    let Some(waiting) = candidates.iter().position(|candidate| candidate.stage == Stage::Waiting) else {
        return Move::Nothing;
    };
    match policy.strategy {
        Strategy::First if candidates.iter().any(Candidate::has_connected) => Move::SetAside(waiting),
        Strategy::First if candidates.iter().any(is_under_way) => Move::Nothing,
        Strategy::All | Strategy::First | Strategy::Race => Move::Start(waiting),
    }
}

fn is_under_way(candidate: &Candidate) -> bool {
    !matches!(candidate.stage, Stage::Waiting | Stage::Done)
}
