//! Every port of loopback, as JSON, against `nc -z` and nmap: time, memory, and whether the open ones are told right.
#![cfg_attr(not(target_os = "linux"), no_main)]
#![cfg(target_os = "linux")]

mod common;

use std::collections::BTreeSet;
use std::net::TcpListener;

use common::lab::Netns;
use common::{Program, RCONNECT, Sample, in_turn, machine, peak_megabytes};

const ROUNDS: usize = 7;
const OPEN: usize = 52;
/// Most ports are closed, so the run as a whole ends with the code for refused.
const SWEEP: &str = "--json 127.0.0.1 1-65535";

fn main() {
    let net = Netns::new();
    println!("65,535 ports of 127.0.0.1, {OPEN} of them open. {}.\n", machine());
    net.enter(|| {
        let listeners: Vec<TcpListener> = (0..OPEN).map(|_| listen()).collect();
        times(&listeners);
        truth(&listeners);
    });
}

fn listen() -> TcpListener {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a listening socket");
    listener.set_nonblocking(true).expect("a nonblocking socket");
    listener
}

fn times(listeners: &[TcpListener]) {
    let take = || listeners.iter().for_each(|listener| while listener.accept().is_ok() {});
    let programs = [
        Program::new(RCONNECT, SWEEP, 4),
        Program::new("nc", "-z 127.0.0.1 1-65535", 0),
        Program::new("nmap", "-sT -n -Pn -p 1-65535 127.0.0.1", 0),
    ];
    let runs = in_turn(ROUNDS, 1, &programs, take);
    println!("{:<18} {:<19} {:<19} {:<19} {:>8}", "", "s (quartiles)", "÷ nc -z", "÷ nmap", "peak MB");
    for (program, series) in programs.iter().zip(&runs) {
        let seconds: Sample = series.iter().map(|run| run.wall.as_secs_f64()).collect();
        let [nc, nmap] = [&runs[1], &runs[2]].map(|reference| Sample::ratio(series, reference).quartiles());
        let peak = peak_megabytes(series);
        println!("{:<18} {:<19} {nc:<19} {nmap:<19} {peak:>8.2}", program.name(), seconds.quartiles());
    }
    println!("{:<18} {:<19} {:<19} {:<19} {:>8}", "limit", "", "", "≤ 0.60", "≤ 8");
}

/// What one sweep calls open, and what is.
fn truth(listeners: &[TcpListener]) {
    let open: BTreeSet<u64> = listeners.iter().map(port).collect();
    let output = Program::new(RCONNECT, SWEEP, 4).output();
    let reports = serde_json::Deserializer::from_slice(&output.stdout).into_iter::<serde_json::Value>();
    let reports: Vec<serde_json::Value> = reports.collect::<Result<_, _>>().expect("lines of JSON");
    let connected = reports.iter().filter(|report| report["outcome"] == "connected");
    let connected: BTreeSet<u64> = connected.filter_map(|report| report["port"].as_u64()).collect();
    println!(
        "\n{} reports, {} ports called open, {} of them wrongly, {} open ones missed",
        reports.len(),
        connected.len(),
        connected.difference(&open).count(),
        open.difference(&connected).count()
    );
}

fn port(listener: &TcpListener) -> u64 {
    listener.local_addr().expect("its address").port().into()
}
