//! Interfaces, by the ioctls of netdevice(7). if_nametoindex(3) and if_indextoname(3) open and close a socket each time;
//! these use the one that asks for routes.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::os::fd::AsRawFd;

use libc::ifreq;

use super::netlink;

/// The name of an interface.
pub fn name(index: u32) -> Option<String> {
    let mut request = empty();
    request.ifr_ifru.ifru_ifindex = index.try_into().ok()?;
    let name = ask(libc::SIOCGIFNAME, request)?.ifr_name;
    let bytes = name.iter().take_while(|&&byte| byte != 0).map(|&byte| byte as u8).collect();
    String::from_utf8(bytes).ok()
}

/// The index of an interface.
pub fn index(name: &str) -> Option<u32> {
    let answer = ask(libc::SIOCGIFINDEX, named(name)?)?;
    // SAFETY: the kernel has filled in this part of the union.
    unsafe { answer.ifr_ifru.ifru_ifindex }.try_into().ok()
}

/// Whether packets that leave by that interface need the link address of a neighbour.
pub fn needs_neighbours(name: &str) -> Option<bool> {
    const NONE: i32 = libc::IFF_NOARP | libc::IFF_POINTOPOINT | libc::IFF_LOOPBACK;
    let answer = ask(libc::SIOCGIFFLAGS, named(name)?)?;
    // SAFETY: the kernel has filled in this part of the union.
    let flags = i32::from(unsafe { answer.ifr_ifru.ifru_flags });
    Some(flags & NONE == 0)
}

fn named(name: &str) -> Option<ifreq> {
    let mut request = empty();
    // The last byte stays 0.
    let room = request.ifr_name.len().checked_sub(1).filter(|&room| name.len() <= room)?;
    for (to, &from) in request.ifr_name[..room].iter_mut().zip(name.as_bytes()) {
        *to = from as libc::c_char;
    }
    Some(request)
}

fn empty() -> ifreq {
    // SAFETY: zero is a valid value of all its parts.
    unsafe { std::mem::zeroed() }
}

fn ask(command: libc::Ioctl, mut request: ifreq) -> Option<ifreq> {
    netlink::with_socket(|socket| {
        // SAFETY: these commands read and write one ifreq, which lives through the call.
        let result = unsafe { libc::ioctl(socket.as_raw_fd(), command, &raw mut request) };
        (result == 0).then_some(request)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loopback_is_known_by_name_and_by_index() {
        assert_eq!(name(1).as_deref(), Some("lo"));
        assert_eq!((index("lo"), needs_neighbours("lo")), (Some(1), Some(false)));
        assert_eq!((index("no-such-interface"), index("nosuch0"), name(u32::MAX)), (None, None, None));
    }
}
