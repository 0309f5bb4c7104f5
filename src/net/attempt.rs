//! One attempt: make a socket, set its options, bind, connect, see it end. TCP and UDP, blocking and nonblocking.
//!
//! A nonblocking attempt is a small machine that the driver feeds with what poll said; its end is POLLOUT or POLLHUP
//! and never POLLERR alone, SO_ERROR is read before the error queue (reading the queue clears it), and a success is
//! one only when the socket has a peer. A connection that is to be held (`hold`) waits on, as another state of the same
//! machine.

use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant, SystemTime};

use socket2::{SockAddr, Socket};

use crate::classify::verdict;
use crate::model::{
    Attempt, Code, End, Event, EventKind, Evidence, Family, Icmp, Mode, Outcome, Phase, Protocol, TcpFacts,
};
use crate::net::ending::Ending;
use crate::net::evidence::Known;
use crate::net::hold::{Found, Held};
use crate::net::spare::Spare;
use crate::net::sys::{self, Called, Interest, Ready};
use crate::net::watch::Watch;
use crate::net::{clock, evidence};
use crate::schedule::Connect;

/// What every socket of a run gets before connect().
#[derive(Debug, Clone)]
pub struct Options {
    /// How connect() is called.
    pub mode: Mode,
    /// bind() to this address; port 0 leaves the port to the system.
    pub source: Option<SocketAddr>,
    /// Bind to this interface.
    pub interface: Option<String>,
    /// IP_TTL or IPV6_UNICAST_HOPS.
    pub ttl: Option<u32>,
    /// IP_TOS or IPV6_TCLASS.
    pub tos: Option<u32>,
    /// SO_REUSEADDR.
    pub reuse_address: bool,
    /// SO_BROADCAST.
    pub broadcast: bool,
    /// SO_LINGER with zero: close by RST, no TIME_WAIT.
    pub reset_on_close: bool,
    /// How long a TCP connection is held.
    pub hold: Option<Duration>,
    /// What a UDP probe sends.
    pub payload: Vec<u8>,
    /// End an attempt at the first ICMP message, even where the kernel goes on.
    pub fail_on_icmp: bool,
    /// Record events, and ask the routing table even where the answer explains nothing.
    pub verbose: bool,
}

/// Records the steps of an attempt, for `-v`; costs nothing when off.
#[derive(Debug)]
struct EventLog {
    begin: Instant,
    events: Option<Vec<Event>>,
}

impl EventLog {
    fn note(&mut self, event: EventKind, error: Option<Code>) {
        if let Some(events) = &mut self.events {
            events.push(Event { at: clock::now().saturating_duration_since(self.begin), event, error });
        }
    }
}

/// An attempt that waits for its end.
#[derive(Debug)]
pub struct Connecting {
    socket: Socket,
    connect: Connect,
    /// When connect() was called, by both clocks: the second dates ICMP messages.
    called: (Instant, SystemTime),
    source_given: bool,
    blocking: bool,
    verbose: bool,
    fail_on_icmp: bool,
    /// We ended it at a message, and not the kernel.
    ended_by_us: bool,
    messages: Vec<(Icmp, i32)>,
    /// The address that a reply came from.
    reply_from: Option<SocketAddr>,
    /// How long the connection is to be held.
    hold: Option<Duration>,
    /// It is connected, and held.
    held: Option<Box<Held>>,
    log: EventLog,
    /// Its socket may be kept for another attempt.
    spares: bool,
}

/// How far an attempt is.
#[derive(Debug)]
pub enum Progress {
    /// Wait for it.
    Pending(Box<Connecting>),
    /// It is connected. Wait for the end of the hold, which begins now.
    Held(Box<Connecting>),
    /// It is over.
    Ended(Box<Ending>),
    /// connect() was never called: there was no socket for it.
    NeverCalled(Box<Attempt>),
}

impl Progress {
    /// The end, about which the system is still to be asked.
    pub fn ending(&mut self) -> Option<&mut Ending> {
        match self {
            Progress::Ended(ending) => Some(ending),
            _ => None,
        }
    }
}

/// What all attempts of a run share.
#[derive(Debug)]
pub struct Shared {
    /// What every socket gets.
    pub options: Options,
    /// What may explain silence.
    pub watch: Watch,
    /// Sockets for further attempts.
    pub spare: Spare,
}

