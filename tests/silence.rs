//! Why nothing came back: what this machine itself drops is named, and what it did not drop is never blamed on it.
#![cfg(target_os = "linux")]

mod lab;
mod support;

use std::time::Duration;

use lab::*;
use serde_json::{Value, json};
use support::*;

/// A client and a server on one link.
fn link() -> Topology {
    Topology::chain(0)
}

const SILENCE: &str = "timed-out silence limit completion -";

/// One attempt from a namespace, by its verdict and what was dropped here.
fn probe(command: Command) -> (String, Value) {
    let run = Run::of(command);
    let attempt = run.one();
    (attempt.verdict(), attempt.0["local_drop"].clone())
}

/// Both users, both families, each in a network of its own: nobody else moves the counters.
fn alone(arrange: impl Fn(&Topology) + Sync, check: impl Fn((String, Value)) + Sync) {
    at_once(&pairs(&[false, true], &[0, 1]), |&(nobody, family)| {
        let link = link();
        let _open = link.server_port(80).map(|at| link.server.listen(&at.to_string()));
        arrange(&link);
        let command = rconnect(&link.client, &format!("{} 80", link.server_address().both()[family]));
        check(probe(if nobody { command.nobody() } else { command }));
    });
}

#[test]
fn a_rule_for_what_goes_out() {
    alone(
        |link| link.client.filter("output", "tcp dport 80 drop"),
        |seen| {
            // A SYN each second, and the first one, which is not counted.
            let drop = json!({"where": "output", "count": 4, "certain": true});
            assert_eq!(seen, ("timed-out output-drop limit completion -".into(), drop));
        },
    );
}

#[test]
fn a_rule_for_what_comes_in() {
    for hook in ["input", "prerouting"] {
        alone(
            |link| link.client.filter(hook, "tcp sport 80 drop"),
            |(verdict, drop)| {
                assert_eq!(verdict, "timed-out input-drop limit completion -");
                assert_eq!(drop, json!({"where": "input", "count": 4, "certain": true}));
            },
        );
    }
}

/// The server goes on to repeat its answers to an attempt that is over.
#[test]
fn a_rule_for_what_comes_in_after_another_attempt() {
    alone(
        |link| {
            link.client.filter("input", "tcp sport 80 drop");
            let [v4, v6] = link.server_address().both();
            Run::of(rconnect(&link.client, &format!("-t 1100ms {v4}:80 [{v6}]:80")));
        },
        |(verdict, drop)| {
            assert_eq!(verdict, "timed-out input-drop limit completion -");
            assert_eq!((&drop["where"], &drop["certain"]), (&json!("input"), &json!(true)), "{drop}");
        },
    );
}

#[test]
fn nobody_answers() {
    alone(
        |link| link.server.filter("input", "tcp dport 80 drop"),
        |seen| assert_eq!(seen, (SILENCE.into(), Value::Null)),
    );
}

/// Two links: the client asks over one, the server answers over the other.
#[test]
fn the_answer_comes_by_another_interface() {
    at_once(&[false, true], |&nobody| {
        let [client, server] = [Netns::new(), Netns::new()];
        for (name, subnet) in [("one", 1), ("two", 2)] {
            client.ip(&format!("link add {name} type veth peer name {name} netns {}", server.path()));
            for (side, net) in [(1, &client), (2, &server)] {
                net.ip(&format!("link set {name} up\naddress add 10.{subnet}.0.{side}/24 dev {name}"));
            }
        }
        client.ip("link set two address 02:00:00:00:00:01\nroute add 10.9.9.9/32 via 10.1.0.2 src 10.2.0.1");
        // The filter drops questions of ARP, too.
        server.ip("address add 10.9.9.9/32 dev lo\nneighbour add 10.2.0.1 lladdr 02:00:00:00:00:01 dev two");
        client.sysctl("net/ipv4/conf/two/rp_filter", "1");
        let _open = server.listen("10.9.9.9:80");
        let command = rconnect(&client, "10.9.9.9 80");
        let (verdict, drop) = probe(if nobody { command.nobody() } else { command });
        assert_eq!(verdict, "timed-out reverse-path limit completion -");
        assert_eq!((&drop["where"], &drop["certain"]), (&json!("reverse-path"), &json!(true)), "{drop}");
    });
}

/// The kernel has no word for it, either.
#[test]
fn a_program_of_the_cgroup() {
    at_once(&[0, 1], |&family| {
        let link = link();
        let _open = link.server_port(80).map(|at| link.server.listen(&at.to_string()));
        let command = rconnect(&link.client, &format!("{} 80", link.server_address().both()[family]));
        let (verdict, drop) = probe(command.nobody().sandbox(Sandbox::cgroup_drops()));
        assert_eq!(verdict, "timed-out output-drop limit completion -");
        assert_eq!(drop, json!({"where": "output", "count": 4, "certain": true}));
    });
}

