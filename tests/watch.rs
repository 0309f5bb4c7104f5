//! Repeated probes: a line for each, what changes, and the statistics, however the run ends.
#![cfg(target_os = "linux")]

mod lab;
mod support;
#[path = "support/temp.rs"]
mod temp;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::sleep;

use lab::*;
use serde_json::{Value, json};
use support::{RCONNECT, rconnect};
use temp::TempDir;

fn read(line: &str) -> Value {
    serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"))
}

/// The lines of the targets, and the last line.
fn lines(output: &Output) -> (Vec<Value>, Value) {
    let mut lines: Vec<Value> = output.stdout.lines().map(read).collect();
    let last = lines.pop().unwrap_or_else(|| panic!("no line: {output:?}"));
    assert_eq!(last["record"], "statistics", "{output:?}");
    assert!(lines.iter().all(|line| line["record"] == "target"), "{output:?}");
    (lines, last)
}

/// Reads lines of JSON until one has this outcome.
fn await_outcome(running: &mut Running, outcome: &str) {
    while read(&running.line().expect("another round"))["outcome"] != outcome {}
}

/// Reads lines for people until one has this text.
fn await_text(running: &mut Running, text: &str) -> String {
    loop {
        let line = running.line().expect("another round");
        if line.contains(text) {
            return line;
        }
    }
}

fn human(net: &Netns, args: &str) -> Command {
    net.command(RCONNECT).args(args.split_whitespace())
}

#[test]
fn so_many_rounds_and_statistics() {
    let net = Netns::new();
    let server = net.listen("127.0.0.1:8080");
    let output = rconnect(&net, "-c 5 -i 10ms 127.0.0.1 8080").run();
    assert_eq!((output.code(), server.accepted()), (0, 5), "{output:?}");
    let (targets, statistics) = lines(&output);
    let rounds: Vec<u64> = targets.iter().filter_map(|line| line["round"].as_u64()).collect();
    assert_eq!(rounds, [1, 2, 3, 4, 5]);
    assert_eq!((&statistics["rounds"], &statistics["others"]), (&Value::from(5), &Value::Null));
    let address = &statistics["addresses"][0];
    assert_eq!((&address["sent"], &address["outcomes"]["connected"]), (&Value::from(5), &Value::from(5)));
    assert_eq!((&address["times"]["measure"], &address["times"]["count"]), (&Value::from("rtt"), &Value::from(5)));
    assert_eq!(address["outages"]["count"], 0);
    let people = human(&net, "-c 2 -i 10ms 127.0.0.1 8080").run();
    let shown: Vec<&str> = people.stdout.lines().collect();
    assert!(shown[0].starts_with("   1 127.0.0.1:8080    connected"), "{people:?}");
    assert!(shown[1].starts_with("   2 127.0.0.1:8080    connected"), "{people:?}");
    assert!(shown[2].starts_with("--- 2 rounds in "), "{people:?}");
    assert_eq!(shown[3], "127.0.0.1:8080  2 sent: 2 connected");
}

#[test]
fn a_server_that_comes_up_late() {
    let net = Netns::new();
    let mut running = human(&net, "--watch -i 20ms 127.0.0.1 8080").start();
    await_text(&mut running, "refused");
    let _server = net.listen("127.0.0.1:8080");
    await_text(&mut running, "connected");
    assert_eq!(running.line().as_deref(), Some("       changed: was refused (a RST answered the SYN)"));
    running.signal(Signal::SIGINT);
    let output = running.wait();
    assert_eq!(output.signal(), Signal::SIGINT);
    assert!(output.stdout.contains("  1 outage: ") && !output.stdout.contains("not over"), "{output:?}");
    assert_eq!(output.stdout.matches("advice:").count(), 1, "{output:?}");
}

