//! Whole sweeps in virtual time, through networks that limit, drop and lose packets.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::net::Ipv4Addr;

use super::*;

/// A token bucket: so many packets a second, after so many at once.
#[derive(Clone, Copy)]
struct Limit {
    rate: f64,
    burst: f64,
    tokens: f64,
    at: Duration,
}

impl Limit {
    fn new(rate: f64, burst: f64) -> Self {
        Limit { rate, burst, tokens: burst, at: Duration::ZERO }
    }

    fn passes(&mut self, at: Duration) -> bool {
        let earned = self.rate * at.saturating_sub(self.at).as_secs_f64();
        (self.tokens, self.at) = ((self.tokens + earned).min(self.burst), at);
        let passes = self.tokens >= 1.0;
        self.tokens -= f64::from(u8::from(passes));
        passes
    }
}

/// A SYN of an attempt that is sent at an instant, or what it is answered, which arrives then.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Packet {
    at: Instant,
    attempt: usize,
    syn: u32,
    /// Whether it connects.
    answer: Option<bool>,
}

impl Packet {
    fn first(at: Instant, attempt: usize) -> Reverse<Self> {
        Reverse(Packet { at, attempt, syn: 1, answer: None })
    }

    /// The SYN is repeated a second later. The timers of the kernel are some milliseconds late.
    fn repeated(&self) -> Reverse<Self> {
        let late = (self.attempt as u64 * 7_919 + u64::from(self.syn) * 104_729) * 48_271 % 20_011;
        Reverse(Packet { at: self.at + SECOND + Duration::from_micros(late), syn: self.syn + 1, ..*self })
    }

    fn answered(&self, outcome: Outcome) -> Reverse<Self> {
        Reverse(Packet { at: self.at + SECOND / 5000, answer: Some(outcome == Outcome::Connected), ..*self })
    }
}

/// What lies between this machine and the ports of a host, and how they answer.
struct Network {
    syns: Option<Limit>,
    /// Of refusals.
    answers: Option<Limit>,
    /// When the limits end.
    lifted: Duration,
    /// Of a hundred packets in each direction.
    lossy: u64,
    drops: fn(u16) -> bool,
    open: fn(u16) -> bool,
    ports: u16,
    /// So many targets are of one address.
    each: u16,
    timeout: Duration,
    strategy: Strategy,
    seed: u64,
}

impl Network {
    fn new(ports: u16, drops: fn(u16) -> bool, open: fn(u16) -> bool) -> Self {
        let lifted = Duration::MAX;
        Network {
            syns: None,
            answers: None,
            lifted,
            lossy: 0,
            drops,
            open,
            ports,
            each: ports,
            timeout: 5 * SECOND,
            strategy: Strategy::All,
            seed: 1,
        }
    }

    fn loses(&mut self) -> bool {
        // "Minimal standard" generator (Park and Miller, CACM 31, 1988).
        self.seed = self.seed * 48_271 % 2_147_483_647;
        self.seed % 100 < self.lossy
    }

    fn lets(limit: &mut Option<Limit>, lifted: Duration, at: Duration) -> bool {
        at >= lifted || limit.as_mut().is_none_or(|limit| limit.passes(at))
    }

    /// What a SYN to the port is answered.
    fn answer(&mut self, at: Duration, port: u16) -> Option<Outcome> {
        if self.loses() || !Self::lets(&mut self.syns, self.lifted, at) || (self.drops)(port) {
            return None;
        }
        let outcome = if (self.open)(port) { Outcome::Connected } else { Outcome::Refused };
        let limited = outcome == Outcome::Refused && !Self::lets(&mut self.answers, self.lifted, at);
        (!limited && !self.loses()).then_some(outcome)
    }

    /// Ports of addresses one after the other.
    fn targets(&self) -> Batch {
        let each = self.each;
        let targets = (1..=self.ports).map(move |port| {
            let [high, low] = ((port - 1) / each).to_be_bytes();
            let ip = Ipv4Addr::new(10, 0, high, low);
            scheduled(&ip.to_string(), port, Some(SocketAddr::from((ip, port))))
        });
        Batch { protocol: Protocol::Tcp, name: None, targets: Box::new(targets) }
    }

