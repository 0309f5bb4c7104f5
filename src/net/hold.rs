//! A connection that is kept after the handshake: what comes, and who ends it. Nothing is ever sent.

use std::io::{ErrorKind, Read};
use std::time::{Duration, Instant};

use socket2::Socket;

use crate::model::{Code, End, Evidence, Hold, Phase};
use crate::net::sys;

/// A connection that is held.
#[derive(Debug)]
pub struct Held {
    /// What was known when it was connected.
    connected: Evidence,
    since: Instant,
    /// How long it is to be held.
    time: Duration,
    received: Vec<u8>,
}

/// What a look at the socket found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Found {
    /// Nothing that was not there before.
    Nothing,
    /// Bytes; more may come.
    Bytes,
    /// This ended the hold.
    End(End),
}

impl Held {
    /// Holds a connection from now on.
    pub fn begin(socket: &Socket, connected: Evidence, now: Instant, time: Duration) -> Self {
        sys::prepare_hold(socket, connected.address);
        Held { connected, since: now, time, received: Vec::new() }
    }

    /// Whether the hold is not over at that instant.
    pub fn lasts_beyond(&self, at: Instant) -> bool {
        at.saturating_duration_since(self.since) < self.time
    }

    /// Takes what lies in the socket. The bytes come before the end, also before a reset (tcp_recvmsg_locked() in
    /// net/ipv4/tcp.c).
    pub fn look(&mut self, socket: &Socket) -> Found {
        let mut found = Found::Nothing;
        loop {
            let mut buffer = [0; Hold::MOST_RECEIVED];
            let room = Hold::MOST_RECEIVED - self.received.len();
            match (&mut &*socket).read(&mut buffer[..room]) {
                Ok(0) => return Found::End(End::Closed),
                Ok(count) => {
                    self.received.extend_from_slice(&buffer[..count]);
                    if self.received.len() == Hold::MOST_RECEIVED {
                        return Found::End(End::Success);
                    }
                    found = Found::Bytes;
                }
                Err(error) if error.kind() == ErrorKind::WouldBlock => return found,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Found::End(End::Error(sys::code(&error))),
            }
        }
    }

    /// What is known when the hold has ended.
    pub fn evidence(self, socket: &Socket, end: End, now: Instant) -> Evidence {
        let elapsed = now.saturating_duration_since(self.since);
        let window = sys::tcp_facts(socket).terms.window;
        let hold = Hold { elapsed, full: elapsed >= self.time, received: self.received, window };
        Evidence { phase: Phase::Hold, end, hold: Some(hold), ..self.connected }
    }
}

impl Found {
    /// The code that ended it.
    pub fn code(self) -> Option<Code> {
        match self {
            Found::End(End::Error(code)) => Some(code),
            _ => None,
        }
    }
}