impl Shared {
    /// At the begin of a run.
    pub fn new(options: Options) -> Self {
        Shared { options, watch: Watch::default(), spare: Spare::default() }
    }
}

/// An attempt whose socket is ready to connect, or could not be made so.
#[derive(Debug)]
pub struct Prepared<'a> {
    options: &'a Options,
    connect: Connect,
    log: EventLog,
    spares: bool,
    socket: Step<Socket>,
}

/// Makes the socket of an attempt, sets its options and binds it; or takes one that is like it.
pub fn prepare(shared: &Shared, connect: Connect) -> Prepared<'_> {
    let options = &shared.options;
    let verbose = options.verbose && !connect.is_for_a_path();
    let mut log = EventLog { begin: clock::now(), events: verbose.then(Vec::new) };
    let spares = is_like_others(options, connect);
    let spare = if spares { shared.spare.take(connect.address) } else { None };
    let socket = spare.map_or_else(|| new_socket(options, connect, &mut log), Ok);
    Prepared { options, connect, log, spares, socket }
}

/// Whether the socket of one such attempt does for another: it has the same options, its port is the system's choice, and
/// its making need not be told.
fn is_like_others(options: &Options, connect: Connect) -> bool {
    connect.protocol == Protocol::Tcp
        && !connect.is_for_a_path()
        && options.mode == Mode::Nonblocking
        && options.source.is_none()
        && !options.verbose
}

impl Prepared<'_> {
    /// Calls connect(), which is to end by `deadline`; `now` is the instant of the call.
    pub fn connect(self, now: Instant, deadline: Option<Instant>) -> Progress {
        let Prepared { options, connect, log, spares, socket } = self;
        match socket {
            Ok(socket) => {
                let connecting = Connecting {
                    socket,
                    connect,
                    called: (now, clock::wall()),
                    source_given: options.source.is_some() || options.interface.is_some(),
                    blocking: options.mode == Mode::Blocking && connect.protocol == Protocol::Tcp,
                    verbose: log.events.is_some(),
                    fail_on_icmp: ends_at_icmp(options, connect),
                    ended_by_us: false,
                    messages: Vec::new(),
                    reply_from: None,
                    hold: options.hold.filter(|_| connect.protocol == Protocol::Tcp && !connect.is_for_a_path()),
                    held: None,
                    log,
                    spares,
                };
                connecting.call(options, deadline)
            }
            Err((phase, code)) => Progress::NeverCalled(Box::new(never_called(options, connect, phase, code, log))),
        }
    }
}

/// A message ends the attempt. What is made for a path is there to meet one.
fn ends_at_icmp(options: &Options, connect: Connect) -> bool {
    options.fail_on_icmp || connect.is_for_a_path()
}

type Step<T> = Result<T, (Phase, Code)>;

fn new_socket(options: &Options, connect: Connect, log: &mut EventLog) -> Step<Socket> {
    let Connect { address, protocol, .. } = connect;
    let socket = step(log, Phase::Socket, EventKind::Socket, sys::socket(address, protocol, options.mode))?;
    sys::enable_icmp_errors(&socket, address, protocol, ends_at_icmp(options, connect));
    step(log, Phase::Option, EventKind::Setsockopt, set_options(&socket, options, connect))?;
    if let Some(name) = &options.interface {
        step(log, Phase::Option, EventKind::Setsockopt, sys::bind_interface(&socket, name, Family::of(address.ip())))?;
    }
    if let Some(source) = options.source {
        step(log, Phase::Bind, EventKind::Bind, sys::bind(&socket, source))?;
    }
    Ok(socket)
}

/// Notes a step that did something; a step that was not needed leaves no trace.
fn step<T>(log: &mut EventLog, phase: Phase, event: EventKind, result: io::Result<T>) -> Step<T> {
    let failed = result.as_ref().err().map(sys::code);
    if failed.is_some() || phase != Phase::Option {
        log.note(event, failed);
    }
    result.map_err(|error| (phase, sys::code(&error)))
}

