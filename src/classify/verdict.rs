//! From evidence to verdict: what must still be asked, what an attempt came to, who decided it, and the finest cause that
//! the evidence allows. Pure.
//!
//! One number has several causes (EACCES alone has six), so the number never decides by itself: the step that returned
//! it, the ICMP message behind it, the kernel's count of segments and the routing table do.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use crate::classify::{codes, icmp};
use crate::model::{
    Attempt, By, Cause, Code, DropPoint, End, Ended, Event, Evidence, Handshake, Icmp, Name, Neighbour, Outcome, Phase,
    Platform, Protocol, Reason, Route, RouteKind,
};

/// What the system can be asked of an attempt that has ended, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The route of the socket's packets.
    Route,
    /// The route without the socket's source and interface.
    Unbound,
    /// The next hop's link address.
    Neighbour,
    /// What this machine dropped meanwhile.
    Drops,
}

impl Question {
    /// All of them, in the order in which they are asked.
    pub const ALL: [Question; 4] = [Question::Route, Question::Unbound, Question::Neighbour, Question::Drops];
}

/// Whether the verdict can depend on the answer. The answers to the questions before it are in the evidence.
pub fn asks(evidence: &Evidence, question: Question) -> bool {
    match question {
        Question::Route => is_nameless(evidence) || is_silent(evidence) || is_unexplained(evidence),
        Question::Unbound => {
            let failed = evidence.route.as_ref().is_some_and(|route| route.error.is_some());
            evidence.source_given && (failed || is_silent(evidence))
        }
        Question::Neighbour => is_silent(evidence) && evidence.route.is_some(),
        Question::Drops => judge(evidence).cause == Some(Cause::Silence),
    }
}

/// A blocking connect() that failed has forgotten its own address, which tells our own messages from a router's.
fn is_nameless(evidence: &Evidence) -> bool {
    evidence.local.is_none() && !evidence.icmp.is_empty()
}

/// Our limit ended it and nobody spoke; "host unreachable" may be this machine's own word for a next hop that is silent.
fn is_silent(evidence: &Evidence) -> bool {
    let nothing = evidence.icmp.is_empty();
    let connecting = evidence.phase != Phase::Hold;
    let perhaps_own = evidence.icmp.iter().any(|(icmp, _)| icmp.is_host_unreachable());
    evidence.end == End::Limit && connecting && (nothing || perhaps_own)
}

/// The routing table can explain what the call itself decided, and a route that disappeared during the handshake.
fn is_unexplained(evidence: &Evidence) -> bool {
    use Name::*;
    const LOCAL: [Name; 6] = [ENETUNREACH, EHOSTUNREACH, EACCES, EPERM, EINVAL, EADDRNOTAVAIL];
    if !evidence.icmp.is_empty() {
        return false;
    }
    let names = match evidence.phase {
        Phase::Connect => &LOCAL[..],
        Phase::Completion => &LOCAL[..2],
        _ => &[],
    };
    let explains = |code| name(evidence, code).is_some_and(|name| names.contains(&name));
    evidence.soft.is_some() || matches!(evidence.end, End::Error(code) if explains(code))
}

/// How long Linux asks for a next hop before it gives up: three times, a second apart (mcast_solicit and retrans_time_ms in
/// arp(7)). It tells the socket by an ICMP message to itself. Where many next hops are silent, its limit for all ICMP
/// messages (icmp_msgs_per_sec) holds most of them back. Silence for so long is the same fact without the message.
const NEIGHBOUR_ASKED: Duration = Duration::from_secs(3);

/// A rule of this machine answers the first SYN in less time. The questions for a next hop take longer.
const AT_ONCE: Duration = Duration::from_millis(100);

/// What the evidence comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The cause in one word.
    pub outcome: Outcome,
    /// Who decided it.
    pub by: Option<By>,
    /// The finest cause.
    pub cause: Option<Cause>,
    /// The message that decided it, else the first that came.
    pub icmp: Option<Icmp>,
}

