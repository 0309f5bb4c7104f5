//! Words that more than one part of the page for people uses.

use crate::classify::codes::describe;
use crate::model::{Attempt, Code};

/// As wide as `999.9 ms` and one more for the alignment of seconds.
pub const TIME_WIDTH: usize = 9;

/// Both vocabularies' names and numbers.
pub fn codes(code: Code) -> String {
    describe(code).to_string()
}

/// Address resolution: RFC 826 for IPv4, RFC 4861 section 7.2 for IPv6.
pub fn neighbour(attempt: &Attempt) -> String {
    let gateway = attempt.route.as_ref().and_then(|route| route.gateway);
    let resolution = if attempt.address.ip().to_canonical().is_ipv4() { "ARP" } else { "neighbour discovery" };
    match gateway {
        Some(gateway) => format!("gateway {gateway} does not answer {resolution}"),
        None => format!("the next hop does not answer {resolution}"),
    }
}
