//! Counters of the network namespace: /proc/net (proc_pid_net(5)), which everybody may read.

use std::fs;

use crate::model::Counters;
use crate::net::clock;

/// There are counters.
pub const COUNTS: bool = true;

/// The counters now; `None` without /proc.
pub fn counters() -> Option<Counters> {
    let before = Table::read("/proc/net/snmp")?;
    let extended = Table::read("/proc/net/netstat")?;
    let snmp = Table::read("/proc/net/snmp")?;
    // Without IPv6 there is none.
    let six = fs::read_to_string("/proc/net/snmp6").unwrap_or_default();
    let six = |name| six.lines().find_map(|line| line.strip_prefix(name)?.trim().parse().ok()).unwrap_or(0);
    let undelivered =
        |[received, delivered, forwarded, to_group]: [i64; 4]| received - delivered - forwarded - to_group;
    Some(Counters {
        at: clock::now(),
        resent: [before.get("Tcp:", "RetransSegs"), snmp.get("Tcp:", "RetransSegs")],
        resent_in_vain: extended.get("TcpExt:", "TCPRetransFail"),
        syns_resent: extended.get("TcpExt:", "TCPSynRetrans"),
        reverse_path: extended.get("TcpExt:", "IPReversePathFilter"),
        undelivered: [
            undelivered([
                snmp.get("Ip:", "InReceives"),
                snmp.get("Ip:", "InDelivers"),
                snmp.get("Ip:", "ForwDatagrams"),
                extended.get("IpExt:", "InMcastPkts") + extended.get("IpExt:", "InBcastPkts"),
            ]),
            undelivered(["Ip6InReceives ", "Ip6InDelivers ", "Ip6OutForwDatagrams ", "Ip6InMcastPkts "].map(six)),
        ],
    })
}

/// A file whose lines come in pairs: the names, then the numbers, each behind the name of the group.
struct Table(String);

impl Table {
    fn read(path: &str) -> Option<Table> {
        fs::read_to_string(path).ok().map(Table)
    }

    /// A counter; zero where this kernel does not have it.
    fn get(&self, group: &str, name: &str) -> i64 {
        let mut lines = self.0.lines().filter_map(|line| line.strip_prefix(group));
        let (Some(names), Some(numbers)) = (lines.next(), lines.next()) else { return 0 };
        let found = names.split(' ').zip(numbers.split(' ')).find(|(known, _)| *known == name);
        found.and_then(|(_, number)| number.parse().ok()).unwrap_or(0)
    }
}
