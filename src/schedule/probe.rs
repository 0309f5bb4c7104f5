//! One target on its way: its candidate addresses, their tries, its end.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::lookups::{Drawn, Moment};
use super::order::Place;
use super::plan::{AttemptId, BatchId, Policy, Resolved, Target};
use crate::classify::requirement::{holds, last_word, overall, partial};
use crate::classify::verdict;
use crate::model::{Attempt, Family, Lookup, Outcome, Protocol, Reason, Report, Strategy};

/// A candidate waits for what this machine lacks at most this often.
const MOST_WAITS: u32 = 60;

/// A self-connect is tried again from another port at most this often. Each try hits one port of the ephemeral range, so
/// the chance of this many in a row is nil.
const SELF_CONNECT_TRIES: u32 = 8;

/// Tries of one address that are reported at most: the first and the last ones. The numbers of the tries tell how many
/// there were.
const MOST_TRIES: usize = 100;

/// A target that has been drawn and not been decided.
pub struct Probe {
    target: Target,
    /// Where it stands among all targets.
    pub place: Place,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// When it began: with its lookup, if it waited for one.
    pub started: Instant,
    started_at: SystemTime,
    lookup: Arc<Lookup>,
    /// In the resolver's order; what came late is at the end.
    pub candidates: Vec<Candidate>,
    /// The batch that still waits for the addresses of one family.
    pub late: Option<BatchId>,
    /// When the strategy is to be asked again, though nothing ended.
    pub due: Option<Instant>,
}

/// One address of a target.
pub struct Candidate {
    /// Where to.
    pub address: SocketAddr,
    /// How far it is.
    pub stage: Stage,
    /// Its place in the order of first attempts.
    pub turn: Option<usize>,
    /// When connect() was called last.
    pub started: Option<Instant>,
    /// When the last try ended.
    pub ended: Option<Instant>,
    /// The attempt in flight is connected, and held.
    pub held: bool,
    skip: Option<Reason>,
    tries: u32,
    self_connects: u32,
    /// How often it waited for what this machine lacked.
    waits: u32,
    attempts: Vec<Attempt>,
}

/// How far a candidate is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The strategy has not asked for it.
    Waiting,
    /// It waits for a slot.
    Queued,
    /// An attempt is in flight.
    Running(AttemptId),
    /// The attempt in flight is being ended.
    Ending,
    /// The last try failed; the next one is due at that instant.
    Paused(Instant),
    /// Decided.
    Done,
}

/// What is to be done for a target now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Move {
    /// Try this candidate.
    Start(usize),
    /// Ask again at that instant: a candidate is due then.
    Wait(Instant),
    /// End the attempt in flight at this candidate: another one was faster.
    Cancel(usize),
    /// Try this candidate no more: another one was enough.
    SetAside(usize),
    /// Nothing, until a candidate ends.
    Nothing,
}

impl Probe {
    /// A target that begins now, or began with its lookup.
    pub fn new(drawn: Drawn, now: Moment) -> Self {
        let Drawn { target, place, protocol, began, lookup, addresses, late } = drawn;
        let candidates = match target.address {
            Some(address) => vec![Candidate::new(address, target.port, None)],
            None => addresses.iter().map(|entry| Candidate::new(entry.address, target.port, entry.skip)).collect(),
        };
        let Moment { at: started, wall: started_at } = began.unwrap_or(now);
        Probe { target, place, protocol, started, started_at, lookup, candidates, late, due: None }
    }

    /// A target whose lookup never ended.
    pub fn unresolved(target: Target, place: Place, protocol: Protocol, began: Moment, lookup: Lookup) -> Self {
        let Moment { at: started, wall: started_at } = began;
        let lookup = Arc::new(lookup);
        Probe { target, place, protocol, started, started_at, lookup, candidates: Vec::new(), late: None, due: None }
    }

