//! Probes that are repeated: a line for each address in each round. Evidence, advice and the path are shown where they are
//! new.

use super::{Page, advice_line, bare, closing, header, is_literal, label, paths, row};
use crate::classify::changes::Changed;
use crate::classify::requirement::last_word;
use crate::model::{Attempt, Report, Totals};
use crate::output::table::{self, Row};
use crate::output::units::{address, timestamp};
use crate::output::{Style, timeline, wording};

/// As wide as the number of a round that few runs exceed.
const NUMBER_WIDTH: usize = 4;

/// Where the text below a probe begins.
const BELOW: usize = NUMBER_WIDTH + 3;

impl Page {
    /// One target of a round, and what is other than in the round before. Of many targets, only what changes is shown, and
    /// what is good from the begin on.
    pub fn round(&mut self, report: &Report, changed: &Changed, style: Style) -> String {
        if self.fold.is_some() && !changed.is_change() && !(changed.first && report.good) {
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
        if self.fold.is_none() { String::new() } else { format!("round {round}: {}", super::summary(totals)) }
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
            lines.extend(table::lines(&[row], "", columns, style));
            let below = below.into_iter().filter(|_| full);
            lines.extend(below.map(|text| format!("{:BELOW$}{text}", "")));
        }
        lines
    }

    fn probe(&self, start: &str, report: &Report, attempt: &Attempt, changed: &Changed, style: Style) -> Row {
        let whose = if is_literal(&report.host) {
            label(report, start)
        } else {
            start.to_owned() + &wording::place(&report.target, &report.host, Some(attempt.address))
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
