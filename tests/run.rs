//! A whole run: limits, retries, rate and concurrency, signals, streams of targets, and what it leaves behind.
#![cfg(target_os = "linux")]
// Times are measured where the packets arrive.
#![allow(clippy::disallowed_methods)]

mod lab;
#[path = "support/mask.rs"]
mod mask;
mod support;

use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{IpAddr, TcpListener, UdpSocket};
use std::os::fd::AsFd;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::channel;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use lab::*;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout};
use serde_json::{Value, json};
use support::{RCONNECT, Run, rconnect};

/// Sooner than whatever else could have ended it.
const SOON: Duration = ms(2500);

/// Somewhere behind the TUN interface.
const PEER: &str = "10.9.7.7";

fn parsed(output: &Output) -> Vec<Value> {
    output.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{output:?}"))).collect()
}

/// `port outcome` of each target, by port.
fn outcomes(targets: &[Value]) -> Vec<String> {
    let mut list: Vec<_> = targets.iter().map(|t| (t["port"].as_u64(), t["outcome"].as_str().unwrap())).collect();
    list.sort();
    list.into_iter().map(|(port, outcome)| format!("{} {outcome}", port.unwrap())).collect()
}

/// What arrived behind the TUN interface, and when.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<(Instant, Packet)>>>);

impl Log {
    /// Notes every first SYN (and every datagram).
    fn note(&self, packet: &Packet) {
        if packet.nth == 1 || packet.is_udp() {
            self.0.lock().unwrap().push((Instant::now(), packet.clone()));
        }
    }

    fn times(&self) -> Vec<Instant> {
        self.0.lock().unwrap().iter().map(|(at, _)| *at).collect()
    }

    fn destinations(&self) -> Vec<IpAddr> {
        self.0.lock().unwrap().iter().map(|(_, packet)| packet.destination).collect()
    }
}

// --- limits -------------------------------------------------------------------------------------------------------

/// "`by` tells our limit (`limit`) from the system's own (`system`)"
#[test]
fn our_own_limit_is_no_code_of_the_systems() {
    let net = Netns::new();
    let peer = net.tun(|_| silence());
    for (mode, port) in [("nonblocking", 80), ("blocking", 81)] {
        for host in [PEER, "fd09::7"] {
            let run = Run::of(rconnect(&net, &format!("-m {mode} -t 250ms {host} {port}")));
            let verdict = run.one().verdict();
            assert!(verdict.starts_with("timed-out silence limit ") && verdict.ends_with(" -"), "{mode}: {verdict}");
            assert_eq!(run.output.code(), 5);
            let elapsed = run.one().elapsed_us();
            assert!((250_000..500_000).contains(&elapsed), "{mode}: {elapsed} µs");
        }
        assert_eq!(peer.syns(port), 2, "one for each family");
    }
}

#[test]
fn people_read_how_often_it_was_tried() {
    let net = Netns::new();
    let _peer = net.tun(|_| silence());
    let run = net.command(RCONNECT).args(["-t", "50ms", PEER, "12345"]).run();
    let text = "\
10.9.7.7:12345   timed-out  T
                 no answer to 1 SYN within our limit
  advice: no answer: a firewall drops the packets, the host is down, or its
          queue of new connections is full; --trace shows how far packets get
";
    assert_eq!((run.code(), mask::text(&run.stdout).as_str(), run.stderr.as_str()), (5, text, ""));
}

#[test]
fn an_answer_just_before_the_limit_counts() {
    let net = Netns::new();
    let _peer = net.tun(|packet| vec![packet.syn_ack().after(ms(300))]);
    for mode in ["nonblocking", "blocking"] {
        let run = Run::of(rconnect(&net, &format!("-m {mode} -t 600ms {PEER} 80")));
        assert_eq!(
            run.one().verdict(),
            format!("connected - - {} -", if mode == "blocking" { "connect" } else { "completion" })
        );
    }
}

/// However the sockets are waited for: a message alone ends nothing, what follows it does.
#[test]
fn many_sockets_are_waited_for_as_few_are() {
    let net = Netns::new();
    let _peer = net.tun(|packet| match packet.port() % 4 {
        0 => vec![packet.icmp(11, 1), packet.syn_ack().after(ms(100))],
        1 => vec![packet.icmp(11, 1), packet.reset().after(ms(100))],
        2 => vec![packet.reset().after(ms(50))],
        _ => vec![packet.icmp(3, 13)],
    });
    let expected = |port: u16| ["connected", "refused", "refused", "denied"][usize::from(port % 4)];
    let expected: Vec<String> = (4..204).map(|port| format!("{port} {}", expected(port))).collect();
    for sandbox in [None, Some(Sandbox::call_fails(libc::SYS_epoll_create1, Errno::EMFILE))] {
        let command = rconnect(&net, &format!("-j 200 -t 10s {PEER} 4-203"));
        let output = sandbox.into_iter().fold(command, Command::sandbox).run();
        let found = outcomes(&parsed(&output));
        let wrong: Vec<_> = found.iter().zip(&expected).filter(|(found, expected)| found != expected).collect();
        assert!(found.len() == expected.len() && wrong.is_empty(), "{wrong:?}");
    }
}

/// A set for epoll(7) costs system calls, which one probe does not make.
#[test]
fn few_sockets_need_no_epoll() {
    let net = Netns::new();
    let _peer = net.tun(|_| silence());
    let without = |call, count: u16| {
        let command = rconnect(&net, &format!("-j 1000 --per-host 1000 -t 100ms {PEER} 1-{count}"));
        command.sandbox(Sandbox::call_kills(call)).run()
    };
    assert_eq!(without(libc::SYS_epoll_create1, 16).code(), 5);
    assert_eq!(without(libc::SYS_clone3, 64).code(), 5);
    // However many threads there are, one of them has more than a few.
    assert_eq!(without(libc::SYS_epoll_create1, 400).signal(), Signal::SIGSYS);
}

/// "`0` or `none` leaves the system's own"
#[test]
fn without_a_limit_the_system_gives_up() {
    let net = Netns::new();
    net.sysctl("net/ipv4/tcp_syn_retries", "1");
    net.sysctl("net/ipv4/tcp_syn_linear_timeouts", "0");
    let peer = net.tun(|_| silence());
    let start = |mode: &str, limit: &str, host: &str, port: u16| {
        let running = rconnect(&net, &format!("-m {mode} -t {limit} {host} {port}")).start();
        (mode == "blocking", port, running)
    };
    let started = [
        start("nonblocking", "none", PEER, 80),
        start("nonblocking", "0", "fd09::7", 81),
        start("blocking", "none", PEER, 82),
    ];
    for (blocking, port, running) in started {
        let output = running.wait();
        let attempt = &parsed(&output)[0]["attempts"][0];
        let verdict = support::Attempt(attempt).verdict();
        let phase = if blocking { "connect" } else { "completion" };
        assert_eq!((output.code(), verdict), (5, format!("timed-out silence system {phase} ETIMEDOUT")), "{port}");
        assert_eq!(attempt["error"]["winsock_number"], 10060);
        assert_eq!(peer.syns(port), 2, "{port}");
        assert!([json!(2), Value::Null].contains(&attempt["syns"]), "{port}: {attempt:#}");
        assert!(blocking || attempt["syns"] == 2, "{attempt:#}");
    }
}

/// Linux 6.5 and later begin with four SYNs a second apart (tcp_syn_linear_timeouts): one retry is two then, in about
/// the same three seconds.
#[test]
fn the_systems_own_count_of_segments_is_reported() {
    let net = Netns::new();
    net.sysctl("net/ipv4/tcp_syn_retries", "1");
    net.sysctl("net/ipv4/tcp_syn_linear_timeouts", "4");
    let peer = net.tun(|_| silence());
    let run = Run::of(rconnect(&net, &format!("-t none {PEER} 80")));
    assert_eq!(run.one().verdict(), "timed-out silence system completion ETIMEDOUT");
    assert_eq!((peer.syns(80), run.one().syns()), (3, 3));
}

