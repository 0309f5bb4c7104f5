//! Scheduling without I/O and without a clock: which lookup, which attempt, when; and when a target is decided.
//!
//! The driver asks [`Engine::next`] what to do, does it, and tells the engine what came of it; `now` is an argument
//! everywhere. One target and a million take the same way: hosts are drawn only while there is a free slot, and a
//! target is forgotten as soon as its report is handed out, so memory depends on what is in flight alone.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::iter::Peekable;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

use crate::classify::{codes, verdict};
use crate::model::{Attempt, By, Cause, Lookup, Outcome, Protocol, Reason, Report, Strategy};

mod decide;
mod plan;

use decide::report;
pub use plan::{Action, AttemptId, Connect, Found, Goal, Group, GroupId, LookupFailure, Name, Policy, Stop};

/// A self-connect is tried again from another port at most this often; each try hits one port of the ephemeral
/// range, so that the chance of this many in a row is nil.
const SELF_CONNECT_TRIES: u32 = 8;

/// Groups held, most of which wait for their lookup: literals behind so many silent names do not wait for them.
const HELD: usize = 1024;

/// Targets that are reported one by one although the deadline left them out: enough for any list, while a network that
/// has millions left does not outlast the deadline by telling them.
const MOST_LEFT_OUT: usize = 10_000;

/// A group that has been drawn and not been used up.
struct Open {
    protocol: Protocol,
    name: Option<Name>,
    /// Never at its end: a group is dropped with its last goal.
    goals: Peekable<Box<dyn Iterator<Item = Goal>>>,
    /// When the lookup began, for the first target that waited for it.
    asked: Option<Instant>,
    tries: u32,
    /// What the last try came to, while the next one waits.
    failure: Option<LookupFailure>,
    limit: Option<Instant>,
    lookup: Arc<Lookup>,
    found: Arc<[Found]>,
    state: LookupState,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum LookupState {
    /// To be asked, for the first time or again: as many as may be are under way.
    Waiting,
    Pending,
    /// The last try failed, and the next one has its time.
    Paused,
    Ready,
}

/// One address of a target on its way through its tries.
struct Lane {
    address: SocketAddr,
    skip: Option<Reason>,
    tries: u32,
    self_connects: u32,
    running: Option<AttemptId>,
    done: bool,
}

/// A target that has been drawn and not been decided.
struct Target {
    goal: Goal,
    protocol: Protocol,
    started: Instant,
    lookup: Arc<Lookup>,
    lanes: Vec<Lane>,
    attempts: Vec<(usize, Attempt)>,
}

/// An attempt in flight.
struct Running {
    target: usize,
    lane: usize,
    /// When connect() was called.
    started: Option<Instant>,
    limit: Option<Instant>,
    given_up: bool,
}

/// What waits for its time.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Later {
    Attempt { target: usize, lane: usize },
    Lookup { group: GroupId },
}

/// The scheduler. See the module's text for how it is driven.
pub struct Engine {
    policy: Policy,
    open: Slab<Open>,
    /// Groups in the order drawn; the front one with an answer gives the next target.
    order: VecDeque<GroupId>,
    /// Groups that are to be asked for.
    waiting: VecDeque<GroupId>,
    /// Lookups under way, those that were abandoned included: nothing ends getaddrinfo().
    asking: usize,
    targets: Slab<Target>,
    running: Slab<Running>,
    /// Attempts by limit: all have the same timeout, so the order of starting is the order of ending.
    limits: VecDeque<(Instant, AttemptId)>,
    /// Lanes that may start now.
    ready: VecDeque<(usize, usize)>,
    later: BinaryHeap<Reverse<(Instant, Later)>>,
    next_start: Option<Instant>,
    out: VecDeque<Action>,
    /// No further group will come.
    drained: bool,
    stopped: Option<Stop>,
    /// A run that was stopped before every target drawn was tried.
    cut_short: bool,
    /// Targets that the deadline left out, as far as they are reported.
    left_out: usize,
}

impl Engine {
    /// An engine with nothing to do yet.
    pub fn new(policy: Policy) -> Self {
        Engine {
            policy,
            open: Slab::new(),
            order: VecDeque::new(),
            waiting: VecDeque::new(),
            asking: 0,
            targets: Slab::new(),
            running: Slab::new(),
            limits: VecDeque::new(),
            ready: VecDeque::new(),
            later: BinaryHeap::new(),
            next_start: None,
            out: VecDeque::new(),
            drained: false,
            stopped: None,
            cut_short: false,
            left_out: 0,
        }
    }

