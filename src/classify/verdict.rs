//! From evidence to verdict: what an attempt came to, who decided it, and the finest cause the evidence allows. Pure.
//!
//! The same number has several causes (EACCES alone has six), so the number never decides by itself: the step that
//! returned it, the ICMP message behind it, the kernel's count of segments and the routing table do.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::classify::{codes, icmp};
use crate::model::{By, Cause, Code, End, Evidence, Icmp, Name, Outcome, Phase, Protocol, RouteKind};

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

/// Judges one attempt.
pub fn judge(evidence: &Evidence) -> Verdict {
    let decisive = decisive(evidence);
    let icmp = decisive.map(|icmp| Icmp { decisive: true, ..collapse(evidence, icmp) });
    let (outcome, by, cause) = match evidence.end {
        End::Success => success(evidence),
        End::Limit => limit(evidence),
        End::Interrupted => (Outcome::Interrupted, None, None),
        End::Error(code) => match decisive {
            Some(icmp) => by_message(evidence, icmp, code),
            None => by_code(evidence, code),
        },
    };
    let icmp = icmp.or_else(|| evidence.icmp.first().map(|(first, _)| collapse(evidence, first)));
    Verdict { outcome, by, cause, icmp }
}

type Judged = (Outcome, Option<By>, Option<Cause>);

const fn local(outcome: Outcome, cause: Cause) -> Judged {
    (outcome, Some(By::Local), Some(cause))
}

fn success(evidence: &Evidence) -> Judged {
    let itself = evidence.local.is_some_and(|local| local == evidence.address || stands_for(evidence.address, local));
    if itself { local(Outcome::SelfConnected, Cause::SelfConnect) } else { (Outcome::Connected, None, None) }
}

/// Whether an unspecified destination means this very end: connect() takes 0.0.0.0 for the socket's own address, and ::
/// for the loopback address (ip_route_output_key_hash_rcu() in net/ipv4/route.c, tcp_v6_connect() in net/ipv6/tcp_ipv6.c).
fn stands_for(destination: SocketAddr, local: SocketAddr) -> bool {
    let own = local.ip().to_canonical();
    destination.ip().to_canonical().is_unspecified()
        && destination.port() == local.port()
        && (own.is_ipv4() || own.is_loopback())
}

/// Our limit is all that ended it; what was seen until then tells why nothing else did.
fn limit(evidence: &Evidence) -> Judged {
    let (outcome, nothing) = match evidence.protocol {
        Protocol::Tcp => (Outcome::TimedOut, Cause::Silence),
        Protocol::Udp => (Outcome::Unconfirmed, Cause::NoReply),
    };
    let said = evidence.icmp.last().and_then(|(icmp, errno)| by_message(evidence, icmp, Code::Os(*errno)).2);
    let remembered = || by_code(evidence, evidence.soft?).2;
    let unresolved = || evidence.unresolved.then_some(Cause::NeighbourSilent);
    let cause = said.or_else(remembered).or_else(unresolved).unwrap_or(nothing);
    (outcome, Some(By::Limit), Some(cause))
}

/// The message that ended the attempt: the last one of which the kernel made the code that it returned.
fn decisive(evidence: &Evidence) -> Option<&Icmp> {
    let End::Error(Code::Os(returned)) = evidence.end else { return None };
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
    evidence.unresolved || (kernel_gave_up && collapse(evidence, icmp).count == 1)
}

/// A blocking connect() that failed has forgotten its address; the routing table knows which it was.
fn own_address(evidence: &Evidence) -> Option<IpAddr> {
    let routed = evidence.route.as_ref().and_then(|route| route.source);
    evidence.local.map(|local| local.ip()).or(routed).map(|ip| ip.to_canonical())
}

/// No message explains the code: the step and the name do.
fn by_code(evidence: &Evidence, code: Code) -> Judged {
    let judged = codes::name(code).and_then(|name| shortage(name).or_else(|| by_name(evidence, name)));
    judged.unwrap_or_else(|| by_table(evidence, code))
}

fn by_name(evidence: &Evidence, name: Name) -> Option<Judged> {
    match evidence.phase {
        Phase::Resolve => None,
        Phase::Socket => policy(name),
        Phase::Option => option(name),
        Phase::Bind => bind(evidence, name),
        Phase::Connect => call(evidence, name),
        Phase::Completion => completion(evidence, name),
    }
}

/// A local shortage is never the peer's state, in whatever step it shows.
fn shortage(name: Name) -> Option<Judged> {
    Some(match name {
        Name::EMFILE | Name::ENFILE => local(Outcome::Unavailable, Cause::Descriptors),
        Name::ENOMEM | Name::ENOBUFS => local(Outcome::Unavailable, Cause::Buffers),
        Name::ENODEV => local(Outcome::Unavailable, Cause::NoInterface),
        Name::ENETDOWN => local(Outcome::Unavailable, Cause::NetworkDown),
        _ => return None,
    })
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
        Name::EINVAL if scope_missing(evidence.address) => Some(local(Outcome::Invalid, Cause::ScopeMissing)),
        Name::EINVAL => Some(local(Outcome::Invalid, Cause::SourceMismatch)),
        _ => policy(name),
    }
}

