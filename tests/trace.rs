//! Where a connection dies: `--trace` over four routers, as nobody.
#![cfg(target_os = "linux")]

mod lab;
mod support;

use std::net::IpAddr;

use lab::*;
use serde_json::Value;
use support::*;

/// Routers between the client and the server, which is the hop after the last.
const ROUTERS: usize = 4;

/// Hops that are looked at.
const FARTHEST: usize = 30;

/// A run with `--trace`, and the path to the only address.
fn trace(path: &Topology, args: &str) -> (Run, Traced) {
    let run = Run::of(rconnect(&path.client, &format!("--trace {args}")).nobody());
    let paths = run.one_target()["trace"].as_array().expect("a trace").clone();
    let [traced] = &paths[..] else { panic!("not one path: {paths:?}") };
    let traced = Traced(traced.clone());
    (run, traced)
}

/// One traced path.
#[derive(Debug)]
struct Traced(Value);

impl Traced {
    fn hops(&self) -> &[Value] {
        self.0["hops"].as_array().expect("hops")
    }

    /// `end: address outcome error, …`, one a hop.
    fn summary(&self) -> String {
        let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
        let hop = |(number, hop): (usize, &Value)| {
            assert_eq!(hop["ttl"], number + 1, "hops in order: {self:?}");
            format!("{} {} {}", text(&hop["address"]), text(&hop["outcome"]), text(&hop["error"]["name"]))
        };
        let hops: Vec<String> = self.hops().iter().enumerate().map(hop).collect();
        format!("{}: {}", text(&self.0["end"]), hops.join(", "))
    }
}

/// Where "time exceeded" is expected to come from, then what comes at the end.
fn expected(end: &str, routers: impl IntoIterator<Item = IpAddr>, last: &[String]) -> String {
    let expired = routers.into_iter().map(|router| format!("{router} unreachable EHOSTUNREACH"));
    let hops: Vec<String> = expired.chain(last.iter().cloned()).collect();
    format!("{end}: {}", hops.join(", "))
}

/// In both families: 0 for IPv4, 1 for IPv6.
fn in_both_families(act: impl Fn(usize) + Sync) {
    at_once(&[0, 1], |&family| act(family));
}

fn router(path: &Topology, family: usize, hop: usize) -> IpAddr {
    path.hop(hop).both()[family]
}

fn routers(path: &Topology, family: usize, hops: std::ops::RangeInclusive<usize>) -> Vec<IpAddr> {
    hops.map(|hop| router(path, family, hop)).collect()
}

#[test]
fn to_the_server_and_what_it_says() {
    let path = Topology::chain(ROUTERS);
    let _open = [path.server.listen("10.77.5.2:80"), path.server.listen("[fd77:5::2]:80")];
    let _echo = [path.server.udp_echo("10.77.5.2:7"), path.server.udp_echo("[fd77:5::2]:7")];
    in_both_families(|family| {
        let server = path.server_address().both()[family];
        for (args, end, last) in [
            ("80", "connected", "connected -"),
            ("9", "answered", "refused ECONNREFUSED"),
            ("7 -u", "connected", "connected -"),
            ("9 -u", "answered", "refused ECONNREFUSED"),
        ] {
            let (run, traced) = trace(&path, &format!("{server} {args}"));
            let hops = routers(&path, family, 1..=ROUTERS);
            assert_eq!(traced.summary(), expected(end, hops, &[format!("{server} {last}")]), "{args}");
            assert_eq!(traced.0["address"], server.to_string());
            assert_eq!(run.output.code(), if end == "connected" { 0 } else { 4 }, "that of the attempt");
            for hop in &traced.hops()[..ROUTERS] {
                let icmp = &hop["icmp"];
                let (kind, meaning) =
                    [(11, "time to live exceeded in transit"), (3, "hop limit exceeded in transit")][family];
                assert_eq!(
                    (&icmp["type"], &icmp["code"], &icmp["meaning"]),
                    (&kind.into(), &0.into(), &meaning.into())
                );
                assert_eq!(icmp["from"], hop["address"]);
                assert!(hop["elapsed_us"].as_u64() > Some(0), "{hop}");
            }
        }
    });
}

