//! What the addresses of a run share: a firewall or a router on the way that lets so many packets through for all of them.
//!
//! An address that answers repeated SYNs has a limit of its own (`hosts`). Where several addresses do, the limit is one that
//! they share. Then the starts of the whole run are spaced (`pace`), and the silent targets of every address are asked
//! again.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use super::load::Load;
use super::pace::Pace;

/// So many addresses are several.
const SEVERAL: usize = 3;

/// One answer of so many comes to a repeated SYN: fewer are lost by chance, and five SYNs are hardly ever lost so.
const FEW: f64 = 8.0;

/// What a second later is kept of the numbers of answers.
const KEPT: f64 = 0.8;

/// All attempts of a run.
#[derive(Debug)]
pub struct Bottleneck {
    since: Instant,
    load: Load,
    begun: u64,
    answered: u64,
    /// Answers of late, and those of them that came to a repeated SYN.
    heard: f64,
    late: f64,
    /// Addresses that answered a repeated SYN, no more than are asked for.
    lossy: Vec<IpAddr>,
    /// A target that refused. It is asked again as a check.
    known: Option<SocketAddr>,
    pace: Option<Pace>,
}

impl Bottleneck {
    /// At the begin of a run.
    pub fn new(now: Instant) -> Self {
        let (heard, late) = (0.0, 0.0);
        let load = Load::new(now);
        Bottleneck { since: now, load, begun: 0, answered: 0, heard, late, lossy: Vec::new(), known: None, pace: None }
    }

    /// Whether there is one.
    pub fn is_there(&self) -> bool {
        self.pace.is_some()
    }

    /// When there is room for one more; `None`: when fewer of them wait.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        self.pace.as_ref().map_or(Some(self.since), |pace| pace.due(now, &self.load))
    }

    /// A target that is asked again now, before others, as a check.
    pub fn check(&self, now: Instant) -> Option<SocketAddr> {
        self.known.filter(|_| self.pace.as_ref().is_some_and(|pace| pace.wants_check(now, &self.load)))
    }

    /// An attempt begins; `check`: not for a target.
    pub fn begin(&mut self, now: Instant, check: bool) {
        let due = self.due(now);
        if let (Some(pace), Some(due)) = (&mut self.pace, due) {
            pace.begin(now, due, check);
        }
        self.pass(now);
        self.load.begin(now);
        self.begun += u64::from(!check);
    }

    /// A check ended after so many SYNs, with an answer or without; `None`: it tells nothing.
    pub fn checked(&mut self, now: Instant, elapsed: Duration, told: Option<(u32, bool)>) {
        self.pass(now);
        if let (Some(pace), Some((syns, answered))) = (&mut self.pace, told) {
            pace.checked(&self.load, syns, answered);
        }
        self.load.end(elapsed);
    }

    /// An attempt at the address ended; `syns`: after so many it was answered. Tells when this shows a bottleneck for the
    /// first time, where one is looked for.
    pub fn ended(
        &mut self,
        now: Instant,
        address: IpAddr,
        elapsed: Duration,
        syns: Option<u32>,
        adaptive: bool,
    ) -> bool {
        self.pass(now);
        if let Some(syns) = syns {
            self.heard(address, syns);
        }
        self.load.end(elapsed);
        let found = adaptive && self.pace.is_none() && self.lossy.len() >= SEVERAL && self.late * FEW > self.heard;
        if found {
            self.pace = Some(Pace::new(now, self.since, self.begun, self.answered));
        }
        found
    }

    /// The target refused.
    pub fn refused(&mut self, target: SocketAddr) {
        self.known = Some(target);
    }

    /// The odds that a silent target may have answered all the same: those of an answer, times the chance that all was lost
    /// (Bayes). Without checks that chance is not known.
    pub fn odds(&self, now: Instant, elapsed: Duration, syns: u32) -> f64 {
        let begin = now.checked_sub(elapsed).unwrap_or(self.since);
        let loss = match (&self.pace, self.known) {
            (Some(pace), Some(_)) => pace.loss(begin, syns),
            _ => 1.0,
        };
        let silent = self.begun.saturating_sub(self.answered + self.load.in_flight() as u64).max(1);
        loss * self.answered as f64 / silent as f64
    }

    fn heard(&mut self, address: IpAddr, syns: u32) {
        self.answered += 1;
        self.heard += 1.0;
        if syns > 1 {
            self.late += 1.0;
            if self.lossy.len() < SEVERAL && !self.lossy.contains(&address) {
                self.lossy.push(address);
            }
        }
        if let Some(pace) = &mut self.pace {
            pace.heard(syns > 1);
            if self.known.is_none() {
                pace.learn(&self.load, syns);
            }
        }
    }

    /// Counts what was sent until now.
    fn pass(&mut self, now: Instant) {
        if self.load.pass(now) {
            (self.heard, self.late) = (self.heard * KEPT, self.late * KEPT);
            if let Some(pace) = &mut self.pace {
                pace.turn(now, &self.load, true);
            }
        }
    }
}
