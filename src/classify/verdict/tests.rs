//! Verdicts over whole lists: every ICMP code, every local case that the documents and experiments know.

use std::net::IpAddr;
use std::time::Duration;

use super::*;
use crate::classify::icmp;
use crate::model::{self, By::*, Cause::*, Family, Hold, LocalDrop, Outcome::*, Platform, Route, TcpFacts};

fn evidence(phase: Phase, end: End) -> Evidence {
    Evidence {
        local: Some("10.1.0.2:41234".parse().unwrap()),
        elapsed: Duration::from_millis(1),
        ..Evidence::new("10.4.0.5:80".parse().unwrap(), Protocol::Tcp, phase, end)
    }
}

fn failed(phase: Phase, name: Name) -> Evidence {
    evidence(phase, End::Error(codes::code(name).unwrap()))
}

fn message(from: &str, kind: u8, code: u8, errno: Name) -> (Icmp, i32) {
    let from: IpAddr = from.parse().unwrap();
    let icmp = Icmp { from, family: Family::of(from), kind, code, info: 0, at: None, count: 1, decisive: false };
    (icmp, raw(errno))
}

fn raw(errno: Name) -> i32 {
    match codes::code(errno) {
        Some(Code::Os(number)) => number,
        other => panic!("{errno}: {other:?}"),
    }
}

fn routed(error: Option<Name>, kind: Option<RouteKind>) -> Option<Route> {
    Some(Route { error: error.and_then(codes::code), kind, ..Route::default() })
}

/// Whether this system has a code of its own for the name: Winsock has none for some, and the nearest one tells less.
fn has_own(name: Name) -> bool {
    codes::code(name).and_then(codes::name) == Some(name)
}

/// The value of this system, where the documents of Winsock give a code another meaning.
fn here<T>(unix: T, windows: T) -> T {
    if cfg!(windows) { windows } else { unix }
}

/// What a route that answers EHOSTUNREACH comes to: Windows has no unreachable routes, and answers it without a route.
fn host_unreachable() -> Cause {
    here(UnreachableRoute, NoRoute)
}

fn judged(evidence: &Evidence) -> (Outcome, Option<By>, Option<Cause>) {
    let verdict = judge(evidence);
    (verdict.outcome, verdict.by, verdict.cause)
}

#[test]
fn a_closed_window_leaves_a_connection_in_doubt() {
    let with = |window| {
        let terms = Handshake { window, ..Handshake::default() };
        let tcp = TcpFacts { terms, ..TcpFacts::default() };
        judged(&Evidence { tcp, ..evidence(Phase::Completion, End::Success) })
    };
    assert_eq!(with(Some(0)), (Connected, None, Some(ZeroWindow)));
    for window in [None, Some(1), Some(65_160)] {
        assert_eq!(with(window), (Connected, None, None));
    }
}

/// What a connection came to that was held: its end, what came, the window before and after.
fn held(end: End, full: bool, received: &[u8], window: [u32; 2]) -> Attempt {
    let terms = Handshake { window: Some(window[0]), ..Handshake::default() };
    let tcp = TcpFacts { terms, ..TcpFacts::default() };
    let hold = Hold { full, received: received.to_vec(), window: Some(window[1]), ..Hold::default() };
    attempt(Evidence { tcp, hold: Some(hold), ..evidence(Phase::Hold, end) }, 1, vec![])
}

