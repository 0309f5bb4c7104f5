//! What every host of a run came to, by ranges of ports; hosts that came to the same are one entry. Memory is bounded:
//! what does not fit is counted.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use unicode_width::UnicodeWidthStr;

use super::ranges::Ranges;
use super::table::{self, padded};
use super::wording::UNEXPECTED;
use super::{Service, Style};
use crate::model::{Outcome, Protocol, Report};

/// Hosts whose ports may still come in; beyond that the first ones are taken as complete.
const MOST_HOSTS: usize = 2048;
/// Different results of hosts that are told apart.
const MOST_GROUPS: usize = 256;
/// Names of one group.
const MOST_NAMES: usize = 1024;
/// Ranges, hosts or ports in one list.
const MOST_ITEMS: usize = 40;
/// Hosts that stand on the line of their results.
const LABEL_WIDTH: usize = 40;

/// A host as a key: addresses in their order, then names.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Host {
    /// A literal without a zone.
    Address(IpAddr),
    /// Anything else, as written.
    Name(Arc<str>),
}

impl Host {
    fn of(report: &Report) -> Host {
        match report.host.parse() {
            Ok(address) => Host::Address(address),
            Err(_) => Host::Name(Arc::clone(&report.host)),
        }
    }

    /// For people.
    pub fn text(&self) -> String {
        match self {
            Host::Address(address) => address.to_string(),
            Host::Name(name) => name.to_string(),
        }
    }
}

/// What a target came to, in one word: the outcome, or `partial`; with a mark where it was not expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Word {
    /// The target's outcome.
    pub outcome: Outcome,
    /// Good, but some address failed.
    pub partial: bool,
    /// Other outcomes were expected.
    pub unexpected: bool,
}

impl Word {
    /// The word with its mark.
    pub fn text(self) -> String {
        let mark = if self.unexpected { UNEXPECTED } else { "" };
        self.plain().to_owned() + mark
    }

    /// The same, with the word in colour.
    pub fn painted(self, style: Style) -> String {
        self.text().replacen(self.plain(), &table::painted(self.plain(), self.outcome, style), 1)
    }

    fn plain(self) -> &'static str {
        if self.partial { "partial" } else { self.outcome.slug() }
    }
}

/// The ports of a host that came to one word.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// What they came to.
    pub word: Word,
    /// TCP or UDP.
    pub protocol: Protocol,
    /// Which ports.
    pub ports: Ranges,
    count: u64,
}

/// Hosts that came to the same.
#[derive(Debug)]
struct Group {
    hosts: HostSet,
    entries: Vec<Entry>,
}

#[derive(Debug, Default)]
struct HostSet {
    v4: Ranges,
    v6: Ranges,
    names: Vec<Arc<str>>,
    unlisted: u128,
}

/// What every host came to.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Hosts of which more may come.
    hosts: BTreeMap<Host, Vec<Entry>>,
    groups: Vec<Group>,
    /// Targets of hosts that no group lists.
    unlisted: u64,
}

impl Ledger {
    /// Takes one more target into account.
    pub fn add(&mut self, report: &Report) {
        let word = Word {
            outcome: report.outcome,
            partial: report.partial,
            unexpected: report.expected.is_some() && !report.good,
        };
        let entries = self.hosts.entry(Host::of(report)).or_default();
        let same = |entry: &&mut Entry| entry.word == word && entry.protocol == report.protocol;
        match entries.iter_mut().find(same) {
            Some(entry) => entry.add(report.port),
            None => {
                let ports = Ranges::default();
                let mut entry = Entry { word, protocol: report.protocol, ports, count: 0 };
                entry.add(report.port);
                entries.push(entry);
                entries.sort_by_key(|entry| (entry.word, entry.protocol));
            }
        }
        if self.hosts.len() > MOST_HOSTS {
            self.close_first();
        }
    }

    /// The hosts with their entries, where every host is still there.
    pub fn hosts(&self) -> Option<&BTreeMap<Host, Vec<Entry>>> {
        self.groups.is_empty().then_some(&self.hosts)
    }

    fn close_first(&mut self) {
        let Some((host, entries)) = self.hosts.pop_first() else { return };
        let same = self.groups.iter().position(|group| group.entries == entries);
        match same {
            Some(same) => self.groups[same].hosts.insert(host),
            None if self.groups.len() == MOST_GROUPS => {
                self.unlisted += entries.iter().map(|entry| entry.count).sum::<u64>();
            }
            None => {
                let mut hosts = HostSet::default();
                hosts.insert(host);
                self.groups.push(Group { hosts, entries });
            }
        }
    }

    /// Hosts, counts, words and ranges of ports; hosts where something connected or was not expected come first.
    pub fn lines(&mut self, width: usize, style: Style, service: Service) -> Vec<String> {
        while !self.hosts.is_empty() {
            self.close_first();
        }
        let dull = |word: Word| word.outcome != Outcome::Connected && !word.unexpected;
        self.groups.sort_by_key(|group| group.entries.iter().all(|entry| dull(entry.word)));
        let mut lines: Vec<String> = self.groups.iter().flat_map(|group| group.lines(width, style, service)).collect();
        if self.unlisted > 0 {
            lines.push(format!("and {} more targets", self.unlisted));
        }
        lines
    }
}

