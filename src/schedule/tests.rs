//! The scheduler moved by hand: time is `now += …`, nothing sleeps.

use std::net::SocketAddr;
use std::time::SystemTime;

use super::ending::MOST_LEFT_OUT;
use super::*;
use crate::classify::requirement::Require;
use crate::model::Name::{
    EACCES, EADDRNOTAVAIL, EAI_AGAIN, EAI_NONAME, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT,
};
use crate::model::{self, DropPoint, LocalDrop, Mode, Outcome, Phase, Protocol, Signal};

mod hold;

const SECOND: Duration = Duration::from_secs(1);

fn policy() -> Policy {
    Policy {
        strategy: Strategy::All,
        attempt_delay: SECOND / 4,
        apart: false,
        require: Require::Any,
        mode: Mode::Nonblocking,
        concurrency: 10,
        per_host: None,
        ordered: false,
        lookups: 2,
        trace: Vec::new(),
        spacing: Duration::ZERO,
        timeout: Some(3 * SECOND),
        hold: None,
        lookup_timeout: Some(20 * SECOND),
        deadline: None,
        retries: 0,
        retry_delay: SECOND,
        fixed_port: false,
        whole: false,
        looks: false,
        epoch: (crate::net::clock::now(), SystemTime::UNIX_EPOCH),
    }
}

/// The schedule with its clock and what it asked for.
struct Bench {
    notes: Vec<Note>,
    /// When the counters were looked at.
    looks: Vec<Instant>,
    schedule: Schedule,
    now: Instant,
    batches: VecDeque<Batch>,
    /// Whether the source says that nothing more comes, once it has given all.
    exhausted: bool,
    reports: Vec<Report>,
    connects: Vec<(AttemptId, SocketAddr)>,
    hops: Vec<(AttemptId, u8)>,
    /// Sockets that take no answer with a smaller time to live.
    backs: Vec<(AttemptId, u8)>,
    lookups: Vec<LookupId>,
    given_up: Vec<(AttemptId, Stop)>,
    abandoned: Vec<LookupId>,
    /// The wait at which the last run stopped.
    until: Option<Instant>,
    done: Option<Ended>,
}

impl Bench {
    fn new(policy: Policy) -> Self {
        let now = policy.epoch.0;
        Bench {
            schedule: Schedule::new(now, policy),
            now,
            batches: VecDeque::new(),
            exhausted: false,
            reports: Vec::new(),
            connects: Vec::new(),
            hops: Vec::new(),
            backs: Vec::new(),
            lookups: Vec::new(),
            given_up: Vec::new(),
            abandoned: Vec::new(),
            notes: Vec::new(),
            looks: Vec::new(),
            until: None,
            done: None,
        }
    }

    /// A name with these addresses, looked up and answered.
    fn name(policy: Policy, addresses: &[&str]) -> Self {
        let mut bench = Bench::new(policy);
        bench.give(named("db.test", &[80]));
        bench.run();
        let found = addresses.iter().map(|ip| found(ip, None)).collect();
        bench.answer(0, Ok(found));
        bench.run();
        bench
    }

    /// The source has this.
    fn give(&mut self, batch: Batch) {
        self.batches.push_back(batch);
    }

    /// Steps until the schedule waits for something that is not there, or is done.
    fn run(&mut self) {
        loop {
            match self.schedule.step(self.now) {
                Step::Wait(until) if until.is_none_or(|until| until > self.now) => {
                    self.until = until;
                    return;
                }
                Step::Wait(_) => {}
                Step::Done(ended) => {
                    self.done = Some(ended);
                    return;
                }
                step => self.act(step),
            }
        }
    }

    fn act(&mut self, step: Step) {
        match step {
            Step::Draw { over } => {
                let next = match self.batches.pop_front() {
                    Some(batch) => Next::Batch(Box::new(batch)),
                    None if self.exhausted => Next::Exhausted,
                    None if over => Next::Unread,
                    None => Next::Later(None),
                };
                self.tell(Event::Next(next));
            }
            Step::Lookup(id, ..) => self.lookups.push(id),
            Step::Abandon(id) => self.abandoned.push(id),
            Step::Connect(id, connect) => {
                self.tell(Event::Connecting(id));
                match (connect.hop, connect.least_ttl) {
                    (Some(ttl), _) => self.hops.push((id, ttl)),
                    (None, Some(least)) => self.backs.push((id, least)),
                    (None, None) => self.connects.push((id, connect.address)),
                }
            }
            Step::GiveUp(id, why, _) => self.given_up.push((id, why)),
            Step::Report(report) => self.reports.push(*report),
            Step::Note(note) => self.notes.push(note),
            Step::Look => self.looks.push(self.now),
            Step::Wait(_) | Step::Done(_) => unreachable!("run() has these"),
        }
    }

    fn tell(&mut self, event: Event) {
        self.schedule.tell(self.now, event);
    }

    /// The `index`-th lookup that was begun comes to this.
    fn answer(&mut self, index: usize, result: Result<Vec<Resolved>, LookupFailure>) {
        self.tell(Event::LookedUp(self.lookups[index], result));
        self.tell(Event::LookupOver);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.run();
    }

    /// The `index`-th attempt that was started comes to this.
    fn end(&mut self, index: usize, outcome: Outcome, code: Option<model::Name>) {
        self.end_with(index, |ended| *ended = attempt(ended.address, outcome, code));
    }

    fn end_with(&mut self, index: usize, change: impl FnOnce(&mut Attempt)) {
        let (id, address) = self.connects[index];
        let mut ended = attempt(address, Outcome::Failed, None);
        change(&mut ended);
        self.tell(Event::Ended(id, Box::new(ended)));
        self.run();
    }

    fn report(&self) -> &Report {
        assert_eq!(self.reports.len(), 1);
        &self.reports[0]
    }

    fn tried(&self) -> Vec<String> {
        self.connects.iter().map(|(_, address)| address.to_string()).collect()
    }

    /// Nothing is in flight, nothing waits: with the end of the source the run is done.
    fn assert_idle(&mut self) {
        self.exhausted = true;
        self.schedule.source = Source::Unasked;
        self.run();
        assert!(self.done.is_some());
    }
}

fn attempt(address: SocketAddr, outcome: Outcome, code: Option<model::Name>) -> Attempt {
    let mut attempt = Attempt::skipped(address, 1, Duration::ZERO, outcome, Reason::Deadline);
    attempt.reason = None;
    attempt.error = code.and_then(codes::code);
    attempt.phase = Some(Phase::Completion);
    attempt
}

fn found(ip: &str, skip: Option<Reason>) -> Resolved {
    Resolved { address: SocketAddr::new(ip.parse().unwrap(), 0), skip, source: None }
}

fn scheduled(host: &str, port: u16, address: Option<SocketAddr>) -> Target {
    Target { host: host.into(), ascii: None, text: format!("{host}:{port}"), port, address }
}

fn named(host: &str, ports: &[u16]) -> Batch {
    let targets: Vec<Target> = ports.iter().map(|&port| scheduled(host, port, None)).collect();
    Batch { protocol: Protocol::Tcp, name: Some(Name::Host(host.into())), targets: Box::new(targets.into_iter()) }
}

fn literal(ports: std::ops::RangeInclusive<u16>) -> Batch {
    let targets = ports.map(|port| scheduled("10.0.0.1", port, Some(SocketAddr::from(([10, 0, 0, 1], port)))));
    Batch { protocol: Protocol::Tcp, name: None, targets: Box::new(targets) }
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
    assert_eq!(outcomes, [Unresolved, Skipped, Skipped, Skipped, Skipped, TimedOut]);
    assert_eq!((bench.reports[0].lookup.by, bench.lookups.len()), (Some(By::Limit), 1));
    assert!(!bench.schedule.ended.cut_short, "ports 2 and 3 were never tried, and reported");
    bench.assert_idle();
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
    bench.give(named("db.test", &[80, 443]));
    bench.run();
    bench.answer(0, Ok(vec![found("10.0.0.1", None)]));
    bench.run();
    assert_eq!(bench.tried(), ["10.0.0.1:80", "10.0.0.1:443"]);
    assert_eq!(bench.lookups.len(), 1);
}

