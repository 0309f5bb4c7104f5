//! What Windows tells of an attempt besides its code: ICMP messages, TCP's own count, the route. Each is asked for and
//! may be missing.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};
use std::ptr;
use std::time::Duration;

use socket2::{SockAddr, Socket};
use windows_sys::Win32::Foundation::{ERROR_HOST_UNREACHABLE, ERROR_NETWORK_UNREACHABLE, ERROR_SUCCESS};
use windows_sys::Win32::NetworkManagement::IpHelper::{GetBestRoute2, MIB_IPFORWARD_ROW2};
use windows_sys::Win32::Networking::WinSock::{
    ICMP_ERROR_INFO, IPPROTO_ICMPV6, IPPROTO_TCP, SIO_TCP_INFO, SOCKADDR_INET, TCP_FAIL_CONNECT_ON_ICMP_ERROR,
    TCP_ICMP_ERROR_INFO, TCP_INFO_v0, TCPSTATE_ESTABLISHED, TCPSTATE_SYN_RCVD, TCPSTATE_SYN_SENT, WSAEHOSTUNREACH,
    WSAENETUNREACH, WSAIoctl, getsockopt,
};

use super::address::inet;
use super::{names, raw, set_option, socket};
use crate::model::{Code, Family, Handshake, Icmp, Mode, Protocol, Route, RouteKind, TcpFacts};
use crate::net::sys::{Message, RouteQuestion};

/// Whether the messages of hops can be read: for TCP, since Windows 10, version 2004. Datagram sockets learn that their
/// time to live ran out (WSAENETRESET), but not where.
pub fn can_trace(protocol: Protocol) -> bool {
    let any = SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, 0).into();
    protocol == Protocol::Tcp && socket(any, protocol, Mode::Nonblocking).is_ok_and(|socket| fail_on_icmp(&socket))
}

/// With `fail_on_icmp` an ICMP message ends a connect, as it does on Linux; without, Windows goes on and so do we, since
/// the option changes the verdict: every message becomes WSAEHOSTUNREACH, also one that the next SYN would overcome.
pub fn enable_icmp_errors(socket: &Socket, _: SocketAddr, protocol: Protocol, fail_on_icmp: bool) {
    if fail_on_icmp && protocol == Protocol::Tcp {
        self::fail_on_icmp(socket);
    }
}

fn fail_on_icmp(socket: &Socket) -> bool {
    set_option(socket, IPPROTO_TCP, TCP_FAIL_CONNECT_ON_ICMP_ERROR, 1).is_ok()
}

/// Nothing to do.
pub fn prepare_hold(_: &Socket, _: SocketAddr) {}

/// The ICMP message that came during the connect, if one did: TCP_ICMP_ERROR_INFO, as WSAGetIcmpErrorInfo() reads it.
/// When it came is not told.
pub fn take_messages(socket: &Socket) -> Vec<Message> {
    let mut info = ICMP_ERROR_INFO::default();
    let mut length = size_of_val(&info) as i32;
    let to = (&raw mut info).cast();
    // SAFETY: pointer and length describe `info`; zero is a valid value of all its parts.
    let result = unsafe { getsockopt(raw(socket), IPPROTO_TCP, TCP_ICMP_ERROR_INFO, to, &mut length) };
    let from = (result == 0).then(|| inet(&info.srcaddress)).flatten();
    let message = |from: SocketAddr| {
        let family = if info.protocol == IPPROTO_ICMPV6 { Family::V6 } else { Family::V4 };
        let (kind, code) = (info.r#type, info.code);
        let icmp =
            Icmp { from: from.ip().to_canonical(), family, kind, code, info: 0, at: None, count: 1, decisive: false };
        Message { icmp, errno: WSAEHOSTUNREACH, arrival: None }
    };
    from.map(message).into_iter().collect()
}

/// The versions of IP that a socket for this address speaks: an IPv4-mapped address goes out as IPv4 from an IPv6 socket,
/// which takes the options of both.
pub fn ip_versions(address: SocketAddr) -> &'static [Family] {
    match (address.is_ipv6(), is_mapped(address)) {
        (false, _) => &[Family::V4],
        (true, false) => &[Family::V6],
        (true, true) => &[Family::V6, Family::V4],
    }
}

/// Whether an address is IPv4 in the form of IPv6 (RFC 4291 section 2.5.5.2).
pub fn is_mapped(address: SocketAddr) -> bool {
    address.is_ipv6() && address.ip().to_canonical().is_ipv4()
}