/// The attempt that the evidence shows. The schedule knows its limits, and sets `started` and `cut_short`.
pub fn attempt(evidence: Evidence, number: u32, events: Vec<Event>) -> Attempt {
    let verdict = judge(&evidence);
    let connected = verdict.outcome == Outcome::Connected || evidence.hold.is_some();
    let (ended, error) = match evidence.end {
        End::Success | End::Closed => (Ended::System, None),
        End::Error(code) => (Ended::System, Some(code)),
        End::Limit => (Ended::Limit, None),
        End::Interrupted => (Ended::Signal, None),
        End::Overtaken => (Ended::Race, None),
    };
    Attempt {
        address: evidence.address,
        number,
        started: Duration::ZERO,
        elapsed: evidence.elapsed,
        outcome: verdict.outcome,
        by: verdict.by,
        cause: verdict.cause,
        phase: Some(evidence.phase),
        ended: Some(ended),
        cut_short: false,
        error,
        local: evidence.local,
        reply_from: evidence.reply_from,
        syns: evidence.tcp.syns.filter(|_| left(&verdict)),
        icmp: verdict.icmp,
        rtt: evidence.tcp.rtt,
        handshake: Some(evidence.tcp.terms).filter(|terms| connected && *terms != Handshake::default()),
        hold: evidence.hold,
        route: evidence.route.filter(|route| *route != Route::default()),
        local_drop: evidence.local_drop,
        reason: (evidence.end == End::Overtaken).then_some(Reason::Overtaken),
        events,
    }
}

/// Whether a SYN left this machine. TCP counts what it handed on: without a route, or without the next hop's address,
/// that came to nothing. A rule that answers with a message has seen it.
fn left(verdict: &Verdict) -> bool {
    let stopped_here = verdict.by == Some(By::Local) && verdict.icmp.is_none();
    !stopped_here && !matches!(verdict.cause, Some(Cause::NeighbourSilent | Cause::Intercepted | Cause::OutputDrop))
}

/// Whether another try can help: the documents call the code retryable, or nobody answered until our own limit, which
/// they call WSAETIMEDOUT, or nobody served the connection. A policy is not gone in a second, whatever the code that stands for it, and a destination that
/// is no host's address never answers.
pub fn retryable(attempt: &Attempt) -> bool {
    if attempt.outcome == Outcome::Denied || attempt.cause == Some(Cause::NotUnicast) {
        return false;
    }
    match attempt.error {
        // A next hop that does not answer is silence, whoever gave up on it.
        _ if attempt.cause == Some(Cause::NeighbourSilent) => true,
        Some(code) => codes::describe(code).retryable,
        None => matches!(
            attempt.outcome,
            Outcome::TimedOut | Outcome::Unconfirmed | Outcome::ClosedByPeer | Outcome::Unserved
        ),
    }
}

/// Whether this machine itself had no way to the address, for want of a route, of a source address or of the family, so
/// that nothing was sent.
pub fn finds_no_route(attempt: &Attempt) -> bool {
    let no_family = attempt.phase == Some(Phase::Socket) && attempt.outcome == Outcome::Unsupported;
    let no_way = matches!(attempt.cause, Some(Cause::NoRoute | Cause::UnreachableRoute) | None);
    let unreachable = attempt.phase == Some(Phase::Connect) && attempt.outcome == Outcome::Unreachable && no_way;
    let no_source = attempt.cause == Some(Cause::NoSourceAddress);
    attempt.by == Some(By::Local) && (no_family || unreachable || no_source)
}

/// Judges one attempt.
pub fn judge(evidence: &Evidence) -> Verdict {
    let decisive = decisive(evidence);
    let icmp = decisive.map(|icmp| Icmp { decisive: true, ..collapse(evidence, icmp) });
    let (outcome, by, cause) = match evidence.end {
        _ if evidence.hold.is_some() => held(evidence),
        End::Success | End::Closed => success(evidence),
        End::Limit => limit(evidence),
        End::Interrupted => (Outcome::Interrupted, None, None),
        End::Overtaken => (Outcome::Cancelled, None, None),
        End::Error(code) => match decisive {
            Some(icmp) => by_message(evidence, icmp, code),
            None => by_code(evidence, code),
        },
    };
    let last = if evidence.end == End::Limit { evidence.icmp.last() } else { evidence.icmp.first() };
    let icmp = icmp.or_else(|| last.map(|(icmp, _)| collapse(evidence, icmp)));
    Verdict { outcome, by, cause, icmp }
}

