//! How true the reported times are: against the packets' own time stamps, taken by the kernel at the interface.
#![cfg_attr(not(target_os = "linux"), no_main)]
#![cfg(target_os = "linux")]

mod common;

use std::collections::HashMap;
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use common::lab::{ACK, Netns, Packet, RST, SYN, Topology, ms};
use common::{Program, RCONNECT, Sample, machine};
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};

const PROBES: usize = 200;

fn main() {
    println!("Reported times against the wire. {}.\n", machine());
    println!("{:<52} {:<7} {:>7} {:>7} {:>7} {:>7}  limit", "µs", "", "wire", "median", "95th", "99th");
    veth();
    delayed();
    crowd();
}

/// The kernel of the next namespace answers, within the sender's own system call.
fn veth() {
    let path = Topology::chain(0);
    let server = path.server.listen("10.77.1.2:80");
    let one = Capture::of(&path.client, || repeat(&path.client, "--json 10.77.1.2 80", 0));
    one.show("veth, connected", Some((10.0, 45.0)), Some(60.0));
    drop(server);
    let one = Capture::of(&path.client, || repeat(&path.client, "--json 10.77.1.2 80", 4));
    one.show("veth, refused", None, Some(60.0));
}

/// 10 ms away; first alone, then with each processor kept busy.
fn delayed() {
    let net = Netns::new();
    let _peer = net.tun(|packet: &Packet| if packet.is_syn() { vec![packet.syn_ack().after(ms(10))] } else { vec![] });
    let probe = || repeat(&net, "--json 10.9.0.2 80", 0);
    Capture::of(&net, probe).show("10 ms, connected", Some((10.0, 45.0)), Some(60.0));
    Capture::of(&net, || under_load(probe)).show("10 ms, connected, two busy threads", Some((10.0, 45.0)), None);
}

/// A thousand attempts at once, answered after 50 to 300 ms.
fn crowd() {
    let net = Netns::new();
    let _peer = net.tun(|packet: &Packet| {
        let after = ms(50 + u64::from(packet.port()) * 7 % 251);
        if packet.is_syn() { vec![packet.syn_ack().after(after)] } else { vec![] }
    });
    let probe = || net.enter(|| reports(&Program::new(RCONNECT, "--json -j 1000 10.9.0.2 1-1000", 0)));
    Capture::of(&net, probe).show("50 to 300 ms, a thousand in flight", Some((10.0, 45.0)), None);
    Capture::of(&net, || under_load(probe)).show("the same, two busy threads", Some((10.0, 45.0)), None);
}

fn repeat(net: &Netns, args: &str, code: i32) -> Vec<Value> {
    let program = Program::new(RCONNECT, args, code);
    net.enter(|| (0..PROBES).flat_map(|_| reports(&program)).collect())
}

fn reports(program: &Program) -> Vec<Value> {
    let output = program.output();
    serde_json::Deserializer::from_slice(&output.stdout).into_iter().collect::<Result<_, _>>().expect("lines of JSON")
}

/// Acts while two threads compute.
fn under_load<T>(act: impl FnOnce() -> T) -> T {
    let busy = AtomicBool::new(true);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| while busy.load(Ordering::Relaxed) {});
        }
        let result = act();
        busy.store(false, Ordering::Relaxed);
        result
    })
}

/// The client's port and the server's.
type Ports = (u16, u16);

/// A TCP segment that passed the client's interface.
struct Segment {
    at: Duration,
    source: u16,
    destination: u16,
    flags: u8,
}

/// What was reported, and what passed the interface meanwhile.
struct Capture {
    reports: Vec<Value>,
    /// From the first SYN to its answer.
    gaps: HashMap<Ports, Duration>,
}

impl Capture {
    /// Lets `probe` run with every packet of the namespace kept; they are read, with their time stamps, when it is over.
    fn of(net: &Netns, probe: impl FnOnce() -> Vec<Value>) -> Capture {
        let wire = net.enter(listen);
        let reports = probe();
        Capture { reports, gaps: gaps(&segments(&wire)) }
    }

    /// One line for each of the two times; limits are for the median and the 95th percentile.
    fn show(&self, name: &str, rtt: Option<(f64, f64)>, elapsed: Option<f64>) {
        let limit = elapsed.map_or(String::new(), |median| format!("median ≤ {median}"));
        self.line(name, "elapsed", "elapsed_us", &limit);
        if let Some((median, p95)) = rtt {
            self.line("", "rtt", "rtt_us", &format!("median ≤ {median}, 95th ≤ {p95}"));
        }
    }

