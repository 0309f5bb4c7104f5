//! From evidence to verdict: what must still be asked, what an attempt came to, who decided it, and the finest cause that
//! the evidence allows. Pure.
//!
//! One number has several causes (EACCES alone has six), so the number never decides by itself: the step that returned
//! it, the ICMP message behind it, the kernel's count of segments and the routing table do.

use std::net::SocketAddr;
use std::time::Duration;

use crate::classify::codes;
use crate::model::{
    Attempt, By, Cause, Code, DropPoint, End, Ended, Event, Evidence, Handshake, Icmp, Name, Neighbour, Outcome, Phase,
    Protocol, Reason, Route, RouteKind,
};

use message::{by_message, collapse, decisive};
use number::by_code;
pub use number::local_shortage;

mod message;
mod number;

/// What the system can be asked of an attempt that has ended, in this order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Question {
    /// The route of the socket's packets.
    Route,
    /// The route without the socket's source and interface.
    Unbound,
    /// The next hop's link address.
    Neighbour,
    /// What this machine dropped meanwhile.
    Drops,
}

impl Question {
    /// All of them, in the order in which they are asked.
    pub const ALL: [Question; 4] = [Question::Route, Question::Unbound, Question::Neighbour, Question::Drops];
}

/// Whether the verdict can depend on the answer. The answers to the questions before it are in the evidence.
pub fn asks(evidence: &Evidence, question: Question) -> bool {
    match question {
        Question::Route => is_nameless(evidence) || is_silent(evidence) || is_unexplained(evidence),
        Question::Unbound => {
            let failed = evidence.route.as_ref().is_some_and(|route| route.error.is_some());
            evidence.source_given && (failed || is_silent(evidence))
        }
        Question::Neighbour => is_silent(evidence) && evidence.route.is_some(),
        Question::Drops => judge(evidence).cause == Some(Cause::Silence),
    }
}

/// A blocking connect() that failed has forgotten its own address, which tells our own messages from a router's.
fn is_nameless(evidence: &Evidence) -> bool {
    evidence.local.is_none() && !evidence.icmp.is_empty()
}

/// Our limit ended it and nobody spoke; "host unreachable" may be this machine's own word for a next hop that is silent.
fn is_silent(evidence: &Evidence) -> bool {
    let nothing = evidence.icmp.is_empty();
    let connecting = evidence.phase != Phase::Hold;
    let perhaps_own = evidence.icmp.iter().any(|(icmp, _)| icmp.is_host_unreachable());
    evidence.end == End::Limit && connecting && (nothing || perhaps_own)
}

/// The routing table can explain what the call itself decided, and a route that disappeared during the handshake.
fn is_unexplained(evidence: &Evidence) -> bool {
    use Name::*;
    const LOCAL: [Name; 6] = [ENETUNREACH, EHOSTUNREACH, EACCES, EPERM, EINVAL, EADDRNOTAVAIL];
    if !evidence.icmp.is_empty() {
        return false;
    }
    let names = match evidence.phase {
        Phase::Connect => &LOCAL[..],
        Phase::Completion => &LOCAL[..2],
        _ => &[],
    };
    let explains = |code| name(evidence, code).is_some_and(|name| names.contains(&name));
    evidence.soft.is_some() || matches!(evidence.end, End::Error(code) if explains(code))
}

/// How long Linux asks for a next hop before it gives up: three times, a second apart (mcast_solicit and retrans_time_ms in
/// arp(7)). It tells the socket by an ICMP message to itself. Where many next hops are silent, its limit for all ICMP
/// messages (icmp_msgs_per_sec) holds most of them back. Silence for so long is the same fact without the message.
const NEIGHBOUR_ASKED: Duration = Duration::from_secs(3);

/// What the evidence comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verdict {
    /// The cause in one word.
    pub outcome: Outcome,
    /// Who decided it.
    pub by: Option<By>,
    /// The finest cause.
    pub cause: Option<Cause>,
    /// The message that decided it, else the first that came.
    pub icmp: Option<Icmp>,
}

