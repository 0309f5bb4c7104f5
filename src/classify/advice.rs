//! One line for each cause: what to look at next. Pure. It is rendered by whoever shows it, from the evidence as it then
//! stands, so that a path that was traced is used.

use std::net::{IpAddr, SocketAddr};

use crate::classify::{codes, icmp, path, verdict};
use crate::model::{
    Attempt, By, Cause, Code, Family, Hop, Icmp, Lookup, Name, Outcome, Path, PathEnd, Phase, Platform, Protocol,
    Reason, Report, RouteKind,
};

/// What a line of advice is about. Lines about the same topic differ in addresses and ports only. There are as many
/// topics as causes and deciders, and as codes where no cause is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Topic {
    /// What an attempt or a lookup came to; a code tells topics apart only where no cause is known.
    Failure(Option<Cause>, Option<By>, Option<Code>),
    /// A family of which no address connects.
    Family,
    /// A state that may pass.
    Wait,
}

/// One line of advice for a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Advice {
    /// What it is about.
    pub topic: Topic,
    /// The addresses that it is for; empty where it is for all of them.
    pub addresses: Vec<SocketAddr>,
    /// The line.
    pub text: String,
}

/// Every line of advice for a target, each once; of an address, that of the last try. None is about what was expected.
pub fn of_report(report: &Report) -> Vec<Advice> {
    let lookup = &report.lookup;
    let as_expected = |outcome| report.expected.is_some_and(|expected| expected.contains(outcome));
    let failed = !(report.attempts.is_empty() && as_expected(report.outcome));
    let of_lookup = of_lookup(lookup).filter(|_| failed).map(|text| Advice {
        topic: topic(lookup.cause, lookup.by, lookup.error),
        addresses: vec![],
        text,
    });
    let mut lines: Vec<Advice> = of_lookup.into_iter().collect();
    let last_tries = last_tries(report);
    for attempt in last_tries.iter().filter(|attempt| !as_expected(attempt.outcome)) {
        let unexpected = || report.expected.and_then(|_| unexpected(attempt, report.protocol));
        let Some(text) = of(attempt, report.trace.as_deref()).or_else(unexpected) else { continue };
        match lines.iter_mut().find(|line| line.text == text) {
            Some(line) => line.addresses.push(attempt.address),
            None => lines.push(Advice {
                topic: topic(attempt.cause, attempt.by, attempt.error),
                addresses: vec![attempt.address],
                text,
            }),
        }
    }
    lines.iter_mut().filter(|line| line.addresses.len() == last_tries.len()).for_each(|line| line.addresses.clear());
    lines.extend(of_family(&last_tries).filter(|_| report.expected.is_none()));
    lines.extend(of_wait(report, &last_tries, as_expected));
    lines
}

/// Who asks for retries hopes that the state passes. That of a machine that boots, of a service that starts or of a name
/// that is to exist does, but seldom within the retries.
fn of_wait(report: &Report, last_tries: &[&Attempt], as_expected: impl Fn(Outcome) -> bool) -> Option<Advice> {
    if report.retries == 0 || report.good || report.round.is_some() {
        return None;
    }
    let failed = |attempt: &&&Attempt| attempt_may_pass(attempt) && !attempt.cut_short && !as_expected(attempt.outcome);
    let lookup = &report.lookup;
    let tried_again = if last_tries.is_empty() {
        let failed = lookup_may_pass(lookup) && !as_expected(report.outcome);
        failed.then(|| lookup.error.is_some_and(|code| codes::describe(code).retryable))
    } else {
        last_tries.iter().find(failed).map(|attempt| verdict::retryable(attempt))
    };
    let text = match tried_again? {
        true => "if it is about to come up: --wait=1m probes until it is good",
        false => "-r does not try this again; if it is about to come up: --wait=1m probes until it is good",
    };
    Some(Advice { topic: Topic::Wait, addresses: vec![], text: text.into() })
}

/// Whether what an attempt came to may pass by itself. A message of a router that is a rule there does not.
fn attempt_may_pass(attempt: &Attempt) -> bool {
    match attempt.cause {
        Some(Cause::Rst | Cause::NeighbourSilent | Cause::NoRoute) => true,
        Some(Cause::PortUnreachable) => attempt.by == Some(By::Peer),
        Some(Cause::RouterUnreachable) => attempt.icmp.as_ref().is_none_or(Icmp::is_host_unreachable),
        _ => false,
    }
}

