//! The loop of a run, the only one: ask the schedule, act, wait, tell the schedule.

use std::io;
use std::time::Instant;

use crate::model::End;
use crate::model::{Attempt, Report};
use crate::net::attempt::{self, Connecting, Options, Progress};
use crate::net::clock;
use crate::net::resolve::{Answered, Resolver};
use crate::net::sys::{self, Ready, Waiter};
use crate::schedule::{AttemptId, Connect, Ended, Event, Next, Note, Policy, Schedule, Step, Stop};

/// Where the targets come from.
pub trait Source {
    /// The next batch. When the run is `over`, nothing is waited for. [`Next::Later`]: the waiter will be woken.
    fn next(&mut self, waiter: &mut Waiter, over: bool) -> Next;
}

/// Where the reports go.
pub trait Sink {
    /// Takes one report.
    ///
    /// # Errors
    /// The report cannot be written.
    fn report(&mut self, report: Report) -> io::Result<()>;

    /// Is called before each wait, and not later than at the instant that it gave.
    fn tick(&mut self, _now: Instant) -> Option<Instant> {
        None
    }

    /// Takes a note for the user.
    fn note(&mut self, _note: Note) {}

    /// Nothing more comes before the next wait: whatever is held back is written now.
    ///
    /// # Errors
    /// It cannot be written.
    fn flush(&mut self) -> io::Result<()>;
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct Run {
    /// As the schedule has it.
    pub ended: Ended,
    /// The reports could not be written.
    pub write_error: Option<io::Error>,
}

struct Driver<'a> {
    schedule: Schedule,
    options: &'a Options,
    resolver: Resolver,
    waiter: Waiter,
    /// Attempts in flight, under the schedule's keys.
    in_flight: Vec<Option<Box<Connecting>>>,
    ready: Vec<(usize, Ready)>,
    write_error: Option<io::Error>,
    /// The signal has been told.
    signalled: bool,
}

/// Probes everything that `source` gives and hands each report to `sink` as soon as it is decided.
///
/// # Errors
/// Only a fault of the wait itself. What became of the targets is in the reports, and a failed write is in [`Run`].
pub fn run(
    policy: Policy,
    options: &Options,
    resolver: Resolver,
    source: &mut dyn Source,
    sink: &mut dyn Sink,
) -> io::Result<Run> {
    let mut driver = Driver {
        schedule: Schedule::new(clock::now(), policy),
        options,
        resolver,
        waiter: Waiter::new(),
        in_flight: Vec::new(),
        ready: Vec::new(),
        write_error: None,
        signalled: false,
    };
    loop {
        driver.check_signal();
        match driver.schedule.step(clock::now()) {
            Step::Draw { over } => {
                let next = source.next(&mut driver.waiter, over);
                driver.schedule.tell(clock::now(), Event::Next(next));
            }
            Step::Lookup(id, name, protocol) => {
                if let Some(answered) = driver.resolver.start(&mut driver.waiter, id, &name, protocol) {
                    driver.looked_up(clock::now(), Some(answered));
                }
            }
            Step::Abandon(id) => driver.resolver.abandon(id),
            Step::Connect(id, connect) => driver.connect(id, connect),
            Step::GiveUp(id, why, at) => driver.give_up(id, why, at),
            Step::Note(note) => sink.note(note),
            Step::Report(report) => driver.written(sink.report(*report)),
            Step::Wait(until) => {
                driver.written(sink.flush());
                let tick = sink.tick(clock::now());
                driver.wait(until.into_iter().chain(tick).min())?;
            }
            Step::Done(ended) => {
                driver.written(sink.flush());
                return Ok(Run { ended, write_error: driver.write_error });
            }
        }
    }
}

impl Driver<'_> {
    fn connect(&mut self, id: AttemptId, connect: Connect) {
        let prepared = attempt::prepare(self.options, connect);
        let now = clock::now();
        self.schedule.tell(now, Event::Connecting(id));
        let deadline = self.schedule.deadline(id);
        self.settle(id, prepared.connect(now, deadline));
    }

    fn give_up(&mut self, id: AttemptId, why: Stop, at: Instant) {
        let Some(connecting) = self.in_flight.get_mut(id.0).and_then(Option::take) else { return };
        self.waiter.remove(id.0);
        let end = match why {
            Stop::Limit => End::Limit,
            Stop::Interrupted => End::Interrupted,
            Stop::Overtaken => End::Overtaken,
        };
        self.finish(id, Box::new(connecting.give_up(end, at)));
    }

    fn written(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.write_error.get_or_insert(error);
            self.schedule.tell(clock::now(), Event::NobodyReads);
        }
    }

    /// Waits, and tells what came. Everything that one wait brings became ready before it returned, however long the work
    /// on it takes: it gets the same instant.
    fn wait(&mut self, until: Option<Instant>) -> io::Result<()> {
        let mut ready = std::mem::take(&mut self.ready);
        self.waiter.wait(until, &mut ready)?;
        let now = clock::now();
        self.schedule.tell(now, Event::Clock(clock::wall()));
        for (key, ready) in ready.drain(..) {
            if let Some(connecting) = self.in_flight[key].take() {
                self.waiter.remove(key);
                self.settle(AttemptId(key), connecting.ready(ready, now));
            }
        }
        self.ready = ready;
        for (at, answer) in self.resolver.answers() {
            self.looked_up(at, answer);
        }
        Ok(())
    }

    /// A lookup has ended; there is no answer to one that was abandoned.
    fn looked_up(&mut self, at: Instant, answer: Option<Answered>) {
        if let Some(Answered { id, canonical, result }) = answer {
            if let Some(name) = canonical {
                self.schedule.tell(at, Event::Canonical(id, name));
            }
            self.schedule.tell(at, Event::LookedUp(id, result));
        }
        self.schedule.tell(at, Event::LookupOver);
    }

    fn check_signal(&mut self) {
        if let (false, Some(signal)) = (self.signalled, sys::signal()) {
            self.signalled = true;
            self.schedule.tell(clock::now(), Event::Signal(signal));
        }
    }

    fn settle(&mut self, id: AttemptId, progress: Progress) {
        match progress {
            Progress::Ended(attempt) => self.finish(id, attempt),
            Progress::Pending(connecting) => self.wait_for(id, connecting),
        }
    }

    fn wait_for(&mut self, id: AttemptId, connecting: Box<Connecting>) {
        let (socket, interest) = connecting.waits_for();
        match self.waiter.add(id.0, socket, interest) {
            Ok(()) => {
                if self.in_flight.len() <= id.0 {
                    self.in_flight.resize_with(id.0 + 1, || None);
                }
                self.in_flight[id.0] = Some(connecting);
            }
            Err(error) => {
                let attempt = connecting.give_up(End::Error(sys::code(&error)), clock::now());
                self.finish(id, Box::new(attempt));
            }
        }
    }

    fn finish(&mut self, id: AttemptId, attempt: Box<Attempt>) {
        self.schedule.tell(clock::now(), Event::Ended(id, attempt));
    }
}
