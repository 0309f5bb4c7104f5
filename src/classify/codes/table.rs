//! The rows. One line each for: names and numbers, document, steps, class, meaning, advice.
//!
//! Columns of numbers: Linux, Linux on MIPS, SPARC, Alpha, PA-RISC, macOS, FreeBSD; 0 where a system has no such code.
//! This system's own number always comes from libc, never from a column.

// Names the type; the value of this name is the phase, from the glob below.
use std::option::Option;

use super::{Numbers, Row, Source, Vocabulary};
use crate::model::Name;
use crate::model::Outcome::{self, *};
use crate::model::Phase::{self, *};
use Source::{Getaddrinfo, Posix, System, SystemCodes, WinsockCodes, WsaConnect};

/// A POSIX name; the predicate restricts it to the systems for which libc has that name.
macro_rules! errno {
    ($name:ident, $numbers:expr) => {
        row(Vocabulary::Posix, Name::$name, Some(libc::$name), $numbers)
    };
    ($name:ident, $numbers:expr, $predicate:meta) => {
        row(Vocabulary::Posix, Name::$name, on!($predicate, libc::$name), $numbers)
    };
}

/// A resolver code: numbers of glibc and musl, macOS, FreeBSD; on which systems it exists, and its constant there.
macro_rules! eai {
    ($name:ident, [$linux:expr, $macos:expr, $freebsd:expr]) => {
        eai!($name, [$linux, $macos, $freebsd], on!(unix, libc::$name))
    };
    ($name:ident, [$linux:expr, $macos:expr, $freebsd:expr], $here:expr) => {
        row(Vocabulary::Resolver, Name::$name, $here, [$linux, $linux, $linux, $linux, $linux, $macos, $freebsd])
            .documented(Getaddrinfo)
            .at(&[Resolve])
            .class(Unresolved)
    };
}

macro_rules! on {
    ($predicate:meta, $number:expr) => {{
        #[cfg($predicate)]
        {
            Some($number)
        }
        #[cfg(not($predicate))]
        {
            None
        }
    }};
}

/// An empty row, to be filled in by the methods below; a test sees to it that every row is complete.
const fn row(vocabulary: Vocabulary, name: Name, number: Option<i32>, numbers: [i32; 7]) -> Row {
    let mut columns = [None; 7];
    let mut i = 0;
    while i < numbers.len() {
        if numbers[i] != 0 {
            columns[i] = Some(numbers[i]);
        }
        i += 1;
    }
    Row {
        name,
        alias: None,
        vocabulary,
        number,
        winsock_name: None,
        winsock_number: None,
        nearest: false,
        source: System,
        meaning: "",
        note: None,
        phases: &[],
        outcome: Failed,
        outcome_at_completion: None,
        retryable: false,
        advice: "",
        numbers: Numbers(columns),
    }
}

/// A code that only Windows has.
const fn wsa(name: Name, number: i32) -> Row {
    row(Vocabulary::Winsock, name, None, [0; 7]).winsock(name.as_str(), number).documented(WinsockCodes)
}

impl Row {
    const fn alias(self, alias: &'static str) -> Row {
        Row { alias: Some(alias), ..self }
    }

    /// The same code in Winsock. On Windows a resolver code has no other number.
    const fn winsock(self, name: &'static str, number: i32) -> Row {
        let windows_resolver = cfg!(windows) && matches!(self.vocabulary, Vocabulary::Resolver);
        let own = if windows_resolver { Some(number) } else { self.number };
        Row { winsock_name: Some(name), winsock_number: Some(number), number: own, ..self }
    }

    /// A code of Winsock that comes near, without being the same.
    const fn nearest(self, name: &'static str, number: i32) -> Row {
        Row { winsock_name: Some(name), winsock_number: Some(number), nearest: true, ..self }
    }

    const fn documented(self, source: Source) -> Row {
        Row { source, ..self }
    }

