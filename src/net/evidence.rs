//! Asks the system what the verdicts on attempts still need to know: one question after the other, each about all attempts
//! that are asked about together.

use std::time::Instant;

use socket2::Socket;

use crate::classify::silence::Silent;
use crate::classify::verdict::{self, Question};
use crate::model::{DropPoint, End, Evidence, Family, LocalDrop, Phase, Route};
use crate::net::sys::{self, RouteQuestion};
use crate::net::watch::Watch;

/// What is known of an attempt that has ended, and its socket, which tells more.
#[derive(Debug)]
pub struct Known {
    /// As connect() left it.
    pub socket: Socket,
    /// Complete when the system has been asked.
    pub evidence: Evidence,
    /// When connect() was called.
    pub called: Instant,
    /// The routing table is asked even where its answer explains nothing.
    pub verbose: bool,
}

/// Completes the evidence of attempts. `watch` has seen the counters since they began.
pub fn complete(attempts: &mut [&mut Known], watch: &Watch) {
    for question in Question::ALL {
        let asking = attempts.iter_mut().map(|known| &mut **known).filter(|known| known.asks(question));
        let mut asking: Vec<&mut Known> = asking.collect();
        if !asking.is_empty() {
            answer(&mut asking, watch, question);
        }
    }
}

fn answer(attempts: &mut [&mut Known], watch: &Watch, question: Question) {
    match question {
        Question::Route => {
            let routes = routes(attempts, |known| Some((&known.socket, known.evidence.local)));
            attempts.iter_mut().zip(routes).for_each(|(known, route)| known.evidence.route = route);
        }
        Question::Unbound => {
            let routes = routes(attempts, |_| None);
            attempts.iter_mut().zip(routes).for_each(|(known, route)| known.evidence.unbound = route);
        }
        Question::Neighbour => {
            let routed = attempts.iter_mut().filter(|known| known.evidence.route.is_some());
            let mut routed: Vec<&mut Evidence> = routed.map(|known| &mut known.evidence).collect();
            let questions: Vec<_> =
                routed.iter().filter_map(|evidence| Some((evidence.route.as_ref()?, evidence.address))).collect();
            let neighbours = sys::neighbours(&questions);
            routed.iter_mut().zip(neighbours).for_each(|(evidence, neighbour)| evidence.neighbour = neighbour);
        }
        Question::Drops => attempts.iter_mut().for_each(|known| known.evidence.local_drop = known.dropped(watch)),
    }
}

/// The routes of their packets; `socket` tells whose source and interface the packets have.
fn routes<'a>(
    attempts: &'a [&mut Known],
    socket: impl Fn(&'a Known) -> Option<(&'a Socket, Option<std::net::SocketAddr>)>,
) -> Vec<Option<Route>> {
    let question = |known: &'a &mut Known| RouteQuestion {
        destination: known.evidence.address,
        protocol: known.evidence.protocol,
        socket: socket(known),
    };
    sys::routes(&attempts.iter().map(question).collect::<Vec<_>>())
}

impl Known {
    fn asks(&self, question: Question) -> bool {
        verdict::asks(&self.evidence, question) || (self.verbose && question == Question::Route)
    }

    fn dropped(&self, watch: &Watch) -> Option<LocalDrop> {
        let Known { evidence, called, .. } = self;
        let family = Family::of(evidence.address.ip().to_canonical());
        let resent = evidence.tcp.syns.map_or(0, |syns| u64::from(syns.saturating_sub(1)));
        refused(&self.socket).or_else(|| watch.explain(Silent { family, called: *called, resent }))
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