#[test]
fn a_connection_that_is_held_is_served_unless_its_end_or_its_window_says_no() {
    let told = |end, full, received: &[u8], window| {
        let attempt = held(end, full, received, window);
        (attempt.outcome, attempt.by, attempt.cause)
    };
    let served = (Connected, None, None);
    let doubtful = (Connected, None, Some(ZeroWindow));
    for (window, nothing_came) in [([100, 100], served), ([0, 100], served), ([100, 0], served), ([0, 0], doubtful)] {
        for end in [End::Limit, End::Interrupted, End::Overtaken] {
            assert_eq!(told(end, false, b"", window), nothing_came, "{end:?} {window:?}");
            assert_eq!(told(end, false, b"x", window), served, "{end:?} {window:?}");
        }
        let to_the_end = if window == [0, 0] { (Unserved, Some(Limit), Some(ZeroWindow)) } else { served };
        assert_eq!(told(End::Limit, true, b"", window), to_the_end);
        assert_eq!(told(End::Limit, true, b"x", window), served);
        assert_eq!(told(End::Success, false, b"x", window), served);
        assert_eq!(told(End::Closed, false, b"", window), (ClosedByPeer, Some(Peer), Some(Fin)));
        assert_eq!(told(End::Closed, false, b"x", window), served, "a banner was sent");
        let reset = End::Error(codes::code(Name::ECONNRESET).unwrap());
        for received in [&b""[..], b"x"] {
            assert_eq!(told(reset, false, received, window), (Reset, Some(Peer), Some(ResetAfterHandshake)));
        }
    }
}

#[test]
fn what_was_held_tells_of_its_handshake_and_asks_for_no_route() {
    let unserved = held(End::Limit, true, b"", [0, 0]);
    assert_eq!((unserved.phase, unserved.ended), (Some(Phase::Hold), Some(Ended::Limit)));
    assert_eq!(unserved.handshake.unwrap().window, Some(0));
    let known = Evidence { hold: Some(Hold::default()), ..evidence(Phase::Hold, End::Limit) };
    assert!(Question::ALL.iter().all(|&question| !asks(&known, question)));
}

#[test]
fn what_was_agreed_on_is_told_of_a_connection_only() {
    let terms = Handshake { window: Some(65_160), ..Handshake::default() };
    let tcp = TcpFacts { terms, ..TcpFacts::default() };
    let told = |end, tcp| attempt(Evidence { tcp, ..evidence(Phase::Completion, end) }, 1, vec![]).handshake;
    assert_eq!(told(End::Success, tcp), Some(terms));
    assert_eq!(told(End::Success, TcpFacts::default()), None, "this system tells nothing");
    assert_eq!(told(End::Limit, tcp), None);
}

#[test]
fn every_icmp_code_that_ends_a_connect_is_judged_by_its_meaning() {
    for &family in Family::ALL {
        for (kind, code) in (0..=255).flat_map(|kind| (0..=16).map(move |code| (kind, code))) {
            let Some(errno) = icmp::linux_errno(family, kind, code).filter(|&name| codes::code(name).is_some()) else {
                continue;
            };
            let (address, from) = match family {
                Family::V4 => ("10.4.0.5:80", "10.1.0.1"),
                Family::V6 => ("[fd00::5]:80", "fd00::fe"),
            };
            let mut evidence = failed(Phase::Completion, errno);
            evidence.address = address.parse().unwrap();
            evidence.icmp = vec![message(from, kind, code, errno)];
            let (outcome, by, _) = judged(&evidence);
            let expected = match (family, kind, code) {
                (Family::V4, 3, 2 | 3) | (Family::V6, 1, 4) => Refused,
                (Family::V4, 3, 9 | 10 | 13) | (Family::V6, 1, 1 | 5 | 6) => Denied,
                _ => Unreachable,
            };
            assert_eq!((outcome, by), (expected, Some(Router)), "{family}: {kind}/{code} {errno}");
            assert!(judge(&evidence).icmp.is_some_and(|icmp| icmp.decisive));
        }
    }
}

#[test]
fn the_sender_is_told_apart() {
    let with = |from: &str, count: usize| {
        let mut evidence = failed(Phase::Completion, Name::EHOSTUNREACH);
        evidence.icmp = vec![message(from, 3, 1, Name::EHOSTUNREACH); count];
        judged(&evidence)
    };
    assert_eq!(with("10.4.0.5", 1), (Unreachable, Some(Peer), Some(RouterUnreachable)), "a firewall rule there");
    assert_eq!(with("10.1.0.1", 1), (Unreachable, Some(Router), Some(RouterUnreachable)));
    assert_eq!(with("10.1.0.2", 1), (Unreachable, Some(Neighbour), Some(NeighbourSilent)));
    assert_eq!(with("10.1.0.2", 2), (Unreachable, Some(Local), Some(LocalPolicy)), "a rule of our own, on every SYN");
    let mut datagram = failed(Phase::Completion, Name::ECONNREFUSED);
    datagram.protocol = Protocol::Udp;
    datagram.address = "0.0.0.0:9".parse().unwrap();
    datagram.icmp = vec![message("10.1.0.2", 3, 3, Name::ECONNREFUSED)];
    assert_eq!(judged(&datagram), (Refused, Some(Peer), Some(PortUnreachable)), "0.0.0.0 is this machine");
}

