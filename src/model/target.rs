//! Whom to probe: addresses, hosts, targets.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use super::Protocol;

/// An address with the zone that tells on which link it is meant (RFC 4007).
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Address {
    /// The address.
    pub ip: IpAddr,
    /// Interface name or index, as written; only for link-local addresses.
    pub zone: Option<Arc<str>>,
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.zone {
            Some(zone) => write!(f, "{}%{zone}", self.ip),
            None => self.ip.fmt(f),
        }
    }
}

/// One host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Host {
    /// To be resolved.
    Name {
        /// For people.
        written: Arc<str>,
        /// For getaddrinfo(): A-labels, as only some resolvers convert U-labels (RFC 5890).
        ascii: Arc<str>,
    },
    /// Not to be resolved.
    Literal {
        /// The address.
        address: Address,
        /// For people.
        written: Arc<str>,
    },
}

impl Host {
    /// The host as it was written; without brackets.
    pub fn written(&self) -> &Arc<str> {
        match self {
            Host::Name { written, .. } | Host::Literal { written, .. } => written,
        }
    }

    /// The A-label form of a name, where that is not what was written.
    pub fn ascii(&self) -> Option<&Arc<str>> {
        match self {
            Host::Name { written, ascii } => (written != ascii).then_some(ascii),
            Host::Literal { .. } => None,
        }
    }

    /// Whether it is an IPv6 literal, which needs brackets before a port.
    pub fn is_ipv6(&self) -> bool {
        matches!(self, Host::Literal { address, .. } if address.ip.is_ipv6())
    }
}

/// A name as written, a literal in its canonical form (RFC 5952); no brackets.
impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Host::Name { written, .. } => f.pad(written),
            Host::Literal { address, .. } => address.fmt(f),
        }
    }
}

/// A host and one port: what is probed and reported as one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Target {
    /// A name or a literal.
    pub host: Host,
    /// Never 0.
    pub port: u16,
    /// TCP or UDP.
    pub protocol: Protocol,
}

/// `host:port`, `[v6]:port`, `[v6%zone]:port`; the grammar reads it back.
impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_ports(f, &self.host, self.host.is_ipv6(), &self.port)
    }
}

/// `host:ports`, with brackets around an IPv6 literal.
pub(crate) fn write_with_ports(
    f: &mut fmt::Formatter<'_>,
    host: &dyn fmt::Display,
    ipv6: bool,
    ports: &dyn fmt::Display,
) -> fmt::Result {
    if ipv6 { write!(f, "[{host}]:{ports}") } else { write!(f, "{host}:{ports}") }
}
