//! `--self-test`: every row as it is on Linux, and what keeps rows from being provoked.

#![cfg(target_os = "linux")]

mod lab;

use std::collections::BTreeMap;
use std::time::Duration;

use lab::*;
use serde_json::Value;

const RCONNECT: &str = env!("CARGO_BIN_EXE_rconnect");

/// Each row: what the documents say, what Linux answers (an empty text: it is not provoked).
const ROWS: [(&str, &str, &str); 39] = [
    ("refused", "WSAECONNREFUSED", "ECONNREFUSED"),
    ("pending", "WSAEWOULDBLOCK", "EINPROGRESS"),
    ("again-while-pending", "WSAEALREADY", "EALREADY"),
    ("again-when-connected", "WSAEISCONN", "OK EISCONN"),
    ("select-refused", "exception", "readable writable"),
    ("select-connected", "writable", "writable"),
    ("listening-socket", "WSAEINVAL", "EISCONN"),
    ("any-address", "WSAEADDRNOTAVAIL", "OK"),
    ("foreign-source", "", "EADDRNOTAVAIL"),
    ("port-in-use", "WSAEADDRINUSE", "EADDRINUSE"),
    ("pair-in-use", "WSAEADDRINUSE", "EADDRNOTAVAIL"),
    ("other-family", "WSAEAFNOSUPPORT", "EAFNOSUPPORT"),
    ("mapped-address", "", "ENETUNREACH"),
    ("short-name", "WSAEFAULT", "EINVAL"),
    ("not-a-socket", "WSAENOTSOCK", "ENOTSOCK"),
    ("wrong-protocol", "WSAEPROTONOSUPPORT", "EPROTONOSUPPORT"),
    ("broadcast", "WSAEACCES OK", "EACCES OK"),
    ("limited-broadcast", "WSAEACCES", "EACCES"),
    ("tcp-broadcast", "", "ENETUNREACH"),
    ("system-timeout", "WSAETIMEDOUT", "ETIMEDOUT"),
    ("interrupted", "WSAEINTR", "EINTR"),
    ("retry-blocking", "OK", "OK"),
    ("retry-nonblocking", "OK", "ECONNABORTED OK"),
    ("not-initialised", "WSANOTINITIALISED", ""),
    ("udp-other-sender", "discarded", "discarded"),
    ("udp-new-destination", "discarded", "received"),
    ("udp-disconnect", "WSAENOTCONN OK", "EDESTADDRREQ OK"),
    ("udp-closed-port", "", "ECONNREFUSED"),
    ("implicit-bind-connect", "bound", "bound"),
    ("implicit-bind-sendto", "bound", "bound"),
    ("reset-after-accept", "", "ECONNRESET"),
    ("no-route", "WSAENETUNREACH", "ENETUNREACH"),
    ("unreachable-route", "WSAEHOSTUNREACH", "EHOSTUNREACH"),
    ("prohibit-route", "", "EACCES"),
    ("blackhole-route", "", "EINVAL"),
    ("network-down", "WSAENETDOWN", ""),
    ("no-buffers", "WSAENOBUFS", ""),
    ("call-in-progress", "WSAEINPROGRESS", ""),
    ("quality-of-service", "WSAEOPNOTSUPP", ""),
];

/// A network of its own, whose loopback is up and which has no way out.
fn command(net: &Netns) -> Command {
    net.command(RCONNECT).args(["--self-test", "--json"])
}

/// The rows of a run that found no difference.
fn rows(command: Command) -> Vec<Value> {
    let output = command.run();
    assert_eq!((output.code(), output.stderr.as_str()), (0, ""), "{output:?}");
    let rows: Vec<Value> = output.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    assert_eq!(rows.len(), ROWS.len());
    rows
}

