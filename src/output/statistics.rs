//! What the rounds of a run came to, for people: a block for each address.

use std::collections::HashMap;

use super::units::{human, timestamp};
use super::wording;
use crate::classify::statistics::{Counts, Outage, Range, Series, Span, Statistics, Times};
use crate::model::{Measure, Outcome};

/// Addresses that are shown one by one, at most, unless all are to be shown.
const MOST_SHOWN: usize = 20;

/// So many addresses that never connected and came to the same are shown one by one.
const RARE: usize = 3;

/// The longest bar of a histogram, in cells.
const BAR: usize = 40;

/// The text; with histograms where it is for a terminal, and with every address where `all` are to be shown.
pub fn human_text(statistics: &Statistics, span: &Span, terminal: bool, all: bool) -> String {
    let mut lines = vec![head(span)];
    let (shown, folded) = folded(statistics.series(), all);
    shown.iter().for_each(|series| lines.extend(block(series, terminal)));
    lines.extend(alike(&shown, &folded));
    let beyond = statistics.others.outcomes().next().is_some();
    lines.extend(beyond.then(|| format!("addresses that came later, together: {}", counts(&statistics.others))));
    lines.join("\n") + "\n"
}

/// Which addresses are shown, those with outages first, and which are only counted.
fn folded(series: &[Series], all: bool) -> (Vec<&Series>, Vec<&Series>) {
    if all || series.len() <= MOST_SHOWN {
        return (series.iter().collect(), Vec::new());
    }
    let mut sizes = HashMap::<Counts, usize>::new();
    series.iter().for_each(|series| *sizes.entry(series.counts).or_default() += 1);
    let common = |series: &&Series| series.counts.of(Outcome::Connected) == 0 && sizes[&series.counts] > RARE;
    let (common, mut shown): (Vec<&Series>, Vec<&Series>) = series.iter().partition(common);
    shown.sort_by_key(|series| series.outages.count == 0);
    let mut rest = shown.split_off(shown.len().min(MOST_SHOWN));
    rest.extend(common);
    (shown, rest)
}

/// A line for all addresses that came to the same and are not shown.
fn alike(shown: &[&Series], folded: &[&Series]) -> Vec<String> {
    let mut kinds: Vec<(Counts, usize)> = Vec::new();
    for series in folded {
        match kinds.iter_mut().find(|(counts, _)| *counts == series.counts) {
            Some((_, number)) => *number += 1,
            None => kinds.push((series.counts, 1)),
        }
    }
    let beyond: usize = kinds.iter().skip(MOST_SHOWN).map(|(_, number)| number).sum();
    let line = |(kind, number): &(Counts, usize)| {
        let more = if shown.iter().any(|series| series.counts == *kind) { " more" } else { "" };
        let [addresses, each] = if *number == 1 { ["address", ""] } else { ["addresses", ", each"] };
        format!("{number}{more} {addresses}{each}: {}", counts(kind))
    };
    let lines = kinds.iter().take(MOST_SHOWN).map(line);
    lines.chain((beyond > 0).then(|| format!("{beyond} more addresses: see --show all"))).collect()
}

fn head(span: &Span) -> String {
    let rounds = if span.rounds == 1 { "round" } else { "rounds" };
    let missed = if span.missed > 0 { format!(", {} missed", span.missed) } else { String::new() };
    format!("--- {} {rounds} in {}{missed}", span.rounds, human(span.elapsed))
}

fn block(series: &Series, terminal: bool) -> Vec<String> {
    let mut lines =
        vec![format!("{}  {}", wording::place(&series.target, &series.host, series.address), counts(&series.counts))];
    if let Some(times) = &series.times {
        lines.extend(summary(times));
        if terminal {
            lines.extend(histogram(&times.ranges()));
        }
    }
    lines.extend(series.outages.longest().into_iter().flat_map(|outage| outages(series.outages.count, outage)));
    lines
}

fn counts(counts: &Counts) -> String {
    let outcomes: Vec<String> = counts.outcomes().map(|(outcome, count)| format!("{count} {outcome}")).collect();
    let outcomes = outcomes.join(", ");
    if counts.sent == 0 { outcomes } else { format!("{} sent: {outcomes}", counts.sent) }
}

fn summary(times: &Times) -> [String; 2] {
    let time = |micros| human(std::time::Duration::from_micros(micros));
    let quantile = |part| time(times.quantile(part));
    let name = match times.measure {
        Measure::Rtt => "round trip",
        Measure::Elapsed => "elapsed",
    };
    let jitter = times.jitter().map(|jitter| format!(", jitter {}", time(jitter))).unwrap_or_default();
    [
        format!("  {name}: min {}, median {}, mean {},", time(times.least()), quantile(0.5), time(times.mean())),
        format!(
            "  {:width$}  p95 {}, p99 {}, max {}{jitter}",
            "",
            quantile(0.95),
            quantile(0.99),
            time(times.most()),
            width = name.len(),
        ),
    ]
}

