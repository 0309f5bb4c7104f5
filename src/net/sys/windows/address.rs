//! Winsock's socket addresses as Rust's.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};

use windows_sys::Win32::Networking::WinSock::{AF_INET, AF_INET6, SOCKADDR, SOCKADDR_IN, SOCKADDR_IN6, SOCKADDR_INET};

pub fn inet(address: &SOCKADDR_INET) -> Option<SocketAddr> {
    // SAFETY: the union is one of the two, or zero, as its family tells.
    unsafe { self::address((&raw const *address).cast()) }
}

/// # Safety
/// `raw` is null or points to a socket address whose family tells its true type.
pub unsafe fn address(raw: *const SOCKADDR) -> Option<SocketAddr> {
    // SAFETY: the family is read first and decides which structure is there; both are only read, unaligned or not.
    unsafe {
        match raw.as_ref()?.sa_family {
            AF_INET => {
                let v4 = raw.cast::<SOCKADDR_IN>().read_unaligned();
                let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.S_un.S_addr));
                Some(SocketAddrV4::new(ip, u16::from_be(v4.sin_port)).into())
            }
            AF_INET6 => {
                let v6 = raw.cast::<SOCKADDR_IN6>().read_unaligned();
                let ip = Ipv6Addr::from(v6.sin6_addr.u.Byte);
                let scope = v6.Anonymous.sin6_scope_id;
                Some(SocketAddrV6::new(ip, u16::from_be(v6.sin6_port), 0, scope).into())
            }
            _ => None,
        }
    }
}
