//! Hops of a traced path, from the attempts that showed them.

use std::net::IpAddr;

use crate::classify::icmp;
use crate::model::{Attempt, By, Hop, Outcome};

impl Hop {
    /// The hop that an attempt with this time to live shows.
    pub fn new(ttl: u8, attempt: Attempt) -> Self {
        let decisive = attempt.icmp.filter(|icmp| icmp.decisive);
        let peer = matches!(attempt.outcome, Outcome::Connected | Outcome::Reset) || attempt.by == Some(By::Peer);
        let to = attempt.address.ip().to_canonical();
        let address = decisive.as_ref().map(|icmp| icmp.from).or(peer.then_some(to));
        let Attempt { elapsed, outcome, error, by, .. } = attempt;
        Hop { ttl, address, elapsed, outcome, error, icmp: decisive, by }
    }

    /// Whether the path ends here: any answer but "time exceeded", or an error of this machine.
    pub fn ends(&self) -> bool {
        match &self.icmp {
            Some(icmp) => icmp.verdict() != icmp::Verdict::TtlExceeded,
            None => !matches!(self.outcome, Outcome::TimedOut | Outcome::Unconfirmed),
        }
    }
}

/// The hops at which one that answers from this address is met, each time after another one.
pub fn visits(hops: &[Hop], address: IpAddr) -> impl Iterator<Item = u8> {
    let met = move |index: usize| hops[index].address == Some(address);
    (0..hops.len()).filter(move |&index| met(index) && (index == 0 || !met(index - 1))).map(|index| hops[index].ttl)
}
