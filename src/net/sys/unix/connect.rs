//! connect(), at once or with a limit.

use std::io;
use std::time::Instant;

use nix::errno::Errno;
use socket2::{SockAddr, Socket};

use super::alarm::Alarm;
use super::code;
use super::signals::signal;
use crate::model::Code;
use crate::net::sys::Called;

/// connect() on a nonblocking socket. The limit is the caller's to keep; how often a SYN is repeated does not depend
/// on it here.
pub fn connect(socket: &Socket, address: &SockAddr, _limit: Option<Instant>) -> Called {
    called(socket.connect(address))
}

/// connect() on a blocking socket. At `limit` a signal interrupts the call, which ends the wait and not the attempt.
pub fn connect_blocking(socket: &Socket, address: &SockAddr, limit: Option<Instant>) -> Called {
    let _alarm = match limit.map(Alarm::at).transpose() {
        Ok(alarm) => alarm,
        Err(error) => return Called::Failed(code(&error)),
    };
    // A signal that comes between this look and the call is seen when the call ends.
    called(if signal().is_some() { Err(Errno::EINTR.into()) } else { socket.connect(address) })
}

fn called(result: io::Result<()>) -> Called {
    let Err(error) = result else { return Called::Done };
    match code(&error) {
        // connect(2): a signal does not end the attempt, it goes on in the background.
        pending @ Code::Os(libc::EINPROGRESS | libc::EINTR) => Called::Pending(pending),
        failed => Called::Failed(failed),
    }
}
