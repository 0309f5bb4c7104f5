//! What comes back over the network is named by its meaning, with its sender: every ICMP code, every way in which TCP
//! itself answers, real routers, and datagrams.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "a test has no clock of its own")]

mod lab;
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use lab::*;
use serde_json::{Value, json};
use support::*;

/// The address that every attempt at the TUN peer goes to, by family.
const PEERS: [&str; 2] = ["10.9.7.7", "fd09::7"];
/// From whom ICMP errors come there: routers on the far side.
const ROUTERS: [&str; 2] = ["192.0.2.1", "2001:db8::1"];
/// Ports of tables start here: one row, one port.
const FIRST_PORT: u16 = 2000;

/// Type, code, what it means, and what an attempt comes to.
type IcmpRow = (u8, u8, &'static str, &'static str);

const CONNECTED: &str = "connected - - completion -";
const SILENCE: &str = "timed-out silence limit completion -";

/// RFC 792, RFC 1122 section 3.2.2.1, RFC 1812 section 5.2.7.1.
#[rustfmt::skip] // one row a line
const ICMPV4: &[IcmpRow] = &[
    (3, 0, "net unreachable", "unreachable router-unreachable router completion ENETUNREACH"),
    (3, 1, "host unreachable", "unreachable router-unreachable router completion EHOSTUNREACH"),
    (3, 2, "protocol unreachable", "refused protocol-unreachable router completion ENOPROTOOPT"),
    (3, 3, "port unreachable", "refused port-unreachable router completion ECONNREFUSED"),
    (3, 5, "source route failed", "unreachable router-unreachable router completion EOPNOTSUPP"),
    (3, 6, "destination network unknown", "unreachable router-unreachable router completion ENETUNREACH"),
    (3, 7, "destination host unknown", "unreachable router-unreachable router completion EHOSTDOWN"),
    (3, 8, "source host isolated", "unreachable router-unreachable router completion ENONET"),
    (3, 9, "network administratively prohibited", "denied prohibited router completion ENETUNREACH"),
    (3, 10, "host administratively prohibited", "denied prohibited router completion EHOSTUNREACH"),
    (3, 11, "network unreachable for type of service", "unreachable router-unreachable router completion ENETUNREACH"),
    (3, 12, "host unreachable for type of service", "unreachable router-unreachable router completion EHOSTUNREACH"),
    (3, 13, "communication administratively prohibited", "denied prohibited router completion EHOSTUNREACH"),
    (3, 14, "host precedence violation", "unreachable router-unreachable router completion EHOSTUNREACH"),
    (3, 15, "precedence cutoff in effect", "unreachable router-unreachable router completion EHOSTUNREACH"),
    (11, 0, "time to live exceeded in transit", "unreachable ttl-exceeded router completion EHOSTUNREACH"),
    (11, 2, "time exceeded", "unreachable ttl-exceeded router completion EHOSTUNREACH"),
    (12, 0, "parameter problem", "unreachable parameter-problem router completion EPROTO"),
    (12, 1, "required option is missing", "unreachable parameter-problem router completion EPROTO"),
    (12, 2, "bad length", "unreachable parameter-problem router completion EPROTO"),
];

/// Messages that end nothing: an attempt goes on with its next SYN.
const ICMPV4_GOES_ON: &[(u8, u8)] = &[(3, 4), (3, 16), (3, 255), (4, 0), (5, 0), (5, 1), (5, 3), (11, 1), (13, 0)];

/// RFC 4443, RFC 6550 (1/7), RFC 8883 (1/8), RFC 7112 (4/3).
#[rustfmt::skip] // one row a line
const ICMPV6: &[IcmpRow] = &[
    (1, 0, "no route to destination", "unreachable router-unreachable router completion ENETUNREACH"),
    (1, 1, "communication with destination administratively prohibited", "denied prohibited router completion EACCES"),
    (1, 2, "beyond scope of source address", "unreachable router-unreachable router completion EHOSTUNREACH"),
    (1, 3, "address unreachable", "unreachable router-unreachable router completion EHOSTUNREACH"),
    (1, 4, "port unreachable", "refused port-unreachable router completion ECONNREFUSED"),
    (1, 5, "source address failed ingress/egress policy", "denied prohibited router completion EACCES"),
    (1, 6, "reject route to destination", "denied prohibited router completion EACCES"),
    (1, 7, "error in source routing header", "unreachable parameter-problem router completion EPROTO"),
    (1, 8, "headers too long", "unreachable parameter-problem router completion EPROTO"),
    (3, 0, "hop limit exceeded in transit", "unreachable ttl-exceeded router completion EHOSTUNREACH"),
    (3, 1, "fragment reassembly time exceeded", "unreachable - router completion EHOSTUNREACH"),
    (4, 0, "erroneous header field encountered", "unreachable parameter-problem router completion EPROTO"),
    (4, 1, "unrecognized next header type encountered", "unreachable parameter-problem router completion EPROTO"),
    (4, 2, "unrecognized IPv6 option encountered", "unreachable parameter-problem router completion EPROTO"),
    (4, 3, "first fragment has incomplete IPv6 header chain", "unreachable parameter-problem router completion EPROTO"),
    (5, 0, "unknown ICMPv6 error", "unreachable - router completion EPROTO"),
    (100, 0, "unknown ICMPv6 error", "unreachable - router completion EPROTO"),
];

