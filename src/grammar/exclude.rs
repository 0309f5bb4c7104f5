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
    /// Reads the elements of a comma list and adds its items: `HOST`, `NETWORK`, either with `:PORTS`, or `:PORTS` of every
    /// host. `/udp` or `/tcp` behind an item leaves out that protocol alone. A number behind an item with ports is a port of
    /// that item.
    ///
    /// # Errors
    /// The text is refused.
    pub fn exclude<'a>(
        &self,
        elements: impl IntoIterator<Item = &'a str>,
        exclusions: &mut Exclusions,
    ) -> Result<(), Invalid> {
        let mut items: Vec<String> = Vec::new();
        let mut takes_ports = false;
        for element in elements {
            let (plain, protocol) = without_protocol(element);
            let is_port = takes_ports && is_numeric(plain);
            match items.last_mut().filter(|_| is_port) {
                Some(item) => item.extend([",", element]),
                None => items.push(element.into()),
            }
            // A protocol ends the ports of its item.
            takes_ports = protocol.is_none() && (is_port || has_ports(plain));
        }
        items.iter().try_for_each(|item| self.exclude_item(item, exclusions))
    }

    fn exclude_item(&self, text: &str, exclusions: &mut Exclusions) -> Result<(), Invalid> {
        if text.contains("://") {
            return Err(Invalid::new("a URL is left out by its host", "write HOST, HOST:PORTS, NETWORK or :PORTS"));
        }
        if text.is_empty() {
            return Err(Invalid::new(
                "an item is empty",
                "write HOST, HOST:PORTS, NETWORK or :PORTS, with commas between",
            ));
        }
        let (item, protocol) = without_protocol(text);
        if is_numeric(item) {
            let hint = format!("a port is left out as :{text}, or of one host as HOST:{text}");
            return Err(Invalid::new(format!("{} is no host", quote(text)), hint));
        }
        let (hosts, ports) = host_and_ports(item)?;
        let grammar = Grammar { every_link: true, protocol: protocol.unwrap_or(self.protocol), ..*self };
        let hosts = hosts.map(|hosts| grammar.hosts(hosts)).transpose()?;
        let ports = ports.map(|ports| grammar.ports(ports)).transpose()?;
        exclusions.add(Exclusion { hosts, ports, protocol });
        Ok(())
    }
}

/// An item without the protocol that it ends with, and this protocol.
fn without_protocol(item: &str) -> (&str, Option<Protocol>) {
    let of = |(suffix, protocol)| item.strip_suffix(suffix).map(|rest| (rest, Some(protocol)));
    [("/udp", Protocol::Udp), ("/tcp", Protocol::Tcp)].into_iter().find_map(of).unwrap_or((item, None))
}

/// The two parts of an item, either of which may be missing.
fn host_and_ports(item: &str) -> Result<(Option<&str>, Option<&str>), Invalid> {
    match item.strip_prefix(':') {
        Some(ports) if !ports.starts_with(':') => Ok((None, Some(ports))),
        _ if is_only_ipv6(item) => Ok((Some(item), None)),
        _ => split(item).map(|(host, ports)| (Some(host), ports)),
    }
}

fn has_ports(item: &str) -> bool {
    matches!(host_and_ports(item), Ok((_, Some(_))))
}
