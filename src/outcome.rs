//! What one attempt, one lookup and one target came to: plain values, no I/O, no clock.
//!
//! Everything that is reported is read from here; everything that is measured is written here once.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Duration, SystemTime};

use crate::icmp::Icmp;
use crate::taxonomy::Code;

/// Declares an enum whose variants have a stable slug: the word that users, scripts and the JSON schema see.
macro_rules! slugs {
    ($(#[$meta:meta])* $name:ident { $($(#[$doc:meta])* $variant:ident = $slug:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $($(#[$doc])* $variant,)* }

        impl $name {
            /// Every value, in the documented order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The stable word for this value.
            pub const fn slug(self) -> &'static str {
                match self { $($name::$variant => $slug,)* }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(self.slug())
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(self.slug())
            }
        }
    };
}
pub(crate) use slugs;

slugs! {
    /// What an attempt or a target came to: the cause, not the number. The order is that of the manual's table;
    /// [`Outcome::rank`] has the order that picks a target's outcome from its attempts.
    Outcome {
        /// The handshake was completed (UDP: a reply came).
        Connected = "connected",
        /// Actively refused: RST, or ICMP port or protocol unreachable.
        Refused = "refused",
        /// Nothing decided it in time; [`By`] tells our limit from the system's own.
        TimedOut = "timed-out",
        /// Network or host cannot be reached; [`By`] tells who says so.
        Unreachable = "unreachable",
        /// Forbidden by local policy or by a router's "administratively prohibited".
        Denied = "denied",
        /// A local resource is missing: address, port, buffer, descriptor, network.
        Unavailable = "unavailable",
        /// Family, protocol or operation not supported on this machine.
        Unsupported = "unsupported",
        /// The request itself cannot be carried out as asked.
        Invalid = "invalid",
        /// The handshake was complete, then torn down before we looked.
        Reset = "reset",
        /// TCP connected to itself: nobody is listening.
        SelfConnected = "self-connected",
        /// UDP only: sent, no reply and no error; proves nothing.
        Unconfirmed = "unconfirmed",
        /// A signal ended it.
        Interrupted = "interrupted",
        /// Another address was enough.
        Cancelled = "cancelled",
        /// Not tried; the reason is told.
        Skipped = "skipped",
        /// The name gave no address.
        Unresolved = "unresolved",
        /// Any other code; its number is shown.
        Failed = "failed",
    }
}

impl Outcome {
    /// How far an unsuccessful attempt got; the lowest rank names the target when its requirement does not hold.
    ///
    /// "reset, refused, denied, timed-out, unreachable, unavailable, and so on down this table."
    pub fn rank(self) -> usize {
        use Outcome::*;
        const ORDER: [Outcome; 16] = [
            Connected,
            Reset,
            Refused,
            Denied,
            TimedOut,
            Unreachable,
            Unavailable,
            Unsupported,
            Invalid,
            SelfConnected,
            Unconfirmed,
            Interrupted,
            Cancelled,
            Skipped,
            Unresolved,
            Failed,
        ];
        ORDER.iter().position(|&o| o == self).unwrap_or(ORDER.len())
    }
}

slugs! {
    /// Who decided an attempt.
    By {
        /// The probed address itself answered.
        Peer = "peer",
        /// Another address answered (`icmp.from`).
        Router = "router",
        /// The next hop does not answer address resolution (ARP, neighbour discovery).
        Neighbour = "neighbour",
        /// This machine: its routes, its policy, its resources.
        Local = "local",
        /// Our own limit ran out; the system had not given up.
        Limit = "limit",
        /// The system's own time-out.
        System = "system",
    }
}

slugs! {
    /// The step in which an attempt ended.
    Phase {
        /// getaddrinfo()
        Resolve = "resolve",
        /// socket()
        Socket = "socket",
        /// setsockopt()
        Option = "option",
        /// bind()
        Bind = "bind",
        /// The call of connect() itself (UDP: or send()).
        Connect = "connect",
        /// After connect() said EINPROGRESS / WSAEWOULDBLOCK (UDP: waiting for a reply).
        Completion = "completion",
    }
}

slugs! {
    /// Transport protocol of a target.
    Protocol {
        /// Stream socket.
        Tcp = "tcp",
        /// Datagram socket.
        Udp = "udp",
    }
}

slugs! {
    /// How connect() is called.
    Mode {
        /// connect() returns at once, completion is waited for.
        Nonblocking = "nonblocking",
        /// connect() itself waits.
        Blocking = "blocking",
    }
}

slugs! {
    /// Which of a target's addresses are tried.
    Strategy {
        /// Every address.
        All = "all",
        /// In order, until one connects.
        First = "first",
    }
}

