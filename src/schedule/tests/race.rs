//! Races: RFC 8305.

use super::*;

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
