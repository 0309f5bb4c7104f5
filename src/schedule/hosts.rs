//! How much one address bears in a sweep: a window that grows while the address answers, and a pace once answers are lost.
//!
//! A firewall that limits new connections, a host that limits resets, and a router that limits ICMP messages all look like
//! silence to a prober that asks too fast. TCP shows it: the answer comes to a later SYN (RFC 9293 section 3.8.1). Until
//! then the window starts small and grows by one for each answer, as that of TCP does (RFC 5681 section 3.1). From then on
//! starts are spaced by the rate of the answers (`pace`). What stayed silent at an address that answers others is asked
//! again before the end, unless so many SYNs were hardly all lost.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::bottleneck::Bottleneck;
use super::load::{Load, ROUND};
use super::pace::Pace;
use super::plan::Note;
use crate::model::{Attempt, By, Cause, Family, Outcome};

/// Attempts in flight to one address at the beginning.
const INITIAL_WINDOW: usize = 100;

/// An address with more targets than these is swept. A few silent ports are no sign of anything.
const A_FEW: u64 = 20;

/// Attempts in flight while silent targets are asked again where no pace is known.
const LOOK_WINDOW: usize = 4;

/// Silent targets of one address that are asked again at most; further ones are reported as they are.
const MOST_SILENT: usize = 5_000;

/// Times that the silent targets of an address are asked again, and only while the last time found an answer.
const MOST_LOOKS: u32 = 5;

/// Silence is that of the target where the odds are less than these that its answers were lost.
const DOUBT: f64 = 1e-4;

/// Addresses without a target in flight that are remembered.
const MOST_IDLE: usize = 256;

/// Candidates whose address has no room, before no further target is begun.
const MOST_STALLED: usize = 64;

/// A candidate by its probe and its place there.
pub type Turn = (usize, usize);

/// What may begin at an address.
pub enum Next {
    /// A target.
    Target(Turn),
    /// A target that refused, as a check.
    Check(SocketAddr),
}

/// Every address with targets in flight, and some that had.
#[derive(Debug)]
pub struct Hosts {
    /// The user's window, which no sign changes.
    fixed: Option<usize>,
    /// A silent target was asked more than once by TCP itself.
    repeats: bool,
    /// Each in a box: nodes of the map are half empty.
    hosts: BTreeMap<IpAddr, Box<Host>>,
    /// What they share.
    bottleneck: Bottleneck,
    /// Addresses in the order in which they became idle.
    idle: VecDeque<IpAddr>,
    stalled: VecDeque<(IpAddr, Turn)>,
    /// Addresses whose silent targets are asked again now.
    looking: VecDeque<IpAddr>,
}

#[derive(Debug)]
struct Host {
    /// When its first attempt began.
    since: Instant,
    load: Load,
    /// Targets, and how many of them answered.
    begun: u64,
    answered: u64,
    window: usize,
    /// A later SYN was answered.
    lossy: bool,
    /// Takes the place of the window.
    pace: Option<Box<Pace>>,
    silent: VecDeque<Turn>,
    /// Silent targets that are asked again now.
    again: VecDeque<Turn>,
    looks: u32,
    /// An answer came since the last look began.
    found: bool,
    /// A target that refused. It is asked again as a check.
    known: Option<SocketAddr>,
    /// It is in the list of addresses that became idle.
    listed: bool,
}

/// What becomes of an attempt that has ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Fate {
    /// It is decided.
    Decided,
    /// It is asked again later.
    Held,
}

impl Hosts {
    /// Without addresses. `fixed`: the user's window. `timeout`: that of one attempt.
    pub fn new(now: Instant, fixed: Option<usize>, timeout: Option<Duration>) -> Self {
        let repeats = timeout.is_none_or(|timeout| timeout > ROUND);
        let (bottleneck, hosts, idle) = (Bottleneck::new(now), BTreeMap::new(), VecDeque::new());
        Hosts { fixed, repeats, hosts, bottleneck, idle, stalled: VecDeque::new(), looking: VecDeque::new() }
    }

