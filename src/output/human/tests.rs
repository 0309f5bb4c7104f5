use std::time::Duration;

use super::super::samples::{self, attempt, ms, report, us};
use super::*;
use crate::model::{Cause, Ended, Hold, Icmp, Phase, Reason};

const PLAIN: Style =
    Style { color: false, ascii: false, show: Show::Folded, verbose: 0, timestamps: false, width: None };
const VERBOSE: Style = Style { verbose: 1, ..PLAIN };

fn page(targets: Option<u128>) -> Page {
    Page::new(PLAIN, targets, |port, _| (port == 22).then(|| "ssh".into()))
}

/// The first target of a run.
fn target(report: &Report, style: Style) -> String {
    page(None).target(report, style)
}

#[track_caller]
fn assert_text(report: &Report, style: Style, expected: &[&str]) {
    let text = target(report, style);
    assert_eq!(text, expected.join("\n") + "\n", "\n{text}");
}

#[test]
fn ordinals() {
    let text: Vec<String> = [2, 3, 4, 11, 12, 13, 21, 22, 112].into_iter().map(evidence::ordinal).collect();
    assert_eq!(text, ["2nd", "3rd", "4th", "11th", "12th", "13th", "21st", "22nd", "112th"]);
}

#[test]
fn colour_is_in_the_outcome_words_only_and_moves_no_column() {
    colored::control::set_override(true);
    let text = target(&samples::partial(), Style { color: true, ..PLAIN });
    let plain = target(&samples::partial(), PLAIN);
    assert!(text.contains("\u{1b}[32mconnected\u{1b}[0m     1.2 ms\n"), "{text}");
    assert!(text.contains("\u{1b}[31mdenied\u{1b}[0m        0.1 ms"), "{text}");
    let bare = text.replace("\u{1b}[32m", "").replace("\u{1b}[31m", "").replace("\u{1b}[0m", "");
    assert_eq!(bare, plain);
}

#[test]
fn a_summary_of_several_targets_only() {
    let mut totals = Totals::default();
    totals.add(&samples::partial());
    assert_eq!(summary("", &totals), "");
    totals.add(&samples::literal("10.0.0.1:22", Outcome::Connected));
    assert_eq!(summary("", &totals), "2 targets: 2 connected (1 partial)\n");
    for outcome in [Outcome::TimedOut, Outcome::Refused, Outcome::Refused] {
        totals.add(&samples::literal("10.0.0.1:22", outcome));
    }
    assert_eq!(summary("", &totals), "5 targets: 2 connected (1 partial), 2 refused, 1 timed-out\n");
    totals.of = Some(1000);
    assert!(summary("", &totals).starts_with("5 of 1000 targets: 2 connected"), "a signal left out the others");
    let mut expecting = Totals::default();
    expecting.expecting = true;
    for (outcome, good) in [(Outcome::Refused, true), (Outcome::Reset, true), (Outcome::Connected, false)] {
        expecting.count(outcome, good, false);
    }
    #[rustfmt::skip]
    assert_eq!(summary("round 7: ", &expecting), [
        "round 7: 3 targets: 1 refused (as expected), 1 reset (as expected),",
        "                    1 connected (not expected)",
    ].join("\n") + "\n");
}

/// "Columns line up": the words of every row begin in one column, and the times end in one.
#[test]
fn three_hundred_attempts_line_up() {
    let mut all = report("many.example:80");
    for n in 0..300_u32 {
        let ip = if n % 2 == 0 { format!("10.0.0.{}:80", n % 256) } else { format!("[2001:db8::{n:x}]:80") };
        let outcome = Outcome::ALL[n as usize % Outcome::ALL.len()];
        all.attempts.push(Attempt { elapsed: ms(1 + u64::from(n) * 7), ..attempt(&ip, outcome) });
    }
    let text = target(&all, PLAIN);
    let rows: Vec<&str> = text.lines().filter(|line| line.starts_with("  1") || line.starts_with("  2")).collect();
    assert_eq!(rows.len(), 300);
    let word = 2 + "2001:db8::12b".len() + 3;
    let time = word + "self-connected".len() + 1 + "999.9 ms".len();
    for (row, attempt) in rows.iter().zip(&all.attempts) {
        assert!(row[word..].starts_with(attempt.outcome.slug()), "{row}");
        assert!(row[..time].ends_with('s') && row[..word].ends_with("   "), "{row}");
    }
}

