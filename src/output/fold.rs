//! Which results of a run of many targets are shown: rare ones in full, common ones as counts and ranges at the end. What
//! connected is what a sweep looks for, and is always shown; where the user has said what to expect, that is what differs.

use crate::model::{By, Cause, Code, Outcome, Report};

/// So many targets fit a screen: they are shown one by one.
pub const MANY: u128 = 20;

/// The first results tell what is common; until then results are held back.
const WARM_UP: u64 = 100;

/// A kind of result with more members than this is common.
const RARE: u64 = 3;

/// Kinds that are told apart; a result of a further kind counts as common.
const MOST_KINDS: usize = 64;

/// What results have in common.
type Kind = (Outcome, Option<Cause>, Option<By>, Option<Code>);

/// What becomes of one report.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// Shown now.
    Show,
    /// Counted, and perhaps shown later.
    Keep,
}

/// The results of a run, by kind.
#[derive(Debug, Default)]
pub struct Fold {
    decided: u64,
    kinds: Vec<Alike>,
}

#[derive(Debug)]
struct Alike {
    kind: Kind,
    count: u64,
    /// Not shown yet: all members of a kind that is rare so far, the first member of a common one.
    held: Vec<Report>,
}

impl Alike {
    fn is_rare(&self) -> bool {
        self.count <= RARE
    }
}

impl Fold {
    /// Takes one more report into account.
    pub fn fate(&mut self, report: &Report) -> Fate {
        self.decided += 1;
        let warm = self.decided > WARM_UP;
        if is_wanted(report) {
            return Fate::Show;
        }
        let Some(alike) = self.alike(kind(report)) else { return Fate::Keep };
        alike.count += 1;
        match (alike.is_rare(), warm) {
            (true, true) => return Fate::Show,
            (true, false) => alike.held.push(report.clone()),
            (false, _) => alike.held.truncate(1),
        }
        Fate::Keep
    }

    fn alike(&mut self, kind: Kind) -> Option<&mut Alike> {
        let index = self.kinds.iter().position(|alike| alike.kind == kind);
        match index {
            None if self.kinds.len() == MOST_KINDS => None,
            None => {
                self.kinds.push(Alike { kind, count: 0, held: Vec::new() });
                self.kinds.last_mut()
            }
            Some(index) => self.kinds.get_mut(index),
        }
    }

    /// The reports that were held back and turned out to be rare, as soon as that is known.
    pub fn rare(&mut self) -> Vec<Report> {
        if self.decided == WARM_UP { self.end() } else { Vec::new() }
    }

    /// The rare reports that are still held back.
    pub fn end(&mut self) -> Vec<Report> {
        self.kinds.iter_mut().filter(|kind| kind.is_rare()).flat_map(|kind| kind.held.drain(..)).collect()
    }

    /// One report of each common kind that none was shown of.
    pub fn examples(&mut self) -> Vec<Report> {
        self.kinds.iter_mut().filter(|kind| !kind.is_rare()).flat_map(|kind| kind.held.drain(..)).collect()
    }
}

/// What a run looks for: what is good, or what is other than the user has said to expect.
pub fn is_wanted(report: &Report) -> bool {
    report.good != report.expected.is_some()
}

/// The kind of the attempt that gave the target its outcome, else of the lookup.
fn kind(report: &Report) -> Kind {
    let attempt = report.attempts.iter().find(|attempt| attempt.outcome == report.outcome);
    match attempt {
        Some(attempt) => (report.outcome, attempt.cause, attempt.by, attempt.error),
        None => (report.outcome, report.lookup.cause, report.lookup.by, report.lookup.error),
    }
}

#[cfg(test)]
mod tests {
    use super::super::samples::literal;
    use super::*;

    fn refused(port: u64) -> Report {
        literal(&format!("10.0.0.1:{port}"), Outcome::Refused)
    }

    fn targets(reports: &[Report]) -> Vec<&str> {
        reports.iter().map(|report| &report.target[..]).collect()
    }

    #[test]
    fn the_first_results_tell_what_is_common() {
        let mut fold = Fold::default();
        let denied = literal("10.0.0.1:7", Outcome::Denied);
        for port in 1..=WARM_UP {
            let report = if port == 7 { denied.clone() } else { refused(port) };
            assert_eq!(fold.fate(&report), Fate::Keep);
            let rare = fold.rare();
            assert_eq!(targets(&rare), if port == WARM_UP { vec!["10.0.0.1:7"] } else { vec![] });
        }
        // From then on the second and third denial are shown as they come, the fourth is not.
        assert_eq!([fold.fate(&denied), fold.fate(&denied), fold.fate(&denied)], [Fate::Show, Fate::Show, Fate::Keep]);
        assert_eq!(fold.fate(&refused(1)), Fate::Keep);
        assert!(fold.end().is_empty());
        assert_eq!(targets(&fold.examples()), ["10.0.0.1:1"]);
    }

    #[test]
    fn what_is_good_is_always_shown() {
        let mut fold = Fold::default();
        let good = literal("10.0.0.1:22", Outcome::Connected);
        assert!((0..2 * WARM_UP).all(|_| fold.fate(&good) == Fate::Show));
    }

    /// Where closed ports are expected, an open one is what is worth showing.
    #[test]
    fn what_is_expected_and_common_is_counted() {
        let mut fold = Fold::default();
        let expected = Some([Outcome::Refused, Outcome::TimedOut].into_iter().collect());
        let as_expected = |report: Report| Report { good: true, expected, ..report };
        for port in 1..=WARM_UP {
            assert_eq!(fold.fate(&as_expected(refused(port))), Fate::Keep);
        }
        let open = Report { good: false, expected, ..literal("10.0.0.1:200", Outcome::Connected) };
        let rare = as_expected(literal("10.0.0.1:201", Outcome::TimedOut));
        assert_eq!([fold.fate(&open), fold.fate(&rare)], [Fate::Show, Fate::Show]);
        assert!((0..20).all(|_| fold.fate(&open) == Fate::Show), "however many there are");
        let all_open = |port: u64| as_expected(literal(&format!("10.0.0.1:{port}"), Outcome::Connected));
        assert!((300..320).map(|port| fold.fate(&all_open(port))).filter(|&fate| fate == Fate::Show).count() <= 3);
    }

    #[test]
    fn a_short_run_shows_its_rare_failures_at_the_end() {
        let mut fold = Fold::default();
        assert!((1..30).all(|port| fold.fate(&refused(port)) == Fate::Keep));
        fold.fate(&literal("10.0.0.2:1", Outcome::TimedOut));
        assert_eq!(targets(&fold.end()), ["10.0.0.2:1"]);
        assert!(fold.end().is_empty());
    }

    #[test]
    fn odd_codes_without_end_are_no_kinds_without_end() {
        let mut fold = Fold::default();
        for number in 0..1000 {
            let mut report = refused(1);
            report.attempts[0].error = Some(Code::Os(number));
            fold.fate(&report);
        }
        assert_eq!(fold.kinds.len(), MOST_KINDS);
    }
}
