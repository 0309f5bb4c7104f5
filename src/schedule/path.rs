//! Traced paths: the same connect with a rising time to live, several hops at once, at a pace that routers answer.
//!
//! A router at which the time to live runs out says so (RFC 792, RFC 4443 "time exceeded"), and Linux hands the message
//! to any user through the socket's error queue. That message ends a connect, so each hop has a socket of its own. The
//! destination is met with as few sockets as possible: the window widens only while nothing answers.

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use slab::Slab;

use super::back::{self, Search};
use super::order::Place;
use super::plan::Connect;
use crate::classify::path;
use crate::model::{Attempt, By, Cause, DropPoint, Hop, Outcome, Path, Protocol, Report};

/// Hops looked at; the diameter of the Internet is well below it, and traceroute(8) stops there, too.
const MOST_HOPS: u8 = 30;

/// Hops that are on their way at the beginning.
const WINDOW: u8 = 4;

/// While nobody answers, so many hops more are sent after each such pause: all are under way within half a second.
const WIDEN: (u8, Duration) = (4, Duration::from_millis(50));

/// Timeout of a hop where attempts have none.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// Hops in flight, of all paths.
const MOST_IN_FLIGHT: usize = 4 * MOST_HOPS as usize;

/// A node "MUST limit the rate of ICMPv6 error messages it originates" (RFC 4443 section 2.4 (f)). A Linux router answers
/// one prober six times at once, and then once a second (`icmp_ratelimit` in icmp(7), XRLIM_BURST_FACTOR in
/// net/ipv4/route.c). Hops of the same distance may be the same router.
const BURST: u32 = 6;
const PER_ANSWER: Duration = Duration::from_secs(1);

/// Paths that stay known, for further ports of their addresses.
const MOST_KNOWN: usize = 256;

/// Reports that wait for their paths before no further target is begun.
const MOST_HELD: usize = 1000;

/// Key of a path under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct PathId(usize);

/// What the ports of an address must have in common to share a path: up to where it ends, every port takes the same way,
/// so the end must be of the same kind.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    /// With port 0.
    address: SocketAddr,
    protocol: Protocol,
    end: (Outcome, Option<Cause>, Option<By>, Option<std::net::IpAddr>),
}

impl Key {
    fn new(protocol: Protocol, attempt: &Attempt) -> Self {
        let mut address = attempt.address;
        address.set_port(0);
        let sender = attempt.icmp.as_ref().map(|icmp| icmp.from);
        Key { address, protocol, end: (attempt.outcome, attempt.cause, attempt.by, sender) }
    }
}

/// A report that waits for the paths to its addresses.
struct Held {
    place: Place,
    report: Report,
    wanted: Vec<(SocketAddr, Key, Option<Path>)>,
}

/// Every path of a run.
pub struct Paths {
    open: Slab<Tracing>,
    known: VecDeque<(Key, Path)>,
    held: Vec<Held>,
    pace: Pace,
    in_flight: usize,
}

impl Paths {
    /// Without paths.
    pub fn new() -> Self {
        Paths { open: Slab::new(), known: VecDeque::new(), held: Vec::new(), pace: Pace::default(), in_flight: 0 }
    }

    /// Whether no report waits.
    pub fn is_empty(&self) -> bool {
        self.held.is_empty()
    }

    /// Whether so many reports wait that no further target should be begun.
    pub fn is_full(&self) -> bool {
        self.held.len() >= MOST_HELD
    }

    /// Holds a report until the paths to its addresses are known; gives it back where they are.
    pub fn hold(&mut self, now: Instant, place: Place, report: Report) -> Option<(Place, Report)> {
        let mut wanted: Vec<(SocketAddr, Key, Option<Path>)> = Vec::new();
        for attempt in report.attempts.iter().filter(|attempt| attempt.phase.is_some()) {
            let key = Key::new(report.protocol, attempt);
            // Of the tries of one address the last one counts.
            wanted.retain(|(address, ..)| *address != attempt.address);
            let known = self.known.iter().find(|(known, _)| *known == key).map(|(_, path)| path.clone());
            wanted.push((attempt.address, key, known));
        }
        for (address, key, known) in &wanted {
            if known.is_none() && !self.open.iter().any(|(_, tracing)| tracing.key == *key && !tracing.closed) {
                self.open.insert(Tracing::new(*address, key.clone(), now));
            }
        }
        self.held.push(Held { place, report, wanted });
        self.release().pop()
    }

