//! Lookups: how many, how often, and what ends them.

use super::*;

#[test]
fn a_lookup_that_may_work_later_is_asked_again() {
    let mut bench = Bench::new(Policy { retries: 1, ..policy() });
    bench.give(named("db.test", &[80]));
    bench.run();
    let failure =
        |name| LookupFailure { error: codes::code(name), by: By::System, cause: None, family: None, cut_short: false };
    bench.answer(0, Err(failure(EAI_AGAIN)));
    bench.pass(SECOND);
    assert_eq!(bench.lookups.len(), 2);
    bench.answer(1, Err(failure(EAI_NONAME)));
    bench.run();
    assert_eq!(bench.report().outcome, Outcome::Unresolved);
    assert_eq!(bench.report().lookup.error, codes::code(EAI_NONAME));
}

#[test]
fn so_many_lookups_at_a_time_and_literals_do_not_wait_for_them() {
    let mut bench = Bench::new(policy());
    for host in ["a.test", "b.test", "c.test"] {
        bench.give(named(host, &[80]));
    }
    bench.give(literal(1..=1));
    bench.run();
    assert_eq!((bench.lookups.len(), bench.tried()), (2, vec!["10.0.0.1:1".to_string()]));
    bench.answer(0, Ok(vec![found("10.0.0.2", None)]));
    bench.run();
    assert_eq!((bench.lookups.len(), bench.connects.len()), (3, 2));
}

/// Nothing ends getaddrinfo(): a lookup that was given up holds its thread, and what waits for one has not been asked.
#[test]
fn a_lookup_that_was_given_up_keeps_its_place_until_it_is_over() {
    let mut bench = Bench::new(Policy { lookups: 1, ..policy() });
    for host in ["silent.test", "db.test"] {
        bench.give(named(host, &[80]));
    }
    bench.run();
    bench.pass(20 * SECOND);
    bench.pass(20 * SECOND);
    assert_eq!((bench.lookups.len(), bench.abandoned.len(), bench.reports.len()), (1, 1, 1));
    bench.tell(Event::LookupOver);
    bench.run();
    assert_eq!(bench.lookups.len(), 2);
}

/// The driver takes answers before it does what the schedule has asked for.
#[test]
fn an_answer_that_crosses_our_giving_up_comes_too_late() {
    let mut bench = Bench::new(Policy { timeout: Some(20 * SECOND), retries: 1, ..policy() });
    bench.give(named("db.test", &[80]));
    bench.give(literal(1..=1));
    bench.run();
    bench.now += 20 * SECOND;
    let look = bench.schedule.step(bench.now);
    assert!(matches!(look, Step::Wait(Some(until)) if until <= bench.now), "{look:?}");
    let first = bench.schedule.step(bench.now);
    assert!(matches!(first, Step::GiveUp(..)), "{first:?}");
    bench.answer(0, Ok(vec![found("10.0.0.2", None)]));
    bench.run();
    bench.end(0, Outcome::TimedOut, None);
    bench.pass(SECOND);
    assert_eq!(bench.lookups.len(), 2, "the lookup is tried again");
    bench.tell(Event::Signal(Signal::Interrupt));
    bench.answer(1, Ok(vec![found("10.0.0.2", None)]));
    bench.run();
    bench.end(1, Outcome::Interrupted, None);
    bench.assert_idle();
}

/// However long the driver was busy: the limit counts from the beginning of the lookup.
#[test]
fn what_held_up_a_lookup_is_not_the_resolvers_silence() {
    let mut bench = Bench::new(policy());
    bench.give(named("db.test", &[80]));
    bench.pass(30 * SECOND);
    assert_eq!((bench.lookups.len(), bench.reports.len()), (1, 0));

    let base = policy();
    let deadline = Some(base.epoch.0 + SECOND);
    let mut late = Bench::new(Policy { deadline, ..base });
    late.give(named("db.test", &[80]));
    late.pass(SECOND);
    assert_eq!((late.lookups.len(), late.report().outcome), (0, Outcome::Skipped));
}

#[test]
fn a_signal_in_the_pause_before_a_lookup_forgets_no_failure() {
    let mut bench = Bench::new(Policy { retries: 1, ..policy() });
    bench.give(named("db.test", &[80]));
    bench.run();
    let error = codes::code(EAI_AGAIN);
    bench.answer(0, Err(LookupFailure { error, by: By::System, cause: None, family: None, cut_short: false }));
    bench.tell(Event::Signal(Signal::Interrupt));
    bench.run();
    assert_eq!((bench.report().outcome, bench.report().lookup.error), (Outcome::Unresolved, error));
    assert!(!bench.schedule.ended.cut_short);
}

/// What the last try came to is known; that a further one would have come is no answer.
#[test]
fn the_deadline_in_the_pause_before_a_lookup_forgets_no_failure() {
    let base = policy();
    let deadline = Some(base.epoch.0 + SECOND / 2);
    let mut bench = Bench::new(Policy { retries: 1, deadline, ..base });
    bench.give(named("db.test", &[80]));
    bench.run();
    let error = codes::code(EAI_AGAIN);
    bench.answer(0, Err(LookupFailure { error, by: By::System, cause: None, family: None, cut_short: false }));
    bench.pass(SECOND / 2);
    assert_eq!((bench.report().lookup.error, bench.report().lookup.by), (error, Some(By::System)));
}

#[test]
fn one_lookup_serves_every_port() {
    let mut bench = Bench::new(policy());
    bench.give(named("db.test", &[80, 443]));
    bench.run();
    bench.answer(0, Ok(vec![found("10.0.0.1", None)]));
    bench.run();
    assert_eq!(bench.tried(), ["10.0.0.1:80", "10.0.0.1:443"]);
    assert_eq!(bench.lookups.len(), 1);
}

#[test]
fn a_signal_during_a_lookup_reports_the_target_as_interrupted() {
    let mut bench = Bench::new(policy());
    bench.give(named("db.test", &[80]));
    bench.run();
    bench.tell(Event::Signal(Signal::Interrupt));
    bench.run();
    assert_eq!(bench.report().outcome, Outcome::Interrupted);
    assert_eq!((bench.report().lookup.by, bench.report().lookup.cause), (None, None), "no limit of ours ended it");
    bench.assert_idle();
}
