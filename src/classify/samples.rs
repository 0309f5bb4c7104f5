//! A report for the tests of this wing.

use std::time::{Duration, SystemTime};

use crate::model::{Attempt, Lookup, Mode, Outcome, Protocol, Report, Strategy};

/// A report of these attempts, named after the first of them.
pub fn report(attempts: Vec<Attempt>) -> Report {
    let outcome = attempts.first().map_or(Outcome::Unresolved, |attempt| attempt.outcome);
    Report {
        target: "db.example:80".into(),
        host: "db.example".into(),
        port: 80,
        protocol: Protocol::Tcp,
        mode: Mode::Nonblocking,
        strategy: Strategy::All,
        started_at: SystemTime::UNIX_EPOCH,
        elapsed: Duration::ZERO,
        outcome,
        good: outcome == Outcome::Connected,
        partial: false,
        retries: 0,
        expected: None,
        round: None,
        lookup: Lookup::default(),
        attempts,
        trace: None,
    }
}
