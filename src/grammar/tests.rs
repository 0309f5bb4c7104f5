//! The grammar, by examples that users rely on. Its rooms have hosts, ports and URLs; properties hold for any text.

use super::*;

mod hosts;
mod ports;
mod properties;
mod urls;

/// A small services database, with names for one protocol only.
fn service(name: &str, protocol: Protocol) -> Option<u16> {
    match (name, protocol) {
        ("http", Protocol::Tcp) => Some(80),
        ("https", _) => Some(443),
        ("ms-sql-s", _) => Some(1433),
        ("domain", _) => Some(53),
        ("tftp", Protocol::Udp) => Some(69),
        ("nil", _) => Some(0),
        _ => None,
    }
}

const TCP: Grammar<'static> =
    Grammar { protocol: Protocol::Tcp, interface: None, every_link: false, default_ports: None, service: &service };
const LISTED: Grammar<'static> = Grammar { default_ports: Some("1,2"), ..TCP };
const UDP: Grammar<'static> = Grammar { protocol: Protocol::Udp, ..TCP };

fn targets(spec: Spec) -> Vec<String> {
    spec.into_targets().map(|target| target.to_string()).collect()
}

fn arguments(words: &str) -> Result<Vec<String>, Invalid> {
    let words: Vec<String> = words.split(' ').map(String::from).collect();
    Ok(TCP.arguments(&words)?.into_iter().flat_map(targets).collect())
}

/// The message, with the demand that it is one line and has both halves.
fn message(refused: Result<impl std::fmt::Debug, Invalid>) -> String {
    let error = refused.expect_err("to be refused");
    assert!(!error.what.is_empty() && !error.hint.is_empty(), "{error:?}");
    let line = error.to_string();
    assert!(!line.contains(['\n', '\r', '\u{1b}']), "{line:?}");
    line
}

/// Each text is refused, and the message has the words.
fn refused(cases: &[(&str, &str)]) {
    for (text, words) in cases {
        let line = message(TCP.target(text));
        assert!(line.contains(words), "{text:?} → {line}");
    }
}

#[test]
fn two_positionals_are_host_and_ports_when_the_second_has_no_colon() {
    for (words, expected) in [
        ("db.example 5432", &["db.example:5432"][..]),
        ("::1 80", &["[::1]:80"]),
        ("::1:80 443", &["[::1:80]:443"]),
        ("[::1] 80", &["[::1]:80"]),
        ("fe80::1%eth0 22", &["[fe80::1%eth0]:22"]),
        ("10.0.0.0/31 http,443", &["10.0.0.0:80", "10.0.0.0:443", "10.0.0.1:80", "10.0.0.1:443"]),
        ("a:1 b:2", &["a:1", "b:2"]),
        ("a:1", &["a:1"]),
        ("a:1 [::1]:2 http://c", &["a:1", "[::1]:2", "c:80"]),
    ] {
        assert_eq!(arguments(words).unwrap(), expected, "{words}");
    }
    assert_eq!(TCP.arguments(&[]), Ok(vec![]));
}

#[test]
fn positionals_that_cannot_be_are_refused() {
    for (words, hint) in [
        ("host", "write host:PORT, or host PORT"),
        ("::1", "write [::1]:PORT, or ::1 PORT"),
        ("[::1]", "write [::1]:PORT, or [::1] PORT"),
        ("10.0.0.0/28", "write 10.0.0.0/28:PORT"),
        ("host 80 443", "as in: host 80,443"),
        ("host:80 443", "as in host:80,443"),
        ("[::1]:80 443", "as in [::1]:80,443"),
        ("http://host 443", "into the URL"),
        ("a b:2", "no port in \"a\""),
        ("a b", "\"b\""),
        ("a b c", "-p PORTS a b c"),
        ("192.0.2.10 192.0.2.11 22", "-p 22 192.0.2.10 192.0.2.11"),
        ("help", "rconnect --help is the option, help:PORT the host"),
        ("\u{2013}t 5s a:1", "write -t"),
        ("\u{2014}json a:1", "U+2014, not with a hyphen: write --json"),
        ("\u{2013}timeout=3 a:1", "write --timeout=3"),
        ("10.0.0.1 10.0.0.2", "10.0.0.2"),
    ] {
        let line = message(arguments(words));
        assert!(line.contains(hint), "{words} → {line}");
    }
}