    /// The answer that was late is there: the addresses that are new become candidates.
    pub fn join(&mut self, lookup: Arc<Lookup>, addresses: &[Resolved]) {
        (self.late, self.lookup) = (None, lookup);
        for entry in addresses {
            let candidate = Candidate::new(entry.address, self.target.port, entry.skip);
            if self.candidates.iter().all(|known| known.address != candidate.address) {
                self.candidates.push(candidate);
            }
        }
    }

    /// Closes the candidates that would be skipped, where none is tried any more.
    pub fn skip(&mut self, now: Instant) {
        for index in 0..self.candidates.len() {
            if let Some(reason) = self.candidates[index].skip {
                self.set_aside(index, now, Outcome::Skipped, reason);
            }
        }
    }

    /// Closes a candidate without an attempt.
    pub fn set_aside(&mut self, index: usize, now: Instant, outcome: Outcome, reason: Reason) {
        let started = now.saturating_duration_since(self.started);
        let candidate = &mut self.candidates[index];
        candidate.stage = Stage::Done;
        let attempt = Attempt::skipped(candidate.address, candidate.tries + 1, started, outcome, reason);
        candidate.attempts.push(attempt);
    }

    /// Tries a candidate no more, because another one was enough. What it came to so far is kept.
    pub fn leave(&mut self, index: usize, now: Instant) {
        let candidate = &self.candidates[index];
        match candidate.tries {
            0 => self.set_aside(index, now, Outcome::Skipped, candidate.skip.unwrap_or(Reason::Enough)),
            _ => self.candidates[index].stage = Stage::Done,
        }
    }

    /// The end of the run closes the candidates that are not in flight. A candidate that paused before a further try keeps
    /// what it came to.
    pub fn cut(&mut self, now: Instant, reason: Reason) {
        self.late = None;
        for index in 0..self.candidates.len() {
            let candidate = &mut self.candidates[index];
            match candidate.stage {
                Stage::Done | Stage::Running(_) | Stage::Ending => {}
                _ if candidate.tries > 0 => candidate.stage = Stage::Done,
                _ => self.set_aside(index, now, Outcome::Skipped, reason),
            }
        }
    }

    /// Whether every candidate is decided, and no further one can change what the target comes to.
    pub fn is_decided(&self) -> bool {
        let more = self.late.is_some() && !self.candidates.iter().any(Candidate::has_connected);
        !more && self.candidates.iter().all(|candidate| candidate.stage == Stage::Done)
    }

    /// Whether connect() was called for one of its addresses.
    pub fn was_tried(&self) -> bool {
        self.candidates.iter().any(|candidate| candidate.tries > 0)
    }

    /// Whether there is anything to report: a signal before the first attempt leaves nothing.
    pub fn was_begun(&self) -> bool {
        self.candidates.is_empty() || self.candidates.iter().any(Candidate::was_begun)
    }

    /// The report on a target whose every candidate is decided.
    pub fn report(mut self, policy: &Policy, now: Instant) -> Report {
        if policy.strategy == Strategy::Race {
            // A race is read in the order of its starts; what was not tried comes last.
            self.candidates.sort_by_key(|candidate| (candidate.turn.is_none(), candidate.turn));
        }
        let finals: Vec<&Attempt> =
            self.candidates.iter().filter_map(|candidate| last_word(candidate.attempts.iter())).collect();
        let Policy { require, whole, .. } = *policy;
        let good = holds(require, whole, &finals, &self.lookup);
        let outcome = overall(require, good, &finals, &self.lookup);
        let partial = partial(require, whole, good, &finals);
        Report {
            target: self.target.text,
            host: self.target.host,
            port: self.target.port,
            protocol: self.protocol,
            mode: policy.mode,
            strategy: policy.strategy,
            started_at: self.started_at,
            elapsed: now.saturating_duration_since(self.started),
            outcome,
            good,
            partial,
            retries: policy.retries,
            expected: require.expected(),
            lookup: Lookup { ascii: self.target.ascii, ..Arc::unwrap_or_clone(self.lookup) },
            attempts: attempts(self.candidates),
            trace: None,
            round: None,
        }
    }
}

