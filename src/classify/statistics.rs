//! What the rounds of a run come to, for each address, in memory that does not grow with their number.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hdrhistogram::Histogram;

use crate::classify::state::{State, tells, tells_of_name, tried};
use crate::model::{Attempt, By, Measure, Outcome, Protocol, Report};

/// Addresses that are told apart, at most: those that come later are counted together. With times of up to a second this
/// is 45 MB.
pub const MOST_SERIES: usize = 1000;

/// Significant digits of the times.
const DIGITS: u8 = 3;

/// Ranges of times, at most.
const RANGES: usize = 8;

/// What the rounds come to.
#[derive(Debug, Default)]
pub struct Statistics {
    series: Vec<Series>,
    places: HashMap<Key, usize>,
    /// What came to addresses beyond [`MOST_SERIES`].
    pub others: Counts,
}

type Key = (Arc<str>, u16, Protocol, Option<SocketAddr>);

/// When the rounds began, how long they have lasted, and how many there were.
#[derive(Debug, Clone, Copy)]
pub struct Span {
    /// Wall clock at the first begin.
    pub started_at: SystemTime,
    /// Since then.
    pub elapsed: Duration,
    /// Rounds that began.
    pub rounds: u64,
    /// Begins that were skipped.
    pub missed: u64,
}

/// What was tried, and what it came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Counts {
    /// Rounds in which an address was tried, also if the end of the run cut the attempt short.
    pub sent: u64,
    outcomes: [u64; Outcome::ALL.len()],
}

impl Counts {
    fn add(&mut self, outcome: Outcome) {
        self.outcomes[outcome as usize] += 1;
    }

    /// How often it came to this.
    pub fn of(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome as usize]
    }

    /// What it came to and how often, in the documented order.
    pub fn outcomes(&self) -> impl Iterator<Item = (Outcome, u64)> {
        Outcome::ALL.iter().copied().zip(self.outcomes).filter(|&(_, count)| count > 0)
    }
}

/// One address of a host and a port, over all rounds.
#[derive(Debug)]
pub struct Series {
    /// As in the reports.
    pub target: String,
    /// The host as written.
    pub host: Arc<str>,
    /// The port.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// The address; `None` for the rounds in which the name had none.
    pub address: Option<SocketAddr>,
    /// What was tried, and what it came to.
    pub counts: Counts,
    /// How long the answers took, where any came.
    pub times: Option<Times>,
    /// When it was not as required.
    pub outages: Outages,
}

impl Series {
    fn new(report: &Report, address: Option<SocketAddr>) -> Series {
        Series {
            target: report.target.clone(),
            host: Arc::clone(&report.host),
            port: report.port,
            protocol: report.protocol,
            address,
            counts: Counts::default(),
            times: None,
            outages: Outages::default(),
        }
    }

    fn time(&mut self, attempt: &Attempt) {
        let known = self.times.as_ref().map(|times| times.measure);
        match (sample(attempt), known) {
            (Some((measure, time)), _) if known == Some(measure) => {
                self.times.iter_mut().for_each(|times| times.add(time));
            }
            // The kernel's own measure is the better one: nothing else is mixed with it.
            (Some((Measure::Elapsed, _)), Some(_)) | (None, _) => {
                self.times.iter_mut().for_each(|times| times.last = None);
            }
            (Some((measure, time)), _) => self.times.insert(Times::new(measure)).add(time),
        }
    }
}

/// How long an answer took; `None` where the address did not answer.
fn sample(attempt: &Attempt) -> Option<(Measure, Duration)> {
    let answered = attempt.outcome == Outcome::Connected || attempt.by == Some(By::Peer);
    let elapsed = answered.then_some((Measure::Elapsed, attempt.elapsed));
    attempt.rtt.map(|rtt| (Measure::Rtt, rtt)).or(elapsed)
}

/// How long answers took, in microseconds.
#[derive(Debug)]
pub struct Times {
    /// What was measured.
    pub measure: Measure,
    histogram: Histogram<u32>,
    least: u64,
    most: u64,
    sum: u128,
    /// The answer of the round before, where there was one.
    last: Option<u64>,
    /// How much consecutive answers differ, in sum, and how many pairs there are.
    differences: (u128, u64),
}

/// A range of times, its bounds included, and how many answers lie in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Range {
    /// From so many microseconds …
    pub from: u64,
    /// … to so many.
    pub to: u64,
    /// Answers.
    pub count: u64,
}

impl Times {
    fn new(measure: Measure) -> Times {
        let histogram = Histogram::new(DIGITS).expect("0 to 5 digits are valid");
        Times { measure, histogram, least: u64::MAX, most: 0, sum: 0, last: None, differences: (0, 0) }
    }

    fn add(&mut self, time: Duration) {
        let time = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
        // It grows as far as it must, which for any time has room in memory.
        self.histogram.record(time).expect("a histogram that grows takes every value");
        self.least = self.least.min(time);
        self.most = self.most.max(time);
        self.sum += u128::from(time);
        if let Some(before) = self.last.replace(time) {
            self.differences.0 += u128::from(before.abs_diff(time));
            self.differences.1 += 1;
        }
    }

    /// How many answers there were.
    pub fn count(&self) -> u64 {
        self.histogram.len()
    }

    /// The fastest.
    pub fn least(&self) -> u64 {
        self.least
    }

    /// The slowest.
    pub fn most(&self) -> u64 {
        self.most
    }

    /// The mean.
    pub fn mean(&self) -> u64 {
        rounded(self.sum, self.count())
    }

    /// So great a part of the answers took so long or less; to three digits.
    pub fn quantile(&self, part: f64) -> u64 {
        self.histogram.value_at_quantile(part).clamp(self.least, self.most)
    }