const ICMPV6_GOES_ON: &[(u8, u8)] = &[(2, 0), (137, 0), (200, 0)];

/// The ports of a table's rows.
fn ports(rows: usize) -> String {
    format!("{FIRST_PORT}-{}", usize::from(FIRST_PORT) + rows - 1)
}

/// The row that belongs to a port.
fn row<T>(rows: &[T], port: u16) -> &T {
    &rows[usize::from(port - FIRST_PORT)]
}

fn numbered<T>(rows: &[T]) -> impl Iterator<Item = (u16, &T)> {
    (FIRST_PORT..).zip(rows)
}

/// A router beyond the TUN interface answers the first packet of each attempt by the message of the port's row, the
/// destination accepts the second.
fn icmp_then_accept<T: Sync>(net: &Netns, rows: &'static [T], message: fn(&T) -> (u8, u8)) -> TunPeer {
    net.tun(move |packet| match packet.nth {
        // A redirect without a gateway is ignored; elsewhere this word is a pointer, or the MTU.
        0 | 1 => {
            let (kind, code) = message(row(rows, packet.port()));
            let answer = packet.icmp(kind, code).from(ROUTERS[usize::from(packet.destination.is_ipv6())]);
            // Late enough for connect() to have given the socket free, however busy this machine is.
            vec![answer.after(ms(20))]
        }
        _ => vec![packet.syn_ack()],
    })
}

fn of_row(&(kind, code, ..): &IcmpRow) -> (u8, u8) {
    (kind, code)
}

/// Every row ends the attempt at once: outcome, sender, type and code in words, number, one SYN.
fn expect_ended(net: &Netns, family: usize, rows: &'static [IcmpRow], command: impl Fn(Command) -> Command) {
    let peer = icmp_then_accept(net, rows, of_row);
    for mode in ["nonblocking", "blocking"] {
        let args = format!("--mode {mode} {} {}", PEERS[family], ports(rows.len()));
        let run = Run::of(command(rconnect(net, &args)));
        for (port, &(kind, code, meaning, expected)) in numbered(rows) {
            let attempt = run.port(port);
            // A blocking connect() tells the end itself.
            let expected = if mode == "blocking" { expected.replace("completion", "connect") } else { expected.into() };
            assert_eq!(attempt.verdict(), expected, "{mode} {kind}/{code}: {attempt:?}");
            assert_eq!(attempt.message(), format!("{kind}/{code} from {}, {meaning}", ROUTERS[family]), "{mode}");
            assert_eq!(attempt.0["icmp"]["decisive"], true, "{mode} {kind}/{code}");
            assert_eq!(attempt.number("/icmp/count"), 1, "{mode} {kind}/{code}");
            assert_eq!(attempt.syns(), 1, "{mode} {kind}/{code}");
        }
        // Outcomes of several classes.
        assert_eq!(run.output.code(), 1);
    }
    numbered(rows).for_each(|(port, row)| assert_eq!(peer.syns(port), 2, "one SYN a mode: {row:?}"));
}

#[test]
fn every_icmpv4_error_that_ends_an_attempt() {
    expect_ended(&Netns::new(), 0, ICMPV4, |command| command);
}

#[test]
fn every_icmpv6_error_that_ends_an_attempt() {
    expect_ended(&Netns::new(), 1, ICMPV6, |command| command);
}

#[test]
fn anybody_is_told_who_sent_the_error() {
    expect_ended(&Netns::new(), 0, ICMPV4, Command::nobody);
    expect_ended(&Netns::new(), 1, ICMPV6, Command::nobody);
}

/// The kernel queues the message first and ends the connection then; the queue must not be read in between to no avail.
#[test]
fn no_error_is_lost_between_the_message_and_the_end() {
    let net = Netns::new();
    let _peer = net.tun(|packet| vec![packet.icmp(if packet.destination.is_ipv4() { 3 } else { 1 }, 1)]);
    let expected =
        ["unreachable router-unreachable router completion EHOSTUNREACH", "denied prohibited router completion EACCES"];
    for (options, expected) in pairs(&["-j 1", "-j 4", "-u -j 1"], &expected) {
        let host = if expected.starts_with("denied") { PEERS[1] } else { PEERS[0] };
        let run = Run::of(rconnect(&net, &format!("{options} {host} 2000-2299")));
        for port in 2000..2300 {
            assert_eq!(run.port(port).verdict(), expected, "{options} {:?}", run.port(port));
        }
    }
}

#[test]
fn an_icmp_error_alone_decides_the_exit_code() {
    let net = Netns::new();
    let _peer = icmp_then_accept(&net, ICMPV4, of_row);
    for (port, (kind, code, _, expected)) in numbered(ICMPV4) {
        assert_eq!(verdict(&net, &format!("{} {port}", PEERS[0])), *expected, "{kind}/{code}");
    }
}