/// Those of one candidate are moved, not copied: most targets have one.
fn attempts(mut candidates: Vec<Candidate>) -> Vec<Attempt> {
    match &mut candidates[..] {
        [only] => std::mem::take(&mut only.attempts),
        _ => candidates.into_iter().flat_map(|candidate| candidate.attempts).collect(),
    }
}

impl Candidate {
    fn new(mut address: SocketAddr, port: u16, skip: Option<Reason>) -> Self {
        address.set_port(port);
        Candidate {
            address,
            stage: Stage::Waiting,
            turn: None,
            started: None,
            ended: None,
            held: false,
            skip,
            tries: 0,
            self_connects: 0,
            waits: 0,
            attempts: Vec::new(),
        }
    }

    /// Its family.
    pub fn family(&self) -> Family {
        Family::of(self.address.ip())
    }

    /// Whether it is decided, and connected.
    pub fn has_connected(&self) -> bool {
        self.stage == Stage::Done && self.last().is_some_and(|attempt| attempt.outcome == Outcome::Connected)
    }

    /// Whether it has won a race: it is connected, and perhaps held.
    pub fn has_won(&self) -> bool {
        self.held || self.has_connected()
    }

    /// Whether connect() was called, or another reason than a signal kept it from being called.
    fn was_begun(&self) -> bool {
        self.tries > 0 || self.waits > 0 || self.attempts.iter().any(|attempt| attempt.reason != Some(Reason::Signal))
    }

    /// What the last try came to.
    pub fn last(&self) -> Option<&Attempt> {
        self.attempts.last()
    }

    /// Another try is in flight; gives its number. `turn` is its place if it is the first one.
    pub fn begin(&mut self, attempt: AttemptId, turn: usize) -> u32 {
        self.tries += 1;
        self.turn.get_or_insert(turn);
        self.started = None;
        self.stage = Stage::Running(attempt);
        self.tries
    }

    /// The try was not made for lack of room, and its turn comes again.
    pub fn postpone(&mut self) {
        self.tries -= 1;
        self.stage = Stage::Queued;
    }

    /// Why an address of a family that seems to have no route is skipped, now that connect() has found none. Only connect()
    /// knows: rules may look at protocol and port (ip-rule(8)).
    pub fn skipped_by(&self, attempt: &Attempt) -> Option<Reason> {
        self.skip.filter(|_| verdict::finds_no_route(attempt))
    }

    /// Whether it waits once more for what this machine lacks.
    pub fn may_wait(&mut self) -> bool {
        self.waits += 1;
        self.waits <= MOST_WAITS
    }

    /// A try came to this, at `now`.
    pub fn record(&mut self, now: Instant, attempt: Attempt) {
        (self.ended, self.held) = (Some(now), false);
        self.self_connects += u32::from(attempt.outcome == Outcome::SelfConnected);
        if self.attempts.len() == MOST_TRIES {
            self.attempts.remove(MOST_TRIES / 2);
        }
        // Most candidates have one try, and many may wait for another one.
        self.attempts.reserve_exact(1);
        self.attempts.push(attempt);
    }

    /// Whether, and after what pause, another try is made after one that came to this.
    pub fn again(&self, attempt: &Attempt, policy: &Policy) -> Option<Duration> {
        if attempt.outcome == Outcome::SelfConnected {
            let again = !policy.fixed_port && self.self_connects + 1 < SELF_CONNECT_TRIES;
            return again.then_some(Duration::ZERO);
        }
        let tries = self.tries - self.self_connects;
        let again = verdict::retryable(attempt) && !policy.require.accepts(attempt.outcome);
        (again && tries <= policy.retries).then_some(policy.retry_delay)
    }
}
