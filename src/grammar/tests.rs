//! The grammar, by examples that users rely on and by properties that hold for any text.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::name::inet_aton;
use super::*;

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
fn urls_say_protocol_and_port() {
    for (text, expected, protocol) in [
        ("http://host", "host:80", Protocol::Tcp),
        ("HTTP://host/", "host:80", Protocol::Tcp),
        ("http://host:/", "host:80", Protocol::Tcp),
        ("https://user:p%40ss@host/a:b@c?d#e", "host:443", Protocol::Tcp),
        ("https://user@host:8443/a", "host:8443", Protocol::Tcp),
        ("https://@host:8443/a", "host:8443", Protocol::Tcp),
        ("https://host/@user/a@b", "host:443", Protocol::Tcp),
        ("http://host:4873/@scope/name", "host:4873", Protocol::Tcp),
        ("http://host:4873/a?b@c#d@e", "host:4873", Protocol::Tcp),
        ("http://10.0.0.5/30", "10.0.0.5:80", Protocol::Tcp),
        ("http://10.0.0.0/32", "10.0.0.0:80", Protocol::Tcp),
        ("http://10.0.0.0/30/", "10.0.0.0:80", Protocol::Tcp),
        ("http://10.0.0.0:81/30", "10.0.0.0:81", Protocol::Tcp),
        ("postgres://user:pw@host/db", "host:5432", Protocol::Tcp),
        ("mongodb://host", "host:27017", Protocol::Tcp),
        ("https://host:8443/a", "host:8443", Protocol::Tcp),
        ("https://host?q=//x:1", "host:443", Protocol::Tcp),
        ("https://host#f", "host:443", Protocol::Tcp),
        ("https://[::1]/[a]", "[::1]:443", Protocol::Tcp),
        ("https://[fe80::1%25eth0]:1/", "[fe80::1%eth0]:1", Protocol::Tcp),
        ("https://[fe80::1%eth0]", "[fe80::1%eth0]:443", Protocol::Tcp),
        ("https://[fe80::1%25]", "[fe80::1%25]:443", Protocol::Tcp),
        ("foo+bar.1://host:7", "host:7", Protocol::Tcp),
        ("tcp://host:7/x", "host:7", Protocol::Tcp),
        ("udp://host:domain", "host:53", Protocol::Udp),
        ("udp://host:tftp/", "host:69", Protocol::Udp),
        ("udp://[::1]:7", "[::1]:7", Protocol::Udp),
        ("udp://10.0.0.0/32:53", "10.0.0.0:53", Protocol::Udp),
        ("udp://[2001:db8::/128]:53", "[2001:db8::]:53", Protocol::Udp),
    ] {
        let spec = TCP.target(text).expect(text);
        assert_eq!(spec.protocol, protocol, "{text}");
        assert_eq!(targets(spec), [expected], "{text}");
    }
    for text in ["host:53/udp", "[::1]:53/udp", "10.0.0.0/31:53/udp"] {
        let spec = TCP.target(text).unwrap();
        assert_eq!(spec, UDP.target(text.strip_suffix("/udp").unwrap()).unwrap(), "{text}");
    }
    assert_eq!(UDP.target("https://host").unwrap().protocol, Protocol::Udp);
    assert_eq!(UDP.target("tcp://host:1").unwrap().protocol, Protocol::Tcp);
}

