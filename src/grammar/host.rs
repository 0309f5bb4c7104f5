//! Hosts: names, literals with their zones, networks.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use ipnet::IpNet;

use super::{Grammar, Invalid, name, quote};
use crate::model::{Address, Host};

/// One host, or all of a network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hosts {
    /// One host.
    One(Host),
    /// Every address of a network.
    Network {
        /// Without host bits.
        net: IpNet,
        /// As in [`Address`].
        zone: Option<Arc<str>>,
    },
}

impl Hosts {
    /// Whether it is an IPv6 literal or network.
    pub fn is_ipv6(&self) -> bool {
        match self {
            Hosts::One(host) => host.is_ipv6(),
            Hosts::Network { net, .. } => matches!(net, IpNet::V6(_)),
        }
    }
}

/// `host`, `address/length`, `address%zone/length` (RFC 4007, section 11.7).
impl fmt::Display for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Hosts::One(host) => host.fmt(f),
            Hosts::Network { net, zone } => {
                let address = Address { ip: net.addr(), zone: zone.clone() };
                write!(f, "{address}/{}", net.prefix_len())
            }
        }
    }
}

impl Grammar<'_> {
    /// Reads a host or a network, IPv6 bare or in brackets.
    pub(super) fn hosts(&self, text: &str) -> Result<Hosts, Invalid> {
        let inside = unbracketed(text)?;
        match inside.split_once('/') {
            Some((address, length)) => self.network(inside, address, length),
            None => self.host(inside).map(Hosts::One),
        }
    }

    /// Reads an address where a name will not do.
    pub(super) fn address(&self, text: &str) -> Result<Address, Invalid> {
        match self.host(unbracketed(text)?)? {
            Host::Literal { address, .. } => Ok(address),
            Host::Name { .. } => {
                Err(Invalid::new(format!("{} is a name", quote(text)), "an address is needed here, IPv4 or IPv6"))
            }
        }
    }

    /// Reads a host without brackets.
    pub(super) fn host(&self, text: &str) -> Result<Host, Invalid> {
        self.host_before(text, "")
    }

    /// The same; `length` follows it where it is the address of a network, as in `/64`.
    fn host_before(&self, text: &str, length: &str) -> Result<Host, Invalid> {
        let address = if text.contains(':') {
            self.ipv6(text, length)?
        } else if let Ok(ip) = text.parse::<Ipv4Addr>() {
            Address { ip: ip.into(), zone: None }
        } else {
            return name::read(text);
        };
        Ok(Host::Literal { address, written: text.into() })
    }

    fn ipv6(&self, text: &str, length: &str) -> Result<Address, Invalid> {
        let ip = without_zone(text).parse::<Ipv6Addr>().map_err(|_| {
            Invalid::new(
                format!("{} is not an IPv6 address", quote(text)),
                "write it as in 2001:db8::1 or fe80::1%eth0",
            )
        })?;
        let written = text.split_once('%').map(|(_, zone)| zone);
        if let Some(zone) = written {
            check_zone(text, ip, zone, length)?;
        }
        let zone = written.or(self.interface.filter(|_| ip.is_unicast_link_local()));
        if zone.is_none() && ip.is_unicast_link_local() && !self.every_link {
            let what = if length.is_empty() { "address" } else { "network" };
            return Err(Invalid::new(
                format!("link-local {what} {} is on every link", quote(&format!("{text}{length}"))),
                format!("say on which interface, as in {ip}%eth0{length}"),
            ));
        }
        Ok(Address { ip: ip.into(), zone: zone.map(Arc::from) })
    }

    fn network(&self, text: &str, address: &str, length: &str) -> Result<Hosts, Invalid> {
        // Some write the interface behind the length.
        let bare = length.split('%').next().unwrap_or_default();
        let Host::Literal { address: Address { ip, zone }, .. } = self.host_before(address, &format!("/{bare}"))?
        else {
            return Err(Invalid::new(
                format!("{} is not a network", quote(text)),
                "a network is an address and a length, as in 10.0.0.0/28; a URL begins with its scheme://",
            ));
        };
        let net = prefix_length(length).and_then(|length| IpNet::new(ip, length).ok()).ok_or_else(|| {
            let longest = if ip.is_ipv4() { 32 } else { 128 };
            Invalid::new(
                format!("prefix length {} in {}", quote(length), quote(text)),
                format!("write a number from 0 to {longest}, without leading zeros"),
            )
        })?;
        let whole = Hosts::Network { net: net.trunc(), zone };
        if net.network() != ip {
            return Err(Invalid::new(
                format!("{} has host bits set", quote(text)),
                format!("the network is {whole}, the single host {address}"),
            ));
        }
        Ok(whole)
    }
}

/// Takes brackets off; only IPv6 has them (RFC 3986, section 3.2.2).
pub(super) fn unbracketed(text: &str) -> Result<&str, Invalid> {
    let Some(rest) = text.strip_prefix('[') else { return Ok(text) };
    match rest.split_once(']') {
        Some((inside, "")) if inside.contains(':') => Ok(inside),
        Some(("", "")) => Err(Invalid::new("the host is empty", "write [IPv6]:PORT, as in [::1]:80")),
        Some((inside, "")) => {
            Err(Invalid::new(format!("{} is not an IPv6 address in brackets", quote(text)), format!("write {inside}")))
        }
        Some((inside, after)) if after.starts_with('/') => Err(Invalid::new(
            format!("{} has its prefix length outside the brackets", quote(text)),
            format!("write [{inside}{after}]"),
        )),
        Some((inside, after)) => Err(Invalid::new(
            format!("{} after the bracket in {}", quote(after), quote(text)),
            format!("write [{inside}]:PORTS"),
        )),
        None => Err(unclosed(text)),
    }
}

pub(super) fn unclosed(text: &str) -> Invalid {
    let hint = "close it after the address, as in [2001:db8::1]:80";
    Invalid::new(format!("{} has no closing bracket", quote(text)), hint)
}

pub(super) fn without_zone(text: &str) -> &str {
    text.split_once('%').map_or(text, |(ip, _zone)| ip)
}

/// Whether a zone means something: link-local unicast, and multicast of interface or link scope (RFC 4291, section 2.7).
/// Elsewhere resolvers refuse a zone or ignore it.
fn takes_zone(ip: Ipv6Addr) -> bool {
    let scope = ip.segments()[0] & 0xf;
    ip.is_unicast_link_local() || (ip.is_multicast() && (scope == 1 || scope == 2))
}

fn check_zone(text: &str, ip: Ipv6Addr, zone: &str, length: &str) -> Result<(), Invalid> {
    let separator = |c: char| c.is_whitespace() || c.is_control() || "%/:[]".contains(c);
    if zone.is_empty() || zone.contains(separator) {
        let hint = format!("write an interface's name or index, as in {ip}%eth0{length}");
        return Err(Invalid::new(format!("{} does not name an interface", quote(text)), hint));
    }
    if !takes_zone(ip) {
        return Err(Invalid::new(
            format!("{} has an interface, but {ip} is not link-local", quote(text)),
            format!("write {ip}{length}"),
        ));
    }
    Ok(())
}

fn prefix_length(text: &str) -> Option<u8> {
    let canonical = text == "0" || text.starts_with(|c: char| ('1'..='9').contains(&c));
    text.parse().ok().filter(|_| canonical)
}
