//! Advice over evidence: the path that was traced, the addresses that a line is for, the words of each system.

use std::time::Duration;

use super::*;
use crate::model::{Hold, Icmp, Route};

fn attempt(address: &str, outcome: Outcome, cause: Option<Cause>) -> Attempt {
    let skipped = Attempt::skipped(address.parse().unwrap(), 1, Duration::ZERO, outcome, Reason::Signal);
    Attempt { cause, phase: Some(Phase::Completion), reason: None, ..skipped }
}

fn silent() -> Attempt {
    Attempt { by: Some(By::Limit), ..attempt("10.4.0.5:80", Outcome::TimedOut, Some(Cause::Silence)) }
}

fn message(from: &str, kind: u8, code: u8) -> Icmp {
    let from: IpAddr = from.parse().unwrap();
    Icmp { from, family: Family::of(from), kind, code, info: 0, at: None, count: 1, decisive: true }
}

fn hop(ttl: u8, icmp: Option<Icmp>) -> Hop {
    let address = icmp.as_ref().map(|icmp| icmp.from);
    Hop { ttl, address, elapsed: Duration::ZERO, outcome: Outcome::Unreachable, error: None, icmp, by: None }
}

fn path(end: PathEnd, hops: Vec<Hop>) -> Path {
    Path { address: "10.4.0.5:80".parse().unwrap(), traced_port: 80, hops, end, answer_ttl: None, answered_hop: None }
}

#[test]
fn a_path_that_was_traced_is_used() {
    let told = |end, hops| of(&silent(), Some(&[path(end, hops)])).unwrap();
    let router = || hop(1, Some(message("10.1.0.1", 11, 0)));
    let rejecting = |kind, code| vec![router(), hop(2, Some(message("203.0.113.2", kind, code)))];
    assert_eq!(
        told(PathEnd::Rejected, rejecting(3, 1)),
        "203.0.113.2 cannot reach it: no such host behind that router, or a firewall rule there"
    );
    assert!(told(PathEnd::Rejected, rejecting(3, 13)).starts_with("203.0.113.2 forbids it"));
    assert!(told(PathEnd::Rejected, rejecting(3, 0)).ends_with("203.0.113.2, which says net unreachable"));
    assert!(told(PathEnd::Silence, vec![router(), hop(2, None)]).starts_with("packets get as far as 10.1.0.1"));
    assert!(told(PathEnd::Silence, vec![]).starts_with("no hop answers"));
    assert!(told(PathEnd::Loop, vec![router()]).contains("circles at 10.1.0.1"));
    assert!(told(PathEnd::Connected, vec![]).contains("try again"));
}

#[test]
fn the_hint_at_a_trace_is_for_those_who_have_none() {
    assert!(of(&silent(), None).unwrap().ends_with("; --trace shows how far packets get"));
    assert!(!of(&silent(), Some(&[])).unwrap().contains("--trace"));
}

#[test]
fn nothing_is_advised_of_a_success() {
    assert_eq!(of(&attempt("10.4.0.5:80", Outcome::Connected, None), None), None);
    assert_eq!(of_lookup(&Lookup::default()), None);
}

fn report(attempts: Vec<Attempt>) -> Report {
    Report { outcome: Outcome::Connected, good: true, partial: true, ..crate::classify::samples::report(attempts) }
}

#[test]
fn a_line_names_the_addresses_that_it_is_for() {
    let rst = |address| Attempt { by: Some(By::Peer), ..attempt(address, Outcome::Refused, Some(Cause::Rst)) };
    let forbids = |address, from| Attempt {
        by: Some(By::Router),
        icmp: Some(message(from, 3, 13)),
        ..attempt(address, Outcome::Denied, Some(Cause::Prohibited))
    };
    let all = report(vec![rst("10.0.0.1:80"), rst("10.0.0.2:80")]);
    assert!(of_report(&all).iter().all(|line| line.addresses.is_empty()), "for every address");

    let mixed = report(vec![
        rst("10.0.0.1:80"),
        forbids("10.0.0.2:80", "10.9.0.1"),
        rst("10.0.0.3:80"),
        forbids("10.0.0.4:80", "10.9.0.2"),
    ]);
    let lines = of_report(&mixed);
    let addresses: Vec<Vec<String>> =
        lines.iter().map(|line| line.addresses.iter().map(|a| a.ip().to_string()).collect()).collect();
    assert_eq!(addresses, [vec!["10.0.0.1", "10.0.0.3"], vec!["10.0.0.2"], vec!["10.0.0.4"]], "none hides another");
    assert!(lines[1].text.contains("10.9.0.1") && lines[2].text.contains("10.9.0.2"));
}

