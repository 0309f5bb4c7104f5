//! Where targets come from: the command line, a file, a stream; turned into batches one at a time.

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Result, anyhow};

use crate::app::lines::{Lines, NO_TARGET};
use crate::app::rules::{Rules, socket_address};
use crate::grammar::{Hosts, Spec};
use crate::model::{Address, Family, Host, Protocol, Target};
use crate::net::driver::Source;
use crate::net::sys::Waiter;
use crate::schedule::{self, Batch, Name, Next};

/// Targets in the order given.
pub struct Input {
    rules: Rules,
    family: Option<Family>,
    batches: VecDeque<Batch>,
    specs: std::vec::IntoIter<Spec>,
    lines: Option<Lines>,
    /// Some target was there.
    any: bool,
    /// Some target was not excluded.
    some_left: bool,
    /// How many targets there are, at most; unknown for a stream.
    pub targets: Option<u128>,
    /// The target, where there is one alone.
    pub only: Option<String>,
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
        let given = specs.iter().fold(0, |sum: u128, spec| sum.saturating_add(rules.count(spec)));
        let read = lines.as_ref().map_or(Some(0), Lines::targets);
        let targets = read.map(|read| given.saturating_add(read));
        let alone = specs.first().filter(|_| lines.is_none() && targets == Some(1));
        let only = alone.and_then(|spec| rules.left(spec.clone()).next()).map(|target| label(&target));
        let (any, specs, batches) = (!specs.is_empty(), specs.into_iter(), VecDeque::new());
        Ok(Input { rules, family, batches, specs, lines, any, some_left: false, targets, only, error: None })
    }

    fn next_spec(&mut self, waiter: &mut Waiter, over: bool) -> Result<Option<Spec>, Next> {
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

impl Source for Input {
    fn next(&mut self, waiter: &mut Waiter, over: bool) -> Next {
        while self.batches.is_empty() && self.error.is_none() {
            match self.next_spec(waiter, over) {
                Ok(Some(spec)) => self.batches = batches(spec, &self.rules, self.family),
                Ok(None) => break,
                Err(next) => return next,
            }
        }
        let Some(batch) = self.batches.pop_front() else {
            if !self.some_left && self.error.is_none() {
                self.error = Some(anyhow!("no target is left: --exclude leaves all of them out"));
            }
            return Next::Exhausted;
        };
        self.some_left = true;
        Next::Batch(Box::new(batch))
    }
}

/// A target as written becomes batches that share a lookup each, none if all of it is excluded; a name's pinned ports are
/// batches of their own.
fn batches(spec: Spec, rules: &Rules, family: Option<Family>) -> VecDeque<Batch> {
    if !rules.excluded.is_empty() && rules.left(spec.clone()).next().is_none() {
        return VecDeque::new();
    }
    match &spec.hosts {
        Hosts::One(Host::Name { ascii, .. }) => named(Arc::clone(ascii), spec, rules),
        Hosts::One(Host::Literal { address, .. }) => match literal_name(address, family) {
            Some(name) => [looked_up(name, spec, rules)].into(),
            None => [direct(spec, rules)].into(),
        },
        Hosts::Network { net, .. } if fits(net.addr(), family) => [direct(spec, rules)].into(),
        // A network of the other family fails as one of its addresses would.
        Hosts::Network { net, .. } => {
            let name = Name::Pinned([SocketAddr::new(net.addr(), 0)].into());
            [looked_up(name, spec, rules)].into()
        }
    }
}

fn named(ascii: Arc<str>, spec: Spec, rules: &Rules) -> VecDeque<Batch> {
    if rules.pins.is_empty() {
        return [looked_up(Name::Host(ascii), spec, rules)].into();
    }
    let pin = |port: u16| rules.pins.iter().find(|pin| pin.holds_for(&ascii, port));
    let mut batches = VecDeque::new();
    let mut asked = Vec::new();
    for target in rules.left(spec.clone()) {
        match pin(target.port) {
            Some(pin) => {
                let addresses: Arc<[SocketAddr]> = pin.addresses.iter().map(scoped).collect();
                let targets = Box::new(std::iter::once(scheduled(&target, None)));
                batches.push_back(Batch { protocol: spec.protocol, name: Some(Name::Pinned(addresses)), targets });
            }
            None => asked.push(scheduled(&target, None)),
        }
    }
    if !asked.is_empty() {
        let name = Some(Name::Host(ascii));
        batches.push_back(Batch { protocol: spec.protocol, name, targets: Box::new(asked.into_iter()) });
    }
    batches
}

/// What must be asked before a literal can be tried; nothing, mostly.
fn literal_name(address: &Address, family: Option<Family>) -> Option<Name> {
    match &address.zone {
        Some(zone) => Some(Name::Scoped(address.ip, Arc::clone(zone))),
        None if fits(address.ip, family) => None,
        None => Some(Name::Pinned([SocketAddr::new(address.ip, 0)].into())),
    }
}

fn looked_up(name: Name, spec: Spec, rules: &Rules) -> Batch {
    let protocol = spec.protocol;
    let targets = rules.left(spec).map(|target| scheduled(&target, None));
    Batch { protocol, name: Some(name), targets: Box::new(targets) }
}

/// Literals, and every address of a network: no lookup.
fn direct(spec: Spec, rules: &Rules) -> Batch {
    let address = |target: &Target| match &target.host {
        Host::Literal { address, .. } => Some(scoped(address)),
        Host::Name { .. } => None,
    };
    let protocol = spec.protocol;
    Batch {
        protocol,
        name: None,
        targets: Box::new(rules.left(spec).map(move |target| scheduled(&target, address(&target)))),
    }
}

fn scoped(address: &Address) -> SocketAddr {
    socket_address(address).unwrap_or(SocketAddr::new(address.ip, 0))
}

fn fits(ip: IpAddr, wanted: Option<Family>) -> bool {
    wanted.is_none_or(|wanted| Family::of(ip) == wanted)
}

fn scheduled(target: &Target, address: Option<SocketAddr>) -> schedule::Target {
    schedule::Target {
        host: Arc::clone(target.host.written()),
        ascii: target.host.ascii().cloned(),
        text: label(target),
        port: target.port,
        address,
    }
}

/// TCP and UDP of one port are two targets.
fn label(target: &Target) -> String {
    match target.protocol {
        Protocol::Tcp => target.to_string(),
        Protocol::Udp => format!("{target}/udp"),
    }
}
