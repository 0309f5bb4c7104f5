//! Unix: errno, descriptors, standard streams. The rest of the page is in the files beside this one; what only Linux or
//! the BSDs have is in theirs.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::fs::File;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};

use crate::model::{Code, Family, Mode, Protocol};
use crate::net::clock;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::{
    COUNTS, Routes, bind, bind_interface, can_trace, counters, discarded, enable_icmp_errors, ip_versions, is_clean,
    is_filtered, limit_handshake, neighbours, prepare_hold, renew, routes, set_least_ttl, take_messages, tcp_facts,
};

#[cfg(not(target_os = "linux"))]
mod bsd;
#[cfg(not(target_os = "linux"))]
pub use bsd::{
    bind, bind_interface, can_trace, enable_icmp_errors, ip_versions, limit_handshake, prepare_hold, route,
    take_messages, tcp_facts,
};

mod alarm;
mod connect;
mod execute;
mod names;
mod signals;
mod trial;
mod wait;

pub use connect::{connect, connect_blocking};
pub use execute::execute;
pub use names::{has_route, interface_index, lookup, service, service_name};
pub use signals::{catch_requests, catch_signals, die_of, signal, take_request, without_signals};
pub use trial::{
    any_file, connect_cut, connect_file, connect_interrupted, disconnect, platform, selected, uninitialised,
};
pub use wait::{Waiter, Waker};

/// The code behind an error of this layer.
pub fn code(error: &io::Error) -> Code {
    Code::Os(error.raw_os_error().unwrap_or(libc::EIO))
}

/// The disposition of SIGPIPE before this program changed it.
static PIPE_SIGNAL: AtomicUsize = AtomicUsize::new(libc::SIG_DFL);

/// The soft limit of descriptors before this program raised it.
static DESCRIPTORS: OnceLock<libc::rlim_t> = OnceLock::new();

/// Gives the process back what it was started with, for another program.
fn restore_process() {
    // SAFETY: the disposition was valid before.
    unsafe { libc::signal(libc::SIGPIPE, PIPE_SIGNAL.load(Ordering::Relaxed)) };
    if let (Some(&soft), Ok((_, hard))) = (DESCRIPTORS.get(), getrlimit(Resource::RLIMIT_NOFILE)) {
        let _ = setrlimit(Resource::RLIMIT_NOFILE, soft, hard);
    }
}

/// What Rust's entry does for a program, for the one that has its own: a closed pipe is an error and no signal, and no
/// socket may take the place of a standard stream that was closed, or results would be written to the peer.
pub fn begin_process() {
    let mut streams = [0, 1, 2].map(|fd| libc::pollfd { fd, events: 0, revents: 0 });
    // What takes its place is opened the other way round, so that a result that nobody gets is an error, and no loss.
    // SAFETY: the array gives pointer and length; open() takes a string that ends with a NUL and gives the lowest free
    // number, which is that of the stream; SIG_IGN is a valid disposition.
    unsafe {
        PIPE_SIGNAL.store(libc::signal(libc::SIGPIPE, libc::SIG_IGN), Ordering::Relaxed);
        libc::poll(streams.as_mut_ptr(), 3, 0);
        for stream in streams.iter().filter(|stream| stream.revents & libc::POLLNVAL != 0) {
            let flags = if stream.fd == libc::STDIN_FILENO { libc::O_WRONLY } else { libc::O_RDONLY };
            libc::open(c"/dev/null".as_ptr(), flags);
        }
    }
}

/// Standard output, unbuffered: the standard library's takes a closed one for a success, and one that somebody else
/// made nonblocking for a failure.
#[derive(Debug, Default)]
pub struct StandardOutput {
    deadline: Option<Instant>,
    stalled: bool,
}

/// How long a reader may take nothing once the deadline has passed.
const PATIENCE: Duration = Duration::from_secs(1);

impl StandardOutput {
    /// From this instant on a reader that has stopped reading is an error; without it, it is waited for.
    pub fn set_deadline(&mut self, deadline: Instant) {
        self.deadline = Some(deadline);
    }

    /// How much may be written without waiting longer than the deadline allows.
    fn room(&mut self, bytes: usize) -> io::Result<usize> {
        let Some(deadline) = self.deadline else { return Ok(bytes) };
        let patience = if self.stalled { Duration::ZERO } else { PATIENCE };
        self.stalled = !await_reader(Some(deadline.max(clock::now() + patience)))?;
        if self.stalled {
            return Err(io::Error::new(io::ErrorKind::TimedOut, "the reader of standard output has stopped reading"));
        }
        // pipe(7): a pipe that is writable takes so many bytes at once.
        Ok(bytes.min(libc::PIPE_BUF))
    }
}

impl io::Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let bytes = &bytes[..self.room(bytes.len())?];
        loop {
            match nix::unistd::write(stdout(), bytes) {
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => drop(await_reader(None)?),
                result => return Ok(result?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn stdout() -> BorrowedFd<'static> {
    // SAFETY: the stream is open as long as the process, see begin_process().
    unsafe { BorrowedFd::borrow_raw(libc::STDOUT_FILENO) }
}

/// Whether standard output takes something before `until`.
fn await_reader(until: Option<Instant>) -> io::Result<bool> {
    loop {
        let left = until.map(|until| until.saturating_duration_since(clock::now()));
        let millis = left.map(|left| left.as_micros().div_ceil(1000));
        let timeout =
            millis.map_or(PollTimeout::NONE, |millis| PollTimeout::try_from(millis).unwrap_or(PollTimeout::MAX));
        match nix::poll::poll(&mut [PollFd::new(stdout(), PollFlags::POLLOUT)], timeout) {
            Err(Errno::EINTR) => {}
            Ok(0) if until.is_some_and(|until| clock::now() < until) => {}
            found => return Ok(found? > 0),
        }
    }
}

/// Standard input, unbuffered; it waits, also where somebody else made it nonblocking.
pub fn standard_input_stream() -> impl io::Read + Send {
    StandardInput
}

struct StandardInput;

impl io::Read for StandardInput {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let stdin = io::stdin();
        loop {
            match nix::unistd::read(&stdin, buffer) {
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    nix::poll::poll(&mut [PollFd::new(stdin.as_fd(), PollFlags::POLLIN)], PollTimeout::NONE)?;
                }
                result => return Ok(result?),
            }
        }
    }
}