#[test]
fn at_our_limit_the_last_message_is_the_answer() {
    let mut evidence = evidence(Phase::Completion, End::Limit);
    evidence.icmp = vec![message("10.1.0.1", 3, 1, Name::EHOSTUNREACH); 3];
    let verdict = judge(&evidence);
    assert_eq!((verdict.outcome, verdict.by, verdict.cause), (Unreachable, Some(Router), Some(RouterUnreachable)));
    let icmp = verdict.icmp.unwrap();
    assert_eq!((icmp.count, icmp.decisive), (3, false));
    evidence.icmp.push(message("10.1.0.1", 3, 13, Name::EHOSTUNREACH));
    assert_eq!(judged(&evidence), (Denied, Some(Router), Some(Prohibited)));
    let attempt = attempt(evidence.clone(), 1, Vec::new());
    assert_eq!((attempt.error, attempt.ended), (None, Some(Ended::Limit)));
    assert_eq!(attempt.icmp.unwrap().code, 13, "the last one");

    evidence.end = End::Success;
    assert_eq!(judge(&evidence).outcome, Connected);
}

#[test]
fn a_reset_after_an_unrelated_message_is_the_peers() {
    let mut evidence = failed(Phase::Completion, Name::ECONNREFUSED);
    evidence.icmp = vec![message("10.1.0.1", 3, 1, Name::EHOSTUNREACH)];
    assert_eq!(judged(&evidence), (Refused, Some(Peer), Some(Rst)));
}

#[test]
fn what_the_call_says_is_decided_on_this_machine() {
    let cases: &[(Name, Option<Route>, Judged)] = &[
        (Name::ENETUNREACH, routed(Some(Name::ENETUNREACH), None), (Unreachable, Some(Local), Some(NoRoute))),
        (Name::ENETUNREACH, routed(None, Some(RouteKind::Broadcast)), (Unreachable, Some(Local), Some(NotUnicast))),
        (
            Name::EHOSTUNREACH,
            routed(Some(Name::EHOSTUNREACH), None),
            (Unreachable, Some(Local), Some(host_unreachable())),
        ),
        (Name::EACCES, routed(Some(Name::EACCES), None), (Denied, Some(Local), Some(ProhibitRoute))),
        (Name::EACCES, routed(None, Some(RouteKind::Unicast)), (Denied, Some(Local), Some(LocalPolicy))),
        (Name::EPERM, routed(None, Some(RouteKind::Unicast)), (Denied, Some(Local), Some(LocalPolicy))),
        (Name::ENOSYS, None, (Denied, Some(Local), Some(LocalPolicy))),
        (Name::EINVAL, routed(Some(Name::EINVAL), None), (Unreachable, Some(Local), Some(BlackholeRoute))),
        // WSAEADDRNOTAVAIL: the remote address is not valid.
        (Name::EADDRNOTAVAIL, None, here((Unavailable, Some(Local), Some(LocalPorts)), (Invalid, Some(Local), None))),
        (Name::EADDRINUSE, None, (Unavailable, Some(Local), Some(LocalPorts))),
        (Name::EAGAIN, None, (Unavailable, Some(Local), Some(LocalPorts))),
        // WSAENOBUFS: the ports are used up.
        (Name::ENOBUFS, None, (Unavailable, Some(Local), Some(here(Buffers, LocalPorts)))),
        (Name::ENOMEM, None, (Unavailable, Some(Local), Some(Buffers))),
        (Name::ENETDOWN, None, (Unavailable, Some(Local), Some(NetworkDown))),
        (Name::ENODEV, None, (Unavailable, Some(Local), Some(NoInterface))),
        (Name::EAFNOSUPPORT, None, (Unsupported, Some(Local), None)),
        (Name::ECONNREFUSED, None, (Refused, Some(Peer), Some(Rst))),
    ];
    for (name, route, expected) in cases.iter().filter(|&&(name, ..)| has_own(name)) {
        let mut evidence = failed(Phase::Connect, *name);
        evidence.route = route.clone();
        assert_eq!(judged(&evidence), *expected, "{name} {route:?}");
    }
}

