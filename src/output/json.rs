//! One JSON object a line. The structs are the format: their fields are its keys, in order. A value that this platform
//! cannot know is null; only `events` is left out unless asked for.

use std::net::{IpAddr, SocketAddr};

use serde::Serialize;

use super::units::{address, micros, timestamp};
use crate::classify::codes::{Described, describe};
use crate::classify::{advice, exit, verdict};
use crate::model;
use crate::model::{
    By, Cause, Ended, EventKind, Family, Icmp, Lookup, Mode, Outcome, PathEnd, Phase, Protocol, Reason, Report,
    RouteKind, Strategy,
};

/// Changes only when a key is taken away.
pub const VERSION: &str = "rconnect/1";

/// One target as one line, the newline included.
pub fn line(report: &Report, events: bool) -> Vec<u8> {
    let mut line = serde_json::to_vec(&Target::new(report, events)).expect("strings and numbers have a JSON form");
    line.push(b'\n');
    line
}

#[derive(Serialize)]
struct Target<'a> {
    schema: &'static str,
    target: &'a str,
    host: &'a str,
    port: u16,
    protocol: Protocol,
    mode: Mode,
    strategy: Strategy,
    started_at: String,
    elapsed_us: u64,
    outcome: Outcome,
    good: bool,
    partial: bool,
    exit_code: u8,
    resolve: Resolve,
    attempts: Vec<Attempt<'a>>,
    trace: Option<Vec<Path>>,
}

impl<'a> Target<'a> {
    fn new(report: &'a Report, events: bool) -> Self {
        Target {
            schema: VERSION,
            target: &report.target,
            host: &report.host,
            port: report.port,
            protocol: report.protocol,
            mode: report.mode,
            strategy: report.strategy,
            started_at: timestamp(report.started_at),
            elapsed_us: micros(report.elapsed),
            outcome: report.outcome,
            good: report.good,
            partial: report.partial,
            exit_code: exit::of(report),
            resolve: Resolve::new(&report.lookup),
            attempts: report
                .attempts
                .iter()
                .map(|attempt| Attempt::new(attempt, report.trace.as_deref(), events))
                .collect(),
            trace: report.trace.as_ref().map(|paths| paths.iter().map(Path::new).collect()),
        }
    }
}

#[derive(Serialize)]
struct Resolve {
    elapsed_us: u64,
    addresses: usize,
    duplicates: usize,
    error: Option<Described>,
    by: Option<By>,
    cause: Option<Cause>,
    advice: Option<String>,
}

impl Resolve {
    fn new(lookup: &Lookup) -> Self {
        Resolve {
            elapsed_us: micros(lookup.elapsed),
            addresses: lookup.addresses,
            duplicates: lookup.duplicates,
            error: lookup.error.map(describe),
            by: lookup.by,
            cause: lookup.cause,
            advice: advice::of_lookup(lookup),
        }
    }
}

#[derive(Serialize)]
struct Attempt<'a> {
    address: String,
    port: u16,
    family: Family,
    outcome: Outcome,
    r#try: u32,
    started_us: u64,
    elapsed_us: u64,
    local: Option<SocketAddr>,
    reply_from: Option<SocketAddr>,
    phase: Option<Phase>,
    by: Option<By>,
    cause: Option<Cause>,
    ended: Option<Ended>,
    error: Option<Described>,
    icmp: Option<Message>,
    syns: Option<u32>,
    rtt_us: Option<u64>,
    route: Option<Route<'a>>,
    reason: Option<&'static str>,
    advice: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    events: Option<Vec<Event>>,
}

impl<'a> Attempt<'a> {
    fn new(attempt: &'a model::Attempt, paths: Option<&[model::Path]>, events: bool) -> Self {
        Attempt {
            address: address(attempt.address),
            port: attempt.address.port(),
            family: Family::of(attempt.address.ip()),
            outcome: attempt.outcome,
            r#try: attempt.number,
            started_us: micros(attempt.started),
            elapsed_us: micros(attempt.elapsed),
            local: attempt.local,
            reply_from: attempt.reply_from,
            phase: attempt.phase,
            by: attempt.by,
            cause: attempt.cause,
            ended: attempt.ended,
            error: attempt.error.map(|code| Described { retryable: verdict::retryable(attempt), ..describe(code) }),
            icmp: attempt.icmp.as_ref().map(Message::new),
            syns: attempt.syns,
            rtt_us: attempt.rtt.map(micros),
            route: attempt.route.as_ref().map(Route::new),
            reason: attempt.reason.map(Reason::meaning),
            advice: advice::of(attempt, paths),
            events: events.then(|| attempt.events.iter().map(Event::new).collect()),
        }
    }
}

#[derive(Serialize)]
struct Message {
    from: IpAddr,
    r#type: u8,
    code: u8,
    meaning: &'static str,
    info: u32,
    at_us: Option<u64>,
    count: u32,
    decisive: bool,
}

impl Message {
    fn new(icmp: &Icmp) -> Self {
        Message {
            from: icmp.from,
            r#type: icmp.kind,
            code: icmp.code,
            meaning: icmp.meaning(),
            info: icmp.info,
            at_us: icmp.at.map(micros),
            count: icmp.count,
            decisive: icmp.decisive,
        }
    }
}

#[derive(Serialize)]
struct Route<'a> {
    kind: Option<RouteKind>,
    interface: Option<&'a str>,
    gateway: Option<IpAddr>,
    source: Option<IpAddr>,
    error: Option<Described>,
}