fn set_options(socket: &Socket, options: &Options, connect: Connect) -> io::Result<()> {
    if options.reuse_address {
        socket.set_reuse_address(true)?;
    }
    if options.broadcast {
        socket.set_broadcast(true)?;
    }
    if options.reset_on_close {
        socket.set_linger(Some(Duration::ZERO))?;
    }
    for &family in sys::ip_versions(connect.address) {
        if let Some(ttl) = connect.hop.map(u32::from).or(options.ttl) {
            match family {
                Family::V4 => socket.set_ttl_v4(ttl)?,
                Family::V6 => socket.set_unicast_hops_v6(ttl)?,
            }
        }
        if let Some(tos) = options.tos {
            sys::set_tos(socket, tos, family)?;
        }
        if let Some(least) = connect.least_ttl {
            sys::set_least_ttl(socket, least, family)?;
        }
    }
    Ok(())
}

fn never_called(options: &Options, connect: Connect, phase: Phase, code: Code, log: EventLog) -> Attempt {
    let source_given = options.source.is_some();
    let evidence =
        Evidence { source_given, ..Evidence::new(connect.address, connect.protocol, phase, End::Error(code)) };
    verdict::attempt(evidence, connect.number, log.events.unwrap_or_default())
}

impl Connecting {
    /// The socket to wait for, and what for.
    pub fn waits_for(&self) -> (&Socket, Interest) {
        match self.connect.protocol {
            Protocol::Tcp if self.held.is_none() => (&self.socket, Interest::Connect),
            Protocol::Tcp | Protocol::Udp => (&self.socket, Interest::Read),
        }
    }

    /// Whether it is connected, and held beyond that instant.
    pub fn is_held_beyond(&self, at: Instant) -> bool {
        self.held.as_ref().is_some_and(|held| held.lasts_beyond(at))
    }

    fn call(mut self, options: &Options, limit: Option<Instant>) -> Progress {
        if self.is_for_a_group(options) {
            return self.send(|socket, to| socket.send_to(&options.payload, to));
        }
        let address = SockAddr::from(self.connect.address);
        let called = if self.blocking {
            sys::connect_blocking(&self.socket, &address, limit)
        } else {
            sys::connect(&self.socket, &address, limit)
        };
        let now = clock::now();
        match called {
            Called::Done if self.connect.protocol == Protocol::Udp => {
                self.log.note(EventKind::Connect, None);
                self.send(|socket, _| socket.send(&options.payload))
            }
            Called::Done => {
                self.log.note(EventKind::Connect, None);
                self.finish(Phase::Connect, None, now)
            }
            Called::Pending(code) => {
                self.log.note(EventKind::Connect, Some(code));
                Progress::Pending(Box::new(self))
            }
            Called::Failed(code) => {
                self.log.note(EventKind::Connect, Some(code));
                self.finish(Phase::Connect, Some(code), now)
            }
            Called::Limit => self.give_up(End::Limit, now),
        }
    }

    /// Hosts answer a datagram to a group from their own addresses, which only a socket without a peer hears.
    fn is_for_a_group(&self, options: &Options) -> bool {
        let group = self.connect.address.ip().to_canonical().is_multicast() || options.broadcast;
        group && self.connect.protocol == Protocol::Udp
    }

    /// connect() of a datagram socket sends nothing; this does.
    fn send(mut self, send: impl FnOnce(&Socket, &SockAddr) -> io::Result<usize>) -> Progress {
        let sent = send(&self.socket, &SockAddr::from(self.connect.address));
        let code = sent.as_ref().err().map(sys::code);
        self.log.note(EventKind::Send, code);
        match code {
            None => Progress::Pending(Box::new(self)),
            Some(_) => self.finish(Phase::Connect, code, clock::now()),
        }
    }

    fn finish(self, phase: Phase, code: Option<Code>, now: Instant) -> Progress {
        self.conclude(phase, code.map_or(End::Success, End::Error), now)
    }

    /// The wait said that something is ready; gives the attempt back where it is not the end.
    pub fn ready(mut self: Box<Self>, ready: Ready, now: Instant) -> Progress {
        if let Some(held) = self.held.take() {
            return self.look(held, now);
        }
        match self.connect.protocol {
            // POLLOUT or POLLHUP.
            Protocol::Tcp if ready.ended => {
                let tcp = sys::tcp_facts(&self.socket);
                self.completed(ready.error, now, tcp)
            }
            Protocol::Tcp => self.message_only(now),
            Protocol::Udp => self.datagram(now),
        }
    }

