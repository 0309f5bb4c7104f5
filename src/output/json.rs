//! One JSON object a line. The functions are the format: their calls are its keys, in order. A value that this platform
//! cannot know is null; only `events` is left out unless asked for.
//!
//! The line is written straight into the caller's buffer: in a sweep this is most of the work that is done for a target.

use std::fmt::{self, Write};
use std::net::{IpAddr, SocketAddr};

use super::units::{Timestamp, micros, received};
use crate::classify::codes::{Described, describe};
use crate::classify::{advice, exit, verdict};
use crate::model::{
    Attempt, By, Cause, Ended, Event, Family, Handshake, Hold, Hop, Icmp, LocalDrop, Lookup, Path, Phase, Reason,
    Report, Route, RouteKind,
};

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

/// An object on its way into the buffer. A value that is `None` is null.
struct Object<'a> {
    out: &'a mut Vec<u8>,
    empty: bool,
}

impl<'a> Object<'a> {
    fn begin(out: &'a mut Vec<u8>) -> Self {
        out.push(b'{');
        Object { out, empty: true }
    }

    fn end(self) {
        self.out.push(b'}');
    }

    /// The key, and null unless there is a value.
    fn value<T>(&mut self, key: &str, value: Option<T>, put: impl FnOnce(T, &mut Vec<u8>)) {
        self.out.extend_from_slice(if std::mem::take(&mut self.empty) { b"\"" } else { b",\"" });
        self.out.extend_from_slice(key.as_bytes());
        self.out.extend_from_slice(b"\":");
        match value {
            Some(value) => put(value, self.out),
            None => self.out.extend_from_slice(b"null"),
        }
    }

    /// A word of ours: nothing in it needs an escape.
    fn word(&mut self, key: &str, word: impl Into<Option<&'static str>>) {
        self.value(key, word.into(), |word, out| quoted(out, |out| out.extend_from_slice(word.as_bytes())));
    }

    /// Text from outside.
    fn text<'t>(&mut self, key: &str, text: impl Into<Option<&'t str>>) {
        self.value(key, text.into(), escaped);
    }

    fn truth(&mut self, key: &str, value: bool) {
        self.answer(key, Some(value));
    }

    /// A truth that is not always known.
    fn answer(&mut self, key: &str, value: Option<bool>) {
        self.value(key, value, |value, out| out.extend_from_slice(if value { b"true" } else { b"false" }));
    }

    fn number(&mut self, key: &str, number: impl Into<u64>) {
        self.measured(key, Some(number.into()));
    }

    /// A number that is not always known.
    fn measured(&mut self, key: &str, number: Option<u64>) {
        self.value(key, number, digits);
    }

    fn integer(&mut self, key: &str, number: Option<i32>) {
        self.value(key, number, |number, out| {
            out.extend((number < 0).then_some(b'-'));
            digits(u64::from(number.unsigned_abs()), out);
        });
    }

    /// What its `Display` says, in which nothing needs an escape.
    fn shown(&mut self, key: &str, value: impl fmt::Display) {
        self.value(key, Some(value), |value, out| quoted(out, |out| shown(value, out)));
    }

    fn ip(&mut self, key: &str, ip: impl Into<Option<IpAddr>>) {
        self.value(key, ip.into(), |address, out| quoted(out, |out| ip_address(address, out)));
    }

    /// An address without its port; the scope id, where there is one, as a number (RFC 4007 section 11.2).
    fn address(&mut self, key: &str, address: SocketAddr) {
        self.value(key, Some(address), |address, out| {
            quoted(out, |out| {
                ip_address(address.ip(), out);
                scope(address, out);
            });
        });
    }

    /// An address with its port.
    fn end_point(&mut self, key: &str, end: Option<SocketAddr>) {
        self.value(key, end, |end, out| {
            quoted(out, |out| match end {
                SocketAddr::V4(v4) => {
                    ip_address(end.ip(), out);
                    out.push(b':');
                    digits(v4.port().into(), out);
                }
                SocketAddr::V6(_) => shown(end, out),
            });
        });
    }

    fn object<T>(&mut self, key: &str, value: Option<&T>, members: impl FnOnce(&T, &mut Object)) {
        self.value(key, value, |value, out| {
            let mut object = Object::begin(out);
            members(value, &mut object);
            object.end();
        });
    }

    fn list<T>(&mut self, key: &str, list: Option<&[T]>, members: impl Fn(&T, &mut Object)) {
        self.value(key, list, |list, out| {
            out.push(b'[');
            for (index, value) in list.iter().enumerate() {
                out.extend((index > 0).then_some(b','));
                let mut object = Object::begin(out);
                members(value, &mut object);
                object.end();
            }
            out.push(b']');
        });
    }
}

