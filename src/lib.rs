//! rconnect: test TCP and UDP connectivity to every address of a host, and explain each failure.
//!
//! The crate is first of all the program `rconnect`; the library is its face for other programs. A probe connects as
//! programs do (getaddrinfo(), then connect() on each address), and tells for every address what happened, who said so,
//! and why:
//!
//! ```
//! use rconnect::{Probe, model::Outcome};
//!
//! let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
//! let port = listener.local_addr()?.port();
//! let reports = Probe::new(&format!("127.0.0.1:{port}"))?.run()?;
//! assert_eq!(reports[0].outcome, Outcome::Connected);
//! assert_eq!(reports[0].attempts.len(), 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! Public are [`Probe`], its [`Error`], and the values of [`model`]. They may change before version 1.0; stable are the
//! program's options, outcome words, exit codes, JSON keys and CSV columns. The other modules are private. CONTRIBUTING.md
//! has the map of them.

mod app;
mod classify;
mod grammar;
pub mod model;
mod net;
mod output;
mod schedule;

pub use app::library::{Error, Probe};

/// What the program itself, its tests, benchmarks and fuzz targets use. No part of the library.
#[doc(hidden)]
pub mod internals {
    pub use crate::app::args::Args;
    pub use crate::app::run;
    pub use crate::classify::{documented, exit};
    pub use crate::grammar::{Exclusions, Grammar, Invalid, Spec};
    pub use crate::net::sys::{StandardOutput, begin_process, tcp_facts};
    pub use crate::output::{Format, Reporter, Show, Style, csv};
}
