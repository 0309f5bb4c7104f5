//! How attempts go: their deadlines, what they come to, whether they are made again.

use super::*;
use crate::model::Ended;

/// Pause before a target is tried again whose next hop found no room in the kernel's table of neighbours. The kernel asks
/// for an absent neighbour three times, a second apart (`mcast_solicit` in arp(7)).
const NEIGHBOUR_PAUSE: Duration = Duration::from_secs(1);

/// Attempts in flight, at least, where the table of neighbours is full.
const LEAST_SLOTS: usize = 64;

impl Schedule {
    pub(super) fn connecting(&mut self, now: Instant, id: AttemptId) {
        let Some(running) = self.running.get_mut(id.0) else { return };
        let timeout = match running.owner {
            Owner::Candidate { .. } | Owner::Check => self.policy.timeout,
            Owner::Hop { .. } => self.policy.timeout.or(Some(path::PATIENCE)),
            Owner::Answer { path } => Some(self.paths.patience(path)),
        };
        running.started = Some(now);
        running.limit = timeout.map(|timeout| now + timeout);
        running.deadline = earliest(running.limit, self.policy.deadline);
        if let Some(deadline) = running.deadline {
            self.timers.push(deadline, Timer::Attempt(id));
        }
        let owner = running.owner;
        self.expect_look(now, owner);
        if let (Owner::Candidate { probe, candidate }, Strategy::Race) = (owner, self.policy.strategy) {
            self.probes[probe].candidates[candidate].started = Some(now);
            self.advance(now, probe);
        }
    }

    /// An attempt is connected, and its connection is held from now on. A limit that came in the same moment was that of the
    /// connect; the end of the run stands.
    pub(super) fn held(&mut self, now: Instant, id: AttemptId) {
        let Some(running) = self.running.get_mut(id.0) else { return };
        let Owner::Candidate { probe, candidate } = running.owner else { return };
        running.limit = self.policy.hold.map(|hold| now + hold);
        running.deadline = running.limit;
        running.given_up = self.stopped.is_some();
        if let Some(end) = self.stopped {
            self.out.push_back(Step::GiveUp(id, end.stop(), now));
        }
        if let Some(deadline) = running.deadline {
            self.timers.push(deadline, Timer::Attempt(id));
        }
        self.probes[probe].candidates[candidate].held = true;
        self.advance(now, probe);
    }

    pub(super) fn attempt_ended(&mut self, now: Instant, id: AttemptId, mut attempt: Attempt) {
        let Some(Running { owner, started, limit, .. }) = self.running.try_remove(id.0) else {
            return debug_assert!(false, "an attempt ended that was not running");
        };
        self.clean_timers();
        attempt.cut_short = match attempt.ended {
            Some(Ended::Signal) => true,
            Some(Ended::Limit) => self.policy.deadline.is_some_and(|end| limit.is_none_or(|limit| end < limit)),
            _ => false,
        };
        match owner {
            Owner::Candidate { probe, candidate } => {
                if !self.policy.trace.is_empty() {
                    self.paths.heard(now, &attempt);
                }
                self.slots.give_back();
                self.candidate_ended(now, (probe, candidate), started, attempt);
            }
            Owner::Check => {
                self.slots.give_back();
                self.hosts.checked(now, &attempt);
                self.rest(now, attempt.address.ip());
            }
            Owner::Hop { path, ttl } => {
                let reports = self.paths.ended(now, path, ttl, attempt, !self.running.is_empty());
                self.report(reports);
                self.give_up_unwanted(now);
            }
            Owner::Answer { path } => {
                let reports = self.paths.answered(path, &attempt);
                self.report(reports);
            }
        }
    }

    pub(super) fn candidate_ended(
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
        let note = self.hosts.ended(now, address, &attempt);
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
        let alone = probe.candidates.len() == 1;
        let again = pause.is_none() && self.asks_again(attempt.outcome, alone);
        let held = again && self.hosts.hold(now, address, &attempt, (key, index)) == Fate::Held;
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
        self.out.extend(note.map(Step::Note));
        self.advance(now, key);
        self.rest(now, address);
    }

    /// When nothing is in flight to an address any more: its silent targets are asked again, or are decided.
    pub(super) fn rest(&mut self, now: Instant, address: IpAddr) {
        for (key, index) in self.hosts.rest(address) {
            self.probes[key].candidates[index].stage = Stage::Done;
            self.advance(now, key);
        }
    }

    /// Whether silence is looked at again: where the user did not say how often, and no other address waits for this one.
    pub(super) fn asks_again(&self, outcome: Outcome, alone: bool) -> bool {
        let default = self.policy.retries == 0 && (alone || self.policy.strategy == Strategy::All);
        outcome == Outcome::TimedOut && default && self.stopped.is_none()
    }

    /// Hops behind the end of their path teach nothing.
    pub(super) fn give_up_unwanted(&mut self, now: Instant) {
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
