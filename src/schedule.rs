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
use std::net::IpAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::classify::codes;
use crate::model::{Attempt, By, Cause, Family, Lookup, Outcome, Phase, Reason, Report, Strategy};

mod answers;
mod hosts;
mod lookups;
mod path;
mod plan;
mod probe;
mod race;
pub mod rounds;
mod slots;
mod strategy;
mod timers;

use answers::Begin;
use hosts::{Fate, Hosts};
use lookups::{Lookups, Moment};
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

/// Batches that are read ahead at most: literals behind so many unanswered names still start.
const MOST_BATCHES: usize = 1024;

/// Targets that are reported one by one although the deadline left them out: enough for any list, while a network that
/// has millions left does not outlast the deadline.
const MOST_LEFT_OUT: usize = 10_000;

/// Pause before a target is tried again whose next hop found no room in the kernel's table of neighbours. The kernel asks
/// for an absent neighbour three times, a second apart (`mcast_solicit` in arp(7)).
const NEIGHBOUR_PAUSE: Duration = Duration::from_secs(1);

/// Attempts in flight, at least, where the table of neighbours is full.
const LEAST_SLOTS: usize = 64;

/// An attempt in flight.
struct Running {
    owner: Owner,
    /// When connect() was called.
    started: Option<Instant>,
    deadline: Option<Instant>,
    given_up: bool,
}

