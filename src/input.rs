//! Where targets come from: the command line, a file, a stream; turned into the engine's groups one at a time.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::Path;
use std::rc::Rc;
use std::sync::mpsc::{Receiver, TryRecvError, sync_channel};

use anyhow::{Context, Result, anyhow, ensure};

use crate::config::{Rules, socket_address};
use crate::driver::{Draw, Drawn};
use crate::engine::{Goal, Group, Name};
use crate::sys::{self, Family, Waiter};
use crate::target::{Address, Host, Hosts, Spec, Target};

/// Lines that a stream may be ahead of the probe.
const LINES_AHEAD: usize = 1024;

/// Bytes of a line at most, so that what has no lines is not read into memory.
const LONGEST_LINE: usize = 1 << 16;

/// Targets in the order given.
pub struct Input {
    rules: Rules,
    family: Option<Family>,
    groups: VecDeque<Group>,
    specs: std::vec::IntoIter<Spec>,
    lines: Option<Lines>,
    number: u64,
    /// Some target was there.
    any: bool,
    /// The line that ended the run; everything before it was probed.
    pub error: Option<anyhow::Error>,
}

enum Lines {
    /// A regular file, whose every line has been checked before anything was sent.
    File(BufReader<File>),
    /// A stream, read by a thread so that a slow writer does not hold up what is in flight.
    Stream(Option<Opener>, Option<Receiver<io::Result<String>>>),
}

/// Opens a stream, in the thread that reads it: a FIFO waits for its writer.
type Opener = Box<dyn FnOnce() -> io::Result<Box<dyn BufRead>> + Send>;

impl Input {
    /// Targets of the command line, then those of `from`.
    ///
    /// # Errors
    /// The file cannot be read, or a line of it is refused.
    pub fn new(rules: Rules, family: Option<Family>, specs: Vec<Spec>, from: Option<&Path>) -> Result<Self> {
        let lines = from.map(|path| open(&rules, path)).transpose()?;
        let (any, specs) = (!specs.is_empty(), specs.into_iter());
        Ok(Input { rules, family, groups: VecDeque::new(), specs, lines, number: 0, any, error: None })
    }

    fn next_spec(&mut self, waiter: &mut Waiter, over: bool) -> Result<Option<Spec>, Drawn> {
        if let Some(spec) = self.specs.next() {
            return Ok(Some(spec));
        }
        while let Some(line) = self.next_line(waiter, over)? {
            self.number += 1;
            let parsed = line.context("cannot read the targets").and_then(|line| parse(&self.rules, &line));
            match parsed.with_context(|| format!("line {}", self.number)) {
                Ok(None) => continue,
                Ok(Some(spec)) => {
                    self.any = true;
                    return Ok(Some(spec));
                }
                Err(error) => {
                    self.error = Some(error);
                    return Ok(None);
                }
            }
        }
        if !self.any {
            self.error = Some(anyhow!(NO_TARGET));
        }
        Ok(None)
    }

