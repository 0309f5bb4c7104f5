//! How true the reported times are: against the packets' own time stamps, taken by the kernel at the interface.
#![cfg_attr(not(target_os = "linux"), no_main)]
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods)]

mod common;

use std::collections::HashMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use common::lab::{ACK, Netns, Packet, RST, SYN, Topology, ms};
use common::{Program, RCONNECT, Sample, machine};
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, recvmsg, setsockopt, sockopt};
use serde_json::Value;
use socket2::{Domain, Protocol, Socket, Type};

const PROBES: usize = 200;

fn main() {
    println!("Reported times against the wire. {}.\n", machine());
    println!("  {:<25} {:>6} {:>8} {:>8} {:>8}   limit", "error in µs", "count", "median", "95th", "99th");
    veth();
    delayed();
    crowd();
}

/// The kernel of the next namespace answers, within the sender's own system call.
fn veth() {
    let path = Topology::chain(0);
    let server = path.server.listen("10.77.1.2:80");
    let open = Series::of(&path.client, || repeat(&path.client, "10.77.1.2:80", 0));
    open.show("veth, connected", Some(ELAPSED), Some(RTT));
    drop(server);
    let refused = Series::of(&path.client, || repeat(&path.client, "10.77.1.2:80", 4));
    refused.show("veth, refused", Some(ELAPSED), None);
}

/// 10 ms away; first alone, then with each processor kept busy.
fn delayed() {
    let net = Netns::new();
    let _peer = net.tun(|packet: &Packet| if packet.is_syn() { vec![packet.syn_ack().after(ms(10))] } else { vec![] });
    let probe = || repeat(&net, "10.9.0.2:80", 0);
    Series::of(&net, probe).show("10 ms", Some(ELAPSED), Some(RTT));
    Series::of(&net, || under_load(probe)).show("10 ms, two busy threads", None, Some(RTT));
}

/// A thousand attempts at once, answered after 50 to 300 ms.
fn crowd() {
    let net = Netns::new();
    let _peer = net.tun(|packet: &Packet| {
        let after = ms(50 + u64::from(packet.port()) * 7 % 251);
        if packet.is_syn() { vec![packet.syn_ack().after(after)] } else { vec![] }
    });
    let program = Program::new(RCONNECT, "--json -j 1000 10.9.0.2 1-1000", 0);
    let probe = || net.enter(|| reports(&program));
    Series::of(&net, probe).show("1,000 at once, 50 to 300 ms", None, Some(RTT));
    Series::of(&net, || under_load(probe)).show("the same, two busy threads", None, Some(RTT));
}

/// The program, and a connect() of our own, in turn.
fn repeat(net: &Netns, target: &str, code: i32) -> Vec<Reported> {
    let program = Program::new(RCONNECT, &format!("--json {target}"), code);
    net.enter(|| (0..PROBES).flat_map(|_| reports(&program).into_iter().chain([plain(target)])).collect())
}

/// Who measured.
#[derive(Clone, Copy, PartialEq, Eq)]
enum By {
    Rconnect,
    /// The nearest that a clock around the call comes.
    PlainConnect,
}

/// One connection attempt by somebody's account, in microseconds.
struct Reported {
    by: By,
    ports: Ports,
    elapsed: f64,
    rtt: Option<f64>,
}

fn reports(program: &Program) -> Vec<Reported> {
    let output = program.output();
    let reports = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<Value>();
    reports.map(|report| reported(&report.expect("a line of JSON")["attempts"][0])).collect()
}

