//! Values to bytes. Nothing here prints, reads the environment or knows the time: the caller writes what it is given,
//! one call of write for one target, so that a reader of a pipe never sees half of it.

use crate::model::{Report, Totals};

pub mod csv;
mod human;
mod json;
mod path;
#[cfg(test)]
mod samples;
mod table;
mod units;
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

/// How much is shown, and how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Style {
    /// Colour the outcome words; the caller has set the override of crate `colored` accordingly.
    pub color: bool,
    /// Write ASCII only: the locale is not UTF-8.
    pub ascii: bool,
    /// From 1 on: each event of an attempt, and what else is known of it.
    pub verbose: u8,
    /// Begin each target with the wall clock at its start (JSON and CSV always have it).
    pub timestamps: bool,
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
    /// One that has shown nothing yet.
    pub fn new(format: Format, style: Style) -> Self {
        Reporter { format, style, page: human::Page::default() }
    }

    /// What comes before the first target: the header of CSV, nothing in the other forms.
    pub fn header(&self) -> Vec<u8> {
        match self.format {
            Format::Csv => csv::header(),
            Format::Human | Format::Json => Vec::new(),
        }
    }

    /// One whole target, its last newline included. For people it goes on from those before: its columns are at least
    /// as wide as theirs, and advice that they had is not repeated unless verbose.
    pub fn target(&mut self, report: &Report) -> Vec<u8> {
        match self.format {
            Format::Human => self.page.target(report, self.style).into_bytes(),
            Format::Json => json::line(report, self.style.verbose > 0),
            Format::Csv => csv::rows(report),
        }
    }

    /// What comes after the last target: for people, and of several targets only.
    pub fn summary(&self, totals: &Totals) -> Vec<u8> {
        match self.format {
            Format::Human => human::summary(totals).into_bytes(),
            Format::Json | Format::Csv => Vec::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_csv_has_a_header_and_only_people_read_a_summary() {
        let mut totals = Totals::default();
        (0..2).for_each(|_| totals.add(&samples::partial()));
        for &format in &[Format::Human, Format::Json, Format::Csv] {
            let reporter = Reporter::new(format, Style::default());
            assert_eq!(reporter.header().is_empty(), format != Format::Csv);
            assert_eq!(reporter.summary(&totals).is_empty(), format != Format::Human);
        }
    }

    #[test]
    fn every_form_takes_every_report_and_ends_its_last_line() {
        for report in samples::many() {
            for &format in &[Format::Human, Format::Json, Format::Csv] {
                for verbose in 0..2 {
                    let style = Style { verbose, timestamps: true, ..Style::default() };
                    let bytes = Reporter::new(format, style).target(&report);
                    let text = String::from_utf8(bytes).expect("UTF-8");
                    assert!(text.ends_with('\n') && !text.ends_with("\n\n"), "{text}");
                    assert!(format == Format::Csv || text.lines().all(|line| line == line.trim_end()), "{text}");
                    assert!(format != Format::Json || text.lines().count() == 1, "{text}");
                }
            }
        }
    }
}
