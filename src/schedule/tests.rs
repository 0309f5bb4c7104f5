//! The scheduler moved by hand: time is `now += …`, nothing sleeps.

use std::time::SystemTime;

use super::*;
use crate::classify::requirement::Require;
use crate::model::Name::{
    EACCES, EADDRNOTAVAIL, EAI_AGAIN, EAI_NONAME, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT,
};
use crate::model::{self, Mode, Outcome, Phase};

const SECOND: Duration = Duration::from_secs(1);

fn policy() -> Policy {
    Policy {
        strategy: Strategy::All,
        require: Require::Any,
        mode: Mode::Nonblocking,
        concurrency: 10,
        lookups: 2,
        one_by_one: false,
        spacing: Duration::ZERO,
        timeout: Some(3 * SECOND),
        lookup_timeout: Some(20 * SECOND),
        deadline: None,
        retries: 0,
        retry_delay: SECOND,
        fixed_port: false,
        epoch: (crate::net::clock::now(), SystemTime::UNIX_EPOCH),
    }
}

/// The engine with its clock and what it asked for.
struct Bench {
    engine: Engine,
    now: Instant,
    reports: Vec<Report>,
    connects: Vec<(AttemptId, SocketAddr)>,
    lookups: Vec<GroupId>,
    given_up: Vec<(AttemptId, Stop)>,
    abandoned: Vec<GroupId>,
}

impl Bench {
    fn new(policy: Policy) -> Self {
        let now = policy.epoch.0;
        let engine = Engine::new(policy);
        let (reports, connects, lookups) = (Vec::new(), Vec::new(), Vec::new());
        Bench { engine, now, reports, connects, lookups, given_up: Vec::new(), abandoned: Vec::new() }
    }

    /// A name with these addresses, looked up and answered.
    fn name(policy: Policy, addresses: &[&str]) -> Self {
        let mut bench = Bench::new(policy);
        bench.engine.draw(bench.now, named("db.test", &[80]));
        bench.run();
        let found = addresses.iter().map(|ip| found(ip, None)).collect();
        bench.answer(0, Ok(found));
        bench.run();
        bench
    }

    fn run(&mut self) {
        while let Some(action) = self.engine.next(self.now) {
            match action {
                Action::Lookup(group, ..) => {
                    self.engine.asked(self.now, group);
                    self.lookups.push(group);
                }
                Action::Abandon(group) => self.abandoned.push(group),
                Action::Connect(attempt, connect) => {
                    self.engine.started(self.now, attempt);
                    self.connects.push((attempt, connect.address));
                }
                Action::GiveUp(attempt, why) => self.given_up.push((attempt, why)),
                Action::Report(report) => self.reports.push(*report),
            }
        }
    }

    /// The `index`-th lookup that was begun comes to this.
    fn answer(&mut self, index: usize, result: Result<Vec<Found>, LookupFailure>) {
        self.engine.looked_up(self.now, self.lookups[index], result);
        self.engine.lookup_over();
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.run();
    }

    /// The `index`-th attempt that was started comes to this.
    fn end(&mut self, index: usize, outcome: Outcome, code: Option<model::Name>) {
        let (id, address) = self.connects[index];
        let mut attempt = Attempt::skipped(address, 1, Duration::ZERO, outcome, Reason::Signal);
        attempt.error = code.and_then(codes::code);
        attempt.phase = Some(Phase::Completion);
        self.engine.ended(self.now, id, attempt);
        self.run();
    }

    fn report(&self) -> &Report {
        assert_eq!(self.reports.len(), 1);
        &self.reports[0]
    }

    fn tried(&self) -> Vec<String> {
        self.connects.iter().map(|(_, address)| address.to_string()).collect()
    }
}

fn found(ip: &str, skip: Option<Reason>) -> Found {
    Found { address: SocketAddr::new(ip.parse().unwrap(), 0), skip }
}

