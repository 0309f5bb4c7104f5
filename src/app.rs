//! The program: whatever knows a command line, a file, a terminal or a signal.

pub mod args;
pub mod documents;
pub mod explain;
mod input;
pub mod library;
mod lines;
mod rules;
mod settle;
mod usage;

use std::ffi::OsString;
use std::io::{self, Write};

use anyhow::{Context, Result, anyhow};
use clap::Parser;

use crate::app::args::Args;
use crate::app::input::Input;
use crate::app::settle::{Probe, Task};
use crate::classify::exit;
use crate::model::{Mode, Report, Signal, Totals};
use crate::net::driver::{self, Run};
use crate::net::resolve::Resolver;
use crate::net::selftest;
use crate::net::sys::{self, StandardOutput};
use crate::output::{self, Format, Reporter};

/// Runs the program: `arguments` as the system gave them, results to `out`, diagnostics to `err`; gives the exit code.
pub fn run(arguments: impl Iterator<Item = OsString>, out: &mut StandardOutput, err: &mut dyn Write) -> u8 {
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => args,
        Err(error) => return refused(&error, out, err),
    };
    let result = settle::settle(args, &|name| std::env::var_os(name)).and_then(|task| match task {
        Task::Probe(settled) => probe(*settled, out, err),
        Task::Explain(code, Format::Json) => text(out, explain::explain_json(&code)?),
        Task::Explain(code, _) => text(out, explain::explain(&code)?),
        Task::ListErrors(Format::Json) => text(out, explain::list_json()),
        Task::ListErrors(_) => text(out, explain::list()),
        Task::SelfTest(format, verbose) => self_test(format, verbose, out),
        Task::Generate(kind) => text(out, documents::document(kind)),
    });
    let code = result.unwrap_or_else(|error| fault(err, &error));
    sys::signal().map_or(code, end_by)
}

/// Ends the process by the signal that ended its run; gives the exit code where the system has no such end.
fn end_by(signal: Signal) -> u8 {
    sys::die_of(signal);
    match signal {
        Signal::Interrupt => exit::SIGINT,
        Signal::Terminate => exit::SIGTERM,
    }
}

/// Help and version are answers; anything else is one line that says what is wrong.
fn refused(error: &clap::Error, out: &mut dyn Write, err: &mut dyn Write) -> u8 {
    if !error.use_stderr() {
        return text(out, error.render().to_string()).unwrap_or_else(|error| fault(err, &error));
    }
    fault(err, &anyhow!(usage::message(error)))
}

fn text(out: &mut dyn Write, bytes: impl AsRef<[u8]>) -> Result<u8> {
    match out.write_all(bytes.as_ref()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error).context("cannot write the result"),
        _ => Ok(exit::GOOD),
    }
}

fn self_test(format: Option<Format>, verbose: bool, out: &mut dyn Write) -> Result<u8> {
    let (platform, results) = selftest::run();
    match format {
        Some(Format::Json) => text(out, output::selftest::json(platform, &results))?,
        Some(_) => text(out, output::selftest::human(platform, &results, verbose))?,
        None => exit::GOOD,
    };
    Ok(if output::selftest::differs(platform, &results) { exit::MIXED } else { exit::GOOD })
}

fn fault(err: &mut dyn Write, error: &anyhow::Error) -> u8 {
    // What was typed or read is quoted in it, and must not control a terminal.
    let escaped = |c: char| if c.is_control() { c.escape_default().to_string() } else { c.to_string() };
    let line: String = format!("{error:#}").chars().map(escaped).collect();
    // Where standard error is gone as well, the exit code is all that is left to say it with.
    let _ = writeln!(err, "rconnect: {line}");
    exit::FAULT
}

