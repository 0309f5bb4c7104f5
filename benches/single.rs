//! One probe against `nc -z`: time, system calls, instructions, memory, and how late a limit comes.
//!
//! RCONNECT_STATIC=PROGRAM measures a static build beside it (`.ci/static` makes one).
#![cfg_attr(not(target_os = "linux"), no_main)]
#![cfg(target_os = "linux")]
#![allow(clippy::disallowed_methods)]

mod common;

use std::env;
use std::fs;
use std::net::TcpListener;
use std::time::Duration;

use common::lab::{Netns, silence};
use common::{Contestant, Program, RCONNECT, Run, Sample, in_turn, machine, peak_megabytes};

const ROUNDS: usize = 1000;
const WARMUP: usize = 20;
/// Each of these waits for a second.
const DEADLINES: usize = 10;

fn main() {
    let net = Netns::new();
    // 10.9.0.0/16 is a network in which nobody answers.
    let _silence = net.tun(|_| silence());
    println!("One probe. {}.\n", machine());
    net.enter(|| {
        let open = Open::new();
        times(&open);
        counts(&open);
        deadlines();
    });
}

/// A listening socket on loopback whose connections are taken when nobody is measured.
struct Open(TcpListener);

impl Open {
    fn new() -> Open {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a listening socket");
        listener.set_nonblocking(true).expect("a nonblocking socket");
        Open(listener)
    }

    fn port(&self) -> u16 {
        self.0.local_addr().expect("its address").port()
    }

    fn take(&self) {
        while self.0.accept().is_ok() {}
    }
}

/// The program under test, its static build if there is one, and nc; all with these arguments.
fn contestants(args: &str, code: i32, nc_code: i32) -> Vec<(&'static str, Program)> {
    let fixed = env::var("RCONNECT_STATIC").ok();
    let fixed = fixed.map(|path| ("static", Program::new(&path, args, code)));
    let nc = Program::new("nc", &format!("-z {args}"), nc_code);
    [("dynamic", Program::new(RCONNECT, args, code))].into_iter().chain(fixed).chain([("nc -z", nc)]).collect()
}

fn times(open: &Open) {
    println!("{:<20} {:<8} {:<19} {:<19} limit", format!("{ROUNDS} rounds in turn"), "", "ms (quartiles)", "÷ nc -z");
    let port = open.port();
    for (name, args, code, nc_code) in [
        ("literal, open", format!("127.0.0.1 {port}"), 0, 0),
        ("literal, refused", "127.0.0.1 9".into(), 4, 1),
        // -4: nc stops at the first address that connects, rconnect tries all.
        ("name, open", format!("-4 localhost {port}"), 0, 0),
        ("name, refused", "-4 localhost 9".into(), 4, 1),
    ] {
        let (labels, programs): (Vec<_>, Vec<_>) = contestants(&args, code, nc_code).into_iter().unzip();
        let contestants: Vec<&dyn Contestant> = programs.iter().map(|program| program as _).collect();
        let runs = in_turn(ROUNDS, WARMUP, &contestants, || open.take());
        let reference = &runs[runs.len() - 1];
        for (label, runs) in labels.iter().zip(&runs) {
            let ratio = Sample::ratio(runs, reference).quartiles();
            let (ratio, limit) = match *label {
                "dynamic" => (ratio, "≤ 1.00"),
                "static" => (ratio, "≤ 0.70"),
                _ => (String::new(), ""),
            };
            println!("{name:<20} {label:<8} {:<19} {ratio:<19} {limit}", Sample::wall(runs).quartiles());
        }
    }
}

fn counts(open: &Open) {
    println!("\n{:<20} {:<8} {:>12} {:>18} {:>9}", "literal, open", "", "system calls", "instructions", "peak MB");
    for (label, program) in contestants(&format!("127.0.0.1 {}", open.port()), 0, 0) {
        let runs: Vec<Run> = (0..20).map(|_| program.run()).collect();
        let (calls, instructions) = (system_calls(&program), instructions(&program));
        println!("{:<20} {label:<8} {calls:>12} {instructions:>18} {:>9}", "", peak_megabytes(&runs));
        open.take();
    }
    println!("{:<20} {:<8} {:>12} {:>18} {:>9}", "limit", "", "≤ 80", "≤ 600000", "≤ 3");
}

/// By strace, of all threads, execve() included.
fn system_calls(program: &Program) -> u64 {
    let summary = env::temp_dir().join(format!("rconnect-bench-{}", std::process::id()));
    let traced = program.under("strace", &format!("-f -c -o {}", summary.display()));
    traced.output();
    let text = fs::read_to_string(&summary).expect("strace's summary");
    let _ = fs::remove_file(&summary);
    let total = text.lines().last().expect("a line of totals");
    total
        .split_whitespace()
        .nth(3)
        .and_then(|calls| calls.parse().ok())
        .unwrap_or_else(|| panic!("strace said: {text}"))
}

/// Of user space, the dynamic linker's included, by valgrind: not every virtual machine has a counter for them.
fn instructions(program: &Program) -> u64 {
    let counted = program.under("valgrind", "--tool=cachegrind --cache-sim=no --cachegrind-out-file=/dev/null");
    let text = String::from_utf8_lossy(&counted.output().stderr).into_owned();
    let count = text.lines().find_map(|line| line.split("I   refs:").nth(1).or(line.split("I refs:").nth(1)));
    let count = count.map(|count| count.trim().replace(',', "")).and_then(|count| count.parse().ok());
    count.unwrap_or_else(|| panic!("valgrind said: {text}"))
}

fn deadlines() {
    println!("\n{:<29} {:<22} limit", format!("-t 1s into silence, {DEADLINES} runs"), "ms late (largest)");
    let probe = "--json -t 1s 10.9.0.2 80";
    let inside: Sample = (0..DEADLINES).map(|_| overshoot(&Program::new(RCONNECT, probe, 5))).collect();
    late("rconnect, its elapsed_us", &inside, "≤ 0.3");
    let (rconnect, nc) = (Program::new(RCONNECT, probe, 5), Program::new("nc", "-z -w 1 10.9.0.2 80", 1));
    let runs = in_turn(DEADLINES, 0, &[&rconnect, &nc], || ());
    for (name, runs, limit) in [("rconnect, whole process", &runs[0], "≤ 2.2"), ("nc -z, whole process", &runs[1], "")]
    {
        let late_by: Sample = runs.iter().map(|run| milliseconds_after_a_second(run.wall)).collect();
        late(name, &late_by, limit);
    }
}

fn late(name: &str, sample: &Sample, limit: &str) {
    println!("{name:<29} {:<22} {limit}", format!("{:.2} ({:.2})", sample.median(), sample.quantile(1.0)));
}

/// How many milliseconds after its limit an attempt was given up, by the program's own account.
fn overshoot(program: &Program) -> f64 {
    let report: serde_json::Value = serde_json::from_slice(&program.output().stdout).expect("a line of JSON");
    assert_eq!(report["attempts"][0]["by"], "limit", "{report}");
    let elapsed = report["attempts"][0]["elapsed_us"].as_u64().expect("elapsed_us");
    milliseconds_after_a_second(Duration::from_micros(elapsed))
}

fn milliseconds_after_a_second(elapsed: Duration) -> f64 {
    (elapsed.as_secs_f64() - 1.0) * 1e3
}
