//! macOS and FreeBSD: what differs from Linux below the page.
//!
//! Facts, from their sources and manuals:
//! - an ICMP error about a SYN is remembered as a soft error and the kernel keeps trying (tcp_notify); it reports the
//!   error only when several retransmissions went unanswered as well, so that a network fault reads "timed out" here
//!   where Linux says "unreachable". There is no error queue: the sender stays unknown.
//! - connect() gives up after 75 seconds (net.inet.tcp.keepinit); after a failure the socket must be closed (a second
//!   connect() is EINVAL or ECONNABORTED): every attempt has its own socket anyway.
//! - exhausted ports are EADDRNOTAVAIL, also for UDP; FreeBSD says EAGAIN for some.
//! - EOPNOTSUPP is 102 on macOS and 45 on FreeBSD; EPROTO is 100 and 92.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsRawFd;

use socket2::Socket;

use crate::model::{Family, Protocol, Route, TcpFacts};
use crate::net::sys::{Message, RouteQuestion};

/// There is no error queue to read the answers of hops from.
pub fn can_trace(_: Protocol) -> bool {
    false
}

/// bind().
///
/// # Errors
/// bind(2).
pub fn bind(socket: &Socket, source: SocketAddr) -> io::Result<()> {
    socket.bind(&source.into())
}

/// IP_BOUND_IF on macOS; FreeBSD cannot bind to an interface.
///
/// # Errors
/// No such interface; ENOPROTOOPT where the system cannot.
#[cfg(target_vendor = "apple")]
pub fn bind_interface(socket: &Socket, name: &str, family: Family) -> io::Result<()> {
    let index = super::interface_index(name).and_then(std::num::NonZeroU32::new);
    let index = index.ok_or_else(|| io::Error::from_raw_os_error(libc::ENXIO))?;
    match family {
        Family::V4 => socket.bind_device_by_index_v4(Some(index)),
        Family::V6 => socket.bind_device_by_index_v6(Some(index)),
    }
}

/// IP_BOUND_IF on macOS; FreeBSD cannot bind to an interface.
///
/// # Errors
/// No such interface; ENOPROTOOPT where the system cannot.
#[cfg(not(target_vendor = "apple"))]
pub fn bind_interface(_: &Socket, name: &str, _: Family) -> io::Result<()> {
    let code = if super::interface_index(name).is_some() { libc::ENOPROTOOPT } else { libc::ENXIO };
    Err(io::Error::from_raw_os_error(code))
}

/// Nothing to ask for.
pub fn enable_icmp_errors(_: &Socket, _: SocketAddr, _: Protocol, _fail_on_icmp: bool) {}

/// Nothing to do.
pub fn prepare_hold(_: &Socket, _: SocketAddr) {}

/// The version of IP that a socket for this address speaks.
pub fn ip_versions(address: SocketAddr) -> &'static [Family] {
    if address.is_ipv6() { &[Family::V6] } else { &[Family::V4] }
}

/// There is no error queue.
pub fn take_messages(_: &Socket) -> Vec<Message> {
    Vec::new()
}

/// Their TCP_INFO and TCP_CONNECTION_INFO are laid out otherwise from release to release; unread, they are unknown.
pub fn tcp_facts(_: &Socket) -> TcpFacts {
    TcpFacts::default()
}

/// The routing socket needs no privilege, but its answers explain no code that connect() does not already name.
pub fn route(_: &RouteQuestion) -> Option<Route> {
    None
}

/// Sets the shortest time after which the system itself gives a handshake up: a second, by TCP_CONNECTIONTIMEOUT (macOS)
/// or TCP_KEEPINIT (FreeBSD).
///
/// # Errors
/// setsockopt(2); ENOPROTOOPT where the system has no such option.
pub fn limit_handshake(socket: &Socket) -> io::Result<()> {
    // netinet/tcp.h of macOS; libc has no name for it.
    #[cfg(target_vendor = "apple")]
    const OPTION: libc::c_int = 0x20;
    #[cfg(target_os = "freebsd")]
    const OPTION: libc::c_int = libc::TCP_KEEPINIT;
    #[cfg(not(any(target_vendor = "apple", target_os = "freebsd")))]
    const OPTION: libc::c_int = -1;
    let second: libc::c_int = 1;
    let length = size_of_val(&second) as libc::socklen_t;
    let socket = socket.as_raw_fd();
    // SAFETY: pointer and length are those of the integer, which the call reads.
    match unsafe { libc::setsockopt(socket, libc::IPPROTO_TCP, OPTION, (&raw const second).cast(), length) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
