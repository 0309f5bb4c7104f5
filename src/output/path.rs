//! For people: a traced path, a line a hop, and in words how it ends.

use std::cmp::Ordering;
use std::net::IpAddr;

use super::Style;
use super::units::{self, address};
use super::wording::{self, TIME_WIDTH, codes, neighbour, wrapped};
use crate::classify::path;
use crate::model::{Attempt, Cause, Hop, Path, PathEnd, Protocol, Report};

/// The table of one path of that report.
pub fn table(path: &Path, report: &Report, style: Style) -> Vec<String> {
    let width = path.hops.iter().map(|hop| who(hop).len()).max().unwrap_or(0);
    let other = path.traced_port != path.address.port();
    let shared = if other { format!(", as traced with port {}", path.traced_port) } else { String::new() };
    let heading = format!("  path to {}{shared}", address(path.address));
    let hops = path.hops.iter().map(|hop| line(hop, width, style));
    let closing = [Some(closing(path, report, style)), back(path)].into_iter().flatten();
    std::iter::once(heading).chain(hops).chain(closing.map(|text| wrapped(&text, 2, 4))).collect()
}

/// From how far the answer came.
fn back(path: &Path) -> Option<String> {
    let (ttl, hop, last) = (path.answer_ttl?, path.answered_hop?, path.hops.last()?.ttl);
    let came = format!("its answer came from hop {hop}, by its time to live ({ttl})");
    Some(match hop.cmp(&last) {
        Ordering::Equal => came,
        Ordering::Greater => format!("{came}: the way back is longer, or something at hop {last} passes it on"),
        Ordering::Less => {
            let who = path::at(path, hop).map_or_else(|| "a box there".to_string(), |address| address.to_string());
            format!("{came}: {who} answers in its name, or the way back is shorter")
        }
    })
}

fn line(hop: &Hop, width: usize, style: Style) -> String {
    let silent = hop.address.is_none() && !hop.ends();
    let time = if silent { String::new() } else { units::human(hop.elapsed) };
    let note = if hop.ends() { said(hop, style) } else { String::new() };
    let start = format!("    {:>2}  {:<width$}  {time:>TIME_WIDTH$}  ", hop.ttl, who(hop));
    wrapped(&format!("{start}{note}"), 0, start.len()).trim_end().to_string()
}

fn who(hop: &Hop) -> String {
    match hop.address {
        Some(address) => address.to_string(),
        None if hop.ends() => "this machine".into(),
        None => "*".into(),
    }
}

/// The message, the code of a call that failed here, or else what the connect came to.
fn said(hop: &Hop, style: Style) -> String {
    match (&hop.icmp, hop.error) {
        (Some(icmp), _) => wording::said(icmp),
        (None, Some(code)) if hop.address.is_none() => codes(code, style),
        (None, _) => hop.outcome.to_string(),
    }
}

fn closing(path: &Path, report: &Report, style: Style) -> String {
    if let Some(attempt) = unresolved(path, report) {
        return format!("ends on the link: {}", neighbour(attempt));
    }
    let Some(last) = path.hops.last() else { return "no hop answers".into() };
    let to = address(path.address);
    match (path.end, last.address) {
        (PathEnd::Connected, _) if report.protocol == Protocol::Udp => format!("{to} replied at hop {}", last.ttl),
        (PathEnd::Connected, _) => format!("{to} accepted the connection at hop {}", last.ttl),
        (PathEnd::Answered, _) => answered(&to, last, style),
        (PathEnd::Local, Some(from)) => own(last, &format!("{from} says"), style),
        (PathEnd::Rejected, Some(from)) => rejected(path, last, from, style),
        (PathEnd::Loop, Some(from)) => circle(path, last, from),
        (PathEnd::TooFar, Some(from)) => format!("{from} answers at hop {}, and no further one is looked at", last.ttl),
        (PathEnd::Silence, Some(from)) => format!("nothing answers beyond hop {} ({from})", last.ttl),
        (_, None) => own(last, "the system says", style),
    }
}

/// A reset bears the destination's address also when a firewall on the way made it; a message bears its maker's.
fn answered(to: &str, last: &Hop, style: Style) -> String {
    let who = if last.icmp.is_some() { " itself" } else { ", or a firewall in its name," };
    format!("{to}{who} answered at hop {}: {}", last.ttl, said(last, style))
}