    /// Whether the driver should draw another group: only while a slot is free and nothing drawn could fill it. After
    /// the deadline the rest is drawn to be reported.
    pub fn wants_more(&self) -> bool {
        match self.stopped {
            _ if self.drained => false,
            Some(Stop::Interrupted) => false,
            Some(Stop::Limit) => self.out.is_empty() && self.order.is_empty(),
            None => {
                self.out.is_empty()
                    && self.running.len() < self.policy.concurrency
                    && self.ready.is_empty()
                    && self.open.len() < HELD
                    && (!self.policy.one_by_one || self.targets.is_empty())
                    && !self.has_answer()
            }
        }
    }

    /// Whether the run was stopped, so that nothing is worth waiting for.
    pub fn over(&self) -> bool {
        self.stopped.is_some()
    }

    /// No further group will come.
    pub fn drained(&mut self) {
        self.drained = true;
    }

    /// Takes a group in.
    pub fn draw(&mut self, now: Instant, group: Group) {
        let Group { protocol, name, goals } = group;
        let mut goals = goals.peekable();
        if goals.peek().is_none() {
            return;
        }
        let lookup = Arc::new(Lookup { addresses: usize::from(name.is_none()), ..Lookup::default() });
        let state = if name.is_some() { LookupState::Waiting } else { LookupState::Ready };
        let (asked, tries, failure, limit, found) = (None, 0, None, None, Arc::new([]));
        let id = self.open.insert(Open { protocol, name, goals, asked, tries, failure, limit, lookup, found, state });
        self.order.push_back(id);
        if state == LookupState::Waiting {
            self.waiting.push_back(id);
        }
        match self.stopped {
            None => self.ask_waiting(),
            Some(_) => self.never_ask(now),
        }
    }

    /// The lookup of a group is about to begin: its limit counts from here.
    pub fn asked(&mut self, now: Instant, id: GroupId) {
        let limit = self.lookup_limit(now);
        let open = &mut self.open[id];
        open.asked.get_or_insert(now);
        open.tries += 1;
        open.failure = None;
        open.limit = limit;
    }

    /// The lookup of a group came to its end, at `now`.
    pub fn looked_up(&mut self, now: Instant, id: GroupId, result: Result<Vec<Found>, LookupFailure>) {
        // An answer may cross our giving up.
        if self.open.get(id).is_none_or(|open| open.state != LookupState::Pending) {
            return;
        }
        match result {
            Ok(found) => self.resolved(now, id, found),
            Err(failure) if self.may_retry_lookup(id, &failure) => self.retry_lookup(now, id, failure),
            Err(failure) => self.unresolved(now, id, failure),
        }
    }

    /// A lookup that began is over, abandoned or not: another one may begin.
    pub fn lookup_over(&mut self) {
        self.asking -= 1;
        if self.stopped.is_none() {
            self.ask_waiting();
        }
    }

    /// connect() of an attempt is about to be called: its limit counts from here.
    pub fn started(&mut self, now: Instant, id: AttemptId) -> Option<Instant> {
        self.running[id].started = Some(now);
        let limit = earliest(self.policy.timeout.map(|timeout| now + timeout), self.policy.deadline)?;
        self.running[id].limit = Some(limit);
        self.limits.push_back((limit, id));
        Some(limit)
    }

    /// An attempt came to its end.
    pub fn ended(&mut self, now: Instant, id: AttemptId, mut attempt: Attempt) {
        let Some(Running { target: key, lane: index, started, .. }) = self.running.try_remove(id) else {
            return debug_assert!(false, "an attempt ended that was not running");
        };
        self.forget_old_limits();
        attempt.started = started.map_or(Duration::ZERO, |at| at.saturating_duration_since(self.targets[key].started));
        let again = self.again(&attempt, &self.targets[key].lanes[index]);
        let target = &mut self.targets[key];
        let lane = &mut target.lanes[index];
        lane.running = None;
        lane.done = again.is_none();
        lane.self_connects += u32::from(attempt.outcome == Outcome::SelfConnected);
        target.attempts.push((index, attempt));
        match again {
            Some(Duration::ZERO) => self.ready.push_front((key, index)),
            Some(pause) => self.later.push(Reverse((now + pause, Later::Attempt { target: key, lane: index }))),
            None => self.lane_done(now, key, index),
        }
    }