/// Text is appended as UTF-8.
struct Bytes<'a>(&'a mut Vec<u8>);

impl Write for Bytes<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}

fn quoted(out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
    out.push(b'"');
    put(out);
    out.push(b'"');
}

fn escaped(text: &str, out: &mut Vec<u8>) {
    if text.bytes().all(|byte| byte >= b' ' && byte != b'"' && byte != b'\\') {
        quoted(out, |out| out.extend_from_slice(text.as_bytes()));
    } else {
        serde_json::to_writer(out, text).expect("text has a JSON form");
    }
}

fn shown(value: impl fmt::Display, out: &mut Vec<u8>) {
    write!(Bytes(out), "{value}").expect("memory takes every byte");
}

fn digits(mut number: u64, out: &mut Vec<u8>) {
    let mut digits = [0; 20];
    let mut first = digits.len();
    loop {
        first -= 1;
        digits[first] = b'0' + (number % 10) as u8;
        number /= 10;
        if number == 0 {
            return out.extend_from_slice(&digits[first..]);
        }
    }
}

fn ip_address(ip: IpAddr, out: &mut Vec<u8>) {
    match ip {
        IpAddr::V4(v4) => v4.octets().into_iter().enumerate().for_each(|(index, octet)| {
            out.extend((index > 0).then_some(b'.'));
            digits(octet.into(), out);
        }),
        IpAddr::V6(v6) => shown(v6, out),
    }
}

