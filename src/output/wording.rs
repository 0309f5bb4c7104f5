//! Words that more than one part of the page for people uses.

use std::net::{IpAddr, SocketAddr};

use unicode_width::UnicodeWidthStr;

use super::Style;
use super::units::address;
use crate::classify::codes::describe;
use crate::classify::state::State;
use crate::model::{Attempt, Code, Icmp};

/// As wide as `999.9 ms` and one more for the alignment of seconds.
pub const TIME_WIDTH: usize = 9;

/// Marks what is other than `--expect` asks for.
pub const UNEXPECTED: &str = " (not expected)";

/// A line of a terminal.
pub const LINE_WIDTH: usize = 80;

/// What a text that begins far to the right may take, though its lines are longer then.
const LEAST_WIDTH: usize = 30;

/// Stands in a text for a blank at which no line ends.
const NO_BREAK: char = '\u{a0}';

/// A text of which no line ends within.
pub fn unbroken(text: &str) -> String {
    text.replace(' ', NO_BREAK.encode_utf8(&mut [0; 2]))
}

/// A text in lines of [`LINE_WIDTH`]: the first one begins in the column `first`, the others in `rest`.
pub fn wrapped(text: &str, first: usize, rest: usize) -> String {
    let most = LINE_WIDTH.max(first.max(rest) + LEAST_WIDTH);
    let (mut lines, mut line, mut begun) = (String::new(), " ".repeat(first), false);
    for word in text.split(' ') {
        if begun && line.width() + 1 + word.width() > most {
            lines += line.trim_end();
            lines.push('\n');
            (line, begun) = (" ".repeat(rest), false);
        }
        if begun {
            line.push(' ');
        }
        line.push_str(word);
        begun = true;
    }
    (lines + &line).replace(NO_BREAK, " ")
}

/// A code in both vocabularies, as `EHOSTUNREACH 113 · WSA 10065`. The Winsock name is written out where it is not the
/// POSIX name after WSA (`EPERM 1 · WSAEACCES 10013`), when verbose, and on Windows, whose programs report it.
pub fn codes(code: Code, style: Style) -> String {
    let described = describe(code);
    let full = described.to_string();
    match described.winsock_name.and_then(|name| name.strip_prefix("WSA")) {
        Some(name) if name == described.name && style.verbose == 0 && !cfg!(windows) => {
            full.replacen(&format!("WSA{name} "), "WSA ", 1)
        }
        _ => full,
    }
}

/// What a message says; its numbers stay together when it is wrapped.
pub fn said(icmp: &Icmp) -> String {
    format!("{} {}", icmp.meaning(), unbroken(&icmp.numbers()))
}

/// Address resolution: RFC 826 for IPv4, RFC 4861 section 7.2 for IPv6.
pub fn neighbour(attempt: &Attempt) -> String {
    let gateway = attempt.route.as_ref().and_then(|route| route.gateway);
    let resolution = if attempt.address.ip().to_canonical().is_ipv4() { "ARP" } else { "neighbour discovery" };
    match gateway {
        Some(gateway) => format!("gateway {gateway} does not answer {resolution}"),
        None => format!("the next hop does not answer {resolution}"),
    }
}

/// How an address answered: the outcome, its cause, and the router that said so, where they are known.
pub fn state(state: State) -> String {
    let from = state.from.map(|from| format!("{from} says so"));
    let known: Vec<String> = state.cause.map(|cause| cause.meaning().into()).into_iter().chain(from).collect();
    if known.is_empty() { state.outcome.to_string() } else { format!("{} ({})", state.outcome, known.join("; ")) }
}

/// A target, and which of its addresses is meant, where its host is a name.
pub fn place(target: &str, host: &str, of: Option<SocketAddr>) -> String {
    match of {
        Some(of) if !is_literal(host) => format!("{target} {}", address(of)),
        _ => target.into(),
    }
}

/// A literal is its own address: no lookup to tell of, no list to head. An interface may follow (RFC 4007 section 11).
pub fn is_literal(host: &str) -> bool {
    let host = host.trim_start_matches('[').trim_end_matches(']');
    host.split('%').next().is_some_and(|ip| ip.parse::<IpAddr>().is_ok())
}

// The numbers are those of Linux.
#[cfg(target_os = "linux")]
#[cfg(test)]
mod tests {
    use super::super::samples::code;
    use super::*;
    use crate::model::Name;

    #[test]
    fn long_texts_are_wrapped_between_words() {
        let text = "word ".repeat(40);
        let lines = wrapped(text.trim_end(), 2, 10);
        assert!(lines.lines().count() == 3 && lines.lines().all(|line| line.len() <= LINE_WIDTH), "{lines}");
        assert!(lines.starts_with("  word") && lines.contains("\n          word"), "{lines}");
        assert_eq!(lines.split_whitespace().count(), 40);
        assert_eq!(wrapped("a  b", 0, 9), "a  b");
        let far = wrapped("ten of ten", 90, 90);
        assert_eq!(far, format!("{:90}ten of ten", ""), "no column of single words");
        let kept = wrapped(&format!("{text}{}", unbroken("as it is")), 2, 10);
        assert!(kept.ends_with(" as it is"), "{kept}");
    }

    #[test]
    fn literals() {
        for host in ["127.0.0.1", "::1", "[::1]", "fe80::1%eth0"] {
            assert!(is_literal(host), "{host}");
        }
        for host in ["localhost", "db.example", "127.1", "%eth0"] {
            assert!(!is_literal(host), "{host}");
        }
    }

    #[test]
    fn the_winsock_name_is_written_where_it_says_more() {
        let plain = |name| codes(code(name), Style::default());
        assert_eq!(plain(Name::EHOSTUNREACH), "EHOSTUNREACH 113 · WSA 10065");
        assert_eq!(plain(Name::EPERM), "EPERM 1 · WSAEACCES 10013");
        assert_eq!(plain(Name::EINPROGRESS), "EINPROGRESS 115 · WSAEWOULDBLOCK 10035");
        assert_eq!(plain(Name::EAI_NONAME), "EAI_NONAME -2 · WSAHOST_NOT_FOUND 11001");
        assert_eq!(codes(Code::Os(31_999), Style::default()), "errno 31999");
        let verbose = Style { verbose: 1, ..Style::default() };
        assert_eq!(codes(code(Name::EHOSTUNREACH), verbose), "EHOSTUNREACH 113 · WSAEHOSTUNREACH 10065");
    }
}