    /// Whether the address has room for one more now.
    pub fn has_room(&self, now: Instant, address: IpAddr) -> bool {
        self.due(now, address).is_some_and(|due| due <= now)
    }

    /// When it has; `None`: when an attempt has ended.
    fn due(&self, now: Instant, address: IpAddr) -> Option<Instant> {
        let all = self.bottleneck.due(now)?;
        self.hosts.get(&address).map_or(Some(all), |host| Some(host.due(now, self.fixed)?.max(all)))
    }

    /// An attempt at the address begins; `check`: not for a target.
    pub fn begin(&mut self, now: Instant, address: IpAddr, check: bool) {
        let host = self.hosts.entry(address).or_insert_with(|| Box::new(Host::new(now)));
        let due = host.due(now, self.fixed);
        if let (Some(pace), Some(due)) = (&mut host.pace, due) {
            pace.begin(now, due, check);
        }
        host.pass(now);
        host.load.begin(now);
        host.begun += u64::from(!check && host.looks == 0);
        self.bottleneck.begin(now, check);
    }

    /// The candidate waits for room at its address.
    pub fn stall(&mut self, address: IpAddr, turn: Turn) {
        self.stalled.push_back((address, turn));
    }

    /// Whether so many candidates wait that no further target should be begun.
    pub fn is_full(&self) -> bool {
        self.stalled.len() >= MOST_STALLED
    }

    /// When the first candidate that waits has room, if that is only a matter of time.
    pub fn next_start(&self, now: Instant) -> Option<Instant> {
        let waiting = self.stalled.iter().map(|(address, _)| address).chain(&self.looking);
        waiting.filter_map(|&address| self.due(now, address)).min()
    }

    /// A target that is asked again before others of the address, as a check.
    pub fn check(&self, now: Instant, address: IpAddr) -> Option<SocketAddr> {
        let of_all = self.bottleneck.check(now);
        of_all.filter(|known| self.has_room(now, known.ip())).or_else(|| {
            let host = self.hosts.get(&address).filter(|host| host.is_large())?;
            host.known.filter(|_| host.pace.as_ref().is_some_and(|pace| pace.wants_check(now, &host.load)))
        })
    }

    /// The first candidate that waited and has room now.
    pub fn next(&mut self, now: Instant) -> Option<Next> {
        let place = (0..self.stalled.len()).find(|&place| self.has_room(now, self.stalled[place].0));
        if let Some(place) = place {
            if let Some(known) = self.check(now, self.stalled[place].0) {
                return Some(Next::Check(known));
            }
            return self.stalled.remove(place).map(|(_, turn)| Next::Target(turn));
        }
        let place = (0..self.looking.len()).find(|&place| self.has_room(now, self.looking[place]))?;
        let address = self.looking[place];
        if let Some(known) = self.check(now, address) {
            return Some(Next::Check(known));
        }
        let host = self.hosts.get_mut(&address)?;
        let turn = host.again.pop_front();
        if host.again.is_empty() {
            self.looking.remove(place);
        }
        turn.map(Next::Target)
    }

    /// A check came to this.
    pub fn checked(&mut self, now: Instant, attempt: &Attempt) {
        let sign = sign(attempt);
        let told = attempt.syns.filter(|_| sign != Sign::Nothing).map(|syns| (syns, sign != Sign::Silence));
        self.bottleneck.checked(now, attempt.elapsed, told);
        let Some(host) = self.hosts.get_mut(&attempt.address.ip()) else { return };
        host.pass(now);
        if let (Some(pace), Some((syns, answered))) = (&mut host.pace, told) {
            pace.checked(&host.load, syns, answered);
        }
        host.load.end(attempt.elapsed);
    }

