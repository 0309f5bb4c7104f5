//! What this machine itself decides: routes, rules, sources, interfaces, ports, policies, neighbours, its own firewall.
#![cfg(target_os = "linux")]

mod lab;
mod support;

use std::net::SocketAddr;

use lab::*;
use socket2::{Domain, SockAddr, Socket, Type};
use support::*;

const CONNECTED: &str = "connected - - completion -";
const SILENCE: &str = "timed-out silence limit completion -";
const MISMATCH: &str = "timed-out source-mismatch limit completion -";
const UNCONFIRMED: &str = "unconfirmed no-reply limit completion -";
const REFUSED: &str = "refused rst peer completion ECONNREFUSED";
const NO_ROUTE: &str = "unreachable no-route local connect ENETUNREACH";
const NO_SOURCE: &str = "unavailable no-source-address local connect EADDRNOTAVAIL";
const NOT_UNICAST: &str = "unreachable not-unicast local connect ENETUNREACH";
const POLICY: &str = "denied local-policy local connect";

/// A change of a command.
type Change = fn(Command) -> Command;

/// Root, and nobody at all: what is decided locally is seen by both alike.
const USERS: [(&str, Change); 2] = [("root", |command| command), ("nobody", Command::nobody)];

/// The blocking call itself tells what a nonblocking one tells at its completion.
fn in_mode(verdict: &str, mode: &str) -> String {
    let told = !verdict.ends_with('-') || verdict.starts_with("connected") || verdict.starts_with("self-connected");
    if mode == "blocking" && told { verdict.replace(" completion ", " connect ") } else { verdict.to_owned() }
}

/// Each host, at port 9, comes to what stands beside it: in both modes, as root and as nobody.
fn expect(net: &Netns, options: &str, rows: &[(&str, &str)]) {
    let targets: Vec<String> = rows
        .iter()
        .map(|(host, _)| if host.contains(':') { format!("[{host}]:9") } else { format!("{host}:9") })
        .collect();
    at_once(&pairs(&MODES, &USERS), |&(mode, (user, become_user))| {
        let args = format!("--strict --mode {mode} {options} {}", targets.join(" "));
        let run = Run::of(become_user(rconnect(net, &args)));
        for (host, expected) in rows {
            // A datagram socket's call returns at once in either mode.
            let expected = if options.contains("-u") { (*expected).to_owned() } else { in_mode(expected, mode) };
            let attempt = run.host(host);
            assert_eq!(attempt.verdict(), expected, "{user}: {options} --mode {mode} {host}: {attempt:?}");
        }
    });
}

#[test]
fn routes() {
    let net = Netns::new();
    for (number, kind) in (1..).zip(["unreachable", "prohibit", "blackhole", "throw"]) {
        net.ip(&format!("route add {kind} 198.51.{number}.0/24\nroute add {kind} 2001:db8:{number}::/48"));
    }
    for options in ["", "-u"] {
        expect(
            &net,
            options,
            &[
                ("198.51.1.1", "unreachable unreachable-route local connect EHOSTUNREACH"),
                ("198.51.2.1", "denied prohibit-route local connect EACCES"),
                ("198.51.3.1", "unreachable blackhole-route local connect EINVAL"),
                ("198.51.4.1", NO_ROUTE),
                // IPv4 within an IPv6 socket (RFC 4291 section 2.5.5.2).
                ("::ffff:198.51.1.1", "unreachable unreachable-route local connect EHOSTUNREACH"),
                ("::ffff:198.51.2.1", "denied prohibit-route local connect EACCES"),
                ("::ffff:198.51.3.1", "unreachable blackhole-route local connect EINVAL"),
                ("::ffff:198.51.4.1", NO_ROUTE),
                ("2001:db8:1::1", "unreachable unreachable-route local connect EHOSTUNREACH"),
                ("2001:db8:2::1", "denied prohibit-route local connect EACCES"),
                ("2001:db8:3::1", "unreachable blackhole-route local connect EINVAL"),
                ("2001:db8:4::1", NO_ROUTE),
                ("192.0.2.1", NO_ROUTE),
                ("240.0.0.1", NO_ROUTE),
                ("2001:db8:9::1", NO_ROUTE),
                ("::127.0.0.1", NO_ROUTE),
            ],
        );
    }
}

