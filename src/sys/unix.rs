//! Unix: poll(2), errno, getaddrinfo(3). What only Linux has is in the files beside this one.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::ffi::{CStr, CString};
use std::fs::File;
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, SockAddr, Socket, Type};

use super::{Called, Family, Interest, Ready, Signal};
use crate::clock;
use crate::outcome::{Mode, Protocol};
use crate::taxonomy::Code;

#[cfg(target_os = "linux")]
mod linux;
#[cfg(target_os = "linux")]
pub use linux::{bind_interface, can_trace, is_unresolved, messages, route, tcp_facts, versions, watch};

#[cfg(not(target_os = "linux"))]
mod bsd;
#[cfg(not(target_os = "linux"))]
pub use bsd::{bind_interface, can_trace, is_unresolved, messages, route, tcp_facts, versions, watch};

/// The code behind an error of this layer.
pub fn code(error: &io::Error) -> Code {
    Code::Os(error.raw_os_error().unwrap_or(libc::EIO))
}

/// What Rust's entry does for a program, for the one that has its own: a closed pipe is an error and no signal, and no
/// socket may take the place of a standard stream that was closed, or results would be written to the peer.
pub fn begin_process() {
    let mut streams = [0, 1, 2].map(|fd| libc::pollfd { fd, events: 0, revents: 0 });
    // What takes its place is opened the other way round, so that a result that nobody gets is an error, and no loss.
    // SAFETY: the array gives pointer and length; open() takes a string that ends with a NUL and gives the lowest free
    // number, which is that of the stream; SIG_IGN is a valid disposition.
    unsafe {
        libc::signal(libc::SIGPIPE, libc::SIG_IGN);
        libc::poll(streams.as_mut_ptr(), 3, 0);
        for stream in streams.iter().filter(|stream| stream.revents & libc::POLLNVAL != 0) {
            let flags = if stream.fd == libc::STDIN_FILENO { libc::O_WRONLY } else { libc::O_RDONLY };
            libc::open(c"/dev/null".as_ptr(), flags);
        }
    }
}

/// Standard output, unbuffered: the standard library's takes a closed one for a success, and one that somebody else
/// made nonblocking for a failure.
pub fn standard_output() -> impl io::Write {
    StandardOutput
}

struct StandardOutput;

