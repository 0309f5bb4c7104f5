//! The lines below a row: what an outcome rests on, and what else is known of an attempt.

use std::net::SocketAddr;

use super::count;
use crate::model::{
    Attempt, By, Cause, DropPoint, Ended, Event, Handshake, Hold, Icmp, LocalDrop, Outcome, Phase, Protocol, Route,
};
use crate::output::Style;
use crate::output::units::{self, micros};
use crate::output::wording::{codes, neighbour, said, unbroken};

/// What the outcome rests on: facts, where advice says what to do about them.
pub fn evidence(protocol: Protocol, attempt: &Attempt, style: Style) -> Vec<String> {
    let decisive = attempt.icmp.as_ref().filter(|icmp| icmp.decisive);
    let early = attempt.icmp.as_ref().filter(|icmp| !icmp.decisive);
    let main = match (attempt.cause, decisive) {
        (Some(Cause::NeighbourSilent), _) if attempt.by != Some(By::Router) => Some(neighbour(attempt)),
        (_, Some(icmp)) => Some(message(attempt, icmp)),
        // The last message says what the answer is; the kernel went on until our limit.
        (_, None) if at_limit(attempt) => early.map(|icmp| message(attempt, icmp)),
        (_, None) => finding(protocol, attempt, style),
    };
    let early = early.filter(|_| !at_limit(attempt));
    [attempt.reason.map(|reason| reason.meaning().to_string()), main, early.map(|icmp| meanwhile(attempt, icmp))]
        .into_iter()
        .flatten()
        .collect()
}

/// Whether it ended at our limit, and what it came to rests on a message.
fn at_limit(attempt: &Attempt) -> bool {
    attempt.ended == Some(Ended::Limit) && attempt.icmp.is_some()
}

fn message(attempt: &Attempt, icmp: &Icmp) -> String {
    format!("{}{} says: {}{}", icmp.from, whose(attempt, icmp), said(icmp), times(icmp))
}

/// How often it came, where that is more than once.
fn times(icmp: &Icmp) -> String {
    if icmp.count > 1 { format!(", {} times", icmp.count) } else { String::new() }
}

/// Where the sender is this machine itself.
fn whose(attempt: &Attempt, icmp: &Icmp) -> &'static str {
    let own = attempt.local.is_some_and(|local| local.ip() == icmp.from) && attempt.address.ip() != icmp.from;
    if own || attempt.by == Some(By::Local) { " (this machine)" } else { "" }
}

/// A message that did not end the attempt.
fn meanwhile(attempt: &Attempt, icmp: &Icmp) -> String {
    let (whose, said, times) = (whose(attempt, icmp), said(icmp), times(icmp));
    let first = if times.is_empty() { "" } else { ", first" };
    let after = icmp.at.map(|at| format!("{first} after {}", unbroken(&units::human(at)))).unwrap_or_default();
    format!("meanwhile {}{whose} said {said}{times}{after}", icmp.from)
}

/// What is to be said where no message decided it.
fn finding(protocol: Protocol, attempt: &Attempt, style: Style) -> Option<String> {
    let ip = attempt.address.ip();
    if let Some(hold) = &attempt.hold {
        return Some(held(attempt, hold, style));
    }
    match (attempt.outcome, attempt.by) {
        (Outcome::Connected, _) => connected(protocol, attempt),
        (Outcome::SelfConnected, _) => Some(self_connect(attempt.local)),
        (Outcome::Cancelled, _) if attempt.phase.is_some() => Some(format!("{} until then", silence(attempt.syns))),
        (Outcome::Unconfirmed, _) => Some("sent; neither a reply nor an error came back".into()),
        (Outcome::Interrupted, _) if attempt.phase.is_some() => {
            Some(format!("{} when the signal came", silence(attempt.syns)))
        }
        (Outcome::Reset, _) if attempt.cause == Some(Cause::ResetAfterHandshake) => {
            Some(format!("the handshake was complete, then {ip} reset the connection"))
        }
        // That is what refused means; only what differs from it needs a line.
        (Outcome::Refused, Some(By::Peer)) if attempt.cause == Some(Cause::Rst) && style.verbose == 0 => None,
        (_, Some(by)) => Some(attempt.local_drop.and_then(dropped).unwrap_or_else(|| decided(by, attempt))),
        (_, None) => attempt.cause.map(|cause| format!("cause: {cause}")),
    }
}