/// The attempt that says that the next hop has no link address; this machine says "host unreachable" to itself then.
fn unresolved<'a>(path: &Path, report: &'a Report) -> Option<&'a Attempt> {
    let silent = |attempt: &&Attempt| attempt.cause == Some(Cause::NeighbourSilent) && attempt.address == path.address;
    report.attempts.iter().find(silent).filter(|_| path.end == PathEnd::Local)
}

fn own(hop: &Hop, says: &str, style: Style) -> String {
    let from = if hop.ttl == 1 { String::new() } else { format!(" with hop {}", hop.ttl) };
    format!("ends on this machine{from}: {says} {}", said(hop, style))
}

/// A router that filters what it forwards looks at the time to live first (Linux: net/ipv4/ip_forward.c): it answers
/// "time exceeded" for its own hop and rejects what was meant for the next, so that one box stands in two lines.
fn rejected(path: &Path, last: &Hop, from: IpAddr, style: Style) -> String {
    let twice = path.hops.iter().find(|hop| hop.ttl + 1 == last.ttl && hop.address == Some(from));
    match twice {
        Some(hop) => format!("gets no further than {from}, the router at hop {}: {}", hop.ttl, said(last, style)),
        // A message that no time to live brought about tells where its sender is only if every hop before it is known.
        None if path.hops.iter().any(|hop| hop.address.is_none() && hop.ttl < last.ttl) => {
            format!("{from} at or before hop {} says: {}", last.ttl, said(last, style))
        }
        None => format!("{from} at hop {} says: {}", last.ttl, said(last, style)),
    }
}

fn circle(path: &Path, last: &Hop, from: IpAddr) -> String {
    let mut at = path::visits(&path.hops, from);
    let (first, again) = (at.next().unwrap_or(last.ttl), at.next().unwrap_or(last.ttl));
    format!("goes in circles: {from} answers at hop {first} and again at hop {again}")
}

#[cfg(test)]
mod tests {
    use super::super::samples::{self, answer, code, path, says, silent};
    use super::*;
    use crate::model::{Name, Outcome};

    /// The closing line of a path to 10.4.0.5 that was traced for the sample report.
    fn ends(end: PathEnd, hops: Vec<Hop>) -> String {
        let lines = table(&path("10.4.0.5", end, hops), &samples::partial(), Style::default());
        lines.last().expect("a closing line").trim_start().to_string()
    }

    fn passes(ttl: u8, from: &str) -> Hop {
        says(ttl, from, 11, 0)
    }

    #[test]
    fn a_line_a_hop_and_words_only_where_it_ends() {
        let traced = samples::traced();
        let text = table(&traced.trace.as_ref().expect("a trace")[0], &traced, Style::default());
        #[rustfmt::skip]
        assert_eq!(text, [
            "  path to 10.4.0.5",
            "     1  10.1.0.1     0.4 ms",
            "     2  *",
            "     3  10.3.0.1     1.2 ms  communication administratively prohibited\n                             (ICMP 3/13)",
            "  10.3.0.1 at or before hop 3 says: communication administratively prohibited\n    (ICMP 3/13)",
        ]);
    }

    #[test]
    fn columns_line_up_for_ipv6_and_two_digits() {
        let hops = vec![says(9, "2001:db8::1", 3, 0), answer(10, "2001:db8:1:2::5", Outcome::Connected)];
        let text = table(&path("[2001:db8:1:2::5]", PathEnd::Connected, hops), &samples::partial(), Style::default());
        #[rustfmt::skip]
        assert_eq!(text, [
            "  path to 2001:db8:1:2::5",
            "     9  2001:db8::1         0.4 ms",
            "    10  2001:db8:1:2::5     1.2 ms  connected",
            "  2001:db8:1:2::5 accepted the connection at hop 10",
        ]);
    }

    #[test]
    fn the_destination_accepts_or_answers_no() {
        let connected = vec![passes(1, "10.1.0.1"), answer(2, "10.4.0.5", Outcome::Connected)];
        assert_eq!(ends(PathEnd::Connected, connected.clone()), "10.4.0.5 accepted the connection at hop 2");
        let udp = Report { protocol: Protocol::Udp, ..samples::partial() };
        let text = table(&path("10.4.0.5", PathEnd::Connected, connected), &udp, Style::default());
        assert_eq!(text[3], "  10.4.0.5 replied at hop 2");
        let refused = answer(4, "10.4.0.5", Outcome::Refused);
        assert_eq!(
            ends(PathEnd::Answered, vec![refused]),
            "10.4.0.5, or a firewall in its name, answered at hop 4: refused"
        );
        let closed = says(4, "10.4.0.5", 3, 3);
        assert_eq!(
            ends(PathEnd::Answered, vec![closed]),
            "10.4.0.5 itself answered at hop 4: port unreachable (ICMP 3/3)"
        );
    }

