//! What a run is to do, what the schedule asks for, and what it is told: plain values.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::classify::requirement::Require;
use crate::model::{Attempt, By, Cause, Code, Family, Lookup, Mode, Protocol, Reason, Report, Signal, Strategy};

/// The rules of a run, settled before it starts.
#[derive(Debug, Clone)]
pub struct Policy {
    /// Which addresses of a target are tried.
    pub strategy: Strategy,
    /// Connection Attempt Delay of a race (RFC 8305 section 5).
    pub attempt_delay: Duration,
    /// The two families of a name are asked for apart, at the same time.
    pub apart: bool,
    /// What makes a target good.
    pub require: Require,
    /// An attempt that the end of the run cut short makes no target good.
    pub whole: bool,
    /// How connect() is called. It is reported; blocking implies one attempt at a time.
    pub mode: Mode,
    /// Attempts in flight.
    pub concurrency: usize,
    /// Attempts in flight to one address; `None`: as many as it is found to bear.
    pub per_host: Option<usize>,
    /// Results come in the order of the targets, and starts wait for slow ones.
    pub ordered: bool,
    /// Lookups under way at the same time; each is a thread that sleeps in the resolver.
    pub lookups: usize,
    /// Trace the path to each address that was tried over one of these protocols.
    pub trace: Vec<Protocol>,
    /// Least time between two starts.
    pub spacing: Duration,
    /// Timeout of one attempt, from the call of connect().
    pub timeout: Option<Duration>,
    /// How long a connection is held, from the end of its connect.
    pub hold: Option<Duration>,
    /// Timeout of one lookup.
    pub lookup_timeout: Option<Duration>,
    /// End of the whole run.
    pub deadline: Option<Instant>,
    /// Further tries of an attempt or lookup whose code the documents call retryable.
    pub retries: u32,
    /// Pause before such a try.
    pub retry_delay: Duration,
    /// The source port is fixed, so that a self-connect cannot be tried from another.
    pub fixed_port: bool,
    /// Look at the counters of this machine while attempts are silent.
    pub looks: bool,
    /// A monotonic instant and the wall clock at that instant, until [`Event::Clock`] tells another.
    pub epoch: (Instant, SystemTime),
}

/// One host and one port to probe.
#[derive(Debug, Clone)]
pub struct Target {
    /// The host as written.
    pub host: Arc<str>,
    /// Its A-label form, where that is not what was written.
    pub ascii: Option<Arc<str>>,
    /// As a user would write it, with the port.
    pub text: String,
    /// The port.
    pub port: u16,
    /// The address of this target alone; `None` when the batch's lookup gives the addresses.
    pub address: Option<SocketAddr>,
}

/// Targets that share one lookup.
pub struct Batch {
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The name to look up first; `None` when each target brings its address.
    pub name: Option<Name>,
    /// The targets, read lazily.
    pub targets: Box<dyn Iterator<Item = Target> + Send>,
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
pub struct Resolved {
    /// The address; its port is ignored.
    pub address: SocketAddr,
    /// Why it is skipped, if its attempt finds no route, either.
    pub skip: Option<Reason>,
    /// The source address that the system would choose; known where the families are asked for apart.
    pub source: Option<IpAddr>,
}

/// Why a lookup gave no address.
#[derive(Debug, Clone)]
pub struct LookupFailure {
    /// The resolver's code or a local shortage; `None` when our timeout ran out.
    pub error: Option<Code>,
    /// Who decided.
    pub by: By,
    /// The finest cause known.
    pub cause: Option<Cause>,
    /// The family that was asked for, where it was not both.
    pub family: Option<Family>,
    /// The deadline of the run ended it.
    pub cut_short: bool,
}

impl From<LookupFailure> for Lookup {
    fn from(LookupFailure { error, by, cause, family, cut_short }: LookupFailure) -> Lookup {
        Lookup { error, by: Some(by), cause, family, cut_short, ..Lookup::default() }
    }
}

/// Key of an attempt in flight; an attempt that has ended gives its key to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AttemptId(pub usize);

/// Key of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BatchId(pub usize);

/// Key of a lookup: that of its batch, and the family if it is one of two.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LookupId {
    /// The batch that needs it.
    pub batch: BatchId,
    /// The family that it asks for; `None` for what the run allows.
    pub family: Option<Family>,
}

