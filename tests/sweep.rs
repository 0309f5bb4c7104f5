//! Sweeps of one host that answers less than it is asked, or of a path that loses packets: every target comes to what it
//! comes to alone.
#![cfg(target_os = "linux")]

mod lab;
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use lab::*;
use serde_json::Value;
use support::{RCONNECT, at_once, rconnect};

/// The server's address, and a machine in front of it that drops what this nft rule matches.
fn server(hook: &str, rule: &str) -> Topology {
    let path = Topology::chain(0);
    path.server.filter(hook, rule);
    path
}

/// How many targets came to each outcome; their ports where it is `connected`.
fn sweep(path: &Topology, ports: &str) -> (BTreeMap<String, usize>, Vec<u64>, Output) {
    let output = rconnect(&path.client, &format!("10.77.1.2 {ports}")).time_limit(Duration::from_secs(40)).run();
    let (mut outcomes, mut open) = (BTreeMap::new(), Vec::new());
    for line in output.stdout.lines() {
        let target: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{output:?}"));
        let outcome = target["outcome"].as_str().expect("an outcome");
        *outcomes.entry(outcome.to_owned()).or_default() += 1;
        open.extend(target["port"].as_u64().filter(|_| outcome == "connected"));
    }
    open.sort_unstable();
    (outcomes, open, output)
}

fn counts<const N: usize>(outcomes: [(&str, usize); N]) -> BTreeMap<String, usize> {
    outcomes.into_iter().map(|(outcome, count)| (outcome.to_owned(), count)).collect()
}

/// A host that limits its resets (FreeBSD, macOS), a firewall that limits new connections (home routers), and a router
/// that limits ICMP messages (Linux).
#[test]
fn limits_of_a_host_change_no_verdict() {
    let limits = [
        ("output", "tcp flags & rst == rst limit rate over 200/second burst 50 packets drop", "refused", 600),
        ("input", "tcp flags & (syn|ack) == syn limit rate over 25/second burst 50 packets drop", "refused", 120),
        ("output", "icmp type destination-unreachable limit rate over 10/second burst 6 packets drop", "denied", 40),
    ];
    at_once(&limits, |&(hook, limit, outcome, ports)| {
        let path = server(hook, limit);
        if outcome == "denied" {
            let closed = "tcp dport != { 1010, 1030 } reject with icmp type admin-prohibited";
            path.server.nft(&format!(
                "add chain inet lab closed {{ type filter hook input priority 1; }}\nadd rule inet lab closed {closed}"
            ));
        }
        let _open = [1010, 1030].map(|port| path.server.listen(&format!("10.77.1.2:{port}")));
        let (outcomes, open, output) = sweep(&path, &format!("1001-{}", 1000 + ports));
        assert_eq!(outcomes, counts([("connected", 2), (outcome, ports - 2)]), "{limit}: {output:?}");
        assert_eq!(open, [1010, 1030], "{limit}");
        let note = "10.77.1.2 answers some SYNs only when they are repeated";
        assert!(output.stderr.contains(note) && output.stderr.lines().count() == 1, "{limit}: {}", output.stderr);
    });
}

/// Silence is that of the limit for some ports, and that of a drop for most.
#[test]
fn a_limit_before_ports_that_are_dropped_changes_no_verdict() {
    let path = server("input", "tcp flags & (syn|ack) == syn limit rate over 100/second burst 20 packets drop");
    let answered: Vec<String> = (1001..=1120).step_by(3).map(|port| port.to_string()).collect();
    path.server.nft(&format!(
        "add chain inet lab closed {{ type filter hook input priority 1; }}\nadd rule inet lab closed tcp dport != {{ {} }} drop",
        answered.join(", ")
    ));
    let _open = [1010, 1100].map(|port| path.server.listen(&format!("10.77.1.2:{port}")));
    let (outcomes, open, output) = sweep(&path, "1001-1120");
    assert_eq!(outcomes, counts([("connected", 2), ("refused", 38), ("timed-out", 80)]), "{output:?}");
    assert_eq!(open, [1010, 1100]);
}

/// Packets that are lost in either direction are repeated by TCP, or asked for again.
#[test]
fn losses_hide_no_open_port_and_open_none() {
    at_once(&[0, 1, 10], |percent| {
        let lost = format!("numgen random mod 100 < {percent} drop");
        let path = Topology::chain(0);
        if *percent > 0 {
            path.server.filter("input", &lost);
            path.server.nft(&format!(
                "add chain inet lab back {{ type filter hook output priority 0; }}\nadd rule inet lab back {lost}"
            ));
        }
        let ports: Vec<u64> = (1000..1400).step_by(17).collect();
        let _open: Vec<_> = ports.iter().map(|port| path.server.listen(&format!("10.77.1.2:{port}"))).collect();
        for _ in 0..2 {
            let (outcomes, open, _) = sweep(&path, "1000-1399");
            assert_eq!(outcomes, counts([("connected", ports.len()), ("refused", 400 - ports.len())]), "{percent} %");
            assert_eq!(open, ports, "{percent} %");
        }
    });
}

