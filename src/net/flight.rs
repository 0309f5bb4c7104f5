//! The attempts in flight that one thread looks after.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use crate::model::{Attempt, End};
use crate::net::attempt::{self, Connecting, Progress, Shared};
use crate::net::clock;
use crate::net::sys::{self, Ready, Waiter};
use crate::schedule::{AttemptId, Connect, Stop};

/// What became of an attempt.
pub enum Told {
    /// It is connected, and held from now on.
    Held,
    /// It has ended.
    Ended(Box<Attempt>),
}

/// Attempts in flight, under the schedule's keys, and the means to wait for them.
pub struct InFlight {
    shared: Arc<Shared>,
    /// Waits for their sockets, and for what else the thread listens to.
    pub waiter: Waiter,
    attempts: Vec<Option<Box<Connecting>>>,
    count: usize,
    ready: Vec<(usize, Ready)>,
}

impl InFlight {
    /// Without attempts.
    pub fn new(shared: Arc<Shared>, waiter: Waiter) -> Self {
        InFlight { shared, waiter, attempts: Vec::new(), count: 0, ready: Vec::new() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Makes an attempt up to the call of connect(). `called` is told when that is, and tells when it is to end. Gives what
    /// became of it where that is known already.
    pub fn connect(
        &mut self,
        id: AttemptId,
        connect: Connect,
        called: impl FnOnce(Instant) -> Option<Instant>,
    ) -> Option<Told> {
        let prepared = attempt::prepare(&self.shared, connect);
        let now = clock::now();
        let deadline = called(now);
        self.settle(id, prepared.connect(now, deadline))
    }

    /// Ends an attempt from outside, as at that instant. There is none where it has ended already. A limit that crossed the
    /// end of a connect is void for the hold after it.
    pub fn give_up(&mut self, id: AttemptId, why: Stop, at: Instant) -> Option<Told> {
        let there = self.attempts.get(id.0)?.as_ref()?;
        if why == Stop::Limit && there.is_held_beyond(at) {
            return None;
        }
        let connecting = self.attempts[id.0].take()?;
        self.count -= 1;
        self.waiter.remove(id.0);
        let end = match why {
            Stop::Limit | Stop::Deadline => End::Limit,
            Stop::Interrupted => End::Interrupted,
            Stop::Overtaken => End::Overtaken,
        };
        self.settle(id, connecting.give_up(end, at))
    }

    /// Waits, and adds what became of attempts. Everything that one wait brings became ready before it returned, however long the
    /// work on it takes: it gets the same instant.
    ///
    /// # Errors
    /// A fault of the wait itself.
    pub fn wait(&mut self, until: Option<Instant>, told: &mut Vec<(AttemptId, Told)>) -> io::Result<()> {
        let mut ready = std::mem::take(&mut self.ready);
        self.waiter.wait(until, &mut ready)?;
        let now = clock::now();
        for (key, ready) in ready.drain(..) {
            if let Some(connecting) = self.attempts[key].take() {
                self.count -= 1;
                self.waiter.remove(key);
                let id = AttemptId(key);
                told.extend(self.settle(id, connecting.ready(ready, now)).map(|what| (id, what)));
            }
        }
        self.ready = ready;
        Ok(())
    }

    fn settle(&mut self, id: AttemptId, progress: Progress) -> Option<Told> {
        match progress {
            Progress::Ended(attempt) => Some(Told::Ended(attempt)),
            Progress::Pending(connecting) => self.wait_for(id, connecting),
            Progress::Held(connecting) => self.wait_for(id, connecting).or(Some(Told::Held)),
        }
    }

    /// Gives what became of the attempt where it cannot be waited for.
    fn wait_for(&mut self, id: AttemptId, connecting: Box<Connecting>) -> Option<Told> {
        let (socket, interest) = connecting.waits_for();
        match self.waiter.add(id.0, socket, interest) {
            Ok(()) => {
                if self.attempts.len() <= id.0 {
                    self.attempts.resize_with(id.0 + 1, || None);
                }
                self.attempts[id.0] = Some(connecting);
                self.count += 1;
                None
            }
            Err(error) => self.settle(id, connecting.give_up(End::Error(sys::code(&error)), clock::now())),
        }
    }
}
