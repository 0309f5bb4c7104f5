//! The program: whatever knows a command line, a file, a terminal or a signal.

pub mod args;
pub mod documents;
pub mod explain;
mod input;
pub mod library;
mod lines;
mod progress;
mod results;
mod rounds;
mod rules;
mod settle;
mod usage;
mod wait;
mod watch;

use std::ffi::OsString;
use std::io::{self, Write};

use anyhow::{Context, Result, anyhow};
use clap::Parser;

use crate::app::args::Args;
use crate::app::input::Input;
use crate::app::results::{Reporting, coloring, conclude, note, one_line};
use crate::app::settle::{Course, Probe, Task};
use crate::classify::exit;
use crate::model::Signal;
use crate::net::driver;
use crate::net::resolve::Resolver;
use crate::net::selftest;
use crate::net::sys::{self, StandardOutput};
use crate::output::{self, Format};

/// Runs the program: `arguments` as the system gave them, results to `out`, diagnostics to `err`; gives the exit code.
pub fn run(arguments: impl Iterator<Item = OsString>, out: &mut StandardOutput, err: &mut dyn Write) -> u8 {
    let arguments: Vec<OsString> = arguments.collect();
    let no_command = arguments.last().is_some_and(|last| last == "--");
    let args = match Args::try_parse_from(arguments) {
        Ok(args) => Args { no_command: no_command && args.command.is_empty(), ..args },
        Err(error) => return refused(&error, out, err),
    };
    let result = settle::settle(args, &|name| std::env::var_os(name)).and_then(|task| match task {
        Task::Probe(settled) => probe(*settled, out, err),
        Task::Explain(code, Format::Json) => text(out, explain::explain_json(&code)?),
        Task::Explain(code, _) => text(out, for_the_locale(explain::explain(&code)?)),
        Task::ListErrors(Format::Json) => text(out, explain::list_json()),
        Task::ListErrors(_) => text(out, for_the_locale(explain::list())),
        Task::SelfTest(format, verbose) => self_test(format, verbose, out, err),
        Task::Generate(kind) => text(out, documents::document(kind)),
    });
    let code = result.unwrap_or_else(|error| fault(err, &error));
    sys::signal().map_or(code, end_by)
}

/// The text as the locale can show it.
fn for_the_locale(text: String) -> String {
    let utf8 = settle::is_utf8(&|name| std::env::var_os(name));
    if utf8 { text } else { output::ascii(text) }
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

fn self_test(format: Option<Format>, verbose: bool, out: &mut dyn Write, err: &mut dyn Write) -> Result<u8> {
    let (platform, results) = selftest::run();
    match format {
        Some(Format::Json) => text(out, output::selftest::json(platform, &results))?,
        Some(_) => text(out, output::selftest::human(platform, &results, verbose))?,
        None => exit::GOOD,
    };
    let empty = output::selftest::is_empty(platform, &results);
    if empty && format.is_some() {
        note(err, "no row could be provoked here, so nothing was compared: each row has its reason");
    }
    Ok(if empty || output::selftest::differs(platform, &results) { exit::MIXED } else { exit::GOOD })
}

fn fault(err: &mut dyn Write, error: &anyhow::Error) -> u8 {
    // Where standard error is gone as well, the exit code is all that is left to say it with.
    note(err, &one_line(error));
    exit::FAULT
}

fn probe(mut settled: Probe, out: &mut StandardOutput, err: &mut dyn Write) -> Result<u8> {
    if settled.format.is_some() {
        settled.notes.iter().for_each(|text| note(err, text));
    }
    if let Some(deadline) = settled.policy.deadline {
        out.set_deadline(deadline);
    }
    match std::mem::replace(&mut settled.course, Course::Once) {
        Course::Once => once(settled, out, err),
        Course::Wait(repeat, wait) => wait::run(settled, repeat, &wait, out, err),
        Course::Watch(repeat) => watch::run(settled, repeat, out, err),
    }
}

fn once(settled: Probe, out: &mut dyn Write, err: &mut dyn Write) -> Result<u8> {
    let _coloring = coloring(&settled);
    let reporting = Reporting::of(&settled);
    let Probe { specs, from, rules, policy, socket, resolve, format, table, .. } = settled;
    let mut input = Input::new(rules, resolve.family, specs, from.as_deref())?;
    let mut results = reporting.results(out, input.targets, input.only.take());
    sys::catch_signals();
    results.begin()?;
    let run = driver::run(policy, socket, Resolver::new(resolve), &mut input, &mut results)
        .context("cannot wait for sockets")?;
    results.clear_progress();
    if sys::signal().is_some() {
        results.totals.of = input.targets.filter(|&all| all > u128::from(results.totals.targets));
    }
    if run.write_error.is_none() {
        results.end()?;
    }
    if run.ended.unread {
        results.totals.unreported = true;
        if format.is_some() {
            note(err, "the deadline came before the end of the targets: the rest is not reported");
        }
    }
    conclude(run, input.error, exit::code(&results.totals, table))
}
