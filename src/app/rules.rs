//! Which targets are admitted.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use anyhow::{Context, Result, ensure};

use crate::grammar::{Exclusions, Grammar, Hosts, Pin, Spec};
use crate::model::{Address, Family, Host, Protocol, Target};
use crate::net::sys;

/// A network of more addresses is swept only on purpose (`--yes`).
const MOST_ADDRESSES: u128 = 65_536;

/// Targets that are counted one by one, where some are excluded.
const MOST_COUNTED: u128 = 65_536;

/// How targets are read, and what they must keep to.
#[derive(Debug, Clone)]
pub struct Rules {
    /// TCP, or UDP by `--udp`.
    pub protocol: Protocol,
    /// Zone of link-local literals without one.
    pub interface: Option<String>,
    /// PORTS of every target that has none.
    pub ports: Option<String>,
    /// Targets that are left out.
    pub excluded: Arc<Exclusions>,
    /// Hosts must be literals.
    pub numeric: bool,
    /// Large networks are meant.
    pub yes: bool,
    /// Names that are not asked of the resolver.
    pub pins: Vec<Pin>,
    /// What sockets are bound to.
    pub source: Option<SocketAddr>,
    /// An attempt ends by a limit of ours, if by nothing else.
    pub limited: bool,
    /// Addresses race.
    pub race: bool,
    /// Connections are held.
    pub hold: bool,
}

impl Rules {
    /// The grammar under these rules.
    pub fn grammar(&self) -> Grammar<'_> {
        Grammar {
            protocol: self.protocol,
            interface: self.interface.as_deref(),
            every_link: false,
            default_ports: self.ports.as_deref(),
            service: &sys::service,
        }
    }

    /// Every target that is not excluded, lazily.
    pub fn left(&self, spec: Spec) -> impl Iterator<Item = Target> + Send + use<> {
        let excluded = Arc::clone(&self.excluded);
        spec.into_targets().filter(move |target| excluded.is_empty() || !excluded.hold(target))
    }

    /// How many targets are left; of more than can be looked at in no time, how many there are at most.
    pub fn count(&self, spec: &Spec) -> u128 {
        let all = spec.count();
        if self.excluded.is_empty() || all > MOST_COUNTED { all } else { self.left(spec.clone()).count() as u128 }
    }

    /// The target on a line of a file or stream, if there is one.
    ///
    /// # Errors
    /// The line is refused.
    pub fn line(&self, line: &str) -> Result<Option<Spec>> {
        self.grammar().line(line)?.map(|spec| self.check(spec)).transpose()
    }

    /// Whether a target that the grammar accepts may be probed.
    ///
    /// # Errors
    /// A name under `--numeric`, a network too large to be swept by accident.
    pub fn check(&self, spec: Spec) -> Result<Spec> {
        if let Hosts::One(Host::Name { written, ascii }) = &spec.hosts {
            let pinned = |port| self.pins.iter().any(|pin| pin.holds_for(ascii, port));
            ensure!(
                !self.numeric || spec.ports.clone().into_each().all(pinned),
                "'{written}' is a name: with --numeric a host must be an address, or pinned by --resolve"
            );
        }
        ensure!(
            self.yes || spec.addresses() <= MOST_ADDRESSES,
            "{} has {} addresses: add --yes to probe more than {MOST_ADDRESSES}",
            spec.hosts,
            spec.addresses_shown()
        );
        if let Hosts::Network { .. } = &spec.hosts
            && let Some(target) = spec.clone().into_targets().next()
            && let Host::Literal { address, .. } = &target.host
        {
            socket_address(address)?;
        }
        ensure!(
            self.limited || spec.protocol == Protocol::Tcp,
            "--timeout 0: the system has no limit for a reply to a datagram: give one, or a --deadline"
        );
        ensure!(
            !self.race || spec.protocol == Protocol::Tcp,
            "--strategy race is won by a handshake, and UDP has none: use --strategy all or first for {spec}/udp"
        );
        ensure!(
            !self.hold || spec.protocol == Protocol::Tcp,
            "--hold keeps a connection open, and UDP has none: leave --hold or {} out",
            if self.protocol == Protocol::Udp { "--udp".into() } else { format!("{spec}/udp") }
        );
        if let Hosts::One(Host::Literal { address, .. }) = &spec.hosts {
            no_escaped_zone(address)?;
        }
        if let (Some(source), Some(ip)) = (self.source, literal(&spec.hosts)) {
            ensure!(
                source.is_ipv6() == ip.is_ipv6(),
                "{} is {} and --source {} is {}: give a source address of the same family",
                spec.hosts,
                Family::of(ip).meaning(),
                source.ip(),
                Family::of(source.ip()).meaning(),
            );
        }
        Ok(spec)
    }
}

/// Only in a URL is the `%` before a zone written `%25` (RFC 6874); an interface may have such a name all the same.
fn no_escaped_zone(address: &Address) -> Result<()> {
    let zone = address.zone.as_deref().unwrap_or_default();
    let Some(meant) = zone.strip_prefix("25").filter(|meant| !meant.is_empty()) else { return Ok(()) };
    ensure!(
        sys::interface_index(zone).is_some(),
        "this machine has no interface '{zone}': outside a URL write {}%{meant}",
        address.ip
    );
    Ok(())
}

/// The address, or the first of a network; `None` for a name.
fn literal(hosts: &Hosts) -> Option<IpAddr> {
    match hosts {
        Hosts::One(Host::Name { .. }) => None,
        Hosts::One(Host::Literal { address, .. }) => Some(address.ip),
        Hosts::Network { net, .. } => Some(net.addr()),
    }
}

/// The address with its zone turned into this machine's scope id; port 0.
///
/// # Errors
/// This machine has no such interface.
pub fn socket_address(address: &Address) -> Result<SocketAddr> {
    let mut result = SocketAddr::new(address.ip, 0);
    if let (SocketAddr::V6(v6), Some(zone)) = (&mut result, &address.zone) {
        let index = sys::interface_index(zone);
        v6.set_scope_id(index.with_context(|| format!("this machine has no interface '{zone}'"))?);
    }
    Ok(result)
}