#[test]
fn urls_that_cannot_be_are_refused() {
    refused(&[
        ("gopher://host", "as in gopher://host:PORT"),
        ("nil://host", "as in nil://host:PORT"),
        ("udp://host", "as in udp://host:PORT"),
        ("tcp://host/", "as in tcp://host:PORT"),
        ("udp://10.0.0.0/28", "as in udp://10.0.0.0/28:PORT"),
        ("udp://", "the host is empty"),
        ("http://", "the host is empty"),
        ("http://:80", "the host is empty"),
        ("http:///path", "the host is empty"),
        ("://host", "is not a scheme"),
        ("1a://host:1", "is not a scheme"),
        ("udp://http://host:1", "no port"),
        ("http://::1", "brackets"),
        ("http://[::1", "closing bracket"),
        ("http://[::1]x", "after the bracket"),
    ]);
    refused(&[
        ("http://10.0.0.0/30", "write 10.0.0.0/30:http for the network, http://10.0.0.0 for one host"),
        ("http://10.0.0.0/30:81", "write 10.0.0.0/30:81 for the network"),
        ("http://10.0.0.5/30:81", "write 10.0.0.4/30:81 for the network"),
        ("https://[2001:db8::]/64", "write [2001:db8::/64]:https for the network"),
        ("mongodb://me:pw@a:27017,b:27018/db", "write each as a target: mongodb://a:27017 mongodb://b:27018"),
        ("postgres://a,b/db", "write each as a target: postgres://a postgres://b"),
        ("a:9092,b:9093", "write them apart: a:9092 b:9093"),
        ("unix:///run/x.sock", "it is a path on this machine"),
        ("mongodb+srv://me:pw@host/", "SRV records"),
        ("jdbc:postgresql://host/db", "leave jdbc: out, as in postgresql://HOST"),
    ]);
    assert_eq!(targets(TCP.target("http://host:80,81").unwrap()), ["host:80", "host:81"]);
    assert!(message(UDP.target("http://host")).contains("over udp"));
    for text in ["http://me:secret@a:b:c", "http://me:secret@", "nil://me:secret@a", "http://me:secret@[::1"] {
        assert!(!message(TCP.target(text)).contains("secret"), "{text}");
        assert!(!message(TCP.host_ports(text, "80")).contains("secret"), "{text}");
    }
}

#[test]
fn the_refusal_of_a_network_in_a_url_is_one_line() {
    let refused = message(TCP.target("ud://10.0.0.0/28:\0omain"));
    assert!(!refused.contains(char::is_control), "{refused:?}");
}

