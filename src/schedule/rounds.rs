//! Rounds: the same targets again, an interval apart, until there have been enough. No clock: instants are arguments.

use std::time::{Duration, Instant};

/// So long nothing is read again after a round without a target, even where rounds follow at once.
const PAUSE: Duration = Duration::from_millis(100);

/// When there have been enough rounds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Enough {
    /// After so many rounds in a row in which every target was good.
    Good(u32),
    /// After so many rounds.
    Count(u32),
    /// Never: something else ends the run.
    Never,
}

/// How a run is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Repeat {
    /// From the begin of a round to that of the next. A round that takes longer skips the begins that it missed.
    pub interval: Duration,
    /// When there have been enough.
    pub enough: Enough,
}

/// What is to be done now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Turn {
    /// A round begins.
    Begin,
    /// Nothing before that instant.
    Wait(Instant),
    /// There have been enough rounds.
    End,
}

/// The rounds of a run.
#[derive(Debug)]
pub struct Rounds {
    repeat: Repeat,
    /// The first round began here; every other one begins a multiple of the interval later, so that delays do not add up.
    origin: Instant,
    stage: Stage,
    /// When the last round began.
    began: Instant,
    number: u64,
    /// Rounds of which every target is decided.
    complete: u64,
    /// Begins that the interval asked for and that had passed when the next round began.
    missed: u64,
    /// How many intervals after the origin the last round began.
    place: u128,
    /// So long nothing ran, although a round was due: the process was stopped, or the machine slept.
    paused: Duration,
    /// Targets of the round under way that are decided.
    decided: u64,
    /// Every one of them was good.
    good: bool,
    /// Rounds in a row in which every target was good.
    good_rounds: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    UnderWay,
    Due(Instant),
    Enough,
}

impl Rounds {
    /// The first round is due now.
    pub fn new(now: Instant, repeat: Repeat) -> Self {
        Rounds {
            repeat,
            origin: now,
            stage: Stage::Due(now),
            began: now,
            number: 0,
            complete: 0,
            missed: 0,
            place: 0,
            paused: Duration::ZERO,
            decided: 0,
            good: true,
            good_rounds: 0,
        }
    }

    /// The number of the last round that began, from 1.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// The round under way, if there is one: its number and its begin.
    pub fn under_way(&self) -> Option<(u64, Instant)> {
        (self.stage == Stage::UnderWay).then_some((self.number, self.began))
    }

    /// How many rounds are over.
    pub fn complete(&self) -> u64 {
        self.complete
    }

