//! The scheduler moved by hand: time is `now += …`, nothing sleeps.

use std::net::SocketAddr;
use std::time::SystemTime;

use super::ending::MOST_LEFT_OUT;
use super::*;
use crate::classify::requirement::Require;
use crate::model::Name::{
    EACCES, EADDRNOTAVAIL, EAI_AGAIN, EAI_NONAME, ECONNREFUSED, EHOSTUNREACH, ENETUNREACH, ETIMEDOUT,
};
use crate::model::{self, DropPoint, LocalDrop, Mode, Outcome, Phase, Protocol, Signal};

mod driving;
mod ending;
mod hold;
mod limits;
mod looks;
mod lookups;
mod many;
mod order;
mod path;
mod race;
mod sweep;
mod targets;

const SECOND: Duration = Duration::from_secs(1);

fn policy() -> Policy {
    Policy {
        strategy: Strategy::All,
        attempt_delay: SECOND / 4,
        apart: false,
        require: Require::Any,
        mode: Mode::Nonblocking,
        concurrency: 10,
        per_host: None,
        ordered: false,
        lookups: 2,
        trace: Vec::new(),
        spacing: Duration::ZERO,
        timeout: Some(3 * SECOND),
        hold: None,
        lookup_timeout: Some(20 * SECOND),
        deadline: None,
        retries: 0,
        retry_delay: SECOND,
        fixed_port: false,
        whole: false,
        looks: false,
        epoch: (crate::net::clock::now(), SystemTime::UNIX_EPOCH),
    }
}

/// The schedule with its clock and what it asked for.
struct Bench {
    notes: Vec<Note>,
    /// When the counters were looked at.
    looks: Vec<Instant>,
    schedule: Schedule,
    now: Instant,
    batches: VecDeque<Batch>,
    /// Whether the source says that nothing more comes, once it has given all.
    exhausted: bool,
    reports: Vec<Report>,
    connects: Vec<(AttemptId, SocketAddr)>,
    hops: Vec<(AttemptId, u8)>,
    /// Sockets that take no answer with a smaller time to live.
    backs: Vec<(AttemptId, u8)>,
    lookups: Vec<LookupId>,
    given_up: Vec<(AttemptId, Stop)>,
    abandoned: Vec<LookupId>,
    /// The wait at which the last run stopped.
    until: Option<Instant>,
    done: Option<Ended>,
}

impl Bench {
    fn new(policy: Policy) -> Self {
        let now = policy.epoch.0;
        Bench {
            schedule: Schedule::new(now, policy),
            now,
            batches: VecDeque::new(),
            exhausted: false,
            reports: Vec::new(),
            connects: Vec::new(),
            hops: Vec::new(),
            backs: Vec::new(),
            lookups: Vec::new(),
            given_up: Vec::new(),
            abandoned: Vec::new(),
            notes: Vec::new(),
            looks: Vec::new(),
            until: None,
            done: None,
        }
    }

    /// A name with these addresses, looked up and answered.
    fn name(policy: Policy, addresses: &[&str]) -> Self {
        let mut bench = Bench::new(policy);
        bench.give(named("db.test", &[80]));
        bench.run();
        let found = addresses.iter().map(|ip| found(ip, None)).collect();
        bench.answer(0, Ok(found));
        bench.run();
        bench
    }

    /// The source has this.
    fn give(&mut self, batch: Batch) {
        self.batches.push_back(batch);
    }

    /// Steps until the schedule waits for something that is not there, or is done.
    fn run(&mut self) {
        loop {
            match self.schedule.step(self.now) {
                Step::Wait(until) if until.is_none_or(|until| until > self.now) => {
                    self.until = until;
                    return;
                }
                Step::Wait(_) => {}
                Step::Done(ended) => {
                    self.done = Some(ended);
                    return;
                }
                step => self.act(step),
            }
        }
    }