/// RFC 3986, section 3.2.1: none of these may stand in the userinfo. Programs differ in where they see the host then.
#[test]
fn a_url_has_one_host_or_is_refused_and_never_shows_a_password() {
    for text in [
        "postgres://me:secret@x@127.0.0.1:5432/x",
        "postgres://me:12/secret@127.0.0.1:5432/x",
        "postgres://me:secret/word@127.0.0.1:5432/x",
        "postgres://me:secret#word@127.0.0.1:5432/x",
        "postgres://me:secret?word@127.0.0.1:5432/x",
        "postgres://secret/me@127.0.0.1/x",
        "https://me:12/secret@127.0.0.1/",
        "https://me:secret/@127.0.0.1/",
        "https://me:12#secret@127.0.0.1/",
        "https://me:12?secret@127.0.0.1/",
        "https://me:secret\\@127.0.0.1/",
        "https://me:secret\\/@127.0.0.1/",
        "http://127.0.0.1\\@secret",
        "http://127.0.0.1\\secret",
        "http://127.0.0.1#@secret",
        "http://127.0.0.1?@secret/",
        "http://[::1]@secret",
        "http://[::1]:80#@secret",
    ] {
        let line = message(TCP.target(text));
        assert!(line.contains("not clear where the host begins") && !line.contains("secret"), "{text} → {line}");
        for line in [format!("{text} x"), format!("{text} x y"), format!("x y {text}")] {
            assert!(!message(TCP.line(&line)).contains("secret"), "{line}");
        }
    }
    for text in ["me:secret@host:22", "me:secret@host", "me:secret/x@host:22"] {
        assert!(!message(TCP.target(text)).contains("secret"), "{text}");
        assert!(!message(TCP.host_ports(text, "22")).contains("secret"), "{text}");
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
fn well_known_services_need_no_database() {
    let bare = Grammar { service: &|_, _| None, ..TCP };
    for (text, expected) in [
        ("https://host/", "host:443"),
        ("kafka://host", "host:9092"),
        ("host:redis", "host:6379"),
        ("ssh://me@host", "host:22"),
    ] {
        assert_eq!(targets(bare.target(text).unwrap()), [expected], "{text}");
    }
    let other = Grammar { service: &|_, _| Some(1), ..TCP };
    assert_eq!(targets(other.target("https://host").unwrap()), ["host:1"], "the system's database wins");
    assert!(message(bare.target("host:ntp")).contains("for udp only"));
}

#[test]
fn ambiguous_or_misshapen_targets_are_refused() {
    refused(&[
        ("::1:80", "write [::1]:80"),
        ("2001:db8::1:443", "write [2001:db8::1]:443"),
        ("fe80::1%eth0:22", "write [fe80::1%eth0]:22"),
        ("1:2:3:4:5:6:7:8", "write [1:2:3:4:5:6:7:8]:PORT"),
        ("::1:http", "write [::1]:http"),
        ("::1:beef", "write [::1:beef]:PORT"),
        ("a:b:c", "more than one colon"),
        ("", "no host and port"),
        (":80", "the host is empty"),
        ("[]:80", "the host is empty"),
        ("*:80", "\"*\" is not a host"),
        ("[127.0.0.1]:80", "write 127.0.0.1"),
        ("[host]:80", "write host"),
        ("[::1:80", "no closing bracket"),
        ("[::1]80", "\"80\" after the bracket"),
        ("[::1%eth0]:80", "write ::1"),
        ("[2001:db8::1%eth0]:80", "write 2001:db8::1"),
        ("[ff0e::1%eth0]:80", "write ff0e::1"),
        ("[fe80::1]:80", "as in fe80::1%eth0"),
        ("[fe80::1%]:80", "does not name an interface"),
        ("[fe80::1%a%b]:80", "does not name an interface"),
        ("[1::2::3]:80", "not an IPv6 address"),
        ("[::ffff:01.2.3.4]:80", "not an IPv6 address"),
    ]);
}

#[test]
fn a_link_local_address_takes_the_interface_that_is_bound_to() {
    let bound = Grammar { interface: Some("wlan0"), ..TCP };
    for (text, expected) in [
        ("[fe80::1]:22", "[fe80::1%wlan0]:22"),
        ("[fe80::1%eth0]:22", "[fe80::1%eth0]:22"),
        ("[fe80::/128]:22", "[fe80::%wlan0]:22"),
        ("[::1]:22", "[::1]:22"),
        ("10.0.0.1:22", "10.0.0.1:22"),
    ] {
        assert_eq!(targets(bound.target(text).unwrap()), [expected], "{text}");
    }
}

#[test]
fn names_that_cannot_be_are_refused() {
    let long = |bytes: usize| format!("{}:80", "a.".repeat(bytes / 2) + &"a".repeat(bytes % 2));
    refused(&[
        ("a b:80", "has ' ' in it"),
        ("a\n:80", "has '\\n' in it"),
        ("user@host:80", "a user before '@': a target has none: write host:80"),
        ("user:pw@host:80", "a user and a password before '@': a target has none: write host:80"),
        ("127.0.0.1%lo:80", "has '%' in it"),
        ("*.example:80", "has '*' in it"),
        ("a..b:80", "empty label"),
        (".a:80", "empty label"),
        (".:80", "empty label"),
        ("a..:80", "empty label"),
        ("-x.example:80", "begins with a hyphen"),
        (&format!("{}:80", "a".repeat(64)), "label of 64"),
        (&long(255), "255 bytes"),
    ]);
    assert!(TCP.target(&format!("{}:80", "a".repeat(63))).is_ok());
    assert!(TCP.target(&long(253)).is_ok());
    // "a.a.….a." of 254 bytes is 253 and the final dot.
    assert!(TCP.target(&long(254)).is_ok());
}

#[test]
fn international_names_are_asked_for_in_a_labels() {
    let ascii = |text: &str| match TCP.target(text).expect(text).hosts {
        Hosts::One(Host::Name { written, ascii }) => (written.to_string(), ascii.to_string()),
        other => panic!("{other:?}"),
    };
    assert_eq!(ascii("bücher.example:80"), ("bücher.example".into(), "xn--bcher-kva.example".into()));
    assert_eq!(ascii("BÜCHER.example.:80"), ("BÜCHER.example.".into(), "xn--bcher-kva.example.".into()));
    assert_eq!(ascii("straße.example:80").1, "xn--strae-oqa.example");
    assert_eq!(ascii("例え.テスト:80").1, "xn--r8jz45g.xn--zckzah");
    assert_eq!(ascii("_svc.bücher:80").1, "_svc.xn--bcher-kva");
    assert_eq!(ascii("MiXed.Example:80").1, "MiXed.Example");
    refused(&[
        ("a\u{202e}b:80", "IDNA"),
        ("\u{ff0a}:80", "\"*\" is not a host"),
        ("a\u{2100}:80", "has '/' in it"),
        ("a\u{3000}b:80", "has ' ' in it"),
        ("\u{ad}:80", "the host is empty"),
        ("１２７.１:80", "127.0.0.1"),
        ("１２７.0.0.1:80", "127.0.0.1"),
        (&format!("{}:80", "ü".repeat(70)), "label of"),
    ]);
}

#[test]
fn numbers_that_the_system_would_take_for_addresses_are_refused_with_what_they_mean() {
    refused(&[
        ("010.0.0.1:80", "read it as 8.0.0.1"),
        ("127.1:80", "read it as 127.0.0.1"),
        ("127.0.1:80", "read it as 127.0.0.1"),
        ("0x7f.1:80", "read it as 127.0.0.1"),
        ("0X7F000001:80", "read it as 127.0.0.1"),
        ("0x7f.0.0.01:80", "read it as 127.0.0.1"),
        ("2130706433:80", "read it as 127.0.0.1"),
        ("017700000001:80", "read it as 127.0.0.1"),
        ("1.2.3.04:80", "read it as 1.2.3.4"),
        ("0:80", "read it as 0.0.0.0"),
        ("1:80", "read it as 0.0.0.1"),
        ("1.65536:80", "read it as 1.1.0.0"),
        ("010.0.0.0/8:80", "read it as 8.0.0.0"),
    ]);
}

/// Only what inet_aton(3) accepts has a second reading.
#[test]
fn other_names_of_digits_are_names() {
    for name in
        ["123456789012", "4294967296", "256.1.1.1", "08.0.0.1", "127.0.0.1.1", "127.0.0.1.", "127.1.", "1.2.3.04."]
    {
        let spec = TCP.target(&format!("{name}:80")).expect(name);
        assert!(matches!(&spec.hosts, Hosts::One(Host::Name { written, .. }) if &**written == name), "{spec:?}");
        assert_eq!(TCP.host_ports(name, "80"), Ok(spec), "{name}");
    }
    for (name, like) in
        [("192.168.1.300", true), ("127.0.0.1.", true), ("1.2.3", false), ("1.2.3.a", false), ("1..2.3", false)]
    {
        assert_eq!(looks_like_ipv4(name), like, "{name}");
    }
}

#[test]
fn networks_have_no_host_bits() {
    refused(&[
        ("10.0.0.5/28:80", "the network is 10.0.0.0/28, the single host 10.0.0.5"),
        ("[2001:db8::1/64]:80", "the network is 2001:db8::/64"),
        ("[fe80::1%eth0/64]:80", "the network is fe80::%eth0/64"),
        (
            "[fe80::/64]:80",
            "link-local network \"fe80::/64\" is on every link: say on which interface, as in fe80::%eth0/64",
        ),
        ("fe80::/122:80", "as in fe80::%eth0/122"),
        ("[fe80::/64%eth0]:80", "as in fe80::%eth0/64"),
        ("[fe80::%/64]:80", "as in fe80::%eth0/64"),
        ("[2001:db8::%eth0/64]:80", "write 2001:db8::/64"),
        ("[2001:db8::]/64:80", "write [2001:db8::/64]"),
        ("10.0.0.0/33:80", "from 0 to 32"),
        ("[::/129]:80", "from 0 to 128"),
        ("10.0.0.0/:80", "prefix length \"\""),
        ("10.0.0.0/08:80", "leading zeros"),
        ("10.0.0.0/+8:80", "prefix length"),
        ("10.0.0.0/255.0.0.0:80", "prefix length"),
        ("10.0.0.0/8/8:80", "prefix length"),
        ("10.0.0.0/28", "no port"),
        ("host/28:80", "not a network"),
        ("/28:80", "the host is empty"),
    ]);
}

#[test]
fn every_address_of_a_network_is_a_host() {
    for (text, first, last, count) in [
        ("10.0.0.0/28:80", "10.0.0.0:80", "10.0.0.15:80", 16),
        ("10.0.0.0/31:80", "10.0.0.0:80", "10.0.0.1:80", 2),
        ("255.255.255.252/30:80", "255.255.255.252:80", "255.255.255.255:80", 4),
        ("2001:db8::/126:80", "[2001:db8::]:80", "[2001:db8::3]:80", 4),
        ("[fe80::%eth0/126]:80-81", "[fe80::%eth0]:80", "[fe80::3%eth0]:81", 8),
        (
            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe/127]:80",
            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe]:80",
            "[ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff]:80",
            2,
        ),
    ] {
        let spec = TCP.target(text).expect(text);
        assert_eq!(spec.count(), count, "{text}");
        let all = targets(spec);
        assert_eq!((all[0].as_str(), all[all.len() - 1].as_str(), all.len() as u128), (first, last, count), "{text}");
    }
}