/// An IPv6 socket that speaks IPv4 (RFC 4291 section 2.5.5.2) takes the path of IPv4.
#[test]
fn to_a_mapped_address() {
    let path = Topology::chain(ROUTERS);
    let server = router(&path, 0, ROUTERS + 1);
    for args in ["9", "9 -u"] {
        let (run, traced) = trace(&path, &format!("::ffff:{server} {args}"));
        let hops = routers(&path, 0, 1..=ROUTERS);
        assert_eq!(traced.summary(), expected("answered", hops, &[format!("{server} refused ECONNREFUSED")]), "{args}");
        assert_eq!(run.output.code(), 4);
    }
}

/// 198.51.100.0/24 and 2001:db8::/32 go to and fro between the two routers.
#[test]
fn in_circles() {
    let path = Topology::chain(2);
    path.router(1).ip("route add 198.51.100.0/24 via 10.77.2.2\nroute add 2001:db8::/32 via fd77:2::2");
    path.router(2).ip("route add 198.51.100.0/24 via 10.77.2.1\nroute add 2001:db8::/32 via fd77:2::1");
    // A router that sends back over the link it came from recommends the shorter way (RFC 1122 section 3.2.2.2).
    for interface in ["all", "right"] {
        for family in ["ipv4", "ipv6"] {
            path.client.sysctl(&format!("net/{family}/conf/{interface}/accept_redirects"), "0");
        }
    }
    // IPv4 answers from the interface towards the client (icmp_errors_use_inbound_ifaddr), IPv6 from that towards router 2.
    let back = [router(&path, 0, 1), "fd77:2::1".parse().expect("an address")];
    for (family, host) in ["198.51.100.1", "2001:db8::1"].into_iter().enumerate() {
        for protocol in ["", "-u"] {
            let (run, traced) = trace(&path, &format!("{protocol} -t 1s {host} 9"));
            let hops = (0..FARTHEST).map(|hop| match hop {
                0 => router(&path, family, 1),
                odd if odd % 2 == 1 => router(&path, family, 2),
                _ => back[family],
            });
            assert_eq!(traced.summary(), expected("loop", hops, &[]), "{protocol} {host}");
            assert_eq!(run.one().0["cause"], "ttl-exceeded", "{protocol} {host}");
        }
    }
}

/// Paths of different length to one destination, and one address for a whole provider, are no loop.
#[test]
fn met_twice_is_no_circle() {
    for routers in [[1, 2, 3, 4, 3], [1, 2, 2, 2, 2]] {
        let net = Netns::new();
        let _peer = net.tun(move |packet| match packet.ttl() {
            ttl @ 1..=5 => vec![packet.icmp(11, 0).from(&format!("192.0.2.{}", routers[usize::from(ttl) - 1]))],
            _ => silence(),
        });
        let run = Run::of(rconnect(&net, "--trace -t 1s 10.9.7.7 9").nobody());
        assert_eq!(run.one_target()["trace"][0]["end"], "silence", "{routers:?}");
    }
}

#[test]
fn farther_than_anybody_looks() {
    let net = Netns::new();
    let router = |family: usize, ttl: u8| ["192.0.2.", "2001:db8::"][family].to_owned() + &ttl.to_string();
    let _peer = net.tun(move |packet| match (packet.destination.is_ipv4(), packet.ttl()) {
        (_, 31..) => silence(),
        (true, ttl) => vec![packet.icmp(11, 0).from(&router(0, ttl))],
        (false, ttl) => vec![packet.icmp(3, 0).from(&router(1, ttl))],
    });
    for ((family, host), protocol) in pairs(&[(0, "10.9.7.7"), (1, "fd09::7")], &["", "-u"]) {
        let run = Run::of(rconnect(&net, &format!("--trace -t 1s {protocol} {host} 9")).nobody());
        let traced = Traced(run.one_target()["trace"][0].clone());
        let hops = (1..=FARTHEST as u8).map(|ttl| router(family, ttl).parse().expect("an address"));
        assert_eq!(traced.summary(), expected("too-far", hops, &[]), "{protocol} {host}");
    }
}