/// RFC 9293 section 3.9.2.2: some messages say nothing of the connection.
#[test]
fn messages_after_which_the_kernel_tries_on() {
    at_once(&pairs(&[(0, ICMPV4_GOES_ON), (1, ICMPV6_GOES_ON)], &MODES), |&((family, rows), mode)| {
        let net = Netns::new();
        let _peer = icmp_then_accept(&net, rows, |&row| row);
        if mode == "blocking" {
            let one = format!("--mode blocking {} {FIRST_PORT}", PEERS[family]);
            return assert_eq!(verdict(&net, &one), "connected - - connect -");
        }
        let run = Run::of(rconnect(&net, &format!("{} {}", PEERS[family], ports(rows.len()))));
        assert_eq!(run.output.code(), 0);
        for (port, row) in numbered(rows) {
            let attempt = run.port(port);
            assert_eq!((attempt.verdict().as_str(), attempt.syns()), (CONNECTED, 2), "{row:?}");
            assert!(attempt.elapsed_us() >= 1_000_000, "{row:?} {attempt:?}");
        }
    });
}

#[test]
fn the_sender_is_told_from_the_target() {
    let net = Netns::new();
    let _peer = net.tun(|packet| {
        let port_unreachable = if packet.destination.is_ipv4() { packet.icmp(3, 3) } else { packet.icmp(1, 4) };
        match packet.port() {
            80 => vec![packet.reset()],
            81 => vec![port_unreachable.from(&packet.destination.to_string())],
            82 => vec![port_unreachable],
            _ => silence(),
        }
    });
    for host in PEERS {
        let run = Run::of(rconnect(&net, &format!("{host} 80-82")));
        let seen = |port| (run.port(port).verdict(), run.port(port).0["icmp"]["from"].as_str());
        assert_eq!(seen(80), ("refused rst peer completion ECONNREFUSED".into(), None));
        assert_eq!(seen(81), ("refused port-unreachable peer completion ECONNREFUSED".into(), Some(host)));
        let router = if host == PEERS[0] { "10.9.0.254" } else { "fd09::fe" };
        assert_eq!(seen(82), ("refused port-unreachable router completion ECONNREFUSED".into(), Some(router)));
        assert_eq!(run.output.code(), 4, "refused by whomever");
    }
}

/// An IPv6 socket that speaks IPv4 (RFC 4291 section 2.5.5.2) hears the messages of IPv4.
#[test]
fn mapped_addresses_have_the_messages_of_ipv4() {
    let net = Netns::new();
    let _peer = net.tun(|packet| match packet.port() {
        80 => vec![packet.icmp(3, 13).from(ROUTERS[0]).after(ms(20))],
        81 => vec![packet.icmp(3, 3).from(PEERS[0]).after(ms(20))],
        _ => silence(),
    });
    at_once(&pairs(&["", "--mode blocking", "-u"], &["", "-v"]), |&(options, verbose)| {
        let phase = if options.contains("blocking") { "connect" } else { "completion" };
        let run =
            Run::of(rconnect(&net, &format!("-t 300ms {options} {verbose} [::ffff:{}]:80-82", PEERS[0])).nobody());
        assert_eq!(run.port(80).verdict(), format!("denied prohibited router {phase} EHOSTUNREACH"), "{options}");
        let message = format!("3/13 from {}, communication administratively prohibited", ROUTERS[0]);
        assert_eq!(run.port(80).message(), message, "{options}");
        assert_eq!(run.port(81).verdict(), format!("refused port-unreachable peer {phase} ECONNREFUSED"), "{options}");
        let silent = if options == "-u" { "unconfirmed no-reply limit completion -" } else { SILENCE };
        assert_eq!(run.port(82).verdict(), silent, "{options}");
    });
}

/// Ways of TCP (RFC 9293 section 3.10.7.3) that are not a plain SYN/ACK.
#[test]
fn odd_answers_to_a_syn() {
    let net = Netns::new();
    let _peer = net.tun(|packet| match (packet.port(), packet.nth) {
        // A RST without ACK, a bare ACK: ignored, the SYN comes again.
        (80, 1) => vec![packet.tcp(RST)],
        (81, 1) => vec![packet.tcp(ACK).acknowledge(0)],
        // A SYN/ACK of another connection gets a RST, and the SYN comes again.
        (82, 1) => vec![packet.syn_ack().acknowledge(0)],
        (80..=82, 2) => vec![packet.syn_ack()],
        // Simultaneous open: SYN crosses SYN, and both are acknowledged.
        (83, 1) => vec![packet.tcp(SYN)],
        (83, _) if packet.flags() == SYN | ACK => vec![packet.tcp(ACK)],
        (84, 1) => packet.syn_ack_then_fin(),
        _ => silence(),
    });
    at_once(&pairs(&PEERS, &MODES), |(host, mode)| {
        let run = Run::of(rconnect(&net, &format!("--mode {mode} {host} 80-84")));
        for (port, syns) in [(80, 2), (81, 2), (82, 2), (83, 1), (84, 1)] {
            let attempt = run.port(port);
            assert_eq!(attempt.0["outcome"], "connected", "{mode} {port}: {attempt:?}");
            assert_eq!(attempt.syns(), syns, "{mode} {port}: {attempt:?}");
        }
        assert_eq!(run.output.code(), 0);
    });
}

/// A program that is stopped does not see the handshake before it sees its end.
fn stopped_meanwhile(net: &Netns, args: &str, peer: &TunPeer, done: &Receiver<()>) -> Run {
    let running = rconnect(net, args).start();
    peer.await_syns(FIRST_PORT, 1);
    running.signal(Signal::SIGSTOP);
    done.recv_timeout(PATIENCE).expect("the peer is done");
    await_no_connection(net);
    running.signal(Signal::SIGCONT);
    Run::from(running.wait())
}

