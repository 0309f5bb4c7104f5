//! What a wait waits for, on standard error: a line that changes on a terminal, a line for each change elsewhere. Where there
//! are many targets, that is a line for each round that is other than the one before.

use std::collections::HashMap;
use std::time::Duration;

use super::fold::MANY;
use super::{progress, units};
use crate::model::{Outcome, Report, Totals};

/// Targets that are named at the end, at most.
const MOST_NAMED: usize = 20;

/// The last result of every target of a wait.
#[derive(Debug)]
pub struct Waiting {
    last: Vec<Report>,
    places: HashMap<String, usize>,
    /// The targets are too many for a line each.
    folded: bool,
    /// What was said of the last round, if anything.
    said: Option<String>,
}

impl Waiting {
    /// No result yet. `targets`: how many there are, where that is known.
    pub fn new(targets: Option<u128>) -> Self {
        let folded = targets.is_some_and(|targets| targets > MANY);
        Waiting { last: Vec::new(), places: HashMap::new(), folded, said: None }
    }

    /// Takes one more result into account. Gives a line where it is another one than before; a target that is good from
    /// the start needs none.
    pub fn add(&mut self, report: Report) -> Option<String> {
        let line = line(&report);
        let place = *self.places.entry(report.target.clone()).or_insert(self.last.len());
        if place == self.last.len() {
            let missing = !report.good && !self.folded;
            self.last.push(report);
            return missing.then_some(line);
        }
        let before = std::mem::replace(&mut self.last[place], report);
        (!self.folded && self::line(&before) != line).then_some(line)
    }

    /// Takes the end of a round into account. Gives a line where the targets are many, some are not good, and the round came
    /// to something else than the one before.
    pub fn round(&mut self, totals: &Totals) -> Option<String> {
        let missing: Vec<String> = totals.others().map(|(outcome, count)| format!("{count} {outcome}")).collect();
        let count = totals.targets - totals.good;
        let line = format!("waiting for {count} of {} targets: {}", totals.targets, missing.join(", "));
        let said = Some(line).filter(|_| self.folded && count > 0);
        let before = std::mem::replace(&mut self.said, said);
        self.said.clone().filter(|_| before != self.said)
    }

    /// Whether the target has a result.
    pub fn knows(&self, target: &str) -> bool {
        self.places.contains_key(target)
    }

    /// The last result of every target, in the order of the first results.
    pub fn reports(&self) -> &[Report] {
        &self.last
    }

    /// For a terminal: how long it has lasted, and what is still waited for; at most `width` cells.
    pub fn status(&self, elapsed: Duration, width: usize) -> String {
        let missing: Vec<&Report> = self.missing().collect();
        let seconds = elapsed.as_secs();
        let text = match (&missing[..], self.last.len()) {
            ([], _) => format!("waiting {seconds} s"),
            ([one], 1) => format!("waiting {seconds} s for {}: {}", one.target, reason(one)),
            ([first, ..], all) => {
                let good = all - missing.len();
                format!("waiting {seconds} s: {good} of {all} targets good; {}: {}", first.target, reason(first))
            }
        };
        progress::fitted(&text, width)
    }

    /// What is said when everything is as it was waited for.
    pub fn met(&self, elapsed: Duration) -> String {
        let took = units::human(elapsed);
        match &self.last[..] {
            [one] => format!("{} is {} after {took}", one.target, one.outcome),
            all => format!("{} targets are good after {took}", all.len()),
        }
    }

    /// What is said when the time ran out, and the last reason of each target that is not good.
    pub fn ran_out(&self, elapsed: Duration) -> Vec<String> {
        let missing: Vec<&Report> = self.missing().collect();
        let head = format!("the wait ran out after {}", units::human(elapsed));
        let named = missing.iter().take(MOST_NAMED).map(|report| format!("{}: {}", report.target, reason(report)));
        let more = missing.len().saturating_sub(MOST_NAMED);
        let more = (more > 0).then(|| format!("and {more} more targets"));
        std::iter::once(head).chain(named).chain(more).collect()
    }

    fn missing(&self) -> impl Iterator<Item = &Report> {
        self.last.iter().filter(|report| !report.good)
    }
}

fn line(report: &Report) -> String {
    let waiting = if report.good { "" } else { "waiting for " };
    format!("{waiting}{}: {}", report.target, reason(report))
}

/// The outcome, and its cause where one is known.
fn reason(report: &Report) -> String {
    let attempt = report.attempts.iter().rev().find(|attempt| attempt.outcome == report.outcome);
    let cause = attempt.map_or(report.lookup.cause, |attempt| attempt.cause);
    match cause {
        // The word alone would be what is waited for.
        _ if !report.good && accepted(report) && report.is_cut_short() => format!("{} (cut short)", report.outcome),
        Some(cause) => format!("{} ({})", report.outcome, cause.meaning()),
        None => report.outcome.slug().into(),
    }
}