    const fn at(self, phases: &'static [Phase]) -> Row {
        Row { phases, ..self }
    }

    const fn class(self, outcome: Outcome) -> Row {
        Row { outcome, ..self }
    }

    const fn at_completion(self, outcome: Outcome) -> Row {
        Row { outcome_at_completion: Some(outcome), ..self }
    }

    const fn retryable(self) -> Row {
        Row { retryable: true, ..self }
    }

    const fn meaning(self, meaning: &'static str) -> Row {
        Row { meaning, ..self }
    }

    const fn advice(self, advice: &'static str) -> Row {
        Row { advice, ..self }
    }

    const fn note(self, note: &'static str) -> Row {
        Row { note: Some(note), ..self }
    }
}

const BUG: &str = "a fault of the program, not of the network: tell its authors";
const PENDING: &str = "not a result: wait until the attempt is decided";

/// Every documented code: errno, then what only Windows has, then the resolver's.
#[rustfmt::skip] // one line a fact, so that rows can be read downwards
pub static TABLE: &[Row] = &[
    // The codes that Microsoft's connect() pages and POSIX share.
    errno!(ECONNREFUSED, [111, 146, 61, 61, 239, 61, 61]).winsock("WSAECONNREFUSED", 10061)
        .documented(Source::Connect).at(&[Connect, Completion]).class(Refused).retryable()
        .meaning("the target actively refused the connection")
        .advice("the host is up: check that the service runs and listens on this address and port, or that no firewall rejects")
        .note("a RST and an ICMP port unreachable give the same code; Windows repeats the SYN and says so after about 2 s only"),
    errno!(ETIMEDOUT, [110, 145, 60, 60, 238, 60, 60]).winsock("WSAETIMEDOUT", 10060)
        .documented(Source::Connect).at(&[Connect, Completion]).class(TimedOut).retryable()
        .meaning("no answer came before the system gave up")
        .advice("nothing answered: a firewall drops silently, the host is down, or its queue of new connections is full")
        .note("systems give up after very different times: Linux 130 s or more, macOS 75 s, Windows 21 s"),
    errno!(ENETUNREACH, [101, 128, 51, 51, 229, 51, 51]).winsock("WSAENETUNREACH", 10051)
        .documented(Source::Connect).at(&[Connect, Completion]).class(Unreachable).retryable()
        .meaning("the network cannot be reached from this host at this time")
        .advice("look at the routes and interfaces of this machine, then at those of the router that said so")
        .note("Linux also says it of multicast and broadcast addresses for TCP; BSD turns ICMP messages into EHOSTUNREACH instead"),
    errno!(EHOSTUNREACH, [113, 148, 65, 65, 242, 65, 65]).winsock("WSAEHOSTUNREACH", 10065)
        .documented(Source::Connect).at(&[Connect, Completion]).class(Unreachable)
        .meaning("the host cannot be reached")
        .advice("see who says so: after 3 s the next hop does not answer, at once it is a route on this machine, else a router")
        .note("Linux uses it for IPv4 'administratively prohibited' as well; BSD makes that ECONNREFUSED"),
    errno!(EACCES, [13, 13, 13, 13, 13, 13, 13]).winsock("WSAEACCES", 10013)
        .documented(Source::Connect).at(&[Bind, Connect, Completion]).class(Denied)
        .meaning("permission denied; documented case: a datagram socket and a broadcast address without SO_BROADCAST")
        .advice("look for a prohibit route, a sandbox or a firewall on this machine; UDP to a broadcast address needs --broadcast")
        .note("also bind() to a port below 1024 without privilege; Linux: ICMPv6 'administratively prohibited'; Windows: firewall, exclusive port"),
    errno!(EADDRNOTAVAIL, [99, 126, 49, 49, 227, 49, 49]).winsock("WSAEADDRNOTAVAIL", 10049)
        .documented(Source::Connect).at(&[Bind, Connect]).class(Unavailable)
        .meaning("POSIX: the local address is not available; Winsock: the remote address is not valid (all zeros, port 0)")
        .advice("check that the source address is on this machine, that local ports are left, and that the family has an address")
        .note("one name, two meanings: Linux connects 0.0.0.0 and :: to loopback, where Windows answers with this code"),
    errno!(EADDRINUSE, [98, 125, 48, 48, 226, 48, 48]).winsock("WSAEADDRINUSE", 10048)
        .documented(Source::Connect).at(&[Bind, Connect]).class(Unavailable)
        .meaning("the local address and port are in use, and reuse was not asked for")
        .advice("choose another source port, or let the system choose")
        .note("Windows may report it as late as connect() after a bind to the wildcard; Linux TCP says EADDRNOTAVAIL there"),
    errno!(ENETDOWN, [100, 127, 50, 50, 228, 50, 50]).winsock("WSAENETDOWN", 10050)
        .documented(Source::Connect).at(&[Connect, Completion]).class(Unavailable)
        .meaning("the network subsystem, or the local interface, is down")
        .advice("this machine has no working network: check its interfaces")
        .note("Linux reports ENETUNREACH for an interface that is down"),
    errno!(ENOBUFS, [105, 132, 55, 55, 233, 55, 55]).winsock("WSAENOBUFS", 10055)
        .documented(Source::Connect).at(&[Socket, Connect]).class(Unavailable)
        .meaning("no buffer space is available")
        .advice("this machine is short of network memory or, on Windows, of local ports: use fewer sockets, wait, try again"),
    errno!(EAFNOSUPPORT, [97, 124, 47, 47, 225, 47, 47]).winsock("WSAEAFNOSUPPORT", 10047)
        .documented(Source::Connect).at(&[Socket, Bind, Connect]).class(Unsupported)
        .meaning("addresses of this family cannot be used with this socket, or not on this machine")
        .advice("use the other family (-4, -6), or enable this one on the machine; sandboxes also answer like this"),
    errno!(EINVAL, [22, 22, 22, 22, 22, 22, 22]).winsock("WSAEINVAL", 10022)
        .documented(Source::Connect).at(&[Option, Bind, Connect]).class(Invalid)
        .meaning("invalid argument; documented cases: a listening socket; in WSAConnect() a constrained group, or lpGQOS not NULL")
        .advice("name the interface of a link-local address; check that source and destination fit, and for a blackhole route")
        .note("Linux: blackhole route, fe80:: without %interface, source 127.0.0.1 towards the outside; Winsock 1.1: WSAEALREADY"),
    errno!(EINPROGRESS, [115, 150, 36, 36, 245, 36, 36]).winsock("WSAEWOULDBLOCK", 10035)
        .documented(Source::Connect).at(&[Connect]).class(TimedOut)
        .meaning("the socket is nonblocking, and the connection attempt is in progress")
        .advice(PENDING)
        .note("Winsock returns WSAEWOULDBLOCK here; its WSAEINPROGRESS means something else"),
    errno!(EAGAIN, [11, 11, 11, 35, 11, 35, 35]).alias("EWOULDBLOCK").nearest("WSAEWOULDBLOCK", 10035)
        .documented(Posix).at(&[Connect]).class(Unavailable)
        .meaning("a resource is missing for now")
        .advice("no local port is left: close connections or widen the range")
        .note("on a connect, WSAEWOULDBLOCK is the EINPROGRESS of POSIX; Linux: no port is left for a UDP socket"),
    errno!(EALREADY, [114, 149, 37, 37, 244, 37, 37]).winsock("WSAEALREADY", 10037)
        .documented(Source::Connect).at(&[Connect]).class(Failed)
        .meaning("an earlier nonblocking connect on this socket is still going on")
        .advice(PENDING)
        .note("programs for Winsock 1.1 see WSAEINVAL instead"),
    errno!(EINTR, [4, 4, 4, 4, 4, 4, 4]).winsock("WSAEINTR", 10004)
        .documented(Source::Connect).at(&[Connect]).class(Interrupted)
        .meaning("the blocking call was interrupted: by a signal, or on Winsock 1.1 by WSACancelBlockingCall")
        .advice("the attempt itself goes on in the kernel: wait for it, or run it again"),
    errno!(EISCONN, [106, 133, 56, 56, 234, 56, 56]).winsock("WSAEISCONN", 10056)
        .documented(Source::Connect).at(&[Connect]).class(Failed)
        .meaning("the socket is already connected (connection-oriented sockets only)")
        .advice(BUG)
        .note("Linux also says it of a listening socket, where Winsock says WSAEINVAL"),
    errno!(EFAULT, [14, 14, 14, 14, 14, 14, 14]).winsock("WSAEFAULT", 10014)
        .documented(Source::Connect).at(&[Connect]).class(Failed)
        .meaning("the address structure is outside of memory, too short, or of the wrong format")
        .advice(BUG)
        .note("Linux answers a structure that is too short with EINVAL; WSAConnect() adds too small or too large buffers"),
    errno!(ENOTSOCK, [88, 95, 38, 38, 216, 38, 38]).winsock("WSAENOTSOCK", 10038)
        .documented(Source::Connect).at(&[Connect]).class(Failed)
        .meaning("the descriptor is not a socket")
        .advice(BUG)
        .note("Windows says it of a closed socket, too, where POSIX says EBADF"),
    errno!(EOPNOTSUPP, [95, 122, 45, 45, 223, 102, 45]).winsock("WSAEOPNOTSUPP", 10045)
        .documented(WsaConnect).at(&[Option, Connect, Completion]).class(Unsupported).at_completion(Unreachable)
        .meaning("the operation is not supported; in WSAConnect(): the flow specification cannot be met")
        .advice("drop the socket option that asks for it")
        .note("Linux gives it for ICMP 'source route failed'; macOS calls 45 ENOTSUP"),
    errno!(EPROTONOSUPPORT, [93, 120, 43, 43, 221, 43, 43]).winsock("WSAEPROTONOSUPPORT", 10043)
        .documented(WsaConnect).at(&[Socket, Connect]).class(Unsupported)
        .meaning("the protocol is not supported; in WSAConnect(): the provider cannot carry connect data")
        .advice("use a protocol that this machine has: TCP or UDP"),

    // errno from elsewhere in POSIX, and of single systems.
    errno!(EPERM, [1, 1, 1, 1, 1, 1, 1]).nearest("WSAEACCES", 10013)
        .documented(System).at(&[Socket, Option, Connect]).class(Denied)
        .meaning("operation not permitted")
        .advice("a policy on this machine forbids it: firewall, container, cgroup (systemd IPAddressDeny), seccomp, IPsec, privilege")
        .note("Linux: a firewall that drops output is silent for TCP but gives EPERM to a UDP send"),
    errno!(ECONNRESET, [104, 131, 54, 54, 232, 54, 54]).winsock("WSAECONNRESET", 10054)
        .documented(Posix).at(&[Completion]).class(Reset)
        .meaning("the peer reset the connection")
        .advice("it was accepted, then cut: look at the server's log, its limits, or a middlebox")
        .note("a UDP socket on Windows gets it for ICMP port unreachable"),
    errno!(ECONNABORTED, [103, 130, 53, 53, 231, 53, 53]).winsock("WSAECONNABORTED", 10053)
        .documented(WinsockCodes).at(&[Connect, Completion]).class(Reset)
        .meaning("software on this machine aborted the connection")
        .advice("look for security software on this machine; in a program: use a new socket for each attempt")
        .note("Linux returns it once when a failed nonblocking socket is connected again"),
    errno!(EHOSTDOWN, [112, 147, 64, 64, 241, 64, 64], unix).winsock("WSAEHOSTDOWN", 10064)
        .documented(WinsockCodes).at(&[Completion]).class(Unreachable)
        .meaning("the host is down")
        .advice("the next hop does not answer, or a router does not know the host: check that it is up")
        .note("Linux: ICMP 'host unknown'; BSD: no answer to ARP; Windows more often says WSAETIMEDOUT"),
    errno!(ENONET, [64, 64, 80, 105, 50, 0, 0], any(target_os = "linux", target_os = "android"))
        .nearest("WSAENETUNREACH", 10051)
        .documented(System).at(&[Completion]).class(Unreachable)
        .meaning("the host is isolated from the network")
        .advice("ask those who run the router that said so")
        .note("Linux: ICMP 'source host isolated'"),
    errno!(ENOPROTOOPT, [92, 99, 42, 42, 220, 42, 42]).winsock("WSAENOPROTOOPT", 10042)
        .documented(Posix).at(&[Option, Completion]).class(Unsupported).at_completion(Refused)
        .meaning("the protocol does not know this option")
        .advice("drop the socket option; from the network it means that the host does not speak this protocol")
        .note("Linux: also ICMP 'protocol unreachable', for which Windows has WSAENETUNREACH and BSD ECONNREFUSED"),
    errno!(EPROTO, [71, 71, 86, 85, 61, 100, 92])
        .documented(System).at(&[Completion]).class(Unreachable)
        .meaning("protocol error")
        .advice("a router or the host rejects the form of our packets: drop IP options, ask those who run it")
        .note("Linux: ICMP 'parameter problem' and unknown ICMPv6 errors; Winsock has nothing near"),
    errno!(EMSGSIZE, [90, 97, 40, 40, 218, 40, 40]).winsock("WSAEMSGSIZE", 10040)
        .documented(Posix).at(&[Connect, Completion]).class(Invalid)
        .meaning("the datagram is too long, for the protocol or for the path")
        .advice("send a shorter payload")
        .note("UDP only: TCP adapts to the path by itself"),
    errno!(EMFILE, [24, 24, 24, 24, 24, 24, 24]).winsock("WSAEMFILE", 10024)
        .documented(Posix).at(&[Resolve, Socket]).class(Unavailable)
        .meaning("the process has too many open files")
        .advice("raise the limit (ulimit -n on Unix) or lower the number of attempts in flight (-j)")
        .note("glibc's resolver hides it behind EAI_NONAME"),
    errno!(ENFILE, [23, 23, 23, 23, 23, 23, 23]).nearest("WSAEMFILE", 10024)
        .documented(Posix).at(&[Socket]).class(Unavailable)
        .meaning("the whole system has too many open files")
        .advice("close other programs, or raise the system's limit (fs.file-max on Linux)"),
    errno!(ENOMEM, [12, 12, 12, 12, 12, 12, 12]).nearest("WSA_NOT_ENOUGH_MEMORY", 8)
        .documented(Posix).at(&[Socket, Connect]).class(Unavailable)
        .meaning("not enough memory")
        .advice("this machine or its container is short of memory"),
    errno!(ENODEV, [19, 19, 19, 19, 19, 19, 19]).nearest("WSAEADDRNOTAVAIL", 10049)
        .documented(System).at(&[Option, Connect]).class(Unavailable)
        .meaning("no such device")
        .advice("no interface of that name exists, or it has just gone: check --interface"),
    errno!(ENXIO, [6, 6, 6, 6, 6, 6, 6]).nearest("WSAEADDRNOTAVAIL", 10049)
        .documented(System).at(&[Option]).class(Unavailable)
        .meaning("no such device or address")
        .advice("no interface of that name exists: check --interface")
        .note("macOS and FreeBSD, of an interface to bind to"),
    errno!(ESOCKTNOSUPPORT, [94, 121, 44, 44, 222, 44, 44], unix).winsock("WSAESOCKTNOSUPPORT", 10044)
        .documented(WinsockCodes).at(&[Socket]).class(Unsupported)
        .meaning("the socket type is not supported in this family")
        .advice("this machine cannot make such a socket: use TCP or UDP"),
    errno!(EPFNOSUPPORT, [96, 123, 46, 46, 224, 46, 46], unix).winsock("WSAEPFNOSUPPORT", 10046)
        .documented(WinsockCodes).at(&[Socket]).class(Unsupported)
        .meaning("the protocol family is not supported")
        .advice("use the other family (-4, -6), or enable this one on the machine"),
    errno!(EPROTOTYPE, [91, 98, 41, 41, 219, 41, 41]).winsock("WSAEPROTOTYPE", 10041)
        .documented(Posix).at(&[Socket, Connect]).class(Unsupported)
        .meaning("protocol and socket type, or the types of both ends, do not fit")
        .advice("use TCP with a stream socket, UDP with a datagram socket"),
    errno!(EBADF, [9, 9, 9, 9, 9, 9, 9]).winsock("WSAEBADF", 10009)
        .documented(Posix).at(&[Connect]).class(Failed)
        .meaning("the descriptor is not open")
        .advice(BUG)
        .note("Windows says WSAENOTSOCK of a closed socket"),
    errno!(EDESTADDRREQ, [89, 96, 39, 39, 217, 39, 39]).winsock("WSAEDESTADDRREQ", 10039)
        .documented(Posix).at(&[Connect]).class(Failed)
        .meaning("a datagram socket without a peer was told to send")
        .advice(BUG)
        .note("Winsock documents WSAENOTCONN for the same"),
    errno!(ENOTCONN, [107, 134, 57, 57, 235, 57, 57]).winsock("WSAENOTCONN", 10057)
        .documented(Posix).at(&[Connect, Completion]).class(Failed)
        .meaning("the socket is not connected")
        .advice(BUG),
    errno!(ESHUTDOWN, [108, 143, 58, 58, 236, 58, 58], unix).winsock("WSAESHUTDOWN", 10058)
        .documented(WinsockCodes).at(&[Connect]).class(Failed)
        .meaning("the socket was shut down before the send")
        .advice(BUG),
    errno!(EPIPE, [32, 32, 32, 32, 32, 32, 32]).nearest("WSAESHUTDOWN", 10058)
        .documented(Posix).at(&[Connect, Completion]).class(Failed).at_completion(Reset)
        .meaning("the socket can no longer send")
        .advice("the connection was made, then closed and cut: look at the server or a middlebox")
        .note("Linux: a reset came after the peer had closed its end"),
    errno!(ENETRESET, [102, 129, 52, 52, 230, 52, 52]).winsock("WSAENETRESET", 10052)
        .documented(WinsockCodes).at(&[Option]).class(Reset)
        .meaning("the network dropped the connection, as keep-alive found out")
        .advice("an older connection broke: connect again")
        .note("never the answer to a connect"),
    errno!(ENOSYS, [38, 89, 90, 78, 251, 78, 78])
        .documented(Posix).at(&[Socket, Connect]).class(Denied)
        .meaning("the system call is not there")
        .advice("a sandbox (seccomp) hides the call from this process: look at its profile"),
    errno!(ENOTCAPABLE, [0, 0, 0, 0, 0, 107, 93], any(target_os = "freebsd", target_os = "macos"))
        .documented(System).at(&[Bind, Connect]).class(Denied)
        .meaning("the descriptor's capabilities do not allow it")
        .advice("the process runs in a Capsicum sandbox: grant it the right to connect")
        .note("FreeBSD; macOS has the name"),
    errno!(ECAPMODE, [0, 0, 0, 0, 0, 0, 94], target_os = "freebsd")
        .documented(System).at(&[Bind, Connect]).class(Denied)
        .meaning("not permitted in capability mode")
        .advice("the process runs in a Capsicum sandbox: connect before it enters capability mode")
        .note("FreeBSD only"),

    // Windows only.
    wsa(Name::WSAEINPROGRESS, 10036)
        .documented(Source::Connect).at(&[Connect]).class(Failed)
        .meaning("a blocking call of Winsock 1.1 or a callback of the provider is still running")
        .advice(BUG)
        .note("not POSIX EINPROGRESS, which on a connect is WSAEWOULDBLOCK"),
    wsa(Name::WSANOTINITIALISED, 10093)
        .documented(Source::Connect).at(&[Socket, Connect]).class(Failed)
        .meaning("WSAStartup() has not been called with success")
        .advice(BUG)
        .note("POSIX has no such step; it is socket() that fails with it"),
    wsa(Name::WSASYSNOTREADY, 10091)
        .at(&[Socket]).class(Unavailable)
        .meaning("the network subsystem is not ready")
        .advice("wait until Windows has started its network, then try again"),
    wsa(Name::WSAVERNOTSUPPORTED, 10092)
        .at(&[Socket]).class(Unsupported)
        .meaning("this version of Winsock is not supported")
        .advice("the Winsock library of this machine is too old or broken"),
    wsa(Name::WSAEDISCON, 10101)
        .at(&[Completion]).class(Reset)
        .meaning("the peer has begun an orderly shutdown")
        .advice("the connection was accepted, then closed: look at the server's log"),
    wsa(Name::WSAECANCELLED, 10103)
        .at(&[Resolve, Completion]).class(Interrupted)
        .meaning("the call was cancelled while it ran")
        .advice("something ended the call before it was decided: run it again"),
    wsa(Name::WSAEPROVIDERFAILEDINIT, 10106)
        .at(&[Socket]).class(Unavailable)
        .meaning("the service provider could not be started")
        .advice("the environment variable SystemRoot is missing, or a layered provider is broken: netsh winsock reset"),
    wsa(Name::WSASYSCALLFAILURE, 10107)
        .at(&[Socket, Option, Bind, Connect]).class(Failed)
        .meaning("a system call failed that never should")
        .advice("the Winsock catalogue may be damaged: netsh winsock reset"),
    wsa(Name::WSAEREFUSED, 10112)
        .at(&[Resolve]).class(Unresolved)
        .meaning("the name service refused the query")
        .advice("check which name server this machine uses, and whether it answers this machine"),
    wsa(Name::WSA_IO_PENDING, 997)
        .at(&[Connect]).class(TimedOut)
        .meaning("the overlapped operation was started and goes on")
        .advice(PENDING),
    wsa(Name::WSA_OPERATION_ABORTED, 995)
        .at(&[Completion]).class(Interrupted)
        .meaning("the overlapped operation was cancelled, or its socket closed")
        .advice("something ended the attempt before it was decided: run it again"),
    wsa(Name::ERROR_CONNECTION_REFUSED, 1225)
        .documented(SystemCodes).at(&[Completion]).class(Refused).retryable()
        .meaning("the remote computer refused the connection")
        .advice("the host is up: check that the service runs and listens on this address and port")
        .note("WSAECONNREFUSED as a completion port reports it"),
    wsa(Name::ERROR_SEM_TIMEOUT, 121)
        .documented(SystemCodes).at(&[Completion]).class(TimedOut).retryable()
        .meaning("the time the system allows has run out")
        .advice("nothing answered: a firewall drops silently, or the host is down")
        .note("WSAETIMEDOUT as a completion port reports it"),
    wsa(Name::ERROR_NETWORK_UNREACHABLE, 1231)
        .documented(SystemCodes).at(&[Completion]).class(Unreachable).retryable()
        .meaning("the network location cannot be reached")
        .advice("look at the routes and interfaces of this machine")
        .note("WSAENETUNREACH as a completion port reports it"),
    wsa(Name::ERROR_HOST_UNREACHABLE, 1232)
        .documented(SystemCodes).at(&[Completion]).class(Unreachable)
        .meaning("the remote host cannot be reached")
        .advice("see whether the host is up, and what the routers on the way say")
        .note("WSAEHOSTUNREACH as a completion port reports it"),

    // The resolver.
    eai!(EAI_NONAME, [-2, 8, 8]).winsock("WSAHOST_NOT_FOUND", 11001)
        .meaning("no such name")
        .advice("check the spelling of the name, and the search domains of this machine")
        .note("glibc also says it when the process has no descriptor left; musl also when the name has no address"),
    eai!(EAI_AGAIN, [-3, 2, 2]).winsock("WSATRY_AGAIN", 11002).retryable()
        .meaning("the name servers did not answer, or failed for now")
        .advice("try again; check that the name servers of this machine answer (Unix: /etc/resolv.conf, Windows: ipconfig /all)"),
    eai!(EAI_FAIL, [-4, 4, 4]).winsock("WSANO_RECOVERY", 11003)
        .meaning("the name servers failed for good")
        .advice("ask those who run the name servers of this machine"),
    eai!(EAI_NODATA, [-5, 7, 0], on!(any(target_os = "linux", target_os = "android", target_os = "macos"), libc::EAI_NODATA))
        .winsock("WSANO_DATA", 11004)
        .meaning("the name exists but has no address, or none of the family asked for")
        .advice("drop -4 or -6, or add the missing A or AAAA record")
        .note("musl and FreeBSD say EAI_NONAME instead"),
    eai!(EAI_FAMILY, [-6, 5, 5]).winsock("WSAEAFNOSUPPORT", 10047)
        .meaning("the resolver does not support the address family")
        .advice("use the other family (-4, -6)"),
    // libc has no constant for it.
    eai!(EAI_ADDRFAMILY, [-9, 1, 0], if cfg!(target_os = "linux") { Some(-9) } else { on!(target_os = "macos", 1) })
        .nearest("WSAEAFNOSUPPORT", 10047)
        .meaning("the host has no address of the family asked for")
        .advice("the literal is of the other family: drop -4 or -6")
        .note("glibc and macOS; musl says EAI_NONAME"),
    eai!(EAI_SERVICE, [-8, 9, 9]).winsock("WSATYPE_NOT_FOUND", 10109)
        .meaning("no such service for this socket type")
        .advice("give the port as a number, or add the service to the services file (Unix: /etc/services)"),
    eai!(EAI_SOCKTYPE, [-7, 10, 10]).winsock("WSAESOCKTNOSUPPORT", 10044)
        .meaning("the resolver does not support the socket type")
        .advice(BUG),
    eai!(EAI_BADFLAGS, [-1, 3, 3]).winsock("WSAEINVAL", 10022)
        .meaning("the resolver was called with invalid flags")
        .advice(BUG),
    eai!(EAI_MEMORY, [-10, 6, 6]).winsock("WSA_NOT_ENOUGH_MEMORY", 8)
        .meaning("the resolver ran out of memory")
        .advice("this machine or its container is short of memory"),
    eai!(EAI_SYSTEM, [-11, 11, 11])
        .meaning("the resolver met an error of the system")
        .advice("the errno behind it tells more: often too many open files (Unix: ulimit -n)")
        .note("Winsock has none: it returns the system's error itself"),
    eai!(EAI_OVERFLOW, [-12, 14, 14])
        .meaning("the answer does not fit into the buffer")
        .advice("use a shorter name"),
    eai!(EAI_IDN_ENCODE, [-105, 0, 0], on!(all(target_os = "linux", target_env = "gnu"), -105))
        .meaning("the internationalised name could not be encoded")
        .advice("give the name in its ASCII form (xn--…)")
        .note("glibc only"),
];
