//! Two questions to rtnetlink(7): which route would a packet to this address take, and is the next hop there?
//!
//! What the kernel answered in a namespace, to root and to an ordinary user alike:
//!
//! | the machine has | answer |
//! |---|---|
//! | no route, or `throw` | error ENETUNREACH |
//! | `unreachable` / `prohibit` / `blackhole` route or rule | error EHOSTUNREACH / EACCES / EINVAL |
//! | a route | its type, interface, gateway and source |
//!
//! The socket's own source address is left out of the question: where it is what does not fit, the route is fine.
//! EACCES from connect() with a route that is fine comes from a sandbox, likewise.
//!
//! The message is two fixed structures and two attributes; a netlink crate would bring more code than it saves.

use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use socket2::{Domain, Protocol, Socket, Type};

use crate::model::RouteKind;

const RTM_NEWNEIGH: u16 = 28;
const RTM_GETNEIGH: u16 = 30;
const NDA_DST: u16 = 1;
/// States of linux/neighbour.h: asked and not answered yet; asked in vain.
const NUD_INCOMPLETE: u16 = 0x01;
const NUD_FAILED: u16 = 0x20;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PREFSRC: u16 = 7;
/// Sizes of nlmsghdr, rtmsg and ndmsg.
const HEADER: usize = 16;
const ROUTE: usize = 12;
const NEIGHBOUR: usize = 12;

/// The kernel's answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Type of the route.
    pub kind: Option<RouteKind>,
    /// Outgoing interface.
    pub interface: Option<u32>,
    /// Next hop.
    pub gateway: Option<IpAddr>,
    /// Source address.
    pub source: Option<IpAddr>,
    /// The error with which the lookup ended.
    pub errno: Option<i32>,
}

/// Asks; `None` where this process may not.
pub fn route(destination: SocketAddr) -> Option<Answer> {
    answer(&ask(&route_request(destination))?)
}

/// Whether the kernel asks, or has asked in vain, for the link address of a neighbour behind that interface.
pub fn is_unresolved(neighbour: IpAddr, interface: u32) -> bool {
    ask(&neighbour_request(neighbour, interface)).and_then(|reply| state(&reply)).is_some_and(is_open)
}

fn ask(request: &[u8]) -> Option<Vec<u8>> {
    let socket =
        Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(Protocol::from(libc::NETLINK_ROUTE))).ok()?;
    // The kernel answers within the call; the limit is for a sandbox that swallows the question.
    socket.set_read_timeout(Some(Duration::from_millis(100))).ok()?;
    (&socket).write_all(request).ok()?;
    let mut reply = vec![0; 4096];
    let length = (&socket).read(&mut reply).ok()?;
    reply.truncate(length);
    Some(reply)
}

fn family(ip: IpAddr) -> u8 {
    (if ip.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }) as u8
}

fn route_request(destination: SocketAddr) -> Vec<u8> {
    let mut body = vec![0; ROUTE];
    (body[0], body[1]) = (family(destination.ip()), if destination.is_ipv4() { 32 } else { 128 });
    attribute(&mut body, RTA_DST, &octets(destination.ip()));
    if let SocketAddr::V6(v6) = destination
        && v6.scope_id() != 0
    {
        attribute(&mut body, RTA_OIF, &v6.scope_id().to_ne_bytes());
    }
    message(RTM_GETROUTE, &body)
}

fn neighbour_request(neighbour: IpAddr, interface: u32) -> Vec<u8> {
    let mut body = vec![0; NEIGHBOUR];
    body[0] = family(neighbour);
    body[4..8].copy_from_slice(&interface.to_ne_bytes());
    attribute(&mut body, NDA_DST, &octets(neighbour));
    message(RTM_GETNEIGH, &body)
}

fn message(kind: u16, body: &[u8]) -> Vec<u8> {
    let mut message = Vec::with_capacity(HEADER + body.len());
    message.extend(((HEADER + body.len()) as u32).to_ne_bytes());
    message.extend(kind.to_ne_bytes());
    message.extend(NLM_F_REQUEST.to_ne_bytes());
    message.extend([0; 8]); // sequence and port: one question, one answer
    message.extend(body);
    message
}

/// ndm_state of the answer; `None` for an error, as where the neighbour is not known (ENOENT).
fn state(reply: &[u8]) -> Option<u16> {
    let kind = u16::from_ne_bytes(reply.get(4..6)?.try_into().ok()?);
    let state = u16::from_ne_bytes(reply.get(HEADER + 8..HEADER + 10)?.try_into().ok()?);
    (kind == RTM_NEWNEIGH).then_some(state)
}

fn is_open(state: u16) -> bool {
    state & (NUD_INCOMPLETE | NUD_FAILED) != 0
}

fn octets(ip: IpAddr) -> Vec<u8> {
    match ip {
        IpAddr::V4(ip) => ip.octets().to_vec(),
        IpAddr::V6(ip) => ip.octets().to_vec(),
    }
}

fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend(((4 + value.len()) as u16).to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

fn answer(reply: &[u8]) -> Option<Answer> {
    let kind = u16::from_ne_bytes(reply.get(4..6)?.try_into().ok()?);
    let body = reply.get(HEADER..)?;
    match kind {
        NLMSG_ERROR => {
            let code = i32::from_ne_bytes(body.get(..4)?.try_into().ok()?);
            Some(Answer { errno: Some(-code), ..Answer::default() })
        }
        RTM_NEWROUTE => Some(chosen(body.get(7).copied()?, body.get(ROUTE..)?)),
        _ => None,
    }
}

fn chosen(kind: u8, mut attributes: &[u8]) -> Answer {
    let mut answer = Answer { kind: Some(route_kind(kind)), ..Answer::default() };
    while let [a, b, c, d, rest @ ..] = attributes {
        let length = usize::from(u16::from_ne_bytes([*a, *b]));
        let Some(value) = length.checked_sub(4).and_then(|length| rest.get(..length)) else { break };
        match u16::from_ne_bytes([*c, *d]) {
            RTA_OIF => answer.interface = value.try_into().ok().map(u32::from_ne_bytes),
            RTA_GATEWAY => answer.gateway = address(value),
            RTA_PREFSRC => answer.source = address(value),
            _ => {}
        }
        attributes = rest.get(value.len().next_multiple_of(4)..).unwrap_or(&[]);
    }
    answer
}

fn address(value: &[u8]) -> Option<IpAddr> {
    if let Ok(v4) = <[u8; 4]>::try_from(value) {
        return Some(v4.into());
    }
    <[u8; 16]>::try_from(value).ok().map(IpAddr::from)
}

/// The route types of linux/rtnetlink.h, which are numbered in the order of [`RouteKind`].
fn route_kind(kind: u8) -> RouteKind {
    RouteKind::ALL.get(usize::from(kind)).copied().unwrap_or(RouteKind::Other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_a_local_route() {
        let answer = route("127.0.0.1:9".parse().unwrap()).unwrap();
        assert_eq!((answer.kind, answer.errno), (Some(RouteKind::Local), None));
        assert_eq!(answer.source, Some("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn a_cut_reply_is_no_answer() {
        let error = [&36u32.to_ne_bytes()[..], &NLMSG_ERROR.to_ne_bytes(), &[0; 10], &(-101i32).to_ne_bytes()].concat();
        assert_eq!(answer(&error).and_then(|answer| answer.errno), Some(101));
        for length in 0..error.len() {
            assert_eq!(answer(&error[..length]), None, "{length}");
        }
    }
}
