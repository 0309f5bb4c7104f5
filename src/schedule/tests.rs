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

mod driving;
mod hold;
mod limits;
mod looks;
mod order;
mod path;
mod race;
mod sweep;

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
    assert_eq!(outcomes, [TimedOut, Unresolved, Skipped, Skipped, Skipped, Skipped]);
    assert_eq!((bench.reports[1].lookup.by, bench.lookups.len()), (Some(By::Limit), 1));
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
