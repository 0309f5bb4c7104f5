//! The line of progress on standard error: when it is shown, and that it is gone before anything else is written.

use std::io::{self, IsTerminal, Write};
use std::time::{Duration, Instant};

use crate::app::args::When;
use crate::model::Totals;
use crate::net::sys;
use crate::output::progress;

/// A run or a round that ends before this shows no progress and asks nothing of the system for it.
const AFTER: Duration = Duration::from_secs(1);

/// Carriage return, erase to the end of the line (ECMA-48 8.3.41).
const ERASE: &str = "\r\x1b[K";

/// Shows progress once a second.
pub struct Meter {
    when: When,
    /// The target, where there is one alone.
    only: Option<String>,
    total: Option<u128>,
    /// The round under way, where there are rounds.
    round: Option<u64>,
    begun: Option<Instant>,
    next: Option<Instant>,
    terminal: bool,
    shown: bool,
}

impl Meter {
    /// Nothing shown yet.
    pub fn new(when: When, only: Option<String>, total: Option<u128>) -> Self {
        Meter { when, only, total, round: None, begun: None, next: None, terminal: false, shown: false }
    }

    /// The same for a round under way, by its number and its begin; between two rounds there is no line.
    pub fn tick_round(&mut self, now: Instant, under_way: Option<(u64, Instant)>, totals: &Totals) -> Option<Instant> {
        let round = under_way.map(|(round, _)| round);
        if round != self.round {
            self.clear();
            self.round = round;
            self.begun = under_way.map(|(_, begun)| begun);
            self.next = self.begun.map(|begun| begun + AFTER);
        }
        if round.is_some() { self.tick(now, totals) } else { None }
    }

    /// Shows the line when it is due; gives the instant at which it is due next.
    pub fn tick(&mut self, now: Instant, totals: &Totals) -> Option<Instant> {
        if self.when == When::Never {
            return None;
        }
        let Some(begun) = self.begun else {
            self.begun = Some(now);
            self.next = Some(now + AFTER);
            return self.next;
        };
        if self.next.is_some_and(|next| next <= now) {
            if !self.shown {
                self.terminal = io::stderr().is_terminal();
                if self.when == When::Auto && !self.terminal {
                    self.when = When::Never;
                    return None;
                }
            }
            let round = self.round.map_or(String::new(), |round| format!("round {round}: "));
            let line = progress::line(totals, self.only.as_deref(), self.total, now.saturating_duration_since(begun));
            self.show(&(round + &line));
            self.next = Some(now + AFTER);
        }
        self.next
    }

    /// Takes the line away.
    pub fn clear(&mut self) {
        if std::mem::take(&mut self.shown) && self.terminal {
            // Where standard error is gone, there is no line either.
            let _ = write!(io::stderr(), "{ERASE}");
        }
    }

    fn show(&mut self, line: &str) {
        self.shown = true;
        let line = format!("rconnect: {line}");
        // Where standard error is gone, nobody waits.
        let _ = match self.terminal {
            true => write!(io::stderr(), "{ERASE}{}", progress::fitted(&line, sys::status_width().unwrap_or(80))),
            false => writeln!(io::stderr(), "{line}"),
        };
    }
}
