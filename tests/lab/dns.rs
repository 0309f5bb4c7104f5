//! A nameserver in which the first label of a name chooses the behaviour.
//!
//! | label | answer |
//! |---|---|
//! | `v4`, `v6`, `dual` | 127.0.0.2, ::1, both |
//! | `many` | 127.0.1.0 … 127.0.1.29 |
//! | `mixed` | 192.0.2.99, 127.0.0.2, 10.9.0.5, 2001:db8::5, ::1, fd09::5 |
//! | `duplicates` | 127.0.0.2 three times |
//! | `unspec` | 0.0.0.0, :: |
//! | `cname`, `cnamedangling` | alias of v4.test, of nx.test |
//! | `nx`, `nodata`, `servfail`, `refused`, `formerr`, `notimp` | what the word says |
//! | `aaaanx`, `aaaaservfail`, `aaaatimeout` | 127.0.0.2, and that for IPv6 |
//! | `timeout`, `garbage` | nothing, five zero bytes |
//! | `tc` | truncated over UDP, 127.0.0.3 over TCP |
//! | `slow`, `slow-N` | 127.0.0.2 after 1.5 s, after N ms |
//! | `aaaaslow-N` | what [`Dns::record`] gave it, the IPv6 addresses after N ms |
//! | any other | no such name |

use std::io::{Read, Write};
use std::net::{IpAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use socket2::Type;

use super::watched::Watched;
use super::worker::{Wake, Worker};
use super::{Netns, PATIENCE, ms, patience_ends};

/// The nameserver at 127.0.0.1 port 53, UDP and TCP; it closes when dropped.
pub struct Dns {
    zone: Arc<Zone>,
    _workers: [Worker; 2],
}

#[derive(Default)]
struct Zone {
    /// Names with addresses of a test's own.
    records: Mutex<Vec<(String, IpAddr)>>,
    queries: Watched<Vec<String>>,
}

impl Netns {
    /// Starts a nameserver; a child asks it when it has an /etc of its own ([`super::Command::etc`] or `resolver`).
    pub fn dns(&self) -> Dns {
        let udp: UdpSocket = self.bind("127.0.0.1:53", Type::DGRAM).into();
        let tcp = self.bind("127.0.0.1:53", Type::STREAM);
        tcp.listen(128).expect("listen");
        let zone = Arc::new(Zone::default());
        let (by_udp, by_tcp) = (Arc::clone(&zone), Arc::clone(&zone));
        let workers = [
            Worker::start(move |stop| {
                while !matches!(stop.or_readable(udp.as_fd(), None), Wake::Stop) {
                    serve_datagram(&by_udp, &udp);
                }
            }),
            Worker::start(move |stop| {
                let tcp: TcpListener = tcp.into();
                while !matches!(stop.or_readable(tcp.as_fd(), None), Wake::Stop) {
                    let Ok((stream, _)) = tcp.accept() else { continue };
                    let zone = Arc::clone(&by_tcp);
                    thread::spawn(move || while serve_stream(&zone, &stream).is_some() {});
                }
            }),
        ];
        Dns { zone, _workers: workers }
    }
}

impl Dns {
    /// Gives a name an address, one more each time; such a name has no behaviour of its label.
    pub fn record(&self, name: &str, address: &str) -> &Dns {
        let address = address.parse().unwrap_or_else(|_| panic!("not an address: {address}"));
        self.zone.records.lock().expect("records").push((name.into(), address));
        self
    }

    /// Takes all addresses from a name that [`Dns::record`] gave it.
    pub fn forget(&self, name: &str) -> &Dns {
        self.zone.records.lock().expect("records").retain(|(known, _)| known != name);
        self
    }

    /// What was asked, in order: `v4.test A`, `v4.test AAAA`.
    pub fn queries(&self) -> Vec<String> {
        self.zone.queries.lock().clone()
    }

    /// Waits until this was asked (as [`Dns::queries`] writes it).
    pub fn await_query(&self, query: &str) {
        let asked = |queries: &mut Vec<String>| queries.iter().any(|asked| asked == query).then_some(());
        self.zone.queries.wait(patience_ends(), asked).unwrap_or_else(|| panic!("nobody asked for {query}"));
    }
}

fn serve_datagram(zone: &Zone, socket: &UdpSocket) {
    let mut buffer = [0; 4096];
    let Ok((count, client)) = socket.recv_from(&mut buffer) else { return };
    let Some((delay, reply)) = zone.reply(&buffer[..count], Transport::Udp) else { return };
    let socket = socket.try_clone().expect("dup");
    after(delay, move || drop(socket.send_to(&reply, client)));
}

/// Serves one of the queries that may share a connection; `None` at its end.
fn serve_stream(zone: &Zone, mut stream: &TcpStream) -> Option<()> {
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    let mut length = [0; 2];
    stream.read_exact(&mut length).ok()?;
    let mut query = vec![0; u16::from_be_bytes(length).into()];
    stream.read_exact(&mut query).ok()?;
    let (delay, reply) = zone.reply(&query, Transport::Tcp)?;
    thread::sleep(delay);
    stream.write_all(&[&(reply.len() as u16).to_be_bytes(), &reply[..]].concat()).ok()
}

/// Late answers wait in a thread of their own, so that the next query need not.
fn after(delay: Duration, send: impl FnOnce() + Send + 'static) {
    if delay.is_zero() {
        return send();
    }
    thread::spawn(move || {
        thread::sleep(delay);
        send();
    });
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Udp,
    Tcp,
}

/// Types of records that are asked for (RFC 1035 section 3.2.2, RFC 3596).
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    A,
    Aaaa,
    Other(u16),
}

