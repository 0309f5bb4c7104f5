//! The attempts in flight that one thread looks after.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use crate::model::{Attempt, End};
use crate::net::attempt::{self, Connecting, Progress, Shared};
use crate::net::clock;
use crate::net::ending;
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
    /// What became of those that were given up, and is told after the next wait: the system is asked about all of them
    /// together.
    given_up: Vec<(AttemptId, Progress)>,
}

impl InFlight {
    /// Without attempts.
    pub fn new(shared: Arc<Shared>, waiter: Waiter) -> Self {
        InFlight { shared, waiter, attempts: Vec::new(), count: 0, ready: Vec::new(), given_up: Vec::new() }
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// How many were given up since the last wait.
    pub fn given_up(&self) -> usize {
        self.given_up.len()
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

    /// Ends an attempt from outside, as at that instant. The next wait tells what became of it. False: there is none, since
    /// it has ended already. A limit that crossed the end of a connect is void for the hold after it.
    pub fn give_up(&mut self, id: AttemptId, why: Stop, at: Instant) -> bool {
        let Some(there) = self.attempts.get_mut(id.0) else { return false };
        let holds = |connecting: &mut Box<Connecting>| why == Stop::Limit && connecting.is_held_beyond(at);
        let Some(connecting) = there.take_if(|connecting| !holds(connecting)) else { return there.is_some() };
        self.count -= 1;
        self.waiter.remove(id.0);
        let end = match why {
            Stop::Limit | Stop::Deadline => End::Limit,
            Stop::Interrupted => End::Interrupted,
            Stop::Overtaken => End::Overtaken,
        };
        self.given_up.push((id, connecting.give_up(end, at)));
        true
    }

    /// Waits, and adds what became of attempts. Everything that one wait brings became ready before it returned, however long the
    /// work on it takes: it gets the same instant. Where attempts were given up, it is a look only.
    ///
    /// # Errors
    /// A fault of the wait itself.
    pub fn wait(&mut self, until: Option<Instant>, told: &mut Vec<(AttemptId, Told)>) -> io::Result<()> {
        let until = if self.given_up.is_empty() { until } else { Some(clock::now()) };
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
        self.settle_given_up(told);
        Ok(())
    }

    fn settle_given_up(&mut self, told: &mut Vec<(AttemptId, Told)>) {
        let mut given_up = std::mem::take(&mut self.given_up);
        ending::ask(given_up.iter_mut().filter_map(|(_, progress)| progress.ending()), &self.shared.watch);
        for (id, progress) in given_up.drain(..) {
            told.extend(self.told(id, progress).map(|what| (id, what)));
        }
        self.given_up = given_up;
    }

    fn settle(&mut self, id: AttemptId, mut progress: Progress) -> Option<Told> {
        ending::ask(progress.ending().into_iter(), &self.shared.watch);
        self.told(id, progress)
    }

    /// What is to be told of an attempt, about which the system has been asked where it has ended.
    fn told(&mut self, id: AttemptId, progress: Progress) -> Option<Told> {
        match progress {
            Progress::Ended(ending) => Some(Told::Ended(ending.attempt(&self.shared.spare))),
            Progress::NeverCalled(attempt) => Some(Told::Ended(attempt)),
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