fn goal(host: &str, port: u16, address: Option<SocketAddr>) -> Goal {
    Goal { host: host.into(), text: format!("{host}:{port}"), port, address }
}

fn named(host: &str, ports: &[u16]) -> Group {
    let goals: Vec<Goal> = ports.iter().map(|&port| goal(host, port, None)).collect();
    Group { protocol: Protocol::Tcp, name: Some(Name::Host(host.into())), goals: Box::new(goals.into_iter()) }
}

fn literal(ports: std::ops::RangeInclusive<u16>) -> Group {
    let goals = ports.map(|port| goal("10.0.0.1", port, Some(SocketAddr::from(([10, 0, 0, 1], port)))));
    Group { protocol: Protocol::Tcp, name: None, goals: Box::new(goals) }
}

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
    assert!(bench.engine.idle());
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
    bench.engine.draw(bench.now, named("db.test", &[80]));
    bench.run();
    let skip = Some(Reason::NoRoute);
    bench.answer(0, Ok(vec![found("::1", skip), found("10.0.0.1", None)]));
    bench.run();
    assert_eq!(bench.tried(), ["10.0.0.1:80"]);
    bench.end(0, Outcome::Connected, None);
    assert!(bench.report().good && !bench.report().partial);
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
    assert_eq!(bench.engine.wake_at(), Some(bench.now + 3 * SECOND));
    bench.pass(3 * SECOND - Duration::from_nanos(1));
    assert!(bench.given_up.is_empty());
    bench.pass(Duration::from_nanos(1));
    assert_eq!(bench.given_up, [(bench.connects[0].0, Stop::Limit)]);
    bench.pass(SECOND);
    assert_eq!(bench.given_up.len(), 1, "once is enough");
}

#[test]
fn the_deadline_bounds_attempts_lookups_and_what_was_not_begun() {
    let base = policy();
    let deadline = Some(base.epoch.0 + SECOND);
    let mut bench = Bench::new(Policy { deadline, concurrency: 1, ..base });
    bench.engine.draw(bench.now, named("slow.test", &[80]));
    bench.engine.draw(bench.now, literal(1..=3));
    bench.run();
    assert_eq!(bench.engine.wake_at(), deadline);
    bench.pass(SECOND);
    assert_eq!(bench.abandoned.len(), 1);
    assert_eq!(bench.given_up, [(bench.connects[0].0, Stop::Limit)]);
    bench.end(0, Outcome::TimedOut, None);
    let outcomes: Vec<Outcome> = bench.reports.iter().map(|report| report.outcome).collect();
    assert_eq!(outcomes, [Outcome::Unresolved, Outcome::Skipped, Outcome::Skipped, Outcome::TimedOut]);
    assert_eq!(bench.reports[0].lookup.by, Some(By::Limit));
    assert!(!bench.engine.cut_short(), "ports 2 and 3 were never tried, and reported");
    // What comes later is reported, too, without a lookup.
    bench.engine.draw(bench.now, named("late.test", &[80, 443]));
    bench.run();
    let late: Vec<Outcome> = bench.reports[4..].iter().map(|report| report.outcome).collect();
    assert_eq!((late, bench.lookups.len()), (vec![Outcome::Skipped, Outcome::Skipped], 1));
    assert!(bench.engine.idle());
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

#[test]
fn a_lookup_that_may_work_later_is_asked_again() {
    let mut bench = Bench::new(Policy { retries: 1, ..policy() });
    bench.engine.draw(bench.now, named("db.test", &[80]));
    bench.run();
    let failure = |name| LookupFailure { error: codes::code(name), by: By::System, cause: None, family: None };
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
        bench.engine.draw(bench.now, named(host, &[80]));
    }
    bench.engine.draw(bench.now, literal(1..=1));
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
        bench.engine.draw(bench.now, named(host, &[80]));
    }
    bench.run();
    bench.pass(20 * SECOND);
    bench.pass(20 * SECOND);
    assert_eq!((bench.lookups.len(), bench.abandoned.len(), bench.reports.len()), (1, 1, 1));
    bench.engine.lookup_over();
    bench.run();
    assert_eq!(bench.lookups.len(), 2);
}