/// Response codes (RFC 1035 section 4.1.1).
#[derive(Clone, Copy)]
enum Rcode {
    NoError = 0,
    FormErr = 1,
    ServFail = 2,
    NxDomain = 3,
    NotImp = 4,
    Refused = 5,
}

enum Behaviour {
    Addresses(Vec<IpAddr>),
    Alias { of: &'static str, addresses: Vec<IpAddr>, rcode: Rcode },
    Error(Rcode),
    Truncated,
    Garbage,
    Silent,
}

impl Zone {
    /// The reply and when to send it; `None` is silence.
    fn reply(&self, query: &[u8], transport: Transport) -> Option<(Duration, Vec<u8>)> {
        let question = Question::parse(query)?;
        self.queries.update(|queries| queries.push(question.to_string()));
        let label = question.name.split('.').next().unwrap_or_default();
        let behaviour = self.own(&question.name).unwrap_or_else(|| behave(label, question.kind, transport));
        Some((delay(label, question.kind), question.reply(query, behaviour)?))
    }

    fn own(&self, name: &str) -> Option<Behaviour> {
        let records = self.records.lock().expect("records");
        let mut addresses = records.iter().filter(|(own, _)| own == name).map(|&(_, address)| address).peekable();
        addresses.peek()?;
        Some(Behaviour::Addresses(addresses.collect()))
    }
}

fn delay(label: &str, kind: Kind) -> Duration {
    let label = if kind == Kind::Aaaa { label.strip_prefix("aaaa").unwrap_or(label) } else { label };
    match label.strip_prefix("slow") {
        Some("") => ms(1500),
        Some(rest) => rest.strip_prefix('-').and_then(|n| n.parse().ok()).map_or(Duration::ZERO, ms),
        None => Duration::ZERO,
    }
}

fn behave(label: &str, kind: Kind, transport: Transport) -> Behaviour {
    use Behaviour::*;
    let addresses = |list: &[&str]| Addresses(list.iter().map(|one| one.parse().expect("an address")).collect());
    let v4 = || addresses(&["127.0.0.2"]);
    match label {
        "v4" | "slow" => v4(),
        "v6" => addresses(&["::1"]),
        "dual" => addresses(&["127.0.0.2", "::1"]),
        "many" => Addresses((0..30).map(|last| IpAddr::from([127, 0, 1, last])).collect()),
        "mixed" => addresses(&["192.0.2.99", "127.0.0.2", "10.9.0.5", "2001:db8::5", "::1", "fd09::5"]),
        "duplicates" => addresses(&["127.0.0.2"; 3]),
        "unspec" => addresses(&["0.0.0.0", "::"]),
        "cname" => Alias { of: "v4.test", addresses: vec![[127, 0, 0, 2].into()], rcode: Rcode::NoError },
        "cnamedangling" => Alias { of: "nx.test", addresses: Vec::new(), rcode: Rcode::NxDomain },
        "nodata" => addresses(&[]),
        "servfail" => Error(Rcode::ServFail),
        "refused" => Error(Rcode::Refused),
        "formerr" => Error(Rcode::FormErr),
        "notimp" => Error(Rcode::NotImp),
        "aaaanx" if kind == Kind::Aaaa => Error(Rcode::NxDomain),
        "aaaaservfail" if kind == Kind::Aaaa => Error(Rcode::ServFail),
        "aaaatimeout" if kind == Kind::Aaaa => Silent,
        "aaaanx" | "aaaaservfail" | "aaaatimeout" => v4(),
        "timeout" => Silent,
        "garbage" => Garbage,
        "tc" if transport == Transport::Udp => Truncated,
        "tc" => addresses(&["127.0.0.3"]),
        slow if slow.starts_with("slow-") => v4(),
        _ => Error(Rcode::NxDomain),
    }
}

/// The one question of a query.
struct Question {
    name: String,
    kind: Kind,
    /// Where the question ends in the query.
    end: usize,
}

impl std::fmt::Display for Question {
    fn fmt(&self, f: &mut std::fmt::Formatter) -> std::fmt::Result {
        match self.kind {
            Kind::A => write!(f, "{} A", self.name),
            Kind::Aaaa => write!(f, "{} AAAA", self.name),
            Kind::Other(number) => write!(f, "{} TYPE{number}", self.name),
        }
    }
}

const HEADER: usize = 12;
const QUERY_RESPONSE: u16 = 0x8000;
const TRUNCATED: u16 = 0x0200;
const RECURSION: u16 = 0x0180;

impl Question {
    fn parse(query: &[u8]) -> Option<Question> {
        let mut labels = Vec::new();
        let mut at = HEADER;
        while let length @ 1.. = usize::from(*query.get(at)?) {
            labels.push(String::from_utf8_lossy(query.get(at + 1..at + 1 + length)?).to_lowercase());
            at += 1 + length;
        }
        let kind = match u16::from_be_bytes(*query.get(at + 1..)?.first_chunk()?) {
            1 => Kind::A,
            28 => Kind::Aaaa,
            other => Kind::Other(other),
        };
        (query.len() >= at + 5).then(|| Question { name: labels.join("."), kind, end: at + 5 })
    }

