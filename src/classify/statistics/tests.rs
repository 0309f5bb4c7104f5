use super::*;
use crate::classify::samples;
use crate::model::{Cause, Hold, Lookup, Phase, Reason};

const SECOND: Duration = Duration::from_secs(1);

fn us(us: u64) -> Duration {
    Duration::from_micros(us)
}

fn address(last: u8) -> SocketAddr {
    ([10, 0, 0, last], 80).into()
}

fn attempt(last: u8, outcome: Outcome) -> Attempt {
    let by = (outcome == Outcome::Refused).then_some(By::Peer);
    let skipped = Attempt::skipped(address(last), 1, Duration::ZERO, outcome, Reason::Signal);
    Attempt { by, elapsed: us(900), phase: Some(Phase::Completion), reason: None, ..skipped }
}

fn connected(rtt: u64) -> Attempt {
    Attempt { rtt: Some(us(rtt)), ..attempt(1, Outcome::Connected) }
}

fn report(attempts: Vec<Attempt>) -> Report {
    Report { elapsed: us(1000), ..samples::report(attempts) }
}

/// One attempt a second.
fn of(attempts: impl IntoIterator<Item = Attempt>) -> Statistics {
    let mut statistics = Statistics::default();
    for (number, attempt) in (0u32..).zip(attempts) {
        statistics.add(&report(vec![attempt]), number * SECOND);
    }
    statistics
}

fn only(statistics: &Statistics) -> &Series {
    let [series] = statistics.series() else { panic!("{} series", statistics.series().len()) };
    series
}

#[test]
fn the_round_trip_of_the_kernel_is_measured() {
    let statistics = of([100, 300, 200, 200].map(connected));
    let times = only(&statistics).times.as_ref().expect("times");
    assert_eq!(times.measure, Measure::Rtt);
    assert_eq!((times.count(), times.least(), times.most(), times.mean()), (4, 100, 300, 200));
    assert_eq!(times.quantile(0.5), 200);
    // |300 − 100|, |200 − 300| and |200 − 200|
    assert_eq!(times.jitter(), Some(100));
}

#[test]
fn where_there_is_none_it_is_the_time_that_the_answer_took() {
    let statistics = of([attempt(1, Outcome::Refused)]);
    let times = only(&statistics).times.as_ref().expect("times");
    assert_eq!((times.measure, times.least(), times.jitter()), (Measure::Elapsed, 900, None));
    // Silence is no answer, and the two measures are not mixed.
    assert!(only(&of([attempt(1, Outcome::TimedOut)])).times.is_none());
    let both = of([attempt(1, Outcome::Refused), connected(100), attempt(1, Outcome::Refused)]);
    let times = only(&both).times.as_ref().expect("times");
    assert_eq!((times.measure, times.count(), times.most()), (Measure::Rtt, 1, 100));
}

/// Without an answer between them, two answers are not consecutive.
#[test]
fn jitter_is_that_of_neighbours() {
    let lost = || attempt(1, Outcome::TimedOut);
    let statistics = of([connected(100), lost(), connected(900), connected(910)]);
    assert_eq!(only(&statistics).times.as_ref().and_then(Times::jitter), Some(10));
}

#[test]
fn quantiles_have_three_digits() {
    let statistics = of((1..=10_000).map(connected));
    let times = only(&statistics).times.as_ref().expect("times");
    for (part, exact) in [(0.5, 5_000), (0.95, 9_500), (0.99, 9_900), (1.0, 10_000)] {
        let found = times.quantile(part);
        assert!(found.abs_diff(exact) * 1000 <= exact, "{part}: {found}");
    }
    let ranges = times.ranges();
    assert_eq!((ranges.len(), ranges[0].from, ranges[7].to), (8, 1, 10_000));
    assert_eq!(ranges.iter().map(|range| range.count).sum::<u64>(), 10_000);
    assert!(ranges.windows(2).all(|pair| pair[0].to + 1 == pair[1].from));
    let one = of([connected(7)]);
    let ranges = only(&one).times.as_ref().expect("times").ranges();
    assert_eq!(ranges, [Range { from: 7, to: 7, count: 1 }]);
}

#[test]
fn an_outage_lasts_until_a_good_probe() {
    use Outcome::{Connected, Refused, TimedOut};
    let outcomes = [Connected, Refused, Connected, TimedOut, Refused, TimedOut, Connected, Refused];
    let statistics = of(outcomes.map(|outcome| attempt(1, outcome)));
    let series = only(&statistics);
    assert_eq!((series.counts.sent, series.outages.count), (8, 3));
    assert_eq!(series.counts.outcomes().collect::<Vec<_>>(), [(Connected, 3), (Refused, 3), (TimedOut, 2)]);
    let longest = series.outages.longest().expect("an outage");
    assert_eq!((longest.probes, longest.lasted, longest.over), (3, 3 * SECOND, true));
    assert_eq!(longest.first.outcome, TimedOut, "it began with a timeout");
    let lasting = of([attempt(1, Refused), attempt(1, Refused)]);
    let longest = only(&lasting).outages.longest().expect("an outage");
    assert_eq!((longest.over, longest.lasted), (false, SECOND + us(900)));
}

