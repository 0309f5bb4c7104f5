//! Threads for calls that block and cannot be cancelled: as many as there are calls at the same time.

use std::collections::VecDeque;
use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use crate::net::clock;
use crate::net::sys::{self, Waker};

/// A call that has ended.
pub struct Ended<T> {
    /// The number that the call was given.
    pub ticket: u64,
    /// When it ended.
    pub at: Instant,
    /// What it returned.
    pub result: T,
}

/// Threads, each of which goes on to the next call: a new one for each would cost more than a short call, and glibc
/// reads its configuration anew in each.
pub struct Pool<T> {
    waker: Waker,
    queue: Arc<Queue<T>>,
    sender: Sender<Ended<T>>,
    receiver: Receiver<Ended<T>>,
    threads: usize,
    /// Calls that have not ended.
    open: usize,
}

impl<T: Send + 'static> Pool<T> {
    /// A pool that wakes the waiter behind `waker` at the end of each call; starts no thread.
    pub fn new(waker: Waker) -> Self {
        sys::begin_threads();
        let (sender, receiver) = channel();
        Pool { waker, queue: Arc::default(), sender, receiver, threads: 0, open: 0 }
    }

    /// Has a thread make the call. Where another thread cannot be had, the next one that is free makes it.
    ///
    /// # Errors
    /// There is no thread at all, and none can be had (pthread_create(3): EAGAIN, EPERM).
    pub fn call(&mut self, ticket: u64, call: impl FnOnce() -> T + Send + 'static) -> io::Result<()> {
        if self.open == self.threads {
            match self.grow() {
                Err(error) if self.threads == 0 => return Err(error),
                grown => self.threads += usize::from(grown.is_ok()),
            }
        }
        self.open += 1;
        self.queue.push(Some((ticket, Box::new(call))));
        Ok(())
    }

    /// The calls that have ended since the last question.
    pub fn ended(&mut self) -> Vec<Ended<T>> {
        let ended: Vec<Ended<T>> = self.receiver.try_iter().collect();
        self.open -= ended.len();
        ended
    }

    fn grow(&self) -> io::Result<()> {
        let (queue, sender, waker) = (Arc::clone(&self.queue), self.sender.clone(), self.waker.clone());
        let work = move || {
            while let Some((ticket, call)) = queue.next() {
                let result = call();
                // Nobody listens any more when the run ended first.
                let _ = sender.send(Ended { ticket, at: clock::now(), result });
                waker.wake();
            }
        };
        let builder = thread::Builder::new().stack_size(sys::RESOLVER_STACK);
        sys::without_signals(|| builder.spawn(work)).map(drop)
    }
}

impl<T> Drop for Pool<T> {
    fn drop(&mut self) {
        (0..self.threads).for_each(|_| self.queue.push(None));
    }
}

type Call<T> = (u64, Box<dyn FnOnce() -> T + Send>);

/// Calls that no thread has begun; `None` ends the thread that takes it.
struct Queue<T> {
    calls: Mutex<VecDeque<Option<Call<T>>>>,
    pushed: Condvar,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Queue { calls: Mutex::default(), pushed: Condvar::new() }
    }
}

impl<T> Queue<T> {
    fn push(&self, call: Option<Call<T>>) {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push_back(call);
        self.pushed.notify_one();
    }

    /// The next call, waited for.
    fn next(&self) -> Option<Call<T>> {
        let calls = self.calls.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.pushed.wait_while(calls, |calls| calls.is_empty());
        waited.unwrap_or_else(PoisonError::into_inner).pop_front().flatten()
    }
}