    /// Ends the run from outside: what runs is given up, what waits is reported as not tried.
    pub fn stop(&mut self, now: Instant, why: Stop) {
        // A signal also ends the report on what the deadline left out.
        if matches!(self.stopped, Some(before) if before == why || before == Stop::Interrupted) {
            return;
        }
        self.stopped = Some(why);
        self.later.clear();
        self.ready.clear();
        self.give_up_all(why);
        match why {
            Stop::Limit => self.end_lookups(now),
            Stop::Interrupted => self.drop_open(now),
        }
        self.skip_waiting(now, why);
    }

    /// Whether some target that was drawn is neither tried nor reported because the run was stopped.
    pub fn cut_short(&self) -> bool {
        self.cut_short
    }

    /// Whether the deadline left out more than is reported one by one.
    pub fn left_unreported(&self) -> bool {
        self.left_out > MOST_LEFT_OUT
    }

    /// Whether the run was stopped before it was known that no further group will come.
    pub fn undrained(&self) -> bool {
        self.stopped.is_some() && !self.drained
    }

    /// The next thing to do; `None` until something ends or [`Engine::wake_at`] comes.
    pub fn next(&mut self, now: Instant) -> Option<Action> {
        if self.policy.deadline.is_some_and(|deadline| deadline <= now) {
            self.stop(now, Stop::Limit);
        }
        self.expire(now);
        match self.stopped {
            _ if !self.out.is_empty() => {}
            None => self.start_one(now),
            Some(Stop::Limit) => self.leave_out(now),
            Some(Stop::Interrupted) => {}
        }
        self.out.pop_front()
    }

    /// When [`Engine::next`] will have something to do although nothing ended.
    pub fn wake_at(&self) -> Option<Instant> {
        let limit = self.limits.iter().find(|entry| self.is_live(entry)).map(|&(at, _)| at);
        let later = self.later.peek().map(|Reverse((at, _))| *at);
        let lookup = self.open.iter().filter(|(_, open)| open.state == LookupState::Pending);
        let lookup = lookup.filter_map(|(_, open)| open.limit).min();
        let start = self.next_start.filter(|_| self.has_startable());
        // Where a stream may still bring targets, the deadline comes although nothing is under way.
        let unfinished = !self.idle() || !self.drained;
        let deadline = self.policy.deadline.filter(|_| unfinished && self.stopped.is_none());
        [limit, later, lookup, start, deadline].into_iter().flatten().min()
    }

    /// Nothing runs and nothing waits.
    pub fn idle(&self) -> bool {
        self.out.is_empty() && self.open.is_empty() && self.targets.is_empty()
    }

    // --- lookups ---------------------------------------------------------------------------------------------

    fn lookup_limit(&self, now: Instant) -> Option<Instant> {
        earliest(self.policy.lookup_timeout.map(|timeout| now + timeout), self.policy.deadline)
    }

    /// Begins as many lookups as may be under way.
    fn ask_waiting(&mut self) {
        while self.asking < self.policy.lookups {
            let Some(id) = self.waiting.pop_front() else { return };
            let open = &mut self.open[id];
            let Some(name) = open.name.clone() else { continue };
            open.state = LookupState::Pending;
            open.limit = None;
            self.asking += 1;
            self.out.push_back(Action::Lookup(id, name, open.protocol));
        }
    }

    fn answered(&mut self, now: Instant, id: GroupId, lookup: Lookup) {
        let open = &mut self.open[id];
        let elapsed = open.asked.map_or(Duration::ZERO, |asked| now - asked);
        open.lookup = Arc::new(Lookup { elapsed, ..lookup });
        open.state = LookupState::Ready;
    }

    /// The deadline came before the lookup began: what an earlier try came to is known, else the targets of the group
    /// are reported as not tried.
    fn never_ask(&mut self, now: Instant) {
        for id in std::mem::take(&mut self.waiting) {
            let reason = Some(Reason::Deadline);
            let not_asked = Lookup { by: Some(By::Limit), reason, ..Lookup::default() };
            let lookup = self.open[id].failure.take().map_or(not_asked, Lookup::from);
            self.answered(now, id, lookup);
        }
    }

    /// Ends a lookup, or has it wait again where it was to begin only next.
    fn abandon(&mut self, id: GroupId) {
        let asks = |action: &Action| matches!(action, Action::Lookup(group, ..) if *group == id);
        match self.out.iter().position(asks) {
            Some(place) => {
                self.out.remove(place);
                self.asking -= 1;
                self.open[id].state = LookupState::Waiting;
            }
            None => self.out.push_back(Action::Abandon(id)),
        }
    }