/// Waits until the kernel has no TCP socket in SYN-SENT or ESTABLISHED.
fn await_no_connection(net: &Netns) {
    let begin = Instant::now();
    // The fourth column of /proc/net/tcp is the state: 01 ESTABLISHED, 02 SYN_SENT.
    let open = |line: &str| matches!(line.split_whitespace().nth(3), Some("01" | "02"));
    while net.enter(|| fs::read_to_string("/proc/thread-self/net/tcp").expect("procfs").lines().any(open)) {
        assert!(begin.elapsed() < PATIENCE, "the RST did not arrive");
    }
}

#[test]
fn a_server_that_resets_at_once_had_accepted() {
    for (mode, phase) in [("nonblocking", "completion"), ("blocking", "connect")] {
        let net = Netns::new();
        let (tell, done) = channel();
        let peer = net.tun(move |packet| match packet.flags() {
            SYN => vec![packet.syn_ack().after(ms(300))],
            ACK => {
                // Goes unheard when the attempt is over.
                let _ = tell.send(());
                vec![packet.reset()]
            }
            _ => silence(),
        });
        let args = format!("--mode {mode} {} {FIRST_PORT}", PEERS[0]);
        let run = stopped_meanwhile(&net, &args, &peer, &done);
        let attempt = run.one();
        // A call that a stop interrupted is waited for like a nonblocking one (connect(2), EINTR).
        let verdict = attempt.verdict().replace(" completion ", &format!(" {phase} "));
        assert_eq!(verdict, format!("reset reset-after-handshake peer {phase} ECONNRESET"), "{attempt:?}");
        assert!(attempt.number("/rtt_us") >= 300_000, "{attempt:?}");
        assert_eq!(run.output.code(), 4);
    }
}

#[test]
fn the_round_trip_is_the_networks_and_not_the_schedulers() {
    let net = Netns::new();
    let (tell, done) = channel();
    let peer = net.tun(move |packet| match packet.flags() {
        SYN => vec![packet.syn_ack().after(ms(100))],
        _ => {
            let _ = tell.send(Instant::now());
            silence()
        }
    });
    let running = rconnect(&net, &format!("{} {FIRST_PORT}", PEERS[0])).start();
    peer.await_syns(FIRST_PORT, 1);
    running.signal(Signal::SIGSTOP);
    let established = done.recv_timeout(PATIENCE).expect("the last ACK of the handshake");
    // The process sleeps at least as long again.
    while established.elapsed() < ms(100) {
        std::thread::yield_now();
    }
    running.signal(Signal::SIGCONT);
    let run = Run::from(running.wait());
    let attempt = run.one();
    assert_eq!(attempt.verdict(), CONNECTED);
    let rtt = attempt.number("/rtt_us");
    assert!(rtt >= 100_000 && rtt + 90_000 < attempt.elapsed_us(), "{attempt:?}");
}

/// The option that echoes the SYN's time stamp (RFC 7323 section 3.2), after two bytes of padding.
fn timestamps(packet: &Packet) -> Vec<u8> {
    let options = packet.options();
    let at = options.windows(2).position(|window| window == [8, 10]).expect("a SYN with a time stamp");
    [&[1, 1, 8, 10, 0, 0, 0, 1][..], &options[at + 2..at + 6]].concat()
}

#[test]
fn a_lost_syn_is_counted_and_its_round_trip_is_no_guess() {
    let net = Netns::new();
    let _peer = net.tun(|packet| match (packet.port(), packet.nth) {
        (80, 2) => vec![packet.syn_ack().after(ms(20))],
        (81, 2) => vec![packet.syn_ack().options(&timestamps(packet)).after(ms(20))],
        (82, 1) => vec![packet.syn_ack().after(ms(20))],
        _ => silence(),
    });
    at_once(&pairs(&PEERS, &MODES), |(host, mode)| {
        let run = Run::of(rconnect(&net, &format!("--mode {mode} {host} 80-82")));
        let seen = |port| (run.port(port).0["outcome"].as_str(), run.port(port).syns());
        assert_eq!(seen(80), (Some("connected"), 2));
        // Which of the two SYNs was answered only a time stamp tells (RFC 6298 section 3).
        assert!(run.port(80).0["rtt_us"].is_null(), "{run:?}");
        assert_eq!(seen(81), (Some("connected"), 2));
        let rtt = run.port(81).number("/rtt_us");
        assert!((19_000..900_000).contains(&rtt), "of the SYN that was answered, in milliseconds: {rtt}");
        assert_eq!(seen(82), (Some("connected"), 1));
        let attempt = run.port(82);
        assert!((20_000..=attempt.elapsed_us()).contains(&attempt.number("/rtt_us")), "{attempt:?}");
        assert_eq!(run.output.code(), 0);
    });
}

