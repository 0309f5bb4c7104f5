//! What the documents state, one statement a line, and where this project carries it: a row of the self-test, a sentence
//! of a man page, an explanation of a code, or a test of how the program behaves.
//!
//! The documents are Microsoft's pages of connect() and WSAConnect() (`W` where only the second says so, `C` where only
//! the first does), "Connecting to a Socket" (`S`) and Beej's page of connect() (`B`). The words are ours.

use std::fs;
use std::path::Path;
use std::process::Command;

use rconnect::internals::documented;

/// Where a statement is carried.
enum Carrier {
    /// A row of `--self-test`, by its name.
    Row(&'static str),
    /// A sentence of a man page.
    Manual(&'static str),
    /// A code and a part of what `--explain` says of it.
    Explain(&'static str, &'static str),
    /// A file of tests and a test in it.
    Test(&'static str, &'static str),
}

use Carrier::{Explain, Manual, Row, Test};

struct Statement {
    pages: &'static str,
    text: &'static str,
    carriers: &'static [Carrier],
}

const fn statement(pages: &'static str, text: &'static str, carriers: &'static [Carrier]) -> Statement {
    Statement { pages, text, carriers }
}

#[rustfmt::skip] // one line a statement
const STATEMENTS: &[Statement] = &[
    // The call and its parameters.
    statement("CWB", "the function connects a socket to another one", &[Test("paired", "on_loopback")]),
    statement("CW", "the socket must be unconnected", &[Row("again-when-connected")]),
    statement("W", "an IPv6 address may have a scope id", &[Test("resolver", "a_zone_is_an_interface_of_this_machine")]),
    statement("CWB", "the length is that of the address structure", &[Row("short-name")]),
    statement("CWB", "success is zero; otherwise a code tells the error", &[Manual("the error code in both vocabularies")]),
    statement("CW", "on a blocking socket the return value is the result", &[Manual("connect() itself waits"), Test("paired", "on_loopback")]),
    statement("CW", "on a nonblocking socket the call returns WSAEWOULDBLOCK", &[Row("pending")]),
    statement("CW", "select() shows completion: the socket is writable", &[Row("select-connected")]),
    statement("CW", "WSAAsyncSelect() sends FD_CONNECT", &[Manual("It posts a message to a window")]),
    statement("CW", "WSAEventSelect() signals an event", &[Manual("waits with WSAEventSelect()"), Test("windows", "what_loopback_answers")]),
    statement("CW", "until the attempt completes, further calls fail with WSAEALREADY", &[Row("again-while-pending")]),
    statement("C", "when it has completed, they fail with WSAEISCONN", &[Row("again-when-connected")]),
    statement("C", "codes of further calls vary; programs should not poll by connect()", &[Manual("The documents advise against it")]),
    statement("C", "WSAEINVAL and WSAEWOULDBLOCK then mean the same as WSAEALREADY", &[Manual("connect() returns WSAEALREADY, WSAEINVAL or WSAEWOULDBLOCK")]),
    statement("CW", "after a refusal, no network or a time-out the same socket may connect again", &[Row("retry-blocking"), Row("retry-nonblocking"), Manual("A retry uses a new socket")]),
    // The codes.
    statement("CW", "WSANOTINITIALISED: WSAStartup() must come first", &[Row("not-initialised")]),
    statement("CW", "WSAENETDOWN: the network subsystem has failed", &[Row("network-down")]),
    statement("CW", "WSAEADDRINUSE: usually at bind(), without SO_REUSEADDR", &[Row("port-in-use")]),
    statement("CW", "WSAEADDRINUSE: at connect() after a bind to the wildcard", &[Row("pair-in-use")]),
    statement("CW", "WSAEINTR: WSACancelBlockingCall() cancelled a call of Winsock 1.1", &[Row("interrupted"), Explain("WSAEINTR", "WSACancelBlockingCall")]),
    statement("CW", "WSAEINPROGRESS: a blocking call of Winsock 1.1, or a callback, is running", &[Row("call-in-progress"), Explain("WSAEINPROGRESS", "callback of the provider")]),
    statement("CW", "WSAEALREADY: a nonblocking call is in progress on the socket", &[Row("again-while-pending")]),
    statement("C", "WSAEALREADY: programs for Winsock 1.1 get WSAEINVAL", &[Explain("WSAEALREADY", "programs for Winsock 1.1 see WSAEINVAL instead")]),
    statement("CW", "WSAEADDRNOTAVAIL: the remote address is not valid, as the any-address", &[Row("any-address")]),
    statement("CW", "WSAEAFNOSUPPORT: the family does not fit the socket", &[Row("other-family")]),
    statement("CW", "WSAECONNREFUSED: the attempt was rejected", &[Row("refused")]),
    statement("CW", "WSAEFAULT: the length is too small, or the name is not in the memory of the process", &[Row("short-name")]),
    statement("C", "WSAEFAULT: the name has the wrong format for its family", &[Explain("WSAEFAULT", "of the wrong format")]),
    statement("W", "WSAEFAULT: buffers for connect data and quality of service are too small or too large", &[Explain("WSAEFAULT", "too small or too large buffers")]),
    statement("CW", "WSAEINVAL: the socket is listening", &[Row("listening-socket")]),
    statement("W", "WSAEINVAL: the group of the socket forbids the address, or lpGQOS is not NULL", &[Explain("WSAEINVAL", "a constrained group, or lpGQOS not NULL")]),
    statement("CW", "WSAEISCONN: the socket is connected; connection-oriented sockets only", &[Explain("WSAEISCONN", "connection-oriented sockets only")]),
    statement("CW", "WSAENETUNREACH: the network cannot be reached now", &[Row("no-route")]),
    statement("CW", "WSAEHOSTUNREACH: the host cannot be reached", &[Row("unreachable-route")]),
    statement("CW", "WSAENOBUFS: no buffer space", &[Row("no-buffers")]),
    statement("CW", "WSAENOTSOCK: the descriptor is not a socket", &[Row("not-a-socket")]),
    statement("W", "WSAEOPNOTSUPP: the flow specification cannot be satisfied", &[Row("quality-of-service"), Explain("WSAEOPNOTSUPP", "flow specification")]),
    statement("W", "WSAEPROTONOSUPPORT: the provider does not support connect data", &[Row("wrong-protocol"), Explain("WSAEPROTONOSUPPORT", "connect data")]),
    statement("CW", "WSAETIMEDOUT: the attempt timed out", &[Row("system-timeout")]),
    statement("CW", "WSAEWOULDBLOCK: nonblocking, and not connected at once", &[Explain("WSAEWOULDBLOCK", "the socket is nonblocking, and the connection attempt is in progress")]),
    statement("CW", "WSAEACCES: a datagram socket, a broadcast address and no SO_BROADCAST", &[Row("broadcast"), Explain("WSAEACCES", "SO_BROADCAST")]),
    // Remarks.
    statement("CWB", "an unbound socket gets a local address and port", &[Row("implicit-bind-connect")]),
    statement("W", "WSAConnectByList() and WSAConnectByName() are simpler", &[Manual("return one result, not a result for each address")]),
    statement("CWB", "a connected stream socket is ready to send and receive", &[Manual("A TCP probe completes the handshake and closes the connection")]),
    statement("CW", "an address of zeros is WSAEADDRNOTAVAIL", &[Row("any-address")]),
    statement("CW", "an active connection cannot be connected again", &[Row("again-when-connected")]),
    statement("CW", "setsockopt() and sendto() bind a socket implicitly", &[Row("implicit-bind-sendto")]),
    statement("CW", "the nonblocking operation proceeds after WSAEWOULDBLOCK", &[Manual("the attempt is in progress"), Row("again-when-connected")]),
    statement("CW", "select() has success in writefds and failure in exceptfds", &[Row("select-connected"), Row("select-refused")]),
    statement("CW", "the code of FD_CONNECT tells success or the reason of a failure", &[Manual("FD_CONNECT carries the error code"), Test("windows", "what_loopback_answers")]),
    statement("CWB", "connect() on a datagram socket sets the default destination for send() and recv()", &[Test("evidence", "a_datagram_is_confirmed_by_a_reply_alone")]),
    statement("CW", "datagrams of others are discarded", &[Row("udp-other-sender")]),
    statement("C", "an address of zeros dissolves the association", &[Row("udp-disconnect")]),
    statement("W", "a whole structure of zeros dissolves it, and not the address alone", &[Row("udp-disconnect")]),
    statement("CW", "send() and recv() then return WSAENOTCONN", &[Row("udp-disconnect")]),
    statement("CWB", "sendto() and recvfrom() can still be used", &[Row("udp-disconnect")]),
    statement("CW", "connect() again changes the default destination", &[Row("udp-new-destination")]),
    statement("CW", "queued datagrams are then discarded", &[Row("udp-new-destination")]),
    statement("CW", "a datagram socket may connect to a broadcast address with SO_BROADCAST", &[Row("broadcast"), Test("evidence", "a_broadcast_needs_permission")]),
    statement("W", "a datagram socket ignores connect data", &[Manual("None of them has an effect on TCP/IP")]),
    statement("W", "the program allocates what the parameters point to", &[Explain("WSAEFAULT", "outside of memory")]),
    statement("W", "connect data travels with the request; TCP/IP on Windows does not support it", &[Manual("Windows documents that TCP/IP does not support it")]),
    statement("W", "lpCalleeData receives the peer's connect data", &[Manual("lpCallerData, lpCalleeData")]),
    statement("W", "lpSQOS overrides the quality of service; an error tells that it cannot be had", &[Manual("has agreed to a flow specification")]),
    statement("W", "lpGQOS is reserved for groups and should be NULL", &[Manual("It is reserved and must be NULL")]),
    statement("CW", "a socket whose connection broke must be discarded and made anew", &[Manual("A retry uses a new socket"), Test("run", "a_refusal_that_passes_is_outlived_after_the_delay")]),
    statement("CW", "a blocking call may run an APC, in which no blocking call is allowed", &[Manual("a blocking call inside the APC is undefined")]),
    statement("C", "IrDA sockets give four codes another meaning, and never block", &[Manual("has notes on infrared sockets")]),
    // Connecting to a Socket, and Beej.
    statement("SB", "getaddrinfo() gives the address and the port to connect to", &[Manual("resolves the name"), Test("resolver", "addresses_are_tried_in_the_resolvers_order")]),
    statement("S", "where connect() fails, try the next address", &[Test("resolver", "every_address_of_a_large_name_is_tried")]),
    statement("S", "check for errors", &[Test("paired", "by_local_decision")]),
    statement("B", "the client may bind to an address and port of its own", &[Test("local", "source_addresses")]),
    statement("B", "AF_UNSPEC asks for either version of IP", &[Test("resolver", "a_family_that_fails_does_not_hide_the_other")]),
    statement("B", "the service may be a name, as http", &[Manual("service names")]),
];

/// The text of all man pages as one line, without fonts and escapes.
fn manual() -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("man");
    let files = fs::read_dir(directory).expect("man").map(|entry| entry.expect("a file").path());
    let pages = files.filter(|path| path.extension().is_some_and(|extension| extension != "in"));
    let text: String = pages.map(|path| fs::read_to_string(path).expect("UTF-8")).collect();
    let lines = text.lines().map(|line| {
        let line =
            [".BR ", ".RB ", ".IR ", ".RI ", ".BI ", ".B ", ".I "].iter().find_map(|macro_| line.strip_prefix(macro_));
        line.map(|line| line.replace(" (", "(").replace(" ,", ",").replace('"', ""))
    });
    let plain = text.lines().zip(lines).map(|(line, plain)| plain.unwrap_or_else(|| line.to_owned()));
    let text = plain.collect::<Vec<_>>().join(" ");
    let escapes = ["\\fB", "\\fI", "\\fR", "\\&"];
    let text = escapes.iter().fold(text, |text, escape| text.replace(escape, "")).replace("\\-", "-");
    one_line(&text)
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn explained(code: &str) -> String {
    let output =
        Command::new(env!("CARGO_BIN_EXE_rconnect")).args(["--explain", code]).output().expect("rconnect runs");
    assert!(output.status.success(), "{code}: {output:?}");
    one_line(&String::from_utf8(output.stdout).expect("UTF-8"))
}

fn is_test(file: &str, name: &str) -> bool {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests").join(file).with_extension("rs");
    let text = fs::read_to_string(path).expect("a file of tests").replace("\r\n", "\n");
    let head = text.split(&format!("\nfn {name}() {{")).next().filter(|head| head.len() < text.len());
    head.is_some_and(|head| head.rsplit("\n\n").next().is_some_and(|above| above.contains("#[test]")))
}

#[test]
fn every_statement_is_carried() {
    let manual = manual();
    for Statement { pages, text, carriers } in STATEMENTS {
        assert!(!carriers.is_empty() && pages.chars().all(|page| "CWSB".contains(page)), "{text}");
        for carrier in *carriers {
            match carrier {
                Row(name) => {
                    assert!(documented::TABLE.iter().any(|row| row.trial.slug() == *name), "{text}: no row {name}")
                }
                Manual(sentence) => assert!(manual.contains(sentence), "{text}: no man page says {sentence:?}"),
                Explain(code, part) => {
                    let explained = explained(code);
                    assert!(explained.contains(part), "{text}: {code} is explained without {part:?}: {explained}");
                }
                Test(file, name) => assert!(is_test(file, name), "{text}: no test {name} in {file}"),
            }
        }
    }
}

#[test]
fn no_statement_is_there_twice() {
    let texts: std::collections::BTreeSet<&str> = STATEMENTS.iter().map(|statement| statement.text).collect();
    assert_eq!(texts.len(), STATEMENTS.len());
}

/// Rows that documents back are there for a statement.
#[test]
fn every_documented_row_carries_a_statement() {
    for row in documented::TABLE.iter().filter(|row| !row.pages.is_empty()) {
        let name = row.trial.slug();
        let carries = |carrier: &Carrier| matches!(carrier, Row(other) if *other == name);
        // Said of one address, and meant of every broadcast address.
        let is_variant = name == "limited-broadcast";
        assert!(is_variant || STATEMENTS.iter().any(|statement| statement.carriers.iter().any(carries)), "{name}");
    }
}