    /// The router that had no time to live left for it is the one that rejects what has more.
    #[test]
    fn a_router_in_two_lines_is_one_router() {
        let filter = vec![passes(1, "10.1.0.1"), passes(2, "10.2.0.1"), says(3, "10.2.0.1", 3, 13)];
        let prohibited = "communication\n    administratively prohibited (ICMP 3/13)";
        let expected = format!("gets no further than 10.2.0.1, the router at hop 2: {prohibited}");
        assert_eq!(ends(PathEnd::Rejected, filter), expected);
        let no_route = vec![passes(1, "10.1.0.1"), says(2, "10.2.0.1", 3, 0)];
        assert_eq!(ends(PathEnd::Rejected, no_route), "10.2.0.1 at hop 2 says: net unreachable (ICMP 3/0)");
    }

    #[test]
    fn this_machine_is_named_as_itself() {
        let codes = codes(code(Name::EACCES), Style::default());
        let local = |ttl| Hop { error: Some(code(Name::EACCES)), outcome: Outcome::Denied, ..silent(ttl) };
        let text = table(&path("10.4.0.5", PathEnd::Local, vec![local(1)]), &samples::partial(), Style::default());
        assert_eq!(text[1], format!("     1  this machine     3.00 s  {codes}"));
        assert_eq!(text[2], format!("  ends on this machine: the system says {codes}"));
        let later = ends(PathEnd::Local, vec![passes(1, "10.1.0.1"), local(2)]);
        assert_eq!(later, format!("ends on this machine with hop 2: the system says {codes}"));
        let own = vec![says(1, "10.1.0.2", 3, 1)];
        assert_eq!(ends(PathEnd::Local, own), "ends on this machine: 10.1.0.2 says host unreachable (ICMP 3/1)");
        let mut dead = samples::partial();
        dead.attempts[1].cause = Some(Cause::NeighbourSilent);
        let own = path("10.4.0.5", PathEnd::Local, vec![says(1, "10.1.0.2", 3, 1)]);
        assert_eq!(closing(&own, &dead, Style::default()), "ends on the link: gateway 10.1.0.1 does not answer ARP");
    }

    #[test]
    fn the_way_back_tells_who_answered() {
        let hops = vec![passes(1, "10.1.0.1"), passes(2, "10.2.0.1"), answer(3, "10.4.0.5", Outcome::Connected)];
        let told = |ttl, hop| {
            let back = Path {
                answer_ttl: Some(ttl),
                answered_hop: Some(hop),
                ..path("10.4.0.5", PathEnd::Connected, hops.clone())
            };
            table(&back, &samples::partial(), Style::default()).pop().unwrap()
        };
        assert_eq!(told(62, 3), "  its answer came from hop 3, by its time to live (62)");
        let nearer = "10.2.0.1 answers in its\n    name, or the way back is shorter";
        assert_eq!(told(63, 2), format!("  its answer came from hop 2, by its time to live (63): {nearer}"));
        assert!(told(60, 5).ends_with("the way back is longer,\n    or something at hop 3 passes it on"));
    }

    #[test]
    fn silence_begins_somewhere() {
        assert_eq!(ends(PathEnd::Silence, vec![]), "no hop answers");
        let one = vec![silent(1), passes(2, "10.2.0.1")];
        assert_eq!(ends(PathEnd::Silence, one), "nothing answers beyond hop 2 (10.2.0.1)");
        let twice = vec![passes(1, "10.2.0.1"), passes(2, "10.2.0.1")];
        assert_eq!(ends(PathEnd::Silence, twice), "nothing answers beyond hop 2 (10.2.0.1)");
        let circle = vec![passes(1, "10.1.0.1"), passes(2, "10.2.0.1"), passes(3, "10.1.0.1")];
        assert_eq!(ends(PathEnd::Loop, circle), "goes in circles: 10.1.0.1 answers at hop 1 and again at hop 3");
    }
}