#[test]
fn silence_is_counted_in_syns() {
    let net = Netns::new();
    let peer = net.tun(|_| silence());
    let runs = pairs(&pairs(&PEERS, &MODES), &[("200ms", 1), ("1500ms", 2)]);
    let numbered: Vec<_> = (80..).zip(runs).collect();
    at_once(&numbered, |&(port, ((host, mode), (limit, syns)))| {
        let run = Run::of(rconnect(&net, &format!("--mode {mode} -t {limit} {host} {port}")));
        let attempt = run.one();
        assert_eq!(attempt.verdict(), SILENCE, "{mode}");
        // A second after the first (RFC 6298 section 2.1), and not two.
        assert_eq!((attempt.syns(), peer.syns(port)), (syns, syns as usize), "{mode} {attempt:?}");
        assert!(attempt.0["icmp"].is_null());
    });
}

#[test]
fn the_kernels_own_limit_is_told_from_ours() {
    let net = Netns::new();
    let _peer = net.tun(|_| silence());
    net.sysctl("net/ipv4/tcp_syn_linear_timeouts", "0");
    net.sysctl("net/ipv4/tcp_syn_retries", "1");
    at_once(&pairs(&PEERS, &[("nonblocking", "completion"), ("blocking", "connect")]), |(host, (mode, phase))| {
        let run = Run::of(rconnect(&net, &format!("-t none --mode {mode} {host} 80")));
        assert_eq!(run.one().verdict(), format!("timed-out silence system {phase} ETIMEDOUT"));
        assert_eq!(run.one().syns(), 2, "{mode}");
    });
}

/// The kernel gives up with the error that it remembers, not with ETIMEDOUT.
#[test]
fn a_route_that_goes_away_meanwhile_is_remembered() {
    let net = Netns::new();
    let peer = net.tun(|_| silence());
    net.sysctl("net/ipv4/tcp_syn_linear_timeouts", "0");
    net.sysctl("net/ipv4/tcp_syn_retries", "1");
    let running = rconnect(&net, &format!("-t none {} 80", PEERS[0])).start();
    peer.await_syns(80, 1);
    net.ip("route add unreachable 10.9.7.7/32");
    let run = Run::from(running.wait());
    assert_eq!(run.one().verdict(), "unreachable unreachable-route local completion EHOSTUNREACH");
    assert!(run.one().0["syns"].is_null(), "TCP counted what no longer left");
}

/// Our limit comes first: what the kernel remembers then is told, and the limit stays the limit.
#[test]
fn a_route_that_goes_away_before_our_limit_is_told() {
    let net = Netns::new();
    let peer = net.tun(|_| silence());
    let running = rconnect(&net, &format!("-t 2500ms {} 80", PEERS[0])).start();
    peer.await_syns(80, 1);
    net.ip("route add unreachable 10.9.7.7/32");
    let run = Run::from(running.wait());
    assert_eq!(run.one().verdict(), "timed-out unreachable-route limit completion -");
}

/// ICMP that arrives within connect() itself does not end the attempt: it is remembered, and the second SYN decides.
#[test]
fn an_early_message_is_evidence_and_no_verdict() {
    let net = Netns::new();
    let _open = [net.listen("127.0.0.1:80"), net.listen("[::1]:80")];
    for (host, own, message) in [
        ("127.0.0.1", "127.0.0.1", "3/13 from 127.0.0.1, communication administratively prohibited"),
        ("::1", "::1", "1/1 from ::1, communication with destination administratively prohibited"),
    ] {
        net.filter(
            "output",
            "tcp flags syn limit rate 1/minute burst 1 packets reject with icmpx type admin-prohibited",
        );
        let run = Run::of(rconnect(&net, &format!("{host} 80")));
        net.unfilter();
        let attempt = run.one();
        assert_eq!((attempt.verdict().as_str(), attempt.syns()), (CONNECTED, 2));
        assert_eq!(attempt.message(), message, "{own}");
        assert_eq!((&attempt.0["icmp"]["decisive"], attempt.number("/icmp/count")), (&false.into(), 1));
        assert!(attempt.number("/icmp/at_us") < 1_000_000 && attempt.elapsed_us() >= 1_000_000, "{attempt:?}");
        assert_eq!(run.output.code(), 0);
    }
}

#[test]
fn a_message_before_the_limit_is_kept() {
    let net = Netns::new();
    net.filter("output", "tcp flags syn limit rate 1/minute burst 1 packets reject with icmpx type admin-prohibited");
    net.nft("add rule inet lab output tcp dport 80 drop");
    let run = Run::of(rconnect(&net, "-t 1200ms 127.0.0.1 80"));
    assert_eq!(run.one().verdict(), "denied prohibited peer completion -");
    assert_eq!(run.one().0["ended"], "limit");
    assert_eq!(run.one().message(), "3/13 from 127.0.0.1, communication administratively prohibited");
    assert_eq!(run.one().0["icmp"]["decisive"], false);
    assert_eq!(run.output.code(), 7);
}

