//! Rates: so many starts a second.

use std::time::Duration;

use super::duration;

/// Least time between two starts.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate(pub Duration);

/// Reads a number of starts a second.
///
/// # Errors
/// What would be right.
pub fn parse(text: &str) -> Result<Rate, String> {
    let per_second: f64 = text.parse().map_err(|_| "expected a number of starts a second")?;
    let spacing = Duration::try_from_secs_f64(1.0 / per_second).ok();
    let spacing = spacing.filter(|spacing| per_second.is_finite() && *spacing <= duration::LONGEST);
    Ok(Rate(spacing.ok_or("expected a number above 0, of starts a second")?))
}
