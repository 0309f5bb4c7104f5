//! Why nobody answered, as far as this machine's own counters tell: whether it dropped what was sent, or what came back.
//!
//! Everybody's packets move the counters, so they must prove that those of one attempt were dropped.
//!
//! **Output.** When a rule drops a segment on its way out, the call that sends it fails, and the kernel counts it if the
//! segment was sent again (`TCPRetransFail`; __tcp_retransmit_skb() in net/ipv4/tcp_output.c). It counts all that are
//! sent again, too (`RetransSegs`). When every single one failed, those of the attempt did.
//!
//! **Input.** A packet that is dropped on its way in was received (`InReceives`) and not delivered (`InDelivers`), or the
//! reverse-path filter counts it (`IPReversePathFilter`). No counter tells whose answer it was, but answers keep step:
//! each SYN that is sent again brings one, and next to nothing comes between.

use std::time::{Duration, Instant};

use crate::model::{Counters, DropPoint, Family, LocalDrop};

/// When the counters are looked at, since connect() was called: early on, then before and after each SYN that is sent
/// again. Linux does so after a second (RFC 6298 section 2.1), then once a second (`tcp_syn_linear_timeouts`). Its timers
/// are late: by up to 64 ms the first time, by about 24 ms more each time (kernel/time/timer.c). The answer has the rest.
pub const LOOKS: [Duration; 11] = ms([300, 990, 1160, 2000, 2180, 3010, 3200, 4030, 4230, 5040, 5260]);

const fn ms<const N: usize>(numbers: [u64; N]) -> [Duration; N] {
    let mut durations = [Duration::ZERO; N];
    let mut i = 0;
    while i < N {
        durations[i] = Duration::from_millis(numbers[i]);
        i += 1;
    }
    durations
}

/// So long each SYN is followed by looks.
const FOLLOWED: Duration = Duration::from_millis(5500);

/// Before this no SYN is sent again.
const BEFORE_SECOND: Duration = Duration::from_millis(950);

/// By now the second SYN is sent.
const AFTER_SECOND: Duration = Duration::from_millis(1100);

/// Packets that keep step are answers when those of strangers would do the same in fewer than 1 of 1000 cases.
const CHANCE: f64 = 0.001;

/// An attempt that nobody answered.
#[derive(Debug, Clone, Copy)]
pub struct Silent {
    /// Of the packets.
    pub family: Family,
    /// When connect() was called.
    pub called: Instant,
    /// SYN segments that its socket sent again.
    pub resent: u64,
}

/// What this machine dropped while the attempt was in flight; `None` when nothing, or when it cannot be known. The
/// looks are in the order of their time, and the last is later than the last SYN that the attempt sent again.
pub fn explain(silent: Silent, looks: &[Counters]) -> Option<LocalDrop> {
    let first = looks.iter().rposition(|look| look.at <= silent.called + BEFORE_SECOND)?;
    let looks = &looks[first..];
    let (begin, end) = (looks.first()?, looks.last()?);
    if silent.resent == 0 || end.at < silent.called + AFTER_SECOND {
        return None;
    }
    let drops = [output(silent, begin, end), reverse_path(silent, looks), input(silent, looks)];
    let could = |drop: &&LocalDrop| drop.count >= silent.resent;
    let certain = drops.iter().flatten().find(|drop| drop.certain);
    certain.or_else(|| drops.iter().flatten().find(could)).copied()
}

fn output(silent: Silent, begin: &Counters, end: &Counters) -> Option<LocalDrop> {
    let failed = end.resent_in_vain - begin.resent_in_vain;
    // Counters are not read at one instant: this is the most that can have been sent again meanwhile.
    let certain = failed >= end.resent[1] - begin.resent[0];
    let count = if certain { silent.resent } else { u64::try_from(failed).ok()? };
    (failed > 0).then_some(LocalDrop { point: DropPoint::Output, count, certain })
}

fn reverse_path(silent: Silent, looks: &[Counters]) -> Option<LocalDrop> {
    let dropped = |look: &Counters| look.reverse_path;
    (silent.family == Family::V4).then(|| incoming(DropPoint::ReversePath, silent, looks, dropped))?
}

