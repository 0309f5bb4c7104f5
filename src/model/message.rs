//! One ICMP message.

use std::net::IpAddr;
use std::time::Duration;

/// One ICMP error message about our packet, as the system handed it to us.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Icmp {
    /// Who sent it.
    pub from: IpAddr,
    /// ICMPv6 (true) or ICMPv4.
    pub v6: bool,
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
