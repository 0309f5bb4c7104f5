//! Hides what no run repeats, so that the rest can be pinned word for word: times, clocks and ports of our own end.

// Each test binary compiles all of it and uses its part.
#![allow(dead_code)]

use serde_json::Value;

/// Text for people: a time with its padding becomes `T`, a wall clock `CLOCK`, the port of our own end `PORT`.
pub fn text(text: &str) -> String {
    text.split_inclusive('\n').map(line).collect()
}

fn line(line: &str) -> String {
    let (line, end) = line.strip_suffix('\n').map_or((line, ""), |line| (line, "\n"));
    let words: Vec<&str> = line.split(' ').collect();
    let mut masked: Vec<String> = Vec::new();
    let mut index = 0;
    while let Some(&word) = words.get(index) {
        let after_from = masked.last().is_some_and(|word| word == "from");
        match words.get(index + 1) {
            Some(unit) if is_time(word, unit) => {
                hide_time(&mut masked, unit);
                index += 1;
            }
            _ if is_clock(word) => masked.push("CLOCK".into()),
            _ if after_from => masked.push(without_port(word)),
            _ => masked.push(word.into()),
        }
        index += 1;
    }
    masked.join(" ") + end
}

/// The comma of `0.8 ms, round trip` and the colon of `held 1.00 s: nothing came` are not part of the unit.
const AFTER_UNIT: [char; 2] = [',', ':'];

fn is_time(word: &str, unit: &str) -> bool {
    word.parse::<f64>().is_ok() && ["ms", "s", "µs"].contains(&unit.trim_end_matches(AFTER_UNIT))
}

/// The column is as wide as the time that no longer stands there.
fn hide_time(masked: &mut Vec<String>, unit: &str) {
    let before = masked.len();
    while masked.last().is_some_and(String::is_empty) {
        masked.pop();
    }
    if masked.len() < before {
        masked.push(String::new());
    }
    masked.push(format!("T{}", unit.trim_start_matches(|c| !AFTER_UNIT.contains(&c))));
}

/// `2026-11-21T05:00:00.123456Z`
fn is_clock(word: &str) -> bool {
    word.len() == 27 && word.ends_with('Z') && word.as_bytes()[10] == b'T' && word.as_bytes()[19] == b'.'
}

/// `127.0.0.1:41448,` → `127.0.0.1:PORT,`
fn without_port(end: &str) -> String {
    match end.rsplit_once(':') {
        Some((address, port)) if port.trim_end_matches(',').parse::<u16>().is_ok() => {
            format!("{address}:PORT{}", if port.ends_with(',') { "," } else { "" })
        }
        _ => end.into(),
    }
}

/// JSON lines: every `…_us` and every size of the handshake that is a number becomes 0, the wall clock `CLOCK`, the port of `local` 0.
pub fn json(text: &str) -> Vec<Value> {
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .map(value)
        .collect()
}

fn value(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(map.into_iter().map(|(key, value)| field(key, value)).collect()),
        Value::Array(list) => Value::Array(list.into_iter().map(self::value).collect()),
        other => other,
    }
}

fn field(key: String, value: Value) -> (String, Value) {
    let masked = match &value {
        Value::Number(_) if key.ends_with("_us") => 0.into(),
        // They depend on the memory and the links of the machine.
        Value::Number(_) if ["window", "window_scale", "mss"].contains(&&*key) => 0.into(),
        Value::String(clock) if key == "started_at" && is_clock(clock) => "CLOCK".into(),
        Value::String(local) if key == "local" => without_port(local).into(),
        _ => self::value(value),
    };
    (key, masked)
}
