//! What only Linux tells an ordinary user: who sent the ICMP message, what TCP counted, which route was chosen.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd};
use std::time::{Duration, SystemTime};

use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use socket2::Socket;

use crate::model::{Code, Family, Handshake, Icmp, Neighbour, Protocol, Route, RouteKind, TcpFacts};
use crate::net::sys::{Message, RouteQuestion, take_error};

mod counters;
pub mod epoll;
mod interface;
mod namespace;
mod netlink;

pub use counters::{COUNTS, counters};
pub use namespace::Routes;

/// The error queue tells a hop that answers from one that does not, for any protocol.
pub fn can_trace(_: Protocol) -> bool {
    true
}

/// Discards packets that arrive with a smaller time to live, or hop limit, before TCP looks at them.
///
/// # Errors
/// setsockopt(2); IPv6: before Linux 5.16 for TCP it does nothing.
pub fn set_least_ttl(socket: &Socket, least: u8, family: Family) -> io::Result<()> {
    let (level, name) = match family {
        Family::V4 => (libc::IPPROTO_IP, libc::IP_MINTTL),
        Family::V6 => (libc::IPPROTO_IPV6, libc::IPV6_MINHOPCOUNT),
    };
    let least = libc::c_int::from(least);
    let length = size_of_val(&least) as libc::socklen_t;
    // SAFETY: pointer and length are those of the number, which the kernel only reads.
    match unsafe { libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const least).cast(), length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// Packets that came for this socket and that it did not take; `None` where the kernel does not tell (before Linux 4.12).
pub fn discarded(socket: &Socket) -> Option<u32> {
    let mut counts = [0_u32; 16];
    let mut length = size_of_val(&counts) as libc::socklen_t;
    // SAFETY: pointer and length describe `counts`, which the kernel fills with at most `length` bytes.
    let result = unsafe {
        libc::getsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_MEMINFO,
            counts.as_mut_ptr().cast(),
            &mut length,
        )
    };
    let drops = libc::SK_MEMINFO_DROPS as usize;
    (result == 0 && length as usize > drops * size_of::<u32>()).then_some(counts[drops])
}

/// bind(). A port of 0 is left to connect(), which can use one port towards several destinations (ip(7)
/// IP_BIND_ADDRESS_NO_PORT): a source address costs no more ports than none.
///
/// # Errors
/// bind(2).
pub fn bind(socket: &Socket, source: SocketAddr) -> io::Result<()> {
    if source.port() == 0 {
        let _ = setsockopt(&socket.as_fd(), sockopt::IpBindAddressNoPort, &true);
    }
    socket.bind(&source.into())
}

/// SO_BINDTODEVICE.
///
/// # Errors
/// ENODEV: no such interface; EPERM: before Linux 5.7, for users.
pub fn bind_interface(socket: &Socket, name: &str, _: Family) -> io::Result<()> {
    socket.bind_device(Some(name.as_bytes()))
}

/// Sets the shortest time after which the system itself gives a handshake up (TCP_USER_TIMEOUT). No limit is shorter than
/// the first retransmission, after a second.
///
/// # Errors
/// setsockopt(2).
pub fn limit_handshake(socket: &Socket) -> io::Result<()> {
    socket.set_tcp_user_timeout(Some(Duration::from_millis(700)))
}

/// Asks for ICMP messages and for the time of their arrival.
///
/// A TCP socket in SYN_SENT gets them over IPv4 without asking; over IPv6, and for datagrams, it must (ip(7) IP_RECVERR,
/// ipv6(7) IPV6_RECVERR). Refused, the evidence is missing and the probe is the same. Whether a message is to end the
/// attempt makes no difference to the kernel.
pub fn enable_icmp_errors(socket: &Socket, address: SocketAddr, protocol: Protocol, _fail_on_icmp: bool) {
    let fd = socket.as_fd();
    for family in ip_versions(address) {
        let _ = match (family, protocol) {
            (Family::V6, _) => setsockopt(&fd, sockopt::Ipv6RecvErr, &true),
            (Family::V4, Protocol::Udp) => setsockopt(&fd, sockopt::Ipv4RecvErr, &true),
            (Family::V4, Protocol::Tcp) => Ok(()),
        };
    }
    let _ = setsockopt(&fd, sockopt::ReceiveTimestampns, &true);
}