/// Outcome, who decided it, cause.
type Judged = (Outcome, Option<By>, Option<Cause>);

const fn local(outcome: Outcome, cause: Cause) -> Judged {
    (outcome, Some(By::Local), Some(cause))
}

/// A code by its documented name.
fn name(evidence: &Evidence, code: Code) -> Option<Name> {
    codes::row_on(evidence.platform, code).map(|row| row.name)
}

fn success(evidence: &Evidence) -> Judged {
    let itself = evidence.local.is_some_and(|local| local == evidence.address || stands_for(evidence.address, local));
    if itself {
        return local(Outcome::SelfConnected, Cause::SelfConnect);
    }
    // A SYN proxy answers with a closed window, and opens it when the server has answered.
    (Outcome::Connected, None, is_shut(evidence).then_some(Cause::ZeroWindow))
}

/// What became of a connection that was held. One that sends is served, however it is closed later. A hold that was cut
/// short proves nothing of a window that is closed.
fn held(evidence: &Evidence) -> Judged {
    let silent = evidence.hold.as_ref().is_some_and(|hold| hold.received.is_empty());
    let full = evidence.hold.as_ref().is_some_and(|hold| hold.full);
    match evidence.end {
        End::Error(code) => by_code(evidence, code),
        End::Closed if silent => (Outcome::ClosedByPeer, Some(By::Peer), Some(Cause::Fin)),
        End::Limit if full && is_shut(evidence) => (Outcome::Unserved, Some(By::Limit), Some(Cause::ZeroWindow)),
        _ => success(evidence),
    }
}

/// Whether the other end has never taken a byte, and never sent one.
fn is_shut(evidence: &Evidence) -> bool {
    let hold = evidence.hold.as_ref();
    let still = hold.is_none_or(|hold| hold.received.is_empty() && hold.window == Some(0));
    still && evidence.tcp.terms.window == Some(0)
}

/// Whether an unspecified destination means this very end: connect() takes 0.0.0.0 for the socket's own address, and ::
/// for the loopback address (ip_route_output_key_hash_rcu() in net/ipv4/route.c, tcp_v6_connect() in net/ipv6/tcp_ipv6.c).
fn stands_for(destination: SocketAddr, local: SocketAddr) -> bool {
    let own = local.ip().to_canonical();
    destination.ip().to_canonical().is_unspecified()
        && destination.port() == local.port()
        && (own.is_ipv4() || own.is_loopback())
}

/// Our limit ended it. The last message that came says what the answer is; without one, the outcome is silence, and what
/// else is known tells why.
fn limit(evidence: &Evidence) -> Judged {
    if let Some((icmp, errno)) = evidence.icmp.last() {
        return by_message(evidence, icmp, Code::Os(*errno));
    }
    if evidence.neighbour == Some(Neighbour::Missing) {
        return local(Outcome::Unavailable, Cause::NeighbourTable);
    }
    let (outcome, nothing) = match evidence.protocol {
        Protocol::Tcp => (Outcome::TimedOut, Cause::Silence),
        Protocol::Udp => (Outcome::Unconfirmed, Cause::NoReply),
    };
    let remembered = || by_code(evidence, evidence.soft?).2;
    let unresolved = || (evidence.neighbour == Some(Neighbour::Unresolved)).then_some(Cause::NeighbourSilent);
    let mismatch = || is_mismatch(evidence).then_some(Cause::SourceMismatch);
    let cause = remembered().or_else(mismatch).or_else(unresolved).or_else(|| dropped(evidence)).unwrap_or(nothing);
    match cause {
        Cause::NeighbourSilent if evidence.elapsed >= NEIGHBOUR_ASKED => {
            (Outcome::Unreachable, Some(By::Neighbour), Some(cause))
        }
        _ => (outcome, Some(By::Limit), Some(cause)),
    }
}

/// What this machine itself drops, where that is certain.
fn dropped(evidence: &Evidence) -> Option<Cause> {
    let drop = evidence.local_drop.filter(|drop| drop.certain)?;
    Some(match drop.point {
        DropPoint::Output => Cause::OutputDrop,
        DropPoint::Input => Cause::InputDrop,
        DropPoint::ReversePath => Cause::ReversePath,
        // Whatever it was, no answer was valid.
        DropPoint::Socket => return None,
    })
}

