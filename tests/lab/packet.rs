//! IP packets: what a connection attempt sent, and what to answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::tun::ROUTER;

/// TCP flags (RFC 9293 section 3.1).
pub const FIN: u8 = 0x01;
/// See [`FIN`].
pub const SYN: u8 = 0x02;
/// See [`FIN`].
pub const RST: u8 = 0x04;
/// See [`FIN`].
pub const PSH: u8 = 0x08;
/// See [`FIN`].
pub const ACK: u8 = 0x10;

const ICMP: u8 = 1;
const TCP: u8 = 6;
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// The first sequence number of the lab's end of each connection.
const FIRST_SEQUENCE: u32 = 1000;

/// A TCP or UDP packet without IP options or extension headers.
#[derive(Clone, Debug)]
pub struct Packet {
    /// The whole packet.
    pub bytes: Vec<u8>,
    /// Where it comes from.
    pub source: IpAddr,
    /// Where it goes.
    pub destination: IpAddr,
    /// For a SYN: 1 for the first, 2 for its first retransmission, and so on.
    pub nth: usize,
    protocol: u8,
    /// Where the TCP or UDP header starts.
    offset: usize,
}

impl Packet {
    /// `None` for what is neither TCP nor UDP.
    pub(super) fn parse(bytes: &[u8]) -> Option<Packet> {
        let v4 = |at: usize| Some(IpAddr::from(*bytes.get(at..)?.first_chunk::<4>()?));
        let v6 = |at: usize| Some(IpAddr::from(*bytes.get(at..)?.first_chunk::<16>()?));
        let (protocol, offset, source, destination, shortest) = match bytes.first()? >> 4 {
            4 => (*bytes.get(9)?, usize::from(bytes[0] & 15) * 4, v4(12)?, v4(16)?, 8),
            6 => (*bytes.get(6)?, 40, v6(8)?, v6(24)?, 8),
            _ => return None,
        };
        let shortest = if protocol == TCP { 20 } else { shortest };
        let known = [TCP, UDP].contains(&protocol) && bytes.len() >= offset + shortest;
        known.then(|| Packet { bytes: bytes.to_vec(), source, destination, nth: 0, protocol, offset })
    }

    /// The destination port.
    pub fn port(&self) -> u16 {
        self.u16(2)
    }

    /// The source port.
    pub fn source_port(&self) -> u16 {
        self.u16(0)
    }

    /// Whether it is UDP.
    pub fn is_udp(&self) -> bool {
        self.protocol == UDP
    }

    /// The TCP flags; none for UDP.
    pub fn flags(&self) -> u8 {
        if self.is_udp() { 0 } else { self.segment()[13] }
    }

    /// Whether it opens a connection: SYN and no ACK.
    pub fn is_syn(&self) -> bool {
        self.flags() & (SYN | ACK) == SYN
    }

    /// The TCP options.
    pub fn options(&self) -> &[u8] {
        if self.is_udp() { &[] } else { &self.segment()[20..self.header()] }
    }

    /// What comes after the header.
    pub fn data(&self) -> &[u8] {
        &self.segment()[self.header()..]
    }

    /// The time to live (IPv4) or hop limit (IPv6) that was left.
    pub fn ttl(&self) -> u8 {
        if self.destination.is_ipv4() { self.bytes[8] } else { self.bytes[7] }
    }

    /// Accepts the connection.
    pub fn syn_ack(&self) -> Answer {
        self.tcp(SYN | ACK)
    }

    /// Refuses the connection, or aborts it.
    pub fn reset(&self) -> Answer {
        self.tcp(RST | ACK)
    }

    /// Accepts the connection, then aborts it at once.
    pub fn syn_ack_then_reset(&self) -> Vec<Answer> {
        vec![self.syn_ack(), self.reset().sequence(FIRST_SEQUENCE + 1)]
    }

    /// A SYN that crosses this one (RFC 9293 section 3.5), then a reset: the kernel is in SYN-RECEIVED in between, whoever
    /// is faster.
    pub fn crossing_syn_then_reset(&self) -> Vec<Answer> {
        vec![self.tcp(SYN), self.reset().sequence(FIRST_SEQUENCE + 1)]
    }

