//! What the self-test asks of the system, and nothing else does.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::fs::File;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::ptr;
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::select::{FdSet, select};
use nix::sys::time::{TimeVal, TimeValLike};
use socket2::{SockAddr, Socket};

use crate::classify::documented::Platform;
use crate::net::clock;
use crate::net::sys::Selected;

/// Which system this is; `None` where nothing is known of it.
pub fn platform() -> Option<Platform> {
    match std::env::consts::OS {
        "linux" => Some(Platform::Linux),
        "macos" => Some(Platform::Macos),
        "freebsd" => Some(Platform::Freebsd),
        _ => None,
    }
}

/// Sockets need no initialisation here.
pub fn uninitialised() -> Option<io::Error> {
    None
}

/// connect() with the first `length` bytes of the address.
///
/// # Errors
/// connect(2).
pub fn connect_cut(socket: &Socket, address: &SockAddr, length: usize) -> io::Result<()> {
    connect_raw(socket.as_raw_fd(), address.as_ptr().cast(), length.min(address.len() as usize))
}

/// A file that is there on every system.
///
/// # Errors
/// open(2).
pub fn any_file() -> io::Result<File> {
    File::open("/dev/null")
}

/// connect() on a descriptor that is not a socket.
///
/// # Errors
/// connect(2).
pub fn connect_file(file: &File, address: &SockAddr) -> io::Result<()> {
    connect_raw(file.as_raw_fd(), address.as_ptr().cast(), address.len() as usize)
}

/// connect() with an address structure of zeros, whose family is AF_UNSPEC.
///
/// # Errors
/// connect(2).
pub fn disconnect(socket: &Socket) -> io::Result<()> {
    // SAFETY: an address of zeros is a valid value of the structure.
    let zeros: libc::sockaddr_in = unsafe { MaybeUninit::zeroed().assume_init() };
    connect_raw(socket.as_raw_fd(), (&raw const zeros).cast(), size_of_val(&zeros))
}

fn connect_raw(descriptor: RawFd, name: *const libc::sockaddr, length: usize) -> io::Result<()> {
    // SAFETY: the callers' descriptors are open; so many bytes at `name` are theirs; the call only reads them.
    match unsafe { libc::connect(descriptor, name, length as libc::socklen_t) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// select() with the socket in all three sets, until `until` at most.
///
/// # Errors
/// select(2); EINVAL for a descriptor that its sets cannot hold.
pub fn selected(socket: &Socket, until: Instant) -> io::Result<Selected> {
    if socket.as_raw_fd() >= libc::FD_SETSIZE as RawFd {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let mut sets = [FdSet::new(); 3];
    sets.iter_mut().for_each(|set| set.insert(socket.as_fd()));
    let [mut reads, mut writes, mut exceptions] = sets;
    let left = until.saturating_duration_since(clock::now());
    let mut left = TimeVal::microseconds(i64::try_from(left.as_micros()).unwrap_or(i64::MAX));
    select(None, &mut reads, &mut writes, &mut exceptions, &mut left)?;
    let [readable, writable, exception] = [reads, writes, exceptions].map(|set| set.contains(socket.as_fd()));
    Ok(Selected { readable, writable, exception })
}

/// A blocking connect() that a signal interrupts at `at`, and again until it has returned, in case the first signal
/// came before the call.
///
/// # Errors
/// connect(2): EINTR (no SA_RESTART); pthread_create(3).
pub fn connect_interrupted(socket: &Socket, address: &SockAddr, at: Instant) -> io::Result<()> {
    const AGAIN: Duration = Duration::from_millis(20);
    handle_signal();
    // SAFETY: the call has no conditions.
    let connecting = unsafe { libc::pthread_self() } as usize;
    let (done, is_done) = channel::<()>();
    thread::scope(|scope| {
        let interrupt = move || {
            let mut next = at;
            while is_done.recv_timeout(next.saturating_duration_since(clock::now())) == Err(RecvTimeoutError::Timeout) {
                // SAFETY: the thread waits for this one before it ends.
                unsafe { libc::pthread_kill(connecting as libc::pthread_t, libc::SIGUSR1) };
                next = clock::now() + AGAIN;
            }
        };
        thread::Builder::new().spawn_scoped(scope, interrupt)?;
        let result = socket.connect(address);
        drop(done);
        result
    })
}

/// SIGUSR1 does nothing but interrupt, and this thread lets it in.
fn handle_signal() {
    extern "C" fn on_signal(_: libc::c_int) {}
    // SAFETY: the structures are zeroed, then filled by the calls that own their layout; the handler does nothing,
    // which signal-safety(7) allows.
    unsafe {
        let mut action: libc::sigaction = MaybeUninit::zeroed().assume_init();
        action.sa_sigaction = on_signal as *const () as libc::sighandler_t;
        libc::sigaction(libc::SIGUSR1, &action, ptr::null_mut());
        let mut set: libc::sigset_t = MaybeUninit::zeroed().assume_init();
        libc::sigemptyset(&mut set);
        libc::sigaddset(&mut set, libc::SIGUSR1);
        libc::pthread_sigmask(libc::SIG_UNBLOCK, &set, ptr::null_mut());
    }
}
