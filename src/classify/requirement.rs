//! What makes a target good, and what a target comes to, from what its addresses came to.

use crate::model::{Attempt, By, Expected, Family, Lookup, Outcome, Reason};

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
    /// Every address that counts comes to one of these outcomes.
    Expect(Expected),
}

impl Require {
    /// The outcomes that make a target good, where they were given.
    pub fn expected(self) -> Option<Expected> {
        match self {
            Require::Expect(expected) => Some(expected),
            _ => None,
        }
    }

    /// Whether an attempt that came to this is as required: another try would not help.
    pub fn accepts(self, outcome: Outcome) -> bool {
        self.expected().map_or(outcome == Outcome::Connected, |expected| expected.contains(outcome))
    }
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
fn counts(attempt: &Attempt) -> bool {
    match attempt.outcome {
        Outcome::Cancelled => false,
        Outcome::Skipped => matches!(attempt.reason, Some(Reason::Deadline | Reason::Signal)),
        _ => true,
    }
}

/// Whether it is connected. Of a connection whose hold the end of the run cut short, that is all that is known, and not
/// enough where attempts must be `whole`.
fn connects(attempt: &Attempt, whole: bool) -> bool {
    attempt.outcome == Outcome::Connected && !(whole && attempt.cut_short)
}

fn counts_as_failed(attempt: &Attempt, whole: bool) -> bool {
    !connects(attempt, whole) && counts(attempt)
}

/// Whether it came to what was expected. The end of the run makes no answer: a timeout that it made might have been a
/// connection.
fn fulfils(expected: Expected, attempt: &Attempt) -> bool {
    expected.contains(attempt.outcome) && !attempt.cut_short
}

/// "When the requirement holds but some address failed, the target is marked partial"
///
/// What is as expected has not failed.
pub fn partial(require: Require, whole: bool, good: bool, finals: &[&Attempt]) -> bool {
    good && require.expected().is_none() && finals.iter().any(|attempt| counts_as_failed(attempt, whole))
}

/// Whether the requirement holds.
pub fn holds(require: Require, whole: bool, finals: &[&Attempt], lookup: &Lookup) -> bool {
    let connected = finals.iter().filter(|attempt| connects(attempt, whole)).count();
    let failed = finals.iter().filter(|attempt| counts_as_failed(attempt, whole));
    match require {
        Require::Any => connected > 0,
        Require::All => connected > 0 && failed.count() == 0,
        Require::Count(count) => connected >= count,
        Require::EachFamily => {
            let family = |attempt: &Attempt| Family::of(attempt.address.ip());
            let reached = |wanted| finals.iter().any(|a| family(a) == wanted && connects(a, whole));
            connected > 0 && failed.into_iter().all(|attempt| reached(family(attempt)))
        }
        Require::Expect(expected) if finals.is_empty() => expected.contains(of_lookup(lookup)) && !lookup.cut_short,
        Require::Expect(expected) => {
            let mut counted = finals.iter().filter(|attempt| counts(attempt)).peekable();
            counted.peek().is_some() && counted.all(|attempt| fulfils(expected, attempt))
        }
    }
}

/// "`connected` when its requirement holds, else that of the attempt that got furthest"
pub fn overall(require: Require, good: bool, finals: &[&Attempt], lookup: &Lookup) -> Outcome {
    if finals.is_empty() {
        return of_lookup(lookup);
    }
    if let Some(expected) = require.expected() {
        return furthest(expected, good, finals);
    }
    if good {
        return Outcome::Connected;
    }
    let failures = finals.iter().map(|attempt| attempt.outcome).filter(|&outcome| outcome != Outcome::Connected);
    let cut_short = finals.iter().any(|attempt| attempt.cut_short).then_some(Outcome::Connected);
    // Every address connected and yet fewer than required: no attempt has a better word for it.
    failures.min_by_key(|outcome| outcome.rank()).or(cut_short).unwrap_or(Outcome::Failed)
}

/// A target without an address comes to what its lookup came to.
fn of_lookup(lookup: &Lookup) -> Outcome {
    match lookup.by {
        Some(By::Local) if lookup.error.is_some() => Outcome::Unavailable,
        Some(By::Limit) if lookup.cause.is_none() => Outcome::Skipped,
        _ => Outcome::Unresolved,
    }
}

/// Where outcomes are expected, a target that is not good is named after those that were not.
fn furthest(expected: Expected, good: bool, finals: &[&Attempt]) -> Outcome {
    let counted = finals.iter().filter(|attempt| counts(attempt));
    let wanted = counted.filter(|attempt| good || !fulfils(expected, attempt)).map(|attempt| attempt.outcome);
    wanted.min_by_key(|outcome| outcome.rank()).unwrap_or(Outcome::Skipped)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn attempts(outcomes: &[Outcome]) -> Vec<Attempt> {
        let attempt = |&outcome| {
            let address = ([10, 0, 0, 1], 80).into();
            Attempt::skipped(address, 1, Duration::ZERO, outcome, Reason::NoRoute)
        };
        outcomes.iter().map(attempt).collect()
    }

    /// Good, partial, and the target's outcome.
    fn come_to(expected: &[Outcome], outcomes: &[Outcome]) -> (bool, bool, Outcome) {
        let require = Require::Expect(expected.iter().copied().collect());
        let (attempts, lookup) = (attempts(outcomes), Lookup::default());
        let finals: Vec<&Attempt> = attempts.iter().collect();
        let good = holds(require, false, &finals, &lookup);
        (good, partial(require, false, good, &finals), overall(require, good, &finals, &lookup))
    }

    #[test]
    fn every_address_that_counts_must_be_as_expected() {
        use Outcome::*;
        let closed = [Refused, Reset, SelfConnected];
        for (expected, outcomes, result) in [
            (&closed[..], &[Refused, Refused][..], (true, false, Refused)),
            (&closed, &[Refused, Reset], (true, false, Reset)),
            (&closed, &[Refused, Connected], (false, false, Connected)),
            (&closed, &[Refused, TimedOut, Denied], (false, false, Denied)),
            (&closed, &[Skipped, Refused], (true, false, Refused)),
            (&closed, &[Skipped, Skipped], (false, false, Skipped)),
            (&closed, &[], (false, false, Unresolved)),
            (&[Connected], &[Connected, Refused], (false, false, Refused)),
            (&[Connected], &[Connected, Skipped], (true, false, Connected)),
            (&[Connected, Refused], &[Connected, Refused], (true, false, Connected)),
            (&[Unresolved], &[], (true, false, Unresolved)),
        ] {
            assert_eq!(come_to(expected, outcomes), result, "{expected:?} {outcomes:?}");
        }
    }
}
