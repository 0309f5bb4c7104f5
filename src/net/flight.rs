//! The attempts in flight that one thread looks after.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use crate::model::{Attempt, End};
use crate::net::attempt::{self, Connecting, Progress, Shared};
use crate::net::clock;
use crate::net::sys::{self, Ready, Waiter};
use crate::schedule::{AttemptId, Connect, Stop};

/// An attempt that has ended, and when it was told.
pub type Ended = (AttemptId, Box<Attempt>);

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

    /// Makes an attempt up to the call of connect(). `called` is told when that is, and tells when it is to end. Gives the
    /// attempt back where it has ended already.
    pub fn connect(
        &mut self,
        id: AttemptId,
        connect: Connect,
        called: impl FnOnce(Instant) -> Option<Instant>,
    ) -> Option<Box<Attempt>> {
        let prepared = attempt::prepare(&self.shared, connect);
        let now = clock::now();
        let deadline = called(now);
        self.settle(id, prepared.connect(now, deadline))
    }

    /// Ends an attempt from outside, as at that instant. There is none where it has ended already.
    pub fn give_up(&mut self, id: AttemptId, why: Stop, at: Instant) -> Option<Box<Attempt>> {
        let connecting = self.attempts.get_mut(id.0).and_then(Option::take)?;
        self.count -= 1;
        self.waiter.remove(id.0);
        let end = match why {
            Stop::Limit => End::Limit,
            Stop::Interrupted => End::Interrupted,
            Stop::Overtaken => End::Overtaken,
        };
        Some(Box::new(connecting.give_up(end, at)))
    }

    /// Waits, and adds what has ended. Everything that one wait brings became ready before it returned, however long the
    /// work on it takes: it gets the same instant.
    ///
    /// # Errors
    /// A fault of the wait itself.
    pub fn wait(&mut self, until: Option<Instant>, ended: &mut Vec<Ended>) -> io::Result<()> {
        let mut ready = std::mem::take(&mut self.ready);
        self.waiter.wait(until, &mut ready)?;
        let now = clock::now();
        for (key, ready) in ready.drain(..) {
            if let Some(connecting) = self.attempts[key].take() {
                self.count -= 1;
                self.waiter.remove(key);
                let id = AttemptId(key);
                ended.extend(self.settle(id, connecting.ready(ready, now)).map(|attempt| (id, attempt)));
            }
        }
        self.ready = ready;
        Ok(())
    }

    fn settle(&mut self, id: AttemptId, progress: Progress) -> Option<Box<Attempt>> {
        match progress {
            Progress::Ended(attempt) => Some(attempt),
            Progress::Pending(connecting) => self.wait_for(id, connecting),
        }
    }

    fn wait_for(&mut self, id: AttemptId, connecting: Box<Connecting>) -> Option<Box<Attempt>> {
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
            Err(error) => Some(Box::new(connecting.give_up(End::Error(sys::code(&error)), clock::now()))),
        }
    }
}
