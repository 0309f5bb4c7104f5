//! For people: a race as a picture, attempts on one axis of time, and in words which address wins and what the others cost.

use std::time::Duration;

use super::Style;
use super::table::{padded, painted};
use super::units::{self, address};
use super::wording::{LINE_WIDTH, wrapped};
use crate::model::{Attempt, Family, Outcome, Report, Strategy};

/// A bar is at least so wide, however narrow the terminal.
const LEAST_BAR: usize = 10;

const INDENT: &str = "    ";

/// A span of the target's time.
struct Bar {
    label: String,
    from: Duration,
    to: Duration,
    /// `None` for the lookup.
    outcome: Option<Outcome>,
}

/// The picture (`-v`), and below it what it means; nothing for a race of one address.
pub fn lines(report: &Report, style: Style) -> Vec<String> {
    let begun: Vec<&Attempt> = report.attempts.iter().filter(|attempt| attempt.phase.is_some()).collect();
    if report.strategy != Strategy::Race || report.attempts.len() < 2 || begun.is_empty() {
        return Vec::new();
    }
    let picture = if style.verbose > 0 { picture(&bars(report, &begun), style) } else { Vec::new() };
    picture.into_iter().chain(winner(&begun)).collect()
}

fn bars(report: &Report, begun: &[&Attempt]) -> Vec<Bar> {
    let lookup = Bar { label: "lookup".into(), from: Duration::ZERO, to: report.lookup.elapsed, outcome: None };
    let attempts = begun.iter().map(|attempt| Bar {
        label: address(attempt.address),
        from: attempt.started,
        to: end(attempt),
        outcome: Some(attempt.outcome),
    });
    let mut bars: Vec<Bar> = (!lookup.to.is_zero()).then_some(lookup).into_iter().chain(attempts).collect();
    bars.sort_by_key(|bar| bar.from);
    bars
}

fn end(attempt: &Attempt) -> Duration {
    attempt.started.saturating_add(attempt.elapsed)
}

fn picture(bars: &[Bar], style: Style) -> Vec<String> {
    let label = bars.iter().map(|bar| bar.label.len()).max().unwrap_or(0);
    let word = bars.iter().filter_map(|bar| bar.outcome).map(|outcome| outcome.slug().len()).max().unwrap_or(0);
    let besides = INDENT.len() + label + 2 + 2 + word;
    let width = style.width.unwrap_or(LINE_WIDTH).saturating_sub(besides).max(LEAST_BAR);
    let whole = bars.iter().map(|bar| bar.to).max().unwrap_or_default();
    let rows = bars.iter().map(|bar| {
        let word = bar.outcome.map(|outcome| painted(outcome.slug(), outcome, style)).unwrap_or_default();
        let line = format!("{INDENT}{}  {}  {word}", padded(&bar.label, label), drawn(bar, whole, width, style));
        line.trim_end().to_string()
    });
    std::iter::once(axis(whole, INDENT.len() + label + 2, width)).chain(rows).collect()
}

/// Both ends of the axis, above the bars.
fn axis(whole: Duration, before: usize, width: usize) -> String {
    let (from, to) = (units::human(Duration::ZERO), units::human(whole));
    let gap = width.saturating_sub(from.len() + to.len()).max(1);
    format!("{:before$}{from}{:gap$}{to}", "", "")
}

/// At least one cell, with the end marked: `*` connected, `x` anything else. Plain characters, unless a terminal has others.
fn drawn(bar: &Bar, whole: Duration, width: usize, style: Style) -> String {
    let (span, won, lost) = if style.ascii || style.width.is_none() { ("=", "*", "x") } else { ("━", "●", "╳") };
    let cell = |at: Duration| {
        let share = at.as_secs_f64() / whole.as_secs_f64().max(f64::MIN_POSITIVE);
        ((share * width as f64) as usize).min(width - 1)
    };
    let (from, to) = (cell(bar.from), cell(bar.to));
    let last = match bar.outcome {
        None => span,
        Some(Outcome::Connected) => won,
        Some(_) => lost,
    };
    format!("{:from$}{}{last}{:rest$}", "", span.repeat(to - from), "", rest = width - 1 - to)
}

