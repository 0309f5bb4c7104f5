//! What one lookup, one target and one traced path came to.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Attempt, By, Cause, Code, Expected, Family, Icmp, Mode, Outcome, PathEnd, Protocol, Reason, Strategy};

/// One hop of a traced path.
#[derive(Debug, Clone)]
pub struct Hop {
    /// Time to live, or hop limit, of the segment.
    pub ttl: u8,
    /// Who answered; `None` for silence and for a local error.
    pub address: Option<IpAddr>,
    /// From the call of connect() to the answer.
    pub elapsed: Duration,
    /// What the connect with this time to live came to; `timed-out` for silence.
    pub outcome: Outcome,
    /// The code that the system returned.
    pub error: Option<Code>,
    /// The message that came.
    pub icmp: Option<Icmp>,
    /// Who decided it.
    pub by: Option<By>,
}

/// Where packets to an address get to.
#[derive(Debug, Clone)]
pub struct Path {
    /// The destination.
    pub address: SocketAddr,
    /// The port with which the path was traced: ports of one address whose attempts ended alike share a path.
    pub traced_port: u16,
    /// From the first hop to the end, or to the last that answered.
    pub hops: Vec<Hop>,
    /// How it ends.
    pub end: PathEnd,
    /// Time to live, or hop limit, with which the answer of the destination arrives.
    pub answer_ttl: Option<u8>,
    /// The hop from which it comes, as that time to live tells: counted on the way back.
    pub answered_hop: Option<u8>,
}

/// How the lookup of a host went.
#[derive(Debug, Clone, Default)]
pub struct Lookup {
    /// Zero for a literal.
    pub elapsed: Duration,
    /// Distinct addresses, in the resolver's order.
    pub addresses: usize,
    /// Addresses that the resolver gave more than once.
    pub duplicates: usize,
    /// The resolver's own code, or a local shortage.
    pub error: Option<Code>,
    /// `Limit` when our limit ran out first, `Local` for a local shortage, `System` when the resolver failed.
    pub by: Option<By>,
    /// The finest cause that the code allows.
    pub cause: Option<Cause>,
    /// The family that was asked for, where it was not both; where both gave different answers, that of the error.
    pub family: Option<Family>,
    /// The family whose addresses had not come when the target was decided.
    pub unanswered: Option<Family>,
    /// The name that answered, where a search domain or an alias made it another one than the name that was asked for.
    pub canonical: Option<Arc<str>>,
    /// The A-label form of the host (RFC 5890), where that is not what was written.
    pub ascii: Option<Arc<str>>,
    /// The deadline of the run ended it: it might have come to something else.
    pub cut_short: bool,
    /// Why the name was not asked for.
    pub reason: Option<Reason>,
}

/// What one target (a host and one port) came to.
#[derive(Debug, Clone)]
pub struct Report {
    /// As a user would write it: `db.example:5432`, `[::1]:80`.
    pub target: String,
    /// The host as written.
    pub host: Arc<str>,
    /// The port.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// How connect() was called.
    pub mode: Mode,
    /// Which addresses were tried.
    pub strategy: Strategy,
    /// Wall clock at the start.
    pub started_at: SystemTime,
    /// From the start (lookup included) to the decision.
    pub elapsed: Duration,
    /// What it came to.
    pub outcome: Outcome,
    /// Whether its requirement holds.
    pub good: bool,
    /// Good, but some address failed.
    pub partial: bool,
    /// So many further tries of an attempt or lookup were asked for.
    pub retries: u32,
    /// The outcomes that make it good, where `--expect` gave them.
    pub expected: Option<Expected>,
    /// How the lookup went.
    pub lookup: Lookup,
    /// In the order of the addresses, then of the tries.
    pub attempts: Vec<Attempt>,
    /// Where packets get to; asked for by `--trace`.
    pub trace: Option<Vec<Path>>,
    /// The number of the round, where there are rounds.
    pub round: Option<u64>,
}

impl Report {
    /// The end of the run cut an attempt or the lookup short.
    pub fn is_cut_short(&self) -> bool {
        self.lookup.cut_short || self.attempts.iter().any(|attempt| attempt.cut_short)
    }

    /// The addresses that were tried, each once.
    pub fn tried(&self) -> Vec<SocketAddr> {
        let mut addresses: Vec<SocketAddr> =
            self.attempts.iter().filter(|attempt| attempt.phase.is_some()).map(|attempt| attempt.address).collect();
        addresses.dedup();
        addresses
    }
}
