//! Names to addresses, in the resolver's order, without ever holding up the loop.
//!
//! getaddrinfo() blocks and cannot be cancelled, so it runs in a thread, which goes on after the limit; a literal, a
//! pinned name and a zone never start one.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::sync::Arc;
use std::time::Instant;

use crate::classify::{codes, verdict};
use crate::model::{self, By, Cause, Code, Family, Protocol, Reason, Route};
use crate::net::pool::{Ended as Called, Pool};
use crate::net::sys::{self, RouteQuestion, Waiter};
use crate::schedule::{LookupFailure, LookupId, Name, Resolved};

/// What the resolver said: addresses, and the name that they belong to where it is not the one that was asked for.
type Answer = Result<(Vec<Resolved>, Option<Arc<str>>), Code>;

/// When a lookup ended, and what became of it, unless it was abandoned.
type Ended = (Instant, Option<Answered>);

/// What a lookup came to.
pub struct Answered {
    /// Which one.
    pub id: LookupId,
    /// The name that answered, where it is not the one that was asked for.
    pub canonical: Option<Arc<str>>,
    /// Addresses, or why there are none.
    pub result: Result<Vec<Resolved>, LookupFailure>,
}

/// What every lookup of a run shares.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Only that family.
    pub family: Option<Family>,
    /// A family without a route is tried all the same.
    pub strict: bool,
}

/// Lookups under way.
pub struct Resolver {
    options: Options,
    pool: Option<Pool<Answer>>,
    /// Lookups by ticket; one that was abandoned is no longer here, and its answer is dropped.
    pending: Vec<(u64, LookupId)>,
    tickets: u64,
}

impl Resolver {
    /// A resolver with nothing under way; starts no thread.
    pub fn new(options: Options) -> Self {
        Resolver { options, pool: None, pending: Vec::new(), tickets: 0 }
    }

    /// Starts a lookup; the answer is here at once when no resolver is needed, or when no thread can be had for it.
    pub fn start(&mut self, waiter: &mut Waiter, id: LookupId, name: &Name, protocol: Protocol) -> Option<Answered> {
        let known = |result| Some(Answered { id, canonical: None, result });
        match name {
            Name::Pinned(addresses) => known(self.literals(addresses.iter().copied())),
            Name::Scoped(ip, zone) => known(scoped(*ip, zone).and_then(|address| self.literals([address].into_iter()))),
            Name::Host(name) => match self.ask(waiter, id, name, protocol) {
                Ok(()) => None,
                // A limit cannot end a lookup in this thread, but a program without threads has the answer, too.
                Err(_) => Some(self.of_host(id, lookup(self.options, id.family, name, protocol))),
            },
        }
    }

    /// Forgets a lookup.
    pub fn abandon(&mut self, id: LookupId) {
        self.pending.retain(|&(_, pending)| pending != id);
    }

    /// The lookups that have ended, those that were abandoned included.
    pub fn answers(&mut self) -> Vec<Ended> {
        let answers = self.pool.as_mut().map(Pool::ended).unwrap_or_default();
        answers.into_iter().map(|answer| self.ended(answer)).collect()
    }

    fn ended(&mut self, Called { ticket, at, result }: Called<Answer>) -> Ended {
        let place = self.pending.iter().position(|&(pending, _)| pending == ticket);
        let id = place.map(|place| self.pending.swap_remove(place).1);
        (at, id.map(|id| self.of_host(id, result)))
    }

    fn of_host(&self, id: LookupId, answer: Answer) -> Answered {
        match answer {
            Ok((addresses, canonical)) => Answered { id, canonical, result: Ok(addresses) },
            Err(code) => {
                let failure = LookupFailure { family: self.options.family, ..failure(code) };
                Answered { id, canonical: None, result: Err(failure) }
            }
        }
    }

    /// # Errors
    /// Why there is no thread to ask.
    fn ask(&mut self, waiter: &mut Waiter, id: LookupId, name: &str, protocol: Protocol) -> io::Result<()> {
        let pool = match self.pool.take() {
            Some(pool) => pool,
            None => Pool::new(waiter.waker()?),
        };
        let (options, name, ticket) = (self.options, name.to_owned(), self.tickets);
        self.pool.insert(pool).call(ticket, move || lookup(options, id.family, &name, protocol))?;
        self.pending.push((ticket, id));
        self.tickets += 1;
        Ok(())
    }

    fn literals(&self, addresses: impl Iterator<Item = SocketAddr>) -> Result<Vec<Resolved>, LookupFailure> {
        let family = self.options.family;
        let wanted = |address: &SocketAddr| family.is_none_or(|family| family == Family::of(address.ip()));
        let found: Vec<SocketAddr> = addresses.filter(wanted).collect();
        if found.is_empty() { Err(wrong_family()) } else { Ok(mark(found, self.options.strict)) }
    }
}

/// `half`: the family that is asked for, where the other one is asked for apart.
fn lookup(options: Options, half: Option<Family>, name: &str, protocol: Protocol) -> Answer {
    let (found, canonical) = sys::lookup(name, half.or(options.family), protocol)?;
    let addresses = match half {
        Some(_) => survey(&found, options.strict, protocol),
        None => mark(found, options.strict),
    };
    Ok((addresses, canonical.and_then(|canonical| another(&canonical, name))))
}

