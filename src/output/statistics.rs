//! What the rounds of a run came to, for people: a block for each address.

use super::units::{human, timestamp};
use super::wording;
use crate::classify::statistics::{Counts, Outage, Range, Series, Span, Statistics, Times};
use crate::model::{Measure, Outcome};

/// Addresses that are shown, at most.
const MOST_SHOWN: usize = 20;

/// The longest bar of a histogram, in cells.
const BAR: usize = 40;

/// The text; with histograms where it is for a terminal.
pub fn human_text(statistics: &Statistics, span: &Span, terminal: bool) -> String {
    let mut lines = vec![head(span)];
    let all = statistics.series();
    // Of many addresses, those that connected at least once are shown.
    let wanted = |series: &&Series| all.len() <= MOST_SHOWN || series.counts.of(Outcome::Connected) > 0;
    let shown: Vec<&Series> = all.iter().filter(wanted).take(MOST_SHOWN).collect();
    shown.iter().for_each(|series| lines.extend(block(series, terminal)));
    lines.extend(rest(all.len() - shown.len(), &statistics.others));
    lines.join("\n") + "\n"
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
        format!("  {number}: {} ({probes}) from {}{end}", human(outage.lasted), timestamp(outage.started_at)),
        format!("    {}", wording::state(outage.first)),
    ]
}

/// What there was no room for.
fn rest(more: usize, others: &Counts) -> Vec<String> {
    let beyond = others.outcomes().next().is_some();
    let shown = (more > 0).then(|| format!("{more} more addresses: see --json"));
    let beyond = beyond.then(|| format!("addresses that came later, together: {}", counts(others)));
    shown.into_iter().chain(beyond).collect()
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, UNIX_EPOCH};

    use super::super::samples::{attempt, literal, unresolved, us};
    use super::*;
    use crate::model::{Attempt, By, Cause, Report};

    const SPAN: Span = Span { started_at: UNIX_EPOCH, elapsed: Duration::from_secs(9), rounds: 10, missed: 2 };

    fn text(reports: impl IntoIterator<Item = Report>, terminal: bool) -> String {
        let mut statistics = Statistics::default();
        for (second, report) in (0..).map(Duration::from_secs).zip(reports) {
            statistics.add(&report, second);
        }
        human_text(&statistics, &SPAN, terminal)
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

    #[test]
    fn of_many_addresses_those_that_connected_are_shown() {
        let refused = |last: u8| literal(&format!("10.0.0.{last}:80"), Outcome::Refused);
        let text = text((2..40).map(refused).chain([connected(1)]), false);
        assert!(text.contains("\n10.0.0.1:80  1 sent: 1 connected\n"), "{text}");
        assert!(text.ends_with("\n38 more addresses: see --json\n") && !text.contains("refused"), "{text}");
    }
}
