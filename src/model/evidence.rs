//! What is known when an attempt has ended.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{Code, DropPoint, Icmp, Phase, Platform, Protocol, RouteKind};

/// What the system's routing says of a destination.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// The type of the route chosen.
    pub kind: Option<RouteKind>,
    /// Outgoing interface.
    pub interface: Option<String>,
    /// Whether that is the loopback interface.
    pub loopback: bool,
    /// Next hop, when the destination is not on the link.
    pub gateway: Option<IpAddr>,
    /// Source address that the system would choose.
    pub source: Option<IpAddr>,
    /// The code with which the lookup itself failed.
    pub error: Option<Code>,
}

/// What ended an attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The handshake completed, or a reply came.
    Success,
    /// The system returned a code.
    Error(Code),
    /// Our limit ran out first.
    Limit,
    /// A signal ended it.
    Interrupted,
    /// Another address connected first.
    Overtaken,
    /// The other end closed a connection that was held.
    Closed,
}

/// What became of a connection that was held.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hold {
    /// From the end of the connect to the end of the hold.
    pub elapsed: Duration,
    /// It took as long as was asked for.
    pub full: bool,
    /// The first bytes that came.
    pub received: Vec<u8>,
    /// Bytes that the other end took in the end; `None` where this system cannot tell.
    pub window: Option<u32>,
}

/// What the other end told of itself in the handshake; every part is `None` where this system cannot tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Handshake {
    /// Bytes that it takes, scaled. 0: the window is closed.
    pub window: Option<u32>,
    /// Shift of its windows after the SYN (RFC 7323 section 2); also `None` where it did not offer to scale them.
    pub window_scale: Option<u8>,
    /// Bytes of data that a segment to it has at most.
    pub mss: Option<u32>,
    /// Both ends send timestamps (RFC 7323 section 3).
    pub timestamps: Option<bool>,
    /// Both ends acknowledge selectively (RFC 2018).
    pub sack: Option<bool>,
    /// Both ends heed congestion marks (RFC 3168).
    pub ecn: Option<bool>,
}

impl Hold {
    /// Bytes that are kept of what comes. A server that has sent so many serves, and the hold ends.
    pub const MOST_RECEIVED: usize = 256;
}

/// What the kernel's TCP knows of an attempt; every part is `None` where this system cannot tell.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TcpFacts {
    /// SYN segments sent.
    pub syns: Option<u32>,
    /// Round trip of SYN and SYN/ACK.
    pub rtt: Option<Duration>,
    /// Whether the handshake was complete.
    pub handshake: Option<bool>,
    /// What was agreed on in it.
    pub terms: Handshake,
    /// Whether the connect has come to its end, whichever it was.
    pub decided: Option<bool>,
}

/// What the table of neighbours (ARP, neighbour discovery) has of the next hop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Neighbour {
    /// Its link address is known, or none is needed.
    Resolved,
    /// Its link address is still asked for, or was in vain: what was sent has not left this machine.
    Unresolved,
    /// There is no entry, although what was sent needs one: the table is full.
    Missing,
}

/// Packets that this machine dropped while an attempt was in flight.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LocalDrop {
    /// On which way.
    pub point: DropPoint,
    /// How many: of this attempt where it is certain, of everybody otherwise.
    pub count: u64,
    /// The counters show that packets of this attempt were among them.
    pub certain: bool,
}

/// Everything that is known when an attempt has ended.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// The system whose code it is.
    pub platform: Platform,
    /// Where to.
    pub address: SocketAddr,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The step in which it ended.
    pub phase: Phase,
    /// What ended it.
    pub end: End,
    /// At our limit: the pending error that the kernel remembers although it goes on.
    pub soft: Option<Code>,
    /// Our end; tells a self-connect and our own ICMP messages.
    pub local: Option<SocketAddr>,
    /// ICMP messages, oldest first, each with the code that the kernel made of it.
    pub icmp: Vec<(Icmp, i32)>,
    /// What the kernel's TCP knows.
    pub tcp: TcpFacts,
    /// How the connection was held; the other parts are then those of the connect.
    pub hold: Option<Hold>,
    /// The address that a reply to a datagram came from.
    pub reply_from: Option<SocketAddr>,
    /// Something answered connect() in the place of TCP, and TCP sent nothing.
    pub intercepted: bool,
    /// What the routing table says of the socket's packets, where it was asked.
    pub route: Option<Route>,
    /// What it says without the socket's source and interface, where it was asked.
    pub unbound: Option<Route>,
    /// What is known of the next hop, where it was asked.
    pub neighbour: Option<Neighbour>,
    /// What this machine dropped meanwhile, where it was asked.
    pub local_drop: Option<LocalDrop>,
    /// The user asked for a source address or interface.
    pub source_given: bool,
    /// The kernel ended it, and not we at the first message.
    pub kernel_ended: bool,
    /// connect() itself waited, so that its code may be anybody's.
    pub blocking: bool,
    /// From the call of connect() to the end.
    pub elapsed: Duration,
}

impl Evidence {
    /// An attempt of which no more is known than how it ended.
    pub fn new(address: SocketAddr, protocol: Protocol, phase: Phase, end: End) -> Self {
        Evidence {
            platform: Platform::HERE,
            address,
            protocol,
            phase,
            end,
            soft: None,
            local: None,
            icmp: Vec::new(),
            tcp: TcpFacts::default(),
            hold: None,
            reply_from: None,
            intercepted: false,
            route: None,
            unbound: None,
            neighbour: None,
            local_drop: None,
            source_given: false,
            kernel_ended: true,
            blocking: false,
            elapsed: Duration::ZERO,
        }
    }
}
