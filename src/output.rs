//! Values to bytes. Nothing here prints, reads the environment or knows the time: the caller writes what it is given,
//! one call of write for one target, so that a reader of a pipe never sees half of it.

use crate::classify::changes::Changed;
use crate::classify::statistics::{Span, Statistics};
use crate::model::{Protocol, Report, Totals};

pub mod csv;
mod fold;
mod human;
mod json;
mod ledger;
mod matrix;
mod path;
pub mod progress;
mod ranges;
#[cfg(test)]
mod samples;
pub mod selftest;
mod statistics;
mod table;
mod timeline;
mod units;
pub mod waiting;
mod wording;

/// The JSON Schema (draft 2020-12) of one line of JSON output.
pub const SCHEMA: &str = include_str!("../schema/rconnect-1.schema.json");

/// The form of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For people
    Human,
    /// One JSON object a line, one line a target
    Json,
    /// One row an attempt, with a header
    Csv,
}

/// Which targets are shown.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Show {
    /// All; for people, what is common among many is counted.
    #[default]
    Folded,
    /// All, one by one
    All,
    /// Only those that are good
    Good,
    /// Only those that are not good, or partial
    Failed,
}

impl Show {
    fn wants(self, report: &Report) -> bool {
        match self {
            Show::Folded | Show::All => true,
            Show::Good => report.good,
            Show::Failed => !report.good || report.partial,
        }
    }
}

/// The text in ASCII, for a locale that may have no other characters.
pub fn ascii(text: String) -> String {
    if text.is_ascii() {
        return text;
    }
    let mut plain = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            'µ' => plain.push('u'),
            '·' => plain.push('-'),
            '…' => plain.push_str("..."),
            '→' => plain.push_str("->"),
            c if c.is_ascii() => plain.push(c),
            c => plain.extend(c.escape_unicode()),
        }
    }
    plain
}

/// The name of the service on a port, where the caller knows one.
pub type Service = fn(u16, Protocol) -> Option<String>;

/// How much is shown, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Colour the outcome words; the caller has set the override of crate `colored` accordingly.
    pub color: bool,
    /// Write ASCII only: the locale is not UTF-8.
    pub ascii: bool,
    /// Which targets are shown.
    pub show: Show,
    /// From 1 on: each event of an attempt, and what else is known of it.
    pub verbose: u8,
    /// Begin each target with the wall clock at its start (JSON and CSV always have it).
    pub timestamps: bool,
    /// Cells of a line of the terminal; `None` where there is no terminal, or nothing is drawn.
    pub width: Option<usize>,
}

/// Renders the reports of a run in one form.
#[derive(Debug)]
pub struct Reporter {
    /// The form.
    pub format: Format,
    /// How much is shown, and how.
    pub style: Style,
    page: human::Page,
}

impl Reporter {
    /// One that has shown nothing yet. `targets` is how many will come, where that is known.
    pub fn new(format: Format, style: Style, targets: Option<u128>, service: Service) -> Self {
        Reporter { format, style, page: human::Page::new(style, targets, service) }
    }

    /// What comes before the first target: the header of CSV, nothing in the other forms.
    pub fn header(&self) -> Vec<u8> {
        match self.format {
            Format::Csv => csv::header(),
            Format::Human | Format::Json => Vec::new(),
        }
    }

    /// Appends one whole target, its last newline included. For people it goes on from those before: its columns are at
    /// least as wide as theirs, and advice that they had is not repeated unless verbose. Nothing for a target that is not
    /// to be shown, or not yet.
    pub fn target(&mut self, report: &Report, out: &mut Vec<u8>) {
        match self.format {
            _ if !self.style.show.wants(report) => {}
            Format::Human => {
                let text = self.page.add(report, self.style);
                out.extend(self.in_locale(text).bytes());
            }
            Format::Json => json::line(report, self.style.verbose > 0, out),
            Format::Csv => csv::rows(report, out),
        }
    }

    /// What comes after the last target: for people, and of several targets only. `width` is that of a line in cells.
    pub fn summary(&mut self, totals: &Totals, width: usize) -> Vec<u8> {
        match self.format {
            Format::Human => {
                let text = self.page.end(totals, width, self.style);
                self.in_locale(text).into_bytes()
            }
            Format::Json | Format::Csv => Vec::new(),
        }
    }