/// Whether what a lookup came to may pass by itself.
fn lookup_may_pass(lookup: &Lookup) -> bool {
    matches!(lookup.cause, Some(Cause::NoSuchName | Cause::NoData | Cause::ResolverAgain))
}

/// An address connected where other outcomes were expected. A hold that was cut short may have come to one of them.
fn unexpected(attempt: &Attempt, protocol: Protocol) -> Option<String> {
    let what = match protocol {
        Protocol::Tcp => "something listens",
        Protocol::Udp => "something answers",
    };
    let port = attempt.address.port();
    let connected = attempt.outcome == Outcome::Connected && !attempt.cut_short;
    connected.then(|| format!("{what} on {port} there, and that was not expected"))
}

fn topic(cause: Option<Cause>, by: Option<By>, code: Option<Code>) -> Topic {
    Topic::Failure(cause, by, code.filter(|_| cause.is_none()))
}

fn last_tries(report: &Report) -> Vec<&Attempt> {
    report.attempts.chunk_by(|a, b| a.address == b.address).filter_map(<[Attempt]>::last).collect()
}

/// Every address of one family was tried and failed, and the other family connects. An attempt that was left out or
/// cancelled tells nothing of its family.
fn of_family(last_tries: &[&Attempt]) -> Option<Advice> {
    let of = |family: Family| last_tries.iter().filter(move |attempt| Family::of(attempt.address.ip()) == family);
    let failed = |attempt: &Attempt| {
        attempt.phase.is_some() && !matches!(attempt.outcome, Outcome::Connected | Outcome::Cancelled)
    };
    let connects = |family| of(family).any(|attempt| attempt.outcome == Outcome::Connected);
    let fails = |family| of(family).next().is_some() && of(family).all(|attempt| failed(attempt));
    let pairs = [[Family::V4, Family::V6], [Family::V6, Family::V4]];
    let broken = pairs.into_iter().find(|&[broken, good]| fails(broken) && connects(good))?;
    let [broken, good] = broken.map(Family::meaning);
    let text = format!("no {broken} address connects, {good} does: programs that prefer {broken} wait for it, or fail");
    Some(Advice { topic: Topic::Family, addresses: vec![], text })
}

/// The advice for an attempt that did not connect, or whose connection is in doubt: from its cause and evidence, else from the table of codes. `paths`
/// are those that were traced; `None` where none was asked for.
pub fn of(attempt: &Attempt, paths: Option<&[Path]>) -> Option<String> {
    if attempt.outcome == Outcome::Connected && attempt.cause.is_none() {
        return None;
    }
    let path = paths.into_iter().flatten().find(|path| path.address.ip() == attempt.address.ip());
    let subject = Subject { attempt, traced: paths.is_some(), platform: Platform::HERE };
    path.and_then(|path| subject.on_path(path))
        .or_else(|| subject.by_cause(attempt.cause?))
        .or_else(|| subject.by_code(attempt.error?))
}

/// The advice for a lookup that gave no address.
pub fn of_lookup(lookup: &Lookup) -> Option<String> {
    let reason = lookup.reason.filter(|&reason| reason == Reason::Deadline);
    if reason.is_some() {
        return Some("the deadline was reached before the name was asked for".into());
    }
    match (lookup.cause?, lookup.family) {
        // Some resolvers do not tell a name without an address of that family from one that does not exist.
        (Cause::NoSuchName, Some(family)) => {
            let family = family.meaning();
            Some(format!("no such name, or it has no {family} address (-4, -6 or --source asks for that family)"))
        }
        (cause, _) => resolver(cause, Platform::HERE).map(Into::into),
    }
}

/// macOS 15 and later answer EHOSTUNREACH at once for a host on a directly attached network (Apple's TN3179).
const LOCAL_NETWORK: &str = "macOS forbids the program that started this one to reach the local network: allow it in \
    System Settings, Privacy & Security, Local Network; otherwise there is no route";

const OWN_FIREWALL: &str = "a firewall rule of this machine rejects it";

