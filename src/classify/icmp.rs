//! ICMP messages that can end a connect, in the words of the standards: RFC 792, RFC 1122, RFC 1812, RFC 4443 and
//! the IANA registries. Pure.

use std::fmt;

use crate::model::{Family, Icmp, Name};

impl Icmp {
    /// Host unreachable (ICMP 3/1) or address unreachable (ICMPv6 1/3): the last router finds no such host.
    pub fn is_host_unreachable(&self) -> bool {
        matches!((self.family, self.kind, self.code), (Family::V4, 3, 1) | (Family::V6, 1, 3))
    }

    /// What the sender says, in the words of the standards.
    pub fn meaning(&self) -> &'static str {
        meaning(self.family, self.kind, self.code)
    }

    /// `(ICMP 3/13)`
    pub fn numbers(&self) -> String {
        let protocol = match self.family {
            Family::V4 => "ICMP",
            Family::V6 => "ICMPv6",
        };
        format!("({protocol} {}/{})", self.kind, self.code)
    }

    /// What it says of the attempt.
    pub fn verdict(&self) -> Verdict {
        verdict(self.family, self.kind, self.code)
    }
}

impl fmt::Display for Icmp {
    /// `communication administratively prohibited (ICMP 3/13)`
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.meaning(), self.numbers())
    }
}

/// What a message says of the attempt, whatever errno the system makes of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Nothing listens on the port, or a firewall says so.
    PortUnreachable,
    /// The host does not speak the protocol.
    ProtocolUnreachable,
    /// A policy forbids it.
    Prohibited,
    /// A router has no way to the network or host.
    Unreachable,
    /// The packet's lifetime ended on the way.
    TtlExceeded,
    /// Someone cannot read the packet's header.
    ParameterProblem,
    /// Says nothing about whether the target can be reached.
    Other,
}

/// The words of the standards for a message; a general word for one that they do not have.
pub fn meaning(family: Family, kind: u8, code: u8) -> &'static str {
    row(family, kind, code).meaning
}

/// What a message says of the attempt.
pub fn verdict(family: Family, kind: u8, code: u8) -> Verdict {
    row(family, kind, code).verdict
}

/// The errno with which Linux ends a connect on such a message; `None` where it tries on (`icmp_err_convert` in
/// net/ipv4/icmp.c, `icmpv6_err_convert` in net/ipv6/icmp.c).
#[cfg(test)]
pub fn linux_errno(family: Family, kind: u8, code: u8) -> Option<Name> {
    row(family, kind, code).errno
}

/// One documented message.
struct Row {
    family: Family,
    kind: u8,
    /// `None` stands for every code that has no row of its own above.
    code: Option<u8>,
    meaning: &'static str,
    verdict: Verdict,
    /// Read by tests alone: what they observe is compared with it.
    #[cfg_attr(not(test), expect(dead_code))]
    errno: Option<Name>,
}

/// In the column of errnos: Linux tries on.
const GOES_ON: Option<Name> = None;

const fn v4(kind: u8, code: u8, meaning: &'static str, verdict: Verdict, errno: Option<Name>) -> Row {
    Row { code: Some(code), ..v4_rest(kind, meaning, verdict, errno) }
}

const fn v4_rest(kind: u8, meaning: &'static str, verdict: Verdict, errno: Option<Name>) -> Row {
    Row { family: Family::V4, kind, code: None, meaning, verdict, errno }
}

const fn v6(kind: u8, code: u8, meaning: &'static str, verdict: Verdict, errno: Option<Name>) -> Row {
    Row { family: Family::V6, ..v4(kind, code, meaning, verdict, errno) }
}

const fn v6_rest(kind: u8, meaning: &'static str, verdict: Verdict, errno: Option<Name>) -> Row {
    Row { family: Family::V6, ..v4_rest(kind, meaning, verdict, errno) }
}