    /// What the port comes to alone.
    fn alone(&self, port: u16) -> Outcome {
        match port {
            _ if (self.drops)(port) => Outcome::TimedOut,
            _ if (self.open)(port) => Outcome::Connected,
            _ => Outcome::Refused,
        }
    }

    /// The ports that a sweep gives another outcome than one attempt alone, its seconds, and how many were asked again.
    fn sweep(mut self) -> (Vec<u16>, u64, usize) {
        let (timeout, strategy) = (Some(self.timeout), self.strategy);
        let mut bench = Bench::new(Policy { concurrency: 1000, timeout, strategy, ..policy() });
        let begin = bench.now;
        bench.exhausted = true;
        bench.give(self.targets());
        bench.run();
        let (mut packets, mut given_up, mut attempts) = (BinaryHeap::new(), 0, HashMap::new());
        // Of each attempt in flight, how many SYNs it sent.
        let mut syns: Vec<Option<u32>> = Vec::new();
        while bench.done.is_none() {
            for index in syns.len()..bench.connects.len() {
                attempts.insert(bench.connects[index].0.0, index);
                syns.push(Some(0));
                packets.push(Packet::first(bench.now, index));
            }
            if let Some((id, _)) = bench.given_up.get(given_up) {
                given_up += 1;
                let index = attempts[&id.0];
                if let Some(syns) = syns[index].take() {
                    sweep::answer_to(&mut bench, index, Outcome::TimedOut, syns);
                }
                continue;
            }
            let next = packets.peek().map(|Reverse(packet)| packet.at);
            let until = next.into_iter().chain(bench.until).min().expect("something is waited for");
            if until > bench.now || next != Some(until) {
                bench.now = until.max(bench.now);
                bench.run();
                continue;
            }
            let Some(Reverse(packet)) = packets.pop() else { continue };
            let index = packet.attempt;
            match packet.answer {
                _ if syns[index].is_none() => {}
                Some(connected) => {
                    syns[index] = None;
                    let outcome = if connected { Outcome::Connected } else { Outcome::Refused };
                    sweep::answer_to(&mut bench, index, outcome, packet.syn);
                }
                None => {
                    syns[index] = Some(packet.syn);
                    let outcome = self.answer(packet.at - begin, bench.connects[index].1.port());
                    packets.extend(outcome.map(|outcome| packet.answered(outcome)));
                    packets.push(packet.repeated());
                }
            }
        }
        assert_eq!(bench.reports.len(), usize::from(self.ports), "checks are not reported");
        let wrong = bench.reports.iter().filter(|report| report.outcome != self.alone(report.port));
        let twice = bench.reports.iter().filter(|report| report.attempts.len() > 1).count();
        (wrong.map(|report| report.port).collect(), (bench.now - begin).as_secs(), twice)
    }
}

const OPEN: fn(u16) -> bool = |port| port % 100 == 7;
const NONE: fn(u16) -> bool = |_| false;
/// Nine of ten.
const MOST: fn(u16) -> bool = |port| port % 10 != 7;

/// Comes to what each port comes to alone, in so many seconds.
fn assert_right(name: &str, network: Network, most: u64) {
    let (wrong, seconds, twice) = network.sweep();
    assert!(wrong.is_empty(), "{name}: {wrong:?} are wrong");
    assert!(seconds <= most, "{name}: {seconds} s, {twice} were asked again");
}

#[test]
fn a_limit_is_found_and_made_use_of() {
    let limit = |rate, burst| Some(Limit::new(rate, burst));
    assert_right("SYNs", Network { syns: limit(25.0, 50.0), ..Network::new(1_000, NONE, OPEN) }, 42);
    assert_right("resets", Network { answers: limit(200.0, 50.0), ..Network::new(5_000, NONE, OPEN) }, 30);
    assert_right("messages", Network { answers: limit(1.0, 6.0), ..Network::new(40, NONE, OPEN) }, 38);
    assert_right("no limit", Network::new(1_000, NONE, OPEN), 0);
}