    fn next_line(&mut self, waiter: &mut Waiter, over: bool) -> Result<Option<io::Result<String>>, Drawn> {
        let (opener, receiver) = match &mut self.lines {
            None => return Ok(None),
            Some(Lines::File(reader)) => return Ok(read_line(reader)),
            Some(Lines::Stream(opener, receiver)) => (opener, receiver),
        };
        if let Some(opener) = opener.take() {
            *receiver = match spawn_reader(opener, waiter) {
                Ok(receiver) => Some(receiver),
                Err(error) => return Ok(Some(Err(error))),
            };
        }
        match receiver.as_ref().map(Receiver::try_recv) {
            None | Some(Err(TryRecvError::Disconnected)) => Ok(None),
            Some(_) if over => Err(Drawn::Unread),
            Some(Err(TryRecvError::Empty)) => Err(Drawn::Later),
            Some(Ok(line)) => Ok(Some(line)),
        }
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

const NO_TARGET: &str = "--from: no target in it: write one a line, as in db.example:5432";

fn parse(rules: &Rules, line: &str) -> Result<Option<Spec>> {
    rules.grammar().line(line)?.map(|spec| rules.check(spec)).transpose()
}

fn open(rules: &Rules, path: &Path) -> Result<Lines> {
    if path == Path::new("-") {
        let regular = sys::standard_input().ok().filter(is_regular);
        let stream = || Lines::Stream(Some(Box::new(|| Ok(Box::new(BufReader::new(io::stdin())) as _))), None);
        return regular.map_or_else(|| Ok(stream()), |file| checked(rules, file, path));
    }
    let cannot = || format!("--from: cannot read '{}'", path.display());
    if fs::metadata(path).with_context(cannot)?.is_file() {
        return checked(rules, File::open(path).with_context(cannot)?, path);
    }
    let path = path.to_owned();
    let open = move || Ok(Box::new(BufReader::new(File::open(path)?)) as _);
    Ok(Lines::Stream(Some(Box::new(open)), None))
}

fn is_regular(file: &File) -> bool {
    file.metadata().is_ok_and(|metadata| metadata.is_file())
}

/// Reads the file to its end and goes back to where it was.
fn checked(rules: &Rules, mut file: File, path: &Path) -> Result<Lines> {
    let begin = file.stream_position()?;
    let mut reader = BufReader::new(file);
    let mut any = false;
    for number in 1.. {
        let Some(line) = read_line(&mut reader) else { break };
        let line = line.with_context(|| format!("--from {}: line {number}", path.display()))?;
        let spec = parse(rules, &line).map_err(|error| anyhow!("{}:{number}: {error:#}", path.display()))?;
        any |= spec.is_some();
    }
    ensure!(any, NO_TARGET);
    reader.seek(SeekFrom::Start(begin))?;
    Ok(Lines::File(reader))
}

/// The next line without its end; `None` at the end of the file.
fn read_line(reader: &mut dyn BufRead) -> Option<io::Result<String>> {
    let mut line = String::new();
    match reader.take(LONGEST_LINE as u64).read_line(&mut line) {
        Ok(0) => None,
        Ok(LONGEST_LINE) if !line.ends_with('\n') => {
            Some(Err(io::Error::new(io::ErrorKind::InvalidData, format!("it is longer than {LONGEST_LINE} bytes"))))
        }
        Ok(_) => {
            let text = line.strip_suffix('\n').unwrap_or(&line);
            Some(Ok(text.strip_suffix('\r').unwrap_or(text).to_owned()))
        }
        Err(error) => Some(Err(error)),
    }
}

fn spawn_reader(opener: Opener, waiter: &mut Waiter) -> io::Result<Receiver<io::Result<String>>> {
    let waker = waiter.waker()?;
    let (sender, receiver) = sync_channel(LINES_AHEAD);
    let run = move || {
        let mut send = |line| {
            let sent = sender.send(line).is_ok();
            waker.wake();
            sent
        };
        match opener() {
            Ok(mut reader) => while read_line(&mut reader).is_some_and(&mut send) {},
            Err(error) => drop(send(Err(error))),
        }
        drop(sender);
        waker.wake();
    };
    std::thread::Builder::new().spawn(run)?;
    Ok(receiver)
}

/// A target as written becomes groups that share a lookup each; a name's pinned ports are groups of their own.
fn groups(spec: Spec, rules: &Rules, family: Option<Family>) -> VecDeque<Group> {
    match &spec.hosts {
        Hosts::One(Host::Name { ascii, .. }) => named(Rc::clone(ascii), spec, rules),
        Hosts::One(Host::Literal { address, .. }) => match literal_name(address, family) {
            Some(name) => [looked_up(name, spec)].into(),
            None => [direct(spec)].into(),
        },
        Hosts::Network { net, .. } if fits(net.addr().is_ipv6(), family) => [direct(spec)].into(),
        // A network of the other family fails as one of its addresses would.
        Hosts::Network { net, .. } => {
            let name = Name::Pinned([SocketAddr::new(net.addr(), 0)].into());
            [looked_up(name, spec)].into()
        }
    }
}

fn named(ascii: Rc<str>, spec: Spec, rules: &Rules) -> VecDeque<Group> {
    if rules.pins.is_empty() {
        return [looked_up(Name::Host(ascii), spec)].into();
    }
    let pin = |port: u16| rules.pins.iter().find(|pin| pin.holds_for(&ascii, port));
    let mut groups = VecDeque::new();
    let mut asked = Vec::new();
    for target in spec.clone().into_targets() {
        match pin(target.port) {
            Some(pin) => {
                let addresses: Rc<[SocketAddr]> = pin.addresses.iter().map(scoped).collect();
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
        Some(zone) => Some(Name::Scoped(address.ip, Rc::clone(zone))),
        None if fits(address.ip.is_ipv6(), family) => None,
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

fn fits(v6: bool, family: Option<Family>) -> bool {
    family.is_none_or(|family| v6 == (family == Family::V6))
}

fn goal(target: &Target, address: Option<SocketAddr>) -> Goal {
    Goal { host: Rc::clone(target.host.written()), text: target.to_string(), port: target.port, address }
}