    /// An attempt at the address came to this. Tells when it is the first one that shows that too much is asked.
    pub fn ended(&mut self, now: Instant, address: IpAddr, attempt: &Attempt) -> Option<Note> {
        let (adaptive, repeats) = (self.fixed.is_none(), self.repeats);
        let host = self.hosts.get_mut(&address)?;
        host.pass(now);
        let sign = sign(attempt);
        let answer = match sign {
            // A target that TCP itself asked once was silent then.
            Sign::Answer if !repeats => Some(1 + host.looks),
            Sign::Answer => Some(1),
            Sign::LateAnswer => attempt.syns,
            Sign::Silence | Sign::Nothing => None,
        };
        match answer {
            Some(syns) => host.heard(syns),
            // An address that has lost nothing, or has never answered, is no slower for more silence.
            None if sign == Sign::Silence && host.looks == 0 && (repeats || host.answered == 0) => host.window += 1,
            None => {}
        }
        host.load.end(attempt.elapsed);
        let shared = self.bottleneck.ended(now, address, attempt.elapsed, answer, adaptive);
        // A service that listens is not bothered by checks.
        let refused = matches!(attempt.outcome, Outcome::Refused | Outcome::Denied);
        if refused && attempt.syns.is_some() && sign != Sign::Nothing {
            host.known = Some(attempt.address);
            self.bottleneck.refused(attempt.address);
        }
        let slowed = host.lossy && host.pace.is_none() && adaptive && host.begun > A_FEW;
        if slowed {
            // Without repeated SYNs the answers alone tell what is carried.
            let begun = if repeats { host.begun } else { host.answered };
            host.pace = Some(Box::new(Pace::new(now, host.since, begun, host.answered)));
        }
        let note = slowed.then_some(Note::Slowed(address));
        if shared { Some(Note::SlowedAll) } else { note }
    }

    /// Whether a target that was silent is asked again: of an address that is swept, as long as there is room.
    pub fn hold(&mut self, now: Instant, address: IpAddr, attempt: &Attempt, turn: Turn) -> Fate {
        match self.hosts.get_mut(&address) {
            Some(host) if sign(attempt) == Sign::Silence && host.has_doubts(now, attempt, &self.bottleneck) => {
                host.silent.push_back(turn);
                Fate::Held
            }
            _ => Fate::Decided,
        }
    }

    /// When nothing is in flight to the address: its silent targets are asked again, or are given back as decided.
    pub fn rest(&mut self, address: IpAddr) -> Vec<Turn> {
        let waits = self.stalled.iter().any(|(other, _)| *other == address);
        let Some(host) = self.hosts.get_mut(&address) else { return Vec::new() };
        if host.load.in_flight() > 0 || !host.again.is_empty() || waits {
            return Vec::new();
        }
        if host.silent.is_empty() {
            self.forget_idle(address);
            return Vec::new();
        }
        if host.is_worth_a_look(self.repeats, self.bottleneck.is_there()) {
            (host.looks, host.found) = (host.looks + 1, false);
            host.again = std::mem::take(&mut host.silent);
            host.window = LOOK_WINDOW;
            self.looking.push_back(address);
            return Vec::new();
        }
        // Further targets of the address, if any come, are looked at anew.
        host.looks = 0;
        host.silent.drain(..).collect()
    }

    /// The run is over: nothing waits any more.
    pub fn clear(&mut self) {
        self.stalled.clear();
        self.looking.clear();
        self.hosts.values_mut().for_each(|host| (host.silent, host.again) = Default::default());
    }

    /// Addresses that are remembered.
    #[cfg(test)]
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// The address has become idle. What is known of it is kept until so many others have.
    fn forget_idle(&mut self, address: IpAddr) {
        let Some(host) = self.hosts.get_mut(&address) else { return };
        if !std::mem::replace(&mut host.listed, true) {
            self.idle.push_back(address);
        }
        if self.idle.len() <= MOST_IDLE {
            return;
        }
        let Some(oldest) = self.idle.pop_front() else { return };
        match self.hosts.get_mut(&oldest) {
            Some(host) if host.load.in_flight() > 0 || !host.silent.is_empty() => host.listed = false,
            _ => drop(self.hosts.remove(&oldest)),
        }
    }
}

impl Host {
    fn new(now: Instant) -> Self {
        Host {
            since: now,
            load: Load::new(now),
            begun: 0,
            answered: 0,
            window: INITIAL_WINDOW,
            lossy: false,
            pace: None,
            silent: VecDeque::new(),
            again: VecDeque::new(),
            looks: 0,
            found: false,
            known: None,
            listed: false,
        }
    }