    /// The connect is over. TCP_INFO was read first: the evidence must not be younger than what it explains.
    fn completed(mut self, told: Option<Code>, now: Instant, tcp: TcpFacts) -> Progress {
        self.log.note(EventKind::Writable, None);
        let error = told.or_else(|| sys::take_error(&self.socket));
        self.log.note(EventKind::PendingError, error);
        let end = match error.or_else(|| self.consumed_error()) {
            Some(code) => End::Error(code),
            None => End::Success,
        };
        self.conclude_with(Phase::Completion, end, now, (tcp, None))
    }

    /// Without a peer there is no connection, whatever SO_ERROR says: reading the error queue clears it, and the
    /// kernel may set it between the message and our reading. The last message tells which error that was.
    fn consumed_error(&mut self) -> Option<Code> {
        let without_peer = self.socket.peer_addr().err()?;
        self.drain();
        let by_message = self.messages.last().map(|&(_, errno)| Code::Os(errno));
        // A reset between the two questions ends the socket after the first has found no error.
        Some(by_message.or_else(|| sys::take_error(&self.socket)).unwrap_or(sys::code(&without_peer)))
    }

    /// POLLERR alone: a message is queued, the kernel goes on. SO_ERROR is not touched, unless no message was there.
    fn message_only(mut self: Box<Self>, now: Instant) -> Progress {
        let known = self.messages.len();
        self.drain();
        let last = self.messages[known..].last().map(|&(_, errno)| Code::Os(errno));
        self.log.note(EventKind::ErrorQueue, last);
        let end = match last {
            Some(code) => {
                self.ended_by_us = self.fail_on_icmp;
                self.ended_by_us.then_some(code)
            }
            None => sys::take_error(&self.socket),
        };
        match end {
            Some(code) => self.conclude(Phase::Completion, End::Error(code), now),
            None => Progress::Pending(self),
        }
    }

    /// A reply, or an ICMP message; neither, where a checksum was wrong.
    fn datagram(mut self: Box<Self>, now: Instant) -> Progress {
        match self.receive() {
            Some(end) => self.conclude(Phase::Completion, end, now),
            None => {
                self.drain();
                Progress::Pending(self)
            }
        }
    }

