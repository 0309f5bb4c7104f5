//! connect(), at once or with a limit.

use std::io;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use socket2::{SockAddr, Socket};

use super::code;
use super::signals::{mask, signal};
use crate::model::Code;
use crate::net::clock;
use crate::net::sys::Called;

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
    // A signal that was pending has been handled by now, and does not interrupt what is called next. One that comes
    // between the two is seen when the call ends.
    let result = if signal().is_some() { Err(Errno::EINTR.into()) } else { socket.connect(address) };
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
    super::bsd::interrupt_after(left, on_signal_alarm)
}

#[cfg(not(target_os = "linux"))]
fn clear_connect_limit() {
    super::bsd::stop_interrupting();
}

#[cfg(not(target_os = "linux"))]
extern "C" fn on_signal_alarm(_: libc::c_int) {}
