//! Ports of well-known services, for systems whose services database lacks them: a slim image has no database at all,
//! and mongodb, kafka or redis are in none. The system's database always wins.

use crate::model::Protocol;

/// Which protocols a service is known for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Over {
    Tcp,
    Udp,
    Both,
}

use Over::{Both, Tcp, Udp};

/// Names in lower case, sorted; the numbers are IANA's, or those that the software itself documents.
#[rustfmt::skip]
const TABLE: &[(&str, u16, Over)] = &[
    ("amqp", 5672, Tcp), ("amqps", 5671, Tcp), ("bolt", 7687, Tcp), ("cassandra", 9042, Tcp), ("coap", 5683, Udp),
    ("coaps", 5684, Udp), ("consul", 8500, Tcp), ("couchdb", 5984, Tcp), ("domain", 53, Both), ("domain-s", 853, Both),
    ("elasticsearch", 9200, Tcp), ("etcd", 2379, Tcp), ("ftp", 21, Tcp), ("ftps", 990, Tcp), ("git", 9418, Tcp),
    ("http", 80, Tcp), ("http-alt", 8080, Tcp), ("https", 443, Both), ("imap", 143, Tcp), ("imaps", 993, Tcp),
    ("influxdb", 8086, Tcp), ("ipp", 631, Tcp), ("irc", 6667, Tcp), ("ircs", 6697, Tcp), ("kafka", 9092, Tcp),
    ("kerberos", 88, Both), ("ldap", 389, Both), ("ldaps", 636, Tcp), ("mariadb", 3306, Tcp), ("memcached", 11211, Both),
    ("microsoft-ds", 445, Tcp), ("mongodb", 27017, Tcp), ("mqtt", 1883, Tcp), ("mqtts", 8883, Tcp),
    ("ms-sql-s", 1433, Tcp), ("ms-wbt-server", 3389, Both), ("mssql", 1433, Tcp), ("mysql", 3306, Tcp),
    ("nats", 4222, Tcp), ("neo4j", 7687, Tcp), ("nfs", 2049, Both), ("ntp", 123, Udp), ("openvpn", 1194, Both),
    ("oracle", 1521, Tcp), ("pop3", 110, Tcp), ("pop3s", 995, Tcp), ("postgres", 5432, Tcp), ("postgresql", 5432, Tcp),
    ("prometheus", 9090, Tcp), ("radius", 1812, Udp), ("rdp", 3389, Both), ("redis", 6379, Tcp), ("rediss", 6379, Tcp),
    ("rsync", 873, Tcp), ("rtsp", 554, Both), ("sftp", 22, Tcp), ("sip", 5060, Both), ("sips", 5061, Tcp),
    ("smb", 445, Tcp), ("smtp", 25, Tcp), ("smtps", 465, Tcp), ("snmp", 161, Udp), ("snmp-trap", 162, Udp),
    ("socks", 1080, Tcp), ("socks5", 1080, Tcp), ("sqlserver", 1433, Tcp), ("ssh", 22, Tcp), ("stun", 3478, Both),
    ("submission", 587, Tcp), ("submissions", 465, Tcp), ("svn", 3690, Tcp), ("syslog", 514, Udp), ("telnet", 23, Tcp),
    ("tftp", 69, Udp), ("turn", 3478, Both), ("vault", 8200, Tcp), ("vnc", 5900, Tcp), ("wireguard", 51820, Udp),
    ("ws", 80, Tcp), ("wss", 443, Tcp), ("xmpp-client", 5222, Tcp), ("xmpp-server", 5269, Tcp),
    ("zookeeper", 2181, Tcp),
];

/// The port of a well-known service over a protocol.
pub(super) fn well_known(name: &str, protocol: Protocol) -> Option<u16> {
    let at = TABLE.binary_search_by_key(&name, |&(known, ..)| known).ok()?;
    let (_, port, over) = TABLE[at];
    let spoken = match protocol {
        Protocol::Tcp => over != Udp,
        Protocol::Udp => over != Tcp,
    };
    spoken.then_some(port)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_sorted_so_that_every_name_is_found() {
        assert!(TABLE.is_sorted_by(|(a, ..), (b, ..)| a < b));
        for &(name, port, over) in TABLE {
            assert_eq!(name, name.to_ascii_lowercase());
            assert_eq!(well_known(name, Protocol::Tcp), (over != Udp).then_some(port), "{name}");
            assert_eq!(well_known(name, Protocol::Udp), (over != Tcp).then_some(port), "{name}");
        }
        assert_eq!(well_known("nosuch", Protocol::Tcp), None);
    }
}
