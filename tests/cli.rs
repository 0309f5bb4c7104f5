//! The command line as a user meets it, on loopback alone and therefore on every system: what is refused and in which
//! words, what is reported in which form, what the process ends with.

#[path = "support/mask.rs"]
mod mask;

use std::io::Write;
use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};
use socket2::{Domain, Socket, Type};

/// Where systems differ. Everything else in this file is the same on all of them.
mod here {
    /// The system's own number of ECONNREFUSED: 111 on Linux, 61 on BSD, 107 in the C library of Windows.
    pub const REFUSED: i32 = libc::ECONNREFUSED;
    /// See [`REFUSED`].
    pub const IN_USE: i32 = libc::EADDRINUSE;
    /// What a nonblocking connect() says first; Winsock's WSAEWOULDBLOCK is the same.
    pub const PENDING: &str = "EINPROGRESS";
    /// The kernel's counts (SYNs, round trip), the routing table and ICMP messages are known on Linux only; elsewhere
    /// they are null.
    pub const KERNEL_TELLS: bool = cfg!(target_os = "linux");
    /// The advice for a source port that is in use.
    pub const PORT_ADVICE: &str = if cfg!(windows) {
        "that source port is taken, reserved (netsh interface ipv4 show\n          excludedportrange tcp) or held exclusively"
    } else {
        "that source port is taken: choose another, or wait; --reset-on-close\n          leaves it free for the next time"
    };
    /// What a child needs of the environment that is otherwise cleared: Winsock looks for its providers there.
    pub const KEPT: &[&str] = if cfg!(windows) { &["SystemRoot", "SystemDrive", "PATH"] } else { &[] };
}

/// What a run said and how it ended; times are masked.
#[derive(Debug, PartialEq, Eq)]
struct Run {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Run {
    /// Good, without a diagnostic.
    fn good(stdout: impl Into<String>) -> Run {
        Run::ended(0, stdout)
    }

    fn ended(code: i32, stdout: impl Into<String>) -> Run {
        Run { code, stdout: stdout.into(), stderr: String::new() }
    }

    /// Refused before anything was sent: one line.
    fn refused(message: &str) -> Run {
        Run { code: 2, stdout: String::new(), stderr: format!("rconnect: {message}\n") }
    }
}

fn rconnect<S: AsRef<str>>(args: &[S]) -> Run {
    rconnect_with(args, "", &[])
}

fn rconnect_with<S: AsRef<str>>(args: &[S], stdin: &str, environment: &[(&str, &str)]) -> Run {
    let (code, stdout, stderr) = raw(args, stdin, environment);
    Run { code, stdout: mask::text(&stdout), stderr: mask::text(&stderr) }
}

fn raw<S: AsRef<str>>(args: &[S], stdin: &str, environment: &[(&str, &str)]) -> (i32, String, String) {
    let kept = here::KEPT.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)));
    let mut child = Command::new(env!("CARGO_BIN_EXE_rconnect"))
        .args(args.iter().map(AsRef::as_ref))
        .env_clear()
        .envs(kept)
        .envs(environment.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program starts");
    let mut pipe = child.stdin.take().expect("a pipe");
    let stdin = stdin.to_owned();
    // The program need not read it.
    let writer = thread::spawn(move || drop(pipe.write_all(stdin.as_bytes())));
    let output = child.wait_with_output().expect("the program ends");
    writer.join().expect("the writer");
    let utf8 = |bytes| String::from_utf8(bytes).expect("UTF-8");
    (output.status.code().expect("an exit code"), utf8(output.stdout), utf8(output.stderr))
}

fn words(line: &str) -> Vec<String> {
    line.split_whitespace().map(String::from).collect()
}

/// The JSON lines of a run, masked, and its exit code; nothing may stand on standard error.
fn json_run(args: &[String]) -> (i32, Vec<Value>) {
    let (code, stdout, stderr) = raw(args, "", &[]);
    assert_eq!(stderr, "");
    (code, mask::json(&stdout))
}

const V4: &str = "127.0.0.1";
const V6: &str = "::1";

/// A server that need not accept: the system completes handshakes for it.
struct Open(TcpListener);

impl Open {
    fn at(address: &str) -> Open {
        Open(TcpListener::bind((address, 0)).expect("a free port"))
    }

    fn port(&self) -> u16 {
        self.0.local_addr().expect("its address").port()
    }
}

/// A port that nobody listens on and that nobody else can take: bound, and never listening.
struct Closed(Socket);

impl Closed {
    fn at(address: &str) -> Closed {
        Closed::with_port(address, 0).expect("a free port")
    }

    fn with_port(address: &str, port: u16) -> std::io::Result<Closed> {
        let address = SocketAddr::new(address.parse().expect("an address"), port);
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
        socket.bind(&address.into())?;
        Ok(Closed(socket))
    }

    fn port(&self) -> u16 {
        self.0.local_addr().ok().and_then(|local| local.as_socket()).expect("its address").port()
    }
}

/// One port that is open in IPv4 and closed in IPv6.
fn half_open() -> (Open, Closed) {
    let mut tries = (0..100).filter_map(|_| {
        let open = Open::at(V4);
        let closed = Closed::with_port(V6, open.port()).ok()?;
        Some((open, closed))
    });
    tries.next().expect("a port that is free in both families")
}

fn refused_codes() -> String {
    codes("ECONNREFUSED", here::REFUSED, 10061)
}

/// The Winsock name is written out on Windows alone.
fn codes(name: &str, number: i32, winsock: u32) -> String {
    format!("{name} {number} · WSA{} {winsock}", if cfg!(windows) { name } else { "" })
}

fn rst_advice(port: u16) -> String {
    format!("nothing listens on {port} there, or a firewall sends the reset")
}

// --- what is refused ----------------------------------------------------------------------------------------------

