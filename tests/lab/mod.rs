//! A laboratory of networks: every fault that a probe can meet, provoked on this machine alone.
//!
//! ```ignore
//! mod lab;
//! use lab::*;
//!
//! let path = Topology::chain(2); // client – router – router – server
//! path.router(1).filter("forward", "tcp dport 80 reject with icmp type admin-prohibited");
//! let run = path.client.command(env!("CARGO_BIN_EXE_rconnect")).args(["10.77.3.2", "80"]).nobody().run();
//! assert_eq!(run.code(), 7, "{run:?}");
//!
//! let net = Netns::new();
//! let peer = net.tun(|packet| match packet.port() {
//!     80 => vec![packet.syn_ack()],
//!     81 => vec![packet.icmp(3, 13).from("192.0.2.1").after(ms(20))],
//!     _ => silence(),
//! });
//! ```
//!
//! Namespaces have no names: each lives as long as a descriptor of it is open, so a test that panics leaves nothing
//! behind. None of the calls changes the namespace of the thread that makes it; tests may run in parallel.
//!
//! A test binary with this module leaves the machine's network before main() (root needs nothing else; others get a user
//! namespace): what runs outside a [`Netns`] has no network at all. Linux only: `#![cfg(target_os = "linux")]`.
//!
//! A capability that is missing fails the test that needs it, with a message; nothing is skipped.

// Each test binary compiles the whole lab and uses its part of it.
#![allow(dead_code, unused_imports)]
// The rule against reading the clock is for the program; the lab measures it.
#![allow(clippy::disallowed_methods)]

mod command;
mod dns;
mod etc;
mod listener;
mod namespace;
mod packet;
mod sandbox;
mod sys;
mod topology;
mod tun;
mod watched;
mod worker;

use std::time::{Duration, Instant};

pub use command::{Command, Output, PlainConnect, Running};
pub use dns::Dns;
pub use listener::Listener;
pub use namespace::Netns;
pub use nix::errno::Errno;
pub use nix::sys::signal::Signal;
pub use packet::{ACK, Answer, FIN, PSH, Packet, RST, SYN, silence};
pub use sandbox::Sandbox;
pub use topology::{Addresses, Topology};
pub use tun::TunPeer;

/// So many milliseconds.
pub const fn ms(milliseconds: u64) -> Duration {
    Duration::from_millis(milliseconds)
}

/// The longest that any part of the lab waits for something that must come.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The instant at which that patience ends.
fn patience_ends() -> Instant {
    Instant::now() + PATIENCE
}