/// An attempt, and what its advice may build on.
struct Subject<'a> {
    attempt: &'a Attempt,
    traced: bool,
    platform: Platform,
}

impl Subject<'_> {
    fn to(&self) -> IpAddr {
        self.attempt.address.ip().to_canonical()
    }

    /// What the traced path says of an attempt that nobody answered.
    fn on_path(&self, path: &Path) -> Option<String> {
        if self.attempt.cause == Some(Cause::Rst) && self.attempt.address == path.address {
            let hop = path::answered_before_the_end(path)?;
            let who = path::at(path, hop).map_or_else(|| format!("a box at hop {hop}"), |router| router.to_string());
            return Some(format!("{who} may refuse in its name: a firewall there, unless the way back is shorter"));
        }
        if self.attempt.cause != Some(Cause::Silence) {
            return None;
        }
        let last = path.hops.iter().rev().find_map(|hop| Some((hop, hop.address?)));
        Some(match (path.end, last) {
            (PathEnd::Rejected, Some((hop, router))) => rejected(hop, router),
            (PathEnd::Connected | PathEnd::Answered, _) => {
                "the trace was answered, so packets get there: the loss comes and goes, try again (-r)".into()
            }
            (PathEnd::Loop, Some((_, router))) => format!("packets go in circles at {router}: a routing loop there"),
            (PathEnd::TooFar, Some((_, router))) => {
                format!("packets still travel at {router}: a routing loop, or too long a path")
            }
            (PathEnd::Local, _) => {
                "packets do not leave this machine's own link: check its firewall and its gateway".into()
            }
            (_, Some((_, router))) => format!(
                "packets get as far as {router}: the next hop or the host drops them, the host is down, or its queue of new connections is full"
            ),
            // Nothing lies between a program and its own machine.
            (_, None) if path.address.ip().to_canonical().is_loopback() => return None,
            (_, None) => "no hop answers: a firewall of this machine or the first router drops the packets".into(),
        })
    }

    fn by_cause(&self, cause: Cause) -> Option<String> {
        let Subject { attempt, platform, .. } = *self;
        let (to, port) = (self.to(), attempt.address.port());
        let family = Family::of(to).meaning();
        Some(match cause {
            Cause::Rst => format!("nothing listens on {port} there, or a firewall sends the reset"),
            Cause::PortUnreachable
            | Cause::ProtocolUnreachable
            | Cause::Prohibited
            | Cause::RouterUnreachable
            | Cause::TtlExceeded
            | Cause::ParameterProblem => self.by_message(cause),
            Cause::NeighbourSilent => {
                "the next hop does not answer ARP or neighbour discovery: host down, wrong subnet or wrong VLAN".into()
            }
            Cause::NoRoute => format!("this machine has no {family} route to {to}"),
            Cause::UnreachableRoute => {
                format!("a route of this machine says unreachable: {}", route_query(platform, to))
            }
            Cause::ProhibitRoute => {
                format!("a route or rule of this machine prohibits it: {}", route_query(platform, to))
            }
            Cause::BlackholeRoute => {
                format!("a blackhole route of this machine drops it: {}", route_query(platform, to))
            }
            Cause::NotUnicast => {
                format!("{to} is not the address of one host: TCP connects to one host, not to a group")
            }
            Cause::SourceMismatch => format!("source address or interface cannot reach {to}: leave -s or -I out"),
            Cause::SourceAddress if Family::of(to) == Family::V6 => {
                "that source address is not on this machine, or not yet usable (duplicate address detection)".into()
            }
            Cause::SourceAddress => "that source address is not on this machine".into(),
            Cause::LocalPorts if platform == Platform::Windows && attempt.phase == Some(Phase::Bind) => {
                "that source port is taken, reserved (netsh interface ipv4 show excludedportrange tcp) or held exclusively".into()
            }
            Cause::LocalPorts if attempt.phase == Some(Phase::Bind) => {
                "that source port is taken: choose another, or wait; --reset-on-close leaves it free for the next time"
                    .into()
            }
            Cause::LocalPorts => {
                "no local port is free for it, or the pair of ends is in use: wait, or choose another source".into()
            }
            Cause::NoSourceAddress => format!("this machine has no usable {family} address"),
            Cause::LocalPolicy if attempt.icmp.is_some() => OWN_FIREWALL.into(),
            Cause::LocalPolicy => {
                "a policy of this machine forbids it: firewall, container, sandbox or privilege".into()
            }
            Cause::Broadcast => "a broadcast address needs --broadcast".into(),
            Cause::ScopeMissing => format!("a link-local address needs its interface: {to}%INTERFACE"),
            Cause::Intercepted => {
                "connect() was answered before TCP sent anything: by a library in its place (LD_PRELOAD, proxychains) or a filter"
                    .into()
            }
            Cause::Silence => format!(
                "no answer: a firewall drops the packets, the host is down, or its queue of new connections is full{}",
                self.hint()
            ),
            Cause::ZeroWindow if attempt.outcome == Outcome::Unserved => {
                "a firewall or proxy on the way answers in the name of the service: look at the server behind it".into()
            }
            Cause::ZeroWindow if attempt.hold.is_some() => {
                "a firewall or proxy on the way may have answered in the name of the service: a longer --hold tells"
                    .into()
            }
            Cause::ZeroWindow => {
                "a firewall or proxy on the way may have answered in the name of the service: --hold 5s tells".into()
            }
            Cause::Fin => {
                "a proxy has no server behind it, the server does not want this client, or it waited for a request in vain"
                    .into()
            }
            Cause::OutputDrop => {
                "this machine drops what it sends: look at the OUTPUT rules of its firewall (nft list ruleset), a full conntrack table, the cgroup".into()
            }
            Cause::InputDrop => {
                "the answer came and this machine dropped it: look at the INPUT rules of its firewall (nft list ruleset)".into()
            }
            Cause::ReversePath => format!(
                "the answer came by another interface, and rp_filter dropped it: {} should name that interface",
                route_query(platform, to)
            ),
            Cause::ResetAfterHandshake => {
                "the connection was made, then reset: look at the server or a middlebox".into()
            }
            Cause::ResetEarly => "the connection was reset while it was made: look at the server or a middlebox".into(),
            Cause::SelfConnect => format!("nothing listens on {port}: the connection met itself"),
            Cause::NoReply => "no reply proves nothing with UDP: send what the service answers (--payload)".into(),
            Cause::NoInterface | Cause::Descriptors | Cause::Buffers | Cause::NeighbourTable | Cause::NetworkDown => shortage(cause, platform)?.into(),
            Cause::NoSuchName
            | Cause::NoData
            | Cause::WrongFamily
            | Cause::ResolverAgain
            | Cause::ResolverFailed
            | Cause::ResolverLimit => resolver(cause, platform)?.into(),
        })
    }

    /// No cause is known.
    fn by_code(&self, code: Code) -> Option<String> {
        let row = codes::row(code)?;
        let refused_at_once = self.attempt.by == Some(By::Local) && row.name == Name::EHOSTUNREACH;
        if self.platform == Platform::Macos && refused_at_once && is_near(self.to()) {
            return Some(LOCAL_NETWORK.into());
        }
        Some(row.advice.into())
    }

    /// An ICMP message, or a code that stands for one, decided it.
    fn by_message(&self, cause: Cause) -> String {
        let (to, port, by) = (self.to(), self.attempt.address.port(), self.attempt.by);
        let icmp = self.attempt.icmp.as_ref();
        let sender = icmp.map_or_else(|| "a router".to_string(), |icmp| icmp.from.to_string());
        let own = by == Some(By::Local) && !matches!(cause, Cause::TtlExceeded | Cause::ParameterProblem);
        let rejects = matches!(cause, Cause::Prohibited | Cause::RouterUnreachable);
        if own || (rejects && self.is_own()) {
            return OWN_FIREWALL.into();
        }
        let itself = by == Some(By::Peer);
        match cause {
            Cause::PortUnreachable if itself || icmp.is_none() => {
                format!("{to} answers port unreachable: nothing listens on {port}, or its firewall rejects")
            }
            Cause::PortUnreachable => format!("{sender} rejects it on the way: a firewall or gateway rule there"),
            Cause::ProtocolUnreachable => {
                format!("{sender} says it does not speak this protocol, or a firewall rule there does")
            }
            Cause::Prohibited => format!("{sender} forbids it: ask whoever runs that firewall"),
            // Where a NAT rule of this machine translates the address, the message is translated, too.
            Cause::RouterUnreachable if itself => {
                format!("{to} itself says so: a firewall rule there, or a NAT rule here whose target does not answer")
            }
            Cause::RouterUnreachable if icmp.is_some_and(|icmp| icmp.is_host_unreachable()) => {
                format!("{sender} cannot reach it: no such host behind that router, or a firewall rule there")
            }
            Cause::RouterUnreachable => format!("{sender} has no route to it{}", self.hint()),
            Cause::TtlExceeded => {
                format!("packets die at {sender}: a routing loop, or too small a --ttl{}", self.hint())
            }
            _ => format!("{sender} complains of the packet itself: a middlebox or an odd option"),
        }
    }

    /// Where the path is worth a look, and nobody has looked.
    fn hint(&self) -> &'static str {
        if self.traced { "" } else { "; --trace shows how far packets get" }
    }

    /// Whether the destination is this machine itself.
    fn is_own(&self) -> bool {
        let to = self.to();
        let local = self.attempt.local.is_some_and(|local| local.ip().to_canonical() == to);
        let routed = self.attempt.route.as_ref().is_some_and(|route| route.kind == Some(RouteKind::Local));
        local || to.is_loopback() || routed
    }
}

