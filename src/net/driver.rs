//! The loop of a run, the only one: ask the schedule, act, wait, tell the schedule.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use crate::model::Report;
use crate::net::attempt::{Options, Shared};
use crate::net::clock;
use crate::net::flight::{InFlight, Told};
use crate::net::resolve::{Answered, Resolver};
use crate::net::sys::{self, Waiter};
use crate::net::workers::{News, Workers};
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

/// Attempts that one thread looks after before others are asked to help: a run of few targets has one thread.
pub const ALONE: usize = 64;

struct Driver {
    schedule: Schedule,
    shared: Arc<Shared>,
    resolver: Resolver,
    /// The attempts of this thread.
    in_flight: InFlight,
    told: Vec<(AttemptId, Told)>,
    /// Who looks after the others; `None` before there were many.
    workers: Option<Workers>,
    news: Vec<News>,
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
    options: Options,
    resolver: Resolver,
    source: &mut dyn Source,
    sink: &mut dyn Sink,
) -> io::Result<Run> {
    let shared = Arc::new(Shared::new(options));
    let mut driver = Driver {
        schedule: Schedule::new(clock::now(), policy),
        shared: Arc::clone(&shared),
        resolver,
        in_flight: InFlight::new(shared, Waiter::new()),
        told: Vec::new(),
        workers: None,
        news: Vec::new(),
        write_error: None,
        signalled: false,
    };
    loop {
        driver.check_signal();
        match driver.schedule.step(clock::now()) {
            Step::Draw { over } => {
                let next = source.next(&mut driver.in_flight.waiter, over);
                driver.schedule.tell(clock::now(), Event::Next(next));
            }
            Step::Lookup(id, name, protocol) => {
                if let Some(answered) = driver.resolver.start(&mut driver.in_flight.waiter, id, &name, protocol) {
                    driver.looked_up(clock::now(), Some(answered));
                }
            }
            Step::Abandon(id) => driver.resolver.abandon(id),
            Step::Connect(id, connect) => driver.connect(id, connect),
            Step::GiveUp(id, why, at) => driver.give_up(id, why, at),
            Step::Look => driver.shared.watch.look(),
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

impl Driver {
    fn connect(&mut self, id: AttemptId, connect: Connect) {
        if let Some(workers) = self.helpers() {
            return workers.connect(id, connect);
        }
        let schedule = &mut self.schedule;
        let told = self.in_flight.connect(id, connect, |now| {
            schedule.tell(now, Event::Connecting(id));
            schedule.deadline(id)
        });
        if let Some(told) = told {
            self.told(id, told);
        }
    }

    /// Workers, where this thread has enough to do.
    fn helpers(&mut self) -> Option<&mut Workers> {
        if self.in_flight.len() < ALONE {
            return None;
        }
        if self.workers.is_none() {
            let waker = self.in_flight.waiter.waker().ok()?;
            self.workers = Some(Workers::start(&self.shared, waker));
        }
        self.workers.as_mut().filter(|workers| !workers.is_empty())
    }

    fn give_up(&mut self, id: AttemptId, why: Stop, at: Instant) {
        if !self.in_flight.give_up(id, why, at)
            && let Some(workers) = self.workers.as_mut().filter(|workers| !workers.is_empty())
        {
            workers.give_up(id, why, at);
        }
    }

    fn written(&mut self, result: io::Result<()>) {
        if let Err(error) = result {
            self.write_error.get_or_insert(error);
            self.schedule.tell(clock::now(), Event::NobodyReads);
        }
    }

    /// Waits, and tells what came.
    fn wait(&mut self, until: Option<Instant>) -> io::Result<()> {
        let (mut told, mut news) = (std::mem::take(&mut self.told), std::mem::take(&mut self.news));
        let mut until = until;
        if let Some(workers) = &mut self.workers {
            workers.news(&mut news);
            until = if news.is_empty() { until } else { Some(clock::now()) };
        }
        self.in_flight.wait(until, &mut told)?;
        self.schedule.tell(clock::now(), Event::Clock(clock::wall()));
        for (id, what) in told.drain(..) {
            self.told(id, what);
        }
        for news in news.drain(..) {
            match news {
                News::NotBegun(id) => self.schedule.tell(clock::now(), Event::NotBegun(id)),
                News::Called(id, at) => self.schedule.tell(at, Event::Connecting(id)),
                News::Told(id, called, what) => {
                    if let Some(at) = called {
                        self.schedule.tell(at, Event::Connecting(id));
                    }
                    self.told(id, what);
                }
                News::Broken(error) => return Err(error),
            }
        }
        (self.told, self.news) = (told, news);
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

    fn told(&mut self, id: AttemptId, told: Told) {
        let event = match told {
            Told::Held => Event::Held(id),
            Told::Ended(attempt) => Event::Ended(id, attempt),
        };
        self.schedule.tell(clock::now(), event);
    }
}