/// The driver takes answers before it does what the engine has asked for.
#[test]
fn an_answer_that_crosses_our_giving_up_comes_too_late() {
    let mut bench = Bench::new(Policy { timeout: Some(20 * SECOND), retries: 1, ..policy() });
    bench.engine.draw(bench.now, named("db.test", &[80]));
    bench.engine.draw(bench.now, literal(1..=1));
    bench.run();
    bench.now += 20 * SECOND;
    let first = bench.engine.next(bench.now);
    assert!(matches!(first, Some(Action::GiveUp(..))), "{first:?}");
    bench.answer(0, Ok(vec![found("10.0.0.2", None)]));
    bench.run();
    bench.end(0, Outcome::TimedOut, None);
    bench.pass(SECOND);
    assert_eq!(bench.lookups.len(), 2, "the lookup is tried again");
    bench.engine.stop(bench.now, Stop::Interrupted);
    bench.answer(1, Ok(vec![found("10.0.0.2", None)]));
    bench.run();
    bench.end(1, Outcome::Interrupted, None);
    assert!(bench.engine.idle());
}

/// However long the driver was busy: the limit counts from the beginning of the lookup.
#[test]
fn what_held_up_a_lookup_is_not_the_resolvers_silence() {
    let mut bench = Bench::new(policy());
    bench.engine.draw(bench.now, named("db.test", &[80]));
    bench.pass(30 * SECOND);
    assert_eq!((bench.lookups.len(), bench.reports.len()), (1, 0));

    let base = policy();
    let deadline = Some(base.epoch.0 + SECOND);
    let mut late = Bench::new(Policy { deadline, ..base });
    late.engine.draw(late.now, named("db.test", &[80]));
    late.pass(SECOND);
    assert_eq!((late.lookups.len(), late.report().outcome), (0, Outcome::Skipped));
}

#[test]
fn a_signal_in_the_pause_before_a_lookup_forgets_no_failure() {
    let mut bench = Bench::new(Policy { retries: 1, ..policy() });
    bench.engine.draw(bench.now, named("db.test", &[80]));
    bench.run();
    let error = codes::code(EAI_AGAIN);
    bench.answer(0, Err(LookupFailure { error, by: By::System, cause: None, family: None }));
    bench.engine.stop(bench.now, Stop::Interrupted);
    bench.run();
    assert_eq!((bench.report().outcome, bench.report().lookup.error), (Outcome::Unresolved, error));
    assert!(!bench.engine.cut_short());
}

