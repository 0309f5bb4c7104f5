//! Sockets whose connect was refused, kept for further attempts: a new socket for each closed port costs more than the rest
//! of the attempt.
//!
//! Truth comes before speed. A socket is kept only where a RST refused the first SYN, no message of ICMP came, and the
//! system says that it is as good as new ([`sys::renew`]). Then nothing of the first attempt is left in it.

use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use socket2::Socket;

use crate::model::{Attempt, By, Outcome, Phase};
use crate::net::sys;

/// So many are kept at most. What one look at the sockets brings is used by the attempts that begin next.
const MOST: usize = 64;

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
        if leaves_nothing(attempt) && sys::renew(&socket) {
            let mut sockets = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            let kept = &mut sockets[usize::from(attempt.address.is_ipv6())];
            if kept.len() < MOST {
                kept.push(socket);
            }
        }
    }
}

/// Whether a RST refused the first SYN, and no message came: the error is taken, and the error queue is empty.
fn leaves_nothing(attempt: &Attempt) -> bool {
    attempt.outcome == Outcome::Refused
        && attempt.by == Some(By::Peer)
        && attempt.phase == Some(Phase::Completion)
        && attempt.icmp.is_none()
        && attempt.syns == Some(1)
}