fn reported(attempt: &Value) -> Reported {
    let local: SocketAddr = attempt["local"].as_str().and_then(|local| local.parse().ok()).expect("local");
    let port = attempt["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("port");
    let elapsed = attempt["elapsed_us"].as_f64().expect("elapsed_us");
    Reported { by: By::Rconnect, ports: (local.port(), port), elapsed, rtt: attempt["rtt_us"].as_f64() }
}

/// A blocking connect() of a process that is warm already.
fn plain(target: &str) -> Reported {
    let target: SocketAddr = target.parse().expect("an address and port");
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).expect("socket");
    // Bound first, as a socket that was refused has no port any more.
    socket.bind(&SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)).into()).expect("bind");
    let local = socket.local_addr().ok().and_then(|local| local.as_socket()).expect("getsockname");
    let target_address = target.into();
    let started = Instant::now();
    let _ = socket.connect(&target_address);
    let elapsed = started.elapsed().as_secs_f64() * 1e6;
    let rtt = rconnect::internals::tcp_facts(&socket).rtt.map(|rtt| rtt.as_secs_f64() * 1e6);
    Reported { by: By::PlainConnect, ports: (local.port(), target.port()), elapsed, rtt }
}

/// Acts while two threads compute.
fn under_load<T>(act: impl FnOnce() -> T) -> T {
    let busy = AtomicBool::new(true);
    thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while busy.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
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
struct Series {
    reported: Vec<Reported>,
    /// Microseconds from the first SYN to its answer.
    gaps: HashMap<Ports, f64>,
}

impl Series {
    /// Lets `probe` run with every packet of the namespace kept; they are read, with their time stamps, when it is over.
    fn of(net: &Netns, probe: impl FnOnce() -> Vec<Reported>) -> Series {
        let wire = net.enter(listen);
        let reported = probe();
        Series { reported, gaps: gaps(&segments(&wire)) }
    }

    /// A line for each of the two times, and who measured it.
    fn show(&self, name: &str, elapsed: Option<Limit>, rtt: Option<Limit>) {
        let wire: Sample = self.reported.iter().map(|reported| self.gap(reported)).collect();
        println!("{name}: {:.0} µs", wire.median());
        for by in [By::Rconnect, By::PlainConnect] {
            let ours = by == By::Rconnect;
            self.line("elapsed", by, elapsed.filter(|_| ours), |reported| Some(reported.elapsed));
            self.line("rtt", by, rtt.filter(|_| ours), |reported| reported.rtt);
        }
    }

    fn line(&self, time: &str, by: By, limit: Option<Limit>, value: impl Fn(&Reported) -> Option<f64>) {
        let reported = self.reported.iter().filter(|reported| reported.by == by);
        let errors: Vec<f64> =
            reported.filter_map(|reported| Some((value(reported)? - self.gap(reported)).abs())).collect();
        if errors.is_empty() {
            return;
        }
        let who = if by == By::Rconnect { "rconnect" } else { "plain connect()" };
        let count = errors.len();
        let errors: Sample = errors.into_iter().collect();
        let [median, p95, p99] = [0.5, 0.95, 0.99].map(|part| errors.quantile(part));
        let limit = limit.map(|limit| limit.to_string()).unwrap_or_default();
        println!("  {time:<8} {who:<16} {count:>6} {median:>8.0} {p95:>8.0} {p99:>8.0}   {limit}");
    }

    fn gap(&self, reported: &Reported) -> f64 {
        *self.gaps.get(&reported.ports).unwrap_or_else(|| panic!("not captured: ports {:?}", reported.ports))
    }
}

/// What the median and the 95th percentile shall not exceed, in microseconds.
#[derive(Clone, Copy)]
struct Limit(f64, Option<f64>);

const ELAPSED: Limit = Limit(60.0, None);
const RTT: Limit = Limit(10.0, Some(45.0));

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "median ≤ {}", self.0)?;
        self.1.map_or(Ok(()), |p95| write!(f, ", 95th ≤ {p95}"))
    }
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

fn gaps(segments: &[Segment]) -> HashMap<Ports, f64> {
    let mut asked: HashMap<Ports, Duration> = HashMap::new();
    let mut gaps = HashMap::new();
    for segment in segments {
        let answer = (segment.destination, segment.source);
        if segment.flags & (SYN | ACK) == SYN {
            asked.entry((segment.source, segment.destination)).or_insert(segment.at);
        } else if segment.flags & (SYN | RST) != 0
            && let Some(&syn) = asked.get(&answer)
        {
            gaps.entry(answer).or_insert(segment.at.saturating_sub(syn).as_secs_f64() * 1e6);
        }
    }
    gaps
}