#[test]
fn the_last_try_of_an_address_is_advised() {
    let first = silent();
    let last = Attempt { number: 2, ..attempt("10.4.0.5:80", Outcome::Connected, None) };
    assert_eq!(of_report(&report(vec![first, last])), []);
}

#[test]
fn a_family_that_fails_at_every_address_is_named() {
    let v4 = || attempt("10.0.0.1:80", Outcome::Connected, None);
    let v6 = |outcome| attempt("[fd00::1]:80", outcome, None);
    let family = |attempts| of_report(&report(attempts)).last().map(|line| line.text.clone());
    let broken = family(vec![v4(), v6(Outcome::Failed)]).unwrap();
    assert!(broken.starts_with("no IPv6 address connects, IPv4 does"));
    assert_eq!(family(vec![v4(), v6(Outcome::Connected)]), None);
    let skipped = Attempt::skipped(v6(Outcome::Skipped).address, 1, Duration::ZERO, Outcome::Skipped, Reason::NoRoute);
    assert_eq!(family(vec![v4(), skipped.clone()]), None, "skipped is not broken");
    let some_tried = family(vec![v4(), v6(Outcome::Failed), skipped]);
    assert_eq!(some_tried, None, "an address that was not tried may connect");
    let cancelled = v6(Outcome::Cancelled);
    assert_eq!(family(vec![v4(), v6(Outcome::Failed), cancelled]), None, "nor is it known of one that was given up");
}

#[test]
fn advice_is_about_what_was_not_expected() {
    let refused = |address| Attempt { by: Some(By::Peer), ..attempt(address, Outcome::Refused, Some(Cause::Rst)) };
    let open = attempt("10.0.0.2:80", Outcome::Connected, None);
    let expecting = |outcome, attempts| {
        let expected = Some([outcome].into_iter().collect());
        of_report(&Report { expected, good: false, partial: false, ..report(attempts) })
    };
    let lines = expecting(Outcome::Refused, vec![refused("10.0.0.1:80"), open.clone(), refused("[fd00::1]:80")]);
    let [line] = &lines[..] else { panic!("one line: {lines:?}") };
    assert_eq!(line.text, "something listens on 80 there, and that was not expected");
    assert_eq!(line.addresses, [open.address]);
    let cut = Attempt { cut_short: true, ..open.clone() };
    assert_eq!(expecting(Outcome::ClosedByPeer, vec![cut]), [], "the hold may have come to it");
    let lines = expecting(Outcome::Connected, vec![open, refused("[fd00::1]:80")]);
    assert!(lines.len() == 1 && lines[0].text.starts_with("nothing listens"), "{lines:?}");
    let lookup = Lookup { cause: Some(Cause::NoSuchName), ..Lookup::default() };
    let expected = Some([Outcome::Unresolved].into_iter().collect());
    assert_eq!(of_report(&Report { outcome: Outcome::Unresolved, expected, lookup, ..report(vec![]) }), []);
}

/// Whoever asks for retries hopes that the state passes.
#[test]
fn a_state_that_passes_is_to_be_waited_for() {
    let told = |report: Report| {
        let line = of_report(&report).into_iter().find(|line| line.topic == Topic::Wait)?;
        assert!(line.text.ends_with("if it is about to come up: --wait=1m probes until it is good"), "{line:?}");
        Some(line.text.starts_with("-r does not try this again; "))
    };
    let failed = |outcome, cause, error: Option<Name>| {
        let error = error.and_then(codes::code);
        let attempt = Attempt { number: 3, error, ..attempt("10.0.0.1:80", outcome, Some(cause)) };
        Report { good: false, partial: false, outcome, retries: 2, ..report(vec![attempt]) }
    };
    let refused = || failed(Outcome::Refused, Cause::Rst, Some(Name::ECONNREFUSED));
    assert_eq!(told(refused()), Some(false));
    let silent = failed(Outcome::Unreachable, Cause::NeighbourSilent, Some(Name::EHOSTUNREACH));
    assert_eq!(told(silent), Some(false));
    let unreachable = || failed(Outcome::Unreachable, Cause::RouterUnreachable, Some(Name::EHOSTUNREACH));
    assert_eq!(told(unreachable()), Some(true));
    let unresolved = |cause, error| {
        let lookup = Lookup { cause: Some(cause), error: codes::code(error), ..Lookup::default() };
        Report { good: false, partial: false, outcome: Outcome::Unresolved, retries: 2, lookup, ..report(vec![]) }
    };
    assert_eq!(told(unresolved(Cause::NoSuchName, Name::EAI_NONAME)), Some(true));
    assert_eq!(told(unresolved(Cause::ResolverAgain, Name::EAI_AGAIN)), Some(false));

    assert_eq!(told(Report { retries: 0, ..refused() }), None, "nothing says that it may pass");
    assert_eq!(told(Report { good: true, ..refused() }), None);
    assert_eq!(told(Report { round: Some(1), ..refused() }), None, "rounds are probed again");
    assert_eq!(told(failed(Outcome::Denied, Cause::Prohibited, Some(Name::EHOSTUNREACH))), None, "a policy stays");
    assert_eq!(told(failed(Outcome::TimedOut, Cause::Silence, None)), None, "mostly a firewall");
    assert_eq!(told(unresolved(Cause::ResolverFailed, Name::EAI_FAIL)), None);
    let expected = Some([Outcome::Refused].into_iter().collect());
    assert_eq!(told(Report { expected, ..refused() }), None, "as expected");
}

