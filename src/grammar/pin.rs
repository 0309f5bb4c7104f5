//! The two options that carry addresses: `--resolve` and `--source`.

use super::ports::number;
use super::{Grammar, Invalid, quote, split};
use crate::model::{Address, Host};

/// A name that is not asked of the resolver: `--resolve HOST:PORT:ADDR[,ADDR]`, as curl has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pin {
    /// A-labels, lower case, no final dot; compared by [`Pin::holds_for`].
    host: String,
    port: u16,
    /// At least one, in the order written.
    pub addresses: Vec<Address>,
}

impl Pin {
    /// Whether both are for the same name and port.
    pub fn is_for_the_same(&self, other: &Pin) -> bool {
        (&self.host, self.port) == (&other.host, other.port)
    }

    /// Whether it is for this name (A-labels; case and final dot do not count) and port.
    pub fn holds_for(&self, ascii: &str, port: u16) -> bool {
        self.port == port && self.host.eq_ignore_ascii_case(ascii.strip_suffix('.').unwrap_or(ascii))
    }
}

/// Where sockets are bound to before they connect: `--source ADDR[:PORT]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// The local address.
    pub address: Address,
    /// The local port; the system's choice when `None`.
    pub port: Option<u16>,
}

impl Grammar<'_> {
    /// Reads `HOST:PORT:ADDR[,ADDR]`; an IPv6 ADDR with or without brackets.
    ///
    /// # Errors
    /// The text is refused.
    pub fn pin(&self, text: &str) -> Result<Pin, Invalid> {
        let mut parts = text.splitn(3, ':');
        let (Some(host), Some(port), Some(addresses)) = (parts.next(), parts.next(), parts.next()) else {
            let hint = "write HOST:PORT:ADDR[,ADDR], as in db.example:5432:10.0.0.5";
            return Err(Invalid::new(format!("{} pins nothing", quote(text)), hint));
        };
        let Host::Name { ascii, .. } = self.host(host)? else {
            let hint = "only a name is pinned to addresses; use the other address as the target";
            return Err(Invalid::new(format!("{} is an address already", quote(host)), hint));
        };
        let host = ascii.strip_suffix('.').unwrap_or(&ascii).to_ascii_lowercase();
        let addresses = addresses.split(',').map(|address| self.address(address)).collect::<Result<_, _>>()?;
        Ok(Pin { host, port: number(port)?, addresses })
    }

    /// Reads `ADDR`, `IPv4:PORT` or `[IPv6]:PORT`.
    ///
    /// # Errors
    /// The text is refused.
    pub fn source(&self, text: &str) -> Result<Source, Invalid> {
        // Unlike a target, a source may go without a port, so a bare IPv6 address has but one reading.
        let bare = !text.starts_with('[') && text.matches(':').count() > 1;
        let (address, port) = if bare { (text, None) } else { split(text)? };
        Ok(Source { address: self.address(address)?, port: port.map(number).transpose()? })
    }
}