/// "limit of the whole run"
#[test]
fn the_deadline_ends_the_run_and_says_what_was_not_tried() {
    let net = Netns::new();
    let peer = net.tun(|packet| if packet.port() == 1 { vec![packet.syn_ack()] } else { silence() });
    let output = rconnect(&net, &format!("-j 2 --deadline 300ms -t none {PEER}:1-6")).run();
    assert_eq!(output.stderr, "");
    let mut found = outcomes(&parsed(&output));
    found.sort();
    let all = ["1 connected", "2 timed-out", "3 timed-out", "4 skipped", "5 skipped", "6 skipped"];
    assert_eq!((output.code(), found), (1, all.map(String::from).into()));
    assert_eq!((4..=6).map(|port| peer.syns(port)).sum::<usize>(), 0);
    assert!(output.elapsed >= ms(300) && output.elapsed < SOON, "{output:?}");
}

#[test]
fn the_deadline_alone_can_spoil_a_run() {
    let net = Netns::new();
    let _peer = net.tun(|packet| vec![packet.syn_ack()]);
    let output = rconnect(&net, &format!("-q --rate 10 --deadline 250ms {PEER}:1-9")).run();
    let said = (output.code(), output.stdout.as_str(), output.stderr.as_str());
    assert_eq!(said, (1, "", ""), "what was tried is good: {output:?}");
}

#[test]
fn the_deadline_bounds_an_attempt_that_has_a_longer_limit() {
    let net = Netns::new();
    let _peer = net.tun(|_| silence());
    for mode in ["nonblocking", "blocking"] {
        let run = Run::of(rconnect(&net, &format!("-m {mode} -t 10s --deadline 250ms {PEER} 80")));
        assert_eq!((run.output.code(), run.output.stderr.as_str()), (5, ""));
        assert!(run.one().verdict().starts_with("timed-out silence limit "), "{run:?}");
        assert_eq!(run.one().0["cut_short"], true, "{run:?}");
        assert!(run.output.elapsed < SOON, "{run:?}");
        let own = Run::of(rconnect(&net, &format!("-m {mode} -t 50ms --deadline 10s {PEER} 80")));
        assert_eq!((&own.one().0["ended"], &own.one().0["cut_short"]), (&json!("limit"), &json!(false)), "{own:?}");
    }
}

#[test]
fn an_address_that_the_deadline_left_out_is_skipped() {
    let net = Netns::new();
    let _peer = net.tun(|_| silence());
    let run = Run::of(rconnect(&net, "-j 1 --deadline 200ms --resolve x:80:10.9.7.7,10.9.7.8 x 80"));
    let attempts = &run.targets[0]["attempts"];
    assert_eq!((run.output.code(), &run.targets[0]["outcome"]), (5, &json!("timed-out")));
    assert_eq!(
        (&attempts[1]["outcome"], &attempts[1]["reason"]),
        (&json!("skipped"), &json!("the deadline was reached"))
    );
}

#[test]
fn a_deadline_that_has_passed_already_leaves_out_everything() {
    let net = Netns::new();
    for target in ["127.0.0.1 9", "--resolve x:9:127.0.0.1 x 9", "localhost 9"] {
        let output = rconnect(&net, &format!("--deadline 1ns {target}")).run();
        assert_eq!((output.code(), outcomes(&parsed(&output))), (1, vec!["9 skipped".to_string()]), "{target}");
        assert_eq!(output.stderr, "", "{target}");
    }
}

#[test]
fn no_deadline_is_no_limit() {
    let net = Netns::new();
    for limit in ["none", "0"] {
        let run = Run::of(rconnect(&net, &format!("--deadline {limit} 127.0.0.1 9")));
        assert_eq!(run.one().verdict(), "refused rst peer completion ECONNREFUSED", "{limit}");
        assert_eq!((run.output.code(), run.output.stderr.as_str()), (4, ""), "{limit}");
    }
}

/// What a name would have been asked for is told without asking.
#[test]
fn a_name_that_the_deadline_left_out_is_skipped() {
    let net = Netns::new();
    let _peer = net.tun(|_| silence());
    let run = Run::of(rconnect(&net, &format!("-j 1 --deadline 200ms {PEER}:1 --numeric --resolve x:2:{PEER} x:2")));
    assert_eq!(outcomes(&run.targets), ["1 timed-out", "2 skipped"]);
    assert_eq!(run.output.code(), 1);
}

#[test]
fn the_deadline_bounds_a_trace() {
    let net = Netns::new();
    let _peer = net.tun(|_| silence());
    let run = Run::of(rconnect(&net, &format!("--trace -t 30s --deadline 300ms {PEER} 80")));
    assert!(run.output.elapsed < SOON, "{run:?}");
    assert_eq!(run.targets[0]["trace"], json!([]), "no time was left");
    let run = Run::of(rconnect(&net, &format!("--trace -t 500ms --deadline 900ms {PEER} 80")));
    assert!(run.output.elapsed < SOON && run.targets[0]["trace"][0]["end"] == "silence", "{run:?}");
}

/// Nothing in flight, and nobody writes targets: the deadline holds all the same.
#[test]
fn the_deadline_ends_the_wait_for_targets() {
    let net = Netns::new();
    let (stdin, running) = streamed(&net, "--json --deadline 300ms --from -");
    let output = running.wait();
    drop(stdin);
    assert_eq!((output.code(), output.stdout.as_str()), (1, ""), "{output:?}");
    let line = "rconnect: the deadline came before the end of the targets: the rest is not reported\n";
    assert_eq!(output.stderr, line);
    assert!(output.elapsed < SOON, "{output:?}");
}

/// open(2) of a FIFO waits for the other end.
#[test]
fn the_deadline_ends_the_wait_for_a_writer() {
    let net = Netns::new();
    let fifo = Fifo::new();
    let output = rconnect(&net, "--deadline 300ms --from").args([&fifo.0]).run();
    let line = "rconnect: the deadline came before the end of the targets: the rest is not reported\n";
    assert_eq!((output.code(), output.stdout.as_str(), output.stderr.as_str()), (1, "", line));
    assert!(output.elapsed >= ms(300) && output.elapsed < SOON, "{output:?}");
}

/// Longer than the limit, so that nothing of it is left when the process goes on.
#[test]
fn a_stop_takes_its_time_from_the_limit() {
    const LIMIT: Duration = ms(2000);
    const WAYS: [&str; 4] = ["-t 2s", "-t 2s -m blocking", "-t 2s -u", "-t none --deadline 2s"];
    let net = Netns::new();
    let (tell, sent) = channel();
    let _peer = net.tun(move |packet| {
        if packet.nth <= 1 {
            let _ = tell.send(());
        }
        silence()
    });
    let begin = Instant::now();
    let started = WAYS.map(|options| rconnect(&net, &format!("{options} {PEER} 80")).start());
    for _ in WAYS {
        sent.recv_timeout(LIMIT / 2).expect("what each of them sends first");
    }
    started.iter().for_each(|running| running.signal(Signal::SIGSTOP));
    thread::sleep((begin + LIMIT + ms(500)).saturating_duration_since(Instant::now()));
    for (running, options) in started.into_iter().zip(WAYS) {
        running.signal(Signal::SIGCONT);
        let continued = Instant::now();
        let run = Run::from(running.wait());
        let (rest, elapsed) = (continued.elapsed(), Duration::from_micros(run.one().elapsed_us()));
        assert!(run.one().verdict().contains(" limit completion -"), "{options}: {run:?}");
        assert!(rest < LIMIT / 2, "{options}: another {rest:?}");
        assert!(elapsed >= LIMIT && elapsed < continued - begin + LIMIT / 2, "{options}: {elapsed:?}");
    }
}

// --- retries ------------------------------------------------------------------------------------------------------

#[test]
fn a_refusal_that_passes_is_outlived_after_the_delay() {
    let net = Netns::new();
    let log = Log::default();
    let seen = log.clone();
    let _peer = net.tun(move |packet| {
        seen.note(packet);
        if seen.times().len() < 2 { vec![packet.reset()] } else { vec![packet.syn_ack()] }
    });
    let run = Run::of(rconnect(&net, &format!("-r 1 --retry-delay 200ms {PEER} 80")));
    let target = &run.targets[0];
    let tries: Vec<_> = target["attempts"].as_array().unwrap().iter().map(|a| (&a["try"], &a["outcome"])).collect();
    assert_eq!(tries, [(&json!(1), &json!("refused")), (&json!(2), &json!("connected"))]);
    assert_eq!((run.output.code(), &target["partial"]), (0, &json!(false)));
    let times = log.times();
    assert!(times[1] - times[0] >= ms(200), "{:?}", times[1] - times[0]);
}

