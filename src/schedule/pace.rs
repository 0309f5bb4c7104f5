//! The pace of an address that answers some SYNs only when they are repeated.
//!
//! A firewall that limits new connections, a host that limits resets and a router that limits ICMP messages let so many
//! packets through in a second. When more are asked for, the answers come at that rate, so the rate is known. What waits
//! for an answer is a load of its own (`load`), and only what it leaves is for new attempts. Both together are to be a
//! little more than what is carried: enough to notice that the limit has been lifted, and little is lost. Losses that do
//! not depend on the rate leave the answers in proportion to what is asked, and the pace rises.
//!
//! Where most targets are silent, their answers do not tell what is carried. Then a target that has refused is asked again
//! now and then, as a check (Nmap's "port scan pings" do the same). The share of the SYNs of checks that were answered is
//! the share of all SYNs that are carried.

use std::time::{Duration, Instant};

use super::load::{Load, ROUND};

/// SYNs for each that is carried. A quarter more is how much "BBR: Congestion-Based Congestion Control" (ACM Queue 14,
/// 2016) sends when it looks for more.
const GAIN: f64 = 1.25;

/// One SYN of so many is that of a check.
const CHECKED: f64 = 10.0;

/// SYNs of checks that tell something.
const ENOUGH: f64 = 4.0;

/// SYNs of checks that are remembered.
const SAMPLE: f64 = 24.0;

/// SYNs of checks, all of them answered, that show that more is carried: four of five are answered at the right pace, and
/// so many in a row are chance in one case of a hundred.
const CLEAN: f64 = 20.0;

/// What a second later is kept of the numbers of targets that began and answered.
const KEPT: f64 = 0.8;

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
    /// Answers of this second, and whether one of them came to a later SYN.
    heard: f64,
    late: bool,
    /// Targets that began and answered of late.
    begun: f64,
    answered: f64,
    /// When the last check began.
    checked: Instant,
    sample: Sample,
    /// Since when checks tell what is lost.
    known: Option<Instant>,
}

/// What became of the last checks.
#[derive(Debug, Default)]
struct Sample {
    answers: f64,
    syns: f64,
    /// The sum of what each of these SYNs was of all SYNs of its second. As many answers are expected as this is of what
    /// is carried, whatever the pace was then.
    share: f64,
}

impl Pace {
    /// The first sign of loss at `now`, after so many attempts and answers since `begin`.
    pub fn new(now: Instant, begin: Instant, begun: u64, answered: u64) -> Self {
        let elapsed = now.saturating_duration_since(begin).max(ROUND).as_secs_f64();
        let (begun, answered) = (begun as f64, answered as f64);
        let rate = (begun / elapsed).max(GAIN * answered / elapsed).max(LEAST);
        let sample = Sample::default();
        Pace {
            rate,
            last: now,
            jitter: 0.5,
            heard: 0.0,
            late: false,
            begun,
            answered,
            checked: now,
            sample,
            known: None,
        }
    }

    /// An attempt was answered; `late`: only when its SYN was repeated.
    pub fn heard(&mut self, late: bool) {
        self.answered += 1.0;
        self.count(late);
    }

    fn count(&mut self, late: bool) {
        self.heard += 1.0;
        self.late |= late;
    }

    /// A check ended after so many SYNs, with an answer or without.
    pub fn checked(&mut self, load: &Load, syns: u32, answered: bool) {
        if answered {
            self.count(syns > 1);
        }
        self.sample.add(load, syns, answered);
    }

    /// An attempt was answered after so many SYNs where no target can be checked. Answers that never come are not counted.
    pub fn learn(&mut self, load: &Load, syns: u32) {
        self.sample.add(load, syns, true);
    }

    /// A second is complete. `large`: the sweep is worth checks.
    pub fn turn(&mut self, now: Instant, load: &Load, large: bool) {
        let sparse = large && self.is_sparse(load);
        if !sparse {
            self.sample = Sample::default();
        }
        let used = self.rate / 2.0;
        let more = if sparse { self.sample.is_clean() && load.last() > used } else { !self.late && self.heard > used };
        if more {
            self.rate *= 2.0;
            self.sample = Sample::default();
        } else if self.sample.is_enough() || (self.late && !sparse) {
            let carried = self.heard.max(self.sample.carried());
            self.rate = (GAIN * carried).max(self.rate / 2.0).max(LEAST);
        }
        (self.heard, self.late) = (0.0, false);
        (self.begun, self.answered) = (KEPT * self.begun, KEPT * self.answered);
        self.sample.fade();
        self.known = self.known.or(Some(now)).filter(|_| self.sample.is_enough());
    }

    /// Whether a check is due: most targets are silent.
    pub fn wants_check(&self, now: Instant, load: &Load) -> bool {
        now >= self.checked + Duration::from_secs_f64(CHECKED / self.rate) && self.is_sparse(load)
    }

    /// Whether most of what was asked of late, and has had the time to answer, did not.
    fn is_sparse(&self, load: &Load) -> bool {
        self.answered < (self.begun - load.young() as f64) / 2.0
    }

