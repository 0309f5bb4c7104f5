//! The addresses of a name whose families are asked for apart (RFC 8305 sections 3 and 4): when they are enough to begin
//! with, in which order they are tried, and what kept others away.

use std::net::{IpAddr, Ipv6Addr};
use std::time::{Duration, Instant};

use super::plan::{LookupFailure, Resolved};
use crate::model::{Cause, Family, Reason};

/// "The recommended value for the Resolution Delay is 50 milliseconds." (RFC 8305 section 3)
pub const RESOLUTION_DELAY: Duration = Duration::from_millis(50);

/// The two queries in the order in which they are made: "with the AAAA query made first and immediately followed by the A
/// query" (section 3).
pub const QUERIES: [Family; 2] = [Family::V6, Family::V4];

/// What is known of the addresses of one family.
#[derive(Debug, Clone, Default)]
enum Answer {
    #[default]
    Pending,
    Found {
        addresses: Vec<Resolved>,
        at: Instant,
    },
    Failed(LookupFailure),
}

/// What is known of a name whose families are asked for apart.
#[derive(Debug, Clone, Default)]
pub struct Answers {
    v6: Answer,
    v4: Answer,
}

/// When the attempts may begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Begin {
    /// Now, or never where every query failed.
    Now,
    /// At that instant, unless an answer comes before.
    At(Instant),
    /// Not before another answer.
    Later,
}

impl Answer {
    fn addresses(&self) -> &[Resolved] {
        match self {
            Answer::Found { addresses, .. } => addresses,
            Answer::Pending | Answer::Failed(_) => &[],
        }
    }

    fn failure(&self) -> Option<&LookupFailure> {
        match self {
            Answer::Failed(failure) => Some(failure),
            Answer::Pending | Answer::Found { .. } => None,
        }
    }

    fn is_pending(&self) -> bool {
        matches!(self, Answer::Pending)
    }

    /// When it came, if an attempt can be made with it. An address without a route is none to begin with ("Avoid unusable
    /// destinations", RFC 6724 section 6 rule 1): it waits for the other family, so that it is reported in one way,
    /// whichever answer came first.
    fn usable_since(&self) -> Option<Instant> {
        match self {
            Answer::Found { addresses, at } => addresses.iter().any(|found| found.skip.is_none()).then_some(*at),
            Answer::Pending | Answer::Failed(_) => None,
        }
    }
}

impl Answers {
    /// Takes the answer of one family, which came at `now`.
    pub fn hear(&mut self, now: Instant, family: Family, result: Result<Vec<Resolved>, LookupFailure>) {
        *self.of_mut(family) = match result {
            Ok(addresses) => Answer::Found { addresses, at: now },
            Err(failure) => Answer::Failed(LookupFailure { family: Some(family), ..failure }),
        };
    }

    /// The families whose answer is awaited.
    pub fn pending(&self) -> Vec<Family> {
        QUERIES.into_iter().filter(|&family| self.of(family).is_pending()).collect()
    }

    /// "If a positive AAAA response [...] is received first, the first IPv6 connection attempt is immediately started. If a
    /// positive A response is received first due to reordering, the client SHOULD wait a short time for the AAAA response to
    /// ensure that preference is given to IPv6" (RFC 8305 section 3)
    pub fn begin(&self) -> Begin {
        match (self.v6.is_pending(), self.v4.is_pending()) {
            (false, false) => Begin::Now,
            (false, true) if self.v6.usable_since().is_some() => Begin::Now,
            (true, false) => self.v4.usable_since().map_or(Begin::Later, |at| Begin::At(at + RESOLUTION_DELAY)),
            _ => Begin::Later,
        }
    }