    /// The next hop to send, if a window and the pace allow one.
    pub fn next(&mut self, now: Instant, number: u32) -> Option<(PathId, Connect)> {
        if self.in_flight >= MOST_IN_FLIGHT {
            return None;
        }
        let (id, hop, least_ttl) = self.open.iter_mut().find_map(|(id, path)| {
            let least = path.search.as_mut().and_then(Search::next);
            let hop = if least.is_none() { path.next(now, &self.pace) } else { None };
            (least.is_some() || hop.is_some()).then_some((id, hop, least))
        })?;
        self.in_flight += 1;
        let tracing = &mut self.open[id];
        tracing.in_flight += 1;
        if let Some(ttl) = hop {
            self.pace.take(ttl, now);
            tracing.sent += 1;
        }
        let (address, protocol) = (tracing.address, tracing.key.protocol);
        Some((PathId(id), Connect { address, protocol, number, hop, least_ttl }))
    }

    /// When [`Paths::next`] will have a hop although nothing has answered.
    pub fn wake_at(&self) -> Option<Instant> {
        if self.in_flight >= MOST_IN_FLIGHT {
            return None;
        }
        self.open.iter().filter_map(|(_, path)| path.wake_at(&self.pace)).min()
    }

    /// A hop came to this; `crowded` when other sockets are open. Gives the reports that have all their paths now.
    pub fn ended(
        &mut self,
        now: Instant,
        id: PathId,
        ttl: u8,
        attempt: Attempt,
        crowded: bool,
    ) -> Vec<(Place, Report)> {
        self.in_flight -= 1;
        let tracing = &mut self.open[id.0];
        tracing.in_flight -= 1;
        // A shortage is no hop: the next socket that is closed makes room.
        if attempt.cause == Some(Cause::Descriptors) && crowded {
            tracing.postpone(ttl);
        } else if !tracing.closed {
            tracing.answer(now, ttl, attempt);
        }
        self.close(id)
    }

    /// An attempt of the path is not made: the run is over.
    pub fn not_begun(&mut self, id: PathId) -> Vec<(Place, Report)> {
        self.in_flight -= 1;
        self.open[id.0].in_flight -= 1;
        self.close(id)
    }

    /// How long a socket waits for the answer of the destination that it may discard.
    pub fn patience(&self, id: PathId) -> Duration {
        back::patience(self.open[id.0].end().map_or(PATIENCE, |end| end.elapsed))
    }

    /// A socket that takes no answer with too small a time to live came to this. Gives the reports that have all their
    /// paths now.
    pub fn answered(&mut self, id: PathId, attempt: &Attempt) -> Vec<(Place, Report)> {
        self.in_flight -= 1;
        let tracing = &mut self.open[id.0];
        tracing.in_flight -= 1;
        let discarded = attempt.local_drop.is_some_and(|drop| drop.point == DropPoint::Socket);
        let passed = attempt.outcome == Outcome::Connected || attempt.by == Some(By::Peer);
        if let Some(search) = &mut tracing.search {
            search.tell((passed || discarded).then_some(passed));
        }
        self.close(id)
    }

    /// Messages of routers count against the pace, whichever attempt met them.
    pub fn heard(&mut self, now: Instant, attempt: &Attempt) {
        if let (Some(icmp), false) = (&attempt.icmp, attempt.by == Some(By::Peer)) {
            self.pace.heard(icmp.count, now);
        }
    }

    /// Whether the hop is still wanted: the end of its path is not known, or lies behind it.
    pub fn wants(&self, id: PathId, ttl: u8) -> bool {
        self.open.get(id.0).is_some_and(|path| !path.closed && path.end().is_none_or(|end| ttl <= end.ttl))
    }

    /// The run is over: every path is shown as far as it is known.
    pub fn stop(&mut self) -> Vec<(Place, Report)> {
        for (_, path) in &mut self.open {
            path.closed = true;
        }
        self.held.drain(..).map(|held| held.finish(&self.open)).collect()
    }

    fn close(&mut self, id: PathId) -> Vec<(Place, Report)> {
        let tracing = &mut self.open[id.0];
        let mut reports = Vec::new();
        if !tracing.closed && tracing.has_ended() && tracing.is_traced_back() {
            tracing.closed = true;
            let (key, path) = (tracing.key.clone(), tracing.path());
            for (address, _, place) in self.held.iter_mut().flat_map(|held| &mut held.wanted).filter(|w| w.1 == key) {
                *place = Some(path.clone().towards(*address));
            }
            if self.known.len() == MOST_KNOWN {
                self.known.pop_front();
            }
            self.known.push_back((key, path));
            reports = self.release();
        }
        if self.open[id.0].closed && self.open[id.0].in_flight == 0 {
            self.open.remove(id.0);
        }
        reports
    }

    /// The reports that have all their paths.
    fn release(&mut self) -> Vec<(Place, Report)> {
        let ready = |held: &mut Held| held.wanted.iter().all(|(.., path)| path.is_some());
        self.held.extract_if(.., ready).map(|held| held.finish(&Slab::new())).collect()
    }
}

