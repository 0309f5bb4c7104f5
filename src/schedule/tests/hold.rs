//! Connections that are held: the hold has a timeout of its own, and decides.

use super::*;
use crate::model::Ended;

const HOLD: Duration = Duration::from_secs(7);

fn holding() -> Policy {
    Policy { hold: Some(HOLD), ..policy() }
}

impl Bench {
    /// The `index`-th attempt is connected and held.
    fn hold(&mut self, index: usize) {
        self.tell(Event::Held(self.connects[index].0));
        self.run();
    }

    fn stops(&self) -> Vec<Stop> {
        self.given_up.iter().map(|(_, why)| *why).collect()
    }
}

#[test]
fn the_timeout_limits_the_connect_and_the_hold_has_its_own() {
    let mut bench = Bench::name(holding(), &["10.0.0.1"]);
    bench.pass(2 * SECOND);
    bench.hold(0);
    bench.pass(HOLD - Duration::from_millis(1));
    assert_eq!((bench.stops(), bench.reports.len()), (vec![], 0));
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.stops(), [Stop::Limit]);
    bench.end(0, Outcome::Unserved, None);
    assert_eq!((bench.report().outcome, bench.report().good), (Outcome::Unserved, false));
    bench.assert_idle();
}

/// "An answer that lies in the socket is never given up": the look at the limit found a connection.
#[test]
fn a_connect_that_completed_at_its_limit_is_held() {
    let mut bench = Bench::name(holding(), &["10.0.0.1"]);
    bench.pass(3 * SECOND);
    assert_eq!(bench.stops(), [Stop::Limit]);
    bench.hold(0);
    bench.pass(HOLD - Duration::from_millis(1));
    assert_eq!(bench.stops(), [Stop::Limit]);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.stops(), [Stop::Limit, Stop::Limit]);
    bench.end(0, Outcome::Connected, None);
    bench.assert_idle();
}

/// A connection may be told after the limit of its connect has gone out, and after the run has ended.
#[test]
fn the_end_of_the_run_stands_when_a_connection_crosses_it() {
    let base = holding();
    let mut bench = Bench::name(Policy { deadline: Some(base.epoch.0 + 4 * SECOND), ..base }, &["10.0.0.1"]);
    bench.pass(3 * SECOND);
    bench.pass(SECOND);
    assert_eq!(bench.stops(), [Stop::Limit]);
    bench.hold(0);
    assert_eq!(bench.stops(), [Stop::Limit, Stop::Deadline]);
    bench.end(0, Outcome::Connected, None);
    assert!(bench.done.is_some());
}

#[test]
fn the_deadline_ends_a_hold() {
    let base = holding();
    let mut bench = Bench::name(Policy { deadline: Some(base.epoch.0 + 2 * SECOND), ..base }, &["10.0.0.1"]);
    bench.hold(0);
    bench.pass(2 * SECOND);
    assert_eq!(bench.stops(), [Stop::Deadline]);
    bench.end(0, Outcome::Connected, None);
    assert!(bench.report().good);
    assert!(bench.done.is_some());
}

#[test]
fn a_signal_ends_a_hold() {
    let mut bench = Bench::name(holding(), &["10.0.0.1"]);
    bench.hold(0);
    bench.tell(Event::Signal(Signal::Interrupt));
    bench.run();
    assert_eq!(bench.stops(), [Stop::Interrupted]);
}

#[test]
fn a_connection_that_is_not_served_is_no_success_for_first() {
    for outcome in [Outcome::ClosedByPeer, Outcome::Unserved, Outcome::Reset] {
        let mut bench = Bench::name(Policy { strategy: Strategy::First, ..holding() }, &["::1", "10.0.0.1"]);
        bench.hold(0);
        assert_eq!(bench.tried(), ["[::1]:80"], "the next address waits for the end of the hold");
        bench.end(0, outcome, None);
        assert_eq!(bench.tried(), ["[::1]:80", "10.0.0.1:80"]);
        bench.hold(1);
        bench.end(1, Outcome::Connected, None);
        assert!(bench.report().good && bench.report().partial);
    }
}