impl<'a> Route<'a> {
    fn new(route: &'a model::Route) -> Self {
        Route {
            kind: route.kind,
            interface: route.interface.as_deref(),
            gateway: route.gateway,
            source: route.source,
            error: route.error.map(describe),
        }
    }
}

#[derive(Serialize)]
struct Event {
    at_us: u64,
    event: EventKind,
    error: Option<Described>,
}

impl Event {
    fn new(event: &model::Event) -> Self {
        Event { at_us: micros(event.at), event: event.event, error: event.error.map(describe) }
    }
}

#[derive(Serialize)]
struct Path {
    address: String,
    end: PathEnd,
    hops: Vec<Hop>,
}

impl Path {
    fn new(path: &model::Path) -> Self {
        Path { address: address(path.address), end: path.end, hops: path.hops.iter().map(Hop::new).collect() }
    }
}

#[derive(Serialize)]
struct Hop {
    ttl: u8,
    address: Option<IpAddr>,
    elapsed_us: u64,
    outcome: Outcome,
    error: Option<Described>,
    icmp: Option<Message>,
    by: Option<By>,
}

impl Hop {
    fn new(hop: &model::Hop) -> Self {
        Hop {
            ttl: hop.ttl,
            address: hop.address,
            elapsed_us: micros(hop.elapsed),
            outcome: hop.outcome,
            error: hop.error.map(describe),
            icmp: hop.icmp.as_ref().map(Message::new),
            by: hop.by,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::{Value, json};

    use super::super::{SCHEMA, samples};
    use super::*;
    use crate::classify::documented::{Basis, Page, Platform, Verdict};
    use crate::model::Trial;

    fn schema() -> Value {
        serde_json::from_str(SCHEMA).expect("the schema is JSON")
    }

    fn render(report: &Report, events: bool) -> Value {
        serde_json::from_slice(&line(report, events)).expect("a line is JSON")
    }

    /// New keys may be added to the format, so the schema allows unknown ones; here every key must be described.
    fn closed(mut schema: Value) -> Value {
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

    /// Unknown is null, never absent: every key that is described is required, except `events`.
    #[test]
    fn the_schema_requires_every_key() {
        fn check(schema: &Value) {
            if let Some(properties) = schema["properties"].as_object() {
                let described: BTreeSet<&str> =
                    properties.keys().map(String::as_str).filter(|&key| key != "events").collect();
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
        check! { "outcome": Outcome, "by": By, "phase": Phase, "cause": Cause, "pathEnd": PathEnd, "ended": Ended, }
    }

    #[test]
    fn a_literal_has_a_lookup_that_took_no_time() {
        let value = render(&samples::literal("127.0.0.1:22", Outcome::Connected), false);
        let nothing = json!({"elapsed_us": 0, "addresses": 1, "duplicates": 0,
            "error": null, "by": null, "cause": null, "advice": null});
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
        assert_eq!(value["trace"], json!([{"address": "10.4.0.5", "end": "rejected", "hops": hops}]));
        assert_eq!(render(&Report { trace: Some(Vec::new()), ..samples::partial() }, false)["trace"], json!([]));
    }

    /// Readers of a terminal see the keys in the documented order.
    #[test]
    #[cfg(target_os = "linux")]
    fn the_documented_line() {
        let line = String::from_utf8(line(&samples::partial(), false)).expect("UTF-8");
        let expected = concat!(
            r#"{"schema":"rconnect/1","target":"db.example:5432","host":"db.example","port":5432,"protocol":"tcp","#,
            r#""mode":"nonblocking","strategy":"all","started_at":"2026-11-21T05:00:00.123456Z","elapsed_us":2133,"#,
            r#""outcome":"connected","good":true,"partial":true,"exit_code":0,"#,
            r#""resolve":{"elapsed_us":812,"addresses":2,"duplicates":0,"error":null,"by":null,"cause":null,"advice":null},"#,
            r#""attempts":[{"address":"10.1.0.9","port":5432,"family":"ipv4","outcome":"connected","try":1,"#,
            r#""started_us":900,"elapsed_us":1200,"local":"10.1.0.2:41232","reply_from":null,"phase":"completion","by":null,"cause":null,"#,
            r#""ended":"system","error":null,"icmp":null,"syns":1,"rtt_us":1100,"route":null,"reason":null,"advice":null},"#,
            r#"{"address":"10.4.0.5","port":5432,"family":"ipv4","outcome":"denied","try":1,"#,
            r#""started_us":900,"elapsed_us":133,"local":"10.1.0.2:41234","reply_from":null,"phase":"completion","by":"router","#,
            r#""cause":"prohibited","ended":"system","error":{"name":"EHOSTUNREACH","number":113,"winsock_name":"WSAEHOSTUNREACH","#,
            r#""winsock_number":10065,"retryable":false},"#,
            r#""icmp":{"from":"10.1.0.1","type":3,"code":13,"meaning":"communication administratively prohibited","#,
            r#""info":0,"at_us":120,"count":1,"decisive":true},"syns":1,"rtt_us":null,"#,
            r#""route":{"kind":"unicast","interface":"eth0","gateway":"10.1.0.1","source":"10.1.0.2","error":null},"#,
            r#""reason":null,"advice":"10.1.0.1 forbids it: ask whoever runs that firewall"}],"trace":null}"#,
            "\n"
        );
        assert_eq!(line, expected);
    }
}
