//! When: which lookup, which attempt, at what instant; and when a target is decided. No I/O and no clock.
//!
//! The driver asks one thing, [`Schedule::step`], and tells one thing, [`Schedule::tell`]; `now` is an argument. How a
//! run ends, and how often sockets and signals are looked at, are rules of this module. One target and a million take the
//! same way: batches are read only while a slot is free, and a target is forgotten as soon as its report is handed out,
//! so memory depends on what is in flight alone.
//!
//! **Nothing is given up unseen.** A timer is due when it lies before the last look at the sockets, not before `now`: an
//! answer that came while the process was busy or stopped is taken first.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::classify::codes;
use crate::model::{Attempt, By, Cause, Family, Lookup, Outcome, Phase, Protocol, Reason, Report, Strategy};

mod answers;
mod attempts;
mod back;
mod bottleneck;
mod ending;
mod hosts;
mod load;
mod looks;
mod lookups;
mod order;
mod pace;
mod path;
mod plan;
mod probe;
mod race;
pub mod rounds;
mod slots;
mod source;
mod starts;
mod strategy;
mod timers;

use answers::Begin;
use hosts::{Fate, Hosts};
use lookups::{Lookups, Moment};
use order::{Order, Place};
use path::{PathId, Paths};
pub use plan::{
    AttemptId, Batch, BatchId, Connect, Ended, Event, LookupFailure, LookupId, Name, Next, Note, Policy, Resolved,
    Step, Stop, Target,
};
use probe::{Move, Probe, Stage};
pub use race::{LEAST_ATTEMPT_DELAY, MOST_ATTEMPT_DELAY};
use slots::Slots;
use timers::Timers;

/// Sockets are polled at least this often while there is work to start or to report. Longer, and an attempt would learn
/// late that it has completed.
const POLL_INTERVAL: Duration = Duration::from_millis(4);

/// An attempt in flight.
struct Running {
    owner: Owner,
    /// When connect() was called.
    started: Option<Instant>,
    /// Its own limit.
    limit: Option<Instant>,
    /// The limit or the end of the run.
    deadline: Option<Instant>,
    given_up: bool,
}

/// Whose attempt it is.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Candidate {
        probe: usize,
        candidate: usize,
    },
    Hop {
        path: PathId,
        ttl: u8,
    },
    /// A target that has refused is asked once more, to learn what is lost.
    Check,
    /// A socket that takes no answer with too small a time to live.
    Answer {
        path: PathId,
    },
}

/// What waits for its time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    Attempt(AttemptId),
    Retry {
        probe: usize,
        candidate: usize,
    },
    /// The next attempt of a race.
    Turn(usize),
    Lookup(BatchId),
    LookupRetry(BatchId),
    /// The end of the Resolution Delay.
    Resolution(BatchId),
}

/// Whether the source may have more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Source {
    Unasked,
    /// It has nothing before the next wait ends, and where an instant is given, before that.
    Later(Option<Instant>),
    /// It has nothing before everything that it gave is decided and reported.
    Barrier,
    Exhausted,
}

/// What ends a run before its targets do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    Deadline,
    NobodyReads,
    Signal,
}

/// The schedule of a run. See the module's text for how it is driven.
pub struct Schedule {
    policy: Policy,
    source: Source,
    lookups: Lookups,
    probes: Slab<Probe>,
    paths: Paths,
    running: Slab<Running>,
    /// Candidates that may start now.
    ready: VecDeque<(usize, usize)>,
    slots: Slots,
    hosts: Hosts,
    /// Where results are in the order of the targets.
    order: Option<Order>,
    timers: Timers<Timer>,
    /// When the counters of this machine are looked at next.
    look_at: Option<Instant>,
    /// What is to be done before anything else.
    out: VecDeque<Step>,
    /// The last wait began at this instant: what had come until then has been told.
    looked: Instant,
    waited: bool,
    /// What is to end the run, since when; sockets are looked at once more before.
    ending: Option<(End, Instant)>,
    stopped: Option<End>,
    ended: Ended,
    /// Targets that the deadline left out, as far as they are reported.
    left_out: usize,
}

impl Schedule {
    /// A schedule with nothing to do yet, at `now`.
    pub fn new(now: Instant, policy: Policy) -> Self {
        Schedule {
            source: Source::Unasked,
            lookups: Lookups::new(policy.lookups, policy.apart),
            probes: Slab::new(),
            paths: Paths::new(),
            running: Slab::new(),
            ready: VecDeque::new(),
            hosts: Hosts::new(now, policy.per_host, policy.timeout),
            slots: Slots::new(policy.concurrency, policy.spacing),
            order: policy.ordered.then(|| Order::new(policy.concurrency)),
            timers: Timers::new(),
            look_at: None,
            out: VecDeque::new(),
            looked: now,
            waited: false,
            ending: None,
            stopped: None,
            ended: Ended::default(),
            left_out: 0,
            policy,
        }
    }

