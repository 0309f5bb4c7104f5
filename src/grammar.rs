//! The grammar of hosts, ports, ranges and networks: text → what to probe. Pure: no I/O, no clock, no resolver.
//!
//! It is stricter than getaddrinfo() on purpose. A probe that connects elsewhere than its user meant is worse than an
//! error, so whatever has a second reading (`010.0.0.1`, `::1:80`, port 70000) is refused with the text that has one.

pub mod dscp;
pub mod duration;
mod exclude;
pub mod expect;
mod host;
mod name;
mod pin;
mod ports;
pub mod rate;
mod services;
#[cfg(test)]
mod tests;
mod url;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use ipnet::{IpAddrRange, IpNet, Ipv4AddrRange, Ipv6AddrRange};

pub use self::exclude::Exclusions;
pub use self::host::Hosts;
pub use self::name::looks_like_ipv4;
pub use self::pin::Pin;
pub use self::ports::Ports;
use crate::model::{Address, Host, Protocol, Target, write_with_ports};

/// Text that the grammar refuses, on one line: what is wrong with it, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invalid {
    /// What is wrong, the text in question included.
    pub what: String,
    /// What would be right.
    pub hint: String,
}

impl Invalid {
    fn new(what: impl Into<String>, hint: impl Into<String>) -> Self {
        // Callers quote what they put into `what`; a hint shows text as it is to be typed.
        Invalid { what: what.into(), hint: printable(&hint.into()) }
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.what, self.hint)
    }
}

impl std::error::Error for Invalid {}

/// Hosts and ports as they were written in one place: one target, or as many as addresses times ports.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spec {
    /// A host, or a network.
    pub hosts: Hosts,
    /// At least one port.
    pub ports: Ports,
    /// The grammar's own, or that of `tcp://` or `udp://`.
    pub protocol: Protocol,
}

impl Spec {
    /// Addresses of a network; 1 for a host, whatever a name may resolve to. Saturates for `::/0`.
    pub fn addresses(&self) -> u128 {
        match self.hosts {
            Hosts::One(_) => 1,
            Hosts::Network { net, .. } => {
                1u128.checked_shl(u32::from(net.max_prefix_len() - net.prefix_len())).unwrap_or(u128::MAX)
            }
        }
    }

    /// The number of [`Spec::addresses`] in digits, exact for `::/0`, too.
    pub fn addresses_shown(&self) -> String {
        match &self.hosts {
            Hosts::Network { net, .. } if net.prefix_len() == 0 && net.addr().is_ipv6() => {
                "340282366920938463463374607431768211456".into()
            }
            _ => self.addresses().to_string(),
        }
    }

    /// Targets that [`Spec::into_targets`] gives. Saturates.
    pub fn count(&self) -> u128 {
        self.addresses().saturating_mul(u128::from(self.ports.count()))
    }

    /// Every target, address by address, its ports in the order written. Lazy: memory does not grow with the network.
    pub fn into_targets(self) -> impl Iterator<Item = Target> {
        let Spec { hosts, ports, protocol } = self;
        hosts.into_each().flat_map(move |host| {
            ports.clone().into_each().map(move |port| Target { host: host.clone(), port, protocol })
        })
    }
}

/// `host:ports`, `[v6]:ports`, `network:ports`, `[v6 network]:ports`; [`Grammar::target`] reads it back.
impl fmt::Display for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_with_ports(f, &self.hosts, self.hosts.is_ipv6(), &self.ports)
    }
}

/// Reads targets. What the text does not say itself, it takes from here.
#[derive(Clone, Copy)]
pub struct Grammar<'a> {
    /// Where the text does not say `tcp://` or `udp://`.
    pub protocol: Protocol,
    /// Zone of a link-local literal that has none: the interface that the sockets are bound to anyway.
    pub interface: Option<&'a str>,
    /// A link-local literal without a zone is meant on every link.
    pub every_link: bool,
    /// PORTS of every target that has none.
    pub default_ports: Option<&'a str>,
    /// The services database: the port of a service name for a protocol.
    pub service: &'a dyn Fn(&str, Protocol) -> Option<u16>,
}

