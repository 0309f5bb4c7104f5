//! Sockets whose connect was refused, or given up, kept for further attempts: a new socket for each closed port costs more
//! than the rest of the attempt.
//!
//! Truth comes before speed. A socket is kept only where a RST refused the first SYN or nobody answered, no message of ICMP
//! came, and the system says that it is as good as new ([`sys::renew`]). Then nothing of the first attempt is left in it.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use socket2::Socket;

use crate::model::{Attempt, By, Outcome, Phase};
use crate::net::sys;

/// So many are kept at most. What one look at the sockets brings is used by the attempts that begin next.
const MOST: usize = 256;

/// Sockets of one run, whose options are the same for every attempt: those of IPv4, and those of IPv6.
#[derive(Debug, Default)]
pub struct Spare(Mutex<[Vec<Socket>; 2]>);

impl Spare {
    /// A socket for this address, if there is one.
    pub fn take(&self, address: SocketAddr) -> Option<Socket> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)[usize::from(address.is_ipv6())].pop()
    }

    /// Keeps the socket of an attempt that came to this, where it can be made as good as new.
    pub fn keep(&self, attempt: &Attempt, socket: Socket) {
        if is_as_good_as_new(attempt, &socket) {
            let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = &mut sockets[usize::from(attempt.address.is_ipv6())];
            if kept.len() < MOST {
                kept.push(socket);
            }
        }
    }
}

/// Makes it so, where that is possible.
fn is_as_good_as_new(attempt: &Attempt, socket: &Socket) -> bool {
    if attempt.phase != Some(Phase::Completion) || attempt.icmp.is_some() {
        return false;
    }
    match (attempt.outcome, attempt.by) {
        // The error is taken, the error queue is empty, and nothing more comes: the connect has ended.
        (Outcome::Refused, Some(By::Peer)) => attempt.syns == Some(1) && sys::renew(socket),
        (Outcome::TimedOut, Some(By::Limit)) => sys::renew(socket) && sys::is_clean(socket),
        _ => false,
    }
}
