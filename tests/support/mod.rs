//! Runs the program in the lab with `--json` and reads what it reports.
//!
//! A verdict is compared as one line, a dash for null:
//!
//! ```text
//! outcome cause by phase error
//! denied prohibited router completion EHOSTUNREACH
//! ```
//!
//! Whatever a test looks at, every report is checked against the documents: the error's number is this system's, its
//! Winsock pair is that of the list below, and the exit code is that of the outcome.

// Each test binary compiles all of it and uses its part.
#![allow(dead_code)]

use serde_json::Value;

use crate::lab::*;

/// The program under test.
pub const RCONNECT: &str = env!("CARGO_BIN_EXE_rconnect");

/// The program with `--json` in a namespace; arguments are separated by spaces.
pub fn rconnect(net: &Netns, args: &str) -> Command {
    net.command(RCONNECT).args(["--json"]).args(args.split_whitespace())
}

/// The verdict on a run with one target of one address.
pub fn verdict(net: &Netns, args: &str) -> String {
    Run::of(rconnect(net, args)).one().verdict()
}

/// Does the same with every item at once: most tests wait for the kernel and not for the processor.
pub fn at_once<T: Sync>(items: &[T], act: impl Fn(&T) + Sync) {
    std::thread::scope(|scope| items.iter().for_each(|item| drop(scope.spawn(|| act(item)))));
}

/// Both ways to call connect().
pub const MODES: [&str; 2] = ["nonblocking", "blocking"];

/// Every pair.
pub fn pairs<A: Copy, B: Copy>(left: &[A], right: &[B]) -> Vec<(A, B)> {
    left.iter().flat_map(|&a| right.iter().map(move |&b| (a, b))).collect()
}

/// A run that reported.
#[derive(Debug)]
pub struct Run {
    /// What the process said.
    pub output: Output,
    /// One object a target.
    pub targets: Vec<Value>,
}

impl Run {
    /// Runs to the end and checks every report.
    pub fn of(command: Command) -> Run {
        Run::from(command.run())
    }

    /// Reads and checks what a process reported.
    pub fn from(output: Output) -> Run {
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let targets: Vec<Value> = output.stdout.lines().map(read).collect();
        assert!(!targets.is_empty(), "no report: {output:?}");
        targets.iter().for_each(check);
        Run { output, targets }
    }

    /// The only target; the process must have ended with its exit code.
    pub fn one_target(&self) -> &Value {
        let [target] = &self.targets[..] else { panic!("not one target: {self:?}") };
        assert_eq!(target["exit_code"], self.output.code(), "{target:#}");
        target
    }

    /// The only attempt at the only target.
    pub fn one(&self) -> Attempt<'_> {
        only(self.one_target())
    }

    /// Every attempt at every target.
    pub fn attempts(&self) -> impl Iterator<Item = Attempt<'_>> {
        self.targets.iter().flat_map(|target| target["attempts"].as_array().into_iter().flatten().map(Attempt))
    }

    /// The only attempt at the target with this host.
    pub fn host(&self, host: &str) -> Attempt<'_> {
        let mut at_host = self.targets.iter().filter(|target| target["host"] == host);
        match (at_host.next(), at_host.next()) {
            (Some(target), None) => only(target),
            _ => panic!("not one target with host {host}: {self:?}"),
        }
    }

    /// The only attempt at the target with this port.
    pub fn port(&self, port: u16) -> Attempt<'_> {
        let mut at_port = self.targets.iter().filter(|target| target["port"] == port);
        match (at_port.next(), at_port.next()) {
            (Some(target), None) => only(target),
            _ => panic!("not one target with port {port}: {self:?}"),
        }
    }
}

/// The only attempt at a target.
pub fn only(target: &Value) -> Attempt<'_> {
    let attempts = target["attempts"].as_array().expect("attempts");
    assert_eq!(attempts.len(), 1, "{target:#}");
    Attempt(&attempts[0])
}

/// One attempt as it was reported.
#[derive(Debug, Clone, Copy)]
pub struct Attempt<'a>(pub &'a Value);

impl Attempt<'_> {
    /// `outcome cause by phase error`
    pub fn verdict(self) -> String {
        let Attempt(value) = self;
        let fields = [&value["outcome"], &value["cause"], &value["by"], &value["phase"], &value["error"]["name"]];
        fields.map(|field| field.as_str().unwrap_or("-")).join(" ")
    }

    /// `type/code from address, meaning`, or a dash.
    pub fn message(self) -> String {
        let icmp = &self.0["icmp"];
        let word = |key: &str| icmp[key].as_str().expect("a string").to_owned();
        if icmp.is_null() {
            return "-".into();
        }
        format!("{}/{} from {}, {}", icmp["type"], icmp["code"], word("from"), word("meaning"))
    }

    /// A whole number of the attempt, by JSON pointer.
    pub fn number(self, pointer: &str) -> u64 {
        let number = self.0.pointer(pointer).and_then(Value::as_u64);
        number.unwrap_or_else(|| panic!("no number at {pointer}: {:#}", self.0))
    }

    /// SYN segments sent.
    pub fn syns(self) -> u64 {
        self.number("/syns")
    }

    /// Microseconds that the attempt took.
    pub fn elapsed_us(self) -> u64 {
        self.number("/elapsed_us")
    }
}