    fn line(&self, name: &str, label: &str, key: &str, limit: &str) {
        let attempts = self.reports.iter().map(|report| &report["attempts"][0]);
        let pairs: Vec<(f64, f64)> = attempts.map(|attempt| (micros(attempt, key), self.gap(attempt))).collect();
        let wire: Sample = pairs.iter().map(|(_, wire)| *wire).collect();
        let error: Sample = pairs.iter().map(|(reported, wire)| (reported - wire).abs()).collect();
        let [median, p95, p99] = [0.5, 0.95, 0.99].map(|part| error.quantile(part));
        println!("{name:<52} {label:<7} {:>7.0} {median:>7.0} {p95:>7.0} {p99:>7.0}  {limit}", wire.median());
    }

    fn gap(&self, attempt: &Value) -> f64 {
        let local: std::net::SocketAddr = attempt["local"].as_str().and_then(|at| at.parse().ok()).expect("local");
        let remote = attempt["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("port");
        let gap = self.gaps.get(&(local.port(), remote)).unwrap_or_else(|| panic!("not captured: {attempt}"));
        gap.as_secs_f64() * 1e6
    }
}

fn micros(attempt: &Value, key: &str) -> f64 {
    attempt[key].as_u64().unwrap_or_else(|| panic!("{key}: {attempt}")) as f64
}

/// Takes a copy of every packet that comes or goes (packet(7)), stamped by the kernel.
fn listen() -> Socket {
    let every = i32::from((libc::ETH_P_ALL as u16).to_be());
    let socket = Socket::new(Domain::PACKET, Type::DGRAM, Some(Protocol::from(every))).expect("a packet socket");
    setsockopt(&socket, sockopt::ReceiveTimestampns, &true).expect("SO_TIMESTAMPNS");
    // Nothing is read before the end, so that nobody but the program is woken meanwhile.
    setsockopt(&socket, sockopt::RcvBufForce, &(64 << 20)).expect("SO_RCVBUFFORCE (needs root)");
    socket.set_nonblocking(true).expect("a nonblocking socket");
    socket
}

fn segments(wire: &Socket) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut control = nix::cmsg_space!(nix::sys::time::TimeSpec);
    loop {
        let mut packet = [0; 1500];
        let mut buffers = [std::io::IoSliceMut::new(&mut packet)];
        let message = recvmsg::<()>(wire.as_raw_fd(), &mut buffers, Some(&mut control), MsgFlags::empty());
        let (count, at) = match message {
            Err(Errno::EAGAIN) => return segments,
            message => {
                let message = message.expect("recvmsg");
                let stamp = message.cmsgs().expect("control messages").find_map(|message| match message {
                    ControlMessageOwned::ScmTimestampns(at) => Some(Duration::from(at)),
                    _ => None,
                });
                (message.bytes, stamp.expect("a time stamp"))
            }
        };
        segments.extend(segment(at, &packet[..count]));
    }
}

/// `None` for what is not TCP over IPv4 (RFC 791 section 3.1, RFC 9293 section 3.1).
fn segment(at: Duration, packet: &[u8]) -> Option<Segment> {
    let header = usize::from(packet.first()? & 15) * 4;
    let tcp = packet.get(header..header + 20)?;
    let port = |at: usize| u16::from_be_bytes([tcp[at], tcp[at + 1]]);
    let known = packet[0] >> 4 == 4 && packet[9] == 6;
    known.then(|| Segment { at, source: port(0), destination: port(2), flags: tcp[13] })
}

fn gaps(segments: &[Segment]) -> HashMap<Ports, Duration> {
    let mut asked: HashMap<Ports, Duration> = HashMap::new();
    let mut gaps = HashMap::new();
    for segment in segments {
        let answer = (segment.destination, segment.source);
        if segment.flags & (SYN | ACK) == SYN {
            asked.entry((segment.source, segment.destination)).or_insert(segment.at);
        } else if segment.flags & (SYN | RST) != 0
            && let Some(&syn) = asked.get(&answer)
        {
            gaps.entry(answer).or_insert(segment.at.saturating_sub(syn));
        }
    }
    gaps
}