/// "so far, to the end of the last probe": the hold is a part of it.
#[test]
fn an_outage_lasts_to_the_end_of_the_hold() {
    let hold = Some(Hold { elapsed: 3 * SECOND, full: true, received: Vec::new(), window: Some(0) });
    let statistics = of([Attempt { hold, ..attempt(1, Outcome::Unserved) }]);
    assert_eq!(only(&statistics).outages.longest().map(|outage| outage.lasted), Some(3 * SECOND + us(900)));
}

/// A signal says nothing of the address, nor does the deadline of the run.
#[test]
fn what_was_cut_short_is_no_outage() {
    let interrupted = || attempt(1, Outcome::Interrupted);
    let statistics = of([connected(1), interrupted(), attempt(1, Outcome::Cancelled), connected(1)]);
    assert_eq!((only(&statistics).outages.count, only(&statistics).counts.sent), (0, 4));
    let cut = |attempt| Attempt { cut_short: true, ..attempt };
    let silent = of([connected(1), cut(attempt(1, Outcome::TimedOut))]);
    assert_eq!((only(&silent).outages.count, only(&silent).counts.sent), (0, 2));
    assert_eq!(only(&silent).counts.of(Outcome::TimedOut), 1, "it is counted all the same");
    // A hold that was cut short ends no outage, either.
    let closed = of([attempt(1, Outcome::ClosedByPeer), cut(connected(1))]);
    assert_eq!(only(&closed).outages.longest().map(|outage| (outage.probes, outage.over)), Some((1, false)));
    let mut name = of([connected(1)]);
    let lookup = Lookup { cut_short: true, by: Some(By::Limit), ..Lookup::default() };
    name.add(&Report { lookup, ..report(Vec::new()) }, SECOND);
    assert_eq!(only(&name).outages.count, 0);
}

#[test]
fn what_is_expected_is_no_outage() {
    let mut statistics = Statistics::default();
    let expected = Some([Outcome::Refused].into_iter().collect());
    for outcome in [Outcome::Refused, Outcome::Connected, Outcome::Refused] {
        statistics.add(&Report { expected, ..report(vec![attempt(1, outcome)]) }, Duration::ZERO);
    }
    let outage = only(&statistics).outages.longest().expect("an outage");
    assert_eq!((outage.first.outcome, outage.over), (Outcome::Connected, true));
}

#[test]
fn a_name_without_an_address_has_an_outage_of_its_own() {
    let mut statistics = Statistics::default();
    let lookup = Lookup { cause: Some(Cause::NoSuchName), by: Some(By::System), ..Lookup::default() };
    statistics.add(&Report { lookup, ..report(Vec::new()) }, Duration::ZERO);
    statistics.add(&report(vec![connected(1)]), 5 * SECOND);
    let [name, address] = statistics.series() else { panic!("two series") };
    assert_eq!((name.address, name.counts.sent, name.outages.count), (None, 0, 1));
    let outage = name.outages.longest().expect("an outage");
    assert_eq!((outage.first.cause, outage.lasted, outage.over), (Some(Cause::NoSuchName), 5 * SECOND, true));
    assert_eq!((address.counts.sent, address.outages.count), (1, 0));
}

/// "Memory is flat": ten million rounds need what a thousand need.
#[test]
fn ten_million_rounds_take_no_more_memory_than_a_thousand() {
    let mut series = Series::new(&report(Vec::new()), Some(address(1)));
    let mut round = |number: u64| {
        // From 20 µs to some seconds, as if at random (Knuth, MMIX).
        let random = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 32;
        let attempt = connected(20 + (random % 5_000) * (random % 1_000));
        series.counts.sent += 1;
        series.counts.add(attempt.outcome);
        series.time(&attempt);
        let at = Duration::from_millis(10 * number);
        match number % 3 {
            0 => series.outages.fails(at, at, SystemTime::UNIX_EPOCH, State::of(&attempt)),
            _ => series.outages.ends(at),
        }
        series.times.as_ref().map_or(0, |times| times.histogram.distinct_values())
    };
    let few = (0..1_000).map(&mut round).max();
    let many = (1_000..10_000_000).map(&mut round).max();
    assert_eq!(few, many, "slots of the histogram");
    let times = series.times.as_ref().expect("times");
    assert_eq!((series.counts.sent, times.count(), series.outages.count), (10_000_000, 10_000_000, 3_333_334));
}

#[test]
fn a_name_whose_address_always_changes_takes_bounded_memory() {
    let mut statistics = Statistics::default();
    for number in 0..3_000u32 {
        let address = SocketAddr::new(std::net::Ipv4Addr::from(number).into(), 80);
        statistics.add(&report(vec![Attempt { address, ..connected(20) }]), number * SECOND);
    }
    assert_eq!((statistics.series().len(), statistics.places.len()), (MOST_SERIES, MOST_SERIES));
    assert_eq!(statistics.others.outcomes().collect::<Vec<_>>(), [(Outcome::Connected, 2_000)]);
    assert_eq!(statistics.others.sent, 2_000);
}