#[test]
fn fail_on_icmp_ends_at_the_first_message() {
    let net = Netns::new();
    net.filter("output", "tcp dport 80 reject with icmpx type admin-prohibited");
    net.nft("add rule inet lab output tcp dport 81 reject");
    net.nft("add rule inet lab output tcp dport 82 reject with icmpx type host-unreachable");
    for (host, prohibited) in [("127.0.0.1", "EHOSTUNREACH"), ("::1", "EACCES")] {
        let run = Run::of(rconnect(&net, &format!("--fail-on-icmp {host} 80-82")));
        let expected = [
            format!("denied prohibited peer completion {prohibited}"),
            "refused port-unreachable peer completion ECONNREFUSED".to_owned(),
            "unreachable router-unreachable peer completion EHOSTUNREACH".to_owned(),
        ];
        for (port, expected) in (80..).zip(&expected) {
            let attempt = run.port(port);
            assert_eq!(attempt.verdict(), *expected);
            assert_eq!((attempt.syns(), attempt.number("/icmp/count")), (1, 1));
            assert!(attempt.elapsed_us() < 900_000, "{attempt:?}");
        }
    }
}

#[test]
fn an_icmp_error_has_its_time() {
    let net = Netns::new();
    let _peer = net.tun(|packet| vec![packet.icmp(if packet.destination.is_ipv4() { 3 } else { 1 }, 1).after(ms(30))]);
    for args in ["10.9.7.7 80", "fd09::7 80", "-u 10.9.7.7 80", "-u fd09::7 80"] {
        let run = Run::of(rconnect(&net, args));
        let attempt = run.one();
        let at = attempt.number("/icmp/at_us");
        assert!((30_000..=attempt.elapsed_us()).contains(&at), "{args}: {attempt:?}");
    }
}

/// What a router refuses to forward: family, nft's word, and what comes of it.
#[rustfmt::skip] // one row a line
const REJECTS: &[(usize, &str, &str, &str)] = &[
    (0, "icmp type net-unreachable", "3/0", "unreachable router-unreachable router completion ENETUNREACH"),
    (0, "icmp type host-unreachable", "3/1", "unreachable router-unreachable router completion EHOSTUNREACH"),
    (0, "icmp type prot-unreachable", "3/2", "refused protocol-unreachable router completion ENOPROTOOPT"),
    (0, "icmp type port-unreachable", "3/3", "refused port-unreachable router completion ECONNREFUSED"),
    (0, "icmp type net-prohibited", "3/9", "denied prohibited router completion ENETUNREACH"),
    (0, "icmp type host-prohibited", "3/10", "denied prohibited router completion EHOSTUNREACH"),
    (0, "icmp type admin-prohibited", "3/13", "denied prohibited router completion EHOSTUNREACH"),
    (0, "tcp reset", "-", "refused rst peer completion ECONNREFUSED"),
    (1, "icmpv6 type no-route", "1/0", "unreachable router-unreachable router completion ENETUNREACH"),
    (1, "icmpv6 type admin-prohibited", "1/1", "denied prohibited router completion EACCES"),
    (1, "icmpv6 type addr-unreachable", "1/3", "unreachable router-unreachable router completion EHOSTUNREACH"),
    (1, "icmpv6 type port-unreachable", "1/4", "refused port-unreachable router completion ECONNREFUSED"),
    (1, "icmpv6 type policy-fail", "1/5", "denied prohibited router completion EACCES"),
    (1, "icmpv6 type reject-route", "1/6", "denied prohibited router completion EACCES"),
    (1, "tcp reset", "-", "refused rst peer completion ECONNREFUSED"),
];

#[test]
fn what_a_router_rejects() {
    let path = Topology::chain(2);
    for (port, (_, with, ..)) in numbered(REJECTS) {
        path.router(2).filter("forward", &format!("tcp dport {port} reject with {with}"));
    }
    let everywhere = path.server_address().both().map(|host| format!("{host}"));
    at_once(&[Command::nobody, |command| command], |user| {
        let runs = everywhere
            .clone()
            .map(|host| Run::of(user(rconnect(&path.client, &format!("{host} {}", ports(REJECTS.len()))))));
        for (port, &(family, with, message, expected)) in numbered(REJECTS) {
            let attempt = runs[family].port(port);
            assert_eq!(attempt.verdict(), expected, "{with}: {attempt:?}");
            let from = path.hop(2).both()[family];
            let told = attempt.message();
            assert!(
                told.starts_with(&if message == "-" { "-".into() } else { format!("{message} from {from}, ") }),
                "{told}"
            );
        }
    });
}

/// What comes of each type of route on a router, IPv4 and IPv6. Linux answers ICMPv6 1/0 for an unreachable route, too.
#[rustfmt::skip] // one row a line
const ROUTES: &[(&str, [(&str, &str); 2])] = &[
    ("unreachable", [
        ("3/1 from 10.77.1.2, host unreachable", "unreachable router-unreachable router completion EHOSTUNREACH"),
        ("1/0 from fd77:1::2, no route to destination", "unreachable router-unreachable router completion ENETUNREACH"),
    ]),
    ("prohibit", [
        ("3/13 from 10.77.1.2, communication administratively prohibited", "denied prohibited router completion EHOSTUNREACH"),
        ("1/1 from fd77:1::2, communication with destination administratively prohibited", "denied prohibited router completion EACCES"),
    ]),
    ("blackhole", [("-", SILENCE); 2]),
    ("throw", [
        ("3/0 from 10.77.1.2, net unreachable", "unreachable router-unreachable router completion ENETUNREACH"),
        ("1/0 from fd77:1::2, no route to destination", "unreachable router-unreachable router completion ENETUNREACH"),
    ]),
];

