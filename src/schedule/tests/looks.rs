//! When the counters of this machine are looked at.

use super::*;

/// Milliseconds after `begin` at which the counters were looked at while `time` passed, millisecond by millisecond.
fn looks(bench: &mut Bench, begin: Instant, time: Duration) -> Vec<u128> {
    bench.looks.clear();
    (0..time.as_millis()).for_each(|_| bench.pass(Duration::from_millis(1)));
    bench.looks.iter().map(|at| at.duration_since(begin).as_millis()).collect()
}

#[test]
fn the_counters_are_looked_at_while_an_attempt_is_silent() {
    let mut bench = Bench::name(Policy { looks: true, timeout: Some(5 * SECOND), ..policy() }, &["10.0.0.1"]);
    let begin = bench.now;
    assert_eq!(looks(&mut bench, begin, 299 * SECOND / 1000), [0; 0]);
    let seen = looks(&mut bench, begin, 4700 * SECOND / 1000);
    let planned = crate::classify::silence::LOOKS.iter().map(Duration::as_millis);
    assert_eq!(seen, planned.filter(|&look| look < 5000).collect::<Vec<_>>());
}

#[test]
fn nobody_looks_at_the_counters_for_one_that_was_answered() {
    let mut bench = Bench::name(Policy { looks: true, ..policy() }, &["10.0.0.1"]);
    bench.pass(SECOND / 4);
    bench.end(0, Outcome::Connected, None);
    bench.run();
    let begin = bench.now;
    assert_eq!(looks(&mut bench, begin, 2 * SECOND), [0; 0]);
    assert_eq!(bench.until, None, "and nobody is woken");
}

#[test]
fn looks_serve_all_attempts_together() {
    let base = policy();
    let mut bench =
        Bench::new(Policy { looks: true, concurrency: 1000, per_host: Some(1000), spacing: SECOND / 200, ..base });
    bench.give(literal(1..=1000));
    bench.run();
    let begin = bench.now;
    let seen = looks(&mut bench, begin, 3 * SECOND);
    assert!(seen.len() > 10, "{seen:?}");
    assert!(seen.windows(2).all(|pair| pair[1] - pair[0] >= 150), "{seen:?}");
}

#[test]
fn datagrams_want_no_look() {
    let mut bench = Bench::new(Policy { looks: true, ..policy() });
    let udp = Batch { protocol: Protocol::Udp, ..literal(1..=3) };
    bench.give(udp);
    bench.run();
    let begin = bench.now;
    assert_eq!(looks(&mut bench, begin, 2 * SECOND), [0; 0]);
}
