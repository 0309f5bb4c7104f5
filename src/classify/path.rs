//! Hops of a traced path, from the attempts that showed them.

use std::net::{IpAddr, SocketAddr};

use crate::classify::icmp;
use crate::model::{Attempt, By, Hop, Outcome, Path, PathEnd};

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

impl Path {
    /// The same path for another port, whose answer was not looked at.
    pub fn towards(self, address: SocketAddr) -> Path {
        match address.port() == self.traced_port {
            true => Path { address, ..self },
            false => Path { address, answer_ttl: None, answered_hop: None, ..self },
        }
    }
}

/// The hops at which one that answers from this address is met, each time after another one.
pub fn visits(hops: &[Hop], address: IpAddr) -> impl Iterator<Item = u8> {
    let met = move |index: usize| hops[index].address == Some(address);
    (0..hops.len()).filter(move |&index| met(index) && (index == 0 || !met(index - 1))).map(|index| hops[index].ttl)
}

/// The path that these hops show, by their time to live from 1 on; `None` where nothing has answered. `unresolved`: the
/// next hop had no link address, so that nothing of what was sent has left.
pub fn path(address: SocketAddr, hops: Vec<Option<Hop>>, unresolved: bool, answer_ttl: Option<u8>) -> Path {
    let most = hops.len();
    let end = hops.iter().flatten().find(|hop| hop.ends()).cloned();
    let last = hops.iter().flatten().filter(|hop| hop.address.is_some()).map(|hop| hop.ttl).max();
    let shown = usize::from(end.as_ref().map_or(last.unwrap_or(0), |hop| hop.ttl));
    let hops: Vec<Hop> = hops.into_iter().take(shown).flatten().collect();
    let end = match end {
        Some(hop) if hop.outcome == Outcome::Connected => PathEnd::Connected,
        Some(hop) if matches!(hop.by, Some(By::Local | By::Neighbour)) || hop.address.is_none() => PathEnd::Local,
        Some(hop) if hop.address == Some(address.ip().to_canonical()) => PathEnd::Answered,
        Some(_) => PathEnd::Rejected,
        None if unresolved && shown == 0 => PathEnd::Local,
        None if goes_in_circles(&hops) => PathEnd::Loop,
        None if shown == most => PathEnd::TooFar,
        None => PathEnd::Silence,
    };
    Path { address, traced_port: address.port(), hops, end, answer_ttl, answered_hop: answer_ttl.map(hop_back) }
}

/// Whether TCP of the destination, or of one in its name, ends the path: it accepts or resets.
pub fn is_answered(end: &Hop) -> bool {
    end.icmp.is_none() && end.address.is_some()
}

/// The hop from which a packet comes that arrives with this time to live. Systems begin with 64, 128 or 255, and each
/// router on the way takes one.
pub fn hop_back(ttl: u8) -> u8 {
    let begin = [64, 128, u8::MAX].into_iter().find(|&begin| begin >= ttl).unwrap_or(u8::MAX);
    (begin - ttl).saturating_add(1)
}

/// Who answers at a hop.
pub fn at(path: &Path, ttl: u8) -> Option<IpAddr> {
    path.hops.iter().find(|hop| hop.ttl == ttl)?.address
}

/// The hop before the end of the path from which the answer of the destination came, if it did.
pub fn answered_before_the_end(path: &Path) -> Option<u8> {
    path.answered_hop.filter(|&hop| path.hops.last().is_some_and(|last| hop < last.ttl))
}

/// One router may answer for several hops in a row, and where packets take paths of different length it may be met at
/// two hops apart. A router that is met again and again, behind others, is a loop.
fn goes_in_circles(hops: &[Hop]) -> bool {
    let Some(last) = hops.last().and_then(|hop| hop.address) else { return false };
    visits(hops, last).count() > 2
}