    /// How many begins were skipped, because a round took longer than the interval or the process did not run.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// From the first begin to an instant, without the time in which the process did not run although a round was due.
    pub fn running_time(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.origin).saturating_sub(self.paused)
    }

    /// A target of the round under way is decided.
    pub fn decided(&mut self, good: bool) {
        self.decided += 1;
        self.good &= good;
    }

    /// Every target of the round under way is decided. Between two rounds it changes nothing.
    pub fn over(&mut self, now: Instant) {
        if self.stage != Stage::UnderWay {
            return;
        }
        self.good_rounds = if self.good && self.decided > 0 { self.good_rounds.saturating_add(1) } else { 0 };
        self.complete += 1;
        self.stage = if self.is_enough() { Stage::Enough } else { Stage::Due(self.next_begin(now)) };
    }

    /// What is to be done at an instant between two rounds.
    pub fn turn(&mut self, now: Instant) -> Turn {
        match self.stage {
            Stage::Enough => Turn::End,
            Stage::Due(at) if at > now => Turn::Wait(at),
            Stage::Due(_) | Stage::UnderWay => {
                self.skip(now);
                (self.stage, self.began, self.decided, self.good) = (Stage::UnderWay, now, 0, true);
                self.number += 1;
                Turn::Begin
            }
        }
    }

    /// The round that is to begin has no targets yet: it is none, and the next one is due an interval later.
    pub fn put_off(&mut self, now: Instant) {
        self.number -= 1;
        self.good_rounds = 0;
        self.decided = 0;
        self.stage = Stage::Due(self.next_begin(now));
    }

    /// Targets of the round under way are missing: it is not good.
    pub fn spoil(&mut self) {
        self.good = false;
    }

    /// Whether so many rounds were asked for.
    pub fn is_counted(&self) -> bool {
        matches!(self.repeat.enough, Enough::Count(_))
    }

    /// Counts what has passed since the last begin. A begin that comes an interval late or more was not held up by work.
    fn skip(&mut self, now: Instant) {
        let interval = self.repeat.interval;
        let Stage::Due(due) = self.stage else { return };
        if interval.is_zero() {
            return;
        }
        let late = now.saturating_duration_since(due);
        if late >= interval {
            self.paused += late;
        }
        let place = now.saturating_duration_since(self.origin).as_nanos() / interval.as_nanos();
        let missed = place.saturating_sub(self.place).saturating_sub(1);
        self.missed = self.missed.saturating_add(u64::try_from(missed).unwrap_or(u64::MAX));
        self.place = place;
    }

    /// Whether rounds are left of a number that was asked for.
    pub fn has_more(&self) -> bool {
        self.is_counted() && !self.is_enough()
    }

    /// Whether there have been enough rounds.
    pub fn is_enough(&self) -> bool {
        match self.repeat.enough {
            Enough::Good(rounds) => self.good_rounds >= rounds,
            Enough::Count(rounds) => self.complete >= u64::from(rounds),
            Enough::Never => false,
        }
    }

    fn next_begin(&self, now: Instant) -> Instant {
        let least = if self.decided == 0 { now + PAUSE } else { now };
        let interval = self.repeat.interval.as_nanos();
        if interval == 0 {
            return least;
        }
        let since = now.saturating_duration_since(self.origin).as_nanos() % interval;
        least.max(now + Duration::from_nanos(u64::try_from(interval - since).unwrap_or(u64::MAX)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn rounds(interval: Duration, enough: Enough) -> (Rounds, Instant) {
        let now = crate::net::clock::now();
        (Rounds::new(now, Repeat { interval, enough }), now)
    }

    /// One round that takes so long, and what comes after it.
    fn round(rounds: &mut Rounds, now: &mut Instant, takes: Duration, good: bool) -> Turn {
        assert_eq!(rounds.turn(*now), Turn::Begin);
        *now += takes;
        rounds.decided(good);
        rounds.over(*now);
        rounds.turn(*now)
    }

    #[test]
    fn delays_do_not_add_up() {
        let (mut rounds, begin) = rounds(SECOND, Enough::Good(1));
        let mut now = begin;
        for (takes, next) in [(100, 1), (300, 2), (1_500, 4), (2_000, 7), (0, 8)] {
            let turn = round(&mut rounds, &mut now, Duration::from_millis(takes), false);
            assert_eq!(turn, Turn::Wait(begin + next * SECOND), "{takes}");
            // A wait never ends early, and often a little late.
            assert_eq!(rounds.turn(begin + next * SECOND - Duration::from_nanos(1)), turn);
            now = begin + next * SECOND + Duration::from_millis(7);
        }
        assert_eq!(rounds.number(), 5);
    }

    #[test]
    fn without_an_interval_rounds_follow_at_once() {
        let (mut rounds, mut now) = rounds(Duration::ZERO, Enough::Good(1));
        assert_eq!(round(&mut rounds, &mut now, SECOND, false), Turn::Begin);
    }

    #[test]
    fn good_rounds_count_in_a_row_only() {
        let (mut rounds, begin) = rounds(SECOND, Enough::Good(3));
        let mut now = begin;
        for (index, good) in [true, true, false, true, true, true].into_iter().enumerate() {
            let turn = round(&mut rounds, &mut now, SECOND / 10, good);
            assert_eq!(turn == Turn::End, index == 5, "{index}");
            now = begin + (index as u32 + 1) * SECOND;
        }
        assert!(rounds.is_enough());
    }

    #[test]
    fn so_many_rounds_and_no_more() {
        let (mut counted, mut now) = rounds(SECOND, Enough::Count(2));
        assert_eq!(round(&mut counted, &mut now, SECOND / 10, false), Turn::Wait(now + SECOND * 9 / 10));
        now += SECOND;
        assert_eq!(round(&mut counted, &mut now, SECOND / 10, true), Turn::End);
        assert_eq!((counted.number(), counted.complete(), counted.missed()), (2, 2, 0));
    }

    #[test]
    fn ten_million_rounds_keep_to_their_begins() {
        let interval = Duration::from_millis(10);
        let (mut rounds, begin) = rounds(interval, Enough::Never);
        for number in 0..10_000_000 {
            // Each begin is as late as a loaded machine has it, and the next one is not.
            let due = begin + number * interval;
            assert_eq!(rounds.turn(due + interval / 3), Turn::Begin);
            rounds.decided(true);
            rounds.over(due + interval / 2);
            assert_eq!(rounds.turn(due + interval / 2), Turn::Wait(due + interval));
        }
        assert_eq!((rounds.complete(), rounds.missed()), (10_000_000, 0));
        assert_eq!(rounds.running_time(begin + SECOND), SECOND);
    }

    /// SIGSTOP, or a machine that sleeps: what was missed is not made up, and the pause is no running time.
    #[test]
    fn a_pause_is_skipped() {
        let (mut rounds, begin) = rounds(SECOND, Enough::Never);
        let mut now = begin;
        assert_eq!(round(&mut rounds, &mut now, SECOND / 10, true), Turn::Wait(begin + SECOND));
        now = begin + SECOND * 601 / 10;
        assert_eq!(round(&mut rounds, &mut now, SECOND / 10, true), Turn::Wait(begin + 61 * SECOND));
        assert_eq!((rounds.number(), rounds.missed()), (2, 59));
        assert_eq!(rounds.running_time(begin + 61 * SECOND), SECOND * 19 / 10);
        now = begin + 61 * SECOND;
        // A round that takes long is work, and no pause.
        assert_eq!(round(&mut rounds, &mut now, SECOND * 25 / 10, true), Turn::Wait(begin + 64 * SECOND));
        assert_eq!(rounds.turn(begin + 64 * SECOND), Turn::Begin);
        assert_eq!((rounds.missed(), rounds.running_time(begin + 64 * SECOND)), (61, SECOND * 49 / 10));
    }

    #[test]
    fn a_round_that_is_put_off_is_none() {
        let (mut rounds, begin) = rounds(SECOND, Enough::Good(2));
        let mut now = begin;
        assert_eq!(round(&mut rounds, &mut now, SECOND / 10, true), Turn::Wait(begin + SECOND));
        assert_eq!(rounds.turn(begin + SECOND), Turn::Begin);
        rounds.put_off(begin + SECOND);
        rounds.over(begin + SECOND);
        assert_eq!((rounds.number(), rounds.complete()), (1, 1));
        now = begin + 2 * SECOND;
        assert_eq!(rounds.turn(begin + SECOND), Turn::Wait(now));
        assert_ne!(round(&mut rounds, &mut now, SECOND / 10, true), Turn::End, "the good rounds are not in a row");
        assert_eq!(rounds.number(), 2);
    }

    /// A file that is missing is not read again without a pause.
    #[test]
    fn a_round_without_a_target_is_followed_by_a_pause() {
        for interval in [Duration::ZERO, Duration::from_millis(1)] {
            let (mut rounds, now) = rounds(interval, Enough::Good(1));
            assert_eq!(rounds.turn(now), Turn::Begin);
            rounds.decided(false);
            rounds.over(now);
            assert_eq!(rounds.turn(now + interval), Turn::Begin);
            let now = now + interval;
            rounds.put_off(now);
            assert_eq!(rounds.turn(now), Turn::Wait(now + PAUSE));
            assert_eq!(rounds.turn(now + PAUSE), Turn::Begin);
            let now = now + PAUSE;
            rounds.over(now);
            assert_eq!(rounds.turn(now), Turn::Wait(now + PAUSE), "all of them were left out");
        }
    }

    #[test]
    fn a_round_of_which_targets_are_missing_is_not_good() {
        let (mut rounds, now) = rounds(SECOND, Enough::Good(1));
        assert_eq!(rounds.turn(now), Turn::Begin);
        rounds.decided(true);
        rounds.spoil();
        rounds.over(now);
        assert!(!rounds.is_enough());
    }

    /// The deadline may end a round before it has a target, and come after the last one was found to be good.
    #[test]
    fn a_round_without_a_target_is_not_good_and_no_round_counts_twice() {
        let (mut rounds, now) = rounds(SECOND, Enough::Good(2));
        assert_eq!(rounds.turn(now), Turn::Begin);
        rounds.over(now);
        assert_eq!(rounds.turn(now + SECOND), Turn::Begin);
        rounds.decided(true);
        rounds.over(now + SECOND);
        rounds.over(now + SECOND);
        assert!(!rounds.is_enough());
    }

    #[test]
    fn every_target_of_a_round_must_be_good() {
        for (targets, enough) in [([true, true], true), ([false, true], false), ([true, false], false)] {
            let (mut rounds, now) = rounds(SECOND, Enough::Good(1));
            assert_eq!(rounds.turn(now), Turn::Begin);
            targets.into_iter().for_each(|good| rounds.decided(good));
            rounds.over(now);
            assert_eq!(rounds.is_enough(), enough);
        }
    }
}
