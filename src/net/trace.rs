//! Where on the path a connection dies: the same connect with a rising time to live, several at once.
//!
//! A router at which the time to live runs out says so (RFC 792, RFC 4443 "time exceeded"), and Linux hands the
//! message to any user through the socket's error queue. That message ends a connect, so each hop has a socket of its
//! own. The destination is met with as few sockets as possible: the window widens only while nothing answers.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::classify::path;
use crate::model::{Attempt, By, Cause, End, Hop, Outcome, Path, PathEnd, Protocol};
use crate::net::attempt::{self, Begun, Connecting, Options};
use crate::net::clock;
use crate::net::sys::{self, Ready, Waiter};
use crate::schedule::Connect;

/// Hops looked at; the diameter of the Internet is well below it, and traceroute(8) stops there, too.
const MOST_HOPS: u8 = 30;

/// Hops that are on their way at the beginning.
const WINDOW: u8 = 4;

/// While nobody answers, so many hops more are sent after each such pause: all are under way within half a second.
const WIDEN: (u8, Duration) = (4, Duration::from_millis(50));

/// Limit where attempts have none.
const PATIENCE: Duration = Duration::from_secs(5);

/// Traces the path to each address, all at the same time, within `timeout` and until `deadline` at most.
///
/// # Errors
/// A fault of the wait itself.
pub fn run(
    options: &Options,
    addresses: &[SocketAddr],
    protocol: Protocol,
    timeout: Option<Duration>,
    deadline: Option<Instant>,
) -> io::Result<Vec<Path>> {
    let options = Options { fail_on_icmp: true, verbose: false, ..options.clone() };
    sys::raise_descriptor_limit(addresses.len() * usize::from(MOST_HOPS) + sys::SPARE_DESCRIPTORS);
    let begin = clock::now();
    let patience = begin + timeout.unwrap_or(PATIENCE);
    let deadline = deadline.map_or(patience, |deadline| deadline.min(patience));
    let mut tracer = Tracer {
        options: &options,
        protocol,
        waiter: Waiter::new(),
        flying: Vec::new(),
        paths: addresses.iter().map(|&address| Tracing::new(address, begin)).collect(),
    };
    let mut ready = Vec::new();
    while let Some(wake) = tracer.advance(deadline) {
        if sys::signal().is_some() {
            break;
        }
        tracer.waiter.wait(Some(wake), &mut ready)?;
        tracer.take(&ready);
    }
    tracer.give_up();
    Ok(tracer.paths.into_iter().map(Tracing::into_path).collect())
}

struct Tracer<'a> {
    options: &'a Options,
    protocol: Protocol,
    waiter: Waiter,
    /// Attempts in flight, with the path and the hop that they belong to.
    flying: Vec<Option<(Box<Connecting>, usize, u8)>>,
    paths: Vec<Tracing>,
}

impl Tracer<'_> {
    /// Sends what the windows allow; when to look again, or `None` when every path has its end.
    fn advance(&mut self, deadline: Instant) -> Option<Instant> {
        let now = clock::now();
        if now >= deadline {
            return None;
        }
        for path in 0..self.paths.len() {
            while let Some(ttl) = self.paths[path].next_hop(now) {
                self.send(path, ttl);
            }
        }
        let busy = self.paths.iter().filter(|path| !path.ended());
        busy.map(|path| path.wake_at().map_or(deadline, |at| at.min(deadline))).min()
    }

    fn send(&mut self, path: usize, ttl: u8) {
        let options = Options { ttl: Some(u32::from(ttl)), ..self.options.clone() };
        let connect = Connect { address: self.paths[path].address, protocol: self.protocol, number: 1 };
        let begun = attempt::begin(&options, connect, &mut |_| None);
        self.settle(begun, path, ttl);
    }

    fn settle(&mut self, begun: Begun, path: usize, ttl: u8) {
        match begun {
            // A shortage is no hop: the next socket that comes back makes room.
            Begun::Ended(attempt) if attempt.cause == Some(Cause::Descriptors) && self.is_flying() => {
                self.paths[path].postpone();
            }
            Begun::Ended(attempt) => self.paths[path].answer(ttl, *attempt),
            Begun::Pending(connecting) => {
                let key = self.flying.iter().position(Option::is_none).unwrap_or(self.flying.len());
                let (socket, interest) = connecting.waits_for();
                match self.waiter.add(key, socket, interest) {
                    Ok(()) if key < self.flying.len() => self.flying[key] = Some((connecting, path, ttl)),
                    Ok(()) => self.flying.push(Some((connecting, path, ttl))),
                    Err(error) => self.paths[path].answer(ttl, connecting.give_up(End::Error(sys::code(&error)))),
                }
            }
        }
    }

    fn is_flying(&self) -> bool {
        self.flying.iter().any(Option::is_some)
    }

    fn take(&mut self, ready: &[(usize, Ready)]) {
        for &(key, ready) in ready {
            if let Some((connecting, path, ttl)) = self.flying[key].take() {
                self.waiter.remove(key);
                self.settle(connecting.ready(ready, clock::now()), path, ttl);
            }
        }
    }

    fn give_up(&mut self) {
        for (connecting, path, ttl) in self.flying.drain(..).flatten() {
            // Hops behind the end are not shown.
            if self.paths[path].end().is_some_and(|end| ttl > end.ttl) {
                continue;
            }
            self.paths[path].answer(ttl, connecting.give_up(End::Limit));
        }
    }
}

