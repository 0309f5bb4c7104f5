//! `--wait`: rounds until every target is good, then a command.

use std::cell::RefCell;
use std::ffi::OsStr;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::app::input::Input;
use crate::app::results::{Reporting, Results, coloring, conclude, note};
use crate::app::rounds::Again;
use crate::app::settle::{Probe, Wait};
use crate::classify::exit;
use crate::model::{Report, Totals};
use crate::net::clock;
use crate::net::driver::{self, Sink};
use crate::net::resolve::Resolver;
use crate::net::sys::{self, StandardOutput};
use crate::output::Format;
use crate::output::waiting::Waiting;
use crate::schedule::rounds::{Repeat, Rounds};

/// Takes the results of the rounds, and tells on standard error what is waited for.
pub struct Watcher<'a> {
    /// Where results go.
    pub results: Results<'a>,
    err: &'a mut dyn Write,
    rounds: &'a RefCell<Rounds>,
    wait: &'a Wait,
    begin: Instant,
    waiting: Waiting,
    verbose: bool,
    /// The last round, and what its targets came to so far.
    round: (u64, Totals),
    /// The status line on the terminal.
    shown: String,
}

impl<'a> Watcher<'a> {
    /// The wait begins now.
    pub fn new(
        results: Results<'a>,
        err: &'a mut dyn Write,
        rounds: &'a RefCell<Rounds>,
        wait: &'a Wait,
        waiting: Waiting,
        verbose: bool,
    ) -> Self {
        let (begin, shown) = (clock::now(), String::new());
        Watcher { results, err, rounds, wait, begin, waiting, verbose, round: (0, Totals::default()), shown }
    }

    /// Shows the last result of every target, and gives the exit code.
    ///
    /// # Errors
    /// The results cannot be written.
    pub fn end(&mut self, table: exit::Table) -> io::Result<u8> {
        // The answer of the last target may have lain in its socket when the time ran out.
        if sys::signal().is_none() {
            self.rounds.borrow_mut().over(clock::now());
        }
        let met = self.rounds.borrow().is_enough();
        let elapsed = clock::now().saturating_duration_since(self.begin);
        let ran_out = !met && self.has_run_out();
        self.clear();
        self.results.clear_progress();
        if met {
            let line = self.waiting.met(elapsed);
            self.say(&line);
        } else if ran_out {
            let mut lines = self.waiting.ran_out(elapsed);
            if self.is_for_people() {
                // The results below say the rest.
                lines.truncate(1);
            }
            lines.iter().for_each(|line| self.say(line));
        }
        self.show(met)?;
        let mut totals = Totals::default();
        self.waiting.reports().iter().for_each(|report| totals.add(report));
        Ok(match (met, ran_out) {
            (true, _) => exit::GOOD,
            (false, true) => exit::RAN_OUT,
            (false, false) => exit::code(&totals, table),
        })
    }

    /// For people the last results stand at the end. Before a command, the line that everything is good says enough.
    fn show(&mut self, met: bool) -> io::Result<()> {
        if !self.is_for_people() || (met && !self.wait.command.is_empty() && !self.verbose) {
            return Ok(());
        }
        for report in self.waiting.reports() {
            self.results.totals.add(report);
            self.results.show(report)?;
        }
        self.results.summary()
    }

    fn has_run_out(&self) -> bool {
        self.wait.until.is_some_and(|until| until <= clock::now())
    }

    fn is_for_people(&self) -> bool {
        self.results.form() == Some(Format::Human)
    }

    fn is_over(&self) -> bool {
        self.has_run_out() || sys::signal().is_some()
    }

    /// What is waited for, where standard error is no terminal. When the wait is over, nothing is.
    fn waits_for(&mut self, line: Option<String>) {
        if let Some(line) = line.filter(|_| !self.wait.terminal && !self.is_over()) {
            self.results.clear_progress();
            self.say(&line);
        }
    }

    /// Every target of the last round is decided.
    fn end_round(&mut self) {
        let line = self.waiting.round(&self.round.1);
        self.waits_for(line);
    }

    /// A diagnostic; where standard error is gone, there is nobody to tell.
    fn say(&mut self, line: &str) {
        if self.results.form().is_some() {
            let _ = writeln!(self.err, "rconnect: {line}");
        }
    }

