//! What an error code stands for where no message explains it: the step that returned it and the routing table do.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::{Judged, dropped, local, name};
use crate::classify::codes;
use crate::model::{By, Cause, Code, Evidence, Name, Outcome, Phase, Platform, Protocol, Route, RouteKind};

/// No message explains the code: the step and the name do.
pub fn by_code(evidence: &Evidence, code: Code) -> Judged {
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
pub fn by_table(evidence: &Evidence, code: Code) -> Judged {
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
