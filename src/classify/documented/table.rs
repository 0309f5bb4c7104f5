//! The rows. Columns: Linux and Wine 8 as observed, Windows as its documents say, macOS and FreeBSD as their sources do.

use super::{Known, Page, Platform, Row, Says};
use crate::model::{Finding, Trial};
use Known::{Absent, ToBeSeen};
use Page::{Beej, Connect, WsaConnect};

const BOTH: &[Page] = &[Connect, WsaConnect];
const OK: Says = Says::Done;
const READABLE: Says = Says::Found(Finding::Readable);
const WRITABLE: Says = Says::Found(Finding::Writable);
const EXCEPTION: Says = Says::Found(Finding::Exception);
const RECEIVED: Says = Says::Found(Finding::Received);
const DISCARDED: Says = Says::Found(Finding::Discarded);
const BOUND: Says = Says::Found(Finding::Bound);
const NOTHING: Says = Says::Found(Finding::Nothing);

const fn e(name: &'static str) -> Says {
    Says::Failed(name)
}

/// One sequence of answers, or several of which any may come: `is![A, B]`, `is![[A], [B]]`.
macro_rules! is {
    ($([$($says:expr),+]),+) => { Known::Answers(&[$(&[$($says),+]),+]) };
    ($($says:expr),+) => { Known::Answers(&[&[$($says),+]]) };
}

const fn row(trial: Trial) -> Row {
    Row { trial, pages: &[], statement: "", how: "", documented: &[], known: [ToBeSeen; Platform::ALL.len()] }
}

impl Row {
    const fn of(self, pages: &'static [Page], documented: &'static [Says]) -> Row {
        Row { pages, documented, ..self }
    }

    const fn says(self, statement: &'static str) -> Row {
        Row { statement, ..self }
    }

    const fn how(self, how: &'static str) -> Row {
        Row { how, ..self }
    }

    const fn on(self, linux: Known, wine: Known, windows: Known, macos: Known, freebsd: Known) -> Row {
        Row { known: [linux, wine, windows, macos, freebsd], ..self }
    }

    const fn nowhere(self, reason: &'static str) -> Row {
        Row { known: [Absent(reason); Platform::ALL.len()], ..self }
    }
}

const LINUX_ONLY: Known = Absent("only Linux has network namespaces");
const WINSOCK_ONLY: Known = Absent("only Winsock has WSAStartup()");