    /// Whether the status line tells the progress: on a terminal, when there is a first result to tell.
    fn has_status(&self) -> bool {
        self.results.form().is_some() && self.wait.terminal && !self.waiting.reports().is_empty()
    }

    /// The status line on a terminal.
    fn status(&mut self) {
        if !self.has_status() {
            return;
        }
        self.results.clear_progress();
        let elapsed = clock::now().saturating_duration_since(self.begin);
        let line = self.waiting.status(elapsed, sys::status_width().unwrap_or(80));
        if line != self.shown {
            let _ = write!(self.err, "\r{line}\x1b[K");
            self.shown = line;
        }
    }

    fn clear(&mut self) {
        if !std::mem::take(&mut self.shown).is_empty() {
            let _ = write!(self.err, "\r\x1b[K");
        }
    }
}

impl Sink for Watcher<'_> {
    fn report(&mut self, mut report: Report) -> io::Result<()> {
        let number = self.rounds.borrow().number();
        if self.round.0 != number {
            self.end_round();
            self.round = (number, Totals::default());
        }
        self.rounds.borrow_mut().decided(report.good);
        report.round = Some(number);
        self.round.1.add(&report);
        if !self.is_for_people() {
            self.results.show(&report)?;
        }
        // That the time ran out during a try is no reason: the one before it stays.
        if self.is_over() && !report.good && self.waiting.knows(&report.target) {
            return Ok(());
        }
        let line = self.waiting.add(report);
        self.waits_for(line);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        if self.results.has_more() {
            self.clear();
        }
        self.results.write()?;
        if self.rounds.borrow().under_way().is_none() {
            self.end_round();
        }
        self.status();
        Ok(())
    }

    fn tick(&mut self, now: Instant) -> Option<Instant> {
        if self.has_status() {
            let seconds = now.saturating_duration_since(self.begin).as_secs();
            return Some(self.begin + Duration::from_secs(seconds + 1));
        }
        self.results.progress_of_round(now, &self.rounds.borrow(), &self.round)
    }
}

/// Waits, and executes the command; gives the exit code where no command took the place of this process.
///
/// # Errors
/// The targets cannot be read again, the results cannot be written, the command cannot be executed.
pub fn run(settled: Probe, repeat: Repeat, wait: &Wait, out: &mut StandardOutput, err: &mut dyn Write) -> Result<u8> {
    let mut stderr = io::stderr();
    let out: &mut dyn Write = if wait.command.is_empty() { out } else { &mut stderr };
    let code = await_targets(settled, repeat, wait, out, err)?;
    match wait.command.first() {
        Some(program) if code == exit::GOOD && sys::signal().is_none() => {
            let error = sys::execute(&wait.command);
            Ok(not_executed(err, program, &error))
        }
        _ => Ok(code),
    }
}

fn not_executed(err: &mut dyn Write, program: &OsStr, error: &io::Error) -> u8 {
    if sys::signal().is_none() {
        note(err, &format!("cannot execute '{}': {error}", program.to_string_lossy()));
    }
    if error.kind() == io::ErrorKind::NotFound { exit::NO_COMMAND } else { exit::NOT_EXECUTED }
}

fn await_targets(settled: Probe, repeat: Repeat, wait: &Wait, out: &mut dyn Write, err: &mut dyn Write) -> Result<u8> {
    let _coloring = coloring(&settled);
    let reporting = Reporting::of(&settled);
    let verbose = settled.style.verbose > 0;
    let Probe { specs, from, rules, policy, socket, resolve, format, table, .. } = settled;
    let family = resolve.family;
    let read = move || Input::new(rules.clone(), family, specs.clone(), from.as_deref());
    let Input { targets, only, .. } = read()?;
    let rounds = RefCell::new(Rounds::new(clock::now(), repeat));
    let mut source = Again::new(&rounds, Box::new(read), format.is_none());
    let waiting = Waiting::new(targets);
    let mut watcher = Watcher::new(reporting.results(out, targets, only), err, &rounds, wait, waiting, verbose);
    sys::catch_signals();
    watcher.results.begin()?;
    let run = driver::run(policy, socket, Resolver::new(resolve), &mut source, &mut watcher)
        .context("cannot wait for sockets")?;
    let code = if run.write_error.is_none() { watcher.end(table)? } else { exit::FAULT };
    conclude(run, source.error, code)
}
