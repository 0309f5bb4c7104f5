//! How a run ends: by its deadline, or by a signal.

use super::*;

#[test]
fn the_deadline_bounds_attempts_lookups_and_what_was_not_begun() {
    let base = policy();
    let deadline = Some(base.epoch.0 + SECOND);
    let mut bench = Bench::new(Policy { deadline, concurrency: 1, ..base });
    bench.give(named("slow.test", &[80]));
    bench.give(literal(1..=3));
    // What is read later is reported, too, without a lookup.
    bench.give(named("late.test", &[80, 443]));
    bench.run();
    assert_eq!((bench.until, bench.batches.len()), (deadline, 1));
    bench.pass(SECOND);
    assert_eq!(bench.abandoned.len(), 1);
    assert_eq!(bench.given_up, [(bench.connects[0].0, Stop::Deadline)]);
    bench.end(0, Outcome::TimedOut, None);
    let outcomes: Vec<Outcome> = bench.reports.iter().map(|report| report.outcome).collect();
    use Outcome::{Skipped, TimedOut, Unresolved};
    assert_eq!(outcomes, [TimedOut, Unresolved, Skipped, Skipped, Skipped, Skipped]);
    assert_eq!((bench.reports[1].lookup.by, bench.lookups.len()), (Some(By::Limit), 1));
    assert!(!bench.schedule.ended.cut_short, "ports 2 and 3 were never tried, and reported");
    bench.assert_idle();
}

#[test]
fn what_the_deadline_left_out_has_not_connected() {
    for require in [Require::All, Require::EachFamily, Require::Count(2)] {
        let base = policy();
        let deadline = Some(base.epoch.0 + SECOND);
        let mut bench = Bench::name(Policy { require, deadline, concurrency: 1, ..base }, &["10.0.0.1", "::1"]);
        bench.end(0, Outcome::Connected, None);
        bench.pass(SECOND);
        bench.end(1, Outcome::TimedOut, None);
        assert!(!bench.report().good, "{require:?}");
    }
    let base = policy();
    let deadline = Some(base.epoch.0 + SECOND);
    let policy = Policy { require: Require::All, deadline, spacing: 2 * SECOND, ..base };
    let mut bench = Bench::name(policy, &["10.0.0.1", "::1"]);
    bench.end(0, Outcome::Connected, None);
    bench.pass(SECOND);
    assert_eq!((bench.report().good, bench.report().outcome), (false, Outcome::Skipped));
}

/// "limit of the whole run"
#[test]
fn the_deadline_is_not_outlasted_by_telling_millions_that_it_left_out() {
    let base = policy();
    let mut bench = Bench::new(Policy { deadline: Some(base.epoch.0 + SECOND), concurrency: 1, ..base });
    bench.give(literal(1..=u16::MAX));
    bench.run();
    bench.pass(SECOND);
    assert!(bench.reports.is_empty(), "what runs is reported first");
    bench.end(0, Outcome::TimedOut, None);
    assert_eq!((bench.reports.len(), bench.schedule.ended.unread), (1 + MOST_LEFT_OUT, true));
    assert_eq!(bench.done, Some(Ended { unread: true, ..Ended::default() }));
}

#[test]
fn what_waits_at_its_address_counts_among_what_the_deadline_left_out() {
    let base = policy();
    let mut bench = Bench::new(Policy { deadline: Some(base.epoch.0 + SECOND), per_host: Some(1), ..base });
    bench.give(literal(1..=u16::MAX));
    bench.run();
    assert!(bench.schedule.probes.len() > 1, "some wait for room");
    bench.pass(SECOND);
    bench.end(0, Outcome::TimedOut, None);
    let skipped = bench.reports.iter().filter(|report| report.outcome == Outcome::Skipped);
    assert_eq!(skipped.count(), MOST_LEFT_OUT);
}

#[test]
fn a_signal_ends_what_runs_and_reports_it() {
    let mut bench = Bench::name(Policy { concurrency: 1, ..policy() }, &["10.0.0.1", "10.0.0.2"]);
    bench.tell(Event::Signal(Signal::Interrupt));
    bench.run();
    assert_eq!(bench.given_up, [(bench.connects[0].0, Stop::Interrupted)]);
    bench.end(0, Outcome::Interrupted, None);
    let outcomes: Vec<Outcome> = bench.report().attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Outcome::Interrupted, Outcome::Skipped]);
    bench.assert_idle();
}

/// Targets that wait for room at their address, or for a thread that is to call connect(), were not started.
#[test]
fn a_signal_before_the_first_attempt_leaves_nothing_to_report() {
    for end in [Event::Signal(Signal::Interrupt), Event::NobodyReads] {
        let mut bench = Bench::new(Policy { per_host: Some(2), ..policy() });
        bench.give(literal(1..=5));
        bench.run();
        bench.tell(end);
        bench.run();
        bench.end(0, Outcome::Interrupted, None);
        bench.tell(Event::NotBegun(bench.connects[1].0));
        bench.run();
        assert_eq!((bench.report().port, bench.report().outcome), (1, Outcome::Interrupted));
        assert!(bench.done.is_some_and(|ended| ended.cut_short));
    }
}

#[test]
fn the_deadline_reports_what_waits_for_room_at_its_address() {
    let base = policy();
    let deadline = Some(base.epoch.0 + SECOND);
    let mut bench = Bench::new(Policy { per_host: Some(1), deadline, ..base });
    bench.give(literal(1..=3));
    bench.run();
    bench.pass(SECOND);
    bench.end(0, Outcome::TimedOut, None);
    let outcomes: Vec<Outcome> = bench.reports.iter().map(|report| report.outcome).collect();
    assert_eq!(outcomes, [Outcome::Skipped, Outcome::Skipped, Outcome::TimedOut]);
}

#[test]
fn one_attempt_that_was_begun_is_reported_with_the_others_of_its_target() {
    for begun in [false, true] {
        let mut bench = Bench::name(policy(), &["10.0.0.1", "10.0.0.2"]);
        bench.tell(Event::Signal(Signal::Interrupt));
        bench.run();
        bench.tell(Event::NotBegun(bench.connects[0].0));
        if begun {
            bench.end(1, Outcome::Interrupted, None);
            let outcomes: Vec<Outcome> = bench.report().attempts.iter().map(|attempt| attempt.outcome).collect();
            assert_eq!(outcomes, [Outcome::Skipped, Outcome::Interrupted]);
        } else {
            bench.tell(Event::NotBegun(bench.connects[1].0));
            bench.run();
            assert!(bench.reports.is_empty() && bench.done.is_some_and(|ended| ended.cut_short));
        }
        bench.assert_idle();
    }
}
