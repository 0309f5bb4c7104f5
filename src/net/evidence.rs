//! Asks the system what the verdict on an attempt still needs to know.

use std::time::Instant;

use socket2::Socket;

use crate::classify::silence::Silent;
use crate::classify::verdict::{self, Question};
use crate::model::{DropPoint, End, Evidence, Family, LocalDrop, Phase};
use crate::net::sys;
use crate::net::watch::Watch;

/// Completes the evidence of an attempt that has ended. `watch` has seen the counters since the instant at which connect()
/// was called. `route`: the routing table is asked even where its answer explains nothing.
pub fn complete(socket: &Socket, mut evidence: Evidence, watch: (&Watch, Instant), route: bool) -> Evidence {
    for question in Question::ALL {
        if verdict::asks(&evidence, question) || (route && question == Question::Route) {
            answer(socket, &mut evidence, watch, question);
        }
    }
    evidence
}

fn answer(socket: &Socket, evidence: &mut Evidence, (watch, called): (&Watch, Instant), question: Question) {
    let (address, protocol) = (evidence.address, evidence.protocol);
    match question {
        Question::Route => evidence.route = sys::route(Some(socket), address, protocol),
        Question::Unbound => evidence.unbound = sys::route(None, address, protocol),
        Question::Drops => {
            let family = Family::of(address.ip().to_canonical());
            let resent = evidence.tcp.syns.map_or(0, |syns| u64::from(syns.saturating_sub(1)));
            evidence.local_drop = refused(socket).or_else(|| watch.explain(Silent { family, called, resent }));
        }
        Question::Neighbour => {
            evidence.neighbour = evidence.route.as_ref().and_then(|route| sys::neighbour(route, address));
        }
    }
}

/// Packets that the socket itself did not take.
fn refused(socket: &Socket) -> Option<LocalDrop> {
    let count = sys::discarded(socket).filter(|&count| count > 0)?;
    Some(LocalDrop { point: DropPoint::Socket, count: count.into(), certain: true })
}

/// What the socket itself tells: its own address, and whether connect() was answered in the place of TCP. Its local
/// address is unspecified until connect() has chosen one.
pub fn of_socket(socket: &Socket, evidence: Evidence) -> Evidence {
    let local = socket.local_addr().ok().and_then(|local| local.as_socket());
    let local = local.filter(|local| !local.ip().is_unspecified());
    let intercepted =
        evidence.phase == Phase::Connect && matches!(evidence.end, End::Error(_)) && sys::is_filtered(socket);
    Evidence { local, intercepted, ..evidence }
}