impl Grammar<'_> {
    /// Reads the positional arguments: `HOST PORTS`, when there are two and the second has no colon; else each is a
    /// TARGET. Where all targets have ports by [`Grammar::default_ports`], each is a TARGET.
    ///
    /// # Errors
    /// The first argument that is refused.
    pub fn arguments(&self, words: &[String]) -> Result<Vec<Spec>, Invalid> {
        words.iter().try_for_each(|word| check_dash(word))?;
        match words {
            [word] if ["help", "version"].contains(&word.as_str()) && self.default_ports.is_none() => {
                Err(Invalid::new(
                    format!("no port in {}", quote(word)),
                    format!("rconnect --{word} is the option, {word}:PORT the host"),
                ))
            }
            [host, others @ ..] if matches!(others, [other] if is_host(other)) && self.default_ports.is_none() => {
                self.several_words(host, others).map_or_else(|| self.targets(words), Err)
            }
            [host, ports] if may_be_ports(ports) && self.default_ports.is_none() => {
                Ok(vec![self.host_ports(host, ports)?])
            }
            [host, ports] if self.default_ports.is_some() && is_numeric(ports) => Err(Invalid::new(
                format!("{} has ports twice: {} and those of -p", quote(host), quote(ports)),
                "with -p each word is a host; leave one of them out",
            )),
            [host, ports @ ..] if self.default_ports.is_none() && ports.len() > 1 => {
                self.several_words(host, ports).map_or_else(|| self.targets(words), Err)
            }
            _ => self.targets(words),
        }
    }

    /// What is wrong with several words the first of which has no port.
    fn several_words(&self, host: &str, others: &[String]) -> Option<Invalid> {
        let ports = |word: &String| may_be_ports(word) && self.ports(word).is_ok();
        let hint = match others {
            _ if !may_be_ports(host) => return None,
            _ if others.iter().all(ports) => format!("several ports are one list, as in: {host} {}", others.join(",")),
            [first, ..] if ports(first) => format!("HOST PORTS is for one target, among several write {host}:{first}"),
            [between @ .., last] if ports(last) && between.iter().all(|word| may_be_ports(word)) => {
                format!("several hosts with the same ports are: -p {last} {host} {}", between.join(" "))
            }
            _ if others.iter().all(|word| may_be_ports(word)) => {
                format!("write {host}:PORT, or the ports of all of them: -p PORTS {host} {}", others.join(" "))
            }
            _ => return None,
        };
        Some(Invalid::new(format!("no port in {}", quote(host)), hint))
    }

    fn targets(&self, words: &[String]) -> Result<Vec<Spec>, Invalid> {
        words.iter().map(|word| self.target(word)).collect()
    }

    /// Reads a line of a target file: `TARGET` or `HOST PORTS`, or nothing but blanks and a `#` comment.
    ///
    /// # Errors
    /// The line is refused.
    pub fn line(&self, line: &str) -> Result<Option<Spec>, Invalid> {
        // A byte order mark is what some Windows editors begin a file with.
        let line = line.trim_start_matches('\u{feff}');
        // Only a word that begins with '#' is a comment: URLs have fragments.
        let mut words = line.split_whitespace().take_while(|word| !word.starts_with('#'));
        match (words.next(), words.next(), words.next()) {
            (None, ..) => Ok(None),
            (Some(target), None, _) => self.target(target).map(Some),
            (Some(host), Some(ports), None) if may_be_ports(ports) => self.host_ports(host, ports).map(Some),
            // The line is not shown: a URL may have a password in it.
            (.., more) => Err(Invalid::new(
                format!("too much on one line: {} words", if more.is_some() { "three or more" } else { "two" }),
                "a line is TARGET, or HOST PORTS with the ports in one list",
            )),
        }
    }

    /// Reads `HOST:PORTS`, `[IPv6]:PORTS`, `NETWORK:PORTS` (each with `/udp` behind it, as results show it) or a URL. With [`Grammar::default_ports`] the ports, and the
    /// brackets then, may be left out.
    ///
    /// # Errors
    /// The text is refused.
    pub fn target(&self, text: &str) -> Result<Spec, Invalid> {
        if let Some((scheme, rest)) = text.split_once("://") {
            return self.url(scheme, rest);
        }
        check_user(text)?;
        if let Some(target) = text.strip_suffix("/udp") {
            return Grammar { protocol: Protocol::Udp, ..*self }.target(target);
        }
        check_protocol(text)?;
        if let Some(ports) = self.default_ports.filter(|_| is_only_ipv6(text)) {
            return self.spec(text, ports);
        }
        match (split(text)?, self.default_ports) {
            ((host, Some(ports)), _) | ((host, None), Some(ports)) => self.spec(host, ports),
            ((host, None), None) => Err(host::unbracketed(host).err().unwrap_or_else(|| no_port(host))),
        }
    }

    /// Reads a host (a bare IPv6 literal is fine here) and its ports, written apart.
    ///
    /// # Errors
    /// Either is refused.
    pub fn host_ports(&self, host: &str, ports: &str) -> Result<Spec, Invalid> {
        if host.contains("://") {
            // The URL is not shown: it may have a password in it.
            let what = format!("a URL, and then {} follows", quote(ports));
            return Err(Invalid::new(what, "put the port into the URL, or write HOST PORTS"));
        }
        check_user(host)?;
        let bracketed = host.starts_with('[') && !host.ends_with(']');
        if (bracketed && host.contains("]:")) || host.matches(':').count() == 1 {
            return Err(Invalid::new(
                format!("{} has its port already, and then {} follows", quote(host), quote(ports)),
                format!("ports are one list, as in {host},{ports}"),
            ));
        }
        self.spec(host, ports)
    }

    fn spec(&self, host: &str, ports: &str) -> Result<Spec, Invalid> {
        Ok(Spec { hosts: self.hosts(host)?, ports: self.ports(ports)?, protocol: self.protocol })
    }
}

