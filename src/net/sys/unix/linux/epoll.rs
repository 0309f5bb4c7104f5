//! epoll(7): a wait that costs the same however many sockets are idle.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use nix::sys::epoll::{Epoll as Set, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};

/// Sockets that one call tells of; the next call tells of the rest.
const AT_ONCE: usize = 256;

/// A level-triggered set of sockets. Its flags are those of poll(2), and mean the same.
pub struct Epoll {
    set: Set,
    found: Vec<EpollEvent>,
}

impl Epoll {
    /// An empty set.
    ///
    /// # Errors
    /// epoll_create1(2): EMFILE, ENFILE, ENOMEM.
    pub fn new() -> io::Result<Epoll> {
        Ok(Epoll { set: Set::new(EpollCreateFlags::EPOLL_CLOEXEC)?, found: vec![EpollEvent::empty(); AT_ONCE] })
    }

    /// Adds a descriptor and what to poll for.
    ///
    /// # Errors
    /// epoll_ctl(2): ENOMEM, ENOSPC (fs.epoll.max_user_watches).
    pub fn add(&self, polled: &libc::pollfd, key: usize) -> io::Result<()> {
        let events = EpollFlags::from_bits_truncate(polled.events.into());
        Ok(self.set.add(borrowed(polled.fd), EpollEvent::new(events, key as u64))?)
    }

    /// Forgets a descriptor.
    pub fn remove(&self, fd: RawFd) {
        // What is closed already has left the set.
        let _ = self.set.delete(borrowed(fd));
    }

    /// Readable when one of the set is ready: poll(2) waits for it, with its timeout and its mask.
    pub fn fd(&self) -> RawFd {
        self.set.0.as_raw_fd()
    }

    /// Keys and flags of what is ready now.
    ///
    /// # Errors
    /// epoll_wait(2).
    pub fn ready(&mut self) -> io::Result<impl Iterator<Item = (usize, libc::c_short)>> {
        let count = self.set.wait(&mut self.found, EpollTimeout::ZERO)?;
        Ok(self.found[..count].iter().map(|event| (event.data() as usize, event.events().bits() as libc::c_short)))
    }
}

fn borrowed(fd: RawFd) -> BorrowedFd<'static> {
    // SAFETY: the caller waits for it, and it is open meanwhile.
    unsafe { BorrowedFd::borrow_raw(fd) }
}
