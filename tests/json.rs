//! What programs read: every shape of run as JSON lines that fit the committed schema, and as CSV whose rows are as
//! long as its header.
#![cfg(target_os = "linux")]

mod lab;

use std::collections::BTreeSet;

use jsonschema::Validator;
use lab::*;
use serde_json::{Value, json};

const RCONNECT: &str = env!("CARGO_BIN_EXE_rconnect");
const SCHEMA: &str = include_str!("../schema/rconnect-1.schema.json");

/// A machine with an open port (8080), a nameserver and a peer behind a TUN interface.
struct Machine {
    net: Netns,
    _servers: Vec<Listener>,
    _dns: Dns,
    peer: TunPeer,
}

impl Machine {
    fn new() -> Machine {
        let net = Netns::new();
        let peer = net.tun(|packet| match packet.port() {
            80 => vec![packet.syn_ack()],
            81 => vec![packet.icmp(3, 1).from("192.0.2.1")],
            82 => vec![packet.icmp(3, 13)],
            83 if packet.nth == 1 => vec![packet.icmp(3, 4)],
            84 if packet.is_syn() => packet.crossing_syn_then_reset(),
            _ => silence(),
        });
        net.ip("route add prohibit 198.51.100.0/24\nroute add blackhole 203.0.113.0/24");
        let servers = vec![
            net.listen("127.0.0.1:8080"),
            net.listen("127.0.0.2:8080"),
            net.listen("[::1]:8080"),
            net.udp_echo("127.0.0.1:7"),
        ];
        let dns = net.dns();
        dns.record("half.test", "127.0.0.2").record("half.test", "2001:db8::5");
        Machine { net, _servers: servers, _dns: dns, peer }
    }

    fn command(&self, format: &str, args: &str) -> Command {
        let args = format.split(' ').chain(args.split_whitespace());
        self.net.command(RCONNECT).args(args).resolver("timeout:1 attempts:1")
    }

    /// One run of each shape in this format.
    fn runs(&self, format: &str) -> Vec<(String, Output)> {
        let plain = RUNS.iter().map(|args| ((*args).to_string(), self.command(format, args)));
        let no_ipv4 = Sandbox::family_fails(libc::AF_INET, Errno::EAFNOSUPPORT);
        let sandboxed = [
            ("family missing", "127.0.0.1 8080", no_ipv4),
            ("connect forbidden", "127.0.0.1 8080", Sandbox::connect_fails(Errno::EPERM)),
            ("code of no table", "127.0.0.1 8080", Sandbox::connect_fails(Errno::EXFULL)),
            ("descriptors", "127.0.0.1 8080", Sandbox::socket_fails(Errno::EMFILE)),
        ];
        let sandboxed =
            sandboxed.map(|(name, args, sandbox)| (name.into(), self.command(format, args).sandbox(sandbox)));
        let mut runs: Vec<_> = plain.chain(sandboxed).map(|(name, command)| (name, command.run())).collect();
        runs.push(("interrupted".into(), self.interrupted(format)));
        runs
    }

    fn interrupted(&self, format: &str) -> Output {
        let before = self.peer.syns(99);
        let running = self.command(format, "-v -t none -j 1 --resolve x:99:10.9.7.7,10.9.7.8 x 99").start();
        self.peer.await_syns(99, before + 1);
        running.signal(Signal::SIGINT);
        running.wait()
    }
}