/// A path on the way to its end.
struct Tracing {
    address: SocketAddr,
    hops: Vec<Option<Hop>>,
    /// The next hop has no link address (yet): nothing of what was sent has left.
    unresolved: bool,
    sent: u8,
    window: u8,
    widened: Instant,
}

impl Tracing {
    fn new(address: SocketAddr, now: Instant) -> Self {
        let hops = vec![None; usize::from(MOST_HOPS)];
        Tracing { address, hops, unresolved: false, sent: 0, window: WINDOW, widened: now }
    }

    /// The next hop to send, if the window allows one.
    fn next_hop(&mut self, now: Instant) -> Option<u8> {
        if now >= self.widened + WIDEN.1 {
            self.window = (self.window + WIDEN.0).min(MOST_HOPS);
            self.widened = now;
        }
        let open = self.sent < self.window && self.end().is_none();
        open.then(|| {
            self.sent += 1;
            self.sent
        })
    }

    /// The last hop could not be sent: it is the next one, after a pause or an answer.
    fn postpone(&mut self) {
        self.sent -= 1;
        self.window = self.sent;
    }

    fn wake_at(&self) -> Option<Instant> {
        (self.sent < MOST_HOPS && self.end().is_none()).then_some(self.widened + WIDEN.1)
    }

    fn answer(&mut self, ttl: u8, attempt: Attempt) {
        self.unresolved |= attempt.cause == Some(Cause::NeighbourSilent);
        let hop = Hop::new(ttl, attempt);
        if hop.address.is_some() {
            // An answer moves the window on by one and starts the pause anew.
            self.window = (self.window + 1).min(MOST_HOPS);
            self.widened = clock::now();
        }
        self.hops[usize::from(ttl) - 1] = Some(hop);
    }

    /// The first hop that ends the path: the destination answers, or somebody says that there is no way on.
    fn end(&self) -> Option<&Hop> {
        self.hops.iter().flatten().find(|hop| hop.ends())
    }

    /// Whether nothing more can be learnt: the end is known, and so is every hop before it.
    fn ended(&self) -> bool {
        let known = |count: u8| self.hops[..usize::from(count)].iter().all(Option::is_some);
        match self.end() {
            Some(end) => known(end.ttl),
            None => known(MOST_HOPS),
        }
    }

    fn into_path(self) -> Path {
        let end = self.end().cloned();
        let last = self.hops.iter().flatten().filter(|hop| hop.address.is_some()).map(|hop| hop.ttl).max();
        let shown = end.as_ref().map_or(last.unwrap_or(0), |hop| hop.ttl);
        let hops: Vec<Hop> = self.hops.into_iter().take(usize::from(shown)).flatten().collect();
        let end = match end {
            Some(hop) if hop.outcome == Outcome::Connected => PathEnd::Connected,
            Some(hop) if matches!(hop.by, Some(By::Local | By::Neighbour)) || hop.address.is_none() => PathEnd::Local,
            Some(hop) if hop.address == Some(self.address.ip().to_canonical()) => PathEnd::Answered,
            Some(_) => PathEnd::Rejected,
            None if self.unresolved && shown == 0 => PathEnd::Local,
            None if goes_in_circles(&hops) => PathEnd::Loop,
            None if shown == MOST_HOPS => PathEnd::TooFar,
            None => PathEnd::Silence,
        };
        Path { address: self.address, hops, end }
    }
}

/// One router may answer for several hops in a row, and where packets take paths of different length it may be met at
/// two hops apart; to come back to it again and again, behind others, is a loop.
fn goes_in_circles(hops: &[Hop]) -> bool {
    let Some(last) = hops.last().and_then(|hop| hop.address) else { return false };
    path::visits(hops, last).count() > 2
}
