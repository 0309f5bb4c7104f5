//! Values: what is asked, what is measured, what is reported. No table, no I/O, no clock.
//!
//! Everything that is reported is read from here; everything that is measured is written here once.

mod attempt;
mod code;
mod counters;
mod evidence;
mod expected;
mod message;
mod report;
mod target;
mod totals;
mod trial;
mod words;

pub use attempt::{Attempt, Event};
pub use code::{Code, Name};
pub use counters::Counters;
pub use evidence::{End, Evidence, Handshake, Hold, LocalDrop, Neighbour, Route, TcpFacts};
pub use expected::Expected;
pub use message::Icmp;
pub use report::{Hop, Lookup, Path, Report};
pub(crate) use target::write_with_ports;
pub use target::{Address, Host, Target};
pub use totals::Totals;
pub use trial::{Finding, Hindrance, Step, Trial, Trialled};
pub(crate) use words::slugs;
pub use words::{
    By, Cause, DropPoint, Ended, EventKind, Family, Measure, Mode, Outcome, PathEnd, Phase, Platform, Protocol, Reason,
    RouteKind, Signal, Strategy,
};
