//! Sweeps of one host that answers less than it is asked, or of a path that loses packets: every target comes to what it
//! comes to alone.
#![cfg(target_os = "linux")]

mod lab;
mod support;

use std::collections::BTreeMap;
use std::time::Duration;

use lab::*;
use serde_json::Value;
use support::{at_once, rconnect};

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
        for _ in 0..3 {
            let (outcomes, open, _) = sweep(&path, "1000-1399");
            assert_eq!(outcomes, counts([("connected", ports.len()), ("refused", 400 - ports.len())]), "{percent} %");
            assert_eq!(open, ports, "{percent} %");
        }
    });
}