#[test]
fn a_target_without_anything_is_one_line() {
    let mut nothing = report("db.example:80");
    nothing.outcome = Outcome::Interrupted;
    nothing.elapsed = Duration::ZERO;
    assert_text(&nothing, PLAIN, &["db.example:80   interrupted     0 ms"]);
}

#[test]
fn a_requirement_that_is_not_met_says_so() {
    let mut all = samples::partial();
    (all.good, all.partial, all.outcome) = (false, false, Outcome::Denied);
    assert!(target(&all, PLAIN).ends_with("\n1 of 2 addresses connected, not enough\n"));
}

#[test]
fn a_literal_is_one_line_and_ports_of_it_line_up() {
    let ssh = samples::literal("127.0.0.1:22", Outcome::Connected);
    assert_text(&ssh, PLAIN, &["127.0.0.1:22      connected     0.1 ms"]);
    let http = samples::literal("127.0.0.1:65535", Outcome::Connected);
    assert_text(&http, PLAIN, &["127.0.0.1:65535   connected     0.1 ms"]);
    let v6 = samples::literal("[fe80::1%2]:22", Outcome::Connected);
    assert_text(&v6, PLAIN, &["[fe80::1%2]:22      connected     0.1 ms"]);
}

/// A sweep: what a line needs, the ones after it have as well.
#[test]
fn lines_of_a_run_line_up_with_the_widest_before_them() {
    let mut page = page(None);
    let mut line = |target: &str, outcome| page.target(&samples::literal(target, outcome), PLAIN);
    assert_eq!(line("10.0.0.9:22", Outcome::Connected), "10.0.0.9:22      connected     0.1 ms\n");
    assert_eq!(line("10.0.0.10:22", Outcome::Unreachable), "10.0.0.10:22      unreachable   0.1 ms\n");
    assert_eq!(line("10.0.0.9:22", Outcome::Connected), "10.0.0.9:22       connected     0.1 ms\n");
}

#[test]
fn a_name_without_end_widens_no_other_line() {
    let mut page = page(None);
    page.target(&Report { target: "x".repeat(260), ..samples::unresolved() }, PLAIN);
    let line = page.target(&samples::literal("10.0.0.9:22", Outcome::Connected), PLAIN);
    assert!(line.starts_with("10.0.0.9:22      connected "), "{line}");
}

#[test]
fn advice_is_given_once_a_run_and_always_when_verbose() {
    let refused = |port: u16| {
        let mut report = samples::literal(&format!("10.0.0.1:{port}"), Outcome::Refused);
        let attempt = &mut report.attempts[0];
        (attempt.by, attempt.cause) = (Some(By::Peer), Some(Cause::Rst));
        report
    };
    let mut page = page(None);
    let advised = |port| format!("nothing listens on {port} there, or a firewall sends the reset\n");
    assert!(page.target(&refused(1), PLAIN).ends_with(&advised(1)));
    assert!(!page.target(&refused(2), PLAIN).contains("advice"));
    assert!(page.target(&refused(3), VERBOSE).ends_with(&advised(3)));
    let mut other = refused(4);
    other.attempts[0].cause = Some(Cause::ResetEarly);
    assert!(page.target(&other, PLAIN).contains("advice"), "of another cause");
    assert!(page.target(&samples::unresolved(), PLAIN).contains("advice"), "of the lookup");
    assert!(!page.target(&samples::unresolved(), PLAIN).contains("advice"));
}

