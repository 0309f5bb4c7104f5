//! For people: one line for a literal address, a block for a name. Two columns of words and one of times line up within
//! a block and from one line to the next; what each outcome rests on stands below it.

use std::net::{IpAddr, Ipv4Addr};

use unicode_width::UnicodeWidthStr;

use super::fold::{Fate, Fold, MANY};
use super::ledger::Ledger;
use super::table::{self, Columns, Row};
use super::units::{self, address, timestamp};
use super::wording::{LINE_WIDTH, UNEXPECTED, codes, is_literal, unbroken, wrapped};
use super::{Service, Show, Style, matrix, path, timeline};
use crate::classify::advice::{self, Advice, Topic};
use crate::model::{Attempt, By, Family, Lookup, Outcome, Protocol, Report, Totals};

mod evidence;
mod repeated;

use evidence::{details, evidence};

/// As wide as `65535`: the ports of one literal line up.
const PORT_WIDTH: usize = 5;

/// What a run has shown so far, in bounded memory: columns only widen, and advice is given once.
#[derive(Debug)]
pub struct Page {
    columns: Columns,
    advised: Vec<Topic>,
    /// What every host came to, for the end of a run of several targets.
    ledger: Option<Ledger>,
    /// Only where there are many targets.
    fold: Option<Fold>,
    service: Option<Service>,
    /// There is one target, which need not be named again.
    alone: bool,
    /// So few targets can be waited for.
    few: bool,
}

/// What `--trace` found.
fn paths(report: &Report, style: Style) -> Vec<String> {
    match &report.trace {
        Some(paths) if paths.is_empty() && !report.tried().is_empty() => {
            vec!["  no path: the run was over before".into()]
        }
        paths => paths.iter().flatten().flat_map(|path| path::table(path, report, style)).collect(),
    }
}

impl Page {
    /// Nothing shown yet. `targets` is how many will come, where that is known.
    pub fn new(style: Style, targets: Option<u128>, service: Service) -> Self {
        let several = targets.is_none_or(|targets| targets > 1) && matches!(style.show, Show::Folded | Show::All);
        let folded = style.show == Show::Folded && style.verbose == 0 && targets.is_some_and(|targets| targets > MANY);
        Page {
            columns: Columns::default(),
            advised: Vec::new(),
            ledger: several.then(Ledger::default),
            fold: folded.then(Fold::default),
            service: targets.is_some_and(|targets| targets > 1).then_some(service),
            alone: targets == Some(1),
            few: targets.is_some_and(|targets| targets <= MANY),
        }
    }

    /// One more target, and those that were held back and are rare.
    pub fn add(&mut self, report: &Report, style: Style) -> String {
        if let Some(ledger) = &mut self.ledger {
            ledger.add(report);
        }
        let Some(fold) = &mut self.fold else { return self.target(report, style) };
        let fate = fold.fate(report);
        let rare = fold.rare();
        let now = (fate == Fate::Show).then_some(report);
        rare.iter().chain(now).map(|report| self.target(report, style)).collect()
    }

    /// What is left to say when the last target is decided.
    pub fn end(&mut self, totals: &Totals, width: usize, style: Style) -> String {
        let mut held = self.fold.as_mut().map(Fold::end).unwrap_or_default();
        // Who said so, and what now, is a question only where nothing connected.
        if totals.good == 0 {
            held.extend(self.fold.iter_mut().flat_map(Fold::examples));
        }
        let held: String = held.iter().map(|report| self.target(report, style)).collect();
        let table: String = self.table(totals, width, style).iter().map(|line| format!("{line}\n")).collect();
        held + &table + &summary("", totals)
    }

    /// Every host with every port, or with ranges of ports; neither where each target was shown and no table fits.
    fn table(&mut self, totals: &Totals, width: usize, style: Style) -> Vec<String> {
        let Some(ledger) = self.ledger.as_mut().filter(|_| totals.targets > 1) else { return Vec::new() };
        match (matrix::lines(ledger, width, style), &self.fold) {
            (Some(matrix), _) => matrix,
            (None, Some(_)) => ledger.lines(width, style, self.service.unwrap_or(|_, _| None)),
            (None, None) => Vec::new(),
        }
    }

    /// One whole target.
    pub fn target(&mut self, report: &Report, style: Style) -> String {
        let stamp = if style.timestamps { timestamp(report.started_at) + " " } else { String::new() };
        let mut lines = if report.attempts.is_empty() {
            self.lines(&[bare(report, stamp, style)], style)
        } else if is_literal(&report.host) {
            self.lines(&rows(report, style, &label(report, &stamp), self.service), style)
        } else {
            let rows = rows(report, style, "", self.service);
            let block = table::lines(&rows, "  ", Columns::default().widened(&rows), style);
            header(report, stamp, style).into_iter().chain(block).collect()
        };
        lines.extend(timeline::lines(report, style));
        lines.extend(paths(report, style));
        lines.extend(self.advice(report, style).iter().map(advice_line));
        lines.extend(closing(report));
        lines.join("\n") + "\n"
    }