    fn act(&mut self, step: Step) {
        match step {
            Step::Draw { over } => {
                let next = match self.batches.pop_front() {
                    Some(batch) => Next::Batch(Box::new(batch)),
                    None if self.exhausted => Next::Exhausted,
                    None if over => Next::Unread,
                    None => Next::Later(None),
                };
                self.tell(Event::Next(next));
            }
            Step::Lookup(id, ..) => self.lookups.push(id),
            Step::Abandon(id) => self.abandoned.push(id),
            Step::Connect(id, connect) => {
                self.tell(Event::Connecting(id));
                match (connect.hop, connect.least_ttl) {
                    (Some(ttl), _) => self.hops.push((id, ttl)),
                    (None, Some(least)) => self.backs.push((id, least)),
                    (None, None) => self.connects.push((id, connect.address)),
                }
            }
            Step::GiveUp(id, why, _) => self.given_up.push((id, why)),
            Step::Report(report) => self.reports.push(*report),
            Step::Note(note) => self.notes.push(note),
            Step::Look => self.looks.push(self.now),
            Step::Wait(_) | Step::Done(_) => unreachable!("run() has these"),
        }
    }

    fn tell(&mut self, event: Event) {
        self.schedule.tell(self.now, event);
    }

    /// The `index`-th lookup that was begun comes to this.
    fn answer(&mut self, index: usize, result: Result<Vec<Resolved>, LookupFailure>) {
        self.tell(Event::LookedUp(self.lookups[index], result));
        self.tell(Event::LookupOver);
    }

    fn pass(&mut self, time: Duration) {
        self.now += time;
        self.run();
    }

    /// The `index`-th attempt that was started comes to this.
    fn end(&mut self, index: usize, outcome: Outcome, code: Option<model::Name>) {
        self.end_with(index, |ended| *ended = attempt(ended.address, outcome, code));
    }

    fn end_with(&mut self, index: usize, change: impl FnOnce(&mut Attempt)) {
        let (id, address) = self.connects[index];
        let mut ended = attempt(address, Outcome::Failed, None);
        change(&mut ended);
        self.tell(Event::Ended(id, Box::new(ended)));
        self.run();
    }

    fn report(&self) -> &Report {
        assert_eq!(self.reports.len(), 1);
        &self.reports[0]
    }

    fn tried(&self) -> Vec<String> {
        self.connects.iter().map(|(_, address)| address.to_string()).collect()
    }

    /// Nothing is in flight, nothing waits: with the end of the source the run is done.
    fn assert_idle(&mut self) {
        self.exhausted = true;
        self.schedule.source = Source::Unasked;
        self.run();
        assert!(self.done.is_some());
    }
}

fn attempt(address: SocketAddr, outcome: Outcome, code: Option<model::Name>) -> Attempt {
    let mut attempt = Attempt::skipped(address, 1, Duration::ZERO, outcome, Reason::Deadline);
    attempt.reason = None;
    attempt.error = code.and_then(codes::code);
    attempt.phase = Some(Phase::Completion);
    attempt
}

fn found(ip: &str, skip: Option<Reason>) -> Resolved {
    Resolved { address: SocketAddr::new(ip.parse().unwrap(), 0), skip, source: None }
}

fn scheduled(host: &str, port: u16, address: Option<SocketAddr>) -> Target {
    Target { host: host.into(), ascii: None, text: format!("{host}:{port}"), port, address }
}

fn named(host: &str, ports: &[u16]) -> Batch {
    let targets: Vec<Target> = ports.iter().map(|&port| scheduled(host, port, None)).collect();
    Batch { protocol: Protocol::Tcp, name: Some(Name::Host(host.into())), targets: Box::new(targets.into_iter()) }
}

fn literal(ports: std::ops::RangeInclusive<u16>) -> Batch {
    let targets = ports.map(|port| scheduled("10.0.0.1", port, Some(SocketAddr::from(([10, 0, 0, 1], port)))));
    Batch { protocol: Protocol::Tcp, name: None, targets: Box::new(targets) }
}