impl Entry {
    fn add(&mut self, port: u16) {
        self.ports.insert(u128::from(port));
        self.count += 1;
    }

    /// `22 ssh` for what connected, else ranges.
    fn items(&self, service: Service) -> Vec<String> {
        let suffix = if self.protocol == Protocol::Udp { "/udp" } else { "" };
        let single = |port: u128| {
            let name = u16::try_from(port).ok().and_then(|port| service(port, self.protocol));
            format!("{port}{suffix}{}", name.map(|name| format!(" {name}")).unwrap_or_default())
        };
        let named = self.word.outcome == Outcome::Connected && self.ports.count() <= MOST_ITEMS as u128;
        let items: Vec<String> = match named {
            true => self.ports.numbers().map(single).collect(),
            false => self.ports.iter().map(|(first, last)| range(first, last) + suffix).collect(),
        };
        let shown = self.ports.iter().take(MOST_ITEMS).map(|(first, last)| last - first + 1).sum::<u128>();
        let more = if named { 0 } else { self.ports.count() - shown };
        cut(items, more)
    }
}

fn range(first: u128, last: u128) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

fn cut(mut items: Vec<String>, more: u128) -> Vec<String> {
    items.truncate(MOST_ITEMS);
    items.extend((more > 0).then(|| format!("and {more} more")));
    items
}

impl Group {
    fn lines(&self, width: usize, style: Style, service: Service) -> Vec<String> {
        let hosts = self.hosts.items();
        let many = self.hosts.count();
        let count = if many > 1 { format!("  ({many} hosts)") } else { String::new() };
        let label = hosts.join(", ") + &count;
        if label.width() <= LABEL_WIDTH {
            let indent = label.width() + 2;
            let mut lines = self.results(many, indent, width, style, service);
            if let Some(first) = lines.first_mut() {
                *first = padded(&label, indent) + first.trim_start();
            }
            return lines;
        }
        let mut lines = wrapped(&hosts, "", 0, width);
        if let Some(last) = lines.last_mut() {
            *last += &count;
        }
        lines.extend(self.results(many, 2, width, style, service));
        lines
    }

    fn results(&self, hosts: u128, indent: usize, width: usize, style: Style, service: Service) -> Vec<String> {
        let of = |entry: &Entry| {
            let (number, word) = (hosts * u128::from(entry.count), entry.word);
            let head = format!("{number} {}: ", word.text());
            let mut lines = wrapped(&entry.items(service), &head, indent, width);
            lines[0] = lines[0].replacen(&word.text(), &word.painted(style), 1);
            lines
        };
        self.entries.iter().flat_map(of).collect()
    }
}

impl HostSet {
    fn insert(&mut self, host: Host) {
        match host {
            Host::Address(IpAddr::V4(address)) => self.v4.insert(u128::from(u32::from(address))),
            Host::Address(IpAddr::V6(address)) => self.v6.insert(u128::from(address)),
            Host::Name(name) if self.names.len() < MOST_NAMES => self.names.push(name),
            Host::Name(_) => self.unlisted += 1,
        }
    }

    fn count(&self) -> u128 {
        self.v4.count() + self.v6.count() + self.names.len() as u128 + self.unlisted
    }

    fn items(&self) -> Vec<String> {
        let v4 = |number| u32::try_from(number).map(Ipv4Addr::from).unwrap_or(Ipv4Addr::BROADCAST);
        let v4 = self.v4.iter().map(|(first, last)| (addresses(v4(first), v4(last)), last - first + 1));
        let v6 = self
            .v6
            .iter()
            .map(|(first, last)| (addresses(Ipv6Addr::from(first), Ipv6Addr::from(last)), last - first + 1));
        let all: Vec<(String, u128)> =
            v4.chain(v6).chain(self.names.iter().map(|name| (name.to_string(), 1))).collect();
        let shown: u128 = all.iter().take(MOST_ITEMS).map(|(_, hosts)| hosts).sum();
        cut(all.into_iter().map(|(text, _)| text).collect(), self.count() - shown)
    }
}

fn addresses<T: PartialEq + std::fmt::Display>(first: T, last: T) -> String {
    if first == last { first.to_string() } else { format!("{first}-{last}") }
}