fn probe(settled: Probe, out: &mut StandardOutput, err: &mut dyn Write) -> Result<u8> {
    let Probe { specs, from, rules, policy, socket, resolve, format, style, table, notes } = settled;
    let mut note = |note: &str| {
        if format.is_some() {
            let _ = writeln!(err, "rconnect: {note}");
        }
    };
    notes.iter().for_each(|text| note(text));
    let service = if rules.numeric { |_, _| None } else { sys::service_name };
    let mut input = Input::new(rules, resolve.family, specs, from.as_deref())?;
    let colored = format.is_some() && style.color;
    if colored {
        colored::control::set_override(true);
    }
    let _coloring = colored.then(sys::Coloring::begin);
    let reporter = format.map(|format| Reporter::new(format, style, input.targets, service));
    if let Some(deadline) = policy.deadline {
        out.set_deadline(deadline);
    }
    // In blocking mode the wait is in connect(), and nothing flushes before it.
    let most_held = if policy.mode == Mode::Blocking { 0 } else { MOST_HELD };
    let mut results = Results { out, reporter, totals: Totals::default(), held: Vec::new(), most_held };
    sys::begin_threads();
    sys::catch_signals();
    results.begin()?;
    let run = driver::run(policy, &socket, Resolver::new(resolve), &mut input, &mut results)
        .context("cannot wait for sockets")?;
    if run.write_error.is_none() {
        results.end()?;
    }
    if run.ended.unread {
        results.totals.unreported = true;
        note("the deadline came before the end of the targets: the rest is not reported");
    }
    conclude(run, input.error, exit::code(&results.totals, table))
}

/// Results that are held back until the next wait, in bytes: a sweep decides many targets between two waits.
const MOST_HELD: usize = 1 << 16;

/// What is shown of a run, and what it comes to.
struct Results<'a> {
    out: &'a mut dyn Write,
    /// `None` where the exit code is all that is wanted.
    reporter: Option<Reporter>,
    totals: Totals,
    /// Whole lines that are not written yet.
    held: Vec<u8>,
    /// So many bytes are written without waiting for a flush.
    most_held: usize,
}

impl Results<'_> {
    fn begin(&mut self) -> Result<()> {
        self.held.extend(self.reporter.iter().flat_map(Reporter::header));
        self.write().or_else(quiet_end)
    }

    fn end(&mut self) -> Result<()> {
        // Nobody asks for the width where there is nothing to lay out.
        let width = if self.totals.targets > 1 { sys::terminal_width() } else { None };
        let totals = &self.totals;
        self.held.extend(self.reporter.iter_mut().flat_map(|one| one.summary(totals, width.unwrap_or(80))));
        self.write().or_else(quiet_end)
    }

    /// One write for all that is held, so that a reader of a pipe sees whole lines.
    fn write(&mut self) -> io::Result<()> {
        if self.held.is_empty() {
            return Ok(());
        }
        let written = self.out.write_all(&self.held).and_then(|()| self.out.flush());
        self.held.clear();
        written
    }
}

impl driver::Sink for Results<'_> {
    fn report(&mut self, report: Report) -> io::Result<()> {
        self.totals.add(&report);
        if let Some(reporter) = &mut self.reporter {
            reporter.target(&report, &mut self.held);
        }
        if self.held.len() < self.most_held { Ok(()) } else { self.write() }
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write()
    }
}

/// A reader that has gone away is a quiet end.
fn quiet_end(error: io::Error) -> Result<()> {
    if error.kind() == io::ErrorKind::BrokenPipe { Ok(()) } else { Err(error).context("cannot write the results") }
}

/// A signal outranks the closed pipe and the end of input that come with it, whichever was seen first.
fn conclude(run: Run, bad_input: Option<anyhow::Error>, code: u8) -> Result<u8> {
    let closed = run.write_error.map(quiet_end).transpose()?.is_some();
    match bad_input {
        _ if sys::signal().is_some() => Ok(code),
        // Reader closed the pipe: untried targets must not yield exit code 0.
        _ if closed => Ok(if run.ended.cut_short { exit::FAULT } else { code }),
        Some(error) => Err(error),
        None => Ok(code),
    }
}
