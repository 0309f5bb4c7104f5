//! Values to bytes. Nothing here prints, reads the environment or knows the time: the caller writes what it is given,
//! one call of write for one target, so that a reader of a pipe never sees half of it.

use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::outcome::{Outcome, Report};

pub mod csv;
mod human;
mod json;
mod path;
#[cfg(test)]
mod samples;

/// The JSON Schema (draft 2020-12) of one line of JSON output.
pub const SCHEMA: &str = include_str!("../schema/rconnect-1.schema.json");

/// The form of the results.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
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

/// What the targets of a run came to, counted in constant memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Totals {
    /// Targets reported.
    pub targets: u64,
    /// Those whose requirement holds.
    pub good: u64,
    /// The good ones of which some address failed.
    pub partial: u64,
    others: [u64; Outcome::ALL.len()],
}

impl Totals {
    /// Takes one more target into account.
    pub fn add(&mut self, report: &Report) {
        self.targets += 1;
        self.good += u64::from(report.good);
        self.partial += u64::from(report.good && report.partial);
        if !report.good {
            self.others[report.outcome as usize] += 1;
        }
    }

    /// The outcomes of the targets that are not good and how often each occurred, in the documented order.
    pub fn others(&self) -> impl Iterator<Item = (Outcome, u64)> {
        Outcome::ALL.iter().copied().zip(self.others).filter(|&(_, count)| count > 0)
    }
}

/// An address without its port; the scope id, where there is one, as a number (RFC 4007 section 11.2).
fn address(address: SocketAddr) -> String {
    match address {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
        other => other.ip().to_string(),
    }
}

fn family(address: SocketAddr) -> &'static str {
    if address.is_ipv4() { "ipv4" } else { "ipv6" }
}

/// Whole microseconds.
fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// RFC 3339 in UTC with microseconds. The form has four digits for the year and `humantime` panics on times before
/// 1970, which a machine without a battery-backed clock can have: such times are shown as the nearest that has a form.
fn timestamp(at: SystemTime) -> String {
    const END_OF_9999: Duration = Duration::from_secs(253_402_300_799);
    humantime::format_rfc3339_micros(at.clamp(UNIX_EPOCH, UNIX_EPOCH + END_OF_9999)).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_clocks_have_a_form() {
        let day = Duration::from_secs(86_400);
        assert_eq!(timestamp(UNIX_EPOCH - day), "1970-01-01T00:00:00.000000Z");
        assert_eq!(timestamp(UNIX_EPOCH + day * 4_000_000), "9999-12-31T23:59:59.000000Z");
    }

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