/// The items, separated by commas, in lines of that width; those after the first begin below the first item.
fn wrapped(items: &[String], head: &str, indent: usize, width: usize) -> Vec<String> {
    let hanging = indent + head.width();
    let mut lines = vec![format!("{:indent$}{head}", "")];
    let mut empty = true;
    for (index, item) in items.iter().enumerate() {
        let comma = if index + 1 < items.len() { "," } else { "" };
        let line = lines.last_mut().expect("there is one from the start");
        if !empty && line.width() + 1 + item.width() + comma.len() > width {
            lines.push(format!("{:hanging$}{item}{comma}", ""));
        } else {
            let gap = if empty { "" } else { " " };
            *line += &format!("{gap}{item}{comma}");
        }
        empty = false;
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::super::samples::{literal, unresolved};
    use super::*;

    fn service(port: u16, _: Protocol) -> Option<String> {
        [(22, "ssh"), (80, "http")].iter().find(|(known, _)| *known == port).map(|(_, name)| name.to_string())
    }

    fn lines(reports: impl IntoIterator<Item = Report>) -> Vec<String> {
        let mut ledger = Ledger::default();
        reports.into_iter().for_each(|report| ledger.add(&report));
        let lines = ledger.lines(80, Style::default(), service);
        assert!(lines.iter().all(|line| line.width() <= 80), "{lines:#?}");
        lines
    }

    #[test]
    fn a_host_with_many_ports() {
        let outcome = |port| if [22, 80, 8443].contains(&port) { Outcome::Connected } else { Outcome::Refused };
        let sweep = (1..=10_000).map(|port| literal(&format!("192.0.2.10:{port}"), outcome(port)));
        #[rustfmt::skip]
        assert_eq!(lines(sweep), [
            "192.0.2.10  3 connected: 22 ssh, 80 http, 8443",
            "            9997 refused: 1-21, 23-79, 81-8442, 8444-10000",
        ]);
    }

    #[test]
    fn hosts_that_came_to_the_same_are_one_entry_and_good_ones_come_first() {
        let outcome = |host| if [7, 8, 200].contains(&host) { Outcome::Connected } else { Outcome::TimedOut };
        let sweep = (1..=254).map(|host| literal(&format!("10.0.0.{host}:22"), outcome(host)));
        #[rustfmt::skip]
        assert_eq!(lines(sweep), [
            "10.0.0.7-10.0.0.8, 10.0.0.200  (3 hosts)  3 connected: 22 ssh",
            "10.0.0.1-10.0.0.6, 10.0.0.9-10.0.0.199, 10.0.0.201-10.0.0.254  (251 hosts)",
            "  251 timed-out: 22",
        ]);
    }

    #[test]
    fn partial_names_and_protocols_are_told_apart() {
        let partial = Report { partial: true, ..literal("10.0.0.1:22", Outcome::Connected) };
        let udp = Report { protocol: Protocol::Udp, ..literal("[2001:db8::1]:53", Outcome::Unconfirmed) };
        #[rustfmt::skip]
        assert_eq!(lines([partial, udp, unresolved()]), [
            "10.0.0.1  1 partial: 22 ssh",
            "2001:db8::1  1 unconfirmed: 53/udp",
            "nosuch.example  1 unresolved: 80",
        ]);
    }

    #[test]
    fn long_lists_are_wrapped_and_cut_and_say_so() {
        let every_other = (1..=400).map(|n| literal(&format!("10.0.0.1:{}", n * 2), Outcome::Refused));
        let text = lines(every_other);
        assert!(text[0].starts_with("10.0.0.1  400 refused: 2, 4, 6, "), "{text:#?}");
        assert!(text[1].starts_with("                       "), "{text:#?}");
        assert!(text.last().unwrap().ends_with(" 80, and 360 more"), "{text:#?}");
    }

    #[test]
    fn memory_is_bounded_and_nothing_is_lost() {
        let mut ledger = Ledger::default();
        for n in 0..100_000_u32 {
            let report = literal(&format!("{}:{}", Ipv4Addr::from(n * 2), 1 + n % 300), Outcome::Refused);
            ledger.add(&report);
        }
        assert!(ledger.hosts.len() <= MOST_HOSTS && ledger.groups.len() <= MOST_GROUPS);
        let text = ledger.lines(80, Style::default(), service);
        let last =
            text.last().and_then(|line| line.strip_prefix("and ")).and_then(|line| line.strip_suffix(" more targets"));
        let unlisted: u128 = last.and_then(|number| number.parse().ok()).expect("a number");
        let listed: u128 =
            ledger.groups.iter().map(|group| group.hosts.count() * u128::from(group.entries[0].count)).sum();
        assert_eq!(listed + unlisted, 100_000);
    }

    #[test]
    fn what_was_not_expected_is_marked() {
        let expected = Some([Outcome::Refused].into_iter().collect());
        let report = |port: u16| match port {
            22 => Report { good: false, expected, ..literal("10.0.0.2:22", Outcome::Connected) },
            _ => Report { good: true, expected, ..literal(&format!("10.0.0.2:{port}"), Outcome::Refused) },
        };
        #[rustfmt::skip]
        assert_eq!(lines((1..=30).map(report)), [
            "10.0.0.2  1 connected (not expected): 22 ssh",
            "          29 refused: 1-21, 23-30",
        ]);
    }
}
