//! connect(), and how long Windows insists.

use std::io;
use std::os::windows::io::{AsRawHandle, OwnedHandle};
use std::ptr;
use std::thread;
use std::time::{Duration, Instant};

use socket2::{SockAddr, Socket};
use windows_sys::Wdk::System::SystemServices::RtlGetVersion;
use windows_sys::Win32::Foundation::{HANDLE, STATUS_SUCCESS};
use windows_sys::Win32::Networking::WinSock::{
    SIO_TCP_INITIAL_RTO, TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS, TCP_INITIAL_RTO_PARAMETERS, WSA_OPERATION_ABORTED,
    WSAEINTR, WSAEWOULDBLOCK, WSAIoctl,
};
use windows_sys::Win32::System::IO::CancelIoEx;
use windows_sys::Win32::System::SystemInformation::OSVERSIONINFOW;

use super::event::{self, Alarm};
use super::{code, console, raw};
use crate::model::Code;
use crate::net::clock;
use crate::net::sys::Called;

/// connect() on a nonblocking socket that is to be decided until `limit`.
pub fn connect(socket: &Socket, address: &SockAddr, limit: Option<Instant>) -> Called {
    fit_retransmissions(socket, address, limit);
    let Err(error) = socket.connect(address) else { return Called::Done };
    match code(&error) {
        pending @ Code::Os(WSAEWOULDBLOCK) => Called::Pending(pending),
        failed => Called::Failed(failed),
    }
}

/// connect() on a blocking socket, until `limit` at most.
///
/// Nothing in Winsock bounds a blocking connect() without changing what it returns, so a second thread cancels it.
pub fn connect_blocking(socket: &Socket, address: &SockAddr, limit: Option<Instant>) -> Called {
    fit_retransmissions(socket, address, limit);
    match guarded(socket, address, limit) {
        Ok(Ok(())) => Called::Done,
        Ok(Err(error)) => match code(&error) {
            Code::Os(WSA_OPERATION_ABORTED | WSAEINTR) if console::signal().is_some() => {
                Called::Pending(Code::Os(WSAEINTR))
            }
            Code::Os(WSA_OPERATION_ABORTED | WSAEINTR) => Called::Limit,
            failed => Called::Failed(failed),
        },
        Err(error) => Called::Failed(code(&error)),
    }
}

/// What connect() returned; the outer error is that of the guard.
pub fn guarded(socket: &Socket, address: &SockAddr, limit: Option<Instant>) -> io::Result<io::Result<()>> {
    let (done, alarm) = (event::event()?, Alarm::new()?);
    thread::scope(|scope| {
        thread::Builder::new().spawn_scoped(scope, || guard(socket, limit, &done, &alarm))?;
        let result = socket.connect(address);
        event::set(&done);
        Ok(result)
    })
}

/// Cancels what `socket` is waiting for at `limit` or at a signal, and again until the call is `done`: the first
/// attempt may come before the call, or between its parts.
fn guard(socket: &Socket, limit: Option<Instant>, done: &OwnedHandle, alarm: &Alarm) {
    const AGAIN: Duration = Duration::from_millis(5);
    let done = done.as_raw_handle();
    let watched: Vec<HANDLE> = std::iter::once(done).chain(console::interrupt()).collect();
    let mut found = alarm.wait(&watched, limit);
    while !matches!(found, Ok(Some(0))) {
        // SAFETY: the caller's socket is open until this thread has ended; its handle takes I/O requests.
        unsafe { CancelIoEx(raw(socket) as HANDLE, ptr::null()) };
        found = alarm.wait(&[done], Some(clock::now() + AGAIN));
    }
}

/// What the round trip is taken for before it is known. Windows waits three times as long for an answer to the first
/// SYN, and twice as long after each further one; 350 ms is 5 % above its default and keeps its own giving up (3.15 s
/// after two SYNs) behind a limit of whole seconds.
const ROUND_TRIP: Duration = Duration::from_millis(350);

