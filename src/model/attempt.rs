//! What one attempt came to.

use std::net::SocketAddr;
use std::time::Duration;

use super::{By, Cause, Code, Ended, EventKind, Handshake, Hold, Icmp, LocalDrop, Outcome, Phase, Reason, Route};

/// A step in the life of an attempt, for `-v`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Since the attempt's first step, socket().
    pub at: Duration,
    /// Which step it was.
    pub event: EventKind,
    /// The code that this step returned.
    pub error: Option<Code>,
}

/// What one attempt at one address came to.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// Where to, scope id included.
    pub address: SocketAddr,
    /// 1 for the first try of this address.
    pub number: u32,
    /// Since the target's start.
    pub started: Duration,
    /// From the call of connect(): what a program would have waited.
    pub elapsed: Duration,
    /// What it came to.
    pub outcome: Outcome,
    /// Who decided it; `None` when connected or not tried.
    pub by: Option<By>,
    /// The finest cause that the evidence allows.
    pub cause: Option<Cause>,
    /// The step in which it ended; `None` when not tried.
    pub phase: Option<Phase>,
    /// What ended it; `None` when not tried.
    pub ended: Option<Ended>,
    /// A signal or the deadline ended it before its own limit: it might have come to something else.
    pub cut_short: bool,
    /// The code that the system returned; `None` when it returned none (connected, our own limit, not tried).
    pub error: Option<Code>,
    /// Our end of the connection.
    pub local: Option<SocketAddr>,
    /// The address that a reply to a datagram came from; another one than was asked where that is a group.
    pub reply_from: Option<SocketAddr>,
    /// The ICMP message that ended the attempt, or the first of those that did not.
    pub icmp: Option<Icmp>,
    /// SYN segments sent.
    pub syns: Option<u32>,
    /// Round trip of SYN and SYN/ACK as the kernel measured it.
    pub rtt: Option<Duration>,
    /// What was agreed on in the handshake; `None` where none was completed, or this system tells nothing of it.
    pub handshake: Option<Handshake>,
    /// What became of the connection while it was held; `None` where it was not.
    pub hold: Option<Hold>,
    /// What the routing table says of the destination (asked for when it explains a failure).
    pub route: Option<Route>,
    /// What this machine dropped while nobody answered.
    pub local_drop: Option<LocalDrop>,
    /// Why it was not tried ([`Outcome::Skipped`]) or not seen to its end ([`Outcome::Cancelled`]).
    pub reason: Option<Reason>,
    /// Steps with their times, recorded at `-v`.
    pub events: Vec<Event>,
}

impl Attempt {
    /// An attempt that was not made.
    pub fn skipped(address: SocketAddr, number: u32, started: Duration, outcome: Outcome, reason: Reason) -> Self {
        Attempt {
            address,
            number,
            started,
            outcome,
            elapsed: Duration::ZERO,
            by: None,
            cause: None,
            phase: None,
            ended: None,
            cut_short: false,
            error: None,
            local: None,
            reply_from: None,
            icmp: None,
            syns: None,
            rtt: None,
            handshake: None,
            hold: None,
            route: None,
            local_drop: None,
            reason: Some(reason),
            events: Vec::new(),
        }
    }
}