/// Both addresses of a host at the same time.
#[test]
fn both_families_of_a_host() {
    for (hook, rule) in [("output", "tcp dport 80 drop"), ("input", "tcp sport 80 drop")] {
        let link = link();
        let _open = link.server_port(80).map(|at| link.server.listen(&at.to_string()));
        link.client.filter(hook, rule);
        let [v4, v6] = link.server_address().both();
        let run = Run::of(rconnect(&link.client, &format!("{v4}:80 [{v6}]:80")));
        for attempt in run.attempts() {
            assert_eq!(attempt.0["local_drop"]["certain"], true, "{hook}: {}", attempt.0);
        }
    }
}

/// Each has its own packets.
#[test]
fn two_ports_of_a_host() {
    for hook in ["output", "input"] {
        let link = link();
        let _open = [80, 81].map(|port| link.server_port(port).map(|at| link.server.listen(&at.to_string())));
        link.client.filter(hook, if hook == "output" { "tcp dport 80-81 drop" } else { "tcp sport 80-81 drop" });
        let run = Run::of(rconnect(&link.client, &format!("{} 80,81", link.server_address().v4)));
        for port in [80, 81] {
            assert_eq!(run.port(port).0["local_drop"], json!({"where": hook, "count": 4, "certain": true}));
        }
    }
}

/// What is dropped here beside real silence, at the same moments: nobody can tell whose it was.
#[test]
fn another_attempt_that_begins_at_the_same_time() {
    for (hook, rule) in [("output", "tcp dport 80 drop"), ("input", "tcp sport 80 drop")] {
        let link = link();
        let _open = link.server_port(80).map(|at| link.server.listen(&at.to_string()));
        link.server.filter("input", "tcp dport 99 drop");
        link.client.filter(hook, rule);
        let run = Run::of(rconnect(&link.client, &format!("{} 80,99", link.server_address().v4)));
        assert_eq!(run.port(99).verdict(), SILENCE, "{hook}");
        assert_ne!(run.port(99).0["local_drop"]["certain"], true, "{hook}");
    }
}

/// Thousands of connects of somebody else fail in the same network, for each of the reasons, while nobody answers.
#[test]
fn the_drops_of_others_are_not_blamed() {
    let link = link();
    let _open = [80, 81].map(|port| link.server_port(port).map(|at| link.server.listen(&at.to_string())));
    link.server.filter("input", "tcp dport 99 drop");
    link.client.filter("output", "tcp dport 2000-9999 drop");
    link.client.filter("input", "tcp sport 10000-19999 drop");
    let [v4, v6] = link.server_address().both();
    let fails = |host, ports: &str| {
        let args = format!("-q -t 1500ms -j 2000 --per-host 2000 --rate 250 {host} {ports}");
        link.client.command(RCONNECT).args(args.split(' ')).start()
    };
    let noise = [v4, v6].map(|host| ["2000-9999", "10000-19999"].map(|ports| fails(host, ports)));
    at_once(&pairs(&[v4, v6], &[0; 10]), |&(host, _)| {
        let run = Run::of(rconnect(&link.client, &format!("{host} 99")).nobody());
        assert_eq!(run.one().verdict(), SILENCE);
        assert_eq!(run.one().0["local_drop"]["certain"], false, "others were dropped: {}", run.one().0);
    });
    drop(noise);
}

/// Without a second SYN there is nothing to compare.
#[test]
fn too_short_a_timeout() {
    let link = link();
    link.client.filter("output", "tcp dport 80 drop");
    let seen = probe(rconnect(&link.client, &format!("-t 900ms {} 80", link.server_address().v4)));
    assert_eq!(seen, (SILENCE.into(), Value::Null));
}

/// The call that waits leaves nobody to look.
#[test]
fn blocking_mode_looks_at_nothing() {
    let link = link();
    link.client.filter("output", "tcp dport 80 drop");
    let seen = probe(rconnect(&link.client, &format!("--mode blocking -t 2s {} 80", link.server_address().v4)));
    assert_eq!(seen, (SILENCE.into(), Value::Null));
}

#[test]
fn without_proc() {
    let link = link();
    link.client.filter("output", "tcp dport 80 drop");
    let hidden = format!("mount -t tmpfs none /proc && exec {RCONNECT} --json -t 2s {} 80", link.server_address().v4);
    let seen = probe(link.client.command("unshare").path().args(["-m", "sh", "-c", &hidden]));
    assert_eq!(seen, (SILENCE.into(), Value::Null));
}

