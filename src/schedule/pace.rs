//! The pace of an address that answers some SYNs only when they are repeated.
//!
//! A firewall that limits new connections, a host that limits resets and a router that limits ICMP messages let so many
//! packets through in a second. When more are asked for, the answers come at that rate, so the rate is known. TCP repeats
//! a SYN that was not answered, about once a second (RFC 6298 section 2; `tcp_syn_linear_timeouts` of Linux). Each attempt
//! that waits is thus a load of its own, and only what the others leave is for new ones. Both together are to be a little
//! more than the answers: enough to notice that the limit has been lifted, and little is lost. Losses that do not depend on
//! the rate leave the answers in proportion to what is asked, and the pace rises.

use std::time::{Duration, Instant};

/// SYNs for each answer. A quarter more than the path carries is how much "BBR: Congestion-Based Congestion Control" (ACM
/// Queue 14, 2016) sends when it looks for more.
const GAIN: f64 = 1.25;

/// What an attempt that waits counts for, in SYNs. More than one: those that were lost together are repeated together, and
/// only what is left by new ones gets them through.
const REPEATED: f64 = 1.5;

/// The pace changes once in the time in which a SYN is repeated (RFC 6298 section 2).
const ROUND: Duration = Duration::from_secs(1);

/// The slowest pace, in SYNs a second.
const LEAST: f64 = 1.0;

/// Starts that a late wake-up missed are made up for when it was late by less than this.
const CATCH_UP: Duration = Duration::from_millis(100);

/// No start is further away than this: the pace is asked again then.
const FURTHEST: f64 = 60.0;

/// Distances between starts are from 0.5 to 1.5 of their mean, in an even order (multiples of the golden ratio, modulo 1).
/// Repeated SYNs come after a second exactly; among starts at equal distances some would meet a limit again and again.
const GOLDEN: f64 = 0.618_033_988_749_895;

/// How fast attempts at one address begin.
#[derive(Debug)]
pub struct Pace {
    /// SYNs a second, repeated ones included.
    rate: f64,
    /// When the last attempt was due, and the distance of the next one in parts of the mean, less 0.5.
    last: Instant,
    jitter: f64,
    round: Instant,
    /// Answers of this round, and whether one of them came to a later SYN.
    answers: u32,
    lost: bool,
}

impl Pace {
    /// The first sign of loss at `now`, after so many attempts and answers since `begin`.
    pub fn new(now: Instant, begin: Instant, begun: u64, answered: u64) -> Self {
        let elapsed = now.saturating_duration_since(begin).max(ROUND).as_secs_f64();
        let rate = pace(answered as f64 / elapsed, begun as f64 / elapsed);
        Pace { rate, last: now, jitter: 0.5, round: now, answers: 0, lost: false }
    }

    /// An attempt was answered; `late`: only when its SYN was repeated.
    pub fn heard(&mut self, now: Instant, late: bool) {
        self.answers = self.answers.saturating_add(1);
        self.lost |= late;
        let elapsed = now.saturating_duration_since(self.round);
        if elapsed < ROUND {
            return;
        }
        let answered = f64::from(self.answers) / elapsed.as_secs_f64();
        if self.lost {
            self.rate = pace(answered, self.rate);
        } else if answered > self.rate / 2.0 {
            self.rate *= 2.0;
        }
        (self.round, self.answers, self.lost) = (now, 0, false);
    }

    /// When the next attempt may begin while so many are in flight, whose answers take that long; `None`: when there are
    /// fewer of them.
    pub fn due(&self, in_flight: usize, round_trip: Duration) -> Option<Instant> {
        let on_the_way = self.rate * round_trip.as_secs_f64();
        let repeated = (in_flight as f64 - on_the_way).max(0.0);
        let left = self.rate - REPEATED * repeated;
        (left > 0.0).then(|| self.last + Duration::from_secs_f64(((0.5 + self.jitter) / left).min(FURTHEST)))
    }

    /// An attempt that was due then begins.
    pub fn begin(&mut self, now: Instant, due: Instant) {
        self.last = if now.saturating_duration_since(due) < CATCH_UP { due } else { now };
        self.jitter = (self.jitter + GOLDEN).fract();
    }
}

