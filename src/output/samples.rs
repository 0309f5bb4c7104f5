//! Reports for the tests of every form.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::classify::codes;
use crate::model::{
    Attempt, By, Cause, Code, DropPoint, Ended, Event, EventKind, Family, Handshake, Hold, Hop, Icmp, LocalDrop,
    Lookup, Mode, Name, Outcome, Path, PathEnd, Phase, Protocol, Reason, Report, Route, RouteKind, Strategy,
};

pub fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

pub fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

/// This system's code of that name.
pub fn code(name: Name) -> Code {
    codes::code(name).unwrap_or_else(|| panic!("no {name} here"))
}

fn ip(text: &str) -> IpAddr {
    text.parse().expect("an address")
}

fn start() -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_795_237_200) + us(123_456)
}

/// A good target without attempts.
pub fn report(target: &str) -> Report {
    let (host, port) = target.rsplit_once(':').expect("host:port");
    Report {
        target: target.into(),
        host: host.trim_matches(['[', ']']).into(),
        port: port.parse().expect("a port"),
        protocol: Protocol::Tcp,
        mode: Mode::Nonblocking,
        strategy: Strategy::All,
        started_at: start(),
        elapsed: us(2133),
        outcome: Outcome::Connected,
        good: true,
        partial: false,
        retries: 0,
        expected: None,
        round: None,
        lookup: Lookup { elapsed: us(812), ..Lookup::default() },
        attempts: Vec::new(),
        trace: None,
    }
}

/// An attempt of which nothing is known but what it came to.
pub fn attempt(address: &str, outcome: Outcome) -> Attempt {
    let address = address.parse().expect("an address");
    Attempt {
        elapsed: us(133),
        phase: Some(Phase::Completion),
        ended: Some(Ended::System),
        reason: None,
        ..Attempt::skipped(address, 1, us(900), outcome, Reason::Signal)
    }
}

pub fn prohibited() -> Icmp {
    let from = ip("10.1.0.1");
    Icmp { from, family: Family::V4, kind: 3, code: 13, info: 0, at: Some(us(120)), count: 1, decisive: true }
}

/// The documented example: one address connected, the other one denied by a router.
pub fn partial() -> Report {
    let event = |at, event, error| Event { at: us(at), event, error };
    let connected = Attempt {
        elapsed: us(1200),
        local: Some(SocketAddr::new(ip("10.1.0.2"), 41232)),
        syns: Some(1),
        rtt: Some(us(1100)),
        handshake: Some(Handshake {
            window: Some(65_160),
            window_scale: Some(10),
            mss: Some(1448),
            timestamps: Some(true),
            sack: Some(true),
            ecn: Some(false),
        }),
        events: vec![
            event(0, EventKind::Socket, None),
            event(35, EventKind::Connect, Some(code(Name::EINPROGRESS))),
            event(1198, EventKind::Writable, None),
            event(1200, EventKind::PendingError, None),
        ],
        ..attempt("10.1.0.9:5432", Outcome::Connected)
    };
    let route = Route {
        kind: Some(RouteKind::Unicast),
        interface: Some("eth0".into()),
        loopback: false,
        gateway: Some(ip("10.1.0.1")),
        source: Some(ip("10.1.0.2")),
        error: None,
    };
    let denied = Attempt {
        by: Some(By::Router),
        cause: Some(Cause::Prohibited),
        error: Some(code(Name::EHOSTUNREACH)),
        local: Some(SocketAddr::new(ip("10.1.0.2"), 41234)),
        icmp: Some(prohibited()),
        syns: Some(1),
        route: Some(route),
        ..attempt("10.4.0.5:5432", Outcome::Denied)
    };
    let lookup = Lookup { elapsed: us(812), addresses: 2, ..Lookup::default() };
    Report { partial: true, lookup, attempts: vec![connected, denied], ..report("db.example:5432") }
}

/// A connection that was held and closed.
pub fn held() -> Report {
    let hold = Hold { elapsed: ms(12), full: false, received: b"SSH-2.0-x\r\n\\\xff".to_vec(), window: Some(64) };
    Report {
        attempts: vec![Attempt {
            phase: Some(Phase::Hold),
            hold: Some(hold),
            ..attempt("10.1.0.9:22", Outcome::Connected)
        }],
        ..report("10.1.0.9:22")
    }
}

/// A name that does not exist.
pub fn unresolved() -> Report {
    let lookup = Lookup {
        elapsed: us(12_300),
        error: Some(code(Name::EAI_NONAME)),
        by: Some(By::System),
        cause: Some(Cause::NoSuchName),
        ..Lookup::default()
    };
    let report = report("nosuch.example:80");
    Report { elapsed: us(12_300), outcome: Outcome::Unresolved, good: false, lookup, ..report }
}

/// One attempt at a literal address.
pub fn literal(target: &str, outcome: Outcome) -> Report {
    Report {
        outcome,
        good: outcome == Outcome::Connected,
        lookup: Lookup { addresses: 1, ..Lookup::default() },
        attempts: vec![attempt(target, outcome)],
        ..report(target)
    }
}

/// Nobody answered for that hop.
pub fn silent(ttl: u8) -> Hop {
    Hop {
        ttl,
        address: None,
        elapsed: ms(3000),
        outcome: Outcome::TimedOut,
        error: None,
        icmp: None,
        by: Some(By::Limit),
    }
}

