//! One target: its addresses, the strategies, what makes it good, further tries.

use super::*;

#[test]
fn all_tries_every_address_at_the_same_time_in_the_resolvers_order() {
    let mut bench = Bench::name(policy(), &["::1", "10.0.0.1", "10.0.0.2"]);
    assert_eq!(bench.tried(), ["[::1]:80", "10.0.0.1:80", "10.0.0.2:80"]);
    bench.end(2, Outcome::Connected, None);
    bench.end(0, Outcome::Refused, Some(ECONNREFUSED));
    assert!(bench.reports.is_empty(), "one address is still under way");
    bench.end(1, Outcome::TimedOut, Some(ETIMEDOUT));
    let report = bench.report();
    assert_eq!((report.outcome, report.good, report.partial), (Outcome::Connected, true, true));
    let order: Vec<String> = report.attempts.iter().map(|attempt| attempt.address.to_string()).collect();
    assert_eq!(order, ["[::1]:80", "10.0.0.1:80", "10.0.0.2:80"]);
    bench.assert_idle();
}

#[test]
fn first_goes_in_order_and_stops_at_the_first_success() {
    let mut bench = Bench::name(Policy { strategy: Strategy::First, ..policy() }, &["::1", "10.0.0.1", "10.0.0.2"]);
    assert_eq!(bench.tried(), ["[::1]:80"]);
    bench.end(0, Outcome::Refused, Some(ECONNREFUSED));
    assert_eq!(bench.tried(), ["[::1]:80", "10.0.0.1:80"]);
    bench.end(1, Outcome::Connected, None);
    let report = bench.report();
    let outcomes: Vec<Outcome> = report.attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Outcome::Refused, Outcome::Connected, Outcome::Skipped]);
    assert!(report.good && report.partial);
}

#[test]
fn a_target_is_named_after_the_attempt_that_got_furthest() {
    for (outcomes, expected) in [
        ([Outcome::TimedOut, Outcome::Refused], Outcome::Refused),
        ([Outcome::Unreachable, Outcome::Denied], Outcome::Denied),
        ([Outcome::Refused, Outcome::Reset], Outcome::Reset),
        ([Outcome::Reset, Outcome::Unserved], Outcome::Unserved),
        ([Outcome::Unserved, Outcome::ClosedByPeer], Outcome::ClosedByPeer),
        ([Outcome::Unavailable, Outcome::TimedOut], Outcome::TimedOut),
    ] {
        let mut bench = Bench::name(policy(), &["10.0.0.1", "10.0.0.2"]);
        bench.end(0, outcomes[0], None);
        bench.end(1, outcomes[1], None);
        assert_eq!(bench.report().outcome, expected);
    }
}

#[test]
fn requirements_count_addresses_that_were_tried() {
    let outcome = |require, outcomes: [Outcome; 3]| {
        let mut bench = Bench::name(Policy { require, ..policy() }, &["::1", "10.0.0.1", "10.0.0.2"]);
        (0..3).for_each(|index| bench.end(index, outcomes[index], None));
        (bench.report().good, bench.report().outcome)
    };
    use Outcome::{Connected, Refused};
    assert_eq!(outcome(Require::All, [Connected; 3]), (true, Connected));
    assert_eq!(outcome(Require::All, [Connected, Connected, Refused]), (false, Refused));
    assert_eq!(outcome(Require::Count(2), [Connected, Connected, Refused]), (true, Connected));
    assert_eq!(outcome(Require::Count(3), [Connected, Connected, Refused]), (false, Refused));
    assert_eq!(outcome(Require::EachFamily, [Connected, Refused, Connected]), (true, Connected));
    assert_eq!(outcome(Require::EachFamily, [Refused, Connected, Connected]), (false, Refused));
    assert_eq!(outcome(Require::Count(4), [Connected; 3]), (false, Outcome::Failed));
}

#[test]
fn a_family_that_is_skipped_is_not_counted() {
    let mut bench = Bench::new(Policy { require: Require::All, ..policy() });
    bench.give(named("db.test", &[80]));
    bench.run();
    let skip = Some(Reason::NoRoute);
    bench.answer(0, Ok(vec![found("::1", skip), found("10.0.0.1", None)]));
    bench.run();
    assert_eq!(bench.tried(), ["[::1]:80", "10.0.0.1:80"], "only connect() knows whether there is a route");
    bench.end_with(0, |attempt| {
        let no_route = (Outcome::Unreachable, Some(By::Local), Some(Cause::NoRoute), Some(Phase::Connect));
        (attempt.outcome, attempt.by, attempt.cause, attempt.phase) = no_route;
    });
    bench.end(1, Outcome::Connected, None);
    let report = bench.report();
    assert!(report.good && !report.partial);
    assert_eq!((report.attempts[0].outcome, report.attempts[0].reason), (Outcome::Skipped, skip));
    assert_eq!((report.attempts[0].number, report.attempts.len()), (1, 2));
}