/// Of many targets most are closed for good.
#[test]
fn few_targets_can_be_waited_for() {
    let mut refused = samples::literal("10.0.0.1:1", Outcome::Refused);
    (refused.retries, refused.attempts[0].cause) = (2, Some(Cause::Rst));
    for (targets, expected) in [(Some(1), true), (Some(MANY), true), (Some(MANY + 1), false), (None, false)] {
        assert_eq!(page(targets).target(&refused, PLAIN).contains("--wait"), expected, "{targets:?}");
    }
}

/// What was not shown has not been said.
#[test]
fn advice_that_was_held_back_comes_later() {
    let mut page = page(None);
    let good = Report { partial: false, ..samples::partial() };
    assert!(!page.target(&good, PLAIN).contains("advice"));
    let line = "\n  advice for 10.4.0.5: 10.1.0.1 forbids it: ask whoever runs that firewall\n";
    assert!(page.target(&samples::partial(), PLAIN).contains(line));
    assert!(!page.target(&samples::partial(), PLAIN).contains("advice"));
}

#[test]
fn a_sweep_remembers_no_more_than_there_are_topics() {
    let mut page = page(None);
    for port in 1..=u16::MAX {
        let mut report = samples::literal(&format!("127.0.0.1:{port}"), Outcome::Refused);
        (report.attempts[0].cause, report.attempts[0].error) =
            (Some(Cause::Rst), Some(crate::model::Code::Os(i32::from(port))));
        page.target(&report, PLAIN);
    }
    assert_eq!(page.advised.len(), 1);
}

/// A run over ports of one host, of which these are open.
fn sweep(ports: std::ops::RangeInclusive<u16>, open: &[u16], closed: Outcome, targets: Option<u128>) -> String {
    let (mut page, mut totals) = (page(targets), Totals::default());
    let mut text = String::new();
    for port in ports {
        let outcome = if open.contains(&port) { Outcome::Connected } else { closed };
        let report = samples::literal(&format!("192.0.2.10:{port}"), outcome);
        totals.add(&report);
        text += &page.add(&report, PLAIN);
    }
    text + &page.end(&totals, 80, PLAIN)
}

#[test]
fn a_sweep_shows_what_is_open_and_counts_the_rest() {
    #[rustfmt::skip]
    assert_eq!(sweep(1..=1000, &[22, 443], Outcome::Refused, Some(1000)), [
        "192.0.2.10:22      connected     0.1 ms  ssh",
        "192.0.2.10:443     connected     0.1 ms",
        "192.0.2.10  2 connected: 22 ssh, 443",
        "            998 refused: 1-21, 23-442, 444-1000",
        "1000 targets: 2 connected, 998 refused",
    ].join("\n") + "\n");
}

#[test]
fn where_nothing_connected_one_of_each_kind_is_shown() {
    #[rustfmt::skip]
    assert_eq!(sweep(1..=1000, &[], Outcome::TimedOut, Some(1000)), [
        "192.0.2.10:1       timed-out     0.1 ms",
        "192.0.2.10  1000 timed-out: 1-1000",
        "1000 targets: 1000 timed-out",
    ].join("\n") + "\n");
}

#[test]
fn few_targets_and_those_of_a_stream_are_shown_one_by_one() {
    assert_eq!(sweep(1..=20, &[], Outcome::Refused, Some(20)).lines().count(), 21);
    assert_eq!(sweep(1..=21, &[], Outcome::Refused, Some(21)).lines().count(), 3);
    assert_eq!(sweep(1..=200, &[], Outcome::Refused, None).lines().count(), 201);
}

#[test]
fn paths_stand_between_the_rows_and_the_advice() {
    let mut traced = samples::traced();
    traced.attempts.remove(0);
    let text = target(&traced, PLAIN);
    let order = ["  10.4.0.5   denied", "\n  path to 10.4.0.5\n     1  ", "\n  advice: "];
    let places: Vec<usize> = order.iter().map(|part| text.find(part).expect(part)).collect();
    assert!(places.is_sorted(), "{text}");
}