/// Does not repeat a SYN more often than the limit leaves time for, and on loopback, where none is lost, once: a queue of
/// connections that is full answers with RST there, and has room again a moment later.
///
/// Windows repeats a SYN also when it was refused: each 500 ms, as often as it would repeat one that was lost, so that
/// a closed port takes 2 s to say so (KB 175523), beyond a short limit it even passes for silence. Never to repeat, as
/// libuv and curl do on loopback, would report a refusal at once, but one lost packet would be a timeout. With as many
/// repetitions as fit into the limit nothing is lost that could have been seen, and with the default timeout a refusal
/// takes a second. A limit of more than 15 s, or none, leaves the system its own numbers.
fn fit_retransmissions(socket: &Socket, address: &SockAddr, limit: Option<Instant>) {
    let left = limit.map(|limit| limit.saturating_duration_since(clock::now()));
    let loopback = address.as_socket().is_some_and(|address| address.ip().is_loopback());
    let Some(count) = left.and_then(|left| repetitions(left, loopback)) else { return };
    let mut parameters = TCP_INITIAL_RTO_PARAMETERS {
        Rtt: ROUND_TRIP.as_millis() as u16,
        MaxSynRetransmissions: match count {
            0 if knows_none() => TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS as u8,
            count => count.max(1),
        },
    };
    let length = size_of_val(&parameters) as u32;
    let mut returned = 0;
    // Refused (a datagram socket, Windows 7), the attempt is the same and only takes longer.
    // SAFETY: pointer and length describe the structure that the request reads; there is no output, no overlap.
    unsafe {
        let (input, none) = ((&raw mut parameters).cast(), ptr::null_mut());
        WSAIoctl(raw(socket), SIO_TCP_INITIAL_RTO, input, length, none, 0, &mut returned, ptr::null_mut(), None);
    }
}

/// Whether TCP_INITIAL_RTO_NO_SYN_RETRANSMISSIONS is understood, as from Windows 10, version 1709 on; an older system
/// might take it for a number.
fn knows_none() -> bool {
    const VERSION_1709: (u32, u32) = (10, 16299);
    let size = size_of::<OSVERSIONINFOW>() as u32;
    let mut version = OSVERSIONINFOW { dwOSVersionInfoSize: size, ..Default::default() };
    // SAFETY: the structure, which tells its size, is ours to be filled.
    let known = unsafe { RtlGetVersion(&mut version) } == STATUS_SUCCESS;
    known && (version.dwMajorVersion, version.dwBuildNumber) >= VERSION_1709
}

/// The least number of repeated SYNs with which the system does not give up before `limit`; `None` when that needs more
/// than it would send by itself.
fn retransmissions(limit: Duration) -> Option<u8> {
    (0..=3).find(|&count| 3 * ROUND_TRIP * ((2 << count) - 1) > limit)
}

/// How often a SYN is repeated; `None` leaves it to the system.
fn repetitions(left: Duration, loopback: bool) -> Option<u8> {
    match retransmissions(left) {
        count if loopback => Some(count.map_or(1, |count| count.min(1))),
        count => count,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_on_loopback_is_asked_for_once_more() {
        for (millis, count) in [(1000, 0), (1050, 1), (5000, 1), (60_000, 1)] {
            assert_eq!(repetitions(Duration::from_millis(millis), true), Some(count), "{millis} ms");
        }
        assert_eq!(repetitions(Duration::from_secs(60), false), None);
    }

    #[test]
    fn a_syn_is_repeated_as_often_as_the_limit_leaves_time_for() {
        for (millis, count) in [
            (1, Some(0)),
            (1000, Some(0)),
            (1050, Some(1)),
            (3000, Some(1)),
            (3150, Some(2)),
            (5000, Some(2)),
            (7000, Some(2)),
            (10_000, Some(3)),
            (15_000, Some(3)),
            (15_750, None),
            (3_600_000, None),
        ] {
            assert_eq!(retransmissions(Duration::from_millis(millis)), count, "{millis} ms");
        }
    }
}
