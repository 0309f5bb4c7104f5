//! What is left out: hosts, networks and ports of `--exclude`.

use std::collections::HashSet;
use std::net::IpAddr;

use super::{Grammar, Hosts, Invalid, Ports, is_numeric, is_only_ipv6, quote, split};
use crate::model::{Address, Host, Protocol, Target};

/// Targets that are not probed. An address is left out as a target, not as an address that a name has.
#[derive(Debug, Clone, Default)]
pub struct Exclusions {
    /// Hosts of which every port is left out: most of a long list.
    addresses: HashSet<IpAddr>,
    names: HashSet<String>,
    others: Vec<Exclusion>,
}

/// One item: of these hosts (all of them when `None`) these ports (all of them when `None`), of one protocol or of both.
#[derive(Debug, Clone)]
struct Exclusion {
    hosts: Option<Hosts>,
    ports: Option<Ports>,
    protocol: Option<Protocol>,
}

impl Exclusions {
    /// Whether nothing is left out.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty() && self.names.is_empty() && self.others.is_empty()
    }

    /// Whether a target is left out.
    pub fn hold(&self, target: &Target) -> bool {
        let whole = match &target.host {
            Host::Literal { address, .. } => self.addresses.contains(&address.ip),
            Host::Name { ascii, .. } => !self.names.is_empty() && self.names.contains(&plain(ascii)),
        };
        whole || self.others.iter().any(|exclusion| exclusion.holds(target))
    }

    fn add(&mut self, exclusion: Exclusion) {
        match exclusion {
            Exclusion {
                hosts: Some(Hosts::One(Host::Literal { address: Address { ip, zone: None }, .. })),
                ports: None,
                protocol: None,
            } => {
                self.addresses.insert(ip);
            }
            Exclusion { hosts: Some(Hosts::One(Host::Name { ascii, .. })), ports: None, protocol: None } => {
                self.names.insert(plain(&ascii));
            }
            other => self.others.push(other),
        }
    }
}

impl Exclusion {
    fn holds(&self, target: &Target) -> bool {
        let port = self.ports.as_ref().is_none_or(|ports| ports.contains(target.port));
        let protocol = self.protocol.is_none_or(|protocol| protocol == target.protocol);
        protocol && port && self.hosts.as_ref().is_none_or(|hosts| includes(hosts, &target.host))
    }
}

fn includes(hosts: &Hosts, host: &Host) -> bool {
    match (hosts, host) {
        (Hosts::One(Host::Name { ascii: one, .. }), Host::Name { ascii: other, .. }) => plain(one) == plain(other),
        (Hosts::One(Host::Literal { address: one, .. }), Host::Literal { address: other, .. }) => {
            one.ip == other.ip && (one.zone.is_none() || one.zone == other.zone)
        }
        (Hosts::Network { net, zone }, Host::Literal { address, .. }) => {
            net.contains(&address.ip) && (zone.is_none() || *zone == address.zone)
        }
        _ => false,
    }
}

/// Case and final dot do not count.
fn plain(ascii: &str) -> String {
    ascii.strip_suffix('.').unwrap_or(ascii).to_ascii_lowercase()
}

impl Grammar<'_> {
    /// Reads one item and adds it: `HOST`, `NETWORK`, either with `:PORTS`, or `:PORTS` of every host. `/udp` or `/tcp`
    /// behind it leaves out that protocol alone.
    ///
    /// # Errors
    /// The text is refused.
    pub fn exclude(&self, text: &str, exclusions: &mut Exclusions) -> Result<(), Invalid> {
        if text.contains("://") {
            return Err(Invalid::new("a URL is left out by its host", "write HOST, HOST:PORTS, NETWORK or :PORTS"));
        }
        if text.is_empty() {
            return Err(Invalid::new(
                "an item is empty",
                "write HOST, HOST:PORTS, NETWORK or :PORTS, with commas between",
            ));
        }
        if is_numeric(text) {
            return Err(Invalid::new(format!("{} is no host", quote(text)), format!("a port is left out as :{text}")));
        }
        let of = |(suffix, protocol)| text.strip_suffix(suffix).map(|rest| (rest, Some(protocol)));
        let suffixed = [("/udp", Protocol::Udp), ("/tcp", Protocol::Tcp)].into_iter().find_map(of);
        let (text, protocol) = suffixed.unwrap_or((text, None));
        let (hosts, ports) = match text.strip_prefix(':') {
            Some(ports) if !ports.starts_with(':') => (None, Some(ports)),
            _ if is_only_ipv6(text) => (Some(text), None),
            _ => split(text).map(|(host, ports)| (Some(host), ports))?,
        };
        let grammar = Grammar { every_link: true, protocol: protocol.unwrap_or(self.protocol), ..*self };
        let hosts = hosts.map(|hosts| grammar.hosts(hosts)).transpose()?;
        let ports = ports.map(|ports| grammar.ports(ports)).transpose()?;
        exclusions.add(Exclusion { hosts, ports, protocol });
        Ok(())
    }
}
