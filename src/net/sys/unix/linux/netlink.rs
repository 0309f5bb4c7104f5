//! Questions to rtnetlink(7): which route would a packet take, and is the next hop there?
//!
//! What the kernel answered in a namespace, to root and to an ordinary user alike:
//!
//! | the machine has | answer |
//! |---|---|
//! | no route, or `throw` | error ENETUNREACH |
//! | `unreachable` / `prohibit` / `blackhole` route or rule | error EHOSTUNREACH / EACCES / EINVAL |
//! | a route | its type, interface, gateway and source |
//!
//! EACCES from connect() with a route that is fine comes from a sandbox.
//!
//! The message is two fixed structures and two attributes; a netlink crate would bring more code than it saves.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use crate::model::{Neighbour, Protocol, RouteKind};

mod exchange;

pub use exchange::with_socket;
use exchange::{ask, ask_for_dump, number};

const RTM_NEWNEIGH: u16 = 28;
const RTM_GETNEIGH: u16 = 30;
const RTM_NEWNEIGHTBL: u16 = 64;
const RTM_GETNEIGHTBL: u16 = 66;
const NDTA_THRESH2: u16 = 3;
const NDTA_CONFIG: u16 = 5;
const NDA_DST: u16 = 1;
/// States of linux/neighbour.h with a link address: reachable, stale, delay, probe, noarp, permanent. The others are asked
/// and not answered yet, asked in vain, and none: not asked yet.
const NUD_VALID: u16 = 0x02 | 0x04 | 0x08 | 0x10 | 0x40 | 0x80;
const RTM_NEWROUTE: u16 = 24;
const RTM_GETROUTE: u16 = 26;
const NLMSG_ERROR: u16 = 2;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLM_F_DUMP: u16 = 0x300;
const NLM_F_CREATE: u16 = 0x400;
const RTA_DST: u16 = 1;
const RTA_SRC: u16 = 2;
const RTA_OIF: u16 = 4;
const RTA_GATEWAY: u16 = 5;
const RTA_MARK: u16 = 16;
const RTA_IP_PROTO: u16 = 27;
const RTA_DPORT: u16 = 29;
const RTA_PREFSRC: u16 = 7;
/// Sizes of nlmsghdr, rtmsg, ndmsg and ndtmsg.
const HEADER: usize = 16;
const ROUTE: usize = 12;
const NEIGHBOUR: usize = 12;
const TABLE: usize = 4;

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

/// A packet whose route is asked for.
#[derive(Debug, Clone, Copy)]
pub struct Packet {
    /// Address and port.
    pub destination: SocketAddr,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Source address, where it is known.
    pub source: Option<IpAddr>,
    /// The interface that the socket is bound to.
    pub interface: Option<u32>,
    /// Type of service or traffic class.
    pub tos: u8,
    /// SO_MARK.
    pub mark: u32,
}

impl Default for Packet {
    fn default() -> Self {
        Packet {
            destination: SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), 0),
            protocol: Protocol::Tcp,
            source: None,
            interface: None,
            tos: 0,
            mark: 0,
        }
    }
}

/// Asks for the routes of packets; `None` where this process may not.
pub fn routes(packets: &[Packet]) -> Vec<Option<Answer>> {
    ask(packets, write_route, read_route)
}

/// What the kernel knows of a neighbour.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Entry {
    /// It has an entry.
    Known(Neighbour),
    /// It has none.
    Missing,
}

/// What the kernel knows of the link addresses of neighbours behind an interface; `None` where this process may not ask.
pub fn neighbours(neighbours: &[(IpAddr, u32)]) -> Vec<Option<Entry>> {
    ask(neighbours, |&(neighbour, interface), lot| write_neighbour(neighbour, interface, lot), read_neighbour)
}

/// Whether the table of neighbours is so full that the kernel makes room in it (arp(7), gc_thresh2). It is one for all
/// network namespaces.
pub fn is_crowded(ip: IpAddr) -> Option<bool> {
    let mut question = Vec::new();
    write(&mut question, RTM_GETNEIGHTBL, NLM_F_DUMP, |body| body.extend([family(ip), 0, 0, 0]));
    crowded(&ask_for_dump(&question)?)
}

