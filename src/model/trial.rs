//! What a row of the self-test came to.

use std::fmt;
use std::time::Duration;

use super::{Code, slugs};

slugs! {
    /// What a look at a socket found.
    Finding {
        Readable = "readable": "select() has it in its set of readable sockets",
        Writable = "writable": "select() has it in its set of writable sockets",
        Exception = "exception": "select() has it in its set of exceptions",
        Received = "received": "a datagram was received",
        Discarded = "discarded": "a datagram was discarded",
        Bound = "bound": "the socket has a local address and port",
        Unbound = "unbound": "the socket has none",
        Nothing = "nothing": "nothing happened in time",
    }
}

/// The answer to one call of a trial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step {
    /// The call succeeded.
    Done,
    /// The call failed.
    Failed(Code),
    /// The socket was looked at.
    Found(Finding),
}

/// Why a trial could not be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hindrance {
    /// A call that prepares the trial failed.
    Call(&'static str, Code),
    /// Any other reason.
    Reason(&'static str),
}

slugs! {
    /// Rows of the self-test, in the order in which they are shown.
    Trial {
        Refused = "refused": "a port that is bound but does not listen",
        Pending = "pending": "a nonblocking connect() that nobody answers",
        AgainWhilePending = "again-while-pending": "a second connect() meanwhile",
        AgainWhenConnected = "again-when-connected": "further calls after it has connected",
        SelectRefused = "select-refused": "what select() says of a failed connect",
        SelectConnected = "select-connected": "what select() says of a successful connect",
        ListeningSocket = "listening-socket": "connect() on a listening socket",
        AnyAddress = "any-address": "connect() to 0.0.0.0",
        ForeignSource = "foreign-source": "bind() to an address of another machine",
        PortInUse = "port-in-use": "bind() to a port that is taken",
        PairInUse = "pair-in-use": "two sockets with the same addresses and ports at both ends",
        OtherFamily = "other-family": "an IPv6 address for an IPv4 socket",
        MappedAddress = "mapped-address": "an IPv4-mapped address for a socket of IPv6 only",
        ShortName = "short-name": "an address structure that is too short",
        NotASocket = "not-a-socket": "connect() on a descriptor that is not a socket",
        WrongProtocol = "wrong-protocol": "a stream socket of a datagram protocol",
        Broadcast = "broadcast": "a datagram socket and the broadcast address of loopback",
        LimitedBroadcast = "limited-broadcast": "a datagram socket and 255.255.255.255",
        TcpBroadcast = "tcp-broadcast": "a stream socket and the broadcast address of loopback",
        SystemTimeout = "system-timeout": "the system's own time-out",
        Interrupted = "interrupted": "a blocking connect() that is interrupted",
        RetryBlocking = "retry-blocking": "the socket of a failed blocking connect, again",
        RetryNonblocking = "retry-nonblocking": "the socket of a failed nonblocking connect, again",
        NotInitialised = "not-initialised": "a socket before WSAStartup()",
        UdpOtherSender = "udp-other-sender": "a datagram of somebody else",
        UdpNewDestination = "udp-new-destination": "queued datagrams, when the destination changes",
        UdpDisconnect = "udp-disconnect": "send() after the association has been dissolved",
        UdpClosedPort = "udp-closed-port": "a datagram to a closed port",
        ImplicitBindConnect = "implicit-bind-connect": "connect() gives an unbound socket an address and a port",
        ImplicitBindSendto = "implicit-bind-sendto": "sendto() gives an unbound socket an address and a port",
        ResetAfterAccept = "reset-after-accept": "a server that resets right after it has accepted",
        NoRoute = "no-route": "no route to the network",
        UnreachableRoute = "unreachable-route": "a route of type unreachable",
        ProhibitRoute = "prohibit-route": "a route of type prohibit",
        BlackholeRoute = "blackhole-route": "a route of type blackhole",
        NetworkDown = "network-down": "the network subsystem has failed",
        NoBuffers = "no-buffers": "no buffer space",
        CallInProgress = "call-in-progress": "a blocking call of Winsock 1.1 is in progress",
        QualityOfService = "quality-of-service": "a quality of service that cannot be had",
    }
}

/// One trial that was made, or could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trialled {
    /// Which.
    pub trial: Trial,
    /// The answers, in order.
    pub seen: Result<Vec<Step>, Hindrance>,
    /// How long it took; zero where it was not begun.
    pub elapsed: Duration,
}