/// A hop at which an answer came that is no message.
pub fn answer(ttl: u8, from: &str, outcome: Outcome) -> Hop {
    Hop { ttl, address: Some(ip(from)), elapsed: us(1200), outcome, error: None, icmp: None, by: Some(By::Peer) }
}

/// A hop at which a message came.
pub fn says(ttl: u8, from: &str, kind: u8, code: u8) -> Hop {
    let from = ip(from);
    let icmp = Icmp { from, family: Family::of(from), kind, code, ..prohibited() };
    let outcome = if kind == 3 && code == 13 { Outcome::Denied } else { Outcome::Unreachable };
    let error = Some(self::code(Name::EHOSTUNREACH));
    Hop { ttl, address: Some(from), elapsed: us(400), outcome, error, icmp: Some(icmp), by: Some(By::Router) }
}

/// A path to that address, IPv4 or in brackets, with any port.
pub fn path(to: &str, end: PathEnd, hops: Vec<Hop>) -> Path {
    Path {
        address: format!("{to}:5432").parse().expect("an address"),
        traced_port: 5432,
        hops,
        end,
        answer_ttl: None,
        answered_hop: None,
    }
}

/// A router on the way lets nothing on.
pub fn traced() -> Report {
    let rejected = Hop { elapsed: us(1200), ..says(3, "10.3.0.1", 3, 13) };
    let hops = vec![says(1, "10.1.0.1", 11, 0), silent(2), rejected];
    Report { trace: Some(vec![path("10.4.0.5", PathEnd::Rejected, hops)]), ..partial() }
}

/// Every value of every enumeration, and odd values.
pub fn many() -> Vec<Report> {
    let with = |change: &dyn Fn(&mut Report)| {
        let mut report = partial();
        change(&mut report);
        report
    };
    let mut all =
        vec![partial(), unresolved(), report("empty.example:80"), literal("[fe80::1%2]:443", Outcome::Connected)];
    all.push(held());
    all.push(with(&|r| r.lookup.canonical = Some("db.example.lan".into())));
    all.push(with(&|r| r.lookup.ascii = Some("xn--d-1ga.example".into())));
    for &protocol in Protocol::ALL {
        all.extend(Outcome::ALL.iter().map(|&outcome| Report { protocol, ..literal("[::1]:1", outcome) }));
        all.extend(By::ALL.iter().map(|&by| with(&|r| (r.protocol, r.attempts[1].by) = (protocol, Some(by)))));
    }
    all.extend(By::ALL.iter().map(|&by| with(&|r| (r.attempts[1].by, r.attempts[1].icmp) = (Some(by), None))));
    all.extend(Phase::ALL.iter().map(|&phase| with(&|r| r.attempts[1].phase = Some(phase))));
    all.extend(Mode::ALL.iter().map(|&mode| with(&|r| r.mode = mode)));
    all.extend(Strategy::ALL.iter().map(|&strategy| with(&|r| r.strategy = strategy)));
    all.push(traced());
    for &end in PathEnd::ALL {
        let local = Hop { error: Some(code(Name::EMFILE)), outcome: Outcome::Unavailable, ..silent(2) };
        for last in [silent(2), local, answer(2, "::1", Outcome::Refused), says(2, "::1", 1, 0)] {
            let hops = vec![silent(1), last];
            all.push(with(&|r| {
                r.trace = Some(vec![path("[fe80::1%2]", end, hops.clone()), path("[::1]", end, vec![])])
            }));
        }
    }
    all.push(with(&|r| r.trace = Some(Vec::new())));
    for &cause in Cause::ALL {
        all.push(with(&|r| r.attempts[1].cause = Some(cause)));
        all.push(with(&|r| (r.attempts[1].cause, r.attempts[1].icmp, r.attempts[1].by) = (Some(cause), None, None)));
        all.push(Report { lookup: Lookup { cause: Some(cause), ..unresolved().lookup }, ..unresolved() });
    }
    for (&point, certain) in DropPoint::ALL.iter().flat_map(|point| [(point, true), (point, false)]) {
        let (cause, by) = (Some(Cause::OutputDrop), Some(By::Limit));
        let local_drop = Some(LocalDrop { point, count: 1, certain });
        let dropped = Attempt { cause, by, local_drop, ..attempt("10.4.0.5:5432", Outcome::TimedOut) };
        all.push(with(&|r| r.attempts[1] = dropped.clone()));
    }
    all.push(with(&|r| r.attempts[1].error = Some(Code::Os(31_999))));
    all.push(with(&|r| r.attempts[1].route = Some(Route { error: Some(code(Name::ENETUNREACH)), ..Route::default() })));
    all.push(with(&|r| r.attempts[1].route = Some(Route::default())));
    all.push(with(&|r| {
        (r.elapsed, r.attempts[0].elapsed, r.attempts[1].started) = (Duration::ZERO, Duration::MAX, ms(1))
    }));
    all.push(with(&|r| r.attempts = r.attempts.iter().cycle().take(300).cloned().collect()));
    all.push(with(&|r| r.started_at = UNIX_EPOCH - ms(1)));
    all.push(with(&|r| r.attempts[0].syns = Some(u32::MAX)));
    all.push(with(&|r| r.host = "a,b\"c".into()));
    all
}
