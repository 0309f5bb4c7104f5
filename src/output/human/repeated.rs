//! Probes that are repeated: a line for each address in each round. Evidence, advice and the path are shown where they are
//! new.

use super::{Page, advice_line, bare, closing, header, is_literal, label, paths, row};
use crate::classify::changes::Changed;
use crate::classify::requirement::last_word;
use crate::model::{Attempt, Report, Totals};
use crate::output::fold::is_wanted;
use crate::output::table::{self, Row};
use crate::output::units::{address, timestamp};
use crate::output::{Style, timeline, wording};

/// As wide as the number of a round that few runs exceed.
const NUMBER_WIDTH: usize = 4;

/// Where the text below a probe begins.
const BELOW: usize = NUMBER_WIDTH + 3;

impl Page {
    /// One target of a round, and what is other than in the round before. Of many targets, only what changes is shown, and
    /// what is wanted from the begin on.
    pub fn round(&mut self, report: &Report, changed: &Changed, style: Style) -> String {
        if self.fold.is_some() && !changed.is_change() && !(changed.first && is_wanted(report)) {
            return String::new();
        }
        let full = !changed.is_nothing() || style.verbose > 0;
        let stamp = if style.timestamps { timestamp(report.started_at) + " " } else { String::new() };
        let named = !report.attempts.is_empty() && !is_literal(&report.host);
        let head = named && (changed.first || style.verbose > 0);
        let mut lines = if head { header(report, stamp.clone(), style) } else { Vec::new() };
        lines.extend(self.probes(report, changed, full, &stamp, style));
        if full {
            lines.extend(timeline::lines(report, style));
            lines.extend(paths(report, style));
            lines.extend(self.advice(report, style).iter().map(advice_line));
            lines.extend(closing(report));
        }
        lines.iter().map(|line| format!("{line}\n")).collect()
    }

    /// The end of a round, where not every target had a line.
    pub fn round_over(&self, round: u64, totals: &Totals) -> String {
        if self.fold.is_none() { String::new() } else { super::summary(&format!("round {round}: "), totals) }
    }

    /// A line for each address. What stands below it begins in one column, so that long names leave it its room.
    fn probes(&mut self, report: &Report, changed: &Changed, full: bool, stamp: &str, style: Style) -> Vec<String> {
        let start = format!("{stamp}{} ", number(report.round.unwrap_or(0)));
        let mut rows = if report.attempts.is_empty() {
            vec![bare(report, start, style)]
        } else {
            let tries = report.attempts.chunk_by(|a, b| a.address == b.address);
            let last = tries.filter_map(|tries| last_word(tries.iter()));
            let shown = last.filter(|attempt| attempt.phase.is_some() || full);
            shown.map(|attempt| self.probe(&start, report, attempt, changed, style)).collect()
        };
        if let Some(row) = rows.first_mut() {
            row.below.extend(of_target(changed));
        }
        let columns = self.columns.widened(&rows);
        self.columns = columns.limited(self.columns);
        let mut lines = Vec::new();
        for mut row in rows {
            let below = std::mem::take(&mut row.below);
            // A line without news is one line: codes that do not fit it were shown before.
            let most = if full { usize::MAX } else { 1 };
            lines.extend(table::lines(&[row], "", columns, style).into_iter().take(most));
            let below = below.into_iter().filter(|_| full);
            lines.extend(below.map(|text| wording::wrapped(&text, BELOW, BELOW)));
        }
        lines
    }

    fn probe(&self, start: &str, report: &Report, attempt: &Attempt, changed: &Changed, style: Style) -> Row {
        let whose = match is_literal(&report.host) {
            true => label(report, start),
            // The head has named it.
            false if self.alone => start.to_owned() + &address(attempt.address),
            false => start.to_owned() + &wording::place(&report.target, &report.host, Some(attempt.address)),
        };
        let mut row = row(whose, report, attempt, style, self.service);
        let was = changed.was.iter().find(|(address, _)| *address == attempt.address);
        row.below.extend(was.map(|&(_, state)| format!("changed: was {}", wording::state(state))));
        row.below.extend(changed.new.contains(&attempt.address).then(|| "changed: a new address".into()));
        row
    }
}

/// What has changed and is no address's own.
fn of_target(changed: &Changed) -> Vec<String> {
    let was = changed.target_was.map(|state| format!("changed: was {}", wording::state(state)));
    let gone: Vec<String> = changed.gone.iter().map(|&gone| address(gone)).collect();
    let gone = (!gone.is_empty()).then(|| format!("changed: no longer {}", gone.join(", ")));
    was.into_iter().chain(gone).collect()
}