fn input(silent: Silent, looks: &[Counters]) -> Option<LocalDrop> {
    let family = match silent.family {
        Family::V4 => 0,
        Family::V6 => 1,
    };
    incoming(DropPoint::Input, silent, looks, |look| look.undelivered[family])
}

fn incoming(
    point: DropPoint,
    silent: Silent,
    looks: &[Counters],
    dropped: impl Fn(&Counters) -> i64,
) -> Option<LocalDrop> {
    let grown = |from: &Counters, to: &Counters| dropped(to) - dropped(from);
    let count = u64::try_from(grown(looks.first()?, looks.last()?)).ok().filter(|&count| count > 0)?;
    let followed = looks.windows(2).filter(|pair| pair[1].at <= silent.called + FOLLOWED);
    let answers = answers(followed.map(|pair| Interval {
        length: pair[1].at.saturating_duration_since(pair[0].at).as_secs_f64(),
        syns: pair[1].syns_resent - pair[0].syns_resent,
        dropped: grown(&pair[0], &pair[1]),
        all: (0..2).map(|family| (pair[1].undelivered[family] - pair[0].undelivered[family]).max(0)).sum(),
    }));
    // Others have their share of the answers: each SYN that this attempt sent again brought one.
    let own = answers.map(|answers| answers.min(silent.resent));
    Some(LocalDrop { point, count: own.unwrap_or(count), certain: own.is_some() })
}

/// What happened from one look to the next.
struct Interval {
    /// In seconds.
    length: f64,
    /// SYN segments that anybody sent again.
    syns: i64,
    /// Packets that were dropped, of the attempt's family.
    dropped: i64,
    /// Of both families.
    all: i64,
}

/// The packets that were dropped when SYNs were sent again, if each SYN brought one and it was not by chance.
///
/// A few between prove nothing: a server repeats its answer by itself, also that to an earlier attempt.
fn answers(intervals: impl Iterator<Item = Interval>) -> Option<u64> {
    let (steps, pauses): (Vec<Interval>, Vec<Interval>) = intervals.partition(|interval| interval.syns > 0);
    if steps.is_empty() || steps.iter().any(|step| step.dropped < 1 || step.all < step.syns) {
        return None;
    }
    let between = pauses.iter().map(|pause| pause.dropped.max(0)).sum::<i64>().cast_unsigned();
    let pause = pauses.iter().map(|pause| pause.length).sum();
    let lengths: Vec<f64> = steps.iter().map(|step| step.length).collect();
    let answers = steps.iter().map(|step| step.dropped.cast_unsigned()).sum();
    (chance(&lengths, pause, between) < CHANCE).then_some(answers)
}

/// The chance that packets of strangers, which come at random, come in all of the `steps`, and not more than `between` in
/// the `pause`: at whatever rate makes the most of it.
fn chance(steps: &[f64], pause: f64, between: u64) -> f64 {
    const RATES: u32 = 50;
    let packets = between as f64 + steps.len() as f64;
    (1..=RATES).map(|i| 3.0 * packets / pause * f64::from(i) / f64::from(RATES)).fold(0.0, |most, rate| {
        let in_steps: f64 = steps.iter().map(|length| 1.0 - decay(rate * length)).product();
        most.max(in_steps * at_most(between, rate * pause))
    })
}

/// The chance of so many events at most, where `expected` come on average (Poisson).
fn at_most(events: u64, expected: f64) -> f64 {
    let mut term = decay(expected);
    let mut sum = term;
    for i in 1..=events.min(MANY) {
        term *= expected / i as f64;
        sum += term;
    }
    if events > MANY { 1.0 } else { sum }
}

/// e to the power of -`x`. `f64::exp` would load libm at every start of the program.
fn decay(x: f64) -> f64 {
    const HALVINGS: i32 = 16;
    let part = x / f64::from(1 << HALVINGS);
    let begin = 1.0 / (1.0 + part * (1.0 + part / 2.0 * (1.0 + part / 3.0)));
    (0..HALVINGS).fold(begin, |power, _| power * power)
}

/// So many packets between the answers hide them.
const MANY: u64 = 50;

#[cfg(test)]
mod tests;
