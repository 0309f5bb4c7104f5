//! What is shown of a run, and what it comes to.

use std::io::{self, IsTerminal, Write};
use std::time::Instant;

use anyhow::{Context, Result};

use crate::app::args::When;
use crate::app::progress::Meter;
use crate::app::settle::Probe;
use crate::classify::changes::Changed;
use crate::classify::exit;
use crate::classify::statistics::{Span, Statistics};
use crate::model::{Mode, Report, Totals};
use crate::net::driver::{self, Run};
use crate::net::sys;
use crate::output::{Format, Reporter, Service, Style};
use crate::schedule::Note;
use crate::schedule::rounds::Rounds;

/// A diagnostic that does not end the run. Where standard error is gone, there is nobody to tell.
pub fn note(err: &mut dyn Write, text: &str) {
    let _ = writeln!(err, "rconnect: {text}");
}

/// The error on one line. What was typed or read is quoted in it, and must not control a terminal.
pub fn one_line(error: &anyhow::Error) -> String {
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    format!("{error:#}").chars().map(escaped).collect()
}

/// Makes the console understand colours while the result lives.
pub fn coloring(settled: &Probe) -> Option<sys::Coloring> {
    let colored = settled.format.is_some() && settled.style.color;
    if colored {
        colored::control::set_override(true);
    }
    colored.then(sys::Coloring::begin)
}

/// Results that are held back until the next wait, in bytes: a sweep decides many targets between two waits.
const MOST_HELD: usize = 1 << 16;

/// How results are shown.
#[derive(Clone, Copy)]
pub struct Reporting {
    format: Option<Format>,
    style: Style,
    service: Service,
    most_held: usize,
    progress: When,
}

impl Reporting {
    /// As it was settled.
    pub fn of(settled: &Probe) -> Self {
        let service = if settled.rules.numeric { |_, _| None } else { sys::service_name };
        // In blocking mode the wait is in connect(), and nothing flushes before it.
        let most_held = if settled.policy.mode == Mode::Blocking { 0 } else { MOST_HELD };
        let progress = if settled.format.is_some() { settled.progress } else { When::Never };
        Reporting { format: settled.format, style: settled.style, service, most_held, progress }
    }

    /// Nothing shown yet. `targets` is how many will come, where that is known; `only` is the target, if there is one.
    pub fn results(self, out: &mut dyn Write, targets: Option<u128>, only: Option<String>) -> Results<'_> {
        let reporter = self.format.map(|format| Reporter::new(format, self.style, targets, self.service));
        let meter = Meter::new(self.progress, only, targets);
        let (totals, held, most_held) = (Totals::default(), Vec::new(), self.most_held);
        Results { out, reporter, totals, held, most_held, slowed: false, meter }
    }
}

/// What is shown of a run, and what it comes to.
pub struct Results<'a> {
    out: &'a mut dyn Write,
    /// `None` where the exit code is all that is wanted.
    reporter: Option<Reporter>,
    /// What the targets came to.
    pub totals: Totals,
    /// Whole lines that are not written yet.
    held: Vec<u8>,
    /// So many bytes are written without waiting for a flush.
    most_held: usize,
    /// The user knows that the run was slowed down.
    slowed: bool,
    meter: Meter,
}

