//! One line a cause: what to look at next. Pure.

use std::net::IpAddr;

use crate::classify::codes;
use crate::model::{Attempt, By, Cause, Phase, RouteKind};

/// What the advice adds where the path is worth a look.
const TRACE: &str = "; --trace shows how far packets get";

/// The advice without its hint at `--trace`, for who has used it.
pub fn traced(advice: &str) -> &str {
    advice.strip_suffix(TRACE).unwrap_or(advice)
}

/// The advice for an attempt that did not connect: from its cause and evidence, else from the table.
pub fn of(attempt: &Attempt) -> Option<String> {
    let by_cause = attempt.cause.and_then(|cause| text(cause, attempt));
    by_cause.or_else(|| Some(codes::row(attempt.error?)?.advice.to_string()))
}

fn text(cause: Cause, attempt: &Attempt) -> Option<String> {
    let to = attempt.address.ip().to_canonical();
    let port = attempt.address.port();
    let sender = attempt.icmp.as_ref().map_or_else(|| "a router".to_string(), |icmp| icmp.from.to_string());
    let by = speaker(attempt, to);
    let family = if to.is_ipv6() { "IPv6" } else { "IPv4" };
    let host_unreachable = attempt.icmp.as_ref().is_some_and(|icmp| icmp.is_host_unreachable());
    Some(match cause {
        Cause::Prohibited | Cause::RouterUnreachable if is_own(attempt, to) => {
            "a firewall rule of this machine rejects it".into()
        }
        Cause::Rst => format!("the host answers, nothing listens on {port} (or a firewall answers with a reset)"),
        Cause::PortUnreachable if by == Some(By::Peer) || attempt.icmp.is_none() => {
            format!("{to} answers port unreachable: nothing listens on {port}, or its firewall rejects")
        }
        Cause::PortUnreachable if by == Some(By::Local) => "a firewall rule of this machine rejects it".into(),
        Cause::PortUnreachable => format!("{sender} rejects it on the way: a firewall or gateway rule there"),
        Cause::ProtocolUnreachable if by == Some(By::Local) => "a firewall rule of this machine rejects it".into(),
        Cause::ProtocolUnreachable => {
            format!("{sender} says it does not speak this protocol, or a firewall rule there does")
        }
        Cause::Prohibited if by == Some(By::Local) => "a firewall rule of this machine forbids it".into(),
        Cause::Prohibited => format!("{sender} forbids it: ask who runs that firewall"),
        Cause::RouterUnreachable if by == Some(By::Peer) => {
            format!("{to} itself says so: a firewall rule there rejects it")
        }
        Cause::RouterUnreachable if host_unreachable => {
            format!("{sender} cannot reach it: no such host behind that router, or a firewall rule there")
        }
        Cause::RouterUnreachable => format!("{sender} knows no way on{TRACE}"),
        Cause::TtlExceeded => format!("packets die at {sender}: a routing loop, or too small a --ttl{TRACE}"),
        Cause::ParameterProblem => format!("{sender} complains of the packet itself: a middlebox or an odd option"),
        Cause::NeighbourSilent => {
            "the next hop does not answer ARP or neighbour discovery: host down, wrong subnet or wrong VLAN".into()
        }
        Cause::NoRoute => format!("this machine has no {family} route to {to}"),
        Cause::UnreachableRoute => format!("a route of this machine says unreachable: ip route get {to}"),
        Cause::ProhibitRoute => format!("a route or rule of this machine prohibits it: ip route get {to}"),
        Cause::BlackholeRoute => format!("a blackhole route of this machine swallows it: ip route get {to}"),
        Cause::NotUnicast => format!("{to} is no host's address: TCP connects to one host, not to a group"),
        Cause::SourceMismatch => format!("source address or interface cannot reach {to}: leave -s or -I out"),
        Cause::SourceAddress => "that source address is not on this machine".into(),
        Cause::LocalPorts if attempt.phase == Some(Phase::Bind) => {
            "that source port is taken: choose another, or wait; --reset-on-close leaves it free for the next time"
                .into()
        }
        Cause::LocalPorts => {
            "no local port is free for it, or the pair of ends is in use: wait, or choose another source".into()
        }
        Cause::NoSourceAddress => format!("this machine has no usable {family} address"),
        Cause::NoInterface => "no such interface on this machine".into(),
        Cause::Descriptors => "too many open files: raise ulimit -n or lower -j".into(),
        Cause::Buffers => "this machine is out of memory or buffers: lower -j, try again later".into(),
        Cause::NetworkDown => "this machine has no working network: check the interface".into(),
        Cause::LocalPolicy if attempt.icmp.is_some() => "a firewall rule of this machine rejects it".into(),
        Cause::LocalPolicy => "a policy of this machine forbids it: firewall, container, sandbox or privilege".into(),
        Cause::Broadcast => "a broadcast address needs --broadcast".into(),
        Cause::ScopeMissing => format!("a link-local address needs its interface: {to}%INTERFACE"),
        Cause::Silence => format!("nothing comes back: dropped on the way, host down or backlog full{TRACE}"),
        Cause::ResetAfterHandshake => "the connection was made, then cut: look at the server or a middlebox".into(),
        Cause::ResetEarly => "the connection was reset while it was made: look at the server or a middlebox".into(),
        Cause::SelfConnect => format!("nothing listens on {port}: the connection met itself"),
        Cause::NoReply => "no reply proves nothing with UDP: send what the service answers (--payload)".into(),
        Cause::NoSuchName
        | Cause::NoData
        | Cause::WrongFamily
        | Cause::ResolverAgain
        | Cause::ResolverFailed
        | Cause::ResolverLimit => of_lookup(cause)?.into(),
    })
}

/// Whether the destination is this machine itself.
fn is_own(attempt: &Attempt, to: IpAddr) -> bool {
    let local = attempt.local.is_some_and(|local| local.ip().to_canonical() == to);
    local || to.is_loopback() || attempt.route.as_ref().is_some_and(|route| route.kind == Some(RouteKind::Local))
}

/// Who said what the cause rests on: where our limit ended the attempt, the sender of the message until then.
fn speaker(attempt: &Attempt, to: IpAddr) -> Option<By> {
    match (&attempt.icmp, attempt.by, attempt.local) {
        (Some(icmp), Some(By::Limit), _) if icmp.from == to => Some(By::Peer),
        (Some(icmp), Some(By::Limit), Some(local)) if icmp.from == local.ip().to_canonical() => Some(By::Local),
        (Some(_), Some(By::Limit), _) => Some(By::Router),
        (_, by, _) => by,
    }
}

/// The advice for a lookup that gave no address.
pub fn of_lookup(cause: Cause) -> Option<&'static str> {
    Some(match cause {
        Cause::NoSuchName => "no such name: check the spelling and the search domain",
        Cause::NoData => "the name exists but has no address (of that family)",
        Cause::WrongFamily => "the address is of the other family than -4, -6 or --source asks for",
        Cause::ResolverAgain => "the resolver failed or did not answer: try again, check the name servers",
        Cause::ResolverFailed => "the resolver failed for good: check its configuration",
        Cause::ResolverLimit => "the resolver had not answered within the limit: check the name servers",
        Cause::NoInterface => "no such interface on this machine",
        Cause::Descriptors => "too many open files: raise ulimit -n or lower -j",
        Cause::Buffers => "this machine is out of memory: try again later",
        _ => return None,
    })
}