/// The attempt that the evidence shows. The schedule knows its limits, and sets `started` and `cut_short`.
pub fn attempt(evidence: Evidence, number: u32, events: Vec<Event>) -> Attempt {
    let verdict = judge(&evidence);
    let connected = verdict.outcome == Outcome::Connected || evidence.hold.is_some();
    let (ended, error) = match evidence.end {
        End::Success | End::Closed => (Ended::System, None),
        End::Error(code) => (Ended::System, Some(code)),
        End::Limit => (Ended::Limit, None),
        End::Interrupted => (Ended::Signal, None),
        End::Overtaken => (Ended::Race, None),
    };
    Attempt {
        address: evidence.address,
        number,
        started: Duration::ZERO,
        elapsed: evidence.elapsed,
        outcome: verdict.outcome,
        by: verdict.by,
        cause: verdict.cause,
        phase: Some(evidence.phase),
        ended: Some(ended),
        cut_short: false,
        error,
        local: evidence.local,
        reply_from: evidence.reply_from,
        syns: evidence.tcp.syns.filter(|_| left(&verdict)),
        icmp: verdict.icmp,
        rtt: evidence.tcp.rtt,
        handshake: Some(evidence.tcp.terms).filter(|terms| connected && *terms != Handshake::default()),
        hold: evidence.hold,
        route: evidence.route.filter(|route| *route != Route::default()),
        local_drop: evidence.local_drop,
        reason: (evidence.end == End::Overtaken).then_some(Reason::Overtaken),
        events,
    }
}

/// Whether a SYN left this machine. TCP counts what it handed on: without a route, or without the next hop's address,
/// that came to nothing. A rule that answers with a message has seen it.
fn left(verdict: &Verdict) -> bool {
    let stopped_here = verdict.by == Some(By::Local) && verdict.icmp.is_none();
    !stopped_here && !matches!(verdict.cause, Some(Cause::NeighbourSilent | Cause::Intercepted | Cause::OutputDrop))
}

/// Whether another try can help: the documents call the code retryable, or nobody answered until our own limit, which
/// they call WSAETIMEDOUT, or nobody served the connection. A policy is not gone in a second, whatever the code that stands for it, and a destination that
/// is no host's address never answers.
pub fn retryable(attempt: &Attempt) -> bool {
    if attempt.outcome == Outcome::Denied || attempt.cause == Some(Cause::NotUnicast) {
        return false;
    }
    match attempt.error {
        // A next hop that does not answer is silence, whoever gave up on it.
        _ if attempt.cause == Some(Cause::NeighbourSilent) => true,
        Some(code) => codes::describe(code).retryable,
        None => matches!(
            attempt.outcome,
            Outcome::TimedOut | Outcome::Unconfirmed | Outcome::ClosedByPeer | Outcome::Unserved
        ),
    }
}

/// Whether this machine itself had no way to the address, for want of a route, of a source address or of the family, so
/// that nothing was sent.
pub fn finds_no_route(attempt: &Attempt) -> bool {
    let no_family = attempt.phase == Some(Phase::Socket) && attempt.outcome == Outcome::Unsupported;
    let no_way = matches!(attempt.cause, Some(Cause::NoRoute | Cause::UnreachableRoute) | None);
    let unreachable = attempt.phase == Some(Phase::Connect) && attempt.outcome == Outcome::Unreachable && no_way;
    let no_source = attempt.cause == Some(Cause::NoSourceAddress);
    attempt.by == Some(By::Local) && (no_family || unreachable || no_source)
}

/// Judges one attempt.
pub fn judge(evidence: &Evidence) -> Verdict {
    let decisive = decisive(evidence);
    let icmp = decisive.map(|icmp| Icmp { decisive: true, ..collapse(evidence, icmp) });
    let (outcome, by, cause) = match evidence.end {
        _ if evidence.hold.is_some() => held(evidence),
        End::Success | End::Closed => success(evidence),
        End::Limit => limit(evidence),
        End::Interrupted => (Outcome::Interrupted, None, None),
        End::Overtaken => (Outcome::Cancelled, None, None),
        End::Error(code) => match decisive {
            Some(icmp) => by_message(evidence, icmp, code),
            None => by_code(evidence, code),
        },
    };
    let last = if evidence.end == End::Limit { evidence.icmp.last() } else { evidence.icmp.first() };
    let icmp = icmp.or_else(|| last.map(|(icmp, _)| collapse(evidence, icmp)));
    Verdict { outcome, by, cause, icmp }
}

/// Outcome, who decided it, cause.
type Judged = (Outcome, Option<By>, Option<Cause>);

const fn local(outcome: Outcome, cause: Cause) -> Judged {
    (outcome, Some(By::Local), Some(cause))
}

/// A code by its documented name.
fn name(evidence: &Evidence, code: Code) -> Option<Name> {
    codes::row_on(evidence.platform, code).map(|row| row.name)
}

