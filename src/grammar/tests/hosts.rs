//! Hosts: addresses, networks, names.

use std::net::Ipv4Addr;

use super::super::name::inet_aton;
use super::*;

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