#[test]
fn a_timestamp_comes_first_and_evidence_begins_below_the_target() {
    let style = Style { timestamps: true, ..PLAIN };
    let udp = Report { protocol: Protocol::Udp, ..samples::literal("127.0.0.1:53", Outcome::Connected) };
    let first = "2026-11-21T05:00:00.123456Z 127.0.0.1:53      connected     0.1 ms";
    assert_text(&udp, style, &[first, &format!("{:28}a reply came", "")]);
    let name = target(&samples::partial(), style);
    assert!(name.starts_with("2026-11-21T05:00:00.123456Z db.example:5432  2 addresses in 0.8 ms\n  10.1.0.9   c"));
}

#[test]
fn silence_tells_our_limit_from_the_systems() {
    let mut quiet = report("db.example:80");
    (quiet.good, quiet.outcome) = (false, Outcome::TimedOut);
    let silent = |ip, by, syns| Attempt {
        elapsed: Duration::from_secs(3),
        by: Some(by),
        cause: Some(Cause::Silence),
        syns,
        ..attempt(ip, Outcome::TimedOut)
    };
    quiet.attempts = vec![
        silent("10.0.0.1:80", By::Limit, Some(3)),
        silent("10.0.0.2:80", By::Limit, Some(1)),
        silent("10.0.0.3:80", By::Limit, None),
        silent("10.0.0.4:80", By::System, Some(11)),
    ];
    quiet.lookup.addresses = 4;
    #[rustfmt::skip]
    assert_text(&quiet, PLAIN, &[
        "db.example:80  4 addresses in 0.8 ms",
        "  10.0.0.1   timed-out     3.00 s",
        "             no answer to 3 SYNs within our limit",
        "  10.0.0.2   timed-out     3.00 s",
        "             no answer to 1 SYN within our limit",
        "  10.0.0.3   timed-out     3.00 s",
        "             no answer within our limit",
        "  10.0.0.4   timed-out     3.00 s",
        "             the system gave up after 11 SYNs",
        "  advice: no answer: a firewall drops the packets, the host is down, or its",
        "          queue of new connections is full; --trace shows how far packets get",
        "0 of 4 addresses connected (timed-out)",
    ]);
}

#[test]
fn an_address_that_was_not_tried_has_a_reason_and_no_time() {
    let mut both = report("db.example:80");
    let skipped = "[2001:db8::5]:80".parse().expect("an address");
    both.attempts = vec![
        Attempt::skipped(skipped, 1, us(900), Outcome::Skipped, Reason::NoRoute),
        attempt("10.0.0.1:80", Outcome::Connected),
    ];
    both.lookup.addresses = 2;
    #[rustfmt::skip]
    assert_text(&both, PLAIN, &[
        "db.example:80  2 addresses in 0.8 ms",
        "  2001:db8::5   skipped",
        "                no local route for this family",
        "  10.0.0.1      connected     0.1 ms",
    ]);
}

#[test]
fn the_name_that_answered_stands_beside_the_target_or_below_it() {
    let mut named = samples::partial();
    let first = |report: &Report| target(report, PLAIN).lines().take(2).map(str::to_owned).collect::<Vec<_>>();
    named.lookup.canonical = Some("db.example.lan".into());
    assert_eq!(first(&named)[0], "db.example:5432 (db.example.lan)  2 addresses in 0.8 ms");
    named.lookup.ascii = Some("xn--d-1ga.example".into());
    let both = "xn--d-1ga.example, db.example.lan";
    assert_eq!(first(&named)[0], format!("db.example:5432 ({both})  2 addresses in 0.8 ms"));
    named.lookup.canonical = Some("db.example.internal.corp.example".into());
    let both = "xn--d-1ga.example, db.example.internal.corp.example";
    assert_eq!(first(&named), ["db.example:5432  2 addresses in 0.8 ms".into(), format!("  ({both})")]);
}

#[test]
fn a_name_without_an_address_tells_how_it_was_looked_up() {
    let mut missing = samples::unresolved();
    missing.lookup.ascii = Some("xn--bcher-kva.example".into());
    assert!(target(&missing, PLAIN).contains("\n                    looked up as xn--bcher-kva.example\n"));
}