/// "try an attempt again, only where the code is retryable"
#[test]
fn only_what_can_pass_is_tried_again() {
    let net = Netns::new();
    let log = Log::default();
    let seen = log.clone();
    let _peer = net.tun(move |packet| {
        seen.note(packet);
        match packet.port() {
            80 => vec![packet.reset()],
            81 => vec![packet.icmp(3, 1)],
            82 => vec![packet.icmp(3, 13)],
            83 => vec![packet.icmp(3, 0)],
            _ => silence(),
        }
    });
    let tries = |port: u16| {
        let run = Run::of(rconnect(&net, &format!("-t 50ms -r 2 --retry-delay 1ms {PEER} {port}")));
        run.targets[0]["attempts"].as_array().unwrap().len()
    };
    assert_eq!([80, 81, 82, 83, 84].map(tries), [3, 1, 1, 3, 3]);
    assert_eq!(log.times().len(), 3 + 1 + 1 + 3 + 3);
}

// --- rate and concurrency -----------------------------------------------------------------------------------------

/// "starts a second"
#[test]
fn the_rate_spaces_the_starts() {
    let net = Netns::new();
    let log = Log::default();
    let seen = log.clone();
    let _peer = net.tun(move |packet| {
        seen.note(packet);
        vec![packet.reset()]
    });
    let run = Run::of(rconnect(&net, &format!("--rate 50 {PEER}:1-11")));
    assert_eq!(run.targets.len(), 11);
    let times = log.times();
    let span = *times.last().unwrap() - times[0];
    // The first may have been seen late.
    assert!(span >= ms(10 * 20 - 10), "{span:?}");
    assert!(span < ms(1000), "{span:?}");
}

/// "starts a second": after the last there is nothing to wait for.
#[test]
fn the_rate_holds_up_no_result() {
    let net = Netns::new();
    for options in ["", "-m blocking", "-u"] {
        let run = Run::of(rconnect(&net, &format!("--rate 1 {options} 127.0.0.1 9")));
        assert_eq!(run.output.code(), 4, "{options}");
        assert!(run.output.elapsed < ms(1000), "{options}: {:?}", run.output.elapsed);
    }
}

/// How many of twelve attempts were in flight together at most, each SYN being answered so late.
///
/// In flight is what has sent its SYN and not yet the ACK that ends the handshake: the order of the packets tells it,
/// whatever the time they are seen.
fn most_in_flight(options: &str, late: Duration) -> usize {
    let net = Netns::new();
    let flights = Arc::new(Mutex::new((HashSet::new(), 0)));
    let seen = flights.clone();
    let _peer = net.tun(move |packet| {
        let (open, most) = &mut *seen.lock().unwrap();
        if packet.is_syn() {
            open.insert(packet.port())
        } else {
            open.remove(&packet.port())
        };
        *most = open.len().max(*most);
        if packet.is_syn() { vec![packet.syn_ack().after(late)] } else { silence() }
    });
    let output = rconnect(&net, &format!("{options} {PEER}:1-12")).run();
    assert_eq!(output.code(), 0, "{output:?}");
    flights.lock().unwrap().1
}

/// "attempts in flight"
#[test]
fn concurrency_is_never_exceeded_and_made_use_of() {
    for (options, most) in [("-j 1", 1), ("-j 3", 3), ("-m blocking", 1), ("", 12)] {
        assert_eq!(most_in_flight(options, ms(100)), most, "{options}");
    }
}