impl Hosts {
    /// Each host; every address of a network, its first and last included (both may be hosts: RFC 3021, RFC 4291).
    fn into_each(self) -> impl Iterator<Item = Host> {
        let (one, network) = match self {
            Hosts::One(host) => (Some(host), None),
            Hosts::Network { net, zone } => (None, Some(every(net).map(move |ip| literal(ip, zone.clone())))),
        };
        one.into_iter().chain(network.into_iter().flatten())
    }
}

fn every(net: IpNet) -> IpAddrRange {
    match net {
        IpNet::V4(net) => IpAddrRange::V4(Ipv4AddrRange::new(net.network(), net.broadcast())),
        IpNet::V6(net) => IpAddrRange::V6(Ipv6AddrRange::new(net.network(), net.broadcast())),
    }
}

fn literal(ip: IpAddr, zone: Option<Arc<str>>) -> Host {
    let address = Address { ip, zone };
    Host::Literal { written: address.to_string().into(), address }
}

/// Refuses a word that begins with a dash that is not the hyphen of options: editors and web pages put it there.
fn check_dash(word: &str) -> Result<(), Invalid> {
    let dash = word.chars().next().filter(|c| ports::DASHES.contains(c));
    let Some(dash) = dash else { return Ok(()) };
    let name = word.trim_start_matches(ports::DASHES);
    let hyphens = if name.chars().nth(1).is_some() { "--" } else { "-" };
    Err(Invalid::new(
        format!("{} begins with the dash U+{:04X}, not with a hyphen", quote(word), u32::from(dash)),
        format!("write {hyphens}{name}"),
    ))
}

/// Refuses `user@host`, which only a URL may have, without showing what may be a password.
fn check_user(text: &str) -> Result<(), Invalid> {
    let Some((before, host)) = text.rsplit_once('@').filter(|(before, _)| !before.contains('%')) else { return Ok(()) };
    let what = if before.contains(':') { "a user and a password" } else { "a user" };
    Err(Invalid::new(format!("{what} before '@'"), format!("a target has none: write {host}")))
}

/// Refuses `host:80/tcp`.
fn check_protocol(text: &str) -> Result<(), Invalid> {
    let Some(target) = text.strip_suffix("/tcp") else { return Ok(()) };
    let hint = format!("TCP is the default: write {target}");
    Err(Invalid::new(format!("{} ends with a protocol", quote(text)), hint))
}

/// Whether a word can only be meant as ports: digits, ranges, lists of them.
fn is_numeric(word: &str) -> bool {
    word.starts_with(|c: char| c.is_ascii_digit()) && word.bytes().all(|b| b.is_ascii_digit() || b"-,".contains(&b))
}