/// The kernel asks for three seconds, and its answer to itself is all that comes back.
#[test]
fn a_neighbour_that_does_not_answer_is_no_path() {
    at_once(&pairs(&["10.77.1.99", "fd77:1::99"], &["", "-u"]), |&(host, protocol)| {
        let path = Topology::chain(0);
        path.client.hurry_neighbours("right");
        let (run, traced) = trace(&path, &format!("{protocol} {host} 9"));
        assert_eq!(run.one().0["cause"], "neighbour-silent", "{protocol} {host}");
        assert_eq!(traced.0["end"], "local", "{protocol} {host}: {traced:?}");
    });
}

/// Our limit comes before the kernel's: what was sent has not left this link either.
#[test]
fn a_neighbour_that_has_not_answered_yet_is_no_path() {
    at_once(&pairs(&["10.77.1.99", "fd77:1::99"], &["", "-u"]), |&(host, protocol)| {
        let path = Topology::chain(0);
        let (run, traced) = trace(&path, &format!("{protocol} -t 500ms {host} 9"));
        assert_eq!(run.one().0["cause"], "neighbour-silent", "{protocol} {host}");
        assert_eq!(traced.0["end"], "local", "{protocol} {host}: {traced:?}");
    });
}

#[test]
fn without_the_option_there_is_none() {
    let path = Topology::chain(1);
    let run = Run::of(rconnect(&path.client, "10.77.2.2 9"));
    assert!(run.one_target()["trace"].is_null());
}

/// A router looks at the time to live before it looks at its rules: it shows as a hop, and then as the one that refuses.
#[test]
fn a_router_that_filters() {
    let path = Topology::chain(ROUTERS);
    path.router(2).filter("forward", "tcp dport 80 reject with icmpx type admin-prohibited");
    path.router(2).filter("forward", "tcp dport 81 reject with icmpx type port-unreachable");
    path.router(3).filter("forward", "tcp dport 82 reject with tcp reset");
    path.router(4).ip("route add unreachable 10.77.5.2/32\nroute add unreachable fd77:5::2/128");
    in_both_families(|family| {
        let server = path.server_address().both()[family];
        let second = router(&path, family, 2);
        let up_to = |hop| routers(&path, family, 1..=hop);
        let prohibited = ["EHOSTUNREACH", "EACCES"][family];
        let no_way = ["EHOSTUNREACH", "ENETUNREACH"][family];
        for (port, code, expected) in [
            (80, 7, expected("rejected", up_to(2), &[format!("{second} denied {prohibited}")])),
            (81, 4, expected("rejected", up_to(2), &[format!("{second} refused ECONNREFUSED")])),
            // A RST bears the server's address.
            (82, 4, expected("answered", up_to(3), &[format!("{server} refused ECONNREFUSED")])),
            (83, 6, expected("rejected", up_to(3), &[format!("{} unreachable {no_way}", router(&path, family, 4))])),
        ] {
            let (run, traced) = trace(&path, &format!("{server} {port}"));
            assert_eq!((traced.summary(), run.output.code()), (expected, code), "{port}");
        }
    });
}

#[test]
fn a_router_that_drops() {
    let path = Topology::chain(ROUTERS);
    path.router(3).filter("forward", "tcp dport 80 drop");
    in_both_families(|family| {
        let server = path.server_address().both()[family];
        let (run, traced) = trace(&path, &format!("-t 500ms {server} 80"));
        assert_eq!(traced.summary(), expected("silence", routers(&path, family, 1..=3), &[]));
        assert_eq!(run.output.code(), 5);
    });
}

#[test]
fn a_shortage_of_descriptors_is_no_hop() {
    let path = Topology::chain(ROUTERS);
    path.router(3).filter("forward", "tcp dport 80 drop");
    in_both_families(|family| {
        let server = path.server_address().both()[family];
        let few = rconnect(&path.client, &format!("--trace -t 500ms {server} 80")).nobody().descriptors(12);
        let run = Run::of(few);
        let traced = Traced(run.one_target()["trace"][0].clone());
        assert_eq!(traced.summary(), expected("silence", routers(&path, family, 1..=3), &[]));
    });
}

