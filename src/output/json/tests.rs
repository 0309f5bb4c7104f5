//! The format, key by key, and that every value shows.

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