#[test]
fn rules() {
    let net = Netns::new();
    let _peer = net.tun(|packet| vec![packet.reset()]);
    for (number, kind) in (1..).zip(["unreachable", "prohibit", "blackhole"]) {
        net.ip(&format!("rule add to 10.9.{number}.0/24 {kind}"));
        let rule = format!("-6 rule add to fd09::{number}:0/112 {kind}");
        assert_eq!(net.command("ip").path().args(rule.split(' ')).run().code(), 0);
    }
    expect(
        &net,
        "",
        &[
            // A rule says ENETUNREACH where a route says EHOSTUNREACH.
            ("10.9.1.1", NO_ROUTE),
            ("10.9.2.1", "denied prohibit-route local connect EACCES"),
            ("10.9.3.1", "unreachable blackhole-route local connect EINVAL"),
            ("10.9.4.1", REFUSED),
            ("fd09::1:1", NO_ROUTE),
            ("fd09::2:1", "denied prohibit-route local connect EACCES"),
            ("fd09::3:1", "unreachable blackhole-route local connect EINVAL"),
            ("fd09::4:1", REFUSED),
        ],
    );
}

#[test]
fn the_exit_code_is_that_of_the_outcome() {
    let net = Netns::new();
    net.ip("route add unreachable 198.51.1.0/24\nroute add prohibit 198.51.2.0/24\nroute add blackhole 198.51.3.0/24");
    for (args, code) in [
        ("198.51.1.1 9", 6),
        ("198.51.2.1 9", 7),
        ("198.51.3.1 9", 6),
        ("192.0.2.1 9", 6),
        ("127.0.0.1 9", 4),
        ("-s 192.0.2.1 127.0.0.1 9", 8),
        ("-I nodev0 127.0.0.1 9", 8),
    ] {
        let run = Run::of(rconnect(&net, args));
        run.one();
        assert_eq!(run.output.code(), code, "{args}");
    }
}

#[test]
fn a_segment_that_was_never_sent_is_not_counted() {
    let net = Netns::new();
    net.ip("route add prohibit 198.51.100.0/24");
    for (host, mode) in pairs(&["192.0.2.1", "198.51.100.1", "2001:db8::1"], &MODES) {
        let run = Run::of(rconnect(&net, &format!("--mode {mode} {host} 9")));
        assert!(run.one().0["syns"].is_null(), "{mode} {host}: {:?}", run.one());
    }
}

#[test]
fn loopback_down() {
    let net = Netns::new();
    // As in a namespace in which it never was up; otherwise IPv4 keeps its route, and sends into the void.
    net.ip("address flush dev lo\nlink set lo down");
    for options in ["", "-u"] {
        expect(
            &net,
            options,
            &[("127.0.0.1", NO_ROUTE), ("::1", NO_SOURCE), ("192.0.2.1", NO_ROUTE), ("2001:db8::1", NO_SOURCE)],
        );
    }
}

#[test]
fn addresses_that_are_no_hosts() {
    let net = Netns::new();
    let _peer = net.tun(|_| silence());
    net.ip("route add 0.0.0.0/0 dev tun0\nroute add ::/0 dev tun0");
    expect(
        &net,
        "-t 50ms",
        &[
            ("224.0.0.1", NOT_UNICAST),
            ("239.1.2.3", NOT_UNICAST),
            ("255.255.255.255", NOT_UNICAST),
            ("127.255.255.255", NOT_UNICAST),
            ("10.9.255.255", NOT_UNICAST),
            ("ff02::1%lo", NOT_UNICAST),
            ("ff0e::1", NOT_UNICAST),
            // Reserved, and asked of the network all the same.
            ("240.0.0.1", SILENCE),
            ("0.0.0.1", SILENCE),
        ],
    );
}

#[test]
fn the_unspecified_address_is_this_machine() {
    let net = Netns::new();
    expect(&net, "", &[("0.0.0.0", REFUSED), ("::", REFUSED), ("127.9.9.9", REFUSED), ("::ffff:127.0.0.1", REFUSED)]);
    let hosts = ["0.0.0.0", "::", "127.9.9.9", "::1", "::ffff:127.0.0.1"];
    expect(&net, "-u", &hosts.map(|host| (host, "refused port-unreachable peer completion ECONNREFUSED")));
    let _open = [net.listen("127.0.0.1:9"), net.listen("[::1]:9")];
    expect(&net, "", &[("0.0.0.0", CONNECTED), ("::", CONNECTED), ("::ffff:127.0.0.1", CONNECTED)]);
}

#[test]
fn link_local_addresses_and_their_links() {
    let net = Netns::new();
    let _peer = net.tun(|packet| vec![packet.reset()]);
    net.ip("address add fe80::9/64 dev tun0 nodad");
    net.await_addresses();
    for options in ["", "-u -t 50ms"] {
        expect(&net, options, &[("fe80::1%lo", NO_ROUTE), ("fe80::1%99", NO_ROUTE)]);
    }
    expect(&net, "", &[("fe80::1%tun0", REFUSED), ("fe80::1%2", REFUSED)]);
    // An address that a name gives has no link.
    for options in ["", "-u", "--mode blocking"] {
        let named = rconnect(&net, &format!("{options} linklocal 9")).etc("hosts", "fe80::1 linklocal\n");
        assert_eq!(Run::of(named).one().verdict(), "invalid scope-missing local connect EINVAL", "{options}");
    }
}

