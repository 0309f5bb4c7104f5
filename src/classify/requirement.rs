//! What makes a target good, and what a target comes to, from what its addresses came to.

use crate::model::{Attempt, By, Family, Lookup, Outcome, Reason};

/// What makes a target good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Require {
    /// One address connects.
    Any,
    /// Every address connects.
    All,
    /// At least so many addresses connect.
    Count(usize),
    /// At least one address of each family that the name has connects.
    EachFamily,
}

impl std::str::FromStr for Require {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "any" => Ok(Require::Any),
            "all" => Ok(Require::All),
            "each-family" => Ok(Require::EachFamily),
            _ => match text.parse::<usize>() {
                // As printed again: without a sign and leading zeros.
                Ok(count) if count > 0 && count.to_string() == text => Ok(Require::Count(count)),
                _ => Err("expected any, all, each-family or a number of addresses from 1".into()),
            },
        }
    }
}

/// The last try of an address decides; but that this machine lacked what a further try needs does not undo what an
/// earlier one found.
pub fn last_word<'a>(tries: impl DoubleEndedIterator<Item = &'a Attempt>) -> Option<&'a Attempt> {
    let mut tries = tries.rev();
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
        Outcome::Skipped => matches!(attempt.reason, Some(Reason::Deadline | Reason::Signal)),
        _ => true,
    }
}

/// "When the requirement holds but some address failed, the target is marked partial"
pub fn partial(good: bool, finals: &[&Attempt]) -> bool {
    good && finals.iter().any(|attempt| counts_as_failed(attempt))
}

/// Whether the requirement holds.
pub fn holds(require: Require, finals: &[&Attempt]) -> bool {
    let connected = finals.iter().filter(|attempt| attempt.outcome == Outcome::Connected).count();
    let failed = finals.iter().filter(|attempt| counts_as_failed(attempt));
    match require {
        Require::Any => connected > 0,
        Require::All => connected > 0 && failed.count() == 0,
        Require::Count(count) => connected >= count,
        Require::EachFamily => {
            let family = |attempt: &Attempt| Family::of(attempt.address.ip());
            let reached = |wanted| finals.iter().any(|a| family(a) == wanted && a.outcome == Outcome::Connected);
            connected > 0 && failed.into_iter().all(|attempt| reached(family(attempt)))
        }
    }
}

/// "`connected` when its requirement holds, else that of the attempt that got furthest"
pub fn overall(good: bool, finals: &[&Attempt], lookup: &Lookup) -> Outcome {
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