/// A far side whose answers take so long that they come in another order than the SYNs; some ports are open.
fn disorderly(net: &Netns) -> TunPeer {
    net.tun(|packet| {
        let after = ms(u64::from(packet.port()) * 7919 % 40);
        match packet.port() % 10 {
            _ if !packet.is_syn() => silence(),
            3 => vec![packet.syn_ack().after(after)],
            _ => vec![packet.reset().after(after)],
        }
    })
}

/// The ports of the lines of an output, in their order.
fn ports(output: &Output, port: impl Fn(&str) -> Option<u16>) -> Vec<u16> {
    output.stdout.lines().filter_map(port).collect()
}

fn json_port(line: &str) -> Option<u16> {
    let target: Value = serde_json::from_str(line).ok()?;
    target["port"].as_u64().and_then(|port| u16::try_from(port).ok())
}

#[test]
fn results_come_in_the_order_of_the_targets_in_every_form() {
    let net = Netns::new();
    let _peer = disorderly(&net);
    let sweep = |args: &str| net.command(RCONNECT).args("10.9.0.2 1-1500".split(' ')).args(args.split(' ')).run();
    let all: Vec<u16> = (1..=1500).collect();
    assert_ne!(ports(&sweep("--json"), json_port), all, "they answer in another order");
    assert_eq!(ports(&sweep("--json --ordered"), json_port), all);
    assert_eq!(ports(&sweep("--json --ordered --rate 5000"), json_port), all);
    let second = |line: &str| line.split(',').nth(2).and_then(|port| port.parse().ok());
    assert_eq!(ports(&sweep("-o csv --ordered"), second), all);
    let shown = |line: &str| line.strip_prefix("10.9.0.2:")?.split(' ').next()?.parse().ok();
    assert_eq!(ports(&sweep("--show all --ordered"), shown), all);
    let open: Vec<u16> = all.into_iter().filter(|port| port % 10 == 3).collect();
    assert_eq!(ports(&sweep("--ordered"), shown), open);
}