impl Held {
    /// The report with its paths; of a path under way, what is known of it.
    fn finish(self, open: &Slab<Tracing>) -> (Place, Report) {
        let Held { place, mut report, wanted } = self;
        let paths = wanted.into_iter().filter_map(|(address, key, path)| {
            let under_way = || open.iter().find(|(_, tracing)| tracing.key == key).map(|(_, tracing)| tracing.path());
            path.or_else(under_way).map(|path| path.towards(address))
        });
        report.trace = Some(paths.collect());
        (place, report)
    }
}

/// A path on the way to its end.
struct Tracing {
    address: SocketAddr,
    key: Key,
    hops: Vec<Option<Hop>>,
    /// The next hop has no link address (yet): nothing of what was sent has left.
    unresolved: bool,
    sent: u8,
    window: u8,
    widened: Instant,
    in_flight: usize,
    /// From how far the destination answers, once it did.
    search: Option<Search>,
    /// Its end is known and told; what is in flight is not wanted any more.
    closed: bool,
}

impl Tracing {
    fn new(address: SocketAddr, key: Key, now: Instant) -> Self {
        let hops = vec![None; usize::from(MOST_HOPS)];
        let (unresolved, closed) = (false, false);
        let (sent, in_flight, search) = (0, 0, None);
        Tracing { address, key, hops, unresolved, sent, window: WINDOW, widened: now, in_flight, search, closed }
    }

    /// The next hop to send, if window and pace allow one.
    fn next(&mut self, now: Instant, pace: &Pace) -> Option<u8> {
        if now >= self.widened + WIDEN.1 {
            self.window = (self.window + WIDEN.0).min(MOST_HOPS);
            self.widened = now;
        }
        let ttl = self.sent + 1;
        (!self.closed && self.sent < self.window && self.end().is_none() && pace.at(ttl).is_none_or(|at| at <= now))
            .then_some(ttl)
    }

    fn wake_at(&self, pace: &Pace) -> Option<Instant> {
        if self.closed || self.sent == MOST_HOPS || self.end().is_some() {
            return None;
        }
        let window = (self.sent >= self.window).then_some(self.widened + WIDEN.1);
        [window, pace.at(self.sent + 1)].into_iter().flatten().max().or(Some(self.widened + WIDEN.1))
    }

    /// The hop could not be sent: it is the next one, after a pause or an answer.
    fn postpone(&mut self, ttl: u8) {
        self.sent = self.sent.min(ttl - 1);
        self.window = self.sent;
    }

    fn answer(&mut self, now: Instant, ttl: u8, attempt: Attempt) {
        self.unresolved |= attempt.cause == Some(Cause::NeighbourSilent);
        let hop = Hop::new(ttl, attempt);
        if hop.address.is_some() {
            // An answer moves the window on by one and starts the pause anew.
            self.window = (self.window + 1).min(MOST_HOPS);
            self.widened = now;
        }
        self.hops[usize::from(ttl) - 1] = Some(hop);
    }

    /// The first hop that ends the path: the destination answers, or somebody says that there is no way on.
    fn end(&self) -> Option<&Hop> {
        self.hops.iter().flatten().find(|hop| hop.ends())
    }

    /// Whether nothing more can be learnt: the end is known, and so is every hop before it.
    fn has_ended(&self) -> bool {
        let known = |count: u8| self.hops[..usize::from(count)].iter().all(Option::is_some);
        known(self.end().map_or(MOST_HOPS, |end| end.ttl))
    }

    /// Whether it is known from how far the answer comes, as far as it can be. The search begins when the path has ended.
    fn is_traced_back(&mut self) -> bool {
        if self.key.protocol == Protocol::Tcp && self.end().is_some_and(path::is_answered) {
            return self.search.get_or_insert_with(Search::new).is_over();
        }
        true
    }

    fn path(&self) -> Path {
        let answer_ttl = self.search.as_ref().and_then(Search::ttl);
        path::path(self.address, self.hops.clone(), self.unresolved, answer_ttl)
    }
}

/// For each distance, the instant at which a router there has its full burst again.
#[derive(Debug, Default)]
struct Pace([Option<Instant>; MOST_HOPS as usize]);

impl Pace {
    /// When a hop of that distance may be sent; `None` when at any time.
    fn at(&self, ttl: u8) -> Option<Instant> {
        self.0[usize::from(ttl) - 1].and_then(|full| full.checked_sub((BURST - 1) * PER_ANSWER))
    }

    fn take(&mut self, ttl: u8, now: Instant) {
        let full = &mut self.0[usize::from(ttl) - 1];
        *full = Some(full.map_or(now, |full| full.max(now)) + PER_ANSWER);
    }

    /// So many messages came, from routers at an unknown distance.
    fn heard(&mut self, count: u32, now: Instant) {
        let ttls = 1..=MOST_HOPS;
        ttls.for_each(|ttl| (0..count.min(BURST)).for_each(|_| self.take(ttl, now)));
    }
}