/// Whether the source address or the interface that was asked for lets nothing reach the destination, or nothing come
/// back, without an error: packets of the loopback interface or address do not leave the machine, and those to the
/// machine itself are not found behind another interface.
fn is_mismatch(evidence: &Evidence) -> bool {
    let (Some(route), Some(unbound)) = (&evidence.route, &evidence.unbound) else { return false };
    let own = unbound.kind == Some(RouteKind::Local);
    let loopback_source = evidence.local.is_some_and(|local| local.ip().to_canonical().is_loopback());
    match own {
        true => route.kind != Some(RouteKind::Local),
        false => loopback_source || route.loopback,
    }
}

/// The message that ended the attempt: the last one of which the kernel made the code that it returned.
fn decisive(evidence: &Evidence) -> Option<&Icmp> {
    let End::Error(Code::Os(returned)) = evidence.end else { return None };
    if evidence.phase == Phase::Hold {
        return None;
    }
    let made = |entry: &&(Icmp, i32)| entry.1 == returned;
    evidence.icmp.iter().rev().find(made).map(|(icmp, _)| icmp)
}

/// Messages of the same kind from the same sender count as one that came several times.
fn collapse(evidence: &Evidence, icmp: &Icmp) -> Icmp {
    let same = |other: &&(Icmp, i32)| (other.0.from, other.0.kind, other.0.code) == (icmp.from, icmp.kind, icmp.code);
    let first = evidence.icmp.iter().find(same).map_or(icmp, |(first, _)| first);
    Icmp { count: evidence.icmp.iter().filter(same).count() as u32, ..first.clone() }
}

fn by_message(evidence: &Evidence, icmp: &Icmp, code: Code) -> Judged {
    let sender = sender(evidence, icmp);
    let (outcome, cause) = match icmp.verdict() {
        icmp::Verdict::PortUnreachable => (Outcome::Refused, Cause::PortUnreachable),
        icmp::Verdict::ProtocolUnreachable => (Outcome::Refused, Cause::ProtocolUnreachable),
        icmp::Verdict::Prohibited => (Outcome::Denied, Cause::Prohibited),
        icmp::Verdict::TtlExceeded => (Outcome::Unreachable, Cause::TtlExceeded),
        icmp::Verdict::ParameterProblem => (Outcome::Unreachable, Cause::ParameterProblem),
        icmp::Verdict::Unreachable if sender == By::Neighbour => (Outcome::Unreachable, Cause::NeighbourSilent),
        // A route of ours speaks through connect() itself; by a message only a rule of our firewall does.
        icmp::Verdict::Unreachable if sender == By::Local => (Outcome::Unreachable, Cause::LocalPolicy),
        icmp::Verdict::Unreachable => (Outcome::Unreachable, Cause::RouterUnreachable),
        icmp::Verdict::Other => return (by_table(evidence, code).0, Some(sender), None),
    };
    (outcome, Some(sender), Some(cause))
}

/// Who sent the message. Our own address sends "host unreachable" when the next hop does not answer address
/// resolution: once, and that is the end. A rule of our own firewall answers from our own address, too, but the kernel
/// goes on after the first answer and ends with the second.
fn sender(evidence: &Evidence, icmp: &Icmp) -> By {
    let own = own_address(evidence) == Some(icmp.from.to_canonical());
    let to = evidence.address.ip().to_canonical();
    if icmp.from.to_canonical() == to || (to.is_unspecified() && (own || icmp.from.is_loopback())) {
        By::Peer
    } else if own && icmp.is_host_unreachable() && asked_in_vain(evidence, icmp) {
        By::Neighbour
    } else if own || icmp.from.is_loopback() {
        By::Local
    } else {
        By::Router
    }
}

fn asked_in_vain(evidence: &Evidence, icmp: &Icmp) -> bool {
    let kernel_gave_up = evidence.kernel_ended && matches!(evidence.end, End::Error(_));
    let first = collapse(evidence, icmp);
    // The kernel may have forgotten the next hop since.
    let took_time = first.at.is_some_and(|at| at >= AT_ONCE);
    match evidence.neighbour {
        Some(Neighbour::Unresolved) => true,
        None if took_time => true,
        _ => kernel_gave_up && first.count == 1,
    }
}