    /// A table that goes on from the lines before it.
    fn lines(&mut self, rows: &[Row], style: Style) -> Vec<String> {
        let columns = self.columns.widened(rows);
        self.columns = columns.limited(self.columns);
        table::lines(rows, "", columns, style)
    }

    /// Each line once, and only where it helps: an address failed and the target is not plainly good, a connection is in
    /// doubt, or more was asked for.
    fn advice(&mut self, report: &Report, style: Style) -> Vec<Advice> {
        let doubtful = |attempt: &Attempt| attempt.outcome == Outcome::Connected && attempt.cause.is_some();
        let plain = report.good && !report.partial && !report.attempts.iter().any(doubtful);
        if plain && style.verbose == 0 {
            return Vec::new();
        }
        let mut lines = advice::of_report(report);
        lines.retain(|line| self.few || line.topic != Topic::Wait);
        let known = std::mem::take(&mut self.advised);
        let new = lines.iter().map(|line| line.topic).filter(|topic| !known.contains(topic)).collect::<Vec<_>>();
        let shown = lines.into_iter().filter(|line| style.verbose > 0 || new.contains(&line.topic)).collect();
        self.advised = known;
        self.advised.extend(new);
        shown
    }
}

/// A line that is not for every address names those that it is for.
fn advice_line(line: &Advice) -> String {
    const NAMED: usize = 3;
    let named: Vec<String> = line.addresses.iter().take(NAMED).map(|&ip| address(ip)).collect();
    let whose = match line.addresses.len() {
        0 => String::new(),
        all if all <= NAMED => format!(" for {}", named.join(", ")),
        all => format!(" for {} and {} more", named.join(", "), all - NAMED),
    };
    wrapped(&format!("advice{whose}: {}", line.text), 2, "  advice: ".len())
}

/// What the targets of a run or of a round came to; nothing for one target, which has said it already.
fn summary(of: &str, totals: &Totals) -> String {
    if totals.targets < 2 {
        return String::new();
    }
    let (as_required, otherwise) = match totals {
        Totals { expecting: true, .. } => (" (as expected)".into(), UNEXPECTED),
        Totals { partial: 1.., .. } => (format!(" ({} partial)", totals.partial), ""),
        _ => (String::new(), ""),
    };
    let good = totals.as_required().map(|(outcome, count)| format!("{count} {outcome}{as_required}"));
    let others = totals.others().map(|(outcome, count)| format!("{count} {outcome}{otherwise}"));
    let parts: Vec<String> = good.chain(others).map(|part| unbroken(&part)).collect();
    let all = totals.of.map_or(String::new(), |all| format!(" of {all}"));
    let head = format!("{of}{}{all} targets: ", totals.targets);
    wrapped(&format!("{head}{}", parts.join(", ")), 0, head.len()) + "\n"
}

fn label(report: &Report, stamp: &str) -> String {
    let padding = PORT_WIDTH.saturating_sub(report.port.to_string().len());
    format!("{stamp}{}{:padding$}", report.target, "")
}

/// The name stands beside the target, or below it where the line would be too long.
fn header(report: &Report, stamp: String, style: Style) -> Vec<String> {
    let (start, rest) = (stamp + &report.target, addresses(&report.lookup, style));
    let Some(names) = names(&report.lookup) else { return vec![format!("{start}  {rest}")] };
    let line = format!("{start} ({names})  {rest}");
    if line.width() <= LINE_WIDTH { vec![line] } else { vec![format!("{start}  {rest}"), format!("  ({names})")] }
}