impl Results<'_> {
    /// What comes before the first target.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn begin(&mut self) -> Result<()> {
        self.held.extend(self.reporter.iter().flat_map(Reporter::header));
        self.write().or_else(quiet_end)
    }

    /// The form; `None` where nothing is shown.
    pub fn form(&self) -> Option<Format> {
        self.reporter.as_ref().map(|reporter| reporter.format)
    }

    /// Shows one target.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn show(&mut self, report: &Report) -> io::Result<()> {
        if let Some(reporter) = &mut self.reporter {
            reporter.target(report, &mut self.held);
        }
        if self.held.len() < self.most_held { Ok(()) } else { self.write() }
    }

    /// Shows one target of a round.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn show_probe(&mut self, report: &Report, changed: &Changed) -> io::Result<()> {
        if let Some(reporter) = &mut self.reporter {
            reporter.probe(report, changed, &mut self.held);
        }
        if self.held.len() < self.most_held { Ok(()) } else { self.write() }
    }

    /// The end of a round.
    pub fn round_over(&mut self, round: u64, totals: &Totals) {
        self.held.extend(self.reporter.iter().flat_map(|reporter| reporter.round_over(round, totals)));
    }

    /// What the rounds came to.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn statistics(&mut self, statistics: &Statistics, span: &Span) -> io::Result<()> {
        let terminal = io::stdout().is_terminal();
        self.held.extend(self.reporter.iter().flat_map(|reporter| reporter.statistics(statistics, span, terminal)));
        self.write()
    }

    /// What the rounds came to so far, for people; `None` where nothing is shown.
    pub fn glance(&self, statistics: &Statistics, span: &Span, terminal: bool) -> Option<String> {
        self.reporter.as_ref().map(|reporter| reporter.glance(statistics, span, terminal))
    }

    /// Shows the progress of the round under way, when it is due; gives the instant at which it is due next. `last` is the
    /// last round that has decided targets, and what they come to.
    pub fn progress_of_round(&mut self, now: Instant, rounds: &Rounds, last: &(u64, Totals)) -> Option<Instant> {
        let under_way = rounds.under_way();
        let is_last = under_way.is_some_and(|(number, _)| number == last.0);
        self.meter.tick_round(now, under_way, &if is_last { last.1 } else { Totals::default() })
    }

    /// No progress is shown any more, or other lines follow.
    pub fn clear_progress(&mut self) {
        self.meter.clear();
    }

    /// What comes after the last target. A reader that has gone away is no error.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn end(&mut self) -> Result<()> {
        self.summary().or_else(quiet_end)
    }

    /// What comes after the last target.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn summary(&mut self) -> io::Result<()> {
        // Nobody asks for the width where there is nothing to lay out.
        let width = if self.totals.targets > 1 { sys::terminal_width() } else { None };
        let totals = &self.totals;
        self.held.extend(self.reporter.iter_mut().flat_map(|one| one.summary(totals, width.unwrap_or(80))));
        self.write()
    }

    /// Whether something is held that is not written yet.
    pub fn has_more(&self) -> bool {
        !self.held.is_empty()
    }

    /// One write for all that is held, so that a reader of a pipe sees whole lines.
    ///
    /// # Errors
    /// It cannot be written.
    pub fn write(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        self.meter.clear();
        let written = self.out.write_all(&self.held).and_then(|()| self.out.flush());
        self.held.clear();
        written
    }
}

impl driver::Sink for Results<'_> {
    fn report(&mut self, report: Report) -> io::Result<()> {
        self.totals.add(&report);
        self.show(&report)
    }

    fn note(&mut self, note: Note) {
        let text = match note {
            Note::Slowed(_) if std::mem::replace(&mut self.slowed, true) => return,
            Note::Slowed(address) => {
                format!("{address} answers some SYNs only when they are repeated: it is asked more slowly from now on")
            }
            Note::SlowedAll => "several addresses answer some SYNs only when they are repeated: \
                all are asked more slowly from now on"
                .into(),
        };
        if self.reporter.is_some() {
            self.meter.clear();
            // Where standard error is gone, the results are complete all the same.
            let _ = writeln!(io::stderr(), "rconnect: {text}");
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write()
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        self.meter.tick(now, &self.totals)
    }
}

/// A reader that has gone away is a quiet end.
fn quiet_end(error: io::Error) -> Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error).context("cannot write the results") }
}

/// A signal outranks the closed pipe and the end of input that come with it, whichever was seen first.
///
/// # Errors
/// The results could not be written; the input that ended the run.
pub fn conclude(run: Run, bad_input: Option<anyhow::Error>, code: u8) -> Result<u8> {
    let closed = run.write_error.map(quiet_end).transpose()?.is_some();
    match bad_input {
        _ if sys::signal().is_some() => Ok(code),
        // Reader closed the pipe: untried targets must not yield exit code 0.
        _ if closed => Ok(if run.ended.cut_short { exit::FAULT } else { code }),
        Some(error) => Err(error),
        None => Ok(code),
    }
}
