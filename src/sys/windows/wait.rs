//! Waiting for sockets, a wake-up, Ctrl-C and an instant at the same time.
//!
//! A socket's end is asked of select(), which is documented for it on every Windows: writable is success, an exception
//! is failure. WSAPoll() does not report a failed connect before Windows 10, version 2004. But select() waits for
//! sockets only, so it never waits here: every socket signals one event (WSAEventSelect()), and the wait is for that.

use std::collections::{BTreeMap, HashSet};
use std::io;
use std::os::windows::io::{AsRawHandle, FromRawHandle, OwnedHandle};
use std::ptr;
use std::sync::Arc;
use std::time::Instant;

use socket2::Socket;
use windows_sys::Win32::Foundation::{FALSE, HANDLE, TRUE, WAIT_FAILED, WAIT_OBJECT_0};
use windows_sys::Win32::Networking::WinSock::{
    FD_CONNECT, FD_CONNECT_BIT, FD_READ, FD_SET, SOCKET, SOCKET_ERROR, TIMEVAL, WSAEVENT, WSAEnumNetworkEvents,
    WSAEventSelect, WSANETWORKEVENTS, select,
};
use windows_sys::Win32::System::Threading::{
    CREATE_WAITABLE_TIMER_HIGH_RESOLUTION, CreateEventW, CreateWaitableTimerExW, INFINITE, ResetEvent, SetEvent,
    SetWaitableTimer, TIMER_ALL_ACCESS, WaitForMultipleObjects,
};

use super::{console, raw};
use crate::clock;
use crate::sys::{Interest, Ready};
use crate::taxonomy::Code;

/// Sockets in flight, by key, and the means to wait for them.
#[derive(Default)]
pub struct Waiter {
    sockets: BTreeMap<usize, (SOCKET, Interest)>,
    /// Sockets were added that may have ended before they began to signal the event.
    unseen: bool,
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
            Interest::Read => FD_READ,
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

    /// Waits until something is ready, a signal comes, or `until` has passed; fills `ready`.
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
        let Means { event, alarm } = self.means()?;
        let mut handles = vec![event.as_raw_handle()];
        handles.extend(console::interrupt());
        alarm.wait(&handles, until)?;
        // Before the look at the sockets: what ends after it sets the event anew.
        // SAFETY: the event is open.
        unsafe { ResetEvent(event.as_raw_handle()) };
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

/// An event that stays set until it is reset.
///
/// # Errors
/// CreateEventW().
pub fn event() -> io::Result<OwnedHandle> {
    // SAFETY: no attributes, no name; a handle that is not null is ours alone.
    unsafe { owned(CreateEventW(ptr::null(), TRUE, FALSE, ptr::null())) }
}

/// Sets an event.
pub fn set(event: &OwnedHandle) {
    // SAFETY: the event is open.
    unsafe { SetEvent(event.as_raw_handle()) };
}

/// # Safety
/// `handle` is null after a failed call, or a handle that nobody else closes.
unsafe fn owned(handle: HANDLE) -> io::Result<OwnedHandle> {
    if handle.is_null() {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: as the caller promises.
    Ok(unsafe { OwnedHandle::from_raw_handle(handle) })
}

/// Waits for handles until an instant, to a tenth of a millisecond: the time-out of the wait itself counts ticks of up
/// to 16 ms.
pub struct Alarm(OwnedHandle);

impl Alarm {
    /// A timer of high resolution, which Windows has since 10, version 1803; a plain one elsewhere.
    ///
    /// # Errors
    /// CreateWaitableTimerExW().
    pub fn new() -> io::Result<Self> {
        // SAFETY: no attributes, no name; a handle that is not null is ours alone.
        let timer = |flags| unsafe { owned(CreateWaitableTimerExW(ptr::null(), ptr::null(), flags, TIMER_ALL_ACCESS)) };
        timer(CREATE_WAITABLE_TIMER_HIGH_RESOLUTION).or_else(|_| timer(0)).map(Alarm)
    }

    /// The first of `handles` that is set, by its place; `None` when `until` came first.
    ///
    /// # Errors
    /// SetWaitableTimer(), WaitForMultipleObjects().
    pub fn wait(&self, handles: &[HANDLE], until: Option<Instant>) -> io::Result<Option<usize>> {
        let mut handles = handles.to_vec();
        let awaited = handles.len();
        if let Some(until) = until {
            self.set(until)?;
            handles.push(self.0.as_raw_handle());
        }
        // SAFETY: the vector gives pointer and length, at most four; every handle is open.
        let found = unsafe { WaitForMultipleObjects(handles.len() as u32, handles.as_ptr(), FALSE, INFINITE) };
        match found {
            WAIT_FAILED => Err(io::Error::last_os_error()),
            found => Ok(Some((found - WAIT_OBJECT_0) as usize).filter(|&place| place < awaited)),
        }
    }

    fn set(&self, until: Instant) -> io::Result<()> {
        let left = until.saturating_duration_since(clock::now());
        // Units of 100 ns, rounded up; negative means from now on.
        let due = -i64::try_from(left.as_nanos().div_ceil(100)).unwrap_or(i64::MAX);
        // SAFETY: the timer is open; no routine is to be called.
        match unsafe { SetWaitableTimer(self.0.as_raw_handle(), &due, 0, None, ptr::null(), FALSE) } {
            0 => Err(io::Error::last_os_error()),
            _ => Ok(()),
        }
    }
}