slugs! {
    /// The finest distinction that the evidence allows; advice hangs on it.
    Cause {
        /// RST answered the SYN.
        Rst = "rst",
        /// ICMP port unreachable.
        PortUnreachable = "port-unreachable",
        /// ICMP protocol unreachable.
        ProtocolUnreachable = "protocol-unreachable",
        /// ICMP "administratively prohibited" and its kin.
        Prohibited = "prohibited",
        /// ICMP: no route, host or network unreachable, said by a router.
        RouterUnreachable = "router-unreachable",
        /// ICMP time exceeded: routing loop, or our own TTL.
        TtlExceeded = "ttl-exceeded",
        /// ICMP parameter problem and other header complaints.
        ParameterProblem = "parameter-problem",
        /// The next hop does not answer ARP or neighbour discovery.
        NeighbourSilent = "neighbour-silent",
        /// This machine has no route to the destination.
        NoRoute = "no-route",
        /// An `unreachable` route or rule on this machine.
        UnreachableRoute = "unreachable-route",
        /// A `prohibit` route or rule on this machine.
        ProhibitRoute = "prohibit-route",
        /// A `blackhole` route or rule on this machine.
        BlackholeRoute = "blackhole-route",
        /// Multicast, broadcast or reserved destination for TCP.
        NotUnicast = "not-unicast",
        /// Source address or interface does not fit the destination.
        SourceMismatch = "source-mismatch",
        /// The source address is not on this machine.
        SourceAddress = "source-address",
        /// The local port is taken, or all are.
        LocalPorts = "local-ports",
        /// No usable source address in this family.
        NoSourceAddress = "no-source-address",
        /// No such interface, or it is gone.
        NoInterface = "no-interface",
        /// Descriptors ran out.
        Descriptors = "descriptors",
        /// Kernel memory or buffers ran out.
        Buffers = "buffers",
        /// The network subsystem is down.
        NetworkDown = "network-down",
        /// A local policy other than a route: firewall, cgroup, Landlock, seccomp, IPsec, privilege.
        LocalPolicy = "local-policy",
        /// A datagram to a broadcast address without SO_BROADCAST.
        Broadcast = "broadcast",
        /// A link-local address without its interface.
        ScopeMissing = "scope-missing",
        /// No answer at all.
        Silence = "silence",
        /// Connected, then reset at once.
        ResetAfterHandshake = "reset-after-handshake",
        /// Reset, with no proof of a handshake.
        ResetEarly = "reset-early",
        /// The socket's two ends are the same.
        SelfConnect = "self-connect",
        /// UDP: neither reply nor error.
        NoReply = "no-reply",
        /// No such name.
        NoSuchName = "no-such-name",
        /// The name has no address (of that family).
        NoData = "no-data",
        /// A literal of the other family than asked for.
        WrongFamily = "wrong-family",
        /// The resolver did not answer or failed; may work later.
        ResolverAgain = "resolver-again",
        /// The resolver failed for good.
        ResolverFailed = "resolver-failed",
        /// Our limit ran out while the resolver worked.
        ResolverLimit = "resolver-limit",
    }
}

/// A step in the life of an attempt, for `-v`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Since the attempt's first step, socket().
    pub at: Duration,
    /// `socket`, `setsockopt`, `bind`, `connect`, `send`, `recv`, `error-queue`, `writable`, `SO_ERROR`, `limit`, `signal`.
    pub event: &'static str,
    /// The code that this step returned.
    pub error: Option<Code>,
}

/// What the system's routing says of a destination.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Route {
    /// `unicast`, `local`, `broadcast`, `multicast`, `blackhole`, …: the type of the route chosen.
    pub kind: Option<&'static str>,
    /// Outgoing interface.
    pub interface: Option<String>,
    /// Next hop, when the destination is not on the link.
    pub gateway: Option<IpAddr>,
    /// Source address that the system would choose.
    pub source: Option<IpAddr>,
    /// The code with which the lookup itself failed.
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
    /// The code that the system returned; `None` when it returned none (connected, our own limit, not tried).
    pub error: Option<Code>,
    /// Our end of the connection.
    pub local: Option<SocketAddr>,
    /// The ICMP message that ended the attempt, or the first of those that did not.
    pub icmp: Option<Icmp>,
    /// SYN segments sent.
    pub syns: Option<u32>,
    /// Round trip of SYN and SYN/ACK as the kernel measured it.
    pub rtt: Option<Duration>,
    /// What the routing table says of the destination (asked for when it explains a failure).
    pub route: Option<Route>,
    /// Why it was not tried, for [`Outcome::Skipped`] and [`Outcome::Cancelled`].
    pub reason: Option<&'static str>,
    /// One line: what to look at next.
    pub advice: Option<String>,
    /// Steps with their times, recorded at `-v`.
    pub events: Vec<Event>,
}

impl Attempt {
    /// An attempt that was not made.
    pub fn skipped(
        address: SocketAddr,
        number: u32,
        started: Duration,
        outcome: Outcome,
        reason: &'static str,
    ) -> Self {
        Attempt {
            address,
            number,
            started,
            outcome,
            elapsed: Duration::ZERO,
            by: None,
            cause: None,
            phase: None,
            error: None,
            local: None,
            icmp: None,
            syns: None,
            rtt: None,
            route: None,
            reason: Some(reason),
            advice: None,
            events: Vec::new(),
        }
    }
}

