//! The lab provokes what it says it does: plain connect() calls and the system's own tools are the witnesses.
#![cfg(target_os = "linux")]

mod lab;

use std::io::Read;

use lab::*;
use socket2::{Domain, Socket, Type};

const REFUSED: Result<(), Errno> = Err(Errno::ECONNREFUSED);
/// SO_SNDTIMEO ran out.
const LIMIT: Result<(), Errno> = Err(Errno::EINPROGRESS);

fn connects_within(net: &Netns, to: &str, limit_ms: u64) -> Result<(), Errno> {
    net.command("plain connect").time_limit(ms(limit_ms)).plain_connect(to).result
}

#[test]
fn a_new_namespace_has_loopback_and_no_outside() {
    let net = Netns::new();
    assert_eq!(net.plain_connect("127.0.0.1:9").result, REFUSED);
    assert_eq!(net.plain_connect("[::1]:9").result, REFUSED);
    assert_eq!(net.plain_connect("192.0.2.1:9").result, Err(Errno::ENETUNREACH));
    assert_eq!(net.plain_connect("[2001:db8::1]:9").result, Err(Errno::ENETUNREACH));
}

#[test]
fn local_routes_decide_in_the_call() {
    let net = Netns::new();
    for (kind, errno) in [
        ("unreachable", Errno::EHOSTUNREACH),
        ("prohibit", Errno::EACCES),
        ("blackhole", Errno::EINVAL),
        ("throw", Errno::ENETUNREACH),
    ] {
        net.ip(&format!("route add {kind} 198.51.100.0/24\nroute add {kind} 2001:db8:1::/48"));
        assert_eq!(net.plain_connect("198.51.100.1:80").result, Err(errno), "{kind}");
        assert_eq!(net.plain_connect("[2001:db8:1::1]:80").result, Err(errno), "{kind}");
        net.ip(&format!("route del {kind} 198.51.100.0/24\nroute del {kind} 2001:db8:1::/48"));
    }
}

#[test]
fn a_firewall_drops_or_rejects() {
    let net = Netns::new();
    let _open = net.listen("127.0.0.1:81");
    assert_eq!(net.plain_connect("127.0.0.1:81").result, Ok(()));
    net.filter("output", "tcp dport 81 drop");
    assert_eq!(connects_within(&net, "127.0.0.1:81", 50), LIMIT);
    net.unfilter();
    net.filter("output", "tcp dport 81 reject with tcp reset");
    assert_eq!(net.plain_connect("127.0.0.1:81").result, REFUSED);
    net.unfilter();
    assert_eq!(net.plain_connect("127.0.0.1:81").result, Ok(()));
}

#[test]
fn listeners_of_every_temper() {
    let net = Netns::new();
    for host in ["127.0.0.1", "[::1]"] {
        let open = net.listen(&format!("{host}:0"));
        assert_eq!(net.plain_connect(&open.address.to_string()).result, Ok(()));
        let full = net.full_backlog(&format!("{host}:0"));
        assert_eq!(connects_within(&net, &full.address.to_string(), 50), LIMIT);
        for gone in [open, full] {
            let address = gone.address;
            drop(gone);
            assert_eq!(net.plain_connect(&address.to_string()).result, REFUSED);
        }
    }
}

#[test]
fn a_connection_may_be_reset_after_accept() {
    let net = Netns::new();
    let server = net.listen_and_reset("127.0.0.1:0");
    let reset = net.enter(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        // A RST before connect() has returned shows in connect() itself.
        socket.connect(&server.address.into())?;
        (&socket).read(&mut [0])
    });
    assert_eq!(reset.unwrap_err().raw_os_error(), Some(libc::ECONNRESET));
    assert_eq!(server.accepted(), 1);
}

#[test]
fn udp_echo_answers() {
    let net = Netns::new();
    for any in ["127.0.0.1:0", "[::1]:0"] {
        let echo = net.udp_echo(any);
        let mut buffer = [0; 8];
        let count = net.enter(|| {
            let socket = std::net::UdpSocket::bind(any).unwrap();
            socket.set_read_timeout(Some(PATIENCE)).unwrap();
            socket.send_to(b"hello", echo.address).unwrap();
            socket.recv(&mut buffer).unwrap()
        });
        assert_eq!(&buffer[..count], b"hello");
    }
}

#[test]
fn with_one_local_port_a_closed_port_connects_to_itself() {
    let net = Netns::new();
    net.sysctl("net/ipv4/ip_local_port_range", "41008 41008");
    assert_eq!(net.plain_connect("127.0.0.1:41008").result, Ok(()));
}

