//! Addresses, durations and times as the reporters write them.

use std::fmt;
use std::net::SocketAddr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// An address without its port; the scope id, where there is one, as a number (RFC 4007 section 11.2).
pub struct Bare(pub SocketAddr);

impl fmt::Display for Bare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => write!(f, "{}%{}", v6.ip(), v6.scope_id()),
            other => other.ip().fmt(f),
        }
    }
}

/// [`Bare`] as text.
pub fn address(address: SocketAddr) -> String {
    Bare(address).to_string()
}

/// Whole microseconds.
pub fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

/// RFC 3339 in UTC with microseconds. The form has four digits for the year and `humantime` panics on times before
/// 1970, which a machine without a battery-backed clock can have: such times are shown as the nearest that has a form.
pub struct Timestamp(pub SystemTime);

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const END_OF_9999: Duration = Duration::from_secs(253_402_300_799);
        humantime::format_rfc3339_micros(self.0.clamp(UNIX_EPOCH, UNIX_EPOCH + END_OF_9999)).fmt(f)
    }
}

/// [`Timestamp`] as text.
pub fn timestamp(at: SystemTime) -> String {
    Timestamp(at).to_string()
}

/// Whole seconds, for what changes each second.
pub fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs())
}

/// Formats for people: milliseconds below one second, else seconds; at most four digits.
pub fn human(duration: Duration) -> String {
    let seconds = duration.as_secs_f64();
    let milliseconds = seconds * 1e3;
    // Each bound is where rounding would add a digit, so that 999.96 ms is 1.00 s and never 1000.0 ms.
    match milliseconds {
        0.0 => "0 ms".into(),
        ms if ms < 0.0095 => format!("{ms:.3} ms"),
        ms if ms < 0.095 => format!("{ms:.2} ms"),
        ms if ms < 999.95 => format!("{ms:.1} ms"),
        ms if ms < 9_995.0 => format!("{seconds:.2} s"),
        _ => format!("{seconds:.1} s"),
    }
}

/// Bytes as text that can be turned back: UTF-8 is itself, a backslash is two of them, any other byte is `\xhh`, and so are
/// the bytes of characters that a terminal acts upon and JSON does not escape (DEL, C1).
pub fn received(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            match character {
                '\\' => text.push_str("\\\\"),
                '\u{7f}'..='\u{9f}' => escape(character.encode_utf8(&mut [0; 2]).as_bytes(), &mut text),
                _ => text.push(character),
            }
        }
        escape(chunk.invalid(), &mut text);
    }
    text
}

fn escape(bytes: &[u8], text: &mut String) {
    bytes.iter().for_each(|byte| text.push_str(&format!("\\x{byte:02x}")));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn odd_clocks_have_a_form() {
        let day = Duration::from_secs(86_400);
        assert_eq!(timestamp(UNIX_EPOCH - day), "1970-01-01T00:00:00.000000Z");
        assert_eq!(timestamp(UNIX_EPOCH + day * 4_000_000), "9999-12-31T23:59:59.000000Z");
    }

    #[test]
    fn is_read_at_a_glance() {
        for (micros, text) in [
            (0, "0 ms"),
            (4, "0.004 ms"),
            (10, "0.01 ms"),
            (38, "0.04 ms"),
            (94, "0.09 ms"),
            (95, "0.1 ms"),
            (100, "0.1 ms"),
            (812, "0.8 ms"),
            (1_234, "1.2 ms"),
            (999_949, "999.9 ms"),
            (999_950, "1.00 s"),
            (3_001_234, "3.00 s"),
            (9_994_999, "9.99 s"),
            (9_995_000, "10.0 s"),
            (134_000_000, "134.0 s"),
        ] {
            assert_eq!(human(Duration::from_micros(micros)), text);
        }
    }

    #[test]
    fn bytes_can_be_turned_back() {
        for (bytes, text) in [
            (&b""[..], ""),
            (b"220 ok\r\n", "220 ok\r\n"),
            ("gr\u{fc}n".as_bytes(), "gr\u{fc}n"),
            (b"a\\x41", r"a\\x41"),
            (b"\xff\x00\xc3", "\\xff\0\\xc3"),
            ("\u{7f}\u{9b}1m".as_bytes(), r"\x7f\xc2\x9b1m"),
        ] {
            assert_eq!(received(bytes), text);
        }
    }
}
