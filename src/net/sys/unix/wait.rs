//! poll(2), and epoll(7) for many sockets, with the signals let in.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::io;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::time::{Duration, Instant};

use socket2::Socket;

#[cfg(target_os = "linux")]
use super::linux::epoll::Epoll;
#[cfg(not(target_vendor = "apple"))]
use super::signals::Held;
use super::signals::{is_requested, read_line, reads_lines, signal};
use crate::net::clock;
use crate::net::sys::{Interest, Ready};

/// Sockets in flight, by key, and the means to wait for them.
///
/// The flags are used as the system gives them. POLLERR alone means that an ICMP message is queued and the connect goes
/// on; POLLERR with POLLOUT or POLLHUP means its end.
#[derive(Default)]
pub struct Waiter {
    polled: Vec<libc::pollfd>,
    /// Keys of what is polled.
    keys: Vec<usize>,
    /// Where a key is, by key.
    places: Vec<Place>,
    pipe: Option<(OwnedFd, Arc<OwnedFd>)>,
    /// Its thread takes no signals, and no signal ends its waits.
    deaf: bool,
    #[cfg(target_os = "linux")]
    epoll: Option<Epoll>,
}

#[derive(Debug, Clone, Copy)]
enum Place {
    Nowhere,
    /// At this index of what is polled.
    Polled(usize),
    /// In the set for epoll(7).
    #[cfg(target_os = "linux")]
    Idle(RawFd),
}

/// Wakes a [`Waiter`] from another thread.
#[derive(Clone)]
pub struct Waker(Arc<OwnedFd>);

impl Waker {
    /// Ends the wait that is under way, or the next one.
    pub fn wake(&self) {
        // Where the pipe is full it has woken the reader already, who empties it in its next wait.
        let _ = nix::unistd::write(&*self.0, &[0]);
    }
}

/// Key of the waiter's own pipe.
const PIPE: usize = usize::MAX;

/// Key of the set for epoll(7), which is readable when one of its sockets is ready.
#[cfg(target_os = "linux")]
const EPOLL: usize = usize::MAX - 1;

/// Key of standard input.
const INPUT: usize = usize::MAX - 2;

/// Most sockets that poll(2) looks at again and again.
#[cfg(target_os = "linux")]
const FEW: usize = 16;

impl Waiter {
    /// A waiter without sockets; makes no system call.
    pub fn new() -> Self {
        Self::default()
    }