#[test]
fn targets_are_hosts_with_ports() {
    for (text, expected) in [
        ("host:80", "host:80"),
        ("a_b.example.:80", "a_b.example.:80"),
        ("xn--bcher-kva.example:80", "xn--bcher-kva.example:80"),
        ("ends-.in-hyphen-:80", "ends-.in-hyphen-:80"),
        ("node.1:80", "node.1:80"),
        ("0xy:80", "0xy:80"),
        ("127.0.0.1:80", "127.0.0.1:80"),
        ("0.0.0.0:80", "0.0.0.0:80"),
        ("[0:0::1]:80", "[::1]:80"),
        ("[::ffff:1.2.3.4]:80", "[::ffff:1.2.3.4]:80"),
        ("[fe80::1%eth0]:80", "[fe80::1%eth0]:80"),
        ("[fe80::1%2]:80", "[fe80::1%2]:80"),
        ("[fe80::1%25lo]:80", "[fe80::1%25lo]:80"),
        ("[ff02::1%eth0.10]:80", "[ff02::1%eth0.10]:80"),
        ("[ff02::1]:80", "[ff02::1]:80"),
        ("10.0.0.0/32:80", "10.0.0.0:80"),
        ("host:ms-sql-s", "host:1433"),
    ] {
        assert_eq!(targets(TCP.target(text).expect(text)), [expected], "{text}");
    }
}

#[test]
fn targets_without_ports_take_the_default() {
    let listed = Grammar { default_ports: Some("22,domain"), ..TCP };
    for (text, expected) in [
        ("host", &["host:22", "host:53"][..]),
        ("host:80", &["host:80"]),
        ("::1", &["[::1]:22", "[::1]:53"]),
        ("[::1]", &["[::1]:22", "[::1]:53"]),
        ("2001:db8::beef", &["[2001:db8::beef]:22", "[2001:db8::beef]:53"]),
        ("1:2:3:4:5:6:7:8", &["[1:2:3:4:5:6:7:8]:22", "[1:2:3:4:5:6:7:8]:53"]),
        ("fe80::1%eth0", &["[fe80::1%eth0]:22", "[fe80::1%eth0]:53"]),
        ("10.0.0.0/32", &["10.0.0.0:22", "10.0.0.0:53"]),
        ("2001:db8::/128", &["[2001:db8::]:22", "[2001:db8::]:53"]),
        ("[2001:db8::/128]", &["[2001:db8::]:22", "[2001:db8::]:53"]),
        ("https://host/", &["host:443"]),
        ("tcp://host", &["host:22", "host:53"]),
        ("gopher://host", &["host:22", "host:53"]),
    ] {
        assert_eq!(targets(listed.target(text).expect(text)), expected, "{text}");
        assert_eq!(listed.line(text).unwrap().map(targets).unwrap(), expected, "{text}");
    }
    assert_eq!(targets(listed.line("host 80").unwrap().unwrap()), ["host:80"]);
    let arguments = |words: &str| {
        let words: Vec<String> = words.split(' ').map(String::from).collect();
        Ok(listed.arguments(&words)?.into_iter().flat_map(targets).collect::<Vec<_>>())
    };
    assert_eq!(arguments("a b:1").unwrap(), ["a:22", "a:53", "b:1"]);
    assert!(message(arguments("a 80")).contains("ports twice"));
    assert!(message(listed.target("::1:80")).contains("write [::1]:80"));
    let udp = Grammar { default_ports: Some("tftp"), ..TCP };
    assert_eq!(targets(udp.target("udp://host").unwrap()), ["host:69"]);
    assert!(message(udp.target("host")).contains("for udp only"));
}