#[test]
fn targets_are_drawn_only_while_a_slot_is_free() {
    let mut bench = Bench::new(Policy { concurrency: 2, ..policy() });
    bench.give(literal(1..=100));
    bench.give(literal(101..=200));
    bench.run();
    assert_eq!(bench.batches.len(), 1, "the second batch stays with the source");
    assert_eq!(bench.connects.len(), 2);
    bench.end(0, Outcome::Refused, None);
    assert_eq!(bench.connects.len(), 3);
    assert_eq!(bench.schedule.probes.len(), 2, "nothing is kept but what is in flight");
}

#[test]
fn many_targets_leave_nothing_behind() {
    let mut bench = Bench::new(Policy { concurrency: 100, ..policy() });
    for _ in 0..2 {
        bench.give(literal(1..=u16::MAX));
        bench.run();
        while let Some(index) = (!bench.connects.is_empty()).then_some(0) {
            bench.end(index, Outcome::Refused, Some(ECONNREFUSED));
            bench.connects.swap_remove(index);
            bench.reports.clear();
        }
    }
    bench.assert_idle();
    assert!(bench.schedule.timers.len() <= 2 * (100 + 100 + 1) + 64);
    assert!(bench.schedule.probes.capacity() <= 256 && bench.schedule.running.capacity() <= 256);
}

#[test]
fn the_rate_spaces_starts() {
    let mut bench = Bench::new(Policy { spacing: SECOND / 10, ..policy() });
    bench.give(literal(1..=3));
    bench.run();
    assert_eq!(bench.connects.len(), 1);
    assert_eq!(bench.until, Some(bench.now + SECOND / 10));
    bench.pass(SECOND / 10);
    assert_eq!(bench.connects.len(), 2);
    bench.pass(SECOND / 20);
    assert_eq!(bench.connects.len(), 2);
    bench.pass(SECOND / 20);
    assert_eq!(bench.connects.len(), 3);
    (0..3).for_each(|index| bench.end(index, Outcome::Refused, None));
    assert_eq!(bench.until, None, "after the last start nothing is waited for");
    bench.assert_idle();
}