/// A type that is not in the table. Linux drops it in ICMPv4; RFC 4443 section 2.4 (a) has unknown ICMPv6 errors
/// handed up, which Linux does as EPROTO, and (b) unknown informational messages dropped.
const UNKNOWN: Row = v4_rest(0, "unknown ICMP message", Verdict::Other, GOES_ON);
const UNKNOWN_V6_ERROR: Row = v6_rest(0, "unknown ICMPv6 error", Verdict::Other, Some(Name::EPROTO));

fn row(family: Family, kind: u8, code: u8) -> &'static Row {
    let rest = if family == Family::V6 && kind < 128 { &UNKNOWN_V6_ERROR } else { &UNKNOWN };
    TABLE
        .iter()
        .find(|row| row.family == family && row.kind == kind && row.code.is_none_or(|own| own == code))
        .unwrap_or(rest)
}

/// RFC 792 (3/0-5, 4, 5, 11, 12), RFC 1122 section 3.2.2.1 (3/6-12), RFC 1812 section 5.2.7.1 (3/13-15), RFC 1108
/// (12/1), RFC 4443 (v6), RFC 7112 (v6 4/3), RFC 8754 (v6 4/4), RFC 8883 (v6 1/8, 4/5-10), RFC 6550 (v6 1/7).
#[rustfmt::skip] // one row a line
static TABLE: &[Row] = &[
    v4(3, 0, "net unreachable", Verdict::Unreachable, Some(Name::ENETUNREACH)),
    v4(3, 1, "host unreachable", Verdict::Unreachable, Some(Name::EHOSTUNREACH)),
    v4(3, 2, "protocol unreachable", Verdict::ProtocolUnreachable, Some(Name::ENOPROTOOPT)),
    v4(3, 3, "port unreachable", Verdict::PortUnreachable, Some(Name::ECONNREFUSED)),
    v4(3, 4, "fragmentation needed and DF set", Verdict::Other, GOES_ON),
    v4(3, 5, "source route failed", Verdict::Unreachable, Some(Name::EOPNOTSUPP)),
    v4(3, 6, "destination network unknown", Verdict::Unreachable, Some(Name::ENETUNREACH)),
    v4(3, 7, "destination host unknown", Verdict::Unreachable, Some(Name::EHOSTDOWN)),
    v4(3, 8, "source host isolated", Verdict::Unreachable, Some(Name::ENONET)),
    v4(3, 9, "network administratively prohibited", Verdict::Prohibited, Some(Name::ENETUNREACH)),
    v4(3, 10, "host administratively prohibited", Verdict::Prohibited, Some(Name::EHOSTUNREACH)),
    v4(3, 11, "network unreachable for type of service", Verdict::Unreachable, Some(Name::ENETUNREACH)),
    v4(3, 12, "host unreachable for type of service", Verdict::Unreachable, Some(Name::EHOSTUNREACH)),
    v4(3, 13, "communication administratively prohibited", Verdict::Prohibited, Some(Name::EHOSTUNREACH)),
    v4(3, 14, "host precedence violation", Verdict::Unreachable, Some(Name::EHOSTUNREACH)),
    v4(3, 15, "precedence cutoff in effect", Verdict::Unreachable, Some(Name::EHOSTUNREACH)),
    v4_rest(3, "destination unreachable", Verdict::Unreachable, GOES_ON),
    v4_rest(4, "source quench", Verdict::Other, GOES_ON),
    v4(5, 0, "redirect for the network", Verdict::Other, GOES_ON),
    v4(5, 1, "redirect for the host", Verdict::Other, GOES_ON),
    v4(5, 2, "redirect for the type of service and network", Verdict::Other, GOES_ON),
    v4(5, 3, "redirect for the type of service and host", Verdict::Other, GOES_ON),
    v4_rest(5, "redirect", Verdict::Other, GOES_ON),
    v4(11, 0, "time to live exceeded in transit", Verdict::TtlExceeded, Some(Name::EHOSTUNREACH)),
    v4(11, 1, "fragment reassembly time exceeded", Verdict::Other, GOES_ON),
    v4_rest(11, "time exceeded", Verdict::TtlExceeded, Some(Name::EHOSTUNREACH)),
    v4(12, 0, "parameter problem", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v4(12, 1, "required option is missing", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v4(12, 2, "bad length", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v4_rest(12, "parameter problem", Verdict::ParameterProblem, Some(Name::EPROTO)),

    v6(1, 0, "no route to destination", Verdict::Unreachable, Some(Name::ENETUNREACH)),
    v6(1, 1, "communication with destination administratively prohibited", Verdict::Prohibited, Some(Name::EACCES)),
    v6(1, 2, "beyond scope of source address", Verdict::Unreachable, Some(Name::EHOSTUNREACH)),
    v6(1, 3, "address unreachable", Verdict::Unreachable, Some(Name::EHOSTUNREACH)),
    v6(1, 4, "port unreachable", Verdict::PortUnreachable, Some(Name::ECONNREFUSED)),
    v6(1, 5, "source address failed ingress/egress policy", Verdict::Prohibited, Some(Name::EACCES)),
    v6(1, 6, "reject route to destination", Verdict::Prohibited, Some(Name::EACCES)),
    v6(1, 7, "error in source routing header", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v6(1, 8, "headers too long", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v6_rest(1, "destination unreachable", Verdict::Unreachable, Some(Name::EPROTO)),
    v6_rest(2, "packet too big", Verdict::Other, GOES_ON),
    v6(3, 0, "hop limit exceeded in transit", Verdict::TtlExceeded, Some(Name::EHOSTUNREACH)),
    v6(3, 1, "fragment reassembly time exceeded", Verdict::Other, Some(Name::EHOSTUNREACH)),
    v6_rest(3, "time exceeded", Verdict::TtlExceeded, Some(Name::EHOSTUNREACH)),
    v6(4, 0, "erroneous header field encountered", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v6(4, 1, "unrecognized next header type encountered", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v6(4, 2, "unrecognized IPv6 option encountered", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v6(4, 3, "first fragment has incomplete IPv6 header chain", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v6(4, 4, "SR upper-layer header error", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v6(4, 5, "unrecognized next header type encountered by intermediate node", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v6(4, 6, "extension header too big", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v6(4, 7, "extension header chain too long", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v6(4, 8, "too many extension headers", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v6(4, 9, "too many options in extension header", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v6(4, 10, "option too big", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v6_rest(4, "parameter problem", Verdict::ParameterProblem, Some(Name::EPROTO)),
    v6_rest(137, "redirect", Verdict::Other, GOES_ON),
];

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::net::IpAddr;

    use super::*;
    use crate::classify::codes;

    /// Every code with which a probe's packet can come back, as (family, type, codes), from the IANA registries.
    const REGISTERED: [(Family, u8, u8); 10] = [
        (Family::V4, 3, 16),
        (Family::V4, 4, 1),
        (Family::V4, 5, 4),
        (Family::V4, 11, 2),
        (Family::V4, 12, 3),
        (Family::V6, 1, 9),
        (Family::V6, 2, 1),
        (Family::V6, 3, 2),
        (Family::V6, 4, 11),
        (Family::V6, 137, 1),
    ];

    fn registered() -> impl Iterator<Item = (Family, u8, u8)> {
        REGISTERED.into_iter().flat_map(|(family, kind, codes)| (0..codes).map(move |code| (family, kind, code)))
    }

    #[test]
    fn every_registered_message_has_words_of_its_own() {
        let mut seen = HashSet::new();
        for (family, kind, code) in registered() {
            let words = meaning(family, kind, code);
            assert!(!words.starts_with("unknown"), "{family} {kind}/{code}");
            assert!(seen.insert((family, words)), "{family} {kind}/{code}: {words:?} twice");
        }
    }

    #[test]
    fn every_row_can_be_reached() {
        for own in TABLE {
            let code = own.code.unwrap_or(200);
            assert!(std::ptr::eq(row(own.family, own.kind, code), own), "{}", own.meaning);
        }
    }

    #[test]
    fn linux_errnos_are_documented_codes() {
        for own in TABLE.iter().filter_map(|row| row.errno) {
            assert!(codes::TABLE.iter().any(|row| row.name == own), "{own}");
        }
    }

    /// As observed on Linux 6.18, an asterisk where the attempt goes on.
    #[test]
    fn linux_errnos_as_observed() {
        let observed = |family, kind, first: u8, names: &str| {
            for (code, name) in (first..).zip(names.split_whitespace()) {
                assert_eq!(linux_errno(family, kind, code).map_or("*", Name::as_str), name, "{family} {kind}/{code}");
            }
        };
        observed(
            Family::V4,
            3,
            0,
            "ENETUNREACH EHOSTUNREACH ENOPROTOOPT ECONNREFUSED * EOPNOTSUPP ENETUNREACH EHOSTDOWN",
        );
        observed(
            Family::V4,
            3,
            8,
            "ENONET ENETUNREACH EHOSTUNREACH ENETUNREACH EHOSTUNREACH EHOSTUNREACH EHOSTUNREACH",
        );
        observed(Family::V4, 3, 15, "EHOSTUNREACH * *");
        observed(Family::V4, 4, 0, "*");
        observed(Family::V4, 5, 0, "* * * *");
        observed(Family::V4, 11, 0, "EHOSTUNREACH * EHOSTUNREACH");
        observed(Family::V4, 12, 0, "EPROTO EPROTO EPROTO");
        observed(Family::V4, 13, 0, "*");
        observed(
            Family::V6,
            1,
            0,
            "ENETUNREACH EACCES EHOSTUNREACH EHOSTUNREACH ECONNREFUSED EACCES EACCES EPROTO EPROTO",
        );
        observed(Family::V6, 2, 0, "*");
        observed(Family::V6, 3, 0, "EHOSTUNREACH EHOSTUNREACH");
        observed(Family::V6, 4, 0, "EPROTO EPROTO EPROTO EPROTO");
        observed(Family::V6, 5, 0, "EPROTO");
        observed(Family::V6, 100, 0, "EPROTO");
    }

    #[test]
    fn policy_is_told_from_routing_whatever_the_errno() {
        let prohibited: Vec<_> =
            registered().filter(|&(family, kind, code)| verdict(family, kind, code) == Verdict::Prohibited).collect();
        let v4 = [9, 10, 13].map(|code| (Family::V4, 3, code));
        let v6 = [1, 5, 6].map(|code| (Family::V6, 1, code));
        assert_eq!(prohibited, [&v4[..], &v6[..]].concat());
    }

    #[test]
    fn what_ends_an_attempt_says_something_of_it() {
        for (family, kind, code) in
            registered().filter(|&(family, kind, code)| (family, kind, code) != (Family::V6, 3, 1))
        {
            let ends = linux_errno(family, kind, code).is_some();
            assert_eq!(ends, verdict(family, kind, code) != Verdict::Other, "{family} {kind}/{code}");
        }
    }

    #[test]
    fn refusals() {
        assert_eq!(verdict(Family::V4, 3, 2), Verdict::ProtocolUnreachable);
        assert_eq!([verdict(Family::V4, 3, 3), verdict(Family::V6, 1, 4)], [Verdict::PortUnreachable; 2]);
        assert_eq!([verdict(Family::V4, 11, 0), verdict(Family::V6, 3, 0)], [Verdict::TtlExceeded; 2]);
    }

    #[test]
    fn unregistered_codes_get_the_word_of_their_type() {
        assert_eq!(meaning(Family::V4, 3, 16), "destination unreachable");
        assert_eq!(meaning(Family::V6, 4, 99), "parameter problem");
        assert_eq!(meaning(Family::V4, 42, 0), "unknown ICMP message");
        assert_eq!(meaning(Family::V6, 100, 0), "unknown ICMPv6 error");
        assert_eq!(linux_errno(Family::V6, 200, 0), None);
    }

    #[test]
    fn display() {
        let message = |family, kind, code| {
            let from = IpAddr::from([192, 0, 2, 1]);
            Icmp { from, family, kind, code, info: 0, at: None, count: 1, decisive: true }.to_string()
        };
        assert_eq!(message(Family::V4, 3, 13), "communication administratively prohibited (ICMP 3/13)");
        assert_eq!(message(Family::V6, 1, 0), "no route to destination (ICMPv6 1/0)");
    }
}
