//! Servers of every temper.

use std::net::{Shutdown, SocketAddr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use super::Netns;
use super::worker::{Wake, Worker};

/// A server; it closes when dropped.
///
/// Another test's child may hold copies of all descriptors between its fork() and exec(), so close() alone would leave
/// the port open for a moment: listening sockets are shut down first.
pub struct Listener {
    /// Where it listens; the port is filled in when port 0 was asked for.
    pub address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    _worker: Option<Worker>,
    /// Clients that keep the backlog full, and the socket that never accepts them.
    held: Vec<Socket>,
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.held.iter().for_each(|socket| drop(socket.shutdown(Shutdown::Both)));
    }
}

impl Listener {
    /// How many connections (UDP: datagrams) it has taken.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.address.port()
    }
}

impl Netns {
    /// Accepts and holds every connection: `net.listen("127.0.0.1:0")`, `net.listen("[::]:80")` (IPv6 alone).
    pub fn listen(&self, at: &str) -> Listener {
        let mut held = Vec::new();
        self.accept_with(at, move |connection| held.push(connection))
    }

    /// Accepts every connection and aborts it at once with a RST.
    pub fn listen_and_reset(&self, at: &str) -> Listener {
        self.accept_with(at, |connection| connection.set_linger(Some(Duration::ZERO)).expect("SO_LINGER"))
    }

    /// Listens with a backlog that is full: SYNs are dropped without a word.
    pub fn full_backlog(&self, at: &str) -> Listener {
        let socket = self.bind(at, Type::STREAM);
        socket.listen(1).expect("listen");
        let address = local(&socket);
        // The queue takes one more than listen() was told (tcp(7), sk_acceptq_is_full()).
        let clients = (0..2).map(|_| self.enter(|| connect(address)));
        let held = clients.collect::<Vec<_>>().into_iter().chain([socket]).collect();
        Listener { address, accepted: Arc::default(), _worker: None, held }
    }

    /// Sends every datagram back to its sender.
    pub fn udp_echo(&self, at: &str) -> Listener {
        let socket: std::net::UdpSocket = self.bind(at, Type::DGRAM).into();
        let address = socket.local_addr().expect("getsockname");
        let accepted = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&accepted);
        let worker = Worker::start(move |stop| {
            let mut buffer = [0; 65536];
            while !matches!(stop.or_readable(socket.as_fd(), None), Wake::Stop) {
                let Ok((count, sender)) = socket.recv_from(&mut buffer) else { continue };
                counter.fetch_add(1, Ordering::Relaxed);
                let _ = socket.send_to(&buffer[..count], sender);
            }
        });
        Listener { address, accepted, _worker: Some(worker), held: Vec::new() }
    }

    /// Does this with every connection; one that is dropped is closed.
    pub fn accept_with(&self, at: &str, mut serve: impl FnMut(Socket) + Send + 'static) -> Listener {
        let socket = self.bind(at, Type::STREAM);
        socket.listen(4096).expect("listen");
        let address = local(&socket);
        let accepted = Arc::new(AtomicUsize::new(0));
        let counter = Arc::clone(&accepted);
        let worker = Worker::start(move |stop| {
            while !matches!(stop.or_readable(socket.as_fd(), None), Wake::Stop) {
                let Ok((connection, _)) = socket.accept() else { continue };
                counter.fetch_add(1, Ordering::Relaxed);
                serve(connection);
            }
            let _ = socket.shutdown(Shutdown::Both);
        });
        Listener { address, accepted, _worker: Some(worker), held: Vec::new() }
    }

    /// A bound socket; IPv6 leaves IPv4 alone, so that both can have the same port.
    pub(super) fn bind(&self, at: &str, kind: Type) -> Socket {
        let address: SocketAddr = at.parse().unwrap_or_else(|_| panic!("not an address and port: {at}"));
        self.enter(|| {
            let socket = Socket::new(Domain::for_address(address), kind, None).expect("socket");
            if address.is_ipv6() {
                socket.set_only_v6(true).expect("IPV6_V6ONLY");
            }
            socket.set_reuse_address(kind == Type::STREAM).expect("SO_REUSEADDR");
            socket.bind(&SockAddr::from(address)).unwrap_or_else(|error| panic!("bind {at}: {error}"));
            socket
        })
    }
}

fn local(socket: &Socket) -> SocketAddr {
    socket.local_addr().ok().and_then(|address| address.as_socket()).expect("getsockname")
}

fn connect(to: SocketAddr) -> Socket {
    let socket = Socket::new(Domain::for_address(to), Type::STREAM, None).expect("socket");
    socket.connect(&SockAddr::from(to)).expect("a connection to fill the backlog");
    socket
}