#[test]
fn what_a_routers_routes_say() {
    // A network for each: Linux sends such errors at most five in a row (ip_error() in net/ipv4/route.c).
    at_once(ROUTES, |(kind, expected)| {
        let path = Topology::chain(1);
        path.router(1).ip(&format!("route add {kind} 198.51.100.0/24\nroute add {kind} 2001:db8::/32"));
        for (host, (message, expected)) in ["198.51.100.1", "2001:db8::1"].into_iter().zip(expected) {
            let run = Run::of(rconnect(&path.client, &format!("-t 1500ms {host} 9")));
            assert_eq!((run.one().verdict().as_str(), run.one().message().as_str()), (*expected, *message), "{kind}");
        }
    });
}

#[test]
fn a_router_that_does_not_forward_is_silent() {
    let path = Topology::chain(1);
    path.router(1).sysctl("net/ipv4/ip_forward", "0");
    path.router(1).sysctl("net/ipv6/conf/all/forwarding", "0");
    for host in path.server_address().both() {
        assert_eq!(verdict(&path.client, &format!("-t 100ms {host} 9")), SILENCE);
    }
}

#[test]
fn an_absent_host_behind_a_router_is_that_routers_word() {
    let path = Topology::chain(1);
    path.router(1).hurry_neighbours("right");
    at_once(
        &pairs(
            &[
                ("10.77.2.99", "3/1 from 10.77.1.2, host unreachable"),
                ("fd77:2::99", "1/3 from fd77:1::2, address unreachable"),
            ],
            &["", "--mode blocking"],
        ),
        |&((host, message), mode)| {
            let run = Run::of(rconnect(&path.client, &format!("{mode} {host} 9")));
            let phase = if mode.is_empty() { "completion" } else { "connect" };
            assert_eq!(run.one().verdict(), format!("unreachable router-unreachable router {phase} EHOSTUNREACH"));
            assert_eq!(run.one().message(), message);
        },
    );
}

#[test]
fn a_short_life_ends_at_the_first_router() {
    let path = Topology::chain(2);
    let [v4, v6] = path.server_address().both().map(|host| host.to_string());
    let hosts = [v4.as_str(), &v6, &format!("::ffff:{v4}")];
    at_once(&pairs(&hosts, &["", "-u"]), |&(host, protocol)| {
        for hop in 1..=2 {
            let run = Run::of(rconnect(&path.client, &format!("{protocol} --ttl {hop} {host} 9")));
            assert_eq!(run.one().verdict(), "unreachable ttl-exceeded router completion EHOSTUNREACH");
            let [v4, v6] = path.hop(hop).both();
            let expected = if host.contains('.') {
                format!("11/0 from {v4}, time to live exceeded in transit")
            } else {
                format!("3/0 from {v6}, hop limit exceeded in transit")
            };
            assert_eq!(run.one().message(), expected);
        }
    });
}

#[test]
fn every_icmp_error_about_a_datagram() {
    const TOO_BIG: [&[IcmpRow]; 2] = [
        &[(3, 4, "fragmentation needed and DF set", "invalid - router completion EMSGSIZE")],
        &[(2, 0, "packet too big", "invalid - router completion EMSGSIZE")],
    ];
    for (family, rows) in [ICMPV4, ICMPV6].into_iter().enumerate() {
        let net = Netns::new();
        let rows: &'static [IcmpRow] = [rows, TOO_BIG[family]].concat().leak();
        let _peer = icmp_then_accept(&net, rows, of_row);
        for user in [Command::nobody, |command: Command| command] {
            let run = Run::of(user(rconnect(&net, &format!("-u {} {}", PEERS[family], ports(rows.len())))));
            for (port, &(kind, code, meaning, expected)) in numbered(rows) {
                assert_eq!(run.port(port).verdict(), expected, "{kind}/{code}");
                let message = format!("{kind}/{code} from {}, {meaning}", ROUTERS[family]);
                assert_eq!(run.port(port).message(), message);
            }
        }
    }
}

#[test]
fn messages_that_say_nothing_of_a_datagram() {
    const V4: &[(u8, u8)] = &[(3, 16), (4, 0), (5, 1), (11, 1), (13, 0)];
    const V6: &[(u8, u8)] = &[(137, 0), (200, 0)];
    for (family, rows) in [V4, V6].into_iter().enumerate() {
        let net = Netns::new();
        let _peer = icmp_then_accept(&net, rows, |&row| row);
        let run = Run::of(rconnect(&net, &format!("-u -t 200ms {} {}", PEERS[family], ports(rows.len()))));
        for (port, row) in numbered(rows) {
            assert_eq!(run.port(port).verdict(), "unconfirmed no-reply limit completion -", "{row:?}");
        }
        assert_eq!(run.output.code(), 9);
    }
}