/// "limit of the whole run"
#[test]
fn the_deadline_is_not_outlasted_by_telling_millions_that_it_left_out() {
    let base = policy();
    let mut bench = Bench::new(Policy { deadline: Some(base.epoch.0 + SECOND), concurrency: 1, ..base });
    bench.give(literal(1..=u16::MAX));
    bench.run();
    bench.pass(SECOND);
    assert_eq!((bench.reports.len(), bench.schedule.ended.unread), (MOST_LEFT_OUT, true));
    bench.end(0, Outcome::TimedOut, None);
    assert_eq!(bench.done, Some(Ended { unread: true, ..Ended::default() }));
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

// The loop: when to look, when to give up, when a run is over.

/// Polls that a run asked for, each with what had been done since the last one.
fn polls(bench: &mut Bench, tick: Duration) -> Vec<usize> {
    let mut polls = vec![0];
    loop {
        match bench.schedule.step(bench.now) {
            Step::Wait(until) if until.is_none_or(|until| until > bench.now) => return polls,
            Step::Wait(_) => polls.push(0),
            Step::Done(_) => return polls,
            step => {
                bench.act(step);
                *polls.last_mut().unwrap() += 1;
                bench.now += tick;
            }
        }
    }
}

#[test]
fn sockets_are_polled_at_least_every_interval_while_there_is_work() {
    let mut bench = Bench::new(Policy { concurrency: 1000, ..policy() });
    bench.give(literal(1..=100));
    let polls = polls(&mut bench, POLL_INTERVAL / 10);
    assert!(polls.len() >= 10 && polls.iter().all(|&steps| steps <= 10), "{polls:?}");
}

/// However slow the machine: between two looks something is done.
#[test]
fn a_slow_turn_does_not_starve_the_work() {
    let mut bench = Bench::new(policy());
    bench.exhausted = true;
    bench.give(literal(1..=5));
    let polls = polls(&mut bench, 3 * POLL_INTERVAL);
    assert_eq!(bench.connects.len(), 5);
    assert!(polls[..polls.len() - 1].iter().all(|&steps| steps == 1), "{polls:?}");
}

/// A process that was stopped past the timeout, or was busy: the answer lies in the socket.
#[test]
fn nothing_is_given_up_before_another_look() {
    let mut bench = Bench::name(policy(), &["10.0.0.1", "10.0.0.2"]);
    bench.now += 100 * SECOND;
    let look = bench.schedule.step(bench.now);
    assert!(matches!(look, Step::Wait(Some(until)) if until <= bench.now), "{look:?}");
    bench.end(0, Outcome::Connected, None);
    assert_eq!(bench.given_up, [(bench.connects[1].0, Stop::Limit)]);
}

#[test]
fn neither_the_deadline_nor_a_signal_gives_up_an_answer_that_is_there() {
    for by_signal in [false, true] {
        let base = policy();
        let deadline = Some(base.epoch.0 + SECOND);
        let mut bench = Bench::name(Policy { deadline, ..base }, &["10.0.0.1"]);
        bench.now += SECOND;
        if by_signal {
            bench.now -= SECOND / 2;
            bench.tell(Event::Signal(Signal::Terminate));
        }
        let look = bench.schedule.step(bench.now);
        assert!(matches!(look, Step::Wait(Some(until)) if until <= bench.now), "{look:?}");
        bench.end(0, Outcome::Connected, None);
        assert!(bench.given_up.is_empty() && bench.report().good);
    }
}

#[test]
fn the_attempt_is_given_up_as_at_the_look_that_found_nothing() {
    let mut bench = Bench::name(policy(), &["10.0.0.1"]);
    bench.now += 3 * SECOND;
    let looked = bench.now;
    assert!(matches!(bench.schedule.step(looked), Step::Wait(Some(_))));
    let step = bench.schedule.step(looked + POLL_INTERVAL / 2);
    assert!(matches!(step, Step::GiveUp(_, Stop::Limit, at) if at == looked), "{step:?}");
}

#[test]
fn a_source_without_targets_is_asked_again_after_each_wait_and_not_before() {
    let mut bench = Bench::new(policy());
    let draws =
        |bench: &mut Bench| (0..9).filter(|_| matches!(bench.schedule.step(bench.now), Step::Draw { .. })).count();
    assert!(matches!(bench.schedule.step(bench.now), Step::Draw { over: false }));
    bench.tell(Event::Next(Next::Later(None)));
    assert!(matches!(bench.schedule.step(bench.now), Step::Wait(None)), "no deadline of anything is near");
    assert!(matches!(bench.schedule.step(bench.now), Step::Draw { over: false }));
    bench.tell(Event::Next(Next::Exhausted));
    assert_eq!(draws(&mut bench), 0);
    assert!(matches!(bench.schedule.step(bench.now), Step::Done(_)));
}

#[test]
fn a_source_that_names_an_instant_is_asked_then() {
    let mut bench = Bench::new(policy());
    assert!(matches!(bench.schedule.step(bench.now), Step::Draw { over: false }));
    let at = bench.now + SECOND;
    bench.tell(Event::Next(Next::Later(Some(at))));
    for now in [bench.now, at - Duration::from_nanos(1)] {
        let step = bench.schedule.step(now);
        assert!(matches!(step, Step::Wait(Some(until)) if until == at || until == now), "{step:?}");
    }
    assert!(matches!(bench.schedule.step(at), Step::Draw { over: false }));
}

/// Also where the last attempt ends without a wait.
#[test]
fn a_barrier_lifts_when_everything_is_reported() {
    let mut bench = Bench::new(policy());
    let draw = |bench: &mut Bench| matches!(bench.schedule.step(bench.now), Step::Draw { over: false });
    assert!(draw(&mut bench));
    bench.tell(Event::Next(Next::Batch(Box::new(literal(1..=2)))));
    for port in 1..=2 {
        let Step::Connect(id, connect) = bench.schedule.step(bench.now) else { panic!("port {port}") };
        bench.tell(Event::Connecting(id));
        bench.connects.push((id, connect.address));
    }
    assert!(draw(&mut bench));
    bench.tell(Event::Next(Next::Barrier));
    for (id, address) in bench.connects.clone() {
        assert!(matches!(bench.schedule.step(bench.now), Step::Wait(_)));
        bench.tell(Event::Ended(id, Box::new(attempt(address, Outcome::Refused, None))));
        assert!(matches!(bench.schedule.step(bench.now), Step::Report(_)));
    }
    assert!(draw(&mut bench));
    bench.tell(Event::Next(Next::Exhausted));
    assert!(matches!(bench.schedule.step(bench.now), Step::Done(_)));
}

#[test]
fn a_run_that_is_stopped_between_rounds_ends() {
    let deadline = Some(policy().epoch.0 + SECOND);
    for by_signal in [false, true] {
        let mut bench = Bench::new(Policy { deadline, ..policy() });
        assert!(matches!(bench.schedule.step(bench.now), Step::Draw { .. }));
        bench.tell(Event::Next(Next::Later(Some(bench.now + 9 * SECOND))));
        bench.exhausted = true;
        if by_signal {
            bench.tell(Event::Signal(Signal::Interrupt));
        }
        bench.pass(2 * SECOND);
        assert!(bench.done.is_some_and(|ended| !ended.unread), "{:?}", bench.done);
    }
}

#[test]
fn a_target_starts_at_the_wall_clock_of_its_start() {
    let mut bench = Bench::new(policy());
    let hour = 3600 * SECOND;
    bench.give(literal(1..=1));
    bench.pass(SECOND);
    // The clock is set while the first is under way.
    bench.tell(Event::Clock(SystemTime::UNIX_EPOCH + hour));
    bench.end(0, Outcome::Refused, None);
    bench.give(literal(2..=2));
    bench.pass(SECOND);
    bench.end(1, Outcome::Refused, None);
    let started: Vec<SystemTime> = bench.reports.iter().map(|report| report.started_at).collect();
    assert_eq!(started, [SystemTime::UNIX_EPOCH + SECOND, SystemTime::UNIX_EPOCH + hour + SECOND]);
}

#[test]
fn where_nobody_reads_the_source_is_asked_once_whether_more_was_left() {
    for (left, cut_short) in [(true, true), (false, false)] {
        let mut bench = Bench::new(Policy { concurrency: 1, ..policy() });
        bench.exhausted = true;
        bench.give(literal(1..=1));
        if left {
            bench.give(literal(2..=2));
        }
        bench.run();
        bench.tell(Event::NobodyReads);
        bench.run();
        bench.end(0, Outcome::Interrupted, None);
        assert_eq!(bench.done, Some(Ended { cut_short, ..Ended::default() }));
    }
}

#[test]
fn a_signal_outranks_a_closed_pipe_and_the_end_of_the_source() {
    let mut bench = Bench::new(policy());
    bench.exhausted = true;
    bench.give(literal(1..=1));
    bench.run();
    bench.end(0, Outcome::Refused, None);
    bench.tell(Event::NobodyReads);
    bench.tell(Event::Signal(Signal::Terminate));
    bench.run();
    assert_eq!(bench.done.map(|ended| ended.signal), Some(Some(Signal::Terminate)));
}

/// EMFILE says nothing of the peer: descriptors are free again when an attempt in flight ends.
#[test]
fn descriptors_that_run_out_are_waited_for() {
    let mut bench = Bench::new(policy());
    bench.give(literal(1..=3));
    bench.run();
    let (id, address) = bench.connects[2];
    let short = Attempt { cause: Some(Cause::Descriptors), ..attempt(address, Outcome::Unavailable, None) };
    bench.tell(Event::Ended(id, Box::new(short.clone())));
    bench.run();
    assert_eq!((bench.connects.len(), bench.reports.len()), (3, 0));
    bench.end(0, Outcome::Refused, None);
    assert_eq!(bench.tried()[3], "10.0.0.1:3", "the third has another turn");
    bench.end(1, Outcome::Refused, None);
    // Alone, there is nothing to wait for.
    let (id, _) = bench.connects[3];
    bench.tell(Event::Ended(id, Box::new(short)));
    bench.run();
    assert_eq!(bench.reports.last().map(|report| report.outcome), Some(Outcome::Unavailable));
    bench.assert_idle();
}

/// The first tries and the last ones are kept; the numbers tell how many there were.
#[test]
fn tries_without_end_take_no_memory_without_end() {
    let mut bench = Bench::name(Policy { retries: u32::MAX, retry_delay: Duration::ZERO, ..policy() }, &["10.0.0.1"]);
    for index in 0..5_000 {
        bench.end(index, Outcome::Refused, Some(ECONNREFUSED));
    }
    bench.end(5_000, Outcome::Connected, None);
    assert!(bench.report().attempts.len() <= 100 && bench.report().good);
}

// Races: RFC 8305.

const MS: Duration = Duration::from_millis(1);
const V6: usize = 0;
const V4: usize = 1;

fn racing() -> Policy {
    Policy { strategy: Strategy::Race, apart: true, ..policy() }
}

/// A race of these addresses, all of which are known.
fn race(addresses: &[&str]) -> Bench {
    Bench::name(Policy { apart: false, ..racing() }, addresses)
}

/// A race whose two queries are under way.
fn asked(policy: Policy) -> Bench {
    let mut bench = Bench::new(policy);
    bench.give(named("db.test", &[80]));
    bench.run();
    bench
}

fn no_data() -> LookupFailure {
    LookupFailure {
        error: codes::code(EAI_NONAME),
        by: By::System,
        cause: Some(Cause::NoData),
        family: None,
        cut_short: false,
    }
}

fn again() -> LookupFailure {
    LookupFailure {
        error: codes::code(EAI_AGAIN),
        by: By::System,
        cause: Some(Cause::ResolverAgain),
        family: None,
        cut_short: false,
    }
}

impl Bench {
    /// A query of a race gives these addresses.
    fn gives(&mut self, query: usize, addresses: &[&str]) {
        self.answer(query, Ok(addresses.iter().map(|ip| found(ip, None)).collect()));
        self.run();
    }

    /// What was given up has ended.
    fn cancelled(&mut self) -> Vec<String> {
        let given_up = std::mem::take(&mut self.given_up);
        let address = |bench: &Bench, id| bench.connects.iter().rev().find(|(other, _)| *other == id).unwrap().1;
        let ended = given_up.into_iter().map(|(id, why)| {
            assert_eq!(why, Stop::Overtaken);
            let address = address(self, id);
            self.tell(Event::Ended(id, Box::new(attempt(address, Outcome::Cancelled, None))));
            address.ip().to_string()
        });
        let ended: Vec<String> = ended.collect();
        self.run();
        ended
    }

    fn outcomes(&self) -> Vec<Outcome> {
        self.report().attempts.iter().map(|attempt| attempt.outcome).collect()
    }
}

/// "Both queries SHOULD be made as soon after one another as possible, with the AAAA query made first and immediately
/// followed by the A query." (section 3)
#[test]
fn a_race_asks_for_both_families_at_once_and_other_strategies_once() {
    let bench = asked(Policy { lookups: 1, ..racing() });
    let families: Vec<Option<Family>> = bench.lookups.iter().map(|id| id.family).collect();
    assert_eq!(families, [Some(Family::V6), Some(Family::V4)]);
    let bench = asked(policy());
    assert_eq!(bench.lookups.iter().map(|id| id.family).collect::<Vec<_>>(), [None]);
}

/// "If a positive AAAA response (a response with at least one valid AAAA record) is received first, the first IPv6
/// connection attempt is immediately started." (section 3)
#[test]
fn ipv6_addresses_that_come_first_are_tried_at_once() {
    let mut bench = asked(racing());
    bench.gives(V6, &["2001:db8::1"]);
    assert_eq!(bench.tried(), ["[2001:db8::1]:80"]);
    bench.now += 10 * MS;
    bench.gives(V4, &["192.0.2.1"]);
    assert_eq!(bench.connects.len(), 1);
    bench.pass(240 * MS - Duration::from_nanos(1));
    assert_eq!(bench.connects.len(), 1);
    bench.pass(Duration::from_nanos(1));
    assert_eq!(bench.tried(), ["[2001:db8::1]:80", "192.0.2.1:80"]);
}

/// "If a positive A response is received first due to reordering, the client SHOULD wait a short time for the AAAA
/// response [...] The recommended value for the Resolution Delay is 50 milliseconds." (section 3)
#[test]
fn ipv4_addresses_that_come_first_wait_for_the_resolution_delay() {
    let mut bench = asked(racing());
    bench.gives(V4, &["192.0.2.1"]);
    assert_eq!(bench.until, Some(bench.now + 50 * MS));
    bench.pass(50 * MS - Duration::from_nanos(1));
    assert!(bench.connects.is_empty());
    bench.pass(Duration::from_nanos(1));
    assert_eq!(bench.tried(), ["192.0.2.1:80"]);
}

/// "If a positive AAAA response is received within the Resolution Delay period, the client immediately starts the IPv6
/// connection attempt." (section 3)
#[test]
fn ipv6_addresses_within_the_resolution_delay_are_preferred() {
    let mut bench = asked(racing());
    bench.gives(V4, &["192.0.2.1"]);
    bench.pass(49 * MS);
    bench.gives(V6, &["2001:db8::1"]);
    assert_eq!(bench.tried(), ["[2001:db8::1]:80"]);
    bench.pass(250 * MS);
    assert_eq!(bench.tried(), ["[2001:db8::1]:80", "192.0.2.1:80"]);
}

/// "If a negative AAAA response (no error, no data) is received within the Resolution Delay period [...] the client SHOULD
/// proceed to sorting addresses [...] using any IPv4 addresses received so far." (section 3)
#[test]
fn ipv4_addresses_wait_no_longer_than_for_the_answer_that_there_are_no_others() {
    for first in [V4, V6] {
        let mut bench = asked(racing());
        let answer = |query| if query == V4 { Ok(vec![found("192.0.2.1", None)]) } else { Err(no_data()) };
        bench.answer(first, answer(first));
        bench.pass(MS);
        bench.answer(1 - first, answer(1 - first));
        bench.run();
        assert_eq!(bench.tried(), ["192.0.2.1:80"]);
        bench.end(0, Outcome::Connected, None);
        let lookup = &bench.report().lookup;
        assert_eq!((lookup.addresses, lookup.error, lookup.cause, lookup.unanswered), (1, None, None, None));
        bench.assert_idle();
    }
}

/// "If the AAAA response arrives while these connection attempts are in progress but before any connection has been
/// established, then the newly received IPv6 addresses are incorporated into the list of available candidate addresses"
/// (section 3)
#[test]
fn late_addresses_are_sorted_into_the_list() {
    let mut bench = asked(racing());
    bench.gives(V4, &["192.0.2.1", "192.0.2.2"]);
    bench.pass(50 * MS);
    bench.pass(100 * MS);
    bench.gives(V6, &["2001:db8::1", "2001:db8::2"]);
    assert_eq!(bench.tried(), ["192.0.2.1:80"], "the Connection Attempt Delay is kept");
    bench.pass(150 * MS);
    bench.pass(250 * MS);
    bench.pass(250 * MS);
    assert_eq!(bench.tried(), ["192.0.2.1:80", "[2001:db8::1]:80", "192.0.2.2:80", "[2001:db8::2]:80"]);
    bench.end(3, Outcome::Connected, None);
    assert_eq!(bench.cancelled().len(), 3);
    assert_eq!((bench.report().lookup.addresses, bench.report().lookup.unanswered), (4, None));
    let order: Vec<String> = bench.report().attempts.iter().map(|attempt| attempt.address.to_string()).collect();
    assert_eq!(order, bench.tried(), "a race is read in the order of its starts");
    bench.assert_idle();
}

#[test]
fn a_target_waits_for_late_addresses_when_all_others_have_failed() {
    let mut bench = asked(racing());
    bench.gives(V4, &["192.0.2.1"]);
    bench.pass(50 * MS);
    bench.end(0, Outcome::Refused, Some(ECONNREFUSED));
    assert!(bench.reports.is_empty());
    bench.gives(V6, &["2001:db8::1"]);
    bench.end(1, Outcome::Connected, None);
    assert!(bench.report().good && bench.report().partial);
    bench.assert_idle();
}

/// "At that time, the asynchronous DNS query MAY be canceled as new addresses will not be used for this connection."
/// (section 5)
#[test]
fn a_query_that_nobody_needs_any_more_is_abandoned() {
    let mut bench = Bench::new(racing());
    bench.give(named("db.test", &[80, 443]));
    bench.run();
    bench.gives(V4, &["192.0.2.1"]);
    bench.pass(50 * MS);
    bench.end(0, Outcome::Connected, None);
    assert!(bench.abandoned.is_empty(), "the other port may need it");
    bench.end(1, Outcome::Connected, None);
    assert_eq!(bench.abandoned, [bench.lookups[V6]]);
    assert!(bench.reports.iter().all(|report| report.lookup.unanswered == Some(Family::V6)));
    bench.assert_idle();
}

/// "If one query fails to return or takes significantly longer to return, waiting for the second address family can
/// significantly delay the connection establishment of the first one." (section 3)
#[test]
fn one_family_that_fails_does_not_hide_the_other_and_is_told() {
    let mut bench = asked(racing());
    bench.answer(V6, Err(again()));
    bench.gives(V4, &["192.0.2.1"]);
    assert_eq!(bench.tried(), ["192.0.2.1:80"]);
    bench.end(0, Outcome::Connected, None);
    let lookup = &bench.report().lookup;
    assert_eq!((lookup.addresses, lookup.error, lookup.family), (1, codes::code(EAI_AGAIN), Some(Family::V6)));
    assert!(bench.report().good && !bench.report().partial);
}

#[test]
fn a_name_without_addresses_is_unresolved_after_both_answers() {
    for (v6, v4, expected) in [
        (no_data(), no_data(), (Cause::NoData, None)),
        (no_data(), again(), (Cause::ResolverAgain, Some(Family::V4))),
        (again(), no_data(), (Cause::ResolverAgain, Some(Family::V6))),
    ] {
        let mut bench = asked(racing());
        bench.answer(V6, Err(v6));
        bench.run();
        assert!(bench.reports.is_empty());
        bench.answer(V4, Err(v4));
        bench.run();
        let lookup = &bench.report().lookup;
        assert_eq!((lookup.cause.unwrap(), lookup.family), expected);
        assert_eq!(bench.report().outcome, Outcome::Unresolved);
    }
}

#[test]
fn both_queries_are_made_again_where_no_family_has_addresses() {
    let mut bench = asked(Policy { retries: 1, ..racing() });
    bench.answer(V6, Err(again()));
    bench.answer(V4, Err(again()));
    bench.pass(SECOND);
    assert_eq!(bench.lookups.len(), 4);
    bench.gives(2, &["2001:db8::1"]);
    assert_eq!(bench.tried(), ["[2001:db8::1]:80"]);
}

#[test]
fn the_limit_of_a_lookup_ends_the_query_that_is_left() {
    let mut bench = asked(Policy { lookup_timeout: Some(SECOND), timeout: None, ..racing() });
    bench.gives(V4, &["192.0.2.1"]);
    bench.pass(50 * MS);
    bench.end(0, Outcome::Refused, Some(ECONNREFUSED));
    bench.pass(950 * MS);
    assert_eq!(bench.abandoned, [bench.lookups[V6]]);
    let lookup = &bench.report().lookup;
    assert_eq!((lookup.by, lookup.family), (Some(By::Limit), Some(Family::V6)));
    bench.assert_idle();
}

#[test]
fn the_end_of_a_run_ends_a_race_and_its_queries() {
    for by_signal in [false, true] {
        let base = racing();
        let mut bench = asked(Policy { deadline: Some(base.epoch.0 + SECOND), timeout: None, ..base });
        bench.gives(V4, &["192.0.2.1", "192.0.2.2", "192.0.2.3"]);
        bench.pass(50 * MS);
        if by_signal {
            bench.tell(Event::Signal(Signal::Interrupt));
            bench.run();
        } else {
            bench.pass(250 * MS);
            bench.pass(700 * MS);
        }
        let (why, outcome) = match by_signal {
            true => (Stop::Interrupted, Outcome::Interrupted),
            false => (Stop::Deadline, Outcome::TimedOut),
        };
        assert_eq!(bench.abandoned, [bench.lookups[V6]]);
        let given_up: Vec<Stop> = bench.given_up.iter().map(|&(_, why)| why).collect();
        assert_eq!(given_up, vec![why; bench.connects.len()]);
        (0..bench.connects.len()).for_each(|index| bench.end(index, outcome, None));
        assert_eq!(bench.report().attempts.len(), 3);
        bench.assert_idle();
    }
}

/// An answer that holds only what cannot be reached is none to begin with: the report does not depend on which came first.
#[test]
fn a_family_without_a_route_is_skipped_whichever_answer_comes_first() {
    for (first, unrouted) in [(V6, V6), (V4, V6), (V6, V4), (V4, V4)] {
        let mut bench = asked(racing());
        let answer = |query| {
            let ip = if query == V6 { "2001:db8::1" } else { "192.0.2.1" };
            Ok(vec![found(ip, (query == unrouted).then_some(Reason::NoRoute))])
        };
        bench.answer(first, answer(first));
        bench.run();
        bench.answer(1 - first, answer(1 - first));
        bench.run();
        assert_eq!(bench.connects.len(), 1);
        bench.end(0, Outcome::Connected, None);
        assert_eq!(bench.outcomes(), [Outcome::Connected, Outcome::Skipped]);
        assert!(!bench.report().partial);
    }
    let mut bench = asked(racing());
    bench.answer(V6, Ok(vec![found("2001:db8::1", Some(Reason::NoRoute))]));
    bench.answer(V4, Err(no_data()));
    bench.run();
    assert_eq!(bench.tried(), ["[2001:db8::1]:80"], "alone it is tried, and shows its code");
}

/// "the client MUST sort the addresses received up to this point using Destination Address Selection ([RFC6724], Section
/// 6)." (section 4)
#[test]
fn the_better_destination_is_tried_first() {
    for (v6, from6, v4, from4, expected) in [
        // Rule 6: precedence 40 and 35.
        ("2001:db8::1", "2001:db8::9", "192.0.2.1", "192.0.2.9", V6),
        // Rule 6: a unique local address has 3 and 6to4 30.
        ("fd00::1", "fd00::9", "192.0.2.1", "192.0.2.9", V4),
        ("2002:c000:201::1", "2002:c000:201::9", "192.0.2.1", "192.0.2.9", V4),
        // Rule 5: a source of another label.
        ("2001:db8::1", "fd00::9", "192.0.2.1", "192.0.2.9", V4),
        ("2001:db8::1", "2002:c000:201::9", "192.0.2.1", "192.0.2.9", V4),
        // Rule 2: a source of another scope.
        ("2001:db8::1", "fe80::9", "192.0.2.1", "192.0.2.9", V4),
        ("2001:db8::1", "2001:db8::9", "192.0.2.1", "169.254.0.9", V6),
        ("2001:db8::1", "fe80::9", "192.0.2.1", "169.254.0.9", V6),
        // Loopback.
        ("::1", "::1", "127.0.0.1", "127.0.0.1", V6),
    ] {
        let mut bench = asked(racing());
        let with = |ip, from: &str| vec![Resolved { source: Some(from.parse().unwrap()), ..found(ip, None) }];
        bench.answer(V4, Ok(with(v4, from4)));
        bench.answer(V6, Ok(with(v6, from6)));
        bench.run();
        let first = if expected == V6 { v6 } else { v4 };
        assert_eq!(bench.connects[0].1.ip().to_string(), first, "{v6} from {from6}, {v4} from {from4}");
    }
}

/// "Whichever address family is first in the list should be followed by an address of the other address family" (section 4)
#[test]
fn families_take_turns() {
    let mut bench = asked(racing());
    bench.gives(V4, &["192.0.2.1", "192.0.2.2"]);
    bench.gives(V6, &["2001:db8::1", "2001:db8::2", "2001:db8::3"]);
    for _ in 0..4 {
        bench.pass(250 * MS);
    }
    let expected = ["[2001:db8::1]:80", "192.0.2.1:80", "[2001:db8::2]:80", "192.0.2.2:80", "[2001:db8::3]:80"];
    assert_eq!(bench.tried(), expected);
}

/// "Starting a new connection attempt does not affect previous attempts, as multiple connection attempts may occur in
/// parallel." (section 5)
#[test]
fn an_earlier_attempt_may_still_win() {
    let mut bench = race(&["2001:db8::1", "192.0.2.1", "2001:db8::2"]);
    bench.pass(250 * MS);
    assert_eq!(bench.connects.len(), 2);
    bench.end(0, Outcome::Connected, None);
    assert_eq!(bench.cancelled(), ["192.0.2.1"]);
    assert_eq!(bench.outcomes(), [Outcome::Connected, Outcome::Cancelled, Outcome::Skipped]);
}

/// "A simple implementation can have a fixed delay for how long to wait before starting the next connection attempt. This
/// delay is referred to as the Connection Attempt Delay." (section 5)
#[test]
fn the_next_attempt_begins_after_the_delay_and_not_before() {
    let mut bench = race(&["2001:db8::1", "192.0.2.1", "2001:db8::2"]);
    assert_eq!(bench.until, Some(bench.now + 250 * MS));
    bench.pass(250 * MS - Duration::from_nanos(1));
    assert_eq!(bench.connects.len(), 1);
    bench.pass(Duration::from_nanos(1));
    assert_eq!(bench.connects.len(), 2);
    bench.pass(250 * MS);
    assert_eq!(bench.connects.len(), 3);
}

/// As curl and browsers do it: a failure is not waited for.
#[test]
fn the_next_attempt_begins_at_once_when_one_fails() {
    let mut bench = race(&["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"]);
    bench.end(0, Outcome::Refused, Some(ECONNREFUSED));
    assert_eq!(bench.connects.len(), 2);
    assert_eq!(bench.until, Some(bench.now + 250 * MS), "once for each failure");
    bench.pass(250 * MS);
    bench.pass(100 * MS);
    bench.end(1, Outcome::Unreachable, Some(EHOSTUNREACH));
    assert_eq!(bench.connects.len(), 4, "though another attempt is in flight");
}

/// "Once one of the connection attempts succeeds (generally when the TCP handshake completes), all other connections
/// attempts that have not yet succeeded SHOULD be canceled. Any address that was not yet attempted as a connection SHOULD
/// be ignored." (section 5)
#[test]
fn the_first_success_ends_the_race() {
    let mut bench = race(&["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"]);
    bench.pass(250 * MS);
    bench.end(1, Outcome::Connected, None);
    assert!(bench.reports.is_empty(), "what is known of the others is waited for");
    assert_eq!(bench.cancelled(), ["2001:db8::1"]);
    use Outcome::{Cancelled, Connected, Skipped};
    assert_eq!(bench.outcomes(), [Cancelled, Connected, Skipped, Skipped]);
    let report = bench.report();
    assert!(report.good && !report.partial);
    assert_eq!(report.attempts[1].started, 250 * MS);
    bench.assert_idle();
}

/// It was decided before it could be ended: that is reported, and no further try is made.
#[test]
fn an_answer_that_crosses_the_end_of_a_race_is_kept() {
    for (outcome, code, partial) in [(Outcome::Connected, None, false), (Outcome::Refused, Some(ECONNREFUSED), true)] {
        let mut bench = Bench::name(Policy { apart: false, retries: 3, ..racing() }, &["2001:db8::1", "192.0.2.1"]);
        bench.pass(250 * MS);
        bench.end(1, Outcome::Connected, None);
        bench.end(0, outcome, code);
        assert_eq!((bench.outcomes(), bench.report().partial), (vec![outcome, Outcome::Connected], partial));
        bench.assert_idle();
    }
}

#[test]
fn nobody_wins_when_every_address_fails() {
    let mut bench = race(&["2001:db8::1", "192.0.2.1"]);
    bench.end(0, Outcome::Unreachable, Some(ENETUNREACH));
    bench.end(1, Outcome::Refused, Some(ECONNREFUSED));
    assert_eq!((bench.report().good, bench.report().outcome), (false, Outcome::Refused));
    bench.assert_idle();
}

#[test]
fn a_further_try_does_not_hold_up_the_next_address() {
    let mut bench = Bench::name(Policy { apart: false, retries: 1, ..racing() }, &["2001:db8::1", "192.0.2.1"]);
    bench.end(0, Outcome::Refused, Some(ECONNREFUSED));
    assert_eq!(bench.tried(), ["[2001:db8::1]:80", "192.0.2.1:80"]);
    bench.pass(SECOND);
    assert_eq!(bench.connects.len(), 3, "its own second try");
    bench.end(1, Outcome::Connected, None);
    assert_eq!(bench.cancelled(), ["2001:db8::1"]);
    assert_eq!(bench.report().attempts.len(), 3);
}

#[test]
fn a_winner_ends_what_waits_for_a_slot_or_a_further_try() {
    let policy = Policy { apart: false, concurrency: 2, retries: 1, retry_delay: 10 * SECOND, ..racing() };
    let mut bench = Bench::name(policy, &["2001:db8::1", "192.0.2.1", "2001:db8::2", "192.0.2.2"]);
    bench.end(0, Outcome::Refused, Some(ECONNREFUSED));
    bench.pass(250 * MS);
    bench.pass(250 * MS);
    assert_eq!(bench.connects.len(), 3, "two slots");
    bench.end(2, Outcome::Connected, None);
    assert_eq!(bench.cancelled(), ["192.0.2.1"]);
    use Outcome::{Cancelled, Connected, Refused, Skipped};
    assert_eq!(bench.outcomes(), [Refused, Cancelled, Connected, Skipped]);
    assert!(bench.report().partial);
    bench.assert_idle();
}

// Traced paths.

fn traced(policy: Policy) -> Policy {
    Policy { trace: vec![Protocol::Tcp], timeout: Some(SECOND / 2), ..policy }
}

impl Bench {
    /// Every attempt of a target under way is silent until its timeout.
    fn silence(&mut self) {
        self.pass(SECOND / 2);
        for (id, _) in std::mem::take(&mut self.given_up) {
            if let Some(&(_, address)) = self.connects.iter().rev().find(|(other, _)| *other == id) {
                self.tell(Event::Ended(id, Box::new(attempt(address, Outcome::TimedOut, None))));
            }
        }
        self.run();
    }

    /// Ends the hops in flight: those up to `routers` by a router, the others by our timeout.
    fn end_hops(&mut self, routers: u8) {
        let to = SocketAddr::from(([10, 0, 0, 1], 0));
        for (id, ttl) in std::mem::take(&mut self.hops) {
            let mut hop = attempt(to, Outcome::TimedOut, None);
            if ttl <= routers {
                hop.outcome = Outcome::Unreachable;
                hop.icmp = Some(expired(ttl));
            }
            self.tell(Event::Ended(id, Box::new(hop)));
        }
        self.run();
    }
}

fn expired(router: u8) -> crate::model::Icmp {
    crate::model::Icmp {
        from: [192, 0, 2, router].into(),
        family: crate::model::Family::V4,
        kind: 11,
        code: 0,
        info: 0,
        at: None,
        count: 1,
        decisive: true,
    }
}

#[test]
fn ports_of_one_address_share_its_path() {
    let mut bench = Bench::new(traced(Policy { concurrency: 100, ..policy() }));
    bench.give(literal(1..=20));
    bench.run();
    assert_eq!(bench.connects.len(), 20);
    bench.silence();
    assert!(bench.reports.is_empty(), "the reports wait for the path");
    let mut sent = 0;
    while bench.reports.is_empty() {
        sent += bench.hops.len();
        bench.end_hops(3);
        bench.pass(SECOND / 20);
    }
    assert_eq!((bench.reports.len(), sent), (20, 30), "one path of thirty hops for twenty ports");
    for report in &bench.reports {
        let [path] = &report.trace.as_ref().unwrap()[..] else { panic!("one path") };
        assert_eq!((path.address.port(), path.hops.len()), (report.port, 3));
    }
    bench.assert_idle();
}

/// "MUST limit the rate of ICMPv6 error messages it originates" (RFC 4443 section 2.4 (f)): six at once, then one a second.
#[test]
fn hops_of_one_distance_keep_the_pace_that_routers_answer() {
    let mut bench = Bench::new(traced(Policy { concurrency: 100, ..policy() }));
    let address = |host| Some(SocketAddr::from(([10, 0, 0, host], 80)));
    let targets: Vec<Target> = (1..=8).map(|host| scheduled("h", 80, address(host))).collect();
    bench.give(Batch { protocol: Protocol::Tcp, name: None, targets: Box::new(targets.into_iter()) });
    bench.run();
    bench.silence();
    let first_hops = |bench: &Bench| bench.hops.iter().filter(|(_, ttl)| *ttl == 1).count();
    assert_eq!(first_hops(&bench), 6);
    bench.pass(SECOND - Duration::from_nanos(1));
    assert_eq!(first_hops(&bench), 6);
    bench.pass(Duration::from_nanos(1));
    assert_eq!(first_hops(&bench), 7);
    bench.pass(SECOND);
    assert_eq!(first_hops(&bench), 8);
}

#[test]
fn other_targets_go_on_while_a_path_is_traced() {
    let mut bench = Bench::new(traced(Policy { concurrency: 1, ..policy() }));
    bench.give(literal(1..=3));
    bench.run();
    bench.silence();
    assert_eq!(bench.connects.len(), 2, "the next port starts while the path is traced");
    assert!(!bench.hops.is_empty() && bench.reports.is_empty());
}

#[test]
fn the_end_of_the_run_shows_paths_as_far_as_they_are_known() {
    let mut bench = Bench::new(traced(policy()));
    bench.give(literal(1..=1));
    bench.run();
    bench.silence();
    bench.end_hops(4);
    bench.tell(Event::Signal(Signal::Interrupt));
    bench.run();
    let path = &bench.report().trace.as_ref().unwrap()[0];
    assert_eq!(path.hops.len(), 4);
}

/// A path of one address: routers at three hops, then the destination accepts.
fn accepted() -> Bench {
    let mut bench = Bench::new(traced(policy()));
    bench.give(literal(1..=1));
    bench.run();
    bench.silence();
    for (id, ttl) in std::mem::take(&mut bench.hops) {
        let outcome = if ttl == 4 { Outcome::Connected } else { Outcome::Unreachable };
        let icmp = (ttl < 4).then(|| expired(ttl));
        let hop = Attempt { icmp, elapsed: SECOND / 100, ..attempt(([10, 0, 0, 1], 1).into(), outcome, None) };
        bench.tell(Event::Ended(id, Box::new(hop)));
    }
    bench.run();
    bench
}

#[test]
fn a_path_that_was_answered_is_traced_back() {
    let mut bench = accepted();
    let mut sockets = 0;
    while bench.reports.is_empty() {
        let [(id, least)] = std::mem::take(&mut bench.backs)[..] else { panic!("one socket at a time") };
        assert_eq!(bench.schedule.deadline(id), Some(bench.now + SECOND / 50 + SECOND / 20), "twice what the hop took");
        let local_drop = Some(LocalDrop { point: DropPoint::Socket, count: 1, certain: true });
        let ended = match least <= 62 {
            true => attempt(([10, 0, 0, 1], 1).into(), Outcome::Connected, None),
            false => Attempt { local_drop, ..attempt(([10, 0, 0, 1], 1).into(), Outcome::TimedOut, None) },
        };
        bench.tell(Event::Ended(id, Box::new(ended)));
        bench.run();
        sockets += 1;
    }
    assert_eq!(sockets, 8);
    let path = &bench.report().trace.as_ref().unwrap()[0];
    assert_eq!((path.hops.len(), path.answer_ttl, path.answered_hop), (4, Some(62), Some(3)));
    bench.assert_idle();
}

#[test]
fn an_answer_that_does_not_come_again_leaves_the_way_back_unknown() {
    let mut bench = accepted();
    let (id, _) = bench.backs.pop().unwrap();
    bench.tell(Event::Ended(id, Box::new(attempt(([10, 0, 0, 1], 1).into(), Outcome::TimedOut, None))));
    bench.run();
    let path = &bench.report().trace.as_ref().unwrap()[0];
    assert_eq!((path.hops.len(), path.answer_ttl, path.answered_hop), (4, None, None));
    bench.assert_idle();
}

// Sweeps: what one address bears.

/// What the `index`-th attempt came to, and after how many SYNs.
fn answer_to(bench: &mut Bench, index: usize, outcome: Outcome, syns: u32) {
    let (id, address) = bench.connects[index];
    let (by, cause) = match outcome {
        Outcome::TimedOut => (By::Limit, Cause::Silence),
        _ => (By::Peer, Cause::Rst),
    };
    let attempt = Attempt { by: Some(by), cause: Some(cause), syns: Some(syns), ..attempt(address, outcome, None) };
    bench.tell(Event::Ended(id, Box::new(attempt)));
    bench.run();
}

fn sweep(ports: u16) -> Bench {
    let mut bench = Bench::new(Policy { concurrency: 1000, timeout: Some(5 * SECOND), ..policy() });
    bench.give(literal(1..=ports));
    bench.run();
    bench
}

/// "the congestion window is increased by at most SMSS bytes for each ACK received" (RFC 5681 section 3.1)
#[test]
fn the_window_of_an_address_grows_with_its_answers() {
    let mut bench = sweep(2_000);
    assert_eq!(bench.connects.len(), 100);
    (0..100).for_each(|index| answer_to(&mut bench, index, Outcome::Refused, 1));
    assert_eq!(bench.connects.len() - 100, 200);
    assert!(bench.notes.is_empty());
}

/// 102 attempts and two answers in the first second: half as many is the pace, and 100 in flight are more than that.
#[test]
fn an_answer_to_a_later_syn_spaces_the_starts() {
    let mut bench = sweep(2_000);
    bench.pass(SECOND);
    answer_to(&mut bench, 0, Outcome::Refused, 1);
    answer_to(&mut bench, 1, Outcome::Refused, 2);
    assert_eq!((bench.connects.len(), &bench.notes[..]), (102, &[Note::Slowed([10, 0, 0, 1].into())][..]));
    (2..82).for_each(|index| answer_to(&mut bench, index, Outcome::Refused, 1));
    assert_eq!(bench.connects.len(), 102, "20 in flight count for 30 SYNs a second, and 21 a second are left");
    let first = bench.until.expect("an instant") - bench.now;
    assert_eq!(first.as_millis(), 1000 / 21);
    bench.pass(first);
    assert_eq!(bench.connects.len(), 103);
    let second = bench.until.expect("an instant") - bench.now;
    assert_ne!(first, second, "what is lost is not repeated in step");
}

#[test]
fn silent_targets_of_a_lossy_address_are_asked_again_slowly_before_the_end() {
    let mut bench = sweep(100);
    answer_to(&mut bench, 0, Outcome::Refused, 2);
    bench.pass(5 * SECOND);
    (1..100).for_each(|index| answer_to(&mut bench, index, Outcome::TimedOut, 5));
    assert_eq!((bench.reports.len(), bench.connects.len()), (1, 101), "one after the other, from now on");
    let mut next = 100;
    while bench.reports.len() < 100 {
        while next < bench.connects.len() {
            answer_to(&mut bench, next, Outcome::Refused, 1);
            next += 1;
        }
        let until = bench.until.unwrap_or(bench.now);
        bench.pass(until.saturating_duration_since(bench.now));
    }
    assert_eq!((bench.reports.len(), next), (100, 199));
    let second = bench.reports.last().unwrap();
    assert_eq!((second.outcome, second.attempts.len()), (Outcome::Refused, 2));
    bench.assert_idle();
}

#[test]
fn an_address_that_never_answers_is_not_asked_again_and_neither_is_one_without_loss() {
    for answered in [0, 50] {
        let mut bench = sweep(100);
        (0..answered).for_each(|index| answer_to(&mut bench, index, Outcome::Refused, 1));
        bench.pass(5 * SECOND);
        (answered..100).for_each(|index| answer_to(&mut bench, index, Outcome::TimedOut, 5));
        assert_eq!((bench.reports.len(), bench.connects.len()), (100, 100));
        bench.assert_idle();
    }
}

/// Looks that find nothing are the last ones.
#[test]
fn a_look_that_finds_nothing_ends_the_looks() {
    let mut bench = sweep(30);
    answer_to(&mut bench, 0, Outcome::Refused, 2);
    (1..30).for_each(|index| answer_to(&mut bench, index, Outcome::TimedOut, 5));
    let mut next = 30;
    while bench.reports.len() < 30 {
        bench.pass(5 * SECOND);
        while next < bench.connects.len() {
            answer_to(&mut bench, next, Outcome::TimedOut, 5);
            next += 1;
        }
    }
    assert_eq!(next, 59);
    bench.assert_idle();
}

/// A timeout of less than a second shows no loss: what is silent is asked again, four at a time.
#[test]
fn a_short_timeout_shows_no_loss() {
    let mut bench = Bench::new(Policy { concurrency: 1000, timeout: Some(SECOND / 2), ..policy() });
    bench.give(literal(1..=100));
    bench.run();
    (0..50).for_each(|index| answer_to(&mut bench, index, Outcome::Refused, 1));
    (50..100).for_each(|index| answer_to(&mut bench, index, Outcome::TimedOut, 1));
    assert_eq!((bench.reports.len(), bench.connects.len()), (50, 104));
}

/// Silence from an address that has lost nothing is that of a firewall.
#[test]
fn silence_without_loss_does_not_hold_up_a_sweep() {
    let mut bench = sweep(10_000);
    let mut next = 0;
    for expected in [100, 200, 400, 800, 1000] {
        assert_eq!(bench.connects.len() - next, expected);
        bench.pass(5 * SECOND);
        let until = bench.connects.len();
        (next..until).for_each(|index| answer_to(&mut bench, index, Outcome::TimedOut, 5));
        next = until;
    }
}

#[test]
fn what_the_user_says_of_an_address_no_sign_changes() {
    let mut bench = Bench::new(Policy { concurrency: 1000, per_host: Some(7), ..policy() });
    bench.give(literal(1..=100));
    bench.run();
    assert_eq!(bench.connects.len(), 7);
    bench.pass(SECOND);
    answer_to(&mut bench, 0, Outcome::Refused, 2);
    assert_eq!((bench.connects.len(), bench.notes.len()), (8, 0));
}

/// A full table of neighbours is a lack of this machine: the host behind is asked when there is room.
#[test]
fn a_full_table_of_neighbours_is_waited_out() {
    let mut bench = Bench::name(Policy { concurrency: 1000, ..policy() }, &["10.0.0.1"]);
    let (id, address) = bench.connects[0];
    let full = Attempt { cause: Some(Cause::NeighbourTable), ..attempt(address, Outcome::Unavailable, None) };
    bench.tell(Event::Ended(id, Box::new(full)));
    bench.run();
    assert_eq!((bench.reports.len(), bench.until), (0, Some(bench.now + SECOND)));
    bench.pass(SECOND);
    bench.end(1, Outcome::Connected, None);
    assert!(bench.report().good && bench.report().attempts.len() == 1);
}

/// One at a time, nothing is in flight between two targets; what was learnt of the address is not forgotten.
#[test]
fn an_address_that_is_asked_slowly_stays_known() {
    let mut bench = Bench::new(Policy { concurrency: 1, ..policy() });
    bench.give(literal(1..=1_000));
    bench.run();
    bench.pass(SECOND);
    answer_to(&mut bench, 0, Outcome::Refused, 2);
    (1..21).for_each(|index| answer_to(&mut bench, index, Outcome::Refused, 1));
    assert_eq!((bench.connects.len(), bench.notes.len()), (21, 1));
    assert!(bench.until.is_some_and(|until| until > bench.now), "the next one waits for its time");
}

#[test]
fn addresses_that_are_done_take_no_memory() {
    let mut bench = Bench::new(Policy { concurrency: 100, ..policy() });
    let address = |n: u32| SocketAddr::from((std::net::Ipv4Addr::from(0x0a00_0000 + n), 80));
    let targets = (0..20_000).map(move |n| scheduled("h", 80, Some(address(n))));
    bench.give(Batch { protocol: Protocol::Tcp, name: None, targets: Box::new(targets) });
    bench.run();
    while !bench.connects.is_empty() {
        answer_to(&mut bench, 0, Outcome::Refused, 1);
        bench.connects.swap_remove(0);
        bench.reports.clear();
    }
    assert!(bench.schedule.hosts.len() <= 300, "{}", bench.schedule.hosts.len());
}

/// Milliseconds after `begin` at which the counters were looked at while `time` passed, millisecond by millisecond.
fn looks(bench: &mut Bench, begin: Instant, time: Duration) -> Vec<u128> {
    bench.looks.clear();
    (0..time.as_millis()).for_each(|_| bench.pass(Duration::from_millis(1)));
    bench.looks.iter().map(|at| at.duration_since(begin).as_millis()).collect()
}

#[test]
fn the_counters_are_looked_at_while_an_attempt_is_silent() {
    let mut bench = Bench::name(Policy { looks: true, timeout: Some(5 * SECOND), ..policy() }, &["10.0.0.1"]);
    let begin = bench.now;
    assert_eq!(looks(&mut bench, begin, 299 * SECOND / 1000), [0; 0]);
    let seen = looks(&mut bench, begin, 4700 * SECOND / 1000);
    let planned = crate::classify::silence::LOOKS.iter().map(Duration::as_millis);
    assert_eq!(seen, planned.filter(|&look| look < 5000).collect::<Vec<_>>());
}

#[test]
fn nobody_looks_at_the_counters_for_one_that_was_answered() {
    let mut bench = Bench::name(Policy { looks: true, ..policy() }, &["10.0.0.1"]);
    bench.pass(SECOND / 4);
    bench.end(0, Outcome::Connected, None);
    bench.run();
    let begin = bench.now;
    assert_eq!(looks(&mut bench, begin, 2 * SECOND), [0; 0]);
    assert_eq!(bench.until, None, "and nobody is woken");
}

#[test]
fn looks_serve_all_attempts_together() {
    let base = policy();
    let mut bench =
        Bench::new(Policy { looks: true, concurrency: 1000, per_host: Some(1000), spacing: SECOND / 200, ..base });
    bench.give(literal(1..=1000));
    bench.run();
    let begin = bench.now;
    let seen = looks(&mut bench, begin, 3 * SECOND);
    assert!(seen.len() > 10, "{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[1] - pair[0] >= 150), "{seen:?}");
}

#[test]
fn datagrams_want_no_look() {
    let mut bench = Bench::new(Policy { looks: true, ..policy() });
    let udp = Batch { protocol: Protocol::Udp, ..literal(1..=3) };
    bench.give(udp);
    bench.run();
    let begin = bench.now;
    assert_eq!(looks(&mut bench, begin, 2 * SECOND), [0; 0]);
}

// Results in order.

fn ordered() -> Policy {
    Policy { ordered: true, per_host: Some(10_000), concurrency: 1000, ..policy() }
}

impl Bench {
    fn reported(&self) -> Vec<&str> {
        self.reports.iter().map(|report| report.target.as_str()).collect()
    }
}

#[test]
fn results_come_in_the_order_of_the_targets() {
    let mut bench = Bench::new(ordered());
    bench.give(literal(1..=5));
    bench.give(literal(6..=6));
    bench.run();
    for (index, reports) in [(3, 0), (5, 0), (1, 0), (0, 2), (2, 4), (4, 6)] {
        bench.end(index, Outcome::Refused, Some(ECONNREFUSED));
        assert_eq!(bench.reports.len(), reports, "{index}");
    }
    let expected: Vec<String> = (1..=6).map(|port| format!("10.0.0.1:{port}")).collect();
    assert_eq!(bench.reported(), expected);
    bench.assert_idle();
}

#[test]
fn a_start_waits_while_the_oldest_target_is_far_behind() {
    let mut bench = Bench::new(Policy { spacing: Duration::from_nanos(1), ..ordered() });
    bench.give(literal(1..=5_000));
    bench.run();
    let mut next = 1;
    loop {
        bench.pass(Duration::from_millis(1));
        if next == bench.connects.len() {
            break;
        }
        while next < bench.connects.len() {
            bench.end(next, Outcome::Refused, Some(ECONNREFUSED));
            next += 1;
        }
    }
    assert_eq!((bench.connects.len(), bench.reports.len()), (1024, 0));
    assert_eq!(bench.until, Some(bench.schedule.deadline(bench.connects[0].0).unwrap()), "nothing else is waited for");
    bench.end(0, Outcome::Refused, Some(ECONNREFUSED));
    bench.pass(Duration::from_millis(1));
    assert_eq!((bench.connects.len(), bench.reports.len()), (2024, 1024));
}

#[test]
fn a_name_that_is_looked_up_slowly_holds_up_results_and_not_all_starts() {
    let mut bench = Bench::new(ordered());
    bench.give(named("slow.test", &[80, 443]));
    (1..=2_000).for_each(|port| bench.give(literal(port..=port)));
    bench.run();
    let mut next = 0;
    while next < bench.connects.len() {
        bench.end(next, Outcome::Refused, Some(ECONNREFUSED));
        next += 1;
    }
    assert_eq!((next, bench.reports.len()), (1024, 0));
    bench.answer(0, Ok(vec![found("10.0.0.9", None)]));
    bench.run();
    assert_eq!(bench.tried()[1024..], ["10.0.0.9:80", "10.0.0.9:443"]);
    bench.end(1025, Outcome::Refused, Some(ECONNREFUSED));
    assert!(bench.reports.is_empty());
    bench.end(1024, Outcome::Refused, Some(ECONNREFUSED));
    assert_eq!(bench.reports.len(), 1026);
    assert_eq!(bench.reported()[..3], ["slow.test:80", "slow.test:443", "10.0.0.1:1"]);
}

#[test]
fn a_further_try_holds_up_the_results_behind_it() {
    let mut bench = Bench::new(Policy { retries: 1, ..ordered() });
    bench.give(literal(1..=3));
    bench.run();
    (0..3).for_each(|index| bench.end(index, [Outcome::TimedOut, Outcome::Connected][usize::from(index > 0)], None));
    bench.pass(SECOND);
    assert_eq!((bench.connects.len(), bench.reports.len()), (4, 0));
    bench.end(3, Outcome::Connected, None);
    assert_eq!(bench.reported(), ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"]);
}

/// Of what a signal leaves behind, everything that was decided is reported.
#[test]
fn the_end_of_a_run_loses_no_result() {
    let base = policy();
    let deadline = Some(base.epoch.0 + SECOND);
    for (end, policy) in [(Some(Signal::Interrupt), ordered()), (None, Policy { deadline, ..ordered() })] {
        let mut bench = Bench::new(Policy { concurrency: 3, epoch: base.epoch, ..policy });
        bench.give(named("slow.test", &[80]));
        bench.give(literal(1..=6));
        bench.run();
        [1, 2, 3].into_iter().for_each(|index| bench.end(index, Outcome::Refused, Some(ECONNREFUSED)));
        assert_eq!((bench.connects.len(), bench.reports.len()), (6, 0));
        match end {
            Some(signal) => bench.tell(Event::Signal(signal)),
            None => bench.now += SECOND,
        }
        bench.exhausted = true;
        bench.run();
        [0, 4, 5].into_iter().for_each(|index| bench.end(index, Outcome::Interrupted, None));
        let expected = ["slow.test:80".to_owned()].into_iter().chain((1..=6).map(|port| format!("10.0.0.1:{port}")));
        assert_eq!(bench.reported(), expected.collect::<Vec<String>>(), "{end:?}");
        assert!(bench.done.is_some());
    }
}