#[test]
fn a_chain_forwards_both_ways_and_both_families() {
    let path = Topology::chain(4);
    let _open = [path.server.listen("10.77.5.2:80"), path.server.listen("[fd77:5::2]:80")];
    for to in path.server_port(80) {
        assert_eq!(path.client.plain_connect(&to.to_string()).result, Ok(()));
    }
    for to in path.server_port(9) {
        assert_eq!(path.client.plain_connect(&to.to_string()).result, REFUSED);
    }
    for hop in (1..=5).flat_map(|k| path.hop(k).both()) {
        let to = std::net::SocketAddr::new(hop, 9).to_string();
        assert_eq!(path.client.plain_connect(&to).result, REFUSED, "{to}");
    }
}

#[test]
fn a_router_prohibits() {
    let path = Topology::chain(1);
    path.router(1).filter("forward", "tcp dport 9 reject with icmpx type admin-prohibited");
    // veth delivers the error within connect(); the kernel only notes it and fails at the next SYN, a second later.
    assert_eq!(path.client.plain_connect("10.77.2.2:9").result, Err(Errno::EHOSTUNREACH));
    assert_eq!(path.client.plain_connect("[fd77:2::2]:9").result, Err(Errno::EACCES));
}

#[test]
fn a_router_prohibits_as_from_afar() {
    let path = Topology::chain(1);
    path.router(1).filter("forward", "tcp dport 9 reject with icmpx type admin-prohibited");
    path.client.defer_delivery("right");
    let fastest = |to: &str| {
        let tries = (0..3).map(|_| path.client.command("plain connect").on_first_cpu().plain_connect(to));
        tries.min_by_key(|plain| plain.elapsed).unwrap()
    };
    for (to, errno) in [("10.77.2.2:9", Errno::EHOSTUNREACH), ("[fd77:2::2]:9", Errno::EACCES)] {
        let plain = fastest(to);
        assert_eq!(plain.result, Err(errno));
        assert!(plain.elapsed < ms(900), "no SYN but the first was needed: {plain:?}");
    }
}

#[test]
fn a_router_without_a_route_says_so() {
    let path = Topology::chain(1);
    assert_eq!(path.client.plain_connect("203.0.113.1:9").result, Err(Errno::ENETUNREACH));
    assert_eq!(path.client.plain_connect("[2001:db8::1]:9").result, Err(Errno::ENETUNREACH));
}

#[test]
fn a_silent_neighbour_is_unreachable() {
    let link = Topology::chain(0);
    let slow = link.client.plain_connect("10.77.1.99:9");
    assert_eq!(slow.result, Err(Errno::EHOSTUNREACH));
    assert!(slow.elapsed > ms(2900), "three solicitations, a second apart: {slow:?}");
    link.client.hurry_neighbours("right");
    for to in ["10.77.1.98:9", "[fd77:1::99]:9"] {
        let hurried = link.client.plain_connect(to);
        assert_eq!(hurried.result, Err(Errno::EHOSTUNREACH));
        assert!(hurried.elapsed < ms(1500), "{hurried:?}");
    }
}

#[test]
fn the_tun_peer_answers_as_scripted() {
    let net = Netns::new();
    let peer = net.tun(|packet| match packet.port() {
        80 => vec![packet.syn_ack()],
        81 => vec![packet.reset()],
        82 => vec![packet.icmp(3, 13).from("192.0.2.1")],
        83 => vec![packet.icmp(1, 1)],
        84 if packet.nth == 2 => vec![packet.syn_ack()],
        _ => silence(),
    });
    let connect = |to: &str| net.plain_connect(to).result;
    assert_eq!(connect("10.9.7.7:80"), Ok(()));
    assert_eq!(connect("[fd09::7]:80"), Ok(()));
    assert_eq!(connect("10.9.7.7:81"), REFUSED);
    assert_eq!(connect("[fd09::7]:81"), REFUSED);
    assert_eq!(connect("10.9.7.7:82"), Err(Errno::EHOSTUNREACH));
    assert_eq!(connect("[fd09::7]:83"), Err(Errno::EACCES));
    assert_eq!(peer.syns(82), 1, "final at once, without another SYN");
    assert_eq!(connect("10.9.7.7:84"), Ok(()));
    assert_eq!(peer.syns(84), 2);
    assert_eq!(connects_within(&net, "10.9.7.7:85", 50), LIMIT);
    peer.await_syns(85, 1);
}

#[test]
fn the_tun_peer_is_as_slow_as_it_is_told() {
    let net = Netns::new();
    let _peer = net.tun(|packet| vec![packet.syn_ack().after(ms(80))]);
    let plain = net.plain_connect("10.9.7.7:80");
    assert_eq!(plain.result, Ok(()));
    assert!(plain.elapsed >= ms(80), "{plain:?}");
}