/// A blocking connect() that failed has forgotten its address; the routing table knows which it was.
fn own_address(evidence: &Evidence) -> Option<IpAddr> {
    let routed = evidence.route.as_ref().and_then(|route| route.source);
    evidence.local.map(|local| local.ip()).or(routed).map(|ip| ip.to_canonical())
}

/// No message explains the code: the step and the name do.
fn by_code(evidence: &Evidence, code: Code) -> Judged {
    let by_name = |name| shortage(evidence, name).or_else(|| by_name(evidence, name));
    name(evidence, code).and_then(by_name).unwrap_or_else(|| by_table(evidence, code))
}

fn by_name(evidence: &Evidence, name: Name) -> Option<Judged> {
    match evidence.phase {
        Phase::Resolve => None,
        Phase::Socket => policy(name),
        Phase::Option => option(name),
        Phase::Bind => bind(evidence, name),
        Phase::Connect => call(evidence, name),
        Phase::Completion | Phase::Hold => completion(evidence, name),
    }
}

/// A local shortage is never the peer's state, in whatever step it shows.
fn shortage(evidence: &Evidence, name: Name) -> Option<Judged> {
    let cause = local_shortage(name)?;
    // Windows has WSAENOBUFS for ports that are used up.
    let ports = is_winsock(evidence) && name == Name::ENOBUFS && evidence.phase != Phase::Socket;
    Some(local(Outcome::Unavailable, if ports { Cause::LocalPorts } else { cause }))
}

/// What this machine lacks, by the name of the code; `None` for one that tells of no shortage.
pub fn local_shortage(name: Name) -> Option<Cause> {
    Some(match name {
        Name::EMFILE | Name::ENFILE => Cause::Descriptors,
        Name::ENOMEM | Name::ENOBUFS | Name::EAI_MEMORY => Cause::Buffers,
        Name::ENODEV => Cause::NoInterface,
        Name::ENETDOWN => Cause::NetworkDown,
        _ => return None,
    })
}

fn is_winsock(evidence: &Evidence) -> bool {
    evidence.platform == Platform::Windows
}

fn policy(name: Name) -> Option<Judged> {
    matches!(name, Name::EACCES | Name::EPERM | Name::ENOSYS | Name::ENOTCAPABLE | Name::ECAPMODE)
        .then_some(local(Outcome::Denied, Cause::LocalPolicy))
}

fn option(name: Name) -> Option<Judged> {
    match name {
        Name::EINVAL => Some((Outcome::Invalid, Some(By::Local), None)),
        // Winsock has no ENODEV and no ENXIO.
        Name::ENXIO | Name::EADDRNOTAVAIL => Some(local(Outcome::Unavailable, Cause::NoInterface)),
        _ => policy(name),
    }
}

fn bind(evidence: &Evidence, name: Name) -> Option<Judged> {
    match name {
        Name::EADDRNOTAVAIL => Some(local(Outcome::Unavailable, Cause::SourceAddress)),
        Name::EADDRINUSE => Some(local(Outcome::Unavailable, Cause::LocalPorts)),
        // WSAEACCES: the port is reserved (netsh … excludedportrange) or held with SO_EXCLUSIVEADDRUSE.
        Name::EACCES if is_winsock(evidence) => Some(local(Outcome::Unavailable, Cause::LocalPorts)),
        Name::EINVAL if scope_missing(evidence.address) => Some(local(Outcome::Invalid, Cause::ScopeMissing)),
        Name::EINVAL => Some(local(Outcome::Invalid, Cause::SourceMismatch)),
        _ => policy(name),
    }
}

