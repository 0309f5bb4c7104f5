//! What the self-test asks of the system, and nothing else does.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::fs::File;
use std::io;
use std::os::windows::io::AsRawHandle;
use std::time::{Duration, Instant};

use socket2::{SockAddr, Socket};
use windows_sys::Win32::Networking::WinSock::{
    AF_INET, FD_SET, INVALID_SOCKET, IPPROTO_TCP, SOCK_STREAM, SOCKADDR, SOCKADDR_IN, SOCKET, SOCKET_ERROR, TCP_MAXRT,
    TIMEVAL, WSAGetLastError, connect, select, socket,
};
use windows_sys::Win32::System::LibraryLoader::{GetModuleHandleW, GetProcAddress};
use windows_sys::w;

use super::connect::guarded;
use super::{raw, set_option};
use crate::classify::documented::Platform;
use crate::net::clock;
use crate::net::sys::Selected;

/// Windows, or Wine, which says so of itself (wine_get_version() of ntdll).
pub fn platform() -> Option<Platform> {
    // SAFETY: both names end with NUL; ntdll is in every process.
    let wine =
        unsafe { GetProcAddress(GetModuleHandleW(w!("ntdll.dll")), c"wine_get_version".as_ptr().cast()) }.is_some();
    Some(if wine { Platform::Wine } else { Platform::Windows })
}

/// The error of socket() before WSAStartup(); `None` where something has called WSAStartup() already. The standard
/// library calls it before its first socket.
pub fn uninitialised() -> Option<io::Error> {
    // SAFETY: the call has no conditions; a socket that it makes lives as long as the process.
    match unsafe { socket(i32::from(AF_INET), SOCK_STREAM, IPPROTO_TCP) } {
        // SAFETY: the call has no conditions.
        INVALID_SOCKET => Some(io::Error::from_raw_os_error(unsafe { WSAGetLastError() })),
        _ => None,
    }
}

/// connect() with the first `length` bytes of the address.
///
/// # Errors
/// connect().
pub fn connect_cut(socket: &Socket, address: &SockAddr, length: usize) -> io::Result<()> {
    connect_raw(raw(socket), address.as_ptr().cast(), length.min(address.len() as usize))
}

/// A file that is there on every system: this program.
///
/// # Errors
/// GetModuleFileNameW(), CreateFileW().
pub fn any_file() -> io::Result<File> {
    File::open(std::env::current_exe()?)
}

/// connect() on a handle that is not a socket.
///
/// # Errors
/// connect().
pub fn connect_file(file: &File, address: &SockAddr) -> io::Result<()> {
    connect_raw(file.as_raw_handle() as SOCKET, address.as_ptr().cast(), address.len() as usize)
}

/// connect() with an address structure of zeros, whose family is AF_UNSPEC.
///
/// # Errors
/// connect().
pub fn disconnect(socket: &Socket) -> io::Result<()> {
    let zeros = SOCKADDR_IN::default();
    connect_raw(raw(socket), (&raw const zeros).cast(), size_of_val(&zeros))
}

fn connect_raw(handle: SOCKET, name: *const SOCKADDR, length: usize) -> io::Result<()> {
    // SAFETY: the callers' handles are open; so many bytes at `name` are theirs; the call only reads them.
    match unsafe { connect(handle, name, length as i32) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// select() with the socket in all three sets, until `until` at most.
///
/// # Errors
/// select().
pub fn selected(socket: &Socket, until: Instant) -> io::Result<Selected> {
    let set = || {
        let mut set = FD_SET { fd_count: 1, ..FD_SET::default() };
        set.fd_array[0] = raw(socket);
        set
    };
    let (mut reads, mut writes, mut exceptions) = (set(), set(), set());
    let left = until.saturating_duration_since(clock::now());
    let left = TIMEVAL { tv_sec: left.as_secs() as i32, tv_usec: left.subsec_micros() as i32 };
    // SAFETY: the sets and the limit are ours for the time of the call.
    match unsafe { select(0, &mut reads, &mut writes, &mut exceptions, &left) } {
        SOCKET_ERROR => Err(io::Error::last_os_error()),
        _ => Ok(Selected {
            readable: reads.fd_count > 0,
            writable: writes.fd_count > 0,
            exception: exceptions.fd_count > 0,
        }),
    }
}

/// A blocking connect() that CancelIoEx() ends at `at`.
///
/// # Errors
/// connect(): WSA_OPERATION_ABORTED, WSAEINTR.
pub fn connect_interrupted(socket: &Socket, address: &SockAddr, at: Instant) -> io::Result<()> {
    guarded(socket, address, Some(at))?
}

/// Sets the shortest time after which the system itself gives a handshake up: a second by TCP_MAXRT, which counts
/// refusals as silence.
///
/// # Errors
/// setsockopt().
pub fn limit_handshake(socket: &Socket) -> io::Result<()> {
    set_option(socket, IPPROTO_TCP, TCP_MAXRT as i32, Duration::from_secs(1).as_secs() as u32)
}
