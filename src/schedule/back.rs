//! From how far an answer comes: the time to live with which it arrives, found by sockets that take no smaller one.
//!
//! A socket discards a packet whose time to live is below its minimum (ip(7) IP_MINTTL, ipv6(7) IPV6_MINHOPCOUNT), and
//! counts it. Bisection finds the value among 255 with eight sockets at most.

use std::time::Duration;

/// An answer that takes longer than the one before by more than this is not waited for.
const LATE: Duration = Duration::from_millis(50);

/// How long a socket waits that may discard its answer, which wakes nobody. `before` is what an answer took.
pub fn patience(before: Duration) -> Duration {
    2 * before + LATE
}

/// The search, one socket at a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// The time to live is known to be at least this, and at most that.
    known: (u8, u8),
    asked: Option<u8>,
    /// A socket learnt nothing.
    failed: bool,
}

impl Search {
    /// Nothing is known yet.
    pub fn new() -> Self {
        Search { known: (1, u8::MAX), asked: None, failed: false }
    }

    /// The minimum that the next socket is to have; `None` while one is under way, and when nothing is left to ask.
    pub fn next(&mut self) -> Option<u8> {
        if self.asked.is_some() || self.is_over() {
            return None;
        }
        let (low, high) = self.known;
        // Rounded up, or two values that are left would be asked for ever.
        self.asked = Some(low + (high - low).div_ceil(2));
        self.asked
    }

    /// The socket's answer came through; `None` where neither that nor the opposite is known.
    pub fn tell(&mut self, passed: Option<bool>) {
        let Some(least) = self.asked.take() else { return };
        match passed {
            Some(true) => self.known.0 = least,
            Some(false) => self.known.1 = least - 1,
            None => self.failed = true,
        }
    }

    /// Nothing more can be learnt.
    pub fn is_over(&self) -> bool {
        self.failed || self.known.0 == self.known.1
    }

    /// The time to live, once it is known.
    pub fn ttl(&self) -> Option<u8> {
        Some(self.known.0).filter(|_| self.known.0 == self.known.1 && !self.failed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_time_to_live_is_found_with_eight_sockets() {
        for ttl in 1..=u8::MAX {
            let mut search = Search::new();
            let mut sockets = 0;
            while let Some(least) = search.next() {
                assert_eq!(search.next(), None, "one at a time");
                search.tell(Some(ttl >= least));
                sockets += 1;
            }
            assert_eq!((search.ttl(), search.is_over()), (Some(ttl), true));
            assert!(sockets <= 8, "{ttl}: {sockets}");
        }
    }

    #[test]
    fn a_socket_that_learns_nothing_ends_the_search() {
        let mut search = Search::new();
        search.next();
        search.tell(None);
        assert_eq!((search.next(), search.is_over(), search.ttl()), (None, true, None));
    }
}
