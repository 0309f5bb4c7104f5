//! Sweeps: what one address bears.

use super::*;

/// What the `index`-th attempt came to, and after how many SYNs.
pub(super) fn answer_to(bench: &mut Bench, index: usize, outcome: Outcome, syns: u32) {
    let (id, address) = bench.connects[index];
    let (by, cause) = match outcome {
        Outcome::TimedOut => (By::Limit, Cause::Silence),
        _ => (By::Peer, Cause::Rst),
    };
    let elapsed = if outcome == Outcome::TimedOut { 5 * SECOND } else { SECOND * (syns - 1) };
    let attempt =
        Attempt { by: Some(by), cause: Some(cause), syns: Some(syns), elapsed, ..attempt(address, outcome, None) };
    bench.tell(Event::Ended(id, Box::new(attempt)));
    bench.run();
}

fn sweep(ports: u16) -> Bench {
    let mut bench = Bench::new(Policy { concurrency: 1000, timeout: Some(5 * SECOND), ..policy() });
    bench.give(literal(1..=ports));
    bench.run();
    bench
}

/// "the congestion window is increased by at most SMSS bytes for each ACK received" (RFC 5681 section 3.1)
#[test]
fn the_window_of_an_address_grows_with_its_answers() {
    let mut bench = sweep(2_000);
    assert_eq!(bench.connects.len(), 100);
    (0..100).for_each(|index| answer_to(&mut bench, index, Outcome::Refused, 1));
    assert_eq!(bench.connects.len() - 100, 200);
    assert!(bench.notes.is_empty());
}

/// 102 attempts in the first second are the pace, and 100 of them repeat their SYN.
#[test]
fn an_answer_to_a_later_syn_spaces_the_starts() {
    let mut bench = sweep(2_000);
    bench.pass(SECOND);
    answer_to(&mut bench, 0, Outcome::Refused, 1);
    answer_to(&mut bench, 1, Outcome::Refused, 2);
    assert_eq!((bench.connects.len(), &bench.notes[..]), (102, &[Note::Slowed([10, 0, 0, 1].into())][..]));
    (2..82).for_each(|index| answer_to(&mut bench, index, Outcome::Refused, 1));
    assert_eq!(bench.connects.len(), 102, "20 repeat their SYN, and 82 SYNs a second are left");
    let first = bench.until.expect("an instant") - bench.now;
    assert_eq!(first.as_millis(), 1000 / 82);
    bench.pass(first);
    assert_eq!(bench.connects.len(), 103);
    let second = bench.until.expect("an instant") - bench.now;
    assert_ne!(first, second, "what is lost is not repeated in step");
}

#[test]
fn silent_targets_of_a_lossy_address_are_asked_again_slowly_before_the_end() {
    let mut bench = sweep(100);
    answer_to(&mut bench, 0, Outcome::Refused, 2);
    bench.pass(5 * SECOND);
    (1..100).for_each(|index| answer_to(&mut bench, index, Outcome::TimedOut, 5));
    assert_eq!((bench.reports.len(), bench.connects.len()), (1, 101), "one after the other, from now on");
    let mut next = 100;
    while bench.reports.len() < 100 {
        while next < bench.connects.len() {
            answer_to(&mut bench, next, Outcome::Refused, 1);
            next += 1;
        }
        let until = bench.until.unwrap_or(bench.now);
        bench.pass(until.saturating_duration_since(bench.now));
    }
    assert_eq!((bench.reports.len(), next), (100, 199));
    let second = bench.reports.last().unwrap();
    assert_eq!((second.outcome, second.attempts.len()), (Outcome::Refused, 2));
    bench.assert_idle();
}

#[test]
fn an_address_that_never_answers_is_not_asked_again_and_neither_is_one_without_loss() {
    for answered in [0, 50] {
        let mut bench = sweep(100);
        (0..answered).for_each(|index| answer_to(&mut bench, index, Outcome::Refused, 1));
        bench.pass(5 * SECOND);
        (answered..100).for_each(|index| answer_to(&mut bench, index, Outcome::TimedOut, 5));
        assert_eq!((bench.reports.len(), bench.connects.len()), (100, 100));
        bench.assert_idle();
    }
}

