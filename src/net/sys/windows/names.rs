//! Names of hosts, services and interfaces, and whether there is a way.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ptr;
use std::sync::Once;

use socket2::{SockAddr, Socket};
use windows_sys::Win32::Foundation::ERROR_SUCCESS;
use windows_sys::Win32::NetworkManagement::IpHelper::{
    ConvertInterfaceAliasToLuid, ConvertInterfaceLuidToAlias, ConvertInterfaceLuidToIndex,
};
use windows_sys::Win32::NetworkManagement::Ndis::{IF_MAX_STRING_SIZE, NET_LUID_LH};
use windows_sys::Win32::Networking::WinSock::{
    ADDRINFOW, AF_INET, AF_INET6, AF_UNSPEC, AI_CANONNAME, FreeAddrInfoW, GetAddrInfoW, GetNameInfoW, IP_UNICAST_IF,
    IPPROTO_IP, IPPROTO_IPV6, IPV6_UNICAST_IF, NI_DGRAM, SOCK_DGRAM, SOCK_STREAM, WSADATA, WSAEADDRNOTAVAIL,
    WSAEAFNOSUPPORT, WSAEHOSTUNREACH, WSAENETUNREACH, WSAHOST_NOT_FOUND, WSAStartup,
};

use super::super::Found;
use super::address::address;
use super::{set_option, socket};
use crate::model::{Code, Family, Mode, Protocol};

/// GetAddrInfoW(): the addresses in the resolver's order and the name that they belong to, or its own code, which is a
/// Winsock number. `name` is not a literal.
///
/// The call cannot be cancelled; it is made in a thread of its own.
///
/// # Errors
/// [`Code::Eai`].
pub fn lookup(name: &str, family: Option<Family>, protocol: Protocol) -> Result<Found, Code> {
    let family = match family {
        None => AF_UNSPEC,
        Some(Family::V4) => AF_INET,
        Some(Family::V6) => AF_INET6,
    };
    if name.contains('\0') {
        return Err(Code::Eai(WSAHOST_NOT_FOUND));
    }
    address_info(Some(&wide(name)), None, family, protocol)
}

/// The port of a service in the services database.
pub fn service(name: &str, protocol: Protocol) -> Option<u16> {
    let (found, _) = address_info(None, Some(&wide(name)), AF_INET, protocol).ok()?;
    found.first().map(SocketAddr::port)
}

/// GetNameInfoW(): the name of the service on a port, if the services database has one.
pub fn service_name(port: u16, protocol: Protocol) -> Option<String> {
    start();
    let address = SockAddr::from(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port)));
    let flags = if protocol == Protocol::Udp { NI_DGRAM as i32 } else { 0 };
    let mut name = [0_u16; 64];
    // SAFETY: the address gives pointer and length; no host is asked for; the array gives pointer and length.
    let result = unsafe {
        let (service, length) = (name.as_mut_ptr(), name.len() as u32);
        GetNameInfoW(address.as_ptr().cast(), address.len(), ptr::null_mut(), 0, service, length, flags)
    };
    let name = String::from_utf16(name.split(|&unit| unit == 0).next()?).ok().filter(|_| result == 0)?;
    // A port without a name comes back as a number.
    name.parse::<u16>().is_err().then_some(name)
}

/// Up to the first NUL, if one is inside.
fn wide(text: &str) -> Vec<u16> {
    text.encode_utf16().chain([0]).collect()
}

fn address_info(host: Option<&[u16]>, service: Option<&[u16]>, family: u16, protocol: Protocol) -> Result<Found, Code> {
    let text = |text: Option<&[u16]>| text.map_or(ptr::null(), <[u16]>::as_ptr);
    start();
    let hints = ADDRINFOW {
        ai_flags: if host.is_some() { AI_CANONNAME as i32 } else { 0 },
        ai_family: family.into(),
        // Without a type every address comes once for each.
        ai_socktype: match protocol {
            Protocol::Tcp => SOCK_STREAM,
            Protocol::Udp => SOCK_DGRAM,
        },
        ..ADDRINFOW::default()
    };
    let mut list = ptr::null_mut();
    // SAFETY: the strings end with NUL; the list is read only on success and freed once.
    unsafe {
        match GetAddrInfoW(text(host), text(service), &hints, &mut list) {
            0 => {}
            // Wine hands on EAI_ADDRFAMILY of the system below it; Windows does not find a literal of the other family.
            i32::MIN..0 => return Err(Code::Eai(WSAHOST_NOT_FOUND)),
            error => return Err(Code::Eai(error)),
        }
        // The first entry alone has the name.
        let name = list.as_ref().map(|first| first.ai_canonname).filter(|name| !name.is_null());
        let name = name.map(|name| String::from_utf16_lossy(until_nul(name)));
        let mut found = Vec::new();
        let mut entry: *const ADDRINFOW = list;
        while let Some(info) = entry.as_ref() {
            found.extend(address(info.ai_addr));
            entry = info.ai_next;
        }
        FreeAddrInfoW(list);
        Ok((found, name))
    }
}

