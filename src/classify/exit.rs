//! The documented exit codes and the rule that picks one. Pure.

use crate::model::{Outcome, Report, Totals};

/// Every target is good.
pub const GOOD: u8 = 0;
/// Failed for several reasons, or for one without a code of its own.
pub const MIXED: u8 = 1;
/// Usage error, or a fault of rconnect itself; says nothing about the target.
pub const FAULT: u8 = 2;
/// `--wait` ran out, as timeout(1) ends.
pub const RAN_OUT: u8 = 124;
/// The command of `--wait` cannot be executed, as env(1) ends.
pub const NOT_EXECUTED: u8 = 126;
/// The command of `--wait` is not there, as env(1) ends.
pub const NO_COMMAND: u8 = 127;
/// Interrupted by SIGINT (128 + 2, as shells report it).
pub const SIGINT: u8 = 130;
/// Ended by SIGTERM (128 + 15).
pub const SIGTERM: u8 = 143;

/// Which table of exit codes is in use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Table {
    /// One code for each class of outcome.
    Class,
    /// 0, 1 and 2 only.
    Simple,
}

/// One row of the documented table of the class codes.
#[derive(Debug)]
pub struct Row {
    /// The exit code.
    pub code: u8,
    /// What it means.
    pub meaning: &'static str,
    /// The outcomes that lead to it.
    pub outcomes: &'static [Outcome],
}

/// The documented exit codes; man page and README are generated from this list.
pub const TABLE: &[Row] = &[
    Row { code: GOOD, meaning: "every target is good", outcomes: &[Outcome::Connected] },
    Row {
        code: MIXED,
        meaning: "failed for several reasons, or one not listed",
        outcomes: &[Outcome::Interrupted, Outcome::Cancelled, Outcome::Skipped, Outcome::Failed],
    },
    Row {
        code: FAULT,
        meaning: "usage error or a fault of rconnect itself; says nothing about the target",
        outcomes: &[],
    },
    Row { code: 3, meaning: "unresolved", outcomes: &[Outcome::Unresolved] },
    Row {
        code: 4,
        meaning: "refused, reset, closed-by-peer, unserved, self-connected",
        outcomes: &[Outcome::Refused, Outcome::Reset, Outcome::ClosedByPeer, Outcome::Unserved, Outcome::SelfConnected],
    },
    Row { code: 5, meaning: "timed out", outcomes: &[Outcome::TimedOut] },
    Row { code: 6, meaning: "unreachable", outcomes: &[Outcome::Unreachable] },
    Row { code: 7, meaning: "denied", outcomes: &[Outcome::Denied] },
    Row {
        code: 8,
        meaning: "local: unavailable, unsupported, invalid",
        outcomes: &[Outcome::Unavailable, Outcome::Unsupported, Outcome::Invalid],
    },
    Row { code: 9, meaning: "unconfirmed (UDP: neither reply nor error)", outcomes: &[Outcome::Unconfirmed] },
    Row { code: RAN_OUT, meaning: "--wait ran out", outcomes: &[] },
    Row { code: NOT_EXECUTED, meaning: "the command of --wait cannot be executed", outcomes: &[] },
    Row { code: NO_COMMAND, meaning: "the command of --wait is not found", outcomes: &[] },
    Row { code: SIGINT, meaning: "interrupted by SIGINT; what was known is reported first", outcomes: &[] },
    Row { code: SIGTERM, meaning: "ended by SIGTERM; what was known is reported first", outcomes: &[] },
];

/// The class code of an outcome.
pub fn class(outcome: Outcome) -> u8 {
    TABLE.iter().find(|row| row.outcomes.contains(&outcome)).map_or(MIXED, |row| row.code)
}

/// The class code of a target that is not good. A connection that was not expected has no code of its own.
fn failure(outcome: Outcome) -> u8 {
    if outcome == Outcome::Connected { MIXED } else { class(outcome) }
}

/// The class code of one target.
pub fn of(report: &Report) -> u8 {
    if report.good { GOOD } else { failure(report.outcome) }
}

/// The exit code of a run.
pub fn code(totals: &Totals, table: Table) -> u8 {
    let left_out = totals.unreported.then_some(Outcome::Skipped);
    let mut classes = totals.others().map(|(outcome, _)| outcome).chain(left_out).map(failure);
    let code = match classes.next() {
        None => GOOD,
        Some(first) if classes.all(|other| other == first) => first,
        Some(_) => MIXED,
    };
    match table {
        Table::Class => code,
        Table::Simple => code.min(MIXED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_outcome_has_exactly_one_row() {
        for &outcome in Outcome::ALL {
            let rows = TABLE.iter().filter(|row| row.outcomes.contains(&outcome)).count();
            assert_eq!(rows, 1, "{outcome}");
        }
    }

    #[test]
    fn differing_reasons_come_to_one() {
        use Outcome::{Connected, Refused, Reset, TimedOut};
        let of_run = |outcomes: &[Outcome]| {
            let mut totals = Totals::default();
            outcomes.iter().for_each(|&outcome| totals.count(outcome, outcome == Connected, false));
            (code(&totals, Table::Class), code(&totals, Table::Simple))
        };
        assert_eq!(of_run(&[]), (0, 0));
        assert_eq!(of_run(&[Connected, Connected]), (0, 0));
        assert_eq!(of_run(&[Connected, Refused, Reset]), (4, 1));
        assert_eq!(of_run(&[Refused, TimedOut]), (1, 1));
        assert_eq!(of_run(&[Refused, TimedOut, Refused]), (1, 1));
        let mut unexpected = Totals::default();
        unexpected.count(Connected, false, false);
        assert_eq!(code(&unexpected, Table::Class), 1);
        let mut unreported = Totals::default();
        unreported.unreported = true;
        assert_eq!(code(&unreported, Table::Class), 1);
    }
}