#[test]
fn a_server_that_flaps() {
    let net = Netns::new();
    let server = net.listen("127.0.0.1:8080");
    let mut running = rconnect(&net, "--watch -i 20ms 127.0.0.1 8080").start();
    await_outcome(&mut running, "connected");
    drop(server);
    await_outcome(&mut running, "refused");
    let server = net.listen("127.0.0.1:8080");
    await_outcome(&mut running, "connected");
    drop(server);
    await_outcome(&mut running, "refused");
    running.signal(Signal::SIGTERM);
    let output = running.wait();
    assert_eq!(output.signal(), Signal::SIGTERM);
    let (targets, statistics) = lines(&output);
    let address = &statistics["addresses"][0];
    assert_eq!(address["sent"], targets.len());
    assert_eq!(address["outages"]["count"], 2);
    let longest = &address["outages"]["longest"];
    assert_eq!((&longest["outcome"], &longest["cause"]), (&Value::from("refused"), &Value::from("rst")));
}

#[test]
fn a_name_that_changes_its_address() {
    let net = Netns::new();
    let dns = net.dns();
    let _servers = ["127.0.0.2:8080", "127.0.0.3:8080"].map(|at| net.listen(at));
    dns.record("db.test", "127.0.0.2");
    let watch = human(&net, "--watch -i 20ms -4 db.test 8080").resolver("timeout:1 attempts:1");
    let mut running = watch.start();
    assert!(running.line().is_some_and(|line| line.starts_with("db.test:8080  1 address in ")));
    await_text(&mut running, "   1 127.0.0.2   connected");
    dns.record("db.test", "127.0.0.3");
    await_text(&mut running, "changed: a new address");
    dns.forget("db.test").record("db.test", "127.0.0.3");
    assert_eq!(await_text(&mut running, "changed: "), "       changed: no longer 127.0.0.2");
    dns.forget("db.test").record("db.test", "2001:db8::1");
    await_text(&mut running, "unresolved");
    assert_eq!(await_text(&mut running, "changed: "), "       changed: was connected");
    running.signal(Signal::SIGINT);
    let output = running.wait();
    let (_, statistics) = output.stdout.split_once("\n--- ").expect("statistics");
    let series = |start: &str| statistics.lines().filter(|line| line.starts_with(start)).count();
    let places = ["db.test:8080 127.0.0.2  ", "db.test:8080 127.0.0.3  ", "db.test:8080  "];
    assert_eq!(places.map(series), [1, 1, 1], "{output:?}");
}

/// The handshake was complete, and that is what is asked.
#[test]
fn a_server_that_accepts_and_closes() {
    let net = Netns::new();
    let _server = net.listen_and_reset("127.0.0.1:8080");
    let (_, statistics) = lines(&rconnect(&net, "-c 20 -i 1ms 127.0.0.1 8080").run());
    let outcomes = &statistics["addresses"][0]["outcomes"];
    let count = |word: &str| outcomes[word].as_u64().unwrap_or(0);
    assert_eq!(count("connected") + count("reset"), 20, "{outcomes}");
}

/// Microseconds since midnight.
fn clock(line: &Value) -> u64 {
    let text = line["started_at"].as_str().expect("a time");
    let (_, time) = text.trim_end_matches('Z').split_once('T').expect("a date and a time");
    let parts: Vec<f64> = time.split(':').map(|part| part.parse().expect("a number")).collect();
    ((parts[0] * 3600.0 + parts[1] * 60.0 + parts[2]) * 1e6).round() as u64
}

/// No round begins before its time, however late those before it were, and none is left out or made up.
#[test]
fn a_hundred_rounds_do_not_drift() {
    let net = Netns::new();
    let _server = net.listen("127.0.0.1:8080");
    let output = rconnect(&net, "-c 100 -i 10ms 127.0.0.1 8080").run();
    let (targets, statistics) = lines(&output);
    assert_eq!((targets.len(), output.code()), (100, 0));
    let begin = clock(&statistics);
    for (number, target) in (0..).zip(&targets) {
        let since = (clock(target) + 86_400_000_000 - begin) % 86_400_000_000;
        assert!(since >= number * 10_000, "round {} began {since} us after the first", number + 1);
        assert_eq!(target["round"], number + 1);
    }
    assert!(statistics["elapsed_us"].as_u64() >= Some(99 * 10_000));
}