    /// When it has room for one more; `None`: when an attempt has ended.
    fn due(&self, now: Instant, fixed: Option<usize>) -> Option<Instant> {
        match &self.pace {
            Some(pace) => pace.due(now, &self.load),
            None => (self.load.in_flight() < fixed.unwrap_or(self.window)).then_some(self.since),
        }
    }

    /// Counts what was sent until now.
    fn pass(&mut self, now: Instant) {
        let large = self.is_large();
        if self.load.pass(now)
            && let Some(pace) = &mut self.pace
        {
            pace.turn(now, &self.load, large);
        }
    }

    /// Checks are worth their while: it has more targets than begin at once.
    fn is_large(&self) -> bool {
        self.begun > INITIAL_WINDOW as u64
    }

    fn heard(&mut self, syns: u32) {
        let late = syns > 1;
        (self.answered, self.found, self.lossy) = (self.answered + 1, true, self.lossy || late);
        match &mut self.pace {
            Some(pace) => {
                pace.heard(late);
                if self.known.is_none() {
                    pace.learn(&self.load, syns);
                }
            }
            None if !late => self.window += 1,
            None => {}
        }
    }

    /// Whether a silent target may have answered all the same: the odds are those of an answer at this address, times the
    /// chance that all of it was lost (Bayes). Without checks that chance is not known.
    fn has_doubts(&self, now: Instant, attempt: &Attempt, bottleneck: &Bottleneck) -> bool {
        let syns = attempt.syns.unwrap_or(1);
        let odds = match (&self.pace, self.known) {
            (Some(pace), Some(_)) => {
                let begin = now.checked_sub(attempt.elapsed).unwrap_or(self.since);
                let silent = self.begun.saturating_sub(self.answered + self.load.in_flight() as u64).max(1);
                pace.loss(begin, syns) * self.answered as f64 / silent as f64
            }
            _ if bottleneck.is_there() => bottleneck.odds(now, attempt.elapsed, syns),
            _ if self.begun > A_FEW => 1.0,
            _ => 0.0,
        };
        odds > DOUBT && self.silent.len() < MOST_SILENT
    }

    /// An address that answers nothing is silent, and so is a port that TCP itself asked again and again without loss.
    fn is_worth_a_look(&self, repeats: bool, shared: bool) -> bool {
        let lossy = self.answered > 0 && (self.lossy || !repeats);
        // The first look at what is behind a bottleneck is also the one that shows how much it carries.
        let again = self.found || (shared && self.looks == 1);
        (lossy || shared) && self.looks < MOST_LOOKS && (self.looks == 0 || again)
    }
}

/// What the end of an attempt says of the pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sign {
    /// The first SYN was answered.
    Answer,
    /// A later SYN was answered: the first one, or its answer, was lost.
    LateAnswer,
    Silence,
    /// This machine decided alone, or somebody ended it.
    Nothing,
}

fn sign(attempt: &Attempt) -> Sign {
    let answered = match attempt.outcome {
        Outcome::Connected | Outcome::ClosedByPeer | Outcome::Unserved => true,
        Outcome::Reset | Outcome::Refused | Outcome::Denied | Outcome::Unreachable => {
            matches!(attempt.by, Some(By::Peer | By::Router))
        }
        _ => false,
    };
    match attempt.outcome {
        Outcome::TimedOut if attempt.cause == Some(Cause::Silence) => Sign::Silence,
        // The last router has asked for its neighbour in vain, which takes seconds.
        Outcome::Unreachable if is_host_unreachable(attempt) => Sign::Answer,
        _ if answered && attempt.syns.is_some_and(|syns| syns > 1) => Sign::LateAnswer,
        _ if answered => Sign::Answer,
        _ => Sign::Nothing,
    }
}

/// RFC 792: destination unreachable, code 1; RFC 4443 section 3.1: code 3.
fn is_host_unreachable(attempt: &Attempt) -> bool {
    attempt
        .icmp
        .as_ref()
        .is_some_and(|icmp| matches!((icmp.family, icmp.kind, icmp.code), (Family::V4, 3, 1) | (Family::V6, 1, 3)))
}
