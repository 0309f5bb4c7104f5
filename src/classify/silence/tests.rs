//! Stories of counters: what one attempt may conclude from them.

use super::*;

/// Looks as they are planned, and one at the end of a timeout of 5 s.
struct Story {
    called: Instant,
    looks: Vec<Counters>,
}

/// SYNs are sent again at these times, by a kernel whose timers are a little late.
const RESENT: [u64; 4] = [1020, 2050, 3080, 4110];

impl Story {
    fn new() -> Story {
        let called = crate::net::clock::now();
        let planned = LOOKS.into_iter().filter(|look| *look < ms([5000])[0]).chain(ms([5000]));
        let quiet = Counters {
            at: called,
            resent: [7; 2],
            resent_in_vain: 3,
            syns_resent: 5,
            reverse_path: 2,
            undelivered: [-40, 17],
        };
        let looks = planned.map(|look| Counters { at: called + look, ..quiet }).collect();
        Story { called, looks }
    }

    /// Something happens at these milliseconds after connect().
    fn with(mut self, at: impl IntoIterator<Item = u64>, what: impl Fn(&mut Counters)) -> Story {
        for at in at {
            let at = self.called + Duration::from_millis(at);
            self.looks.iter_mut().filter(|look| look.at >= at).for_each(&what);
        }
        self
    }

    /// The attempt's own SYNs.
    fn asked(self) -> Story {
        self.with(RESENT, |look| {
            look.resent = look.resent.map(|count| count + 1);
            look.syns_resent += 1;
        })
    }

    fn explained(&self) -> Option<LocalDrop> {
        self.explained_in(Family::V4)
    }

    fn explained_in(&self, family: Family) -> Option<LocalDrop> {
        explain(Silent { family, called: self.called, resent: 4 }, &self.looks)
    }
}

fn fails(look: &mut Counters) {
    look.resent_in_vain += 1;
}

fn comes(look: &mut Counters) {
    look.undelivered[0] += 1;
}

fn filtered(look: &mut Counters) {
    comes(look);
    look.reverse_path += 1;
}

/// Somebody else sends a SYN again.
fn stranger(look: &mut Counters) {
    look.resent = look.resent.map(|count| count + 1);
    look.syns_resent += 1;
}

fn drop(point: DropPoint, count: u64, certain: bool) -> Option<LocalDrop> {
    Some(LocalDrop { point, count, certain })
}

/// The round trip takes a while.
fn answers() -> [u64; 4] {
    RESENT.map(|at| at + 30)
}

#[test]
fn nothing_moves_in_silence() {
    assert_eq!(Story::new().asked().explained(), None);
}

#[test]
fn what_goes_out_is_dropped_when_all_that_was_sent_again_failed() {
    let dropped = || Story::new().asked().with(RESENT, fails);
    assert_eq!(dropped().explained(), drop(DropPoint::Output, 4, true));
    assert_eq!(dropped().explained_in(Family::V6), drop(DropPoint::Output, 4, true));
    // One that left may have been ours.
    assert_eq!(dropped().with([2500], stranger).explained(), drop(DropPoint::Output, 4, false));
    // A thousand others that fail, too, change nothing; ours alone that leave change all.
    let crowd = || Story::new().asked().with(300..4900, stranger).with(300..4900, fails);
    assert_eq!(crowd().with(RESENT, fails).explained(), drop(DropPoint::Output, 4, true));
    assert_eq!(crowd().explained().map(|drop| drop.certain), Some(false));
}

#[test]
fn counters_that_are_read_one_after_the_other_do_not_deceive() {
    // A segment of a stranger was counted as sent again before the first look, and as failed after it.
    let mut story = Story::new().asked().with(RESENT, fails);
    story.looks[0].resent[0] -= 1;
    assert_eq!(story.explained(), drop(DropPoint::Output, 4, false));
}

#[test]
fn fewer_than_were_sent_again_explain_nothing() {
    assert_eq!(Story::new().asked().with([2500], fails).explained(), None);
    assert_eq!(Story::new().asked().with([2500, 2600, 4500], comes).explained(), None);
}

