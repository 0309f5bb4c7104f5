//! The words that users, scripts and the JSON schema see.

use std::fmt;

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