/// # Safety
/// `text` points to UTF-16 that ends with NUL and lives as long as the result.
unsafe fn until_nul<'a>(text: *const u16) -> &'a [u16] {
    // SAFETY: every unit up to the NUL is there to be read.
    unsafe {
        let length = (0..).take_while(|&place| *text.add(place) != 0).count();
        std::slice::from_raw_parts(text, length)
    }
}

/// Sockets start Winsock by themselves, the resolver does not.
fn start() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // Refused, the call that needs it says so (WSANOTINITIALISED). Version 2.2, for the life of the process.
        // SAFETY: the structure is ours to be filled.
        unsafe { WSAStartup(0x0202, &mut WSADATA::default()) };
    });
}

/// Whether this machine would know how to send to `address`: connect() of a datagram socket looks for a route and a
/// source address and sends nothing. It is what RFC 6724 rule 1 asks.
pub fn has_route(address: SocketAddr) -> bool {
    const NONE: [i32; 4] = [WSAENETUNREACH, WSAEHOSTUNREACH, WSAEADDRNOTAVAIL, WSAEAFNOSUPPORT];
    let connected =
        socket(address, Protocol::Udp, Mode::Nonblocking).and_then(|socket| socket.connect(&address.into()));
    // A family without sockets has no route; a shortage of descriptors says nothing.
    connected.err().and_then(|error| error.raw_os_error()).is_none_or(|code| !NONE.contains(&code))
}

/// bind().
///
/// # Errors
/// bind().
pub fn bind(socket: &Socket, source: SocketAddr) -> io::Result<()> {
    socket.bind(&source.into())
}

/// IP_UNICAST_IF or IPV6_UNICAST_IF: the interface that packets leave by, if it has a route to the destination.
///
/// # Errors
/// WSAEADDRNOTAVAIL: no such interface. setsockopt().
pub fn bind_interface(socket: &Socket, name: &str, family: Family) -> io::Result<()> {
    let index = interface_index(name).ok_or_else(|| io::Error::from_raw_os_error(WSAEADDRNOTAVAIL))?;
    // The index is in network order for IPv4 and in host order for IPv6 (IPPROTO_IP and IPPROTO_IPV6 socket options).
    match family {
        Family::V4 => set_option(socket, IPPROTO_IP, IP_UNICAST_IF, index.to_be()),
        Family::V6 => set_option(socket, IPPROTO_IPV6, IPV6_UNICAST_IF, index),
    }
}

/// Index of an interface by the name that people see (`Ethernet`, `Wi-Fi`), `None` when there is none; a
/// number is taken as it is, connect() says whether it fits.
pub fn interface_index(name: &str) -> Option<u32> {
    let mut luid = NET_LUID_LH::default();
    let mut index = 0;
    // SAFETY: the string ends with NUL; the results are ours to be filled, the second from the first.
    let found = unsafe {
        ConvertInterfaceAliasToLuid(wide(name).as_ptr(), &mut luid) == ERROR_SUCCESS
            && ConvertInterfaceLuidToIndex(&luid, &mut index) == ERROR_SUCCESS
    };
    if found { Some(index) } else { name.parse().ok() }
}

/// The name that people see.
pub fn interface_name(luid: &NET_LUID_LH) -> Option<String> {
    let mut name = [0; IF_MAX_STRING_SIZE as usize + 1];
    // SAFETY: the array gives pointer and length.
    let result = unsafe { ConvertInterfaceLuidToAlias(luid, name.as_mut_ptr(), name.len()) };
    let length = name.iter().position(|&unit| unit == 0)?;
    (result == ERROR_SUCCESS && length > 0).then(|| String::from_utf16_lossy(&name[..length]))
}
