//! A line on standard error while a run lasts: what is done, how fast, what is left.

use std::time::Duration;

use unicode_width::UnicodeWidthChar;

use super::units;
use crate::model::Totals;

/// The line, without an end. `only`: the target, where there is one alone. `total`: how many there are, where that is known.
pub fn line(totals: &Totals, only: Option<&str>, total: Option<u128>, elapsed: Duration) -> String {
    if let Some(target) = only {
        return format!("waiting for {target}, {}", units::seconds(elapsed));
    }
    let of = total.map_or(String::new(), |total| format!(" of {total}"));
    let rate = totals.targets as f64 / elapsed.as_secs_f64().max(1e-3);
    let left = total.and_then(|total| left(totals.targets, total, elapsed));
    let left = left.filter(|left| left.as_secs() > 0);
    let left = left.map_or(String::new(), |left| format!(", about {} left", units::seconds(left)));
    format!("{}{of} targets, {rate:.0}/s, {} connected{left}", totals.targets, totals.good)
}

/// The begin of a line that fits a terminal of so many cells: a line that goes on in the next one cannot be erased.
pub fn fitted(line: &str, width: usize) -> String {
    let mut left = width.saturating_sub(1);
    let fits = |c: &char| {
        c.width().unwrap_or(0) <= left && {
            left -= c.width().unwrap_or(0);
            true
        }
    };
    line.chars().take_while(fits).collect()
}

/// The time that is left at the rate so far; unknown before the first target is done.
fn left(done: u64, total: u128, elapsed: Duration) -> Option<Duration> {
    let rest = total.saturating_sub(u128::from(done)) as f64;
    (done > 0).then(|| Duration::try_from_secs_f64(elapsed.as_secs_f64() * rest / done as f64).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;

    #[test]
    fn one_target_is_waited_for_by_name() {
        let text = line(&Totals::default(), Some("192.0.2.10:22"), Some(1), Duration::from_millis(2_400));
        assert_eq!(text, "waiting for 192.0.2.10:22, 2 s");
    }

    #[test]
    fn a_line_fits_the_terminal() {
        assert_eq!(fitted("50 of 200 targets", 80), "50 of 200 targets");
        assert_eq!(fitted("50 of 200 targets", 10), "50 of 200");
        assert_eq!(fitted("例え.example", 6), "例え.");
        assert_eq!(fitted("例え.example", 4), "例");
        assert_eq!(fitted("50", 0), "");
    }

    #[test]
    fn many_targets_are_counted() {
        let mut totals = Totals::default();
        assert_eq!(line(&totals, None, Some(200), Duration::from_secs(1)), "0 of 200 targets, 0/s, 0 connected");
        (0..50).for_each(|n| totals.count(Outcome::Refused, n < 3, false));
        let text = line(&totals, None, Some(200), Duration::from_secs(10));
        assert_eq!(text, "50 of 200 targets, 5/s, 3 connected, about 30 s left");
        assert_eq!(line(&totals, None, None, Duration::from_secs(10)), "50 targets, 5/s, 3 connected");
        let last = line(&totals, None, Some(51), Duration::from_secs(10));
        assert_eq!(last, "50 of 51 targets, 5/s, 3 connected", "silence takes longer than what is done");
    }
}
