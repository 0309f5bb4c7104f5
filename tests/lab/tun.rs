//! A TUN interface whose far side is a function: the whole outside world, scripted.
//!
//! Answers come from another thread some time after the packet, as from a real network. (veth pairs and loopback
//! deliver within the sender's own system call, which takes another path in the kernel: an ICMP error then finds the
//! socket locked and is only remembered.)

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::watched::Watched;
use super::worker::{Stop, Wake, Worker};
use super::{Addresses, Answer, Netns, Packet, patience_ends, sys};

/// From whom ICMP errors come unless a test says otherwise.
pub const ROUTER: Addresses =
    Addresses { v4: Ipv4Addr::new(10, 9, 0, 254), v6: Ipv6Addr::new(0xfd09, 0, 0, 0, 0, 0, 0, 0xfe) };

/// No answer leaves earlier: connect() shall have returned to its caller.
const LEAST_DELAY: Duration = Duration::from_micros(300);

/// Of a fresh TUN interface.
const MTU: usize = 1500;

/// The queue is long enough for a sweep: what does not fit is lost, and comes again a second later.
const SETUP: &str = "link set tun0 up txqueuelen 10000
address add 10.9.0.1/16 dev tun0
address add fd09::1/64 dev tun0 nodad
";

/// The far side; it goes silent, and the interface away, when dropped.
pub struct TunPeer {
    syns: Arc<Syns>,
    _worker: Worker,
}

/// SYNs by destination port.
type Syns = Watched<HashMap<u16, usize>>;

impl Netns {
    /// Adds the interface `tun0` with 10.9.0.1/16 and fd09::1/64. Every TCP and UDP packet that is routed to it is given
    /// to `answer`; more networks come by `net.ip("route add … dev tun0")`.
    pub fn tun(&self, answer: impl FnMut(&Packet) -> Vec<Answer> + Send + 'static) -> TunPeer {
        let tun = self.enter(|| sys::open_tun(c"tun0"));
        let tun =
            tun.unwrap_or_else(|error| panic!("the lab needs to open /dev/net/tun (mode 0666, or root): {error}"));
        self.ip(SETUP);
        self.await_addresses();
        let syns = Arc::new(Syns::default());
        let wire =
            Wire { tun, answer, syns: Arc::clone(&syns), streams: HashMap::new(), due: BinaryHeap::new(), answers: 0 };
        TunPeer { syns, _worker: Worker::start(move |stop| wire.serve(&stop)) }
    }
}

impl TunPeer {
    /// How many SYNs, retransmissions included, were sent to a port.
    pub fn syns(&self, port: u16) -> usize {
        self.syns.lock().get(&port).copied().unwrap_or(0)
    }

    /// Waits until so many SYNs were sent to a port.
    pub fn await_syns(&self, port: u16, count: usize) {
        let enough = |syns: &mut HashMap<u16, usize>| syns.get(&port).filter(|&&seen| seen >= count).copied();
        let seen = self.syns.wait(patience_ends(), enough);
        assert!(seen.is_some(), "{} SYNs came to port {port}, not {count}", self.syns(port));
    }
}

/// A packet to write, and when; the number keeps packets of one moment in order.
type Due = Reverse<(Instant, usize, Vec<u8>)>;

struct Wire<F> {
    tun: File,
    answer: F,
    syns: Arc<Syns>,
    /// SYNs by address and port of both ends.
    streams: HashMap<(IpAddr, u16, IpAddr, u16), usize>,
    due: BinaryHeap<Due>,
    /// How many there were.
    answers: usize,
}

impl<F: FnMut(&Packet) -> Vec<Answer>> Wire<F> {
    fn serve(mut self, stop: &Stop) {
        loop {
            self.send_due();
            let next = self.due.peek().map(|Reverse((at, ..))| at.saturating_duration_since(Instant::now()));
            match stop.or_readable(self.tun.as_fd(), next) {
                Wake::Stop => return,
                Wake::Timeout => {}
                Wake::Readable if self.receive().is_none() => return,
                Wake::Readable => {}
            }
        }
    }

    fn send_due(&mut self) {
        while let Some(Reverse((at, ..))) = self.due.peek()
            && *at <= Instant::now()
            && let Some(Reverse((_, _, packet))) = self.due.pop()
        {
            match self.tun.write(&packet) {
                Ok(_) => {}
                // EIO, and what follows it: a test took the interface down or away.
                Err(error) if matches!(error.raw_os_error(), Some(libc::EIO | libc::EBADFD)) => {}
                Err(error) => panic!("write to tun0: {error}"),
            }
        }
    }

    /// `None` when the interface is gone.
    fn receive(&mut self) -> Option<()> {
        let mut buffer = [0; MTU];
        let count = match self.tun.read(&mut buffer) {
            Ok(count) => count,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Some(()),
            Err(_) => return None,
        };
        let now = Instant::now();
        let Some(mut packet) = Packet::parse(&buffer[..count]) else { return Some(()) };
        self.count(&mut packet);
        for answer in (self.answer)(&packet) {
            let at = now + answer.after.max(LEAST_DELAY);
            self.answers += 1;
            self.due.push(Reverse((at, self.answers, answer.into_bytes())));
        }
        Some(())
    }

    fn count(&mut self, packet: &mut Packet) {
        if !packet.is_syn() {
            return;
        }
        let stream = (packet.source, packet.source_port(), packet.destination, packet.port());
        let nth = self.streams.entry(stream).or_default();
        *nth += 1;
        packet.nth = *nth;
        self.syns.update(|syns| *syns.entry(packet.port()).or_default() += 1);
    }
}
