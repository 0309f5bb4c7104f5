//! Batches of targets and their lookups: queued, asked, paused before another try, ready.

use std::collections::{BTreeSet, VecDeque};
use std::iter::Peekable;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use slab::Slab;

use super::answers::{Answers, Begin};
use super::order::Place;
use super::plan::{Batch, BatchId, LookupFailure, LookupId, Name, Resolved, Target};
use crate::model::{By, Family, Lookup, Protocol, Reason};

/// An instant, and what the wall clock read then.
#[derive(Debug, Clone, Copy)]
pub struct Moment {
    /// The monotonic clock.
    pub at: Instant,
    /// The wall clock.
    pub wall: SystemTime,
}

/// Batches that have been read and not used up.
pub struct Lookups {
    /// Lookups under way at most; one more where both families of a name are asked for apart.
    most: usize,
    apart: bool,
    /// Lookups under way, abandoned ones included: nothing ends getaddrinfo().
    under_way: usize,
    batches: Slab<Pending>,
    /// Batches whose lookup is to begin.
    queue: VecDeque<BatchId>,
    /// Batches that have targets to give, in the order in which they were read.
    ready: BTreeSet<(u64, BatchId)>,
    read: u64,
}

/// Invariant: at least one target is left, or those that were drawn wait for an answer that is late.
struct Pending {
    /// Its place among all that were read.
    number: u64,
    protocol: Protocol,
    targets: Peekable<Box<dyn Iterator<Item = Target> + Send>>,
    /// Targets that were drawn.
    drawn: u64,
    /// When the first lookup began. The first target has waited since then.
    began: Option<Moment>,
    tries: u32,
    /// What is known of each family, where they are asked for apart.
    answers: Option<Answers>,
    /// The name that answered, where it is not the one that was asked for; of two answers, the first one's.
    canonical: Option<Arc<str>>,
    state: State,
}

enum State {
    /// To be asked, for the first time or again after a failure.
    Queued {
        name: Name,
        failure: Option<LookupFailure>,
    },
    Asked {
        name: Name,
        deadline: Option<Instant>,
    },
    /// The last try failed. The next one begins at that instant.
    Paused {
        name: Name,
        failure: LookupFailure,
        until: Instant,
    },
    Ready {
        lookup: Arc<Lookup>,
        addresses: Arc<[Resolved]>,
        /// The family whose addresses are still to come, and until when they may.
        late: Option<(Family, Option<Instant>)>,
    },
    /// While it changes.
    Changing,
}

/// A target that has left its batch.
pub struct Drawn {
    /// The target.
    pub target: Target,
    /// Where it stands among all.
    pub place: Place,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// When the lookup began, for the first target of a batch.
    pub began: Option<Moment>,
    /// How the lookup went.
    pub lookup: Arc<Lookup>,
    /// What it gave.
    pub addresses: Arc<[Resolved]>,
    /// The batch, where the addresses of a family are still to come.
    pub late: Option<BatchId>,
}

/// What becomes of a batch that a signal leaves behind.
pub struct Dropped {
    /// Its lookups that were under way.
    pub asked: Vec<LookupId>,
    /// The target that had waited for the lookup, and since when; what an earlier try came to.
    pub waiting: Option<(Target, Protocol, Moment, Option<LookupFailure>)>,
    /// Where that target stands among all.
    pub place: Place,
    /// Further targets were left.
    pub more: bool,
}

impl Lookups {
    /// Without batches; `most` lookups at the same time. `apart`: both families of a name are asked for apart.
    pub fn new(most: usize, apart: bool) -> Self {
        let (batches, queue, ready) = (Slab::new(), VecDeque::new(), BTreeSet::new());
        Lookups { most, apart, under_way: 0, batches, queue, ready, read: 0 }
    }

    /// Batches held.
    pub fn len(&self) -> usize {
        self.batches.len()
    }

    /// Whether no batch is held.
    pub fn is_empty(&self) -> bool {
        self.batches.is_empty()
    }