/// As a browser does: the first connection is the one that is used.
#[test]
fn the_first_connection_of_a_race_wins_and_is_held() {
    let mut bench = Bench::name(Policy { strategy: Strategy::Race, ..holding() }, &["::1", "10.0.0.1", "::2"]);
    bench.pass(SECOND / 4);
    assert_eq!(bench.tried(), ["[::1]:80", "10.0.0.1:80"]);
    bench.hold(1);
    assert_eq!(bench.given_up, [(bench.connects[0].0, Stop::Overtaken)]);
    bench.end(0, Outcome::Cancelled, None);
    bench.pass(2 * SECOND);
    assert_eq!(bench.tried().len(), 2, "no further address is tried");
    bench.end(1, Outcome::ClosedByPeer, None);
    let outcomes: Vec<Outcome> = bench.report().attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Outcome::Cancelled, Outcome::ClosedByPeer, Outcome::Skipped]);
    assert_eq!((bench.report().outcome, bench.report().good), (Outcome::ClosedByPeer, false));
    bench.assert_idle();
}

#[test]
fn a_connection_that_is_not_served_is_tried_again() {
    for outcome in [Outcome::ClosedByPeer, Outcome::Unserved] {
        let mut bench = Bench::name(Policy { retries: 1, ..holding() }, &["10.0.0.1"]);
        bench.hold(0);
        bench.end(0, outcome, None);
        bench.pass(SECOND);
        assert_eq!(bench.tried().len(), 2);
        bench.hold(1);
        bench.end(1, Outcome::Connected, None);
        assert!(bench.report().good);
    }
}

/// A policy with a deadline so long after the begin.
fn until(deadline: Duration, policy: Policy) -> Policy {
    Policy { deadline: Some(policy.epoch.0 + deadline), ..policy }
}

/// The only attempt ended so.
fn ended(bench: &mut Bench, outcome: Outcome, ended: Ended) {
    bench.end_with(0, |attempt| (attempt.outcome, attempt.ended) = (outcome, Some(ended)));
}

/// A wait asks for what is whole: a hold that its end cuts short proves nothing. Without a wait, "connected" is all that is
/// known, and stands.
#[test]
fn a_hold_that_the_deadline_cuts_short_is_not_what_is_waited_for() {
    for (whole, after, good) in [(true, 5 * SECOND, false), (false, 5 * SECOND, true), (true, 9 * SECOND, true)] {
        let mut bench = Bench::name(until(after, Policy { whole, ..holding() }), &["10.0.0.1"]);
        bench.pass(SECOND);
        bench.hold(0);
        bench.pass(after - SECOND);
        ended(&mut bench, Outcome::Connected, Ended::Limit);
        let report = bench.report();
        assert_eq!((report.outcome, report.good), (Outcome::Connected, good), "{whole} {after:?}");
        assert_eq!(report.attempts[0].cut_short, after < SECOND + HOLD);
    }
}

#[test]
fn a_signal_cuts_a_hold_short() {
    let mut bench = Bench::name(Policy { whole: true, ..holding() }, &["10.0.0.1"]);
    bench.hold(0);
    bench.tell(Event::Signal(Signal::Interrupt));
    bench.run();
    ended(&mut bench, Outcome::Connected, Ended::Signal);
    assert!(!bench.report().good && bench.report().attempts[0].cut_short);
}

/// The timeout is an answer of the host, silence; the end of the run is none.
#[test]
fn a_timeout_that_the_deadline_made_is_not_what_was_expected() {
    let require = Require::Expect([Outcome::TimedOut].into_iter().collect());
    let limit = Some(2 * SECOND);
    for (timeout, deadline, good) in [(limit, SECOND, false), (None, SECOND, false), (limit, 3 * SECOND, true)] {
        let mut bench = Bench::name(until(deadline, Policy { require, timeout, ..policy() }), &["10.0.0.1"]);
        bench.pass(deadline.min(2 * SECOND));
        ended(&mut bench, Outcome::TimedOut, Ended::Limit);
        assert_eq!((bench.report().outcome, bench.report().good), (Outcome::TimedOut, good), "{timeout:?}");
    }
}

#[test]
fn a_lookup_that_the_deadline_cut_short_is_not_what_was_expected() {
    let require = Require::Expect([Outcome::Unresolved].into_iter().collect());
    for (deadline, good) in [(SECOND, false), (3 * SECOND, true)] {
        let lookup_timeout = Some(2 * SECOND);
        let mut bench = Bench::new(until(deadline, Policy { require, lookup_timeout, ..policy() }));
        bench.give(named("h", &[80]));
        bench.run();
        bench.pass(deadline.min(2 * SECOND));
        assert_eq!((bench.report().outcome, bench.report().good), (Outcome::Unresolved, good));
    }
}
