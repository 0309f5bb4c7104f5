//! Ports and services.

use super::*;

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