/// "Usage errors say what was wrong and what would be right, before anything is sent."
#[test]
fn usage_errors_are_one_line_that_says_what_would_be_right() {
    #[rustfmt::skip]
    let cases: &[(&[&str], &str)] = &[
        (&[], "no target: give HOST PORT, HOST:PORT, a URL, or --from FILE"),
        // Targets and ports.
        (&["127.0.0.1"], r#"no port in "127.0.0.1": write 127.0.0.1:PORT, or 127.0.0.1 PORT"#),
        (&["::1:80"], r#""::1:80" has no brackets around its IPv6 address: write [::1]:80"#),
        (&["[::1]:0"], r#"port "0" cannot be connected to: ports are 1 to 65535"#),
        (&["h", "70000"], r#"port "70000" is too large: ports are 1 to 65535"#),
        (&["h", "65536"], r#"port "65536" is too large: ports are 1 to 65535"#),
        (&["h", "+80"], r#"port "+80" has a sign: write the digits only"#),
        (&["h", " 80"], r#"port " 80" has a space in it: write ports with commas only, as in 80,443"#),
        (&["h", "080"], r#"port "080" has a leading zero: write 80"#),
        (&["h", "9-8"], r#"range "9-8" is reversed, so empty: write 8-9"#),
        (&["h", ""], "the port is empty: write a number from 1 to 65535, or a service name"),
        (&["h", "80,"], r#""80," has an empty item: write ports with one comma between them"#),
        (&["h", "nosuchservice"], r#"no service "nosuchservice" is known for tcp: write the port's number, 1 to 65535"#),
        (&[":80"], "the host is empty: write a name or an address, as in localhost:80"),
        (&["", "80"], "the host is empty: write a name or an address, as in localhost:80"),
        (&["10.0.0.1/28:80"], r#""10.0.0.1/28" has host bits set: the network is 10.0.0.0/28, the single host 10.0.0.1"#),
        (&["10.0.0.0/8:80"], "10.0.0.0/8 has 16777216 addresses: add --yes to probe more than 65536"),
        (&["fe80::1", "80"], r#"link-local address "fe80::1" is on every link: say on which interface, as in fe80::1%eth0"#),
        (&["010.0.0.1", "80"], r#""010.0.0.1" is not a plain address: the system would read it as 8.0.0.1; write 8.0.0.1 if that is meant"#),
        (&["10.0.0.1-10.0.0.20", "22"], r#""10.0.0.1-10.0.0.20" is a range of addresses: write a network, as in 10.0.0.0/28, or address by address"#),
        (&["10.0.0.*", "22"], r#""10.0.0.*" is a range of addresses: write a network, as in 10.0.0.0/28, or address by address"#),
        (&["a.example,b.example", "22"], r#""a.example,b.example" is several hosts in one word: write them apart: -p PORTS a.example b.example"#),
        (&["10.0.0.1-20", "22"], r#""10.0.0.1-20" is a range of addresses: write a network, as in 10.0.0.0/28, or address by address"#),
        (&["127.1:80"], r#""127.1" is not a plain address: the system would read it as 127.0.0.1; write 127.0.0.1 if that is meant"#),
        (&["nosuchscheme://h/"], "no port is known for nosuchscheme:// over tcp: write it, as in nosuchscheme://h:PORT"),
        (&["http://10.0.0.0/30"], r#""http://10.0.0.0/30" may be a network or a URL with a path: write 10.0.0.0/30:http for the network, http://10.0.0.0 for one host"#),
        (&["postgres://me:12/34@127.0.0.1:5432/x"], "it is not clear where the host begins in this URL: it has an unescaped '/': leave user, password and path out, as in postgres://HOST:PORT, or write %2F"),
        (&["http://127.0.0.1\\@evil"], r"it is not clear where the host begins in this URL: it has an unescaped '\\': leave user, password and path out, as in http://HOST:PORT, or write %5C"),
        (&["192.0.2.10", "192.0.2.11"], r#"no port in "192.0.2.10": write 192.0.2.10:PORT, or the ports of all of them: -p PORTS 192.0.2.10 192.0.2.11"#),
        (&["a.example", "b.example"], r#"no port in "a.example": write a.example:PORT, or the ports of all of them: -p PORTS a.example b.example"#),
        (&["192.0.2.10", "192.0.2.11", "22"], r#"no port in "192.0.2.10": several hosts with the same ports are: -p 22 192.0.2.10 192.0.2.11"#),
        (&["help"], r#"no port in "help": rconnect --help is the option, help:PORT the host"#),
        (&["\u{2013}q", "h:80"], "\"\u{2013}q\" begins with the dash U+2013, not with a hyphen: write -q"),
        (&["h", "80/tcp"], r#""80/tcp" ends with a protocol: write 80"#),
        (&["unix:///run/x"], "unix:// names no port to connect to: it is a path on this machine; a target is HOST:PORT"),
        (&["[::/0]:80"], "::/0 has 340282366920938463463374607431768211456 addresses: add --yes to probe more than 65536"),
        (&["fe80::1%25nosuch", "80"], "this machine has no interface '25nosuch': outside a URL write fe80::1%nosuch"),
        (&["-p", "70000", "h"], r#"port "70000" is too large: ports are 1 to 65535"#),
        (&["-p", "70000", "h:80"], r#"--ports: port "70000" is too large: ports are 1 to 65535"#),
        (&["-p", "22", "h", "80"], r#""h" has ports twice: "80" and those of -p: with -p each word is a host; leave one of them out"#),
        // A later target is checked before the first is probed.
        (&["127.0.0.1:1", "127.0.0.1:0"], r#"port "0" cannot be connected to: ports are 1 to 65535"#),
        // Values.
        (&["-t", "x", "h", "80"], "invalid value 'x' for '--timeout <DURATION>': not a duration; write 250ms, 1.5s, 2m, 1h30m, or a number of seconds"),
        (&["-t", "1M", "h", "80"], "invalid value '1M' for '--timeout <DURATION>': units are in small letters: write 1m"),
        (&["--require", "01", "h", "80"], "invalid value '01' for '--require <WHAT>': expected any, all, each-family or a number of addresses from 1"),
        (&["--ttl", "010", "h", "80"], "invalid value '010' for '--ttl <N>': expected a number from 1 to 255"),
        (&["--timeout=-1s", "h", "80"], "invalid value '-1s' for '--timeout <DURATION>': a duration has no sign; write 250ms, 1.5s, 2m, 1h30m, or a number of seconds"),
        (&["--deadline", "never", "h", "80"], "invalid value 'never' for '--deadline <DURATION>': not a duration; write 250ms, 1.5s, 2m, 1h30m, or a number of seconds"),
        (&["--ttl", "256", "h", "80"], "invalid value '256' for '--ttl <N>': expected a number from 1 to 255"),
        (&["--dscp", "xx", "h", "80"], "invalid value 'xx' for '--dscp <NAME>': expected cs0 to cs7, af11 to af43, ef, va, le, be or a number from 0 to 63"),
        (&["--rate", "0", "h", "80"], "invalid value '0' for '--rate <N>': expected a number above 0, of starts a second"),
        (&["-j", "0", "h", "80"], "invalid value '0' for '--concurrency <N>': expected a number from 1 to 1000000"),
        (&["--require", "0", "h", "80"], "invalid value '0' for '--require <WHAT>': expected any, all, each-family or a number of addresses from 1"),
        (&["-m", "async", "h", "80"], "invalid value 'async' for '--mode <MODE>': expected nonblocking or blocking"),
        (&["--color", "sometimes", "h", "80"], "invalid value 'sometimes' for '--color <WHEN>': expected auto, always or never"),
        (&["--source", "x", "h", "80"], r#"--source: "x" is a name: an address is needed here, IPv4 or IPv6"#),
        (&["--resolve", "a", "a", "80"], r#"--resolve: "a" pins nothing: write HOST:PORT:ADDR[,ADDR], as in db.example:5432:10.0.0.5"#),
        (&["--resolve", "a:80:b", "a", "80"], r#"--resolve: "b" is a name: an address is needed here, IPv4 or IPv6"#),
        (&["--explain", "FOO"], "unknown code 'FOO': give a name (ECONNREFUSED, WSAECONNREFUSED, EAI_AGAIN), a number (111, 10061, -3, 0x8007274D), a message (\"No route to host\"), a word of the results (refused) or an exit code (exit 4)"),
        (&["--explain", "connrefused"], "unknown code 'connrefused': did you mean ECONNREFUSED?"),
        (&["-I"], "'--interface <NAME>' needs a value"),
        (&["--rate", "1e-19", "h", "80"], "invalid value '1e-19' for '--rate <N>': expected a number above 0, of starts a second"),
        (&["--rate", "inf", "h", "80"], "invalid value 'inf' for '--rate <N>': expected a number above 0, of starts a second"),
        (&["--resolve", "h:80:fe80::1%nosuch", "h", "80"], "--resolve: this machine has no interface 'nosuch'"),
        (&["-r", "-1", "h", "80"], "invalid value '-1' for '--retries <N>': expected a number from 0 to 4294967295"),
        (&["-t", "-1", "h", "80"], "invalid value '-1' for '--timeout <DURATION>': a duration has no sign; write 250ms, 1.5s, 2m, 1h30m, or a number of seconds"),
        (&["http:/h"], "no host and port in \"http:/h\": write HOST:PORT, as in db.example:5432, or HOST PORT as two words"),
        (&["h", "80", "localhost:80"], r#"no port in "h": HOST PORTS is for one target, among several write h:80"#),
        (&["localhost:80/"], r#""localhost:80/" ends with a slash: write localhost:80, or a URL: tcp://localhost:80/"#),
        (&["[]:80"], "the host is empty: write [IPv6]:PORT, as in [::1]:80"),
        (&["--outptu", "json", "h", "80"], "unknown option '--outptu': did you mean '--output'?"),
        (&["--nonsense"], "unknown option '--nonsense': rconnect --help lists the options"),
        // Contradictions.
        (&["-4", "-6", "h", "80"], "'--ipv4' cannot be used with '--ipv6': leave one of them out"),
        (&["-q", "-v", "h", "80"], "'--quiet' cannot be used with '--verbose': leave one of them out"),
        (&["--json", "-o", "csv", "h", "80"], "'--json' cannot be used with '--output <OUTPUT>': leave one of them out"),
        (&["--tos", "1", "--dscp", "ef", "h", "80"], "'--tos <N>' cannot be used with '--dscp <NAME>': leave one of them out"),
        (&["--payload", "x", "h", "80"], "--payload is what a datagram carries: add --udp or write udp://HOST:PORT, or leave it out for TCP"),
        (&["-u", "--payload", "x", "tcp://h:80"], "--payload is what a datagram carries: add --udp or write udp://HOST:PORT, or leave it out for TCP"),
        (&["-s", "127.0.0.1:5000", "-j", "2", "h", "80"], "a port in --source is for one attempt at a time: leave -j out, or add --reuse-address"),
        (&["-4", "--require", "each-family", "h", "80"], "--require each-family asks for both families: leave -4, -6 and --source out"),
        (&["-s", "::1", "--require", "each-family", "h", "80"], "--require each-family asks for both families: leave -4, -6 and --source out"),
        (&["-I", "", "h", "80"], "'--interface <NAME>' needs a value"),
        (&["-m", "blocking", "--fail-on-icmp", "h", "80"], "--fail-on-icmp ends what the kernel goes on with, and connect() does not return for it: leave --mode blocking out"),
        (&["--self-test", "-o", "csv"], "--self-test has no form csv: use json, or leave --output out"),
        (&["--self-test", "h:80"], "'--self-test' cannot be used with 'TARGET': leave one of them out"),
        (&["--self-test", "--list-errors"], "'--self-test' cannot be used with '--list-errors': leave one of them out"),
        (&["--self-test", "--generate", "man"], "'--self-test' cannot be used with '--generate <KIND>': leave one of them out"),
        (&["--list-errors", "-o", "csv"], "--list-errors has no form csv: use json, or leave --output out"),
        (&["-t", "0", "udp://h:80"], "--timeout 0: the system has no limit for a reply to a datagram: give one, or a --deadline"),
        (&["-u", "-t", "0", "h", "80"], "--timeout 0: the system has no limit for a reply to a datagram: give one, or a --deadline"),
        (&["-s", "::1", "127.0.0.1", "80"], "127.0.0.1 is IPv4 and --source ::1 is IPv6: give a source address of the same family"),
        (&["--resolve", "a:80:::1", "--resolve", "A:80:127.0.0.1", "a", "80"], "--resolve: 'A:80:127.0.0.1' pins what is pinned already: give all addresses at once, as in a:80:ADDR,ADDR"),

        (&["--explain", "refused", "h:80"], "'--explain <CODE>' cannot be used with 'TARGET': leave one of them out"),
        (&["--strategy", "first", "--require", "all", "h", "80"], "--strategy first stops at the first success and --require asks for more: use --strategy all"),
        (&["--strategy", "first", "--require", "2", "h", "80"], "--strategy first stops at the first success and --require asks for more: use --strategy all"),
        (&["h", "80", "--", "true"], "a COMMAND behind -- is executed after a wait: add --wait"),
        (&["--wait", "h", "80", "--"], "nothing follows --: give a COMMAND, or leave -- out"),
        (&["--wait", "--", "h", "80"], "no target before --: what follows it is the COMMAND"),
        (&["--wait", "--stable", "0", "h", "80"], "invalid value '0' for '--stable <N>': expected a number from 1 to 4294967295"),
        (&["--stable", "2", "h", "80"], "--stable is about the rounds of a wait: add --wait"),
        (&["-i", "2", "h", "80"], "--interval is between rounds: add --count N, --watch or --wait"),
        (&["-c", "0", "h", "80"], "invalid value '0' for '--count <N>': expected a number from 1 to 4294967295"),
        (&["-c", "2", "--watch", "h", "80"], "--count ends after N rounds and --watch never: leave one of them out"),
        (&["-c", "2", "--wait", "h", "80"], "--wait ends when every target is good, whatever --count says: leave one of them out"),
        (&["--ordered", "--watch", "h", "80"], "--watch tells of changes as they come: leave --ordered out"),
        (&["--watch", "--wait", "h", "80"], "--wait ends when every target is good, whatever --watch says: leave one of them out"),
        (&["-c", "2", "--from", "-"], "--count reads the targets in every round and a stream can be read once: give --from a file"),
        (&["--watch", "--from", "-"], "--watch reads the targets in every round and a stream can be read once: give --from a file"),
        (&["-c", "2", "h", "80", "--", "true"], "a COMMAND behind -- is executed after a wait: add --wait"),
        (&["--wait", "--from", "-"], "--wait reads the targets in every round and a stream can be read once: give --from a file"),
        (&["--wait=soon", "h", "80"], "invalid value 'soon' for '--wait[=<DURATION>]': not a duration; write 250ms, 1.5s, 2m, 1h30m, or a number of seconds"),
        (&["--expect", "close", "h", "80"], "invalid value 'close' for '--expect <WORD[,...]>': unknown outcome 'close': did you mean 'closed'?"),
        (&["--expect", "open", "--require", "all", "h", "80"], "'--expect <WORD[,...]>' cannot be used with '--require <WHAT>': leave one of them out"),
        (&["--strategy", "first", "--expect", "open", "h", "80"], "--expect is about every address and --strategy first stops at the first success: use --strategy all"),
        (&["--strategy", "race", "--require", "all", "h", "80"], "--strategy race ends at the first success and --require asks for more: use --strategy all"),
        (&["--strategy", "race", "--require", "2", "h", "80"], "--strategy race ends at the first success and --require asks for more: use --strategy all"),
        (&["--strategy", "race", "--require", "each-family", "h", "80"], "--strategy race ends at the first success and --require asks for more: use --strategy all"),
        (&["--strategy", "race", "--expect", "refused", "h", "80"], "--expect is about every address and --strategy race ends at the first success: use --strategy all"),
        (&["--strategy", "race", "-m", "blocking", "h", "80"], "--strategy race has several attempts in flight: leave --mode blocking out, or use --strategy first"),
        (&["--strategy", "race", "-j", "1", "h", "80"], "--strategy race has several attempts in flight: leave -j 1 out, or use --strategy first"),
        (&["--strategy", "race", "-s", "127.0.0.1:5000", "h", "80"], "--strategy race has several attempts in flight, and they cannot share a port: give --source an address alone"),
        (&["--strategy", "race", "-u", "h", "80"], "--strategy race is won by a handshake, and UDP has none: use --strategy all or first for h:80/udp"),
        (&["--strategy", "race", "udp://h:80"], "--strategy race is won by a handshake, and UDP has none: use --strategy all or first for h:80/udp"),
        (&["--hold", "0", "h", "80"], "invalid value '0' for '--hold <DURATION>': a connection is held for a time: give one, or leave --hold out"),
        (&["--hold", "none", "h", "80"], "invalid value 'none' for '--hold <DURATION>': a connection is held for a time: give one, or leave --hold out"),
        (&["--hold", "99999999999s", "h", "80"], "invalid value '99999999999s' for '--hold <DURATION>': longer than ten years, which are the most"),
        (&["-t", "99999999999s", "h", "80"], "invalid value '99999999999s' for '--timeout <DURATION>': longer than ten years; use none for no limit"),
        (&["--hold", "1s", "-u", "h", "80"], "--hold keeps a connection open, and UDP has none: leave --hold or --udp out"),
        (&["--hold", "1s", "h:80", "udp://h:53"], "--hold keeps a connection open, and UDP has none: leave --hold or h:53/udp out"),
        (&["--expect", "refused,unserved", "h", "80"], "--expect unserved: only a connection that is held can come to it: add --hold DURATION"),
        (&["--attempt-delay", "100ms", "h", "80"], "--attempt-delay is the delay between the attempts of a race: add --strategy race"),
        (&["--strategy", "first", "--attempt-delay", "100ms", "h", "80"], "--attempt-delay is the delay between the attempts of a race: add --strategy race"),
        (&["--strategy", "race", "--attempt-delay", "9ms", "h", "80"], "invalid value '9ms' for '--attempt-delay <DURATION>': expected 10ms to 2s (RFC 8305)"),
        (&["--strategy", "race", "--attempt-delay", "2001ms", "h", "80"], "invalid value '2001ms' for '--attempt-delay <DURATION>': expected 10ms to 2s (RFC 8305)"),
        (&["-m", "blocking", "-j", "4", "h", "80"], "--mode blocking makes one attempt at a time: leave -j out, or use --mode nonblocking"),
        (&["-m", "blocking", "--per-host", "2", "h", "80"], "--mode blocking makes one attempt at a time: leave --per-host out, or use --mode nonblocking"),
        (&["-j", "10", "--per-host", "20", "h", "80"], "--per-host 20 is more than -j 10 allows in all: lower it, or raise -j"),
        (&["--exclude", "h:80", "h", "80"], "no target is left: --exclude leaves all of them out"),
        (&["--exclude", ":80", "h", "80"], "no target is left: --exclude leaves all of them out"),
        (&["--exclude", "@", "h", "80"], "--exclude: no file is named: write @FILE"),
        (&["--exclude", "@-", "h", "80"], "--exclude: standard input is not read for exclusions: write them to a file, and @FILE"),
        (&["--exclude", "h2,,h3", "h", "80"], "--exclude: an item is empty: write HOST, HOST:PORTS, NETWORK or :PORTS, with commas between"),
        (&["--exclude", "22", "h", "22,80"], "--exclude: \"22\" is no host: a port is left out as :22, or of one host as HOST:22"),
        (&["--exclude", "20-22", "h", "22,80"], "--exclude: \"20-22\" is no host: a port is left out as :20-22, or of one host as HOST:20-22"),
        (&["-m", "blocking", "--trace", "h", "80"], "--trace watches several hops at once: leave --mode blocking out"),
        (&["-4", "--source", "::1", "h", "80"], "--source is an address of the other family than -4 or -6 asks for: drop one of them"),
        (&["-n", "localhost", "80"], "'localhost' is a name: with --numeric a host must be an address, or pinned by --resolve"),
    ];
    for (args, message) in cases {
        assert_eq!(rconnect(args), Run::refused(message), "{args:?}");
    }
}

#[test]
fn a_kind_that_is_none_is_told_the_kinds() {
    let said = rconnect(&["--generate", "foo"]);
    let begin = "rconnect: invalid value 'foo' for '--generate <KIND>': expected man, ";
    assert!(said.code == 2 && said.stderr.starts_with(begin) && said.stderr.ends_with(" or json-schema\n"), "{said:?}");
}

#[test]
fn what_is_quoted_does_not_control_a_terminal() {
    for args in
        [&["--explain", "\u{1b}[31mX"][..], &["-u", "--payload", "@\u{1b}", V4, "9"], &["-t", "\u{1b}", "h", "80"]]
    {
        let run = rconnect(args);
        assert!(run.code == 2 && run.stderr.contains("\\u{1b}") && !run.stderr.contains('\u{1b}'), "{run:?}");
    }
}

#[test]
fn a_file_that_is_not_there_is_named() {
    let from = rconnect(&["--from", "no/such/file"]);
    assert_eq!(from.code, 2);
    assert!(from.stderr.starts_with("rconnect: --from: cannot read 'no/such/file': "), "{from:?}");
    let payload = rconnect(&["-u", "--payload", "@nosuchfile", V4, "9"]);
    assert_eq!((payload.code, &payload.stdout[..]), (2, ""));
    let line = "rconnect: --payload: cannot read 'nosuchfile': ";
    assert!(payload.stderr.starts_with(line) && payload.stderr.ends_with(" (os error 2)\n"), "{payload:?}");
}

// --- what is told -------------------------------------------------------------------------------------------------

#[test]
fn help_and_version_are_answers() {
    assert_eq!(rconnect(&["--version"]), Run::good(concat!("rconnect ", env!("CARGO_PKG_VERSION"), "\n")));
    assert_eq!(rconnect(&["-V"]), rconnect(&["--version"]));
    for flag in ["-h", "--help"] {
        let help = rconnect(&[flag]);
        assert_eq!((help.code, help.stderr.as_str()), (0, ""));
        for word in ["rconnect [OPTIONS] HOST PORTS", "--explain CODE", "--timeout", "--require", "--reset-on-close"] {
            assert!(help.stdout.contains(word), "{flag}: {word}");
        }
        assert!(!help.stdout.contains("\n  -z"), "{flag}: a habit of nc that does nothing");
        assert!(help.stdout.is_ascii() && help.stdout.lines().all(|line| line.len() <= 80), "{flag}");
    }
}

#[test]
fn the_long_help_ends_with_examples_and_exit_codes() {
    let help = rconnect(&["--help"]).stdout;
    let (_, end) = help.split_once("\nExamples:\n").expect("examples");
    let (examples, codes) = end.split_once("\nExit codes:\n").expect("exit codes");
    assert!(examples.lines().all(|line| line.is_empty() || line.starts_with("  rconnect ")), "{examples}");
    for row in rconnect::internals::exit::TABLE {
        assert!(codes.contains(&format!("{:>5}  {}\n", row.code, row.meaning)), "{codes}");
    }
    assert!(!rconnect(&["-h"]).stdout.contains("Examples:"));
}

/// Name, Winsock name, Winsock number and outcome, from Microsoft's pages of connect() and WSAConnect() and those of
/// the resolver.
#[rustfmt::skip]
const DOCUMENTED: &[(&str, &str, u64, &str)] = &[
    ("WSANOTINITIALISED", "WSANOTINITIALISED", 10093, "failed"),
    ("ENETDOWN", "WSAENETDOWN", 10050, "unavailable"),
    ("EADDRINUSE", "WSAEADDRINUSE", 10048, "unavailable"),
    ("EINTR", "WSAEINTR", 10004, "interrupted"),
    ("EADDRNOTAVAIL", "WSAEADDRNOTAVAIL", 10049, "unavailable"),
    ("EAFNOSUPPORT", "WSAEAFNOSUPPORT", 10047, "unsupported"),
    ("ECONNREFUSED", "WSAECONNREFUSED", 10061, "refused"),
    ("EINVAL", "WSAEINVAL", 10022, "invalid"),
    ("ENETUNREACH", "WSAENETUNREACH", 10051, "unreachable"),
    ("EHOSTUNREACH", "WSAEHOSTUNREACH", 10065, "unreachable"),
    ("ENOBUFS", "WSAENOBUFS", 10055, "unavailable"),
    ("ETIMEDOUT", "WSAETIMEDOUT", 10060, "timed-out"),
    ("EACCES", "WSAEACCES", 10013, "denied"),
    ("EOPNOTSUPP", "WSAEOPNOTSUPP", 10045, "unsupported"),
    ("EPROTONOSUPPORT", "WSAEPROTONOSUPPORT", 10043, "unsupported"),
    ("ECONNRESET", "WSAECONNRESET", 10054, "reset"),
    ("EMFILE", "WSAEMFILE", 10024, "unavailable"),
    ("EAI_NONAME", "WSAHOST_NOT_FOUND", 11001, "unresolved"),
    ("EAI_AGAIN", "WSATRY_AGAIN", 11002, "unresolved"),
    ("EAI_FAIL", "WSANO_RECOVERY", 11003, "unresolved"),
];

/// Codes that are documented and no outcome of a probe.
const OTHERS: &[(&str, u64)] = &[
    ("WSAEINPROGRESS", 10036),
    ("WSAEALREADY", 10037),
    ("WSAEFAULT", 10014),
    ("WSAEISCONN", 10056),
    ("WSAENOTSOCK", 10038),
    ("WSAEWOULDBLOCK", 10035),
];

#[test]
fn every_documented_code_is_listed_in_both_vocabularies() {
    let (list, lines) = (rconnect(&["--list-errors"]), rconnect(&["--list-errors", "--json"]));
    assert_eq!((list.code, lines.code), (0, 0));
    let rows = mask::json(&lines.stdout);
    assert_eq!(list.stdout.lines().count(), 1 + rows.len());
    for (name, winsock, number, outcome) in DOCUMENTED {
        let row = rows.iter().find(|row| row["name"] == *name).unwrap_or_else(|| panic!("{name}"));
        assert_eq!((&row["winsock_number"], &row["outcome"]), (&json!(number), &json!(outcome)), "{name}");
        let line = list.stdout.lines().find(|line| line.split(' ').next() == Some(name)).expect(name);
        for word in [winsock, &number.to_string()[..], outcome] {
            assert!(line.split_whitespace().any(|cell| cell == word), "{word}: {line}");
        }
    }
    for (winsock, number) in OTHERS {
        let row = rows.iter().find(|row| row["winsock_name"] == *winsock && row["nearest"] == false).expect(winsock);
        assert_eq!(row["winsock_number"], *number, "{winsock}");
    }
}

#[test]
fn a_code_is_explained_by_any_of_its_names_and_numbers() {
    for (name, winsock, number, outcome) in DOCUMENTED {
        for query in [*name, *winsock, &number.to_string(), &name.to_lowercase()] {
            let text = rconnect(&["--explain", query]);
            assert_eq!((text.code, text.stderr.as_str()), (0, ""), "{query}");
            assert!(text.stdout.contains(&format!("{winsock} {number}")), "{query}: {}", text.stdout);
            let rows = mask::json(&rconnect(&["--explain", query, "--json"]).stdout);
            let row = rows.iter().find(|row| row["name"] == *name).unwrap_or_else(|| panic!("{query}: {rows:?}"));
            assert_eq!(row["outcome"], *outcome, "{query}");
        }
    }
    let own = rconnect(&["--explain", &here::REFUSED.to_string()]);
    let both = format!("ECONNREFUSED {} · WSAECONNREFUSED 10061\n", here::REFUSED);
    assert!(own.stdout.starts_with(&both), "{own:?}");
}

/// The outcomes with their exit codes, as documented.
const OUTCOMES: &[(&str, u64)] = &[
    ("connected", 0),
    ("refused", 4),
    ("timed-out", 5),
    ("unreachable", 6),
    ("denied", 7),
    ("unavailable", 8),
    ("unsupported", 8),
    ("invalid", 8),
    ("reset", 4),
    ("self-connected", 4),
    ("unconfirmed", 9),
    ("interrupted", 1),
    ("cancelled", 1),
    ("skipped", 1),
    ("unresolved", 3),
    ("failed", 1),
];

#[test]
fn an_outcome_is_explained_with_its_exit_code() {
    for (outcome, code) in OUTCOMES {
        let text = rconnect(&["--explain", outcome]);
        assert_eq!(text.code, 0);
        assert!(text.stdout.starts_with(&format!("{outcome}\n  meaning     ")), "{text:?}");
        assert!(text.stdout.contains(&format!("\n  exit code   {code}\n")), "{text:?}");
        let rows = mask::json(&rconnect(&["--explain", outcome, "--json"]).stdout);
        assert_eq!((&rows[0]["outcome"], &rows[0]["exit_code"]), (&json!(outcome), &json!(code)));
    }
}

#[test]
fn documents_are_generated() {
    for (kind, word) in [
        ("man", ".TH RCONNECT 1"),
        ("bash", "_rconnect()"),
        ("zsh", "#compdef rconnect"),
        ("fish", "complete -c rconnect"),
        ("powershell", "Register-ArgumentCompleter"),
        ("elvish", "edit:completion"),
        ("json-schema", "https://json-schema.org/draft/2020-12/schema"),
    ] {
        let run = rconnect(&["--generate", kind]);
        assert_eq!((run.code, run.stderr.as_str()), (0, ""), "{kind}");
        assert!(run.stdout.contains(word), "{kind}: {}", run.stdout);
        assert!(run.stdout.len() > 1000, "{kind}");
    }
}

// --- one target ---------------------------------------------------------------------------------------------------

#[test]
fn an_open_port_is_connected() {
    for address in [V4, V6] {
        let open = Open::at(address);
        let target = SocketAddr::new(address.parse().unwrap(), open.port()).to_string();
        let line = format!("{target}   connected  T\n");
        assert_eq!(rconnect(&[address, &open.port().to_string()]), Run::good(&line));
        assert_eq!(rconnect(&[&target]), Run::good(&line));
        assert_eq!(rconnect(&["-m", "blocking", &target]), Run::good(&line));
        assert_eq!(rconnect(&["-z", "--reset-on-close", &target]), Run::good(&line));
        assert_eq!(rconnect(&[format!("http://{target}/index.html")]), Run::good(&line));
    }
}

#[test]
fn what_is_expected_is_good_and_keeps_its_word() {
    let (open, closed) = (Open::at(V4), Closed::at(V4));
    let (port, closed) = (open.port(), closed.port());
    let run = |expect: &str, port: u16| {
        let (code, stdout, _) = raw(&["--json", "--expect", expect, "127.0.0.1", &port.to_string()], "", &[]);
        let target: Value = serde_json::from_str(&stdout).expect("a line of JSON");
        assert_eq!(target["exit_code"], code);
        (code, target["good"] == true, target["outcome"].as_str().expect("a word").to_owned())
    };
    assert_eq!(run("closed", closed), (0, true, "refused".into()));
    assert_eq!(run("blocked,refused", closed), (0, true, "refused".into()));
    assert_eq!(run("open", closed), (4, false, "refused".into()));
    assert_eq!(run("open", port), (0, true, "connected".into()));
    assert_eq!(run("closed", port), (1, false, "connected".into()));
    let text = rconnect(&["--expect", "blocked", "127.0.0.1", &port.to_string()]);
    assert!(text.stdout.ends_with("\nexpected: timed-out, unreachable, denied\n"), "{text:?}");
}

#[test]
fn a_closed_port_is_refused() {
    for address in [V4, V6] {
        let closed = Closed::at(address);
        let target = SocketAddr::new(address.parse().unwrap(), closed.port()).to_string();
        let text = format!("{target}   refused  T  {}\n  advice: {}\n", refused_codes(), rst_advice(closed.port()));
        assert_eq!(rconnect(&[&target]), Run::ended(4, &text));
        assert_eq!(rconnect(&["-m", "blocking", &target]), Run::ended(4, &text));
        assert_eq!(rconnect(&["--exit-code", "simple", &target]), Run::ended(1, &text));
    }
}

/// What this platform cannot know is null.
fn if_told(value: Value) -> Value {
    if here::KERNEL_TELLS { value } else { Value::Null }
}

fn connected_line(port: u16) -> Value {
    let handshake = if_told(json!({
        "window": 0, "window_scale": 0, "mss": 0, "timestamps": true, "sack": true, "ecn": false,
    }));
    json!({
        "schema": "rconnect/1", "record": "target", "target": format!("127.0.0.1:{port}"), "host": "127.0.0.1", "port": port,
        "protocol": "tcp", "mode": "nonblocking", "strategy": "all", "started_at": "CLOCK", "elapsed_us": 0,
        "outcome": "connected", "good": true, "partial": false, "exit_code": 0,
        "resolve": {
            "elapsed_us": 0, "addresses": 1, "duplicates": 0,
            "error": null, "by": null, "cause": null, "advice": null,
            "family": null, "unanswered": null, "canonical": null, "ascii": null, "cut_short": false,
        },
        "attempts": [{
            "address": "127.0.0.1", "port": port, "family": "ipv4", "outcome": "connected", "try": 1,
            "started_us": 0, "elapsed_us": 0, "local": "127.0.0.1:PORT", "reply_from": null, "phase": "completion", "ended": "system",
            "cut_short": false,
            "by": null, "cause": null, "error": null, "icmp": null,
            "syns": if_told(1.into()), "rtt_us": if_told(0.into()),
            "handshake": handshake, "hold": null,
            "route": null, "local_drop": null, "reason": null, "advice": null,
        }],
        "trace": null,
    })
}

#[test]
fn json_has_the_documented_keys() {
    let open = Open::at(V4);
    let args = [V4.into(), open.port().to_string(), "--json".into()];
    assert_eq!(json_run(&args), (0, vec![connected_line(open.port())]));

    let closed = Closed::at(V4);
    let mut expected = connected_line(closed.port());
    let target = expected.as_object_mut().unwrap();
    target.extend([
        ("outcome".into(), json!("refused")),
        ("good".into(), json!(false)),
        ("exit_code".into(), json!(4)),
    ]);
    let attempt = expected["attempts"][0].as_object_mut().unwrap();
    let error = json!({"name": "ECONNREFUSED", "number": here::REFUSED, "winsock_name": "WSAECONNREFUSED",
        "winsock_number": 10061, "retryable": true});
    attempt.extend([
        ("outcome".into(), json!("refused")),
        ("by".into(), json!("peer")),
        ("cause".into(), json!("rst")),
        ("error".into(), error),
        ("rtt_us".into(), Value::Null),
        ("handshake".into(), Value::Null),
        ("advice".into(), json!(rst_advice(closed.port()))),
    ]);
    let args = words(&format!("-o json {V4} {}", closed.port()));
    let (code, lines) = json_run(&args);
    if !here::KERNEL_TELLS {
        // Some systems forget the local end of an attempt that failed.
        attempt.insert("local".into(), lines[0]["attempts"][0]["local"].clone());
    }
    assert_eq!((code, lines), (4, vec![expected]));
}

#[test]
fn csv_has_a_header_and_a_row_an_attempt() {
    let (open, closed) = (Open::at(V4), Closed::at(V4));
    let (code, stdout, stderr) = raw(&words(&format!("-o csv {V4} {},{}", open.port(), closed.port())), "", &[]);
    assert_eq!((code, stderr.as_str()), (4, ""));
    let mut reader = csv::Reader::from_reader(stdout.as_bytes());
    let header = reader.headers().unwrap().clone();
    let rows: Vec<csv::StringRecord> = reader.records().map(Result::unwrap).collect();
    let of_port = |port: u16| rows.iter().find(|row| row[2] == *port.to_string()).unwrap();
    let cell = |port: u16, name: &str| of_port(port)[header.iter().position(|own| own == name).unwrap()].to_owned();
    assert_eq!(rows.len(), 2);
    assert_eq!((cell(open.port(), "outcome"), cell(open.port(), "error")), ("connected".into(), String::new()));
    assert_eq!(cell(closed.port(), "attempt_outcome"), "refused");
    assert_eq!(cell(closed.port(), "number"), here::REFUSED.to_string());
    assert_eq!(cell(closed.port(), "winsock_number"), "10061");
    assert_eq!(cell(closed.port(), "exit_code"), "4");
}

#[test]
fn quiet_is_nothing_but_the_exit_code() {
    let (open, closed) = (Open::at(V4), Closed::at(V4));
    assert_eq!(rconnect(&["-q", V4, &open.port().to_string()]), Run::good(""));
    assert_eq!(rconnect(&["-q", V4, &closed.port().to_string()]), Run::ended(4, ""));
    assert_eq!(rconnect(&["-q", "--json", V4, &closed.port().to_string()]), Run::ended(4, ""));
}

/// "the documented life of a nonblocking connect: `socket`, `connect` → EINPROGRESS/WSAEWOULDBLOCK, `writable`,
/// `SO_ERROR`"
#[test]
fn events_come_in_the_documented_order() {
    let (open, closed) = (Open::at(V4), Closed::at(V4));
    for (port, last) in [(open.port(), Value::Null), (closed.port(), json!("ECONNREFUSED"))] {
        let (_, lines) = json_run(&words(&format!("-v --json {V4} {port}")));
        let events = lines[0]["attempts"][0]["events"].as_array().expect("events");
        let told: Vec<_> =
            events.iter().map(|event| (event["event"].as_str().unwrap(), &event["error"]["name"])).collect();
        let (none, pending) = (Value::Null, json!(here::PENDING));
        assert_eq!(told, [("socket", &none), ("connect", &pending), ("writable", &none), ("SO_ERROR", &last)]);
        assert_eq!(events[1]["error"]["winsock_name"], "WSAEWOULDBLOCK");
        assert_eq!(events[1]["error"]["winsock_number"], 10035);
    }
}

#[test]
fn a_blocking_connect_has_the_result_itself() {
    let (open, closed) = (Open::at(V4), Closed::at(V4));
    for (port, result) in [(open.port(), Value::Null), (closed.port(), json!("ECONNREFUSED"))] {
        let (_, lines) = json_run(&words(&format!("-m blocking -v --json {V4} {port}")));
        assert_eq!(lines[0]["mode"], "blocking");
        let attempt = &lines[0]["attempts"][0];
        let told: Vec<_> = attempt["events"].as_array().unwrap().iter().map(|event| &event["event"]).collect();
        assert_eq!(told, ["socket", "connect"]);
        assert_eq!((&attempt["phase"], &attempt["events"][1]["error"]["name"]), (&json!("connect"), &result));
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_verbose_run_for_people() {
    let closed = Closed::at(V4);
    let (port, codes) = (closed.port(), format!("ECONNREFUSED {} · WSAECONNREFUSED 10061", here::REFUSED));
    let text = format!(
        "\
127.0.0.1:{port}   refused  T  {codes}
                  decided by the address itself: rst
                  from 127.0.0.1:PORT
                  route: local on lo from 127.0.0.1
 T  socket
 T  connect   EINPROGRESS 115 · WSAEWOULDBLOCK 10035
 T  writable
 T  SO_ERROR  {codes}
  advice: {}
",
        rst_advice(port)
    );
    assert_eq!(rconnect(&["-v", V4, &port.to_string()]), Run::ended(4, text));
}

#[test]
fn a_timestamp_stands_before_the_target() {
    let open = Open::at(V4);
    let run = rconnect(&["-D", V4, &open.port().to_string()]);
    assert_eq!(run, Run::good(format!("CLOCK 127.0.0.1:{}   connected  T\n", open.port())));
}

// --- several addresses --------------------------------------------------------------------------------------------

fn pin(port: u16) -> String {
    format!("--resolve db.example:{port}:{V4},{V6}")
}

/// IPv4 connects, IPv6 is refused.
fn half_advice(port: u16) -> String {
    let refused = rst_advice(port);
    let family = "no IPv6 address connects, IPv4 does: programs that prefer IPv6 wait\n          for it, or fail";
    format!("  advice for ::1: {refused}\n  advice: {family}\n")
}

#[test]
fn a_name_that_half_connects_is_partial() {
    let (open, _closed) = half_open();
    let port = open.port();
    let text = format!(
        "\
db.example:{port}  2 addresses in T
  127.0.0.1   connected  T
  ::1         refused  T  {}
{}1 of 2 addresses connected (partial)
",
        refused_codes(),
        half_advice(port)
    );
    let run = |options: &str| rconnect(&words(&format!("{} {options} db.example {port}", pin(port))));
    assert_eq!(run(""), Run::good(&text));
    assert_eq!(run("-n"), Run::good(&text), "a pinned name asks no resolver");
    assert_eq!(run("--require 1"), Run::good(&text));
    let not_enough = text.replace("(partial)", "").replace("connected \n", "connected, not enough\n");
    for requirement in ["all", "2", "each-family"] {
        assert_eq!(run(&format!("--require {requirement}")), Run::ended(4, &not_enough), "{requirement}");
    }
    let v4 = format!("db.example:{port}  1 address in T\n  127.0.0.1   connected  T\n");
    assert_eq!(run("-4"), Run::good(&v4));
    let v6 = format!(
        "db.example:{port}  1 address in T\n  ::1   refused  T  {}\n  advice: {}\n",
        refused_codes(),
        rst_advice(port)
    );
    assert_eq!(run("-6"), Run::ended(4, &v6));
}

#[test]
fn partial_is_marked_in_every_format() {
    let (open, _closed) = half_open();
    let port = open.port();
    let (code, lines) = json_run(&words(&format!("--json {} db.example {port}", pin(port))));
    assert_eq!((code, &lines[0]["good"], &lines[0]["partial"]), (0, &json!(true), &json!(true)));
    let (_, csv, _) = raw(&words(&format!("-o csv {} db.example {port}", pin(port))), "", &[]);
    let rows: Vec<std::collections::HashMap<String, String>> =
        csv::Reader::from_reader(csv.as_bytes()).deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row["partial"] == "true" && row["outcome"] == "connected"));
}

/// "in order, stop at the first success"
#[test]
fn strategy_first_leaves_the_rest_untried() {
    let (open, _closed) = half_open();
    let port = open.port();
    let run = |addresses: &str| {
        let line = format!("--strategy first --resolve db.example:{port}:{addresses} db.example {port}");
        rconnect(&words(&line))
    };
    let first = format!(
        "\
db.example:{port}  2 addresses in T
  127.0.0.1   connected  T
  ::1         skipped
              an earlier address connected
"
    );
    assert_eq!(run("127.0.0.1,::1"), Run::good(first));
    let second = format!(
        "\
db.example:{port}  2 addresses in T
  ::1         refused  T  {}
  127.0.0.1   connected  T
{}1 of 2 addresses connected (partial)
",
        refused_codes(),
        half_advice(port)
    );
    assert_eq!(run("::1,127.0.0.1"), Run::good(second));
}

#[test]
fn a_literal_of_the_other_family_is_unresolved() {
    for (flag, host) in [("-4", V6), ("-6", V4)] {
        let (code, lines) = json_run(&words(&format!("{flag} --json {host} 80")));
        assert_eq!((code, &lines[0]["outcome"]), (3, &json!("unresolved")), "{flag}");
        assert_eq!((&lines[0]["resolve"]["cause"], &lines[0]["attempts"]), (&json!("wrong-family"), &json!([])));
    }
}

// --- several targets ----------------------------------------------------------------------------------------------

#[test]
fn several_targets_end_with_a_summary() {
    let (open, closed) = (Open::at(V4), Closed::at(V6));
    let (target, other) = (format!("{V4}:{}", open.port()), format!("[{V6}]:{}", closed.port()));
    let run = rconnect(&["-j", "1", &target, &other]);
    let width = target.len(); // the columns only widen
    let text = format!(
        "\
{target}   connected  T
{other:<width$}   refused  T  {}
  advice: {}
2 targets: 1 connected, 1 refused
",
        refused_codes(),
        rst_advice(closed.port())
    );
    assert_eq!(run, Run::ended(4, text));
}

#[test]
fn exit_codes_of_several_targets_mix() {
    let (open, closed) = (Open::at(V4), Closed::at(V4));
    let (open, closed) = (format!("{V4}:{}", open.port()), format!("{V4}:{}", closed.port()));
    let unresolved = "--resolve x:1:::1 -4 x:1";
    for (line, class, simple) in [
        (format!("{open} {open}"), 0, 0),
        (format!("{open} {closed}"), 4, 1),
        (format!("{closed} {open} {closed}"), 4, 1),
        (unresolved.to_string(), 3, 1),
        (format!("{closed} {unresolved}"), 1, 1),
        (format!("{open} {unresolved}"), 3, 1),
    ] {
        assert_eq!(rconnect(&words(&format!("-q {line}"))), Run::ended(class, ""), "{line}");
        assert_eq!(rconnect(&words(&format!("-q --exit-code simple {line}"))), Run::ended(simple, ""), "{line}");
    }
}

#[test]
fn ports_may_be_lists_and_ranges_and_hosts_networks() {
    let (open, other) = (Open::at(V4), Open::at(V4));
    let (a, b) = (open.port(), other.port());
    for ports in [format!("{a},{b}"), format!("{a}-{a},{b}-{b}")] {
        let (code, lines) = json_run(&words(&format!("--json {V4}:{ports}")));
        let targets: Vec<_> = lines.iter().map(|line| line["target"].as_str().unwrap().to_owned()).collect();
        assert_eq!(code, 0);
        assert!([format!("{V4}:{a}"), format!("{V4}:{b}")].iter().all(|target| targets.contains(target)), "{ports}");
    }
    let (_, lines) = json_run(&words(&format!("--json 127.0.0.0/30:{a}")));
    let mut hosts: Vec<_> = lines.iter().map(|line| line["host"].as_str().unwrap()).collect();
    hosts.sort();
    assert_eq!(hosts, ["127.0.0.0", "127.0.0.1", "127.0.0.2", "127.0.0.3"]);
}

/// A file that goes with the test.
struct TempFile(PathBuf);

impl TempFile {
    fn new(text: &str) -> TempFile {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let name = format!("rconnect-{}-{}", std::process::id(), NUMBER.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::write(&path, text).expect("a temporary file");
        TempFile(path)
    }

    fn path(&self) -> &str {
        self.0.to_str().expect("a plain path")
    }
}

impl Drop for TempFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

#[test]
fn targets_come_from_a_file_or_standard_input() {
    let (open, closed) = (Open::at(V4), Closed::at(V4));
    let (a, b) = (open.port(), closed.port());
    let list = format!("# servers\n{V4}:{a}   # the first\n\n  {V4} {b}\r\nhttp://{V4}:{a}/\n");
    let expected = format!(
        "\
127.0.0.1:{a}   connected  T
127.0.0.1:{b}   refused  T  {}
  advice: {}
127.0.0.1:{a}   connected  T
3 targets: 2 connected, 1 refused
",
        refused_codes(),
        rst_advice(b)
    );
    let file = TempFile::new(&list);
    assert_eq!(rconnect(&["-j", "1", "--from", file.path()]), Run::ended(4, &expected));
    assert_eq!(rconnect_with(&["-j", "1", "--from", "-"], &list, &[]), Run::ended(4, &expected));
    let both = rconnect_with(&["-j", "1", "--from", "-", &format!("{V4}:{a}")], "", &[]);
    assert_eq!(both, Run::good(format!("127.0.0.1:{a}   connected  T\n")), "the command line comes as well");
    let nothing = "--from: no target in it: write one a line, as in db.example:5432";
    assert_eq!(rconnect_with(&["--from", "-"], "# nothing\n\n", &[]), Run::refused(nothing));
    assert_eq!(rconnect(&["--from", TempFile::new("# nothing\n").path()]), Run::refused(nothing));
}

#[test]
fn a_bad_line_of_a_file_is_named_before_anything_is_sent() {
    let file = TempFile::new("127.0.0.1:1\n\n::1:80\n");
    let line = r#""::1:80" has no brackets around its IPv6 address: write [::1]:80"#;
    assert_eq!(rconnect(&["--from", file.path()]), Run::refused(&format!("{}:3: {line}", file.path())));
}

// --- socket options -----------------------------------------------------------------------------------------------

#[test]
fn the_source_is_bound_before_connect() {
    let open = Open::at(V4);
    let source = Closed::at(V4);
    let free = source.port();
    drop(source);
    let (code, stdout, _) = raw(&words(&format!("--json -s {V4}:{free} {V4} {}", open.port())), "", &[]);
    let target: Value = serde_json::from_str(&stdout).unwrap();
    assert_eq!((code, &target["attempts"][0]["local"]), (0, &json!(format!("{V4}:{free}"))));

    let taken = open.port();
    let closed = Closed::at(V4);
    let text = format!(
        "\
127.0.0.1:{}   unavailable  T  {}
                  decided on this machine by bind(): local-ports
  advice: {}
",
        closed.port(),
        codes("EADDRINUSE", here::IN_USE, 10048),
        here::PORT_ADVICE
    );
    assert_eq!(rconnect(&words(&format!("-s {V4}:{taken} {V4} {}", closed.port()))), Run::ended(8, text));
    // TEST-NET-1 is on no machine (RFC 5737).
    let (code, lines) = json_run(&words(&format!("--json -s 192.0.2.1 {V4} {}", open.port())));
    let attempt = &lines[0]["attempts"][0];
    assert_eq!((code, &attempt["cause"], &attempt["phase"]), (8, &json!("source-address"), &json!("bind")));
    assert_eq!(attempt["error"]["winsock_name"], "WSAEADDRNOTAVAIL");
}

/// "Given twice, the last one wins"
#[test]
fn of_an_option_given_twice_the_last_one_wins() {
    let (open, closed) = (Open::at(V4), Closed::at(V4));
    let (open, closed) = (open.port(), closed.port());
    let line = format!("127.0.0.1:{open}   connected  T\n");
    for twice in
        ["-t 1ms -t 5", "--color always --color never", "-q -q --require 2 --require 1 -m blocking -m nonblocking"]
    {
        let expected = if twice.starts_with("-q") { "" } else { &line };
        assert_eq!(rconnect(&words(&format!("{twice} -p {closed} -p {open} {V4}"))), Run::good(expected), "{twice}");
    }
}

#[test]
fn hosts_without_ports_take_those_of_the_option() {
    let open = Open::at(V4);
    let port = open.port();
    let lines: String = (1..3).map(|n| format!("127.0.0.{n}:{port}   refused  T  {}\n", refused_codes())).collect();
    let expected = lines.replacen(&format!("refused  T  {}", refused_codes()), "connected  T", 1);
    let list = TempFile::new(&format!("127.0.0.1 # first\n127.0.0.2:{port}\n"));
    for run in [
        rconnect(&words(&format!("-j 1 -p {port} {V4} 127.0.0.2"))),
        rconnect(&words(&format!("-j 1 --ports {port} --from {}", list.path()))),
        rconnect_with(&words(&format!("-j 1 -p {port} --from -")), "127.0.0.1\n127.0.0.2\n", &[]),
    ] {
        assert!(run.code == 4 && run.stdout.starts_with(&expected), "{run:?}");
    }
}

#[test]
fn what_is_excluded_is_left_out() {
    let open = Open::at(V4);
    let port = open.port();
    let file = TempFile::new(&format!("# those\n127.0.0.2 127.0.0.3,127.0.0.1:{}\n", port.wrapping_add(1).max(1)));
    let at = format!("@{}", file.path());
    for excluded in ["127.0.0.0,127.0.0.2/31", &at] {
        let (_, lines) = json_run(&words(&format!("--json -p {port} --exclude {excluded} 127.0.0.0/30")));
        let hosts: Vec<_> = lines.iter().map(|line| line["host"].as_str().unwrap()).collect();
        assert!(hosts.contains(&V4), "{excluded}");
        assert!(!hosts.contains(&"127.0.0.2") && !hosts.contains(&"127.0.0.3"), "{excluded}");
    }
    let from = TempFile::new("127.0.0.2\nlocalhost\n127.0.0.1\n");
    let line = format!("--json -p {port},9 --exclude 127.0.0.2 --exclude localhost,:9 --from {}", from.path());
    let (code, lines) = json_run(&words(&line));
    assert_eq!((code, lines.len(), &lines[0]["target"]), (0, 1, &json!(format!("{V4}:{port}"))));
    let two = TempFile::new(&format!("127.0.0.1:{port},9,7-8 # ports of that host\n"));
    let none = "no target is left: --exclude leaves all of them out";
    for list in [&format!("127.0.0.1:{port},9,7-8"), &format!("@{}", two.path())] {
        let line = format!("--exclude {list} 127.0.0.1:7-9,{port}");
        assert_eq!(rconnect(&words(&line)), Run::refused(none), "{list}");
    }
    assert_eq!(rconnect(&["--exclude", "127.0.0.1,::1", "127.0.0.1:9", "[::1]:9"]), Run::refused(none));
    let list = TempFile::new("10.0.0.1\n10.0.0.1/8\n");
    let said = format!(
        "--exclude: {}:2: \"10.0.0.1/8\" has host bits set: the network is 10.0.0.0/8, the single host 10.0.0.1",
        list.path()
    );
    assert_eq!(rconnect(&["--exclude", &format!("@{}", list.path()), "h:80"]), Run::refused(&said));
}

/// A file is checked to its end before anything is sent.
#[test]
fn a_wrong_line_in_the_middle_of_a_file_is_named() {
    let open = Open::at(V4);
    let from = TempFile::new(&format!("{V4}:{port}\n# ports\n{V4}:80-70\n{V4}:{port}\n", port = open.port()));
    let said = format!("{}:3: range \"80-70\" is reversed, so empty: write 70-80", from.path());
    assert_eq!(rconnect(&["--from", from.path()]), Run::refused(&said));
    let missing = rconnect(&["--exclude", "@/nonexistent/list", V4, "9"]);
    let begin = "rconnect: --exclude: cannot read '/nonexistent/list': ";
    assert!(missing.code == 2 && missing.stdout.is_empty() && missing.stderr.starts_with(begin), "{missing:?}");
}

/// More than the default of -j allows in all.
#[cfg(unix)]
#[test]
fn per_host_is_bounded_by_all_attempts() {
    let run = rconnect(&["--per-host", "1000000", "-q", V4, "9"]);
    assert_eq!((run.code, run.stderr.as_str()), (4, ""));
    let run = rconnect(&["--per-host", "1000000", "--json", V4, "9"]);
    let (begin, end) = ("rconnect: --per-host 1000000: only ", " attempts are in flight in all: add -j 1000000\n");
    assert!(run.code == 4 && run.stderr.starts_with(begin) && run.stderr.ends_with(end), "{run:?}");
}

/// A port and a target alike are probed as often as they are given.
#[test]
fn probes_are_repeated_and_counted() {
    let (closed, open) = (Closed::at(V4), Open::at(V4));
    let args =
        |port: u16| ["--json", "-c", "3", "-i", "10ms", V4].map(String::from).into_iter().chain([port.to_string()]);
    for (port, code, outcome) in [(open.port(), 0, "connected"), (closed.port(), 4, "refused")] {
        let (exit, lines) = json_run(&args(port).collect::<Vec<_>>());
        let [first, second, third, statistics] = &lines[..] else { panic!("four lines: {lines:?}") };
        assert_eq!([first, second, third].map(|line| line["round"].clone()), [1, 2, 3].map(Value::from));
        let address = &statistics["addresses"][0];
        assert_eq!((exit, &address["outcomes"]), (code, &json!({ outcome: 3 })), "{statistics}");
        assert_eq!((&address["sent"], &statistics["record"]), (&json!(3), &json!("statistics")));
        assert_eq!(address["outages"]["count"], u64::from(code != 0), "{statistics}");
    }
}

#[test]
fn what_is_given_twice_is_probed_twice() {
    let open = Open::at(V4);
    let port = open.port();
    for line in [format!("{V4} {port},{port}"), format!("{V4}:{port} {V4}:{port}")] {
        let (code, lines) = json_run(&words(&format!("--json {line}")));
        assert_eq!((code, lines.len()), (0, 2), "{line}");
    }
}

#[test]
fn a_mistyped_address_is_told_from_a_name() {
    let run = rconnect(&words("--resolve 192.168.1.300:9:127.0.0.1 192.168.1.300 9"));
    let note =
        "rconnect: 192.168.1.300 is not an IPv4 address (four numbers from 0 to 255), so it is looked up as a name\n";
    assert_eq!((run.code, run.stderr.as_str()), (4, note));
}

#[test]
fn durations_are_read_as_people_write_them() {
    let open = Open::at(V4);
    let target = format!("{V4}:{}", open.port());
    for duration in ["3", "1.5s", "2500ms", "2m", "1h30m", "0", "none"] {
        for option in ["-t", "--timeout", "-w", "--connect-timeout", "--resolve-timeout"] {
            assert_eq!(rconnect(&["-q", option, duration, &target]), Run::good(""), "{option} {duration}");
        }
    }
    assert_eq!(rconnect(&["-q", "--deadline", "1m", "--retry-delay", "10ms", &target]), Run::good(""));
}

#[test]
fn a_refusal_is_tried_again_when_asked() {
    let closed = Closed::at(V4);
    let args = words(&format!("-r 2 --retry-delay 1ms {V4} {}", closed.port()));
    let codes = refused_codes();
    let text = format!(
        "\
127.0.0.1:{}   refused  T  {codes}
  try 2           refused  T  {codes}
  try 3           refused  T  {codes}
  advice: {}
  advice: if it is about to come up: --wait=1m probes until it is good
",
        closed.port(),
        rst_advice(closed.port())
    );
    assert_eq!(rconnect(&args), Run::ended(4, text));
}

// --- datagrams ----------------------------------------------------------------------------------------------------

#[test]
fn a_datagram_that_is_answered_is_connected() {
    for address in [V4, V6] {
        let echo = UdpSocket::bind((address, 0)).unwrap();
        let target = echo.local_addr().unwrap().to_string();
        let server = thread::spawn(move || {
            let mut buffer = [0; 64];
            let (length, peer) = echo.recv_from(&mut buffer).unwrap();
            echo.send_to(&buffer[..length], peer).unwrap();
            buffer[..length].to_vec()
        });
        let run = rconnect(&[&format!("udp://{target}"), "-u", "--payload", "hello"]);
        let padding = " ".repeat(target.len() + 7);
        assert_eq!(run, Run::good(format!("{target}/udp   connected  T\n{padding}a reply came\n")));
        assert_eq!(server.join().unwrap(), b"hello");
    }
}

/// For Windows, see tests/windows.rs.
#[cfg(not(windows))]
#[test]
fn a_datagram_to_a_closed_port_is_refused() {
    // Connected elsewhere, the socket takes nothing from us, and nobody else can take the port.
    let closed = UdpSocket::bind((V4, 0)).unwrap();
    closed.connect((V4, 9)).unwrap();
    let port = closed.local_addr().unwrap().port();
    let (code, lines) = json_run(&words(&format!("--json -u {V4} {port}")));
    let attempt = &lines[0]["attempts"][0];
    assert_eq!((code, &lines[0]["protocol"], &lines[0]["outcome"]), (4, &json!("udp"), &json!("refused")));
    assert_eq!(lines[0]["target"], format!("{V4}:{port}/udp"));
    assert_eq!((&attempt["cause"], &attempt["error"]["name"]), (&json!("port-unreachable"), &json!("ECONNREFUSED")));
    let message = (&attempt["icmp"]["from"], &attempt["icmp"]["type"], &attempt["icmp"]["code"]);
    let (from, kind, unreachable) = (if_told(json!(V4)), if_told(3.into()), if_told(3.into()));
    assert_eq!(message, (&from, &kind, &unreachable));
}

#[test]
fn a_datagram_without_an_answer_proves_nothing() {
    let silent = UdpSocket::bind((V4, 0)).unwrap();
    let port = silent.local_addr().unwrap().port();
    let text = format!(
        "\
127.0.0.1:{port}/udp   unconfirmed  T
                      sent; neither a reply nor an error came back
  advice: no reply proves nothing with UDP: send what the service answers
          (--payload)
"
    );
    assert_eq!(rconnect(&words(&format!("-u -t 50ms {V4} {port}"))), Run::ended(9, text));
}

// --- colour -------------------------------------------------------------------------------------------------------

const RED: &str = "\u{1b}[31mrefused\u{1b}[0m";

/// Standard output is no terminal here.
#[test]
fn colour_follows_the_option_before_the_environment() {
    let closed = Closed::at(V4);
    let coloured = |options: &str, environment: &[(&str, &str)]| {
        let run = rconnect_with(&words(&format!("{options} {V4} {}", closed.port())), "", environment);
        assert_eq!(run.stdout.contains('\u{1b}'), run.stdout.contains(RED), "{run:?}");
        run.stdout.contains(RED)
    };
    for (options, environment, expected) in [
        ("", &[][..], false),
        ("--color auto", &[("TERM", "xterm")], false),
        ("--color always", &[], true),
        ("--color always", &[("NO_COLOR", "1")], true),
        ("", &[("CLICOLOR_FORCE", "1")], true),
        ("", &[("CLICOLOR_FORCE", "0")], false),
        ("", &[("CLICOLOR_FORCE", "1"), ("NO_COLOR", "1")], true),
        ("--color never", &[("CLICOLOR_FORCE", "1")], false),
        ("--json --color always", &[], false),
        ("-o csv --color always", &[("CLICOLOR_FORCE", "1")], false),
    ] {
        assert_eq!(coloured(options, environment), expected, "{options} {environment:?}");
    }
}
