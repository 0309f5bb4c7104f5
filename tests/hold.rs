//! Who completed the handshake, and whether anybody serves the connection: real servers, SYN proxies, and servers that
//! close or keep silent.
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods, reason = "a test has no clock of its own")]

mod lab;
mod support;

use std::io::Write;
use std::time::Duration;

use lab::*;
use serde_json::json;
use support::*;

/// Behind the proxy: a server that answers.
const UP: u16 = 80;
/// Nothing listens.
const CLOSED: u16 = 81;
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

/// Runs with `--hold` and gives what became of the connection: `outcome cause by phase error`, and what came.
fn hold(net: &Netns, args: &str) -> (String, String) {
    let run = Run::of(rconnect(net, &format!("--hold 1500ms {args}")).nobody());
    let attempt = run.one();
    (attempt.verdict(), attempt.0["hold"]["received"].as_str().expect("a hold").into())
}

const SERVED: &str = "connected - - hold -";
const CLOSED_BY_PEER: &str = "closed-by-peer fin peer hold -";
const RESET: &str = "reset reset-after-handshake peer hold ECONNRESET";

#[test]
fn behind_a_proxy_only_a_server_that_answers_serves() {
    for options in OPTIONS {
        let (path, _listeners) = proxied(options);
        let servers = path.server_address().both();
        at_once(&pairs(&servers, &MODES), |&(server, mode)| {
            let hold = |port: u16| hold(&path.client, &format!("-m {mode} {server} {port}")).0;
            assert_eq!(hold(SILENT), "unserved zero-window limit hold -", "{options}");
            assert_eq!(hold(UP), SERVED, "{options}");
            assert_eq!(hold(PLAIN), SERVED, "{options}");
            // The reset may come before the connection is seen.
            let closed = Run::of(rconnect(&path.client, &format!("--hold 2s -m {mode} {server} {CLOSED}")));
            assert_eq!(closed.one().0["outcome"], "reset", "{options}");
            assert_eq!(closed.output.code(), 4);
        });
    }
}

/// A server of every temper at its port, in both families.
fn servers(net: &Netns) -> Vec<Listener> {
    let mut listeners = Vec::new();
    for host in ["127.0.0.1", "[::1]"] {
        let at = |port: u16| format!("{host}:{port}");
        listeners.push(net.accept_with(&at(1), drop));
        listeners.push(net.listen_and_reset(&at(2)));
        listeners.push(net.listen(&at(3)));
        let mut held = Vec::new();
        listeners.push(net.accept_with(&at(4), move |mut connection| {
            connection.write_all(b"220 \\ gr\xc3\xbcn \xff\r\n").expect("a banner");
            held.push(connection);
        }));
        let mut held = Vec::new();
        listeners.push(net.accept_with(&at(5), move |mut connection| {
            std::thread::sleep(ms(150));
            connection.write_all(b"slow").expect("a banner");
            held.push(connection);
        }));
        listeners.push(net.accept_with(&at(6), |mut connection| connection.write_all(b"bye").expect("a banner")));
        listeners.push(net.accept_with(&at(7), |mut connection| {
            connection.write_all(b"bye").expect("a banner");
            std::thread::sleep(ms(50));
            connection.set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
        }));
        let mut held = Vec::new();
        listeners.push(net.accept_with(&at(8), move |mut connection| {
            connection.write_all(&[b'x'; 10_000]).expect("much");
            held.push(connection);
        }));
        listeners.push(net.accept_with(&at(9), |connection| {
            std::thread::sleep(ms(150));
            drop(connection);
        }));
    }
    listeners
}

#[test]
fn what_servers_do_with_a_connection() {
    let net = Netns::new();
    let _servers = servers(&net);
    at_once(&pairs(&["127.0.0.1", "::1"], &MODES), |&(host, mode)| {
        let hold = |port: u16| hold(&net, &format!("-m {mode} {host} {port}"));
        let told = |verdict: &str, received: &str| (verdict.to_string(), received.to_string());
        assert_eq!(hold(1), told(CLOSED_BY_PEER, ""));
        assert_eq!(hold(3), told(SERVED, ""));
        assert_eq!(hold(4), told(SERVED, "220 \\\\ grün \\xff\r\n"));
        assert_eq!(hold(5), told(SERVED, "slow"));
        assert_eq!(hold(6), told(SERVED, "bye"));
        assert_eq!(hold(7), told(RESET, "bye"));
        assert_eq!(hold(8), told(SERVED, &"x".repeat(256)));
        assert_eq!(hold(9), told(CLOSED_BY_PEER, ""));
        // The reset may come before the connection is seen.
        let reset = Run::of(rconnect(&net, &format!("--hold 2s -m {mode} {host} 2")));
        assert!(reset.one().verdict().starts_with("reset reset-after-handshake peer"), "{reset:?}");
    });
}

