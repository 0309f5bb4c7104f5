//! The system: the only I/O, the only clock and the only unsafe code.

pub mod attempt;
pub mod clock;
pub mod driver;
mod ending;
mod evidence;
mod flight;
mod hold;
mod pool;
pub mod resolve;
pub mod selftest;
mod spare;
pub mod sys;
mod watch;
pub mod workers;
