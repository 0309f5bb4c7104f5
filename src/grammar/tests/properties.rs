//! Properties that hold for any text.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use proptest::prelude::*;

use super::*;

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
