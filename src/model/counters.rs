//! What this machine's network counted.

use std::time::Instant;

/// Counters of the network namespace as they stood at an instant. Everybody's packets move them. One that this system does
/// not have stays at zero.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counters {
    /// When they were read.
    pub at: Instant,
    /// TCP segments sent again, read before the others and after them.
    pub resent: [i64; 2],
    /// Of those, the ones that did not leave this machine.
    pub resent_in_vain: i64,
    /// SYN segments sent again.
    pub syns_resent: i64,
    /// Packets that the reverse-path filter dropped. It is for IPv4 alone.
    pub reverse_path: i64,
    /// Packets to this machine alone that came and were neither delivered nor forwarded, of IPv4 and of IPv6. Packets to
    /// groups are not told apart by whether they were delivered: those that were make it smaller.
    pub undelivered: [i64; 2],
}
