//! Traced paths.

use super::*;

fn traced(policy: Policy) -> Policy {
    Policy { trace: vec![Protocol::Tcp], timeout: Some(SECOND / 2), ..policy }
}

impl Bench {
    /// Every attempt of a target under way is silent until its timeout.
    fn silence(&mut self) {
        self.pass(SECOND / 2);
        for (id, _) in std::mem::take(&mut self.given_up) {
            if let Some(&(_, address)) = self.connects.iter().rev().find(|(other, _)| *other == id) {
                self.tell(Event::Ended(id, Box::new(attempt(address, Outcome::TimedOut, None))));
            }
        }
        self.run();
    }

    /// Ends the hops in flight: those up to `routers` by a router, the others by our timeout.
    fn end_hops(&mut self, routers: u8) {
        let to = SocketAddr::from(([10, 0, 0, 1], 0));
        for (id, ttl) in std::mem::take(&mut self.hops) {
            let mut hop = attempt(to, Outcome::TimedOut, None);
            if ttl <= routers {
                hop.outcome = Outcome::Unreachable;
                hop.icmp = Some(expired(ttl));
            }
            self.tell(Event::Ended(id, Box::new(hop)));
        }
        self.run();
    }
}

fn expired(router: u8) -> crate::model::Icmp {
    crate::model::Icmp {
        from: [192, 0, 2, router].into(),
        family: crate::model::Family::V4,
        kind: 11,
        code: 0,
        info: 0,
        at: None,
        count: 1,
        decisive: true,
    }
}

#[test]
fn ports_of_one_address_share_its_path() {
    let mut bench = Bench::new(traced(Policy { concurrency: 100, ..policy() }));
    bench.give(literal(1..=20));
    bench.run();
    assert_eq!(bench.connects.len(), 20);
    bench.silence();
    assert!(bench.reports.is_empty(), "the reports wait for the path");
    let mut sent = 0;
    while bench.reports.is_empty() {
        sent += bench.hops.len();
        bench.end_hops(3);
        bench.pass(SECOND / 20);
    }
    assert_eq!((bench.reports.len(), sent), (20, 30), "one path of thirty hops for twenty ports");
    for report in &bench.reports {
        let [path] = &report.trace.as_ref().unwrap()[..] else { panic!("one path") };
        assert_eq!((path.address.port(), path.hops.len()), (report.port, 3));
    }
    bench.assert_idle();
}

/// "MUST limit the rate of ICMPv6 error messages it originates" (RFC 4443 section 2.4 (f)): six at once, then one a second.
#[test]
fn hops_of_one_distance_keep_the_pace_that_routers_answer() {
    let mut bench = Bench::new(traced(Policy { concurrency: 100, ..policy() }));
    let address = |host| Some(SocketAddr::from(([10, 0, 0, host], 80)));
    let targets: Vec<Target> = (1..=8).map(|host| scheduled("h", 80, address(host))).collect();
    bench.give(Batch { protocol: Protocol::Tcp, name: None, targets: Box::new(targets.into_iter()) });
    bench.run();
    bench.silence();
    let first_hops = |bench: &Bench| bench.hops.iter().filter(|(_, ttl)| *ttl == 1).count();
    assert_eq!(first_hops(&bench), 6);
    bench.pass(SECOND - Duration::from_nanos(1));
    assert_eq!(first_hops(&bench), 6);
    bench.pass(Duration::from_nanos(1));
    assert_eq!(first_hops(&bench), 7);
    bench.pass(SECOND);
    assert_eq!(first_hops(&bench), 8);
}

#[test]
fn other_targets_go_on_while_a_path_is_traced() {
    let mut bench = Bench::new(traced(Policy { concurrency: 1, ..policy() }));
    bench.give(literal(1..=3));
    bench.run();
    bench.silence();
    assert_eq!(bench.connects.len(), 2, "the next port starts while the path is traced");
    assert!(!bench.hops.is_empty() && bench.reports.is_empty());
}

#[test]
fn the_end_of_the_run_shows_paths_as_far_as_they_are_known() {
    let mut bench = Bench::new(traced(policy()));
    bench.give(literal(1..=1));
    bench.run();
    bench.silence();
    bench.end_hops(4);
    bench.tell(Event::Signal(Signal::Interrupt));
    bench.run();
    let path = &bench.report().trace.as_ref().unwrap()[0];
    assert_eq!(path.hops.len(), 4);
}

/// A path of one address: routers at three hops, then the destination accepts.
fn accepted() -> Bench {
    let mut bench = Bench::new(traced(policy()));
    bench.give(literal(1..=1));
    bench.run();
    bench.silence();
    for (id, ttl) in std::mem::take(&mut bench.hops) {
        let outcome = if ttl == 4 { Outcome::Connected } else { Outcome::Unreachable };
        let icmp = (ttl < 4).then(|| expired(ttl));
        let hop = Attempt { icmp, elapsed: SECOND / 100, ..attempt(([10, 0, 0, 1], 1).into(), outcome, None) };
        bench.tell(Event::Ended(id, Box::new(hop)));
    }
    bench.run();
    bench
}

#[test]
fn a_path_that_was_answered_is_traced_back() {
    let mut bench = accepted();
    let mut sockets = 0;
    while bench.reports.is_empty() {
        let [(id, least)] = std::mem::take(&mut bench.backs)[..] else { panic!("one socket at a time") };
        assert_eq!(bench.schedule.deadline(id), Some(bench.now + SECOND / 50 + SECOND / 20), "twice what the hop took");
        let local_drop = Some(LocalDrop { point: DropPoint::Socket, count: 1, certain: true });
        let ended = match least <= 62 {
            true => attempt(([10, 0, 0, 1], 1).into(), Outcome::Connected, None),
            false => Attempt { local_drop, ..attempt(([10, 0, 0, 1], 1).into(), Outcome::TimedOut, None) },
        };
        bench.tell(Event::Ended(id, Box::new(ended)));
        bench.run();
        sockets += 1;
    }
    assert_eq!(sockets, 8);
    let path = &bench.report().trace.as_ref().unwrap()[0];
    assert_eq!((path.hops.len(), path.answer_ttl, path.answered_hop), (4, Some(62), Some(3)));
    bench.assert_idle();
}

#[test]
fn an_answer_that_does_not_come_again_leaves_the_way_back_unknown() {
    let mut bench = accepted();
    let (id, _) = bench.backs.pop().unwrap();
    bench.tell(Event::Ended(id, Box::new(attempt(([10, 0, 0, 1], 1).into(), Outcome::TimedOut, None))));
    bench.run();
    let path = &bench.report().trace.as_ref().unwrap()[0];
    assert_eq!((path.hops.len(), path.answer_ttl, path.answered_hop), (4, None, None));
    bench.assert_idle();
}
