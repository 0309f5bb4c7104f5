//! Sweeps: every port of loopback, a million addresses, targets far away or silent, names, a rate; against `nc -z`, nmap,
//! and what the system alone takes.
#![cfg_attr(not(target_os = "linux"), no_main)]
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods)]

mod common;

use std::collections::BTreeSet;
use std::env;
use std::fs;
use std::net::{Ipv4Addr, SocketAddrV4, TcpListener};
use std::time::Duration;

use common::lab::{Netns, Packet, ms, silence};
use common::limit::Limit;
use common::{Contestant, Program, RCONNECT, Run, Sample, in_turn, machine, peak_megabytes};

/// Ports of loopback that listen.
const OPEN: usize = 52;

/// Most ports are closed, so the run as a whole ends with the code for refused.
const PORTS: &str = "127.0.0.1 1-65535";

/// 1,048,576 addresses of loopback, and a quarter of them. Nothing listens on port 9.
const MILLION: &str = "--yes 127.16.0.0/12:9";
const QUARTER: &str = "--yes 127.16.0.0/14:9";
const ADDRESSES_OF_QUARTER: u32 = 1 << 18;

/// 8,192 addresses behind an interface where nobody answers.
const SILENT: &str = "10.9.64.0/19:80";
const ADDRESSES_OF_SILENT: u32 = 1 << 13;

/// Every port of an address behind an interface, which answers after 10 ms.
const FAR: Ipv4Addr = Ipv4Addr::new(10, 9, 0, 2);

/// Names that are resolved, and lookups at the same time of what does nothing else.
const NAMES: usize = 10_000;
const LOOKUPS: usize = 32;

/// Kernel alone, with the same number in flight as rconnect has by default.
const LIMIT: Limit = Limit {
    name: "epoll",
    targets: 65_535,
    target: |number| SocketAddrV4::new(Ipv4Addr::LOCALHOST, number as u16 + 1),
    threads: 1,
    in_flight: 1000,
    again: false,
    timeout: None,
};

fn main() {
    let net = Netns::new();
    let _peer = net.tun(|packet: &Packet| match packet.destination {
        address if address == FAR && packet.is_syn() => vec![packet.reset().after(ms(10))],
        _ => silence(),
    });
    println!("Sweeps. {}.", machine());
    // cargo itself adds --bench.
    let sections: Vec<String> = env::args().skip(1).filter(|argument| !argument.starts_with('-')).collect();
    let wanted = |section: &str| sections.is_empty() || sections.iter().any(|one| one == section);
    net.enter(|| {
        let listeners: Vec<TcpListener> = (0..OPEN).map(|_| listen()).collect();
        // The last ones take memory of the benchmark itself, which hides a peak that is smaller.
        let local: [(&str, &dyn Fn()); 7] = [
            ("ports", &|| ports(&listeners)),
            ("million", &million),
            ("lists", &lists),
            ("silent", &silent),
            ("rates", &rates),
            ("far", &far),
            ("truth", &|| truth(&listeners)),
        ];
        local.iter().filter(|(section, _)| wanted(section)).for_each(|(_, run)| run());
    });
    if wanted("names") {
        names(&net);
    }
}

fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listening socket");
    listener.set_nonblocking(true).expect("a nonblocking socket");
    listener
}

fn rconnect(args: &str, code: i32) -> Program {
    Program::new(RCONNECT, args, code)
}

/// A row for each contestant: its time, its time ÷ that of each reference, its peak. The goals are those of the first row.
fn table(names: &[&dyn Contestant], runs: &[Vec<Run>], references: &[usize], goals: &[&str], most: &str) {
    print!("{:<20} {:<19}", "", "s (quartiles)");
    references.iter().for_each(|&at| print!(" {:<19}", format!("÷ {}", names[at].name())));
    println!(" {:>7}", "peak MB");
    for (contestant, series) in names.iter().zip(runs) {
        let seconds: Sample = series.iter().map(|run| run.wall.as_secs_f64()).collect();
        print!("{:<20} {:<19}", contestant.name(), seconds.quartiles());
        references.iter().for_each(|&at| print!(" {:<19}", Sample::ratio(series, &runs[at]).quartiles()));
        println!(" {:>7}", peak_megabytes(series));
    }
    print!("{:<20} {:<19}", format!("goal of {}", names[0].name()), "");
    goals.iter().for_each(|goal| print!(" {goal:<19}"));
    println!(" {most:>7}");
}

