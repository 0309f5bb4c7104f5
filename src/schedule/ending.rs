//! How a run ends before its targets do: by the deadline, by a signal, or because nobody reads.

use super::*;

/// Targets that are reported one by one although the deadline left them out, whether they waited for room or were not read
/// yet: enough for any list, while a network that has millions left does not outlast the deadline.
pub(super) const MOST_LEFT_OUT: usize = 10_000;

impl End {
    /// Why attempts in flight are ended.
    pub(super) fn stop(self) -> Stop {
        match self {
            End::Deadline => Stop::Deadline,
            End::NobodyReads | End::Signal => Stop::Interrupted,
        }
    }
}

impl Schedule {
    /// Ends the run when its deadline has passed or something told so; a look at the sockets comes before.
    pub(super) fn end_run(&mut self, now: Instant) -> Option<Step> {
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
    pub(super) fn stop(&mut self, now: Instant, end: End) {
        self.stopped = Some(end);
        self.ready.clear();
        self.hosts.clear();
        self.give_up_all(end.stop());
        match end {
            End::Deadline => self.end_lookups(now),
            End::NobodyReads | End::Signal => self.drop_lookups(now),
        }
        let reason = if end == End::Deadline { Reason::Deadline } else { Reason::Signal };
        let keys: Vec<usize> = self.probes.iter().map(|(key, _)| key).collect();
        for key in keys {
            self.probes[key].cut(now, reason);
            self.left_out += usize::from(!self.probes[key].was_tried());
            self.settle(now, key);
        }
        let reports = self.paths.stop();
        self.report(reports);
    }

    /// A thread that was to make the attempt learned first that the run is over.
    pub(super) fn not_begun(&mut self, now: Instant, id: AttemptId) {
        let Some(Running { owner, .. }) = self.running.try_remove(id.0) else {
            return debug_assert!(false, "an attempt was not begun that was not ordered");
        };
        match owner {
            Owner::Candidate { probe, candidate } => {
                self.slots.give_back();
                self.probes[probe].candidates[candidate].postpone();
                self.probes[probe].cut(now, Reason::Signal);
                self.settle(now, probe);
            }
            Owner::Check => self.slots.give_back(),
            Owner::Hop { path, .. } | Owner::Answer { path } => {
                let reports = self.paths.not_begun(path);
                self.report(reports);
            }
        }
    }

    pub(super) fn give_up_all(&mut self, why: Stop) {
        for (id, running) in self.running.iter_mut().filter(|(_, running)| !running.given_up) {
            running.given_up = true;
            self.out.push_back(Step::GiveUp(AttemptId(id), why, self.looked));
        }
    }

    /// Their own timeout ended them, or the deadline cut them short.
    pub(super) fn give_up_lookups(&mut self, now: Instant, lookups: Vec<LookupId>, cut_short: bool) {
        for id in lookups {
            self.out.push_back(Step::Abandon(id));
            self.looked_up(now, id, Err(lookup_timed_out(cut_short)));
        }
    }

    /// The deadline ends every lookup. A lookup that was under way has failed; the others were not asked.
    pub(super) fn end_lookups(&mut self, now: Instant) {
        self.give_up_lookups(now, self.lookups.asked(), true);
        self.lookups.never_ask(now);
    }

    /// A signal drops what was not begun. Of the targets that wait for a lookup under way, one is reported.
    pub(super) fn drop_lookups(&mut self, now: Instant) {
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
            let place = dropped.place;
            let report = Probe::unresolved(target, place, protocol, began, lookup).report(&self.policy, now);
            self.report([(place, Report { outcome, ..report })]);
        }
    }

    /// Reports one target that the deadline left out, or drops the rest where there are too many.
    pub(super) fn leave_out(&mut self, now: Instant) -> Option<Step> {
        self.left_out += usize::from(self.lookups.is_ready());
        if self.left_out > MOST_LEFT_OUT {
            self.lookups.clear();
            self.source = Source::Exhausted;
            self.ended.unread = true;
            return None;
        }
        let mut probe = self.next_target(now)?;
        probe.skip(now);
        probe.cut(now, Reason::Deadline);
        let key = self.probes.insert(probe);
        self.settle(now, key);
        self.out.pop_front()
    }
}
