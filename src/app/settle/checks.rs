//! What does not go together: each contradiction says what would be right.

use std::net::SocketAddr;

use anyhow::{Result, bail, ensure};

use super::has_port;
use crate::app::args::Args;
use crate::classify::requirement::Require;
use crate::grammar::Spec;
use crate::model::{Expected, Family, Mode, Outcome, Protocol, Strategy};
use crate::net::sys;

/// What only a connection that is held comes to.
const HELD: [Outcome; 2] = [Outcome::ClosedByPeer, Outcome::Unserved];

/// Options that contradict each other, or the targets.
pub fn contradictions(args: &Args, specs: &[Spec]) -> Result<()> {
    let datagrams = args.from.is_some() || specs.iter().any(|spec| spec.protocol == Protocol::Udp);
    ensure!(
        args.payload.is_none() || datagrams,
        "--payload is what a datagram carries: add --udp or write udp://HOST:PORT, or leave it out for TCP"
    );
    let first = args.strategy == Strategy::First;
    ensure!(
        !first || matches!(args.require, Require::Any | Require::Count(1)),
        "--strategy first stops at the first success and --require asks for more: use --strategy all"
    );
    races(args)?;
    let of_hold = |expected: Expected| HELD.into_iter().find(|&word| expected.contains(word));
    if let (None, Some(word)) = (args.hold, args.expect.and_then(of_hold)) {
        bail!("--expect {word}: only a connection that is held can come to it: add --hold DURATION");
    }
    ensure!(
        !first || args.expect.is_none(),
        "--expect is about every address and --strategy first stops at the first success: use --strategy all"
    );
    ensure!(
        args.mode == Mode::Nonblocking || args.concurrency.is_none_or(|n| n == 1),
        "--mode blocking makes one attempt at a time: leave -j out, or use --mode nonblocking"
    );
    ensure!(
        args.mode == Mode::Nonblocking || args.per_host.is_none_or(|n| n == 1),
        "--mode blocking makes one attempt at a time: leave --per-host out, or use --mode nonblocking"
    );
    if let (Some(per_host), Some(all)) = (args.per_host, args.concurrency) {
        ensure!(per_host <= all, "--per-host {per_host} is more than -j {all} allows in all: lower it, or raise -j");
    }
    ensure!(
        args.mode == Mode::Nonblocking || !args.fail_on_icmp,
        "--fail-on-icmp ends what the kernel goes on with, and connect() does not return for it: leave --mode blocking out"
    );
    ensure!(
        args.mode == Mode::Nonblocking || !args.trace,
        "--trace watches several hops at once: leave --mode blocking out"
    );
    ensure!(
        !args.trace || sys::can_trace(if args.udp { Protocol::Udp } else { Protocol::Tcp }),
        "--trace needs the ICMP messages of routers, which Linux gives to any program, and Windows 10 (2004) and later \
         for TCP: use traceroute or tracert here"
    );
    ensure!(!args.trace || args.ttl.is_none(), "--trace sets the time to live itself: leave --ttl out");
    Ok(())
}

/// What does not go with a race, and what only a race has.
fn races(args: &Args) -> Result<()> {
    if args.strategy != Strategy::Race {
        ensure!(
            args.attempt_delay.is_none(),
            "--attempt-delay is the delay between the attempts of a race: add --strategy race"
        );
        return Ok(());
    }
    ensure!(
        matches!(args.require, Require::Any | Require::Count(1)),
        "--strategy race ends at the first success and --require asks for more: use --strategy all"
    );
    ensure!(
        args.expect.is_none(),
        "--expect is about every address and --strategy race ends at the first success: use --strategy all"
    );
    ensure!(
        args.mode == Mode::Nonblocking,
        "--strategy race has several attempts in flight: leave --mode blocking out, or use --strategy first"
    );
    ensure!(
        args.concurrency.is_none_or(|n| n > 1),
        "--strategy race has several attempts in flight: leave -j 1 out, or use --strategy first"
    );
    Ok(())
}

/// What does not go with a source address of that port, or with one family alone.
pub fn of_source(args: &Args, source: Option<SocketAddr>, family: Option<Family>) -> Result<()> {
    let port = has_port(source);
    ensure!(
        !args.trace || !port,
        "--trace sends several hops at once, and they cannot share a port: give --source an address alone"
    );
    ensure!(
        !port || args.reuse_address || args.strategy != Strategy::Race,
        "--strategy race has several attempts in flight, and they cannot share a port: give --source an address alone"
    );
    ensure!(
        !port || args.reuse_address || args.concurrency.is_none_or(|n| n == 1),
        "a port in --source is for one attempt at a time: leave -j out, or add --reuse-address"
    );
    ensure!(
        args.require != Require::EachFamily || family.is_none(),
        "--require each-family asks for both families: leave -4, -6 and --source out"
    );
    Ok(())
}
