//! Any text is read or refused by the grammar, and what is read holds what the types promise.
#![no_main]

use libfuzzer_sys::fuzz_target;
use rconnect::internals::{Exclusions, Grammar, Invalid, Spec};
use rconnect::model::{Address, Host, Protocol, Target};

/// Networks and lists of ports are looked at up to here.
const SOME: usize = 20;

fn service(name: &str, protocol: Protocol) -> Option<u16> {
    match (name, protocol) {
        ("http", Protocol::Tcp) => Some(80),
        ("https", _) => Some(443),
        ("domain", _) => Some(53),
        ("nil", _) => Some(0),
        _ => None,
    }
}

fuzz_target!(|text: &str| {
    let tcp = Grammar { protocol: Protocol::Tcp, interface: None, every_link: false, default_ports: None, service: &service };
    let udp = Grammar { protocol: Protocol::Udp, ..tcp };
    let bound = Grammar { interface: Some("eth0"), ..tcp };
    let listed = Grammar { default_ports: Some("80,8000-8002"), ..tcp };
    for grammar in [tcp, udp, bound, listed] {
        let (host, ports) = text.split_once(' ').unwrap_or((text, "80"));
        let words: Vec<String> = text.split_whitespace().map(str::to_owned).collect();
        let specs = [
            grammar.target(text).map(|spec| vec![spec]),
            grammar.line(text).map(|spec| spec.into_iter().collect()),
            grammar.host_ports(host, ports).map(|spec| vec![spec]),
            grammar.arguments(&words),
        ];
        for read in specs {
            read_or_refused(read).into_iter().flatten().for_each(|spec| check_spec(grammar, spec));
        }
        if let Some(pin) = read_or_refused(grammar.pin(text)) {
            assert!(!pin.addresses.is_empty());
            pin.addresses.iter().for_each(check_address);
        }
        let mut exclusions = Exclusions::default();
        if read_or_refused(grammar.exclude(text.split(','), &mut exclusions)).is_some() {
            assert!(!exclusions.is_empty());
        }
        if let Some(source) = read_or_refused(grammar.source(text)) {
            assert_ne!(source.port, Some(0));
            check_address(&source.address);
        }
    }
});

/// A refusal is one line that says what is wrong and what would be right.
fn read_or_refused<T>(read: Result<T, Invalid>) -> Option<T> {
    let refused = match read {
        Ok(value) => return Some(value),
        Err(refused) => refused,
    };
    assert!(!refused.what.is_empty() && !refused.hint.is_empty(), "{refused:?}");
    assert!(!refused.to_string().contains(char::is_control), "{refused:?}");
    None
}

fn check_spec(grammar: Grammar, spec: Spec) {
    let grammar = Grammar { protocol: spec.protocol, ..grammar };
    let shown = spec.to_string();
    assert!(!shown.contains(char::is_control), "{shown:?}");
    let again = grammar.target(&shown).unwrap_or_else(|error| panic!("{shown:?} does not read back: {error}"));
    assert_eq!((again.to_string(), &again.ports, again.protocol), (shown, &spec.ports, spec.protocol));
    let ports: Vec<u16> = spec.ports.clone().into_each().collect();
    assert!(!ports.is_empty() && !ports.contains(&0), "{spec}");
    assert_eq!(ports.len(), spec.ports.count() as usize, "{spec}");
    assert_eq!(spec.count(), spec.addresses().saturating_mul(ports.len() as u128), "{spec}");
    let count = spec.count();
    let targets: Vec<Target> = spec.into_targets().take(SOME).collect();
    assert_eq!(targets.len() as u128, count.min(SOME as u128));
    targets.iter().zip(ports.iter().cycle()).for_each(|(target, port)| check_target(grammar, target, *port));
}

fn check_target(grammar: Grammar, target: &Target, port: u16) {
    assert_eq!((target.port, target.protocol), (port, grammar.protocol));
    match &target.host {
        Host::Literal { address, .. } => check_address(address),
        Host::Name { ascii, .. } => {
            assert!(ascii.is_ascii() && (1..=254).contains(&ascii.len()), "{ascii:?}");
            assert!(ascii.parse::<std::net::IpAddr>().is_err(), "{ascii:?}");
        }
    }
    let shown = target.to_string();
    let again = grammar.target(&shown).unwrap_or_else(|error| panic!("{shown:?} does not read back: {error}"));
    let again: Vec<String> = again.into_targets().map(|target| target.to_string()).collect();
    assert_eq!(again, [shown]);
}

/// Only what is on a link has a zone, and a zone is never empty.
fn check_address(address: &Address) {
    let Some(zone) = &address.zone else { return };
    assert!(!zone.is_empty() && !zone.contains(char::is_control), "{address}");
    let std::net::IpAddr::V6(ip) = address.ip else { panic!("{address}") };
    assert!(ip.is_unicast_link_local() || ip.is_multicast(), "{address}");
}