/// What the last try came to is known; that a further one would have come is no answer.
#[test]
fn the_deadline_in_the_pause_before_a_lookup_forgets_no_failure() {
    let base = policy();
    let deadline = Some(base.epoch.0 + SECOND / 2);
    let mut bench = Bench::new(Policy { retries: 1, deadline, ..base });
    bench.engine.draw(bench.now, named("db.test", &[80]));
    bench.run();
    let error = codes::code(EAI_AGAIN);
    bench.answer(0, Err(LookupFailure { error, by: By::System, cause: None, family: None }));
    bench.pass(SECOND / 2);
    assert_eq!((bench.report().lookup.error, bench.report().lookup.by), (error, Some(By::System)));
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

#[test]
fn one_lookup_serves_every_port() {
    let mut bench = Bench::new(policy());
    bench.engine.draw(bench.now, named("db.test", &[80, 443]));
    bench.run();
    bench.answer(0, Ok(vec![found("10.0.0.1", None)]));
    bench.run();
    assert_eq!(bench.tried(), ["10.0.0.1:80", "10.0.0.1:443"]);
    assert_eq!(bench.lookups.len(), 1);
}

#[test]
fn targets_are_drawn_only_while_a_slot_is_free() {
    let mut bench = Bench::new(Policy { concurrency: 2, ..policy() });
    assert!(bench.engine.wants_more());
    bench.engine.draw(bench.now, literal(1..=100));
    assert!(!bench.engine.wants_more());
    bench.run();
    assert_eq!(bench.connects.len(), 2);
    bench.end(0, Outcome::Refused, None);
    assert_eq!(bench.connects.len(), 3);
    assert_eq!(bench.engine.targets.len(), 2, "nothing is kept but what is in flight");
}

#[test]
fn a_million_targets_leave_nothing_behind() {
    let mut bench = Bench::new(Policy { concurrency: 100, ..policy() });
    for _ in 0..16 {
        bench.engine.draw(bench.now, literal(1..=u16::MAX));
        bench.run();
        while let Some(index) = (!bench.connects.is_empty()).then_some(0) {
            bench.end(index, Outcome::Refused, Some(ECONNREFUSED));
            bench.connects.swap_remove(index);
            bench.reports.clear();
        }
    }
    assert!(bench.engine.idle());
    assert!(bench.engine.limits.len() <= 2 * 100 + 64);
    assert!(bench.engine.targets.capacity() <= 256 && bench.engine.running.capacity() <= 256);
}

#[test]
fn the_rate_spaces_starts() {
    let mut bench = Bench::new(Policy { spacing: SECOND / 10, ..policy() });
    bench.engine.draw(bench.now, literal(1..=3));
    bench.run();
    assert_eq!(bench.connects.len(), 1);
    assert_eq!(bench.engine.wake_at(), Some(bench.now + SECOND / 10));
    bench.pass(SECOND / 10);
    assert_eq!(bench.connects.len(), 2);
    bench.pass(SECOND / 20);
    assert_eq!(bench.connects.len(), 2);
    bench.pass(SECOND / 20);
    assert_eq!(bench.connects.len(), 3);
    (0..3).for_each(|index| bench.end(index, Outcome::Refused, None));
    assert!(bench.engine.idle(), "after the last start nothing is waited for");
}

/// "limit of the whole run"
#[test]
fn the_deadline_is_not_outlasted_by_telling_millions_that_it_left_out() {
    let base = policy();
    let mut bench = Bench::new(Policy { deadline: Some(base.epoch.0 + SECOND), concurrency: 1, ..base });
    bench.engine.draw(bench.now, literal(1..=u16::MAX));
    bench.run();
    bench.pass(SECOND);
    assert_eq!((bench.reports.len(), bench.engine.left_unreported()), (MOST_LEFT_OUT, true));
    assert!(!bench.engine.wants_more());
}

#[test]
fn a_signal_ends_what_runs_and_reports_it() {
    let mut bench = Bench::name(Policy { concurrency: 1, ..policy() }, &["10.0.0.1", "10.0.0.2"]);
    bench.engine.stop(bench.now, Stop::Interrupted);
    bench.run();
    assert_eq!(bench.given_up, [(bench.connects[0].0, Stop::Interrupted)]);
    bench.end(0, Outcome::Interrupted, None);
    let outcomes: Vec<Outcome> = bench.report().attempts.iter().map(|attempt| attempt.outcome).collect();
    assert_eq!(outcomes, [Outcome::Interrupted, Outcome::Skipped]);
    assert!(bench.engine.idle());
}

#[test]
fn a_signal_during_a_lookup_reports_the_target_as_interrupted() {
    let mut bench = Bench::new(policy());
    bench.engine.draw(bench.now, named("db.test", &[80]));
    bench.run();
    bench.engine.stop(bench.now, Stop::Interrupted);
    bench.run();
    assert_eq!(bench.report().outcome, Outcome::Interrupted);
    assert_eq!((bench.report().lookup.by, bench.report().lookup.cause), (None, None), "no limit of ours ended it");
    assert!(bench.engine.idle());
}
