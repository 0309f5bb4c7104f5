//! The one place that reads the clocks; everything else is handed an instant.

use std::time::{Instant, SystemTime};

/// The monotonic clock.
#[allow(clippy::disallowed_methods, reason = "the one place")]
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock, for the reader of a report; no duration is ever computed from it alone.
#[allow(clippy::disallowed_methods, reason = "the one place")]
pub fn wall() -> SystemTime {
    SystemTime::now()
}