    /// As [`Waiter::new`], for a thread that takes no signals.
    pub fn without_signals() -> Self {
        Waiter { deaf: true, ..Self::default() }
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
            self.places.resize(key + 1, Place::Nowhere);
        }
        self.places[key] = Place::Polled(self.polled.len());
        self.push(key, socket.as_raw_fd(), events);
        Ok(())
    }

    /// Forgets the socket under `key`.
    pub fn remove(&mut self, key: usize) {
        match std::mem::replace(&mut self.places[key], Place::Nowhere) {
            Place::Nowhere => {}
            Place::Polled(place) => self.unpoll(place),
            #[cfg(target_os = "linux")]
            Place::Idle(fd) => self.epoll.iter().for_each(|epoll| epoll.remove(fd)),
        }
    }

    /// Waits until something is ready, a signal or a request comes, or `until` has passed; fills `ready`.
    ///
    /// # Errors
    /// What poll(2) returns other than EINTR.
    pub fn wait(&mut self, until: Option<Instant>, ready: &mut Vec<(usize, Ready)>) -> io::Result<()> {
        ready.clear();
        // The kernel adds up to 0.1 % of the time asked for (select_estimate_accuracy in fs/select.c), one millisecond a
        // second: nap() asks for a little less, and the short rest is asked for again.
        self.watch_input();
        while poll(&mut self.polled, until.map(nap), !self.deaf)? == 0 {
            // Continued, it may stand in the foreground now.
            self.watch_input();
            let called = !self.deaf && (signal().is_some() || is_requested());
            if called || until.is_some_and(|until| until <= clock::now()) {
                break;
            }
        }
        for (polled, &key) in self.polled.iter().zip(&self.keys).filter(|(polled, _)| polled.revents != 0) {
            match key {
                PIPE => self.pipe.iter().for_each(|(read, _)| empty(read)),
                INPUT => read_line(),
                #[cfg(target_os = "linux")]
                EPOLL => {
                    let Some(epoll) = &mut self.epoll else { continue };
                    ready.extend(epoll.ready()?.map(|(key, revents)| (key, readiness(revents))));
                }
                key => ready.push((key, readiness(polled.revents))),
            }
        }
        #[cfg(target_os = "linux")]
        self.set_idle_aside();
        Ok(())
    }

    /// Looks at standard input while its lines are requests; poll(2) ignores a negative descriptor.
    fn watch_input(&mut self) {
        let fd = if !self.deaf && reads_lines() { libc::STDIN_FILENO } else { -1 };
        match self.keys.iter().position(|&key| key == INPUT) {
            Some(place) => self.polled[place].fd = fd,
            None if fd < 0 => {}
            None => self.push(INPUT, fd, libc::POLLIN),
        }
    }

    fn push(&mut self, key: usize, fd: RawFd, events: libc::c_short) {
        self.polled.push(libc::pollfd { fd, events, revents: 0 });
        self.keys.push(key);
    }

    fn unpoll(&mut self, place: usize) {
        self.polled.swap_remove(place);
        self.keys.swap_remove(place);
        if let Some(moved) = self.keys.get(place).and_then(|&key| self.places.get_mut(key)) {
            *moved = Place::Polled(place);
        }
    }

    /// Where poll(2) would look at many sockets again, those that it found idle go into the set for epoll(7), which costs
    /// a call for each once, and nothing as long as they are idle. A socket that is ready at the first look, as on
    /// loopback, never gets there. Where there is no set, for want of a descriptor or of watches, poll(2) goes on.
    #[cfg(target_os = "linux")]
    fn set_idle_aside(&mut self) {
        let sockets = self.keys.iter().filter(|&&key| key < INPUT).count();
        if sockets <= FEW || self.make_set().is_err() {
            return;
        }
        let Some(epoll) = &self.epoll else { return };
        let mut moved = Vec::new();
        for (place, (polled, &key)) in self.polled.iter().zip(&self.keys).enumerate() {
            if key < INPUT && polled.revents == 0 && epoll.add(polled, key).is_ok() {
                self.places[key] = Place::Idle(polled.fd);
                moved.push(place);
            }
        }
        // From the end, so that what takes the place of one is not moved itself.
        moved.into_iter().rev().for_each(|place| self.unpoll(place));
    }

    #[cfg(target_os = "linux")]
    fn make_set(&mut self) -> io::Result<()> {
        if self.epoll.is_none() {
            let epoll = Epoll::new()?;
            self.push(EPOLL, epoll.fd(), libc::POLLIN);
            self.epoll = Some(epoll);
        }
        Ok(())
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

/// ppoll(2); the number of descriptors that are ready, 0 also after a signal. Signals are blocked from the look at their
/// flag until ppoll() lets them in, so that none falls in between. Without `signals` they stay as they are.
#[cfg(not(target_vendor = "apple"))]
fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>, signals: bool) -> io::Result<usize> {
    let held = signals.then(Held::begin);
    let timeout = if signals && (signal().is_some() || is_requested()) { Some(Duration::ZERO) } else { timeout };
    let timeout = timeout.map(timespec);
    let timeout = timeout.as_ref().map_or(std::ptr::null(), std::ptr::from_ref);
    let mask = held.as_ref().map_or(std::ptr::null(), Held::before);
    // SAFETY: the slice gives pointer and length; the timeout and the mask are null or live on.
    let found = unsafe { libc::ppoll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, timeout, mask) };
    uninterrupted(found)
}

/// macOS has no ppoll(2): a signal that comes between the look at its flag and poll(2) is seen a tenth of a second later.
#[cfg(target_vendor = "apple")]
fn poll(fds: &mut [libc::pollfd], timeout: Option<Duration>, signals: bool) -> io::Result<usize> {
    let gap = signals.then_some(Duration::from_millis(100));
    let nap = timeout.into_iter().chain(gap).min();
    let millis = nap.map_or(-1, |nap| nap.as_micros().div_ceil(1000) as libc::c_int);
    let millis = if signals && (signal().is_some() || is_requested()) { 0 } else { millis };
    // SAFETY: the slice gives pointer and length.
    uninterrupted(unsafe { libc::poll(fds.as_mut_ptr(), fds.len() as libc::nfds_t, millis) })
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
    // Ten years at most (crate::duration), which any time_t holds.
    spec.tv_sec = duration.as_secs() as _;
    spec.tv_nsec = duration.subsec_nanos() as _;
    spec
}