/// The call of connect() decides only what this machine can decide alone.
fn call(evidence: &Evidence, name: Name) -> Option<Judged> {
    let routed = evidence.route.as_ref().and_then(|route| route.error).and_then(codes::name);
    let kind = evidence.route.as_ref().and_then(|route| route.kind);
    let ip = evidence.address.ip().to_canonical();
    let datagram = evidence.protocol == Protocol::Udp;
    Some(match name {
        // Before anything was sent, nobody else can have spoken.
        Name::ECONNREFUSED | Name::ECONNRESET | Name::ECONNABORTED | Name::ETIMEDOUT
            if datagram || evidence.filtered =>
        {
            local(Outcome::Denied, Cause::LocalPolicy)
        }
        Name::EACCES if datagram && (kind == Some(RouteKind::Broadcast) || ip == Ipv4Addr::BROADCAST) => {
            local(Outcome::Denied, Cause::Broadcast)
        }
        Name::EACCES if routed == Some(Name::EACCES) => local(Outcome::Denied, Cause::ProhibitRoute),
        Name::EINVAL if scope_missing(evidence.address) => local(Outcome::Invalid, Cause::ScopeMissing),
        Name::EINVAL if routed == Some(Name::EINVAL) => local(Outcome::Unreachable, Cause::BlackholeRoute),
        Name::EINVAL if evidence.source_given => local(Outcome::Invalid, Cause::SourceMismatch),
        Name::EINVAL => (Outcome::Invalid, Some(By::Local), None),
        Name::ENETUNREACH
            if !datagram && (!is_unicast(ip) || matches!(kind, Some(RouteKind::Broadcast | RouteKind::Multicast))) =>
        {
            local(Outcome::Unreachable, Cause::NotUnicast)
        }
        Name::ENETUNREACH | Name::EHOSTUNREACH if evidence.blocking && evidence.route.is_none() => {
            (Outcome::Unreachable, None, None)
        }
        Name::ENETUNREACH if evidence.source_given && evidence.route.is_some() && routed.is_none() => {
            local(Outcome::Unreachable, Cause::SourceMismatch)
        }
        Name::ENETUNREACH | Name::EHOSTUNREACH
            if evidence.route.is_some() && routed.is_none() && kind != Some(RouteKind::Broadcast) =>
        {
            (Outcome::Unreachable, Some(By::Local), None)
        }
        Name::ENETUNREACH => local(Outcome::Unreachable, Cause::NoRoute),
        // macOS and FreeBSD say it for IPv6 without a route; only where the routing table says so it is a route's word.
        Name::EHOSTUNREACH if evidence.route.is_none() => (Outcome::Unreachable, Some(By::Local), None),
        Name::EHOSTUNREACH => local(Outcome::Unreachable, Cause::UnreachableRoute),
        Name::EADDRNOTAVAIL if ip.is_unspecified() => local(Outcome::Invalid, Cause::NotUnicast),
        Name::EADDRNOTAVAIL if no_source(evidence) => local(Outcome::Unavailable, Cause::NoSourceAddress),
        Name::EADDRNOTAVAIL | Name::EADDRINUSE | Name::EAGAIN => local(Outcome::Unavailable, Cause::LocalPorts),
        Name::EMSGSIZE => (Outcome::Invalid, Some(By::Local), None),
        _ => return policy(name).or_else(|| answered(evidence, name)),
    })
}

/// The system's answer after connect() was under way; without a message behind it only TCP itself can have spoken.
fn completion(evidence: &Evidence, name: Name) -> Option<Judged> {
    match name {
        // The way was lost while it was under way.
        Name::ENETUNREACH | Name::EHOSTUNREACH
            if evidence.route.as_ref().is_some_and(|route| route.error.is_some()) =>
        {
            call(evidence, name)
        }
        Name::ENETUNREACH | Name::EHOSTUNREACH | Name::EHOSTDOWN | Name::ENONET => {
            Some((Outcome::Unreachable, None, None))
        }
        Name::EADDRNOTAVAIL | Name::EADDRINUSE | Name::EAGAIN => Some(local(Outcome::Unavailable, Cause::LocalPorts)),
        _ => answered(evidence, name).or_else(|| policy(name)),
    }
}

fn answered(evidence: &Evidence, name: Name) -> Option<Judged> {
    let datagram = evidence.protocol == Protocol::Udp;
    Some(match name {
        // Winsock tells a datagram socket of a port unreachable by WSAECONNRESET.
        Name::ECONNREFUSED | Name::ECONNRESET if datagram => (Outcome::Refused, None, Some(Cause::PortUnreachable)),
        Name::ECONNREFUSED => (Outcome::Refused, Some(By::Peer), Some(Cause::Rst)),
        // A reset after the peer had closed its end is EPIPE (tcp_reset() in net/ipv4/tcp_input.c).
        Name::ECONNRESET | Name::ECONNABORTED | Name::EPIPE if evidence.tcp.handshake == Some(true) => {
            (Outcome::Reset, Some(By::Peer), Some(Cause::ResetAfterHandshake))
        }
        Name::ECONNRESET | Name::ECONNABORTED | Name::EPIPE => {
            (Outcome::Reset, Some(By::Peer), Some(Cause::ResetEarly))
        }
        Name::ETIMEDOUT => (Outcome::TimedOut, Some(By::System), Some(Cause::Silence)),
        _ => return None,
    })
}

/// The class that the table gives a code when nothing finer is known.
fn by_table(evidence: &Evidence, code: Code) -> Judged {
    let outcome = codes::row(code).map_or(Outcome::Failed, |row| row.outcome_in(evidence.phase));
    let by = (evidence.phase != Phase::Completion).then_some(By::Local);
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
