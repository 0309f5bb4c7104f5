//! What a run is to do, and what the engine asks of the driver: plain values.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::classify::requirement::Require;
use crate::model::{By, Cause, Code, Family, Lookup, Mode, Protocol, Reason, Report, Strategy};

/// The rules of a run, settled before it starts.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Which addresses of a target are tried.
    pub strategy: Strategy,
    /// What makes a target good.
    pub require: Require,
    /// How connect() is called; reported, and blocking implies one attempt at a time.
    pub mode: Mode,
    /// Attempts in flight.
    pub concurrency: usize,
    /// Lookups under way at the same time; each is a thread that sleeps in the resolver.
    pub lookups: usize,
    /// Decide one target before the next is drawn, so that what is done with its report disturbs no other.
    pub one_by_one: bool,
    /// Least time between two starts.
    pub spacing: Duration,
    /// Limit of one attempt.
    pub timeout: Option<Duration>,
    /// Limit of one lookup.
    pub lookup_timeout: Option<Duration>,
    /// End of the whole run.
    pub deadline: Option<Instant>,
    /// Further tries of an attempt or lookup whose code the documents call retryable.
    pub retries: u32,
    /// Pause before such a try.
    pub retry_delay: Duration,
    /// The source port is fixed, so that a self-connect cannot be tried from another.
    pub fixed_port: bool,
    /// A monotonic instant and the wall clock at that instant.
    pub epoch: (Instant, SystemTime),
}

/// One host and one port to probe.
#[derive(Debug, Clone)]
pub struct Goal {
    /// The host as written.
    pub host: Arc<str>,
    /// As a user would write it, with the port.
    pub text: String,
    /// The port.
    pub port: u16,
    /// Addresses of this goal alone; `None` when the group's lookup gives them.
    pub address: Option<SocketAddr>,
}

/// Goals that share one lookup; the goals are drawn one by one.
pub struct Group {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// What the driver must look up first; `None` when each goal brings its address.
    pub name: Option<Name>,
    /// The goals, drawn lazily.
    pub goals: Box<dyn Iterator<Item = Goal>>,
}

/// What a lookup needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Name {
    /// A host name in A-label form, for the system's resolver.
    Host(Arc<str>),
    /// A literal whose zone must be turned into a scope id by this machine.
    Scoped(IpAddr, Arc<str>),
    /// Addresses that the user pinned to the name.
    Pinned(Arc<[SocketAddr]>),
}

/// One address of a lookup.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Found {
    /// The address; its port is ignored.
    pub address: SocketAddr,
    /// Why it is not to be tried.
    pub skip: Option<Reason>,
}

/// Why a lookup gave no address.
#[derive(Debug, Clone)]
pub struct LookupFailure {
    /// The resolver's code or a local shortage; `None` when our limit ran out.
    pub error: Option<Code>,
    /// Who decided.
    pub by: By,
    /// The finest cause known.
    pub cause: Option<Cause>,
    /// The family that was asked for, where it was not both.
    pub family: Option<Family>,
}

impl From<LookupFailure> for Lookup {
    fn from(LookupFailure { error, by, cause, family }: LookupFailure) -> Lookup {
        Lookup { error, by: Some(by), cause, family, ..Lookup::default() }
    }
}

/// Key of an attempt in flight.
pub type AttemptId = usize;
/// Key of a group whose lookup is under way.
pub type GroupId = usize;

/// Why an attempt is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// A limit of ours ran out.
    Limit,
    /// A signal came.
    Interrupted,
}

/// What the driver is to do next.
#[derive(Debug)]
pub enum Action {
    /// Look the name up for the group, then call [`Engine::looked_up`](super::Engine::looked_up).
    Lookup(GroupId, Name, Protocol),
    /// Forget the lookup; its answer is no longer wanted.
    Abandon(GroupId),
    /// Make the attempt.
    Connect(AttemptId, Connect),
    /// End the attempt and tell [`Engine::ended`](super::Engine::ended) what is known of it.
    GiveUp(AttemptId, Stop),
    /// A target is decided.
    Report(Box<Report>),
}

/// An attempt to make: call connect(), tell [`Engine::started`](super::Engine::started) when, then [`Engine::ended`](super::Engine::ended).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect {
    /// Where to.
    pub address: SocketAddr,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// 1 for the first try of this address.
    pub number: u32,
}
