//! Threads that look after attempts, where there are many: the kernel's part of an attempt costs more than all else, and
//! another core can do it. One schedule decides for all of them, so that they share the slots, the rate and the timeouts.
//!
//! A worker does not decide anything. It is told what to connect and what to give up, and tells what came of it.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Instant;

use crate::net::attempt::Shared;
use crate::net::clock;
use crate::net::flight::{InFlight, Told};
use crate::net::sys::{self, Waiter, Waker};
use crate::schedule::{AttemptId, Connect, Stop};

/// So many threads at most: the schedule has no work for more.
const MOST: usize = 4;

/// Descriptors that all of them need together beside those of attempts: for each a pipe, a set for epoll(7) and a socket
/// for rtnetlink(7).
pub const DESCRIPTORS: usize = 4 * MOST;

/// What is to be done is handed over in lots of so many: a lot costs a lock, and maybe a wake-up.
const LOT: usize = 32;

/// What a worker is to do.
enum Order {
    Connect(AttemptId, Connect),
    GiveUp(AttemptId, Stop, Instant),
    End,
}

/// What a worker tells.
pub enum News {
    /// connect() was called at that instant, and waits.
    Called(AttemptId, Instant),
    /// The run was over before connect() was called.
    NotBegun(AttemptId),
    /// The attempt called connect() at that instant, where it still had to be told, and this became of it.
    Told(AttemptId, Option<Instant>, Told),
    /// The worker cannot wait any more.
    Broken(io::Error),
}

/// The workers of a run.
pub struct Workers {
    workers: Vec<Worker>,
    news: Arc<Mailbox<News>>,
    /// The run was interrupted: nothing is begun any more.
    over: Arc<AtomicBool>,
}

struct Worker {
    orders: Arc<Mailbox<Order>>,
    /// Orders that are not handed over yet.
    held: Vec<Order>,
    thread: Option<JoinHandle<()>>,
}

impl Workers {
    /// Starts a thread for each further core; `waker` wakes the thread that is told the news. There may be none at all: one
    /// core, or no room for a thread.
    pub fn start(shared: &Arc<Shared>, waker: Waker) -> Workers {
        sys::begin_threads();
        let cores = thread::available_parallelism().map_or(1, usize::from);
        let news = Arc::new(Mailbox::new(waker));
        let over = Arc::default();
        let workers = (1..cores.min(MOST + 1)).map_while(|_| Worker::start(shared, &news, &over).ok()).collect();
        Workers { workers, news, over }
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.workers.is_empty()
    }

    /// Has a worker make the attempt.
    pub fn connect(&mut self, id: AttemptId, connect: Connect) {
        self.of(id).order(Order::Connect(id, connect));
    }

    /// Has the worker of the attempt end it as at that instant. What crosses this stands. An interruption is that of all:
    /// what was ordered and not begun is not begun any more.
    pub fn give_up(&mut self, id: AttemptId, why: Stop, at: Instant) {
        if why == Stop::Interrupted {
            self.over.store(true, Relaxed);
        }
        self.of(id).order(Order::GiveUp(id, why, at));
    }

    /// Takes the news. Where there is none, the waker is used at the next.
    pub fn news(&mut self, news: &mut Vec<News>) {
        self.workers.iter_mut().for_each(Worker::hand_over);
        self.news.take(news);
    }

    /// A key is always that of the same worker.
    fn of(&mut self, id: AttemptId) -> &mut Worker {
        let count = self.workers.len();
        &mut self.workers[id.0 % count]
    }
}

impl Worker {
    fn start(shared: &Arc<Shared>, news: &Arc<Mailbox<News>>, over: &Arc<AtomicBool>) -> io::Result<Worker> {
        let mut waiter = Waiter::without_signals();
        let orders = Arc::new(Mailbox::new(waiter.waker()?));
        let (inbox, news, over) = (Arc::clone(&orders), Arc::clone(news), Arc::clone(over));
        let in_flight = InFlight::new(Arc::clone(shared), waiter);
        let work = move || {
            if let Err(error) = work(in_flight, &inbox, &news, &over) {
                news.post(&mut vec![News::Broken(error)]);
            }
        };
        let thread = sys::without_signals(|| thread::Builder::new().spawn(work))?;
        Ok(Worker { orders, held: Vec::new(), thread: Some(thread) })
    }

