//! Races as a browser runs them: dead, refused, slow and missing families, paired with the curl of this system.
//!
//! Debian's package curl must be installed; where it is missing its test fails.
#![cfg(target_os = "linux")]

mod lab;
mod support;

use std::collections::HashMap;
use std::net::IpAddr;
use std::path::Path;

use lab::*;
use serde_json::{Value, json};
use support::{RCONNECT, Run, at_once, rconnect};

const CURL: &str = "/usr/bin/curl";

/// How an address behaves.
#[derive(Debug, Clone, Copy)]
enum Way {
    Open,
    Slow,
    Refuses,
    Dead,
}

use Way::*;

/// The addresses of a host, and which one wins; global ones, which RFC 6724 and every older table order alike.
struct Case {
    name: &'static str,
    host: &'static str,
    addresses: &'static [(&'static str, Way)],
    winner: &'static str,
}

const V4: &str = "192.0.2.9";
const V6: &str = "2001:db8::9";

#[rustfmt::skip] // one case a line
const CASES: &[Case] = &[
    Case { name: "dead v6", host: "a.test", addresses: &[(V6, Dead), (V4, Open)], winner: V4 },
    Case { name: "refused v6", host: "b.test", addresses: &[(V6, Refuses), (V4, Open)], winner: V4 },
    Case { name: "slow v6", host: "c.test", addresses: &[(V6, Slow), (V4, Open)], winner: V4 },
    Case {
        name: "three dead v6", host: "d.test",
        addresses: &[("2001:db8::7", Dead), ("2001:db8::8", Dead), (V6, Dead), (V4, Open)], winner: V4,
    },
    Case { name: "v4 only", host: "e.test", addresses: &[(V4, Open)], winner: V4 },
    Case { name: "v6 only", host: "f.test", addresses: &[(V6, Open)], winner: V6 },
    Case { name: "dead v4", host: "g.test", addresses: &[(V6, Open), (V4, Dead)], winner: V6 },
    Case { name: "slow AAAA", host: "aaaaslow-1500.test", addresses: &[(V6, Dead), (V4, Open)], winner: V4 },
];

fn case(name: &str) -> &'static Case {
    CASES.iter().find(|case| case.name == name).expect("a case")
}

/// A network in which the addresses of a case behave so, and a name server that knows them.
struct World {
    net: Netns,
    _dns: Dns,
    _peer: Box<dyn std::any::Any>,
}

impl World {
    fn of(case: &Case) -> World {
        World::with(case.host, case.addresses)
    }

    fn with(host: &str, addresses: &[(&str, Way)]) -> World {
        let net = Netns::new();
        let ways: HashMap<IpAddr, Way> =
            addresses.iter().map(|(address, way)| (address.parse().expect("an address"), *way)).collect();
        let peer = net.tun(move |packet| match ways.get(&packet.destination) {
            _ if !packet.is_syn() => silence(),
            Some(Open) => packet.syn_ack_then_fin(),
            Some(Slow) => vec![packet.syn_ack().after(ms(1500))],
            Some(Refuses) => vec![packet.reset()],
            Some(Dead) | None => silence(),
        });
        net.ip("address add 192.0.2.1/24 dev tun0\naddress add 2001:db8::1/64 dev tun0 nodad\n");
        net.await_addresses();
        let dns = net.dns();
        for (address, _) in addresses {
            dns.record(host, address);
        }
        World { net, _dns: dns, _peer: Box::new(peer) }
    }

    fn race(&self, args: &str) -> Value {
        let run = Run::of(rconnect(&self.net, &format!("--strategy race {args}")).resolver("timeout:5").nobody());
        run.one_target().clone()
    }
}

/// The address that connected.
fn winner(target: &Value) -> &str {
    let attempts = target["attempts"].as_array().expect("attempts");
    let winners: Vec<&Value> = attempts.iter().filter(|attempt| attempt["outcome"] == "connected").collect();
    let [winner] = winners[..] else { panic!("not one winner: {target:#}") };
    winner["address"].as_str().expect("an address")
}

/// `address outcome` of each attempt, in order.
fn outcomes(target: &Value) -> Vec<String> {
    let word = |attempt: &Value, key: &str| attempt[key].as_str().expect(key).to_owned();
    let attempts = target["attempts"].as_array().expect("attempts").iter();
    attempts.map(|attempt| format!("{} {}", word(attempt, "address"), word(attempt, "outcome"))).collect()
}

#[test]
fn the_winner_is_that_of_curl() {
    assert!(Path::new(CURL).exists(), "this test needs {CURL}: install Debian's package curl");
    at_once(CASES, |case| {
        let world = World::of(case);
        let target = world.race(&format!("{} 80", case.host));
        assert_eq!(winner(&target), case.winner, "{}: {target:#}", case.name);
        let url = format!("http://{}/", case.host);
        let args = ["-q", "--silent", "--noproxy", "*", "--max-time", "15", "--write-out", "%{remote_ip}", &url];
        let curl = world.net.command(CURL).args(args).path().resolver("timeout:5").run();
        assert_eq!(curl.stdout, case.winner, "{}: {curl:?}", case.name);
    });
}

/// "One recommended value for a default delay is 250 milliseconds." (RFC 8305 section 5)
#[test]
fn a_dead_family_costs_the_attempt_delay_and_no_more() {
    for name in ["dead v6", "three dead v6"] {
        let case = case(name);
        let target = World::of(case).race(&format!("{} 80", case.host));
        let elapsed = target["elapsed_us"].as_u64().expect("a number");
        assert!((250_000..1_000_000).contains(&elapsed), "{name}: {target:#}");
        assert_eq!(target["partial"], false, "{name}: a cancelled attempt has not failed");
    }
}

