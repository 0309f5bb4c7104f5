//! One JSON object a line. The functions are the format: their calls are its keys, in order. A value that this platform
//! cannot know is null; only `events` is left out unless asked for.
//!
//! The line is written straight into the caller's buffer: in a sweep this is most of the work that is done for a target.

use object::Object;

use super::units::{Timestamp, micros, received};
use crate::classify::codes::{Described, describe};
use crate::classify::{advice, exit, verdict};
use crate::model::{
    Attempt, By, Cause, Ended, Event, Family, Handshake, Hold, Hop, Icmp, LocalDrop, Lookup, Path, Phase, Reason,
    Report, Route, RouteKind,
};

mod object;
pub mod statistics;

/// Changes only when a key is taken away.
pub const VERSION: &str = "rconnect/1";

/// Appends one target as one line, the newline included.
pub fn line(report: &Report, events: bool, out: &mut Vec<u8>) {
    let paths = report.trace.as_deref();
    let mut object = Object::begin(out);
    object.word("schema", VERSION);
    object.word("record", "target");
    object.text("target", &*report.target);
    object.text("host", &*report.host);
    object.number("port", report.port);
    object.word("protocol", report.protocol.slug());
    object.word("mode", report.mode.slug());
    object.word("strategy", report.strategy.slug());
    object.shown("started_at", Timestamp(report.started_at));
    object.number("elapsed_us", micros(report.elapsed));
    object.word("outcome", report.outcome.slug());
    object.truth("good", report.good);
    object.truth("partial", report.partial);
    object.number("exit_code", exit::of(report));
    object.object("resolve", Some(&report.lookup), resolve);
    object.list("attempts", Some(&report.attempts), |known, object| attempt(known, paths, events, object));
    object.list("trace", paths, path);
    if let Some(round) = report.round {
        object.number("round", round);
    }
    object.end();
    out.push(b'\n');
}

fn resolve(lookup: &Lookup, object: &mut Object) {
    object.number("elapsed_us", micros(lookup.elapsed));
    object.number("addresses", lookup.addresses as u64);
    object.number("duplicates", lookup.duplicates as u64);
    object.object("error", lookup.error.map(describe).as_ref(), error);
    object.word("by", lookup.by.map(By::slug));
    object.word("cause", lookup.cause.map(Cause::slug));
    object.text("advice", advice::of_lookup(lookup).as_deref());
    object.word("family", lookup.family.map(Family::slug));
    object.word("unanswered", lookup.unanswered.map(Family::slug));
    object.text("canonical", lookup.canonical.as_deref());
    object.text("ascii", lookup.ascii.as_deref());
    object.truth("cut_short", lookup.cut_short);
}

fn attempt(attempt: &Attempt, paths: Option<&[Path]>, events: bool, object: &mut Object) {
    object.address("address", attempt.address);
    object.number("port", attempt.address.port());
    object.word("family", Family::of(attempt.address.ip()).slug());
    object.word("outcome", attempt.outcome.slug());
    object.number("try", attempt.number);
    object.number("started_us", micros(attempt.started));
    object.number("elapsed_us", micros(attempt.elapsed));
    object.end_point("local", attempt.local);
    object.end_point("reply_from", attempt.reply_from);
    object.word("phase", attempt.phase.map(Phase::slug));
    object.word("by", attempt.by.map(By::slug));
    object.word("cause", attempt.cause.map(Cause::slug));
    object.word("ended", attempt.ended.map(Ended::slug));
    object.truth("cut_short", attempt.cut_short);
    let code = attempt.error.map(|code| Described { retryable: verdict::retryable(attempt), ..describe(code) });
    object.object("error", code.as_ref(), error);
    object.object("icmp", attempt.icmp.as_ref(), message);
    object.measured("syns", attempt.syns.map(u64::from));
    object.measured("rtt_us", attempt.rtt.map(micros));
    object.object("handshake", attempt.handshake.as_ref(), handshake);
    object.object("hold", attempt.hold.as_ref(), hold);
    object.object("route", attempt.route.as_ref(), route);
    object.object("local_drop", attempt.local_drop.as_ref(), local_drop);
    object.word("reason", attempt.reason.map(Reason::meaning));
    object.text("advice", advice::of(attempt, paths).as_deref());
    if events {
        object.list("events", Some(&attempt.events), event);
    }
}

fn error(code: &Described, object: &mut Object) {
    object.text("name", &*code.name);
    object.integer("number", code.number);
    object.word("winsock_name", code.winsock_name);
    object.integer("winsock_number", code.winsock_number);
    object.truth("retryable", code.retryable);
}

fn message(icmp: &Icmp, object: &mut Object) {
    object.ip("from", icmp.from);
    object.number("type", icmp.kind);
    object.number("code", icmp.code);
    object.text("meaning", icmp.meaning());
    object.number("info", icmp.info);
    object.measured("at_us", icmp.at.map(micros));
    object.number("count", icmp.count);
    object.truth("decisive", icmp.decisive);
}

fn handshake(terms: &Handshake, object: &mut Object) {
    object.measured("window", terms.window.map(u64::from));
    object.measured("window_scale", terms.window_scale.map(u64::from));
    object.measured("mss", terms.mss.map(u64::from));
    object.answer("timestamps", terms.timestamps);
    object.answer("sack", terms.sack);
    object.answer("ecn", terms.ecn);
}

fn local_drop(drop: &LocalDrop, object: &mut Object) {
    object.word("where", drop.point.slug());
    object.number("count", drop.count);
    object.truth("certain", drop.certain);
}

fn hold(hold: &Hold, object: &mut Object) {
    object.number("elapsed_us", micros(hold.elapsed));
    object.text("received", &*received(&hold.received));
    object.measured("window", hold.window.map(u64::from));
}

fn route(route: &Route, object: &mut Object) {
    object.word("kind", route.kind.map(RouteKind::slug));
    object.text("interface", route.interface.as_deref());
    object.ip("gateway", route.gateway);
    object.ip("source", route.source);
    object.object("error", route.error.map(describe).as_ref(), error);
}

fn event(event: &Event, object: &mut Object) {
    object.number("at_us", micros(event.at));
    object.word("event", event.event.slug());
    object.object("error", event.error.map(describe).as_ref(), error);
}

fn path(path: &Path, object: &mut Object) {
    object.address("address", path.address);
    object.word("end", path.end.slug());
    object.list("hops", Some(&path.hops), hop);
    object.number("traced_port", path.traced_port);
    object.measured("answer_ttl", path.answer_ttl.map(u64::from));
    object.measured("answered_hop", path.answered_hop.map(u64::from));
}

fn hop(hop: &Hop, object: &mut Object) {
    object.number("ttl", hop.ttl);
    object.ip("address", hop.address);
    object.number("elapsed_us", micros(hop.elapsed));
    object.word("outcome", hop.outcome.slug());
    object.object("error", hop.error.map(describe).as_ref(), error);
    object.object("icmp", hop.icmp.as_ref(), message);
    object.word("by", hop.by.map(By::slug));
}

#[cfg(test)]
mod tests;
