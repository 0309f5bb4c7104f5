//! Durations as people write them and as they read them.

use std::time::Duration;

/// Ten years: far beyond any use, and far from where adding it to a clock could overflow.
pub const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

const FORMS: &str = "write 250ms, 1.5s, 2m, 1h30m, or a number of seconds";

/// Reads `250ms`, `1.5s`, `2m`, `1h30m`, or a bare number of seconds. Zero is read as zero.
///
/// # Errors
/// One line that says what would be right: no number, a sign, an unknown unit, more than ten years.
pub fn parse(text: &str) -> Result<Duration, String> {
    at_most(text, "longer than ten years, which are the most")
}

fn at_most(text: &str, too_long: &str) -> Result<Duration, String> {
    let text = text.trim();
    if text.starts_with(['-', '+']) {
        return Err(format!("a duration has no sign; {FORMS}"));
    }
    match read(text) {
        Some(duration) if duration <= LONGEST => Ok(duration),
        Some(_) => Err(too_long.into()),
        None if small(text).is_some() => {
            Err(format!("units are in small letters: write {}", text.to_ascii_lowercase()))
        }
        None => Err(format!("not a duration; {FORMS}")),
    }
}

/// Reads a limit: a duration, or `0` or `none` for `None`, the system's own.
///
/// # Errors
/// As [`parse`].
pub fn parse_limit(text: &str) -> Result<Option<Duration>, String> {
    if text.trim().eq_ignore_ascii_case("none") {
        return Ok(None);
    }
    let limit = at_most(text, "longer than ten years; use none for no limit");
    limit.map(|limit| Some(limit).filter(|limit| !limit.is_zero()))
}

/// What a text with capitals means in small letters.
fn small(text: &str) -> Option<Duration> {
    read(&text.to_ascii_lowercase()).filter(|_| text.contains(|c: char| c.is_ascii_uppercase()))
}

/// A number alone is seconds, `.5` half of one; the rest is humantime's, but for its `M`: a limit of a month is not meant.
fn read(text: &str) -> Option<Duration> {
    if text.contains(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let zero = if text.starts_with('.') { "0" } else { "" };
    let unit = if text.contains(|c: char| c != '.' && !c.is_ascii_digit()) { "" } else { "s" };
    humantime::parse_duration(&format!("{zero}{text}{unit}")).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    #[test]
    fn reads_what_people_write() {
        for (text, ms) in [
            ("250ms", 250),
            ("1.5s", 1_500),
            ("2m", 120_000),
            ("1h30m", 5_400_000),
            ("1h 30m", 5_400_000),
            ("3", 3_000),
            ("0.5", 500),
            (".5", 500),
            ("0.001", 1),
            ("0", 0),
            ("0s", 0),
            ("3650d", 315_360_000_000),
            (" 1s ", 1_000),
        ] {
            assert_eq!(parse(text), Ok(MS(ms)), "{text}");
        }
        assert_eq!(parse("1us"), Ok(Duration::from_micros(1)));
    }

    #[test]
    fn refuses_the_rest_in_one_line() {
        for text in
            ["", " ", "-1", "-1s", "+1", "nan", "NaN", "inf", "infinity", "s", "1x", "1h30", "1e3", "1.", "1.5.5"]
        {
            let error = parse(text).expect_err(text);
            assert!(error.contains("250ms") && !error.contains('\n'), "{text}: {error}");
        }
        for text in ["3651d", "11y", "315360001", "99999999999999999999"] {
            assert!(parse(text).is_err(), "{text}");
        }
        assert!(parse("11y").unwrap_err().contains("ten years"));
        for text in ["1M", "1S", "250MS", "1h30M", "2D"] {
            assert_eq!(parse(text), Err(format!("units are in small letters: write {}", text.to_ascii_lowercase())));
        }
    }

    #[test]
    fn zero_and_none_leave_the_systems_own_limit() {
        for text in ["0", "none", "None", "0s", "0ms", "0.0"] {
            assert_eq!(parse_limit(text), Ok(None), "{text}");
        }
        assert_eq!(parse_limit("3s"), Ok(Some(MS(3_000))));
        assert!(parse_limit("never").is_err());
        assert!(parse("none").is_err());
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC*") {
            let _ = (parse(&text), parse_limit(&text));
        }

        #[test]
        fn milliseconds_are_exact(ms in 0u64..10_000_000) {
            prop_assert_eq!(parse(&format!("{ms}ms")), Ok(MS(ms)));
            prop_assert_eq!(parse(&format!("{}.{:03}", ms / 1000, ms % 1000)), Ok(MS(ms)));
        }
    }
}
