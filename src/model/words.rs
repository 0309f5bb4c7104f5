//! The words that users, scripts and the JSON schema see, each with the one sentence that says what it means.

use std::fmt;
use std::net::IpAddr;

/// Declares an enum whose variants have a stable slug (the word that users, scripts and the JSON schema see) and one
/// sentence that says what it stands for. Manual, schema and `--explain` read the sentence from here.
macro_rules! slugs {
    ($(#[$meta:meta])* $name:ident { $($variant:ident = $slug:literal: $meaning:literal,)* }) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name { $(#[doc = $meaning] $variant,)* }

        // Not every enum is listed, and not every sentence is shown.
        #[allow(dead_code)]
        impl $name {
            /// Every value, in the documented order.
            pub const ALL: &'static [$name] = &[$($name::$variant,)*];

            /// The stable word for this value.
            pub const fn slug(self) -> &'static str {
                match self { $($name::$variant => $slug,)* }
            }

            /// What it stands for: one sentence, without a capital and a full stop.
            pub const fn meaning(self) -> &'static str {
                match self { $($name::$variant => $meaning,)* }
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
        Connected = "connected": "the handshake completed (UDP: a reply came)",
        Refused = "refused": "actively refused, by a RST or by ICMP port or protocol unreachable",
        TimedOut = "timed-out": "no answer came in time; by tells whose timeout ended it",
        Unreachable = "unreachable": "the network or host cannot be reached; by tells who reported it",
        Denied = "denied": "forbidden by a policy of this machine, or administratively prohibited by a router",
        Unavailable = "unavailable": "this machine lacks a resource",
        Unsupported = "unsupported": "this machine does not support the family, protocol or operation",
        Invalid = "invalid": "the request itself is not valid",
        Reset = "reset": "the handshake completed, then the connection was reset, at once or within --hold",
        ClosedByPeer = "closed-by-peer": "the connection was closed within --hold, and not a byte had come",
        Unserved = "unserved": "the handshake completed, but the window was closed then and at the end of --hold",
        SelfConnected = "self-connected": "TCP connected to itself; nobody is listening",
        Unconfirmed = "unconfirmed": "UDP only: neither a reply nor an error came, which proves nothing",
        Interrupted = "interrupted": "a signal ended it",
        Cancelled = "cancelled": "another address connected first",
        Skipped = "skipped": "not tried, for the reason given",
        Unresolved = "unresolved": "the name has no address",
        Failed = "failed": "any other error code; its number is shown",
    }
}

impl Outcome {
    /// How far an unsuccessful attempt got; the lowest rank names the target when its requirement does not hold.
    ///
    /// "closed-by-peer, unserved, reset, refused, denied, timed-out, unreachable, unavailable, and so on down this table."
    pub fn rank(self) -> usize {
        use Outcome::*;
        const ORDER: [Outcome; 18] = [
            Connected,
            ClosedByPeer,
            Unserved,
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
        Peer = "peer": "the probed address itself answered",
        Router = "router": "another address answered; see icmp.from",
        Neighbour = "neighbour": "the next hop does not answer address resolution",
        Local = "local": "this machine, by its routes, policies or resources",
        Limit = "limit": "a timeout or the deadline of rconnect expired",
        System = "system": "the timeout of the system itself, or its resolver",
    }
}

slugs! {
    /// What ended an attempt.
    Ended {
        System = "system": "the system decided it",
        Limit = "limit": "a timeout or the deadline of rconnect expired",
        Signal = "signal": "a signal ended it",
        Race = "race": "another address connected first",
    }
}

slugs! {
    /// The step in which an attempt ended.
    Phase {
        Resolve = "resolve": "getaddrinfo()",
        Socket = "socket": "socket()",
        Option = "option": "setsockopt()",
        Bind = "bind": "bind()",
        Connect = "connect": "the call of connect() itself (UDP: or of send())",
        Completion = "completion": "after connect() said EINPROGRESS or WSAEWOULDBLOCK (UDP: waiting for a reply)",
        Hold = "hold": "after the handshake, while the connection was held (--hold)",
    }
}

slugs! {
    /// Transport protocol of a target.
    Protocol {
        Tcp = "tcp": "stream socket",
        Udp = "udp": "datagram socket",
    }
}

slugs! {
    /// How connect() is called.
    Mode {
        Nonblocking = "nonblocking": "connect() returns at once, its completion is waited for",
        Blocking = "blocking": "connect() itself waits",
    }
}

slugs! {
    /// Which of a target's addresses are tried.
    Strategy {
        All = "all": "every address",
        First = "first": "in order, until one connects",
        Race = "race": "both families by turns, the next one after a short delay, until one connects (RFC 8305)",
    }
}

slugs! {
    /// The finest distinction that the evidence allows; advice hangs on it.
    Cause {
        Rst = "rst": "a RST answered the SYN",
        PortUnreachable = "port-unreachable": "ICMP port unreachable",
        ProtocolUnreachable = "protocol-unreachable": "ICMP protocol unreachable",
        Prohibited = "prohibited": "an ICMP message that says administratively prohibited",
        RouterUnreachable = "router-unreachable": "ICMP from a router: no route, host or network unreachable",
        TtlExceeded = "ttl-exceeded": "ICMP time exceeded: a routing loop, or a low --ttl",
        ParameterProblem = "parameter-problem": "ICMP parameter problem, or another message about a bad header",
        NeighbourSilent = "neighbour-silent": "the next hop does not answer ARP or neighbour discovery",
        NoRoute = "no-route": "this machine has no route to the destination",
        UnreachableRoute = "unreachable-route": "an unreachable route or rule on this machine",
        ProhibitRoute = "prohibit-route": "a prohibit route or rule on this machine",
        BlackholeRoute = "blackhole-route": "a blackhole route or rule on this machine",
        NotUnicast = "not-unicast": "the destination is not the address of one host: multicast, broadcast or unspecified",
        SourceMismatch = "source-mismatch": "the source address or interface does not fit the destination",
        SourceAddress = "source-address": "the source address is not on this machine",
        LocalPorts = "local-ports": "the local port, or every local port, is in use",
        NoSourceAddress = "no-source-address": "no usable source address in this family",
        NoInterface = "no-interface": "the interface does not exist, or no longer",
        Descriptors = "descriptors": "descriptors ran out",
        NeighbourTable = "neighbour-table": "the table of neighbours (ARP, neighbour discovery) is full",
        Buffers = "buffers": "kernel memory or buffers ran out",
        NetworkDown = "network-down": "the network subsystem is down",
        LocalPolicy = "local-policy": "a local policy other than a route: firewall, cgroup, Landlock, seccomp, IPsec, privilege",
        Intercepted = "intercepted": "a library or a filter answered connect() instead of TCP",
        Broadcast = "broadcast": "a datagram to a broadcast address without SO_BROADCAST",
        ScopeMissing = "scope-missing": "a link-local address without its interface",
        Silence = "silence": "no answer at all",
        OutputDrop = "output-drop": "this machine drops what it sends: firewall, connection tracking, cgroup, traffic control",
        InputDrop = "input-drop": "packets came in step with what was sent, and this machine drops them: a firewall rule",
        ReversePath = "reverse-path": "the answer comes by another interface; this machine's reverse-path filter drops it",
        ZeroWindow = "zero-window": "the handshake completed with a closed window: who answered takes no data yet",
        Fin = "fin": "connected, then closed by the other end without a byte",
        ResetAfterHandshake = "reset-after-handshake": "connected, then reset",
        ResetEarly = "reset-early": "reset, with no proof of a handshake",
        SelfConnect = "self-connect": "both ends of the connection are the same socket",
        NoReply = "no-reply": "UDP: neither a reply nor an error",
        NoSuchName = "no-such-name": "no such name",
        NoData = "no-data": "the name has no address (of that family)",
        WrongFamily = "wrong-family": "an address of another family than -4 or -6 selects",
        ResolverAgain = "resolver-again": "the resolver did not answer, or failed for now",
        ResolverFailed = "resolver-failed": "the resolver failed permanently",
        ResolverLimit = "resolver-limit": "a timeout or the deadline of rconnect expired during the lookup",
    }
}

slugs! {
    /// Where this machine drops packets.
    DropPoint {
        Output = "output": "on the way out, before the interface",
        Input = "input": "on the way in, before a socket",
        ReversePath = "reverse-path": "on the way in, by the reverse-path filter (rp_filter)",
        Socket = "socket": "at the socket: an answer that is not valid, or that its settings refuse",
    }
}

slugs! {
    /// How a traced path ends.
    PathEnd {
        Connected = "connected": "the destination accepted the connection (UDP: it replied)",
        Answered = "answered": "the destination, or a firewall in its name, refused",
        Rejected = "rejected": "the router at the last hop reported that packets get no further",
        Local = "local": "this machine did not send the packet, or its next hop does not answer",
        Loop = "loop": "the router at the last hop also answered for an earlier hop",
        TooFar = "too-far": "hop 30, the last one tested, answered and is not the destination",
        Silence = "silence": "nobody answers beyond the last hop",
    }
}

slugs! {
    /// What the times of the statistics are.
    Measure {
        Rtt = "rtt": "the round trip of SYN and SYN/ACK that the kernel measured",
        Elapsed = "elapsed": "from the call of connect() to its end (UDP: to the reply); the kernel tells no round trip",
    }
}

slugs! {
    /// The family of an address.
    Family {
        V4 = "ipv4": "IPv4",
        V6 = "ipv6": "IPv6",
    }
}

impl Family {
    /// The family of an address as it is written; an IPv4-mapped one is of IPv6.
    pub const fn of(ip: IpAddr) -> Family {
        match ip {
            IpAddr::V4(_) => Family::V4,
            IpAddr::V6(_) => Family::V6,
        }
    }
}

/// A system whose rules differ. Rules take it as a value, so that those of every system are tested on any.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Platform {
    /// Linux, and what has its numbers.
    Linux,
    /// macOS.
    Macos,
    /// FreeBSD and its kin.
    Bsd,
    /// Windows: the codes are those of Winsock.
    Windows,
}

impl Platform {
    /// This one.
    pub const HERE: Platform = if cfg!(windows) {
        Platform::Windows
    } else if cfg!(target_vendor = "apple") {
        Platform::Macos
    } else if cfg!(any(target_os = "linux", target_os = "android")) {
        Platform::Linux
    } else {
        Platform::Bsd
    };
}

slugs! {
    /// Why an address was not tried, or its attempt was cancelled.
    Reason {
        Deadline = "deadline": "the deadline was reached",
        Signal = "signal": "interrupted",
        NoRoute = "no-route": "no local route for this family",
        Enough = "enough": "an earlier address connected",
        Overtaken = "overtaken": "another address connected first",
    }
}

slugs! {
    /// The type of a route, as rtnetlink(7) and ip-route(8) name it.
    RouteKind {
        Unspecified = "unspec": "no type",
        Unicast = "unicast": "a path to the destination",
        Local = "local": "the destination is this machine",
        Broadcast = "broadcast": "sent as a link broadcast",
        Anycast = "anycast": "one of several machines; not used",
        Multicast = "multicast": "a multicast route",
        Blackhole = "blackhole": "packets are dropped silently",
        Unreachable = "unreachable": "packets are dropped, host unreachable",
        Prohibit = "prohibit": "packets are dropped, administratively prohibited",
        Throw = "throw": "the lookup goes on in another table",
        Nat = "nat": "translation; no longer used",
        ExternalResolver = "xresolve": "an external resolver; not used",
        Other = "other": "a type that has no name here",
    }
}

slugs! {
    /// A step in the life of an attempt.
    EventKind {
        Socket = "socket": "socket() was called",
        Setsockopt = "setsockopt": "an option was set",
        Bind = "bind": "bind() was called",
        Connect = "connect": "connect() was called",
        Send = "send": "the datagram was sent",
        Recv = "recv": "recv() was called",
        Hold = "hold": "the connection is held from now on",
        Closed = "closed": "recv() said that the other end has closed",
        ErrorQueue = "error-queue": "the error queue was read",
        Writable = "writable": "the wait said that connect() has ended",
        PendingError = "SO_ERROR": "the pending error was taken",
        Limit = "limit": "rconnect's limit ran out",
        Signal = "signal": "a signal ended it",
        Overtaken = "overtaken": "another address connected first",
    }
}

/// A signal that asks the program to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// SIGINT; Ctrl-C and Ctrl-Break on Windows.
    Interrupt,
    /// SIGTERM; on Windows the console is closed, the user logs off, or the system shuts down.
    Terminate,
}