#[test]
fn a_local_shortage_is_never_the_peers_state() {
    let names = [Name::EMFILE, Name::ENFILE, Name::ENOMEM, Name::ENOBUFS, Name::ENODEV, Name::ENETDOWN];
    for phase in [Phase::Socket, Phase::Option, Phase::Bind, Phase::Connect, Phase::Completion] {
        for name in names.into_iter().filter(|&name| has_own(name)) {
            let (outcome, by, _) = judged(&failed(phase, name));
            assert_eq!((outcome, by), (Unavailable, Some(Local)), "{name} in {phase}");
        }
    }
}

#[test]
fn bind_and_options_have_their_own_reading() {
    assert_eq!(judged(&failed(Phase::Bind, Name::EADDRNOTAVAIL)).2, Some(SourceAddress));
    assert_eq!(judged(&failed(Phase::Bind, Name::EADDRINUSE)).2, Some(LocalPorts));
    // WSAEACCES is a port that is reserved.
    let (outcome, cause) = here((Denied, LocalPolicy), (Unavailable, LocalPorts));
    assert_eq!(judged(&failed(Phase::Bind, Name::EACCES)), (outcome, Some(Local), Some(cause)));
    assert_eq!(judged(&failed(Phase::Option, Name::EPERM)), (Denied, Some(Local), Some(LocalPolicy)));
    assert_eq!(judged(&failed(Phase::Option, Name::ENOPROTOOPT)).0, Unsupported);
    assert_eq!(judged(&failed(Phase::Socket, Name::EAFNOSUPPORT)).0, Unsupported);
}

#[test]
fn an_address_without_its_link_is_invalid() {
    let mut evidence = failed(Phase::Connect, Name::EINVAL);
    evidence.address = "[fe80::1]:80".parse().unwrap();
    assert_eq!(judged(&evidence), (Invalid, Some(Local), Some(ScopeMissing)));
    evidence.address = "[fe80::1%3]:80".parse().unwrap();
    assert_eq!(judged(&evidence).2, None);
}

#[test]
fn a_source_that_does_not_fit_is_not_blamed_on_the_route() {
    let mut evidence = failed(Phase::Connect, Name::EINVAL);
    evidence.source_given = true;
    evidence.route = routed(None, Some(RouteKind::Unicast));
    assert_eq!(judged(&evidence), (Invalid, Some(Local), Some(SourceMismatch)));
}

#[test]
fn a_reset_is_named_by_the_proof_of_a_handshake() {
    let mut evidence = failed(Phase::Completion, Name::ECONNRESET);
    assert_eq!(judged(&evidence), (Reset, Some(Peer), Some(ResetEarly)));
    evidence.tcp.handshake = Some(true);
    assert_eq!(judged(&evidence), (Reset, Some(Peer), Some(ResetAfterHandshake)));
}

#[test]
fn a_connection_to_itself_is_no_success() {
    let mut evidence = evidence(Phase::Completion, End::Success);
    evidence.local = Some(evidence.address);
    assert_eq!(judged(&evidence), (SelfConnected, Some(Local), Some(SelfConnect)));
    evidence.protocol = Protocol::Udp;
    assert_eq!(judge(&evidence).outcome, SelfConnected, "our own datagram is no reply");
}