/// Why an attempt is ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    /// The timeout of its connect ran out, or its hold is over.
    Limit,
    /// The deadline of the run was reached.
    Deadline,
    /// A signal came, or nobody reads the results.
    Interrupted,
    /// Another address connected first.
    Overtaken,
}

/// What the driver is to do next.
#[derive(Debug)]
pub enum Step {
    /// Ask the source for a batch and tell [`Event::Next`]. When `over`, wait for nothing: the run has been stopped.
    Draw {
        /// The run has been stopped.
        over: bool,
    },
    /// Look the name up, then tell [`Event::LookedUp`] and [`Event::LookupOver`].
    Lookup(LookupId, Name, Protocol),
    /// Forget the lookup: nobody waits for its answer. [`Event::LookupOver`] is told all the same when it ends.
    Abandon(LookupId),
    /// Make the attempt: tell [`Event::Connecting`], then [`Event::Held`] if it is held, then [`Event::Ended`].
    Connect(AttemptId, Connect),
    /// End the attempt, as at that instant, and tell [`Event::Ended`] with what is known of it.
    GiveUp(AttemptId, Stop, Instant),
    /// Look at the counters of this machine.
    Look,
    /// A target is decided.
    Report(Box<Report>),
    /// Something that the user should know although the run goes on.
    Note(Note),
    /// Wait for sockets, lookups, the source and signals until that instant at most, and tell what came. An instant that
    /// has passed means: poll, and do not wait.
    Wait(Option<Instant>),
    /// Everything is decided and reported.
    Done(Ended),
}

impl Step {
    /// A target is decided.
    pub(super) fn report(report: Report) -> Step {
        Step::Report(Box::new(report))
    }
}

/// What the schedule is told.
#[derive(Debug)]
pub enum Event {
    /// The answer to [`Step::Draw`].
    Next(Next),
    /// connect() of the attempt is called now: its timeout counts from here.
    Connecting(AttemptId),
    /// The attempt is connected and held: its timeout is that of the hold, and counts from here.
    Held(AttemptId),
    /// The attempt has ended.
    Ended(AttemptId, Box<Attempt>),
    /// The run was over before connect() was called, and it is not called any more.
    NotBegun(AttemptId),
    /// The name that answered is not the one that was asked for; told before [`Event::LookedUp`].
    Canonical(LookupId, Arc<str>),
    /// A lookup has ended.
    LookedUp(LookupId, Result<Vec<Resolved>, LookupFailure>),
    /// A lookup, abandoned or not, has given its place back: another one may begin.
    LookupOver,
    /// The wall clock reads this now. It may have been set, or the machine was suspended, since it was told last.
    Clock(SystemTime),
    /// A signal came.
    Signal(Signal),
    /// The results cannot be written any more.
    NobodyReads,
}

/// What a source has to give.
pub enum Next {
    /// Targets.
    Batch(Box<Batch>),
    /// Nothing yet; the next wait ends when there is more, or at that instant.
    Later(Option<Instant>),
    /// Nothing before everything that was given is decided and reported.
    Barrier,
    /// Nothing more.
    Exhausted,
    /// The run is over, and a stream may have had more.
    Unread,
}

impl std::fmt::Debug for Next {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Next::Batch(_) => "Batch",
            Next::Later(_) => "Later",
            Next::Barrier => "Barrier",
            Next::Exhausted => "Exhausted",
            Next::Unread => "Unread",
        })
    }
}

/// What a user should know of a run under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Note {
    /// The address answered later SYNs: fewer attempts at it are in flight from now on.
    Slowed(IpAddr),
    /// Several addresses did: the starts of the whole run are spaced from now on.
    SlowedAll,
}

/// How a run ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Ended {
    /// The signal that ended it.
    pub signal: Option<Signal>,
    /// The deadline came before the end of the targets: of a stream, or of more than are reported one by one.
    pub unread: bool,
    /// Some target was neither tried nor reported.
    pub cut_short: bool,
}

/// An attempt to make.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Connect {
    /// Where to.
    pub address: SocketAddr,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// 1 for the first try of this address.
    pub number: u32,
    /// The time to live of a hop of a traced path; `None` for an attempt of a target.
    pub hop: Option<u8>,
    /// The least time to live with which an answer is taken, where a path is traced back.
    pub least_ttl: Option<u8>,
}

impl Connect {
    /// It is made for a traced path, and not for a target.
    pub fn is_for_a_path(&self) -> bool {
        self.hop.is_some() || self.least_ttl.is_some()
    }
}
