//! Names of hosts, services and interfaces, and whether there is a way.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::ffi::{CStr, CString};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::ptr;

use nix::errno::Errno;
use socket2::SockAddr;

use super::super::Found;
use super::socket;
use crate::model::{Code, Family, Mode, Protocol};

/// getaddrinfo(3): the addresses in the resolver's order and the name that they belong to, or its own code.
///
/// The call cannot be cancelled; it is made in a thread of its own. `name` is not a literal: for one, AI_CANONNAME would
/// ask for the name of the address.
///
/// # Errors
/// [`Code::Eai`], or [`Code::Os`] for EAI_SYSTEM and for a local shortage that the resolver disguises: glibc reports
/// EMFILE as EAI_NONAME with errno 24 behind it.
pub fn lookup(name: &str, family: Option<Family>, protocol: Protocol) -> Result<Found, Code> {
    let name = CString::new(name).map_err(|_| Code::Eai(libc::EAI_NONAME))?;
    let family = match family {
        None => libc::AF_UNSPEC,
        Some(Family::V4) => libc::AF_INET,
        Some(Family::V6) => libc::AF_INET6,
    };
    address_info(Some(&name), None, family, protocol)
}

/// The port of a service in the services database (getaddrinfo reads it thread-safely, getservbyname does not).
pub fn service(name: &str, protocol: Protocol) -> Option<u16> {
    let name = CString::new(name).ok()?;
    let (found, _) = address_info(None, Some(&name), libc::AF_INET, protocol).ok()?;
    found.first().map(SocketAddr::port)
}

/// getnameinfo(3): the name of the service on a port, if the services database has one. It is thread-safely read, which
/// getservbyport(3) is not.
pub fn service_name(port: u16, protocol: Protocol) -> Option<String> {
    let address = SockAddr::from(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
    let flags = if protocol == Protocol::Udp { libc::NI_DGRAM } else { 0 };
    let mut name = [0_u8; 64];
    // SAFETY: the address gives pointer and length; no host is asked for; the array gives pointer and length.
    let result = unsafe {
        // FreeBSD counts both lengths in size_t.
        let (service, length) = (name.as_mut_ptr().cast(), name.len() as _);
        libc::getnameinfo(address.as_ptr().cast(), address.len(), ptr::null_mut(), 0, service, length, flags)
    };
    let name = CStr::from_bytes_until_nul(&name).ok().filter(|_| result == 0)?.to_str().ok()?;
    // A port without a name comes back as a number.
    name.parse::<u16>().is_err().then(|| name.to_owned())
}

/// Flags that ask for nothing. On macOS no flag at all means AI_DEFAULT, which hides addresses of a family that no
/// interface has; AI_UNUSABLE (netdb.h) is a flag that the resolver does not read.
const NO_FLAGS: libc::c_int = if cfg!(target_vendor = "apple") { 0x1000_0000 } else { 0 };

fn address_info(
    host: Option<&CStr>,
    service: Option<&CStr>,
    family: libc::c_int,
    protocol: Protocol,
) -> Result<Found, Code> {
    let text = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
    let mut list = ptr::null_mut();
    // SAFETY: zero is a valid addrinfo; the strings end with NUL; the list is read only on success and freed once.
    unsafe {
        let mut hints: libc::addrinfo = std::mem::zeroed();
        hints.ai_family = family;
        hints.ai_flags = if host.is_some() { NO_FLAGS | libc::AI_CANONNAME } else { NO_FLAGS };
        // Without a type every address comes three times (STREAM, DGRAM, RAW).
        hints.ai_socktype = match protocol {
            Protocol::Tcp => libc::SOCK_STREAM,
            Protocol::Udp => libc::SOCK_DGRAM,
        };
        Errno::clear();
        let result = libc::getaddrinfo(text(host), text(service), &hints, &mut list);
        if result != 0 {
            return Err(resolver_code(result, Errno::last_raw()));
        }
        // The first entry alone has the name.
        let name = list.as_ref().map(|first| first.ai_canonname).filter(|name| !name.is_null());
        let name = name.map(|name| CStr::from_ptr(name).to_string_lossy().into_owned());
        let mut found = Vec::new();
        let mut entry = list;
        while let Some(info) = entry.as_ref() {
            found.extend(address(info.ai_addr));
            entry = info.ai_next;
        }
        libc::freeaddrinfo(list);
        Ok((found, name))
    }
}

fn resolver_code(result: libc::c_int, errno: libc::c_int) -> Code {
    let shortage = matches!(errno, libc::EMFILE | libc::ENFILE | libc::ENOMEM);
    if shortage || (result == libc::EAI_SYSTEM && errno != 0) { Code::Os(errno) } else { Code::Eai(result) }
}

/// # Safety
/// `raw` is null or points to a socket address whose family tells its true type.
unsafe fn address(raw: *const libc::sockaddr) -> Option<SocketAddr> {
    // SAFETY: the family is read first and decides which structure is there; both are only read, unaligned or not.
    unsafe {
        match i32::from(raw.as_ref()?.sa_family) {
            libc::AF_INET => {
                let v4 = raw.cast::<libc::sockaddr_in>().read_unaligned();
                let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
                Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
            }
            libc::AF_INET6 => {
                let v6 = raw.cast::<libc::sockaddr_in6>().read_unaligned();
                let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
                Some(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, v6.sin6_scope_id).into())
            }
            _ => None,
        }
    }
}

/// What a machine says that knows no way; EHOSTUNREACH is what IPv6 says on macOS and FreeBSD, and an unreachable route.
const NO_ROUTE: [i32; 4] = [libc::ENETUNREACH, libc::EHOSTUNREACH, libc::EADDRNOTAVAIL, libc::EAFNOSUPPORT];

/// Whether this machine would know how to send to `address`: connect() of a datagram socket looks for a route and a
/// source address and sends nothing. It is what RFC 6724 rule 1 asks.
pub fn has_route(address: SocketAddr) -> bool {
    let connected =
        socket(address, Protocol::Udp, Mode::Nonblocking).and_then(|socket| socket.connect(&address.into()));
    // A family without sockets has no route; a shortage of descriptors says nothing.
    connected.err().and_then(|error| error.raw_os_error()).is_none_or(|code| !NO_ROUTE.contains(&code))
}

/// Index of an interface by name, `None` when there is none; a number is taken as it is, connect() says whether it fits.
pub fn interface_index(name: &str) -> Option<u32> {
    nix::net::if_::if_nametoindex(name).ok().or_else(|| name.parse().ok())
}