fn success(evidence: &Evidence) -> Judged {
    let itself = evidence.local.is_some_and(|local| local == evidence.address || stands_for(evidence.address, local));
    if itself {
        return local(Outcome::SelfConnected, Cause::SelfConnect);
    }
    // A SYN proxy answers with a closed window, and opens it when the server has answered.
    (Outcome::Connected, None, is_shut(evidence).then_some(Cause::ZeroWindow))
}

/// What became of a connection that was held. One that sends is served, however it is closed later. A hold that was cut
/// short proves nothing of a window that is closed.
fn held(evidence: &Evidence) -> Judged {
    let silent = evidence.hold.as_ref().is_some_and(|hold| hold.received.is_empty());
    let full = evidence.hold.as_ref().is_some_and(|hold| hold.full);
    match evidence.end {
        End::Error(code) => by_code(evidence, code),
        End::Closed if silent => (Outcome::ClosedByPeer, Some(By::Peer), Some(Cause::Fin)),
        End::Limit if full && is_shut(evidence) => (Outcome::Unserved, Some(By::Limit), Some(Cause::ZeroWindow)),
        _ => success(evidence),
    }
}

/// Whether the other end has never taken a byte, and never sent one.
fn is_shut(evidence: &Evidence) -> bool {
    let hold = evidence.hold.as_ref();
    let still = hold.is_none_or(|hold| hold.received.is_empty() && hold.window == Some(0));
    still && evidence.tcp.terms.window == Some(0)
}

/// Whether an unspecified destination means this very end: connect() takes 0.0.0.0 for the socket's own address, and ::
/// for the loopback address (ip_route_output_key_hash_rcu() in net/ipv4/route.c, tcp_v6_connect() in net/ipv6/tcp_ipv6.c).
fn stands_for(destination: SocketAddr, local: SocketAddr) -> bool {
    let own = local.ip().to_canonical();
    destination.ip().to_canonical().is_unspecified()
        && destination.port() == local.port()
        && (own.is_ipv4() || own.is_loopback())
}

/// Our limit ended it. The last message that came says what the answer is; without one, the outcome is silence, and what
/// else is known tells why.
fn limit(evidence: &Evidence) -> Judged {
    if let Some((icmp, errno)) = evidence.icmp.last() {
        return by_message(evidence, icmp, Code::Os(*errno));
    }
    if evidence.neighbour == Some(Neighbour::Missing) {
        return local(Outcome::Unavailable, Cause::NeighbourTable);
    }
    let (outcome, nothing) = match evidence.protocol {
        Protocol::Tcp => (Outcome::TimedOut, Cause::Silence),
        Protocol::Udp => (Outcome::Unconfirmed, Cause::NoReply),
    };
    let remembered = || by_code(evidence, evidence.soft?).2;
    let unresolved = || (evidence.neighbour == Some(Neighbour::Unresolved)).then_some(Cause::NeighbourSilent);
    let mismatch = || is_mismatch(evidence).then_some(Cause::SourceMismatch);
    let cause = remembered().or_else(mismatch).or_else(unresolved).or_else(|| dropped(evidence)).unwrap_or(nothing);
    match cause {
        Cause::NeighbourSilent if evidence.elapsed >= NEIGHBOUR_ASKED => {
            (Outcome::Unreachable, Some(By::Neighbour), Some(cause))
        }
        _ => (outcome, Some(By::Limit), Some(cause)),
    }
}

/// What this machine itself drops, where that is certain.
fn dropped(evidence: &Evidence) -> Option<Cause> {
    let drop = evidence.local_drop.filter(|drop| drop.certain)?;
    Some(match drop.point {
        DropPoint::Output => Cause::OutputDrop,
        DropPoint::Input => Cause::InputDrop,
        DropPoint::ReversePath => Cause::ReversePath,
        // Whatever it was, no answer was valid.
        DropPoint::Socket => return None,
    })
}

/// Whether the source address or the interface that was asked for lets nothing reach the destination, or nothing come
/// back, without an error: packets of the loopback interface or address do not leave the machine, and those to the
/// machine itself are not found behind another interface.
fn is_mismatch(evidence: &Evidence) -> bool {
    let (Some(route), Some(unbound)) = (&evidence.route, &evidence.unbound) else { return false };
    let own = unbound.kind == Some(RouteKind::Local);
    let loopback_source = evidence.local.is_some_and(|local| local.ip().to_canonical().is_loopback());
    match own {
        true => route.kind != Some(RouteKind::Local),
        false => loopback_source || route.loopback,
    }
}

#[cfg(test)]
mod tests;