/// The name that answered, if it is not the one that was asked for: case and the final dot make no other name (RFC 4343
/// section 2, RFC 1034 section 3.1). It may come from a stranger, and no control character of it reaches a terminal.
fn another(canonical: &str, asked: &str) -> Option<Arc<str>> {
    let canonical = canonical.strip_suffix('.').unwrap_or(canonical);
    let same = canonical.eq_ignore_ascii_case(asked.strip_suffix('.').unwrap_or(asked));
    (!same && !canonical.is_empty()).then(|| canonical.replace(char::is_control, "\u{fffd}").into())
}

/// The failure of a literal of the other family; getaddrinfo's word for it is EAI_ADDRFAMILY where it exists.
fn wrong_family() -> LookupFailure {
    named(model::Name::EAI_ADDRFAMILY, Cause::WrongFamily)
}

fn named(name: model::Name, cause: Cause) -> LookupFailure {
    let error = codes::code(name).or_else(|| codes::code(model::Name::EAI_NONAME));
    LookupFailure { error, by: By::System, cause: Some(cause), family: None, cut_short: false }
}

/// A zone is an interface's name or index, and only this machine knows which (RFC 4007 section 11).
fn scoped(ip: IpAddr, zone: &str) -> Result<SocketAddr, LookupFailure> {
    let IpAddr::V6(ip) = ip else { return Ok(SocketAddr::new(ip, 0)) };
    match sys::interface_index(zone) {
        Some(index) => Ok(with_scope(ip, index)),
        None => Err(named(model::Name::EAI_NONAME, Cause::NoInterface)),
    }
}

fn with_scope(ip: Ipv6Addr, index: u32) -> SocketAddr {
    SocketAddrV6::new(ip, 0, 0, index).into()
}

/// "a family that this machine has no route for is `skipped`": only where the name has another family that it has a
/// route for, so that a lone unreachable address shows its code. The attempt has the last word.
fn mark(addresses: Vec<SocketAddr>, strict: bool) -> Vec<Resolved> {
    let both = addresses.iter().any(SocketAddr::is_ipv4) && addresses.iter().any(SocketAddr::is_ipv6);
    let of = |family, address: &SocketAddr| Family::of(address.ip()) == family;
    let routed = |family| addresses.iter().any(|address| of(family, address) && sys::has_route(with_port(*address)));
    let (v4, v6) = if both && !strict { (routed(Family::V4), routed(Family::V6)) } else { (true, true) };
    let skip = |address: &SocketAddr| {
        let (own, other) = if address.is_ipv6() { (v6, v4) } else { (v4, v6) };
        (!own && other).then_some(Reason::NoRoute)
    };
    addresses.iter().map(|&address| Resolved { address, skip: skip(&address), source: None }).collect()
}

/// What RFC 6724 asks of each address of one family, where the other one is asked for apart: is there a route, and which
/// source address would it have? Whether an address without a route is skipped depends on the other family.
fn survey(addresses: &[SocketAddr], strict: bool, protocol: Protocol) -> Vec<Resolved> {
    let question = |&address| RouteQuestion { destination: with_port(address), protocol, socket: None };
    let routes = sys::routes(&addresses.iter().map(question).collect::<Vec<_>>());
    let found = |(&address, route): (&SocketAddr, Option<Route>)| {
        let routed = strict || sys::has_route(with_port(address));
        let source = route.and_then(|route| route.source);
        Resolved { address, skip: (!routed).then_some(Reason::NoRoute), source }
    };
    addresses.iter().zip(routes).map(found).collect()
}

/// Some systems refuse port 0 before they look for a route; discard (RFC 863) is as good as any, nothing is sent.
fn with_port(mut address: SocketAddr) -> SocketAddr {
    address.set_port(9);
    address
}

fn failure(code: Code) -> LookupFailure {
    use model::Name::*;
    let name = codes::name(code);
    let (by, cause) = match (name.and_then(verdict::local_shortage), name) {
        (Some(shortage), _) => (By::Local, shortage),
        (None, Some(EAGAIN)) => (By::Local, Cause::Buffers),
        (None, Some(EAI_NONAME)) => (By::System, Cause::NoSuchName),
        (None, Some(EAI_NODATA)) => (By::System, Cause::NoData),
        (None, Some(EAI_ADDRFAMILY)) => (By::System, Cause::WrongFamily),
        (None, Some(EAI_AGAIN)) => (By::System, Cause::ResolverAgain),
        _ => (By::System, Cause::ResolverFailed),
    };
    LookupFailure { error: Some(code), by, cause: Some(cause), family: None, cut_short: false }
}

#[cfg(test)]
mod tests {
    use super::another;

    #[test]
    fn another_name_is_more_than_another_case_or_a_final_dot() {
        for (canonical, asked, told) in [
            ("db.example", "db.example", None),
            ("DB.example.", "db.Example", None),
            ("db.example", "db.example.", None),
            ("", "db.example", None),
            ("db.example.lan", "db.example", Some("db.example.lan")),
            ("db.example.lan.", "db.example.", Some("db.example.lan")),
            ("a\u{1b}[31m.lan", "a", Some("a\u{fffd}[31m.lan")),
        ] {
            assert_eq!(another(canonical, asked).as_deref(), told, "{canonical} {asked}");
        }
    }
}