#[test]
fn times_are_those_of_the_connect_and_the_hold_has_its_own() {
    let net = Netns::new();
    let _servers = servers(&net);
    for (port, at_least) in [(3, 1_500_000), (5, 1_500_000), (9, 150_000)] {
        let run = Run::of(rconnect(&net, &format!("--hold 1500ms 127.0.0.1 {port}")));
        let attempt = run.one();
        assert!(attempt.number("/hold/elapsed_us") >= at_least, "{attempt:?}");
        assert!(attempt.elapsed_us() < attempt.number("/hold/elapsed_us"), "{attempt:?}");
        assert!(attempt.number("/hold/window") > 0 && attempt.0["local"].is_string(), "{attempt:?}");
        let whole = run.targets[0]["elapsed_us"].as_u64().expect("a time");
        assert!(whole >= at_least, "{whole}");
    }
}

/// What ends a run ends a hold, and what is known is told: connected, and not how the hold would have ended.
#[test]
fn the_end_of_a_run_ends_a_hold() {
    let (path, _listeners) = proxied(OPTIONS[0]);
    let server = path.server_address().v4;
    for (mode, (port, cause)) in pairs(&MODES, &[(PLAIN, "-"), (SILENT, "zero-window")]) {
        let args = format!("-m {mode} --hold 20s --deadline 1s {server} {port}");
        let run = Run::of(rconnect(&path.client, &args));
        assert_eq!(run.one().verdict(), format!("connected {cause} - hold -"));
        assert_eq!((run.output.code(), &run.one().0["ended"]), (0, &json!("limit")));
        assert!(run.one().number("/hold/elapsed_us") < 5_000_000);
        let started = rconnect(&path.client, &format!("-m {mode} --hold 20s {server} {port}")).start();
        std::thread::sleep(ms(1000));
        started.signal(Signal::SIGINT);
        let run = Run::from(started.wait());
        let attempt = &run.targets[0]["attempts"][0];
        assert_eq!((&attempt["outcome"], &attempt["ended"]), (&json!("connected"), &json!("signal")), "{mode}");
    }
}

/// No connection is made: there is nothing to hold.
#[test]
fn what_is_not_connected_is_not_held() {
    let net = Netns::new();
    let _full = net.full_backlog("127.0.0.1:80");
    for (port, verdict) in
        [(80, "timed-out silence limit completion -"), (81, "refused rst peer completion ECONNREFUSED")]
    {
        let run = Run::of(rconnect(&net, &format!("-t 300ms --hold 5s 127.0.0.1 {port}")));
        assert_eq!((run.one().verdict().as_str(), &run.one().0["hold"]), (verdict, &json!(null)));
    }
}

/// A window that opens during the hold: a SYN proxy whose server took its time.
#[test]
fn a_window_that_opens_late_takes_the_doubt_away() {
    let net = Netns::new();
    let _peer = net.tun(|packet| match packet.port() {
        80 if packet.is_syn() => packet.syn_ack_then_window(8000, ms(200)),
        81 if packet.is_syn() => vec![packet.syn_ack().window(0)],
        _ => silence(),
    });
    for host in ["10.9.7.7", "fd09::7"] {
        assert_eq!(verdict(&net, &format!("{host} 80")), "connected zero-window - completion -");
        assert_eq!(hold(&net, &format!("{host} 80")).0, SERVED);
        assert_eq!(hold(&net, &format!("{host} 81")).0, "unserved zero-window limit hold -");
    }
}

/// Whoever completes the handshake and then says nothing cannot be told from a server that waits: the window is open.
#[test]
fn silence_behind_an_open_window_proves_nothing() {
    let net = Netns::new();
    let _peer = net.tun(|packet| vec![packet.syn_ack()]);
    assert_eq!(hold(&net, "10.9.7.7 80").0, SERVED);
}