    /// "the client MUST sort the addresses received up to this point using Destination Address Selection ([RFC6724],
    /// Section 6)" (section 4). Within a family the resolver has done it. An address is skipped only where the other
    /// family has a route.
    pub fn sorted(&self) -> Vec<Resolved> {
        let (v6, v4) = (self.v6.addresses(), self.v4.addresses());
        let first = match (v6.first(), v4.first()) {
            (Some(v6), Some(v4)) if is_preferred(v4, v6) => Family::V4,
            _ => Family::V6,
        };
        let mut all = if first == Family::V6 { [v6, v4].concat() } else { [v4, v6].concat() };
        if all.iter().all(|found| found.skip.is_some()) {
            all.iter_mut().for_each(|found| found.skip = None);
        }
        all
    }

    /// What kept addresses away. A name that has no address of one family lacks nothing while it has one of the other.
    pub fn failure(&self) -> Option<LookupFailure> {
        let failures: Vec<&LookupFailure> = [&self.v6, &self.v4].into_iter().filter_map(Answer::failure).collect();
        let found = !self.v6.addresses().is_empty() || !self.v4.addresses().is_empty();
        match failures[..] {
            [a, b] if a.cause == b.cause && a.error == b.error => Some(LookupFailure { family: None, ..a.clone() }),
            [a, b] => Some(if is_empty(a) { b } else { a }.clone()),
            [one] if found && is_empty(one) => None,
            [one] => Some(one.clone()),
            _ => None,
        }
    }

    fn of(&self, family: Family) -> &Answer {
        match family {
            Family::V6 => &self.v6,
            Family::V4 => &self.v4,
        }
    }

    fn of_mut(&mut self, family: Family) -> &mut Answer {
        match family {
            Family::V6 => &mut self.v6,
            Family::V4 => &mut self.v4,
        }
    }
}

/// The resolver answered: there is no address of that family.
fn is_empty(failure: &LookupFailure) -> bool {
    matches!(failure.cause, Some(Cause::NoData | Cause::NoSuchName | Cause::WrongFamily))
}

/// Whether one destination comes before another one of the other family (RFC 6724 section 6, rules 1, 2, 5, 6 and 8; the
/// others need what no program is told, or compare addresses of one family). Equal ones keep the order of the queries.
fn is_preferred(a: &Resolved, b: &Resolved) -> bool {
    let rank = |found: &Resolved| {
        let (to, from) = (mapped(found.address.ip()), found.source.map(mapped));
        (
            found.skip == Some(Reason::NoRoute),
            from.is_some_and(|from| scope(from) != scope(to)),
            from.is_some_and(|from| policy(from).1 != policy(to).1),
            std::cmp::Reverse(policy(to).0),
            scope(to),
        )
    };
    rank(a) < rank(b)
}

/// "IPv4 addresses are represented as IPv4-mapped addresses" (RFC 6724 section 2.1)
fn mapped(ip: IpAddr) -> Ipv6Addr {
    match ip {
        IpAddr::V4(ip) => ip.to_ipv6_mapped(),
        IpAddr::V6(ip) => ip,
    }
}

/// Precedence and label of the longest prefix that matches in the default policy table (RFC 6724 section 2.1).
fn policy(ip: Ipv6Addr) -> (u8, u8) {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, 0, 1] => (50, 0),
        [0, 0, 0, 0, 0, 0xffff, ..] => (35, 4),
        [0, 0, 0, 0, 0, 0, ..] => (1, 3),
        [0x2002, ..] => (30, 2),
        [0x2001, 0, ..] => (5, 5),
        [0xfc00..=0xfdff, ..] => (3, 13),
        [0xfec0..=0xfeff, ..] => (1, 11),
        [0x3ffe, ..] => (1, 12),
        _ => (40, 1),
    }
}

/// The scope of a unicast address: link-local 2, site-local 5, global 14 (RFC 6724 sections 3.1 to 3.3).
fn scope(ip: Ipv6Addr) -> u8 {
    match (ip.to_ipv4_mapped(), ip.segments()[0]) {
        (Some(v4), _) if v4.is_loopback() || v4.is_link_local() => 2,
        (Some(_), _) => 14,
        (None, 0xfe80..=0xfebf) => 2,
        (None, 0xfec0..=0xfeff) => 5,
        (None, _) if ip.is_loopback() => 2,
        (None, _) => 14,
    }
}