#[test]
fn the_tun_peer_speaks_udp() {
    let net = Netns::new();
    let _peer = net.tun(|packet| match packet.port() {
        7 => vec![packet.udp(packet.data())],
        _ if packet.destination.is_ipv4() => vec![packet.icmp(3, 3)],
        _ => vec![packet.icmp(1, 4)],
    });
    let exchange = |to: &str| {
        net.enter(|| {
            let socket = std::net::UdpSocket::bind(if to.starts_with('[') { "[::]:0" } else { "0.0.0.0:0" })?;
            socket.set_read_timeout(Some(PATIENCE))?;
            socket.connect(to)?;
            socket.send(b"hello")?;
            socket.recv(&mut [0; 8])
        })
    };
    for host in ["10.9.7.7", "[fd09::7]"] {
        assert_eq!(exchange(&format!("{host}:7")).unwrap(), 5);
        assert_eq!(exchange(&format!("{host}:9")).unwrap_err().raw_os_error(), Some(libc::ECONNREFUSED));
    }
}

#[test]
#[should_panic(expected = "from the script")]
fn a_panic_in_the_script_fails_the_test() {
    let net = Netns::new();
    let peer = net.tun(|_| panic!("from the script"));
    assert_eq!(connects_within(&net, "10.9.7.7:80", 50), LIMIT);
    drop(peer);
}

/// `getent ahosts`: exit code and distinct addresses.
fn ahosts(net: &Netns, name: &str) -> (i32, Vec<String>) {
    let run = net.command("getent").path().args(["ahosts", name]).resolver("timeout:1 attempts:1").run();
    let mut addresses: Vec<String> =
        run.stdout.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect();
    addresses.dedup();
    (run.code(), addresses)
}

#[test]
fn the_nameserver_behaves_as_the_label_says() {
    let net = Netns::new();
    let dns = net.dns();
    dns.record("db.test", "10.9.7.7").record("db.test", "fd09::7");
    const NOT_FOUND: i32 = 2;
    for (name, code, addresses) in [
        ("v4.test", 0, &["127.0.0.2"][..]),
        ("v6.test", 0, &["::1"]),
        ("dual.test", 0, &["::1", "127.0.0.2"]),
        ("aaaaservfail.test", 0, &["127.0.0.2"]),
        ("aaaanx.test", 0, &["127.0.0.2"]),
        ("cname.test", 0, &["127.0.0.2"]),
        ("tc.test", 0, &["127.0.0.3"]),
        ("slow-50.test", 0, &["127.0.0.2"]),
        ("unspec.test", 0, &["0.0.0.0", "::"]),
        ("mixed.test", 0, &["::1", "127.0.0.2", "2001:db8::5", "fd09::5", "192.0.2.99", "10.9.0.5"]),
        ("localhost", 0, &["::1", "127.0.0.1"]),
        ("db.test", 0, &["fd09::7", "10.9.7.7"]),
        ("nx.test", NOT_FOUND, &[]),
        ("nodata.test", NOT_FOUND, &[]),
        ("servfail.test", NOT_FOUND, &[]),
        ("refused.test", NOT_FOUND, &[]),
        ("formerr.test", NOT_FOUND, &[]),
        ("notimp.test", NOT_FOUND, &[]),
        ("garbage.test", NOT_FOUND, &[]),
        ("cnamedangling.test", NOT_FOUND, &[]),
    ] {
        assert_eq!(ahosts(&net, name), (code, addresses.iter().map(|&a| a.to_owned()).collect()), "{name}");
    }
    assert_eq!(ahosts(&net, "many.test").1.len(), 30);
    assert!(dns.queries().contains(&"v4.test AAAA".to_owned()));
    assert!(!dns.queries().iter().any(|query| query.starts_with("localhost")));
}

#[test]
fn the_nameserver_can_be_silent() {
    let net = Netns::new();
    let dns = net.dns();
    let run = net.command("getent").path().args(["ahosts", "timeout.test"]).resolver("timeout:1 attempts:1").start();
    dns.await_query("timeout.test A");
    let run = run.wait();
    assert_eq!(run.code(), 2);
    assert!(run.elapsed >= ms(1000), "{run:?}");
}

