//! The library's face: one probe, with the defaults of the program.

use std::fmt;
use std::io;
use std::time::Duration;

use anyhow::anyhow;
use clap::Parser;

use crate::app::args::{Args, Limit};
use crate::app::input::Input;
use crate::app::settle::{self, Task};
use crate::model::{Report, Strategy};
use crate::net::driver::{self, Sink};
use crate::net::resolve::Resolver;

/// Targets that are refused, or a fault of the wait itself. It displays as one line.
#[derive(Debug)]
pub struct Error(anyhow::Error);

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.0)
    }
}

impl std::error::Error for Error {}

/// A probe of one or more targets. It catches no signal, raises no limit of the process, and prints nothing.
#[derive(Debug)]
pub struct Probe {
    args: Args,
}

impl Probe {
    /// A probe of `HOST:PORTS`, `[IPv6]:PORTS`, a URL or a network.
    ///
    /// # Errors
    /// The target is refused; the error says what would be right.
    pub fn new(target: &str) -> Result<Probe, Error> {
        let args = Args::try_parse_from(["rconnect", "--", target]).map_err(|error| Error(error.into()))?;
        let probe = Probe { args };
        probe.settled()?;
        Ok(probe)
    }

    /// The timeout of one attempt; `None` leaves the system's own. The default is 5 s.
    pub fn timeout(mut self, timeout: Option<Duration>) -> Probe {
        self.args.timeout = Limit(timeout);
        self
    }

    /// How long each connection is held, to see whether it is served; `None`, the default, holds none.
    pub fn hold(mut self, hold: Option<Duration>) -> Probe {
        self.args.hold = hold;
        self
    }

    /// Which addresses of a target are tried. The default is every address.
    pub fn strategy(mut self, strategy: Strategy) -> Probe {
        self.args.strategy = strategy;
        self
    }

    /// Probes the targets, and hands over each report as soon as its target is decided.
    ///
    /// # Errors
    /// The options contradict each other, or the system cannot wait for sockets.
    pub fn run_with(self, each: impl FnMut(Report)) -> Result<(), Error> {
        let settled = self.settled()?;
        let family = settled.resolve.family;
        let mut input = Input::new(settled.rules, family, settled.specs, None).map_err(Error)?;
        let resolver = Resolver::new(settled.resolve);
        driver::run(settled.policy, settled.socket, resolver, &mut input, &mut Each(each))
            .map_err(|error| Error(error.into()))?;
        input.error.map_or(Ok(()), |error| Err(Error(error)))
    }

    /// Probes the targets; gives their reports in the order in which they were decided.
    ///
    /// # Errors
    /// As [`Probe::run_with`].
    pub fn run(self) -> Result<Vec<Report>, Error> {
        let mut reports = Vec::new();
        self.run_with(|report| reports.push(report))?;
        Ok(reports)
    }

    fn settled(&self) -> Result<settle::Probe, Error> {
        match settle::settle(self.args.clone(), &|_| None).map_err(Error)? {
            Task::Probe(probe) => Ok(*probe),
            _ => Err(Error(anyhow!("no probe was asked for"))),
        }
    }
}

/// A closure as a sink: reports are never held back.
struct Each<F>(F);

impl<F: FnMut(Report)> Sink for Each<F> {
    fn report(&mut self, report: Report) -> io::Result<()> {
        (self.0)(report);
        Ok(())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bad_target_is_refused_before_anything_is_sent() {
        let error = Probe::new("::1:80").unwrap_err().to_string();
        assert!(error.contains("[::1]:80") && !error.contains('\n'), "{error}");
        assert!(Probe::new("--version").is_err(), "an option is no target");
    }
}