/// The first message of the answer is that of the table, of its interfaces are the others.
fn crowded(reply: &[u8]) -> Option<bool> {
    (kind(reply)? == RTM_NEWNEIGHTBL).then_some(())?;
    let (mut most, mut entries) = (None, None);
    for (name, value) in Attributes(reply.get(HEADER + TABLE..)?) {
        match name {
            NDTA_THRESH2 => most = word(value, 0),
            // ndt_config begins with the lengths of a key and of an entry.
            NDTA_CONFIG => entries = word(value, 4),
            _ => {}
        }
    }
    Some(entries? >= most?)
}

fn word(value: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(value.get(offset..offset + 4)?.try_into().ok()?))
}

fn family(ip: IpAddr) -> u8 {
    (if ip.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 }) as u8
}

fn write_route(packet: &Packet, lot: &mut Vec<u8>) {
    let destination = packet.destination;
    let bits = if destination.is_ipv4() { 32 } else { 128 };
    let scope = match destination {
        SocketAddr::V6(v6) if v6.scope_id() != 0 => Some(v6.scope_id()),
        _ => None,
    };
    let protocol = match packet.protocol {
        Protocol::Tcp => libc::IPPROTO_TCP,
        Protocol::Udp => libc::IPPROTO_UDP,
    };
    write(lot, RTM_GETROUTE, 0, |body| {
        let source_bits = packet.source.map_or(0, |_| bits);
        body.extend([family(destination.ip()), bits, source_bits, packet.tos]);
        body.extend([0; ROUTE - 4]);
        address_attribute(body, RTA_DST, destination.ip());
        if let Some(source) = packet.source {
            address_attribute(body, RTA_SRC, source);
        }
        if let Some(index) = packet.interface.or(scope) {
            attribute(body, RTA_OIF, &index.to_ne_bytes());
        }
        if packet.mark != 0 {
            attribute(body, RTA_MARK, &packet.mark.to_ne_bytes());
        }
        attribute(body, RTA_IP_PROTO, &[protocol as u8]);
        attribute(body, RTA_DPORT, &destination.port().to_be_bytes());
    });
}

/// Asks to add a route of this type to one address, and for an answer.
pub fn new_route_request(destination: Ipv4Addr, kind: u8) -> Vec<u8> {
    let mut request = Vec::new();
    write(&mut request, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_ACK, |body| {
        body.extend([libc::AF_INET as u8, 32, 0, 0, libc::RT_TABLE_MAIN, libc::RTPROT_BOOT, 0, kind]);
        body.extend([0; ROUTE - 8]);
        attribute(body, RTA_DST, &destination.octets());
    });
    request
}

/// The errno of an answer that is an error or, with zero, a confirmation; `None` for any other.
pub fn confirmation(reply: &[u8]) -> Option<i32> {
    (kind(reply)? == NLMSG_ERROR).then(|| errno(reply)).flatten()
}

fn write_neighbour(neighbour: IpAddr, interface: u32, lot: &mut Vec<u8>) {
    write(lot, RTM_GETNEIGH, 0, |body| {
        body.extend([family(neighbour), 0, 0, 0]);
        body.extend(interface.to_ne_bytes());
        body.extend([0; NEIGHBOUR - 8]);
        address_attribute(body, NDA_DST, neighbour);
    });
}

/// Adds a message, whose length is known when its body is written.
fn write(lot: &mut Vec<u8>, kind: u16, flags: u16, body: impl FnOnce(&mut Vec<u8>)) {
    let begin = lot.len();
    lot.extend([0; 4]);
    lot.extend(kind.to_ne_bytes());
    lot.extend((NLM_F_REQUEST | flags).to_ne_bytes());
    lot.extend(number().to_ne_bytes());
    lot.extend([0; 4]); // port: the kernel fills it in
    body(lot);
    let length = (lot.len() - begin) as u32;
    lot[begin..begin + 4].copy_from_slice(&length.to_ne_bytes());
}

fn kind(reply: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(reply.get(4..6)?.try_into().ok()?))
}

/// ndm_state of the answer.
fn state(reply: &[u8]) -> Option<u16> {
    Some(u16::from_ne_bytes(reply.get(HEADER + 8..HEADER + 10)?.try_into().ok()?))
}

/// The code of an answer that is an error.
fn errno(reply: &[u8]) -> Option<i32> {
    Some(-i32::from_ne_bytes(reply.get(HEADER..HEADER + 4)?.try_into().ok()?))
}