#[test]
fn a_pause_is_no_outage_and_its_rounds_are_not_made_up() {
    let net = Netns::new();
    let _server = net.listen("127.0.0.1:8080");
    let mut running = rconnect(&net, "--watch -i 100ms 127.0.0.1 8080").start();
    await_outcome(&mut running, "connected");
    running.signal(Signal::SIGSTOP);
    sleep(ms(1000));
    running.signal(Signal::SIGCONT);
    await_outcome(&mut running, "connected");
    await_outcome(&mut running, "connected");
    running.signal(Signal::SIGINT);
    let (targets, statistics) = lines(&running.wait());
    let rounds: Vec<u64> = targets.iter().filter_map(|line| line["round"].as_u64()).collect();
    assert_eq!(rounds, (1..=targets.len() as u64).collect::<Vec<_>>());
    assert!(statistics["missed"].as_u64() >= Some(8), "{statistics}");
    assert_eq!(statistics["addresses"][0]["outages"]["count"], 0);
    let longest = targets.windows(2).map(|pair| (clock(&pair[1]) + 86_400_000_000 - clock(&pair[0])) % 86_400_000_000);
    assert!(longest.max() >= Some(900_000), "the clock of the second one is that after the pause");
}

#[test]
fn sigquit_asks_for_the_statistics_so_far() {
    let net = Netns::new();
    let _server = net.listen("127.0.0.1:8080");
    for form in ["", "--json", "-o csv"] {
        let mut running = human(&net, &format!("--watch -i 20ms {form} 127.0.0.1 8080")).start();
        await_text(&mut running, "connected");
        running.signal(Signal::SIGQUIT);
        // It is answered before the next wait.
        (0..3).for_each(|_| drop(running.line()));
        running.signal(Signal::SIGINT);
        let output = running.wait();
        assert_eq!(output.signal(), Signal::SIGINT);
        assert!(output.stderr.starts_with("--- ") && output.stderr.contains(" sent: "), "{output:?}");
        assert_eq!(output.stderr.matches("--- ").count(), 1, "{output:?}");
    }
}

#[test]
fn a_run_that_is_not_repeated_dies_of_sigquit() {
    let net = Netns::new();
    let _silence = net.tun(|_| silence());
    let running = rconnect(&net, "-t none 10.9.7.7 80").start();
    running.signal(Signal::SIGQUIT);
    assert_eq!(running.wait().signal(), Signal::SIGQUIT);
}

#[test]
fn enter_asks_for_the_statistics_so_far() {
    let net = Netns::new();
    let _server = net.listen("127.0.0.1:8080");
    let watch = format!("{RCONNECT} -c 5 -i 100ms 127.0.0.1 8080");
    let script = net.command("/usr/bin/script").args(["-qec", &watch, "/dev/null"]);
    let output = script.path().env("TERM", "xterm").stdin("\n").run();
    assert_eq!((output.code(), output.stdout.matches("--- ").count()), (0, 2), "{output:?}");
    // On a terminal the statistics have a histogram.
    assert!(output.stdout.contains("##"), "{output:?}");
}

/// Where nobody reads the results, people find what they came to on standard error.
#[test]
fn nothing_is_lost_when_the_output_ends() {
    let net = Netns::new();
    let _server = net.listen("127.0.0.1:8080");
    let closed = rconnect(&net, "-c 1000 -i 5ms 127.0.0.1 8080").close_stdout_after(1).run();
    assert_eq!(closed.code(), 2, "rounds were left: {closed:?}");
    assert!(closed.stderr.starts_with("--- ") && closed.stderr.contains(" sent: "), "{closed:?}");
    let watched = rconnect(&net, "--watch -i 5ms 127.0.0.1 8080").close_stdout_after(1).run();
    assert_eq!(watched.code(), 0, "a pipe is how it ends: {watched:?}");
    let full = human(&net, "-c 3 -i 5ms 127.0.0.1 8080").stdout_full().run();
    assert_eq!(full.code(), 2);
    assert!(full.stderr.contains("--- ") && full.stderr.contains("cannot write the results"), "{full:?}");
}

