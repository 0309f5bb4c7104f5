//! What begins: lookups, hops, attempts, targets; and when a target is decided.

use super::*;

impl Schedule {
    /// Begins a lookup, a hop or an attempt, if one is to begin and may.
    pub(super) fn begin(&mut self, now: Instant) -> Option<Step> {
        match self.stopped {
            None => self.begin_lookup(now).or_else(|| self.begin_hop(now)).or_else(|| self.begin_attempt(now)),
            // What runs is reported first.
            Some(End::Deadline) if self.running.is_empty() => self.leave_out(now),
            Some(_) => None,
        }
    }

    pub(super) fn begin_lookup(&mut self, now: Instant) -> Option<Step> {
        let deadline = earliest(self.policy.lookup_timeout.map(|timeout| now + timeout), self.policy.deadline);
        let (id, name, protocol) = self.lookups.begin(self.moment(now), deadline)?;
        if let Some(deadline) = deadline {
            self.timers.push(deadline, Timer::Lookup(id));
        }
        let steps = self.lookups.asked_of(id).into_iter().map(|id| Step::Lookup(id, name.clone(), protocol));
        self.out.extend(steps);
        self.out.pop_front()
    }

    pub(super) fn moment(&self, now: Instant) -> Moment {
        let (epoch, wall) = self.policy.epoch;
        Moment { at: now, wall: wall + now.saturating_duration_since(epoch) }
    }

    pub(super) fn begin_hop(&mut self, now: Instant) -> Option<Step> {
        let (path, connect) = self.paths.next(now, 1)?;
        let owner = connect.hop.map_or(Owner::Answer { path }, |ttl| Owner::Hop { path, ttl });
        Some(Step::Connect(self.run(owner), connect))
    }

    pub(super) fn begin_attempt(&mut self, now: Instant) -> Option<Step> {
        while self.slots.may_start(now) {
            if let Some((probe, candidate)) = self.ready.pop_front() {
                let address = self.probes[probe].candidates[candidate].address.ip();
                if self.hosts.has_room(now, address) {
                    if let Some(known) = self.hosts.check(now, address) {
                        self.ready.push_front((probe, candidate));
                        return Some(self.start_check(now, known));
                    }
                    return Some(self.start(now, probe, candidate));
                }
                self.hosts.stall(address, (probe, candidate));
                continue;
            }
            match self.hosts.next(now) {
                Some(hosts::Next::Target((probe, candidate))) => return Some(self.start(now, probe, candidate)),
                Some(hosts::Next::Check(known)) => return Some(self.start_check(now, known)),
                None => {}
            }
            if !self.may_begin_target() || !self.begin_target(now) {
                return None;
            }
            // A target whose every address is skipped is reported at once.
            if let Some(step) = self.out.pop_front() {
                return Some(step);
            }
        }
        None
    }

    pub(super) fn start(&mut self, now: Instant, probe: usize, candidate: usize) -> Step {
        self.slots.take(now);
        let id = self.run(Owner::Candidate { probe, candidate });
        let protocol = self.probes[probe].protocol;
        let candidates = &mut self.probes[probe].candidates;
        let turn = candidates.iter().filter(|candidate| candidate.turn.is_some()).count();
        let candidate = &mut candidates[candidate];
        let number = candidate.begin(id, turn);
        self.hosts.begin(now, candidate.address.ip(), false);
        Step::Connect(id, Connect { address: candidate.address, protocol, number, hop: None, least_ttl: None })
    }

    /// Asks a target once more that has refused: the pace wants to know what is lost. Nobody reports it.
    fn start_check(&mut self, now: Instant, address: SocketAddr) -> Step {
        self.slots.take(now);
        let id = self.run(Owner::Check);
        self.hosts.begin(now, address.ip(), true);
        Step::Connect(id, Connect { address, protocol: Protocol::Tcp, number: 1, hop: None, least_ttl: None })
    }

    pub(super) fn run(&mut self, owner: Owner) -> AttemptId {
        AttemptId(self.running.insert(Running { owner, started: None, limit: None, deadline: None, given_up: false }))
    }

    /// When the next attempt is due that waits for its time and for nothing else.
    pub(super) fn next_start(&self, now: Instant) -> Option<Instant> {
        if !self.slots.is_free() {
            return None;
        }
        let rate = self.slots.next_start();
        let unheld = rate.filter(|_| !self.ready.is_empty() || self.may_begin_target());
        let paced = self.hosts.next_start(now).map(|at| rate.map_or(at, |rate| rate.max(at)));
        earliest(unheld, paced)
    }

    /// Whether there is a further target, and nothing is to be waited for before it begins.
    fn may_begin_target(&self) -> bool {
        let Some(batch) = self.lookups.next_batch() else { return false };
        let in_order = self.order.as_ref().is_none_or(|order| order.has_room(batch));
        in_order && !self.paths.is_full() && !self.hosts.is_full()
    }

    /// The next target.
    pub(super) fn next_target(&mut self, now: Instant) -> Option<Probe> {
        let probe = Probe::new(self.lookups.draw()?, self.moment(now));
        if let Some(order) = &mut self.order {
            order.begin(probe.place);
        }
        Some(probe)
    }

    /// Begins the next target; false when there is none.
    pub(super) fn begin_target(&mut self, now: Instant) -> bool {
        let Some(probe) = self.next_target(now) else { return false };
        let key = self.probes.insert(probe);
        self.advance(now, key);
        true
    }

    /// Makes the moves that the strategy has for a target now, and reports it when it is decided.
    pub(super) fn advance(&mut self, now: Instant, key: usize) {
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

    pub(super) fn cancel(&mut self, now: Instant, key: usize, index: usize) {
        let candidate = &mut self.probes[key].candidates[index];
        let Stage::Running(id) = std::mem::replace(&mut candidate.stage, Stage::Ending) else { return };
        self.running[id.0].given_up = true;
        self.out.push_back(Step::GiveUp(id, Stop::Overtaken, now));
    }

    /// Reports the target when every address is decided. One that a signal came before is not reported.
    pub(super) fn settle(&mut self, now: Instant, key: usize) {
        if !self.probes[key].is_decided() {
            return;
        }
        let probe = self.probes.remove(key);
        if let Some(batch) = probe.late
            && self.waiting_for(batch).is_empty()
        {
            self.out.extend(self.lookups.forget(batch).map(Step::Abandon));
        }
        if !probe.was_begun() {
            self.ended.cut_short = true;
            return;
        }
        let place = probe.place;
        let mut report = probe.report(&self.policy, now);
        if self.policy.trace.contains(&report.protocol) {
            if self.stopped.is_none() {
                let known = self.paths.hold(now, place, report);
                return self.report(known);
            }
            report.trace = Some(Vec::new());
        }
        self.report([(place, report)]);
    }

    pub(super) fn report(&mut self, reports: impl IntoIterator<Item = (Place, Report)>) {
        for (place, report) in reports {
            match &mut self.order {
                Some(order) => self.out.extend(order.file(place, report).into_iter().map(Step::report)),
                None => self.out.push_back(Step::report(report)),
            }
        }
    }

    /// Reports what waits for targets that are never decided: the run was ended before them.
    pub(super) fn end_order(&mut self) {
        self.out.extend(self.order.iter_mut().flat_map(Order::end).map(Step::report));
    }
}