/// What TCP counted: SIO_TCP_INFO, since Windows 10, version 1703.
pub fn tcp_facts(socket: &Socket) -> TcpFacts {
    let version = 0u32;
    let mut info = TCP_INFO_v0::default();
    let mut returned = 0;
    // SAFETY: pointers and lengths describe the version that is read and the structure that is filled.
    let result = unsafe {
        let (input, output) = ((&raw const version).cast(), (&raw mut info).cast());
        let (wanted, room) = (size_of_val(&version) as u32, size_of_val(&info) as u32);
        WSAIoctl(raw(socket), SIO_TCP_INFO, input, wanted, output, room, &mut returned, ptr::null_mut(), None)
    };
    if result == 0 { facts(&info) } else { TcpFacts::default() }
}

fn facts(info: &TCP_INFO_v0) -> TcpFacts {
    // States are numbered as a connection goes through them.
    let established = info.State >= TCPSTATE_ESTABLISHED;
    // RFC 6298 section 3: the answer to a segment that was sent twice measures nothing, unless it bears a timestamp.
    let measured = established && (info.SynRetrans == 0 || info.TimestampsEnabled);
    TcpFacts {
        syns: Some(1 + u32::from(info.SynRetrans)),
        rtt: measured.then(|| Duration::from_micros(info.RttUs.into())),
        handshake: established.then_some(true),
        terms: Handshake {
            window: established.then_some(info.SndWnd),
            mss: established.then_some(info.Mss),
            timestamps: established.then_some(info.TimestampsEnabled),
            ..Handshake::default()
        },
        decided: Some(!matches!(info.State, TCPSTATE_SYN_SENT | TCPSTATE_SYN_RCVD)),
    }
}

/// What the routing table says of a destination, for packets of that socket's source address.
pub fn route(question: &RouteQuestion) -> Option<Route> {
    let destination = question.destination;
    let address = SockAddr::from(destination);
    let bound = question.socket.and_then(|(_, local)| local).map(SockAddr::from);
    let from = bound.as_ref().map_or(ptr::null(), |bound| bound.as_ptr().cast());
    let (mut row, mut source) = (MIB_IPFORWARD_ROW2::default(), SOCKADDR_INET::default());
    // SAFETY: a SockAddr has room for any address, so for a SOCKADDR_INET; the other two are ours to be filled.
    let result = unsafe { GetBestRoute2(ptr::null(), 0, from, address.as_ptr().cast(), 0, &mut row, &mut source) };
    let error = match result {
        ERROR_SUCCESS => {
            let known = |address| inet(address).map(|address| address.ip()).filter(|ip| !ip.is_unspecified());
            return Some(Route {
                kind: kind(&row, destination.ip()),
                interface: names::interface_name(&row.InterfaceLuid),
                loopback: row.Loopback,
                gateway: known(&row.NextHop),
                source: known(&source),
                error: None,
            });
        }
        ERROR_NETWORK_UNREACHABLE => WSAENETUNREACH,
        ERROR_HOST_UNREACHABLE => WSAEHOSTUNREACH,
        _ => return None,
    };
    Some(Route { error: Some(Code::Os(error)), ..Route::default() })
}

/// A route to one host and the broadcast address of a network look the same, so `None` may be either.
fn kind(row: &MIB_IPFORWARD_ROW2, destination: IpAddr) -> Option<RouteKind> {
    match destination {
        _ if row.Loopback => Some(RouteKind::Local),
        IpAddr::V4(Ipv4Addr::BROADCAST) => Some(RouteKind::Broadcast),
        ip => ip.is_multicast().then_some(RouteKind::Multicast),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Not a value that nobody measured: RFC 6298 section 3.
    #[test]
    fn a_round_trip_is_told_only_when_it_was_measured() {
        let info = |state, resent, timestamps| TCP_INFO_v0 {
            State: state,
            RttUs: 5000,
            SynRetrans: resent,
            TimestampsEnabled: timestamps,
            ..TCP_INFO_v0::default()
        };
        let told = |state, resent, timestamps| {
            let facts = facts(&info(state, resent, timestamps));
            (facts.syns, facts.rtt.map(|rtt| rtt.as_micros()), facts.handshake)
        };
        const SYN_SENT: i32 = TCPSTATE_ESTABLISHED - 2;
        assert_eq!(told(TCPSTATE_ESTABLISHED, 0, false), (Some(1), Some(5000), Some(true)));
        assert_eq!(told(TCPSTATE_ESTABLISHED, 1, false), (Some(2), None, Some(true)));
        assert_eq!(told(TCPSTATE_ESTABLISHED, 1, true), (Some(2), Some(5000), Some(true)));
        assert_eq!(told(SYN_SENT, 3, false), (Some(4), None, None));
    }
}