    /// Whether a batch has a target to give.
    pub fn is_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Takes a batch in. One without targets is dropped.
    pub fn add(&mut self, Batch { protocol, name, targets }: Batch) {
        let mut targets = targets.peekable();
        if targets.peek().is_none() {
            return;
        }
        let (number, named) = (self.read, name.is_some());
        self.read += 1;
        let state = match name {
            Some(name) => State::Queued { name, failure: None },
            None => State::Ready {
                lookup: Arc::new(Lookup { addresses: 1, ..Lookup::default() }),
                addresses: [].into(),
                late: None,
            },
        };
        let pending = Pending {
            number,
            protocol,
            targets,
            drawn: 0,
            began: None,
            tries: 0,
            answers: None,
            canonical: None,
            state,
        };
        let id = BatchId(self.batches.insert(pending));
        if named {
            self.queue.push_back(id);
        } else {
            self.ready.insert((number, id));
        }
    }

    /// Begins the next lookup, if one is queued and a place is free. Its timeout counts from here. [`Lookups::asked_of`]
    /// has the questions to ask.
    pub fn begin(&mut self, now: Moment, deadline: Option<Instant>) -> Option<(BatchId, Name, Protocol)> {
        if self.under_way >= self.most {
            return None;
        }
        let id = self.queue.pop_front()?;
        let batch = &mut self.batches[id.0];
        let State::Queued { name, .. } = batch.take_state() else { return None };
        batch.began.get_or_insert(now);
        batch.tries += 1;
        batch.answers = (self.apart && matches!(name, Name::Host(_))).then(Answers::default);
        batch.state = State::Asked { name: name.clone(), deadline };
        let protocol = batch.protocol;
        self.under_way += self.asked_of(id).len();
        Some((id, name, protocol))
    }

    /// The lookups of a batch that are under way and wanted.
    pub fn asked_of(&self, id: BatchId) -> Vec<LookupId> {
        self.batches.get(id.0).map(|batch| batch.asked(id)).unwrap_or_default()
    }