#[test]
fn sandboxes_forbid_connecting() {
    let net = Netns::new();
    let _open = [net.listen("127.0.0.1:80"), net.listen("[::1]:80")];
    for (sandbox, errno) in [
        (Sandbox::landlock(), Errno::EACCES),
        (Sandbox::connect_fails(Errno::EPERM), Errno::EPERM),
        (Sandbox::connect_fails(Errno::ENETDOWN), Errno::ENETDOWN),
        (Sandbox::socket_fails(Errno::EMFILE), Errno::EMFILE),
        (Sandbox::family_fails(libc::AF_INET, Errno::EAFNOSUPPORT), Errno::EAFNOSUPPORT),
    ] {
        let plain = net.command("plain connect").nobody().sandbox(sandbox).plain_connect("127.0.0.1:80");
        assert_eq!(plain.result, Err(errno));
    }
    let other_family = Sandbox::family_fails(libc::AF_INET, Errno::EAFNOSUPPORT);
    assert_eq!(net.command("plain connect").sandbox(other_family).plain_connect("[::1]:80").result, Ok(()));
}

#[test]
fn a_cgroup_forbids_connecting() {
    let net = Netns::new();
    let _open = [net.listen("127.0.0.1:80"), net.listen("[::1]:80")];
    for to in ["127.0.0.1:80", "[::1]:80"] {
        for errno in [Errno::EPERM, Errno::ECONNREFUSED] {
            let command = net.command("plain connect").nobody().sandbox(Sandbox::cgroup_connect_fails(errno));
            assert_eq!(command.plain_connect(to).result, Err(errno), "{to}");
        }
    }
}

#[test]
fn an_ipsec_policy_forbids_connecting() {
    let net = Netns::new();
    let _peer = net.tun(|packet| vec![packet.syn_ack()]);
    net.forbid_by_ipsec("10.9.7.9/32");
    assert_eq!(net.plain_connect("10.9.7.9:80").result, Err(Errno::EPERM));
    assert_eq!(net.plain_connect("10.9.7.8:80").result, Ok(()));
}

#[test]
fn a_child_has_only_what_it_is_given() {
    let net = Netns::new();
    let run = net.command("/usr/bin/env").env("COLOR", "never").run();
    assert_eq!((run.code(), run.stdout.as_str(), run.stderr.as_str()), (0, "COLOR=never\n", ""));
    let run = net.command("/bin/cat").stdin("one\ntwo\n").run();
    assert_eq!(run.stdout, "one\ntwo\n");
    let run = net.command("/bin/sh").args(["-c", "ulimit -n; exit 7"]).descriptors(17).run();
    assert_eq!((run.code(), run.stdout.as_str()), (7, "17\n"));
}

#[test]
fn nobody_has_no_privileges() {
    let net = Netns::new();
    let run = net.command("/bin/sh").args(["-c", "id -u; id -g; grep CapEff /proc/self/status"]).path().nobody().run();
    assert_eq!(run.stdout, "65534\n65534\nCapEff:\t0000000000000000\n", "{run:?}");
    let run = net.command("ip").args(["link", "set", "lo", "down"]).path().nobody().run();
    assert_ne!(run.code(), 0);
    assert_eq!(net.command("plain connect").nobody().plain_connect("127.0.0.1:9").result, REFUSED);
}

#[test]
fn standard_output_can_be_full_or_closed() {
    let net = Netns::new();
    let run = net.command("/bin/echo").args(["x"]).stdout_full().run();
    assert!(run.stderr.contains("No space left"), "{run:?}");
    for bytes in [0, 4] {
        let run = net.command("/usr/bin/yes").close_stdout_after(bytes).run();
        assert_eq!(std::os::unix::process::ExitStatusExt::signal(&run.status), Some(libc::SIGPIPE));
        assert_eq!(run.stdout.len(), bytes);
    }
}

#[test]
fn a_background_child_is_read_and_signalled() {
    let net = Netns::new();
    let script = "trap 'echo caught; exit 130' INT; echo ready; while :; do read x; done";
    let mut running = net.command("/bin/sh").args(["-c", script]).start();
    assert_eq!(running.line().as_deref(), Some("ready"));
    running.signal(Signal::SIGINT);
    assert_eq!(running.line().as_deref(), Some("caught"));
    assert_eq!(running.line(), None);
    let run = running.wait();
    assert_eq!((run.code(), run.stdout.as_str()), (130, "ready\ncaught\n"));
}

#[test]
#[should_panic(expected = "did not end within 50ms")]
fn a_child_that_does_not_end_fails_the_test() {
    let _ = Netns::new().command("/bin/sleep").args(["60"]).time_limit(ms(50)).run();
}

#[test]
#[should_panic(expected = "Limits: Operation not permitted")]
fn a_failed_preparation_is_named() {
    let _ = Netns::new().command("/bin/true").descriptors(u64::MAX).run();
}
