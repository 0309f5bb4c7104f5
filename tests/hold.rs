//! Who completed the handshake, and whether anybody serves the connection: real servers, SYN proxies, and servers that
//! close or keep silent.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "a test has no clock of its own")]

mod lab;
mod support;

use lab::*;
use serde_json::json;
use support::*;

/// Behind the proxy: a server that answers.
const UP: u16 = 80;
/// A firewall of the server drops what comes.
const SILENT: u16 = 82;
/// Not behind the proxy.
const PLAIN: u16 = 90;

/// A router that completes handshakes in the name of the server, with these options.
fn proxied(options: &str) -> (Topology, Vec<Listener>) {
    let path = Topology::chain(1);
    let router = path.router(1);
    router.nft(&format!(
        "add table inet proxy\n\
         add chain inet proxy raw {{ type filter hook prerouting priority raw; }}\n\
         add rule inet proxy raw tcp dport {UP}-{SILENT} tcp flags syn notrack\n\
         add chain inet proxy forward {{ type filter hook forward priority 0; }}\n\
         add rule inet proxy forward tcp dport {UP}-{SILENT} ct state invalid,untracked synproxy {options}\n\
         add rule inet proxy forward ct state invalid drop\n"
    ));
    router.sysctl("net/netfilter/nf_conntrack_tcp_loose", "0");
    router.sysctl("net/ipv4/tcp_syncookies", "2");
    path.server.filter("input", &format!("tcp dport {SILENT} drop"));
    let listeners = [UP, PLAIN].iter().flat_map(|port| [format!("0.0.0.0:{port}"), format!("[::]:{port}")]);
    let listeners = listeners.map(|at| path.server.listen(&at)).collect();
    (path, listeners)
}

/// nftables: with the options that most servers offer, and with as few as can be.
const OPTIONS: [&str; 2] = ["mss 1460 wscale 7 timestamp sack-perm", "mss 1400"];

#[test]
fn a_proxy_that_answers_for_a_silent_server_shows_a_closed_window() {
    for options in OPTIONS {
        let (path, _listeners) = proxied(options);
        for (server, mode) in pairs(&path.server_address().both(), &MODES) {
            let run = Run::of(rconnect(&path.client, &format!("-m {mode} {server} {SILENT}")).nobody());
            let attempt = run.one();
            assert_eq!((run.output.code(), &attempt.0["outcome"]), (0, &json!("connected")), "{options}");
            assert_eq!(attempt.0["cause"], "zero-window", "{options}");
            assert_eq!(attempt.0["handshake"]["window"], 0, "{options}");
            let full = options == OPTIONS[0];
            assert_eq!(attempt.0["handshake"]["timestamps"], full);
            assert_eq!(attempt.0["handshake"]["sack"], full);
            assert_eq!(attempt.0["handshake"]["window_scale"], if full { json!(7) } else { json!(null) });
        }
    }
}

#[test]
fn a_server_that_answers_itself_shows_its_window() {
    let (path, _listeners) = proxied(OPTIONS[0]);
    for (cookies, (server, mode)) in pairs(&["1", "2"], &pairs(&path.server_address().both(), &MODES)) {
        path.server.sysctl("net/ipv4/tcp_syncookies", cookies);
        let run = Run::of(rconnect(&path.client, &format!("-m {mode} {server} {PLAIN}")).nobody());
        let handshake = &run.one().0["handshake"];
        assert_eq!(run.one().0["cause"], json!(null));
        assert!(run.one().number("/handshake/window") > 10_000, "{handshake}");
        let headers = if server.is_ipv6() { 40 + 20 + 12 } else { 20 + 20 + 12 };
        assert_eq!(handshake["mss"], 1500 - headers, "{handshake}");
        let told = ["timestamps", "sack", "ecn"].map(|key| handshake[key].as_bool());
        assert_eq!(told, [Some(true), Some(true), Some(false)], "{handshake}");
        assert!(handshake["window_scale"].is_u64(), "{handshake}");
    }
}

/// ECN is asked for and offered where both ends are told so (ip-sysctl: tcp_ecn).
#[test]
fn congestion_marks_are_told_where_both_ends_heed_them() {
    let net = Netns::new();
    net.sysctl("net/ipv4/tcp_ecn", "1");
    let listener = net.listen("127.0.0.1:0");
    let run = Run::of(rconnect(&net, &format!("127.0.0.1 {}", listener.port())));
    assert_eq!(run.one().0["handshake"]["ecn"], true);
}

/// The window of a server that answers is never closed, however fast connections come: on loopback and over a router.
#[test]
fn no_connection_of_many_is_in_doubt() {
    let path = Topology::chain(1);
    let ports = "2000-2063";
    let far: Vec<Listener> = (2000..2064).map(|port| path.server.listen(&format!("0.0.0.0:{port}"))).collect();
    let near: Vec<Listener> = (2000..2064).map(|port| path.client.listen(&format!("127.0.0.1:{port}"))).collect();
    for address in [path.server_address().v4.to_string(), "127.0.0.1".into()] {
        for mode in MODES {
            let run = Run::of(rconnect(&path.client, &format!("-m {mode} {address}:{ports} {address}:{ports}")));
            for attempt in run.attempts() {
                assert_eq!(attempt.verdict().split(' ').take(2).collect::<Vec<_>>(), ["connected", "-"]);
                assert!(attempt.number("/handshake/window") > 0);
            }
            assert_eq!(run.targets.len(), 128);
        }
    }
    drop((far, near));
}

#[test]
fn people_are_told_of_a_closed_window_and_what_it_may_mean() {
    let (path, _listeners) = proxied(OPTIONS[0]);
    let server = path.server_address().v4.to_string();
    let run = |port: u16| path.client.command(RCONNECT).args([&server, &port.to_string()]).run();
    let (doubtful, plain) = (run(SILENT), run(PLAIN));
    assert!(doubtful.stdout.contains("the window is closed"), "{}", doubtful.stdout);
    assert!(doubtful.stdout.contains("advice: a firewall or proxy on the way"), "{}", doubtful.stdout);
    assert_eq!(plain.stdout.lines().count(), 1, "{}", plain.stdout);
}
