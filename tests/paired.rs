//! The program sees what a plain program sees: in every situation its outcome and its time are those of a blocking
//! connect() under the same conditions, whichever way it calls connect() itself.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "a test has no clock of its own")]

mod lab;
mod support;

use std::any::Any;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use lab::*;
use support::*;

/// Where a situation happens, and what keeps it up.
struct World {
    net: Netns,
    kept: Vec<Box<dyn Any>>,
}

/// Networks that are made anew for each attempt, as some of them change by it.
struct Situation {
    name: &'static str,
    /// Addresses with a port; each in turn.
    targets: &'static [&'static str],
    limit: Duration,
    world: fn() -> World,
    change: fn(Command) -> Command,
}

const LOOPBACK: &[&str] = &["127.0.0.1:80", "[::1]:80"];
const PEER: &[&str] = &["10.9.7.7:80", "[fd09::7]:80"];
const OUTSIDE: &[&str] = &["198.51.100.1:80", "[2001:db8::1]:80"];
const SERVER: &[&str] = &["10.77.2.2:80", "[fd77:2::2]:80"];

/// Long enough for all that decides itself.
const LONG: Duration = ms(5500);
/// For silence.
const SHORT: Duration = ms(1500);

fn situation(name: &'static str, targets: &'static [&'static str], limit: Duration, world: fn() -> World) -> Situation {
    Situation { name, targets, limit, world, change: |command| command }
}

/// Loopback with a server, and its own firewall's rule for it.
fn loopback(rule: &str) -> World {
    let net = Netns::new();
    let open = [net.listen("127.0.0.1:80"), net.listen("[::1]:80")];
    if !rule.is_empty() {
        net.filter("output", &format!("tcp dport 80 {rule}"));
    }
    World { net, kept: vec![Box::new(open)] }
}

/// A namespace after some `ip` commands.
fn alone(commands: &str) -> World {
    let net = Netns::new();
    net.ip(commands);
    World { net, kept: Vec::new() }
}

/// The outside, scripted.
fn outside(answer: fn(&Packet) -> Vec<Answer>) -> World {
    let net = Netns::new();
    let peer = net.tun(answer);
    World { net, kept: vec![Box::new(peer)] }
}

/// A server behind a router with this rule.
fn behind_router(rule: &str) -> World {
    let path = Topology::chain(1);
    let open = [path.server.listen("10.77.2.2:80"), path.server.listen("[fd77:2::2]:80")];
    if !rule.is_empty() {
        path.router(1).filter("forward", &format!("tcp dport 80 {rule}"));
    }
    World { net: path.client.clone(), kept: vec![Box::new(open), Box::new(path)] }
}

/// The first SYN meets the rule, the second is let through.
const ONCE: &str = "tcp flags syn limit rate 1/minute burst 1 packets";

/// `host-unreachable` of either family.
fn host_unreachable(packet: &Packet) -> Answer {
    if packet.destination.is_ipv4() { packet.icmp(3, 1) } else { packet.icmp(1, 3) }
}

/// From afar: when it comes, connect() has given the socket free, however busy this machine is.
fn later(answer: Answer) -> Vec<Answer> {
    vec![answer.after(ms(30))]
}

/// What an attempt came to: the errno (0: connected, EINPROGRESS: our limit), and the step of the SYN's schedule, of
/// whole seconds, in which it ended.
type Seen = (i32, u64);

/// 1.0 s after the first SYN is a bit more than a second on the clock; a limit of 1.5 s a bit more, too.
fn step(elapsed: Duration) -> u64 {
    elapsed.as_secs()
}

fn plainly(situation: &Situation, target: &str) -> Seen {
    let World { net, kept } = (situation.world)();
    let command = (situation.change)(net.command("plain connect")).time_limit(situation.limit);
    let plain = command.plain_connect(target);
    drop(kept);
    (plain.result.err().map_or(0, |errno| errno as i32), step(plain.elapsed))
}

fn by_program(situation: &Situation, target: &str, mode: &str) -> Seen {
    let World { net, kept } = (situation.world)();
    let args = format!("--strict --mode {mode} -t {}ms {target}", situation.limit.as_millis());
    let run = Run::of((situation.change)(rconnect(&net, &args)));
    drop(kept);
    let attempt = run.one();
    let seen = match attempt.verdict().split(' ').collect::<Vec<_>>()[..] {
        ["connected", ..] => 0,
        ["timed-out", _, "limit", _, "-"] => libc::EINPROGRESS,
        _ => i32::try_from(attempt.number("/error/number")).expect("an errno"),
    };
    (seen, step(Duration::from_micros(attempt.elapsed_us())))
}

/// Plain and by the program in both modes, all at once, each in a world of its own; gives what the plain one saw.
fn compare_at(situation: &Situation, target: &str) -> Seen {
    std::thread::scope(|scope| {
        let plain = scope.spawn(|| plainly(situation, target));
        let program = MODES.map(|mode| (mode, scope.spawn(move || by_program(situation, target, mode))));
        let expected = plain.join().expect("a plain connect");
        for (mode, seen) in program {
            let seen = seen.join().expect("a run of the program");
            assert_eq!(seen, expected, "{} {target} --mode {mode}: (errno, seconds)", situation.name);
        }
        expected
    })
}

/// The kernel takes up to a second to notice (net/core/link_watch.c), and asks for the neighbour anew then.
fn await_no_carrier(net: &Netns) {
    let begin = Instant::now();
    while !net.command("ip").path().args(["-o", "link", "show", "right"]).run().stdout.contains("DOWN") {
        assert!(begin.elapsed() < PATIENCE, "the carrier does not go away");
    }
}

fn compare(situations: &[Situation]) {
    at_once(situations, |situation| {
        at_once(situation.targets, |target| {
            compare_at(situation, target);
        })
    });
}

#[test]
fn on_loopback() {
    compare(&[
        situation("open", LOOPBACK, LONG, || loopback("")),
        situation("closed", LOOPBACK, LONG, || alone("")),
        situation("any address", &["0.0.0.0:80", "[::]:80"], LONG, || loopback("")),
        situation("dropped", LOOPBACK, SHORT, || loopback("drop")),
        situation("reset", LOOPBACK, LONG, || loopback("reject with tcp reset")),
        situation("rejected", LOOPBACK, LONG, || loopback("reject")),
        situation("prohibited", LOOPBACK, LONG, || loopback("reject with icmpx type admin-prohibited")),
        situation("backlog full", LOOPBACK, SHORT, || {
            let net = Netns::new();
            let full = [net.full_backlog("127.0.0.1:80"), net.full_backlog("[::1]:80")];
            World { net, kept: vec![Box::new(full)] }
        }),
    ]);
}

/// What decides whether a probe may be believed: a program connects a second later, and so must the probe.
#[test]
fn what_is_refused_once_connects_a_second_later() {
    let situations = [
        situation("dropped once", LOOPBACK, LONG, || loopback(&format!("{ONCE} drop"))),
        situation("rejected once", LOOPBACK, LONG, || loopback(&format!("{ONCE} reject"))),
        situation("prohibited once", LOOPBACK, LONG, || {
            loopback(&format!("{ONCE} reject with icmpx type admin-prohibited"))
        }),
        situation("unreachable once", LOOPBACK, LONG, || {
            loopback(&format!("{ONCE} reject with icmpx type host-unreachable"))
        }),
        situation("rejected once by the router", SERVER, LONG, || behind_router(&format!("{ONCE} reject"))),
        situation("prohibited once by the router", SERVER, LONG, || {
            behind_router(&format!("{ONCE} reject with icmpx type admin-prohibited"))
        }),
        situation("lost once", PEER, LONG, || {
            outside(|packet| if packet.nth == 2 { vec![packet.syn_ack()] } else { silence() })
        }),
        situation("RST without ACK once", PEER, LONG, || {
            outside(|packet| match packet.nth {
                1 => vec![packet.tcp(RST)],
                2 => vec![packet.syn_ack()],
                _ => silence(),
            })
        }),
        situation("a message that says nothing", PEER, LONG, || {
            outside(|packet| match (packet.nth, packet.destination.is_ipv4()) {
                (1, true) => vec![packet.icmp(3, 4).info(1400)],
                (1, false) => vec![packet.icmp(2, 0).info(1400)],
                (2, _) => vec![packet.syn_ack()],
                _ => silence(),
            })
        }),
    ];
    at_once(&situations, |situation| {
        at_once(situation.targets, |target| {
            let (errno, seconds) = compare_at(situation, target);
            assert_eq!((errno, seconds), (0, 1), "{} {target}: what the lab provokes", situation.name);
        });
    });
}

#[test]
fn by_local_decision() {
    compare(&[
        situation("no route", OUTSIDE, LONG, || alone("")),
        situation("unreachable route", OUTSIDE, LONG, || {
            alone("route add unreachable 198.51.100.0/24\nroute add unreachable 2001:db8::/32")
        }),
        situation("prohibit route", OUTSIDE, LONG, || {
            alone("route add prohibit 198.51.100.0/24\nroute add prohibit 2001:db8::/32")
        }),
        situation("blackhole route", OUTSIDE, LONG, || {
            alone("route add blackhole 198.51.100.0/24\nroute add blackhole 2001:db8::/32")
        }),
        situation("throw route", OUTSIDE, LONG, || {
            alone("route add throw 198.51.100.0/24\nroute add throw 2001:db8::/32")
        }),
        situation("not for one host", &["224.0.0.1:80", "255.255.255.255:80", "[ff0e::1]:80"], LONG, || alone("")),
        situation("loopback gone", LOOPBACK, LONG, || alone("address flush dev lo\nlink set lo down")),
        situation("no IPv6", &["[::1]:80", "[2001:db8::1]:80"], LONG, || {
            let world = alone("");
            world.net.sysctl("net/ipv6/conf/all/disable_ipv6", "1");
            world
        }),
        situation("IPsec", PEER, LONG, || {
            let world = outside(|packet| vec![packet.syn_ack()]);
            world.net.forbid_by_ipsec("10.9.0.0/16");
            world.net.forbid_by_ipsec("fd09::/16");
            world
        }),
        situation("no local port", LOOPBACK, LONG, || {
            let world = loopback("");
            world.net.sysctl("net/ipv4/ip_local_port_range", "40000 40000");
            let connect = |to: &&str| {
                let to: SocketAddr = to.parse().expect("an address");
                let socket = socket2::Socket::new(socket2::Domain::for_address(to), socket2::Type::STREAM, None);
                let socket = socket.expect("socket");
                socket.connect(&to.into()).expect("a connection");
                socket
            };
            let used: Vec<_> = world.net.enter(|| LOOPBACK.iter().map(connect).collect());
            World { kept: world.kept.into_iter().chain([Box::new(used) as Box<dyn Any>]).collect(), net: world.net }
        }),
        Situation {
            change: |command| command.nobody().sandbox(Sandbox::landlock()),
            ..situation("Landlock", LOOPBACK, LONG, || loopback(""))
        },
        Situation {
            change: |command| command.sandbox(Sandbox::connect_fails(Errno::EPERM)),
            ..situation("seccomp", LOOPBACK, LONG, || loopback(""))
        },
        Situation {
            change: |command| command.sandbox(Sandbox::socket_fails(Errno::EAFNOSUPPORT)),
            ..situation("no such family", LOOPBACK, LONG, || loopback(""))
        },
        Situation {
            change: |command| command.nobody().sandbox(Sandbox::cgroup_connect_fails(Errno::EPERM)),
            ..situation("cgroup", LOOPBACK, LONG, || loopback(""))
        },
    ]);
}

#[test]
fn from_the_outside() {
    compare(&[
        situation("accepted late", PEER, LONG, || outside(|packet| later(packet.syn_ack()))),
        situation("refused", PEER, LONG, || outside(|packet| later(packet.reset()))),
        situation("silence", PEER, SHORT, || outside(|_| silence())),
        situation("unreachable", PEER, LONG, || outside(|packet| later(host_unreachable(packet)))),
        // From afar, the first message is the end, though the second SYN would be let through.
        situation("unreachable once", PEER, LONG, || {
            outside(|packet| if packet.nth == 1 { later(host_unreachable(packet)) } else { vec![packet.syn_ack()] })
        }),
        situation("lost twice", PEER, LONG, || {
            outside(|packet| if packet.nth == 3 { vec![packet.syn_ack()] } else { silence() })
        }),
        situation("wrong acknowledgement", PEER, LONG, || {
            outside(|packet| match packet.nth {
                1 => later(packet.syn_ack().acknowledge(0)),
                2 => vec![packet.syn_ack()],
                _ => silence(),
            })
        }),
        situation("accepted and closed", PEER, LONG, || {
            outside(|packet| if packet.nth == 1 { packet.syn_ack_then_fin() } else { silence() })
        }),
        situation("the kernel gives up", PEER, LONG, || {
            let world = outside(|_| silence());
            world.net.sysctl("net/ipv4/tcp_syn_linear_timeouts", "0");
            world.net.sysctl("net/ipv4/tcp_syn_retries", "1");
            world
        }),
    ]);
}

#[test]
fn by_routers_and_neighbours() {
    compare(&[
        situation("forwarded", SERVER, LONG, || behind_router("")),
        situation("dropped", SERVER, SHORT, || behind_router("drop")),
        situation("rejected", SERVER, LONG, || behind_router("reject")),
        situation("prohibited", SERVER, LONG, || behind_router("reject with icmpx type admin-prohibited")),
        situation("reset", SERVER, LONG, || behind_router("reject with tcp reset")),
        situation("no route there", OUTSIDE, LONG, || behind_router("")),
        situation("no forwarding", SERVER, SHORT, || {
            let path = Topology::chain(1);
            path.router(1).sysctl("net/ipv4/ip_forward", "0");
            path.router(1).sysctl("net/ipv6/conf/all/forwarding", "0");
            World { net: path.client.clone(), kept: vec![Box::new(path)] }
        }),
        // Three solicitations, a second apart.
        situation("absent neighbour", &["10.77.1.99:80", "[fd77:1::99]:80"], LONG, || {
            let link = Topology::chain(0);
            World { net: link.client.clone(), kept: vec![Box::new(link)] }
        }),
        situation("absent host behind the router", &["10.77.2.99:80", "[fd77:2::99]:80"], LONG, || behind_router("")),
        situation("no carrier", &["10.77.1.2:80", "[fd77:1::2]:80"], LONG, || {
            let link = Topology::chain(0);
            link.server.ip("link set left down");
            await_no_carrier(&link.client);
            World { net: link.client.clone(), kept: vec![Box::new(link)] }
        }),
    ]);
}