/// Which address a program that races uses, and what those cost that were tried before.
fn winner(begun: &[&Attempt]) -> Option<String> {
    let connected = begun.iter().filter(|attempt| attempt.outcome == Outcome::Connected);
    let winner = connected.min_by_key(|attempt| end(attempt))?;
    let before: Vec<&&Attempt> = begun.iter().filter(|attempt| attempt.started < winner.started).collect();
    let used = format!("browsers use {}, {} after the start", address(winner.address), units::human(end(winner)));
    let Some(first) = before.iter().map(|attempt| attempt.started).min() else { return Some(wrapped(&used, 2, 4)) };
    let family = |attempt: &Attempt| Family::of(attempt.address.ip());
    let one = family(before[0]);
    let who = if one != family(winner) && before.iter().all(|attempt| family(attempt) == one) {
        format!("{} costs", one.meaning())
    } else {
        "the addresses before it cost".into()
    };
    Some(wrapped(&format!("{used}: {who} them {}", units::human(winner.started - first)), 2, 4))
}

#[cfg(test)]
mod tests {
    use super::super::samples::{attempt, ms, report, us};
    use super::*;
    use crate::model::Lookup;

    const VERBOSE: Style = Style {
        color: false,
        ascii: false,
        show: crate::output::Show::Folded,
        verbose: 1,
        timestamps: false,
        width: None,
    };

    fn racing(address: &str, outcome: Outcome, started: u64, elapsed: u64) -> Attempt {
        Attempt { started: ms(started), elapsed: ms(elapsed), ..attempt(address, outcome) }
    }

    fn dead_ipv6() -> Report {
        Report {
            strategy: Strategy::Race,
            lookup: Lookup { elapsed: us(800), addresses: 2, ..Lookup::default() },
            attempts: vec![
                racing("[2001:db8::1]:80", Outcome::Cancelled, 1, 260),
                racing("192.0.2.1:80", Outcome::Connected, 251, 10),
            ],
            ..report("db.example:80")
        }
    }

    #[test]
    #[rustfmt::skip]
    fn a_dead_family_is_seen_and_priced() {
        assert_eq!(lines(&dead_ipv6(), VERBOSE), [
            "                 0 ms                                        261.0 ms",
            "    lookup       =",
            "    2001:db8::1  ===================================================x  cancelled",
            "    192.0.2.1                                                      =*  connected",
            "  browsers use 192.0.2.1, 261.0 ms after the start: IPv6 costs them 250.0 ms",
        ]);
    }

    #[test]
    fn the_picture_is_as_wide_as_the_terminal_and_has_its_characters() {
        for width in [40, 80, 132] {
            let style = Style { width: Some(width), ..VERBOSE };
            let picture = lines(&dead_ipv6(), style);
            assert_eq!(picture[..4].iter().map(|line| line.chars().count()).max(), Some(width), "{picture:#?}");
            assert!(picture[2].contains("━╳") && picture[3].contains('●'));
            let ascii = lines(&dead_ipv6(), Style { ascii: true, ..style });
            assert!(ascii.iter().all(|line| line.is_ascii()), "{ascii:#?}");
        }
        assert!(
            lines(&dead_ipv6(), Style { width: Some(1), ..VERBOSE })
                .iter()
                .all(|line| line.contains("x") || line.len() > 10)
        );
    }

    #[test]
    fn the_answer_is_one_line_without_the_picture() {
        let plain = Style { verbose: 0, ..VERBOSE };
        let answer = |attempts: Vec<Attempt>| lines(&Report { attempts, ..dead_ipv6() }, plain);
        assert_eq!(
            answer(vec![
                racing("[2001:db8::1]:80", Outcome::Connected, 1, 10),
                Attempt { phase: None, ..racing("192.0.2.1:80", Outcome::Skipped, 11, 0) },
            ]),
            ["  browsers use 2001:db8::1, 11.0 ms after the start"]
        );
        assert_eq!(
            answer(vec![
                racing("192.0.2.1:80", Outcome::Refused, 1, 2),
                racing("[2001:db8::1]:80", Outcome::Refused, 3, 4),
                racing("192.0.2.2:80", Outcome::Connected, 7, 1),
            ]),
            ["  browsers use 192.0.2.2, 8.0 ms after the start: the addresses before it cost\n    them 6.0 ms"]
        );
        let refused = racing("192.0.2.1:80", Outcome::Refused, 1, 2);
        assert_eq!(answer(vec![refused.clone(), refused.clone()]), [""; 0]);
        assert_eq!(answer(vec![refused]), [""; 0], "no race");
    }

    #[test]
    fn odd_times_draw_something() {
        let mut odd = dead_ipv6();
        odd.attempts[0].elapsed = Duration::MAX;
        assert_eq!(lines(&odd, VERBOSE).len(), 5);
        odd.attempts
            .iter_mut()
            .for_each(|attempt| (attempt.started, attempt.elapsed) = (Duration::ZERO, Duration::ZERO));
        odd.lookup.elapsed = Duration::ZERO;
        assert_eq!(lines(&odd, VERBOSE).len(), 4);
    }
}
