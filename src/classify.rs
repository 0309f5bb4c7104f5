//! Meaning: tables of codes, messages and exit codes, and rules over values. Pure.

pub mod advice;
pub mod changes;
pub mod codes;
pub mod documented;
pub mod exit;
pub mod icmp;
pub mod path;
pub mod requirement;
#[cfg(test)]
mod samples;
pub mod silence;
pub mod state;
pub mod statistics;
pub mod verdict;