/// Readies a connection for being held: a message about it would be an error of the next recv(), although the connection
/// goes on (ipv6(7) IPV6_RECVERR).
pub fn prepare_hold(socket: &Socket, address: SocketAddr) {
    if address.is_ipv6() {
        let _ = setsockopt(&socket.as_fd(), sockopt::Ipv6RecvErr, &false);
    }
}

/// The versions of IP that a socket for this address speaks: an IPv4-mapped address goes out as IPv4
/// from an IPv6 socket, which takes the options of both (ipv6(7)).
pub fn ip_versions(address: SocketAddr) -> &'static [Family] {
    match (address.is_ipv6(), address.ip().to_canonical().is_ipv6()) {
        (false, _) => &[Family::V4],
        (true, true) => &[Family::V6],
        (true, false) => &[Family::V6, Family::V4],
    }
}

/// Empties the socket's error queue, oldest message first.
pub fn take_messages(socket: &Socket) -> Vec<Message> {
    let mut found = Vec::new();
    while let Some(message) = next_message(socket) {
        found.extend(message);
    }
    found
}

/// The next entry of the queue; its inner value is `None` when it is no ICMP message. The outer is `None` when the
/// queue is empty.
fn next_message(socket: &Socket) -> Option<Option<Message>> {
    // The quoted packet is not needed, its first byte is there to be cut off.
    let mut quoted = [0; 1];
    let mut parts = [IoSliceMut::new(&mut quoted)];
    let mut control = nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6, libc::timespec);
    let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
    let entry = recvmsg::<()>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags).ok()?;
    let mut message = None;
    let mut arrival = None;
    for part in entry.cmsgs().ok()? {
        match part {
            ControlMessageOwned::ScmTimestampns(at) => arrival = Some(SystemTime::UNIX_EPOCH + Duration::from(at)),
            ControlMessageOwned::Ipv4RecvErr(error, from) => {
                let from = from.map(|from| IpAddr::from(Ipv4Addr::from(u32::from_be(from.sin_addr.s_addr))));
                message = icmp(&error, from);
            }
            ControlMessageOwned::Ipv6RecvErr(error, from) => {
                let from = from.map(|from| IpAddr::from(Ipv6Addr::from(from.sin6_addr.s6_addr)));
                message = icmp(&error, from);
            }
            _ => {}
        }
    }
    Some(message.map(|(icmp, errno)| Message { icmp, errno, arrival }))
}

fn icmp(error: &libc::sock_extended_err, from: Option<IpAddr>) -> Option<(Icmp, i32)> {
    let family = match error.ee_origin {
        libc::SO_EE_ORIGIN_ICMP => Family::V4,
        libc::SO_EE_ORIGIN_ICMP6 => Family::V6,
        _ => return None,
    };
    let from = from?.to_canonical();
    let (kind, code, info) = (error.ee_type, error.ee_code, error.ee_info);
    Some((Icmp { from, family, kind, code, info, at: None, count: 1, decisive: false }, error.ee_errno as i32))
}

/// struct tcp_info of linux/tcp.h, as far as this kernel fills it.
struct TcpInfo {
    bytes: [u8; 256],
    length: usize,
}

/// Offset of tcpi_total_retrans.
const TOTAL_RESENT: usize = 100;

