//! What the kernel alone takes for a sweep: loops of epoll that connect and forget. They verify, classify and report
//! nothing, so no program that does can be faster.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddrV4;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout};
use nix::sys::resource::{UsageWho, getrusage};
use socket2::{Domain, Socket, Type};

use super::{Contestant, Run};

/// Sockets that one call of epoll_wait() tells of.
const EVENTS: usize = 512;

/// Nonblocking sockets and epoll.
#[derive(Clone, Copy)]
pub struct Limit {
    /// In the first column.
    pub name: &'static str,
    /// How many targets there are.
    pub targets: u32,
    /// The target of that number.
    pub target: fn(u32) -> SocketAddrV4,
    /// Threads that take targets by turns.
    pub threads: usize,
    /// Connects in flight, of all threads.
    pub in_flight: usize,
    /// A socket that was refused is connected again: no new one, no close.
    pub again: bool,
    /// After which a connect is given up; `None` where every one is answered.
    pub timeout: Option<Duration>,
}

impl Contestant for Limit {
    fn name(&self) -> String {
        self.name.into()
    }

    fn run(&self) -> Run {
        let (started, next) = (Instant::now(), AtomicU32::new(0));
        let thread = || {
            Loop::new(self, &next).and_then(|mut one| one.run()).expect("a loop of epoll");
            let usage = getrusage(UsageWho::RUSAGE_THREAD).expect("its own usage");
            let spent = usage.user_time().tv_sec() + usage.system_time().tv_sec();
            let fraction = usage.user_time().tv_usec() + usage.system_time().tv_usec();
            Duration::from_secs(spent as u64) + Duration::from_micros(fraction as u64)
        };
        let cpu = thread::scope(|scope| {
            let threads: Vec<_> = (0..self.threads).map(|_| scope.spawn(thread)).collect();
            threads.into_iter().map(|thread| thread.join().expect("a loop of epoll")).sum()
        });
        Run { wall: started.elapsed(), cpu, rss: None }
    }
}

/// One thread's part.
struct Loop<'a> {
    limit: &'a Limit,
    next: &'a AtomicU32,
    epoll: Epoll,
    slots: Vec<Slot>,
    free: Vec<usize>,
    /// Connects in flight in the order in which they began.
    begun: VecDeque<(Instant, usize)>,
}

#[derive(Default)]
struct Slot {
    socket: Option<Socket>,
    /// When its connect began, if one is in flight.
    since: Option<Instant>,
}

impl<'a> Loop<'a> {
    fn new(limit: &'a Limit, next: &'a AtomicU32) -> io::Result<Self> {
        let slots = limit.in_flight / limit.threads;
        Ok(Loop {
            limit,
            next,
            epoll: Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?,
            slots: (0..slots).map(|_| Slot::default()).collect(),
            free: (0..slots).collect(),
            begun: VecDeque::new(),
        })
    }

    fn run(&mut self) -> io::Result<()> {
        let mut events = [EpollEvent::empty(); EVENTS];
        loop {
            let more = self.begin()?;
            if self.free.len() == self.slots.len() {
                return Ok(());
            }
            let timeout = if more { EpollTimeout::ZERO } else { self.patience() };
            let count = self.epoll.wait(&mut events, timeout)?;
            for event in &events[..count] {
                self.ready(event.data() as usize)?;
            }
            self.expire();
        }
    }

    /// Fills the free slots, not too many at a time; whether there are targets and slots left.
    fn begin(&mut self) -> io::Result<bool> {
        for _ in 0..EVENTS {
            let Some(slot) = self.free.pop() else { return Ok(false) };
            let number = self.next.fetch_add(1, Ordering::Relaxed);
            if number >= self.limit.targets {
                self.free.push(slot);
                return Ok(false);
            }
            self.connect(slot, (self.limit.target)(number))?;
        }
        Ok(true)
    }

    fn connect(&mut self, slot: usize, target: SocketAddrV4) -> io::Result<()> {
        let place = &mut self.slots[slot];
        if place.socket.is_none() {
            let socket = Socket::new_raw(Domain::IPV4, Type::STREAM.nonblocking().cloexec(), None)?;
            let interest = EpollFlags::EPOLLOUT | EpollFlags::EPOLLET;
            self.epoll.add(socket.as_fd(), EpollEvent::new(interest, slot as u64))?;
            place.socket = Some(socket);
        }
        match place.socket.as_ref().map(|socket| socket.connect(&target.into())) {
            Some(Err(error)) if raw(&error) != libc::EINPROGRESS => return Err(error),
            _ => {}
        }
        let now = Instant::now();
        place.since = Some(now);
        if self.limit.timeout.is_some() {
            self.begun.push_back((now, slot));
        }
        Ok(())
    }

    fn ready(&mut self, slot: usize) -> io::Result<()> {
        let place = &self.slots[slot];
        let Some((socket, _)) = place.socket.as_ref().zip(place.since) else { return Ok(()) };
        let refused = if self.limit.again {
            // Only connect() takes the socket back to where it can connect again; it does not look at the address.
            match socket.connect(&(self.limit.target)(0).into()).map_err(|error| Errno::from_raw(raw(&error))) {
                Err(Errno::EALREADY) => return Ok(()),
                Ok(()) | Err(Errno::EISCONN) => false,
                Err(_) => true,
            }
        } else {
            socket.take_error()?.is_some()
        };
        self.end(slot, refused);
        Ok(())
    }

    fn end(&mut self, slot: usize, refused: bool) {
        let place = &mut self.slots[slot];
        place.since = None;
        if !(refused && self.limit.again) {
            place.socket = None;
        }
        self.free.push(slot);
    }

    fn expire(&mut self) {
        let Some(timeout) = self.limit.timeout else { return };
        let now = Instant::now();
        while let Some((since, slot)) = self.begun.front().copied().filter(|(since, _)| now >= *since + timeout) {
            self.begun.pop_front();
            if self.slots[slot].since == Some(since) {
                self.end(slot, false);
            }
        }
    }

    /// Until the oldest connect is given up.
    fn patience(&self) -> EpollTimeout {
        let Some((timeout, (since, _))) = self.limit.timeout.zip(self.begun.front()) else { return EpollTimeout::NONE };
        let left = (*since + timeout).saturating_duration_since(Instant::now());
        EpollTimeout::try_from(left + Duration::from_millis(1)).unwrap_or(EpollTimeout::MAX)
    }
}

fn raw(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or_default()
}
