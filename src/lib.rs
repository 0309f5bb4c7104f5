//! rconnect: test TCP and UDP connectivity to every address of a host, and explain each failure.

pub mod app;
pub mod classify;
pub mod grammar;
pub mod model;
pub mod net;
pub mod output;
pub mod schedule;