fn word(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

fn words(list: &Value) -> String {
    list.as_array().into_iter().flatten().map(word).collect::<Vec<_>>().join(" ")
}

fn seen(row: &Value) -> String {
    row["seen"].as_array().into_iter().flatten().map(|step| word(&step["answer"])).collect::<Vec<_>>().join(" ")
}

/// Why rows were not provoked, without those that never are on Linux.
fn hindered(rows: &[Value]) -> BTreeMap<&str, &str> {
    let always = |name: &str| ROWS.iter().any(|(row, _, seen)| *row == name && seen.is_empty());
    let pairs = rows.iter().map(|row| (word(&row["row"]), word(&row["reason"])));
    pairs.filter(|(name, reason)| !reason.is_empty() && !always(name)).collect()
}

fn all_as_on_linux(rows: &[Value]) {
    for (row, (name, documented, answers)) in rows.iter().zip(ROWS) {
        assert_eq!((word(&row["row"]), words(&row["documented"])), (name, documented.to_owned()), "{row:#}");
        assert_eq!(seen(row), answers, "{row:#}");
        let verdict = if answers.is_empty() { "not-provokable" } else { "as-known" };
        assert_eq!((word(&row["verdict"]), word(&row["system"])), (verdict, "linux"), "{row:#}");
    }
}

#[test]
fn every_row_is_as_known_for_linux() {
    all_as_on_linux(&rows(command(&Netns::new())));
}

#[test]
fn an_ordinary_user_sees_the_same() {
    all_as_on_linux(&rows(command(&Netns::new()).nobody()));
}

#[test]
fn no_row_needs_an_ipv6_address() {
    let net = Netns::new();
    net.sysctl("net/ipv6/conf/all/disable_ipv6", "1");
    all_as_on_linux(&rows(command(&net)));
}

/// "under 4 s in all"
#[test]
fn waits_run_side_by_side() {
    let output = command(&Netns::new()).time_limit(Duration::from_secs(4)).run();
    assert_eq!(output.code(), 0, "{output:?}");
}

/// Nothing is left that a service would have to wait for.
#[test]
fn no_port_stays_in_time_wait() {
    let net = Netns::new();
    rows(command(&net));
    let sockets = net.command("/bin/sh").path().args(["-c", "ss -Htan state time-wait"]).run();
    assert_eq!((sockets.code(), sockets.stdout.as_str()), (0, ""), "{sockets:?}");
}

/// "a row that a sandbox keeps from being provoked is no difference"
#[test]
fn a_denied_call_is_no_difference() {
    let calls = [
        ("socket", libc::SYS_socket, "refused"),
        ("bind", libc::SYS_bind, "port-in-use"),
        ("listen", libc::SYS_listen, "pending"),
        ("connect", libc::SYS_connect, "refused"),
        ("connect", libc::SYS_connect, "limited-broadcast"),
        ("connect", libc::SYS_connect, "prohibit-route"),
        ("accept4", libc::SYS_accept4, "any-address"),
        ("getsockname", libc::SYS_getsockname, "refused"),
        ("setsockopt", libc::SYS_setsockopt, "refused"),
        ("sendto", libc::SYS_sendto, "udp-other-sender"),
        ("recvfrom", libc::SYS_recvfrom, "udp-closed-port"),
        ("unshare", libc::SYS_unshare, "no-route"),
    ];
    for (name, call, row) in calls {
        for errno in [Errno::EPERM, Errno::EACCES] {
            let rows = rows(command(&Netns::new()).sandbox(Sandbox::call_fails(call, errno)));
            let hindered = hindered(&rows);
            assert!(
                hindered.get(row).is_some_and(|reason| reason.ends_with(&format!("{errno:?}"))),
                "{name}: {hindered:?}"
            );
            assert!(rows.iter().all(|row| row["verdict"] != "differs"), "{name}");
        }
    }
}

/// Each row needs a thread. What was not compared is not as known.
#[test]
fn a_test_that_sees_nothing_is_no_success() {
    for errno in [Errno::EPERM, Errno::EAGAIN] {
        let run = |args: &[&str]| {
            let sandbox = Sandbox::call_fails(libc::SYS_clone3, errno);
            Netns::new().command(RCONNECT).args(args).sandbox(sandbox).run()
        };
        let output = run(&["--self-test"]);
        let line = "rconnect: no row could be provoked here, so nothing was compared: each row has its reason\n";
        assert_eq!((output.code(), output.stderr.as_str()), (1, line), "{output:?}");
        let summary = "39 rows on Linux (observed): 0 differ, 39 not provokable\n";
        assert!(output.stdout.contains(summary) && output.stdout.contains(&format!("\n    a thread: {errno:?}\n")));
        let quiet = run(&["--self-test", "-q"]);
        assert_eq!((quiet.code(), quiet.stdout.as_str(), quiet.stderr.as_str()), (1, "", ""), "{quiet:?}");
    }
}

#[test]
fn a_missing_family_hinders_its_row_alone() {
    let sandbox = Sandbox::family_fails(libc::AF_INET6, Errno::EAFNOSUPPORT);
    let rows = rows(command(&Netns::new()).sandbox(sandbox));
    assert_eq!(hindered(&rows), [("mapped-address", "socket(): EAFNOSUPPORT")].into());
}

/// Landlock forbids TCP; datagrams and routes are as ever.
#[test]
fn landlock_hinders_rows_of_tcp() {
    let rows = rows(command(&Netns::new()).sandbox(Sandbox::landlock()));
    let hindered = hindered(&rows);
    assert_eq!(hindered.get("again-when-connected"), Some(&"connect() to a listener of our own: EACCES"));
    assert!(!hindered.contains_key("udp-closed-port") && !hindered.contains_key("broadcast"), "{hindered:?}");
}

/// A kernel without TCP_USER_TIMEOUT, a socket type that the sandbox takes for another: what is seen is not known.
#[test]
fn a_difference_is_told() {
    let sandbox = Sandbox::connect_fails(Errno::EXFULL);
    let output = command(&Netns::new()).sandbox(sandbox).run();
    assert_eq!(output.code(), 1, "{output:?}");
    let rows: Vec<Value> = output.stdout.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let differing = rows.iter().filter(|row| row["verdict"] == "differs");
    let differing: Vec<(&str, String)> = differing.map(|row| (word(&row["row"]), seen(row))).collect();
    assert!(differing.contains(&("refused", format!("errno {}", libc::EXFULL))), "{differing:?}");
}

/// The table for people: as wide as a terminal, and the same in number.
#[test]
fn people_get_a_table() {
    let net = Netns::new();
    let output = net.command(RCONNECT).args(["--self-test"]).run();
    assert_eq!((output.code(), output.stderr.as_str()), (0, ""), "{output:?}");
    assert!(output.stdout.lines().all(|line| line.chars().count() <= 80), "{}", output.stdout);
    for (name, documented, answers) in ROWS.iter().filter(|(_, _, answers)| !answers.is_empty()) {
        let line = output.stdout.lines().find(|line| line.split(' ').next() == Some(name)).expect(name);
        let words: Vec<&str> = line.split([' ', ',', '*']).filter(|word| !word.is_empty()).skip(1).collect();
        assert_eq!(words.join(" "), format!("{documented} {answers} {answers}").trim(), "{line}");
    }
    assert!(output.stdout.ends_with(
        "39 rows on Linux (observed): 34 as known, 0 differ, 5 not provokable\n9 of them are not as documented (*)\n"
    ));
}

#[test]
fn quiet_leaves_the_exit_code() {
    let output = Netns::new().command(RCONNECT).args(["--self-test", "-q"]).run();
    assert_eq!((output.code(), output.stdout.as_str(), output.stderr.as_str()), (0, "", ""), "{output:?}");
}