#[test]
fn hosts_networks_and_ports_are_left_out() {
    let exclusions = |items: &str| {
        let mut exclusions = Exclusions::default();
        items.split(' ').try_for_each(|list| TCP.exclude(list.split(','), &mut exclusions)).map(|()| exclusions)
    };
    for (items, target, held) in [
        ("10.0.0.1", "10.0.0.1:80", true),
        ("10.0.0.1", "10.0.0.2:80", false),
        ("10.0.0.1:80", "10.0.0.1:80", true),
        ("10.0.0.1:80", "10.0.0.1:81", false),
        ("10.0.0.0/30:80-90", "10.0.0.3:85", true),
        ("10.0.0.0/30", "10.0.0.4:85", false),
        (":http,22", "[::1]:80", true),
        (":22", "host:22", true),
        (":22", "host:23", false),
        ("::1", "[::1]:80", true),
        ("[::1]:80", "[0::1]:80", true),
        ("fe80::1%eth0", "[fe80::1%eth0]:80", true),
        ("fe80::1%eth0", "[fe80::1%eth1]:80", false),
        ("fe80::1", "[fe80::1%eth1]:80", true),
        ("[fe80::1]:80", "[fe80::1%eth1]:81", false),
        ("fe80::/10", "[fe80::2%eth1]:80", true),
        ("2001:db8::/64", "[2001:db8::5]:1", true),
        ("10.0.0.1:80/udp", "10.0.0.1:80/udp", true),
        ("10.0.0.1:80/udp", "10.0.0.1:80", false),
        ("10.0.0.1:80/tcp", "10.0.0.1:80", true),
        ("10.0.0.1:80/tcp", "10.0.0.1:80/udp", false),
        ("10.0.0.1:80", "10.0.0.1:80/udp", true),
        ("10.0.0.1/udp", "10.0.0.1:80", false),
        ("10.0.0.0/30:80/udp", "10.0.0.3:80/udp", true),
        (":22,80/udp", "[::1]:22/udp", true),
        (":22,80/udp", "[::1]:22", false),
        ("db.example/udp", "db.example:22", false),
        ("::1/udp", "[::1]:22/udp", true),
        ("Db.Example", "db.example.:5432", true),
        ("db.example:5432", "DB.example:5432", true),
        ("b\u{fc}cher", "xn--bcher-kva:1", true),
        ("10.0.0.9 10.0.0.1", "10.0.0.1:1", true),
        ("10.0.0.5:22,80,8000-8010", "10.0.0.5:80", true),
        ("10.0.0.5:22,80,8000-8010", "10.0.0.5:8005", true),
        ("10.0.0.5:22,80,8000-8010", "10.0.0.5:23", false),
        ("10.0.0.5:22,80,8000-8010", "10.0.0.6:80", false),
        ("10.0.0.5:22,80,10.0.0.6:23,81", "10.0.0.6:81", true),
        ("10.0.0.5:22,80,10.0.0.6:23,81", "10.0.0.5:81", false),
        ("10.0.0.5:22,http,10.0.0.6", "10.0.0.5:80", false),
        ("10.0.0.0/30:http,81", "10.0.0.2:81", true),
        ("[::1]:22,80/udp", "[::1]:22/udp", true),
        ("[::1]:22,80/udp", "[::1]:80", false),
    ] {
        let target = TCP.target(target).unwrap().into_targets().next().unwrap();
        assert_eq!(exclusions(items).unwrap().hold(&target), held, "{items} {target}");
    }
    for (list, port) in [("10.0.0.5,80", "80"), ("::1,80-90", "80-90"), ("h:22/udp,80", "80"), ("h,80/udp", "80/udp")] {
        let said = message(exclusions(list).map(drop));
        assert!(said.starts_with(&format!("\"{port}\" is no host")) && said.ends_with(&format!(":{port}")), "{said}");
    }
    assert!(message(exclusions("h:22,80-70").map(drop)).contains("is reversed"));
    for item in ["", "10.0.0.1/28", "host:0", ":", "::1:80", "http://me:secret@host", "fe80::1%"] {
        assert!(!message(exclusions(item).map(drop)).contains("secret"), "{item}");
    }
}