#[test]
fn a_router_in_the_middle_that_says_nothing() {
    let path = Topology::chain(ROUTERS);
    let _open = [path.server.listen("10.77.5.2:80"), path.server.listen("[fd77:5::2]:80")];
    path.router(2).filter("output", "icmp type time-exceeded drop");
    path.router(2).filter("output", "icmpv6 type time-exceeded drop");
    in_both_families(|family| {
        let server = path.server_address().both()[family];
        for (port, end, last) in [(80, "connected", "connected -"), (9, "answered", "refused ECONNREFUSED")] {
            let (_, traced) = trace(&path, &format!("-t 500ms {server} {port}"));
            let [one, three, four] =
                [1, 3, 4].map(|hop| format!("{} unreachable EHOSTUNREACH", router(&path, family, hop)));
            let hops = [one, "- timed-out -".into(), three, four, format!("{server} {last}")];
            assert_eq!(traced.summary(), expected(end, [], &hops));
            assert!(traced.hops()[1]["icmp"].is_null());
        }
    });
}

#[test]
fn a_router_that_answers_from_another_address() {
    let path = Topology::chain(ROUTERS);
    path.router(2).ip("address add 10.99.0.2/32 dev lo\n\
         address add fd99::2/128 dev lo nodad\n\
         route replace 10.77.1.0/24 via 10.77.2.1 src 10.99.0.2\n\
         route replace fd77:1::/64 via fd77:2::1 src fd99::2");
    path.router(2).await_addresses();
    in_both_families(|family| {
        let server = path.server_address().both()[family];
        let (_, traced) = trace(&path, &format!("{server} 9"));
        let mut hops = routers(&path, family, 1..=ROUTERS);
        hops[1] = ["10.99.0.2", "fd99::2"][family].parse().expect("an address");
        assert_eq!(traced.summary(), expected("answered", hops, &[format!("{server} refused ECONNREFUSED")]));
    });
}

/// The attempt takes one limit, and all hops together another.
#[test]
fn nothing_but_silence() {
    let path = Topology::chain(ROUTERS);
    path.router(1).filter("prerouting", "meta l4proto { tcp, udp } drop");
    in_both_families(|family| {
        let server = path.server_address().both()[family];
        for (protocol, code) in [("", 5), ("-u", 9)] {
            let (run, traced) = trace(&path, &format!("{protocol} -t 1s {server} 80"));
            assert_eq!(traced.summary(), "silence: ");
            assert_eq!(run.output.code(), code);
            assert!(run.output.elapsed < ms(3000), "within two limits: {:?}", run.output.elapsed);
        }
    });
}

#[test]
fn what_this_machine_decides_is_no_path() {
    let path = Topology::chain(1);
    path.client.ip("route add prohibit 198.51.100.0/24\nroute add prohibit 2001:db8::/32");
    for host in ["198.51.100.1", "2001:db8::1"] {
        let (run, traced) = trace(&path, &format!("{host} 80"));
        assert_eq!(traced.summary(), "local: - denied EACCES");
        assert_eq!(run.output.code(), 7);
    }
}

/// A name that is to be asked for after a path is not the resolver's silence.
#[test]
fn a_path_holds_up_no_lookup() {
    let net = Netns::new();
    let _peer = net.tun(|_| silence());
    let probe =
        rconnect(&net, "--trace -t 500ms --resolve-timeout 200ms 10.9.7.7:9 srv:9").etc("hosts", "127.0.0.1 srv\n");
    let run = Run::of(probe);
    assert_eq!(run.targets[1]["resolve"]["addresses"], 1);
}

#[test]
fn a_source_port_is_not_for_several_hops() {
    let probe = rconnect(&Netns::new(), "--trace -s 127.0.0.1:5000 127.0.0.1 9").run();
    assert_eq!(probe.code(), 2);
    assert!(probe.stderr.contains("they cannot share a port: give --source an address alone"), "{probe:?}");
}

#[test]
fn every_address_has_its_path() {
    let path = Topology::chain(1);
    let _open = path.server.listen("10.77.2.2:80");
    let pinned = rconnect(&path.client, "--trace --resolve srv:80:10.77.2.2,fd77:2::2 srv 80").nobody();
    let run = Run::of(pinned);
    let paths = run.one_target()["trace"].as_array().expect("a trace");
    let summaries: Vec<String> = paths.iter().map(|path| Traced(path.clone()).summary()).collect();
    assert_eq!(
        summaries,
        [
            expected("connected", routers(&path, 0, 1..=1), &["10.77.2.2 connected -".into()]),
            expected("answered", routers(&path, 1, 1..=1), &["fd77:2::2 refused ECONNREFUSED".into()]),
        ]
    );
}

