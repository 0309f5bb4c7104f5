//! Windows: Winsock, events, the console. What connect() and its evidence need is in the files beside this one.
//!
//! One vocabulary: socket calls, the resolver and overlapped I/O share one number space, that of WSAGetLastError().
//! A call that older systems do not have fails at run time and leaves its fact unknown; nothing newer than Windows 8
//! is linked.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::windows::io::{AsHandle, AsRawSocket};
use std::time::Instant;

use socket2::{Domain, Socket, Type};
use windows_sys::Win32::Foundation::ERROR_PIPE_NOT_CONNECTED;
use windows_sys::Win32::Networking::WinSock::{
    IPPROTO_IPV6, IPV6_TCLASS, SOCKET, WSAEMSGSIZE, WSASYSCALLFAILURE, setsockopt,
};

use crate::model::{Code, Family, Mode, Protocol};

mod address;
mod connect;
mod console;
mod event;
mod evidence;
mod execute;
mod names;
mod trial;
mod wait;

pub use connect::{connect, connect_blocking};
pub use console::{
    Coloring, catch_requests, catch_signals, die_of, signal, status_width, take_request, terminal_width,
    without_signals,
};
pub use evidence::{can_trace, enable_icmp_errors, ip_versions, prepare_hold, route, take_messages, tcp_facts};
pub use execute::execute;
pub use names::{bind, bind_interface, has_route, interface_index, lookup, service, service_name};
pub use trial::{
    any_file, connect_cut, connect_file, connect_interrupted, disconnect, limit_handshake, platform, selected,
    uninitialised,
};
pub use wait::{Waiter, Waker};

/// The code behind an error of this layer.
pub fn code(error: &io::Error) -> Code {
    Code::Os(error.raw_os_error().unwrap_or(WSASYSCALLFAILURE))
}

/// Rust's own entry has done all that the process needs.
pub fn begin_process() {}

/// What limits the threads of a process.
pub const THREAD_LIMIT: &str = "the memory, and the limits of the job object";

/// Bytes of stack for GetAddrInfoW(), which runs namespace providers of third parties on it: as much as the first thread
/// of a program has.
pub const RESOLVER_STACK: usize = 1024 * 1024;

/// Threads need nothing here.
pub fn begin_threads() {}

/// Standard output: UTF-16 to a console, UTF-8 to everything else.
#[derive(Debug, Default)]
pub struct StandardOutput;

impl StandardOutput {
    /// A write to a pipe or a console has no limit here.
    pub fn set_deadline(&mut self, _: Instant) {}
}

impl io::Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        io::stdout().write(bytes).map_err(of_closed_pipe)
    }

    fn flush(&mut self) -> io::Result<()> {
        io::stdout().flush().map_err(of_closed_pipe)
    }
}

/// ERROR_PIPE_NOT_CONNECTED is a closed pipe, too; the standard library has no kind for it.
fn of_closed_pipe(error: io::Error) -> io::Error {
    let closed = error.raw_os_error() == Some(ERROR_PIPE_NOT_CONNECTED as i32);
    if closed { io::ErrorKind::BrokenPipe.into() } else { error }
}

/// Standard input; the standard library reads a console's UTF-16 as UTF-8.
pub fn standard_input_stream() -> impl io::Read + Send {
    io::stdin()
}

/// Standard input as a file, to see what it is and to go back in it.
///
/// # Errors
/// DuplicateHandle().
pub fn standard_input() -> io::Result<File> {
    Ok(io::stdin().as_handle().try_clone_to_owned()?.into())
}

/// A new socket for one attempt, which no child inherits.
///
/// # Errors
/// socket(): WSAEAFNOSUPPORT, WSAEMFILE, WSAENOBUFS.
pub fn socket(address: SocketAddr, protocol: Protocol, mode: Mode) -> io::Result<Socket> {
    let kind = match protocol {
        Protocol::Tcp => Type::STREAM,
        Protocol::Udp => Type::DGRAM,
    };
    let socket = Socket::new_raw(Domain::for_address(address), kind.no_inherit(), None)?;
    // An IPv6 socket speaks IPv6 only unless this is cleared.
    if evidence::is_mapped(address) {
        socket.set_only_v6(false)?;
    }
    // A datagram socket never waits in connect(); its reply is waited for with a limit in either mode.
    if mode == Mode::Nonblocking || protocol == Protocol::Udp {
        socket.set_nonblocking(true)?;
    }
    Ok(socket)
}

/// IP_TOS or IPV6_TCLASS. Whether a packet bears it is up to the system's policy, which by default says no
/// (DisableUserTOSSetting); the system does not tell.
///
/// # Errors
/// setsockopt(): WSAENOPROTOOPT, WSAEINVAL where the system has no such option.
pub fn set_tos(socket: &Socket, tos: u32, family: Family) -> io::Result<()> {
    match family {
        Family::V4 => socket.set_tos_v4(tos),
        Family::V6 => set_option(socket, IPPROTO_IPV6, IPV6_TCLASS, tos),
    }
}

/// Whether recv() complains that the datagram was longer than the buffer.
pub fn is_truncation(error: &io::Error) -> bool {
    error.raw_os_error() == Some(WSAEMSGSIZE)
}

/// How many sockets this process may have open: sockets are handles, of which a process has 16 million; memory ends
/// before.
pub fn descriptor_limit() -> usize {
    1 << 24
}

/// Those that the process has do not count: the limit is far away.
pub fn open_descriptors(_: usize) -> usize {
    0
}

/// There is nothing to raise.
pub fn raise_descriptor_limit(_: usize) -> usize {
    descriptor_limit()
}

fn raw(socket: &Socket) -> SOCKET {
    socket.as_raw_socket() as SOCKET
}

/// An option whose value is a DWORD.
fn set_option(socket: &Socket, level: i32, option: i32, value: u32) -> io::Result<()> {
    let bytes = value.to_ne_bytes();
    // SAFETY: the array gives pointer and length; the system copies it.
    match unsafe { setsockopt(raw(socket), level, option, bytes.as_ptr(), bytes.len() as i32) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
