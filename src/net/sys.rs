//! The page that lists what a platform must export; everything above it is the same on every system.
//!
//! | item | what it does |
//! |---|---|
//! | [`code`] | the raw code behind an error |
//! | [`Waiter`], [`Waker`] | wait for sockets, a wake-up from another thread, a signal or an instant |
//! | [`catch_signals`], [`signal`] | SIGINT and SIGTERM (Windows: Ctrl-C, close) end the run, not the process |
//! | [`catch_requests`], [`take_request`] | SIGQUIT, and Enter on a terminal (Windows: Ctrl-Break), ask for the statistics so far |
//! | [`die_of`] | and then the process, as if the signal had not been caught |
//! | [`execute`] | a command takes the place of the process |
//! | [`without_signals`], [`RESOLVER_STACK`] | makes a thread that takes no signal; its stack for a lookup |
//! | [`THREAD_LIMIT`] | what limits threads, for people |
//! | [`socket`] | a new socket for one attempt |
//! | [`connect`] | connect() that returns at once, in words that are the same everywhere |
//! | [`connect_blocking`] | connect() that waits, until an instant at most |
//! | [`take_error`] | takes the pending error (SO_ERROR), which clears it |
//! | [`enable_icmp_errors`], [`take_messages`] | ask for, and take, the ICMP messages about a socket |
//! | [`prepare_hold`] | readies a connection for being held |
//! | [`tcp_facts`] | what the kernel's TCP counted |
//! | [`can_trace`] | whether the messages of hops can be read |
//! | [`COUNTS`], [`counters`] | whether there are counters of the network, and what they say |
//! | [`set_least_ttl`], [`discarded`] | take no packet that came too far; how many were not taken |
//! | [`is_filtered`] | whether connect() was answered before TCP |
//! | [`renew`], [`is_clean`] | a socket whose connect was refused, or given up, is as good as new |
//! | [`routes`], [`neighbours`] | what the routing table says, and what is known of next hops |
//! | [`ip_versions`] | which versions of IP a socket for an address speaks |
//! | [`bind`] | a source address |
//! | [`bind_interface`], [`interface_index`] | interfaces by name |
//! | [`lookup`], [`service`] | getaddrinfo with its own codes |
//! | [`service_name`] | the services database, from port to name |
//! | [`has_route`] | whether this machine knows a way to an address |
//! | [`set_tos`], [`is_truncation`] | one option and one error that differ in name only |
//! | [`Coloring`] | a terminal understands colours while it lives |
//! | [`terminal_width`], [`status_width`] | cells of a line on standard output, on standard error |
//! | [`StandardOutput`], [`standard_input_stream`], [`standard_input`] | the streams, with their errors |
//! | [`begin_process`], [`begin_threads`] | what the process needs before anything else, and before its first thread |
//! | [`descriptor_limit`], [`raise_descriptor_limit`], [`open_descriptors`] | how many sockets may be open |
//! | [`platform`] | which system this is, for the self-test; the rest of this list is for it alone |
//! | [`uninitialised`] | the error of socket() before WSAStartup() |
//! | [`connect_cut`] | connect() with too few bytes of an address |
//! | [`any_file`], [`connect_file`] | connect() on what is not a socket |
//! | [`disconnect`] | connect() with an address of zeros |
//! | [`connect_interrupted`] | a blocking connect() that is interrupted |
//! | [`limit_handshake`] | the shortest limit that the system itself sets to a handshake |
//! | [`selected`] | select() with one socket in all sets |
//! | [`Routes`] | connect() by missing and forbidding routes, in a network of a child |
//!
//! A quirk of a system lives in the file of that system and never above it.

use std::net::SocketAddr;
use std::time::SystemTime;

use socket2::Socket;

use crate::model::{Code, Icmp, Protocol};

#[cfg(unix)]
mod unix;
#[cfg(unix)]
pub use unix::*;

#[cfg(windows)]
mod windows;
#[cfg(windows)]
pub use windows::*;

#[cfg(not(target_os = "linux"))]
mod only_linux;
#[cfg(not(target_os = "linux"))]
pub use only_linux::*;

#[cfg(not(any(unix, windows)))]
compile_error!("rconnect knows Unix and Windows sockets only; add a file beside sys/unix.rs for this system");

/// Descriptors that are no sockets of attempts: standard streams, a file of targets, the wake-up pipe.
pub const SPARE_DESCRIPTORS: usize = 8;

/// The three of [`SPARE_DESCRIPTORS`] that every process has.
pub const STANDARD_STREAMS: usize = 3;

/// Takes the pending error (SO_ERROR), which clears it; `None` when there is none.
pub fn take_error(socket: &Socket) -> Option<Code> {
    match socket.take_error() {
        Ok(error) => error.as_ref().map(code),
        Err(error) => Some(code(&error)),
    }
}

/// What getaddrinfo() gave: addresses in its order, and the name that they belong to, where it told one.
pub type Found = (Vec<SocketAddr>, Option<String>);

/// What a call of connect() said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Called {
    /// Connected (or, for a datagram socket, associated).
    Done,
    /// Under way: EINPROGRESS / WSAEWOULDBLOCK, or EINTR, after which the kernel goes on.
    Pending(Code),
    /// The call itself failed.
    Failed(Code),
    /// A blocking call reached its limit; the kernel had not given up.
    #[cfg_attr(unix, expect(dead_code, reason = "a timer interrupts the call there"))]
    Limit,
}

/// What a socket is ready for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ready {
    /// The connect has ended (POLLOUT or POLLHUP), or something can be read: a datagram, data, an error or the end.
    pub ended: bool,
    /// An ICMP message is queued; alone it does not end anything.
    pub message: bool,
    /// The code with which the connect ended, where the wait itself tells (Winsock's FD_CONNECT).
    pub error: Option<Code>,
}

/// What select() says of one socket.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Selected {
    /// It is in the set of readable sockets.
    pub readable: bool,
    /// It is in the set of writable sockets.
    pub writable: bool,
    /// It is in the set of exceptions.
    pub exception: bool,
}

/// An ICMP message with the code that the kernel made of it.
#[derive(Debug, Clone)]
pub struct Message {
    /// The message; `at`, `count` and `decisive` are filled in above.
    pub icmp: Icmp,
    /// The kernel's code for it.
    pub errno: i32,
    /// When it came.
    pub arrival: Option<SystemTime>,
}

/// Which route would packets take?
#[derive(Debug, Clone, Copy)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "the others ask less, or nothing"))]
pub struct RouteQuestion<'a> {
    /// Address and port.
    pub destination: SocketAddr,
    /// Transport protocol.
    pub protocol: Protocol,
    /// Those of this socket, with its own address where it has one; `None`: those of a socket that is not bound.
    pub socket: Option<(&'a Socket, Option<SocketAddr>)>,
}

/// What is asked of a socket before connect().
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Interest {
    /// Completion of connect().
    Connect,
    /// A datagram, or what comes over a connection, its end included.
    Read,
}
