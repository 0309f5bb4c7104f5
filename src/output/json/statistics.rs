//! The last line of repeated probes: what the rounds came to, for each address.

use super::{Object, VERSION};
use crate::classify::statistics::{Counts, Outage, Outages, Series, Span, Statistics, Times};
use crate::model::{By, Cause};
use crate::output::units::{Timestamp, micros};

/// Appends the line, the newline included.
pub fn line(statistics: &Statistics, span: &Span, out: &mut Vec<u8>) {
    let others = Some(&statistics.others).filter(|others| others.outcomes().next().is_some());
    let mut object = Object::begin(out);
    object.word("schema", VERSION);
    object.word("record", "statistics");
    object.shown("started_at", Timestamp(span.started_at));
    object.number("elapsed_us", micros(span.elapsed));
    object.number("rounds", span.rounds);
    object.number("missed", span.missed);
    object.list("addresses", Some(statistics.series()), series);
    object.object("others", others, counts);
    object.end();
    out.push(b'\n');
}

fn series(series: &Series, object: &mut Object) {
    object.text("target", &*series.target);
    object.text("host", &*series.host);
    match series.address {
        Some(address) => object.address("address", address),
        None => object.word("address", None),
    }
    object.number("port", series.port);
    object.word("protocol", series.protocol.slug());
    counts(&series.counts, object);
    object.object("times", series.times.as_ref(), times);
    object.object("outages", Some(&series.outages), outages);
}

fn counts(counts: &Counts, object: &mut Object) {
    object.number("sent", counts.sent);
    object.object("outcomes", Some(counts), |counts, object| {
        counts.outcomes().for_each(|(outcome, count)| object.number(outcome.slug(), count));
    });
}

fn times(times: &Times, object: &mut Object) {
    object.word("measure", times.measure.slug());
    object.number("count", times.count());
    object.number("min_us", times.least());
    object.number("median_us", times.quantile(0.5));
    object.number("mean_us", times.mean());
    object.number("p95_us", times.quantile(0.95));
    object.number("p99_us", times.quantile(0.99));
    object.number("max_us", times.most());
    object.measured("jitter_us", times.jitter());
}

fn outages(outages: &Outages, object: &mut Object) {
    object.number("count", outages.count);
    object.object("longest", outages.longest(), outage);
}

fn outage(outage: &Outage, object: &mut Object) {
    object.shown("started_at", Timestamp(outage.started_at));
    object.number("elapsed_us", micros(outage.lasted));
    object.number("probes", outage.probes);
    object.truth("over", outage.over);
    object.word("outcome", outage.first.outcome.slug());
    object.word("by", outage.first.by.map(By::slug));
    object.word("cause", outage.first.cause.map(Cause::slug));
    object.ip("from", outage.first.from);
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use serde_json::{Value, json};

    use super::*;
    use crate::model::{Measure, Outcome};
    use crate::output::json::tests::{closed, schema};
    use crate::output::samples::{many, partial, unresolved};

    const SPAN: Span = Span { started_at: UNIX_EPOCH, elapsed: Duration::from_secs(9), rounds: 10, missed: 2 };

    fn render(statistics: &Statistics) -> Value {
        let mut out = Vec::new();
        line(statistics, &SPAN, &mut out);
        assert!(out.ends_with(b"}\n"));
        serde_json::from_slice(&out).expect("a line is JSON")
    }

    #[test]
    fn every_line_fits_the_schema_and_has_no_key_that_it_does_not_describe() {
        let validator = jsonschema::validator_for(&closed(schema())).expect("a schema");
        let mut statistics = Statistics::default();
        for report in many().into_iter().chain([unresolved(), partial()]) {
            statistics.add(&report, Duration::ZERO);
            let value = render(&statistics);
            let errors: Vec<String> = validator.iter_errors(&value).map(|error| error.to_string()).collect();
            assert!(errors.is_empty(), "{errors:?}\n{value:#}");
        }
        let mut bad = render(&statistics);
        bad["addresses"][0]["outcomes"] = json!({"open": 1});
        assert!(!validator.is_valid(&bad));
    }

    #[test]
    fn the_documented_words() {
        let words: Vec<&str> = Measure::ALL.iter().map(|measure| measure.slug()).collect();
        assert_eq!(schema()["$defs"]["times"]["properties"]["measure"]["enum"], json!(words));
    }

    #[test]
    fn an_address_that_denied_and_one_that_connected() {
        let mut statistics = Statistics::default();
        statistics.add(&partial(), Duration::ZERO);
        let value = render(&statistics);
        let [connected, denied] = [0, 1].map(|place| &value["addresses"][place]);
        let outcome = Outcome::Connected.slug();
        assert_eq!((&connected["address"], &connected["outcomes"]), (&json!("10.1.0.9"), &json!({outcome: 1})));
        assert_eq!((&connected["times"]["measure"], &connected["times"]["max_us"]), (&json!("rtt"), &json!(1100)));
        assert_eq!((&denied["times"], &denied["outages"]["count"]), (&json!(null), &json!(1)));
        let longest = &denied["outages"]["longest"];
        assert_eq!([&longest["outcome"], &longest["from"]], [&json!("denied"), &json!("10.1.0.1")]);
        assert_eq!([&value["rounds"], &value["missed"], &value["others"]], [&json!(10), &json!(2), &json!(null)]);
    }
}