    /// A lookup, abandoned or not, has ended and gives its place back.
    pub fn over(&mut self) {
        debug_assert!(self.under_way > 0, "a lookup ends once");
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Whether the lookup is under way and wanted.
    pub fn is_asked(&self, id: LookupId) -> bool {
        self.asked_of(id.batch).contains(&id)
    }

    /// Whether a lookup of the batch has that deadline and has not ended.
    pub fn is_due(&self, id: BatchId, at: Instant) -> bool {
        let state = self.batches.get(id.0).map(|batch| &batch.state);
        let deadline = match state {
            Some(State::Asked { deadline, .. } | State::Ready { late: Some((_, deadline)), .. }) => *deadline,
            _ => None,
        };
        deadline == Some(at)
    }

    /// Takes the name that answered.
    pub fn name(&mut self, id: LookupId, canonical: Arc<str>) {
        if self.is_asked(id) {
            self.batches[id.batch.0].canonical.get_or_insert(canonical);
        }
    }

    /// Takes the answer about one family.
    pub fn hear(
        &mut self,
        now: Instant,
        id: BatchId,
        family: Family,
        result: Result<Vec<Resolved>, LookupFailure>,
    ) -> Option<Begin> {
        let batch = &mut self.batches[id.0];
        let answers = batch.answers.as_mut()?;
        answers.hear(now, family, result);
        matches!(batch.state, State::Asked { .. }).then(|| answers.begin())
    }

    /// Whether the batch waits for the second family until that instant.
    pub fn delays_until(&self, id: BatchId, at: Instant) -> bool {
        let asked = |batch: &&Pending| matches!(batch.state, State::Asked { .. });
        let answers = self.batches.get(id.0).filter(asked).and_then(|batch| batch.answers.as_ref());
        answers.is_some_and(|answers| answers.begin() == Begin::At(at))
    }

    /// What both families came to so far.
    pub fn gathered(&self, id: BatchId) -> Result<Vec<Resolved>, LookupFailure> {
        let answers = self.batches[id.0].answers.clone().unwrap_or_default();
        let addresses = answers.sorted();
        match answers.failure() {
            Some(failure) if addresses.is_empty() => Err(failure),
            _ => Ok(addresses),
        }
    }

    /// The late answer of a batch is there: what is known of the name now. A batch without further targets is dropped.
    pub fn complete(&mut self, id: BatchId) -> Option<(Arc<Lookup>, Arc<[Resolved]>)> {
        let batch = &mut self.batches[id.0];
        let answers = batch.answers.as_ref()?;
        let (found, duplicates) = distinct(&answers.sorted());
        let failure = answers.failure();
        let State::Ready { lookup, addresses, late } = &mut batch.state else { return None };
        let (elapsed, canonical) = (lookup.elapsed, batch.canonical.clone());
        let known = Lookup { elapsed, canonical, ..of_families(found.len(), duplicates, failure) };
        (*lookup, *addresses, *late) = (Arc::new(known), found.into(), None);
        let known = (Arc::clone(lookup), Arc::clone(addresses));
        if batch.targets.peek().is_none() {
            self.batches.remove(id.0);
        }
        Some(known)
    }

    /// No target that was drawn waits for the late answer any more: gives the lookup that nobody wants then.
    pub fn forget(&mut self, id: BatchId) -> Option<LookupId> {
        let batch = self.batches.get_mut(id.0)?;
        if batch.targets.peek().is_some() {
            return None;
        }
        self.batches.remove(id.0).asked(id).pop()
    }

    /// Whether the batch pauses until that instant.
    pub fn pauses_until(&self, id: BatchId, at: Instant) -> bool {
        let state = self.batches.get(id.0).map(|batch| &batch.state);
        matches!(state, Some(State::Paused { until, .. }) if *until == at)
    }

    /// Tries of the lookup so far.
    pub fn tries(&self, id: BatchId) -> u32 {
        self.batches[id.0].tries
    }

    /// The lookup failed, and is tried again at `until`.
    pub fn pause(&mut self, id: BatchId, failure: LookupFailure, until: Instant) {
        let batch = &mut self.batches[id.0];
        if let State::Asked { name, .. } = batch.take_state() {
            batch.state = State::Paused { name, failure, until };
        }
    }

    /// The pause is over.
    pub fn queue_again(&mut self, id: BatchId) {
        let batch = &mut self.batches[id.0];
        if let State::Paused { name, failure, .. } = batch.take_state() {
            batch.state = State::Queued { name, failure: Some(failure) };
            self.queue.push_back(id);
        }
    }

    /// The lookup gave addresses. Each address is kept once.
    pub fn resolved(&mut self, now: Instant, id: BatchId, given: &[Resolved]) {
        let (addresses, duplicates) = distinct(given);
        let failure = self.batches[id.0].answers.as_ref().and_then(Answers::failure);
        self.answered(now, id, of_families(addresses.len(), duplicates, failure), addresses.into());
    }

    /// The lookup failed for good. Every target of the batch shares its failure.
    pub fn unresolved(&mut self, now: Instant, id: BatchId, failure: LookupFailure) {
        self.answered(now, id, failure.into(), [].into());
    }

    fn answered(&mut self, now: Instant, id: BatchId, lookup: Lookup, addresses: Arc<[Resolved]>) {
        let batch = &mut self.batches[id.0];
        let elapsed = batch.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began.at));
        let deadline = match batch.state {
            State::Asked { deadline, .. } => deadline,
            _ => None,
        };
        let unanswered = batch.asked(id).iter().find_map(|asked| asked.family);
        let lookup = Arc::new(Lookup { elapsed, unanswered, canonical: batch.canonical.clone(), ..lookup });
        batch.state = State::Ready { lookup, addresses, late: unanswered.map(|family| (family, deadline)) };
        self.ready.insert((batch.number, id));
    }

    /// The number of the first batch that is ready.
    pub fn next_batch(&self) -> Option<u64> {
        self.ready.first().map(|&(number, _)| number)
    }

    /// The next target of the first batch that is ready.
    pub fn draw(&mut self) -> Option<Drawn> {
        let &(number, id) = self.ready.first()?;
        let batch = &mut self.batches[id.0];
        let State::Ready { lookup, addresses, late } = &batch.state else { return None };
        let (lookup, addresses, late) = (Arc::clone(lookup), Arc::clone(addresses), late.map(|_| id));
        let (target, protocol, began) = (batch.targets.next()?, batch.protocol, batch.began.take());
        let last = batch.targets.peek().is_none();
        let place = batch.place(last);
        batch.drawn += 1;
        if last {
            self.ready.remove(&(number, id));
            if late.is_none() {
                self.batches.remove(id.0);
            }
        }
        Some(Drawn { target, place, protocol, began, lookup, addresses, late })
    }

    /// Lookups that are under way and wanted.
    pub fn asked(&self) -> Vec<LookupId> {
        self.batches.iter().flat_map(|(id, batch)| batch.asked(BatchId(id))).collect()
    }

    /// The deadline came before these lookups began. What an earlier try came to is known; otherwise the targets of the
    /// batch are reported as not tried.
    pub fn never_ask(&mut self, now: Instant) {
        self.queue.clear();
        for id in self.in_order() {
            let failure = match self.batches[id.0].take_state() {
                State::Queued { failure, .. } => failure,
                State::Paused { failure, .. } => Some(failure),
                other => {
                    self.batches[id.0].state = other;
                    continue;
                }
            };
            let reason = Some(Reason::Deadline);
            let not_asked = Lookup { by: Some(By::Limit), reason, ..Lookup::default() };
            self.answered(now, id, failure.map_or(not_asked, Lookup::from), [].into());
        }
    }

    /// Drops every batch.
    pub fn clear(&mut self) {
        self.batches.clear();
        self.queue.clear();
        self.ready.clear();
    }

    /// Drops every batch and tells what was lost, in the order in which they were read.
    pub fn drop_all(&mut self) -> Vec<Dropped> {
        let ids = self.in_order();
        let dropped = ids.into_iter().map(|id| self.batches.remove(id.0).dropped(id)).collect();
        self.clear();
        dropped
    }

    fn in_order(&self) -> Vec<BatchId> {
        let mut ids: Vec<(u64, BatchId)> = self.batches.iter().map(|(id, batch)| (batch.number, BatchId(id))).collect();
        ids.sort_unstable();
        ids.into_iter().map(|(_, id)| id).collect()
    }
}