/// What this machine certainly dropped.
fn dropped(drop: LocalDrop) -> Option<String> {
    let packets = count(drop.count as usize, "packet", "packets");
    drop.certain.then(|| match drop.point {
        DropPoint::Output => {
            format!("this machine dropped what it sent again: {}", count(drop.count as usize, "SYN", "SYNs"))
        }
        DropPoint::Input => format!("this machine dropped {packets} that came in step with its SYNs"),
        DropPoint::Socket => format!("{packets} came that were no valid answer"),
        DropPoint::ReversePath => {
            format!("the reverse-path filter here dropped {packets} that came in step with the SYNs")
        }
    })
}

/// What this machine dropped, perhaps of others, for `-v`.
fn dropped_meanwhile(drop: &LocalDrop) -> String {
    let packets = count(drop.count as usize, "packet", "packets");
    format!("meanwhile this machine dropped {packets} {}; perhaps not of this attempt", drop.point.meaning())
}

fn connected(protocol: Protocol, attempt: &Attempt) -> Option<String> {
    match (protocol, attempt.syns) {
        (Protocol::Udp, _) => Some(reply(attempt)),
        (Protocol::Tcp, _) if attempt.cause == Some(Cause::ZeroWindow) => {
            Some("the handshake completed, but the window is closed: no data can be sent".into())
        }
        (Protocol::Tcp, Some(syns @ 2..)) => {
            Some(format!("connected, but only the {} SYN was answered", ordinal(syns)))
        }
        (Protocol::Tcp, _) => None,
    }
}

/// How the hold ended, and what had come.
fn held(attempt: &Attempt, hold: &Hold, style: Style) -> String {
    let (ip, took) = (attempt.address.ip(), units::human(hold.elapsed));
    let shut = attempt.cause == Some(Cause::ZeroWindow);
    let what = match (attempt.outcome, attempt.ended) {
        (Outcome::Unserved, _) => return format!("held {took}: the window is still closed, no data can be sent"),
        (Outcome::ClosedByPeer, _) => return format!("{ip} closed the connection after {took}, without a byte"),
        (Outcome::Reset, _) => format!("{ip} reset the connection after {took}"),
        (Outcome::Connected, Some(Ended::System)) if hold.received.len() < Hold::MOST_RECEIVED => {
            format!("{ip} closed the connection after {took}")
        }
        (Outcome::Connected, _) if hold.full || attempt.ended == Some(Ended::System) => format!("held {took}"),
        (Outcome::Connected, _) => format!("held {took} only, the run was over"),
        _ => format!("held {took}, then it failed"),
    };
    let came = match hold.received.as_slice() {
        [] if shut => "the window is closed".into(),
        [] => "nothing came".into(),
        bytes => quoted(bytes, style),
    };
    format!("{what}: {came}")
}

/// Bytes in plain characters. One line of them, unless more was asked for.
fn quoted(bytes: &[u8], style: Style) -> String {
    const SHOWN: usize = 48;
    let line = bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |end| end + 1);
    let shown = if style.verbose > 0 { bytes.len() } else { line.min(SHOWN) };
    let more = if shown < bytes.len() { "..." } else { "" };
    unbroken(&format!("\"{}\"{more}", bytes[..shown].escape_ascii()))
}

/// The sender is told where it is another one than was asked.
fn reply(attempt: &Attempt) -> String {
    match attempt.reply_from.map(|from| from.ip().to_canonical()) {
        Some(from) if from != attempt.address.ip().to_canonical() => format!("a reply came from {from}"),
        _ => "a reply came".into(),
    }
}

fn self_connect(local: Option<SocketAddr>) -> String {
    match local {
        Some(local) => format!("both ends are {local}: nobody is listening"),
        None => "both ends are the same: nobody is listening".into(),
    }
}

fn silence(syns: Option<u32>) -> String {
    match syns {
        None => "no answer".into(),
        Some(0) => "no SYN had left".into(),
        Some(syns) => format!("no answer to {}", count(syns as usize, "SYN", "SYNs")),
    }
}