/// Whose attempt it is.
#[derive(Debug, Clone, Copy)]
enum Owner {
    Candidate { probe: usize, candidate: usize },
    Hop { path: PathId, ttl: u8 },
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
    timers: Timers<Timer>,
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
            hosts: Hosts::new(policy.per_host, policy.timeout),
            slots: Slots::new(policy.concurrency, policy.spacing),
            timers: Timers::new(),
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
        if let Some(look) = self.end_run(now) {
            return look;
        }
        self.expire(now);
        let step = self.out.pop_front().or_else(|| self.draw()).or_else(|| self.begin(now));
        if let Some(step) = step {
            return step;
        }
        if self.is_finished() {
            return Step::Done(self.ended);
        }
        let until = self.wake_at();
        self.wait(now, until)
    }

    /// Something happened, at `now`.
    pub fn tell(&mut self, now: Instant, event: Event) {
        match event {
            Event::Next(next) => self.next(now, next),
            Event::Connecting(id) => self.connecting(now, id),
            Event::Ended(id, attempt) => self.attempt_ended(now, id, *attempt),
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
    fn wake_at(&mut self) -> Option<Instant> {
        let (probes, running, lookups) = (&self.probes, &self.running, &self.lookups);
        let timer = self.timers.peek(|at, timer| is_live(probes, running, lookups, at, timer));
        let start = self.slots.next_start().filter(|_| self.has_startable());
        let hop = self.paths.wake_at();
        let deadline = self.policy.deadline.filter(|_| self.stopped.is_none());
        let source = if let Source::Later(at) = self.source { at } else { None };
        [timer, start, hop, deadline, source].into_iter().flatten().min()
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

    // The source.

    /// Whether the source has more may be another answer now.
    fn ask_again(&mut self, now: Instant) {
        let waited = std::mem::take(&mut self.waited);
        let again = match self.source {
            Source::Later(at) => waited && at.is_none_or(|at| at <= now),
            Source::Barrier => self.is_idle(),
            Source::Unasked | Source::Exhausted => false,
        };
        if again {
            self.source = Source::Unasked;
        }
    }

    /// Asks for targets: only while a slot is free and nothing that was read could fill it. After the deadline the rest is
    /// read to be reported; where nobody reads, it is asked for once, so that the exit code tells whether any was left.
    fn draw(&mut self) -> Option<Step> {
        let wants = match self.stopped {
            _ if self.source == Source::Exhausted => false,
            Some(End::Signal) => false,
            Some(End::Deadline) => self.lookups.is_empty(),
            Some(End::NobodyReads) => self.running.is_empty(),
            None => {
                self.source == Source::Unasked
                    && self.slots.is_free()
                    && self.ready.is_empty()
                    && self.lookups.len() < MOST_BATCHES
                    && !self.lookups.is_ready()
                    && !self.paths.is_full()
                    && !self.hosts.is_full()
            }
        };
        wants.then_some(Step::Draw { over: self.stopped.is_some() })
    }

    fn next(&mut self, now: Instant, next: Next) {
        match (next, self.stopped) {
            (Next::Batch(_) | Next::Unread, Some(End::NobodyReads)) => {
                self.ended.cut_short = true;
                self.source = Source::Exhausted;
            }
            (Next::Batch(batch), stopped) => {
                self.lookups.add(*batch);
                if stopped.is_some() {
                    self.lookups.never_ask(now);
                }
            }
            (Next::Later(at), None) => self.source = Source::Later(at),
            (Next::Barrier, None) => self.source = Source::Barrier,
            (Next::Exhausted | Next::Barrier, _) => self.source = Source::Exhausted,
            (Next::Later(_) | Next::Unread, _) => {
                self.source = Source::Exhausted;
                self.ended.unread = true;
            }
        }
    }

    // Lookups.

    fn looked_up(&mut self, now: Instant, id: LookupId, result: Result<Vec<Resolved>, LookupFailure>) {
        // An answer may cross our giving up.
        if !self.lookups.is_asked(id) {
            return;
        }
        match id.family {
            None => self.lookup_ended(now, id.batch, result),
            Some(family) => self.family_answered(now, id.batch, family, result),
        }
    }

    fn lookup_ended(&mut self, now: Instant, id: BatchId, result: Result<Vec<Resolved>, LookupFailure>) {
        match result {
            Ok(given) => self.lookups.resolved(now, id, &given),
            Err(failure) if self.may_retry_lookup(id, &failure) => {
                let until = now + self.policy.retry_delay;
                self.lookups.pause(id, failure, until);
                self.timers.push(until, Timer::LookupRetry(id));
            }
            Err(failure) => self.lookups.unresolved(now, id, failure),
        }
    }

    fn family_answered(
        &mut self,
        now: Instant,
        id: BatchId,
        family: Family,
        result: Result<Vec<Resolved>, LookupFailure>,
    ) {
        match self.lookups.hear(now, id, family, result) {
            Some(Begin::Now) => self.lookup_ended(now, id, self.lookups.gathered(id)),
            Some(Begin::At(at)) => self.timers.push(at, Timer::Resolution(id)),
            Some(Begin::Later) => {}
            None => self.late_answer(now, id),
        }
    }

    /// "If the AAAA response arrives while these connection attempts are in progress but before any connection has been
    /// established, then the newly received IPv6 addresses are incorporated into the list" (RFC 8305 section 3)
    fn late_answer(&mut self, now: Instant, id: BatchId) {
        let Some((lookup, addresses)) = self.lookups.complete(id) else { return };
        for key in self.waiting_for(id) {
            self.probes[key].join(Arc::clone(&lookup), &addresses);
            self.advance(now, key);
        }
    }

    /// Targets that wait for the late answer of a batch.
    fn waiting_for(&self, id: BatchId) -> Vec<usize> {
        self.probes.iter().filter(|(_, probe)| probe.late == Some(id)).map(|(key, _)| key).collect()
    }

    fn may_retry_lookup(&self, id: BatchId, failure: &LookupFailure) -> bool {
        self.stopped.is_none()
            && self.lookups.tries(id) <= self.policy.retries
            && failure.error.is_none_or(|code| codes::describe(code).retryable)
    }

    // Starts.

    /// Begins a lookup, a hop or an attempt, if one is to begin and may.
    fn begin(&mut self, now: Instant) -> Option<Step> {
        match self.stopped {
            None => self.begin_lookup(now).or_else(|| self.begin_hop(now)).or_else(|| self.begin_attempt(now)),
            Some(End::Deadline) => self.leave_out(now),
            Some(_) => None,
        }
    }

    fn begin_lookup(&mut self, now: Instant) -> Option<Step> {
        let deadline = earliest(self.policy.lookup_timeout.map(|timeout| now + timeout), self.policy.deadline);
        let (id, name, protocol) = self.lookups.begin(self.moment(now), deadline)?;
        if let Some(deadline) = deadline {
            self.timers.push(deadline, Timer::Lookup(id));
        }
        let steps = self.lookups.asked_of(id).into_iter().map(|id| Step::Lookup(id, name.clone(), protocol));
        self.out.extend(steps);
        self.out.pop_front()
    }

    fn moment(&self, now: Instant) -> Moment {
        let (epoch, wall) = self.policy.epoch;
        Moment { at: now, wall: wall + now.saturating_duration_since(epoch) }
    }

    fn begin_hop(&mut self, now: Instant) -> Option<Step> {
        let (path, connect) = self.paths.next(now, 1)?;
        let ttl = connect.hop?;
        Some(Step::Connect(self.run(Owner::Hop { path, ttl }), connect))
    }

    fn begin_attempt(&mut self, now: Instant) -> Option<Step> {
        while self.slots.may_start(now) {
            if let Some((probe, candidate)) = self.ready.pop_front() {
                let address = self.probes[probe].candidates[candidate].address.ip();
                if self.hosts.has_room(address) {
                    return Some(self.start(now, probe, candidate));
                }
                self.hosts.stall(address, (probe, candidate));
                continue;
            }
            if let Some((probe, candidate)) = self.hosts.next() {
                return Some(self.start(now, probe, candidate));
            }
            if self.paths.is_full() || self.hosts.is_full() || !self.begin_target(now) {
                return None;
            }
            // A target whose every address is skipped is reported at once.
            if let Some(step) = self.out.pop_front() {
                return Some(step);
            }
        }
        None
    }

    fn start(&mut self, now: Instant, probe: usize, candidate: usize) -> Step {
        self.slots.take(now);
        let id = self.run(Owner::Candidate { probe, candidate });
        let protocol = self.probes[probe].protocol;
        let candidates = &mut self.probes[probe].candidates;
        let turn = candidates.iter().filter(|candidate| candidate.turn.is_some()).count();
        let candidate = &mut candidates[candidate];
        let number = candidate.begin(id, turn);
        self.hosts.begin(candidate.address.ip());
        Step::Connect(id, Connect { address: candidate.address, protocol, number, hop: None })
    }

    fn run(&mut self, owner: Owner) -> AttemptId {
        AttemptId(self.running.insert(Running { owner, started: None, deadline: None, given_up: false }))
    }

    fn has_startable(&self) -> bool {
        self.slots.is_free() && (!self.ready.is_empty() || !self.hosts.is_empty() || self.lookups.is_ready())
    }

    /// Begins the next target; false when there is none.
    fn begin_target(&mut self, now: Instant) -> bool {
        let Some(drawn) = self.lookups.draw() else { return false };
        let probe = Probe::new(drawn, self.moment(now));
        let key = self.probes.insert(probe);
        self.advance(now, key);
        true
    }

    /// Makes the moves that the strategy has for a target now, and reports it when it is decided.
    fn advance(&mut self, now: Instant, key: usize) {
        loop {
            let probe = &mut self.probes[key];
            match strategy::next(&self.policy, &probe.candidates, now) {
                _ if self.stopped.is_some() => break,
                Move::Start(index) => {
                    probe.candidates[index].stage = Stage::Queued;
                    match self.policy.strategy {
                        Strategy::All => self.ready.push_back((key, index)),
                        // The next address of a target that has begun comes before further targets.
                        Strategy::First | Strategy::Race => self.ready.push_front((key, index)),
                    }
                }
                Move::Wait(at) => {
                    if probe.due.replace(at) != Some(at) {
                        self.timers.push(at, Timer::Turn(key));
                    }
                    break;
                }
                Move::Cancel(index) => self.cancel(now, key, index),
                Move::SetAside(index) => {
                    if probe.candidates[index].stage == Stage::Queued {
                        self.ready.retain(|&waiting| waiting != (key, index));
                    }
                    probe.leave(index, now);
                }
                Move::Nothing => break,
            }
        }
        self.settle(now, key);
    }

    fn cancel(&mut self, now: Instant, key: usize, index: usize) {
        let candidate = &mut self.probes[key].candidates[index];
        let Stage::Running(id) = std::mem::replace(&mut candidate.stage, Stage::Ending) else { return };
        self.running[id.0].given_up = true;
        self.out.push_back(Step::GiveUp(id, Stop::Overtaken, now));
    }

    /// Reports the target when every address is decided.
    fn settle(&mut self, now: Instant, key: usize) {
        if !self.probes[key].is_decided() {
            return;
        }
        let probe = self.probes.remove(key);
        if let Some(batch) = probe.late
            && self.waiting_for(batch).is_empty()
        {
            self.out.extend(self.lookups.forget(batch).map(Step::Abandon));
        }
        let mut report = probe.report(&self.policy, now);
        if self.policy.trace.contains(&report.protocol) {
            if self.stopped.is_none() {
                let known = self.paths.hold(now, report);
                return self.report(known);
            }
            report.trace = Some(Vec::new());
        }
        self.report([report]);
    }

    fn report(&mut self, reports: impl IntoIterator<Item = Report>) {
        self.out.extend(reports.into_iter().map(|report| Step::Report(Box::new(report))));
    }

    // Attempts.

    fn connecting(&mut self, now: Instant, id: AttemptId) {
        let Some(running) = self.running.get_mut(id.0) else { return };
        let timeout = match running.owner {
            Owner::Candidate { .. } => self.policy.timeout,
            Owner::Hop { .. } => self.policy.timeout.or(Some(path::PATIENCE)),
        };
        running.started = Some(now);
        running.deadline = earliest(timeout.map(|timeout| now + timeout), self.policy.deadline);
        if let Some(deadline) = running.deadline {
            self.timers.push(deadline, Timer::Attempt(id));
        }
        if let (Owner::Candidate { probe, candidate }, Strategy::Race) = (running.owner, self.policy.strategy) {
            self.probes[probe].candidates[candidate].started = Some(now);
            self.advance(now, probe);
        }
    }

    fn attempt_ended(&mut self, now: Instant, id: AttemptId, attempt: Attempt) {
        let Some(Running { owner, started, .. }) = self.running.try_remove(id.0) else {
            return debug_assert!(false, "an attempt ended that was not running");
        };
        self.clean_timers();
        match owner {
            Owner::Candidate { probe, candidate } => {
                if !self.policy.trace.is_empty() {
                    self.paths.heard(now, &attempt);
                }
                self.slots.give_back();
                self.candidate_ended(now, (probe, candidate), started, attempt);
            }
            Owner::Hop { path, ttl } => {
                let reports = self.paths.ended(now, path, ttl, attempt, !self.running.is_empty());
                self.report(reports);
                self.give_up_unwanted(now);
            }
        }
    }

    fn candidate_ended(
        &mut self,
        now: Instant,
        (key, index): (usize, usize),
        started: Option<Instant>,
        mut attempt: Attempt,
    ) {
        let crowded = !self.running.is_empty();
        let probe = &mut self.probes[key];
        let candidate = &mut probe.candidates[index];
        let address = candidate.address.ip();
        let slowed = self.hosts.ended(now, address, &attempt);
        // What is lacking here is taken by attempts in flight: when one of them ends, there is room.
        if lacks_room(&attempt) && crowded && self.stopped.is_none() {
            self.slots.no_room();
            candidate.postpone();
            return self.ready.push_front((key, index));
        }
        // The kernel's table of neighbours is full of hosts that it asks for in vain: the entries go in seconds.
        if attempt.cause == Some(Cause::NeighbourTable) && self.stopped.is_none() && candidate.may_wait() {
            self.slots.halve(LEAST_SLOTS);
            let until = now + NEIGHBOUR_PAUSE;
            candidate.postpone();
            candidate.stage = Stage::Paused(until);
            return self.timers.push(until, Timer::Retry { probe: key, candidate: index });
        }
        if let Some(reason) = candidate.skipped_by(&attempt) {
            candidate.postpone();
            probe.set_aside(index, now, Outcome::Skipped, reason);
            return self.advance(now, key);
        }
        attempt.started = started.map_or(Duration::ZERO, |at| at.saturating_duration_since(probe.started));
        let pause = candidate.again(&attempt, &self.policy).filter(|_| self.stopped.is_none());
        let again = pause.is_none() && self.asks_again(attempt.outcome);
        let held = again && self.hosts.hold(address, &attempt, (key, index)) == Fate::Held;
        let candidate = &mut self.probes[key].candidates[index];
        candidate.record(now, attempt);
        match pause {
            None if held => candidate.stage = Stage::Queued,
            Some(Duration::ZERO) => {
                candidate.stage = Stage::Queued;
                self.ready.push_front((key, index));
            }
            Some(pause) => {
                let until = now + pause;
                candidate.stage = Stage::Paused(until);
                self.timers.push(until, Timer::Retry { probe: key, candidate: index });
            }
            None => candidate.stage = Stage::Done,
        }
        if let Some(address) = slowed {
            self.out.push_back(Step::Note(Note::Slowed(address)));
        }
        self.advance(now, key);
        self.rest(now, address);
    }

    /// When nothing is in flight to an address any more: its silent targets are asked again, or are decided.
    fn rest(&mut self, now: Instant, address: IpAddr) {
        for (key, index) in self.hosts.rest(address) {
            self.probes[key].candidates[index].stage = Stage::Done;
            self.advance(now, key);
        }
    }

    /// Whether silence is looked at again: by default, and where the user did not say how often.
    fn asks_again(&self, outcome: Outcome) -> bool {
        let default = self.policy.retries == 0 && self.policy.strategy == Strategy::All;
        outcome == Outcome::TimedOut && default && self.stopped.is_none()
    }

    /// Hops behind the end of their path teach nothing.
    fn give_up_unwanted(&mut self, now: Instant) {
        for (id, running) in &mut self.running {
            if let Owner::Hop { path, ttl } = running.owner
                && !running.given_up
                && !self.paths.wants(path, ttl)
            {
                running.given_up = true;
                self.out.push_back(Step::GiveUp(AttemptId(id), Stop::Limit, now));
            }
        }
    }

    // Timers.

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
                Some(Timer::Lookup(id)) => self.give_up_lookups(now, self.lookups.asked_of(id)),
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

    // The end of a run.

    /// Ends the run when its deadline has passed or something told so; a look at the sockets comes before.
    fn end_run(&mut self, now: Instant) -> Option<Step> {
        if self.stopped.is_none() && self.ending.is_none() {
            self.ending = self.policy.deadline.filter(|&at| at <= now).map(|at| (End::Deadline, at));
        }
        let (end, since) = self.ending?;
        if self.looked < since {
            return Some(self.wait(now, Some(now)));
        }
        self.ending = None;
        // A signal also ends the report on what the deadline left out.
        if self.stopped.is_none() || (end == End::Signal && self.stopped != Some(End::Signal)) {
            self.stop(now, end);
        }
        None
    }

    /// Gives up what runs, and reports what waits as not tried.
    fn stop(&mut self, now: Instant, end: End) {
        self.stopped = Some(end);
        self.ready.clear();
        self.hosts.clear();
        self.give_up_all(if end == End::Deadline { Stop::Limit } else { Stop::Interrupted });
        match end {
            End::Deadline => self.end_lookups(now),
            End::NobodyReads | End::Signal => self.drop_lookups(now),
        }
        let reason = if end == End::Deadline { Reason::Deadline } else { Reason::Signal };
        let keys: Vec<usize> = self.probes.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.probes[key].cut(now, reason);
            self.settle(now, key);
        }
        let reports = self.paths.stop();
        self.report(reports);
    }

    fn give_up_all(&mut self, why: Stop) {
        for (id, running) in self.running.iter_mut().filter(|(_, running)| !running.given_up) {
            running.given_up = true;
            self.out.push_back(Step::GiveUp(AttemptId(id), why, self.looked));
        }
    }

    fn give_up_lookups(&mut self, now: Instant, lookups: Vec<LookupId>) {
        for id in lookups {
            self.out.push_back(Step::Abandon(id));
            self.looked_up(now, id, Err(lookup_timed_out()));
        }
    }

    /// The deadline ends every lookup. A lookup that was under way has failed; the others were not asked.
    fn end_lookups(&mut self, now: Instant) {
        self.give_up_lookups(now, self.lookups.asked());
        self.lookups.never_ask(now);
    }

    /// A signal drops what was not begun. Of the targets that wait for a lookup under way, one is reported.
    fn drop_lookups(&mut self, now: Instant) {
        for dropped in self.lookups.drop_all() {
            self.out.extend(dropped.asked.into_iter().map(Step::Abandon));
            self.ended.cut_short |= dropped.waiting.is_none() || dropped.more;
            let Some((target, protocol, began, failure)) = dropped.waiting else { continue };
            // A lookup that waited for a further try: what it came to is known.
            let (outcome, lookup) = match failure {
                Some(failure) => (Outcome::Unresolved, Lookup::from(failure)),
                None => (Outcome::Interrupted, Lookup::default()),
            };
            let lookup = Lookup { elapsed: now.saturating_duration_since(began.at), ..lookup };
            let report = Probe::unresolved(target, protocol, began, lookup).report(&self.policy, now);
            self.report([Report { outcome, ..report }]);
        }
    }

    /// Reports one target that the deadline left out, or drops the rest where there are too many.
    fn leave_out(&mut self, now: Instant) -> Option<Step> {
        self.left_out += usize::from(self.lookups.is_ready());
        if self.left_out > MOST_LEFT_OUT {
            self.lookups.clear();
            self.source = Source::Exhausted;
            self.ended.unread = true;
            return None;
        }
        let mut probe = Probe::new(self.lookups.draw()?, self.moment(now));
        probe.skip(now);
        probe.cut(now, Reason::Deadline);
        let key = self.probes.insert(probe);
        self.settle(now, key);
        self.out.pop_front()
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

/// Whether an attempt failed for want of something that other attempts in flight hold.
fn lacks_room(attempt: &Attempt) -> bool {
    match attempt.cause {
        Some(Cause::Descriptors) => true,
        // A port that the user chose is not given back by others.
        Some(Cause::LocalPorts | Cause::Buffers) => attempt.phase == Some(Phase::Connect),
        _ => false,
    }
}

fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    a.into_iter().chain(b).min()
}

fn lookup_timed_out() -> LookupFailure {
    LookupFailure { error: None, by: By::Limit, cause: Some(Cause::ResolverLimit), family: None }
}

#[cfg(test)]
mod tests;