#[test]
fn the_exit_code_is_that_of_all_rounds() {
    let net = Netns::new();
    let mut running = rconnect(&net, "-c 20 -i 50ms 127.0.0.1 8080").start();
    await_outcome(&mut running, "refused");
    let _server = net.listen("127.0.0.1:8080");
    let output = running.wait();
    let (targets, _) = lines(&output);
    assert_eq!((&targets[19]["outcome"], output.code()), (&Value::from("connected"), 4));
    let code = |args: &str| human(&net, args).run().code();
    assert_eq!(code("-q -c 2 -i 1ms 127.0.0.1 8080"), 0);
    assert_eq!(code("-c 2 -i 1ms --expect closed 127.0.0.1 9"), 0);
    assert_eq!(code("-c 2 -i 1ms --expect closed 127.0.0.1 8080"), 1);
    assert_eq!(code("-c 2 -i 0 --exit-code simple 127.0.0.1 9"), 1);
    let quiet = human(&net, "-q -c 2 -i 1ms 127.0.0.1 9").run();
    assert_eq!((quiet.code(), &*quiet.stdout, &*quiet.stderr), (4, "", ""));
}

/// What a signal or the deadline cuts short is counted, but neither begins nor ends an outage, and is no change.
#[test]
fn a_hold_that_is_cut_short_ends_no_outage() {
    let net = Netns::new();
    let first = AtomicBool::new(true);
    let mut held = Vec::new();
    let _server = net.accept_with("127.0.0.1:8080", move |connection| {
        if !first.swap(false, Ordering::SeqCst) {
            held.push(connection);
        }
    });
    let mut running = rconnect(&net, "--watch -i 50ms --hold 1h 127.0.0.1 8080").start();
    await_outcome(&mut running, "closed-by-peer");
    sleep(ms(300));
    running.signal(Signal::SIGINT);
    let (targets, statistics) = lines(&running.wait());
    assert_eq!(targets.last().map(|line| &line["outcome"]), Some(&Value::from("connected")));
    let (address, both) = (&statistics["addresses"][0], json!({"connected": 1, "closed-by-peer": 1}));
    assert_eq!((&address["sent"], &address["outcomes"]), (&json!(2), &both));
    let longest = &address["outages"]["longest"];
    assert_eq!((&longest["outcome"], &longest["over"]), (&json!("closed-by-peer"), &json!(false)));
    let (_, statistics) = lines(&rconnect(&net, "--watch --hold 1h --deadline 300ms 127.0.0.1 8080").run());
    let address = &statistics["addresses"][0];
    assert_eq!((&address["sent"], &address["outcomes"]), (&json!(1), &json!({"connected": 1})));
}

/// What the deadline cut short is counted like what a signal cut short.
#[test]
fn statistics_count_every_round_in_which_an_address_was_tried() {
    let net = Netns::new();
    let _silence = net.tun(|_| silence());
    let running = rconnect(&net, "--watch -t none 10.9.7.7 80").start();
    sleep(ms(300));
    running.signal(Signal::SIGINT);
    let by_signal = lines(&running.wait()).1;
    let by_deadline = lines(&rconnect(&net, "--watch -t none --deadline 300ms 10.9.7.7 80").run()).1;
    for (statistics, outcome) in [(by_signal, "interrupted"), (by_deadline, "timed-out")] {
        let address = &statistics["addresses"][0];
        assert_eq!((&address["sent"], &address["outcomes"]), (&json!(1), &json!({outcome: 1})));
        assert_eq!(address["outages"]["count"], 0);
    }
}