#[test]
fn a_signal_tells_how_far_the_attempt_was() {
    let mut cut = attempt("10.0.0.1:80", Outcome::Interrupted);
    cut.syns = Some(2);
    assert_eq!(evidence(Protocol::Tcp, &cut, PLAIN), ["no answer to 2 SYNs when the signal came"]);
    cut.phase = None;
    assert_eq!(evidence(Protocol::Tcp, &cut, PLAIN), [""; 0], "not tried");
}

#[test]
fn an_address_of_nat64_tells_the_one_behind_it() {
    let report = samples::literal("[64:ff9b::c000:201]:80", Outcome::Connected);
    assert!(target(&report, PLAIN).ends_with(" 192.0.2.1 through NAT64\n"));
    for other in ["64:ff9b::1:c000:201", "64:ff9b:1::c000:201", "2001:db8::1", "192.0.2.1"] {
        assert_eq!(nat64(other.parse().expect(other)), None, "{other}");
    }
}

#[test]
fn addresses_that_were_not_tried_for_one_reason_are_one_row() {
    let mut first = report("db.example:80");
    let skipped = |n: u8| {
        let address = format!("10.0.0.{n}:80").parse().expect("an address");
        Attempt::skipped(address, 1, us(900), Outcome::Cancelled, Reason::Enough)
    };
    first.attempts = vec![attempt("10.0.0.1:80", Outcome::Connected)];
    first.attempts.extend((2..=12).map(skipped));
    first.lookup.addresses = 12;
    #[rustfmt::skip]
    assert_text(&first, PLAIN, &[
        "db.example:80  12 addresses in 0.8 ms",
        "  10.0.0.1       connected     0.1 ms",
        "  11 addresses   cancelled",
        "                 an earlier address connected",
    ]);
    assert_eq!(target(&first, VERBOSE).matches("cancelled").count(), 11);
}

#[test]
fn what_came_meanwhile_is_told() {
    let mut late = samples::literal("10.4.0.5:80", Outcome::Connected);
    let icmp = Icmp { decisive: false, code: 1, count: 3, at: Some(us(200)), ..samples::prohibited() };
    late.attempts[0].syns = Some(2);
    late.attempts[0].elapsed = ms(1016);
    late.attempts[0].icmp = Some(Icmp { count: 1, ..icmp.clone() });
    let once = target(&late, PLAIN);
    assert!(
        once.ends_with(
            "\n                 meanwhile 10.1.0.1 said host unreachable (ICMP 3/1) after\n                 0.2 ms\n"
        ),
        "{once}"
    );
    late.attempts[0].icmp = Some(icmp);
    #[rustfmt::skip]
    assert_text(&late, PLAIN, &[
        "10.4.0.5:80      connected     1.02 s",
        "                 connected, but only the 2nd SYN was answered",
        "                 meanwhile 10.1.0.1 said host unreachable (ICMP 3/1), 3 times,",
        "                 first after 0.2 ms",
    ]);
}

#[test]
fn evidence_and_what_was_expected_fit_the_line() {
    let mut denied = samples::literal("192.0.2.20:65535", Outcome::Denied);
    denied.attempts[0].by = Some(By::Router);
    denied.attempts[0].icmp = Some(Icmp { count: 2, ..samples::prohibited() });
    (denied.good, denied.expected) = (false, Some(Outcome::ALL.iter().copied().collect()));
    let text = target(&denied, PLAIN);
    let evidence = [
        "                   10.1.0.1 says: communication administratively prohibited",
        "                   (ICMP 3/13), 2 times\n",
    ];
    assert!(text.contains(&evidence.join("\n")), "{text}");
    assert!(text.contains("\nexpected: connected, refused,") && text.contains("\n          "), "{text}");
    assert!(text.lines().all(|line| line.len() <= LINE_WIDTH), "{text}");
}