fn is_open(state: u16) -> bool {
    state & NUD_VALID == 0
}

fn address_attribute(body: &mut Vec<u8>, kind: u16, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => attribute(body, kind, &ip.octets()),
        IpAddr::V6(ip) => attribute(body, kind, &ip.octets()),
    }
}

fn attribute(body: &mut Vec<u8>, kind: u16, value: &[u8]) {
    body.extend(((4 + value.len()) as u16).to_ne_bytes());
    body.extend(kind.to_ne_bytes());
    body.extend(value);
    body.resize(body.len().next_multiple_of(4), 0);
}

fn read_route(reply: &[u8]) -> Option<Answer> {
    let body = reply.get(HEADER..)?;
    match kind(reply)? {
        NLMSG_ERROR => Some(Answer { errno: Some(errno(reply)?), ..Answer::default() }),
        RTM_NEWROUTE => Some(chosen(body.get(7).copied()?, body.get(ROUTE..)?)),
        _ => None,
    }
}

fn read_neighbour(reply: &[u8]) -> Option<Entry> {
    match kind(reply)? {
        RTM_NEWNEIGH if is_open(state(reply)?) => Some(Entry::Known(Neighbour::Unresolved)),
        RTM_NEWNEIGH => Some(Entry::Known(Neighbour::Resolved)),
        NLMSG_ERROR if errno(reply)? == libc::ENOENT => Some(Entry::Missing),
        _ => None,
    }
}

fn chosen(kind: u8, attributes: &[u8]) -> Answer {
    let mut answer = Answer { kind: Some(route_kind(kind)), ..Answer::default() };
    for (name, value) in Attributes(attributes) {
        match name {
            RTA_OIF => answer.interface = word(value, 0),
            RTA_GATEWAY => answer.gateway = address(value),
            RTA_PREFSRC => answer.source = address(value),
            _ => {}
        }
    }
    answer
}

/// The attributes of a message, each with its value; one that is cut off ends them.
struct Attributes<'a>(&'a [u8]);

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let [a, b, c, d, rest @ ..] = self.0 else { return None };
        let length = usize::from(u16::from_ne_bytes([*a, *b])).checked_sub(4)?;
        let value = rest.get(..length)?;
        self.0 = rest.get(length.next_multiple_of(4)..).unwrap_or(&[]);
        Some((u16::from_ne_bytes([*c, *d]), value))
    }
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
        let packet = Packet { destination: "127.0.0.1:9".parse().unwrap(), ..Packet::default() };
        let answer = routes(&[packet]).remove(0).unwrap();
        assert_eq!((answer.kind, answer.errno), (Some(RouteKind::Local), None));
        assert_eq!(answer.source, Some("127.0.0.1".parse().unwrap()));
    }

    #[test]
    fn the_loopback_interface_has_no_neighbours() {
        assert_eq!(neighbours(&[("127.0.0.9".parse().unwrap(), 1)]), [Some(Entry::Missing)]);
    }

    /// ndtmsg, thresholds and configuration as the kernel lays them out.
    #[test]
    fn a_table_of_neighbours_is_crowded_from_its_second_threshold_on() {
        let reply = |entries: u32| {
            let mut reply = Vec::new();
            write(&mut reply, RTM_NEWNEIGHTBL, 0, |body| {
                body.extend([libc::AF_INET as u8, 0, 0, 0]);
                attribute(body, NDTA_THRESH2, &512u32.to_ne_bytes());
                attribute(body, NDTA_CONFIG, &[&[0; 4][..], &entries.to_ne_bytes(), &[0; 24]].concat());
            });
            reply
        };
        assert_eq!([511, 512].map(|entries| crowded(&reply(entries))), [Some(false), Some(true)]);
        assert_eq!(crowded(&reply(600)[..24]), None, "cut off");
    }

    #[test]
    fn a_cut_reply_is_no_answer() {
        let error = [&36u32.to_ne_bytes()[..], &NLMSG_ERROR.to_ne_bytes(), &[0; 10], &(-101i32).to_ne_bytes()].concat();
        assert_eq!(read_route(&error).and_then(|answer| answer.errno), Some(101));
        for length in 0..error.len() {
            assert_eq!(read_route(&error[..length]), None, "{length}");
        }
    }
}
