//! Several hosts and several ports as one table: a line for a host, a column for a port.

use std::collections::BTreeSet;

use unicode_width::UnicodeWidthStr;

use super::Style;
use super::ledger::{Entry, Ledger, Word};
use super::table::padded;
use crate::model::Protocol;

/// Lines of a small terminal.
const MOST_HOSTS: usize = 24;
/// More columns than this fit no terminal.
const MOST_PORTS: usize = 64;

/// A column: port and protocol.
type Port = (u128, Protocol);

/// The table, where there are several hosts and ports, each host has a result for each port, and it fits.
pub fn lines(ledger: &Ledger, width: usize, style: Style) -> Option<Vec<String>> {
    let hosts = ledger.hosts().filter(|hosts| (2..=MOST_HOSTS).contains(&hosts.len()))?;
    let ports = ports(hosts.values().flatten())?;
    let label = hosts.keys().map(|host| host.text().width()).max().unwrap_or(0);
    let rows: Vec<(String, Vec<Word>)> = hosts
        .iter()
        .map(|(host, entries)| {
            Some((host.text(), ports.iter().map(|&port| word(entries, port)).collect::<Option<_>>()?))
        })
        .collect::<Option<_>>()?;
    let heads: Vec<String> = ports.iter().map(|&port| head(port)).collect();
    let widths: Vec<usize> = heads.iter().enumerate().map(|(column, head)| widest(&rows, column, head)).collect();
    if label + widths.iter().map(|width| width + 2).sum::<usize>() > width {
        return None;
    }
    let heading = line("", label, heads.iter().map(|head| (head.clone(), head.width())), &widths);
    let body = rows.iter().map(|(host, words)| {
        line(host, label, words.iter().map(|word| (word.painted(style), word.text().len())), &widths)
    });
    Some(std::iter::once(heading).chain(body).collect())
}

fn ports<'a>(entries: impl Iterator<Item = &'a Entry>) -> Option<BTreeSet<Port>> {
    let mut ports = BTreeSet::new();
    for entry in entries {
        if entry.ports.count() > MOST_PORTS as u128 {
            return None;
        }
        ports.extend(entry.ports.numbers().map(|port| (port, entry.protocol)));
    }
    (ports.len() > 1).then_some(ports)
}

fn word(entries: &[Entry], (port, protocol): Port) -> Option<Word> {
    let has = |entry: &&Entry| entry.protocol == protocol && entry.ports.numbers().any(|number| number == port);
    entries.iter().find(has).map(|entry| entry.word)
}

fn head((port, protocol): Port) -> String {
    if protocol == Protocol::Udp { format!("{port}/udp") } else { port.to_string() }
}

fn widest(rows: &[(String, Vec<Word>)], column: usize, head: &str) -> usize {
    rows.iter().map(|(_, words)| words[column].text().len()).fold(head.len(), usize::max)
}

/// Cells come with their width, which colours do not change.
fn line(host: &str, label: usize, cells: impl Iterator<Item = (String, usize)>, widths: &[usize]) -> String {
    let filled = |((text, own), width): ((String, usize), &usize)| format!("  {text}{:1$}", "", width - own);
    let line = padded(host, label) + &cells.zip(widths).map(filled).collect::<String>();
    line.trim_end().to_string()
}

#[cfg(test)]
mod tests {
    use super::super::samples::literal;
    use super::*;
    use crate::model::{Outcome, Report};

    fn table(targets: &[(&str, Outcome)], width: usize) -> Option<Vec<String>> {
        let mut ledger = Ledger::default();
        targets.iter().for_each(|&(target, outcome)| ledger.add(&literal(target, outcome)));
        lines(&ledger, width, Style::default())
    }

    const GRID: &[(&str, Outcome)] = &[
        ("10.0.0.9:443", Outcome::Refused),
        ("10.0.0.9:22", Outcome::Connected),
        ("10.0.0.10:22", Outcome::Unreachable),
        ("10.0.0.10:443", Outcome::Unreachable),
    ];

    #[test]
    fn hosts_and_ports_in_their_order() {
        #[rustfmt::skip]
        assert_eq!(table(GRID, 80).unwrap(), [
            "           22           443",
            "10.0.0.9   connected    refused",
            "10.0.0.10  unreachable  unreachable",
        ]);
    }

    #[test]
    fn only_where_it_fits_and_no_cell_is_empty() {
        assert_eq!(table(GRID, 34), None);
        assert!(table(GRID, 35).is_some());
        assert_eq!(table(&GRID[..3], 80), None, "a cell is missing");
        assert_eq!(table(&GRID[..2], 80), None, "one host");
        assert_eq!(table(&[GRID[1], GRID[2]], 80), None, "one port");
        let hosts: Vec<String> = (0..=MOST_HOSTS).map(|host| format!("10.0.0.{host}")).collect();
        let all = |count: usize| {
            let targets = hosts[..count].iter().flat_map(|host| [format!("{host}:1"), format!("{host}:2")]);
            let mut ledger = Ledger::default();
            targets.for_each(|target| ledger.add(&literal(&target, Outcome::Refused)));
            lines(&ledger, 80, Style::default()).map(|lines| lines.len())
        };
        assert_eq!((all(MOST_HOSTS), all(MOST_HOSTS + 1)), (Some(MOST_HOSTS + 1), None));
    }

    #[test]
    fn protocols_are_columns_of_their_own() {
        let mut ledger = Ledger::default();
        for host in ["10.0.0.1", "10.0.0.2"] {
            let tcp = literal(&format!("{host}:53"), Outcome::Refused);
            ledger.add(&Report { protocol: Protocol::Udp, outcome: Outcome::Unconfirmed, ..tcp.clone() });
            ledger.add(&tcp);
        }
        let text = lines(&ledger, 80, Style::default()).unwrap();
        assert_eq!(text[..2], ["          53       53/udp", "10.0.0.1  refused  unconfirmed"]);
    }

    #[test]
    fn what_was_not_expected_is_marked() {
        let expected = Some([Outcome::Refused].into_iter().collect());
        let mut ledger = Ledger::default();
        for (target, outcome) in GRID {
            ledger.add(&Report { good: *outcome == Outcome::Refused, expected, ..literal(target, *outcome) });
        }
        let table = lines(&ledger, 80, Style::default()).expect("a table");
        assert_eq!(table[1], "10.0.0.9   connected (not expected)    refused");
        assert_eq!(table[0].find("443"), table[1].find("refused"), "{table:#?}");
    }
}