/// A hop that ended the path with a message.
fn rejected(hop: &Hop, router: IpAddr) -> String {
    let Some(message) = &hop.icmp else { return format!("{router} rejects it on the way") };
    match message.verdict() {
        icmp::Verdict::Prohibited => format!("{router} forbids it on the way: ask whoever runs that firewall"),
        icmp::Verdict::PortUnreachable | icmp::Verdict::ProtocolUnreachable => {
            format!("{router} rejects it on the way: a firewall or gateway rule there")
        }
        icmp::Verdict::Unreachable if message.is_host_unreachable() => {
            format!("{router} cannot reach it: no such host behind that router, or a firewall rule there")
        }
        _ => format!("packets get no further than {router}, which says {}", message.meaning()),
    }
}

/// Whether an address may be on a directly attached network: those are mostly of a range for private use (RFC 1918,
/// RFC 4193) or link-local.
fn is_near(ip: IpAddr) -> bool {
    match ip {
        IpAddr::V4(ip) => ip.is_private() || ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unique_local() || ip.is_unicast_link_local(),
    }
}

/// What the route to an address is asked with.
fn route_query(platform: Platform, to: IpAddr) -> String {
    match platform {
        Platform::Linux => format!("ip route get {to}"),
        Platform::Macos | Platform::Bsd => format!("route -n get {to}"),
        Platform::Windows => format!("Find-NetRoute -RemoteIPAddress {to}"),
    }
}