/// However much there is to start, or however slowly it is read: no limit passes for an attempt that nobody looked at.
#[test]
fn an_open_port_is_open_while_thousands_of_others_fail() {
    let net = Netns::new();
    let _open = net.listen("127.0.0.1:8080");
    let output = rconnect(&net, "-t 30ms 127.0.0.1:8080 10.0.0.1:1-3000").run();
    let open = output.stdout.lines().find(|line| line.contains(r#""target":"127.0.0.1:8080""#)).expect("a report");
    assert!(open.contains(r#""outcome":"connected""#), "{open}");
}

/// Nothing is waited for, and a signal is heeded all the same.
#[test]
fn a_signal_ends_a_run_that_never_waits() {
    let net = Netns::new();
    for args in ["--json --yes 10.0.0.0/12:80", "--json --yes -u -j 1 127.0.0.0/12:9"] {
        let mut running = net.command(RCONNECT).args(args.split(' ')).start();
        assert!(running.line().is_some(), "under way");
        running.signal(Signal::SIGINT);
        let output = running.wait();
        assert_eq!(output.signal(), Signal::SIGINT);
        assert!(output.elapsed < SOON, "{:?}", output.elapsed);
    }
}

// --- strategies ---------------------------------------------------------------------------------------------------

const TWO: &str = "--resolve x:80:10.9.7.7,10.9.7.8 x 80";

/// Where the SYNs went, in order; the first one's answer takes so long.
fn two_addresses(
    options: &str,
    answer: impl Fn(&Packet) -> Vec<Answer> + Send + 'static,
) -> (Run, Vec<IpAddr>, Vec<Instant>) {
    let net = Netns::new();
    let log = Log::default();
    let seen = log.clone();
    let _peer = net.tun(move |packet| {
        seen.note(packet);
        answer(packet)
    });
    let run = Run::of(rconnect(&net, &format!("{options} {TWO}")));
    (run, log.destinations(), log.times())
}

fn ips(list: &[&str]) -> Vec<IpAddr> {
    list.iter().map(|ip| ip.parse().unwrap()).collect()
}

/// "in order, stop at the first success"
#[test]
fn strategy_first_never_touches_the_second_address() {
    let (run, seen, _) = two_addresses("--strategy first", |packet| vec![packet.syn_ack()]);
    assert_eq!((run.output.code(), seen), (0, ips(&["10.9.7.7"])));
    let (run, seen, _) = two_addresses("--strategy first", |packet| match packet.destination {
        first if first == ips(&["10.9.7.7"])[0] => vec![packet.reset()],
        _ => vec![packet.syn_ack()],
    });
    assert_eq!(
        (run.output.code(), seen, &run.targets[0]["partial"]),
        (0, ips(&["10.9.7.7", "10.9.7.8"]), &json!(true))
    );
}

#[test]
fn strategy_all_starts_every_address_at_once() {
    let (run, seen, times) = two_addresses("", |packet| vec![packet.syn_ack().after(ms(300))]);
    assert_eq!((run.output.code(), seen), (0, ips(&["10.9.7.7", "10.9.7.8"])));
    assert!(times[1] - times[0] < ms(300), "the second did not wait for the first: {:?}", times[1] - times[0]);
}

// --- signals ------------------------------------------------------------------------------------------------------

/// "interrupted by SIGINT, SIGTERM; what was known is reported first"
#[test]
fn a_signal_ends_the_run_with_what_is_known() {
    for (mode, signal) in [
        ("nonblocking", Signal::SIGINT),
        ("nonblocking", Signal::SIGTERM),
        ("blocking", Signal::SIGINT),
        ("blocking", Signal::SIGTERM),
    ] {
        let net = Netns::new();
        let peer = net.tun(|packet| if packet.port() == 80 { vec![packet.syn_ack()] } else { silence() });
        let mut running = rconnect(&net, &format!("-m {mode} -t none {PEER}:80 {PEER}:81")).start();
        assert!(running.line().is_some_and(|line| line.contains(r#""outcome":"connected""#)));
        peer.await_syns(81, 1);
        running.signal(signal);
        let output = running.wait();
        assert_eq!((output.signal(), output.stderr.as_str()), (signal, ""), "{mode}");
        let targets = parsed(&output);
        assert_eq!(outcomes(&targets), ["80 connected", "81 interrupted"], "{mode}");
        let cut_short = targets.iter().map(|target| &target["attempts"][0]["cut_short"]).collect::<Vec<_>>();
        assert_eq!(cut_short, [false, true], "{mode}");
        assert!(output.elapsed < SOON, "{output:?}");
    }
}

/// What the signal left out is not shown, and people read how much it is.
#[test]
fn a_sweep_that_a_signal_ends_tells_how_many_targets_there_were() {
    let net = Netns::new();
    let peer = net.tun(|packet| if packet.port() == 82 { silence() } else { vec![packet.reset()] });
    let args = format!("-j 1 -t none {PEER}:80-89");
    let running = net.command(RCONNECT).args(args.split(' ')).start();
    peer.await_syns(82, 1);
    running.signal(Signal::SIGINT);
    let output = running.wait();
    assert_eq!(output.stdout.lines().last(), Some("3 of 10 targets: 2 refused, 1 interrupted"), "{output:?}");
}

/// Ports that wait for room at their address were not started.
#[test]
fn a_signal_leaves_out_targets_that_were_not_started() {
    let net = Netns::new();
    let peer = net.tun(|_| silence());
    let running = rconnect(&net, &format!("--per-host 1 -t none {PEER}:80-89")).start();
    peer.await_syns(80, 1);
    running.signal(Signal::SIGINT);
    let output = running.wait();
    assert_eq!((output.signal(), outcomes(&parsed(&output))), (Signal::SIGINT, vec!["80 interrupted".to_string()]));
}

#[test]
fn no_path_is_traced_for_nobody_to_see() {
    let net = Netns::new();
    let peer = net.tun(|packet| vec![packet.reset()]);
    for (options, note) in [("-q", ""), ("-o csv", "--trace has no columns in csv")] {
        let output = net.command(RCONNECT).args(options.split(' ')).args(["--trace", PEER, "81"]).run();
        assert!(output.code() == 4 && output.stderr.contains(note), "{output:?}");
    }
    assert_eq!(peer.syns(81), 2, "one for each run");
}

#[test]
fn no_path_is_traced_after_a_signal() {
    let net = Netns::new();
    let peer = net.tun(|_| silence());
    let running = rconnect(&net, &format!("--trace -t 2s {PEER} 81")).start();
    peer.await_syns(81, 1);
    running.signal(Signal::SIGINT);
    let output = running.wait();
    let targets = parsed(&output);
    assert_eq!((output.signal(), outcomes(&targets)), (Signal::SIGINT, vec!["81 interrupted".to_string()]));
    assert_eq!(targets[0]["trace"], json!([]));
}

#[test]
fn a_signal_ends_a_lookup() {
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let net = Netns::new();
        let dns = net.dns();
        let running = rconnect(&net, "timeout.test 80").resolver("timeout:5").start();
        dns.await_query("timeout.test A");
        running.signal(signal);
        let output = running.wait();
        assert_eq!((output.signal(), output.stderr.as_str()), (signal, ""));
        let targets = parsed(&output);
        assert_eq!(outcomes(&targets), ["80 interrupted"]);
        // Neither the resolver nor a limit of ours decided it.
        for key in ["error", "by", "cause", "advice"] {
            assert!(targets[0]["resolve"][key].is_null(), "{key}: {:#}", targets[0]["resolve"]);
        }
        assert!(output.elapsed < SOON, "{output:?}");
    }
}

/// nohup(1), or a shell that starts a program in the background, has it ignore what the terminal sends.
#[test]
fn a_signal_that_was_ignored_before_stays_ignored() {
    for (mode, ignored, other) in [
        ("nonblocking", Signal::SIGINT, Signal::SIGTERM),
        ("nonblocking", Signal::SIGTERM, Signal::SIGINT),
        ("blocking", Signal::SIGINT, Signal::SIGTERM),
    ] {
        let net = Netns::new();
        let (tell, told) = channel::<()>();
        let peer = net.tun(move |packet| match packet.port() {
            // The answer comes after the signal.
            80 if told.recv_timeout(PATIENCE).is_ok() => vec![packet.reset()],
            _ => silence(),
        });
        let start = |port: u16| {
            let trap = ignored.as_str().trim_start_matches("SIG");
            let script = format!("trap '' {trap}; exec {RCONNECT} --json -t none -m {mode} {PEER} {port}");
            let running = net.command("/bin/sh").args(["-c", &script]).start();
            peer.await_syns(port, 1);
            running.signal(ignored);
            running
        };
        let running = start(80);
        tell.send(()).unwrap();
        let output = running.wait();
        assert_eq!((output.code(), output.stderr.as_str()), (4, ""), "{mode} {ignored}: that of the verdict");
        let running = start(81);
        running.signal(other);
        let output = running.wait();
        assert_eq!(
            (output.signal(), outcomes(&parsed(&output))),
            (other, vec!["81 interrupted".into()]),
            "{mode} {ignored}"
        );
    }
}

#[test]
fn a_signal_ends_the_wait_for_targets() {
    let net = Netns::new();
    let (mut stdin, mut running) = streamed(&net, "--json --from -");
    writeln!(stdin, "127.0.0.1:9").unwrap();
    assert!(running.line().is_some());
    running.signal(Signal::SIGTERM);
    let output = running.wait();
    assert_eq!((output.signal(), output.stderr.as_str()), (Signal::SIGTERM, ""));
}

/// Whatever else happens at the same moment: the program before in the pipeline ends, or the one behind.
#[test]
fn a_signal_outranks_the_end_of_a_pipe() {
    let net = Netns::new();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let (stdin, running) = streamed(&net, "--json --from -");
        running.signal(Signal::SIGSTOP);
        running.signal(signal);
        drop(stdin);
        running.signal(Signal::SIGCONT);
        let output = running.wait();
        assert_eq!((output.signal(), output.stderr.as_str()), (signal, ""));

        let mut running = rconnect(&net, "127.0.0.1 1-5000").unread_stdout().start();
        running.await_full_stdout();
        running.signal(Signal::SIGSTOP);
        running.signal(signal);
        running.close_stdout();
        running.signal(Signal::SIGCONT);
        let output = running.wait();
        assert_eq!((output.signal(), output.stderr.as_str()), (signal, ""));
    }
}

/// A shell ends a loop only when the program died of the signal; an exit code of 130 is no reason to.
#[test]
fn an_interrupt_ends_the_loop_of_a_shell() {
    let net = Netns::new();
    let peer = net.tun(|_| silence());
    let script = format!("until {RCONNECT} -q -t none {PEER} 81; do echo again; done; echo after");
    let running = net.command("/bin/bash").args(["-c", &script]).start();
    peer.await_syns(81, 1);
    running.signal_group(Signal::SIGINT);
    let output = running.wait();
    assert_eq!((output.signal(), output.stdout.as_str()), (Signal::SIGINT, ""));
}

/// The first signal lets what is known be read. Nobody reads: the next one ends it.
#[test]
fn a_second_signal_ends_it_while_the_reader_stalls() {
    let net = Netns::new();
    for second in [Signal::SIGTERM, Signal::SIGINT] {
        let running = rconnect(&net, "127.0.0.1 1-5000").unread_stdout().start();
        running.await_full_stdout();
        running.signal(Signal::SIGTERM);
        thread::sleep(ms(300));
        running.signal(second);
        assert_eq!(running.wait().signal(), second);
    }
}

/// timeout(1) sends its signal to its child and to the group: one signal, and no end without a report.
#[test]
fn two_signals_at_once_are_one() {
    let net = Netns::new();
    let _peer = net.tun(|_| silence());
    let args = ["0.5", RCONNECT, "--json", "-t", "none", PEER, "81"];
    let output = net.command("/usr/bin/timeout").args(args).run();
    assert_eq!((output.code(), outcomes(&parsed(&output))), (124, vec!["81 interrupted".into()]));
}

#[test]
fn the_deadline_bounds_the_wait_for_a_reader() {
    let net = Netns::new();
    let output = rconnect(&net, "--deadline 300ms 127.0.0.1 1-5000").unread_stdout().run();
    assert_eq!(output.code(), 2);
    assert!(output.stderr.contains("the reader of standard output has stopped reading"), "{output:?}");
}

// --- standard streams ---------------------------------------------------------------------------------------------

/// "a closed pipe is a quiet end"
#[test]
fn a_closed_pipe_is_quiet() {
    let net = Netns::new();
    for format in ["--json", "-o csv", "-o human"] {
        let command = net.command(RCONNECT).args(format.split(' ')).args(["127.0.0.1", "9"]);
        let output = command.close_stdout_after(0).run();
        assert_eq!((output.code(), output.stderr.as_str()), (4, ""), "{format}: what was decided counts");
        let command = net.command(RCONNECT).args(format.split(' ')).args(["127.0.0.1", "1-9999", "-j", "4"]);
        let output = command.close_stdout_after(100).run();
        assert_eq!((output.stderr.as_str(), output.status.signal()), ("", None), "{format}");
        assert_ne!(output.code(), 0, "{format}");
    }
    for args in [&["--list-errors"][..], &["--generate", "zsh"], &["--help"]] {
        let output = net.command(RCONNECT).args(args).close_stdout_after(0).run();
        assert_eq!((output.code(), output.stderr.as_str()), (0, ""), "{args:?}");
    }
}

/// "a fault of rconnect itself; says nothing about the target"
#[test]
fn a_full_disk_is_a_fault() {
    let net = Netns::new();
    let open = net.listen("127.0.0.1:0");
    let port = open.port().to_string();
    for args in [&["127.0.0.1", &port][..], &["--json", "127.0.0.1", &port], &["-o", "csv", "127.0.0.1", &port]] {
        let output = net.command(RCONNECT).args(args).stdout_full().run();
        let line = "rconnect: cannot write the results: No space left on device (os error 28)\n";
        assert_eq!((output.code(), output.stderr.as_str()), (2, line), "{args:?}");
    }
    let output = net.command(RCONNECT).args(["--list-errors"]).stdout_full().run();
    let line = "rconnect: cannot write the result: No space left on device (os error 28)\n";
    assert_eq!((output.code(), output.stderr.as_str()), (2, line));
    let output = net.command(RCONNECT).args(["-q", "127.0.0.1", &port]).stdout_full().run();
    assert_eq!((output.code(), output.stderr.as_str()), (0, ""), "nothing is written");
}

/// A result that nobody gets is an error; without results there is none to lose.
#[test]
fn a_closed_standard_output_is_a_fault() {
    let net = Netns::new();
    let said = |args: &str, redirection: &str| {
        let output = net.command("/bin/sh").args(["-c", &format!("exec {RCONNECT} {args} {redirection}")]).run();
        (output.code(), output.stderr)
    };
    for closed in [">&-", "1</dev/null"] {
        for args in
            ["127.0.0.1 9", "--json 127.0.0.1 9", "-o csv 127.0.0.1 9", "-v -m blocking 127.0.0.1 9", "-u 127.0.0.1 9"]
        {
            let line = "rconnect: cannot write the results: Bad file descriptor (os error 9)\n";
            assert_eq!(said(args, closed), (2, line.into()), "{args} {closed}");
        }
        for args in
            ["--list-errors", "--list-errors --json", "--explain refused", "--generate man", "--help", "--version"]
        {
            let line = "rconnect: cannot write the result: Bad file descriptor (os error 9)\n";
            assert_eq!(said(args, closed), (2, line.into()), "{args} {closed}");
        }
        assert_eq!(said("-q 127.0.0.1 9", closed), (4, String::new()), "{closed}");
        assert_eq!(said("-q -u 127.0.0.1 9", closed), (4, String::new()), "{closed}");
    }
}

/// As an event loop has it, which shares its end of the pipe with us.
#[test]
fn a_nonblocking_pipe_is_waited_for() {
    const TARGETS: usize = 3000;
    let net = Netns::new();
    let (mut reader, writer) = std::io::pipe().unwrap();
    fcntl(&writer, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let full = writer.try_clone().unwrap();
    let mut program = std::process::Command::new(RCONNECT);
    program.args(["--json", "127.0.0.1", &format!("1-{TARGETS}")]).stdout(writer);
    // A child is in the namespace of the thread that starts it.
    let mut child = net.enter(|| program.spawn()).unwrap();
    drop(program);
    let begin = Instant::now();
    while nix::poll::poll(&mut [PollFd::new(full.as_fd(), PollFlags::POLLOUT)], PollTimeout::ZERO).unwrap() > 0 {
        assert!(begin.elapsed() < PATIENCE, "a pipe is full some time");
        thread::yield_now();
    }
    drop(full);
    let (mut text, mut buffer) = (Vec::new(), [0; 512]);
    while let count @ 1.. = reader.read(&mut buffer).unwrap() {
        text.extend(&buffer[..count]);
    }
    let text = String::from_utf8(text).unwrap();
    let mut ports: Vec<u64> =
        text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()["port"].as_u64().unwrap()).collect();
    ports.sort();
    assert!(ports.iter().copied().eq(1..=TARGETS as u64), "{} lines", ports.len());
    assert_eq!(child.wait().unwrap().code(), Some(4));
}

/// A socket takes the lowest free descriptor, and standard output is descriptor 1.
#[test]
fn the_report_never_goes_to_the_peer() {
    let net = Netns::new();
    let listener = net.enter(|| TcpListener::bind("127.0.0.1:0").unwrap());
    let port = listener.local_addr().unwrap().port();
    for closed in [">&-", "2>&- >&-", "<&- >&- 2>&-"] {
        for mode in ["nonblocking", "blocking"] {
            let script = format!("exec {RCONNECT} -v -m {mode} 127.0.0.1 {port} {closed}");
            let running = net.command("/bin/sh").args(["-c", &script]).start();
            let (mut connection, _) = listener.accept().unwrap();
            let mut received = Vec::new();
            connection.read_to_end(&mut received).unwrap();
            assert_eq!(String::from_utf8_lossy(&received), "", "{closed} {mode}");
            assert_eq!(running.wait().status.signal(), None);
        }
    }
}

/// A pipe with a name: standard input that the test writes to as it likes.
struct Fifo(PathBuf);

impl Fifo {
    fn new() -> Fifo {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("rconnect-fifo-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).expect("mkfifo");
        Fifo(path)
    }
}

impl Drop for Fifo {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A file that goes with the test.
struct TempFile(PathBuf);

impl TempFile {
    fn new(text: &[u8]) -> TempFile {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("rconnect-run-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        fs::write(&path, text).expect("a temporary file");
        TempFile(path)
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// The writing end of the standard input of a program that has been started.
fn streamed(net: &Netns, args: &str) -> (File, Running) {
    let fifo = Fifo::new();
    let script = format!("exec {RCONNECT} {args} < {}", fifo.0.display());
    let running = net.command("/bin/sh").args(["-c", &script]).start();
    // Waits until the shell has opened the other end.
    let stdin = File::options().write(true).open(&fifo.0).expect("the other end");
    (stdin, running)
}

/// "a line is written whole, at once, so a pipe reads it as it happens"
#[test]
fn results_come_while_targets_still_do() {
    let net = Netns::new();
    for (format, word) in [("--json", r#""outcome":"refused""#), ("-o human", "refused"), ("-o csv", ",refused,")] {
        let (mut stdin, mut running) = streamed(&net, &format!("{format} --from -"));
        if format == "-o csv" {
            assert!(running.line().is_some_and(|header| header.starts_with("target,host,port,")));
        }
        for port in 1..=3 {
            writeln!(stdin, "127.0.0.1:{port}").unwrap();
            let line = running.line().unwrap();
            assert!(line.contains(&format!("127.0.0.1:{port}")) && line.contains(word), "{line}");
            if format == "-o human" && port == 1 {
                assert!(running.line().is_some_and(|line| line.contains("advice: ")), "said once");
            }
        }
        drop(stdin);
        assert_eq!(running.wait().code(), 4);
    }
}

#[test]
fn half_a_line_is_no_target_yet() {
    let net = Netns::new();
    let (mut stdin, mut running) = streamed(&net, "--json --from -");
    stdin.write_all(b"127.0.0.1:1\n127.0.0.1:2").unwrap();
    assert!(running.line().is_some_and(|line| line.contains(r#""port":1,"#)));
    stdin.write_all(b"3\n").unwrap();
    drop(stdin);
    assert_eq!(outcomes(&parsed(&running.wait())), ["1 refused", "23 refused"]);
}

#[test]
fn a_bad_line_ends_a_stream_after_what_came_before() {
    let net = Netns::new();
    let run = rconnect(&net, "--from -").stdin("127.0.0.1:1\n# fine\n::1:80\n127.0.0.1:2\n").run();
    let line = "rconnect: standard input:3: \"::1:80\" has no brackets around its IPv6 address: write [::1]:80\n";
    assert_eq!((run.code(), run.stderr.as_str()), (2, line));
    assert_eq!(outcomes(&parsed(&run)), ["1 refused"]);
}

#[test]
fn a_nonblocking_standard_input_is_waited_for() {
    let net = Netns::new();
    let (reader, mut writer) = std::io::pipe().unwrap();
    fcntl(&reader, FcntlArg::F_SETFL(OFlag::O_NONBLOCK)).unwrap();
    let mut program = std::process::Command::new(RCONNECT);
    program.args(["--json", "--from", "-"]).stdin(reader).stdout(std::process::Stdio::piped());
    let mut child = net.enter(|| program.spawn()).unwrap();
    let mut results = BufReader::new(child.stdout.take().unwrap()).lines();
    for port in 1..=2 {
        writeln!(writer, "127.0.0.1:{port}").unwrap();
        assert!(results.next().unwrap().unwrap().contains(&format!(r#""port":{port},"#)));
    }
    drop(writer);
    assert!(results.next().is_none());
    assert_eq!(child.wait().unwrap().code(), Some(4));
}

/// `127.0.0.1:80` is no target where `127.0.0.1:8080` was written.
#[test]
fn a_file_that_becomes_shorter_ends_the_run() {
    let net = Netns::new();
    let silent = net.enter(|| UdpSocket::bind("127.0.0.1:0").unwrap());
    let port = silent.local_addr().unwrap().port();
    // More than what is read ahead.
    let comments = format!("# {}\n", "x".repeat(100)).repeat(1000);
    let text = format!("udp://127.0.0.1:{port}\n{comments}127.0.0.1:8080\n");
    for (cut, line) in [("80\n".len(), 1002), ("127.0.0.1:8080\n".len(), 1002)] {
        let list = TempFile::new(text.as_bytes());
        let running = rconnect(&net, "--json -j 1 -t 500ms --from").args([&list.0]).start();
        silent.recv(&mut [0; 8]).unwrap();
        File::options().write(true).open(&list.0).unwrap().set_len((text.len() - cut) as u64).unwrap();
        let output = running.wait();
        let said = format!(
            "rconnect: {}:{line}: cannot read it: the file has become shorter since it was checked\n",
            list.0.display()
        );
        assert_eq!((output.code(), output.stderr.as_str()), (2, said.as_str()));
        assert_eq!(outcomes(&parsed(&output)), [format!("{port} unconfirmed")]);
    }
}

/// "errors name the file and line"
#[test]
fn lists_that_are_not_utf8_or_no_lists_are_named() {
    let net = Netns::new();
    let utf16: Vec<u8> = "\u{feff}a:80\r\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let utf16 = TempFile::new(&utf16);
    let latin1 = TempFile::new(b"127.0.0.1:1\nb\xfccher:80\n");
    let fifo = |path: &TempFile| format!("cat {} |--from -", path.0.display());
    for (args, said) in [
        (
            format!("--from {}", utf16.0.display()),
            format!("{}:1: the text is UTF-16: save it as UTF-8", utf16.0.display()),
        ),
        (format!("--from {}", latin1.0.display()), format!("{}:2: byte 0xFC is not UTF-8: save", latin1.0.display())),
        (fifo(&utf16), "standard input:1: the text is UTF-16".into()),
        (fifo(&latin1), "standard input:2: byte 0xFC is not UTF-8".into()),
        ("--from /tmp".into(), "--from: /tmp is a directory: give a file, or - for standard input".into()),
        ("--from - < /tmp".into(), "--from: standard input is a directory: give a file".into()),
    ] {
        let script = match args.split_once('|') {
            Some((source, args)) => format!("{source} | {RCONNECT} --json {args}"),
            None => format!("exec {RCONNECT} --json {args}"),
        };
        let output = net.command("/bin/sh").path().args(["-c", &script]).run();
        assert_eq!((output.code(), output.stderr.lines().count()), (2, 1), "{args}: {output:?}");
        assert!(output.stderr.starts_with(&format!("rconnect: {said}")), "{args}: {output:?}");
    }
}

/// open(2) of a FIFO waits for the other end.
#[test]
fn the_deadline_ends_the_wait_for_a_payload() {
    let net = Netns::new();
    let fifo = Fifo::new();
    let path = fifo.0.display();
    let output = rconnect(&net, &format!("--deadline 300ms -u --payload @{path} 127.0.0.1 9")).run();
    let line = format!("rconnect: --payload: cannot read '{path}': nothing came before the deadline\n");
    assert_eq!((output.code(), output.stderr.as_str()), (2, line.as_str()));
    assert!(output.elapsed >= ms(300) && output.elapsed < SOON, "{output:?}");
}

/// A file can be read before anything is sent, by whatever way it comes.
#[test]
fn a_bad_line_of_a_redirected_file_comes_before_anything_is_sent() {
    let net = Netns::new();
    let listener = net.enter(|| TcpListener::bind("127.0.0.1:0").unwrap());
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let list = TempFile::new(format!("127.0.0.1:{port}\n::1:80\n").as_bytes());
    let said = |from: String| {
        let script = format!("exec {RCONNECT} --json --from {from}");
        let output = net.command("/bin/sh").args(["-c", &script]).run();
        let line = format!("{}: \"::1:80\" has no brackets around its IPv6 address: write [::1]:80\n", "2");
        assert!(output.stderr.starts_with("rconnect: ") && output.stderr.ends_with(&line), "{output:?}");
        assert_eq!((output.code(), output.stdout.as_str(), output.stderr.lines().count()), (2, "", 1), "{from}");
        assert!(listener.accept().is_err(), "{from}");
    };
    said(format!("- < {}", list.0.display()));
    said(list.0.display().to_string());
}

/// What has no end is not read to it.
#[test]
fn what_is_too_long_is_refused_and_not_read_into_memory() {
    const MIB: u64 = 1 << 20;
    let net = Netns::new();
    let long = TempFile::new(format!("127.0.0.1:9\n# {}\n", "x".repeat(1 << 16)).as_bytes());
    let payload = TempFile::new(&[b'x'; 65_508]);
    let (long, payload) = (long.0.display(), payload.0.display());
    for args in [
        format!("--from {long}"),
        format!("--from - < {long}"),
        format!("cat {long} |--from -"),
        "--from /dev/zero".into(),
        "--from - < /dev/zero".into(),
        "-u --payload @/dev/zero 127.0.0.1 9".into(),
        format!("-u --payload @{payload} 127.0.0.1 9"),
        format!("-u --payload {} 127.0.0.1 9", "x".repeat(65_508)),
    ] {
        let script = match args.split_once('|') {
            Some((source, args)) => format!("{source} | {RCONNECT} --json {args}"),
            None => format!("exec {RCONNECT} --json {args}"),
        };
        let output = net.command("/bin/sh").path().args(["-c", &script]).memory(64 * MIB).run();
        let args = &args[..args.len().min(80)];
        assert_eq!((output.code(), output.stderr.lines().count()), (2, 1), "{args}: {output:?}");
        assert!(output.stderr.contains("longer than"), "{args}: {output:?}");
        // A stream shows its second line after the first was probed.
        assert!(output.stdout.is_empty() || args.contains('|'), "{args}: {output:?}");
    }
}

/// Of a length that a line may have, and a datagram.
#[test]
fn what_is_just_not_too_long_is_taken() {
    let net = Netns::new();
    let _echo = net.udp_echo("127.0.0.1:7");
    let target = "127.0.0.1:7 #";
    let line = target.to_owned() + &"x".repeat((1 << 16) - 1 - target.len()) + "\n";
    let (list, payload) = (TempFile::new(line.as_bytes()), TempFile::new(&[b'x'; 65_507]));
    let run = Run::of(rconnect(&net, "-u --from").args([&list.0]));
    assert_eq!(run.one().verdict(), "connected - - completion -");
    let run = Run::of(rconnect(&net, &format!("-u --payload @{} 127.0.0.1 7", payload.0.display())));
    assert_eq!(run.one().verdict(), "connected - - completion -");
}

#[test]
fn a_long_stream_takes_no_more_memory() {
    const TARGETS: usize = 100_000;
    const MIB: u64 = 1024;
    let net = Netns::new();
    let fifo = Fifo::new();
    let script = format!("echo $$; exec {RCONNECT} -o csv --from - < {}", fifo.0.display());
    let mut running = net.command("/bin/sh").args(["-c", &script]).time_limit(Duration::from_secs(60)).start();
    let process = running.line().unwrap();
    let mut stdin = File::options().write(true).open(&fifo.0).unwrap();
    let header = running.line();
    assert!(header.is_some_and(|header| header.starts_with("target,")));
    let writer = thread::spawn(move || {
        let list: String = (0..TARGETS).map(|number| format!("127.0.0.1:{}\n", 1 + number % 30_000)).collect();
        stdin.write_all(list.as_bytes()).unwrap();
        stdin
    });
    let refused = (0..TARGETS).filter(|_| running.line().is_some_and(|line| line.contains(",refused,"))).count();
    assert_eq!(refused, TARGETS);
    // Everything is reported, and the process waits for more.
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let peak: u64 = peak.trim().trim_end_matches(" kB").parse().unwrap();
    assert!(peak <= 12 * MIB, "{peak} kB");
    drop(writer.join().unwrap());
    assert_eq!(running.wait().code(), 4);
}

/// script(1) gives the program a terminal.
#[test]
fn a_terminal_has_colour_unless_it_is_not_wanted() {
    let net = Netns::new();
    let coloured = |environment: &[(&str, &str)]| {
        let command = net.command("/usr/bin/script").args(["-qec", &format!("{RCONNECT} 127.0.0.1 9"), "/dev/null"]);
        let command = environment.iter().fold(command.path(), |command, (name, value)| command.env(name, value));
        let output = command.run();
        assert!(output.stdout.contains("refused"), "{output:?}");
        output.stdout.contains("\u{1b}[31mrefused\u{1b}[0m")
    };
    assert!(coloured(&[("TERM", "xterm")]));
    assert!(!coloured(&[("TERM", "dumb")]));
    assert!(!coloured(&[("TERM", "xterm"), ("NO_COLOR", "1")]));
    assert!(coloured(&[("TERM", "xterm"), ("NO_COLOR", "")]), "https://no-color.org: when not empty");
}

// --- sweeps -------------------------------------------------------------------------------------------------------

/// "`self-connected`: TCP connected to itself on loopback; nobody is listening". It leaves the port free: the next run
/// binds to it.
#[test]
fn a_connection_to_itself_is_no_success() {
    let net = Netns::new();
    net.sysctl("net/ipv4/ip_local_port_range", "41008 41008");
    for host in ["127.0.0.1", "[::1]"] {
        for (mode, phase) in [("nonblocking", "completion"), ("blocking", "connect")] {
            let run = Run::of(rconnect(&net, &format!("-m {mode} -s {host}:41008 {host}:41008")));
            assert_eq!(run.one().verdict(), format!("self-connected self-connect local {phase} -"), "{host}");
            assert_eq!(run.output.code(), 4);
        }
    }
    net.sysctl("net/ipv4/ip_local_port_range", "41008 41011");
    for _ in 0..10 {
        let run = Run::of(rconnect(&net, "127.0.0.1:41008-41011"));
        let found: Vec<_> = run.targets.iter().map(|target| target["outcome"].as_str().unwrap()).collect();
        assert!(!found.contains(&"connected"), "{found:?}");
    }
}

#[test]
fn a_sweep_finds_exactly_what_listens() {
    let net = Netns::new();
    let open = [22, 8080, 33_333, 50_000, 65_535].map(|port| net.listen(&format!("127.0.0.1:{port}")));
    let output =
        net.command(RCONNECT).args(["-o", "csv", "127.0.0.1", "1-65535"]).time_limit(Duration::from_secs(60)).run();
    let mut reader = csv::Reader::from_reader(output.stdout.as_bytes());
    let header = reader.headers().unwrap().clone();
    let place = |name: &str| header.iter().position(|own| own == name).unwrap();
    let (port, outcome, number) = (place("port"), place("outcome"), place("try"));
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    assert_eq!(rows.iter().filter(|row| &row[number] == "1").count(), 65_535);
    let mut found: Vec<u16> =
        rows.iter().filter(|row| &row[outcome] == "connected").map(|row| row[port].parse().unwrap()).collect();
    found.sort();
    found.dedup();
    assert_eq!(found, open.map(|listener| listener.port()));
    assert!(rows.iter().all(|row| ["connected", "refused"].contains(&&row[outcome])), "{:?}", output.stderr);
    assert_eq!(output.code(), 4);
}

/// What people read of a sweep: what is open as it comes, at the end every host with its ports, in ranges.
#[test]
fn a_sweep_for_people_is_a_page() {
    let net = Netns::new();
    let _open = [22, 80, 8443].map(|port| net.listen(&format!("127.0.0.1:{port}")));
    let sweep = |arguments: &str| {
        let output = net.command(RCONNECT).args(arguments.split_whitespace()).run();
        assert_eq!((output.code(), output.stderr.as_str()), (4, ""), "{arguments}");
        mask::text(&output.stdout)
    };
    #[rustfmt::skip]
    assert_eq!(sweep("-j 1 127.0.0.1 1-10000"), [
        "127.0.0.1:22      connected  T  ssh",
        "127.0.0.1:80      connected  T  http",
        "127.0.0.1:8443    connected  T",
        "127.0.0.1  3 connected: 22 ssh, 80 http, 8443",
        "           9997 refused: 1-21, 23-79, 81-8442, 8444-10000",
        "10000 targets: 3 connected, 9997 refused",
    ].map(|line| line.to_owned() + "\n").concat());
    let all = sweep("--show all 127.0.0.1 1-100");
    assert_eq!((all.matches(" refused  T  ECONNREFUSED").count(), all.lines().count()), (98, 102), "{all}");
    let good = sweep("--show good -n 127.0.0.1 1-100");
    let mut lines: Vec<&str> = good.lines().collect();
    lines.sort_unstable();
    #[rustfmt::skip]
    assert_eq!(lines, [
        "100 targets: 2 connected, 98 refused",
        "127.0.0.1:22      connected  T",
        "127.0.0.1:80      connected  T",
    ]);
    let failed = sweep("--show failed --json 127.0.0.1 20-25");
    assert_eq!((failed.lines().count(), failed.contains(":22\"")), (5, false), "{failed}");
}

#[test]
fn several_hosts_and_ports_end_in_a_matrix() {
    let net = Netns::new();
    let _open = ["127.0.0.1:22", "127.0.0.1:80", "127.0.0.10:22"].map(|address| net.listen(address));
    let output = net.command(RCONNECT).args(["127.0.0.1:22,80", "127.0.0.10:22,80"]).run();
    let lines: Vec<&str> = output.stdout.lines().collect();
    #[rustfmt::skip]
    assert_eq!(lines[lines.len() - 4..], [
        "            22         80",
        "127.0.0.1   connected  connected",
        "127.0.0.10  connected  refused",
        "4 targets: 3 connected, 1 refused",
    ]);
}

#[test]
fn a_low_limit_of_descriptors_slows_a_run_and_fails_no_attempt() {
    let net = Netns::new();
    for descriptors in [8, 40] {
        let output = rconnect(&net, "127.0.0.1:1-500").descriptors(descriptors).run();
        assert_eq!((output.code(), output.stderr.as_str()), (4, ""), "{descriptors}");
        assert_eq!(output.stdout.matches(r#""cause":"rst""#).count(), 500, "{descriptors}");
    }
    let output = rconnect(&net, "-j 100 127.0.0.1:1-500").descriptors(40).run();
    // What this test was started with may have left descriptors open, which count.
    let note = " of 100 attempts fit in flight: the descriptor limit is 40 (ulimit -n)";
    assert_eq!((output.code(), output.stderr.lines().count()), (4, 1), "{}", output.stderr);
    assert!(output.stderr.starts_with("rconnect: ") && output.stderr.contains(note), "{}", output.stderr);
    assert_eq!(output.stdout.matches(r#""cause":"rst""#).count(), 500);
    let output = rconnect(&net, "127.0.0.1:1-500").args(["-q", "-j", "100"]).descriptors(40).run();
    assert_eq!((output.code(), output.stdout.as_str(), output.stderr.as_str()), (4, "", ""));
}

/// `-j N` raises the limit by what else needs descriptors: lookups, threads, and what was inherited.
#[test]
fn as_many_attempts_as_asked_for_fit_where_the_limit_can_be_raised() {
    let net = Netns::new();
    for inherited in ["", "3</dev/null 4</dev/null 5</dev/null"] {
        for asked in [60, 70, 500] {
            let script = format!("ulimit -S -n 20; exec {RCONNECT} -j {asked} 127.0.0.1:1-100 {inherited}");
            let output = net.command("sh").args(["-c", &script]).run();
            assert_eq!((output.code(), output.stderr.as_str()), (4, ""), "{script}");
        }
    }
}

/// The numbers of the note add up.
#[test]
fn the_note_on_descriptors_adds_up() {
    let net = Netns::new();
    let script = format!("ulimit -n 300; exec {RCONNECT} -j 500 127.0.0.1:1-100 3</dev/null");
    let output = net.command("sh").args(["-c", &script]).run();
    let numbers: Vec<usize> =
        output.stderr.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    let [fits, 500, 300, inherited, others] = numbers[..] else { panic!("{}", output.stderr) };
    assert_eq!(fits + inherited + others, 300, "{}", output.stderr);
}

// --- what is sent and what is left --------------------------------------------------------------------------------

/// Connections of this machine's clients with that port that are not quite gone (proc_net_tcp in the kernel's
/// documents): FIN_WAIT1 is 04, FIN_WAIT2 05, TIME_WAIT 06.
fn left_over(net: &Netns, port: u16) -> usize {
    let table = net.enter(|| fs::read_to_string("/proc/thread-self/net/tcp").unwrap());
    let rows = table.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    rows.filter(|row| row[2].ends_with(&format!(":{port:04X}")) && ["04", "05", "06"].contains(&row[3])).count()
}

#[test]
fn a_reset_leaves_nothing_behind() {
    let net = Netns::new();
    for mode in ["nonblocking", "blocking"] {
        let open = net.listen("127.0.0.1:0");
        let probe = |options: &str| {
            let run = Run::of(rconnect(&net, &format!("-m {mode} {options} 127.0.0.1 {}", open.port())));
            assert_eq!(run.output.code(), 0);
            left_over(&net, open.port())
        };
        assert_eq!(probe("--reset-on-close"), 0, "{mode}");
        assert_eq!(probe(""), 1, "{mode}");
    }
}

/// The byte that IPv4 calls type of service and IPv6 traffic class (RFC 2474).
fn traffic_class(packet: &Packet) -> u8 {
    if packet.destination.is_ipv4() { packet.bytes[1] } else { packet.bytes[0] << 4 | packet.bytes[1] >> 4 }
}

#[test]
fn options_are_on_the_wire() {
    let net = Netns::new();
    let log = Log::default();
    let seen = log.clone();
    let _peer = net.tun(move |packet| {
        seen.note(packet);
        silence()
    });
    for host in [PEER, "fd09::7", "::ffff:10.9.7.7"] {
        for (options, ttl, class) in [
            ("", 64, 0),
            ("--ttl 7", 7, 0),
            ("--tos 16", 64, 16),
            ("--dscp ef", 64, 46 << 2),
            ("--dscp cs1 --ttl 255", 255, 8 << 2),
            ("-m blocking --dscp af41 --ttl 3", 3, 34 << 2),
            ("-u --dscp le --ttl 9", 9, 1 << 2),
        ] {
            let output = rconnect(&net, &format!("-t 50ms {options} {host} 80")).run();
            assert!([5, 9].contains(&output.code()), "{output:?}");
            let sent = log.0.lock().unwrap().pop().unwrap().1;
            assert_eq!((sent.ttl(), traffic_class(&sent)), (ttl, class), "{host} {options}");
        }
    }
}

/// "what a UDP probe sends": the text, or the contents of a file; an empty datagram without.
#[test]
fn the_payload_is_sent_as_it_is() {
    let net = Netns::new();
    let log = Log::default();
    let seen = log.clone();
    let _peer = net.tun(move |packet| {
        seen.note(packet);
        vec![packet.udp(b"x")]
    });
    for (options, payload) in
        [("", &b""[..]), ("--payload hello", b"hello"), ("--payload @/proc/sys/kernel/ostype", b"Linux\n")]
    {
        let run = Run::of(rconnect(&net, &format!("-u {options} {PEER} 53")));
        assert_eq!(run.one().verdict(), "connected - - completion -");
        assert_eq!(log.0.lock().unwrap().pop().unwrap().1.data(), payload, "{options}");
        for host in [PEER, "[fd09::7]", "[::ffff:10.9.7.7]"] {
            let run = Run::of(rconnect(&net, &format!("{options} udp://{host}:53")));
            assert_eq!(run.one().verdict(), "connected - - completion -", "{options} {host}: the URL selects UDP");
            assert_eq!(log.0.lock().unwrap().pop().unwrap().1.data(), payload, "{options} {host}");
        }
    }
}

/// Progress is for people who wait: a line a second on standard error, and none where nobody asked for it.
#[test]
fn a_long_run_shows_progress_where_it_is_asked_for() {
    let net = Netns::new();
    let _peer = net.tun(|_| silence());
    let run = |args: &str| net.command(RCONNECT).args(args.split_whitespace()).run();
    let one = run(&format!("--progress always -t 2500ms {PEER} 80"));
    let lines: Vec<&str> = one.stderr.lines().collect();
    assert_eq!(lines[0], format!("rconnect: waiting for {}:80, 1 s", PEER), "{one:?}");
    assert!(lines.iter().all(|line| line.starts_with("rconnect: waiting for ")) && one.stderr.is_ascii(), "{one:?}");
    let many = run(&format!("--progress always -t 1500ms {PEER} 80-82"));
    assert!(many.stderr.starts_with("rconnect: 0 of 3 targets, 0/s, 0 connected\n"), "{many:?}");
    for quiet in ["--progress never", "--progress auto", "--progress always -q"] {
        let run = run(&format!("{quiet} -t 1500ms {PEER} 80"));
        assert_eq!((run.code(), run.stderr.as_str()), (5, ""), "{quiet}");
    }
    let short = run("--progress always 127.0.0.1 9");
    assert_eq!((short.code(), short.stderr.as_str()), (4, ""), "a run that is over within a second shows none");
}

/// Every round that lasts over a second has progress of its own, and names its target or counts from zero.
#[test]
fn long_rounds_show_progress() {
    let net = Netns::new();
    let _peer = net.tun(|packet| if packet.port() == 81 { vec![packet.reset()] } else { silence() });
    let run = |args: &str| net.command(RCONNECT).args(args.split_whitespace()).run();
    let one = run(&format!("-c 2 --progress always -t 1500ms {PEER} 80"));
    let lines = [1, 2].map(|round| format!("rconnect: round {round}: waiting for {PEER}:80, 1 s\n"));
    assert_eq!(one.stderr, lines.concat(), "{one:?}");
    let many = run(&format!("-c 2 --progress always --json -t 1500ms {PEER} 80-82"));
    let lines: Vec<&str> = many.stderr.lines().map(|line| line.split_once(',').expect(line).0).collect();
    assert_eq!(lines, [1, 2].map(|round| format!("rconnect: round {round}: 1 of 3 targets")));
    let wait = run(&format!("--wait=2s --progress always -t 1500ms {PEER} 80"));
    assert!(wait.stderr.starts_with(&format!("rconnect: round 1: waiting for {PEER}:80, 1 s\n")), "{wait:?}");
    for quiet in ["--progress auto", "--progress never", "--progress always -q"] {
        assert_eq!(run(&format!("-c 1 {quiet} -t 1500ms {PEER} 80")).stderr, "", "{quiet}");
    }
    let between = run("-c 2 -i 1500ms --progress always 127.0.0.1 9");
    assert_eq!(between.stderr, "", "nothing is waited for between two rounds");
}