/// The call of connect() decides only what this machine can decide alone.
fn call(evidence: &Evidence, name: Name) -> Option<Judged> {
    let kind = evidence.route.as_ref().and_then(|route| route.kind);
    let routed = route_error(evidence, evidence.route.as_ref());
    let ip = evidence.address.ip().to_canonical();
    let datagram = evidence.protocol == Protocol::Udp;
    Some(match name {
        // TCP has sent nothing, so that nobody else can have answered it.
        Name::ECONNREFUSED | Name::ECONNRESET | Name::ECONNABORTED | Name::ETIMEDOUT
            if datagram || evidence.intercepted =>
        {
            let outcome = match name {
                Name::ECONNREFUSED => Outcome::Refused,
                Name::ETIMEDOUT => Outcome::TimedOut,
                _ => Outcome::Reset,
            };
            (outcome, None, Some(Cause::Intercepted))
        }
        Name::EACCES if datagram && (kind == Some(RouteKind::Broadcast) || ip == Ipv4Addr::BROADCAST) => {
            local(Outcome::Denied, Cause::Broadcast)
        }
        Name::EACCES if routed == Some(Name::EACCES) => local(Outcome::Denied, Cause::ProhibitRoute),
        Name::EINVAL => invalid(evidence, routed),
        Name::ENETUNREACH | Name::EHOSTUNREACH => unreachable(evidence, name, kind),
        Name::EADDRNOTAVAIL if ip.is_unspecified() => local(Outcome::Invalid, Cause::NotUnicast),
        Name::EADDRNOTAVAIL if no_source(evidence) => local(Outcome::Unavailable, Cause::NoSourceAddress),
        Name::EADDRNOTAVAIL | Name::EADDRINUSE | Name::EAGAIN => ports(evidence, name),
        Name::EMSGSIZE => (Outcome::Invalid, Some(By::Local), None),
        _ => return policy(name).or_else(|| answered(evidence, name)),
    })
}

/// EINVAL has several causes on Linux: no scope, a blackhole route, a loopback source towards the outside.
fn invalid(evidence: &Evidence, routed: Option<Name>) -> Judged {
    let loopback = evidence.local.is_some_and(|local| local.ip().is_loopback());
    if scope_missing(evidence.address) {
        local(Outcome::Invalid, Cause::ScopeMissing)
    } else if routed == Some(Name::EINVAL) && !(evidence.source_given && loopback) {
        local(Outcome::Unreachable, Cause::BlackholeRoute)
    } else if evidence.source_given {
        local(Outcome::Invalid, Cause::SourceMismatch)
    } else {
        (Outcome::Invalid, Some(By::Local), None)
    }
}

/// The call found no way: a route says so, or there is none.
fn unreachable(evidence: &Evidence, name: Name, kind: Option<RouteKind>) -> Judged {
    let ip = evidence.address.ip().to_canonical();
    let group = matches!(kind, Some(RouteKind::Broadcast | RouteKind::Multicast));
    let network = name == Name::ENETUNREACH;
    let reaches = |route: &Option<Route>| route.is_some() && route_error(evidence, route.as_ref()).is_none();
    if network && evidence.protocol == Protocol::Tcp && (!is_unicast(ip) || group) {
        return local(Outcome::Unreachable, Cause::NotUnicast);
    }
    // Where the table cannot be asked, a call that waited may hand on the word of a router or of the next hop.
    if evidence.blocking && evidence.route.is_none() {
        return (Outcome::Unreachable, None, None);
    }
    // Without the source and interface that were asked for there is a way.
    if network && evidence.source_given && (reaches(&evidence.route) || reaches(&evidence.unbound)) {
        return local(Outcome::Unreachable, Cause::SourceMismatch);
    }
    if reaches(&evidence.route) && kind != Some(RouteKind::Broadcast) {
        return (Outcome::Unreachable, Some(By::Local), None);
    }
    // Windows has no unreachable routes, and says WSAEHOSTUNREACH where no route is.
    if network || is_winsock(evidence) {
        local(Outcome::Unreachable, Cause::NoRoute)
    } else if evidence.route.is_some() {
        local(Outcome::Unreachable, Cause::UnreachableRoute)
    } else {
        // macOS and FreeBSD also say it for IPv6 without a route.
        (Outcome::Unreachable, Some(By::Local), None)
    }
}

/// No port is left, or the pair of ends is in use. The documents of Winsock give WSAEADDRNOTAVAIL another meaning: the
/// remote address is not valid.
fn ports(evidence: &Evidence, name: Name) -> Judged {
    match name {
        Name::EADDRNOTAVAIL if is_winsock(evidence) => (Outcome::Invalid, Some(By::Local), None),
        _ => local(Outcome::Unavailable, Cause::LocalPorts),
    }
}