/// The silence of ports that are dropped is not taken for that of a limit, and that of a limit not for a drop.
#[test]
fn a_limit_is_found_behind_which_most_ports_are_silent() {
    let block: fn(u16) -> bool = |port| !(OPEN(port) || (100..200).contains(&port));
    let third: fn(u16) -> bool = |port| port % 3 != 0;
    let limit = |rate, burst| Some(Limit::new(rate, burst));
    assert_right("spread", Network { syns: limit(25.0, 50.0), ..Network::new(1_000, MOST, OPEN) }, 330);
    assert_right("block", Network { syns: limit(25.0, 5.0), ..Network::new(1_000, block, OPEN) }, 330);
    assert_right("third", Network { syns: limit(100.0, 50.0), ..Network::new(1_000, third, OPEN) }, 90);
    assert_right("resets", Network { answers: limit(200.0, 50.0), ..Network::new(5_000, MOST, OPEN) }, 90);
    assert_right("few", Network { syns: limit(100.0, 20.0), ..Network::new(120, third, OPEN) }, 30);
}

#[test]
fn losses_that_do_not_depend_on_the_pace_do_not_slow_it_down() {
    for seed in [1, 77, 4242] {
        let lossy = |lossy, drops| Network { lossy, seed, ..Network::new(1_000, drops, OPEN) };
        assert_right("1 %", lossy(1, NONE), 2);
        assert_right("10 %", lossy(10, NONE), 5);
        assert_right("1 %, most are silent", lossy(1, MOST), 40);
        assert_right("10 %, most are silent", lossy(10, MOST), 100);
    }
}

#[test]
fn a_limit_that_is_lifted_is_noticed() {
    let syns = Some(Limit::new(25.0, 50.0));
    for (drops, ports, most) in [(NONE, 5_000, 30), (MOST, 1_000, 120)] {
        let network = Network { syns, lifted: 20 * SECOND, ..Network::new(ports, drops, OPEN) };
        assert_right("lifted after 20 s", network, most);
    }
}

#[test]
fn silence_without_loss_takes_the_time_of_a_few_windows() {
    assert_right("most are silent", Network::new(1_000, |port| !OPEN(port), OPEN), 20);
}

/// Ten ports are open, and no other one answers: nothing can be checked.
#[test]
fn few_answers_do_not_stop_a_sweep() {
    let few: fn(u16) -> bool = |port| !OPEN(port);
    assert_right("limit", Network { syns: Some(Limit::new(25.0, 50.0)), ..Network::new(1_000, few, OPEN) }, 200);
    for seed in [1, 77, 4242] {
        assert_right("10 %", Network { lossy: 10, seed, ..Network::new(1_000, few, OPEN) }, 150);
    }
}

/// A router lets so many SYNs a second through, whatever host they are for.
#[test]
fn a_limit_that_addresses_share_is_found() {
    let shared = |each, rate, burst, drops, open| Network {
        syns: Some(Limit::new(rate, burst)),
        each,
        ..Network::new(600, drops, open)
    };
    let all: fn(u16) -> bool = |_| true;
    let dead: fn(u16) -> bool = |port| (port / 25) % 3 == 0;
    assert_right("25 ports each", shared(25, 100.0, 5.0, NONE, all), 30);
    assert_right("3 ports each", shared(3, 100.0, 5.0, NONE, all), 30);
    assert_right("1 port each", shared(1, 100.0, 5.0, NONE, NONE), 30);
    assert_right("some are silent", shared(25, 100.0, 5.0, dead, OPEN), 100);
    assert_right("no limit", Network { each: 25, ..Network::new(600, dead, OPEN) }, 6);
}

#[test]
fn a_limit_is_found_by_attempts_that_send_one_syn() {
    for milliseconds in [300, 500, 900] {
        let syns = Some(Limit::new(100.0, 20.0));
        let timeout = Duration::from_millis(milliseconds);
        assert_right("one SYN", Network { syns, timeout, ..Network::new(1_000, NONE, OPEN) }, 60);
    }
}

#[test]
fn one_address_is_asked_again_whatever_the_strategy() {
    for strategy in [Strategy::First, Strategy::Race] {
        let syns = Some(Limit::new(100.0, 20.0));
        assert_right("one address", Network { syns, strategy, ..Network::new(1_000, NONE, OPEN) }, 20);
    }
}
