//! Rounds: waiting for what is not there yet, and the command after it.
#![cfg(target_os = "linux")]

mod lab;
mod support;
#[path = "support/temp.rs"]
mod temp;

use lab::*;
use serde_json::Value;
use support::{RCONNECT, rconnect};
use temp::TempDir;

/// `round outcome` of a line of JSON.
fn round(line: &str) -> String {
    let target: Value = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
    format!("{} {}", target["round"], target["outcome"].as_str().expect("a word"))
}

fn rounds(output: &Output) -> Vec<String> {
    output.stdout.lines().map(round).collect()
}

/// The last of the lines on standard error, without the time that the wait took.
fn last_note(output: &Output) -> &str {
    let line = output.stderr.lines().last().unwrap_or_else(|| panic!("no note: {output:?}"));
    line.split(" after ").next().expect("a line")
}

#[test]
fn a_port_that_comes_up_is_waited_for() {
    let net = Netns::new();
    let mut running = rconnect(&net, "--wait -i 50ms 127.0.0.1 8080").start();
    assert_eq!(running.line().as_deref().map(round).as_deref(), Some("1 refused"));
    let _server = net.listen("127.0.0.1:8080");
    let output = running.wait();
    assert_eq!((output.code(), last_note(&output)), (0, "rconnect: 127.0.0.1:8080 is connected"));
    let rounds = rounds(&output);
    assert!(rounds.len() > 1 && rounds.last().is_some_and(|last| last.ends_with(" connected")), "{rounds:?}");
    assert!(rounds[..rounds.len() - 1].iter().all(|round| round.ends_with(" refused")), "{rounds:?}");
}

/// The code of a name that is not there is not retryable; a wait asks again all the same.
#[test]
fn a_name_that_appears_is_waited_for() {
    let net = Netns::new();
    let dns = net.dns();
    let server = net.listen("127.0.0.1:0");
    let arguments = format!("--wait -i 50ms -4 db.test {}", server.port());
    let mut running = rconnect(&net, &arguments).resolver("timeout:1 attempts:1").start();
    assert_eq!(running.line().as_deref().map(round).as_deref(), Some("1 unresolved"));
    dns.record("db.test", "127.0.0.1");
    let output = running.wait();
    assert_eq!(output.code(), 0, "{output:?}");
    let waited = format!("rconnect: waiting for db.test:{}: unresolved (no such name)", server.port());
    assert_eq!(output.stderr.lines().next(), Some(waited.as_str()));
    assert_eq!(output.stderr.lines().count(), 3, "one line for each change, one for the end: {}", output.stderr);
}

#[test]
fn a_route_that_appears_is_waited_for() {
    let net = Netns::new();
    let mut running = rconnect(&net, "--wait -i 50ms 10.3.0.1 8080").start();
    assert_eq!(running.line().as_deref().map(round).as_deref(), Some("1 unreachable"));
    net.ip("address add 10.3.0.1/24 dev lo");
    let _server = net.listen("10.3.0.1:8080");
    assert_eq!(running.wait().code(), 0);
}

#[test]
fn every_target_must_be_good_at_the_same_time() {
    let net = Netns::new();
    let _first = net.listen("127.0.0.1:8080");
    let mut running = rconnect(&net, "--wait -i 50ms 127.0.0.1:8080,8081").start();
    assert!(running.line().is_some() && running.line().is_some());
    let _second = net.listen("127.0.0.1:8081");
    let output = running.wait();
    assert_eq!((output.code(), last_note(&output)), (0, "rconnect: 2 targets are good"));
}

#[test]
fn a_stable_target_is_good_in_every_round() {
    let net = Netns::new();
    let server = net.listen("127.0.0.1:8080");
    let output = rconnect(&net, "--wait --stable 4 -i 10ms 127.0.0.1 8080").run();
    assert_eq!((output.code(), rounds(&output).len()), (0, 4));
    assert_eq!(server.accepted(), 4);
}

#[test]
fn what_is_expected_is_waited_for() {
    let net = Netns::new();
    let server = net.listen("127.0.0.1:8080");
    let mut running = rconnect(&net, "--wait --expect closed -i 50ms 127.0.0.1 8080").start();
    assert_eq!(running.line().as_deref().map(round).as_deref(), Some("1 connected"));
    drop(server);
    let output = running.wait();
    assert_eq!((output.code(), last_note(&output)), (0, "rconnect: 127.0.0.1:8080 is refused"));
}

