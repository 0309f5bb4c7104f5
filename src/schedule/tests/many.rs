//! Many targets: how many at a time, and how fast.

use super::*;

#[test]
fn targets_are_drawn_only_while_a_slot_is_free() {
    let mut bench = Bench::new(Policy { concurrency: 2, ..policy() });
    bench.give(literal(1..=100));
    bench.give(literal(101..=200));
    bench.run();
    assert_eq!(bench.batches.len(), 1, "the second batch stays with the source");
    assert_eq!(bench.connects.len(), 2);
    bench.end(0, Outcome::Refused, None);
    assert_eq!(bench.connects.len(), 3);
    assert_eq!(bench.schedule.probes.len(), 2, "nothing is kept but what is in flight");
}

#[test]
fn many_targets_leave_nothing_behind() {
    let mut bench = Bench::new(Policy { concurrency: 100, ..policy() });
    for _ in 0..2 {
        bench.give(literal(1..=u16::MAX));
        bench.run();
        while let Some(index) = (!bench.connects.is_empty()).then_some(0) {
            bench.end(index, Outcome::Refused, Some(ECONNREFUSED));
            bench.connects.swap_remove(index);
            bench.reports.clear();
        }
    }
    bench.assert_idle();
    assert!(bench.schedule.timers.len() <= 2 * (100 + 100 + 1) + 64);
    assert!(bench.schedule.probes.capacity() <= 256 && bench.schedule.running.capacity() <= 256);
}

#[test]
fn the_rate_spaces_starts() {
    let mut bench = Bench::new(Policy { spacing: SECOND / 10, ..policy() });
    bench.give(literal(1..=3));
    bench.run();
    assert_eq!(bench.connects.len(), 1);
    assert_eq!(bench.until, Some(bench.now + SECOND / 10));
    bench.pass(SECOND / 10);
    assert_eq!(bench.connects.len(), 2);
    bench.pass(SECOND / 20);
    assert_eq!(bench.connects.len(), 2);
    bench.pass(SECOND / 20);
    assert_eq!(bench.connects.len(), 3);
    (0..3).for_each(|index| bench.end(index, Outcome::Refused, None));
    assert_eq!(bench.until, None, "after the last start nothing is waited for");
    bench.assert_idle();
}