fn scope(address: SocketAddr, out: &mut Vec<u8>) {
    if let SocketAddr::V6(v6) = address
        && v6.scope_id() != 0
    {
        out.push(b'%');
        digits(v6.scope_id().into(), out);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::super::{SCHEMA, samples};
    use super::*;
    use crate::classify::documented::{Basis, Page, Platform, Verdict};
    use crate::model::{DropPoint, EventKind, Mode, Outcome, PathEnd, Protocol, Strategy, Trial};

    #[test]
    fn values_from_outside_are_escaped() {
        let odd = "a\"b\\c\u{1}\n例 é";
        let value = render(&Report { target: odd.into(), host: odd.into(), ..samples::partial() }, false);
        assert_eq!((&value["target"], &value["host"]), (&json!(odd), &json!(odd)));
    }

    #[test]
    fn what_came_is_text_that_can_be_turned_back() {
        assert_eq!(render(&samples::held(), false)["attempts"][0]["hold"]["received"], "SSH-2.0-x\r\n\\\\\\xff");
    }

    #[test]
    fn numbers_have_all_their_digits() {
        for number in [0, 1, 9, 10, 255, 65_535, u64::MAX] {
            let mut out = Vec::new();
            digits(number, &mut out);
            assert_eq!(out, number.to_string().into_bytes());
        }
        let mut out = Vec::new();
        Object::begin(&mut out).integer("n", Some(i32::MIN));
        assert_eq!(out, b"{\"n\":-2147483648");
    }

    pub fn schema() -> Value {
        serde_json::from_str(SCHEMA).expect("the schema is JSON")
    }

    fn bytes(report: &Report, events: bool) -> Vec<u8> {
        let mut out = Vec::new();
        line(report, events, &mut out);
        out
    }

    fn render(report: &Report, events: bool) -> Value {
        serde_json::from_slice(&bytes(report, events)).expect("a line is JSON")
    }

    /// New keys may be added to the format, so the schema allows unknown ones; here every key must be described.
    pub fn closed(mut schema: Value) -> Value {
        if let Value::Object(map) = &mut schema {
            if map.contains_key("properties") {
                map.insert("additionalProperties".into(), json!(false));
            }
            map.values_mut().for_each(|value| *value = closed(value.take()));
        }
        schema
    }

    #[test]
    fn the_schema_is_a_valid_draft_2020_12() {
        assert_eq!(schema()["$schema"], "https://json-schema.org/draft/2020-12/schema");
        jsonschema::meta::validate(&schema()).expect("valid");
    }

    #[test]
    fn every_line_fits_the_schema_and_has_no_key_that_it_does_not_describe() {
        let validator = jsonschema::validator_for(&closed(schema())).expect("a schema");
        for report in samples::many() {
            for events in [false, true] {
                let value = render(&report, events);
                let errors: Vec<String> =
                    validator.iter_errors(&value).map(|e| format!("{e} at {}", e.instance_path())).collect();
                assert!(errors.is_empty(), "{errors:?}\n{value:#}");
            }
        }
    }

    #[test]
    fn the_schema_refuses_what_the_format_never_says() {
        let validator = jsonschema::validator_for(&schema()).expect("a schema");
        let good = render(&samples::traced(), true);
        assert!(validator.is_valid(&good));
        for (pointer, wrong) in [
            ("/schema", json!("rconnect/2")),
            ("/record", json!("row")),
            ("/outcome", json!("open")),
            ("/port", json!(0)),
            ("/exit_code", json!(2)),
            ("/started_at", json!("yesterday")),
            ("/attempts/0/outcome", json!(null)),
            ("/attempts/0/try", json!(0)),
            ("/attempts/1/by", json!("somebody")),
            ("/attempts/1/cause", json!("weather")),
            ("/attempts/1/error/number", json!("113")),
            ("/attempts/1/icmp/code", json!(256)),
            ("/trace", json!({})),
            ("/trace/0/end", json!("timed-out")),
            ("/trace/0/hops/0/ttl", json!(0)),
            ("/trace/0/hops/0/address", json!(10)),
            ("/trace/0/hops/2/icmp/code", json!(null)),
        ] {
            let mut bad = good.clone();
            *bad.pointer_mut(pointer).expect(pointer) = wrong;
            assert!(!validator.is_valid(&bad), "{pointer}");
        }
    }

    /// Unknown is null, never absent: every key that is described is required, except those that are asked for: `events`, `round`.
    #[test]
    fn the_schema_requires_every_key() {
        fn check(schema: &Value) {
            if let Some(properties) = schema["properties"].as_object() {
                let described: BTreeSet<&str> =
                    properties.keys().map(String::as_str).filter(|&key| !["events", "round"].contains(&key)).collect();
                let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
                assert_eq!(described, required);
                assert!(properties.values().all(|property| property.is_object()));
            }
            schema.as_object().into_iter().flat_map(|map| map.values()).for_each(check);
        }
        check(&schema());
    }

    #[test]
    fn the_schema_lists_every_slug() {
        fn slugs<T: Copy + std::fmt::Display>(all: &[T]) -> Vec<Value> {
            all.iter().map(|value| json!(value.to_string())).collect()
        }
        let listed = |name: &str| schema()["$defs"][name]["enum"].as_array().expect(name).clone();
        assert_eq!(listed("outcome"), slugs(Outcome::ALL));
        assert_eq!(listed("by"), slugs(By::ALL));
        assert_eq!(listed("phase"), slugs(Phase::ALL));
        assert_eq!(listed("cause"), slugs(Cause::ALL));
        assert_eq!(listed("pathEnd"), slugs(PathEnd::ALL));
        assert_eq!(listed("ended"), slugs(Ended::ALL));
        assert_eq!(listed("dropPoint"), slugs(DropPoint::ALL));
        let route_kinds = schema()["$defs"]["route"]["properties"]["kind"]["examples"].clone();
        assert_eq!(route_kinds, json!(slugs(RouteKind::ALL)));
        let events = schema()["$defs"]["event"]["properties"]["event"]["examples"].clone();
        assert_eq!(events, json!(slugs(EventKind::ALL)));
        let of = |part: &str, name: &str| schema()["$defs"][part]["properties"][name]["enum"].clone();
        let property = |name: &str| of("target", name).as_array().expect(name).clone();
        assert_eq!(property("protocol"), slugs(Protocol::ALL));
        assert_eq!(property("mode"), slugs(Mode::ALL));
        assert_eq!(property("strategy"), slugs(Strategy::ALL));
        let of_test = |name: &str| of("selfTest", name).as_array().expect(name).clone();
        assert_eq!(of_test("row"), slugs(Trial::ALL));
        assert_eq!(of_test("verdict"), slugs(Verdict::ALL));
        assert_eq!(of_test("system"), [slugs(Platform::ALL), vec![Value::Null]].concat());
        assert_eq!(of_test("basis"), [slugs(Basis::ALL), vec![Value::Null]].concat());
        let pages = schema()["$defs"]["selfTest"]["properties"]["pages"]["items"]["enum"].clone();
        assert_eq!(pages, json!(slugs(Page::ALL)));
        let codes: BTreeSet<u64> = property("exit_code").iter().filter_map(Value::as_u64).collect();
        let rows = exit::TABLE.iter().filter(|row| !row.outcomes.is_empty()).map(|row| u64::from(row.code));
        assert_eq!(codes, rows.collect());
        let said = schema()["$defs"]["target"]["properties"]["exit_code"]["description"].clone();
        for row in exit::TABLE.iter().filter(|row| row.code > 1 && !row.outcomes.is_empty()) {
            let meaning = row.meaning.split(" (").next().unwrap_or_default();
            assert!(said.as_str().is_some_and(|said| said.contains(&format!("; {} {meaning}", row.code))), "{said}");
        }
    }

    /// The sentence of a word is written once, in `model`.
    #[test]
    fn the_schema_says_what_every_word_means() {
        let described = |name: &str| {
            let schema = schema();
            let text = schema["$defs"][name]["description"].as_str().expect(name);
            text.lines().skip(1).map(str::to_owned).collect::<Vec<_>>()
        };
        macro_rules! check { ($($name:literal: $words:ident,)*) => { $({
            let sentences = $words::ALL.iter().map(|word| format!("{word}: {}.", word.meaning()));
            assert_eq!(described($name), sentences.collect::<Vec<_>>());
        })* } }
        check! { "outcome": Outcome, "by": By, "phase": Phase, "cause": Cause, "pathEnd": PathEnd, "ended": Ended,
        "dropPoint": DropPoint, }
    }

    #[test]
    fn a_literal_has_a_lookup_that_took_no_time() {
        let value = render(&samples::literal("127.0.0.1:22", Outcome::Connected), false);
        let nothing = json!({"elapsed_us": 0, "addresses": 1, "duplicates": 0,
            "error": null, "by": null, "cause": null, "advice": null, "family": null, "unanswered": null,
            "canonical": null, "ascii": null, "cut_short": false});
        assert_eq!(value["resolve"], nothing);
        assert!(value["attempts"][0].get("events").is_none());
    }

    #[test]
    fn a_scope_is_part_of_the_address() {
        let value = render(&samples::literal("[fe80::1%2]:22", Outcome::Connected), false);
        assert_eq!(value["attempts"][0]["address"], "fe80::1%2");
        assert_eq!(value["attempts"][0]["family"], "ipv6");
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_path_has_its_hops_in_order() {
        let value = render(&samples::traced(), false);
        let hops = json!([
            {"ttl": 1, "address": "10.1.0.1", "elapsed_us": 400, "outcome": "unreachable",
                "error": {"name": "EHOSTUNREACH", "number": 113, "winsock_name": "WSAEHOSTUNREACH",
                    "winsock_number": 10065, "retryable": false},
                "icmp": {"from": "10.1.0.1", "type": 11, "code": 0, "meaning": "time to live exceeded in transit",
                    "info": 0, "at_us": 120, "count": 1, "decisive": true}, "by": "router"},
            {"ttl": 2, "address": null, "elapsed_us": 3_000_000, "outcome": "timed-out", "error": null, "icmp": null, "by": "limit"},
            {"ttl": 3, "address": "10.3.0.1", "elapsed_us": 1200, "outcome": "denied",
                "error": {"name": "EHOSTUNREACH", "number": 113, "winsock_name": "WSAEHOSTUNREACH",
                    "winsock_number": 10065, "retryable": false},
                "icmp": {"from": "10.3.0.1", "type": 3, "code": 13,
                    "meaning": "communication administratively prohibited",
                    "info": 0, "at_us": 120, "count": 1, "decisive": true}, "by": "router"},
        ]);
        assert_eq!(
            value["trace"],
            json!([{"address": "10.4.0.5", "end": "rejected", "hops": hops, "traced_port": 5432, "answer_ttl": null,
                "answered_hop": null}])
        );
        assert_eq!(render(&Report { trace: Some(Vec::new()), ..samples::partial() }, false)["trace"], json!([]));
    }

    /// Readers of a terminal see the keys in the documented order.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_documented_line() {
        let line = String::from_utf8(bytes(&samples::partial(), false)).expect("UTF-8");
        let expected = concat!(
            r#"{"schema":"rconnect/1","record":"target","target":"db.example:5432","host":"db.example","port":5432,"protocol":"tcp","#,
            r#""mode":"nonblocking","strategy":"all","started_at":"2026-11-21T05:00:00.123456Z","elapsed_us":2133,"#,
            r#""outcome":"connected","good":true,"partial":true,"exit_code":0,"#,
            r#""resolve":{"elapsed_us":812,"addresses":2,"duplicates":0,"error":null,"by":null,"cause":null,"advice":null,"#,
            r#""family":null,"unanswered":null,"canonical":null,"ascii":null,"cut_short":false},"#,
            r#""attempts":[{"address":"10.1.0.9","port":5432,"family":"ipv4","outcome":"connected","try":1,"#,
            r#""started_us":900,"elapsed_us":1200,"local":"10.1.0.2:41232","reply_from":null,"phase":"completion","by":null,"cause":null,"#,
            r#""ended":"system","cut_short":false,"error":null,"icmp":null,"syns":1,"rtt_us":1100,"#,
            r#""handshake":{"window":65160,"window_scale":10,"mss":1448,"timestamps":true,"sack":true,"ecn":false},"#,
            r#""hold":null,"route":null,"local_drop":null,"reason":null,"advice":null},"#,
            r#"{"address":"10.4.0.5","port":5432,"family":"ipv4","outcome":"denied","try":1,"#,
            r#""started_us":900,"elapsed_us":133,"local":"10.1.0.2:41234","reply_from":null,"phase":"completion","by":"router","#,
            r#""cause":"prohibited","ended":"system","cut_short":false,"error":{"name":"EHOSTUNREACH","number":113,"winsock_name":"WSAEHOSTUNREACH","#,
            r#""winsock_number":10065,"retryable":false},"#,
            r#""icmp":{"from":"10.1.0.1","type":3,"code":13,"meaning":"communication administratively prohibited","#,
            r#""info":0,"at_us":120,"count":1,"decisive":true},"syns":1,"rtt_us":null,"handshake":null,"hold":null,"#,
            r#""route":{"kind":"unicast","interface":"eth0","gateway":"10.1.0.1","source":"10.1.0.2","error":null},"local_drop":null,"#,
            r#""reason":null,"advice":"10.1.0.1 forbids it: ask whoever runs that firewall"}],"trace":null}"#,
            "\n"
        );
        assert_eq!(line, expected);
    }
}
