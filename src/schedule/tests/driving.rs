//! The loop: when to look, when to give up, when a run is over.

use super::*;

/// Polls that a run asked for, each with what had been done since the last one.
fn polls(bench: &mut Bench, tick: Duration) -> Vec<usize> {
    let mut polls = vec![0];
    loop {
        match bench.schedule.step(bench.now) {
            Step::Wait(until) if until.is_none_or(|until| until > bench.now) => return polls,
            Step::Wait(_) => polls.push(0),
            Step::Done(_) => return polls,
            step => {
                bench.act(step);
                *polls.last_mut().unwrap() += 1;
                bench.now += tick;
            }
        }
    }
}

#[test]
fn sockets_are_polled_at_least_every_interval_while_there_is_work() {
    let mut bench = Bench::new(Policy { concurrency: 1000, ..policy() });
    bench.give(literal(1..=100));
    let polls = polls(&mut bench, POLL_INTERVAL / 10);
    assert!(polls.len() >= 10 && polls.iter().all(|&steps| steps <= 10), "{polls:?}");
}

/// However slow the machine: between two looks something is done.
#[test]
fn a_slow_turn_does_not_starve_the_work() {
    let mut bench = Bench::new(policy());
    bench.exhausted = true;
    bench.give(literal(1..=5));
    let polls = polls(&mut bench, 3 * POLL_INTERVAL);
    assert_eq!(bench.connects.len(), 5);
    assert!(polls[..polls.len() - 1].iter().all(|&steps| steps == 1), "{polls:?}");
}

/// A process that was stopped past the timeout, or was busy: the answer lies in the socket.
#[test]
fn nothing_is_given_up_before_another_look() {
    let mut bench = Bench::name(policy(), &["10.0.0.1", "10.0.0.2"]);
    bench.now += 100 * SECOND;
    let look = bench.schedule.step(bench.now);
    assert!(matches!(look, Step::Wait(Some(until)) if until <= bench.now), "{look:?}");
    bench.end(0, Outcome::Connected, None);
    assert_eq!(bench.given_up, [(bench.connects[1].0, Stop::Limit)]);
}

#[test]
fn neither_the_deadline_nor_a_signal_gives_up_an_answer_that_is_there() {
    for by_signal in [false, true] {
        let base = policy();
        let deadline = Some(base.epoch.0 + SECOND);
        let mut bench = Bench::name(Policy { deadline, ..base }, &["10.0.0.1"]);
        bench.now += SECOND;
        if by_signal {
            bench.now -= SECOND / 2;
            bench.tell(Event::Signal(Signal::Terminate));
        }
        let look = bench.schedule.step(bench.now);
        assert!(matches!(look, Step::Wait(Some(until)) if until <= bench.now), "{look:?}");
        bench.end(0, Outcome::Connected, None);
        assert!(bench.given_up.is_empty() && bench.report().good);
    }
}

#[test]
fn the_attempt_is_given_up_as_at_the_look_that_found_nothing() {
    let mut bench = Bench::name(policy(), &["10.0.0.1"]);
    bench.now += 3 * SECOND;
    let looked = bench.now;
    assert!(matches!(bench.schedule.step(looked), Step::Wait(Some(_))));
    let step = bench.schedule.step(looked + POLL_INTERVAL / 2);
    assert!(matches!(step, Step::GiveUp(_, Stop::Limit, at) if at == looked), "{step:?}");
}

#[test]
fn a_source_without_targets_is_asked_again_after_each_wait_and_not_before() {
    let mut bench = Bench::new(policy());
    let draws =
        |bench: &mut Bench| (0..9).filter(|_| matches!(bench.schedule.step(bench.now), Step::Draw { .. })).count();
    assert!(matches!(bench.schedule.step(bench.now), Step::Draw { over: false }));
    bench.tell(Event::Next(Next::Later(None)));
    assert!(matches!(bench.schedule.step(bench.now), Step::Wait(None)), "no deadline of anything is near");
    assert!(matches!(bench.schedule.step(bench.now), Step::Draw { over: false }));
    bench.tell(Event::Next(Next::Exhausted));
    assert_eq!(draws(&mut bench), 0);
    assert!(matches!(bench.schedule.step(bench.now), Step::Done(_)));
}

#[test]
fn a_source_that_names_an_instant_is_asked_then() {
    let mut bench = Bench::new(policy());
    assert!(matches!(bench.schedule.step(bench.now), Step::Draw { over: false }));
    let at = bench.now + SECOND;
    bench.tell(Event::Next(Next::Later(Some(at))));
    for now in [bench.now, at - Duration::from_nanos(1)] {
        let step = bench.schedule.step(now);
        assert!(matches!(step, Step::Wait(Some(until)) if until == at || until == now), "{step:?}");
    }
    assert!(matches!(bench.schedule.step(at), Step::Draw { over: false }));
}