#[test]
fn counting_needs_no_iterating_and_iterating_no_memory() {
    let all = TCP.target("[::/0]:1-65535").unwrap();
    assert_eq!((all.addresses(), all.count()), (u128::MAX, u128::MAX));
    assert_eq!(all.addresses_shown(), "340282366920938463463374607431768211456");
    let half = TCP.target("[8000::/1]:80").unwrap();
    assert_eq!(half.count(), 1 << 127);
    let ten = TCP.target("10.0.0.0/8:1-65535").unwrap();
    assert_eq!((ten.addresses(), ten.count()), (1 << 24, 65_535 << 24));
    assert_eq!(ten.into_targets().nth(65_535 * 256 + 1).unwrap().to_string(), "10.0.1.0:2");
}

#[test]
fn ports_come_in_the_order_and_as_often_as_they_are_written() {
    for (text, expected) in [
        ("443,80", "443,80"),
        ("80,80", "80,80"),
        ("1-3,2-5,1", "1-3,2-5,1"),
        ("65535,1-65535", "65535,1-65535"),
        ("80,http,8000-8002,ms-sql-s", "80,80,8000-8002,1433"),
        ("3,2,1", "3,2,1"),
        ("7-7", "7"),
    ] {
        assert_eq!(TCP.ports(text).unwrap().to_string(), expected, "{text}");
    }
}

