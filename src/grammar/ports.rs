//! Lists of ports: numbers, ranges, service names.

use std::fmt;
use std::ops::RangeInclusive;
use std::sync::Arc;

use super::{Grammar, Invalid, quote};
use crate::model::Protocol;

/// Ports in the order written, each once, never 0 and never none; kept as ranges, and cheap to clone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ports(Arc<[RangeInclusive<u16>]>);

impl Ports {
    /// How many: 1 to 65,535.
    pub fn count(&self) -> u32 {
        self.0.iter().map(|range| u32::from(range.end() - range.start()) + 1).sum()
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
        let mut ranges = Vec::new();
        for part in text.split(',') {
            add(&mut ranges, self.range(text, part)?);
        }
        Ok(Ports(ranges.into()))
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

    fn named(&self, name: &str) -> Result<u16, Invalid> {
        let ask = |name: &str, protocol| (self.service)(name, protocol).filter(|&port| port != 0);
        if let Some(port) = ask(name, self.protocol) {
            return Ok(port);
        }
        let other = match self.protocol {
            Protocol::Tcp => Protocol::Udp,
            Protocol::Udp => Protocol::Tcp,
        };
        let lower = name.to_ascii_lowercase();
        let hint = if ask(name, other).is_some() {
            format!("the services database has it for {other} only; use {other}, or write the port's number")
        } else if ask(&lower, self.protocol).is_some() {
            format!("services are written as the database has them: {lower}")
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
        return Err(Invalid::new(what("is no number"), "write a number from 1 to 65535"));
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
    } else if part.ends_with('-') && is_digits(&part[..part.len() - 1]) {
        (format!("range {} has no end", quote(part)), "write both ends, as in 8000-8010")
    } else {
        let hint = "ports are 80, 8000-8010, http, or a comma list of these";
        (format!("{} is no port", quote(part)), hint)
    };
    Invalid::new(wrong, hint)
}

/// Appends what of `new` is not there yet; a range that goes on where the last one ended prolongs it.
fn add(ranges: &mut Vec<RangeInclusive<u16>>, new: RangeInclusive<u16>) {
    let mut rest = vec![new];
    for old in &*ranges {
        rest = rest.into_iter().flat_map(|range| without(range, old)).collect();
    }
    for range in rest {
        match ranges.last_mut() {
            Some(last) if last.end().checked_add(1) == Some(*range.start()) => *last = *last.start()..=*range.end(),
            _ => ranges.push(range),
        }
    }
}

/// The parts of `range` before and after `hole`, those that are not empty.
fn without(range: RangeInclusive<u16>, hole: &RangeInclusive<u16>) -> impl Iterator<Item = RangeInclusive<u16>> {
    let (start, end) = range.into_inner();
    // Ports begin at 1, so one below a start is still a number; above the last end there may be none.
    let before = start..=end.min(hole.start().saturating_sub(1));
    let after = hole.end().checked_add(1).map(|next| start.max(next)..=end);
    [Some(before), after].into_iter().flatten().filter(|part| !part.is_empty())
}