const RUNS: &[&str] = &[
    // TCP, and what it can come to.
    "127.0.0.1 8080",
    "-v ::1 8080",
    "-v -m blocking 127.0.0.1 8080,9",
    "127.0.0.1:8080,9 [::1]:9 http://127.0.0.1:8080/",
    "127.0.0.0/30:9",
    "-r 2 --retry-delay 1ms 127.0.0.1 9",
    "-v -t 50ms 10.9.7.7 98",
    "-v -t 50ms -m blocking 10.9.7.7 98",
    "10.9.7.7:80,81,82",
    "-v -t 50ms 10.9.7.7:83",
    "-v 10.9.7.7:84",
    "-v 192.0.2.1 80",
    "198.51.100.1 80",
    "203.0.113.1 80",
    "224.0.0.1 80",
    "-s 192.0.2.9 127.0.0.1 8080",
    "-s 127.0.0.1 10.9.7.7 80",
    "--reset-on-close -s 127.0.0.1:9 127.0.0.1:9",
    "-I nodev 127.0.0.1 8080",
    "-t 50ms --deadline 20ms --resolve x:99:10.9.7.7,10.9.7.8 -j 1 x 99",
    // UDP.
    "-v -u 127.0.0.1 7",
    "-v -u 127.0.0.1 9",
    "-u -t 50ms 10.9.7.7 98",
    "-u 10.9.255.255 98",
    // Names.
    "dual.test 8080",
    "--resolve db.test:8080:127.0.0.1,::1,127.0.0.3 db.test 8080",
    "--strategy first dual.test 8080",
    "--strategy race dual.test 8080",
    "--strategy race half.test 8080",
    "--strategy race nx.test 8080",
    "--require all half.test 8080",
    "--strict half.test 8080",
    "duplicates.test 8080",
    "unspec.test 8080",
    "Bücher.test 80",
    "nx.test 80",
    "nodata.test 80",
    "servfail.test 80,81",
    "--resolve-timeout 50ms timeout.test 80",
    "-4 ::1 80",
    "fe80::1%nodev 80",
    // Rounds.
    "-c 3 -i 10ms 127.0.0.1:8080,9 half.test:8080 nx.test:80",
    "-c 2 -i 10ms -v -u 127.0.0.1:7,9",
    "-c 2 -i 10ms 10.9.7.7:82",
    // The path.
    "--trace -t 50ms 10.9.7.7 80",
    "--trace -t 50ms 127.0.0.1 9",
];

/// New keys may come, so the schema allows unknown ones; what this version writes must all be described.
fn closed(mut schema: Value) -> Value {
    if let Value::Object(map) = &mut schema {
        if map.contains_key("properties") {
            map.insert("additionalProperties".into(), json!(false));
        }
        map.values_mut().for_each(|value| *value = closed(value.take()));
    }
    schema
}

fn validator() -> Validator {
    let schema = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    jsonschema::validator_for(&closed(schema)).expect("a schema")
}

/// "A JSON Schema (draft 2020-12) is committed, printed by `--generate json-schema`"
#[test]
fn the_schema_printed_is_the_one_committed() {
    let printed = Netns::new().command(RCONNECT).args(["--generate", "json-schema"]).run();
    assert_eq!((printed.code(), printed.stdout.as_str(), printed.stderr.as_str()), (0, SCHEMA, ""));
}

/// "output is validated against it in tests"
#[test]
fn every_line_of_json_fits_the_schema() {
    let (machine, validator) = (Machine::new(), validator());
    let mut seen = BTreeSet::new();
    let mut statistics = 0;
    for (name, output) in machine.runs("--json") {
        assert!(!output.stdout.is_empty() && output.stdout.ends_with('\n'), "{name}: {output:?}");
        for line in output.stdout.lines() {
            let value: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{name}: {error}: {line}"));
            let errors: Vec<_> =
                validator.iter_errors(&value).map(|error| format!("{error} at {}", error.instance_path())).collect();
            assert!(errors.is_empty(), "{name}: {errors:?}\n{value:#}");
            if value["record"] == "statistics" {
                statistics += 1;
                continue;
            }
            let attempts = value["attempts"].as_array().expect("attempts").iter();
            seen.extend(attempts.chain([&value]).map(|part| part["outcome"].as_str().expect("a word").to_owned()));
        }
    }
    assert_eq!(statistics, RUNS.iter().filter(|args| args.contains("-c ")).count());
    let every = [
        "connected",
        "refused",
        "timed-out",
        "unreachable",
        "denied",
        "unavailable",
        "unsupported",
        "invalid",
        "reset",
        "self-connected",
        "unconfirmed",
        "interrupted",
        "skipped",
        "unresolved",
        "failed",
    ];
    assert_eq!(seen, every.map(String::from).into(), "nothing is validated that does not occur");
}

