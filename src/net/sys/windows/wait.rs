//! Waiting for sockets, a wake-up, Ctrl-C and an instant at the same time.
//!
//! A socket's end is asked of select(), which is documented for it on every Windows: writable is success, an exception
//! is failure. WSAPoll() does not report a failed connect before Windows 10, version 2004. But select() waits for
//! sockets only, so it never waits here: every socket signals one event (WSAEventSelect()), and the wait is for that.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use socket2::Socket;
use windows_sys::Win32::Networking::WinSock::{
    FD_CLOSE, FD_CONNECT, FD_CONNECT_BIT, FD_READ, FD_SET, SOCKET, SOCKET_ERROR, TIMEVAL, WSAEVENT,
    WSAEnumNetworkEvents, WSAEventSelect, WSANETWORKEVENTS, select,
};

use super::event::{Alarm, event, reset, set};
use super::{console, raw};
use crate::model::Code;
use crate::net::sys::{Interest, Ready};

/// Sockets in flight, by key, and the means to wait for them.
#[derive(Default)]
pub struct Waiter {
    sockets: BTreeMap<usize, (SOCKET, Interest)>,
    /// Sockets were added that may have ended before they began to signal the event.
    unseen: bool,
    /// Ctrl-C does not end its waits.
    deaf: bool,
    means: Option<Means>,
}

/// Made at the first use.
struct Means {
    event: Arc<OwnedHandle>,
    alarm: Alarm,
}

/// Wakes a [`Waiter`] from another thread.
#[derive(Clone)]
pub struct Waker(Arc<OwnedHandle>);

impl Waker {
    /// Ends the wait that is under way, or the next one.
    pub fn wake(&self) {
        set(&self.0);
    }
}

impl Waiter {
    /// A waiter without sockets; makes no system call.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`Waiter::new`], for a thread whose waits Ctrl-C does not end.
    pub fn without_signals() -> Self {
        Waiter { deaf: true, ..Self::default() }
    }

    /// A handle for other threads.
    ///
    /// # Errors
    /// CreateEventW() and CreateWaitableTimerExW(), at the first use.
    pub fn waker(&mut self) -> io::Result<Waker> {
        Ok(Waker(Arc::clone(&self.means()?.event)))
    }

    /// Waits for `socket` under `key` from now on.
    ///
    /// # Errors
    /// WSAEventSelect(), CreateEventW(), CreateWaitableTimerExW().
    pub fn add(&mut self, key: usize, socket: &Socket, interest: Interest) -> io::Result<()> {
        let events = match interest {
            Interest::Connect => FD_CONNECT,
            Interest::Read => FD_READ | FD_CLOSE,
        };
        let event = self.means()?.event.as_raw_handle();
        // SAFETY: both handles are open; closing the socket ends the association.
        if unsafe { WSAEventSelect(raw(socket), event as WSAEVENT, events as i32) } == SOCKET_ERROR {
            return Err(io::Error::last_os_error());
        }
        self.sockets.insert(key, (raw(socket), interest));
        self.unseen = true;
        Ok(())
    }

    /// Forgets the socket under `key`.
    pub fn remove(&mut self, key: usize) {
        self.sockets.remove(&key);
    }

    /// Waits until something is ready, a signal or a request comes, or `until` has passed; fills `ready`.
    ///
    /// # Errors
    /// What select() or WaitForMultipleObjects() returns.
    pub fn wait(&mut self, until: Option<Instant>, ready: &mut Vec<(usize, Ready)>) -> io::Result<()> {
        ready.clear();
        if std::mem::take(&mut self.unseen) {
            self.collect(ready)?;
        }
        if !ready.is_empty() {
            return Ok(());
        }
        let deaf = self.deaf;
        let Means { event, alarm } = self.means()?;
        let mut handles = vec![event.as_raw_handle()];
        handles.extend(console::interrupts().filter(|_| !deaf));
        alarm.wait(&handles, until)?;
        // Before the look at the sockets: what ends after it sets the event anew.
        reset(event);
        self.collect(ready)
    }

    fn means(&mut self) -> io::Result<&Means> {
        if self.means.is_none() {
            self.means = Some(Means { event: Arc::new(event()?), alarm: Alarm::new()? });
        }
        self.means.as_ref().ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn collect(&self, ready: &mut Vec<(usize, Ready)>) -> io::Result<()> {
        let over = over(self.sockets.values().copied())?;
        for (&key, (socket, interest)) in self.sockets.iter().filter(|(_, (socket, _))| over.contains(socket)) {
            let error = if *interest == Interest::Connect { failure(*socket) } else { None };
            ready.push((key, Ready { ended: true, message: false, error }));
        }
        Ok(())
    }
}

/// The sockets whose connect has ended, or that have something to read.
fn over(sockets: impl Iterator<Item = (SOCKET, Interest)>) -> io::Result<HashSet<SOCKET>> {
    let (connecting, reading): (Vec<_>, Vec<_>) = sockets.partition(|(_, interest)| *interest == Interest::Connect);
    let (mut read, mut write) = (SocketSet::of(&reading), SocketSet::of(&connecting));
    let mut failed = SocketSet::of(&connecting);
    let sets = [&mut read, &mut write, &mut failed];
    if sets.iter().all(|set| set.members().is_empty()) {
        // Without sockets select() is WSAEINVAL.
        return Ok(HashSet::new());
    }
    let [reads, writes, failures] = sets.map(SocketSet::as_fd_set);
    // SAFETY: each pointer is null or to a set of the form that select() reads and shortens in place.
    let result = unsafe { select(0, reads, writes, failures, &TIMEVAL { tv_sec: 0, tv_usec: 0 }) };
    match result {
        SOCKET_ERROR => Err(io::Error::last_os_error()),
        _ => Ok([&read, &write, &failed].into_iter().flat_map(SocketSet::members).copied().collect()),
    }
}

/// Winsock's fd_set: a count (u_int, padded to a SOCKET) and so many sockets. FD_SETSIZE is the length that a C program
/// reserves, select() knows no other limit than the count.
struct SocketSet(Vec<SOCKET>);

impl SocketSet {
    fn of(sockets: &[(SOCKET, Interest)]) -> Self {
        SocketSet(std::iter::once(sockets.len()).chain(sockets.iter().map(|&(socket, _)| socket)).collect())
    }

    fn members(&self) -> &[SOCKET] {
        &self.0[1..][..self.0[0]]
    }

    /// Null when empty, as select() wants it.
    fn as_fd_set(&mut self) -> *mut FD_SET {
        if self.members().is_empty() { ptr::null_mut() } else { self.0.as_mut_ptr().cast() }
    }
}

/// The code with which FD_CONNECT ended. SO_ERROR has it as well, but nothing promises that it has it at once.
fn failure(socket: SOCKET) -> Option<Code> {
    let mut events = WSANETWORKEVENTS::default();
    // SAFETY: the socket is open, the structure is ours; no event is to be reset.
    let result = unsafe { WSAEnumNetworkEvents(socket, 0, &mut events) };
    let connected = result == 0 && events.lNetworkEvents & FD_CONNECT as i32 != 0;
    let code = events.iErrorCode[FD_CONNECT_BIT as usize];
    (connected && code != 0).then_some(Code::Os(code))
}