impl TcpInfo {
    fn bytes(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    fn word(&self, offset: usize) -> Option<u32> {
        Some(u32::from_ne_bytes(self.bytes().get(offset..offset + 4)?.try_into().ok()?))
    }
}

fn tcp_info(socket: &Socket) -> Option<TcpInfo> {
    let mut bytes = [0u8; 256];
    let mut length = bytes.len() as libc::socklen_t;
    // SAFETY: pointer and length describe `bytes`, which the kernel fills with at most `length` bytes.
    let result = unsafe {
        libc::getsockopt(socket.as_raw_fd(), libc::IPPROTO_TCP, libc::TCP_INFO, bytes.as_mut_ptr().cast(), &mut length)
    };
    (result == 0).then_some(TcpInfo { bytes, length: (length as usize).min(bytes.len()) })
}

/// What TCP counted, from TCP_INFO. `None` where the kernel does not know, or is too old to tell.
///
/// The fields are read by their offsets in linux/tcp.h, which are the same on every architecture: the structure grows
/// at its end only, and every member is naturally aligned.
pub fn tcp_facts(socket: &Socket) -> TcpFacts {
    const SYN_SENT: u8 = 2;
    const SYN_RECV: u8 = 3;
    const CLOSE: u8 = 7;
    let Some(info) = tcp_info(socket) else { return TcpFacts::default() };
    let word = |offset| info.word(offset);
    let info = info.bytes();
    let (state, retransmits) = (info[0], u32::from(info[2]));
    let total = word(TOTAL_RESENT);
    // A blocking connect that failed has its total cleared, but not the count of its last series.
    let resent = total.map(|total| total.max(if state == CLOSE { retransmits } else { 0 }));
    let min_rtt = word(148);
    let measured = min_rtt.is_some_and(|rtt| rtt != u32::MAX);
    let rtt = word(68).filter(|&rtt| measured && rtt != 0).map(|rtt| Duration::from_micros(rtt.into()));
    // bytes_acked counts the SYN: 1 after a handshake.
    let acknowledged = word(120).zip(word(124)).map(|(low, high)| (low | high) != 0);
    let handshake = min_rtt.and(acknowledged).map(|acknowledged| measured || acknowledged);
    // TCPI_OPT_… in linux/tcp.h.
    let agreed = |option: u8| info[5] & option != 0;
    let terms = Handshake {
        // Since Linux 5.4.
        window: word(228),
        // The first of two fields of four bits is the low one, or with the high byte first the high one.
        window_scale: agreed(4).then_some(if cfg!(target_endian = "big") { info[6] >> 4 } else { info[6] & 15 }),
        mss: word(16),
        timestamps: Some(agreed(1)),
        sack: Some(agreed(2)),
        ecn: Some(agreed(8)),
    };
    TcpFacts {
        syns: resent.map(|resent| resent + 1),
        rtt,
        handshake,
        terms,
        decided: Some(state != SYN_SENT && state != SYN_RECV),
    }
}

/// Makes a socket whose connect has failed as good as new: connect() with AF_UNSPEC "dissolves the association"
/// (connect(2)), gives the port back, and sets what TCP counted to zero. Its error and its error queue must have been
/// taken before. False where the socket cannot be used again.
pub fn renew(socket: &Socket) -> bool {
    super::disconnect(socket).is_ok()
}

/// Whether nothing is left in a renewed socket of a connect that was under way. What came after its end was told lies in
/// the socket, beside the ECONNRESET that the end of a connect under way leaves (tcp_disconnect() in net/ipv4/tcp.c). No
/// more can come: the port is given back. Before Linux 5.6 the count of segments is left.
pub fn is_clean(socket: &Socket) -> bool {
    let mut errors = std::iter::from_fn(|| take_error(socket));
    errors.next() == Some(Code::Os(libc::ECONNRESET))
        && errors.next().is_none()
        && next_message(socket).is_none()
        && discarded(socket) == Some(0)
        && tcp_info(socket).is_some_and(|info| info.word(TOTAL_RESENT) == Some(0))
}

/// Whether a filter answered a failed connect() in the place of TCP, which would have chosen a port first and kept it.
pub fn is_filtered(socket: &Socket) -> bool {
    socket.local_addr().ok().and_then(|local| local.as_socket()).is_some_and(|local| local.port() == 0)
}

/// What the routing table says of destinations. The source, interface, type of service and mark of a socket choose the
/// rules and routes of its packets, as do protocol and port (ip-rule(8)).
pub fn routes(questions: &[RouteQuestion]) -> Vec<Option<Route>> {
    let (mut settings, mut names) = (Memo::new(), Memo::new());
    let packets: Vec<_> = questions.iter().map(|question| packet(question, &mut settings)).collect();
    let answers = netlink::routes(&packets).into_iter().zip(packets);
    answers.map(|(answer, packet)| Some(found(answer?, &packet, &mut names))).collect()
}

fn found(answer: netlink::Answer, packet: &netlink::Packet, names: &mut Memo<u32, Option<String>>) -> Route {
    Route {
        kind: answer.kind,
        interface: answer.interface.and_then(|index| names.get(index, || interface::name(index))),
        loopback: answer.interface == Some(LOOPBACK),
        gateway: answer.gateway,
        // A source that was part of the question is not repeated.
        source: answer.source.or(packet.source.filter(|_| answer.errno.is_none())),
        error: answer.errno.map(Code::Os),
    }
}

/// The loopback interface has this index in every network namespace (LOOPBACK_IFINDEX in include/net/flow.h).
const LOOPBACK: u32 = 1;

/// What is set of a socket: by our options, or by a program of the cgroup when the socket was made (ip-vrf(8)).
#[derive(Debug, Clone, Copy, Default)]
struct Settings {
    interface: Option<u32>,
    tos: u8,
    mark: u32,
}

impl Settings {
    fn of(socket: &Socket, destination: SocketAddr) -> Settings {
        let device = socket.device().ok().flatten();
        let tos = match destination {
            SocketAddr::V4(_) => socket.tos_v4(),
            SocketAddr::V6(_) => socket.tclass_v6(),
        };
        Settings {
            interface: device.and_then(|name| super::interface_index(&String::from_utf8_lossy(&name))),
            tos: tos.map_or(0, |tos| tos as u8),
            mark: socket.mark().unwrap_or(0),
        }
    }
}

/// Which sockets of a run have the same settings: those for the same versions of IP, over the same protocol.
type Alike = (&'static [Family], Protocol);

fn packet(question: &RouteQuestion, settings: &mut Memo<Alike, Settings>) -> netlink::Packet {
    let &RouteQuestion { destination: address, protocol, socket } = question;
    let destination = canonical(address);
    let Settings { interface, tos, mark } = socket.map_or_else(Settings::default, |(socket, _)| {
        settings.get((ip_versions(address), protocol), || Settings::of(socket, destination))
    });
    let source = socket.and_then(|(_, local)| local).map(|local| local.ip().to_canonical());
    netlink::Packet { destination, protocol, source, interface, tos, mark }
}

/// What the kernel knows of the next hop's link address on these routes to these destinations.
pub fn neighbours(questions: &[(&Route, SocketAddr)]) -> Vec<Option<Neighbour>> {
    let (mut links, mut crowded) = (Memo::new(), Memo::new());
    let next_hops: Vec<_> = questions.iter().map(|&(route, to)| next_hop(route, to, &mut links)).collect();
    let asked: Vec<_> = next_hops.iter().filter_map(|next_hop| next_hop.as_ref()?.asked()).collect();
    let mut entries = netlink::neighbours(&asked).into_iter();
    let mut answer = |next_hop: NextHop| match next_hop {
        NextHop::Plain => Some(Neighbour::Resolved),
        NextHop::Behind(ip, _) => match entries.next()?? {
            netlink::Entry::Known(neighbour) => Some(neighbour),
            // Any other reason to have no entry (a filter that drops what this machine sends) fills no table.
            netlink::Entry::Missing => {
                crowded.get(Family::of(ip), || netlink::is_crowded(ip))?.then_some(Neighbour::Missing)
            }
        },
    };
    next_hops.into_iter().map(|next_hop| answer(next_hop?)).collect()
}

/// Where packets go first.
enum NextHop {
    /// Nobody's link address is needed.
    Plain,
    /// A neighbour, behind the interface of this index.
    Behind(IpAddr, u32),
}

impl NextHop {
    fn asked(&self) -> Option<(IpAddr, u32)> {
        match *self {
            NextHop::Plain => None,
            NextHop::Behind(ip, interface) => Some((ip, interface)),
        }
    }
}

/// `links`: the indexes of interfaces by their names; the inner value is `None` where an interface needs no neighbours.
fn next_hop<'a>(
    route: &'a Route,
    destination: SocketAddr,
    links: &mut Memo<&'a str, Option<Option<u32>>>,
) -> Option<NextHop> {
    let name = route.interface.as_deref()?;
    if route.kind != Some(RouteKind::Unicast) {
        return Some(NextHop::Plain);
    }
    let index = || match interface::needs_neighbours(name)? {
        true => Some(Some(interface::index(name)?)),
        false => Some(None),
    };
    let next = route.gateway.unwrap_or(destination.ip().to_canonical());
    Some(links.get(name, index)?.map_or(NextHop::Plain, |index| NextHop::Behind(next, index)))
}

/// What was asked for one of a lot, and holds for the others: a lot is of one moment.
struct Memo<K, V>(Vec<(K, V)>);

impl<K: PartialEq, V: Clone> Memo<K, V> {
    fn new() -> Self {
        Memo(Vec::new())
    }

    fn get(&mut self, key: K, ask: impl FnOnce() -> V) -> V {
        if let Some((_, known)) = self.0.iter().find(|(known, _)| *known == key) {
            return known.clone();
        }
        let value = ask();
        self.0.push((key, value.clone()));
        value
    }
}

fn canonical(address: SocketAddr) -> SocketAddr {
    match address.ip().to_canonical() {
        ip if ip.is_ipv4() => SocketAddr::new(ip, address.port()),
        _ => address,
    }
}