impl io::Write for StandardOutput {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // SAFETY: the stream is open as long as the process, see begin_process().
        let stream = unsafe { BorrowedFd::borrow_raw(libc::STDOUT_FILENO) };
        loop {
            match nix::unistd::write(stream, bytes) {
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => {
                    nix::poll::poll(&mut [PollFd::new(stream, PollFlags::POLLOUT)], PollTimeout::NONE)?;
                }
                result => return Ok(result?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Standard input as a file, to see what it is and to go back in it.
///
/// # Errors
/// dup(2).
pub fn standard_input() -> io::Result<File> {
    Ok(io::stdin().as_fd().try_clone_to_owned()?.into())
}

/// Keeps glibc from giving each thread an arena of its own: lookups allocate little, and address space and four system
/// calls a thread are saved.
pub fn begin_threads() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: mallopt(3) sets a parameter of the allocator.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
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

// --- signals ------------------------------------------------------------------------------------------------------

static CAUGHT: AtomicI32 = AtomicI32::new(0);

extern "C" fn on_signal(number: libc::c_int) {
    CAUGHT.store(number, Ordering::Relaxed);
}

/// Makes SIGINT and SIGTERM end the run instead of the process.
///
/// They stay blocked but for the moments in which we wait, so that none falls between the look at the flag and the
/// wait (sigaction(2), ppoll(2)); no SA_RESTART, so that a blocking connect() returns EINTR.
pub fn catch_signals() {
    // SAFETY: the structures are zeroed, then filled by the calls that own their layout; the handler only stores to
    // an atomic, which signal-safety(7) allows.
    unsafe {
        let mut action: libc::sigaction = std::mem::zeroed();
        action.sa_sigaction = on_signal as *const () as libc::sighandler_t;
        for signal in [libc::SIGINT, libc::SIGTERM] {
            let mut before: libc::sigaction = std::mem::zeroed();
            libc::sigaction(signal, &action, &mut before);
            // nohup(1), or a shell that started us in the background, had it ignored: it stays so.
            if before.sa_sigaction == libc::SIG_IGN {
                libc::sigaction(signal, &before, ptr::null_mut());
            }
        }
        // Stopped and continued, a wait would go on with what was left of it: woken, it looks at the clock.
        action.sa_sigaction = on_continue as *const () as libc::sighandler_t;
        libc::sigaction(libc::SIGCONT, &action, ptr::null_mut());
        mask(libc::SIG_BLOCK);
    }
}

extern "C" fn on_continue(_: libc::c_int) {}

/// The signal that came, if one did.
pub fn signal() -> Option<Signal> {
    match CAUGHT.load(Ordering::Relaxed) {
        libc::SIGINT => Some(Signal::Interrupt),
        libc::SIGTERM => Some(Signal::Terminate),
        _ => None,
    }
}

fn mask(how: libc::c_int) {
    // SAFETY: sigemptyset() initialises the set before it is read.
    unsafe {
        let mut set: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGINT);
        libc::sigaddset(&mut set, libc::SIGTERM);
        libc::pthread_sigmask(how, &set, ptr::null_mut());
    }
}

// --- waiting ------------------------------------------------------------------------------------------------------

/// Sockets in flight, by key, and the means to wait for them.
///
/// poll(2) and not a wrapper around epoll: POLLERR alone means "a message is queued, the connect goes on" and must be
/// told from POLLERR with POLLOUT or POLLHUP, which mean the end; mio and polling fold the two into one.
#[derive(Default)]
pub struct Waiter {
    fds: Vec<libc::pollfd>,
    keys: Vec<usize>,
    places: Vec<usize>,
    pipe: Option<(OwnedFd, Arc<OwnedFd>)>,
}

/// Wakes a [`Waiter`] from another thread.
#[derive(Clone)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Ends the wait that is under way, or the next one.
    pub fn wake(&self) {
        // A full pipe has woken the reader already.
        let _ = nix::unistd::write(&*self.0, &[0]);
    }
}

/// Key of the waiter's own pipe.
const PIPE: usize = usize::MAX;

impl Waiter {
    /// A waiter without sockets; makes no system call.
    pub fn new() -> Self {
        Self::default()
    }

    /// A handle for other threads. The pipe behind it is made at the first call.
    ///
    /// # Errors
    /// EMFILE and the like from pipe(2).
    pub fn waker(&mut self) -> io::Result<Waker> {
        if self.pipe.is_none() {
            let (read, write) = io::pipe()?;
            let (read, write) = (OwnedFd::from(read), OwnedFd::from(write));
            nix::fcntl::fcntl(&read, nix::fcntl::FcntlArg::F_SETFL(nix::fcntl::OFlag::O_NONBLOCK))?;
            self.push(PIPE, read.as_raw_fd(), libc::POLLIN);
            self.pipe = Some((read, Arc::new(write)));
        }
        let (_, write) = self.pipe.as_ref().ok_or(io::ErrorKind::NotFound)?;
        Ok(Waker(Arc::clone(write)))
    }

    /// Waits for `socket` under `key` from now on.
    ///
    /// # Errors
    /// None on this system.
    pub fn add(&mut self, key: usize, socket: &Socket, interest: Interest) -> io::Result<()> {
        let events = match interest {
            Interest::Connect => libc::POLLOUT,
            Interest::Read => libc::POLLIN,
        };
        if self.places.len() <= key {
            self.places.resize(key + 1, usize::MAX);
        }
        self.places[key] = self.fds.len();
        self.push(key, socket.as_raw_fd(), events);
        Ok(())
    }

    /// Forgets the socket under `key`.
    pub fn remove(&mut self, key: usize) {
        let place = std::mem::replace(&mut self.places[key], usize::MAX);
        self.fds.swap_remove(place);
        self.keys.swap_remove(place);
        match self.keys.get(place) {
            Some(&PIPE) | None => {}
            Some(&moved) => self.places[moved] = place,
        }
    }

    /// Waits until something is ready, a signal comes, or `until` has passed; fills `ready`.
    ///
    /// # Errors
    /// What poll(2) returns other than EINTR.
    pub fn wait(&mut self, until: Option<Instant>, ready: &mut Vec<(usize, Ready)>) -> io::Result<()> {
        ready.clear();
        loop {
            let found = poll(&mut self.fds, until.map(nap))?;
            if found > 0 {
                break;
            }
            // The kernel adds up to 0.1 % of the time asked for (select_estimate_accuracy in fs/select.c), one
            // millisecond a second: nap() asks for a little less, and the short rest is asked for again.
            if signal().is_some() || until.is_some_and(|until| until <= clock::now()) {
                return Ok(());
            }
        }
        for (fd, &key) in self.fds.iter().zip(&self.keys).filter(|(fd, _)| fd.revents != 0) {
            if key == PIPE {
                self.pipe.iter().for_each(|(read, _)| empty(read));
            } else {
                ready.push((key, readiness(fd.revents)));
            }
        }
        Ok(())
    }

    fn push(&mut self, key: usize, fd: RawFd, events: libc::c_short) {
        self.fds.push(libc::pollfd { fd, events, revents: 0 });
        self.keys.push(key);
    }
}

/// What is left until an instant, less the 0.2 % by which the kernel may be late; never rounded down to a busy loop.
fn nap(until: Instant) -> Duration {
    let left = until.saturating_duration_since(clock::now());
    left - left / 500
}

fn readiness(revents: libc::c_short) -> Ready {
    Ready {
        ended: revents & (libc::POLLOUT | libc::POLLHUP | libc::POLLIN) != 0,
        message: revents & libc::POLLERR != 0,
        error: None,
    }
}

fn empty(pipe: &OwnedFd) {
    let mut buffer = [0; 64];
    while nix::unistd::read(pipe, &mut buffer).is_ok_and(|count| count == buffer.len()) {}
}

/// ppoll(2) with SIGINT and SIGTERM let in; the number of descriptors that are ready, 0 also after a signal.
#[cfg(not(target_vendor = "apple"))]
fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    let timeout = timeout.map(timespec);
    let timeout = timeout.as_ref().map_or(ptr::null(), ptr::from_ref);
    // SAFETY: the slice gives pointer and length; the set is initialised by sigemptyset(); the timeout lives on.
    let found = unsafe {
        let mut none: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&mut none);
        libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout, &none)
    };
    uninterrupted(found)
}