    /// The mean absolute difference of consecutive answers: the ipdv-jitter of RFC 3393 section 4.5, of round trips.
    /// `None` where no two came one after the other.
    pub fn jitter(&self) -> Option<u64> {
        let (sum, pairs) = self.differences;
        (pairs > 0).then(|| rounded(sum, pairs))
    }

    /// How the answers are spread: up to eight ranges of equal width up to the 99th percentile, the last one to the
    /// slowest answer.
    pub fn ranges(&self) -> Vec<Range> {
        let common = self.quantile(0.99);
        let width = (common - self.least) / RANGES as u64 + 1;
        let rows = (common - self.least) / width + 1;
        let range =
            |row: u64| Range { from: self.least + row * width, to: self.least + (row + 1) * width - 1, count: 0 };
        let mut ranges: Vec<Range> = (0..rows).map(range).collect();
        for recorded in self.histogram.iter_recorded() {
            let row = recorded.value_iterated_to().saturating_sub(self.least) / width;
            ranges[row.min(rows - 1) as usize].count += u64::from(recorded.count_at_value());
        }
        if let Some(last) = ranges.last_mut() {
            last.to = self.most;
        }
        ranges
    }
}

fn rounded(sum: u128, count: u64) -> u64 {
    let count = u128::from(count.max(1));
    u64::try_from((sum + count / 2) / count).unwrap_or(u64::MAX)
}

/// When an address was not as required, in a row.
#[derive(Debug, Default)]
pub struct Outages {
    /// How many there were.
    pub count: u64,
    longest: Option<Outage>,
    under_way: Option<Outage>,
}

/// One time in which an address was not as required.
#[derive(Debug, Clone, Copy)]
pub struct Outage {
    /// Wall clock at the begin of the first probe.
    pub started_at: SystemTime,
    /// From the begin of the first probe to that of the first one that was good; so far, to the end of the last probe. A
    /// pause of the process does not count.
    pub lasted: Duration,
    /// How many probes.
    pub probes: u64,
    /// What the first probe found.
    pub first: State,
    /// Whether a good probe has followed.
    pub over: bool,
    /// The running time at the begin.
    begin: Duration,
}

impl Outages {
    /// The longest one, that which lasts included.
    pub fn longest(&self) -> Option<&Outage> {
        self.longest.iter().chain(&self.under_way).max_by_key(|outage| outage.lasted)
    }

    fn fails(&mut self, at: Duration, until: Duration, started_at: SystemTime, state: State) {
        let count = &mut self.count;
        let outage = self.under_way.get_or_insert_with(|| {
            *count += 1;
            Outage { started_at, lasted: Duration::ZERO, probes: 0, first: state, over: false, begin: at }
        });
        outage.probes += 1;
        outage.lasted = until.saturating_sub(outage.begin);
    }

    fn ends(&mut self, at: Duration) {
        let Some(mut outage) = self.under_way.take() else { return };
        (outage.lasted, outage.over) = (at.saturating_sub(outage.begin), true);
        self.longest = self.longest.into_iter().chain([outage]).max_by_key(|outage| outage.lasted);
    }
}

impl Statistics {
    /// Takes the report of a target into account that began `at` so long a running time of the rounds. What was cut short
    /// is counted, and is neither good nor bad.
    pub fn add(&mut self, report: &Report, at: Duration) {
        let good = |outcome: Outcome| {
            report.expected.map_or(outcome == Outcome::Connected, |expected| expected.contains(outcome))
        };
        for (address, attempt) in tried(report) {
            let Some(series) = self.series_of(report, Some(address)) else {
                self.others.sent += 1;
                self.others.add(attempt.outcome);
                continue;
            };
            series.counts.sent += 1;
            series.counts.add(attempt.outcome);
            series.time(attempt);
            let begin = at + attempt.started;
            if !tells(attempt) {
                continue;
            }
            if good(attempt.outcome) {
                series.outages.ends(begin);
            } else {
                let held = attempt.hold.as_ref().map_or(Duration::ZERO, |hold| hold.elapsed);
                let (until, started_at) = (begin + attempt.elapsed + held, report.started_at + attempt.started);
                series.outages.fails(begin, until, started_at, State::of(attempt));
            }
        }
        self.add_lookup(report, at, good(report.outcome));
    }

    /// A round in which a name has no address is a probe of the name.
    fn add_lookup(&mut self, report: &Report, at: Duration, good: bool) {
        if !report.attempts.is_empty() {
            let place = self.places.get(&key(report, None));
            place.into_iter().for_each(|&place| self.series[place].outages.ends(at));
        } else if tells_of_name(report) {
            let Some(series) = self.series_of(report, None) else { return self.others.add(report.outcome) };
            series.counts.add(report.outcome);
            if good {
                series.outages.ends(at);
            } else {
                series.outages.fails(at, at + report.elapsed, report.started_at, State::of_target(report));
            }
        }
    }

    /// In the order in which they came.
    pub fn series(&self) -> &[Series] {
        &self.series
    }

    /// `None` where there are too many.
    fn series_of(&mut self, report: &Report, address: Option<SocketAddr>) -> Option<&mut Series> {
        let key = key(report, address);
        let place = match self.places.get(&key) {
            Some(&place) => place,
            None if self.series.len() >= MOST_SERIES => return None,
            None => {
                self.series.push(Series::new(report, address));
                self.places.insert(key, self.series.len() - 1);
                self.series.len() - 1
            }
        };
        self.series.get_mut(place)
    }
}

fn key(report: &Report, address: Option<SocketAddr>) -> Key {
    (Arc::clone(&report.host), report.port, report.protocol, address)
}

#[cfg(test)]
mod tests;
