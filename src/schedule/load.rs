//! What is sent to one address: SYNs of new attempts, and those that TCP repeats.
//!
//! TCP repeats a SYN that was not answered about once a second (RFC 6298 section 2; `tcp_syn_linear_timeouts` of Linux). An
//! attempt that is older than that is a load of one SYN a second, until it ends.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// The time after which a SYN is repeated.
pub const ROUND: Duration = Duration::from_secs(1);

/// Seconds that are remembered: as many as an attempt with the default timeout lasts, and a few more.
const REMEMBERED: usize = 8;

/// Attempts in flight to one address, and their SYNs second by second.
#[derive(Debug)]
pub struct Load {
    in_flight: usize,
    /// When attempts began that have not repeated their SYN yet, the oldest first.
    young: VecDeque<Instant>,
    /// SYNs since `begin`, counted until `counted`.
    sent: f64,
    begin: Instant,
    counted: Instant,
    /// SYNs a second in the seconds before, the last one first.
    before: VecDeque<f64>,
}

impl Load {
    /// Nothing is sent yet.
    pub fn new(now: Instant) -> Self {
        let (young, before) = Default::default();
        Load { in_flight: 0, young, sent: 0.0, begin: now, counted: now, before }
    }

    /// Attempts in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight
    }

    /// An attempt begins.
    pub fn begin(&mut self, now: Instant) {
        self.in_flight += 1;
        self.sent += 1.0;
        self.young.push_back(now);
    }

    /// An attempt ended, so long after its begin.
    pub fn end(&mut self, elapsed: Duration) {
        self.in_flight = self.in_flight.saturating_sub(1);
        if elapsed < ROUND {
            self.young.pop_back();
        }
        self.young.truncate(self.in_flight);
    }

    /// Attempts whose SYN has not been repeated.
    pub fn young(&self) -> usize {
        self.young.len()
    }

    /// Attempts that repeat their SYN each second.
    pub fn waiting(&self, now: Instant) -> usize {
        let old = self.young.partition_point(|&begin| now >= begin + ROUND);
        self.in_flight + old - self.young.len()
    }

    /// SYNs a second when a SYN was sent so many seconds ago: those of that second or of the one before it, whichever were
    /// more.
    pub fn sent(&self, ago: usize) -> f64 {
        let second = |ago: usize| match ago {
            0 => self.sent,
            _ => self.before.get(ago - 1).or(self.before.back()).copied().unwrap_or(self.sent),
        };
        second(ago).max(second(ago + 1)).max(1.0)
    }

    /// SYNs of the last second that is complete.
    pub fn last(&self) -> f64 {
        self.before.front().copied().unwrap_or(self.sent)
    }

    /// Counts what was sent until now. Whether a second is complete.
    pub fn pass(&mut self, now: Instant) -> bool {
        while let Some(old) = self.young.front().map(|&begin| begin + ROUND).filter(|&old| old <= now) {
            self.count(old.max(self.counted));
            self.young.pop_front();
        }
        self.count(now);
        let elapsed = now.saturating_duration_since(self.begin);
        if elapsed < ROUND {
            return false;
        }
        self.before.push_front(self.sent / elapsed.as_secs_f64());
        self.before.truncate(REMEMBERED);
        (self.begin, self.sent) = (now, 0.0);
        true
    }

    fn count(&mut self, until: Instant) {
        let waiting = self.in_flight - self.young.len();
        self.sent += waiting as f64 * until.saturating_duration_since(self.counted).as_secs_f64();
        self.counted = until;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ten attempts that nobody answers send ten SYNs each second; answers that are on their way are no load.
    #[test]
    fn what_waits_is_repeated_each_second() {
        let begin = crate::net::clock::now();
        let mut load = Load::new(begin);
        (0..10).for_each(|_| load.begin(begin));
        assert_eq!((load.young(), load.waiting(begin + ROUND / 2)), (10, 0));
        for second in 1..=3 {
            assert!(load.pass(begin + second * ROUND));
            assert_eq!((load.last(), load.waiting(begin + second * ROUND)), (10.0, 10));
        }
        load.begin(begin + 3 * ROUND);
        load.end(ROUND / 5);
        (0..10).for_each(|_| load.end(3 * ROUND));
        assert!(load.pass(begin + 4 * ROUND));
        assert_eq!((load.last(), load.in_flight()), (1.0, 0));
    }
}