#[test]
fn source_addresses() {
    let net = Netns::new();
    let _peer = net.tun(|packet| vec![packet.reset()]);
    let _taken = [net.listen("127.0.0.1:7000"), net.listen("[::1]:7000")];
    let rows: &[(&str, &str, &str)] = &[
        ("-s 192.0.2.9", "127.0.0.1", "unavailable source-address local bind EADDRNOTAVAIL"),
        ("-s 2001:db8::9", "::1", "unavailable source-address local bind EADDRNOTAVAIL"),
        ("-s 127.0.0.1:7000", "127.0.0.1", "unavailable local-ports local bind EADDRINUSE"),
        ("-s [::1]:7000", "::1", "unavailable local-ports local bind EADDRINUSE"),
        ("-s 127.0.0.1", "10.9.7.7", "invalid source-mismatch local connect EINVAL"),
        ("-u -s 127.0.0.1", "10.9.7.7", "invalid source-mismatch local connect EINVAL"),
        // Linux sends it, and nobody can answer.
        ("-t 50ms -s ::1", "fd09::7", MISMATCH),
        ("-s 10.9.0.1", "127.0.0.1", REFUSED),
        ("-s fd09::1", "::1", REFUSED),
        ("-s 10.9.0.1", "10.9.7.7", REFUSED),
    ];
    for (options, host, expected) in rows {
        expect(&net, options, &[(host, expected)]);
    }
    let privileged = rconnect(&net, "-s 127.0.0.1:80 127.0.0.1 9").nobody();
    assert_eq!(Run::of(privileged).one().verdict(), "denied local-policy local bind EACCES");
    assert_eq!(verdict(&net, "-s 127.0.0.1:80 127.0.0.1 9"), REFUSED);
}

#[test]
fn a_source_port_is_free_again_when_asked_for() {
    let net = Netns::new();
    let _open = [net.listen("127.0.0.1:80"), net.listen("127.0.0.1:81")];
    let from = |options: &str, port: u16| verdict(&net, &format!("-s 127.0.0.1:5000 {options} 127.0.0.1 {port}"));
    assert_eq!(from("--reset-on-close", 80), CONNECTED);
    assert_eq!(from("--reuse-address", 80), CONNECTED, "the first left no trace");
    assert_eq!(from("", 81), "unavailable local-ports local bind EADDRINUSE");
    assert_eq!(from("--reuse-address", 81), CONNECTED);
}

