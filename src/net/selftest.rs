//! The self-test: provokes each row of [`documented`] on loopback, with sockets of its own.
//!
//! Nothing leaves the machine: datagram sockets are connected to broadcast addresses and send nothing there, and routes
//! are tried in a child without a network. Streams close by RST, so that no port stays in TIME_WAIT. Every trial has a
//! thread, so that waits run side by side; the clock of the run ends those that hang.

use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::mpsc::{Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::classify::codes;
use crate::classify::documented::{self, Platform};
use crate::model::{Code, Finding, Hindrance, Name, Step, Trial, Trialled};
use crate::net::clock;
use crate::net::sys::{self, Routes};

/// A trial that has not ended then is given up.
const LIMIT: Duration = Duration::from_millis(3500);

/// How long a trial waits for what must come: a refusal on Windows takes two seconds.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long a trial waits for what should not come.
const A_WHILE: Duration = Duration::from_millis(300);

/// Loopback answers within microseconds.
const AT_ONCE: Duration = Duration::from_millis(30);

/// Connections that a queue of length 1 takes on the systems that are generous.
const MOST_QUEUED: usize = 16;

/// Where nobody is expected to listen, for trials that never get so far.
const NOWHERE: u16 = 9;

type Seen = Result<Vec<Step>, Hindrance>;

/// What came of a trial, and how long it took.
type Answer = (Trial, Seen, Duration);

/// The system, as far as it is known, and what each trial that it can make came to, in the order of the rows.
pub fn run() -> (Option<Platform>, Vec<Trialled>) {
    let platform = sys::platform();
    // First of all: what follows initialises Winsock, and opens sockets that a child would keep open.
    let uninitialised = sys::uninitialised();
    let routes = Routes::begin();
    let began = clock::now();
    let until = began + LIMIT;
    let trials: Vec<Trial> =
        Trial::ALL.iter().copied().filter(|&trial| documented::row(trial).is_provoked(platform)).collect();
    let (sender, answers) = channel();
    begin_routes(&sender, routes);
    send(&sender, Trial::NotInitialised, before_startup(uninitialised), began);
    trials
        .iter()
        .filter_map(|&trial| Some((trial, action(trial)?)))
        .for_each(|(trial, act)| begin(&sender, trial, act));
    // What is left are those of the threads: the last one that ends closes the channel.
    drop(sender);
    let next = || answers.recv_timeout(until.saturating_duration_since(clock::now())).ok();
    let came: Vec<Answer> = std::iter::from_fn(next).collect();
    let result = |trial: Trial| {
        let answer = came.iter().find(|(other, ..)| *other == trial);
        let (seen, elapsed) = answer.map_or((Err(LATE), LIMIT), |(_, seen, elapsed)| (seen.clone(), *elapsed));
        Trialled { trial, seen, elapsed }
    };
    (platform, trials.into_iter().map(result).collect())
}

const LATE: Hindrance = Hindrance::Reason("it had not ended after 3.5 s");

/// What provokes a trial; `None` for those that begin before the others, and those that nothing provokes.
fn action(trial: Trial) -> Option<fn() -> Seen> {
    Some(match trial {
        Trial::Refused => refused,
        Trial::Pending => pending,
        Trial::AgainWhilePending => again_while_pending,
        Trial::AgainWhenConnected => again_when_connected,
        Trial::SelectRefused => select_refused,
        Trial::SelectConnected => select_connected,
        Trial::ListeningSocket => listening_socket,
        Trial::AnyAddress => any_address,
        Trial::ForeignSource => foreign_source,
        Trial::PortInUse => port_in_use,
        Trial::PairInUse => pair_in_use,
        Trial::OtherFamily => other_family,
        Trial::MappedAddress => mapped_address,
        Trial::ShortName => short_name,
        Trial::NotASocket => not_a_socket,
        Trial::WrongProtocol => wrong_protocol,
        Trial::Broadcast => broadcast,
        Trial::LimitedBroadcast => limited_broadcast,
        Trial::TcpBroadcast => tcp_broadcast,
        Trial::SystemTimeout => system_timeout,
        Trial::Interrupted => interrupted,
        Trial::RetryBlocking => retry_blocking,
        Trial::RetryNonblocking => retry_nonblocking,
        Trial::UdpOtherSender => udp_other_sender,
        Trial::UdpNewDestination => udp_new_destination,
        Trial::UdpDisconnect => udp_disconnect,
        Trial::UdpClosedPort => udp_closed_port,
        Trial::ImplicitBindConnect => implicit_bind_connect,
        Trial::ImplicitBindSendto => implicit_bind_sendto,
        Trial::ResetAfterAccept => reset_after_accept,
        Trial::NotInitialised
        | Trial::NoRoute
        | Trial::UnreachableRoute
        | Trial::ProhibitRoute
        | Trial::BlackholeRoute
        | Trial::NetworkDown
        | Trial::NoBuffers
        | Trial::CallInProgress
        | Trial::QualityOfService => return None,
    })
}

fn send(answers: &Sender<Answer>, trial: Trial, seen: Seen, began: Instant) {
    // Nobody receives it where the run has ended without this trial.
    let _ = answers.send((trial, seen, clock::now().saturating_duration_since(began)));
}

fn begin(answers: &Sender<Answer>, trial: Trial, act: fn() -> Seen) {
    let (sender, began) = (answers.clone(), clock::now());
    if let Err(error) = thread::Builder::new().spawn(move || send(&sender, trial, act(), began)) {
        send(answers, trial, Err(stopped("a thread")(error)), began);
    }
}

fn before_startup(error: Option<io::Error>) -> Seen {
    let error = error.ok_or(Hindrance::Reason("Winsock was initialised before"))?;
    Ok(vec![Step::Failed(sys::code(&error))])
}

fn begin_routes(answers: &Sender<Answer>, routes: io::Result<Routes>) {
    let (answers, began) = (answers.clone(), clock::now());
    let wait = move || {
        let steps = routes_taken(routes);
        for (i, trial) in BY_ROUTE.into_iter().enumerate() {
            send(&answers, trial, steps.map(|steps| vec![steps[i]]), began);
        }
    };
    // Without a thread its trials are reported as late.
    let _ = thread::Builder::new().spawn(wait);
}

/// The trials of [`Routes`], in its order.
const BY_ROUTE: [Trial; 4] = [Trial::NoRoute, Trial::UnreachableRoute, Trial::ProhibitRoute, Trial::BlackholeRoute];

/// What connect() came to by each route. A policy that forbids the first forbids all: its code is not that of a route.
fn routes_taken(routes: io::Result<Routes>) -> Result<[Step; BY_ROUTE.len()], Hindrance> {
    let codes = routes.and_then(Routes::codes).map_err(stopped("a network namespace of our own"))?;
    let steps = codes.map(|code| code.map_or(Step::Done, Step::Failed));
    match documented::hindrance(&steps[..1]) {
        Some(code) => Err(Hindrance::Call("connect()", code)),
        None => Ok(steps),
    }
}

/// A call that prepares a trial has failed.
fn stopped(call: &'static str) -> impl Fn(io::Error) -> Hindrance {
    move |error| Hindrance::Call(call, sys::code(&error))
}

fn step<T>(result: io::Result<T>) -> Step {
    result.map_or_else(|error| Step::Failed(sys::code(&error)), |_| Step::Done)
}

fn found(finding: Finding) -> Vec<Step> {
    vec![Step::Found(finding)]
}

fn within(time: Duration) -> Instant {
    clock::now() + time
}

fn is_pending(code: Code) -> bool {
    codes::code(Name::EINPROGRESS) == Some(code)
}

fn at(address: [u8; 4], port: u16) -> SockAddr {
    SocketAddr::from((address, port)).into()
}

const LOOPBACK: [u8; 4] = Ipv4Addr::LOCALHOST.octets();

fn new_socket(domain: Domain, kind: Type) -> Result<Socket, Hindrance> {
    Socket::new(domain, kind, None).map_err(stopped("socket()"))
}

/// A stream socket that closes by RST.
fn stream() -> Result<Socket, Hindrance> {
    let socket = new_socket(Domain::IPV4, Type::STREAM)?;
    socket.set_linger(Some(Duration::ZERO)).map_err(stopped("setsockopt()"))?;
    Ok(socket)
}

fn nonblocking() -> Result<Socket, Hindrance> {
    let socket = stream()?;
    socket.set_nonblocking(true).map_err(stopped("a nonblocking socket"))?;
    Ok(socket)
}

/// Binds to a free port of loopback.
fn bound(socket: Socket) -> Result<(Socket, SockAddr), Hindrance> {
    socket.bind(&at(LOOPBACK, 0)).map_err(stopped("bind()"))?;
    let address = socket.local_addr().map_err(stopped("getsockname()"))?;
    Ok((socket, address))
}

/// A port that nobody else can take and where nobody listens.
fn closed() -> Result<(Socket, SockAddr), Hindrance> {
    bound(stream()?)
}

/// A listener that is known to be reachable: where loopback itself is filtered or down, trials prove nothing.
fn listener() -> Result<(Socket, SockAddr), Hindrance> {
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
fn accept(listener: &Socket) -> Result<Socket, Hindrance> {
    let (socket, _) = listener.accept().map_err(stopped("accept()"))?;
    socket.set_linger(Some(Duration::ZERO)).map_err(stopped("setsockopt()"))?;
    Ok(socket)
}

/// What connect() on a nonblocking socket comes to; `None` where that is not known at `until`.
fn connected(socket: &Socket, address: &SockAddr, until: Instant) -> Option<Step> {
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
fn outcome(socket: &Socket, address: &SockAddr) -> Vec<Step> {
    vec![connected(socket, address, within(PATIENCE)).unwrap_or(Step::Found(Finding::Nothing))]
}

/// A listener whose queue is full, so that it does not answer, and what must stay open for that.
fn silent() -> Result<(Vec<Socket>, SockAddr), Hindrance> {
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

fn refused() -> Seen {
    let (_port, address) = closed()?;
    Ok(outcome(&nonblocking()?, &address))
}

fn pending() -> Seen {
    let (_held, address) = silent()?;
    Ok(vec![step(nonblocking()?.connect(&address))])
}

fn again_while_pending() -> Seen {
    let (_held, address) = silent()?;
    let socket = nonblocking()?;
    match step(socket.connect(&address)) {
        Step::Failed(code) if is_pending(code) => Ok(vec![step(socket.connect(&address))]),
        Step::Failed(code) => Err(Hindrance::Call("connect()", code)),
        _ => Err(Hindrance::Reason("the first attempt did not stay pending")),
    }
}

fn again_when_connected() -> Seen {
    let (_listener, address) = listener()?;
    let socket = nonblocking()?;
    is_done(connected(&socket, &address, within(PATIENCE)))?;
    Ok(match step(socket.connect(&address)) {
        Step::Done => vec![Step::Done, step(socket.connect(&address))],
        other => vec![other],
    })
}

fn is_done(answer: Option<Step>) -> Result<(), Hindrance> {
    match answer {
        Some(Step::Done) => Ok(()),
        Some(Step::Failed(code)) => Err(Hindrance::Call("connect()", code)),
        _ => Err(Hindrance::Reason("connect() was not answered")),
    }
}

fn select_refused() -> Seen {
    let (_port, address) = closed()?;
    findings(&nonblocking()?, &address)
}

fn select_connected() -> Seen {
    let (_listener, address) = listener()?;
    findings(&nonblocking()?, &address)
}

/// What select() finds after connect().
fn findings(socket: &Socket, address: &SockAddr) -> Seen {
    match step(socket.connect(address)) {
        Step::Failed(code) if !is_pending(code) => return Err(Hindrance::Call("connect()", code)),
        _ => {}
    }
    let selected = sys::selected(socket, within(PATIENCE)).map_err(stopped("select()"))?;
    let sets = [
        (selected.readable, Finding::Readable),
        (selected.writable, Finding::Writable),
        (selected.exception, Finding::Exception),
    ];
    let steps: Vec<Step> = sets.into_iter().filter_map(|(is, finding)| is.then_some(Step::Found(finding))).collect();
    Ok(if steps.is_empty() { found(Finding::Nothing) } else { steps })
}

fn listening_socket() -> Seen {
    let ((one, _), (_other, address)) = (listener()?, listener()?);
    Ok(vec![step(one.connect(&address))])
}

fn any_address() -> Seen {
    let (_listener, address) = listener()?;
    let port = address.as_socket().map_or(NOWHERE, |address| address.port());
    Ok(outcome(&nonblocking()?, &at(Ipv4Addr::UNSPECIFIED.octets(), port)))
}

/// 192.0.2.0/24 is for documentation (RFC 5737) and belongs to no machine.
fn foreign_source() -> Seen {
    Ok(vec![step(stream()?.bind(&at([192, 0, 2, 1], 0)))])
}

fn port_in_use() -> Seen {
    let (_port, address) = closed()?;
    Ok(vec![step(stream()?.bind(&address))])
}

/// Where bind() of the second socket says it already, that is the answer.
fn pair_in_use() -> Seen {
    let (_listener, address) = listener()?;
    let [one, other] = [nonblocking()?, nonblocking()?];
    for socket in [&one, &other] {
        socket.set_reuse_address(true).map_err(stopped("setsockopt()"))?;
    }
    one.bind(&at([0; 4], 0)).map_err(stopped("bind()"))?;
    let port = one.local_addr().map_err(stopped("getsockname()"))?;
    if let failed @ Step::Failed(_) = step(other.bind(&port)) {
        return Ok(vec![failed]);
    }
    is_done(connected(&one, &address, within(PATIENCE)))?;
    Ok(outcome(&other, &address))
}

fn other_family() -> Seen {
    // Landlock answers such an address before TCP does; it forbids the listener, too.
    listener()?;
    let address = SocketAddr::from((Ipv6Addr::LOCALHOST, NOWHERE));
    Ok(outcome(&nonblocking()?, &address.into()))
}

fn mapped_address() -> Seen {
    let (_port, address) = closed()?;
    let port = address.as_socket().map_or(NOWHERE, |address| address.port());
    let socket = new_socket(Domain::IPV6, Type::STREAM)?;
    socket.set_only_v6(true).map_err(stopped("setsockopt()"))?;
    socket.set_nonblocking(true).map_err(stopped("a nonblocking socket"))?;
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), port));
    Ok(outcome(&socket, &address.into()))
}

fn short_name() -> Seen {
    let (_port, address) = closed()?;
    Ok(vec![step(sys::connect_cut(&stream()?, &address, 8))])
}

fn not_a_socket() -> Seen {
    let file = sys::any_file().map_err(stopped("a file"))?;
    Ok(vec![step(sys::connect_file(&file, &at(LOOPBACK, NOWHERE)))])
}

fn wrong_protocol() -> Seen {
    // Where no stream socket can be made at all, the answer says nothing of the protocol.
    stream()?;
    Ok(vec![step(Socket::new(Domain::IPV4, Type::STREAM, Some(Protocol::UDP)))])
}

const BROADCAST: [u8; 4] = [127, 255, 255, 255];

fn broadcast() -> Seen {
    let socket = permitted_datagram()?;
    let address = at(BROADCAST, NOWHERE);
    let without = step(socket.connect(&address));
    socket.set_broadcast(true).map_err(stopped("setsockopt()"))?;
    Ok(vec![without, step(socket.connect(&address))])
}

fn limited_broadcast() -> Seen {
    let socket = permitted_datagram()?;
    Ok(vec![step(socket.connect(&at(Ipv4Addr::BROADCAST.octets(), NOWHERE)))])
}

fn tcp_broadcast() -> Seen {
    let (_port, address) = closed()?;
    let port = address.as_socket().map_or(NOWHERE, |address| address.port());
    Ok(outcome(&nonblocking()?, &at(BROADCAST, port)))
}

fn system_timeout() -> Seen {
    let (_held, address) = silent()?;
    let socket = stream()?;
    sys::limit_handshake(&socket).map_err(stopped("setsockopt()"))?;
    Ok(vec![step(socket.connect(&address))])
}

fn interrupted() -> Seen {
    let (_held, address) = silent()?;
    Ok(vec![step(sys::connect_interrupted(&stream()?, &address, within(A_WHILE)))])
}

fn retry_blocking() -> Seen {
    let ((_port, closed), (_listener, address)) = (closed()?, listener()?);
    let socket = stream()?;
    is_refused(step(socket.connect(&closed)))?;
    Ok(vec![step(socket.connect(&address))])
}

fn retry_nonblocking() -> Seen {
    let ((_port, closed), (_listener, address)) = (closed()?, listener()?);
    let socket = nonblocking()?;
    is_refused(connected(&socket, &closed, within(PATIENCE)).unwrap_or(Step::Found(Finding::Nothing)))?;
    let mut steps = outcome(&socket, &address);
    if steps != [Step::Done] {
        steps.extend(outcome(&socket, &address));
    }
    Ok(steps)
}

fn is_refused(answer: Step) -> Result<(), Hindrance> {
    match answer {
        Step::Failed(code) if codes::code(Name::ECONNREFUSED) == Some(code) => Ok(()),
        Step::Failed(code) => Err(Hindrance::Call("connect() to a closed port of our own", code)),
        _ => Err(Hindrance::Reason("a closed port of our own does not refuse")),
    }
}

/// A datagram socket on a free port of loopback, which does not block.
fn datagram() -> Result<(Socket, SockAddr), Hindrance> {
    let socket = new_socket(Domain::IPV4, Type::DGRAM)?;
    socket.set_nonblocking(true).map_err(stopped("a nonblocking socket"))?;
    bound(socket)
}

/// The same, where a datagram socket may call connect() at all: a policy answers like a missing SO_BROADCAST.
fn permitted_datagram() -> Result<Socket, Hindrance> {
    let (other, address) = datagram()?;
    associate(&other, &address)?;
    Ok(datagram()?.0)
}

fn associate(socket: &Socket, address: &SockAddr) -> Result<(), Hindrance> {
    socket.connect(address).map_err(stopped("connect()"))
}

/// The first byte of the next datagram, where one comes in time.
fn receive(socket: &Socket, time: Duration) -> Result<io::Result<Option<u8>>, Hindrance> {
    if !sys::selected(socket, within(time)).map_err(stopped("select()"))?.readable {
        return Ok(Ok(None));
    }
    let mut byte = [0];
    let received = io::Read::read(&mut &*socket, &mut byte);
    Ok(received.map(|length| (length > 0).then_some(byte[0])))
}

fn udp_other_sender() -> Seen {
    let ((socket, own), (peer, address), (stranger, _)) = (datagram()?, datagram()?, datagram()?);
    associate(&socket, &address)?;
    for (sender, byte) in [(&stranger, b's'), (&peer, b'p')] {
        sender.send_to(&[byte], &own).map_err(stopped("sendto()"))?;
    }
    match receive(&socket, PATIENCE)?.map_err(stopped("recv()"))? {
        Some(b'p') => Ok(found(Finding::Discarded)),
        Some(_) => Ok(found(Finding::Received)),
        None => Err(Hindrance::Reason("the datagram of the peer did not come")),
    }
}

fn udp_new_destination() -> Seen {
    let ((socket, own), (peer, address), (_other, new)) = (datagram()?, datagram()?, datagram()?);
    associate(&socket, &address)?;
    peer.send_to(b"p", &own).map_err(stopped("sendto()"))?;
    if !sys::selected(&socket, within(PATIENCE)).map_err(stopped("select()"))?.readable {
        return Err(Hindrance::Reason("the datagram of the peer did not come"));
    }
    if let failed @ Step::Failed(_) = step(socket.connect(&new)) {
        return Ok(vec![failed]);
    }
    Ok(match receive(&socket, A_WHILE)? {
        Ok(Some(_)) => found(Finding::Received),
        Ok(None) => found(Finding::Discarded),
        Err(error) => vec![Step::Failed(sys::code(&error))],
    })
}

/// BSD dissolves the association and returns an error all the same, so that only send() tells.
fn udp_disconnect() -> Seen {
    let ((socket, _), (_peer, address)) = (datagram()?, datagram()?);
    associate(&socket, &address)?;
    let _ = sys::disconnect(&socket);
    Ok(vec![step(socket.send(b"x")), step(socket.send_to(b"x", &address))])
}

fn udp_closed_port() -> Seen {
    let ((socket, _), (peer, address)) = (datagram()?, datagram()?);
    drop(peer);
    associate(&socket, &address)?;
    socket.send(b"x").map_err(stopped("send()"))?;
    Ok(match receive(&socket, A_WHILE)? {
        Ok(Some(_)) => found(Finding::Received),
        Ok(None) => found(Finding::Nothing),
        Err(error) => vec![Step::Failed(sys::code(&error))],
    })
}

fn implicit_bind_connect() -> Seen {
    let (_listener, address) = listener()?;
    let socket = nonblocking()?;
    is_done(connected(&socket, &address, within(PATIENCE)))?;
    Ok(binding(&socket))
}

fn implicit_bind_sendto() -> Seen {
    let (_peer, address) = datagram()?;
    let socket = new_socket(Domain::IPV4, Type::DGRAM)?;
    socket.set_recv_buffer_size(4096).map_err(stopped("setsockopt()"))?;
    socket.send_to(b"x", &address).map_err(stopped("sendto()"))?;
    Ok(binding(&socket))
}

fn binding(socket: &Socket) -> Vec<Step> {
    let port = socket.local_addr().ok().and_then(|address| address.as_socket()).map_or(0, |address| address.port());
    found(if port == 0 { Finding::Unbound } else { Finding::Bound })
}

fn reset_after_accept() -> Seen {
    let (listener, address) = listener()?;
    let socket = nonblocking()?;
    match step(socket.connect(&address)) {
        Step::Failed(code) if !is_pending(code) => return Err(Hindrance::Call("connect()", code)),
        _ => drop(accept(&listener)?),
    }
    sys::selected(&socket, within(PATIENCE)).map_err(stopped("select()"))?;
    Ok(vec![sys::take_error(&socket).map_or(Step::Done, Step::Failed)])
}