fn ports(listeners: &[TcpListener]) {
    println!("\n65,535 ports of 127.0.0.1, {OPEN} of them open\n");
    let contestants: [&dyn Contestant; 7] = [
        &rconnect(&format!("--json {PORTS}"), 4).called("rconnect --json"),
        &rconnect(&format!("-q {PORTS}"), 4).called("rconnect -q"),
        &Program::new("nc", "-z 127.0.0.1 1-65535", 0).called("nc -z"),
        &Program::new("nmap", "-sT -n -Pn -p 1-65535 127.0.0.1", 0),
        &Program::new("nmap", "-sT -n -Pn -T5 --min-rate 100000 --max-retries 0 -p 1-65535 127.0.0.1", 0)
            .called("nmap tuned"),
        &LIMIT,
        &Limit { name: "epoll again, 2", threads: 2, again: true, ..LIMIT },
    ];
    let take = || listeners.iter().for_each(|listener| while listener.accept().is_ok() {});
    let runs = in_turn(7, 1, &contestants, take);
    table(&contestants, &runs, &[2, 3, 4, 5, 6], &["≤ 0.65", "≤ 0.50", "≤ 0.50", "", ""], "≤ 8");
}

/// What one sweep calls open, and what is.
fn truth(listeners: &[TcpListener]) {
    let open: BTreeSet<u64> = listeners.iter().map(port).collect();
    let output = rconnect(&format!("--json {PORTS}"), 4).output();
    let (mut reports, mut connected) = (0, BTreeSet::new());
    for report in serde_json::Deserializer::from_slice(&output.stdout).into_iter::<serde_json::Value>() {
        let report = report.expect("a line of JSON");
        reports += 1;
        connected.extend(report["port"].as_u64().filter(|_| report["outcome"] == "connected"));
    }
    println!(
        "\n65,535 ports of 127.0.0.1: {reports} reports, {} ports called open, {} of them wrongly, {} open ones missed",
        connected.len(),
        connected.difference(&open).count(),
        open.difference(&connected).count()
    );
}

fn port(listener: &TcpListener) -> u64 {
    listener.local_addr().expect("its address").port().into()
}

/// An address of 127.16.0.0/12.
fn of_million(number: u32) -> SocketAddrV4 {
    SocketAddrV4::new(Ipv4Addr::from((127 << 24) + (16 << 16) + number), 9)
}

fn million() {
    println!("\n1,048,576 addresses of loopback, all refused\n");
    let limit = Limit { targets: 1 << 20, target: of_million, ..LIMIT };
    let contestants: [&dyn Contestant; 3] = [
        &rconnect(&format!("--json {MILLION}"), 4).called("rconnect --json"),
        &limit,
        &Limit { name: "epoll again, 2", threads: 2, again: true, ..limit },
    ];
    let runs = in_turn(3, 0, &contestants, || ());
    table(&contestants, &runs, &[1, 2], &["≤ 0.65", "≤ 2.60"], "≤ 12");
}

/// The same targets as a network, as a file, and as a stream.
fn lists() {
    println!("\n{ADDRESSES_OF_QUARTER} addresses of loopback, all refused\n");
    let file = env::temp_dir().join(format!("rconnect-sweep-{}", std::process::id()));
    let lines: String = (0..ADDRESSES_OF_QUARTER).map(|number| format!("{}\n", of_million(number))).collect();
    fs::write(&file, lines).expect("a file of targets");
    let contestants: [&dyn Contestant; 3] = [
        &rconnect("--json --from -", 4).fed_by(&file).called("cat | … --from -"),
        &rconnect(&format!("--json --from {}", file.display()), 4).called("--from FILE"),
        &rconnect(&format!("--json {QUARTER}"), 4).called("network"),
    ];
    let runs = in_turn(5, 0, &contestants, || ());
    table(&contestants, &runs, &[1, 2], &["≤ 1.30", ""], "≤ 12");
    let _ = fs::remove_file(file);
}

/// A round trip of 10 ms. The peer is a thread of this benchmark, which takes its part of the processors from all of them.
fn far() {
    println!("\n65,535 ports of an address 10 ms away, 1,000 attempts in flight\n");
    let limit = Limit { target: |number| SocketAddrV4::new(FAR, number as u16 + 1), ..LIMIT };
    let ports = format!("-j 1000 {FAR} 1-65535");
    let contestants: [&dyn Contestant; 3] = [
        &rconnect(&format!("--json {ports}"), 4).called("rconnect --json"),
        &rconnect(&format!("-q {ports}"), 4).called("rconnect -q"),
        &limit,
    ];
    let runs = in_turn(5, 1, &contestants, || ());
    table(&contestants, &runs, &[2], &["≤ 1.05"], "");
}