#[test]
fn a_family_that_has_a_route_after_all_is_not_skipped() {
    let mut bench = Bench::new(Policy { require: Require::All, ..policy() });
    bench.give(named("db.test", &[80]));
    bench.run();
    bench.answer(0, Ok(vec![found("::1", Some(Reason::NoRoute)), found("10.0.0.1", None)]));
    bench.run();
    bench.end(0, Outcome::Refused, Some(ECONNREFUSED));
    bench.end(1, Outcome::Connected, None);
    assert!(!bench.report().good);
}

#[test]
fn duplicates_are_dropped_and_counted() {
    let mut bench = Bench::name(policy(), &["10.0.0.1", "::1", "10.0.0.1"]);
    assert_eq!(bench.tried(), ["10.0.0.1:80", "[::1]:80"]);
    bench.end(0, Outcome::Connected, None);
    bench.end(1, Outcome::Connected, None);
    assert_eq!((bench.report().lookup.addresses, bench.report().lookup.duplicates), (2, 1));
}

#[test]
fn an_attempt_is_given_up_at_its_limit_and_not_before() {
    let mut bench = Bench::name(policy(), &["10.0.0.1"]);
    assert_eq!(bench.until, Some(bench.now + 3 * SECOND));
    bench.pass(3 * SECOND - Duration::from_nanos(1));
    assert!(bench.given_up.is_empty());
    bench.pass(Duration::from_nanos(1));
    assert_eq!(bench.given_up, [(bench.connects[0].0, Stop::Limit)]);
    bench.pass(SECOND);
    assert_eq!(bench.given_up.len(), 1, "once is enough");
}

/// "If the error code returned indicates the connection attempt failed (that is, WSAECONNREFUSED, WSAENETUNREACH,
/// WSAETIMEDOUT) the application can call connect again"
#[test]
fn only_what_the_documents_call_retryable_is_tried_again() {
    for (code, outcome, again) in [
        (Some(ECONNREFUSED), Outcome::Refused, true),
        (Some(ENETUNREACH), Outcome::Unreachable, true),
        (Some(ETIMEDOUT), Outcome::TimedOut, true),
        (None, Outcome::TimedOut, true),
        (Some(EHOSTUNREACH), Outcome::Unreachable, false),
        (Some(EACCES), Outcome::Denied, false),
        (Some(ENETUNREACH), Outcome::Denied, false), // ICMP 3/9
        (None, Outcome::Connected, false),
    ] {
        let mut bench = Bench::name(Policy { retries: 1, ..policy() }, &["10.0.0.1"]);
        bench.end(0, outcome, code);
        assert_eq!(bench.reports.is_empty(), again, "{code:?}");
        bench.pass(SECOND);
        assert_eq!(bench.connects.len(), 1 + usize::from(again), "{code:?}");
    }
}

#[test]
fn the_last_try_of_an_address_decides() {
    let mut bench = Bench::name(Policy { retries: 2, ..policy() }, &["10.0.0.1"]);
    bench.end(0, Outcome::Refused, Some(ECONNREFUSED));
    bench.pass(SECOND);
    bench.end(1, Outcome::Connected, None);
    assert!(bench.report().good && !bench.report().partial);
    assert_eq!(bench.report().attempts.len(), 2);
}

#[test]
fn a_self_connect_is_tried_again_at_once_unless_the_port_is_fixed() {
    let mut bench = Bench::name(policy(), &["127.0.0.1"]);
    bench.end(0, Outcome::SelfConnected, None);
    assert_eq!(bench.connects.len(), 2);
    bench.end(1, Outcome::Refused, Some(ECONNREFUSED));
    assert_eq!(bench.report().outcome, Outcome::Refused);

    // That there is no other port to try from takes nothing back.
    let mut alone = Bench::name(policy(), &["127.0.0.1"]);
    alone.end(0, Outcome::SelfConnected, None);
    alone.end(1, Outcome::Unavailable, Some(EADDRNOTAVAIL));
    assert_eq!(alone.report().outcome, Outcome::SelfConnected);

    let mut fixed = Bench::name(Policy { fixed_port: true, ..policy() }, &["127.0.0.1"]);
    fixed.end(0, Outcome::SelfConnected, None);
    assert_eq!(fixed.report().outcome, Outcome::SelfConnected);
}