/// Attempts that end together are asked about together, and each has its own answer: over an interface without neighbours,
/// by gateways that the port chooses, by neighbours and gateways that do not answer, and by no route at all, at once or
/// when it ends.
#[test]
fn many_silent_attempts_have_each_their_own_route() {
    const OF_EACH: usize = 60;
    let (net, nobody) = (Netns::new(), Netns::new());
    let peer = net.tun(|_| silence());
    net.ip(&format!("link add lan type veth peer name lan netns {}", nobody.path()));
    nobody.ip("link set lan up");
    net.ip("link set lan up
        address add 10.8.0.1/24 dev lan
        route add 198.51.1.0/24 via 10.9.0.77
        rule add ipproto tcp dport 443 lookup 100
        route add 198.51.1.0/24 via 10.9.0.88 table 100
        route add 198.51.2.0/24 via 10.8.0.99
        route add blackhole 198.51.3.0/24
        route add 198.51.4.0/24 dev tun0");
    let route = |interface: &str, gateway: Option<&str>, source: &str| json!({"kind": "unicast", "interface": interface, "gateway": gateway, "source": source, "error": null});
    let none = json!({"kind": null, "interface": null, "gateway": null, "source": null, "error": "EINVAL"});
    let unanswered = "timed-out neighbour-silent limit completion -";
    let ways: [(&str, u16, &str, Value); 8] = [
        ("10.9.1.", 80, SILENCE, route("tun0", None, "10.9.0.1")),
        ("fd09::1:", 80, SILENCE, route("tun0", None, "fd09::1")),
        ("198.51.1.", 80, SILENCE, route("tun0", Some("10.9.0.77"), "10.9.0.1")),
        ("198.51.1.", 443, SILENCE, route("tun0", Some("10.9.0.88"), "10.9.0.1")),
        ("198.51.2.", 80, unanswered, route("lan", Some("10.8.0.99"), "10.8.0.1")),
        ("10.8.0.", 80, unanswered, route("lan", None, "10.8.0.1")),
        ("198.51.3.", 80, "unreachable blackhole-route local connect EINVAL", none.clone()),
        ("198.51.4.", 81, SILENCE, none),
    ];
    let targets: String = (2..2 + OF_EACH)
        .flat_map(|host| {
            ways.iter().map(move |&(network, port, ..)| {
                if network.contains(':') {
                    format!("[{network}{host}]:{port}\n")
                } else {
                    format!("{network}{host}:{port}\n")
                }
            })
        })
        .collect();
    let running = rconnect(&net, "-t 1s -j 1000 --from -").stdin(&targets).start();
    peer.await_syns(81, OF_EACH);
    net.ip("route replace blackhole 198.51.4.0/24");
    let run = Run::from(running.wait());
    assert_eq!(run.targets.len(), OF_EACH * ways.len());
    for target in &run.targets {
        let (host, port) = (target["host"].as_str().expect("a host"), target["port"].as_u64().expect("a port"));
        let way = ways.iter().find(|way| host.starts_with(way.0) && port == u64::from(way.1)).expect("one of them");
        let attempt = only(target);
        let mut seen = attempt.0["route"].clone();
        seen["error"] = seen["error"]["name"].take();
        assert_eq!((attempt.verdict().as_str(), &seen), (way.2, &way.3), "{host} {port}");
    }
}

/// A socket that nobody answered is connected again. Nothing of its first attempt shows in the second one, also where the
/// answer comes just when it is given up.
#[test]
fn a_socket_that_was_given_up_is_as_good_as_new() {
    let net = Netns::new();
    let limit = Duration::from_millis(300);
    let late = move |answer: Answer, number: u64| {
        vec![answer.after(limit - Duration::from_micros(500) + Duration::from_micros(10 * (number % 200)))]
    };
    let mut number = 0;
    let _peer = net.tun(move |packet| {
        number += 1;
        match packet.port() {
            1 => vec![packet.syn_ack()],
            2 => vec![packet.reset()],
            3 => late(packet.icmp(3, 13).from("10.9.0.200"), number),
            4 => late(packet.syn_ack(), number),
            5 => late(packet.reset(), number),
            _ => silence(),
        }
    });
    // With the longer limit a second SYN is sent, and the answers that were late come in time.
    let sweeps = [("-t 300ms -j 256 10.9.64.0/23:1-8", 512 * 8, 1), ("-t 1200ms -j 256 10.9.66.0/25:1-8", 128 * 8, 2)];
    for (sweep, targets, most_syns) in sweeps {
        let run = Run::of(rconnect(&net, sweep).time_limit(Duration::from_secs(60)));
        assert_eq!(run.targets.len(), targets);
        run.targets.iter().for_each(|target| check_beside_silence(target, most_syns));
    }
}

/// One of those ports. A SYN is sent again only where nobody answered.
fn check_beside_silence(target: &Value, most_syns: u64) {
    let attempt = only(target);
    let verdict = attempt.verdict();
    let expected: &[&str] = match target["port"].as_u64() {
        Some(1) => &["connected - - completion -"],
        Some(2) => &["refused rst peer completion ECONNREFUSED"],
        Some(3) => {
            &[SILENCE, "denied prohibited router completion EHOSTUNREACH", "denied prohibited router completion -"]
        }
        Some(4) => &[SILENCE, "connected - - completion -"],
        Some(5) => &[SILENCE, "refused rst peer completion ECONNREFUSED"],
        _ => &[SILENCE],
    };
    assert!(expected.contains(&verdict.as_str()), "{target}");
    assert_eq!(attempt.0["icmp"].is_null(), !verdict.starts_with("denied"), "{target}");
    assert!((1..=if verdict == SILENCE { most_syns } else { 1 }).contains(&attempt.syns()), "{target}");
    assert_ne!(attempt.0["local_drop"]["certain"], true, "{target}");
}
