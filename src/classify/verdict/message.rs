//! What an ICMP message says of an attempt, and who sent it.

use std::net::IpAddr;
use std::time::Duration;

use super::Judged;
use super::number::by_table;
use crate::classify::icmp;
use crate::model::{By, Cause, Code, End, Evidence, Icmp, Neighbour, Outcome, Phase};

/// A rule of this machine answers the first SYN in less time. The questions for a next hop take longer.
const AT_ONCE: Duration = Duration::from_millis(100);

/// The message that ended the attempt: the last one of which the kernel made the code that it returned.
pub fn decisive(evidence: &Evidence) -> Option<&Icmp> {
    let End::Error(Code::Os(returned)) = evidence.end else { return None };
    if evidence.phase == Phase::Hold {
        return None;
    }
    let made = |entry: &&(Icmp, i32)| entry.1 == returned;
    evidence.icmp.iter().rev().find(made).map(|(icmp, _)| icmp)
}

/// Messages of the same kind from the same sender count as one that came several times.
pub fn collapse(evidence: &Evidence, icmp: &Icmp) -> Icmp {
    let same = |other: &&(Icmp, i32)| (other.0.from, other.0.kind, other.0.code) == (icmp.from, icmp.kind, icmp.code);
    let first = evidence.icmp.iter().find(same).map_or(icmp, |(first, _)| first);
    Icmp { count: evidence.icmp.iter().filter(same).count() as u32, ..first.clone() }
}

pub fn by_message(evidence: &Evidence, icmp: &Icmp, code: Code) -> Judged {
    let sender = sender(evidence, icmp);
    let (outcome, cause) = match icmp.verdict() {
        icmp::Verdict::PortUnreachable => (Outcome::Refused, Cause::PortUnreachable),
        icmp::Verdict::ProtocolUnreachable => (Outcome::Refused, Cause::ProtocolUnreachable),
        icmp::Verdict::Prohibited => (Outcome::Denied, Cause::Prohibited),
        icmp::Verdict::TtlExceeded => (Outcome::Unreachable, Cause::TtlExceeded),
        icmp::Verdict::ParameterProblem => (Outcome::Unreachable, Cause::ParameterProblem),
        icmp::Verdict::Unreachable if sender == By::Neighbour => (Outcome::Unreachable, Cause::NeighbourSilent),
        // A route of ours speaks through connect() itself; by a message only a rule of our firewall does.
        icmp::Verdict::Unreachable if sender == By::Local => (Outcome::Unreachable, Cause::LocalPolicy),
        icmp::Verdict::Unreachable => (Outcome::Unreachable, Cause::RouterUnreachable),
        icmp::Verdict::Other => return (by_table(evidence, code).0, Some(sender), None),
    };
    (outcome, Some(sender), Some(cause))
}

/// Who sent the message. Our own address sends "host unreachable" when the next hop does not answer address
/// resolution: once, and that is the end. A rule of our own firewall answers from our own address, too, but the kernel
/// goes on after the first answer and ends with the second.
fn sender(evidence: &Evidence, icmp: &Icmp) -> By {
    let own = own_address(evidence) == Some(icmp.from.to_canonical());
    let to = evidence.address.ip().to_canonical();
    if icmp.from.to_canonical() == to || (to.is_unspecified() && (own || icmp.from.is_loopback())) {
        By::Peer
    } else if own && icmp.is_host_unreachable() && asked_in_vain(evidence, icmp) {
        By::Neighbour
    } else if own || icmp.from.is_loopback() {
        By::Local
    } else {
        By::Router
    }
}

fn asked_in_vain(evidence: &Evidence, icmp: &Icmp) -> bool {
    let kernel_gave_up = evidence.kernel_ended && matches!(evidence.end, End::Error(_));
    let first = collapse(evidence, icmp);
    // The kernel may have forgotten the next hop since.
    let took_time = first.at.is_some_and(|at| at >= AT_ONCE);
    match evidence.neighbour {
        Some(Neighbour::Unresolved) => true,
        None if took_time => true,
        _ => kernel_gave_up && first.count == 1,
    }
}

/// A blocking connect() that failed has forgotten its address; the routing table knows which it was.
fn own_address(evidence: &Evidence) -> Option<IpAddr> {
    let routed = evidence.route.as_ref().and_then(|route| route.source);
    evidence.local.map(|local| local.ip()).or(routed).map(|ip| ip.to_canonical())
}