#[test]
fn a_datagram_is_confirmed_by_a_reply_alone() {
    let net = Netns::new();
    let (tell, told) = channel();
    let _peer = net.tun(move |packet| {
        if packet.port() != 7 {
            return silence();
        }
        let _ = tell.send(packet.data().to_vec());
        vec![packet.udp(packet.data())]
    });
    let file = std::env::temp_dir().join(format!("rconnect-payload-{}", std::process::id()));
    fs::write(&file, [0, 1, 254, 255, b'\n']).expect("a file for the payload");
    let from_file = format!("--payload @{}", file.display());
    let long = "x".repeat(1000);
    let payloads: [(&str, &[u8]); 4] = [
        ("", b""),
        ("--payload ping", b"ping"),
        (&from_file, &[0, 1, 254, 255, b'\n']),
        (&format!("--payload {long}"), long.as_bytes()),
    ];
    for (host, mode) in pairs(&PEERS, &MODES) {
        for (option, payload) in payloads {
            assert_eq!(verdict(&net, &format!("-u --mode {mode} {option} {host} 7")), CONNECTED, "{option}");
            assert_eq!(told.recv_timeout(PATIENCE).expect("a datagram"), payload);
        }
        assert_eq!(
            verdict(&net, &format!("-u --mode {mode} -t 50ms {host} 9")),
            "unconfirmed no-reply limit completion -"
        );
    }
    fs::remove_file(file).expect("the file is still there");
}

#[test]
fn a_closed_datagram_port() {
    let path = Topology::chain(1);
    for [host, refused] in [
        ["10.77.2.2", "3/3 from 10.77.2.2, port unreachable"],
        ["fd77:2::2", "1/4 from fd77:2::2, port unreachable"],
        ["10.77.1.2", "3/3 from 10.77.1.2, port unreachable"],
    ] {
        let run = Run::of(rconnect(&path.client, &format!("-u {host} 9")));
        assert_eq!(run.one().verdict(), "refused port-unreachable peer completion ECONNREFUSED");
        assert_eq!(run.one().message(), refused);
    }
}

/// Hosts answer a datagram to a group from their own addresses.
#[test]
fn an_answer_to_a_group_comes_from_another_address() {
    let net = Netns::new();
    let _peer = net.tun(|packet| if packet.is_udp() { vec![packet.udp(b"here").from("10.9.7.7")] } else { silence() });
    net.ip("route add 239.0.0.0/8 dev tun0 src 10.9.0.1");
    for (options, group) in [("", "239.1.2.3"), ("--broadcast", "10.9.255.255")] {
        let run = Run::of(rconnect(&net, &format!("-u {options} {group} 9")));
        assert_eq!(run.one().verdict(), "connected - - completion -", "{group}");
        assert_eq!(run.one().0["reply_from"], "10.9.7.7:9", "{group}");
        let text = net.command(RCONNECT).args(format!("-u {options} {group} 9").split_whitespace()).run().stdout;
        assert!(text.contains("a reply came from 10.9.7.7"), "{text}");
    }
}

/// Datagrams to a broadcast address: WSAEACCES without SO_BROADCAST is the documented case.
#[test]
fn a_broadcast_needs_permission() {
    let net = Netns::new();
    let _peer = net.tun(|_| silence());
    for host in ["127.255.255.255", "10.9.255.255"] {
        for user in [Command::nobody, |command: Command| command] {
            let run = Run::of(user(rconnect(&net, &format!("-u {host} 9"))));
            assert_eq!(run.one().verdict(), "denied broadcast local connect EACCES");
            let run = Run::of(user(rconnect(&net, &format!("-u --broadcast -t 50ms {host} 9"))));
            assert_eq!(run.one().verdict(), "unconfirmed no-reply limit completion -", "{host}");
        }
    }
}

/// A socket that a RST refused is connected again. Nothing of its first attempt shows in the second one: no sender, no
/// code, no count.
#[test]
fn a_socket_that_is_connected_again_is_as_good_as_new() {
    const PORTS: u16 = 10_000;
    let net = Netns::new();
    let _peer = net.tun(|packet| match packet.port() % 8 {
        0 => vec![packet.syn_ack()],
        odd if odd % 2 == 1 => vec![packet.reset()],
        _ => {
            let six = usize::from(packet.destination.is_ipv6());
            let (kind, code) = [(3, 13), (1, 1)][six];
            vec![packet.icmp(kind, code).from(ROUTERS[six]).after(ms(20))]
        }
    });
    for (family, host) in PEERS.into_iter().enumerate() {
        let run = Run::of(rconnect(&net, &format!("{host} 1-{PORTS}")));
        assert_eq!(run.targets.len(), usize::from(PORTS));
        let ports: BTreeSet<u64> = run.targets.iter().filter_map(|target| target["port"].as_u64()).collect();
        assert_eq!(ports.len(), usize::from(PORTS));
        for target in &run.targets {
            let attempt = only(target);
            let class = target["port"].as_u64().expect("a port") % 8;
            let expected = match class {
                0 => "connected - - completion -".into(),
                odd if odd % 2 == 1 => "refused rst peer completion ECONNREFUSED".into(),
                _ => format!("denied prohibited router completion {}", ["EHOSTUNREACH", "EACCES"][family]),
            };
            assert_eq!(attempt.verdict(), expected, "{attempt:?}");
            let sender = if expected.starts_with("denied") { json!(ROUTERS[family]) } else { Value::Null };
            assert_eq!(attempt.0.pointer("/icmp/from").unwrap_or(&Value::Null), &sender, "{attempt:?}");
            assert_eq!(attempt.syns(), 1, "{attempt:?}");
            assert_eq!(attempt.0["handshake"].is_null(), class != 0, "{attempt:?}");
            assert_eq!(attempt.0["rtt_us"].is_null(), class != 0, "{attempt:?}");
        }
    }
}