#[test]
fn ports_that_cannot_be_are_refused() {
    refused(&[
        ("h:0", "ports are 1 to 65535"),
        ("h:00", "ports are 1 to 65535"),
        ("h:0-9", "ports are 1 to 65535"),
        ("h:+80", "sign"),
        ("h:-80", "sign"),
        ("h: 80", "space"),
        ("h:80 ", "space"),
        ("h:80, 81", "space"),
        ("h:080", "write 80"),
        ("h:1-010", "write 10"),
        ("h:65536", "too large"),
        ("h:70000", "too large"),
        ("h:99999999999999999999", "too large"),
        ("h:", "the port is empty"),
        ("h:80,", "empty item"),
        ("h:,80", "empty item"),
        ("h:80,,81", "empty item"),
        ("h:90-80", "write 80-90"),
        ("h:80-", "no end"),
        ("h:-", "is not a port"),
        ("h:1-2-3", "is not a port"),
        ("h:８０", "is not a port"),
        ("h:nosuch", "no service \"nosuch\" is known for tcp"),
        ("h:0x50", "no service"),
        ("h:8080x", "no service"),
        ("h:nil", "no service"),
        ("h:tftp", "for udp only"),
        ("h:HTTP", "small letters: http"),
        ("h:http ms", "space"),
        ("h:80\u{2013}90", "write 80-90"),
        ("h:80/tcp", "write h:80"),
    ]);
    assert!(message(UDP.target("h:http")).contains("for tcp only"));
    assert!(message(TCP.host_ports("h", "53/udp")).contains("write 53 and add --udp"));
    assert!(message(TCP.host_ports("h", "80/tcp")).contains("write 80"));
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

#[test]
fn inet_aton_is_the_systems() {
    for (text, expected) in [
        ("1.2.3.4", Some([1, 2, 3, 4])),
        ("1.2.772", Some([1, 2, 3, 4])),
        ("1.131844", Some([1, 2, 3, 4])),
        ("16909060", Some([1, 2, 3, 4])),
        ("0377.0xff.0XFf.255", Some([255, 255, 255, 255])),
        ("4294967295", Some([255, 255, 255, 255])),
        ("4294967296", None),
        ("1.16777216", None),
        ("256.1", None),
        ("1.2.3.4.5", None),
        ("09", None),
        ("0x", None),
        ("", None),
        ("1.", None),
        ("+1", None),
    ] {
        assert_eq!(inet_aton(text), expected.map(Ipv4Addr::from), "{text}");
    }
}

fn ipv4() -> impl Strategy<Value = IpAddr> {
    any::<u32>().prop_map(|bits| Ipv4Addr::from(bits).into())
}

fn ipv6() -> impl Strategy<Value = IpAddr> {
    any::<u128>().prop_map(|bits| Ipv6Addr::from(bits).into())
}

/// Texts near the grammar: made of its own pieces, so that many are accepted and the rest nearly so.
fn nearly() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("fe80::1"),
        Just("::1"),
        Just("10.0.0.0"),
        Just("127.1"),
        Just("host"),
        Just("bücher"),
        Just("%25eth0"),
        Just("%lo"),
        Just("/30"),
        Just("["),
        Just("]"),
        Just(":"),
        Just("://"),
        Just("http"),
        Just("udp"),
        Just("80"),
        Just("-"),
        Just(","),
        Just("0"),
        Just("."),
        Just("@"),
        Just("#"),
        Just(" "),
        Just("*"),
        Just("\u{3000}"),
    ];
    prop::collection::vec(piece, 0..9).prop_map(|pieces| pieces.concat())
}

