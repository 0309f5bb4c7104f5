//! What Winsock says, by documented name and number; on the Windows program, which CI runs under Wine.
//!
//! What Wine does otherwise than Windows is in one list, [`WINE`]. Tests that need more than loopback are in
//! `tests/windows_lab.rs`.

#![cfg(windows)]
#![allow(clippy::disallowed_methods, reason = "a test has no clock of its own")]

mod winsock;

use std::io::Write;
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::thread;
use std::time::Duration;

use serde_json::Value;
use windows_sys::Win32::System::Console::GetConsoleOutputCP;
use winsock::{command, hold, hold_in_both_modes, probe, under_wine, verdict, verdict_of};

/// Where Wine is not like Windows, and why.
struct Difference {
    /// What is asked.
    args: &'static str,
    /// What Wine says.
    wine: &'static str,
    /// What Windows is documented to say.
    windows: &'static str,
    reason: &'static str,
}

/// Wine makes Winsock's calls on the sockets of the system below it and translates its codes: what Linux decides
/// otherwise than Windows shows. Beside these: a refusal comes at once also without SIO_TCP_INITIAL_RTO, which Wine
/// does not have (WSAEOPNOTSUPP), nor TCP_FAIL_CONNECT_ON_ICMP_ERROR and TCP_ICMP_ERROR_INFO (WSAENOPROTOOPT), nor
/// SIO_TCP_INFO, nor GetBestRoute2(): SYN counts, round trips, ICMP messages and routes are null there.
const WINE: [Difference; 3] = [
    Difference {
        args: "-t 300ms -u 127.0.0.1 9",
        wine: "unconfirmed no-reply limit completion - -",
        windows: "refused port-unreachable - completion WSAECONNRESET 10054",
        reason: "FD_READ is not signalled for an ICMP message; Linux has it as ECONNREFUSED in SO_ERROR",
    },
    Difference {
        args: "0.0.0.0 9",
        wine: "refused rst peer completion WSAECONNREFUSED 10061",
        windows: "invalid not-unicast local connect WSAEADDRNOTAVAIL 10049",
        reason: "Linux takes 0.0.0.0 for this machine",
    },
    Difference {
        args: "-m blocking 0.0.0.0 9",
        wine: "refused rst peer connect WSAECONNREFUSED 10061",
        windows: "invalid not-unicast local connect WSAEADDRNOTAVAIL 10049",
        reason: "Linux takes 0.0.0.0 for this machine",
    },
];

/// Rows of `--self-test` in which Wine is not like Windows, and what it answers.
const WINE_ROWS: [(&str, &str); 10] = [
    ("any-address", "OK"),
    ("pair-in-use", "WSAEADDRNOTAVAIL"),
    ("other-family", "WSAEOPNOTSUPP"),
    ("mapped-address", "WSAENETUNREACH"),
    ("not-a-socket", "WSAEOPNOTSUPP"),
    ("short-name", "WSAEADDRNOTAVAIL"),
    ("retry-blocking", "WSAECONNABORTED"),
    ("retry-nonblocking", "WSAECONNABORTED OK"),
    ("udp-new-destination", "received"),
    ("udp-disconnect", "WSAEINVAL OK"),
];

#[test]
fn what_loopback_answers() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let taken = listener.local_addr().expect("its address").port();
    hold_in_both_modes(&[
        ("127.0.0.1 9", "refused rst peer completion WSAECONNREFUSED 10061"),
        ("::1 9", "refused rst peer completion WSAECONNREFUSED 10061"),
        ("::ffff:127.0.0.1 9", "refused rst peer completion WSAECONNREFUSED 10061"),
        (&format!("-s 127.0.0.1:{taken} 127.0.0.1 9"), "unavailable local-ports local bind WSAEADDRINUSE 10048"),
        ("-I nosuch 127.0.0.1 9", "unavailable no-interface local option WSAEADDRNOTAVAIL 10049"),
    ]);
    hold(&[
        (&format!("127.0.0.1 {taken}"), "connected - - completion - -"),
        (&format!("-m blocking 127.0.0.1 {taken}"), "connected - - connect - -"),
        ("-6 127.0.0.1 9", "unresolved wrong-family system - WSAEAFNOSUPPORT 10047"),
        ("nosuch.invalid 9", "unresolved no-such-name system - WSAHOST_NOT_FOUND 11001"),
    ]);
}

#[test]
fn a_reply_to_a_datagram_is_a_connection() {
    let server = UdpSocket::bind("127.0.0.1:0").expect("a free port");
    let port = server.local_addr().expect("its address").port();
    let echo = thread::spawn(move || {
        let mut buffer = [0; 2000];
        let (length, from) = server.recv_from(&mut buffer).expect("a datagram");
        // Longer than what the probe reads of it: WSAEMSGSIZE is a reply, too.
        server.send_to(&buffer.map(|_| b'x')[..1000 + length], from).expect("sent");
    });
    assert_eq!(verdict(&format!("-u --payload hello 127.0.0.1 {port}")), "connected - - completion - -");
    echo.join().expect("the server");
}

/// A server on loopback that does this with every connection; it ends with the test.
fn server(mut serve: impl FnMut(TcpStream) + Send + 'static) -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    thread::spawn(move || listener.incoming().flatten().for_each(&mut serve));
    port
}