/// "one object a line, one line a target (host and one port)"
#[test]
fn there_is_a_line_for_each_target() {
    let machine = Machine::new();
    let output = machine.command("--json", "127.0.0.1:8080,9 127.0.0.0/30:10 dual.test:8080").run();
    let lines: Vec<Value> = output.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let mut targets: Vec<_> = lines.iter().map(|line| line["target"].as_str().unwrap()).collect();
    targets.sort();
    let expected = [
        "127.0.0.0:10",
        "127.0.0.1:10",
        "127.0.0.1:8080",
        "127.0.0.1:9",
        "127.0.0.2:10",
        "127.0.0.3:10",
        "dual.test:8080",
    ];
    assert_eq!(targets, expected);
}

#[test]
fn every_row_of_csv_is_as_long_as_the_header() {
    let machine = Machine::new();
    let mut headers = BTreeSet::new();
    for (name, output) in machine.runs("-o csv") {
        // A row of another length is an error of this reader.
        let mut reader = csv::ReaderBuilder::new().flexible(false).from_reader(output.stdout.as_bytes());
        let header = reader.headers().unwrap().clone();
        let rows: Vec<csv::StringRecord> =
            reader.records().map(|row| row.unwrap_or_else(|e| panic!("{name}: {e}"))).collect();
        assert!(!rows.is_empty(), "{name}: {output:?}");
        let outcome = header.iter().position(|column| column == "outcome").expect("a column");
        assert!(rows.iter().all(|row| !row[outcome].is_empty() && row.len() == header.len()), "{name}");
        headers.insert(header.iter().map(String::from).collect::<Vec<_>>());
    }
    assert_eq!(headers.len(), 1, "the columns depend on nothing");
}

/// The two forms say the same.
#[test]
fn csv_has_a_row_for_each_attempt_of_json() {
    let machine = Machine::new();
    for args in ["127.0.0.1:8080,9", "dual.test 8080", "--strict half.test 8080", "nx.test 80", "10.9.7.7 82"] {
        let json = machine.command("--json", args).run();
        let csv = machine.command("-o csv", args).run();
        assert_eq!(json.code(), csv.code(), "{args}");
        let mut expected = Vec::new();
        for target in json.stdout.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
            let word = |value: &Value| value.as_str().unwrap_or("").to_owned();
            let attempts = target["attempts"].as_array().unwrap();
            let row = |attempt: &Value| {
                let attempt = ["address", "outcome", "by", "cause"].map(|key| word(&attempt[key]));
                (word(&target["target"]), word(&target["outcome"]), attempt)
            };
            expected.extend(attempts.iter().map(row));
            if attempts.is_empty() {
                let [by, cause] = ["by", "cause"].map(|key| word(&target["resolve"][key]));
                let lookup = [String::new(), String::new(), by, cause];
                expected.push((word(&target["target"]), word(&target["outcome"]), lookup));
            }
        }
        let mut reader = csv::Reader::from_reader(csv.stdout.as_bytes());
        let header = reader.headers().unwrap().clone();
        let mut rows = Vec::new();
        for row in reader.records().map(Result::unwrap) {
            let cell = |name: &str| row[header.iter().position(|column| column == name).unwrap()].to_owned();
            rows.push((cell("target"), cell("outcome"), ["address", "attempt_outcome", "by", "cause"].map(cell)));
        }
        expected.sort();
        rows.sort();
        assert_eq!(rows, expected, "{args}");
    }
}
