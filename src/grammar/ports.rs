//! Lists of ports: numbers, ranges, service names.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::{Grammar, Invalid, quote, services};
use crate::model::Protocol;

/// Dashes that look like the hyphen of a range or an option and are not: hyphens, figure, en and em dash, bar, minus.
pub(super) const DASHES: [char; 7] =
    ['\u{2010}', '\u{2011}', '\u{2012}', '\u{2013}', '\u{2014}', '\u{2015}', '\u{2212}'];

/// Ports in the order written, each as often as it is written, never 0 and never none; kept as ranges, and cheap to
/// clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports(Arc<[RangeInclusive<u16>]>);

impl Ports {
    /// How many.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|range| u32::from(range.end() - range.start()) + 1).sum()
    }

    /// Whether a port is among them.
    pub fn contains(&self, port: u16) -> bool {
        self.0.iter().any(|range| range.contains(&port))
    }

    /// Each port, in the order written.
    pub fn into_each(self) -> impl Iterator<Item = u16> {
        (0..self.0.len()).flat_map(move |at| self.0[at].clone())
    }
}

impl From<u16> for Ports {
    fn from(port: u16) -> Self {
        debug_assert_ne!(port, 0);
        Ports([port..=port].into())
    }
}

impl fmt::Display for Ports {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, range) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            match (range.start(), range.end()) {
                (start, end) if start == end => write!(f, "{comma}{start}")?,
                (start, end) => write!(f, "{comma}{start}-{end}")?,
            }
        }
        Ok(())
    }
}

impl Grammar<'_> {
    /// Reads PORTS: a comma list of numbers, ranges and service names.
    pub(super) fn ports(&self, text: &str) -> Result<Ports, Invalid> {
        if text.is_empty() {
            return Err(Invalid::new("the port is empty", "write a number from 1 to 65535, or a service name"));
        }
        Ok(Ports(text.split(',').map(|part| self.range(text, part)).collect::<Result<_, _>>()?))
    }

    fn range(&self, list: &str, part: &str) -> Result<RangeInclusive<u16>, Invalid> {
        if is_digits(part) {
            return number(part).map(|port| port..=port);
        }
        // Service names have hyphens too (`ms-sql-s`): it is a range only between two numbers.
        if let Some((first, last)) = part.split_once('-').filter(|(first, last)| is_digits(first) && is_digits(last)) {
            return ordered(number(first)?, number(last)?);
        }
        if part.contains(|c: char| c.is_ascii_alphabetic()) && !part.contains(char::is_whitespace) {
            return self.named(part).map(|port| port..=port);
        }
        Err(malformed(list, part))
    }

    /// The port of a service: by the services database, else by the table of well-known ones.
    pub(super) fn port_of(&self, name: &str, protocol: Protocol) -> Option<u16> {
        let known = (self.service)(name, protocol).or_else(|| services::well_known(name, protocol));
        known.filter(|&port| port != 0)
    }

    fn named(&self, name: &str) -> Result<u16, Invalid> {
        let ask = |name: &str, protocol| self.port_of(name, protocol);
        if let Some((port, protocol)) = name.split_once('/').filter(|(_, protocol)| ["tcp", "udp"].contains(protocol)) {
            let option = if protocol == "udp" { " and add --udp" } else { "" };
            let hint = format!("write {port}{option}");
            return Err(Invalid::new(format!("{} ends with a protocol", quote(name)), hint));
        }
        if let Some(port) = ask(name, self.protocol) {
            return Ok(port);
        }
        let other = match self.protocol {
            Protocol::Tcp => Protocol::Udp,
            Protocol::Udp => Protocol::Tcp,
        };
        let lower = name.to_ascii_lowercase();
        let hint = if ask(name, other).is_some() {
            format!("it is known for {other} only; use {other}, or write the port's number")
        } else if ask(&lower, self.protocol).is_some() {
            format!("services are written in small letters: {lower}")
        } else {
            "write the port's number, 1 to 65535".into()
        };
        Err(Invalid::new(format!("no service {} is known for {}", quote(name), self.protocol), hint))
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

/// Reads the digits of a port. By hand, as getaddrinfo() wraps 70000 to 4464 and takes `080`.
pub(super) fn number(digits: &str) -> Result<u16, Invalid> {
    let what = |wrong: &str| format!("port {} {wrong}", quote(digits));
    if !is_digits(digits) {
        return Err(Invalid::new(what("is not a number"), "write a number from 1 to 65535"));
    }
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Err(Invalid::new(what("cannot be connected to"), "ports are 1 to 65535"));
    }
    if significant.len() < digits.len() {
        return Err(Invalid::new(what("has a leading zero"), format!("write {significant}")));
    }
    digits.parse().map_err(|_| Invalid::new(what("is too large"), "ports are 1 to 65535"))
}

fn ordered(first: u16, last: u16) -> Result<RangeInclusive<u16>, Invalid> {
    if first > last {
        return Err(Invalid::new(
            format!("range \"{first}-{last}\" is reversed, so empty"),
            format!("write {last}-{first}"),
        ));
    }
    Ok(first..=last)
}

fn malformed(list: &str, part: &str) -> Invalid {
    let (wrong, hint) = if part.is_empty() {
        (format!("{} has an empty item", quote(list)), "write ports with one comma between them")
    } else if part.contains(char::is_whitespace) {
        (format!("port {} has a space in it", quote(part)), "write ports with commas only, as in 80,443")
    } else if part.starts_with(['+', '-']) && is_digits(&part[1..]) {
        (format!("port {} has a sign", quote(part)), "write the digits only")
    } else if part.contains(DASHES) {
        let hint = format!("write {}", part.replace(DASHES, "-"));
        return Invalid::new(format!("range {} has a dash that is not a hyphen", quote(part)), hint);
    } else if part.ends_with('-') && is_digits(&part[..part.len() - 1]) {
        (format!("range {} has no end", quote(part)), "write both ends, as in 8000-8010")
    } else {
        let hint = "ports are 80, 8000-8010, http, or a comma list of these";
        (format!("{} is not a port", quote(part)), hint)
    };
    Invalid::new(wrong, hint)
}
