//! Rows for people that line up: a label, an outcome and its time, codes; below a row stands what it rests on.

use colored::{Color, Colorize};
use unicode_width::UnicodeWidthStr;

use super::Style;
use super::wording::{LINE_WIDTH, wrapped};
use crate::model::Outcome;

/// As wide as `connected` and `999.9 ms` with a gap. Outcome and time share it: a long word takes from the gap.
const MIDDLE_WIDTH: usize = 20;
/// As wide as a time stamp and the longest IPv6 address with its port: a longer label widens no other row.
const LABEL_LIMIT: usize = 75;
/// As wide as the longest IPv4 address with its port, `/udp` and the gap. What stands below a longer label begins here, so
/// that it keeps its room.
const BELOW_LIMIT: usize = 28;

/// One row, and what stands below it.
pub struct Row {
    /// An address, a target or a try.
    pub label: String,
    /// Its word is coloured.
    pub outcome: Outcome,
    /// Empty where nothing was tried.
    pub time: String,
    /// A code in both vocabularies, or a service.
    pub codes: String,
    /// Evidence, each on a line of its own; long lines are wrapped.
    pub below: Vec<String>,
}

/// Widths of the columns, in terminal cells. They only grow, so that each row lines up with the rows before it.
#[derive(Debug, Clone, Copy)]
pub struct Columns {
    label: usize,
    middle: usize,
}

impl Default for Columns {
    fn default() -> Self {
        Columns { label: 0, middle: MIDDLE_WIDTH }
    }
}

impl Columns {
    /// Columns that these rows fit into.
    pub fn widened(self, rows: &[Row]) -> Columns {
        let label = rows.iter().map(|row| row.label.width()).fold(self.label, usize::max);
        let middle = rows.iter().map(Row::middle).fold(self.middle, usize::max);
        Columns { label, middle }
    }

    /// What later rows start from.
    pub fn limited(self, before: Columns) -> Columns {
        if self.label <= LABEL_LIMIT { self } else { Columns { label: before.label, ..self } }
    }
}

impl Row {
    fn middle(&self) -> usize {
        self.outcome.slug().len() + 1 + self.time.width()
    }

    fn lines(&self, indent: &str, columns: Columns, style: Style) -> Vec<String> {
        let begin = indent.len() + columns.label + 3;
        let below = begin.min(BELOW_LIMIT);
        let fits = self.codes.is_empty() || begin + columns.middle + 2 + self.codes.width() <= LINE_WIDTH;
        let (codes, apart) = if fits { (self.codes.as_str(), None) } else { ("", Some(&self.codes)) };
        let gap = columns.middle.saturating_sub(self.outcome.slug().len() + self.time.width());
        let word = word(self.outcome, style);
        let label = padded(&self.label, columns.label);
        let line = format!("{indent}{label}   {word}{:gap$}{}  {codes}", "", self.time);
        let rest = apart.into_iter().chain(&self.below).map(|text| wrapped(text, below, below));
        std::iter::once(line.trim_end().to_string()).chain(rest).collect()
    }
}

/// The rows in columns of that width; codes that do not fit the line stand below it.
pub fn lines(rows: &[Row], indent: &str, columns: Columns, style: Style) -> Vec<String> {
    rows.iter().flat_map(|row| row.lines(indent, columns, style)).collect()
}

/// The text, filled with blanks to so many terminal cells (wide characters take two).
pub fn padded(text: &str, width: usize) -> String {
    let blanks = width.saturating_sub(text.width());
    format!("{text}{:blanks$}", "")
}

/// The outcome's word, in colour where the style has colour.
fn word(outcome: Outcome, style: Style) -> String {
    painted(outcome.slug(), outcome, style)
}

/// A word in the colour of an outcome, where the style has colour.
pub fn painted(word: &str, outcome: Outcome, style: Style) -> String {
    if style.color { word.color(color(outcome)).to_string() } else { word.to_string() }
}

/// Green is good, red is an answer that was no, yellow is no answer.
fn color(outcome: Outcome) -> Color {
    use Outcome::*;
    match outcome {
        Connected => Color::Green,
        TimedOut | Unconfirmed | Interrupted | Cancelled | Skipped => Color::Yellow,
        Refused | Unreachable | Denied | Unavailable | Unsupported | Invalid | Reset | ClosedByPeer | Unserved
        | SelfConnected | Unresolved | Failed => Color::Red,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(label: &str, outcome: Outcome, time: &str, codes: &str) -> Row {
        Row { label: label.into(), outcome, time: time.into(), codes: codes.into(), below: Vec::new() }
    }

    fn text(rows: &[Row]) -> Vec<String> {
        lines(rows, "", Columns::default().widened(rows), Style::default())
    }

    #[test]
    fn a_long_word_takes_from_the_gap_before_the_time() {
        let rows = [
            row("10.0.0.1", Outcome::Connected, "0.04 ms", "http"),
            row("10.0.0.2", Outcome::Unreachable, "999.9 ms", "X"),
            row("10.0.0.3", Outcome::SelfConnected, "1.2 ms", "Y"),
        ];
        #[rustfmt::skip]
        assert_eq!(text(&rows), [
            "10.0.0.1   connected     0.04 ms  http",
            "10.0.0.2   unreachable  999.9 ms  X",
            "10.0.0.3   self-connected 1.2 ms  Y",
        ]);
    }

    #[test]
    fn wide_characters_take_two_cells() {
        let rows = [row("例え.example", Outcome::Connected, "1.2 ms", ""), row("db", Outcome::Refused, "1.2 ms", "")];
        assert_eq!(text(&rows), ["例え.example   connected     1.2 ms", "db             refused       1.2 ms"]);
    }

    #[test]
    fn codes_that_do_not_fit_stand_below() {
        let long = row("nosuch.example:80", Outcome::Unresolved, "12.3 ms", "EAI_NONAME -2 · WSAHOST_NOT_FOUND 11001");
        #[rustfmt::skip]
        assert_eq!(text(&[long]), [
            "nosuch.example:80   unresolved   12.3 ms",
            "                    EAI_NONAME -2 · WSAHOST_NOT_FOUND 11001",
        ]);
        let line =
            text(&[row("255.255.255.255:65535", Outcome::SelfConnected, "0.1 ms", "EADDRNOTAVAIL 99 · WSA 10049")]);
        assert!(line.len() == 1 && line[0].len() <= LINE_WIDTH, "{line:?}");
    }

    /// A time stamp and a long IPv6 address leave no room beside them.
    #[test]
    fn what_stands_below_a_long_label_keeps_its_room() {
        let far = |codes| {
            let evidence = vec!["the next hop does not answer".to_string()];
            let row = Row { below: evidence, ..row(&"x".repeat(70), Outcome::TimedOut, "1.2 ms", codes) };
            text(&[row])[1..].join("\n")
        };
        let below = format!("{:28}the next hop does not answer", "");
        assert_eq!(far(""), below);
        assert_eq!(far("EHOSTUNREACH 113"), format!("{:28}EHOSTUNREACH 113\n{below}", ""));
    }
}