    /// What lies in a datagram socket. recv() comes before the error queue, whose reading would swallow the error.
    fn receive(&mut self) -> Option<End> {
        let mut buffer = [std::mem::MaybeUninit::uninit(); 16];
        let received = self.socket.recv_from(&mut buffer);
        let code = received.as_ref().err().map(sys::code);
        self.log.note(EventKind::Recv, code);
        match received {
            Ok((_, from)) => {
                self.reply_from = from.as_socket();
                Some(End::Success)
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
            // A datagram longer than the buffer is a reply (WSAEMSGSIZE).
            Err(error) if sys::is_truncation(&error) => Some(End::Success),
            Err(error) => Some(End::Error(sys::code(&error))),
        }
    }

    /// Something came over a connection that is held. A message does not end it, and is taken out of the way.
    fn look(mut self: Box<Self>, mut held: Box<Held>, now: Instant) -> Progress {
        self.drain();
        match self.found(held.look(&self.socket)) {
            Some(end) => self.release(*held, end, now),
            None => {
                self.held = Some(held);
                Progress::Pending(self)
            }
        }
    }

    /// The end of a hold, where a look has found it.
    fn found(&mut self, found: Found) -> Option<End> {
        match found {
            Found::Nothing => {}
            Found::End(End::Closed) => self.log.note(EventKind::Closed, None),
            Found::Bytes | Found::End(_) => self.log.note(EventKind::Recv, found.code()),
        }
        match found {
            Found::End(end) => Some(end),
            Found::Nothing | Found::Bytes => None,
        }
    }

    fn release(self, held: Held, end: End, now: Instant) -> Progress {
        let known = held.evidence(&self.socket, end, now);
        self.end(known)
    }

    /// Ends the attempt from outside, as at that instant; what is known of it is kept. An answer that came since the last
    /// look is not given up: a connection that was just made is held, unless it is the run that ends.
    pub fn give_up(mut self, end: End, now: Instant) -> Progress {
        self.log.note(kind(end), None);
        if let Some(mut held) = self.held.take() {
            return match self.found(held.look(&self.socket)) {
                Some(end) => self.release(*held, end, clock::now()),
                None => self.release(*held, end, now),
            };
        }
        self.hold = self.hold.filter(|_| end == End::Limit);
        match self.connect.protocol {
            Protocol::Tcp => {
                let tcp = sys::tcp_facts(&self.socket);
                if tcp.decided == Some(true) {
                    return self.completed(None, clock::now(), tcp);
                }
                // Before the error queue, whose reading clears it.
                let pending = if end == End::Limit { sys::take_error(&self.socket) } else { None };
                // TCP_INFO reads the state before it locks the socket (tcp_get_info() in net/ipv4/tcp.c). A reset that sets the
                // error meanwhile is complete when the first question is answered, and its state is told by the second.
                let [_, facts] = [(); 2].map(|()| pending.map(|_| sys::tcp_facts(&self.socket)));
                match facts {
                    // An answer that came in this moment is more than an error with which the kernel goes on.
                    Some(tcp) if tcp.decided == Some(true) => self.completed(pending, clock::now(), tcp),
                    _ => self.conclude_with(Phase::Completion, end, now, (tcp, pending)),
                }
            }
            Protocol::Udp => match self.receive() {
                Some(answer) => self.conclude(Phase::Completion, answer, clock::now()),
                None => self.conclude(Phase::Completion, end, now),
            },
        }
    }

    fn conclude(self, phase: Phase, end: End, now: Instant) -> Progress {
        let mut tcp = match self.connect.protocol {
            Protocol::Tcp => sys::tcp_facts(&self.socket),
            Protocol::Udp => TcpFacts::default(),
        };
        if phase == Phase::Connect && !self.blocking {
            // A call that does not wait sends one SYN. What the socket was used for before is no longer of interest.
            tcp.syns = tcp.syns.map(|_| 1);
        }
        self.conclude_with(phase, end, now, (tcp, None))
    }

    /// What TCP counted, and the error with which it goes on, were read before.
    fn conclude_with(
        mut self,
        phase: Phase,
        end: End,
        now: Instant,
        (tcp, soft): (TcpFacts, Option<Code>),
    ) -> Progress {
        // Where a SYN had to be sent again, a message may tell why.
        if end != End::Success || tcp.syns.is_some_and(|syns| syns > 1) {
            self.drain();
        }
        let known = Evidence {
            soft,
            icmp: std::mem::take(&mut self.messages),
            tcp,
            reply_from: self.reply_from,
            source_given: self.source_given,
            kernel_ended: !self.ended_by_us,
            blocking: self.blocking,
            elapsed: now - self.called.0,
            ..Evidence::new(self.connect.address, self.connect.protocol, phase, end)
        };
        let known = evidence::of_socket(&self.socket, known);
        match self.hold {
            Some(time) if verdict::judge(&known).outcome == Outcome::Connected => self.hold(known, time),
            _ => self.end(known),
        }
    }

    fn hold(mut self, connected: Evidence, time: Duration) -> Progress {
        if self.blocking {
            // The wait for what comes has a limit, which recv() alone has not.
            let _ = self.socket.set_nonblocking(true);
        }
        self.log.note(EventKind::Hold, None);
        self.held = Some(Box::new(Held::begin(&self.socket, connected, clock::now(), time)));
        Progress::Held(Box::new(self))
    }

    fn end(self, evidence: Evidence) -> Progress {
        Progress::Ended(Box::new(Ending {
            known: Known { socket: self.socket, evidence, called: self.called.0, verbose: self.verbose },
            number: self.connect.number,
            events: self.log.events.unwrap_or_default(),
            spares: self.spares,
        }))
    }

    fn drain(&mut self) {
        for message in sys::take_messages(&self.socket) {
            let at = message.arrival.and_then(|arrival| arrival.duration_since(self.called.1).ok());
            self.messages.push((Icmp { at, ..message.icmp }, message.errno));
        }
    }
}

/// The event that an end from outside is.
fn kind(end: End) -> EventKind {
    match end {
        End::Limit => EventKind::Limit,
        End::Overtaken => EventKind::Overtaken,
        _ => EventKind::Signal,
    }
}
