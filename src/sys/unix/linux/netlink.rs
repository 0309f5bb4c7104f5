//! One question to rtnetlink(7): which route would a packet to this address take?
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

const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_PREFSRC: u16 = 7;
/// Sizes of nlmsghdr and rtmsg.
const HEADER: usize = 16;
const ROUTE: usize = 12;

/// The kernel's answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Answer {
    /// Type of the route.
    pub kind: Option<&'static str>,
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
    let socket =
        Socket::new(Domain::from(libc::AF_NETLINK), Type::RAW, Some(Protocol::from(libc::NETLINK_ROUTE))).ok()?;
    // The kernel answers within the call; the limit is for a sandbox that swallows the question.
    socket.set_read_timeout(Some(Duration::from_millis(100))).ok()?;
    (&socket).write_all(&request(destination)).ok()?;
    let mut reply = [0; 4096];
    let length = (&socket).read(&mut reply).ok()?;
    answer(&reply[..length])
}

fn request(destination: SocketAddr) -> Vec<u8> {
    let (family, bits) = if destination.is_ipv4() { (libc::AF_INET, 32) } else { (libc::AF_INET6, 128) };
    let mut body = vec![0; ROUTE];
    (body[0], body[1]) = (family as u8, bits);
    attribute(&mut body, RTA_DST, &octets(destination.ip()));
    if let SocketAddr::V6(v6) = destination
        && v6.scope_id() != 0
    {
        attribute(&mut body, RTA_OIF, &v6.scope_id().to_ne_bytes());
    }
    let mut message = Vec::with_capacity(HEADER + body.len());
    message.extend(((HEADER + body.len()) as u32).to_ne_bytes());
    message.extend(RTM_GETROUTE.to_ne_bytes());
    message.extend(NLM_F_REQUEST.to_ne_bytes());
    message.extend([0; 8]); // sequence and port: one question, one answer
    message.extend(body);
    message
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
    let mut answer = Answer { kind: Some(type_name(kind)), ..Answer::default() };
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

/// Names of linux/rtnetlink.h, as ip-route(8) writes them.
fn type_name(kind: u8) -> &'static str {
    const NAMES: [&str; 12] = [
        "unspec",
        "unicast",
        "local",
        "broadcast",
        "anycast",
        "multicast",
        "blackhole",
        "unreachable",
        "prohibit",
        "throw",
        "nat",
        "xresolve",
    ];
    NAMES.get(usize::from(kind)).copied().unwrap_or("other")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_a_local_route() {
        let answer = route("127.0.0.1:9".parse().unwrap()).unwrap();
        assert_eq!((answer.kind, answer.errno), (Some("local"), None));
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