/// What must hold of every report, whatever the test.
fn check(target: &Value) {
    for attempt in target["attempts"].as_array().expect("attempts") {
        check_error(&attempt["error"]);
        check_error(&attempt["route"]["error"]);
        let connected = attempt["outcome"] == "connected";
        let doubtful = attempt["cause"] == "zero-window";
        let uncaused = attempt["cause"].is_null() || doubtful;
        let untold = attempt["by"].is_null() && attempt["error"].is_null() && uncaused;
        assert!(!connected || untold, "a success with a reason to fail: {attempt:#}");
        assert!(
            (connected && !doubtful) || attempt["advice"].is_string() || attempt["reason"].is_string(),
            "{attempt:#}"
        );
    }
    let good = target["good"].as_bool().expect("good");
    let code = exit_code(target["outcome"].as_str().expect("outcome"));
    assert_eq!(target["exit_code"], if good { 0 } else { code }, "{target:#}");
}

fn check_error(error: &Value) {
    let Some(name) = error["name"].as_str() else { return };
    if name.starts_with("EAI_") {
        return;
    }
    let number = error["number"].as_i64().expect("a number");
    let here = Errno::from_raw(i32::try_from(number).expect("an errno"));
    assert_eq!(format!("{here:?}").replace("ENOTSUP", "EOPNOTSUPP"), name, "{error}");
    let (_, winsock, pair) = WINSOCK.iter().find(|row| row.0 == name).unwrap_or_else(|| panic!("{name} is not listed"));
    assert_eq!((error["winsock_name"].as_str(), error["winsock_number"].as_u64()), (*winsock, *pair), "{error}");
}

/// The documented exit code of an outcome that is not good.
pub fn exit_code(outcome: &str) -> i32 {
    match outcome {
        "unresolved" => 3,
        "refused" | "reset" | "closed-by-peer" | "unserved" | "self-connected" => 4,
        "timed-out" => 5,
        "unreachable" => 6,
        "denied" => 7,
        "unavailable" | "unsupported" | "invalid" => 8,
        "unconfirmed" => 9,
        _ => 1,
    }
}

/// From the pages of connect(), WSAConnect() and the Winsock error codes: 10000 and the errno of 4.3BSD. What Winsock
/// lacks has the nearest code, or none.
#[rustfmt::skip] // one row a line
const WINSOCK: &[(&str, Option<&str>, Option<u64>)] = &[
    ("EPERM", Some("WSAEACCES"), Some(10013)),
    ("EAGAIN", Some("WSAEWOULDBLOCK"), Some(10035)),
    ("ENOMEM", Some("WSA_NOT_ENOUGH_MEMORY"), Some(8)),
    ("EACCES", Some("WSAEACCES"), Some(10013)),
    ("ENODEV", Some("WSAEADDRNOTAVAIL"), Some(10049)),
    ("EINVAL", Some("WSAEINVAL"), Some(10022)),
    ("ENFILE", Some("WSAEMFILE"), Some(10024)),
    ("EMFILE", Some("WSAEMFILE"), Some(10024)),
    ("ENOSYS", None, None),
    ("ENONET", Some("WSAENETUNREACH"), Some(10051)),
    ("EPROTO", None, None),
    ("EMSGSIZE", Some("WSAEMSGSIZE"), Some(10040)),
    ("ENOPROTOOPT", Some("WSAENOPROTOOPT"), Some(10042)),
    ("EOPNOTSUPP", Some("WSAEOPNOTSUPP"), Some(10045)),
    ("EAFNOSUPPORT", Some("WSAEAFNOSUPPORT"), Some(10047)),
    ("EADDRINUSE", Some("WSAEADDRINUSE"), Some(10048)),
    ("EADDRNOTAVAIL", Some("WSAEADDRNOTAVAIL"), Some(10049)),
    ("ENETDOWN", Some("WSAENETDOWN"), Some(10050)),
    ("ENETUNREACH", Some("WSAENETUNREACH"), Some(10051)),
    ("ECONNRESET", Some("WSAECONNRESET"), Some(10054)),
    ("ENOBUFS", Some("WSAENOBUFS"), Some(10055)),
    ("ETIMEDOUT", Some("WSAETIMEDOUT"), Some(10060)),
    ("ECONNREFUSED", Some("WSAECONNREFUSED"), Some(10061)),
    ("EHOSTDOWN", Some("WSAEHOSTDOWN"), Some(10064)),
    ("EHOSTUNREACH", Some("WSAEHOSTUNREACH"), Some(10065)),
];
