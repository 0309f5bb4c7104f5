//! Which of a target's candidate addresses is tried next: one function over records.

use super::probe::{Candidate, Stage};
use crate::model::{Outcome, Strategy};

/// What is to be done for a target now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Try this candidate.
    Start(usize),
    /// Do not try this candidate: another one was enough.
    SetAside(usize),
    /// Nothing, until a candidate ends.
    Nothing,
}

/// The next move; it is asked for again until there is none.
pub fn next(strategy: Strategy, candidates: &[Candidate]) -> Move {
    let Some(waiting) = candidates.iter().position(|candidate| candidate.stage == Stage::Waiting) else {
        return Move::Nothing;
    };
    match strategy {
        Strategy::All => Move::Start(waiting),
        Strategy::First if candidates.iter().any(has_connected) => Move::SetAside(waiting),
        Strategy::First if candidates.iter().any(is_under_way) => Move::Nothing,
        Strategy::First => Move::Start(waiting),
    }
}

fn has_connected(candidate: &Candidate) -> bool {
    candidate.stage == Stage::Done && candidate.last().is_some_and(|attempt| attempt.outcome == Outcome::Connected)
}

fn is_under_way(candidate: &Candidate) -> bool {
    !matches!(candidate.stage, Stage::Waiting | Stage::Done)
}