/// A local shortage, in whatever step it shows.
fn shortage(cause: Cause, platform: Platform) -> Option<&'static str> {
    Some(match cause {
        Cause::NoInterface => "no such interface on this machine",
        Cause::NetworkDown => "this machine has no working network: check the interface",
        Cause::Descriptors if platform == Platform::Windows => "too many open sockets: lower -j",
        Cause::Descriptors => "too many open files: raise ulimit -n or lower -j",
        Cause::NeighbourTable => {
            "the table of neighbours of this machine is full: lower -j or --rate, or raise net.ipv4.neigh.default.gc_thresh3"
        }
        Cause::Buffers => "this machine is out of memory or buffers: lower -j, try again later",
        _ => return None,
    })
}

fn resolver(cause: Cause, platform: Platform) -> Option<&'static str> {
    Some(match cause {
        Cause::NoSuchName => "no such name: check the spelling and the search domain",
        Cause::NoData => "the name exists but has no address (of that family)",
        Cause::WrongFamily => "the address is of the other family than -4, -6 or --source asks for",
        Cause::ResolverAgain => "the resolver failed or did not answer: try again, check the name servers",
        Cause::ResolverFailed => "the resolver failed for good: check its configuration",
        Cause::ResolverLimit => "the resolver had not answered within the limit: check the name servers",
        _ => return shortage(cause, platform),
    })
}

#[cfg(test)]
mod tests;