#[test]
fn a_wait_that_runs_out_ends_with_the_code_of_timeout_and_runs_nothing() {
    let net = Netns::new();
    let output = rconnect(&net, "--wait=200ms -i 50ms 127.0.0.1 8080 -- /bin/echo ran").run();
    assert_eq!((output.code(), output.stdout.as_str()), (124, ""));
    assert_eq!(output.stderr.lines().last(), Some("rconnect: 127.0.0.1:8080: refused (a RST answered the SYN)"));
}

/// A hold or an attempt that the end of the wait cuts short is neither a connection that is served nor a timeout.
#[test]
fn what_the_end_of_the_wait_cuts_short_is_not_what_is_waited_for() {
    let net = Netns::new();
    let _closing = net.accept_with("127.0.0.1:80", |connection| {
        std::thread::sleep(ms(200));
        drop(connection);
    });
    let _slow = net.tun(|packet| if packet.is_syn() { vec![packet.syn_ack().after(ms(200))] } else { silence() });
    for args in [
        "--wait=1100ms --hold 500ms 127.0.0.1 80",
        "--wait=1100ms --expect blocked 10.9.7.7 80",
        "--wait=700ms -t 5s --expect timed-out 10.9.7.8 81",
        "--wait=100ms --hold 5s 127.0.0.1 80",
    ] {
        let output = rconnect(&net, &format!("{args} -- /bin/echo ran")).run();
        assert_eq!((output.code(), output.stdout.as_str()), (124, ""), "{args}: {output:?}");
    }
    let expected = |args: &str| rconnect(&net, &format!("--expect blocked {args} 10.9.7.7 80")).run().code();
    assert_eq!((expected("--deadline 100ms"), expected("-t 100ms --deadline 5s")), (5, 0));
}

/// What the wait found counts, not that the time ran out during a try.
#[test]
fn the_last_reason_is_that_of_a_whole_round() {
    let net = Netns::new();
    let _peer = net.tun(|packet| if packet.nth == 1 { vec![packet.icmp(3, 13)] } else { silence() });
    let output = rconnect(&net, "--wait=1s -i 50ms -t none 10.9.7.7 80").run();
    assert_eq!(output.code(), 124);
    let lines: Vec<&str> = output.stderr.lines().collect();
    let [.., ran_out, reason] = &lines[..] else { panic!("{output:?}") };
    assert!(ran_out.starts_with("rconnect: the wait ran out after 1."), "{ran_out}");
    assert!(reason.starts_with("rconnect: 10.9.7.7:80: denied ("), "{reason}");
}

#[test]
fn people_read_the_last_result() {
    let net = Netns::new();
    let output = net.command(RCONNECT).args(["--wait=100ms", "-i", "50ms", "127.0.0.1", "8080"]).run();
    assert_eq!(output.code(), 124);
    assert_eq!(output.stdout.matches("refused").count(), 1, "{output:?}");
    assert_eq!(output.stderr.lines().count(), 2, "{output:?}");
    let quiet = net.command(RCONNECT).args(["-q", "--wait=100ms", "-i", "50ms", "127.0.0.1", "8080"]).run();
    assert_eq!((quiet.code(), quiet.stdout.as_str(), quiet.stderr.as_str()), (124, "", ""));
}

#[test]
fn the_command_takes_the_place_of_the_process() {
    let net = Netns::new();
    let _server = net.listen("127.0.0.1:8080");
    let execute = |command: &[&str]| {
        let wait = ["-j", "2000", "--wait", "127.0.0.1", "8080", "--"];
        net.command(RCONNECT).args(wait).args(command).descriptors_soft(100).run()
    };
    let output = execute(&["/bin/sh", "-c", "echo \"$0 $1\"; exit 42", "zero", "one two"]);
    assert_eq!((output.code(), output.stdout.as_str()), (42, "zero one two\n"));
    let state = ["-c", "ulimit -Sn; grep -E 'SigIgn|SigBlk' /proc/self/status"];
    let as_it_is = net.command("/bin/sh").args(state).descriptors_soft(100).run().stdout;
    assert_eq!(execute(&[&["/bin/sh"], &state[..]].concat()).stdout, as_it_is);
    let killed = execute(&["/bin/sh", "-c", "kill -TERM $$"]);
    assert_eq!(killed.signal(), Signal::SIGTERM);
}