    fn may_retry_lookup(&self, id: GroupId, failure: &LookupFailure) -> bool {
        self.stopped.is_none()
            && self.open[id].tries <= self.policy.retries
            && failure.error.is_none_or(|code| codes::describe(code).retryable)
    }

    fn retry_lookup(&mut self, now: Instant, id: GroupId, failure: LookupFailure) {
        self.open[id].failure = Some(failure);
        self.open[id].state = LookupState::Paused;
        self.later.push(Reverse((now + self.policy.retry_delay, Later::Lookup { group: id })));
    }

    fn ask_again(&mut self, id: GroupId) {
        self.open[id].state = LookupState::Waiting;
        self.waiting.push_back(id);
        self.ask_waiting();
    }

    fn resolved(&mut self, now: Instant, id: GroupId, given: Vec<Found>) {
        let mut found: Vec<Found> = Vec::with_capacity(given.len());
        for entry in &given {
            if !found.iter().any(|known| same_host(known.address, entry.address)) {
                found.push(*entry);
            }
        }
        let (addresses, duplicates) = (found.len(), given.len() - found.len());
        self.open[id].found = found.into();
        self.answered(now, id, Lookup { addresses, duplicates, ..Lookup::default() });
    }

    /// The lookup failed for good: every goal of the group shares its failure.
    fn unresolved(&mut self, now: Instant, id: GroupId, failure: LookupFailure) {
        self.answered(now, id, failure.into());
    }

    // --- targets ---------------------------------------------------------------------------------------------

    fn has_answer(&self) -> bool {
        self.order.iter().any(|&id| self.open[id].state == LookupState::Ready)
    }

    fn has_startable(&self) -> bool {
        self.running.len() < self.policy.concurrency && (!self.ready.is_empty() || self.has_answer())
    }

    /// Puts the next action out, if a slot is free and the rate allows it.
    fn start_one(&mut self, now: Instant) {
        while self.out.is_empty() && self.running.len() < self.policy.concurrency {
            if self.next_start.is_some_and(|at| at > now) {
                return;
            }
            match self.ready.pop_front() {
                Some((target, lane)) => self.start(now, target, lane),
                None if self.draw_target(now) => {}
                None => return,
            }
        }
    }

    fn start(&mut self, now: Instant, target: usize, index: usize) {
        if self.policy.spacing > Duration::ZERO {
            // Starts keep their distance from when they were due, so that a late wake-up does not slow the rate.
            let due = self.next_start.filter(|&at| now.duration_since(at) < self.policy.spacing).unwrap_or(now);
            self.next_start = Some(due + self.policy.spacing);
        }
        let attempt = self.running.insert(Running { target, lane: index, started: None, limit: None, given_up: false });
        let protocol = self.targets[target].protocol;
        let lane = &mut self.targets[target].lanes[index];
        lane.tries += 1;
        lane.running = Some(attempt);
        let connect = Connect { address: lane.address, protocol, number: lane.tries };
        self.out.push_back(Action::Connect(attempt, connect));
    }

    /// Begins the next target; false when there is none.
    fn draw_target(&mut self, now: Instant) -> bool {
        if self.policy.one_by_one && !self.targets.is_empty() {
            return false;
        }
        self.next_target(now).inspect(|&key| self.begin(now, key)).is_some()
    }

    /// Turns the next goal of the first group with an answer into a target.
    fn next_target(&mut self, now: Instant) -> Option<usize> {
        let place = self.order.iter().position(|&id| self.open[id].state == LookupState::Ready)?;
        let id = self.order[place];
        let open = &mut self.open[id];
        let goal = open.goals.next()?;
        // The first goal has waited for the lookup, the others only share its answer.
        let started = open.asked.take().unwrap_or(now);
        let lanes = lanes(&goal, &open.found);
        let lookup = Arc::clone(&open.lookup);
        let target = Target { goal, protocol: open.protocol, started, lookup, lanes, attempts: Vec::new() };
        if open.goals.peek().is_none() {
            self.order.remove(place);
            self.open.remove(id);
        }
        Some(self.targets.insert(target))
    }

    fn begin(&mut self, now: Instant, key: usize) {
        let target = &mut self.targets[key];
        for index in 0..target.lanes.len() {
            if let Some(reason) = target.lanes[index].skip {
                set_aside(target, index, now, Outcome::Skipped, reason);
            }
        }
        let waiting = (0..target.lanes.len()).filter(|&index| !target.lanes[index].done);
        let first = match self.policy.strategy {
            Strategy::All => usize::MAX,
            Strategy::First => 1,
        };
        self.ready.extend(waiting.take(first).map(|index| (key, index)));
        self.settle(now, key);
    }