    /// Accepts the connection, then closes this end of it.
    pub fn syn_ack_then_fin(&self) -> Vec<Answer> {
        vec![self.syn_ack(), self.tcp(FIN | ACK).sequence(FIRST_SEQUENCE + 1)]
    }

    /// Accepts the connection with a closed window, and opens it later.
    pub fn syn_ack_then_window(&self, bytes: u16, later: Duration) -> Vec<Answer> {
        let opened = self.tcp(ACK).sequence(FIRST_SEQUENCE + 1).window(bytes);
        vec![self.syn_ack().window(0), opened.after(later)]
    }

    /// A TCP segment that acknowledges this one, with these flags.
    pub fn tcp(&self, flags: u8) -> Answer {
        let syn_or_fin = u32::from(self.flags() & (SYN | FIN) != 0);
        let sequence = if self.is_syn() { FIRST_SEQUENCE } else { self.u32(8) };
        let acknowledged = self.u32(4).wrapping_add(syn_or_fin).wrapping_add(self.data().len() as u32);
        let mut segment = self.reversed_ports();
        segment.extend(sequence.to_be_bytes());
        segment.extend(acknowledged.to_be_bytes());
        // Header of five words, flags, window 65535, checksum to come, no urgent data.
        segment.extend([5 << 4, flags, 0xff, 0xff, 0, 0, 0, 0]);
        self.answer(self.destination, TCP, segment)
    }

    /// A UDP datagram back.
    pub fn udp(&self, data: &[u8]) -> Answer {
        let mut datagram = self.reversed_ports();
        datagram.extend((data.len() as u16 + 8).to_be_bytes());
        datagram.extend([0, 0]);
        datagram.extend(data);
        self.answer(self.destination, UDP, datagram)
    }

    /// An ICMP error of the packet's family about this packet, from 10.9.0.254 or fd09::fe.
    pub fn icmp(&self, kind: u8, code: u8) -> Answer {
        let mut message = vec![kind, code, 0, 0, 0, 0, 0, 0];
        message.extend(&self.bytes);
        match self.destination {
            IpAddr::V4(_) => self.answer(ROUTER.v4.into(), ICMP, message),
            IpAddr::V6(_) => self.answer(ROUTER.v6.into(), ICMPV6, message),
        }
    }

    fn answer(&self, from: IpAddr, protocol: u8, payload: Vec<u8>) -> Answer {
        Answer { from, to: self.source, protocol, payload, ttl: 64, after: Duration::ZERO }
    }

    fn reversed_ports(&self) -> Vec<u8> {
        [self.port().to_be_bytes(), self.source_port().to_be_bytes()].concat()
    }

    fn segment(&self) -> &[u8] {
        &self.bytes[self.offset..]
    }

    /// Length of the TCP or UDP header.
    fn header(&self) -> usize {
        if self.is_udp() { 8 } else { usize::from(self.segment()[12] >> 4) * 4 }
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_be_bytes([self.segment()[at], self.segment()[at + 1]])
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from(self.u16(at)) << 16 | u32::from(self.u16(at + 2))
    }
}

/// A packet to send back, and when. Checksums and the IP header are made when it is sent.
#[must_use]
#[derive(Clone, Debug)]
pub struct Answer {
    from: IpAddr,
    to: IpAddr,
    protocol: u8,
    payload: Vec<u8>,
    ttl: u8,
    pub(super) after: Duration,
}

/// No answer.
pub fn silence() -> Vec<Answer> {
    Vec::new()
}

impl Answer {
    /// Sent so long after the packet came.
    pub fn after(mut self, delay: Duration) -> Answer {
        self.after = delay;
        self
    }

    /// Another sender, of the same family.
    pub fn from(mut self, address: &str) -> Answer {
        self.from = address.parse().unwrap_or_else(|_| panic!("not an address: {address}"));
        assert_eq!(self.from.is_ipv4(), self.to.is_ipv4(), "a sender of the other family: {address}");
        self
    }

    /// Another time to live or hop limit than 64.
    pub fn ttl(mut self, ttl: u8) -> Answer {
        self.ttl = ttl;
        self
    }

    /// The ICMP message's second word: MTU (3/4 as low half, ICMPv6 2/0), pointer (12/0 in the first byte), gateway.
    pub fn info(self, word: u32) -> Answer {
        assert!([ICMP, ICMPV6].contains(&self.protocol), "not an ICMP message");
        self.patch(4, word)
    }