#[test]
fn answers_keep_step_with_the_syns() {
    let dropped = || Story::new().asked().with(answers(), comes);
    assert_eq!(dropped().explained(), drop(DropPoint::Input, 4, true));
    assert_eq!(dropped().explained_in(Family::V6), None, "those were of the other family");
    // A server repeats its answer by itself: one for each SYN is certain.
    assert_eq!(dropped().with([1030, 3100], comes).explained(), drop(DropPoint::Input, 4, true));
    for between in [&[2500][..], &[700, 4800], &[500, 1500, 3500]] {
        let seen = dropped().with(between.iter().copied(), comes).explained();
        assert_eq!(seen, drop(DropPoint::Input, 4, true), "{between:?}");
    }
    // Too many may be anybody's.
    let crowd = dropped().with([500, 700, 1500, 2500, 3500, 4500], comes);
    assert_eq!(crowd.explained(), drop(DropPoint::Input, 10, false));
    // One SYN brought nothing, another one three.
    let [first, second, third, _] = answers();
    let uneven = Story::new().asked().with([first, second, third, third, third], comes);
    assert_eq!(uneven.explained(), drop(DropPoint::Input, 5, false));
}

#[test]
fn the_filter_of_reverse_paths_has_a_counter_of_its_own() {
    let dropped = || Story::new().asked().with(answers(), filtered);
    assert_eq!(dropped().explained(), drop(DropPoint::ReversePath, 4, true));
    assert_eq!(dropped().explained_in(Family::V6), None);
}

#[test]
fn two_that_ask_at_the_same_time_need_two_answers() {
    let two = || Story::new().asked().with(RESENT, stranger);
    assert_eq!(two().with(answers(), comes).explained(), drop(DropPoint::Input, 4, false));
    assert_eq!(two().with(answers(), comes).with(answers(), comes).explained(), drop(DropPoint::Input, 4, true));
    let both = two().with(answers(), comes).with(answers(), |look| look.undelivered[1] += 1);
    assert_eq!(both.explained(), drop(DropPoint::Input, 4, true));
    assert_eq!(both.explained_in(Family::V6), drop(DropPoint::Input, 4, true));
}

#[test]
fn packets_of_strangers_at_random_are_not_answers() {
    for apart in [1, 7, 90, 250, 500, 700, 1300, 2000] {
        for offset in 0..apart.min(50) {
            let noise = Story::new().asked().with((offset * apart / 50..5000).step_by(apart as usize), comes);
            assert!(noise.explained().is_none_or(|drop| !drop.certain), "{apart} {offset}");
        }
    }
}

#[test]
fn two_steps_in_three_seconds_may_be_chance() {
    let mut short = Story::new().asked().with(answers(), comes);
    short.looks.retain(|look| look.at <= short.called + Duration::from_millis(3000));
    let two = Silent { family: Family::V4, called: short.called, resent: 2 };
    assert_eq!(explain(two, &short.looks), drop(DropPoint::Input, 2, false));
    // A kernel that waits twice as long after each SYN (before Linux 6.5) sends two in 5 s, with longer pauses.
    let doubling = |moves: fn(&mut Counters)| move |story: Story| story.with([1020, 3070], moves);
    let old = doubling(comes)(doubling(stranger)(Story::new()));
    let two = Silent { family: Family::V4, called: old.called, resent: 2 };
    assert_eq!(explain(two, &old.looks), drop(DropPoint::Input, 2, true));
}

#[test]
fn without_a_look_before_the_second_syn_nothing_is_known() {
    let mut late = Story::new().asked().with(RESENT, fails);
    late.looks.remove(0);
    assert_eq!(late.explained(), None);
    assert_eq!(explain(Silent { family: Family::V4, called: late.called, resent: 4 }, &[]), None);
}

#[test]
fn without_a_second_syn_nothing_is_known() {
    let story = Story::new().with([500], fails);
    assert_eq!(explain(Silent { family: Family::V4, called: story.called, resent: 0 }, &story.looks), None);
    let mut early = Story::new().asked().with(RESENT, fails);
    early.looks.truncate(2);
    assert_eq!(early.explained(), None, "the second SYN may be sent after the last look");
}

#[test]
#[allow(clippy::disallowed_methods, reason = "a test may load libm")]
fn the_exponential_function_is_near_enough() {
    for x in [0.0, 1e-9, 0.1, 1.0, 3.0, 10.0, 100.0] {
        let (near, exact) = (decay(x), (-x).exp());
        assert!((near - exact).abs() <= 1e-7 * exact, "{x}: {near} instead of {exact}");
    }
}