    /// The next thing to do.
    pub fn step(&mut self, now: Instant) -> Step {
        self.ask_again(now);
        if now >= self.looked + POLL_INTERVAL {
            return self.wait(now, Some(now));
        }
        if let Some(look) = self.end_run(now).or_else(|| self.look(now)) {
            return look;
        }
        self.expire(now);
        let step = self.out.pop_front().or_else(|| self.draw()).or_else(|| self.begin(now));
        if let Some(step) = step {
            return step;
        }
        if self.is_finished() {
            self.end_order();
            return self.out.pop_front().unwrap_or(Step::Done(self.ended));
        }
        let until = self.wake_at(now);
        self.wait(now, until)
    }

    /// Something happened, at `now`.
    pub fn tell(&mut self, now: Instant, event: Event) {
        match event {
            Event::Next(next) => self.next(now, next),
            Event::Connecting(id) => self.connecting(now, id),
            Event::Held(id) => self.held(now, id),
            Event::Ended(id, attempt) => self.attempt_ended(now, id, *attempt),
            Event::NotBegun(id) => self.not_begun(now, id),
            Event::Canonical(id, name) => self.lookups.name(id, name),
            Event::LookedUp(id, result) => self.looked_up(now, id, result),
            Event::LookupOver => self.lookups.over(),
            Event::Clock(wall) => self.policy.epoch = (now, wall),
            Event::Signal(signal) => {
                self.ended.signal.get_or_insert(signal);
                self.ending = Some((End::Signal, now));
            }
            Event::NobodyReads => self.ending = self.ending.or(Some((End::NobodyReads, now))),
        }
    }

    /// When the attempt is to end, if at all. It is known once connect() is called.
    pub fn deadline(&self, id: AttemptId) -> Option<Instant> {
        self.running.get(id.0)?.deadline
    }

    fn wait(&mut self, now: Instant, until: Option<Instant>) -> Step {
        (self.looked, self.waited) = (now, true);
        Step::Wait(until)
    }

    /// When [`Schedule::step`] will have something to do although nothing was told.
    fn wake_at(&mut self, now: Instant) -> Option<Instant> {
        let (probes, running, lookups) = (&self.probes, &self.running, &self.lookups);
        let timer = self.timers.peek(|at, timer| is_live(probes, running, lookups, at, timer));
        let start = self.next_start(now);
        let hop = self.paths.wake_at();
        let deadline = self.policy.deadline.filter(|_| self.stopped.is_none());
        let source = if let Source::Later(at) = self.source { at } else { None };
        [timer, start, hop, deadline, source, self.look_at].into_iter().flatten().min()
    }

    fn is_finished(&self) -> bool {
        (self.source == Source::Exhausted || self.stopped.is_some()) && self.is_idle()
    }

    /// Everything that was given is decided and reported.
    fn is_idle(&self) -> bool {
        self.out.is_empty()
            && self.running.is_empty()
            && self.lookups.is_empty()
            && self.probes.is_empty()
            && self.paths.is_empty()
    }

    /// Does what was due at the last look.
    fn expire(&mut self, now: Instant) {
        loop {
            let (probes, running, lookups) = (&self.probes, &self.running, &self.lookups);
            let live = |at, timer| is_live(probes, running, lookups, at, timer);
            match self.timers.pop(self.looked, live) {
                Some(Timer::Attempt(id)) => {
                    self.running[id.0].given_up = true;
                    self.out.push_back(Step::GiveUp(id, Stop::Limit, self.looked));
                }
                Some(Timer::Retry { probe, candidate }) => {
                    self.probes[probe].candidates[candidate].stage = Stage::Queued;
                    self.ready.push_front((probe, candidate));
                }
                Some(Timer::Turn(key)) => {
                    self.probes[key].due = None;
                    self.advance(now, key);
                }
                Some(Timer::Lookup(id)) => self.give_up_lookups(now, self.lookups.asked_of(id), false),
                Some(Timer::LookupRetry(id)) => self.lookups.queue_again(id),
                Some(Timer::Resolution(id)) => self.lookup_ended(now, id, self.lookups.gathered(id)),
                None => return,
            }
        }
    }

    fn clean_timers(&mut self) {
        let (probes, running, lookups) = (&self.probes, &self.running, &self.lookups);
        let live = running.len() + lookups.len() + probes.len();
        self.timers.clean(live, |at, timer| is_live(probes, running, lookups, at, timer));
    }
}

fn is_live(probes: &Slab<Probe>, running: &Slab<Running>, lookups: &Lookups, at: Instant, timer: Timer) -> bool {
    match timer {
        Timer::Attempt(id) => {
            running.get(id.0).is_some_and(|running| running.deadline == Some(at) && !running.given_up)
        }
        Timer::Retry { probe, candidate } => {
            let candidate = probes.get(probe).and_then(|probe| probe.candidates.get(candidate));
            candidate.is_some_and(|candidate| candidate.stage == Stage::Paused(at))
        }
        Timer::Turn(key) => probes.get(key).is_some_and(|probe| probe.due == Some(at)),
        Timer::Lookup(id) => lookups.is_due(id, at),
        Timer::LookupRetry(id) => lookups.pauses_until(id, at),
        Timer::Resolution(id) => lookups.delays_until(id, at),
    }
}

fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    a.into_iter().chain(b).min()
}

fn lookup_timed_out(cut_short: bool) -> LookupFailure {
    LookupFailure { error: None, by: By::Limit, cause: Some(Cause::ResolverLimit), family: None, cut_short }
}

#[cfg(test)]
mod tests;