fn number(round: u64) -> String {
    format!("{round:>NUMBER_WIDTH$}")
}

// The numbers are those of Linux.
#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::changes::Changes;
    use crate::model::{Icmp, Outcome};
    use crate::output::samples::{literal, partial, unresolved};

    struct Rounds {
        page: Page,
        changes: Changes,
        round: u64,
    }

    impl Rounds {
        fn of(targets: u128) -> Rounds {
            let page = Page::new(Style::default(), Some(targets), |_, _| None);
            Rounds { page, changes: Changes::new(), round: 0 }
        }

        fn next(&mut self, report: Report) -> String {
            self.round += 1;
            let report = Report { round: Some(self.round), ..report };
            let changed = self.changes.add(&report);
            self.page.round(&report, &changed, Style::default())
        }
    }

    /// Another router says so.
    fn by_another_router() -> Report {
        let mut report = partial();
        let icmp = report.attempts[1].icmp.take();
        report.attempts[1].icmp = icmp.map(|icmp| Icmp { from: [10, 1, 0, 7].into(), ..icmp });
        report
    }

    #[test]
    fn evidence_is_shown_where_it_is_new() {
        let mut rounds = Rounds::of(1);
        let first = "\
db.example:5432  2 addresses in 0.8 ms
   1 10.1.0.9   connected     1.2 ms
   1 10.4.0.5   denied        0.1 ms  EHOSTUNREACH 113 · WSA 10065
       10.1.0.1 says: communication administratively prohibited (ICMP 3/13)
  advice for 10.4.0.5: 10.1.0.1 forbids it: ask whoever runs that firewall
1 of 2 addresses connected (partial)
";
        assert_eq!(rounds.next(partial()), first);
        let again = [
            "   2 10.1.0.9   connected     1.2 ms",
            "   2 10.4.0.5   denied        0.1 ms  EHOSTUNREACH 113 · WSA 10065",
        ];
        assert_eq!(rounds.next(partial()).lines().collect::<Vec<_>>(), again);
        let router = rounds.next(by_another_router());
        let was =
            "changed: was denied (an ICMP message that says administratively\n       prohibited; 10.1.0.1 says so)";
        assert!(router.contains("       10.1.0.7 says: ") && router.contains(was), "{router}");
        let mut alone = partial();
        alone.attempts.truncate(1);
        assert!(rounds.next(alone).contains("\n       changed: no longer 10.4.0.5\n"));
        let mut several = Rounds::of(2);
        assert!(several.next(partial()).contains("\n   1 db.example:5432 10.4.0.5   denied        0.1 ms\n    "));
        let again = several.next(partial());
        assert!(again.ends_with("\n   2 db.example:5432 10.4.0.5   denied        0.1 ms\n"), "{again}");
    }

    #[test]
    fn a_name_that_has_no_address_any_more() {
        let mut rounds = Rounds::of(1);
        rounds.next(Report { host: "nosuch.example".into(), port: 80, ..partial() });
        let lost = rounds.next(unresolved());
        assert!(lost.starts_with("   2 nosuch.example:80 "), "{lost}");
        assert!(lost.contains("\n       changed: was connected\n"), "{lost}");
    }

    #[test]
    fn of_many_targets_what_changes_is_shown() {
        let mut rounds = Rounds::of(1000);
        let target = |outcome| literal("10.0.0.1:22", outcome);
        assert_eq!(rounds.next(target(Outcome::Refused)), "");
        assert!(rounds.next(target(Outcome::Connected)).contains("changed: was refused\n"));
        assert_eq!(rounds.next(target(Outcome::Connected)), "");
        let mut totals = Totals::default();
        (0..30).for_each(|_| totals.add(&target(Outcome::Connected)));
        assert_eq!(rounds.page.round_over(3, &totals), "round 3: 30 targets: 30 connected\n");
        assert_eq!(Rounds::of(2).page.round_over(3, &totals), "");
        let expecting = |outcome, good| {
            let expected = Some([Outcome::Refused].into_iter().collect());
            Rounds::of(1000).next(Report { good, expected, ..target(outcome) })
        };
        assert_eq!(expecting(Outcome::Refused, true), "", "as expected");
        assert!(expecting(Outcome::Connected, false).contains("\nexpected: refused\n"));
    }
}