slugs! {
    /// How a traced path ends.
    PathEnd {
        /// The destination accepted the connection (UDP: replied).
        Connected = "connected",
        /// The destination itself answered no.
        Answered = "answered",
        /// Somebody on the way said that there is no way on.
        Rejected = "rejected",
        /// This machine, or its own link, let nothing out.
        Local = "local",
        /// A router answers again and again behind others: packets go in circles.
        Loop = "loop",
        /// The last hop that is looked at answered, and is not the destination.
        TooFar = "too-far",
        /// Beyond the last hop that answered there is silence.
        Silence = "silence",
    }
}

/// One hop of a traced path.
#[derive(Debug, Clone)]
pub struct Hop {
    /// Time to live, or hop limit, of the segment.
    pub ttl: u8,
    /// Who answered; `None` for silence and for a local error.
    pub address: Option<IpAddr>,
    /// From the call of connect() to the answer.
    pub elapsed: Duration,
    /// What the connect with this time to live came to; `timed-out` for silence.
    pub outcome: Outcome,
    /// The code that the system returned.
    pub error: Option<Code>,
    /// The message that came.
    pub icmp: Option<Icmp>,
    /// Who decided it.
    pub by: Option<By>,
}

impl Hop {
    /// The hop that an attempt with this time to live shows.
    pub fn new(ttl: u8, attempt: Attempt) -> Self {
        let decisive = attempt.icmp.filter(|icmp| icmp.decisive);
        let peer = matches!(attempt.outcome, Outcome::Connected | Outcome::Reset) || attempt.by == Some(By::Peer);
        let to = attempt.address.ip().to_canonical();
        let address = decisive.as_ref().map(|icmp| icmp.from).or(peer.then_some(to));
        let Attempt { elapsed, outcome, error, by, .. } = attempt;
        Hop { ttl, address, elapsed, outcome, error, icmp: decisive, by }
    }

    /// Whether the path ends here: any answer but "time exceeded", or an error of this machine.
    pub fn ends(&self) -> bool {
        match &self.icmp {
            Some(icmp) => icmp.verdict() != crate::icmp::Verdict::TtlExceeded,
            None => !matches!(self.outcome, Outcome::TimedOut | Outcome::Unconfirmed),
        }
    }
}

/// Where packets to an address get to.
#[derive(Debug, Clone)]
pub struct Path {
    /// The destination.
    pub address: SocketAddr,
    /// From the first hop to the end, or to the last that answered.
    pub hops: Vec<Hop>,
    /// How it ends.
    pub end: PathEnd,
}

/// The hops at which one that answers from this address is met, each time after another one.
pub fn visits(hops: &[Hop], address: IpAddr) -> impl Iterator<Item = u8> {
    let met = move |index: usize| hops[index].address == Some(address);
    (0..hops.len()).filter(move |&index| met(index) && (index == 0 || !met(index - 1))).map(|index| hops[index].ttl)
}

/// How the lookup of a host went.
#[derive(Debug, Clone, Default)]
pub struct Lookup {
    /// Zero for a literal.
    pub elapsed: Duration,
    /// Distinct addresses, in the resolver's order.
    pub addresses: usize,
    /// Addresses that the resolver gave more than once.
    pub duplicates: usize,
    /// The resolver's own code, or a local shortage.
    pub error: Option<Code>,
    /// `Limit` when our limit ran out first, `Local` for a local shortage, `System` when the resolver failed.
    pub by: Option<By>,
    /// The finest cause that the code allows.
    pub cause: Option<Cause>,
    /// One line: what to look at next.
    pub advice: Option<String>,
}

/// What one target (a host and one port) came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// As a user would write it: `db.example:5432`, `[::1]:80`.
    pub target: String,
    /// The host as written.
    pub host: Rc<str>,
    /// The port.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// How connect() was called.
    pub mode: Mode,
    /// Which addresses were tried.
    pub strategy: Strategy,
    /// Wall clock at the start.
    pub started_at: SystemTime,
    /// From the start (lookup included) to the decision.
    pub elapsed: Duration,
    /// What it came to.
    pub outcome: Outcome,
    /// Whether its requirement holds.
    pub good: bool,
    /// Good, but some address failed.
    pub partial: bool,
    /// How the lookup went.
    pub lookup: Lookup,
    /// In the order of the addresses, then of the tries.
    pub attempts: Vec<Attempt>,
    /// Where packets get to; asked for by `--trace`.
    pub trace: Option<Vec<Path>>,
}

impl Report {
    /// The addresses that were tried, each once.
    pub fn tried(&self) -> Vec<SocketAddr> {
        let mut addresses: Vec<SocketAddr> =
            self.attempts.iter().filter(|attempt| attempt.phase.is_some()).map(|attempt| attempt.address).collect();
        addresses.dedup();
        addresses
    }
}