/// FD_READ and FD_CLOSE tell what became of a connection; a blocking connect() is held without blocking.
#[test]
fn what_becomes_of_a_connection_that_is_held() {
    let late = Duration::from_millis(200);
    let (mut silent, mut greeted) = (Vec::new(), Vec::new());
    let silent = server(move |connection| silent.push(connection));
    let greeting = server(move |mut connection| {
        thread::sleep(late);
        connection.write_all(b"220 hello\r\n").expect("a greeting");
        greeted.push(connection);
    });
    let closing = server(drop);
    let closing_late = server(move |connection| {
        thread::sleep(late);
        drop(connection);
    });
    let leaving = server(|mut connection| connection.write_all(b"bye").expect("a greeting"));
    let resetting = server(move |connection| {
        thread::sleep(late);
        socket2::Socket::from(connection).set_linger(Some(Duration::ZERO)).expect("SO_LINGER");
    });
    // Under Wine a FIN comes from this server before the RST.
    let reset = match under_wine() {
        true => "closed-by-peer fin peer hold - -",
        false => "reset reset-after-handshake peer hold WSAECONNRESET 10054",
    };
    for mode in ["nonblocking", "blocking"] {
        for (port, expected, came) in [
            (silent, "connected - - hold - -", ""),
            (greeting, "connected - - hold - -", "220 hello\r\n"),
            (closing, "closed-by-peer fin peer hold - -", ""),
            (closing_late, "closed-by-peer fin peer hold - -", ""),
            (leaving, "connected - - hold - -", "bye"),
            (resetting, reset, ""),
        ] {
            let args = format!("-m {mode} --hold 1500ms 127.0.0.1 {port}");
            let report = probe(&args);
            assert_eq!(verdict_of(&report), expected, "{args}");
            assert_eq!(report["attempts"][0]["hold"]["received"], came, "{args}");
        }
    }
}

#[test]
fn differences_of_wine() {
    for Difference { args, wine, windows, reason } in &WINE {
        assert_eq!(verdict(args), if under_wine() { *wine } else { *windows }, "{args}: {reason}");
    }
}

/// The rows of `--self-test`, each with its verdict and its answers.
fn self_test() -> (Option<i32>, Vec<(String, String, String)>) {
    let output = command("--self-test --json").output().expect("the program runs");
    let word = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let row = |line: &str| {
        let row: Value = serde_json::from_str(line).expect("JSON");
        assert_eq!(row["system"], if under_wine() { "wine" } else { "windows" }, "{row:#}");
        let seen = row["seen"].as_array().into_iter().flatten().map(|step| word(&step["answer"]));
        (word(&row["row"]), word(&row["verdict"]), seen.collect::<Vec<_>>().join(" "))
    };
    let rows = String::from_utf8(output.stdout).expect("UTF-8").lines().map(row).collect();
    (output.status.code(), rows)
}

/// What Windows answers is what we want to learn: a difference there is told, and no failure of the test.
#[test]
fn the_self_test_tells_this_system() {
    let (code, rows) = self_test();
    let differs = rows.iter().any(|(_, verdict, _)| verdict == "differs");
    assert_eq!((code, rows.len()), (Some(i32::from(differs)), 39), "{rows:?}");
    assert!(!(differs && under_wine()), "{rows:?}");
    assert!(rows.contains(&("not-initialised".into(), "as-known".into(), "WSANOTINITIALISED".into())), "{rows:?}");
}

#[test]
fn rows_in_which_wine_is_not_like_windows() {
    let (_, rows) = self_test();
    for (name, answer) in WINE_ROWS {
        let (_, _, seen) = rows.iter().find(|(row, ..)| row == name).expect(name);
        assert!(!under_wine() || seen == answer, "{name}: {seen}");
    }
}

/// More sockets than FD_SETSIZE, than one wait takes handles, and than a waiter would get by threads.
#[test]
fn a_thousand_attempts_at_once() {
    let listeners: Vec<TcpListener> = (0..8).map(|_| TcpListener::bind("127.0.0.1:0").expect("a port")).collect();
    let open: Vec<u16> = listeners.iter().map(|listener| listener.local_addr().expect("its address").port()).collect();
    let ports: Vec<String> = open.iter().map(u16::to_string).chain((1..=1000).map(|port| port.to_string())).collect();
    let output = command(&format!("-j 1008 --json 127.0.0.1 {}", ports.join(","))).output().expect("the program runs");
    let reports = std::str::from_utf8(&output.stdout).expect("UTF-8").lines().map(|line| {
        let report: Value = serde_json::from_str(line).expect("JSON");
        (
            report["port"].as_u64().expect("a port") as u16,
            report["attempts"][0]["outcome"].as_str() == Some("connected"),
        )
    });
    let reports: Vec<(u16, bool)> = reports.collect();
    assert_eq!(reports.len(), ports.len());
    let served = |port: u16| TcpListener::bind(("127.0.0.1", port)).is_err();
    for (port, connected) in reports {
        assert!(connected == open.contains(&port) || served(port), "{port}: connected {connected}");
    }
}

/// Text goes to a console as UTF-16: its code page is not ours to change.
#[test]
fn the_code_page_stays_as_it_was() {
    #[allow(unsafe_code, reason = "reads a number of the console")]
    let code_page = || unsafe { GetConsoleOutputCP() };
    let before = code_page();
    let output = command("--color always -v 127.0.0.1 9").output().expect("the program runs");
    let text = String::from_utf8(output.stdout).expect("UTF-8");
    assert!(text.contains(" · ") && text.contains("\u{1b}["), "{text}");
    assert_eq!(code_page(), before);
}