/// Several addresses of a name: one of them is served.
#[test]
fn strategies_count_an_address_that_serves() {
    let net = Netns::new();
    let _served = net.listen("127.0.0.1:80");
    let _closing = net.accept_with("[::1]:80", drop);
    let run = |args: &str| {
        let args = format!("--hold 1s --resolve h.test:80:::1,127.0.0.1 {args} h.test 80");
        let run = Run::of(rconnect(&net, &args));
        let outcomes = run.attempts().map(|attempt| attempt.0["outcome"].as_str().unwrap_or("-").to_owned());
        (run.output.code(), outcomes.collect::<Vec<String>>())
    };
    assert_eq!(run(""), (0, vec!["closed-by-peer".into(), "connected".into()]));
    assert_eq!(run("--strategy first"), (0, vec!["closed-by-peer".into(), "connected".into()]));
    assert_eq!(run("--require all"), (4, vec!["closed-by-peer".into(), "connected".into()]));
    // The first connection of a race is the one that a browser uses.
    assert_eq!(run("--strategy race"), (4, vec!["closed-by-peer".into(), "skipped".into()]));
    assert_eq!(run("-6 --expect closed-by-peer"), (0, vec!["closed-by-peer".into()]));
    assert_eq!(run("-6 -r 2 --retry-delay 10ms").1, ["closed-by-peer"; 3]);
}

/// A proxy of users that accepts before it has asked the server.
#[test]
fn a_proxy_whose_server_refuses_closes() {
    let net = Netns::new();
    let listen = "TCP-LISTEN:80,bind=127.0.0.1,fork,reuseaddr";
    let _proxy = net.command("/usr/bin/socat").args([listen, "TCP:127.0.0.1:81"]).start();
    let connected = || net.enter(|| std::net::TcpStream::connect("127.0.0.1:80").is_ok());
    assert!((0..1000).any(|_| connected() || {
        std::thread::sleep(ms(10));
        false
    }));
    assert_eq!(verdict(&net, "127.0.0.1 80"), "connected - - completion -");
    let run = Run::of(rconnect(&net, "--hold 5s 127.0.0.1 80"));
    assert_eq!((run.one().verdict().as_str(), run.output.code()), (CLOSED_BY_PEER, 4));
}

#[test]
fn many_connections_are_held_at_once() {
    let net = Netns::new();
    let listeners: Vec<Listener> = (2000..2200).map(|port| net.listen(&format!("127.0.0.1:{port}"))).collect();
    let run = Run::of(rconnect(&net, "--hold 500ms 127.0.0.1 2000-2199").time_limit(ms(15_000)));
    assert!(run.attempts().all(|attempt| attempt.verdict() == SERVED));
    assert_eq!((run.targets.len(), listeners.len()), (200, 200));
    let cut = Run::of(rconnect(&net, "--per-host 200 --hold 20s --deadline 3s 127.0.0.1 2000-2199"));
    let ended = |attempt: Attempt| (attempt.0["outcome"].clone(), attempt.0["ended"].clone());
    cut.attempts().for_each(|attempt| assert_eq!(ended(attempt), (json!("connected"), json!("limit")), "{attempt:?}"));
    assert_eq!(cut.targets.len(), 200);
}

#[test]
fn a_wait_ends_when_the_port_is_served() {
    let (path, _listeners) = proxied(OPTIONS[0]);
    let server = path.server_address().v4;
    let waiting = rconnect(&path.client, &format!("--wait=15s -i 10ms --hold 200ms {server} {SILENT}")).start();
    std::thread::sleep(ms(600));
    path.server.unfilter();
    let _listener = path.server.listen(&format!("0.0.0.0:{SILENT}"));
    let run = Run::from(waiting.wait());
    let outcomes: Vec<_> = run.targets.iter().map(|target| target["outcome"].as_str().expect("a word")).collect();
    assert_eq!((run.output.code(), outcomes.first(), outcomes.last()), (0, Some(&"unserved"), Some(&"connected")));
}

#[test]
fn people_are_told_what_became_of_a_connection() {
    let net = Netns::new();
    let _servers = servers(&net);
    let say = |port: &str| net.command(RCONNECT).args(["--hold", "300ms", "127.0.0.1", port]).run().stdout;
    for (port, line) in [
        ("1", "127.0.0.1 closed the connection after"),
        ("3", " ms: nothing came"),
        ("4", r#""220 \\ gr\xc3\xbcn \xff\r\n""#),
        ("6", r#"ms: "bye""#),
    ] {
        let said = say(port);
        assert!(said.contains(line), "{port}: {said}");
        assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    }
}