/// A router answers one prober six times at once, and then once a second (its default limits). Ports of one address share
/// its path, so every port shows every hop, and nobody waits for anybody.
#[test]
fn twenty_silent_ports_behind_routers_with_their_default_limits() {
    let path = Topology::chain(3);
    for router in 1..=3 {
        path.router(router).sysctl("net/ipv4/icmp_ratelimit", "1000");
    }
    path.server.filter("input", "tcp dport 1000-1019 drop");
    let server = router(&path, 0, 4);
    let run = Run::of(rconnect(&path.client, &format!("-t 500ms --trace {server} 1000-1019")).nobody());
    assert!(run.output.elapsed < ms(5_000), "{run:?}");
    assert_eq!(run.targets.len(), 20);
    for target in &run.targets {
        let traced = Traced(target["trace"][0].clone());
        assert_eq!(traced.summary(), expected("silence", routers(&path, 0, 1..=3), &[]), "{target:#}");
    }
}

/// The time to live of the answer, and the hop that it comes from.
fn back(traced: &Traced) -> [Option<u64>; 2] {
    ["answer_ttl", "answered_hop"].map(|key| traced.0[key].as_u64())
}

#[test]
fn the_server_itself_answers() {
    let path = Topology::chain(ROUTERS);
    let _open = [path.server.listen("10.77.5.2:80"), path.server.listen("[fd77:5::2]:80")];
    in_both_families(|family| {
        let server = path.server_address().both()[family];
        for port in [80, 9] {
            let (run, traced) = trace(&path, &format!("{server} {port}"));
            assert_eq!(back(&traced), [Some(64 - ROUTERS as u64), Some(ROUTERS as u64 + 1)], "{port}: {traced:?}");
            assert!(!run.output.stdout.contains("in its name"), "{}", run.output.stdout);
        }
        let (_, traced) = trace(&path, &format!("{server} 9 -u"));
        assert_eq!(back(&traced), [None, None], "datagrams have no such answer");
    });
}

/// What a system begins with: 64, 128 or 255.
#[test]
fn the_server_begins_with_another_time_to_live() {
    let path = Topology::chain(2);
    let server = path.server_address().v4;
    let _open = path.server.listen(&format!("{server}:80"));
    for first in [64, 128, 255] {
        path.server.sysctl("net/ipv4/ip_default_ttl", &first.to_string());
        assert_eq!(back(&trace(&path, &format!("{server} 80")).1), [Some(first - 2), Some(3)]);
    }
}

/// Router 2 of 4 completes handshakes in the name of a server that is silent, and resets others.
#[test]
fn a_router_answers_in_the_name_of_the_server() {
    let path = Topology::chain(ROUTERS);
    let router = path.router(2);
    router.nft(
        "add table inet proxy\n\
         add chain inet proxy raw { type filter hook prerouting priority raw; }\n\
         add rule inet proxy raw tcp dport 80 tcp flags syn notrack\n\
         add chain inet proxy forward { type filter hook forward priority 0; }\n\
         add rule inet proxy forward tcp dport 81 reject with tcp reset\n\
         add rule inet proxy forward tcp dport 80 ct state invalid,untracked synproxy mss 1460 wscale 7 timestamp sack-perm\n\
         add rule inet proxy forward ct state invalid drop\n",
    );
    router.sysctl("net/netfilter/nf_conntrack_tcp_loose", "0");
    router.sysctl("net/ipv4/tcp_syncookies", "2");
    path.server.filter("input", "tcp dport 80 drop");
    in_both_families(|family| {
        let server = path.server_address().both()[family];
        for (port, end) in [(80, "connected"), (81, "answered")] {
            let (run, traced) = trace(&path, &format!("{server} {port}"));
            assert_eq!((&traced.0["end"], traced.hops().len()), (&end.into(), 3), "{port}");
            assert_eq!(back(&traced), [Some(63), Some(2)], "{port}: {traced:?}");
            let advice = run.one().0["advice"].as_str().unwrap_or_default();
            let blames = advice.starts_with(&format!("{} may refuse in its name", path.hop(2).both()[family]));
            assert_eq!(blames, port == 81, "{advice}");
        }
    });
}