#[test]
fn lines_have_comments_and_either_form() {
    let read = |line: &str| TCP.line(line).expect(line).map(targets);
    for line in ["", "  \t", "# a:80", "   #", "\u{feff}# x", "\r\n"] {
        assert_eq!(read(line), None, "{line:?}");
    }
    for (line, expected) in [
        ("a:80", "a:80"),
        ("  a:80  # why", "a:80"),
        ("a\t80\r\n", "a:80"),
        ("::1 80 #", "[::1]:80"),
        ("\u{feff}a:80", "a:80"),
        ("http://a/#frag", "a:80"),
    ] {
        assert_eq!(read(line).unwrap(), [expected], "{line:?}");
    }
    for line in ["a:80 b:80", "a 80 90", "a:80 90", "a"] {
        message(TCP.line(line));
    }
}

#[test]
fn pins_are_curls() {
    let pin = TCP.pin("Db.Example.:5432:10.0.0.5,[2001:db8::5],::1,fe80::1%eth0").unwrap();
    let shown: Vec<String> = pin.addresses.iter().map(Address::to_string).collect();
    assert_eq!(shown, ["10.0.0.5", "2001:db8::5", "::1", "fe80::1%eth0"]);
    assert!(pin.holds_for("db.example", 5432) && pin.holds_for("DB.EXAMPLE.", 5432));
    assert!(!pin.holds_for("db.example", 5433) && !pin.holds_for("db.example.com", 5432));
    assert!(TCP.pin("bücher:1:::1").unwrap().holds_for("xn--bcher-kva", 1));
    for (text, words) in [
        ("db", "write HOST:PORT:ADDR"),
        ("db:80", "write HOST:PORT:ADDR"),
        (":80:::1", "the host is empty"),
        ("db:0:::1", "ports are 1"),
        ("db::::1", "is not a number"),
        ("db:http:::1", "is not a number"),
        ("db:80:", "the host is empty"),
        ("db:80:::1,", "the host is empty"),
        ("db:80:other", "is a name"),
        ("db:80:127.1", "127.0.0.1"),
        ("db:80:10.0.0.0/28", "'/'"),
        ("127.0.0.1:80:::1", "address already"),
    ] {
        let line = message(TCP.pin(text));
        assert!(line.contains(words), "{text} → {line}");
    }
}

#[test]
fn sources_are_addresses_of_this_machine() {
    let read = |text: &str| TCP.source(text).map(|source| (source.address.to_string(), source.port));
    for (text, address, port) in [
        ("10.0.0.1", "10.0.0.1", None),
        ("10.0.0.1:5000", "10.0.0.1", Some(5000)),
        ("::1", "::1", None),
        ("::1:80", "::1:80", None),
        ("[::1]", "::1", None),
        ("[::1]:5000", "::1", Some(5000)),
        ("fe80::1%eth0", "fe80::1%eth0", None),
        ("[fe80::1%eth0]:5000", "fe80::1%eth0", Some(5000)),
        ("0.0.0.0:5000", "0.0.0.0", Some(5000)),
    ] {
        assert_eq!(read(text).expect(text), (address.to_string(), port), "{text}");
    }
    for text in ["", "host", "10.0.0.1:0", "10.0.0.1:", ":80", "127.1", "fe80::1", "10.0.0.0/8", "1:2:3", "[::1]:1:2"] {
        message(read(text));
    }
}
