//! What Winsock says beyond loopback, in the network of `.ci/lab`, from which nothing leaves the machine. A plain
//! `cargo test` leaves this file out (Cargo.toml): on another network it would ask strangers.

#![cfg(windows)]
#![allow(clippy::disallowed_methods, reason = "a test has no clock of its own")]

mod winsock;

use std::io::{BufRead, BufReader};
use std::os::windows::process::CommandExt;
use std::process::{Child, Command};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;
use windows_sys::Win32::System::Console::{CTRL_BREAK_EVENT, GenerateConsoleCtrlEvent};
use windows_sys::Win32::System::Threading::CREATE_NEW_PROCESS_GROUP;
use winsock::{command, hold, hold_in_both_modes, probe, under_wine};

#[test]
fn what_this_machine_decides() {
    hold_in_both_modes(&[
        ("203.0.113.1 9", "denied local-policy local connect WSAEACCES 10013"),
        ("-s 198.51.100.200 198.51.100.9 9", "unavailable source-address local bind WSAEADDRNOTAVAIL 10049"),
        ("-s 127.0.0.1 198.51.100.9 9", "invalid source-mismatch local connect WSAEINVAL 10022"),
        ("224.0.0.1 9", "unreachable not-unicast local connect WSAENETUNREACH 10051"),
    ]);
    hold(&[
        ("192.0.2.1 9", "unreachable no-route local connect WSAENETUNREACH 10051"),
        ("2001:db8::1 9", "unreachable no-route local connect WSAENETUNREACH 10051"),
        // Linux has an unreachable route here; Windows has no such routes, and answers this code without a route.
        ("203.0.113.2 9", "unreachable no-route local connect WSAEHOSTUNREACH 10065"),
        ("-t 300ms -u --broadcast 198.51.100.255 9", "unconfirmed no-reply limit completion - -"),
        // Without the routing table, what a call said that may have waited is nobody's in particular.
        ("-m blocking 192.0.2.1 9", "unreachable - - connect WSAENETUNREACH 10051"),
        ("-m blocking 203.0.113.2 9", "unreachable - - connect WSAEHOSTUNREACH 10065"),
    ]);
}

/// The system's own code comes after seconds, and is not taken for a decision of the routing table.
#[test]
fn a_neighbour_that_does_not_answer() {
    hold(&[
        ("-t 10 198.51.100.77 9", "unreachable - - completion WSAEHOSTUNREACH 10065"),
        ("-t 10 -m blocking 198.51.100.77 9", "unreachable - - connect WSAEHOSTUNREACH 10065"),
    ]);
}

/// "A deadline of ours is never reported as the kernel's timeout."
#[test]
fn our_limit_ends_either_mode() {
    for mode in ["nonblocking", "blocking"] {
        let report = probe(&format!("-m {mode} -t 300ms 198.51.100.9 9"));
        let attempt = &report["attempts"][0];
        assert_eq!(
            (&attempt["outcome"], &attempt["by"], &attempt["error"]),
            (&"timed-out".into(), &"limit".into(), &Value::Null)
        );
        let elapsed = attempt["elapsed_us"].as_u64().expect("a number");
        assert!((300_000..2_000_000).contains(&elapsed), "{mode}: {elapsed} µs");
    }
}

/// What a console makes of Ctrl-Break. Under Wine there is none; it takes SIGINT for Ctrl-C, and can start programs of
/// the system below it, of which it does not tell how they ended.
fn interrupt(child: &Child, args: &str) {
    if under_wine() {
        // The brackets keep the shell from finding itself.
        let script = format!("pkill -INT -f '[{}]{}'", &args[..1], &args[1..]);
        let _ = Command::new(r"Z:\bin\sh").args(["-c", &script]).spawn();
        return;
    }
    // SAFETY: two numbers; the group is that of the child alone.
    #[allow(unsafe_code, reason = "the standard library has no such call")]
    let sent = unsafe { GenerateConsoleCtrlEvent(CTRL_BREAK_EVENT, child.id()) };
    assert_ne!(sent, 0, "GenerateConsoleCtrlEvent: {}", std::io::Error::last_os_error());
}

/// Ctrl-C and Ctrl-Break are SIGINT here: what is known is reported first.
#[test]
fn an_interrupt_reports_what_is_known() {
    for mode in ["nonblocking", "blocking"] {
        let begin = Instant::now();
        let args = format!("-t 30 -m {mode} 127.0.0.1:9 198.51.100.9:9");
        // Such a group can be sent Ctrl-Break alone, and ignores Ctrl-C.
        let group = if under_wine() { 0 } else { CREATE_NEW_PROCESS_GROUP };
        let mut child = command(&format!("--json {args}")).creation_flags(group).spawn().unwrap();
        // The first target is reported when the second is under way, or just before.
        let mut lines = BufReader::new(child.stdout.take().expect("a pipe")).lines();
        let mut outcome = || {
            let report: Value = serde_json::from_str(&lines.next().expect("a line").expect("UTF-8")).expect("JSON");
            report["attempts"][0]["outcome"].as_str().expect("a word").to_owned()
        };
        assert_eq!(outcome(), "refused", "{mode}");
        thread::sleep(Duration::from_millis(200));
        interrupt(&child, &args);
        assert_eq!(outcome(), "interrupted", "{mode}");
        assert_eq!(child.wait().expect("the program ends").code(), Some(130), "{mode}");
        assert!(begin.elapsed() < Duration::from_secs(20), "{mode}: ended by its own limit");
    }
}