fn small_range() -> impl Strategy<Value = (u16, u16)> {
    (1u16.., 0u16..40).prop_map(|(first, more)| (first, first.saturating_add(more)))
}

fn check_any(text: &str) {
    for grammar in [TCP, UDP, Grammar { interface: Some("lo"), ..TCP }, LISTED] {
        let specs = [grammar.target(text).ok(), grammar.line(text).ok().flatten(), grammar.host_ports(text, "80").ok()];
        for spec in specs.into_iter().flatten() {
            let grammar = Grammar { protocol: spec.protocol, ..grammar };
            let shown = spec.to_string();
            let again = grammar.target(&shown).unwrap_or_else(|error| panic!("{text:?} → {shown:?}: {error}"));
            assert_eq!(again.to_string(), shown, "{text:?}");
            assert_eq!((again.count(), &again.ports, again.protocol), (spec.count(), &spec.ports, spec.protocol));
            for target in spec.into_targets().take(5) {
                let again: Vec<Target> = grammar.target(&target.to_string()).unwrap().into_targets().collect();
                assert_eq!(again.len(), 1);
                assert_eq!(again[0].to_string(), target.to_string(), "{text:?}");
                assert_eq!(again[0].port, target.port);
            }
        }
        if let Err(error) = grammar.target(text) {
            assert!(!error.to_string().contains(['\n', '\r', '\u{1b}']), "{text:?}");
        }
        let _ = (grammar.pin(text), grammar.source(text), grammar.arguments(&[text.into(), text.into()]));
    }
}

proptest! {
    #[test]
    fn any_text_is_read_or_refused_and_what_is_read_reads_back(text in ".*") {
        check_any(&text);
    }

    #[test]
    fn so_is_text_near_the_grammar(text in nearly()) {
        check_any(&text);
    }

    #[test]
    fn literals_read_back(ip in prop_oneof![ipv4(), ipv6()], port in 1u16..) {
        let bound = Grammar { interface: Some("lo"), ..TCP };
        let text = std::net::SocketAddr::new(ip, port).to_string();
        let all: Vec<Target> = bound.target(&text).unwrap().into_targets().collect();
        prop_assert_eq!(all.len(), 1);
        let Host::Literal { address, .. } = &all[0].host else { panic!("{text}") };
        prop_assert_eq!((address.ip, all[0].port), (ip, port));
    }

    #[test]
    fn ports_are_those_of_the_naive_model(ranges in prop::collection::vec(small_range(), 1..12)) {
        let text: Vec<String> = ranges.iter().map(|(first, last)| format!("{first}-{last}")).collect();
        let ports = TCP.ports(&text.join(",")).unwrap();
        let model: Vec<u16> = ranges.iter().flat_map(|&(a, b)| a..=b).collect();
        prop_assert_eq!(ports.count() as usize, model.len());
        prop_assert_eq!(TCP.ports(&ports.to_string()).unwrap(), ports.clone());
        prop_assert_eq!(ports.into_each().collect::<Vec<_>>(), model);
    }

    #[test]
    fn as_many_are_counted_as_come(bits in any::<u128>(), host_bits in 0u8..7, v6 in any::<bool>(), range in small_range()) {
        let ip: IpAddr = if v6 { Ipv6Addr::from(bits).into() } else { Ipv4Addr::from(bits as u32).into() };
        let net = IpNet::new(ip, if v6 { 128 } else { 32 } - host_bits).unwrap().trunc();
        let bound = Grammar { interface: Some("lo"), ..TCP };
        let spec = bound.host_ports(&net.to_string(), &format!("{}-{}", range.0, range.1)).unwrap();
        prop_assert_eq!(spec.addresses(), 1 << host_bits);
        let count = spec.count();
        let all: HashSet<String> = spec.into_targets().map(|target| {
            let Host::Literal { address, .. } = &target.host else { panic!("{target}") };
            assert!(net.contains(&address.ip));
            target.to_string()
        }).collect();
        prop_assert_eq!(all.len() as u128, count);
    }
}