#[test]
fn the_unspecified_address_can_be_the_socket_itself() {
    let between = |local: &str, address: &str| {
        let mut evidence = evidence(Phase::Completion, End::Success);
        evidence.local = Some(local.parse().unwrap());
        evidence.address = address.parse().unwrap();
        judge(&evidence).outcome
    };
    assert_eq!(between("127.0.0.1:80", "0.0.0.0:80"), SelfConnected);
    assert_eq!(between("10.1.0.2:80", "0.0.0.0:80"), SelfConnected);
    assert_eq!(between("[::1]:80", "[::]:80"), SelfConnected);
    assert_eq!(between("[::ffff:127.0.0.1]:80", "[::ffff:0.0.0.0]:80"), SelfConnected);
    assert_eq!(between("127.0.0.1:81", "0.0.0.0:80"), Connected);
    assert_eq!(between("[fd00::2]:80", "[::]:80"), Connected, "to ::1, from another address");
    assert_eq!(between("10.1.0.2:80", "10.1.0.3:80"), Connected);
}

#[test]
fn our_limit_is_never_the_systems() {
    assert_eq!(judged(&evidence(Phase::Completion, End::Limit)), (TimedOut, Some(Limit), Some(Silence)));
    assert_eq!(judged(&failed(Phase::Completion, Name::ETIMEDOUT)), (TimedOut, Some(System), Some(Silence)));
    let mut datagram = evidence(Phase::Completion, End::Limit);
    datagram.protocol = Protocol::Udp;
    assert_eq!(judged(&datagram), (Unconfirmed, Some(Limit), Some(NoReply)));
}

/// Where the routing table cannot be asked, a call that waited may tell what a router or the next hop said.
#[test]
fn what_a_call_said_that_waited_is_not_blamed_on_this_machine() {
    for name in [Name::ENETUNREACH, Name::EHOSTUNREACH] {
        let mut evidence = failed(Phase::Connect, name);
        evidence.blocking = true;
        assert_eq!(judged(&evidence), (Unreachable, None, None));
        evidence.route = routed(Some(name), None);
        assert_eq!(judged(&evidence).1, Some(Local));
    }
}

#[test]
fn at_our_limit_what_was_seen_tells_why_nothing_else_ended_it() {
    let with = |change: fn(&mut Evidence)| {
        let mut evidence = evidence(Phase::Completion, End::Limit);
        change(&mut evidence);
        judged(&evidence)
    };
    assert_eq!(with(|_| {}), (TimedOut, Some(Limit), Some(Silence)));
    assert_eq!(
        with(|e| e.neighbour = Some(model::Neighbour::Unresolved)),
        (TimedOut, Some(Limit), Some(NeighbourSilent))
    );
    let own_rule = |e: &mut Evidence| e.icmp = vec![message("10.1.0.2", 3, 1, Name::EHOSTUNREACH)];
    assert_eq!(
        with(own_rule),
        (Unreachable, Some(Local), Some(LocalPolicy)),
        "the kernel has not given up on a neighbour"
    );
    let forgotten = |e: &mut Evidence| {
        e.icmp = vec![message("10.1.0.2", 3, 1, Name::EHOSTUNREACH)];
        e.icmp[0].0.at = Some(Duration::from_millis(150));
    };
    assert_eq!(with(forgotten), (Unreachable, Some(Neighbour), Some(NeighbourSilent)), "a rule would not take so long");
    let lost = |e: &mut Evidence| {
        e.soft = codes::code(Name::EHOSTUNREACH);
        e.route = routed(Some(Name::EHOSTUNREACH), None);
    };
    assert_eq!(with(lost), (TimedOut, Some(Limit), Some(host_unreachable())));
    let mut ended = failed(Phase::Completion, Name::EHOSTUNREACH);
    ended.route = routed(Some(Name::EHOSTUNREACH), None);
    assert_eq!(judged(&ended), (Unreachable, Some(Local), Some(host_unreachable())), "the kernel's own end");
}

/// A filter that answers in the place of TCP has no port to show, and the routing table no fault.
#[test]
fn what_was_never_sent_is_nobody_elses() {
    for name in [Name::ECONNREFUSED, Name::ECONNRESET, Name::ETIMEDOUT] {
        let mut evidence = failed(Phase::Connect, name);
        evidence.intercepted = true;
        let (_, by, cause) = judged(&evidence);
        assert_eq!((by, cause), (None, Some(Intercepted)), "{name}");
    }
    let mut evidence = failed(Phase::Connect, Name::ENETUNREACH);
    evidence.route = routed(None, Some(RouteKind::Unicast));
    assert_eq!(judged(&evidence), (Unreachable, Some(Local), None), "there is a route");
}

