//! What is known when an attempt has ended.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use super::{Code, Icmp, Phase, Protocol, RouteKind};

/// What the system's routing says of a destination.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// The type of the route chosen.
    pub kind: Option<RouteKind>,
    /// Outgoing interface.
    pub interface: Option<String>,
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
}

/// Everything that is known when an attempt has ended.
#[derive(Debug, Clone)]
pub struct Evidence {
    /// Where to.
    pub address: SocketAddr,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The step in which it ended.
    pub phase: Phase,
    /// What ended it.
    pub end: End,
    /// At our limit: what the kernel remembers although it goes on (SO_ERROR's soft error).
    pub soft: Option<Code>,
    /// At our limit: the next hop's address is still asked for, or was in vain (ARP, neighbour discovery).
    pub unresolved: bool,
    /// Our end; tells a self-connect and our own ICMP messages.
    pub local: Option<SocketAddr>,
    /// ICMP messages, oldest first, each with the code that the kernel made of it.
    pub icmp: Vec<(Icmp, i32)>,
    /// What the kernel's TCP knows.
    pub tcp: TcpFacts,
    /// A filter answered connect() in the place of TCP, and nothing was sent.
    pub filtered: bool,
    /// What the routing table says, where it was asked.
    pub route: Option<Route>,
    /// The user asked for a source address or interface.
    pub source_given: bool,
    /// The kernel ended it, and not we at the first message.
    pub kernel_ended: bool,
    /// connect() itself waited, so that its code may be anybody's.
    pub blocking: bool,
    /// From the call of connect() to the end.
    pub elapsed: Duration,
}