    /// The chance that an attempt since `begin` sent so many SYNs and none was carried, or none of the answers. Of the time
    /// before the first checks nothing is known.
    pub fn loss(&self, begin: Instant, syns: u32) -> f64 {
        let known = self.known.is_some_and(|known| known <= begin);
        if known { self.sample.loss().powi(syns.min(100) as i32) } else { 1.0 }
    }

    /// When the next attempt may begin; `None`: when fewer of them wait.
    pub fn due(&self, now: Instant, load: &Load) -> Option<Instant> {
        let left = self.rate - load.waiting(now) as f64;
        (left > 0.0).then(|| self.last + Duration::from_secs_f64(((0.5 + self.jitter) / left).min(FURTHEST)))
    }

    /// An attempt that was due then begins, for a target or as a check.
    pub fn begin(&mut self, now: Instant, due: Instant, check: bool) {
        self.last = if now.saturating_duration_since(due) < CATCH_UP { due } else { now };
        self.jitter = (self.jitter + GOLDEN).fract();
        if check {
            self.checked = now;
        } else {
            self.begun += 1.0;
        }
    }
}

impl Sample {
    /// An attempt ended after so many SYNs, with an answer or without.
    fn add(&mut self, load: &Load, syns: u32, answered: bool) {
        // The last SYN was sent now if it was answered, and a second ago if it was not.
        let first = usize::from(!answered);
        self.answers += f64::from(u8::from(answered));
        self.syns += f64::from(syns);
        self.share += (first..first + syns as usize).map(|ago| 1.0 / load.sent(ago)).sum::<f64>();
    }

    fn is_enough(&self) -> bool {
        self.syns >= ENOUGH
    }

    fn is_clean(&self) -> bool {
        self.syns >= CLEAN && self.syns - self.answers < 0.1
    }

    /// SYNs that are carried in a second.
    fn carried(&self) -> f64 {
        if self.is_enough() { self.answers / self.share } else { 0.0 }
    }

    /// The share of SYNs that is lost, taken as if one more were.
    fn loss(&self) -> f64 {
        (self.syns - self.answers + 1.0) / (self.syns + 1.0)
    }

    fn fade(&mut self) {
        let keep = (SAMPLE / self.syns).min(1.0);
        (self.answers, self.syns, self.share) = (keep * self.answers, keep * self.syns, keep * self.share);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn busy(now: Instant, attempts: usize) -> Load {
        let mut load = Load::new(now);
        (0..attempts).for_each(|_| load.begin(now));
        load
    }

    #[test]
    fn answers_on_the_way_are_no_load() {
        let begin = crate::net::clock::now();
        let pace = Pace::new(begin, begin, 100, 60);
        let load = busy(begin, 100);
        assert!(pace.due(begin + ROUND / 2, &load).is_some());
        assert!(pace.due(begin + ROUND, &load).is_none());
    }

    #[test]
    fn a_pause_earns_no_burst() {
        let begin = crate::net::clock::now();
        let mut pace = Pace::new(begin, begin, 20, 8);
        let now = begin + 10 * ROUND;
        let due = pace.due(now, &busy(now, 0)).expect("room");
        assert!(due <= now);
        pace.begin(now, due, false);
        assert!(pace.due(now, &busy(now, 1)).is_some_and(|due| due > now));
    }

    /// 100 SYNs a second and three checks of ten SYNs each, one SYN of each answered: 10 SYNs a second are carried.
    #[test]
    fn checks_tell_what_is_carried_and_what_is_lost() {
        let begin = crate::net::clock::now();
        let mut load = busy(begin, 100);
        let mut pace = Pace::new(begin, begin, 100, 4);
        assert!((pace.loss(begin, 5) - 1.0).abs() < 1e-9, "nothing is known yet");
        assert!(load.pass(begin + ROUND));
        (0..3).for_each(|_| pace.checked(&load, 10, true));
        pace.turn(begin, &load, true);
        assert!((pace.rate - 50.0).abs() < 1e-9, "half of what it was is the least");
        pace.turn(begin, &load, true);
        pace.turn(begin, &load, true);
        assert!((pace.rate - 12.5).abs() < 1e-9, "{pace:?}");
        assert!(pace.loss(begin, 5) > 0.5 && pace.loss(begin, 5) < 0.7, "{}", pace.loss(begin, 5));
    }

    /// One SYN of ten, while most targets are silent.
    #[test]
    fn checks_are_made_where_most_is_silent() {
        let begin = crate::net::clock::now();
        let load = busy(begin, 0);
        let pace = |answered| Pace::new(begin, begin, 100, answered);
        assert!(!pace(40).wants_check(begin + ROUND / 11, &load));
        assert!(pace(40).wants_check(begin + ROUND / 10, &load));
        assert!(!pace(60).wants_check(begin + ROUND, &load));
        assert!(!pace(40).wants_check(begin + ROUND, &busy(begin, 30)), "70 have had time to answer, and 40 did");
    }
}