#[test]
fn a_hold_that_was_cut_short_is_to_be_longer() {
    let hold = Hold { elapsed: Duration::ZERO, full: false, received: Vec::new(), window: None };
    let shut = attempt("10.0.0.1:80", Outcome::Connected, Some(Cause::ZeroWindow));
    assert!(of(&shut, None).unwrap().ends_with(": --hold 5s tells"));
    assert!(of(&Attempt { hold: Some(hold), ..shut }, None).unwrap().ends_with(": a longer --hold tells"));
}

#[test]
fn every_system_is_advised_in_its_own_words() {
    let told = |platform, cause| {
        let attempt = attempt("10.4.0.5:80", Outcome::Unreachable, Some(cause));
        Subject { attempt: &attempt, traced: true, platform }.by_cause(cause).unwrap()
    };
    for &cause in Cause::ALL {
        let windows = told(Platform::Windows, cause);
        for unix in ["ulimit", "/etc/", "ip route get", "route -n"] {
            assert!(!windows.contains(unix), "{cause}: {windows}");
        }
    }
    assert!(told(Platform::Linux, Cause::BlackholeRoute).ends_with("ip route get 10.4.0.5"));
    assert!(told(Platform::Macos, Cause::BlackholeRoute).ends_with("route -n get 10.4.0.5"));
    assert!(told(Platform::Windows, Cause::BlackholeRoute).contains("Find-NetRoute"));
}

#[test]
fn macos_may_forbid_the_local_network() {
    let told = |address: &str, platform| {
        let error = codes::code(Name::EHOSTUNREACH);
        let attempt = Attempt { by: Some(By::Local), error, ..attempt(address, Outcome::Unreachable, None) };
        Subject { attempt: &attempt, traced: true, platform }.by_code(error.unwrap()).unwrap()
    };
    assert!(told("192.168.1.9:80", Platform::Macos).contains("Local Network"));
    assert!(!told("198.51.100.9:80", Platform::Macos).contains("Local Network"));
    assert!(!told("192.168.1.9:80", Platform::Linux).contains("Local Network"));
}

#[test]
fn a_destination_of_our_own_is_rejected_by_our_own_firewall() {
    let route = Some(Route { kind: Some(RouteKind::Local), ..Route::default() });
    let icmp = Some(message("10.4.0.5", 3, 13));
    let own =
        Attempt { by: Some(By::Peer), route, icmp, ..attempt("10.4.0.5:80", Outcome::Denied, Some(Cause::Prohibited)) };
    assert_eq!(of(&own, None).unwrap(), OWN_FIREWALL);
}

#[test]
fn a_lookup_tells_what_was_asked_for() {
    let failed = |family| Lookup { cause: Some(Cause::NoSuchName), family, ..Lookup::default() };
    assert!(of_lookup(&failed(Some(Family::V6))).unwrap().contains("no IPv6 address"));
    assert!(!of_lookup(&failed(None)).unwrap().contains("IPv6"));
    let not_asked = Lookup { by: Some(By::Limit), reason: Some(Reason::Deadline), ..Lookup::default() };
    assert!(of_lookup(&not_asked).unwrap().starts_with("the deadline"));
}
