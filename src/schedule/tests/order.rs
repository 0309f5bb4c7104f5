//! Results in order.

use super::*;

fn ordered() -> Policy {
    Policy { ordered: true, per_host: Some(10_000), concurrency: 1000, ..policy() }
}

impl Bench {
    fn reported(&self) -> Vec<&str> {
        self.reports.iter().map(|report| report.target.as_str()).collect()
    }
}

#[test]
fn results_come_in_the_order_of_the_targets() {
    let mut bench = Bench::new(ordered());
    bench.give(literal(1..=5));
    bench.give(literal(6..=6));
    bench.run();
    for (index, reports) in [(3, 0), (5, 0), (1, 0), (0, 2), (2, 4), (4, 6)] {
        bench.end(index, Outcome::Refused, Some(ECONNREFUSED));
        assert_eq!(bench.reports.len(), reports, "{index}");
    }
    let expected: Vec<String> = (1..=6).map(|port| format!("10.0.0.1:{port}")).collect();
    assert_eq!(bench.reported(), expected);
    bench.assert_idle();
}

#[test]
fn a_start_waits_while_the_oldest_target_is_far_behind() {
    let mut bench = Bench::new(Policy { spacing: Duration::from_nanos(1), ..ordered() });
    bench.give(literal(1..=5_000));
    bench.run();
    let mut next = 1;
    loop {
        bench.pass(Duration::from_millis(1));
        if next == bench.connects.len() {
            break;
        }
        while next < bench.connects.len() {
            bench.end(next, Outcome::Refused, Some(ECONNREFUSED));
            next += 1;
        }
    }
    assert_eq!((bench.connects.len(), bench.reports.len()), (1024, 0));
    assert_eq!(bench.until, Some(bench.schedule.deadline(bench.connects[0].0).unwrap()), "nothing else is waited for");
    bench.end(0, Outcome::Refused, Some(ECONNREFUSED));
    bench.pass(Duration::from_millis(1));
    assert_eq!((bench.connects.len(), bench.reports.len()), (2024, 1024));
}

#[test]
fn a_name_that_is_looked_up_slowly_holds_up_results_and_not_all_starts() {
    let mut bench = Bench::new(ordered());
    bench.give(named("slow.test", &[80, 443]));
    (1..=2_000).for_each(|port| bench.give(literal(port..=port)));
    bench.run();
    let mut next = 0;
    while next < bench.connects.len() {
        bench.end(next, Outcome::Refused, Some(ECONNREFUSED));
        next += 1;
    }
    assert_eq!((next, bench.reports.len()), (1024, 0));
    bench.answer(0, Ok(vec![found("10.0.0.9", None)]));
    bench.run();
    assert_eq!(bench.tried()[1024..], ["10.0.0.9:80", "10.0.0.9:443"]);
    bench.end(1025, Outcome::Refused, Some(ECONNREFUSED));
    assert!(bench.reports.is_empty());
    bench.end(1024, Outcome::Refused, Some(ECONNREFUSED));
    assert_eq!(bench.reports.len(), 1026);
    assert_eq!(bench.reported()[..3], ["slow.test:80", "slow.test:443", "10.0.0.1:1"]);
}

#[test]
fn a_further_try_holds_up_the_results_behind_it() {
    let mut bench = Bench::new(Policy { retries: 1, ..ordered() });
    bench.give(literal(1..=3));
    bench.run();
    (0..3).for_each(|index| bench.end(index, [Outcome::TimedOut, Outcome::Connected][usize::from(index > 0)], None));
    bench.pass(SECOND);
    assert_eq!((bench.connects.len(), bench.reports.len()), (4, 0));
    bench.end(3, Outcome::Connected, None);
    assert_eq!(bench.reported(), ["10.0.0.1:1", "10.0.0.1:2", "10.0.0.1:3"]);
}

/// Of what a signal leaves behind, everything that was decided is reported.
#[test]
fn the_end_of_a_run_loses_no_result() {
    let base = policy();
    let deadline = Some(base.epoch.0 + SECOND);
    for (end, policy) in [(Some(Signal::Interrupt), ordered()), (None, Policy { deadline, ..ordered() })] {
        let mut bench = Bench::new(Policy { concurrency: 3, epoch: base.epoch, ..policy });
        bench.give(named("slow.test", &[80]));
        bench.give(literal(1..=6));
        bench.run();
        [1, 2, 3].into_iter().for_each(|index| bench.end(index, Outcome::Refused, Some(ECONNREFUSED)));
        assert_eq!((bench.connects.len(), bench.reports.len()), (6, 0));
        match end {
            Some(signal) => bench.tell(Event::Signal(signal)),
            None => bench.now += SECOND,
        }
        bench.exhausted = true;
        bench.run();
        [0, 4, 5].into_iter().for_each(|index| bench.end(index, Outcome::Interrupted, None));
        let expected = ["slow.test:80".to_owned()].into_iter().chain((1..=6).map(|port| format!("10.0.0.1:{port}")));
        assert_eq!(bench.reported(), expected.collect::<Vec<String>>(), "{end:?}");
        assert!(bench.done.is_some());
    }
}