fn route_error(evidence: &Evidence, route: Option<&Route>) -> Option<Name> {
    route.and_then(|route| route.error).and_then(|code| name(evidence, code))
}

/// The system's answer after connect() was under way; without a message behind it only TCP itself can have spoken.
fn completion(evidence: &Evidence, name: Name) -> Option<Judged> {
    let ip = evidence.address.ip().to_canonical();
    match name {
        // The route disappeared during the handshake.
        Name::ENETUNREACH | Name::EHOSTUNREACH
            if evidence.route.as_ref().is_some_and(|route| route.error.is_some()) =>
        {
            call(evidence, name)
        }
        Name::ENETUNREACH | Name::EHOSTUNREACH | Name::EHOSTDOWN | Name::ENONET => {
            Some((Outcome::Unreachable, None, None))
        }
        Name::EADDRNOTAVAIL if ip.is_unspecified() => Some(local(Outcome::Invalid, Cause::NotUnicast)),
        Name::EADDRNOTAVAIL | Name::EADDRINUSE | Name::EAGAIN => Some(ports(evidence, name)),
        _ => answered(evidence, name).or_else(|| policy(name)),
    }
}

fn answered(evidence: &Evidence, name: Name) -> Option<Judged> {
    let datagram = evidence.protocol == Protocol::Udp;
    Some(match name {
        // Winsock tells a datagram socket of a port unreachable by WSAECONNRESET.
        Name::ECONNREFUSED | Name::ECONNRESET if datagram => (Outcome::Refused, None, Some(Cause::PortUnreachable)),
        // Winsock: the time to live of a datagram expired.
        Name::ENETRESET if datagram => (Outcome::Unreachable, None, Some(Cause::TtlExceeded)),
        Name::ECONNREFUSED => (Outcome::Refused, Some(By::Peer), Some(Cause::Rst)),
        // A reset after the peer had closed its end is EPIPE (tcp_reset() in net/ipv4/tcp_input.c).
        Name::ECONNRESET | Name::ECONNABORTED | Name::EPIPE
            if evidence.tcp.handshake == Some(true) || evidence.phase == Phase::Hold =>
        {
            (Outcome::Reset, Some(By::Peer), Some(Cause::ResetAfterHandshake))
        }
        Name::ECONNRESET | Name::ECONNABORTED | Name::EPIPE => {
            (Outcome::Reset, Some(By::Peer), Some(Cause::ResetEarly))
        }
        Name::ETIMEDOUT => (Outcome::TimedOut, Some(By::System), Some(dropped(evidence).unwrap_or(Cause::Silence))),
        _ => return None,
    })
}

/// The class that the table gives a code when nothing finer is known. Before connect() nobody else can have spoken: a
/// class of the network is none there.
fn by_table(evidence: &Evidence, code: Code) -> Judged {
    use Outcome::*;
    let class = codes::row_on(evidence.platform, code).map_or(Failed, |row| row.outcome_in(evidence.phase));
    let before = !matches!(evidence.phase, Phase::Connect | Phase::Completion | Phase::Hold);
    let outcome = match class {
        Refused | Reset | TimedOut | Unreachable if before => Failed,
        class => class,
    };
    let by = (!matches!(evidence.phase, Phase::Completion | Phase::Hold)).then_some(By::Local);
    (outcome, by, None)
}

fn no_source(evidence: &Evidence) -> bool {
    let Some(route) = &evidence.route else { return false };
    evidence.address.ip().to_canonical().is_ipv6() && (route.error.is_some() || route.source.is_none())
}

/// RFC 4291 section 2.5.6: a link-local address says nothing without its link.
fn scope_missing(address: SocketAddr) -> bool {
    matches!(address, SocketAddr::V6(v6) if v6.ip().is_unicast_link_local() && v6.scope_id() == 0)
}

fn is_unicast(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => !ip.is_multicast() && !ip.is_broadcast(),
        IpAddr::V6(ip) => !ip.is_multicast(),
    }
}

#[cfg(test)]
mod tests;
