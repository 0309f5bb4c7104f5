//! Sockets on loopback, as far prepared as trials need them, and what a call on them comes to.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use socket2::{Domain, SockAddr, Socket, Type};

use crate::classify::codes;
use crate::model::{Code, Finding, Hindrance, Name, Step};
use crate::net::clock;
use crate::net::sys;

/// How long a trial waits for what must come: a refusal on Windows takes two seconds.
pub const PATIENCE: Duration = Duration::from_secs(3);

/// How long a trial waits for what should not come.
pub const A_WHILE: Duration = Duration::from_millis(300);

/// Loopback answers within microseconds.
pub const AT_ONCE: Duration = Duration::from_millis(30);

/// Connections that a queue of length 1 takes on the systems that are generous.
pub const MOST_QUEUED: usize = 16;

/// Where nobody is expected to listen, for trials that never get so far.
pub const NOWHERE: u16 = 9;

/// What a trial saw, step by step, or what kept it from seeing anything.
pub type Seen = Result<Vec<Step>, Hindrance>;

/// A call that prepares a trial has failed.
pub fn stopped(call: &'static str) -> impl Fn(io::Error) -> Hindrance {
    move |error| Hindrance::Call(call, sys::code(&error))
}

/// What a call came to.
pub fn step<T>(result: io::Result<T>) -> Step {
    result.map_or_else(|error| Step::Failed(sys::code(&error)), |_| Step::Done)
}

/// One step that is no code.
pub fn found(finding: Finding) -> Vec<Step> {
    vec![Step::Found(finding)]
}

/// The instant so much later.
pub fn within(time: Duration) -> Instant {
    clock::now() + time
}

/// EINPROGRESS or WSAEWOULDBLOCK: the handshake goes on.
pub fn is_pending(code: Code) -> bool {
    codes::code(Name::EINPROGRESS) == Some(code)
}

/// An address and a port.
pub fn at(address: [u8; 4], port: u16) -> SockAddr {
    SocketAddr::from((address, port)).into()
}

/// The broadcast address of loopback.
pub const BROADCAST: [u8; 4] = [127, 255, 255, 255];

/// The loopback address.
pub const LOOPBACK: [u8; 4] = Ipv4Addr::LOCALHOST.octets();

/// A socket that blocks.
pub fn new_socket(domain: Domain, kind: Type) -> Result<Socket, Hindrance> {
    Socket::new(domain, kind, None).map_err(stopped("socket()"))
}

/// A stream socket that closes by RST.
pub fn stream() -> Result<Socket, Hindrance> {
    let socket = new_socket(Domain::IPV4, Type::STREAM)?;
    socket.set_linger(Some(Duration::ZERO)).map_err(stopped("setsockopt()"))?;
    Ok(socket)
}

/// The same that does not block.
pub fn nonblocking() -> Result<Socket, Hindrance> {
    let socket = stream()?;
    socket.set_nonblocking(true).map_err(stopped("a nonblocking socket"))?;
    Ok(socket)
}

/// Binds to a free port of loopback.
pub fn bound(socket: Socket) -> Result<(Socket, SockAddr), Hindrance> {
    socket.bind(&at(LOOPBACK, 0)).map_err(stopped("bind()"))?;
    let address = socket.local_addr().map_err(stopped("getsockname()"))?;
    Ok((socket, address))
}

/// A port that nobody else can take and where nobody listens.
pub fn closed() -> Result<(Socket, SockAddr), Hindrance> {
    bound(stream()?)
}

/// A listener that is known to be reachable: where loopback itself is filtered or down, trials prove nothing.
pub fn listener() -> Result<(Socket, SockAddr), Hindrance> {
    let (listener, address) = bound(stream()?)?;
    listener.listen(8).map_err(stopped("listen()"))?;
    let client = nonblocking()?;
    match connected(&client, &address, within(PATIENCE)) {
        Some(Step::Done) => {
            accept(&listener)?;
            Ok((listener, address))
        }
        Some(Step::Failed(code)) => Err(Hindrance::Call("connect() to a listener of our own", code)),
        _ => Err(Hindrance::Reason("a listener of our own does not answer")),
    }
}