/// What was received may have blanks in it: a line that ends at one would hide it.
#[test]
fn what_was_received_stays_on_its_line() {
    let mut held = samples::literal("10.1.0.9:25", Outcome::Connected);
    let received = b"220 mail.example ESMTP service of this host\r\n".to_vec();
    held.attempts[0].hold = Some(Hold { elapsed: ms(1500), full: true, received, window: None });
    let text = target(&held, PLAIN);
    assert!(text.contains(r#" "220 mail.example ESMTP service of this host\r\n""#), "{text}");
}

#[test]
fn a_hold_tells_how_it_ended_and_what_came() {
    let said = |outcome, ended, full, received: &[u8], cause, style| {
        let mut report = samples::literal("10.1.0.9:80", outcome);
        let hold = Hold { elapsed: ms(1500), full, received: received.to_vec(), window: None };
        let attempt = &mut report.attempts[0];
        (attempt.hold, attempt.ended, attempt.cause) = (Some(hold), Some(ended), cause);
        let text = target(&report, style);
        let below = text.lines().skip(1).take_while(|line| line.starts_with("    "));
        below.map(str::trim_start).collect::<Vec<_>>().join(" ")
    };
    use Ended::{Limit, Signal, System};
    use Outcome::{ClosedByPeer, Connected, Reset, Unserved};
    let greeting = b"220 mail\r\n250 more \xff";
    let shut = Some(Cause::ZeroWindow);
    for (line, expected) in [
        (said(Connected, Limit, true, b"", None, PLAIN), "held 1.50 s: nothing came"),
        (said(Connected, Limit, true, greeting, None, PLAIN), r#"held 1.50 s: "220 mail\r\n"..."#),
        (said(Connected, Limit, true, greeting, None, VERBOSE), r#"held 1.50 s: "220 mail\r\n250 more \xff""#),
        (said(Connected, System, false, b"bye", None, PLAIN), r#"10.1.0.9 closed the connection after 1.50 s: "bye""#),
        (said(Connected, Signal, false, b"", None, PLAIN), "held 1.50 s only, the run was over: nothing came"),
        (said(Connected, Limit, false, b"", shut, PLAIN), "held 1.50 s only, the run was over: the window is closed"),
        (said(Unserved, Limit, true, b"", shut, PLAIN), "held 1.50 s: the window is still closed, no data can be sent"),
        (
            said(ClosedByPeer, System, false, b"", None, PLAIN),
            "10.1.0.9 closed the connection after 1.50 s, without a byte",
        ),
        (said(Reset, System, false, b"", None, PLAIN), "10.1.0.9 reset the connection after 1.50 s: nothing came"),
    ] {
        assert_eq!(line, expected);
    }
    let much = [b'x'; 256];
    let line = said(Connected, System, false, &much, None, PLAIN);
    assert_eq!(line, format!("held 1.50 s: \"{}\"...", "x".repeat(48)));
}

#[test]
fn an_address_that_closed_the_connection_had_connected() {
    let mut race = report("db.example:80");
    (race.good, race.outcome) = (false, Outcome::ClosedByPeer);
    let hold = Hold { elapsed: ms(2), full: false, received: Vec::new(), window: None };
    let skipped = "10.0.0.2:80".parse().expect("an address");
    race.attempts = vec![
        Attempt { hold: Some(hold), ..attempt("10.0.0.1:80", Outcome::ClosedByPeer) },
        Attempt::skipped(skipped, 1, us(900), Outcome::Skipped, Reason::Enough),
    ];
    let text = target(&race, PLAIN);
    assert!(text.contains(" an earlier address connected\n"), "{text}");
    assert!(text.ends_with("\n0 of 2 addresses stayed connected (closed-by-peer)\n"), "{text}");
}

#[test]
fn nobody_listens_where_both_ends_are_the_same() {
    let mut same = samples::literal("127.0.0.1:40123", Outcome::SelfConnected);
    same.attempts[0].local = Some(same.attempts[0].address);
    #[rustfmt::skip]
    assert_text(&same, PLAIN, &[
        "127.0.0.1:40123   self-connected 0.1 ms",
        "                  both ends are 127.0.0.1:40123: nobody is listening",
    ]);
}

#[test]
fn a_silent_neighbour_is_named_by_its_protocol() {
    let mut dead = samples::literal("[2001:db8::9]:80", Outcome::Unreachable).attempts.remove(0);
    (dead.by, dead.cause) = (Some(By::Neighbour), Some(Cause::NeighbourSilent));
    assert_eq!(evidence(Protocol::Tcp, &dead, PLAIN), ["the next hop does not answer neighbour discovery"]);
    dead.address = "10.0.0.9:80".parse().expect("an address");
    dead.route = samples::partial().attempts[1].route.clone();
    assert_eq!(evidence(Protocol::Tcp, &dead, PLAIN), ["gateway 10.1.0.1 does not answer ARP"]);
}

#[test]
fn what_this_machine_decided_names_the_call_and_the_cause() {
    let mut bound = attempt("10.0.0.1:80", Outcome::Unavailable);
    (bound.by, bound.cause, bound.phase) = (Some(By::Local), Some(Cause::SourceAddress), Some(Phase::Bind));
    assert_eq!(evidence(Protocol::Tcp, &bound, PLAIN), ["decided on this machine by bind(): source-address"]);
}

#[cfg(target_os = "linux")]
mod linux {
    use super::*;
    use crate::model::Name;

    /// The documented example.
    #[test]
    fn a_name_with_two_addresses() {
        #[rustfmt::skip]
        assert_text(&samples::partial(), PLAIN, &[
            "db.example:5432  2 addresses in 0.8 ms",
            "  10.1.0.9   connected     1.2 ms",
            "  10.4.0.5   denied        0.1 ms  EHOSTUNREACH 113 · WSA 10065",
            "             10.1.0.1 says: communication administratively prohibited",
            "             (ICMP 3/13)",
            "  advice for 10.4.0.5: 10.1.0.1 forbids it: ask whoever runs that firewall",
            "1 of 2 addresses connected (partial)",
        ]);
    }

    #[test]
    fn the_life_of_an_attempt() {
        #[rustfmt::skip]
        assert_text(&samples::partial(), VERBOSE, &[
            "db.example:5432  2 addresses in 0.8 ms",
            "  10.1.0.9   connected     1.2 ms",
            "             from 10.1.0.2:41232, round trip 1.1 ms",
            "             handshake: window 65160, scale 10, MSS 1448, timestamps, SACK",
            "                0 µs  socket",
            "               35 µs  connect   EINPROGRESS 115 · WSAEWOULDBLOCK 10035",
            "             1198 µs  writable",
            "             1200 µs  SO_ERROR",
            "  10.4.0.5   denied        0.1 ms  EHOSTUNREACH 113 · WSAEHOSTUNREACH 10065",
            "             10.1.0.1 says: communication administratively prohibited",
            "             (ICMP 3/13)",
            "             from 10.1.0.2:41234",
            "             route: unicast via 10.1.0.1 on eth0 from 10.1.0.2",
            "  advice for 10.4.0.5: 10.1.0.1 forbids it: ask whoever runs that firewall",
            "1 of 2 addresses connected (partial)",
        ]);
    }

    #[test]
    fn a_name_without_an_address() {
        #[rustfmt::skip]
        assert_text(&samples::unresolved(), PLAIN, &[
            "nosuch.example:80   unresolved   12.3 ms",
            "                    EAI_NONAME -2 · WSAHOST_NOT_FOUND 11001",
            "  advice: no such name: check the spelling and the search domain",
        ]);
    }

    #[test]
    fn tries_of_one_address_stand_below_it() {
        let mut again = samples::literal("127.0.0.1:80", Outcome::Connected);
        let first = Attempt {
            by: Some(By::Peer),
            cause: Some(Cause::Rst),
            error: Some(samples::code(Name::ECONNREFUSED)),
            ..attempt("127.0.0.1:80", Outcome::Refused)
        };
        again.attempts[0].number = 2;
        again.attempts.insert(0, first);
        #[rustfmt::skip]
        assert_text(&again, PLAIN, &[
            "127.0.0.1:80      refused       0.1 ms  ECONNREFUSED 111 · WSA 10061",
            "  try 2           connected     0.1 ms",
        ]);
    }
}