    /// Another TCP sequence number.
    pub fn sequence(self, number: u32) -> Answer {
        assert_eq!(self.protocol, TCP);
        self.patch(4, number)
    }

    /// Another TCP acknowledgement number.
    pub fn acknowledge(self, number: u32) -> Answer {
        assert_eq!(self.protocol, TCP);
        self.patch(8, number)
    }

    /// Another TCP window than 65535.
    pub fn window(mut self, bytes: u16) -> Answer {
        assert_eq!(self.protocol, TCP);
        self.payload[14..16].copy_from_slice(&bytes.to_be_bytes());
        self
    }

    /// Adds TCP options; a multiple of four bytes.
    pub fn options(mut self, options: &[u8]) -> Answer {
        assert_eq!((self.protocol, self.payload[12] >> 4, options.len() % 4), (TCP, 5, 0));
        self.payload.splice(20..20, options.iter().copied());
        self.payload[12] += (options.len() as u8 / 4) << 4;
        self
    }

    /// Adds data to a TCP segment.
    pub fn data(mut self, data: &[u8]) -> Answer {
        assert_eq!(self.protocol, TCP);
        self.payload.extend(data);
        self
    }

    fn patch(mut self, at: usize, word: u32) -> Answer {
        self.payload[at..at + 4].copy_from_slice(&word.to_be_bytes());
        self
    }

    /// The whole packet.
    pub(super) fn into_bytes(mut self) -> Vec<u8> {
        let at = match self.protocol {
            TCP => 16,
            UDP => 6,
            _ => 2,
        };
        let sum = match self.protocol {
            // ICMPv4 alone has no pseudo header (RFC 792).
            ICMP => checksum(&[&self.payload]),
            _ => checksum(&[&self.pseudo_header(), &self.payload]),
        };
        self.payload[at..at + 2].copy_from_slice(&sum.to_be_bytes());
        let mut packet = match (self.from, self.to) {
            (IpAddr::V4(from), IpAddr::V4(to)) => self.v4_header(from, to),
            (IpAddr::V6(from), IpAddr::V6(to)) => self.v6_header(from, to),
            _ => unreachable!("one family: see Answer::from"),
        };
        packet.extend(self.payload);
        packet
    }

    /// RFC 791 section 3.1.
    fn v4_header(&self, from: Ipv4Addr, to: Ipv4Addr) -> Vec<u8> {
        let mut header = vec![0x45, 0];
        header.extend((20 + self.payload.len() as u16).to_be_bytes());
        header.extend([0, 0, 0, 0, self.ttl, self.protocol, 0, 0]);
        header.extend(from.octets());
        header.extend(to.octets());
        let sum = checksum(&[&header]);
        header[10..12].copy_from_slice(&sum.to_be_bytes());
        header
    }

    /// RFC 8200 section 3.
    fn v6_header(&self, from: Ipv6Addr, to: Ipv6Addr) -> Vec<u8> {
        let mut header = vec![0x60, 0, 0, 0];
        header.extend((self.payload.len() as u16).to_be_bytes());
        header.extend([self.protocol, self.ttl]);
        header.extend(from.octets());
        header.extend(to.octets());
        header
    }

    /// RFC 9293 section 3.1, RFC 8200 section 8.1; the fields are summed, so that their widths do not matter.
    fn pseudo_header(&self) -> Vec<u8> {
        let mut header = Vec::new();
        for address in [self.from, self.to] {
            match address {
                IpAddr::V4(address) => header.extend(address.octets()),
                IpAddr::V6(address) => header.extend(address.octets()),
            }
        }
        header.extend((self.payload.len() as u32).to_be_bytes());
        header.extend([0, 0, 0, self.protocol]);
        header
    }
}

/// RFC 1071; all parts but the last have an even length.
fn checksum(parts: &[&[u8]]) -> u16 {
    let words = parts.iter().flat_map(|part| part.chunks(2));
    let sum: u32 = words.map(|word| u32::from(word[0]) << 8 | u32::from(*word.get(1).unwrap_or(&0))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    !((folded & 0xffff) + (folded >> 16)) as u16
}
