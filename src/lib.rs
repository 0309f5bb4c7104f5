//! rconnect: can a program on this machine connect there; for every address, what happened, who said so, what now?

pub mod app;
pub mod classify;
pub mod grammar;
pub mod model;
pub mod net;
pub mod output;
pub mod schedule;