/// macOS has no ppoll(2): the signals are let in around poll(2), and one that falls into the gap is seen a tenth of a
/// second later.
#[cfg(target_vendor = "apple")]
fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>) -> io::Result<usize> {
    let gap = Duration::from_millis(100);
    let nap = timeout.map_or(gap, |timeout| timeout.min(gap));
    let millis = nap.as_micros().div_ceil(1000) as libc::c_int;
    mask(libc::SIG_UNBLOCK);
    // SAFETY: the slice gives pointer and length.
    let found = unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, millis) };
    let result = uninterrupted(found);
    mask(libc::SIG_BLOCK);
    result
}

fn uninterrupted(found: libc::c_int) -> io::Result<usize> {
    match usize::try_from(found) {
        Ok(found) => Ok(found),
        Err(_) => match io::Error::last_os_error() {
            error if error.kind() == io::ErrorKind::Interrupted => Ok(0),
            error => Err(error),
        },
    }
}

#[cfg(not(target_vendor = "apple"))]
fn timespec(duration: Duration) -> libc::timespec {
    // SAFETY: all-zero is a valid timespec; some C libraries pad it, so that it cannot be written as a literal.
    let mut spec: libc::timespec = unsafe { std::mem::zeroed() };
    spec.tv_sec = duration.as_secs().try_into().unwrap_or(libc::time_t::MAX);
    spec.tv_nsec = duration.subsec_nanos() as _;
    spec
}

// --- sockets ------------------------------------------------------------------------------------------------------

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

/// connect() on a nonblocking socket. The limit is the caller's to keep; how often a SYN is repeated does not depend
/// on it here.
pub fn connect(socket: &Socket, address: &SockAddr, _limit: Option<Instant>) -> Called {
    let Err(error) = socket.connect(address) else { return Called::Done };
    match code(&error) {
        // connect(2): a signal does not end the attempt, it goes on in the background.
        pending @ Code::Os(libc::EINPROGRESS | libc::EINTR) => Called::Pending(pending),
        failed => Called::Failed(failed),
    }
}

/// connect() on a blocking socket, until `limit` at most.
pub fn connect_blocking(socket: &Socket, address: &SockAddr, limit: Option<Instant>) -> Called {
    if let Err(error) = set_connect_limit(socket, limit) {
        return Called::Failed(code(&error));
    }
    mask(libc::SIG_UNBLOCK);
    let result = socket.connect(address);
    mask(libc::SIG_BLOCK);
    clear_connect_limit();
    let Err(error) = result else { return Called::Done };
    match code(&error) {
        // SO_SNDTIMEO: "EINPROGRESS" from a blocking connect means that our limit ran out (socket(7)).
        Code::Os(libc::EINPROGRESS) => Called::Limit,
        interrupted @ Code::Os(libc::EINTR) => {
            let late = limit.is_some_and(|limit| limit <= clock::now());
            if late && signal().is_none() { Called::Limit } else { Called::Pending(interrupted) }
        }
        failed => Called::Failed(failed),
    }
}