    /// Whether, and after what pause, an attempt is made again.
    fn again(&self, attempt: &Attempt, lane: &Lane) -> Option<Duration> {
        if self.stopped.is_some() {
            return None;
        }
        if attempt.outcome == Outcome::SelfConnected {
            return (!self.policy.fixed_port && lane.self_connects + 1 < SELF_CONNECT_TRIES).then_some(Duration::ZERO);
        }
        let tries = lane.tries - lane.self_connects;
        (verdict::retryable(attempt) && tries <= self.policy.retries).then_some(self.policy.retry_delay)
    }

    fn lane_done(&mut self, now: Instant, key: usize, index: usize) {
        if self.policy.strategy == Strategy::First {
            self.first_lane_done(now, key, index);
        }
        self.settle(now, key);
    }

    /// "in order, stop at the first success"
    fn first_lane_done(&mut self, now: Instant, key: usize, index: usize) {
        let target = &mut self.targets[key];
        let connected = target.attempts.last().is_some_and(|(_, attempt)| attempt.outcome == Outcome::Connected);
        let rest: Vec<usize> = (index + 1..target.lanes.len()).filter(|&lane| !target.lanes[lane].done).collect();
        match rest.first() {
            Some(&lane) if !connected && self.stopped.is_none() => self.ready.push_front((key, lane)),
            _ if connected => {
                for lane in rest {
                    set_aside(target, lane, now, Outcome::Skipped, Reason::Enough);
                }
            }
            _ => {}
        }
    }

    /// Reports the target once every address is done.
    fn settle(&mut self, now: Instant, key: usize) {
        if self.targets[key].lanes.iter().all(|lane| lane.done) {
            let target = self.targets.remove(key);
            self.out.push_back(Action::Report(Box::new(report(&self.policy, now, target))));
        }
    }

    // --- limits ----------------------------------------------------------------------------------------------

    fn expire(&mut self, now: Instant) {
        while let Some(&(at, id)) = self.limits.front() {
            if self.is_live(&(at, id)) {
                if at > now {
                    break;
                }
                self.running[id].given_up = true;
                self.out.push_back(Action::GiveUp(id, Stop::Limit));
            }
            self.limits.pop_front();
        }
        while self.later.peek().is_some_and(|Reverse((at, _))| *at <= now) {
            match self.later.pop() {
                Some(Reverse((_, Later::Attempt { target, lane }))) => self.ready.push_front((target, lane)),
                Some(Reverse((_, Later::Lookup { group }))) => self.ask_again(group),
                None => break,
            }
        }
        self.expire_lookups(now);
    }

    fn expire_lookups(&mut self, now: Instant) {
        if !self.open.iter().any(|(_, open)| open.is_late(now)) {
            return;
        }
        let late: Vec<GroupId> = self.open.iter().filter(|(_, open)| open.is_late(now)).map(|(id, _)| id).collect();
        for id in late {
            self.abandon(id);
            self.looked_up(now, id, Err(limit_reached()));
        }
    }

    fn is_live(&self, &(at, id): &(Instant, AttemptId)) -> bool {
        self.running.get(id).is_some_and(|running| running.limit == Some(at) && !running.given_up)
    }

    /// Keeps the queue of limits as short as what is in flight; most attempts end long before their limit.
    fn forget_old_limits(&mut self) {
        if self.limits.len() > 2 * self.running.len() + 64 {
            let limits = std::mem::take(&mut self.limits);
            self.limits = limits.into_iter().filter(|entry| self.is_live(entry)).collect();
        }
    }

    // --- stopping --------------------------------------------------------------------------------------------

    fn give_up_all(&mut self, why: Stop) {
        for (attempt, running) in self.running.iter_mut().filter(|(_, running)| !running.given_up) {
            running.given_up = true;
            self.out.push_back(Action::GiveUp(attempt, why));
        }
    }