/// What the processor has to do for a target that nobody answers.
fn silent() {
    println!("\n{ADDRESSES_OF_SILENT} addresses that stay silent, timeout 1 s\n");
    println!("{:<22} {:<22} {:<19} {:>7}", "", "CPU µs/target", "÷ floor of time", "peak MB");
    let target = |number| SocketAddrV4::new(Ipv4Addr::from((10 << 24) + (9 << 16) + (64 << 8) + number), 80);
    let limit = Limit { targets: ADDRESSES_OF_SILENT, target, timeout: Some(Duration::from_secs(1)), ..LIMIT };
    for in_flight in [1024, 4096] {
        let contestants: [&dyn Contestant; 2] =
            [&rconnect(&format!("--json -t 1s -j {in_flight} {SILENT}"), 5), &Limit { in_flight, ..limit }];
        let runs = in_turn(3, 0, &contestants, || ());
        let floor = f64::from(ADDRESSES_OF_SILENT) / in_flight as f64;
        for (contestant, series) in contestants.iter().zip(&runs) {
            let cpu: Sample =
                series.iter().map(|run| run.cpu.as_secs_f64() * 1e6 / f64::from(ADDRESSES_OF_SILENT)).collect();
            let time: Sample = series.iter().map(|run| run.wall.as_secs_f64() / floor).collect();
            let peak = peak_megabytes(series);
            let name = format!("{}, -j {in_flight}", contestant.name());
            println!("{name:<22} {:<22} {:<19} {peak:>7}", cpu.quartiles(), format!("{:.3}", time.median()));
        }
    }
    println!("{:<22} {:<22} {:<19} {:>7}", "goal of rconnect", "≤ 15", "≤ 1.01, ≤ 1.03", "≤ 8");
}

/// Starts a second that `--rate` reaches.
fn rates() {
    println!("\n--rate N with -q, {ADDRESSES_OF_QUARTER} addresses of loopback\n");
    println!("{:<20} {:<24}   goal", "", "starts/s ÷ N");
    for rate in [20_000, 50_000] {
        let program = rconnect(&format!("-q --rate {rate} {QUARTER}"), 4);
        let reached: Sample = (0..3)
            .map(|_| f64::from(ADDRESSES_OF_QUARTER - 1) / program.run().wall.as_secs_f64() / f64::from(rate))
            .collect();
        println!("{:<20} {:<24}   0.97 to 1.00", format!("--rate {rate}"), reached.quartiles());
    }
}

/// A command line for the nameserver of the lab.
struct Asking<'a> {
    net: &'a Netns,
    label: &'static str,
    line: String,
    code: i32,
}

impl Contestant for Asking<'_> {
    fn name(&self) -> String {
        self.label.into()
    }

    fn run(&self) -> Run {
        let shell = self.net.command("/bin/sh").args(["-c", &format!("exec {}", self.line)]).path();
        let output = shell.resolver("timeout:5").time_limit(Duration::from_secs(60)).run();
        assert_eq!(output.code(), self.code, "{}: {}", self.line, output.stderr);
        Run { wall: output.elapsed, cpu: Duration::ZERO, rss: None }
    }
}

/// A list of names: each of them is one lookup, and one connect that is refused. getent(1) does the lookup alone.
fn names(net: &Netns) {
    println!("\n{NAMES} names, a nameserver of this benchmark\n");
    let _dns = net.dns();
    let file = env::temp_dir().join(format!("rconnect-names-{}", std::process::id()));
    fs::write(&file, (0..NAMES).map(|number| format!("v4.n{number}.test\n")).collect::<String>()).expect("a list");
    let list = file.display();
    let share = NAMES.div_ceil(LOOKUPS);
    let contestants: [&dyn Contestant; 2] = [
        &Asking { net, label: "rconnect --json", line: format!("{RCONNECT} --json -p 9 --from {list}"), code: 4 },
        &Asking {
            net,
            label: "32 × getent",
            line: format!("xargs -a {list} -P {LOOKUPS} -n {share} getent ahosts"),
            code: 0,
        },
    ];
    let runs = in_turn(3, 1, &contestants, || ());
    table(&contestants, &runs, &[1], &["≤ 1.30"], "");
    let _ = fs::remove_file(file);
}
