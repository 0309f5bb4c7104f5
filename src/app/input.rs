//! Where targets come from: the command line, a file, a stream; turned into the engine's groups one at a time.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow};

use crate::app::lines::{Lines, NO_TARGET};
use crate::app::rules::{Rules, socket_address};
use crate::grammar::{Hosts, Spec};
use crate::model::{Address, Family, Host, Protocol, Target};
use crate::net::driver::{Draw, Drawn};
use crate::net::sys::Waiter;
use crate::schedule::{Goal, Group, Name};

/// Targets in the order given.
pub struct Input {
    rules: Rules,
    family: Option<Family>,
    groups: VecDeque<Group>,
    specs: std::vec::IntoIter<Spec>,
    lines: Option<Lines>,
    /// Some target was there.
    any: bool,
    /// How many targets there are; unknown for a stream.
    pub targets: Option<u128>,
    /// The line that ended the run; everything before it was probed.
    pub error: Option<anyhow::Error>,
}

impl Input {
    /// Targets of the command line, then those of `from`.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it is refused.
    pub fn new(rules: Rules, family: Option<Family>, specs: Vec<Spec>, from: Option<&Path>) -> Result<Self> {
        let lines = from.map(|path| Lines::open(&rules, path)).transpose()?;
        let given = specs.iter().fold(0, |sum: u128, spec| sum.saturating_add(spec.count()));
        let read = lines.as_ref().map_or(Some(0), Lines::targets);
        let targets = read.map(|read| given.saturating_add(read));
        let (any, specs) = (!specs.is_empty(), specs.into_iter());
        Ok(Input { rules, family, groups: VecDeque::new(), specs, lines, any, targets, error: None })
    }

    fn next_spec(&mut self, waiter: &mut Waiter, over: bool) -> Result<Option<Spec>, Drawn> {
        if let Some(spec) = self.specs.next() {
            return Ok(Some(spec));
        }
        let Some(lines) = &mut self.lines else { return Ok(None) };
        match lines.next(&self.rules, waiter, over)? {
            Some(Ok(spec)) => {
                self.any = true;
                return Ok(Some(spec));
            }
            Some(Err(error)) => {
                self.error = Some(error);
                return Ok(None);
            }
            None => {}
        }
        if !self.any {
            self.error = Some(anyhow!(NO_TARGET));
        }
        Ok(None)
    }
}

impl Draw for Input {
    fn draw(&mut self, waiter: &mut Waiter, over: bool) -> Drawn {
        if self.groups.is_empty() && self.error.is_none() {
            match self.next_spec(waiter, over) {
                Ok(Some(spec)) => self.groups = groups(spec, &self.rules, self.family),
                Ok(None) => {}
                Err(drawn) => return drawn,
            }
        }
        self.groups.pop_front().map_or(Drawn::End, |group| Drawn::Group(Box::new(group)))
    }
}

/// A target as written becomes groups that share a lookup each; a name's pinned ports are groups of their own.
fn groups(spec: Spec, rules: &Rules, family: Option<Family>) -> VecDeque<Group> {
    match &spec.hosts {
        Hosts::One(Host::Name { ascii, .. }) => named(Arc::clone(ascii), spec, rules),
        Hosts::One(Host::Literal { address, .. }) => match literal_name(address, family) {
            Some(name) => [looked_up(name, spec)].into(),
            None => [direct(spec)].into(),
        },
        Hosts::Network { net, .. } if fits(net.addr(), family) => [direct(spec)].into(),
        // A network of the other family fails as one of its addresses would.
        Hosts::Network { net, .. } => {
            let name = Name::Pinned([SocketAddr::new(net.addr(), 0)].into());
            [looked_up(name, spec)].into()
        }
    }
}

fn named(ascii: Arc<str>, spec: Spec, rules: &Rules) -> VecDeque<Group> {
    if rules.pins.is_empty() {
        return [looked_up(Name::Host(ascii), spec)].into();
    }
    let pin = |port: u16| rules.pins.iter().find(|pin| pin.holds_for(&ascii, port));
    let mut groups = VecDeque::new();
    let mut asked = Vec::new();
    for target in spec.clone().into_targets() {
        match pin(target.port) {
            Some(pin) => {
                let addresses: Arc<[SocketAddr]> = pin.addresses.iter().map(scoped).collect();
                let goals = Box::new(std::iter::once(goal(&target, None)));
                groups.push_back(Group { protocol: spec.protocol, name: Some(Name::Pinned(addresses)), goals });
            }
            None => asked.push(goal(&target, None)),
        }
    }
    if !asked.is_empty() {
        let name = Some(Name::Host(ascii));
        groups.push_back(Group { protocol: spec.protocol, name, goals: Box::new(asked.into_iter()) });
    }
    groups
}

/// What must be asked before a literal can be tried; nothing, mostly.
fn literal_name(address: &Address, family: Option<Family>) -> Option<Name> {
    match &address.zone {
        Some(zone) => Some(Name::Scoped(address.ip, Arc::clone(zone))),
        None if fits(address.ip, family) => None,
        None => Some(Name::Pinned([SocketAddr::new(address.ip, 0)].into())),
    }
}

fn looked_up(name: Name, spec: Spec) -> Group {
    let goals = |spec: Spec| spec.into_targets().map(|target| goal(&target, None));
    Group { protocol: spec.protocol, name: Some(name), goals: Box::new(goals(spec)) }
}

/// Literals, and every address of a network: no lookup.
fn direct(spec: Spec) -> Group {
    let address = |target: &Target| match &target.host {
        Host::Literal { address, .. } => Some(scoped(address)),
        Host::Name { .. } => None,
    };
    let protocol = spec.protocol;
    Group {
        protocol,
        name: None,
        goals: Box::new(spec.into_targets().map(move |target| goal(&target, address(&target)))),
    }
}

fn scoped(address: &Address) -> SocketAddr {
    socket_address(address).unwrap_or(SocketAddr::new(address.ip, 0))
}

fn fits(ip: IpAddr, wanted: Option<Family>) -> bool {
    wanted.is_none_or(|wanted| Family::of(ip) == wanted)
}

fn goal(target: &Target, address: Option<SocketAddr>) -> Goal {
    Goal { host: Arc::clone(target.host.written()), text: label(target), port: target.port, address }
}

/// TCP and UDP of one port are two targets.
fn label(target: &Target) -> String {
    match target.protocol {
        Protocol::Tcp => target.to_string(),
        Protocol::Udp => format!("{target}/udp"),
    }
}