fn after(syns: Option<u32>) -> String {
    syns.map(|syns| format!(" after {}", count(syns as usize, "SYN", "SYNs"))).unwrap_or_default()
}

/// Who decided, in which step, and the cause by its stable word.
fn decided(by: By, attempt: &Attempt) -> String {
    let who = match by {
        By::Peer => "by the address itself",
        By::Router => "by a router",
        By::Neighbour => "by the next hop",
        By::Local => "on this machine",
        By::Limit => return format!("{} within our limit", silence(attempt.syns)),
        By::System => return format!("the system gave up{}", after(attempt.syns)),
    };
    let call = match attempt.phase {
        Some(Phase::Resolve) => " by getaddrinfo()",
        Some(Phase::Socket) => " by socket()",
        Some(Phase::Option) => " by setsockopt()",
        Some(Phase::Bind) => " by bind()",
        Some(Phase::Connect | Phase::Completion | Phase::Hold) | None => "",
    };
    let cause = attempt.cause.map(|cause| format!(": {cause}")).unwrap_or_default();
    format!("decided {who}{call}{cause}")
}

/// What else is known, for `-v`.
pub fn details(attempt: &Attempt, style: Style) -> Vec<String> {
    let width = attempt.events.iter().map(|event| event.event.slug().len()).max().unwrap_or(0);
    let digits = attempt.events.iter().map(|event| micros(event.at).to_string().len()).max().unwrap_or(0);
    let events = attempt.events.iter().map(|event| step(event, digits, width, style));
    let meanwhile = attempt.local_drop.as_ref().filter(|drop| !drop.certain);
    [
        ends(attempt),
        attempt.handshake.as_ref().map(handshake),
        attempt.route.as_ref().map(|known| route(known, style)),
        meanwhile.map(dropped_meanwhile),
    ]
    .into_iter()
    .flatten()
    .chain(events)
    .collect()
}

fn ends(attempt: &Attempt) -> Option<String> {
    let local = attempt.local.map(|local| format!("from {local}"));
    let rtt = attempt.rtt.map(|rtt| format!("round trip {}", units::human(rtt)));
    let parts: Vec<String> = [local, rtt].into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// What was agreed on in the handshake.
fn handshake(terms: &Handshake) -> String {
    let agreed = |option: Option<bool>, name: &str| (option == Some(true)).then(|| name.to_string());
    let parts = [
        terms.window.map(|window| format!("window {window}")),
        terms.window_scale.map(|scale| format!("scale {scale}")),
        terms.mss.map(|mss| format!("MSS {mss}")),
        agreed(terms.timestamps, "timestamps"),
        agreed(terms.sack, "SACK"),
        agreed(terms.ecn, "ECN"),
    ];
    format!("handshake: {}", parts.into_iter().flatten().collect::<Vec<_>>().join(", "))
}

fn route(route: &Route, style: Style) -> String {
    let parts = [
        route.kind.map(|kind| format!(" {kind}")),
        route.gateway.map(|gateway| format!(" via {gateway}")),
        route.interface.as_ref().map(|interface| format!(" on {}", interface.escape_debug())),
        route.source.map(|source| format!(" from {source}")),
        route.error.map(|code| format!(" {}", codes(code, style))),
    ];
    let known: String = parts.into_iter().flatten().collect();
    format!("route:{}", if known.is_empty() { " unknown" } else { &known })
}

fn step(event: &Event, digits: usize, width: usize, style: Style) -> String {
    let codes = event.error.map(|code| unbroken(&codes(code, style))).unwrap_or_default();
    format!("{:>digits$} µs  {:<width$}  {codes}", micros(event.at), event.event).trim_end().to_string()
}

/// `2nd`, `3rd`, `11th`, `21st`
pub fn ordinal(number: u32) -> String {
    let suffix = match (number % 10, number % 100) {
        (_, 11..=13) => "th",
        (1, _) => "st",
        (2, _) => "nd",
        (3, _) => "rd",
        _ => "th",
    };
    format!("{number}{suffix}")
}