fn accepted(report: &Report) -> bool {
    report.expected.map_or(report.outcome == Outcome::Connected, |expected| expected.contains(report.outcome))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{literal, unresolved};
    use super::*;
    use crate::model::Cause;

    fn refused(target: &str) -> Report {
        let mut report = literal(target, Outcome::Refused);
        report.attempts[0].cause = Some(Cause::Rst);
        report
    }

    #[test]
    fn a_line_for_each_change() {
        let mut waiting = Waiting::new(Some(1));
        let name = |report: Report| Report { target: "db.example:80".into(), ..report };
        let mut add = |report: Report| waiting.add(name(report));
        assert_eq!(add(unresolved()).as_deref(), Some("waiting for db.example:80: unresolved (no such name)"));
        assert_eq!(add(unresolved()), None);
        assert_eq!(
            add(refused("10.0.0.1:80")).as_deref(),
            Some("waiting for db.example:80: refused (a RST answered the SYN)")
        );
        let open = || literal("10.0.0.1:80", Outcome::Connected);
        assert_eq!(add(open()).as_deref(), Some("db.example:80: connected"));
        assert_eq!(add(open()), None);
        assert!(add(refused("10.0.0.1:80")).is_some());
        assert_eq!(waiting.reports().len(), 1);
    }

    #[test]
    fn many_targets_have_a_line_for_each_round_that_is_another() {
        let round = |good: u64, refused: u64| {
            let mut totals = Totals::default();
            (0..good).for_each(|_| totals.count(Outcome::Connected, true, false));
            (0..refused).for_each(|_| totals.count(Outcome::Refused, false, false));
            totals.count(Outcome::TimedOut, good > 30, false);
            totals
        };
        let mut waiting = Waiting::new(Some(41));
        assert_eq!(waiting.add(refused("10.0.0.1:80")), None);
        assert_eq!(waiting.add(literal("10.0.0.1:80", Outcome::Connected)), None);
        let first = "waiting for 41 of 41 targets: 40 refused, 1 timed-out";
        let lines = [(0, 40), (0, 40), (30, 10), (40, 0), (0, 40)].map(|(good, bad)| waiting.round(&round(good, bad)));
        let second = "waiting for 11 of 41 targets: 10 refused, 1 timed-out";
        assert_eq!(lines.each_ref().map(Option::as_deref), [Some(first), None, Some(second), None, Some(first)]);
        let mut few = Waiting::new(Some(20));
        assert!(few.add(refused("10.0.0.1:80")).is_some());
        assert_eq!(few.round(&round(0, 19)), None);
    }

    #[test]
    fn the_status_is_one_line_of_the_terminal() {
        let mut waiting = Waiting::new(None);
        waiting.add(refused("10.0.0.1:80"));
        let seconds = Duration::from_secs;
        assert_eq!(waiting.status(seconds(3), 80), "waiting 3 s for 10.0.0.1:80: refused (a RST answered the SYN)");
        waiting.add(literal("10.0.0.2:80", Outcome::Connected));
        assert_eq!(
            waiting.status(seconds(61), 80),
            "waiting 61 s: 1 of 2 targets good; 10.0.0.1:80: refused (a RST answered the SYN)"
                .chars()
                .take(79)
                .collect::<String>()
        );
    }

    #[test]
    fn the_end_names_what_is_missing() {
        let mut waiting = Waiting::new(None);
        waiting.add(literal("10.0.0.2:80", Outcome::Connected));
        assert_eq!(waiting.met(Duration::from_millis(3_210)), "10.0.0.2:80 is connected after 3.21 s");
        for port in 1..=25 {
            waiting.add(refused(&format!("10.0.0.1:{port}")));
        }
        let lines = waiting.ran_out(Duration::from_secs(30));
        assert_eq!(lines.len(), 22);
        assert_eq!(lines[0], "the wait ran out after 30.0 s");
        assert_eq!(lines[1], "10.0.0.1:1: refused (a RST answered the SYN)");
        assert_eq!(lines[21], "and 5 more targets");
    }

    /// What the end of the wait cut short is not what was waited for, although its word is.
    #[test]
    fn a_hold_that_was_cut_short_is_named_so() {
        let mut cut = literal("10.0.0.1:80", Outcome::Connected);
        (cut.good, cut.attempts[0].cut_short) = (false, true);
        let mut waiting = Waiting::new(None);
        waiting.add(cut);
        assert_eq!(waiting.ran_out(Duration::from_secs(1))[1], "10.0.0.1:80: connected (cut short)");
    }
}