#[cfg(target_os = "linux")]
fn set_connect_limit(socket: &Socket, limit: Option<Instant>) -> io::Result<()> {
    let Some(limit) = limit else { return Ok(()) };
    // Zero would mean "no limit".
    let left = limit.saturating_duration_since(clock::now()).max(Duration::from_micros(1));
    socket.set_write_timeout(Some(left))
}

#[cfg(target_os = "linux")]
fn clear_connect_limit() {}

/// SO_SNDTIMEO does not bound connect() here: the interval timer interrupts it, again and again in case the first
/// signal comes before the call.
#[cfg(not(target_os = "linux"))]
fn set_connect_limit(_: &Socket, limit: Option<Instant>) -> io::Result<()> {
    let Some(limit) = limit else { return Ok(()) };
    let left = limit.saturating_duration_since(clock::now()).max(Duration::from_micros(1));
    bsd::interrupt_after(left, on_signal_alarm)
}

#[cfg(not(target_os = "linux"))]
fn clear_connect_limit() {
    bsd::stop_interrupting();
}

#[cfg(not(target_os = "linux"))]
extern "C" fn on_signal_alarm(_: libc::c_int) {}

/// SO_ERROR; `None` when the socket has no error.
pub fn error_of(socket: &Socket) -> Option<Code> {
    match socket.take_error() {
        Ok(error) => error.as_ref().map(code),
        Err(error) => Some(code(&error)),
    }
}

/// Index of an interface by name or number; `None` when there is none.
pub fn interface_index(name: &str) -> Option<u32> {
    let name = CString::new(name).ok()?;
    // SAFETY: the string ends with a NUL.
    match unsafe { libc::if_nametoindex(name.as_ptr()) } {
        0 => name.to_str().ok()?.parse().ok(),
        index => Some(index),
    }
}

/// IP_TOS or IPV6_TCLASS.
///
/// # Errors
/// setsockopt(2).
pub fn set_tos(socket: &Socket, tos: u32, v6: bool) -> io::Result<()> {
    if v6 { socket.set_tclass_v6(tos) } else { socket.set_tos_v4(tos) }
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

/// Raises the limit to `wanted`, as far as the hard limit allows; gives what it is then.
pub fn raise_descriptor_limit(wanted: usize) -> usize {
    if let Ok((soft, hard)) = getrlimit(Resource::RLIMIT_NOFILE) {
        let target = hard.min(wanted.try_into().unwrap_or(hard));
        if target > soft {
            // Refused, it stays as it is, which is what the next line reads.
            let _ = setrlimit(Resource::RLIMIT_NOFILE, target, hard);
        }
    }
    descriptor_limit()
}

// --- names --------------------------------------------------------------------------------------------------------

/// getaddrinfo(3): the addresses in the resolver's order, or its own code.
///
/// The call cannot be cancelled; it is made in a thread of its own.
///
/// # Errors
/// [`Code::Eai`], or [`Code::Os`] for EAI_SYSTEM and for a local shortage that the resolver disguises: glibc reports
/// EMFILE as EAI_NONAME with errno 24 behind it.
pub fn lookup(name: &str, family: Option<Family>, protocol: Protocol) -> Result<Vec<SocketAddr>, Code> {
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
    let found = address_info(None, Some(&name), libc::AF_INET, protocol).ok()?;
    found.first().map(SocketAddr::port)
}

fn address_info(
    host: Option<&CStr>,
    service: Option<&CStr>,
    family: libc::c_int,
    protocol: Protocol,
) -> Result<Vec<SocketAddr>, Code> {
    let text = |text: Option<&CStr>| text.map_or(ptr::null(), CStr::as_ptr);
    let mut list = ptr::null_mut();
    // SAFETY: zero is a valid addrinfo; the strings end with NUL; the list is read only on success and freed once.
    unsafe {
        let mut hints: libc::addrinfo = std::mem::zeroed();
        hints.ai_family = family;
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
        let mut found = Vec::new();
        let mut entry = list;
        while let Some(info) = entry.as_ref() {
            found.extend(address(info.ai_addr));
            entry = info.ai_next;
        }
        libc::freeaddrinfo(list);
        Ok(found)
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

/// Whether this machine would know how to send to `address`: connect() of a datagram socket looks for a route and a
/// source address and sends nothing. It is what RFC 6724 rule 1 asks.
pub fn has_route(address: SocketAddr) -> bool {
    let Ok(socket) = socket(address, Protocol::Udp, Mode::Nonblocking) else { return true };
    match socket.connect(&address.into()) {
        Ok(()) => true,
        Err(error) => {
            !matches!(error.raw_os_error(), Some(libc::ENETUNREACH | libc::EADDRNOTAVAIL | libc::EAFNOSUPPORT))
        }
    }
}
