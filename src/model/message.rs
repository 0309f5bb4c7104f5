//! One ICMP message.

use std::net::IpAddr;
use std::time::Duration;

use super::Family;

/// One ICMP error message about our packet, as the system handed it to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Icmp {
    /// Who sent it.
    pub from: IpAddr,
    /// ICMP or ICMPv6.
    pub family: Family,
    /// ICMP type.
    pub kind: u8,
    /// ICMP code.
    pub code: u8,
    /// Next-hop MTU or parameter pointer, zero otherwise.
    pub info: u32,
    /// Arrival of the first one, since the attempt's start.
    pub at: Option<Duration>,
    /// How many such messages came.
    pub count: u32,
    /// Whether it ended the attempt.
    pub decisive: bool,
}
