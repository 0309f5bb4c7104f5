//! The loop of a run: ask the engine, act, wait, tell the engine.

use std::io;
use std::time::{Duration, Instant};

use crate::model::{Attempt, End, Report};
use crate::net::attempt::{self, Begun, Connecting, Options};
use crate::net::clock;
use crate::net::resolve::Resolver;
use crate::net::sys::{self, Ready, Signal, Waiter};
use crate::schedule::{Action, AttemptId, Engine, Group, Stop};

/// Longest time without a look at sockets and signals, however much there is to start or to write: no limit has been
/// reached by an attempt that nobody has looked at.
const GLANCE: Duration = Duration::from_millis(4);

/// Where the groups come from.
pub trait Draw {
    /// The next group; when the run is `over`, only of what need not be waited for.
    fn draw(&mut self, waiter: &mut Waiter, over: bool) -> Drawn;
}

/// What a [`Draw`] has to give.
pub enum Drawn {
    /// A group to probe.
    Group(Box<Group>),
    /// Nothing yet; the waiter will be woken.
    Later,
    /// Nothing more.
    End,
    /// The run is over, and a stream may have had more.
    Unread,
}

/// How a run ended.
#[derive(Debug, Default)]
pub struct Ended {
    /// The signal that ended it.
    pub signal: Option<Signal>,
    /// The deadline came before the end of the targets: of a stream, or of more than are told one by one.
    pub unread: bool,
    /// Some target was neither tried nor reported.
    pub cut_short: bool,
    /// The reports could not be written.
    pub write_error: Option<io::Error>,
}

struct Driver<'a> {
    engine: Engine,
    options: &'a Options,
    resolver: Resolver,
    waiter: Waiter,
    /// Attempts in flight, under the engine's keys.
    flying: Vec<Option<Box<Connecting>>>,
    sink: &'a mut dyn FnMut(Report) -> io::Result<()>,
    ended: Ended,
}

/// Probes everything that `source` gives and hands each report to `sink` as soon as it is decided.
///
/// # Errors
/// Only a fault of the wait itself; what became of the targets is in the reports, and a failed write is in [`Ended`].
pub fn run(
    engine: Engine,
    options: &Options,
    resolver: Resolver,
    source: &mut dyn Draw,
    sink: &mut dyn FnMut(Report) -> io::Result<()>,
) -> io::Result<Ended> {
    let waiter = Waiter::new();
    let mut driver = Driver { engine, options, resolver, waiter, flying: Vec::new(), sink, ended: Ended::default() };
    let mut ready = Vec::new();
    let mut glanced = clock::now();
    loop {
        let mut later = false;
        while driver.engine.wants_more() && !later {
            match source.draw(&mut driver.waiter, driver.engine.over()) {
                Drawn::Group(group) => driver.engine.draw(clock::now(), *group),
                Drawn::Later => later = true,
                Drawn::End => driver.engine.drained(),
                Drawn::Unread => {
                    driver.engine.drained();
                    driver.ended.unread = true;
                }
            }
        }
        driver.heed_signal();
        let now = clock::now();
        let overdue = now >= glanced + GLANCE;
        if !overdue {
            if let Some(action) = driver.engine.next(now) {
                driver.act(action);
                continue;
            }
            if driver.engine.wants_more() && (!later || driver.engine.over()) {
                continue;
            }
            // A signal may have ended the wait for a stream.
            if driver.engine.idle() && !(later && driver.engine.wants_more()) {
                break;
            }
        }
        driver.waiter.wait(if overdue { Some(now) } else { driver.engine.wake_at() }, &mut ready)?;
        glanced = clock::now();
        driver.take(glanced, &ready);
    }
    // With every slot taken, nobody had looked whether there was more. After a signal nobody asks.
    let unknown = driver.engine.undrained() && driver.ended.signal.is_none();
    let more = unknown && !matches!(source.draw(&mut driver.waiter, true), Drawn::End);
    driver.ended.unread |= driver.engine.left_unreported();
    driver.ended.cut_short |= driver.engine.cut_short() || more;
    Ok(driver.ended)
}

impl Driver<'_> {
    fn act(&mut self, action: Action) {
        match action {
            Action::Lookup(group, name, protocol) => {
                self.engine.asked(clock::now(), group);
                if let Some(result) = self.resolver.start(&mut self.waiter, group, &name, protocol) {
                    self.engine.looked_up(clock::now(), group, result);
                    self.engine.lookup_over();
                }
            }
            Action::Abandon(group) => self.resolver.abandon(group),
            Action::Connect(attempt, connect) => {
                let engine = &mut self.engine;
                let begun = attempt::begin(self.options, connect, &mut |now| engine.started(now, attempt));
                self.settle(attempt, begun);
            }
            Action::GiveUp(attempt, why) => self.give_up(attempt, why),
            Action::Report(report) => {
                if let Err(error) = (self.sink)(*report) {
                    self.ended.write_error.get_or_insert(error);
                    self.engine.stop(clock::now(), Stop::Interrupted);
                }
            }
        }
    }

    fn heed_signal(&mut self) {
        if let (None, Some(signal)) = (self.ended.signal, sys::signal()) {
            self.ended.signal = Some(signal);
            self.engine.stop(clock::now(), Stop::Interrupted);
        }
    }

    /// What became ready became so before `now`, whatever the work on those before it takes.
    fn take(&mut self, now: Instant, ready: &[(AttemptId, Ready)]) {
        for &(attempt, ready) in ready {
            if let Some(connecting) = self.flying[attempt].take() {
                self.waiter.remove(attempt);
                self.settle(attempt, connecting.ready(ready, now));
            }
        }
        for (at, answer) in self.resolver.answers() {
            if let Some((group, result)) = answer {
                self.engine.looked_up(at, group, result);
            }
            self.engine.lookup_over();
        }
    }

    fn settle(&mut self, attempt: AttemptId, begun: Begun) {
        match begun {
            Begun::Ended(result) => self.finish(attempt, *result),
            Begun::Pending(connecting) => self.wait_for(attempt, connecting),
        }
    }

    fn wait_for(&mut self, attempt: AttemptId, connecting: Box<Connecting>) {
        let (socket, interest) = connecting.waits_for();
        match self.waiter.add(attempt, socket, interest) {
            Ok(()) => {
                if self.flying.len() <= attempt {
                    self.flying.resize_with(attempt + 1, || None);
                }
                self.flying[attempt] = Some(connecting);
            }
            Err(error) => self.finish(attempt, connecting.give_up(End::Error(sys::code(&error)))),
        }
    }

    fn give_up(&mut self, attempt: AttemptId, why: Stop) {
        let Some(connecting) = self.flying[attempt].take() else { return };
        self.waiter.remove(attempt);
        let end = match why {
            Stop::Limit => End::Limit,
            Stop::Interrupted => End::Interrupted,
        };
        self.finish(attempt, connecting.give_up(end));
    }

    fn finish(&mut self, attempt: AttemptId, result: Attempt) {
        self.engine.ended(clock::now(), attempt, result);
    }
}