/// Every statement, in the order in which it is shown.
#[rustfmt::skip] // one line a fact, so that rows can be read downwards
pub static TABLE: &[Row] = &[
    row(Trial::Refused).of(BOTH, &[e("WSAECONNREFUSED")])
        .says("connect() fails when the target rejects the attempt")
        .how("to a port that is bound and does not listen")
        .on(is![e("ECONNREFUSED")], is![e("WSAECONNREFUSED")], is![e("WSAECONNREFUSED")], is![e("ECONNREFUSED")], is![e("ECONNREFUSED")]),
    row(Trial::Pending).of(BOTH, &[e("WSAEWOULDBLOCK")])
        .says("a nonblocking connect() that cannot complete at once says so, and goes on")
        .how("to a listener whose queue is full")
        .on(is![e("EINPROGRESS")], is![e("WSAEWOULDBLOCK")], is![e("WSAEWOULDBLOCK")], is![e("EINPROGRESS")], is![e("EINPROGRESS")]),
    row(Trial::AgainWhilePending).of(BOTH, &[e("WSAEALREADY")])
        .says("until the attempt completes, further calls on the same socket fail")
        .how("a second connect() while the first one is pending")
        .on(is![e("EALREADY")], is![e("WSAEALREADY")], is![e("WSAEALREADY")], is![e("EALREADY")], is![e("EALREADY")]),
    row(Trial::AgainWhenConnected).of(BOTH, &[e("WSAEISCONN")])
        .says("connect() on a connected socket fails (connection-oriented sockets only)")
        .how("connect() after a nonblocking one has completed, and once more if that succeeds")
        .on(is![OK, e("EISCONN")], is![e("WSAEISCONN")], is![e("WSAEISCONN")], is![e("EISCONN")], is![e("EISCONN")]),
    row(Trial::SelectRefused).of(BOTH, &[EXCEPTION])
        .says("select() reports a failed attempt in exceptfds")
        .how("a nonblocking connect() to a closed port, then select() with all three sets")
        .on(is![READABLE, WRITABLE], is![[EXCEPTION], [READABLE, EXCEPTION]], is![EXCEPTION], is![READABLE, WRITABLE], is![READABLE, WRITABLE]),
    row(Trial::SelectConnected).of(BOTH, &[WRITABLE])
        .says("select() reports a successful attempt in writefds")
        .how("a nonblocking connect() to a listener, then select() with all three sets")
        .on(is![WRITABLE], is![WRITABLE], is![WRITABLE], is![WRITABLE], is![WRITABLE]),
    row(Trial::ListeningSocket).of(BOTH, &[e("WSAEINVAL")])
        .says("connect() fails on a socket that listens")
        .how("connect() on a listener, to another one")
        .on(is![e("EISCONN")], is![e("WSAEINVAL")], is![e("WSAEINVAL")], is![e("EOPNOTSUPP")], is![e("EOPNOTSUPP")]),
    row(Trial::AnyAddress).of(BOTH, &[e("WSAEADDRNOTAVAIL")])
        .says("an address of zeros is not valid for a connection-oriented socket")
        .how("to 0.0.0.0 and the port of a listener on 127.0.0.1")
        .on(is![OK], is![OK], is![e("WSAEADDRNOTAVAIL")], is![OK], is![OK]),
    row(Trial::ForeignSource)
        .says("bind() to an address of another machine fails (POSIX)")
        .how("bind() to 192.0.2.1, which is not an address of this machine")
        .on(is![e("EADDRNOTAVAIL")], is![e("WSAEADDRNOTAVAIL")], is![e("WSAEADDRNOTAVAIL")], is![e("EADDRNOTAVAIL")], is![e("EADDRNOTAVAIL")]),
    row(Trial::PortInUse).of(BOTH, &[e("WSAEADDRINUSE")])
        .says("a local address in use is usually reported by bind()")
        .how("bind() to the address and port of a listener")
        .on(is![e("EADDRINUSE")], is![e("WSAEADDRINUSE")], is![e("WSAEADDRINUSE")], is![e("EADDRINUSE")], is![e("EADDRINUSE")]),
    row(Trial::PairInUse).of(BOTH, &[e("WSAEADDRINUSE")])
        .says("after bind() to the wildcard, an address in use may be reported by connect()")
        .how("two sockets with SO_REUSEADDR, bound to one port of the wildcard, to the same listener")
        .on(is![e("EADDRNOTAVAIL")], is![e("WSAEADDRNOTAVAIL")], is![e("WSAEADDRINUSE")], is![e("EADDRINUSE")], is![e("EADDRINUSE")]),
    row(Trial::OtherFamily).of(BOTH, &[e("WSAEAFNOSUPPORT")])
        .says("an address of another family cannot be used with the socket")
        .how("an IPv6 address for an IPv4 socket")
        .on(is![e("EAFNOSUPPORT")], is![e("WSAEOPNOTSUPP")], is![e("WSAEAFNOSUPPORT")], is![e("EAFNOSUPPORT")], is![e("EAFNOSUPPORT")]),
    row(Trial::MappedAddress)
        .says("an IPv4-mapped address cannot be reached from a socket of IPv6 only (RFC 3493)")
        .how("to ::ffff:127.0.0.1 with IPV6_V6ONLY")
        .on(is![e("ENETUNREACH")], is![e("WSAENETUNREACH")], is![e("WSAEADDRNOTAVAIL")], is![e("EINVAL")], is![e("EINVAL")]),
    row(Trial::ShortName).of(BOTH, &[e("WSAEFAULT")])
        .says("the address structure is too short, or not in the memory of the process")
        .how("a length of 8 bytes; no bad pointer is tried")
        .on(is![e("EINVAL")], is![e("WSAEADDRNOTAVAIL")], is![e("WSAEFAULT")], is![e("EINVAL")], is![e("EINVAL")]),
    row(Trial::NotASocket).of(BOTH, &[e("WSAENOTSOCK")])
        .says("connect() fails on a descriptor that is not a socket")
        .how("connect() on a file")
        .on(is![e("ENOTSOCK")], is![e("WSAEOPNOTSUPP")], is![e("WSAENOTSOCK")], is![e("ENOTSOCK")], is![e("ENOTSOCK")]),
    row(Trial::WrongProtocol).of(&[WsaConnect], &[e("WSAEPROTONOSUPPORT")])
        .says("a protocol that cannot do what is asked is not supported; the page means connect data")
        .how("socket() for a stream over UDP; TCP has no connect data to try")
        .on(is![e("EPROTONOSUPPORT")], is![e("WSAEPROTONOSUPPORT")], is![e("WSAEPROTONOSUPPORT")], is![e("EPROTOTYPE")], is![e("EPROTONOSUPPORT")]),
    row(Trial::Broadcast).of(BOTH, &[e("WSAEACCES"), OK])
        .says("a datagram socket connects to a broadcast address with SO_BROADCAST only")
        .how("to 127.255.255.255, without the option and with it; nothing is sent")
        .on(is![e("EACCES"), OK], is![e("WSAEACCES"), OK], ToBeSeen, is![e("EACCES"), OK], ToBeSeen),
    row(Trial::LimitedBroadcast).of(BOTH, &[e("WSAEACCES")])
        .says("the same holds for the limited broadcast address")
        .how("to 255.255.255.255 without the option; nothing is sent")
        .on(is![e("EACCES")], is![e("WSAEACCES")], is![e("WSAEACCES")], ToBeSeen, ToBeSeen),
    row(Trial::TcpBroadcast)
        .says("a stream socket cannot connect to a broadcast address")
        .how("to 127.255.255.255 over TCP")
        .on(is![e("ENETUNREACH")], is![e("WSAENETUNREACH")], ToBeSeen, ToBeSeen, ToBeSeen),
    row(Trial::SystemTimeout).of(BOTH, &[e("WSAETIMEDOUT")])
        .says("an attempt that nobody answers ends by the system's time-out")
        .how("to a listener whose queue is full, with the system's shortest limit for a handshake")
        .on(is![e("ETIMEDOUT")], Absent("Wine has no option for it"), is![e("WSAETIMEDOUT")], is![e("ETIMEDOUT")], is![e("ETIMEDOUT")]),
    row(Trial::Interrupted).of(BOTH, &[e("WSAEINTR")])
        .says("a blocking call can be interrupted")
        .how("a signal (Windows: CancelIoEx()) during a blocking connect() that nobody answers")
        .on(is![e("EINTR")], is![[e("WSA_OPERATION_ABORTED")], [e("WSAEINTR")]], is![[e("WSA_OPERATION_ABORTED")], [e("WSAEINTR")]], is![e("EINTR")], is![e("EINTR")]),
    row(Trial::RetryBlocking).of(BOTH, &[OK])
        .says("after a refusal, connect() may be called again for the same socket")
        .how("a blocking socket that was refused, to a listener")
        .on(is![OK], is![e("WSAECONNABORTED")], is![OK], is![e("EINVAL")], ToBeSeen),
    row(Trial::RetryNonblocking).of(BOTH, &[OK])
        .says("the same holds for a nonblocking socket")
        .how("a nonblocking socket that was refused, to a listener, and once more if that fails")
        .on(is![e("ECONNABORTED"), OK], is![e("WSAECONNABORTED"), OK], is![OK], is![e("EINVAL"), e("EINVAL")], ToBeSeen),
    row(Trial::NotInitialised).of(BOTH, &[e("WSANOTINITIALISED")])
        .says("WSAStartup() must have succeeded first")
        .how("socket() before WSAStartup()")
        .on(WINSOCK_ONLY, is![e("WSANOTINITIALISED")], is![e("WSANOTINITIALISED")], WINSOCK_ONLY, WINSOCK_ONLY),
    row(Trial::UdpOtherSender).of(BOTH, &[DISCARDED])
        .says("a connected datagram socket discards what others send")
        .how("a datagram of another socket, then one of the peer")
        .on(is![DISCARDED], is![DISCARDED], is![DISCARDED], is![DISCARDED], is![DISCARDED]),
    row(Trial::UdpNewDestination).of(BOTH, &[DISCARDED])
        .says("queued datagrams are discarded when the destination changes")
        .how("a datagram is queued, then the socket is connected to another peer")
        .on(is![RECEIVED], is![RECEIVED], is![DISCARDED], ToBeSeen, ToBeSeen),
    row(Trial::UdpDisconnect).of(BOTH, &[e("WSAENOTCONN"), OK])
        .says("a name of zeros dissolves the association: send() fails, and sendto() still works")
        .how("connect() with a structure of zeros, then send() and sendto()")
        .on(is![e("EDESTADDRREQ"), OK], is![e("WSAEINVAL"), OK], is![e("WSAENOTCONN"), OK], is![e("EDESTADDRREQ"), OK], is![e("EDESTADDRREQ"), OK]),
    row(Trial::UdpClosedPort)
        .says("a closed port answers a datagram with ICMP port unreachable (RFC 1122, 4.1.3.1)")
        .how("send() to a closed port, then recv()")
        .on(is![e("ECONNREFUSED")], is![NOTHING], is![e("WSAECONNRESET")], is![e("ECONNREFUSED")], is![e("ECONNREFUSED")]),
    row(Trial::ImplicitBindConnect).of(&[WsaConnect, Beej], &[BOUND])
        .says("connect() gives an unbound socket a local address and port")
        .how("connect(), then getsockname()")
        .on(is![BOUND], is![BOUND], is![BOUND], is![BOUND], is![BOUND]),
    row(Trial::ImplicitBindSendto).of(BOTH, &[BOUND])
        .says("sendto() after setsockopt() binds the socket, too")
        .how("setsockopt(), sendto(), then getsockname()")
        .on(is![BOUND], is![BOUND], is![BOUND], is![BOUND], is![BOUND]),
    row(Trial::ResetAfterAccept)
        .says("a connection that the server resets at once may be reported as a failed attempt")
        .how("accept(), close() with a RST, then the client's SO_ERROR")
        .on(is![[e("ECONNRESET")], [OK]], is![[e("WSAECONNRESET")], [OK]], ToBeSeen, ToBeSeen, ToBeSeen),
    row(Trial::NoRoute).of(BOTH, &[e("WSAENETUNREACH")])
        .says("the network cannot be reached from this host")
        .how("to 192.0.2.1 in a network namespace without routes")
        .on(is![e("ENETUNREACH")], LINUX_ONLY, LINUX_ONLY, LINUX_ONLY, LINUX_ONLY),
    row(Trial::UnreachableRoute).of(BOTH, &[e("WSAEHOSTUNREACH")])
        .says("the host cannot be reached")
        .how("to 192.0.2.2 in a network namespace with a route of type unreachable")
        .on(is![e("EHOSTUNREACH")], LINUX_ONLY, LINUX_ONLY, LINUX_ONLY, LINUX_ONLY),
    row(Trial::ProhibitRoute)
        .says("a route of type prohibit forbids the way (ip-route(8))")
        .how("to 192.0.2.3 in a network namespace with such a route")
        .on(is![e("EACCES")], LINUX_ONLY, LINUX_ONLY, LINUX_ONLY, LINUX_ONLY),
    row(Trial::BlackholeRoute)
        .says("a route of type blackhole makes the request invalid (ip-route(8))")
        .how("to 192.0.2.4 in a network namespace with such a route")
        .on(is![e("EINVAL")], LINUX_ONLY, LINUX_ONLY, LINUX_ONLY, LINUX_ONLY),
    row(Trial::NetworkDown).of(BOTH, &[e("WSAENETDOWN")])
        .says("the network subsystem has failed")
        .how("not provoked")
        .nowhere("no failure of the network subsystem can be made without privilege"),
    row(Trial::NoBuffers).of(BOTH, &[e("WSAENOBUFS")])
        .says("no buffer space is available")
        .how("not provoked")
        .nowhere("it takes all network memory, or all local ports, of the machine"),
    row(Trial::CallInProgress).of(BOTH, &[e("WSAEINPROGRESS")])
        .says("a blocking call of Winsock 1.1 or a callback of the provider is running")
        .how("not provoked")
        .nowhere("only programs for Winsock 1.1 meet it"),
    row(Trial::QualityOfService).of(&[WsaConnect], &[e("WSAEOPNOTSUPP")])
        .says("the flow specification of lpSQOS and lpGQOS cannot be met")
        .how("not provoked")
        .nowhere("connect() has no flow specification"),
];