/// The second line is silent: what comes behind it waits for it, is limited in number, and is reported when a signal comes.
#[test]
fn an_ordered_stream_waits_for_its_oldest_target_and_a_signal_loses_nothing() {
    let net = Netns::new();
    let peer = net.tun(|packet| match packet.port() {
        2 => silence(),
        _ if packet.is_syn() => vec![packet.reset()],
        _ => silence(),
    });
    let lines: String = (1..=3000).map(|port| format!("10.9.0.2:{port}\n")).collect();
    let command = net.command(RCONNECT).args(["--json", "--ordered", "--per-host", "1000", "-t", "60s", "--from", "-"]);
    let running = command.stdin(&lines).start();
    peer.await_syns(1026, 1);
    peer.await_syns(2, 3);
    running.signal(Signal::SIGINT);
    let output = running.wait();
    assert_eq!(peer.syns(1027), 0, "1,024 targets are ahead of the oldest one");
    let found = ports(&output, json_port);
    assert_eq!(found, (1..=1026).collect::<Vec<u16>>());
    assert!(output.stdout.lines().nth(1).is_some_and(|line| line.contains(r#""outcome":"interrupted""#)), "{output:?}");
}

/// Hosts behind a router: of four ports one is silent, one accepts, and two refuse.
fn behind_a_router(net: &Netns) -> TunPeer {
    net.tun(|packet| match packet.port() % 4 {
        _ if !packet.is_syn() => silence(),
        _ if packet.ttl() == 1 => vec![packet.icmp(11, 0)],
        2 => silence(),
        3 => vec![packet.syn_ack()],
        _ => vec![packet.reset()],
    })
}

/// Where the path of a target ends, after how many hops.
fn ends(target: &Value) -> Vec<(&str, usize)> {
    let paths = target["trace"].as_array().into_iter().flatten();
    let hops = |path: &Value| path["hops"].as_array().map_or(0, Vec::len);
    paths.map(|path| (path["end"].as_str().unwrap_or_default(), hops(path))).collect()
}

/// A target waits for its path, and those behind it wait for the target.
#[test]
fn traced_targets_come_in_order_with_their_paths() {
    let net = Netns::new();
    let _peer = behind_a_router(&net);
    let sweep = |args: &str| {
        let args = format!("--trace -t 300ms {args} -p 1-40 10.9.0.2 10.9.0.3");
        net.command(RCONNECT).args(args.split_whitespace()).run()
    };
    let all: Vec<u16> = (1..=40).chain(1..=40).collect();
    assert_ne!(ports(&sweep("--json"), json_port), all, "they are done in another order");
    let output = sweep("--json --ordered");
    assert_eq!(ports(&output, json_port), all);
    for line in output.stdout.lines() {
        let target: Value = serde_json::from_str(line).expect("JSON");
        let expected = match target["port"].as_u64().expect("a port") % 4 {
            2 => [("silence", 1)],
            3 => [("connected", 2)],
            _ => [("answered", 2)],
        };
        assert_eq!(ends(&target), expected, "{target}");
    }
    let text = sweep("--show all --ordered").stdout;
    let shown = |line: &str| line.strip_prefix("10.9.0.")?.split([':', ' ']).nth(1)?.parse().ok();
    assert_eq!(text.lines().filter_map(shown).collect::<Vec<u16>>(), all);
    assert_eq!(text.matches("  path to 10.9.0.").count(), 80, "{text}");
}

/// The path of a target that is not the oldest one is held back with it, and told when a signal comes.
#[test]
fn an_ordered_stream_with_paths_is_bounded_and_a_signal_loses_nothing() {
    let net = Netns::new();
    let peer = net.tun(|packet| match packet.port() {
        _ if packet.is_syn() && packet.ttl() == 1 => vec![packet.icmp(11, 0)],
        2 => silence(),
        _ if packet.is_syn() => vec![packet.reset()],
        _ => silence(),
    });
    let lines: String = (1..=3000).map(|port| format!("10.9.0.2:{port}\n")).collect();
    let args = "--json --ordered --trace --per-host 1000 -t 60s --from -";
    let running = net.command(RCONNECT).args(args.split(' ')).stdin(&lines).start();
    peer.await_syns(1026, 1);
    peer.await_syns(2, 3);
    running.signal(Signal::SIGINT);
    let output = running.wait();
    assert_eq!(peer.syns(1027), 0, "1,024 targets are ahead of the oldest one");
    assert_eq!(ports(&output, json_port), (1..=1026).collect::<Vec<u16>>());
    for line in output.stdout.lines() {
        let target: Value = serde_json::from_str(line).expect("JSON");
        let expected = if target["port"] == 2 { vec![] } else { vec![("answered", 2)] };
        assert_eq!(ends(&target), expected, "{target}");
    }
}

/// Of a firewall that should block everything, what it does not block is shown.
#[test]
fn a_sweep_for_people_shows_what_was_not_expected() {
    let net = Netns::new();
    let _open = [22, 443].map(|port| net.listen(&format!("127.0.0.1:{port}")));
    let sweep = |args: &str| net.command(RCONNECT).args("-n --expect closed".split(' ')).args(args.split(' ')).run();
    let output = sweep("127.0.0.1 1-500");
    let lines: Vec<&str> = output.stdout.lines().collect();
    assert_eq!((output.code(), lines.len()), (1, 8), "{output:?}");
    assert!(lines[0].starts_with("127.0.0.1:22      connected"), "{output:?}");
    assert!(lines[1].ends_with("something listens on 22 there, and that was not expected"), "{output:?}");
    assert!(lines[3].starts_with("127.0.0.1:443     connected"), "{output:?}");
    assert!(lines[5].ends_with("2 connected (not expected): 22, 443"), "{output:?}");
    assert_eq!(lines[7], "500 targets: 498 refused (as expected), 2 connected (not expected)");
    let output = sweep("--exclude :22,:443 127.0.0.1 1-500");
    #[rustfmt::skip]
    assert_eq!(output.stdout.lines().collect::<Vec<_>>(), [
        "127.0.0.1  498 refused: 1-21, 23-442, 444-500",
        "498 targets: 498 refused (as expected)",
    ]);
    // Excluded targets do not count: these are few enough to be shown.
    let few = sweep("--exclude :21-500 127.0.0.1 1-500");
    assert_eq!(few.stdout.matches("127.0.0.1:").count(), 20, "{few:?}");
}

/// A limit for all hosts behind it. Each of them has so few targets that none of them tells.
#[test]
fn a_limit_that_hosts_share_changes_no_verdict() {
    let path = server("input", "tcp flags & (syn|ack) == syn limit rate over 100/second burst 10 packets drop");
    path.server.ip(&(64..128).map(|last| format!("addr add 10.77.1.{last}/24 dev left\n")).collect::<String>());
    let _open = path.server.listen("0.0.0.0:80");
    let output = rconnect(&path.client, "10.77.1.64/26:80,81,82").time_limit(Duration::from_secs(40)).run();
    let outcome = |line: &str| {
        let target: Value = serde_json::from_str(line).unwrap_or_else(|_| panic!("{output:?}"));
        (target["port"].as_u64(), target["outcome"].as_str().map(str::to_owned))
    };
    let mut outcomes = BTreeMap::new();
    output.stdout.lines().for_each(|line| *outcomes.entry(outcome(line)).or_insert(0) += 1);
    let of = |port, outcome: &str| ((Some(port), Some(outcome.to_owned())), 64);
    assert_eq!(outcomes, BTreeMap::from([of(80, "connected"), of(81, "refused"), of(82, "refused")]), "{output:?}");
    assert!(output.stderr.contains("several addresses answer some SYNs only when they are repeated"), "{output:?}");
}