    fn reply(&self, query: &[u8], behaviour: Behaviour) -> Option<Vec<u8>> {
        let (flags, rcode, answers) = match behaviour {
            Behaviour::Silent => return None,
            Behaviour::Garbage => return Some(vec![0; 5]),
            Behaviour::Truncated => (TRUNCATED, Rcode::NoError, Vec::new()),
            Behaviour::Error(rcode) => (0, rcode, Vec::new()),
            Behaviour::Addresses(addresses) => (0, Rcode::NoError, self.records(&QUESTION_NAME, &addresses)),
            Behaviour::Alias { of, addresses, rcode } => {
                let alias = record(&QUESTION_NAME, 5, &name(of));
                (0, rcode, [vec![alias], self.records(&name(of), &addresses)].concat())
            }
        };
        let mut reply = query[..2].to_vec();
        reply.extend((QUERY_RESPONSE | RECURSION | flags | rcode as u16).to_be_bytes());
        reply.extend([0, 1, 0, answers.len() as u8, 0, 0, 0, 0]);
        reply.extend(&query[HEADER..self.end]);
        reply.extend(answers.concat());
        Some(reply)
    }

    /// Those of the addresses that are of the type asked for.
    fn records(&self, owner: &[u8], addresses: &[IpAddr]) -> Vec<Vec<u8>> {
        let one = |address: &IpAddr| match (address, self.kind) {
            (IpAddr::V4(address), Kind::A) => Some(record(owner, 1, &address.octets())),
            (IpAddr::V6(address), Kind::Aaaa) => Some(record(owner, 28, &address.octets())),
            _ => None,
        };
        addresses.iter().filter_map(one).collect()
    }
}

/// A pointer to the name in the question (RFC 1035 section 4.1.4).
const QUESTION_NAME: [u8; 2] = [0xc0, HEADER as u8];

fn name(text: &str) -> Vec<u8> {
    let mut name: Vec<u8> =
        text.split('.').flat_map(|label| [&[label.len() as u8], label.as_bytes()].concat()).collect();
    name.push(0);
    name
}

/// Class IN, to be kept for 60 s.
fn record(owner: &[u8], kind: u16, data: &[u8]) -> Vec<u8> {
    let mut record = owner.to_vec();
    record.extend(kind.to_be_bytes());
    record.extend([0, 1, 0, 0, 0, 60]);
    record.extend((data.len() as u16).to_be_bytes());
    record.extend(data);
    record
}