fn histogram(ranges: &[Range]) -> Vec<String> {
    let time = |micros: u64| format!("{:.3}", micros as f64 / 1e3);
    let cells: Vec<[String; 3]> =
        ranges.iter().map(|range| [time(range.from), time(range.to), range.count.to_string()]).collect();
    let width = |column: usize| cells.iter().map(|cells| cells[column].len()).max().unwrap_or(0);
    let (from, to, count) = (width(0), width(1), width(2));
    let most = ranges.iter().map(|range| range.count).max().unwrap_or(0).max(1);
    let bar = |range: &Range| "#".repeat((range.count * BAR as u64).div_ceil(most) as usize);
    let line = |(cells, range): (&[String; 3], &Range)| {
        let [low, high, number] = cells;
        format!("    {low:>from$} - {high:>to$} ms  {number:>count$}  {}", bar(range)).trim_end().to_string()
    };
    cells.iter().zip(ranges).map(line).collect()
}

fn outages(count: u64, outage: &Outage) -> [String; 2] {
    let number = if count == 1 { "1 outage".into() } else { format!("{count} outages, the longest") };
    let probes = if outage.probes == 1 { "1 probe".into() } else { format!("{} probes", outage.probes) };
    let end = if outage.over { "" } else { ", not over" };
    [
        wording::wrapped(
            &format!("{number}: {} ({probes}) from {}{end}", human(outage.lasted), timestamp(outage.started_at)),
            2,
            4,
        ),
        wording::wrapped(&wording::state(outage.first), 4, 4),
    ]
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::samples::{attempt, literal, unresolved, us};
    use super::*;
    use crate::model::{Attempt, By, Cause, Report};

    const SPAN: Span = Span { started_at: UNIX_EPOCH, elapsed: Duration::from_secs(9), rounds: 10, missed: 2 };

    fn text(reports: impl IntoIterator<Item = Report>, terminal: bool) -> String {
        shown(reports, terminal, false)
    }

    fn shown(reports: impl IntoIterator<Item = Report>, terminal: bool, all: bool) -> String {
        let mut statistics = Statistics::default();
        for (second, report) in (0..).map(Duration::from_secs).zip(reports) {
            statistics.add(&report, second);
        }
        human_text(&statistics, &SPAN, terminal, all)
    }

    fn connected(rtt: u64) -> Report {
        let attempt = Attempt { rtt: Some(us(rtt)), ..attempt("10.0.0.1:80", Outcome::Connected) };
        Report { attempts: vec![attempt], ..literal("10.0.0.1:80", Outcome::Connected) }
    }

    fn refused() -> Report {
        let cause = Some(Cause::Rst);
        let attempt = Attempt { by: Some(By::Peer), cause, ..attempt("10.0.0.1:80", Outcome::Refused) };
        Report { attempts: vec![attempt], ..literal("10.0.0.1:80", Outcome::Refused) }
    }

    #[test]
    fn a_block_for_each_address() {
        let reports = [connected(1_000), connected(3_000), refused(), refused(), connected(2_000), refused()];
        let expected = "\
--- 10 rounds in 9.00 s, 2 missed
10.0.0.1:80  6 sent: 3 connected, 3 refused
  round trip: min 1.0 ms, median 2.0 ms, mean 2.0 ms,
              p95 3.0 ms, p99 3.0 ms, max 3.0 ms, jitter 2.0 ms
  2 outages, the longest: 2.00 s (2 probes) from 2026-11-21T05:00:00.124356Z
    refused (a RST answered the SYN)
";
        assert_eq!(text(reports, false), expected);
    }

    #[test]
    fn a_terminal_has_a_histogram() {
        let reports = [100, 110, 120, 120, 120, 130, 190].map(connected);
        let text = text(reports, true);
        let bars: Vec<&str> = text.lines().filter(|line| line.contains(" - ")).collect();
        #[rustfmt::skip]
        assert_eq!(bars[..3], [
            "    0.100 - 0.111 ms  2  ###########################",
            "    0.112 - 0.123 ms  3  ########################################",
            "    0.124 - 0.135 ms  1  ##############",
        ]);
        assert_eq!((bars.len(), bars[7]), (8, "    0.184 - 0.190 ms  1  ##############"));
    }

    #[test]
    fn a_name_that_has_no_address_is_told() {
        let text = text([unresolved()], true);
        assert!(text.contains("\nnosuch.example:80  1 unresolved\n"), "{text}");
        assert!(text.contains("not over\n    unresolved (no such name)\n"), "{text}");
    }

    fn many(outcome: Outcome, addresses: std::ops::Range<u8>) -> impl Iterator<Item = Report> {
        addresses.map(move |last| literal(&format!("10.0.0.{last}:80"), outcome))
    }

    #[test]
    fn many_addresses_that_never_connected_are_folded_by_what_they_came_to() {
        let refused = || many(Outcome::Refused, 2..40);
        let text = text(refused().chain([connected(1)]), false);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "10.0.0.1:80  1 sent: 1 connected");
        assert_eq!(lines[lines.len() - 1], "38 addresses, each: 1 sent: 1 refused");
        assert_eq!(text.matches("refused").count(), 1, "{text}");
        let all = shown(refused(), false, true);
        assert_eq!(all.matches(":80  1 sent: 1 refused\n").count(), 38, "{all}");
    }

    #[test]
    fn of_many_addresses_those_with_outages_come_first() {
        let text = text(many(Outcome::Connected, 1..30).chain(many(Outcome::TimedOut, 30..31)), false);
        let blocks: Vec<&str> = text.lines().filter(|line| line.contains(":80  ")).collect();
        assert_eq!((blocks[0], blocks.len()), ("10.0.0.30:80  1 sent: 1 timed-out", MOST_SHOWN), "{text}");
        assert!(text.ends_with("\n10 more addresses, each: 1 sent: 1 connected\n"), "{text}");
    }
}