    /// The same for one target of a round; for people with what is other than in the round before.
    pub fn probe(&mut self, report: &Report, changed: &Changed, out: &mut Vec<u8>) {
        if self.format == Format::Human && self.style.show.wants(report) {
            let text = self.page.round(report, changed, self.style);
            out.extend(self.in_locale(text).bytes());
        } else if self.format != Format::Human {
            self.target(report, out);
        }
    }

    /// The end of a round, for people and of many targets only.
    pub fn round_over(&self, round: u64, totals: &Totals) -> Vec<u8> {
        match self.format {
            Format::Human => self.in_locale(self.page.round_over(round, totals)).into_bytes(),
            Format::Json | Format::Csv => Vec::new(),
        }
    }

    /// What the rounds came to; nothing as CSV, whose rows are attempts. For a terminal with histograms.
    pub fn statistics(&self, statistics: &Statistics, span: &Span, terminal: bool) -> Vec<u8> {
        let mut out = Vec::new();
        match self.format {
            Format::Human => out.extend(self.glance(statistics, span, terminal).bytes()),
            Format::Json => json::statistics::line(statistics, span, &mut out),
            Format::Csv => {}
        }
        out
    }

    /// What the rounds came to so far, for people in every form.
    pub fn glance(&self, statistics: &Statistics, span: &Span, terminal: bool) -> String {
        self.in_locale(statistics::human_text(statistics, span, terminal, self.style.show == Show::All))
    }

    fn in_locale(&self, text: String) -> String {
        if self.style.ascii { ascii(text) } else { text }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;

    fn reporter(format: Format, style: Style) -> Reporter {
        Reporter::new(format, style, Some(1), |_, _| None)
    }

    fn bytes(reporter: &mut Reporter, report: &Report) -> Vec<u8> {
        let mut out = Vec::new();
        reporter.target(report, &mut out);
        out
    }

    #[test]
    fn a_locale_without_utf8_gets_ascii() {
        let style = Style { ascii: true, verbose: 1, ..Style::default() };
        for report in samples::many() {
            assert!(bytes(&mut reporter(Format::Human, style), &report).is_ascii(), "{report:?}");
        }
        let text = String::from_utf8(bytes(&mut reporter(Format::Human, style), &samples::partial())).expect("ASCII");
        assert!(text.contains(" 35 us  connect "), "{text}");
        assert_eq!(ascii("a · b → c… µs é".into()), "a - b -> c... us \\u{e9}");
    }

    #[test]
    fn only_what_is_asked_for_is_shown_in_every_form() {
        let reports = [samples::literal("10.0.0.1:22", Outcome::Connected), samples::unresolved(), samples::partial()];
        for format in [Format::Human, Format::Json, Format::Csv] {
            let shown = |show| {
                let mut reporter = reporter(format, Style { show, ..Style::default() });
                reports.each_ref().map(|report| !bytes(&mut reporter, report).is_empty())
            };
            assert_eq!(shown(Show::Folded), [true; 3]);
            assert_eq!(shown(Show::All), [true; 3]);
            assert_eq!(shown(Show::Good), [true, false, true]);
            assert_eq!(shown(Show::Failed), [false, true, true]);
        }
    }

    #[test]
    fn only_csv_has_a_header_and_only_people_read_a_summary() {
        let mut totals = Totals::default();
        (0..2).for_each(|_| totals.add(&samples::partial()));
        for &format in &[Format::Human, Format::Json, Format::Csv] {
            let mut reporter = reporter(format, Style::default());
            assert_eq!(reporter.header().is_empty(), format != Format::Csv);
            assert_eq!(reporter.summary(&totals, 80).is_empty(), format != Format::Human);
        }
    }

    #[test]
    fn every_form_takes_every_report_and_ends_its_last_line() {
        for report in samples::many() {
            for &format in &[Format::Human, Format::Json, Format::Csv] {
                for verbose in 0..2 {
                    let style = Style { verbose, timestamps: true, ..Style::default() };
                    let bytes = bytes(&mut reporter(format, style), &report);
                    let text = String::from_utf8(bytes).expect("UTF-8");
                    assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text}");
                    assert!(format == Format::Csv || text.lines().all(|line| line == line.trim_end()), "{text}");
                    assert!(format != Format::Json || text.lines().count() == 1, "{text}");
                }
            }
        }
    }
}