/// Whether a text is an IPv6 address with no second reading as one with a port: `::1:80` has two.
fn is_only_ipv6(text: &str) -> bool {
    let ip = |text: &str| host::without_zone(text).parse::<std::net::Ipv6Addr>().is_ok();
    let (address, length) = text.split_once('/').map_or((text, ""), |(address, length)| (address, length));
    let port = |(host, port): (&str, &str)| ip(host) && port.bytes().all(|b| b.is_ascii_digit());
    ip(address) && !length.contains(':') && !address.rsplit_once(':').is_some_and(port)
}

/// The rule that tells `HOST PORTS` from two targets.
fn may_be_ports(word: &str) -> bool {
    !word.contains(':')
}

/// Whether a word without a colon can only be meant as a host: an IPv4 address or network, or a name with a dot, which the
/// name of a service has not.
fn is_host(word: &str) -> bool {
    let address = word.split('/').next().unwrap_or_default();
    let named = word.contains('.') && word.contains(|c: char| c.is_ascii_alphabetic());
    may_be_ports(word) && (address.parse::<std::net::Ipv4Addr>().is_ok() || named)
}

/// Splits a TARGET into its host (brackets kept) and its ports, if there are any.
fn split(text: &str) -> Result<(&str, Option<&str>), Invalid> {
    // In brackets, and before the prefix length of a network, colons belong to the address.
    let address = if text.starts_with('[') {
        text.find(']').ok_or_else(|| host::unclosed(text))?
    } else {
        text.find('/').unwrap_or(0)
    };
    let Some(colon) = text[address..].find(':').map(|at| at + address) else {
        return Ok((text, None));
    };
    let (host, ports) = (&text[..colon], &text[colon + 1..]);
    if ports.contains(':') {
        return Err(several_colons(text));
    }
    Ok((host, Some(ports)))
}

fn several_colons(text: &str) -> Invalid {
    let ip = |text: &str| host::without_zone(text).parse::<std::net::Ipv6Addr>().is_ok();
    match text.rsplit_once(':') {
        // `::1:beef` is an address and nothing else, `::1:http` can only be meant as one with a port.
        Some((host, port)) if ip(host) && (!ip(text) || port.bytes().all(|b| b.is_ascii_digit())) => Invalid::new(
            format!("{} has no brackets around its IPv6 address", quote(text)),
            format!("write [{host}]:{port}"),
        ),
        _ if ip(text) => no_port(text),
        _ if text.contains(',') && text.split(',').all(|part| part.contains(':')) => Invalid::new(
            format!("{} is several targets in one word", quote(text)),
            format!("write them apart: {}", text.replace(',', " ")),
        ),
        _ => Invalid::new(
            format!("{} has more than one colon", quote(text)),
            "write HOST:PORTS, an IPv6 address in brackets: [IPv6]:PORTS",
        ),
    }
}

fn no_port(host: &str) -> Invalid {
    if let Some((target, "")) = host.split_once('/').filter(|(target, _)| target.contains(':')) {
        return Invalid::new(
            format!("{} ends with a slash", quote(host)),
            format!("write {target}, or a URL: tcp://{host}"),
        );
    }
    let network = host.parse::<ipnet::IpNet>().is_ok();
    if host.is_empty() || (!network && host.contains(|c: char| c == '/' || c.is_whitespace())) {
        let hint = "write HOST:PORT, as in db.example:5432, or HOST PORT as two words";
        return Invalid::new(format!("no host and port in {}", quote(host)), hint);
    }
    let target = if host.contains(':') && !host.starts_with('[') { format!("[{host}]") } else { host.into() };
    Invalid::new(format!("no port in {}", quote(host)), format!("write {target}:PORT, or {host} PORT"))
}

/// Quotes text from outside for a message: escaped, so that it stays on its line, and cut when it is long.
fn quote(text: &str) -> String {
    const LONGEST: usize = 80;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{:?}…", &text[..end]),
        None => format!("{text:?}"),
    }
}

/// The same without the quotes.
fn printable(text: &str) -> String {
    const LONGEST: usize = 240;
    let quotes = |c| matches!(c, '"' | '\'' | '\\');
    let show = |c: char| if quotes(c) { c.to_string() } else { c.escape_debug().to_string() };
    let cut = if text.chars().nth(LONGEST).is_some() { "…" } else { "" };
    text.chars().take(LONGEST).map(show).collect::<String>() + cut
}