/// The peer closed its end, then reset: the kernel's word for it is EPIPE.
#[cfg(unix)]
#[test]
fn a_reset_after_the_end_of_the_peer_is_a_reset() {
    let mut evidence = failed(Phase::Completion, Name::EPIPE);
    evidence.tcp.handshake = Some(true);
    assert_eq!(judged(&evidence), (Reset, Some(Peer), Some(ResetAfterHandshake)));
}

#[test]
fn an_unknown_code_keeps_its_number() {
    let evidence = evidence(Phase::Completion, End::Error(Code::Os(4711)));
    assert_eq!(judged(&evidence), (Failed, None, None));
    let name = if cfg!(windows) { "WSA 4711" } else { "errno 4711" };
    assert_eq!(codes::describe(Code::Os(4711)).name, name);
}

#[test]
fn every_row_of_the_table_comes_to_a_verdict_in_every_phase() {
    for row in codes::TABLE {
        let Some(code) = codes::code(row.name) else { continue };
        for &phase in Phase::ALL {
            let (outcome, ..) = judged(&evidence(phase, End::Error(code)));
            assert_ne!(outcome, Connected, "{} in {phase}", row.name);
        }
    }
}

/// Who could have spoken before connect()?
#[test]
fn before_connect_nothing_is_the_peers_word() {
    for phase in [Phase::Socket, Phase::Option, Phase::Bind] {
        for name in [Name::ECONNREFUSED, Name::ECONNRESET, Name::ETIMEDOUT, Name::EHOSTUNREACH, Name::ENETUNREACH] {
            assert_eq!(judged(&failed(phase, name)), (Failed, Some(Local), None), "{name} in {phase}");
        }
    }
}

#[test]
fn a_group_is_not_worth_another_try() {
    let mut evidence = failed(Phase::Connect, Name::ENETUNREACH);
    let tried = |evidence: &Evidence| retryable(&attempt(evidence.clone(), 1, Vec::new()));
    assert!(tried(&evidence));
    evidence.address = "224.0.0.1:80".parse().unwrap();
    assert!(!tried(&evidence));
}

/// The kernel's message about a silent neighbour may be held back by its limit for messages: the fact is the same.
#[test]
fn a_neighbour_that_was_asked_in_vain_is_unreachable_without_the_kernels_message() {
    for (protocol, silence) in [(Protocol::Tcp, TimedOut), (Protocol::Udp, Unconfirmed)] {
        let after = |elapsed, neighbour| {
            let mut silent = evidence(Phase::Completion, End::Limit);
            (silent.protocol, silent.neighbour) = (protocol, Some(neighbour));
            silent.elapsed = Duration::from_millis(elapsed);
            let attempt = attempt(silent, 1, Vec::new());
            assert_eq!((attempt.error, attempt.ended), (None, Some(Ended::Limit)));
            (attempt.outcome, attempt.by, attempt.cause)
        };
        let cause = Some(NeighbourSilent);
        assert_eq!(after(3_000, model::Neighbour::Unresolved), (Unreachable, Some(Neighbour), cause));
        assert_eq!(after(2_999, model::Neighbour::Unresolved), (silence, Some(Limit), cause), "still asked for");
        assert_eq!(after(3_000, model::Neighbour::Resolved).0, silence);
    }
}

/// The kernel gives up on a silent neighbour after 3 s; our own timeout may come before or after. Both are silence.
#[test]
fn a_silent_neighbour_is_worth_another_try_whoever_gave_up() {
    let mut told = failed(Phase::Completion, Name::EHOSTUNREACH);
    told.local = Some("10.1.0.2:40000".parse().unwrap());
    told.icmp = vec![message("10.1.0.2", 3, 1, Name::EHOSTUNREACH)];
    let by_the_kernel = attempt(told, 1, Vec::new());
    assert_eq!((by_the_kernel.cause, retryable(&by_the_kernel)), (Some(NeighbourSilent), true));
    let mut silent = evidence(Phase::Completion, End::Limit);
    silent.neighbour = Some(model::Neighbour::Unresolved);
    for elapsed in [1, 5].map(Duration::from_secs) {
        let by_us = attempt(Evidence { elapsed, ..silent.clone() }, 1, Vec::new());
        assert_eq!((by_us.cause, retryable(&by_us)), (Some(NeighbourSilent), true), "{elapsed:?}");
    }
}

