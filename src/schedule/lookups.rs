//! Batches of targets and their lookups: queued, asked, paused before another try, ready.

use std::collections::{BTreeSet, VecDeque};
use std::iter::Peekable;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use slab::Slab;

use super::plan::{Batch, BatchId, LookupFailure, Name, Resolved, Target};
use crate::model::{By, Lookup, Protocol, Reason};

/// Batches that have been read and not used up.
pub struct Lookups {
    /// Lookups under way at most.
    most: usize,
    /// Lookups under way, abandoned ones included: nothing ends getaddrinfo().
    under_way: usize,
    batches: Slab<Pending>,
    /// Batches whose lookup is to begin.
    queue: VecDeque<BatchId>,
    /// Batches that have targets to give, in the order in which they were read.
    ready: BTreeSet<(u64, BatchId)>,
    read: u64,
}

/// Invariant: at least one target is left.
struct Pending {
    /// Its place among all that were read.
    number: u64,
    protocol: Protocol,
    targets: Peekable<Box<dyn Iterator<Item = Target> + Send>>,
    /// When the first lookup began. The first target has waited since then.
    began: Option<Instant>,
    tries: u32,
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
    },
    /// While it changes.
    Changing,
}

/// A target that has left its batch.
pub struct Drawn {
    /// The target.
    pub target: Target,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// When the lookup began, for the first target of a batch.
    pub began: Option<Instant>,
    /// How the lookup went.
    pub lookup: Arc<Lookup>,
    /// What it gave.
    pub addresses: Arc<[Resolved]>,
}

/// What becomes of a batch that a signal leaves behind.
pub struct Dropped {
    /// Its lookup was under way.
    pub asked: Option<BatchId>,
    /// The target that had waited for the lookup, and since when; what an earlier try came to.
    pub waiting: Option<(Target, Protocol, Instant, Option<LookupFailure>)>,
    /// Further targets were left.
    pub more: bool,
}

impl Lookups {
    /// Without batches; `most` lookups at the same time.
    pub fn new(most: usize) -> Self {
        let (batches, queue, ready) = (Slab::new(), VecDeque::new(), BTreeSet::new());
        Lookups { most, under_way: 0, batches, queue, ready, read: 0 }
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
            None => {
                State::Ready { lookup: Arc::new(Lookup { addresses: 1, ..Lookup::default() }), addresses: [].into() }
            }
        };
        let id = BatchId(self.batches.insert(Pending { number, protocol, targets, began: None, tries: 0, state }));
        if named {
            self.queue.push_back(id);
        } else {
            self.ready.insert((number, id));
        }
    }

    /// Begins the next lookup, if one is queued and a place is free. Its timeout counts from here.
    pub fn begin(&mut self, now: Instant, deadline: Option<Instant>) -> Option<(BatchId, Name, Protocol)> {
        if self.under_way >= self.most {
            return None;
        }
        let id = self.queue.pop_front()?;
        let batch = &mut self.batches[id.0];
        let State::Queued { name, .. } = batch.take_state() else { return None };
        batch.began.get_or_insert(now);
        batch.tries += 1;
        batch.state = State::Asked { name: name.clone(), deadline };
        self.under_way += 1;
        Some((id, name, batch.protocol))
    }

    /// A lookup, abandoned or not, has ended and gives its place back.
    pub fn over(&mut self) {
        debug_assert!(self.under_way > 0, "a lookup ends once");
        self.under_way = self.under_way.saturating_sub(1);
    }

    /// Whether the lookup is under way and wanted.
    pub fn is_asked(&self, id: BatchId) -> bool {
        self.batches.get(id.0).is_some_and(|batch| matches!(batch.state, State::Asked { .. }))
    }

    /// Whether the lookup has that deadline and has not ended.
    pub fn is_due(&self, id: BatchId, at: Instant) -> bool {
        let state = self.batches.get(id.0).map(|batch| &batch.state);
        matches!(state, Some(State::Asked { deadline: Some(deadline), .. }) if *deadline == at)
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
        let mut addresses: Vec<Resolved> = Vec::with_capacity(given.len());
        for entry in given {
            if !addresses.iter().any(|known| same_host(known.address, entry.address)) {
                addresses.push(*entry);
            }
        }
        let duplicates = given.len() - addresses.len();
        let lookup = Lookup { addresses: addresses.len(), duplicates, ..Lookup::default() };
        self.answered(now, id, lookup, addresses.into());
    }

    /// The lookup failed for good. Every target of the batch shares its failure.
    pub fn unresolved(&mut self, now: Instant, id: BatchId, failure: LookupFailure) {
        self.answered(now, id, failure.into(), [].into());
    }

    fn answered(&mut self, now: Instant, id: BatchId, lookup: Lookup, addresses: Arc<[Resolved]>) {
        let batch = &mut self.batches[id.0];
        let elapsed = batch.began.map_or(Duration::ZERO, |began| now.saturating_duration_since(began));
        batch.state = State::Ready { lookup: Arc::new(Lookup { elapsed, ..lookup }), addresses };
        self.ready.insert((batch.number, id));
    }

    /// The next target of the first batch that is ready.
    pub fn draw(&mut self) -> Option<Drawn> {
        let &(number, id) = self.ready.first()?;
        let batch = &mut self.batches[id.0];
        let State::Ready { lookup, addresses } = &batch.state else { return None };
        let (lookup, addresses) = (Arc::clone(lookup), Arc::clone(addresses));
        let (target, protocol, began) = (batch.targets.next()?, batch.protocol, batch.began.take());
        if batch.targets.peek().is_none() {
            self.ready.remove(&(number, id));
            self.batches.remove(id.0);
        }
        Some(Drawn { target, protocol, began, lookup, addresses })
    }

    /// Lookups that are under way and wanted.
    pub fn asked(&self) -> Vec<BatchId> {
        let asked = self.batches.iter().filter(|(_, batch)| matches!(batch.state, State::Asked { .. }));
        asked.map(|(id, _)| BatchId(id)).collect()
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
    fn take_state(&mut self) -> State {
        std::mem::replace(&mut self.state, State::Changing)
    }

    /// One target tells of a lookup that had begun; of a batch that was not begun none does.
    fn dropped(mut self, id: BatchId) -> Dropped {
        let (asked, failure) = match self.take_state() {
            State::Asked { .. } => (Some(id), None),
            State::Queued { failure, .. } => (None, failure),
            State::Paused { failure, .. } => (None, Some(failure)),
            State::Ready { .. } | State::Changing => return Dropped { asked: None, waiting: None, more: true },
        };
        let began = self.began;
        let waiting = began.and_then(|began| Some((self.targets.next()?, self.protocol, began, failure)));
        Dropped { asked, waiting, more: self.targets.peek().is_some() }
    }
}

fn same_host(a: SocketAddr, b: SocketAddr) -> bool {
    match (a, b) {
        (SocketAddr::V6(a), SocketAddr::V6(b)) => a.ip() == b.ip() && a.scope_id() == b.scope_id(),
        _ => a.ip() == b.ip(),
    }
}
