//! `--count` and `--watch`: rounds with a line for each probe, and statistics at the end.

use std::cell::RefCell;
use std::io::{self, IsTerminal, Write};
use std::time::{Instant, SystemTime};

use anyhow::{Context, Result};

use crate::app::input::Input;
use crate::app::results::{Reporting, Results, coloring, conclude};
use crate::app::rounds::Again;
use crate::app::settle::Probe;
use crate::classify::changes::Changes;
use crate::classify::exit;
use crate::classify::statistics::{Span, Statistics};
use crate::model::{Report, Totals};
use crate::net::clock;
use crate::net::driver::{self, Sink};
use crate::net::resolve::Resolver;
use crate::net::sys;
use crate::schedule::Note;
use crate::schedule::rounds::{Repeat, Rounds};

/// Takes the results of the rounds, and knows what they come to.
struct Watcher<'a> {
    /// Where results go.
    results: Results<'a>,
    err: &'a mut dyn Write,
    rounds: &'a RefCell<Rounds>,
    begin: (Instant, SystemTime),
    deadline: Option<Instant>,
    statistics: Statistics,
    changes: Changes,
    /// The last round, and what its targets came to so far.
    round: (u64, Totals),
}

impl Watcher<'_> {
    fn span(&self) -> Span {
        let (rounds, (begin, started_at)) = (self.rounds.borrow(), self.begin);
        let elapsed = clock::now().saturating_duration_since(begin);
        Span { started_at, elapsed, rounds: rounds.number(), missed: rounds.missed() }
    }

    /// The last lines. Where standard output takes nothing more, people find the statistics on standard error.
    fn end(&mut self, written: bool) -> io::Result<()> {
        self.end_round();
        let span = self.span();
        let result = if written { self.results.statistics(&self.statistics, &span) } else { Ok(()) };
        if !written || result.is_err() {
            self.glance();
        }
        result
    }

    /// What the rounds came to so far. Where standard error is gone, there is nobody to tell.
    fn glance(&mut self) {
        let span = self.span();
        self.results.clear_progress();
        if let Some(text) = self.results.glance(&self.statistics, &span, io::stderr().is_terminal()) {
            let _ = self.err.write_all(text.as_bytes());
        }
    }

    /// Says what a round came to, once.
    fn end_round(&mut self) {
        let (round, totals) = std::mem::take(&mut self.round);
        if totals.targets > 0 {
            self.results.round_over(round, &totals);
        }
    }

    /// Whether the run was over before its targets were decided.
    fn is_over(&self) -> bool {
        sys::signal().is_some() || self.deadline.is_some_and(|deadline| deadline <= clock::now())
    }
}

impl Sink for Watcher<'_> {
    fn report(&mut self, mut report: Report) -> io::Result<()> {
        let (number, running) = {
            let mut rounds = self.rounds.borrow_mut();
            rounds.decided(report.good);
            (rounds.number(), rounds.running_time(clock::now()))
        };
        report.round = Some(number);
        if number != self.round.0 {
            self.end_round();
            self.round.0 = number;
        }
        self.round.1.add(&report);
        // What the end of the run cut short says nothing of a target that has an answer.
        let cut = self.is_over() && number > 1 && !report.good;
        self.statistics.add(&report, running.saturating_sub(report.elapsed));
        let changed = self.changes.add(&report);
        if !cut {
            self.results.totals.add(&report);
        }
        self.results.show_probe(&report, &changed)
    }

    fn note(&mut self, note: Note) {
        self.results.note(note);
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.rounds.borrow().complete() >= self.round.0 {
            self.end_round();
        }
        self.results.write()
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        if sys::take_request() {
            self.glance();
        }
        self.results.progress_of_round(now, &self.rounds.borrow(), &self.round)
    }
}

/// Probes in rounds; gives the exit code.
///
/// # Errors
/// The targets cannot be read again, the results cannot be written.
pub fn run(settled: Probe, repeat: Repeat, out: &mut dyn Write, err: &mut dyn Write) -> Result<u8> {
    let _coloring = coloring(&settled);
    let reporting = Reporting::of(&settled);
    let Probe { specs, from, rules, policy, socket, resolve, format, table, .. } = settled;
    let family = resolve.family;
    let read = move || Input::new(rules.clone(), family, specs.clone(), from.as_deref());
    let Input { targets, only, .. } = read()?;
    // In this order, so that no probe begins before what is told as the begin.
    let started_at = clock::wall();
    let begin = (clock::now(), started_at);
    let rounds = RefCell::new(Rounds::new(begin.0, repeat));
    let mut source = Again::new(&rounds, Box::new(read), format.is_none());
    let mut watcher = Watcher {
        results: reporting.results(out, targets, only),
        err,
        rounds: &rounds,
        begin,
        deadline: policy.deadline,
        statistics: Statistics::default(),
        changes: Changes::new(),
        round: (0, Totals::default()),
    };
    sys::catch_signals();
    if format.is_some() {
        sys::catch_requests();
    }
    watcher.results.begin()?;
    let mut run = driver::run(policy, socket, Resolver::new(resolve), &mut source, &mut watcher)
        .context("cannot wait for sockets")?;
    if let Err(error) = watcher.end(run.write_error.is_none()) {
        run.write_error.get_or_insert(error);
    }
    conclude(run, source.error, exit::code(&watcher.results.totals, table))
}
