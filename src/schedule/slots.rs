//! How many attempts are in flight, and how fast they start.

use std::time::{Duration, Instant};

/// Places for attempts, and the distance between two starts.
#[derive(Debug)]
pub struct Slots {
    most: usize,
    taken: usize,
    spacing: Duration,
    /// When the rate allows the next start.
    next_start: Option<Instant>,
}

impl Slots {
    /// `most` places; starts are `spacing` apart.
    pub fn new(most: usize, spacing: Duration) -> Self {
        Slots { most, taken: 0, spacing, next_start: None }
    }

    /// Whether a place is free.
    pub fn is_free(&self) -> bool {
        self.taken < self.most
    }

    /// Whether a place is free and the rate allows a start.
    pub fn may_start(&self, now: Instant) -> bool {
        self.is_free() && self.next_start.is_none_or(|at| at <= now)
    }

    /// When the rate allows the next start; `None` when it does not delay one.
    pub fn next_start(&self) -> Option<Instant> {
        self.next_start
    }

    /// Takes a place.
    pub fn take(&mut self, now: Instant) {
        self.taken += 1;
        if self.spacing > Duration::ZERO {
            // Starts keep their distance from when they were due, so that a late wake-up does not slow the rate.
            let due = self.next_start.filter(|&at| now.saturating_duration_since(at) < CATCH_UP).unwrap_or(now);
            self.next_start = Some(due + self.spacing);
        }
    }

    /// Gives a place back.
    pub fn give_back(&mut self) {
        debug_assert!(self.taken > 0, "a place is given back once");
        self.taken = self.taken.saturating_sub(1);
    }

    /// Half of the attempts in flight are too many, too: the limit comes down to that, but not below `least`.
    pub fn halve(&mut self, least: usize) {
        self.most = (self.taken / 2).max(least).min(self.most);
    }

    /// This machine has no room for more than are in flight now: the limit comes down to that, and to one at least.
    pub fn no_room(&mut self) {
        self.most = self.taken.max(1).min(self.most);
    }
}

/// Starts that a late wake-up missed are made up for when it was late by less than this. A longer pause was a time
/// without targets, which earns no burst.
const CATCH_UP: Duration = Duration::from_millis(100);

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn a_late_wake_up_is_made_up_for() {
        for (rate, late) in [(20_000, MS), (50_000, MS), (50_000, 4 * MS)] {
            let mut now = crate::net::clock::now();
            let (begin, mut started) = (now, 0_u32);
            let mut slots = Slots::new(1_000_000, 1000 * MS / rate);
            while now < begin + 1000 * MS {
                now += late;
                while slots.may_start(now) {
                    slots.take(now);
                    started += 1;
                }
            }
            assert!(started.abs_diff(rate) <= rate / 200, "{started} starts in a second at {rate}/s");
        }
    }

    #[test]
    fn a_pause_earns_no_burst() {
        let mut now = crate::net::clock::now();
        let mut slots = Slots::new(10, 10 * MS);
        slots.take(now);
        now += 1000 * MS;
        slots.take(now);
        assert!(!slots.may_start(now));
    }

    #[test]
    fn a_shortage_lowers_the_limit_but_not_to_nothing() {
        let now = crate::net::clock::now();
        let mut slots = Slots::new(100, Duration::ZERO);
        (0..7).for_each(|_| slots.take(now));
        slots.no_room();
        assert!(!slots.is_free());
        (0..7).for_each(|_| slots.give_back());
        slots.no_room();
        assert!(slots.is_free());
    }
}