#[test]
fn the_loser_is_cancelled_with_what_is_known_of_it() {
    let case = case("dead v6");
    let target = World::of(case).race(&format!("--attempt-delay 100ms {} 80", case.host));
    assert_eq!(outcomes(&target), [format!("{V6} cancelled"), format!("{V4} connected")]);
    let loser = &target["attempts"][0];
    let known = ["ended", "by", "cause", "error", "reason", "syns", "phase"].map(|key| loser[key].clone());
    let expected = json!(["race", null, null, null, "another address connected first", 1, "completion"]);
    assert_eq!(json!(known), expected);
    let started = |index: usize| target["attempts"][index]["started_us"].as_u64().expect("a number");
    assert!(started(1) - started(0) >= 100_000, "{target:#}");
    assert!(loser["elapsed_us"].as_u64().expect("a number") >= 100_000, "{target:#}");
}

/// An attempt that failed is not waited for.
#[test]
fn a_refusal_starts_the_next_address_at_once() {
    let case = case("refused v6");
    let target = World::of(case).race(&format!("--attempt-delay 2s {} 80", case.host));
    assert_eq!(outcomes(&target), [format!("{V6} refused"), format!("{V4} connected")]);
    assert!(target["elapsed_us"].as_u64().expect("a number") < 2_000_000, "{target:#}");
    assert_eq!(target["partial"], true);
}

/// "The recommended value for the Resolution Delay is 50 milliseconds." (RFC 8305 section 3)
#[test]
fn a_slow_query_for_ipv6_addresses_is_not_waited_for() {
    let world = World::with("aaaaslow-3000.test", &[(V6, Open), (V4, Open)]);
    let target = world.race("aaaaslow-3000.test 80");
    assert_eq!(outcomes(&target), [format!("{V4} connected")]);
    let resolve = &target["resolve"];
    assert_eq!(json!([resolve["addresses"], resolve["unanswered"], resolve["error"]]), json!([1, "ipv6", null]));
    let elapsed = resolve["elapsed_us"].as_u64().expect("a number");
    assert!((50_000..3_000_000).contains(&elapsed), "{target:#}");
}

#[test]
fn addresses_that_come_late_join_the_race() {
    let world = World::with("aaaaslow-400.test", &[(V6, Open), (V4, Dead)]);
    let target = world.race("aaaaslow-400.test 80");
    assert_eq!(outcomes(&target), [format!("{V4} cancelled"), format!("{V6} connected")]);
    assert_eq!(json!([target["resolve"]["addresses"], target["resolve"]["unanswered"]]), json!([2, null]));
}

#[test]
fn a_family_whose_lookup_fails_is_told_and_hides_nothing() {
    let net = Netns::new();
    let (_dns, _open) = (net.dns(), net.listen("127.0.0.2:80"));
    let args = "--strategy race aaaaservfail.test 80";
    let run = Run::of(rconnect(&net, args).resolver("timeout:1 attempts:1").nobody());
    let resolve = &run.one_target()["resolve"];
    let known = json!([resolve["addresses"], resolve["error"]["name"], resolve["cause"], resolve["family"]]);
    assert_eq!((run.output.code(), known), (0, json!([1, "EAI_AGAIN", "resolver-again", "ipv6"])));
    let people = net.command(RCONNECT).args(args.split(' ')).resolver("timeout:1 attempts:1").run();
    assert!(people.stdout.contains("IPv6: EAI_AGAIN -3"), "{people:?}");
    for name in ["nx", "nodata"] {
        let args = format!("--strategy race {name}.test 80");
        let run = Run::of(rconnect(&net, &args).resolver("timeout:1 attempts:1").nobody());
        assert_eq!((run.output.code(), &run.one_target()["resolve"]["family"]), (3, &Value::Null), "{name}");
    }
}

/// Only a race asks for the families apart.
#[test]
fn other_strategies_and_one_family_ask_once() {
    let net = Netns::new();
    let dns = net.dns();
    for args in ["--strategy first v4.test 80", "--strategy race -4 v4.test 81"] {
        let _ = Run::of(rconnect(&net, args).resolver("timeout:1 attempts:1").nobody());
    }
    assert_eq!(dns.queries().iter().filter(|query| *query == "v4.test A").count(), 2, "{:?}", dns.queries());
    assert_eq!(dns.queries().iter().filter(|query| *query == "v4.test AAAA").count(), 1, "{:?}", dns.queries());
}

#[test]
fn with_v_people_see_the_race() {
    let case = case("dead v6");
    let world = World::of(case);
    let run = world.net.command(RCONNECT).args(["--strategy", "race", "-v", case.host, "80"]).resolver("").run();
    let line = |start: &str, end: &str| {
        run.stdout.lines().any(|line| line.starts_with(start) && line.ends_with(end) && line.is_ascii())
    };
    // The bar begins where the lookup ended.
    assert!(line("    2001:db8::9  ", "==x  cancelled"), "{run:?}");
    assert!(line("    192.0.2.9      ", "*  connected"), "{run:?}");
    assert!(run.stdout.contains("\n  browsers use 192.0.2.9, "), "{run:?}");
    assert!(run.stdout.contains(" after the start: IPv6 costs them "), "{run:?}");
}