    fn order(&mut self, order: Order) {
        self.held.push(order);
        if self.held.len() >= LOT {
            self.hand_over();
        }
    }

    fn hand_over(&mut self) {
        if !self.held.is_empty() {
            self.orders.post(&mut self.held);
        }
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.orders.post(&mut vec![Order::End]);
        // A thread that panicked has said so.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// What a worker does until it is told to end.
fn work(mut in_flight: InFlight, orders: &Mailbox<Order>, news: &Mailbox<News>, over: &AtomicBool) -> io::Result<()> {
    let (mut lot, mut told, mut found) = (Vec::new(), Vec::new(), Vec::new());
    loop {
        orders.take(&mut lot);
        let mut looked = false;
        let until = if lot.is_empty() { None } else { Some(clock::now()) };
        for order in lot.drain(..) {
            match order {
                Order::Connect(id, _) if over.load(Relaxed) => told.push(News::NotBegun(id)),
                Order::Connect(id, connect) => told.push(begin(&mut in_flight, id, connect)),
                Order::GiveUp(id, why, at) => {
                    // Before anything is given up: an answer may be there. One look is enough for a lot. The orders keep
                    // their order: an attempt that has ended may have given its key to a later one.
                    if !std::mem::replace(&mut looked, true) {
                        look(&mut in_flight, until, &mut found, &mut told)?;
                    }
                    in_flight.give_up(id, why, at);
                }
                Order::End => return Ok(()),
            }
            if told.len() + in_flight.given_up() >= LOT {
                look(&mut in_flight, Some(clock::now()), &mut found, &mut told)?;
                news.post(&mut told);
            }
        }
        look(&mut in_flight, until, &mut found, &mut told)?;
        news.post(&mut told);
    }
}

fn begin(in_flight: &mut InFlight, id: AttemptId, connect: Connect) -> News {
    let mut called = None;
    // Timeouts are the schedule's: a nonblocking connect() takes none.
    let told = in_flight.connect(id, connect, |now| {
        called = Some(now);
        None
    });
    match (told, called) {
        (None, Some(called)) => News::Called(id, called),
        (Some(told), called) => News::Told(id, called, told),
        (None, None) => unreachable!("an attempt in flight has called connect()"),
    }
}

fn look(
    in_flight: &mut InFlight,
    until: Option<Instant>,
    found: &mut Vec<(AttemptId, Told)>,
    told: &mut Vec<News>,
) -> io::Result<()> {
    in_flight.wait(until, found)?;
    told.extend(found.drain(..).map(|(id, what)| News::Told(id, None, what)));
    Ok(())
}

/// Values on their way to one thread, which is woken only when it has found nothing.
struct Mailbox<T> {
    state: Mutex<State<T>>,
    waker: Waker,
}

struct State<T> {
    values: Vec<T>,
    /// The reader found nothing.
    starved: bool,
}

impl<T> Mailbox<T> {
    fn new(waker: Waker) -> Self {
        Mailbox { state: Mutex::new(State { values: Vec::new(), starved: false }), waker }
    }

    /// Moves `values` over.
    fn post(&self, values: &mut Vec<T>) {
        if values.is_empty() {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.values.append(values);
        let wakes = std::mem::take(&mut state.starved);
        drop(state);
        if wakes {
            self.waker.wake();
        }
    }

    /// Takes all values; `values` is empty before.
    fn take(&self, values: &mut Vec<T>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut state.values, values);
        state.starved = values.is_empty();
    }
}

// Only Linux is silent when a queue of connections is full.
#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests;