/// The round that the deadline cuts short is no failure.
#[test]
fn the_deadline_ends_the_rounds() {
    let net = Netns::new();
    let first = AtomicBool::new(true);
    let answer = move || first.swap(false, Ordering::SeqCst);
    let _peer = net.tun(move |packet| if packet.is_syn() && answer() { vec![packet.syn_ack()] } else { silence() });
    let output = rconnect(&net, "--watch -i 50ms -t none --deadline 700ms 10.9.7.7 80").run();
    let (targets, statistics) = lines(&output);
    assert_eq!(targets.last().map(|line| &line["outcome"]), Some(&Value::from("timed-out")));
    assert_eq!((output.code(), &statistics["addresses"][0]["outages"]["count"]), (0, &Value::from(0)), "{output:?}");
}

#[test]
fn many_targets_are_probed_again() {
    let net = Netns::new();
    let _server = net.listen("127.0.0.9:9");
    let (targets, statistics) = lines(&rconnect(&net, "-c 3 -i 10ms 127.0.0.0/27:9").run());
    assert_eq!((targets.len(), statistics["addresses"].as_array().map(Vec::len)), (96, Some(32)));
    let people = human(&net, "-c 2 -i 10ms 127.0.0.0/27:9").run().stdout;
    let shown: Vec<&str> = people.lines().take_while(|line| !line.starts_with("---")).collect();
    assert!(shown[0].starts_with("   1 127.0.0.9:9   "), "{people}");
    let each = |round| format!("round {round}: 32 targets: 1 connected, 31 refused");
    assert_eq!(shown[1..], [each(1), each(2)], "{people}");
    assert!(people.ends_with("\n31 addresses, each: 2 sent: 2 refused\n"), "{people}");
}

#[test]
fn targets_of_a_file_datagrams_and_csv() {
    let net = Netns::new();
    let _echo = net.udp_echo("127.0.0.1:7");
    let (targets, statistics) = lines(&rconnect(&net, "-u -c 2 -i 10ms 127.0.0.1 7").run());
    assert_eq!((targets.len(), &statistics["addresses"][0]["times"]["measure"]), (2, &Value::from("elapsed")));
    let file = human(&net, "-c 2 -i 10ms --from /etc/hosts.list -o csv").etc("hosts.list", "127.0.0.1:9\n");
    let csv = file.run().stdout;
    let mut reader = csv::Reader::from_reader(csv.as_bytes());
    let column = reader.headers().expect("a header").iter().position(|name| name == "round").expect("a column");
    let rounds: Vec<String> = reader.records().map(|row| row.expect("a row")[column].to_owned()).collect();
    assert_eq!(rounds, ["1", "2"], "{csv}");
    let _server = net.listen("127.0.0.1:8080");
    let first = rconnect(&net, "-c 2 -i 10ms --strategy first --resolve x:8080:127.0.0.1,127.0.0.2 x 8080").run();
    let (_, statistics) = lines(&first);
    assert_eq!((first.code(), statistics["addresses"].as_array().map(Vec::len)), (0, Some(1)));
}

/// A round that never began is none.
#[test]
fn rounds_without_a_file_are_not_counted() {
    let net = Netns::new();
    for (args, code) in [("-c 1000 -i 50ms", 2), ("--watch --deadline 1s -i 50ms", 4)] {
        let directory = TempDir::new();
        let list = directory.file("list", "127.0.0.1:9\n");
        let mut running = rconnect(&net, &format!("{args} --from")).args([&list]).start();
        assert!(running.line().is_some());
        std::fs::remove_file(&list).expect("a file");
        let output = running.wait();
        let (targets, statistics) = lines(&output);
        assert_eq!(output.code(), code, "{output:?}");
        assert_eq!(statistics["rounds"], statistics["addresses"][0]["sent"], "{output:?}");
        assert!(!targets.is_empty());
    }
}
