//! `--strategy race`: Happy Eyeballs Version 2 (RFC 8305) for TCP, as curl and browsers connect. One question over records:
//! what is to be done for a target now?

use std::time::{Duration, Instant};

use super::probe::{Candidate, Move, Stage};

/// "a subsequent connection MUST NOT be started within 10 milliseconds of the previous attempt" (RFC 8305 section 5)
pub const LEAST_ATTEMPT_DELAY: Duration = Duration::from_millis(10);

/// "Maximum Connection Attempt Delay [...] The current recommended value is 2 seconds." (section 5)
pub const MOST_ATTEMPT_DELAY: Duration = Duration::from_secs(2);

/// The next move of a race. `delay` is the Connection Attempt Delay.
pub fn next(candidates: &[Candidate], now: Instant, delay: Duration) -> Move {
    if candidates.iter().any(Candidate::has_won) {
        return leave(candidates);
    }
    match (following(candidates), due(candidates, delay)) {
        (Some(_), Due::At(at)) if at > now => Move::Wait(at),
        (Some(index), Due::Now | Due::At(_)) => Move::Start(index),
        (None, _) | (_, Due::Unknown) => Move::Nothing,
    }
}

/// "Once one of the connection attempts succeeds [...], all other connections attempts that have not yet succeeded SHOULD be
/// canceled. Any address that was not yet attempted as a connection SHOULD be ignored." (RFC 8305 section 5)
fn leave(candidates: &[Candidate]) -> Move {
    let running = |candidate: &Candidate| matches!(candidate.stage, Stage::Running(_)) && !candidate.held;
    let running = candidates.iter().position(running);
    let waiting = |candidate: &Candidate| matches!(candidate.stage, Stage::Waiting | Stage::Queued | Stage::Paused(_));
    match (running, candidates.iter().position(waiting)) {
        (Some(index), _) => Move::Cancel(index),
        (None, Some(index)) => Move::SetAside(index),
        (None, None) => Move::Nothing,
    }
}

/// "Whichever address family is first in the list should be followed by an address of the other address family" (section 4).
/// The First Address Family Count is 1: families take turns. Addresses that came late have their turn like any other:
/// "the newly received IPv6 addresses are incorporated into the list" (section 3).
fn following(candidates: &[Candidate]) -> Option<usize> {
    let waiting = |candidate: &Candidate| candidate.stage == Stage::Waiting;
    let other = |candidate: &Candidate| latest(candidates).is_some_and(|last| last.family() != candidate.family());
    candidates
        .iter()
        .position(|candidate| waiting(candidate) && other(candidate))
        .or_else(|| candidates.iter().position(waiting))
}

/// When the next attempt is due.
enum Due {
    Now,
    At(Instant),
    /// The last one waits for a slot.
    Unknown,
}

/// "a fixed delay for how long to wait before starting the next connection attempt [...] referred to as the Connection
/// Attempt Delay" (section 5). An attempt that failed is not waited for: nothing is in the way of the next one.
fn due(candidates: &[Candidate], delay: Duration) -> Due {
    if candidates.iter().any(|candidate| candidate.stage == Stage::Queued) {
        return Due::Unknown;
    }
    let Some(last) = latest(candidates) else { return Due::Now };
    let Some(started) = candidates.iter().filter_map(|candidate| candidate.started).max() else { return Due::Unknown };
    let failed_since = candidates.iter().any(|candidate| candidate.ended.is_some_and(|ended| ended > started));
    match last.stage {
        Stage::Running(_) if last.started.is_none() => Due::Unknown,
        Stage::Running(_) if !failed_since => Due::At(started + delay),
        _ => Due::Now,
    }
}

/// The candidate whose first attempt was the last one to begin.
fn latest(candidates: &[Candidate]) -> Option<&Candidate> {
    candidates.iter().filter(|candidate| candidate.turn.is_some()).max_by_key(|candidate| candidate.turn)
}