/// The pace after a loss. Few answers are no proof of a low limit where most targets are silent: half of what it was is
/// the least.
fn pace(answered: f64, rate: f64) -> f64 {
    (GAIN * answered).max(rate / 2.0).max(LEAST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    /// A path that passes so many packets a second (a token bucket), and loses so many of a hundred of them.
    struct Path {
        limit: f64,
        burst: f64,
        lossy: u32,
        tokens: f64,
        asked: u32,
    }

    impl Path {
        fn new(limit: f64, burst: f64, lossy: u32) -> Self {
            Path { limit, burst, lossy, tokens: burst, asked: 0 }
        }

        fn pass(&mut self, time: Duration) {
            self.tokens = (self.tokens + self.limit * time.as_secs_f64()).min(self.burst);
        }

        fn carries(&mut self) -> bool {
            self.asked += 1;
            let lost = self.asked * 37 % 100 < self.lossy;
            let passes = !lost && self.tokens >= 1.0;
            self.tokens -= f64::from(u8::from(passes));
            passes
        }
    }

    /// The answers of each second while there are always targets. Each SYN is repeated each second, five times at most;
    /// also gives how many attempts were never answered.
    fn answers(path: &mut Path, seconds: u32) -> (Vec<u32>, u32) {
        let begin = crate::net::clock::now();
        let (mut now, mut counts, mut silent) = (begin, Vec::new(), 0);
        let mut pace = Pace::new(now, begin, 100, 50);
        // What was lost of the first window.
        let mut waiting: Vec<(Instant, u32)> = (0..50).map(|_| (now + ROUND, 2)).collect();
        for _ in 0..seconds {
            let mut count = 0;
            for _ in 0..1000 {
                now += MS;
                path.pass(MS);
                while let Some(due) = pace.due(waiting.len(), Duration::ZERO).filter(|&due| due <= now) {
                    pace.begin(now, due);
                    waiting.push((now, 1));
                }
                waiting.retain_mut(|(at, syn)| {
                    let answered = *at <= now && path.carries();
                    if answered {
                        count += 1;
                        pace.heard(now, *syn > 1);
                    } else if *at <= now {
                        (*at, *syn) = (*at + ROUND, *syn + 1);
                    }
                    silent += u32::from(*syn > 5);
                    !answered && *syn <= 5
                });
            }
            counts.push(count);
        }
        (counts, silent)
    }

    #[test]
    fn a_limit_is_found_and_made_use_of() {
        for (limit, burst) in [(25.0, 50.0), (200.0, 50.0), (1000.0, 100.0)] {
            let (answers, silent) = answers(&mut Path::new(limit, burst, 0), 30);
            let (all, after): (u32, u32) = (answers.iter().sum(), answers[8..].iter().sum());
            assert!(f64::from(after) > 0.95 * 22.0 * limit, "{limit}/s: {answers:?}");
            assert!(f64::from(silent) < 0.02 * f64::from(all), "{limit}/s: {silent} of {all} were never answered");
        }
    }

    #[test]
    fn losses_that_do_not_depend_on_the_pace_do_not_slow_it_down() {
        for lossy in [1, 10] {
            let (answers, silent) = answers(&mut Path::new(1e6, 1e6, lossy), 15);
            assert!(2 * answers[14] > 3 * answers[4] && silent == 0, "{lossy} %: {silent} silent, {answers:?}");
        }
    }

    #[test]
    fn a_limit_that_is_lifted_is_noticed() {
        let mut path = Path::new(25.0, 50.0, 0);
        answers(&mut path, 20);
        (path.limit, path.burst) = (1e6, 1e6);
        let (answers, _) = answers(&mut path, 10);
        assert!(answers[9] > 1000, "{answers:?}");
    }

    #[test]
    fn answers_on_the_way_are_no_load() {
        let begin = crate::net::clock::now();
        let pace = Pace::new(begin, begin, 200, 160);
        assert!(pace.due(132, Duration::ZERO).is_some() && pace.due(134, Duration::ZERO).is_none());
        assert!(pace.due(192, 300 * MS).is_some() && pace.due(194, 300 * MS).is_none());
    }

    #[test]
    fn a_pause_earns_no_burst() {
        let begin = crate::net::clock::now();
        let mut pace = Pace::new(begin, begin, 20, 8);
        let now = begin + 10 * ROUND;
        let due = pace.due(0, Duration::ZERO).expect("room");
        assert!(due <= now);
        pace.begin(now, due);
        assert!(pace.due(1, Duration::ZERO).is_some_and(|due| due > now));
    }
}
