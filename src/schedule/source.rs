//! What the source is asked for, and what the lookups of its batches come to.

use super::*;

/// Batches that are read ahead at most: literals behind so many unanswered names still start.
const MOST_BATCHES: usize = 1024;

impl Schedule {
    /// Whether the source has more may be another answer now.
    pub(super) fn ask_again(&mut self, now: Instant) {
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
    pub(super) fn draw(&mut self) -> Option<Step> {
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

    pub(super) fn next(&mut self, now: Instant, next: Next) {
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

    pub(super) fn looked_up(&mut self, now: Instant, id: LookupId, result: Result<Vec<Resolved>, LookupFailure>) {
        // An answer may cross our giving up.
        if !self.lookups.is_asked(id) {
            return;
        }
        match id.family {
            None => self.lookup_ended(now, id.batch, result),
            Some(family) => self.family_answered(now, id.batch, family, result),
        }
    }

    pub(super) fn lookup_ended(&mut self, now: Instant, id: BatchId, result: Result<Vec<Resolved>, LookupFailure>) {
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

    pub(super) fn family_answered(
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
    pub(super) fn late_answer(&mut self, now: Instant, id: BatchId) {
        let Some((lookup, addresses)) = self.lookups.complete(id) else { return };
        for key in self.waiting_for(id) {
            self.probes[key].join(Arc::clone(&lookup), &addresses);
            self.advance(now, key);
        }
    }

    /// Targets that wait for the late answer of a batch.
    pub(super) fn waiting_for(&self, id: BatchId) -> Vec<usize> {
        self.probes.iter().filter(|(_, probe)| probe.late == Some(id)).map(|(key, _)| key).collect()
    }

    pub(super) fn may_retry_lookup(&self, id: BatchId, failure: &LookupFailure) -> bool {
        self.stopped.is_none()
            && self.lookups.tries(id) <= self.policy.retries
            && failure.error.is_none_or(|code| codes::describe(code).retryable)
    }
}