/// The route is that of the attempt's own packets: rules may look at source, type of service, protocol and port.
#[test]
fn routes_by_rule() {
    let net = Netns::new();
    let _peer = net.tun(|packet| vec![packet.reset()]);
    net.ip("address add 10.9.0.5/32 dev tun0
        rule add from 10.9.0.5 lookup 100
        route add blackhole 198.51.100.0/24 table 100
        route add unreachable 198.51.101.0/24 table 100
        rule add tos 0x10 lookup 101
        route add prohibit 198.51.100.0/24 table 101
        rule add ipproto tcp dport 443 lookup 102
        route add prohibit 198.51.100.0/24 table 102
        route add 198.51.0.0/16 dev tun0");
    let from = |options: &str, port: u16| verdict(&net, &format!("{options} 198.51.100.1 {port}"));
    assert_eq!(from("", 9), REFUSED);
    assert_eq!(from("-s 10.9.0.5", 9), "unreachable blackhole-route local connect EINVAL");
    assert_eq!(from("--tos 16", 9), "denied prohibit-route local connect EACCES");
    assert_eq!(from("", 443), "denied prohibit-route local connect EACCES");
    let unreachable = "unreachable unreachable-route local connect EHOSTUNREACH";
    assert_eq!(verdict(&net, "-s 10.9.0.5 198.51.101.1 9"), unreachable);
}

/// Whether a family has a route may depend on the port: connect() has the last word.
#[test]
fn a_family_is_skipped_only_where_connect_finds_no_route() {
    let net = Netns::new();
    let _peer = net.tun(|packet| vec![packet.reset()]);
    net.ip("route add 2001:db8::/32 dev tun0 table 100");
    let rule = "-6 rule add ipproto tcp dport 443 lookup 100";
    assert_eq!(net.command("ip").path().args(rule.split(' ')).run().code(), 0);
    let outcomes = |port: u16| {
        let pin = format!("--resolve db.example:{port}:10.9.7.7,2001:db8::5 db.example {port}");
        let run = Run::of(rconnect(&net, &pin));
        run.attempts().map(|attempt| attempt.0["outcome"].as_str().expect("a word").to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(outcomes(443), ["refused", "refused"]);
    assert_eq!(outcomes(444), ["refused", "skipped"]);
}

/// A rule of this machine that drops the SYN leaves no entry for the next hop, either; the table of neighbours is not to
/// blame.
#[test]
fn a_next_hop_that_nobody_asked_for() {
    let net = Netns::new();
    net.ip("link add lan0 type veth peer name lan1
        link set lan0 up
        link set lan1 up
        address add 10.8.0.1/24 dev lan0");
    net.filter("output", "tcp dport 9 drop");
    expect(&net, "-t 50ms", &[("10.8.0.9", SILENCE)]);
}

#[test]
fn interfaces() {
    let net = Netns::new();
    let _peer = net.tun(|packet| vec![packet.reset()]);
    let no_interface = "unavailable no-interface local option ENODEV";
    for options in ["", "-u"] {
        expect(&net, &format!("{options} -I nodev0"), &[("127.0.0.1", no_interface), ("::1", no_interface)]);
    }
    expect(&net, "-I tun0", &[("10.9.7.7", REFUSED), ("fd09::7", REFUSED)]);
    // Sent there, and lost.
    expect(&net, "-t 50ms -I lo", &[("10.9.7.7", MISMATCH)]);
    expect(&net, "-t 50ms -I tun0", &[("127.0.0.1", MISMATCH)]);
    net.ip("link set tun0 down");
    expect(&net, "", &[("10.9.7.7", NO_ROUTE), ("fd09::7", NO_ROUTE)]);
    expect(&net, "-I tun0", &[("10.9.7.7", NO_ROUTE), ("fd09::7", NO_ROUTE)]);
    expect(&net, "-s 10.9.0.1", &[("10.9.7.7", NO_ROUTE)]);
}

/// Uses every local port there is; they are free when the sockets are dropped.
fn use_up_ports(net: &Netns, host: &str, kind: Type, to: Option<SocketAddr>) -> Vec<Socket> {
    net.sysctl("net/ipv4/ip_local_port_range", "40000 40003");
    let take = |port| {
        let address: SocketAddr = format!("{host}:{port}").parse().expect("an address");
        let socket = Socket::new(Domain::for_address(address), kind, None).expect("socket");
        match to {
            Some(to) => socket.connect(&SockAddr::from(to)).expect("a connection"),
            None => socket.bind(&SockAddr::from(address)).expect("bind"),
        }
        socket
    };
    net.enter(|| (40000..40004).map(take).collect())
}

#[test]
fn no_local_port_is_left() {
    for host in ["127.0.0.1", "[::1]"] {
        let net = Netns::new();
        let open = net.listen(&format!("{host}:9"));
        let _used = use_up_ports(&net, host, Type::STREAM, Some(open.address));
        let bare = host.trim_matches(['[', ']']);
        expect(&net, "", &[(bare, "unavailable local-ports local connect EADDRNOTAVAIL")]);
        expect(&net, &format!("-s {bare}"), &[(bare, "unavailable local-ports local connect EADDRNOTAVAIL")]);
        // The same ports do towards another destination.
        let _other = net.listen(&format!("{host}:10"));
        assert_eq!(verdict(&net, &format!("-s {bare} {bare} 10")), CONNECTED);
    }
    for (host, any) in [("127.0.0.1", "0.0.0.0"), ("::1", "[::]")] {
        let net = Netns::new();
        let _used = use_up_ports(&net, any, Type::DGRAM, None);
        expect(&net, "-u", &[(host, "unavailable local-ports local connect EAGAIN")]);
    }
}

#[test]
fn no_family() {
    let net = Netns::new();
    let _peer = net.tun(|_| silence());
    net.sysctl("net/ipv6/conf/lo/disable_ipv6", "1");
    expect(&net, "", &[("::1", NO_ROUTE)]);
    net.sysctl("net/ipv6/conf/all/disable_ipv6", "1");
    for options in ["", "-u"] {
        expect(&net, options, &[("::1", NO_SOURCE), ("fd09::7", NO_SOURCE), ("2001:db8::1", NO_SOURCE)]);
    }
}

#[test]
fn sandboxes() {
    let net = Netns::new();
    let _open = [net.listen("127.0.0.1:9"), net.listen("[::1]:9")];
    type Row = (&'static str, fn() -> Sandbox, &'static str);
    #[rustfmt::skip] // one row a line
    let rows: &[Row] = &[
        ("Landlock", Sandbox::landlock, "denied local-policy local connect EACCES"),
        ("seccomp", || Sandbox::connect_fails(Errno::EPERM), "denied local-policy local connect EPERM"),
        ("seccomp", || Sandbox::connect_fails(Errno::EACCES), "denied local-policy local connect EACCES"),
        ("seccomp", || Sandbox::connect_fails(Errno::ENOSYS), "denied local-policy local connect ENOSYS"),
        ("seccomp", || Sandbox::connect_fails(Errno::ENETDOWN), "unavailable network-down local connect ENETDOWN"),
        ("seccomp", || Sandbox::connect_fails(Errno::ENOBUFS), "unavailable buffers local connect ENOBUFS"),
        ("seccomp", || Sandbox::connect_fails(Errno::ENOMEM), "unavailable buffers local connect ENOMEM"),
        ("seccomp", || Sandbox::socket_fails(Errno::EPERM), "denied local-policy local socket EPERM"),
        ("seccomp", || Sandbox::socket_fails(Errno::EACCES), "denied local-policy local socket EACCES"),
        ("seccomp", || Sandbox::socket_fails(Errno::ENOSYS), "denied local-policy local socket ENOSYS"),
        ("seccomp", || Sandbox::socket_fails(Errno::EMFILE), "unavailable descriptors local socket EMFILE"),
        ("seccomp", || Sandbox::socket_fails(Errno::ENFILE), "unavailable descriptors local socket ENFILE"),
        ("seccomp", || Sandbox::socket_fails(Errno::ENOBUFS), "unavailable buffers local socket ENOBUFS"),
        ("seccomp", || Sandbox::socket_fails(Errno::EAFNOSUPPORT), "unsupported - local socket EAFNOSUPPORT"),
    ];
    at_once(rows, |(name, sandbox, expected)| {
        for (host, mode) in pairs(&["127.0.0.1", "::1"], &MODES) {
            let command = rconnect(&net, &format!("--mode {mode} {host} 9")).nobody().sandbox(sandbox());
            assert_eq!(Run::of(command).one().verdict(), *expected, "{name} {host} {mode}");
        }
    });
    // Landlock knows no datagrams.
    let command = rconnect(&net, "-u -t 50ms 127.0.0.1 9").nobody().sandbox(Sandbox::landlock());
    assert_eq!(Run::of(command).one().verdict(), "refused port-unreachable peer completion ECONNREFUSED");
    let command =
        rconnect(&net, "127.0.0.1:9 [::1]:9").sandbox(Sandbox::family_fails(libc::AF_INET6, Errno::EAFNOSUPPORT));
    let run = Run::of(command);
    assert_eq!(run.host("127.0.0.1").verdict(), CONNECTED);
    assert_eq!(run.host("::1").verdict(), "unsupported - local socket EAFNOSUPPORT");
}

#[test]
fn a_cgroup() {
    let net = Netns::new();
    let _open = [net.listen("127.0.0.1:9"), net.listen("[::1]:9")];
    for (host, mode) in pairs(&["127.0.0.1", "::1"], &MODES) {
        for errno in [Errno::EPERM, Errno::EACCES] {
            let command = rconnect(&net, &format!("--mode {mode} {host} 9")).nobody();
            let run = Run::of(command.sandbox(Sandbox::cgroup_connect_fails(errno)));
            assert_eq!(run.one().verdict(), format!("{POLICY} {errno:?}"), "{host} {mode}");
        }
    }
}

#[test]
fn ipsec() {
    let net = Netns::new();
    let _peer = net.tun(|packet| vec![packet.reset()]);
    net.forbid_by_ipsec("10.9.7.9/32");
    net.forbid_by_ipsec("fd09::9/128");
    let denied = format!("{POLICY} EPERM");
    expect(&net, "", &[("10.9.7.9", &denied), ("fd09::9", &denied), ("10.9.7.8", REFUSED), ("fd09::8", REFUSED)]);
    expect(&net, "-u", &[("10.9.7.9", &denied), ("fd09::9", &denied)]);
}

/// A program that starts others may leave them its descriptors.
#[test]
fn inherited_descriptors_are_counted() {
    let net = Netns::new();
    let inherited: String = (10..60).map(|fd| format!("exec {fd}</dev/null; ")).collect();
    for options in ["", "-j 1000"] {
        let script = format!("ulimit -n 64; {inherited} exec {RCONNECT} --json {options} 127.0.0.1 2000-2499");
        let output = net.command("/bin/bash").args(["-c", &script]).run();
        assert_eq!(
            (output.code(), output.stdout.matches("\"outcome\":\"refused\"").count()),
            (4, 2 * 500),
            "{output:?}"
        );
        assert_eq!(output.stderr.contains(" inherited"), !options.is_empty(), "{}", output.stderr);
    }
}

/// connect() that fails before there is a local port has sent nothing: no peer, no router and no limit has spoken.
#[test]
fn a_filter_that_answers_in_the_place_of_tcp() {
    let net = Netns::new();
    let peer = net.tun(|packet| vec![packet.reset()]);
    let filters =
        [("seccomp", Sandbox::connect_fails as fn(Errno) -> Sandbox), ("cgroup", Sandbox::cgroup_connect_fails)];
    let codes = [
        (Errno::ECONNREFUSED, "refused intercepted - connect ECONNREFUSED"),
        (Errno::ETIMEDOUT, "timed-out intercepted - connect ETIMEDOUT"),
        (Errno::ECONNRESET, "reset intercepted - connect ECONNRESET"),
        // The route is fine.
        (Errno::EHOSTUNREACH, "unreachable - local connect EHOSTUNREACH"),
        (Errno::ENETUNREACH, "unreachable - local connect ENETUNREACH"),
    ];
    at_once(&pairs(&filters, &codes), |&((name, filter), (errno, expected))| {
        for (host, options) in pairs(&["127.0.0.1", "::1", "10.9.7.7", "fd09::7"], &["", "--mode blocking", "-u"]) {
            let run = Run::of(rconnect(&net, &format!("{options} {host} 9")).nobody().sandbox(filter(errno)));
            assert_eq!(run.one().verdict(), expected, "{name} {errno} {options} {host}: {:?}", run.one());
            assert!(run.one().0["syns"].is_null(), "{name} {errno} {options} {host}: {:?}", run.one());
        }
    });
    assert_eq!(peer.syns(9), 0);
    expect(&net, "", &[("127.0.0.1", REFUSED), ("::1", REFUSED), ("10.9.7.7", REFUSED), ("fd09::7", REFUSED)]);
}

/// Few descriptors mean fewer attempts at a time and not failures.
#[test]
fn few_descriptors() {
    let net = Netns::new();
    for (options, count) in [("", 4), ("", 40), ("-j 100", 40)] {
        let run = Run::of(rconnect(&net, &format!("{options} 127.0.0.1 2000-2099")).descriptors(count));
        for port in 2000..2100 {
            assert_eq!(run.port(port).verdict(), REFUSED, "{options} {count}");
        }
        assert_eq!(run.output.code(), 4);
    }
}

#[test]
fn a_neighbour_that_does_not_answer() {
    let link = Topology::chain(0);
    link.client.hurry_neighbours("right");
    link.client.ip("route add 198.51.100.0/24 via 10.77.1.98\nroute add 2001:db8::/32 via fd77:1::98");
    let silent = "unreachable neighbour-silent neighbour completion EHOSTUNREACH";
    let targets = ["10.77.1.99", "fd77:1::99", "198.51.100.1", "2001:db8::1"];
    at_once(&pairs(&targets, &["", "--mode blocking", "-u", "--fail-on-icmp"]), |&(host, options)| {
        for (user, become_user) in USERS {
            let run = Run::of(become_user(rconnect(&link.client, &format!("{options} {host} 9"))));
            let mode = if options.contains("blocking") { "blocking" } else { "nonblocking" };
            assert_eq!(run.one().verdict(), in_mode(silent, mode), "{user} {options} {host}");
            let own = if host.contains(':') {
                "1/3 from fd77:1::1, address unreachable"
            } else {
                "3/1 from 10.77.1.1, host unreachable"
            };
            assert_eq!(run.one().message(), own, "{user} {options} {host}");
            assert!(run.one().0["syns"].is_null(), "none left: {user} {options} {host}");
        }
    });
}

/// An address each, so that no run finds the question of another; IPv4, IPv6 and a gateway of either.
fn absent(number: usize) -> [String; 4] {
    let (host, gateway) = (100 + number, 200 + number);
    [
        format!("10.77.1.{host}"),
        format!("fd77:1::{host}"),
        format!("198.51.{gateway}.1"),
        format!("2001:db8:{gateway}::1"),
    ]
}

/// Linux asks three times, a second apart (mcast_solicit in arp(7)), and our limit may come first. If the limit comes later,
/// the neighbour does not answer, although the kernel has not said so.
#[test]
fn a_neighbour_that_has_not_answered_within_our_limit() {
    const WAYS: [&str; 6] = ["", "-t 500ms", "--mode blocking", "--mode blocking -t 500ms", "-u", "-u -t 500ms"];
    let link = Topology::chain(0);
    for family in ["ipv4", "ipv6"] {
        // The kernel says nothing before our default limit.
        link.client.sysctl(&format!("net/{family}/neigh/right/mcast_solicit"), "6");
    }
    let rows: Vec<(&str, String)> = WAYS
        .into_iter()
        .enumerate()
        .flat_map(|(number, way)| {
            let gateway = 200 + number;
            link.client.ip(&format!(
                "route add 198.51.{gateway}.0/24 via 10.77.1.{gateway}\n\
             route add 2001:db8:{gateway}::/48 via fd77:1::{gateway}"
            ));
            absent(number).map(|host| (way, host))
        })
        .collect();
    at_once(&rows, |(options, host)| {
        let run = Run::of(rconnect(&link.client, &format!("{options} {host} 9")).nobody());
        let (outcome, by, code) = match (options.contains("-t"), options.contains("-u")) {
            (false, _) => ("unreachable", "neighbour", 6),
            (true, false) => ("timed-out", "limit", 5),
            (true, true) => ("unconfirmed", "limit", 9),
        };
        assert_eq!(run.one().verdict(), format!("{outcome} neighbour-silent {by} completion -"), "{options} {host}");
        assert_eq!(run.one().0["ended"], "limit", "{options} {host}");
        assert!(run.one().0["syns"].is_null(), "none left: {options} {host}");
        assert!(run.one().0["icmp"].is_null(), "{options} {host}");
        assert_eq!(run.output.code(), code, "{options} {host}");
    });
}

/// With the system's own settings it is one fact, whether the kernel speaks first or our limit comes first.
#[test]
fn a_neighbour_that_does_not_answer_is_named_by_default() {
    let link = Topology::chain(0);
    at_once(&pairs(&["10.77.1.99", "fd77:1::99"], &["", "--mode blocking", "-t 3s"]), |&(host, options)| {
        let run = Run::of(rconnect(&link.client, &format!("{options} {host} 9")));
        assert!(
            run.one().verdict().starts_with("unreachable neighbour-silent neighbour "),
            "{options} {host}: {:?}",
            run.one()
        );
        assert_eq!(run.output.code(), 6, "{options} {host}");
        assert!(run.one().0["syns"].is_null(), "none left: {options} {host}");
    });
}

#[test]
fn people_read_who_does_not_answer() {
    let link = Topology::chain(0);
    link.client.ip("route add 198.51.100.0/24 via 10.77.1.98\nroute add 2001:db8::/32 via fd77:1::98");
    let rows = [
        ("10.77.1.99", "the next hop does not answer ARP"),
        ("fd77:1::99", "the next hop does not answer neighbour discovery"),
        ("198.51.100.1", "gateway 10.77.1.98 does not answer ARP"),
        ("2001:db8::1", "gateway fd77:1::98 does not answer neighbour discovery"),
    ];
    at_once(&pairs(&rows, &["", "-u"]), |&((host, said), protocol)| {
        let words = format!("{protocol} -t 500ms {host} 9");
        let output = link.client.command(RCONNECT).args(words.split_whitespace()).run();
        let found = output.stdout.lines().any(|line| line.trim().starts_with(said));
        assert!(found, "{protocol} {host}: {}", output.stdout);
        assert!(!output.stdout.contains("SYN"), "{protocol} {host}: {}", output.stdout);
    });
}

/// Its link address is known: what was sent has left.
#[test]
fn a_silent_host_is_no_silent_neighbour() {
    let link = Topology::chain(0);
    for protocol in ["tcp", "udp"] {
        link.server.filter("input", &format!("{protocol} dport 9 drop"));
    }
    at_once(&pairs(&["10.77.1.2", "fd77:1::2"], &["", "--mode blocking", "-u"]), |&(host, options)| {
        let run = Run::of(rconnect(&link.client, &format!("{options} -t 500ms {host} 9")).nobody());
        let udp = options == "-u";
        assert_eq!(run.one().verdict(), if udp { UNCONFIRMED } else { SILENCE }, "{options} {host}");
        assert_eq!(run.one().0["syns"].as_u64(), (!udp).then_some(1), "{options} {host}");
    });
}

#[test]
fn a_link_without_carrier() {
    let link = Topology::chain(0);
    link.client.hurry_neighbours("right");
    link.server.ip("link set left down");
    at_once(&["10.77.1.2", "fd77:1::2"], |host| {
        let expected = "unreachable neighbour-silent neighbour completion EHOSTUNREACH";
        assert_eq!(verdict(&link.client, &format!("{host} 9")), expected);
    });
    link.client.ip("link set right down");
    expect(&link.client, "", &[("10.77.1.2", NO_ROUTE), ("fd77:1::2", NO_ROUTE)]);
}

#[test]
fn own_firewall() {
    let net = Netns::new();
    let _peer = net.tun(|packet| if packet.is_udp() { silence() } else { vec![packet.syn_ack()] });
    #[rustfmt::skip] // one row a line
    let rows: &[(u16, &str, [&str; 2])] = &[
        (80, "drop", [SILENCE, SILENCE]),
        (81, "reject with tcp reset", [REFUSED, REFUSED]),
        (82, "reject", ["refused port-unreachable local completion ECONNREFUSED", "refused port-unreachable local completion ECONNREFUSED"]),
        (83, "reject with icmpx type admin-prohibited", ["denied prohibited local completion EHOSTUNREACH", "denied prohibited local completion EACCES"]),
        (84, "reject with icmpx type host-unreachable", ["unreachable local-policy local completion EHOSTUNREACH", "unreachable local-policy local completion EHOSTUNREACH"]),
        (85, "reject with icmpx type no-route", ["unreachable local-policy local completion ENETUNREACH", "unreachable local-policy local completion ENETUNREACH"]),
        (86, "accept", [CONNECTED, CONNECTED]),
    ];
    for (port, rule, _) in rows {
        net.filter("output", &format!("tcp dport {port} {rule}"));
    }
    at_once(&pairs(&pairs(&MODES, &USERS), rows), |&((mode, (user, become_user)), (port, rule, expected))| {
        for (host, expected) in ["10.9.7.7", "fd09::7"].into_iter().zip(expected) {
            let run = Run::of(become_user(rconnect(&net, &format!("-t 2s --mode {mode} {host} {port}"))));
            assert_eq!(run.one().verdict(), in_mode(expected, mode), "{user} {mode} {rule} {host}");
        }
    });
}

#[test]
fn own_firewall_and_datagrams() {
    let net = Netns::new();
    let _peer = net.tun(|_| silence());
    for (port, rule) in [(80, "drop"), (81, "reject"), (82, "reject with icmpx type admin-prohibited")] {
        net.filter("output", &format!("udp dport {port} {rule}"));
    }
    for (host, (user, become_user)) in pairs(&["10.9.7.7", "fd09::7"], &USERS) {
        let run = Run::of(become_user(rconnect(&net, &format!("-u -t 50ms {host} 80-83"))));
        for port in 80..83 {
            assert_eq!(run.port(port).verdict(), format!("{POLICY} EPERM"), "{user} {host} {port}");
        }
        assert_eq!(run.port(83).verdict(), UNCONFIRMED);
    }
}

#[test]
fn a_full_backlog_is_silent() {
    let net = Netns::new();
    for (at, host) in [("127.0.0.1:80", "127.0.0.1"), ("[::1]:80", "::1")] {
        let _full = net.full_backlog(at);
        for mode in MODES {
            assert_eq!(verdict(&net, &format!("--mode {mode} -t 50ms {host} 80")), SILENCE);
        }
    }
}

/// A SYN that meets its own port is a simultaneous open (RFC 9293 section 3.5): nobody listens.
#[test]
fn a_connection_to_itself_is_none() {
    let net = Netns::new();
    net.sysctl("net/ipv4/ip_local_port_range", "41008 41008");
    let itself = "self-connected self-connect local completion -";
    for (host, mode) in pairs(&["127.0.0.1", "::1", "0.0.0.0", "::", "::ffff:127.0.0.1"], &MODES) {
        for protocol in ["-r 0", "-u"] {
            let run = Run::of(rconnect(&net, &format!("{protocol} --mode {mode} {host} 41008")));
            let expected = if protocol == "-u" { itself.to_owned() } else { in_mode(itself, mode) };
            // Another local port might do better: it is tried again.
            for attempt in run.attempts() {
                assert_eq!(attempt.verdict(), expected, "{protocol} {host} {attempt:?}");
            }
            assert_eq!((&run.targets[0]["outcome"], run.output.code()), (&"self-connected".into(), 4));
        }
    }
}

#[test]
fn a_closed_port_within_the_ephemeral_range_is_never_open() {
    let net = Netns::new();
    net.sysctl("net/ipv4/ip_local_port_range", "41008 41015");
    for host in ["127.0.0.1", "::1"] {
        for _ in 0..10 {
            let run = Run::of(rconnect(&net, &format!("-j 1 --reset-on-close {host} 41008-41015")));
            for attempt in run.attempts() {
                let verdict = attempt.verdict();
                assert!(verdict == REFUSED || verdict.starts_with("self-connected "), "{verdict}");
            }
        }
    }
}