/// Also where the last attempt ends without a wait.
#[test]
fn a_barrier_lifts_when_everything_is_reported() {
    let mut bench = Bench::new(policy());
    let draw = |bench: &mut Bench| matches!(bench.schedule.step(bench.now), Step::Draw { over: false });
    assert!(draw(&mut bench));
    bench.tell(Event::Next(Next::Batch(Box::new(literal(1..=2)))));
    for port in 1..=2 {
        let Step::Connect(id, connect) = bench.schedule.step(bench.now) else { panic!("port {port}") };
        bench.tell(Event::Connecting(id));
        bench.connects.push((id, connect.address));
    }
    assert!(draw(&mut bench));
    bench.tell(Event::Next(Next::Barrier));
    for (id, address) in bench.connects.clone() {
        assert!(matches!(bench.schedule.step(bench.now), Step::Wait(_)));
        bench.tell(Event::Ended(id, Box::new(attempt(address, Outcome::Refused, None))));
        assert!(matches!(bench.schedule.step(bench.now), Step::Report(_)));
    }
    assert!(draw(&mut bench));
    bench.tell(Event::Next(Next::Exhausted));
    assert!(matches!(bench.schedule.step(bench.now), Step::Done(_)));
}

#[test]
fn a_run_that_is_stopped_between_rounds_ends() {
    let deadline = Some(policy().epoch.0 + SECOND);
    for by_signal in [false, true] {
        let mut bench = Bench::new(Policy { deadline, ..policy() });
        assert!(matches!(bench.schedule.step(bench.now), Step::Draw { .. }));
        bench.tell(Event::Next(Next::Later(Some(bench.now + 9 * SECOND))));
        bench.exhausted = true;
        if by_signal {
            bench.tell(Event::Signal(Signal::Interrupt));
        }
        bench.pass(2 * SECOND);
        assert!(bench.done.is_some_and(|ended| !ended.unread), "{:?}", bench.done);
    }
}

#[test]
fn a_target_starts_at_the_wall_clock_of_its_start() {
    let mut bench = Bench::new(policy());
    let hour = 3600 * SECOND;
    bench.give(literal(1..=1));
    bench.pass(SECOND);
    // The clock is set while the first is under way.
    bench.tell(Event::Clock(SystemTime::UNIX_EPOCH + hour));
    bench.end(0, Outcome::Refused, None);
    bench.give(literal(2..=2));
    bench.pass(SECOND);
    bench.end(1, Outcome::Refused, None);
    let started: Vec<SystemTime> = bench.reports.iter().map(|report| report.started_at).collect();
    assert_eq!(started, [SystemTime::UNIX_EPOCH + SECOND, SystemTime::UNIX_EPOCH + hour + SECOND]);
}

#[test]
fn where_nobody_reads_the_source_is_asked_once_whether_more_was_left() {
    for (left, cut_short) in [(true, true), (false, false)] {
        let mut bench = Bench::new(Policy { concurrency: 1, ..policy() });
        bench.exhausted = true;
        bench.give(literal(1..=1));
        if left {
            bench.give(literal(2..=2));
        }
        bench.run();
        bench.tell(Event::NobodyReads);
        bench.run();
        bench.end(0, Outcome::Interrupted, None);
        assert_eq!(bench.done, Some(Ended { cut_short, ..Ended::default() }));
    }
}

#[test]
fn a_signal_outranks_a_closed_pipe_and_the_end_of_the_source() {
    let mut bench = Bench::new(policy());
    bench.exhausted = true;
    bench.give(literal(1..=1));
    bench.run();
    bench.end(0, Outcome::Refused, None);
    bench.tell(Event::NobodyReads);
    bench.tell(Event::Signal(Signal::Terminate));
    bench.run();
    assert_eq!(bench.done.map(|ended| ended.signal), Some(Some(Signal::Terminate)));
}

/// EMFILE says nothing of the peer: descriptors are free again when an attempt in flight ends.
#[test]
fn descriptors_that_run_out_are_waited_for() {
    let mut bench = Bench::new(policy());
    bench.give(literal(1..=3));
    bench.run();
    let (id, address) = bench.connects[2];
    let short = Attempt { cause: Some(Cause::Descriptors), ..attempt(address, Outcome::Unavailable, None) };
    bench.tell(Event::Ended(id, Box::new(short.clone())));
    bench.run();
    assert_eq!((bench.connects.len(), bench.reports.len()), (3, 0));
    bench.end(0, Outcome::Refused, None);
    assert_eq!(bench.tried()[3], "10.0.0.1:3", "the third has another turn");
    bench.end(1, Outcome::Refused, None);
    // Alone, there is nothing to wait for.
    let (id, _) = bench.connects[3];
    bench.tell(Event::Ended(id, Box::new(short)));
    bench.run();
    assert_eq!(bench.reports.last().map(|report| report.outcome), Some(Outcome::Unavailable));
    bench.assert_idle();
}

/// The first tries and the last ones are kept; the numbers tell how many there were.
#[test]
fn tries_without_end_take_no_memory_without_end() {
    let mut bench = Bench::name(Policy { retries: u32::MAX, retry_delay: Duration::ZERO, ..policy() }, &["10.0.0.1"]);
    for index in 0..5_000 {
        bench.end(index, Outcome::Refused, Some(ECONNREFUSED));
    }
    bench.end(5_000, Outcome::Connected, None);
    assert!(bench.report().attempts.len() <= 100 && bench.report().good);
}