#[test]
fn results_before_a_command_are_on_standard_error() {
    let net = Netns::new();
    let _server = net.listen("127.0.0.1:8080");
    let run = |args: &[&str]| {
        net.command(RCONNECT).args(args).args(["--wait", "127.0.0.1", "8080", "--", "/bin/echo", "ran"]).run()
    };
    let (plain, verbose) = (run(&[]), run(&["-v"]));
    assert_eq!((plain.stdout.as_str(), plain.stderr.lines().count()), ("ran\n", 1), "{plain:?}");
    assert_eq!(verbose.stdout, "ran\n");
    let result = |line: &str| line.starts_with("127.0.0.1:8080 ") && line.contains(" connected ");
    assert!(verbose.stderr.lines().any(result), "{verbose:?}");
}

#[test]
fn a_command_that_cannot_be_executed_has_the_codes_of_env() {
    let net = Netns::new();
    let _server = net.listen("127.0.0.1:8080");
    for (command, code) in [("/nonexistent", 127), ("/etc/passwd", 126)] {
        let output = rconnect(&net, &format!("--wait 127.0.0.1 8080 -- {command}")).run();
        assert_eq!(output.code(), code);
        assert!(last_note(&output).starts_with(&format!("rconnect: cannot execute '{command}'")), "{output:?}");
    }
}

#[test]
fn a_signal_ends_the_wait() {
    let net = Netns::new();
    for signal in [Signal::SIGINT, Signal::SIGTERM] {
        let mut running = rconnect(&net, "--wait -i 1h 127.0.0.1 8080").start();
        assert_eq!(running.line().as_deref().map(round).as_deref(), Some("1 refused"));
        running.signal(signal);
        assert_eq!(running.wait().signal(), signal);
    }
}

#[test]
fn nothing_is_waited_for_after_a_signal() {
    let net = Netns::new();
    let _silence = net.tun(|_| silence());
    let running = rconnect(&net, "--wait -t none 10.9.7.7 80").start();
    std::thread::sleep(ms(300));
    running.signal(Signal::SIGTERM);
    let output = running.wait();
    assert_eq!((output.signal(), output.stderr.as_str()), (Signal::SIGTERM, ""), "{output:?}");
    assert_eq!(rounds(&output), ["1 interrupted"]);
}

/// A line for each target would hide what the wait is about.
#[test]
fn many_targets_are_waited_for_in_one_line() {
    let net = Netns::new();
    let output = rconnect(&net, "--wait=700ms -i 50ms 127.0.0.1 8001-8021").run();
    let lines: Vec<&str> = output.stderr.lines().collect();
    assert_eq!((output.code(), lines[0]), (124, "rconnect: waiting for 21 of 21 targets: 21 refused"), "{output:?}");
    assert!(lines[1].starts_with("rconnect: the wait ran out"), "{output:?}");
    let few = rconnect(&net, "--wait=700ms -i 50ms 127.0.0.1 8001-8020").run();
    assert_eq!(few.stderr.matches("rconnect: waiting for 127.0.0.1:80").count(), 20, "{few:?}");
}

/// An editor truncates a file before it writes it, or puts another one in its place.
#[test]
fn a_file_that_is_missing_for_a_while_is_waited_for() {
    let net = Netns::new();
    let directory = TempDir::new();
    for broken in [Some(""), None, Some("127.0.0.1:99999\n")] {
        let list = directory.file("list", "127.0.0.1:8080\n");
        let mut running = rconnect(&net, "--wait=20s -i 50ms --from").args([&list]).start();
        assert_eq!(running.line().as_deref().map(round).as_deref(), Some("1 refused"));
        match broken {
            Some(text) => drop(directory.file("list", text)),
            None => std::fs::remove_file(&list).expect("a file"),
        }
        std::thread::sleep(ms(300));
        let _server = net.listen("127.0.0.1:8080");
        directory.file("list", "127.0.0.1:8080\n");
        let output = running.wait();
        assert_eq!((output.code(), last_note(&output)), (0, "rconnect: 127.0.0.1:8080 is connected"), "{output:?}");
        assert!(output.stderr.contains(": waiting for the targets\n"), "{output:?}");
    }
}

#[test]
fn a_terminal_has_one_line_that_changes() {
    let net = Netns::new();
    let wait = format!("{RCONNECT} --wait=100ms -i 50ms 127.0.0.1 8080");
    let script = net.command("/usr/bin/script").args(["-qec", &wait, "/dev/null"]);
    let output = script.path().env("TERM", "xterm").run();
    let status = "\rwaiting 0 s for 127.0.0.1:8080: refused (a RST answered the SYN)\u{1b}[K";
    assert_eq!(output.code(), 124);
    assert!(output.stdout.starts_with(&format!("{status}\r\u{1b}[Krconnect: the wait ran out")), "{output:?}");
}
