//! URLs.

use super::*;

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