impl Pending {
    /// Where the next target stands among all.
    fn place(&self, last: bool) -> Place {
        Place { batch: self.number, target: self.drawn, last }
    }

    fn take_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Changing)
    }

    /// The lookups that are under way and wanted.
    fn asked(&self, id: BatchId) -> Vec<LookupId> {
        let ask = |family| LookupId { batch: id, family };
        match (&self.state, &self.answers) {
            (State::Asked { .. }, None) => vec![ask(None)],
            (State::Asked { .. } | State::Ready { late: Some(_), .. }, Some(answers)) => {
                answers.pending().into_iter().map(|family| ask(Some(family))).collect()
            }
            _ => Vec::new(),
        }
    }

    /// One target tells of a lookup that had begun; of a batch that was not begun none does.
    fn dropped(mut self, id: BatchId) -> Dropped {
        let (asked, place) = (self.asked(id), self.place(false));
        let failure = match self.take_state() {
            State::Asked { .. } => None,
            State::Queued { failure, .. } => failure,
            State::Paused { failure, .. } => Some(failure),
            State::Ready { .. } | State::Changing => {
                return Dropped { asked, waiting: None, place, more: self.targets.peek().is_some() };
            }
        };
        let began = self.began;
        let waiting = began.and_then(|began| Some((self.targets.next()?, self.protocol, began, failure)));
        Dropped { asked, waiting, place, more: self.targets.peek().is_some() }
    }
}

/// Each address once, and how many came again.
fn distinct(given: &[Resolved]) -> (Vec<Resolved>, usize) {
    let mut addresses: Vec<Resolved> = Vec::with_capacity(given.len());
    for entry in given {
        if !addresses.iter().any(|known| same_host(known.address, entry.address)) {
            addresses.push(*entry);
        }
    }
    let duplicates = given.len() - addresses.len();
    (addresses, duplicates)
}

/// A lookup that gave addresses; the failure is that of the other family.
fn of_families(addresses: usize, duplicates: usize, failure: Option<LookupFailure>) -> Lookup {
    Lookup { addresses, duplicates, ..failure.map(Lookup::from).unwrap_or_default() }
}

fn same_host(a: SocketAddr, b: SocketAddr) -> bool {
    match (a, b) {
        (SocketAddr::V6(a), SocketAddr::V6(b)) => a.ip() == b.ip() && a.scope_id() == b.scope_id(),
        _ => a.ip() == b.ip(),
    }
}
