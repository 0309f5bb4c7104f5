//! Host names, and the numbers that the system would take for addresses.

use std::net::Ipv4Addr;
use std::sync::Arc;

use idna::uts46::{AsciiDenyList, DnsLength, Hyphens, Uts46};

use super::{Invalid, quote};
use crate::model::Host;

/// Longest label, in bytes (RFC 1035, section 2.3.4).
const LABEL: usize = 63;
/// Longest name as text, without the final dot: 255 bytes on the wire (RFC 1035, section 2.3.4), less two for the
/// first label's length and for the root.
const NAME: usize = 253;

/// Reads a name; everything that is no IPv6 address and no dotted quad comes here.
pub(super) fn read(written: &str) -> Result<Host, Invalid> {
    let shared: Arc<str> = written.into();
    // The tables of UTS 46 are large: ASCII, which they would not change, is kept away from them.
    let ascii = if written.is_ascii() { Arc::clone(&shared) } else { a_labels(written)?.into() };
    check(written, &ascii)?;
    Ok(Host::Name { written: shared, ascii })
}

/// U-labels to A-labels (UTS 46, nontransitional); what may stand in a label is for [`check`] to say.
fn a_labels(written: &str) -> Result<String, Invalid> {
    let ascii = Uts46::new().to_ascii(written.as_bytes(), AsciiDenyList::EMPTY, Hyphens::Allow, DnsLength::Ignore);
    ascii.map(String::from).map_err(|_| {
        Invalid::new(
            format!("{} has no form in the DNS (IDNA)", quote(written)),
            "check it for stray characters, or write its xn-- form",
        )
    })
}

/// Refuses what no resolver takes. Underscores are fine: service records and many a LAN have them.
fn check(written: &str, ascii: &str) -> Result<(), Invalid> {
    if ascii.is_empty() {
        return Err(Invalid::new("the host is empty", "write a name or an address, as in localhost:80"));
    }
    if ascii == "*" {
        return Err(Invalid::new(
            "\"*\" is not a host",
            "some systems take it for loopback; write localhost, ::1 or 127.0.0.1",
        ));
    }
    let name = ascii.strip_suffix('.').unwrap_or(ascii);
    check_several(written, name)?;
    let what = |wrong: String| format!("host {} {wrong}", quote(written));
    if let Some(c) = name.chars().find(|&c| !(c.is_ascii_alphanumeric() || "-_.".contains(c))) {
        return Err(Invalid::new(what(format!("has {c:?} in it")), "a name has letters, digits, hyphens and dots"));
    }
    if name.split('.').any(str::is_empty) {
        return Err(Invalid::new(what("has an empty label".into()), "write one dot between labels"));
    }
    if name.starts_with('-') {
        return Err(Invalid::new(what("begins with a hyphen".into()), "no resolver takes such a name"));
    }
    if let Some(label) = name.split('.').find(|label| label.len() > LABEL) {
        let hint = format!("a label has at most {LABEL} bytes");
        return Err(Invalid::new(what(format!("has a label of {}", label.len())), hint));
    }
    if name.len() > NAME {
        let hint = format!("a name has at most {NAME}");
        return Err(Invalid::new(what(format!("has {} bytes", name.len())), hint));
    }
    check_number(written, ascii)
}

/// Refuses several hosts in one word.
fn check_several(written: &str, name: &str) -> Result<(), Invalid> {
    if name.contains(',') && name.split(',').all(|part| !part.is_empty()) {
        let hint = format!("write them apart: -p PORTS {}", written.replace(',', " "));
        return Err(Invalid::new(format!("{} is several hosts in one word", quote(written)), hint));
    }
    if is_range(name) {
        let hint = "write a network, as in 10.0.0.0/28, or address by address";
        return Err(Invalid::new(format!("{} is a range of addresses", quote(written)), hint));
    }
    Ok(())
}

/// Refuses what the system would take for an address in a way that few expect. A name of digits that
/// inet_aton(3) refuses is a name: the id of a container may be twelve of them.
fn check_number(written: &str, ascii: &str) -> Result<(), Invalid> {
    match inet_aton(ascii) {
        None => Ok(()),
        Some(ip) => Err(Invalid::new(
            format!("{} is not a plain address", quote(written)),
            format!("the system would read it as {ip}; write {ip} if that is meant"),
        )),
    }
}

/// Whether a name is four decimal numbers, which nobody means as a name: one is above 255, or a dot ends it.
pub fn looks_like_ipv4(name: &str) -> bool {
    let labels = || name.strip_suffix('.').unwrap_or(name).split('.');
    labels().count() == 4 && labels().all(|label| !label.is_empty() && label.bytes().all(|b| b.is_ascii_digit()))
}

/// Whether it is four numbers, ranges of them or `*`, as nmap(1) takes them, or two addresses with a hyphen between them; no
/// zone of the DNS has such a name.
fn is_range(name: &str) -> bool {
    let octets = |label: &str| !label.is_empty() && label.bytes().all(|b| b.is_ascii_digit() || b"-*".contains(&b));
    let address = |text: &str| text.parse::<Ipv4Addr>().is_ok();
    let pattern = name.contains(['-', '*']) && name.split('.').count() == 4 && name.split('.').all(octets);
    pattern || name.split_once('-').is_some_and(|(first, last)| address(first) && address(last))
}

/// Whether a label is a number as C writes them, or tries to be (`08`).
fn is_number(label: &str) -> bool {
    let hex = label.strip_prefix("0x").or_else(|| label.strip_prefix("0X"));
    match hex {
        Some(hex) => !hex.is_empty() && hex.bytes().all(|b| b.is_ascii_hexdigit()),
        None => label.bytes().all(|b| b.is_ascii_digit()),
    }
}

/// What inet_aton(3) makes of a text: one to four numbers, the last of which fills all the bytes that are left.
pub(super) fn inet_aton(text: &str) -> Option<Ipv4Addr> {
    let numbers = text.split('.').map(c_number).collect::<Option<Vec<u32>>>()?;
    let (&last, leading) = numbers.split_last()?;
    if leading.len() > 3 || leading.iter().any(|&byte| byte > 0xff) {
        return None;
    }
    let room = 32 - 8 * leading.len();
    if u64::from(last) >> room != 0 {
        return None;
    }
    let high = leading.iter().fold(0, |high, &byte| high << 8 | u64::from(byte)) << room;
    u32::try_from(high | u64::from(last)).ok().map(Ipv4Addr::from)
}

/// A number as strtoul(3) reads it with base 0: `0x` hexadecimal, `0` octal, else decimal.
fn c_number(text: &str) -> Option<u32> {
    if !is_number(text) {
        return None;
    }
    match text.as_bytes() {
        [b'0', b'x' | b'X', ..] => u32::from_str_radix(&text[2..], 16),
        [b'0', ..] => u32::from_str_radix(text, 8),
        _ => text.parse(),
    }
    .ok()
}