    /// The deadline ends every lookup; what shares it is reported as unresolved, the rest as not tried.
    fn end_lookups(&mut self, now: Instant) {
        let in_state = |state| self.open.iter().filter(move |(_, open)| open.state == state).map(|(id, _)| id);
        let (pending, paused): (Vec<_>, Vec<_>) =
            (in_state(LookupState::Pending).collect(), in_state(LookupState::Paused).collect());
        self.waiting.extend(paused);
        for id in pending {
            self.abandon(id);
            match self.open[id].state {
                LookupState::Waiting => self.waiting.push_back(id),
                _ => self.unresolved(now, id, limit_reached()),
            }
        }
        self.never_ask(now);
    }

    /// Reports one target that the deadline left out, or drops the rest where there are too many.
    fn leave_out(&mut self, now: Instant) {
        self.left_out += usize::from(!self.order.is_empty());
        if self.left_unreported() {
            self.order.clear();
            self.open.clear();
            return self.drained();
        }
        let Some(key) = self.next_target(now) else { return };
        let target = &mut self.targets[key];
        for index in 0..target.lanes.len() {
            set_aside(target, index, now, Outcome::Skipped, Reason::Deadline);
        }
        self.settle(now, key);
    }

    /// A signal drops what was not begun; of what waits for a lookup, one target tells that it did.
    fn drop_open(&mut self, now: Instant) {
        self.waiting.clear();
        for id in std::mem::take(&mut self.order) {
            if self.open[id].state == LookupState::Pending {
                self.abandon(id);
            }
            let mut open = self.open.remove(id);
            let unanswered = open.state != LookupState::Ready;
            let begun = open.asked.filter(|_| unanswered).zip(open.goals.next());
            self.cut_short |= begun.is_none() || open.goals.next().is_some();
            let Some((started, goal)) = begun else { continue };
            // A lookup that waited for a further try: what it came to is known.
            let (outcome, lookup) = match open.failure {
                Some(failure) => (Outcome::Unresolved, Lookup::from(failure)),
                None => (Outcome::Interrupted, Lookup::default()),
            };
            let lookup = Arc::new(Lookup { elapsed: now - started, ..lookup });
            let (protocol, lanes, attempts) = (open.protocol, Vec::new(), Vec::new());
            let report = report(&self.policy, now, Target { goal, protocol, started, lookup, lanes, attempts });
            self.out.push_back(Action::Report(Box::new(Report { outcome, ..report })));
        }
    }

    fn skip_waiting(&mut self, now: Instant, why: Stop) {
        let reason = match why {
            Stop::Limit => Reason::Deadline,
            Stop::Interrupted => Reason::Signal,
        };
        let keys: Vec<usize> = self.targets.iter().map(|(key, _)| key).collect();
        for key in keys {
            let target = &mut self.targets[key];
            for index in 0..target.lanes.len() {
                let lane = &target.lanes[index];
                if lane.done || lane.running.is_some() {
                    continue;
                }
                if lane.tries > 0 {
                    target.lanes[index].done = true; // it waited for a further try: what it came to is known
                } else {
                    set_aside(target, index, now, Outcome::Skipped, reason);
                }
            }
            self.settle(now, key);
        }
    }
}

impl Open {
    fn is_late(&self, now: Instant) -> bool {
        self.state == LookupState::Pending && self.limit.is_some_and(|limit| limit <= now)
    }
}

fn earliest(a: Option<Instant>, b: Option<Instant>) -> Option<Instant> {
    a.into_iter().chain(b).min()
}

fn same_host(a: SocketAddr, b: SocketAddr) -> bool {
    match (a, b) {
        (SocketAddr::V6(a), SocketAddr::V6(b)) => a.ip() == b.ip() && a.scope_id() == b.scope_id(),
        _ => a.ip() == b.ip(),
    }
}

fn limit_reached() -> LookupFailure {
    LookupFailure { error: None, by: By::Limit, cause: Some(Cause::ResolverLimit), family: None }
}

fn lanes(goal: &Goal, found: &[Found]) -> Vec<Lane> {
    let lane = |mut address: SocketAddr, skip| {
        address.set_port(goal.port);
        Lane { address, skip, tries: 0, self_connects: 0, running: None, done: false }
    };
    match goal.address {
        Some(address) => vec![lane(address, None)],
        None => found.iter().map(|entry| lane(entry.address, entry.skip)).collect(),
    }
}

/// Closes a lane without an attempt.
fn set_aside(target: &mut Target, index: usize, now: Instant, outcome: Outcome, reason: Reason) {
    let lane = &mut target.lanes[index];
    lane.done = true;
    let attempt = Attempt::skipped(lane.address, lane.tries + 1, now - target.started, outcome, reason);
    target.attempts.push((index, attempt));
}

#[cfg(test)]
mod tests;