#[test]
fn a_full_table_of_neighbours_is_our_own_shortage() {
    let mut silent = evidence(Phase::Completion, End::Limit);
    silent.neighbour = Some(model::Neighbour::Missing);
    silent.tcp.syns = Some(3);
    assert_eq!(judged(&silent), (Unavailable, Some(Local), Some(NeighbourTable)));
    assert_eq!(attempt(silent, 1, Vec::new()).syns, None, "none has left");
}

/// Packets that an option keeps on this machine, or away from it, come to silence without an error.
#[test]
fn silence_that_an_option_causes_is_told() {
    let unicast = |loopback| Some(Route { kind: Some(RouteKind::Unicast), loopback, ..Route::default() });
    let own = || Some(Route { kind: Some(RouteKind::Local), loopback: true, ..Route::default() });
    let cause = |local: &str, route, unbound| {
        let mut silent = evidence(Phase::Completion, End::Limit);
        silent.source_given = true;
        silent.local = Some(local.parse().unwrap());
        (silent.route, silent.unbound) = (route, unbound);
        judged(&silent).2.unwrap()
    };
    assert_eq!(cause("10.1.0.2:9", unicast(true), unicast(false)), SourceMismatch, "-I lo towards the outside");
    assert_eq!(cause("127.0.0.1:9", unicast(false), own()), SourceMismatch, "-I tun towards this machine");
    assert_eq!(cause("[::1]:9", unicast(false), unicast(false)), SourceMismatch, "-s ::1 towards the outside");
    assert_eq!(cause("[::1]:9", own(), own()), Silence, "within this machine");
    assert_eq!(cause("10.1.0.2:9", unicast(false), unicast(false)), Silence);
}

#[test]
fn what_this_machine_certainly_drops_is_the_cause() {
    let mut limit = evidence(Phase::Completion, End::Limit);
    let mut given_up = failed(Phase::Completion, Name::ETIMEDOUT);
    for (point, cause) in
        [(DropPoint::Output, OutputDrop), (DropPoint::Input, InputDrop), (DropPoint::ReversePath, ReversePath)]
    {
        for (certain, cause) in [(true, cause), (false, Silence)] {
            let drop = LocalDrop { point, count: 4, certain };
            (limit.local_drop, given_up.local_drop) = (Some(drop), Some(drop));
            assert_eq!(judged(&limit), (TimedOut, Some(Limit), Some(cause)));
            assert_eq!(judged(&given_up), (TimedOut, Some(System), Some(cause)));
        }
        limit.tcp.syns = Some(5);
        let left = attempt(limit.clone(), 1, Vec::new()).syns;
        assert_eq!(left, Some(5), "it is not certain that they did not leave");
    }
    limit.local_drop = Some(LocalDrop { point: DropPoint::Output, count: 4, certain: true });
    assert_eq!(attempt(limit, 1, Vec::new()).syns, None, "no SYN left this machine");
}

#[test]
fn a_blackhole_of_the_sources_own_table_is_told() {
    let mut evidence = failed(Phase::Connect, Name::EINVAL);
    evidence.source_given = true;
    evidence.route = routed(Some(Name::EINVAL), None);
    evidence.unbound = routed(None, Some(RouteKind::Unicast));
    assert_eq!(judged(&evidence), (Unreachable, Some(Local), Some(BlackholeRoute)));
    evidence.local = Some("127.0.0.1:0".parse().unwrap());
    assert_eq!(judged(&evidence), (Invalid, Some(Local), Some(SourceMismatch)), "a loopback source goes nowhere");
}

