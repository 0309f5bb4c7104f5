//! A child in a user and a network namespace of its own, where routes are ours to add (user_namespaces(7),
//! network_namespaces(7)). It has no interface that is up, so nothing that it sends leaves it.

#![allow(unsafe_code, reason = "the platform layer: each block says why it is sound")]

use std::io::{self, PipeReader, Read, pipe};
use std::mem::MaybeUninit;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, RawFd};
use std::ptr;

use super::netlink;
use crate::model::Code;

/// Where the child connects to, and by a route of which type (linux/rtnetlink.h); the first by none.
const WAYS: [(Ipv4Addr, Option<u8>); 4] = [
    (Ipv4Addr::new(192, 0, 2, 1), None),
    (Ipv4Addr::new(192, 0, 2, 2), Some(libc::RTN_UNREACHABLE)),
    (Ipv4Addr::new(192, 0, 2, 3), Some(libc::RTN_PROHIBIT)),
    (Ipv4Addr::new(192, 0, 2, 4), Some(libc::RTN_BLACKHOLE)),
];

/// What the child writes: the error of a step that prepares, then that of connect() by each way; zero for none.
type Numbers = [i32; 1 + WAYS.len()];

/// A child that connects by no route, and by routes that are unreachable, prohibited and black holes.
#[derive(Debug)]
pub struct Routes {
    answers: PipeReader,
    child: libc::pid_t,
}

impl Routes {
    /// Starts it. It shares the descriptors that are open now, so start it before sockets are opened whose closing
    /// matters.
    ///
    /// # Errors
    /// pipe(2), fork(2).
    pub fn begin() -> io::Result<Routes> {
        let (answers, writer) = pipe()?;
        let requests = WAYS.map(|(address, kind)| kind.map(|kind| netlink::new_route_request(address, kind)));
        // SAFETY: the child makes system calls on memory that was there before, and ends by _exit(2), as
        // signal-safety(7) asks of the child of a process with threads.
        match unsafe { libc::fork() } {
            -1 => Err(io::Error::last_os_error()),
            0 => unsafe {
                let numbers = numbers(&requests);
                libc::write(writer.as_raw_fd(), numbers.as_ptr().cast(), size_of::<Numbers>());
                libc::_exit(0)
            },
            child => Ok(Routes { answers, child }),
        }
    }

    /// The code with which connect() failed by each way, `None` where it succeeded.
    ///
    /// # Errors
    /// unshare(2), rtnetlink(7); EIO where the child was killed.
    pub fn codes(mut self) -> io::Result<[Option<Code>; WAYS.len()]> {
        let mut bytes = [0; size_of::<Numbers>()];
        let read = self.answers.read_exact(&mut bytes);
        // SAFETY: the child is ours; its status is not asked for.
        unsafe { libc::waitpid(self.child, ptr::null_mut(), 0) };
        read.map_err(|_| io::Error::from_raw_os_error(libc::EIO))?;
        let mut numbers = bytes.chunks_exact(4).map(|bytes| bytes.try_into().map_or(libc::EIO, i32::from_ne_bytes));
        match numbers.next() {
            Some(0) => Ok(std::array::from_fn(|_| numbers.next().filter(|&number| number != 0).map(Code::Os))),
            number => Err(io::Error::from_raw_os_error(number.unwrap_or(libc::EIO))),
        }
    }
}

/// # Safety
/// None beyond that of its calls, all of which are system calls on local memory.
unsafe fn numbers(requests: &[Option<Vec<u8>>; WAYS.len()]) -> Numbers {
    let mut numbers = [0; 1 + WAYS.len()];
    // SAFETY: a flag is all that it takes.
    if unsafe { libc::unshare(libc::CLONE_NEWUSER | libc::CLONE_NEWNET) } != 0 {
        numbers[0] = errno();
        return numbers;
    }
    for (i, (address, _)) in WAYS.iter().enumerate() {
        // SAFETY: both make system calls only.
        unsafe {
            numbers[0] = requests[i].as_ref().map_or(0, |request| add_route(request));
            if numbers[0] != 0 {
                return numbers;
            }
            numbers[1 + i] = connect(*address);
        }
    }
    numbers
}

/// # Safety
/// As that of [`numbers`].
unsafe fn add_route(request: &[u8]) -> i32 {
    let mut reply = [0_u8; 256];
    // SAFETY: pointers and lengths are those of the slice and the array.
    let length = unsafe {
        let socket = libc::socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_ROUTE);
        if socket < 0 || libc::send(socket, request.as_ptr().cast(), request.len(), 0) < 0 {
            return errno();
        }
        libc::recv(socket, reply.as_mut_ptr().cast(), reply.len(), 0)
    };
    let reply = usize::try_from(length).ok().and_then(|length| reply.get(..length)).unwrap_or_default();
    netlink::confirmation(reply).unwrap_or(libc::EIO)
}

/// # Safety
/// As that of [`numbers`].
unsafe fn connect(address: Ipv4Addr) -> i32 {
    // SAFETY: zero is a valid value of the structure; pointer and length are its own; the call only reads it.
    unsafe {
        let mut name: libc::sockaddr_in = MaybeUninit::zeroed().assume_init();
        name.sin_family = libc::AF_INET as libc::sa_family_t;
        name.sin_port = 9_u16.to_be();
        name.sin_addr.s_addr = u32::from(address).to_be();
        let socket: RawFd = libc::socket(libc::AF_INET, libc::SOCK_STREAM | libc::SOCK_NONBLOCK, 0);
        let result = libc::connect(socket, (&raw const name).cast(), size_of_val(&name) as libc::socklen_t);
        if result == 0 { 0 } else { errno() }
    }
}

fn errno() -> i32 {
    nix::errno::Errno::last_raw()
}