/// The names that a lookup was really about.
fn names(lookup: &Lookup) -> Option<String> {
    let names: Vec<&str> = [&lookup.ascii, &lookup.canonical].into_iter().flatten().map(|name| &**name).collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// What the lookup gave.
fn addresses(lookup: &Lookup, style: Style) -> String {
    let took = if lookup.elapsed.is_zero() { String::new() } else { format!(" in {}", units::human(lookup.elapsed)) };
    let again = match lookup.duplicates {
        0 => String::new(),
        _ if style.verbose == 0 => String::new(),
        again => format!(" ({} dropped)", count(again, "duplicate", "duplicates")),
    };
    let codes = lookup.error.map(|code| format!("  {}{}", half(lookup), codes(code, style))).unwrap_or_default();
    let missing = missing(lookup).map(|family| format!(", {} unanswered", family.meaning())).unwrap_or_default();
    format!("{}{took}{again}{missing}{codes}", count(lookup.addresses, "address", "addresses"))
}

/// Whose lookup failed, where the other family has addresses.
fn half(lookup: &Lookup) -> String {
    let family = lookup.family.filter(|_| lookup.addresses > 0);
    family.map(|family| format!("{}: ", family.meaning())).unwrap_or_default()
}

/// The family that was waited for in vain, or not waited for to the end.
fn missing(lookup: &Lookup) -> Option<Family> {
    let limit = lookup.by == Some(By::Limit) && lookup.addresses > 0;
    lookup.unanswered.or(lookup.family.filter(|_| limit))
}

/// A target that came to its end before there was an address to try.
fn bare(report: &Report, stamp: String, style: Style) -> Row {
    Row {
        label: stamp + &report.target,
        outcome: report.outcome,
        time: units::human(report.elapsed),
        codes: report.lookup.error.map(|code| codes(code, style)).unwrap_or_default(),
        below: names(&report.lookup).map(|name| format!("looked up as {name}")).into_iter().collect(),
    }
}

/// A row for each try; `first` is the first one's label where that is not its address.
fn rows(report: &Report, style: Style, first: &str, service: Option<Service>) -> Vec<Row> {
    let label = |index: usize, attempt: &Attempt| match (index, attempt.number) {
        (0, _) if !first.is_empty() => first.to_string(),
        (1.., 2..) if report.attempts[index - 1].address == attempt.address => format!("  try {}", attempt.number),
        _ => address(attempt.address),
    };
    let same = |a: &Attempt, b: &Attempt| {
        a.reason.is_some() && a.phase.is_none() && b.phase.is_none() && (a.outcome, a.reason) == (b.outcome, b.reason)
    };
    let mut index = 0;
    let mut rows = Vec::new();
    for attempts in report.attempts.chunk_by(same) {
        match attempts {
            [first, _, _, ..] if style.verbose == 0 => rows.push(untried(attempts.len(), first, report, style)),
            _ => rows.extend(
                (index..)
                    .zip(attempts)
                    .map(|(index, attempt)| row(label(index, attempt), report, attempt, style, service)),
            ),
        }
        index += attempts.len();
    }
    rows
}

/// One row for several addresses that were not tried, for one reason.
fn untried(number: usize, first: &Attempt, report: &Report, style: Style) -> Row {
    row(format!("{number} addresses"), report, first, style, None)
}

fn row(label: String, report: &Report, attempt: &Attempt, style: Style, service: Option<Service>) -> Row {
    let begun = attempt.phase.is_some() || !attempt.elapsed.is_zero();
    let mut below: Vec<String> = nat64(attempt.address.ip()).into_iter().collect();
    below.extend(evidence(report.protocol, attempt, style));
    if style.verbose > 0 {
        below.extend(details(attempt, style));
    }
    let connected = attempt.outcome == Outcome::Connected;
    let service = service.filter(|_| connected).and_then(|service| service(report.port, report.protocol));
    Row {
        label,
        outcome: attempt.outcome,
        time: if begun { units::human(attempt.elapsed) } else { String::new() },
        codes: attempt.error.map(|code| codes(code, style)).or(service).unwrap_or_default(),
        below,
    }
}

/// The IPv4 address that a translator connects to: the last 32 bits behind the well-known prefix 64:ff9b::/96 (RFC 6052
/// section 2.1).
fn nat64(ip: IpAddr) -> Option<String> {
    let IpAddr::V6(v6) = ip else { return None };
    let [0x64, 0xff9b, 0, 0, 0, 0, high, low] = v6.segments() else { return None };
    Some(format!("{} through NAT64", Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))))
}

/// What the rows come to, where that is not plain from one of them.
fn closing(report: &Report) -> Option<String> {
    let last_tries: Vec<Outcome> = report
        .attempts
        .chunk_by(|a, b| a.address == b.address)
        .filter_map(|tries| tries.last().map(|attempt| attempt.outcome))
        .collect();
    if let Some(expected) = report.expected {
        let cut_short = if report.is_cut_short() { ", and the end of the run cut the probe short" } else { "" };
        return (!report.good).then(|| wrapped(&format!("expected: {expected}{cut_short}"), 0, "expected: ".len()));
    }
    let connected = last_tries.iter().filter(|&&outcome| outcome == Outcome::Connected).count();
    let verdict = match (report.good, report.partial, connected) {
        (true, true, _) => " (partial)".to_string(),
        (true, false, _) => return None,
        (false, _, 0) if last_tries.len() < 2 => return None,
        (false, _, 0) => format!(" ({})", report.outcome),
        (false, ..) if report.is_cut_short() => ", and the end of the run cut the hold short".to_string(),
        (false, ..) => ", not enough".to_string(),
    };
    // An address that closed the connection had connected.
    let held = report.attempts.iter().any(|attempt| attempt.hold.is_some());
    let word = match report.protocol {
        Protocol::Udp => "replied",
        Protocol::Tcp if held => "stayed connected",
        Protocol::Tcp => "connected",
    };
    Some(format!("{connected} of {} {word}{verdict}", count(last_tries.len(), "address", "addresses")))
}

fn count(number: usize, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests;