#[test]
fn questions_are_asked_only_where_the_verdict_needs_the_answer() {
    let asked = |evidence: &Evidence| Question::ALL.map(|question| asks(evidence, question));
    assert_eq!(asked(&evidence(Phase::Completion, End::Success)), [false; 4]);
    assert_eq!(asked(&failed(Phase::Completion, Name::ECONNREFUSED)), [false; 4]);
    assert_eq!(asked(&failed(Phase::Connect, Name::EACCES)), [true, false, false, false]);
    let mut silent = evidence(Phase::Completion, End::Limit);
    assert_eq!(asked(&silent), [true, false, false, true]);
    silent.route = routed(None, Some(RouteKind::Unicast));
    assert_eq!(asked(&silent), [true, false, true, true]);
    silent.source_given = true;
    assert_eq!(asked(&silent), [true; 4]);
    silent.neighbour = Some(model::Neighbour::Unresolved);
    assert_eq!(asked(&silent), [true, true, true, false], "the next hop is the cause");
    silent.icmp = vec![message("10.1.0.1", 3, 13, Name::EHOSTUNREACH)];
    assert_eq!(asked(&silent), [false; 4], "somebody spoke");
}

/// The codes of Winsock with the meaning that its documents give them, on whichever system this runs.
#[test]
fn winsock() {
    use crate::model::Phase::{Bind, Completion, Connect, Socket};
    let no_route = || Some(Route { error: Some(Code::Os(10065)), ..Route::default() });
    let none = (None, None);
    type Row = (Phase, i32, Option<Route>, Outcome, (Option<By>, Option<Cause>));
    #[rustfmt::skip]
    let rows: &[Row] = &[
        (Socket, 10024, None, Unavailable, (Some(Local), Some(Descriptors))),
        (Socket, 10055, None, Unavailable, (Some(Local), Some(Buffers))),
        (Socket, 10047, None, Unsupported, (Some(Local), None)),
        (Socket, 10106, None, Unavailable, (Some(Local), None)),
        (Socket, 10061, None, Failed, (Some(Local), None)),
        (Bind, 10013, None, Unavailable, (Some(Local), Some(LocalPorts))),
        (Bind, 10048, None, Unavailable, (Some(Local), Some(LocalPorts))),
        (Bind, 10049, None, Unavailable, (Some(Local), Some(SourceAddress))),
        (Connect, 10013, None, Denied, (Some(Local), Some(LocalPolicy))),
        (Connect, 10048, None, Unavailable, (Some(Local), Some(LocalPorts))),
        (Connect, 10049, None, Invalid, (Some(Local), None)),
        (Connect, 10050, None, Unavailable, (Some(Local), Some(NetworkDown))),
        (Connect, 10051, no_route(), Unreachable, (Some(Local), Some(NoRoute))),
        (Connect, 10055, None, Unavailable, (Some(Local), Some(LocalPorts))),
        (Connect, 10065, no_route(), Unreachable, (Some(Local), Some(NoRoute))),
        (Connect, 10065, None, Unreachable, (Some(Local), Some(NoRoute))),
        (Completion, 10049, None, Invalid, (Some(Local), None)),
        (Completion, 10051, None, Unreachable, none),
        (Completion, 10060, None, TimedOut, (Some(System), Some(Silence))),
        (Completion, 10061, None, Refused, (Some(Peer), Some(Rst))),
        (Completion, 10065, None, Unreachable, none),
        (Completion, 10054, None, Reset, (Some(Peer), Some(ResetEarly))),
        (Completion, 1225, None, Refused, (None, None)),
        (Completion, 12345, None, Failed, none),
    ];
    for (phase, number, route, outcome, (by, cause)) in rows {
        let mut evidence = evidence(*phase, End::Error(Code::Os(*number)));
        evidence.platform = Platform::Windows;
        evidence.route = route.clone();
        assert_eq!(judged(&evidence), (*outcome, *by, *cause), "{number} in {phase}");
    }
    for (number, expected) in
        [(10052, (Unreachable, None, Some(TtlExceeded))), (10054, (Refused, None, Some(PortUnreachable)))]
    {
        let mut datagram = evidence(Completion, End::Error(Code::Os(number)));
        (datagram.platform, datagram.protocol) = (Platform::Windows, Protocol::Udp);
        assert_eq!(judged(&datagram), expected, "{number} of a datagram socket");
    }
}