/// Looks that find nothing are the last ones.
#[test]
fn a_look_that_finds_nothing_ends_the_looks() {
    let mut bench = sweep(30);
    answer_to(&mut bench, 0, Outcome::Refused, 2);
    (1..30).for_each(|index| answer_to(&mut bench, index, Outcome::TimedOut, 5));
    let mut next = 30;
    while bench.reports.len() < 30 {
        bench.pass(5 * SECOND);
        while next < bench.connects.len() {
            answer_to(&mut bench, next, Outcome::TimedOut, 5);
            next += 1;
        }
    }
    assert_eq!(next, 59);
    bench.assert_idle();
}

/// A timeout of less than a second shows no loss: what is silent is asked again, four at a time.
#[test]
fn a_short_timeout_shows_no_loss() {
    let mut bench = Bench::new(Policy { concurrency: 1000, timeout: Some(SECOND / 2), ..policy() });
    bench.give(literal(1..=100));
    bench.run();
    (0..50).for_each(|index| answer_to(&mut bench, index, Outcome::Refused, 1));
    (50..100).for_each(|index| answer_to(&mut bench, index, Outcome::TimedOut, 1));
    assert_eq!((bench.reports.len(), bench.connects.len()), (50, 104));
}

/// Silence from an address that has lost nothing is that of a firewall.
#[test]
fn silence_without_loss_does_not_hold_up_a_sweep() {
    let mut bench = sweep(10_000);
    let mut next = 0;
    for expected in [100, 200, 400, 800, 1000] {
        assert_eq!(bench.connects.len() - next, expected);
        bench.pass(5 * SECOND);
        let until = bench.connects.len();
        (next..until).for_each(|index| answer_to(&mut bench, index, Outcome::TimedOut, 5));
        next = until;
    }
}

#[test]
fn what_the_user_says_of_an_address_no_sign_changes() {
    let mut bench = Bench::new(Policy { concurrency: 1000, per_host: Some(7), ..policy() });
    bench.give(literal(1..=100));
    bench.run();
    assert_eq!(bench.connects.len(), 7);
    bench.pass(SECOND);
    answer_to(&mut bench, 0, Outcome::Refused, 2);
    assert_eq!((bench.connects.len(), bench.notes.len()), (8, 0));
}

/// A full table of neighbours is a lack of this machine: the host behind is asked when there is room.
#[test]
fn a_full_table_of_neighbours_is_waited_out() {
    let mut bench = Bench::name(Policy { concurrency: 1000, ..policy() }, &["10.0.0.1"]);
    let (id, address) = bench.connects[0];
    let full = Attempt { cause: Some(Cause::NeighbourTable), ..attempt(address, Outcome::Unavailable, None) };
    bench.tell(Event::Ended(id, Box::new(full)));
    bench.run();
    assert_eq!((bench.reports.len(), bench.until), (0, Some(bench.now + SECOND)));
    bench.pass(SECOND);
    bench.end(1, Outcome::Connected, None);
    assert!(bench.report().good && bench.report().attempts.len() == 1);
}

/// One at a time, nothing is in flight between two targets; what was learnt of the address is not forgotten.
#[test]
fn an_address_that_is_asked_slowly_stays_known() {
    let mut bench = Bench::new(Policy { concurrency: 1, ..policy() });
    bench.give(literal(1..=1_000));
    bench.run();
    bench.pass(SECOND);
    answer_to(&mut bench, 0, Outcome::Refused, 2);
    (1..21).for_each(|index| answer_to(&mut bench, index, Outcome::Refused, 1));
    assert_eq!((bench.connects.len(), bench.notes.len()), (21, 1));
    assert!(bench.until.is_some_and(|until| until > bench.now), "the next one waits for its time");
}

#[test]
fn addresses_that_are_done_take_no_memory() {
    let mut bench = Bench::new(Policy { concurrency: 100, ..policy() });
    let address = |n: u32| SocketAddr::from((std::net::Ipv4Addr::from(0x0a00_0000 + n), 80));
    let targets = (0..20_000).map(move |n| scheduled("h", 80, Some(address(n))));
    bench.give(Batch { protocol: Protocol::Tcp, name: None, targets: Box::new(targets) });
    bench.run();
    while !bench.connects.is_empty() {
        answer_to(&mut bench, 0, Outcome::Refused, 1);
        bench.connects.swap_remove(0);
        bench.reports.clear();
    }
    assert!(bench.schedule.hosts.len() <= 300, "{}", bench.schedule.hosts.len());
}