/// Standard input as a file, to see what it is and to go back in it.
///
/// # Errors
/// dup(2).
pub fn standard_input() -> io::Result<File> {
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

/// What limits the threads of a process.
pub const THREAD_LIMIT: &str = "ulimit -u, the limit of the pids cgroup, and the sandbox";

/// Bytes of stack for getaddrinfo(), which needs some tens of kilobytes; the default of 2 MiB would only cost address
/// space.
pub const RESOLVER_STACK: usize = 256 * 1024;

/// Keeps glibc from giving each thread an arena of its own: lookups allocate little, and address space and four system
/// calls a thread are saved.
pub fn begin_threads() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt(3) sets a parameter of the allocator.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Cells of a line of the terminal on standard output; `None` where it is no terminal, or does not tell.
pub fn terminal_width() -> Option<usize> {
    width(libc::STDOUT_FILENO)
}

/// The same of the terminal on standard error.
pub fn status_width() -> Option<usize> {
    width(libc::STDERR_FILENO)
}

fn width(terminal: libc::c_int) -> Option<usize> {
    // SAFETY: zero is a valid winsize; the kernel fills the structure.
    let columns = unsafe {
        let mut size: libc::winsize = std::mem::zeroed();
        (libc::ioctl(terminal, libc::TIOCGWINSZ, &mut size) == 0).then_some(size.ws_col)
    };
    columns.filter(|&columns| columns > 0).map(usize::from)
}

/// Terminals understand colours by themselves.
#[derive(Debug)]
pub struct Coloring;

impl Coloring {
    /// Nothing to change, and nothing to restore.
    pub fn begin() -> Self {
        Coloring
    }
}

/// A new socket for one attempt, closed on exec.
///
/// # Errors
/// socket(2): EAFNOSUPPORT, EMFILE, ENFILE, EACCES, ENOBUFS, ENOMEM.
pub fn socket(address: SocketAddr, protocol: Protocol, mode: Mode) -> io::Result<Socket> {
    let kind = match protocol {
        Protocol::Tcp => Type::STREAM,
        Protocol::Udp => Type::DGRAM,
    };
    // A datagram socket never waits in connect(); its reply is waited for with a limit in either mode.
    let nonblocking = mode == Mode::Nonblocking || protocol == Protocol::Udp;
    new_socket(Domain::for_address(address), kind, nonblocking)
}

#[cfg(not(target_vendor = "apple"))]
fn new_socket(domain: Domain, kind: Type, nonblocking: bool) -> io::Result<Socket> {
    let kind = kind.cloexec();
    Socket::new_raw(domain, if nonblocking { kind.nonblocking() } else { kind }, None)
}

#[cfg(target_vendor = "apple")]
fn new_socket(domain: Domain, kind: Type, nonblocking: bool) -> io::Result<Socket> {
    let socket = Socket::new(domain, kind, None)?;
    socket.set_nonblocking(nonblocking)?;
    Ok(socket)
}

/// IP_TOS or IPV6_TCLASS.
///
/// # Errors
/// setsockopt(2).
pub fn set_tos(socket: &Socket, tos: u32, family: Family) -> io::Result<()> {
    match family {
        Family::V4 => socket.set_tos_v4(tos),
        Family::V6 => socket.set_tclass_v6(tos),
    }
}

/// Whether recv() complains that the datagram was longer than the buffer: it is cut silently here (recv(2)).
pub fn is_truncation(_: &io::Error) -> bool {
    false
}

/// How many descriptors this process may have open.
pub fn descriptor_limit() -> usize {
    let limit = getrlimit(Resource::RLIMIT_NOFILE);
    limit.map_or(256, |(soft, _)| usize::try_from(soft).unwrap_or(usize::MAX))
}

/// How many descriptors below `limit` are open; programs that start others may leave them theirs. poll(2) tells in one
/// call: POLLNVAL is for what is not open.
pub fn open_descriptors(limit: usize) -> usize {
    // More than this many leave enough.
    const LOOKED_AT: usize = 4096;
    let numbers = 0..limit.min(LOOKED_AT) as libc::c_int;
    let mut fds: Vec<libc::pollfd> = numbers.map(|fd| libc::pollfd { fd, events: 0, revents: 0 }).collect();
    // SAFETY: the vector gives pointer and length; with a timeout of zero nothing is waited for.
    unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, 0) };
    fds.iter().filter(|fd| fd.revents & libc::POLLNVAL == 0).count()
}

/// Raises the limit to `wanted`, as far as the hard limit allows; gives what it is then.
pub fn raise_descriptor_limit(wanted: usize) -> usize {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let target = hard.min(wanted.try_into().unwrap_or(hard));
        if target > soft {
            // Refused, it stays as it is, which is what the next line reads.
            DESCRIPTORS.get_or_init(|| soft);
            let _ = setrlimit(Resource::RLIMIT_NOFILE, target, hard);
        }
    }
    descriptor_limit()
}