/// The next connection of a listener, which closes by RST.
pub fn accept(listener: &Socket) -> Result<Socket, Hindrance> {
    let (socket, _) = listener.accept().map_err(stopped("accept()"))?;
    socket.set_linger(Some(Duration::ZERO)).map_err(stopped("setsockopt()"))?;
    Ok(socket)
}

/// What connect() on a nonblocking socket comes to; `None` where that is not known at `until`.
pub fn connected(socket: &Socket, address: &SockAddr, until: Instant) -> Option<Step> {
    match step(socket.connect(address)) {
        Step::Failed(code) if is_pending(code) => {}
        decided => return Some(decided),
    }
    match sys::selected(socket, until) {
        Ok(selected) if selected.writable || selected.exception => {
            Some(sys::take_error(socket).map_or(Step::Done, Step::Failed))
        }
        Ok(_) => None,
        Err(error) => Some(Step::Failed(sys::code(&error))),
    }
}

/// One step: what connect() comes to.
pub fn outcome(socket: &Socket, address: &SockAddr) -> Vec<Step> {
    vec![connected(socket, address, within(PATIENCE)).unwrap_or(Step::Found(Finding::Nothing))]
}

/// A listener whose queue is full, so that it does not answer, and what must stay open for that.
pub fn silent() -> Result<(Vec<Socket>, SockAddr), Hindrance> {
    let (listener, address) = bound(stream()?)?;
    listener.listen(1).map_err(stopped("listen()"))?;
    let mut held = vec![listener];
    for _ in 0..MOST_QUEUED {
        let client = nonblocking()?;
        let answer = connected(&client, &address, within(AT_ONCE));
        held.push(client);
        match answer {
            None => return Ok((held, address)),
            Some(Step::Failed(code)) => return Err(Hindrance::Call("connect() to a listener of our own", code)),
            Some(_) => {}
        }
    }
    Err(Hindrance::Reason("the queue of a listener does not fill"))
}

pub fn is_done(answer: Option<Step>) -> Result<(), Hindrance> {
    match answer {
        Some(Step::Done) => Ok(()),
        Some(Step::Failed(code)) => Err(Hindrance::Call("connect()", code)),
        _ => Err(Hindrance::Reason("connect() was not answered")),
    }
}

pub fn is_refused(answer: Step) -> Result<(), Hindrance> {
    match answer {
        Step::Failed(code) if codes::code(Name::ECONNREFUSED) == Some(code) => Ok(()),
        Step::Failed(code) => Err(Hindrance::Call("connect() to a closed port of our own", code)),
        _ => Err(Hindrance::Reason("a closed port of our own does not refuse")),
    }
}

/// A datagram socket on a free port of loopback, which does not block.
pub fn datagram() -> Result<(Socket, SockAddr), Hindrance> {
    let socket = new_socket(Domain::IPV4, Type::DGRAM)?;
    socket.set_nonblocking(true).map_err(stopped("a nonblocking socket"))?;
    bound(socket)
}

/// The same, where a datagram socket may call connect() at all: a policy answers like a missing SO_BROADCAST.
pub fn permitted_datagram() -> Result<Socket, Hindrance> {
    let (other, address) = datagram()?;
    associate(&other, &address)?;
    Ok(datagram()?.0)
}

/// connect() of a datagram socket.
pub fn associate(socket: &Socket, address: &SockAddr) -> Result<(), Hindrance> {
    socket.connect(address).map_err(stopped("connect()"))
}

/// The first byte of the next datagram, where one comes in time.
pub fn receive(socket: &Socket, time: Duration) -> Result<io::Result<Option<u8>>, Hindrance> {
    if !sys::selected(socket, within(time)).map_err(stopped("select()"))?.readable {
        return Ok(Ok(None));
    }
    let mut byte = [0];
    let received = io::Read::read(&mut &*socket, &mut byte);
    Ok(received.map(|length| (length > 0).then_some(byte[0])))
}

/// Whether a socket has a port.
pub fn binding(socket: &Socket) -> Vec<Step> {
    let port = socket.local_addr().ok().and_then(|address| address.as_socket()).map_or(0, |address| address.port());
    found(if port == 0 { Finding::Unbound } else { Finding::Bound })
}
